"""Staking of DOBO: new positions, longer ones, dividends, and the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click
from ape.api import AccountAPI

from donablock.chain.actions import Action, Done
from donablock.chain.amounts import Asset, Assets, format_amount
from donablock.chain.assets import parse
from donablock.chain.times import date_text
from donablock.treasury.staking import (
    MULTIPLIERS,
    Pool,
    Position,
    Staking,
    Terms,
    percent_text,
    read_position,
    read_term,
    years_text,
)
from scripts._console import (
    Group,
    Home,
    account,
    confirm,
    cost_lines,
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
    """Staking: lock DOBO for 1 to 12 years and share in the dividends of every month until then.

    The more years are left, the more a DOBO weighs. A lock cannot be left early. Afterwards the
    DOBO comes free evenly over 30 days for each year. POSITION is a position's number among its
    owner's own, from 0.

    \b
    Examples:
      ape run stake show --network ethereum:sepolia
      ape run stake show 0x<owner>
      ape run stake show 0x<owner> 0
      ape run stake new "1000 DOBO" 4 --account me
      ape run stake extend 0 12 --account me
      ape run stake claim --account me
      ape run stake claim 0 --receiver 0x<address> --account me
      ape run stake compound 0 --account me
      ape run stake unlock 0 --account me
      ape run stake unlock 0 --owner 0x<owner> --account anyone
    """


# --- looking ----------------------------------------------------------------------------------


@cli.command()
@click.argument("owner", required=False)
@click.argument("position", required=False)
def show(owner: str | None, position: str | None) -> None:
    """The pool and what it paid; with OWNER that address's positions; with POSITION all about one.

    \b
    Examples:
      ape run stake show
      ape run stake show 0x<owner>
      ape run stake show 0x<owner> 0
    """
    staking = Staking(home().session)
    asset = staking.asset()
    if owner is None:
        show_pool(staking.pool(), asset)
    elif position is None:
        show_positions(staking.owner(owner), staking.positions(owner), asset)
    else:
        show_position(staking.position(owner, read_position(position)), asset)


# --- staking ----------------------------------------------------------------------------------


@cli.command()
@click.argument("amount")
@click.argument("term")
@account
@yes
def new(amount: str, term: str, account: AccountAPI | None, yes: bool) -> None:
    """Lock AMOUNT for TERM years, 1 to 12, as a new position.

    It counts from the next month on, so the lock lasts the years and the rest of this month. No
    approval is needed: a permit is signed.

    \b
    Example:
      ape run stake new "1000 DOBO" 4 --account me --network ethereum:sepolia
    """
    at = home(account, signs=True)
    staking = Staking(at.session)
    asset = staking.asset()
    plan = staking.plan_stake(parse(amount, Assets([asset])), read_term(term))
    facts(
        f"{plan.money} for {years_text(plan.terms.term)}",
        [
            *terms_lines(plan.terms),
            ("weight", f"{weight_text(plan.weight)} at first, less every year"),
            ("rate", rate_text(staking.pool(), plan.terms.term)),
            *cost_lines(plan.cost, plan.allowance, at.symbol),
        ],
    )
    confirm("Stake?", yes)
    result = staking.stake(plan)
    event = result.logged("Staked")[0]
    done("staked", f"{asset.text(event['amount'])} as position {event['index']}")
    sent(result.transaction, at)


@cli.command()
@click.argument("position")
@click.argument("term")
@account
@yes
def extend(position: str, term: str, account: AccountAPI | None, yes: bool) -> None:
    """Lock your POSITION until TERM years from now, which must be later than it is.

    What it has earned is added to it. It weighs more from the next month on.

    \b
    Example:
      ape run stake extend 0 12 --account me
    """
    at = home(account, signs=True)
    staking = Staking(at.session)
    asset, years = staking.asset(), read_term(term)
    found = staking.position(at.session.address, read_position(position))
    action = staking.plan_extend(found, years)
    facts(
        f"Position {found.index}, {asset.text(found.principal)}, for {years_text(years)} from now",
        [
            *terms_lines(found.pool.terms(years, found.term)),
            ("locked now", f"until {date_text(found.ends_at)}"),
            ("added", f"{asset.text(found.claimable)} of dividends"),
            ("rate", rate_text(found.pool, years)),
            *cost_lines(action.cost, None, at.symbol),
        ],
    )
    confirm("Extend?", yes)
    result = staking.send(action)
    event = result.logged("Extended")[0]
    until = date_text(found.pool.edge(event["maturity"]))
    done("extended", f"position {event['index']} is locked until {until}")
    show_added(result, asset)
    sent(result.transaction, at)


@cli.command()
@click.argument("positions", nargs=-1, metavar="[POSITION]...")
@account
@yes
def compound(positions: tuple[str, ...], account: AccountAPI | None, yes: bool) -> None:
    """Add what your positions have earned to them: those named, or all that have earned something.

    It ends with the position, counts from the next month on, and is locked like the rest.

    \b
    Examples:
      ape run stake compound 0 --account me
      ape run stake compound --account me
    """
    at = home(account, signs=True)
    staking = Staking(at.session)
    asset = staking.asset()

    def is_due(found: Position) -> bool:
        return found.claimable != 0 and found.ends_at > found.pool.ends_at

    plans = planned(staking, at.session.address, positions, is_due, staking.plan_compound)
    if not plans:
        say("Nothing is to be compounded.")
        return
    rows = [
        (
            f"position {found.index}",
            f"{asset.text(found.claimable)}, locked until {date_text(found.ends_at)}",
        )
        for found, _ in plans
    ]
    for result in carried_out(at, staking, "To be compounded", rows, plans, "Compound?", yes):
        show_added(result, asset)
        sent(result.transaction, at)


# --- getting it back --------------------------------------------------------------------------


@cli.command()
@click.argument("positions", nargs=-1, metavar="[POSITION]...")
@click.option("--receiver", metavar="ADDRESS", help="Pay to another address.")
@account
@yes
def claim(
    positions: tuple[str, ...], receiver: str | None, account: AccountAPI | None, yes: bool
) -> None:
    """Take what your positions have earned: those named, or all that have earned something.

    Only you may. Nobody can stop it, and nothing is ever too late.

    \b
    Examples:
      ape run stake claim --account me
      ape run stake claim 0 2 --receiver 0x... --account me
    """
    at = home(account, signs=True)
    staking = Staking(at.session)
    asset, owner = staking.asset(), at.session.address
    plans = planned(
        staking,
        owner,
        positions,
        lambda found: found.claimable != 0,
        lambda found: staking.plan_claim(found, receiver),
    )
    if not plans:
        say("Nothing is to be claimed.")
        return
    to = receiver or owner
    rows = [
        (f"position {found.index}", f"{asset.text(found.claimable)} to {to}") for found, _ in plans
    ]
    for result in carried_out(at, staking, "To be claimed", rows, plans, "Claim?", yes):
        for event in result.logged("Claimed"):
            amount = asset.text(event["amount"])
            done("claimed", f"{amount} of position {event['index']} to {event['receiver']}")
        sent(result.transaction, at)


@cli.command()
@click.argument("positions", nargs=-1, metavar="[POSITION]...")
@click.option("--owner", metavar="ADDRESS", help="Whose position it is, and who is paid; or you.")
@click.option("--receiver", metavar="ADDRESS", help="Your own, paid to another address.")
@account
@yes
def unlock(
    positions: tuple[str, ...],
    owner: str | None,
    receiver: str | None,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Pay out what has come free of positions whose lock is over: those named, or all.

    Anybody may, for anybody; the DOBO goes to the owner alone, unless the owner names a receiver.

    \b
    Examples:
      ape run stake unlock --account me
      ape run stake unlock 0 --receiver 0x... --account me
      ape run stake unlock 0 --owner 0x<owner> --account anyone
    """
    at = home(account, signs=True)
    staking = Staking(at.session)
    asset, whose = staking.asset(), owner or at.session.address
    plans = planned(
        staking,
        whose,
        positions,
        lambda found: found.unlockable != 0,
        lambda found: staking.plan_unlock(found, receiver),
    )
    if not plans:
        say("Nothing is to be unlocked.")
        return
    to = receiver or whose
    rows = [
        (
            f"position {found.index}",
            f"{asset.text(found.unlockable)} to {to}, all by {date_text(found.unlocked_at)}",
        )
        for found, _ in plans
    ]
    for result in carried_out(at, staking, "To be unlocked", rows, plans, "Unlock?", yes):
        for event in result.logged("Unlocked"):
            amount = asset.text(event["amount"])
            done("unlocked", f"{amount} of position {event['index']} to {event['receiver']}")
        sent(result.transaction, at)


