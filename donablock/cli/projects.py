"""donablock project ...: projects, their keys and quotas, in the database itself, for whoever runs
the services."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated, Any

import typer
from rich.table import Table

from donablock.cli.console import err, out, print_json
from donablock.cli.database import opened
from donablock.errors import InputError

app = typer.Typer(
    help="Projects, their keys and quotas: for whoever runs the services.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="PROJECT", help="Its id: pr_...")]
Quota = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME=VALUE...", help="monitors=5000, messages_per_month=none, ..."),
]


@app.command()
def create(name: Annotated[str, typer.Argument(help="For people.")], quota: Quota = None) -> None:
    """Make a project. Its id is printed; give it a key next."""
    own = _quotas(quota or ())

    async def work() -> None:
        from donablock.monitors.projects import Projects

        async with opened() as database:
            print((await Projects(database).create(name, own)).id)

    asyncio.run(work())


@app.command("list")
def list_() -> None:
    """List the projects."""

    async def work() -> None:
        from donablock.monitors.projects import Projects

        table = Table("id", "name", "made", "held until", box=None)
        async with opened() as database:
            after = ""
            while page := await Projects(database).page(limit=100, after=after):
                for one in page:
                    held = "-" if one.held_until is None else f"{one.held_until:%Y-%m-%d}"
                    table.add_row(one.id, one.name, f"{one.created_at:%Y-%m-%d %H:%M}", held)
                after = page[-1].id
        out.print(table)

    asyncio.run(work())


@app.command()
def show(id: Id) -> None:
    """Show a project: its quotas, and what it uses of them."""

    async def work() -> None:
        from donablock.monitors.projects import Projects

        async with opened() as database:
            projects = Projects(database)
            project, usage = await projects.get(id), await projects.usage(id)
        print_json(dataclasses.asdict(project) | {"usage": dataclasses.asdict(usage)})

    asyncio.run(work())


@app.command()
def quota(id: Id, values: Quota = None) -> None:
    """Change quotas: `donablock project quota pr_... monitors=5000 messages_per_month=none`."""
    if not values:
        raise InputError("say which quota, and its value: monitors=5000")
    own = _quotas(values)

    async def work() -> None:
        from donablock.monitors.projects import Projects

        async with opened() as database:
            found = await Projects(database).update(id, quotas=own)
        print_json(dataclasses.asdict(found.quotas))

    asyncio.run(work())


@app.command()
def key(
    id: Id,
    scope: Annotated[
        list[str] | None, typer.Option(help="read, write or admin; may be given again.")
    ] = None,
) -> None:
    """Make a key. Its text is printed, this once. Default: read and write."""

    async def work() -> None:
        from donablock.monitors.keys import Keys

        async with opened() as database:
            made, text = await Keys(database).create(id, scope or ["read", "write"])
        print(text)
        err.print(f"That is key {made.id} ({', '.join(made.scopes)}); it is shown this once.")

    asyncio.run(work())


@app.command()
def keys(id: Id) -> None:
    """List a project's keys, without their secrets."""

    async def work() -> None:
        from donablock.monitors.keys import Keys

        table = Table("id", "begins with", "scopes", "last used", "revoked", box=None)
        async with opened() as database:
            after = ""
            while page := await Keys(database).page(id, limit=100, after=after):
                for one in page:
                    table.add_row(
                        one.id,
                        f"dbk_{one.prefix}",
                        ", ".join(one.scopes),
                        "-" if one.last_used_at is None else f"{one.last_used_at:%Y-%m-%d %H:%M}",
                        "-" if one.revoked_at is None else f"{one.revoked_at:%Y-%m-%d %H:%M}",
                    )
                after = page[-1].id
        out.print(table)

    asyncio.run(work())


@app.command()
def revoke(id: Id, key: Annotated[str, typer.Argument(metavar="KEY")]) -> None:
    """Let a key open nothing any more."""

    async def work() -> None:
        from donablock.monitors.keys import Keys

        async with opened() as database:
            await Keys(database).revoke(id, key)

    asyncio.run(work())


@app.command()
def delete(
    id: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a project: its monitors, endpoints and keys. What waits is not sent any more."""
    if not yes and not typer.confirm(f"Delete project {id} with all its monitors and endpoints?"):
        raise typer.Abort()

    async def work() -> None:
        from donablock.monitors.projects import Projects

        async with opened() as database:
            await Projects(database).delete(id)

    asyncio.run(work())


def _quotas(given: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not (value.isdigit() or value == "none"):
            raise InputError(f"{text!r} is no quota: write monitors=5000, or none for no limit")
        found[name] = None if value == "none" else int(value)
    return found
