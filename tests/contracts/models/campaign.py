"""A fundraiser, written down as its backers were promised it and not as the contract computes it.

It remembers every pledge and every payment, and adds up when asked: no running totals, no packed
words. After a rejected milestone a backer's part is a Fraction of what was not released; the tests
say how far from it a payment may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

DAY = 86_400
VOTE = 14 * DAY
PATIENCE = 180 * DAY
BASIS = 10_000
MAX_RAISED = 2**128 - 1

OPEN, FAILED, SUCCEEDED, STAGED, REJECTED = range(1, 6)
REVOKED, SUSPENDED, VERIFIED, EXPIRED = range(1, 5)


@dataclass
class Charity:
    """What the register says of a charity."""

    payee: str
    expiry: int
    suspended_until: int = 0
    is_revoked: bool = False
    # the proposed payee, and from when it may accept (s)
    pending: tuple[str, int] | None = None

    def standing(self, now: int) -> int:
        if self.is_revoked:
            return REVOKED
        if now < self.suspended_until:
            return SUSPENDED
        return EXPIRED if now >= self.expiry else VERIFIED


@dataclass(frozen=True)
class Pledge:
    backer: str
    tier: int
    amount: int


@dataclass
class Campaign:
    """One campaign. Money in its asset's smallest unit, times in seconds.

    tiers   (price, supply) of each
    shares  basis points of what was raised that each milestone releases
    """

    charity_id: int
    creator: str
    asset: str
    goal: int
    deadline: int
    is_strict: bool
    tiers: list[tuple[int, int]]
    shares: list[int]
    state: int = OPEN
    # token n is the one of pledge n - 1
    pledges: list[Pledge] = field(default_factory=list)
    holders: dict[int, str] = field(default_factory=dict)
    # what was released, by payment to the charity's account, and what it has claimed
    releases: list[int] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    # backer -> what it was paid back, in the order of payment
    refunds: dict[str, int] = field(default_factory=dict)
    stage: int = 0
    began_at: int = 0
    reported_at: int = 0
    # milestone -> backer -> whether it approved
    votes: dict[int, dict[str, bool]] = field(default_factory=dict)

    # --- sums -------------------------------------------------------------------------------------

    @property
    def raised(self) -> int:
        return sum(pledge.amount for pledge in self.pledges)

    @property
    def released(self) -> int:
        return sum(self.releases)

    @property
    def claimed(self) -> int:
        return sum(self.claims)

    @property
    def refunded(self) -> int:
        return sum(self.refunds.values())

    @property
    def owed(self) -> int:
        """To the charity or to backers."""
        return self.raised - self.claimed - self.refunded

    @property
    def backers(self) -> list[str]:
        """Everybody who pledged, once, in the order of first pledges."""
        return list(dict.fromkeys(pledge.backer for pledge in self.pledges))

    @property
    def waiting(self) -> list[str]:
        """Backers who have not been paid back."""
        return [backer for backer in self.backers if backer not in self.refunds]

    @property
    def is_refundable(self) -> bool:
        return self.state in (FAILED, REJECTED)

    def pledged(self, backer: str) -> int:
        return sum(pledge.amount for pledge in self.pledges if pledge.backer == backer)

    def contribution(self, backer: str) -> int:
        """What a backer pledged and was not paid back for."""
        return 0 if backer in self.refunds else self.pledged(backer)

    def sold(self, tier: int) -> int:
        return sum(pledge.tier == tier for pledge in self.pledges)

    def weight(self, is_approved: bool) -> int:
        """Of the votes on the running milestone."""
        votes = self.votes.get(self.stage, {})
        return sum(self.pledged(backer) for backer, said in votes.items() if said is is_approved)

    # --- what is due ------------------------------------------------------------------------------

    def exact(self, backer: str) -> Fraction:
        """What a backer has to get back in all, had money no smallest unit."""
        if not self.is_refundable or self.raised == 0:
            return Fraction(0)
        return Fraction(self.pledged(backer) * (self.raised - self.released), self.raised)

    def refund_between(self, backer: str) -> tuple[int, int]:
        """The least and the most that a backer who waits may be paid now.

        Never below the floor of its share; above it at most by one unit for each refund before its
        own, whose rounding may have fallen to it; the last one takes what is left.
        """
        least = floor(self.exact(backer))
        if self.state == FAILED:
            return least, least
        left = self.raised - self.released - self.refunded
        if self.waiting == [backer]:
            return left, left
        return least, min(left, least + len(self.refunds))

    # --- tokens -----------------------------------------------------------------------------------

    def is_locked(self, token_id: int) -> bool:
        """As long as who holds it could still be paid back."""
        if self.state == REJECTED:
            return self.holders[token_id] in self.waiting
        return self.state != SUCCEEDED

    # --- what happens -----------------------------------------------------------------------------

    def pledge(self, backer: str, tier: int, amount: int) -> int:
        price, supply = self.tiers[tier]
        assert self.state == OPEN and amount >= price and self.sold(tier) < supply
        self.pledges.append(Pledge(backer, tier, amount))
        self.holders[len(self.pledges)] = backer
        return len(self.pledges)

    def outcome(self, standing: int) -> int:
        """What it comes to when it is finalised now."""
        if standing == REVOKED or self.raised == 0:
            return FAILED
        if self.is_strict and self.raised < self.goal:
            return FAILED
        return STAGED if self.shares else SUCCEEDED

    def finalise(self, standing: int, now: int) -> int:
        self.state = self.outcome(standing)
        if self.state == SUCCEEDED:
            self.releases.append(self.raised)
        elif self.state == STAGED:
            free = Fraction(BASIS - sum(self.shares), BASIS)
            self.releases.append(floor(self.raised * free))
            self.began_at = now
        return self.state

    def report(self, now: int) -> None:
        self.reported_at = now

    def vote(self, backer: str, is_approved: bool) -> None:
        said = self.votes.setdefault(self.stage, {})
        assert backer not in said
        said[backer] = is_approved

    def voting(self, now: int) -> bool:
        return self.state == STAGED and self.reported_at <= now < self.reported_at + VOTE

    def settles_at(self) -> int:
        """From when on the running milestone can be settled."""
        return self.reported_at + VOTE if self.reported_at else self.began_at + PATIENCE

    def settle(self, now: int) -> bool:
        """Silence approves a report; without one there is nothing to approve."""
        assert self.state == STAGED and now >= self.settles_at()
        if self.reported_at == 0 or self.weight(False) > self.weight(True):
            self.state = REJECTED
            return False
        if self.stage + 1 == len(self.shares):
            self.releases.append(self.raised - self.released)
            self.state = SUCCEEDED
        else:
            self.releases.append(floor(self.raised * Fraction(self.shares[self.stage], BASIS)))
            self.stage += 1
            self.began_at, self.reported_at = now, 0
        return True

    def cancel(self) -> None:
        self.state = FAILED if self.state == OPEN else REJECTED

    def refund(self, backer: str, amount: int) -> None:
        """It was paid back; what it pledged for is gone where all of it was."""
        assert backer in self.waiting
        self.refunds[backer] = amount
        if self.state == FAILED:
            for token_id, holder in list(self.holders.items()):
                if holder == backer:
                    del self.holders[token_id]
