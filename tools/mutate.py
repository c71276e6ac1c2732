"""Plant small faults in every contract and see whether the tests notice.

python -m tools.mutate                     all contracts; exit 1 below 95 % in any of them
python -m tools.mutate Giving transfers    some of them
python -m tools.mutate --share 0.1         every tenth fault
python -m tools.mutate --resume            go on where the last run stopped
python -m tools.mutate --retry             the same, and try again what no test noticed
python -m tools.mutate --page              write docs/audit/mutation.md from what is kept

Each fault is compiled and tested by a process forked from one that has everything loaded, in a copy
of the tree of its own; so it takes seconds, not minutes. Results go to build/mutate/<name>.json.
Faults that no test noticed are listed; those that change nothing anybody could notice carry their
reason in docs/audit/survivors.json, and count all the same. A run over everything writes the table
to docs/audit/mutation.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing import Process, SimpleQueue
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tools.mutants import Mutant, mutants
from tools.paths import ROOT

RESULTS = ROOT / "build" / "mutate"
REASONS = ROOT / "docs" / "audit" / "survivors.json"
PAGE = ROOT / "docs" / "audit" / "mutation.md"
WANTED = 0.95
SECONDS = 900
COPIED = ("contracts", "interfaces", "tests", "donablock", "tools", "bench", "docs")
FILES = ("pyproject.toml", "conftest.py")

UNIT = "tests/contracts/unit"
GIVING = (f"{UNIT}/test_giving*.py", "tests/contracts/incidents")
FUNDS = (f"{UNIT}/test_index_funds*.py", "tests/contracts/incidents")
MACHINES = "tests/contracts/stateful"

TESTS: dict[str, tuple[str, ...]] = {
    "Timelock": (f"{UNIT}/test_timelock*.py",),
    "DonaBlock": (f"{UNIT}/test_dona_block*.py",),
    "DonaGive": (f"{UNIT}/test_dona_give*.py", f"{MACHINES}/test_give*.py"),
    "Vesting": (f"{UNIT}/test_vesting*.py", f"{MACHINES}/test_vesting*.py"),
    "EcosystemReserve": (f"{UNIT}/test_ecosystem_reserve*.py",),
    "CharityRegistry": (f"{UNIT}/test_charity_registry*.py", *GIVING),
    "Giving": GIVING,
    "IndexFunds": (*FUNDS, f"{MACHINES}/test_index_funds*.py"),
    "Campaign": (f"{UNIT}/test_campaign*.py", f"{MACHINES}/test_campaign*.py"),
    "CampaignFactory": (f"{UNIT}/test_campaign_factory.py",),
    "ImpactFund": (f"{UNIT}/test_impact*.py", f"{MACHINES}/test_impact*.py"),
    "DividendPool": (f"{UNIT}/test_dividend_pool.py", f"{MACHINES}/test_dividend_pool*.py"),
    "Commission": (f"{UNIT}/test_commission.py",),
    "Buyback": (f"{UNIT}/test_buyback.py", "tests/contracts/incidents/test_sky_flapper*.py"),
    "plain_text": (f"{UNIT}/test_plain_text.py",),
    "ReceiptBook": (f"{UNIT}/test_text_bounds.py", f"{UNIT}/test_receipt*.py"),
    "asset_list": (f"{UNIT}/test_asset_list*.py", *GIVING, *FUNDS),
    "base64": (f"{UNIT}/test_base64*.py", f"{UNIT}/test_text*.py", f"{UNIT}/test_receipt*.py"),
    "entry_stop": (f"{UNIT}/test_entry_stop*.py", *FUNDS),
    "erc20": (f"{UNIT}/test_erc20*.py", f"{UNIT}/test_dona_*.py"),
    "transfers": (
        "tests/contracts/conformance/test_hostile_recipients.py",
        *GIVING,
        *FUNDS,
        f"{UNIT}/test_dona_give*.py",
    ),
}
"""Where the tests of a contract or module are, the likeliest to notice first."""
REST = (f"{UNIT}/test_writing*.py", f"{UNIT}/test_text*.py", f"{UNIT}/test_receipt*.py")


_IMPORT = re.compile(r"^from contracts\.modules import (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """What became of one fault: caught, survived, invalid (does not compile) or slow (caught)."""

    file: str
    line: int
    kind: str
    before: str
    after: str
    outcome: str
    seconds: float

    @property
    def key(self) -> tuple[str, int, str, str]:
        return (self.file, self.line, self.before, self.after)


def sources(names: Sequence[str]) -> list[Path]:
    """The contracts and modules with these stems; all where none is named."""
    found = sorted((ROOT / "contracts").rglob("*.vy"))
    unknown = set(names) - {path.stem for path in found}
    if unknown:
        raise SystemExit(f"no such contract: {', '.join(sorted(unknown))}")
    return [path for path in found if not names or path.stem in names]


def tests_of(stem: str, root: Path) -> list[str]:
    """Test files for a source, each once, in the order they are tried."""
    found: dict[str, None] = {}
    for pattern in TESTS.get(stem, REST):
        for path in sorted(root.glob(pattern)):
            found[path.relative_to(root).as_posix()] = None
    return list(found)


def _copy_tree(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "dist")
    for name in COPIED:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, target / name, ignore=ignore)
    for name in FILES:
        shutil.copy(ROOT / name, target / name)
    # What was compiled once need not be compiled again.
    kept = ROOT / "build" / "titanoboa"
    kept.mkdir(parents=True, exist_ok=True)
    (target / "build").mkdir()
    (target / "build" / "titanoboa").symlink_to(kept)
    # the exchange that buybacks are tried on
    (target / "node_modules").symlink_to(ROOT / "node_modules")


def _worker(tree: Path, jobs: list[tuple[str, Mutant]], verdicts: SimpleQueue[Any]) -> None:
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    for name in [name for name in sys.modules if name.split(".")[0] in {"tests", "donablock"}]:
        del sys.modules[name]
    import boa  # noqa: F401  loaded once, for all forks
    import hypothesis  # noqa: F401
    import pytest

    from tests.contracts import deployers

    # What a fault does not reach is read and compiled here, once for all forks.
    for name in deployers.SOURCES:
        getattr(deployers, name)
    # it stays: a fork's collector need not look at it, which takes longer than most tests
    gc.collect()
    gc.freeze()

    sound: set[str] = set()
    for file, mutant in jobs:
        path = tree / file
        if file not in sound:
            # tests that fail by themselves would notice everything
            if _outcome(tree, path, pytest) != "survived":
                verdicts.put(file)
                return
            sound.add(file)
        original = path.read_text()
        started = time.monotonic()
        path.write_text(mutant.source)
        try:
            outcome = _outcome(tree, path, pytest)
        finally:
            path.write_text(original)
        verdicts.put(_verdict(file, mutant, outcome, time.monotonic() - started))


def _verdict(file: str, mutant: Mutant, outcome: str, seconds: float) -> Verdict:
    fields = {key: value for key, value in asdict(mutant).items() if key != "source"}
    return Verdict(file=file, outcome=outcome, seconds=round(seconds, 2), **fields)


def _outcome(tree: Path, path: Path, pytest: Any) -> str:
    child = os.fork()
    if child == 0:
        os._exit(_run(tree, path, pytest))
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return {0: "survived", 99: "invalid"}.get(code, "caught")
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "slow"


def _run(tree: Path, path: Path, pytest: Any) -> int:
    """In the forked child: 99 where the fault does not compile, else pytest's exit code."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.setsid()
    if not _compiles(tree, path):
        return 99
    tests = tests_of(path.stem, tree)
    # only the exit code is read, so that failures need not be explained
    options = ["-x", "-q", "--no-header", "--tb=no", "--assert=plain"]
    for plugin in ("cacheprovider", "xdist", "unraisableexception"):
        options += ["-p", f"no:{plugin}"]
    return int(pytest.main([*options, *tests]))


