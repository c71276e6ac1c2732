"""DOBO's vesting: the schedule, releasing what is due, and handing over a group."""

from __future__ import annotations

import click
from ape.api import AccountAPI

from donablock.chain.times import date_text
from donablock.giving.vesting import VestingPlan
from scripts._console import Group, account, confirm, done, facts, home, say, sent, table, yes


@click.group(cls=Group)
def cli() -> None:
    """Vesting of DOBO: nine groups, paid month by month to their beneficiaries.

    \b
    Examples:
      ape run vest show --network ethereum:sepolia
      ape run vest show team
      ape run vest release liquidity promotions --account me
      ape run vest release --account me
      ape run vest propose team 0x<successor> --account team
      ape run vest accept team --account successor
    """


@cli.command()
@click.argument("group", required=False)
def show(group: str | None) -> None:
    """The schedule, what has vested, and what is due. GROUP is a name or a number."""
    at = home()
    plan = VestingPlan(at.session)
    asset = plan.asset()
    if group is None:
        say(f"Months are counted from {date_text(plan.start())}")
        table(
            "Vesting",
            (">", "group", ">total", ">vested", ">released", ">due now", "next step"),
            (
                (
                    str(found.number),
                    found.name,
                    asset.text(found.total),
                    asset.text(found.vested),
                    asset.text(found.released),
                    asset.text(found.releasable),
                    date_text(found.next_step_at) if found.next_step_at else "all has vested",
                )
                for found in plan.groups()
            ),
        )
        return
    found = plan.group(plan.find(group))
    facts(
        f"Group {found.number} {found.name}",
        [
            ("beneficiary", found.beneficiary),
            *(
                [("proposed", found.pending_beneficiary)]
                if found.pending_beneficiary is not None
                else []
            ),
            ("total", asset.text(found.total)),
            (
                "schedule",
                f"after month {found.cliff_months}, {found.steps} monthly steps of "
                f"{asset.text(found.step_amount)}; the last takes the rest",
            ),
            ("vested", asset.text(found.vested)),
            ("released", asset.text(found.released)),
            ("due now", asset.text(found.releasable)),
            ("next step", date_text(found.next_step_at) if found.next_step_at else "none"),
            ("complete", date_text(found.last_step_at)),
        ],
    )


@cli.command()
@click.argument("names", nargs=-1, metavar="[GROUP]...")
@account
@yes
def release(names: tuple[str, ...], account: AccountAPI | None, yes: bool) -> None:
    """Pay groups what is due, each to its beneficiary; all that have something due if none is
    named. Anybody may."""
    at = home(account, signs=True)
    plan = VestingPlan(at.session)
    asset = plan.asset()
    wanted = [plan.group(plan.find(name)) for name in names] or plan.groups()
    due = [group for group in wanted if group.releasable]
    if not due:
        say("Nothing is due.")
        return
    facts(
        "To be released",
        [(group.name, f"{asset.text(group.releasable)} to {group.beneficiary}") for group in due],
    )
    confirm("Release?", yes)
    for event in plan.release(group.number for group in due):
        done("released", f"{asset.text(event['amount'])} to {event['beneficiary']}")
        sent(event.transaction, at)


@cli.command()
@click.argument("group")
@click.argument("successor")
@account
@yes
def propose(group: str, successor: str, account: AccountAPI | None, yes: bool) -> None:
    """The beneficiary of GROUP proposes its SUCCESSOR, who must accept; the zero address takes a
    proposal back."""
    at = home(account, signs=True)
    plan = VestingPlan(at.session)
    found = plan.group(plan.find(group))
    facts(f"Hand over group {found.name}", [("from", found.beneficiary), ("to", successor)])
    confirm("Propose?", yes)
    event = plan.propose(found.number, successor)
    done("proposed", event["new_beneficiary"])
    sent(event.transaction, at)


@cli.command()
@click.argument("group")
@account
@yes
def accept(group: str, account: AccountAPI | None, yes: bool) -> None:
    """The proposed successor of GROUP accepts: it is paid from now on, also what is due already."""
    at = home(account, signs=True)
    plan = VestingPlan(at.session)
    found = plan.group(plan.find(group))
    facts(
        f"Take over group {found.name}", [("from", found.beneficiary), ("to", at.session.address)]
    )
    confirm("Accept?", yes)
    event = plan.accept(found.number)
    done("changed", f"group {found.name} is paid to {event['new_beneficiary']}")
    sent(event.transaction, at)
