"""Sending again what was sent before, sending a test, and reading what came of it.

A replay is a new series of attempts of the same message: the same webhook-id and the same body, by
the whole schedule from its start. Receivers that keep the ids they have seen do nothing twice; the
header `donablock-replay` (how often it was replayed) tells the others. Attempts are numbered on.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from asyncpg import Connection

from donablock.errors import InputError, NotFoundError
from donablock.monitors import messages
from donablock.monitors.deliveries import announce
from donablock.monitors.texts import known
from donablock.store.database import Database
from donablock.store.schema import DEAD, DELIVERED, LEASED, PENDING

State = Literal["pending", "leased", "delivered", "dead"]
STATES: dict[State, int] = {
    "pending": PENDING,
    "leased": LEASED,
    "delivered": DELIVERED,
    "dead": DEAD,
}
_NAMES = {number: name for name, number in STATES.items()}
MOST_IDS = 1_000
_BATCH = 1_000

# What is pending is only brought forward: its series goes on. What waits for the one before it
# keeps waiting, and what is being sent is left alone.
_AGAIN = f"""
UPDATE deliveries AS d SET
    series_start = CASE WHEN d.state = {PENDING} THEN d.series_start ELSE d.attempts END,
    replays = CASE WHEN d.state = {PENDING} THEN d.replays ELSE d.replays + 1 END,
    state = {PENDING}, next_at = now(), delivered_at = NULL
FROM (
    SELECT id FROM deliveries WHERE id = ANY($1::text[])
      AND (state IN ({DELIVERED}, {DEAD}) OR state = {PENDING} AND next_at < 'infinity')
    ORDER BY id FOR UPDATE
) AS chosen
WHERE d.id = chosen.id
RETURNING d.id
"""

_OWN = """
SELECT d.id FROM deliveries AS d JOIN endpoints AS e ON e.id = d.endpoint_id
WHERE d.id = ANY($1::text[]) AND e.project_id = $2
"""

_CHOSEN = """
SELECT id, sequence FROM deliveries
WHERE endpoint_id = $1 AND sequence > $2 AND state = ANY($3::smallint[])
  AND ($4::text IS NULL OR monitor_id = $4) AND ($5::text[] IS NULL OR type = ANY($5))
  AND ($6::timestamptz IS NULL OR created_at >= $6)
  AND ($7::timestamptz IS NULL OR created_at < $7)
ORDER BY sequence LIMIT $8
"""

_DELIVERY = """
SELECT d.id, d.match_id, d.endpoint_id, d.monitor_id, d.type, d.state, d.attempts, d.replays,
    d.sequence, d.next_at, d.created_at, d.delivered_at
FROM deliveries AS d JOIN endpoints AS e ON e.id = d.endpoint_id
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one endpoint. next_at: of the next attempt; None if there is none planned, or
    if it waits for the one before it. sequence: what pages are turned by."""

    id: str
    event_id: str | None
    endpoint_id: str
    monitor_id: str | None
    type: str
    state: State
    attempts: int
    replays: int
    sequence: int
    next_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. Either `status` or `error`. response_body: its first bytes."""

    number: int
    started_at: datetime
    duration_ms: int
    status: int | None
    error: str | None
    request: dict[str, Any]
    response_headers: dict[str, str] | None
    response_body: bytes | None = field(repr=False)


