"""Everything at once: what is asked for at the same time waits for one another, and never for each
other: no deadlock, which would cost a second and a repetition."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from donablock.errors import InputError
from tests.pipeline.model import ANNA, BEN, CARA, transfer

pytestmark = pytest.mark.asyncio


async def test_nothing_waits_for_each_other(service, line):
    endpoint = await service.endpoint()
    registry, project = service.registry, service.project
    monitors = [
        await service.monitor(f"m{n}", addresses=[ANNA], endpoint_id=endpoint) for n in range(6)
    ]

    async def match():
        for salt in range(12):
            line.chain.append([transfer(BEN, ANNA, 1, salt=salt)])
            await line.rest(limit=1)

    async def change(monitor):
        for turn in range(6):
            await registry.update(project, monitor.id, note=str(turn))
            await registry.add_addresses(project, monitor.id, [BEN, CARA])
            await registry.remove_addresses(project, monitor.id, [CARA, ANNA])
            await service.monitor(f"more {turn}", addresses=[ANNA], endpoint_id=endpoint)
            await service.limit(messages_per_month=turn)

    async def end():
        await asyncio.sleep(0.3)
        for monitor in monitors[:3]:
            await registry.delete(project, monitor.id)
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.2)
        await service.projects.delete(project)

    with capture_logs() as logs:
        done = await asyncio.gather(
            match(), end(), *(change(monitor) for monitor in monitors), return_exceptions=True
        )
    assert done[:2] == [None, None]
    assert all(one is None or isinstance(one, InputError) for one in done), done
    assert not _tried_again(logs)


def _tried_again(logs):
    return [one for one in logs if one["event"] == "transaction is tried again"]


_FIRST = "SELECT active_from_block FROM monitor_addresses WHERE monitor_id = $1 ORDER BY address"


async def test_a_matcher_takes_up_addresses_in_the_order_in_which_they_are_removed(service, line):
    monitor = await service.monitor(addresses=[ANNA])
    await line.block()
    # found in another order than theirs, by their revisions
    await service.registry.add_addresses(service.project, monitor.id, [CARA])
    await service.registry.add_addresses(service.project, monitor.id, [BEN])
    line.chain.append([transfer(ANNA, BEN, 1)])
    lock = "SELECT FROM monitor_addresses WHERE address = $1 FOR NO KEY UPDATE"
    with capture_logs() as logs:
        async with service.database.transaction() as connection:
            await connection.execute(lock, bytes.fromhex(BEN[2:]))
            matching = asyncio.create_task(line.rest())
            while not await service.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.01)
            await connection.execute(lock, bytes.fromhex(CARA[2:]))
        await matching
    assert not _tried_again(logs)
    assert [row["active_from_block"] for row in await service.rows(_FIRST, monitor.id)] == [1, 2, 2]
