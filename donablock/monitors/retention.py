"""Throwing away what is old: deliveries that came to their end, with their attempts, and keys that
open nothing any more.

What is pending is never thrown away. Small transactions, so that nobody waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from donablock.monitors import removal
from donablock.monitors.schedule import DAY
from donablock.store.database import Database
from donablock.store.schema import DEAD, DELIVERED, PENDING

_BATCH = 2_000

_RETIRE = f"""
UPDATE deliveries SET state = {DEAD} WHERE id = ANY(ARRAY(
    SELECT id FROM deliveries WHERE state = {PENDING} AND endpoint_id = $1
    ORDER BY next_at LIMIT {_BATCH} FOR UPDATE SKIP LOCKED
))
"""

# By sequence, which grows with time: what is young enough to be kept is not even looked at.
_PAGE = """
SELECT id, sequence, created_at < now() - make_interval(secs => $3) AS is_old
FROM deliveries WHERE endpoint_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $4
"""

_PRUNE = f"""
WITH old AS (
    DELETE FROM deliveries WHERE id = ANY($1::text[])
      AND (state = {DELIVERED} AND delivered_at < now() - make_interval(secs => $2)
        OR state = {DEAD} AND created_at < now() - make_interval(secs => $3))
    RETURNING id
), gone AS (
    DELETE FROM attempts USING old WHERE attempts.delivery_id = old.id
)
SELECT count(*) FROM old
"""

_KEYS = f"""
DELETE FROM api_keys WHERE id = ANY(ARRAY(
    SELECT id FROM api_keys WHERE least(revoked_at, expires_at) < now() - make_interval(secs => $1)
    LIMIT {_BATCH} FOR UPDATE SKIP LOCKED
))
"""


@dataclass(frozen=True)
class Retention:
    """Seconds that deliveries are kept: since their 2xx, or, dead letters, since they were made.
    keys: that keys are, since they were revoked or expired."""

    delivered: float = 30 * DAY
    dead: float = 90 * DAY
    keys: float = 90 * DAY


async def prune(database: Database, retention: Retention | None = None) -> int:
    """How many deliveries were thrown away. What waited for an endpoint that was deleted becomes a
    dead letter, and so does what a monitor that was deleted left. Safe to run beside anything, and
    in several processes."""
    kept = retention or Retention()
    await removal.sweep(database)
    await _until_done(database, _KEYS, kept.keys)
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT id, deleted_at IS NOT NULL AS is_gone FROM endpoints")
    count = 0
    for row in rows:
        if row["is_gone"]:
            await _until_done(database, _RETIRE, row["id"])
        count += await _prune(database, row["id"], kept)
    return count


async def _until_done(database: Database, statement: str, value: str | float) -> None:
    while True:
        async with database.connection() as connection:
            done: str = await connection.execute(statement, value)
        if int(done.split()[-1]) < _BATCH:
            return


async def _prune(database: Database, endpoint: str, kept: Retention) -> int:
    youngest = min(kept.delivered, kept.dead)
    count, after = 0, 0
    while True:
        async with database.connection() as connection:
            page = await connection.fetch(_PAGE, endpoint, after, youngest, _BATCH)
            old = [row["id"] for row in page if row["is_old"]]
            if old:
                count += await connection.fetchval(_PRUNE, old, kept.delivered, kept.dead)
        if len(page) < _BATCH or not page[-1]["is_old"]:
            return count
        after = page[-1]["sequence"]
