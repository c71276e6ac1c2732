"""Who is let in, to what, and how often."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from donablock import telemetry
from donablock.web.app import bare
from donablock.web.parts import Limits, Parts
from tests.logs import logging_kept
from tests.web.seeds import seed
from tests.web.serving import ROOMY, Api, Serving, serving

DOCUMENT = bare().openapi()
OPERATIONS = [
    (verb.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for verb, operation in methods.items()
]
PROTECTED = [one for one in OPERATIONS if "security" in one[2]]
OPEN = {"/health", "/ready"}
KEY = "dbk_0123456789ab_" + "A" * 43


def names(one: tuple[str, str, Any]) -> str:
    return f"{one[0]} {one[1]}"


def filled(path: str, **ids: str) -> str:
    usual = {
        "monitor_id": "mo_0123456789abcdef",
        "endpoint_id": "ep_0123456789abcdef01234567",
        "delivery_id": "evt_0123456789abcdef0123456789abcdef_d1",
        "event_id": "evt_0123456789abcdef0123456789abcdef",
        "key_id": "key_0123456789abcdef",
        "address": "0x" + "11" * 20,
        "chain_id": "1",
    }
    return re.sub(r"{(\w+)}", lambda found: (usual | ids)[found[1]], path)


def example(operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None
    return next(iter(content["application/json"]["examples"].values()))["value"]


@pytest.mark.parametrize("one", PROTECTED, ids=names)
def test_nothing_is_answered_without_a_valid_key(server: Serving, one: Any) -> None:
    verb, path, operation = one
    for header in (None, "", "Bearer", "Bearer ", f"Bearer {KEY}", f"Basic {KEY}", KEY, "Bearer x"):
        headers = {} if header is None else {"Authorization": header}
        found = server.nobody.ask(verb, filled(path), json=example(operation), headers=headers)
        assert found.status_code == 401, header
        assert found.headers["WWW-Authenticate"].startswith('Bearer realm="donablock"')
        assert found.json()["type"] == "urn:donablock:problem:unauthorized"


def test_only_health_and_readiness_need_no_key() -> None:
    assert {path for _, path, operation in OPERATIONS if "security" not in operation} == OPEN


def test_every_wrong_key_is_answered_in_the_same_words(server: Serving, api: Api) -> None:
    key = str(api.key)
    revoked, expired = server.api(api.project), server.api(api.project)
    server.execute("UPDATE api_keys SET revoked_at = now() WHERE prefix = $1", prefix(revoked))
    server.execute("UPDATE api_keys SET expires_at = now() WHERE prefix = $1", prefix(expired))
    wrong = [
        KEY,
        key[:-1] + ("A" if key[-1] != "A" else "B"),
        key.upper(),
        key + "=",
        key[:20],
        str(revoked.key),
        str(expired.key),
        "é",
    ]
    said = set()
    for text in wrong:
        headers = {"Authorization": f"Bearer {text}".encode("latin-1")}
        found = server.nobody.get("/v1/project", headers=headers)
        assert found.status_code == 401
        said.add((found.json()["detail"], found.headers["WWW-Authenticate"]))
    assert len(said) == 1 and api.get("/v1/project").status_code == 200


def prefix(api: Api) -> str:
    return str(api.key).split("_")[1]


@pytest.mark.parametrize("one", PROTECTED, ids=names)
def test_a_key_without_the_scope_may_not(server: Serving, one: Any) -> None:
    verb, path, operation = one
    needed = operation["security"][0]["key"][0]
    project = server.project()
    others = [scope for scope in ("read", "write", "admin") if scope != needed]
    found = server.api(project, *others).ask(verb, filled(path), json=example(operation))
    assert found.status_code == 403
    assert found.json()["type"] == "urn:donablock:problem:forbidden"
    assert needed in found.json()["detail"]


WITH_ID = [
    one for one in PROTECTED if re.search(r"{(monitor|endpoint|delivery|event|key)_id}", one[1])
]


@pytest.mark.parametrize("one", WITH_ID, ids=names)
def test_what_is_anothers_is_answered_like_what_is_not_there(
    server: Serving, stranger: Api, one: Any
) -> None:
    """Word for word, but for the id; and nothing of it is changed."""
    verb, path, operation = one
    seeded = seed(server)
    before = snapshot(server)
    key = server.execute("SELECT id FROM api_keys WHERE project_id = $1", seeded.api.project)
    theirs = {
        "monitor_id": seeded.monitor,
        "endpoint_id": seeded.endpoint,
        "delivery_id": seeded.deliveries[4],
        "event_id": seeded.events[1],
        "key_id": key[0]["id"],
    }
    body = example(operation)
    foreign = stranger.ask(verb, filled(path, **theirs), json=body)
    unknown = stranger.ask(verb, filled(path), json=body)
    assert foreign.status_code == unknown.status_code == 404
    assert without_ids(foreign.json()) == without_ids(unknown.json())
    assert snapshot(server) == before


def without_ids(problem: dict[str, Any]) -> dict[str, Any]:
    said = re.sub(r"(mo|ep|evt|key|test)_\w+", "ID", problem["detail"])
    return {**problem, "detail": said, "request_id": ""}


def snapshot(server: Serving) -> list[Any]:
    tables = ("projects", "endpoints", "secrets", "monitors", "monitor_addresses", "deliveries")
    return [
        [dict(row) for row in server.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]
        for table in tables
    ]


def test_a_monitor_cannot_tell_anothers_endpoint(server: Serving, stranger: Api) -> None:
    seeded = seed(server)
    body = {"chain_id": 56, "name": "x", "category": "native", "endpoint_id": seeded.endpoint}
    made = stranger.post("/v1/monitors", body)
    assert made.status_code == 422
    assert made.json()["errors"][0]["pointer"] == "/endpoint_id"
    own = stranger.post("/v1/monitors", {**body, "endpoint_id": None}).json()
    changed = stranger.patch(f"/v1/monitors/{own['id']}", {"endpoint_id": seeded.endpoint})
    assert changed.status_code == 422
    assert stranger.post("/v1/replays", {"ids": [seeded.deliveries[4]]}).status_code == 422


def test_one_who_asks_too_much_waits_and_others_do_not(database_url: str) -> None:
    with serving(database_url, limits=replace(ROOMY, rate=0.5, burst=3)) as server:
        project = server.project()
        eager, calm = server.api(project, "read"), server.api(server.project("calm"), "read")
        answers = [eager.get("/v1/project") for _ in range(5)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        problem = answers[-1]
        assert 1 <= int(problem.headers["Retry-After"]) <= 2
        assert problem.json()["type"] == "urn:donablock:problem:too-many-requests"
        assert calm.get("/v1/project").status_code == 200
        assert eager.get("/health").status_code == 200
        # another key of the same project is no way around it
        assert server.api(project, "read").get("/v1/project").status_code == 429
        # what the key may not do counts as well
        assert [calm.get("/v1/keys").status_code for _ in range(3)] == [403, 403, 429]


def test_one_who_guesses_keys_is_slowed_down(database_url: str) -> None:
    with serving(database_url, limits=replace(ROOMY, rate=0.5, burst=3)) as server:
        guess = {"Authorization": f"Bearer {KEY}"}
        found = [server.nobody.get("/v1/project", headers=guess).status_code for _ in range(5)]
        assert found == [401, 401, 401, 429, 429]
        assert server.api(server.project()).get("/v1/project").status_code == 200


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged, as in production."""
    stream = io.StringIO()
    with logging_kept():
        telemetry.set_up("json", "debug", stream)
        yield stream


