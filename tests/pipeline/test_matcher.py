"""The matcher: what monitors look for, once, confirmed when deep enough, retracted when it went."""

from __future__ import annotations

import random
from itertools import pairwise

import msgspec
import pytest
import pytest_asyncio

from donablock.errors import StreamError
from donablock.monitors import matcher as matcher_module
from donablock.monitors.ids import match_id
from donablock.monitors.matcher import Matcher
from donablock.monitors.worker import Worker
from donablock.store.stream import OutboxStream
from tests.pipeline import orders
from tests.pipeline.model import ANNA, BEN, CARA, WATCHED, Model, Script, check, transfer
from tests.pipeline.scripted_chain import ScriptedChain
from tests.pipeline.stages import Facts

pytestmark = pytest.mark.asyncio

CONFIRMATIONS = Facts().confirmations


class Line:
    """A chain, its worker and its matcher."""

    def __init__(self, database, chain):
        self.database, self.chain = database, chain
        self.worker = Worker(database, chain, Facts(), start=0)
        self.matcher = self.new_matcher()

    def new_matcher(self):
        return Matcher(self.database, OutboxStream(self.database), Facts())

    async def follow(self):
        while await self.worker.step():
            pass

    async def match(self, limit=100):
        while await self.matcher.step(limit):
            pass

    async def rest(self, limit=100):
        await self.follow()
        await self.match(limit)

    async def said(self):
        """(type, event, generation) of every delivery, in order."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT id, type FROM deliveries ORDER BY sequence")
        return [(row["type"].removeprefix("event."), row["id"]) for row in rows]

    async def rows(self, what, table="matches", order="block_number, log_index"):
        async with self.database.connection() as connection:
            return await connection.fetch(f"SELECT {what} FROM {table} ORDER BY {order}")


@pytest_asyncio.fixture
async def line(database):
    line = Line(database, ScriptedChain())
    await orders.project(database)
    await line.worker.take_over()
    return line


def event(block, transaction, monitor, address, direction):
    id = match_id(31337, block.hash, transaction.hash, 0, monitor, address, direction)
    return "evt_" + id.hex()


async def test_a_transfer_is_detected_and_then_confirmed(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await line.rest()
    paid = transfer(BEN, ANNA, 5)
    block = line.chain.append([paid])
    await line.rest()
    id = event(block, paid, "mo_anna", ANNA, "in")
    assert await line.said() == [("detected", id + "_d1")]
    line.chain.grow(CONFIRMATIONS - 1)
    await line.rest()
    assert len(await line.said()) == 1
    line.chain.grow(1)
    await line.rest()
    assert await line.said() == [("detected", id + "_d1"), ("confirmed", id + "_c1")]
    (row,) = await line.rows("*")
    assert (row["state"], row["generation"], row["block_number"]) == (2, 1, block.number)
    payload = msgspec.json.decode(row["payload"])
    assert (payload["tokenValue"], payload["type"], payload["chain"]) == ("5", "in", "local")


async def test_what_was_taken_back_is_retracted(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await line.rest()
    paid = transfer(BEN, ANNA, 5)
    block = line.chain.append([paid])
    await line.rest()
    line.chain.reorganise(1, 2)
    await line.rest()
    id = event(block, paid, "mo_anna", ANNA, "in")
    assert await line.said() == [("detected", id + "_d1"), ("retracted", id + "_r1")]
    line.chain.grow(5)
    await line.rest()
    assert len(await line.said()) == 2


async def test_the_same_transaction_in_another_block_is_another_event(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await line.rest()
    paid = transfer(BEN, ANNA, 5)
    first = line.chain.append([paid])
    await line.rest()
    line.chain.cut(1)
    second = line.chain.append([paid])
    line.chain.grow(1)
    await line.rest()
    one, two = (event(block, paid, "mo_anna", ANNA, "in") for block in (first, second))
    assert one != two
    assert await line.said() == [
        ("detected", one + "_d1"),
        ("retracted", one + "_r1"),
        ("detected", two + "_d1"),
    ]


async def test_a_block_that_comes_back_is_the_next_generation(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await line.rest()
    paid = transfer(BEN, ANNA, 5)
    block = line.chain.append([paid])
    await line.rest()
    taken = line.chain.reorganise(1, 1)
    await line.rest()
    line.chain.cut(1)
    line.chain.put_back(taken)
    line.chain.grow(CONFIRMATIONS)
    await line.rest()
    id = event(block, paid, "mo_anna", ANNA, "in")
    assert [one.removeprefix(id) for _, one in await line.said()] == ["_d1", "_r1", "_d2", "_c2"]


async def test_a_confirmed_event_that_goes_is_retracted_all_the_same(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await line.rest()
    line.chain.append([transfer(BEN, ANNA, 5)])
    line.chain.grow(CONFIRMATIONS)
    await line.rest()
    line.chain.reorganise(CONFIRMATIONS + 1, CONFIRMATIONS + 2)
    await line.rest()
    assert [kind for kind, _ in await line.said()] == ["detected", "confirmed", "retracted"]


async def test_a_monitor_is_watched_from_an_exact_block(line):
    line.chain.append([transfer(BEN, ANNA, 1)])
    await line.rest()
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    block = line.chain.append([transfer(BEN, ANNA, 2)])
    await line.rest()
    assert [row["block_number"] for row in await line.rows("block_number")] == [block.number]
    (row,) = await line.rows("active_from_block, active_from_seq", "monitors", "id")
    assert tuple(row) == (block.number, block.number + 1)
    (address,) = await line.rows("active_from_block", "monitor_addresses", "address")
    assert address["active_from_block"] == block.number


async def test_a_block_below_the_first_one_is_not_looked_at(line):
    """Though it comes later, in a reorganisation."""
    line.chain.grow(3)
    await line.rest()
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    line.chain.grow(1)
    await line.rest()
    line.chain.cut(3)
    for value in range(4):
        line.chain.append([transfer(BEN, ANNA, value + 1)])
    await line.rest()
    assert [row["block_number"] for row in await line.rows("block_number")] == [4, 5]


async def test_changes_take_part_from_the_next_block_on(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    pay = [(BEN, ANNA), (BEN, CARA)]

    async def block():
        number = len(line.chain.canonical)
        line.chain.append(
            [transfer(*parties, 7, place, number) for place, parties in enumerate(pay)]
        )
        await line.rest()
        rows = await line.rows("address, block_number")
        return {"0x" + row["address"].hex() for row in rows if row["block_number"] == number}

    assert await block() == {ANNA}
    await orders.watch(line.database, "mo_anna", [CARA])
    assert await block() == {ANNA, CARA}
    await orders.watch(line.database, "mo_anna", [ANNA], off=True)
    assert await block() == {CARA}
    await orders.change(line.database, "mo_anna", "is_enabled = false")
    assert await block() == set()
    await orders.change(line.database, "mo_anna", "is_enabled = true")
    assert await block() == {CARA}
    await orders.change(line.database, "mo_anna", "direction = 'out'")
    assert await block() == set()
    await orders.change(line.database, "mo_anna", "direction = 'in', deleted_at = now()")
    assert await block() == set()


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_monitor_made_while_blocks_go_sees_all_that_come_in_their_place(line, limit):
    line.chain.grow(5)
    await line.rest()
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    line.chain.cut(3)
    paid = transfer(BEN, ANNA, 5)
    block = line.chain.append([paid])  # lower than the first block that goes
    line.chain.grow(4)
    await line.rest(limit)
    id = event(block, paid, "mo_anna", ANNA, "in")
    assert await line.said() == [("detected", id + "_d1"), ("confirmed", id + "_c1")]
    (row,) = await line.rows("active_from_block", "monitors", "id")
    assert row["active_from_block"] == block.number


async def test_a_monitor_that_is_disabled_still_tells_what_becomes_of_its_events(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await line.rest()
    line.chain.append([transfer(BEN, ANNA, 5)])
    await line.rest()
    await orders.change(line.database, "mo_anna", "is_enabled = false")
    line.chain.reorganise(1, 2)
    await line.rest()
    assert [kind for kind, _ in await line.said()] == ["detected", "retracted"]


async def test_a_definition_that_cannot_be_read_stops_nobody_else(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await orders.monitor(line.database, "mo_bad", "erc20", [ANNA], definition={"no": "such"})
    await orders.monitor(
        line.database, "mo_worse", "erc20", [ANNA], definition={"condition": "value >"}
    )
    await line.rest()
    line.chain.append([transfer(BEN, ANNA, 5)])
    await line.rest()
    assert [row["monitor_id"] for row in await line.rows("monitor_id")] == ["mo_anna"]


async def test_without_an_endpoint_there_are_matches_and_no_messages(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA], endpoint=None)
    await line.rest()
    line.chain.append([transfer(BEN, ANNA, 5)])
    line.chain.grow(CONFIRMATIONS)
    await line.rest()
    assert [row["state"] for row in await line.rows("state")] == [2]
    assert await line.said() == []


async def test_an_ordered_endpoint_orders_by_address(line):
    await orders.project(line.database, "ep_ordered", is_ordered=True)
    await orders.monitor(line.database, "mo_all", "erc20", [ANNA, BEN], endpoint="ep_ordered")
    await line.rest()
    line.chain.append([transfer(BEN, ANNA, 5)])
    line.chain.grow(CONFIRMATIONS)
    await line.rest()
    keys = [row["order_key"].hex() for row in await line.rows("order_key", "deliveries", "id")]
    assert sorted(keys) == sorted([ANNA[2:], BEN[2:]] * 2)


async def test_a_window_fires_once_and_is_retracted_with_its_block(line):
    definition = {"window": "sum(value) over 1 hour >= 10"}
    await orders.monitor(line.database, "mo_sum", "erc20", [ANNA], definition=definition)
    await line.rest()
    line.chain.append([transfer(BEN, ANNA, 6)])
    await line.rest()
    assert await line.said() == []
    line.chain.append([transfer(BEN, ANNA, 4, salt=1)])
    line.chain.append([transfer(BEN, ANNA, 1, salt=2)])
    await line.rest()
    assert [kind for kind, _ in await line.said()] == ["detected"]
    (row,) = await line.rows("payload, log_index, block_number")
    window = msgspec.json.decode(row["payload"])["window"]
    assert (row["log_index"], row["block_number"]) == (-3, 2)
    assert (window["total"], window["totalBefore"], window["threshold"]) == ("10", "6", "10")
    line.chain.cut(2)
    line.chain.append([transfer(BEN, ANNA, 3, salt=3)])
    line.chain.append([transfer(BEN, ANNA, 1, salt=4)])
    line.chain.append()
    await line.rest()
    # 6 + 3 + 1: it came true again, one block later
    assert [kind for kind, _ in await line.said()] == ["detected", "retracted", "detected"]
    states = await line.rows("block_number, state")
    assert [tuple(row) for row in states] == [(2, 3), (3, 1)]


async def test_that_nothing_came_is_told_once(line):
    definition = {"window": "none for 1 minute"}
    await orders.monitor(line.database, "mo_none", "erc20", [ANNA], definition=definition)
    line.chain.append([transfer(BEN, ANNA, 1)])
    line.chain.grow(4)
    await line.rest()
    # blocks are 12 seconds apart: a minute after block 1 is block 6
    assert await line.said() == []
    line.chain.grow(3)
    await line.rest()
    assert [row["block_number"] for row in await line.rows("block_number")] == [6]


async def test_two_matchers_write_everything_once(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    other = line.new_matcher()
    for value in range(6):
        line.chain.append([transfer(BEN, ANNA, value)])
    await line.follow()
    await line.matcher.step(2)
    await other.step(3)
    # the first has read what the other has done meanwhile
    before = await line.matcher.register()
    read = line.matcher._stream.read

    async def late(*arguments, **options):
        messages = await read(*arguments, **options)
        await other.step(1)
        return messages

    line.matcher._stream.read = late
    with pytest.raises(StreamError, match="another matcher is at work"):
        await line.matcher.step(2)
    line.matcher._stream.read = read
    assert (await line.matcher.register()).seq == before.seq + 1
    await line.match()
    assert len(await line.said()) == 6 + 6 - CONFIRMATIONS


async def test_a_commit_whose_end_was_not_heard_counts_once(line):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await line.follow()
    run = line.database.run

    async def twice(work, **options):
        await run(work, **options)
        return await run(work, **options)

    line.database.run = twice
    for value in range(3):
        line.chain.append([transfer(BEN, ANNA, value)])
    await line.rest(1)
    line.chain.reorganise(2, 3)
    await line.rest(1)
    kinds = [kind for kind, _ in await line.said()]
    assert sorted(kinds) == ["confirmed", *["detected"] * 3, *["retracted"] * 2]


@pytest.mark.parametrize("seed", range(8))
async def test_random_chains_tell_what_a_plain_model_tells(line, seed, monkeypatch):
    """With batches of any size, and a fresh matcher now and then; from seed 6 on with more matches
    than are held in memory."""
    if seed >= 6:
        monkeypatch.setattr(matcher_module, "BATCH_MATCHES", seed - 6)
    chance = random.Random(seed)
    for id, addresses in WATCHED.items():
        await orders.monitor(line.database, id, "erc20", addresses)
    await line.rest()
    script = Script(line.chain, seed)
    model = Model(line.chain, CONFIRMATIONS)
    for _ in range(40):
        script.turn()
        await line.follow()
        model.settle()
        if chance.random() < 0.2:
            line.matcher = line.new_matcher()
        await line.match(chance.choice([1, 2, 7, 100]))
    check([id for _, id in await line.said()], model.expected)


async def test_a_batch_is_one_transaction(line, monkeypatch):
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    for value in range(5):
        line.chain.append([transfer(BEN, ANNA, value)])
    await line.follow()

    async def fails(*_):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(matcher_module.deliveries, "announce", fails)
    with pytest.raises(RuntimeError):
        await line.matcher.step()
    assert await line.rows("*") == []
    assert line.matcher.roster.index.monitors.get("mo_anna") is None
    monkeypatch.undo()
    await line.match()
    assert len(await line.rows("*")) == 5


async def test_where_much_is_found_fewer_messages_go_together(line, monkeypatch):
    monkeypatch.setattr(matcher_module, "BATCH_MATCHES", 4)
    await orders.monitor(line.database, "mo_anna", "erc20", [ANNA])
    await line.rest()
    for salt in range(200):
        line.chain.append([transfer(BEN, ANNA, 1, salt=salt)])
    line.chain.grow(300)
    await line.follow()
    positions, tip = [], line.worker.cursor.number
    while await line.matcher.step():
        positions.append((await line.matcher.register()).number)
    sizes = [after - before for before, after in pairwise(positions)]
    assert sizes[:3] == [50, 25, 12]
    assert sizes[-2] > 50, "and many again where little is found"
    assert positions[-1] == tip
    assert len(await line.rows("*")) == 200
