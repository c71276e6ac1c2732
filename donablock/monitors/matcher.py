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

import structlog
from asyncpg import Connection

from donablock.chain.blocks import Block, decode_block, decode_ref
from donablock.errors import StreamError
from donablock.monitors import deliveries, quotas, scan_store, window_store
from donablock.monitors.builtin import Contracts
from donablock.monitors.deployed import Deployed, look_again
from donablock.monitors.matching import Hit, Tally, match_block
from donablock.monitors.payloads import Names
from donablock.monitors.roster import Roster
from donablock.monitors.window_store import Fired
from donablock.monitors.worker import HISTORY
from donablock.monitors.writing import MatchedChain, Writing
from donablock.store import positions
from donablock.store.database import Database, Leadership
from donablock.store.positions import Position
from donablock.store.schema import ADDED
from donablock.store.stream import Message, Stream
from donablock.telemetry import counter, current_trace, histogram, span

CONSUMER = "matcher"

BATCH = 100
"""Messages done in one transaction, where so many wait."""

BATCH_MATCHES = 20_000
"""Matches that are held in memory before they are written; where a transaction made more, the next
one takes fewer messages."""

WAIT = 5.0
"""Seconds until the stream is looked at again though nobody told of news."""

PRUNED = 64
"""Blocks after which what windows need no more is thrown away."""

_blocks = counter("matcher_blocks", "blocks that were matched, or taken back", "chain", "kind")
_matches = counter("matcher_matches", "matches that were written", "chain")
_passed_over = counter("matcher_passed_over", "logs and calls that could not be judged", "why")
_matched = histogram(
    "block_to_matched_seconds", "from the second of a block to its matches", "chain"
)
_log = structlog.get_logger(__name__)

_COUNTED = """
UPDATE blocks SET matched = t.matched, unmatched = t.items - t.matched
FROM unnest($2::bytea[], $3::int[], $4::int[]) AS t (hash, items, matched)
WHERE blocks.chain_id = $1 AND blocks.hash = t.hash
"""


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
        self.deployed = Deployed(chain.chain_id, CONSUMER)
        self._limit = BATCH

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
            self._chain.chain_id, before.seq, min(limit, self._limit), place=before.place
        )
        if not messages:
            return False

        async def work(connection: Connection) -> tuple[Roster, Deployed] | None:
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
            done = await self._database.run(work, idempotent_by="the position in the stream")
            _log.debug("matched", chain=self._chain.chain_id, up_to=messages[-1].seq)
        if done is not None:
            self.roster, self.deployed = done
        return True

    # --- one transaction ----------------------------------------------------------------------

    async def _do(
        self, connection: Connection, before: Position, messages: Sequence[Message]
    ) -> tuple[Roster, Deployed]:
        """Messages in order; blocks that come one after the other are written together."""
        chain_id = self._chain.chain_id
        first, following = messages[0], _next_number(messages)
        roster, deployed = self.roster, self.deployed
        if following is not None:
            roster, new = await roster.taken_up(
                connection, chain_id, seq=first.seq, number=following
            )
            if new:
                after, at = await self._beginning(connection, before, first)
                await window_store.begin(
                    connection, chain_id, new, roster.index, number=after, at=at
                )
            deployed = await deployed.taken_up(connection)
            if deployed is not self.deployed and deployed.came is not None:
                await look_again(connection, chain_id, deployed.came, following - 1)
        writing = Writing(connection, self._chain, self._names)
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
            await self._came(connection, writing, roster, deployed, run, traces)
            run = []
            gone = decode_ref(message.payload)
            await writing.retracted(_raw(gone.hash), message.trace)
            await window_store.retract(connection, chain_id, _raw(gone.hash))
            await scan_store.step_back(connection, chain_id, gone.number)
            await deployed.forget(connection, _raw(gone.hash))
            _blocks.labels(chain_id, "orphaned").inc()
            number, hash = gone.number - 1, _raw(gone.parent)
        await self._came(connection, writing, roster, deployed, run, traces)
        last = messages[-1]
        if number is not None and number // PRUNED != (before.number or 0) // PRUNED:
            await window_store.prune(connection, chain_id, roster.windowed, number)
        await quotas.count(connection, writing.messages)
        await positions.advance(connection, before, last.seq, last.place, number=number, hash=hash)
        await deliveries.announce(connection)
        return roster, deployed

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
        writing: Writing,
        roster: Roster,
        deployed: Deployed,
        blocks: Sequence[Block],
        traces: Mapping[bytes, str | None],
    ) -> None:
        """traces: by the block's hash; what is told of a block goes on under its trace."""
        if not blocks:
            return
        chain_id, tally = self._chain.chain_id, Tally()
        own: Contracts = {}
        await deployed.note(connection, blocks)
        if roster.index.is_of_ours:
            own = await deployed.known(connection, blocks)
        detected: list[Hit | Fired] = []
        items: list[int] = []
        count = 0
        for block in blocks:
            windowed: dict[str, list[Hit]] = {}
            found = match_block(block, roster.index, tally, own)
            items.append(len({_item(hit) for hit in found}))
            for hit in found:
                # a window's matches are told of by what they add up to
                if hit.monitor.program.window is not None:
                    windowed.setdefault(hit.monitor.id, []).append(hit)
                else:
                    detected.append(hit)
            detected += await window_store.advance(
                connection, block, roster.windowed, windowed, self._chain.name
            )
            if len(detected) > BATCH_MATCHES:
                count += await writing.detected(detected, traces)
                detected = []
        count += await writing.detected(detected, traces)
        is_much = count > BATCH_MATCHES
        self._limit = max(1, self._limit // 2) if is_much else min(BATCH, self._limit * 2)
        await writing.confirmed(blocks[-1].number - self._chain.confirmations, current_trace())
        await connection.execute(
            _COUNTED,
            chain_id,
            [_raw(block.hash) for block in blocks],
            [block.items for block in blocks],
            items,
        )
        for block in blocks:
            age = time.time() - block.timestamp
            if age < HISTORY:
                _matched.labels(chain_id).observe(max(0.0, age))
        _blocks.labels(chain_id, "added").inc(len(blocks))
        _matches.labels(chain_id).inc(count)
        for why, passed in (("malformed", tally.malformed), ("undefined", tally.undefined)):
            _passed_over.labels(why).inc(sum(passed.values()))
        for monitor_id in tally.broken:
            _log.error("monitor's condition cannot be read", monitor=monitor_id)


def _item(hit: Hit) -> tuple[int, int]:
    """The log or the transaction: what is counted once, however many look for it."""
    return (hit.transaction.index, -1 if hit.log is None else hit.log.index)


def _next_number(messages: Sequence[Message]) -> int | None:
    """The height of the next block that comes: that of the first message, or lower, where blocks go
    first. None where all of them tell of blocks that go: more may go, and nobody knows yet."""
    for message in messages:
        if message.kind == ADDED:
            return decode_block(message.payload).number
    return None


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
