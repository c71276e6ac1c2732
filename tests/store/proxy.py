"""A connection to PostgreSQL that can be cut: the statement arrives, its answer does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit


class Proxy:
    """Listens on a loopback port in front of a server on a Unix socket."""

    def __init__(self, url: str) -> None:
        """Use `opened`."""
        parts = urlsplit(url)
        self._target = parse_qs(parts.query)["host"][0] + "/.s.PGSQL.5432"
        self._login = parts.netloc.rpartition("@")[0]
        self._database = parts.path
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.cut_at: bytes | None = None
        """The next time the server is sent this, its answer is thrown away with the connection."""
        self.cuts = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, url: str) -> AsyncIterator[Proxy]:
        proxy = cls(url)
        proxy._server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        try:
            yield proxy
        finally:
            proxy._server.close()
            for task in proxy._serving:
                task.cancel()
            await asyncio.gather(*proxy._serving, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://{self._login}@127.0.0.1:{port}{self._database}?sslmode=disable"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._pass_on(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            writer.close()
        finally:
            self._serving.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.close()  # the server is away
            return
        is_cut = asyncio.Event()

        async def forth() -> None:
            while data := await reader.read(65_536):
                if self.cut_at is not None and self.cut_at in data:
                    self.cut_at = None
                    self.cuts += 1
                    is_cut.set()
                to_writer.write(data)
                await to_writer.drain()

        async def back() -> None:
            while data := await to_reader.read(65_536):
                if is_cut.is_set():
                    return
                writer.write(data)
                await writer.drain()

        tasks = {asyncio.create_task(forth()), asyncio.create_task(back())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for one in (writer, to_writer):
                one.close()
            await asyncio.gather(*tasks, return_exceptions=True)
