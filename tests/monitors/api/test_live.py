"""Changes by the API as the matcher takes them up: what is enabled, disabled, added, removed and
deleted really is, from a block that is written down."""

from __future__ import annotations

import asyncio

import pytest

from donablock.errors import NotFoundError
from donablock.monitors import removal, retention, roster
from donablock.store.schema import DEAD, LEASED, PENDING
from tests.monitors.api.conftest import CONFIRMATIONS
from tests.pipeline.model import ANNA, BEN, CARA, transfer

pytestmark = pytest.mark.asyncio


async def made(service, **more):
    return await service.monitor(endpoint_id=await service.endpoint(), **more)


async def test_a_monitor_finds_from_the_block_that_is_written_down(service, line):
    await line.block(transfer(BEN, ANNA, 1, salt=1))
    monitor = await made(service, addresses=[ANNA])
    assert monitor.active_from_block is None
    block = await line.block(transfer(BEN, ANNA, 1, salt=2))
    now = await service.registry.get(service.project, monitor.id)
    assert now.active_from_block == block.number
    (watched,) = await service.registry.addresses(service.project, monitor.id)
    assert watched.active_from_block == block.number
    (event,) = (await service.events.page(service.project, monitor.id)).events
    assert event.block_number == block.number


async def test_disabled_means_disabled_and_enabled_goes_on_from_there(service, line):
    monitor = await made(service, addresses=[ANNA])
    first = await line.block(transfer(BEN, ANNA, 1, salt=1))
    await service.registry.update(service.project, monitor.id, is_enabled=False)
    await line.block(transfer(BEN, ANNA, 1, salt=2))
    await service.registry.add_addresses(service.project, monitor.id, [CARA])
    await line.block(transfer(BEN, CARA, 1, salt=3))
    await service.registry.update(service.project, monitor.id, is_enabled=True)
    last = await line.block(transfer(BEN, ANNA, 1, salt=4), transfer(BEN, CARA, 1, 1, salt=4))
    found = (await service.events.page(service.project, monitor.id)).events
    assert [one.block_number for one in found] == [last.number, last.number, first.number]


async def test_disabled_and_enabled_at_once_misses_nothing(service, line):
    monitor = await made(service, addresses=[ANNA])
    await line.block()
    for is_enabled in (False, True):
        await service.registry.update(service.project, monitor.id, is_enabled=is_enabled)
    await line.block(transfer(BEN, ANNA, 1))
    assert len((await service.events.page(service.project, monitor.id)).events) == 1


async def test_what_a_disabled_monitor_has_found_is_still_confirmed_and_retracted(service, line):
    monitor = await made(service, addresses=[ANNA])
    await line.block(transfer(BEN, ANNA, 1, salt=1))
    await line.block(transfer(BEN, ANNA, 1, salt=2))
    await service.registry.update(service.project, monitor.id, is_enabled=False)
    line.chain.reorganise(1, 1)
    line.chain.grow(CONFIRMATIONS)
    await line.rest()
    assert await line.said() == ["detected", "detected", "retracted", "confirmed"]


async def test_a_deleted_monitor_tells_nothing_any_more(service, line):
    monitor = await made(service, addresses=[ANNA])
    other = await service.monitor(addresses=[ANNA], endpoint_id=monitor.endpoint_id)
    await line.block(transfer(BEN, ANNA, 1, salt=1))
    assert len(await line.said(monitor.id)) == 1
    await service.registry.delete(service.project, monitor.id)
    states = dict(await service.rows("SELECT monitor_id, state FROM deliveries"))
    assert states == {monitor.id: DEAD, other.id: PENDING}
    await line.block(transfer(BEN, ANNA, 1, salt=2))
    line.chain.grow(CONFIRMATIONS)
    await line.rest()
    assert await line.said(monitor.id) == ["detected"]
    assert await line.said(other.id) == ["detected", "detected", "confirmed", "confirmed"]
    assert len(await line.sent()) == 4
    # what it had found can still be read
    (event,) = (await service.events.page(service.project, monitor.id)).events
    assert event.state == "confirmed"
    assert (await service.events.get(service.project, event.id)).deliveries == (event.id + "_d1",)


