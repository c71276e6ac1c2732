"""A backtest says what the matcher writes, stops at its limits, and says where."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from types import SimpleNamespace

import msgspec
import pytest

from donablock.errors import BlockGoneError, ConditionError, DefinitionError, InputError, NodeError
from donablock.monitors.backtest import UNSAVED, Limits, backtest, prepared
from donablock.monitors.matcher import Matcher
from donablock.monitors.worker import Worker
from donablock.store.stream import OutboxStream
from tests.monitors.scans.watching import KINDS, Watching, grow
from tests.pipeline import orders
from tests.pipeline.model import ANNA, BEN, CARA, transfer
from tests.pipeline.scripted_chain import ScriptedChain
from tests.pipeline.stages import Facts

pytestmark = pytest.mark.asyncio

ALL = Limits(samples=100_000)


def spec(**more):
    """As registry.MonitorSpec."""
    values = {
        "category": "erc20",
        "direction": "all",
        "watches": "addresses",
        "contracts": (),
        "abi": None,
        "signature": "",
        "condition": "",
        "window": "",
        "units": {},
        "includes_failed": False,
        "events": (),
        "endpoint_id": None,
        "tags": (),
    }
    return SimpleNamespace(**values | more)


@pytest.mark.parametrize("seed", range(6))
async def test_it_finds_what_the_matcher_writes(database, seed):
    """Byte for byte, of monitors of all kinds that are there from its first block on."""
    chance = random.Random(seed)
    chain = ScriptedChain()
    first = 1 + len(grow(chain, chance, 3 * seed))
    worker = Worker(database, chain, Facts(), start=0)
    matcher = Matcher(database, OutboxStream(database), Facts())
    await worker.take_over()

    async def follow():
        while await worker.step() or await matcher.step(chance.choice([1, 5, 100])):
            pass

    await follow()
    await orders.project(database)
    for id, watching in KINDS.items():
        await watching.create(database, id)
    last = first - 1 + len(grow(chain, chance, 60))
    await follow()
    found = 0
    for id, watching in KINDS.items():
        async with database.connection() as connection:
            rows = await connection.fetch(
                "SELECT payload, address, block_number FROM matches WHERE monitor_id = $1"
                " ORDER BY block_number, transaction_index, log_index, sequence",
                id,
            )
        result = await backtest(
            chain,
            watching.monitor(id),
            watching.addresses,
            first,
            last,
            limits=ALL,
            chain=Facts().name,
        )
        assert sorted(result.samples) == sorted(row["payload"] for row in rows), id
        assert result.count == len(rows)
        assert (result.scanned, result.stopped_because) == (60, "")
        if rows:
            numbers = [row["block_number"] for row in rows]
            assert (result.first_block, result.last_block) == (min(numbers), max(numbers))
        window = watching.monitor(id).program.window
        if window is None or window.is_by_address:
            assert result.by_address == Counter("0x" + row["address"].hex() for row in rows)
        found += len(rows)
    assert found > 100


async def small(blocks=9):
    """A transfer to ANNA in each block, of its number."""
    chain = ScriptedChain()
    for number in range(1, blocks + 1):
        chain.append([transfer(BEN, ANNA, number)])
    return chain


async def test_ranges_that_are_none():
    chain = await small()
    monitor = prepared(spec())
    for first, last, message in (
        (5, 4, "blocks 5 to 4 are no range"),
        (-1, 4, "blocks -1 to 4 are no range"),
        (0, 10_000, "10,000 blocks at most; ask for 0 to 9999"),
        (0, 10, "there is no block 10 yet; the newest is 9"),
    ):
        with pytest.raises(InputError, match=message):
            await backtest(chain, monitor, [ANNA], first, last)


async def test_it_stops_after_so_many_matches_and_says_where():
    chain = await small()
    limits = Limits(matches=3, samples=2)
    result = await backtest(chain, prepared(spec()), [ANNA], 1, 9, limits=limits)
    assert (result.count, result.scanned_to, result.is_truncated) == (3, 3, True)
    assert result.stopped_because == "3 matches were found up to there"
    assert len(result.samples) == 2
    whole = await backtest(chain, prepared(spec()), [ANNA], 1, 3, limits=limits)
    assert (whole.count, whole.scanned_to, whole.is_truncated) == (3, 3, False)


async def test_it_stops_when_its_time_is_over():
    chain = await small()
    read = chain.block

    async def slowly(block):
        await asyncio.sleep(0.02)
        return await read(block)

    chain.block = slowly
    limits = Limits(seconds=0.1)
    result = await backtest(chain, prepared(spec()), [ANNA], 1, 9, limits=limits)
    assert result.stopped_because == "it took longer than 0.1 seconds"
    assert 1 <= result.scanned_to < 9
    assert result.count == result.scanned


async def test_a_node_that_lacks_a_block_leaves_what_was_found():
    chain = await small()
    read = chain.block

    async def lacks(block):
        if block.number == 5:
            raise NodeError("block 5: no node gives it")
        return await read(block)

    chain.block = lacks
    result = await backtest(chain, prepared(spec()), [ANNA], 1, 9)
    assert (result.count, result.scanned_to) == (4, 4)
    assert result.stopped_because == "block 5: no node gives it"
    with pytest.raises(NodeError):
        await backtest(chain, prepared(spec()), [ANNA], 5, 9)


async def test_a_reorganisation_meanwhile_counts_no_lost_block():
    chain = await small()
    read, told = chain.blocks, []

    async def blocks(numbers):
        async for block in read(numbers):
            if block.number == 7 and not told:
                told.append(block.hash)
                chain.reorganise(5, 5)
                raise BlockGoneError(block.hash)
            yield block

    chain.blocks = blocks
    result = await backtest(chain, prepared(spec()), [ANNA], 1, 9)
    assert (result.count, result.last_block, result.scanned_to) == (4, 4, 9)


async def test_the_addresses_with_the_most_come_first():
    chain = ScriptedChain()
    for sender, receiver in ((ANNA, BEN), (ANNA, BEN), (CARA, BEN)):
        chain.append([transfer(sender, receiver, 1)])
    everybody = prepared(spec(direction="out"))
    limits = Limits(addresses=1)
    result = await backtest(chain, everybody, [ANNA, CARA], 1, 3, limits=limits)
    assert result.by_address == {ANNA: 2}
    assert result.count == 3


async def test_what_cannot_be_judged_is_counted():
    chain = ScriptedChain()
    chain.append([transfer(BEN, ANNA, 0), transfer(BEN, ANNA, 2, 1)])
    monitor = prepared(spec(condition="10 // value == 5"))
    result = await backtest(chain, monitor, [ANNA], 1, 1)
    assert (result.count, result.undefined, result.malformed) == (1, 1, 0)


async def test_it_is_prepared_alike_of_what_is_asked_for_and_what_is_kept():
    asked = spec(
        contracts=("0x" + "70" * 20,), condition="value > 2 X", units={"X": 1}, tags=("a",)
    )
    kept = SimpleNamespace(
        id="mo_1",
        category="erc20",
        direction="all",
        definition={
            "contracts": ["0x" + "70" * 20],
            "condition": "value > 2 X",
            "units": {"X": 1},
        },
        endpoint_id="ep_1",
        tags=["a"],
    )
    one, other = prepared(asked), prepared(kept)
    assert (one.id, other.id) == (UNSAVED, "mo_1")
    assert one.definition == other.definition
    chain = ScriptedChain()
    chain.append([transfer(BEN, ANNA, 20), transfer(BEN, ANNA, 21, 1)])
    for monitor in (one, other):
        result = await backtest(chain, monitor, [ANNA], 1, 1)
        assert result.count == 1
        assert msgspec.json.decode(result.samples[0])["tags"] == ["a"]
    with pytest.raises(ConditionError):
        prepared(spec(condition="value >"))
    with pytest.raises(DefinitionError):
        prepared(spec(category="nothing"))


async def test_watching_is_found_at_all():
    """The table of kinds is what it says."""
    assert isinstance(KINDS["mo_sum"], Watching)
    assert all(one.monitor(id).program.window for id, one in KINDS.items() if "window" in one[0])
