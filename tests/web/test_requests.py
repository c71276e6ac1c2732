"""Requests that are not as they should be: a clear answer, and nothing changed."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from donablock.monitors.registry import MOST_AT_ONCE
from donablock.web.paging import token
from tests.web.serving import ROOMY, Api, Serving, serving

JSON = {"Content-Type": "application/json"}
PROBLEM = "urn:donablock:problem:"
MONITOR = {"chain_id": 56, "name": "gifts", "category": "native"}
ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def refused(found: Any, status: int, kind: str, pointer: str | None = None) -> str:
    """The detail of the problem, which is what is expected."""
    assert found.status_code == status, found.text
    assert found.headers["Content-Type"] == "application/problem+json"
    problem = found.json()
    assert problem["type"] == PROBLEM + kind and problem["status"] == status
    assert problem["request_id"] == found.headers["X-Request-Id"]
    assert problem["title"] and problem["detail"]
    if pointer is not None:
        assert [one["pointer"] for one in problem["errors"]] == [pointer]
    return str(problem["detail"])


@pytest.mark.parametrize(
    "body, status, said",
    [
        (b"", 400, "Field required"),
        (b"{", 400, "not JSON"),
        (b"nonsense", 400, "not JSON"),
        (b"{'url': 1}", 400, "not JSON"),
        (b"\xff\xfe{}", 400, "not JSON"),
        (b"\xef\xbb\xbf{}", 400, "not JSON"),
        (b'{"url": "\xff"}', 400, "not UTF-8"),
        (b'{"url": "\\ud800"}', 400, "not JSON"),
        (b'{"url": "\\ude00\\ud83d"}', 400, "not JSON"),
        (b'{"\\ud800": 1}', 400, "not JSON"),
        (b'{"url": NaN}', 400, "not JSON"),
        (b'{"rate_per_second": Infinity}', 400, "not JSON"),
        (b'{"rate_per_second": 1e999}', 400, "out of range"),
        (b'{"concurrency": 1' + b"0" * 5_000 + b"}", 400, "out of range"),
        (b'{"concurrency": 1' + b"0" * 400 + b', "url": "http://a"}', 400, "less than"),
        (b"[]", 400, "an object"),
        (b"null", 400, "an object"),
        (b'"text"', 400, "an object"),
        (b"[" * 100_000 + b"]" * 100_000, 422, "nests deeper"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, 422, "nests deeper"),
        (b"[" * 1_000_000, 422, "nests deeper"),
        (b'{"a":' * 200_000, 422, "nests deeper"),
        (b"[" * 32 + b"]" * 32, 400, "an object"),
        (b'{"a": "' + b"[" * 1_000 + b'"}', 400, "required"),
        (b'"\\"' * 300_000, 400, "not JSON"),
        (b'"\\"' * 300_000 + b"\\", 400, "not JSON"),
        (b'{"url": "http://127.0.0.1:9/\\u0000"}', 422, "NUL"),
        (b'{"url": "http://127.0.0.1:9/", "headers": {"a\\u0000": "b"}}', 422, "NUL"),
        (b'{"\\u0000": 1}', 422, "NUL"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else None,
)
def test_a_body_that_is_none(api: Api, body: bytes, status: int, said: str) -> None:
    found = api.post("/v1/endpoints", data=body, headers=JSON)
    detail = refused(found, status, "malformed" if status == 400 else "unprocessable")
    assert said.lower() in (detail + found.text).lower()
    assert api.get("/v1/endpoints").json()["data"] == []


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"url": None}, "/url"),
        ({"url": 5}, "/url"),
        ({"url": ""}, "/url"),
        ({"url": "http://127.0.0.1:9/" + "x" * 3_000}, "/url"),
        ({"is_ordered": "yes"}, "/is_ordered"),
        ({"is_ordered": 1}, "/is_ordered"),
        ({"concurrency": "5"}, "/concurrency"),
        ({"concurrency": 1.5}, "/concurrency"),
        ({"concurrency": True}, "/concurrency"),
        ({"concurrency": 0}, "/concurrency"),
        ({"concurrency": 2**63}, "/concurrency"),
        ({"rate_per_second": 0}, "/rate_per_second"),
        ({"rate_per_second": "1"}, "/rate_per_second"),
        ({"headers": ["a"]}, "/headers"),
        ({"headers": {"a": 1}}, "/headers/a"),
        ({"headers": {f"h{n}": "x" for n in range(17)}}, "/headers"),
        ({"description": "x" * 501}, "/description"),
        ({"descripton": "misspelt"}, "/descripton"),
        ({"id": "ep_0123456789abcdef01234567"}, "/id"),
        ({"project_id": "pr_other"}, "/project_id"),
        ({"a/b~c": 1}, "/a~1b~0c"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_field_that_does_not_fit_is_named(api: Api, change: dict[str, Any], pointer: str) -> None:
    found = api.post("/v1/endpoints", {"url": "http://127.0.0.1:9/", **change})
    refused(found, 400, "malformed", pointer)
    assert api.get("/v1/endpoints").json()["data"] == []


def test_a_whole_number_may_be_written_with_a_point(api: Api) -> None:
    body = b'{"url": "http://127.0.0.1:9/", "concurrency": 5.0}'
    assert api.post("/v1/endpoints", data=body, headers=JSON).json()["concurrency"] == 5


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://user:password@127.0.0.1/",
        "http://127.0.0.1:0/",
        "http://localhost./",
        "nonsense",
        "http://",
    ],
)
def test_an_endpoint_that_must_not_be_reached(api: Api, url: str) -> None:
    refused(api.post("/v1/endpoints", {"url": url}), 422, "unprocessable")


@pytest.mark.parametrize(
    "change, status, said",
    [
        ({"addresses": ["0x" + f"{n:040x}" for n in range(51)]}, 400, "at most 50"),
        ({"addresses": ["0x123"]}, 400, "0x and 40 hexadecimal digits"),
        ({"addresses": ["5FbDB2315678afecb367f032d93F642f64180aa3"]}, 400, "0x and 40"),
        ({"addresses": [ADDRESS.replace("5F", "5f")]}, 422, "checksum"),
        ({"contracts": [ADDRESS.replace("5F", "5f")], "category": "erc20"}, 422, "checksum"),
        ({"addresses": [5]}, 400, "valid string"),
        ({"chain_id": 424_242}, 422, "chain"),
        ({"chain_id": 0}, 400, "greater"),
        ({"chain_id": -1}, 400, "greater"),
        ({"chain_id": 2**256}, 400, "less"),
        ({"chain_id": "56"}, 400, "integer"),
        ({"category": "erc777"}, 400, "category"),
        ({"direction": "sideways"}, 400, "'in'"),
        ({"condition": "value >"}, 422, "character 8"),
        ({"condition": "value > 1 eth"}, 422, "ether"),
        ({"condition": "x" * 4_097}, 400, "4096"),
        ({"condition": "(" * 2_000 + ")" * 2_000}, 422, ""),
        ({"window": "count over"}, 422, ""),
        ({"window": "count over 99999 days > 1"}, 422, ""),
        ({"category": "event"}, 422, ""),
        ({"category": "event", "signature": "event"}, 422, ""),
        ({"category": "event", "signature": "event A(uint7 a)"}, 422, ""),
        ({"category": "event", "abi": [1, "x", None]}, 422, ""),
        ({"category": "event", "abi": {"type": "event"}}, 422, ""),
        ({"abi": "text"}, 400, ""),
        ({"units": {"ether": 3}}, 422, "unit"),
        ({"units": {"USDC": 78_000}}, 400, "less"),
        ({"units": {"USDC": "6"}}, 400, "integer"),
        ({"tags": ["x"] * 21}, 400, "at most 20"),
        ({"tags": ["x" * 51]}, 400, "50"),
        ({"note": "x" * 1_001}, 400, "1000"),
        ({"name": ""}, 400, "at least 1"),
        ({"from_block": -1}, 400, "greater"),
        ({"from_block": 2**63}, 400, "less"),
        ({"endpoint_id": "ep_x"}, 400, "an endpoint's id: ep_ and 24 digits"),
        ({"endpoint_id": "ep_0123456789abcdef01234567"}, 422, "no endpoint"),
        ({"is_enabled": "true"}, 400, "boolean"),
        ({"watches": "everything", "addresses": [ADDRESS]}, 422, ""),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_monitor_that_cannot_be(api: Api, change: dict[str, Any], status: int, said: str) -> None:
    found = api.post("/v1/monitors", MONITOR | change)
    detail = refused(found, status, "malformed" if status == 400 else "unprocessable")
    assert said in detail
    assert api.get("/v1/monitors").json()["data"] == []


def test_a_condition_says_where_it_is_wrong(api: Api) -> None:
    found = api.post("/v1/monitors", MONITOR | {"condition": "value > 1 eth"})
    fault = found.json()["errors"][0]
    assert (fault["where"], fault["pointer"], fault["position"]) == ("body", "/condition", 10)
    found = api.post("/v1/monitors", MONITOR | {"window": "count over 1 hours > 5 x"})
    assert found.json()["errors"][0]["pointer"] == "/window"
    asked = {"monitor": MONITOR | {"condition": "value"}, "from_block": 1, "to_block": 1}
    found = api.post("/v1/backtests", asked)
    assert found.json()["errors"][0]["pointer"] == "/monitor/condition"


def test_fifty_addresses_at_once_and_not_more(api: Api) -> None:
    place = "/v1/monitors/" + api.post("/v1/monitors", MONITOR).json()["id"]
    addresses = [f"0x{n:040x}" for n in range(MOST_AT_ONCE + 1)]
    for path in ("/addresses", "/unwatch"):
        refused(api.post(place + path, {"addresses": addresses}), 400, "malformed", "/addresses")
        refused(api.post(place + path, {"addresses": []}), 400, "malformed", "/addresses")
    assert api.get(place).json()["address_count"] == 0
    # all or none
    one_wrong = [*addresses[:3], ADDRESS.replace("5F", "5f")]
    refused(api.post(place + "/addresses", {"addresses": one_wrong}), 422, "unprocessable")
    assert api.get(place).json()["address_count"] == 0
    assert api.post(place + "/addresses", {"addresses": addresses[:50]}).json()["added"] == 50


@pytest.mark.parametrize(
    "query, status, pointer",
    [
        ("limit=0", 400, "/limit"),
        ("limit=101", 400, "/limit"),
        ("limit=-1", 400, "/limit"),
        ("limit=x", 400, "/limit"),
        ("limit=1" + "0" * 5_000, 400, "/limit"),
        ("limit=", 400, "/limit"),
        ("limit=5&limit=6", 400, "/limit"),
        ("Limit=5", 400, "/Limit"),
        ("offset=5", 400, "/offset"),
        ("%00=5", 400, "/\x00"),
        ("search=%00", 422, "/search"),
        ("search=", 400, "/search"),
        ("search=" + "x" * 101, 400, "/search"),
        ("chain_id=99999999999999999999", 400, "/chain_id"),
        ("is_enabled=perhaps", 400, "/is_enabled"),
        ("cursor=!!", 400, "/cursor"),
        ("cursor=abc", 422, "/cursor"),
        ("cursor=MXxlcHxhYmM", 422, "/cursor"),
        ("cursor=" + token("mo", "x"), 422, "/cursor"),
        ("cursor=" + token("mo", "mo_' OR 1=1 -- abc"), 422, "/cursor"),
        ("cursor=" + token("ep", "ep_0123456789abcdef01234567"), 422, "/cursor"),
        ("cursor=MXxtb3wA", 422, "/cursor"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_parameter_that_does_not_fit(api: Api, query: str, status: int, pointer: str) -> None:
    found = api.get(f"/v1/monitors?{query}")
    refused(found, status, "malformed" if status == 400 else "unprocessable", pointer)
    assert found.json()["errors"][0]["where"] == "query"


def test_a_broken_percent_and_broken_utf8_are_only_text(api: Api) -> None:
    for query in ("search=%", "search=%zz", "search=%ff%fe", "search=%ed%a0%80"):
        assert api.get(f"/v1/monitors?{query}").json() == {"data": [], "next": None}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v2/monitors",
        "/v1/monitors/",
        "/v1/monitors/mo_0123456789abcdef/",
        "/v1/monitors/mo_0123456789abcde",
        "/v1/monitors/MO_0123456789ABCDEF",
        "/v1/monitors/%00",
        "/v1/monitors/mo_0123456789abcde%00",
        "/v1/monitors/%ff",
        "/v1/monitors/%ed%a0%80",
        "/v1/monitors/../../etc/passwd",
        "/v1/monitors/..%2f..%2fetc%2fpasswd",
        "/v1/endpoints/ep_0123456789abcdef01234567'--",
        "/v1/events/evt_0",
        "/v1/deliveries/x",
        "/v1/keys/" + "k" * 500,
        "/v1/chains/x",
        "/v1/chains/424242",
        "/v1/chains/99999999999999999999999",
        "/v1/chains/-1",
        "/docs/",
        "/metrics",
        "/redoc",
    ],
)
def test_an_address_that_is_nothing(api: Api, path: str) -> None:
    refused(raw(api, "GET", path), 404, "not-found")


class Raw:
    """An answer to a request that no client would send."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status_code = status
        self.headers = headers
        self.content = body
        self.text = body.decode()

    def json(self) -> Any:
        return json.loads(self.content)


