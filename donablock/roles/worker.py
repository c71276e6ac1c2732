"""The role that follows a chain, and throws away what every reader of the stream is past."""

from __future__ import annotations

import asyncio

import structlog

from donablock.errors import DatabaseError
from donablock.monitors.worker import Worker
from donablock.roles.chains import Followed
from donablock.roles.context import Context
from donablock.store import stream

_PRUNE_EVERY = 60.0

_log = structlog.get_logger(__name__)


async def run(context: Context, followed: Followed) -> None:
    """Until it is cancelled. Raises HaltedError where a person has to decide."""
    worker = Worker(
        context.database, context.source(followed), followed.chain, start=followed.start
    )
    pruning = asyncio.create_task(_prune(context, followed.chain_id))
    try:
        await worker.run()
    finally:
        pruning.cancel()


async def _prune(context: Context, chain_id: int) -> None:
    while True:
        await asyncio.sleep(_PRUNE_EVERY)
        try:
            await stream.prune(context.database, chain_id, context.settings.stream_retention)
        except DatabaseError as error:
            _log.warning("what was read has to wait", because=str(error))
