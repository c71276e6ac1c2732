"""The service layer on a database of the test's own, with a chain, a worker and a matcher beside it
where the two meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio

from donablock.chain.blocks import Block, Transaction
from donablock.chain.chains import load_chains
from donablock.monitors.deliveries import Deliveries
from donablock.monitors.endpoints import Endpoints
from donablock.monitors.events import Events
from donablock.monitors.guard import Policy
from donablock.monitors.keys import Keys
from donablock.monitors.matcher import Matcher
from donablock.monitors.projects import Project, Projects
from donablock.monitors.registry import MonitorRow, MonitorSpec, Registry
from donablock.monitors.replays import Replays
from donablock.monitors.worker import Worker
from donablock.store.database import Database
from donablock.store.stream import OutboxStream
from tests.pipeline.orders import CHAIN
from tests.pipeline.scripted_chain import ScriptedChain
from tests.pipeline.stages import Facts
from tests.services_support import database, database_url, postgres

__all__ = ["database", "database_url", "postgres"]

LOOPBACK = Policy.of(["127.0.0.0/8"], is_http_allowed=True)
CONFIRMATIONS = Facts().confirmations


@dataclass
class Service:
    """All of it, a project with nothing in it, and another project."""

    database: Database
    projects: Projects
    keys: Keys
    registry: Registry
    events: Events
    endpoints: Endpoints
    replays: Replays
    project: str
    other: str

    async def monitor(
        self, name: str = "gifts", category: str = "erc20", **more: Any
    ) -> MonitorRow:
        """One of ours, unless `project` says otherwise."""
        project = more.pop("project", self.project)
        spec = MonitorSpec(more.pop("chain_id", CHAIN), name, category, **more)
        return await self.registry.create(project, spec)

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


@dataclass
class Line:
    """A chain, its worker and its matcher, on the service's database."""

    service: Service
    chain: ScriptedChain
    worker: Worker
    matcher: Matcher
    queue: Deliveries
    _salt: list[int] = field(default_factory=list)

    async def rest(self, limit: int = 100) -> None:
        """Everything that is there is read and matched."""
        while await self.worker.step():
            pass
        while await self.matcher.step(limit):
            pass

    async def block(self, *transactions: Transaction) -> Block:
        """A block more, read and matched."""
        block = self.chain.append(transactions)
        await self.rest()
        return block

    async def said(self, monitor: str | None = None) -> list[str]:
        """Types of deliveries, in order."""
        rows = await self.service.rows(
            "SELECT type FROM deliveries WHERE $1::text IS NULL OR monitor_id = $1"
            " ORDER BY sequence",
            monitor,
        )
        return [row["type"].removeprefix("event.") for row in rows]

    async def sent(self, room: int = 1_000) -> list[str]:
        """What a deliverer takes to send it now: ids, in order."""
        taken: list[str] = []
        while True:
            claim = await self.queue.claim(room)
            taken += [one.id for one in claim.deliveries]
            if not claim.deliveries:
                return taken


@pytest_asyncio.fixture
async def line(service: Service) -> Line:
    chain = ScriptedChain()
    worker = Worker(service.database, chain, Facts(), start=0)
    await worker.take_over()
    matcher = Matcher(service.database, OutboxStream(service.database), Facts())
    line = Line(service, chain, worker, matcher, Deliveries(service.database, lease=60, longest=1))
    await line.rest()
    return line
