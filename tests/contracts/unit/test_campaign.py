"""Campaign: pledges, decision, refunds, claims, tokens. Milestones: test_campaign_stages.py."""

from __future__ import annotations

import base64
import json

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.contracts import deployers, oddities, roles
from tests.contracts.campaigns import (
    ARTWORK,
    FAILED,
    OPEN,
    PAGE,
    REJECTED,
    STAGED,
    SUCCEEDED,
    Campaigns,
)
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, event_signatures, logged
from tests.contracts.money import COIN, balance, change, moves, send
from tests.contracts.protocol import (
    BURNING,
    MEMO,
    NO_SIGNATURE,
    REVERTING,
    REVERTING_MEGABYTE,
    calldata,
    new_place,
    place,
    set_storage,
)

ZERO = "0x" + "00" * 20
MAX_RAISED = 2**128 - 1
MAX_SUPPLY = 2**32 - 1
MAX_DURATION = 3_650 * DAY
MAX_PLEDGES = 64
STATUS = [
    "state",
    "raised",
    "released",
    "claimed",
    "refunded",
    "stage",
    "stage_began_at",
    "reported_at",
    "approvals",
    "objections",
]
TERMS = [
    "asset",
    "goal",
    "deadline",
    "is_all_or_nothing",
    "royalty",
    "name",
    "symbol",
    "uri",
    "tiers",
    "milestones",
]
KINDS = pytest.mark.parametrize("kind", ["coin", "token"])
TIERS = [(100, 10), (500, 3)]
FAILING = ["cancelled", "missed", "revoked"]


@pytest.fixture(scope="module")
def world():
    return Campaigns()


@pytest.fixture(scope="module")
def factory(world):
    return world.factory


@pytest.fixture(scope="module")
def token(world):
    return world.token


@pytest.fixture(scope="module")
def backers():
    return [roles.address(f"backer {number}") for number in range(4)]


def asset_of(world, kind):
    return COIN if kind == "coin" else world.token


def deadline(campaign):
    return campaign.terms().deadline


def status(campaign):
    return dict(zip(STATUS, tuple(campaign.status()), strict=True))


def stands(state, **figures):
    """What `status` answers where all that is not named is 0."""
    return {**dict.fromkeys(STATUS, 0), "state": state, **figures}


def of(contract):
    """What the last call logged itself, without what tokens and others did."""
    return [log for log in logged(contract) if log[0] == contract.address]


def refused(world, campaign, reason, backers=()):
    return _Refused(world, campaign, reason, backers)


class _Refused:
    """The call reverts with this reason; neither money nor the campaign's books have changed."""

    def __init__(self, world, campaign, reason, backers):
        self.world, self.campaign, self.backers = world, campaign, backers
        self.reverts = boa.reverts(reason)

    def books(self):
        campaign, world = self.campaign, self.world
        accounts = [*world.accounts, campaign, world.factory, *self.backers]
        found = {
            (str(getattr(asset, "address", asset)), str(getattr(account, "address", account))): (
                balance(asset, account)
            )
            for asset in world.assets
            for account in accounts
        }
        found["status"] = tuple(campaign.status())
        found["sold"] = [campaign.sold(tier) for tier in range(8)]
        found["backers"] = [
            (campaign.contribution(backer), campaign.balanceOf(backer)) for backer in self.backers
        ]
        return found

    def __enter__(self):
        self.before = self.books()
        self.reverts.__enter__()

    def __exit__(self, *raised):
        done = self.reverts.__exit__(*raised)
        assert self.books() == self.before
        return done


def pledge(world, campaign, backer, amount=100, tier=0, memo=MEMO):
    """A pledge from what the backer has; tokens are minted for it first."""
    asset = str(campaign.terms().asset)
    if asset == COIN:
        return campaign.pledge_native(tier, memo, value=amount, sender=backer)
    found = [known for known in world.assets[1:] if known.address == asset]
    found[0].mint(backer, amount)
    found[0].approve(campaign, amount, sender=backer)
    return campaign.pledge_token(tier, amount, memo, sender=backer)


def fail(world, campaign, how="cancelled"):
    if how == "cancelled":
        campaign.cancel(sender=world.creator)
    elif how == "missed":
        boa.env.timestamp = deadline(campaign)
        campaign.finalise(sender=world.stranger)
    else:
        world.revoke(world.charity_id)
        campaign.finalise(sender=world.stranger)
    assert campaign.status().state == FAILED


def succeed(world, campaign):
    boa.env.timestamp = deadline(campaign)
    assert campaign.finalise(sender=world.stranger) == SUCCEEDED


def minted(campaign, backer, token_id, tier, amount, memo=MEMO):
    return [
        entry(campaign, "Transfer", sender=ZERO, receiver=backer, token_id=token_id),
        entry(campaign, "Locked", tokenId=token_id),
        entry(
            campaign,
            "Pledged",
            backer=backer,
            token_id=token_id,
            memo=memo,
            tier=tier,
            amount=amount,
        ),
    ]


def burnt(campaign, backer, *token_ids):
    return [
        entry(campaign, "Transfer", sender=backer, receiver=ZERO, token_id=token_id)
        for token_id in token_ids
    ]


# --- constructor ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (0, "campaign: zero factory"),
        (1, "campaign: zero registry"),
        (2, "campaign: zero reserve"),
    ],
)
def test_a_zero_address_is_refused(missing, reason):
    addresses = [place(f"part {number}") for number in range(3)]
    addresses[missing] = ZERO
    with boa.reverts(reason):
        deployers.CAMPAIGN.deploy(*addresses)


def test_the_constructor_fixes_the_three_others():
    addresses = [place(f"part {number}") for number in range(3)]
    campaign = deployers.CAMPAIGN.deploy(*addresses)
    assert [campaign.FACTORY(), campaign.REGISTRY(), campaign.RESERVE()] == addresses
    assert status(campaign) == stands(0)


def test_the_limits_are_those_of_the_design(world):
    campaign = world.implementation
    assert (campaign.MAX_TIERS(), campaign.MAX_STAGES()) == (8, 8)
    assert campaign.MAX_DURATION() == 3_650 * 86_400
    assert (campaign.MAX_PLEDGES(), campaign.MAX_REFUNDS()) == (64, 32)
    assert campaign.MAX_ROYALTY() == 1_000
    assert campaign.VOTE() == 14 * 86_400
    assert campaign.PATIENCE() == 180 * 86_400
    assert campaign.MAX_RAISED() == 2**128 - 1


def test_no_other_function_changes_anything(world):
    found = {
        (item["name"], item["stateMutability"])
        for item in world.implementation.abi
        if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
    }
    assert found == {
        ("initialise", "nonpayable"),
        ("pledge_native", "payable"),
        ("pledge_token", "nonpayable"),
        ("pledge_token_with_permit", "nonpayable"),
        ("vote", "nonpayable"),
        ("refund_to", "nonpayable"),
        ("refund_for", "nonpayable"),
        ("refund_many", "nonpayable"),
        ("finalise", "nonpayable"),
        ("settle", "nonpayable"),
        ("claim", "nonpayable"),
        ("claim_to", "nonpayable"),
        ("sweep", "nonpayable"),
        ("cancel", "nonpayable"),
        ("report", "nonpayable"),
        ("transferFrom", "payable"),
        ("safeTransferFrom", "payable"),
        ("approve", "payable"),
        ("setApprovalForAll", "nonpayable"),
    }


def test_events_are_what_readers_expect(world):
    found = event_signatures(world.implementation)
    assert found == {
        "Opened": "*uint256 charity_id, *address creator, *address asset, uint256 goal, "
        "uint256 deadline, bool is_all_or_nothing",
        "Pledged": "*address backer, *uint256 token_id, *bytes32 memo, uint256 tier, "
        "uint256 amount",
        "Finalised": "uint256 outcome, uint256 raised",
        "Cancelled": "*address cancelled_by",
        "Refunded": "*address backer, *address receiver, uint256 amount",
        "RefundFailed": "*address backer, uint256 amount",
        "Claimed": "*uint256 charity_id, *address receiver, uint256 amount",
        "Reported": "*uint256 stage, *address reported_by, bytes32 report, string uri",
        "Voted": "*uint256 stage, *address backer, bool is_approved, uint256 weight",
        "Settled": "*uint256 stage, bool is_released, uint256 amount",
        "Swept": "*address asset, uint256 amount",
        "Locked": "uint256 tokenId",
        "Unlocked": "uint256 tokenId",
        "BatchMetadataUpdate": "uint256 _fromTokenId, uint256 _toTokenId",
        "Transfer": "*address sender, *address receiver, *uint256 token_id",
        "Approval": "*address owner, *address approved, *uint256 token_id",
        "ApprovalForAll": "*address owner, *address operator, bool approved",
    }


# --- opening --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blank(world):
    """A campaign that is no proxy, for its factory to open: the factory is an account here."""
    return deployers.CAMPAIGN.deploy(
        place("opener"), world.registry, world.reserve, override_address=new_place()
    )


def written(world, **changes):
    """Terms with some replaced; tiers as (price, supply, uri)."""
    terms = dict(zip(TERMS, world.terms(), strict=True))
    assert set(changes) <= set(terms)
    return tuple({**terms, **changes}.values())


def initialise(blank, terms, charity_id=1, creator="creator"):
    return blank.initialise(charity_id, roles.address(creator), terms, sender=place("opener"))


BAD_TERMS = {
    "goal of zero": ({"goal": 0}, "campaign: zero goal"),
    "goal too large": ({"goal": 2**128}, "campaign: goal too large"),
    "huge goal": ({"goal": 2**256 - 1}, "campaign: goal too large"),
    "royalty": ({"royalty": 1_001}, "campaign: royalty too high"),
    "huge royalty": ({"royalty": 2**256 - 1}, "campaign: royalty too high"),
    "no name": ({"name": ""}, "campaign: no name"),
    "no symbol": ({"symbol": ""}, "campaign: no symbol"),
    "name": ({"name": 'Wells"'}, "campaign: text must be plain"),
    "symbol": ({"symbol": "WE\\LL"}, "campaign: text must be plain"),
    "page": ({"uri": "https://example.org/<script>"}, "campaign: text must be plain"),
    "artwork": ({"tiers": [(1, 1, "a"), (1, 1, "\n")]}, "campaign: text must be plain"),
    "no tier": ({"tiers": []}, "campaign: no tier"),
    "price of zero": ({"tiers": [(1, 1, ""), (0, 1, "")]}, "campaign: zero price"),
    "price": ({"tiers": [(2**128, 1, "")]}, "campaign: price too high"),
    "huge price": ({"tiers": [(2**256 - 1, 1, "")]}, "campaign: price too high"),
    "supply of zero": ({"tiers": [(1, 1, ""), (1, 0, "")]}, "campaign: tier without supply"),
    "supply": ({"tiers": [(1, 2**32, "")]}, "campaign: supply too large"),
    "huge supply": ({"tiers": [(1, 2**256 - 1, "")]}, "campaign: supply too large"),
    "idle milestone": ({"milestones": [5, 0]}, "campaign: milestone without share"),
    "milestone over all": ({"milestones": [10_001]}, "campaign: milestones over 100 %"),
    "huge milestone": ({"milestones": [2**256 - 1, 1]}, "campaign: milestones over 100 %"),
    "milestones over all": ({"milestones": [5_000, 5_001]}, "campaign: milestones over 100 %"),
}


