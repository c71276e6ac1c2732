"""Bad weather for a whole pipeline: a schedule of faults. What comes is from one seed; at which
moment of the others' work it comes is the machine's.

    with own_server() as server:
        done = run(server, seed=7)          # raises AssertionError where something was lost

The chain goes on while databases, brokers, nodes, endpoints and roles fail, several at a time. In
the end everything is mended, and what was delivered must be what the chain explains.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg

from donablock.store.database import Database
from donablock.store.postgres import EmbeddedPostgres
from tests.chain_reader import lies
from tests.chain_reader.fake_chain import FakeBlock, FakeChain
from tests.chain_reader.fake_node import FakeNode
from tests.chain_reader.known_lies import IN_BULK, LIES
from tests.pipeline.recorder import BAD, Recorder
from tests.pipeline.roles import Setting
from tests.pipeline.whole import (
    AtRandom,
    Nowhere,
    Story,
    Whole,
    history,
    judge,
    prepare,
    standing,
)
from tests.services_support import copied_database, in_memory, make_template
from tests.store import mock_kafka
from tests.store.mock_kafka import MockKafka
from tests.store.proxy import Proxy

OTHER_CHAIN = (lies.other_chain(), "eth_chainId")
TOLD = [(known.lie, known.method) for known in LIES] + [(lie, method) for lie, method, _ in IN_BULK]


@contextlib.contextmanager
def own_server() -> Iterator[EmbeddedPostgres]:
    """One that may be killed: what it has committed is with the system, if not on the disk."""
    folder = Path(tempfile.mkdtemp(prefix="donablock-weather-", dir=in_memory()))
    server = EmbeddedPostgres(
        folder,
        is_durable=False,
        configuration={
            "synchronous_commit": "on",
            "max_wal_size": "256MB",
            "io_method": "sync",
            "max_connections": "100",
        },
    )
    try:
        with server.start():
            asyncio.run(make_template(server))
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Done:
    """What one schedule was."""

    seed: int
    is_kafka: bool
    blocks: int = 0
    messages: int = 0
    requests: int = 0
    repeats: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    story: Counter[str] = field(default_factory=Counter)


@dataclass
class Scene:
    """All that can fail. The first node never lies."""

    server: EmbeddedPostgres
    url: str
    proxy: Proxy
    kafka: MockKafka | None
    topic: str
    nodes: Sequence[FakeNode]
    recorder: Recorder
    whole: Whole
    story: Story
    chance: random.Random
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    def lock(self, what: str) -> asyncio.Lock:
        """One fault of a kind at a time, so that each is mended before the next."""
        return self.locks.setdefault(what, asyncio.Lock())

    async def a_while(self, longest: float = 0.4) -> None:
        """Some time, and on a busy machine longer: until a node or an endpoint was asked again."""
        asked = self._asked
        await asyncio.sleep(self.chance.uniform(0.0, longest))
        for _ in range(100):
            if self._asked != asked:
                return
            await asyncio.sleep(0.02)

    @property
    def _asked(self) -> int:
        return len(self.recorder.got) + sum(node.requests for node in self.nodes)


Fault = Callable[[Scene], Awaitable[None]]


# --- the database ---------------------------------------------------------------------------------


async def database_killed(scene: Scene) -> None:
    async with scene.lock("database"):
        scene.server.kill()
        await scene.a_while()
        scene.server.restart()


async def database_stopped_at_once(scene: Scene) -> None:
    """As `pg_ctl stop -m immediate`: nothing is finished, and recovery follows."""
    async with scene.lock("database"):
        os.kill(scene.server.pid, signal.SIGQUIT)
        while scene.server.is_running:
            await asyncio.sleep(0.01)
        await scene.a_while()
        scene.server.restart()


async def database_restarted(scene: Scene) -> None:
    async with scene.lock("database"):
        scene.server.restart()


async def backend_killed(scene: Scene) -> None:
    """The server ends all connections and recovers by itself."""
    async with scene.lock("database"):
        pids = await _fetch(
            scene, "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'donablock%'"
        )
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(scene.chance.choice(pids)["pid"], signal.SIGKILL)


async def connections_cut(scene: Scene) -> None:
    """All of them, or some."""
    share = scene.chance.choice([0.3, 1.0])
    async with scene.lock("database"):
        await _fetch(
            scene,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'donablock%' AND random() <= $1",
            share,
        )


async def commit_unheard(scene: Scene) -> None:
    """The next transactions are committed, and their senders do not hear of it."""
    for _ in range(scene.chance.randint(1, 5)):
        scene.proxy.cut_at = b"COMMIT"
        await scene.a_while()


async def _fetch(scene: Scene, statement: str, *values: Any) -> list[Any]:
    """None where the server is just recovering."""
    try:
        connection = await asyncpg.connect(scene.url, timeout=5)
        try:
            rows: list[Any] = await connection.fetch(statement, *values)
        finally:
            connection.terminate()
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        return []
    return rows


# --- the brokers ----------------------------------------------------------------------------------


async def brokers_down(scene: Scene) -> None:
    assert scene.kafka is not None
    async with scene.lock("brokers"):
        scene.kafka.down()
        await scene.a_while(1.0)
        scene.kafka.up()


async def brokers_slow(scene: Scene) -> None:
    assert scene.kafka is not None
    async with scene.lock("brokers"):
        scene.kafka.set_latency(scene.chance.choice([20, 200]))
        await scene.a_while(1.0)
        scene.kafka.set_latency(0)


async def produce_errors(scene: Scene) -> None:
    assert scene.kafka is not None
    errors = [mock_kafka.NOT_ENOUGH_REPLICAS, mock_kafka.NOT_LEADER, mock_kafka.MESSAGE_TOO_LARGE]
    count = scene.chance.randint(1, 4)
    scene.kafka.fail_next(mock_kafka.PRODUCE, scene.chance.choices(errors, k=count))


async def fetch_errors(scene: Scene) -> None:
    assert scene.kafka is not None
    scene.kafka.fail_next(mock_kafka.FETCH, [mock_kafka.NOT_LEADER] * scene.chance.randint(1, 4))


async def records_lost(scene: Scene) -> None:
    """As retention takes them: the outbox has them."""
    assert scene.kafka is not None
    with contextlib.suppress(RuntimeError):  # only whole batches that are there can go
        scene.kafka.delete_records(scene.topic, 0, scene.chance.randint(1, 40))


async def stream_changed(scene: Scene) -> None:
    """From Kafka to the outbox, or back."""
    now = scene.whole.setting
    assert scene.kafka is not None
    brokers = None if now.brokers is not None else scene.kafka.bootstrap
    scene.whole.change(Setting(now.database, now.nodes, brokers, scene.topic))


# --- the nodes ------------------------------------------------------------------------------------


async def node_lies(scene: Scene) -> None:
    node = scene.chance.choice(scene.nodes[1:])
    lie, method = scene.chance.choice(TOLD)
    node.inject(lie, method=method, count=scene.chance.randint(1, 8))


async def node_goes_over(scene: Scene) -> None:
    """To another chain."""
    lie, method = OTHER_CHAIN
    scene.chance.choice(scene.nodes[1:]).inject(lie, method=method, count=1)


async def node_lags(scene: Scene) -> None:
    node = scene.chance.choice(scene.nodes)
    async with scene.lock(node.name):
        node.lag = scene.chance.randint(1, 4)
        await scene.a_while()
        node.lag = 0


async def node_is_slow(scene: Scene) -> None:
    node = scene.chance.choice(scene.nodes)
    async with scene.lock(node.name):
        node.latency = scene.chance.uniform(0.0, 0.5)
        await scene.a_while()
        node.latency = 0.0


async def node_on_a_fork(scene: Scene) -> None:
    """It tells of a branch that nobody else has, with blocks that were never the chain's."""
    node, chain = scene.chance.choice(scene.nodes), scene.story.chain
    async with scene.lock(node.name):
        below = chain.at(max(0, chain.head.number - scene.chance.randint(0, 3)))
        assert below is not None
        node.head = scene.story.branch(below, scene.chance.randint(1, 3), scene.chance)
        await scene.a_while()
        node.head = None


