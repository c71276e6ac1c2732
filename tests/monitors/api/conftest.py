"""The service layer on a database of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest_asyncio

from donablock.chain.chains import load_chains
from donablock.monitors.endpoints import Endpoints
from donablock.monitors.events import Events
from donablock.monitors.guard import Policy
from donablock.monitors.keys import Keys
from donablock.monitors.projects import Project, Projects
from donablock.monitors.registry import MonitorRow, MonitorSpec, Registry
from donablock.monitors.replays import Replays
from donablock.store.database import Database
from tests.pipeline.orders import CHAIN
from tests.services_support import database, database_url, postgres

__all__ = ["database", "database_url", "postgres"]

LOOPBACK = Policy.of(["127.0.0.0/8"], is_http_allowed=True)
ANNA = "0x" + "a1" * 20
BEN = "0x" + "b2" * 20


@dataclass
class Service:
    """All of it, and a project with nothing in it; another project is there too."""

    database: Database
    projects: Projects
    keys: Keys
    registry: Registry
    events: Events
    endpoints: Endpoints
    replays: Replays
    project: str
    other: str

    async def monitor(self, name: str = "gifts", category: str = "erc20", **more: Any) -> MonitorRow:
        spec = MonitorSpec(more.pop("chain_id", CHAIN), name, category, **more)
        return await self.registry.create(self.project, spec)

    async def endpoint(self, project: str | None = None) -> str:
        made, _ = await self.endpoints.create(project or self.project, "http://127.0.0.1:9/")
        return made.id

    async def limit(self, **quotas: int | None) -> Project:
        return await self.projects.update(self.project, quotas=quotas)

    async def value(self, query: str, *values: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *values)

    async def rows(self, query: str, *values: Any) -> list[Any]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(query, *values))


@pytest_asyncio.fixture
async def service(database: Database) -> Service:  # noqa: F811
    projects = Projects(database)
    return Service(
        database,
        projects,
        Keys(database),
        Registry(database, load_chains()),
        Events(database),
        Endpoints(database, LOOPBACK),
        Replays(database),
        (await projects.create("ours")).id,
        (await projects.create("theirs")).id,
    )
