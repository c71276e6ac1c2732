"""Juicebox's tiered NFTs, C4 October 2022: #193, the last tier was left out of the sum of weights,
and #194, tokens existed that nobody had paid for.

Here a weight is what was pledged, not what a tier costs, and no token comes without a pledge: the
sums over tiers, over tokens and over backers are the money held.
"""

from __future__ import annotations

import boa

from tests.contracts import roles
from tests.contracts.campaigns import FAILED, REJECTED, STAGED
from tests.contracts.conftest import DAY
from tests.contracts.money import balance

TIERS = [(7 * number + 3, 2) for number in range(8)]


def open_with_every_tier_sold(campaigns, **terms):
    """The campaign, and what each backer pledged: the price once, and once more than it."""
    campaign = campaigns.open(tiers=TIERS, **terms)
    pledged = {}
    for tier, (price, supply) in enumerate(TIERS):
        backer = roles.address(f"backer of tier {tier}")
        pledged[backer] = 0
        for extra in range(supply):
            amount = price + 100 * extra
            token_id = campaigns.pledge(campaign, backer, tier, amount)
            assert campaign.tier_of(token_id) == tier
            pledged[backer] += amount
    assert sum(campaign.sold(tier) for tier in range(8)) == token_id == 16
    assert campaign.status().raised == sum(pledged.values()) == balance(campaigns.token, campaign)
    return campaign, pledged


def test_every_tier_is_paid_back_the_last_one_too(campaigns):
    campaign, pledged = open_with_every_tier_sold(campaigns, goal=10**9)
    boa.env.time_travel(seconds=30 * DAY)
    assert campaign.finalise() == FAILED
    left = sum(pledged.values())
    for backer, amount in reversed(pledged.items()):
        assert campaign.refund_for(backer) == amount
        left -= amount
        assert balance(campaigns.token, campaign) == campaign.liability() == left
        assert campaign.balanceOf(backer) == 0
    assert left == 0


def test_every_tier_weighs_what_was_pledged_and_all_weigh_what_was_raised(campaigns):
    campaign, pledged = open_with_every_tier_sold(campaigns, goal=1, milestones=[10_000])
    boa.env.time_travel(seconds=30 * DAY)
    assert campaign.finalise() == STAGED
    campaign.report(b"\1" * 32, "", sender=campaigns.creator)
    approvals = objections = 0
    for turn, (backer, amount) in enumerate(pledged.items()):
        campaign.vote(turn % 2 == 0, sender=backer)
        approvals += amount * (turn % 2 == 0)
        objections += amount * (turn % 2)
        status = campaign.status()
        assert (status.approvals, status.objections) == (approvals, objections)
    # the odd tiers, the last one among them, are the dearer ones
    assert objections > approvals and objections + approvals == status.raised
    boa.env.time_travel(seconds=14 * DAY)
    assert not campaign.settle()
    assert campaign.status().state == REJECTED
    # nothing was released: all of it comes back, to the unit
    for backer, amount in pledged.items():
        assert campaign.refund_for(backer) == amount
    assert balance(campaigns.token, campaign) == campaign.liability() == 0
