"""Monitors and their addresses, as people make and change them.

    registry = Registry(database, chains)
    monitor = await registry.create("pr_1", MonitorSpec(56, "gifts", "erc20", addresses=["0x..."]))
    await registry.update("pr_1", monitor.id, is_enabled=False)

Each change stamps a revision (store/revisions.py); the matcher takes it up at the next boundary
between messages, and writes down from which block on it counts (roster.py). What a project asks for
by an id that is not its own is answered as if there were no such thing.

A monitor that is disabled finds nothing new from then on; what it has found is still confirmed or
retracted. When it is enabled again it goes on with the next block: what happened meanwhile is not
looked for. A monitor that is deleted tells of nothing any more: what waits to be sent becomes dead
letters, and what is on the chain since is not confirmed or retracted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import msgspec
from asyncpg import Connection

from donablock.chain.chains import Chain
from donablock.errors import DefinitionError, InputError, NotFoundError
from donablock.monitors import quotas, removal, scan_store
from donablock.monitors.abi import event_of, function_of
from donablock.monitors.conditions.lexer import show
from donablock.monitors.monitor import Definition, Monitor, address_of, definition_of, schema_of
from donablock.monitors.texts import known, new_id, page_size, plain_json, raw_address, text_of
from donablock.store.database import Database
from donablock.store.revisions import next_revision

__all__ = [
    "LONGEST_NAME",
    "LONGEST_NOTE",
    "LONGEST_TAG",
    "MOST_AT_ONCE",
    "MOST_TAGS",
    "Added",
    "MonitorRow",
    "MonitorSpec",
    "Registry",
    "Scan",
    "WatchedAddress",
]

MOST_AT_ONCE = 50
"""Addresses in one call."""

LONGEST_NAME = 100
LONGEST_NOTE = 1_000
MOST_TAGS = 20
LONGEST_TAG = 50


@dataclass(frozen=True, slots=True)
class MonitorSpec:
    """A monitor as it is asked for. watches to events: its definition (docs/conditions.md).
    from_block: look from there on, also at what is past; None: from now on. addresses: at most 50,
    more are added afterwards. endpoint_id: where it tells; None: nowhere, it only records."""

    chain_id: int
    name: str
    category: str
    direction: str = "all"
    watches: str = "addresses"
    contracts: Sequence[str] = ()
    abi: Any = None
    signature: str = ""
    condition: str = ""
    window: str = ""
    units: Mapping[str, int] = field(default_factory=dict)
    includes_failed: bool = False
    events: Sequence[str] = ()
    endpoint_id: str | None = None
    tags: Sequence[str] = ()
    note: str = ""
    is_enabled: bool = True
    from_block: int | None = None
    addresses: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """A monitor as it is kept. definition: what differs from the defaults of `Definition`.
    active_from_block: the first block that it looked at; None until the matcher has taken it up.
    address_count: how many it watches."""

    id: str
    project_id: str
    chain_id: int
    name: str
    category: str
    direction: str
    definition: dict[str, Any]
    endpoint_id: str | None
    tags: tuple[str, ...]
    note: str
    is_enabled: bool
    from_block: int | None
    active_from_block: int | None
    revision: int
    created_at: datetime
    updated_at: datetime
    address_count: int


@dataclass(frozen=True, slots=True)
class Added:
    """added: how many are new; existing: those that were watched before, in lower case."""

    added: int
    existing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WatchedAddress:
    """active_from_block: the first block in which it was looked for; None until the matcher has
    taken it up."""

    address: str
    active_from_block: int | None


@dataclass(frozen=True, slots=True)
class Scan:
    """A look at blocks from before a monitor's activation, from_block to to_block, both included.
    position: the next block of it. state: pending, running, done or failed, with `error`."""

    id: str
    monitor_id: str
    from_block: int
    to_block: int
    position: int
    state: str
    error: str | None
    created_at: datetime
    updated_at: datetime


_COLUMNS = (
    *("id", "project_id", "chain_id", "name", "category", "direction", "definition"),
    *("endpoint_id", "tags", "note", "is_enabled", "from_block", "active_from_block", "revision"),
    *("created_at", "updated_at"),
)
_SELECT = f"""
SELECT {", ".join(f"m.{name}" for name in _COLUMNS)},
    (SELECT count(*) FROM monitor_addresses WHERE monitor_id = m.id AND is_watched)
        AS address_count
