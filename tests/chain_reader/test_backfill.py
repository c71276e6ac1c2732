"""Reading ahead: in order, bounded, and ended when the reader ends."""

from __future__ import annotations

import asyncio

import pytest

from donablock.chain.backfill import PartSize, read_ahead
from donablock.chain.blocks import Block
from tests.chain_reader.fake_chain import FakeBlock, FakeTransaction, address

pytestmark = pytest.mark.asyncio

WORD = "0x" + "11" * 32


def block(number: int, *, size: int = 0) -> Block:
    """`size`: about how many bytes a node's answers about it have."""
    if not size:
        return Block(1, number, WORD, WORD, 0, ())
    one = FakeTransaction(address("a"), address("b"), 0, "0x" + "ab" * (size // 2))
    return FakeBlock(1, None, number, 0, [one], 0).expected()


async def test_parts_come_in_order_though_later_ones_are_ready_first() -> None:
    async def fetch(part: range) -> list[Block]:
        await asyncio.sleep(0.001 * (50 - part.start))
        return [block(number) for number in part]

    found = [one.number async for one in read_ahead(fetch, range(3, 50), PartSize(first=5), 4)]
    assert found == list(range(3, 50))


async def test_no_more_parts_are_under_way_than_allowed() -> None:
    under_way = most = 0

    async def fetch(part: range) -> list[Block]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return [block(number) for number in part]

    assert len([one async for one in read_ahead(fetch, range(40), PartSize(first=1), 3)]) == 40
    assert most == 3


async def test_what_fails_is_raised_in_its_place_and_the_rest_is_given_up() -> None:
    cancelled: list[int] = []

    async def fetch(part: range) -> list[Block]:
        if part.start == 2:
            raise OSError("a fault")
        try:
            await asyncio.sleep(0 if part.start == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(part.start)
            raise
        return [block(number) for number in part]

    found = []
    with pytest.raises(OSError, match="a fault"):
        async for one in read_ahead(fetch, range(100), PartSize(first=2), 4):
            found.append(one.number)
    assert found == [0, 1]
    assert cancelled and 0 not in cancelled


async def test_a_reader_that_stops_ends_what_is_under_way() -> None:
    ended = asyncio.Event()

    async def fetch(part: range) -> list[Block]:
        if part.start:
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()
        return [block(number) for number in part]

    reading = read_ahead(fetch, range(10), PartSize(first=1), 2)
    async for _ in reading:
        await asyncio.sleep(0)
        break
    await reading.aclose()
    assert ended.is_set()


async def test_parts_are_as_large_as_blocks_are_light() -> None:
    size = PartSize(target=1_000_000, first=2, most=64)
    for expected in (4, 8, 16, 32, 64, 64):
        size.weighed([block(0), block(1)])
        assert size.blocks == expected
    size.weighed([block(0, size=500_000)])
    assert size.blocks == 1, "at once, where they are heavy"
    size.weighed([block(0, size=90_000)])
    assert size.blocks == 2
    size.weighed([])
    assert size.blocks == 2
