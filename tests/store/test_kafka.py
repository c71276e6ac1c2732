"""Kafka may fail in every way it likes: nothing is lost, nothing comes twice, nothing out of order.
On librdkafka's mock cluster, whose brokers fail when they are told to."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import confluent_kafka
import pytest

from donablock.errors import StreamError, StreamGapError
from donablock.settings import ROOT
from donablock.store.kafka import (
    PART_BYTES,
    Assembly,
    KafkaStream,
    Part,
    headers_of,
    key_of,
    part_from,
    partition_of,
    parts_of,
)
from donablock.store.relay import Relay
from donablock.store.schema import ADDED
from donablock.store.stream import Message, prune
from tests.store import mock_kafka as mock
from tests.store.streaming import (
    CHAIN,
    Broker,
    Consumer,
    collect,
    relayed,
    relaying,
    send,
    until_relayed,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

PARTITIONS = 6
PLACE = partition_of(CHAIN, PARTITIONS)


def payloads(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


def following(chain, broker):
    return KafkaStream.opened(chain, broker.bootstrap, broker.topic, broker.options)


def produced(broker: Broker, *parts: Part, **more: object) -> None:
    """Straight into the topic, past the relay."""
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})
    for part in parts:
        record = {"key": key_of(part.chain_id), "value": part.payload, "headers": headers_of(part)}
        producer.produce(broker.topic, partition=PLACE, **(record | more))
    assert producer.flush(10) == 0


def part(seq: int, payload: bytes = b"", *, index: int = 0, count: int = 1, run: str = "r") -> Part:
    return Part(CHAIN, seq, ADDED, None, index, count, run, payload)


# --- brokers --------------------------------------------------------------------------------------


async def test_brokers_go_down_and_come_back(chain, broker, mock_kafka):
    async with following(chain, broker) as stream, relaying(chain, broker):
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *payloads(5))
        await consumer.follow(5)
        mock_kafka.down()
        await send(chain, *payloads(20, start=5))
        await asyncio.sleep(1.0)
        assert (await relayed(chain) or 0) < 25, "the brokers are down"
        mock_kafka.up()
        messages = await consumer.follow(20, within=60)
    assert [message.payload for message in messages] == payloads(20, start=5)


async def test_brokers_that_are_down_at_the_start_are_waited_for(chain, broker, mock_kafka):
    mock_kafka.down()
    async with following(chain, broker) as stream, relaying(chain, broker):
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *payloads(3))
        assert list(await stream.read(CHAIN, 0)) == []
        mock_kafka.up()
        messages = await consumer.follow(3, within=60)
    assert [message.payload for message in messages] == payloads(3)


async def test_one_broker_less_is_not_noticed(chain, broker, mock_kafka):
    async with following(chain, broker) as stream, relaying(chain, broker):
        consumer = await Consumer.registered(chain, stream)
        for number in range(1, 4):
            mock_kafka.down(number)
            mock_kafka.set_leader(broker.topic, PLACE, number % 3 + 1)
            await send(chain, *payloads(4))
            assert [m.payload for m in await consumer.follow(4, within=60)] == payloads(4)
            mock_kafka.up(number)


async def test_produce_errors_are_tried_again_in_order(chain, broker, mock_kafka):
    errors = [mock.NOT_ENOUGH_REPLICAS] * 3 + [mock.NOT_LEADER] * 2
    mock_kafka.fail_next(mock.PRODUCE, errors)
    async with following(chain, broker) as stream, relaying(chain, broker):
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *payloads(30))
        assert [m.payload for m in await consumer.follow(30, within=60)] == payloads(30)


async def test_a_batch_that_is_refused_for_good_is_sent_anew(chain, broker, mock_kafka):
    """The producer is given up and another made: librdkafka's own retries have ended."""
    mock_kafka.fail_next(mock.PRODUCE, [mock.MESSAGE_TOO_LARGE])
    relay = Relay(chain, broker.bootstrap, broker.topic)
    await send(chain, *payloads(10))
    with pytest.raises(StreamError, match="Kafka took 0 of 10 messages of chain 56; the rest is"):
        await relay.step()
    assert not await relayed(chain)
    assert await relay.step() == 10
    await relay.close()
    async with following(chain, broker) as stream:
        consumer = await Consumer.registered(chain, stream)
        assert [m.payload for m in await consumer.follow(10)] == payloads(10)


async def test_slow_brokers_are_only_slow(chain, broker, mock_kafka):
    mock_kafka.set_latency(400)
    async with following(chain, broker) as stream, relaying(chain, broker):
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *payloads(10))
        assert [m.payload for m in await consumer.follow(10, within=60)] == payloads(10)


