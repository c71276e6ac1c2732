"""Campaigns through the package: opening, backing, deciding, and paying all of it out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from donablock.chain.amounts import NATIVE, Asset, Money
from donablock.chain.paying import Way
from donablock.chain.session import Session
from donablock.errors import AmountError, FundsError, InputError, RevertError
from donablock.giving import campaign_terms, campaigns
from donablock.giving.campaign_terms import (
    Terms,
    TierTerms,
    read_terms,
    read_tier,
)
from donablock.giving.campaigns import Action, Campaign, Campaigns, Done, State, pledge_of
from donablock.giving.charities import Charities
from donablock.giving.terms import read_file, share_text
from donablock.settings import settings
from tests.giving.conftest import DONOR, NEW_PAYEE, OTHER_DONOR, PAYEES
from tests.local_chain import DAY, GUARDIAN, REGISTRAR, STRANGER, World

MEMO = b"\3" * 32
COIN = Asset(NATIVE, "ETH", 18)
ETHER = 10**18
# charity 1's payee has accepted this account
CREATOR = NEW_PAYEE
EXAMPLE = settings().root / "config" / "campaigns" / "example.toml"


def of(world: World, account: int) -> Campaigns:
    return Campaigns(world.session(account))


def written(**changes: Any) -> dict[str, Any]:
    """Terms as in a file; 10 ether in 30 days, all or nothing, two tiers."""
    terms: dict[str, Any] = {
        "charity": 1,
        "name": "Wells for Turkana",
        "symbol": "WELL",
        "page": "https://example.org/wells",
        "goal": "10 ether",
        "deadline": "30 days",
        "policy": "all-or-nothing",
        "royalty": "5 %",
        "tiers": [
            {"price": "1 ether", "supply": 3, "artwork": "ipfs://bucket.png"},
            {"price": "5 ether", "supply": 2, "artwork": "ipfs://pump.png"},
        ],
    }
    return {**terms, **changes}


def dollars(**changes: Any) -> dict[str, Any]:
    """The same, in the world's stablecoin."""
    tiers = [{"price": "10 USDX", "supply": 100, "artwork": "ipfs://bucket.png"}]
    return written(**{"goal": "100 USDX", "tiers": tiers, **changes})


def opened(world: World, terms: dict[str, Any]) -> Campaign:
    """A campaign by a creator whom the charity has accepted."""
    payee, creator = of(world, PAYEES[0]), of(world, CREATOR)
    if not payee.accepts(1, world.address(CREATOR)):
        payee.send(payee.plan_accept(1, world.address(CREATOR)))
    plan = creator.plan_create(read_terms(terms, creator.assets(), world.anyone.now))
    return creator.get(creator.create(plan).address)


def back(world: World, account: int, campaign: Campaign, amount: str, tier: int = 0) -> int:
    """A pledge; the token's number."""
    mine = of(world, account)
    plan = mine.plan_pledge(campaign, tier, campaign.asset.money(amount), MEMO)
    return mine.pledge(plan).token_id


def passes(world: World, campaign: Campaign) -> None:
    """Time, until the campaign takes no more pledges."""
    world.node.advance(campaign.deadline - world.anyone.now)


def do(world: World, account: int, name: str, campaign: Campaign, *arguments: Any) -> Done:
    """Plan and send, on the campaign as it stands."""
    mine = of(world, account)
    action = getattr(mine, f"plan_{name}")(mine.get(campaign.address), *arguments)
    assert isinstance(action, Action)
    return mine.send(action)


def steps(world: World, campaign: Campaign) -> dict[str, tuple[int, int]]:
    """What can be done, and when."""
    mine = of(world, STRANGER)
    found = mine.steps(mine.get(campaign.address))
    return {step.name: (step.begins, step.ends) for step in found}


def test_states_and_limits_are_the_contracts(world: World) -> None:
    campaign = opened(world, written())
    functions = world.anyone.at("Campaign", campaign.address).functions
    for limit in ("MAX_RAISED", "MAX_ROYALTY", "MAX_STAGES", "MAX_TIERS", "MAX_DURATION"):
        assert functions[limit]().call() == getattr(campaign_terms, limit), limit
    for limit in ("MAX_PLEDGES", "MAX_REFUNDS", "PATIENCE", "VOTE"):
        assert functions[limit]().call() == getattr(campaigns, limit), limit
    assert [state.word for state in State] == [
        "open",
        "failed",
        "succeeded",
        "in milestones",
        "rejected",
    ]


# --- opening ----------------------------------------------------------------------------------


