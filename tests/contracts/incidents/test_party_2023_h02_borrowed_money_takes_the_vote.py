"""PartyDAO, C4 April 2023 H-02: money borrowed for one transaction decided a crowdfund's votes.

Here weight comes from pledges alone, which end before the first vote begins and stay where they
are: nobody can come in, nor go out, between a pledge and the vote with it.
"""

from __future__ import annotations

import boa

from tests.contracts import roles
from tests.contracts.campaigns import STAGED
from tests.contracts.conftest import DAY
from tests.contracts.protocol import MEMO


def test_no_weight_can_be_had_once_votes_are_cast(campaigns):
    campaign = campaigns.open(tiers=[(100, 10)], goal=100, milestones=[10_000])
    backer, borrower = roles.address("backer"), roles.address("borrower")
    token_id = campaigns.pledge(campaign, backer, amount=100)
    campaigns.token.mint(borrower, 10**30)
    campaigns.token.approve(campaign, 10**30, sender=borrower)
    # in the last second the money would be bound for the whole campaign
    boa.env.time_travel(seconds=30 * DAY - 1)
    with boa.env.anchor():
        campaign.pledge_token(0, 10**30, MEMO, sender=borrower)
        with boa.reverts("campaign: no refund now"):
            campaign.refund_to(borrower, sender=borrower)
    boa.env.time_travel(seconds=1)
    for before_the_vote in (True, False):
        with boa.reverts(
            "campaign: deadline has passed" if before_the_vote else "campaign: not open"
        ):
            campaign.pledge_token(0, 10**30, MEMO, sender=borrower)
        if before_the_vote:
            assert campaign.finalise() == STAGED
    campaign.report(b"\1" * 32, "", sender=campaigns.creator)
    # a token cannot be had either
    with boa.reverts("campaign: token is locked"):
        campaign.transferFrom(backer, borrower, token_id, sender=backer)
    with boa.reverts("campaign: not a backer"):
        campaign.vote(False, sender=borrower)
    campaign.vote(False, sender=backer)
    with boa.reverts("campaign: voted already"):
        campaign.vote(False, sender=backer)
    boa.env.time_travel(seconds=14 * DAY)
    assert not campaign.settle()
