"""How commands speak: what was asked for on stdout, one line for each error on stderr."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

# where nobody looks at the width, nothing is folded
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def shown(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def typed() -> str:
    """How this command is called from here."""
    name = Path(sys.argv[0])
    return "python -m donablock" if name.stem == "__main__" else shown(name.absolute())


def print_json(found: Any) -> None:
    """For programs, and for people who look at it."""
    print(json.dumps(found, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
