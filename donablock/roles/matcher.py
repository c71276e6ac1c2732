"""The role that matches a chain's blocks, those that come and those from before a monitor."""

from __future__ import annotations

import asyncio

import structlog

from donablock.monitors.deliverer import calm_collector
from donablock.monitors.matcher import Matcher
from donablock.monitors.scans import Scanner
from donablock.roles.chains import Followed
from donablock.roles.context import Context
from donablock.store.opening import opened_stream

_BUILT_EVERY = 1.0

_log = structlog.get_logger(__name__)


async def run(context: Context, followed: Followed) -> None:
    """Until it is cancelled."""
    await context.until_followed(followed.chain_id)
    async with opened_stream(context.database, context.settings) as stream:
        matcher = Matcher(context.database, stream, followed.chain)
        freezing = asyncio.create_task(_freeze(matcher))
        try:
            await matcher.run()
        finally:
            freezing.cancel()


async def scan(context: Context, followed: Followed) -> None:
    """Until it is cancelled. Returns at once where there is no node to read old blocks from."""
    if not followed.urls:
        _log.warning("without a node nothing is scanned", chain=followed.chain_id)
        return
    await context.until_followed(followed.chain_id)
    await Scanner(context.database, context.source(followed), followed.chain).run()


async def _freeze(matcher: Matcher) -> None:
    """Once the index is built, the collector need not look through it again and again."""
    while matcher.roster.revision == 0:
        await asyncio.sleep(_BUILT_EVERY)
    calm_collector()
