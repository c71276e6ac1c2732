"""One HTTP POST to one node: its whole answer as bytes, or a Fault that names no secret.

Redirects are not followed, cookies not kept, proxies of the environment not used, and no more is
read than `body_cap`, counted after decompression.
"""

from __future__ import annotations

import base64
import errno
import ssl
import time
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from donablock.chain.endpoint import Endpoint
from donablock.chain.faults import (
    Fault,
    GarbageFault,
    HttpFault,
    OversizeFault,
    RateFault,
    RedirectFault,
    SilentFault,
    TransportFault,
    TruncatedFault,
)

__all__ = ["Transport"]

_BUFFER = 1 << 20
# of an answer that is an error, no more than this is read to find out which
_ERROR_CAP = 1 << 16
_MANY = 429
_TOO_LARGE = 413
_UNAVAILABLE = 503
_LONGEST_RETRY = 3_600.0
_REASONS = {
    errno.ECONNRESET: "the connection was reset",
    errno.ETIMEDOUT: "no connection within the time limit",
    errno.ECONNREFUSED: "the connection was refused",
    errno.EHOSTUNREACH: "there is no way to the host",
}


class Transport:
    """HTTP to one node. Belongs to the event loop in which it is first used."""

    def __init__(self, endpoint: Endpoint, *, timeout: float, body_cap: int) -> None:
        """timeout: seconds for the whole of one answer. body_cap: bytes."""
        self._endpoint = endpoint
        self._timeout = timeout
        self._body_cap = body_cap
        self._session: aiohttp.ClientSession | None = None
        self._url = URL(endpoint.url, encoded=True)
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "donablock",
            # on one machine compressing costs more than it saves
            "Accept-Encoding": "identity" if endpoint.is_loopback else "gzip, deflate",
        }
        if endpoint.has_user:
            known = f"{endpoint.user}:{endpoint.password}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(known).decode()

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """(HTTP status, answer). The status is 200, or one whose body may be a JSON-RPC error.

        Raises TransportFault, SilentFault, HttpFault, RateFault, OversizeFault, GarbageFault.
        """
        try:
            try:
                return await self._post(body)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                # a connection that was kept open may have been closed meanwhile; every question is
                # a read, so it can be asked again
                return await self._post(body)
        except Fault:
            raise
        except TimeoutError:
            raise SilentFault(f"no whole answer within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            # an exception of aiohttp may hold the URL: neither its text nor it itself goes on
            raise _fault_of(error) from None

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                read_bufsize=_BUFFER,
                headers=self._headers,
            )
        async with self._session.post(self._url, data=body, allow_redirects=False) as response:
            status = response.status
            if status == 200:
                return status, await self._read(response, self._body_cap)
            if 300 <= status < 400:
                raise RedirectFault(status, f"redirects (HTTP {status}), which is not followed")
            retry_after = _seconds(response.headers.get("Retry-After"))
            if status == _MANY or (status == _UNAVAILABLE and retry_after is not None):
                raise RateFault(f"too many requests (HTTP {status})", retry_after)
            if status in {401, 403}:
                raise HttpFault(status, f"lets nobody in (HTTP {status}); check the key in its URL")
            if status == _TOO_LARGE:
                return status, b""
            return status, await self._read(response, _ERROR_CAP)

    async def _read(self, response: aiohttp.ClientResponse, cap: int) -> bytes:
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > cap:
                # closed, not read to its end: what is left may have no end
                response.close()
                if cap < self._body_cap:
                    break
                raise OversizeFault(f"an answer of more than {cap} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _fault_of(error: Exception) -> Fault:
    """What a library's exception means. Its text is left out: it may hold the URL."""
    if isinstance(error, aiohttp.ClientPayloadError):
        return TruncatedFault("broke off in the middle of its answer")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return TransportFault("closed the connection without an answer")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return TransportFault("there is no such host")
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return TransportFault("no secure connection (TLS)")
    if isinstance(error, aiohttp.ClientResponseError):
        return GarbageFault("does not speak HTTP")
    if isinstance(error, OSError):
        return TransportFault(_REASONS.get(error.errno or 0, "no connection"))
    return TransportFault(f"no connection ({type(error).__name__})")


def _seconds(text: str | None) -> float | None:
    """Retry-After: seconds, or a date. None for nothing or nonsense."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text), _LONGEST_RETRY)
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, until - time.time()), _LONGEST_RETRY)
