"""What the roles of one process share: the database, the nodes, and how each of them is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import structlog

from donablock.chain.nodes import Nodes
from donablock.errors import DatabaseError, DatabaseGoneError, InputError
from donablock.roles.chains import Followed
from donablock.settings import Settings
from donablock.store.database import Database
from donablock.store.opening import opened_database
from donablock.store.postgres import running_url

PATIENCE = 60.0
"""Seconds that a process which starts waits for a database that is not there yet."""
_IS_FOLLOWED = "SELECT EXISTS (SELECT FROM cursors WHERE chain_id = $1)"

_log = structlog.get_logger(__name__)


@dataclass
class Context:
    """One for each process. stopping: set when the process is to end, for roles that finish what is
    under way; the others are cancelled. faults: what stands still for good, by name. sources: the
    nodes of chains that somebody asked for; needed: chains that nothing can be done of without."""

    settings: Settings
    database: Database
    chains: tuple[Followed, ...] = ()
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    faults: dict[str, str] = field(default_factory=dict)
    sources: dict[int, Nodes] = field(default_factory=dict)
    needed: set[int] = field(default_factory=set)

    def source(self, followed: Followed) -> Nodes:
        """The chain's nodes, one set for the whole process. Raises InputError where none are
        named."""
        if followed.chain_id not in self.sources:
            if not followed.urls:
                raise InputError(
                    f"chain {followed.chain_id} ({followed.chain.name}) has no node: name one in"
                    " DONABLOCK_NODES"
                )
            self.sources[followed.chain_id] = Nodes(followed.chain, followed.urls)
        return self.sources[followed.chain_id]

    async def until_followed(self, chain_id: int) -> None:
        """Returns once a worker has begun with the chain: before that there is no stream of it."""
        while True:
            try:
                async with self.database.connection() as connection:
                    if await connection.fetchval(_IS_FOLLOWED, chain_id):
                        return
            except DatabaseError as error:
                _log.warning("database is waited for", because=str(error))
            await asyncio.sleep(1.0)


@contextlib.asynccontextmanager
async def opened_context(
    chosen: Settings, chains: Sequence[Followed] = (), *, name: str = "donablock"
) -> AsyncIterator[Context]:
    """On the database that the settings name, else on that of a running `donablock up`."""
    async with contextlib.AsyncExitStack() as stack:
        opening = opened_database(database_url(chosen), chosen, name=name)
        database = await _patiently(stack, opening, chosen, name)
        context = Context(chosen, database, tuple(chains))
        try:
            yield context
        finally:
            for source in context.sources.values():
                await source.aclose()


def database_url(chosen: Settings) -> str:
    """Raises DatabaseError where no database is named and none of ours runs."""
    if chosen.database_url is not None:
        return chosen.database_url.get_secret_value()
    url = running_url(chosen.data_path / "postgres")
    if url is None:
        raise DatabaseError(
            f"no database runs in {chosen.data_path / 'postgres'}: start `donablock up`, or name"
            " one with DONABLOCK_DATABASE_URL"
        )
    return url


async def _patiently(
    stack: contextlib.AsyncExitStack,
    opening: contextlib.AbstractAsyncContextManager[Database],
    chosen: Settings,
    name: str,
) -> Database:
    """A database that starts at the same time as we do is waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while True:
        try:
            return await stack.enter_async_context(opening)
        except DatabaseGoneError as error:
            if loop.time() > deadline:
                raise
            _log.warning("database is waited for", because=str(error))
            await asyncio.sleep(1.0)
            opening = opened_database(database_url(chosen), chosen, name=name)
