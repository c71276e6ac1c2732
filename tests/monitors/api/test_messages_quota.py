"""Messages of a month: counted once, held beyond the quota, and sent in order when they may be."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from donablock.monitors import quotas
from donablock.monitors.deliverer import Deliverer, Limits
from donablock.monitors.deliveries import Deliveries
from donablock.monitors.sending import Sender
from donablock.store.database import Database
from tests.monitors.api.conftest import CONFIRMATIONS, LOOPBACK
from tests.pipeline.model import ANNA, BEN, CARA, transfer
from tests.webhooks.receivers import Receiver

pytestmark = pytest.mark.asyncio


async def made(service, addresses=(ANNA,), **more):
    project = more.get("project")
    endpoint = await service.endpoint(project)
    return await service.monitor(addresses=list(addresses), endpoint_id=endpoint, **more)


async def used(service, project=None):
    usage = await service.projects.usage(project or service.project)
    return usage.messages


async def held(service):
    return (await service.projects.get(service.project)).held_until


async def pay(line, count=1, salt=0):
    return await line.block(*(transfer(BEN, ANNA, 1, place, salt=salt) for place in range(count)))


async def pending(service):
    rows = await service.rows("SELECT id FROM deliveries ORDER BY sequence")
    return [row["id"] for row in rows]


async def test_every_message_counts_for_its_project(service, line):
    monitor = await made(service)
    await made(service, project=service.other)
    # it records, and has nobody to tell
    await service.monitor(addresses=[ANNA])
    await pay(line, 2, salt=1)
    assert (await used(service), await used(service, service.other)) == (2, 2)
    await pay(line, 1, salt=2)
    line.chain.reorganise(1, 1)
    line.chain.grow(CONFIRMATIONS)
    await line.rest()
    said = await line.said(monitor.id)
    assert said == ["detected"] * 3 + ["retracted"] + ["confirmed"] * 2
    assert await used(service) == len(said) == 6


async def test_tests_and_replays_are_not_counted(service, line):
    monitor = await made(service)
    await pay(line)
    await service.replays.test(service.project, monitor.endpoint_id)
    await service.replays.by_id(service.project, await pending(service))
    assert await used(service) == 1


async def test_what_is_repeated_is_counted_once(service, line):
    """The database makes the matcher repeat its transaction, as after a deadlock."""
    await made(service)
    async with service.database.connection() as connection:
        await connection.execute(
            """
            CREATE SEQUENCE refusals;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('refusals') <= 3 THEN
                    RAISE EXCEPTION 'try again' USING ERRCODE = 'serialization_failure';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse AFTER UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION refuse();
            """
        )
    await pay(line, 3)
    assert await service.value("SELECT last_value FROM refusals") > 3
    assert await used(service) == len(await pending(service)) == 3


async def test_a_block_that_is_matched_again_is_not_counted_again(service, line):
    await made(service)
    await pay(line, 2)
    # as if the position had been lost: the same messages, and the same ids
    await service.rows("UPDATE positions SET seq = 0, number = NULL, hash = NULL")
    await line.rest()
    assert await used(service) == len(await pending(service)) == 2


async def test_what_passes_the_quota_waits_and_goes_out_in_order(service, line):
    monitor = await made(service)
    await service.limit(messages_per_month=3)
    await pay(line, 3, salt=1)
    assert await held(service) is None
    before = await line.sent()
    assert before == await pending(service)
    await pay(line, 2, salt=2)
    await pay(line, 2, salt=3)
    test = await service.replays.test(service.project, monitor.endpoint_id)
    until = await held(service)
    now = await service.value("SELECT now()")
    first = now.astimezone(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert until == (first + dt.timedelta(days=32)).replace(day=1)
    assert await line.sent() == []
    usage = await service.projects.usage(service.project)
    # without the test
    made_in_all = len(await pending(service)) - 1
    assert (usage.messages, usage.limit, usage.held_until) == (made_in_all, 3, until)
    # everything was made and kept
    events = await service.events.page(service.project, monitor.id)
    assert len(events.events) == 7
    raised = await service.limit(messages_per_month=made_in_all)
    assert raised.held_until is None
    after = await line.sent()
    assert after == (await pending(service))[3:]
    assert after[-1] == test


async def test_a_deliverer_that_runs_sends_it_all_as_soon_as_it_may(service, line):
    """Nothing is restarted, and nothing has to be waited for: raising the quota wakes it."""
    async with Receiver() as receiver, Sender(LOOPBACK) as sender:
        made_, _ = await service.endpoints.create(service.project, receiver.url, concurrency=1)
        await service.monitor(addresses=[ANNA], endpoint_id=made_.id)
        queue = Deliveries(service.database, lease=60, longest=30)
        deliverer = Deliverer(queue, sender, Limits(idle=60.0, first_window=1))
        running = asyncio.create_task(deliverer.run())
        try:
            await pay(line, 1, salt=1)
            await receiver.wait_for(1)
            await service.limit(messages_per_month=1)
            await pay(line, 4, salt=2)
            await line.block()
            await asyncio.sleep(1.0)
            assert len(receiver.got) == 1
            await service.limit(messages_per_month=None)
            ids = await pending(service)
            assert len(ids) > 5
            got = await receiver.wait_for(len(ids), timeout=10.0)
        finally:
            deliverer.stop()
            await running
    assert [one.id for one in got] == ids


async def test_others_are_not_held(service, line):
    await made(service)
    theirs = await made(service, project=service.other)
    await service.limit(messages_per_month=0)
    await pay(line)
    assert await held(service) is not None
    (sent,) = await line.sent()
    assert await service.value("SELECT monitor_id FROM deliveries WHERE id = $1", sent) == theirs.id


async def test_the_next_month_begins_at_nothing(service, line):
    await made(service)
    await service.limit(messages_per_month=1)
    await pay(line, 2, salt=1)
    assert await line.sent() == []
    # a month goes by: what was of this one is of the last
    await service.rows("UPDATE usage SET month = month - interval '1 month'")
    await service.rows("UPDATE projects SET held_until = held_until - interval '1 month'")
    assert len(await line.sent()) == 2
    assert await used(service) == 0
    await pay(line, 1, salt=2)
    assert await used(service) == 1
    assert len(await line.sent()) == 1
    await pay(line, 1, salt=3)
    assert await used(service) > 1
    assert await line.sent() == []
    assert (
        await service.value("SELECT count(*) FROM usage WHERE project_id = $1", service.project)
        == 2
    )


async def test_a_quota_that_is_raised_too_little_holds_on(service, line):
    await made(service)
    await service.limit(messages_per_month=1)
    await pay(line, 5)
    until = await held(service)
    assert (await service.limit(messages_per_month=4)).held_until == until
    assert await line.sent() == []
    assert (await service.limit(messages_per_month=5)).held_until is None
    assert len(await line.sent()) == 5


async def test_a_quota_that_is_lowered_holds_at_once(service, line):
    await made(service)
    await pay(line, 5)
    assert (await service.limit(messages_per_month=4)).held_until is not None
    assert await line.sent() == []
    # a change of something else changes nothing of that
    assert (await service.limit(monitors=5)).held_until is not None
    assert (await service.limit(messages_per_month=None)).held_until is None
    assert len(await line.sent()) == 5


async def test_a_retraction_waits_as_well_and_behind_what_it_takes_back(service, line):
    endpoint, _ = await service.endpoints.create(
        service.project, "http://127.0.0.1:9/", is_ordered=True
    )
    await service.monitor(addresses=[ANNA], endpoint_id=endpoint.id)
    await service.limit(messages_per_month=0)
    await pay(line)
    line.chain.reorganise(1, 2)
    await line.rest()
    assert await line.said() == ["detected", "retracted"]
    assert await line.sent() == []
    await service.limit(messages_per_month=None)
    (first,) = (await line.queue.claim(10)).deliveries
    assert first.kind == "event.detected"


async def test_a_change_of_the_quota_and_a_count_do_not_pass_one_another(service, database_url):
    """Whoever comes last has seen the other: a count that goes beyond what was lowered meanwhile
    holds, and one that fits into what was raised meanwhile does not."""
    monitor = await made(service)
    async with Database.opened(database_url) as other:
        for lowered, limit, is_held in ((True, 5, True), (False, 50, False)):
            await service.limit(messages_per_month=10 if lowered else 5)
            await service.rows("UPDATE usage SET messages = 0")
            await service.rows("UPDATE projects SET held_until = NULL")
            async with other.transaction() as connection:
                await quotas.count(connection, {monitor.id: 7})
                change = asyncio.create_task(service.limit(messages_per_month=limit))
                await asyncio.sleep(0.2)
                assert not change.done()
            assert ((await change).held_until is not None) == is_held
            await service.limit(messages_per_month=10 if lowered else 5)
            await service.rows("UPDATE usage SET messages = 0")
            await service.rows("UPDATE projects SET held_until = NULL")
            async with other.transaction() as connection:
                await quotas.lock_usage(connection, service.project)
                await connection.execute(
                    "UPDATE projects SET quotas = $2 WHERE id = $1",
                    service.project,
                    {"messages_per_month": limit},
                )
                await quotas.judge(connection, service.project)

                async def count():
                    async with service.database.transaction() as own:
                        await quotas.count(own, {monitor.id: 7})

                counting = asyncio.create_task(count())
                await asyncio.sleep(0.2)
                assert not counting.done()
            await counting
            assert (await held(service) is not None) == is_held


async def test_two_matchers_count_for_the_same_projects_at_once(service):
    ours, theirs = await service.monitor(), await service.monitor(project=service.other)

    async def count(turn):
        order = (ours.id, theirs.id) if turn % 2 else (theirs.id, ours.id)
        async with service.database.transaction() as connection:
            await quotas.count(connection, dict.fromkeys(order, 1))

    await asyncio.gather(*(count(turn) for turn in range(40)))
    assert (await used(service), await used(service, service.other)) == (40, 40)


async def test_nothing_made_is_nothing_counted(service):
    monitor = await service.monitor()
    async with service.database.transaction() as connection:
        await quotas.count(connection, {})
        await quotas.count(connection, {monitor.id: 0, "mo_nobody": 3})
    assert await service.value("SELECT count(*) FROM usage") == 0


async def test_a_window_is_told_once_and_counted_once(service, line):
    await made(service, addresses=[ANNA, CARA], window="count over 1 hour by to > 1")
    await pay(line, 3)
    assert await used(service) == len(await pending(service)) == 1
