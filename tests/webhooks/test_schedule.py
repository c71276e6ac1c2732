"""When a delivery is tried again, and what an answer means."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.monitors.schedule import (
    HOUR,
    JITTER,
    LONGEST_WAIT,
    MINUTE,
    WAITS,
    Schedule,
    Verdict,
    judge,
    retry_after,
)

NOW = datetime(2026, 11, 3, 20, 0, 0, tzinfo=UTC)
EXACT = Schedule(jitter=0.0)


def test_the_waits_are_those_of_standard_webhooks() -> None:
    # its table of times since the start
    said = (
        "00:00:00 00:00:05 00:05:05 00:35:05 02:35:05 07:35:05 17:35:05 31:35:05 51:35:05 75:35:05"
    )
    since = [0.0, *accumulate(WAITS)]
    shown = [f"{int(s // 3600):02}:{int(s % 3600 // 60):02}:{int(s % 60):02}" for s in since]
    assert " ".join(shown) == said
    assert EXACT.attempts == 10
    assert [EXACT.wait(n, random.Random(1)) for n in range(1, 11)] == [*WAITS, None]


@given(st.integers(1, 9), st.integers())
def test_jitter_stays_within_its_share_and_spreads(attempt: int, seed: int) -> None:
    plain, chance = WAITS[attempt - 1], random.Random(seed)
    waits = [Schedule().wait(attempt, chance) for _ in range(20)]
    assert all(w is not None and abs(w - plain) <= plain * JITTER + 1e-6 for w in waits)
    assert len(set(waits)) > 1


@given(st.integers(1, 9), st.floats(0, 1e9), st.randoms(use_true_random=False))
def test_what_the_endpoint_asks_for_lengthens_only_and_has_a_bound(
    attempt: int, asked: float, chance: random.Random
) -> None:
    wait = Schedule().wait(attempt, chance, asked)
    assert wait is not None
    assert wait >= min(asked, LONGEST_WAIT), "nobody comes earlier than it was asked for"
    assert wait >= WAITS[attempt - 1] * (1 - JITTER) - 1e-6, "the endpoint's word shortens nothing"
    assert wait <= max(WAITS[attempt - 1], LONGEST_WAIT) * (1 + JITTER) + MINUTE


def test_the_last_attempt_is_the_last_whatever_the_endpoint_asks_for() -> None:
    assert EXACT.wait(10, random.Random(1), 60.0) is None
    assert EXACT.wait(11, random.Random(1)) is None
    with pytest.raises(ValueError, match="count from 1"):
        EXACT.wait(0, random.Random(1))


@pytest.mark.parametrize(
    "status, verdict",
    [
        (200, Verdict.DELIVERED),
        (201, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (299, Verdict.DELIVERED),
        (None, Verdict.FAILED),
        (101, Verdict.FAILED),
        (199, Verdict.FAILED),
        (300, Verdict.FAILED),
        (301, Verdict.FAILED),
        (307, Verdict.FAILED),
        (400, Verdict.FAILED),
        (404, Verdict.FAILED),
        (500, Verdict.FAILED),
        (503, Verdict.FAILED),
        (410, Verdict.GONE),
        (429, Verdict.THROTTLED),
        (502, Verdict.THROTTLED),
        (504, Verdict.THROTTLED),
    ],
)
def test_only_2xx_is_a_success(status: int | None, verdict: Verdict) -> None:
    assert judge(status) is verdict


def test_an_overloaded_endpoint_that_names_a_time_is_left_alone() -> None:
    assert judge(503, 5.0) is Verdict.THROTTLED


@pytest.mark.parametrize(
    "value, seconds",
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Tue, 03 Nov 2026 20:01:00 GMT", 60.0),
        ("Tue, 03 Nov 2026 22:00:00 +0000", 2 * HOUR),
        ("Tuesday, 03-Nov-26 20:00:30 GMT", 30.0),
        ("Tue Nov  3 20:00:10 2026", 10.0),
        # the past, nothing, or not understood
        ("Tue, 03 Nov 2026 19:59:59 GMT", None),
        ("0", None),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("1e9", None),
        ("٣", None),
        ("Tue, 99 Nov 2026 20:00:00 GMT", None),
        ("9" * 5_000, 1e9),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text())
def test_no_retry_after_breaks_anything(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 < seconds
