"""Events as they are read: one, pages, what came since, and how far the chains are."""

from __future__ import annotations

import pytest

from donablock.errors import InputError, NotFoundError
from donablock.monitors import events as events_module
from donablock.monitors.events import chain_states
from donablock.store.schema import RETRACTED
from tests.monitors.api.conftest import CONFIRMATIONS
from tests.pipeline.model import ANNA, BEN, CARA, TOKEN, transfer
from tests.pipeline.orders import CHAIN

pytestmark = pytest.mark.asyncio


async def made(service, addresses=(ANNA,), **more):
    endpoint = await service.endpoint(more.get("project"))
    return await service.monitor(addresses=list(addresses), endpoint_id=endpoint, **more)


async def all_of(service, monitor=None, limit=2, **filters):
    """Every page, until there is none."""
    found, before, pages = [], None, 0
    while True:
        page = await service.events.page(
            service.project, monitor, limit=limit, before=before, **filters
        )
        assert len(page.events) <= limit
        found += page.events
        pages += 1
        if page.before is None:
            return found, pages
        assert before is None or page.before < before
        before = page.before


async def test_an_event_says_what_its_webhook_says(service, line):
    monitor = await made(service)
    paid = transfer(BEN, ANNA, 7)
    block = await line.block(paid)
    (listed,) = (await service.events.page(service.project, monitor.id)).events
    event = await service.events.get(service.project, listed.id)
    assert (event.monitor_id, event.chain_id, event.state) == (monitor.id, CHAIN, "detected")
    assert (event.block_number, event.block_hash) == (block.number, block.hash)
    assert (event.transaction_hash, event.log_index) == (paid.hash, 0)
    assert (event.address, event.direction, event.generation) == (ANNA, "in", 1)
    assert int(event.block_time.timestamp()) == block.timestamp
    assert event.data["tokenValue"] == "7" and event.data["contract"]["address"] == TOKEN
    assert event.data["eventId"] == event.id
    assert event.deliveries == (event.id + "_d1",) and listed.deliveries == ()
    body = await service.replays.body(service.project, event.deliveries[0])
    assert event.data["hash"].encode() in body


async def test_an_event_names_all_its_messages(service, line):
    monitor = await made(service)
    await line.block(transfer(BEN, ANNA, 7))
    taken = line.chain.reorganise(1, 1)
    await line.rest()
    line.chain.cut(1)
    line.chain.put_back(taken)
    line.chain.grow(CONFIRMATIONS)
    await line.rest()
    (listed,) = (await service.events.page(service.project, monitor.id)).events
    event = await service.events.get(service.project, listed.id)
    assert (event.state, event.generation) == ("confirmed", 2)
    assert event.deliveries == tuple(event.id + end for end in ("_d1", "_r1", "_d2", "_c2"))


async def test_a_coin_has_no_log_and_a_window_no_address(service, line):
    native = await made(service, category="native")
    window = await made(service, window="count over 1 hour >= 1")
    block = line.chain.append([transfer(BEN, ANNA, 1)])
    line.chain.cut(1)
    paid = block.transactions[0]
    coin = type(paid)(paid.hash, 0, BEN, ANNA, "0x5", "0x", True, None, paid.logs)
    await line.block(coin)
    (event,) = (await service.events.page(service.project, native.id)).events
    assert (event.log_index, event.address, event.data["nativeAmount"]) == (None, ANNA, "5")
    (event,) = (await service.events.page(service.project, window.id)).events
    assert (event.log_index, event.address, event.direction) == (None, None, "all")
    assert event.data["window"]["total"] == "1"


async def test_a_number_of_twenty_digits_is_no_address(service, line):
    """A group is kept as bytes; as many as an address has."""
    window = await made(service, window="count over 1 hour by value >= 1")
    await line.block(transfer(BEN, ANNA, 12 * 10**18))
    (event,) = (await service.events.page(service.project, window.id)).events
    assert event.data["window"]["group"] == str(12 * 10**18)
    assert event.address is None
    by_payee = await made(service, window="count over 1 hour by to >= 1")
    await line.block(transfer(BEN, ANNA, 1))
    (event,) = (await service.events.page(service.project, by_payee.id)).events
    assert event.address == event.data["associatedAddress"] == ANNA


