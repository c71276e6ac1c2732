"""How much a project may have, and how many messages it may cause in a month.

What a project has is checked when it asks for more, under the lock of its row, so that two requests
at once cannot pass together. Nothing is ever taken away: a quota that is lowered below what is
there only refuses more.

Messages are counted by the matcher, in the transaction that makes them, and so exactly once. When a
project passes its number its messages are held: they are made and kept, and nothing is sent until
the next month begins (UTC, by the database's clock) or the quota is raised; then all of it goes
out, oldest first. Nothing is lost. Tests and replays are not counted, and are held as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from asyncpg import Connection

from donablock.errors import InputError, NotFoundError, QuotaError
from donablock.monitors.conditions.lexer import show

__all__ = [
    "MONTH",
    "MOST",
    "Quotas",
    "addresses",
    "check_addresses",
    "check_endpoints",
    "check_monitors",
    "count",
    "judge",
    "lock",
    "lock_usage",
]

MOST = 10**12
"""No quota is larger."""

MONTH = "date_trunc('month', now() AT TIME ZONE 'UTC')"
"""As SQL: the first day of this one."""
_NEXT_MONTH = f"(({MONTH} + interval '1 month') AT TIME ZONE 'UTC')"


@dataclass(frozen=True, slots=True)
class Quotas:
    """What one project may have. addresses: of all its monitors together; keys: that open
    something; messages_per_month: None for no limit."""

    monitors: int = 1_000
    addresses: int = 100_000
    endpoints: int = 100
    keys: int = 20
    messages_per_month: int | None = None
    backtests_per_hour: int = 60

    def changed(self, values: Mapping[str, Any]) -> Quotas:
        """With some values changed. Raises InputError for one that is none."""
        known = [one.name for one in fields(self)]
        for name, value in values.items():
            if name not in known:
                raise InputError(
                    f"a project has no quota {show(str(name))}; known are {', '.join(known)}"
                )
            if value is None and name == "messages_per_month":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
                raise InputError(f"the quota of {name} is a whole number, 0 to {MOST}")
        return replace(self, **values)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Quotas:
        """Of `projects.quotas`: what stands there counts, the rest is as for everybody."""
        return cls(**{one.name: kept[one.name] for one in fields(cls) if one.name in kept})

    @property
    def own(self) -> dict[str, Any]:
        """What differs from everybody's, for `projects.quotas`."""
        usual = asdict(DEFAULT)
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


DEFAULT = Quotas()


# --- what a project has ---------------------------------------------------------------------------


async def lock(connection: Connection, project: str) -> Quotas:
    """A project's quotas. Until the transaction ends nobody else who asks for more of it comes
    here. Raises NotFoundError."""
    row = await connection.fetchrow(
        "SELECT quotas FROM projects WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE",
        project,
    )
    if row is None:
        raise NotFoundError(f"there is no project {show(project)}")
    return Quotas.of(row["quotas"])


async def check_monitors(connection: Connection, project: str, quotas: Quotas) -> None:
    """Raises QuotaError if one more would be too many. Under `lock`, as the others."""
    found = await connection.fetchval(
        "SELECT count(*) FROM monitors WHERE project_id = $1 AND deleted_at IS NULL", project
    )
    if found >= quotas.monitors:
        raise _too_many("monitors", quotas.monitors, "delete one that is not needed")


async def check_addresses(
    connection: Connection, project: str, quotas: Quotas, more: int = 0
) -> None:
    """Raises QuotaError if there are too many with `more` of them."""
    found = await addresses(connection, project)
    if found + more > quotas.addresses:
        raise _too_many(
            "addresses", quotas.addresses, f"remove some; {max(0, quotas.addresses - found)} fit"
        )


async def check_endpoints(connection: Connection, project: str, quotas: Quotas) -> None:
    """Raises QuotaError if one more would be too many."""
    found = await connection.fetchval(
        "SELECT count(*) FROM endpoints WHERE project_id = $1 AND deleted_at IS NULL", project
    )
    if found >= quotas.endpoints:
        raise _too_many("endpoints", quotas.endpoints, "delete one that is not needed")


async def addresses(connection: Connection, project: str) -> int:
    """How many a project watches, of all monitors together."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM monitor_addresses AS a JOIN monitors AS m ON m.id = a.monitor_id"
        " WHERE m.project_id = $1 AND m.deleted_at IS NULL AND a.is_watched",
        project,
    )
    return found


def _too_many(quota: str, limit: int, mend: str) -> QuotaError:
    return QuotaError(
        quota, limit, f"the project may have {limit} {quota}: {mend}, or have the quota raised"
    )


# --- messages -------------------------------------------------------------------------------------

# in the order of projects, so that the matchers of two chains wait for one another, and do not
# deadlock
_COUNT = f"""
INSERT INTO usage (project_id, month, messages)
SELECT m.project_id, {MONTH}::date, sum(t.messages)
FROM unnest($1::text[], $2::bigint[]) AS t (monitor_id, messages)
JOIN monitors AS m ON m.id = t.monitor_id
GROUP BY m.project_id ORDER BY m.project_id
ON CONFLICT (project_id, month) DO UPDATE SET messages = usage.messages + excluded.messages
RETURNING project_id
"""

# A statement of its own: it sees quotas that were changed while the count waited for its row.
_HOLD = f"""
UPDATE projects SET held_until = {_NEXT_MONTH}
FROM usage
WHERE projects.id = ANY($1::text[])
  AND usage.project_id = projects.id AND usage.month = {MONTH}::date
  AND usage.messages > (projects.quotas->>'messages_per_month')::bigint
  AND projects.held_until IS DISTINCT FROM {_NEXT_MONTH}
"""

_JUDGE = f"""
UPDATE projects SET held_until = CASE
    WHEN usage.messages > (projects.quotas->>'messages_per_month')::bigint THEN {_NEXT_MONTH} END
FROM usage
WHERE projects.id = $1 AND usage.project_id = projects.id AND usage.month = {MONTH}::date
RETURNING held_until
"""


async def count(connection: Connection, messages: Mapping[str, int]) -> None:
    """Counts messages that this transaction made, by monitor, and holds the projects that have
    passed their number. Once in a transaction, as late as possible: until it ends others who count
    for the same projects wait."""
    monitors = [monitor for monitor, made in messages.items() if made]
    if not monitors:
        return
    rows = await connection.fetch(_COUNT, monitors, [messages[one] for one in monitors])
    await connection.execute(_HOLD, [row["project_id"] for row in rows])


async def lock_usage(connection: Connection, project: str) -> None:
    """Before `lock` where messages_per_month changes: matchers take the same two rows in the same
    order, so that none counts by the old number when the new one is there."""
    await connection.execute(
        "INSERT INTO usage (project_id, month, messages)"
        f" SELECT id, {MONTH}::date, 0 FROM projects WHERE id = $1"
        " ON CONFLICT (project_id, month) DO UPDATE SET messages = usage.messages",
        project,
    )


async def judge(connection: Connection, project: str) -> datetime | None:
    """Holds the project, or does so no more, by its quota and this month's usage. Returns until
    when it is held. After `lock_usage`."""
    held_until: datetime | None = await connection.fetchval(_JUDGE, project)
    return held_until