def test_secrets_are_shown_once_and_never_logged(log: io.StringIO, server: Serving) -> None:
    api = server.api(server.project())
    own = {"Authorization": "Basic c2VjcmV0LWhlYWRlcg=="}
    endpoint = api.post(
        "/v1/endpoints", {"url": "http://127.0.0.1:9/hook?token=of-the-url", "headers": own}
    ).json()
    place = f"/v1/endpoints/{endpoint['id']}"
    rotated = api.post(place + "/rotate", {"kind": "v1a"}).json()
    key = api.post("/v1/keys", {"scopes": ["read"]}).json()
    again = api.post(f"/v1/keys/{key['id']}/rotate", {}).json()
    secrets = [
        endpoint["signing"]["secret"],
        rotated["secret"],
        key["key"],
        again["key"],
        own["Authorization"],
        str(api.key),
    ]
    assert all(len(secret) > 20 for secret in secrets) and len(set(secrets)) == 6
    answers = ""
    for path in ("/v1/endpoints", place, place + "/secrets", "/v1/keys", f"/v1/keys/{key['id']}"):
        answers += api.get(path).text
    answers += api.patch(place, {"description": "x"}).text + api.post(place + "/disable").text
    answers += api.post("/v1/endpoints", {"url": "nonsense", "headers": own}).text
    wrong = {"url": "http://127.0.0.1:9/", "secret": "whsec_" + "B" * 20, "headers": own}
    answers += api.post("/v1/endpoints", wrong).text
    logged = log.getvalue()
    assert logged.count('"event": "request"') >= 12
    for secret in [*secrets, "whsec_" + "B" * 20]:
        hidden = secret.partition("_")[2] or secret
        assert hidden not in answers
        assert hidden not in logged
    assert "of-the-url" not in logged
    assert endpoint["header_names"] == ["Authorization"]


def test_a_read_key_learns_no_secret(server: Serving) -> None:
    seeded = seed(server)
    reader = server.api(seeded.api.project, "read")
    place = f"/v1/endpoints/{seeded.endpoint}"
    kept = reader.get(place + "/secrets").json()["data"]
    assert [set(one) for one in kept] == [{"kind", "public", "created_at", "expires_at"}]
    assert reader.post(place + "/rotate", {}).status_code == 403


def test_limits_have_defaults_that_are_documented() -> None:
    limits = Limits()
    text = DOCUMENT["info"]["description"]
    assert f"{limits.rate:g} requests a second and {limits.burst:g} at once" in text
    assert limits.body == 1 << 20 and "1 MiB" in text
    assert Parts.__dataclass_fields__["limits"].default_factory is Limits
