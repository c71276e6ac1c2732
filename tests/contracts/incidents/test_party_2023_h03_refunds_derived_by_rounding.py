"""PartyDAO, C4 April 2023 H-03: refunds derived from voting power, which had been rounded up.

What was paid back was more than what had been paid in, so that the last backers got nothing. Here
each contribution is stored, and paid back as it is.
"""

from __future__ import annotations

import itertools

import boa
import pytest

from tests.contracts import roles
from tests.contracts.campaigns import FAILED
from tests.contracts.conftest import DAY
from tests.contracts.money import COIN, balance

CONTRIBUTIONS = [1, 2, 4, 7, 10, 11]
# basis points of voting power for one unit
RATE = 3_000
BACKERS = [f"backer {number}" for number in range(len(CONTRIBUTIONS))]


def derived(contribution):
    power = -(-contribution * RATE // 10_000)
    return power * 10_000 // RATE


def test_derived_refunds_would_be_more_than_was_raised():
    assert sum(map(derived, CONTRIBUTIONS)) > sum(CONTRIBUTIONS)


@pytest.mark.parametrize("is_native", [False, True], ids=["token", "native"])
def test_every_backer_gets_what_it_gave_in_any_order(campaigns, is_native):
    asset = COIN if is_native else campaigns.token
    campaign = campaigns.open(asset=asset, tiers=[(1, 20)], goal=1_000)
    backers = [roles.address(name) for name in BACKERS]
    for backer, amount in zip(backers, CONTRIBUTIONS, strict=True):
        campaigns.pledge(campaign, backer, amount=amount)
    # the second pledge of somebody who has one already
    campaigns.pledge(campaign, backers[0], amount=5)
    expected = dict(zip(backers, CONTRIBUTIONS, strict=True))
    expected[backers[0]] += 5
    boa.env.time_travel(seconds=30 * DAY)
    assert campaign.finalise() == FAILED

    # each first, and each last
    orders = [[*backers[turn:], *backers[:turn]] for turn in range(len(backers))]
    for order in itertools.chain(orders, (order[::-1] for order in orders)):
        with boa.env.anchor():
            for backer in order:
                before = balance(asset, backer)
                assert campaign.refund_for(backer, sender=campaigns.stranger) == expected[backer]
                assert balance(asset, backer) - before == expected[backer]
            assert balance(asset, campaign) == campaign.liability() == 0
