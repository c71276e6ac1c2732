"""Events as they are found, as server-sent events (SSE).

The stream is a look at the database every half second: it needs no connection of its own, and what
another process has found is in it as well. An event comes once as it is found, with its `sequence`
as SSE id, and again whenever its state changes. Who comes back with `Last-Event-ID` gets what was
found since, and the states of the last events before, since they may have changed meanwhile: as
with webhooks, something may come twice, and nothing is left out.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from donablock.errors import DatabaseError, NotFoundError, UnauthorizedError
from donablock.monitors.events import Event, Events
from donablock.telemetry import gauge
from donablock.web.parts import Limits
from donablock.web.problems import Problem

__all__ = ["TailResponse", "Tails"]

PAUSE = 0.5
"""Seconds between two looks for what is new."""

_STATES_EVERY = 2.0
_MOST_FOLLOWED = 1_000
_TOLD_AGAIN = 100
_BATCH = 100

_log = structlog.get_logger(__name__)
_open = gauge("api_tails", "live tails that are open")


class TailResponse(StreamingResponse):
    """Gives its place back when it is over, however it ends."""

    media_type = "text/event-stream"

    def __init__(self, texts: AsyncIterator[str], give_back: Callable[[], None]) -> None:
        # a proxy that collects the stream would hold back what is new
        super().__init__(texts, headers={"X-Accel-Buffering": "no"})
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


class Tails:
    """The live tails of this process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ending = asyncio.Event()
        self._of: Counter[str] = Counter()

    def close(self) -> None:
        """Ends all of them, within a moment. Before a server is stopped, since it waits for them,
        and they never end by themselves."""
        self._ending.set()

    def take(self, project: str) -> Callable[[], None]:
        """A place for one more; what is returned gives it back. Raises Problem if there is none."""
        limits = self._limits
        if self._of[project] >= limits.tails_per_project or self._of.total() >= limits.tails:
            raise Problem(
                "too-many-requests",
                f"a project has at most {limits.tails_per_project} live tails, and a server"
                f" {limits.tails}; end one",
                headers={"Retry-After": "5"},
            )
        self._of[project] += 1
        _open.set(self._of.total())

        def give_back() -> None:
            self._of[project] -= 1
            _open.set(self._of.total())

        return give_back

    async def follow(
        self,
        events: Events,
        project: str,
        monitor: str,
        since: int | None,
        still_may: Callable[[], Awaitable[object]],
        shown: Callable[[Event], str],
    ) -> AsyncIterator[str]:
        """The text of the stream. since: the last sequence that the reader has; None: it is new.
        still_may: raises UnauthorizedError when the key opens no more. shown: an event as JSON."""
        tail = _Tail(events, project, monitor, shown)
        yield "retry: 3000\n\n"
        is_begun = False
        told = checked = looked = time.monotonic()
        while not self._ending.is_set():
            texts: list[str] = []
            now = time.monotonic()
            try:
                if now - checked >= self._limits.recheck:
                    await still_may()
                    checked = now
                if not is_begun:
                    texts += await tail.begin(since)
                    is_begun = True
                texts += await tail.new()
                if now - looked >= _STATES_EVERY:
                    texts += await tail.changed()
                    looked = now
            except UnauthorizedError:
                yield "event: end\ndata: the key opens no more\n\n"
                return
            except NotFoundError:
                yield "event: end\ndata: the monitor is gone\n\n"
                return
            except DatabaseError as error:
                # what is missed now is found when it is back
                _log.info("tail has to wait", because=str(error))
            for text in texts:
                yield text
            now = time.monotonic()
            if texts:
                told = now
            elif now - told >= self._limits.heartbeat:
                yield ": nothing new\n\n"
                told = now
            if len(texts) < _BATCH:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(PAUSE):
                await self._ending.wait()
        except TimeoutError:
            return


class _Tail:
    """One reader's place."""

    def __init__(
        self, events: Events, project: str, monitor: str, shown: Callable[[Event], str]
    ) -> None:
        self._events = events
        self._project = project
        self._monitor = monitor
        self._shown = shown
        self._sequence = 0
        # the states that the reader knows, the oldest first
        self._followed: OrderedDict[str, tuple[str, int]] = OrderedDict()

    async def begin(self, since: int | None) -> list[str]:
        if since is None:
            self._sequence = await self._events.last(self._project, self._monitor)
            return []
        page = await self._events.page(
            self._project, self._monitor, limit=_TOLD_AGAIN, before=since + 1
        )
        self._sequence = since
        texts = []
        for event in reversed(page.events):
            self._follow(event)
            if (event.state, event.generation) != ("detected", 1):
                texts.append(self._text(event, is_new=False))
        return texts

    async def new(self) -> list[str]:
        found = await self._events.after(self._project, self._monitor, self._sequence, _BATCH)
        texts = []
        for event in found:
            self._sequence = event.sequence
            self._follow(event)
            texts.append(self._text(event, is_new=True))
        return texts

    async def changed(self) -> list[str]:
        if not self._followed:
            return []
        states = await self._events.states(self._project, list(self._followed))
        found = [
            await self._events.get(self._project, id)
            for id, state in states.items()
            if self._followed.get(id) != state
        ]
        # nothing counts as told before all of it can be told
        for event in found:
            self._followed[event.id] = (event.state, event.generation)
        return [self._text(event, is_new=False) for event in found]

    def _follow(self, event: Event) -> None:
        self._followed[event.id] = (event.state, event.generation)
        if len(self._followed) > _MOST_FOLLOWED:
            self._followed.popitem(last=False)

    def _text(self, event: Event, *, is_new: bool) -> str:
        # a change of state leaves the reader's place in the stream as it is
        place = f"id: {event.sequence}\n" if is_new else ""
        return f"{place}event: {event.state}\ndata: {self._shown(event)}\n\n"
