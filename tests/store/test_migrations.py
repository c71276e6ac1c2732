"""The schema goes up and down, is what the metadata says, and is made once."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable

from donablock.errors import MigrationError
from donablock.store import migrations
from donablock.store.postgres import EmbeddedPostgres
from donablock.store.schema import metadata, monitor_revisions

pytestmark = pytest.mark.asyncio

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
           a.attstorage, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
      AND NOT a.attisdropped AND c.relname <> 'alembic_version'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
"""
INDEXES = """
    SELECT tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
OTHERS = """
    SELECT relname, relkind::text, reloptions FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic_version%'
"""


async def described(connection: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Everything of the schema `public` but its order and Alembic's own table."""
    found = {}
    for name, query in (
        ("columns", COLUMNS),
        ("constraints", CONSTRAINTS),
        ("indexes", INDEXES),
        ("others", OTHERS),
    ):
        found[name] = sorted((tuple(row) for row in await connection.fetch(query)), key=repr)
    return found


async def empty(postgres: EmbeddedPostgres, name: str) -> asyncpg.Connection:
    maintenance = await asyncpg.connect(postgres.url_of("postgres"))
    await maintenance.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await maintenance.execute(f"CREATE DATABASE {name}")
    await maintenance.close()
    return await asyncpg.connect(postgres.url_of(name))


async def test_migrations_lead_to_what_the_metadata_says(postgres):
    migrated = await empty(postgres, "migrated")
    await migrations.upgrade(migrated)
    made = await empty(postgres, "made")
    dialect = postgresql.dialect()
    await made.execute(str(CreateSequence(monitor_revisions).compile(dialect=dialect)))
    for table in metadata.sorted_tables:
        await made.execute(str(CreateTable(table).compile(dialect=dialect)))
        for column in table.columns:
            if storage := column.info.get("storage"):
                await made.execute(
                    f"ALTER TABLE {table.name} ALTER {column.name} SET STORAGE {storage}"
                )
        for index in table.indexes:
            await made.execute(str(CreateIndex(index).compile(dialect=dialect)))
    by_migration, by_metadata = await described(migrated), await described(made)
    for part, rows in by_metadata.items():
        assert by_migration[part] == rows, part
    assert len(by_metadata["columns"]) > 150
    await migrated.close()
    await made.close()


async def test_down_leaves_nothing_and_up_again_gives_the_same(postgres):
    connection = await empty(postgres, "up_down_up")
    assert await migrations.upgrade(connection)
    first = await described(connection)
    assert await migrations.current(connection) == migrations.head()
    assert await migrations.downgrade(connection)
    assert await migrations.current(connection) is None
    assert not any((await described(connection)).values())
    assert await migrations.upgrade(connection)
    assert await described(connection) == first
    assert not await migrations.upgrade(connection), "nothing was left to do"
    await connection.close()


async def test_each_step_down_leads_to_where_the_step_up_began(postgres):
    connection = await empty(postgres, "step_by_step")
    before = [await described(connection)]
    revisions = [one.revision for one in migrations.revisions()]
    assert revisions == sorted(revisions) and revisions[-1] == migrations.head()
    for revision in revisions:
        await migrations.upgrade(connection, revision)
        before.append(await described(connection))
    for number in range(len(revisions) - 1, 0, -1):
        await migrations.downgrade(connection, revisions[number - 1])
        assert await described(connection) == before[number], revisions[number]
    await migrations.downgrade(connection)
    assert await described(connection) == before[0]
    await connection.close()


async def test_processes_that_start_together_migrate_once(postgres):
    first = await empty(postgres, "together")
    others = [await asyncpg.connect(postgres.url_of("together")) for _ in range(7)]
    done = await asyncio.gather(*(migrations.upgrade(one) for one in (first, *others)))
    assert sorted(done) == [False] * 7 + [True]
    await migrations.check(first)
    for one in (first, *others):
        await one.close()


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(postgres):
    connection = await empty(postgres, "half")
    await connection.execute("CREATE TABLE scans (stranger int)")
    before = await described(connection)
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrations.upgrade(connection)
    assert await described(connection) == before
    assert await migrations.current(connection) is None
    await connection.close()


async def test_a_schema_that_is_not_ours_is_refused(postgres):
    connection = await empty(postgres, "foreign_schema")
    with pytest.raises(MigrationError, match="has schema none, and .* is needed: run"):
        await migrations.check(connection)
    await migrations.upgrade(connection)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for attempt in (migrations.check, migrations.upgrade, migrations.downgrade):
        with pytest.raises(MigrationError, match="has schema 9999, and this version knows only"):
            await attempt(connection)
    with pytest.raises(MigrationError, match="no such|there is no way"):
        await connection.execute(f"UPDATE alembic_version SET version_num = '{migrations.head()}'")
        await migrations.upgrade(connection, "0815")
    await connection.close()


async def test_entries_of_windows_that_were_there_get_their_places_and_totals(postgres):
    """Group by group, in the order of their blocks; sums that no amount holds as well."""
    connection = await empty(postgres, "running_totals")
    await migrations.upgrade(connection, "0007")
    largest = 10**78 - 1
    rows = [
        ("mo_a", b"x", 3, 30, largest),
        ("mo_a", b"x", 1, 10, largest),
        ("mo_a", b"x", 2, 10, -5),
        ("mo_a", b"y", 2, 10, 7),
        ("mo_b", b"x", 9, 90, 1),
    ]
    for monitor, key, number, at, value in rows:
        await connection.execute(
            "INSERT INTO window_entries (id, monitor_id, chain_id, block_number, block_hash,"
            "   log_index, at, value, key)"
            " VALUES (sha256($1::text::bytea || $2 || $3::bigint::text::bytea), $1, 1, $3, 'h', 0,"
            "   to_timestamp($4::bigint), $5::text::numeric, $2)",
            *(monitor, key, number, at, str(value)),
        )
    await migrations.upgrade(connection)
    found = await connection.fetch(
        "SELECT monitor_id, key, block_number, place, running::text FROM window_entries"
        " ORDER BY 1, 2, 3"
    )
    assert [tuple(row) for row in found] == [
        ("mo_a", b"x", 1, 1, str(largest)),
        ("mo_a", b"x", 2, 2, str(largest - 5)),
        ("mo_a", b"x", 3, 3, str(2 * largest - 5)),
        ("mo_a", b"y", 2, 1, "7"),
        ("mo_b", b"x", 9, 1, "1"),
    ]
    await connection.close()
