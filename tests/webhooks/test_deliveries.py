"""The queue: who gets what, once, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from donablock.monitors import deliveries as queue_module
from donablock.monitors.breaker import Breaker
from donablock.monitors.deliveries import CONCURRENCY, Claimed, Deliveries, Outcome
from donablock.monitors.messages import CONFIRMED, RETRACTED
from donablock.monitors.schedule import DAY, WAITS
from donablock.monitors.sending import Answer, _text
from donablock.store.schema import DEAD, DELIVERED, LEASED, PENDING
from tests.webhooks.conftest import LEASE, LONGEST, PROJECT, Clock, World

pytestmark = pytest.mark.asyncio

FAILED = 500
REQUEST = {"webhook-id": "x"}


def answered(claimed: Claimed, status: int | None = 204, **headers: str) -> Outcome:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status, None if status else "timeout: no answer", 0.25, names, b"ok")
    return Outcome(claimed, answer, REQUEST, time.monotonic() - 0.25)


async def claimed(queue: Deliveries, room: int = 100) -> list[Claimed]:
    return (await queue.claim(room)).deliveries


async def wrote(queue: Deliveries, *outcomes: Outcome) -> Any:
    return await queue.write(outcomes)


# --- claims ---------------------------------------------------------------------------------------


async def test_a_claim_leases_what_is_due_and_says_all_that_sending_needs(world: World) -> None:
    endpoint = await world.endpoint("http://127.0.0.1:9/x", headers={"authorization": "Bearer t"})
    (message,) = await world.add(endpoint.id)
    before = time.monotonic()
    (one,) = await claimed(world.queue())
    assert (one.id, one.kind, one.attempt, one.series_attempt, one.replays) == (
        message,
        "event.detected",
        1,
        1,
        0,
    )
    assert one.target.url == "http://127.0.0.1:9/x"
    assert one.target.headers == {"authorization": "Bearer t"}
    assert "Bearer" not in repr(one) and "Bearer" not in repr(endpoint)
    assert json.loads(one.body)["data"] == {"confirm": False, "chain": "BSC", "blockNumber": 1}
    spare = (LEASE - LONGEST) / 2
    assert before + spare <= one.expires <= time.monotonic() + spare
    row = (await world.rows())[message]
    assert (row["state"], row["claim"], row["attempts"]) == (LEASED, one.claim, 0)
    left = row["lease_until"] - row["created_at"]
    assert timedelta(seconds=LEASE - 1) < left < timedelta(seconds=LEASE + 5)


async def test_nothing_is_claimed_twice_while_its_lease_holds(world: World) -> None:
    endpoint = await world.endpoint(concurrency=1_000)
    ids = await world.add(endpoint.id, 300)
    queues = [world.queue() for _ in range(4)]
    got: list[str] = []

    async def take(queue: Deliveries) -> None:
        # an endpoint whose row another claim has locked is passed over
        while len(got) < 300:
            got.extend(one.id for one in await claimed(queue, 20))

    await asyncio.gather(*(take(queue) for queue in queues))
    assert sorted(got) == sorted(ids)
    assert (await world.states()) == {"leased": 300}


async def test_an_outcome_and_its_attempt_are_written_together(world: World) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id)
    queue = world.queue()
    (one,) = await claimed(queue)
    written = await wrote(queue, answered(one, 201, server="test"))
    assert written.delivered == [one.id] and not written.lost
    row = (await world.rows())[one.id]
    assert (row["state"], row["attempts"], row["claim"]) == (DELIVERED, 1, None)
    assert row["delivered_at"] is not None and row["lease_until"] is None
    (attempt,) = await world.replays.attempts(PROJECT, one.id)
    assert (attempt.number, attempt.status, attempt.error, attempt.duration_ms) == (
        1,
        201,
        None,
        250,
    )
    assert attempt.request == {"method": "POST", "url": endpoint.url, "headers": REQUEST}
    assert attempt.response_headers == {"server": "test"}
    assert attempt.response_body == b"ok"
    assert abs((row["delivered_at"] - attempt.started_at).total_seconds() - 0.25) < 0.2


async def test_a_failure_is_tried_again_by_the_schedule_and_is_dead_in_the_end(
    world: World, clock: Clock
) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id)
    queue = world.queue(clock=clock, breaker=Breaker(failures=100))
    waits = []
    for number in range(1, 11):
        (one,) = await claimed(queue)
        assert (one.attempt, one.series_attempt) == (number, number)
        written = await wrote(queue, answered(one, FAILED))
        row = (await world.rows())[one.id]
        if number == 10:
            break
        assert written.again == [one.id] and row["state"] == PENDING
        wait = (row["next_at"] - clock.now).total_seconds()
        waits.append(wait)
        clock.advance(wait - 0.5)
        assert await claimed(queue) == []
        assert abs((await queue.next_in() or 0.0) - 0.5) < 0.01
        clock.advance(0.5)
    assert tuple(waits) == WAITS
    assert written.dead == [one.id] and row["state"] == DEAD
    clock.advance(100 * DAY)
    assert await claimed(queue) == []
    attempts = await world.replays.attempts(PROJECT, one.id)
    assert [attempt.number for attempt in attempts] == list(range(1, 11))


async def test_retry_after_is_granted_within_bounds(world: World, clock: Clock) -> None:
    endpoint = await world.endpoint()
    ids = await world.add(endpoint.id, 2)
    queue = world.queue(clock=clock)
    first, second = await claimed(queue)
    await wrote(
        queue,
        answered(first, FAILED, retry_after="90"),
        answered(second, FAILED, retry_after="9" * 9),
    )
    rows = await world.rows()
    assert 90 <= (rows[ids[0]]["next_at"] - clock.now).total_seconds() <= 90
    assert (rows[ids[1]]["next_at"] - clock.now).total_seconds() == DAY


async def test_no_answer_is_kept_as_an_error_without_a_response(world: World) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id)
    queue = world.queue()
    (one,) = await claimed(queue)
    await wrote(queue, answered(one, None))
    (attempt,) = await world.replays.attempts(PROJECT, one.id)
    assert (attempt.status, attempt.error) == (None, "timeout: no answer")
    assert (attempt.response_headers, attempt.response_body) == (None, None)


async def test_whatever_an_endpoint_answers_can_be_kept(world: World) -> None:
    """What `sending` lets through is what PostgreSQL takes."""
    odd = "".join(map(chr, range(300))) + "\ud800\udfff\uffff\U0010ffff\\u0000\\x00"
    clean = {_text(odd): _text(odd), "x": ""}
    endpoint = await world.endpoint()
    (message,) = await world.add(endpoint.id)
    queue = world.queue()
    answers = [
        Answer(None, _text(odd), 0.1),
        Answer(500, None, 0.1, clean, bytes(range(256)) * 16),
        Answer(None, None, 0.0),
        Answer(999, None, 10.0**6, {}, b""),
    ]
    for answer in answers:
        (one,) = await claimed(queue)
        await wrote(queue, Outcome(one, answer, {"x": _text(odd)}, time.monotonic()))
        await world.execute("UPDATE deliveries SET next_at = now() WHERE id = $1", message)
    kept = await world.replays.attempts(PROJECT, message)
    assert [(one.status, one.error) for one in kept] == [(a.status, a.error) for a in answers]
    assert kept[0].request["headers"] == {"x": _text(odd)}
    assert kept[1].response_headers == clean and kept[1].response_body == answers[1].body


# --- claims guard outcomes ------------------------------------------------------------------------


async def test_a_lease_that_ran_out_is_taken_up_as_the_same_message(
    world: World, clock: Clock
) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id)
    dead, alive = world.queue(clock=clock), world.queue(clock=clock)
    (first,) = await claimed(dead)
    assert abs((await alive.next_in() or 0.0) - LEASE) < 0.01
    clock.advance(LEASE - 0.01)
    assert await alive.take_up() == [] and await claimed(alive) == []
    clock.advance(0.02)
    assert await alive.take_up() == [first.id]
    (again,) = await claimed(alive)
    assert (again.id, again.body) == (first.id, first.body)
    assert again.claim != first.claim
    assert again.attempt == 1, "nobody knows whether the first was sent: it is not counted"


async def test_an_outcome_whose_lease_ran_out_counts_for_nothing(
    world: World, clock: Clock
) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id)
    late, other = world.queue(clock=clock), world.queue(clock=clock)
    (first,) = await claimed(late)
    clock.advance(LEASE + 1)
    await other.take_up()
    (second,) = await claimed(other)
    written = await wrote(late, answered(first, FAILED))
    assert written.lost == [first.id] and not written.again
    assert (await world.rows())[first.id]["claim"] == second.claim
    assert await world.replays.attempts(PROJECT, first.id) == []
    assert (await wrote(other, answered(second))).delivered == [second.id]
    # and once more, as after a commit of which nobody heard
    assert (await wrote(other, answered(second))).lost == [second.id]
    assert len(await world.replays.attempts(PROJECT, first.id)) == 1


@pytest.mark.parametrize("is_first_good", [True, False])
@pytest.mark.parametrize("are_turned", [True, False])
async def test_of_two_outcomes_of_one_message_only_that_of_its_lease_counts(
    world: World, clock: Clock, is_first_good: bool, are_turned: bool
) -> None:
    """While the database is away outcomes wait; back again, a lease may be taken up and its message
    sent once more before they are written."""
    endpoint = await world.endpoint()
    await world.add(endpoint.id)
    queue = world.queue(clock=clock)
    (first,) = await claimed(queue)
    clock.advance(LEASE + 1)
    await queue.take_up()
    (second,) = await claimed(queue)
    statuses = (204, FAILED) if is_first_good else (FAILED, 204)
    outcomes = [answered(first, statuses[0]), answered(second, statuses[1])]
    written = await wrote(queue, *(outcomes[::-1] if are_turned else outcomes))
    assert written.lost == [first.id]
    assert (written.again, written.delivered) == (
        ([first.id], []) if is_first_good else ([], [first.id])
    )
    (attempt,) = await world.replays.attempts(PROJECT, first.id)
    assert (attempt.number, attempt.status) == (1, statuses[1])


async def test_a_lease_given_back_is_due_at_once_and_counts_no_attempt(world: World) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id, 3)
    queue = world.queue()
    one, two, three = await claimed(queue)
    await wrote(queue, answered(one))
    assert await queue.give_back([one, two]) == 1
    (again,) = await claimed(queue)
    assert (again.id, again.attempt) == (two.id, 1)
    assert (await world.rows())[three.id]["claim"] == three.claim


async def test_a_lease_must_outlast_an_attempt(world: World) -> None:
    with pytest.raises(ValueError, match="does not outlast"):
        world.queue(lease=1.0, longest=1.0)


@pytest.mark.parametrize("jump", [-400 * DAY, -3600.0, 3600.0, 400 * DAY])
async def test_a_clock_that_jumps_loses_nothing(world: World, clock: Clock, jump: float) -> None:
    endpoint = await world.endpoint()
    ids = await world.add(endpoint.id, 6)
    queue = world.queue(clock=clock)
    got = await claimed(queue)
    await wrote(queue, answered(got[0]), answered(got[1], FAILED))
    clock.advance(jump)
    # whose outcome comes after the jump counts, as long as nobody took the lease up
    await wrote(queue, answered(got[2]))
    delivered = Counter({got[0].id: 1, got[2].id: 1})
    for _ in range(2_000):
        await queue.take_up()
        for one in await claimed(queue):
            delivered[one.id] += 1
            await wrote(queue, answered(one))
        states = await world.states()
        if states == {"delivered": 6}:
            break
        waited = await queue.next_in()
        clock.advance(min(3600.0, max(1.0, waited or 1.0)) if jump > -DAY else DAY)
    assert set(delivered) == set(ids) and states == {"delivered": 6}


async def test_a_lease_from_before_the_clock_went_back_is_taken_up_at_once(
    world: World, clock: Clock
) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id)
    queue = world.queue(clock=clock)
    (one,) = await claimed(queue)
    clock.advance(-5.0)
    assert await queue.take_up() == [], "a small step back is waited for"
    clock.advance(-DAY)
    assert await queue.take_up() == [one.id]


# --- fairness -------------------------------------------------------------------------------------


async def test_places_are_shared_evenly_between_endpoints(world: World) -> None:
    greedy = await world.endpoint(concurrency=1_000)
    modest = [await world.endpoint() for _ in range(5)]
    await world.add(greedy.id, 500)
    for endpoint in modest:
        await world.add(endpoint.id, 3)
    queue = world.queue()
    claim = await queue.claim(60)
    got = Counter(one.target.id for one in claim.deliveries)
    assert all(got[endpoint.id] == 3 for endpoint in modest)
    assert got[greedy.id] == 10 and claim.is_more, "an even share, and places are left"
    got.update(one.target.id for one in (await queue.claim(60 - 25)).deliveries)
    assert got[greedy.id] == 45


async def test_those_who_got_nothing_are_the_first_of_the_next_claim(world: World) -> None:
    endpoints = [await world.endpoint() for _ in range(9)]
    for endpoint in endpoints:
        await world.add(endpoint.id, 5)
    queue = world.queue()
    got: Counter[str] = Counter()
    for _ in range(9):
        got.update(one.target.id for one in await claimed(queue, 4))
    assert set(got.values()) == {4}, "four places, nine claims, nine endpoints"


async def test_more_endpoints_than_one_claim_looks_at_are_all_served(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("donablock.monitors.deliveries._ENDPOINTS_AT_ONCE", 4)
    endpoints = [await world.endpoint() for _ in range(11)]
    for endpoint in endpoints:
        await world.add(endpoint.id)
    queue = world.queue()
    got: list[str] = []
    claims = 0
    while True:
        claim = await queue.claim(100)
        claims += 1
        got += [one.target.id for one in claim.deliveries]
        if not claim.is_more:
            break
    assert sorted(got) == sorted(endpoint.id for endpoint in endpoints)
    assert claims <= 5


async def test_an_endpoint_has_only_so_many_at_once_over_all_processes(world: World) -> None:
    three, default = await world.endpoint(concurrency=3), await world.endpoint()
    await world.add(three.id, 50)
    await world.add(default.id, 50)
    queues = [world.queue() for _ in range(4)]
    rounds = await asyncio.gather(*(claimed(queue) for queue in queues for _ in range(3)))
    got = Counter(one.target.id for round_ in rounds for one in round_)
    assert got == {three.id: 3, default.id: CONCURRENCY}
    one = next(one for round_ in rounds for one in round_ if one.target.id == three.id)
    await wrote(queues[0], answered(one))
    (next_,) = await claimed(queues[1])
    assert next_.target.id == three.id


async def test_what_a_process_spares_for_an_endpoint_bounds_its_claim(world: World) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id, 9)
    claim = await world.queue().claim(100, lambda _: 2)
    assert len(claim.deliveries) == 2
    assert (await world.queue().claim(0)).deliveries == []


async def test_a_rate_holds_over_all_processes(world: World, clock: Clock) -> None:
    endpoint = await world.endpoint(rate_per_second=5.0, concurrency=1_000)
    await world.add(endpoint.id, 60)
    queues = [world.queue(clock=clock, lease=10_000.0) for _ in range(3)]
    assert [len(await claimed(queue)) for queue in queues] == [5, 0, 0]
    short = await queues[1].claim(100)
    assert short.in_seconds is not None and abs(short.in_seconds - 0.2) < 1e-3
    clock.advance(0.2)
    assert [len(await claimed(queue)) for queue in queues] == [1, 0, 0]
    sent = 6
    for _ in range(100):
        clock.advance(0.1)
        for queue in queues:
            sent += len(await claimed(queue, 1))
    assert sent == 6 + 50


# --- the endpoint's health ------------------------------------------------------------------------


async def test_an_endpoint_that_fails_in_a_row_rests_and_is_probed(
    world: World, clock: Clock
) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id, 40)
    queue = world.queue(clock=clock)
    got = await claimed(queue)
    await wrote(queue, *(answered(one, FAILED) for one in got[:9]))
    assert (await world.endpoints.get(PROJECT, endpoint.id)).open_until is None
    await wrote(queue, *(answered(one, FAILED) for one in got[9:]))
    kept = await world.endpoints.get(PROJECT, endpoint.id)
    assert kept.open_until == clock.now + timedelta(seconds=30)
    assert kept.failing_since == clock.now and kept.state == "enabled"
    assert await claimed(queue) == []
    clock.advance(30)
    (probe,) = await claimed(queue)
    assert await claimed(queue) == [], "one at a time"
    await wrote(queue, answered(probe))
    kept = await world.endpoints.get(PROJECT, endpoint.id)
    assert (kept.open_until, kept.failing_since) == (None, None)
    assert len(await claimed(queue)) == CONCURRENCY


async def test_a_rest_uses_up_no_attempts(world: World, clock: Clock) -> None:
    endpoint = await world.endpoint()
    ids = await world.add(endpoint.id, 200)
    queue = world.queue(clock=clock)
    for _ in range(60):  # half an hour of an outage
        for one in await claimed(queue):
            await wrote(queue, answered(one, None))
        clock.advance(30)
    rows = await world.rows()
    assert sum(row["attempts"] for row in rows.values()) < 50
    assert await world.states() == {"pending": len(ids)}


async def test_what_is_too_much_for_an_endpoint_waits_as_long_as_it_asks(
    world: World, clock: Clock
) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id, 20)
    queue = world.queue(clock=clock)
    got = await claimed(queue)
    await wrote(queue, answered(got[0], 429, retry_after="120"))
    assert await claimed(queue) == []
    assert (await world.endpoints.get(PROJECT, endpoint.id)).open_until == (
        clock.now + timedelta(seconds=120)
    )
    await queue.give_back(got[1:])
    clock.advance(119)
    assert await claimed(queue) == []
    assert abs((await queue.next_in() or 0.0) - 1) < 0.2
    clock.advance(1)
    assert len(await claimed(queue)) == 1


async def test_410_disables_the_endpoint_and_keeps_what_waits(world: World) -> None:
    endpoint = await world.endpoint()
    ids = await world.add(endpoint.id, 5)
    queue = world.queue()
    got = await claimed(queue, 2)
    written = await wrote(queue, answered(got[0], 410), answered(got[1]))
    assert list(written.disabled) == [endpoint.id]
    kept = await world.endpoints.get(PROJECT, endpoint.id)
    assert kept.state == "disabled" and "410 Gone" in (kept.disabled_because or "")
    assert await world.states() == {"dead": 1, "delivered": 1, "pending": 3}
    assert await claimed(queue) == []
    await world.endpoints.enable(PROJECT, endpoint.id)
    assert {one.id for one in await claimed(queue)} == set(ids[2:])


async def test_days_of_only_failures_disable_and_say_why(world: World, clock: Clock) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id, 100)
    queue = world.queue(clock=clock)
    disabled: dict[str, str] = {}
    started = clock.now
    while not disabled and clock.now < started + timedelta(days=6):
        for one in await claimed(queue):
            disabled |= (await wrote(queue, answered(one, FAILED))).disabled
        clock.advance(600)
    assert timedelta(days=5) <= clock.now - started < timedelta(days=5, hours=2)
    kept = await world.endpoints.get(PROJECT, endpoint.id)
    assert kept.disabled_because == disabled[endpoint.id]
    assert "every attempt since" in kept.disabled_because and "500" in kept.disabled_because


async def test_a_success_in_another_process_heals_too(world: World, clock: Clock) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id, 4)
    failing, good = world.queue(clock=clock), world.queue(clock=clock)
    (one,) = await claimed(failing, 1)
    await wrote(failing, answered(one, FAILED))
    (two,) = await claimed(good, 1)
    await wrote(good, answered(two))
    kept = await world.endpoints.get(PROJECT, endpoint.id)
    assert kept.failing_since is None


async def test_an_endpoint_without_a_secret_and_a_broken_payload_stop_nobody(world: World) -> None:
    bare, broken = await world.endpoint(), await world.endpoint()
    await world.execute("DELETE FROM secrets WHERE endpoint_id = $1", bare.id)
    await world.add(bare.id)
    (odd,) = await world.add(broken.id, payload=b"[1, 2]")
    (lost,) = await world.add(broken.id)
    await world.execute(
        "DELETE FROM matches WHERE id = (SELECT match_id FROM deliveries WHERE id = $1)", lost
    )
    (good,) = await world.add(broken.id)
    faults = {one.id: one.fault for one in await claimed(world.queue())}
    assert len(faults) == 4
    assert faults.pop(good) is None
    assert "not a JSON object" in (faults.pop(odd) or "")
    assert "match is gone" in (faults.pop(lost) or "")
    (no_secret,) = faults.values()
    assert "no secret" in (no_secret or "")


# --- order ----------------------------------------------------------------------------------------


async def test_the_next_of_a_key_waits_for_the_one_before_and_other_keys_do_not(
    world: World, clock: Clock
) -> None:
    endpoint = await world.endpoint(is_ordered=True)
    a1, a2, a3 = await world.add(endpoint.id, 3, key=b"a")
    b1, b2 = await world.add(endpoint.id, 2, key=b"b")
    (free,) = await world.add(endpoint.id, 1)
    queue = world.queue(clock=clock)
    claim = await queue.claim(100)
    assert [one.id for one in claim.deliveries] == [a1, b1, free]
    assert claim.is_more
    assert (await queue.claim(100)).deliveries == []
    held = await world.rows("next_at = 'infinity'")
    assert set(held) == {a2, a3, b2}
    first, second, _ = claim.deliveries
    await wrote(queue, answered(second))
    (after_b,) = await claimed(queue)
    assert after_b.id == b2
    # the head of the line fails: its key waits for it, as long as the schedule takes
    await wrote(queue, answered(first, FAILED), answered(after_b))
    assert await claimed(queue) == []
    clock.advance(5)
    (again,) = await claimed(queue)
    assert again.id == a1
    await wrote(queue, answered(again))
    (second_of_a,) = await claimed(queue)
    assert second_of_a.id == a2


async def test_a_dead_letter_lets_the_next_of_its_key_go(world: World) -> None:
    endpoint = await world.endpoint(is_ordered=True)
    a1, a2 = await world.add(endpoint.id, 2, key=b"a")
    await world.execute("UPDATE deliveries SET attempts = 9 WHERE id = $1", a1)
    queue = world.queue(breaker=Breaker(failures=100))
    (head,) = await claimed(queue)
    assert (await wrote(queue, answered(head, FAILED))).dead == [a1]
    (one,) = await claimed(queue)
    assert one.id == a2


async def test_a_claim_beside_an_uncommitted_outcome_makes_nothing_wait_for_ever(
    world: World,
) -> None:
    """To the claim the first still looks leased; to the outcome the second does not wait yet."""
    endpoint = await world.endpoint(is_ordered=True)
    a1, a2 = await world.add(endpoint.id, 2, key=b"a")
    writing, claiming = world.queue(), world.queue()
    (head,) = await claimed(writing, 1)
    assert head.id == a1
    async with world.database.transaction() as connection:
        await writing._write(connection, [answered(head)])
        assert await claimed(claiming) == []
    assert [one.id for one in await claimed(claiming)] == [a2]


async def test_one_key_waits_at_one_endpoint_only(world: World) -> None:
    here, there = await world.endpoint(is_ordered=True), await world.endpoint(is_ordered=True)
    (a1,) = await world.add(here.id, 1, key=b"a")
    (b1,) = await world.add(there.id, 1, key=b"a")
    assert {one.id for one in await claimed(world.queue())} == {a1, b1}


async def test_order_taken_back_lets_all_that_waits_go(world: World) -> None:
    endpoint = await world.endpoint(is_ordered=True)
    a1, a2, a3 = await world.add(endpoint.id, 3, key=b"a")
    queue = world.queue()
    (head,) = await claimed(queue)
    assert head.id == a1
    await world.endpoints.update(PROJECT, endpoint.id, is_ordered=False)
    assert {one.id for one in await claimed(queue)} == {a2, a3}
    await wrote(queue, answered(head))


async def test_a_lease_that_ran_out_keeps_its_place_in_the_order(
    world: World, clock: Clock
) -> None:
    endpoint = await world.endpoint(is_ordered=True)
    a1, a2 = await world.add(endpoint.id, 2, key=b"a")
    dead, alive = world.queue(clock=clock), world.queue(clock=clock)
    await claimed(dead)
    clock.advance(LEASE + 1)
    await alive.take_up()
    (head,) = await claimed(alive)
    assert head.id == a1
    await wrote(alive, answered(head))
    assert [one.id for one in await claimed(alive)] == [a2]


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_two_processes_do_each_key_goes_in_its_order(
    world: World, clock: Clock, seed: int
) -> None:
    """Random claims, outcomes, crashes, replays and additions. After every step nothing waits for
    ever; at the end all was delivered, and first deliveries of a key came in their order."""
    chance = random.Random(seed)
    endpoints = [await world.endpoint(is_ordered=True, concurrency=4) for _ in range(2)]
    # a schedule that never gives up, so that every delivery ends as delivered
    queues = [
        world.queue(clock=clock, breaker=Breaker(failures=10_000), chance=chance) for _ in range(2)
    ]
    added: dict[tuple[str, bytes], list[str]] = {}
    held: list[tuple[Deliveries, Claimed]] = []
    done: list[str] = []
    keys: dict[str, tuple[str, bytes]] = {}

    async def add() -> None:
        endpoint, key = chance.choice(endpoints).id, chance.choice([b"a", b"b", b"c"])
        for message in await world.add(endpoint, chance.randint(1, 4), key=key):
            added.setdefault((endpoint, key), []).append(message)
            keys[message] = endpoint, key

    async def take() -> None:
        queue = chance.choice(queues)
        held.extend((queue, one) for one in await claimed(queue, chance.randint(1, 6)))

    async def finish() -> None:
        if not held:
            return
        queue, one = held.pop(chance.randrange(len(held)))
        is_good = chance.random() < 0.6 or one.series_attempt > 5
        written = await wrote(queue, answered(one, 204 if is_good else FAILED))
        done.extend(written.delivered)

    async def crash() -> None:
        if held:
            held.pop(chance.randrange(len(held)))

    async def wait() -> None:
        clock.advance(chance.choice([1.0, LEASE + 1, 400.0]))
        await chance.choice(queues).take_up()

    for _ in range(120):
        await chance.choice([add, take, take, finish, finish, finish, crash, wait])()
        stuck = await world.fetch(
            "SELECT id FROM deliveries AS d WHERE next_at = 'infinity' AND NOT EXISTS (SELECT 1"
            " FROM deliveries AS e WHERE e.endpoint_id = d.endpoint_id AND e.order_key ="
            " d.order_key AND e.sequence < d.sequence AND e.state IN (1, 2))"
        )
        assert stuck == [], "what waits, waits for something"
        twice = await world.fetch(
            "SELECT endpoint_id, order_key FROM deliveries WHERE state = 2"
            " GROUP BY 1, 2 HAVING count(*) > 1"
        )
        assert twice == [], "one of a key at once"
    for _ in range(3_000):
        if await world.states() == {"delivered": len(keys)}:
            break
        await wait()
        await take()
        for queue, one in held:
            done.extend((await wrote(queue, answered(one))).delivered)
        held.clear()
    assert sorted(done) == sorted(keys), "each was delivered, and counted, once"
    for key, messages in added.items():
        assert [message for message in done if keys[message] == key] == messages


# --- the cost of a claim --------------------------------------------------------------------------


async def fill(world: World, endpoint: str, count: int, key: str = "NULL") -> None:
    await world.execute(
        "INSERT INTO deliveries (id, match_id, endpoint_id, monitor_id, type, order_key)"
        f" SELECT 'evt_' || $1::text || '_' || n || '_d1', NULL, $1, 'mo_1', 'test', {key}"
        " FROM generate_series(1, $2) AS n",
        endpoint,
        count,
    )


async def buffers(world: World, statement: str, *values: Any) -> tuple[int, str]:
    """(pages that the statement touched, its plan)"""
    async with world.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        rows = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *values
        )
        await transaction.rollback()
    top = rows[0][0][0]["Plan"]
    return top["Shared Hit Blocks"] + top["Shared Read Blocks"], json.dumps(top)


def scans(plan: str) -> list[str]:
    return [part for part in ("Seq Scan on deliveries",) if part in plan] + [
        name
        for name in ("deliveries_due_idx", "deliveries_endpoint_id_sequence_idx")
        if name in plan
    ]


@pytest.mark.slow
@pytest.mark.parametrize("is_analyzed", [True, False], ids=["with statistics", "without"])
async def test_a_backlog_however_long_costs_the_others_nothing(
    world: World, is_analyzed: bool
) -> None:
    small = [await world.endpoint() for _ in range(20)]
    for endpoint in small:
        await fill(world, endpoint.id, 3)
    quiet, _ = await buffers(world, queue_module._READY, None, "", 256)
    huge = await world.endpoint(concurrency=1_000)
    keyed = await world.endpoint(is_ordered=True)
    await fill(world, huge.id, 200_000)
    await fill(world, keyed.id, 20_000, "'\\x01'::bytea")
    if is_analyzed:
        await world.execute("ANALYZE deliveries")
    queue = world.queue()
    loud, plan = await buffers(world, queue_module._READY, None, "", 256)
    assert scans(plan) == [] and "Seq Scan" not in plan.replace("Seq Scan on endpoints", "")
    # the two more endpoints, and a tree that is one or two pages deeper
    assert loud < 3 * quiet + 100, (quiet, loud)
    everyone = [endpoint.id for endpoint in (*small, huge, keyed)]
    leased, plan = await buffers(
        world, queue_module._LEASE, None, everyone, [10] * len(everyone), uuid.uuid4(), 60.0
    )
    assert scans(plan) == []
    assert leased < 3_000, "a few pages for each of 80 rows, of 220,060"
    seconds, served = [], Counter[str]()
    for _ in range(5):
        started = time.perf_counter()
        claim = await queue.claim(200)
        seconds.append(time.perf_counter() - started)
        served.update(one.target.id for one in claim.deliveries)
        await queue.write([answered(one) for one in claim.deliveries])
    assert min(seconds) < 0.1, seconds
    assert all(served[endpoint.id] == 3 for endpoint in small), "all of theirs, at the first claim"
    assert served[huge.id] > 20 and served[keyed.id] >= 1


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [CONFIRMED, RETRACTED])
async def test_the_body_is_the_same_in_every_attempt_and_replay(world: World, kind: Any) -> None:
    endpoint = await world.endpoint()
    (message,) = await world.add(endpoint.id, kind=kind)
    queue = world.queue()
    (first,) = await claimed(queue)
    await wrote(queue, answered(first))
    await asyncio.sleep(0.01)
    await world.replays.by_id(PROJECT, [message])
    (second,) = await claimed(queue)
    assert second.body == first.body == await world.replays.body(PROJECT, message)
    assert (second.attempt, second.series_attempt, second.replays) == (2, 1, 1)
