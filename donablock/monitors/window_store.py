"""Windowed conditions (windows.py) with their entries kept in PostgreSQL.

All of it happens in the matcher's transaction. Of a window only those groups are looked at that the
block can change: those it adds to, and those that an entry leaves.

No entries are read. Each one knows its place in its group, and what the group has added up to: so
what a window holds is the difference between the newest entry and the oldest that counts, and takes
as long to find however many there are. Entries only ever go from a group's ends (the newest with
their block, the oldest with time) or with all of it, so the differences stay true. Only different
values have to be counted one by one, and of them there may be too many (MOST).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import structlog
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
from donablock.monitors.windows import Entry, Level, Window
from donablock.store import schema
from donablock.store.database import insert_new
from donablock.telemetry import counter

FINAL = 256
"""Blocks: what is deeper is not taken back (worker.WINDOW)."""

_COLUMNS = (
    *("id", "monitor_id", "chain_id", "block_number", "block_hash", "log_index"),
    *("at", "value", "key", "place", "running"),
)

MOST = 100_000
"""Entries among which different values are counted for one block. Where the groups that it can
change hold more, the window is not looked at: it would hold up its chain."""

_passed_over = counter(
    "windows_passed_over", "windows that held too much to be looked at, by block"
)
_log = structlog.get_logger(__name__)
_told: set[str] = set()
"""Monitors of which was logged that they were passed over."""

# $1 the monitor, $2 keys that a block adds to, $3 and $4 what `windows.leaving` says, $5 whether
# those that an entry leaves are looked at as well. The mark's place is 0.
_GROUPS = """
WITH groups AS (
    SELECT k.key, newest.place AS newest_place, newest.running AS newest_running,
        oldest.place AS oldest_place, oldest.running AS oldest_running,
        kept.place AS kept_place, kept.running AS kept_running
    FROM (
        SELECT unnest($2::bytea[]) AS key
        UNION
        SELECT key FROM window_entries WHERE $5 AND monitor_id = $1 AND at > $3 AND at <= $4
    ) AS k
    LEFT JOIN LATERAL (
        SELECT place, running FROM window_entries
        WHERE monitor_id = $1 AND key = k.key AND place > 0
        ORDER BY at DESC, place DESC LIMIT 1
    ) AS newest ON true
    LEFT JOIN LATERAL (
        SELECT place - 1 AS place, running - value AS running
        FROM window_entries WHERE monitor_id = $1 AND key = k.key AND place > 0 AND at > $3
        ORDER BY at, place LIMIT 1
    ) AS oldest ON true
    LEFT JOIN LATERAL (
        SELECT place - 1 AS place, running - value AS running
        FROM window_entries WHERE monitor_id = $1 AND key = k.key AND place > 0 AND at > $4
        ORDER BY at, place LIMIT 1
    ) AS kept ON true
)
"""

_TOTALS = f"""{_GROUPS}
SELECT key, newest_place AS place, newest_running AS running,
    coalesce(newest_place - oldest_place, 0) AS entries_before,
    coalesce(newest_place - kept_place, 0) AS entries_kept,
    coalesce(newest_running - oldest_running, 0) AS sum_before,
    coalesce(newest_running - kept_running, 0) AS sum_kept
FROM groups
"""

# $6 and $7 keys and values that the block adds, $8 MOST
_DISTINCT = f"""{_GROUPS}, sized AS (
    SELECT *, sum(coalesce(newest_place - oldest_place, 0)) OVER () AS entries FROM groups
)
SELECT g.key, newest_place AS place, newest_running AS running, found.before, found.total
FROM sized AS g
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE is_old) AS before, count(*) FILTER (WHERE is_inside) AS total
    FROM (
        SELECT bool_or(is_old) AS is_old, bool_or(is_inside) AS is_inside
        FROM (
            SELECT value, true AS is_old, at > $4 AS is_inside
            FROM window_entries WHERE monitor_id = $1 AND key = g.key AND place > 0 AND at > $3
            UNION ALL
            SELECT a.value, false, true
            FROM unnest($6::bytea[], $7::numeric[]) AS a (key, value) WHERE a.key = g.key
        ) AS one GROUP BY value
    ) AS each
) AS found ON g.entries <= $8
"""

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
        await _keep(connection, chain_id, monitor.id, entries, {})


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
        levels, ends = await _levels(connection, monitor.id, window, before, block, entries)
        await _keep(connection, block.chain_id, monitor.id, entries, ends)
        if levels is None:
            _pass_over(monitor.id, block)
            continue
        _told.discard(monitor.id)
        firings = windows.fire(window, levels)
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
        [(*row, _NEVER, 0, _meaning(monitor), 0, 0)],
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


async def _levels(
    connection: Connection,
    monitor_id: str,
    window: Window,
    before: int,
    block: Block,
    added: Sequence[Entry],
) -> tuple[dict[bytes, Level] | None, dict[bytes, tuple[int, int]]]:
    """The levels of the groups that can come true, None if there are too many entries; and where
    these groups end: place and running total of the newest entry."""
    low, high = windows.leaving(window, before, block.timestamp)
    groups: dict[bytes, list[Entry]] = {}
    for entry in added:
        groups.setdefault(entry.key, []).append(entry)
    arguments = (monitor_id, list(groups), _time(low), _time(high), window.fires_by_time)
    levels: dict[bytes, Level] | None = {}
    if window.aggregate == "distinct":
        pairs = [entry.key for entry in added], [entry.value for entry in added]
        rows = await connection.fetch(_DISTINCT, *arguments, *pairs, MOST)
        if any(row["total"] is None for row in rows):
            levels = None
        else:
            levels = {row["key"]: Level(row["before"], row["total"]) for row in rows}
    else:
        rows = await connection.fetch(_TOTALS, *arguments)
        what = "entries" if window.aggregate == "none" else "sum"
        levels = {
            row["key"]: Level(
                int(row[f"{what}_before"]),
                int(row[f"{what}_kept"]) + window.weight(groups.get(row["key"], ())),
            )
            for row in rows
        }
    ends = {
        row["key"]: (row["place"], int(row["running"])) for row in rows if row["place"] is not None
    }
    return levels, ends


def _pass_over(monitor_id: str, block: Block) -> None:
    _passed_over.inc()
    if monitor_id not in _told:
        _told.add(monitor_id)
        _log.warning(
            "window holds too many entries to be looked at; shorten its period, or narrow it down",
            monitor=monitor_id,
            block=block.number,
            most=MOST,
        )


async def _keep(
    connection: Connection,
    chain_id: int,
    monitor_id: str,
    entries: Sequence[Entry],
    ends: Mapping[bytes, tuple[int, int]],
) -> None:
    """ends: place and running total of the newest entry of each group that is not empty."""
    rows = []
    ends = dict(ends)
    for entry in entries:
        place, running = ends.get(entry.key, (0, 0))
        place, running = ends[entry.key] = place + 1, running + entry.value
        rows.append(
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
                place,
                running,
            )
        )
    await insert_new(connection, schema.window_entries, _COLUMNS, rows)


def _time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(max(seconds, 0), dt.UTC)


def _seconds(time: dt.datetime) -> int:
    return int(time.timestamp())
