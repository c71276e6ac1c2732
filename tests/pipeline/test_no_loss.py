"""Worker and matcher are killed with SIGKILL at their suspensions, one after the other; in the end
exactly that was told which a plain model of the chain tells, under the same ids."""

from __future__ import annotations

import pytest

from donablock.store.database import Database
from tests.crashing import points, preload
from tests.pipeline import orders, stages
from tests.pipeline.model import WATCHED, Model, Script, check
from tests.pipeline.scripted_chain import ScriptedChain

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

SEED = 11
LEAST_KILLED = 60

preload(stages.__name__)


async def prepared(database: Database) -> None:
    await orders.project(database)
    for id, addresses in WATCHED.items():
        await orders.monitor(database, id, "erc20", addresses)


async def said(database: Database) -> list[str]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT id FROM deliveries ORDER BY sequence")
    return [row["id"] for row in rows]


async def test_nothing_is_lost_or_doubled_whenever_a_stage_dies(database, database_url):
    await prepared(database)
    chain = ScriptedChain()
    script, model = Script(chain, SEED), Model(chain, stages.Facts().confirmations)
    killed = {"follow": 0, "match": 0}
    for turn in range(1, 13):
        script.turn()
        if turn % 3:
            continue
        model.settle()
        # each time other points, so that in the end nearly all were met
        places = {"first": 1 + turn // 3 % 3, "step": 3}
        for _ in points(stages.follow, [database_url, SEED, turn], **places):
            killed["follow"] += 1
        for _ in points(stages.match, [database_url, 2], **places):
            killed["match"] += 1
    assert sum(killed.values()) >= LEAST_KILLED, killed
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT next_seq - 1 - seq FROM cursors, positions") == 0
    assert len(model.expected) > 10, "the script makes events"
    check(await said(database), model.expected)
    print(f"killed {killed}")
