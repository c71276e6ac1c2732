"""Rates, windows and fair shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.monitors.pace import Rate, Windows, shares

NOW = datetime(2026, 11, 3, 20, 0, 0, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_full_bucket_gives_a_burst_and_then_the_rate() -> None:
    rate = Rate(10)
    assert rate.tokens(None, NOW) == 10
    full_at = rate.spend(None, NOW, 10)
    assert rate.tokens(full_at, NOW) == 0
    assert rate.tokens(full_at, later(0.099)) == 0
    assert rate.tokens(full_at, later(0.1)) == 1
    assert rate.tokens(full_at, later(0.55)) == 5
    assert rate.tokens(full_at, later(60)) == 10
    assert rate.next_at(full_at, NOW) == later(0.1)
    assert rate.next_at(None, NOW) == NOW


def test_less_than_one_a_second_is_a_rate_too() -> None:
    rate = Rate(0.25)
    full_at = rate.spend(None, NOW, 1)
    assert rate.tokens(full_at, later(3.9)) == 0
    assert rate.tokens(full_at, later(4)) == 1
    assert rate.next_at(full_at, NOW) == later(4)


def test_a_clock_that_goes_back_empties_the_bucket_for_one_filling_at_most() -> None:
    rate = Rate(10)
    full_at = rate.spend(None, later(3600), 10)
    assert rate.tokens(full_at, NOW) == 0
    assert rate.next_at(full_at, NOW) <= later(1)
    assert rate.spend(full_at, NOW, 1) <= later(1.2)


@given(
    st.floats(0.1, 1_000),
    st.integers(1, 500),
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 300)), min_size=1, max_size=40),
)
def test_no_more_leaves_the_bucket_than_went_in(
    per_second: float, burst: int, takes: list[tuple[float, int]]
) -> None:
    rate, full_at, at, sent = Rate(per_second, burst), None, NOW, 0
    for passed, wanted in takes:
        at += timedelta(seconds=passed)
        count = min(wanted, rate.tokens(full_at, at))
        full_at = rate.spend(full_at, at, count)
        sent += count
    # a microsecond is what a moment can tell apart, once for each taking
    slack = 1 + len(takes) * per_second * 2e-6
    assert sent <= burst + per_second * (at - NOW).total_seconds() + slack


@given(st.integers(0, 2_000), st.lists(st.integers(-3, 400), max_size=50))
def test_shares_are_even_and_nothing_is_left_that_somebody_wished_for(
    room: int, wishes: list[int]
) -> None:
    given_ = shares(room, wishes)
    wanted = [max(0, wish) for wish in wishes]
    assert sum(given_) == min(room, sum(wanted))
    assert all(0 <= part <= wish for part, wish in zip(given_, wanted, strict=True))
    short = [part for part, wish in zip(given_, wanted, strict=True) if part < wish]
    if short:
        assert max(given_) - min(short) <= 1, "whoever got less than it wished got as much as any"


def test_a_backlog_of_a_million_leaves_the_others_their_share() -> None:
    assert shares(100, [1_000_000, 1, 5]) == [94, 1, 5]
    assert shares(2, [1_000_000, 1_000_000, 1]) == [1, 1, 0]


def test_a_window_doubles_with_every_good_round_and_halves_with_each_failure() -> None:
    windows = Windows(first=4, most=64)
    rounds = []
    for _ in range(6):
        rounds.append(windows.of("ep_1"))
        for _ in range(rounds[-1]):
            windows.succeeded("ep_1")
    assert rounds == [4, 8, 16, 32, 64, 64]
    assert windows.of("ep_2") == 4
    for expected in (32, 16, 8, 4, 2, 1, 1):
        windows.failed("ep_1")
        assert windows.of("ep_1") == expected


def test_windows_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Windows, "_REMEMBERED", 3)
    windows = Windows()
    for number in range(10):
        windows.failed(f"ep_{number}")
    assert len(windows._known) <= 3