@pytest.mark.parametrize("changes, reason", BAD_TERMS.values(), ids=BAD_TERMS)
def test_bad_terms_are_refused(world, blank, changes, reason):
    with boa.reverts(reason):
        initialise(blank, written(world, **changes))
    assert status(blank) == stands(0)


@pytest.mark.parametrize("changes, reason", BAD_TERMS.values(), ids=BAD_TERMS)
def test_the_factory_opens_nothing_on_bad_terms(world, factory, changes, reason):
    with boa.reverts(reason):
        factory.create(1, written(world, **changes), sender=world.creator)
    assert factory.campaign_count() == 0


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (-(10**9), "campaign: deadline has passed"),
        (-1, "campaign: deadline has passed"),
        (0, "campaign: deadline has passed"),
        (MAX_DURATION + 1, "campaign: deadline too far"),
        (2**255, "campaign: deadline too far"),
    ],
)
def test_a_deadline_out_of_bounds_is_refused(world, blank, seconds, reason):
    with boa.reverts(reason):
        initialise(blank, written(world, deadline=boa.env.timestamp + seconds))


@pytest.mark.parametrize(
    "changes",
    [
        {"goal": 1},
        {"goal": MAX_RAISED},
        {"royalty": 0},
        {"royalty": 1_000},
        {"name": "W", "symbol": "W", "uri": ""},
        {"name": "W" * 64, "symbol": "\u00c4" * 8, "uri": "u" * 128},
        {"tiers": [(1, 1, "")]},
        {"tiers": [(MAX_RAISED, MAX_SUPPLY, "u" * 128)]},
        {"tiers": [(10**tier, tier + 1, f"art {tier}") for tier in range(8)]},
        {"milestones": [1]},
        {"milestones": [10_000]},
        {"milestones": [1_250] * 8},
        {"milestones": [1, 9_999]},
        {"milestones": [9_993, 1, 1, 1, 1, 1, 1, 1]},
        {"is_all_or_nothing": False},
        {"deadline": 1_800_000_001},
        {"deadline": 1_800_000_000 + MAX_DURATION},
    ],
    ids=lambda changes: "-".join(changes),
)
@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("charity_id", [1, 2**18 - 1])
def test_terms_are_kept_as_they_were_written(world, blank, changes, kind, charity_id):
    asset = str(getattr(asset_of(world, kind), "address", COIN))
    terms = written(world, asset=asset, **changes)
    promised = dict(zip(TERMS, terms, strict=True))
    initialise(blank, terms, charity_id)
    assert of(blank) == [
        entry(
            blank,
            "Opened",
            charity_id=charity_id,
            creator=world.creator,
            asset=asset,
            goal=promised["goal"],
            deadline=promised["deadline"],
            is_all_or_nothing=promised["is_all_or_nothing"],
        )
    ]
    assert tuple(blank.terms()) == (
        asset,
        charity_id,
        promised["deadline"],
        promised["is_all_or_nothing"],
        promised["royalty"],
        len(promised["tiers"]),
        len(promised["milestones"]),
        sum(share << 16 * stage for stage, share in enumerate(promised["milestones"])),
    )
    assert (blank.name(), blank.symbol()) == (promised["name"], promised["symbol"])
    assert blank.contractURI() == promised["uri"]
    assert (blank.goal(), blank.creator()) == (promised["goal"], world.creator)
    tiers = [*promised["tiers"], *[(0, 0, "")] * 8][:8]
    assert [tuple(blank.tier(number)) for number in range(8)] == tiers
    assert [blank.sold(number) for number in range(8)] == [0] * 8
    assert status(blank) == stands(OPEN)
    assert blank.liability() == 0


def test_only_the_factory_opens(world, blank):
    for sender in (world.creator, world.payee, world.timelock, world.stranger, world.factory):
        with boa.reverts("campaign: not the factory"):
            blank.initialise(
                1, world.creator, world.terms(), sender=getattr(sender, "address", sender)
            )


def test_a_campaign_is_opened_once(world, factory, blank):
    initialise(blank, world.terms())
    with boa.reverts("campaign: opened already"):
        initialise(blank, world.terms())
    campaign = world.open()
    for sender, reason in [(world.creator, "not the factory"), (factory.address, "opened already")]:
        with boa.reverts(f"campaign: {reason}"):
            campaign.initialise(1, world.creator, world.terms(), sender=sender)


def test_the_implementation_itself_is_never_open(world, backers):
    """Nobody can put money into the code that all campaigns share."""
    one = world.implementation
    with boa.reverts("campaign: not the factory"):
        one.initialise(1, world.creator, world.terms(), sender=world.creator)
    with boa.reverts("campaign: not open"):
        one.pledge_native(0, MEMO, value=1, sender=backers[0])
    with boa.reverts("campaign: in the native coin"):
        one.pledge_token(0, 1, MEMO, sender=backers[0])
    with boa.reverts("campaign: not open"):
        one.finalise()
    with boa.reverts("campaign: not open"):
        one.cancel(sender=world.creator)
    with boa.reverts("campaign: no refund now"):
        one.refund_for(backers[0])
    with boa.reverts("campaign: nothing to claim"):
        one.claim()


# --- pledges --------------------------------------------------------------------------------------


@KINDS
def test_a_pledge_is_kept_and_owed_and_gets_its_token(world, token, backers, kind):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset)
    first, second = backers[:2]
    token.mint(first, 10**6)
    token.mint(second, 10**6)
    raised = 0
    rows = [(first, 0, 100), (second, 1, 777), (first, 1, 500), (first, 0, 101)]
    for number, (backer, tier, amount) in enumerate(rows, 1):
        token.approve(campaign, amount, sender=backer)
        with moves([COIN, token], [campaign, *backers, *world.accounts]) as moved:
            if kind == "coin":
                token_id = campaign.pledge_native(tier, MEMO, value=amount, sender=backer)
            else:
                token_id = campaign.pledge_token(tier, amount, MEMO, sender=backer)
            logs = of(campaign)
        assert token_id == number
        assert logs == minted(campaign, backer, number, tier, amount)
        assert moved == change((asset, backer, -amount), (asset, campaign, amount))
        raised += amount
        assert status(campaign) == stands(OPEN, raised=raised)
        assert campaign.liability() == raised
        assert campaign.ownerOf(number) == backer
        assert campaign.tier_of(number) == tier
        assert campaign.locked(number)
    assert [campaign.contribution(backer) for backer in backers] == [701, 777, 0, 0]
    assert [campaign.balanceOf(backer) for backer in backers] == [3, 1, 0, 0]
    assert [campaign.sold(tier) for tier in range(3)] == [2, 2, 0]
    assert [campaign.refundable(backer) for backer in backers] == [0, 0, 0, 0]


@KINDS
def test_a_pledge_below_the_price_is_refused(world, backers, kind):
    campaign = world.open(asset=asset_of(world, kind))
    for tier, price in [(0, 100), (1, 500)]:
        for amount in (0, 1, price - 1):
            with refused(world, campaign, "campaign: below the price"):
                pledge_blindly(campaign, backers[0], amount, tier)
        pledge(world, campaign, backers[0], price, tier)
        pledge(world, campaign, backers[0], price + 1, tier)


def pledge_blindly(campaign, backer, amount=100, tier=0):
    """As a wallet would that does not look: no allowance, no money made for it."""
    if str(campaign.terms().asset) == COIN:
        return campaign.pledge_native(tier, MEMO, value=amount, sender=backer)
    return campaign.pledge_token(tier, amount, MEMO, sender=backer)


@KINDS
@pytest.mark.parametrize("tier", [2, 7, 8, 2**255, 2**256 - 1])
def test_an_unknown_tier_is_refused(world, backers, kind, tier):
    campaign = world.open(asset=asset_of(world, kind))
    with refused(world, campaign, "campaign: unknown tier"):
        pledge_blindly(campaign, backers[0], 100, tier)


@KINDS
def test_a_tier_sells_exactly_its_supply(world, backers, kind):
    campaign = world.open(asset=asset_of(world, kind), tiers=[(100, 2), (100, 1)])
    for _ in range(2):
        pledge(world, campaign, backers[0])
    with refused(world, campaign, "campaign: tier is sold out"):
        pledge_blindly(campaign, backers[1])
    assert campaign.sold(0) == 2
    pledge(world, campaign, backers[1], tier=1)
    with refused(world, campaign, "campaign: tier is sold out"):
        pledge_blindly(campaign, backers[1], tier=1)


@KINDS
@pytest.mark.parametrize("from_deadline", [-1, 0, 1])
def test_pledges_end_at_the_deadline(world, backers, kind, from_deadline):
    campaign = world.open(asset=asset_of(world, kind))
    boa.env.timestamp = deadline(campaign) + from_deadline
    if from_deadline < 0:
        pledge(world, campaign, backers[0])
        return
    with refused(world, campaign, "campaign: deadline has passed"):
        pledge_blindly(campaign, backers[0])


@KINDS
@pytest.mark.parametrize("state", [FAILED, SUCCEEDED, STAGED, REJECTED])
def test_nothing_is_pledged_once_it_is_decided(world, backers, kind, state):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset, strict=False, milestones=[1] if state > 3 else [])
    pledge(world, campaign, backers[0])
    if state == FAILED:
        fail(world, campaign)
    else:
        boa.env.timestamp = deadline(campaign)
        campaign.finalise()
        if state == REJECTED:
            campaign.cancel(sender=world.payee)
    assert campaign.status().state == state
    with refused(world, campaign, "campaign: not open"):
        pledge_blindly(campaign, backers[1])


