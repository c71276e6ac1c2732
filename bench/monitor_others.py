"""The same blocks of the same anvil, read by us, by ethereum-etl and by a plain web3.py loop.

python -m bench.monitor_others [--quick]     measure, write build/bench/others.json

Every block has ten ERC-20 transfers, and one of ten goes to an address that is watched. Whoever
reads is held on one core, one after the other; node and database have the other cores. The clock
runs from the first question to the last answer's end, without the start of the process.

ours                  worker and matcher: every block by hash with its proofs, logs matched, and
                      stream, matches and positions committed to a disk
web3.py, by block     get_logs of one block after the other, as a loop does that follows a chain;
                      events decoded, and one receipt for each hit
web3.py, by hundreds  the same with a hundred blocks in one question
ethereum-etl          `ethereumetl stream` into a file: blocks, transactions, logs and transfers as
                      JSON; nothing is matched. With 100 blocks and 100 receipts in one question,
                      the quickest setting found
ethereum-etl, preset  the same with the settings that it comes with

What each does differs, and stands beside the figures: the loop proves nothing, keeps nothing and
sees no transactions; ethereum-etl proves nothing and moves its cursor before its output is safe.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import uvloop
from eth_utils.address import to_checksum_address
from rich.console import Console
from rich.table import Table

from bench.cores import elsewhere, layout, processor_seconds
from bench.deliveries import ROOT, serving
from bench.monitor_chain import WATCHED, Filled, filled, watched
from bench.monitor_line import Line
from bench.monitor_pipeline import watch
from donablock import telemetry
from donablock.chain.artifacts import artifact
from donablock.chain.chains import chain_of
from donablock.chain.node import connect
from donablock.chain.nodes import Nodes
from donablock.monitors.deliverer import calm_collector
from donablock.store.database import Database
from donablock.store.postgres import EmbeddedPostgres

RESULT = ROOT / "build" / "bench" / "others.json"
ETL = ROOT / ".venv-etl" / "bin" / "ethereumetl"

BLOCKS, QUICK_BLOCKS, EACH = 1_000, 320, 10
RANGE = 100
SETTINGS = {"ethereum-etl": ("-B", "100", "-b", "100"), "ethereum-etl, preset": ()}
OURS = "ours"
PATIENCE = 120.0
"""Seconds for one run of ethereum-etl."""

_LINE = re.compile(r"^(\S+ \S+) - root \[INFO\] - (.*)$", re.MULTILINE)

Figures = dict[str, float]


def rates(blocks: int, seconds: float, work: float) -> Figures:
    """work: seconds of the reader's own processor time."""
    return {
        "seconds": round(seconds, 3),
        "blocks_per_second": round(blocks / seconds, 1),
        "logs_per_second": round(blocks * EACH / seconds),
        "blocks_per_second_of_the_reader": round(blocks / work, 1),
    }


# --- us -------------------------------------------------------------------------------------------


async def ours(server: EmbeddedPostgres, chain: Filled) -> Figures:
    facts = chain_of(chain.node.chain_id)
    async with Database.opened(server.url) as database, Nodes(facts, [chain.node.url]) as nodes:
        await watch(database, [watched(place) for place in range(WATCHED)])
        calm_collector()
        began, worked = time.time(), time.process_time()
        async with Line.running(database, nodes, facts, chain.first) as line:
            seconds = await line.until(chain.last) - began
            whole = time.process_time() - worked
        async with database.connection() as connection:
            found = await connection.fetchval("SELECT count(*) FROM matches")
        assert found == chain.hits, f"{found} of {chain.hits} matches were found"
        return rates(chain.blocks, seconds, whole)


# --- a loop of web3.py ----------------------------------------------------------------------------


def loop(chain: Filled, step: int) -> Figures:
    """`step` blocks in one question."""
    w3 = connect(chain.node.url)
    token = w3.eth.contract(to_checksum_address(chain.token), abi=artifact("PlainToken").abi)
    wanted = {to_checksum_address(watched(place)) for place in range(WATCHED)}
    hits, began, worked = 0, time.time(), time.process_time()
    for first in range(chain.first, chain.last + 1, step):
        last = min(first + step - 1, chain.last)
        for event in token.events.Transfer.get_logs(from_block=first, to_block=last):
            if wanted & {event["args"]["sender"], event["args"]["receiver"]}:
                receipt = w3.eth.get_transaction_receipt(event["transactionHash"])
                hits += receipt["status"]
    seconds, work = time.time() - began, time.process_time() - worked
    assert hits == chain.hits, f"{hits} of {chain.hits} transfers were found"
    return rates(chain.blocks, seconds, work)


