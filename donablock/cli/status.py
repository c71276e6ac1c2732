"""donablock status: how fresh each chain is, who is how far, and what waits to be sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from donablock.chain.chains import chain_of
from donablock.cli.console import out
from donablock.cli.database import opened
from donablock.errors import ChainError
from donablock.roles.beside import heed, is_up
from donablock.settings import settings

if TYPE_CHECKING:
    from asyncpg import Connection

_HEAD_SECONDS = 5.0

_CHAINS = """
SELECT c.chain_id, c.name, c.state, c.halted_because, cu.number, cu.next_seq - 1 AS produced,
    extract(epoch FROM now() - cu.updated_at)::float8 AS written_ago,
    b.timestamp AS block_time
FROM chains AS c JOIN cursors AS cu USING (chain_id)
LEFT JOIN blocks AS b ON b.chain_id = c.chain_id AND b.hash = cu.hash
ORDER BY c.chain_id
"""
_CONSUMERS = """
SELECT p.consumer, p.chain_id, p.seq, p.number, cu.next_seq - 1 - p.seq AS behind,
    extract(epoch FROM now() - p.updated_at)::float8 AS moved_ago
FROM positions AS p JOIN cursors AS cu USING (chain_id) ORDER BY p.chain_id, p.consumer
"""
# by the numbers of store/schema.py: 1 pending, 2 leased, 4 dead
_QUEUE = """
SELECT count(*) FILTER (WHERE state = 1 AND attempts = 0) AS waiting,
    count(*) FILTER (WHERE state = 1 AND attempts > 0) AS tried_again,
    count(*) FILTER (WHERE state = 2) AS being_sent,
    count(*) FILTER (WHERE state = 4) AS dead,
    extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 1))::float8
        AS oldest_seconds
FROM deliveries WHERE state IN (1, 2, 4)
"""


def add_to(app: typer.Typer) -> None:
    app.command("status")(status)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Show how fresh each chain is, how far its readers are, and what waits to be sent."""
    asyncio.run(_status(as_json))


async def _status(as_json: bool) -> None:
    async with opened() as database, database.connection() as connection:
        found = await _found(connection)
    heads = await _heads([chain["chain_id"] for chain in found["chains"]])
    for chain in found["chains"]:
        chain["head"] = heads.get(chain["chain_id"])
    if as_json:
        print(json.dumps(found))
        return
    _show(found)
    chosen = settings()
    if chosen.database_url is None and not is_up(chosen):
        out.print("Nothing runs here now; `donablock up` goes on from there.")


async def _heads(chain_ids: list[int]) -> dict[int, int]:
    """The newest block that the nodes tell of, by chain, where a node is named that answers."""
    from donablock.chain.nodes import Nodes
    from donablock.roles.chains import node_urls

    urls = node_urls(heed())
    heads: dict[int, int] = {}
    for chain_id in chain_ids:
        if chain_id not in urls:
            continue
        with contextlib.suppress(ChainError, TimeoutError):
            async with asyncio.timeout(_HEAD_SECONDS):
                async with Nodes(chain_of(chain_id), urls[chain_id]) as nodes:
                    heads[chain_id] = (await nodes.head()).number
    return heads


async def _found(connection: Connection) -> dict[str, Any]:
    chains = [dict(row) for row in await connection.fetch(_CHAINS)]
    for chain in chains:
        time = chain["block_time"]
        chain["block_time"] = None if time is None else time.isoformat()
    return {
        "chains": chains,
        "consumers": [dict(row) for row in await connection.fetch(_CONSUMERS)],
        "queue": dict(await connection.fetchrow(_QUEUE)),
    }


def _show(found: dict[str, Any]) -> None:
    titles = ("chain", "state", "head", "block", "its time", "read", "reader", "behind")
    table = Table(*titles, box=None)
    for chain in found["chains"]:
        readers = [one for one in found["consumers"] if one["chain_id"] == chain["chain_id"]]
        for place, reader in enumerate(readers or [None]):
            cells = ("", "", "", "", "", "")
            if place == 0:
                cells = (
                    f"{chain['name']} ({chain['chain_id']})",
                    chain["state"],
                    "-" if chain["head"] is None else str(chain["head"]),
                    str(chain["number"]),
                    (chain["block_time"] or "-")[:19].replace("T", " "),
                    f"{_seconds(chain['written_ago'])} ago",
                )
            far = ("-", "-") if reader is None else (reader["consumer"], str(reader["behind"]))
            table.add_row(*cells, *far)
        if chain["halted_because"]:
            out.print(f"{chain['name']}: {chain['halted_because']}", style="red", markup=False)
    out.print(table if found["chains"] else "No chain was followed yet.")
    queue = found["queue"]
    oldest = queue["oldest_seconds"]
    since = "" if oldest is None else f", the oldest for {_seconds(oldest)}"
    out.print(
        f"webhooks: {queue['waiting'] + queue['tried_again']} wait{since} ({queue['tried_again']}"
        f" of them were tried), {queue['being_sent']} are being sent, {queue['dead']} were given up"
    )


def _seconds(value: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= size:
            return f"{value / size:.0f} {unit}"
    return f"{max(0.0, value):.0f} s"
