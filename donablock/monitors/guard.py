"""Where webhooks may go: the guard against requests into networks that are not for them (SSRF).

    target = check_url("https://example.org/hook", policy)       # when an endpoint is registered
    connector = guarded_connector(policy)                        # whatever is connected to

A URL is read by the same parser as the client's. Its host is resolved once for each connection, all
of its addresses are checked, and the socket is opened to a checked address: no second look-up lies
between. The last check is made where the socket itself is made, on the very address it connects to,
so nothing that is thought up above it can lead past it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from donablock.errors import EndpointError, RefusedAddressError
from donablock.settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 2_048
# what a web server listens on
PORTS = frozenset({80, 443, 8080, 8443})

_V4 = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier (CGNAT)"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's own services"),
        ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_V6 = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("::/128", "this host"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64, local"),
        ("100::/64", "discarded"),
        ("2001::/32", "Teredo"),
        ("2001:db8::/32", "for documentation"),
        ("2001::/23", "reserved for protocols"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "for documentation"),
        ("fc00::/7", "private (unique local)"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private (site-local)"),
        ("ff00::/8", "multicast"),
    )
)
# all that is handed out to the world's networks
_V6_GLOBAL = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

# Programs read these as IPv4 addresses, each in its own way: 127.1, 2130706433, 0x7f.1, 0177.0.0.1
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_STRANGE = re.compile(r"[\x00-\x20\x7f\\]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]{0,2046}[\x21-\x7e])?")
MOST_HEADERS = 16
# ours, or the connection's: an endpoint's owner sets none of them
_OWN_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OWN_PREFIXES = ("webhook-", "donablock-", "proxy-", "sec-")


@dataclass(frozen=True)
class Policy:
    """What the operator allows.

    networks: one's own, which may be reached although they are not public, on any port.
    refused: what must not be reached although it is public, such as one's own public addresses.
    ports: allowed on public addresses; None: any. is_http_allowed: without TLS, too.
    """

    networks: tuple[Network, ...] = ()
    refused: tuple[Network, ...] = ()
    ports: frozenset[int] | None = PORTS
    is_http_allowed: bool = False

    @classmethod
    def configured(cls, chosen: Settings) -> Policy:
        """As the operator set it (DONABLOCK_WEBHOOK_...). Raises EndpointError."""
        ports = None if chosen.webhook_ports.strip() == "any" else _listed(chosen.webhook_ports)
        if ports is not None and not all(port.isdigit() and int(port) < 65_536 for port in ports):
            raise EndpointError(
                f"DONABLOCK_WEBHOOK_PORTS={chosen.webhook_ports!r} is no list of ports; write"
                " 443,8443 or any"
            )
        return cls.of(
            _listed(chosen.webhook_networks),
            _listed(chosen.webhook_refused),
            [0] if ports is None else [int(port) for port in ports],
            chosen.webhook_http,
        )

    @classmethod
    def of(
        cls,
        networks: Sequence[str] = (),
        refused: Sequence[str] = (),
        ports: Sequence[int] | None = None,
        is_http_allowed: bool = False,
    ) -> Policy:
        """The same from text, such as "10.8.0.0/16" or "fd12::/48". ports: (0,) for any."""
        return cls(
            tuple(_network(text) for text in networks),
            tuple(_network(text) for text in refused),
            PORTS if ports is None else None if 0 in ports else frozenset(ports),
            is_http_allowed,
        )


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise EndpointError(f"{text!r} is no network: {error}; write it as 10.8.0.0/16") from error


# --- addresses ------------------------------------------------------------------------------------


def refusal(address: Address, policy: Policy) -> str | None:
    """Why a webhook must not go to this address; None if it may."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "it is bound to one of this machine's interfaces"
    if _within(address, policy.refused):
        return "the operator refuses it"
    if _within(address, policy.networks):
        if address in _NAT64:
            # whoever allows NAT64 allows the way, not whatever lies behind it
            return refusal(IPv4Address(int(address) & 0xFFFFFFFF), policy)
        return None
    table = _V4 if isinstance(address, IPv4Address) else _V6
    for network, reason in table:
        if address in network:
            return f"it is {reason}"
    if isinstance(address, IPv6Address) and address not in _V6_GLOBAL:
        return "it is not a public IPv6 address"
    # younger than the tables above: what this Python knows of
    return None if address.is_global and not address.is_multicast else "it is not public"


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


