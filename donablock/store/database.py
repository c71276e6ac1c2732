"""PostgreSQL through asyncpg: a pool, transactions, leadership, news, and the bulk insert.

    async with Database.opened(url) as database:
        async with database.transaction() as connection: ...
        await database.run(work, idempotent_by="match ids are derived")
        async with database.leadership("worker|56") as lead: ...
        async with database.news("donablock_blocks") as news: await news.wait(5.0)
        new = await insert_new(connection, schema.matches, columns, rows)

What PostgreSQL refuses (a broken constraint, bad SQL) comes as asyncpg's own error. A connection
that cannot be had or is lost comes as DatabaseGoneError, a full disk as DatabaseFullError.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import asyncpg
import sqlalchemy as sa
import structlog
from asyncpg import Connection

from donablock.errors import (
    DatabaseError,
    DatabaseFullError,
    DatabaseGoneError,
    LeadershipError,
)
from donablock.store import codecs
from donablock.store.keys import lock_key
from donablock.store.postgres import MINIMUM_VERSION

T = TypeVar("T")
Isolation = Literal["read_committed", "repeatable_read", "serializable"]

_log = structlog.get_logger(__name__)

_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
)
_REFUSED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
_SESSION = {
    "timezone": "UTC",
    "jit": "off",
    # a client that died or hangs holds no lock for ever
    "client_connection_check_interval": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


class Database:
    """A pool of connections to one database, from one event loop."""

    def __init__(self, url: str, pool: Any, command_timeout: float) -> None:
        """Use `open` or `opened`."""
        self._url = url
        self._pool = pool
        self._command_timeout = command_timeout

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        connections: int = 10,
        name: str = "donablock",
        command_timeout: float = 60.0,
        minimum_version: int = MINIMUM_VERSION,
    ) -> Database:
        """connections: at most so many at once, besides one for each leadership and each `news`.
        name: how the server lists us. command_timeout: seconds until a statement that is not
        answered counts as a lost connection. Raises DatabaseError for a server that will not do,
        DatabaseGoneError if there is none."""
        session = {**_SESSION, "application_name": name}
        with _translated():
            try:
                pool = await asyncpg.create_pool(
                    url,
                    min_size=1,
                    max_size=connections,
                    init=codecs.register,
                    server_settings=session,
                    command_timeout=command_timeout,
                    timeout=10.0,
                )
            except (
                asyncpg.InvalidAuthorizationSpecificationError,
                asyncpg.InvalidCatalogNameError,
                asyncpg.ClientConfigurationError,
                ValueError,
            ) as error:
                raise DatabaseError(
                    f"the database cannot be opened: {error}; correct DONABLOCK_DATABASE_URL"
                ) from error
        database = cls(url, pool, command_timeout)
        try:
            await database._check_server(minimum_version)
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, url: str, **options: Any) -> AsyncIterator[Database]:
        """`open`, closed at the end of the block."""
        database = await cls.open(url, **options)
        try:
            yield database
        finally:
            await database.close()

    async def _check_server(self, minimum: int) -> None:
        async with self.connection() as connection:
            version = int(await connection.fetchval("SHOW server_version_num"))
            encoding = await connection.fetchval("SHOW server_encoding")
        if version < minimum * 10_000:
            raise DatabaseError(
                f"the database is PostgreSQL {version // 10_000}; {minimum} or newer is needed"
            )
        if encoding != "UTF8":
            raise DatabaseError(
                f"the database has the encoding {encoding}: create it with ENCODING 'UTF8'"
            )

    async def close(self, timeout: float = 10.0) -> None:
        """Waits for what is under way, then ends it."""
        try:
            async with asyncio.timeout(timeout):
                await self._pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            # the other end may be gone: then there is nothing to take leave of
            self._pool.terminate()

    def __repr__(self) -> str:
        return f"Database({self._pool.get_size()} connections)"  # the URL holds the password

    # --- transactions -------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection, where each statement is its own transaction."""
        with _translated():
            async with self._pool.acquire(timeout=self._command_timeout) as connection:
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    connection.terminate()  # the driver has lost track of it
                    raise

    @contextlib.asynccontextmanager
    async def transaction(
        self, isolation: Isolation = "read_committed", *, is_readonly: bool = False
    ) -> AsyncIterator[Connection]:
        """One transaction, tried once. Committed at the end of the block, undone by an error."""
        async with self.connection() as connection:
            async with connection.transaction(isolation=isolation, readonly=is_readonly):
                yield connection

    async def run(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        idempotent_by: str = "",
        isolation: Isolation = "read_committed",
        patience: float = 30.0,
    ) -> T:
        """`work` in one transaction, from the start again when the database says to.

        `work` touches nothing but the database, and may be called several times. It is repeated
        after a deadlock or a serialization failure, and after a connection that was lost before
        the commit was sent: nothing of it has happened then. A connection lost during the commit
        leaves open whether it happened, so it is repeated only if `idempotent_by` names what makes
        a second time harmless ("unique block hash"). Otherwise, and after `patience` seconds, the
        last error is raised.
        """
        deadline = time.monotonic() + patience
        pause = 0.02
        while True:
            is_committing = False
            try:
                async with self.connection() as connection:
                    transaction = connection.transaction(isolation=isolation)
                    await transaction.start()
                    try:
                        result = await work(connection)
                    except BaseException:
                        with contextlib.suppress(Exception):
                            await transaction.rollback()
                        raise
                    is_committing = True
                    await transaction.commit()
                    return result
            except (DatabaseGoneError, *_REFUSED) as error:
                is_unknown = is_committing and isinstance(error, DatabaseGoneError)
                if (is_unknown and not idempotent_by) or time.monotonic() + pause > deadline:
                    raise
                _log.warning(
                    "transaction is tried again",
                    because=str(error).partition("\n")[0],
                    safe_by=idempotent_by if is_unknown else "it was not committed",
                )
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, 2.0)

    # --- leadership ---------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def leadership(self, name: str, *, every: float = 1.0) -> AsyncIterator[Leadership]:
        """Waits until nobody else leads `name`, then leads it while the block runs. Asks again, and
        once we lead looks whether we still do, `every` so many seconds.

        The lock belongs to a connection of its own; when that is lost another process may lead at
        once. So the leader's writes must be fenced as well (`stream.take_lead`), and whatever runs
        in the block watches `lead.lost()`, or runs through `lead`.
        """
        key = lock_key(name)
        while True:
            with _translated():
                connection = await self._connect("leader")
            try:
                with _translated():
                    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
                        await asyncio.sleep(every)
                break
            except BaseException:
                connection.terminate()
                raise
        lead = Leadership(name, connection, every)
        try:
            yield lead
        finally:
            await lead.end()

    async def lead(
        self,
        name: str,
        work: Callable[[Leadership], Awaitable[None]],
        *,
        every: float = 1.0,
    ) -> None:
        """Runs `work` whenever we lead `name`, and cancels it when we do no more. Returns when
        `work` returns; what `work` raises, other than DatabaseGoneError and LeadershipError, is
        raised."""
        while True:
            try:
                async with self.leadership(name, every=every) as lead:
                    task = asyncio.ensure_future(work(lead))
                    lost = asyncio.ensure_future(lead.lost())
                    try:
                        await asyncio.wait({task, lost}, return_when=asyncio.FIRST_COMPLETED)
                        if task.done():
                            return await task
                        _log.warning("leadership was lost", name=name)
                    finally:
                        await _cancelled(task, lost)
            except (DatabaseGoneError, LeadershipError) as error:
                _log.warning("leadership has to wait", name=name, because=str(error))
            await asyncio.sleep(every)

    # --- news ---------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def news(
        self, channel: str, heard: Callable[[str | None], None] | None = None
    ) -> AsyncIterator[News]:
        """Hears NOTIFY on a channel, on a connection of its own that is renewed when it is lost.
        Nothing depends on it: `wait` returns after its time anyway. `heard` is called with the
        payload of each, and with None after each time that some may have been missed."""
        news = News(channel, lambda: self._connect("news"), heard)
        try:
            yield news
        finally:
            await news.end()

    async def _connect(self, what: str) -> Connection:
        return await asyncpg.connect(
            self._url,
            server_settings={**_SESSION, "application_name": f"donablock {what}"},
            command_timeout=min(10.0, self._command_timeout),
            timeout=10.0,
        )


