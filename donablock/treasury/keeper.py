"""What is due, what is not and why, from one snapshot of the chain. Pure: it asks nobody anything.

A keeper may be stopped at any line and started again, and there may be several: each of its steps
is decided anew from the chain alone, and the contracts refuse what was done already. So no list of
its own steps is kept anywhere.

When to observe. An observation costs gas, and one every 6 hours would be paid for nothing where
nothing is bought: a purchase needs just one that is 6 to 48 hours old. So a keeper observes for the
purchases that it could make itself, and only where there is something worth buying with: a day
before the next one can come, unless an observation will be there then and last for another day.
So one that runs once a day always finds an average too. Where money comes after a pause, the first
purchase waits 6 hours. Where the price is too far from the average, it observes as often as it can:
a younger average follows the market sooner.

What is worth it. Anybody can send a contract dust, so nothing is done for the sake of dust: what an
action moves must be worth 50 times its gas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from donablock.chain.times import date_text, span_text
from donablock.treasury.snapshot import BASIS, MAX_WINDOW, MIN_WINDOW, Route, Shares, Snapshot
from donablock.treasury.staking import percent_text

__all__ = ["GAS", "Act", "Decision", "Duty", "Later", "Options", "decide"]

# gas is at most this part of what an action moves
WORTH = 50
# where no route tells what the coin is worth in DOBO
WORTH_UNPRICED = 1_000 * 10**18
MIN_SETTLEMENT = 10**18
IDLE = 14 * 86_400
APPLY_TIME = 30 * 86_400
# how long before a purchase its average begins, and how long after it that still serves
LEAD = MARGIN = 86_400
# how long a purchase may wait for its block (seconds)
PATIENCE = 300
# what of the depth's bound is left: the average falls by the second while the market does
TREMBLE = 1_000


class Duty(Enum):
    """What a keeper does, in the order in which it does it."""

    WRAP = "wrap"
    FORWARD = "forward"
    BUY = "buy"
    BUY_IDLE = "buy for an idle operator"
    OBSERVE = "observe"
    APPLY = "apply shares"
    SETTLE = "settle"
    ROLL = "roll"
    PAY = "pay"


# what each takes the first time, as a whole transaction, measured on a local node; later ones take
# less, a settlement after months without one more
GAS = {
    Duty.WRAP: 60_000,
    Duty.FORWARD: 55_000,
    Duty.BUY: 240_000,
    Duty.BUY_IDLE: 250_000,
    Duty.OBSERVE: 100_000,
    Duty.APPLY: 170_000,
    Duty.SETTLE: 130_000,
    Duty.ROLL: 110_000,
    Duty.PAY: 60_000,
}


@dataclass(frozen=True)
class Options:
    """What an operator chooses; amounts in DOBO's smallest unit.

    `settle_at`: settle once so much has arrived (None: once it is worth 50 times the gas).
    `pay_from`: also pay receivers that are owed at least so much (None: they claim themselves).
    """

    settle_at: int | None = None
    pay_from: int | None = None


@dataclass(frozen=True)
class Act:
    """Something to do now: a call, about whom or what, why, and what it brings, for people."""

    duty: Duty
    subject: str
    contract: str
    function: str
    arguments: tuple[Any, ...]
    why: str
    brings: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[Duty, str]:
        """What stays the same when it is decided again a block later."""
        return self.duty, self.subject

    @property
    def title(self) -> str:
        return f"{self.duty.value} {self.subject}".strip()


@dataclass(frozen=True)
class Later:
    """Something that is not done now, why, and from when it may be (unix seconds; 0: when what it
    waits for comes, not at a time)."""

    duty: Duty
    subject: str
    why: str
    at: int = 0

    @property
    def title(self) -> str:
        return f"{self.duty.value} {self.subject}".strip()


@dataclass(frozen=True)
class Decision:
    """All duties at one block: what is due, in order, and what is not."""

    acts: tuple[Act, ...]
    later: tuple[Later, ...]

    @property
    def next_at(self) -> int:
        """The first time at which something may become due by itself; 0 if there is none."""
        return min((found.at for found in self.later if found.at), default=0)


def decide(seen: Snapshot, options: Options) -> Decision:
    """What is due at this block, and what is not."""
    found = list(_all(seen, options))
    return Decision(
        tuple(one for one in found if isinstance(one, Act)),
        tuple(one for one in found if isinstance(one, Later)),
    )


def _all(seen: Snapshot, options: Options) -> Iterator[Act | Later]:
    yield _wrap(seen)
    yield _forward(seen)
    if not seen.routes:
        why = "no route is listed; the timelock lists them (Buyback.list_route)"
        yield Later(Duty.BUY if seen.is_operator else Duty.BUY_IDLE, "", why)
    purchases = [(route, _buy(seen, route)) for route in seen.routes]
    yield from (purchase for _, purchase in purchases)
    for route, purchase in purchases:
        yield _observe(seen, route, purchase)
    application = _apply(seen)
    yield application
    brings_more = any(isinstance(purchase, Act) for _, purchase in purchases)
    settlement = _settle(seen, options, application, brings_more)
    yield settlement
    yield _roll(seen, application, settlement)
    yield from _pay(seen, options)


# --- money for purchases ----------------------------------------------------------------------


def _wrap(seen: Snapshot) -> Act | Later:
    text = seen.coin_asset.text(seen.coin)
    if seen.coin == 0:
        return Later(Duty.WRAP, "", f"no {seen.coin_asset.symbol} is in the buyback")
    least = WORTH * GAS[Duty.WRAP] * seen.gas_price
    if seen.coin < least:
        why = f"{text} are there; from {seen.coin_asset.text(least)} on it is worth its gas"
        return Later(Duty.WRAP, "", why)
    brings = (("brings", f"{text} as a token, to be spent"),)
    return Act(Duty.WRAP, "", "Buyback", "wrap", (), f"{text} came as coin", brings)


def _forward(seen: Snapshot) -> Act | Later:
    text, least = seen.dobo.text(seen.stray), _worth(seen, Duty.FORWARD)
    if seen.stray == 0:
        return Later(Duty.FORWARD, "", "no DOBO is in the buyback")
    if seen.stray < least:
        why = f"{text} are there; from {seen.dobo.text(least)} on it is worth its gas"
        return Later(Duty.FORWARD, "", why)
    brings = (("brings", f"{text} to Commission, to be settled"),)
    why = f"{text} came to the buyback"
    return Act(Duty.FORWARD, "", "Buyback", "forward_dobo", (), why, brings)


# --- purchases --------------------------------------------------------------------------------


def _from(seen: Snapshot, route: Route) -> int:
    """From when this keeper may buy, as far as its role and the bounds' interval go."""
    after = route.interval if seen.is_operator else max(route.interval, IDLE)
    return max(route.last_purchase_at + after, seen.stopped_until)


