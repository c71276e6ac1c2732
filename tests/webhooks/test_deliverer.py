"""The role as a whole: rows in, signed requests out, outcomes written, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from donablock.errors import DatabaseGoneError
from donablock.monitors import deliverer as role
from donablock.monitors.breaker import Breaker
from donablock.monitors.deliverer import Deliverer, Limits
from donablock.monitors.deliveries import CHANNEL, Claimed, Deliveries
from donablock.monitors.schedule import Schedule
from donablock.monitors.sending import Answer, Sender
from donablock.monitors.sending import Limits as SendingLimits
from donablock.store.database import Database
from tests.webhooks.conftest import LOOPBACK, PROJECT, World
from tests.webhooks.receivers import Received, Receiver, Rude, few_files, says
from tests.webhooks.test_signing import verified_by_key

pytestmark = pytest.mark.asyncio

QUICK = Limits(breath=0.002, idle=1.0, take_up=0.2, grace=5.0)
# tried again soon, and often: what the waits are is shown elsewhere
SOON = Schedule(waits=(0.05,) * 9, jitter=0.0)
PATIENT = Breaker(failures=1_000)


@asynccontextmanager
async def running(
    world: World, sender: Sender, limits: Limits = QUICK, **options: Any
) -> AsyncIterator[Deliverer]:
    """A deliverer that is stopped in order at the end."""
    queue = world.queue(**({"schedule": SOON, "breaker": PATIENT} | options))
    deliverer = Deliverer(queue, sender, limits)
    task = asyncio.create_task(deliverer.run())
    try:
        yield deliverer
    finally:
        deliverer.stop()
        await asyncio.wait_for(task, 15.0)


async def until(check: Callable[[], Any], timeout: float = 10.0) -> None:
    """Waits for an async condition."""
    async with asyncio.timeout(timeout):
        while not await check():
            await asyncio.sleep(0.01)


def all_are(world: World, **states: int) -> Callable[[], Any]:
    async def check() -> bool:
        return await world.states() == states

    return check


# --- what is sent ---------------------------------------------------------------------------------


async def test_a_row_becomes_a_request_that_a_foreign_library_verifies(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url, headers={"authorization": "Bearer abc"})
    async with running(world, sender):
        (message,) = await world.add(endpoint.id)
        (got,) = await receiver.wait_for(1)
        await until(all_are(world, delivered=1))
    said = Webhook(world.secrets[endpoint.id].text).verify(got.body, got.headers)
    assert said["type"] == "event.detected" and said["data"]["chain"] == "BSC"
    assert got.id == message
    assert got.headers["authorization"] == "Bearer abc"
    assert got.headers["donablock-attempt"] == "1" and "donablock-replay" not in got.headers
    assert got.body == await world.replays.body(PROJECT, message)
    (attempt,) = await world.replays.attempts(PROJECT, message)
    assert attempt.request["headers"]["authorization"] == "[redacted]"
    assert attempt.request["headers"]["webhook-signature"] == got.headers["webhook-signature"]


async def test_while_a_secret_is_rotated_both_verify_and_then_only_the_new_one(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url)
    old = world.secrets[endpoint.id]
    new = await world.endpoints.rotate(PROJECT, endpoint.id)
    async with running(world, sender):
        await world.add(endpoint.id)
        (got,) = await receiver.wait_for(1)
        for secret in (old, new):
            Webhook(secret.text).verify(got.body, got.headers)
        pair = await world.endpoints.rotate(PROJECT, endpoint.id, kind="v1a", keep=0)
        await world.add(endpoint.id)
        got = (await receiver.wait_for(2))[1]
    assert got.headers["webhook-signature"].startswith("v1a,")
    assert " " not in got.headers["webhook-signature"]
    assert pair.public is not None and verified_by_key(pair.public, got.headers, got.body)


async def test_repeats_carry_the_same_id_and_body_and_a_new_signature(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    statuses = iter([500, 404, 302, 200])
    receiver.answer = lambda _: web.Response(status=next(statuses))
    endpoint = await world.endpoint(receiver.url)
    async with running(world, sender):
        (message,) = await world.add(endpoint.id)
        await until(all_are(world, delivered=1))
    assert receiver.ids == [message] * 4
    assert len({got.body for got in receiver.got}) == 1
    assert [got.headers["donablock-attempt"] for got in receiver.got] == ["1", "2", "3", "4"]
    for got in receiver.got:
        Webhook(world.secrets[endpoint.id].text).verify(got.body, got.headers)
    attempts = await world.replays.attempts(PROJECT, message)
    assert [attempt.status for attempt in attempts] == [500, 404, 302, 200]


async def test_a_dead_letter_is_replayed_as_a_new_series(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    receiver.answer = lambda _: web.Response(status=500)
    endpoint = await world.endpoint(receiver.url)
    async with running(world, sender, schedule=Schedule(waits=(0.01, 0.01), jitter=0.0)):
        (message,) = await world.add(endpoint.id)
        await until(all_are(world, dead=1))
        assert len(receiver.got) == 3
        receiver.answer = lambda _: web.Response(status=200)
        assert await world.replays.by_filter(PROJECT, endpoint.id) == 1
        await until(all_are(world, delivered=1))
    got = receiver.got[3]
    assert (got.id, got.body) == (message, receiver.got[0].body)
    assert got.headers["donablock-attempt"] == "4" and got.headers["donablock-replay"] == "1"
    delivery = await world.replays.get(PROJECT, message)
    assert (delivery.state, delivery.attempts, delivery.replays) == ("delivered", 4, 1)


async def test_a_test_message_goes_the_way_of_all(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url)
    async with running(world, sender):
        message = await world.replays.test(PROJECT, endpoint.id)
        (got,) = await receiver.wait_for(1)
    assert got.id == message
    said = Webhook(world.secrets[endpoint.id].text).verify(got.body, got.headers)
    assert said["type"] == "test" and said["data"]["endpointId"] == endpoint.id


# --- endpoints that misbehave ---------------------------------------------------------------------


async def test_endpoints_that_hang_or_are_dead_hold_up_nobody(
    world: World, receiver: Receiver
) -> None:
    patient = SendingLimits(connect=15.0, total=15.0)
    few = Limits(in_flight=60, breath=0.002, idle=1.0, grace=0.1)
    async with Rude(says(hold=True)) as hanging, Sender(LOOPBACK, patient) as sender:
        slow = [await world.endpoint(hanging.url, concurrency=100) for _ in range(10)]
        dead = await world.endpoint("http://127.0.0.1:9/")
        for endpoint in (*slow, dead):
            await world.add(endpoint.id, 50)
        sound = await world.endpoint(receiver.url)
        async with running(world, sender, few, lease=40.0, longest=patient.longest):
            async with asyncio.timeout(10):
                while hanging.connections < 40:
                    await asyncio.sleep(0.01)
            waited = []
            for _ in range(10):
                started = time.monotonic()
                await world.add(sound.id)
                await receiver.wait_for(len(receiver.got) + 1)
                waited.append(time.monotonic() - started)
        assert hanging.connections == 40, "four places for each that nobody knows"
    assert max(waited) < 5, waited


async def test_what_an_endpoint_answers_does_what_it_says(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    answers = {
        "gone": lambda: web.Response(status=410),
        "busy": lambda: web.Response(status=429, headers={"retry-after": "120"}),
        "moved": lambda: web.Response(
            status=307, headers={"location": "http://169.254.169.254/latest/meta-data/"}
        ),
        "huge": lambda: web.Response(status=200, body=b"x" * 1_000_000),
        "created": lambda: web.Response(status=201),
    }
    receiver.answer = lambda got: answers[got.path.strip("/")]()
    by_path = {
        path: await world.endpoint(f"http://127.0.0.1:{receiver.port}/{path}") for path in answers
    }
    garbage = says(b"SSH-2.0-OpenSSH_9.6\r\n")
    async with Rude(garbage) as rude, Rude(says(b"")) as closing:
        by_path["garbage"] = await world.endpoint(rude.url)
        by_path["closing"] = await world.endpoint(closing.url)
        for endpoint in by_path.values():
            await world.add(endpoint.id)
        slow = Schedule(waits=(60.0,) * 3, jitter=0.0)
        async with running(world, sender, schedule=slow):
            await until(all_are(world, delivered=2, dead=1, pending=4))
            await asyncio.sleep(0.05)
    rows = {row["endpoint_id"]: row for row in (await world.rows()).values()}
    said = {}
    for path, endpoint in by_path.items():
        (attempt,) = await world.replays.attempts(PROJECT, rows[endpoint.id]["id"])
        said[path] = attempt.status or (attempt.error or "").split(":")[0]
    assert said == {
        "gone": 410,
        "busy": 429,
        "moved": 307,
        "huge": 200,
        "created": 201,
        "garbage": "garbage",
        "closing": "closed",
    }
    gone = await world.endpoints.get(PROJECT, by_path["gone"].id)
    assert gone.state == "disabled"
    busy = await world.endpoints.get(PROJECT, by_path["busy"].id)
    assert busy.open_until is not None and busy.state == "enabled"
    waits = (rows[busy.id]["next_at"] - rows[busy.id]["created_at"]).total_seconds()
    assert 119 < waits < 125


async def test_no_more_at_once_than_the_endpoint_allows(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    async def answer(_: Received) -> web.Response:
        await asyncio.sleep(0.02)
        return web.Response()

    receiver.answer = answer
    endpoint = await world.endpoint(receiver.url, concurrency=3)
    await world.add(endpoint.id, 60)
    async with running(world, sender), running(world, sender):
        await until(all_are(world, delivered=60))
    assert receiver.most_at_once == 3
    assert Counter(receiver.ids).most_common(1)[0][1] == 1


async def test_a_rate_is_kept(world: World, sender: Sender, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url, rate_per_second=20.0)
    await world.add(endpoint.id, 40)
    began = asyncio.get_running_loop().time()
    async with running(world, sender):
        await until(all_are(world, delivered=40))
    assert receiver.got[-1].at - began >= 0.9, "a burst of 20, and a second for the other 20"


async def test_each_key_arrives_in_its_order(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    failing = Counter[str]()

    async def answer(got: Received) -> web.Response:
        await asyncio.sleep(0.001 * (crc32(got.id.encode()) % 5))
        failing[got.id] += 1
        is_bad = crc32(got.body) % 3 == 0 and failing[got.id] < 3
        return web.Response(status=500 if is_bad else 200)

    receiver.answer = answer
    endpoint = await world.endpoint(receiver.url, is_ordered=True)
    keys = {key: await world.add(endpoint.id, 12, key=key) for key in (b"a", b"b", b"c")}
    async with running(world, sender), running(world, sender):
        await until(all_are(world, delivered=36), timeout=30)
    for messages in keys.values():
        firsts = list(dict.fromkeys(message for message in receiver.ids if message in messages))
        assert firsts == messages
        lasts = list(dict.fromkeys(m for m in reversed(receiver.ids) if m in messages))
        assert lasts == messages[::-1], "the next came only after the one before had succeeded"


# --- running --------------------------------------------------------------------------------------


async def test_news_wakes_it_at_once_and_a_retry_comes_in_its_time(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    statuses = iter([500, 200])
    receiver.answer = lambda _: web.Response(status=next(statuses))
    endpoint = await world.endpoint(receiver.url)
    lazy = Limits(breath=0.002, idle=60.0, take_up=60.0)
    async with running(world, sender, lazy, schedule=Schedule(waits=(0.7,), jitter=0.0)):
        await asyncio.sleep(0.2)
        started = asyncio.get_running_loop().time()
        await world.add(endpoint.id)
        first, second = await receiver.wait_for(2)
    assert first.at - started < 5
    assert 0.65 < second.at - first.at < 5


async def test_two_deliverers_send_each_once_and_share_the_work(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    endpoints = [await world.endpoint(receiver.url) for _ in range(8)]
    expected = [message for endpoint in endpoints for message in await world.add(endpoint.id, 40)]
    small = Limits(in_flight=8, breath=0.002, idle=1.0)
    async with running(world, sender, small), running(world, sender, small):
        await until(all_are(world, delivered=len(expected)), timeout=30)
    assert sorted(receiver.ids) == sorted(expected)


async def test_a_stop_finishes_what_is_under_way(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    async def answer(_: Received) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response()

    receiver.answer = answer
    endpoint = await world.endpoint(receiver.url, concurrency=4)
    await world.add(endpoint.id, 20)
    async with running(world, sender):
        await receiver.wait_for(4)
    states = await world.states()
    assert states == {"delivered": len(receiver.got), "pending": 20 - len(receiver.got)}
    assert 4 <= len(receiver.got) <= 8


async def test_a_stop_gives_back_what_takes_too_long(world: World, sender: Sender) -> None:
    async with Rude(says(hold=True)) as hanging:
        endpoint = await world.endpoint(hanging.url)
        await world.add(endpoint.id, 3)
        started = time.monotonic()
        async with running(world, sender, Limits(breath=0.002, grace=0.1)):
            await until(all_are(world, leased=3))
            await asyncio.sleep(0.1)  # until all three are under way
        assert time.monotonic() - started < 10, "it does not wait for the answers"
    rows = await world.rows()
    assert {(row["state"], row["attempts"]) for row in rows.values()} == {(1, 0)}


async def test_an_attempt_that_would_begin_too_late_is_not_made(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    """As after the machine slept: the lease may be somebody else's by now."""
    endpoint = await world.endpoint(receiver.url)
    await world.add(endpoint.id)

    class Slept(Deliveries):
        async def claim(self, *arguments: Any) -> Any:
            claim = await super().claim(*arguments)
            late = [_expired(one) for one in claim.deliveries]
            return type(claim)(late, claim.is_more, claim.in_seconds)

    queue = Slept(world.database, lease=2.0, longest=1.0)
    deliverer = Deliverer(queue, sender, QUICK)
    task = asyncio.create_task(deliverer.run())
    await until(all_are(world, leased=1))
    await asyncio.sleep(0.2)
    deliverer.stop()
    await task
    assert receiver.got == []
    assert await world.states() == {"leased": 1}


