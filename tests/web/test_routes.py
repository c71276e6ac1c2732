"""What can be asked for, from the first call to the last."""

from __future__ import annotations

import asyncio
import re
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pytest
import requests
from standardwebhooks.webhooks import Webhook

from donablock.monitors.messages import DETECTED
from donablock.monitors.registry import Registry
from donablock.monitors.signing import Secret, Signer
from donablock.store.schema import CONFIRMED, DEAD, DELIVERED, RETRACTED
from donablock.store.schema import DETECTED as FOUND
from donablock.web.parts import Parts
from tests.chain_reader.fake_chain import FakeChain, payment
from tests.web.seeds import AT, CHAIN, WATCHED, add_event, seed
from tests.web.serving import ROOMY, Api, Serving, new_database, serving

MONITOR = {"chain_id": CHAIN, "name": "gifts", "category": "native"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
OTHER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def walk(api: Api, path: str, limit: int) -> list[dict[str, Any]]:
    """Every page of a list."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(100):
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"]) <= limit
        found += answer.json()["data"]
        cursor = answer.json()["next"]
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


# --- endpoints ------------------------------------------------------------------------------------


def test_an_endpoint_from_its_making_to_its_end(api: Api) -> None:
    own = {
        "url": "http://127.0.0.1:9/hook",
        "description": "books",
        "headers": {"X-Tenant": "a", "Authorization": "Basic x"},
        "rate_per_second": 2.5,
        "concurrency": 3,
        "is_ordered": True,
    }
    made = api.post("/v1/endpoints", own)
    assert made.status_code == 201
    place = made.headers["Location"]
    shown = made.json()
    secret = shown.pop("signing")
    assert place == f"/v1/endpoints/{shown['id']}"
    assert api.get(place).json() == shown
    assert shown["header_names"] == ["Authorization", "X-Tenant"] and "headers" not in shown
    assert TIME.fullmatch(shown["created_at"])
    for name in own.keys() - {"headers"}:
        assert shown[name] == own[name]
    # the secret is one that the library of the standard verifies by
    body = b'{"type":"test"}'
    signed = Signer([Secret.parse(secret["secret"])]).headers("evt_1", int(time.time()), body)
    assert Webhook(secret["secret"]).verify(body, signed) == {"type": "test"}

    changed = api.patch(place, {"concurrency": None, "description": ""}).json()
    assert changed["concurrency"] is None and changed["description"] == ""
    assert changed["rate_per_second"] == 2.5 and changed["header_names"] == shown["header_names"]
    assert api.patch(place, {}).json() | {"updated_at": ""} == changed | {"updated_at": ""}
    disabled = api.post(place + "/disable").json()
    assert (disabled["state"], bool(disabled["disabled_because"])) == ("disabled", True)
    enabled = api.post(place + "/enable").json()
    assert (enabled["state"], enabled["disabled_because"]) == ("enabled", None)

    newer = api.post(place + "/rotate", {"kind": "v1a", "keep_seconds": 60}).json()
    assert newer["secret"].startswith("whsk_") and newer["public"].startswith("whpk_")
    kept = api.get(place + "/secrets").json()["data"]
    assert [one["kind"] for one in kept] == ["v1a", "v1"]
    assert kept[0]["public"] == newer["public"] and kept[0]["expires_at"] is None
    assert kept[1]["expires_at"] is not None
    again = Secret.generate().text
    assert (
        api.post(place + "/rotate", {"secret": again, "keep_seconds": 0}).json()["secret"] == again
    )
    assert len(api.get(place + "/secrets").json()["data"]) == 1

    sent = api.post(place + "/test")
    assert sent.status_code == 202
    delivery = api.get(f"/v1/deliveries/{sent.json()['id']}").json()
    assert (delivery["type"], delivery["state"], delivery["event_id"]) == ("test", "pending", None)
    assert api.get(f"/v1/deliveries/{sent.json()['id']}/body").json()["type"] == "test"

    gone = api.delete(place)
    assert (gone.status_code, gone.content) == (204, b"")
    for ask in (api.get, api.delete):
        assert ask(place).status_code == 404
    assert api.get("/v1/endpoints").json() == {"data": [], "next": None}


@pytest.mark.parametrize("kind", ["endpoints", "keys", "monitors"])
def test_pages_go_on_where_the_last_one_ended(api: Api, kind: str) -> None:
    bodies: dict[str, Any] = {
        "endpoints": {"url": "http://127.0.0.1:9/"},
        "keys": {"scopes": ["read"]},
        "monitors": MONITOR,
    }
    known = {one["id"] for one in walk(api, f"/v1/{kind}", 100)}
    made = {api.post(f"/v1/{kind}", bodies[kind]).json()["id"] for _ in range(6)}
    for limit in (1, 2, 3, 7, 100):
        found = [one["id"] for one in walk(api, f"/v1/{kind}", limit)]
        assert len(found) == len(set(found)) and set(found) == made | known
    foreign = api.get("/v1/keys?limit=1").json()["next"] if kind != "keys" else None
    if foreign:
        assert api.get(f"/v1/{kind}", params={"cursor": foreign}).status_code == 422


# --- deliveries -----------------------------------------------------------------------------------


def test_what_came_of_messages(server: Serving) -> None:
    seeded = seed(server)
    api, place = seeded.api, f"/v1/endpoints/{seeded.endpoint}/deliveries"
    found = walk(api, place, 2)
    assert [one["state"] for one in found] == ["dead", "delivered", "pending"]
    assert [one["id"] for one in api.get(place + "?state=dead").json()["data"]] == [
        seeded.deliveries[DEAD]
    ]
    delivered = f"/v1/deliveries/{seeded.deliveries[DELIVERED]}"
    shown = api.get(delivered).json()
    assert shown == found[1]
    assert (shown["type"], shown["event_id"]) == (DETECTED, seeded.events[CONFIRMED])
    (attempt,) = api.get(delivered + "/attempts").json()["data"]
    assert (attempt["number"], attempt["status"], attempt["error"]) == (1, 200, None)
    assert attempt["response_body"] == "\ufffdthanks\x00"
    assert attempt["request"]["headers"]["webhook-id"] == shown["id"]
    dead = api.get(f"/v1/deliveries/{seeded.deliveries[DEAD]}/attempts").json()["data"]
    assert [one["number"] for one in dead] == [1, 2, 3]
    assert {one["error"] for one in dead} == {"no answer"} and dead[0]["response_body"] is None
    body = api.get(delivered + "/body")
    assert body.headers["Content-Type"] == "application/json"
    assert body.json()["data"]["eventId"] == seeded.events[CONFIRMED]


def test_messages_are_sent_again(server: Serving) -> None:
    seeded = seed(server)
    api, dead = seeded.api, seeded.deliveries[DEAD]
    one = api.post(f"/v1/deliveries/{dead}/replay")
    assert one.json() == {"ids": [dead]}
    shown = api.get(f"/v1/deliveries/{dead}").json()
    assert (shown["state"], shown["replays"]) == ("pending", 1)
    place = f"/v1/endpoints/{seeded.endpoint}/replay"
    assert api.post(place, {}).json() == {"count": 0}
    others: list[dict[str, Any]] = [
        {"states": ["delivered"], "monitor_id": "mo_0123456789abcdef"},
        {"states": ["delivered"], "types": ["event.confirmed"]},
        {"states": ["delivered"], "until": "1999-01-01T00:00:00Z"},
        {"states": ["delivered"], "since": "9999-12-31T23:59:59Z"},
        {
            "states": ["delivered"],
            "since": "0001-01-01T00:00:00-23:59",
            "until": "2001-01-01T00:00:60Z",
        },
    ]
    for body in others:
        assert api.post(place, body).json() == {"count": 0}, body
    chosen = {
        "states": ["delivered"],
        "monitor_id": seeded.monitor,
        "types": [DETECTED],
        "since": "2026-01-01T00:00:00+14:00",
        "until": "9000-01-01T00:00:00.123456789Z",
    }
    assert api.post(place, chosen).json() == {"count": 1}
    everything = list(seeded.deliveries.values())
    answer = api.post("/v1/replays", {"ids": everything * 2})
    assert sorted(answer.json()["ids"]) == sorted(everything)
    refused = api.post("/v1/replays", {"ids": [everything[0], "evt_nothing"]})
    assert refused.status_code == 422 and refused.json()["errors"][0]["pointer"] == "/ids"
    assert api.post("/v1/replays", {"ids": ["x"] * 1_001}).status_code == 400
    for wrong in ("yesterday", "2026-11-03", "2026-13-03T00:00:00Z", "2026-11-03T00:00:00", 5):
        assert api.post(place, {"since": wrong}).status_code == 400, wrong


# --- monitors -------------------------------------------------------------------------------------


def test_a_monitor_from_its_making_to_its_end(api: Api) -> None:
    endpoint = api.post("/v1/endpoints", {"url": "http://127.0.0.1:9/"}).json()["id"]
    body = {
        "chain_id": CHAIN,
        "name": "Überweisungen \U0001f381",
        "category": "erc20",
        "direction": "in",
        "contracts": [OTHER],
        "condition": "value >= 1.5 USDC",
        "window": "count over 10 minutes by address > 3",
        "units": {"USDC": 6},
        "endpoint_id": endpoint,
        "tags": ["a", "b"],
        "note": "ours",
        "addresses": [WATCHED, OTHER],
    }
    made = api.post("/v1/monitors", body)
    assert made.status_code == 201, made.text
    shown = made.json()
    place = made.headers["Location"]
    assert place == f"/v1/monitors/{shown['id']}" and re.fullmatch(r"mo_[a-z0-9]{16}", shown["id"])
    assert api.get(place).json() == shown
    for name in body.keys() - {"addresses", "contracts"}:
        assert shown[name] == body[name], name
    assert shown["contracts"] in ([OTHER], [OTHER.lower()]) and shown["address_count"] == 2
    assert (shown["watches"], shown["is_enabled"], shown["events"]) == ("addresses", True, [])
    assert shown["active_from_block"] is None

    changed = api.patch(
        place, {"name": "x", "endpoint_id": None, "window": "", "units": {}, "condition": ""}
    ).json()
    assert (changed["name"], changed["endpoint_id"], changed["window"]) == ("x", None, "")
    assert changed["tags"] == ["a", "b"] and changed["revision"] > shown["revision"]
    assert api.patch(place, {"chain_id": 1}).status_code == 400
    assert api.patch(place, {"name": None}).status_code == 400
    assert api.patch(place, {"condition": "value >"}).status_code == 422
    assert api.post(place + "/disable").json()["is_enabled"] is False
    assert api.get("/v1/monitors?is_enabled=true").json()["data"] == []
    assert api.post(place + "/enable").json()["is_enabled"] is True
    assert api.get(place + "/scan").json() == {"scan": None}
    for _ in range(2):
        assert api.delete(place).status_code == 204
    assert api.get(place).status_code == 404 and api.patch(place, {}).status_code == 404
    assert api.get("/v1/monitors").json()["data"] == []


def test_monitors_are_found_by_what_they_are(api: Api) -> None:
    made = {}
    for name, chain, tag in (("Big Gifts", 1, "a"), ("small gifts", 56, "b"), ("100%_x", 56, "a")):
        body = {**MONITOR, "name": name, "chain_id": chain, "tags": [tag]}
        made[name] = api.post("/v1/monitors", body).json()["id"]

    def names(**query: Any) -> set[str]:
        return {one["name"] for one in api.get("/v1/monitors", params=query).json()["data"]}

    assert names() == set(made)
    assert names(search="GIFTS") == {"Big Gifts", "small gifts"}
    assert names(search="%") == names(search="_") == {"100%_x"}
    assert names(search=made["Big Gifts"]) == {"Big Gifts"}
    assert names(chain_id=56) == {"small gifts", "100%_x"}
    assert names(tag="a", chain_id=56) == {"100%_x"}
    assert names(search="' OR 1=1 --") == names(tag="c") == set()


def test_the_addresses_of_a_monitor(api: Api) -> None:
    place = "/v1/monitors/" + api.post("/v1/monitors", MONITOR).json()["id"]
    some = [f"0x{n:040x}" for n in range(1, 8)]
    assert api.post(place + "/addresses", {"addresses": some}).json() == {
        "added": 7,
        "existing": [],
    }
    again = api.post(place + "/addresses", {"addresses": [some[0], OTHER]}).json()
    assert again == {"added": 1, "existing": [some[0]]}
    found = [one["address"] for one in walk(api, place + "/addresses", 3)]
    assert found == sorted([*some, OTHER.lower()])
    assert api.get(place).json()["address_count"] == 8
    for text in (OTHER, OTHER.lower(), "0x" + OTHER[2:].upper()):
        asked = api.get(f"{place}/addresses/{text}")
        assert asked.json() == {"address": OTHER.lower(), "is_watched": True}
    assert api.get(f"{place}/addresses/{OTHER.replace('5F', '5f')}").status_code == 422
    assert api.get(f"{place}/addresses/0x12").status_code == 404
    for _ in range(2):
        assert api.delete(f"{place}/addresses/{OTHER}").status_code == 204
    assert api.get(f"{place}/addresses/{OTHER}").status_code == 404
    assert api.post(place + "/unwatch", {"addresses": [some[0], OTHER]}).json() == {"removed": 1}
    assert api.get(place).json()["address_count"] == 6


def test_a_quota_is_a_limit_of_its_own_kind(server: Serving) -> None:
    api = server.api(server.project("small", monitors=1, addresses=2, endpoints=1, keys=2))
    assert api.post("/v1/monitors", {**MONITOR, "addresses": [WATCHED]}).status_code == 201
    assert api.post("/v1/endpoints", {"url": "http://127.0.0.1:9/"}).status_code == 201
    assert api.post("/v1/keys", {"scopes": ["read"]}).status_code == 201
    place = "/v1/monitors/" + api.get("/v1/monitors").json()["data"][0]["id"]
    more: list[tuple[str, Any]] = [
        ("/v1/monitors", MONITOR),
        ("/v1/endpoints", {"url": "http://127.0.0.1:9/"}),
        ("/v1/keys", {"scopes": ["read"]}),
        (place + "/addresses", {"addresses": [f"0x{n:040x}" for n in range(2)]}),
    ]
    for path, body in more:
        refused = api.post(path, body)
        assert refused.status_code == 403, path
        assert refused.json()["type"] == "urn:donablock:problem:quota-exceeded"
    usage = api.get("/v1/project/usage").json()
    assert (usage["monitors"], usage["addresses"], usage["endpoints"]) == (1, 1, 1)
    assert usage["messages"] == 0 and usage["limit"] is None


# --- events ---------------------------------------------------------------------------------------


def test_what_was_found(server: Serving) -> None:
    seeded = seed(server)
    api, place = seeded.api, f"/v1/monitors/{seeded.monitor}/events"
    found = walk(api, place, 2)
    assert [one["state"] for one in found] == ["retracted", "confirmed", "detected"]
    assert found == walk(api, "/v1/events", 1)
    one = api.get(f"/v1/events/{seeded.events[CONFIRMED]}").json()
    assert one.pop("deliveries") == [seeded.deliveries[DELIVERED]]
    assert one == found[1]
    assert one["block_time"] == AT.isoformat().replace("+00:00", ".000000Z")
    assert one["data"]["nativeAmount"] == str(101 * 10**18)
    queries: dict[str, set[int]] = {
        "state=detected": {FOUND},
        f"address={WATCHED}": {FOUND, CONFIRMED, RETRACTED},
        f"address={OTHER}": set(),
        f"transaction={one['transaction_hash']}": {CONFIRMED},
        "from_block=101": {CONFIRMED, RETRACTED},
        "from_block=101&to_block=101": {CONFIRMED},
        "from_block=9007199254740991": set(),
    }
    for query, states in queries.items():
        for path in (place, "/v1/events"):
            ids = {event["id"] for event in api.get(f"{path}?{query}").json()["data"]}
            assert ids == {seeded.events[state] for state in states}, query
    assert api.get(place + "?address=0x12").status_code == 400
    assert api.get(place + "?transaction=0x12").status_code == 400
    assert api.delete(f"/v1/monitors/{seeded.monitor}").status_code == 204
    assert walk(api, place, 2) == found, "events outlive their monitor"


# --- project and keys -----------------------------------------------------------------------------


def test_keys_are_made_rotated_and_revoked(server: Serving, api: Api) -> None:
    made = api.post("/v1/keys", {"scopes": ["read"], "expires_at": "2036-01-01T00:00:00Z"})
    assert made.status_code == 201
    key = made.json()
    text = key.pop("key")
    assert made.headers["Location"] == f"/v1/keys/{key['id']}"
    assert text.startswith(f"dbk_{key['prefix']}_")
    reader = Api(server.url, text)
    assert reader.get("/v1/project").status_code == 200
    assert reader.get("/v1/keys").status_code == 403
    newer = api.post(f"/v1/keys/{key['id']}/rotate", {"keep_seconds": 0}).json()
    assert newer["scopes"] == ["read"] and newer["id"] != key["id"]
    assert reader.get("/v1/project").status_code == 401
    assert Api(server.url, newer["key"]).get("/v1/project").status_code == 200
    for _ in range(2):
        assert api.post(f"/v1/keys/{newer['id']}/revoke").json()["revoked_at"] is not None
    assert Api(server.url, newer["key"]).get("/v1/project").status_code == 401
    assert api.get(f"/v1/keys/{newer['id']}").json()["last_used_at"] is not None
    for body in (
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": "read"},
        {"scopes": ["read"], "expires_at": 5},
    ):
        assert api.post("/v1/keys", body).status_code == 400, body
    past = api.post("/v1/keys", {"scopes": ["read"], "expires_at": "1999-01-01T00:00:00Z"})
    assert past.status_code == 422


def test_a_project_is_renamed_and_deleted_only_on_purpose(server: Serving, api: Api) -> None:
    project = api.get("/v1/project").json()
    assert project["id"] == api.project and project["quotas"]["monitors"] == 1_000
    assert api.patch("/v1/project", {"name": "ours"}).json()["name"] == "ours"
    assert api.patch("/v1/project", {"quotas": {"monitors": 9}}).status_code == 400
    assert api.post("/v1/monitors", MONITOR).status_code == 201
    assert api.delete("/v1/project").status_code == 400
    assert api.delete("/v1/project?confirm=pr_other").status_code == 422
    assert api.get("/v1/project").json()["name"] == "ours"
    assert api.delete(f"/v1/project?confirm={api.project}").status_code == 204
    assert api.get("/v1/project").status_code == 401
    left = "SELECT 1 FROM monitors WHERE project_id = $1 AND deleted_at IS NULL"
    assert server.execute(left, api.project) == []


def test_a_project_searches_three_times_at_once(postgres: Any) -> None:
    """So that the others find a connection: while all events are locked nothing is found."""
    with new_database(postgres) as url, serving(url) as server:
        seeded, other = seed(server), seed(server)
        paths = ("/v1/events", f"/v1/monitors/{seeded.monitor}/events")
        apis = [server.api(seeded.api.project) for _ in range(5)]

        async def lock(parts: Parts) -> Any:
            held, release = asyncio.Event(), asyncio.Event()

            async def hold() -> None:
                async with parts.database.connection() as connection, connection.transaction():
                    await connection.execute("LOCK TABLE matches")
                    held.set()
                    await release.wait()

            holding = asyncio.create_task(hold())
            await held.wait()
            return release, holding

        release, holding = server.run(lock)
        with ThreadPoolExecutor(len(apis)) as pool:
            asked = [
                pool.submit(api.get, paths[n % 2], params={"from_block": 0})
                for n, api in enumerate(apis)
            ]
            refused = set()
            while len(refused) < 2:
                done, _ = wait(set(asked) - refused, 10, FIRST_COMPLETED)
                assert done, "more than three are under way"
                refused |= done
            for one in refused:
                answer = one.result()
                assert answer.status_code == 429 and answer.headers["Retry-After"] == "1"
                assert answer.json()["detail"].startswith("3 searches of the project are under")
            assert other.api.get("/v1/project").status_code == 200
            server.loop.call_soon_threadsafe(release.set)
            assert [one.result().status_code for one in set(asked) - refused] == [200] * 3
        server.run(lambda _: holding)  # its error, if it had one
        for _ in range(5):
            assert apis[0].get(paths[0], params={"state": "detected"}).status_code == 200


# --- chains and backtests -------------------------------------------------------------------------


def test_chains_say_how_far_they_are_read(server: Serving, api: Api) -> None:
    chains = {one["chain_id"]: one for one in api.get("/v1/chains").json()["data"]}
    assert list(chains) == sorted(server.parts.chains)
    assert {one["state"] for one in chains.values()} == {"not read"}
    assert (chains[1]["name"], chains[1]["confirmations"]) == ("ethereum", 12)
    server.execute("INSERT INTO chains (chain_id, name, confirmations) VALUES (10, 'optimism', 50)")
    server.execute("INSERT INTO cursors (chain_id, number, hash) VALUES (10, 77, $1)", b"\x07" * 32)
    shown = api.get("/v1/chains/10").json()
    assert (shown["state"], shown["number"], shown["hash"]) == ("following", 77, "0x" + "07" * 32)
    server.execute("UPDATE chains SET state = 'halted', halted_because = 'too deep'")
    assert api.get("/v1/chains/10").json()["halted_because"] == "too deep"


@pytest.fixture
def chain() -> FakeChain:
    chain = FakeChain()
    for amount in (1, 2, 3, 4):
        chain.mine(payment("0x" + "22" * 20, WATCHED, amount * 10**18))
    return chain


def test_a_backtest_says_what_would_have_been_found(postgres: Any, chain: FakeChain) -> None:
    with new_database(postgres) as url, serving(url, chain=chain) as server:
        api = server.api(server.project())
        monitor = {
            "chain_id": 31337,
            "name": "gifts",
            "category": "native",
            "condition": "value > 1 ether",
            "addresses": [WATCHED],
        }
        asked = {"monitor": monitor, "from_block": 1, "to_block": 4}
        found = api.post("/v1/backtests", asked)
        assert found.status_code == 200, found.text
        result = found.json()
        assert (result["count"], result["first_block"], result["last_block"]) == (3, 2, 4)
        assert result["by_address"] == [{"address": WATCHED, "count": 3}]
        assert (result["scanned_to"], result["is_truncated"]) == (4, False)
        assert [one["nativeAmount"] for one in result["samples"]] == [
            str(n * 10**18) for n in (2, 3, 4)
        ]
        assert api.get("/v1/monitors").json()["data"] == [], "nothing is kept"
        # of one that is made, with its own addresses or with others
        place = "/v1/monitors/" + api.post("/v1/monitors", monitor).json()["id"] + "/backtest"
        blocks = {"from_block": 1, "to_block": 4}
        saved = api.post(place, blocks).json()
        assert saved["count"] == 3 and saved["samples"][0]["monitorId"] != "mo_" + "0" * 16
        assert api.post(place, {**blocks, "addresses": [OTHER]}).json()["count"] == 0
        # what cannot be
        for change, status in (
            ({"to_block": 5}, 422),
            ({"from_block": 3, "to_block": 2}, 422),
            ({"to_block": 50_000}, 422),
            ({"from_block": -1}, 400),
            ({"monitor": monitor | {"chain_id": 1}}, 422),
            ({"monitor": monitor | {"chain_id": 424_242}}, 422),
            ({"monitor": monitor | {"condition": "value >"}}, 422),
            ({"monitor": monitor | {"addresses": [OTHER.replace("5F", "5f")]}}, 422),
            ({"monitor": None}, 400),
        ):
            assert api.post("/v1/backtests", asked | change).status_code == status, change
        quota = server.api(server.project("few", backtests_per_hour=2))
        codes = [quota.post("/v1/backtests", asked).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        none = server.api(server.project("none", backtests_per_hour=0))
        assert none.post("/v1/backtests", asked).status_code == 403


def test_a_backtest_without_a_node_that_answers(postgres: Any, chain: FakeChain) -> None:
    with new_database(postgres) as url, serving(url, chain=chain) as server:
        api = server.api(server.project())
        server.stop_node()
        monitor = {**MONITOR, "chain_id": 31337, "addresses": [WATCHED]}
        asked = {"monitor": monitor, "from_block": 1, "to_block": 4}
        found = api.post("/v1/backtests", asked, timeout=60)
        assert found.status_code == 503
        assert found.json()["type"] == "urn:donablock:problem:chain-away"
        assert int(found.headers["Retry-After"]) > 0 and "127.0.0.1" not in found.text


def test_backtests_do_not_crowd_one_another(postgres: Any, chain: FakeChain) -> None:
    limits = replace(ROOMY, backtests=0)
    with new_database(postgres) as url, serving(url, chain=chain, limits=limits) as server:
        asked = {
            "monitor": {**MONITOR, "chain_id": 31337, "addresses": [WATCHED]},
            "from_block": 1,
            "to_block": 1,
        }
        found = server.api(server.project()).post("/v1/backtests", asked)
        assert found.status_code == 503
        assert found.json()["type"] == "urn:donablock:problem:busy"


def test_a_project_has_one_backtest_at_once_and_pays_for_no_other(
    postgres: Any, chain: FakeChain
) -> None:
    with new_database(postgres) as url, serving(url, chain=chain) as server:
        api = server.api(server.project("few", backtests_per_hour=2))
        another_key, stranger = server.api(api.project), server.api(server.project("stranger"))
        asked = {
            "monitor": {**MONITOR, "chain_id": 31337, "addresses": [WATCHED]},
            "from_block": 1,
            "to_block": 1,
        }
        server._node.latency = 0.4  # of each of its questions
        before = server._node.requests
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(api.post, "/v1/backtests", asked)
            deadline = time.monotonic() + 10
            while server._node.requests == before:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            for _ in range(3):
                found = another_key.post("/v1/backtests", asked)
                assert found.status_code == 503
                assert found.json()["type"] == "urn:donablock:problem:busy"
                assert found.json()["detail"].startswith("a backtest of the project is under way")
            server._node.latency = 0.0
            assert stranger.post("/v1/backtests", asked).status_code == 200
            assert first.result().status_code == 200
        codes = [api.post("/v1/backtests", asked).status_code for _ in range(2)]
        assert codes == [200, 429], "what was busy counted"


def test_the_addresses_of_a_backtest_are_read_once_and_only_if_it_may_be_made(
    postgres: Any, chain: FakeChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_database(postgres) as url, serving(url, chain=chain) as server:
        read: list[str] = []
        real = Registry.all_addresses

        async def counted(registry: Registry, project: str, monitor: str) -> list[str]:
            read.append(monitor)
            return await real(registry, project, monitor)

        async def paged(*_: Any, **__: Any) -> Any:
            raise AssertionError("read page by page")

        monkeypatch.setattr(Registry, "all_addresses", counted)
        monkeypatch.setattr(Registry, "addresses", paged)
        project = server.project("one", backtests_per_hour=1)
        api = server.api(project)
        monitor = {**MONITOR, "chain_id": 31337, "addresses": [WATCHED]}
        made = api.post("/v1/monitors", monitor).json()["id"]
        server.execute(
            "INSERT INTO monitor_addresses (monitor_id, address, revision) SELECT $1,"
            " decode(lpad(to_hex(i), 40, '0'), 'hex'), 1 FROM generate_series(1, 250) AS i",
            made,
        )
        place, blocks = f"/v1/monitors/{made}/backtest", {"from_block": 1, "to_block": 4}
        found = api.post(place, blocks)
        assert (found.status_code, found.json()["count"], read) == (200, 4, [made])
        assert api.post(place, blocks).status_code == 429
        assert read == [made], "the quota is asked first"


# --- live -----------------------------------------------------------------------------------------


class Tail:
    """A reader of a live tail."""

    def __init__(self, api: Api, monitor: str, **headers: str) -> None:
        self.answer: requests.Response = api.get(
            f"/v1/monitors/{monitor}/events/live", headers=headers, stream=True, timeout=15
        )
        self._lines = self.answer.iter_lines(decode_unicode=True)

    def next(self) -> dict[str, str]:
        """The next event, its fields by name."""
        found: dict[str, str] = {}
        for line in self._lines:
            if not line and ("event" in found):
                return found
            name, _, value = line.partition(": ")
            if line and name:
                found[name] = value
        raise AssertionError("the stream has ended")

    def close(self) -> None:
        self.answer.close()


def test_a_tail_tells_what_is_found_and_what_becomes_of_it(server: Serving) -> None:
    seeded = seed(server)
    tail = Tail(seeded.api, seeded.monitor)
    assert tail.answer.headers["Content-Type"].startswith("text/event-stream")
    time.sleep(0.3)  # it begins with what is there now

    async def found(number: int, state: int = FOUND) -> str:
        return await add_event(server.parts, seeded.monitor, number, state)

    from tests.web.seeds import set_state

    first = server.run(lambda _: found(200))
    told = tail.next()
    assert told["event"] == "detected" and f'"id":"{first}"' in told["data"]
    place = told["id"]
    server.run(lambda parts: set_state(parts, first, CONFIRMED))
    told = tail.next()
    assert told["event"] == "confirmed" and "id" not in told
    server.run(lambda parts: set_state(parts, first, RETRACTED))
    assert tail.next()["event"] == "retracted"
    tail.close()
    # who comes back gets what was found meanwhile, and the states of what was before
    second = server.run(lambda _: found(201))
    back = Tail(seeded.api, seeded.monitor, **{"Last-Event-ID": place})
    states = []
    while True:
        told = back.next()
        if second in told["data"]:
            break
        states.append(told["event"])
    assert states == ["confirmed", "retracted", "retracted"] and told["event"] == "detected"
    back.close()
    refused = seeded.api.get(
        f"/v1/monitors/{seeded.monitor}/events/live", headers={"Last-Event-ID": "x"}
    )
    assert refused.status_code == 400 and refused.json()["errors"][0]["where"] == "header"


def test_tails_are_few_are_heard_and_end(postgres: Any) -> None:
    # a tail is no request that is under way: beside two of them there is room for two
    limits = replace(
        ROOMY, requests_per_project=2, tails_per_project=2, tails=3, heartbeat=0.2, recheck=0.3
    )
    with new_database(postgres) as url, serving(url, limits=limits) as server:
        seeded, other = seed(server), seed(server)
        path = f"/v1/monitors/{seeded.monitor}/events/live"
        key = seeded.api.post("/v1/keys", {"scopes": ["read"]}).json()
        reader = Api(server.url, key["key"])
        tails = [Tail(reader, seeded.monitor), Tail(seeded.api, seeded.monitor)]
        time.sleep(0.3)
        refused = seeded.api.get(path)
        assert refused.status_code == 429 and refused.headers["Retry-After"] == "5"
        tails.append(Tail(other.api, other.monitor))
        time.sleep(0.3)
        assert other.api.get(f"/v1/monitors/{other.monitor}/events/live").status_code == 429
        # a tail that has nothing to tell says so
        lines = tails[1].answer.iter_lines(decode_unicode=True)
        assert any(line == ": nothing new" for line in (next(lines) for _ in range(20)))
        # a key that is revoked hears no more
        seeded.api.post(f"/v1/keys/{key['id']}/revoke")
        assert tails[0].next()["event"] == "end"
        # HEAD has an end, and OPTIONS and a stranger get what they always get
        head = seeded.api.ask("HEAD", path)
        assert head.status_code == 200 and head.content == b""
        assert other.api.get(path).status_code == 404
        for tail in tails:
            tail.close()
        deadline = time.monotonic() + 10
        while seeded.api.get(path, stream=True).status_code != 200:
            assert time.monotonic() < deadline, "a tail that nobody reads still counts"
            time.sleep(0.1)


def test_a_server_that_stops_ends_its_tails(postgres: Any) -> None:
    with new_database(postgres) as url:
        with serving(url) as server:
            seeded = seed(server)
            tail = Tail(seeded.api, seeded.monitor)
            begun = time.monotonic()
        assert time.monotonic() - begun < 5
        with pytest.raises(AssertionError, match="ended"):
            tail.next()
