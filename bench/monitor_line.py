"""Worker and matcher of one chain, at work in this process, and when each block came through."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator

from donablock.chain.blocks import Block, BlockRef
from donablock.chain.chains import Chain
from donablock.chain.nodes import Nodes
from donablock.monitors.matcher import BATCH, Matcher
from donablock.monitors.worker import Worker
from donablock.store.database import Database
from donablock.store.stream import OutboxStream

__all__ = ["Line"]


class Line:
    """The times are unix times, by the number of the block.

    seen: a node first told of it, or of one above it. answered: it was read whole and checked, and
    given to the worker. committed: its matches are.
    """

    def __init__(self) -> None:
        self.seen: dict[int, float] = {}
        self.answered: dict[int, float] = {}
        self.committed: dict[int, float] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls, database: Database, nodes: Nodes, chain: Chain, start: int
    ) -> AsyncIterator[Line]:
        """From the block `start` on, until the end of the `async with`."""
        line = cls()
        async with OutboxStream.opened(database) as stream:
            worker = Worker(database, _Source(nodes, line), chain, start=start)
            matcher = _Matcher(database, stream, chain)
            matcher.line, matcher.last = line, start - 1
            await worker.take_over()  # without a cursor there is nothing for the matcher to follow
            line._tasks = [asyncio.create_task(role.run()) for role in (worker, matcher)]
            try:
                yield line
            finally:
                for task in line._tasks:
                    task.cancel()
                await asyncio.gather(*line._tasks, return_exceptions=True)

    async def until(self, number: int) -> float:
        """Waits until this block is done with, and returns when that was."""
        while number not in self.committed:
            self._news.clear()
            waiting = asyncio.ensure_future(self._news.wait())
            await asyncio.wait([waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in self._tasks:
                if task.done():
                    task.result()
        return self.committed[number]

    def done(self, numbers: range, at: float) -> None:
        """Their matches are committed."""
        self.committed |= dict.fromkeys(numbers, at)
        self._news.set()


class _Source:
    """The nodes, and when they answered."""

    def __init__(self, nodes: Nodes, line: Line) -> None:
        self._nodes = nodes
        self._line = line
        self._highest = -1

    @property
    def chain_id(self) -> int:
        return self._nodes.chain_id

    async def head(self) -> BlockRef:
        found = await self._nodes.head()
        numbers = range(self._highest + 1, found.number + 1)
        self._line.seen |= dict.fromkeys(numbers, time.time())
        self._highest = max(self._highest, found.number)
        return found

    async def ref(self, number: int) -> BlockRef | None:
        return await self._nodes.ref(number)

    async def ref_by_hash(self, hash: str) -> BlockRef | None:
        return await self._nodes.ref_by_hash(hash)

    async def block(self, block: BlockRef | str) -> Block:
        found = await self._nodes.block(block)
        self._line.answered[found.number] = time.time()
        return found

    async def blocks(self, numbers: range) -> AsyncGenerator[Block, None]:
        reading = self._nodes.blocks(numbers)
        try:
            async for found in reading:
                self._line.answered[found.number] = time.time()
                yield found
        finally:
            await reading.aclose()


class _Matcher(Matcher):
    """Tells the line after each of its transactions."""

    line: Line
    last: int

    async def step(self, limit: int = BATCH) -> bool:
        has_moved = await super().step(limit)
        if has_moved:
            now = time.time()
            number = (await self.register()).number
            assert number is not None
            self.line.done(range(self.last + 1, number + 1), now)
            self.last = number
        return has_moved