def test_a_campaign_is_opened_as_written_and_found_again(world: World) -> None:
    now = world.anyone.now
    campaign = opened(world, written(milestones=["30 %", "12.5 %"], policy="keep-what-you-raise"))
    assert campaign.number == 1
    assert (campaign.name, campaign.symbol) == ("Wells for Turkana", "WELL")
    assert (campaign.page, campaign.charity_id) == ("https://example.org/wells", 1)
    assert (campaign.asset.is_native, campaign.goal) == (True, 10 * ETHER)
    assert now + 30 * DAY <= campaign.deadline <= now + 30 * DAY + 10
    assert (campaign.is_all_or_nothing, campaign.royalty) == (False, 500)
    assert campaign.milestones == (3_000, 1_250)
    assert [(t.price, t.supply, t.sold, t.artwork) for t in campaign.tiers] == [
        (ETHER, 3, 0, "ipfs://bucket.png"),
        (5 * ETHER, 2, 0, "ipfs://pump.png"),
    ]
    assert (campaign.state, campaign.raised, campaign.stage) == (State.OPEN, 0, None)
    second = opened(world, dollars())
    anyone = Campaigns(world.anyone)
    assert anyone.count() == 2
    assert anyone.find("2") == anyone.find(second.address) == second
    assert [found.number for found in anyone.all()] == [1, 2]
    assert [found.number for found in anyone.all(1, world.address(CREATOR))] == [1, 2]
    assert list(anyone.all(charity_id=2)) == []
    assert list(anyone.all(creator=world.address(DONOR))) == []


def test_a_payee_needs_no_acceptance(world: World) -> None:
    payee = of(world, PAYEES[1])
    terms = read_terms(written(charity=2), payee.assets(), world.anyone.now)
    created = payee.create(payee.plan_create(terms))
    assert payee.find("1").address == created.address
    assert payee.get(created.address).creator == world.address(PAYEES[1])


def test_a_creator_must_be_accepted_and_can_be_dismissed(world: World) -> None:
    creator, payee = of(world, CREATOR), of(world, PAYEES[0])
    terms = read_terms(written(), creator.assets(), world.anyone.now)
    address = world.address(CREATOR)
    with pytest.raises(InputError, match=f"ape run campaign accept 1 {address}"):
        creator.plan_create(terms)
    with pytest.raises(InputError, match="only the payee of charity 1"):
        creator.plan_accept(1, address)
    with pytest.raises(InputError, match="not accepted anyway"):
        payee.plan_accept(1, address, False)
    payee.send(payee.plan_accept(1, address))
    with pytest.raises(InputError, match="accepted already"):
        payee.plan_accept(1, address)
    creator.create(creator.plan_create(terms))
    (event,) = payee.send(payee.plan_accept(1, address, False)).logged("CreatorAccepted")
    assert event["is_accepted"] is False
    with pytest.raises(InputError, match="has not accepted"):
        creator.plan_create(terms)
    with pytest.raises(InputError, match="there is no charity 9"):
        creator.plan_create(replace(terms, charity_id=9))


def test_the_example_file_opens_a_campaign(world: World) -> None:
    payee = of(world, PAYEES[0])
    terms = read_terms(read_file(EXAMPLE), payee.assets(), world.anyone.now)
    assert (terms.free, [tier.is_fixed for tier in terms.tiers]) == (2_000, [True, True])
    found = payee.get(payee.create(payee.plan_create(terms)).address)
    assert (found.goal, found.milestones, found.raised) == (10 * ETHER, (3_000, 5_000), 0)
    assert [(tier.price, tier.artwork) for tier in found.tiers] == [
        (tier.price, tier.artwork) for tier in terms.tiers
    ]


# --- a strict campaign that succeeds ----------------------------------------------------------


def test_a_campaign_that_reaches_its_goal_pays_the_charity(world: World) -> None:
    campaign = opened(world, written())
    assert [back(world, DONOR, campaign, "7", tier=1), back(world, OTHER_DONOR, campaign, "3")] == [
        1,
        2,
    ]
    anyone = of(world, STRANGER)
    found = anyone.get(campaign.address)
    assert (found.raised, [tier.sold for tier in found.tiers]) == (10 * ETHER, [1, 1])
    assert set(steps(world, campaign)) == {"pledge", "cancel", "finalise"}
    assert steps(world, campaign)["finalise"] == (campaign.deadline, 0)
    with pytest.raises(InputError, match="takes pledges until"):
        anyone.plan_finalise(found)
    with pytest.raises(InputError, match="is open and has nothing to claim"):
        anyone.plan_claim(found)
    passes(world, campaign)
    assert set(steps(world, campaign)) == {"finalise"}
    assert found.outcome(anyone.charity(found)) is State.SUCCEEDED
    (event,) = do(world, STRANGER, "finalise", campaign).logged("Finalised")
    assert (event["outcome"], event["raised"]) == (State.SUCCEEDED, 10 * ETHER)
    with pytest.raises(InputError, match="the charity has earned it"):
        anyone.plan_refund(anyone.get(campaign.address), world.address(DONOR))
    assert set(steps(world, campaign)) == {"claim"}
    payee = world.address(PAYEES[0])
    before = world.anyone.balance(payee)
    (paid,) = do(world, STRANGER, "claim", campaign).logged("Claimed")
    assert (paid["receiver"], paid["amount"]) == (payee, 10 * ETHER)
    assert world.anyone.balance(payee) - before == 10 * ETHER
    found = anyone.get(campaign.address)
    assert (found.claimable, found.claimed) == (0, 10 * ETHER)
    assert steps(world, campaign) == {}, "nothing is left to do"
    with pytest.raises(InputError, match="succeeded already"):
        anyone.plan_finalise(found)


