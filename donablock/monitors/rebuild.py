"""Make the rows of our own contracts again, from the chain.

    rebuilt = await rebuild(database, source, chain)                    # put right
    rebuilt = await rebuild(database, source, chain, is_check=True)     # only look

The canonical chain is read from the first block of our contracts on, into tables of this connection
alone, and compared. What differs is put right in one transaction, which also sets the position of
the projections, so that they go on where this ends; they may be running meanwhile, and so may the
worker. Rows that were right are not touched.

All rows are compared while nobody is kept waiting. Only the projections then stand still, for as
long as it takes to look again at what differed and at what is newer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from asyncpg import Connection

from donablock.chain.blocks import Block
from donablock.chain.manifest import load_manifest
from donablock.chain.source import BlockSource
from donablock.errors import BlockGoneError, ChainError, ManifestError, StreamError
from donablock.monitors.builtin import Contracts, Known, created
from donablock.monitors.deployed import Deployed, Row, look_again
from donablock.monitors.matcher import CONSUMER as MATCHER
from donablock.monitors.projected import COLUMNS, CONSUMER, rows_of
from donablock.monitors.worker import WINDOW
from donablock.monitors.writing import MatchedChain
from donablock.store import positions
from donablock.store.database import Database
from donablock.telemetry import counter

__all__ = ["Difference", "Rebuilt", "rebuild"]

SHOWN = 100
"""Differences that are named; all are counted, and put right."""

_ROWS = 5_000
"""Rows kept in memory while the chain is read."""

_ROUNDS = 60
_PAUSE = 1.0
"""Times that the chain may have moved meanwhile, and seconds between looking."""

_differences = counter("rebuild_differences", "rows that a rebuild found wrong", "chain", "kind")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not as the chain says. kind: `missing`, `extra` (no such log), `differs`.
    columns: in which it differs."""

    kind: str
    block_number: int
    block_hash: str
    log_index: int
    contract: str
    name: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = f"{self.contract}.{self.name or '(no event of it)'}"
        said = {
            "missing": "is missing",
            "extra": "is not on the chain",
            "differs": f"differs in {', '.join(self.columns)}",
        }[self.kind]
        return f"block {self.block_number}, log {self.log_index}: {what} {said}"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """from_block, to_block: what was read, both included. rows: that the chain gives. count: rows
    that differed; `differences` names the first of them. contracts: addresses of ours that were
    missing in the table, or too many."""

    from_block: int
    to_block: int
    rows: int
    count: int
    differences: tuple[Difference, ...]
    contracts: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        return not self.count and not self.contracts


async def rebuild(
    database: Database,
    source: BlockSource,
    chain: MatchedChain,
    *,
    is_check: bool = False,
) -> Rebuilt:
    """is_check: nothing is written; rows are compared up to where the projections are.

    Raises ManifestError where nothing of ours is deployed, or on another chain than this one;
    StreamError where the chain was never followed; ChainError where it cannot be read.
    """
    async with database.connection() as connection:
        deployed = await _deployed(connection, source, chain.chain_id)
        await _make_tables(connection)
        try:
            reading = _Reading(connection, source, deployed)
            for at in range(_ROUNDS):
                if at:
                    await asyncio.sleep(_PAUSE if at > 1 else 0)
                try:
                    await reading.read_to(await _target(connection, chain.chain_id, is_check))
                    if is_check:
                        async with connection.transaction(isolation="repeatable_read"):
                            rebuilt = await reading.check()
                    else:
                        await reading.compare_ahead()
                        async with connection.transaction():
                            rebuilt = await reading.replace()
                    if rebuilt is not None:
                        return rebuilt
                except BlockGoneError as error:
                    _log.info("chain was reorganised", chain=chain.chain_id, because=str(error))
                    await reading.go_back()
        finally:
            await _drop_tables(connection)
    raise ChainError(
        f"the rows of chain {chain.chain_id} could not be compared: the worker is not where the"
        " nodes are; let it follow the chain, and try again"
    )