# --- pages ----------------------------------------------------------------------------------------


async def test_pages_follow_one_another_the_newest_first(service, line):
    monitor = await made(service)
    other = await made(service)
    await made(service, project=service.other)
    for salt in range(5):
        await line.block(transfer(BEN, ANNA, 1, salt=salt))
    found, _ = await all_of(service, monitor.id)
    numbers = [one.block_number for one in found]
    assert len(found) == 5 and numbers == sorted(numbers, reverse=True)
    assert {one.monitor_id for one in found} == {monitor.id}
    every, _ = await all_of(service, limit=3)
    sequences = [one.sequence for one in every]
    assert sequences == sorted(set(sequences), reverse=True) and len(every) == 10
    assert {one.monitor_id for one in every} == {monitor.id, other.id}


async def test_pages_are_narrowed_down(service, line):
    monitor = await made(service, [ANNA, CARA])
    paid = [transfer(BEN, ANNA, 1, salt=1), transfer(BEN, CARA, 1, salt=2)]
    blocks = [await line.block(one) for one in paid]
    blocks.append(await line.block(transfer(ANNA, CARA, 1, salt=3)))
    await line.block()

    async def numbers(**filters):
        for owner in (monitor.id, None):
            found, _ = await all_of(service, owner, **filters)
            yield [(one.block_number - blocks[0].number, one.address) for one in found]

    async def both(**filters):
        one, two = [found async for found in numbers(**filters)]
        assert one == two
        return sorted(one)

    assert await both(address=ANNA) == [(0, ANNA), (2, ANNA)]
    assert await both(address=CARA.upper().replace("0X", "0x")) == [(1, CARA), (2, CARA)]
    assert await both(transaction=paid[1].hash) == [(1, CARA)]
    assert await both(transaction="0x" + "0" * 64) == []
    assert await both(from_block=blocks[1].number, to_block=blocks[1].number) == [(1, CARA)]
    assert await both(from_block=blocks[2].number) == [(2, ANNA), (2, CARA)]
    assert await both(to_block=blocks[0].number) == [(0, ANNA)]
    assert await both(state="confirmed") == [(0, ANNA), (1, CARA)]
    assert await both(state="retracted") == []
    assert await both(address=CARA, state="detected", from_block=0) == [(2, CARA)]


async def test_a_search_looks_at_a_bounded_number_and_goes_on(service, line, monkeypatch):
    monitor = await made(service, [ANNA, CARA])
    await line.block(transfer(BEN, CARA, 1, salt=0))
    for salt in range(1, 9):
        await line.block(transfer(BEN, ANNA, 1, salt=salt))
    monkeypatch.setattr(events_module, "_LOOKED_AT", 3)
    page = await service.events.page(service.project, monitor.id, address=CARA, limit=1)
    assert page.events == () and page.before is not None
    found, pages = await all_of(service, monitor.id, address=CARA, limit=1)
    assert [one.address for one in found] == [CARA] and pages >= 3
    found, pages = await all_of(service, monitor.id, address=ANNA, limit=1)
    assert len(found) == 8
    monkeypatch.setattr(events_module, "_LOOKED_AT_IN_ALL", 2)
    found, pages = await all_of(service, address=CARA, limit=1)
    assert len(found) == 1 and pages >= 4


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"address": "0x12"}, "is no address"),
        ({"address": "\x00"}, "is no address"),
        ({"address": 5}, "an address is text"),
        ({"transaction": "0x12"}, "a transaction's hash has 0x and 64 hexadecimal digits"),
        ({"transaction": 5}, "a transaction's hash has 0x and 64 hexadecimal digits"),
        ({"from_block": -1}, "a block is a whole number from 0"),
        ({"to_block": 2**63}, "a block is a whole number from 0"),
        ({"state": "gone"}, "an event is detected, confirmed, retracted, not"),
        ({"state": "\ud800"}, "an event is detected, confirmed, retracted, not"),
        ({"limit": 0}, "a page has 1 to 100 entries"),
        ({"limit": 101}, "a page has 1 to 100 entries"),
        ({"state": []}, "an event is detected, confirmed, retracted, not"),
        ({"before": "5"}, "a cursor is a whole number from 0"),
        ({"before": -1}, "a cursor is a whole number from 0"),
        ({"before": 10**30}, "a cursor is a whole number from 0"),
    ],
)
async def test_pages_that_cannot_be_are_refused(service, filters, said):
    with pytest.raises(InputError, match=said) as caught:
        await service.events.page(service.project, **filters)
    str(caught.value).encode()


