"""What one node did lately: whether it is asked now, and if not, why.

After some faults in a row it is left alone for a while, longer each time, then tried again. Rate
limits and lag are no faults of that kind: they are waited for. All times are seconds of `clock`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from donablock.chain.faults import Fault, LagFault, LieFault, OtherChainFault, RateFault

__all__ = ["Health", "NodeHealth"]

_OPENS_AFTER = 3
_FIRST_REST = 0.5
_LONGEST_REST = 30.0
# how long a fault makes a node the second choice; a lie ten times as long
_HALF_LIFE = 10.0
_LIE = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class NodeHealth:
    """One node in plain numbers, for /ready and for metrics. No text holds a secret.

    state: asked | resting (after faults) | paused (rate limit) | lagging | forked | other_chain |
    unknown (never answered). head, lag: blocks; lag is behind the chosen head. latency, resting:
    seconds. rate: calls a second, None while no limit is known. faults: by kind.
    """

    name: str
    state: str
    why: str
    head: int | None
    lag: int | None
    latency: float | None
    resting: float
    rate: float | None
    concurrency: int
    under_way: int
    batch: int
    has_block_receipts: bool | None
    requests: int
    questions: int
    received: int
    faults: dict[str, int]


class Health:
    """Kept by one node's reader, read by who chooses among nodes."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._in_a_row = 0
        self._rests = 0
        self._resting_until = 0.0
        self._demerits = 0.0
        self._demerits_at = 0.0
        self.faults: Counter[str] = Counter()
        self.last: Fault | None = None
        self.is_on_other_chain = False
        self.is_known = False
        """It has given at least one right answer."""

    @property
    def resting(self) -> float:
        """Seconds until it is asked again, 0 when it is asked."""
        return max(0.0, self._resting_until - self._clock())

    @property
    def demerits(self) -> float:
        """0 for a node without recent faults; fades."""
        age = self._clock() - self._demerits_at
        return float(self._demerits * 0.5 ** (age / _HALF_LIFE))

    def good(self) -> None:
        """A right answer."""
        if self._in_a_row >= _OPENS_AFTER:
            log.info("node is back", node=self._name)
        self.is_known = True
        self._in_a_row = self._rests = 0
        self._resting_until = 0.0

    def late(self) -> None:
        """Another node was quicker by far, and its answer was not waited for."""
        self.faults["late"] += 1
        self._blame(1.0)

    def bad(self, fault: Fault) -> None:
        """A wrong one, or none."""
        fault.node = self._name
        self.faults[fault.kind] += 1
        self.last = fault
        self._blame(_LIE if isinstance(fault, LieFault) else 1.0)
        if isinstance(fault, OtherChainFault):
            if not self.is_on_other_chain:
                log.error("node is on another chain", node=self._name, why=fault.message)
            self.is_on_other_chain = True
            return
        if isinstance(fault, (RateFault, LagFault)):
            return
        self._in_a_row += 1
        if self._in_a_row < _OPENS_AFTER:
            return
        if self._in_a_row == _OPENS_AFTER:
            log.warning("node is left alone", node=self._name, kind=fault.kind, why=fault.message)
        rest = min(_LONGEST_REST, _FIRST_REST * 2.0**self._rests)
        self._rests = min(self._rests + 1, 16)
        self._resting_until = self._clock() + rest

    def _blame(self, demerits: float) -> None:
        self._demerits, self._demerits_at = self.demerits + demerits, self._clock()
