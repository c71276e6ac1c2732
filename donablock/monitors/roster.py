"""The monitors of one chain as the matcher has them, kept up with what people change.

A change has a revision, and revisions are seen in their order. The matcher looks for new ones at
each boundary between messages, in the transaction in which it goes on: what it finds there takes
part from the next message on, and that is written down as the exact block from which a monitor or
an address is watched. The index in memory follows only when that transaction has committed.

A monitor that is to look from an earlier block on gets a scan of what was before (scans.py), in the
same transaction. One with a window is not looked for until its scan has come to the matcher's own
place: what its window holds there follows from all blocks before.
"""

from __future__ import annotations

from typing import Any

import structlog
from asyncpg import Connection

from donablock.errors import InputError
from donablock.monitors import scan_store, window_store
from donablock.monitors.index import Index, IndexEdit
from donablock.monitors.monitor import Monitor, definition_of
from donablock.monitors.scan_store import Asked

_TOGETHER = 1_000
"""Monitors whose addresses are read at once."""

_log = structlog.get_logger(__name__)


class Roster:
    """An index, the revision up to which it is made, and those of its monitors that have a window,
    which every block concerns."""

    def __init__(
        self,
        index: Index | None = None,
        revision: int = 0,
        windowed: tuple[Monitor, ...] = (),
    ) -> None:
        self.index = index or Index()
        self.revision = revision
        self.windowed = windowed

    async def taken_up(
        self, connection: Connection, chain_id: int, *, seq: int, number: int
    ) -> tuple[Roster, list[tuple[Monitor, list[str]]]]:
        """The roster with every change that is committed, itself where there is none; and the
        monitors with a window that are new or were changed, each with its addresses that are new.
        seq, number: the next message, and the block from which on what is new is watched.
        """
        newest = await _newest(connection, chain_id)
        if newest <= self.revision:
            return self, []
        # What is changed while we read has a higher revision, and is left to the next time as a
        # whole: half of it, such as a first block without its address, would be wrong for ever.
        span = (self.revision, newest)
        rows = await connection.fetch(
            "SELECT * FROM monitors WHERE chain_id = $1 AND revision > $2 AND revision <= $3"
            # who knows none yet need not forget those that are gone
            "   AND ($2 > 0 OR deleted_at IS NULL) ORDER BY id",
            chain_id,
            *span,
        )
        edit = self.index.edit()
        windowed = {monitor.id: monitor for monitor in self.windowed}
        changed: dict[str, Monitor] = {}
        unknown: list[Monitor] = []
        new: list[str] = []
        asked: list[Asked] = []
        for row in rows:
            windowed.pop(row["id"], None)
            if row["deleted_at"] is not None or not row["is_enabled"]:
                edit.drop(row["id"])
                continue
            monitor = read_monitor(row, number)
            if monitor is None:
                edit.drop(row["id"])
                continue
            first, is_new = row["from_block"], row["active_from_seq"] is None
            if is_new and monitor.definition.window and first is not None:
                asked.append(Asked(monitor.id, first, number - 1))
                continue
            if is_new and first is not None and first < number:
                asked.append(Asked(monitor.id, first, number - 1))
            if self.index.monitors.get(monitor.id) is None:
                unknown.append(monitor)
            else:
                edit.put(monitor)
            if is_new:
                new.append(monitor.id)
            if monitor.definition.window:
                windowed[monitor.id] = monitor
                changed[monitor.id] = monitor
        for at in range(0, len(unknown), _TOGETHER):
            some = unknown[at : at + _TOGETHER]
            found = await _addresses(connection, [monitor.id for monitor in some], newest)
            for monitor in some:
                edit.put(monitor, found.get(monitor.id, ()))
        await _follow_addresses(connection, edit, self.index, span, chain_id)
        await scan_store.ask(connection, asked)
        await connection.execute(
            "UPDATE monitors SET active_from_seq = $2, active_from_block = $3"
            " WHERE id = ANY($1) AND active_from_seq IS NULL",
            new,
            seq,
            number,
        )
        await window_store.drop_idle(connection, chain_id, self.revision)
        added = await _begin_addresses(connection, chain_id, span, seq, number, list(changed))
        roster = Roster(edit.done(), newest, tuple(windowed.values()))
        return roster, [(monitor, added.get(id, [])) for id, monitor in changed.items()]


