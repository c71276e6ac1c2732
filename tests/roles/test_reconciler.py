"""The reconciler: numbers that agree, whatever the chain did, and a word for every row that
somebody changed."""

from __future__ import annotations

import random

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from donablock.monitors import reconciler as module
from donablock.monitors.matcher import Matcher
from donablock.monitors.reconciler import Reconciler
from donablock.monitors.worker import Worker
from donablock.store.stream import OutboxStream
from donablock.telemetry import REGISTRY
from tests.pipeline import orders
from tests.pipeline.model import ANNA, BEN, Script, transfer
from tests.pipeline.scripted_chain import ScriptedChain
from tests.pipeline.stages import Facts

pytestmark = pytest.mark.asyncio

CHAIN = 31337


class Line:
    """A chain with its worker, its matcher and its reconciler."""

    def __init__(self, database, chain):
        self.database, self.chain = database, chain
        self.worker = Worker(database, chain, Facts(), start=0)
        self.matcher = Matcher(database, OutboxStream(database), Facts())
        self.reconciler = Reconciler(database)

    async def follow(self):
        while await self.worker.step():
            pass

    async def rest(self):
        await self.follow()
        while await self.matcher.step():
            pass

    async def do(self, statement, *values):
        async with self.database.connection() as connection:
            return await connection.execute(statement, *values)

    async def findings(self):
        return [f"{one.about}: {one.what}" for one in await self.reconciler.check(CHAIN)]


@pytest_asyncio.fixture
async def line(database):
    """Ten blocks, the fifth with two transfers, of which the monitor looks for one."""
    line = Line(database, ScriptedChain())
    await orders.project(database)
    await line.worker.take_over()
    await orders.monitor(database, "mo_anna", "erc20", [ANNA])
    await line.rest()
    line.chain.grow(4)
    line.chain.append([transfer(BEN, ANNA, 5), transfer(BEN, BEN, 7)])
    line.chain.grow(5)
    await line.rest()
    return line


async def test_what_was_read_is_what_was_matched_and_what_was_not(line):
    assert await line.findings() == []
    async with line.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT items, matched, unmatched FROM blocks WHERE items > 0"
        )
    # two transactions with a log each
    assert [tuple(row) for row in rows] == [(4, 1, 3)]
    assert _metric("donablock_stream_produced", chain=str(CHAIN)) == 11
    assert _metric("donablock_stream_consumed", chain=str(CHAIN), consumer="matcher") == 11


async def test_each_block_is_counted_once(line):
    def counted(what):
        return _metric("donablock_reconciled_items_total", chain=str(CHAIN), what=what) or 0

    before = counted("matched"), counted("unmatched")
    for _ in range(3):
        await line.reconciler.step()
    assert (counted("matched") - before[0], counted("unmatched") - before[1]) == (1, 3)


@pytest.mark.parametrize("seed", range(4))
async def test_it_agrees_whatever_the_chain_does_and_however_far_anybody_is(line, seed):
    script, chance = Script(line.chain, seed), random.Random(seed)
    for _ in range(60):
        script.turn()
        if chance.random() < 0.7:
            await line.follow()
        if chance.random() < 0.5:
            await line.matcher.step(chance.randint(1, 4))
        assert await line.findings() == []
    await line.rest()
    assert await line.findings() == []


async def test_it_agrees_while_the_matcher_stands_on_blocks_that_are_gone(line):
    line.chain.reorganise(4, 6)
    await line.follow()
    assert await line.findings() == []
    await line.matcher.step(2)
    assert await line.findings() == []
    await line.rest()
    assert await line.findings() == []


