"""Whose events they are: the address of the contract, since there are many campaigns.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Nothing wrote the table before; a rebuild fills it where something did.
UP = """
DELETE FROM contract_events;
ALTER TABLE contract_events ADD COLUMN address bytea NOT NULL;
CREATE INDEX contract_events_address_idx ON contract_events (chain_id, address, block_number);
"""

DOWN = """
DROP INDEX contract_events_address_idx;
ALTER TABLE contract_events DROP COLUMN address;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