def test_each_door_is_for_its_money(world, token, backers):
    backer = backers[0]
    native, other = world.open(asset=COIN), world.open()
    token.mint(backer, 500)
    token.approve(native, 500, sender=backer)
    with refused(world, native, "campaign: in the native coin"):
        native.pledge_token(0, 100, MEMO, sender=backer)
    with refused(world, native, "campaign: in the native coin"):
        native.pledge_token_with_permit(0, 100, MEMO, *NO_SIGNATURE, sender=backer)
    for value in (0, 100):
        with refused(world, other, "campaign: not in the native coin"):
            other.pledge_native(0, MEMO, value=value, sender=backer)


def test_coin_outside_of_a_pledge_is_refused(world, backers):
    for campaign in (world.open(asset=COIN), world.open()):
        assert send(campaign, 100, sender=backers[0]) is not None
        assert send(campaign, 0, sender=backers[0]) is not None
        call = campaign.pledge_token.prepare_calldata(0, 100, MEMO)
        assert send(campaign, 100, sender=backers[0], data=call) is not None
        assert balance(COIN, campaign) == 0


@KINDS
@pytest.mark.parametrize("state", ["suspended", "expired", "revoked", "retired"])
def test_a_charity_that_may_not_receive_gets_no_pledge(world, backers, kind, state):
    campaign = world.open(asset=asset_of(world, kind), days=500)
    pledge(world, campaign, backers[0])
    if state == "suspended":
        world.suspend(1)
    elif state == "expired":
        boa.env.timestamp = world.registry.charity(1).expiry
    elif state == "revoked":
        world.revoke(1)
    else:
        world.registry.retire(1, MEMO, sender=world.payee)
    shown = "revoked" if state == "retired" else state
    with refused(world, campaign, f"registry: charity is {shown}", backers):
        pledge_blindly(campaign, backers[0])
    if state == "suspended":
        boa.env.time_travel(seconds=30 * DAY)
        pledge(world, campaign, backers[0])


@KINDS
def test_a_stop_and_an_unlisting_stop_pledges_and_nothing_else(world, token, backers, kind):
    campaign = world.open(asset=asset_of(world, kind))
    pledge(world, campaign, backers[0])
    world.factory.stop_entries(sender=world.guardian)
    until = boa.env.timestamp + 7 * DAY
    for second, is_stopped in [(until - 1, True), (until, False), (until + 1, False)]:
        boa.env.timestamp = second
        if is_stopped:
            with refused(world, campaign, "campaigns: pledges are stopped"):
                pledge_blindly(campaign, backers[0])
        else:
            pledge(world, campaign, backers[0])
    if kind == "token":
        world.factory.unlist_asset(token, sender=world.timelock)
        with refused(world, campaign, "campaigns: asset is not listed"):
            pledge_blindly(campaign, backers[0])
    fail(world, campaign)
    assert campaign.refund_for(backers[0]) == 300


def test_an_exit_needs_neither_listing_nor_leave(world, token, backers):
    failed, paid = world.open(), world.open(goal=100)
    for campaign in (failed, paid):
        pledge(world, campaign, backers[0])
    succeed(world, paid)
    failed.finalise()
    world.factory.unlist_asset(token, sender=world.timelock)
    world.factory.stop_entries(sender=world.guardian)
    world.suspend(1)
    assert failed.refund_for(backers[0]) == 100
    assert paid.claim() == 100


@KINDS
def test_the_payee_does_not_pledge_to_itself(world, backers, kind):
    campaign = world.open(asset=asset_of(world, kind))
    with refused(world, campaign, "campaign: backer is the payee"):
        pledge_blindly(campaign, world.payee)
    pledge(world, campaign, world.creator)
    # who is payee is what the registry says at the pledge
    pledge(world, campaign, backers[0])
    world.registry.propose_payee(1, backers[0], sender=world.payee)
    boa.env.time_travel(seconds=2 * DAY)
    world.registry.accept_payee(1, sender=backers[0])
    with refused(world, campaign, "campaign: backer is the payee"):
        pledge_blindly(campaign, backers[0])
    pledge(world, campaign, world.payee)


@KINDS
def test_one_backer_pledges_64_times_and_is_paid_back_at_once(world, backers, kind):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset, tiers=[(1, 100)])
    for number in range(1, MAX_PLEDGES + 1):
        assert pledge(world, campaign, backers[0], number) == number
    with refused(world, campaign, "campaign: too many pledges by one backer"):
        pledge_blindly(campaign, backers[0], 1)
    pledge(world, campaign, backers[1], 1)
    fail(world, campaign)
    total = sum(range(1, MAX_PLEDGES + 1))
    with moves([asset], [campaign, *backers]) as moved:
        assert campaign.refund_for(backers[0], gas=1_000_000) == total
        logs = of(campaign)
    assert logs == [
        *burnt(campaign, backers[0], *range(MAX_PLEDGES, 0, -1)),
        entry(campaign, "Refunded", backer=backers[0], receiver=backers[0], amount=total),
    ]
    assert moved == change((asset, campaign, -total), (asset, backers[0], total))
    assert campaign.balanceOf(backers[0]) == 0
    for number in range(1, MAX_PLEDGES + 1):
        with boa.reverts("campaign: no such token"):
            campaign.ownerOf(number)
    assert campaign.ownerOf(MAX_PLEDGES + 1) == backers[1]


@KINDS
def test_more_than_can_be_written_down_is_refused(world, backers, kind):
    """Sums are kept in 128 bits, whoever has how much."""
    campaign = world.open(asset=asset_of(world, kind), strict=False, tiers=[(1, 10)])
    rich = backers[0]
    boa.env.set_balance(rich, 2**200)
    pledge(world, campaign, rich, MAX_RAISED - 5)
    for amount in (6, 2**128 - 1, 2**128, 2**160):
        with refused(world, campaign, "campaign: too much"):
            pledge_blindly(campaign, rich, amount)
    pledge(world, campaign, rich, 5)
    with refused(world, campaign, "campaign: too much"):
        pledge_blindly(campaign, rich, 1)
    assert status(campaign) == stands(OPEN, raised=MAX_RAISED)
    assert campaign.contribution(rich) == MAX_RAISED
    assert (campaign.sold(0), campaign.balanceOf(rich)) == (2, 2)
    with boa.env.anchor():
        fail(world, campaign)
        assert campaign.refund_for(rich) == MAX_RAISED
    succeed(world, campaign)
    assert campaign.claim() == MAX_RAISED


def test_the_last_token_number_is_the_last(world, backers):
    campaign = world.open(asset=COIN, tiers=[(1, MAX_SUPPLY), (1, MAX_SUPPLY)])
    set_storage(campaign, "_totals", (2**32 - 2) << 128 | 1 << 160)
    assert pledge(world, campaign, backers[0], 7) == 2**32 - 1
    assert status(campaign) == stands(OPEN, raised=7)
    with refused(world, campaign, "campaign: too many tokens"):
        pledge_blindly(campaign, backers[0], 7)
    assert campaign.ownerOf(2**32 - 1) == backers[0]
    fail(world, campaign)
    campaign.refund_for(backers[0])
    assert campaign.balanceOf(backers[0]) == 0


def test_words_are_packed_as_the_source_says(world, backers):
    """Raw storage after a life of each part; a field moved by a bit would show here."""
    campaign = world.open(
        royalty=777, strict=False, tiers=[(100, 9), (500, 3)], milestones=[2_500, 5_000, 1_000]
    )
    first, second = backers[:2]
    pledge(world, campaign, first, 200)
    pledge(world, campaign, second, 500, 1)
    pledge(world, campaign, first, 300)

    def word(variable, *keys):
        slot = getattr(campaign._storage, variable).slot
        for key in keys:
            slot = int.from_bytes(keccak(slot.to_bytes(32, "big") + key.to_bytes(32, "big")), "big")
        return boa.env.get_storage(campaign.address, slot)

    one, two = int(first, 16), int(second, 16)
    assert word("_terms") == (
        int(world.token.address, 16)
        | 1 << 160
        | deadline(campaign) << 192
        | 777 << 232
        | 0 << 246
        | 3 << 247
    )
    assert word("_milestones") == 2_500 | 5_000 << 16 | 1_000 << 32
    assert word("_totals") == 1_000 | 3 << 128 | 1 << 160
    tiers = campaign._storage._tiers.slot
    assert boa.env.get_storage(campaign.address, tiers) == 100 | 9 << 128 | 2 << 160
    assert boa.env.get_storage(campaign.address, tiers + 1) == 500 | 3 << 128 | 1 << 160
    assert word("_backers", one) == 500 | 2 << 128 | 3 << 160
    assert word("_backers", two) == 500 | 1 << 128 | 2 << 160
    assert word("_tokens", 1) == one | 0 << 160
    assert word("_tokens", 2) == two | 1 << 160
    assert word("_tokens", 3) == one | 0 << 160 | 1 << 168
    began_at = boa.env.timestamp = deadline(campaign)
    campaign.finalise()
    assert word("_totals") == 1_000 | 3 << 128 | 4 << 160
    assert (word("_goal"), word("_stage")) == (1_000, began_at << 8 | 150 << 88)
    campaign.claim()
    assert word("_goal") == 1_000 | 150 << 128
    boa.env.timestamp += 5
    campaign.report(MEMO, "", sender=world.creator)
    assert word("_stage") == began_at << 8 | (began_at + 5) << 48 | 150 << 88
    campaign.vote(True, sender=first)
    campaign.vote(False, sender=second)
    assert word("_votes", 0) == 500 | 500 << 128
    assert word("_backers", two) == 500 | 1 << 128 | 2 << 160 | 1 << 192
    boa.env.timestamp += 14 * DAY
    campaign.settle()
    assert word("_stage") == 1 | boa.env.timestamp << 8 | 400 << 88
    campaign.cancel(sender=world.payee)
    campaign.refund_for(second)
    assert word("_refunds") == 300 | 500 << 128
    assert word("_backers", two) == 1 << 128 | 2 << 160 | 1 << 192


# --- permits --------------------------------------------------------------------------------------


@pytest.fixture
def unallowed(world):
    """A backer with tokens who has allowed nothing."""
    backer = roles.address("permitting backer")
    world.token.mint(backer, 10**6)
    return backer


def permit(world, campaign, amount, until=2**255, **forged):
    return roles.sign_permit(world.token, "permitting backer", campaign, amount, until, **forged)