def test_the_payee_has_it_paid_to_another_address(world: World) -> None:
    campaign = opened(world, dollars(goal="10 USDX"))
    back(world, DONOR, campaign, "10")
    passes(world, campaign)
    do(world, STRANGER, "finalise", campaign)
    receiver = world.address(STRANGER)
    with pytest.raises(InputError, match="only the payee of charity 1"):
        do(world, CREATOR, "claim_to", campaign, receiver)
    for wrong, reason in ((campaign.address, "cannot receive"), ("0x12", "no receiver")):
        with pytest.raises(InputError, match=reason):
            do(world, PAYEES[0], "claim_to", campaign, wrong)
    do(world, PAYEES[0], "claim_to", campaign, receiver)
    assert world.token.functions.balanceOf(receiver).call() == 10_000_000


# --- one that fails ---------------------------------------------------------------------------


def test_a_campaign_that_fails_is_refunded_by_a_stranger(world: World) -> None:
    campaign = opened(world, written())
    for _ in range(2):
        back(world, DONOR, campaign, "2.5")
    back(world, OTHER_DONOR, campaign, "1")
    stranger = of(world, STRANGER)
    with pytest.raises(InputError, match="paid back only if it fails"):
        do(world, DONOR, "refund", campaign, world.address(DONOR))
    passes(world, campaign)
    with pytest.raises(InputError, match=f"ape run campaign finalise {campaign.number}"):
        do(world, DONOR, "refund", campaign, world.address(DONOR))
    assert stranger.get(campaign.address).outcome(stranger.charity(campaign)) is State.FAILED
    do(world, STRANGER, "finalise", campaign)
    found = stranger.get(campaign.address)
    assert (found.state, found.refundable) == (State.FAILED, 6 * ETHER)
    assert [(b.address, b.contribution, b.tokens) for b in stranger.backers(found)] == [
        (world.address(DONOR), 5 * ETHER, 2),
        (world.address(OTHER_DONOR), ETHER, 1),
    ]
    before = [world.anyone.balance(world.address(a)) for a in (DONOR, OTHER_DONOR)]
    (action,) = stranger.plan_refund_many(found, stranger.owed(found))
    assert len(stranger.send(action).logged("Refunded")) == 2
    after = [world.anyone.balance(world.address(a)) for a in (DONOR, OTHER_DONOR)]
    assert [a - b for a, b in zip(after, before, strict=True)] == [5 * ETHER, ETHER]
    found = stranger.get(campaign.address)
    assert (found.refundable, found.refunded) == (0, 6 * ETHER)
    assert [entry.tokens for entry in stranger.backers(found)] == [0, 0], "burnt"
    assert stranger.owed(found) == [] and steps(world, campaign) == {}
    assert world.anyone.balance(campaign.address) == 0
    with pytest.raises(InputError, match="nothing to be paid back here, or was already"):
        stranger.plan_refund(found, world.address(DONOR))
    with pytest.raises(InputError, match="nobody is left"):
        stranger.plan_refund_many(found, stranger.owed(found))


def test_a_refusal_in_a_batch_stays_due_and_goes_elsewhere(world: World) -> None:
    campaign = opened(world, written())
    back(world, DONOR, campaign, "1")
    back(world, OTHER_DONOR, campaign, "1")
    do(world, PAYEES[0], "cancel", campaign)
    address = world.address(DONOR)
    world.node.set_code(address, bytes.fromhex("60006000fd"))
    mine = of(world, STRANGER)
    found = mine.get(campaign.address)
    (action,) = mine.plan_refund_many(found, [address, world.address(OTHER_DONOR)])
    result = mine.send(action)
    (refused,) = result.logged("RefundFailed")
    assert (refused["backer"], refused["amount"]) == (address, ETHER)
    assert len(result.logged("Refunded")) == 1
    assert mine.owed(found) == [address]
    with pytest.raises(RevertError, match="receiver refused"):
        mine.plan_refund(found, address)
    world.node.set_code(address, b"")
    receiver = world.address(STRANGER)
    before = world.anyone.balance(receiver)
    do(world, DONOR, "refund_to", campaign, receiver)
    assert world.anyone.balance(receiver) - before == ETHER
    assert mine.owed(found) == []


def test_many_refunds_are_split_over_transactions(world: World) -> None:
    campaign = opened(world, written())
    back(world, DONOR, campaign, "1")
    do(world, CREATOR, "cancel", campaign)
    mine = of(world, STRANGER)
    others = [f"0x{number:040x}" for number in range(1, campaigns.MAX_REFUNDS + 1)]
    actions = mine.plan_refund_many(
        mine.get(campaign.address), [*others, world.address(DONOR), others[0]]
    )
    assert len(actions) == 2, "one is named twice and counts once"
    assert [len(mine.send(action).logged("Refunded")) for action in actions] == [0, 1]


