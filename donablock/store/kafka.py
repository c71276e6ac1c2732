"""The stream out of Apache Kafka. A relay (store/relay.py) puts each message of the outbox there;
the key is the chain's id, so a chain's messages lie in one partition, in order.

Nothing depends on Kafka being right. Every message carries its `seq`: one that came already is left
out, one that is missing is read from the outbox, and where a consumer goes on is kept in PostgreSQL
together with what it has done (`positions.kafka`). Consumer groups, commits and transactions of
Kafka are not used. So a topic may be emptied, enlarged or lost, and brokers may go away and come
back: messages come later, not otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import confluent_kafka
import structlog
from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition
from msgspec import Struct

from donablock.errors import StreamError, StreamGapError
from donablock.store.database import Database
from donablock.store.stream import READ_BYTES, Message, append, newest_seq, read_outbox
from donablock.telemetry import counter

T = TypeVar("T")

TOPIC = "donablock.blocks.v1"
PART_BYTES = 480 << 10
"""A longer payload goes in several records, so that a batch stays under the 1 MB that brokers take
unless told otherwise, even if it does not compress."""

METADATA_SECONDS = 30.0
"""How often readers and relay look whether the topic has more partitions."""

_RECORDS = 500  # that are taken from librdkafka at once
_REPORT_SECONDS = 30.0  # between two log lines of the same error
_CLIENT = {
    "socket.keepalive.enable": True,
    "reconnect.backoff.max.ms": 2_000,
    "log_level": 2,  # it would say for each try to connect that it failed; see `report`
}
_CONSUMER = {
    "group.id": "donablock",  # asked for, and not used: partitions are assigned by hand
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_uncommitted",
    "allow.auto.create.topics": False,
    "fetch.message.max.bytes": 4 << 20,
    "queued.max.messages.kbytes": 16 << 10,
    "check.crcs": True,
}

_log = structlog.get_logger(__name__)
_read = counter("kafka_read", "messages taken from Kafka", "chain")
_repeated = counter("kafka_repeated", "records that had come before, left out", "chain")
_filled = counter("kafka_filled", "messages missing in Kafka, read from the outbox", "chain")
_strange = counter("kafka_strange", "records that are none of ours, left out")
_errors = counter("kafka_errors", "times that Kafka could not be asked", "what")


def client_options(brokers: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What every client of ours is made with. options: librdkafka's, as for security."""
    said: dict[str, float] = {}

    def report(error: Any) -> None:
        _errors.labels("client").inc()
        now = time.monotonic()
        if now - said.get(error.name(), -_REPORT_SECONDS) >= _REPORT_SECONDS:
            said[error.name()] = now
            _log.warning("kafka has a problem", because=error.str())

    return {**_CLIENT, "bootstrap.servers": brokers, "error_cb": report, **(options or {})}


def key_of(chain_id: int) -> bytes:
    return str(chain_id).encode()


def partition_of(chain_id: int, partitions: int) -> int:
    """As Kafka's own clients choose it from the key."""
    return int(confluent_kafka.murmur2(key_of(chain_id), partitions))


# --- the form of a message in Kafka ---------------------------------------------------------------


class Part(Struct, frozen=True):
    """One record: part `index` of `count` of a message's payload. `run` is the relay's, so that the
    parts of two relays are not put together."""

    chain_id: int
    seq: int
    kind: int
    trace: str | None
    index: int
    count: int
    run: str
    payload: bytes


def parts_of(message: Message, run: str) -> list[Part]:
    """The records of a message."""
    pieces = [
        message.payload[begin : begin + PART_BYTES]
        for begin in range(0, max(1, len(message.payload)), PART_BYTES)
    ]
    return [
        Part(
            message.chain_id,
            message.seq,
            message.kind,
            message.trace,
            index,
            len(pieces),
            run,
            piece,
        )
        for index, piece in enumerate(pieces)
    ]


def headers_of(part: Part) -> list[tuple[str, bytes]]:
    headers = [
        ("seq", str(part.seq).encode()),
        ("kind", str(part.kind).encode()),
        ("part", f"{part.index}/{part.count}".encode()),
        ("run", part.run.encode()),
    ]
    if part.trace is not None:
        headers.append(("trace", part.trace.encode()))
    return headers


def part_from(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] | None
) -> Part | None:
    """None for a record that is none of ours."""
    found = {name: text.decode("ascii", "replace") for name, text in headers or () if text}
    try:
        index, count = map(int, found["part"].split("/"))
        chain_id, seq, kind = int(key or b""), int(found["seq"]), int(found["kind"])
    except (KeyError, ValueError):
        return None
    if not 0 <= index < count or seq < 1:
        return None
    run, trace = found.get("run", ""), found.get("trace")
    return Part(chain_id, seq, kind, trace, index, count, run, value or b"")


