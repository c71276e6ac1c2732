"""The stream: what the worker of a chain tells, in one order, for whoever follows.

Every message is written to the table `outbox` in the worker's own transaction, with the next number
of its chain (`seq`: 1, 2, 3, ... without a hole, in the order of commits). Consumers read from the
outbox itself (OutboxStream) or from Kafka, where a relay puts it (store/kafka.py); they cannot tell
the difference:

    position = await register(connection, "matcher", chain_id)
    while True:
        messages = await stream.read(chain_id, position.seq, place=position.place)
        if not messages:
            await stream.wait(chain_id, position.seq, 5.0)
            continue
        async with database.transaction() as connection:
            ...                                     # do what the messages say
            last = messages[-1]
            position = await advance(connection, position, last.seq, last.place)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from asyncpg import Connection
from msgspec import Struct

from donablock.errors import LeadershipError, StreamError, StreamGapError
from donablock.store.database import Database
from donablock.store.positions import lock_pruning
from donablock.telemetry import counter

CHANNEL = "donablock_outbox"
"""NOTIFY: the payload is `chain id:seq`."""

READ_BYTES = 16 << 20
"""One `read` stops after so many bytes, however many messages were asked for."""

_appended = counter("stream_appended", "messages written to the outbox", "chain", "kind")
_pruned = counter("stream_pruned", "messages that every consumer had read, removed", "chain")


class Message(Struct, frozen=True):
    """One message. `kind` is schema.ADDED or schema.ORPHANED, `trace` a W3C traceparent; `place` is
    what the stream wants back to go on after this message, and nobody else's business."""

    chain_id: int
    seq: int
    kind: int
    payload: bytes
    trace: str | None = None
    place: dict[str, Any] | None = None


class Stream(Protocol):
    """What every stream can."""

    async def append(
        self,
        connection: Connection,
        chain_id: int,
        kind: int,
        payload: bytes,
        trace: str | None = None,
        *,
        epoch: int | None = None,
    ) -> int:
        """`append` of this module."""

    async def read(
        self,
        chain_id: int,
        after_seq: int,
        limit: int = 100,
        *,
        place: dict[str, Any] | None = None,
    ) -> Sequence[Message]:
        """The messages after_seq + 1, after_seq + 2, ... as far as they are there, at most `limit`;
        none if there is nothing new. `place` is that of message after_seq, if it is known. Raises
        StreamGapError if the next message is gone for good."""

    async def wait(self, chain_id: int, after_seq: int, timeout: float) -> bool:
        """Returns when there may be a message after `after_seq`, after `timeout` seconds at the
        latest. Whether there is one, only `read` says."""


async def take_lead(connection: Connection, chain_id: int) -> int:
    """Fences off whoever led the chain before, and returns our epoch: appends under an older one
    are refused from the moment this commits. Raises StreamError if the chain has no cursor."""
    epoch: int | None = await connection.fetchval(
        "UPDATE cursors SET leader_epoch = leader_epoch + 1 WHERE chain_id = $1"
        " RETURNING leader_epoch",
        chain_id,
    )
    if epoch is None:
        raise StreamError(f"chain {chain_id} has no cursor: insert one first")
    return epoch


async def append(
    connection: Connection,
    chain_id: int,
    kind: int,
    payload: bytes,
    trace: str | None = None,
    *,
    epoch: int | None = None,
) -> int:
    """Writes the next message of the chain in the caller's transaction and returns its number. The
    row of `cursors` stays locked until that ends, so numbers have no hole and are seen in order.

    epoch: that of `take_lead`; LeadershipError if another process has taken the lead since.
    StreamError if the chain has no cursor.
    """
    seq: int | None = await connection.fetchval(
        """
        WITH taken AS (
            UPDATE cursors SET next_seq = next_seq + 1
            WHERE chain_id = $1 AND ($5::bigint IS NULL OR leader_epoch = $5)
            RETURNING next_seq - 1 AS seq
        ), added AS (
            INSERT INTO outbox (chain_id, seq, kind, payload, trace)
            SELECT $1, seq, $2, $3, $4 FROM taken
            RETURNING seq
        )
        SELECT seq, pg_notify($6, $1::bigint || ':' || seq) FROM added
        """,
        chain_id,
        kind,
        payload,
        trace,
        epoch,
        CHANNEL,
    )
    if seq is None:
        found = await connection.fetchval(
            "SELECT leader_epoch FROM cursors WHERE chain_id = $1", chain_id
        )
        if found is None:
            raise StreamError(f"chain {chain_id} has no cursor: insert one first")
        raise LeadershipError(
            f"another process leads chain {chain_id} (epoch {found}, ours was {epoch})"
        )
    _appended.labels(chain_id, kind).inc()
    return seq


