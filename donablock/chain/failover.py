"""One question to several nodes: the next is asked when one fails, or takes too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from donablock.chain.faults import Fault
from donablock.chain.peer import Peer

__all__ = ["ask_in_turn"]

T = TypeVar("T")


async def ask_in_turn(
    peers: Sequence[Peer],
    ask: Callable[[Peer], Awaitable[T | None]],
    *,
    patience: float,
) -> tuple[T | None, list[Peer], list[Fault]]:
    """(the first answer, who answered None, what went wrong with others).

    patience: seconds after which the next one is asked beside the one that has not answered yet;
    whichever answers first counts, and the others are given up.
    """
    waiting = list(peers)
    under_way: dict[asyncio.Task[T | None], Peer] = {}
    unknown: list[Peer] = []
    faults: list[Fault] = []
    try:
        while waiting or under_way:
            if waiting:
                peer = waiting.pop(0)
                under_way[asyncio.create_task(_as_coroutine(ask, peer))] = peer
            done, _ = await asyncio.wait(
                under_way,
                timeout=patience if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                peer = under_way.pop(task)
                try:
                    answer = task.result()
                except Fault as fault:
                    faults.append(fault)
                    continue
                if answer is not None:
                    for slow in under_way.values():
                        slow.health.late()
                    return answer, unknown, faults
                unknown.append(peer)
        return None, unknown, faults
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _as_coroutine(ask: Callable[[Peer], Awaitable[T | None]], peer: Peer) -> T | None:
    return await ask(peer)
