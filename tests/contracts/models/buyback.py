"""Buyback's bounds and its average price, from plain lists of what happened, in exact fractions.

It knows nothing of counters, saved-up sums or whole roots. The average price is the mean over a log
of (second, reserves). What may be spent is what the tightest window leaves: of all that began at a
purchase or at a change of the bounds. The contract rounds; by how much at most is said here beside
each figure, which therefore comes as (least, most).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt

YEAR = 365 * 86_400
MIN_WINDOW, MAX_WINDOW = 6 * 3_600, 48 * 3_600
IDLE = 14 * 86_400
BASIS = 10_000
# what the contract's price is multiplied by
SCALE = 2**112

Range = tuple[Fraction, Fraction]


def root(square: Fraction) -> Fraction:
    """Below the true root by less than 2**-128."""
    return Fraction(isqrt((square.numerator << 256) // square.denominator), 1 << 128)


@dataclass(frozen=True)
class Bounds:
    """Seconds, the money's smallest units twice, basis points."""

    interval: int
    yearly: int
    largest_lot: int
    slippage: int

    @property
    def month(self) -> Fraction:
        """The most that can be saved up."""
        return Fraction(self.yearly, 12)


# of a money that is not listed
NONE = Bounds(0, 0, 0, 0)


@dataclass(frozen=True)
class Purchase:
    buyer: str
    spent: int
    bought: int


