"""Follow one chain: every block becomes a row and a message of the stream, and the cursor moves, in
one transaction. What the chain takes back becomes a message too.

    worker = Worker(database, source, chain, start=LATEST)
    await worker.run()          # leads the chain, or waits until it may

How it decides, at each step, with the cursor at the last block it wrote:

    the next block's parent is ours       write it
    it is another                         a reorganisation: go down to the block that both have,
                                          take back ours above it, go on from there
    there is no next block                wait; the node may lag, so nothing is taken back unless
                                          another block is seen at the same height

Only one process writes for a chain. The lock that says which can be lost without a word, so each
transaction also checks the epoch under which it leads. Nothing is kept in memory that matters: a
process that is killed at any point goes on from the cursor.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from asyncpg import Connection

from donablock.chain.blocks import Block, BlockRef, encode_block, encode_ref
from donablock.chain.source import BlockSource
from donablock.errors import BlockGoneError, ChainError, HaltedError, LeadershipError
from donablock.store import stream
from donablock.store.database import Database, Leadership
from donablock.store.schema import ADDED, ORPHANED
from donablock.telemetry import current_trace, gauge, histogram, span

WINDOW = 256
"""Deepest reorganisation, in blocks, that is followed without asking."""

LATEST = -1
"""As a start: the block that is the newest when the chain is first followed."""

NEAR = 4
"""Newest blocks that are written one by one: they are replaced often. Further behind, many are read
ahead and written together."""

BATCH = 100
"""Blocks written in one transaction, while catching up; at most so many bytes of messages:"""
BATCH_BYTES = 8 << 20
BATCH_SECONDS = 1.0
"""And whatever there is after so long, where nodes are slow."""

HISTORY = 86_400.0
"""Seconds: an older block is caught up with, and says nothing of how quick we are."""

_NO_HASH = bytes(32)
_head = gauge("chain_head", "height of the newest block that the nodes tell of", "chain")
_written = gauge("chain_written", "height of the last block in the stream", "chain")
_block_time = gauge("chain_block_time_seconds", "unix time of that block", "chain")
_seen = histogram("block_to_seen_seconds", "from the second of a block to its row", "chain")
_log = structlog.get_logger(__name__)


class FollowedChain(Protocol):
    """What the worker has to know of a chain (chain/chains.py)."""

    @property
    def chain_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def confirmations(self) -> int: ...
    @property
    def poll_seconds(self) -> float: ...


@dataclass(frozen=True)
class Cursor:
    """The last block written. Number -1 stands before the first block of all."""

    number: int
    hash: bytes


class Worker:
    """Writes one chain. Raises HaltedError where a person has to decide how to go on."""

    def __init__(
        self,
        database: Database,
        source: BlockSource,
        chain: FollowedChain,
        *,
        start: int = LATEST,
    ) -> None:
        """start: the first block to write, where the chain was never followed; later it counts no
        more."""
        self._database = database
        self._source = source
        self._chain = chain
        self._start = start
        self._epoch = 0
        self._is_far = False
        self.cursor = Cursor(-1, _NO_HASH)

    async def run(self) -> None:
        """Follows the chain whenever this process leads it; returns never, but for errors."""
        await self._database.lead(f"worker|{self._chain.chain_id}", self.follow)

    async def follow(self, lead: Leadership) -> None:
        """Follows the chain as its leader."""
        await self.take_over()
        pause = self._chain.poll_seconds
        while True:
            lead.check()
            try:
                has_moved = await self.step()
                pause = self._chain.poll_seconds
            except BlockGoneError as error:
                # it was replaced while it was fetched; the next step sees by what
                _log.info("block was replaced", chain=self._chain.chain_id, because=str(error))
                has_moved = True
            except ChainError as error:
                _log.warning("nodes do not answer", chain=self._chain.chain_id, because=str(error))
                has_moved, pause = False, min(pause * 2, 60.0)
            if not has_moved:
                await asyncio.sleep(pause)

    async def take_over(self) -> None:
        """Makes the chain's rows where there are none, and leads from here on."""
        chain = self._chain
        first = await self._before_start()

        async def work(connection: Connection) -> tuple[int, Cursor]:
            await connection.execute(
                "INSERT INTO chains (chain_id, name, confirmations) VALUES ($1, $2, $3)"
                " ON CONFLICT (chain_id) DO UPDATE SET name = $2, confirmations = $3,"
                "   state = CASE chains.state WHEN 'backfilling' THEN 'following'"
                "     ELSE chains.state END",
                chain.chain_id,
                chain.name,
                chain.confirmations,
            )
            if first is not None:
                await connection.execute(
                    "INSERT INTO cursors (chain_id, number, hash) VALUES ($1, $2, $3)"
                    " ON CONFLICT DO NOTHING",
                    chain.chain_id,
                    first.number,
                    first.hash,
                )
            epoch = await stream.take_lead(connection, chain.chain_id)
            return epoch, await _cursor(connection, chain.chain_id)

        self._epoch, self.cursor = await self._database.run(
            work, idempotent_by="a second epoch of our own is as good as the first"
        )
        self._is_far = False
        async with self._database.connection() as connection:
            halted = await connection.fetchval(
                "SELECT halted_because FROM chains WHERE chain_id = $1", chain.chain_id
            )
        if halted is not None:
            raise HaltedError(halted)
        _log.info("leads", chain=chain.chain_id, after=self.cursor.number, epoch=self._epoch)

    async def _before_start(self) -> Cursor | None:
        """Where the cursor begins; None where there is one already."""
        async with self._database.connection() as connection:
            if await connection.fetchval(
                "SELECT true FROM cursors WHERE chain_id = $1", self._chain.chain_id
            ):
                return None
        start = (await self._source.head()).number if self._start == LATEST else self._start
        if start == 0:
            return Cursor(-1, _NO_HASH)
        before = await self._source.ref(start - 1)
        if before is None:
            raise ChainError(
                f"chain {self._chain.chain_id} has no block {start - 1} yet, so it cannot be "
                f"followed from {start} on: choose an earlier start, or {LATEST} for the newest"
            )
        return Cursor(before.number, _raw(before.hash))

    # --- one step -----------------------------------------------------------------------------

    async def step(self) -> bool:
        """Writes the next block or blocks, or takes some back. False: there was nothing to do."""
        head = await self._source.head()
        _head.labels(self._chain.chain_id).set(head.number)
        if head.number <= self.cursor.number:
            ours = await self._ours(head.number)
            if ours is None or ours == _raw(head.hash):
                return False  # a node that lags, or a chain that was cut and has not grown again
            await self._take_back(head.number)
            return True
        is_far = head.number - self.cursor.number > WINDOW
        if is_far != self._is_far:
            await self._set_state("backfilling" if is_far else "following")
            self._is_far = is_far
        if head.number - self.cursor.number > NEAR:
            return await self._catch_up(head.number - NEAR)
        following = await self._source.ref(self.cursor.number + 1)
        if following is None:
            return False
        if not self._follows(following):
            await self._take_back(self.cursor.number)
            return True
        await self._write([await self._source.block(following)])
        return True

    def _follows(self, block: Block | BlockRef) -> bool:
        """Whether it stands on the cursor. Below the first block there is nothing to compare."""
        return self.cursor.number == -1 or _raw(block.parent) == self.cursor.hash

    async def _catch_up(self, last: int) -> bool:
        """Many blocks in each transaction, up to `last`. One that is replaced meanwhile is noticed
        by its parent, here or at the next step."""
        batch: list[Block] = []
        weight, began = 0, time.monotonic()
        try:
            async for block in self._source.blocks(range(self.cursor.number + 1, last + 1)):
                if not batch and not self._follows(block):
                    await self._take_back(self.cursor.number)
                    return True
                batch.append(block)
                weight += sum(
                    200 + len(one.input) + sum(300 + len(log.data) for log in one.logs)
                    for one in block.transactions
                )
                is_due = time.monotonic() - began > BATCH_SECONDS
                if len(batch) == BATCH or weight > BATCH_BYTES or is_due:
                    await self._write(batch)
                    batch, weight, began = [], 0, time.monotonic()
        except ChainError:
            # of the blocks before the one that cannot be had, nothing is wrong
            if batch:
                await self._write(batch)
            raise
        if batch:
            await self._write(batch)
        return True

    async def _set_state(self, state: str, because: str | None = None) -> None:
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE chains SET state = $2, halted_because = $3 WHERE chain_id = $1"
                " AND EXISTS (SELECT FROM cursors WHERE chain_id = $1 AND leader_epoch = $4)",
                self._chain.chain_id,
                state,
                because,
                self._epoch,
            )

    async def _ours(self, number: int) -> bytes | None:
        """The hash of our canonical block of this height, if we have one."""
        if number == self.cursor.number:
            return self.cursor.hash
        async with self._database.connection() as connection:
            found: bytes | None = await connection.fetchval(
                "SELECT hash FROM blocks WHERE chain_id = $1 AND number = $2 AND is_canonical",
                self._chain.chain_id,
                number,
            )
        return found

    # --- what is written ----------------------------------------------------------------------

    async def _write(self, blocks: Sequence[Block]) -> None:
        """Blocks in order, the first on the cursor, each the child of the one before."""
        before, chain_id = self.cursor, self._chain.chain_id
        _check_chain(blocks, before)
        after = Cursor(blocks[-1].number, _raw(blocks[-1].hash))

        async def work(connection: Connection) -> None:
            if not await self._lock(connection, before, after):
                return
            await connection.execute(
                "INSERT INTO blocks"
                " (chain_id, hash, number, parent, timestamp, is_canonical, items)"
                " SELECT $1, hash, number, parent, time, true, items"
                " FROM unnest($2::bytea[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::int[])"
                "   AS new (hash, number, parent, time, items)"
                # one that was taken back, and is the chain's again
                " ON CONFLICT (chain_id, hash) DO UPDATE SET is_canonical = true",
                chain_id,
                [_raw(block.hash) for block in blocks],
                [block.number for block in blocks],
                [_raw(block.parent) for block in blocks],
                [dt.datetime.fromtimestamp(block.timestamp, dt.UTC) for block in blocks],
                [block.items for block in blocks],
            )
            for block in blocks:
                with span("block", chain=chain_id, number=block.number):
                    await self._append(connection, ADDED, encode_block(block))
                    _log.debug("block", chain=chain_id, number=block.number, items=block.items)
            await self._move(connection, after)

        await self._database.run(work, idempotent_by="the cursor's hash")
        self.cursor = after
        for block in blocks:
            age = time.time() - block.timestamp
            if age < HISTORY:
                _seen.labels(chain_id).observe(max(0.0, age))
        _written.labels(chain_id).set(after.number)
        _block_time.labels(chain_id).set(blocks[-1].timestamp)

    async def _take_back(self, known: int) -> None:
        """Finds the last block that both chains have, and takes back ours above it. The other chain
        was seen to have a block of the height `known`."""
        before, chain_id = self.cursor, self._chain.chain_id
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT number, hash, parent, timestamp FROM blocks"
                " WHERE chain_id = $1 AND number <= $2 AND is_canonical"
                " ORDER BY number DESC LIMIT $3",
                chain_id,
                before.number,
                WINDOW + 1,
            )
        lost: list[BlockRef] = []
        after: Cursor | None = None
        for row in rows:
            theirs = await self._source.ref(row["number"])
            if theirs is None and row["number"] <= known:
                raise BlockGoneError(
                    "0x" + row["hash"].hex(), f"nodes disagree whether there is block {known}"
                )
            if theirs is not None and _raw(theirs.hash) == row["hash"]:
                after = Cursor(row["number"], row["hash"])
                break
            lost.append(
                BlockRef(
                    row["number"],
                    "0x" + row["hash"].hex(),
                    "0x" + row["parent"].hex(),
                    int(row["timestamp"].timestamp()),
                )
            )
        if after is None and len(lost) <= WINDOW:
            after = await self._below(lost[-1].number if lost else before.number + 1)
        if after is None or len(lost) > WINDOW:
            because = (
                f"chain {chain_id} was reorganised more than {WINDOW} blocks deep, below block "
                f"{before.number}. Nothing was taken back. Look at the nodes; if they are right, "
                "follow the chain afresh in a new database"
            )
            await self._set_state("halted", because)
            raise HaltedError(because)
        if not lost and after == before:
            return  # another node told of another block; the one that answers now has ours
        target = after

        async def work(connection: Connection) -> None:
            if not await self._lock(connection, before, target):
                return
            await connection.execute(
                "UPDATE blocks SET is_canonical = false WHERE chain_id = $1 AND hash = ANY($2)",
                chain_id,
                [_raw(block.hash) for block in lost],
            )
            for block in lost:  # from the tip down
                await self._append(connection, ORPHANED, encode_ref(block))
            await self._move(connection, target)

        await self._database.run(work, idempotent_by="the cursor's hash")
        self.cursor = target
        _log.info("reorganisation", chain=chain_id, depth=len(lost), fork=target.number)

    async def _below(self, number: int) -> Cursor | None:
        """Where all that was ever written is taken back: the chain's own block before that."""
        if number <= 0:
            return Cursor(-1, _NO_HASH)
        theirs = await self._source.ref(number - 1)
        return None if theirs is None else Cursor(theirs.number, _raw(theirs.hash))

    async def _lock(self, connection: Connection, before: Cursor, after: Cursor) -> bool:
        """Whether the cursor still is where we left it, held for us until the transaction ends.

        False: it is at `after` already, by a transaction of ours whose end we did not hear.
        """
        row = await connection.fetchrow(
            "SELECT number, hash, leader_epoch FROM cursors WHERE chain_id = $1 FOR UPDATE",
            self._chain.chain_id,
        )
        if row is None or row["leader_epoch"] != self._epoch:
            raise LeadershipError(f"another process leads chain {self._chain.chain_id} now")
        found = Cursor(row["number"], row["hash"])
        if found == before:
            return True
        if found == after:
            return False
        raise LeadershipError(f"the cursor of chain {self._chain.chain_id} is not where we left it")

    async def _append(self, connection: Connection, kind: int, payload: bytes) -> None:
        await stream.append(
            connection, self._chain.chain_id, kind, payload, current_trace(), epoch=self._epoch
        )

    async def _move(self, connection: Connection, to: Cursor) -> None:
        await connection.execute(
            "UPDATE cursors SET number = $2, hash = $3, updated_at = now() WHERE chain_id = $1",
            self._chain.chain_id,
            to.number,
            to.hash,
        )


async def _cursor(connection: Connection, chain_id: int) -> Cursor:
    row = await connection.fetchrow(
        "SELECT number, hash FROM cursors WHERE chain_id = $1", chain_id
    )
    assert row is not None
    return Cursor(row["number"], row["hash"])


def _check_chain(blocks: Sequence[Block], before: Cursor) -> None:
    """The source has checked this; a gap in the stream would be for ever, so it is checked here."""
    number, parent = before.number, before.hash
    for block in blocks:
        is_child = number == -1 or _raw(block.parent) == parent
        if block.number != number + 1 or not is_child:
            raise BlockGoneError(block.hash, f"block {block.number} does not follow block {number}")
        number, parent = block.number, _raw(block.hash)


def _raw(hash: str) -> bytes:
    return bytes.fromhex(hash[2:])
