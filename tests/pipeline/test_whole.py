"""From nodes that lie to a receiver that verifies, with every role killed wherever it waits: what
is delivered is what a plain model of the chain expects, and every repeat is the same message."""

from __future__ import annotations

import asyncio
import random
import uuid

import pytest

from tests.chain_reader.fake_chain import FakeChain
from tests.chain_reader.fake_node import FakeNode, Injected
from tests.chain_reader.known_lies import IN_BULK, LIES
from tests.crashing import preload
from tests.pipeline import roles
from tests.pipeline.ledger import Ledger
from tests.pipeline.recorder import BAD, Recorder
from tests.pipeline.roles import Setting
from tests.pipeline.whole import (
    ENDPOINTS,
    ORDERS,
    EveryPlace,
    Story,
    Whole,
    history,
    judge,
    prepare,
    standing,
)
from tests.store.mock_kafka import MockKafka

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(900)]

SEED = 5
LEAST_PLACES = {"worker": 20, "matcher": 20, "deliverer": 20, "relay": 10}

preload(roles.__name__)


async def told(lie: Injected) -> None:
    """Returns when the node was asked, and lied."""
    while not lie.told:
        await asyncio.sleep(0.01)


async def test_every_lie_and_a_death_at_every_await(database, database_url, tmp_path):
    """One turn of the chain for each lie. Half of the turns go through Kafka, so the stream is
    changed under way."""
    chain, topic = FakeChain(), f"test.whole.{uuid.uuid4().hex[:8]}"
    story, ledger = Story(chain, random.Random(SEED)), Ledger(ORDERS, roles.CONFIRMATIONS)
    every = EveryPlace()
    with MockKafka(brokers=1) as kafka:
        kafka.make_topic(topic, partitions=1, replicas=1)
        async with FakeNode(chain) as liar, FakeNode(chain) as truthful, Recorder() as recorder:
            await prepare(database, recorder)
            nodes = (liar.url, truthful.url)
            setting = Setting(database_url, nodes)
            async with Whole(setting, database_url, tmp_path) as whole:
                whole.killing = every
                for number, known in enumerate(LIES):
                    if number == len(LIES) // 2:
                        whole.change(Setting(database_url, nodes, kafka.bootstrap, topic))
                    tip = story.turn()
                    liar.repent()
                    lie = liar.inject(known.lie, method=known.method)
                    # only the liar has the tip, and a new worker knows of no lie of its
                    truthful.lag = 1
                    whole.kill("worker")
                    for path in set(ENDPOINTS.values()):
                        recorder.behave(path, [BAD[number % len(BAD)]])
                    await told(lie)
                    truthful.lag = 0
                    await whole.settled(tip)
                    ledger.follow(standing(chain))
                for place in range(0, len(IN_BULK), 7):
                    # behind by more than the window: blocks by number, many at once
                    tip = story.leap(roles.WINDOW + 20)
                    liar.repent()
                    bulk = [
                        liar.inject(lie, method=method, count=1, skip=skip)
                        for skip, (lie, method, _) in enumerate(IN_BULK[place : place + 7])
                    ]
                    whole.kill("worker")
                    await whole.settled(tip)
                    ledger.follow(standing(chain))
                    assert any(one.told for one in bulk)
    assert list((await history(database, chain)).expected) == list(ledger.expected)
    await judge(database, recorder, ledger)
    assert {"cut", "cut deep", "back", "grown"} <= set(story.happened)
    assert set(recorder.manners) == {"good", *BAD}
    places = {role: len(met) for role, met in every.met.items()}
    print(f"killed at {places}, {sum(places.values())} places; kills {dict(whole.kills)}")
    print(f"{len(ledger.expected)} messages, {len(recorder.got)} requests")
    assert all(places[role] >= least for role, least in LEAST_PLACES.items()), places
