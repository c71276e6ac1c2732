"""One process that does one role or several, until it is told to stop, or one fails for good.

    sys.exit(run(settings(), ["worker", "matcher"], chains=[56]))

SIGTERM and SIGINT stop it in order: what is under way is finished or given back, and it ends with
0. What no waiting mends ends it with one line on stderr: 2 where somebody has to correct what was
written, else 1. A chain that has halted ends only its own role, and the others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
import uvloop

from donablock import telemetry
from donablock.errors import DonaBlockError, FileError, HaltedError, InputError
from donablock.roles import deliverer, matcher, projections, reconciler, relay, worker
from donablock.roles.chains import Followed, followed
from donablock.roles.context import Context, opened_context
from donablock.roles.ops import opened_ops
from donablock.settings import Settings

_MARGIN = 10.0
"""Seconds beyond `stop_seconds` after which what still runs is left behind."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Job:
    """Something that runs as long as the process does. is_orderly: it stops by itself once
    `context.stopping` is set; others are cancelled."""

    name: str
    run: Callable[[Context], Awaitable[None]]
    is_orderly: bool = False


async def _api(context: Context) -> None:
    from donablock.roles import api  # the web application takes long to import

    await api.run(context)


OF_CHAIN: dict[str, dict[str, Callable[[Context, Followed], Awaitable[None]]]] = {
    "worker": {"worker": worker.run},
    "matcher": {"matcher": matcher.run, "scanner": matcher.scan},
    "projections": {"projections": projections.run},
}
"""Roles that each chain has one of."""

OF_ALL: dict[str, tuple[Job, ...]] = {
    "deliverer": (Job("deliverer", deliverer.run, is_orderly=True),),
    "relay": (Job("relay", relay.run),),
    "reconciler": (Job("reconciler", reconciler.run), Job("backlog", reconciler.count)),
    "api": (Job("api", _api, is_orderly=True),),
}
"""Roles that look after every chain."""

ROLES = (*OF_CHAIN, *OF_ALL)


def run(chosen: Settings, roles: Sequence[str], chains: Sequence[int] = ()) -> int:
    """The exit code. chains: of those roles that have one; none: all that have nodes."""
    set_up_logs(chosen)
    if chosen.log_format == "json":
        structlog.contextvars.bind_contextvars(role="+".join(roles))
    try:
        return uvloop.run(_run(chosen, tuple(roles), tuple(chains)))
    except DonaBlockError as error:
        print(f"error: {error}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130


def set_up_logs(chosen: Settings) -> None:
    """As the settings say; libraries speak only where something is wrong."""
    telemetry.set_up(chosen.log_format, chosen.log_level)
    for name in ("alembic", "aiohttp", "asyncio", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # it tells at length of every connection that is lost, and so do we, in a line
    logging.getLogger("asyncpg").setLevel(logging.ERROR)


def exit_code(error: BaseException) -> int:
    """2 where somebody has to correct what was written, else 1."""
    return 2 if isinstance(error, (InputError, FileError)) else 1


async def _run(chosen: Settings, roles: Sequence[str], chains: Sequence[int]) -> int:
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise InputError(f"{unknown or 'nothing'} is no role: choose of {', '.join(ROLES)}")
    read: tuple[Followed, ...] = ()
    if any(role in OF_CHAIN for role in roles) or (chosen.nodes is not None and "api" in roles):
        read = followed(chosen, chains)
    async with opened_context(chosen, read, name=f"donablock {'+'.join(roles)}"[:63]) as context:
        async with opened_ops(context) as address:
            _log.info("runs", ops=address, chains=[one.chain_id for one in read])
            return await supervise(context, list(_jobs(roles, read)))


def _jobs(roles: Sequence[str], chains: Sequence[Followed]) -> Iterator[Job]:
    for role in roles:
        if role in OF_ALL:
            yield from OF_ALL[role]
            continue
        for one in chains:
            for name, work in OF_CHAIN[role].items():
                yield Job(f"{name} of chain {one.chain_id}", _of_chain(work, one))


def _of_chain(
    work: Callable[[Context, Followed], Awaitable[None]], one: Followed
) -> Callable[[Context], Awaitable[None]]:
    async def run(context: Context) -> None:
        await work(context, one)

    return run


async def supervise(context: Context, jobs: Sequence[Job]) -> int:
    """Runs them all until `context.stopping`, a signal, or a failure that ends the process."""
    tasks: dict[asyncio.Future[Any], Job] = {
        asyncio.ensure_future(job.run(context)): job for job in jobs
    }
    stopping = asyncio.ensure_future(context.stopping.wait())
    code = 0
    with _signals(context):
        try:
            while True:
                pending = [task for task in tasks if not task.done()]
                if not pending:
                    return code or int(bool(context.faults))
                await asyncio.wait({*pending, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if context.stopping.is_set():
                    break
                for task in pending:
                    if task.done() and not _goes_on(context, tasks[task], task):
                        code = exit_code(task.exception() or SystemExit())
                        return code
        finally:
            stopping.cancel()
            context.stopping.set()
            await _end(tasks, context.settings.stop_seconds)
    return code


def _goes_on(context: Context, job: Job, task: asyncio.Future[Any]) -> bool:
    """Whether the process does, now that a job of it has ended. Says why not."""
    error = task.exception()
    if error is None:
        return True
    if isinstance(error, HaltedError):
        context.faults[job.name] = str(error)
        _log.error("stands still", job=job.name, because=str(error))
        return True
    if isinstance(error, DonaBlockError):
        _log.error("fails for good", job=job.name, because=str(error))
    else:
        _log.error("fails for good", job=job.name, exc_info=error)
    return False


async def _end(tasks: Mapping[asyncio.Future[Any], Job], seconds: float) -> None:
    for task, job in tasks.items():
        if not job.is_orderly:
            task.cancel()
    running = [task for task in tasks if not task.done()]
    if running:
        _, late = await asyncio.wait(running, timeout=seconds + _MARGIN)
        for task in late:
            _log.warning("does not end", job=tasks[task].name)
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1.0)
    for task in running:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("ended badly", job=tasks[task].name, because=str(error))


@contextlib.contextmanager
def _signals(context: Context) -> Iterator[None]:
    """The first stops in order; a second ends at once, as if there were no handler."""
    loop = asyncio.get_running_loop()
    caught = (signal.SIGTERM, signal.SIGINT)

    def stop() -> None:
        _log.info("stops")
        context.stopping.set()
        for one in caught:
            loop.remove_signal_handler(one)

    for one in caught:
        loop.add_signal_handler(one, stop)
    try:
        yield
    finally:
        for one in caught:
            loop.remove_signal_handler(one)
