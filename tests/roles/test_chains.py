"""Which chains, nodes and starts the settings name, and what is said of those that are none."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from donablock.errors import ChainFileError, InputError, ManifestError
from donablock.monitors.worker import LATEST
from donablock.roles.chains import followed, node_urls
from donablock.settings import Settings

KEY = "0123456789abcdef"


def chosen(nodes=None, start=None, **more):
    kept = nodes if nodes is None or isinstance(nodes, str) else json.dumps(nodes)
    return Settings(nodes=None if kept is None else SecretStr(kept), start=start, **more)


def test_every_chain_with_nodes_is_followed_or_those_that_are_named():
    nodes = {"56": ["https://a.example", "https://b.example"], "1": "https://c.example"}
    found = followed(chosen(nodes))
    assert [(one.chain_id, one.chain.name, len(one.urls)) for one in found] == [
        (1, "ethereum", 1),
        (56, "bsc", 2),
    ]
    (one,) = followed(chosen(nodes), [56, 56])
    assert one.urls == ("https://a.example", "https://b.example")
    # a matcher needs none
    (one,) = followed(chosen(nodes), [137])
    assert one.urls == ()


def test_a_chain_begins_where_it_is_told_or_where_we_deployed_or_now(tmp_path):
    nodes = {"56": ["https://a.example"]}
    assert followed(chosen(nodes, '{"56": 45000000}'))[0].start == 45_000_000
    assert followed(chosen(nodes, '{"56": 0}'))[0].start == 0
    assert followed(chosen(nodes, '{"56": -1}'))[0].start == LATEST
    assert followed(chosen(nodes, deployments=tmp_path))[0].start == LATEST
    (tmp_path / "56.json").write_text("{}")
    with pytest.raises(ManifestError, match="56.json is not as it was written"):
        followed(chosen(nodes, deployments=tmp_path))


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ("", "is no JSON object"),
        ("[]", "is no JSON object"),
        (f"https://node.example/{KEY}", "is no JSON object"),
        ({"bsc": ["https://a.example"]}, "'bsc' is no chain id"),
        ({"0": ["https://a.example"]}, "'0' is no chain id"),
        ({"-1": ["https://a.example"]}, "'-1' is no chain id"),
        ({"9" * 40: ["https://a.example"]}, "is no chain id"),
        ({"56": []}, "names no list of URLs for chain 56"),
        ({"56": {}}, "names no list of URLs for chain 56"),
        ({"56": [7]}, "names no list of URLs for chain 56"),
        ({"56": [f"ftp://node.example/{KEY}"]}, "chain 56: a node's URL begins with http"),
        ({"56": [f"http://[::{KEY}"]}, "chain 56: a node's URL cannot be understood"),
    ],
)
def test_nodes_that_are_none_are_refused_and_never_shown(nodes, told):
    settings = chosen(nodes)
    with pytest.raises(InputError, match=told) as caught:
        node_urls(settings)
    assert KEY not in str(caught.value) and KEY not in repr(settings)


def test_a_followed_chain_does_not_show_its_nodes():
    (one,) = followed(chosen({"56": [f"https://node.example/{KEY}"]}))
    assert KEY not in repr(one)


@pytest.mark.parametrize("start", ["7", "[]", '{"56": "7"}', '{"56": true}', '{"56": -2}', "{"])
def test_starts_that_are_none_are_refused(start):
    with pytest.raises(InputError, match="DONABLOCK_START"):
        followed(chosen({"56": ["https://a.example"]}, start))


def test_no_chain_and_an_unknown_one_are_refused():
    with pytest.raises(InputError, match="no chain is named: set DONABLOCK_NODES"):
        followed(chosen())
    with pytest.raises(ChainFileError, match="chain 7 is not known"):
        followed(chosen(), [7])


def test_settings_travel_to_other_processes_by_their_environment(tmp_path, monkeypatch):
    first = chosen({"56": [f"https://node.example/{KEY}"]}, '{"56": 5}', data=tmp_path)
    first = first.model_copy(update={"webhook_http": True, "api_port": 0, "stop_seconds": 2.5})
    for name, value in first.environment().items():
        monkeypatch.setenv(name, value)
    second = Settings()
    assert second == first
    assert "DONABLOCK_LOG_LEVEL" not in first.environment(), "what is the default is not passed on"