@pytest.mark.parametrize("is_front_run", [False, True])
def test_a_permit_replaces_the_allowance(world, token, unallowed, is_front_run):
    campaign = world.open()
    signed = permit(world, campaign, 123)
    if is_front_run:
        token.permit(*signed.arguments, sender=world.stranger)
    with moves([COIN, token], [campaign, unallowed, *world.accounts]) as moved:
        number = campaign.pledge_token_with_permit(
            0, 123, MEMO, *signed.signature, sender=unallowed
        )
        logs = of(campaign)
    assert number == 1
    assert logs == minted(campaign, unallowed, 1, 0, 123)
    assert moved == change((token, unallowed, -123), (token, campaign, 123))
    assert token.allowance(unallowed, campaign) == 0


@pytest.mark.parametrize(
    "fault", ["expired", "replayed", "of another", "for less", "for the factory", "nonsense"]
)
def test_a_bad_permit_pledges_nothing(world, unallowed, fault):
    campaign = world.open()
    signature = {
        "expired": lambda: permit(world, campaign, 100, boa.env.timestamp - 1).signature,
        "replayed": lambda: permit(world, campaign, 100).signature,
        "of another": lambda: permit(world, campaign, 100, owner=world.stranger).signature,
        "for less": lambda: permit(world, campaign, 99).signature,
        "for the factory": lambda: permit(world, world.factory, 100).signature,
        "nonsense": lambda: NO_SIGNATURE,
    }[fault]()
    if fault == "replayed":
        campaign.pledge_token_with_permit(0, 100, MEMO, *signature, sender=unallowed)
    with refused(world, campaign, "erc20: allowance too low", [unallowed]):
        campaign.pledge_token_with_permit(0, 100, MEMO, *signature, sender=unallowed)


def test_a_bad_permit_does_no_harm_where_the_allowance_is_there(world, token, unallowed):
    campaign = world.open()
    token.approve(campaign, 100, sender=unallowed)
    campaign.pledge_token_with_permit(0, 100, MEMO, *NO_SIGNATURE, sender=unallowed)
    assert campaign.contribution(unallowed) == 100


# --- tokens that are not as they should be --------------------------------------------------------


def listed(world, odd, *holders):
    """List a token by the timelock; the holders have a million of it."""
    world.factory.list_asset(odd, sender=world.timelock)
    for holder in holders:
        odd.mint(holder, 10**6)
    return odd


def with_odd(world, backers, traits=0, **terms):
    odd = listed(
        world, deployers.STRANGE_TOKEN.deploy(6, traits, override_address=new_place()), *backers
    )
    campaign = world.open(asset=odd, **terms)
    for backer in backers:
        odd.approve(campaign, 10**6, sender=backer)
    return odd, campaign


def test_a_token_that_takes_a_fee_is_refused(world, backers):
    _, campaign = with_odd(world, backers, 16, tiers=[(99, 5)])
    with refused(world, campaign, "campaign: the asset took a fee"):
        campaign.pledge_token(0, 100, MEMO, sender=backers[0])
    # a fee of 1 % on 99 rounds to nothing
    campaign.pledge_token(0, 99, MEMO, sender=backers[0])


def test_a_token_that_gives_more_is_refused_too(world, backers):
    """A pledge is what came, to the unit: also a hook that sends along is found out."""
    odd = listed(world, deployers.ODD_TOKEN.deploy(6, override_address=new_place()), backers[0])
    campaign = world.open(asset=odd)
    odd.approve(campaign, 1_000, sender=backers[0])
    odd.set_call(odd, odd.mint.prepare_calldata(campaign, 1))
    with refused(world, campaign, "campaign: the asset took a fee"):
        campaign.pledge_token(0, 100, MEMO, sender=backers[0])


@pytest.mark.parametrize("is_short", [False, True])
def test_a_pledge_does_not_make_good_what_was_lost_before(world, backers, is_short):
    odd = listed(world, deployers.ODD_TOKEN.deploy(6, override_address=new_place()), *backers)
    campaign = world.open(asset=odd)
    for backer in backers:
        odd.approve(campaign, 1_000, sender=backer)
    campaign.pledge_token(0, 100, MEMO, sender=backers[0])
    odd.mint(campaign, 3)
    odd.seize(campaign, 4 if is_short else 3)
    if is_short:
        with refused(world, campaign, "campaign: the asset is short"):
            campaign.pledge_token(0, 100, MEMO, sender=backers[1])
        odd.mint(campaign, 1)
    campaign.pledge_token(0, 100, MEMO, sender=backers[1])
    assert campaign.liability() == 200


def test_a_token_that_shrinks_takes_no_more_pledges(world, backers):
    odd, campaign = with_odd(world, backers)
    campaign.pledge_token(0, 100, MEMO, sender=backers[0])
    odd.rebase(10**18 * 99 // 100)
    with refused(world, campaign, "campaign: the asset is short"):
        campaign.pledge_token(0, 100, MEMO, sender=backers[1])
    odd.rebase(10**18)
    campaign.pledge_token(0, 100, MEMO, sender=backers[1])


def test_a_token_that_answers_no_is_refused(world, backers):
    odd, campaign = with_odd(world, backers, 1)
    odd.approve(campaign, 0, sender=backers[0])
    with refused(world, campaign, "transfers: token refused"):
        campaign.pledge_token(0, 100, MEMO, sender=backers[0])


def test_more_than_the_backer_allowed_or_has_is_refused(world, token, backers):
    campaign = world.open()
    token.mint(backers[0], 100)
    token.approve(campaign, 100, sender=backers[0])
    with refused(world, campaign, "erc20: allowance too low"):
        campaign.pledge_token(0, 101, MEMO, sender=backers[0])
    token.approve(campaign, 2**256 - 1, sender=backers[0])
    with refused(world, campaign, "erc20: balance too low"):
        campaign.pledge_token(0, 101, MEMO, sender=backers[0])


def test_a_token_without_return_values_goes_in_and_out(world, backers):
    usdt = listed(world, deployers.USDT_TOKEN.deploy(override_address=new_place()), *backers)
    failed, paid = world.open(asset=usdt), world.open(asset=usdt, goal=100)
    for campaign in (failed, paid):
        for backer in backers[:2]:
            usdt.approve(campaign, 100, sender=backer)
            campaign.pledge_token(0, 100, MEMO, sender=backer)
    succeed(world, paid)
    failed.finalise()
    assert failed.refund_for(backers[0]) == 100
    assert failed.refund_many([backers[1]]) == 100
    assert paid.claim() == 200
    assert [usdt.balanceOf(party) for party in (failed, paid, world.payee)] == [0, 0, 200]


@pytest.mark.parametrize("traits", [0, 1, 2, 3])
def test_a_backer_blocked_by_the_token_disturbs_nobody(world, backers, traits):
    odd, campaign = with_odd(world, backers, traits)
    for backer in backers:
        campaign.pledge_token(0, 100, MEMO, sender=backer)
    fail(world, campaign)
    odd.set_blocked(backers[1], True)
    reason = "transfers: token refused" if traits & 1 else "strange: blocked"
    with refused(world, campaign, reason, backers):
        campaign.refund_for(backers[1])
    assert campaign.refund_many(backers[:3]) == 200
    logs = of(campaign)
    assert logs == [
        *burnt(campaign, backers[0], 1),
        entry(campaign, "Refunded", backer=backers[0], receiver=backers[0], amount=100),
        entry(campaign, "RefundFailed", backer=backers[1], amount=100),
        *burnt(campaign, backers[2], 3),
        entry(campaign, "Refunded", backer=backers[2], receiver=backers[2], amount=100),
    ]
    assert campaign.refundable(backers[1]) == campaign.contribution(backers[1]) == 100
    assert campaign.ownerOf(2) == backers[1]
    assert campaign.liability() == 200
    # elsewhere by itself
    receiver = place("safe")
    assert campaign.refund_to(receiver, sender=backers[1]) == 100
    assert odd.balanceOf(receiver) == 100
    campaign.refund_for(backers[3])
    assert (campaign.liability(), odd.balanceOf(campaign)) == (0, 0)


# --- the decision ---------------------------------------------------------------------------------

OUTCOMES = [
    # all or nothing, raised, milestones, outcome (the goal is 1,000)
    (True, 0, [], FAILED),
    (True, 999, [], FAILED),
    (True, 1_000, [], SUCCEEDED),
    (True, 1_001, [], SUCCEEDED),
    (False, 0, [], FAILED),
    (False, 1, [], SUCCEEDED),
    (False, 2_000, [], SUCCEEDED),
    (True, 999, [1], FAILED),
    (True, 1_000, [1], STAGED),
    (False, 0, [1], FAILED),
    (False, 1, [10_000], STAGED),
]


@KINDS
@pytest.mark.parametrize("strict, raised, milestones, outcome", OUTCOMES)
def test_the_goal_decides_at_the_deadline(
    world, backers, kind, strict, raised, milestones, outcome
):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset, strict=strict, milestones=milestones, tiers=[(1, 5)])
    if raised:
        pledge(world, campaign, backers[0], raised)
    boa.env.timestamp = deadline(campaign)
    assert campaign.finalise(sender=world.stranger) == outcome
    # titanoboa renames fields that begin with an underscore
    changed = entry(campaign, "BatchMetadataUpdate", _1=1, _2=1)
    assert of(campaign) == [
        entry(campaign, "Finalised", outcome=outcome, raised=raised),
        *([changed] if outcome == SUCCEEDED else []),
    ]
    released, began_at = 0, 0
    if outcome == SUCCEEDED:
        released = raised
    elif outcome == STAGED:
        released = raised * (10_000 - sum(milestones)) // 10_000
        began_at = boa.env.timestamp
    assert status(campaign) == stands(
        outcome, raised=raised, released=released, stage_began_at=began_at
    )
    assert campaign.liability() == raised
    with refused(world, campaign, "campaign: not open"):
        campaign.finalise()


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("raised", [0, 100, 1_000])
@pytest.mark.parametrize("from_deadline", [-1, 0, 1])
def test_nothing_is_decided_before_the_deadline(world, backers, strict, raised, from_deadline):
    campaign = world.open(strict=strict, tiers=[(100, 50)])
    if raised:
        pledge(world, campaign, backers[0], raised)
    boa.env.timestamp = deadline(campaign) + from_deadline
    if from_deadline < 0:
        with refused(world, campaign, "campaign: still open"):
            campaign.finalise()
        return
    is_reached = raised == 1_000 or (raised and not strict)
    assert campaign.finalise() == (SUCCEEDED if is_reached else FAILED)


