"""The impact fund, written down as what a backer would expect and not as the contract computes it.

Nothing is packed, nothing rounded but what leaves: a backer's part of a rejected project is a
Fraction of it, and the tests say how far below it the contract may stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

DAY = 86_400
VOTING_TIME = 14 * DAY
REPORT_TIME = 180 * DAY
ALL_STAGES = 10_000


@dataclass
class Project:
    """One project; amounts in the smallest unit of its asset, times in seconds."""

    charity: int
    payee: str
    sdg: int
    asset: str
    goal: int
    deadline: int
    stages: list[int]
    is_loan: bool
    is_accepted: bool = False
    is_rejected: bool = False
    # by backer
    gifts: dict[str, int] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    lent: int = 0
    # when the goal was reached, or the project rejected before
    ended_at: int | None = None
    stage: int = 0
    # when the stage before this one was released
    released_at: int | None = None
    reported_at: int | None = None
    # of the reported stage, by backer
    votes: dict[str, bool] = field(default_factory=dict)
    released: int = 0
    claimed: int = 0
    repaid: int = 0
    # of a rejected project
    to_backers: int = 0
    to_pool: int = 0

    @property
    def given(self) -> int:
        return sum(self.gifts.values())

    @property
    def raised(self) -> int:
        return self.given + self.lent

    @property
    def room(self) -> int:
        return self.goal - self.raised

    @property
    def is_completed(self) -> bool:
        return self.stage == len(self.stages)

    @property
    def opens_at(self) -> int:
        """From when the next stage may be reported; gifts are taken before."""
        if self.released_at is not None:
            return self.released_at
        return self.deadline if self.ended_at is None else self.ended_at

    @property
    def owed(self) -> int:
        """What the fund holds for it, the pool's part apart once it is rejected."""
        unclaimed = self.released - self.claimed
        if self.is_rejected:
            return unclaimed + self.to_backers - sum(self.refunded.values())
        return unclaimed + self.raised - self.released

    def takes_money(self, now: int) -> bool:
        return self.is_accepted and not self.is_rejected and now < self.opens_at

    def state(self, now: int) -> str:
        if self.is_rejected:
            return "rejected"
        if self.is_completed:
            return "completed"
        if now < self.opens_at:
            return "funding" if self.is_accepted else "proposed"
        if self.raised == 0:
            return "closed"
        if self.reported_at is None:
            return "running" if now < self.opens_at + REPORT_TIME else "overdue"
        return "voting" if now < self.reported_at + VOTING_TIME else "voted"

    def weights(self) -> tuple[int, int]:
        """What approvers and objectors gave."""
        approvals = sum(self.gifts[backer] for backer, is_for in self.votes.items() if is_for)
        return approvals, sum(self.gifts[backer] for backer in self.votes) - approvals

    def receive(self, now: int) -> None:
        """After a gift or a loan."""
        if self.room == 0:
            self.ended_at = now

    def due_at_release(self) -> int:
        """What the reported stage is worth: all stages so far, rounded down, less what was paid."""
        share = Fraction(sum(self.stages[: self.stage + 1]), ALL_STAGES)
        return int(self.raised * share) - self.released

    def release(self, now: int) -> None:
        self.released += self.due_at_release()
        self.stage += 1
        self.released_at, self.reported_at, self.votes = now, None, {}

    def reject(self, now: int) -> None:
        """What is unreleased is divided as it was raised; the pool's part is rounded down."""
        left = self.raised - self.released
        self.to_pool = int(left * Fraction(self.lent, self.raised))
        self.to_backers = left - self.to_pool
        if now < self.opens_at:
            self.ended_at = now
        self.is_rejected, self.reported_at, self.votes = True, None, {}

    def exact_refund(self, backer: str) -> Fraction:
        return self.to_backers * Fraction(self.gifts[backer], self.given)

    def waiting(self) -> list[str]:
        """Backers of a rejected project who have not been refunded."""
        return [backer for backer in self.gifts if backer not in self.refunded]