FROM monitors AS m
"""

_WATCH = """
INSERT INTO monitor_addresses (monitor_id, address, revision)
SELECT $1, address, $3 FROM unnest($2::bytea[]) AS t (address)
ON CONFLICT (monitor_id, address)
    DO UPDATE SET is_watched = true, revision = excluded.revision, active_from_block = NULL,
        removed_at = NULL
"""

_DEFAULTS = dict[str, Any](
    watches="addresses",
    contracts=(),
    abi=None,
    signature="",
    condition="",
    window="",
    units={},
    includes_failed=False,
    events=(),
)
_DEFINED = tuple(_DEFAULTS)
_KEPT = ("name", "direction", "endpoint_id", "tags", "note", "is_enabled")
_FIXED = ("chain_id", "category", "from_block")


class Registry:
    """For the API: every call names the project that asks.

    Locks are taken in the order positions, monitors, usage, projects, revisions, as the matcher
    takes them.
    """

    def __init__(self, database: Database, chains: Mapping[int, Chain]) -> None:
        """chains: those that may be named."""
        self._database = database
        self._chains = chains

    async def create(self, project: str, spec: MonitorSpec) -> MonitorRow:
        """Raises InputError (DefinitionError, ConditionError), QuotaError, NotFoundError."""
        known("project", project)
        chain_id = self._chain(spec.chain_id)
        from_block = _height(spec.from_block)
        values = _checked(
            spec.category, {one.name: getattr(spec, one.name) for one in fields(spec)}
        )
        addresses = _addresses(spec.addresses, least=0)
        _refuse_addresses(values, len(addresses))
        monitor = new_id("mo")

        async def work(connection: Connection) -> Any:
            allowed = await quotas.lock(connection, project)
            await quotas.check_monitors(connection, project, allowed)
            if addresses:
                await quotas.check_addresses(connection, project, allowed, len(addresses))
            await _check_endpoint(connection, project, values["endpoint_id"])
            revision = await next_revision(connection)
            await connection.execute(
                "INSERT INTO monitors (id, project_id, chain_id, category, from_block, revision,"
                " name, direction, endpoint_id, tags, note, is_enabled, definition)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                *(monitor, project, chain_id, spec.category, from_block, revision),
                *(values[name] for name in (*_KEPT, "definition")),
            )
            await connection.execute(_WATCH, monitor, addresses, revision)
            return await _get(connection, project, monitor)

        return _row(await self._database.run(work))

    async def get(self, project: str, monitor: str) -> MonitorRow:
        """Raises NotFoundError."""
        async with self._database.connection() as connection:
            return _row(await _get(connection, project, monitor))

    async def page(
        self,
        project: str,
        *,
        chain_id: int | None = None,
        search: str | None = None,
        tag: str | None = None,
        is_enabled: bool | None = None,
        limit: int = 50,
        after: str = "",
    ) -> list[MonitorRow]:
        """By id. search: an id, or a part of the name, in capitals or not. after: the last id of
        the page before. Raises InputError."""
        id = part = None
        if search:
            text_of("what is searched for", search, most=LONGEST_NAME)
            if search.startswith("mo_"):
                id = search
            else:
                part = "%" + re.sub(r"([\\%_])", r"\\\1", search) + "%"
        if tag is not None:
            text_of("a tag", tag, most=LONGEST_TAG)
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                _SELECT + " WHERE project_id = $1 AND deleted_at IS NULL AND id > $2"
                " AND ($3::bigint IS NULL OR chain_id = $3) AND ($4::text IS NULL OR id = $4)"
                " AND ($5::text IS NULL OR name ILIKE $5)"
                " AND ($6::text IS NULL OR $6 = ANY(tags))"
                " AND ($7::boolean IS NULL OR is_enabled = $7) ORDER BY id LIMIT $8",
                known("project", project),
                known("monitor", after) if after else "",
                *(_height(chain_id), id, part, tag, is_enabled, page_size(limit)),
            )
        return [_row(row) for row in rows]

    async def update(self, project: str, monitor: str, **changes: Any) -> MonitorRow:
        """changes: what MonitorSpec has, but chain_id, category, from_block and addresses: these
        stay as they were made, or change by calls of their own. Raises InputError, NotFoundError.
        """
        for name in changes:
            if name in _FIXED:
                raise InputError(f"the {name} of a monitor stays; make another monitor")
            if name not in (*_KEPT, *_DEFINED):
                raise InputError(f"a monitor has no {show(name)} to be set")

        async def work(connection: Connection) -> Any:
            row = await _locked(connection, project, monitor)
            # one that a newer version made is refused, and not cut down to what this one knows
            definition_of(row["definition"])
            before = {name: row[name] for name in (*_KEPT, "definition")}
            kept = {name: row[name] for name in _KEPT} | _defined(row["definition"])
            values = _checked(row["category"], kept | changes)
            if "watches" in changes:
                watched = await connection.fetchval(_COUNT_WATCHED, monitor)
                _refuse_addresses(values, watched)
            if values["endpoint_id"] != row["endpoint_id"]:
                await _check_endpoint(connection, project, values["endpoint_id"])
            if values != before:
                await connection.execute(
                    "UPDATE monitors SET updated_at = now(), revision = $2, name = $3,"
                    " direction = $4, endpoint_id = $5, tags = $6, note = $7, is_enabled = $8,"
                    " definition = $9 WHERE id = $1",
                    *(monitor, await next_revision(connection)),
                    *(values[name] for name in (*_KEPT, "definition")),
                )
            return await _get(connection, project, monitor)

        return _row(await self._database.run(work, idempotent_by="the same values again"))

    async def delete(self, project: str, monitor: str) -> None:
        """A second time changes nothing. Raises NotFoundError."""
        known("project", project)
        known("monitor", monitor)

        async def work(connection: Connection) -> None:
            row = await connection.fetchrow(
                "SELECT chain_id, deleted_at FROM monitors WHERE id = $1 AND project_id = $2",
                *(monitor, project),
            )
            if row is None:
                raise NotFoundError(f"there is no monitor {monitor}")
            if row["deleted_at"] is None:
                await removal.hold_matching(connection, row["chain_id"])
                await removal.mark(connection, [monitor])

        await self._database.run(work, idempotent_by="it is deleted once")
        await removal.clear(self._database, project, [monitor])

    # --- addresses ----------------------------------------------------------------------------

    async def add_addresses(self, project: str, monitor: str, addresses: Sequence[str]) -> Added:
        """1 to 50. Raises InputError (DefinitionError), QuotaError, NotFoundError."""
        wanted = _addresses(addresses)

        async def work(connection: Connection) -> Added:
            row = await _locked(connection, project, monitor)
            _refuse_addresses(row, len(wanted))
            existing = await _locked_addresses(connection, monitor, wanted)
            new = [one for one in wanted if one not in existing]
            if new:
                allowed = await quotas.lock(connection, project)
                await quotas.check_addresses(connection, project, allowed, len(new))
                revision = await next_revision(connection)
                await connection.execute(_WATCH, monitor, new, revision)
                await _touch(connection, monitor, revision)
            return Added(len(new), tuple(_text(one) for one in wanted if one in existing))

        return await self._database.run(work)

    async def remove_addresses(self, project: str, monitor: str, addresses: Sequence[str]) -> int:
        """1 to 50; how many were watched until now. Raises InputError, NotFoundError."""
        wanted = _addresses(addresses)

        async def work(connection: Connection) -> int:
            await _locked(connection, project, monitor)
            found = await _locked_addresses(connection, monitor, wanted)
            if found:
                revision = await next_revision(connection)
                await connection.execute(
                    "UPDATE monitor_addresses"
                    " SET is_watched = false, removed_at = now(), revision = $3"
                    " WHERE monitor_id = $1 AND address = ANY($2::bytea[])",
                    *(monitor, list(found), revision),
                )
                await _touch(connection, monitor, revision)
            return len(found)

        return await self._database.run(work)

    async def addresses(
        self, project: str, monitor: str, *, limit: int = 50, after: str = ""
    ) -> list[WatchedAddress]:
        """In their order. after: the last address of the page before. Raises InputError,
        NotFoundError."""
        start = raw_address(after) if after else b""
        page_size(limit)
        async with self._database.connection() as connection:
            await _known(connection, project, monitor)
            rows = await connection.fetch(
                "SELECT address, active_from_block FROM monitor_addresses"
                " WHERE monitor_id = $1 AND address > $2 AND is_watched ORDER BY address LIMIT $3",
                *(monitor, start, limit),
            )
        return [WatchedAddress(_text(row["address"]), row["active_from_block"]) for row in rows]

    async def all_addresses(self, project: str, monitor: str) -> list[str]:
        """Every one that is watched, which may be a hundred thousand. Raises NotFoundError."""
        async with self._database.connection() as connection:
            await _known(connection, project, monitor)
            return list(await scan_store.addresses(connection, monitor))

    async def has_address(self, project: str, monitor: str, address: str) -> bool:
        """Whether it is watched. Raises InputError, NotFoundError."""
        wanted = raw_address(address)
        async with self._database.connection() as connection:
            await _known(connection, project, monitor)
            found: bool = await connection.fetchval(
                "SELECT EXISTS (SELECT 1 FROM monitor_addresses"
                " WHERE monitor_id = $1 AND address = $2 AND is_watched)",
                *(monitor, wanted),
            )
        return found

    # --- its scan -----------------------------------------------------------------------------

    async def scan(self, project: str, monitor: str) -> Scan | None:
        """The newest look at what was before its activation. Raises NotFoundError."""
        async with self._database.connection() as connection:
            await _known(connection, project, monitor)
            row = await connection.fetchrow(
                f"SELECT {', '.join(one.name for one in fields(Scan))} FROM scans"
                " WHERE monitor_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
                monitor,
            )
        return None if row is None else Scan(**row)

    # --- checks -------------------------------------------------------------------------------

    def _chain(self, chain_id: Any) -> int:
        if isinstance(chain_id, bool) or chain_id not in self._chains:
            listed = ", ".join(f"{chain.name} ({id})" for id, chain in sorted(self._chains.items()))
            raise InputError(f"chain {show(str(chain_id))} is not read; known are {listed}")
        return int(chain_id)


# --- rows -----------------------------------------------------------------------------------------

_COUNT_WATCHED = "SELECT count(*) FROM monitor_addresses WHERE monitor_id = $1 AND is_watched"


async def _get(connection: Connection, project: str, monitor: str) -> Any:
    row = await connection.fetchrow(
        _SELECT + " WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL",
        *(known("monitor", monitor), known("project", project)),
    )
    return _found(row, monitor)


async def _known(connection: Connection, project: str, monitor: str) -> None:
    found = await connection.fetchval(
        "SELECT 1 FROM monitors WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL",
        *(known("monitor", monitor), known("project", project)),
    )
    _found(found, monitor)


async def _locked(connection: Connection, project: str, monitor: str) -> Any:
    """Nobody else changes it, or its addresses, until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM monitors WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL"
        " FOR NO KEY UPDATE",
        *(known("monitor", monitor), known("project", project)),
    )
    return _found(row, monitor)