class Assembly:
    """Puts the parts of one chain's messages together."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], tuple[int, dict[int, bytes]]] = {}

    def add(self, part: Part, offset: int) -> tuple[Message, int] | None:
        """The message that this part completes, if it does, and the offset of its first part."""
        if part.count == 1:
            return _message(part, part.payload), offset
        first, pieces = self._open.setdefault((part.run, part.seq), (offset, {}))
        pieces[part.index] = part.payload
        if len(pieces) < part.count:
            return None
        del self._open[part.run, part.seq]
        return _message(part, b"".join(pieces[index] for index in range(part.count))), first

    def forget_before(self, seq: int) -> None:
        """Parts of messages that are done with, whose other parts will not come."""
        for run, old in [one for one in self._open if one[1] < seq]:
            del self._open[run, old]


def _message(part: Part, payload: bytes) -> Message:
    return Message(part.chain_id, part.seq, part.kind, payload, part.trace)


# --- reading --------------------------------------------------------------------------------------


class _Found(Struct, frozen=True):
    message: Message
    first: int  # offset of its first record
    after: int  # offset behind its last record


class _Reader:
    """One chain's partition. librdkafka waits in a thread of our own."""

    def __init__(self, chain_id: int, topic: str, options: Mapping[str, Any]) -> None:
        self.chain_id = chain_id
        self.expected: int | None = None
        """The seq that is next; None if it has to be set up from a position."""
        self.found: deque[_Found] = deque()
        self.is_from_start = False
        self._topic = topic
        self._consumer = confluent_kafka.Consumer({**options, **_CONSUMER})
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"kafka-{chain_id}")
        self._assembly = Assembly()
        self._partition: int | None = None
        self._looked_at = 0.0

    @property
    def partition(self) -> int | None:
        return self._partition

    async def start(self, after_seq: int, place: dict[str, Any] | None) -> bool:
        """Goes to where message after_seq + 1 is to come. False if the topic cannot be had."""
        self.expected = None
        partition = await self._in_thread(self._find_partition)
        if partition is None:
            return False
        offset = OFFSET_BEGINNING
        if place and place.get("topic") == self._topic and place.get("partition") == partition:
            offset = int(place["offset"])
        self.is_from_start = offset == OFFSET_BEGINNING
        self.found.clear()
        self._assembly = Assembly()
        await self._in_thread(
            lambda: self._consumer.assign([TopicPartition(self._topic, partition, offset)])
        )
        self._partition, self.expected = partition, after_seq + 1
        return True

    async def fetch(self, timeout: float) -> None:
        """Adds to `found` what comes within `timeout` seconds, without waiting for more than the
        first."""
        expected, self.expected = self.expected, None  # if we are cancelled, records are lost
        assert expected is not None
        records = await self._in_thread(lambda: self._consume(timeout))
        if time.monotonic() - self._looked_at > METADATA_SECONDS:
            partition = await self._in_thread(self._find_partition)
            if partition is not None and partition != self._partition:
                return  # set up anew at the next read
        self._assembly.forget_before(expected)
        for record in records:
            part = part_from(record.key(), record.value(), record.headers())
            if part is None:
                _strange.inc()
            elif part.chain_id == self.chain_id:
                self._take(part, record.offset(), expected)
        self.expected = expected

    def _take(self, part: Part, offset: int, expected: int) -> None:
        if part.seq < expected:
            _repeated.labels(self.chain_id).inc()
        elif (done := self._assembly.add(part, offset)) is not None:
            self.found.append(_Found(done[0], done[1], offset + 1))

    def _consume(self, timeout: float) -> list[Any]:
        first = self._consumer.poll(timeout)
        if first is None:
            return []
        good = []
        for record in (first, *self._consumer.consume(_RECORDS, 0)):
            if record.error() is None:
                good.append(record)
            else:
                _errors.labels("read").inc()
                _log.warning("kafka did not answer", because=str(record.error()))
        return good

    def _find_partition(self) -> int | None:
        """Where the chain's messages are; None if that cannot be told now."""
        partitions = partition_count(self._consumer, self._topic)
        self._looked_at = time.monotonic()
        return partition_of(self.chain_id, partitions) if partitions else None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        await self._in_thread(self._consumer.close)
        self._thread.shutdown(wait=False)


