"""A deliverer as a stage that `tests.crashing` runs in a child and kills."""

from __future__ import annotations

import asyncio

from donablock import telemetry
from donablock.monitors.breaker import Breaker
from donablock.monitors.deliverer import Deliverer, Limits
from donablock.monitors.deliveries import Deliveries
from donablock.monitors.guard import Policy
from donablock.monitors.schedule import Schedule
from donablock.monitors.sending import Limits as SendingLimits
from donablock.monitors.sending import Sender
from donablock.store.database import Database

LEASE = 1.0
SENDING = SendingLimits(names=0.2, connect=0.2, total=0.5, body=0.2)


async def deliver(url: str, seconds: float) -> None:
    """Delivers until nothing is left that is not at its end, for so many seconds at most."""
    telemetry.set_up(level="error")
    async with (
        Database.opened(url, connections=4) as database,
        Sender(Policy.of(["127.0.0.0/8"], is_http_allowed=True), SENDING) as sender,
    ):
        queue = Deliveries(
            database,
            lease=LEASE,
            longest=SENDING.longest,
            schedule=Schedule(waits=(0.02,) * 9, jitter=0.0),
            breaker=Breaker(failures=1_000),
        )
        limits = Limits(in_flight=8, breath=0.001, idle=0.05, take_up=0.05, grace=1.0)
        deliverer = Deliverer(queue, sender, limits)
        role = asyncio.create_task(deliverer.run())
        deadline = asyncio.get_running_loop().time() + seconds
        while not role.done() and asyncio.get_running_loop().time() < deadline:
            async with database.connection() as connection:
                if not await connection.fetchval(
                    "SELECT EXISTS (SELECT FROM deliveries WHERE state IN (1, 2))"
                ):
                    break
            await asyncio.sleep(0.01)
        deliverer.stop()
        await role
