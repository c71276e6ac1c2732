"""Scanners are killed with SIGKILL at every await, and between their deaths the matcher goes on and
the chain loses blocks; in the end exactly that was found and told which was there all along."""

from __future__ import annotations

import random

import pytest

from tests.crashing import points, preload, start
from tests.monitors.scans import stages
from tests.monitors.scans.rig import Rig
from tests.monitors.scans.watching import KINDS
from tests.pipeline import orders
from tests.pipeline.stages import Facts

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

preload(stages.__name__)

SEED = 5


@pytest.fixture
def first():
    """From which block on each monitor looks."""
    return {}


async def begun(database, seed):
    await orders.project(database)
    chain, weather = stages.chain_of(seed, 0)
    rig = Rig(database, chain, Facts())
    await rig.start()
    await rig.follow()
    await rig.match()
    return rig, weather


async def come(rig, first, chance, round_):
    """One monitor of each kind."""
    for id, watching in KINDS.items():
        own = f"{id}_{round_}"
        first[own] = max(0, rig.chain.tip.number - chance.randint(-2, stages.BLOCKS))
        await watching.create(rig.database, own, from_block=first[own])


async def judge(rig, first):
    rig.chain.grow(stages.BLOCKS)
    for _ in range(3):
        await rig.rest()
    assert {scan["state"] for scan in await rig.scans()} == {"done"}
    found = 0
    for id, number in first.items():
        found += await rig.check(id, KINDS[id.rpartition("_")[0]], number)
    assert found > 50


async def test_at_every_place(database, database_url, tmp_path, first):
    """Each chain of calls that leads to an await is one."""
    rig, weather = await begun(database, SEED)
    chance = random.Random(SEED)
    met: set[str] = set()
    turns = 0
    for round_ in range(3):
        await come(rig, first, chance, round_)
        weather.turn()
        turns += 1
        await rig.follow()
        await rig.matcher.step(2)
        while True:
            child = start(
                stages.scan, [database_url, SEED, turns], spare=met, note=tmp_path / "note"
            )
            assert child.join()
            if not child.was_killed:
                break
            assert child.place is not None
            met.add(child.place)
            await rig.matcher.step(1)
            if chance.random() < 0.3:
                weather.turn()
                turns += 1
                await rig.worker.step()
        await rig.follow()
        await rig.match()
    await judge(rig, first)
    own = {place for place in met if "monitors/scans.py" in place}
    print(f"killed at {len(met)} places, {len(own)} of them in scans")
    for name in ("_write", "_plain", "_windowed", "_read", "_range", "_take"):
        assert any(f" {name}" in place for place in own), name
    assert len(own) >= 50


async def test_at_many_moments(database, database_url, first):
    """A place may be met often in one run: here each time is another one."""
    rig, weather = await begun(database, SEED + 1)
    chance = random.Random(SEED + 1)
    turns = killed = 0
    for round_ in range(2):
        await come(rig, first, chance, round_)
        weather.turn()
        turns += 1
        await rig.follow()
        await rig.match()
        places = {"first": 2 + round_, "step": 4}
        for _ in points(stages.scan, [database_url, SEED + 1, turns], **places):
            killed += 1
    await judge(rig, first)
    print(f"killed {killed} times")
    assert killed >= 20
