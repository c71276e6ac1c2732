"""donablock up, run, migrate: what runs, until it is stopped.

What the services need is imported by the command that runs them, so that the other commands start
at once.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from donablock.cli.console import out, shown, typed
from donablock.errors import InputError
from donablock.settings import Settings, settings

if TYPE_CHECKING:
    from donablock.roles.group import Group
    from donablock.roles.local_chain import LocalChain

_SOMEBODY = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
"""The second of anvil's test accounts."""

ROLES = "worker, matcher, projections, deliverer, api, relay, reconciler"

Port = Annotated[
    int | None, typer.Option(min=0, max=65_535, help="The API's port; 0: any that is free.")
]
Ops = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Where /health, /ready and /metrics are.")
]


def add_to(app: typer.Typer) -> None:
    app.command("up")(up)
    app.command("run")(run)
    app.command("migrate")(migrate)
    app.command("settings")(show_settings)


def up(
    chain_port: Annotated[
        int,
        typer.Option(min=0, max=65_535, help="Where the local chain answers; 0: any port."),
    ] = 8545,
    port: Port = None,
    ops: Ops = None,
) -> int:
    """Run everything on this machine, until Ctrl-C.

    The database is kept under data/postgres. Where DONABLOCK_NODES names no node, a local chain is
    started too, with all contracts and the demo's life on it; webhooks may then go to this machine
    (127.0.0.1), since nobody else could use it.
    """
    from donablock.roles.beside import is_up
    from donablock.roles.local_chain import LocalChain
    from donablock.roles.process import set_up_logs

    chosen = _chosen(api_host="127.0.0.1", api_port=port, ops=ops)
    calm: dict[str, object] = {}
    if "log_level" not in chosen.model_fields_set and chosen.log_format == "console":
        calm["log_level"] = "warning"  # what goes well says nothing
    if "stop_seconds" not in chosen.model_fields_set:
        calm["stop_seconds"] = 5.0
    chosen = chosen.model_copy(update=calm)
    set_up_logs(chosen)
    if not is_up(chosen):  # its database is in use then, and that says more
        _refuse_taken(chosen.api_host, chosen.api_port, "--port")
        _refuse_taken("127.0.0.1", 0 if chosen.nodes else chain_port, "--chain-port")
    local = None
    if chosen.nodes is None:
        local = LocalChain(chosen, chain_port)
        local.prepare(out)
    return asyncio.run(_up(chosen, local))


def _refuse_taken(host: str, port: int, option: str) -> None:
    """Before anything is made that would be of no use."""
    from donablock.roles.ports import LEAVING, is_taken

    if not port or not is_taken(host, port):
        return
    out.print(f"Port {port} is taken; waiting whether it is left.")
    if is_taken(host, port, within=LEAVING):
        raise InputError(
            f"port {port} of {host} is taken, by another `donablock up` or `make demo-chain`"
            f" perhaps: end that, or give {option} 0 for any that is free"
        )


async def _up(chosen: Settings, local: LocalChain | None) -> int:
    from donablock.roles.group import opened_group

    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    group: Group | None = None

    def stop() -> None:
        out.print("Stopping ...")
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(one)  # a second one ends at once
        if group is None:
            task.cancel()
        else:
            group.stopping.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop)
    try:
        async with opened_group(chosen, out, local) as group:
            await group.run(lambda: _welcome(group))
    except asyncio.CancelledError:
        pass
    return 0


def _welcome(group: Group | None) -> None:
    assert group is not None
    me, api = typed(), f"http://127.0.0.1:{group.settings.api_port}"
    for one in group.chains:
        place = group.local_chain.url if group.local_chain else f"{len(one.urls)} node(s)"
        out.print(f"Watching {one.chain.name} (chain {one.chain_id}) through {place}")
    out.print(f"The API is at {api}, its description at {api}/docs")
    if group.new_key is not None:
        where = shown(group.settings.api_key_path)
        out.print(
            f"Its first key is in {where}, where the commands find it:\n\n  {group.new_key}\n"
        )
    out.print("Try, in another terminal:\n")
    if group.local_chain is not None:
        out.print(f'  {me} monitor create "to me" --category native --address {_SOMEBODY}')
        out.print(f"  {me} monitor tail mo_...        # the id that this printed")
        out.print(f"  {me} pay {_SOMEBODY} 1.5")
    else:
        out.print(f"  {me} status")
        out.print(f"  {me} monitor create --help")
        out.print(f"  {me} endpoint create https://...")
    out.print("\nCtrl-C ends it all; everything is kept.")


def run(
    roles: Annotated[
        list[str],
        typer.Argument(metavar="ROLE...", help=f"One or several of: {ROLES}."),
    ],
    chain: Annotated[
        list[int] | None,
        typer.Option(help="Only this chain, by its id; may be given again. Default: all."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Where the API listens.")] = None,
    port: Port = None,
    ops: Ops = None,
) -> int:
    """Run one role, or several, as one process: for machines that share the work.

    The database is that of DONABLOCK_DATABASE_URL, or of a `donablock up` on this machine. Any
    number of processes may do the same: of a worker, matcher, relay or reconciler one works, and
    the others are ready to take over; deliverers and API processes share the work.
    """
    from donablock.roles import process

    return process.run(_chosen(api_host=host, api_port=port, ops=ops), roles, chain or ())


def migrate() -> None:
    """Bring the database to the schema of this version. Every role does so too, when it starts."""
    asyncio.run(_migrate())


def show_settings() -> None:
    """Show every setting as it is here, and the variable that sets it. Secrets are struck out."""
    chosen = settings()
    table = Table("variable", "value", "what", box=None)
    for name, field in type(chosen).model_fields.items():
        value = getattr(chosen, name)
        shown_value = "-" if value is None else str(value)  # a SecretStr shows stars
        table.add_row(f"DONABLOCK_{name.upper()}", shown_value, field.description or "")
    out.print(table)


async def _migrate() -> None:
    from donablock.roles.context import database_url
    from donablock.store.opening import opened_database

    chosen = settings()
    async with opened_database(database_url(chosen), chosen):
        out.print("The schema is the newest.")


def _chosen(**options: str | int | None) -> Settings:
    """The settings, with those options that were given."""
    given = {name: value for name, value in options.items() if value is not None}
    return settings().model_copy(update=given)