TAMPERED = {
    "items": (
        "UPDATE blocks SET items = items + 1 WHERE number = 5",
        "UPDATE blocks SET items = items - 1 WHERE number = 5",
        "5 items were read, 1 matched and 3 did not",
    ),
    "matched": (
        "UPDATE blocks SET matched = matched + 2, unmatched = unmatched - 1 WHERE number = 5",
        "UPDATE blocks SET matched = matched - 2, unmatched = unmatched + 1 WHERE number = 5",
        "4 items were read, 3 matched and 2 did not",
    ),
    "negative": (
        "UPDATE blocks SET matched = 5, unmatched = -1 WHERE number = 5",
        "UPDATE blocks SET matched = 1, unmatched = 3 WHERE number = 5",
        "4 items were read, 5 matched and -1 did not",
    ),
    "never matched": (
        "UPDATE blocks SET matched = NULL, unmatched = NULL WHERE number = 5",
        "UPDATE blocks SET matched = 1, unmatched = 3 WHERE number = 5",
        "counted nothing of its 4 items",
    ),
    "a hole": (
        "UPDATE blocks SET is_canonical = false WHERE number = 7",
        "UPDATE blocks SET is_canonical = true WHERE number = 7",
        "there is no block between it and 6",
    ),
    "another parent": (
        "UPDATE blocks SET parent = sha256(parent) WHERE number = 7",
        None,
        "it is no child of block 6",
    ),
    "the cursor": (
        "UPDATE cursors SET number = number - 1",
        "UPDATE cursors SET number = number + 1",
        "the highest canonical block is 10",
    ),
    "no tip": (
        "UPDATE blocks SET is_canonical = false WHERE number = 10",
        "UPDATE blocks SET is_canonical = true WHERE number = 10",
        "the highest canonical block is 9",
    ),
    "a position": (
        "UPDATE positions SET seq = seq - 1",
        "UPDATE positions SET seq = seq + 1",
        # the message is there still: it was not pruned
        None,
    ),
    "a position beyond the end": (
        "UPDATE positions SET seq = seq + 1",
        "UPDATE positions SET seq = seq - 1",
        "11 messages were produced, matcher is past 12, and 0 wait for it",
    ),
    "produced": (
        "UPDATE cursors SET next_seq = next_seq + 1",
        "UPDATE cursors SET next_seq = next_seq - 1",
        "12 messages were produced, matcher is past 11, and 0 wait for it",
    ),
    "unconfirmed": (
        "UPDATE matches SET state = 1",
        "UPDATE matches SET state = 2",
        "1 matches wait for a confirmation that is due, from block 5 on",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_a_row_that_somebody_changed_is_told_loudly(line, what):
    change, back, told = TAMPERED[what]
    await line.do(change)
    with capture_logs() as logs:
        await line.reconciler.step()
    errors = [one["what"] for one in logs if one["log_level"] == "error"]
    gauge = _metric("donablock_reconciler_findings", chain=str(CHAIN))
    if told is None:
        assert errors == [] and gauge == 0
        return
    assert any(told in one for one in errors), errors
    assert gauge >= 1
    with capture_logs() as logs:
        await line.reconciler.step()
    assert [one for one in logs if one["log_level"] == "error"] == [], "it is told once"
    if back is None:
        return
    await line.do(back)
    with capture_logs() as logs:
        await line.reconciler.step()
    assert {one["event"] for one in logs} == {"adds up again"}
    assert _metric("donablock_reconciler_findings", chain=str(CHAIN)) == 0


async def test_a_match_of_a_block_that_was_taken_back_must_not_count_on(line):
    line.chain.reorganise(6, 7)
    await line.rest()
    assert await line.findings() == []
    await line.do("UPDATE matches SET state = 2 WHERE block_number = 5")
    (found,) = await line.findings()
    assert found.startswith("matches: 1 matches of blocks that were taken back count on")


async def test_a_message_that_is_gone_before_everybody_read_it_is_told(line):
    line.chain.grow(2)
    await line.follow()
    await line.do("DELETE FROM outbox WHERE seq = 12")
    (found,) = await line.findings()
    assert "13 messages were produced, matcher is past 11, and 1 wait for it" in found


async def test_old_blocks_are_compared_by_and_by_and_stay_told(line, monkeypatch):
    monkeypatch.setattr(module, "RECENT", 2)
    monkeypatch.setattr(module, "SLICE", 3)
    await line.do("UPDATE blocks SET items = 9 WHERE number IN (1, 5)")
    found = [await line.findings() for _ in range(6)]
    assert len(found[0]) == 1 and "block 1 " in found[0][0]
    # once its slice was looked at it is told until it is mended, in whichever slice we are
    assert all(len(some) == 2 for some in found[2:]), found
    await line.do("UPDATE blocks SET items = matched + unmatched")
    for _ in range(4):
        last = await line.findings()
    assert last == []


def _metric(name, **labels):
    return REGISTRY.get_sample_value(name, labels)
