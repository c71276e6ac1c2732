"""Many blocks in order, read ahead: the next ones are fetched while these are worked on.

What is held at once is bounded: a part is as many blocks as come to a few megabytes of answers, and
a few parts are under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from donablock.chain.blocks import Block

__all__ = ["PartSize", "read_ahead"]


# what a node's answers about a transaction and about a log take, besides the input
_BLOCK, _TRANSACTION, _LOG = 2_000, 1_500, 900


class PartSize:
    """How many blocks to ask for at once, from what blocks turned out to weigh."""

    def __init__(self, *, target: int = 4 * 1024 * 1024, first: int = 2, most: int = 100) -> None:
        """target: bytes of answers in one part. most: blocks."""
        self._target = target
        self._most = most
        self.blocks = first

    def weighed(self, blocks: Sequence[Block]) -> None:
        """What came. The part grows by doubling, and shrinks at once."""
        if blocks:
            fitting = max(1, self._target * len(blocks) // sum(map(_weight, blocks)))
            self.blocks = min(fitting, 2 * self.blocks, self._most)


def _weight(block: Block) -> int:
    """About how many bytes a node's answers about it have."""
    return _BLOCK + sum(
        _TRANSACTION + len(one.input) + _LOG * len(one.logs) for one in block.transactions
    )


async def read_ahead(
    fetch: Callable[[range], Awaitable[list[Block]]],
    numbers: range,
    size: PartSize,
    parts: int,
) -> AsyncGenerator[Block, None]:
    """Blocks of `numbers` in order. At most `parts` parts are under way or waiting."""
    under_way: deque[asyncio.Task[list[Block]]] = deque()
    start = numbers.start
    try:
        while under_way or start < numbers.stop:
            while len(under_way) < parts and start < numbers.stop:
                part = range(start, min(start + size.blocks, numbers.stop))
                under_way.append(asyncio.create_task(_as_coroutine(fetch, part)))
                start = part.stop
            for block in await under_way[0]:
                yield block
            under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _as_coroutine(
    fetch: Callable[[range], Awaitable[list[Block]]], part: range
) -> list[Block]:
    return await fetch(part)
