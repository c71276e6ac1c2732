"""The worker: what the chain did, in order and without a hole, whatever happens in between."""

from __future__ import annotations

import pytest
import pytest_asyncio

from donablock.chain.blocks import decode_block, decode_ref
from donablock.errors import BlockGoneError, ChainError, HaltedError, LeadershipError, NodeError
from donablock.monitors import worker as worker_module
from donablock.monitors.worker import LATEST, Worker
from donablock.store.schema import ADDED, ORPHANED
from donablock.store.stream import read_outbox, take_lead
from tests.pipeline.scripted_chain import ScriptedChain
from tests.pipeline.stages import Facts

pytestmark = pytest.mark.asyncio


@pytest.fixture
def chain():
    chain = ScriptedChain()
    chain.grow(5)
    return chain


@pytest_asyncio.fixture
async def worker(database, chain):
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    return worker


async def settle(worker):
    """Steps until there is nothing to do."""
    steps = 0
    while await worker.step():
        steps += 1
        assert steps < 2_000, "the worker does not come to rest"
    return steps


async def told(database):
    """Every message: +hash of a block that came, -hash of one that was taken back."""
    messages = []
    async with database.connection() as connection:
        while True:
            found = await read_outbox(connection, 31337, len(messages), 500)
            if not found:
                break
            messages += found
    assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
    kinds = {ADDED: ("+", decode_block), ORPHANED: ("-", decode_ref)}
    return [
        kinds[message.kind][0] + kinds[message.kind][1](message.payload).hash
        for message in messages
    ]


async def standing(database):
    """The canonical blocks by what was told, checked to be a chain all along."""
    chain = []
    for message in await told(database):
        if message[0] == "+":
            chain.append(message[1:])
        else:
            assert chain.pop() == message[1:], "not the tip was taken back"
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT number, hash, parent FROM blocks WHERE is_canonical ORDER BY number"
        )
        cursor = await connection.fetchrow("SELECT number, hash FROM cursors")
    assert ["0x" + row["hash"].hex() for row in rows] == chain
    for before, after in zip(rows, rows[1:], strict=False):
        assert (after["number"], after["parent"]) == (before["number"] + 1, before["hash"])
    if chain:
        assert (cursor["number"], "0x" + cursor["hash"].hex()) == (rows[-1]["number"], chain[-1])
    return chain


def hashes(blocks):
    return [block.hash for block in blocks]


async def test_every_block_is_told_once_in_order(worker, chain, database):
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)
    chain.grow(2)
    assert await settle(worker) == 2
    assert await told(database) == ["+" + hash for hash in hashes(chain.canonical)]


async def test_a_message_has_the_whole_block(worker, chain, database):
    await settle(worker)
    async with database.connection() as connection:
        messages = await read_outbox(connection, 31337, 0, 100)
    assert [decode_block(message.payload) for message in messages] == chain.canonical


async def test_the_newest_block_is_where_a_chain_begins(database, chain):
    worker = Worker(database, chain, Facts(), start=LATEST)
    await worker.take_over()
    await settle(worker)
    assert await standing(database) == [chain.tip.hash]
    # later the start counts no more
    chain.grow(1)
    again = Worker(database, chain, Facts(), start=0)
    await again.take_over()
    await settle(again)
    assert await standing(database) == hashes(chain.canonical[-2:])


async def test_a_start_ahead_of_the_chain_is_refused(database, chain):
    with pytest.raises(ChainError, match="has no block 8 yet"):
        await Worker(database, chain, Facts(), start=9).take_over()


@pytest.mark.parametrize(("depth", "grow"), [(1, 1), (1, 2), (3, 1), (3, 4), (5, 5)])
async def test_a_reorganisation_takes_back_from_the_tip_down(worker, chain, database, depth, grow):
    await settle(worker)
    before = await told(database)
    lost = chain.reorganise(depth, grow)
    await settle(worker)
    after = (await told(database))[len(before) :]
    assert after == ["-" + hash for hash in reversed(hashes(lost))] + [
        "+" + hash for hash in hashes(chain.canonical[-grow:])
    ]
    assert await standing(database) == hashes(chain.canonical)


