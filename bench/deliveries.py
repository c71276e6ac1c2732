"""Signed webhooks a second, and from row to 2xx, on loopback.

python -m bench.deliveries [--quick]    measure, write build/bench/deliveries.json
python -m bench.deliveries profile      one round under cProfile, to build/bench/deliveries.prof

The whole path of a deliverer: rows in an embedded PostgreSQL that forces everything to the disk,
claim, HMAC, POST over kept connections, outcome and attempt written. The deliverer is one process
held on one core; the receiver is another process, and reads each request whole; whoever inserts the
200 rows a second is a third. Payloads have 600 bytes. The best of several rounds counts, since the
machine may have other work; its load is written beside.
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httptools
import uvloop
from rich.console import Console
from rich.table import Table

from bench.cores import elsewhere, on_one_core
from donablock import telemetry
from donablock.monitors import messages
from donablock.monitors.deliverer import Deliverer, calm_collector
from donablock.monitors.deliveries import Deliveries, announce
from donablock.monitors.endpoints import Endpoints
from donablock.monitors.guard import Policy
from donablock.monitors.sending import Sender
from donablock.store import migrations
from donablock.store.database import Database
from donablock.store.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "build" / "bench" / "deliveries.json"
PROFILE = ROOT / "build" / "bench" / "deliveries.prof"

ROUNDS = 5
BURST = 15_000
ENDPOINTS = 20
CONCURRENCY = 16
RATE = 200
SECONDS, QUICK_SECONDS = 15, 5
PAYLOAD = 600

GOAL_PER_SECOND = 3_000
GOAL_P99 = 1.0

PROJECT = "pr_bench"
LOOPBACK = Policy.of(["127.0.0.0/8"], is_http_allowed=True)

_LATENCIES = """
SELECT count(*) AS count, percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (
    ORDER BY extract(epoch FROM a.started_at - d.created_at) + a.duration_ms / 1000.0) AS seconds
FROM deliveries AS d JOIN attempts AS a ON a.delivery_id = d.id
WHERE d.endpoint_id = ANY($1::text[]) AND a.status BETWEEN 200 AND 299
"""


# --- the receiver, a process of its own -----------------------------------------------------------


class Receiver(asyncio.Protocol):
    """Reads every request whole and answers 204."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name] = value

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        good = b"webhook-signature" in self._headers and self._body.endswith(b"}")
        self._transport.write(
            b"HTTP/1.1 204 No Content\r\n\r\n"
            if good
            else b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
        )
        self._headers.clear()
        self._body.clear()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)


async def receive() -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0, backlog=1_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- rows -----------------------------------------------------------------------------------------


def match(number: int) -> bytes:
    return os.urandom(8) + number.to_bytes(8, "big")


async def insert(database: Database, endpoints: list[str], first: int, count: int) -> None:
    """Matches and deliveries, in one transaction, as a matcher makes them."""
    head = b'{"chain":"BSC","monitorId":"mo_0123456789abcdef","tags":[],"data":"'
    payload = head + b"x" * (PAYLOAD - len(head) - 2) + b'"}'
    ids = [match(first + number) for number in range(count)]
    async with database.transaction() as connection:
        at = await connection.fetchval("SELECT now()")
        await connection.copy_records_to_table(
            "matches",
            columns="id monitor_id chain_id block_number block_hash transaction_hash"
            " transaction_index log_index address direction payload block_time".split(),
            records=[
                (one, "mo_1", 56, first, b"b" * 32, b"t" * 32, 0, 0, b"a" * 20, "in", payload, at)
                for one in ids
            ],
        )
        await connection.copy_records_to_table(
            "deliveries",
            columns=["id", "match_id", "endpoint_id", "monitor_id", "type"],
            records=[
                (
                    messages.webhook_id(one, messages.DETECTED),
                    one,
                    endpoints[place % len(endpoints)],
                    "mo_1",
                    messages.DETECTED,
                )
                for place, one in enumerate(ids, first)
            ],
        )
        await announce(connection)


async def feed(url: str, seconds: int, endpoints: list[str]) -> None:
    """RATE rows a second, each in a transaction of its own."""
    async with Database.opened(url, connections=4) as database:
        began = time.monotonic()
        for number in range(RATE * seconds):
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            await insert(database, endpoints, number, 1)


# --- measuring ------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def delivering(database: Database) -> AsyncIterator[None]:
    async with Sender(LOOPBACK) as sender:
        queue = Deliveries(database, lease=60.0, longest=sender.limits.longest)
        deliverer = Deliverer(queue, sender)
        role = asyncio.create_task(deliverer.run())
        try:
            yield
        finally:
            deliverer.stop()
            await role


async def prepared(database: Database, port: int) -> list[str]:
    """Fresh endpoints, so that a round sees nothing of the one before."""
    endpoints = Endpoints(database, LOOPBACK)
    made = [
        await endpoints.create(PROJECT, f"http://127.0.0.1:{port}/", concurrency=CONCURRENCY)
        for _ in range(ENDPOINTS)
    ]
    return [endpoint.id for endpoint, _ in made]


