"""Matches and the messages about them, written in somebody's transaction.

    writing = Writing(connection, chain, names)
    await writing.detected([*hits, *firings])
    await writing.confirmed(number - chain.confirmations)
    await writing.retracted(block_hash)
    writing.messages            # how many messages that made, by monitor

Who writes holds the row of the matcher's position, the matcher itself or a scan: so one writes at a
time, and what both find is there once, since its id follows from the chain.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from asyncpg import Connection

from donablock.monitors.ids import WINDOW
from donablock.monitors.matching import Hit
from donablock.monitors.messages import CONFIRMED, DETECTED, RETRACTED, MessageType, webhook_id
from donablock.monitors.monitor import Monitor
from donablock.monitors.payloads import Names, payload
from donablock.monitors.window_store import Fired
from donablock.store import schema
from donablock.store.database import insert_new

__all__ = ["MatchedChain", "Writing"]

_MATCH_COLUMNS = (
    *("id", "monitor_id", "chain_id", "block_number", "block_hash", "transaction_hash"),
    *("transaction_index", "log_index", "address", "direction", "payload", "block_time"),
)
_DELIVERY_COLUMNS = (
    *("id", "match_id", "endpoint_id", "monitor_id", "type", "order_key", "trace"),
)

# A match that nobody is told of (no endpoint, or monitor or endpoint deleted) changes all the same.
_TELL = """
, told AS (
    INSERT INTO deliveries (id, match_id, endpoint_id, monitor_id, type, order_key, trace)
    SELECT 'evt_' || encode(c.id, 'hex') || '_{letter}' || c.generation, c.id, e.id, m.id, '{kind}',
        CASE WHEN e.is_ordered THEN c.address END, $3
    FROM changed AS c
    JOIN monitors AS m ON m.id = c.monitor_id AND m.deleted_at IS NULL
    JOIN endpoints AS e ON e.id = m.endpoint_id AND e.deleted_at IS NULL
    ORDER BY c.block_number, c.transaction_index, c.log_index, c.id
    ON CONFLICT DO NOTHING RETURNING monitor_id
)
SELECT monitor_id, count(*) FROM told GROUP BY monitor_id
"""
_RETURNING = (
    "RETURNING id, monitor_id, generation, address, block_number, transaction_index, log_index"
)

_CONFIRM = f"""
WITH changed AS (
    UPDATE matches SET state = {schema.CONFIRMED}
    WHERE chain_id = $1 AND state = {schema.DETECTED} AND block_number <= $2 {_RETURNING}
)
""" + _TELL.format(letter="c", kind=CONFIRMED)
_RETRACT = f"""
WITH changed AS (
    UPDATE matches SET state = {schema.RETRACTED}
    WHERE chain_id = $1 AND block_hash = $2
      AND state IN ({schema.DETECTED}, {schema.CONFIRMED}) {_RETURNING}
)
""" + _TELL.format(letter="r", kind=RETRACTED)
_AGAIN = f"""
UPDATE matches SET state = {schema.DETECTED}, generation = generation + 1
WHERE id = ANY($1) AND state = {schema.RETRACTED} RETURNING id, generation
"""


class MatchedChain(Protocol):
    """What has to be known of a chain."""

    @property
    def chain_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def confirmations(self) -> int: ...


class Writing:
    """What one transaction writes. messages: that it made, by monitor."""

    def __init__(
        self, connection: Connection, chain: MatchedChain, names: Names | None = None
    ) -> None:
        """names: of contracts, for the payloads."""
        self.messages: Counter[str] = Counter()
        self._connection = connection
        self._chain = chain
        self._names = names

    async def detected(
        self, found: Iterable[Hit | Fired], traces: Mapping[bytes, str | None] | None = None
    ) -> int:
        """What is there already stays as it is; what was retracted comes back as its next
        generation. Returns how many are new. traces: by the block's hash; what is told of a block
        goes on under its trace."""
        rows: list[tuple[Any, ...]] = []
        monitors: dict[bytes, Monitor] = {}
        for one in found:
            row = self._row(one) if isinstance(one, Hit) else self._firing_row(one)
            rows.append(row)
            monitors[row[0]] = one.monitor
        new = {
            key
            for (key,) in await insert_new(self._connection, schema.matches, _MATCH_COLUMNS, rows)
        }
        generations = dict.fromkeys(new, 1)
        old = [row[0] for row in rows if row[0] not in new]
        if old:
            generations |= {
                row["id"]: row["generation"] for row in await self._connection.fetch(_AGAIN, old)
            }
        await self._tell(rows, generations, monitors, traces or {})
        return len(generations)

    async def confirmed(self, number: int, trace: str | None = None) -> None:
        """All that is in blocks up to `number`."""
        rows = await self._connection.fetch(_CONFIRM, self._chain.chain_id, number, trace)
        self.messages.update(dict(rows))

    async def retracted(self, block_hash: bytes, trace: str | None = None) -> None:
        """All that is in a block."""
        rows = await self._connection.fetch(_RETRACT, self._chain.chain_id, block_hash, trace)
        self.messages.update(dict(rows))

    async def _tell(
        self,
        rows: Iterable[tuple[Any, ...]],
        generations: Mapping[bytes, int],
        monitors: Mapping[bytes, Monitor],
        traces: Mapping[bytes, str | None],
    ) -> None:
        """The deliveries of matches that were detected now."""
        wanted = {
            monitors[id].endpoint_id for id in generations if monitors[id].endpoint_id is not None
        }
        if not wanted:
            return
        found = await self._connection.fetch(
            "SELECT id, is_ordered FROM endpoints WHERE id = ANY($1) AND deleted_at IS NULL",
            list(wanted),
        )
        is_ordered = {row["id"]: row["is_ordered"] for row in found}
        kind: MessageType = DETECTED
        told = [
            (
                webhook_id(row[0], kind, generations[row[0]]),
                row[0],
                monitors[row[0]].endpoint_id,
                monitors[row[0]].id,
                kind,
                row[8] if is_ordered[monitors[row[0]].endpoint_id] else None,
                traces.get(row[4]),
            )
            for row in rows
            if row[0] in generations and monitors[row[0]].endpoint_id in is_ordered
        ]
        owners = {row[0]: row[3] for row in told}
        new = await insert_new(self._connection, schema.deliveries, _DELIVERY_COLUMNS, told)
        self.messages.update(owners[id] for (id,) in new)

    def _row(self, hit: Hit) -> tuple[Any, ...]:
        block = hit.block
        return (
            hit.id,
            hit.monitor.id,
            block.chain_id,
            block.number,
            _raw(block.hash),
            _raw(hit.transaction.hash),
            hit.transaction.index,
            hit.log_index,
            _raw(hit.address),
            hit.direction,
            payload(hit, self._chain.name, self._names),
            dt.datetime.fromtimestamp(block.timestamp, dt.UTC),
        )

    def _firing_row(self, firing: Fired) -> tuple[Any, ...]:
        block, last = firing.block, firing.last
        return (
            firing.id,
            firing.monitor.id,
            self._chain.chain_id,
            block.number,
            _raw(block.hash),
            _raw(last.transaction.hash) if last else b"",
            last.transaction.index if last else -1,
            WINDOW,
            firing.key,
            "all",
            firing.payload,
            dt.datetime.fromtimestamp(block.timestamp, dt.UTC),
        )


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
