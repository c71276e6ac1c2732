"""The tables of the monitors: chain, stream, who asks for what, matches and deliveries.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UP = """
CREATE TABLE chains (
    chain_id bigint NOT NULL,
    name text NOT NULL,
    confirmations integer NOT NULL,
    state text DEFAULT 'following' NOT NULL,
    halted_because text,
    CONSTRAINT chains_pkey PRIMARY KEY (chain_id),
    CONSTRAINT chains_state_check CHECK (state IN ('following', 'backfilling', 'halted')),
    CONSTRAINT chains_halted_because_check CHECK ((state = 'halted') = (halted_because IS NOT NULL))
);

CREATE TABLE cursors (
    chain_id bigint NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    next_seq bigint DEFAULT 1 NOT NULL,
    leader_epoch bigint DEFAULT 0 NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT cursors_pkey PRIMARY KEY (chain_id),
    CONSTRAINT cursors_next_seq_check CHECK (next_seq > 0)
);

CREATE TABLE blocks (
    chain_id bigint NOT NULL,
    hash bytea NOT NULL,
    number bigint NOT NULL,
    parent bytea NOT NULL,
    timestamp timestamptz NOT NULL,
    is_canonical boolean NOT NULL,
    seen_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT blocks_pkey PRIMARY KEY (chain_id, hash)
);
CREATE UNIQUE INDEX blocks_canonical_key ON blocks (chain_id, number) WHERE is_canonical;
CREATE INDEX blocks_chain_id_number_idx ON blocks (chain_id, number);

CREATE TABLE outbox (
    chain_id bigint NOT NULL,
    seq bigint NOT NULL,
    kind smallint NOT NULL,
    payload bytea NOT NULL,
    trace text,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (chain_id, seq),
    CONSTRAINT outbox_kind_check CHECK (kind IN (1, 2))
);
ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE positions (
    consumer text NOT NULL,
    chain_id bigint NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    number bigint,
    hash bytea,
    kafka jsonb,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT positions_pkey PRIMARY KEY (consumer, chain_id)
)
 WITH (fillfactor = 50);

CREATE TABLE projects (
    id text NOT NULL,
    name text NOT NULL,
    quotas jsonb DEFAULT '{}' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT projects_pkey PRIMARY KEY (id)
);

CREATE TABLE api_keys (
    id text NOT NULL,
    project_id text NOT NULL,
    prefix text NOT NULL,
    digest bytea NOT NULL,
    scopes text[] DEFAULT '{}' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id),
    CONSTRAINT api_keys_prefix_key UNIQUE (prefix)
);
CREATE INDEX api_keys_project_id_idx ON api_keys (project_id);

CREATE TABLE endpoints (
    id text NOT NULL,
    project_id text NOT NULL,
    url text NOT NULL,
    description text DEFAULT '' NOT NULL,
    headers jsonb DEFAULT '{}' NOT NULL,
    rate_per_second double precision,
    concurrency integer,
    is_ordered boolean DEFAULT false NOT NULL,
    state text DEFAULT 'enabled' NOT NULL,
    disabled_because text,
    failing_since timestamptz,
    breaker jsonb DEFAULT '{}' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT endpoints_pkey PRIMARY KEY (id),
    CONSTRAINT endpoints_state_check CHECK (state IN ('enabled', 'disabled')),
    CONSTRAINT endpoints_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id)
);
CREATE INDEX endpoints_project_id_idx ON endpoints (project_id);

CREATE TABLE secrets (
    id bigint GENERATED ALWAYS AS IDENTITY,
    endpoint_id text NOT NULL,
    kind text NOT NULL,
    key bytea NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz,
    CONSTRAINT secrets_pkey PRIMARY KEY (id),
    CONSTRAINT secrets_kind_check CHECK (kind IN ('v1', 'v1a')),
    CONSTRAINT secrets_endpoint_id_fkey FOREIGN KEY (endpoint_id)
        REFERENCES endpoints (id) ON DELETE CASCADE
);
CREATE INDEX secrets_endpoint_id_idx ON secrets (endpoint_id);

CREATE TABLE monitors (
    id text NOT NULL,
    project_id text NOT NULL,
    chain_id bigint NOT NULL,
    name text NOT NULL,
    category text NOT NULL,
    direction text DEFAULT 'all' NOT NULL,
    definition jsonb DEFAULT '{}' NOT NULL,
    endpoint_id text,
    tags text[] DEFAULT '{}' NOT NULL,
    note text DEFAULT '' NOT NULL,
    is_enabled boolean DEFAULT true NOT NULL,
    from_block bigint,
    active_from_seq bigint,
    active_from_block bigint,
    revision bigint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT monitors_pkey PRIMARY KEY (id),
    CONSTRAINT monitors_direction_check CHECK (direction IN ('in', 'out', 'all')),
    CONSTRAINT monitors_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id),
    CONSTRAINT monitors_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES endpoints (id)
);
CREATE INDEX monitors_endpoint_id_idx ON monitors (endpoint_id);
CREATE INDEX monitors_project_id_idx ON monitors (project_id);
CREATE INDEX monitors_revision_idx ON monitors (revision);

