"""The role that matches a chain's blocks."""

from __future__ import annotations

import asyncio

from donablock.monitors.deliverer import calm_collector
from donablock.monitors.matcher import Matcher
from donablock.roles.chains import Followed
from donablock.roles.context import Context
from donablock.store.opening import opened_stream

_BUILT_EVERY = 1.0


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


async def _freeze(matcher: Matcher) -> None:
    """Once the index is built, the collector need not look through it again and again."""
    while matcher.roster.revision == 0:
        await asyncio.sleep(_BUILT_EVERY)
    calm_collector()
