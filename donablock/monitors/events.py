"""What was found, for whoever asks: one event, pages of them, and what came since.

    events = Events(database)
    page = await events.page("pr_1", "mo_1", limit=20)
    older = await events.page("pr_1", "mo_1", limit=20, before=page.before)

Events outlive the monitor that found them. What a project asks for by an id that is not its own is
answered as if there were no such thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec
from asyncpg import Connection

from donablock.errors import InputError, NotFoundError
from donablock.monitors.conditions.lexer import show
from donablock.monitors.ids import WINDOW
from donablock.monitors.messages import CONFIRMED, DETECTED, RETRACTED, event_id, webhook_id
from donablock.monitors.texts import known, page_size, raw_address
from donablock.store import schema
from donablock.store.database import Database

__all__ = ["ChainState", "Event", "EventPage", "Events", "State", "chain_states"]

State = Literal["detected", "confirmed", "retracted"]

_STATES: dict[str, int] = {
    "detected": schema.DETECTED,
    "confirmed": schema.CONFIRMED,
    "retracted": schema.RETRACTED,
}
_NAMES: dict[int, State] = {
    schema.DETECTED: "detected",
    schema.CONFIRMED: "confirmed",
    schema.RETRACTED: "retracted",
}
_EVENT = re.compile(r"evt_[0-9a-f]{32}", re.ASCII)
_HASH = re.compile(r"0x[0-9A-Fa-f]{64}", re.ASCII)
_MOST_IDS = 1_000

# Where a filter has no index, so many of the newest are looked at in one call: of one monitor, and
# of all that a project has.
_LOOKED_AT = 10_000
_LOOKED_AT_IN_ALL = 20_000

_COLUMNS = ", ".join(
    f"e.{name}"
    for name in (
        *("id", "monitor_id", "chain_id", "block_number", "block_hash", "transaction_hash"),
        *("log_index", "address", "direction", "generation", "state", "payload", "block_time"),
        *("created_at", "sequence"),
    )
)

# Of each monitor the newest, of those the newest, and of those what the filters let through. The
# payloads, which are long, are read only of these. A row without an event is for pages on which
# nothing is found, and says where to go on.
_PAGE = f"""
WITH newest AS MATERIALIZED (
    SELECT own.* FROM unnest($1::text[]) AS m (id) CROSS JOIN LATERAL (
        SELECT id, sequence, address, transaction_hash, block_number, state FROM matches
        WHERE monitor_id = m.id AND ($2::bigint IS NULL OR sequence < $2)
        ORDER BY sequence DESC LIMIT $3
    ) AS own ORDER BY own.sequence DESC LIMIT $3
), bounds AS (
    SELECT count(*) AS seen, min(sequence) AS oldest FROM newest
), chosen AS (
    SELECT id FROM newest
    WHERE ($4::bytea IS NULL OR address = $4) AND ($5::bytea IS NULL OR transaction_hash = $5)
      AND ($6::bigint IS NULL OR block_number >= $6) AND ($7::bigint IS NULL OR block_number <= $7)
      AND ($8::smallint IS NULL OR state = $8)
    ORDER BY sequence DESC LIMIT $9 + 1
)
SELECT bounds.seen, bounds.oldest, {_COLUMNS}
FROM bounds LEFT JOIN (chosen JOIN matches AS e ON e.id = chosen.id) ON true
WHERE bounds.seen > 0
ORDER BY e.sequence DESC
"""

_CHAINS = """
SELECT c.chain_id, c.name, c.confirmations, c.state, c.halted_because,
    r.number, r.hash, b.timestamp AS block_time, r.updated_at AS read_at,
    p.number AS matched_number, p.updated_at AS matched_at,
    coalesce(r.next_seq - 1 - p.seq, 0) AS waiting