@pytest.mark.parametrize("from_end", [-1, 0, 1])
def test_a_suspended_charity_waits_for_its_success(world, backers, from_end):
    campaign = world.open(goal=100)
    pledge(world, campaign, backers[0])
    boa.env.timestamp = deadline(campaign) - 1
    world.suspend(1)
    with refused(world, campaign, "campaign: still open"):
        campaign.finalise()
    ends_at = boa.env.timestamp + 30 * DAY
    boa.env.timestamp = deadline(campaign)
    with refused(world, campaign, "campaign: charity is suspended"):
        campaign.finalise()
    boa.env.timestamp = ends_at + from_end
    if from_end < 0:
        with refused(world, campaign, "campaign: charity is suspended"):
            campaign.finalise()
        return
    assert campaign.finalise() == SUCCEEDED


@pytest.mark.parametrize("raised", [0, 99])
def test_a_suspension_does_not_hold_up_a_failure(world, backers, raised):
    campaign = world.open(goal=100, tiers=[(99, 1)])
    if raised:
        pledge(world, campaign, backers[0], raised)
    boa.env.timestamp = deadline(campaign)
    world.suspend(1)
    assert campaign.finalise() == FAILED


@pytest.mark.parametrize("how", ["revoked", "retired"])
@pytest.mark.parametrize("when", ["at once", "before the deadline", "after it"])
@pytest.mark.parametrize("milestones", [[], [10_000]])
def test_a_revoked_charity_fails_the_campaign_at_any_time(world, backers, how, when, milestones):
    campaign = world.open(goal=100, milestones=milestones)
    pledge(world, campaign, backers[0])
    if when != "at once":
        boa.env.timestamp = deadline(campaign) + (-1 if when == "before the deadline" else 1)
    if how == "revoked":
        world.revoke(1)
    else:
        world.registry.retire(1, MEMO, sender=world.payee)
    assert campaign.finalise() == FAILED
    assert of(campaign) == [entry(campaign, "Finalised", outcome=FAILED, raised=100)]
    assert status(campaign) == stands(FAILED, raised=100)
    assert campaign.refund_for(backers[0]) == 100


def test_a_charity_that_has_expired_is_still_paid(world, backers):
    campaign = world.open(goal=100, days=400)
    pledge(world, campaign, backers[0])
    boa.env.timestamp = deadline(campaign)
    assert world.registry.status(1) == 4
    assert campaign.finalise() == SUCCEEDED
    assert campaign.claim() == 100


@KINDS
def test_a_later_revocation_changes_nothing(world, backers, kind):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset, goal=100)
    pledge(world, campaign, backers[0])
    succeed(world, campaign)
    world.revoke(1)
    with moves([asset], [campaign, world.payee]) as moved:
        assert campaign.claim() == 100
    assert moved == change((asset, campaign, -100), (asset, world.payee, 100))


# --- cancelling -----------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("who", ["creator", "payee"])
@pytest.mark.parametrize("raised", [0, 100, 5_000])
def test_creator_and_payee_cancel_and_all_are_paid_back(world, backers, kind, who, raised):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset)
    if raised:
        pledge(world, campaign, backers[0], raised)
    boa.env.timestamp = deadline(campaign) - 1
    campaign.cancel(sender=getattr(world, who))
    assert of(campaign) == [
        entry(campaign, "Cancelled", cancelled_by=getattr(world, who)),
        entry(campaign, "Finalised", outcome=FAILED, raised=raised),
    ]
    assert status(campaign) == stands(FAILED, raised=raised)
    if raised:
        assert campaign.refund_for(backers[0]) == raised
    for sender in (world.creator, world.payee):
        with refused(world, campaign, "campaign: not open"):
            campaign.cancel(sender=sender)


@pytest.mark.parametrize("caller", ["stranger", "guardian", "timelock", "registrar", "backer"])
def test_nobody_else_cancels(world, backers, caller):
    campaign = world.open(goal=100)
    pledge(world, campaign, backers[0])
    sender = backers[0] if caller == "backer" else getattr(world, caller)
    with refused(world, campaign, "campaign: not the creator or the payee"):
        campaign.cancel(sender=sender)


@pytest.mark.parametrize("from_deadline", [0, 1])
@pytest.mark.parametrize("who", ["creator", "payee"])
def test_nothing_is_cancelled_after_the_deadline(world, backers, who, from_deadline):
    campaign = world.open(goal=100)
    pledge(world, campaign, backers[0])
    boa.env.timestamp = deadline(campaign) + from_deadline
    with refused(world, campaign, "campaign: deadline has passed"):
        campaign.cancel(sender=getattr(world, who))


def test_the_new_payee_cancels_and_the_old_one_does_not(world, backers):
    campaign = world.open()
    new = backers[3]
    world.registry.propose_payee(1, new, sender=world.payee)
    boa.env.time_travel(seconds=2 * DAY)
    world.registry.accept_payee(1, sender=new)
    with refused(world, campaign, "campaign: not the creator or the payee"):
        campaign.cancel(sender=world.payee)
    campaign.cancel(sender=new)


# --- refunds after a failure ----------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("how", FAILING)
def test_a_stranger_refunds_and_the_backer_alone_is_paid(world, token, backers, kind, how):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset, goal=10**6)
    first, second = backers[:2]
    pledge(world, campaign, first, 100)
    pledge(world, campaign, second, 555, 1)
    pledge(world, campaign, first, 123)
    fail(world, campaign, how)
    assert [campaign.refundable(backer) for backer in backers] == [223, 555, 0, 0]
    with moves([COIN, token], [campaign, *backers, *world.accounts]) as moved:
        assert campaign.refund_for(first, sender=world.stranger) == 223
        logs = of(campaign)
    assert logs == [
        *burnt(campaign, first, 3, 1),
        entry(campaign, "Refunded", backer=first, receiver=first, amount=223),
    ]
    assert moved == change((asset, campaign, -223), (asset, first, 223))
    assert status(campaign) == stands(FAILED, raised=778, refunded=223)
    assert campaign.liability() == 555
    assert (campaign.contribution(first), campaign.refundable(first)) == (0, 0)
    assert (campaign.balanceOf(first), campaign.balanceOf(second)) == (0, 1)
    for number in (1, 3):
        for view in (campaign.ownerOf, campaign.tokenURI, campaign.tier_of, campaign.locked):
            with boa.reverts("campaign: no such token"):
                view(number)
    assert campaign.sold(0) == 2
    with refused(world, campaign, "campaign: nothing to refund", backers):
        campaign.refund_for(first)
    with refused(world, campaign, "campaign: nothing to refund", backers):
        campaign.refund_to(place("elsewhere"), sender=first)
    assert campaign.refund_for(second) == 555
    assert (campaign.liability(), balance(asset, campaign)) == (0, 0)
    assert status(campaign) == stands(FAILED, raised=778, refunded=778)


@KINDS
def test_a_backer_takes_its_refund_elsewhere(world, token, backers, kind):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset)
    pledge(world, campaign, backers[0], 321)
    fail(world, campaign)
    receiver = place("elsewhere")
    with moves([COIN, token], [campaign, receiver, *backers, *world.accounts]) as moved:
        assert campaign.refund_to(receiver, sender=backers[0]) == 321
        logs = of(campaign)
    assert logs == [
        *burnt(campaign, backers[0], 1),
        entry(campaign, "Refunded", backer=backers[0], receiver=receiver, amount=321),
    ]
    assert moved == change((asset, campaign, -321), (asset, receiver, 321))


def test_a_receiver_from_whom_nothing_gets_out_is_refused(world, backers):
    campaign = world.open()
    pledge(world, campaign, backers[0])
    fail(world, campaign)
    with refused(world, campaign, "campaign: zero receiver", backers):
        campaign.refund_to(ZERO, sender=backers[0])
    with refused(world, campaign, "campaign: receiver is the campaign", backers):
        campaign.refund_to(campaign, sender=backers[0])


@pytest.mark.parametrize("caller", ["creator", "payee", "timelock", "guardian", "stranger"])
def test_nobody_takes_what_others_pledged(world, backers, caller):
    campaign = world.open()
    pledge(world, campaign, backers[0])
    fail(world, campaign)
    with refused(world, campaign, "campaign: nothing to refund", backers):
        campaign.refund_to(getattr(world, caller), sender=getattr(world, caller))


@pytest.mark.parametrize("state", [OPEN, SUCCEEDED, STAGED])
def test_there_is_no_refund_in_other_states(world, backers, state):
    campaign = world.open(goal=100, milestones=[10_000] if state == STAGED else [])
    pledge(world, campaign, backers[0])
    if state != OPEN:
        boa.env.timestamp = deadline(campaign)
        assert campaign.finalise() == state
    assert campaign.refundable(backers[0]) == 0
    for backer in backers[:2]:
        with refused(world, campaign, "campaign: no refund now", backers):
            campaign.refund_for(backer)
        with refused(world, campaign, "campaign: no refund now", backers):
            campaign.refund_to(place("elsewhere"), sender=backer)
        with refused(world, campaign, "campaign: no refund now", backers):
            campaign.refund_many([backer])


@KINDS
def test_many_are_refunded_at_once(world, token, backers, kind):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset)
    for number, backer in enumerate(backers[:3]):
        pledge(world, campaign, backer, 100 + number)
    fail(world, campaign)
    first, second, third, none = backers
    with moves([COIN, token], [campaign, *backers, *world.accounts]) as moved:
        paid = campaign.refund_many([third, none, first, third], sender=world.stranger)
        logs = of(campaign)
    assert paid == 202
    assert logs == [
        *burnt(campaign, third, 3),
        entry(campaign, "Refunded", backer=third, receiver=third, amount=102),
        *burnt(campaign, first, 1),
        entry(campaign, "Refunded", backer=first, receiver=first, amount=100),
    ]
    assert moved == change((asset, campaign, -202), (asset, third, 102), (asset, first, 100))
    assert status(campaign) == stands(FAILED, raised=303, refunded=202)
    assert campaign.refund_many([]) == campaign.refund_many([first, none]) == 0
    assert of(campaign) == []
    assert campaign.refund_many([second]) == 101
    assert campaign.liability() == balance(asset, campaign) == 0


def test_thirty_two_are_refunded_in_one_call(world):
    campaign = world.open(asset=COIN, tiers=[(1, 100)])
    many = [place(f"one of many {number}") for number in range(33)]
    for number, backer in enumerate(many):
        boa.env.set_balance(backer, 100)
        pledge(world, campaign, backer, 1 + number)
    fail(world, campaign)
    with boa.reverts():
        campaign.refund_many(many)
    assert campaign.refund_many(many[:32]) == sum(range(1, 33))
    assert campaign.liability() == 33


# --- backers and payees that are not kind ---------------------------------------------------------

