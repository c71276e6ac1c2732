"""The number of each change of a monitor, in the order in which the changes take effect."""

from __future__ import annotations

from asyncpg import Connection

from donablock.store.database import notify
from donablock.store.keys import lock_key

CHANNEL = "donablock_monitors"


async def next_revision(connection: Connection) -> int:
    """The number of the change that this transaction makes; who listens on CHANNEL is woken when
    it commits.

    Until then no other transaction gets one. A sequence alone would hand out 7 and 8 and let 8
    commit first, and who has then read up to 8 would never see 7.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", lock_key("monitor revisions"))
    revision: int = await connection.fetchval("SELECT nextval('monitor_revisions')")
    await notify(connection, CHANNEL, str(revision))
    return revision


async def last_revision(connection: Connection) -> int:
    """The newest revision that is committed; 0 before the first."""
    found = await connection.fetchval(
        "SELECT greatest((SELECT max(revision) FROM monitors),"
        " (SELECT max(revision) FROM monitor_addresses))"
    )
    return int(found or 0)
