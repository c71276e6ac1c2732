"""The dividend pool as a plain loop over all stakers each month, in exact fractions.

It knows nothing of sums per weight, ladders or late calls: whenever an epoch is over it asks every
position what it weighed in it and shares the money out. Epochs are counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

EPOCH = 365 * 86_400 // 12
# by years left, rounded up
MULTIPLIERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 10, 9: 12, 10: 14, 11: 16, 12: 20}
UNLOCK_PER_YEAR = 30 * 86_400


def multiplier(maturity: int, epoch: int) -> int:
    """What a unit of principal that ends at the edge before `maturity` weighs in an epoch."""
    months = maturity - epoch
    return MULTIPLIERS[-(-months // 12)] if months > 0 else 0


@dataclass
class Position:
    """One stake. Amounts in DOBO's smallest unit."""

    owner: str
    index: int
    term: int
    # (from this epoch, principal, maturity), the latest last
    history: list[tuple[int, int, int]]
    # what it has earned in the epochs that are over
    earned: Fraction = Fraction(0)
    # epochs in which it earned something
    paid_for: list[int] = field(default_factory=list)
    # what it was paid or compounded, by call
    taken: list[int] = field(default_factory=list)
    released: int = 0

    @property
    def principal(self) -> int:
        return self.history[-1][1]

    @property
    def maturity(self) -> int:
        return self.history[-1][2]

    def weight(self, epoch: int) -> int:
        for since, principal, maturity in reversed(self.history):
            if since <= epoch:
                return principal * multiplier(maturity, epoch)
        return 0

    def change(self, epoch: int, principal: int, maturity: int) -> None:
        """From the epoch after this one on."""
        self.history.append((epoch + 1, principal, maturity))

    def unlocked(self, seconds_after: int) -> int:
        """So many seconds after the end of the lock."""
        if seconds_after <= 0:
            return 0
        share = Fraction(seconds_after, self.term * UNLOCK_PER_YEAR)
        return int(self.principal * min(share, Fraction(1)))

    def owed(self) -> Fraction:
        return self.earned - sum(self.taken)


@dataclass
class Pool:
    min_weight: int
    epoch: int = 1
    positions: list[Position] = field(default_factory=list)
    pot: int = 0
    waiting: int = 0
    funded: int = 0
    divided: int = 0
    # epoch -> (money, weight) of all that were divided
    closed: dict[int, tuple[int, int]] = field(default_factory=dict)

    def total_weight(self, epoch: int) -> int:
        return sum(position.weight(epoch) for position in self.positions)

    def wait_until(self, epoch: int) -> None:
        """Share out what is over. An epoch that nobody funded has nothing to share."""
        if epoch == self.epoch:
            return
        if self.pot > 0:
            total = self.total_weight(self.epoch)
            if total >= self.min_weight:
                for position in self.positions:
                    if weight := position.weight(self.epoch):
                        position.earned += Fraction(self.pot * weight, total)
                        position.paid_for.append(self.epoch)
                self.closed[self.epoch] = (self.pot, total)
                self.divided += self.pot
            else:
                self.waiting += self.pot
            self.pot = 0
        self.epoch = epoch

    def stake(self, owner: str, index: int, amount: int, term: int) -> Position:
        maturity = self.epoch + 1 + 12 * term
        position = Position(owner, index, term, [(self.epoch + 1, amount, maturity)])
        self.positions.append(position)
        return position

    def extend(self, position: Position, term: int, earned: int) -> None:
        position.taken.append(earned)
        principal = position.principal + earned
        position.change(self.epoch, principal, self.epoch + 1 + 12 * term)
        position.term = max(position.term, term)

    def compound(self, position: Position, earned: int) -> None:
        position.taken.append(earned)
        position.change(self.epoch, position.principal + earned, position.maturity)

    def fund(self, amount: int) -> None:
        self.rejoin()
        self.pot += amount
        self.funded += amount

    def rejoin(self) -> None:
        self.pot, self.waiting = self.pot + self.waiting, 0

    @property
    def principal(self) -> int:
        return sum(position.principal - position.released for position in self.positions)

    @property
    def taken(self) -> int:
        return sum(sum(position.taken) for position in self.positions)
