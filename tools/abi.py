"""Keep the ABI of every contract as JSON under interfaces/, for whoever speaks to the contracts.

python -m tools.abi          write them
python -m tools.abi --check  only say which are not current (exit 1)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from donablock.chain.artifacts import ABI, artifact, contract_names
from tools.paths import ROOT

FOLDER = ROOT / "interfaces"


def text(abi: ABI) -> str:
    """The ABI as it is kept: one entry a line, so that a difference shows what changed."""
    lines = ",\n".join("  " + json.dumps(entry, separators=(", ", ": ")) for entry in abi)
    return f"[\n{lines}\n]\n"


def expected() -> dict[str, str]:
    """File name to content, for every contract that is deployed."""
    return {f"{name}.json": text(artifact(name).abi) for name in contract_names()}


def outdated() -> list[str]:
    """Names of the files that are missing, differ, or belong to no contract."""
    wanted = expected()
    found = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    names = wanted.keys() | found.keys()
    return sorted(name for name in names if wanted.get(name) != found.get(name))


def write() -> list[str]:
    """Bring the folder up to date. Returns the names of the files that were written or removed."""
    changed = outdated()
    wanted = expected()
    for name in changed:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name])
        else:
            (FOLDER / name).unlink()
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if not current")
    if parser.parse_args(arguments).check:
        names = outdated()
        if names:
            print(f"not current: {', '.join(names)}; run `make abi`", file=sys.stderr)
        return int(bool(names))
    for name in write():
        print(f"interfaces/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
