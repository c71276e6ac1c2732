"""When a delivery is tried again, and what an answer means.

The waits are those of Standard Webhooks: at once, then 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h,
20 h and 24 h after the attempt before, ten attempts over 75 hours. Pure: no clock, no database.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR

WAITS = (5.0, 5 * MINUTE, 30 * MINUTE, *(hours * HOUR for hours in (2, 5, 10, 14, 20, 24)))
JITTER = 0.1
# what an endpoint may ask for at most: a number without a bound would hold a message for ever
LONGEST_WAIT = 24 * HOUR

_GONE = 410
_THROTTLED = frozenset({429, 502, 504})
_OVERLOADED = 503


class Verdict(Enum):
    """What one attempt's answer means."""

    DELIVERED = "delivered"  # 2xx, and nothing else
    FAILED = "failed"  # try again by the schedule
    THROTTLED = "throttled"  # the same, and let the whole endpoint rest
    GONE = "gone"  # 410: disable the endpoint


@dataclass(frozen=True)
class Schedule:
    """waits[n]: seconds from attempt n + 1, which failed, to the next. After the last, it is dead.

    jitter: each wait is lengthened or shortened by up to this share, so that what failed together
    does not come back together.
    """

    waits: tuple[float, ...] = WAITS
    jitter: float = JITTER
    longest: float = LONGEST_WAIT

    @property
    def attempts(self) -> int:
        """How many there are in all, the first included."""
        return len(self.waits) + 1

    def wait(
        self, attempt: int, chance: random.Random, retry_after: float | None = None
    ) -> float | None:
        """Seconds from the attempt of this number (from 1), which failed, to the next; None: it
        was the last.

        retry_after: what the endpoint asked for. It lengthens a wait, up to `longest`; it never
        shortens one, since it is the endpoint's word.
        """
        if attempt < 1:
            raise ValueError(f"attempts count from 1, not {attempt}")
        if attempt > len(self.waits):
            return None
        wait = self.waits[attempt - 1] * (1 + self.jitter * chance.uniform(-1, 1))
        if retry_after is not None and retry_after > wait:
            # spread upwards only: nobody comes earlier than it was asked for
            asked = min(retry_after, self.longest)
            wait = max(wait, asked + min(asked * self.jitter, MINUTE) * chance.random())
        return wait


def judge(status: int | None, retry_after: float | None = None) -> Verdict:
    """What an answer means. None: there was none (refused, timed out, closed, not HTTP)."""
    if status is None:
        return Verdict.FAILED
    if 200 <= status <= 299:
        return Verdict.DELIVERED
    if status == _GONE:
        return Verdict.GONE
    if status in _THROTTLED or (status == _OVERLOADED and retry_after is not None):
        return Verdict.THROTTLED
    return Verdict.FAILED


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: whole seconds or an HTTP date; None if it says
    nothing that can be understood, or names the past."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # more digits than any second needs: a bound before int() makes a huge number of them
        return float(min(int(text[:12]), 10**9)) or None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - now).total_seconds()
    return seconds if seconds > 0 else None