async def _deployed(connection: Connection, source: BlockSource, chain_id: int) -> Deployed:
    deployed = await Deployed(chain_id, CONSUMER).looked(connection)
    try:
        manifest = load_manifest(chain_id)
    except ManifestError:
        if not deployed.named:
            raise
        return deployed  # it is away; what it said last counts
    genesis = await source.ref(0)
    if genesis is not None and genesis.hash != manifest.genesis:
        raise ManifestError(
            f"the manifest of chain {chain_id} is of another chain (its block 0 is"
            f" {manifest.genesis}, the nodes' {genesis.hash}); move it away, or deploy again"
        )
    if not deployed.named:
        raise ManifestError(f"the manifest of chain {chain_id} names no contract of ours")
    return deployed


async def _target(connection: Connection, chain_id: int, is_check: bool) -> int:
    """The block to read to: where the projections are, or the worker."""
    if is_check:
        position = await positions.position(connection, CONSUMER, chain_id)
        return -1 if position.number is None else position.number
    number = await connection.fetchval("SELECT number FROM cursors WHERE chain_id = $1", chain_id)
    if number is None:
        raise StreamError(f"chain {chain_id} was never followed; run its worker first")
    return int(number)


# --- tables of this connection --------------------------------------------------------------------

_TABLES = """
CREATE TEMPORARY TABLE rebuilt_events (LIKE contract_events);
CREATE TEMPORARY TABLE rebuilt_differences (
    kind text, block_number bigint, block_hash bytea, log_index integer, contract text, name text,
    columns text[]);
CREATE TEMPORARY TABLE rebuilt_doubtful (block_hash bytea, log_index integer);
"""
_COMPARED = ("block_number", "transaction_hash", "contract", "name", "block_time", "address")
_DIFFERING = ", ".join(
    [f"CASE WHEN o.{one} IS DISTINCT FROM n.{one} THEN '{one}' END" for one in _COMPARED]
    # as it is written, to the byte
    + ["CASE WHEN o.args::text IS DISTINCT FROM n.args::text THEN 'args' END"]
)
_DOUBTFUL = "(block_hash, log_index) IN (SELECT block_hash, log_index FROM rebuilt_doubtful)"


def _compare(which: str) -> str:
    """The statement, for the rows of which this holds in both tables."""
    return f"""
INSERT INTO rebuilt_differences
SELECT kind, block_number, block_hash, log_index, contract, name, columns FROM (
    SELECT block_hash, log_index, coalesce(n.block_number, o.block_number) AS block_number,
        coalesce(n.contract, o.contract) AS contract, coalesce(n.name, o.name) AS name,
        CASE WHEN o.chain_id IS NULL THEN 'missing' WHEN n.chain_id IS NULL THEN 'extra'
            ELSE 'differs' END AS kind,
        array_remove(ARRAY[{_DIFFERING}], NULL) AS columns
    FROM (SELECT * FROM contract_events WHERE chain_id = $1 AND {which}) AS o
    FULL JOIN (SELECT * FROM rebuilt_events WHERE block_number <= $2 AND {which}) AS n
        USING (block_hash, log_index)
) AS compared
WHERE kind <> 'differs' OR columns <> ARRAY[]::text[]
"""


# what is newer may be another row in one table than in the other: so by key, not by block
_ADD_NEWER = """
INSERT INTO rebuilt_doubtful
SELECT block_hash, log_index FROM contract_events WHERE chain_id = $1 AND block_number > $2
UNION SELECT block_hash, log_index FROM rebuilt_events WHERE block_number > $2
"""
_REMOVE = """
DELETE FROM contract_events AS e USING rebuilt_differences AS d
WHERE e.chain_id = $1 AND e.block_hash = d.block_hash AND e.log_index = d.log_index
"""
_INSERT = f"""
INSERT INTO contract_events ({", ".join(COLUMNS)})
SELECT {", ".join(f"n.{one}" for one in COLUMNS)} FROM rebuilt_events AS n
JOIN rebuilt_differences AS d USING (block_hash, log_index)
"""
# a matcher that did not read those blocks, or not with this manifest, knows its contracts too
_FOR_MATCHER = """
INSERT INTO contract_instances (consumer, chain_id, address, contract, block_number, block_hash)
SELECT $3, chain_id, address, contract, block_number, block_hash FROM contract_instances
WHERE consumer = $2 AND chain_id = $1 AND block_hash <> '' AND block_number <= $4
ON CONFLICT DO NOTHING RETURNING block_number
"""
_PATIENCE = 3_600.0
"""Seconds for one statement over all rows."""


async def _make_tables(connection: Connection) -> None:
    await _drop_tables(connection)
    await connection.execute(_TABLES)


