"""The charity registry as what happened to each charity; what it is now is read off that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

UNKNOWN, REVOKED, SUSPENDED, VERIFIED, EXPIRED = range(5)
DAY = 86_400
# seconds: a suspension, and from its end to the next
SUSPENSION = 30 * DAY
PAYEE_WINDOW = 30 * DAY
MAX_TERM = 1_096 * DAY


@dataclass
class Charity:
    """One charity. Times are seconds; `ended` is when its last suspension ended or is to end."""

    payee: str
    legal_id: bytes
    sdgs: int
    metadata: bytes
    expiry: int
    ended: int = 0
    is_revoked: bool = False
    # proposed payee, and from when it may accept
    pending: tuple[str, int] | None = None

    def status(self, now: int) -> int:
        if self.is_revoked:
            return REVOKED
        if now < self.ended:
            return SUSPENDED
        return EXPIRED if now >= self.expiry else VERIFIED

    def is_live(self, now: int) -> bool:
        """Holds its legal id: nobody else may be verified under it."""
        return not self.is_revoked and now < self.expiry

    def may_be_suspended(self, now: int) -> bool:
        return self.status(now) in (VERIFIED, EXPIRED) and (
            self.ended == 0 or now >= self.ended + SUSPENSION
        )

    def may_change_payee(self, now: int) -> bool:
        return self.status(now) in (VERIFIED, EXPIRED)

    def may_accept(self, now: int) -> bool:
        return (
            self.pending is not None
            and self.may_change_payee(now)
            and self.pending[1] <= now < self.pending[1] + PAYEE_WINDOW
        )


@dataclass
class Registry:
    """Charities by number, from 1."""

    charities: dict[int, Charity] = field(default_factory=dict)

    def with_status(self, now: int, *wanted: int) -> list[int]:
        return [number for number, one in self.charities.items() if one.status(now) in wanted]

    def live(self, legal_id: bytes, now: int) -> list[int]:
        """Every charity that holds a legal id; REG-1 says there is at most one."""
        return [
            number
            for number, one in self.charities.items()
            if one.legal_id == legal_id and one.is_live(now)
        ]

    def renewable(self, now: int) -> Iterator[int]:
        """Those that may get a longer term: no other live one has taken their legal id."""
        for number in self.with_status(now, VERIFIED, EXPIRED):
            if set(self.live(self.charities[number].legal_id, now)) <= {number}:
                yield number

    def add(self, charity: Charity) -> int:
        number = len(self.charities) + 1
        self.charities[number] = charity
        return number