@lru_cache(maxsize=4_096)
def check_address(host: str, port: int, policy: Policy) -> None:
    """Raises RefusedAddressError unless a webhook may be sent to this address and port.

    host: an address as the socket would get it, not a name.
    """
    try:
        address = ip_address(host)
    except ValueError as error:
        raise RefusedAddressError(f"{host!r} is no address: nothing is sent there") from error
    reason = refusal(address, policy)
    if reason is not None:
        raise RefusedAddressError(
            f"{host} is refused: {reason}. An operator may allow a network of its own "
            "(DONABLOCK_WEBHOOK_NETWORKS)"
        )
    if not _port_allowed(port, policy) and not _within(address, policy.networks):
        raise RefusedAddressError(f"port {port} is refused on public addresses: {_ports(policy)}")


def _port_allowed(port: int, policy: Policy) -> bool:
    return policy.ports is None or port in policy.ports


def _ports(policy: Policy) -> str:
    return "use one of " + ", ".join(str(port) for port in sorted(policy.ports or ()))


# --- URLs and headers -----------------------------------------------------------------------------


def check_url(text: str, policy: Policy) -> URL:
    """A webhook's URL, as the client will read it. Raises EndpointError, saying how to mend it.

    A name is not looked up here: what it leads to is decided anew for every connection.
    """
    if len(text) > LONGEST_URL:
        raise EndpointError(f"a webhook's URL has at most {LONGEST_URL} characters")
    if _STRANGE.search(text):
        raise EndpointError("a URL has no blanks, backslashes or control characters; escape them")
    try:
        url = URL(text)
        host, port = url.raw_host, url.port
    except (ValueError, IndexError) as error:
        raise EndpointError(f"this is no URL: {error}") from error
    if url.scheme not in ("https", "http") or not host or port is None:
        raise EndpointError("a webhook's URL begins with https:// and a host")
    if url.scheme == "http" and not policy.is_http_allowed:
        raise EndpointError("a webhook's URL begins with https:// (plain http is not allowed here)")
    if "@" in text.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]:
        raise EndpointError("a URL has no user or password; put them in the authorization header")
    if "#" in text:
        raise EndpointError("what follows # is never sent; leave it out")
    if port == 0:
        raise EndpointError("there is no port 0")
    _check_host(host, port, policy)
    return url


def _check_host(host: str, port: int, policy: Policy) -> None:
    if ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            address = ip_address(host)
        except ValueError as error:
            raise EndpointError(
                f"{host!r} is no address; write IPv4 as four decimal numbers, such as 192.0.2.1, "
                "and IPv6 in brackets"
            ) from error
        try:
            check_address(str(address), port, policy)
        except RefusedAddressError as error:
            raise EndpointError(str(error)) from error
        return
    if host.endswith("."):
        raise EndpointError("write the host without a dot at its end")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise EndpointError(f"{host!r} is no name of a host")
    if policy.networks:
        return  # one's own names and ports may lead to one's own networks; the connection tells
    if len(labels) == 1 or labels[-1] in ("localhost", "local", "internal"):
        raise EndpointError(f"{host!r} is not a public name")
    if not _port_allowed(port, policy):
        raise EndpointError(f"port {port} is refused: {_ports(policy)}")


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """What an endpoint's owner wants to be sent, such as Authorization. Raises EndpointError."""
    if len(headers) > MOST_HEADERS:
        raise EndpointError(f"an endpoint has at most {MOST_HEADERS} headers of its own")
    lower = {name.lower() for name in headers}
    if len(lower) < len(headers):
        raise EndpointError("a header is named twice")
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise EndpointError(f"{name!r} is no name of a header")
        if name.lower() in _OWN_HEADERS or name.lower().startswith(_OWN_PREFIXES):
            raise EndpointError(f"the header {name} is set by the sender; leave it out")
        if not _HEADER_VALUE.fullmatch(value):
            raise EndpointError(
                f"the value of {name} has characters that a header cannot carry, or too many"
            )
    return dict(headers)


