"""Requests are taken exactly as the OpenAPI document describes them, and not otherwise.

A route of this class asks in this order, and each question is asked before more is done for the
caller: is there a valid key with the scope (401, 403), has it requests left (429), is the body
declared as JSON (415), is it not too large (413), is it JSON (400), are the parameters known and
each there once, do types and ranges fit (400).
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.routing import APIRoute

from donablock.web.access import Needs, admit
from donablock.web.problems import Problem
from donablock.web.responses import responses

__all__ = ["DEEPEST", "Route", "StrictRequest"]

DEEPEST = 32
"""Levels of arrays and objects in a body."""


class Route(APIRoute):
    """Knows its scope and every answer it can give. A path names everything, from /v1 on."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["operation_id"] = options.get("operation_id") or endpoint.__name__
        super().__init__(path, endpoint, **options)
        self.needs = _needs(endpoint)
        if self.needs is not None:
            self.openapi_extra = {"security": [{"key": [self.needs.scope]}]} | (
                self.openapi_extra or {}
            )
        self.known = frozenset(_query_names(self.dependant))
        told = responses(
            is_protected=self.needs is not None,
            has_id="{" in path,
            has_body=self.body_field is not None,
            has_query=bool(self.known),
        )
        self.responses = {**told, **self.responses}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            if self.needs is not None:
                request.state.caller = await admit(request, self.needs)
            _check_query(request, self.known)
            if self.body_field is not None:
                _check_declared(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly


class StrictRequest(Request):
    async def json(self) -> Any:
        """JSON by the letter: UTF-8, no NaN, no half characters, no number beyond 4,300 digits."""
        body = await self.body()
        _check_depth(body)
        try:
            value = msgspec.json.decode(body)
        except UnicodeDecodeError:
            raise Problem("malformed", "the body is not UTF-8") from None
        except msgspec.DecodeError as error:
            said = str(error).removeprefix("JSON is malformed: ")
            raise Problem("malformed", f"the body is not JSON: {said}") from None
        return _plain(value)


def _needs(endpoint: Callable[..., Any]) -> Needs | None:
    hints = typing.get_type_hints(endpoint, include_extras=True)
    for name in inspect.signature(endpoint).parameters:
        for one in getattr(hints[name], "__metadata__", ()):
            if isinstance(one, Depends) and isinstance(one.dependency, Needs):
                return one.dependency
    return None


def _query_names(dependant: Dependant) -> Iterator[str]:
    for one in dependant.query_params:
        yield one.alias
    for other in dependant.dependencies:
        yield from _query_names(other)


def _check_query(request: Request, known: frozenset[str]) -> None:
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        fault, kind = None, "malformed"
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            fault = f"there is no such parameter; known are {names}"
        elif name in seen:
            fault = "the parameter is there twice"
        elif "\x00" in value:
            fault, kind = "a NUL character cannot be kept", "unprocessable"
        if fault is not None:
            pointer = "/" + name[:100].replace("~", "~0").replace("/", "~1")
            raise Problem(
                kind,
                f"query {pointer}: {fault}",
                [{"where": "query", "pointer": pointer, "detail": fault}],
            )
        seen.add(name)


def _check_declared(request: Request) -> None:
    """Of a body that is there: its type, and that it is not compressed."""
    is_there = request.headers.get("content-length", "0") != "0" or (
        "transfer-encoding" in request.headers
    )
    if not is_there:
        return
    declared = request.headers.get("content-type", "")
    media_type, _, parameters = declared.partition(";")
    charset = parameters.strip().lower().partition("charset=")[2].strip('" ')
    if media_type.strip().lower() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise Problem(
            "unsupported-media-type",
            f"the body is declared as {declared[:100]!r}; declare it as application/json",
            headers={"Accept": "application/json"},
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("unsupported-media-type", "send the body without Content-Encoding")


# a text as a whole, also one that does not end, or a bracket
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


def _check_depth(body: bytes) -> None:
    """Before it is decoded: the decoder goes as deep as the body does, on a stack that ends."""
    depth = 0
    for token in _TOKEN.finditer(body):
        kind = body[token.start()]
        if kind in b"[{":
            depth += 1
            if depth > DEEPEST:
                detail = f"the body nests deeper than {DEEPEST} levels"
                raise Problem("unprocessable", detail)
        elif kind in b"]}":
            depth -= 1


def _plain(value: Any) -> Any:
    """Makes 1.0 to 1, since JSON has one kind of number. Raises Problem for a NUL character, which
    the database takes nowhere."""
    top = [value]
    left: list[tuple[Any, str, int]] = [(top, "", 0)]
    while left:
        holder, pointer, depth = left.pop()
        items: Iterable[tuple[Any, Any]]
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for name, one in items:
            place = f"{pointer}/{name}" if depth else ""
            if (isinstance(one, str) and "\x00" in one) or (
                isinstance(name, str) and "\x00" in name
            ):
                raise _refused(place, "a NUL character cannot be kept")
            if isinstance(one, (dict, list)):
                left.append((one, place, depth + 1))
            elif isinstance(one, float) and one.is_integer() and abs(one) < 2**53:
                holder[name] = int(one)
    return top[0]


def _refused(pointer: str, detail: str) -> Problem:
    pointer = pointer[:200].replace("\x00", "")
    fault = {"where": "body", "pointer": pointer, "detail": detail}
    return Problem("unprocessable", f"body {pointer}: {detail}", [fault])
