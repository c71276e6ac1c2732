"""From a node's answer to a committed match, and from a block to the 2xx of its webhook.

python -m bench.monitor_pipeline [--quick]     measure, write build/bench/pipeline.json

The roles themselves, over real HTTP, on an embedded PostgreSQL that forces everything to the disk.
Worker, matcher and (for webhooks) deliverer are one process on one core; node, database, receiver
and whoever sends transactions have the other cores. 10,000 addresses are watched by 100 monitors.

backfill    blocks of Ethereum's size, as many as the node gives, until their matches are committed
tip         one such block after the other: from the node's answer to the commit of its matches
webhooks    real anvil, 100 matches a second in two blocks a second; each is told twice, when it is
            detected and when it is confirmed 12 blocks later: 200 signed deliveries a second

Backfill and tip are taken with every proof that Ethereum allows, and with the bloom alone, as on
chains whose formats are not known.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import quantiles
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from bench.cores import elsewhere, layout, processor_seconds
from bench.deliveries import (
    GOAL_P99,
    ROOT,
    delivering,
    finished,
    prepared,
    receiving,
    serving,
)
from bench.matching import LOGS
from bench.matching import Chain as Contents
from bench.monitor_chain import BLOCKS_PER_SECOND, WATCHED, Filled, filled, mine, watched
from bench.monitor_line import Line
from bench.monitor_node import prepared_node
from donablock import telemetry
from donablock.chain.chains import Chain, chain_of
from donablock.chain.nodes import Nodes
from donablock.chain.rpc import Question, Rpc
from donablock.monitors.deliverer import calm_collector
from donablock.monitors.worker import WINDOW
from donablock.store.database import Database
from donablock.store.postgres import EmbeddedPostgres
from tests.pipeline import orders

RESULT = ROOT / "build" / "bench" / "pipeline.json"

MONITORS, ADDRESSES = 100, 10_000
BACKFILLED, FOLLOWED, EVERY = 300, 60, 0.25
QUICK_BACKFILLED, QUICK_FOLLOWED = 60, 12
MATCHES_PER_SECOND, SECONDS, QUICK_SECONDS = 100, 30, 5
CONFIRMATIONS = 12

Figures = dict[str, float]

_HEAD: Question[None] = Question("bench_head", None)
_DELIVERED = """
SELECT d.type, m.block_number,
    extract(epoch FROM a.started_at) + a.duration_ms / 1000.0 AS delivered
FROM deliveries AS d JOIN matches AS m ON m.id = d.match_id
JOIN attempts AS a ON a.delivery_id = d.id
WHERE a.status BETWEEN 200 AND 299
"""


def chains() -> dict[str, Chain]:
    """By what is proved: a chain with Ethereum's checks, and one whose formats are not known."""
    own = {"chain_id": orders.CHAIN, "name": "local", "poll_seconds": 0.02}
    proved = chain_of(1).model_copy(update=own)
    unknown = {
        "is_header_checked": False,
        "is_receipts_root_checked": False,
        "is_transactions_root_checked": False,
        "bloom": "covered",
    }
    return {"all proofs": proved, "bloom alone": proved.model_copy(update=unknown)}


async def watch(database: Database, active: Sequence[str], endpoints: Sequence[str] = ()) -> None:
    """MONITORS of ERC-20 transfers with ADDRESSES addresses, the active ones among them."""
    await orders.project(database)
    others = (f"0x{number:040x}" for number in range(1, ADDRESSES - len(active) + 1))
    addresses = [*active, *others]
    for number in range(MONITORS):
        own = addresses[number::MONITORS]
        endpoint = endpoints[number % len(endpoints)] if endpoints else None
        await orders.monitor(database, f"mo_{number:016x}", "erc20", own, endpoint=endpoint)


def spread(seconds: Sequence[float]) -> Figures:
    """Milliseconds."""
    parts = quantiles(seconds, n=100, method="inclusive")
    shown = {"p50": parts[49], "p99": parts[98], "longest": max(seconds)}
    return {f"{name}_ms": round(value * 1_000, 1) for name, value in shown.items()}


# --- blocks of Ethereum's size --------------------------------------------------------------------


async def large(
    server: EmbeddedPostgres, url: str, chain: Chain, backfilled: int, followed: int
) -> dict[str, Figures]:
    """Backfill and tip. Start, fetch and commit of the first blocks are in it."""
    node = Rpc(url)
    await node.ask(_HEAD, (backfilled + WINDOW,))
    async with Database.opened(server.url) as database, Nodes(chain, [url]) as nodes:
        await watch(database, Contents().active)
        calm_collector()
        busy, worked, began = processor_seconds(server.pid), time.process_time(), time.time()
        async with Line.running(database, nodes, chain, 1) as line:
            seconds = await line.until(backfilled) - began
            ours, theirs = time.process_time() - worked, processor_seconds(server.pid) - busy
            await line.until(backfilled + WINDOW)
            numbers = range(backfilled + WINDOW + 1, backfilled + WINDOW + 1 + followed)
            for number in numbers:
                await node.ask(_HEAD, (number,))
                await line.until(number)
                await asyncio.sleep(EVERY)
            await node.aclose()
        return {
            "backfill": {
                "blocks": backfilled,
                "blocks_per_second": round(backfilled / seconds, 1),
                "logs_per_second": round(backfilled * LOGS / seconds),
                "our_share_of_a_core": round(ours / seconds, 2),
                "database_share_of_a_core": round(theirs / seconds, 2),
            },
            "tip": {
                "blocks": followed,
                **spread([line.committed[n] - line.answered[n] for n in numbers]),
            },
        }