class Leadership:
    """That we lead, as far as we know."""

    def __init__(self, name: str, connection: Connection, every: float) -> None:
        self.name = name
        self._connection = connection
        self._lost = asyncio.Event()
        connection.add_termination_listener(lambda _: self._lost.set())
        self._watch = asyncio.ensure_future(self._look(every))

    @property
    def is_held(self) -> bool:
        return not self._lost.is_set()

    def check(self) -> None:
        """Raises LeadershipError if we lead no more. Before each step that only a leader may do."""
        if not self.is_held:
            raise LeadershipError(f"another process may lead {self.name} now")

    async def lost(self) -> None:
        """Returns when we lead no more."""
        await self._lost.wait()

    async def _look(self, every: float) -> None:
        """A connection whose other end is gone without a word is found out by asking."""
        try:
            while True:
                await asyncio.sleep(every)
                await self._connection.fetchval("SELECT 1", timeout=max(2.0, 2 * every))
        except Exception:
            self._lost.set()
            self._connection.terminate()

    async def end(self) -> None:
        await _cancelled(self._watch)
        self._lost.set()
        try:
            await self._connection.close(timeout=2.0)
        except Exception:
            self._connection.terminate()


class News:
    """What is heard on one channel."""

    def __init__(
        self,
        channel: str,
        connect: Callable[[], Awaitable[Connection]],
        heard: Callable[[str | None], None] | None = None,
    ) -> None:
        self._channel = channel
        self._tell = heard or (lambda _: None)
        self._heard = asyncio.Event()
        self._heard.set()  # whatever came before we listened
        self._task = asyncio.ensure_future(self._listen(connect))

    async def wait(self, timeout: float) -> bool:
        """Returns at the first news since the last call, or after `timeout` seconds: True if there
        was news. A renewed connection counts as news, since some may have been missed."""
        try:
            async with asyncio.timeout(timeout):
                await self._heard.wait()
        except TimeoutError:
            return False
        self._heard.clear()
        return True

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: str | None) -> None:
        self._heard.set()
        self._tell(payload)

    async def _listen(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        pause = 0.1
        while True:
            connection = None
            ended = asyncio.Event()
            try:
                connection = await connect()
                connection.add_termination_listener(lambda _, ended=ended: ended.set())
                await connection.add_listener(self._channel, self._hear)
                self._hear(None, 0, self._channel, None)
                pause = 0.1
                while not ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(15.0):
                            await ended.wait()
                        break
                    await connection.fetchval("SELECT 1")
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                _log.info("news has to connect again", channel=self._channel, because=str(error))
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, 5.0)

    async def end(self) -> None:
        await _cancelled(self._task)


