"""The newest change of a chain's monitors is found by one look at an index, however many chains and
monitors there are.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = """
CREATE INDEX monitors_chain_id_revision_idx ON monitors (chain_id, revision);
DROP INDEX monitors_revision_idx;
"""

DOWN = """
CREATE INDEX monitors_revision_idx ON monitors (revision);
DROP INDEX monitors_chain_id_revision_idx;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
