"""What windows keep in the database: it begins anew where their monitor looks for something else,
follows the addresses that are watched, and is thrown away when nothing can need it any more."""

from __future__ import annotations

import json
import random

import pytest
import pytest_asyncio

from donablock.monitors import matcher as matcher_module
from donablock.monitors import window_store
from tests.monitors.scans.rig import Nodes, Rig
from tests.monitors.scans.watching import WINDOWED, Watching, grow
from tests.pipeline import orders
from tests.pipeline.model import ANNA, BEN, CARA, transfer
from tests.pipeline.stages import Facts

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def rig(database):
    await orders.project(database)
    rig = Rig(database, Nodes(), Facts())
    await rig.start()
    await rig.rest()
    return rig


async def pay(rig, *payees, value=1):
    """A block in which each of these is paid, followed to its end."""
    number = len(rig.chain.canonical)
    rig.chain.append(
        [transfer(CARA, payee, value, place, number) for place, payee in enumerate(payees)]
    )
    await rig.rest()


async def define(rig, id, **definition):
    await orders.change(rig.database, id, f"definition = '{json.dumps(definition)}'")


async def fired(rig, id="mo_w"):
    rows = await rig.rows(
        "SELECT block_number, address FROM matches WHERE monitor_id = $1 ORDER BY 1, 2", id
    )
    return [(row["block_number"], row["address"].hex()) for row in rows]


async def blocks(rig):
    return [number for number, _ in await fired(rig)]


# --- a monitor that is changed --------------------------------------------------------------------


@pytest.mark.parametrize("is_new_matcher", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        {"window": "count over 1 day >= 4"},
        {"window": "count over 1 day >= 3", "condition": "value >= 1"},
        {"window": "count over 1 day >= 3", "contracts": ["0x" + "70" * 20]},
    ],
)
async def test_a_window_begins_anew_where_its_monitor_looks_for_something_else(
    rig, change, is_new_matcher
):
    """Whether the matcher was there when it was changed, or not."""
    await Watching({"window": "count over 1 day >= 3"}, (ANNA,)).create(rig.database, "mo_w")
    await pay(rig, ANNA)
    await pay(rig, ANNA)
    await define(rig, "mo_w", **change)
    if is_new_matcher:
        rig.again()
    await pay(rig, ANNA)
    await pay(rig, ANNA)
    assert await blocks(rig) == []
    await pay(rig, ANNA)
    await pay(rig, ANNA)
    assert await blocks(rig) == [6 if "4" in change["window"] else 5]


async def test_another_direction_begins_anew(rig):
    await Watching({"window": "count over 1 day >= 3"}, (ANNA,)).create(rig.database, "mo_w")
    await pay(rig, ANNA)
    await pay(rig, ANNA)
    await orders.change(rig.database, "mo_w", "direction = 'in'")
    await pay(rig, ANNA)
    await pay(rig, ANNA)
    assert await blocks(rig) == []
    await pay(rig, ANNA)
    assert await blocks(rig) == [5]


async def test_another_name_tag_or_endpoint_changes_nothing(rig):
    await Watching({"window": "count over 1 day >= 3"}, (ANNA,)).create(rig.database, "mo_w")
    await pay(rig, ANNA)
    await orders.change(rig.database, "mo_w", "name = 'b', tags = '{x}', endpoint_id = NULL")
    rig.again()
    await pay(rig, ANNA)
    await pay(rig, ANNA)
    assert await blocks(rig) == [3]


@pytest.mark.parametrize("is_new_matcher", [False, True])
async def test_one_that_was_disabled_begins_anew(rig, is_new_matcher):
    await Watching({"window": "none for 1 minute"}, (ANNA,)).create(rig.database, "mo_w")
    await pay(rig, ANNA)
    await orders.change(rig.database, "mo_w", "is_enabled = false")
    await pay(rig, ANNA)
    assert await rig.rows("SELECT * FROM window_entries") == []
    if is_new_matcher:
        rig.again()
    for _ in range(6):
        await pay(rig)
    await orders.change(rig.database, "mo_w", "is_enabled = true")
    # enabled after block 8: a minute later is block 13
    for _ in range(7):
        await pay(rig)
    assert await blocks(rig) == [13]


async def test_a_window_that_is_taken_away_leaves_nothing(rig):
    await Watching({"window": "count over 1 day >= 3"}, (ANNA,)).create(rig.database, "mo_w")
    await pay(rig, ANNA)
    await pay(rig, ANNA)
    await define(rig, "mo_w")
    await pay(rig)
    assert await rig.rows("SELECT * FROM window_entries") == []
    await define(rig, "mo_w", window="count over 1 day >= 3")
    await pay(rig, ANNA)
    assert await blocks(rig) == []


