"""The role that sends webhooks: claims what is due, posts it, and writes what came of it.

    async with Sender(policy) as sender:
        deliverer = Deliverer(Deliveries(database, ...), sender)
        await deliverer.run()          # until stop(), or until it is cancelled

Three loops share one process: one claims, woken by NOTIFY, by places that became free and by the
next time anything is due; one writes outcomes, as many at once as came while it wrote the last; one
takes up leases that ran out. Each delivery is a task of its own in between, so an endpoint that
hangs holds nothing but its own places. A stop finishes what is under way, or gives it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import structlog

from donablock import telemetry
from donablock.errors import DatabaseError, DonaBlockError
from donablock.monitors.deliveries import CHANNEL, Claimed, Deliveries, Outcome
from donablock.monitors.pace import Windows
from donablock.monitors.sending import Answer, Sender
from donablock.monitors.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from donablock.store.database import News

ATTEMPT_HEADER = "donablock-attempt"
"""The attempt's number, from 1, over all replays. Not signed: for logs, not for decisions."""
REPLAY_HEADER = "donablock-replay"
"""How often the message was replayed by hand; absent before the first time. Not signed."""
_REDACTED = "[redacted]"

ATTEMPTS = telemetry.counter(
    "delivery_attempts", "webhook attempts, by what came of them", "result"
)
DELIVERIES = telemetry.counter(
    "deliveries", "webhook deliveries that came to an end of a series", "result"
)
LEASES = telemetry.counter("delivery_leases", "leases that ended without an outcome", "how")
DISABLED = telemetry.counter("endpoints_disabled", "endpoints that were disabled by their answers")
IN_FLIGHT = telemetry.gauge("deliveries_in_flight", "webhook requests under way")
ATTEMPT_SECONDS = telemetry.histogram(
    "delivery_attempt_seconds", "from the start of a request to the end of its answer"
)
FIRST_SECONDS = telemetry.histogram(
    "delivery_first_attempt_seconds", "from the row of a delivery to its first attempt"
)
DELIVERED_SECONDS = telemetry.histogram(
    "delivery_seconds", "from the row of a delivery to its 2xx, without replays"
)
BLOCK_SECONDS = telemetry.histogram(
    "block_to_delivery_seconds", "from the second of a block to the 2xx, without replays"
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limits:
    """in_flight: requests at once, of all endpoints; first_window: of one that nobody knows yet.

    breath: seconds between two claims, and between two writings, so that they come in batches.
    idle: the longest sleep without news. grace: how long a stop waits for what is under way.
    """

    in_flight: int = 512
    first_window: int = 4
    breath: float = 0.01
    idle: float = 5.0
    take_up: float = 5.0
    grace: float = 30.0


def calm_collector() -> None:
    """For a process that does nothing else, once everything is imported: a quarter of its time went
    to looking through the same modules for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class Deliverer:
    """One process's share of the sending. Any number of them may run."""

    def __init__(
        self,
        queue: Deliveries,
        sender: Sender,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """clock: the Unix second that receivers compare with theirs."""
        self.queue = queue
        self._sender = sender
        self._limits = limits or Limits()
        self._clock = clock
        self._windows = Windows(self._limits.first_window)
        self._tasks: dict[asyncio.Task[None], Claimed] = {}
        self._at_endpoint: Tally[str] = Tally()
        self._outcomes: list[Outcome] = []
        self._wake = asyncio.Event()
        self._came = asyncio.Event()
        self._stopping = asyncio.Event()

    # --- running ------------------------------------------------------------------------------

    def stop(self) -> None:
        """`run` then finishes what is under way, or gives it back, and returns."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Sends until `stop`. A database that goes away is waited for; only what no waiting mends
        is raised."""
        async with self.queue.database.news(CHANNEL) as news:
            writing = asyncio.create_task(self._write_for_ever())
            others = [
                asyncio.create_task(self._claim_for_ever()),
                asyncio.create_task(self._take_up_for_ever()),
                asyncio.create_task(self._hear(news)),
            ]
            stopping = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait(
                    {writing, *others, stopping}, return_when=asyncio.FIRST_COMPLETED
                )
                for task in (writing, *others):
                    if task.done():
                        task.result()  # whatever ended a loop ends the role
                await _ended(*others)
                await self._finish()
            finally:
                await _ended(stopping, writing, *others, *self._tasks)

    async def _finish(self) -> None:
        """Waits for what is under way, gives back the rest, and sees the outcomes written."""
        deadline = asyncio.get_running_loop().time() + self._limits.grace
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=self._limits.grace)
        left = dict(self._tasks)
        await _ended(*left)
        if left:
            with contextlib.suppress(DatabaseError):
                LEASES.labels("given back").inc(await self.queue.give_back(left.values()))
        while self._outcomes and asyncio.get_running_loop().time() < deadline + 5.0:
            await asyncio.sleep(0.02)

    # --- the loops ----------------------------------------------------------------------------

    async def _hear(self, news: News) -> None:
        while True:
            if await news.wait(60.0):
                self._wake.set()

    async def _claim_for_ever(self) -> None:
        while True:
            started = time.monotonic()
            idle: float | None = None
            try:
                idle = await self._claim()
            except DatabaseError as error:
                _log.warning("claims have to wait", because=str(error))
                idle = 1.0
            took = time.monotonic() - started
            # A look over many endpoints takes long: it never takes more than a third of the time.
            await asyncio.sleep(max(self._limits.breath - took, 2 * took, 0.0))
            if idle is None:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(idle, self._limits.idle)):
                    await self._wake.wait()

    async def _claim(self) -> float | None:
        """One claim. None: another at once; else how long nothing will be due, unless woken."""
        self._wake.clear()
        room = self._limits.in_flight - len(self._tasks)
        if room <= 0:
            return self._limits.idle
        claim = await self.queue.claim(room, self._spare)
        for claimed in claim.deliveries:
            self._start(claimed)
        if claim.is_more:
            return None
        if claim.in_seconds is not None:
            return claim.in_seconds
        if claim.deliveries:
            # there may be more for endpoints that took as many as they may: their outcomes wake us
            return self._limits.idle
        due = await self.queue.next_in()
        return self._limits.idle if due is None else due

    async def _take_up_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._limits.take_up)
            try:
                ids = await self.queue.take_up()
            except DatabaseError as error:
                _log.warning("leases that ran out have to wait", because=str(error))
                continue
            if ids:
                _log.warning("leases ran out", deliveries=len(ids), first=ids[0])
                LEASES.labels("ran out").inc(len(ids))
                self._wake.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            outcomes = list(self._outcomes)
            if not outcomes:
                continue
            started = time.monotonic()
            try:
                await self._write(outcomes)
            except DatabaseError as error:
                _log.warning("outcomes have to wait", outcomes=len(outcomes), because=str(error))
                self._came.set()
                await asyncio.sleep(1.0)
                continue
            # only now: until they are written they belong to what is under way
            del self._outcomes[: len(outcomes)]
            self._wake.set()
            await asyncio.sleep(max(0.0, self._limits.breath - (time.monotonic() - started)))

    async def _write(self, outcomes: list[Outcome]) -> None:
        written = await self.queue.write(outcomes)
        DELIVERIES.labels("delivered").inc(len(written.delivered))
        DELIVERIES.labels("dead").inc(len(written.dead))
        LEASES.labels("lost").inc(len(written.lost))
        DISABLED.inc(len(written.disabled))
        if written.lost:
            _log.warning("outcomes came too late", first=written.lost[0], count=len(written.lost))

    # --- one delivery -------------------------------------------------------------------------

    def _spare(self, endpoint: str) -> int:
        return self._windows.of(endpoint) - self._at_endpoint[endpoint]

    def _start(self, claimed: Claimed) -> None:
        self._at_endpoint[claimed.target.id] += 1
        task = asyncio.create_task(self._deliver(claimed))
        self._tasks[task] = claimed
        IN_FLIGHT.inc()
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        claimed = self._tasks.pop(task)
        IN_FLIGHT.dec()
        self._at_endpoint[claimed.target.id] -= 1
        if not self._at_endpoint[claimed.target.id]:
            del self._at_endpoint[claimed.target.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            # a fault of ours, not of the endpoint's: the lease runs out, and others try
            _log.error("a delivery broke its task", delivery=claimed.id, exc_info=error)

    async def _deliver(self, claimed: Claimed) -> None:
        with telemetry.continued(claimed.trace):
            await self._send(claimed)

    async def _send(self, claimed: Claimed) -> None:
        started = time.monotonic()
        if started > claimed.expires:
            # the loop stood still, or the machine slept: somebody else may be sending it by now
            LEASES.labels("too old").inc()
            return
        headers, shown, fault = self._headers(claimed)
        if fault is None:
            answer = await self._sender.post(claimed.target.url, headers, claimed.body)
        else:
            answer = Answer(None, f"refused: {fault}", 0.0)
        if answer.is_ours:
            await self._postpone(claimed, answer)
            return
        self._count(claimed, answer, started)
        _log.debug("sent", delivery=claimed.id, attempt=claimed.attempt, answer=answer.said)
        self._outcomes.append(Outcome(claimed, answer, shown, started))
        self._came.set()

    async def _postpone(self, claimed: Claimed, answer: Answer) -> None:
        """Gives a delivery back, since this machine could not send it. A little later, so that
        others have something to spare by then."""
        _log.warning("nothing can be sent", because=answer.error)
        await asyncio.sleep(1.0)
        with contextlib.suppress(DatabaseError):
            LEASES.labels("given back").inc(await self.queue.give_back([claimed]))

    def _headers(self, claimed: Claimed) -> tuple[dict[str, str], dict[str, str], str | None]:
        """(what is sent, what of it may be kept, why nothing can be sent)"""
        if claimed.fault is not None or claimed.target.signer is None:
            return {}, {}, claimed.fault or "the endpoint has no secret"
        second = int(self._clock())
        try:
            signature = claimed.target.signer.signature(claimed.id, second, claimed.body)
        except DonaBlockError as error:
            return {}, {}, str(error)
        ours = {
            ID_HEADER: claimed.id,
            TIMESTAMP_HEADER: str(second),
            SIGNATURE_HEADER: signature,
            ATTEMPT_HEADER: str(claimed.attempt),
        }
        if claimed.replays:
            ours[REPLAY_HEADER] = str(claimed.replays)
        own = claimed.target.headers
        if not own:
            return ours, ours, None
        return {**own, **ours}, {**dict.fromkeys(own, _REDACTED), **ours}, None

    def _count(self, claimed: Claimed, answer: Answer, started: float) -> None:
        is_good = answer.status is not None and 200 <= answer.status <= 299
        if is_good:
            self._windows.succeeded(claimed.target.id)
        else:
            self._windows.failed(claimed.target.id)
        _attempts(_result(answer)).inc()
        ATTEMPT_SECONDS.observe(answer.seconds)
        if claimed.replays:
            return
        now = datetime.now(UTC)
        if claimed.attempt == 1:
            waited = (now - claimed.created_at).total_seconds() - (time.monotonic() - started)
            FIRST_SECONDS.observe(max(0.0, waited))
        if is_good:
            DELIVERED_SECONDS.observe(max(0.0, (now - claimed.created_at).total_seconds()))
            if claimed.block_time is not None:
                BLOCK_SECONDS.observe(max(0.0, (now - claimed.block_time).total_seconds()))


@cache
def _attempts(result: str) -> Any:
    """One of few results: the look-up by label would cost more than the count."""
    return ATTEMPTS.labels(result)


def _result(answer: Answer) -> str:
    if answer.status is None:
        return (answer.error or "").partition(":")[0]
    return f"{answer.status // 100}xx"


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancels until all are done: `asyncio.wait_for` of Python 3.11 can swallow a cancellation."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.1)