FROM chains AS c
LEFT JOIN cursors AS r ON r.chain_id = c.chain_id
LEFT JOIN blocks AS b ON b.chain_id = c.chain_id AND b.hash = r.hash
LEFT JOIN positions AS p ON p.chain_id = c.chain_id AND p.consumer = 'matcher'
ORDER BY c.chain_id
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a monitor found. log_index: None for a transfer of the chain's coin, a call,
    or a window. transaction_hash, address: None where a window came true without one. data: what
    webhooks say under `data`. sequence: in the order in which a monitor's events were found; what
    pages are turned by. deliveries: its webhook-ids; only from `get`."""

    id: str
    monitor_id: str
    chain_id: int
    block_number: int
    block_hash: str
    transaction_hash: str | None
    log_index: int | None
    address: str | None
    direction: str
    state: State
    generation: int
    data: dict[str, Any] = field(repr=False)
    block_time: datetime
    created_at: datetime
    sequence: int
    deliveries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventPage:
    """before: what to ask for the next page with; None: there is none. Where something is searched
    for, a page may have less than asked for, even nothing, and still be followed by others."""

    events: tuple[Event, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far a chain is read and matched. number, hash, block_time: of the last block that was
    read. matched_number: None before the first. waiting: messages that are not matched yet."""

    chain_id: int
    name: str
    confirmations: int
    state: str
    halted_because: str | None
    number: int | None
    hash: str | None
    block_time: datetime | None
    read_at: datetime | None
    matched_number: int | None
    matched_at: datetime | None
    waiting: int


