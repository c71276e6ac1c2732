"""docs/openapi.json and /docs say what there is, and what they say works."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from html.parser import HTMLParser
from typing import Any

import pytest

from donablock.monitors.categories import CATEGORIES
from donablock.monitors.monitor import Definition
from donablock.monitors.quotas import Quotas
from donablock.monitors.registry import MonitorRow, MonitorSpec
from donablock.web.app import bare
from donablock.web.page import html
from donablock.web.problems import KINDS
from tests.chain_reader.fake_chain import FakeChain, payment
from tests.web.seeds import WATCHED, seed
from tests.web.serving import Serving, new_database, serving
from tests.web.test_access import filled
from tools import openapi

DOCUMENT = bare().openapi()
OPERATIONS = {
    operation["operationId"]: (verb.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for verb, operation in methods.items()
}
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_the_file_is_current() -> None:
    assert openapi.is_current(), "run `python -m tools.openapi`"


def test_a_file_that_is_not_current_is_found(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(openapi, "FILE", tmp_path / "openapi.json")
    assert openapi.main(["--check"]) == 1 and "run `python -m" in capsys.readouterr().err
    assert openapi.main([]) == 0 and openapi.main(["--check"]) == 0
    openapi.FILE.write_text("{}")
    assert openapi.main(["--check"]) == 1


def test_every_call_teaches() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for name, (verb, path, operation) in OPERATIONS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
        assert len(operation["description"]) > 10 and operation["summary"], name
        assert set(operation["tags"]) <= tags, name
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description") or parameter["name"] == "chain_id", name
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"], name
        assert verb == "GET" or path.startswith("/v1/")


def test_every_problem_is_declared() -> None:
    for name, (_, path, operation) in OPERATIONS.items():
        found = set(operation["responses"])
        expected = {"400", "500", "503"}
        expected |= {"401", "403", "429"} if "security" in operation else set()
        expected |= {"404"} if "{" in path else set()
        expected |= {"408", "413", "415", "422"} if "requestBody" in operation else set()
        assert expected <= found, name
        assert len([status for status in found if status.startswith("2")]) == 1, name
    told = DOCUMENT["info"]["description"]
    statuses = {
        name: answer["content"]["application/problem+json"]["examples"]
        for name, answer in DOCUMENT["components"]["responses"].items()
    }
    named = {kind for examples in statuses.values() for kind in examples}
    # what is answered before there is a call has no place in one
    assert named == KINDS.keys() - {"method-not-allowed"}
    for kind in KINDS:
        assert f"| `{kind}` | {KINDS[kind].status} |" in told


def test_every_name_that_is_used_is_there() -> None:
    text = json.dumps(DOCUMENT)
    for place in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        found: Any = DOCUMENT
        for part in place.split("/"):
            found = found[part]
    assert "ValidationError" not in text
    unused = {name for name in SCHEMAS if f'"$ref": "#/components/schemas/{name}"' not in text}
    assert not unused


def test_what_a_monitor_is_made_of_is_all_there() -> None:
    made = set(SCHEMAS["NewMonitor"]["properties"])
    assert made == {one.name for one in fields(MonitorSpec)}
    stays = {"chain_id", "category", "from_block", "addresses"}
    assert set(SCHEMAS["MonitorChange"]["properties"]) == made - stays
    shown = set(SCHEMAS["MonitorShown"]["properties"])
    row = {one.name for one in fields(MonitorRow)} - {"definition", "project_id"}
    assert shown == row | set(Definition.__struct_fields__)
    assert set(SCHEMAS["QuotasShown"]["properties"]) == {one.name for one in fields(Quotas)}
    assert SCHEMAS["NewMonitor"]["properties"]["category"]["enum"] == list(CATEGORIES)


def test_what_is_sent_is_closed_and_what_is_answered_is_whole() -> None:
    for name, (_, _, operation) in OPERATIONS.items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = SCHEMAS[content["schema"]["$ref"].rpartition("/")[2]]
            assert schema["additionalProperties"] is False, name
            for field in schema["properties"].values():
                assert field != {}, name
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                if "$ref" in content["schema"]:
                    schema = SCHEMAS[content["schema"]["$ref"].rpartition("/")[2]]
                    assert set(schema["required"]) == set(schema["properties"]), name


EXAMPLES = [
    (name, key)
    for name, (_, _, operation) in OPERATIONS.items()
    for key in operation.get("requestBody", {})
    .get("content", {})
    .get("application/json", {})
    .get("examples", {})
]


@pytest.fixture(scope="module")
def reading(postgres: Any) -> Any:
    """A server that can read a chain."""
    chain = FakeChain()
    for _ in range(3):
        chain.mine(payment("0x" + "22" * 20, WATCHED, 10**18))
    with new_database(postgres) as url, serving(url, chain=chain) as one:
        yield one


@pytest.mark.parametrize("name, key", EXAMPLES)
def test_every_example_works(reading: Serving, name: str, key: str) -> None:
    seeded = seed(reading)
    verb, path, operation = OPERATIONS[name]
    body = operation["requestBody"]["content"]["application/json"]["examples"][key]["value"]
    if name == "replay_by_ids":
        body = {"ids": [seeded.deliveries[4]]}  # of a delivery that is there
    if "backtest" in name:
        # the examples name public chains, and blocks of theirs
        body = {**body, "from_block": 1, "to_block": 3}
        if "monitor" in body:
            body["monitor"] = {**body["monitor"], "chain_id": 31337}
    key_id = reading.execute("SELECT id FROM api_keys WHERE project_id = $1", seeded.api.project)
    monitor = seeded.monitor
    if name == "backtest_monitor":
        made = {"chain_id": 31337, "name": "x", "category": "native", "addresses": [WATCHED]}
        monitor = seeded.api.post("/v1/monitors", made).json()["id"]
    place = filled(path, monitor_id=monitor, endpoint_id=seeded.endpoint, key_id=key_id[0]["id"])
    found = seeded.api.ask(verb, place, json=body)
    wanted = next(status for status in operation["responses"] if status.startswith("2"))
    assert found.status_code == int(wanted), found.text
    if name == "backtest_monitor":
        assert found.json()["count"] == 3


class Page(HTMLParser):
    """What a page loads, where it leads, and what can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "action", "data"):
                self.loads.append(str(value))
            if name == "href":
                self.links.append(str(value))
            if name == "id":
                self.ids.append(str(value))


