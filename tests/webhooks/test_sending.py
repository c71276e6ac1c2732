"""One POST to endpoints of every kind, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import resource
import socket
import ssl
import threading
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from donablock.monitors.guard import GuardedResolver, Policy
from donablock.monitors.sending import Answer, Limits, Sender, allow_many_connections
from tests.webhooks.receivers import (
    Receiver,
    Rude,
    Script,
    drips,
    few_files,
    read_request,
    says,
)

OWN = Policy.of(["127.0.0.0/8"], is_http_allowed=True)
QUICK = Limits(names=0.3, connect=0.5, total=0.6, body=0.3)
OK = b"HTTP/1.1 200 OK\r\n"
BODY = b'{"type":"test"}'


@asynccontextmanager
async def sending(limits: Limits = QUICK, policy: Policy = OWN) -> AsyncIterator[Sender]:
    async with Sender(policy, limits) as sender:
        yield sender


async def posted(url: str, limits: Limits = QUICK, policy: Policy = OWN) -> Answer:
    async with sending(limits, policy) as sender:
        return await sender.post(url, {"webhook-id": "evt_1_d1"}, BODY)


async def answered(script: Script, limits: Limits = QUICK) -> Answer:
    async with Rude(script) as server:
        return await posted(server.url, limits)


@pytest.mark.asyncio
async def test_a_post_carries_the_body_byte_for_byte_and_only_our_headers() -> None:
    async with Receiver(lambda _: web.Response(status=202, text="thanks")) as receiver:
        answer = await posted(receiver.url)
    assert (answer.status, answer.error, answer.body, answer.is_cut) == (
        202,
        None,
        b"thanks",
        False,
    )
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert 0 < answer.seconds < 0.6
    (got,) = receiver.got
    assert got.body == BODY
    assert got.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "webhook-id": "evt_1_d1",
        "content-type": "application/json",
        "user-agent": "DonaBlock-Webhooks/1",
        "content-length": str(len(BODY)),
    }


@pytest.mark.asyncio
async def test_connections_are_kept_and_used_again() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(OK + b"content-length: 2\r\n\r\nok")

    async with Rude(script) as server, sending() as sender:
        for _ in range(5):
            assert (await sender.post(server.url, {}, BODY)).status == 200
    assert server.connections == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    async with Receiver() as inside:
        location = {"location": inside.url}
        async with Receiver(lambda _: web.Response(status=status, headers=location)) as receiver:
            answer = await posted(receiver.url)
        assert answer.status == status
        assert answer.headers["location"] == inside.url
        assert inside.got == []


@pytest.mark.asyncio
async def test_a_redirect_to_the_clouds_metadata_is_not_followed() -> None:
    metadata = {"location": "http://169.254.169.254/latest/meta-data/"}
    async with Receiver(lambda _: web.Response(status=302, headers=metadata)) as receiver:
        assert (await posted(receiver.url)).status == 302
        assert len(receiver.got) == 1


@pytest.mark.asyncio
async def test_cookies_are_not_kept() -> None:
    async with (
        Receiver(lambda _: web.Response(headers={"set-cookie": "who=you"})) as receiver,
        sending() as sender,
    ):
        for _ in range(2):
            await sender.post(receiver.url, {}, BODY)
    assert all("cookie" not in got.headers for got in receiver.got)


@pytest.mark.asyncio
async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    async with Receiver() as receiver:
        assert (await posted(receiver.url)).status == 204


# --- time -----------------------------------------------------------------------------------------


def in_time(answer: Answer, seconds: float) -> None:
    assert answer.seconds < seconds + 0.4, answer


@pytest.mark.asyncio
async def test_an_endpoint_that_hangs_is_given_up() -> None:
    answer = await answered(says(hold=True))
    assert (answer.status, answer.error) == (None, "timeout: no answer within 0.6 s")
    in_time(answer, QUICK.total)


@pytest.mark.asyncio
async def test_headers_that_drip_do_not_stretch_the_time() -> None:
    answer = await answered(drips(OK, b"x-a: b\r\n", every=0.05))
    assert answer.error is not None and answer.error.startswith("timeout: no answer")
    in_time(answer, QUICK.total)


@pytest.mark.asyncio
async def test_a_status_line_that_drips_byte_by_byte_is_given_up() -> None:
    answer = await answered(drips(b"", b"H", every=0.05))
    assert answer.status is None
    in_time(answer, QUICK.total)


@pytest.mark.asyncio
async def test_interim_answers_without_end_are_given_up() -> None:
    answer = await answered(drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", every=0.02))
    assert answer.status is None
    in_time(answer, QUICK.total)


@pytest.mark.asyncio
async def test_a_success_whose_body_drips_is_a_success_and_the_rest_is_not_waited_for() -> None:
    patient = Limits(total=5.0, body=0.3)
    answer = await answered(
        drips(OK + b"content-length: 100000\r\n\r\n", b"x", every=0.05), patient
    )
    assert (answer.status, answer.error, answer.is_cut) == (200, None, True)
    assert 0 < len(answer.body) < 20
    in_time(answer, patient.body)


@pytest.mark.asyncio
async def test_an_endpoint_that_takes_no_connection_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        answer = await posted(f"http://127.0.0.1:{port}/")
        for filler in fillers:
            filler.close()
    assert answer.error is not None and answer.error.startswith("timeout: no")
    in_time(answer, QUICK.connect)


@pytest.mark.asyncio
async def test_a_name_server_that_hangs_is_given_up() -> None:
    release = threading.Event()

    def lookup(_host: str, _port: int) -> list[tuple[object, ...]]:
        release.wait(5)
        return []

    resolver = GuardedResolver(OWN, lookup=lookup, timeout=QUICK.names)
    async with Sender(OWN, QUICK, resolver=resolver) as sender:
        answer = await sender.post("http://hooks.example.org/", {}, BODY)
        release.set()
    assert answer.error == "name: the name servers gave no answer for hooks.example.org in time"
    in_time(answer, QUICK.names)


# --- bytes ----------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_huge_body_is_cut_while_it_streams_and_the_success_stays() -> None:
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(OK + b"content-length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    tracemalloc.start()
    answer = await answered(script, Limits(total=5, body=5))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.status, answer.is_cut) == (200, True)
    assert answer.body == b"x" * Limits().kept_bytes
    assert answer.seconds < 2
    assert peak < 8 << 20, "the body is not gathered before it is cut"
    assert sent < 64 << 20


@pytest.mark.asyncio
async def test_a_body_that_streams_for_ever_in_chunks_is_cut() -> None:
    answer = await answered(
        drips(OK + b"transfer-encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n", 0)
    )
    assert (answer.status, answer.is_cut, len(answer.body)) == (200, True, 4_096)


@pytest.mark.asyncio
async def test_a_packed_body_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    head = b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    answer = await answered(says(OK + head + bomb))
    assert answer.status == 200
    assert answer.body == bomb[: Limits().kept_bytes]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "head",
    [
        b"x-big: " + b"a" * 20_000 + b"\r\n\r\n",
        b"".join(b"x-%d: a\r\n" % number for number in range(70)) + b"\r\n",
        b"a" * 20_000 + b": x\r\n\r\n",
    ],
    ids=["a long value", "many", "a long name"],
)
async def test_headers_have_a_bound(head: bytes) -> None:
    answer = await answered(says(OK + head, hold=True))
    assert answer.status is None
    assert answer.error is not None and answer.error.startswith("garbage:"), answer
    assert len(answer.error) <= 300


@pytest.mark.asyncio
async def test_headers_without_end_have_a_bound_before_the_time_is_up() -> None:
    answer = await answered(drips(OK, b"x-a: " + b"b" * 1_000 + b"\r\n", 0), Limits(total=5))
    assert answer.error is not None and answer.error.startswith("garbage:"), answer
    assert answer.seconds < 2


@pytest.mark.asyncio
async def test_few_and_short_headers_are_kept() -> None:
    head = b"".join(b"x-%d: %b\r\n" % (number, b"v" * 600) for number in range(50))
    answer = await answered(says(OK + head + b"content-length: 0\r\n\r\n"))
    assert answer.status == 200
    assert len(answer.headers) == Limits().kept_headers
    assert {len(value) for value in answer.headers.values()} == {512}


# --- garbage --------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "said, kind",
    [
        (b"", "closed"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "garbage"),
        (b"\x16\x03\x01\x02\x00" * 20, "garbage"),
        (b"HTTP/1.1 banana\r\n\r\n", "garbage"),
        (b"HTTP/9.9 200 OK\r\n\r\n", "garbage"),
        (b"HTTP/1.1 99999 OK\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200", "closed"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3, 4\r\n\r\n", "garbage"),
        (b"\x00\x00\x00", "garbage"),
    ],
)
async def test_what_is_no_http_is_an_error_that_says_so(said: bytes, kind: str) -> None:
    answer = await answered(says(said))
    assert answer.status is None and answer.error is not None
    assert answer.error.split(":")[0] == kind, answer.error


@pytest.mark.asyncio
async def test_a_connection_that_is_reset_is_an_error() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    answer = await answered(script)
    assert answer.error is not None and answer.error.startswith("closed:"), answer


@pytest.mark.asyncio
async def test_a_success_that_closes_in_the_middle_of_its_body_is_a_success() -> None:
    answer = await answered(says(OK + b"content-length: 100\r\n\r\nonly this"))
    assert (answer.status, answer.error, answer.body) == (200, None, b"only this")
    assert answer.is_cut


@pytest.mark.asyncio
async def test_a_body_with_broken_chunks_does_not_undo_a_success() -> None:
    answer = await answered(says(OK + b"transfer-encoding: chunked\r\n\r\nzz\r\nwhat"))
    assert answer.status in (200, None)
    if answer.status is None:
        assert answer.error is not None and answer.error.startswith("garbage")


@pytest.mark.asyncio
async def test_answers_that_nobody_asked_for_do_not_reach_the_next_request() -> None:
    """Two answers to one request: the second must not be taken for the answer to the next."""
    said = OK + b"content-length: 0\r\n\r\n"
    twice = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n" + said
    async with Rude(says(twice, hold=True)) as server, sending() as sender:
        first = await sender.post(server.url, {}, BODY)
        await asyncio.sleep(0.05)
        second = await sender.post(server.url, {}, BODY)
    assert (first.status, second.status) == (500, 500)
    assert server.connections == 2


@pytest.mark.asyncio
async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = await posted(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert answer.error is not None and answer.error.startswith("connection:")


@pytest.mark.asyncio
async def test_when_this_machine_has_no_more_files_the_endpoint_is_not_to_blame(
    receiver: Receiver,
) -> None:
    async with sending() as sender:
        assert (await sender.post(receiver.url, {}, BODY)).status == 204
        other = receiver.url.replace("127.0.0.1", "127.0.0.2")  # a connection of its own
        with few_files():
            answer = await sender.post(other, {}, BODY)
    assert answer.is_ours and answer.error == "ours: Too many open files"
    assert not Answer(None, "timeout: no answer", 1.0).is_ours
    assert not Answer(200, None, 1.0).is_ours


@pytest.mark.asyncio
async def test_as_many_files_as_the_system_allows_may_be_open() -> None:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, most))
        allowed = allow_many_connections()
        assert allowed == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(most, 65_536)
        assert allow_many_connections() == allowed
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))


@pytest.mark.asyncio
async def test_bytes_that_no_database_takes_do_not_get_there() -> None:
    head = b"x-odd: a\xff\xfeb\r\nx-latin: caf\xe9\r\ncontent-length: 3\r\n\r\n\x00\xff\x01"
    answer = await answered(says(OK + head))
    assert answer.status == 200
    assert answer.body == b"\x00\xff\x01"
    json.dumps(answer.headers).encode()
    for value in answer.headers.values():
        assert "\x00" not in value
        value.encode()


# --- the guard ------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url, expected",
    [
        ("http://127.0.0.1:{port}/", "refused: 127.0.0.1 is refused: it is loopback"),
        ("http://localhost:{port}/", "refused: 'localhost' is not a public name"),
        ("http://169.254.169.254/", "refused: 169.254.169.254 is refused"),
        ("http://[::1]:{port}/", "refused: ::1 is refused"),
        ("http://user@example.org/", "refused: a URL has no user"),
    ],
)
async def test_what_the_policy_refuses_is_not_connected_to(url: str, expected: str) -> None:
    async with Receiver() as receiver:
        policy = Policy.of(is_http_allowed=True)
        answer = await posted(url.format(port=receiver.port), policy=policy)
    assert answer.error is not None and answer.error.startswith(expected), answer
    assert receiver.got == []


@pytest.mark.asyncio
async def test_http_is_refused_unless_the_operator_allows_it() -> None:
    async with Receiver() as receiver:
        answer = await posted(receiver.url, policy=Policy.of(["127.0.0.0/8"]))
    assert answer.error is not None and "plain http is not allowed" in answer.error
    assert receiver.got == []


# --- TLS ------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str, *, days: int = 1) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    at = folder / f"{name}.pem", folder / f"{name}.key"
    at[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    at[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return at


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "name, days, trusted, expected",
    [
        ("hooks.example.org", 1, True, None),
        ("hooks.example.org", 1, False, "tls:"),
        ("other.example.org", 1, True, "tls:"),
        ("hooks.example.org", -1, True, "tls:"),
    ],
    ids=["good", "of nobody we trust", "of another name", "out of date"],
)
async def test_the_certificate_must_be_the_names(
    tmp_path: Path, name: str, days: int, trusted: bool, expected: str | None
) -> None:
    chain, key = certificate(tmp_path, name, days=days)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(chain, key)
    server = await asyncio.start_server(
        says(OK + b"content-length: 0\r\n\r\n"), "127.0.0.1", 0, ssl=serving
    )
    port = server.sockets[0].getsockname()[1]

    def lookup(_host: str, port: int) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    trust = ssl.create_default_context(cafile=str(chain) if trusted else None)
    limits = Limits(connect=5, total=5)
    resolver = GuardedResolver(OWN, lookup=lookup)
    async with Sender(OWN, limits, resolver=resolver, tls=trust) as sender:
        answer = await sender.post(f"https://hooks.example.org:{port}/", {}, BODY)
    server.close()
    if expected is None:
        assert (answer.status, answer.error) == (200, None)
    else:
        assert answer.error is not None and answer.error.startswith(expected), answer


@pytest.mark.asyncio
async def test_an_encryption_that_is_never_agreed_on_is_given_up() -> None:
    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        await asyncio.sleep(60)

    async with Rude(script) as server:
        answer = await posted(server.url.replace("http:", "https:"))
    assert answer.error is not None and answer.error.startswith("timeout: no"), answer
    in_time(answer, QUICK.connect)


# --- one sender, many endpoints -------------------------------------------------------------------


@pytest.mark.asyncio
async def test_endpoints_that_hang_hold_up_nobody() -> None:
    async with Rude(says(hold=True)) as dead, Receiver() as sound, sending() as sender:
        hanging = [asyncio.create_task(sender.post(dead.url, {}, BODY)) for _ in range(80)]
        await asyncio.sleep(0.1)
        loop = asyncio.get_running_loop()
        started = loop.time()
        answers = await asyncio.gather(*(sender.post(sound.url, {}, BODY) for _ in range(20)))
        assert loop.time() - started < 0.4
        assert {answer.status for answer in answers} == {204}
        given_up = [(await task).error or "" for task in hanging]
        assert all(error.startswith("timeout: no") for error in given_up)


@pytest.mark.asyncio
async def test_no_socket_is_left_open() -> None:
    def sockets() -> int:
        found = 0
        for entry in os.listdir("/proc/self/fd"):
            try:
                found += os.readlink(f"/proc/self/fd/{entry}").startswith("socket:")
            except OSError:
                continue
        return found

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    before = sockets()
    for script in (
        says(hold=True),
        says(b"garbage\r\n\r\n"),
        says(OK + b"content-length: 100000\r\n\r\nx", hold=True),
        says(b""),
    ):
        await answered(script)
    await asyncio.sleep(0.1)
    assert sockets() <= before
