"""What the application is made of. Whoever starts it puts these together and passes them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import Request

from donablock.chain.chains import Chain
from donablock.chain.source import BlockSource
from donablock.monitors.endpoints import Endpoints
from donablock.monitors.events import Events
from donablock.monitors.keys import Keys
from donablock.monitors.projects import Projects
from donablock.monitors.registry import Registry
from donablock.monitors.replays import Replays
from donablock.store.cache import Cache
from donablock.store.database import Database

__all__ = ["Limits", "Parts", "parts_of"]


@dataclass(frozen=True, slots=True)
class Limits:
    """rate, burst: requests of one project, a second and at once. body: bytes; body_seconds: until
    it has arrived. requests: under way at once in this process; requests_per_project: of one
    project. tails: live tails in this process; tails_per_project: of one project. heartbeat:
    seconds after which a tail that has nothing to tell says so; recheck: seconds after which it
    looks whether its key still opens. backtests: at once in this process, one of each project;
    backtest_seconds: how long one may take. searches_per_project: pages of events with a filter, at
    once in this process."""

    rate: float = 10.0
    burst: float = 50.0
    body: int = 1 << 20
    body_seconds: float = 30.0
    requests: int = 256
    requests_per_project: int = 32
    tails: int = 200
    tails_per_project: int = 20
    heartbeat: float = 15.0
    recheck: float = 30.0
    backtests: int = 2
    backtest_seconds: float = 25.0
    searches_per_project: int = 3


@dataclass(frozen=True, slots=True)
class Parts:
    """chains: those that monitors may name. sources: by chain id, what a backtest reads the chain
    by; None where this process has no node of it. root_path: where a proxy puts the application,
    such as "/donablock"."""

    database: Database
    projects: Projects
    keys: Keys
    registry: Registry
    events: Events
    endpoints: Endpoints
    replays: Replays
    cache: Cache
    chains: Mapping[int, Chain]
    sources: Callable[[int], BlockSource | None] = lambda _: None
    limits: Limits = field(default_factory=Limits)
    root_path: str = ""


def parts_of(request: Request) -> Parts:
    """Those of the application that the request came to."""
    parts: Parts = request.app.state.parts
    return parts
