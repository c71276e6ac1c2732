"""A node's URL may hold a key anywhere. Only its host is ever shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.chain.endpoint import Endpoint

KEY = "k3y-0123456789abcdef"
URLS = [
    f"https://node.example.org/v2/{KEY}",
    f"https://node.example.org/?apikey={KEY}",
    f"https://node.example.org/rpc?a=1&dkey={KEY}&b=2",
    f"https://{KEY}@node.example.org/",
    f"https://user:{KEY}@node.example.org/x",
    f"https://{KEY}:@node.example.org:8545/{KEY}/rpc#part",
]


@pytest.mark.parametrize("url", URLS)
def test_the_key_is_struck_out_of_any_words(url: str) -> None:
    endpoint = Endpoint(url)
    for said in (f"bad key {KEY}", f"no such app: /v2/{KEY}/", f"{KEY}{KEY}", url, f"?a={KEY}&"):
        assert KEY not in endpoint.redact(said)
    assert KEY not in repr(endpoint) and KEY not in endpoint.name


def test_escaped_keys_are_struck_out_in_both_forms() -> None:
    endpoint = Endpoint("https://us%40er:p%2Fss@node.example.org/a%20secret%21?t=x%3Dyz1")
    said = endpoint.redact("p/ss p%2Fss us@er us%40er a secret! a%20secret%21 x=yz1 x%3Dyz1")
    assert said == " ".join(["***"] * 8)
    assert (endpoint.user, endpoint.password) == ("us@er", "p/ss")
    assert endpoint.url == "https://node.example.org/a%20secret%21?t=x%3Dyz1"


def test_short_words_of_the_path_stay_readable() -> None:
    endpoint = Endpoint("https://node.example.org/ext/bc/C/rpc")
    assert endpoint.redact("rpc error: ext") == "rpc error: ext"


@given(st.text(max_size=500))
def test_what_a_node_says_is_one_short_line(said: str) -> None:
    shown = Endpoint(URLS[0]).redact(said + "\x1b[31m\n\r\u2028x")
    assert len(shown) <= 200
    assert not any(mark in shown for mark in "\n\r\x1b\u2028\x00")


@pytest.mark.parametrize(
    ("url", "name", "is_loopback"),
    [
        ("http://127.0.0.1:8545", "127.0.0.1:8545", True),
        ("http://LOCALHOST/", "localhost", True),
        ("http://[::1]:8545/", "[::1]:8545", True),
        (" https://Node.Example.org ", "node.example.org", False),
        ("https://node.example.org:443/x", "node.example.org:443", False),
        ("http://127.0.0.1.example.org/", "127.0.0.1.example.org", False),
    ],
)
def test_its_name_is_host_and_port(url: str, name: str, is_loopback: bool) -> None:
    endpoint = Endpoint(url)
    assert (endpoint.name, endpoint.is_loopback) == (name, is_loopback)