# --- what is in the topic -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["die-before-position", "die-in-sending"])
async def test_a_relay_that_is_killed_loses_nothing(chain, broker, database_url, kind):
    await send(chain, *payloads(40))
    command = [sys.executable, "-m", "tests.store.relay_process"]
    arguments = [database_url, broker.bootstrap, broker.topic, kind]
    done = await asyncio.to_thread(
        subprocess.run, [*command, *arguments], cwd=ROOT, capture_output=True, timeout=60
    )
    assert done.returncode == -9, done.stderr.decode()
    assert not await relayed(chain), "it died before it wrote how far it was"
    async with following(chain, broker) as stream, relaying(chain, broker):
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *payloads(5, start=40))
        messages = await consumer.follow(45)
        await until_relayed(chain, 45)
        assert not await consumer.step(), "the repeated ones are left out"
    assert [message.payload for message in messages] == payloads(45)
    assert _records_in(broker) > 45, "some were sent more than once"


def _records_in(broker: Broker) -> int:
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "counting"}
    )
    place = confluent_kafka.TopicPartition(broker.topic, PLACE)
    low, high = consumer.get_watermark_offsets(place, timeout=10)
    consumer.close()
    return high - low


async def test_two_relays_at_once_do_no_harm(chain, broker):
    async with following(chain, broker) as stream, relaying(chain, broker):
        async with relaying(chain, broker):
            consumer = await Consumer.registered(chain, stream)
            await send(chain, *payloads(60))
            assert [m.payload for m in await consumer.follow(60)] == payloads(60)


async def test_what_is_missing_in_kafka_is_read_from_the_outbox(chain, broker):
    await send(chain, *payloads(10))
    produced(broker, part(1, b"0"), part(5, b"4"), part(6, b"5"), part(10, b"9"))
    async with following(chain, broker) as stream:
        consumer = await Consumer.registered(chain, stream)
        messages = await consumer.follow(10, limit=2)
    assert [message.payload for message in messages] == payloads(10)
    assert [message.seq for message in messages] == list(range(1, 11))


async def test_a_place_among_filled_messages_is_good_to_go_on_from(chain, broker):
    await send(chain, *payloads(8))
    produced(broker, part(1, b"0"), part(6, b"5"), part(7, b"6"), part(8, b"7"))
    for stop in range(1, 8):
        async with following(chain, broker) as stream:
            consumer = await Consumer.registered(chain, stream, f"stops at {stop}")
            await consumer.follow(stop, limit=1)
            kept = consumer.position
        async with following(chain, broker) as stream:
            rest = await Consumer(chain, stream, kept).follow(8 - stop)
        assert [message.seq for message in rest] == list(range(stop + 1, 9))


async def test_records_that_retention_took_come_from_the_outbox(chain, broker, mock_kafka):
    async with relaying(chain, broker):
        for number, payload in enumerate(payloads(10), 1):
            await send(chain, payload)
            await until_relayed(chain, number)  # a batch of its own: only whole ones can go
        await _deleted(mock_kafka, broker.topic, 7)
        async with following(chain, broker) as stream:
            consumer = await Consumer.registered(chain, stream)
            assert [m.payload for m in await consumer.follow(10)] == payloads(10)


async def _deleted(mock_kafka, topic, before):
    """The mock cluster refuses for a moment where its own threads are late."""
    for _ in range(50):
        try:
            return mock_kafka.delete_records(topic, PLACE, before)
        except RuntimeError:
            await asyncio.sleep(0.1)
    mock_kafka.delete_records(topic, PLACE, before)


async def test_what_is_missing_everywhere_is_a_gap_and_said_so(chain, broker):
    await send(chain, *payloads(10))
    async with following(chain, broker) as stream:
        consumer = await Consumer.registered(chain, stream)
        async with chain.connection() as connection:
            await connection.execute("DELETE FROM outbox WHERE seq <= 6")
        produced(broker, part(1, b"0"), part(9, b"8"))
        await consumer.follow(1)
        with pytest.raises(StreamGapError, match="message 2 of chain 56 is gone: rebuild"):
            await consumer.follow(1)
        assert consumer.position.seq == 1, "nothing after the gap was done"


async def test_a_wrong_place_is_found_out(chain, broker):
    """The place says further ahead than the position, and the outbox is pruned: the topic is read
    from its start."""
    async with relaying(chain, broker), following(chain, broker) as stream:
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *payloads(10))
        await consumer.follow(10)
        await until_relayed(chain, 10)
        assert await prune(chain, CHAIN, 0) == 10
    async with following(chain, broker) as stream:
        place = {"topic": broker.topic, "partition": PLACE, "offset": 8}
        found = await collect(stream, 3, 7, place)
        assert [message.payload for message in found] == payloads(7, start=3)


