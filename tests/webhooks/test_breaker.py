"""When an endpoint rests, is probed, and is disabled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.monitors.breaker import Breaker, Health
from donablock.monitors.schedule import DAY, HOUR, Verdict

NOW = datetime(2026, 11, 3, 20, 0, 0, tzinfo=UTC)
BREAKER = Breaker()
SOUND = Health()


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def failed(health: Health, times: int, at: datetime = NOW) -> Health:
    for _ in range(times):
        health = BREAKER.after(health, Verdict.FAILED, at, said="500")
    return health


def seconds_open(health: Health, at: datetime = NOW) -> float:
    assert health.open_until is not None
    return (health.open_until - at).total_seconds()


def test_it_opens_at_the_tenth_failure_in_a_row() -> None:
    nine = failed(SOUND, 9)
    assert nine.open_until is None
    assert BREAKER.room(nine, NOW, 8, 3) == 5
    ten = failed(nine, 1)
    assert seconds_open(ten) == 30
    assert BREAKER.room(ten, NOW, 8, 0) == 0
    assert BREAKER.room(ten, later(29), 8, 0) == 0


def test_a_success_in_between_starts_the_count_anew() -> None:
    health = BREAKER.after(failed(SOUND, 9), Verdict.DELIVERED, NOW)
    assert health == SOUND and health.is_spotless
    assert failed(health, 9).open_until is None


def test_after_its_rest_one_at_a_time_is_sent_until_one_succeeds() -> None:
    half = failed(SOUND, 10)
    assert BREAKER.room(half, later(30), 8, 0) == 1
    assert BREAKER.room(half, later(30), 8, 1) == 0
    closed = BREAKER.after(half, Verdict.DELIVERED, later(31))
    assert BREAKER.room(closed, later(31), 8, 0) == 8


def test_each_failed_probe_doubles_the_rest_up_to_ten_minutes() -> None:
    health, at, rests = failed(SOUND, 10), NOW, []
    for _ in range(8):
        rests.append(seconds_open(health, at))
        assert health.open_until is not None
        at = health.open_until
        health = failed(health, 1, at)
    assert rests == [30, 60, 120, 240, 480, 600, 600, 600]


def test_a_volley_that_fails_together_opens_it_once() -> None:
    health = failed(failed(SOUND, 10), 40, later(1))
    assert health.openings == 1
    assert health.open_until == later(30)


def test_an_endpoint_that_has_too_much_to_do_rests_at_once_as_long_as_it_asks() -> None:
    short = BREAKER.after(SOUND, Verdict.THROTTLED, NOW)
    assert seconds_open(short) == 5
    asked = BREAKER.after(SOUND, Verdict.THROTTLED, NOW, retry_after=90.0)
    assert seconds_open(asked) == 90
    for_ever = BREAKER.after(SOUND, Verdict.THROTTLED, NOW, retry_after=10.0**9)
    assert seconds_open(for_ever) == HOUR
    # a second answer of the same volley that asks for more is granted, less changes nothing
    more = BREAKER.after(asked, Verdict.THROTTLED, later(1), retry_after=200.0)
    assert more.open_until == later(201) and more.openings == 1
    assert BREAKER.after(more, Verdict.THROTTLED, later(2), retry_after=3.0) == replace(
        more, failures=3
    )


def test_410_disables_at_once_and_says_so() -> None:
    gone = BREAKER.after(SOUND, Verdict.GONE, NOW)
    assert gone.disabled_because is not None
    assert "410 Gone on 2026-11-03 20:00 UTC" in gone.disabled_because
    assert BREAKER.room(gone, later(DAY), 8, 0) == 0
    # a late success of another request does not enable what its owner has to enable
    assert BREAKER.after(gone, Verdict.DELIVERED, NOW).disabled_because == gone.disabled_because


def test_five_days_of_only_failures_disable_and_keep_the_reason() -> None:
    health = failed(SOUND, 20)
    health = failed(health, 1, later(5 * DAY - 1))
    assert health.disabled_because is None
    health = failed(health, 1, later(5 * DAY))
    assert health.disabled_because is not None
    assert "every attempt since 2026-11-03 20:00 UTC failed (22 in a row; the last: 500)" in (
        health.disabled_because
    )


def test_one_failure_and_a_clock_that_jumps_disable_nothing() -> None:
    health = failed(failed(SOUND, 1), 1, later(400 * DAY))
    assert health.disabled_because is None


def test_a_clock_that_goes_back_closes_nothing_for_longer_than_it_went() -> None:
    health = failed(SOUND, 10, later(HOUR))
    assert BREAKER.room(health, NOW, 8, 0) == 0
    assert BREAKER.room(health, later(HOUR + 30), 8, 0) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Verdict), st.floats(0, 3 * HOUR), st.none() | st.floats(0.1, 1e7)
        ),
        max_size=60,
    )
)
@pytest.mark.stateful
def test_whatever_happens_a_rest_has_a_bound_and_a_success_heals(
    events: list[tuple[Verdict, float, float | None]],
) -> None:
    health, at = SOUND, NOW
    for verdict, passed, asked in events:
        at += timedelta(seconds=passed)
        was = health.disabled_because
        health = BREAKER.after(health, verdict, at, retry_after=asked)
        assert health.open_until is None or seconds_open(health, at) <= HOUR
        assert was is None or health.disabled_because == was, "the first reason is the one kept"
        if verdict is Verdict.DELIVERED:
            assert health.is_spotless
        else:
            assert health.failing_since is not None and health.failing_since <= at
        room = BREAKER.room(health, at, 8, 0)
        assert room in (0, 1, 8)
        if health.disabled_because is None and health.open_until is not None:
            assert BREAKER.room(health, health.open_until, 8, 0) == 1, "it is probed at last"