async def _drop_tables(connection: Connection) -> None:
    if not connection.is_closed():
        await connection.execute(
            "DROP TABLE IF EXISTS rebuilt_events, rebuilt_differences, rebuilt_doubtful"
        )


# --- the chain ------------------------------------------------------------------------------------


class _Reading:
    """The chain as far as it was read."""

    def __init__(self, connection: Connection, source: BlockSource, deployed: Deployed) -> None:
        self._connection = connection
        self._source = source
        self._deployed = deployed
        self._fixed = deployed.fixed
        self._chain_id = deployed.chain_id
        self._first = deployed.first_block or 0
        self._done = self._first - 1
        # of the last blocks: hashes by height
        self._hashes: dict[int, str] = {}
        self._made: dict[str, Row] = {}
        # up to this block all rows were compared, and those that differ are in rebuilt_doubtful
        self._compared: int | None = None

    @property
    def _known(self) -> Contracts:
        made = {row[0]: Known(row[1], row[2]) for row in self._made.values()}
        return {**made, **self._fixed}

    async def read_to(self, number: int) -> None:
        """Raises BlockGoneError where the chain is not the one that was read before."""
        known = dict(self._known)
        rows: list[tuple[Any, ...]] = []
        try:
            if number <= self._done:
                return
            async for block in self._source.blocks(range(self._done + 1, number + 1)):
                before = self._hashes.get(self._done, block.parent)
                if block.parent != before:
                    raise BlockGoneError(before)
                for address, one in created(block, self._fixed).items():
                    if known.setdefault(address, one) is one:
                        row = (address, one.contract, one.since, _raw(block.hash))
                        self._made[address] = row
                rows += rows_of(block, known)
                self._note(block)
                if len(rows) >= _ROWS:
                    await self._write(rows)
                    rows = []
                await asyncio.sleep(0)  # blocks that were read ahead come without a pause
        finally:
            await self._write(rows)

    def _note(self, block: Block) -> None:
        self._done = block.number
        self._hashes[block.number] = block.hash
        self._hashes.pop(block.number - 2 * WINDOW, None)

    async def _write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            await self._connection.copy_records_to_table(
                "rebuilt_events", records=rows, columns=COLUMNS
            )

    async def go_back(self) -> None:
        """So far that no reorganisation reaches below it, to read on from there."""
        self._done = max(self._first - 1, self._done - WINDOW)
        if self._compared is not None:
            self._compared = min(self._compared, self._done)
        self._hashes = {at: hash for at, hash in self._hashes.items() if at <= self._done}
        self._made = {at: one for at, one in self._made.items() if one[2] <= self._done}
        await self._connection.execute(
            "DELETE FROM rebuilt_events WHERE block_number > $1", self._done
        )

    def _is_read(self, number: int, hash: bytes | None) -> bool:
        """Whether what was read reaches this block. Raises BlockGoneError where another one was
        read at its height."""
        if number > self._done:
            return number < self._first
        found = self._hashes.get(number)
        if found is not None and hash is not None and found != "0x" + hash.hex():
            raise BlockGoneError(found)
        return True

    async def compare_ahead(self) -> None:
        """All rows, once, as they are found without holding anybody up. Those of the last blocks
        count as not compared, since the projections may still write them or take them back."""
        if self._compared is not None:
            return
        connection = self._connection
        before = await positions.register(connection, CONSUMER, self._chain_id)
        await self._look(self._done, "true")
        await connection.execute(
            "INSERT INTO rebuilt_doubtful SELECT block_hash, log_index FROM rebuilt_differences"
        )
        self._compared = min(-1 if before.number is None else before.number, self._done)
        self._compared -= 2 * WINDOW

    # --- in one transaction: None where there is more to read -------------------------------------

    async def check(self) -> Rebuilt | None:
        """Position and rows as they were at one moment."""
        row = await self._connection.fetchrow(
            "SELECT number, hash FROM positions WHERE consumer = $1 AND chain_id = $2",
            CONSUMER,
            self._chain_id,
        )
        number = -1 if row["number"] is None else row["number"]
        if not self._is_read(number, row["hash"]):
            return None
        await self._look(number, "true")
        return await self._found(number)

    async def replace(self) -> Rebuilt | None:
        connection, chain_id = self._connection, self._chain_id
        before = await positions.position(connection, CONSUMER, chain_id, is_locked=True)
        # after that lock, so that nothing is read which lies behind the projections. The worker may
        # go on: what it writes from here on are messages after this position
        cursor = await connection.fetchrow(
            "SELECT number, hash, next_seq FROM cursors WHERE chain_id = $1", chain_id
        )
        if not self._is_read(cursor["number"], cursor["hash"]):
            return None
        if cursor["number"] < self._done:
            raise BlockGoneError(self._hashes[self._done])  # the worker goes back, to go on
        await self._look_again(cursor["number"])
        rebuilt = await self._found(cursor["number"])
        if rebuilt.count:
            await connection.execute(_REMOVE, chain_id, timeout=_PATIENCE)
            await connection.execute(_INSERT, timeout=_PATIENCE)
        if rebuilt.contracts:
            await self._deployed.rewrite(connection, list(self._made.values()))
        await self._tell_matcher()
        await connection.execute(
            "UPDATE positions SET seq = $3, number = $4, hash = $5, updated_at = now()"
            " WHERE consumer = $1 AND chain_id = $2",
            *(CONSUMER, chain_id, cursor["next_seq"] - 1, cursor["number"], cursor["hash"]),
        )
        _log.info(
            "rebuilt",
            chain=chain_id,
            rows=rebuilt.rows,
            differences=rebuilt.count,
            position=cursor["next_seq"] - 1,
            before=before.seq,
        )
        return rebuilt

    async def _tell_matcher(self) -> None:
        connection, chain_id = self._connection, self._chain_id
        number = await connection.fetchval(
            "SELECT number FROM positions WHERE consumer = $1 AND chain_id = $2 FOR UPDATE",
            MATCHER,
            chain_id,
        )
        if number is not None:
            new = await connection.fetch(_FOR_MATCHER, chain_id, CONSUMER, MATCHER, number)
            if new:
                first = min(row["block_number"] for row in new)
                await look_again(connection, chain_id, first, number)

    async def _look(self, number: int, which: str) -> None:
        """Has the differences up to this block, of the rows of which `which` holds."""
        connection = self._connection
        await connection.execute("TRUNCATE rebuilt_differences")
        await connection.execute("ANALYZE rebuilt_events")
        await connection.execute(_compare(which), self._chain_id, number, timeout=_PATIENCE)

    async def _look_again(self, number: int) -> None:
        """At what differed, and at what is newer; the rest was right, and nobody changes it."""
        connection = self._connection
        await connection.execute(_ADD_NEWER, self._chain_id, self._compared, timeout=_PATIENCE)
        await connection.execute("ANALYZE rebuilt_doubtful")
        await self._look(number, _DOUBTFUL)

    async def _found(self, number: int) -> Rebuilt:
        """The differences of the table with what was read, up to this block."""
        connection = self._connection
        kinds = await connection.fetch(
            "SELECT kind, count(*) AS count FROM rebuilt_differences GROUP BY kind"
        )
        for row in kinds:
            _differences.labels(self._chain_id, row["kind"]).inc(row["count"])
        named = await connection.fetch(
            "SELECT * FROM rebuilt_differences ORDER BY block_number, log_index, block_hash"
            " LIMIT $1",
            SHOWN,
        )
        return Rebuilt(
            self._first,
            number,
            await connection.fetchval(
                "SELECT count(*) FROM rebuilt_events WHERE block_number <= $1", number
            ),
            sum(row["count"] for row in kinds),
            tuple(
                Difference(
                    row["kind"],
                    row["block_number"],
                    "0x" + row["block_hash"].hex(),
                    row["log_index"],
                    row["contract"],
                    row["name"],
                    tuple(row["columns"]) if row["kind"] == "differs" else (),
                )
                for row in named
            ),
            await self._wrong_contracts(number),
        )

    async def _wrong_contracts(self, number: int) -> tuple[str, ...]:
        rows = await self._connection.fetch(
            "SELECT address, contract, block_number, block_hash FROM contract_instances"
            " WHERE consumer = $1 AND chain_id = $2",
            CONSUMER,
            self._chain_id,
        )
        stored = {
            ("0x" + row["address"].hex(), row["contract"], row["block_number"], row["block_hash"])
            for row in rows
        }
        wanted = set(self._deployed.rows(self._made.values(), number))
        return tuple(sorted({one[0] for one in stored ^ wanted}))


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
