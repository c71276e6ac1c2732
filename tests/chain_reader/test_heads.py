"""Whose head is followed: the highest that leads to what is known; laggards and forks wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest

from donablock.chain.blocks import BlockRef
from donablock.chain.chains import chain_of
from donablock.chain.faults import Fault, NodesFailedError, RateFault
from donablock.chain.heads import Heads
from donablock.chain.nodes import Nodes
from donablock.chain.window import Window, are_linked
from tests.chain_reader import lies
from tests.chain_reader.conftest import CHARITY, DONOR, PROVED
from tests.chain_reader.fake_chain import FakeBlock, FakeChain, payment
from tests.chain_reader.fake_node import FakeNode

pytestmark = pytest.mark.asyncio

Read = Callable[..., Nodes]
AT, BY_HASH = "eth_getBlockByNumber", "eth_getBlockByHash"


def states(source: Nodes) -> dict[str, str]:
    return {node.name: node.state for node in source.health().nodes}


async def settled(source: Nodes, head: FakeBlock, tries: int = 50) -> BlockRef:
    """Until this head is followed: on a busy machine a node may answer too late for one look."""
    for _ in range(tries):
        if await source.head() == head.ref:
            break
    return await source.head()


async def test_the_highest_head_is_followed(chain: FakeChain, read: Read) -> None:
    chain.extend(10)
    async with (
        FakeNode(chain, lag=2) as slow,
        FakeNode(chain) as quick,
        FakeNode(chain, lag=1) as mid,
    ):
        source = read(slow, quick, mid)
        assert await settled(source, chain.head) == chain.head.ref
        assert set(states(source).values()) == {"asked"}
        lags = {node.name: node.lag for node in source.health().nodes}
        assert lags == {slow.name: 2, mid.name: 1, quick.name: 0}


async def test_a_node_too_far_behind_is_passed_over_until_it_has_caught_up(
    chain: FakeChain, read: Read
) -> None:
    chain.extend(10)
    async with FakeNode(chain, lag=5) as slow, FakeNode(chain) as quick:
        source = read(slow, quick)
        await settled(source, chain.head)
        assert states(source) == {slow.name: "lagging", quick.name: "asked"}
        (why,) = [node.why for node in source.health().nodes if node.name == slow.name]
        assert why == "is 5 blocks behind"
        before = slow.calls[BY_HASH]
        for block in chain.line():
            assert await source.block(block.ref) == block.expected()
        assert slow.calls[BY_HASH] == before
        slow.lag = 0
        await source.head()
        assert set(states(source).values()) == {"asked"}


async def test_a_laggard_is_better_than_nobody(chain: FakeChain, read: Read) -> None:
    chain.extend(10)
    async with FakeNode(chain, lag=5) as slow, FakeNode(chain) as quick:
        source = read(slow, quick)
        await settled(source, chain.head)
        await quick.stop()
        for _ in range(3):
            await source.head()
        assert await source.head() == slow.head.ref
        assert await source.block(chain.genesis.ref) == chain.genesis.expected()


async def test_a_head_that_lies_far_above_everything_is_not_followed(
    chain: FakeChain, read: Read
) -> None:
    chain.extend(100)
    made_up = FakeChain(start=7)
    made_up.extend(40)
    far = made_up.head.as_answer(is_full=False) | {"number": hex(10**6)}
    for told in (far, made_up.head.as_answer(is_full=False) | {"number": hex(150)}):
        async with FakeNode(chain) as liar, FakeNode(chain) as truthful:
            source = read(liar, truthful)
            await source.head()
            liar.inject(lies.instead(told), method=AT)
            assert await source.head() == chain.head.ref
            assert states(source)[truthful.name] == "asked"


async def test_a_linked_branch_made_up_above_the_head_is_not_followed_by_one_against_two(
    chain: FakeChain, read: Read
) -> None:
    chain.extend(50)
    truth = chain.head
    fork = chain.fork(chain.at(40) or truth, *[()] * 20)
    async with FakeNode(chain, head=fork) as liar, FakeNode(chain) as one, FakeNode(chain) as two:
        source = read(liar, one, two)
        for _ in range(3):
            assert await source.head() == truth.ref
        assert states(source)[liar.name] == "forked"
        (why,) = [node.why for node in source.health().nodes if node.name == liar.name]
        assert f"says that block {fork.number} is {fork.hash}, alone" in why
        # nor is it asked what is canonical
        source_ref = await source.ref(45)
        assert source_ref is not None and source_ref.hash == (chain.at(45) or truth).hash
        # until a second node agrees
        one.head = fork
        assert await settled(source, fork) == fork.ref


async def test_a_head_far_above_two_others_is_not_followed_even_if_it_agrees_with_them(
    chain: FakeChain, read: Read
) -> None:
    chain.extend(300)
    async with (
        FakeNode(chain) as alone,
        FakeNode(chain, lag=200) as one,
        FakeNode(chain, lag=201) as two,
    ):
        source = read(alone, one, two)
        assert await settled(source, one.head) == one.head.ref
        assert await source.head() == one.head.ref
        assert states(source) == {alone.name: "forked", one.name: "asked", two.name: "asked"}
        (why,) = [node.why for node in source.health().nodes if node.name == alone.name]
        assert why == "is 200 blocks above most others"
        # until another one is there too
        two.lag = 0
        assert await settled(source, chain.head) == chain.head.ref


async def test_what_one_node_makes_up_above_the_others_is_given_up_when_they_go_on(
    chain: FakeChain, read: Read
) -> None:
    twelve = PROVED.model_copy(update={"confirmations": 12})
    chain.extend(50)
    tip = chain.head
    async with FakeNode(chain) as liar, FakeNode(chain) as one, FakeNode(chain) as two:
        source = read(liar, one, two, chain=twelve)
        # a few blocks above the others may be news
        liar.head = chain.fork(tip, *[()] * 5)
        assert await settled(source, liar.head) == liar.head.ref
        for _ in range(3):
            chain.extend(1)
            liar.head = chain.fork(liar.head, ())
            assert await settled(source, chain.head) == chain.head.ref
            assert states(source)[liar.name] == "forked"
            assert states(source)[one.name] == states(source)[two.name] == "asked"
        # nor can it add what would confirm its own blocks to us before anybody objects
        tip, liar.head = chain.head, chain.fork(chain.head, *[()] * 12)
        for _ in range(3):
            assert await source.head() == tip.ref
        liar.head = chain.fork(tip, *[()] * 11)
        assert await settled(source, liar.head) == liar.head.ref


async def test_a_laggard_below_a_dispute_is_no_witness_in_it(chain: FakeChain, read: Read) -> None:
    """It has the blocks that both branches have, and no other."""
    chain.extend(50)
    truth = chain.head
    fork = chain.fork(chain.at(truth.number - 2) or truth, *[()] * 3)
    async with (
        FakeNode(chain, head=fork) as liar,
        FakeNode(chain) as one,
        FakeNode(chain) as two,
        FakeNode(chain, lag=10) as behind,
    ):
        source = read(liar, one, two, behind)
        # with an empty window, with the truth in it, and as both go on
        for _ in range(3):
            assert await settled(source, chain.head) == chain.head.ref
            assert await source.head() == chain.head.ref
            assert states(source)[liar.name] == "forked"
            chain.extend(1)
            liar.head = chain.fork(liar.head, ())


class Told:
    """What `Heads` asks of a peer. silent: it tells of its head, and of no other block."""

    def __init__(self, name: str, line: dict[int, BlockRef], *, silent: bool = False) -> None:
        self.name, self.line, self.silent = name, line, silent
        self.head: BlockRef | None = None

    async def latest(self) -> BlockRef:
        self.head = self.line[max(self.line)]
        return self.head

    async def refs(self, numbers: Iterable[int]) -> list[BlockRef | Fault | None]:
        return [RateFault("no") if self.silent else self.line.get(number) for number in numbers]


def line_of(name: str, last: int, on: dict[int, BlockRef] | None = None) -> dict[int, BlockRef]:
    line = dict(on or {0: BlockRef(0, "root", "", 0)})
    for number in range(max(line) + 1, last + 1):
        line[number] = BlockRef(number, f"{name}{number}", line[number - 1].hash, number)
    return line


@pytest.mark.parametrize("ahead", [1, 5, 60, 1_000])
async def test_a_refused_head_is_not_taken_because_others_cannot_be_asked(ahead: int) -> None:
    """Two tell of new heads and answer nothing else for a moment; the third was refused."""
    before = line_of("t", 170)
    truth = line_of("t", 172, before)
    other = line_of("x", 172 + ahead, line_of("t", 168))
    heads = Heads(chain_of(1), grace=0.05)
    first = [Told(name, before) for name in ("a", "b", "c")]
    assert (await heads.choose(cast(Any, first))).hash == "t170"
    asked = [Told("a", other), Told("b", truth, silent=True), Told("c", truth, silent=True)]
    with pytest.raises(NodesFailedError):
        await heads.choose(cast(Any, asked))
    assert heads.window.tip == before[170]
    asked[2].silent = False
    assert (await heads.choose(cast(Any, asked))).hash == "t172"


async def test_of_two_nodes_on_two_branches_the_higher_one_is_followed(
    chain: FakeChain, read: Read
) -> None:
    chain.extend(50)
    old = chain.head
    fork = chain.fork(chain.at(48) or old, *[()] * 8)
    async with FakeNode(chain, head=old) as one, FakeNode(chain, head=old) as two:
        source = read(one, two)
        assert await source.head() == old.ref
        two.head = fork
        assert await settled(source, fork) == fork.ref
        assert states(source)[one.name] in {"forked", "lagging"}
        assert await source.ref(49) == (chain.at(49, fork) or old).ref
    # and from the beginning too
    async with FakeNode(chain, head=old) as one, FakeNode(chain, head=fork) as two:
        assert await settled(read(one, two), fork) == fork.ref


@pytest.mark.parametrize("depth", [1, 2, 31, 32, 64, 200, 255])
async def test_a_reorganisation_is_followed_and_shown_from_the_fork_on(
    chain: FakeChain, read: Read, depth: int
) -> None:
    async with FakeNode(chain) as one, FakeNode(chain) as two:
        source = read(one, two)
        # the window fills while the chain is followed
        for _ in range(10):
            chain.extend(30)
            await source.head()
        assert await settled(source, chain.head) == chain.head.ref
        chain.reorganise(depth)
        assert await settled(source, chain.head) == chain.head.ref
        for number in range(chain.head.number - depth - 2, chain.head.number + 1):
            block = chain.at(number)
            assert block is not None and await source.ref(number) == block.ref


async def test_a_reorganisation_to_a_chain_of_the_same_height(
    node: FakeNode, chain: FakeChain, read: Read
) -> None:
    source = read(node)
    old = await source.head()
    chain.reorganise(1, [payment(DONOR, CHARITY, 1)])
    new = await source.head()
    assert new.number == old.number and new.hash != old.hash
    assert await source.ref(new.number) == new


async def test_a_chain_that_became_shorter(node: FakeNode, chain: FakeChain, read: Read) -> None:
    chain.extend(20)
    source = read(node)
    await source.head()
    node.head = chain.at(15)
    assert (await source.head()).number == 15
    assert await source.ref(16) is None and await source.ref(15) == node.head.ref


async def test_a_chain_that_began_anew_is_shown_as_it_is(
    node: FakeNode, chain: FakeChain, read: Read
) -> None:
    chain.extend(300)
    source = read(node)
    await source.head()
    other = FakeChain(start=5)
    other.extend(400)
    node.chain = other
    assert await source.head() == other.head.ref
    found = await source.ref(380)
    assert found is not None and found.hash == (other.at(380) or other.head).hash
    assert await source.block(other.head.ref) == other.head.expected()


async def test_one_at_the_tip_and_one_that_still_catches_up(chain: FakeChain, read: Read) -> None:
    chain.extend(500)
    async with FakeNode(chain, lag=400) as behind, FakeNode(chain) as ahead:
        source = read(behind, ahead)
        assert await settled(source, chain.head) == chain.head.ref
        assert states(source) == {behind.name: "lagging", ahead.name: "asked"}


async def test_a_long_pause_between_two_looks(node: FakeNode, chain: FakeChain, read: Read) -> None:
    source = read(node)
    await source.head()
    chain.extend(2_000)
    before = node.calls[AT]
    assert await source.head() == chain.head.ref
    assert node.calls[AT] - before < 50, "the way in between is not walked"
    assert await source.ref(1_000) == (chain.at(1_000) or chain.head).ref


async def test_what_came_between_two_looks_is_asked_for_once(
    node: FakeNode, chain: FakeChain, read: Read
) -> None:
    source = read(node)
    chain.extend(60)
    await source.head()
    before = node.calls[AT]
    chain.extend(5)
    await source.head()
    assert node.calls[AT] - before == 5, "the head, and the four below it"
    before = node.calls[AT]
    chain.extend(1)
    await source.head()
    await source.head()
    assert node.calls[AT] - before == 2


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        (lies.header_field("hash", "0x" + "77" * 32), "header_hash"),
        (lies.header_field("parentHash", "0x" + "77" * 32), "header_hash"),
        (lies.header_field("number", "0x1"), "header_hash"),
        (lies.null(), "lag"),
        (lies.html(), "html"),
        (lies.too_many("1"), "rate_limit"),
        (lies.status(500), "http_status"),
        (lies.hang(), "timeout"),
        (lies.redirect("http://127.0.0.1:1/"), "redirect"),
        (lies.instead([]), "garbage"),
        (lies.wrong_ids(), "mixed_up"),
    ],
    ids=str,
)
async def test_a_node_that_lies_about_its_head_is_passed_over(
    chain: FakeChain, read: Read, lie: lies.Lie, kind: str
) -> None:
    async with FakeNode(chain) as liar, FakeNode(chain, lag=1) as truthful:
        limit = 3.0 if kind == "timeout" else 30.0
        source = read(liar, truthful, timeout=limit)
        liar.inject(lie, method=AT)
        assert await source.head() == truthful.head.ref
        if kind == "timeout":
            await asyncio.sleep(limit + 0.2)
        faults = {node.name: node.faults for node in source.health().nodes}
        assert set(faults[liar.name]) == {kind} and faults[truthful.name] == {}
        with pytest.raises(NodesFailedError, match=f"the head of local: {liar.name}: "):
            await read(liar, timeout=limit).head()


async def test_a_head_whose_parents_are_not_its_own_is_passed_over(
    chain: FakeChain, read: Read
) -> None:
    """Each header is right in itself, but one of them is of another branch."""
    chain.extend(20)
    replaced = chain.at(18) or chain.head
    chain.reorganise(10)

    def mixed(result: Any) -> Any:
        is_it = result is not None and int(result["number"], 16) == replaced.number
        return replaced.as_answer(is_full=False) if is_it else result

    async with FakeNode(chain) as liar, FakeNode(chain, lag=1) as truthful:
        source = read(liar, truthful)
        liar.inject(lies.Lie("mixed branches", answer=mixed), method=AT)
        for _ in range(50):
            assert await source.head() == truthful.head.ref
            (faults,) = [node.faults for node in source.health().nodes if node.name == liar.name]
            if faults:
                break
        assert set(faults) == {"wrong_parent"}
        with pytest.raises(NodesFailedError, match="the blocks below 24 are not its parents"):
            await read(liar).head()


async def test_all_heads_wrong_names_each_node(chain: FakeChain, read: Read) -> None:
    async with FakeNode(chain) as one, FakeNode(chain) as two:
        one.inject(lies.html())
        two.inject(lies.status(502))
        source = read(one, two)
        with pytest.raises(NodesFailedError) as failed:
            await source.head()
        message = str(failed.value)
        assert f"{one.name}: a web page" in message
        assert f"{two.name}: HTTP status 502" in message
        health = source.health()
        assert not health.is_ready and health.why == "no node has told of a head yet"


async def test_health_tells_when_no_head_has_been_seen_for_long(
    node: FakeNode, chain: FakeChain
) -> None:
    now = [time.monotonic()]
    async with Nodes(chain_of(31337), [node.url], clock=lambda: now[0]) as source:
        await source.head()
        assert source.health().is_ready
        now[0] += 100
        health = source.health()
        assert not health.is_ready and health.why == "no node has told of a head for 100 s"
        assert health.head == chain.head.number and health.seen == 100


async def test_health_tells_why_no_node_is_asked(node: FakeNode, read: Read) -> None:
    source = read(node)
    await source.head()
    node.inject(lies.status(500))
    for _ in range(3):
        with pytest.raises(NodesFailedError, match="HTTP status 500"):
            await source.head()
    health = source.health()
    assert not health.is_ready
    assert health.why.startswith(f"{node.name} is resting (is left alone for 0.")
    assert health.why.endswith("after: HTTP status 500)")


# --- the window ---------------------------------------------------------------------------------


def refs(chain: FakeChain, head: FakeBlock, start: int) -> list[BlockRef]:
    return [block.ref for block in chain.line(head) if block.number >= start]


async def test_the_window_has_no_gap_and_no_end() -> None:
    chain = FakeChain()
    window = Window(size=10)
    for _ in range(5):
        chain.extend(4)
        window.take(refs(chain, chain.head, chain.head.number - 3))
    assert window.tip == chain.head.ref
    assert [window.at(number) is not None for number in range(21)] == [False] * 11 + [True] * 10
    chain.extend(5)
    window.take([chain.head.ref])
    assert [window.at(number) is not None for number in range(15, 26)] == [False] * 10 + [True]


async def test_the_window_takes_a_fork_over_and_forgets_what_was_above() -> None:
    chain = FakeChain()
    chain.extend(10)
    window = Window()
    window.take(refs(chain, chain.head, 0))
    old = chain.head
    fork = chain.fork(chain.at(5) or old, (), ())
    window.take(refs(chain, fork, 6))
    assert window.tip == fork.ref and window.at(8) is None
    assert window.at(5) == (chain.at(5) or old).ref
    window.take([(chain.at(3) or old).ref])
    assert window.at(4) is None and window.at(2) is not None


async def test_a_line_with_a_gap_is_no_line() -> None:
    chain = FakeChain()
    chain.extend(3)
    line = refs(chain, chain.head, 0)
    assert are_linked(line) and are_linked(line[:1]) and are_linked([])
    assert not are_linked([line[0], line[2]]) and not are_linked(line[::-1])
    for wrong in ([], [line[0], line[2]]):
        with pytest.raises(ValueError, match="not linked"):
            Window().take(wrong)
