"""A receiver of webhooks that keeps and verifies whatever comes, and misbehaves when it is told to.

It speaks HTTP by hand, since a decent server cannot answer indecently. What it gets is verified
with the `standardwebhooks` library, which is not ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook

Manner = Callable[["Got", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
"""Answers one request. True: the connection may be used again."""

HANGS = 4.0
"""Seconds, longer than any sender of these tests waits."""


@dataclass
class Got:
    """One request. is_answered: 2xx was written to its end; manner: how it was answered."""

    path: str
    id: str
    body: bytes
    attempt: int
    manner: str
    is_answered: bool = False

    @property
    def said(self) -> Any:
        return json.loads(self.body)


# --- manners --------------------------------------------------------------------------------------


async def _say(writer: asyncio.StreamWriter, *parts: bytes) -> None:
    for part in parts:
        writer.write(part)
    await writer.drain()


async def good(got: Got, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    # before it is written: whoever reads it may die before we come to note it
    got.is_answered = True
    await _say(writer, b"HTTP/1.1 204 No Content\r\n\r\n")
    return True


async def nonsense(got: Got, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """200, and a body that is none of its type."""
    got.is_answered = True
    await _say(
        writer,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n",
        b"Content-Length: 9\r\n\r\n\x00\xff{{{\x1f\x8b\x00\n",
    )
    return True


async def slow(got: Got, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """200, and a body that never comes to its end."""
    got.is_answered = True
    await _say(writer, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(int(HANGS / 0.05)):
        await _say(writer, b".")
        await asyncio.sleep(0.05)
    return False


async def hanging(_: Got, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HANGS):
            await reader.read()
    return False


async def reset(_: Got, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    handle = writer.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


def _answer(text: bytes, *, is_kept: bool = True) -> Manner:
    async def manner(_: Got, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await _say(writer, text)
        return is_kept

    return manner


MANNERS: dict[str, Manner] = {
    "good": good,
    "nonsense": nonsense,
    "slow": slow,
    "hanging": hanging,
    "reset": reset,
    "closed": _answer(b"", is_kept=False),
    "error": _answer(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops"),
    "busy": _answer(b"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"),
    "missing": _answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    "redirect": _answer(
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    ),
    "garbage": _answer(b"\x00\xffthis is not HTTP\r\n\r\n", is_kept=False),
    "cut": _answer(b"HTTP/1.1 20", is_kept=False),
    "unfinished": _answer(b"HTTP/1.1 200 OK\r\nContent-Le", is_kept=False),
}
BAD = [name for name in MANNERS if name != "good"]


# --- the receiver ---------------------------------------------------------------------------------


class Recorder:
    """Listens on loopback while the block runs. `secrets` by path, as shown to their owners."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.secrets: dict[str, str] = {}
        self.strange: list[str] = []
        """Whatever should never come: other paths, signatures that are wrong."""
        self.manners: Counter[str] = Counter()
        self._next: defaultdict[str, deque[str]] = defaultdict(deque)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Recorder:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, path: str) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{path}"

    def behave(self, path: str, manners: Iterable[str]) -> None:
        """The next requests of this path are answered so, one after the other; then it is good."""
        self._next[path].extend(manners)

    def _manner(self, path: str) -> str:
        if self._next[path]:
            return self._next[path].popleft()
        return "good"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the sender was killed, or did not wait
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if method != "POST" or path not in self.secrets:
            self.strange.append(f"{method} {path}")
            return False
        try:
            Webhook(self.secrets[path]).verify(body.decode(), headers)
        except Exception as error:
            self.strange.append(f"{headers.get('webhook-id')}: {error!r}")
        manner = self._manner(path)
        self.manners[manner] += 1
        attempt = int(headers["donablock-attempt"])
        got = Got(path, headers["webhook-id"], body, attempt, manner)
        self.got.append(got)
        return await MANNERS[manner](got, reader, writer)