async def _locked_addresses(
    connection: Connection, monitor: str, addresses: Sequence[bytes]
) -> set[bytes]:
    """Which of them it watches; nobody else changes their rows until the transaction ends. After
    `_locked`, and before the project or a revision is locked: a matcher may hold these rows and
    wait for the project's usage, and everybody else would wait for us."""
    rows = await connection.fetch(
        "SELECT address, is_watched FROM monitor_addresses"
        " WHERE monitor_id = $1 AND address = ANY($2::bytea[])"
        " ORDER BY address FOR NO KEY UPDATE",
        *(monitor, list(addresses)),
    )
    return {row["address"] for row in rows if row["is_watched"]}


def _found(row: Any, monitor: str) -> Any:
    if row is None:
        raise NotFoundError(f"there is no monitor {monitor}")
    return row


async def _touch(connection: Connection, monitor: str, revision: int) -> None:
    await connection.execute(
        "UPDATE monitors SET revision = $2, updated_at = now() WHERE id = $1", monitor, revision
    )


async def _check_endpoint(connection: Connection, project: str, endpoint: str | None) -> None:
    if endpoint is None:
        return
    found = await connection.fetchval(
        "SELECT 1 FROM endpoints WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL",
        *(known("endpoint", endpoint), project),
    )
    if found is None:
        raise NotFoundError(f"there is no endpoint {endpoint}")


