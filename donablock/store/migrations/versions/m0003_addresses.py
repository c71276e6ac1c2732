"""Addresses carry the revision that added or removed them, so that who follows changes reads those
alone, and the block from which they are watched.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE monitor_addresses
    ADD COLUMN is_watched boolean DEFAULT true NOT NULL,
    ADD COLUMN revision bigint DEFAULT 0 NOT NULL,
    ADD COLUMN active_from_block bigint;
CREATE INDEX monitor_addresses_revision_idx ON monitor_addresses (revision);
"""

DOWN = """
DROP INDEX monitor_addresses_revision_idx;
DELETE FROM monitor_addresses WHERE NOT is_watched;
ALTER TABLE monitor_addresses
    DROP COLUMN active_from_block,
    DROP COLUMN revision,
    DROP COLUMN is_watched;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
