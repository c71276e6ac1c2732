"""Hundreds of schedules of faults over the whole pipeline; it adds up, and can be resumed.

    python -m tests.pipeline.deep --schedules 500 --workers 4

Schedule n is what tests/pipeline/weather.py makes of seed n. What each did is added to
build/deep/pipeline.json as soon as it is done, so that a run which is killed at any moment goes on
from there. Schedules count for the code that they ran: the file keeps them apart by a hash of it.

The first one that loses anything ends the run with status 1; its seed is printed, and what was
found is in build/deep/pipeline-failure-<seed>.txt. `--seed 123` runs that one again.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import functools
import hashlib
import json
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from donablock.store.postgres import EmbeddedPostgres
from tests.crashing import preload
from tests.pipeline import roles, weather

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "deep"
COUNTED = ("blocks", "messages", "requests", "repeats")
# without a terminal a line is printed so often (s)
REPORT_EVERY = 60

preload(roles.__name__)


def version() -> str:
    """A hash of what the schedules run: the package, and these tests."""
    found = hashlib.sha256()
    for folder in ("donablock/chain", "donablock/store", "donablock/monitors", "tests/pipeline"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


# --- in the workers -------------------------------------------------------------------------------


def start_worker() -> None:
    # the parent decides when to stop
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(5)


@functools.cache
def server() -> EmbeddedPostgres:
    """One for each worker, in whose only thread it lives and dies."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(weather.own_server())


def run_one(seed: int) -> dict[str, Any]:
    """What a schedule did, or how it failed."""
    try:
        return dict(vars(weather.run(server(), seed)))
    except BaseException as failure:
        return {"seed": seed, "failure": "".join(traceback.format_exception(failure))}


# --- in the parent --------------------------------------------------------------------------------


class Deep:
    """Hands out the seeds that are not done yet, and adds up."""

    def __init__(self, schedules: int, workers: int, minutes: float | None) -> None:
        self.wanted = schedules
        self.workers = workers
        self.until = None if minutes is None else time.monotonic() + 60 * minutes
        self.version = version()
        self.path = BUILD / "pipeline.json"
        self.done: dict[int, dict[str, Any]] = {
            int(seed): done for seed, done in self._read().get(self.version, {}).items()
        }
        self.is_stopping = False
        self.reported = time.monotonic()

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return found

    def add(self, done: dict[str, Any]) -> None:
        """Into the file, which is never half written."""
        self.done[done["seed"]] = done
        data = self._read() | {self.version: {str(seed): one for seed, one in self.done.items()}}
        BUILD.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_suffix(".tmp")
        scratch.write_text(json.dumps(data) + "\n")
        scratch.replace(self.path)

    def ask_to_stop(self, *_signal: Any) -> None:
        """Let the schedules under way end."""
        self.is_stopping = True
        print("deep: stopping after the schedules under way", file=sys.stderr)

    def goes_on(self) -> bool:
        return not self.is_stopping and (self.until is None or time.monotonic() < self.until)

    def run(self) -> int:
        left = [seed for seed in range(1, self.wanted + 1) if seed not in self.done]
        under_way: set[Future[dict[str, Any]]] = set()
        with ProcessPoolExecutor(
            self.workers,
            # a fork would share event loops and servers with the parent
            mp_context=multiprocessing.get_context("spawn"),
            initializer=start_worker,
        ) as pool:
            while True:
                while left and len(under_way) < self.workers and self.goes_on():
                    under_way.add(pool.submit(run_one, left.pop(0)))
                if not under_way:
                    break
                ended, under_way = wait(under_way, timeout=5, return_when=FIRST_COMPLETED)
                for future in ended:
                    result = future.result()
                    if "failure" in result:
                        pool.shutdown(wait=True, cancel_futures=True)
                        self.failed(result["seed"], result["failure"])
                        return 1
                    self.add(result)
                if time.monotonic() - self.reported >= REPORT_EVERY:
                    self.reported = time.monotonic()
                    print(f"deep: {len(self.done)} of {self.wanted} schedules", flush=True)
        print(self.summary())
        return 0 if len(self.done) >= self.wanted else 130

    def failed(self, seed: int, failure: str) -> None:
        BUILD.mkdir(parents=True, exist_ok=True)
        path = BUILD / f"pipeline-failure-{seed}.txt"
        path.write_text(f"seed: {seed}\ncode: {self.version}\n\n{failure}")
        print(f"deep: schedule {seed} failed; see {path}", file=sys.stderr)
        print(self.summary())

    def summary(self) -> str:
        """The last line counts."""
        sums: dict[str, Counter[str]] = {
            name: sum((Counter(one[name]) for one in self.done.values()), Counter())
            for name in ("faults", "kills", "story")
        }
        lines = [
            f"{name}: " + ", ".join(f"{count:,} {what}" for what, count in counted.most_common())
            for name, counted in sums.items()
        ]
        totals = {name: sum(one[name] for one in self.done.values()) for name in COUNTED}
        kafka = sum(one["is_kafka"] for one in self.done.values())
        lines.append(
            f"pipeline on {self.version}: {len(self.done)} of {self.wanted} schedules"
            f" ({kafka} with Kafka), {sums['faults'].total():,} faults,"
            f" {sums['kills'].total():,} kills, {totals['blocks']:,} blocks,"
            f" {totals['messages']:,} messages in {totals['requests']:,} requests"
            f" ({totals['repeats']:,} repeats); nothing lost, nothing made up"
        )
        return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="deep", description=__doc__.split("\n")[0])
    parser.add_argument("--schedules", type=int, default=500, help="with those of earlier runs")
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--minutes", type=float, help="start no schedule after so long")
    parser.add_argument("--seed", type=int, help="run this one, and stop")
    options = parser.parse_args()
    if options.seed is not None:
        done = run_one(options.seed)
        print(done.get("failure") or json.dumps(done, indent=2))
        return int("failure" in done)
    runner = Deep(options.schedules, options.workers, options.minutes)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, runner.ask_to_stop)
    return runner.run()


if __name__ == "__main__":
    sys.exit(main())
