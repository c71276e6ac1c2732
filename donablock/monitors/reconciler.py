"""Compare what was read of each chain with what was done with it, and say loudly what differs.

    reconciler = Reconciler(database)
    await reconciler.run()              # leads, or waits until it may
    findings = await reconciler.check(56)

Of each chain, in one snapshot of the database:

    messages    produced (next_seq - 1) = consumed (position) + what waits in the outbox, without a
                hole, for each consumer
    items       transactions and logs of a block as the worker wrote it = matched + unmatched as the
                matcher read it, for each block that the matcher is past
    blocks      the canonical blocks are one chain: heights without a hole, each the child of the
                one before, the last one the cursor's
    matches     none waits for a confirmation that is due, and none of a block that was taken back
                still counts

The newest blocks are compared at every step, the others by and by, from the oldest to the newest
and again. A difference is a fault of ours, or somebody wrote into the tables: it is logged as an
error once, and counted until it is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from asyncpg import Connection

from donablock.errors import DatabaseError
from donablock.monitors.matcher import CONSUMER as MATCHER
from donablock.monitors.worker import WINDOW
from donablock.store.database import Database, Leadership
from donablock.store.schema import CONFIRMED, DETECTED, ORPHANED
from donablock.telemetry import counter, gauge

EVERY = 30.0
"""Seconds between two comparisons."""

RECENT = 512
"""Newest blocks that are compared every time: more than a reorganisation can reach."""

SLICE = 20_000
"""Older blocks that are compared each time."""

_SHOWN = 5

_produced = gauge("stream_produced", "messages that the worker wrote, ever", "chain")
_consumed = gauge("stream_consumed", "messages that a consumer is past", "consumer", "chain")
_items = counter(
    "reconciled_items", "transactions and logs compared, by what the matcher did", "chain", "what"
)
_checked = counter("reconciled_blocks", "blocks that were compared", "chain")
_findings = gauge("reconciler_findings", "differences that were found and are there", "chain")
_log = structlog.get_logger(__name__)

_MESSAGES = """
SELECT p.consumer, p.seq, c.next_seq - 1 AS produced,
    (SELECT count(*) FROM outbox AS o WHERE o.chain_id = $1 AND o.seq > p.seq) AS waiting
FROM cursors AS c LEFT JOIN positions AS p USING (chain_id)
WHERE c.chain_id = $1 ORDER BY p.consumer
"""

# `before` is the block one lower, by height; the lowest block of a slice brings its own.
_BLOCKS = """
SELECT number, hash, parent, items, matched, unmatched,
    lag(number) OVER (ORDER BY number) AS number_before,
    lag(hash) OVER (ORDER BY number) AS hash_before
FROM blocks WHERE chain_id = $1 AND is_canonical AND number BETWEEN $2 AND $3
"""
_WRONG = f"""
SELECT *, count(*) OVER () AS wrong FROM (
    SELECT number, '0x' || encode(hash, 'hex') AS hash,
        CASE WHEN number_before <> number - 1 THEN 'there is no block between it and '
                || number_before
            WHEN hash_before <> parent THEN 'it is no child of block ' || number_before
            WHEN number > $4 THEN NULL
            WHEN items IS NULL THEN NULL
            WHEN matched IS NULL OR unmatched IS NULL THEN 'the matcher is past it, and counted'
                || ' nothing of its ' || items || ' items'
            WHEN matched < 0 OR unmatched < 0 OR matched + unmatched <> items
                THEN items || ' items were read, ' || matched || ' matched and ' || unmatched
                || ' did not'
        END AS what
    FROM ({_BLOCKS}) AS slice
) AS judged WHERE what IS NOT NULL ORDER BY number LIMIT {_SHOWN}
"""
_SUMS = f"""
SELECT count(*) AS blocks, coalesce(sum(greatest(matched, 0)), 0)::bigint AS matched,
    coalesce(sum(greatest(unmatched, 0)), 0)::bigint AS unmatched, max(number) AS last
FROM ({_BLOCKS}) AS slice WHERE number <= $4
"""

_TIP = """
SELECT c.number, c.hash, b.hash AS canonical,
    (SELECT max(number) FROM blocks WHERE chain_id = $1 AND is_canonical) AS highest
