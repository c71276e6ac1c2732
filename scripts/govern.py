"""The timelock: schedule, list, execute and cancel what it is to do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from ape.api import AccountAPI

from donablock.chain.times import date_text, span_text
from donablock.errors import InputError
from donablock.giving.governance import Call, Draft, Governance, Operation, State
from scripts._console import Group, Home, account, confirm, done, home, say, sent, table, yes


@click.group(cls=Group)
def cli() -> None:
    """What the timelock does, in public and after its delay. Nothing is kept but the chain.

    \b
    Examples:
      ape run govern schedule IndexFunds.announce_epoch 13 1,2,40 10,20,5 --account proposer
      ape run govern schedule CharityRegistry.set_guardian 0x<address> --account proposer
      ape run govern schedule CharityRegistry.revoke 12 keccak:"report 7" --account proposer
      ape run govern schedule Commission.propose_shares "[4000, 6000, []]" --account proposer
      ape run govern schedule --file operation.json --account proposer
      ape run govern list --network ethereum:sepolia
      ape run govern show 0x1a2b
      ape run govern execute 0x1a2b --account anyone
      ape run govern cancel 0x1a2b --account proposer
    """


@cli.command()
@click.argument("call", required=False)
@click.argument("arguments", nargs=-1)
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="JSON with calls.")
@click.option("--delay", type=int, metavar="SECONDS", help="Wait longer than the least.")
@account
@yes
def schedule(
    call: str | None,
    arguments: tuple[str, ...],
    file: Path | None,
    delay: int | None,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Schedule CALL ("Contract.function") with its ARGUMENTS, after showing what it would change.

    Arguments: numbers, true or false, 0x... or a contract's name for an address, keccak:text for a
    hash, lists as 1,2 or [1, 2], structs as [1, 2] in the order of their fields or {"field": 1}.
    A file holds one operation of several calls:

    \b
      {"calls": [{"call": "CharityRegistry.revoke", "args": [12, "keccak:report 7"]},
                 {"call": "IndexFunds.announce_epoch", "args": [13, [1, 2], [10, 20]]}],
       "delay": 172800}
    """
    at = home(account, signs=True)
    governance = Governance(at.session, at.from_block)
    if (call is None) == (file is None):
        raise InputError("name either a call, or a --file with calls")
    if file is not None:
        draft = governance.read_file(file)
    else:
        draft = Draft((governance.read_call(str(call), arguments),))
    if delay is not None:
        draft = Draft(draft.calls, draft.predecessor, draft.salt, delay)
    draft = governance.complete(draft)
    describe(governance, draft.calls)
    wait = draft.delay or 0
    say(f"Ready {span_text(wait)} after it is scheduled, on {date_text(at.session.now + wait)}")
    confirm("Schedule?", yes)
    id_, receipt = governance.schedule(draft)
    done("scheduled", "0x" + id_.hex())
    sent("0x" + bytes(receipt["transactionHash"]).hex(), at)


@cli.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is done or cancelled.")
def list_(everything: bool) -> None:
    """What is scheduled, from the timelock's logs."""
    at = home()
    governance = Governance(at.session, at.from_block)
    rows = []
    for operation in governance.operations():
        if not everything and operation.state in (State.DONE, State.CANCELLED):
            continue
        titles = ", ".join(governance.describe(call).title for call in operation.calls)
        when = date_text(operation.ready_at) if operation.ready_at else ""
        rows.append((operation.hex[:18], operation.state.value, when, titles))
    if not rows:
        say("Nothing is scheduled.")
        return
    table("Operations", ("id begins", "state", "ready", "calls"), rows)


@cli.command()
@click.argument("operation")
def show(operation: str) -> None:
    """What OPERATION (the first digits of its id) would change now."""
    show_operation(home(), operation)


@cli.command()
@click.argument("operation")
@account
@yes
def execute(operation: str, account: AccountAPI | None, yes: bool) -> None:
    """Carry out OPERATION, once it is ready."""
    at = home(account, signs=True)
    governance, found = show_operation(at, operation)
    governance.check_ready(found)
    confirm("Execute?", yes)
    receipt = governance.execute(found)
    done("executed", found.hex)
    sent("0x" + bytes(receipt["transactionHash"]).hex(), at)


@cli.command()
@click.argument("operation")
@account
@yes
def cancel(operation: str, account: AccountAPI | None, yes: bool) -> None:
    """Take OPERATION back, as long as it is not executed."""
    at = home(account, signs=True)
    governance, found = show_operation(at, operation)
    confirm("Cancel it?", yes)
    receipt = governance.cancel(found)
    done("cancelled", found.hex)
    sent("0x" + bytes(receipt["transactionHash"]).hex(), at)


def show_operation(at: Home, id_: str) -> tuple[Governance, Operation]:
    """Looks an operation up and shows it."""
    governance = Governance(at.session, at.from_block)
    found = governance.find(id_)
    when = f", ready on {date_text(found.ready_at)}" if found.ready_at else ""
    say(f"[bold]Operation[/bold] {found.hex}: {found.state.value}{when}")
    describe(governance, found.calls)
    return governance, found


def describe(governance: Governance, calls: Iterable[Call]) -> None:
    """Calls in words, and what each would change."""
    for call in calls:
        told = governance.describe(call)
        say(f"[bold]{told.title}[/bold]" + (f" with {call.value} wei" if call.value else ""))
        for name, text in told.arguments:
            say(f"  [dim]{name}[/dim] = " + text.replace("[", r"\["))
        for line in told.changes:
            colour = {"+": "green", "-": "red", "~": "yellow"}.get(line[:1])
            shown = line.replace("[", r"\[")
            say(f"    [{colour}]{shown}[/{colour}]" if colour else f"    {shown}")