def test_a_revoked_charity_fails_the_campaign_at_once(world: World) -> None:
    campaign = opened(world, written(policy="keep-what-you-raise"))
    back(world, DONOR, campaign, "1")
    Charities(world.session(PAYEES[0])).retire(1, b"\1" * 32)
    assert steps(world, campaign)["finalise"] == (0, 0)
    assert "pledge" not in steps(world, campaign)
    with pytest.raises(InputError, match="charity 1 is revoked and takes nothing"):
        back(world, DONOR, campaign, "1")
    do(world, STRANGER, "finalise", campaign)
    do(world, STRANGER, "refund", campaign, world.address(DONOR))
    assert world.anyone.balance(campaign.address) == 0


def test_a_suspended_charity_makes_a_success_wait(world: World) -> None:
    campaign = opened(world, written(goal="1 ether", deadline="2 days"))
    back(world, DONOR, campaign, "1")
    registrar = Charities(world.session(REGISTRAR))
    registrar.suspend(1, b"\1" * 32)
    until = registrar.get(1).suspended_until
    with pytest.raises(InputError, match="is suspended until"):
        back(world, DONOR, campaign, "1")
    passes(world, campaign)
    with pytest.raises(InputError, match="is suspended until .*; finalise it then"):
        do(world, STRANGER, "finalise", campaign)
    assert steps(world, campaign) == {"finalise": (until, 0)}
    world.node.advance(until - world.anyone.now)
    do(world, STRANGER, "finalise", campaign)
    do(world, STRANGER, "claim", campaign)
    assert world.anyone.balance(campaign.address) == 0


# --- milestones -------------------------------------------------------------------------------


def test_milestones_are_released_and_a_rejected_one_is_paid_back(world: World) -> None:
    campaign = opened(world, dollars(milestones=["30 %", "50 %"]))
    back(world, DONOR, campaign, "60")
    back(world, OTHER_DONOR, campaign, "40")
    passes(world, campaign)
    do(world, STRANGER, "finalise", campaign)
    mine = of(world, STRANGER)
    found = mine.get(campaign.address)
    assert (found.state, found.released) == (State.STAGED, 20_000_000)
    assert found.stage is not None
    begun = world.anyone.now
    assert (found.stage.number, found.stage.began_at) == (0, begun)
    assert steps(world, campaign) == {
        "report": (0, begun + 180 * DAY),
        "settle": (begun + 180 * DAY, 0),
        "cancel": (0, 0),
        "claim": (0, 0),
    }
    with pytest.raises(InputError, match="not reported yet"):
        do(world, DONOR, "vote", campaign, True)
    with pytest.raises(InputError, match="only the creator"):
        do(world, DONOR, "report", campaign, b"\1" * 32, "ipfs://report")
    with pytest.raises(InputError, match="at most 128 fit"):
        do(world, CREATOR, "report", campaign, b"\1" * 32, "ipfs://" + "x" * 122)
    assert mine.report(found) is None
    document = keccak(text="Ten wells are dug.")
    do(world, CREATOR, "report", campaign, document, "ipfs://report")
    found = mine.get(campaign.address)
    assert mine.report(found) == (document, "ipfs://report")
    ends = world.anyone.now + 14 * DAY
    assert steps(world, campaign)["vote"] == (0, ends)
    assert steps(world, campaign)["settle"] == (ends, 0)
    with pytest.raises(InputError, match="reported already"):
        do(world, CREATOR, "report", campaign, document, "ipfs://report")
    (vote,) = do(world, OTHER_DONOR, "vote", campaign, False).logged("Voted")
    assert (vote["is_approved"], vote["weight"]) == (False, 40_000_000)
    with pytest.raises(InputError, match="has voted on milestone 0 already"):
        do(world, OTHER_DONOR, "vote", campaign, True)
    with pytest.raises(InputError, match="only backers vote"):
        do(world, STRANGER, "vote", campaign, True)
    do(world, DONOR, "vote", campaign, True)
    found = mine.get(campaign.address)
    assert found.stage is not None and found.stage.would_release
    assert (found.stage.approvals, found.stage.objections) == (60_000_000, 40_000_000)
    with pytest.raises(InputError, match="the vote runs until .*; settle milestone 0 then"):
        mine.plan_settle(found)
    world.node.advance(14 * DAY)
    assert set(steps(world, campaign)) == {"settle", "cancel", "claim"}, "no vote any more"
    with pytest.raises(InputError, match="the vote ended on .*ape run campaign settle 1"):
        do(world, DONOR, "vote", campaign, True)
    (settled,) = do(world, STRANGER, "settle", campaign).logged("Settled")
    assert (settled["is_released"], settled["amount"]) == (True, 30_000_000)
    with pytest.raises(InputError, match="only if a milestone is rejected"):
        do(world, DONOR, "refund", campaign, world.address(DONOR))

    do(world, PAYEES[0], "report", campaign, document, "ipfs://second")
    do(world, DONOR, "vote", campaign, False)
    found = mine.get(campaign.address)
    assert found.stage is not None
    assert (found.stage.number, found.stage.would_release) == (1, False)
    world.node.advance(14 * DAY)
    (settled,) = do(world, STRANGER, "settle", campaign).logged("Settled")
    assert (settled["stage"], settled["is_released"]) == (1, False)
    found = mine.get(campaign.address)
    assert (found.state, found.refundable) == (State.REJECTED, 50_000_000)
    assert set(steps(world, campaign)) == {"claim", "refund"}
    balance = world.token.functions.balanceOf
    before = [balance(world.address(a)).call() for a in (DONOR, OTHER_DONOR, PAYEES[0])]
    (action,) = mine.plan_refund_many(found, mine.owed(found))
    mine.send(action)
    do(world, STRANGER, "claim", campaign)
    after = [balance(world.address(a)).call() for a in (DONOR, OTHER_DONOR, PAYEES[0])]
    parts = [a - b for a, b in zip(after, before, strict=True)]
    assert parts == [30_000_000, 20_000_000, 50_000_000]
    assert balance(campaign.address).call() == 0 and steps(world, campaign) == {}
    assert [entry.tokens for entry in mine.backers(found)] == [1, 1], "kept: a part was released"
    with pytest.raises(InputError, match="is rejected: no milestone is running"):
        mine.plan_settle(found)


