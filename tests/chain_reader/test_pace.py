"""Rate and concurrency: up by additions, down by half, and never more than allowed."""

from __future__ import annotations

import asyncio
import time

import pytest

from donablock.chain.pace import Pace, Turn

pytestmark = pytest.mark.asyncio


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def turn(clock: Clock, calls: int = 1) -> Turn:
    return Turn(calls, clock.now)


async def test_concurrency_grows_by_one_for_each_round_of_good_answers() -> None:
    clock = Clock()
    pace = Pace(concurrency=4, max_concurrency=6, clock=clock)
    for _ in range(5):
        pace.good(turn(clock))
    assert pace.concurrency == 5
    for _ in range(50):
        pace.good(turn(clock))
    assert pace.concurrency == 6


async def test_concurrency_is_halved_once_for_requests_that_fail_together() -> None:
    clock = Clock()
    pace = Pace(concurrency=16, clock=clock)
    together = [turn(clock) for _ in range(5)]
    clock.now += 1
    for one in together:
        pace.slow(one)
    assert pace.concurrency == 8
    clock.now += 1
    pace.slow(turn(clock))
    assert pace.concurrency == 4
    for _ in range(10):
        clock.now += 1
        pace.slow(turn(clock))
    assert pace.concurrency == 1


async def test_no_rate_is_known_until_the_node_refuses() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    assert pace.rate is None
    sent = []
    for _ in range(40):
        async with pace.turn(2) as one:
            sent.append(one)
        clock.now += 0.01
    pace.refused(sent[-1], None)
    # 80 calls in the last second were too many
    assert pace.rate == 40
    assert pace.pause == 1.0


async def test_the_rate_is_halved_and_won_back_in_steps() -> None:
    clock = Clock()
    pace = Pace(max_rate=200.0, clock=clock)
    pace.refused(turn(clock), 0)
    assert pace.rate == 100
    clock.now += 1
    pace.good(turn(clock))
    assert pace.rate == 105
    pace.good(turn(clock))
    assert pace.rate == 105, "once a second"
    for _ in range(60):
        clock.now += 1
        pace.good(turn(clock))
    assert pace.rate == 200, "never above what is allowed"
    for _ in range(20):
        clock.now += 1
        pace.refused(turn(clock), 0)
    assert pace.rate == 1, "and never nothing"


async def test_answers_to_what_was_sent_before_a_cut_change_no_rate() -> None:
    clock = Clock()
    pace = Pace(max_rate=64.0, clock=clock)
    before = [turn(clock) for _ in range(4)]
    clock.now += 1
    for one in before:
        pace.refused(one, 5)
    assert pace.rate == 32
    clock.now += 10
    pace.good(before[0])
    assert pace.rate == 32


async def test_a_pause_is_as_long_as_the_node_says_within_reason() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    pace.refused(turn(clock), 30)
    clock.now += 10
    assert pace.pause == 20
    pace.refused(turn(clock), 1)
    assert pace.pause == 20, "a later, shorter one does not end it"
    pace.refused(turn(clock), 10**9)
    assert pace.pause == 600


async def test_calls_are_spread_over_time() -> None:
    pace = Pace(max_rate=100.0, concurrency=8)
    began = time.monotonic()

    async def use() -> None:
        async with pace.turn(10):
            pass

    # 150 calls: a second's worth may go at once, the rest takes half a second
    await asyncio.gather(*(use() for _ in range(15)))
    assert time.monotonic() - began >= 0.35


async def test_requests_wait_in_order_and_a_cancelled_one_leaves_no_gap() -> None:
    pace = Pace(concurrency=1, max_concurrency=1)
    order: list[str] = []
    release = asyncio.Event()

    async def use(name: str) -> None:
        async with pace.turn(1):
            order.append(name)
            await release.wait()

    tasks = {name: asyncio.create_task(use(name)) for name in "abcd"}
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert order == ["a"] and pace.load == 4
    tasks["b"].cancel()
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    assert order == ["a", "c", "d"]
    assert pace.under_way == 0 and pace.load == 0


async def test_many_that_are_cancelled_at_once_end_as_cancelled() -> None:
    """One gives its place on to the next, which is being cancelled too."""
    pace = Pace(concurrency=2, max_concurrency=2)

    async def use() -> None:
        async with pace.turn(1):
            await asyncio.sleep(60)

    async def all_() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(use())

    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await all_()
        task = asyncio.create_task(all_())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pace.under_way == 0 and pace.load == 0


async def test_one_that_is_let_in_and_cancelled_at_once_gives_its_place_on() -> None:
    pace = Pace(concurrency=1, max_concurrency=1)
    first = pace.turn(1)
    await first.__aenter__()

    async def use() -> str:
        async with pace.turn(1):
            return "done"

    waiting, last = asyncio.create_task(use()), asyncio.create_task(use())
    await asyncio.sleep(0)
    await first.__aexit__(None, None, None)
    waiting.cancel()
    assert await asyncio.wait_for(last, 1) == "done"
    assert pace.under_way == 0