def test_the_page_needs_nothing_from_anywhere(server: Serving) -> None:
    found = server.nobody.get("/docs")
    page = Page(found.text)
    assert found.status_code == 200 and found.headers["Content-Type"].startswith("text/html")
    assert not page.loads and not {"script", "link", "img", "iframe", "form"} & page.tags
    assert "url(" not in found.text and "@import" not in found.text
    assert found.headers["Content-Security-Policy"].startswith("default-src 'none'")
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside and inside <= set(page.ids) and len(page.ids) == len(set(page.ids))
    assert set(OPERATIONS) <= set(page.ids)
    assert {f"schema-{name}" for name in SCHEMAS} <= set(page.ids)
    assert "openapi.json" in page.links


def test_nothing_in_the_document_can_break_the_page() -> None:
    hostile = json.loads(json.dumps(DOCUMENT))
    hostile["info"]["title"] = "<script>alert(1)</script>"
    hostile["paths"]["/v1/project"]["get"]["description"] = '`<b>` [x](https://a" onclick=b)'
    text = html(hostile)
    assert "<script" not in text and "<b>" not in text and 'onclick=b"' not in text


def test_the_served_document_is_the_file(server: Serving) -> None:
    served = server.nobody.get("/openapi.json")
    assert served.headers["Content-Type"] == "application/json"
    assert served.json() == json.loads(openapi.FILE.read_text()) == DOCUMENT