HOSTILE = {"reverting": REVERTING, "burning": BURNING, "talkative": REVERTING_MEGABYTE}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE)
def test_a_backer_that_refuses_the_coin_disturbs_nobody(world, backers, code):
    campaign = world.open(asset=COIN)
    hostile = place("hostile backer")
    boa.env.set_balance(hostile, 1_000)
    pledge(world, campaign, backers[0])
    pledge(world, campaign, hostile)
    pledge(world, campaign, backers[1])
    boa.env.set_code(hostile, code)
    fail(world, campaign)
    with refused(world, campaign, "transfers: receiver refused", [hostile, *backers]):
        campaign.refund_for(hostile, gas=3_000_000)
    with moves([COIN], [campaign, hostile, *backers]) as moved:
        paid = campaign.refund_many([hostile, backers[0], backers[1]], gas=600_000)
        logs = of(campaign)
    assert paid == 200
    assert logs[0] == entry(campaign, "RefundFailed", backer=hostile, amount=100)
    assert [log[1] for log in logs[1:]] == ["Transfer", "Refunded"] * 2
    assert moved == change((COIN, campaign, -200), (COIN, backers[0], 100), (COIN, backers[1], 100))
    assert status(campaign) == stands(FAILED, raised=300, refunded=200)
    assert campaign.refundable(hostile) == 100
    assert (campaign.ownerOf(2), campaign.balanceOf(hostile)) == (hostile, 1)
    assert campaign.refund_to(place("elsewhere"), sender=hostile) == 100
    assert campaign.liability() == 0


def test_too_little_gas_is_no_refusal(world, backers):
    """Else a stranger could have every refund noted as failed."""
    campaign = world.open(asset=COIN)
    pledge(world, campaign, backers[0])
    fail(world, campaign)
    with refused(world, campaign, "transfers: not enough gas", backers):
        campaign.refund_many([backers[0]], gas=130_000)
    assert campaign.refund_many([backers[0]], gas=250_000) == 100


@KINDS
def test_a_backer_without_a_receiver_gets_token_and_refund(world, backers, kind):
    """A contract that never heard of ERC-721: its mint asks it nothing."""
    campaign = world.open(asset=asset_of(world, kind), goal=100)
    backer = place("contract without a receiver")
    boa.env.set_code(backer, oddities.SILENT)
    boa.env.set_balance(backer, 1_000)
    assert pledge(world, campaign, backer) == 1
    with boa.env.anchor():
        fail(world, campaign)
        assert campaign.refund_for(backer) == 100
    succeed(world, campaign)
    campaign.transferFrom(backer, backers[0], 1, sender=backer)
    assert campaign.ownerOf(1) == backers[0]


def entering(campaign, me):
    """What an intruder in the middle of being paid or called could try."""
    other = place("accomplice")
    return {
        "refund_for": (campaign.refund_for, (me,), 0),
        "refund_to": (campaign.refund_to, (other,), 0),
        "refund_many": (campaign.refund_many, ([me],), 0),
        "pledge_native": (campaign.pledge_native, (0, MEMO), 100),
        "pledge_token": (campaign.pledge_token, (0, 100, MEMO), 0),
        "pledge_token_with_permit": (
            campaign.pledge_token_with_permit,
            (0, 100, MEMO, *NO_SIGNATURE),
            0,
        ),
        "finalise": (campaign.finalise, (), 0),
        "settle": (campaign.settle, (), 0),
        "claim": (campaign.claim, (), 0),
        "claim_to": (campaign.claim_to, (other,), 0),
        "sweep": (campaign.sweep, (campaign.terms().asset,), 0),
        "sweep coin": (campaign.sweep, (ZERO,), 0),
        "cancel": (campaign.cancel, (), 0),
        "report": (campaign.report, (MEMO, "x"), 0),
        "vote": (campaign.vote, (True,), 0),
        "transferFrom": (campaign.transferFrom, (me, other, 1), 0),
        "safeTransferFrom": (campaign.safeTransferFrom, (me, other, 1), 0),
        "approve": (campaign.approve, (other, 1), 0),
        "setApprovalForAll": (campaign.setApprovalForAll, (other, True), 0),
        "liability": (campaign.liability, (), 0),
        "status": (campaign.status, (), 0),
        "refundable": (campaign.refundable, (me,), 0),
    }


@pytest.fixture
def intruder():
    intruder = deployers.INTRUDER.deploy(override_address=new_place())
    boa.env.set_balance(intruder.address, 10**6)
    return intruder


def forward(intruder, function, *arguments, value=0):
    intruder.forward(function.contract, function.prepare_calldata(*arguments), value)


@pytest.mark.parametrize("how", ["refund_for", "refund_many", "refund_to"])
@KINDS
def test_coming_back_during_a_refund_gains_nothing(world, backers, intruder, kind, how):
    me = intruder.address
    if kind == "coin":
        asset, campaign = COIN, world.open(asset=COIN)
        forward(intruder, campaign.pledge_native, 0, MEMO, value=100)
        pledge(world, campaign, backers[0])
    else:
        asset, campaign = with_odd(world, [me, backers[0]])
        forward(intruder, campaign.pledge_token, 0, 100, MEMO)
        campaign.pledge_token(0, 100, MEMO, sender=backers[0])
        asset.set_hook(me, me)
    fail(world, campaign)
    for name, (inner, arguments, value) in entering(campaign, me).items():
        with boa.env.anchor():
            intruder.arm(campaign, inner.prepare_calldata(*arguments), value)
            before = balance(asset, me)
            if how == "refund_for":
                campaign.refund_for(me)
            elif how == "refund_many":
                campaign.refund_many([me])
            else:
                forward(intruder, campaign.refund_to, me)
            assert intruder.was_called(), name
            assert not intruder.has_succeeded(), f"{name}: not locked"
            assert balance(asset, me) == before + 100, name
            assert campaign.liability() == balance(asset, campaign) == 100, name
            assert campaign.refund_for(backers[0]) == 100


def test_all_functions_that_change_anything_are_tried_from_within(world):
    campaign = world.open()
    tried = {name.split(" ")[0] for name in entering(campaign, ZERO)}
    changing = {
        item["name"]
        for item in campaign.abi
        if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
    }
    assert changing - tried == {"initialise"}


def test_coming_back_during_a_pledge_or_a_claim_gains_nothing(world, backers, intruder):
    """The token calls its sender before it moves, and the payee as it is paid."""
    me = intruder.address
    asset, campaign = with_odd(world, [me, backers[0]], goal=100)
    campaign.pledge_token(0, 100, MEMO, sender=backers[0])
    asset.set_hook(me, me)
    for name, (inner, arguments, value) in entering(campaign, me).items():
        with boa.env.anchor():
            intruder.arm(campaign, inner.prepare_calldata(*arguments), value)
            forward(intruder, campaign.pledge_token, 0, 150, MEMO)
            assert intruder.was_called() and not intruder.has_succeeded(), f"{name}: not locked"
            assert campaign.liability() == balance(asset, campaign) == 250
            assert campaign.contribution(me) == 150
    world.registry.propose_payee(1, me, sender=world.payee)
    boa.env.time_travel(seconds=2 * DAY)
    forward(intruder, world.registry.accept_payee, 1)
    succeed(world, campaign)
    for name, (inner, arguments, value) in entering(campaign, me).items():
        with boa.env.anchor():
            intruder.arm(campaign, inner.prepare_calldata(*arguments), value)
            assert campaign.claim() == 100
            assert intruder.was_called() and not intruder.has_succeeded(), f"{name}: not locked"
            assert campaign.liability() == balance(asset, campaign) == 0


# --- claims ---------------------------------------------------------------------------------------


@KINDS
def test_a_claim_by_anybody_pays_the_payee(world, token, backers, kind):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset)
    pledge(world, campaign, backers[0], 1_234)
    with refused(world, campaign, "campaign: nothing to claim"):
        campaign.claim()
    succeed(world, campaign)
    with moves([COIN, token], [campaign, *backers, *world.accounts]) as moved:
        assert campaign.claim(sender=world.stranger) == 1_234
        logs = of(campaign)
    assert logs == [entry(campaign, "Claimed", charity_id=1, receiver=world.payee, amount=1_234)]
    assert moved == change((asset, campaign, -1_234), (asset, world.payee, 1_234))
    assert status(campaign) == stands(SUCCEEDED, raised=1_234, released=1_234, claimed=1_234)
    assert campaign.liability() == 0
    with refused(world, campaign, "campaign: nothing to claim"):
        campaign.claim()
    with refused(world, campaign, "campaign: nothing to claim"):
        campaign.claim_to(place("elsewhere"), sender=world.payee)


@KINDS
def test_the_payee_claims_to_another_address(world, token, backers, kind):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset)
    pledge(world, campaign, backers[0], 1_234)
    succeed(world, campaign)
    receiver = place("elsewhere")
    with moves([COIN, token], [campaign, receiver, *world.accounts]) as moved:
        assert campaign.claim_to(receiver, sender=world.payee) == 1_234
        logs = of(campaign)
    assert logs == [entry(campaign, "Claimed", charity_id=1, receiver=receiver, amount=1_234)]
    assert moved == change((asset, campaign, -1_234), (asset, receiver, 1_234))


@pytest.mark.parametrize("caller", ["creator", "stranger", "timelock", "guardian", "registrar"])
def test_nobody_else_chooses_where_the_money_goes(world, backers, caller):
    campaign = world.open(goal=100)
    pledge(world, campaign, backers[0])
    succeed(world, campaign)
    sender = getattr(world, caller)
    with refused(world, campaign, "campaign: not the charity's payee"):
        campaign.claim_to(sender, sender=sender)


def test_a_claim_goes_nowhere_it_could_not_come_back_from(world, backers):
    campaign = world.open(goal=100)
    pledge(world, campaign, backers[0])
    succeed(world, campaign)
    with refused(world, campaign, "campaign: zero receiver"):
        campaign.claim_to(ZERO, sender=world.payee)
    with refused(world, campaign, "campaign: receiver is the campaign"):
        campaign.claim_to(campaign, sender=world.payee)


@KINDS
def test_a_new_payee_gets_what_the_old_one_did_not_claim(world, backers, kind):
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset, goal=100)
    pledge(world, campaign, backers[0])
    new = backers[3]
    world.registry.propose_payee(1, new, sender=world.payee)
    succeed(world, campaign)
    world.registry.accept_payee(1, sender=new)
    with refused(world, campaign, "campaign: not the charity's payee"):
        campaign.claim_to(world.payee, sender=world.payee)
    with moves([asset], [campaign, world.payee, new]) as moved:
        campaign.claim()
    assert moved == change((asset, campaign, -100), (asset, new, 100))
    assert campaign.royaltyInfo(1, 10_000) == (new, 500)


