"""Where webhooks may go: every way known to lead a request inside is refused."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.errors import EndpointError, RefusedAddressError
from donablock.monitors.guard import (
    GuardedResolver,
    Policy,
    check_address,
    check_headers,
    check_url,
    guarded_connector,
    refusal,
)
from donablock.settings import Settings

PUBLIC = Policy()
ANY_PORT = Policy.of(ports=[0], is_http_allowed=True)
OWN = Policy.of(["127.0.0.0/8", "::1/128"], is_http_allowed=True)

REFUSED = {
    "0.0.0.0": "this host",
    "0.1.2.3": "this host",
    "10.0.0.1": "private",
    "100.64.0.1": "CGNAT",
    "100.100.100.200": "CGNAT",  # a cloud's metadata
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "cloud",
    "169.254.169.254": "metadata",
    "169.254.170.2": "metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "protocols",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "198.51.100.7": "documentation",
    "203.0.113.9": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "this host",
    "::1": "loopback",
    "::7f00:1": "IPv4-compatible",
    "::127.0.0.1": "IPv4-compatible",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::ffff:0:169.254.169.254": "IPv4-translated",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b::8.8.8.8": "NAT64",
    "64:ff9b:1::a00:1": "NAT64, local",
    "100::1": "discarded",
    "2001::1": "Teredo",
    "2001:0:53aa:64c::1": "Teredo",
    "2001:2::1": "protocols",
    "2001:10::1": "protocols",
    "2001:20::1": "protocols",
    "2001:db8::1": "documentation",
    "2002:7f00:1::1": "6to4",
    "2002:a9fe:a9fe::1": "6to4",
    "2620:4f:8000::1": "AS112",
    "3fff::1": "documentation",
    "4000::1": "not a public IPv6",
    "5f00::1": "not a public IPv6",
    "fc00::1": "unique local",
    "fd00:ec2::254": "unique local",  # a cloud's metadata
    "fe80::1": "link-local",
    "fe80::1%eth0": "interface",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
}
ALLOWED = (
    "1.1.1.1",
    "8.8.8.8",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
)


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_not_the_worlds_are_refused_with_the_reason(address: str) -> None:
    assert REFUSED[address] in (refusal(ip_address(address), PUBLIC) or "allowed")
    with pytest.raises(RefusedAddressError, match="refused"):
        check_address(address, 443, PUBLIC)


@pytest.mark.parametrize("address", ALLOWED)
def test_addresses_of_the_world_are_allowed(address: str) -> None:
    assert refusal(ip_address(address), PUBLIC) is None
    check_address(address, 443, PUBLIC)


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_nothing_is_allowed_that_python_knows_to_be_private(
    address: IPv4Address | IPv6Address,
) -> None:
    if refusal(address, PUBLIC) is None:
        assert address.is_global and not address.is_multicast and not address.is_reserved


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_no_ipv4_address_comes_in_disguise(address: IPv4Address) -> None:
    number = int(address)
    for disguise in (
        number,  # compatible
        0xFFFF << 32 | number,  # mapped
        0xFFFF << 48 | number,  # translated
        0x64FF9B << 96 | number,  # NAT64
        0x2002 << 112 | number << 80 | 1,  # 6to4
        0x20010000 << 96 | (number ^ 0xFFFFFFFF),  # Teredo
    ):
        assert refusal(IPv6Address(disguise), PUBLIC) is not None


def test_an_operator_allows_its_own_network_and_nothing_beside_it() -> None:
    policy = Policy.of(["10.8.0.0/16", "fd12::/48"])
    check_address("10.8.3.4", 9_999, policy)
    check_address("fd12::1", 3_000, policy)
    for address in ("10.9.0.1", "127.0.0.1", "169.254.169.254", "fd13::1", "::ffff:10.8.3.4"):
        with pytest.raises(RefusedAddressError, match="DONABLOCK_WEBHOOK_NETWORKS"):
            check_address(address, 443, policy)


def test_an_operator_refuses_what_is_its_own_although_it_is_public() -> None:
    policy = Policy.of(refused=["8.8.8.0/24"])
    with pytest.raises(RefusedAddressError, match="operator refuses"):
        check_address("8.8.8.8", 443, policy)
    check_address("8.8.4.4", 443, policy)


def test_whoever_allows_nat64_allows_the_way_and_not_what_lies_behind_it() -> None:
    policy = Policy.of(["64:ff9b::/96"])
    check_address("64:ff9b::8.8.8.8", 443, policy)
    for inside in ("10.0.0.1", "127.0.0.1", "169.254.169.254"):
        with pytest.raises(RefusedAddressError, match="refused"):
            check_address(f"64:ff9b::{inside}", 443, policy)


def test_ports_are_those_of_web_servers_unless_the_operator_says_otherwise() -> None:
    for port in (80, 443, 8080, 8443):
        check_address("8.8.8.8", port, PUBLIC)
    for port in (22, 25, 3306, 5432, 6379, 9200, 65_535):
        with pytest.raises(RefusedAddressError, match=f"port {port} is refused"):
            check_address("8.8.8.8", port, PUBLIC)
        check_address("8.8.8.8", port, ANY_PORT)
        check_address("127.0.0.1", port, OWN)
        with pytest.raises(RefusedAddressError, match="port"):
            check_address("8.8.8.8", port, OWN)


def test_the_operators_settings_are_the_policy() -> None:
    assert Policy.configured(Settings()) == PUBLIC
    chosen = Settings(
        webhook_networks="10.8.0.0/16, fd12::/48",
        webhook_refused="8.8.8.0/24",
        webhook_ports="443",
        webhook_http=True,
    )
    assert Policy.configured(chosen) == Policy.of(
        ["10.8.0.0/16", "fd12::/48"], ["8.8.8.0/24"], [443], True
    )
    assert Policy.configured(Settings(webhook_ports="any")).ports is None
    for ports in ("http", "70000", "1-9"):
        with pytest.raises(EndpointError, match="no list of ports"):
            Policy.configured(Settings(webhook_ports=ports))


def test_a_network_that_is_none_is_named() -> None:
    for text in ("10.8.0.1/16", "10.8", "here", ""):
        with pytest.raises(EndpointError, match="is no network"):
            Policy.of([text])


# --- URLs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, host",
    [
        ("https://example.org/hook?a=b", "example.org"),
        ("https://EXAMPLE.org", "example.org"),
        ("https://example.org:8443/", "example.org"),
        ("https://8.8.8.8/hook", "8.8.8.8"),
        ("https://[2606:4700:4700::1111]/hook", "2606:4700:4700::1111"),
        ("https://bücher.example/hook", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example/hook", "xn--bcher-kva.example"),
        ("https://1.example.org/", "1.example.org"),
        ("https://_hooks.example.org/", "_hooks.example.org"),
        ("https://example.org/@me", "example.org"),
    ],
)
def test_a_url_of_the_world_is_taken(url: str, host: str) -> None:
    assert check_url(url, PUBLIC).raw_host == host


@pytest.mark.parametrize(
    "url, expected",
    [
        ("", "begins with https"),
        ("example.org/hook", "begins with https"),
        ("ftp://example.org/", "begins with https"),
        ("file:///etc/passwd", "begins with https"),
        ("gopher://example.org/", "begins with https"),
        ("https:///hook", "begins with https|no URL"),
        ("https://", "begins with https|no URL"),
        ("http://example.org/", "plain http is not allowed"),
        ("https://example.org/ hook", "no blanks"),
        ("https://example.org/\r\nx: y", "no blanks"),
        ("https://example.org\\@127.0.0.1/", "no blanks, backslashes"),
        ("https://user@example.org/", "no user or password"),
        ("https://user:word@example.org/", "no user or password"),
        ("https://@example.org/", "no user or password"),
        ("https://example.org@127.0.0.1/", "no user or password"),
        ("https://example.org?@127.0.0.1/#@x", "what follows #"),
        ("https://example.org/#top", "what follows #"),
        ("https://example.org:0/", "no port 0"),
        ("https://example.org:99999/", "no URL"),
        ("https://example.org:22/", "port 22 is refused"),
        ("https://example.org./", "dot at its end"),
        ("https://example.org../", "dot at its end|no name"),
        ("https://exa mple.org/", "no blanks"),
        ("https://exam%70le.org/", "no name of a host|no URL"),
        ("https://-example.org/", "no name of a host|no URL"),
        ("https://example..org/", "no name of a host|no URL"),
        (f"https://{'a' * 64}.org/", "no name of a host|no URL"),
        ("https://" + "a." * 127 + "org/", "no name of a host|no URL"),
        ("https://localhost/", "not a public name"),
        ("https://LOCALHOST/", "not a public name"),
        ("https://app.localhost/", "not a public name"),
        ("https://printer.local/", "not a public name"),
        ("https://metadata.google.internal/", "not a public name"),
        ("https://kubernetes/", "not a public name"),
        ("https://" + "x" * 3_000 + ".org", "at most 2048"),
        # every spelling of 127.0.0.1 and its like
        ("https://127.0.0.1/", "loopback"),
        ("https://127.0.0.1./", "is no address|dot at its end"),
        ("https://127.1/", "is no address"),
        ("https://127.0.1/", "is no address"),
        ("https://2130706433/", "is no address"),
        ("https://0x7f000001/", "is no address"),
        ("https://0X7F.1/", "is no address"),
        ("https://0x7f.0.0.0x1/", "is no address"),
        ("https://0177.0.0.1/", "is no address"),
        ("https://127.0.0.01/", "is no address"),
        ("https://017700000001/", "is no address"),
        ("https://0/", "is no address"),
        ("https://0x/", "is no address"),
        ("https://1.2.3.4.5/", "is no address"),
        ("https://256.1.1.1/", "is no address"),
        ("https://example.123/", "is no address"),
        ("https://example.0x7f/", "is no address"),
        ("https://１２７.０.０.１/", "loopback|no URL|is no address"),  # full-width digits
        ("https://①②⑦.⓪.⓪.①/", "loopback|no URL|is no address"),
        ("https://127。0。0。1/", "loopback|no URL|is no address"),  # ideographic full stops
        ("https://[::1]/", "loopback"),
        ("https://[::]/", "this host"),
        ("https://[::ffff:127.0.0.1]/", "mapped"),
        ("https://[::ffff:7f00:1]/", "mapped"),
        ("https://[0:0:0:0:0:ffff:7f00:1]/", "mapped"),
        ("https://[::127.0.0.1]/", "compatible"),
        ("https://[64:ff9b::7f00:1]/", "NAT64"),
        ("https://[fe80::1%25eth0]/", "interface|link-local|no URL|no address"),
        ("https://[fd00:ec2::254]/latest/meta-data", "unique local"),
        ("https://169.254.169.254/latest/meta-data/", "metadata"),
        ("https://100.100.100.200/", "CGNAT"),
        ("https://[::1/", "no URL|no address"),
        ("https://[]@", "no URL"),
        ("https://[]@example.org/", "no URL|no user"),
    ],
)
def test_what_leads_inside_or_nowhere_is_refused(url: str, expected: str) -> None:
    with pytest.raises(EndpointError, match=expected):
        check_url(url, PUBLIC)


def test_one_s_own_network_may_have_names_and_ports_of_its_own() -> None:
    for url in ("http://receiver:3000/hook", "http://127.0.0.1:4567/", "http://[::1]:1/"):
        check_url(url, OWN)
    with pytest.raises(EndpointError, match="metadata"):
        check_url("http://169.254.169.254/", OWN)


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://", "https://[", "//"]))
def test_no_text_breaks_the_reading_of_urls(text: str, start: str) -> None:
    try:
        url = check_url(start + text, PUBLIC)
    except EndpointError:
        return
    assert url.scheme == "https" and url.raw_host and not url.user


# --- headers --------------------------------------------------------------------------------------


def test_an_owner_may_set_headers_that_are_not_the_senders() -> None:
    headers = {"Authorization": "Bearer abc", "X-Tenant": "a b\tc"}
    assert check_headers(headers) == headers
    assert check_headers({}) == {}


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("Host", "inside", "set by the sender"),
        ("content-length", "3", "set by the sender"),
        ("Transfer-Encoding", "chunked", "set by the sender"),
        ("Connection", "close", "set by the sender"),
        ("Cookie", "a=b", "set by the sender"),
        ("Webhook-Id", "evt_1", "set by the sender"),
        ("webhook-anything", "x", "set by the sender"),
        ("Proxy-Authorization", "x", "set by the sender"),
        ("", "x", "no name of a header"),
        ("X Y", "x", "no name of a header"),
        ("X:Y", "x", "no name of a header"),
        ("X\r\nY", "x", "no name of a header"),
        ("Ü", "x", "no name of a header"),
        ("X", "a\r\nHost: inside", "cannot carry"),
        ("X", "a\n", "cannot carry"),
        ("X", "a\x00", "cannot carry"),
        ("X", "ü", "cannot carry"),
        ("X", "", "cannot carry"),
        ("X", "a" * 2_049, "too many"),
    ],
)
def test_headers_that_would_change_the_request_are_refused(
    name: str, value: str, expected: str
) -> None:
    with pytest.raises(EndpointError, match=expected):
        check_headers({name: value})


def test_headers_are_few_and_named_once() -> None:
    with pytest.raises(EndpointError, match="at most 16"):
        check_headers({f"X-{number}": "x" for number in range(17)})
    with pytest.raises(EndpointError, match="named twice"):
        check_headers({"X-A": "1", "x-a": "2"})


# --- the resolver and the connection --------------------------------------------------------------


def told(*addresses: str) -> list[tuple[Any, ...]]:
    """What getaddrinfo would say."""
    return [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 0, 0, 0))
        if ":" in address
        else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
        for address in addresses
    ]


class Names:
    """A name server: each look-up takes the next answer, the last for ever. Counts them."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            raise socket.gaierror(-2, "Name or service not known")
        return told(*answer)