async def test_events_of_others_are_not_there(service, line):
    theirs = await made(service, project=service.other)
    await line.block(transfer(BEN, ANNA, 1))
    (event,) = (await service.events.page(service.other)).events
    assert (await service.events.page(service.project)).events == ()
    for id in (event.id, "evt_" + "0" * 32, "evt_", event.id.upper(), "\x00", "\ud800", None):
        with pytest.raises(NotFoundError, match="there is no event"):
            await service.events.get(service.project, id)
    assert await service.events.states(service.project, [event.id]) == {}
    assert await service.events.last(service.other, theirs.id) == event.sequence


# --- tails ----------------------------------------------------------------------------------------


async def test_a_tail_gets_each_event_once_in_order(service, line):
    monitor = await made(service)
    await made(service)
    assert await service.events.last(service.project, monitor.id) == 0
    await line.block(transfer(BEN, ANNA, 1, salt=0))
    at = await service.events.last(service.project, monitor.id)
    seen = []
    for salt in range(1, 6):
        await line.block(transfer(BEN, ANNA, salt, salt=salt))
        if salt % 2:
            while page := await service.events.after(service.project, monitor.id, at, limit=1):
                seen += page
                at = page[-1].sequence
    assert [one.data["tokenValue"] for one in seen] == ["1", "2", "3", "4", "5"]
    for sequence in (-1, 2**63, True):
        with pytest.raises(InputError, match="a sequence is a whole number from 0"):
            await service.events.after(service.project, monitor.id, sequence)


async def test_states_are_told_apart(service, line):
    monitor = await made(service)
    for salt in range(3):
        await line.block(transfer(BEN, ANNA, 1, salt=salt))
    line.chain.reorganise(1, 1)
    await line.rest()
    found = (await service.events.page(service.project, monitor.id)).events
    states = await service.events.states(service.project, [one.id for one in found])
    assert states == {one.id: (one.state, one.generation) for one in found}
    assert sorted(state for state, _ in states.values()) == ["confirmed", "detected", "retracted"]
    assert await service.value("SELECT count(*) FROM matches WHERE state = $1", RETRACTED) == 1
    with pytest.raises(InputError, match="at most 1000 events at once"):
        await service.events.states(service.project, ["evt_" + "0" * 32] * 1_001)


async def test_an_event_outlives_its_endpoint(service, line):
    monitor = await made(service)
    await line.block(transfer(BEN, ANNA, 1))
    await service.endpoints.delete(service.project, monitor.endpoint_id)
    assert len((await service.events.page(service.project)).events) == 1


# --- chains ---------------------------------------------------------------------------------------


async def test_chains_say_how_far_they_are(service, line):
    await line.block()
    waiting = line.chain.append([])
    await line.worker.step()
    (state,) = await chain_states(service.database)
    assert (state.chain_id, state.name, state.confirmations) == (CHAIN, "local", CONFIRMATIONS)
    assert (state.state, state.halted_because) == ("following", None)
    assert (state.number, state.hash) == (waiting.number, waiting.hash)
    assert int(state.block_time.timestamp()) == waiting.timestamp
    assert (state.matched_number, state.waiting) == (waiting.number - 1, 1)
    await line.rest()
    (state,) = await chain_states(service.database)
    assert (state.matched_number, state.waiting) == (waiting.number, 0)


async def test_no_chain_is_read_yet(service):
    assert await chain_states(service.database) == []
