"""Coin forced into every contract (a miner's reward, a destroyed contract): nothing breaks."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.campaigns import SUCCEEDED
from tests.contracts.conftest import DAY
from tests.contracts.fundraising import Fundraising
from tests.contracts.money import COIN, balance, change, moves
from tests.contracts.protocol import MEMO, new_place

ZERO = "0x" + "00" * 20
FORCED = 12_345


@pytest.fixture(scope="module")
def world():
    world = Fundraising()
    world.backers = [roles.address(f"backer {number}") for number in range(2)]
    world.run_epoch(1, [(1, 1)])
    world.fill(world.donor, world.giving, world.funds, world.give)
    world.owner = deployers.TIMELOCK.deploy(
        2 * DAY,
        [roles.address("proposer")],
        [roles.address("executor")],
        override_address=new_place(),
    )
    world.funds.donate_native(1, 1, MEMO, value=600, sender=world.donor)
    world.campaign = world.open(asset=COIN, strict=False, milestones=[5_000], tiers=[(1, 9)])
    world.asked = world.project(COIN, goal=300, stages=[5_000, 5_000], is_loan=True)
    for backer, amount in zip(world.backers, (100, 200), strict=True):
        world.pledge(world.campaign, backer, amount=amount)
    more = [world.owner, world.implementation, world.factory, world.campaign, world.impact]
    for contract in [*world.contracts, *more]:
        boa.env.set_balance(contract.address, boa.env.get_balance(contract.address) + FORCED)
    return world


def test_gifts_and_claims_are_as_before(world):
    accounts = [world.donor, world.payee, world.operations, world.giving, world.funds]
    with moves([COIN], accounts) as moved:
        world.giving.donate_native(1, MEMO, 7, value=107, sender=world.donor)
        world.giving.donate_cart_native([1], [100], MEMO, 7, value=107, sender=world.donor)
        world.funds.donate_native(1, 1, MEMO, value=60, sender=world.donor)
        world.funds.claim(1, 1, 0, ZERO)
    assert moved == change(
        (COIN, world.donor, -107 - 107 - 60),
        (COIN, world.payee, 200 + 660),
        (COIN, world.operations, 14),
        (COIN, world.funds, -600),
    )
    assert balance(COIN, world.giving) == FORCED


@pytest.mark.parametrize("name", ["giving", "funds", "give", "campaign", "factory", "impact"])
def test_a_sweep_gives_the_surplus_and_not_a_wei_more(world, name):
    contract = getattr(world, name)
    with moves([COIN], [contract, world.reserve]) as moved:
        contract.sweep(ZERO, sender=world.stranger)
    assert moved == change((COIN, contract, -FORCED), (COIN, world.reserve, FORCED))
    reason = {
        "giving": "giving: nothing to sweep",
        "funds": "funds: nothing to sweep",
        "give": "give: nothing to sweep",
        "campaign": "campaign: nothing to sweep",
        "factory": "campaigns: nothing to sweep",
        "impact": "impact: nothing to sweep",
    }[name]
    with world.refuses(reason):
        contract.sweep(ZERO)
    assert world.funds.claim(1, 1, 0, ZERO) == 600


def test_a_campaign_raises_and_pays_as_before(world):
    campaign, (first, second) = world.campaign, world.backers
    with moves([COIN], [campaign, world.payee, first, second]) as moved:
        campaign.pledge_native(0, MEMO, value=50, sender=second)
        assert campaign.status().raised == campaign.liability() == 350
        world.begin(campaign)
        assert campaign.claim() == 175
        campaign.cancel(sender=world.payee)
        assert campaign.refund_for(second) == 250 * 175 // 350
        assert campaign.refund_many([first]) == 50
    assert moved == change(
        (COIN, campaign, -300), (COIN, world.payee, 175), (COIN, first, 50), (COIN, second, 75)
    )
    assert campaign.liability() == 0
    assert campaign.sweep(ZERO) == FORCED


def test_a_goal_is_not_reached_by_force(world):
    """Neither coin nor tokens that stray in are pledges."""
    world.token.mint(world.factory, FORCED)
    campaigns = [world.open(asset=asset, goal=1_000) for asset in (COIN, world.token)]
    for campaign in campaigns:
        world.pledge(campaign, world.backers[0], amount=999)
        boa.env.set_balance(campaign.address, boa.env.get_balance(campaign.address) + FORCED)
        world.token.mint(campaign, FORCED)
    for campaign in campaigns:
        assert world.begin(campaign) != SUCCEEDED
        assert campaign.refund_for(world.backers[0]) == 999


def test_a_project_is_funded_paid_and_repaid_as_before(world):
    impact, (first, second) = world.impact, world.backers
    with moves([COIN], [impact, world.entrepreneur, first, second]) as moved:
        world.gift(world.asked, first, 100)
        assert impact.project(world.asked).given == impact.liability(COIN) == 100
        world.gift(world.asked, second, 200)
        assert world.release(world.asked) == impact.claim(world.asked) == 150
        impact.repay(world.asked, 60, MEMO, value=60, sender=world.entrepreneur)
        world.reject(world.asked)
        assert impact.refund_for(world.asked, first) == 50
        assert impact.refund_many(world.asked, [second]) == 1
    assert moved == change(
        (COIN, impact, 60),
        (COIN, world.entrepreneur, 90),
        (COIN, first, -50),
        (COIN, second, -100),
    )
    assert impact.liability(COIN) == 60
    assert impact.surplus(COIN) == FORCED


def test_credits_are_issued_and_redeemed_as_before(world):
    world.give.issue(50, world.payee, sender=world.donor)
    world.give.redeem(1, 50, sender=world.payee)
    assert world.token.balanceOf(world.payee) == 50


def test_vesting_and_reserve_release_as_before(world):
    boa.env.timestamp += 24 * 2_628_000
    assert world.vesting.release(1) > 0
    with moves([COIN], [world.reserve, world.buyback]) as moved:
        world.reserve.release(ZERO, world.buyback, FORCED, sender=world.timelock)
    assert moved == change((COIN, world.reserve, -FORCED), (COIN, world.buyback, FORCED))


def test_registry_receipts_and_token_work_as_before(world):
    world.registry.suspend(1, MEMO, sender=world.registrar)
    world.registry.reinstate(1, sender=world.registrar)
    world.giving.donate_native(1, MEMO, 0, True, value=5, sender=world.donor)
    assert world.receipts.ownerOf(1) == world.donor
    world.dobo.approve(world.stranger, 5, sender=world.donor)
    for contract in (world.registry, world.receipts, world.dobo, world.vesting):
        assert balance(COIN, contract) == FORCED
