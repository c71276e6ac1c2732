"""`donablock up`: everything on one machine, as one group of processes.

    this process    starts the others and starts again what ends by itself; it holds the embedded
                    database and the local chain, which are its children too
    chains          worker, matcher, projections and reconciler of every chain (and the relay)
    deliverer       sends webhooks
    api             answers requests

Sending, matching and answering have a process each, because each can take a whole core and would
keep the others waiting in one event loop. Whatever ends, the others go on: all that matters is in
the database. On Linux the children end with us, even by SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog
from pydantic import SecretStr
from rich.console import Console

from donablock.chain.node import LOCAL_CHAIN_ID
from donablock.errors import DonaBlockError, InputError
from donablock.roles.beside import told
from donablock.roles.chains import Followed, followed
from donablock.roles.first_key import first_key
from donablock.roles.local_chain import LocalChain
from donablock.roles.ops import split_address
from donablock.roles.ports import free_port
from donablock.settings import ROOT, Settings
from donablock.store.opening import opened_database
from donablock.store.postgres import EmbeddedPostgres

START_SECONDS = 60.0
"""How long the group may take until everything is ready before that is told."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_CALM = 60.0
"""Seconds after which a process that ends is started again at once."""
_HASTY = 5
"""Ends in a row, each soon after the start, before the group gives up."""
_LOOPBACK = "127.0.0.0/8,::1/128"
_PR_SET_PDEATHSIG = 1

_log = structlog.get_logger(__name__)


@dataclass
class Member:
    """One process of the group. ops: where it tells of its health."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(repr=False)
    ops: str
    process: asyncio.subprocess.Process | None = field(default=None, init=False)
    ends: int = field(default=0, init=False)

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "donablock", "run", *self.arguments),
            stdin=subprocess.DEVNULL,
            env=self.environment,
            # Ctrl-C is for us, who then stop the others in order
            start_new_session=True,
            preexec_fn=_end_with_parent(),
        )

    async def ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://{self.ops}/ready") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


class GroupError(DonaBlockError):
    """A process of the group does not stay up."""


class Group:
    """What `up` runs. new_key: the text of the key that was made for its commands, None if there
    was one."""

    def __init__(
        self,
        chosen: Settings,
        chains: Sequence[Followed],
        members: Sequence[Member],
        local_chain: LocalChain | None = None,
        new_key: str | None = None,
    ) -> None:
        """Use `opened_group`."""
        self.settings = chosen
        self.chains = tuple(chains)
        self.members = tuple(members)
        self.local_chain = local_chain
        self.new_key = new_key
        self.stopping = asyncio.Event()

    async def run(self, announce: Callable[[], None]) -> None:
        """Until `stopping`. announce: called once everything is ready. Raises GroupError where a
        process does not stay up."""
        keeping = [asyncio.create_task(self._keep(member)) for member in self.members]
        telling = asyncio.create_task(self._tell(announce))
        stopping: asyncio.Task[Any] = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({stopping, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            for task in keeping:
                if task.done():
                    task.result()
        finally:
            for task in (telling, stopping, *keeping):
                task.cancel()
            await asyncio.gather(telling, stopping, *keeping, return_exceptions=True)
            await asyncio.gather(*(self._stop(member) for member in self.members))

    async def _keep(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            began = loop.time()
            try:
                await member.start()
                assert member.process is not None
                code = await member.process.wait()
            except OSError as error:  # no memory, no file descriptors
                how = f"cannot be started: {error}"
            else:
                if self.stopping.is_set():
                    return
                if code == 2 and not member.ends:
                    raise InputError(
                        f"the {member.name} process cannot run: its line above says why"
                    )
                # one that ran before can run again: its port may be somebody else's for a while
                how = _how(code)
            member.ends = member.ends + 1 if loop.time() - began < _CALM else 1
            if member.ends > _HASTY:
                raise GroupError(
                    f"the {member.name} process ended {member.ends} times in a row: look at its"
                    " lines above"
                )
            pause = _FIRST_PAUSE if member.ends == 1 else min(pause * 2, _LONGEST_PAUSE)
            _log.warning("process ended and is started again", name=member.name, how=how)
            await asyncio.sleep(pause)

    async def _tell(self, announce: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        timeout = aiohttp.ClientTimeout(total=5.0)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while not all([await member.ready(session) for member in self.members]):
                if loop.time() > deadline:
                    _log.warning("not everything is ready yet", after_seconds=START_SECONDS)
                    deadline += START_SECONDS
                await asyncio.sleep(0.2)
        announce()

    async def _stop(self, member: Member) -> None:
        process = member.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(self.settings.stop_seconds + 15.0):
                await process.wait()
        except TimeoutError:
            _log.warning("process does not end, and is killed", name=member.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def opened_group(
    chosen: Settings, console: Console, local: LocalChain | None = None
) -> AsyncIterator[Group]:
    """The database and the local chain, which is prepared, are up in the block. Call it in the
    thread that lives as long as the process."""
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(_database(chosen, console))
        if local is not None:
            local.start()
            stack.callback(local.stop)
            keeping = asyncio.create_task(local.keep(_log.warning))
            stack.push_async_callback(_cancel, keeping)
            chosen = chosen.model_copy(update=_local_settings(chosen, local))
        if not chosen.api_port:
            chosen = chosen.model_copy(update={"api_port": free_port(chosen.api_host)})
        async with opened_database(url, chosen) as database:
            key = await first_key(database, chosen.api_key_path)
        stack.enter_context(told(chosen))
        yield Group(chosen, followed(chosen), _members(chosen), local, key)


@contextlib.asynccontextmanager
async def _database(chosen: Settings, console: Console) -> AsyncIterator[str]:
    """Its URL."""
    async with contextlib.AsyncExitStack() as stack:
        if chosen.database_url is not None:
            url = chosen.database_url.get_secret_value()
        else:
            folder = chosen.data_path / "postgres"
            if not (folder / "cluster").exists():
                console.print(f"The database is made in {folder} (once).", highlight=False)
            server = EmbeddedPostgres(folder, configuration={"max_connections": "200"})
            stack.enter_context(server)
            url = server.url
            keeping = asyncio.create_task(server.keep(_log.warning))
            stack.push_async_callback(_cancel, keeping)
        yield url


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _local_settings(chosen: Settings, local: LocalChain) -> dict[str, Any]:
    """What differs where everything is on this machine: the chain, its manifest, and that webhooks
    may go to this machine, as long as the operator has not said where they may go."""
    changes: dict[str, Any] = {
        "nodes": SecretStr(json.dumps({str(LOCAL_CHAIN_ID): [local.url]})),
        "deployments": local.manifests,
    }
    if not chosen.webhook_networks:
        changes |= {"webhook_networks": _LOOPBACK, "webhook_http": True}
    return changes


def _members(chosen: Settings) -> list[Member]:
    host, port = split_address(chosen.ops)
    chains = ["worker", "matcher", "projections", "reconciler"]
    if chosen.kafka is not None:
        chains.append("relay")
    members = []
    parts = {"chains": chains, "deliverer": ["deliverer"], "api": ["api"]}
    for place, (name, roles) in enumerate(parts.items()):
        ops = f"{host}:{port + place if port else free_port(host)}"
        environment = os.environ | chosen.model_copy(update={"ops": ops}).environment()
        # they find the package wherever we found it
        paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        members.append(Member(name, tuple(roles), environment, ops))
    return members


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _end_with_parent() -> Callable[[], None] | None:
    """On Linux the child is told to stop when we end, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return in_child
