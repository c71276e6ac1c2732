"""The services that the tests of the store run on."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from donablock.store.database import Database
from donablock.store.stream import Stream
from tests.services_support import database, database_url, postgres
from tests.store.mock_kafka import MockKafka
from tests.store.streaming import Broker, make_chain, opened_stream, relaying

__all__ = ["database", "database_url", "postgres"]

REAL = os.environ.get("KAFKA_BOOTSTRAP", "")
STREAMS = ["outbox", "mock", *(["real"] if REAL else [])]
"""`make kafka` runs a real broker and names it."""


@pytest.fixture
def mock_kafka() -> Iterator[MockKafka]:
    with MockKafka() as cluster:
        yield cluster


@pytest.fixture
def topic() -> str:
    return f"test.blocks.{uuid.uuid4().hex[:12]}"


@pytest.fixture
def broker(mock_kafka: MockKafka, topic: str) -> Broker:
    """A topic of the test's own on a mock cluster of three."""
    mock_kafka.make_topic(topic)
    return Broker(mock_kafka.bootstrap, topic)


@pytest.fixture
def real_broker(topic: str) -> Broker:
    """A topic of the test's own that the relay makes."""
    return Broker(REAL, topic)


@pytest_asyncio.fixture
async def chain(database: Database) -> Database:
    """A database whose chain has a cursor and no message."""
    await make_chain(database)
    return database


@pytest.fixture(params=STREAMS)
def some_broker(request: pytest.FixtureRequest) -> Broker | None:
    """Each of the ways a stream can go; None is the outbox alone."""
    name = {"outbox": None, "mock": "broker", "real": "real_broker"}[request.param]
    return request.getfixturevalue(name) if name else None


@pytest_asyncio.fixture
async def open_stream(
    chain: Database, some_broker: Broker | None
) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[Stream]]]:
    """open_stream(): a stream for one consumer; the relay, where one is needed, runs already."""
    async with contextlib.AsyncExitStack() as stack:
        if some_broker is not None:
            await stack.enter_async_context(relaying(chain, some_broker))
        yield lambda: opened_stream(chain, some_broker)
