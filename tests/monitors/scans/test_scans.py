"""Live and scan together find what a monitor finds that was there all along, once."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import pytest_asyncio

from donablock.errors import NodeError
from donablock.monitors import matcher as matcher_module
from donablock.monitors import scans as scans_module
from donablock.monitors import window_store
from tests.monitors.scans.rig import Nodes, Rig, Weather
from tests.monitors.scans.watching import KINDS, PLAIN, WINDOWED, Watching, grow
from tests.pipeline import orders
from tests.pipeline.model import ANNA, BEN, CARA, transfer
from tests.pipeline.stages import Facts

pytestmark = pytest.mark.asyncio

ANNAS = Watching({}, (ANNA,))
SUM = Watching({"window": "sum(value) over 1 minute >= 3"}, (ANNA,))


@pytest_asyncio.fixture
async def rig(database):
    await orders.project(database)
    return Rig(database, Nodes(), Facts())


def pay(chain, blocks, value=1, to=ANNA):
    """A transfer in each of some blocks."""
    for _ in range(blocks):
        chain.append([transfer(BEN, to, value, salt=len(chain.canonical))])


# --- what is found --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(16))
async def test_live_and_scan_find_what_was_there_all_along(rig, seed, monkeypatch):
    """Monitors of all kinds come at any time and look from any block on, past or to come, while
    worker, matcher and scanner go on by turns, begin anew, and the chain loses blocks."""
    depth = 16
    for module in (scans_module, window_store):
        monkeypatch.setattr(module, "FINAL", depth)
    monkeypatch.setattr(matcher_module, "PRUNED", 5)
    chance = random.Random(seed)
    monkeypatch.setattr(scans_module, "BATCH", chance.choice([2, 7]))
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", chance.choice([1, 5]))
    rig.facts = replace(Facts(), confirmations=chance.choice([1, 2, 9]))
    rig.again()
    grow(rig.chain, chance, 30)
    weather = Weather(rig.chain, chance, depth)
    await rig.start(chance.choice([0, 0, 22, 30]))
    kinds = [(f"{id}_{count}", one) for id, one in KINDS.items() for count in range(2)]
    chance.shuffle(kinds)
    first = {}
    for _ in range(200):
        what = chance.random()
        if what < 0.3:
            weather.turn()
        elif what < 0.4:
            await rig.worker.step()
        elif what < 0.55:
            await rig.matcher.step(chance.choice([1, 2, 9]))
        elif what < 0.85:
            await rig.scanner.step()
        elif what < 0.86:
            rig.again()
        elif kinds:
            id, watching = kinds.pop()
            near = chance.random() < 0.8
            first[id] = max(0, rig.chain.tip.number - chance.randint(-4, 12 if near else 99))
            await watching.create(rig.database, id, from_block=first[id])
    weather.turn()
    grow(rig.chain, chance, depth + 6)
    for _ in range(3):
        await rig.rest()
    assert {scan["state"] for scan in await rig.scans()} == {"done"}
    found = 0
    for id, number in first.items():
        found += await rig.check(id, KINDS[id.rpartition("_")[0]], number)
    assert found > 100