CREATE TABLE monitor_addresses (
    monitor_id text NOT NULL,
    address bytea NOT NULL,
    CONSTRAINT monitor_addresses_pkey PRIMARY KEY (monitor_id, address),
    CONSTRAINT monitor_addresses_monitor_id_fkey FOREIGN KEY (monitor_id)
        REFERENCES monitors (id) ON DELETE CASCADE
);
CREATE INDEX monitor_addresses_address_idx ON monitor_addresses (address);

CREATE SEQUENCE monitor_revisions;

CREATE TABLE scans (
    id text NOT NULL,
    monitor_id text NOT NULL,
    from_block bigint NOT NULL,
    to_block bigint NOT NULL,
    position bigint NOT NULL,
    state text DEFAULT 'pending' NOT NULL,
    error text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT scans_pkey PRIMARY KEY (id),
    CONSTRAINT scans_state_check CHECK (state IN ('pending', 'running', 'done', 'failed')),
    CONSTRAINT scans_monitor_id_fkey FOREIGN KEY (monitor_id)
        REFERENCES monitors (id) ON DELETE CASCADE
);
CREATE INDEX scans_monitor_id_idx ON scans (monitor_id);
CREATE INDEX scans_open_idx ON scans (state, created_at) WHERE state IN ('pending', 'running');

CREATE TABLE matches (
    id bytea NOT NULL,
    monitor_id text NOT NULL,
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL,
    transaction_hash bytea NOT NULL,
    transaction_index integer NOT NULL,
    log_index integer NOT NULL,
    address bytea NOT NULL,
    direction text NOT NULL,
    generation smallint DEFAULT 1 NOT NULL,
    state smallint DEFAULT 1 NOT NULL,
    payload bytea NOT NULL,
    block_time timestamptz NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT matches_pkey PRIMARY KEY (id),
    CONSTRAINT matches_state_check CHECK (state IN (1, 2, 3)),
    CONSTRAINT matches_id_check CHECK (octet_length(id) = 16)
);
CREATE INDEX matches_chain_id_block_hash_idx ON matches (chain_id, block_hash);
CREATE INDEX matches_monitor_id_block_number_idx ON matches (monitor_id, block_number);
CREATE INDEX matches_unconfirmed_idx ON matches (chain_id, block_number) WHERE state = 1;

CREATE TABLE deliveries (
    id text NOT NULL,
    match_id bytea,
    endpoint_id text NOT NULL,
    monitor_id text,
    type text NOT NULL,
    state smallint DEFAULT 1 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamptz DEFAULT now() NOT NULL,
    lease_until timestamptz,
    claim uuid,
    order_key bytea,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    created_at timestamptz DEFAULT now() NOT NULL,
    delivered_at timestamptz,
    CONSTRAINT deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT deliveries_state_check CHECK (state IN (1, 2, 3, 4)),
    CONSTRAINT deliveries_type_check
        CHECK (type IN ('event.detected', 'event.confirmed', 'event.retracted', 'test')),
    CONSTRAINT deliveries_lease_check
        CHECK (state <> 2 OR (claim IS NOT NULL AND lease_until IS NOT NULL))
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX deliveries_due_idx ON deliveries (next_at) WHERE state = 1;
CREATE INDEX deliveries_endpoint_id_sequence_idx ON deliveries (endpoint_id, sequence);
CREATE INDEX deliveries_leased_idx ON deliveries (lease_until) WHERE state = 2;
CREATE INDEX deliveries_order_idx ON deliveries (endpoint_id, order_key, sequence)
    WHERE order_key IS NOT NULL AND state IN (1, 2);

CREATE TABLE attempts (
    delivery_id text NOT NULL,
    number integer NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    error text,
    request json NOT NULL,
    response_headers json,
    response_body bytea,
    CONSTRAINT attempts_pkey PRIMARY KEY (delivery_id, number)
);

CREATE TABLE window_entries (
    id bytea NOT NULL,
    monitor_id text NOT NULL,
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL,
    log_index integer NOT NULL,
    at timestamptz NOT NULL,
    value numeric(78, 0),
    key bytea,
    CONSTRAINT window_entries_pkey PRIMARY KEY (id)
);
CREATE INDEX window_entries_chain_id_block_hash_idx ON window_entries (chain_id, block_hash);
CREATE INDEX window_entries_monitor_id_at_idx ON window_entries (monitor_id, at);

CREATE TABLE contract_events (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL,
    transaction_hash bytea NOT NULL,
    log_index integer NOT NULL,
    contract text NOT NULL,
    name text NOT NULL,
    args json NOT NULL,
    block_time timestamptz NOT NULL,
    CONSTRAINT contract_events_pkey PRIMARY KEY (chain_id, block_hash, log_index)
);
CREATE INDEX contract_events_chain_id_block_number_idx ON contract_events (chain_id, block_number);
CREATE INDEX contract_events_name_idx ON contract_events (chain_id, contract, name, block_number);
"""

DOWN = """
DROP SEQUENCE monitor_revisions;
DROP TABLE contract_events;
DROP TABLE window_entries;
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE matches;
DROP TABLE scans;
DROP TABLE monitor_addresses;
DROP TABLE monitors;
DROP TABLE secrets;
DROP TABLE endpoints;
DROP TABLE api_keys;
DROP TABLE projects;
DROP TABLE positions;
DROP TABLE outbox;
DROP TABLE blocks;
DROP TABLE cursors;
DROP TABLE chains;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
