"""The pool, transactions that are tried again only when that is safe, leadership, and news."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from donablock.errors import DatabaseError, DatabaseFullError, DatabaseGoneError, LeadershipError
from donablock.store import schema
from donablock.store.database import Database, insert_new, notify
from donablock.store.keys import lock_key
from donablock.store.postgres import EmbeddedPostgres
from tests.services_support import in_memory
from tests.store.proxy import Proxy

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server that the test may kill."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir=in_memory()) as name:
        Path(name).chmod(0o755)
        with EmbeddedPostgres(Path(name) / "data") as server:
            yield server


@pytest_asyncio.fixture
async def counts(database: Database) -> Database:
    async with database.connection() as connection:
        await connection.execute("CREATE TABLE counts (id int PRIMARY KEY, n int NOT NULL)")
        await connection.execute("INSERT INTO counts SELECT id, 0 FROM generate_series(1, 9) id")
    return database


async def total(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval("SELECT sum(n) FROM counts"))


async def backends(database: Database, name: str) -> list[int]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = $1"
            " AND datname = current_database()",
            name,
        )
    return [row["pid"] for row in rows]


async def end(database: Database, *pids: int) -> None:
    async with database.connection() as connection:
        for pid in pids:
            await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)


# --- opening --------------------------------------------------------------------------------------


async def test_a_database_that_is_not_there_is_said(tmp_path):
    for url in (f"postgresql://me@/db?host={tmp_path}", "postgresql://me:hunter2@127.0.0.1:1/db"):
        with pytest.raises(DatabaseGoneError, match="cannot be reached: .*; look whether") as said:
            await Database.open(url)
        assert "hunter2" not in str(said.value)


async def test_wrong_credentials_and_names_are_said(database_url):
    head, _, tail = database_url.partition("@")
    wrong = head.rpartition(":")[0] + ":wrong@" + tail
    with pytest.raises(DatabaseError, match="cannot be opened: .*correct DONABLOCK_DATABASE_URL"):
        await Database.open(wrong)
    nowhere = database_url.replace("/test_", "/none_")
    with pytest.raises(DatabaseError, match='cannot be opened: database "none_.*does not exist'):
        await Database.open(nowhere)
    with pytest.raises(DatabaseError, match="cannot be opened: "):
        await Database.open("mysql://host/db")


async def test_a_server_that_will_not_do_is_refused(database_url, postgres):
    with pytest.raises(DatabaseError, match="is PostgreSQL 18; 99 or newer is needed"):
        await Database.open(database_url, minimum_version=99)
    connection = await asyncpg.connect(postgres.url_of("postgres"))
    await connection.execute("DROP DATABASE IF EXISTS ascii")
    await connection.execute(
        "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0"
        " LOCALE_PROVIDER libc LOCALE 'C'"
    )
    await connection.close()
    with pytest.raises(DatabaseError, match="has the encoding SQL_ASCII: create it with ENCODING"):
        await Database.open(postgres.url_of("ascii"))


async def test_its_password_is_not_shown(database):
    assert "Database(" in repr(database) and "@" not in repr(database)


# --- transactions ---------------------------------------------------------------------------------


async def test_a_transaction_is_done_whole_or_not_at_all(counts):
    async with counts.transaction() as connection:
        await connection.execute("UPDATE counts SET n = 1")
    with pytest.raises(ZeroDivisionError):
        async with counts.transaction() as connection:
            await connection.execute("UPDATE counts SET n = 2")
            raise ZeroDivisionError
    assert await total(counts) == 9
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with counts.transaction(is_readonly=True) as connection:
            await connection.execute("UPDATE counts SET n = 2")


async def test_errors_of_ones_own_stay_ones_own(counts):
    """A file or a timeout of whatever runs in the block says nothing about the database."""
    for error in (FileNotFoundError("mine"), TimeoutError("mine"), ConnectionResetError("mine")):
        with pytest.raises(type(error), match="mine"):
            async with counts.transaction():
                raise error
    with pytest.raises(TimeoutError):
        async with counts.connection() as connection, asyncio.timeout(0.1):
            await connection.execute("SELECT pg_sleep(5)")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with counts.transaction() as connection:
            await connection.execute("INSERT INTO counts VALUES (1, 1)")


async def test_a_server_that_does_not_answer_counts_as_gone(database_url):
    async with Database.opened(database_url, command_timeout=0.3) as database:
        with pytest.raises(DatabaseGoneError, match="cannot be reached: TimeoutError"):
            async with database.connection() as connection:
                await connection.execute("SELECT pg_sleep(5)")
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_a_deadlock_is_tried_again(counts):
    met = asyncio.Barrier(2)

    def both(first: int, second: int):
        tries = 0

        async def work(connection):
            nonlocal tries
            tries += 1
            await connection.execute("UPDATE counts SET n = n + 1 WHERE id = $1", first)
            if tries == 1:
                await met.wait()
            await connection.execute("UPDATE counts SET n = n + 1 WHERE id = $1", second)
            return tries

        return work

    tries = await asyncio.gather(counts.run(both(1, 2)), counts.run(both(2, 1)))
    assert sorted(tries) == [1, 2]
    assert await total(counts) == 4


async def test_a_serialization_failure_is_tried_again(counts):
    async def work(connection):
        n = await connection.fetchval("SELECT n FROM counts WHERE id = 1")
        await asyncio.sleep(0.01)
        await connection.execute("UPDATE counts SET n = $1 WHERE id = 1", n + 1)

    await asyncio.gather(*(counts.run(work, isolation="serializable") for _ in range(6)))
    assert await total(counts) == 6


async def test_a_connection_lost_before_the_commit_is_tried_again(counts):
    tries = 0

    async def work(connection):
        nonlocal tries
        tries += 1
        await connection.execute("UPDATE counts SET n = n + 1 WHERE id = 1")
        if tries == 1:
            await end(counts, await connection.fetchval("SELECT pg_backend_pid()"))
            await connection.execute("SELECT 1")

    await counts.run(work)
    assert (tries, await total(counts)) == (2, 1)


@pytest.mark.parametrize("idempotent_by", ["", "the id of the row"])
async def test_a_connection_lost_in_the_commit_is_tried_again_only_if_that_is_safe(
    counts, database_url, idempotent_by
):
    """Nobody knows whether the commit happened: here it did."""
    tries = 0

    async def work(connection):
        nonlocal tries
        tries += 1
        await connection.execute("INSERT INTO counts VALUES (10, 1) ON CONFLICT DO NOTHING")

    async with Proxy.opened(database_url) as proxy:
        async with Database.opened(proxy.url, connections=1) as database:
            proxy.cut_at = b"COMMIT;"
            if idempotent_by:
                await database.run(work, idempotent_by=idempotent_by)
                assert tries == 2
            else:
                with pytest.raises(DatabaseGoneError):
                    await database.run(work)
                assert tries == 1
    assert proxy.cuts == 1
    assert await total(counts) == 1, "once, in either case"


async def test_a_connection_lost_in_the_middle_is_tried_again(counts, database_url):
    """Whatever is cut, and wherever: the effect is there once."""
    async with Proxy.opened(database_url) as proxy:
        async with Database.opened(proxy.url, connections=1) as database:
            for count, at in enumerate((b"BEGIN", b"UPDATE counts", b"SELECT 'between'"), 1):

                async def work(connection):
                    await connection.execute("UPDATE counts SET n = n + 1 WHERE id = 1")
                    await connection.execute("SELECT 'between'")

                proxy.cut_at = at
                await database.run(work)
                assert (proxy.cuts, await total(counts)) == (count, count)


async def test_patience_ends(counts):
    async def work(connection):
        await connection.execute("SELECT 1")
        raise asyncpg.DeadlockDetectedError("again and again")

    began = time.monotonic()
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await counts.run(work, patience=0.3)
    assert 0.05 < time.monotonic() - began < 5


async def test_other_errors_are_not_tried_again(counts):
    tries = 0

    async def work(connection):
        nonlocal tries
        tries += 1
        await connection.execute("INSERT INTO counts VALUES (1, 1)")

    with pytest.raises(asyncpg.UniqueViolationError):
        await counts.run(work, idempotent_by="nothing")
    assert tries == 1


async def test_the_server_is_killed_while_transactions_run(own_server):
    """Each of 200 transfers happens exactly once, though the server is killed again and again."""
    reports: list[str] = []
    keeping = asyncio.create_task(own_server.keep(reports.append))
    async with Database.opened(own_server.url, connections=8) as database:
        async with database.connection() as connection:
            await connection.execute("CREATE TABLE accounts (id int PRIMARY KEY, n int NOT NULL)")
            await connection.execute(
                "INSERT INTO accounts SELECT id, 100 FROM generate_series(1,8) id"
            )
            await connection.execute("CREATE TABLE done (id int PRIMARY KEY)")

        async def transfer(number: int) -> None:
            giver, taker = sorted(random.sample(range(1, 9), 2))  # so that none wait in a ring

            async def work(connection) -> None:
                new = await connection.fetchval(
                    "INSERT INTO done VALUES ($1) ON CONFLICT DO NOTHING RETURNING id", number
                )
                if new is not None:
                    await connection.execute("UPDATE accounts SET n = n - 1 WHERE id = $1", giver)
                    await asyncio.sleep(random.random() / 10)
                    await connection.execute("UPDATE accounts SET n = n + 1 WHERE id = $1", taker)

            await database.run(work, idempotent_by="the id in `done`", patience=60)

        numbers = iter(range(200))

        async def worker() -> None:
            for number in numbers:
                await transfer(number)

        working = asyncio.gather(*(worker() for _ in range(8)))
        for _ in range(3):
            await asyncio.sleep(0.4)
            os.kill(own_server.pid, signal.SIGKILL)
            while not own_server.is_running:
                await asyncio.sleep(0.02)
        await working
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM done") == 200
            assert await connection.fetchval("SELECT sum(n) FROM accounts") == 800
    keeping.cancel()
    assert len(reports) >= 3


async def test_a_full_disk_is_said(database):
    """As PostgreSQL says it; how a disk really runs full is in test_postgres."""
    with pytest.raises(DatabaseFullError, match="is full: free some space there"):
        async with database.connection() as connection:
            await connection.execute(
                "DO $$ BEGIN RAISE 'no space left' USING ERRCODE = '53100'; END $$"
            )


async def test_a_session_that_forgets_its_transaction_holds_no_lock_for_ever(database):
    async with database.connection() as connection:
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"
        assert await connection.fetchval("SHOW timezone") == "UTC"


# --- leadership -----------------------------------------------------------------------------------


async def test_one_leads_at_a_time(database):
    leading: list[int] = []
    most = 0

    async def lead(number: int) -> None:
        nonlocal most
        async with database.leadership("worker|56", every=0.02) as leader:
            leader.check()
            leading.append(number)
            most = max(most, len(leading))
            await asyncio.sleep(0.05)
            leading.remove(number)

    await asyncio.gather(*(lead(number) for number in range(5)))
    assert most == 1


async def test_different_names_are_led_at_once(database):
    async with database.leadership("worker|1"), database.leadership("worker|2"):
        pass
    assert len({lock_key(f"worker|{number}") for number in range(1_000)}) == 1_000


async def test_a_leader_whose_connection_is_lost_knows_it_and_another_leads(database):
    async with database.leadership("worker|56", every=0.2) as first:
        assert first.is_held
        waiting = asyncio.create_task(_lead_once(database))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        async with database.connection() as connection:
            holder = await connection.fetchval(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        await end(database, holder)
        await asyncio.wait_for(first.lost(), 5)
        assert not first.is_held
        with pytest.raises(LeadershipError, match="another process may lead worker|56 now"):
            first.check()
        assert await asyncio.wait_for(waiting, 10)


async def _lead_once(database: Database) -> bool:
    async with database.leadership("worker|56", every=0.05) as lead:
        return lead.is_held


async def test_work_that_leads_is_ended_when_the_lead_is_lost_and_begun_again(database):
    began: list[int] = []
    ended: list[int] = []

    async def work(_lead) -> None:
        number = len(began)
        began.append(number)
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(number)

    task = asyncio.create_task(database.lead("matcher|56", work, every=0.05))
    for count in range(1, 4):
        while len(began) < count:
            await asyncio.sleep(0.02)
        await end(database, *await backends(database, "donablock leader"))
        while len(ended) < count:
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await backends(database, "donablock leader") == []


async def test_what_work_raises_is_raised(database):
    async def work(_lead) -> None:
        raise ZeroDivisionError

    async def done(_lead) -> None:
        return None

    with pytest.raises(ZeroDivisionError):
        await database.lead("a", work)
    await database.lead("a", done)


async def test_a_leader_that_hangs_is_found_out(own_server):
    """The server is frozen, as behind a cut network: no connection is closed, nobody answers."""
    async with Database.opened(own_server.url) as database:
        async with database.leadership("worker|56", every=0.2) as lead:
            pids = await backends(database, "donablock leader")
            os.kill(pids[0], signal.SIGSTOP)
            try:
                await asyncio.wait_for(lead.lost(), 20)
            finally:
                os.kill(pids[0], signal.SIGCONT)


# --- news -----------------------------------------------------------------------------------------


async def test_news_is_heard_when_it_is_committed(database):
    heard: list[str | None] = []
    async with database.news("blocks", heard.append) as news:
        assert await news.wait(5), "what came before counts as news"
        while await news.wait(0.2):
            pass
        async with database.transaction() as connection:
            await notify(connection, "blocks", "56:1")
            assert not await news.wait(0.2), "not yet"
        assert await news.wait(5)
        assert heard[-1] == "56:1"
        began = time.monotonic()
        assert not await news.wait(0.2)
        assert time.monotonic() - began >= 0.15


async def test_news_of_another_channel_is_not_heard(database):
    async with database.news("blocks") as news:
        while await news.wait(0.3):
            pass
        async with database.connection() as connection:
            await notify(connection, "others")
        assert not await news.wait(0.3)


@pytest.mark.parametrize("steps", range(5))
async def test_who_waits_for_news_can_be_cancelled_while_they_come(database, steps):
    """At the same moment, or so many steps of the loop later."""
    loop = asyncio.get_running_loop()

    def cancel(left: int) -> None:
        if left:
            loop.call_soon(cancel, left - 1)
        else:
            waiting.cancel()

    def heard(payload: str | None) -> None:
        if payload == "stop":
            cancel(steps)

    async def wait() -> None:
        while True:
            await news.wait(60.0)

    async with database.news("blocks", heard) as news:
        waiting = asyncio.create_task(wait())
        while await news.wait(0.3):
            pass
        async with database.connection() as connection:
            await notify(connection, "blocks", "stop")
        _, going_on = await asyncio.wait({waiting}, timeout=5)
        waiting.cancel()
        assert not going_on


async def test_an_error_inside_the_driver_ends_no_news(database, monkeypatch):
    """It is seen when a server is killed while a statement is being sent."""
    connect, left = asyncpg.connect, [1, 1]

    async def failing(*arguments, **options):
        if left:
            left.pop()
            raise asyncpg.InternalClientError("got result for unknown protocol state")
        return await connect(*arguments, **options)

    monkeypatch.setattr(asyncpg, "connect", failing)
    async with database.news("blocks") as news:
        assert await news.wait(5), "what came before counts as news"
        assert await news.wait(10), "it listens at last, and something may have been missed"
        async with database.connection() as connection:
            await notify(connection, "blocks")
        assert await news.wait(5)


async def test_a_lost_connection_is_renewed_and_counts_as_news(database):
    heard: list[str | None] = []
    async with database.news("blocks", heard.append) as news:
        while await news.wait(0.3):
            pass
        await end(database, *await backends(database, "donablock news"))
        assert await news.wait(10), "something may have been missed"
        assert heard[-1] is None
        async with database.connection() as connection:
            await notify(connection, "blocks", "again")
        assert await news.wait(10)
        assert heard[-1] == "again"


async def test_without_a_server_waiting_just_ends(own_server):
    async with Database.opened(own_server.url) as database, database.news("blocks") as news:
        while await news.wait(0.3):
            pass
        own_server.kill()
        assert not await news.wait(0.3)
        own_server.restart()
        assert await news.wait(20)


# --- the bulk insert ------------------------------------------------------------------------------

PROJECT = ("id", "name", "quotas")


async def test_new_rows_are_copied_and_known_ones_left(database):
    async with database.transaction() as connection:
        rows = [(f"p{number}", "first", {"n": number}) for number in range(10)]
        new = await insert_new(connection, schema.projects, PROJECT, rows)
        assert sorted(new) == [(f"p{number}",) for number in range(10)]
    async with database.transaction() as connection:
        rows = [(f"p{number}", "second", {}) for number in range(5, 15)]
        new = await insert_new(connection, schema.projects, PROJECT, [*rows, *rows])
        assert sorted(new) == [(f"p{number}",) for number in range(10, 15)]
        assert await insert_new(connection, schema.projects, PROJECT, rows) == []
        assert await insert_new(connection, schema.projects, PROJECT, []) == []
        names = await connection.fetch("SELECT name, count(*) FROM projects GROUP BY 1 ORDER BY 1")
        assert [tuple(row) for row in names] == [("first", 10), ("second", 5)]


async def test_of_a_key_that_comes_twice_the_first_row_counts(database):
    rows = [("p", "first", {}), ("q", "first", {}), ("p", "second", {})]
    async with database.transaction() as connection:
        new = await insert_new(connection, schema.projects, PROJECT, rows)
        assert sorted(new) == [("p",), ("q",)]
        assert await connection.fetchval("SELECT name FROM projects WHERE id = 'p'") == "first"


async def test_keys_of_several_columns_and_any_bytes(database):
    columns = ("chain_id", "hash", "number", "parent", "timestamp", "is_canonical")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    odd = b'\x00\xff\\N\t\n"' + bytes(range(25))
    rows = [(56, odd, 1, bytes(32), at, True), (56, bytes(32), 2, odd, at, True)]
    async with database.transaction() as connection:
        assert set(await insert_new(connection, schema.blocks, columns, rows)) == {
            (56, odd),
            (56, bytes(32)),
        }
        assert await insert_new(connection, schema.blocks, columns, rows) == []
        assert await connection.fetchval("SELECT hash FROM blocks WHERE number = 1") == odd


async def test_another_broken_constraint_is_raised_and_the_transaction_still_good(database):
    """Only the primary key says that a row is known; two blocks of one height are a fault."""
    columns = ("chain_id", "hash", "number", "parent", "timestamp", "is_canonical")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    async with database.transaction() as connection:
        await insert_new(connection, schema.blocks, columns, [(1, b"a", 5, b"", at, True)])
        with pytest.raises(asyncpg.UniqueViolationError, match="blocks_canonical_key"):
            await insert_new(connection, schema.blocks, columns, [(1, b"b", 5, b"", at, True)])
        await insert_new(connection, schema.blocks, columns, [(1, b"b", 5, b"", at, False)])
        assert await connection.fetchval("SELECT count(*) FROM blocks") == 2


async def test_two_who_insert_the_same_rows_wait_for_one_another(database):
    rows = [(f"p{number:03}", "x", {}) for number in range(300)]
    taken: list[int] = []

    async def insert(number: int) -> None:
        mine = random.Random(number).sample(rows, len(rows))

        async def work(connection) -> int:
            return len(await insert_new(connection, schema.projects, PROJECT, mine))

        taken.append(await database.run(work))

    await asyncio.gather(*(insert(number) for number in range(5)))
    assert sum(taken) == 300


async def test_insert_new_needs_no_transaction_of_the_callers(database):
    async with database.connection() as connection:
        row = ("p", "x", {})
        assert await insert_new(connection, schema.projects, PROJECT, [row]) == [("p",)]
        assert await insert_new(connection, schema.projects, PROJECT, [row]) == []
