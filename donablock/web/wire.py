"""What holds for every request and every answer, whatever it is about: one ASGI layer around the
application, so that nothing gets past it.

Each request is a step of a trace (its own, or that of the caller's `traceparent`), and the trace's
id is its request id: in the answer, in every log line and in every problem. The body is counted
while it comes in. An error that nobody foresaw becomes a problem as well.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from donablock.telemetry import counter, gauge, histogram, span
from donablock.web.problems import Problem, answer, problem_of

__all__ = ["OF_PROJECT", "REQUEST_ID", "STREAMING", "Wire", "request_id_of"]

REQUEST_ID = "donablock.request_id"
OF_PROJECT = "donablock.of_project"
"""In the scope: to be called with the project that asks, as soon as that is known. Raises Problem
if too many of its requests are under way."""
STREAMING = "donablock.streaming"
"""In the scope: to be called by an answer that goes on for long, so that it does not count among
those that are under way."""

_log = structlog.get_logger(__name__)
_requests = counter("api_requests", "requests answered", "method", "route", "status")
_seconds = histogram("api_request_seconds", "until the whole answer was given", "method", "route")
_under_way = gauge("api_requests_under_way", "requests that are being answered")

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def request_id_of(scope: Mapping[str, Any]) -> str:
    return str(scope.get(REQUEST_ID, ""))


class Wire:
    """body: bytes that a request may have; body_seconds: until they are here. requests: so many are
    answered at once; requests_per_project: of one project, so that bodies that do not come keep
    nobody else out. root_path: where a proxy has put the application, whether it takes that away
    from the path or not."""

    def __init__(
        self,
        app: ASGIApp,
        body: int,
        body_seconds: float,
        requests: int,
        requests_per_project: int,
        root_path: str = "",
    ) -> None:
        self._app = app
        self._body_seconds = body_seconds
        self._root_path = root_path
        self._body = body
        self._requests = requests
        self._counts = _Counts(requests_per_project)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        trace = headers.get(b"traceparent", b"").decode("latin-1")
        with span("request", trace=trace or None, method=scope["method"]) as traceparent:
            # a copy: the server still reads its own
            scope = {**scope, REQUEST_ID: traceparent.split("-")[1]}
            if self._root_path:
                scope["root_path"] = self._root_path
            exchange = _Exchange(scope, receive, send, self._body, self._body_seconds)
            started = time.perf_counter()
            one = _UnderWay(self._counts)
            scope[OF_PROJECT], scope[STREAMING] = one.belongs_to, one.end
            try:
                await self._answer(exchange, headers)
            finally:
                one.end()
                exchange.tell(time.perf_counter() - started)

    async def _answer(self, exchange: _Exchange, headers: Mapping[bytes, bytes]) -> None:
        try:
            # whoever asks for health would take a busy process for a dead one
            if self._counts.total > self._requests and not exchange.scope["path"].endswith(
                "/health"
            ):
                raise Problem("busy", f"{self._requests} requests are under way")
            exchange.check_length(headers.get(b"content-length"))
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:
            if exchange.is_begun:  # what was sent cannot be taken back: the connection ends
                _log.error("answer was cut off", error=type(error).__name__, exc_info=error)
                raise
            response = answer(problem_of(error), request_id_of(exchange.scope))
            await response(exchange.scope, exchange.receive, exchange.send)


class _Counts:
    """Requests that are under way: all, and those of each project that has some."""

    def __init__(self, most_of_project: int) -> None:
        self.most_of_project = most_of_project
        self.total = 0
        self.of: Counter[str] = Counter()


class _UnderWay:
    """One of them, until `end` is called for the first time."""

    def __init__(self, counts: _Counts) -> None:
        self._counts = counts
        self._project: str | None = None
        self._is_over = False
        counts.total += 1
        _under_way.set(counts.total)

    def belongs_to(self, project: str) -> None:
        counts = self._counts
        if counts.of[project] >= counts.most_of_project:
            raise Problem(
                "too-many-requests",
                f"{counts.most_of_project} requests of the project are under way; wait until one"
                " is answered",
                headers={"Retry-After": "1"},
            )
        counts.of[project] += 1
        self._project = project

    def end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        counts = self._counts
        counts.total -= 1
        _under_way.set(counts.total)
        if self._project is not None:
            counts.of[self._project] -= 1
            if not counts.of[self._project]:
                del counts.of[self._project]


class _Exchange:
    """One request and its answer. HEAD is answered like GET, without the body."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, room: int, seconds: float
    ) -> None:
        self.scope = scope
        self.is_begun = False
        self.status = 0
        self._receive = receive
        self._send = send
        self._most = self._room = room
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._is_whole = False
        self._method = scope["method"]
        self._is_head = self._method == "HEAD"
        self._is_over = False
        if self._is_head:
            scope["method"] = "GET"

    def check_length(self, length: bytes | None) -> None:
        if length is not None and length.isdigit() and len(length) < 20:
            if int(length) > self._most:
                raise self._too_large()

    def _too_large(self) -> Problem:
        # what is still on its way would have to be read and thrown away
        detail = f"a body has at most {self._most} bytes"
        return Problem("body-too-large", detail, headers={"Connection": "close"})

    async def receive(self) -> Message:
        if self._is_over:
            return {"type": "http.disconnect"}
        if self._is_whole:  # what is waited for now is that the other end goes away
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            detail = "the body did not come in time"
            raise Problem("too-slow", detail, headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._is_whole = not message.get("more_body", False)
            self._room -= len(message.get("body", b""))
            if self._room < 0:
                raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        if self._is_over:
            return
        if message["type"] == "http.response.start":
            self.is_begun = True
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            names = {name for name, _ in headers}
            headers += [pair for pair in _ALWAYS if pair[0] not in names]
            if b"cache-control" not in names:
                headers.append((b"cache-control", b"no-store"))
            headers.append((b"x-request-id", request_id_of(self.scope).encode()))
            await self._send({**message, "headers": headers})
            if self._is_head:
                self._is_over = True
                await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send(message)

    def tell(self, seconds: float) -> None:
        """Counts it, under the route's pattern: an address may be anything."""
        route = getattr(self.scope.get("route"), "path", None) or "none"
        method = self._method if self._method in _METHODS else "other"
        _requests.labels(method, route, str(self.status)).inc()
        _seconds.labels(method, route).observe(seconds)
        _log.info(
            "request", method=method, route=route, status=self.status, ms=round(seconds * 1000, 1)
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
