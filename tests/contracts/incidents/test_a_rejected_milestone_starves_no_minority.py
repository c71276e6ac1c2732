"""0xSplits V2, M-02 again, in refunds: a thousandth of what is shared is rounded away each time.

Here a backer is paid back once, so that rounding costs it less than one unit, whoever comes first;
and what it costs stays with the other backers. Nor can few decide for many who speak.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

import boa
import pytest

from tests.contracts import roles
from tests.contracts.campaigns import REJECTED, STAGED
from tests.contracts.conftest import DAY
from tests.contracts.money import balance

GIFT = 999
SMALL = [f"minority {number}" for number in range(30)]


@pytest.fixture(scope="module")
def minority(campaigns):
    """A campaign in milestones, its large backer, and thirty who gave a thousandth of that."""
    campaign = campaigns.open(
        tiers=[(1, 100)], goal=1, milestones=[3_333, 3_333, 3_334], strict=True
    )
    large = roles.address("majority")
    small = [roles.address(name) for name in SMALL]
    campaigns.pledge(campaign, large, amount=1_000 * GIFT)
    for backer in small:
        campaigns.pledge(campaign, backer, amount=GIFT)
    boa.env.time_travel(seconds=30 * DAY)
    assert campaign.finalise() == STAGED
    return campaign, large, small


def settle(campaigns, campaign, votes):
    campaign.report(b"\1" * 32, "", sender=campaigns.creator)
    for backer, is_approved in votes.items():
        campaign.vote(is_approved, sender=backer)
    boa.env.time_travel(seconds=14 * DAY)
    return campaign.settle()


@pytest.mark.parametrize("first", ["large", "small", "between"])
def test_everybody_gets_its_share_whoever_is_first(campaigns, minority, first):
    campaign, large, small = minority
    assert settle(campaigns, campaign, {})
    assert not settle(campaigns, campaign, {large: False})
    status = campaign.status()
    assert status.state == REJECTED
    left = status.raised - status.released
    order = {
        "large": [large, *small],
        "small": [*small, large],
        "between": [*small[:15], large, *small[15:]],
    }[first]
    paid = {}
    for backer in order:
        given = campaign.contribution(backer)
        exact = Fraction(given * left, status.raised)
        paid[backer] = campaign.refund_for(backer)
        assert floor(exact) <= paid[backer] <= exact + len(paid)
        # no second time
        with boa.reverts("campaign: nothing to refund"):
            campaign.refund_for(backer)
    assert sum(paid.values()) == left
    # 666.033 of 999: never 665, and nobody is starved for being last
    assert floor(Fraction(GIFT * left, status.raised)) == 666
    assert {paid[backer] for backer in small} <= {666, 667}
    # the charity's part is not touched
    campaign.claim()
    assert balance(campaigns.token, campaign) == campaign.liability() == 0


def test_few_cannot_reject_what_many_approve_of(campaigns, minority):
    campaign, large, small = minority
    assert settle(campaigns, campaign, {large: True, **dict.fromkeys(small, False)})


def test_objectors_as_heavy_as_approvers_reject_nothing(campaigns, minority):
    campaign, _, small = minority
    assert settle(campaigns, campaign, {small[0]: True, small[1]: False})
    assert not settle(campaigns, campaign, {small[0]: True, small[1]: False, small[2]: False})