def test_a_milestone_that_nobody_reports_is_rejected(world: World) -> None:
    campaign = opened(world, dollars(milestones=["100 %"], goal="10 USDX"))
    back(world, DONOR, campaign, "10")
    passes(world, campaign)
    do(world, STRANGER, "finalise", campaign)
    with pytest.raises(InputError, match="a report may come until"):
        do(world, STRANGER, "settle", campaign)
    world.node.advance(180 * DAY)
    with pytest.raises(InputError, match="it is too late"):
        do(world, CREATOR, "report", campaign, b"\1" * 32, "ipfs://report")
    assert set(steps(world, campaign)) == {"settle", "cancel"}, "no report any more"
    do(world, STRANGER, "settle", campaign)
    do(world, DONOR, "refund", campaign, world.address(DONOR))
    assert world.token.functions.balanceOf(campaign.address).call() == 0


def test_the_payee_gives_up_during_the_milestones(world: World) -> None:
    campaign = opened(world, dollars(milestones=["40 %"], goal="10 USDX"))
    back(world, DONOR, campaign, "10")
    passes(world, campaign)
    with pytest.raises(InputError, match=f"ape run campaign finalise {campaign.number}"):
        do(world, CREATOR, "cancel", campaign)
    do(world, STRANGER, "finalise", campaign)
    with pytest.raises(InputError, match="only the charity's payee"):
        do(world, CREATOR, "cancel", campaign)
    assert do(world, PAYEES[0], "cancel", campaign).logged("Cancelled")
    assert of(world, STRANGER).get(campaign.address).refundable == 4_000_000


def test_a_report_at_no_text_is_shown_with_its_hash(world: World) -> None:
    campaign = opened(world, dollars(milestones=["40 %"], goal="10 USDX"))
    back(world, DONOR, campaign, "10")
    passes(world, campaign)
    do(world, STRANGER, "finalise", campaign)
    creator = world.session(CREATOR)
    contract = creator.at("Campaign", campaign.address)
    data = contract.encode_abi("report", args=[b"\1" * 32, "ipfs://report"])
    sent = {
        "from": creator.address,
        "to": campaign.address,
        "data": data.replace(b"ipfs".hex(), "ff" * 4),
    }
    creator.w3.eth.wait_for_transaction_receipt(creator.w3.eth.send_transaction(sent))
    mine = of(world, STRANGER)
    assert mine.report(mine.get(campaign.address)) == (b"\1" * 32, "\ufffd" * 4 + "://report")


# --- pledging ---------------------------------------------------------------------------------


def test_a_pledge_by_permit_takes_one_transaction(world: World, donor: Session) -> None:
    campaign = opened(world, dollars())
    mine = Campaigns(donor)
    plan = mine.plan_pledge(campaign, 0, world.usd.money("25"), MEMO)
    assert plan.allowance.way is Way.PERMIT
    assert plan.cost.gas is not None and plan.cost.gas > 100_000
    nonce = donor.next_nonce()
    result = mine.pledge(plan)
    assert donor.next_nonce() == nonce + 1
    event = result.event
    assert (event["backer"], event["tier"], event["amount"]) == (donor.address, 0, 25_000_000)
    assert (result.token_id, bytes(event["memo"])) == (1, MEMO)
    found = mine.backer(campaign, donor.address)
    assert (found.contribution, found.tokens, found.refundable) == (25_000_000, 1, 0)
    functions = donor.at("Campaign", campaign.address).functions
    assert functions.locked(1).call() and functions.ownerOf(1).call() == donor.address
    assert world.token.functions.allowance(donor.address, campaign.address).call() == 0


