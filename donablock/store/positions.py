"""How far each consumer of the stream is. A position moves in the transaction of what was done with
the messages, so that neither is ever there without the other."""

from __future__ import annotations

from typing import Any

from asyncpg import Connection
from msgspec import Struct

from donablock.errors import StreamError
from donablock.store.keys import lock_key


class Position(Struct, frozen=True):
    """All messages of the chain up to `seq` are done with; 0 before the first. `number` and `hash`
    are of the block the consumer names, `place` is where the stream finds the next message."""

    consumer: str
    chain_id: int
    seq: int
    number: int | None = None
    hash: bytes | None = None
    place: dict[str, Any] | None = None


async def register(connection: Connection, consumer: str, chain_id: int) -> Position:
    """The position of a consumer; one that is new begins with the oldest message that is kept. From
    now on nothing that it has not read is pruned. The chain needs its cursor first (StreamError).
    """
    async with connection.transaction():
        await lock_pruning(connection, chain_id)
        await connection.execute(
            """
            INSERT INTO positions (consumer, chain_id, seq)
            SELECT $1, chain_id, coalesce(
                (SELECT min(seq) FROM outbox WHERE chain_id = $2), next_seq) - 1
            FROM cursors WHERE chain_id = $2
            ON CONFLICT DO NOTHING
            """,
            consumer,
            chain_id,
        )
        return await position(connection, consumer, chain_id)


async def unregister(connection: Connection, consumer: str, chain_id: int) -> None:
    """The consumer is no more; nothing is kept for it."""
    await connection.execute(
        "DELETE FROM positions WHERE consumer = $1 AND chain_id = $2", consumer, chain_id
    )


async def position(
    connection: Connection, consumer: str, chain_id: int, *, is_locked: bool = False
) -> Position:
    """Where a registered consumer is, else StreamError. is_locked: nobody moves it until this
    transaction ends."""
    row = await connection.fetchrow(
        "SELECT seq, number, hash, kafka FROM positions WHERE consumer = $1 AND chain_id = $2"
        + (" FOR UPDATE" if is_locked else ""),
        consumer,
        chain_id,
    )
    if row is None:
        raise StreamError(
            f"{consumer} has no position on chain {chain_id}: it was not registered, or the chain"
            " has no cursor yet"
        )
    return Position(consumer, chain_id, row["seq"], row["number"], row["hash"], row["kafka"])


async def advance(
    connection: Connection,
    before: Position,
    seq: int,
    place: dict[str, Any] | None = None,
    *,
    number: int | None = None,
    hash: bytes | None = None,
) -> Position:
    """Moves on from `before` to `seq`. Raises StreamError if the position is not at `before` any
    more: another process has done these messages, and this transaction must not commit."""
    if seq <= before.seq:
        raise StreamError(f"{before.consumer} cannot go from {before.seq} to {seq}: only forward")
    moved = await connection.fetchval(
        """
        UPDATE positions
        SET seq = $4, kafka = $5, updated_at = now(),
            number = coalesce($6, number), hash = coalesce($7, hash)
        WHERE consumer = $1 AND chain_id = $2 AND seq = $3
        RETURNING true
        """,
        before.consumer,
        before.chain_id,
        before.seq,
        seq,
        place,
        number,
        hash,
    )
    if not moved:
        raise StreamError(
            f"{before.consumer} is not at {before.seq} of chain {before.chain_id} any more: another"
            " process has gone on from there"
        )
    return Position(
        before.consumer,
        before.chain_id,
        seq,
        before.number if number is None else number,
        before.hash if hash is None else hash,
        place,
    )


async def lag(connection: Connection) -> list[tuple[str, int, int]]:
    """Consumer, chain, and how many messages it has not done yet."""
    rows = await connection.fetch(
        "SELECT consumer, chain_id, next_seq - 1 - seq AS lag"
        " FROM positions JOIN cursors USING (chain_id) ORDER BY consumer, chain_id"
    )
    return [(row["consumer"], row["chain_id"], row["lag"]) for row in rows]


async def lock_pruning(connection: Connection, chain_id: int) -> None:
    """Who registers and who prunes wait for one another until their transactions end."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", lock_key(f"prune|{chain_id}"))
