"""The role that sends webhooks, and throws away old deliveries."""

from __future__ import annotations

import asyncio

import structlog

from donablock.errors import DatabaseError
from donablock.monitors.deliverer import Deliverer, Limits, calm_collector
from donablock.monitors.deliveries import Deliveries
from donablock.monitors.guard import Policy
from donablock.monitors.retention import prune
from donablock.monitors.sending import Sender, allow_many_connections
from donablock.roles.context import Context

LEASE = 60.0
"""Seconds that a delivery is ours: three times what an attempt takes at most."""

_PRUNE_EVERY = 3_600.0

_log = structlog.get_logger(__name__)


async def run(context: Context) -> None:
    """Until `context.stopping`; what is under way is then finished or given back."""
    allow_many_connections()
    async with Sender(Policy.configured(context.settings)) as sender:
        queue = Deliveries(context.database, lease=LEASE, longest=sender.limits.longest)
        deliverer = Deliverer(queue, sender, Limits(grace=context.settings.stop_seconds))
        pruning = asyncio.create_task(_prune(context))
        stopping = asyncio.create_task(_stop(context, deliverer))
        calm_collector()
        try:
            await deliverer.run()
        finally:
            pruning.cancel()
            stopping.cancel()


async def _stop(context: Context, deliverer: Deliverer) -> None:
    await context.stopping.wait()
    deliverer.stop()


async def _prune(context: Context) -> None:
    while True:
        try:
            count = await prune(context.database)
            if count:
                _log.info("old deliveries were thrown away", deliveries=count)
        except DatabaseError as error:
            _log.warning("old deliveries have to wait", because=str(error))
        await asyncio.sleep(_PRUNE_EVERY)
