"""Projects: who owns monitors, endpoints and keys, and how much each may have.

projects = Projects(database)
project = await projects.create("shop", {"monitors": 10})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from asyncpg import Connection

from donablock.errors import NotFoundError
from donablock.monitors import removal
from donablock.monitors.conditions.lexer import show
from donablock.monitors.deliveries import announce
from donablock.monitors.quotas import MONTH, Quotas, addresses, judge, lock, lock_usage
from donablock.monitors.texts import known, new_id, page_size, text_of
from donablock.store.database import Database

__all__ = ["LONGEST_NAME", "Project", "Projects", "Usage"]

LONGEST_NAME = 100

_COLUMNS = "id, name, quotas, created_at, held_until"

_CLOSE = (
    "UPDATE endpoints SET state = 'disabled', disabled_because = 'its project was deleted',"
    " deleted_at = now(), updated_at = now() WHERE project_id = $1 AND deleted_at IS NULL",
    "UPDATE api_keys SET revoked_at = now() WHERE project_id = $1 AND revoked_at IS NULL",
    "UPDATE projects SET deleted_at = now() WHERE id = $1",
)

_USAGE = f"""
SELECT {MONTH}::date AS month, p.quotas, p.held_until,
    coalesce((SELECT messages FROM usage WHERE project_id = p.id AND month = {MONTH}::date), 0)
        AS messages,
    (SELECT count(*) FROM monitors WHERE project_id = p.id AND deleted_at IS NULL) AS monitors,
    (SELECT count(*) FROM endpoints WHERE project_id = p.id AND deleted_at IS NULL) AS endpoints
FROM projects AS p WHERE p.id = $1 AND p.deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Project:
    """quotas: all of them, also those that are as for everybody. held_until: it has passed its
    messages of the month, and nothing is sent before."""

    id: str
    name: str
    quotas: Quotas
    created_at: datetime
    held_until: datetime | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a project has. month: its first day (UTC); messages: made in it so far; limit: how many
    are sent in it, None for no limit."""

    month: date
    messages: int
    limit: int | None
    monitors: int
    addresses: int
    endpoints: int
    held_until: datetime | None


class Projects:
    """All of them. For the operator, and for a project that asks for itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, quotas: Mapping[str, Any] | None = None) -> Project:
        """quotas: what differs from everybody's. Raises InputError."""
        name = text_of("a project's name", name, least=1, most=LONGEST_NAME)
        own = Quotas().changed(quotas or {}).own

        async def work(connection: Connection) -> Any:
            return await connection.fetchrow(
                f"INSERT INTO projects (id, name, quotas) VALUES ($1, $2, $3) RETURNING {_COLUMNS}",
                *(new_id("pr"), name, own),
            )

        return _project(await self._database.run(work))

    async def get(self, id: str) -> Project:
        """Raises NotFoundError."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT {_COLUMNS} FROM projects WHERE id = $1 AND deleted_at IS NULL",
                known("project", id),
            )
        return _project(_found(row, id))

    async def page(self, *, limit: int = 50, after: str = "") -> list[Project]:
        """By id. after: the last id of the page before."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM projects"
                " WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2",
                known("project", after) if after else "",
                page_size(limit),
            )
        return [_project(row) for row in rows]

    async def update(
        self, id: str, *, name: str | None = None, quotas: Mapping[str, Any] | None = None
    ) -> Project:
        """quotas: single values that change. A number of messages that was raised lets what is held
        go out at once. Raises InputError, NotFoundError."""
        project = known("project", id)
        if name is not None:
            name = text_of("a project's name", name, least=1, most=LONGEST_NAME)
        Quotas().changed(quotas or {})

        async def work(connection: Connection) -> Any:
            await lock_usage(connection, project)
            own = (await lock(connection, project)).changed(quotas or {}).own
            await connection.execute(
                "UPDATE projects SET name = coalesce($2, name), quotas = $3 WHERE id = $1",
                *(project, name, own),
            )
            if await judge(connection, project) is None:
                await announce(connection)
            return await connection.fetchrow(
                f"SELECT {_COLUMNS} FROM projects WHERE id = $1", project
            )

        return _project(await self._database.run(work, idempotent_by="the same values again"))

    async def delete(self, id: str) -> None:
        """Its monitors are deleted, its endpoints as well, and its keys open nothing any more, all
        at once. What is pending becomes dead letters. A second time changes nothing. Raises
        NotFoundError."""
        project = known("project", id)

        async def work(connection: Connection) -> None:
            # in the order in which the matcher and the registry take their locks
            await removal.hold_matching(connection)
            await removal.lock(connection, await _monitors(connection, project))
            row = await connection.fetchrow(
                "SELECT deleted_at FROM projects WHERE id = $1 FOR NO KEY UPDATE", project
            )
            if _found(row, project)["deleted_at"] is not None:
                return
            # again: from here on whoever makes one waits, and finds the project deleted
            await removal.mark(connection, await _monitors(connection, project))
            for statement in _CLOSE:
                await connection.execute(statement, project)

        await self._database.run(work, idempotent_by="it is deleted once")
        async with self._database.connection() as connection:
            rows = await connection.fetch("SELECT id FROM monitors WHERE project_id = $1", project)
        await removal.clear(self._database, project, [row["id"] for row in rows])

    async def usage(self, id: str) -> Usage:
        """Raises NotFoundError."""
        project = known("project", id)
        async with self._database.transaction(is_readonly=True) as connection:
            row = await connection.fetchrow(_USAGE, project)
            watched = await addresses(connection, project)
        values = dict(_found(row, id))
        limit = Quotas.of(values.pop("quotas")).messages_per_month
        return Usage(limit=limit, addresses=watched, **values)


async def _monitors(connection: Connection, project: str) -> list[str]:
    rows = await connection.fetch(
        "SELECT id FROM monitors WHERE project_id = $1 AND deleted_at IS NULL", project
    )
    return [row["id"] for row in rows]


def _found(row: Any, id: str) -> Any:
    if row is None:
        raise NotFoundError(f"there is no project {show(id)}")
    return row


def _project(row: Any) -> Project:
    values = dict(row)
    values["quotas"] = Quotas.of(values["quotas"])
    return Project(**values)
