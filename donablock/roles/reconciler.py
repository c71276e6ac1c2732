"""The role that compares what was read with what was done with it, and counts what waits."""

from __future__ import annotations

from donablock.monitors.backlog import Backlog
from donablock.monitors.reconciler import Reconciler
from donablock.roles.context import Context


async def run(context: Context) -> None:
    """Until it is cancelled."""
    await Reconciler(context.database).run()


async def count(context: Context) -> None:
    """Until it is cancelled."""
    await Backlog(context.database).run()
