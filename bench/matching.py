"""What it takes to find what monitors look for, by how many addresses are watched.

python -m bench.matching     measure, write build/bench/matching.json, exit 1 below a goal

A block comes as the stream has it (msgpack) and goes out as the payloads of its matches: decoded,
matched, encoded. It is of Ethereum's size, 180 transactions and 360 logs, and its addresses are
drawn like Ethereum's: of the senders and receivers half are among 2,000 that come up again and
again (routers, pools, exchanges), the others come once. The same few watched addresses have a part
in the blocks, however many are watched beside them, so that only the index differs.

Times are processor time of this one process, so that a busy machine counts less; the sizes take
turns, and medians are given. The index is frozen out of the garbage collector's sight
(`gc.freeze`), as a matcher should do once it has built one.

worst        the same where no address comes twice: every look-up misses the processor's cache
edited       after 2,000 changes, one address each, when the index has more than one layer
changing     one more address before each block (that change itself is measured apart)
single       one monitor for each address, instead of one for a hundred
everything   one monitor of all ERC-20 transfers above an amount: what a match costs
"""

from __future__ import annotations

import gc
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.closures import closure
from donablock.chain.blocks import Block, Log, Transaction, decode_block, encode_block
from donablock.monitors.categories import TRANSFER, TRANSFER_SINGLE, erc20
from donablock.monitors.conditions import compiled, evaluate, parse
from donablock.monitors.index import Index, topic_of
from donablock.monitors.matching import match_block
from donablock.monitors.monitor import Definition, Monitor
from donablock.monitors.payloads import payload

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "build" / "bench" / "matching.json"

TRANSACTIONS, LOGS = 180, 360
SIZES = (1_000, 100_000, 1_000_000)
BLOCKS, ROUNDS = 100, 6
GOAL_LOGS, GOAL_RATIO = 400_000, 1.3
SEED = 1

# bytes of calldata: payments, transfers, swaps, and a few long ones
INPUTS = (0, 0, 4, 68, 68, 68, 132, 260, 516, 1_028)
SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
SWAP = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"

KNOWN = 2_000
ACTIVE = 200
"""Watched addresses that come up in the blocks; the rest of the watched ones never do."""
SHARE = 0.004
"""Of all places for an address that one of these stands in."""

Measured = dict[str, float]


class Chain:
    """Makes addresses and blocks; always the same ones."""

    def __init__(self, seed: int = SEED) -> None:
        self.chance = random.Random(seed)
        self.known = [self.address() for _ in range(KNOWN)]
        self.tokens = [self.address() for _ in range(300)]
        self.active = [self.address() for _ in range(ACTIVE)]

    def address(self) -> str:
        return "0x" + self.chance.randbytes(20).hex()

    def text(self, size: int) -> str:
        return "0x" + self.chance.randbytes(size).hex()

    def holder(self, repeated: float) -> str:
        drawn = self.chance.random()
        if drawn < SHARE:
            return self.chance.choice(self.active)
        return self.chance.choice(self.known) if drawn < repeated else self.address()

    def log(self, index: int, repeated: float) -> Log:
        drawn = self.chance.random()
        token = self.chance.choice(self.tokens)
        ends = topic_of(self.holder(repeated)), topic_of(self.holder(repeated))
        amount = f"{self.chance.getrandbits(80):064x}"
        if drawn < 0.55:
            return Log(token, (TRANSFER, *ends), "0x" + amount, index)
        if drawn < 0.58:
            return Log(token, (TRANSFER, *ends, "0x" + amount), "0x", index)
        if drawn < 0.59:
            topics = (TRANSFER_SINGLE, ends[0], *ends)
            return Log(token, topics, "0x" + amount + amount, index)
        if drawn < 0.74:
            return Log(token, (SYNC,), "0x" + amount * 2, index)
        if drawn < 0.90:
            return Log(token, (SWAP, *ends), "0x" + amount * 4, index)
        return Log(token, (APPROVAL, *ends), "0x" + amount, index)

    def block(self, number: int, repeated: float) -> Block:
        """`repeated`: the share of addresses that come up again and again."""
        counts = [0] * TRANSACTIONS
        for _ in range(LOGS):
            counts[self.chance.randrange(TRANSACTIONS)] += 1
        transactions, index = [], 0
        for place, count in enumerate(counts):
            logs = tuple(self.log(index + at, repeated) for at in range(count))
            index += count
            transactions.append(
                Transaction(
                    self.text(32),
                    place,
                    self.holder(repeated),
                    self.holder(repeated),
                    hex(self.chance.getrandbits(60)) if self.chance.random() < 0.5 else "0x0",
                    self.text(self.chance.choice(INPUTS)),
                    True,
                    None,
                    logs,
                )
            )
        head = self.text(32), self.text(32), 1_800_000_000 + 12 * number
        return Block(1, number, *head, tuple(transactions))


