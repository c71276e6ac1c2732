"""A queue with endpoints and deliveries in it, and receivers for them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from donablock.monitors import messages
from donablock.monitors.deliveries import Deliveries, announce
from donablock.monitors.endpoints import Endpoint, Endpoints
from donablock.monitors.guard import Policy
from donablock.monitors.replays import Replays
from donablock.monitors.schedule import Schedule
from donablock.monitors.sending import Limits, Sender
from donablock.monitors.signing import Secret
from donablock.store.database import Database
from tests.services_support import database, database_url, postgres
from tests.webhooks.receivers import Receiver

__all__ = ["database", "database_url", "postgres"]

PROJECT = "pr_tests"
LOOPBACK = Policy.of(["127.0.0.0/8"], is_http_allowed=True)
LONGEST = 1.0
LEASE = 2.0


@dataclass
class World:
    """One database, with what tests need to fill and to read it."""

    database: Database
    endpoints: Endpoints
    replays: Replays
    secrets: dict[str, Secret] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def endpoint(self, url: str = "http://127.0.0.1:9/", **options: Any) -> Endpoint:
        endpoint, secret = await self.endpoints.create(PROJECT, url, **options)
        self.secrets[endpoint.id] = secret
        return endpoint

    async def add(
        self,
        endpoint: str,
        count: int = 1,
        *,
        kind: messages.MessageType = messages.DETECTED,
        key: bytes | None = None,
        payload: bytes | None = None,
    ) -> list[str]:
        """Matches and their deliveries, as the matcher makes them; the webhook ids."""
        numbers = [next(self._numbers) for _ in range(count)]
        ids = [number.to_bytes(16, "big") for number in numbers]
        rows = [
            (
                match,
                "mo_tests",
                56,
                number,
                b"\x22" * 32,
                number.to_bytes(32, "big"),
                0,
                0,
                b"\x11" * 20,
                "in",
                payload or b'{"chain":"BSC","blockNumber":%d}' % number,
                datetime.fromisoformat("2026-11-03T20:00:00+00:00"),
            )
            for number, match in zip(numbers, ids, strict=True)
        ]
        messages_ = [messages.webhook_id(match, kind) for match in ids]
        async with self.database.transaction() as connection:
            await connection.copy_records_to_table(
                "matches",
                columns="id monitor_id chain_id block_number block_hash transaction_hash"
                " transaction_index log_index address direction payload block_time".split(),
                records=rows,
            )
            await connection.copy_records_to_table(
                "deliveries",
                columns=["id", "match_id", "endpoint_id", "monitor_id", "type", "order_key"],
                records=[
                    (message, match, endpoint, "mo_tests", kind, key)
                    for message, match in zip(messages_, ids, strict=True)
                ],
            )
            await announce(connection)
        return messages_

    async def rows(self, where: str = "true") -> dict[str, Any]:
        async with self.database.connection() as connection:
            found = await connection.fetch(f"SELECT * FROM deliveries WHERE {where}")
        return {row["id"]: row for row in found}

    async def states(self) -> dict[str, int]:
        """How many deliveries there are in each state, by its name."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT state, count(*) FROM deliveries GROUP BY state")
        names = {1: "pending", 2: "leased", 3: "delivered", 4: "dead"}
        return {names[state]: count for state, count in rows}

    async def execute(self, statement: str, *values: Any) -> str:
        async with self.database.connection() as connection:
            done: str = await connection.execute(statement, *values)
        return done

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        async with self.database.connection() as connection:
            rows: list[Any] = await connection.fetch(statement, *values)
        return rows

    def queue(self, **options: Any) -> Deliveries:
        options = {"lease": LEASE, "longest": LONGEST, "schedule": Schedule(jitter=0.0)} | options
        return Deliveries(self.database, **options)


@pytest_asyncio.fixture
async def world(database: Database) -> World:
    async with database.connection() as connection:
        await connection.execute("INSERT INTO projects (id, name) VALUES ($1, $1)", PROJECT)
    return World(database, Endpoints(database, LOOPBACK), Replays(database))


@dataclass
class Clock:
    """A database's clock in the hands of a test."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest_asyncio.fixture
async def clock(database: Database) -> Clock:
    """It stands a second after the database's own, so that what is there is due."""
    async with database.connection() as connection:
        return Clock(await connection.fetchval("SELECT now() + interval '1 second'"))


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as one:
        yield one


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    limits = Limits(names=0.3, connect=0.4, total=0.6, body=0.3)
    assert limits.longest < LONGEST
    async with Sender(LOOPBACK, limits) as one:
        yield one


@pytest.fixture
def unique() -> Callable[[], int]:
    numbers = itertools.count(1)
    return lambda: next(numbers)
