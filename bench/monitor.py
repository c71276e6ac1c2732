"""Everything that is measured of the monitors, in one run, beside its goals.

python -m bench.monitor [--quick]     measure, write build/bench/monitor.json, show the goals
python -m bench.monitor docs          put the figures of the last run into docs/monitor-bench.md

Each part is a process of its own, that can be run alone as well, and writes a file of its own under
build/bench; what is measured and how stands at its top. Figures are only worth something on a
machine that does nothing else: its load is written beside. `--quick` takes smaller sizes, which
show that everything works, and too low figures.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.chain_reader import GOAL as GOAL_BLOCKS
from bench.cores import layout
from bench.deliveries import GOAL_P99, GOAL_PER_SECOND, ROOT
from bench.gas import replace_section
from bench.matching import GOAL_LOGS, GOAL_RATIO, SIZES
from bench.monitor_matches import GOAL as GOAL_MATCHES
from bench.monitor_tables import figure, markdown

RESULT = ROOT / "build" / "bench" / "monitor.json"
DOCUMENT = ROOT / "docs" / "monitor-bench.md"
CALM = 1.5
"""A load above this before the start means that others were at work."""

# the module, and the file that it writes
PARTS = {
    "bench.matching": "matching",
    "bench.chain_reader": "chain_reader",
    "bench.monitor_matches": "matches",
    "bench.monitor_pipeline": "pipeline",
    "bench.deliveries": "deliveries",
    "bench.monitor_others": "others",
}

Parts = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """is_ceiling: as much at most, else at least."""

    name: str
    goal: float
    unit: str
    read: Callable[[Parts], float]
    is_ceiling: bool = False

    def is_met_by(self, value: float) -> bool:
        return value <= self.goal if self.is_ceiling else value >= self.goal


GOALS = (
    Goal(
        "decoded and matched, 1,000,000 addresses",
        GOAL_LOGS,
        "logs/s",
        lambda parts: parts["matching"]["by_addresses"][str(max(SIZES))]["logs_per_second"],
    ),
    Goal(
        "a log at 1,000,000 addresses beside one at 1,000",
        GOAL_RATIO,
        "times the cost",
        lambda parts: parts["matching"]["ratio"],
        is_ceiling=True,
    ),
    Goal(
        "blocks of Ethereum's size decoded",
        GOAL_BLOCKS,
        "blocks/s",
        lambda parts: parts["chain_reader"]["ways"]["decoded"]["blocks_per_second"],
    ),
    Goal(
        "matches written",
        GOAL_MATCHES,
        "matches/s",
        lambda parts: parts["matches"]["detected"]["matches_per_second"],
    ),
    Goal(
        "signed webhooks delivered",
        GOAL_PER_SECOND,
        "deliveries/s",
        lambda parts: parts["deliveries"]["burst"]["per second"],
    ),
    Goal(
        "block seen to 2xx at 200 deliveries/s, p99",
        GOAL_P99,
        "s",
        lambda parts: parts["pipeline"]["webhooks"]["p99_ms"] / 1_000,
        is_ceiling=True,
    ),
)


def judged(parts: Parts) -> list[dict[str, Any]]:
    """Every goal, with what was measured."""
    found = []
    for goal in GOALS:
        value = goal.read(parts)
        found.append(
            {
                "name": goal.name,
                "goal": goal.goal,
                "at": "most" if goal.is_ceiling else "least",
                "unit": goal.unit,
                "measured": value,
                "is_met": goal.is_met_by(value),
            }
        )
    return found


# --- running --------------------------------------------------------------------------------------


def measure(console: Console, *, is_quick: bool) -> dict[str, Any]:
    """All parts, one after the other."""
    load, began = os.getloadavg()[0], time.monotonic()
    at = datetime.now(UTC).isoformat(timespec="seconds")
    parts: Parts = {}
    for number, (module, name) in enumerate(PARTS.items(), 1):
        console.rule(f"{number} of {len(PARTS)}: {module}, after {time.monotonic() - began:.0f} s")
        parts[name] = _part(module, name, is_quick=is_quick)
    return {
        "at": at,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": layout(),
        "load_before": round(load, 2),
        "is_calm": load <= CALM,
        "is_quick": is_quick,
        "seconds": round(time.monotonic() - began),
        "goals": judged(parts),
        "parts": parts,
    }


def _part(module: str, name: str, *, is_quick: bool) -> Any:
    path = RESULT.parent / f"{name}.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", module, *(["--quick"] if is_quick else [])]
    # a part that misses its goal ends with 1, as one that fails; only that one writes nothing
    subprocess.run(command, cwd=ROOT, check=False)
    if not path.exists():
        raise SystemExit(f"{module} failed")
    return json.loads(path.read_text())


def show(console: Console, result: dict[str, Any]) -> None:
    table = Table("goal", "at", "", "measured", "")
    for one in result["goals"]:
        goal = f"{one['goal']:,} {one['unit']}"
        is_met = "met" if one["is_met"] else "MISSED"
        table.add_row(one["name"], one["at"], goal, figure(one["measured"]), is_met)
    console.print(table)
    if not result["is_calm"]:
        console.print(f"the load was {result['load_before']} before: others were at work")


def main(arguments: Sequence[str]) -> int:
    console = Console()
    if arguments == ["docs"]:
        result = json.loads(RESULT.read_text())
        document = replace_section(DOCUMENT.read_text(), "figures", markdown(result))
        DOCUMENT.write_text(document)
        return 0
    result = measure(console, is_quick="--quick" in arguments)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    show(console, result)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
