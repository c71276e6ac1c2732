"""The dividends counted anew, apart from the pool: by the logs of stakes and the receipts of
commission, month by month and position by position, in fractions and with no sum that is kept.

A month is an epoch of the pool. Amounts are in DOBO's smallest unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from donablock.chain.logs import Event

MULTIPLIERS = (1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 16, 20)
"""What a DOBO weighs, by the years left, rounded up, from 1."""

SHORT = 1 + Fraction(1, 2**24)
"""Each time a position is settled it gets less than its exact share by less than this, and never
more (docs/decisions/0009).
"""

_YEAR = 12


@dataclass
class Position:
    """A stake and what came of it. `steps`: (month from which on, principal, month in which the
    lock ends). `settled_in`: the transactions that took its dividends, or found none to take.
    `pending` is the pool's word, `exact` the share by this count.
    """

    owner: str
    index: int
    term: int
    staked: int
    steps: list[tuple[int, int, int]]
    claimed: int = 0
    compounded: int = 0
    unlocked: int = 0
    pending: int = 0
    exact: Fraction = field(default_factory=Fraction)
    settled_in: set[str] = field(default_factory=set)

    def at(self, month: int) -> tuple[int, int]:
        """Principal, and the month in which the lock ends, as they count in a month."""
        found = (0, 0)
        for since, principal, ends in self.steps:
            if since <= month:
                found = (principal, ends)
        return found

    def locked(self, month: int) -> int:
        """Principal that is locked and counts in a month."""
        principal, ends = self.at(month)
        return principal if month < ends else 0

    def weight(self, month: int) -> int:
        """What it weighs in a month: nothing in that of the stake, nor once the lock is over."""
        left = self.at(month)[1] - month
        if left <= 0:
            return 0
        years = min(-(-left // _YEAR), len(MULTIPLIERS))
        return self.locked(month) * MULTIPLIERS[years - 1]

    @property
    def got(self) -> int:
        """All dividends, those not yet taken included."""
        return self.claimed + self.compounded + self.pending

    @property
    def short(self) -> Fraction:
        """By how much that is less than the exact share."""
        return self.exact - self.got

    @property
    def settled(self) -> int:
        """How often it was rounded down, what is pending included."""
        return len(self.settled_in) + 1

    @property
    def is_exact(self) -> bool:
        """Whether that is the exact share but for rounding down."""
        return 0 <= self.short < self.settled * SHORT

    def _step(self, month: int, principal: int, ends: int) -> None:
        """From the month after `month` on."""
        self.steps = [step for step in self.steps if step[0] != month + 1]
        self.steps.append((month + 1, principal, ends))

    def _last(self) -> tuple[int, int]:
        _, principal, ends = self.steps[-1]
        return principal, ends

    def note(self, event: Event) -> None:
        """What a log of the pool says of it."""
        if event.name != "Unlocked":
            self.settled_in.add(event.transaction)
        if event.name == "Claimed":
            self.claimed += event["amount"]
        elif event.name == "Compounded":
            self.compounded += event["amount"]
            principal, ends = self._last()
            self._step(event["epoch"], principal + event["amount"], ends)
        elif event.name == "Extended":
            month = event["epoch"]
            self._step(month, self._last()[0], month + 1 + _YEAR * event["term"])
        elif event.name == "Unlocked":
            self.unlocked += event["amount"]


@dataclass(frozen=True)
class Month:
    """What this count says of a month that is over. `funded`: its own dividends; `pot`: what it
    divides, those that waited included; `waits`: what it leaves to a later one.
    """

    number: int
    weight: int
    locked: int
    funded: int
    pot: int
    waits: int


def positions(events: Iterable[Event]) -> list[Position]:
    """All positions by the pool's logs, oldest first. KeyError for a log of one never staked."""
    found: dict[tuple[str, int], Position] = {}
    for event in events:
        if event.name == "Staked":
            month, amount, term = event["epoch"], event["amount"], event["term"]
            step = (month + 1, amount, month + 1 + _YEAR * term)
            place = (event["owner"], event["index"])
            found[place] = Position(*place, term, amount, [step])
        elif event.name in ("Claimed", "Compounded", "Extended", "Unlocked"):
            found[event["owner"], event["index"]].note(event)
    return list(found.values())


def divide(
    stakes: Iterable[Position], funded: Mapping[int, int], min_weight: int, until: int
) -> list[Month]:
    """The months before `until`, from the first that was funded; gives each position its exact
    share. `funded`: dividends by month. Where less than `min_weight` is there, they wait for the
    next month that is funded.
    """
    stakes = list(stakes)
    for stake in stakes:
        stake.exact = Fraction(0)
    months: list[Month] = []
    waiting = 0
    for number in range(min(funded, default=until), until):
        weights = [stake.weight(number) for stake in stakes]
        weight, own = sum(weights), funded.get(number, 0)
        pot, waiting = (own + waiting, 0) if own else (0, waiting)
        if weight < min_weight:
            pot, waiting = 0, pot + waiting
        for stake, part in zip(stakes, weights, strict=True):
            if pot:
                stake.exact += Fraction(pot * part, weight)
        locked = sum(stake.locked(number) for stake in stakes)
        months.append(Month(number, weight, locked, own, pot, waiting))
    return months
