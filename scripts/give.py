"""GIVE, the gift credit: issue it for its backing, redeem it as a charity."""

from __future__ import annotations

import click
from ape.api import AccountAPI

from donablock.giving.credits import Credits
from scripts._console import (
    Group,
    account,
    confirm,
    cost_lines,
    done,
    facts,
    home,
    sent,
    yes,
)


@click.group(cls=Group)
def cli() -> None:
    """GIVE: credits that anybody can give, and only charities can cash.

    \b
    Examples:
      ape run give show --network ethereum:sepolia
      ape run give issue "100 USDC" --account me
      ape run give issue "100 USDC" --receiver 0x<friend> --account me
      ape run give redeem "40 GIVE" --account payee
    """


@cli.command()
def show() -> None:
    """How much GIVE there is, and what stands behind it."""
    at = home()
    state = Credits(at.session, at.from_block).state()
    facts(
        f"{state.give.symbol} at {state.give.address}",
        [
            ("in circulation", state.give.text(state.supply)),
            ("backing held", state.backing.text(state.held)),
            ("backing", f"{state.backing.symbol} at {state.backing.address}"),
        ],
    )


@cli.command()
@click.argument("amount")
@click.option("--receiver", metavar="ADDRESS", help="Who gets the GIVE (you, if left out).")
@account
@yes
def issue(amount: str, receiver: str | None, account: AccountAPI | None, yes: bool) -> None:
    """Pay AMOUNT of the backing in, and have as much GIVE issued.

    \b
    Example: ape run give issue "100 USDC" --account me
    """
    at = home(account, signs=True)
    credits = Credits(at.session, at.from_block)
    plan = credits.plan_issue(amount, receiver)
    facts(
        f"{plan.issued} for {plan.paid}",
        [
            ("receiver", plan.receiver),
            ("note", "only a charity's payee can turn GIVE back into its backing"),
            *cost_lines(plan.cost, plan.allowance, at.symbol),
        ],
    )
    confirm("Issue?", yes)
    event = credits.issue(plan)
    done("issued", f"{plan.issued} to {event['receiver']}")
    sent(event.transaction, at)


@cli.command()
@click.argument("amount")
@click.option("--charity", type=int, help="Whose payee you are (found in the logs if left out).")
@click.option("--receiver", metavar="ADDRESS", help="Who gets the backing (you, if left out).")
@account
@yes
def redeem(
    amount: str, charity: int | None, receiver: str | None, account: AccountAPI | None, yes: bool
) -> None:
    """Burn AMOUNT of GIVE and be paid its backing: for those who are, or were, a charity's payee.

    \b
    Example: ape run give redeem "40 GIVE" --account payee
    """
    at = home(account, signs=True)
    credits = Credits(at.session, at.from_block)
    plan = credits.plan_redeem(amount, charity, receiver)
    facts(
        f"{plan.paid} for {plan.burned}",
        [
            ("charity", str(plan.charity_id)),
            ("receiver", plan.receiver),
            *cost_lines(plan.cost, None, at.symbol),
        ],
    )
    confirm("Redeem?", yes)
    event = credits.redeem(plan)
    done("redeemed", f"{plan.paid} to {event['receiver']}")
    sent(event.transaction, at)