@dataclass
class Money:
    """A money, the pair it is spent on, and all that was done with it."""

    # (from this second, of money, of DOBO): the pair's reserves, the latest last
    reserves: list[tuple[int, int, int]]
    fee: int = 0
    min_reserve: int = 0
    listed_at: int = 0
    is_listed: bool = False
    # seconds of observations since the listing
    seen: list[int] = field(default_factory=list)
    # changes of the bounds, and purchases, in their order, of all listings; where this one's begin
    events: list[tuple[int, Bounds | Purchase]] = field(default_factory=list)
    first: int = 0
    came: int = 0
    withdrawn: int = 0

    # --- what happens -----------------------------------------------------------------------------

    def list_route(self, now: int, fee: int, min_reserve: int, bounds: Bounds) -> None:
        self.fee, self.min_reserve = fee, min_reserve
        self.listed_at, self.is_listed, self.seen = now, True, [now]
        self.first = len(self.events)
        self.events.append((now, bounds))

    def unlist_route(self, now: int) -> None:
        self.is_listed = False
        self.events.append((now, NONE))

    # --- what was done ----------------------------------------------------------------------------

    @property
    def bounds(self) -> Bounds:
        return next(event for _, event in reversed(self.events) if isinstance(event, Bounds))

    @property
    def purchases(self) -> list[tuple[int, Purchase]]:
        return [(at, event) for at, event in self.events if isinstance(event, Purchase)]

    @property
    def spent(self) -> int:
        return sum(purchase.spent for _, purchase in self.purchases)

    @property
    def bought(self) -> int:
        return sum(purchase.bought for _, purchase in self.purchases)

    @property
    def held(self) -> int:
        return self.came - self.spent - self.withdrawn

    # --- when -------------------------------------------------------------------------------------

    @property
    def waits_since(self) -> int:
        """The last purchase, or the listing."""
        return max([self.listed_at, *(at for at, _ in self.purchases[-1:])])

    @property
    def next_at(self) -> int:
        return self.waits_since + self.bounds.interval

    def since(self, now: int) -> int | None:
        """Where the window of the average begins: at the latest observation that is old enough."""
        found = max((at for at in self.seen if at + MIN_WINDOW <= now), default=None)
        return None if found is None or now > found + MAX_WINDOW else found

    # --- how much ---------------------------------------------------------------------------------

    def average(self, now: int) -> Fraction:
        """The money's smallest units for each smallest unit of DOBO, over the window."""
        since = self.since(now)
        assert since is not None, "no price"
        total, until = Fraction(0), now
        for at, money, dobo in reversed(self.reserves):
            if until > (begin := max(at, since)):
                total += Fraction(money, dobo) * (until - begin)
                until = begin
        return total / (now - since)

    def price(self, now: int) -> Range:
        """Times 2**112. The pair rounds each second's price down, the contract their mean."""
        exact = self.average(now) * SCALE
        return exact - 2, exact

    @property
    def depth(self) -> int:
        """The product of the pair's reserves."""
        _, money, dobo = self.reserves[-1]
        return money * dobo

    def _losses(self, now: int) -> tuple[Fraction, Fraction]:
        """What is left of a price's root, and of the depth's, once the contract has rounded them.

        With p the scaled price, isqrt(p - 2) > sqrt(p) - 2 from p = 3 on; and isqrt(k) > sqrt(k) -
        1.
        """
        scaled = root(self.average(now) * SCALE)
        return 1 - 2 / scaled, 1 - Fraction(1, isqrt(self.depth))

    def money_reserve(self, now: int) -> Range:
        """sqrt(k * p): what the pair would hold of the money at the average price."""
        price_left, depth_left = self._losses(now)
        exact = root(self.depth * self.average(now))
        return exact * price_left * depth_left - 1, exact + Fraction(1, 1 << 128)

    def floor(self, amount: int, now: int) -> Range:
        """The least DOBO that an amount must bring: what a pair of this depth at the average price
        gives, less the slippage.

        The contract's reserve of the money, M', is never above M = sqrt(k * p); its reserve of DOBO
        is above D * (1 - 1 / sqrt(k)) - 1, with D = sqrt(k / p). Out of a reserve that is one unit
        smaller comes less than one unit less; two roundings follow, of what comes out and of the
        slippage. So the floor is less than 3 units below the exact one times 1 - 1 / sqrt(k).
        """
        price_left, depth_left = self._losses(now)
        dobo_reserve = root(self.depth / self.average(now))
        after_fee = amount * Fraction(BASIS - self.fee, BASIS)
        kept = Fraction(BASIS - self.bounds.slippage, BASIS)

        def out(money: Fraction, dobo: Fraction) -> Fraction:
            return kept * after_fee * dobo / (money + after_fee)

        # no higher than the true one: the product is the depth
        exact = out(self.depth / dobo_reserve, dobo_reserve)
        least, _ = self.money_reserve(now)
        highest = (dobo_reserve + Fraction(1, 1 << 128)) / price_left
        return exact * depth_left - 3, out(least, highest)

    def may_spend(self, now: int) -> Range:
        """What the year leaves. From each moment on no more is spent than a month's part, or
        nothing at a listing, and what a year's rate has given since.

        The contract rounds down at each event, and when it is asked.
        """
        given, spent, rates, before = Fraction(0), 0, NONE, self.listed_at
        events = self.events[self.first :]
        windows = []
        for at, event in events:
            given += Fraction(rates.yearly * (at - before), YEAR)
            # one that begins before the event, and one after it
            windows.append(rates.month - given + spent)
            if isinstance(event, Bounds):
                rates = event
            else:
                spent += event.spent
            windows.append(rates.month - given + spent)
            before = at
        given += Fraction(rates.yearly * (now - before), YEAR)
        windows.append(rates.month - given + spent)
        exact = min(windows) + given - spent
        return exact - len(events) - 1, exact

    def most(self, now: int) -> Range:
        """The most that one purchase may spend now."""
        lots = [reserve * self.fee / BASIS for reserve in self.money_reserve(now)]
        rates = self.may_spend(now)
        other = (Fraction(self.bounds.largest_lot), Fraction(self.held))
        return min(lots[0] - 1, rates[0], *other), min(lots[1], rates[1], *other)

    # --- what must hold ---------------------------------------------------------------------------

    def is_within_the_year(self, now: int) -> bool:
        """In the 365 days until now no more was spent than the highest yearly amount and a month's
        part of it.
        """
        begin = now - YEAR
        rates = [(at, event.yearly) for at, event in self.events if isinstance(event, Bounds)]
        later = [yearly for at, yearly in rates if at >= begin]
        at_first = [yearly for at, yearly in rates if at < begin][-1:]
        spent = sum(purchase.spent for at, purchase in self.purchases if at >= begin)
        return spent <= Fraction(13, 12) * max([*later, *at_first])

    def is_within_the_lot(self, amount: int, now: int) -> bool:
        """amount <= fee * sqrt(k * p), squared, so that it is exact."""
        return (amount * BASIS) ** 2 <= self.fee**2 * self.depth * self.average(now)
