"""When an address was removed, so that its row does not stay for ever.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE monitor_addresses ADD COLUMN removed_at timestamptz;
UPDATE monitor_addresses SET removed_at = now() WHERE NOT is_watched;
CREATE INDEX monitor_addresses_removed_at_idx ON monitor_addresses (removed_at)
    WHERE removed_at IS NOT NULL;
"""

DOWN = """
DROP INDEX monitor_addresses_removed_at_idx;
ALTER TABLE monitor_addresses DROP COLUMN removed_at;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
