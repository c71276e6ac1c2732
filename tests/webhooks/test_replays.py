"""Replays, pages of deliveries and their attempts, and what is thrown away."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from donablock.errors import InputError, NotFoundError
from donablock.monitors.deliveries import Deliveries, Outcome
from donablock.monitors.messages import CONFIRMED
from donablock.monitors.retention import Retention, prune
from donablock.monitors.schedule import DAY
from donablock.monitors.sending import Answer
from tests.webhooks.conftest import PROJECT, World

pytestmark = pytest.mark.asyncio

STRANGER = "pr_stranger"


async def finish(queue: Deliveries, status: int = 204, room: int = 1_000) -> list[str]:
    """Claims what is due and answers it."""
    claimed = (await queue.claim(room)).deliveries
    await queue.write(
        [Outcome(one, Answer(status, None, 0.1), {}, time.monotonic()) for one in claimed]
    )
    return [one.id for one in claimed]


async def as_dead(world: World, *ids: str) -> None:
    await world.execute(
        "UPDATE deliveries SET state = 4, attempts = 10 WHERE id = ANY($1)", list(ids)
    )


async def test_what_came_to_its_end_starts_a_new_series_of_the_same_message(world: World) -> None:
    endpoint = await world.endpoint()
    delivered, dead = await world.add(endpoint.id, 2)
    queue = world.queue()
    await finish(queue)
    await as_dead(world, dead)
    assert sorted(await world.replays.by_id(PROJECT, [delivered, dead, dead])) == [delivered, dead]
    one, two = (await queue.claim(9)).deliveries
    assert (one.id, one.attempt, one.series_attempt, one.replays) == (delivered, 2, 1, 1)
    assert (two.id, two.attempt, two.series_attempt, two.replays) == (dead, 11, 1, 1)
    rows = await world.rows()
    assert rows[delivered]["delivered_at"] is None


async def test_what_is_pending_is_only_brought_forward(world: World) -> None:
    endpoint = await world.endpoint()
    (message,) = await world.add(endpoint.id)
    queue = world.queue()
    await finish(queue, 500)
    assert (await queue.claim(9)).deliveries == []
    assert await world.replays.by_id(PROJECT, [message]) == [message]
    (one,) = (await queue.claim(9)).deliveries
    assert (one.attempt, one.series_attempt, one.replays) == (2, 2, 0)


async def test_what_is_being_sent_or_waits_its_turn_is_left_alone(world: World) -> None:
    endpoint = await world.endpoint(is_ordered=True)
    first, second = await world.add(endpoint.id, 2, key=b"a")
    queue = world.queue()
    claim = await queue.claim(9)
    assert [one.id for one in claim.deliveries] == [first]
    before = await world.rows()
    assert await world.replays.by_id(PROJECT, [first, second]) == []
    assert await world.rows() == before


async def test_a_replayed_message_takes_its_old_place_in_the_order(world: World) -> None:
    endpoint = await world.endpoint(is_ordered=True)
    first, second, third = await world.add(endpoint.id, 3, key=b"a")
    await as_dead(world, first)
    queue = world.queue()
    assert [one.id for one in (await queue.claim(9)).deliveries] == [second]
    await world.replays.by_id(PROJECT, [first])
    (again,) = (await queue.claim(9)).deliveries
    assert again.id == first, "before the third, which waits for both now"
    assert (await world.replays.get(PROJECT, third)).next_at is None


async def test_replays_by_id_are_all_or_nothing_and_of_ones_own(world: World) -> None:
    endpoint = await world.endpoint()
    (dead,) = await world.add(endpoint.id)
    await as_dead(world, dead)
    for project, ids in ((STRANGER, [dead]), (PROJECT, [dead, "evt_none_d1"])):
        with pytest.raises(NotFoundError, match="no delivery"):
            await world.replays.by_id(project, ids)
    with pytest.raises(InputError, match="at most 1000"):
        await world.replays.by_id(PROJECT, [f"evt_{n}_d1" for n in range(1_001)])
    assert (await world.rows())[dead]["state"] == 4
    assert await world.replays.by_id(PROJECT, []) == []


async def test_replays_by_filter_and_by_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("donablock.monitors.replays._BATCH", 3)
    endpoint, other = await world.endpoint(), await world.endpoint()
    ids = await world.add(endpoint.id, 10)
    confirmed = await world.add(endpoint.id, 2, kind=CONFIRMED)
    elsewhere = await world.add(other.id, 2)
    await as_dead(world, *ids, *confirmed, *elsewhere)
    await world.execute(
        "UPDATE deliveries SET created_at = now() - (12 - sequence) * interval '1 hour'"
        " WHERE endpoint_id = $1",
        endpoint.id,
    )
    await world.execute("UPDATE deliveries SET monitor_id = 'mo_2' WHERE id = $1", ids[0])
    await world.execute("UPDATE deliveries SET state = 3 WHERE id = $1", ids[1])
    rows = await world.rows()
    since, until = rows[ids[4]]["created_at"], rows[ids[8]]["created_at"]

    async def replayed(**options: Any) -> set[str]:
        before = {message for message, row in (await world.rows()).items() if row["state"] == 1}
        count = await world.replays.by_filter(PROJECT, endpoint.id, **options)
        after = {message for message, row in (await world.rows()).items() if row["state"] == 1}
        assert count == len(after - before)
        return after - before

    assert await replayed(monitor="mo_2") == {ids[0]}
    assert await replayed(types=["event.confirmed"]) == set(confirmed)
    assert await replayed(since=since, until=until) == set(ids[4:8])
    assert await replayed(states=["delivered"]) == {ids[1]}
    assert await replayed(states=["dead", "delivered"]) == {ids[2], ids[3], ids[8], ids[9]}
    assert await replayed() == set()
    for message in elsewhere:
        assert (await world.rows())[message]["state"] == 4
    for states in ([], ["leased"], ["lost"]):
        with pytest.raises(InputError):
            await world.replays.by_filter(PROJECT, endpoint.id, states=states)


async def test_deliveries_are_read_in_pages_and_by_state(world: World) -> None:
    endpoint = await world.endpoint()
    ids = await world.add(endpoint.id, 7)
    queue = world.queue()
    await finish(queue, room=2)
    seen: list[str] = []
    before = None
    while page := await world.replays.page(PROJECT, endpoint.id, limit=3, before=before):
        seen += [delivery.id for delivery in page]
        before = page[-1].sequence
    assert seen == ids[::-1]
    (newest, older) = await world.replays.page(PROJECT, endpoint.id, state="delivered")
    assert (newest.id, older.id) == (ids[1], ids[0])
    assert newest.event_id == ids[1].removesuffix("_d1") and newest.next_at is None
    assert newest.delivered_at is not None and newest.attempts == 1
    (pending, *_) = await world.replays.page(PROJECT, endpoint.id, state="pending")
    assert pending.state == "pending" and pending.next_at is not None
    assert await world.replays.page(STRANGER, endpoint.id) == []
    with pytest.raises(InputError, match="a delivery is pending"):
        await world.replays.page(PROJECT, endpoint.id, state="lost")  # type: ignore[arg-type]


async def test_nobody_reads_what_belongs_to_another_project(world: World) -> None:
    endpoint = await world.endpoint()
    (message,) = await world.add(endpoint.id)
    for call in (
        world.replays.get(STRANGER, message),
        world.replays.attempts(STRANGER, message),
        world.replays.body(STRANGER, message),
    ):
        with pytest.raises(NotFoundError):
            await call
    assert await world.replays.attempts(PROJECT, message) == []


async def test_a_test_message_has_a_body_although_it_has_no_match(world: World) -> None:
    endpoint = await world.endpoint()
    message = await world.replays.test(PROJECT, endpoint.id)
    assert b"A test message" in await world.replays.body(PROJECT, message)
    assert (await world.replays.get(PROJECT, message)).event_id is None


# --- retention ------------------------------------------------------------------------------------


async def aged(world: World, ids: list[str], days: float) -> None:
    await world.execute(
        "UPDATE deliveries SET created_at = now() - $2::interval, delivered_at ="
        " CASE WHEN delivered_at IS NULL THEN NULL ELSE now() - $2::interval END"
        " WHERE id = ANY($1)",
        ids,
        timedelta(days=days),
    )


async def test_what_is_old_and_at_its_end_is_thrown_away_with_its_attempts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("donablock.monitors.retention._BATCH", 3)
    endpoint = await world.endpoint(concurrency=100)
    queue = world.queue()
    old = await world.add(endpoint.id, 8)
    dead = await world.add(endpoint.id, 2)
    await finish(queue)
    await as_dead(world, *dead)
    (young,) = await world.add(endpoint.id)
    await finish(queue)
    (pending,) = await world.add(endpoint.id)
    await aged(world, old, 31)
    await aged(world, dead, 31)
    await aged(world, [pending], 400)
    assert await prune(world.database) == 8
    assert set(await world.rows()) == {*dead, young, pending}
    kept = {row["delivery_id"] for row in await world.fetch("SELECT delivery_id FROM attempts")}
    assert kept == {*dead, young}
    assert await prune(world.database) == 0
    await aged(world, dead, 91)
    assert await prune(world.database) == 2
    assert await prune(world.database, Retention(delivered=-DAY)) == 1
    assert set(await world.rows()) == {pending}, "what is pending is never thrown away"


async def test_what_waits_for_a_deleted_endpoint_becomes_a_dead_letter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("donablock.monitors.retention._BATCH", 3)
    endpoint, other = await world.endpoint(), await world.endpoint()
    await world.add(endpoint.id, 8)
    await world.add(other.id, 1)
    await world.endpoints.delete(PROJECT, endpoint.id)
    await prune(world.database)
    assert await world.states() == {"dead": 8, "pending": 1}
