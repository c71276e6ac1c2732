"""How many matches a matcher writes in a second, and what it costs.

python -m bench.monitor_matches [--quick]   measure, write build/bench/matches.json
python -m bench.monitor_matches profile     one case under cProfile, to build/bench/matches.prof

The real matcher on an embedded PostgreSQL that forces everything to the disk. Its stream has blocks
of Ethereum's size (bench.matching), and one monitor watches every ERC-20 transfer above an amount:
about 198 matches a block. The matcher is one process on one core, the database has the others.

detected     each match is written, with its payload; none is deep enough to be confirmed
told         and there is an endpoint: with each match a row of the queue of deliveries
confirmed    as detected, and confirmed 12 blocks later
"""

from __future__ import annotations

import contextlib
import cProfile
import json
import pstats
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from bench.cores import elsewhere, layout, processor_seconds
from bench.deliveries import ROOT, serving
from bench.matching import Chain
from donablock import telemetry
from donablock.chain.blocks import Block, decode_block, encode_block
from donablock.monitors.deliverer import calm_collector
from donablock.monitors.matcher import Matcher
from donablock.store.database import Database
from donablock.store.postgres import EmbeddedPostgres
from donablock.store.schema import ADDED
from donablock.store.stream import OutboxStream, append
from tests.pipeline import orders

RESULT = ROOT / "build" / "bench" / "matches.json"
PROFILE = ROOT / "build" / "bench" / "matches.prof"

GOAL = 100_000
"""Matches a second."""
MADE, COPIES, QUICK_COPIES = 50, 8, 2
"""Blocks that are made, and how often each comes, under other hashes."""
DEEP = 1_000_000
CONFIRMATIONS = 12

CASES = ("detected", "told", "confirmed")

Figures = dict[str, float]


@dataclass(frozen=True)
class Facts:
    """The chain."""

    confirmations: int
    chain_id: int = orders.CHAIN
    name: str = "ethereum"


def blocks(copies: int) -> list[bytes]:
    """As the stream has them, in order; no two have a transaction in common."""
    chain = Chain()
    made = [chain.block(number, 0.5) for number in range(MADE)]
    listed = [(block, copy) for copy in range(copies) for block in made]
    return [encode_block(_other(*one, number)) for number, one in enumerate(listed)]


def _other(block: Block, copy: int, number: int) -> Block:
    def renamed(hash: str) -> str:
        return f"{hash[:-4]}{copy:04x}"

    return msgspec.structs.replace(
        block,
        chain_id=orders.CHAIN,
        number=number,
        hash=renamed(block.hash),
        transactions=tuple(
            msgspec.structs.replace(one, hash=renamed(one.hash)) for one in block.transactions
        ),
    )


async def prepare(database: Database, raws: Sequence[bytes], *, is_told: bool) -> None:
    """The chain's stream, and who looks for what."""
    await orders.project(database)
    await orders.monitor(
        database,
        "mo_0123456789abcdef",
        definition={"watches": "everything", "condition": "value > 1 gwei"},
        endpoint="ep_one" if is_told else None,
    )
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO cursors (chain_id, number, hash) VALUES ($1, -1, $2)",
            orders.CHAIN,
            bytes(32),
        )
        for raw in raws:
            await append(connection, orders.CHAIN, ADDED, raw)
            block = decode_block(raw)
            await connection.execute(
                "INSERT INTO blocks (chain_id, hash, number, parent, timestamp, is_canonical)"
                " VALUES ($1, $2, $3, $2, now(), true)",
                orders.CHAIN,
                bytes.fromhex(block.hash[2:]),
                block.number,
            )
    async with database.connection() as connection:
        # as in a server that has run for a while: its log's files are there, no checkpoint is near
        await connection.execute("CHECKPOINT")


async def measure(
    server: EmbeddedPostgres, case: str, raws: Sequence[bytes], profile: cProfile.Profile | None
) -> Figures:
    async with Database.opened(server.url, connections=3) as database:
        await prepare(database, raws, is_told=case == "told")
        facts = Facts(CONFIRMATIONS if case == "confirmed" else DEEP)
        matcher = Matcher(database, OutboxStream(database), facts)
        # the first block finds nothing prepared: roster, statements, condition
        await matcher.step(1)
        calm_collector()
        before = await _count(database)
        busy = processor_seconds(server.pid)
        began, worked = time.perf_counter(), time.process_time()
        if profile is not None:
            profile.enable()
        while await matcher.step():
            pass
        if profile is not None:
            profile.disable()
        seconds, work = time.perf_counter() - began, time.process_time() - worked
        count, stored = await _count(database) - before, processor_seconds(server.pid) - busy
        return {
            "matches": count,
            "matches_per_second": round(count / seconds),
            "matches_per_second_of_the_matcher": round(count / work),
            "blocks_per_second": round((len(raws) - 1) / seconds, 1),
            "matches_per_second_of_the_database": round(count / max(stored, 0.01)),
            "seconds": round(seconds, 2),
        }


async def _count(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM matches"))


def run(case: str, raws: Sequence[bytes], profile: cProfile.Profile | None = None) -> Figures:
    """On a database of its own."""
    with contextlib.ExitStack() as stack:
        with elsewhere():
            server = stack.enter_context(serving())
        return uvloop.run(measure(server, case, raws, profile))


def main(arguments: Sequence[str]) -> int:
    telemetry.set_up(level="warning")
    raws = blocks(QUICK_COPIES if "--quick" in arguments else COPIES)
    if "profile" in arguments:
        profile = cProfile.Profile(time.process_time)
        print(run(CASES[0], raws, profile))
        PROFILE.parent.mkdir(parents=True, exist_ok=True)
        profile.dump_stats(PROFILE)
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        return 0
    figures = {case: run(case, raws) for case in CASES}
    is_met = figures[CASES[0]]["matches_per_second"] >= GOAL
    result = {"cores": layout(), "goal": {"matches_per_second": GOAL, "is_met": is_met}, **figures}
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    table = Table("case", "matches/s", "of the matcher's processor time", "blocks/s")
    for case, one in figures.items():
        table.add_row(
            case,
            f"{one['matches_per_second']:,}",
            f"{one['matches_per_second_of_the_matcher']:,}",
            f"{one['blocks_per_second']:,}",
        )
    Console().print(table)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
