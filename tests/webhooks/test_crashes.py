"""The deliverer is killed with SIGKILL at many of its suspensions; nothing is lost, and whatever
comes twice is the same message."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from aiohttp import web

from tests.crashing import crash, preload
from tests.webhooks.conftest import World
from tests.webhooks.receivers import Answering, Received, Receiver
from tests.webhooks.stages import deliver

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

preload(deliver.__module__)


async def run(url: str, at: int | None, seconds: float = 5.0) -> bool:
    """Whether a deliverer was killed at its suspension number `at`. The receiver answers
    meanwhile."""
    return await asyncio.to_thread(crash, deliver, (url, seconds), at)


def flaky() -> Answering:
    """Refuses each message the first time it comes to /flaky."""
    seen: Counter[str] = Counter()

    async def answer(got: Received) -> web.Response:
        await asyncio.sleep(0.002)
        seen[got.id] += 1
        is_bad = got.path == "/flaky" and seen[got.id] == 1
        return web.Response(status=500 if is_bad else 204)

    return answer


async def test_nothing_is_lost_whenever_the_deliverer_dies(
    world: World, database_url: str, receiver: Receiver
) -> None:
    receiver.answer = flaky()
    base = f"http://127.0.0.1:{receiver.port}"
    plain = await world.endpoint(f"{base}/plain", concurrency=4)
    bad = await world.endpoint(f"{base}/flaky", concurrency=4)
    ordered = await world.endpoint(f"{base}/ordered", is_ordered=True, concurrency=4)
    expected: list[str] = []
    keys: dict[bytes, list[str]] = {b"a": [], b"b": []}
    killed = 0
    # the first suspensions nearly one by one: connections, claims, requests and outcomes of the
    # first batches; then further on, where everything is under way at once
    for at in (*range(1, 90, 2), *range(90, 400, 13)):
        expected += await world.add(plain.id, 2) + await world.add(bad.id, 2)
        for key, messages in keys.items():
            messages += await world.add(ordered.id, 2, key=key)
        killed += await run(database_url, at)
    for _ in range(3):
        await run(database_url, None, 20.0)
        if set(await world.states()) == {"delivered"}:
            break
    assert killed >= 50, killed
    expected += [message for messages in keys.values() for message in messages]
    rows = await world.rows()
    assert await world.states() == {"delivered": len(expected)}
    assert set(receiver.ids) == set(expected) == set(rows), "delivered set == expected set"
    bodies: dict[str, bytes] = {}
    for got in receiver.got:
        assert bodies.setdefault(got.id, got.body) == got.body, "a repeat is the same message"
    kept = Counter(row["delivery_id"] for row in await world.fetch("SELECT * FROM attempts"))
    assert kept == {message: row["attempts"] for message, row in rows.items()}
    sent = Counter(receiver.ids)
    assert all(count <= sent[message] for message, count in kept.items()), (
        "no attempt is on record that was not made"
    )
    assert sum(sent.values()) > sum(kept.values()), "some died between a request and its outcome"
    for messages in keys.values():
        firsts = list(dict.fromkeys(message for message in receiver.ids if message in messages))
        assert firsts == messages, "a crash does not change the order"
