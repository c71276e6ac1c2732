"""The role that keeps a chain's events of our own contracts as rows."""

from __future__ import annotations

from donablock.monitors.projections import Projections
from donablock.roles.chains import Followed
from donablock.roles.context import Context
from donablock.store.opening import opened_stream


async def run(context: Context, followed: Followed) -> None:
    """Until it is cancelled. Without a node it cannot read again what the stream has no more."""
    await context.until_followed(followed.chain_id)
    source = context.source(followed) if followed.urls else None
    async with opened_stream(context.database, context.settings) as stream:
        await Projections(context.database, stream, followed.chain, source=source).run()