class Listener:
    """A server that takes connections and remembers that it did."""

    def __init__(self) -> None:
        self.taken = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Listener:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.taken += 1
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        self._server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()


async def get(policy: Policy, url: str, names: Names | None = None, **options: Any) -> int:
    """The status that a guarded client gets."""
    resolver = GuardedResolver(policy, **({"lookup": names} if names else {}), **options)
    connector = guarded_connector(policy, resolver=resolver)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            async with session.get(url, allow_redirects=False) as response:
                return response.status
    finally:
        await resolver.close()


def causes(error: BaseException) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


@pytest.mark.asyncio
async def test_the_connection_goes_to_the_address_that_was_checked_and_nothing_is_asked_twice() -> (
    None
):
    names = Names(("127.0.0.1",))
    async with Listener() as listener:
        assert await get(OWN, f"http://hooks.example.org:{listener.port}/", names) == 204
        assert listener.taken == 1
    assert names.asked == ["hooks.example.org"]


@pytest.mark.asyncio
async def test_a_name_that_changes_between_two_lookups_gains_nothing() -> None:
    """DNS rebinding: the first answer is public, the second is inside. Only the answer that was
    checked is ever connected to, so a connection inside would need an answer that passes."""
    policy = Policy.of(ports=[0], is_http_allowed=True)
    names = Names(("93.184.216.34",), ("127.0.0.1",))
    resolver = GuardedResolver(policy, lookup=names, remembered=0)
    first = await resolver.resolve("rebind.example.org", 80)
    assert [found["host"] for found in first] == ["93.184.216.34"]
    async with Listener() as listener:
        connector = guarded_connector(policy, resolver=resolver)
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientError) as refused:
                await session.get(f"http://rebind.example.org:{listener.port}/")
        assert any(isinstance(error, RefusedAddressError) for error in causes(refused.value))
        assert listener.taken == 0
    await resolver.close()


