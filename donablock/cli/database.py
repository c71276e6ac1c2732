"""The database for a command: the one that the settings name, that of a running `donablock up`, or
else the embedded one, started for as long as the command takes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from donablock.errors import DatabaseError
from donablock.settings import settings

if TYPE_CHECKING:
    from donablock.store.database import Database


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Database]:
    """With the newest schema. Raises DatabaseError where there are no data yet."""
    from donablock import telemetry
    from donablock.store.opening import database_service, opened_database
    from donablock.store.postgres import running_url

    chosen = settings()
    telemetry.set_up("console", "warning")  # the command says itself what it did
    folder = chosen.data_path / "postgres"
    async with contextlib.AsyncExitStack() as stack:
        url = None if chosen.database_url is not None else running_url(folder)
        if url is None:
            if chosen.database_url is None and not (folder / "cluster").exists():
                raise DatabaseError(
                    f"there are no data in {folder} yet: start `donablock up`, or name a database"
                    " with DONABLOCK_DATABASE_URL"
                )
            url = await stack.enter_async_context(database_service(chosen))
        database = opened_database(url, chosen, name="donablock command")
        yield await stack.enter_async_context(database)
