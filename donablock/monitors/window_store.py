"""Windowed conditions (windows.py) with their entries kept in PostgreSQL.

All of it happens in the matcher's transaction. Of a window only those groups are read that the
block can change: those it adds to, and those that an entry leaves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asyncpg import Connection
from msgspec import Struct

from donablock.chain.blocks import Block
from donablock.errors import InputError
from donablock.monitors import windows
from donablock.monitors.index import Index
from donablock.monitors.matching import Hit
from donablock.monitors.monitor import Monitor
from donablock.monitors.payloads import firing_id, firing_payload
from donablock.monitors.windows import Entry, State, Window
from donablock.store import schema
from donablock.store.database import insert_new

_COLUMNS = (
    *("id", "monitor_id", "chain_id", "block_number", "block_hash", "log_index"),
    *("at", "value", "key"),
)


class Fired(Struct, frozen=True):
    """A window that came true at a block. last: the match that was added to its group last, if the
    block added one."""

    id: bytes
    monitor: Monitor
    block: Block
    key: bytes
    payload: bytes
    last: Hit | None


async def begin(
    connection: Connection,
    chain_id: int,
    monitors: Iterable[Monitor],
    index: Index,
    *,
    number: int,
    at: int,
) -> None:
    """Monitors that are new look from after block `number`, whose time is `at`: from here on
    `none for` counts."""
    for monitor in monitors:
        window = _window(monitor)
        if window is not None:
            addresses = index.addresses_of(monitor.id)
            entries = windows.beginnings(window, monitor.id, chain_id, number, at, addresses)
            await _keep(connection, chain_id, monitor.id, entries)


async def retract(connection: Connection, chain_id: int, block_hash: bytes) -> None:
    """As if the block had never been."""
    await connection.execute(
        "DELETE FROM window_entries WHERE chain_id = $1 AND block_hash = $2", chain_id, block_hash
    )


async def advance(
    connection: Connection,
    block: Block,
    monitors: Iterable[Monitor],
    hits: Mapping[str, Sequence[Hit]],
    chain: str,
) -> list[Fired]:
    """The next block: keeps what it adds, and returns what fires at it. monitors: all that have a
    window; hits: by monitor."""
    watching = [
        (monitor, window)
        for monitor in monitors
        if monitor.active_from <= block.number and (window := _window(monitor)) is not None
    ]
    if not watching:
        return []
    before_at = await connection.fetchval(
        "SELECT timestamp FROM blocks WHERE chain_id = $1 AND hash = $2",
        block.chain_id,
        bytes.fromhex(block.parent[2:]),
    )
    before = _seconds(before_at) if before_at is not None else block.timestamp
    fired: list[Fired] = []
    for monitor, window in watching:
        own = hits.get(monitor.id, ())
        entries = windows.entries_of(
            window,
            monitor.id,
            block.chain_id,
            (block.number, block.hash, block.timestamp),
            [(hit.key, hit.measure, hit.log_index) for hit in own],
        )
        low, high = windows.leaving(window, before, block.timestamp)
        state = await _state(connection, monitor.id, before, low, high, entries)
        _, firings = windows.advance(window, state, block.timestamp, entries)
        await _keep(connection, block.chain_id, monitor.id, entries)
        for firing in firings:
            last = next((hit for hit in reversed(own) if hit.key == firing.key), None)
            fired.append(
                Fired(
                    firing_id(block, monitor, firing),
                    monitor,
                    block,
                    firing.key,
                    firing_payload(block, monitor, firing, chain, last),
                    last,
                )
            )
    return fired


def _window(monitor: Monitor) -> Window | None:
    """None also where the condition cannot be read any more: the matching tells of it."""
    try:
        return monitor.program.window
    except InputError:
        return None


async def _state(
    connection: Connection,
    monitor_id: str,
    before: int,
    low: int,
    high: int,
    added: Sequence[Entry],
) -> State:
    """The groups that can change, with all their entries that still count before the block."""
    rows = await connection.fetch(
        "SELECT * FROM window_entries WHERE monitor_id = $1 AND at > $2 AND key IN ("
        " SELECT unnest($3::bytea[]) UNION"
        " SELECT key FROM window_entries WHERE monitor_id = $1 AND at > $2 AND at <= $4)"
        " ORDER BY block_number, log_index",
        monitor_id,
        _time(low),
        list({entry.key for entry in added}),
        _time(high),
    )
    return State.of(before, map(_entry, rows))


async def _keep(
    connection: Connection, chain_id: int, monitor_id: str, entries: Sequence[Entry]
) -> None:
    await insert_new(
        connection,
        schema.window_entries,
        _COLUMNS,
        [
            (
                entry.id,
                monitor_id,
                chain_id,
                entry.block_number,
                bytes.fromhex(entry.block_hash[2:]),
                entry.log_index,
                _time(entry.at),
                entry.value,
                entry.key,
            )
            for entry in entries
        ],
    )


def _entry(row: Any) -> Entry:
    block_hash = "0x" + row["block_hash"].hex() if row["block_hash"] else ""
    return Entry(
        row["id"],
        row["key"],
        _seconds(row["at"]),
        int(row["value"]),
        row["block_number"],
        block_hash,
        row["log_index"],
    )


def _time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(max(seconds, 0), dt.UTC)


def _seconds(time: dt.datetime) -> int:
    return int(time.timestamp())
