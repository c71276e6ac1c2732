"""Charities: applying, verifying, suspending, changing the payee; showing and listing."""

from __future__ import annotations

from collections.abc import Callable

import click
from ape.api import AccountAPI
from web3.types import TxReceipt

from donablock.chain.times import date_text
from donablock.giving.charities import (
    Charities,
    Charity,
    Profile,
    Status,
    goals_of,
    hash_of,
    read_goals,
    read_time,
)
from scripts._console import (
    Group,
    Home,
    account,
    confirm,
    done,
    facts,
    home,
    say,
    sent,
    table,
    yes,
)


@click.group(cls=Group)
def cli() -> None:
    """The charity registry. Hashes are written as 0x and 64 digits, as the text whose keccak256
    counts, or as @file for the file's content.

    \b
    Examples (a charity):
      ape run charity apply --legal-id GB:CHC:1234567 --goals 1,4 --metadata @charity.json \\
          --uri ipfs://... --account payee
      ape run charity payee propose 12 0x<new payee> --account payee
    Examples (the registrar):
      ape run charity applications --network ethereum:sepolia
      ape run charity verify 0x<payee or application> --expiry 2y --evidence @report.pdf \\
          --account registrar
      ape run charity suspend 12 --reason "report 7" --account registrar
    Examples (anybody):
      ape run charity list
      ape run charity show 12
    """


# --- anybody ----------------------------------------------------------------------------------


@cli.command("list")
@click.option("--status", type=click.Choice([s.word for s in Status if s is not Status.UNKNOWN]))
def list_(status: str | None) -> None:
    """Every charity that was ever verified, from the registry's logs."""
    at = home()
    rows = [
        (
            str(found.id),
            found.status.word,
            ",".join(map(str, found.goals)),
            found.payee,
            date_text(found.expiry),
        )
        for found in Charities(at.session).all(at.from_block)
        if status is None or found.status.word == status
    ]
    if not rows:
        say("No charity.")
        return
    table("Charities", (">charity", "status", "goals", "payee", "verified until"), rows)


@cli.command()
@click.argument("charity", type=int)
@click.option("--history", is_flag=True, help="Also everything the registry logged of it.")
def show(charity: int, history: bool) -> None:
    """All that the registry knows of CHARITY."""
    at = home()
    charities = Charities(at.session)
    found = charities.get(charity)
    uri = charities.uri(charity, at.from_block)
    show_charity(charities, found, uri)
    if history:
        for event in charities.history(charity, at.from_block):
            day = date_text(int(at.session.w3.eth.get_block(event.block_number)["timestamp"]))
            say(f"  [dim]{day}[/dim]  {event.name}  {event.transaction}")


@cli.command()
@click.option("--all", "everything", is_flag=True, help="Also those that were used up.")
def applications(everything: bool) -> None:
    """Applications for verification, from the registry's logs."""
    at = home()
    found = Charities(at.session).applications(at.from_block, open_only=not everything)
    if not found:
        say("No application.")
        return
    for entry in found:
        facts(
            f"Application 0x{entry.id.hex()}" + ("" if entry.is_open else " (used up)"),
            profile_lines(entry.profile),
        )


# --- a charity --------------------------------------------------------------------------------


@cli.command()
@click.option("--legal-id", required=True, help='Such as "GB:CHC:1234567", or its hash.')
@click.option("--goals", required=True, metavar="1,4,...", help="SDGs served.")
@click.option("--metadata", required=True, metavar="@FILE", help="The description, or its hash.")
@click.option("--uri", required=True, help="Where the description lies.")
@account
@yes
def apply(
    legal_id: str, goals: str, metadata: str, uri: str, account: AccountAPI | None, yes: bool
) -> None:
    """Apply for verification, from the address that is to be paid."""
    at = home(account, signs=True)
    profile = Profile(
        at.session.address, hash_of(legal_id), read_goals(goals), hash_of(metadata), uri
    )
    facts("Application", profile_lines(profile))
    confirm("Apply?", yes)
    application_id, receipt = Charities(at.session).apply(profile)
    done("applied", "0x" + application_id.hex())
    sent("0x" + bytes(receipt["transactionHash"]).hex(), at)


@cli.command()
@click.argument("charity", type=int)
@click.option("--metadata", required=True, metavar="@FILE", help="The description, or its hash.")
@click.option("--uri", required=True, help="Where the description lies.")
@account
@yes
def metadata(charity: int, metadata: str, uri: str, account: AccountAPI | None, yes: bool) -> None:
    """The payee renews the description of CHARITY."""
    hashed = hash_of(metadata)
    act(
        charity,
        f"description at {uri}, hash 0x{hashed.hex()}",
        account,
        yes,
        lambda charities: charities.set_metadata(charity, hashed, uri),
    )


@cli.command()
@click.argument("charity", type=int)
@click.option("--reason", required=True, metavar="TEXT|@FILE|0x...", help="Only its hash is kept.")
@account
@yes
def retire(charity: int, reason: str, account: AccountAPI | None, yes: bool) -> None:
    """The payee takes CHARITY out for good. What it has earned stays claimable."""
    hashed = hash_of(reason)
    act(
        charity,
        "leaves for good; no later gift reaches it",
        account,
        yes,
        lambda charities: charities.retire(charity, hashed),
    )


@cli.group(cls=Group)
def payee() -> None:
    """Changing where a charity is paid: the payee proposes, a delay passes, the new one accepts."""


