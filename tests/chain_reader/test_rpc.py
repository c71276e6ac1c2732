"""JSON-RPC to one node: what it does wrong is named, and batches are as large as it bears."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest

from donablock.chain.answers import HeaderAnswer, Quantity
from donablock.chain.faults import (
    Fault,
    GarbageFault,
    HtmlFault,
    HttpFault,
    MixedUpFault,
    OversizeFault,
    RateFault,
    RedirectFault,
    RefusalFault,
    SilentFault,
    TransportFault,
    TruncatedFault,
)
from donablock.chain.rpc import Question, Rpc
from donablock.errors import InputError
from tests.chain_reader import lies
from tests.chain_reader.fake_chain import FakeChain
from tests.chain_reader.fake_node import FakeNode

pytestmark = pytest.mark.asyncio

Connect = Callable[..., Rpc]

CHAIN_ID: Question[str] = Question("eth_chainId", Quantity)
HEADER: Question[HeaderAnswer | None] = Question("eth_getBlockByNumber", HeaderAnswer | None)


def numbered(count: int, start: int = 0) -> list[tuple[str, bool]]:
    return [(hex(number), False) for number in range(start, start + count)]


async def test_one_question(node: FakeNode, connect: Connect, chain: FakeChain) -> None:
    rpc = connect(node.url)
    assert await rpc.ask(CHAIN_ID, ()) == "0x7a69"
    header = await rpc.ask(HEADER, ("0x1", False))
    assert header is not None and header.hash == chain.at(1).hash  # type: ignore[union-attr]
    assert await rpc.ask(HEADER, ("0x100", False)) is None
    assert rpc.requests == rpc.questions == 3
    assert rpc.received > 1_000
    assert rpc.latency is not None and 0 < rpc.latency < 5


async def test_a_batch_in_any_order(node: FakeNode, connect: Connect, chain: FakeChain) -> None:
    node.inject(lies.reversed_answers())
    rpc = connect(node.url)
    answers = await rpc.ask_all(HEADER, numbered(5))
    expected = [block.hash for block in chain.line()]
    assert [getattr(one, "hash", None) for one in answers] == [*expected, None]
    assert node.batches == [5]


async def test_nothing_to_ask(node: FakeNode, connect: Connect) -> None:
    assert await connect(node.url).ask_all(HEADER, []) == []
    assert node.requests == 0


async def test_large_batches_are_cut(node: FakeNode, connect: Connect, chain: FakeChain) -> None:
    chain.extend(40)
    answers = await connect(node.url, batch=16).ask_all(HEADER, numbered(44))
    assert [getattr(one, "hash", None) for one in answers] == [one.hash for one in chain.line()]
    assert sorted(node.batches) == [12, 16, 16]


TOO_LARGE = {
    "geth": lies.said(
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}}'
    ),
    "erigon": lies.said(
        b'[{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":'
        b'"batch limit 100 exceeded: 142 requests given"}}]'
    ),
    "reth": lies.said(
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32010,"message":'
        b'"The batch request was too large","data":"Exceeded max limit of 3"}}'
    ),
    "nethermind": lies.said(
        b'{"jsonrpc":"2.0","error":{"code":-32005,"message":"Batch size limit exceeded"},"id":null}'
    ),
    "no batches": lies.said(
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}'
    ),
    "response": lies.error(-32003, "response too large"),
    "slow batch": lies.error(-32002, "request timed out"),
    "HTTP 413": lies.status(413),
    "HTTP 400": lies.status(
        400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"batch too big"}}'
    ),
}


@pytest.mark.parametrize("how", TOO_LARGE)
async def test_a_batch_that_is_too_large_is_split(
    node: FakeNode, connect: Connect, chain: FakeChain, how: str
) -> None:
    node.inject(TOO_LARGE[how], count=2)
    rpc = connect(node.url)
    answers = await rpc.ask_all(HEADER, numbered(4))
    assert [getattr(one, "hash", None) for one in answers] == [one.hash for one in chain.line()]
    # four, refused; two, refused; one and one; two
    assert node.batches == [4, 2, 1, 1, 2]
    assert rpc.batch == 1


async def test_the_size_that_a_node_bears_is_remembered(
    node: FakeNode, connect: Connect, chain: FakeChain
) -> None:
    node.max_batch = 10
    chain.extend(100)
    rpc = connect(node.url, batch=64)
    for start in range(0, 100, 20):
        answers = await rpc.ask_all(HEADER, numbered(20, start))
        assert all(isinstance(one, HeaderAnswer) for one in answers)
    assert rpc.batch <= 20
    refused = [size for size in node.batches if size > 10]
    assert len(refused) <= 3, node.batches


async def test_a_node_without_batches_is_asked_one_by_one(
    node: FakeNode, connect: Connect, chain: FakeChain
) -> None:
    node.max_batch = 1
    rpc = connect(node.url)
    answers = await rpc.ask_all(HEADER, numbered(4))
    assert [getattr(one, "hash", None) for one in answers] == [one.hash for one in chain.line()]
    assert rpc.batch == 1
    before = node.requests
    await rpc.ask_all(HEADER, numbered(4))
    assert node.requests == before + 4


# what a node does -> what it is called, and what the message says
WRONG = [
    (lies.html(), HtmlFault, "a web page"),
    (lies.garbage(), GarbageFault, "no JSON"),
    (lies.said(b""), TruncatedFault, "ends too early"),
    (lies.said(b"   "), TruncatedFault, "ends too early"),
    (lies.cut(), TruncatedFault, "ends too early"),
    (lies.broken_off(), TruncatedFault, "broke off in the middle"),
    (lies.closed(), TransportFault, "closed the connection|reset"),
    (lies.hang(), SilentFault, "no whole answer within 1.5 s"),
    (lies.trickle(), SilentFault, "no whole answer within 1.5 s"),
    (lies.endless(), OversizeFault, "more than 100000 bytes"),
    (lies.bomb(), OversizeFault, "more than 100000 bytes"),
    (lies.redirect("http://127.0.0.1:1/"), RedirectFault, "redirects .HTTP 307."),
    (lies.status(500), HttpFault, "HTTP status 500"),
    (lies.status(502, b"<html>"), HttpFault, "HTTP status 502"),
    (lies.status(401), HttpFault, "check the key"),
    (lies.status(403), HttpFault, "check the key"),
    (lies.status(413), HttpFault, "no request of this size"),
    (lies.status(404, b'{"error":{"code":-1,"message":"no app"}}'), HttpFault, "404: .*no app"),
    (lies.too_many(), RateFault, "too many requests .HTTP 429."),
    (lies.status(503, headers={"Retry-After": "1"}), RateFault, "HTTP 503"),
    (lies.error(-32005, "daily request count exceeded, request rate limited"), RateFault, "-32005"),
    (lies.error(429, "Your app has exceeded its compute units"), RateFault, "429"),
    (lies.error(-32000, "Too Many Requests"), RateFault, "too many"),
    (lies.error(-32601, "method not found"), RefusalFault, "-32601: method not found"),
    (lies.error(-32000, "header not found"), RefusalFault, "-32000: header not found"),
    (lies.said(b'{"id":1,"error":"just text"}'), RefusalFault, "just text"),
    (lies.said(b'{"id":1,"error":{"code":"x","message":"y"}}'), RefusalFault, "y"),
    (lies.wrong_ids(), MixedUpFault, "what was not asked"),
    (lies.text_ids(), MixedUpFault, "what was not asked"),
    (lies.said(b'{"id":true,"result":"0x1"}'), GarbageFault, "no answer to eth_chainId"),
    (lies.neither(), GarbageFault, "neither result nor error"),
    (lies.instead(7), GarbageFault, "no answer to eth_chainId"),
    (lies.instead(None), GarbageFault, "no answer to eth_chainId"),
    (lies.instead("0x"), GarbageFault, "no answer to eth_chainId"),
    (lies.said(b"[]"), GarbageFault, "no answer to eth_chainId"),
    (lies.said(b"[" * 100_000), GarbageFault, "no"),
    (lies.said(b'{"id":1,"result":"\xff\xfe"}'), GarbageFault, "no"),
]


@pytest.mark.parametrize(
    ("lie", "kind", "says"),
    WRONG,
    ids=[f"{place} {lie}" for place, (lie, _, _) in enumerate(WRONG)],
)
async def test_each_wrong_answer_has_its_name(
    node: FakeNode, connect: Connect, lie: lies.Lie, kind: type[Fault], says: str
) -> None:
    node.inject(lie)
    rpc = connect(node.url, timeout=1.5, body_cap=100_000)
    with pytest.raises(kind, match=says) as raised:
        await rpc.ask(CHAIN_ID, ())
    assert type(raised.value) is kind
    node.repent()
    # and the next question is asked afresh; a node that said "too many" is waited for
    if not isinstance(raised.value, RateFault):
        assert await rpc.ask(CHAIN_ID, ()) == "0x7a69"


@pytest.mark.parametrize(
    ("lie", "kind", "says"),
    [
        (lies.missing_answers(), MixedUpFault, "no answer to 1 of 3 questions"),
        (lies.doubled_answers(), MixedUpFault, "two answers to one question"),
        (lies.wrong_ids(), MixedUpFault, "what was not asked"),
        (lies.said(b"[]"), MixedUpFault, "no answer to 3 of 3 questions"),
        (lies.said(b'{"id":1,"result":null}'), MixedUpFault, "one answer to 3 questions"),
        (lies.html(), HtmlFault, "a web page"),
        (lies.cut(), TruncatedFault, "ends too early"),
        (lies.hang(), SilentFault, "no whole answer"),
        (lies.too_many(), RateFault, "too many"),
        (lies.error(-32000, "no"), RefusalFault, "-32000: no"),
        (
            lies.said(b'{"id":null,"error":{"code":-32000,"message":"over capacity"}}'),
            RateFault,
            "over capacity",
        ),
    ],
    ids=str,
)
async def test_each_wrong_batch_has_its_name(
    node: FakeNode, connect: Connect, lie: lies.Lie, kind: type[Fault], says: str
) -> None:
    node.inject(lie, count=1)
    answers = await connect(node.url, timeout=1.5).ask_all(HEADER, numbered(3))
    wrong = [one for one in answers if isinstance(one, Fault)]
    assert wrong and {type(one) for one in wrong} == {kind}
    assert says in str(wrong[0])
    assert len(wrong) == (1 if lie.name == "missing answers" else 3)


async def test_one_bad_answer_does_not_spoil_the_others(
    node: FakeNode, connect: Connect, chain: FakeChain
) -> None:
    node.inject(lies.instead({"hash": 5}), count=1, skip=1)
    answers = await connect(node.url).ask_all(HEADER, numbered(4))
    assert isinstance(answers[1], GarbageFault)
    good = [one for place, one in enumerate(answers) if place != 1]
    line = [block.hash for place, block in enumerate(chain.line()) if place != 1]
    assert [getattr(one, "hash", None) for one in good] == line


async def test_a_batch_whose_answer_is_too_long_is_split(
    node: FakeNode, connect: Connect, chain: FakeChain
) -> None:
    answers = await connect(node.url, body_cap=6_000).ask_all(HEADER, numbered(4))
    assert [getattr(one, "hash", None) for one in answers] == [one.hash for one in chain.line()]
    assert node.batches[0] == 4 and max(node.batches[1:]) == 2


async def test_a_batch_that_takes_too_long_is_smaller_next_time(
    node: FakeNode, connect: Connect
) -> None:
    node.inject(lies.hang(), count=1)
    rpc = connect(node.url, timeout=1.5)
    assert all(isinstance(one, SilentFault) for one in await rpc.ask_all(HEADER, numbered(4)))
    assert not any(isinstance(one, Fault) for one in await rpc.ask_all(HEADER, numbered(4)))
    assert node.batches == [4, 2, 2]


async def test_a_connection_that_was_closed_meanwhile_is_opened_again(
    node: FakeNode, connect: Connect
) -> None:
    rpc = connect(node.url)
    await rpc.ask(CHAIN_ID, ())
    node.inject(lies.closed(), count=1)
    assert await rpc.ask(CHAIN_ID, ()) == "0x7a69"


async def test_nobody_there(node: FakeNode, connect: Connect) -> None:
    rpc = connect(node.url)
    await node.stop()
    with pytest.raises(TransportFault, match="the connection was refused"):
        await rpc.ask(CHAIN_ID, ())
    await node.start()
    assert await rpc.ask(CHAIN_ID, ()) == "0x7a69"
    with pytest.raises(TransportFault, match="no such host|no connection"):
        await connect("http://no-such-host.invalid/").ask(CHAIN_ID, ())
    with pytest.raises(TransportFault, match="no secure connection|no connection"):
        await connect(node.url.replace("http:", "https:")).ask(CHAIN_ID, ())


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("7", 6.5, 7.5), (formatdate(time.time() + 60, usegmt=True), 30, 62), ("soon", 0.5, 1.5)],
    ids=["seconds", "date", "nonsense"],
)
async def test_retry_after_is_kept_to(
    node: FakeNode, connect: Connect, said: str, least: float, most: float
) -> None:
    if said.endswith("GMT"):
        said = formatdate(time.time() + 60, usegmt=True)
    node.inject(lies.too_many(said), count=1)
    rpc = connect(node.url)
    with pytest.raises(RateFault) as raised:
        await rpc.ask(CHAIN_ID, ())
    assert least <= rpc.pace.pause <= most
    assert raised.value.retry_after is None or least <= raised.value.retry_after <= most


async def test_the_next_question_waits_until_the_node_wants_it(
    node: FakeNode, connect: Connect
) -> None:
    node.inject(lies.too_many("1"), count=1)
    rpc = connect(node.url)
    with pytest.raises(RateFault):
        await rpc.ask(CHAIN_ID, ())
    began = time.monotonic()
    assert await rpc.ask(CHAIN_ID, ()) == "0x7a69"
    assert time.monotonic() - began >= 0.9


async def test_no_more_requests_at_once_than_it_bears(node: FakeNode, connect: Connect) -> None:
    node.inject(lies.slow(0.05))
    rpc = connect(node.url, concurrency=3, max_concurrency=3)
    began = time.monotonic()
    await asyncio.gather(*(rpc.ask(CHAIN_ID, ()) for _ in range(9)))
    assert time.monotonic() - began >= 0.14
    assert rpc.pace.under_way == 0


async def test_user_name_and_password_are_sent_and_not_shown(
    node: FakeNode, connect: Connect
) -> None:
    rpc = connect(node.url.replace("http://", "http://some%40one:pass%2Fword@"))
    assert await rpc.ask(CHAIN_ID, ()) == "0x7a69"
    assert node.headers[0]["Authorization"] == "Basic c29tZUBvbmU6cGFzcy93b3Jk"
    assert rpc.name == node.name and repr(rpc) == f"Rpc({node.name})"


async def test_redirects_are_not_followed(node: FakeNode, connect: Connect) -> None:
    async with FakeNode(node.chain) as other:
        node.inject(lies.redirect(other.url))
        with pytest.raises(RedirectFault):
            await connect(node.url).ask(CHAIN_ID, ())
        assert other.requests == 0


@pytest.mark.parametrize("url", ["", "ftp://x/", "ws://x/", "http:///", "//x", "http://x:99999/"])
async def test_what_is_no_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InputError, match="a node's URL") as refused:
        Rpc(url + "secret-key")
    assert "secret-key" not in str(refused.value)
