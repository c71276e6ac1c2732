"""Windowed conditions (windows.py) with their entries kept in PostgreSQL.

All of it happens in the matcher's transaction. Of a window only those groups are read that the
block can change: those it adds to, and those that an entry leaves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from asyncpg import Connection
from msgspec import Struct

from donablock.chain.blocks import Block
from donablock.errors import InputError
from donablock.monitors import windows
from donablock.monitors.ids import digest
from donablock.monitors.index import Index
from donablock.monitors.matching import Hit
from donablock.monitors.monitor import Monitor
from donablock.monitors.payloads import firing_id, firing_payload
from donablock.monitors.windows import Entry, State, Window
from donablock.store import schema
from donablock.store.database import insert_new

FINAL = 256
"""Blocks: what is deeper is not taken back (worker.WINDOW)."""

_COLUMNS = (
    *("id", "monitor_id", "chain_id", "block_number", "block_hash", "log_index"),
    *("at", "value", "key"),
)

# the groups of addresses that are watched no more; the mark's key has another length
_DROP_UNWATCHED = """
DELETE FROM window_entries AS e
WHERE e.monitor_id = $1 AND octet_length(e.key) = 20 AND NOT EXISTS (
    SELECT FROM monitor_addresses AS a
    WHERE a.monitor_id = $1 AND a.address = e.key AND a.is_watched
)
"""


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
    monitors: Iterable[tuple[Monitor, Sequence[str]]],
    index: Index,
    *,
    number: int,
    at: int,
) -> None:
    """Monitors that are new, or were changed, look as they are from after block `number` on, whose
    time is `at`. Each comes with those of its addresses that are new.

    A window begins empty, and again so where its monitor looks for something else than before: what
    came until then was not chosen alike. An address that is new begins empty too, and one that is
    watched no more leaves nothing.
    """
    windowed = [(one, added, window) for one, added in monitors if (window := _window(one))]
    if not windowed:
        return
    marks = await _marks(connection, chain_id, [monitor for monitor, _, _ in windowed])
    for monitor, added, window in windowed:
        begun: Sequence[str] = ()
        if marks.get(monitor.id) != _meaning(monitor):
            await drop(connection, [monitor.id])
            await _mark(connection, chain_id, monitor, number)
            begun = index.addresses_of(monitor.id)
        elif window.is_by_address:
            await connection.execute(_DROP_UNWATCHED, monitor.id)
            await _drop_groups(connection, monitor.id, added)
            begun = added
            if not begun:
                continue
        else:
            continue
        entries = windows.beginnings(window, monitor.id, chain_id, number, at, begun)
        await _keep(connection, chain_id, monitor.id, entries)


async def drop(connection: Connection, monitor_ids: Sequence[str]) -> None:
    """What these have counted. If they look again, they begin anew."""
    await connection.execute("DELETE FROM window_entries WHERE monitor_id = ANY($1)", monitor_ids)


async def drop_idle(connection: Connection, chain_id: int, revision: int) -> None:
    """What monitors have counted that were changed since `revision`, and do not look any more, or
    have no window any more."""
    await connection.execute(
        "DELETE FROM window_entries AS e USING monitors AS m"
        " WHERE m.id = e.monitor_id AND m.chain_id = $1 AND m.revision > $2"
        "   AND m.active_from_seq IS NOT NULL AND (m.deleted_at IS NOT NULL OR NOT m.is_enabled"
        "     OR coalesce(m.definition->>'window', '') = '')",
        chain_id,
        revision,
    )


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
    before: int | None = None,
) -> list[Fired]:
    """The next block: keeps what it adds, and returns what fires at it. monitors: all that have a
    window; hits: by monitor. before: the time of the block's parent, where it is known."""
    fired: list[Fired] = []
    for monitor in monitors:
        window = _window(monitor) if monitor.active_from <= block.number else None
        own = hits.get(monitor.id, ())
        # nothing can come true then, so most windows cost nothing at most blocks
        if window is None or not (own or window.fires_by_time):
            continue
        if before is None:
            before = await _parent_at(connection, block)
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


async def prune(
    connection: Connection, chain_id: int, monitors: Iterable[Monitor], number: int
) -> None:
    """Throws away what no block after `number - FINAL` can need; blocks up to there are not taken
    back any more. Where that block is not known nothing is."""
    at = await connection.fetchval(
        "SELECT min(timestamp) FROM blocks WHERE chain_id = $1 AND number = $2",
        chain_id,
        number - FINAL,
    )
    if at is not None:
        await forget(connection, monitors, _seconds(at))


async def forget(connection: Connection, monitors: Iterable[Monitor], final_at: int) -> None:
    """`windows.forget`, of what is kept."""
    periods = {one.id: window.period for one in monitors if (window := _window(one)) is not None}
    await connection.execute(
        "DELETE FROM window_entries AS e USING unnest($1::text[], $2::timestamptz[]) AS t (id, at)"
        " WHERE e.monitor_id = t.id AND e.at <= t.at",
        list(periods),
        [_time(final_at - period) for period in periods.values()],
    )


async def _parent_at(connection: Connection, block: Block) -> int:
    at = await connection.fetchval(
        "SELECT timestamp FROM blocks WHERE chain_id = $1 AND hash = $2",
        block.chain_id,
        bytes.fromhex(block.parent[2:]),
    )
    # the first block that the chain is followed from
    return _seconds(at) if at is not None else block.timestamp


# --- what a monitor's entries are of --------------------------------------------------------------

# One row of a time that never comes says what the others were chosen by. So a change is noticed
# whenever it was made, also while no matcher ran.
_NEVER = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


def _meaning(monitor: Monitor) -> bytes:
    """Equal for two revisions that count alike."""
    definition = msgspec.json.encode(monitor.definition, order="sorted").decode()
    return digest(monitor.category, monitor.direction, definition)


def _mark_id(monitor_id: str, chain_id: int) -> bytes:
    return digest(monitor_id, str(chain_id), "definition")


async def _marks(
    connection: Connection, chain_id: int, monitors: Iterable[Monitor]
) -> dict[str, bytes]:
    rows = await connection.fetch(
        "SELECT monitor_id, key FROM window_entries WHERE id = ANY($1)",
        [_mark_id(monitor.id, chain_id) for monitor in monitors],
    )
    return {row["monitor_id"]: row["key"] for row in rows}


async def _mark(connection: Connection, chain_id: int, monitor: Monitor, number: int) -> None:
    row = (_mark_id(monitor.id, chain_id), monitor.id, chain_id, number, b"", -1)
    await insert_new(
        connection,
        schema.window_entries,
        _COLUMNS,
        [(*row, _NEVER, 0, _meaning(monitor))],
    )


async def _drop_groups(connection: Connection, monitor_id: str, addresses: Sequence[str]) -> None:
    if addresses:
        await connection.execute(
            "DELETE FROM window_entries WHERE monitor_id = $1 AND key = ANY($2)",
            monitor_id,
            [bytes.fromhex(address[2:]) for address in addresses],
        )


# --- rows -----------------------------------------------------------------------------------------


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
