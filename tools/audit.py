"""Show an auditor the whole: make audit.

Recompiles every contract and compares the bytecode with ape's artifacts and with what was deployed,
then prints roles, who can move which money, the invariants with their tests, the gas figures, the
planted faults that were noticed, and the coverage of the contracts' tests. Exits 1 if anything does
not agree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from donablock.chain.artifacts import artifact, contract_names
from tools.paths import ROOT

AUDIT = ROOT / "docs" / "audit"
ROLES = AUDIT / "roles.md"
INVARIANTS = AUDIT / "invariants.md"
GAS = ROOT / "build" / "bench" / "gas.json"
MUTATION = AUDIT / "mutation.md"
APE_BUILD = ROOT / ".build" / "__local__.json"
DEPLOYMENTS = ROOT / "deployments"

_ROW = re.compile(r"^\| (?P<cells>.+) \|$")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Invariant:
    """A row of docs/audit/invariants.md. `tests` are paths from the repository's root."""

    id: str
    sentence: str
    tests: tuple[str, ...]


def rows(document: str, heading: str) -> Iterator[list[str]]:
    """The cells of the table under a heading, the head of the table left out."""
    found = False
    seen = 0
    for line in document.splitlines():
        if line.startswith("#"):
            found = line.lstrip("# ") == heading
            seen = 0
            continue
        match = _ROW.match(line)
        if found and match:
            seen += 1
            if seen > 1:
                yield [cell.strip() for cell in match["cells"].split(" | ")]


def invariants() -> list[Invariant]:
    """All invariants, in the document's order."""
    found = []
    for id_, sentence, tests in rows(INVARIANTS.read_text(), "Invariants"):
        found.append(Invariant(id_, sentence, tuple(_CODE.findall(tests))))
    return found


def untested(found: Sequence[Invariant]) -> list[str]:
    """Invariants whose test does not exist or does not carry the id."""
    problems = []
    for invariant in found:
        if not invariant.tests:
            problems.append(f"{invariant.id}: no test named")
        for test in invariant.tests:
            path = ROOT / test
            if not path.exists():
                problems.append(f"{invariant.id}: there is no {test}")
            elif invariant.id not in path.read_text():
                problems.append(f"{invariant.id}: {test} does not carry the id")
    return problems


def changing_functions(name: str) -> set[str]:
    """Functions of a contract that may change something."""
    return {
        str(entry["name"])
        for entry in artifact(name).abi
        if entry["type"] == "function" and entry["stateMutability"] in {"nonpayable", "payable"}
    }


def told_functions(name: str) -> set[str]:
    """Functions of a contract that docs/audit/roles.md names."""
    return {
        function for cells in rows(ROLES.read_text(), name) for function in _CODE.findall(cells[0])
    }


def compare_bytecode(console: Console) -> list[str]:
    """Compile from the source and compare with ape's artifacts and with the manifests."""
    problems = []
    built = json.loads(APE_BUILD.read_text())["contractTypes"] if APE_BUILD.exists() else {}
    table = Table("contract", "bytes", "sha256 of the creation code", "ape", title="bytecode")
    for name in contract_names():
        made = artifact(name)
        entry = built.get(name, {}).get("deploymentBytecode", {}).get("bytecode")
        same = entry is not None and entry.removeprefix("0x") == made.creation.hex()
        if entry is not None and not same:
            problems.append(f"{name}: ape's artifact is not what the source gives; make compile")
        digest = hashlib.sha256(made.creation).hexdigest()
        state = "same" if same else ("not built" if entry is None else "DIFFERS")
        table.add_row(name, f"{len(made.runtime):,}", digest, state)
    console.print(table)
    for path in sorted(DEPLOYMENTS.glob("*.json")):
        console.print(f"deployed: {path.relative_to(ROOT)}; compare it with `ape run verify`")
    return problems


def print_table(console: Console, title: str, head: Sequence[str], document: str) -> None:
    table = Table(*head, title=title)
    for cells in rows(document, title):
        table.add_row(*(cell.replace("`", "") for cell in cells))
    console.print(table)


def print_gas(console: Console) -> None:
    if not GAS.exists():
        console.print("gas: not measured yet; make bench-gas", style="yellow")
        return
    table = Table("operation", "gas, warm", title="gas")
    for name, used in json.loads(GAS.read_text()).items():
        if not name.endswith(", cold"):
            table.add_row(name, f"{used:,}")
    console.print(table)


def coverage(console: Console) -> int:
    """Statement coverage of the contracts by their unit tests; 0 if it ran."""
    console.print("coverage (statements; the planted faults say more):")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "boa.coverage", "tests/contracts/unit"]
    command += ["--cov=contracts", "--cov-report=term", "--no-header", "-p", "no:cacheprovider"]
    # only titanoboa's own engine sees which lines are run
    environment = {**os.environ, "ENGINE": "py-evm"}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    lines = ran.stdout.splitlines()
    for line in lines:
        if line.startswith(("contracts/", "TOTAL")):
            console.print(f"  {line}", highlight=False)
    console.print(f"  {lines[-1] if lines else ran.stderr[-400:]}", highlight=False)
    return ran.returncode


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--no-coverage", action="store_true", help="leave the slow part out")
    options = parser.parse_args(arguments)
    console = Console()
    problems = compare_bytecode(console)
    roles = ROLES.read_text()
    print_table(console, "Roles", ["role", "held by", "can", "cannot"], roles)
    print_table(
        console, "Who can move which money", ["money", "who can move it", "where to"], roles
    )
    for name in contract_names():
        problems += [
            f"{name}.{function}: not in docs/audit/roles.md"
            for function in sorted(changing_functions(name) - told_functions(name))
        ]
    found = invariants()
    table = Table("id", "what always holds", "test", title="invariants")
    for invariant in found:
        tests = "\n".join(Path(test).name for test in invariant.tests)
        table.add_row(invariant.id, invariant.sentence, tests)
    console.print(table)
    problems += untested(found)
    print_gas(console)
    if MUTATION.exists():
        console.print(f"planted faults: {MUTATION.relative_to(ROOT)}")
    if not options.no_coverage and coverage(console) != 0:
        problems.append("the contracts' unit tests failed under coverage")
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
