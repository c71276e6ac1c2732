"""Live and scan together find what a monitor finds that was there all along, once."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import pytest_asyncio

from donablock.monitors import matcher as matcher_module
from donablock.monitors import scan_store, window_store
from donablock.monitors import scans as scans_module
from donablock.monitors.scan_store import Asked
from tests.monitors.scans.rig import Nodes, Rig, Weather
from tests.monitors.scans.watching import KINDS, Watching, grow
from tests.pipeline import orders
from tests.pipeline.model import ANNA, BEN, CARA, transfer
from tests.pipeline.stages import Facts

pytestmark = pytest.mark.asyncio

ANNAS = Watching({}, (ANNA,))
SUM = Watching({"window": "sum(value) over 1 minute >= 3"}, (ANNA,))


@pytest_asyncio.fixture
async def rig(database):
    await orders.project(database)
    return Rig(database, Nodes(), Facts())


def pay(chain, blocks, value=1, to=ANNA):
    """A transfer in each of some blocks."""
    for _ in range(blocks):
        chain.append([transfer(BEN, to, value, salt=len(chain.canonical))])


# --- what is found --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
async def test_live_and_scan_find_what_was_there_all_along(rig, seed, monkeypatch):
    """Monitors of all kinds come at any time and look from any block on, past or to come, while
    worker, matcher and scanner go on by turns, begin anew, and the chain loses blocks."""
    depth = 16
    for module in (scans_module, window_store):
        monkeypatch.setattr(module, "FINAL", depth)
    monkeypatch.setattr(matcher_module, "PRUNED", 5)
    chance = random.Random(seed)
    monkeypatch.setattr(scans_module, "BATCH", chance.choice([2, 7]))
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", chance.choice([1, 5]))
    rig.facts = replace(Facts(), confirmations=chance.choice([1, 2, 9]))
    rig.again()
    grow(rig.chain, chance, 30)
    weather = Weather(rig.chain, chance, depth)
    await rig.start(chance.choice([0, 0, 22, 30]))
    kinds = [(f"{id}_{count}", one) for id, one in KINDS.items() for count in range(2)]
    chance.shuffle(kinds)
    first = {}
    for _ in range(200):
        what = chance.random()
        if what < 0.3:
            weather.turn()
        elif what < 0.4:
            await rig.worker.step()
        elif what < 0.55:
            await rig.matcher.step(chance.choice([1, 2, 9]))
        elif what < 0.85:
            for _ in range(chance.randint(1, 4)):
                await rig.scanner.step()
        elif what < 0.86:
            rig.again()
        elif kinds:
            id, watching = kinds.pop()
            near = chance.random() < 0.8
            first[id] = max(0, rig.chain.tip.number - chance.randint(-4, 12 if near else 99))
            await watching.create(rig.database, id, from_block=first[id])
    weather.turn()
    grow(rig.chain, chance, depth + 6)
    for _ in range(3):
        await rig.rest()
    assert {scan["state"] for scan in await rig.scans()} == {"done"}
    found = 0
    for id, number in first.items():
        found += await rig.check(id, KINDS[id.rpartition("_")[0]], number)
    assert found > 100


async def test_a_scan_is_asked_for_where_there_is_something_before(rig):
    pay(rig.chain, 5)
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_now")
    await ANNAS.create(rig.database, "mo_next", from_block=6)
    await ANNAS.create(rig.database, "mo_later", from_block=8)
    await ANNAS.create(rig.database, "mo_before", from_block=2)
    pay(rig.chain, 4)
    await rig.follow()
    await rig.match()
    (scan,) = await rig.scans()
    keys = ("monitor_id", "from_block", "to_block", "position", "state", "error")
    assert [scan[key] for key in keys] == ["mo_before", 2, 5, 2, "pending", None]
    assert await rig.blocks_of("mo_before") == [6, 7, 8, 9], "it is live at once"
    await rig.scan()
    (scan,) = await rig.scans()
    assert [scan[key] for key in keys] == ["mo_before", 2, 5, 6, "done", None]
    assert await rig.blocks_of("mo_before") == [2, 3, 4, 5, 6, 7, 8, 9]
    assert await rig.blocks_of("mo_next") == await rig.blocks_of("mo_now") == [6, 7, 8, 9]
    assert await rig.blocks_of("mo_later") == [8, 9]
    rows = await rig.rows("SELECT monitor_id, active_from_block FROM monitor_addresses ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [
        ("mo_before", 2),
        ("mo_later", 6),
        ("mo_next", 6),
        ("mo_now", 6),
    ]
    rig.again()
    pay(rig.chain, 1)
    await rig.rest()
    assert len(await rig.scans()) == 1, "a new matcher asks for nothing again"


async def test_what_is_deep_is_confirmed_at_once_and_the_rest_in_its_time(rig):
    pay(rig.chain, 6)
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=4)
    pay(rig.chain, 1)
    await rig.follow()
    await rig.match()
    await rig.scan()
    rows = await rig.rows("SELECT block_number, state FROM matches ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [(4, 2), (5, 2), (6, 1), (7, 1)]
    told = await rig.rows("SELECT type FROM deliveries ORDER BY sequence")
    assert [row["type"].removeprefix("event.") for row in told] == [
        *["detected"] * 4,
        *["confirmed"] * 2,
    ]
    rig.chain.grow(1)
    await rig.rest()
    rows = await rig.rows("SELECT block_number FROM matches WHERE state = 2 ORDER BY 1")
    assert [row["block_number"] for row in rows] == [4, 5, 6]


async def test_what_goes_while_it_is_scanned_is_retracted(rig, monkeypatch):
    monkeypatch.setattr(scans_module, "BATCH", 2)
    pay(rig.chain, 8)
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=3)
    pay(rig.chain, 1)
    await rig.follow()
    await rig.match()
    await rig.scanner.step()
    await rig.scanner.step()
    rig.chain.cut(5)
    pay(rig.chain, 6, value=2)
    await rig.follow()
    await rig.scanner.step()
    assert await rig.blocks_of("mo_anna") == [3, 4, 5, 6, 9], "the matcher is not there yet"
    await rig.rest()
    await rig.check("mo_anna", ANNAS, 3)
    rows = await rig.rows("SELECT block_number FROM matches WHERE state = 3 ORDER BY 1")
    assert [row["block_number"] for row in rows] == [5, 6, 9]


async def test_a_window_whose_blocks_go_while_it_is_scanned_is_as_of_the_others(rig, monkeypatch):
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", 4)
    pay(rig.chain, 8)
    await rig.start()
    await rig.rest()
    count = Watching({"window": "sum(value) over 1 day >= 6"}, (ANNA,))
    await count.create(rig.database, "mo_sum", from_block=1)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    await rig.scanner.step()
    (scan,) = await rig.scans()
    assert (scan["position"], scan["state"]) == (5, "running")
    rig.chain.cut(7)
    pay(rig.chain, 8, value=2)
    await rig.follow()
    await rig.match(3)
    (scan,) = await rig.scans()
    assert scan["position"] == 3
    await rig.rest()
    # 1 + 1 + 2 + 2
    assert await rig.blocks_of("mo_sum") == [4]
    assert await rig.check("mo_sum", count, 1) == 1


async def test_what_a_scan_told_of_and_comes_back_is_the_next_generation(rig, monkeypatch):
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", 4)
    pay(rig.chain, 12)
    await rig.start()
    await rig.rest()
    count = Watching({"window": "count over 1 day >= 3"}, (ANNA,))
    await count.create(rig.database, "mo_count", from_block=1)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    await rig.scanner.step()
    assert await rig.blocks_of("mo_count") == [3]
    taken = rig.chain.reorganise(11, 1)
    await rig.follow()
    await rig.match()
    assert await rig.blocks_of("mo_count") == []
    rig.chain.cut(1)
    rig.chain.put_back(taken)
    rig.chain.grow(1)
    await rig.rest()
    told = [
        row["id"].rpartition("_")[2]
        for row in await rig.rows("SELECT id FROM deliveries ORDER BY sequence")
    ]
    assert told == ["d1", "c1", "r1", "d2", "c2"]
    assert await rig.check("mo_count", count, 1) == 1


async def test_scans_at_one_place_read_each_block_once(rig):
    pay(rig.chain, 40)
    await rig.start()
    await rig.rest()
    for number in range(20):
        await ANNAS.create(rig.database, f"mo_{number}", from_block=1 + number)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    rig.chain.asked = 0
    await rig.scan()
    assert rig.chain.asked == 2 * 40
    assert await rig.blocks_of("mo_19") == list(range(20, 41))
    assert await rig.blocks_of("mo_0") == list(range(1, 41))


async def test_a_monitor_without_an_endpoint_is_told_of_to_nobody(rig):
    pay(rig.chain, 3)
    await rig.start()
    await rig.rest()
    await orders.monitor(rig.database, "mo_anna", "erc20", [ANNA], endpoint=None, from_block=1)
    rig.chain.grow(1)
    await rig.rest()
    assert await rig.blocks_of("mo_anna") == [1, 2, 3]
    assert await rig.rows("SELECT * FROM deliveries") == []


async def test_messages_are_counted_and_announced(rig):
    pay(rig.chain, 3)
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=1)
    rig.chain.grow(2)
    await rig.follow()
    await rig.match()
    async with rig.database.news("donablock_deliveries") as news:
        while await news.wait(0.3):
            pass  # of before
        await rig.scan()
        assert await news.wait(5)
    (row,) = await rig.rows("SELECT messages FROM usage")
    told = await rig.rows("SELECT id FROM deliveries")
    assert row["messages"] == len(told) == 6


# --- when it cannot go on -------------------------------------------------------------------------


async def test_a_node_that_lacks_old_blocks_makes_it_wait_and_say_so(rig):
    pay(rig.chain, 9)
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=1)
    await SUM.create(rig.database, "mo_sum", from_block=1)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    rig.chain.lacks = {1, 4}
    await rig.scan()
    for scan in await rig.scans():
        assert (scan["position"], scan["state"]) == (1, "pending")
        assert scan["error"] == "block 1: no node gives it"
    rig.chain.lacks = {4}
    await rig.scan()
    for scan in await rig.scans():
        assert (scan["position"], scan["state"]) == (4, "running")
        assert scan["error"] == "block 4: no node gives it"
    rig.again()
    await rig.scan()
    assert await rig.blocks_of("mo_anna") == [1, 2, 3]
    rig.chain.lacks = set()
    await rig.rest()
    assert [scan["error"] for scan in await rig.scans()] == [None, None]
    await rig.check("mo_anna", ANNAS, 1)
    await rig.check("mo_sum", SUM, 1)


async def test_one_that_waits_keeps_nobody_else_waiting_and_is_tried_less_and_less(rig):
    pay(rig.chain, 300)
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=1)
    await ANNAS.create(rig.database, "mo_late", from_block=250)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    rig.chain.lacks = {1}
    now = 0.0
    rig.scanner = scans_module.Scanner(
        rig.database, rig.chain, rig.facts, pause=1.0, clock=lambda: now
    )
    await rig.scan()
    assert len(await rig.blocks_of("mo_late")) == 51
    tries = []
    for second in range(200):
        now, rig.chain.asked = float(second), 0
        await rig.scanner.step()
        (scan,) = [one for one in await rig.scans() if one["monitor_id"] == "mo_anna"]
        if not tries or tries[-1][1] != scan["updated_at"]:
            tries.append((second, scan["updated_at"]))
    assert [second for second, _ in tries] == [0, 1, 3, 7, 15, 31, 63, 123, 183]


async def test_blocks_from_before_the_chain_is_followed_are_looked_at_when_they_are_deep(
    rig, monkeypatch
):
    monkeypatch.setattr(scans_module, "FINAL", 6)
    pay(rig.chain, 10)
    await rig.start(8)
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=3)
    pay(rig.chain, 1)
    await rig.rest()
    assert await rig.blocks_of("mo_anna") == [3, 4, 5, 11]
    (scan,) = await rig.scans()
    assert scan["error"] == (
        "block 6 is from before this chain is followed (that is since 8), so it is looked at when"
        " it is 6 blocks deep; the chain is at 11"
    )
    # the first block that was followed goes, and the one before it, of which nobody tells
    rig.chain.cut(6)
    pay(rig.chain, 9, value=2)
    await rig.rest()
    assert await rig.check("mo_anna", ANNAS, 3) == 12


async def test_where_nothing_is_waited_for_they_are_looked_at_at_once(rig):
    rig.facts = replace(Facts(), confirmations=0)
    rig.again()
    pay(rig.chain, 10)
    await rig.start(8)
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=3)
    await SUM.create(rig.database, "mo_sum", from_block=3)
    pay(rig.chain, 1)
    await rig.rest()
    assert await rig.check("mo_anna", ANNAS, 3) == 9
    assert await rig.check("mo_sum", SUM, 3) == 1


async def test_nodes_that_are_on_another_chain_are_waited_for(rig):
    pay(rig.chain, 9)
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=1)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    ours = rig.chain.canonical[5].hash
    taken = rig.chain.cut(6)
    rig.chain.grow(9)
    await rig.scan()
    (scan,) = await rig.scans()
    assert scan["position"] == 5
    theirs = rig.chain.canonical[5].hash
    assert scan["error"] == (
        f"the nodes have another block 5 ({theirs}) than the chain that was followed ({ours}); it"
        " goes on when they agree"
    )
    rig.chain.cut(9)
    rig.chain.put_back(taken)
    await rig.rest()
    assert await rig.check("mo_anna", ANNAS, 1) == 9


async def test_a_first_block_that_is_still_to_come_is_waited_for(rig):
    await rig.start()
    await rig.rest()
    watching = Watching({"window": "none for 1 minute"}, (ANNA,))
    await watching.create(rig.database, "mo_none", from_block=6)
    rig.chain.grow(3)
    await rig.rest()
    (row,) = await rig.rows("SELECT active_from_block FROM monitors")
    assert row["active_from_block"] is None
    rig.chain.grow(12)
    await rig.rest()
    # it began after block 5, and blocks are 12 seconds apart
    assert await rig.blocks_of("mo_none") == [10]
    await rig.check("mo_none", watching, 6)


async def test_a_commit_whose_end_was_not_heard_counts_once(rig, monkeypatch):
    monkeypatch.setattr(scans_module, "BATCH", 2)
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", 2)
    pay(rig.chain, 9)
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=1)
    await SUM.create(rig.database, "mo_sum", from_block=1)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    run = rig.database.run

    async def twice(work, **options):
        await run(work, **options)
        return await run(work, **options)

    monkeypatch.setattr(rig.database, "run", twice)
    await rig.scan()
    monkeypatch.undo()
    await rig.rest()
    await rig.check("mo_anna", ANNAS, 1)
    await rig.check("mo_sum", SUM, 1)


# --- a monitor that is changed meanwhile ----------------------------------------------------------


@pytest_asyncio.fixture
async def halfway(rig, monkeypatch):
    """ANNA and BEN are paid in blocks 1 to 12; a scan of mo_anna has looked at the first four."""
    monkeypatch.setattr(scans_module, "BATCH", 4)
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", 4)
    for number in range(1, 13):
        rig.chain.append([transfer(CARA, ANNA, number), transfer(CARA, BEN, number, 1)])
    await rig.start()
    await rig.rest()
    await ANNAS.create(rig.database, "mo_anna", from_block=1)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    assert await rig.scanner.step()
    assert await rig.blocks_of("mo_anna") == [1, 2, 3, 4]
    return rig


async def test_a_scan_that_is_asked_for_again_begins_again(halfway):
    """As where a contract of ours becomes known."""
    async with halfway.database.transaction() as connection:
        await scan_store.ask(connection, [Asked("mo_anna", 3, 13)])
    (scan,) = await halfway.scans()
    assert (scan["from_block"], scan["position"], scan["to_block"]) == (1, 5, 13)
    async with halfway.database.transaction() as connection:
        await scan_store.ask(connection, [Asked("mo_anna", 3, 9)], is_again=True)
    (scan,) = await halfway.scans()
    assert (scan["from_block"], scan["position"], scan["to_block"]) == (1, 3, 13)
    await halfway.rest()
    async with halfway.database.transaction() as connection:
        await scan_store.ask(connection, [Asked("mo_anna", 3, 9)], is_again=True)
    await halfway.rest()
    assert [scan["state"] for scan in await halfway.scans()] == ["done", "done"]
    assert await halfway.blocks_of("mo_anna") == list(range(1, 13))
    assert {row["generation"] for row in await halfway.rows("SELECT generation FROM matches")} == {
        1
    }


async def test_another_condition_counts_from_the_next_block_on(halfway):
    condition = '{"condition": "value > 6"}'
    await orders.change(halfway.database, "mo_anna", f"definition = '{condition}'")
    await halfway.rest()
    assert await halfway.blocks_of("mo_anna") == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12]


async def test_while_it_is_disabled_it_waits(halfway):
    await orders.change(halfway.database, "mo_anna", "is_enabled = false")
    await halfway.rest()
    assert await halfway.blocks_of("mo_anna") == [1, 2, 3, 4]
    halfway.chain.append([transfer(CARA, ANNA, 1)])
    await halfway.rest()
    await orders.change(halfway.database, "mo_anna", "is_enabled = true")
    await halfway.rest()
    assert await halfway.blocks_of("mo_anna") == list(range(1, 13))
    halfway.chain.append([transfer(CARA, ANNA, 1)])
    await halfway.rest()
    assert await halfway.blocks_of("mo_anna") == [*range(1, 13), 15]


async def test_a_monitor_that_is_deleted_ends_it(halfway):
    await orders.change(halfway.database, "mo_anna", "deleted_at = now()")
    await halfway.rest()
    (scan,) = await halfway.scans()
    assert (scan["state"], scan["error"]) == ("failed", "the monitor was deleted")
    assert await halfway.blocks_of("mo_anna") == [1, 2, 3, 4]


@pytest.mark.parametrize("is_taken_up", [False, True])
async def test_addresses_that_are_added_are_looked_for_from_their_own_block_on(
    halfway, is_taken_up
):
    await orders.watch(halfway.database, "mo_anna", [BEN])
    if is_taken_up:
        halfway.chain.grow(1)
        await halfway.follow()
        await halfway.match()
        halfway.again()
    await halfway.scan()
    halfway.chain.append([transfer(CARA, BEN, 1)])
    await halfway.rest()
    rows = await halfway.rows(
        "SELECT block_number FROM matches WHERE address = $1", bytes.fromhex(BEN[2:])
    )
    assert [row["block_number"] for row in rows] == [14 + is_taken_up]
    (row,) = await halfway.rows(
        "SELECT active_from_block FROM monitor_addresses WHERE address = $1",
        bytes.fromhex(BEN[2:]),
    )
    assert row["active_from_block"] == 14


async def test_addresses_that_are_removed_are_looked_for_no_more(halfway):
    await orders.watch(halfway.database, "mo_anna", [ANNA], off=True)
    await halfway.rest()
    assert await halfway.blocks_of("mo_anna") == [1, 2, 3, 4]
    assert [scan["state"] for scan in await halfway.scans()] == ["done"]


async def test_a_window_that_is_given_ends_it(halfway):
    window = '{"window": "count over 1 day > 1"}'
    await orders.change(halfway.database, "mo_anna", f"definition = '{window}'")
    await halfway.rest()
    (scan,) = await halfway.scans()
    assert scan["state"] == "failed"
    assert scan["error"] == "the monitor was given a window meanwhile, and that counts from then on"
    halfway.chain.append([transfer(CARA, ANNA, 1)])
    halfway.chain.append([transfer(CARA, ANNA, 2)])
    await halfway.rest()
    assert await halfway.blocks_of("mo_anna") == [1, 2, 3, 4, 15]


async def test_a_definition_that_cannot_be_read_is_waited_for(halfway):
    for bad, why in (
        ('{"no": "such"}', "this version does not understand its definition"),
        ('{"condition": "value >"}', "character 8: found the end"),
    ):
        await orders.change(halfway.database, "mo_anna", f"definition = '{bad}'")
        await halfway.rest()
        (scan,) = await halfway.scans()
        assert scan["state"] == "running"
        assert scan["error"].startswith(f"the monitor cannot be read: {why}")
    await orders.change(halfway.database, "mo_anna", "definition = '{}'")
    await halfway.rest()
    assert await halfway.blocks_of("mo_anna") == list(range(1, 13))


async def test_a_change_between_reading_and_writing_counts(halfway, monkeypatch):
    read = halfway.chain.blocks

    async def changed_meanwhile(numbers):
        async for block in read(numbers):
            if block.number == 6:
                await orders.change(halfway.database, "mo_anna", "is_enabled = false")
            yield block

    monkeypatch.setattr(halfway.chain, "blocks", changed_meanwhile)
    await halfway.scan()
    assert await halfway.blocks_of("mo_anna") == [1, 2, 3, 4]


async def test_a_windowed_monitor_is_changed_while_it_is_scanned(rig, monkeypatch):
    """Its window begins anew at the scan's next block, as it would at the matcher's."""
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", 4)
    pay(rig.chain, 12)
    await rig.start()
    await rig.rest()
    count = Watching({"window": "count over 1 day >= 3"}, (ANNA,))
    await count.create(rig.database, "mo_count", from_block=1)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    await rig.scanner.step()
    assert await rig.blocks_of("mo_count") == [3]
    window = '{"window": "count over 1 day >= 4"}'
    await orders.change(rig.database, "mo_count", f"definition = '{window}'")
    await rig.match()
    await rig.rest()
    assert await rig.blocks_of("mo_count") == [3, 8]


async def test_addresses_of_a_windowed_monitor_come_while_it_is_scanned(rig, monkeypatch):
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", 4)
    for number in range(1, 13):
        rig.chain.append([transfer(CARA, ANNA, number), transfer(CARA, BEN, number, 1)])
    await rig.start()
    await rig.rest()
    count = Watching({"window": "count over 1 day by address >= 2"}, (ANNA,))
    await count.create(rig.database, "mo_count", from_block=1)
    rig.chain.grow(1)
    await rig.follow()
    await rig.match()
    await rig.scanner.step()
    await orders.watch(rig.database, "mo_count", [BEN])
    await rig.rest()
    assert await rig.blocks_of("mo_count") == [2, 6]
    rows = await rig.rows("SELECT active_from_block FROM monitor_addresses ORDER BY address")
    assert [row["active_from_block"] for row in rows] == [1, 5]
    (row,) = await rig.rows("SELECT active_from_block, active_from_seq FROM monitors")
    assert tuple(row.values()) == (14, 15)


async def test_a_window_that_is_taken_away_while_it_is_scanned(rig, monkeypatch):
    """The matcher looks for the monitor at once then, and the scan goes on up to there."""
    monkeypatch.setattr(scans_module, "BATCH", 4)
    monkeypatch.setattr(scans_module, "BATCH_WINDOWED", 4)
    pay(rig.chain, 12)
    await rig.start()
    await rig.rest()
    count = Watching({"window": "count over 1 day >= 3"}, (ANNA,))
    await count.create(rig.database, "mo_count", from_block=1)
    pay(rig.chain, 1)
    await rig.follow()
    await rig.match()
    await rig.scanner.step()
    await orders.change(rig.database, "mo_count", "definition = '{}'")
    pay(rig.chain, 3)
    await rig.follow()
    await rig.match()
    await rig.rest()
    assert await rig.blocks_of("mo_count") == [3, *range(5, 17)]
    assert await rig.rows("SELECT * FROM window_entries") == []
