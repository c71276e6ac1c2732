"""The roles of the pipeline as they run in production, each a stage of its own that never ends.

`tests.crashing` runs them in children and kills them; whoever started them starts them again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from donablock import telemetry
from donablock.chain.chains import Chain, chain_of
from donablock.chain.nodes import Nodes
from donablock.chain.rpc import Limits as NodeLimits
from donablock.errors import DatabaseError, DatabaseGoneError
from donablock.monitors import worker
from donablock.monitors.breaker import Breaker
from donablock.monitors.deliverer import Deliverer, Limits
from donablock.monitors.deliveries import Deliveries
from donablock.monitors.guard import Policy
from donablock.monitors.matcher import Matcher
from donablock.monitors.schedule import Schedule
from donablock.monitors.sending import Limits as SendingLimits
from donablock.monitors.sending import Sender
from donablock.store.database import Database
from donablock.store.kafka import KafkaStream
from donablock.store.relay import Relay
from donablock.store.stream import OutboxStream, Stream

CONFIRMATIONS = 2
LOOPBACK = Policy.of(["127.0.0.0/8"], is_http_allowed=True)
TRY_AGAIN = 75
"""Exit code of a role that found no database when it started: its keeper starts it again."""

SENDING = SendingLimits(names=0.5, connect=1.0, total=1.2, body=0.3)
LEASE = 3.0
WINDOW = 16
"""In place of 256 blocks: whoever is further behind catches up, many blocks in a transaction."""


@dataclass(frozen=True)
class Setting:
    """Where everything is. brokers: None for a stream without Kafka."""

    database: str
    nodes: tuple[str, ...]
    brokers: str | None = None
    topic: str = ""


def chain() -> Chain:
    """The chain of these tests: all that can be proved is proved, and two blocks confirm."""
    changes = {
        "is_transactions_root_checked": True,
        "confirmations": CONFIRMATIONS,
        "poll_seconds": 0.05,
    }
    return chain_of(31337).model_copy(update=changes)


@asynccontextmanager
async def _database(setting: Setting) -> AsyncIterator[Database]:
    telemetry.set_up(level="error")
    try:
        database = await Database.open(setting.database, connections=4)
    except DatabaseGoneError:
        os._exit(TRY_AGAIN)
    try:
        yield database
    finally:
        await database.close()


async def _until_followed(database: Database) -> None:
    """As the roles wait: without a worker that has begun there is no stream."""
    while True:
        with contextlib.suppress(DatabaseError):
            async with database.connection() as connection:
                if await connection.fetchval("SELECT EXISTS (SELECT FROM cursors)"):
                    return
        await asyncio.sleep(0.05)


def _stream(setting: Setting, database: Database) -> AbstractAsyncContextManager[Stream]:
    if setting.brokers is None:
        return OutboxStream.opened(database)
    return KafkaStream.opened(database, setting.brokers, setting.topic)


async def work(setting: Setting) -> None:
    limits = NodeLimits(timeout=1.0, body_cap=1_000_000)
    async with (
        _database(setting) as database,
        Nodes(chain(), setting.nodes, limits, patience=0.3) as nodes,
    ):
        worker.WINDOW = WINDOW
        await worker.Worker(database, nodes, chain(), start=0).run()


async def relay(setting: Setting) -> None:
    assert setting.brokers is not None
    async with _database(setting) as database:
        await database.lead("relay", Relay(database, setting.brokers, setting.topic).run)


async def match(setting: Setting) -> None:
    async with _database(setting) as database, _stream(setting, database) as stream:
        await _until_followed(database)
        await Matcher(database, stream, chain()).run()


async def deliver(setting: Setting) -> None:
    async with _database(setting) as database, Sender(LOOPBACK, SENDING) as sender:
        queue = Deliveries(
            database,
            lease=LEASE,
            longest=SENDING.longest,
            schedule=Schedule(waits=(0.05,) * 200, jitter=0.0),
            breaker=Breaker(
                failures=4,
                first_rest=0.1,
                longest_rest=0.3,
                first_throttle=0.1,
                longest_throttle=1.0,
            ),
        )
        limits = Limits(in_flight=32, breath=0.005, idle=0.5, take_up=0.2, grace=1.0)
        await Deliverer(queue, sender, limits).run()