def test_a_payee_that_refuses_the_coin_names_another(world, backers):
    campaign = world.open(asset=COIN, goal=100)
    pledge(world, campaign, backers[0])
    succeed(world, campaign)
    boa.env.set_code(world.payee, REVERTING)
    with refused(world, campaign, "transfers: receiver refused"):
        campaign.claim()
    assert campaign.claim_to(place("elsewhere"), sender=world.payee) == 100


def test_a_payee_blocked_by_the_token_names_another(world, backers):
    odd, campaign = with_odd(world, backers, 1, goal=100)
    campaign.pledge_token(0, 100, MEMO, sender=backers[0])
    succeed(world, campaign)
    odd.set_blocked(world.payee, True)
    with refused(world, campaign, "transfers: token refused"):
        campaign.claim()
    assert campaign.claim_to(place("elsewhere"), sender=world.payee) == 100


# --- what strayed here ----------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("state", [OPEN, FAILED, SUCCEEDED, STAGED, REJECTED])
def test_a_sweep_takes_what_nobody_is_owed(world, token, backers, kind, state):
    """Coin can be forced in, tokens sent: neither changes what anybody is owed."""
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset, strict=False, milestones=[9_000] if state > 3 else [])
    pledge(world, campaign, backers[0], 1_000)
    if state == FAILED:
        fail(world, campaign)
    elif state != OPEN:
        boa.env.timestamp = deadline(campaign)
        campaign.finalise()
        if state == REJECTED:
            campaign.cancel(sender=world.payee)
    assert campaign.status().state == state
    for swept in (COIN, token):
        with refused(world, campaign, "campaign: nothing to sweep"):
            campaign.sweep(swept)
    token.mint(campaign, 7)
    boa.env.set_balance(campaign.address, balance(COIN, campaign) + 9)
    before = status(campaign)
    for swept, amount in [(token, 7), (COIN, 9)]:
        with moves([COIN, token], [campaign, *backers, *world.accounts]) as moved:
            assert campaign.sweep(swept, sender=world.stranger) == amount
            logs = of(campaign)
        assert logs == [entry(campaign, "Swept", asset=swept, amount=amount)]
        assert moved == change((swept, campaign, -amount), (swept, world.reserve, amount))
        with refused(world, campaign, "campaign: nothing to sweep"):
            campaign.sweep(swept)
    assert status(campaign) == before
    assert balance(asset, campaign) == campaign.liability() == 1_000


@KINDS
def test_a_sweep_counts_what_was_paid(world, token, backers, kind):
    """After refunds and claims less is owed; surplus is what is above that, to the unit."""
    asset = asset_of(world, kind)
    campaign = world.open(asset=asset, strict=False, milestones=[5_000])
    pledge(world, campaign, backers[0], 1_000)
    pledge(world, campaign, backers[1], 600)
    boa.env.timestamp = deadline(campaign)
    campaign.finalise()
    campaign.claim()
    campaign.cancel(sender=world.payee)
    campaign.refund_for(backers[0])
    assert campaign.liability() == balance(asset, campaign) == 300
    with refused(world, campaign, "campaign: nothing to sweep"):
        campaign.sweep(asset)
    if kind == "token":
        token.mint(campaign, 1)
    else:
        boa.env.set_balance(campaign.address, 301)
    assert campaign.sweep(asset) == 1
    assert campaign.refund_for(backers[1]) == 300


def test_a_short_token_leaves_other_money_to_be_swept(world, token, backers):
    odd, campaign = with_odd(world, backers)
    campaign.pledge_token(0, 100, MEMO, sender=backers[0])
    odd.rebase(5 * 10**17)
    with refused(world, campaign, "campaign: nothing to sweep"):
        campaign.sweep(odd)
    token.mint(campaign, 3)
    assert campaign.sweep(token) == 3


def test_a_second_door_to_the_money_takes_nothing(world, backers):
    odd, campaign = with_odd(world, backers)
    door = deployers.TWO_DOORS.deploy(odd, override_address=new_place())
    campaign.pledge_token(0, 100, MEMO, sender=backers[0])
    with refused(world, campaign, "campaign: sweep would touch what is owed"):
        campaign.sweep(door)
    odd.mint(campaign, 5)
    with refused(world, campaign, "campaign: sweep would touch what is owed"):
        campaign.sweep(door)
    assert campaign.sweep(odd) == 5
    fail(world, campaign)
    assert campaign.refund_for(backers[0]) == 100
    odd.mint(campaign, 5)
    assert campaign.sweep(door) == 5
    assert odd.balanceOf(world.reserve) == 10


def test_a_sweep_is_refused_where_the_token_refuses(world, backers):
    odd, campaign = with_odd(world, backers, 1)
    odd.mint(campaign, 5)
    odd.set_blocked(world.reserve, True)
    with refused(world, campaign, "transfers: token refused"):
        campaign.sweep(odd)


# --- ERC-721 and its relatives --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interface_id", "is_known"),
    [
        ("01ffc9a7", True),  # ERC-165
        ("80ac58cd", True),  # ERC-721
        ("5b5e139f", True),  # ERC-721 metadata
        ("2a55205a", True),  # ERC-2981
        ("49064906", True),  # ERC-4906
        ("b45a3c0e", True),  # ERC-5192
        ("780e9d63", False),  # ERC-721 enumerable
        ("150b7a02", False),
        ("00000000", False),
        ("ffffffff", False),
    ],
)
def test_interfaces_are_told(world, interface_id, is_known):
    assert world.open().supportsInterface(bytes.fromhex(interface_id)) is is_known


def test_interface_ids_are_of_functions_that_are_there(world):
    """ERC-165: an id is the XOR of the selectors; ERC-4906 has an id by decree, and no function."""

    def selector(signature):
        return int.from_bytes(keccak(text=signature)[:4], "big")

    names = {
        0x80AC58CD: [
            "balanceOf(address)",
            "ownerOf(uint256)",
            "safeTransferFrom(address,address,uint256,bytes)",
            "safeTransferFrom(address,address,uint256)",
            "transferFrom(address,address,uint256)",
            "approve(address,uint256)",
            "setApprovalForAll(address,bool)",
            "getApproved(uint256)",
            "isApprovedForAll(address,address)",
        ],
        0x5B5E139F: ["name()", "symbol()", "tokenURI(uint256)"],
        0x2A55205A: ["royaltyInfo(uint256,uint256)"],
        0xB45A3C0E: ["locked(uint256)"],
        0x01FFC9A7: ["supportsInterface(bytes4)"],
    }
    there = {
        f"{item['name']}({','.join(field['type'] for field in item['inputs'])})"
        for item in world.implementation.abi
        if item["type"] == "function"
    }
    for interface_id, signatures in names.items():
        found = 0
        for signature in signatures:
            found ^= selector(signature)
            assert signature in there
        assert found == interface_id
    # ERC-7572 has no id
    assert "contractURI()" in there


@pytest.fixture
def sold(world, backers):
    """A campaign that succeeded: backer 0 has tokens 1 and 3, backer 1 has 2."""
    campaign = world.open(goal=100)
    for number in (0, 1, 0):
        pledge(world, campaign, backers[number])
    succeed(world, campaign)
    return campaign


def test_a_token_is_handed_on_once_it_is_unlocked(sold, backers):
    first, second, third, _ = backers
    sold.transferFrom(first, third, 1, sender=first)
    assert of(sold) == [entry(sold, "Transfer", sender=first, receiver=third, token_id=1)]
    assert [sold.ownerOf(number) for number in (1, 2, 3)] == [third, second, first]
    assert [sold.balanceOf(backer) for backer in backers] == [1, 1, 1, 0]
    assert sold.tier_of(1) == 0
    sold.transferFrom(third, first, 1, sender=third)
    assert [sold.balanceOf(backer) for backer in backers] == [2, 1, 0, 0]
    # to itself
    sold.transferFrom(first, first, 1, sender=first)
    assert (sold.ownerOf(1), sold.balanceOf(first)) == (first, 2)
    # what is recorded of backers stays: it is what they pledged
    assert sold.contribution(first) == 200


@pytest.mark.parametrize("state", [OPEN, FAILED, STAGED, REJECTED])
def test_a_token_does_not_move_while_a_refund_is_possible(world, backers, state):
    campaign = world.open(strict=False, milestones=[5_000] if state > 3 else [])
    first, second = backers[:2]
    pledge(world, campaign, first)
    pledge(world, campaign, second)
    if state == FAILED:
        fail(world, campaign)
    elif state != OPEN:
        boa.env.timestamp = deadline(campaign)
        campaign.finalise()
        if state == REJECTED:
            campaign.cancel(sender=world.payee)
    assert campaign.status().state == state
    campaign.approve(second, 1, sender=first)
    campaign.setApprovalForAll(second, True, sender=first)
    for sender in (first, second):
        for function in (campaign.transferFrom, campaign.safeTransferFrom):
            with refused(world, campaign, "campaign: token is locked", backers):
                function(first, backers[2], 1, sender=sender)
    assert campaign.locked(1)
    if state == REJECTED:
        # paid back, it keeps its token, which is free
        campaign.refund_for(first)
        assert of(campaign) == [
            entry(campaign, "Unlocked", tokenId=1),
            entry(campaign, "Refunded", backer=first, receiver=first, amount=50),
        ]
        assert (campaign.locked(1), campaign.locked(2)) == (False, True)
        campaign.transferFrom(first, backers[2], 1, sender=second)
        with refused(world, campaign, "campaign: token is locked", backers):
            campaign.transferFrom(second, backers[2], 2, sender=second)


def test_success_unlocks_all_tokens(sold):
    assert of(sold)[-1] == entry(sold, "BatchMetadataUpdate", _1=1, _2=3)
    assert [sold.locked(number) for number in (1, 2, 3)] == [False] * 3


def test_an_approval_is_for_one_token_and_one_transfer(world, sold, backers):
    first, second, third, fourth = backers
    assert sold.getApproved(1) == ZERO
    sold.approve(third, 1, sender=first)
    assert of(sold) == [entry(sold, "Approval", owner=first, approved=third, token_id=1)]
    assert (sold.getApproved(1), sold.getApproved(3)) == (third, ZERO)
    with refused(world, sold, "campaign: not allowed to transfer", backers):
        sold.transferFrom(first, third, 3, sender=third)
    with refused(world, sold, "campaign: not the owner or an operator", backers):
        sold.approve(fourth, 1, sender=third)
    sold.transferFrom(first, fourth, 1, sender=third)
    assert (sold.ownerOf(1), sold.getApproved(1)) == (fourth, ZERO)
    with refused(world, sold, "campaign: not allowed to transfer", backers):
        sold.transferFrom(fourth, third, 1, sender=third)
    sold.approve(third, 3, sender=first)
    sold.approve(ZERO, 3, sender=first)
    with refused(world, sold, "campaign: not allowed to transfer", backers):
        sold.transferFrom(first, third, 3, sender=third)


