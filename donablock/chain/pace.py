"""How fast one node is asked: as many requests at once, and calls a second, as it will bear.

Both grow by additions while all is well, and are cut by half when the node says "too many" or does
not keep up. No rate is assumed before a node has named its limit by refusing.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

__all__ = ["Pace", "Turn"]

_CUT = 0.5
_LEAST_RATE = 1.0
# a second's worth of the rate may be used at once
_BURST = 1.0
# what was cut off is won back in about twenty seconds, by at least one call a second
_STEP = 0.05
_LEAST_STEP = 1.0
_LONGEST_PAUSE = 600.0
# where a node that refuses does not say for how long
_PAUSE = 1.0


class Turn:
    """One request under way. `calls`: how many questions it holds."""

    __slots__ = ("calls", "started")

    def __init__(self, calls: int, started: float) -> None:
        self.calls = calls
        self.started = started


class Pace:
    """Additive up, multiplicative down. Rates are calls a second, times are seconds of `clock`."""

    def __init__(
        self,
        *,
        concurrency: int = 4,
        max_concurrency: int = 32,
        max_rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """concurrency: requests at once to begin with. max_rate: never more than this."""
        self._clock = clock
        self._window = float(min(concurrency, max_concurrency))
        self._max_window = float(max_concurrency)
        self._max_rate = max_rate
        self._rate = max_rate
        self._step = 0.0
        self._next = -math.inf
        self._paused_until = -math.inf
        self._cut_at = -math.inf
        self._raised_at = -math.inf
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._recent: deque[tuple[float, int]] = deque()

    @property
    def concurrency(self) -> int:
        """Requests at once, now."""
        return int(self._window)

    @property
    def rate(self) -> float | None:
        """Calls a second, None while no limit is known."""
        return self._rate

    @property
    def under_way(self) -> int:
        return self._under_way

    @property
    def load(self) -> float:
        """Of its concurrency, how much is in use or waited for."""
        return (self._under_way + len(self._waiting)) / self._window

    @property
    def pause(self) -> float:
        """Seconds for which the node wants nothing, 0 if there are none left."""
        return max(0.0, self._paused_until - self._clock())

    @asynccontextmanager
    async def turn(self, calls: int) -> AsyncIterator[Turn]:
        """Waits until another request of so many calls may go out, in order of arrival."""
        await self._enter()
        try:
            while (wait := self._wait(calls)) > 0:
                await asyncio.sleep(wait)
            now = self._clock()
            self._count(now, calls)
            yield Turn(calls, now)
        finally:
            self._leave()

    def good(self, turn: Turn) -> None:
        """The node answered in time."""
        self._window = min(self._max_window, self._window + 1 / self._window)
        self._admit()
        now = self._clock()
        if self._rate is None or turn.started < self._cut_at or now - self._raised_at < 1.0:
            return
        self._raised_at = now
        raised = self._rate + self._step
        self._rate = raised if self._max_rate is None else min(raised, self._max_rate)

    def refused(self, turn: Turn, retry_after: float | None) -> None:
        """The node said "too many". Nothing is sent for `retry_after` seconds."""
        now = self._clock()
        pause = _PAUSE if retry_after is None else min(retry_after, _LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, now + pause)
        if turn.started < self._cut_at:
            return  # sent before the last cut, which it would only repeat
        used = self._used(now)
        self._rate = max(_LEAST_RATE, _CUT * (used if self._rate is None else self._rate))
        self._step = max(_LEAST_STEP, _STEP * self._rate)
        self._cut(now)

    def slow(self, turn: Turn) -> None:
        """The node did not answer in time, or broke off."""
        if turn.started >= self._cut_at:
            self._cut(self._clock())

    def _cut(self, now: float) -> None:
        self._window = max(1.0, self._window * _CUT)
        self._cut_at = self._raised_at = now

    # --- at once ------------------------------------------------------------------------------

    async def _enter(self) -> None:
        if self._under_way < self.concurrency and not self._waiting:
            self._under_way += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # it was let in and cancelled at the same time
            elif place in self._waiting:  # or a neighbour that left has passed it over already
                self._waiting.remove(place)
            raise

    def _leave(self) -> None:
        self._under_way -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._under_way < self.concurrency:
            place = self._waiting.popleft()
            if not place.done():
                self._under_way += 1
                place.set_result(None)

    # --- a second -----------------------------------------------------------------------------

    def _wait(self, calls: int) -> float:
        """Seconds to wait. The calls are booked when there is nothing to wait for."""
        now = self._clock()
        if self._paused_until > now:
            return self._paused_until - now
        if self._rate is None:
            return 0.0
        earliest = max(self._next, now - _BURST)
        if earliest > now:
            return earliest - now
        self._next = earliest + calls / self._rate
        return 0.0

    def _count(self, now: float, calls: int) -> None:
        self._recent.append((now, calls))
        self._used(now)

    def _used(self, now: float) -> float:
        """Calls of the last second."""
        while self._recent and self._recent[0][0] < now - 1.0:
            self._recent.popleft()
        return float(sum(calls for _, calls in self._recent))
