"""Campaign: milestones, what a rejection pays back, and every state driven to nothing owed."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import boa
import pytest

from tests.contracts import roles
from tests.contracts.campaigns import FAILED, OPEN, REJECTED, STAGED, SUCCEEDED, Campaigns
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry
from tests.contracts.money import COIN, balance, change, moves
from tests.contracts.protocol import MEMO, REVERTING, place
from tests.contracts.unit.test_campaign import (
    KINDS,
    asset_of,
    deadline,
    of,
    pledge,
    refused,
    stands,
    status,
    with_odd,
)

VOTE = 14 * DAY
PATIENCE = 180 * DAY
SHARES = [2_500, 5_000, 1_000]
PAGE = "ipfs://report"


@pytest.fixture(scope="module")
def world():
    return Campaigns()


@pytest.fixture(scope="module")
def token(world):
    return world.token


@pytest.fixture(scope="module")
def backers():
    return [roles.address(f"backer {number}") for number in range(4)]


def begin(world, backers, amounts=(300, 500, 201), shares=SHARES, kind="token", **terms):
    """A campaign in its first milestone; the backers pledged these amounts."""
    terms = {"strict": False, "tiers": [(1, 50)], **terms}
    campaign = world.open(asset=asset_of(world, kind), milestones=shares, **terms)
    for backer, amount in zip(backers, amounts, strict=False):
        pledge(world, campaign, backer, amount)
    boa.env.timestamp = deadline(campaign)
    assert campaign.finalise() == STAGED
    return campaign


def report(world, campaign, who="creator"):
    campaign.report(MEMO, PAGE, sender=getattr(world, who))


def release(world, campaign):
    report(world, campaign)
    boa.env.time_travel(seconds=VOTE)
    assert campaign.settle(sender=world.stranger) is True


def reject(world, campaign, objector):
    report(world, campaign)
    campaign.vote(False, sender=objector)
    boa.env.time_travel(seconds=VOTE)
    assert campaign.settle(sender=world.stranger) is False
    assert campaign.status().state == REJECTED


# --- reports --------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["creator", "payee"])
def test_creator_or_payee_reports(world, backers, who):
    campaign = begin(world, backers)
    began_at = boa.env.timestamp
    boa.env.time_travel(seconds=77)
    report(world, campaign, who)
    assert of(campaign) == [
        entry(
            campaign,
            "Reported",
            stage=0,
            reported_by=getattr(world, who),
            report=MEMO,
            uri=PAGE,
        )
    ]
    assert status(campaign) == stands(
        STAGED,
        raised=1_001,
        released=150,
        stage_began_at=began_at,
        reported_at=began_at + 77,
    )
    for sender in (world.creator, world.payee):
        with refused(world, campaign, "campaign: reported already"):
            campaign.report(MEMO, PAGE, sender=sender)


@pytest.mark.parametrize("caller", ["stranger", "backer", "guardian", "timelock", "registrar"])
def test_nobody_else_reports(world, backers, caller):
    campaign = begin(world, backers)
    sender = backers[0] if caller == "backer" else getattr(world, caller)
    with refused(world, campaign, "campaign: not the creator or the payee"):
        campaign.report(MEMO, PAGE, sender=sender)


def test_a_report_lies_at_a_plain_address(world, backers):
    campaign = begin(world, backers)
    with refused(world, campaign, "campaign: text must be plain"):
        campaign.report(MEMO, 'ipfs://"', sender=world.creator)
    campaign.report(MEMO, "u" * 128, sender=world.creator)


@pytest.mark.parametrize("from_end", [-1, 0, 1])
def test_a_report_comes_within_180_days_or_never(world, backers, from_end):
    campaign = begin(world, backers)
    boa.env.timestamp += PATIENCE + from_end
    if from_end < 0:
        with refused(world, campaign, "campaign: a report may still come"):
            campaign.settle()
        report(world, campaign)
        assert campaign.status().reported_at == boa.env.timestamp
        return
    with refused(world, campaign, "campaign: too late to report"):
        report(world, campaign)
    assert campaign.settle(sender=world.stranger) is False
    assert of(campaign) == [entry(campaign, "Settled", stage=0, is_released=False, amount=0)]
    assert campaign.status().state == REJECTED
    assert sum(campaign.refundable(backer) for backer in backers) <= 1_001 - 150


def test_each_milestone_has_180_days_of_its_own(world, backers):
    campaign = begin(world, backers)
    boa.env.timestamp += PATIENCE - 1
    release(world, campaign)
    began_at = boa.env.timestamp
    assert tuple(campaign.status())[5:8] == (1, began_at, 0)
    boa.env.timestamp = began_at + PATIENCE - 1
    with refused(world, campaign, "campaign: a report may still come"):
        campaign.settle()
    boa.env.timestamp = began_at + PATIENCE
    assert campaign.settle() is False
    assert of(campaign) == [entry(campaign, "Settled", stage=1, is_released=False, amount=0)]


@pytest.mark.parametrize("state", [OPEN, FAILED, SUCCEEDED, REJECTED])
def test_milestones_are_of_one_state_only(world, backers, state):
    campaign = world.open(milestones=[1] if state == REJECTED else [], strict=False)
    pledge(world, campaign, backers[0])
    if state == FAILED:
        campaign.cancel(sender=world.creator)
    elif state != OPEN:
        boa.env.timestamp = deadline(campaign)
        campaign.finalise()
        if state == REJECTED:
            campaign.cancel(sender=world.payee)
    assert campaign.status().state == state
    with refused(world, campaign, "campaign: no milestone to report"):
        report(world, campaign)
    with refused(world, campaign, "campaign: no milestone to vote on"):
        campaign.vote(True, sender=backers[0])
    with refused(world, campaign, "campaign: no milestone to settle"):
        campaign.settle()
    if state != OPEN:
        for sender in (world.creator, world.payee):
            with refused(world, campaign, "campaign: not open"):
                campaign.cancel(sender=sender)


# --- votes ----------------------------------------------------------------------------------------


def test_a_vote_weighs_what_was_pledged(world, backers):
    campaign = begin(world, backers)
    report(world, campaign)
    first, second, third, none = backers
    campaign.vote(True, sender=first)
    assert of(campaign) == [
        entry(campaign, "Voted", stage=0, backer=first, is_approved=True, weight=300)
    ]
    campaign.vote(False, sender=second)
    assert of(campaign) == [
        entry(campaign, "Voted", stage=0, backer=second, is_approved=False, weight=500)
    ]
    campaign.vote(True, sender=third)
    assert tuple(campaign.status())[-2:] == (501, 500)
    assert [campaign.has_voted(backer, 0) for backer in backers] == [True, True, True, False]
    for backer in backers[:3]:
        for is_approved in (True, False):
            with refused(world, campaign, "campaign: voted already", backers):
                campaign.vote(is_approved, sender=backer)
    for sender in (none, world.payee, world.stranger):
        with refused(world, campaign, "campaign: not a backer", backers):
            campaign.vote(False, sender=sender)
    # voting takes nothing from a pledge or its tokens
    assert [campaign.contribution(backer) for backer in backers] == [300, 500, 201, 0]
    assert [campaign.balanceOf(backer) for backer in backers] == [1, 1, 1, 0]


def test_a_creator_votes_with_what_it_pledged_like_anybody(world, backers):
    campaign = begin(world, [*backers[:2], world.creator])
    report(world, campaign)
    campaign.vote(True, sender=world.creator)
    assert tuple(campaign.status())[-2:] == (201, 0)


def test_there_is_nothing_to_vote_on_before_a_report(world, backers):
    campaign = begin(world, backers)
    with refused(world, campaign, "campaign: nothing reported"):
        campaign.vote(True, sender=backers[0])


@pytest.mark.parametrize("from_end", [-1, 0, 1])
def test_vote_and_settlement_do_not_overlap(world, backers, from_end):
    campaign = begin(world, backers)
    report(world, campaign)
    boa.env.timestamp += VOTE + from_end
    if from_end < 0:
        with refused(world, campaign, "campaign: vote is open"):
            campaign.settle()
        campaign.vote(False, sender=backers[0])
        return
    with refused(world, campaign, "campaign: vote is over"):
        campaign.vote(False, sender=backers[0])
    assert campaign.settle() is True


VERDICTS = [
    # amounts, votes (None: silent), released
    ((300, 500, 201), (None, None, None), True),
    ((300, 500, 201), (True, False, True), True),
    ((300, 500, 200), (True, False, True), True),
    ((300, 501, 200), (True, False, True), False),
    ((1, 10**6, 1), (False, None, None), False),
    ((1, 10**6, 1), (False, None, True), True),
    ((1, 10**6, 2), (True, None, False), False),
]


@KINDS
@pytest.mark.parametrize("amounts, votes, is_released", VERDICTS)
def test_only_more_objections_than_approvals_reject(
    world, backers, kind, amounts, votes, is_released
):
    campaign = begin(world, backers, amounts, kind=kind)
    report(world, campaign)
    for backer, vote in zip(backers, votes, strict=False):
        if vote is not None:
            campaign.vote(vote, sender=backer)
    boa.env.time_travel(seconds=VOTE)
    assert campaign.settle(sender=world.stranger) is is_released
    amount = sum(amounts) * SHARES[0] // 10_000 if is_released else 0
    assert of(campaign) == [
        entry(campaign, "Settled", stage=0, is_released=is_released, amount=amount)
    ]
    assert campaign.status().state == (STAGED if is_released else REJECTED)


def test_each_milestone_is_voted_on_anew(world, backers):
    campaign = begin(world, backers, shares=[1_000] * 8)
    for stage in range(8):
        report(world, campaign)
        campaign.vote(True, sender=backers[0])
        assert [campaign.has_voted(backers[0], number) for number in range(9)] == [
            number <= stage for number in range(9)
        ]
        assert not any(campaign.has_voted(backers[1], number) for number in range(9))
        assert tuple(campaign.status())[-2:] == (300, 0)
        boa.env.time_travel(seconds=VOTE)
        assert campaign.settle() is True
        assert campaign.balanceOf(backers[0]) == 1
        assert campaign.contribution(backers[0]) == 300
    assert campaign.status().state == SUCCEEDED


# --- releases -------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize(
    "shares",
    [[2_500, 5_000, 1_000], [10_000], [1], [3_333, 3_333, 3_334], [1_250] * 8, [9_999, 1], [1, 1]],
)
@pytest.mark.parametrize("raised", [1, 7, 1_001, 123_456_789])
def test_milestones_release_their_shares_and_the_last_the_rest(
    world, backers, kind, shares, raised
):
    asset = asset_of(world, kind)
    campaign = begin(world, backers, (raised,), shares, kind)
    free = raised * (10_000 - sum(shares)) // 10_000
    assert campaign.status().released == free
    released, claimed = free, 0
    for stage, share in enumerate(shares):
        if released != claimed:
            with moves([asset], [campaign, world.payee]) as moved:
                assert campaign.claim() == released - claimed
            assert moved == change(
                (asset, campaign, claimed - released), (asset, world.payee, released - claimed)
            )
            claimed = released
        with refused(world, campaign, "campaign: nothing to claim"):
            campaign.claim()
        report(world, campaign)
        boa.env.time_travel(seconds=VOTE)
        assert campaign.settle() is True
        is_last = stage + 1 == len(shares)
        amount = raised - released if is_last else raised * share // 10_000
        assert of(campaign) == [
            entry(campaign, "Settled", stage=stage, is_released=True, amount=amount),
            *([entry(campaign, "BatchMetadataUpdate", _1=1, _2=1)] if is_last else []),
        ]
        released += amount
        found = status(campaign)
        assert (found["released"], found["claimed"]) == (released, claimed)
        assert found["state"] == (SUCCEEDED if is_last else STAGED)
        if not is_last:
            assert (found["stage"], found["stage_began_at"]) == (stage + 1, boa.env.timestamp)
            assert found["reported_at"] == 0
        assert campaign.locked(1) is not is_last
        assert campaign.liability() == raised - claimed
    assert released == raised
    assert campaign.claim() == raised - claimed
    assert (campaign.liability(), balance(asset, campaign)) == (0, 0)
    with refused(world, campaign, "campaign: no milestone to settle"):
        campaign.settle()


@pytest.mark.parametrize("state", ["suspended", "expired", "revoked", "unlisted", "stopped"])
def test_milestones_go_on_whatever_becomes_of_the_charity(world, token, backers, state):
    campaign = begin(world, backers, days=350)
    if state == "suspended":
        world.suspend(1)
    elif state == "expired":
        boa.env.timestamp = world.registry.charity(1).expiry
    elif state == "revoked":
        world.revoke(1)
    elif state == "unlisted":
        world.factory.unlist_asset(token, sender=world.timelock)
    else:
        world.factory.stop_entries(sender=world.guardian)
    report(world, campaign, "payee")
    campaign.vote(True, sender=backers[0])
    boa.env.time_travel(seconds=VOTE)
    assert campaign.settle() is True
    assert campaign.claim() == 150 + 250
    campaign.cancel(sender=world.payee)
    assert campaign.refund_many(backers) == 1_001 - 400


def test_a_new_payee_reports_and_the_old_one_does_not(world, backers):
    campaign = begin(world, backers)
    new = backers[3]
    world.registry.propose_payee(1, new, sender=world.payee)
    boa.env.time_travel(seconds=2 * DAY)
    world.registry.accept_payee(1, sender=new)
    with refused(world, campaign, "campaign: not the creator or the payee"):
        campaign.report(MEMO, PAGE, sender=world.payee)
    with refused(world, campaign, "campaign: not the charity's payee"):
        campaign.cancel(sender=world.payee)
    campaign.report(MEMO, PAGE, sender=new)
    campaign.cancel(sender=new)


# --- the payee gives up ---------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [0, 1, 2])
@pytest.mark.parametrize("is_reported", [False, True])
def test_the_payee_ends_the_milestones(world, backers, stage, is_reported):
    campaign = begin(world, backers)
    for _ in range(stage):
        release(world, campaign)
    if is_reported:
        report(world, campaign)
    for sender in (world.creator, world.stranger, backers[0]):
        with refused(world, campaign, "campaign: not the charity's payee", backers):
            campaign.cancel(sender=sender)
    released = campaign.status().released
    assert released == [150, 400, 900][stage]
    campaign.cancel(sender=world.payee)
    assert of(campaign) == [
        entry(campaign, "Cancelled", cancelled_by=world.payee),
        entry(campaign, "Settled", stage=stage, is_released=False, amount=0),
    ]
    assert campaign.status().state == REJECTED
    assert campaign.status().released == released
    assert campaign.refund_many(backers) == 1_001 - released
    assert campaign.claim() == released
    assert campaign.liability() == 0


# --- refunds after a rejection --------------------------------------------------------------------


def in_turn(amounts, left):
    """What each gets who comes in this order: floor(c * left / shares), both shrinking."""
    shares, paid = sum(amounts), []
    for amount in amounts:
        paid.append(amount * left // shares)
        left -= paid[-1]
        shares -= amount
    return paid


@KINDS
@pytest.mark.parametrize(
    "amounts, stage", [((300, 500, 201), 0), ((1, 1, 1), 1), ((1, 2, 10**12), 2), ((7, 7, 7), 0)]
)
def test_a_rejection_shares_out_what_is_left_in_any_order(world, backers, kind, amounts, stage):
    asset = asset_of(world, kind)
    campaign = begin(world, backers, amounts, kind=kind)
    for _ in range(stage):
        release(world, campaign)
    reject(world, campaign, backers[2])
    raised, released = sum(amounts), campaign.status().released
    left = raised - released
    whole = [amount * left // raised for amount in amounts]
    assert [campaign.refundable(backer) for backer in backers] == [*whole, 0]
    for order in permutations(range(3)):
        expected = in_turn([amounts[number] for number in order], left)
        with boa.env.anchor():
            for place_in_order, number in enumerate(order):
                due = expected[place_in_order]
                assert campaign.refundable(backers[number]) == due
                with moves([asset], [campaign, *backers, world.reserve]) as moved:
                    assert campaign.refund_for(backers[number], sender=world.stranger) == due
                    logs = of(campaign)
                assert moved == (
                    change((asset, campaign, -due), (asset, backers[number], due)) if due else {}
                )
                assert logs == [
                    entry(campaign, "Unlocked", tokenId=number + 1),
                    entry(
                        campaign,
                        "Refunded",
                        backer=backers[number],
                        receiver=backers[number],
                        amount=due,
                    ),
                ]
                assert due >= whole[number], "CMP-3: below its floor"
                share = Fraction(amounts[number] * left, raised)
                assert abs(due - share) <= place_in_order + 1, "CMP-3: too far from its share"
                with refused(world, campaign, "campaign: nothing to refund", backers):
                    campaign.refund_for(backers[number])
            assert campaign.status().refunded == left
            assert campaign.liability() == released - campaign.status().claimed
            if released:
                assert campaign.claim() == released
            assert balance(asset, campaign) == campaign.liability() == 0


@KINDS
def test_a_rejected_batch_pays_what_single_refunds_pay(world, backers, kind):
    campaign = begin(world, backers, (300, 500, 201), kind=kind)
    reject(world, campaign, backers[1])
    first, second, third, none = backers
    assert campaign.refund_many([third, none, first, third]) == sum(
        in_turn([201, 300, 500], 851)[:2]
    )
    paid = in_turn([201, 300, 500], 851)
    assert of(campaign) == [
        entry(campaign, "Unlocked", tokenId=3),
        entry(campaign, "Refunded", backer=third, receiver=third, amount=paid[0]),
        entry(campaign, "Unlocked", tokenId=1),
        entry(campaign, "Refunded", backer=first, receiver=first, amount=paid[1]),
    ]
    assert [campaign.contribution(backer) for backer in backers] == [0, 500, 0, 0]
    assert [campaign.balanceOf(backer) for backer in backers] == [1, 1, 1, 0]
    assert campaign.refund_to(place("elsewhere"), sender=second) == paid[2]
    assert of(campaign)[-1] == entry(
        campaign, "Refunded", backer=second, receiver=place("elsewhere"), amount=paid[2]
    )


def test_a_failed_payment_leaves_the_shares_as_they_were(world, backers):
    hostile = place("hostile backer")
    boa.env.set_balance(hostile, 1_000)
    campaign = begin(world, [backers[0], hostile, backers[2]], kind="coin")
    boa.env.set_code(hostile, REVERTING)
    reject(world, campaign, backers[0])
    before = campaign.refundable(hostile)
    assert before == 500 * 851 // 1_001
    assert campaign.refund_many([hostile]) == 0
    assert of(campaign) == [entry(campaign, "RefundFailed", backer=hostile, amount=before)]
    assert campaign.refundable(hostile) == before
    assert campaign.contribution(hostile) == 500
    assert campaign.locked(2)
    expected = in_turn([201, 300, 500], 851)
    assert campaign.refund_many([hostile, backers[2], backers[0]]) == sum(expected[:2])
    assert campaign.refund_to(place("elsewhere"), sender=hostile) == expected[2]
    assert not campaign.locked(2)
    assert campaign.claim() == 150
    assert balance(COIN, campaign) == 0


@KINDS
def test_a_share_of_nothing_is_settled_without_a_payment(world, backers, kind):
    """Two units left for three backers: the first to come gets 0 and is done."""
    campaign = begin(world, backers, (1, 1, 1), [5_000], kind=kind)
    assert campaign.status().released == 1
    campaign.cancel(sender=world.payee)
    assert [campaign.refundable(backer) for backer in backers] == [0, 0, 0, 0]
    assert campaign.refund_for(backers[0]) == 0
    assert of(campaign) == [
        entry(campaign, "Unlocked", tokenId=1),
        entry(campaign, "Refunded", backer=backers[0], receiver=backers[0], amount=0),
    ]
    assert [campaign.refundable(backer) for backer in backers] == [0, 1, 1, 0]
    assert campaign.refund_many([backers[1]]) == 1
    assert campaign.refund_many([backers[2]]) == 1
    assert campaign.liability() == 1


@pytest.mark.parametrize("traits", [2, 3])
def test_a_token_that_refuses_zero_is_not_asked_to_pay_it(world, backers, traits):
    odd, campaign = with_odd(
        world, backers[:3], traits, strict=False, tiers=[(1, 50)], milestones=[5_000]
    )
    for backer in backers[:3]:
        campaign.pledge_token(0, 1, MEMO, sender=backer)
    boa.env.timestamp = deadline(campaign)
    campaign.finalise()
    campaign.cancel(sender=world.payee)
    with boa.env.anchor():
        assert campaign.refund_for(backers[0]) == 0
    assert campaign.refund_many(backers[:3]) == 2
    assert [log[1] for log in of(campaign)] == ["Unlocked", "Refunded"] * 3
    assert campaign.claim() == 1
    assert odd.balanceOf(campaign) == campaign.liability() == 0


def test_a_batch_settles_a_share_of_nothing_too(world, backers):
    campaign = begin(world, backers, (1, 1, 1), [5_000], kind="coin")
    campaign.cancel(sender=world.payee)
    boa.env.set_code(backers[0], REVERTING)
    assert campaign.refund_many([backers[0]]) == 0
    assert [log[1] for log in of(campaign)] == ["Unlocked", "Refunded"]
    assert campaign.contribution(backers[0]) == 0


def test_the_largest_sums_are_shared_without_overflow(world, backers):
    most = 2**128 - 1
    amounts = (most - 2**127, 2**127 - 1, 1)
    for backer in backers:
        boa.env.set_balance(backer, 2**130)
    campaign = begin(world, backers, amounts, [10_000], kind="coin")
    campaign.cancel(sender=world.payee)
    assert [campaign.refund_for(backer) for backer in backers[:3]] == list(amounts)
    assert campaign.status().refunded == most
    assert campaign.liability() == balance(COIN, campaign) == 0


def test_a_token_handed_to_a_backer_who_waits_is_locked_with_its_own(world, backers):
    """Who holds it is asked, not who pledged for it: it is free once its holder is paid back."""
    campaign = begin(world, backers)
    campaign.cancel(sender=world.payee)
    first, second = backers[:2]
    campaign.refund_for(first)
    campaign.transferFrom(first, second, 1, sender=first)
    assert campaign.locked(1)
    with refused(world, campaign, "campaign: token is locked", backers):
        campaign.transferFrom(second, first, 1, sender=second)
    assert campaign.refund_for(second) == in_turn([300, 500, 201], 851)[1]
    assert not campaign.locked(1)
    campaign.transferFrom(second, first, 1, sender=second)
    campaign.transferFrom(second, first, 2, sender=second)
    assert [campaign.balanceOf(backer) for backer in backers] == [2, 0, 1, 0]


# --- nobody's money is stuck ----------------------------------------------------------------------


def scenario_nothing_pledged(world, _backers, asset):
    return world.open(asset=asset)


def open_with(world, backers, asset, amounts=(300, 500, 201), **terms):
    campaign = world.open(asset=asset, tiers=[(1, 50)], **terms)
    for backer, amount in zip(backers, amounts, strict=False):
        pledge(world, campaign, backer, amount)
    return campaign


def scenario_goal_missed(world, backers, asset):
    return open_with(world, backers, asset, goal=1_002)


def scenario_goal_reached(world, backers, asset):
    return open_with(world, backers, asset, goal=1_001)


def scenario_a_unit_kept(world, backers, asset):
    return open_with(world, backers, asset, (1,), strict=False)


def scenario_cancelled_by_the_creator(world, backers, asset):
    campaign = open_with(world, backers, asset)
    campaign.cancel(sender=world.creator)
    return campaign


def scenario_cancelled_by_the_payee(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1)
    campaign.cancel(sender=world.payee)
    return campaign


def scenario_revoked_while_open(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1)
    world.revoke(1)
    return campaign


def scenario_retired_after_the_deadline(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1)
    boa.env.timestamp = deadline(campaign)
    world.registry.retire(1, MEMO, sender=world.payee)
    return campaign


def scenario_suspended_at_the_deadline(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1)
    boa.env.timestamp = deadline(campaign)
    world.suspend(1)
    return campaign


def scenario_expired_at_the_deadline(world, backers, asset):
    return open_with(world, backers, asset, goal=1, days=3_650)


def scenario_revoked_after_success(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1)
    boa.env.timestamp = deadline(campaign)
    campaign.finalise()
    world.revoke(1)
    return campaign


def scenario_a_stage_nobody_calls(world, backers, asset):
    """The creator vanishes, the payee is silent."""
    return open_with(world, backers, asset, goal=1, milestones=SHARES)


def scenario_a_report_nobody_looks_at(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1, milestones=[9_000])
    boa.env.timestamp = deadline(campaign)
    campaign.finalise()
    report(world, campaign)
    return campaign


def scenario_rejected_in_the_second_stage(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1, milestones=SHARES)
    boa.env.timestamp = deadline(campaign)
    campaign.finalise()
    release(world, campaign)
    campaign.claim()
    report(world, campaign)
    campaign.vote(False, sender=backers[0])
    return campaign


def scenario_given_up_by_the_payee_after_a_claim(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1, milestones=[3_333, 3_333])
    boa.env.timestamp = deadline(campaign)
    campaign.finalise()
    campaign.claim()
    campaign.cancel(sender=world.payee)
    campaign.refund_for(backers[1])
    return campaign


def scenario_payee_changed_in_the_middle(world, backers, asset):
    campaign = open_with(world, backers, asset, goal=1, milestones=[5_000])
    world.registry.propose_payee(1, place("another payee"), sender=world.payee)
    boa.env.timestamp = deadline(campaign)
    world.registry.accept_payee(1, sender=place("another payee"))
    campaign.finalise()
    campaign.claim()
    return campaign


def scenario_unlisted_and_stopped(world, backers, asset):
    campaign = open_with(world, backers, asset)
    if asset != COIN:
        world.factory.unlist_asset(asset, sender=world.timelock)
    world.factory.stop_entries(sender=world.guardian)
    return campaign


def scenario_creator_no_longer_accepted(world, backers, asset):
    campaign = open_with(world, backers, asset, strict=False)
    world.factory.accept_creator(1, world.creator, False, sender=world.payee)
    return campaign


SCENARIOS = {
    name.removeprefix("scenario_").replace("_", " "): function
    for name, function in list(globals().items())
    if name.startswith("scenario_")
}


def drain(world, campaign, backers, order):
    """By a stranger, with public calls and time alone."""
    me = world.stranger
    if campaign.status().state == OPEN:
        if world.registry.status(1) != 1:
            boa.env.timestamp = max(boa.env.timestamp, deadline(campaign))
        is_waiting = world.registry.status(1) == 2 and campaign.status().raised
        if is_waiting:
            boa.env.time_travel(seconds=30 * DAY)
        campaign.finalise(sender=me)
    while campaign.status().state == STAGED:
        now = campaign.status()
        wait = now.reported_at + VOTE if now.reported_at else now.stage_began_at + PATIENCE
        boa.env.timestamp = max(boa.env.timestamp, wait)
        campaign.settle(sender=me)
    found = campaign.status()
    if found.released != found.claimed:
        campaign.claim(sender=me)
    if found.state in (FAILED, REJECTED):
        for number in order:
            if campaign.contribution(backers[number]):
                campaign.refund_for(backers[number], sender=me)


@KINDS
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_state_ends_with_nothing_held_and_all_paid(world, backers, kind, name):
    asset = asset_of(world, kind)
    with boa.env.anchor():
        pledged = [300, 500, 201] if name not in ("nothing pledged", "a unit kept") else []
        pledged = [1] if name == "a unit kept" else pledged
        accounts = [world.payee, place("another payee"), *backers, world.reserve]
        before = [balance(asset, account) for account in accounts]
        campaign = SCENARIOS[name](world, backers, asset)
        outcomes = set()
        for order in [(0, 1, 2), (2, 1, 0), (1, 2, 0)]:
            with boa.env.anchor():
                drain(world, campaign, backers, order)
                found = campaign.status()
                assert found.state in (FAILED, SUCCEEDED, REJECTED)
                assert campaign.liability() == 0, "CMP-1: something is still owed"
                assert balance(asset, campaign) == 0, "CMP-1: something is still here"
                assert found.raised == sum(pledged) == found.claimed + found.refunded
                gained = [
                    balance(asset, account) - then
                    for account, then in zip(accounts, before, strict=True)
                ]
                # tokens were minted for the pledge, coin was the backer's own
                spent = pledged if kind == "coin" else [0] * len(pledged)
                got = [gained[2 + at] + paid for at, paid in enumerate(spent)]
                assert gained[0] + gained[1] == found.claimed
                assert sum(got) == found.refunded
                assert gained[-1] == 0
                if found.state == FAILED:
                    assert got == pledged
                    for number in range(len(pledged)):
                        with boa.reverts("campaign: no such token"):
                            campaign.ownerOf(number + 1)
                elif found.state == SUCCEEDED:
                    assert got == [0] * len(pledged)
                else:
                    left = found.raised - found.released
                    for paid, amount in zip(got, pledged, strict=True):
                        share = Fraction(amount * left, found.raised)
                        assert share - 1 < paid < share + 3
                    # all tokens are free
                    assert not any(campaign.locked(number + 1) for number in range(3))
                outcomes.add((found.state, found.raised, found.released, found.claimed))
        assert len(outcomes) == 1, "the order of refunds changed what the charity gets"
