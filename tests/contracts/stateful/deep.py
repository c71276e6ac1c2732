"""A million calls over all state machines, on as many cores as there are; it adds up over days.

    python -m tests.contracts.stateful.deep --calls 1000000 --workers 2

The machines are those of `make test`, on pyrevm (engine.py) and from seeds that nobody has used
before. They run in batches. What each batch did is added to build/deep/<Machine>.json as soon as it
is done, with its seed, so that a run which is killed at any moment loses at most one batch per
worker, and the next one goes on from there. Ctrl-C waits for those batches. Calls count for the
contracts they were made on: the file keeps them apart by a hash of the bytecode.

The first invariant that breaks ends the run with status 1. The shortest way there that Hypothesis
finds is then in build/deep/failure-<Machine>-<seed>.txt, and

    python -m tests.contracts.stateful.deep --machine IndexFundsMachine --seed 123

runs the batch of that seed again.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib
import json
import multiprocessing
import os
import secrets
import signal
import sys
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.contracts.stateful.counting import NOW, Counter

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build" / "deep"
EXAMPLES = 100
STEPS = 60
# a worker is replaced after so many batches: titanoboa forgets no contract it has deployed
TASKS_PER_WORKER = 25
# without a terminal a line is printed so often (s)
REPORT_EVERY = 60


@dataclass(frozen=True)
class Subject:
    """A machine, where it is, and the contracts that its calls reach."""

    name: str
    module: str
    contracts: tuple[str, ...]


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject(
            "GiveMachine",
            "test_give_machine",
            ("DONA_GIVE", "CHARITY_REGISTRY", "ECOSYSTEM_RESERVE"),
        ),
        Subject("VestingMachine", "test_vesting_machine", ("VESTING", "DONA_BLOCK")),
        Subject(
            "IndexFundsMachine",
            "test_index_funds_machine",
            ("INDEX_FUNDS", "CHARITY_REGISTRY", "RECEIPT_BOOK", "ECOSYSTEM_RESERVE"),
        ),
        Subject(
            "GivingMachine",
            "test_giving_machine",
            ("GIVING", "CHARITY_REGISTRY", "RECEIPT_BOOK", "ECOSYSTEM_RESERVE"),
        ),
        Subject(
            "CampaignMachine",
            "test_campaign_machine",
            ("CAMPAIGN", "CAMPAIGN_FACTORY", "CHARITY_REGISTRY", "ECOSYSTEM_RESERVE"),
        ),
        Subject(
            "ImpactMachine",
            "test_impact_machine",
            ("IMPACT_FUND", "CHARITY_REGISTRY", "ECOSYSTEM_RESERVE"),
        ),
        Subject(
            "DividendPoolMachine", "test_dividend_pool_machine", ("DIVIDEND_POOL", "DONA_BLOCK")
        ),
        Subject(
            "CommissionMachine",
            "test_commission_machine",
            ("COMMISSION", "DIVIDEND_POOL", "DONA_BLOCK"),
        ),
        Subject("BuybackMachine", "test_buyback_machine", ("BUYBACK", "DONA_BLOCK")),
    )
}


# --- in the workers -------------------------------------------------------------------------------


def start_worker() -> None:
    # the parent decides when to stop
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # nobody should notice that this runs
    os.nice(19)


def version(name: str) -> str:
    """A hash of the bytecode that a machine's calls reach: a comment does not change it."""
    from tests.contracts import deployers

    found = hashlib.sha256()
    for contract in SUBJECTS[name].contracts:
        found.update(getattr(deployers, contract).compiler_data.bytecode_runtime)
    return found.hexdigest()[:12]


def run_batch(name: str, seed: int, examples: int = EXAMPLES) -> dict[str, Any]:
    """Run one batch on a chain of its own; the counts, or what broke."""
    import boa

    from tests.contracts import engine
    from tests.contracts.stateful import counting

    started = time.monotonic()
    module = importlib.import_module(f"tests.contracts.stateful.{SUBJECTS[name].module}")
    machine = getattr(module, name)
    with engine.pyrevm():
        boa.env.timestamp = NOW
        try:
            machine.prepare()
            # compiled contracts stay: the collector need not look at them again and again
            gc.freeze()
            counter = next(
                counting.batches(machine, examples=examples, steps=STEPS, first_seed=seed)
            )
        except Exception as failure:
            # Hypothesis notes the steps on the exception, which is what is printed of it
            return {"failure": "".join(traceback.format_exception(failure))}
    return {"counter": counter.as_json(), "seconds": time.monotonic() - started}


# --- in the parent --------------------------------------------------------------------------------


@dataclass
class Tally:
    """What one machine has done on these contracts: the file behind it holds other ones too."""

    name: str
    version: str
    counter: Counter = field(default_factory=Counter)
    # spent by workers on it (s)
    seconds: float = 0

    @property
    def path(self) -> Path:
        return BUILD / f"{self.name}.json"

    def read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {"machine": self.name, "versions": {}}
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    def load(self) -> None:
        entry = self.read()["versions"].get(self.version)
        if entry is not None:
            self.counter = Counter.from_json(entry)
            self.seconds = entry["seconds"]

    def add(self, done: dict[str, Any], seed: int) -> None:
        """Add one batch to the file, which is never half written."""
        self.counter += Counter.from_json(done["counter"])
        self.seconds += done["seconds"]
        data = self.read()
        seeds = data["versions"].get(self.version, {"seeds": []})["seeds"]
        data["versions"][self.version] = {
            **self.counter.as_json(),
            "seconds": round(self.seconds, 1),
            "seeds": [*seeds, seed],
        }
        BUILD.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_suffix(".tmp")
        scratch.write_text(json.dumps(data, indent=2) + "\n")
        scratch.replace(self.path)


