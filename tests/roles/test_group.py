"""Which ends of a process the group mends, and which end the group. Its real processes are started,
killed and started again in test_up.py; here small ones end with the code that they are given."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import Sequence

import pytest

from donablock.errors import InputError
from donablock.roles import group
from donablock.roles.group import Group, GroupError, Member
from donablock.settings import Settings

STAYS = -1
NO_MEMORY = -2


class Ending(Member):
    """Ends with one code after the other, and then stays. With NO_MEMORY it does not even begin."""

    def __init__(self, codes: Sequence[int]) -> None:
        super().__init__("one", ("worker",), {}, "127.0.0.1:1")
        self.codes = list(codes)
        self.stays = asyncio.Event()

    async def start(self) -> None:
        code = self.codes.pop(0) if self.codes else STAYS
        if code == NO_MEMORY:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        does = "import time; time.sleep(600)" if code == STAYS else f"raise SystemExit({code})"
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-c", does)
        if code == STAYS:
            self.stays.set()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(group, "_FIRST_PAUSE", 0.001)


async def ran(*codes: int) -> Ending:
    """A group of one that ends with these codes, stopped once its process stays."""
    member = Ending(codes)
    one = Group(Settings(), (), (member,))

    async def stop() -> None:
        await member.stays.wait()
        one.stopping.set()

    stopping = asyncio.create_task(stop())
    try:
        async with asyncio.timeout(60):
            await one.run(lambda: None)
    finally:
        stopping.cancel()
    return member


@pytest.mark.asyncio
async def test_what_somebody_has_to_correct_ends_the_group_at_the_first_start():
    with pytest.raises(InputError, match="the one process cannot run: its line above says why"):
        await ran(2)


@pytest.mark.asyncio
@pytest.mark.parametrize("codes", [(1, 2), (1, 2, 2, 2, 2), (0,), (70, NO_MEMORY, 1)])
async def test_one_that_ends_is_started_again(codes):
    member = await ran(*codes)
    assert not member.codes and member.ends == len(codes)


@pytest.mark.asyncio
async def test_one_that_ends_again_and_again_ends_the_group():
    with pytest.raises(GroupError, match="ended 6 times in a row"):
        await ran(*[1] * 6)