async def finished(database: Database) -> None:
    """Waits until every delivery is at its end. The question costs the database next to nothing."""
    while True:
        async with database.connection() as connection:
            if not await connection.fetchval(
                "SELECT EXISTS (SELECT FROM deliveries WHERE state = 1)"
                " OR EXISTS (SELECT FROM deliveries WHERE state = 2)"
            ):
                return
        await asyncio.sleep(0.02)


async def burst(database: Database, port: int) -> dict[str, float]:
    """A backlog, until the last outcome is written."""
    endpoints = await prepared(database, port)
    await insert(database, endpoints, 0, BURST)
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE deliveries")
    began, worked = time.perf_counter(), time.process_time()
    async with delivering(database):
        await finished(database)
        seconds, work = time.perf_counter() - began, time.process_time() - worked
    return {
        "per second": BURST / seconds,
        "per second of the deliverer's processor time": BURST / work,
        "load": os.getloadavg()[0],
    }


async def steady(database: Database, port: int, url: str, seconds: int) -> dict[str, float]:
    """Rows that come one by one, and how long each took from its row to its 2xx."""
    endpoints = await prepared(database, port)
    async with delivering(database):
        with elsewhere():
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.deliveries",
                "feed",
                str(seconds),
                *endpoints,
                cwd=ROOT,
                env={**os.environ, "BENCH_DATABASE": url},
            )
        worked, began = time.process_time(), time.perf_counter()
        if await process.wait():
            raise SystemExit("the process that inserts rows failed")
        await finished(database)
        share = (time.process_time() - worked) / (time.perf_counter() - began)
    async with database.connection() as connection:
        row = await connection.fetchrow(_LATENCIES, endpoints)
    assert row["count"] == RATE * seconds
    half, most, longest = row["seconds"]
    return {
        "p50, s": half,
        "p99, s": most,
        "longest, s": longest,
        "share of a core": share,
        "load": os.getloadavg()[0],
    }


@contextlib.contextmanager
def receiving() -> Iterator[int]:
    """The receiver's port."""
    command = [sys.executable, "-m", "bench.deliveries", "receive"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def serving() -> Iterator[EmbeddedPostgres]:
    """A database, durable, migrated, with a project."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pg-", dir=ROOT / "build") as name:
        Path(name).chmod(0o755)
        with EmbeddedPostgres(Path(name) / "data") as server:
            asyncio.run(_made_ready(server.url))
            yield server


async def _made_ready(url: str) -> None:
    connection = await asyncpg.connect(url)
    await migrations.upgrade(connection)
    await connection.execute(
        "INSERT INTO projects (id, name, quotas) VALUES ($1, $1, $2)",
        PROJECT,
        json.dumps({"endpoints": 10 * ENDPOINTS}),
    )
    await connection.close()


async def measure(url: str, port: int, rounds: int, seconds: int) -> dict[str, Any]:
    async with Database.opened(url) as database:
        bursts = [await burst(database, port) for _ in range(rounds)]
        steadies = [await steady(database, port, url, seconds) for _ in range(max(1, rounds - 2))]
    return {
        "burst": max(bursts, key=lambda one: one["per second"]),
        "steady": min(steadies, key=lambda one: one["p99, s"]),
        "bursts": bursts,
        "steadies": steadies,
    }


async def profiled(url: str, port: int) -> dict[str, float]:
    async with Database.opened(url) as database:
        await burst(database, port)
        profile = cProfile.Profile(time.process_time)
        profile.enable()
        figures = await burst(database, port)
        profile.disable()
    PROFILE.parent.mkdir(parents=True, exist_ok=True)
    profile.dump_stats(PROFILE)
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    return figures


def main(arguments: list[str]) -> int:
    telemetry.set_up(level="warning")
    if arguments[:1] == ["receive"]:
        uvloop.run(receive())
        return 0
    if arguments[:1] == ["feed"]:
        uvloop.run(feed(os.environ["BENCH_DATABASE"], int(arguments[1]), arguments[2:]))
        return 0
    rounds, seconds = (1, QUICK_SECONDS) if "--quick" in arguments else (ROUNDS, SECONDS)
    with serving() as server, receiving() as port:
        on_one_core()
        calm_collector()
        if arguments == ["profile"]:
            print(uvloop.run(profiled(server.url, port)))
            return 0
        figures = uvloop.run(measure(server.url, port, rounds, seconds))
    figures["goals"] = {"per second": GOAL_PER_SECOND, "p99, s": GOAL_P99}
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")
    table = Table("", "", "best", "goal")
    for part in ("burst", "steady"):
        for what, value in figures[part].items():
            goal = figures["goals"].get(what)
            shown = f"{value:,.3f}" if value < 100 else f"{value:,.0f}"
            table.add_row(part, what, shown, "" if goal is None else f"{goal:,}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
