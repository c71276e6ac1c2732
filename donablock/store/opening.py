"""The parts of the store, as the settings name them.

with database_service() as url:
    async with opened_database(url) as database, opened_stream(database) as stream: ...
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog

from donablock.errors import InputError
from donablock.settings import Settings, settings
from donablock.store import cache, migrations
from donablock.store.database import Database
from donablock.store.kafka import KafkaStream
from donablock.store.postgres import EmbeddedPostgres
from donablock.store.relay import Relay
from donablock.store.stream import OutboxStream, Stream

__all__ = [
    "database_service",
    "opened_cache",
    "opened_database",
    "opened_relay",
    "opened_stream",
]


_MIGRATION_TIMEOUT = 3_600.0  # seconds; also to wait for a process that migrates already

_log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def database_service(chosen: Settings | None = None) -> AsyncIterator[str]:
    """The URL of the database: DONABLOCK_DATABASE_URL, else that of an embedded one, which runs as
    long as the block does and is started again if it ends by itself. In the thread that lives as
    long as the process: the server ends with the thread that started it."""
    chosen = chosen or settings()
    if chosen.database_url is not None:
        yield chosen.database_url.get_secret_value()
        return
    with EmbeddedPostgres(chosen.data_path / "postgres") as server:
        keeping = asyncio.create_task(server.keep(_log.warning))
        try:
            yield server.url
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


@contextlib.asynccontextmanager
async def opened_database(
    url: str, chosen: Settings | None = None, *, is_migrated: bool = True, name: str = "donablock"
) -> AsyncIterator[Database]:
    """The database at a URL, with the newest schema. is_migrated: an older one is brought up to it,
    whoever of us comes first; else it is refused (MigrationError)."""
    chosen = chosen or settings()
    if is_migrated:
        patient = Database.opened(url, connections=1, command_timeout=_MIGRATION_TIMEOUT)
        async with patient as database, database.connection() as connection:
            await migrations.upgrade(connection)
    connections = chosen.database_connections
    async with Database.opened(url, connections=connections, name=name) as database:
        async with database.connection() as connection:
            await migrations.check(connection)
        yield database


def opened_stream(
    database: Database, chosen: Settings | None = None
) -> AbstractAsyncContextManager[Stream]:
    """The stream for one consumer: Kafka if the settings name brokers, else the outbox."""
    chosen = chosen or settings()
    if chosen.kafka is None:
        return OutboxStream.opened(database)
    return KafkaStream.opened(database, chosen.kafka, chosen.kafka_topic, _kafka_options(chosen))


@contextlib.asynccontextmanager
async def opened_relay(
    database: Database, chosen: Settings | None = None
) -> AsyncIterator[Relay | None]:
    """The relay to Kafka, to be run by `database.lead("relay", relay.run)`; None without Kafka."""
    chosen = chosen or settings()
    if chosen.kafka is None:
        yield None
        return
    relay = Relay(database, chosen.kafka, chosen.kafka_topic, _kafka_options(chosen))
    try:
        yield relay
    finally:
        await relay.close()


def opened_cache(chosen: Settings | None = None) -> AbstractAsyncContextManager[cache.Cache]:
    """A Redis if the settings name one, else this process."""
    return cache.opened_cache((chosen or settings()).redis_url)


def _kafka_options(chosen: Settings) -> dict[str, Any]:
    if chosen.kafka_options is None:
        return {}
    try:
        options = json.loads(chosen.kafka_options.get_secret_value())
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise InputError(
            "DONABLOCK_KAFKA_OPTIONS is no JSON object: write it as"
            ' {"security.protocol": "SASL_SSL", ...}'
        )
    return options