async def read_outbox(
    connection: Connection, chain_id: int, after_seq: int, limit: int
) -> list[Message]:
    """`Stream.read`, from the table."""
    rows = await connection.fetch(
        """
        SELECT seq, kind, payload, trace FROM (
            SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq) AS bytes
            FROM outbox WHERE chain_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
        ) AS next
        WHERE seq = $2 + 1 OR bytes <= $4 ORDER BY seq
        """,
        chain_id,
        after_seq,
        limit,
        READ_BYTES,
    )
    if rows and rows[0]["seq"] == after_seq + 1:
        return [Message(chain_id, *row) for row in rows]
    if not rows:
        newest = await newest_seq(connection, chain_id)
        # it may have come between the two questions
        if newest <= after_seq or await _is_there(connection, chain_id, after_seq + 1):
            return []
    raise StreamGapError(
        f"message {after_seq + 1} of chain {chain_id} is gone: rebuild this consumer from the chain"
        " (`donablock rebuild`)"
    )


async def newest_seq(connection: Connection, chain_id: int) -> int:
    """The number of the chain's last message; 0 if it has none."""
    last = await connection.fetchval(
        "SELECT next_seq - 1 FROM cursors WHERE chain_id = $1", chain_id
    )
    return int(last or 0)


async def _is_there(connection: Connection, chain_id: int, seq: int) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM outbox WHERE chain_id = $1 AND seq = $2)", chain_id, seq
        )
    )


async def prune(database: Database, chain_id: int, retention: float, *, batch: int = 1_000) -> int:
    """Removes messages older than `retention` seconds that every registered consumer has done with,
    `batch` in one transaction, and returns how many. Without any consumer nothing is removed."""
    removed = 0
    while True:
        async with database.transaction() as connection:
            await lock_pruning(connection, chain_id)
            done = await connection.execute(
                """
                DELETE FROM outbox WHERE chain_id = $1 AND seq IN (
                    SELECT seq FROM outbox
                    WHERE chain_id = $1 AND created_at < now() - make_interval(secs => $2)
                      AND seq <= (SELECT min(seq) FROM positions WHERE chain_id = $1)
                    ORDER BY seq LIMIT $3)
                """,
                chain_id,
                retention,
                batch,
            )
        count = int(done.split()[-1])
        _pruned.labels(chain_id).inc(count)
        removed += count
        if count < batch:
            return removed


class OutboxStream:
    """The outbox itself, read by number."""

    def __init__(self, database: Database) -> None:
        """Use `opened`."""
        self._database = database
        self._newest: dict[int, int] = {}  # seq of each chain, as far as we know
        self._missed = 0  # times that something may not have been heard
        self._heard = asyncio.Event()  # replaced by another whenever something is heard

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, database: Database) -> AsyncIterator[OutboxStream]:
        stream = cls(database)
        async with database.news(CHANNEL, stream._hear):
            yield stream

    append = staticmethod(append)

    async def read(
        self,
        chain_id: int,
        after_seq: int,
        limit: int = 100,
        *,
        place: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Sequence[Message]:
        async with self._database.connection() as connection:
            return await read_outbox(connection, chain_id, after_seq, limit)

    async def wait(self, chain_id: int, after_seq: int, timeout: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    heard = self._heard  # before asking, so that nothing between is missed
                    if chain_id not in self._newest:
                        missed = self._missed
                        async with self._database.connection() as connection:
                            found = await newest_seq(connection, chain_id)
                        if missed != self._missed:
                            continue  # the answer is older than what was not heard
                        # what was heard meanwhile may be newer than the answer
                        self._newest[chain_id] = max(found, self._newest.get(chain_id, 0))
                    if self._newest[chain_id] > after_seq:
                        return True
                    await heard.wait()
        return False

    def _hear(self, payload: str | None) -> None:
        chain, _, seq = (payload or "").partition(":")
        if chain.isdigit() and seq.isdigit():
            self._newest[int(chain)] = max(int(seq), self._newest.get(int(chain), 0))
        else:
            self._newest.clear()  # some may have been missed: ask again
            self._missed += 1
        self._heard.set()
        self._heard = asyncio.Event()
