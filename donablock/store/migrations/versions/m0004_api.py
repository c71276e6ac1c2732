"""What the API, the reconciler and the monitors of our own contracts need: usage by month, an order
of matches, what was read of each block, traces of deliveries, contracts that our factories made.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE blocks
    ADD COLUMN items integer,
    ADD COLUMN matched integer,
    ADD COLUMN unmatched integer;
ALTER TABLE projects ADD COLUMN held_until timestamptz;
CREATE TABLE usage (
    project_id text NOT NULL,
    month date NOT NULL,
    messages bigint DEFAULT 0 NOT NULL,
    CONSTRAINT usage_pkey PRIMARY KEY (project_id, month),
    CONSTRAINT usage_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id)
);
ALTER TABLE matches ADD COLUMN sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL;
CREATE INDEX matches_monitor_id_sequence_idx ON matches (monitor_id, sequence);
ALTER TABLE deliveries ADD COLUMN trace text;
CREATE TABLE contract_instances (
    consumer text NOT NULL,
    chain_id bigint NOT NULL,
    address bytea NOT NULL,
    contract text NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL,
    CONSTRAINT contract_instances_pkey PRIMARY KEY (consumer, chain_id, address)
);
CREATE INDEX contract_instances_block_hash_idx
    ON contract_instances (consumer, chain_id, block_hash);
"""

DOWN = """
DROP TABLE contract_instances;
ALTER TABLE deliveries DROP COLUMN trace;
DROP INDEX matches_monitor_id_sequence_idx;
ALTER TABLE matches DROP COLUMN sequence;
DROP TABLE usage;
ALTER TABLE projects DROP COLUMN held_until;
ALTER TABLE blocks DROP COLUMN unmatched, DROP COLUMN matched, DROP COLUMN items;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
