"""The tool that kills: it reaches every point, and only those."""

from __future__ import annotations

import asyncio

import pytest

from donablock.store.database import Database
from tests.crashing import StageFailed, crash, points, start


async def three_waits(path):
    for number in range(3):
        with open(path, "a") as file:
            file.write(f"{number}")
        await asyncio.sleep(0)


async def two_tasks(path):
    async def one(letter):
        for _ in range(2):
            with open(path, "a") as file:
                file.write(letter)
            await asyncio.sleep(0)

    await asyncio.gather(one("a"), one("b"))


async def fails():
    raise ValueError("on purpose")


def test_every_point_is_reached_once(tmp_path):
    path = tmp_path / "written"
    left = []
    for at in points(three_waits, [str(path)]):
        left.append((at, path.read_text()))
        path.unlink()
    assert left == [(1, "0"), (2, "01"), (3, "012")]


def test_other_tasks_count_too(tmp_path):
    path = tmp_path / "written"
    found = set()
    for _ in points(two_tasks, [str(path)]):
        found.add(path.read_text() if path.exists() else "")
        path.unlink(missing_ok=True)
    assert {"a", "ab", "aba", "abab"} <= found


def test_an_end_is_no_crash(tmp_path):
    assert not crash(three_waits, [str(tmp_path / "written")])
    assert (tmp_path / "written").read_text() == "012"


def test_an_error_is_no_crash():
    with pytest.raises(StageFailed, match="ended with 1"):
        crash(fails)


async def opens(url):
    async with Database.opened(url, connections=1) as database, database.connection() as one:
        await one.fetchval("SELECT 1")


def test_every_place_is_named_and_met_once(tmp_path, database_url):
    met = []
    while True:
        child = start(opens, [database_url], spare=frozenset(met), note=tmp_path / "note")
        assert child.join()
        if not child.was_killed:
            break
        assert child.place is not None
        met.append(child.place)
    assert len(met) == len(set(met))
    assert child.place is None, "whoever comes to an end leaves no note"
    within = [place.split(" > ") for place in met]
    # through context managers too, down to the await itself
    asks = [calls for calls in within if calls[-1].endswith(" _check_server")]
    assert asks and all(" opened" in calls[0] and " open" in calls[1] for calls in asks)
    assert any(calls[-1].endswith(" connection") for calls in within)
