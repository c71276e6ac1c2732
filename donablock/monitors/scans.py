"""Look for what was before a monitor: the blocks from its `from_block` up to where the matcher has
taken it up.

    scanner = Scanner(database, source, chain)
    await scanner.run()         # leads the chain's scans, or waits until it may

The matcher asks for a scan in the transaction in which it takes a monitor up (roster.py). Blocks
are read from the nodes and matched as any; then, in one transaction under the lock of the matcher's
position, they are compared with the chain that the matcher is on, their matches are written as the
matcher writes them, and the scan moves on. So what a block tells is there once, whichever of both
comes to it first, and what is taken back later is retracted by the matcher, whoever wrote it. A
scan that is killed anywhere goes on at its position.

    without a window    the monitor is live at once; its scan ends below the block of that
    with a window       what a window holds follows from all blocks before. The scan keeps it as the
                        matcher would, and makes the monitor live in the transaction in which it
                        comes to the matcher's place. A block that is taken back meanwhile takes the
                        scan back with it.

A monitor that is changed meanwhile is looked for as it is from the scan's next block on; one that
is disabled makes its scan wait, and one that is deleted ends it. Blocks from before the chain was
followed are looked at when they are FINAL blocks deep, since nobody would tell of their end. A scan
that cannot go on says why in `scans.error`, and tries again; nothing is passed over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog
from asyncpg import Connection
from msgspec import Struct

from donablock.chain.blocks import Block
from donablock.chain.source import BlockSource
from donablock.errors import ChainError, InputError
from donablock.monitors import deliveries, quotas, scan_store, window_store
from donablock.monitors.builtin import Contracts, created
from donablock.monitors.deployed import Deployed, look_again
from donablock.monitors.index import Index
from donablock.monitors.matcher import CONSUMER
from donablock.monitors.matching import Hit, Tally, match_block
from donablock.monitors.monitor import Monitor
from donablock.monitors.payloads import Names
from donablock.monitors.roster import read_monitor
from donablock.monitors.scan_store import Row, Standing
from donablock.monitors.window_store import FINAL
from donablock.monitors.writing import MatchedChain, Writing
from donablock.store import positions
from donablock.store.database import Database, Leadership
from donablock.store.positions import Position
from donablock.store.revisions import next_revision
from donablock.telemetry import counter, span

BATCH = 100
"""Blocks of one transaction, while the matcher waits; fewer where they hold much, or more than so
many logs and transactions:"""
BATCH_ITEMS = 20_000
BATCH_MATCHES = 2_000
BATCH_WINDOWED = 50
"""Of a monitor with a window, where each block is looked at in the database."""

TOGETHER = 200
"""Scans that are at the same place look at a block together, at most so many."""

WAIT = 1.0
"""Seconds until it is looked again whether there is something to scan."""

LONGEST_PAUSE = 60.0
"""Seconds between two tries of a scan that cannot go on."""

_scanned = counter("scan_blocks", "blocks that scans looked at", "chain")
_log = structlog.get_logger(__name__)


class _ChangedError(Exception):
    """A monitor was changed while its blocks were read: once more, as it is now."""


class _Watched(Struct, frozen=True):
    """One scan with its monitor. addresses: from which block on each is watched."""

    row: Row
    monitor: Monitor
    addresses: dict[str, int | None]

    @property
    def id(self) -> str:
        return self.row.id

    def is_asked(self, hit: Hit) -> bool:
        """Whether its address was watched then."""
        if self.monitor.is_watching_everything:
            return True
        first = self.addresses.get(hit.address)
        if first is None:
            # new: with a live monitor it is the matcher's, otherwise it counts from this scan's
            # next block on
            return not self.row.is_live
        return first <= hit.block.number


class _Rest(Struct, frozen=True):
    """Until when a scan is left alone, and why."""

    until: float
    pause: float
    why: str


class _Read(Struct):
    """Blocks, and what was found in each, by number. before_at: the time of the block before them,
    where it had to be asked for."""

    blocks: list[Block]
    hits: dict[int, list[Hit]]
    before_at: int | None = None
    deployed: Deployed | None = None


class Scanner:
    """Scans one chain."""

    def __init__(
        self,
        database: Database,
        source: BlockSource,
        chain: MatchedChain,
        *,
        names: Names | None = None,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """names: of contracts, for the payloads. pause: seconds until a scan that could not go on
        is tried again; each time twice as many."""
        self._database = database
        self._source = source
        self._chain = chain
        self._names = names
        self._pause = pause
        self._clock = clock
        self._resting: dict[str, _Rest] = {}
        self._known: dict[str, tuple[int, bool, Monitor, dict[str, int | None]]] = {}
        self._index: tuple[tuple[object, ...], Index] = ((), Index())
        self._deployed = Deployed(chain.chain_id, CONSUMER)

    async def run(self) -> None:
        """Scans whenever this process leads the chain's scans; returns never, but for errors."""
        await self._database.lead(f"scanner|{self._chain.chain_id}", self.follow)

    async def follow(self, lead: Leadership) -> None:
        """As the leader. That two never write together is held by the positions' rows."""
        while True:
            lead.check()
            if not await self.step():
                await asyncio.sleep(WAIT)

    async def step(self) -> bool:
        """Looks at the next blocks of some scan. False: there is none that can go on now."""
        now = self._clock()
        resting = [id for id, rest in self._resting.items() if rest.until > now]
        async with self._database.connection() as connection:
            await scan_store.close(connection, self._chain.chain_id)
            rows = await scan_store.waiting(
                connection, self._chain.chain_id, CONSUMER, resting, TOGETHER
            )
        wanted = {row.monitor["id"] for row in rows}
        self._known = {id: kept for id, kept in self._known.items() if id in wanted}
        tried: set[str] = set()
        for row in rows:
            if row.id in tried:
                continue
            group = [one for one in self._beside(row, rows) if one.id not in tried]
            tried.update(one.id for one in group)
            scans = await self._taken(group)
            if not scans:
                continue
            try:
                with span("scan", chain=self._chain.chain_id):
                    why = await self._scan(scans)
            except _ChangedError:
                return True
            except ChainError as error:
                why = str(error)
            if why is None:
                for scan in scans:
                    self._resting.pop(scan.id, None)
                return True
            await self._rest([scan.id for scan in scans], why)
        return False

    @staticmethod
    def _beside(one: Row, rows: Sequence[Row]) -> list[Row]:
        """Those that the same blocks are read for. A window is kept for one monitor at a time."""
        if not one.is_live:
            return [one]
        live = [row for row in rows if row.is_live]
        first = min(row.position for row in live if row.position > one.position - BATCH)
        return [row for row in live if first <= row.position < first + BATCH]

    async def _rest(self, ids: Sequence[str], why: str) -> None:
        for id in ids:
            before = self._resting.get(id)
            pause = self._pause if before is None else min(before.pause * 2, LONGEST_PAUSE)
            self._resting[id] = _Rest(self._clock() + pause, pause, why)
            if before is None or before.why != why:
                _log.info("scan waits", scan=id, because=why)
        async with self._database.connection() as connection:
            await scan_store.wait(connection, ids, why)

    # --- reading ------------------------------------------------------------------------------

    async def _taken(self, rows: Sequence[Row]) -> list[_Watched]:
        """Those that can go on, the one with the lowest position first."""
        found = []
        for row in rows:
            try:
                scan = await self._take(row)
            except InputError as error:
                await self._rest([row.id], f"the monitor cannot be read: {error}")
                continue
            if scan is not None:
                found.append(scan)
        return sorted(found, key=lambda scan: scan.row.position)

    async def _take(self, row: Row) -> _Watched | None:
        """The scan with its monitor. None for one that has come to an end. Raises InputError."""
        monitor_id, revision = row.monitor["id"], row.monitor["revision"]
        kept = self._known.get(monitor_id)
        if kept is None or kept[:2] != (revision, row.is_live):
            monitor = read_monitor(row.monitor, row.from_block)
            if monitor is None:
                raise InputError("this version does not understand its definition")
            async with self._database.connection() as connection:
                found = await scan_store.addresses(connection, monitor_id)
            kept = self._known[monitor_id] = (revision, row.is_live, monitor, found)
        monitor, found = kept[2:]
        window = monitor.program.window
        if row.is_live and window is not None:
            async with self._database.connection() as connection:
                await scan_store.fail(
                    connection,
                    [row.id],
                    "the monitor was given a window meanwhile, and that counts from then on",
                )
            return None
        return _Watched(row, monitor, found)

    def _index_of(self, scans: Sequence[_Watched]) -> Index:
        key = tuple((one.monitor.id, one.monitor.revision, one.row.is_live) for one in scans)
        if self._index[0] != key:
            self._index = (key, Index.of((one.monitor, one.addresses) for one in scans))
        return self._index[1]

    async def _scan(self, scans: Sequence[_Watched]) -> str | None:
        first = scans[0].row.position
        last, why = await self._range(scans)
        index = self._index_of(scans)
        read = _Read([], {})
        if last >= first:
            why = await self._read(read, range(first, last + 1), index)
        if not scans[0].row.is_live:
            read.before_at = await self._before_at(first)
        moved, found = await self._write(scans, index, read)
        if moved:
            return None
        return found or why or f"block {first} is not there yet"

    async def _range(self, scans: Sequence[_Watched]) -> tuple[int, str | None]:
        """The last block to read, and why it is not more."""
        chain_id, first = self._chain.chain_id, scans[0].row.position
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT p.number AS here, c.number AS written, (SELECT min(number) FROM blocks"
                "   WHERE chain_id = $1 AND is_canonical) AS lowest"
                " FROM positions AS p JOIN cursors AS c USING (chain_id)"
                " WHERE p.chain_id = $1 AND p.consumer = $2",
                chain_id,
                CONSUMER,
            )
        here = row["here"]
        if scans[0].row.is_live:
            last = min(here, first + BATCH - 1, max(one.row.to_block for one in scans))
        else:
            # beyond the matcher, which goes on while we read
            last = min(row["written"], first + BATCH_WINDOWED - 1)
        lowest = row["lowest"] if row["lowest"] is not None else here + 1
        if first < lowest and last > self._final(here):
            final = self._final(here)
            if final < min(lowest - 1, last):
                return final, self._too_new(first, lowest, here)
        return last, None

    def _final(self, here: int) -> int:
        """Up to there a block counts though no message told of it."""
        return here - FINAL if self._chain.confirmations else here

    def _too_new(self, number: int, lowest: int, here: int) -> str:
        return (
            f"block {number} is from before this chain is followed (that is since {lowest}), so it"
            f" is looked at when it is {FINAL} blocks deep; the chain is at {here}"
        )

    async def _read(self, into: _Read, numbers: range, index: Index) -> str | None:
        """Blocks with what is in them, as many as make a transaction. Returns why not all of them
        could be read; raises ChainError if not even the first could."""
        tally = Tally()
        items = matches = 0
        try:
            async for block in self._source.blocks(numbers):
                into.blocks.append(block)
                own = await self._own(into, index, block)
                hits = into.hits[block.number] = match_block(block, index, tally, own)
                items += block.items
                matches += len(hits)
                if items > BATCH_ITEMS or matches > BATCH_MATCHES:
                    break
                await asyncio.sleep(0)  # others go on beside it
        except ChainError as error:
            if not into.blocks:
                raise
            return str(error)
        return None

    async def _own(self, into: _Read, index: Index, block: Block) -> Contracts | None:
        """Our contracts, also those that were made in the blocks read before this one."""
        if not index.is_of_ours:
            return None
        async with self._database.connection() as connection:
            if into.deployed is None:
                into.deployed = self._deployed = await self._deployed.looked(connection)
            known = dict(await into.deployed.known(connection, [block]))
        for one in into.blocks:
            known |= created(one, into.deployed.fixed)
        return known

    async def _before_at(self, first: int) -> int | None:
        """The time of the block before."""
        if first == 0:
            return None
        before = await self._source.ref(first - 1)
        return None if before is None else before.timestamp

    # --- one transaction ----------------------------------------------------------------------

    async def _write(
        self, scans: Sequence[_Watched], index: Index, read: _Read
    ) -> tuple[bool, str | None]:
        """Whether something moved, and if not, why."""
        chain_id = self._chain.chain_id
        first = scans[0].row.position
        last = read.blocks[-1].number if read.blocks else first - 1

        async def work(connection: Connection) -> tuple[bool, str | None]:
            here = await positions.position(connection, CONSUMER, chain_id, is_locked=True)
            places = await scan_store.locked(connection, [one.id for one in scans])
            mine = [one for one in scans if places.get(one.id) == one.row.position]
            if not mine:
                return True, None  # by a transaction of ours whose end we did not hear
            line = await scan_store.line(connection, chain_id, here.hash, first - 1, last + 1)
            blocks, why = self._agreeing(read.blocks, here, line)
            new = None
            if read.deployed is not None:
                new = await read.deployed.note(connection, blocks)
            writing = Writing(connection, self._chain, self._names)
            if mine[0].row.is_live:
                moved = await self._plain(connection, writing, mine, here, blocks, read)
                is_there = False
            else:
                before = line.get(first - 1)
                at = before.at if before is not None else read.before_at
                moved, is_there = await self._windowed(
                    connection, writing, mine[0], index, here, blocks, read, at
                )
            assert here.number is not None
            if new is not None:
                # a contract that the matcher has not known up to here
                await look_again(connection, chain_id, new, here.number)
            if not moved:
                return False, why
            await writing.confirmed(here.number - self._chain.confirmations)
            revisions = {one.monitor.id: one.monitor.revision for one in mine}
            if not await scan_store.are_unchanged(connection, revisions):
                raise _ChangedError
            await quotas.count(connection, writing.messages)
            if is_there:
                await scan_store.hand_over(
                    connection,
                    mine[0].monitor.id,
                    await next_revision(connection),
                    seq=here.seq + 1,
                    number=here.number + 1,
                )
            await deliveries.announce(connection)
            return True, None

        try:
            moved, why = await self._database.run(work, idempotent_by="the scan's position")
        finally:
            if not scans[0].row.is_live:
                # its new addresses have a first block now, or have not
                self._known.pop(scans[0].monitor.id, None)
        if moved:
            _scanned.labels(chain_id).inc(len(read.blocks))
        return moved, why

    def _agreeing(
        self, blocks: Sequence[Block], here: Position, line: dict[int, Standing]
    ) -> tuple[list[Block], str | None]:
        """Those that the matcher's chain consists of, up to the first that it does not, and why
        that is so."""
        found: list[Block] = []
        tip = -1 if here.number is None else here.number
        for block in blocks:
            if block.number > tip:
                return found, None
            same, above = line.get(block.number), line.get(block.number + 1)
            if same is None and block.number > self._final(tip):
                return found, self._too_new(block.number, min(line, default=tip + 1), tip)
            ours = same.hash if same is not None else above.parent if above is not None else None
            if ours is not None and ours != block.hash:
                return found, (
                    f"the nodes have another block {block.number} ({block.hash}) than the chain"
                    f" that was followed ({ours}); it goes on when they agree"
                )
            found.append(block)
        return found, None

    async def _plain(
        self,
        connection: Connection,
        writing: Writing,
        scans: Sequence[_Watched],
        here: Position,
        blocks: Sequence[Block],
        read: _Read,
    ) -> bool:
        """Whether one of them moved. Above its end the matcher looks by itself; where the chain was
        taken back below that, so it does from there on."""
        assert here.number is not None
        by_monitor = {one.monitor.id: one for one in scans}
        found: list[Hit] = []
        for block in blocks:
            for hit in read.hits[block.number]:
                scan = by_monitor.get(hit.monitor.id)
                if scan is not None and scan.is_asked(hit):
                    if scan.row.position <= block.number <= scan.row.to_block:
                        found.append(hit)
        to: dict[str, int] = {}
        done = []
        for scan in scans:
            row = scan.row
            position = max(row.position, blocks[-1].number + 1 if blocks else 0)
            position = min(position, row.to_block + 1)
            is_done = position > min(row.to_block, here.number)
            if is_done or position > row.position:
                to[row.id] = position
            if is_done:
                done.append(row.id)
        if not to:
            return False
        await writing.detected(found)
        await scan_store.advance(connection, to, done)
        return True

    async def _windowed(
        self,
        connection: Connection,
        writing: Writing,
        scan: _Watched,
        index: Index,
        here: Position,
        blocks: Sequence[Block],
        read: _Read,
        at: int | None,
    ) -> tuple[bool, bool]:
        """Whether it moved, and whether it is where the matcher is. at: the time of the block
        before these; None before block 0."""
        assert here.number is not None
        row, monitor = scan.row, scan.monitor
        position = blocks[-1].number + 1 if blocks else row.position
        is_there = position == here.number + 1
        if at is None and blocks:
            at = blocks[0].timestamp
        if at is None or not (blocks or is_there):
            return False, False
        chain_id = self._chain.chain_id
        added = await scan_store.watch(connection, monitor.id, row.position)
        if row.position == row.from_block:
            await window_store.drop(connection, [monitor.id])
        await window_store.begin(
            connection, chain_id, [(monitor, added)], index, number=row.position - 1, at=at
        )
        found: list[Hit | window_store.Fired] = []
        for block in blocks:
            hits = [hit for hit in read.hits[block.number] if scan.is_asked(hit)]
            if monitor.program.window is None:
                found += hits
            else:
                found += await window_store.advance(
                    connection, block, [monitor], {monitor.id: hits}, self._chain.name, at
                )
            at = block.timestamp
        await writing.detected(found)
        if blocks and blocks[-1].number <= here.number - FINAL:
            await window_store.forget(connection, [monitor], at)
        await scan_store.advance(
            connection,
            {row.id: position},
            [row.id] if is_there else [],
            here.number if is_there else None,
        )
        return True, is_there
