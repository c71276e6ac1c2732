"""Our contracts' events as rows: what the followed chain says, no more and no less, and the same
again from the chain."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
import pytest_asyncio

from donablock.chain.blocks import Log
from donablock.errors import ChainError, ManifestError, StreamError, StreamGapError
from donablock.monitors import rebuild as rebuild_module
from donablock.monitors.projections import Projections
from donablock.monitors.rebuild import rebuild
from donablock.store.stream import OutboxStream
from tests.monitors.builtin.ours import (
    CAMPAIGN,
    DEPLOYED,
    DONOR,
    GIVING,
    PAYEE,
    address,
    donated,
    opened,
    pledged,
    staked,
)
from tests.pipeline.stages import Facts

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def told(line):
    """A line with some of everything on it, followed to its end."""
    line.deploy()
    line.put([donated(5), opened()], [pledged(1)])
    line.put([staked()])
    line.put([pledged(2), donated(6)])
    await line.rest()
    return line


async def test_a_row_has_everything_of_its_log(line):
    line.deploy()
    block = line.put([staked()], [donated(2**90)])
    await line.rest()
    rows = await line.fetch("SELECT * FROM contract_events ORDER BY log_index")
    row = dict(rows[1])
    assert row.pop("block_time").timestamp() == block.timestamp
    assert row == {
        "chain_id": 31337,
        "block_number": 1,
        "block_hash": bytes.fromhex(block.hash[2:]),
        "transaction_hash": bytes.fromhex(block.transactions[1].hash[2:]),
        "log_index": 1,
        "contract": "Giving",
        "name": "Donated",
        "address": bytes.fromhex(GIVING[2:]),
        "args": {
            "donor": DONOR,
            "charity_id": "7",
            "asset": "0x" + "0" * 40,
            "payee": PAYEE,
            "amount": str(2**90),
            "memo": "0x" + "0" * 64,
        },
    }


async def test_a_log_that_is_no_event_of_its_contract_is_a_row_as_it_was_logged(line):
    line.deploy()
    right = donated()
    strange = [
        Log(GIVING, (), "0xabcd", 0),
        Log(GIVING, ("0x" + "9" * 64,), "0x", 0),
        Log(GIVING, right.topics, right.data[:-64], 0),
    ]
    line.put(strange)
    await line.rest()
    rows = await line.fetch("SELECT contract, name, args FROM contract_events ORDER BY log_index")
    assert [(row["contract"], row["name"]) for row in rows] == [("Giving", "")] * 3
    assert [row["args"] for row in rows] == [
        {"topics": list(log.topics), "data": log.data} for log in strange
    ]


@pytest.mark.parametrize("limit", [1, 100])
async def test_rows_come_and_go_with_their_blocks(line, limit):
    line.deploy()
    line.put([opened(), pledged(1)])
    line.put([pledged(2)])
    await line.rest(limit)
    assert await line.events() == [
        (1, 0, "CampaignFactory.CampaignCreated"),
        (1, 1, "Campaign.Pledged"),
        (2, 0, "Campaign.Pledged"),
    ]
    line.chain.cut(2)
    line.put([donated()])
    line.put([pledged(3)])
    line.put([])
    await line.rest(limit)
    assert await line.events() == [(1, 0, "Giving.Donated")]


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_the_chain_does_a_rebuild_finds_the_same(line, seed):
    chance = random.Random(seed)
    line.deploy()
    campaigns = [address(0x300 + number) for number in range(4)]
    for _ in range(12):
        if chance.random() < 0.4 and len(line.chain.canonical) > 1:
            line.chain.cut(chance.randint(1, min(4, len(line.chain.canonical) - 1)))
        for _ in range(chance.randint(1, 5)):
            logs = [
                chance.choice(
                    [
                        donated(chance.randint(1, 9)),
                        opened(chance.choice(campaigns)),
                        pledged(chance.randint(1, 9), at=chance.choice(campaigns)),
                        pledged(at=address(0xFA)),
                    ]
                )
                for _ in range(chance.randint(0, 4))
            ]
            line.put(logs)
        await line.follow()
        await line.project(chance.choice([1, 2, 100]))
        if chance.random() < 0.3:
            line.restart()
    assert await line.events()
    before = await line.dump()
    checked = await line.rebuild(is_check=True)
    assert checked.is_same, "D1: the projections are what the chain says"
    assert checked.rows == len(await line.events())
    # from nothing at all
    async with line.database.transaction() as connection:
        await connection.execute("DELETE FROM contract_events")
        await connection.execute("DELETE FROM contract_instances")
    rebuilt = await line.rebuild()
    assert rebuilt.count == checked.rows
    assert await line.dump() == before, "D1: rebuild gives the same rows, to the byte"
    assert (await line.rebuild(is_check=True)).is_same


# --- rebuild --------------------------------------------------------------------------------------


async def test_a_rebuild_of_what_is_right_changes_nothing(told):
    before = await told.dump()
    places = await told.fetch("SELECT ctid::text, xmin::text FROM contract_events ORDER BY 1")
    rebuilt = await told.rebuild()
    assert rebuilt.is_same and (rebuilt.from_block, rebuilt.to_block) == (1, 3)
    assert rebuilt.rows == 6
    assert await told.dump() == before
    after = await told.fetch("SELECT ctid::text, xmin::text FROM contract_events ORDER BY 1")
    assert after == places, "rows that were right are not touched"


@pytest.mark.parametrize(
    "change, said",
    [
        (
            "UPDATE contract_events SET args = '{\"donor\": \"0x00\"}' WHERE name = 'Donated'"
            " AND block_number = 3",
            "block 3, log 1: Giving.Donated differs in args",
        ),
        (
            "UPDATE contract_events SET block_number = 2, name = 'Refunded' WHERE log_index = 2",
            "block 1, log 2: Campaign.Pledged differs in block_number, name",
        ),
        (
            "UPDATE contract_events SET block_time = block_time + interval '1 microsecond',"
            " address = '\\x00' WHERE name = 'Staked'",
            "block 2, log 0: DividendPool.Staked differs in block_time, address",
        ),
        (
            "DELETE FROM contract_events WHERE name = 'Staked'",
            "block 2, log 0: DividendPool.Staked is missing",
        ),
        (
            "INSERT INTO contract_events (chain_id, block_number, block_hash, transaction_hash,"
            " log_index, contract, name, args, block_time, address) SELECT chain_id, block_number,"
            " block_hash, transaction_hash, 9, contract, name, args, block_time, address"
            " FROM contract_events WHERE name = 'Staked'",
            "block 2, log 9: DividendPool.Staked is not on the chain",
        ),
    ],
)
async def test_a_row_that_was_tampered_with_is_named_and_put_right(told, change, said):
    before = await told.dump()
    async with told.database.transaction() as connection:
        assert (await connection.execute(change)).split()[-1] == "1"
    tampered = await told.dump()
    checked = await told.rebuild(is_check=True)
    assert not checked.is_same and checked.count == 1
    assert [str(one) for one in checked.differences] == [said]
    assert await told.dump() == tampered, "a check writes nothing"
    rebuilt = await told.rebuild()
    assert rebuilt.differences == checked.differences
    assert await told.dump() == before


async def test_the_order_of_arguments_counts_too(told):
    async with told.database.transaction() as connection:
        await connection.execute(
            "UPDATE contract_events SET args = (args::jsonb)::text::json WHERE name = 'Staked'"
        )
    (found,) = (await told.rebuild(is_check=True)).differences
    assert (found.kind, found.columns) == ("differs", ("args",))


async def test_a_campaign_that_was_tampered_with_is_named_and_put_right(told):
    before = await told.dump()
    async with told.database.transaction() as connection:
        await connection.execute(
            "DELETE FROM contract_instances WHERE consumer = 'projections' AND contract = $1"
            " AND block_hash <> ''",
            "Campaign",
        )
    checked = await told.rebuild(is_check=True)
    assert checked.count == 0 and checked.contracts == (CAMPAIGN,)
    assert not (await told.rebuild()).is_same
    assert await told.dump() == before


async def test_many_differences_are_counted_and_the_first_are_named(told, monkeypatch):
    monkeypatch.setattr(rebuild_module, "SHOWN", 2)
    async with told.database.transaction() as connection:
        await connection.execute("DELETE FROM contract_events")
    checked = await told.rebuild(is_check=True)
    assert checked.count == 6
    assert [one.log_index for one in checked.differences] == [0, 1]


async def test_a_check_looks_as_far_as_the_projections_are(told):
    told.put([donated()])
    await told.follow()
    assert (await told.rebuild(is_check=True)).is_same
    rebuilt = await told.rebuild()
    assert [str(one) for one in rebuilt.differences] == [
        "block 4, log 0: Giving.Donated is missing"
    ]
    # the projections go on behind it
    told.put([staked()])
    await told.rest()
    assert (await told.events())[-2:] == [(4, 0, "Giving.Donated"), (5, 0, "DividendPool.Staked")]


async def test_a_rebuild_while_the_projections_run_is_taken_up_by_them(told):
    told.put([donated()])
    await told.follow()
    before = await told.projections.register()
    messages = await OutboxStream(told.database).read(31337, before.seq)
    await told.rebuild()

    class Late:
        """What they had read before."""

        async def read(self, *_: object, **__: object):
            return messages

    late = Projections(told.database, Late(), Facts(), source=told.chain)
    late.register = lambda: _answer(before)
    assert await late.step()
    assert len(await told.events()) == 7
    assert (await told.rebuild(is_check=True)).is_same


async def _answer(value):
    return value


async def test_what_was_read_of_a_lost_block_is_read_again(told, monkeypatch):
    """The chain is reorganised while it is read; the worker sees it a little later."""
    monkeypatch.setattr(rebuild_module, "_PAUSE", 0)
    told.put([opened(address(0x309))])
    await told.rest()
    lost = told.chain.cut(1)[0]
    told.put([staked(), staked()])
    told.put([staked()])
    fork = list(told.chain.canonical)
    told.chain.canonical[:] = [*fork[:-2], lost]
    reads = 0
    block = told.chain.block

    async def turns(asked):
        nonlocal reads
        reads += 1
        if reads == 4:
            found = await block(asked)
            told.chain.canonical[:] = fork
            await told.follow()
            return found
        return await block(asked)

    monkeypatch.setattr(told.chain, "block", turns)
    await told.rebuild()
    assert reads > 4
    assert [one for one in await told.events() if one[0] >= 4] == [
        *((4, 0, "DividendPool.Staked"), (4, 1, "DividendPool.Staked")),
        (5, 0, "DividendPool.Staked"),
    ]
    assert (await told.rebuild(is_check=True)).is_same


async def test_a_worker_that_does_not_follow_is_said_so(told, monkeypatch):
    monkeypatch.setattr(rebuild_module, "_PAUSE", 0)
    before = await told.dump()
    told.chain.reorganise(2, 3)
    with pytest.raises(ChainError, match="let it follow the chain"):
        await told.rebuild()
    assert await told.dump() == before


async def test_what_cannot_be_rebuilt_says_why(line):
    with pytest.raises(ManifestError, match="nothing is deployed"):
        await line.rebuild()
    line.deploy({"PlainToken": address(1)})
    with pytest.raises(ManifestError, match="names no contract of ours"):
        await line.rebuild()
    path = line.deploy()
    with pytest.raises(StreamError, match="projections has no position"):
        await line.rebuild(is_check=True)
    path.write_text(path.read_text().replace(line.chain.canonical[0].hash, "0x" + "5" * 64))
    with pytest.raises(ManifestError, match="is of another chain"):
        await line.rebuild()


async def test_a_chain_that_was_never_followed_is_said_so(database, line):
    line.deploy()
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM cursors")
    with pytest.raises(StreamError, match="was never followed"):
        await line.rebuild()


async def test_no_table_is_left_behind(told):
    await told.rebuild()
    left = await told.fetch("SELECT relname FROM pg_class WHERE relname LIKE 'rebuilt%'")
    assert left == []


# --- contracts that came later than their blocks --------------------------------------------------


async def test_a_manifest_that_comes_later_has_the_chain_read_again(line):
    line.put([donated(), opened()])
    line.put([pledged()])
    await line.rest()
    assert await line.events() == []
    line.deploy()
    await line.project()  # no block has to come for it
    assert len(await line.events()) == 3
    line.put([pledged()])
    await line.rest()
    assert len(await line.events()) == 4
    assert (await line.rebuild(is_check=True)).is_same


async def test_the_matcher_then_knows_the_campaigns_as_well(line):
    line.put([opened()])
    await line.rest()
    line.deploy()
    await line.project()
    line.put([])
    await line.match()
    found = await line.fetch(
        "SELECT block_number FROM contract_instances"
        " WHERE consumer = 'matcher' AND address = $1 AND block_hash <> ''",
        bytes.fromhex(CAMPAIGN[2:]),
    )
    assert [row["block_number"] for row in found] == [1]


async def test_a_chain_followed_from_later_on_is_read_from_the_first_block_of_ours(line):
    line.deploy()
    line.put([donated()])
    line.put([donated()])
    line.put([staked()])
    async with line.database.transaction() as connection:
        await connection.execute(
            "UPDATE cursors SET number = 2, hash = $1",
            bytes.fromhex(line.chain.canonical[2].hash[2:]),
        )
    await line.worker.take_over()
    await line.rest()
    assert [one[0] for one in await line.events()] == [1, 2, 3]


async def test_without_a_source_it_says_what_to_do_and_goes_on(line, capsys):
    line.projections = Projections(line.database, OutboxStream(line.database), Facts())
    line.put([donated()])
    await line.rest()
    line.deploy()
    line.put([staked()])
    await line.rest()
    assert await line.events() == [(2, 0, "DividendPool.Staked")]
    assert "run `donablock rebuild`" in capsys.readouterr().out
    rebuilt = await line.rebuild()
    assert [str(one) for one in rebuilt.differences] == [
        "block 1, log 0: Giving.Donated is missing"
    ]


async def test_another_manifest_has_the_chain_read_again(told):
    moved = {**DEPLOYED, "Giving": address(0xD1)}
    told.deploy(moved)
    await told.project()
    assert {one[2] for one in await told.events()} == {
        *("CampaignFactory.CampaignCreated", "Campaign.Pledged", "DividendPool.Staked"),
    }
    told.deploy()
    await told.project()
    assert len(await told.events()) == 6


async def test_messages_that_are_gone_have_the_chain_read_again(told):
    told.put([donated()])
    told.put([staked()])
    await told.follow()
    async with told.database.transaction() as connection:
        await connection.execute("DELETE FROM outbox WHERE seq = 5")
    alone = Projections(told.database, OutboxStream(told.database), Facts())
    with pytest.raises(StreamGapError):
        await alone.step()
    await told.project()
    assert (await told.events())[-2:] == [(4, 0, "Giving.Donated"), (5, 0, "DividendPool.Staked")]
    assert (await told.rebuild(is_check=True)).is_same


async def test_while_no_node_answers_nothing_is_passed_over(line):
    line.put([donated()])
    await line.rest()
    line.deploy()
    line.put([staked()])
    await line.follow()
    line.chain.is_down = True
    with pytest.raises(ChainError):
        await line.projections.step()
    assert await line.events() == []
    line.chain.is_down = False
    await line.project()
    assert len(await line.events()) == 2


async def test_rebuilding_twice_at_once_is_as_once(told):
    async with told.database.transaction() as connection:
        await connection.execute("DELETE FROM contract_events WHERE name = 'Donated'")
    both = await asyncio.gather(
        *(rebuild(told.database, told.chain, Facts()) for _ in range(2)), return_exceptions=True
    )
    assert sum(one.count for one in both if not isinstance(one, BaseException)) == 2
    assert not [one for one in both if isinstance(one, BaseException)]
    assert (await told.rebuild(is_check=True)).is_same


# --- whom a rebuild keeps waiting -----------------------------------------------------------------


@pytest.fixture
def looks(monkeypatch):
    """What is done right before each time that rows are compared, as functions of a number from 0
    on and of whether it is for the rows in doubt only."""
    during: list[Callable[[int, bool], Awaitable[None]]] = []
    count = 0
    look = rebuild_module._Reading._look

    async def watched(self, number, which):
        nonlocal count
        for one in during:
            await asyncio.wait_for(one(count, which != "true"), 20)
        count += 1
        await look(self, number, which)

    monkeypatch.setattr(rebuild_module._Reading, "_look", watched)
    return during


async def test_while_all_rows_are_compared_everybody_goes_on_and_then_the_worker(told, looks):
    async def goes_on(at, is_again):
        if at < 3:
            told.put([staked(), donated()])
        await told.follow()
        if not is_again:
            await told.project()

    looks.append(goes_on)
    async with told.database.transaction() as connection:
        await connection.execute("DELETE FROM contract_events WHERE name = 'Staked'")
    rebuilt = await told.rebuild()
    assert [str(one) for one in rebuilt.differences][0] == (
        "block 2, log 0: DividendPool.Staked is missing"
    )
    assert len(told.chain.canonical) > 5, "the worker came while the projections stood still"
    looks.clear()
    await told.rest()
    assert (await told.rebuild(is_check=True)).is_same
    assert len(await told.events()) == 6 + 2 * (len(told.chain.canonical) - 4)


async def test_a_check_keeps_nobody_waiting(told, looks):
    async def goes_on(_at, _is_again):
        told.put([staked()])
        await told.rest()

    looks.append(goes_on)
    checked = await told.rebuild(is_check=True)
    assert checked.is_same and (checked.rows, checked.to_block) == (6, 3)
    assert len(await told.events()) == 7


@pytest.mark.parametrize("is_reorganised", [False, True])
async def test_only_what_is_newer_or_differed_is_compared_again(
    told, looks, monkeypatch, is_reorganised
):
    monkeypatch.setattr(rebuild_module, "WINDOW", 1)
    monkeypatch.setattr(rebuild_module, "_PAUSE", 0)
    for _ in range(20):
        told.put([staked()])
    await told.rest()
    before = await told.dump()
    async with told.database.transaction() as connection:
        await connection.execute(
            "UPDATE contract_events SET name = 'Refunded' WHERE block_number = 2"
        )
    again: list[int] = []
    add = rebuild_module._Reading._look_again

    async def counted(self, number):
        await add(self, number)
        again.extend(
            row["block_number"]
            for row in await self._connection.fetch(
                "SELECT block_number FROM rebuilt_doubtful JOIN rebuilt_events"
                " USING (block_hash, log_index) GROUP BY block_number ORDER BY 1"
            )
        )

    monkeypatch.setattr(rebuild_module._Reading, "_look_again", counted)

    async def comes(at, _is_again):
        if at == 0:
            if is_reorganised:
                told.chain.cut(1)
                told.put([donated(), donated()])
            told.put([donated()])
            await told.follow()

    looks.append(comes)
    rebuilt = await told.rebuild()
    looks.clear()
    assert rebuilt.to_block == 24
    assert again[0] == 2 and again[1] >= 20 - is_reorganised and again[-1] == 24
    await told.rest()
    after = await told.dump()
    assert len(set(before) - set(after)) == is_reorganised
    assert (await told.rebuild(is_check=True)).is_same