# --- the connection -------------------------------------------------------------------------------

Lookup = Callable[[str, int], list[tuple[Any, ...]]]


def _getaddrinfo(host: str, port: int) -> list[tuple[Any, ...]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class GuardedResolver(AbstractResolver):
    """Names to addresses, all of them checked: one refused address refuses the name.

    Look-ups run in threads of their own, since those of the loop are few and a name server that
    hangs would take them from everybody; one name is looked up once at a time. An answer serves for
    `remembered` seconds, so that ten connections opened at once are one look-up.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        lookup: Lookup = _getaddrinfo,
        timeout: float = 5.0,
        remembered: float = 5.0,
        threads: int = 32,
    ) -> None:
        self._policy = policy
        self._lookup = lookup
        self._timeout = timeout
        self._remembered = remembered
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="webhook-names")
        self._running: dict[str, asyncio.Future[list[tuple[Any, ...]]]] = {}
        self._known: dict[str, tuple[float, list[tuple[Any, ...]] | OSError]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises RefusedAddressError, or OSError where the name leads nowhere."""
        found: list[ResolveResult] = []
        for known, _, proto, _, address in await self._addresses(host, port):
            if family not in (socket.AF_UNSPEC, known):
                continue
            # The interface of a link-local address is a number beside it here; it is refused.
            scope = f"%{address[3]}" if known == socket.AF_INET6 and address[3] else ""
            check_address(f"{address[0]}{scope}", port, self._policy)
            found.append(
                ResolveResult(
                    hostname=host,
                    host=address[0],
                    port=port,
                    family=known,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        if not found:
            raise OSError(None, f"{host} has no address")
        return found

    async def _addresses(self, host: str, port: int) -> list[tuple[Any, ...]]:
        now = time.monotonic()
        expires, answer = self._known.get(host, (0.0, []))
        if expires <= now:
            if len(self._known) > 10_000:
                self._known.clear()
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await asyncio.shield(self._started(host, port))
            except TimeoutError:
                answer = OSError(None, f"the name servers gave no answer for {host} in time")
            except OSError as error:
                answer = error
            self._known[host] = (now + self._remembered, answer)
        if isinstance(answer, OSError):
            # a new one each time: what is raised again grows a longer trace with every raise
            raise OSError(answer.errno, answer.strerror)
        return answer

    def _started(self, host: str, port: int) -> asyncio.Future[list[tuple[Any, ...]]]:
        running = self._running.get(host)
        if running is None:
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(self._threads, partial(self._lookup, host, port))
            self._running[host] = running
            running.add_done_callback(lambda done: self._ended(host, done))
        return running

    def _ended(self, host: str, done: asyncio.Future[list[tuple[Any, ...]]]) -> None:
        self._running.pop(host, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; nobody may be waiting any more

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def guarded_connector(
    policy: Policy,
    *,
    resolver: GuardedResolver | None = None,
    keep_alive: float = 30.0,
    **options: Any,
) -> aiohttp.TCPConnector:
    """A connector that opens sockets to allowed addresses and to no others.

    Connections are not counted here: the deliverer decides how many requests are under way.
    """

    def opened(info: tuple[Any, ...]) -> socket.socket:
        family, kind, proto, _, address = info
        check_address(address[0], address[1], policy)
        return socket.socket(family, kind, proto)

    return aiohttp.TCPConnector(
        resolver=resolver or GuardedResolver(policy),
        socket_factory=opened,
        # the resolver remembers by itself, and checks what it remembers
        use_dns_cache=False,
        limit=0,
        limit_per_host=0,
        keepalive_timeout=keep_alive,
        **options,
    )
