"""Every table, as SQLAlchemy Core metadata. No query is built with it at run time: it is what the
migrations must lead to (a test compares), and what names columns and keys to the bulk insert.

Units and forms, everywhere: hashes and addresses are `bytea` (32 and 20 bytes), amounts are
`numeric(78, 0)` in the smallest unit, times are `timestamptz`, ids are text. What comes from a
stranger's contract and may hold any character lies in `bytea` or `json`, since `text` and `jsonb`
take no NUL.

Foreign keys stand where people write (projects, endpoints, monitors); not on the path of blocks,
where each row would pay for the look-up and the writers hold the rule themselves.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, UUID

metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

Time = sa.DateTime(timezone=True)
Bytes = sa.LargeBinary()
Amount = sa.Numeric(78, 0)  # uint256 has at most 78 digits, int256 as well
NOW = sa.text("now()")
NOTHING = sa.text("'{}'")

# outbox.kind
ADDED = 1
ORPHANED = 2

# matches.state
DETECTED = 1
CONFIRMED = 2
RETRACTED = 3

# deliveries.state
PENDING = 1
LEASED = 2
DELIVERED = 3
DEAD = 4


def _column(name: str, type_: Any, **more: Any) -> Column[Any]:
    """A column that is never null unless it says so."""
    return Column(name, type_, **({"nullable": False} | more))


def _one_of(name: str, *values: str | int) -> sa.CheckConstraint:
    words = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in values)
    return sa.CheckConstraint(f"{name} IN ({words})", name=name)


# --- the chain ------------------------------------------------------------------------------------

chains = sa.Table(
    "chains",
    metadata,
    _column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    _column("name", Text),
    _column("confirmations", Integer),
    _column("state", Text, server_default="following"),
    _column("halted_because", Text, nullable=True),
    _one_of("state", "following", "backfilling", "halted"),
    sa.CheckConstraint("(state = 'halted') = (halted_because IS NOT NULL)", name="halted_because"),
)

# How far the worker of a chain is. The row's lock orders all that the stream is given.
cursors = sa.Table(
    "cursors",
    metadata,
    _column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    _column("number", BigInteger),
    _column("hash", Bytes),
    _column("next_seq", BigInteger, server_default=sa.text("1")),
    _column("leader_epoch", BigInteger, server_default=sa.text("0")),
    _column("updated_at", Time, server_default=NOW),
    sa.CheckConstraint("next_seq > 0", name="next_seq"),
)

blocks = sa.Table(
    "blocks",
    metadata,
    _column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    _column("hash", Bytes, primary_key=True),
    _column("number", BigInteger),
    _column("parent", Bytes),
    _column("timestamp", Time),
    _column("is_canonical", Boolean),
    _column("seen_at", Time, server_default=NOW),
    # transactions and logs: of the block as the worker wrote it, and as the matcher read it
    _column("items", Integer, nullable=True),
    _column("matched", Integer, nullable=True),
    _column("unmatched", Integer, nullable=True),
    Index("blocks_chain_id_number_idx", "chain_id", "number"),
    # of one height one block counts: mark the old one before the new one
    Index(
        "blocks_canonical_key",
        "chain_id",
        "number",
        unique=True,
        postgresql_where=sa.text("is_canonical"),
    ),
)

# --- the stream -----------------------------------------------------------------------------------

outbox = sa.Table(
    "outbox",
    metadata,
    _column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    _column("seq", BigInteger, primary_key=True, autoincrement=False),
    _column("kind", SmallInteger),
    # not compressed by the server: 2.3 ms for a block of 190 kB instead of 9.1
    _column("payload", Bytes, info={"storage": "external"}),
    _column("trace", Text, nullable=True),
    _column("created_at", Time, server_default=NOW),
    _one_of("kind", ADDED, ORPHANED),
)

positions = sa.Table(
    "positions",
    metadata,
    _column("consumer", Text, primary_key=True),
    _column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    _column("seq", BigInteger, server_default=sa.text("0")),
    _column("number", BigInteger, nullable=True),
    _column("hash", Bytes, nullable=True),
    _column("kafka", JSONB, nullable=True),
    _column("updated_at", Time, server_default=NOW),
    # one row is rewritten for each message: room to do so in place
    postgresql_with={"fillfactor": "50"},
)

# --- who asks for what ----------------------------------------------------------------------------

projects = sa.Table(
    "projects",
    metadata,
    _column("id", Text, primary_key=True),
    _column("name", Text),
    _column("quotas", JSONB, server_default=NOTHING),
    _column("created_at", Time, server_default=NOW),
    _column("deleted_at", Time, nullable=True),
    # over its quota of messages: nothing is sent before
    _column("held_until", Time, nullable=True),
)

# Messages that a project's monitors caused in a month (UTC, by the clock of the database).
usage = sa.Table(
    "usage",
    metadata,
    Column("project_id", Text, sa.ForeignKey("projects.id"), primary_key=True),
    _column("month", sa.Date, primary_key=True),
    _column("messages", BigInteger, server_default=sa.text("0")),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    _column("id", Text, primary_key=True),
    Column("project_id", Text, sa.ForeignKey("projects.id"), nullable=False, index=True),
    _column("prefix", Text, unique=True),
    _column("digest", Bytes),
    _column("scopes", ARRAY(Text), server_default=NOTHING),
    _column("created_at", Time, server_default=NOW),
    _column("expires_at", Time, nullable=True),
    _column("revoked_at", Time, nullable=True),
    _column("last_used_at", Time, nullable=True),
)

endpoints = sa.Table(
    "endpoints",
    metadata,
    _column("id", Text, primary_key=True),
    Column("project_id", Text, sa.ForeignKey("projects.id"), nullable=False, index=True),
    _column("url", Text),
    _column("description", Text, server_default=""),
    _column("headers", JSONB, server_default=NOTHING),
    _column("rate_per_second", sa.Double, nullable=True),
    _column("concurrency", Integer, nullable=True),
    _column("is_ordered", Boolean, server_default=sa.false()),
    _column("state", Text, server_default="enabled"),
    _column("disabled_because", Text, nullable=True),
    _column("failing_since", Time, nullable=True),
    _column("breaker", JSONB, server_default=NOTHING),
    _column("created_at", Time, server_default=NOW),
    _column("updated_at", Time, server_default=NOW),
    _column("deleted_at", Time, nullable=True),
    # nothing is sent before; null: it does not rest
    _column("open_until", Time, nullable=True),
    # when its bucket of tokens is full again
    _column("rate_full_at", Time, nullable=True),
    _one_of("state", "enabled", "disabled"),
    Index(
        "endpoints_open_until_idx",
        "open_until",
        postgresql_where=sa.text("open_until IS NOT NULL"),
    ),
)

secrets = sa.Table(
    "secrets",
    metadata,
    Column("id", BigInteger, sa.Identity(always=True), primary_key=True),
    Column(
        "endpoint_id",
        Text,
        sa.ForeignKey("endpoints.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    _column("kind", Text),
    _column("key", Bytes),
    _column("created_at", Time, server_default=NOW),
    _column("expires_at", Time, nullable=True),
    _one_of("kind", "v1", "v1a"),
)

monitors = sa.Table(
    "monitors",
    metadata,
    _column("id", Text, primary_key=True),
    Column("project_id", Text, sa.ForeignKey("projects.id"), nullable=False, index=True),
    _column("chain_id", BigInteger),
    _column("name", Text),
    _column("category", Text),
    _column("direction", Text, server_default="all"),
    _column("definition", JSONB, server_default=NOTHING),
    Column("endpoint_id", Text, sa.ForeignKey("endpoints.id"), nullable=True, index=True),
    _column("tags", ARRAY(Text), server_default=NOTHING),
    _column("note", Text, server_default=""),
    _column("is_enabled", Boolean, server_default=sa.true()),
    _column("from_block", BigInteger, nullable=True),
    _column("active_from_seq", BigInteger, nullable=True),
    _column("active_from_block", BigInteger, nullable=True),
    _column("revision", BigInteger),
    _column("created_at", Time, server_default=NOW),
    _column("updated_at", Time, server_default=NOW),
    _column("deleted_at", Time, nullable=True),
    _one_of("direction", "in", "out", "all"),
    # the newest change of a chain is asked for with every message
    Index("monitors_chain_id_revision_idx", "chain_id", "revision"),
)

monitor_addresses = sa.Table(
    "monitor_addresses",
    metadata,
    Column("monitor_id", Text, sa.ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True),
    _column("address", Bytes, primary_key=True),
    # one that is watched no more stays, so that its removal has a revision
    _column("is_watched", Boolean, server_default=sa.true()),
    _column("revision", BigInteger, server_default=sa.text("0")),
    _column("active_from_block", BigInteger, nullable=True),
    _column("removed_at", Time, nullable=True),
    Index("monitor_addresses_address_idx", "address"),
    Index(
        "monitor_addresses_removed_at_idx",
        "removed_at",
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    ),
    Index("monitor_addresses_revision_idx", "revision"),
)

# One number for every change of a monitor, its addresses or its being enabled. A sequence alone
# does not number in the order of commits: take it with `revisions.next_revision`.
monitor_revisions = sa.Sequence("monitor_revisions", metadata=metadata)

scans = sa.Table(
    "scans",
    metadata,
    _column("id", Text, primary_key=True),
    Column(
        "monitor_id",
        Text,
        sa.ForeignKey("monitors.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    _column("from_block", BigInteger),
    _column("to_block", BigInteger),
    _column("position", BigInteger),
    _column("state", Text, server_default="pending"),
    _column("error", Text, nullable=True),
    _column("created_at", Time, server_default=NOW),
    _column("updated_at", Time, server_default=NOW),
    _one_of("state", "pending", "running", "done", "failed"),
    Index(
        "scans_open_idx",
        "state",
        "created_at",
        postgresql_where=sa.text("state IN ('pending', 'running')"),
    ),
)

# --- what was found, and telling of it ------------------------------------------------------------

matches = sa.Table(
    "matches",
    metadata,
    _column("id", Bytes, primary_key=True),
    _column("monitor_id", Text),
    _column("chain_id", BigInteger),
    _column("block_number", BigInteger),
    _column("block_hash", Bytes),
    _column("transaction_hash", Bytes),
    _column("transaction_index", Integer),
    _column("log_index", Integer),
    _column("address", Bytes),
    _column("direction", Text),
    _column("generation", SmallInteger, server_default=sa.text("1")),
    _column("state", SmallInteger, server_default=sa.text(str(DETECTED))),
    _column("payload", Bytes),
    _column("block_time", Time),
    _column("created_at", Time, server_default=NOW),
    # in the order of commits for one chain: whoever writes matches holds its matcher's position
    Column("sequence", BigInteger, sa.Identity(always=True), nullable=False),
    _one_of("state", DETECTED, CONFIRMED, RETRACTED),
    sa.CheckConstraint("octet_length(id) = 16", name="id"),
    Index("matches_monitor_id_sequence_idx", "monitor_id", "sequence"),
    Index("matches_chain_id_block_hash_idx", "chain_id", "block_hash"),
    Index(
        "matches_unconfirmed_idx",
        "chain_id",
        "block_number",
        postgresql_where=sa.text(f"state = {DETECTED}"),
    ),
    Index("matches_monitor_id_block_number_idx", "monitor_id", "block_number"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    _column("id", Text, primary_key=True),
    _column("match_id", Bytes, nullable=True),  # a test event has no match
    _column("endpoint_id", Text),
    _column("monitor_id", Text, nullable=True),
    _column("type", Text),
    _column("state", SmallInteger, server_default=sa.text(str(PENDING))),
    _column("attempts", Integer, server_default=sa.text("0")),
    _column("next_at", Time, server_default=NOW),
    _column("lease_until", Time, nullable=True),
    _column("claim", UUID, nullable=True),
    _column("order_key", Bytes, nullable=True),
    Column("sequence", BigInteger, sa.Identity(always=True), nullable=False),
    _column("created_at", Time, server_default=NOW),
    _column("delivered_at", Time, nullable=True),
    _column("replays", Integer, server_default=sa.text("0")),
    # attempts before the last replay: the schedule counts from there
    _column("series_start", Integer, server_default=sa.text("0")),
    # a W3C traceparent: of the block that caused it
    _column("trace", Text, nullable=True),
    _one_of("state", PENDING, LEASED, DELIVERED, DEAD),
    _one_of("type", "event.detected", "event.confirmed", "event.retracted", "test"),
    sa.CheckConstraint(
        f"state <> {LEASED} OR (claim IS NOT NULL AND lease_until IS NOT NULL)", name="lease"
    ),
    Index("deliveries_due_idx", "next_at", postgresql_where=sa.text(f"state = {PENDING}")),
    Index("deliveries_leased_idx", "lease_until", postgresql_where=sa.text(f"state = {LEASED}")),
    # the claim: one probe for each endpoint, however much waits for the others
    Index(
        "deliveries_ready_idx",
        "endpoint_id",
        "next_at",
        "sequence",
        postgresql_where=sa.text(f"state = {PENDING}"),
    ),
    Index(
        "deliveries_in_flight_idx",
        "endpoint_id",
        postgresql_where=sa.text(f"state = {LEASED}"),
    ),
    Index("deliveries_endpoint_id_sequence_idx", "endpoint_id", "sequence"),
    # the first of a key goes first
    Index(
        "deliveries_order_idx",
        "endpoint_id",
        "order_key",
        "sequence",
        postgresql_where=sa.text(f"order_key IS NOT NULL AND state IN ({PENDING}, {LEASED})"),
    ),
    # a queue: rows change three times and then rest
    postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
)

attempts = sa.Table(
    "attempts",
    metadata,
    _column("delivery_id", Text, primary_key=True),
    _column("number", Integer, primary_key=True, autoincrement=False),
    _column("started_at", Time),
    _column("duration_ms", Integer),
    _column("status", Integer, nullable=True),
    _column("error", Text, nullable=True),
    _column("request", JSON),
    _column("response_headers", JSON, nullable=True),
    _column("response_body", Bytes, nullable=True),
)

window_entries = sa.Table(
    "window_entries",
    metadata,
    # made like a match's id, so that an entry counts once however often its block is read
    _column("id", Bytes, primary_key=True),
    _column("monitor_id", Text),
    _column("chain_id", BigInteger),
    _column("block_number", BigInteger),
    _column("block_hash", Bytes),
    _column("log_index", Integer),
    _column("at", Time),
    _column("value", Amount, nullable=True),
    _column("key", Bytes, nullable=True),
    # the how manieth of its group it is, and what the group's values add up to, this one's included
    _column("place", BigInteger),
    _column("running", sa.Numeric()),
    Index("window_entries_monitor_id_at_idx", "monitor_id", "at"),
    Index(
        "window_entries_monitor_id_key_at_place_idx",
        *("monitor_id", "key", "at", "place"),
        postgresql_include=["value"],
    ),
    Index("window_entries_chain_id_block_hash_idx", "chain_id", "block_hash"),
)

# Our contracts, as far as a consumer of the stream has read: those that the manifest names have an
# empty block_hash; the others were made by a factory, in that block.
contract_instances = sa.Table(
    "contract_instances",
    metadata,
    _column("consumer", Text, primary_key=True),
    _column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    _column("address", Bytes, primary_key=True),
    _column("contract", Text),
    _column("block_number", BigInteger),
    _column("block_hash", Bytes),
    Index("contract_instances_block_hash_idx", "consumer", "chain_id", "block_hash"),
)

# Every log of our own contracts on the canonical chain. A log that is none of the contract's events
# has the name "" and its topics and data for arguments.
contract_events = sa.Table(
    "contract_events",
    metadata,
    _column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    _column("block_number", BigInteger),
    _column("block_hash", Bytes, primary_key=True),
    _column("transaction_hash", Bytes),
    _column("log_index", Integer, primary_key=True, autoincrement=False),
    _column("contract", Text),
    _column("name", Text),
    _column("args", JSON),
    _column("block_time", Time),
    _column("address", Bytes),
    Index("contract_events_address_idx", "chain_id", "address", "block_number"),
    Index("contract_events_name_idx", "chain_id", "contract", "name", "block_number"),
    Index("contract_events_chain_id_block_number_idx", "chain_id", "block_number"),
)