def _compiles(tree: Path, path: Path) -> bool:
    """Whether the source at `path` compiles; all that reads it is compiled anew."""
    from tests.contracts import deployers

    changed = [
        name for name, source in deployers.SOURCES.items() if path in read_by(tree / source, tree)
    ]
    for name in changed:
        vars(deployers).pop(name, None)
    try:
        # the others are compiled by the first test that asks for them
        getattr(deployers, changed[0])
    except Exception:
        return False
    return True


def read_by(source: Path, root: Path) -> set[Path]:
    """A contract and the modules of ours that it imports, directly or not."""
    found: set[Path] = set()
    ahead = [source]
    while ahead:
        path = ahead.pop()
        if path not in found:
            found.add(path)
            ahead += [
                root / "contracts" / "modules" / f"{name}.vy"
                for name in _IMPORT.findall(path.read_text())
            ]
    return found


def reasons() -> dict[tuple[str, str, str], str]:
    """(file, before, after) of survivors that nobody could notice, with the reason."""
    if not REASONS.exists():
        return {}
    rows = json.loads(REASONS.read_text())
    return {(row["file"], row["before"], row["after"]): row["reason"] for row in rows}


def _kept(stem: str) -> list[Verdict]:
    path = RESULTS / f"{stem}.json"
    return [Verdict(**row) for row in json.loads(path.read_text())] if path.exists() else []


