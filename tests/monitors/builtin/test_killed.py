"""Matcher, projections and rebuild are killed with SIGKILL at their suspensions; what they leave is
what the chain says."""

from __future__ import annotations

import pytest

from donablock.monitors.rebuild import rebuild
from donablock.monitors.worker import Worker
from tests.crashing import points, preload
from tests.monitors.builtin import stages
from tests.monitors.builtin.ours import write_manifest
from tests.pipeline import orders
from tests.pipeline.stages import Facts

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

SEED = 5
LEAST_KILLED = 60

preload(stages.__name__)


async def test_our_events_are_neither_lost_nor_doubled_whoever_dies(
    database, database_url, manifests
):
    await orders.project(database)
    await orders.monitor(
        database, "mo_all", "donablock", definition={"watches": "everything"}, endpoint=None
    )
    write_manifest(manifests, stages.turned(SEED, 0).tip.hash)
    killed = {"match": 0, "project": 0, "rebuild": 0}
    place = [database_url, str(manifests)]
    for turns in (4, 8, 12):
        chain = stages.turned(SEED, turns)
        worker = Worker(database, chain, Facts(), start=0)
        await worker.take_over()
        while await worker.step():
            pass
        # each time other points
        skip = {"first": 1 + turns, "step": 8}
        for _ in points(stages.match, [*place, 2], **skip):
            killed["match"] += 1
        for _ in points(stages.project, [*place, SEED, turns, 2], **skip):
            killed["project"] += 1
        found = await rebuild(database, chain, Facts(), is_check=True)
        assert found.is_same, f"D2: {found.differences} {found.contracts}"
        rows = await told(database)
        assert rows["matched"] == rows["projected"], "D2: matcher and projections saw the same"
    assert len(rows["projected"]) > 20
    before = await dump(database)
    for harm in ("DELETE FROM contract_events", "UPDATE contract_events SET name = 'x'"):
        async with database.transaction() as connection:
            await connection.execute(harm)
        for _ in points(stages.mend, [*place, SEED, turns], first=1 + len(harm) % 5, step=5):
            killed["rebuild"] += 1
        assert await dump(database) == before, "D1: rebuild gives the same rows, to the byte"
    assert min(killed.values()) > 10 and sum(killed.values()) >= LEAST_KILLED, killed
    print(f"killed {killed}")


async def told(database):
    async with database.connection() as connection:
        matched = await connection.fetch(
            "SELECT block_hash, log_index FROM matches WHERE state <> 3 ORDER BY 1, 2"
        )
        projected = await connection.fetch(
            "SELECT block_hash, log_index FROM contract_events ORDER BY 1, 2"
        )
    return {"matched": matched, "projected": projected}


async def dump(database):
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT e::text AS row FROM contract_events AS e ORDER BY 1")
        contracts = await connection.fetch(
            "SELECT i::text AS row FROM contract_instances AS i"
            " WHERE consumer = 'projections' ORDER BY 1"
        )
    return [row["row"] for row in (*rows, *contracts)]