def monitors(addresses: Sequence[str], each: int) -> list[tuple[Monitor, Sequence[str]]]:
    """One for `each` addresses: seven of ten of ERC-20 transfers, two of native ones, one of
    ERC-721; every second with a condition."""
    found = []
    for at in range(0, len(addresses), each):
        number = at // each
        category = ("erc20",) * 7 + ("native",) * 2 + ("erc721",)
        kind = category[number % 10]
        field = "token_id" if kind == "erc721" else "value"
        condition = f"{field} > {number % 7} gwei" if number % 2 else ""
        definition = Definition(condition=condition)
        found.append((Monitor(f"mo_{number:016x}", kind, definition), addresses[at : at + each]))
    return found


def build(active: Sequence[str], rest: Sequence[str], each: int = 100) -> tuple[Index, float]:
    """The index, and the seconds of processor time that it took."""
    # the active ones first, so that they have the same monitors in every size
    listed = monitors([*active, *rest], each)
    began = time.process_time()
    index = Index.of(listed)
    return index, time.process_time() - began


def run(raw: bytes, index: Index) -> int:
    """What a matcher does with a block: how many matches there were."""
    found = [payload(hit, "ethereum") for hit in match_block(decode_block(raw), index)]
    return len(found)


def timed(task: Callable[[], object]) -> float:
    """Microseconds."""
    began = time.process_time_ns()
    task()
    return (time.process_time_ns() - began) / 1_000


def rates(raws: Sequence[bytes], indexes: dict[str, Index]) -> dict[str, Measured]:
    """By name: the median and the mean of a block, and what follows from it."""
    times: dict[str, list[float]] = {name: [] for name in indexes}
    hits = dict.fromkeys(indexes, 0)
    wall = dict.fromkeys(indexes, 0.0)
    for name, index in indexes.items():
        hits[name] = sum(run(raw, index) for raw in raws)
    for _ in range(ROUNDS):
        for name, index in indexes.items():
            began = time.perf_counter()
            for raw in raws:
                times[name].append(timed(partial(run, raw, index)))
            wall[name] += time.perf_counter() - began
    return {
        name: _measured(took, hits[name] / len(raws), wall[name]) for name, took in times.items()
    }


def _measured(took: Sequence[float], matches: float, wall: float) -> Measured:
    """took: microseconds of processor time, of each block. wall: seconds in all."""
    median = statistics.median(took)
    return {
        "microseconds_per_block": round(median, 1),
        "logs_per_second": round(LOGS / median * 1e6),
        "logs_per_second_mean": round(LOGS / statistics.mean(took) * 1e6),
        "logs_per_second_wall": round(LOGS * len(took) / wall),
        "matches_per_block": round(matches, 2),
    }


# --- changes and conditions -----------------------------------------------------------------------


def changes(index: Index, chain: Chain, count: int = 2_000) -> tuple[Index, Measured]:
    """One address at a time, each a new snapshot; microseconds."""
    added, replaced = [], []
    # the one with most addresses of its own would hide nothing: take any
    monitor_id = next(iter(index.monitors))
    for _ in range(count):

        def add(now: Index = index) -> None:
            nonlocal index
            edit = now.edit()
            edit.add(monitor_id, [chain.address()])
            index = edit.done()

        added.append(timed(add))
    monitor = index.monitors.get(monitor_id)
    assert monitor is not None
    for _ in range(200):

        def replace(now: Index = index, one: Monitor = monitor) -> None:
            edit = now.edit()
            edit.put(one)
            edit.done()

        replaced.append(timed(replace))
    return index, {
        "address_added": round(statistics.median(added), 1),
        "address_added_mean": round(statistics.mean(added), 1),
        "address_added_most": round(max(added)),
        "monitor_replaced": round(statistics.median(replaced), 1),
    }


def between_changes(index: Index, chain: Chain, raws: Sequence[bytes]) -> Measured:
    """Blocks of which each meets a snapshot that no block has met before."""
    monitor_id, took, hits = next(iter(index.monitors)), [], 0
    began = time.perf_counter()
    for raw in raws:
        edit = index.edit()
        edit.add(monitor_id, [chain.address()])
        index = edit.done()
        took.append(timed(partial(run, raw, index)))
        hits += run(raw, index)
    return _measured(took, hits / len(raws), (time.perf_counter() - began) / 2)


CONDITIONS = {
    "one comparison": "value > 1.5 ether",
    "three, and a list": (
        "value > 1.5 ether and from != to and contract in "
        "[0x00000000000000000000000000000000000000e1, 0x00000000000000000000000000000000000000e2]"
    ),
    "arithmetic": "value * 3 // 7 % 1 ether > 5 gwei or log.index + 5 < transaction.index",
}
ROW = (
    "0x" + "a" * 40,
    "0x" + "b" * 40,
    2 * 10**18,
    "0x" + "0" * 38 + "e1",
    7,
    *(100, 1_800_000_000, 3, "0x" + "a" * 40, "0x" + "b" * 40, 0, False),
)


