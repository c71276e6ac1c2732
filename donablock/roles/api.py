"""The role that answers requests."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import structlog
import uvicorn

from donablock.chain.chains import load_chains
from donablock.chain.source import BlockSource
from donablock.errors import InputError
from donablock.monitors.endpoints import Endpoints
from donablock.monitors.events import Events
from donablock.monitors.guard import Policy
from donablock.monitors.keys import Keys
from donablock.monitors.projects import Projects
from donablock.monitors.registry import Registry
from donablock.monitors.replays import Replays
from donablock.roles.context import Context
from donablock.roles.ops import patiently
from donablock.store.cache import Cache
from donablock.store.opening import opened_cache
from donablock.web.app import create_app
from donablock.web.parts import Limits, Parts

_BACKLOG = 2_048

_log = structlog.get_logger(__name__)


async def run(context: Context) -> None:
    """Until `context.stopping`; requests under way are then answered, and live tails ended. Raises
    InputError where nothing can listen at the address."""
    chosen = context.settings
    async with _listening(chosen.api_host, chosen.api_port) as listener:
        async with opened_cache(chosen) as cache:
            app = create_app(_parts(context, cache))
            server = _Server(
                uvicorn.Config(
                    app,
                    loop="none",  # the one that runs
                    lifespan="off",  # there is nothing to open; tails are closed below
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=max(1, round(chosen.stop_seconds)),
                )
            )
            host, port = listener.getsockname()[:2]
            _log.info("answers requests", at=f"{host}:{port}")
            stopping = asyncio.create_task(_stop(context, server, app.state.tails.close))
            try:
                await server.serve(sockets=[listener])
            finally:
                stopping.cancel()


def _parts(context: Context, cache: Cache) -> Parts:
    database = context.database
    policy = Policy.configured(context.settings)
    named = {one.chain_id: one for one in context.chains}
    # without nodes of its own it takes a monitor for any chain that can be read at all
    chains = {id: one.chain for id, one in named.items()} or load_chains()

    def source(chain_id: int) -> BlockSource | None:
        one = named.get(chain_id)
        return context.source(one) if one is not None and one.urls else None

    return Parts(
        database=database,
        projects=Projects(database),
        keys=Keys(database),
        registry=Registry(database, chains),
        events=Events(database),
        endpoints=Endpoints(database, policy),
        replays=Replays(database),
        cache=cache,
        chains=chains,
        sources=source,
        limits=Limits(rate=context.settings.api_rate, burst=context.settings.api_burst),
        root_path=context.settings.api_root_path,
    )


class _Server(uvicorn.Server):
    """Whose signals are the process's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _stop(context: Context, server: uvicorn.Server, close: Callable[[], None]) -> None:
    await context.stopping.wait()
    close()
    server.should_exit = True


@contextlib.asynccontextmanager
async def _listening(host: str, port: int) -> AsyncIterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    async def listen() -> socket.socket:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)

    try:
        listener = await patiently(listen)
    except OSError as error:
        raise InputError(
            f"the API cannot listen at {host}:{port} ({error.strerror}): name another place with"
            " --host and --port, or DONABLOCK_API_HOST and DONABLOCK_API_PORT"
        ) from error
    with listener:
        listener.setblocking(False)
        yield listener