def _amount(seen: Snapshot, route: Route) -> int:
    """The most that is allowed; where the pair's depth is what bounds it, a thousandth less, so
    that it is still within when the block comes."""
    if not seen.is_operator:
        return route.most  # the contract computes it in the transaction
    return min(route.most, route.depth_bound - route.depth_bound // TREMBLE)


def _is_off(seen: Snapshot, route: Route) -> bool:
    """Whether the pair now gives less than the contract would take."""
    amount = _amount(seen, route)
    return route.expected(amount) < route.floor(amount)


def _buy(seen: Snapshot, route: Route) -> Act | Later:
    duty, name = (Duty.BUY if seen.is_operator else Duty.BUY_IDLE), route.money.symbol
    begins = _from(seen, route)
    if seen.now < seen.stopped_until:
        why = f"the guardian has stopped purchases until {date_text(seen.stopped_until)}"
        return Later(duty, f"with {name}", why, begins)
    if seen.now < begins:
        return Later(duty, f"with {name}", _too_soon(seen, route), begins)
    if route.refusal:
        return Later(duty, f"with {name}", *_refused(seen, route))
    amount = _amount(seen, route)
    if amount == 0:
        return Later(duty, f"with {name}", _nothing(route))
    expected, floor = route.expected(amount), route.floor(amount)
    if _is_off(seen, route):
        why = (
            f"the price is too far above the average: {route.money.text(amount)} would bring "
            f"{seen.dobo.text(expected)}, and {seen.dobo.text(floor)} is the least that the "
            "contract takes"
        )
        return Later(duty, f"with {name}", why)
    least = _worth(seen, duty)
    if expected < least:
        why = (
            f"{route.money.text(amount)} bring about {seen.dobo.text(expected)}; from "
            f"{seen.dobo.text(least)} on it is worth its gas"
        )
        return Later(duty, f"with {name}", why)
    brings = (
        ("spends", route.money.text(amount)),
        ("brings", f"{seen.dobo.text(expected)} as the pair stands, to Commission"),
        ("at least", f"{seen.dobo.text(floor)}, or the contract refuses"),
    )
    deadline = seen.now + PATIENCE
    money = route.money.address
    if seen.is_operator:
        why, given = (
            f"the bounds allow {route.money.text(route.most)} now",
            (money, amount, deadline),
        )
        return Act(duty, f"with {name}", "Buyback", "buy", given, why, brings)
    why = f"the operator has not bought since {date_text(route.last_purchase_at)}"
    return Act(duty, f"with {name}", "Buyback", "buy_idle", (money, deadline), why, brings)


def _too_soon(seen: Snapshot, route: Route) -> str:
    last = date_text(route.last_purchase_at)
    if seen.is_operator:
        return f"every {span_text(route.interval)}; the last was on {last}"
    return f"the operator, {seen.operator}, buys; anybody may when it has not for 14 days"


def _refused(seen: Snapshot, route: Route) -> tuple[str, int]:
    usable_at = route.observed_at + MIN_WINDOW
    if seen.now < usable_at and not route.has_price(seen.now):
        why = f"the only observation is of {date_text(route.observed_at)}, less than 6 hours old"
        return why, usable_at
    if not route.has_price(seen.now):
        return "the last observation is more than 48 hours old; observe, and buy 6 hours later", 0
    if route.refusal == "buyback: pair is too thin":
        return (
            f"the pair has less than {route.money.text(route.min_reserve)} at the average price",
            0,
        )
    return route.refusal, 0


def _nothing(route: Route) -> str:
    if route.held == 0:
        return f"no {route.money.symbol} is in the buyback"
    if route.yearly == 0 or route.largest_lot == 0:
        return "its bounds allow nothing; the timelock may widen them"
    return "what may be spent in a year has not grown to anything yet"


def _observe(seen: Snapshot, route: Route, purchase: Act | Later) -> Act | Later:
    name, target = route.money.symbol, max(seen.now, _from(seen, route))
    if isinstance(purchase, Act):
        return Later(Duty.OBSERVE, name, "the purchase above comes first")
    if route.expected(_possible(seen, route)) < _worth(seen, purchase.duty):
        why = "there is nothing worth buying with; when there is, a purchase comes 6 hours later"
        return Later(Duty.OBSERVE, name, why)
    open_at = route.observed_at + MIN_WINDOW
    is_off = target == seen.now and _is_off(seen, route)
    if not is_off and route.has_price(target + MARGIN) and route.has_price(target):
        lapses_at = route.since(target) + MAX_WINDOW - MARGIN
        why = f"the observations that are there serve until {date_text(lapses_at)}"
        return Later(Duty.OBSERVE, name, why, max(lapses_at, open_at))
    wanted_at = max(open_at, target - LEAD)
    if seen.now < wanted_at:
        why = (
            "the last one is less than 6 hours old"
            if wanted_at == open_at
            else f"the next purchase can come on {date_text(target)}; a day before is soon enough"
        )
        return Later(Duty.OBSERVE, name, why, wanted_at)
    why = (
        "the price is too far from the average; a younger average follows the market"
        if is_off
        else f"the next purchase can come on {date_text(max(target, seen.now + MIN_WINDOW))}"
    )
    until = date_text(seen.now + MAX_WINDOW)
    brings = (("brings", f"an average from {date_text(seen.now + MIN_WINDOW)} to {until}"),)
    return Act(Duty.OBSERVE, name, "Buyback", "observe", (route.money.address,), why, brings)


def _possible(seen: Snapshot, route: Route) -> int:
    """The most that any purchase of the next days could spend."""
    held = route.held + (seen.coin if route.money.address == seen.wrapped else 0)
    lot = route.money_reserve * route.fee // BASIS
    return min(held, lot, route.largest_lot, route.yearly // 12)


# --- what has arrived -------------------------------------------------------------------------


def _apply(seen: Snapshot) -> Act | Later:
    ready_at, proposed = seen.proposal_ready_at, seen.proposed
    if proposed is None:
        return Later(Duty.APPLY, "", "none are proposed")
    if seen.now < ready_at:
        return Later(Duty.APPLY, "", f"proposed: {_shares_text(proposed)}", ready_at)
    if seen.now >= ready_at + APPLY_TIME:
        lapsed = date_text(ready_at + APPLY_TIME)
        return Later(Duty.APPLY, "", f"the proposal lapsed on {lapsed}; it must be made again")
    brings = [("divides from now on", _shares_text(proposed))]
    if seen.unsettled:
        brings += _divided(seen, "settles first")
    why = f"the delay was over on {date_text(ready_at)}"
    return Act(Duty.APPLY, "", "Commission", "apply_shares", (), why, tuple(brings))


def _settle(
    seen: Snapshot, options: Options, application: Act | Later, brings_more: bool
) -> Act | Later:
    least = _worth(seen, Duty.SETTLE) if options.settle_at is None else options.settle_at
    least = max(least, MIN_SETTLEMENT)
    text = seen.dobo.text(seen.unsettled)
    if isinstance(application, Act) and seen.unsettled:
        return Later(Duty.SETTLE, "", f"applying the shares above settles {text}")
    if seen.unsettled < least:
        said = "at --settle-at" if options.settle_at is not None else "worth its gas"
        why = f"{text} have arrived; {said} from {seen.dobo.text(least)} on"
        return Later(Duty.SETTLE, "", why + (", and a purchase brings more" if brings_more else ""))
    brings = tuple(_divided(seen, "divides"))
    return Act(Duty.SETTLE, "", "Commission", "settle", (), f"{text} have arrived", brings)


def _divided(seen: Snapshot, word: str) -> list[tuple[str, str]]:
    text, until = seen.dobo.text, date_text(seen.pool.ends_at)
    burnt, dividends, shared = seen.shares.parts(seen.unsettled)
    found = [
        (word, text(seen.unsettled)),
        ("burns", text(burnt)),
        ("dividends", f"{text(dividends)}, for the month up to {until}"),
    ]
    return found + ([("receivers", text(shared))] if shared else [])


def _shares_text(shares: Shares) -> str:
    named = [(shares.burn, "burnt"), (shares.dividends, "dividends")]
    named += [(share, f"to {account}") for account, share in shares.receivers]
    return ", ".join(f"{percent_text(Fraction(share, BASIS))} {what}" for share, what in named)


# --- dividends and receivers ------------------------------------------------------------------


def _roll(seen: Snapshot, application: Act | Later, settlement: Act | Later) -> Act | Later:
    pool, text = seen.pool, seen.dobo.text
    if pool.rolled_until == pool.epoch:
        why = f"{text(pool.pot)} of this month are divided when it is over"
        return Later(Duty.ROLL, "", why if pool.pot else "nothing waits", pool.ends_at)
    if not pool.pot and not pool.waiting:
        return Later(Duty.ROLL, "", "nothing was funded since the last time")
    pays = isinstance(settlement, Act) or (isinstance(application, Act) and seen.unsettled)
    if pays:
        return Later(Duty.ROLL, "", "the dividends of the settlement above do it")
    if seen.divides:
        brings = [("divides", f"{text(pool.pot)} of epoch {pool.rolled_until}")]
        if pool.waiting:
            brings.append(("rejoins", f"{text(pool.waiting)} that found too little weight"))
        why = "a month that was funded is over"
        return Act(Duty.ROLL, "", "DividendPool", "roll", (), why, tuple(brings))
    waits = text(pool.pot + pool.waiting)
    if not pool.is_divided:
        why = (
            f"{waits} wait; this month weighs {text(pool.weight)}, and below "
            f"{text(pool.min_weight)} they would only wait on"
        )
        return Later(Duty.ROLL, "", why, pool.ends_at)
    brings = [("rejoins", f"{waits}, divided when this month is over")]
    why = "enough is staked now for what has waited"
    return Act(Duty.ROLL, "", "DividendPool", "roll", (), why, tuple(brings))


def _pay(seen: Snapshot, options: Options) -> Iterator[Act | Later]:
    if options.pay_from is None:
        return
    for account, amount in seen.owed:
        text = seen.dobo.text(amount)
        if amount < max(options.pay_from, 1):
            yield Later(Duty.PAY, account, f"it is owed {text}, less than --pay")
            continue
        brings = (("brings", f"{text} to {account}"),)
        why = f"it is owed {text}"
        yield Act(Duty.PAY, account, "Commission", "claim", (account,), why, brings)


def _worth(seen: Snapshot, duty: Duty) -> int:
    """The least DOBO that is worth the gas of a duty."""
    if seen.gas_price == 0:
        return 1
    found = seen.in_dobo(WORTH * GAS[duty] * seen.gas_price)
    return WORTH_UNPRICED if found is None else max(found, 1)