def partition_count(client: Any, topic: str) -> int:
    """How many partitions the topic has; 0 if it is not there or nobody can be asked."""
    try:
        found = client.list_topics(topic, timeout=5.0).topics.get(topic)
    except KafkaException as error:
        _errors.labels("metadata").inc()
        _log.warning("kafka cannot be reached", because=str(error))
        return 0
    return 0 if found is None or found.error is not None else len(found.partitions)


class KafkaStream:
    """Kafka, by the interface of `Stream`. One object for one consumer: it goes along with it."""

    def __init__(self, database: Database, brokers: str, topic: str, options: Mapping[str, Any]):
        """Use `opened`."""
        self._database = database
        self._topic = topic
        self._options = client_options(brokers, options)
        self._readers: dict[int, _Reader] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls,
        database: Database,
        brokers: str,
        topic: str = TOPIC,
        options: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[KafkaStream]:
        """brokers: host:port,... Brokers that cannot be reached are no error; they are waited for.
        options: librdkafka's, such as those of security."""
        stream = cls(database, brokers, topic, options or {})
        try:
            yield stream
        finally:
            for reader in stream._readers.values():
                await reader.close()

    append = staticmethod(append)

    async def read(
        self,
        chain_id: int,
        after_seq: int,
        limit: int = 100,
        *,
        place: dict[str, Any] | None = None,
    ) -> Sequence[Message]:
        reader = await self._reader(chain_id, after_seq, place)
        if reader is None:
            return []
        messages: list[Message] = []
        size = 0
        while len(messages) < limit and size < READ_BYTES and reader.expected is not None:
            if not reader.found and not messages:
                await reader.fetch(0.0)
            if not reader.found or reader.expected is None:
                break
            if messages and reader.found[0].message.seq > reader.expected:
                break  # what is missing may not be had: first hand out what there is
            next_ = await self._next(reader, limit - len(messages))
            messages += next_
            size += sum(len(message.payload) for message in next_)
        return messages

    async def wait(self, chain_id: int, after_seq: int, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        reader = self._readers.get(chain_id)
        if reader is None or reader.expected != after_seq + 1:
            # `read` has to find the place first; it has tried, if we come here from there
            await asyncio.sleep(min(timeout, 0.05 if reader is None else 0.5))
            return True
        while not reader.found and reader.expected is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await reader.fetch(min(left, 0.5))
        return True

    async def _reader(
        self, chain_id: int, after_seq: int, place: dict[str, Any] | None
    ) -> _Reader | None:
        reader = self._readers.get(chain_id)
        if reader is None:
            reader = self._readers[chain_id] = _Reader(chain_id, self._topic, self._options)
        if reader.expected != after_seq + 1 and not await reader.start(after_seq, place):
            return None
        return reader

    async def _next(self, reader: _Reader, limit: int) -> list[Message]:
        """The expected message, if that is the first of those found; none, if the first is an old
        one; what is missing before it, out of the outbox, if it is a later one."""
        first = reader.found[0]
        expected = reader.expected
        assert expected is not None
        if first.message.seq > expected:
            return await self._fill(reader, first, limit)
        reader.found.popleft()
        if first.message.seq < expected:
            _repeated.labels(reader.chain_id).inc()
            return []
        reader.expected = expected + 1
        _read.labels(reader.chain_id).inc()
        return [self._placed(reader, first.message, first.after)]

    async def _fill(self, reader: _Reader, later: _Found, limit: int) -> list[Message]:
        expected = reader.expected
        assert expected is not None
        missing = min(limit, later.message.seq - expected)
        try:
            async with self._database.connection() as connection:
                found = await read_outbox(connection, reader.chain_id, expected - 1, missing)
                newest = await newest_seq(connection, reader.chain_id)
        except StreamGapError:
            # it may lie further ahead in the topic than the place we were given
            if reader.is_from_start:
                raise
            await reader.start(expected - 1, None)
            return []
        if newest < later.message.seq:
            raise StreamError(
                f"Kafka has message {later.message.seq} of chain {reader.chain_id}, and the"
                f" database goes only to {newest}: after a database was restored, use a new topic"
                " (DONABLOCK_KAFKA_TOPIC)"
            )
        reader.expected = expected + len(found)
        _filled.labels(reader.chain_id).inc(len(found))
        return [self._placed(reader, message, later.first) for message in found]

    def _placed(self, reader: _Reader, message: Message, offset: int) -> Message:
        place = {"topic": self._topic, "partition": reader.partition, "offset": offset}
        return Message(
            message.chain_id, message.seq, message.kind, message.payload, message.trace, place
        )