def _expired(claimed: Claimed) -> Claimed:
    return replace(claimed, expires=time.monotonic() - 1)


async def test_a_database_that_goes_away_is_waited_for_and_nothing_is_lost(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url)

    class Flaky(Deliveries):
        writes = claims = 0

        async def write(self, outcomes: Any) -> Any:
            Flaky.writes += 1
            if Flaky.writes in (1, 2):
                raise DatabaseGoneError("the database cannot be reached")
            return await super().write(outcomes)

        async def claim(self, *arguments: Any) -> Any:
            Flaky.claims += 1
            if Flaky.claims == 1:
                raise DatabaseGoneError("the database cannot be reached")
            return await super().claim(*arguments)

    await world.add(endpoint.id, 5)
    deliverer = Deliverer(Flaky(world.database, lease=8.0, longest=1.0), sender, QUICK)
    task = asyncio.create_task(deliverer.run())
    await until(all_are(world, delivered=5))
    deliverer.stop()
    await task
    assert len(receiver.got) == 5, "what was sent is not sent again because it could not be written"


async def test_connections_to_the_database_that_break_lose_nothing(
    world: World, database_url: str, sender: Sender, receiver: Receiver
) -> None:
    """The server ends every connection of the deliverer, again and again, whatever it is doing."""

    async def answer(_: Received) -> web.Response:
        await asyncio.sleep(0.01)
        return web.Response()

    receiver.answer = answer
    endpoints = [await world.endpoint(receiver.url, concurrency=8) for _ in range(4)]
    ids: list[str] = []
    broken = 0
    async with Database.opened(database_url, name="victim", connections=4) as victim:
        queue = Deliveries(victim, lease=1.2, longest=1.0, schedule=SOON, breaker=PATIENT)
        deliverer = Deliverer(queue, sender, QUICK)
        task = asyncio.create_task(deliverer.run())
        for _ in range(15):
            for endpoint in endpoints:
                ids += await world.add(endpoint.id, 4)
            await asyncio.sleep(0.03)
            rows = await world.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                " current_database() AND application_name IN ('victim', 'donablock news')"
            )
            broken += len(rows)
        await until(all_are(world, delivered=len(ids)), timeout=40)
        deliverer.stop()
        await task
    assert broken >= 15
    assert set(receiver.ids) == set(ids)
    assert len({got.body for got in receiver.got}) == len(ids)


