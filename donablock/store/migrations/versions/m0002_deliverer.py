"""What sending needs: rates and rests of endpoints, replays, and an index that keeps a claim's cost
apart from the backlog of other endpoints.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE endpoints
    ADD COLUMN open_until timestamptz,
    ADD COLUMN rate_full_at timestamptz;
CREATE INDEX endpoints_open_until_idx ON endpoints (open_until) WHERE open_until IS NOT NULL;

ALTER TABLE deliveries
    ADD COLUMN replays integer DEFAULT 0 NOT NULL,
    ADD COLUMN series_start integer DEFAULT 0 NOT NULL;
CREATE INDEX deliveries_ready_idx ON deliveries (endpoint_id, next_at, sequence) WHERE state = 1;
CREATE INDEX deliveries_in_flight_idx ON deliveries (endpoint_id) WHERE state = 2;
"""

DOWN = """
DROP INDEX deliveries_in_flight_idx;
DROP INDEX deliveries_ready_idx;
ALTER TABLE deliveries DROP COLUMN series_start, DROP COLUMN replays;
DROP INDEX endpoints_open_until_idx;
ALTER TABLE endpoints DROP COLUMN rate_full_at, DROP COLUMN open_until;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
