"""What every stream keeps: one order, no hole, nothing twice, nothing before its commit. On the
outbox, on Kafka (librdkafka's mock cluster) and, with KAFKA_BOOTSTRAP, on real brokers."""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from donablock.errors import LeadershipError, StreamError
from donablock.store import stream as stream_module
from donablock.store.positions import advance, lag, position, register, unregister
from donablock.store.schema import ADDED, ORPHANED
from donablock.store.stream import OutboxStream, append, prune, take_lead
from tests.store.streaming import CHAIN, Consumer, collect, make_chain, send, until_relayed

pytestmark = pytest.mark.asyncio

END_NEWS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE application_name = 'donablock news' AND datname = current_database()
"""
TRACE = "00-8596acdc24cddf686eb3ca61fbaf74ad-9bbd1589eb401bd9-01"


async def test_messages_come_whole_and_in_order(chain, open_stream):
    payloads = [b"", b"\x00\xff" * 50, bytes(range(256)), "Ünïcödé \u2028".encode()]
    payloads += [random.randbytes(random.randrange(3_000)) for _ in range(40)]
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *payloads, trace=TRACE)
        messages = await consumer.follow(len(payloads))
    assert [message.payload for message in messages] == payloads
    assert [message.seq for message in messages] == list(range(1, len(payloads) + 1))
    assert {(m.chain_id, m.kind, m.trace) for m in messages} == {(CHAIN, ADDED, TRACE)}


async def test_kind_and_a_missing_trace_come_as_they_were(chain, open_stream):
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        async with chain.transaction() as connection:
            await append(connection, CHAIN, ADDED, b"a")
            await append(connection, CHAIN, ORPHANED, b"a")
        added, orphaned = await consumer.follow(2)
    assert (added.kind, added.trace, orphaned.kind, orphaned.trace) == (ADDED, None, ORPHANED, None)


@pytest.mark.parametrize("size", [479 << 10, 481 << 10, 3 << 20])
async def test_a_payload_of_any_size_comes_whole(chain, open_stream, size):
    """More than Kafka's 1 MB, and neither compressed nor mixed up with its neighbours."""
    noise, text = os.urandom(size), b"0x00ff" * (size // 6)
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        await send(chain, b"before", noise, text, b"after")
        messages = await consumer.follow(4)
    assert [message.payload for message in messages] == [b"before", noise, text, b"after"]


async def test_what_is_not_committed_is_not_seen(chain, open_stream):
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        with pytest.raises(ZeroDivisionError):
            async with chain.transaction() as connection:
                assert await append(connection, CHAIN, ADDED, b"undone") == 1
                raise ZeroDivisionError
        assert await send(chain, b"done") == [1], "an undone message leaves no hole"
        (message,) = await consumer.follow(1)
        assert message.payload == b"done"


async def test_writers_at_once_get_numbers_in_the_order_of_their_commits(chain, open_stream):
    """Were a number taken outside of the row's lock, a reader could see 8 and never 7."""

    async def write(name: int) -> None:
        for count in range(15):
            async with chain.transaction() as connection:
                await append(connection, CHAIN, ADDED, b"%d/%d" % (name, count))
                await asyncio.sleep(random.random() / 500)

    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        writing = asyncio.gather(*(write(name) for name in range(6)))
        messages = await consumer.follow(90)
        await writing
    assert [message.seq for message in messages] == list(range(1, 91))
    for name in range(6):
        own = [m.payload for m in messages if m.payload.startswith(b"%d/" % name)]
        assert own == [b"%d/%d" % (name, count) for count in range(15)]


async def test_chains_do_not_mix(chain, open_stream):
    chains = (CHAIN, 1, 137, 31337)
    for chain_id in chains[1:]:
        await make_chain(chain, chain_id)
    async with open_stream() as stream:
        consumers = [await Consumer.registered(chain, stream, "m", one) for one in chains]
        for count in range(10):
            for chain_id in chains:
                await send(chain, b"%d:%d" % (chain_id, count), chain_id=chain_id)
        for consumer in consumers:
            messages = await consumer.follow(10)
            chain_id = consumer.position.chain_id
            assert [m.payload for m in messages] == [b"%d:%d" % (chain_id, n) for n in range(10)]
            assert [m.seq for m in messages] == list(range(1, 11))


async def test_each_consumer_goes_at_its_own_pace(chain, open_stream):
    async with open_stream() as one, open_stream() as other:
        fast = await Consumer.registered(chain, one, "fast")
        slow = await Consumer.registered(chain, other, "slow")
        await send(chain, *(b"%d" % count for count in range(12)))
        await fast.follow(12)
        assert [m.payload for m in await slow.follow(4, limit=2)] == [b"0", b"1", b"2", b"3"]
        await send(chain, b"12")
        assert [m.payload for m in await fast.follow(1)] == [b"12"]
        assert [m.seq for m in await slow.follow(9)] == list(range(5, 14))


async def test_no_more_come_than_were_asked_for(chain, open_stream):
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *(b"%d" % count for count in range(10)))
        await consumer.follow(1, limit=1)
        assert len(consumer.got) == 1
        messages = await consumer.follow(9, limit=4)
        assert [message.seq for message in messages] == list(range(2, 11))


