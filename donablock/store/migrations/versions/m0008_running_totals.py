"""Each entry of a window knows what its group has added up to, so that nobody adds it up again.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE window_entries ADD COLUMN place bigint, ADD COLUMN running numeric;
UPDATE window_entries AS e SET place = t.place, running = t.running
FROM (
    SELECT id, row_number() OVER w AS place, coalesce(sum(value) OVER w, 0) AS running
    FROM window_entries
    WINDOW w AS (
        PARTITION BY monitor_id, key ORDER BY at, block_number, log_index, id
        ROWS UNBOUNDED PRECEDING
    )
) AS t WHERE t.id = e.id;
ALTER TABLE window_entries ALTER COLUMN place SET NOT NULL, ALTER COLUMN running SET NOT NULL;
CREATE INDEX window_entries_monitor_id_key_at_place_idx
    ON window_entries (monitor_id, key, at, place) INCLUDE (value);
"""

DOWN = """
DROP INDEX window_entries_monitor_id_key_at_place_idx;
ALTER TABLE window_entries DROP COLUMN place, DROP COLUMN running;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
