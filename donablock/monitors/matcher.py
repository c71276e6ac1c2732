"""Read the stream of one chain, and write what monitors look for, and the messages about it.

    matcher = Matcher(database, stream, chain)
    await matcher.run()         # leads the chain's matching, or waits until it may

Each step is one transaction: matches, deliveries and the position in the stream, or none of them.
So a process that is killed anywhere repeats the step, and whoever repeats it writes the same rows,
since their ids follow from the chain.

    a block came        its matches; those that are deep enough are confirmed
    a block went        its matches are retracted
    a block came back   its matches are detected again, as their next generation
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog
from asyncpg import Connection

from donablock.chain.blocks import Block, decode_block, decode_ref
from donablock.errors import StreamError
from donablock.monitors import deliveries, window_store
from donablock.monitors.ids import WINDOW
from donablock.monitors.matching import Hit, Tally, match_block
from donablock.monitors.messages import CONFIRMED, DETECTED, RETRACTED, MessageType, webhook_id
from donablock.monitors.monitor import Monitor
from donablock.monitors.payloads import Names, payload
from donablock.monitors.roster import Roster
from donablock.store import positions, schema
from donablock.store.database import Database, Leadership, insert_new
from donablock.store.positions import Position
from donablock.store.schema import ADDED
from donablock.store.stream import Message, Stream
from donablock.telemetry import counter, current_trace, histogram, span

CONSUMER = "matcher"

BATCH = 100
"""Messages done in one transaction, where so many wait."""

WAIT = 5.0
"""Seconds until the stream is looked at again though nobody told of news."""

HISTORY = 86_400.0
"""Seconds: an older block is caught up with, and says nothing of how quick we are."""

_blocks = counter("matcher_blocks", "blocks that were matched, or taken back", "chain", "kind")
_matches = counter("matcher_matches", "matches that were written", "chain")
_passed_over = counter("matcher_passed_over", "logs and calls that could not be judged", "why")
_matched = histogram(
    "block_to_matched_seconds", "from the second of a block to its matches", "chain"
)
_log = structlog.get_logger(__name__)

_MATCH_COLUMNS = (
    *("id", "monitor_id", "chain_id", "block_number", "block_hash", "transaction_hash"),
    *("transaction_index", "log_index", "address", "direction", "payload", "block_time"),
)
_DELIVERY_COLUMNS = (
    *("id", "match_id", "endpoint_id", "monitor_id", "type", "order_key", "trace"),
)

# A match that nobody is told of (no endpoint, or monitor or endpoint deleted) changes all the same.
_TELL = """
INSERT INTO deliveries (id, match_id, endpoint_id, monitor_id, type, order_key, trace)
SELECT 'evt_' || encode(c.id, 'hex') || '_{letter}' || c.generation, c.id, e.id, m.id, '{kind}',
    CASE WHEN e.is_ordered THEN c.address END, $3