async def node_down(scene: Scene) -> None:
    node = scene.chance.choice(scene.nodes)
    async with scene.lock(node.name):
        await node.stop()
        await scene.a_while()
        await node.start()


# --- endpoints and roles --------------------------------------------------------------------------


async def endpoints_fail(scene: Scene) -> None:
    """All of them, for so many requests."""
    for path in sorted(scene.recorder.secrets):
        manners = scene.chance.choices([*BAD, "good", "good"], k=scene.chance.randint(2, 10))
        scene.recorder.behave(path, manners)


async def endpoint_fails_once(scene: Scene) -> None:
    path = scene.chance.choice(sorted(scene.recorder.secrets))
    scene.recorder.behave(path, [scene.chance.choice(BAD)])


async def role_killed(scene: Scene) -> None:
    scene.whole.kill(scene.chance.choice(sorted(scene.whole.roles)))


async def all_killed(scene: Scene) -> None:
    scene.whole.kill_all()


FAULTS: list[Fault] = [
    database_killed,
    database_stopped_at_once,
    database_restarted,
    backend_killed,
    connections_cut,
    commit_unheard,
    node_lies,
    node_goes_over,
    node_lags,
    node_is_slow,
    node_on_a_fork,
    node_down,
    endpoints_fail,
    endpoint_fails_once,
    role_killed,
    all_killed,
]
BROKER_FAULTS: list[Fault] = [
    brokers_down,
    brokers_slow,
    produce_errors,
    fetch_errors,
    records_lost,
    stream_changed,
]


