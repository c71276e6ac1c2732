"""No part of a node's URL but host and port reaches a message, a log line, or a health report."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable, Iterator

import pytest

from donablock import telemetry
from donablock.chain.chains import chain_of
from donablock.chain.nodes import Nodes
from donablock.chain.rpc import Limits
from donablock.errors import DonaBlockError, InputError
from tests.chain_reader import lies
from tests.chain_reader.fake_chain import FakeChain
from tests.chain_reader.fake_node import FakeNode
from tests.logs import logging_kept

pytestmark = pytest.mark.asyncio

USER, PASSWORD = "u5er-name", "pa55-word"
KEY, QUERY = "k3y-0123456789abcdef", "qu3ry-0123456789"
SECRETS = (USER, PASSWORD, KEY, QUERY)


def secret_url(node: FakeNode) -> str:
    return f"http://{USER}:{PASSWORD}@{node.name}/v2/{KEY}/?apikey={QUERY}"


@pytest.fixture
def written() -> Iterator[Callable[[], str]]:
    """Everything that any library logs, down to the least."""
    stream = io.StringIO()
    libraries = ("aiohttp", "aiohttp.client", "asyncio")
    with logging_kept(*libraries):
        telemetry.set_up("json", "debug", stream)
        for name in libraries:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield stream.getvalue


ECHO = f"no app {KEY} for {USER}:{PASSWORD} at /v2/{KEY}/?apikey={QUERY}"
TOLD = [
    lies.html(),
    lies.garbage(),
    lies.cut(),
    lies.broken_off(),
    lies.closed(),
    lies.hang(),
    lies.endless(),
    lies.status(401, ECHO.encode()),
    lies.status(404, b'{"error":{"code":-1,"message":"' + ECHO.encode() + b'"}}'),
    lies.status(500, headers={"X-Echo": KEY}),
    lies.status(418, headers={"Bad": "é" * 3}),
    lies.redirect(f"http://127.0.0.1:1/v2/{KEY}"),
    lies.too_many(),
    lies.error(-32000, ECHO),
    lies.error(-32005, f"rate limit of {KEY}"),
    lies.error(-32601, f"method not found for {KEY}"),
    lies.said(b'{"id":1,"error":"' + ECHO.encode() + b'"}'),
    lies.said(b"HTTP/9 " + KEY.encode()),
    lies.instead(ECHO),
    lies.instead({"hash": ECHO}),
    lies.wrong_ids(),
    lies.header_field("hash", "0x" + "77" * 32),
    lies.header_field("number", ECHO[:60]),
    lies.other_chain(),
]


@pytest.mark.parametrize("lie", TOLD, ids=[f"{at} {lie}" for at, lie in enumerate(TOLD)])
async def test_no_fault_shows_a_secret(
    node: FakeNode, lie: lies.Lie, written: Callable[[], str]
) -> None:
    node.inject(lie)
    shown = []
    async with Nodes(chain_of(31337), [secret_url(node)], Limits(timeout=1.0)) as source:
        for ask in (
            source.head,
            lambda: source.ref(1),
            lambda: source.block("0x" + "12" * 32),
            source.head,
        ):
            with pytest.raises(DonaBlockError) as raised:
                await ask()  # type: ignore[operator]
            shown += traceback.format_exception(raised.value) + [repr(raised.value)]
            assert raised.value.__cause__ is None
        shown += [repr(source), repr(source.health()), repr(vars(source))]
        assert node.name in str(raised.value), "the host is named"
    text = "".join(shown) + written()
    for secret in SECRETS:
        assert secret not in text


async def test_a_node_that_is_not_there_shows_no_secret(
    node: FakeNode, written: Callable[[], str]
) -> None:
    await node.stop()
    urls = [
        secret_url(node),
        f"https://{USER}:{PASSWORD}@{node.name}/{KEY}",
        f"http://no-such-host.invalid/{KEY}?x={QUERY}",
    ]
    async with Nodes(chain_of(31337), urls, Limits(timeout=5)) as source:
        for _ in range(4):
            with pytest.raises(DonaBlockError) as raised:
                await source.head()
        text = "".join(traceback.format_exception(raised.value)) + repr(source.health())
    text += written()
    assert "node is left alone" in text
    for secret in SECRETS:
        assert secret not in text


@pytest.mark.parametrize(
    "url",
    [
        f"http://[{KEY}/",
        f"http://host:{KEY}/",
        f"//{KEY}",
        f"ws://{USER}:{PASSWORD}@host/{KEY}",
        f"http:///{KEY}",
    ],
)
async def test_a_url_that_is_refused_shows_no_secret(url: str) -> None:
    with pytest.raises(InputError) as raised:
        Nodes(chain_of(31337), [url])
    text = "".join(traceback.format_exception(raised.value))
    assert not any(secret in text.replace(f'"{url}"', "") for secret in SECRETS)


async def test_the_secrets_do_reach_the_node(node: FakeNode, chain: FakeChain) -> None:
    async with Nodes(chain_of(31337), [secret_url(node)]) as source:
        assert await source.head() == chain.head.ref
    assert node.headers[0]["Authorization"].startswith("Basic ")