async def test_what_this_machine_cannot_send_counts_against_nobody(
    world: World, sender: Sender, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url)

    class Short(Sender):
        sent = 0

        async def post(self, *arguments: Any) -> Answer:
            Short.sent += 1
            if Short.sent == 1:
                with few_files():
                    return await super().post(*arguments)
            return await super().post(*arguments)

    async with Short(sender.policy, sender.limits) as short, running(world, short, lease=5.0):
        (message,) = await world.add(endpoint.id)
        await until(all_are(world, delivered=1))
    assert Short.sent == 2
    assert (await world.replays.get(PROJECT, message)).attempts == 1
    kept = await world.endpoints.get(PROJECT, endpoint.id)
    assert kept.failing_since is None


async def test_a_fault_of_our_own_ends_the_role_and_is_not_hidden(
    world: World, sender: Sender
) -> None:
    class Broken(Deliveries):
        async def claim(self, *_: Any) -> Any:
            raise RuntimeError("a bug")

    deliverer = Deliverer(Broken(world.database, lease=2.0, longest=1.0), sender, QUICK)
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(deliverer.run(), 5)


async def test_it_counts_what_it_does(world: World, sender: Sender, receiver: Receiver) -> None:
    def value(metric: Any, *labels: str) -> float:
        return float((metric.labels(*labels) if labels else metric)._value.get())

    before = [
        value(role.ATTEMPTS, "5xx"),
        value(role.ATTEMPTS, "2xx"),
        value(role.DELIVERIES, "delivered"),
        float(role.DELIVERED_SECONDS._sum.get()),
    ]
    statuses = iter([503, 200])
    receiver.answer = lambda _: web.Response(status=next(statuses))
    endpoint = await world.endpoint(receiver.url)
    async with running(world, sender):
        await world.add(endpoint.id)
        await until(all_are(world, delivered=1))
    assert value(role.ATTEMPTS, "5xx") == before[0] + 1
    assert value(role.ATTEMPTS, "2xx") == before[1] + 1
    assert value(role.DELIVERIES, "delivered") == before[2] + 1
    assert 0.05 < float(role.DELIVERED_SECONDS._sum.get()) - before[3] < 5
    assert value(role.IN_FLIGHT) == 0


async def test_the_channel_is_the_one_that_is_listened_to(world: World) -> None:
    async with world.database.news(CHANNEL) as news:
        await news.wait(5)
        endpoint = await world.endpoint()
        await world.add(endpoint.id)
        assert await news.wait(5)