async def test_a_monitor_that_was_deleted_unseen_finds_nothing(service, line):
    monitor = await made(service, addresses=[ANNA])
    await service.registry.delete(service.project, monitor.id)
    await line.block(transfer(BEN, ANNA, 1))
    assert await service.value("SELECT count(*) FROM matches") == 0


async def test_nothing_is_left_to_be_sent_whenever_it_is_deleted(service, line):
    """Deletion while the matcher writes: afterwards nothing of it is pending, and never will be."""
    for turn in range(12):
        monitor = await made(service, addresses=[ANNA])
        for place in range(4):
            line.chain.append([transfer(BEN, ANNA, 1, 0, salt=100 * turn + place)])

        async def delete(monitor=monitor, turn=turn):
            await asyncio.sleep(0.004 * turn)
            await service.registry.delete(service.project, monitor.id)

        await asyncio.gather(line.rest(limit=1), delete())
        await line.rest()
        states = await service.rows(
            "SELECT DISTINCT state FROM deliveries WHERE monitor_id = $1", monitor.id
        )
        assert {row["state"] for row in states} <= {DEAD}


@pytest.mark.parametrize("what", ["monitor", "project"])
async def test_deletion_waits_for_what_the_matcher_is_at(service, line, what):
    """The matcher has written a message, and has not committed, when deletion begins."""
    monitor = await made(service, addresses=[ANNA])
    await line.block()
    async with service.database.connection() as connection:
        await connection.execute(
            """
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
            CREATE TRIGGER dawdle AFTER INSERT ON deliveries EXECUTE FUNCTION dawdle();
            """
        )
    line.chain.append([transfer(BEN, ANNA, 1)])
    while await line.worker.step():
        pass
    matching = asyncio.create_task(line.rest())
    while (
        await service.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        == 0
    ):
        await asyncio.sleep(0.02)
    if what == "monitor":
        await service.registry.delete(service.project, monitor.id)
    else:
        await service.projects.delete(service.project)
    await matching
    assert dict(await service.rows("SELECT monitor_id, state FROM deliveries")) == {
        monitor.id: DEAD
    }


async def test_what_was_being_sent_at_its_deletion_is_cleared_away_later(service, line):
    monitor = await made(service, addresses=[ANNA])
    await line.block(transfer(BEN, ANNA, 1))
    claim = await line.queue.claim(1)
    await service.registry.delete(service.project, monitor.id)
    assert await service.value("SELECT state FROM deliveries") == LEASED
    await line.queue.give_back(claim.deliveries)
    assert await service.value("SELECT state FROM deliveries") == PENDING
    await retention.prune(service.database)
    assert await service.value("SELECT state FROM deliveries") == DEAD
    # somebody who asks for it by hand gets it
    (id,) = claim.deliveries
    assert await service.replays.by_id(service.project, [id.id]) == [id.id]
    await retention.prune(service.database)
    assert await service.value("SELECT state FROM deliveries") == PENDING


async def test_a_deletion_that_died_half_way_is_ended_by_the_next(service, line):
    monitor = await made(service, addresses=[ANNA])
    await line.block(transfer(BEN, ANNA, 1))
    async with service.database.transaction() as connection:
        await removal.hold_matching(connection)
        await removal.mark(connection, [monitor.id])
    with pytest.raises(NotFoundError):
        await service.registry.get(service.project, monitor.id)
    assert await service.value("SELECT state FROM deliveries") == PENDING
    await service.registry.delete(service.project, monitor.id)
    assert await service.value("SELECT state FROM deliveries") == DEAD
    assert await service.value("SELECT count(*) FROM monitor_addresses") == 0


async def test_a_deleted_project_tells_nothing_any_more(service, line):
    monitor = await made(service, addresses=[ANNA])
    theirs = await service.monitor(
        project=service.other, addresses=[ANNA], endpoint_id=await service.endpoint(service.other)
    )
    await line.block(transfer(BEN, ANNA, 1, salt=1))
    await service.projects.delete(service.project)
    await line.block(transfer(BEN, ANNA, 1, salt=2))
    assert len(await line.said(monitor.id)) == 1
    assert len(await line.said(theirs.id)) == 2
    assert len(await line.sent()) == 2


# --- addresses ------------------------------------------------------------------------------------