async def _newest(connection: Connection, chain_id: int) -> int:
    """The last revision that changed a monitor of the chain."""
    found = await connection.fetchval(
        "SELECT max(revision) FROM monitors WHERE chain_id = $1", chain_id
    )
    return int(found or 0)


def read_monitor(row: Any, number: int) -> Monitor | None:
    """Of a row of `monitors`; number: the block that comes next. None for one whose definition this
    version does not understand: told, and passed over."""
    active = row["active_from_block"] if row["active_from_block"] is not None else number
    try:
        return Monitor(
            row["id"],
            row["category"],
            definition_of(row["definition"]),
            direction=row["direction"],
            revision=row["revision"],
            active_from=row["from_block"] if row["from_block"] is not None else active,
            endpoint_id=row["endpoint_id"],
            tags=tuple(row["tags"]),
            is_checked=True,
        )
    except InputError as error:
        _log.error("monitor cannot be read", monitor=row["id"], because=str(error))
        return None


async def _begin_addresses(
    connection: Connection,
    chain_id: int,
    span: tuple[int, int],
    seq: int,
    number: int,
    wanted: list[str],
) -> dict[str, list[str]]:
    """Writes down from which block on those that are new are watched. With a monitor that is new
    itself that is its own first block; those of one whose scan is to make it live are the scan's.
    Returns those of the monitors `wanted`."""
    rows = await connection.fetch(
        # in the order in which whoever removes some of them locks them, too
        "WITH found AS ("
        " SELECT a.monitor_id, a.address, CASE"
        "   WHEN m.active_from_seq = $4 AND coalesce(m.definition->>'window', '') = ''"
        "   THEN least($3, coalesce(m.from_block, $3)) ELSE $3 END AS first"
        " FROM monitor_addresses AS a JOIN monitors AS m ON m.id = a.monitor_id"
        " WHERE m.chain_id = $1 AND a.revision > $2 AND a.revision <= $6 AND a.is_watched"
        "   AND a.active_from_block IS NULL AND m.active_from_seq IS NOT NULL"
        " ORDER BY a.monitor_id, a.address FOR NO KEY UPDATE OF a"
        "), begun AS ("
        " UPDATE monitor_addresses AS a SET active_from_block = found.first FROM found"
        " WHERE a.monitor_id = found.monitor_id AND a.address = found.address"
        " RETURNING a.monitor_id, a.address)"
        " SELECT monitor_id, address FROM begun WHERE monitor_id = ANY($5)",
        chain_id,
        span[0],
        number,
        seq,
        wanted,
        span[1],
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["monitor_id"], []).append("0x" + row["address"].hex())
    return found


async def _addresses(
    connection: Connection, monitor_ids: list[str], newest: int
) -> dict[str, list[str]]:
    """Those that each of them watches, as of a revision."""
    rows = await connection.fetch(
        "SELECT monitor_id, array_agg(address) AS addresses FROM monitor_addresses"
        " WHERE monitor_id = ANY($1) AND is_watched AND revision <= $2 GROUP BY monitor_id",
        monitor_ids,
        newest,
    )
    return {row["monitor_id"]: ["0x" + one.hex() for one in row["addresses"]] for row in rows}


async def _follow_addresses(
    connection: Connection,
    edit: IndexEdit,
    before: Index,
    span: tuple[int, int],
    chain_id: int,
) -> None:
    """Of monitors that were there before: only the addresses that came or went."""
    rows = await connection.fetch(
        "SELECT a.monitor_id, a.address, a.is_watched FROM monitor_addresses AS a"
        " JOIN monitors AS m ON m.id = a.monitor_id"
        " WHERE a.revision > $1 AND a.revision <= $3 AND m.chain_id = $2 AND m.is_enabled"
        "   AND m.deleted_at IS NULL",
        span[0],
        chain_id,
        span[1],
    )
    for row in rows:
        if before.monitors.get(row["monitor_id"]) is not None:
            change = edit.add if row["is_watched"] else edit.remove
            change(row["monitor_id"], ["0x" + row["address"].hex()])