# --- in common --------------------------------------------------------------------------------


Plans = list[tuple[Position, Action]]


def planned(
    staking: Staking,
    owner: str,
    wanted: tuple[str, ...],
    is_due: Callable[[Position], bool],
    plan: Callable[[Position], Action],
) -> Plans:
    """The positions named, or all with something due, each with its call, tried on the node."""
    numbers = list(dict.fromkeys(map(read_position, wanted)))
    if numbers:
        found = [staking.position(owner, number) for number in numbers]
    else:
        found = [position for position in staking.positions(owner) if is_due(position)]
    return [(position, plan(position)) for position in found]


def carried_out(
    at: Home,
    staking: Staking,
    title: str,
    rows: list[tuple[str, str]],
    plans: Plans,
    question: str,
    is_sure: bool,
) -> Iterator[Done]:
    """Shows what is planned and what it costs, asks, and does it; one transaction for each."""
    costs = [line for _, action in plans for line in cost_lines(action.cost, None, at.symbol)]
    facts(title, [*rows, *costs])
    confirm(question, is_sure)
    for _, action in plans:
        yield staking.send(action)


def show_added(result: Done, asset: Asset) -> None:
    for event in result.logged("Compounded"):
        done("compounded", f"{asset.text(event['amount'])} into position {event['index']}")