async def test_an_address_is_found_from_when_it_is_watched_until_it_is_not(service, line):
    monitor = await made(service, addresses=[ANNA])
    await line.block(transfer(CARA, BEN, 1, salt=1))
    await service.registry.add_addresses(service.project, monitor.id, [BEN])
    second = await line.block(transfer(CARA, BEN, 1, salt=2))
    await service.registry.remove_addresses(service.project, monitor.id, [BEN])
    await line.block(transfer(CARA, BEN, 1, salt=3))
    await service.registry.add_addresses(service.project, monitor.id, [BEN])
    fourth = await line.block(transfer(CARA, BEN, 1, salt=4))
    found = (await service.events.page(service.project, monitor.id)).events
    assert [one.block_number for one in found] == [fourth.number, second.number]
    watched = await service.registry.addresses(service.project, monitor.id)
    # since when, this time
    assert {one.address: one.active_from_block for one in watched}[BEN] == fourth.number


async def test_one_that_is_removed_and_added_before_anybody_looks_is_watched(service, line):
    monitor = await made(service, addresses=[ANNA])
    await line.block()
    await service.registry.remove_addresses(service.project, monitor.id, [ANNA])
    await service.registry.add_addresses(service.project, monitor.id, [ANNA])
    await line.block(transfer(BEN, ANNA, 1))
    await service.registry.add_addresses(service.project, monitor.id, [BEN])
    await service.registry.remove_addresses(service.project, monitor.id, [BEN])
    await line.block(transfer(CARA, BEN, 1))
    found = (await service.events.page(service.project, monitor.id)).events
    assert [one.address for one in found] == [ANNA]


async def test_a_new_matcher_sees_the_same(service, line):
    monitor = await made(service, addresses=[ANNA, BEN])
    await line.block()
    await service.registry.remove_addresses(service.project, monitor.id, [ANNA])
    line.matcher = type(line.matcher)(service.database, line.matcher._stream, line.matcher._chain)
    await line.block(transfer(CARA, ANNA, 1), transfer(CARA, BEN, 1, 1))
    found = (await service.events.page(service.project, monitor.id)).events
    assert [one.address for one in found] == [BEN]


# --- where it tells -------------------------------------------------------------------------------


async def test_a_changed_endpoint_gets_what_comes_from_then_on(service, line):
    one, two = await service.endpoint(), await service.endpoint()
    monitor = await service.monitor(addresses=[ANNA], endpoint_id=one)
    await line.block(transfer(BEN, ANNA, 1, salt=1))
    await service.registry.update(service.project, monitor.id, endpoint_id=two, tags=["new"])
    await line.block(transfer(BEN, ANNA, 1, salt=2))
    await service.registry.update(service.project, monitor.id, endpoint_id=None)
    await line.block(transfer(BEN, ANNA, 1, salt=3))
    rows = await service.rows("SELECT endpoint_id FROM deliveries ORDER BY sequence")
    assert [row["endpoint_id"] for row in rows] == [one, two]
    found = (await service.events.page(service.project, monitor.id)).events
    assert [one.data["tags"] for one in found] == [["new"], ["new"], []]


async def test_a_monitor_whose_endpoint_is_deleted_still_records(service, line):
    monitor = await made(service, addresses=[ANNA])
    await line.block()
    await service.endpoints.delete(service.project, monitor.endpoint_id)
    await line.block(transfer(BEN, ANNA, 1))
    assert len((await service.events.page(service.project, monitor.id)).events) == 1
    assert await line.said() == []


async def test_an_address_that_comes_while_the_matcher_reads_is_watched_from_where_it_says(
    service, line, monkeypatch
):
    """It commits just before first blocks are written down, when the index has been made."""
    monitor = await made(service, addresses=[ANNA])
    await line.block()
    await service.registry.add_addresses(service.project, monitor.id, [CARA])
    begin, came = roster._begin_addresses, []

    async def begun(*given):
        if not came:
            came.append(await service.registry.add_addresses(service.project, monitor.id, [BEN]))
        return await begin(*given)

    monkeypatch.setattr(roster, "_begin_addresses", begun)
    for salt in range(3):
        last = await line.block(transfer(ANNA, BEN, 1, salt=salt))
    assert len(came) == 1
    rows = await service.registry.addresses(service.project, monitor.id)
    (first,) = [row.active_from_block for row in rows if row.address == BEN]
    found = (await service.events.page(service.project, monitor.id, address=BEN)).events
    assert sorted(one.block_number for one in found) == list(range(first, last.number + 1))
