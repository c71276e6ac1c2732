"""Monitors that are taken away for good.

First they go, in one transaction that holds the matching of their chains for a moment: what is
matched afterwards knows that they are gone, so nothing is made for them any more. Then follows what
may be much: their addresses, and what waits to be sent. A process that dies in between leaves that
to the next call.
"""

from __future__ import annotations

from collections.abc import Sequence

from asyncpg import Connection

from donablock.monitors.schedule import DAY
from donablock.store.database import Database
from donablock.store.revisions import next_revision
from donablock.store.schema import DEAD, PENDING

__all__ = ["clear", "hold_matching", "lock", "mark", "sweep"]

_BATCH = 2_000
# seconds: longer than a message is tried
_SWEPT = 30 * DAY

# Seconds that an address is kept after it was removed: a matcher that runs learns of its removal by
# its row, with the next block; one that starts reads only what is watched.
_KEPT = 7 * DAY

_REMOVED = f"""
DELETE FROM monitor_addresses WHERE (monitor_id, address) IN (
    SELECT monitor_id, address FROM monitor_addresses
    WHERE removed_at < now() - make_interval(secs => $1) AND NOT is_watched
    LIMIT {_BATCH} FOR UPDATE SKIP LOCKED
)
"""

# Through the index of what waits, endpoint by endpoint: a monitor may have told several.
_LETTERS = f"""
UPDATE deliveries SET state = {DEAD} WHERE id = ANY(ARRAY(
    SELECT d.id FROM endpoints AS e JOIN deliveries AS d
        ON d.endpoint_id = e.id AND d.state = {PENDING}
    WHERE e.project_id = $1 AND d.monitor_id = ANY($2::text[]) AND d.replays = 0
    LIMIT {_BATCH} FOR UPDATE OF d SKIP LOCKED
))
"""


async def hold_matching(connection: Connection, chain_id: int | None = None) -> None:
    """Until the transaction ends nothing is matched on this chain, or on any, live or in a scan.
    Whoever matches takes the same lock first, and then looks which monitors there are."""
    await connection.execute(
        "SELECT 1 FROM positions WHERE consumer = 'matcher'"
        " AND ($1::bigint IS NULL OR chain_id = $1) ORDER BY chain_id FOR UPDATE",
        chain_id,
    )


async def mark(connection: Connection, monitors: Sequence[str]) -> None:
    """They are deleted. After `hold_matching`."""
    ids = list(monitors)
    await lock(connection, ids)
    revision = await next_revision(connection)
    await connection.execute(
        "UPDATE monitors SET deleted_at = now(), updated_at = now(), is_enabled = false,"
        " revision = $2 WHERE id = ANY($1::text[])",
        ids,
        revision,
    )


async def lock(connection: Connection, monitors: Sequence[str]) -> None:
    """Nobody else changes them until the transaction ends. Before a revision is taken: whoever
    changes one has it locked when he asks for his."""
    await connection.execute(
        "SELECT 1 FROM monitors WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE",
        list(monitors),
    )


async def sweep(database: Database) -> None:
    """`clear` for what was deleted of late, and addresses that were removed long ago. Safe beside
    anything, and in several processes."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT project_id, array_agg(id) AS ids FROM monitors"
            " WHERE deleted_at > now() - make_interval(secs => $1) GROUP BY project_id",
            float(_SWEPT),
        )
    for row in rows:
        await clear(database, row["project_id"], row["ids"])
    while True:
        async with database.connection() as connection:
            done: str = await connection.execute(_REMOVED, float(_KEPT))
        if int(done.split()[-1]) < _BATCH:
            return


async def clear(database: Database, project: str, monitors: Sequence[str]) -> None:
    """What deleted monitors leave: addresses, and messages that wait to be sent, which become dead
    letters. One that is being sent just now is not taken back."""
    ids = list(monitors)
    async with database.connection() as connection:
        await connection.execute(
            "DELETE FROM monitor_addresses WHERE monitor_id = ANY($1::text[])", ids
        )
        while True:
            done: str = await connection.execute(_LETTERS, project, ids)
            if int(done.split()[-1]) < _BATCH:
                return
