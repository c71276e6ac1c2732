"""The matcher and our contracts: known from the manifest and the factory's word, as long as these
stand."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from donablock.monitors import deployed as deployed_module
from donablock.monitors.backtest import backtest, prepared
from donablock.monitors.deployed import contracts_of
from donablock.monitors.matcher import CONSUMER
from tests.monitors.builtin.line import Line
from tests.monitors.builtin.ours import (
    CAMPAIGN,
    DEPLOYED,
    DONOR,
    FACTORY,
    PAYEE,
    address,
    donated,
    opened,
    pledged,
    staked,
)
from tests.pipeline import orders

pytestmark = pytest.mark.asyncio

EVERYTHING = {"watches": "everything"}
DETECTED, CONFIRMED, RETRACTED = 1, 2, 3


async def watch_all(line: Line, *events: str) -> None:
    definition = {**EVERYTHING, "events": list(events)} if events else EVERYTHING
    await orders.monitor(line.database, "mo_all", "donablock", definition=definition)


async def known(line: Line) -> dict[str, tuple[str, int]]:
    async with line.database.connection() as connection:
        found = await contracts_of(connection, 31337, CONSUMER)
    return {at: (one.contract, one.since) for at, one in found.items()}


async def test_a_gift_and_a_stake_are_told_of_with_their_names(line):
    line.deploy()
    await watch_all(line)
    await orders.monitor(line.database, "mo_payee", "donablock", [PAYEE])
    line.put([donated(5)], [staked(amount=7)])
    await line.rest()
    rows = await line.fetch("SELECT monitor_id, payload FROM matches ORDER BY sequence")
    told = [(row["monitor_id"], msgspec.json.decode(row["payload"])["event"]) for row in rows]
    assert [(who, event["contract"], event["name"]) for who, event in told] == [
        ("mo_payee", "Giving", "Donated"),
        ("mo_all", "Giving", "Donated"),
        ("mo_all", "DividendPool", "Staked"),
    ]
    assert told[0][1]["arguments"]["amount"] == "5"
    assert told[2][1]["arguments"]["amount"] == "7"
    deliveries = await line.fetch("SELECT type FROM deliveries ORDER BY sequence")
    assert [row["type"] for row in deliveries] == ["event.detected"] * 3


@pytest.mark.parametrize("limit", [1, 100])
async def test_a_campaign_counts_from_its_making_on(line, limit):
    line.deploy()
    await watch_all(line, "Campaign.*")
    line.put([pledged(1), opened(), pledged(2)])
    line.put([pledged(3)])
    await line.rest(limit)
    assert [one[:2] for one in await line.matches()] == [(1, 2), (2, 0)]
    assert (await known(line))[CAMPAIGN] == ("Campaign", 1)


async def test_one_of_many_campaigns_is_found(line, monkeypatch):
    monkeypatch.setattr(deployed_module, "_FEW", 3)
    line.deploy()
    await watch_all(line, "Campaign.*")
    line.put([opened(address(0x300 + number)) for number in range(6)])
    line.put([pledged(at=address(0x304)), pledged(at=address(0x306))])
    await line.rest()
    assert [one[:2] for one in await line.matches()] == [(2, 0)]
    assert (await line.rebuild(is_check=True)).is_same


async def test_a_campaign_is_remembered_without_a_monitor_and_by_another_process(line):
    line.deploy()
    line.put([opened()])
    await line.rest()
    line.restart()
    await watch_all(line)
    line.put([pledged()])
    await line.rest()
    assert [one[:2] for one in await line.matches()] == [(2, 0)]


async def test_a_campaign_that_was_taken_back_is_ours_no_more(line):
    line.deploy()
    await watch_all(line, "Campaign.*")
    line.put([opened()])
    line.put([pledged()])
    await line.rest()
    line.chain.cut(2)
    # the same address, where another's contract lies now
    line.put([pledged()])
    line.put([pledged()])
    line.put([pledged()])
    await line.rest()
    assert await line.matches() == [(2, 0, RETRACTED)]
    assert CAMPAIGN not in await known(line)


async def test_a_campaign_that_comes_back_with_its_block_is_ours_again(line):
    line.deploy()
    await watch_all(line, "Campaign.*")
    line.put([opened()])
    line.put([pledged()])
    await line.rest()
    taken = line.chain.cut(2)
    line.put([])
    line.put([])
    line.put([pledged()])
    await line.rest()
    assert await line.matches() == [(2, 0, RETRACTED)]
    line.chain.cut(3)
    line.chain.put_back(taken)
    line.put([pledged()])
    line.put([])
    await line.rest()
    assert await line.matches() == [(2, 0, CONFIRMED), (3, 0, DETECTED)]
    assert (await known(line))[CAMPAIGN] == ("Campaign", 1)


async def test_a_campaign_made_in_another_block_after_a_reorganisation_counts_from_there(line):
    line.deploy()
    await watch_all(line, "Campaign.*")
    line.put([opened(), pledged(1)])
    await line.rest()
    line.chain.cut(1)
    line.put([pledged(2)])
    line.put([pledged(3), opened(), pledged(4)])
    await line.rest()
    assert [one for one in await line.matches() if one[2] != RETRACTED] == [(2, 2, DETECTED)]
    assert (await known(line))[CAMPAIGN] == ("Campaign", 2)


async def test_whoever_imitates_us_is_never_told_of(line):
    line.deploy()
    await watch_all(line)
    await orders.monitor(line.database, "mo_donor", "donablock", [DONOR, PAYEE])
    fake = address(0xFA)
    line.put([donated(at=fake), staked(at=fake), opened(at=fake), pledged()])
    line.put([pledged(), pledged(at=fake), opened(fake, at=fake)])
    await line.rest()
    assert await line.matches() == []
    assert await line.events() == []


async def test_nothing_deployed_is_nothing_found_and_no_error(line):
    await watch_all(line)
    line.put([donated(), opened(), pledged()])
    await line.rest()
    assert await line.matches() == []
    assert await known(line) == {}


async def test_a_manifest_that_comes_later_counts_from_the_next_block_on(line):
    await watch_all(line)
    line.put([donated()])
    await line.rest()
    line.deploy()
    line.put([donated(), opened()])
    line.put([pledged()])
    await line.rest()
    assert [one[:2] for one in await line.matches()] == [(2, 0), (2, 1), (3, 0)]


@pytest.mark.parametrize("finder", ["scan", "rebuild"])
async def test_what_was_before_a_manifest_is_scanned(line, finder):
    """Also what a campaign logged before anybody knew it: a scan finds it, or the projections."""
    await watch_all(line)
    await orders.monitor(line.database, "mo_donor", "donablock", [DONOR])
    line.put([donated()])
    line.put([opened(), pledged()])
    await line.rest()
    await orders.monitor(line.database, "mo_late", "donablock", definition=EVERYTHING)
    line.put([])
    await line.rest()
    line.deploy()
    line.put([pledged(), donated()])
    await line.follow()
    await line.match()
    if finder == "rebuild":
        await line.project()
    await line.scan()
    line.put([pledged()])
    await line.rest()
    await line.scan()
    rows = await line.fetch(
        "SELECT monitor_id, block_number, log_index FROM matches"
        " ORDER BY monitor_id, block_number, log_index"
    )
    told = [tuple(row) for row in rows]
    late = [("mo_late", *place) for place in [(4, 0), (4, 1), (5, 0)]]
    donor = [("mo_donor", *place) for place in [(1, 0), (2, 1), (4, 0), (4, 1), (5, 0)]]
    everything = [("mo_all", *place) for place in [(1, 0), (2, 0), (2, 1)]]
    everything += [("mo_all", *place) for place in [(4, 0), (4, 1), (5, 0)]]
    assert told == [*everything, *donor, *late]
    assert {row["state"] for row in await line.fetch("SELECT state FROM scans")} == {"done"}
    # once: another process has the same manifest, and nothing to make up for
    scans = await line.fetch("SELECT id FROM scans")
    line.restart()
    line.put([])
    await line.rest()
    assert await line.fetch("SELECT id FROM scans") == scans


async def test_an_unfinished_manifest_does_not_count_and_the_finished_one_does(line):
    await watch_all(line)
    line.deploy(status="deploying")
    line.put([donated()])
    await line.rest()
    assert await line.matches() == []
    line.deploy()
    line.put([donated()])
    await line.rest()
    assert [one[:2] for one in await line.matches()] == [(2, 0)]


@pytest.mark.parametrize("harm", ["gone", "cut off", "of another chain"])
async def test_a_manifest_that_goes_or_breaks_takes_nothing_back(line, harm):
    path = line.deploy()
    await watch_all(line)
    line.put([opened()])
    await line.rest()
    before = await known(line)
    if harm == "gone":
        path.unlink()
    elif harm == "cut off":
        path.write_text(path.read_text()[:-200])
    else:
        path.write_text(path.read_text().replace(line.chain.canonical[0].hash, "0x" + "5" * 64))
    for _ in range(2):  # seen while it runs, and found so at a start
        line.put([donated()], [pledged()])
        await line.rest()
        line.restart()
    assert await known(line) == before
    assert [one[:2] for one in await line.matches()] == [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1)]


async def test_a_manifest_of_another_chain_is_not_taken_up(line):
    path = line.deploy()
    path.write_text(path.read_text().replace(line.chain.canonical[0].hash, "0x" + "5" * 64))
    await watch_all(line)
    line.put([donated()])
    await line.follow()
    await line.match()
    assert await line.matches() == []
    assert await known(line) == {}


async def test_a_new_deployment_takes_the_place_of_the_old_one(line):
    line.deploy()
    await watch_all(line)
    line.put([opened()])
    await line.rest()
    moved = {**DEPLOYED, "Giving": address(0xD1), "CampaignFactory": address(0xD2)}
    line.deploy(moved)
    other = address(0xD3)
    # the old ones, and what the old factory made; then the new ones
    line.put([donated(), opened(address(0xD4)), pledged()])
    line.put([donated(at=address(0xD1)), opened(other, at=address(0xD2)), pledged(at=other)])
    await line.rest()
    assert [one[:2] for one in await line.matches()] == [(1, 0), (3, 0), (3, 1), (3, 2)]
    found = await known(line)
    assert found[other] == ("Campaign", 3)
    assert FACTORY not in found and CAMPAIGN not in found


async def test_a_contract_that_is_added_leaves_the_campaigns_alone(line):
    without = {name: at for name, at in DEPLOYED.items() if name != "DividendPool"}
    line.deploy(without)
    await watch_all(line)
    line.put([opened(), staked()])
    await line.rest()
    line.deploy()
    line.put([staked(), pledged()])
    await line.rest()
    assert [one[:2] for one in await line.matches()] == [(1, 0), (2, 0), (2, 1)]


async def test_what_a_rolled_back_transaction_learnt_is_not_kept(line, monkeypatch):
    line.deploy()
    await watch_all(line)
    line.put([opened()])
    await line.follow()
    from donablock.monitors import matcher as module

    async def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the power goes")

    with monkeypatch.context() as broken:
        broken.setattr(module.positions, "advance", fails)
        with pytest.raises(RuntimeError):
            await line.matcher.step()
    assert not line.matcher.deployed.named
    assert await known(line) == {}
    line.put([pledged()])
    await line.rest()
    assert [one[:2] for one in await line.matches()] == [(1, 0), (2, 0)]


# --- what was before a monitor --------------------------------------------------------------------


async def test_a_monitor_with_a_first_block_is_told_of_campaigns_before_it(line):
    line.deploy()
    line.put([donated()])
    line.put([pledged(1), opened(), pledged(2)])
    line.put([pledged(3)])
    await line.rest()
    await orders.monitor(
        *(line.database, "mo_all", "donablock"),
        definition={**EVERYTHING, "events": ["Campaign.*"]},
        from_block=0,
    )
    line.put([pledged(4)])
    await line.rest()
    await line.scan()
    assert [one[:2] for one in await line.matches()] == [(2, 2), (3, 0), (4, 0)]


async def test_a_backtest_knows_the_campaigns(line):
    line.deploy()
    line.put([opened(), pledged(1)])
    line.put([opened(address(0x300)), pledged(2)])
    line.put([pledged(3, at=address(0x300)), pledged(4), pledged(5, at=address(0x301))])
    await line.rest()
    await watch_all(line, "Campaign.*")
    (row,) = await line.fetch("SELECT * FROM monitors")
    async with line.database.connection() as connection:
        own = await contracts_of(connection, 31337, CONSUMER)
    monitor = prepared(SimpleNamespace(**row))
    for known in (own, {at: one for at, one in own.items() if at != address(0x300)}):
        found = await backtest(line.chain, monitor, [], 2, 3, own=known)
        assert found.count == 3, "also those that are made within the range"
    assert (await backtest(line.chain, monitor, [], 2, 3)).count == 0
