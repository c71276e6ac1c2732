"""PartyDAO, C4 2023 H-07, in refunds: a batch kept the money of the parts that failed.

Here what one backer cannot receive stays due to it, whole, and disturbs no other.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts import roles
from tests.contracts.campaigns import FAILED
from tests.contracts.conftest import DAY
from tests.contracts.money import COIN, balance
from tests.contracts.protocol import BURNING, MEGABYTE, REVERTING


@pytest.mark.parametrize("code", [REVERTING, BURNING, MEGABYTE])
def test_what_fails_in_a_batch_stays_due(campaigns, code):
    campaign = campaigns.open(asset=COIN, tiers=[(1, 20)], goal=10_000)
    backers = [roles.address(f"batch backer {number}") for number in range(3)]
    for backer, amount in zip(backers, (100, 200, 300), strict=True):
        campaigns.pledge(campaign, backer, amount=amount)
    boa.env.time_travel(seconds=30 * DAY)
    assert campaign.finalise() == FAILED
    boa.env.set_code(backers[1], code)

    before = [balance(COIN, backer) for backer in backers]
    for expected in (400, 0):
        assert campaign.refund_many([*backers, backers[0]]) == expected
    paid = [balance(COIN, backer) - then for backer, then in zip(backers, before, strict=True)]
    assert paid == [100, 0, 300]
    assert balance(COIN, campaign) == campaign.liability() == 200
    assert campaign.refundable(backers[1]) == campaign.contribution(backers[1]) == 200
    assert [campaign.balanceOf(backer) for backer in backers] == [0, 1, 0]
    receiver = roles.account("another receiver").address
    assert campaign.refund_to(receiver, sender=backers[1]) == balance(COIN, receiver) == 200
    assert campaign.balanceOf(backers[1]) == 0
    assert balance(COIN, campaign) == campaign.liability() == 0