def test_an_operator_acts_for_all_of_one_owner(world, sold, backers):
    first, second, third, fourth = backers
    sold.setApprovalForAll(third, True, sender=first)
    assert of(sold) == [entry(sold, "ApprovalForAll", owner=first, operator=third, approved=True)]
    assert sold.isApprovedForAll(first, third)
    assert not sold.isApprovedForAll(second, third)
    assert not sold.isApprovedForAll(third, first)
    sold.approve(fourth, 1, sender=third)
    assert of(sold) == [entry(sold, "Approval", owner=first, approved=fourth, token_id=1)]
    sold.transferFrom(first, third, 3, sender=third)
    for function in (sold.transferFrom, sold.safeTransferFrom):
        with refused(world, sold, "campaign: not allowed to transfer", backers):
            function(second, third, 2, sender=third)
    sold.setApprovalForAll(third, False, sender=first)
    assert of(sold) == [entry(sold, "ApprovalForAll", owner=first, operator=third, approved=False)]
    with refused(world, sold, "campaign: not allowed to transfer", backers):
        sold.transferFrom(first, third, 1, sender=third)


def test_a_transfer_that_is_not_right_is_refused(world, sold, backers):
    first, second, third, _ = backers
    for function in (sold.transferFrom, sold.safeTransferFrom):
        with refused(world, sold, "campaign: not the owner's token", backers):
            function(second, third, 1, sender=first)
        with refused(world, sold, "campaign: not the owner's token", backers):
            function(third, first, 1, sender=third)
        with refused(world, sold, "campaign: zero receiver", backers):
            function(first, ZERO, 1, sender=first)
        with refused(world, sold, "campaign: not allowed to transfer", backers):
            function(first, third, 1, sender=third)
        with refused(world, sold, "campaign: value sent", backers):
            function(first, third, 1, sender=first, value=1)
        for number in (0, 4, 2**256 - 1):
            with refused(world, sold, "campaign: no such token", backers):
                function(first, third, number, sender=first)
    with refused(world, sold, "campaign: value sent", backers):
        sold.approve(third, 1, sender=first, value=1)
    with refused(world, sold, "campaign: no such token", backers):
        sold.approve(third, 4, sender=first)
    for sender in (second, third, world.creator):
        with refused(world, sold, "campaign: not the owner or an operator", backers):
            sold.approve(sender, 1, sender=sender)


@pytest.mark.parametrize("number", [0, 4, 2**32, 2**256 - 1])
def test_a_token_that_is_not_there_answers_nothing(sold, number):
    views = (sold.ownerOf, sold.getApproved, sold.locked, sold.tier_of, sold.tokenURI)
    for view in views:
        with boa.reverts("campaign: no such token"):
            view(number)


def test_nobody_counts_the_tokens_of_zero(sold):
    with boa.reverts("campaign: zero owner"):
        sold.balanceOf(ZERO)


def test_a_receiver_with_code_is_asked_and_told(world, sold, backers, intruder):
    first = backers[0]
    sold.setApprovalForAll(world.stranger, True, sender=first)
    sold.safeTransferFrom(first, intruder, 1, b"for you", sender=world.stranger)
    assert of(sold) == [entry(sold, "Transfer", sender=first, receiver=intruder, token_id=1)]
    told = encode(
        ["address", "address", "uint256", "bytes"], [world.stranger, first, 1, b"for you"]
    )
    assert intruder.told() == keccak(told)
    sold.safeTransferFrom(first, intruder, 3, sender=first)
    told = encode(["address", "address", "uint256", "bytes"], [first, first, 3, b""])
    assert intruder.told() == keccak(told)
    assert sold.balanceOf(intruder) == 2
    # an account is not asked
    sold.safeTransferFrom(backers[1], backers[2], 2, b"x" * 1_024, sender=backers[1])
    # nor told more than a kilobyte
    kinds = ["address", "address", "uint256", "bytes"]
    for size, is_taken in [(1_025, False), (1_024, True)]:
        call = calldata("safeTransferFrom", kinds, backers[2], first, 2, b"x" * size)
        assert (send(sold, 0, sender=backers[2], data=call) is None) is is_taken


REFUSING = {
    "another answer": oddities.answer(bytes.fromhex("150b7a03").ljust(32, b"\0")),
    "zero": oddities.answer(b"\0" * 32),
    "reverting": REVERTING,
    "silent": oddities.SILENT,
    "burning": BURNING,
}


@pytest.mark.parametrize("name", REFUSING)
def test_a_receiver_that_does_not_want_it_gets_nothing(world, sold, backers, name):
    receiver = place(f"refusing {name}")
    boa.env.set_code(receiver, REFUSING[name])
    first = backers[0]
    if name in ("another answer", "zero"):
        with refused(world, sold, "campaign: receiver refused the token", backers):
            sold.safeTransferFrom(first, receiver, 1, sender=first)
    else:
        with pytest.raises(boa.BoaError):
            sold.safeTransferFrom(first, receiver, 1, sender=first, gas=2_000_000)
    assert (sold.ownerOf(1), sold.balanceOf(first)) == (first, 2)
    sold.transferFrom(first, receiver, 1, sender=first)
    assert sold.ownerOf(1) == receiver


def test_a_receiver_that_comes_back_finds_the_door_locked(sold, backers, intruder):
    me, first = intruder.address, backers[0]
    for name, (inner, arguments, value) in entering(sold, me).items():
        with boa.env.anchor():
            intruder.arm(sold, inner.prepare_calldata(*arguments), value)
            sold.safeTransferFrom(first, me, 1, sender=first)
            assert intruder.was_called(), name
            assert not intruder.has_succeeded(), f"{name}: not locked"
            assert sold.ownerOf(1) == me
            assert sold.liability() == 300
    # what a market looks at in its hook can be looked at
    for view, arguments in [
        (sold.ownerOf, (1,)),
        (sold.balanceOf, (me,)),
        (sold.getApproved, (1,)),
        (sold.isApprovedForAll, (first, me)),
        (sold.locked, (1,)),
        (sold.tier_of, (1,)),
        (sold.tokenURI, (1,)),
        (sold.contractURI, ()),
        (sold.royaltyInfo, (1, 100)),
        (sold.name, ()),
        (sold.symbol, ()),
    ]:
        with boa.env.anchor():
            intruder.arm(sold, view.prepare_calldata(*arguments), 0)
            sold.safeTransferFrom(first, me, 1, sender=first)
            assert intruder.has_succeeded()


@pytest.mark.parametrize("royalty", [0, 1, 777, 1_000])
def test_royalties_go_to_the_charity(world, royalty):
    campaign = world.open(royalty=royalty)
    for price in (0, 1, 9_999, 10_000, 12_345_678, 2**240):
        assert campaign.royaltyInfo(1, price) == (world.payee, price * royalty // 10_000)
        assert campaign.royaltyInfo(2**255, price) == (world.payee, price * royalty // 10_000)


def told(uri):
    head = "data:application/json;base64,"
    assert uri.startswith(head)
    return json.loads(base64.b64decode(uri.removeprefix(head), validate=True))


@pytest.mark.parametrize("state", [OPEN, SUCCEEDED])
def test_a_token_tells_its_tier_its_artwork_and_its_lock(world, backers, state):
    campaign = world.open(goal=600)
    pledge(world, campaign, backers[0], 100, 0)
    pledge(world, campaign, backers[1], 500, 1)
    if state == SUCCEEDED:
        succeed(world, campaign)
    for number, tier in [(1, 0), (2, 1)]:
        assert told(campaign.tokenURI(number)) == {
            "name": f"Wells for Turkana #{number}",
            "image": ARTWORK.format(tier),
            "external_url": PAGE,
            "attributes": [
                {"trait_type": "Tier", "value": tier},
                {"trait_type": "Locked", "value": state == OPEN},
            ],
        }


def test_artwork_never_changes(world, backers):
    """No function takes a URI but `initialise` and `report`; what stands there stands."""
    taking_text = {
        item["name"]
        for item in world.implementation.abi
        if item["type"] == "function" and any("string" in str(field) for field in item["inputs"])
    }
    assert taking_text == {"initialise", "report"}
    campaign = world.open(goal=100, milestones=[10_000])
    pledge(world, campaign, backers[0])
    before = (told(campaign.tokenURI(1))["image"], tuple(campaign.tier(0)), campaign.contractURI())
    boa.env.timestamp = deadline(campaign)
    campaign.finalise()
    campaign.report(MEMO, "ipfs://another", sender=world.creator)
    boa.env.time_travel(seconds=14 * DAY)
    campaign.settle()
    campaign.claim()
    campaign.transferFrom(backers[0], backers[1], 1, sender=backers[0])
    after = (told(campaign.tokenURI(1))["image"], tuple(campaign.tier(0)), campaign.contractURI())
    assert after == before == (ARTWORK.format(0), (100, 10, ARTWORK.format(0)), PAGE)


def test_the_largest_texts_fit(world, backers):
    artwork, page, name = "a" * 128, "\u00e9" * 64, "n" * 64
    terms = written(world, name=name, uri=page, tiers=[(1, MAX_SUPPLY, artwork)])
    campaign = world.at(world.factory.create(1, terms, sender=world.creator))
    set_storage(campaign, "_totals", (2**32 - 2) << 128 | 1 << 160)
    pledge(world, campaign, backers[0])
    found = told(campaign.tokenURI(2**32 - 1))
    assert found["name"] == f"{name} #{2**32 - 1}"
    assert (found["image"], found["external_url"]) == (artwork, page)


def test_campaigns_do_not_know_of_each_other(world, token, backers):
    first, second = world.open(name="First", goal=100), world.open(name="Second", goal=10_000)
    pledge(world, first, backers[0])
    pledge(world, second, backers[0], 200)
    assert (first.name(), second.name()) == ("First", "Second")
    succeed(world, first)
    second.finalise()
    assert (first.status().state, second.status().state) == (SUCCEEDED, FAILED)
    assert first.claim() == 100
    assert token.balanceOf(second) == second.liability() == 200
    assert second.refund_for(backers[0]) == 200
