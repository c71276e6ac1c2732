"""/health, /ready, and what can be read about the API itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, JSONResponse

from donablock.store import migrations
from donablock.web import page
from donablock.web.parts import parts_of
from donablock.web.problems import Problem
from donablock.web.shapes import Shown
from donablock.web.strict import Route

router = APIRouter(route_class=Route, tags=["operation"])

_PATIENCE = 5.0
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


class Alive(Shown):
    status: Literal["alive"]


class Ready(Shown):
    status: Literal["ready"]


@router.get("/health", summary="Is the process alive?")
async def health() -> Alive:
    """It answers, whatever else may be wrong. Start it anew when it does not."""
    return Alive(status="alive")


@router.get("/ready", summary="Can it do its work?")
async def ready(request: Request) -> Ready:
    """The database is there and has the schema of this version; else 503. Send it no requests
    meanwhile."""
    try:
        async with asyncio.timeout(_PATIENCE):
            async with parts_of(request).database.connection() as connection:
                await migrations.check(connection)
    except TimeoutError:
        raise Problem("database-away", "the database does not answer") from None
    return Ready(status="ready")


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    made = _once(request, "openapi", lambda document: JSONResponse(document).body)
    return Response(made, media_type="application/json", headers={"Cache-Control": "max-age=300"})


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    headers = {"Cache-Control": "max-age=300", "Content-Security-Policy": _POLICY}
    made = _once(request, "docs", lambda document: page.html(document).encode())
    return HTMLResponse(made, headers=headers)


def _once(
    request: Request, name: str, make: Callable[[dict[str, Any]], bytes | memoryview]
) -> bytes:
    """What is made of the document never changes, and takes a while to make."""
    kept: dict[str, bytes] = request.app.state.made
    if name not in kept:
        kept[name] = bytes(make(request.app.openapi()))
    return kept[name]
