"""What Alembic runs. Migrations are only ever written out as SQL, which `migrations.migrate` then
runs itself: Alembic knows no asyncpg, and another driver for a few statements is not worth it."""

from __future__ import annotations

from alembic import context

from donablock.store.schema import metadata

if not context.is_offline_mode():
    raise SystemExit("migrations are run by `donablock.store.migrations`, not by alembic itself")
context.configure(
    dialect_name="postgresql",
    target_metadata=metadata,
    transactional_ddl=False,  # the one who runs it has opened the transaction
)
context.run_migrations()