# --- a schedule -----------------------------------------------------------------------------------


def run(server: EmbeddedPostgres, seed: int, faults: Sequence[Fault] | None = None) -> Done:
    """One schedule on a database of its own. faults: each once in this order, in place of some at
    random. Raises AssertionError, with what happened in its notes."""
    with (
        copied_database(server) as url,
        tempfile.TemporaryDirectory(prefix="donablock-weather-") as folder,
    ):
        return asyncio.run(_run(server, url, Path(folder), seed, faults))


def _chance(seed: int, what: str) -> random.Random:
    """Each part has its own, so that the plan does not depend on who comes first."""
    return random.Random(f"{seed} {what}")


async def _run(
    server: EmbeddedPostgres, url: str, folder: Path, seed: int, faults: Sequence[Fault] | None
) -> Done:
    chance = _chance(seed, "plan")
    is_kafka = chance.random() < 0.5 if faults is None else bool({*faults} & {*BROKER_FAULTS})
    done, started = Done(seed, is_kafka), time.monotonic()
    chain, topic = FakeChain(), f"test.weather.{uuid.uuid4().hex[:8]}"
    story = Story(chain, _chance(seed, "story"))
    async with contextlib.AsyncExitStack() as stack:
        kafka = None
        if is_kafka:
            kafka = stack.enter_context(MockKafka(brokers=2))
            kafka.make_topic(topic, partitions=1, replicas=2)
        nodes = [
            await stack.enter_async_context(FakeNode(chain)) for _ in range(chance.choice([2, 3]))
        ]
        recorder = await stack.enter_async_context(Recorder())
        proxy = await stack.enter_async_context(Proxy.opened(url))
        async with Database.opened(url, connections=2) as database:
            await prepare(database, recorder)
        brokers = None if kafka is None else kafka.bootstrap
        setting = Setting(proxy.url, tuple(node.url for node in nodes), brokers, topic)
        whole = await stack.enter_async_context(Whole(setting, url, folder))
        scene = Scene(
            *(server, url, proxy, kafka, topic, nodes, recorder, whole, story, chance),
        )
        try:
            await whole.settled(story.turn())
            whole.killing = AtRandom(_chance(seed, "kills"))
            whole.kill_all()
            await _storm(scene, done, faults)
            tip = _mend(scene)
            await whole.settled(tip)
            async with Database.opened(url, connections=2) as database:
                ledger = await history(database, chain)
                assert ledger.standing == standing(chain), "the chain was followed to its end"
                await judge(database, recorder, ledger)
        except BaseException as error:
            error.add_note(f"seed {seed}: {dict(done.faults)}, {dict(story.happened)}")
            raise
        done.blocks, done.messages = len(ledger.standing), len(ledger.expected)
        done.requests, done.repeats = len(recorder.got), len(recorder.got) - len(ledger.expected)
        done.kills, done.story = whole.kills, story.happened
        done.seconds = time.monotonic() - started
    return done


async def _storm(scene: Scene, done: Done, faults: Sequence[Fault] | None) -> None:
    """The chain goes on, and faults come over it, several at a time."""
    chance = scene.chance
    possible = FAULTS + (BROKER_FAULTS if scene.kafka is not None else [])
    waiting = list(faults or chance.choices(possible, k=chance.randint(3, 12)))
    under_way: set[asyncio.Task[None]] = set()
    try:
        while waiting or chance.random() < 0.85:
            scene.story.turn(grows=chance.random() < 0.6)
            for _ in range(chance.choice([0, 1, 1, 2])):
                if waiting:
                    fault = waiting.pop(0)
                    done.faults[fault.__name__] += 1
                    own = _chance(done.seed, f"fault {done.faults.total()}")
                    under_way.add(asyncio.ensure_future(fault(replace(scene, chance=own))))
            await scene.a_while(0.3)
            if chance.random() < 0.4:
                await role_killed(scene)
    finally:
        # what was begun is mended, however this ends
        ended = await asyncio.gather(*under_way, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error


def _mend(scene: Scene) -> FakeBlock:
    """Nothing fails any more, and the chain outgrows all its forks; the head."""
    scene.whole.killing = Nowhere()
    scene.proxy.cut_at = None
    for node in scene.nodes:
        node.repent()
    # mostly by new processes, since the old ones may be waiting for long by now
    if scene.chance.random() < 0.8:
        scene.whole.kill_all()
    return scene.story.outgrow()
