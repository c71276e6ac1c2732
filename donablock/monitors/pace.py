"""How fast and how many: a rate per endpoint, a window per endpoint, and fair shares of the rest.

Pure, but for `Windows`, which is memory that may be lost: it only makes a start slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta


class Rate:
    """A token bucket kept as one moment: that at which the bucket would be full again.

    A row can hold that, any process can read it, and a process that dies takes no tokens with it.
    per_second: deliveries; burst: how many may come at once after a pause.
    """

    __slots__ = ("_burst", "_each")

    def __init__(self, per_second: float, burst: int | None = None) -> None:
        self._each = 1 / per_second
        self._burst = max(1, round(per_second)) if burst is None else burst

    def tokens(self, full_at: datetime | None, now: datetime) -> int:
        """How many may be sent now."""
        owed = 0.0 if full_at is None else (full_at - now).total_seconds()
        # a clock that went back leaves a moment that no spending can have led to
        owed = min(max(owed, 0.0), self._burst * self._each)
        # the sum has rounding in it that is worth far less than a token
        return int(self._burst - owed / self._each + 1e-6)

    def spend(self, full_at: datetime | None, now: datetime, count: int) -> datetime:
        """The moment to keep after sending so many."""
        latest = now + timedelta(seconds=self._burst * self._each)
        start = now if full_at is None else min(max(full_at, now), latest)
        return start + timedelta(seconds=count * self._each)

    def next_at(self, full_at: datetime | None, now: datetime) -> datetime:
        """When there is a token again."""
        if full_at is None or self.tokens(full_at, now) > 0:
            return now
        start = min(full_at, now + timedelta(seconds=self._burst * self._each))
        return start - timedelta(seconds=(self._burst - 1) * self._each)


def shares(room: int, wishes: Sequence[int]) -> list[int]:
    """`room` dealt out to the wishes, evenly: nobody gets more than it wishes, and nobody less than
    another unless it wished for less. What does not divide goes to the first."""
    given = [0] * len(wishes)
    open_ = [index for index, wish in enumerate(wishes) if wish > 0]
    while room > 0 and open_:
        each = max(1, room // len(open_))
        for index in open_:
            part = min(each, wishes[index] - given[index], room)
            given[index] += part
            room -= part
        open_ = [index for index in open_ if given[index] < wishes[index]]
    return given


class Windows:
    """How many at once an endpoint has earned, in this process.

    An endpoint nobody knows starts with a few; each success adds one, so a good one doubles with
    every round, and each failure halves it. So whoever hangs holds few of the places that all
    endpoints share, however many it was allowed.
    """

    __slots__ = ("_first", "_known", "_most")

    _REMEMBERED = 100_000

    def __init__(self, first: int = 4, most: int = 4096) -> None:
        self._first = first
        self._most = most
        self._known: dict[str, int] = {}

    def of(self, endpoint: str) -> int:
        return self._known.get(endpoint, self._first)

    def succeeded(self, endpoint: str) -> None:
        self._keep(endpoint, min(self._most, self.of(endpoint) + 1))

    def failed(self, endpoint: str) -> None:
        self._keep(endpoint, max(1, self.of(endpoint) // 2))

    def _keep(self, endpoint: str, window: int) -> None:
        if len(self._known) >= self._REMEMBERED and endpoint not in self._known:
            self._known.clear()
        self._known[endpoint] = window
