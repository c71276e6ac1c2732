"""How commands speak: what was asked for on stdout, one line for each error on stderr."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

T = TypeVar("T")

out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, highlight=False, soft_wrap=True)


def shown(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def typed() -> str:
    """How this command is called from here."""
    name = Path(sys.argv[0])
    return "python -m donablock" if name.stem == "__main__" else shown(name.absolute())


def run(work: Coroutine[Any, Any, T]) -> T:
    """A command's own event loop."""
    return asyncio.run(work)
