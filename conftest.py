"""What every test run needs before anything imports ape: its tools on PATH, its data under build/.

The Makefile sets the same; here it also holds for a bare `pytest`.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
ANVIL = ROOT / "node_modules" / "@foundry-rs" / f"anvil-{sys.platform}-{MACHINE}" / "bin"

os.environ.setdefault("APE_DATA_FOLDER", str(ROOT / "build" / "ape"))
_path = os.environ.get("PATH", "").split(os.pathsep)
_missing = [str(p) for p in (Path(sys.executable).parent, ANVIL) if str(p) not in _path]
os.environ["PATH"] = os.pathsep.join(_missing + _path)


def pytest_report_header() -> str:
    packages = ("vyper", "snekmate", "titanoboa", "pyrevm", "eth-ape", "hypothesis")
    return "tools: " + ", ".join(f"{package} {version(package)}" for package in packages)