async def test_a_consumer_that_ends_before_its_commit_gets_the_same_again(chain, open_stream):
    await send(chain, b"a", b"b", b"c")
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        await consumer.follow(1, limit=1)
        kept = consumer.position
        await consumer.follow(2)
    async with open_stream() as stream:  # another process
        again = Consumer(chain, stream, kept)
        found = await collect(stream, kept.seq, 2, kept.place)
        assert [message.payload for message in found] == [b"b", b"c"]
        with pytest.raises(StreamError, match="not at 1 of chain 56 any more: another"):
            await again.follow(2)  # the first had committed after all: nothing is done twice


async def test_a_consumer_goes_on_where_its_position_is(chain, open_stream):
    await send(chain, *(b"%d" % count for count in range(5)))
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        await consumer.follow(3, limit=3)
    await send(chain, b"5")
    async with open_stream() as stream:
        async with chain.connection() as connection:
            kept = await position(connection, "matcher", CHAIN)
        assert kept == consumer.position
        messages = await Consumer(chain, stream, kept).follow(3)
        assert [message.payload for message in messages] == [b"3", b"4", b"5"]


async def test_a_consumer_can_go_back(chain, open_stream):
    await send(chain, *(b"%d" % count for count in range(6)))
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        await consumer.follow(6)
        found = await collect(stream, 2, 4)
        assert [message.payload for message in found] == [b"2", b"3", b"4", b"5"]


async def test_waiting_ends_with_news_and_without(chain, open_stream):
    async with open_stream() as stream:
        consumer = await Consumer.registered(chain, stream)
        await send(chain, b"first")
        await consumer.follow(1)
        began = time.monotonic()
        assert not await stream.wait(CHAIN, 1, 0.3)
        assert 0.25 < time.monotonic() - began < 3.0
        waiting = asyncio.create_task(stream.wait(CHAIN, 1, 20.0))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await send(chain, b"second")
        assert await waiting
        assert time.monotonic() - began < 3.0
        assert await stream.wait(CHAIN, 1, 0.0), "it is there already"


@pytest.mark.parametrize("is_lost", [False, True], ids=["told", "connection-lost"])
async def test_what_comes_while_the_newest_is_asked_for_wakes(chain, monkeypatch, is_lost):
    """The answer is old when it comes, and the news of the message was before it."""
    newest, asked = stream_module.newest_seq, []

    async def slow(connection, chain_id):
        found = await newest(connection, chain_id)
        asked.append(found)
        if len(asked) == 1:
            if is_lost:
                await connection.execute(END_NEWS)
            await send(chain, b"meanwhile")
            await asyncio.sleep(1.0)  # it is told, or the connection is there again
        return found

    async with OutboxStream.opened(chain) as stream:
        await asyncio.sleep(0.3)  # it listens
        monkeypatch.setattr(stream_module, "newest_seq", slow)
        began = time.monotonic()
        assert await stream.wait(CHAIN, 0, 20.0)
        assert time.monotonic() - began < 5.0 and asked[0] == 0