async def notify(connection: Connection, channel: str, payload: str = "") -> None:
    """Wakes who waits for news of the channel, when the transaction commits."""
    await connection.execute("SELECT pg_notify($1, $2)", channel, payload)


async def insert_new(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> list[tuple[Any, ...]]:
    """Inserts the rows whose primary key is not there yet and returns the keys of those, in no
    fixed order. A row that is there stays as it is.

    Rows are expected to be new: they are copied straight in, and only if one was there already the
    whole of them is merged. A key may occur twice in `rows`; the first counts.
    """
    if not rows:
        return []
    key = [column.name for column in table.primary_key.columns]
    places = [columns.index(name) for name in key]
    try:
        async with connection.transaction():
            await connection.copy_records_to_table(table.name, records=rows, columns=columns)
        return [tuple(row[place] for place in places) for row in rows]
    except asyncpg.UniqueViolationError:
        pass
    names, keys = _quoted(columns), _quoted(key)
    async with connection.transaction():
        # named after its table: the driver keeps the types of what it has copied into
        incoming = _quoted([f"incoming_{table.name}"])
        await connection.execute(
            f"CREATE TEMPORARY TABLE {incoming} ON COMMIT DROP AS"
            f" SELECT {names}, 0::bigint AS incoming_place FROM {_quoted([table.name])}"
            " WITH NO DATA"
        )
        await connection.copy_records_to_table(
            f"incoming_{table.name}",
            records=[(*row, place) for place, row in enumerate(rows)],
            columns=[*columns, "incoming_place"],
        )
        # in the order of the keys, so that two who insert the same rows wait, and do not deadlock
        found = await connection.fetch(
            f"INSERT INTO {_quoted([table.name])} ({names})"
            f" SELECT {names} FROM {incoming} ORDER BY {keys}, incoming_place"
            f" ON CONFLICT ({keys}) DO NOTHING RETURNING {keys}"
        )
        await connection.execute(f"DROP TABLE {incoming}")
    return [tuple(record) for record in found]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Errors of the connection as ours."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise DatabaseFullError(
            f"the disk of the database is full: free some space there ({error})"
        ) from error
    except (*_GONE, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        if not _is_gone(error):
            raise
        said = str(error) or type(error).__name__
        raise DatabaseGoneError(
            f"the database cannot be reached: {said}; look whether it runs"
        ) from error


def _is_gone(error: BaseException) -> bool:
    if isinstance(error, asyncpg.InterfaceError):
        return "connection" in str(error) or "pool is clos" in str(error)
    if not isinstance(error, OSError):
        # InternalClientError: seen when a server is killed while a statement is being sent
        return isinstance(error, (*_GONE, asyncpg.InternalClientError))
    # also TimeoutError: a server that does not answer is as good as gone. Only the driver's own
    # count, not those of whatever else runs in the block
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_globals.get("__name__", "").startswith("asyncpg."):
            return True
        frame = frame.tb_next
    return False


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
