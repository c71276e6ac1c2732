"""Who may ask, and how often.

    async def list_monitors(caller: Reader) -> ...: ...

A route says by the type of its `caller` which scope it needs; `strict.Route` sees to it before
anything else is looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from donablock.errors import UnauthorizedError
from donablock.monitors.keys import Caller, Scope
from donablock.web.parts import Limits, Parts, parts_of
from donablock.web.problems import Problem, unauthorized
from donablock.web.wire import OF_PROJECT

__all__ = ["Admin", "Needs", "Reader", "Writer", "admit", "bearer"]

_LONGEST_HEADER = 200


@dataclass(frozen=True, slots=True)
class Needs:
    """A scope. As a dependency: the caller that `admit` let in."""

    scope: Scope

    def __call__(self, request: Request) -> Caller:
        caller: Caller = request.state.caller
        return caller


Reader = Annotated[Caller, Depends(Needs("read"))]
Writer = Annotated[Caller, Depends(Needs("write"))]
Admin = Annotated[Caller, Depends(Needs("admin"))]


def bearer(request: Request) -> str | None:
    """The key that was sent, None where there is none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or len(text) > _LONGEST_HEADER:
        return None
    return text.strip() or None


async def admit(request: Request, needs: Needs) -> Caller:
    """Raises the problems of a caller who may not, or not now."""
    parts = parts_of(request)
    text = bearer(request)
    if text is None:
        detail = "send the header `Authorization: Bearer dbk_...` with a key of the project"
        raise unauthorized(detail, is_sent="authorization" in request.headers)
    try:
        caller = await parts.keys.authenticate(text)
    except UnauthorizedError:
        # who guesses is slowed down by address, since there is no key to count by
        host = request.client.host if request.client else "unknown"
        await _take(parts, f"api|refused|{host}", parts.limits)
        raise
    # not by key: whoever rotates would begin with a full bucket each time
    await _take(parts, f"api|project|{caller.project_id}", parts.limits)
    request.scope[OF_PROJECT](caller.project_id)
    if needs.scope not in caller.scopes:
        scopes = ", ".join(sorted(caller.scopes)) or "none"
        raise Problem(
            "forbidden", f"this needs a key with the scope `{needs.scope}`; this key has {scopes}"
        )
    return caller


async def _take(parts: Parts, bucket: str, limits: Limits) -> None:
    wait = await parts.cache.take(bucket, limits.rate, limits.burst)
    if wait > 0:
        seconds = max(1, math.ceil(wait))
        raise Problem(
            "too-many-requests",
            f"at most {limits.rate:g} requests a second, and {limits.burst:g} at once;"
            f" wait {seconds} s",
            headers={"Retry-After": str(seconds)},
        )
