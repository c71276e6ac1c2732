"""A source of blocks on truthful nodes: head, references, whole blocks, many blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from donablock.chain.blocks import Block
from donablock.chain.chains import Chain, chain_of
from donablock.chain.faults import NodesFailedError
from donablock.chain.nodes import Nodes
from donablock.chain.source import BlockSource
from donablock.errors import BlockGoneError, InputError
from tests.chain_reader.fake_chain import (
    FakeChain,
    FakeLog,
    FakeTransaction,
    address,
    payment,
    word,
)
from tests.chain_reader.fake_node import METHODS, FakeNode

pytestmark = pytest.mark.asyncio

Read = Callable[..., Nodes]


async def collect(source: BlockSource, numbers: range) -> list[Block]:
    return [block async for block in source.blocks(numbers)]


async def test_it_is_a_source_of_blocks(node: FakeNode, read: Read, chain: FakeChain) -> None:
    source: BlockSource = read(node)
    assert source.chain_id == 31337
    assert await source.head() == chain.head.ref
    for block in chain.line():
        assert await source.ref(block.number) == block.ref
        assert await source.ref_by_hash(block.hash) == block.ref
        assert await source.block(block.ref) == block.expected()
        assert await source.block(block.hash) == block.expected()
    assert await collect(source, range(4)) == [block.expected() for block in chain.line()]
    assert await source.ref(4) is None
    assert await source.ref_by_hash("0x" + "ab" * 32) is None


async def test_contracts_that_are_made_and_transactions_that_fail(
    node: FakeNode, read: Read, chain: FakeChain
) -> None:
    made = FakeTransaction(to=None, input="0x60006000f3")
    failed = FakeTransaction(to=None, is_success=False)
    block = chain.mine(made, failed, payment(address("a"), address("b"), 2**255))
    found = await read(node).block(block.ref)
    assert [one.created for one in found.transactions] == [made.created, None, None]
    assert [one.to for one in found.transactions] == [None, None, address("b")]
    assert [one.is_success for one in found.transactions] == [True, False, True]
    assert found.transactions[2].amount == 2**255
    assert found == block.expected()


async def test_logs_are_numbered_through_the_block(
    node: FakeNode, read: Read, chain: FakeChain
) -> None:
    logs = tuple(FakeLog(address("t"), (word(at),) * (at % 5), "0x" + "ab" * at) for at in range(9))
    block = chain.mine(
        *(FakeTransaction(logs=some, type=at) for at, some in enumerate((logs[:4], (), logs[4:])))
    )
    found = await read(node).block(block.ref)
    assert [log.index for one in found.transactions for log in one.logs] == list(range(9))
    assert found == block.expected()


@pytest.mark.parametrize("is_proved", [True, False])
async def test_receipts_one_by_one_where_a_node_has_no_lists_of_them(
    chain: FakeChain, read: Read, unproved: Chain, is_proved: bool
) -> None:
    methods = [method for method in METHODS if method != "eth_getBlockReceipts"]
    async with FakeNode(chain, methods=methods) as node:
        source = read(node, chain=None if is_proved else unproved)
        await source.head()
        assert source.health().nodes[0].has_block_receipts is False
        for block in chain.line():
            assert await source.block(block.ref) == block.expected()
        assert await collect(source, range(4)) == [one.expected() for one in chain.line()]
        assert node.calls["eth_getBlockReceipts"] == 1, "tried once"
        assert node.calls["eth_getTransactionReceipt"] == 8
        assert node.batches[-3:].count(2) >= 2, "in batches: two blocks, then their receipts"


async def test_a_node_that_loses_the_method_is_asked_one_by_one_from_then_on(
    node: FakeNode, chain: FakeChain, read: Read
) -> None:
    source = read(node)
    head = await source.head()
    assert source.health().nodes[0].has_block_receipts is True
    node.methods.remove("eth_getBlockReceipts")
    first = chain.at(1)
    assert first is not None
    assert await source.block(first.ref) == first.expected()
    assert await source.block(head) == chain.head.expected()
    assert node.calls["eth_getTransactionReceipt"] == 2


async def test_empty_blocks_are_read_without_asking_for_receipts(
    node: FakeNode, chain: FakeChain, read: Read
) -> None:
    chain.extend(30)
    assert len(await collect(read(node), range(10, 34))) == 24
    assert node.calls["eth_getBlockReceipts"] == 0


async def test_many_blocks_come_in_order_over_several_nodes(chain: FakeChain, read: Read) -> None:
    for at in range(120):
        chain.mine(payment(address("a"), address("b"), at))
    async with (
        FakeNode(chain, latency=0.02) as one,
        FakeNode(chain) as two,
        FakeNode(chain, max_batch=3) as three,
    ):
        source = read(one, two, three)
        await source.head()
        found = await collect(source, range(124))
        assert found == [block.expected() for block in chain.line()]
        # one is for the probe
        assert all(node.calls["eth_getBlockReceipts"] > 1 for node in (one, two, three))


async def test_no_blocks_at_all(node: FakeNode, read: Read) -> None:
    assert await collect(read(node), range(3, 3)) == []
    assert node.requests == 0


async def test_blocks_are_read_one_after_another_only(node: FakeNode, read: Read) -> None:
    with pytest.raises(InputError, match="step 1"):
        await collect(read(node), range(0, 4, 2))


async def test_not_all_of_a_range_is_fetched_before_the_first_is_taken(
    node: FakeNode, chain: FakeChain, read: Read
) -> None:
    for _ in range(600):
        chain.mine(FakeTransaction(input="0x" + "ab" * 50_000))
    source = read(node)
    await source.head()
    reading = source.blocks(range(604))
    async for block in reading:
        if block.number == 20:
            break
    await asyncio.sleep(0.2)
    # a part is at most 4 MiB, here about forty blocks, and eight are under way
    assert node.calls["eth_getBlockByNumber"] < 400
    before = node.calls["eth_getBlockByNumber"]
    await reading.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0.1)
    assert node.calls["eth_getBlockByNumber"] == before, "nothing goes on behind one's back"


async def test_a_range_beyond_the_head_is_refused_when_it_is_reached(
    node: FakeNode, read: Read
) -> None:
    found = []
    with pytest.raises(NodesFailedError, match="no node gave block 4: .*has no block 4 yet"):
        async for block in read(node).blocks(range(6)):
            found.append(block)
    assert len(found) <= 4


async def test_a_block_that_was_replaced_can_still_be_read_by_hash(
    node: FakeNode, read: Read, chain: FakeChain
) -> None:
    source = read(node)
    old = chain.head
    chain.reorganise(2)
    assert (await source.head()).number == 4
    assert await source.ref(3) != old.ref
    assert await source.block(old.ref) == old.expected()


async def test_a_block_that_nobody_knows_any_more_is_gone(
    node: FakeNode, read: Read, chain: FakeChain
) -> None:
    old = chain.head
    source = read(node)
    await source.head()
    chain.reorganise(2)
    node.forgotten.add(old.hash)
    with pytest.raises(BlockGoneError, match="no node knows block") as gone:
        await source.block(old.ref)
    assert gone.value.hash == old.hash
    with pytest.raises(BlockGoneError):
        await source.block(old.hash)
    assert await source.ref_by_hash(old.hash) is None


async def test_the_chain_is_replaced_while_it_is_read(
    node: FakeNode, read: Read, chain: FakeChain
) -> None:
    chain.extend(60)
    old = chain.head
    source = read(node)
    taken: list[Block] = []
    with pytest.raises(BlockGoneError, match="was replaced while") as gone:
        async for block in source.blocks(range(64)):
            taken.append(block)
            if block.number == 1:
                chain.head = chain.fork(chain.genesis, *[()] * 70)
    assert gone.value.hash == taken[-1].hash
    assert taken == [block.expected() for block in list(chain.line(old))[: len(taken)]], (
        "what was given before is one chain"
    )


async def test_references_come_from_one_look_at_the_head(
    node: FakeNode, read: Read, chain: FakeChain
) -> None:
    chain.extend(40)
    source = read(node)
    await source.head()
    before = node.requests
    for number in range(20, 44):
        block = chain.at(number)
        assert block is not None and await source.ref(number) == block.ref
    assert await source.ref(44) is None
    assert node.requests == before
    # further down the node is asked
    assert await source.ref(1) is not None
    assert node.requests == before + 1


async def test_what_the_last_look_told_is_not_believed_for_long(
    node: FakeNode, chain: FakeChain
) -> None:
    now = [0.0]
    source = Nodes(chain_of(31337), [node.url], clock=lambda: now[0])
    await source.head()
    chain.reorganise(2)
    now[0] += 60
    found = await source.ref(3)
    assert chain.at(3) is not None and found == chain.at(3).ref  # type: ignore[union-attr]
    await source.aclose()


async def test_health_in_plain_numbers(node: FakeNode, read: Read, chain: FakeChain) -> None:
    source = read(node)
    before = source.health()
    assert not before.is_ready and before.why == "no node has told of a head yet"
    assert before.head is None and before.seen is None
    assert before.nodes[0].state == "unknown" and before.nodes[0].head is None
    await source.head()
    await source.block(chain.head.hash)
    health = source.health()
    assert health.is_ready and health.why == ""
    assert (health.chain_id, health.name) == (31337, "local")
    assert (health.head, health.timestamp) == (3, chain.head.timestamp)
    assert health.seen is not None and health.seen < 5
    (one,) = health.nodes
    assert (one.name, one.state, one.why, one.lag, one.head) == (node.name, "asked", "", 0, 3)
    assert one.requests == node.requests and one.questions >= one.requests
    assert one.latency is not None and one.received > 0 and one.faults == {}
    assert one.rate is None and one.resting == 0 and one.has_block_receipts is True


async def test_a_source_without_a_node_is_refused() -> None:
    with pytest.raises(InputError, match=r"chain 31337 \(local\) has no node"):
        Nodes(chain_of(31337), [])


async def test_many_readers_at_once(node: FakeNode, read: Read, chain: FakeChain) -> None:
    chain.extend(20)
    source = read(node)
    heads = await asyncio.gather(*(source.head() for _ in range(10)))
    assert {head.hash for head in heads} == {chain.head.hash}
    blocks = await asyncio.gather(*(source.block(block.ref) for block in chain.line()))
    assert list(blocks) == [block.expected() for block in chain.line()]
