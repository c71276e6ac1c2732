"""Where things lie in this repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

VYPER_FOLDERS = ("contracts", "interfaces", "tests")
"""Where our own Vyper files lie; those of packages are not ours to check."""


def vyper_files(root: Path = ROOT) -> Iterator[Path]:
    """Every .vy and .vyi file of ours, in a fixed order."""
    for folder in VYPER_FOLDERS:
        yield from sorted(p for p in (root / folder).rglob("*") if p.suffix in {".vy", ".vyi"})


def deployables(root: Path = ROOT) -> Iterator[Path]:
    """Every contract that is deployed: CamelCase.vy under contracts/, which modules are not."""
    yield from sorted(p for p in (root / "contracts").rglob("*.vy") if p.stem[0].isupper())
