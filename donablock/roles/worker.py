"""The role that follows a chain, and throws away what every reader of the stream is past."""

from __future__ import annotations

import asyncio

import structlog

from donablock.errors import ChainError, DatabaseError
from donablock.monitors.worker import Worker
from donablock.roles.chains import Followed
from donablock.roles.context import Context
from donablock.store import stream

_PRUNE_EVERY = 60.0
_BEGIN_EVERY = 5.0

_log = structlog.get_logger(__name__)


async def run(context: Context, followed: Followed) -> None:
    """Until it is cancelled. Raises HaltedError where a person has to decide."""
    source = context.source(followed)
    context.needed.add(followed.chain_id)
    worker = Worker(context.database, source, followed.chain, start=followed.start)
    pruning = asyncio.create_task(_prune(context, followed.chain_id))
    try:
        while True:
            try:
                return await worker.run()
            except ChainError as error:
                # nodes that are away when a chain is followed for the first time
                _log.warning("chain cannot be begun", chain=followed.chain_id, because=str(error))
                await asyncio.sleep(_BEGIN_EVERY)
    finally:
        pruning.cancel()


async def _prune(context: Context, chain_id: int) -> None:
    while True:
        await asyncio.sleep(_PRUNE_EVERY)
        try:
            await stream.prune(context.database, chain_id, context.settings.stream_retention)
        except DatabaseError as error:
            _log.warning("what was read has to wait", because=str(error))