async def test_a_monitor_that_is_deleted_leaves_nothing(rig):
    await Watching({"window": "count over 1 day >= 3"}, (ANNA,)).create(rig.database, "mo_w")
    await pay(rig, ANNA)
    await orders.change(rig.database, "mo_w", "deleted_at = now()")
    await pay(rig)
    assert await rig.rows("SELECT * FROM window_entries") == []


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_new_matcher", [False, True])
async def test_that_nothing_came_counts_for_an_address_from_when_it_was_added(rig, is_new_matcher):
    window = {"window": "none for 1 minute by address"}
    await Watching(window, (ANNA,)).create(rig.database, "mo_w")
    for _ in range(3):
        await pay(rig, ANNA)
    await orders.watch(rig.database, "mo_w", [BEN])
    if is_new_matcher:
        rig.again()
    for _ in range(7):
        await pay(rig, ANNA)
    # added after block 3
    assert await fired(rig) == [(8, BEN[2:])]


@pytest.mark.parametrize("is_new_matcher", [False, True])
async def test_an_address_that_is_removed_is_told_of_no_more(rig, is_new_matcher):
    window = {"window": "none for 1 minute by address"}
    await Watching(window, (ANNA, BEN)).create(rig.database, "mo_w")
    await pay(rig, ANNA, BEN)
    await orders.watch(rig.database, "mo_w", [BEN], off=True)
    if is_new_matcher:
        rig.again()
    for _ in range(7):
        await pay(rig)
    assert await fired(rig) == [(6, ANNA[2:])]


async def test_an_address_that_is_removed_and_added_begins_anew(rig):
    window = {"window": "count over 1 day by address >= 3"}
    await Watching(window, (ANNA, BEN)).create(rig.database, "mo_w")
    await pay(rig, ANNA, BEN)
    await pay(rig, ANNA, BEN)
    await orders.watch(rig.database, "mo_w", [BEN], off=True)
    await orders.watch(rig.database, "mo_w", [BEN])
    for _ in range(3):
        await pay(rig, ANNA, BEN)
    assert await fired(rig) == [(3, ANNA[2:]), (5, BEN[2:])]


async def test_where_all_count_together_a_new_address_only_joins(rig):
    await Watching({"window": "count over 1 day >= 3"}, (ANNA,)).create(rig.database, "mo_w")
    await pay(rig, ANNA)
    await orders.watch(rig.database, "mo_w", [BEN])
    await pay(rig, BEN)
    await pay(rig, BEN)
    assert await blocks(rig) == [3]


# --- what it costs --------------------------------------------------------------------------------


async def test_a_block_that_cannot_make_it_true_asks_the_database_nothing(rig, monkeypatch):
    await Watching({"window": "count over 1 day >= 3"}, (ANNA,)).create(rig.database, "mo_w")
    await Watching({"window": "none for 1 minute"}, (ANNA,)).create(rig.database, "mo_none")
    await pay(rig)
    looked = []
    levels = window_store._levels

    async def counted(connection, monitor_id, *arguments):
        looked.append(monitor_id)
        return await levels(connection, monitor_id, *arguments)

    monkeypatch.setattr(window_store, "_levels", counted)
    await pay(rig)
    await pay(rig, BEN)
    await pay(rig, ANNA)
    assert looked.count("mo_w") == 1
    assert looked.count("mo_none") == 3


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_thrown_away_is_not_missed(rig, seed, monkeypatch):
    """Of windows that look at every block, with reorganisations as deep as there may be."""
    depth = 8
    monkeypatch.setattr(window_store, "FINAL", depth)
    monkeypatch.setattr(matcher_module, "PRUNED", 1)
    chance = random.Random(seed)
    for id, watching in WINDOWED.items():
        await watching.create(rig.database, id)
    await rig.rest()
    highest = 0
    for _ in range(25):
        grow(rig.chain, chance, chance.randint(1, 6))
        await rig.follow()
        await rig.match(chance.choice([1, 3, 100]))
        highest = max(highest, rig.chain.tip.number)
        most = rig.chain.tip.number - highest + depth
        if chance.random() < 0.6 and most > 0:
            taken = rig.chain.cut(min(chance.randint(1, most), rig.chain.tip.number))
            grow(rig.chain, chance, len(taken) + 1)
            await rig.follow()
            await rig.match(chance.choice([1, 3, 100]))
            highest = max(highest, rig.chain.tip.number)
    for id, watching in WINDOWED.items():
        await rig.check(id, watching, 1)
    # the longest of them counts two minutes, which is ten blocks
    (row,) = await rig.rows(
        "SELECT min(block_number) AS lowest FROM window_entries WHERE at < '9999-01-01'"
    )
    assert row["lowest"] >= rig.chain.tip.number - depth - 11 - 6
