"""Every kind of wrong answer is recognised by its name and passed over, and never believed.

The liar is the node whose head is followed, so it is asked first; the truthful one is a block
behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from donablock.chain.blocks import Block
from donablock.chain.chains import Chain
from donablock.chain.faults import NodesFailedError
from donablock.chain.nodes import Nodes
from donablock.chain.source import BlockSource
from tests.chain_reader import lies
from tests.chain_reader.conftest import CHARITY, DONOR, TOKEN
from tests.chain_reader.fake_chain import (
    FakeBlock,
    FakeChain,
    FakeTransaction,
    payment,
    transfer,
    word,
)
from tests.chain_reader.fake_node import FakeNode
from tests.chain_reader.known_lies import BLOCK, BLOCK_AT, IN_BULK, LIES, RECEIPTS, Told
from tests.chain_reader.lies import Lie

pytestmark = pytest.mark.asyncio

Read = Callable[..., Nodes]


@dataclass
class Pair:
    """Two nodes of a chain whose third block is the one asked for."""

    chain: FakeChain
    liar: FakeNode
    truthful: FakeNode
    asked: FakeBlock

    async def follow_the_liar(self, source: Nodes) -> None:
        """Its head is followed, so it is asked first. On a busy machine it may answer too late."""
        for _ in range(50):
            with contextlib.suppress(NodesFailedError):
                if await source.head() == self.liar.head.ref:
                    return
        raise AssertionError("the liar's head was never followed")

    def faults(self, source: Nodes) -> dict[str, int]:
        (health,) = [one for one in source.health().nodes if one.name == self.liar.name]
        return health.faults


@pytest_asyncio.fixture
async def pair(chain: FakeChain) -> AsyncIterator[Pair]:
    made = FakeTransaction(to=None)
    asked = chain.mine(
        transfer(TOKEN, DONOR, CHARITY, 25),
        made,
        payment(DONOR, CHARITY, 7),
        transfer(TOKEN, CHARITY, DONOR, 5),
    )
    chain.extend(2)
    async with FakeNode(chain) as liar, FakeNode(chain, lag=1) as truthful:
        yield Pair(chain, liar, truthful, asked)


CASES = [
    pytest.param(
        one, is_proved, id=f"{one.method[4:]}: {one.lie}{'' if is_proved else ', unproved'}"
    )
    for one in LIES
    for is_proved in (True, False)
    if is_proved or one.is_seen_unproved
]


@pytest.mark.parametrize(("case", "is_proved"), CASES)
async def test_a_lie_about_a_block_is_recognised_and_the_next_node_asked(
    pair: Pair, read: Read, unproved: Chain, case: Told, is_proved: bool
) -> None:
    chain = None if is_proved else unproved
    limits = {"timeout": 2.0 if case.kind == "timeout" else 30.0, "body_cap": 1_000_000}
    source = read(pair.liar, pair.truthful, chain=chain, patience=30.0, **limits)
    await pair.follow_the_liar(source)
    injected = pair.liar.inject(case.lie, method=case.method)
    assert await source.block(pair.asked.ref) == pair.asked.expected()
    assert injected.told >= 1, "the liar was not asked"
    faults = pair.faults(source)
    if is_proved:
        assert set(faults) == {case.kind}
    else:
        # by another check, and not by taking it for a node that lags
        assert len(faults) == 1 and ("lag" in faults) == (case.kind == "lag")
    # alone it is not believed either
    alone = read(pair.liar, chain=chain, **limits)
    with pytest.raises(NodesFailedError, match=f"no node gave block 0x.*{pair.liar.name}: "):
        await alone.block(pair.asked.ref)


@pytest.mark.parametrize(
    ("lie", "method", "kind"),
    IN_BULK,
    ids=[f"{method[4:]}: {lie}" for lie, method, _ in IN_BULK],
)
async def test_a_lie_in_bulk_is_recognised_and_the_next_node_asked(
    pair: Pair, read: Read, lie: Lie, method: str, kind: str
) -> None:
    source = read(pair.liar, pair.truthful, timeout=30)
    await pair.follow_the_liar(source)
    injected = pair.liar.inject(lie, method=method)
    assert await collect(source, range(4, 5)) == [pair.asked.expected()]
    assert injected.told >= 1, "the liar was not asked"
    # a block asked for by number that says it is another is found out by that
    assert set(pair.faults(source)) & {kind, "wrong_number"}


async def collect(source: BlockSource, numbers: range) -> list[Block]:
    return [block async for block in source.blocks(numbers)]


async def test_several_lies_in_one_batch_spoil_no_other_block(pair: Pair, read: Read) -> None:
    pair.liar.inject(lies.null(), method=BLOCK_AT, count=1, skip=1)
    pair.liar.inject(lies.empty_logs(), method=RECEIPTS, count=1)
    source = read(pair.liar, pair.truthful)
    expected = [block.expected() for block in pair.chain.line()][:5]
    assert await collect(source, range(5)) == expected


async def test_answers_that_are_missing_in_a_batch_are_asked_of_the_next_node(
    pair: Pair, read: Read
) -> None:
    source = read(pair.liar, pair.truthful)
    await pair.follow_the_liar(source)
    injected = pair.liar.inject(lies.missing_answers(), method=BLOCK_AT)
    assert [block.number for block in await collect(source, range(5))] == [0, 1, 2, 3, 4]
    assert injected.told >= 1 and pair.faults(source)["mixed_up"] >= 1


async def test_what_one_by_one_receipts_lie_about(pair: Pair, read: Read) -> None:
    pair.liar.methods.remove(RECEIPTS)
    one = "eth_getTransactionReceipt"
    for lie, kind in (
        (lies.null(), "no_receipts"),
        (lies.foreign_receipts(), "foreign_receipt"),
        (lies.log_field("data", word(9)), "receipts_root"),
        (lies.error(-32000, "no"), "rpc_error"),
    ):
        source = read(pair.liar, pair.truthful)
        await pair.follow_the_liar(source)
        injected = pair.liar.inject(lie, method=one, count=1)
        assert await source.block(pair.asked.ref) == pair.asked.expected()
        assert injected.told == 1 and set(pair.faults(source)) == {kind}


async def test_addresses_with_capitals_are_no_lie(pair: Pair, read: Read) -> None:
    def capitals(text: str) -> str:
        return "0x" + text[2:].upper()

    pair.liar.inject(lies.transaction_field("from", capitals(DONOR)), method=BLOCK)
    pair.liar.inject(lies.transaction_field("to", capitals(TOKEN)), method=BLOCK)
    pair.liar.inject(lies.header_field("miner", capitals(pair.asked.header.miner)), method=BLOCK)
    pair.liar.inject(lies.log_field("address", capitals(TOKEN)), method=RECEIPTS)
    assert await read(pair.liar).block(pair.asked.ref) == pair.asked.expected()


async def test_another_chain_is_recognised_at_once_and_later(pair: Pair, read: Read) -> None:
    pair.liar.chain_id = 1
    source = read(pair.liar, pair.truthful)
    assert await source.head() == pair.truthful.head.ref
    assert pair.faults(source) == {"other_chain": 1}
    states = {node.name: node for node in source.health().nodes}
    assert states[pair.liar.name].state == "other_chain"
    assert states[pair.liar.name].why == "is on chain 1, not 31337"
    # not asked for blocks either
    before = pair.liar.calls[BLOCK]
    assert await source.block(pair.asked.ref) == pair.asked.expected()
    assert pair.liar.calls[BLOCK] == before
    # and taken back once it is right
    pair.liar.chain_id = 31337
    await pair.follow_the_liar(source)
    assert all(node.state == "asked" for node in source.health().nodes)


async def test_a_node_that_goes_over_to_another_chain_is_found_out(pair: Pair, read: Read) -> None:
    now = [time.monotonic()]
    source = Nodes(read(pair.liar).chain, [pair.liar.url, pair.truthful.url], clock=lambda: now[0])
    try:
        await pair.follow_the_liar(source)
        pair.liar.chain_id = 1
        now[0] += 20
        assert await source.head() == pair.truthful.head.ref
        assert pair.faults(source) == {"other_chain": 1}
        # by number it would give blocks of that other chain
        now[0] += 20
        assert await source.ref(1) == pair.chain.at(1).ref  # type: ignore[union-attr]
    finally:
        await source.aclose()


async def test_all_of_them_on_another_chain(pair: Pair, read: Read) -> None:
    pair.liar.chain_id = pair.truthful.chain_id = 1
    source = read(pair.liar, pair.truthful)
    with pytest.raises(NodesFailedError, match="is on chain 1, not 31337.*is on chain 1"):
        await source.head()
    assert not source.health().is_ready


async def test_all_wrong_names_each_node_and_what_it_did(pair: Pair, read: Read) -> None:
    source = read(pair.liar, pair.truthful)
    await pair.follow_the_liar(source)
    pair.liar.inject(lies.html(), method=BLOCK)
    pair.truthful.inject(lies.empty_logs(), method=RECEIPTS)
    with pytest.raises(NodesFailedError) as failed:
        await source.block(pair.asked.ref)
    message = str(failed.value)
    assert f"{pair.liar.name}: a web page instead of an answer" in message
    assert f"{pair.truthful.name}: gave block 4 no logs, though its bloom tells of some" in message
    assert {fault.kind for fault in failed.value.faults} == {"html", "bloom"}


async def test_a_null_for_a_block_that_the_node_calls_canonical_is_no_proof_that_it_is_gone(
    pair: Pair, read: Read
) -> None:
    for node in (pair.liar, pair.truthful):
        node.inject(lies.null(), method=BLOCK)
    source = read(pair.liar, pair.truthful)
    with pytest.raises(NodesFailedError, match="which it says is canonical"):
        await source.block(pair.asked.ref)


async def test_a_null_above_a_node_s_own_head_is_lag_and_no_proof_that_it_is_gone(
    pair: Pair, read: Read
) -> None:
    pair.liar.head = pair.truthful.head = pair.chain.at(2)
    source = read(pair.liar, pair.truthful)
    with pytest.raises(NodesFailedError, match="has no block 4 yet.*has no block 4 yet"):
        await source.block(pair.asked.ref)


async def test_a_hanging_node_is_not_waited_for_when_there_is_another(
    pair: Pair, read: Read
) -> None:
    source = read(pair.liar, pair.truthful, timeout=30, patience=1.0)
    await pair.follow_the_liar(source)
    pair.liar.inject(lies.hang(), method=BLOCK)
    began = time.monotonic()
    assert await source.block(pair.asked.ref) == pair.asked.expected()
    assert time.monotonic() - began < 20
    assert pair.faults(source) == {"late": 1}
    # and it is the second choice from then on
    asked = pair.liar.calls[BLOCK]
    assert await source.block(pair.asked.ref) == pair.asked.expected()
    assert pair.liar.calls[BLOCK] == asked


async def test_heads_do_not_wait_for_a_hanging_node(pair: Pair, read: Read) -> None:
    pair.liar.inject(lies.hang())
    source = read(pair.liar, pair.truthful, timeout=60)
    assert await source.head() == pair.truthful.head.ref
    # half a second was given to it once, not at every look
    began = time.monotonic()
    for _ in range(20):
        assert await source.head() == pair.truthful.head.ref
    assert time.monotonic() - began < 8
    assert pair.liar.requests <= 2, "and it is not asked again while it hangs"


async def test_a_node_that_limits_is_left_alone_for_as_long_as_it_says(
    pair: Pair, read: Read
) -> None:
    source = read(pair.liar, pair.truthful)
    await pair.follow_the_liar(source)
    pair.liar.inject(lies.too_many("60"), count=1)
    assert await source.block(pair.asked.ref) == pair.asked.expected()
    before = pair.liar.requests
    for _ in range(5):
        await source.head()
        await source.block(pair.asked.ref)
    assert pair.liar.requests == before
    (health,) = [one for one in source.health().nodes if one.name == pair.liar.name]
    assert health.state == "paused" and "wants no request for" in health.why
    assert health.rate is not None
    # alone it is waited for only shortly
    alone = read(pair.liar)
    pair.liar.repent()
    pair.liar.inject(lies.too_many("60"))
    with pytest.raises(NodesFailedError, match="too many requests"):
        await alone.head()
    with pytest.raises(NodesFailedError, match="wants no request for 60 s"):
        await alone.head()


async def test_a_short_limit_is_waited_for(pair: Pair, read: Read) -> None:
    source = read(pair.liar)
    await source.head()
    pair.liar.inject(lies.too_many("1"), count=1)
    with pytest.raises(NodesFailedError):
        await source.block(pair.asked.ref)
    assert await source.block(pair.asked.ref) == pair.asked.expected()


async def test_a_backfill_waits_for_the_only_node_s_limit(pair: Pair, read: Read) -> None:
    source = read(pair.liar)
    await source.head()
    pair.liar.inject(lies.too_many("1"), method=BLOCK_AT, count=2)
    expected = [block.expected() for block in pair.chain.line()]
    assert await collect(source, range(7)) == expected


async def test_a_node_that_fails_again_and_again_is_left_alone_and_taken_back(
    pair: Pair, read: Read
) -> None:
    now = [time.monotonic()]
    chain = read(pair.liar).chain
    source = Nodes(chain, [pair.liar.url, pair.truthful.url], clock=lambda: now[0])
    try:
        await pair.follow_the_liar(source)
        pair.liar.inject(lies.status(500))
        for _ in range(3):
            now[0] += 3_600  # its faults are forgotten, so that it is asked again
            await source.block(pair.asked.ref)
        (health,) = [one for one in source.health().nodes if one.name == pair.liar.name]
        assert health.state == "resting" and 0 < health.resting <= 0.5
        assert "HTTP status 500" in health.why
        before = pair.liar.requests
        await source.block(pair.asked.ref)
        await source.head()
        assert pair.liar.requests == before
        # each rest is twice as long, up to half a minute
        rests = []
        for at in range(9):
            now[0] += 40
            await source.head()
            # the head does not wait for it, but its fault comes
            while pair.faults(source)["http_status"] < 4 + at:
                await asyncio.sleep(0.01)
            rests.append(
                next(one.resting for one in source.health().nodes if one.name == pair.liar.name)
            )
        assert rests[:4] == [1, 2, 4, 8] and max(rests) == 30
        pair.liar.repent()
        now[0] += 40
        await pair.follow_the_liar(source)
        assert all(one.state == "asked" for one in source.health().nodes)
    finally:
        await source.aclose()


async def test_the_only_node_comes_back(pair: Pair, read: Read) -> None:
    source = read(pair.liar)
    await source.head()
    await pair.liar.stop()
    for _ in range(3):
        with pytest.raises(NodesFailedError, match="the connection was refused"):
            await source.head()
    await pair.liar.start()
    assert await source.head() == pair.liar.head.ref
    assert await source.block(pair.asked.ref) == pair.asked.expected()
