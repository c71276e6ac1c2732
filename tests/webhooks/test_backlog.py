"""What waits, counted by hand and by the look that sets the gauges."""

from __future__ import annotations

import pytest

from donablock import telemetry
from donablock.monitors.backlog import Backlog
from tests.webhooks.conftest import PROJECT

pytestmark = pytest.mark.asyncio


async def test_nothing_waits(world):
    found = await Backlog(world.database).look()
    assert (found.due, found.oldest, found.later, found.leased) == (0, 0.0, 0, 0)
    assert (found.disabled, found.held, found.halted) == (0, 0, {})


async def test_due_later_and_in_hand_are_apart(world):
    endpoint = await world.endpoint()
    due = await world.add(endpoint.id, 3)
    later = await world.add(endpoint.id, 2)
    leased = await world.add(endpoint.id, 1)
    await world.execute(
        "UPDATE deliveries SET next_at = now() - interval '90 seconds' WHERE id = $1",
        due[0],
    )
    await world.execute(
        "UPDATE deliveries SET next_at = now() + interval '1 hour' WHERE id = ANY($1)",
        later,
    )
    await world.execute(
        "UPDATE deliveries SET state = 2, claim = gen_random_uuid(),"
        " lease_until = now() + interval '1 minute' WHERE id = ANY($1)",
        leased,
    )
    found = await Backlog(world.database).look()
    assert (found.due, found.later, found.leased) == (3, 2, 1)
    assert 90 <= found.oldest < 200
    said = telemetry.exposition().decode()
    assert "donablock_deliveries_due 3.0" in said
    assert "donablock_deliveries_retrying 2.0" in said


async def test_what_cannot_be_sent_now_is_not_due(world):
    disabled, resting, open_ = [await world.endpoint() for _ in range(3)]
    for endpoint in (disabled, resting, open_):
        await world.add(endpoint.id)
    await world.endpoints.disable(PROJECT, disabled.id)
    await world.execute(
        "UPDATE endpoints SET open_until = now() + interval '1 minute' WHERE id = $1",
        resting.id,
    )
    found = await Backlog(world.database).look()
    assert (found.due, found.disabled) == (1, 1)
    await world.execute("UPDATE projects SET held_until = now() + interval '1 day'")
    found = await Backlog(world.database).look()
    assert (found.due, found.held) == (0, 1)


async def test_a_halted_chain_is_named(world):
    await world.execute(
        "INSERT INTO chains (chain_id, name, confirmations, state, halted_because)"
        " VALUES (1, 'ethereum', 12, 'following', NULL), (56, 'bsc', 18, 'halted', 'deep')",
    )
    found = await Backlog(world.database).look()
    assert found.halted == {1: False, 56: True}
    assert 'donablock_chain_halted{chain="56"} 1.0' in telemetry.exposition().decode()
