"""The application: `create_app(parts)` is what a server runs.

Everything that is known about a request's form stands in the routes; what holds for all of them is
in `strict` (what is asked), `wire` (what is answered) and `problems` (what went wrong).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from donablock.errors import DonaBlockError
from donablock.web import document
from donablock.web.live import Tails
from donablock.web.parts import Limits, Parts
from donablock.web.problems import answer, problem_of
from donablock.web.routes import (
    backtests,
    chains,
    deliveries,
    endpoints,
    events,
    keys,
    monitors,
    operation,
    project,
)
from donablock.web.wire import Wire, request_id_of

__all__ = ["bare", "create_app"]

ROUTERS = (project, keys, monitors, events, endpoints, deliveries, backtests, chains, operation)


def create_app(parts: Parts) -> FastAPI:
    """The application on these parts. It opens and closes none of them. Before the server is
    stopped: `app.state.tails.close()`, since it waits for live tails, which do not end."""
    app = bare(parts.limits, parts.root_path.rstrip("/"))
    app.state.parts = parts
    app.state.tails = Tails(parts.limits)
    return app


def bare(limits: Limits | None = None, root_path: str = "") -> FastAPI:
    """Its form alone, for the document; nothing can be asked of it."""
    limits = limits or Limits()
    app = FastAPI(
        title=document.TITLE,
        version=document.VERSION,
        lifespan=_lifespan,
        redirect_slashes=False,
        # both are served by routes of ours
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # spans and metrics are those of donablock/telemetry.py
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        exception_handlers={
            DonaBlockError: _told,
            HTTPException: _told,
            RequestValidationError: _told,
        },
    )
    app.add_middleware(
        Wire,
        body=limits.body,
        body_seconds=limits.body_seconds,
        requests=limits.requests,
        requests_per_project=limits.requests_per_project,
        root_path=root_path,
    )
    for one in ROUTERS:
        app.include_router(one.router)
    document.attach(app, root_path)
    app.state.made = {}
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    try:
        yield
    finally:
        app.state.tails.close()


async def _told(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status_code == 405:
        allowed = _allowed(request)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allowed})
        problem.headers = {"Allow": allowed}
    return answer(problem, request_id_of(request.scope))


def _allowed(request: Request) -> str:
    """Every method of the address: those of several routes, and what is answered for all."""
    app = request.app
    table = getattr(app.state, "methods", None)
    if table is None:
        found = [(one.path, one.methods) for one in iter_route_contexts(app.routes)]
        table = [(compile_path(path)[0], methods) for path, methods in found if path and methods]
        app.state.methods = table
    path = request.url.path
    root = str(request.scope.get("root_path", "")).rstrip("/")
    if root and path.startswith(root + "/"):
        path = path[len(root) :]
    methods = {"OPTIONS"}.union(*(own for pattern, own in table if pattern.match(path)))
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
