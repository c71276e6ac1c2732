"""The settings decide which database, stream and cache there is, and nothing else changes."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from donablock.errors import InputError, MigrationError
from donablock.settings import Settings
from donablock.store import migrations
from donablock.store.cache import LocalCache, RedisCache
from donablock.store.kafka import KafkaStream
from donablock.store.opening import (
    database_service,
    opened_cache,
    opened_database,
    opened_relay,
    opened_stream,
)
from donablock.store.postgres import running_url
from donablock.store.relay import Relay
from donablock.store.stream import OutboxStream
from tests.services_support import in_memory
from tests.store.streaming import Consumer, make_chain, send

pytestmark = pytest.mark.asyncio


async def test_the_settings_name_a_database_or_one_is_run_and_kept():
    named = Settings(database_url=SecretStr("postgresql://me:hunter2@db/x"))
    async with database_service(named) as url:
        assert url == "postgresql://me:hunter2@db/x"
    assert "hunter2" not in repr(named)
    with tempfile.TemporaryDirectory(prefix="pg-", dir=in_memory()) as name:
        chosen = Settings(data=Path(name) / "data")
        async with database_service(chosen) as url, opened_database(url, chosen) as database:
            await make_chain(database)
            lines = (Path(name) / "data/postgres/cluster/postmaster.pid").read_text().split()
            os.kill(int(lines[0]), signal.SIGKILL)

            async def count(connection):
                return await connection.fetchval("SELECT count(*) FROM cursors")

            assert await database.run(count, patience=60) == 1
        assert running_url(Path(name) / "data/postgres") is None


async def test_without_settings_everything_is_in_the_database_and_this_process(database):
    chosen = Settings()
    async with opened_stream(database, chosen) as stream, opened_cache(chosen) as cache:
        assert isinstance(stream, OutboxStream) and isinstance(cache, LocalCache)
    async with opened_relay(database, chosen) as relay:
        assert relay is None


async def test_kafka_and_redis_by_their_settings(chain, broker):
    chosen = Settings(
        kafka=broker.bootstrap,
        kafka_topic=broker.topic,
        kafka_options=SecretStr('{"client.id": "tests"}'),
        redis_url=SecretStr("redis://127.0.0.1:1"),
    )
    async with opened_cache(chosen) as cache:
        assert isinstance(cache, RedisCache)
    async with opened_stream(chain, chosen) as stream, opened_relay(chain, chosen) as relay:
        assert isinstance(stream, KafkaStream) and isinstance(relay, Relay)
        consumer = await Consumer.registered(chain, stream)
        await send(chain, b"through")
        assert await relay.step() == 1
        assert [message.payload for message in await consumer.follow(1)] == [b"through"]


@pytest.mark.parametrize("options", ["", "nonsense", "[]", '"text"', "{"])
async def test_options_that_are_none_are_refused_unseen(database, options):
    chosen = Settings(kafka="127.0.0.1:1", kafka_options=SecretStr(options))
    with pytest.raises(InputError, match="DONABLOCK_KAFKA_OPTIONS is no JSON object: write it as"):
        opened_stream(database, chosen)


async def test_an_empty_database_gets_its_schema_or_is_refused(postgres):
    connection = await asyncpg.connect(postgres.url_of("postgres"))
    await connection.execute("CREATE DATABASE opening")
    await connection.close()
    url = postgres.url_of("opening")
    with pytest.raises(MigrationError, match="has schema none, and .* is needed"):
        async with opened_database(url, is_migrated=False):
            pass
    for _ in range(2):
        async with opened_database(url) as database, database.connection() as connection:
            assert await migrations.current(connection) == migrations.head()
        async with opened_database(url, is_migrated=False) as database:
            await make_chain(database, 7)
            async with database.connection() as connection:
                await connection.execute("DELETE FROM cursors")