@pytest.mark.asyncio
async def test_the_socket_itself_is_refused_whatever_the_resolver_says() -> None:
    """The last gate: a resolver that let an address through by mistake."""

    class Careless(GuardedResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
            return [
                {
                    "hostname": host,
                    "host": "127.0.0.1",
                    "port": port,
                    "family": socket.AF_INET,
                    "proto": 0,
                    "flags": 0,
                }
            ]

    policy = Policy.of(ports=[0], is_http_allowed=True)
    async with Listener() as listener:
        connector = guarded_connector(policy, resolver=Careless(policy))
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientError) as refused:
                await session.get(f"http://hooks.example.org:{listener.port}/")
        assert any(isinstance(error, RefusedAddressError) for error in causes(refused.value))
        assert listener.taken == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_an_address_in_the_url_passes_the_same_gate(host: str) -> None:
    async with Listener() as listener:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await get(ANY_PORT, f"http://{host}:{listener.port}/")
        assert listener.taken == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer", [("10.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("8.8.8.8", "::1"), ("fe80::1",)]
)
async def test_one_refused_address_refuses_the_name(answer: tuple[str, ...]) -> None:
    resolver = GuardedResolver(PUBLIC, lookup=Names(answer))
    with pytest.raises(RefusedAddressError):
        await resolver.resolve("mixed.example.org", 443)
    await resolver.close()