async def test_only_what_every_consumer_has_done_and_is_old_is_pruned(chain, open_stream):
    async with open_stream() as one, open_stream() as other:
        fast = await Consumer.registered(chain, one, "fast")
        slow = await Consumer.registered(chain, other, "slow")
        await send(chain, *(b"%d" % count for count in range(10)))
        await fast.follow(10)
        await slow.follow(4, limit=4)
        await until_relayed(chain, 10)
        assert await prune(chain, CHAIN, retention=3_600) == 0, "too young"
        assert await prune(chain, CHAIN, retention=0, batch=3) == 4
        assert [m.seq for m in await slow.follow(6)] == list(range(5, 11))
        async with chain.connection() as connection:
            await unregister(connection, "slow", CHAIN)
            assert [row[0] for row in await lag(connection)][:1] == ["fast"]
        await send(chain, b"10")
        assert [m.payload for m in await fast.follow(1)] == [b"10"]


async def test_a_new_consumer_begins_with_the_oldest_that_is_kept(chain, open_stream):
    async with open_stream() as stream, open_stream() as another:
        first = await Consumer.registered(chain, stream)
        await send(chain, b"0", b"1", b"2")
        await first.follow(2)
        await until_relayed(chain, 3)
        assert await prune(chain, CHAIN, retention=0) == 2
        second = await Consumer.registered(chain, another, "projections")
        assert second.position.seq == 2
        assert [message.payload for message in await second.follow(1)] == [b"2"]


async def test_the_outbox_is_kept_while_nobody_has_registered(chain):
    await send(chain, b"0", b"1")
    assert await prune(chain, CHAIN, retention=0) == 0
    async with chain.transaction() as connection:
        assert (await register(connection, "late", CHAIN)).seq == 0


async def test_registering_again_changes_nothing(chain):
    await send(chain, b"0", b"1", b"2")
    async with chain.transaction() as connection:
        first = await register(connection, "matcher", CHAIN)
        second = await advance(connection, first, 2, {"offset": 7}, number=9, hash=b"\x01" * 32)
        assert await register(connection, "matcher", CHAIN) == second
        assert (second.number, second.hash, second.place) == (9, b"\x01" * 32, {"offset": 7})
        third = await advance(connection, second, 3)
        assert (third.number, third.hash, third.place) == (9, b"\x01" * 32, None)
        with pytest.raises(StreamError, match="cannot go from 3 to 3: only forward"):
            await advance(connection, third, 3)


async def test_a_chain_without_a_cursor_has_no_stream(database):
    async with database.connection() as connection:
        for attempt in (
            append(connection, 99, ADDED, b""),
            take_lead(connection, 99),
            register(connection, "matcher", 99),
        ):
            with pytest.raises(StreamError, match="chain (99 has|99: .* the chain has) no cursor"):
                await attempt


async def test_who_led_before_can_append_no_more(chain):
    async with chain.transaction() as connection:
        old = await take_lead(connection, CHAIN)
        await append(connection, CHAIN, ADDED, b"1", epoch=old)
    async with chain.transaction() as connection:
        new = await take_lead(connection, CHAIN)
    with pytest.raises(LeadershipError, match="another process leads chain 56"):
        async with chain.transaction() as connection:
            await append(connection, CHAIN, ADDED, b"stale", epoch=old)
    async with chain.transaction() as connection:
        assert await append(connection, CHAIN, ADDED, b"2", epoch=new) == 2