@dataclass(frozen=True)
class Batch:
    """One that is under way, and how many calls it is likely to make."""

    tally: Tally
    seed: int
    expected: int


class Deep:
    """Hands out batches until there are enough calls; each machine gets the same time."""

    def __init__(self, tallies: list[Tally], calls: int, workers: int, minutes: int | None) -> None:
        self.tallies = tallies
        self.wanted = calls
        self.workers = workers
        self.until = None if minutes is None else time.monotonic() + 60 * minutes
        self.console = Console()
        self.started = time.monotonic()
        self.is_stopping = False
        self.under_way: dict[Future[dict[str, Any]], Batch] = {}
        self.before = self.calls
        self.reported = 0.0

    @property
    def calls(self) -> int:
        return sum(tally.counter.calls for tally in self.tallies)

    @property
    def reverts(self) -> int:
        return sum(tally.counter.reverts for tally in self.tallies)

    def run(self) -> int:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} calls"),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with (
            Progress(
                *columns, console=self.console, disable=not self.console.is_terminal
            ) as progress,
            ProcessPoolExecutor(
                self.workers,
                # a fork would share boa's state with the parent
                mp_context=multiprocessing.get_context("spawn"),
                initializer=start_worker,
                max_tasks_per_child=TASKS_PER_WORKER,
            ) as pool,
        ):
            bar = progress.add_task("deep", total=self.wanted, completed=self.calls, speed="")
            while True:
                while len(self.under_way) < self.workers and self.goes_on():
                    self.start(pool)
                if not self.under_way:
                    break
                done, _ = wait(self.under_way, timeout=5, return_when=FIRST_COMPLETED)
                for future in done:
                    batch = self.under_way.pop(future)
                    result = future.result()
                    if "failure" in result:
                        self.stop(pool, batch, result["failure"])
                        return 1
                    batch.tally.add(result, batch.seed)
                progress.update(bar, completed=self.calls, speed=self.speed())
                self.report()
        self.summary()
        return 0 if self.calls >= self.wanted else 130

    def ask_to_stop(self, *_signal: Any) -> None:
        """Let the batches under way end; asked a second time, drop them."""
        if self.is_stopping:
            raise KeyboardInterrupt
        self.is_stopping = True
        print("deep: stopping after the batches under way", file=sys.stderr)

    def goes_on(self) -> bool:
        if self.is_stopping or (self.until is not None and time.monotonic() > self.until):
            return False
        expected = sum(batch.expected for batch in self.under_way.values())
        return self.calls + expected < self.wanted

    def start(self, pool: ProcessPoolExecutor) -> None:
        busy = [batch.tally for batch in self.under_way.values()]
        tally = min(self.tallies, key=lambda one: (busy.count(one), one.seconds))
        done = tally.counter
        expected = done.calls // done.batches if done.batches else EXAMPLES * STEPS
        seed = secrets.randbits(48)
        self.under_way[pool.submit(run_batch, tally.name, seed)] = Batch(tally, seed, expected)

    def stop(self, pool: ProcessPoolExecutor, batch: Batch, failure: str) -> None:
        name, seed = batch.tally.name, batch.seed
        BUILD.mkdir(parents=True, exist_ok=True)
        path = BUILD / f"failure-{name}-{seed}.txt"
        path.write_text(
            f"machine: {name}\nseed: {seed}\ncontracts: {batch.tally.version}\n\n{failure}"
        )
        self.console.print(f"{name} failed; see {path}", style="red")
        pool.shutdown(wait=True, cancel_futures=True)

    def speed(self) -> str:
        seconds = time.monotonic() - self.started
        share = 100 * self.reverts / (self.calls or 1)
        return f"{(self.calls - self.before) / seconds:,.0f} calls/s, {share:.1f} % reverted"

    def report(self) -> None:
        """What the bar shows, as a line now and then, where nobody watches a bar."""
        if self.console.is_terminal or time.monotonic() - self.reported < REPORT_EVERY:
            return
        self.reported = time.monotonic()
        print(f"deep: {self.calls:,} of {self.wanted:,} calls, {self.speed()}", flush=True)

    def summary(self) -> None:
        for tally in self.tallies:
            print(f"\n{tally.name} on contracts {tally.version}\n{tally.counter}")
        print(f"\nall machines: {self.calls:,} calls, {self.reverts:,} reverted ({self.speed()})")


def main() -> int:
    parser = argparse.ArgumentParser(prog="deep", description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=10**6, help="with those of earlier runs")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--machine", action="append", choices=sorted(SUBJECTS), help="only this one"
    )
    parser.add_argument("--minutes", type=int, help="start no batch after so long")
    parser.add_argument("--seed", type=int, help="run one machine's batch of this seed, and stop")
    options = parser.parse_args()
    names = options.machine or list(SUBJECTS)
    if options.seed is not None:
        if len(names) != 1:
            parser.error("--seed needs one --machine")
        done = run_batch(names[0], options.seed)
        print(done.get("failure") or Counter.from_json(done["counter"]))
        return int("failure" in done)
    tallies = [Tally(name, version(name)) for name in names]
    for tally in tallies:
        tally.load()
    runner = Deep(tallies, options.calls, options.workers, options.minutes)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, runner.ask_to_stop)
    return runner.run()


if __name__ == "__main__":
    sys.exit(main())
