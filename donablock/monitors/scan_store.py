"""The rows of scans, and which blocks the matcher's chain consists of.

A scan's `position` is the next block that it looks at. All of it is written in transactions that
hold the matcher's position on the chain, so that nothing moves meanwhile.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asyncpg import Connection
from msgspec import Struct

OPEN = ("pending", "running")


class Asked(Struct, frozen=True):
    """A scan that is wanted: blocks first to last, both included; none so far if last is below."""

    monitor_id: str
    first: int
    last: int


class Standing(Struct, frozen=True):
    """A block of the matcher's chain."""

    hash: str
    parent: str
    at: int


class Row(Struct, frozen=True):
    """A scan that can go on, and its monitor as a row of `monitors`. position: the next block."""

    id: str
    monitor: Any
    from_block: int
    to_block: int
    position: int

    @property
    def is_live(self) -> bool:
        """Whether the matcher looks for the monitor already."""
        return self.monitor["active_from_seq"] is not None


async def ask(connection: Connection, asked: Iterable[Asked], *, is_again: bool = False) -> None:
    """A scan for each. One that is under way goes on, up to the new end; is_again: and from the new
    beginning, where it is beyond that already."""
    for one in asked:
        under_way = await connection.fetchval(
            "UPDATE scans SET to_block = greatest(to_block, $3), from_block = CASE WHEN $4"
            "   THEN least(from_block, $2) ELSE from_block END, position = CASE WHEN $4"
            "   THEN least(position, $2) ELSE position END"
            " WHERE monitor_id = $1 AND state = ANY($5) RETURNING true",
            one.monitor_id,
            one.first,
            one.last,
            is_again,
            OPEN,
        )
        if not under_way:
            await connection.execute(
                "INSERT INTO scans (id, monitor_id, from_block, to_block, position)"
                " VALUES ($1, $2, $3, $4, $3)",
                "sc_" + randomness.token_hex(8),
                one.monitor_id,
                one.first,
                one.last,
            )


async def step_back(connection: Connection, chain_id: int, number: int) -> None:
    """The chain's block `number` was taken back: scans that are to come to its end look again from
    there on. Others need not, since the matcher looks at what comes instead."""
    await connection.execute(
        "UPDATE scans AS s SET position = greatest(s.from_block, $2), updated_at = now()"
        " FROM monitors AS m WHERE m.id = s.monitor_id AND m.chain_id = $1"
        "   AND m.active_from_seq IS NULL AND s.state = ANY($3) AND s.position > $2",
        chain_id,
        number,
        OPEN,
    )


# The matcher may be behind the worker, and the worker have taken back what the matcher has not yet.
# So its own branch is gone down to where both agree; below that they are the same.
_LINE = """
WITH RECURSIVE branch AS (
    SELECT number, hash, parent, timestamp, is_canonical
    FROM blocks WHERE chain_id = $1 AND hash = $2
    UNION ALL
    SELECT b.number, b.hash, b.parent, b.timestamp, b.is_canonical
    FROM branch JOIN blocks AS b ON b.chain_id = $1 AND b.hash = branch.parent
    WHERE NOT branch.is_canonical
)
SELECT number, hash, parent, timestamp FROM branch
WHERE NOT is_canonical AND number BETWEEN $3 AND $4
UNION ALL
SELECT b.number, b.hash, b.parent, b.timestamp FROM blocks AS b
WHERE b.chain_id = $1 AND b.is_canonical AND b.number BETWEEN $3 AND $4
  AND b.number <= (SELECT number FROM branch WHERE is_canonical)
"""


async def line(
    connection: Connection, chain_id: int, tip: bytes | None, first: int, last: int
) -> dict[int, Standing]:
    """The blocks first to last of the chain that ends with the block `tip`, by number; those that
    the table does not hold are missing."""
    rows = await connection.fetch(_LINE, chain_id, tip, first, last)
    return {
        row["number"]: Standing(
            "0x" + row["hash"].hex(), "0x" + row["parent"].hex(), int(row["timestamp"].timestamp())
        )
        for row in rows
    }


# --- going on -------------------------------------------------------------------------------------


async def waiting(
    connection: Connection, chain_id: int, consumer: str, resting: Iterable[str], limit: int
) -> list[Row]:
    """Scans that have something to look at, those first that were left alone for longest. One that
    is to begin with a block that is still to come has not."""
    rows = await connection.fetch(
        "SELECT s.id AS scan_id, s.from_block AS first, s.to_block, s.position, m.*"
        " FROM scans AS s JOIN monitors AS m ON m.id = s.monitor_id"
        " JOIN positions AS p ON p.chain_id = m.chain_id AND p.consumer = $2"
        " WHERE m.chain_id = $1 AND s.state = ANY($3) AND m.is_enabled AND m.deleted_at IS NULL"
        "   AND (m.active_from_seq IS NOT NULL OR s.position <= p.number + 1)"
        "   AND NOT s.id = ANY($4)"
        " ORDER BY s.updated_at, s.id LIMIT $5",
        chain_id,
        consumer,
        OPEN,
        list(resting),
        limit,
    )
    return [
        Row(row["scan_id"], row, row["first"], row["to_block"], row["position"]) for row in rows
    ]