class Events:
    """For the API: every call names the project that asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, project: str, event: str) -> Event:
        """With its deliveries. Raises NotFoundError."""
        match = _match(event)
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT {_COLUMNS} FROM matches AS e JOIN monitors AS m ON m.id = e.monitor_id"
                " WHERE e.id = $1 AND m.project_id = $2",
                *(match, known("project", project)),
            )
            if row is None:
                raise NotFoundError(f"there is no event {event}")
            messages = [
                webhook_id(match, kind, generation)
                for generation in range(1, row["generation"] + 1)
                for kind in (DETECTED, CONFIRMED, RETRACTED)
            ]
            made = await connection.fetch(
                "SELECT id FROM deliveries WHERE id = ANY($1::text[]) ORDER BY sequence", messages
            )
        return _event(row, tuple(one["id"] for one in made))

    async def page(
        self,
        project: str,
        monitor: str | None = None,
        *,
        address: str | None = None,
        transaction: str | None = None,
        from_block: int | None = None,
        to_block: int | None = None,
        state: State | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> EventPage:
        """The newest found first; of one monitor, or of all. Blocks: both included. Raises
        InputError, NotFoundError."""
        page_size(limit)
        filters = [
            None if address is None else raw_address(address),
            None if transaction is None else _hash(transaction),
            _number("a block", from_block),
            _number("a block", to_block),
            None if state is None else _state(state),
        ]
        is_filtered = any(one is not None for one in filters)
        async with self._database.connection() as connection:
            monitors = await self._monitors(connection, project, monitor)
            # one more than wanted tells whether there are more
            look = limit + 1
            if is_filtered:
                look = max(look, min(_LOOKED_AT, _LOOKED_AT_IN_ALL // max(1, len(monitors))))
            rows = await connection.fetch(
                _PAGE, monitors, _number("a cursor", before), look, *filters, limit
            )
        found = [_event(row) for row in rows if row["id"] is not None]
        if len(found) > limit:
            return EventPage(tuple(found[:limit]), found[limit - 1].sequence)
        is_cut = bool(rows) and rows[0]["seen"] == look
        return EventPage(tuple(found), rows[0]["oldest"] if is_cut else None)

    async def after(
        self, project: str, monitor: str, sequence: int, limit: int = 100
    ) -> list[Event]:
        """What a monitor found after the event with this sequence, the oldest first. Raises
        InputError, NotFoundError."""
        page_size(limit)
        async with self._database.connection() as connection:
            monitors = await self._monitors(connection, project, monitor)
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM matches AS e WHERE e.monitor_id = ANY($1::text[])"
                " AND e.sequence > $2 ORDER BY e.sequence LIMIT $3",
                *(monitors, _number("a sequence", sequence), limit),
            )
        return [_event(row) for row in rows]

    async def last(self, project: str, monitor: str) -> int:
        """The sequence of the newest; 0 if there is none. Raises NotFoundError."""
        async with self._database.connection() as connection:
            monitors = await self._monitors(connection, project, monitor)
            found = await connection.fetchval(
                "SELECT sequence FROM matches WHERE monitor_id = $1 ORDER BY sequence DESC LIMIT 1",
                monitors[0],
            )
        return int(found or 0)

    async def states(self, project: str, ids: Iterable[str]) -> dict[str, tuple[State, int]]:
        """State and generation by id, at most 1,000 at once; ids that are not the project's are
        left out. Raises InputError."""
        wanted = list(ids)
        if len(wanted) > _MOST_IDS:
            raise InputError(f"at most {_MOST_IDS} events at once")
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT e.id, e.state, e.generation FROM matches AS e"
                " JOIN monitors AS m ON m.id = e.monitor_id"
                " WHERE e.id = ANY($1::bytea[]) AND m.project_id = $2",
                *([_match(one) for one in wanted], known("project", project)),
            )
        return {event_id(row["id"]): (_NAMES[row["state"]], row["generation"]) for row in rows}

    async def _monitors(
        self, connection: Connection, project: str, monitor: str | None
    ) -> list[str]:
        """Those whose events are asked for, also deleted ones. Raises NotFoundError."""
        if monitor is not None:
            known("monitor", monitor)
        rows = await connection.fetch(
            "SELECT id FROM monitors WHERE project_id = $1 AND ($2::text IS NULL OR id = $2)",
            *(known("project", project), monitor),
        )
        if monitor is not None and not rows:
            raise NotFoundError(f"there is no monitor {monitor}")
        return [row["id"] for row in rows]


async def chain_states(database: Database) -> list[ChainState]:
    """Of every chain that is read, by id."""
    async with database.connection() as connection:
        rows = await connection.fetch(_CHAINS)
    return [
        ChainState(**{**row, "hash": None if row["hash"] is None else "0x" + row["hash"].hex()})
        for row in rows
    ]


def _match(event: Any) -> bytes:
    if not isinstance(event, str) or not _EVENT.fullmatch(event):
        raise NotFoundError(f"there is no event {show(str(event))}")
    return bytes.fromhex(event[4:])


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise InputError("a transaction's hash has 0x and 64 hexadecimal digits")
    return bytes.fromhex(text[2:])


def _number(what: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise InputError(f"{what} is a whole number from 0")
    return value


def _state(name: Any) -> int:
    if not isinstance(name, str) or name not in _STATES:
        raise InputError(f"an event is {', '.join(_STATES)}, not {show(str(name))}")
    return _STATES[name]


def _event(row: Any, deliveries: tuple[str, ...] = ()) -> Event:
    transaction, data = row["transaction_hash"], msgspec.json.decode(row["payload"])
    if row["log_index"] == WINDOW:
        # its row has the group there, which may be anything
        address = data["associatedAddress"]
    else:
        address = "0x" + row["address"].hex()
    return Event(
        id=event_id(row["id"]),
        monitor_id=row["monitor_id"],
        chain_id=row["chain_id"],
        block_number=row["block_number"],
        block_hash="0x" + row["block_hash"].hex(),
        transaction_hash="0x" + transaction.hex() if transaction else None,
        log_index=row["log_index"] if row["log_index"] >= 0 else None,
        address=address,
        direction=row["direction"],
        state=_NAMES[row["state"]],
        generation=row["generation"],
        data=data,
        block_time=row["block_time"],
        created_at=row["created_at"],
        sequence=row["sequence"],
        deliveries=deliveries,
    )