@pytest.mark.asyncio
async def test_a_name_of_this_machine_is_refused_after_it_was_resolved() -> None:
    resolver = GuardedResolver(PUBLIC)
    with pytest.raises(RefusedAddressError, match="loopback"):
        await resolver.resolve("localhost", 443)
    await resolver.close()


@pytest.mark.asyncio
async def test_ten_connections_at_once_are_one_lookup_and_an_answer_serves_for_a_while() -> None:
    names = Names(("8.8.8.8",))
    resolver = GuardedResolver(PUBLIC, lookup=names, remembered=60)
    await asyncio.gather(*(resolver.resolve("example.org", 443) for _ in range(10)))
    await resolver.resolve("example.org", 8443)
    assert names.asked == ["example.org"]
    # the port is checked each time, although the name is known
    with pytest.raises(RefusedAddressError, match="port 22"):
        await resolver.resolve("example.org", 22)
    await resolver.close()


@pytest.mark.asyncio
async def test_a_name_that_leads_nowhere_is_asked_for_again_only_after_a_while() -> None:
    names = Names((), ("8.8.8.8",))
    resolver = GuardedResolver(PUBLIC, lookup=names, remembered=0.05)
    for _ in range(3):
        with pytest.raises(OSError, match="not known"):
            await resolver.resolve("example.org", 443)
    assert len(names.asked) == 1
    await asyncio.sleep(0.06)
    assert await resolver.resolve("example.org", 443)
    await resolver.close()


@pytest.mark.asyncio
async def test_a_name_server_that_hangs_holds_one_thread_per_name_and_nobody_else() -> None:
    hang = threading.Event()

    def lookup(host: str, _port: int) -> list[tuple[Any, ...]]:
        if host.startswith("slow"):
            hang.wait(5)
        return told("8.8.8.8")

    resolver = GuardedResolver(PUBLIC, lookup=lookup, timeout=0.05, remembered=0, threads=4)
    for _ in range(8):
        with pytest.raises(OSError, match="no answer for slow.example.org in time"):
            await resolver.resolve("slow.example.org", 443)
    assert await resolver.resolve("quick.example.org", 443)
    hang.set()
    await resolver.close()


def test_an_ipv4_network_refuses_no_ipv6_address_by_mistake() -> None:
    assert refusal(ip_address("2606:4700:4700::1111"), Policy.of(refused=["0.0.0.0/0"])) is None
    assert ip_address("8.8.8.8") not in ip_network("::/0")
