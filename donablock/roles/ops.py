"""What a process tells of itself on a port of its own: /health, /ready and /metrics.

/health   200 as long as the process answers
/ready    200, or 503 where the database or the nodes of a chain that we follow cannot be reached,
          or something stands still for good; the body names each check
/metrics  for Prometheus

No key is asked for, and nothing of any project is told; the port is for the operator's network.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from donablock import telemetry
from donablock.chain.nodes import Nodes
from donablock.errors import ChainError, DonaBlockError, InputError
from donablock.roles.context import Context
from donablock.roles.ports import LEAVING
from donablock.store import migrations

T = TypeVar("T")

_SECONDS = 3.0


@contextlib.asynccontextmanager
async def opened_ops(context: Context) -> AsyncIterator[str]:
    """The address it listens at, host:port. Raises InputError where it cannot."""
    host, port = split_address(context.settings.ops)
    runner = web.AppRunner(_application(context), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await patiently(lambda: web.TCPSite(runner, host, port).start())
        except OSError as error:
            raise InputError(
                f"nothing can listen at {context.settings.ops} ({error.strerror}): name another"
                " port with --ops or DONABLOCK_OPS"
            ) from error
        found = runner.addresses[0][1]
        yield f"{host}:{found}"
    finally:
        await runner.cleanup()


async def patiently(listen: Callable[[], Awaitable[T]]) -> T:
    """Listens at a port that a process before us may be about to leave. Raises OSError."""
    deadline = asyncio.get_running_loop().time() + LEAVING
    while True:
        try:
            return await listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(0.2)


def split_address(text: str) -> tuple[str, int]:
    """host:port. Raises InputError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65_535:
        raise InputError(f"{text!r} is no place to listen at: write it as 127.0.0.1:9100")
    return host.strip("[]") or "127.0.0.1", int(port)


def _application(context: Context) -> web.Application:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_: web.Request) -> web.Response:
        checks = await readiness(context)
        is_ready = all(found == "ok" for found in checks.values())
        said = {"status": "ready" if is_ready else "not ready", "checks": checks}
        return web.json_response(said, status=200 if is_ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=telemetry.exposition(), content_type="text/plain", charset="utf-8")

    application = web.Application()
    application.router.add_get("/health", health)
    application.router.add_get("/ready", ready)
    application.router.add_get("/metrics", metrics)
    return application


async def readiness(context: Context) -> dict[str, str]:
    """Each check with "ok", or with what is wrong."""
    checks = {"database": await _database(context)}
    for chain_id in sorted(context.needed & context.sources.keys()):
        checks[f"nodes of chain {chain_id}"] = await _nodes(context.sources[chain_id])
    checks |= context.faults
    return checks


async def _nodes(source: Nodes) -> str:
    """Who leads asks all the time; who waits to take over asks now whether it could."""
    health = source.health()
    if not health.is_ready:
        with contextlib.suppress(ChainError, TimeoutError):
            async with asyncio.timeout(_SECONDS):
                await source.head()
        health = source.health()
    return "ok" if health.is_ready else health.why


async def _database(context: Context) -> str:
    try:
        async with asyncio.timeout(_SECONDS):
            async with context.database.connection() as connection:
                await migrations.check(connection)
    except TimeoutError:
        return f"no answer within {_SECONDS:g} s"
    except DonaBlockError as error:
        return str(error)
    return "ok"
