"""One question to several nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from donablock.chain.chains import chain_of
from donablock.chain.failover import ask_in_turn
from donablock.chain.faults import Fault
from donablock.chain.peer import Peer
from donablock.chain.rpc import Rpc

pytestmark = pytest.mark.asyncio


def peers(count: int) -> list[Peer]:
    return [Peer(Rpc(f"http://node-{at}.invalid/"), chain_of(1)) for at in range(count)]


def answers(*given: object) -> Callable[[Peer], Awaitable[object]]:
    """By the node's number: a result, a fault to raise, or (seconds, result)."""

    async def ask(peer: Peer) -> object:
        said = given[int(peer.name.split("-")[1].split(".")[0])]
        if isinstance(said, tuple):
            await asyncio.sleep(said[0])
            said = said[1]
        if isinstance(said, Exception):
            raise said
        return said

    return ask


async def test_the_first_answer_counts_and_nobody_else_is_asked() -> None:
    asked = []

    async def ask(peer: Peer) -> str:
        asked.append(peer.name)
        return "answer"

    assert await ask_in_turn(peers(3), ask, patience=1) == ("answer", [], [])
    assert len(asked) == 1


async def test_faults_and_unknowns_are_passed_over_and_told() -> None:
    nodes = peers(3)
    fault = Fault("wrong")
    assert await ask_in_turn(nodes, answers(fault, None, 7), patience=1) == (7, [nodes[1]], [fault])
    assert await ask_in_turn(nodes, answers(fault, None, fault), patience=1) == (
        None,
        [nodes[1]],
        [fault, fault],
    )
    assert await ask_in_turn([], answers(), patience=1) == (None, [], [])


async def test_a_slow_node_is_overtaken_and_noted() -> None:
    nodes = peers(2)
    began = time.monotonic()
    found = await ask_in_turn(nodes, answers((60, "slow"), "quick"), patience=0.05)
    assert found[0] == "quick" and time.monotonic() - began < 5
    assert nodes[0].health.faults == {"late": 1} and nodes[1].health.faults == {}


async def test_the_slow_one_still_counts_when_the_other_fails() -> None:
    fault = Fault("wrong")
    found = await ask_in_turn(peers(2), answers((0.2, "slow"), fault), patience=0.05)
    assert found == ("slow", [], [fault])


async def test_what_is_no_fault_of_a_node_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await ask_in_turn(peers(2), answers(ZeroDivisionError(), "x"), patience=1)
