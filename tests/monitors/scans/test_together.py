"""Matcher, scanners and people who change monitors at the same time: nobody waits for ever, and
nothing is found twice or missed."""

from __future__ import annotations

import asyncio
import random

import pytest
import structlog

from donablock.chain.chains import chain_of
from donablock.monitors import scans as scans_module
from donablock.monitors.registry import MonitorSpec, Registry
from donablock.monitors.scans import Scanner
from tests.monitors.scans.rig import Nodes, Rig
from tests.monitors.scans.watching import KINDS, grow
from tests.pipeline import orders
from tests.pipeline.stages import Facts

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

ROUNDS = 15
NOBODY = "0x" + "99" * 20


async def test_all_at_once(database, monkeypatch):
    monkeypatch.setattr(scans_module, "BATCH", 3)
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", 2)
    chance = random.Random(3)
    await orders.project(database)
    rig = Rig(database, Nodes(), Facts())
    grow(rig.chain, chance, 20)
    await rig.start()
    await rig.rest()
    registry = Registry(database, {31337: chain_of(31337)})
    first: dict[str, tuple[str, int]] = {}
    is_over = asyncio.Event()

    async def always(step):
        while not is_over.is_set():
            await step()
            await asyncio.sleep(0.005)

    async def chain():
        for _ in range(ROUNDS):
            grow(rig.chain, chance, 2)
            await asyncio.sleep(0.03)
            if chance.random() < 0.4:
                rig.chain.cut(chance.randint(1, 4))
                grow(rig.chain, chance, 5)

    async def people():
        for kind, watching in KINDS.items():
            number = chance.randint(0, rig.chain.tip.number)
            row = await registry.create(
                "pr_one",
                MonitorSpec(
                    31337,
                    "one",
                    watching.category,
                    watching.direction,
                    **dict(watching.definition),
                    endpoint_id="ep_one",
                    from_block=number,
                    addresses=watching.addresses,
                ),
            )
            first[row.id] = (kind, number)
            await asyncio.sleep(0.02)
            for _ in range(3):
                id = chance.choice(list(first))
                await registry.update("pr_one", id, name=f"name {chance.random()}")
                if KINDS[first[id][0]].addresses:
                    await registry.add_addresses("pr_one", id, [NOBODY])
                    await registry.remove_addresses("pr_one", id, [NOBODY])

    others = [Scanner(database, rig.chain, rig.facts, pause=0) for _ in range(2)]
    with structlog.testing.capture_logs() as said:
        working = [
            asyncio.create_task(always(one))
            for one in (rig.worker.step, rig.matcher.step, *(other.step for other in others))
        ]
        await asyncio.gather(chain(), people())
        is_over.set()
        await asyncio.gather(*working)
    assert [one for one in said if one["event"] == "transaction is tried again"] == []
    grow(rig.chain, chance, 20)
    for _ in range(3):
        await rig.rest()
    assert {scan["state"] for scan in await rig.scans()} == {"done"}
    found = 0
    for id, (kind, number) in first.items():
        found += await rig.check(id, KINDS[kind], number)
    assert found > 100
