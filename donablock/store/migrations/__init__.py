"""The schema of the database, up and down.

    await upgrade(connection)             to the newest
    await downgrade(connection, "base")   to nothing

Each runs in one transaction under an advisory lock: processes that start together wait for one
another and do it once, and one that is cut off leaves the schema as it was.
"""

from __future__ import annotations

import io
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from asyncpg import Connection

from donablock.errors import MigrationError
from donablock.store.keys import lock_key

FOLDER = Path(__file__).resolve().parent


def head() -> str:
    """The newest revision of this version of the package."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def revisions() -> list[Script]:
    """All that this version knows, the oldest first."""
    return list(ScriptDirectory.from_config(_config()).walk_revisions())[::-1]


async def current(connection: Connection) -> str | None:
    """The revision of the database, None before the first. Raises MigrationError for one that is
    not known here."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    if revision is not None:
        if revision not in {one.revision for one in revisions()}:
            raise MigrationError(
                f"the database has schema {revision}, and this version knows only {head()} and"
                " older: run the version that made it, or a newer one"
            )
    return revision


async def check(connection: Connection) -> None:
    """Raises MigrationError unless the schema is the newest."""
    revision = await current(connection)
    if revision != head():
        raise MigrationError(
            f"the database has schema {revision or 'none'}, and {head()} is needed: run"
            " `donablock migrate`"
        )


async def upgrade(connection: Connection, revision: str = "head") -> bool:
    """Whether there was anything to do."""
    return await _move(connection, revision, is_up=True)


async def downgrade(connection: Connection, revision: str = "base") -> bool:
    """Whether there was anything to do. What the dropped tables held is gone."""
    return await _move(connection, revision, is_up=False)


async def _move(connection: Connection, revision: str, *, is_up: bool) -> bool:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", lock_key("migrations"))
        now = await current(connection)
        statements = _sql(now, revision, is_up=is_up)
        if statements.strip():
            if now is None:  # an empty one that a downgrade left; Alembic makes its own
                await connection.execute("DROP TABLE IF EXISTS alembic_version")
            await connection.execute(statements)
        return bool(statements.strip())


def _sql(now: str | None, revision: str, *, is_up: bool) -> str:
    """What leads from one revision to another, as Alembic writes it."""
    written = io.StringIO()
    config = _config(written)
    steps = ScriptDirectory.from_config(config)
    wanted = None if revision == "base" else steps.as_revision_number(revision)
    if now == wanted or (now is None and not is_up):
        return ""
    try:
        if is_up:
            command.upgrade(config, f"{now or 'base'}:{revision}", sql=True)
        else:
            command.downgrade(config, f"{now}:{revision}", sql=True)
    except CommandError as error:
        raise MigrationError(f"there is no way from schema {now} to {revision}: {error}") from error
    return written.getvalue()


def _config(written: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=written or io.StringIO())
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