FROM cursors AS c LEFT JOIN blocks AS b
    ON b.chain_id = c.chain_id AND b.number = c.number AND b.is_canonical
WHERE c.chain_id = $1
"""

# While the matcher stands on a block that was taken back, the blocks that came in its place are not
# matched yet, whatever their height; none of them is deeper than the window.
_PAST = f"""
SELECT p.seq, CASE
    WHEN p.number IS NULL THEN -1
    WHEN EXISTS (SELECT FROM blocks WHERE chain_id = $1 AND hash = p.hash AND is_canonical)
        THEN p.number
    ELSE p.number - {WINDOW} - 1
END AS number, EXISTS (
    SELECT FROM outbox WHERE chain_id = $1 AND seq > p.seq AND kind = {ORPHANED}
) AS is_behind
FROM positions AS p WHERE p.consumer = $2 AND p.chain_id = $1
"""

_UNCONFIRMED = f"""
SELECT count(*) AS count, min(m.block_number) AS first
FROM matches AS m JOIN chains AS c USING (chain_id)
WHERE m.chain_id = $1 AND m.state = {DETECTED} AND m.block_number <= $2 - c.confirmations
"""

# Blocks that were taken back are few; their matches are found by hash.
_COUNTS_ON = f"""
SELECT count(*) AS count, min(m.block_number) AS first
FROM blocks AS b JOIN matches AS m ON m.chain_id = b.chain_id AND m.block_hash = b.hash
WHERE b.chain_id = $1 AND NOT b.is_canonical AND b.number BETWEEN $2 AND $3
  AND m.state IN ({DETECTED}, {CONFIRMED})
