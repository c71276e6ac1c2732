"""One POST to an endpoint that may be slow, broken or hostile, within limits on time and on bytes.

Whatever happens is an `Answer` with a status or an error, never an exception. Redirects are not
followed, cookies not kept, bodies not unpacked, proxies of the environment not used.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

import aiohttp
from yarl import URL

from donablock.errors import EndpointError, RefusedAddressError
from donablock.monitors.guard import GuardedResolver, Policy, check_url, guarded_connector

USER_AGENT = "DonaBlock-Webhooks/1"
_LONGEST_ERROR = 300
_WHOLE_SECONDS = 5.0
_OURS = "ours:"
# no more files or sockets, memory, buffers or local ports
_SHORT_OF = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL}
)
_MOST_FILES = 65_536


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes. total: from the first step to the end of the answer.

    names: the look-up; connect: the look-up, the connection and its encryption; body: reading the
    answer's body, of which `kept_bytes` are kept and no more are read. keep_alive: how long an idle
    connection is kept; each is an open file.
    """

    names: float = 5.0
    connect: float = 10.0
    total: float = 20.0
    body: float = 2.0
    keep_alive: float = 10.0
    kept_bytes: int = 4_096
    line_bytes: int = 4_096
    header_bytes: int = 8_190
    header_count: int = 64
    kept_headers: int = 32

    @property
    def longest(self) -> float:
        """The longest that one attempt can take: the client lets long times end on whole seconds,
        so that thousands of them are few timers."""
        return self.total + (1.0 if self.total >= _WHOLE_SECONDS else 0.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt. Either `status` or `error` is None, never both.

    error: "refused", "name", "connection", "tls", "timeout", "closed" or "garbage", a colon, and
    what happened; or "ours", where this machine has no more of something. headers: their names in
    lower case; of a name that comes twice, the last. is_cut: the body was longer or slower than
    what is kept.
    """

    status: int | None
    error: str | None
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_cut: bool = False

    @property
    def is_ours(self) -> bool:
        """It says nothing about the endpoint: nothing was sent."""
        return self.error is not None and self.error.startswith(_OURS)

    @property
    def said(self) -> str:
        """Status or error, in short."""
        return str(self.status) if self.status is not None else self.error or ""


class Sender:
    """One HTTP client for all endpoints. Use it in `async with`."""

    def __init__(
        self,
        policy: Policy,
        limits: Limits | None = None,
        *,
        resolver: GuardedResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """tls: other authorities than the machine's, for tests and for one's own."""
        self.policy = policy
        self.limits = limits or Limits()
        self._resolver = resolver or GuardedResolver(policy, timeout=self.limits.names)
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}

    async def __aenter__(self) -> Sender:
        limits = self.limits
        connector = guarded_connector(
            self.policy,
            resolver=self._resolver,
            keep_alive=limits.keep_alive,
            ssl=True if self._tls is None else self._tls,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            timeout=aiohttp.ClientTimeout(
                total=limits.total,
                connect=limits.connect,
                sock_connect=limits.connect,
                ceil_threshold=_WHOLE_SECONDS,
            ),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=limits.kept_bytes,
            max_line_size=limits.line_bytes,
            max_field_size=limits.header_bytes,
            max_headers=limits.header_count,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        await self._resolver.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Sends the body, byte for byte. Never raises for what the endpoint does."""
        assert self._session is not None, "use the sender in `async with`"
        started = time.monotonic()
        status = None
        try:
            target = self._url(url)
            response = await self._session.post(
                target,
                data=aiohttp.BytesPayload(body, content_type="application/json"),
                headers={**headers, "user-agent": USER_AGENT},
                allow_redirects=False,
            )
            status = response.status
            kept, is_cut = await self._read(response)
        except (aiohttp.ClientError, OSError, ValueError, EndpointError, TimeoutError) as error:
            seconds = time.monotonic() - started
            return Answer(None, _told(error, self.limits), seconds)
        return Answer(
            status, None, time.monotonic() - started, self._headers(response), kept, is_cut
        )

    def _url(self, text: str) -> URL:
        """Checked again at each start: the operator may allow less than when it was registered."""
        url = self._urls.get(text)
        if url is None:
            if len(self._urls) > 10_000:
                self._urls.clear()
            url = self._urls[text] = check_url(text, self.policy)
        return url

    async def _read(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        """(the first bytes of the body, whether there was more). The status stands already: what
        goes wrong in the body makes no failure of a success, nor the other way round."""
        content, most = response.content, self.limits.kept_bytes
        if content.is_eof():
            # it came together with the headers, as short ones do
            whole = content.read_nowait() if content.total_bytes else b""
            response.release()
            return whole[:most], len(whole) > most
        kept = bytearray()
        is_cut = True
        try:
            async with asyncio.timeout(self.limits.body):
                while len(kept) <= most:
                    part = await content.readany()
                    if not part:
                        is_cut = False
                        break
                    kept += part
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
            pass
        if is_cut:
            response.close()  # the connection too: the rest of the body is still on its way
        else:
            response.release()
        return bytes(kept[:most]), is_cut or len(kept) > most

    def _headers(self, response: aiohttp.ClientResponse) -> dict[str, str]:
        kept: dict[str, str] = {}
        for name, value in response.headers.items():
            if len(kept) >= self.limits.kept_headers:
                break
            kept[_text(name[:64]).lower()] = _text(value[:512])
        return kept


def allow_many_connections() -> int:
    """As many open files as the system lets us have, up to 65,536, for a process that sends: each
    connection that is kept for an endpoint is one. Returns how many there may be."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if most == resource.RLIM_INFINITY else min(most, _MOST_FILES)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        now = wanted
    return now


def _told(error: BaseException, limits: Limits) -> str:
    """An error for the endpoint's owner: its kind, and what happened."""
    short = _cause(error, OSError)
    while short is not None:
        if short.errno in _SHORT_OF:  # type: ignore[attr-defined]
            return _short("ours", short)
        short = _cause(short.__cause__ or short.__context__, OSError)
    refused = _cause(error, RefusedAddressError)
    if refused is not None:
        return _short("refused", refused)
    if isinstance(error, EndpointError):
        return _short("refused", error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"timeout: no connection within {limits.connect:g} s"
    if isinstance(error, TimeoutError):
        return f"timeout: no answer within {limits.total:g} s"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _short("name", error.os_error)
    if isinstance(error, aiohttp.ClientSSLError):
        return _short("tls", error)
    if isinstance(error, (aiohttp.ServerDisconnectedError, ConnectionResetError)):
        return "closed: the connection was closed before an answer came"
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)):
        return _short("garbage", error)
    if isinstance(error, aiohttp.ClientOSError) and not isinstance(
        error, aiohttp.ClientConnectorError
    ):
        return _short("closed", error)
    return _short("connection", error)


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _short(kind: str, error: BaseException) -> str:
    # an error of the system's begins with a number that tells its reader nothing
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = " ".join(_text(said).split()) or type(error).__name__
    return f"{kind}: {text}"[:_LONGEST_ERROR]


def _text(value: str) -> str:
    """What PostgreSQL takes as text: no zero bytes, no halves of surrogate pairs."""
    return value.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