def test_a_token_without_permit_is_approved_for_just_the_pledge(
    world: World, donor: Session
) -> None:
    token = world.own_token("BareToken", 6)
    donor.send(token.functions.mint(donor.address, 50_000_000))
    world.through_timelock("CampaignFactory", "list_asset", token.address)
    # it has no symbol either
    ten = f"10 {token.address}"
    tiers = [{"price": ten, "supply": 5, "artwork": "ipfs://x"}]
    campaign = opened(world, dollars(goal=ten, tiers=tiers))
    mine = Campaigns(donor)
    plan = mine.plan_pledge(campaign, 0, campaign.asset.money("10"), MEMO)
    assert plan.allowance.way is Way.APPROVE
    mine.pledge(plan)
    assert token.functions.allowance(donor.address, campaign.address).call() == 0
    assert mine.get(campaign.address).raised == 10_000_000
    world.through_timelock("CampaignFactory", "unlist_asset", token.address)
    with pytest.raises(InputError, match="is taken no more"):
        mine.plan_pledge(campaign, 0, campaign.asset.money("10"), MEMO)


def test_a_pledge_is_written_or_is_the_price(world: World) -> None:
    campaign, assets = opened(world, written()), Campaigns(world.anyone).assets()
    assert pledge_of(campaign, 1, None, assets) == Money(COIN, 5 * ETHER)
    assert pledge_of(campaign, 0, "1.5 ether", assets) == Money(COIN, 3 * ETHER // 2)
    with pytest.raises(InputError, match="there is no tier 2; they run from 0 to 1"):
        pledge_of(campaign, 2, None, assets)
    with pytest.raises(AmountError, match="of what"):
        pledge_of(campaign, 0, "30", assets)


@pytest.mark.parametrize(
    ("tier", "money", "reason"),
    [
        (2, "1 ether", "there is no tier 2"),
        (-1, "1 ether", "there is no tier -1"),
        (0, "0.9 ether", "below the price of tier 0, 1 ETH"),
        (0, "20 USDX", "takes ETH, not USDX"),
        (0, "20000 ether", "are needed: give less, or fund it"),
    ],
)
def test_a_bad_pledge_is_refused_and_nothing_is_sent(
    world: World, donor: Session, tier: int, money: str, reason: str
) -> None:
    campaign, mine = opened(world, written()), Campaigns(donor)
    nonce = donor.next_nonce()
    with pytest.raises((InputError, FundsError), match=reason):
        mine.plan_pledge(campaign, tier, mine.assets().parse(money), MEMO)
    assert donor.next_nonce() == nonce


def test_a_pledge_that_comes_at_a_bad_time_is_refused(world: World, donor: Session) -> None:
    tiers = [{"price": "1 ether", "supply": 1, "artwork": "ipfs://x"}]
    campaign, mine = opened(world, written(tiers=tiers)), Campaigns(donor)
    one = COIN.money("1")
    with pytest.raises(InputError, match="it cannot back itself"):
        of(world, PAYEES[0]).plan_pledge(campaign, 0, one, MEMO)
    world.session(GUARDIAN).send(world.anyone.contract("CampaignFactory").functions.stop_entries())
    stopped = world.anyone.now + 7 * DAY
    assert steps(world, campaign)["pledge"] == (stopped, campaign.deadline)
    with pytest.raises(InputError, match="the guardian has stopped pledges until"):
        mine.plan_pledge(campaign, 0, one, MEMO)
    payee = of(world, PAYEES[0])
    with pytest.raises(InputError, match="the guardian has stopped pledges until"):
        payee.plan_create(read_terms(written(), payee.assets(), world.anyone.now))
    world.node.advance(7 * DAY)
    back(world, DONOR, campaign, "1")
    with pytest.raises(InputError, match="tier 0 is sold out"):
        mine.plan_pledge(mine.get(campaign.address), 0, one, MEMO)
    with pytest.raises(RevertError, match="tier is sold out"):
        mine.plan_pledge(campaign, 0, one, MEMO)  # as it was seen before that
    passes(world, campaign)
    with pytest.raises(InputError, match="took pledges until"):
        mine.plan_pledge(mine.get(campaign.address), 0, one, MEMO)
    do(world, STRANGER, "finalise", campaign)
    with pytest.raises(InputError, match="is failed: too late"):
        mine.plan_pledge(mine.get(campaign.address), 0, one, MEMO)


def test_one_account_pledges_as_often_as_it_can_be_refunded(world: World, donor: Session) -> None:
    tiers = [{"price": "1 wei", "supply": 100, "artwork": "ipfs://x"}]
    campaign, mine = opened(world, written(tiers=tiers)), Campaigns(donor)
    data = donor.at("Campaign", campaign.address).encode_abi("pledge_native", args=[0, MEMO])
    sent = {"from": donor.address, "to": campaign.address, "data": data, "value": 1, "gas": 300_000}
    for _ in range(campaigns.MAX_PLEDGES):
        donor.w3.eth.send_transaction(sent)
    assert mine.backer(campaign, donor.address).tokens == 64
    with pytest.raises(InputError, match="you have pledged 64 times, the most"):
        mine.plan_pledge(campaign, 0, COIN.money("1"), MEMO)
    do(world, CREATOR, "cancel", campaign)
    (paid,) = do(world, STRANGER, "refund", campaign, donor.address).logged("Refunded")
    assert paid["amount"] == 64
    assert mine.backer(campaign, donor.address).tokens == 0


# --- what is no campaign ----------------------------------------------------------------------


def test_only_the_factorys_own_campaigns_are_trusted(world: World) -> None:
    anyone = Campaigns(world.anyone)
    with pytest.raises(InputError, match="there is no campaign 1; none was opened yet"):
        anyone.find("1")
    campaign = opened(world, written())
    with pytest.raises(InputError, match="there is no campaign 2; they run from 1 to 1"):
        anyone.find("2")
    with pytest.raises(InputError, match="is no campaign; write its number or its address"):
        anyone.find("wells")
    # the implementation, and a copy of a campaign that somebody made
    twin = "0x" + "77" * 20
    world.node.set_code(twin, bytes(world.anyone.w3.eth.get_code(campaign.address)))
    for address in (world.anyone.addresses["Campaign"], twin):
        with pytest.raises(InputError, match="no campaign of this factory: send it nothing"):
            anyone.find(address)


def test_a_name_that_is_no_text_hides_nothing_else(world: World) -> None:
    payee = world.session(PAYEES[0])
    terms = read_terms(written(), Campaigns(payee).assets(), world.anyone.now)
    for name in ("Wells for Turkana", "Wells\u009b2J"):
        data = payee.contract("CampaignFactory").encode_abi(
            "create", args=[1, replace(terms, name=name).encoded]
        )
        if name == terms.name:
            data = data.replace(b"Turkana".hex(), "ff" * 7)
        factory = payee.addresses["CampaignFactory"]
        sent = {"from": payee.address, "to": factory, "data": data}
        payee.w3.eth.wait_for_transaction_receipt(payee.w3.eth.send_transaction(sent))
    found = list(Campaigns(world.anyone).all())
    assert [entry.name for entry in found] == ["Wells for " + "\ufffd" * 7, "Wells\\x9b2J"]


# --- terms as written -------------------------------------------------------------------------


def read(world: World, found: dict[str, Any]) -> Terms:
    return read_terms(found, Campaigns(world.anyone).assets(), world.anyone.now)


def test_terms_are_read_from_both_kinds_of_file(world: World, tmp_path: Path) -> None:
    as_json = tmp_path / "wells.json"
    as_json.write_text(json.dumps(written(deadline="2026-01-31")))
    as_toml = tmp_path / "wells.toml"
    as_toml.write_text(
        'charity = 1\nname = "Wells for Turkana"\nsymbol = "WELL"\n'
        'page = "https://example.org/wells"\ngoal = "10 ether"\ndeadline = 2026-01-31\n'
        'policy = "all-or-nothing"\nroyalty = "5 %"\n'
        '[[tiers]]\nprice = "1 ether"\nsupply = 3\nartwork = "ipfs://bucket.png"\n'
        '[[tiers]]\nprice = "5 ether"\nsupply = 2\nartwork = "ipfs://pump.png"\n'
    )
    terms = read(world, read_file(as_json))
    assert terms == read(world, read_file(as_toml))
    assert terms.deadline == 1_769_817_600
    assert read(world, written(deadline=terms.deadline)) == terms
    assert read_tier("1 ether, 3, ipfs://a,b") == {
        "price": "1 ether",
        "supply": "3",
        "artwork": "ipfs://a,b",
    }
    with_time = as_toml.read_text().replace("2026-01-31\n", "2026-01-31T01:00:00+01:00\n")
    as_toml.write_text(with_time)
    assert read(world, read_file(as_toml)) == terms


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    for name, content, reason in (
        ("a.yaml", "x", "neither .toml nor .json"),
        ("a.toml", "goal = ", "a.toml is not TOML"),
        ("a.json", "{", "a.json is not JSON"),
        ("b.json", "[1]", "has no keys"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=reason):
            read_file(tmp_path / name)
    with pytest.raises(InputError, match="cannot read .*: No such file"):
        read_file(tmp_path / "none.toml")
    with pytest.raises(InputError, match="write price, number and artwork"):
        read_tier("1 ether")


TIER = {"price": "1 ether", "supply": 3, "artwork": "ipfs://x"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gaol": "1 ether"}, "the terms: 'gaol' is not known; there are charity, name"),
        ({"charity": 0}, "'0' is no charity"),
        ({"name": "  "}, "name: '  ' is none"),
        ({"name": "x" * 65}, "name: it has 65 bytes; at most 64 fit"),
        ({"name": "\u00e9" * 33}, "name: it has 66 bytes"),
        ({"name": 'the "best"'}, "name: '\"' cannot stand in it"),
        ({"name": "a\nb"}, "cannot stand in it"),
        ({"name": "\ud800"}, "is no text"),
        ({"symbol": "x" * 17}, "symbol: it has 17 bytes; at most 16 fit"),
        ({"page": "example.org"}, "page: 'example.org' is no address"),
        ({"page": "https://" + "x" * 121}, "page: it has 129 bytes; at most 128 fit"),
        ({"page": "https://x/<script>"}, "page: '<' cannot stand in it"),
        ({"goal": "0 ether"}, "goal: 0 ether is nothing"),
        ({"goal": 5}, "goal: 5 of what"),
        ({"goal": "5 EURX"}, "goal: unknown unit 'EURX'"),
        ({"goal": "400000000000000000000 ether"}, "goal: .* is more than a campaign can count"),
        ({"goal": "100 USDX"}, "tier 0: its price is in ETH, the goal in USDX"),
        ({"deadline": "2020-01-01"}, "deadline: 2020-01-01 is over"),
        ({"deadline": "0 days"}, "deadline: 0 days is over"),
        ({"deadline": "3651 days"}, "deadline: 3651 days is too far"),
        ({"deadline": "999999999999 years"}, "is too far"),
        ({"deadline": "soon"}, "deadline: 'soon' is no time"),
        ({"policy": "maybe"}, "policy: 'maybe' is none; write all-or-nothing or"),
        ({"royalty": "10.01 %"}, "royalty: 10.01 % is too high; at most 10 %"),
        ({"royalty": 5}, "royalty: 5 is no share"),
        ({"royalty": "0.001 %"}, "royalty: 0.001 has 3 digits after the point"),
        ({"milestones": "50 %"}, "milestones: write a list"),
        ({"milestones": ["60 %", "41 %"]}, "milestones: together they release 101 %"),
        ({"milestones": ["0 %"]}, "milestone 0: nothing is released by it"),
        ({"milestones": ["1 %"] * 9}, "milestones: at most 8, not 9"),
        ({"tiers": []}, "tiers: a campaign has 1 to 8"),
        ({"tiers": [TIER] * 9}, "tiers: a campaign has at most 8, not 9"),
        ({"tiers": ["1 ether"]}, "tier 0: write"),
        ({"tiers": [{**TIER, "supply": 0}]}, "tier 0: 0 is no supply"),
        ({"tiers": [{**TIER, "supply": 2**32}]}, "tier 0: 4294967296 is no supply"),
        ({"tiers": [{**TIER, "supply": 1.5}]}, "tier 0: 1.5 is no supply"),
        ({"tiers": [TIER, {**TIER, "price": "0 ether"}]}, "tier 1: price: 0 ether is nothing"),
        ({"tiers": [{**TIER, "artwork": ""}]}, "tier 0: artwork: '' is no address"),
        ({"tiers": [{"price": "1 ether", "supply": 1}]}, "tier 0: artwork is missing"),
    ],
)
def test_bad_terms_are_refused_in_words(world: World, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read(world, written(**changes))


@pytest.mark.parametrize("key", ["charity", "name", "goal", "deadline", "policy", "tiers"])
def test_what_is_missing_is_named_with_an_example(world: World, key: str) -> None:
    found = written()
    del found[key]
    with pytest.raises(InputError, match=f"the terms: {key} is missing; write it like {key} = "):
        read(world, found)


def test_the_widest_terms_are_taken_by_the_contract(world: World) -> None:
    """So no limit that is checked here is wider than the contract's own."""
    payee = of(world, PAYEES[0])
    row = {"price": "340282366920938463463374607431768211455 wei", "supply": 2**32 - 1}
    tiers = [{**row, "artwork": "ipfs://" + "x" * 121}] * 8
    terms = read(
        world,
        written(
            name="\u00e9" * 32,
            symbol="S" * 16,
            page="https://" + "x" * 120,
            goal=row["price"],
            royalty="10 %",
            tiers=tiers,
            milestones=["12.5 %"] * 8,
        ),
    )
    terms = replace(terms, deadline=world.anyone.now + campaign_terms.MAX_DURATION)
    found = payee.get(payee.create(payee.plan_create(terms)).address)
    assert (found.name, found.page, found.goal) == (terms.name, terms.page, 2**128 - 1)
    assert [TierTerms(t.price, t.supply, t.artwork) for t in found.tiers] == list(terms.tiers)
    assert sum(found.milestones) == 10_000


def test_shares_are_shown_as_written() -> None:
    assert [share_text(share) for share in (0, 250, 1_000, 10_000)] == [
        "0 %",
        "2.5 %",
        "10 %",
        "100 %",
    ]
