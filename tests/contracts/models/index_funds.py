"""Index funds, written down as what a donor would expect and not as the contract computes it.

Every gift divides itself at once, and exactly, among the charities that are on the list and not
dropped at that moment. No total, no base, no rounding: what a charity has earned is a Fraction, and
the tests say how far below it the contract may stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Pot:
    """Everything given to one epoch of one fund in one asset (smallest unit)."""

    weights: list[int]
    given: int = 0
    gifts: int = 0
    # by member
    exact: list[Fraction] = field(default_factory=list)
    claimed: list[int] = field(default_factory=list)
    # what the contract said each member had earned when it was last asked
    earned: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exact = [Fraction(0) for _ in self.weights]
        self.claimed = [0 for _ in self.weights]
        self.earned = [0 for _ in self.weights]

    @property
    def owed(self) -> int:
        return self.given - sum(self.claimed)

    def give(self, amount: int, live: list[int]) -> None:
        """A gift, divided among the live members by weight."""
        self.given += amount
        self.gifts += 1
        sharing = sum(self.weights[member] for member in live)
        for member in live:
            self.exact[member] += Fraction(amount * self.weights[member], sharing)


@dataclass
class Epoch:
    """A list of (charity id, weight), and who has been dropped from it, in that order."""

    members: list[tuple[int, int]]
    starts_at: int
    is_withdrawn: bool = False
    dropped: list[int] = field(default_factory=list)
    pots: dict[str, Pot] = field(default_factory=dict)

    @property
    def weights(self) -> list[int]:
        return [weight for _, weight in self.members]

    @property
    def live(self) -> list[int]:
        return [member for member in range(len(self.members)) if member not in self.dropped]

    def pot(self, asset: str) -> Pot:
        if asset not in self.pots:
            self.pots[asset] = Pot(self.weights)
        return self.pots[asset]

    def drop(self, member: int, now: int) -> None:
        assert member not in self.dropped
        self.dropped.append(member)
        # a list that nobody is left on never starts
        if not self.live and now < self.starts_at:
            self.is_withdrawn = True

    def allowance(self, member: int) -> Fraction:
        """By how much less than the exact share a member may have earned; never by as much.

        One unit for its own rounding, and for each drop it lived through the part of one unit that
        its weight is of the whole.
        """
        if member in self.dropped:
            drops = self.dropped.index(member)
        else:
            drops = len(self.dropped)
        return 1 + Fraction(drops * self.members[member][1], sum(self.weights))


@dataclass
class Fund:
    """A fund's epochs by number; numbers run from 1 and none is used twice."""

    epochs: dict[int, Epoch] = field(default_factory=dict)

    def announced(self, now: int) -> int:
        """The epoch that is announced and has not started; 0 if there is none."""
        last = len(self.epochs)
        if last == 0 or self.epochs[last].is_withdrawn or self.epochs[last].starts_at <= now:
            return 0
        return last

    def running(self, now: int) -> int:
        """The epoch that takes gifts: the last that started, while anybody is left on its list."""
        started = [
            number
            for number, epoch in self.epochs.items()
            if not epoch.is_withdrawn and epoch.starts_at <= now
        ]
        return started[-1] if started and self.epochs[started[-1]].live else 0

    def announce(self, members: list[tuple[int, int]], starts_at: int) -> int:
        number = len(self.epochs) + 1
        self.epochs[number] = Epoch(members, starts_at)
        return number