def raw(api: Api, method: str, path: str, body: Any = None, **headers: str) -> Raw:
    connection = http.client.HTTPConnection(urlsplit(api.url).netloc, timeout=20)
    connection.request(method, path, body, {"Authorization": f"Bearer {api.key}", **headers})
    found = connection.getresponse()
    names = {"-".join(w.capitalize() for w in n.split("-")): v for n, v in found.getheaders()}
    try:
        return Raw(found.status, names, found.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path, allowed",
    [
        ("/v1/endpoints", "GET, HEAD, OPTIONS, POST"),
        ("/v1/endpoints/ep_0123456789abcdef01234567", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/v1/endpoints/ep_0123456789abcdef01234567/test", "OPTIONS, POST"),
        ("/v1/replays", "OPTIONS, POST"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("/docs", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_told_which_there_are(api: Api, path: str, allowed: str) -> None:
    for method in ("PUT", "TRACE", "PROPFIND"):
        found = raw(api, method, path)
        refused(found, 405, "method-not-allowed")
        assert found.headers["Allow"] == allowed
    asked = raw(api, "OPTIONS", path)
    assert (asked.status_code, asked.content, asked.headers["Allow"]) == (204, b"", allowed)
    assert "Access-Control-Allow-Origin" not in asked.headers


def test_head_is_get_without_the_body(api: Api) -> None:
    for path, status in (("/v1/endpoints", 200), ("/v1/nothing", 404), ("/openapi.json", 200)):
        full, head = raw(api, "GET", path), raw(api, "HEAD", path)
        assert (full.status_code, head.status_code, head.content) == (status, status, b"")
        assert head.headers["Content-Length"] == full.headers["Content-Length"]
        assert head.headers["Content-Type"] == full.headers["Content-Type"]
    refused_ = raw(api, "HEAD", "/v1/replays")
    assert (refused_.status_code, refused_.headers["Allow"]) == (405, "OPTIONS, POST")


def test_no_other_page_may_read_an_answer(api: Api) -> None:
    for path in ("/v1/endpoints", "/openapi.json", "/docs", "/health", "/nothing"):
        found = api.get(path, headers={"Origin": "https://evil.example"})
        assert not [name for name in found.headers if name.lower().startswith("access-control")]
        assert found.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "declared, status",
    [
        ("application/json", 400),
        ("application/json; charset=utf-8", 400),
        ("APPLICATION/JSON;charset=UTF-8", 400),
        ('application/json; charset="utf-8"', 400),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_a_body_is_declared_as_json(api: Api, declared: str | None, status: int) -> None:
    headers = {} if declared is None else {"Content-Type": declared}
    found = raw(api, "POST", "/v1/endpoints", b"{}", **headers)
    refused(found, status, "unsupported-media-type" if status == 415 else "malformed")


def test_a_compressed_body_is_not_opened(api: Api) -> None:
    found = api.post("/v1/endpoints", data=b"x", headers={**JSON, "Content-Encoding": "gzip"})
    refused(found, 415, "unsupported-media-type")


def test_a_body_too_large_is_refused_by_its_length_alone(server: Serving, api: Api) -> None:
    """Nothing of it is sent, and the answer is there."""
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
    with socket.create_connection((host, port), timeout=10) as line:
        line.sendall(
            b"POST /v1/endpoints HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999999\r\nAuthorization: Bearer %b\r\n\r\n"
            % str(api.key).encode()
        )
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_too_large_is_refused_while_it_comes(api: Api) -> None:
    """It has no end, and no length: after a megabyte nobody listens any more."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(2_000):
            sent += 1
            yield b" " * 10_000

    try:
        found = api.post("/v1/endpoints", data=endless(), headers=JSON)
    except OSError:  # the connection was ended while the body was being sent
        assert sent < 2_000
        return
    refused(found, 413, "body-too-large")


def test_a_body_just_small_enough_is_read(api: Api) -> None:
    body = b'{"url": "http://127.0.0.1:9/"' + b" " * ((1 << 20) - 30) + b"}"
    assert len(body) == 1 << 20
    assert api.post("/v1/endpoints", data=body, headers=JSON).status_code == 201
    refused(api.post("/v1/endpoints", data=body + b" ", headers=JSON), 413, "body-too-large")


def test_a_body_that_is_not_finished_leaves_nothing(server: Serving, api: Api) -> None:
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
    with socket.create_connection((host, port), timeout=10) as line:
        line.sendall(
            b"POST /v1/endpoints HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 500\r\nAuthorization: Bearer %b\r\n\r\n"
            % str(api.key).encode()
            + b'{"url": "http://127.0.0.1:9/"}'
        )
    assert api.get("/v1/endpoints").json()["data"] == []


def test_a_body_that_does_not_come_is_not_waited_for(database_url: str) -> None:
    with serving(database_url, limits=replace(ROOMY, body_seconds=0.3)) as server:
        api = server.api(server.project())
        host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
        with socket.create_connection((host, port), timeout=10) as line:
            line.sendall(
                b"POST /v1/endpoints HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Content-Length: 500\r\nAuthorization: Bearer %b\r\n\r\n{" % str(api.key).encode()
            )
            assert line.recv(100).startswith(b"HTTP/1.1 408 ")
        assert api.post("/v1/endpoints", {"url": "http://127.0.0.1:9/"}).status_code == 201


def test_every_answer_belongs_to_a_trace(server: Serving, api: Api) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    for path in ("/v1/project", "/health", "/nothing", "/docs"):
        found = api.get(path, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        assert found.headers["X-Request-Id"] == trace
        fresh = api.get(path, headers={"traceparent": "nonsense"}).headers["X-Request-Id"]
        assert len(fresh) == 32 and fresh != trace
    assert server.nobody.get("/v1/project").headers["X-Request-Id"]


def test_a_fault_of_ours_says_nothing_of_itself(
    server: Serving, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(type(server.parts.projects), "get", broken)
    found = api.get("/v1/project")
    assert "hunter2" not in found.text and found.json()["request_id"] in refused_id(found)


def refused_id(found: Any) -> str:
    refused(found, 500, "internal")
    return str(found.headers["X-Request-Id"])


def test_too_many_at_once_are_told_to_come_again(database_url: str) -> None:
    """One request is under way, as long as its body does not end; there is room for one."""
    with serving(database_url, limits=replace(ROOMY, requests=1)) as server:
        api = server.api(server.project())
        host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
        with socket.create_connection((host, port), timeout=10) as line:
            line.sendall(
                b"POST /v1/endpoints HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Content-Length: 30\r\nAuthorization: Bearer %b\r\n\r\n" % str(api.key).encode()
            )
            for _ in range(100):
                found = api.get("/v1/project")
                if found.status_code != 200:
                    break
            refused(found, 503, "busy")
            assert api.get("/health").status_code == 200
            assert found.headers["Retry-After"] == "1"
            line.sendall(b'{"url": "http://127.0.0.1:9/"}')
            assert line.recv(100).startswith(b"HTTP/1.1 201 ")
        assert api.get("/v1/project").status_code == 200


def unfinished(api: Api) -> socket.socket:
    """A request whose body, of 30 bytes, does not come."""
    at = urlsplit(api.url)
    line = socket.create_connection((at.hostname, at.port), timeout=10)
    line.sendall(
        b"POST /v1/endpoints HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: 30\r\nAuthorization: Bearer %b\r\n\r\n" % str(api.key).encode()
    )
    return line


def held_of(lines: list[socket.socket], most: int) -> list[socket.socket]:
    """Those that the server waits for, as soon as the others were refused."""
    left = list(lines)
    while len(left) > most:
        readable, _, _ = select.select(left, [], [], 10)
        assert readable, f"{len(left)} bodies are waited for"
        for line in readable:
            assert line.recv(100).startswith(b"HTTP/1.1 429 ")
            left.remove(line)
    assert not select.select(left, [], [], 0.2)[0]
    return left


def test_bodies_that_do_not_come_keep_no_other_project_out(database_url: str) -> None:
    """Also with a key for each: by far as many as the server has room for."""
    limits = replace(ROOMY, requests=8, requests_per_project=3)
    with serving(database_url, limits=limits) as server, contextlib.ExitStack() as stack:
        project = server.project()
        apis = [server.api(project) for _ in range(4)]
        other = server.api(server.project("other"))
        held: list[socket.socket] = []
        for _ in range(5):
            lines = [stack.enter_context(unfinished(api)) for api in apis]
            held = held_of(held + lines, 3)
        found = apis[3].get("/v1/project")
        said = refused(found, 429, "too-many-requests")
        assert said == "3 requests of the project are under way; wait until one is answered"
        assert found.headers["Retry-After"] == "1"
        assert [other.get("/v1/project").status_code for _ in range(20)] == [200] * 20
        # an answer makes room again
        held[0].sendall(b'{"url": "http://127.0.0.1:9/"}')
        assert held[0].recv(100).startswith(b"HTTP/1.1 201 ")
        eventually(apis[3], 200)


def test_whoever_goes_away_makes_room(database_url: str) -> None:
    with serving(database_url, limits=replace(ROOMY, requests_per_project=1)) as server:
        api = server.api(server.project())
        with unfinished(api) as one, unfinished(api) as two:
            (held,) = held_of([one, two], 1)
            assert api.get("/v1/project").status_code == 429
            held.close()
            eventually(api, 200)


def eventually(api: Api, status: int) -> None:
    deadline = time.monotonic() + 10
    while api.get("/v1/project").status_code != status:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_works_under_a_path_of_a_proxy(database_url: str) -> None:
    """Whether the proxy takes the path away or leaves it there."""
    with serving(database_url, root_path="/donablock") as server:
        api = server.api(server.project())
        for front in ("", "/donablock"):
            made = api.post(front + "/v1/endpoints", {"url": "http://127.0.0.1:9/"})
            place = made.headers["Location"]
            assert place == f"/donablock/v1/endpoints/{made.json()['id']}"
            assert api.get(place).json()["id"] == made.json()["id"]
            document = api.get(front + "/openapi.json").json()
            assert document["servers"] == [{"url": "/donablock"}]
            assert "/v1/endpoints" in document["paths"]
            put = api.ask("PUT", front + "/v1/endpoints")
            assert put.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
            assert 'href="openapi.json"' in api.get(front + "/docs").text