def conditions() -> dict[str, Measured]:
    """Evaluations a second in each form, and microseconds to make one."""

    def per_second(function: Callable[..., Any], *arguments: Any) -> int:
        took = []
        for _ in range(9):
            began = time.process_time_ns()
            for _ in range(20_000):
                function(*arguments)
            took.append((time.process_time_ns() - began) / 20_000)
        return round(1e9 / statistics.median(took))

    def to_make(function: Callable[[], object]) -> float:
        return round(statistics.median(timed(function) for _ in range(200)), 1)

    found = {}
    schema = erc20.schema()
    for name, text in CONDITIONS.items():
        tree = parse(text, schema)
        assert compiled(tree)(ROW) is closure(tree)(ROW) is evaluate(tree, ROW)
        found[name] = {
            "compiled_per_second": per_second(compiled(tree), ROW),
            "closures_per_second": per_second(closure(tree), ROW),
            "reference_per_second": per_second(evaluate, tree, ROW),
            "microseconds_to_read": to_make(partial(parse, text, schema)),
            "microseconds_to_compile": to_make(partial(compiled, tree)),
        }
    return found


def main() -> int:
    chain = Chain()
    raws = [encode_block(chain.block(number, 0.5)) for number in range(BLOCKS)]
    worst = [encode_block(chain.block(number, SHARE)) for number in range(BLOCKS)]
    rest = [chain.address() for _ in range(max(SIZES) - ACTIVE)]
    indexes, building = {}, {}
    for size in SIZES:
        index, seconds = build(chain.active, rest[: size - ACTIVE])
        indexes[str(size)] = index
        building[str(size)] = round(seconds, 2)
    single, seconds = build(chain.active, rest[: 100_000 - ACTIVE], each=1)
    building["100000, single"] = round(seconds, 2)
    edited, changed = changes(indexes[str(max(SIZES))], chain)
    gc.collect()
    gc.freeze()
    usual = rates(raws, indexes)
    # after the first blocks, since some of it is made when it is first looked at
    memory = {
        name: round(index.bytes_used() / index.address_count, 1) for name, index in indexes.items()
    }
    changing = between_changes(edited, chain, raws)
    others = rates(raws, {"edited": edited, "single": single})
    condition = Definition(watches="everything", condition="value > 1 gwei")
    whales = Index.of([(Monitor("mo_everything", "erc20", condition), [])])
    everything = rates(raws, {"everything": whales})["everything"]
    per_match = everything["microseconds_per_block"] / everything["matches_per_block"]
    all_new = rates(worst, {str(size): indexes[str(size)] for size in (min(SIZES), max(SIZES))})
    decoding = statistics.median(
        timed(partial(decode_block, raw)) for _ in range(3) for raw in raws
    )

    def ratio(of: dict[str, Measured]) -> float:
        small, large = (
            of[str(size)]["microseconds_per_block"] for size in (min(SIZES), max(SIZES))
        )
        return round(large / small, 3)

    least = usual[str(max(SIZES))]["logs_per_second"]
    is_met = least >= GOAL_LOGS and ratio(usual) <= GOAL_RATIO
    result = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "block": {
            "transactions": TRANSACTIONS,
            "logs": LOGS,
            "msgpack_bytes": round(statistics.mean(map(len, raws))),
            "microseconds_to_decode": round(decoding, 1),
        },
        "goal": {
            "logs_per_second": GOAL_LOGS,
            "largest_ratio": GOAL_RATIO,
            "is_met": is_met,
        },
        "by_addresses": usual,
        "ratio": ratio(usual),
        "worst": all_new,
        "worst_ratio": ratio(all_new),
        **others,
        "changing": changing,
        "everything": everything | {"matches_per_second": round(1e6 / per_match)},
        "seconds_to_build": building,
        "bytes_per_address": memory,
        "changes_microseconds": changed,
        "conditions": conditions(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    show(result)
    return 0 if is_met else 1


def show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table(
        "watched addresses", "logs/s", "µs a block", "logs/s by the wall clock", "matches"
    )
    listed = {
        **result["by_addresses"],
        **{f"{name}, worst": one for name, one in result["worst"].items()},
        f"{max(SIZES)}, edited": result["edited"],
        f"{max(SIZES)}, changing": result["changing"],
        "100000, single": result["single"],
        "everything": result["everything"],
    }
    for name, one in listed.items():
        table.add_row(
            name,
            f"{one['logs_per_second']:,}",
            f"{one['microseconds_per_block']:,}",
            f"{one['logs_per_second_wall']:,}",
            f"{one['matches_per_block']}",
        )
    console.print(table)
    console.print(
        f"cost of a log at {max(SIZES):,} addresses is {result['ratio']} times that at "
        f"{min(SIZES):,} (at most {GOAL_RATIO}); worst {result['worst_ratio']}"
    )
    console.print(f"{result['everything']['matches_per_second']:,} matches/s, with their payloads")
    for name in ("bytes_per_address", "seconds_to_build", "changes_microseconds", "conditions"):
        console.print(f"{name}: {json.dumps(result[name])}")


if __name__ == "__main__":
    sys.exit(main())