def weight_text(weight: int) -> str:
    """A weight is a number of DOBO times a multiplier, and no DOBO."""
    return format_amount(weight, 18, "").rstrip()


def weight_now(one: Position) -> str:
    """A weight, and what it grows to where it does not count in full yet."""
    if not one.is_fresh:
        return weight_text(one.weight)
    then = f"{weight_text(one.next_weight)} from {date_text(one.next_change_at)} on"
    return f"{weight_text(one.weight)}, {then}"


def terms_lines(terms: Terms) -> list[tuple[str, str]]:
    """What a lock means, for a summary."""
    return [
        ("counts from", f"{date_text(terms.counts_from)}, when this month is over"),
        ("locked until", f"{date_text(terms.ends_at)}; nobody can open it before"),
        ("comes free", f"evenly from then until {date_text(terms.unlocked_at)}"),
        ("multiplier", f"{terms.multiplier} at first"),
    ]


def rate_text(pool: Pool, years: int) -> str:
    """What was paid, which is no promise."""
    if pool.epochs == 0:
        return "not known: no month is over yet"
    months = "month" if pool.epochs == 1 else f"{pool.epochs} months"
    rate = percent_text(pool.rate(years))
    return f"{rate} was paid in the last {months} with {years_text(years)} left; no promise"


def show_pool(pool: Pool, asset: Asset) -> None:
    """Totals, and what each term was paid."""
    pot = f"{asset.text(pool.pot)} so far, divided on {date_text(pool.ends_at)}"
    if pool.rolled_until < pool.epoch:
        pot = "none so far"
        if pool.pot:
            pot += f"; {asset.text(pool.pot)} of month {pool.rolled_until}, which is over"
    weight = f"{weight_text(pool.weight)} in this month"
    if not pool.is_divided:
        weight += f"; less than {weight_text(pool.min_weight)}, so its dividends will wait"
    facts(
        f"Dividend pool, month {pool.epoch}",
        [
            ("began", date_text(pool.starts_at)),
            ("ends", date_text(pool.ends_at)),
            ("staked", asset.text(pool.principal)),
            ("weight", weight),
            ("dividends", pot),
            *(
                [("waiting", f"{asset.text(pool.waiting)} for enough weight")]
                if pool.waiting
                else []
            ),
            ("to be claimed", asset.text(pool.owed)),
            *([("stopped", f"until {date_text(pool.stopped_until)}")] if pool.is_stopped else []),
        ],
    )
    if pool.epochs == 0:
        say("No month is over yet: nothing was paid so far.")
    months = "month" if pool.epochs == 1 else f"{pool.epochs} months"
    table(
        f"What was paid in the last {months}",
        (">years left", ">multiplier", ">of the stake"),
        (
            (str(years), str(factor), percent_text(pool.rate(years)))
            for years, factor in enumerate(MULTIPLIERS, 1)
        ),
    )


def show_positions(owner: str, found: list[Position], asset: Asset) -> None:
    if not found:
        say(f"{owner} has no position.")
        return
    table(
        f"Positions of {owner}",
        (">", ">principal", ">multiplier", ">weight", ">dividends", "locked until", ">free now"),
        (
            (
                str(one.index),
                asset.text(one.left),
                str(one.multiplier),
                weight_now(one),
                asset.text(one.claimable),
                date_text(one.ends_at),
                asset.text(one.unlockable),
            )
            for one in found
        ),
    )


def show_position(one: Position, asset: Asset) -> None:
    """All that a wallet would show, and what is to come."""
    state = "locked" if one.is_locked else "free" if one.left else "paid out"
    facts(
        f"Position {one.index} of {one.owner}",
        [
            ("state", state),
            ("principal", asset.text(one.principal)),
            *([("paid out", asset.text(one.released))] if one.released else []),
            ("term", years_text(one.term)),
            ("multiplier", f"{one.multiplier}, with {years_text(one.years_left)} left, rounded up"),
            ("weight", weight_now(one)),
            ("dividends", f"{asset.text(one.claimable)} to claim"),
            ("locked until", date_text(one.ends_at)),
            ("free now", asset.text(one.unlockable)),
        ],
    )
    if one.changes:
        rows = [(date_text(when), weight_text(weight)) for when, weight in one.changes]
        table("Weight to come", ("from", ">weight"), rows)
    if one.left:
        span = one.unlocked_at - one.ends_at
        moments = [one.ends_at + span * quarter // 4 for quarter in range(5)]
        rows = [(date_text(when), asset.text(one.unlocked(when))) for when in moments]
        table("Coming free, evenly by the second", ("by", ">in all"), rows)
