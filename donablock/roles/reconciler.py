"""The role that compares what was read with what was done with it."""

from __future__ import annotations

from donablock.monitors.reconciler import Reconciler
from donablock.roles.context import Context


async def run(context: Context) -> None:
    """Until it is cancelled."""
    await Reconciler(context.database).run()
