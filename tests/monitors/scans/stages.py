"""A scanner as a process of its own, to be killed, and the chain that it and the test look at."""

from __future__ import annotations

import random

from donablock.monitors import scans
from donablock.store.database import Database
from tests.monitors.scans.rig import Nodes, Weather
from tests.monitors.scans.watching import grow
from tests.pipeline.stages import Facts

BLOCKS = 16


def chain_of(seed: int, turns: int) -> tuple[Nodes, Weather]:
    """The chain after so many turns of its weather; the same in every process."""
    chain, chance = Nodes(), random.Random(seed)
    grow(chain, chance, BLOCKS)
    weather = Weather(chain, chance, BLOCKS)
    for _ in range(turns):
        weather.turn()
    return chain, weather


async def scan(url: str, seed: int, turns: int) -> None:
    """Scans whatever can be scanned, few blocks at a time."""
    scans.BATCH, scans.BATCH_WINDOWED = 5, 3
    chain, _ = chain_of(seed, turns)
    async with Database.opened(url, connections=2) as database:
        scanner = scans.Scanner(database, chain, Facts(), pause=0)
        async with database.leadership("scanner|31337"):
            while await scanner.step():
                pass