async def test_the_first_block_of_all_may_be_replaced(worker, chain, database):
    await settle(worker)
    chain.reorganise(6, 7)
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)


async def test_all_that_was_followed_may_be_replaced(database, chain):
    worker = Worker(database, chain, Facts(), start=4)
    await worker.take_over()
    await settle(worker)
    chain.reorganise(4, 5)
    await settle(worker)
    # block 2 and 3 of the new chain lie before the start, and are not told of
    assert await standing(database) == hashes(chain.canonical[4:])


async def test_a_block_that_comes_back_is_told_again(worker, chain, database):
    await settle(worker)
    lost = chain.reorganise(2, 2)
    await settle(worker)
    chain.cut(2)
    chain.put_back(lost)
    chain.grow(1)
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)
    assert (await told(database)).count("+" + lost[0].hash) == 2


async def test_a_node_that_lags_takes_nothing_back(worker, chain, database):
    await settle(worker)
    before = await told(database)
    taken = chain.cut(3)
    assert await settle(worker) == 0
    assert await told(database) == before
    chain.put_back(taken)
    assert await settle(worker) == 0
    # but another block at any height does
    chain.reorganise(3, 1)
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)


async def test_nodes_that_disagree_take_nothing_back(worker, chain, database):
    await settle(worker)
    before = await told(database)
    other = ScriptedChain()
    other.grow(4)
    other.reorganise(2, 6)
    # the head and the next block come from one node, and the way down from one that lags
    true_ref = chain.ref
    chain.head = other.head

    async def ref(number):
        if number == worker.cursor.number + 1:
            return await other.ref(number)
        return await true_ref(number) if number <= 3 else None

    chain.ref = ref
    with pytest.raises(BlockGoneError, match="nodes disagree"):
        await worker.step()
    assert await told(database) == before


async def test_nodes_that_are_down_lose_nothing(worker, chain, database):
    chain.is_down = True
    with pytest.raises(ChainError):
        await worker.step()
    assert await told(database) == []
    chain.is_down = False
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)


async def test_a_block_that_goes_while_it_is_fetched(worker, chain, database):
    block = chain.block

    async def gone(ref):
        chain.block = block
        chain.reorganise(3, 4)
        raise BlockGoneError(ref.hash)

    for _ in range(3):
        await worker.step()
    chain.block = gone
    with pytest.raises(BlockGoneError):
        await worker.step()
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)


async def test_a_block_that_stands_on_another_is_not_written(worker, chain, database):
    await settle(worker)
    before = await told(database)
    tip = chain.append()
    other = ScriptedChain()
    other.grow(6)

    other.reorganise(3, 3)

    async def block(_):
        return other.canonical[tip.number]

    chain.block = block
    with pytest.raises(BlockGoneError, match="does not follow"):
        await worker.step()
    assert await told(database) == before


async def test_far_behind_many_blocks_go_in_one_transaction(database, monkeypatch):
    monkeypatch.setattr(worker_module, "WINDOW", 20)
    chain = ScriptedChain()
    chain.grow(330)
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    assert await worker.step()
    assert worker.cursor.number == 330 - worker_module.NEAR
    async with database.connection() as connection:
        commits = await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM blocks")
        assert commits == 4
        assert await connection.fetchval("SELECT state FROM chains") == "backfilling"
    await settle(worker)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT state FROM chains") == "following"
    assert await standing(database) == hashes(chain.canonical)


async def test_a_worker_that_is_killed_while_far_behind_does_not_stay_so(database, monkeypatch):
    monkeypatch.setattr(worker_module, "WINDOW", 20)
    chain = ScriptedChain()
    chain.grow(330)
    killed = Worker(database, chain, Facts(), start=0)
    await killed.take_over()
    assert await killed.step()
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    await settle(worker)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT state FROM chains") == "following"


