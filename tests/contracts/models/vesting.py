"""The vesting schedule, written down from the token allocation as published, not from the contract.

Shares are fractions of the supply; every instalment is listed with the second it is due. Nothing is
divided by time: what has vested is the sum of the instalments that are due.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

SUPPLY = 2_000_000_000 * 10**18
# in seconds: a year of 365 days has twelve months of equal length
MONTH = Fraction(365 * 24 * 60 * 60, 12)


@dataclass(frozen=True)
class Group:
    """One line of the allocation."""

    name: str
    percent: int
    cliff_months: int
    # shares of the group's total, month by month after the cliff
    monthly: tuple[Fraction, ...]

    @property
    def total(self) -> int:
        total = Fraction(self.percent, 100) * SUPPLY
        assert total.denominator == 1
        return int(total)

    @cached_property
    def instalments(self) -> list[tuple[int, int]]:
        """(seconds after the start, smallest units): rounded down, and the last takes the rest."""
        amounts = [int(share * self.total) for share in self.monthly[:-1]]
        amounts.append(self.total - sum(amounts))
        months = range(self.cliff_months + 1, self.cliff_months + 1 + len(amounts))
        dues = [month * MONTH for month in months]
        assert all(due.denominator == 1 for due in dues)
        return [(int(due), amount) for due, amount in zip(dues, amounts, strict=True)]

    def vested(self, seconds: int) -> int:
        """What has vested so many seconds after the start (before it: negative)."""
        return sum(amount for due, amount in self.instalments if due <= seconds)


def _three_percent() -> tuple[Fraction, ...]:
    """3 % monthly: 33 months make 99 %, and one more brings the rest."""
    return (Fraction(3, 100),) * 33 + (Fraction(1, 100),)


def _equal(months: int) -> tuple[Fraction, ...]:
    return (Fraction(1, months),) * months


# as published; the unpublished 7 % is Promotions, released as Liquidity is
GROUPS = (
    Group("ecosystem", 20, 12, _three_percent()),
    Group("liquidity", 18, 0, _three_percent()),
    Group("team", 15, 1, _equal(24)),
    Group("donations", 10, 12, _equal(36)),
    Group("operation", 10, 12, _equal(36)),
    Group("foundation", 10, 24, _equal(24)),
    Group("development", 5, 3, _equal(24)),
    Group("advisors", 5, 3, _equal(6)),
    Group("promotions", 7, 0, _three_percent()),
)