def _keep(verdicts: list[Verdict]) -> None:
    by_stem: dict[str, list[Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda v: (v.file, v.line, v.after)):
        by_stem.setdefault(Path(verdict.file).stem, []).append(verdict)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for stem, rows in by_stem.items():
        text = json.dumps([asdict(row) for row in rows], indent=1)
        (RESULTS / f"{stem}.json").write_text(text + "\n")


def run(
    paths: list[Path], share: float, workers: int, resume: bool, retry: bool = False
) -> list[Verdict]:
    """Try every fault (or each 1/share-th) of the sources. Returns all verdicts, kept ones too."""
    kept = {v.key: v for path in paths for v in _kept(path.stem)} if resume or retry else {}
    verdicts: list[Verdict] = []
    work: list[tuple[str, Mutant]] = []
    for path in paths:
        file = path.relative_to(ROOT).as_posix()
        every = list(mutants(path.read_text()))
        step = max(1, round(1 / share))
        for mutant in every[::step]:
            # What was found of an older text of the source counts no more.
            verdict = kept.get((file, mutant.line, mutant.before, mutant.after))
            if verdict is None or (retry and verdict.outcome == "survived"):
                work.append((file, mutant))
            else:
                verdicts.append(verdict)

    # No queue that has threads of its own: a process forked beside them may hang.
    done: SimpleQueue[Any] = SimpleQueue()
    trees = [RESULTS / f"tree-{number}" for number in range(workers)]
    processes = []
    for number, tree in enumerate(trees):
        _copy_tree(tree)
        process = Process(target=_worker, args=(tree, work[number::workers], done))
        process.start()
        processes.append(process)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("faults", total=len(work))
        for count in range(len(work)):
            verdict = done.get()
            if isinstance(verdict, str):
                for process in processes:
                    process.kill()
                raise SystemExit(f"{verdict}: its tests fail without any fault planted")
            verdicts.append(verdict)
            progress.advance(task)
            if count % 20 == 0:
                _keep(verdicts)
    for process in processes:
        process.join()
    for tree in trees:
        shutil.rmtree(tree, ignore_errors=True)
    _keep(verdicts)
    return verdicts


def complete() -> list[Verdict]:
    """What is kept of the sources of which every fault was tried."""
    found: list[Verdict] = []
    for path in sources([]):
        file = path.relative_to(ROOT).as_posix()
        kept = {verdict.key: verdict for verdict in _kept(path.stem)}
        every = [(file, one.line, one.before, one.after) for one in mutants(path.read_text())]
        if all(key in kept for key in every):
            found += [kept[key] for key in every]
    return sorted(found, key=lambda v: (v.file, v.line, v.after))


def report(verdicts: list[Verdict], console: Console) -> bool:
    """Print what was caught and what was not. True if every contract reaches 95 %."""
    known = reasons()
    contracts = by_contract(verdicts)
    for title, rows in (("source", tally(verdicts)), ("contract and its modules", contracts)):
        table = Table(title, "faults", "caught", "survived", "share")
        for file, valid, survived in rows:
            style = "red" if rows is contracts and _share(valid, survived) < WANTED else ""
            counts = (str(valid), str(valid - survived), str(survived))
            table.add_row(file, *counts, f"{_share(valid, survived):.1%}", style=style)
        console.print(table)
    good = all(_share(valid, survived) >= WANTED for _, valid, survived in contracts)
    for verdict in verdicts:
        if verdict.outcome == "survived":
            reason = known.get((verdict.file, verdict.before, verdict.after), "no reason given")
            console.print(f"{verdict.file}:{verdict.line} [{verdict.kind}]", markup=False)
            console.print(f"  {verdict.before}\n  {verdict.after}\n  {reason}", markup=False)
    return good


def _share(valid: int, survived: int) -> float:
    return (valid - survived) / valid if valid else 1.0


def by_contract(verdicts: list[Verdict]) -> list[tuple[str, int, int]]:
    """(contract, faults that compile, faults that no test noticed), those of the modules that it
    is compiled from included. A module that was tried without any such contract stands for itself.
    """
    counts = {file: (valid, survived) for file, valid, survived in tally(verdicts)}
    rows, judged = [], set()
    for file in counts:
        if "/modules/" not in file:
            parts = {path.relative_to(ROOT).as_posix() for path in read_by(ROOT / file, ROOT)}
            found = [counts[part] for part in sorted(parts & counts.keys())]
            rows.append((file, sum(row[0] for row in found), sum(row[1] for row in found)))
            judged |= parts
    return rows + [(file, *counts[file]) for file in counts if file not in judged]


def tally(verdicts: list[Verdict]) -> list[tuple[str, int, int]]:
    """(source, faults that compile, faults that no test noticed), by source."""
    rows = []
    for file in sorted({verdict.file for verdict in verdicts}):
        valid = [v for v in verdicts if v.file == file and v.outcome != "invalid"]
        rows.append((file, len(valid), sum(v.outcome == "survived" for v in valid)))
    return rows


def render(verdicts: list[Verdict]) -> str:
    """The page for readers: a table, and each survivor with its reason."""
    lines = [
        "# Planted faults",
        "",
        "`make mutate` plants one fault at a time in every contract and module: a comparison",
        "turned, a constant moved by one, a statement removed. It runs that source's tests,",
        "and fails below 95 % in any contract, its modules included. This page is what the last",
        "runs found of the sources as they are (`python -m tools.mutate --page` writes it).",
    ]
    untried = sorted(
        path.relative_to(ROOT).as_posix()
        for path in sources([])
        if path.relative_to(ROOT).as_posix() not in {verdict.file for verdict in verdicts}
    )
    if untried:
        lines += ["", "Not tried yet: " + ", ".join(f"`{file}`" for file in untried) + "."]
    rows = tally(verdicts)
    total = ("**all**", sum(row[1] for row in rows), sum(row[2] for row in rows))
    tables = {"contract, with its modules": by_contract(verdicts), "source": [*rows, total]}
    for title, counted in tables.items():
        lines += ["", f"| {title} | faults | noticed | not noticed | share |"]
        lines += ["|---|---:|---:|---:|---:|"]
        for file, valid, survived in counted:
            name = file if file.startswith("**") else f"`{file}`"
            share = f"{_share(valid, survived):.1%}"
            lines.append(f"| {name} | {valid} | {valid - survived} | {survived} | {share} |")
    known = reasons()
    lines += ["", "## Not noticed, and why", ""]
    for verdict in verdicts:
        if verdict.outcome == "survived":
            reason = known.get((verdict.file, verdict.before, verdict.after), "no reason given")
            lines.append(f"- `{verdict.file}`: `{verdict.before}` made `{verdict.after}`: {reason}")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="stems of contracts or modules (default: all)")
    parser.add_argument("--share", type=float, default=1.0, help="share of the faults to try")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run found")
    parser.add_argument("--retry", action="store_true", help="--resume, and try survivors again")
    parser.add_argument("--page", action="store_true", help="try nothing, write the page")
    options = parser.parse_args(arguments)
    if options.page:
        PAGE.write_text(render(complete()))
        return 0
    verdicts = run(
        sources(options.names), options.share, options.workers, options.resume, options.retry
    )
    good = report(verdicts, Console())
    if not options.names and options.share == 1.0:
        PAGE.write_text(render(sorted(verdicts, key=lambda v: (v.file, v.line, v.after))))
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
