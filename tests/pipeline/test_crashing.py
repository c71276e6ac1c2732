"""The tool that kills: it reaches every point, and only those."""

from __future__ import annotations

import asyncio

import pytest

from tests.crashing import StageFailed, crash, points


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