@payee.command()
@click.argument("charity", type=int)
@click.argument("new_payee")
@account
@yes
def propose(charity: int, new_payee: str, account: AccountAPI | None, yes: bool) -> None:
    """The payee of CHARITY proposes NEW_PAYEE."""
    act(
        charity,
        f"proposes the payee {new_payee}",
        account,
        yes,
        lambda charities: charities.propose_payee(charity, new_payee),
    )


@payee.command()
@click.argument("charity", type=int)
@account
@yes
def accept(charity: int, account: AccountAPI | None, yes: bool) -> None:
    """The proposed payee of CHARITY accepts, once the delay is over; what is owed comes along."""
    act(
        charity,
        "is paid to this account from now on",
        account,
        yes,
        lambda charities: charities.accept_payee(charity),
    )


@payee.command()
@click.argument("charity", type=int)
@account
@yes
def cancel(charity: int, account: AccountAPI | None, yes: bool) -> None:
    """The payee, the registrar or the guardian stops a payee change of CHARITY."""
    act(
        charity,
        "its payee change is stopped",
        account,
        yes,
        lambda charities: charities.cancel_payee(charity),
    )


# --- the registrar ----------------------------------------------------------------------------


@cli.command()
@click.argument("application")
@click.option("--expiry", required=True, help="A date (2028-01-31) or a term (2y, 90 days).")
@click.option("--evidence", required=True, metavar="@FILE", help="What was seen, or its hash.")
@account
@yes
def verify(
    application: str, expiry: str, evidence: str, account: AccountAPI | None, yes: bool
) -> None:
    """Verify an APPLICATION, named by the payee's address or the first digits of its id.

    Exactly what was applied for is verified: it is read from the registry's logs.
    """
    at = home(account, signs=True)
    charities = Charities(at.session)
    found = charities.application(application, at.from_block)
    until = read_time(expiry, at.session.now)
    hashed = hash_of(evidence)
    facts(
        f"Verify 0x{found.id.hex()}",
        [*profile_lines(found.profile), ("until", date_text(until))],
    )
    confirm("Verify?", yes)
    charity_id, receipt = charities.verify(found.profile, until, hashed)
    done("verified", f"charity {charity_id}")
    sent("0x" + bytes(receipt["transactionHash"]).hex(), at)


@cli.command()
@click.argument("charity", type=int)
@click.option("--expiry", required=True, help="A date (2028-01-31) or a term (2y, 90 days).")
@click.option("--evidence", required=True, metavar="@FILE", help="What was seen, or its hash.")
@account
@yes
def renew(charity: int, expiry: str, evidence: str, account: AccountAPI | None, yes: bool) -> None:
    """Give CHARITY a new term; only a longer one."""
    at = home(account, signs=True)
    until = read_time(expiry, at.session.now)
    hashed = hash_of(evidence)
    act(
        charity,
        f"is verified until {date_text(until)}",
        account,
        yes,
        lambda charities: charities.renew(charity, until, hashed),
        at,
    )


@cli.command()
@click.argument("charity", type=int)
@click.option("--reason", required=True, metavar="TEXT|@FILE|0x...", help="Only its hash is kept.")
@account
@yes
def suspend(charity: int, reason: str, account: AccountAPI | None, yes: bool) -> None:
    """No gifts to CHARITY for 30 days. It lapses by itself; only the timelock revokes."""
    hashed = hash_of(reason)
    act(
        charity,
        "takes no gifts for 30 days",
        account,
        yes,
        lambda charities: charities.suspend(charity, hashed),
    )


@cli.command()
@click.argument("charity", type=int)
@account
@yes
def reinstate(charity: int, account: AccountAPI | None, yes: bool) -> None:
    """End the suspension of CHARITY early."""
    act(
        charity,
        "takes gifts again",
        account,
        yes,
        lambda charities: charities.reinstate(charity),
    )


# --- shared -----------------------------------------------------------------------------------


def act(
    charity_id: int,
    what: str,
    account: AccountAPI | None,
    is_sure: bool,
    step: Callable[[Charities], TxReceipt],
    at: Home | None = None,
) -> None:
    """Shows a charity and what would become of it, asks, and does it."""
    at = at or home(account, signs=True)
    charities = Charities(at.session)
    show_charity(charities, charities.get(charity_id), "")
    say(f"[bold]Charity {charity_id}[/bold] {what}")
    confirm("Send?", is_sure)
    receipt = step(charities)
    done("done", what)
    sent("0x" + bytes(receipt["transactionHash"]).hex(), at)


def show_charity(charities: Charities, found: Charity, uri: str) -> None:
    """A charity, a line for each thing known."""
    pending = charities.pending(found.id)
    name = charities.name(found, uri)
    lines = [
        *([("name", name)] if name else []),
        ("status", found.status.word),
        ("payee", found.payee),
        ("legal id hash", "0x" + found.legal_id.hex()),
        ("goals", ", ".join(map(str, found.goals))),
        ("verified until", date_text(found.expiry)),
        ("description hash", "0x" + found.metadata_hash.hex()),
        *([("description", uri)] if uri else []),
    ]
    if found.status is Status.SUSPENDED:
        lines.append(("suspended until", date_text(found.suspended_until)))
    if pending is not None:
        lines.append(
            ("next payee", f"{pending.new_payee}, may accept from {date_text(pending.ready_at)}")
        )
    facts(f"Charity {found.id}", lines)


def profile_lines(profile: Profile) -> list[tuple[str, str]]:
    """What an applicant says of itself."""
    return [
        ("payee", profile.payee),
        ("legal id hash", "0x" + profile.legal_id.hex()),
        ("goals", ", ".join(map(str, goals_of(profile.sdgs)))),
        ("description hash", "0x" + profile.metadata_hash.hex()),
        ("description", profile.uri),
    ]