async def test_a_topic_that_was_lost_begins_anew(chain, broker, mock_kafka):
    async with relaying(chain, broker):
        async with following(chain, broker) as stream:
            consumer = await Consumer.registered(chain, stream)
            await send(chain, *payloads(6))
            await consumer.follow(4, limit=4)
            kept = consumer.position
        await until_relayed(chain, 6)
    mock_kafka.delete_topic(broker.topic)
    mock_kafka.make_topic(broker.topic, partitions=4)
    async with relaying(chain, broker), following(chain, broker) as stream:
        await send(chain, *payloads(3, start=6))
        messages = await Consumer(chain, stream, kept).follow(5, within=40)
    assert [message.payload for message in messages] == payloads(5, start=4)


async def test_records_that_are_not_ours_are_left_out(chain, broker):
    await send(chain, *payloads(2))
    produced(broker, part(1, b"0"))
    good = headers_of(part(2, b"hostile"))
    for headers in (
        None,
        [],
        [("seq", b"x"), *good[1:]],
        [("seq", b"-2"), *good[1:]],
        [good[0], ("kind", b""), *good[2:]],
        [*good[:2], ("part", b"1/1"), *good[3:]],
        [*good[:2], ("part", b"0"), *good[3:]],
        [*good[:2], ("part", b"\xff/\xff"), *good[3:]],
        [(name, None) for name, _ in good],
    ):
        produced(broker, part(2, b"hostile"), headers=headers)
    produced(broker, part(2, b"hostile"), key=b"\xff\x00")
    produced(broker, part(2, b"hostile"), key=None)
    produced(broker, part(2, b"hostile"), key=b"57")
    produced(broker, part(2, b"1"))
    async with following(chain, broker) as stream:
        consumer = await Consumer.registered(chain, stream)
        assert [m.payload for m in await consumer.follow(2)] == payloads(2)


async def test_a_topic_that_is_ahead_of_the_database_is_refused(chain, broker):
    """The database was restored from a backup: its numbers will name other messages."""
    await send(chain, *payloads(2))
    produced(broker, part(1, b"0"), part(2, b"1"), part(7, b"from before the restore"))
    async with following(chain, broker) as stream:
        consumer = await Consumer.registered(chain, stream)
        await consumer.follow(2)
        with pytest.raises(StreamError, match="the database goes only to 2: after a database was"):
            await consumer.follow(1)


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
async def test_parts_give_the_payload_again(size):
    payload = os.urandom(size)
    parts = parts_of(Message(CHAIN, 7, ADDED, payload, "trace"), "run")
    assert len(parts) == max(1, -(-size // PART_BYTES))
    assembly = Assembly()
    done = []
    for offset, one in enumerate(parts):
        again = part_from(key_of(CHAIN), one.payload, headers_of(one))
        assert again == one
        done.append(assembly.add(again, 100 + offset))
    assert done[:-1] == [None] * (len(parts) - 1)
    assert done[-1] == (Message(CHAIN, 7, ADDED, payload, "trace"), 100)


async def test_parts_of_two_relays_are_not_put_together(chain, broker):
    big = [os.urandom(10), os.urandom(20), os.urandom(30)]

    def parts(seq: int, run: str) -> list[Part]:
        body = big[seq - 1]
        half = len(body) // 2
        return [
            part(seq, body[:half], index=0, count=2, run=run),
            part(seq, body[half:], index=1, count=2, run=run),
        ]

    await send(chain, *big)
    old, new = parts(1, "old") + parts(2, "old"), parts(1, "new") + parts(2, "new")
    mixed = [old[0], new[0], old[1], old[2], new[1], new[2], new[3], *parts(3, "new")]
    produced(broker, *mixed)
    async with following(chain, broker) as stream:
        consumer = await Consumer.registered(chain, stream)
        assert [m.payload for m in await consumer.follow(3, limit=1)] == big


async def test_a_message_that_was_never_finished_is_taken_from_its_next_copy(chain, broker):
    await send(chain, b"aabb", b"c")
    produced(
        broker,
        part(1, b"aa", index=0, count=2, run="killed"),
        part(1, b"aa", index=0, count=2, run="next"),
        part(1, b"bb", index=1, count=2, run="next"),
        part(2, b"c", run="next"),
    )
    async with following(chain, broker) as stream:
        consumer = await Consumer.registered(chain, stream)
        assert [m.payload for m in await consumer.follow(2)] == [b"aabb", b"c"]


async def test_the_partition_is_the_one_that_kafkas_own_clients_choose(broker):
    where = {}
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2"}
    )
    for chain_id in (1, 10, 56, 97, 137, 31337, 11155111):
        producer.produce(
            broker.topic,
            key=key_of(chain_id),
            on_delivery=lambda _, record, chain_id=chain_id: where.update(
                {chain_id: record.partition()}
            ),
        )
    assert producer.flush(10) == 0
    assert where == {chain_id: partition_of(chain_id, PARTITIONS) for chain_id in where}
    assert len(where) == 7
