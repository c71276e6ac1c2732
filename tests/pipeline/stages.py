"""Stages of the pipeline as processes of their own, to be killed. Top-level functions, since they
travel to a child by name."""

from __future__ import annotations

from dataclasses import dataclass

from donablock.monitors.matcher import Matcher
from donablock.monitors.worker import Worker
from donablock.store.database import Database
from donablock.store.stream import OutboxStream
from tests.pipeline.model import Script
from tests.pipeline.scripted_chain import ScriptedChain


@dataclass(frozen=True)
class Facts:
    """The chain of these tests."""

    chain_id: int = 31337
    name: str = "local"
    confirmations: int = 2
    poll_seconds: float = 0.01


def chain_of(seed: int, turns: int) -> ScriptedChain:
    """The scripted chain after so many turns; the same in every process."""
    chain = ScriptedChain()
    script = Script(chain, seed)
    for _ in range(turns):
        script.turn()
    return chain


async def follow(url: str, seed: int, turns: int) -> None:
    """Follows the chain as it is after so many turns, to its end."""
    async with Database.opened(url, connections=3) as database:
        worker = Worker(database, chain_of(seed, turns), Facts(), start=0)
        async with database.leadership("worker|31337"):
            await worker.take_over()
            while await worker.step():
                pass


async def match(url: str, limit: int) -> None:
    """Matches whatever the stream has, `limit` messages a transaction."""
    async with Database.opened(url, connections=3) as database:
        matcher = Matcher(database, OutboxStream(database), Facts())
        async with database.leadership("matcher|31337"):
            while await matcher.step(limit):
                pass
