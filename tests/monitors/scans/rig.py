"""A chain, its worker, matcher and scanner, and what must be there in the end.

What a monitor finds from a block on is known without the pipeline: a backtest of the canonical
chain, which reads it once, in order, and keeps no state.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass

from donablock.chain.blocks import Block
from donablock.errors import BlockGoneError, NodeError
from donablock.monitors.backtest import Limits, backtest
from donablock.monitors.matcher import Matcher
from donablock.monitors.scans import Scanner
from donablock.monitors.worker import Worker
from donablock.store.database import Database
from donablock.store.schema import CONFIRMED, DETECTED, RETRACTED
from donablock.store.stream import OutboxStream
from tests.monitors.scans.watching import Watching, transactions
from tests.pipeline.scripted_chain import ScriptedChain
from tests.pipeline.stages import Facts

ALL = Limits(blocks=10**6, matches=10**6, seconds=60, samples=10**6)


class Nodes(ScriptedChain):
    """A scripted chain that says no as the nodes do. `lacks`: blocks that none of them has."""

    def __init__(self) -> None:
        self.lacks: set[int] = set()
        super().__init__()

    async def blocks(self, numbers: range) -> AsyncIterator[Block]:
        before: Block | None = None
        for number in numbers:
            ref = None if number in self.lacks else await self.ref(number)
            if ref is None:
                raise NodeError(f"block {number}: no node gives it")
            await asyncio.sleep(0)
            block = await self.block(ref)
            if before is not None and block.parent != before.hash:
                raise BlockGoneError(before.hash)
            yield block
            before = block


@dataclass
class Rig:
    """facts: of the chain."""

    database: Database
    chain: Nodes
    facts: Facts

    def __post_init__(self) -> None:
        self.again()

    def again(self) -> None:
        """New processes, which remember nothing."""
        self.matcher = Matcher(self.database, OutboxStream(self.database), self.facts)
        self.scanner = Scanner(self.database, self.chain, self.facts, pause=0)

    async def start(self, number: int = 0) -> None:
        """number: the block that the chain is followed from."""
        self.worker = Worker(self.database, self.chain, self.facts, start=number)
        await self.worker.take_over()

    async def follow(self) -> None:
        while await self.worker.step():
            pass

    async def match(self, limit: int = 100) -> None:
        while await self.matcher.step(limit):
            pass

    async def scan(self) -> None:
        while await self.scanner.step():
            pass

    async def rest(self) -> None:
        """Until nobody has anything to do."""
        await self.follow()
        await self.match()
        await self.scan()

    async def rows(self, query: str, *arguments: object) -> list[dict]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def scans(self) -> list[dict]:
        return await self.rows("SELECT * FROM scans ORDER BY created_at, id")

    async def blocks_of(self, monitor: str) -> list[int]:
        rows = await self.rows(
            "SELECT block_number FROM matches WHERE monitor_id = $1 AND state <> $2"
            " ORDER BY block_number",
            monitor,
            RETRACTED,
        )
        return [row["block_number"] for row in rows]

    async def check(self, id: str, watching: Watching, first: int) -> int:
        """Exactly that was found which a monitor finds that was there from block `first` on, and it
        was told of in order, nothing twice. Returns how much it is."""
        tip = self.chain.tip.number
        expected: tuple[bytes, ...] = ()
        if first <= tip:
            result = await backtest(
                self.chain,
                watching.monitor(id),
                watching.addresses,
                first,
                tip,
                limits=ALL,
                chain=self.facts.name,
            )
            expected = result.samples
        matches = await self.rows("SELECT * FROM matches WHERE monitor_id = $1", id)
        standing = [row for row in matches if row["state"] != RETRACTED]
        assert sorted(row["payload"] for row in standing) == sorted(expected), id
        told = defaultdict(list)
        for row in await self.rows(
            "SELECT id, match_id FROM deliveries WHERE monitor_id = $1 ORDER BY sequence", id
        ):
            told[row["match_id"]].append(row["id"].rpartition("_")[2])
        canonical = {bytes.fromhex(block.hash[2:]) for block in self.chain.canonical}
        for row in matches:
            depth = tip - row["block_number"]
            state = RETRACTED
            if row["block_hash"] in canonical:
                state = CONFIRMED if depth >= self.facts.confirmations else DETECTED
            assert row["state"] == state, (id, row["block_number"])
            check_told(told[row["id"]], row["generation"], state)
        return len(expected)


def check_told(messages: list[str], generation: int, state: int) -> None:
    """d1 [c1] r1 d2 [c2] r2 ... up to the generation and the state."""
    assert len(set(messages)) == len(messages), messages
    at = 0
    for one in range(1, generation + 1):
        assert messages[at] == f"d{one}", messages
        at += 1
        has_confirmed = at < len(messages) and messages[at] == f"c{one}"
        at += has_confirmed
        if one < generation or state == RETRACTED:
            assert messages[at] == f"r{one}", messages
            at += 1
        else:
            assert has_confirmed == (state == CONFIRMED), messages
    assert at == len(messages), messages


class Weather:
    """Makes a chain grow, lose blocks and get some back, by chance, never deeper than `depth` below
    the highest block there was."""

    def __init__(self, chain: ScriptedChain, chance: random.Random, depth: int) -> None:
        self._chain, self._chance, self._depth = chain, chance, depth
        self._highest = chain.tip.number
        self._removed: list[Block] = []
        self._turns = 0

    def turn(self) -> None:
        chain, chance = self._chain, self._chance
        self._turns += 1
        self._highest = max(self._highest, chain.tip.number)
        what = chance.random()
        most = min(8, chain.tip.number - max(0, self._highest - self._depth))
        if what < 0.4 and most > 0:
            self._removed = chain.cut(chance.randint(1, most))
        elif what < 0.5 and self._removed and self._removed[0].parent == chain.tip.hash:
            chain.put_back(self._removed)
            self._removed = []
        for place in range(chance.choice([0, 1, 2, 3, 5])):
            chain.append(transactions(chance, ("turn", self._turns, place)))