async def test_a_little_behind_they_go_together_and_the_newest_one_by_one(database):
    chain = ScriptedChain()
    chain.grow(30)
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    commits = []
    while await worker.step():
        async with database.connection() as connection:
            commits.append(
                await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM blocks")
            )
            assert await connection.fetchval("SELECT state FROM chains") == "following"
    assert commits == list(range(1, worker_module.NEAR + 2))
    assert await standing(database) == hashes(chain.canonical)


async def test_what_comes_before_a_block_that_cannot_be_had_is_written(database, monkeypatch):
    chain = ScriptedChain()
    chain.grow(60)
    reading = chain.blocks

    async def blocks(numbers):
        async for block in reading(numbers):
            if block.number == 50:
                raise NodeError("block 50 cannot be had")
            yield block

    monkeypatch.setattr(chain, "blocks", blocks)
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    with pytest.raises(NodeError):
        await worker.step()
    assert worker.cursor.number == 49
    assert await standing(database) == hashes(chain.canonical[:50])


async def test_slow_nodes_do_not_keep_back_what_is_there(database, monkeypatch):
    monkeypatch.setattr(worker_module, "BATCH_SECONDS", 0.0)
    chain = ScriptedChain()
    chain.grow(30)
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    assert await worker.step()
    async with database.connection() as connection:
        commits = await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM blocks")
    assert commits == 31 - worker_module.NEAR


async def test_a_reorganisation_while_catching_up(database, monkeypatch):
    monkeypatch.setattr(worker_module, "WINDOW", 20)
    chain = ScriptedChain()
    chain.grow(10)
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    await settle(worker)
    chain.reorganise(5, 60)
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)


async def test_deeper_than_the_window_the_chain_halts(database, monkeypatch):
    monkeypatch.setattr(worker_module, "WINDOW", 4)
    chain = ScriptedChain()
    chain.grow(10)
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    await settle(worker)
    before = await told(database)
    chain.reorganise(5, 6)
    with pytest.raises(HaltedError, match="more than 4 blocks deep"):
        await settle(worker)
    assert await told(database) == before
    with pytest.raises(HaltedError):
        await Worker(database, chain, Facts(), start=0).take_over()


async def test_one_that_was_replaced_halts_nothing(database, monkeypatch):
    monkeypatch.setattr(worker_module, "WINDOW", 4)
    chain = ScriptedChain()
    chain.grow(10)
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    await settle(worker)
    async with database.transaction() as connection:
        await take_lead(connection, 31337)
    chain.reorganise(5, 6)
    with pytest.raises(HaltedError):
        await settle(worker)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT state FROM chains") != "halted"


async def test_exactly_as_deep_as_the_window(database, monkeypatch):
    monkeypatch.setattr(worker_module, "WINDOW", 4)
    chain = ScriptedChain()
    chain.grow(10)
    worker = Worker(database, chain, Facts(), start=0)
    await worker.take_over()
    await settle(worker)
    chain.reorganise(4, 5)
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)


async def test_a_leader_that_was_replaced_writes_nothing(worker, chain, database):
    await settle(worker)
    before = await told(database)
    async with database.transaction() as connection:
        await take_lead(connection, 31337)
    chain.grow(1)
    with pytest.raises(LeadershipError):
        await worker.step()
    chain.reorganise(2, 3)
    with pytest.raises(LeadershipError):
        await worker.step()
    assert await told(database) == before


async def test_two_workers_write_each_block_once(database, chain):
    one = Worker(database, chain, Facts(), start=0)
    await one.take_over()
    await one.step()
    other = Worker(database, chain, Facts(), start=0)
    await other.take_over()
    with pytest.raises(LeadershipError):
        await one.step()
    await settle(other)
    assert await standing(database) == hashes(chain.canonical)


async def test_a_commit_whose_end_was_not_heard_counts_once(worker, chain, database):
    """The transaction is run again as `Database.run` does after a connection lost in a commit."""
    run = database.run

    async def twice(work, **options):
        await run(work, **options)
        return await run(work, **options)

    database.run = twice
    chain.reorganise(1, 2)
    await settle(worker)
    chain.reorganise(2, 3)
    await settle(worker)
    assert await standing(database) == hashes(chain.canonical)