async def locked(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """The positions of those that are open, which nobody else moves until the transaction ends."""
    rows = await connection.fetch(
        "SELECT id, position FROM scans WHERE id = ANY($1) AND state = ANY($2)"
        " ORDER BY id FOR UPDATE",
        list(ids),
        OPEN,
    )
    return {row["id"]: row["position"] for row in rows}


async def advance(
    connection: Connection, to: Mapping[str, int], done: Iterable[str], last: int | None = None
) -> None:
    """to: the new position of each. done: those that are at their end; last: the block at which
    that is, where it was not known."""
    ended = set(done)
    await connection.execute(
        "UPDATE scans AS s SET position = t.position, error = NULL, updated_at = now(),"
        "   state = CASE WHEN t.is_done THEN 'done' ELSE 'running' END,"
        "   to_block = coalesce($4, s.to_block)"
        " FROM unnest($1::text[], $2::bigint[], $3::bool[]) AS t (id, position, is_done)"
        " WHERE s.id = t.id",
        list(to),
        list(to.values()),
        [id in ended for id in to],
        last,
    )


async def wait(connection: Connection, ids: Sequence[str], why: str) -> None:
    """Says why they do not go on, and lets others go first."""
    await connection.execute(
        "UPDATE scans SET error = $2, updated_at = clock_timestamp()"
        " WHERE id = ANY($1) AND state = ANY($3)",
        list(ids),
        why,
        OPEN,
    )


async def fail(connection: Connection, ids: Sequence[str], why: str) -> None:
    """They will never go on."""
    await connection.execute(
        "UPDATE scans SET state = 'failed', error = $2, updated_at = now()"
        " WHERE id = ANY($1) AND state = ANY($3)",
        list(ids),
        why,
        OPEN,
    )


async def close(connection: Connection, chain_id: int) -> None:
    """Those whose monitor was deleted."""
    rows = await connection.fetch(
        "UPDATE scans AS s SET state = 'failed', error = 'the monitor was deleted',"
        "   updated_at = now()"
        " FROM monitors AS m WHERE m.id = s.monitor_id AND m.chain_id = $1"
        "   AND m.deleted_at IS NOT NULL AND s.state = ANY($2) RETURNING m.id",
        chain_id,
        OPEN,
    )
    if rows:
        await connection.execute(
            "DELETE FROM window_entries AS e USING monitors AS m"
            " WHERE m.id = e.monitor_id AND m.id = ANY($1) AND m.active_from_seq IS NULL",
            [row["id"] for row in rows],
        )


# --- the monitors of scans ------------------------------------------------------------------------


async def addresses(connection: Connection, monitor_id: str) -> dict[str, int | None]:
    """That are watched, and from which block on; None for those that nobody has taken up yet."""
    rows = await connection.fetch(
        "SELECT address, active_from_block FROM monitor_addresses"
        " WHERE monitor_id = $1 AND is_watched",
        monitor_id,
    )
    return {"0x" + row["address"].hex(): row["active_from_block"] for row in rows}


async def watch(connection: Connection, monitor_id: str, number: int) -> list[str]:
    """Addresses that are new are watched from block `number` on; which these are."""
    rows = await connection.fetch(
        "UPDATE monitor_addresses SET active_from_block = $2"
        " WHERE monitor_id = $1 AND is_watched AND active_from_block IS NULL RETURNING address",
        monitor_id,
        number,
    )
    return ["0x" + row["address"].hex() for row in rows]


async def are_unchanged(connection: Connection, revisions: Mapping[str, int]) -> bool:
    """Whether these monitors are as they were read, and stay so until the transaction ends. Locks
    are taken in the order of whoever changes a monitor: the monitor, its project (quotas.count),
    its revision."""
    rows = await connection.fetch(
        "SELECT id, revision FROM monitors"
        " WHERE id = ANY($1) AND is_enabled AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE",
        list(revisions),
    )
    return {row["id"]: row["revision"] for row in rows} == dict(revisions)


async def hand_over(
    connection: Connection, monitor_id: str, revision: int, *, seq: int, number: int
) -> None:
    """From the next message on the matcher looks for the monitor."""
    await connection.execute(
        "UPDATE monitors SET active_from_seq = $2, active_from_block = $3, revision = $4"
        " WHERE id = $1",
        monitor_id,
        seq,
        number,
        revision,
    )
