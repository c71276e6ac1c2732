"""What an endpoint's answers do to the endpoint: rest it, probe it, disable it.

    closed     no opening is noted: as many at once as its concurrency allows
    open       until `open_until`: nothing is sent, and no attempt of any delivery is used up
    half open  after that: one at a time, until one succeeds, which closes it

It opens after a number of failures in a row, for longer each time, and at once when the endpoint
answers that it has too much to do. An endpoint that only failed for days is disabled, with the
reason. Pure: states in, states out; deliveries.py keeps them in the endpoint's row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from donablock.monitors.schedule import DAY, HOUR, MINUTE, Verdict


@dataclass(frozen=True)
class Health:
    """What is known of an endpoint. failures: in a row; openings: since the last success."""

    failures: int = 0
    openings: int = 0
    open_until: datetime | None = None
    failing_since: datetime | None = None
    disabled_because: str | None = None

    @property
    def is_spotless(self) -> bool:
        """A success would change nothing."""
        return self == Health(disabled_because=self.disabled_because)


@dataclass(frozen=True)
class Breaker:
    """Seconds throughout. failures: in a row until it opens; disable_after: of only failures."""

    failures: int = 10
    first_rest: float = 30.0
    longest_rest: float = 10 * MINUTE
    first_throttle: float = 5.0
    longest_throttle: float = HOUR
    disable_after: float = 5 * DAY

    def after(
        self,
        health: Health,
        verdict: Verdict,
        now: datetime,
        *,
        said: str = "",
        retry_after: float | None = None,
    ) -> Health:
        """The health after one more attempt. said: its status or error, for the reason."""
        if verdict is Verdict.DELIVERED:
            return Health(disabled_because=health.disabled_because)
        failed = replace(
            health,
            failures=health.failures + 1,
            failing_since=health.failing_since or now,
        )
        if verdict is Verdict.GONE:
            return replace(failed, disabled_because=failed.disabled_because or _gone(now))
        if verdict is Verdict.THROTTLED:
            asked = retry_after or 0.0
            failed = _opened(failed, now, self.first_throttle, self.longest_throttle, asked)
        elif failed.open_until is not None or failed.failures >= self.failures:
            failed = _opened(failed, now, self.first_rest, self.longest_rest)
        return self._disabled(failed, now, said)

    def room(self, health: Health, now: datetime, concurrency: int, in_flight: int) -> int:
        """How many more may be sent now."""
        if health.disabled_because is not None:
            return 0
        if health.open_until is None:
            return max(0, concurrency - in_flight)
        return max(0, 1 - in_flight) if health.open_until <= now else 0

    def _disabled(self, health: Health, now: datetime, said: str) -> Health:
        since = health.failing_since
        if health.disabled_because is not None or since is None:
            return health
        # the failures too: a clock that jumps by days must not disable what failed once
        if (now - since).total_seconds() < self.disable_after or health.failures < self.failures:
            return health
        reason = (
            f"every attempt since {_day(since)} failed ({health.failures} in a row; the last: "
            f"{said or 'no answer'}); mend it and enable it again"
        )
        return replace(health, disabled_because=reason)


def _opened(
    health: Health, now: datetime, first: float, longest: float, asked: float = 0.0
) -> Health:
    """Open, twice as long as the time before, and at least as long as was asked for."""
    is_open = health.open_until is not None and health.open_until > now
    if is_open and not asked:
        return health  # of the same volley as the failure that opened it
    openings = health.openings if is_open else health.openings + 1
    seconds = min(longest, max(first * 2.0 ** min(openings - 1, 32), asked))
    until = now + timedelta(seconds=seconds)
    if is_open and health.open_until is not None:
        until = max(until, health.open_until)
    return replace(health, openings=openings, open_until=until)


def _gone(now: datetime) -> str:
    return f"it answered 410 Gone on {_day(now)}; enable it again if that was a mistake"


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