# --- webhooks -------------------------------------------------------------------------------------


async def webhooks(server: EmbeddedPostgres, port: int, chain: Filled, seconds: int) -> Figures:
    """From the first sight of a block to the 2xx of what it caused."""
    facts = chain_of(orders.CHAIN).model_copy(update={"confirmations": CONFIRMATIONS})
    async with Database.opened(server.url) as database, Nodes(facts, [chain.node.url]) as nodes:
        endpoints = await prepared(database, port)
        await watch(database, [watched(place) for place in range(WATCHED)], endpoints)
        calm_collector()
        async with (
            Line.running(database, nodes, facts, chain.last + 1) as line,
            delivering(database),
        ):
            # until confirmations come as well, and every connection is made
            receivers = [watched(place) for place in range(MATCHES_PER_SECOND // BLOCKS_PER_SECOND)]
            for number in range(CONFIRMATIONS):
                await asyncio.to_thread(mine, chain.node.w3, chain.token, receivers)
                await line.until(chain.last + 1 + number)
            await finished(database)
            worked, began = time.process_time(), time.perf_counter()
            mined = await fed(chain, seconds)
            await line.until(max(mined))
            await finished(database)
            share = (time.process_time() - worked) / (time.perf_counter() - began)
        async with database.connection() as connection:
            rows = await connection.fetch(_DELIVERED)
        behind = {"event.detected": 0, "event.confirmed": CONFIRMATIONS}
        told = [(row["block_number"] + behind[row["type"]], row["delivered"]) for row in rows]
        caused = [(number, at) for number, at in told if number in mined]
        expected = 2 * MATCHES_PER_SECOND * seconds
        assert len(caused) == expected, f"{len(caused)} of {expected} messages were delivered"
        from_mined = [float(at) - mined[number] for number, at in caused]
        return {
            "deliveries": len(caused),
            "deliveries_per_second": 2 * MATCHES_PER_SECOND,
            **spread([float(at) - line.seen[number] for number, at in caused]),
            **{f"from_mined_{name}": value for name, value in spread(from_mined).items()},
            "our_share_of_a_core": round(share, 2),
        }


async def fed(chain: Filled, seconds: int) -> dict[int, float]:
    """Sends, from a process of its own; when each block was mined."""
    command = [sys.executable, "-m", "bench.monitor_chain", chain.node.url, chain.token]
    with elsewhere():
        process = await asyncio.create_subprocess_exec(
            *command, str(MATCHES_PER_SECOND), str(seconds), cwd=ROOT, stdout=subprocess.PIPE
        )
    told, _ = await process.communicate()
    if process.returncode:
        raise SystemExit("the process that sends transactions failed")
    return {int(number): at for number, at in json.loads(told).items()}


# --- all of it ------------------------------------------------------------------------------------


def measure(is_quick: bool) -> dict[str, Any]:
    """Each on a database of its own."""
    found: dict[str, Any] = {"cores": layout()}
    backfilled = QUICK_BACKFILLED if is_quick else BACKFILLED
    followed = QUICK_FOLLOWED if is_quick else FOLLOWED
    with contextlib.ExitStack() as outer:
        with elsewhere():
            url = outer.enter_context(prepared_node(backfilled, followed))
        for name, chain in chains().items():
            with contextlib.ExitStack() as stack:
                with elsewhere():
                    server = stack.enter_context(serving())
                found[name] = uvloop.run(large(server, url, chain, backfilled, followed))
    with contextlib.ExitStack() as stack:
        with elsewhere():
            busy = stack.enter_context(filled(1, 10))
            server = stack.enter_context(serving())
            port = stack.enter_context(receiving())
        seconds = QUICK_SECONDS if is_quick else SECONDS
        found["webhooks"] = uvloop.run(webhooks(server, port, busy, seconds))
    is_met = found["webhooks"]["p99_ms"] <= GOAL_P99 * 1_000
    return {"goal": {"p99_ms": GOAL_P99 * 1_000, "is_met": is_met}, **found}


def main(arguments: Sequence[str]) -> int:
    telemetry.set_up(level="warning")
    result = measure("--quick" in arguments)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    table = Table("", "", "")
    for name in chains():
        for part, figures in result[name].items():
            for what, value in figures.items():
                table.add_row(f"{part}, {name}", what, f"{value:,}")
    for what, value in result["webhooks"].items():
        table.add_row("webhooks", what, f"{value:,}")
    Console().print(table)
    return 0 if result["goal"]["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
