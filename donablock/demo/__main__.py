"""python -m donablock.demo [open]: run the demo, or open the chain that it left behind."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from donablock.demo import opening, summary
from donablock.demo.report import report
from donablock.demo.run import perform
from donablock.demo.world import Scale
from donablock.errors import DonaBlockError
from donablock.settings import settings


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 1 where something does not add up or the chain refused."""
    options = _parser().parse_args(arguments)
    console, errors = Console(), Console(stderr=True)
    folder: Path = options.folder or settings().build_path / "demo"
    try:
        if options.command == "open":
            return opening.serve(folder, options.port, options.page_port, console)
        return run(Scale.small() if options.small else Scale(), folder, console)
    except DonaBlockError as error:
        errors.print(f"demo: {error}", style="red", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("demo: stopped")
        return 130


def run(scale: Scale, folder: Path, console: Console) -> int:
    """Run it, write summary.json and report.html into `folder`. 1 if something does not add up."""
    began = time.monotonic()
    outcome = perform(scale, folder, console)
    took = time.monotonic() - began
    data = summary.summary(outcome, took)
    (folder / "summary.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    (folder / "report.html").write_text(report(outcome, took), encoding="utf-8")
    summary.show(outcome, console)
    console.print(
        f"{len(outcome.world.blocks.sent):,} transactions, {outcome.world.scale.months} months, "
        f"{took:.0f} seconds. Look at {_shown(folder / 'report.html')}"
    )
    console.print(f"Open this chain again: {opening.COMMAND}", highlight=False)
    return 0 if outcome.holds else 1


def _shown(path: Path) -> str:
    """As one would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m donablock.demo", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where it is written (build/demo)")
    parser.add_argument("--small", action="store_true", help="few people, for a quick look")
    commands = parser.add_subparsers(dest="command")
    again = commands.add_parser("open", help="open the chain that the demo left behind")
    again.add_argument("--port", type=int, default=8545, help="0 for any that is free (8545)")
    again.add_argument("--page-port", type=int, default=8080, help="of the giving page (8080)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
