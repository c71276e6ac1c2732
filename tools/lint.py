"""Run every lint step and name each one that fails, with the command that mends it or repeats it.

python -m tools.lint            all steps
python -m tools.lint ruff types some of them
python -m tools.lint --list     their names
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.paths import ROOT

PYTHON = sys.executable
BIN = Path(PYTHON).parent
NODE_BIN = ROOT / "node_modules" / ".bin"


@dataclass(frozen=True)
class Step:
    """One check: its name, what it looks after, its command, and how to mend what it finds."""

    name: str
    what: str
    command: Callable[[], Sequence[str | Path]]
    mend: str


def _mypy() -> Sequence[str | Path]:
    folders = [
        name for name in ("donablock", "scripts", "tools") if any((ROOT / name).glob("*.py"))
    ]
    return [PYTHON, "-m", "mypy", *folders]


def _web() -> Sequence[str | Path]:
    config = ROOT / "web" / "give" / "tsconfig.json"
    return [NODE_BIN / "tsc", "--noEmit", "-p", config] if config.exists() else []


def _imports() -> Sequence[str | Path]:
    return [BIN / "lint-imports", "--no-logo"] if (ROOT / "donablock").exists() else []


STEPS = (
    Step("ruff", "Python rules", lambda: [BIN / "ruff", "check", "."], "ruff check --fix ."),
    Step(
        "ruff-format",
        "Python format",
        lambda: [BIN / "ruff", "format", "--check", "."],
        "make format",
    ),
    Step("types", "Python types (mypy strict)", _mypy, "give or correct the types named above"),
    Step(
        "imports",
        "who may import whom",
        _imports,
        "move the code down a layer, or pass the part in (pyproject.toml, tool.importlinter)",
    ),
    Step(
        "vyper-format",
        "Vyper format (mamushi)",
        lambda: [PYTHON, "-m", "tools.vyper_format", "--check"],
        "make format",
    ),
    Step(
        "vyper-faults",
        "the compiler's published faults",
        lambda: [PYTHON, "-m", "tools.compiler_faults"],
        "see tools/compiler_faults.py",
    ),
    Step(
        "vyper-warnings",
        "Vyper warnings as errors",
        lambda: [PYTHON, "-m", "tools.vyper_warnings"],
        "mend what the compiler names above",
    ),
    Step("web-types", "TypeScript types", _web, "give or correct the types named above"),
)


def run(step: Step) -> bool:
    """Run one step, printing one line, and its output when it fails."""
    started = time.perf_counter()
    command = [str(part) for part in step.command()]
    if not command:
        print(f"  -     {step.name:15} {step.what}: nothing to check yet", flush=True)
        return True
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        output, good = done.stdout + done.stderr, done.returncode == 0
    except FileNotFoundError as error:
        output, good = f"{error.filename} is missing: run `make setup`", False
    seconds = time.perf_counter() - started
    print(
        f"  {'ok' if good else 'FAIL':5} {step.name:15} {step.what} ({seconds:.1f} s)", flush=True
    )
    if not good:
        print(f"\n{output.strip()}\n\n    ran:  {shlex.join(command)}", flush=True)
        print(f"    mend: {step.mend}\n", flush=True)
    return good


def main(arguments: list[str]) -> int:
    if arguments == ["--list"]:
        print("\n".join(f"{step.name:15} {step.what}" for step in STEPS))
        return 0
    unknown = set(arguments) - {step.name for step in STEPS}
    if unknown:
        print(f"no such lint step: {', '.join(sorted(unknown))} (see --list)", file=sys.stderr)
        return 2
    chosen = [step for step in STEPS if not arguments or step.name in arguments]
    failed = [step.name for step in chosen if not run(step)]
    print(
        f"lint: {len(chosen) - len(failed)} of {len(chosen)} steps passed"
        + (f"; FAILED: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
