"""All commands, and what becomes of their errors: one line on stderr, and 2 where somebody has to
correct what was written, else 1."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import typer

from donablock.cli import chains, endpoints, monitors, projects, services, status
from donablock.cli.console import err
from donablock.errors import DonaBlockError, FileError, InputError

app = typer.Typer(
    name="donablock",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def _donablock(context: typer.Context) -> None:
    """Watch chains, and tell whoever asked, by signed webhooks.

    Begin with `donablock up`: it runs everything here, on a chain of its own.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


services.add_to(app)
app.add_typer(monitors.app, name="monitor")
app.add_typer(endpoints.app, name="endpoint")
app.add_typer(projects.app, name="project")
status.add_to(app)
chains.add_to(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    logging.captureWarnings(True)
    try:
        code = app(args=arguments, prog_name="donablock", standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "donablock"
        said = error.format_message().replace("(Possible options: ", "(perhaps ")
        return _told(f"{said} (`{where} --help` shows how)", 2)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except DonaBlockError as error:
        return _told(str(error), 2 if isinstance(error, (InputError, FileError)) else 1)
    return code if isinstance(code, int) else 0


def _told(message: str, code: int) -> int:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    err.print(f"error: {'; '.join(lines) or 'something failed'}", markup=False)
    return code
