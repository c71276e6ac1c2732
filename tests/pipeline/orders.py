"""Projects, endpoints and monitors as people make them, written straight into the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from donablock.store.database import Database
from donablock.store.revisions import next_revision

CHAIN = 31337


async def project(database: Database, endpoint: str = "ep_one", *, is_ordered: bool = False) -> str:
    """A project with an endpoint; its id."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO projects (id, name) VALUES ('pr_one', 'one') ON CONFLICT DO NOTHING"
        )
        await connection.execute(
            "INSERT INTO endpoints (id, project_id, url, is_ordered)"
            " VALUES ($1, 'pr_one', 'https://example.org/hook', $2)",
            endpoint,
            is_ordered,
        )
    return "pr_one"


async def monitor(
    database: Database,
    id: str,
    category: str = "erc20",
    addresses: Iterable[str] = (),
    *,
    definition: Mapping[str, Any] | None = None,
    direction: str = "all",
    endpoint: str | None = "ep_one",
    from_block: int | None = None,
    tags: Sequence[str] = (),
) -> str:
    async with database.transaction() as connection:
        revision = await next_revision(connection)
        await connection.execute(
            "INSERT INTO monitors (id, project_id, chain_id, name, category, direction,"
            " definition, endpoint_id, from_block, tags, revision)"
            " VALUES ($1, 'pr_one', $2, $1, $3, $4, $5, $6, $7, $8, $9)",
            *(id, CHAIN, category, direction, dict(definition or {}), endpoint, from_block),
            *(list(tags), revision),
        )
        await _watch(connection, id, addresses, revision)
    return id


async def watch(
    database: Database, id: str, addresses: Iterable[str], *, off: bool = False
) -> None:
    """Addresses that a monitor watches from now on, or does no more."""
    async with database.transaction() as connection:
        revision = await next_revision(connection)
        await _watch(connection, id, addresses, revision, off=off)
        await connection.execute("UPDATE monitors SET revision = $2 WHERE id = $1", id, revision)


async def change(database: Database, id: str, sets: str) -> None:
    """`sets` as in SQL: "is_enabled = false"."""
    async with database.transaction() as connection:
        revision = await next_revision(connection)
        await connection.execute(
            f"UPDATE monitors SET {sets}, revision = $2 WHERE id = $1", id, revision
        )


async def _watch(
    connection: Any, id: str, addresses: Iterable[str], revision: int, *, off: bool = False
) -> None:
    await connection.executemany(
        "INSERT INTO monitor_addresses (monitor_id, address, is_watched, revision)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (monitor_id, address)"
        " DO UPDATE SET is_watched = $3, revision = $4, active_from_block = NULL",
        [(id, bytes.fromhex(address[2:]), not off, revision) for address in addresses],
    )
