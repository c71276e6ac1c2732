"""What the tests of the streams share: a chain with a cursor, and a consumer that reads."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from donablock.store.database import Database
from donablock.store.kafka import KafkaStream
from donablock.store.positions import Position, advance, register
from donablock.store.relay import Relay
from donablock.store.schema import ADDED
from donablock.store.stream import Message, OutboxStream, Stream, append

CHAIN = 56


async def make_chain(database: Database, chain_id: int = CHAIN) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO cursors (chain_id, number, hash) VALUES ($1, 0, $2)", chain_id, bytes(32)
        )


async def send(
    database: Database, *payloads: bytes, chain_id: int = CHAIN, trace: str | None = None
) -> list[int]:
    """As the worker does: one transaction for each."""
    numbers = []
    for payload in payloads:
        async with database.transaction() as connection:
            numbers.append(await append(connection, chain_id, ADDED, payload, trace))
    return numbers


@dataclass
class Consumer:
    """Follows one chain as the matcher does, and keeps what it got."""

    database: Database
    stream: Stream
    position: Position
    got: list[Message] = field(default_factory=list)

    @classmethod
    async def registered(
        cls, database: Database, stream: Stream, name: str = "matcher", chain_id: int = CHAIN
    ) -> Consumer:
        async with database.transaction() as connection:
            return cls(database, stream, await register(connection, name, chain_id))

    async def step(self, limit: int = 100) -> int:
        """One read and its commit; how many messages there were."""
        messages = await self.stream.read(
            self.position.chain_id, self.position.seq, limit, place=self.position.place
        )
        if messages:
            async with self.database.transaction() as connection:
                last = messages[-1]
                self.position = await advance(connection, self.position, last.seq, last.place)
            self.got += messages
        return len(messages)

    async def follow(self, count: int, within: float = 20.0, limit: int = 100) -> list[Message]:
        """Reads until `count` more messages have come, at most `limit` at once; all of them."""
        before = len(self.got)
        deadline = time.monotonic() + within
        while len(self.got) < before + count:
            assert time.monotonic() < deadline, f"only {len(self.got) - before} of {count} came"
            if not await self.step(min(limit, before + count - len(self.got))):
                await self.stream.wait(self.position.chain_id, self.position.seq, 1.0)
        return self.got[before:]


async def collect(
    stream: Stream, after_seq: int, count: int, place: dict[str, Any] | None = None
) -> list[Message]:
    """The messages after one, read without committing anything."""
    found: list[Message] = []
    deadline = time.monotonic() + 20.0
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {len(found)} of {count} came"
        place = found[-1].place if found else place
        found += await stream.read(CHAIN, after_seq + len(found), place=place)
    return found


async def until_relayed(database: Database, seq: int, within: float = 30.0) -> None:
    """Returns when the relay, if there is one, has written that Kafka has the message."""
    deadline = time.monotonic() + within
    while (at := await relayed(database)) is not None and at < seq:
        assert time.monotonic() < deadline, f"the relay is at {at}, not {seq}"
        await asyncio.sleep(0.02)


async def relayed(database: Database) -> int | None:
    """How far the relay is; None if there never was one."""
    async with database.connection() as connection:
        at: int | None = await connection.fetchval(
            "SELECT seq FROM positions WHERE consumer = 'relay' AND chain_id = $1", CHAIN
        )
    return at


@dataclass(frozen=True)
class Broker:
    """Which Kafka, and a topic of the test's own."""

    bootstrap: str
    topic: str
    options: Mapping[str, Any] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def relaying(database: Database, broker: Broker) -> AsyncIterator[Relay]:
    """A relay beside the block."""
    relay = Relay(database, broker.bootstrap, broker.topic, broker.options)
    task = asyncio.create_task(relay.run())
    try:
        yield relay
        assert not task.done(), "the relay gave up"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await relay.close()


@contextlib.asynccontextmanager
async def opened_stream(database: Database, broker: Broker | None) -> AsyncIterator[Stream]:
    """Kafka if there is a broker, else the outbox."""
    if broker is None:
        async with OutboxStream.opened(database) as stream:
            yield stream
    else:
        opened = KafkaStream.opened(database, broker.bootstrap, broker.topic, broker.options)
        async with opened as kafka:
            yield kafka