FROM changed AS c
JOIN monitors AS m ON m.id = c.monitor_id AND m.deleted_at IS NULL
JOIN endpoints AS e ON e.id = m.endpoint_id AND e.deleted_at IS NULL
ORDER BY c.block_number, c.transaction_index, c.log_index, c.id
ON CONFLICT DO NOTHING
"""
_RETURNING = (
    "RETURNING id, monitor_id, generation, address, block_number, transaction_index, log_index"
)

_CONFIRM = f"""
WITH changed AS (
    UPDATE matches SET state = {schema.CONFIRMED}
    WHERE chain_id = $1 AND state = {schema.DETECTED} AND block_number <= $2 {_RETURNING}
)
""" + _TELL.format(letter="c", kind=CONFIRMED)
_RETRACT = f"""
WITH changed AS (
    UPDATE matches SET state = {schema.RETRACTED}
    WHERE chain_id = $1 AND block_hash = $2
      AND state IN ({schema.DETECTED}, {schema.CONFIRMED}) {_RETURNING}
)
""" + _TELL.format(letter="r", kind=RETRACTED)
_COUNTED = """
UPDATE blocks SET matched = t.matched, unmatched = t.items - t.matched
FROM unnest($2::bytea[], $3::int[], $4::int[]) AS t (hash, items, matched)
WHERE blocks.chain_id = $1 AND blocks.hash = t.hash
"""
_AGAIN = f"""
UPDATE matches SET state = {schema.DETECTED}, generation = generation + 1
WHERE id = ANY($1) AND state = {schema.RETRACTED} RETURNING id, generation
"""


class MatchedChain(Protocol):
    """What the matcher has to know of a chain."""

    @property
    def chain_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def confirmations(self) -> int: ...


class Matcher:
    """Matches one chain."""

    def __init__(
        self,
        database: Database,
        stream: Stream,
        chain: MatchedChain,
        *,
        names: Names | None = None,
    ) -> None:
        """names: of contracts, for the payloads."""
        self._database = database
        self._stream = stream
        self._chain = chain
        self._names = names
        self.roster = Roster()

    async def run(self) -> None:
        """Matches whenever this process leads that of the chain; returns never, but for errors."""
        await self._database.lead(f"matcher|{self._chain.chain_id}", self.follow)

    async def follow(self, lead: Leadership) -> None:
        """As the leader. That two never write together is held by the position's row."""
        chain_id = self._chain.chain_id
        while True:
            lead.check()
            if not await self.step():
                async with self._database.connection() as connection:
                    before = await positions.position(connection, CONSUMER, chain_id)
                await self._stream.wait(chain_id, before.seq, WAIT)

    async def register(self) -> Position:
        """Where it is; from the first time on the stream keeps what it has not read."""
        async with self._database.connection() as connection:
            return await positions.register(connection, CONSUMER, self._chain.chain_id)

    async def step(self, limit: int = BATCH) -> bool:
        """Does the next messages, at most `limit`. False: there are none."""
        before = await self.register()
        messages = await self._stream.read(
            self._chain.chain_id, before.seq, limit, place=before.place
        )
        if not messages:
            return False

        async def work(connection: Connection) -> Roster | None:
            here = await positions.position(
                connection, CONSUMER, self._chain.chain_id, is_locked=True
            )
            if here.seq >= messages[-1].seq:
                return None  # done, by a transaction of ours whose end we did not hear
            if here.seq != before.seq:
                raise StreamError(
                    f"another matcher is at work on chain {self._chain.chain_id}"
                    f" (at {here.seq}, we were at {before.seq})"
                )
            return await self._do(connection, here, messages)

        with span("match", trace=messages[-1].trace, chain=self._chain.chain_id):
            roster = await self._database.run(work, idempotent_by="the position in the stream")
        if roster is not None:
            self.roster = roster
        return True

    # --- one transaction ----------------------------------------------------------------------

    async def _do(
        self, connection: Connection, before: Position, messages: Sequence[Message]
    ) -> Roster:
        """Messages in order; blocks that come one after the other are written together."""
        chain_id = self._chain.chain_id
        first = messages[0]
        roster, new = await self.roster.taken_up(
            connection, chain_id, seq=first.seq, number=_next_number(first)
        )
        if new:
            after, at = await self._beginning(connection, before, first)
            await window_store.begin(connection, chain_id, new, roster.index, number=after, at=at)
        run: list[Block] = []
        traces: dict[bytes, str | None] = {}
        number: int | None = before.number
        hash = before.hash
        for message in messages:
            if message.kind == ADDED:
                block = decode_block(message.payload)
                run.append(block)
                number, hash = block.number, _raw(block.hash)
                traces[hash] = message.trace
                continue
            await self._came(connection, roster, run, traces)
            run = []
            gone = decode_ref(message.payload)
            await connection.execute(_RETRACT, chain_id, _raw(gone.hash), message.trace)
            await window_store.retract(connection, chain_id, _raw(gone.hash))
            _blocks.labels(chain_id, "orphaned").inc()
            number, hash = gone.number - 1, _raw(gone.parent)
        await self._came(connection, roster, run, traces)
        last = messages[-1]
        await positions.advance(connection, before, last.seq, last.place, number=number, hash=hash)
        await deliveries.announce(connection)
        return roster

    async def _beginning(
        self, connection: Connection, before: Position, first: Message
    ) -> tuple[int, int]:
        """Number and time of the block after which what is new begins to look."""
        at: dt.datetime | None = None
        if before.hash is not None:
            at = await connection.fetchval(
                "SELECT timestamp FROM blocks WHERE chain_id = $1 AND hash = $2",
                before.chain_id,
                before.hash,
            )
        if at is not None and before.number is not None:
            return before.number, int(at.timestamp())
        kind = decode_block if first.kind == ADDED else decode_ref
        block = kind(first.payload)
        return block.number - 1, block.timestamp

    async def _came(
        self,
        connection: Connection,
        roster: Roster,
        blocks: Sequence[Block],
        traces: Mapping[bytes, str | None],
    ) -> None:
        """traces: by the block's hash; what is told of a block goes on under its trace."""
        if not blocks:
            return
        chain_id, tally = self._chain.chain_id, Tally()
        rows: list[tuple[Any, ...]] = []
        monitors: dict[bytes, Monitor] = {}
        addresses: dict[bytes, bytes] = {}

        def add(row: tuple[Any, ...], monitor: Monitor) -> None:
            rows.append(row)
            monitors[row[0]] = monitor
            addresses[row[0]] = row[8]

        hits: list[int] = []
        for block in blocks:
            windowed: dict[str, list[Hit]] = {}
            found = match_block(block, roster.index, tally)
            hits.append(len({_item(hit) for hit in found}))
            for hit in found:
                # a window's matches are told of by what they add up to
                if hit.monitor.program.window is not None:
                    windowed.setdefault(hit.monitor.id, []).append(hit)
                else:
                    add(self._row(hit), hit.monitor)
            for firing in await window_store.advance(
                connection, block, roster.windowed, windowed, self._chain.name
            ):
                add(_firing_row(firing, chain_id), firing.monitor)
        new = {key for (key,) in await insert_new(connection, schema.matches, _MATCH_COLUMNS, rows)}
        generations = dict.fromkeys(new, 1)
        old = [row[0] for row in rows if row[0] not in new]
        if old:
            generations |= {
                row["id"]: row["generation"] for row in await connection.fetch(_AGAIN, old)
            }
        await self._tell(connection, rows, generations, monitors, addresses, traces)
        confirmed = blocks[-1].number - self._chain.confirmations
        await connection.execute(_CONFIRM, chain_id, confirmed, current_trace())
        await connection.execute(
            _COUNTED,
            chain_id,
            [_raw(block.hash) for block in blocks],
            [block.items for block in blocks],
            hits,
        )
        for block in blocks:
            age = time.time() - block.timestamp
            if age < HISTORY:
                _matched.labels(chain_id).observe(max(0.0, age))
        _blocks.labels(chain_id, "added").inc(len(blocks))
        _matches.labels(chain_id).inc(len(generations))
        for why, count in (("malformed", tally.malformed), ("undefined", tally.undefined)):
            _passed_over.labels(why).inc(sum(count.values()))
        for monitor_id in tally.broken:
            _log.error("monitor's condition cannot be read", monitor=monitor_id)

    async def _tell(
        self,
        connection: Connection,
        rows: Sequence[tuple[Any, ...]],
        generations: dict[bytes, int],
        monitors: dict[bytes, Monitor],
        addresses: dict[bytes, bytes],
        traces: Mapping[bytes, str | None],
    ) -> None:
        """The deliveries of matches that were detected now."""
        wanted = {
            monitors[id].endpoint_id for id in generations if monitors[id].endpoint_id is not None
        }
        if not wanted:
            return
        found = await connection.fetch(
            "SELECT id, is_ordered FROM endpoints WHERE id = ANY($1) AND deleted_at IS NULL",
            list(wanted),
        )
        is_ordered = {row["id"]: row["is_ordered"] for row in found}
        kind: MessageType = DETECTED
        await insert_new(
            connection,
            schema.deliveries,
            _DELIVERY_COLUMNS,
            [
                (
                    webhook_id(id, kind, generations[id]),
                    id,
                    monitors[id].endpoint_id,
                    monitors[id].id,
                    kind,
                    addresses[id] if is_ordered[monitors[id].endpoint_id] else None,
                    traces.get(block_hash),
                )
                for id, _, _, _, block_hash, *_ in rows
                if id in generations and monitors[id].endpoint_id in is_ordered
            ],
        )

    def _row(self, hit: Hit) -> tuple[Any, ...]:
        block = hit.block
        return (
            hit.id,
            hit.monitor.id,
            block.chain_id,
            block.number,
            _raw(block.hash),
            _raw(hit.transaction.hash),
            hit.transaction.index,
            hit.log_index,
            _raw(hit.address),
            hit.direction,
            payload(hit, self._chain.name, self._names),
            dt.datetime.fromtimestamp(block.timestamp, dt.UTC),
        )


def _firing_row(firing: window_store.Fired, chain_id: int) -> tuple[Any, ...]:
    block, last = firing.block, firing.last
    return (
        firing.id,
        firing.monitor.id,
        chain_id,
        block.number,
        _raw(block.hash),
        _raw(last.transaction.hash) if last else b"",
        last.transaction.index if last else -1,
        WINDOW,
        firing.key,
        "all",
        firing.payload,
        dt.datetime.fromtimestamp(block.timestamp, dt.UTC),
    )


def _item(hit: Hit) -> tuple[int, int]:
    """The log or the transaction: what is counted once, however many look for it."""
    return (hit.transaction.index, -1 if hit.log is None else hit.log.index)


def _next_number(message: Message) -> int:
    """The height of the block that comes next, with this message or after it."""
    if message.kind == ADDED:
        return decode_block(message.payload).number
    return decode_ref(message.payload).number


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