def _row(row: Any) -> MonitorRow:
    return MonitorRow(**{**row, "tags": tuple(row["tags"])})


# --- what is asked for ----------------------------------------------------------------------------


def _checked(category: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a monitor that can change."""
    text_of("a category", category, most=LONGEST_NAME)
    text_of("a direction", values["direction"], most=LONGEST_NAME)
    definition = _definition(category, {name: values[name] for name in _DEFINED})
    if not isinstance(values["is_enabled"], bool):
        raise InputError("is_enabled is true or false")
    # what makes it is what checks it
    monitor = Monitor("mo_new", category, definition, direction=values["direction"])
    schema_of(monitor.kind, definition)
    return {
        "name": text_of("a monitor's name", values["name"], least=1, most=LONGEST_NAME),
        "direction": monitor.direction,
        "endpoint_id": values["endpoint_id"],
        "tags": _tags(values["tags"]),
        "note": text_of("a note", values["note"], most=LONGEST_NOTE),
        "is_enabled": values["is_enabled"],
        "definition": msgspec.json.decode(msgspec.json.encode(definition)),
    }


def _definition(category: str, values: Mapping[str, Any]) -> Definition:
    """Of the fields that are not as by default. Of an ABI only what is looked for is kept."""
    given = {name: value for name, value in values.items() if value != _DEFAULTS[name]}
    plain_json("the definition", given)
    abi, signature = given.get("abi"), given.get("signature", "")
    if abi is not None and category in ("event", "function"):
        given["abi"] = _entries(abi, category, signature)
    definition = definition_of(given)
    if definition.contracts:
        contracts = tuple(dict.fromkeys(map(address_of, definition.contracts)))
        definition = msgspec.structs.replace(definition, contracts=contracts)
    return definition


def _entries(abi: Any, category: str, signature: Any) -> list[dict[str, Any]]:
    """The entry that is meant, so that the ABI of a large contract is not kept a thousand times."""
    if not isinstance(signature, str):
        raise DefinitionError("a signature is text")
    found = event_of(abi, signature) if category == "event" else function_of(abi, signature)
    entries = [abi] if isinstance(abi, Mapping) else abi
    return [
        {key: one[key] for key in ("type", "name", "inputs", "anonymous") if key in one}
        for one in entries
        if isinstance(one, Mapping)
        and one.get("type") == category
        and one.get("name") == found.name
    ]


def _defined(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {name: definition.get(name, _DEFAULTS[name]) for name in _DEFINED}


def _tags(tags: Any) -> list[str]:
    if isinstance(tags, str) or not isinstance(tags, Sequence) or len(tags) > MOST_TAGS:
        raise InputError(f"a monitor has at most {MOST_TAGS} tags")
    return [text_of("a tag", tag, least=1, most=LONGEST_TAG) for tag in tags]


def _height(number: Any) -> int | None:
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**63:
        raise InputError("a block or a chain is a whole number from 0")
    return number


def _refuse_addresses(row: Any, count: int) -> None:
    if count and row["definition"].get("watches") == "everything":
        raise InputError(
            "a monitor that watches everything has no addresses; remove them, or set `watches` to"
            ' "addresses"'
        )


def _addresses(addresses: Any, least: int = 1) -> list[bytes]:
    """Each once, in order."""
    if isinstance(addresses, str) or not isinstance(addresses, Sequence):
        raise InputError("addresses are a list")
    if not least <= len(addresses) <= MOST_AT_ONCE:
        raise InputError(
            f"{least} to {MOST_AT_ONCE} addresses at once, not {len(addresses)}; send the rest in"
            " calls of their own"
        )
    return list(dict.fromkeys(map(raw_address, addresses)))


def _text(address: bytes) -> str:
    return "0x" + address.hex()