# --- ethereum-etl ---------------------------------------------------------------------------------


def etl(chain: Filled, settings: Sequence[str]) -> Figures:
    """Its own log says when it asked first, and when it wrote that it had the last block."""
    with tempfile.TemporaryDirectory(prefix="etl-", dir=ROOT / "build") as name:
        folder = Path(name)
        command = [str(ETL), "stream", "-p", chain.node.url, "-s", str(chain.first), *settings]
        command += ["-l", str(folder / "last"), "-e", "block,transaction,log,token_transfer"]
        log, items = folder / "log", folder / "items"
        with items.open("wb") as out, log.open("wb") as errors:
            process = subprocess.Popen(command, stdout=out, stderr=errors, cwd=folder)
            try:
                started = _wait(process, log, "Current block")
                work = _wait(process, log, f"Writing last synced block {chain.last}") - started
            finally:
                process.kill()
                process.wait()
        said = _LINE.findall(log.read_text())
        first = next(at for at, text in said if text.startswith("Current block"))
        last = next(at for at, text in said if text == f"Writing last synced block {chain.last}")
        found = items.read_bytes().count(b'"type": "token_transfer"')
        assert found >= chain.transfers, f"{found} of {chain.transfers} transfers were found"
        return rates(chain.blocks, (_time(last) - _time(first)).total_seconds(), work)


def _wait(process: subprocess.Popen[bytes], log: Path, text: str) -> float:
    """Until its log has this; the processor time that it has taken by then."""
    deadline = time.monotonic() + PATIENCE
    while text not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"ethereum-etl did not come to its end: {log.read_text()[-500:]}")
        time.sleep(0.02)
    return processor_seconds(process.pid)


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f")


# --- all of them ----------------------------------------------------------------------------------


def measure(is_quick: bool) -> dict[str, Any]:
    if not ETL.exists():
        raise SystemExit("there is no ethereum-etl; `make bench-monitor` installs it")
    found: dict[str, Figures] = {}
    with contextlib.ExitStack() as stack:
        with elsewhere():
            chain = stack.enter_context(filled(QUICK_BLOCKS if is_quick else BLOCKS, EACH))
        with contextlib.ExitStack() as inner:
            with elsewhere():
                server = inner.enter_context(serving())
            found[OURS] = uvloop.run(ours(server, chain))
        found["web3.py, by block"] = loop(chain, 1)
        found["web3.py, by hundreds"] = loop(chain, RANGE)
        for name, settings in SETTINGS.items():
            found[name] = etl(chain, settings)
    return {
        "cores": layout(),
        "chain": {"blocks": chain.blocks, "transfers": chain.transfers, "hits": chain.hits},
        "readers": found,
        "ratios": ratios(found),
    }


def ratios(found: dict[str, Figures]) -> dict[str, Figures]:
    """How many times as quick we are: by the clock, and by the reader's own processor time."""
    return {
        name: {
            "times_by_the_clock": _times(found[OURS], one, "blocks_per_second"),
            "times_by_processor_time": _times(found[OURS], one, "blocks_per_second_of_the_reader"),
        }
        for name, one in found.items()
        if name != OURS
    }


def _times(ours: Figures, theirs: Figures, what: str) -> float:
    return round(ours[what] / theirs[what], 2)


def main(arguments: Sequence[str]) -> int:
    telemetry.set_up(level="warning")
    result = measure("--quick" in arguments)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    table = Table("reader", "blocks/s", "logs/s", "blocks/s of its processor time")
    for name, one in result["readers"].items():
        rates = one["blocks_per_second"], one["logs_per_second"]
        own = one["blocks_per_second_of_the_reader"]
        table.add_row(name, *(f"{rate:,}" for rate in (*rates, own)))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
