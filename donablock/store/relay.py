"""Puts what the outbox gets into Kafka, in order, at least once.

    await database.lead("relay", Relay(database, brokers).run)

Its position is a consumer's like any other ("relay"), and moves only after the brokers have taken
the messages. A relay that dies in between sends some of them again; readers know them by their seq.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from donablock.errors import StreamError
from donablock.store.database import Database, Leadership
from donablock.store.kafka import (
    METADATA_SECONDS,
    TOPIC,
    client_options,
    headers_of,
    key_of,
    partition_count,
    partition_of,
    parts_of,
)
from donablock.store.positions import advance, position, register
from donablock.store.stream import CHANNEL, Message, read_outbox
from donablock.telemetry import counter

CONSUMER = "relay"
PARTITIONS = 12
"""Of a topic that we make; one that is there keeps its own."""

_MESSAGES = 500  # that are sent before their position is written
_TIMEOUT = 30.0  # seconds that brokers get to take a message
_PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "zstd",
    "linger.ms": 2,
    "queue.buffering.max.kbytes": 64 << 10,
    "message.timeout.ms": int(_TIMEOUT * 1_000),
}

# one question for all chains, however many there are
_BEHIND = """
    SELECT chain_id, seq FROM cursors
    JOIN positions USING (chain_id)
    WHERE consumer = $1 AND seq < next_seq - 1
    UNION ALL
    SELECT chain_id, NULL FROM cursors
    WHERE NOT EXISTS (SELECT FROM positions p WHERE p.chain_id = cursors.chain_id AND consumer = $1)
    ORDER BY chain_id
"""

_log = structlog.get_logger(__name__)
_relayed = counter("kafka_relayed", "messages that Kafka has taken", "chain")
_failed = counter("kafka_relay_failed", "times that a batch was not taken whole")


class Relay:
    """One relay for all chains. Only one runs at a time; a second does no harm but work."""

    def __init__(
        self,
        database: Database,
        brokers: str,
        topic: str = TOPIC,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """brokers: host:port,... options: librdkafka's, such as those of security."""
        self._database = database
        self._topic = topic
        self._options = client_options(brokers, options)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-relay")
        self._producer: Any = None
        self._run = ""
        self._partitions = 0
        self._looked_at = 0.0

    async def run(self, lead: Leadership | None = None) -> None:
        """Relays until it is cancelled. Brokers that are away are waited for."""
        async with self._database.news(CHANNEL) as news:
            pause = 0.1
            while True:
                try:
                    sent = await self.step(lead)
                    pause = 0.1
                    if not sent:
                        await news.wait(1.0)
                except (StreamError, KafkaException) as error:
                    _failed.inc()
                    _log.warning("relay has to wait", because=str(error))
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 5.0)

    async def step(self, lead: Leadership | None = None) -> int:
        """Relays what there is, a batch of each chain at most, and returns how many messages."""
        async with self._database.connection() as connection:
            behind = await connection.fetch(_BEHIND, CONSUMER)
        sent = 0
        for chain_id, seq in behind:
            if lead is not None:
                lead.check()
            sent += await self._relay(chain_id, seq)
        return sent

    async def _relay(self, chain_id: int, seq: int | None) -> int:
        async with self._database.connection() as connection:
            if seq is None:
                seq = (await register(connection, CONSUMER, chain_id)).seq
            messages = await read_outbox(connection, chain_id, seq, _MESSAGES)
        if not messages:
            return 0
        taken = await self._in_thread(messages)
        if taken:
            async with self._database.transaction() as connection:
                now = await position(connection, CONSUMER, chain_id, is_locked=True)
                last = messages[taken - 1].seq
                if now.seq < last:
                    await advance(connection, now, last)
            _relayed.labels(chain_id).inc(taken)
        if taken < len(messages):
            raise StreamError(
                f"Kafka took {taken} of {len(messages)} messages of chain {chain_id}; the rest is"
                " sent again"
            )
        return taken

    async def _in_thread(self, messages: Sequence[Message]) -> int:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._send, messages)

    def _send(self, messages: Sequence[Message]) -> int:
        """How many of them, from the first on, Kafka has taken. After a failure the producer is
        given up, with whatever it still holds: a later message must not overtake."""
        if self._producer is None:
            self._producer = confluent_kafka.Producer({**self._options, **_PRODUCER})
            self._run = secrets.token_hex(4)
        producer = self._producer
        chain_id = messages[0].chain_id
        partitions = self._count_partitions()
        missing = [0] * len(messages)
        failed: list[Any] = []

        def report(place: int) -> Any:
            def taken(error: Any, _record: Any) -> None:
                if error is None:
                    missing[place] -= 1
                else:
                    failed.append(error)

            return taken

        for place, message in enumerate(messages):
            parts = parts_of(message, self._run)
            missing[place] = len(parts)
            for part in parts:
                self._produce(
                    topic=self._topic,
                    key=key_of(chain_id),
                    value=part.payload,
                    partition=partition_of(chain_id, partitions),
                    headers=headers_of(part),
                    on_delivery=report(place),
                )
            producer.poll(0)
            if failed:
                break
        producer.flush(_TIMEOUT + 5.0)
        taken = next((place for place, left in enumerate(missing) if left), len(messages))
        if taken < len(messages):
            _log.warning("kafka did not take a message", because=str(failed[:1]))
            self._give_up()
        return taken

    def _produce(self, **record: Any) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                self._producer.produce(**record)
                return
            except BufferError:
                if time.monotonic() > deadline:
                    raise StreamError("Kafka takes nothing; look whether it runs") from None
                self._producer.poll(0.05)

    def _give_up(self) -> None:
        with contextlib.suppress(KafkaException):
            self._producer.purge()
            self._producer.flush(1.0)
        self._producer, self._partitions = None, 0

    def _count_partitions(self) -> int:
        if not self._partitions or time.monotonic() - self._looked_at > METADATA_SECONDS:
            found = partition_count(self._producer, self._topic)
            self._partitions = found or self._make_topic()
            self._looked_at = time.monotonic()
        return self._partitions

    def _make_topic(self) -> int:
        """Makes the topic if it is not there, with the brokers' own replication."""
        admin = AdminClient(self._options)
        topics = admin.list_topics(timeout=5.0).topics
        if self._topic not in topics:
            made = admin.create_topics([NewTopic(self._topic, PARTITIONS, -1)])
            with contextlib.suppress(KafkaException):  # another relay was first
                made[self._topic].result(10.0)
        for _ in range(50):  # brokers hear of a new topic one after the other
            if count := partition_count(admin, self._topic):
                return count
            time.sleep(0.1)
        raise StreamError(f"there is no topic {self._topic}, and it could not be made")

    async def close(self) -> None:
        """Gives up what was not sent; it is in the outbox."""
        if self._producer is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._give_up)
        self._thread.shutdown(wait=False)
