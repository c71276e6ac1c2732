"""What the store does in a second: bulk inserts, and messages through each stream.

python -m bench.stream      measure, write build/bench/stream.json

An embedded PostgreSQL that forces everything to the disk, the worker, the relay and the consumer in
this one process, messages of 200 bytes, 20 kB and 200 kB (a mainnet block as msgpack) of
hexadecimal text. "mock" is librdkafka's mock cluster; a real broker is measured if KAFKA_BOOTSTRAP
names one (`make kafka`).
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table

from donablock.store import migrations, schema
from donablock.store.database import Database, insert_new
from donablock.store.postgres import EmbeddedPostgres
from donablock.store.stream import append, prune
from tests.store.mock_kafka import MockKafka
from tests.store.streaming import (
    CHAIN,
    Broker,
    Consumer,
    make_chain,
    opened_stream,
    relaying,
    send,
)

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "build" / "bench" / "stream.json"
SIZES = {200: 10_100, 20_000: 2_100, 200_000: 300}
SINGLE = 100
TOGETHER = 50
MATCHES = 50_000
BATCH = 5_000

Figures = dict[str, float]


def text(size: int) -> bytes:
    return os.urandom(size // 2).hex().encode()


async def inserts(database: Database) -> Figures:
    """Rows of `matches` a second, in transactions of BATCH, with its four indexes."""
    columns = ("id", "monitor_id", "chain_id", "block_number", "block_hash", "transaction_hash")
    columns += ("transaction_index", "log_index", "address", "direction", "payload", "block_time")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    block, address, payload = os.urandom(32), os.urandom(20), text(300)
    batches = [
        [
            (os.urandom(16), f"mo_{row % 1000:016x}", CHAIN, number, block, os.urandom(32))
            + (row % 200, row, address, "in", payload, at)
            for row in range(BATCH)
        ]
        for number in range(MATCHES // BATCH)
    ]
    figures = {}
    for name in ("new rows (COPY)", "known rows (merge)"):
        began = time.perf_counter()
        for rows in batches:
            async with database.transaction() as connection:
                await insert_new(connection, schema.matches, columns, rows)
        figures[name] = MATCHES / (time.perf_counter() - began)
    return figures


async def stream(database: Database, broker: Broker | None) -> Figures:
    """Appended by the worker, one transaction each; read to the end with one commit for each batch
    (with Kafka: relayed first); and the time of a single one from its append to its arrival."""
    figures = {}
    async with opened_stream(database, broker) as opened:
        consumer = await Consumer.registered(database, opened, f"bench {uuid.uuid4().hex}")
        for size, count in SIZES.items():
            payload = text(size)
            began = time.perf_counter()
            await send(database, *[payload] * SINGLE)
            figures[f"append, {size} bytes"] = SINGLE / (time.perf_counter() - began)
            for _ in range(SINGLE, count, TOGETHER):
                async with database.transaction() as connection:
                    for _ in range(TOGETHER):
                        await append(connection, CHAIN, schema.ADDED, payload)
            began = time.perf_counter()
            if broker is None:
                await consumer.follow(count, within=120, limit=500)
            else:
                async with relaying(database, broker):
                    await consumer.follow(count, within=120, limit=500)
            figures[f"through, {size} bytes"] = count / (time.perf_counter() - began)
            await prune(database, CHAIN, 0)
        if broker is None:
            figures["latency, ms"] = await latency(database, consumer)
        else:
            async with relaying(database, broker):
                figures["latency, ms"] = await latency(database, consumer)
    return figures


async def latency(database: Database, consumer: Consumer) -> float:
    """The median of 50, of 20 kB."""
    took = []
    for _ in range(50):
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        await send(database, text(20_000))
        await consumer.follow(1)
        took.append((time.perf_counter() - began) * 1_000)
    return statistics.median(took)


async def measure(server: EmbeddedPostgres) -> dict[str, Figures]:
    connection = await asyncpg.connect(server.url)
    await migrations.upgrade(connection)
    await connection.close()
    topic = f"bench.{uuid.uuid4().hex[:12]}"
    async with Database.opened(server.url) as database:
        await make_chain(database)
        figures = {"insert": await inserts(database), "outbox": await stream(database, None)}
        with MockKafka() as cluster:
            cluster.make_topic(topic)
            figures["mock"] = await stream(database, Broker(cluster.bootstrap, topic))
            await _forget_relay(database)
        if bootstrap := os.environ.get("KAFKA_BOOTSTRAP"):
            figures["kafka"] = await stream(database, Broker(bootstrap, topic))
    return figures


async def _forget_relay(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("DELETE FROM positions")


def main() -> None:
    figures: dict[str, Any] = {}
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pg-", dir=ROOT / "build") as name:
        Path(name).chmod(0o755)
        began = time.perf_counter()
        server = EmbeddedPostgres(Path(name) / "data").start()
        figures["start"] = {"first start, s": time.perf_counter() - began}
        server.stop()
        began = time.perf_counter()
        server.start()
        figures["start"]["again, s"] = time.perf_counter() - began
        server.kill()
        began = time.perf_counter()
        server.restart()
        figures["start"]["after SIGKILL, s"] = time.perf_counter() - began
        figures |= uvloop.run(measure(server))
        server.stop()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")
    table = Table("", "", "")
    for part, values in figures.items():
        for what, value in values.items():
            table.add_row(part, what, f"{value:,.2f}" if value < 100 else f"{value:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
