"""Who follows our contracts, as processes of their own, to be killed. Top-level functions, since
they travel to a child by name."""

from __future__ import annotations

import os
import random

from donablock.monitors.matcher import Matcher
from donablock.monitors.projections import Projections
from donablock.monitors.rebuild import rebuild
from donablock.settings import settings
from donablock.store.database import Database
from donablock.store.stream import OutboxStream
from tests.monitors.builtin.ours import address, donated, opened, pledged, transactions
from tests.pipeline.scripted_chain import ScriptedChain
from tests.pipeline.stages import Facts

CAMPAIGNS = [address(0x300 + number) for number in range(5)]


def turned(seed: int, turns: int) -> ScriptedChain:
    """A chain with our contracts on it after so many turns; the same in every process."""
    chain, chance = ScriptedChain(), random.Random(seed)
    for turn in range(turns):
        if chance.random() < 0.4 and len(chain.canonical) > 1:
            chain.cut(chance.randint(1, min(3, len(chain.canonical) - 1)))
        for number in range(chance.randint(1, 4)):
            logs = [
                chance.choice(
                    [
                        donated(chance.randint(1, 9)),
                        opened(chance.choice(CAMPAIGNS)),
                        pledged(chance.randint(1, 9), at=chance.choice(CAMPAIGNS)),
                        pledged(at=address(0xFA)),
                    ]
                )
                for _ in range(chance.randint(0, 4))
            ]
            chain.append(transactions(logs, salt=(turn, number)))
    return chain


async def match(url: str, manifests: str, limit: int) -> None:
    """Matches whatever the stream has, `limit` messages a transaction."""
    _deployed_in(manifests)
    async with Database.opened(url, connections=3) as database:
        matcher = Matcher(database, OutboxStream(database), Facts())
        async with database.leadership("matcher|31337"):
            while await matcher.step(limit):
                pass


async def project(url: str, manifests: str, seed: int, turns: int, limit: int) -> None:
    """The same for the rows."""
    _deployed_in(manifests)
    async with Database.opened(url, connections=3) as database:
        source = turned(seed, turns)
        projections = Projections(database, OutboxStream(database), Facts(), source=source)
        async with database.leadership("projections|31337"):
            while await projections.step(limit):
                pass


async def mend(url: str, manifests: str, seed: int, turns: int) -> None:
    """Makes the rows again."""
    _deployed_in(manifests)
    async with Database.opened(url, connections=3) as database:
        await rebuild(database, turned(seed, turns), Facts())


def _deployed_in(folder: str) -> None:
    os.environ["DONABLOCK_DEPLOYMENTS"] = folder
    settings.cache_clear()