class Replays:
    """For the API: every call names the project that asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- reading ------------------------------------------------------------------------------

    async def get(self, project: str, delivery: str) -> Delivery:
        """Raises NotFoundError."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                _DELIVERY + "WHERE d.id = $1 AND e.project_id = $2",
                known("delivery", delivery),
                project,
            )
        if row is None:
            raise NotFoundError(f"there is no delivery {delivery[:64]!r}")
        return _delivery(row)

    async def page(
        self,
        project: str,
        endpoint: str,
        *,
        state: State | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[Delivery]:
        """An endpoint's deliveries, the newest first. before: the last `sequence` of the page
        before."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                _DELIVERY + "WHERE d.endpoint_id = $1 AND e.project_id = $2"
                " AND ($3::smallint IS NULL OR d.state = $3)"
                " AND ($4::bigint IS NULL OR d.sequence < $4) ORDER BY d.sequence DESC LIMIT $5",
                known("endpoint", endpoint),
                project,
                None if state is None else _state(state),
                before,
                limit,
            )
        return [_delivery(row) for row in rows]

    async def attempts(self, project: str, delivery: str) -> list[Attempt]:
        """All that are kept, the first first. Raises NotFoundError."""
        await self.get(project, delivery)
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT number, started_at, duration_ms, status, error, request, response_headers,"
                " response_body FROM attempts WHERE delivery_id = $1 ORDER BY number",
                delivery,
            )
        return [Attempt(**row) for row in rows]

    async def body(self, project: str, delivery: str) -> bytes:
        """What is sent, byte for byte. Raises NotFoundError, also when its match is gone."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT d.type, d.created_at, d.endpoint_id, m.payload FROM deliveries AS d"
                " JOIN endpoints AS e ON e.id = d.endpoint_id"
                " LEFT JOIN matches AS m ON m.id = d.match_id"
                " WHERE d.id = $1 AND e.project_id = $2",
                known("delivery", delivery),
                project,
            )
        payload = row and row["payload"]
        if row is not None and row["type"] == messages.TEST:
            payload = messages.test_payload(row["endpoint_id"])
        if payload is None:
            raise NotFoundError(f"there is no delivery {delivery[:64]!r} with a body")
        return messages.body(delivery, row["type"], row["created_at"], payload)

    # --- sending again ------------------------------------------------------------------------

    async def by_id(self, project: str, ids: Sequence[str]) -> list[str]:
        """Those that will be sent again: what is delivered or dead starts a new series, and what is
        pending is brought forward. Raises NotFoundError if one is not the project's, InputError for
        more than 1,000."""
        wanted = sorted({known("delivery", id) for id in ids})
        if len(wanted) > MOST_IDS:
            raise InputError(f"at most {MOST_IDS} deliveries are replayed by id at once")

        async def work(connection: Connection) -> list[str]:
            own = {row["id"] for row in await connection.fetch(_OWN, wanted, project)}
            for delivery in wanted:
                if delivery not in own:
                    raise NotFoundError(f"there is no delivery {delivery[:64]!r}")
            return await _again(connection, wanted)

        return await self._database.run(work)

    async def by_filter(
        self,
        project: str,
        endpoint: str,
        *,
        states: Sequence[State] = ("dead",),
        monitor: str | None = None,
        types: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """How many will be sent again, of an endpoint and of a monitor, of types, and made in a
        time (since, included, until, excluded). In batches of 1,000, each a transaction: what was
        chosen when something goes wrong in between stays chosen, and asking again is safe for dead
        letters. Raises NotFoundError, InputError."""
        known("endpoint", endpoint)
        if monitor is not None:
            known("monitor", monitor)
        numbers = [_state(state) for state in states]
        if not numbers or LEASED in numbers:
            raise InputError("replay what is pending, delivered or dead")
        async with self._database.connection() as connection:
            own = await connection.fetchval(
                "SELECT true FROM endpoints WHERE id = $1 AND project_id = $2", endpoint, project
            )
        if not own:
            raise NotFoundError(f"there is no endpoint {endpoint[:64]!r}")
        count, after = 0, 0

        async def work(connection: Connection) -> tuple[int, int | None]:
            rows = await connection.fetch(
                _CHOSEN,
                endpoint,
                after,
                numbers,
                monitor,
                None if types is None else list(types),
                since,
                until,
                _BATCH,
            )
            done = await _again(connection, [row["id"] for row in rows])
            return len(done), rows[-1]["sequence"] if len(rows) == _BATCH else None

        while True:
            done, last = await self._database.run(work)
            count += done
            if last is None:
                return count
            after = last

    async def test(self, project: str, endpoint: str) -> str:
        """Sends a message of type `test`, by the same way as any; its webhook-id is returned.
        Raises NotFoundError."""
        known("endpoint", endpoint)
        message = "test_" + randomness.token_hex(16)

        async def work(connection: Connection) -> None:
            made = await connection.fetchval(
                "INSERT INTO deliveries (id, endpoint_id, type) SELECT $1, id, $2 FROM endpoints"
                " WHERE id = $3 AND project_id = $4 AND deleted_at IS NULL RETURNING id",
                message,
                messages.TEST,
                endpoint,
                project,
            )
            if made is None:
                raise NotFoundError(f"there is no endpoint {endpoint[:64]!r}")
            await announce(connection)

        await self._database.run(work)
        return message


async def _again(connection: Connection, ids: Sequence[str]) -> list[str]:
    rows = await connection.fetch(_AGAIN, list(ids))
    if rows:
        await announce(connection)
    return [row["id"] for row in rows]


def _state(name: State) -> int:
    if name not in STATES:
        raise InputError(f"a delivery is {', '.join(STATES)}, not {name!r}")
    return STATES[name]


def _delivery(row: Any) -> Delivery:
    is_planned = row["state"] == PENDING and row["next_at"].year < 9999
    match = row["match_id"]
    return Delivery(
        id=row["id"],
        event_id=None if match is None else messages.event_id(match),
        endpoint_id=row["endpoint_id"],
        monitor_id=row["monitor_id"],
        type=row["type"],
        state=_NAMES[row["state"]],
        attempts=row["attempts"],
        replays=row["replays"],
        sequence=row["sequence"],
        next_at=row["next_at"] if is_planned else None,
        created_at=row["created_at"],
        delivered_at=row["delivered_at"],
    )
