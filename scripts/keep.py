"""The keeper: observes, buys, settles and rolls, whenever that is due."""

from __future__ import annotations

import click
from ape.api import AccountAPI
from rich.markup import escape

from donablock.chain.amounts import Asset, Assets
from donablock.chain.assets import parse
from donablock.chain.times import date_text, span_text
from donablock.errors import ChainError, InputError
from donablock.treasury.keeper import GAS, Act, Decision, Later, Options
from donablock.treasury.rounds import Keeper, Outcome, Result, Round
from donablock.treasury.snapshot import Snapshot
from donablock.treasury.staking import Staking
from scripts._console import Command, Home, account, confirm, done, facts, home, say, sent, yes


@click.command(cls=Command)
@click.option("--watch", is_flag=True, help="Go on until stopped (Ctrl-C), a round at a time.")
@click.option(
    "--every", type=click.IntRange(1), default=60, metavar="SECONDS", help="Between looks (60)."
)
@click.option("--rounds", type=click.IntRange(1), metavar="N", help="Look so many times, then end.")
@click.option("--dry-run", is_flag=True, help="Send nothing: show what is due, and what is not.")
@click.option(
    "--settle-at",
    metavar="AMOUNT",
    help='Settle from so much on, like "500 DOBO" (what is worth 50 times the gas if left out).',
)
@click.option(
    "--pay",
    metavar="AMOUNT",
    help='Also pay receivers that are owed at least so much, like "100 DOBO".',
)
@account
@yes
def cli(
    watch: bool,
    every: int,
    rounds: int | None,
    dry_run: bool,
    settle_at: str | None,
    pay: str | None,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Do what is due for commission, buyback and dividend pool; once, or on and on with --watch.

    It wraps coin that came to the buyback, forwards DOBO that came there, buys for the operator if
    it is the operator (for anybody once the operator has been idle for 14 days), observes the price
    for its purchases, applies shares whose delay is over, settles what has arrived, and lets the
    pool divide a month that is over. Anybody may run one, and several may run at once. What is due
    is decided from the chain alone, so it may be stopped and started at any time.

    \b
    Examples:
      ape run keep --dry-run --network ethereum:sepolia
      ape run keep --account operator
      ape run keep --watch --every 300 --account operator --yes
      ape run keep --settle-at "500 DOBO" --pay "100 DOBO" --account me
    """
    if rounds is not None and not watch:
        raise InputError("--rounds goes with --watch")
    if dry_run and watch:
        raise InputError("--dry-run shows one moment; leave out --watch")
    at = home(account, signs=not dry_run)
    session, signs = at.session, account is not None or not dry_run
    dobo = Staking(session).asset()
    options = Options(amount(settle_at, dobo), amount(pay, dobo))
    keeper = Keeper(session, at.from_block, options, signs=signs)
    seen, decision = keeper.look()
    show(keeper, seen, decision, signs)
    if dry_run:
        return
    if not decision.acts and not watch:
        say("Nothing is due.")
        return
    confirm("Send, and whatever is due next?", yes)
    if not watch:
        refused = [told for told in keeper.run() if not tell(told, seen, at)]
        if refused:
            raise InputError(f"{len(refused)} of what is due was refused, as said above")
        return
    said = ""
    try:
        for found in keeper.watch(every, rounds):
            said = tell_round(found, seen, at, said)
    except (KeyboardInterrupt, SystemExit):  # ape answers Ctrl-C by the latter
        say("Stopped. What was sent goes on; the next keeper looks at the chain first.")
        raise SystemExit(130) from None


def amount(text: str | None, dobo: Asset) -> int | None:
    """An amount of DOBO as written; None if it was not."""
    return None if text is None else parse(text, Assets([dobo])).amount


# --- before -----------------------------------------------------------------------------------


def show(keeper: Keeper, seen: Snapshot, decision: Decision, signs: bool) -> None:
    """What is due and what it brings and costs; what is not, why, and when it may be."""
    say(f"Block {seen.block}, {date_text(seen.now)}")
    for number, act in enumerate(decision.acts, 1):
        facts(
            f"{number}. {act.title}",
            [("why", act.why), *act.brings, ("gas", gas_text(keeper, seen, act, signs))],
        )
    if decision.later:
        facts("Not now", [(found.title, later_text(found, seen.now)) for found in decision.later])


def gas_text(keeper: Keeper, seen: Snapshot, act: Act, signs: bool) -> str:
    """By the node's estimate where there is an account; else what it takes as a rule."""
    gas = GAS[act.duty]
    told = f"about {gas:_}"
    if signs:
        try:
            gas = keeper.plan(act).cost.gas or gas
        except ChainError as error:
            return str(error)
        told = f"{gas:_} by the node's estimate"
    return f"{told}, {seen.coin_asset.text(gas * seen.gas_price)} at the current price"


def later_text(found: Later, now: int) -> str:
    if not found.at:
        return found.why
    return f"{found.why}; from {date_text(found.at)}, in {span_text(found.at - now)}"


# --- after ------------------------------------------------------------------------------------


def tell(outcome: Outcome, seen: Snapshot, at: Home) -> bool:
    """What became of one thing; whether it is well."""
    title = outcome.act.title
    if outcome.result is Result.REFUSED:
        done("refused", f"{title}: {outcome.reason}", good=False)
        return False
    if outcome.done is None:
        done(outcome.result.value, title + (f": {outcome.reason}" if outcome.reason else ""))
        return True
    done("done", f"{title}; {seen.coin_asset.text(outcome.fee)} of gas")
    for line in logged(outcome, seen):
        say(f"  {line}")
    sent(outcome.done.transaction, at)
    return True


def logged(outcome: Outcome, seen: Snapshot) -> list[str]:
    """What the contracts say happened."""
    text = seen.dobo.text
    money = {route.money.address: route.money for route in seen.routes}
    found = []
    for event in outcome.done.events if outcome.done is not None else ():
        if event.name == "Bought":
            unit = money.get(event["money"])
            spent = f" for {unit.text(event['spent'])}" if unit is not None else ""
            found.append(f"{text(event['bought'])} bought{spent}")
        elif event.name == "Forwarded":
            found.append(f"{text(event['amount'])} forwarded")
        elif event.name == "Settled":
            found += [
                f"settlement {event['batch']} of {text(event['amount'])}",
                f"{text(event['burnt'])} burnt, {text(event['dividends'])} dividends",
                f"{text(event['shared_out'])} owed to receivers",
            ]
        elif event.name == "EpochClosed":
            found.append(f"{text(event['amount'])} divided for month {event['epoch']}")
        elif event.name == "CarriedOver":
            found.append(f"{text(event['amount'])} of month {event['epoch']} wait for weight")
        elif event.name == "Rejoined":
            found.append(f"{text(event['amount'])} that waited joined month {event['epoch']}")
        elif event.name == "Claimed" and event.contract == "Commission":
            found.append(f"{text(event['amount'])} paid to {event['paid_to']}")
    return found


def tell_round(found: Round, seen: Snapshot, at: Home, said: str) -> str:
    """A round of a watch. The same trouble, or the same waiting, is said once."""
    for outcome in found.outcomes:
        tell(outcome, seen, at)
    if found.error is not None:
        line = f"[red]waiting[/red]  {escape(str(found.error))}"
    elif found.decision is not None and found.decision.next_at:
        line = f"nothing more is due before {date_text(found.decision.next_at)}"
    else:
        line = "nothing more is due until something comes"
    if line != said or found.outcomes:
        say(line)
    return line
