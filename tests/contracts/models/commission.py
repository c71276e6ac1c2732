"""Commission as lists: what arrived, the receipts, and what was claimed. No sum is kept.

Each part of a receipt is an exact fraction of its amount, rounded down. Beside each arrival stands
the shares it came under, so that one can see whether it was divided by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

BASIS = 10_000
MIN_SHARE = 2_500
APPLY_TIME = 30 * 86_400


@dataclass(frozen=True)
class Shares:
    """Basis points: of the burn, of dividends, and of each receiver."""

    burn: int
    dividends: int
    receivers: tuple[tuple[str, int], ...] = ()


def part(amount: int, share: int) -> int:
    """The exact part, rounded down."""
    return int(amount * Fraction(share, BASIS))


@dataclass(frozen=True)
class Arrival:
    """By a deposit, or by a plain transfer: then there is no depositor."""

    amount: int
    under: Shares
    depositor: str | None = None
    reference: bytes = b""


@dataclass(frozen=True)
class Receipt:
    """A settlement. Deposits are numbered from 1."""

    number: int
    first_deposit: int
    last_deposit: int
    amount: int
    under: Shares
    arrivals: tuple[Arrival, ...]

    @property
    def burnt(self) -> int:
        return part(self.amount, self.under.burn)

    @property
    def dividends(self) -> int:
        return part(self.amount, self.under.dividends)

    @property
    def owed(self) -> list[tuple[str, int]]:
        return [(who, part(self.amount, share)) for who, share in self.under.receivers]

    @property
    def shared_out(self) -> int:
        return sum(amount for _, amount in self.owed)

    @property
    def deposited(self) -> int:
        return sum(arrival.amount for arrival in self.arrivals if arrival.depositor is not None)


@dataclass
class Commission:
    shares: Shares
    arrivals: list[Arrival] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    # (receiver, amount)
    claims: list[tuple[str, int]] = field(default_factory=list)
    proposed: Shares | None = None
    ready_at: int = 0

    # --- what happens -----------------------------------------------------------------------------

    def deposit(self, depositor: str, amount: int, reference: bytes) -> None:
        self.arrivals.append(Arrival(amount, self.shares, depositor, reference))

    def receive(self, amount: int) -> None:
        self.arrivals.append(Arrival(amount, self.shares))

    def settle(self) -> Receipt:
        settled = sum(len(receipt.arrivals) for receipt in self.receipts)
        before = [receipt.last_deposit for receipt in self.receipts]
        receipt = Receipt(
            number=len(self.receipts) + 1,
            first_deposit=max([0, *before]) + 1,
            last_deposit=len(self.deposits),
            amount=self.unsettled,
            under=self.shares,
            arrivals=tuple(self.arrivals[settled:]),
        )
        self.receipts.append(receipt)
        return receipt

    def claim(self, receiver: str) -> None:
        self.claims.append((receiver, self.owed(receiver)))

    def propose(self, shares: Shares, ready_at: int) -> None:
        self.proposed, self.ready_at = shares, ready_at

    def cancel(self) -> None:
        self.proposed, self.ready_at = None, 0

    def apply(self) -> None:
        """What was there has been settled before."""
        assert self.proposed is not None
        self.shares = self.proposed
        self.cancel()

    # --- what there is ----------------------------------------------------------------------------

    @property
    def deposits(self) -> list[Arrival]:
        return [arrival for arrival in self.arrivals if arrival.depositor is not None]

    @property
    def arrived(self) -> int:
        return sum(arrival.amount for arrival in self.arrivals)

    @property
    def burnt(self) -> int:
        return sum(receipt.burnt for receipt in self.receipts)

    @property
    def dividends(self) -> int:
        return sum(receipt.dividends for receipt in self.receipts)

    @property
    def shared_out(self) -> int:
        return sum(receipt.shared_out for receipt in self.receipts)

    @property
    def claimed(self) -> int:
        return sum(amount for _, amount in self.claims)

    @property
    def unsettled(self) -> int:
        return self.arrived - self.burnt - self.dividends - self.shared_out

    def owed(self, receiver: str) -> int:
        given = sum(
            amount for receipt in self.receipts for who, amount in receipt.owed if who == receiver
        )
        return given - sum(amount for who, amount in self.claims if who == receiver)

    def can_apply(self, now: int) -> bool:
        return self.proposed is not None and self.ready_at <= now < self.ready_at + APPLY_TIME
