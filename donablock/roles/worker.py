"""The role that follows a chain, and throws away what every reader of the stream is past."""

from __future__ import annotations

import asyncio

import structlog

from donablock.errors import ChainError, DatabaseError, HaltedError
from donablock.monitors.worker import Worker
from donablock.roles.chains import Followed
from donablock.roles.context import Context
from donablock.store import stream

_PRUNE_EVERY = 60.0
_BEGIN_EVERY = 5.0
_RESUME_EVERY = 2.0

_log = structlog.get_logger(__name__)


async def run(context: Context, followed: Followed) -> None:
    """Until it is cancelled. A chain that has halted is told of, and waits for `resume`."""
    source = context.source(followed)
    context.needed.add(followed.chain_id)
    worker = Worker(context.database, source, followed.chain, start=followed.start)
    pruning = asyncio.create_task(_prune(context, followed.chain_id))
    try:
        while True:
            try:
                return await worker.run()
            except HaltedError as error:
                await _until_resumed(context, followed.chain_id, str(error))
            except ChainError as error:
                # nodes that are away when a chain is followed for the first time
                _log.warning("chain cannot be begun", chain=followed.chain_id, because=str(error))
                await asyncio.sleep(_BEGIN_EVERY)
    finally:
        pruning.cancel()


async def _until_resumed(context: Context, chain_id: int, because: str) -> None:
    name = f"worker of chain {chain_id}"
    context.faults[name] = because
    _log.error("chain has halted", chain=chain_id, because=because, mend="`donablock resume`")
    while await _is_halted(context, chain_id):
        await asyncio.sleep(_RESUME_EVERY)
    del context.faults[name]
    _log.info("chain goes on", chain=chain_id)


async def _is_halted(context: Context, chain_id: int) -> bool:
    try:
        async with context.database.connection() as connection:
            found = await connection.fetchval(
                "SELECT halted_because FROM chains WHERE chain_id = $1", chain_id
            )
    except DatabaseError as error:
        _log.warning("database is waited for", because=str(error))
        return True
    return found is not None


async def _prune(context: Context, chain_id: int) -> None:
    while True:
        await asyncio.sleep(_PRUNE_EVERY)
        try:
            await stream.prune(context.database, chain_id, context.settings.stream_retention)
        except DatabaseError as error:
            _log.warning("what was read has to wait", because=str(error))
