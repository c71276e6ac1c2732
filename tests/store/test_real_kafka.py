"""A real Apache Kafka that is killed and comes back, and its limits on sizes. `make kafka` fetches
the broker and runs these; without it they are skipped."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import pytest

from donablock.store.kafka import KafkaStream
from tests.store.streaming import Broker, Consumer, relaying, send
from tools import kafka

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(280),
    pytest.mark.skipif(
        not os.environ.get("KAFKA_BOOTSTRAP"), reason="no real Kafka: run `make kafka`"
    ),
]


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[kafka.Broker]:
    """One that may be killed."""
    with kafka.Broker() as broker:
        yield broker


@pytest.fixture
def own(own_kafka: kafka.Broker, topic: str) -> Broker:
    return Broker(own_kafka.bootstrap, topic)


def payloads(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


async def test_the_broker_is_killed_while_messages_go_through(chain, own, own_kafka):
    async with KafkaStream.opened(chain, own.bootstrap, own.topic) as stream, relaying(chain, own):
        consumer = await Consumer.registered(chain, stream)
        for round_ in range(2):
            following = asyncio.create_task(consumer.follow(60, within=120))
            await send(chain, *payloads(20, start=60 * round_))
            own_kafka.kill()
            await send(chain, *payloads(20, start=60 * round_ + 20))
            own_kafka.start()  # in this thread: the broker ends with the one that started it
            await send(chain, *payloads(20, start=60 * round_ + 40))
            assert [m.payload for m in await following] == payloads(60, start=60 * round_)


async def test_no_batch_is_too_large_for_a_broker_as_it_comes(chain, own):
    """Noise does not compress, so every batch is as large as it can be."""
    sizes = [1, 400 << 10, 500 << 10, 3 << 20, 479 << 10, 481 << 10, 10, 6 << 20]
    noise = [os.urandom(size) for size in sizes * 3]
    async with KafkaStream.opened(chain, own.bootstrap, own.topic) as stream, relaying(chain, own):
        consumer = await Consumer.registered(chain, stream)
        await send(chain, *noise)
        messages = await consumer.follow(len(noise), within=120)
    assert [message.payload for message in messages] == noise


async def test_a_message_is_there_at_once(chain, own):
    """From the worker's commit through the relay and the broker to the consumer."""
    async with KafkaStream.opened(chain, own.bootstrap, own.topic) as stream, relaying(chain, own):
        consumer = await Consumer.registered(chain, stream)
        await send(chain, b"first")
        await consumer.follow(1, within=60)
        took = []
        for number in range(10):
            began = time.monotonic()
            await send(chain, b"%d" % number)
            await consumer.follow(1)
            took.append(time.monotonic() - began)
    assert sorted(took)[5] < 0.5, took