"""


@dataclass(frozen=True)
class Past:
    """What the matcher is past: blocks up to a height, and whether it is past every block that was
    taken back."""

    number: int
    has_retracted: bool


@dataclass(frozen=True)
class Finding:
    """One difference. what: in one sentence, with the numbers."""

    chain_id: int
    about: str
    what: str


class Reconciler:
    """Looks after every chain. Only reads."""

    def __init__(self, database: Database, *, every: float = EVERY) -> None:
        self._database = database
        self._every = every
        # of each chain, up to which height the older blocks were compared
        self._reached: dict[int, int] = {}
        # of each chain and slice, by its first height, what did not add up there
        self._slices: dict[int, dict[int, list[tuple[str, str]]]] = {}
        # of each chain, up to which height blocks are in the counters
        self._counted: dict[int, int] = {}
        self._known: set[Finding] = set()

    async def run(self) -> None:
        """Compares whenever this process leads; returns never, but for errors."""
        await self._database.lead("reconciler", self._follow)

    async def _follow(self, lead: Leadership) -> None:
        while True:
            lead.check()
            try:
                await self.step()
            except DatabaseError as error:
                _log.warning("comparison has to wait", because=str(error))
            await asyncio.sleep(self._every)

    async def step(self) -> list[Finding]:
        """Compares every chain, and logs what is new."""
        async with self._database.connection() as connection:
            chains = await connection.fetch("SELECT chain_id FROM cursors ORDER BY chain_id")
        found: list[Finding] = []
        for row in chains:
            of_chain = await self.check(row["chain_id"])
            _findings.labels(row["chain_id"]).set(len(of_chain))
            found += of_chain
        for one in found:
            if one not in self._known:
                _log.error("does not add up", chain=one.chain_id, about=one.about, what=one.what)
        for one in self._known.difference(found):
            _log.info("adds up again", chain=one.chain_id, about=one.about, was=one.what)
        self._known = set(found)
        return found

    async def check(self, chain_id: int) -> list[Finding]:
        """What does not add up: of the newest blocks, of the next older ones, and of the older ones
        as they were when they were last looked at."""
        async with self._database.transaction("repeatable_read", is_readonly=True) as connection:
            past = await self._past(connection, chain_id)
            found = await self._messages(connection, chain_id)
            found += await self._tip(connection, chain_id)
            row = await connection.fetchrow(
                "SELECT min(number) AS low, max(number) AS high FROM blocks WHERE chain_id = $1",
                chain_id,
            )
            if row["high"] is not None:
                newest = max(row["low"], row["high"] - RECENT)
                found += await self._range(connection, chain_id, newest, row["high"], past)
                await self._older(connection, chain_id, row["low"], newest, past)
            found += await self._confirmations(connection, chain_id, past)
        for of_slice in self._slices.get(chain_id, {}).values():
            found += of_slice
        return [Finding(chain_id, about, what) for about, what in dict.fromkeys(found)]

    async def _past(self, connection: Connection, chain_id: int) -> Past:
        row = await connection.fetchrow(_PAST, chain_id, MATCHER)
        return Past(-1, False) if row is None else Past(row["number"], not row["is_behind"])

    async def _older(
        self, connection: Connection, chain_id: int, low: int, newest: int, past: Past
    ) -> None:
        """The next slice below the newest blocks; after the last one the first again."""
        begin = self._reached.get(chain_id, low)
        if not low <= begin < newest:
            begin = low
        if begin == newest:
            return
        end = min(begin + SLICE, newest)
        found = await self._range(connection, chain_id, begin, end, past)
        self._slices.setdefault(chain_id, {})[begin] = found
        self._reached[chain_id] = end

    async def _messages(self, connection: Connection, chain_id: int) -> list[tuple[str, str]]:
        found = []
        for row in await connection.fetch(_MESSAGES, chain_id):
            produced = row["produced"]
            _produced.labels(chain_id).set(produced)
            if row["consumer"] is None:
                continue
            _consumed.labels(row["consumer"], chain_id).set(row["seq"])
            if row["seq"] + row["waiting"] != produced:
                found.append(
                    (
                        "messages",
                        f"{produced} messages were produced, {row['consumer']} is past"
                        f" {row['seq']}, and {row['waiting']} wait for it",
                    )
                )
        return found

    async def _tip(self, connection: Connection, chain_id: int) -> list[tuple[str, str]]:
        row = await connection.fetchrow(_TIP, chain_id)
        assert row is not None
        is_empty = row["highest"] is None or row["highest"] < row["number"]
        if is_empty and row["canonical"] is None:
            # the cursor stands before the first block that was read
            lower = row["highest"] is not None
            return [("blocks", _no_tip(row))] if lower else []
        if row["highest"] > row["number"] or row["canonical"] != row["hash"]:
            return [("blocks", _no_tip(row))]
        return []

    async def _range(
        self, connection: Connection, chain_id: int, low: int, high: int, past: Past
    ) -> list[tuple[str, str]]:
        rows = await connection.fetch(_WRONG, chain_id, low, high, past.number)
        found = [("items", f"block {row['number']} ({row['hash']}): {row['what']}") for row in rows]
        if rows and rows[0]["wrong"] > len(rows):
            found.append(("items", f"{rows[0]['wrong']} blocks from {low} to {high} in all"))
        row = await connection.fetchrow(_COUNTS_ON, chain_id, low, high)
        if row["count"] and past.has_retracted:
            found.append(
                (
                    "matches",
                    f"{row['count']} matches of blocks that were taken back count on, from block"
                    f" {row['first']} on",
                )
            )
        await self._count(connection, chain_id, low, high, past.number)
        return found

    async def _count(
        self, connection: Connection, chain_id: int, low: int, high: int, matched: int
    ) -> None:
        """Each block once, for the counters."""
        first = max(low, self._counted.get(chain_id, -1) + 1)
        if first > min(high, matched):
            return
        row: Any = await connection.fetchrow(_SUMS, chain_id, first, high, matched)
        if not row["blocks"]:
            return
        _checked.labels(chain_id).inc(row["blocks"])
        _items.labels(chain_id, "matched").inc(row["matched"])
        _items.labels(chain_id, "unmatched").inc(row["unmatched"])
        self._counted[chain_id] = row["last"]

    async def _confirmations(
        self, connection: Connection, chain_id: int, past: Past
    ) -> Sequence[tuple[str, str]]:
        row = await connection.fetchrow(_UNCONFIRMED, chain_id, past.number)
        assert row is not None
        if not row["count"]:
            return ()
        return [
            (
                "matches",
                f"{row['count']} matches wait for a confirmation that is due, from block"
                f" {row['first']} on",
            )
        ]


def _no_tip(row: Any) -> str:
    return (
        f"the cursor is at block {row['number']} (0x{row['hash'].hex()}), and the highest canonical"
        f" block is {row['highest']}"
    )
