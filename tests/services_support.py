"""Fixtures for whatever needs a database: one embedded PostgreSQL for the whole run (one for each
worker of xdist), and for each test a migrated database of its own, copied from a template.

    from tests.services_support import database, database_url, postgres  # noqa: F401

in a conftest.py; `database` needs an async test (`pytest.mark.asyncio`).
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from donablock.errors import DatabaseError
from donablock.store import migrations
from donablock.store.database import Database
from donablock.store.postgres import EmbeddedPostgres, binaries

TEMPLATE = "template_migrated"
_numbers = itertools.count(1)


def in_memory(room: int = 3 << 30) -> str | None:
    """A place for data that need not last, in memory where there are `room` bytes; None is the
    usual place. A start forces its data to the disk, which takes seconds on a busy one."""
    memory = Path("/dev/shm")
    try:
        status = os.statvfs(memory)
    except OSError:
        return None
    has_room = status.f_bavail * status.f_frsize >= room
    return str(memory) if has_room and os.access(memory, os.W_OK) else None


@cache
def _server() -> EmbeddedPostgres:
    """Shared by all conftests of this process."""
    try:
        binaries()
    except DatabaseError as error:
        pytest.skip(str(error))
    folder = Path(tempfile.mkdtemp(prefix="donablock-tests-", dir=in_memory()))
    server = EmbeddedPostgres(
        folder,
        is_durable=False,
        configuration={"max_wal_size": "256MB", "io_method": "sync", "max_connections": "200"},
    ).start()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.stop)
    asyncio.run(make_template(server))
    return server


async def make_template(server: EmbeddedPostgres) -> None:
    """The migrated database that `copied_database` copies."""
    maintenance = await asyncpg.connect(server.url_of("postgres"))
    await maintenance.execute(f"CREATE DATABASE {TEMPLATE}")
    connection = await asyncpg.connect(server.url_of(TEMPLATE))
    await migrations.upgrade(connection)
    await connection.close()
    await maintenance.execute(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true ALLOW_CONNECTIONS false")
    await maintenance.close()


@pytest.fixture(scope="session")
def postgres() -> EmbeddedPostgres:
    """The server that all tests share. A test that stops or fills one starts its own."""
    return _server()


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database of the test's own."""
    with copied_database(postgres) as url:
        yield url


@contextmanager
def copied_database(server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a migrated database that goes with the block."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    asyncio.run(_maintain(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"))
    yield server.url_of(name)
    asyncio.run(_maintain(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _maintain(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.url_of("postgres"))
    await connection.execute(statement)
    await connection.close()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same, opened."""
    async with Database.opened(database_url, connections=10) as opened:
        yield opened
