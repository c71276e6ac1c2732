"""Compile every deployable contract with warnings as errors; the output is thrown away.

python -m tools.vyper_warnings [file ...]
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.paths import ROOT, deployables

VYPER = str(Path(sys.executable).parent / "vyper")


def complaint_about(path: Path) -> str:
    """What the compiler says against this contract; empty when it says nothing."""
    command = [VYPER, "-W", "error", "-p", str(ROOT), str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit {done.returncode}"


def main(arguments: list[str]) -> int:
    paths = [Path(a).resolve() for a in arguments] or list(deployables())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = list(pool.map(complaint_about, paths))
    complaints = [(path, text) for path, text in zip(paths, texts, strict=True) if text]
    for path, text in complaints:
        print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:\n{text}\n")
    print(f"{len(paths)} contracts, {len(complaints)} with warnings or errors")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
