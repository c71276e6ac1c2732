"""IndexFunds: gifts, epochs and roles. Claims and drops: test_index_funds_claims.py."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.money import COIN, change, moves, send
from tests.contracts.protocol import (
    EPOCH_NOTICE,
    MEMO,
    NO_SIGNATURE,
    Protocol,
    calldata,
    place,
    set_storage,
)

ZERO = "0x" + "00" * 20
MAX_TOTAL = 2**104 - 1
GOALS = [
    "No Poverty",
    "Zero Hunger",
    "Good Health and Well-being",
    "Quality Education",
    "Gender Equality",
    "Clean Water and Sanitation",
    "Affordable and Clean Energy",
    "Decent Work and Economic Growth",
    "Industry, Innovation and Infrastructure",
    "Reduced Inequalities",
    "Sustainable Cities and Communities",
    "Responsible Consumption and Production",
    "Climate Action",
    "Life Below Water",
    "Life on Land",
    "Peace, Justice and Strong Institutions",
    "Partnerships for the Goals",
]


@pytest.fixture(scope="module")
def world():
    """Three charities; fund 1 runs epoch 1 with weights 1, 2, 3; fund 2 has none."""
    world = Protocol()
    for number in range(3):
        world.verify(roles.address(f"charity {number}"))
    world.run_epoch(1, [(1, 1), (2, 2), (3, 3)])
    world.fill(world.donor, world.funds)
    return world


@pytest.fixture(scope="module")
def funds(world):
    return world.funds


@pytest.fixture(scope="module")
def token(world):
    return world.token


@pytest.fixture(scope="module")
def donor(world):
    return world.donor


def given(world, asset, amount, *, fund_id=1, epoch=1, donor=None):
    return entry(
        world.funds,
        "FundDonated",
        donor=world.donor if donor is None else donor,
        fund_id=fund_id,
        epoch=epoch,
        asset=getattr(asset, "address", asset),
        amount=amount,
        memo=MEMO,
    )


def of(contract, logs):
    return [log for log in logs if log[0] == contract.address]


# --- constructor ----------------------------------------------------------------------------------


def deploy(*, missing=None, notice=EPOCH_NOTICE, listings=()):
    addresses = [place(f"part {number}") for number in range(5)]
    if missing is not None:
        addresses[missing] = ZERO
    return deployers.INDEX_FUNDS.deploy(*addresses, notice, list(listings))


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (0, "funds: zero timelock"),
        (1, "guardian: zero guardian"),
        (2, "funds: zero registry"),
        (3, "funds: zero receipts"),
        (4, "funds: zero reserve"),
    ],
)
def test_a_zero_address_is_refused(missing, reason):
    with boa.reverts(reason):
        deploy(missing=missing)


@pytest.mark.parametrize("notice", [0, 3_599])
def test_a_notice_under_an_hour_is_refused(notice):
    with boa.reverts("funds: notice too short"):
        deploy(notice=notice)


@pytest.mark.parametrize("notice", [90 * DAY + 1, 2**256 - 1])
def test_a_notice_over_90_days_is_refused(notice):
    with boa.reverts("funds: notice too long"):
        deploy(notice=notice)


@pytest.mark.parametrize("notice", [3_600, 90 * DAY])
def test_the_constructor_fixes_everything_and_makes_17_closed_funds(stablecoin, notice):
    funds = deploy(notice=notice, listings=[(stablecoin.address, False)])
    assert logged(funds) == [
        entry(funds, "GuardianChanged", guardian=place("part 1")),
        entry(funds, "AssetListed", asset=stablecoin, decimals=6, is_measured=False),
        *[
            entry(funds, "FundCreated", fund_id=number, name=name)
            for number, name in enumerate(GOALS, 1)
        ],
    ]
    assert [
        funds.TIMELOCK(),
        funds.guardian(),
        funds.REGISTRY(),
        funds.RECEIPTS(),
        funds.RESERVE(),
    ] == [place(f"part {number}") for number in range(5)]
    assert funds.EPOCH_NOTICE() == notice
    assert funds.fund_count() == 17
    for fund_id in range(19):
        assert funds.running_epoch(fund_id) == 0
        assert funds.announced_epoch(fund_id) == (0, 0)
    assert tuple(funds.asset_info(ZERO)) == (True, False, 0, 0)
    assert funds.known_assets() == [stablecoin.address]
    assert (funds.stopped_until(), funds.next_stop_at()) == (0, 0)


def test_the_limits_are_those_of_the_design(funds):
    assert funds.MAX_MEMBERS() == 200
    assert funds.MAX_WEIGHT() == 10_000
    assert funds.MAX_CLAIMS() == 32
    assert funds.MAX_TOTAL() == MAX_TOTAL
    assert (funds.MIN_NOTICE(), funds.MAX_NOTICE()) == (3_600, 90 * DAY)
    assert funds.NATIVE() == ZERO


def test_no_other_function_changes_anything(funds):
    changing = {
        item["name"]
        for item in funds.abi
        if item["type"] == "function" and item["stateMutability"] in ("nonpayable", "payable")
    }
    assert changing == {
        "donate_native",
        "donate_token",
        "donate_token_with_permit",
        "claim",
        "claim_to",
        "claim_many",
        "drop",
        "sweep",
        "create_fund",
        "announce_epoch",
        "cancel_epoch",
        "list_asset",
        "unlist_asset",
        "set_guardian",
        "stop_entries",
        "resume_entries",
    }
    assert {"claimable", "claimed", "total_given", "liability"} <= function_names(funds)


def test_events_are_what_readers_expect(funds):
    claim = (
        "*uint256 fund_id, *uint256 charity_id, *address asset, uint256 epoch, "
        "address receiver, uint256 amount"
    )
    assert event_signatures(funds) == {
        "FundCreated": "*uint256 fund_id, string name",
        "EpochAnnounced": "*uint256 fund_id, *uint256 epoch, uint256 starts_at, "
        "uint256 member_count, uint256 total_weight, uint256[] members",
        "EpochCancelled": "*uint256 fund_id, *uint256 epoch",
        "FundDonated": "*address donor, *uint256 fund_id, uint256 epoch, address asset, "
        "uint256 amount, bytes32 memo",
        "Claimed": claim,
        "ClaimFailed": claim,
        "Dropped": "*uint256 fund_id, *uint256 epoch, *uint256 charity_id, uint256 weight, "
        "uint256 weight_left",
        "Swept": "*address asset, uint256 amount",
        "AssetListed": "*address asset, uint256 decimals, bool is_measured",
        "AssetUnlisted": "*address asset",
        "EntriesStopped": "*address guardian, uint256 stopped_until",
        "EntriesResumed": "*address resumed_by",
        "GuardianChanged": "*address guardian",
    }


# --- gifts ----------------------------------------------------------------------------------------

DOORS = {
    "donate_native": lambda world, amount, fund_id=1, epoch=1: world.funds.donate_native(
        fund_id, epoch, MEMO, value=amount, sender=world.donor
    ),
    "donate_token": lambda world, amount, fund_id=1, epoch=1: world.funds.donate_token(
        fund_id, epoch, world.token, amount, MEMO, sender=world.donor
    ),
    "donate_token_with_permit": lambda world, amount, fund_id=1, epoch=1: (
        world.funds.donate_token_with_permit(
            fund_id, epoch, world.token, amount, MEMO, False, *NO_SIGNATURE, sender=world.donor
        )
    ),
}
EVERY_DOOR = pytest.mark.parametrize("door", DOORS)


@EVERY_DOOR
@pytest.mark.parametrize("amount", [1, 7, 10**18])
def test_a_gift_is_kept_and_owed(world, funds, donor, token, door, amount):
    asset = COIN if door == "donate_native" else token
    with moves(world.assets, world.accounts) as moved:
        DOORS[door](world, amount)
        logs = of(funds, logged(funds))
    assert logs == [given(world, asset, amount)]
    assert moved == change((asset, donor, -amount), (asset, funds, amount))
    assert funds.total_given(1, 1, asset) == funds.liability(asset) == amount
    assert funds.asset_info(asset).owed == amount
    assert funds.surplus(asset) == 0
    assert [funds.claimable(1, 1, member, asset) for member in range(3)] == [
        amount * weight // 6 for weight in (1, 2, 3)
    ]
    assert world.receipts.token_count() == 0
    world.check()


def test_a_receipt_names_fund_and_epoch(world, funds, donor, token):
    funds.donate_native(1, 1, MEMO, True, value=7, sender=donor)
    assert given(world, COIN, 7) in logged(funds)
    funds.donate_token(1, 1, token, 9, MEMO, True, sender=donor)
    funds.donate_token_with_permit(1, 1, token, 11, MEMO, True, *NO_SIGNATURE, sender=donor)
    now = boa.env.timestamp
    nothing = b"\0" * 32
    assert [tuple(world.receipts.receipt(number)) for number in (1, 2, 3)] == [
        (donor, 1, 1, ZERO, 7, MEMO, now, nothing),
        (donor, 1, 1, token.address, 9, MEMO, now, nothing),
        (donor, 1, 1, token.address, 11, MEMO, now, nothing),
    ]


@EVERY_DOOR
def test_the_same_memo_twice_is_logged_twice(world, funds, door):
    asset = COIN if door == "donate_native" else world.token
    for _ in range(2):
        DOORS[door](world, 5)
        assert given(world, asset, 5) in logged(funds)
    assert funds.total_given(1, 1, asset) == 10


@EVERY_DOOR
def test_a_gift_of_nothing_is_refused(world, door):
    with world.refuses("funds: zero amount"):
        DOORS[door](world, 0)


@EVERY_DOOR
@pytest.mark.parametrize("fund_id", [0, 18, 2**32 + 1, 2**256 - 1])
@pytest.mark.parametrize("epoch", [0, 1])
def test_an_unknown_fund_is_refused(world, door, fund_id, epoch):
    with world.refuses("funds: unknown fund"):
        DOORS[door](world, 5, fund_id, epoch)


@EVERY_DOOR
@pytest.mark.parametrize("epoch", [0, 1, 2**32, 2**256 - 1])
def test_a_fund_without_an_epoch_takes_nothing(world, door, epoch):
    """Attack 3: epoch 0 of a closed fund has no members."""
    with world.refuses("funds: fund has no epoch"):
        DOORS[door](world, 5, 2, epoch)


@EVERY_DOOR
@pytest.mark.parametrize("epoch", [0, 2, 2**32 + 1, 2**256 - 1])
def test_an_epoch_that_is_not_the_running_one_is_refused(world, door, epoch):
    with world.refuses("funds: epoch is not running"):
        DOORS[door](world, 5, 1, epoch)


@EVERY_DOOR
@pytest.mark.parametrize("from_start", [-1, 0, 1])
def test_a_gift_binds_to_the_epoch_the_donor_saw(world, funds, door, from_start):
    assert world.announce(1, [(3, 1)]) == 2
    starts_at = boa.env.timestamp + EPOCH_NOTICE
    assert funds.announced_epoch(1) == (2, starts_at)
    boa.env.timestamp = starts_at + from_start
    running, other = (1, 2) if from_start < 0 else (2, 1)
    assert funds.running_epoch(1) == running
    assert funds.announced_epoch(1) == ((2, starts_at) if from_start < 0 else (0, 0))
    with world.refuses("funds: epoch is not running"):
        DOORS[door](world, 5, 1, other)
    DOORS[door](world, 5, 1, running)


def test_a_first_epoch_takes_nothing_before_it_starts(world):
    world.announce(2, [(1, 1)])
    boa.env.time_travel(seconds=EPOCH_NOTICE - 1)
    with world.refuses("funds: fund has no epoch"):
        DOORS["donate_native"](world, 5, 2, 1)
    boa.env.time_travel(seconds=1)
    DOORS["donate_native"](world, 5, 2, 1)


@pytest.mark.parametrize("asset", ["the coin", "an account", "a token not listed", "unlisted"])
def test_an_asset_that_is_not_listed_is_refused(world, funds, donor, token, asset):
    """Attack 1: the zero address is listed as the coin, and must not pass for a token."""
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    world.fill(donor, funds, token=other)
    if asset == "unlisted":
        funds.unlist_asset(token, sender=world.timelock)
    asset = {
        "the coin": ZERO,
        "an account": place("account"),
        "a token not listed": other.address,
        "unlisted": token.address,
    }[asset]
    with world.refuses("funds: asset is not listed"):
        funds.donate_token(1, 1, asset, 5, MEMO, sender=donor)
    with world.refuses("funds: asset is not listed"):
        funds.donate_token_with_permit(1, 1, asset, 5, MEMO, False, *NO_SIGNATURE, sender=donor)


def test_value_sent_with_a_token_gift_is_refused(world, funds, donor, token):
    reason = "funds: value sent with a token gift"
    with world.refuses(reason):
        funds.donate_token(1, 1, token, 5, MEMO, value=1, sender=donor)
    with world.refuses(reason):
        funds.donate_token_with_permit(
            1, 1, token, 5, MEMO, False, *NO_SIGNATURE, value=1, sender=donor
        )


def test_coin_is_refused_outside_of_a_gift(world, funds, donor):
    assert send(funds, 1, sender=donor) is not None
    world.check()


@EVERY_DOOR
@pytest.mark.parametrize("amount", [MAX_TOTAL + 1, 2**128, 2**255, 2**256 - 1])
def test_more_than_an_epoch_can_hold_is_refused(world, door, amount):
    boa.env.set_balance(world.donor, 2**256 - 1)
    with world.refuses("funds: total too large"):
        DOORS[door](world, amount)


@EVERY_DOOR
def test_an_epoch_holds_exactly_its_limit(world, funds, token, door):
    asset = COIN if door == "donate_native" else token
    boa.env.set_balance(world.donor, 2**200)
    world.fill(world.donor, funds, amount=2**200)
    DOORS[door](world, MAX_TOTAL - 5)
    with world.refuses("funds: total too large"):
        DOORS[door](world, 6)
    DOORS[door](world, 5)
    with world.refuses("funds: total too large"):
        DOORS[door](world, 1)
    assert funds.total_given(1, 1, asset) == funds.liability(asset) == MAX_TOTAL
    # another epoch has a limit of its own, and the sum of both is owed
    world.run_epoch(1, [(1, 10_000)])
    DOORS[door](world, MAX_TOTAL, 1, 2)
    assert funds.liability(asset) == 2 * MAX_TOTAL
    assert funds.claimable(1, 2, 0, asset) == MAX_TOTAL
    funds.claim(1, 2, 0, asset)
    assert funds.liability(asset) == MAX_TOTAL
    assert [funds.claimable(1, 1, member, asset) for member in range(3)] == [
        MAX_TOTAL * weight // 6 for weight in (1, 2, 3)
    ]


def test_a_token_that_takes_a_fee_is_refused(world, funds, donor):
    """Attack 9: crediting what was sent instead of what came would starve the last to claim."""
    fee = deployers.STRANGE_TOKEN.deploy(6, 16)
    funds.list_asset(fee, sender=world.timelock)
    world.fill(donor, funds, token=fee)
    with world.refuses("funds: the asset took a fee"):
        funds.donate_token(1, 1, fee, 100, MEMO, sender=donor)
    funds.donate_token(1, 1, fee, 99, MEMO, sender=donor)


def test_a_gift_does_not_make_good_what_was_lost_before(world, funds, donor):
    """A token's issuer took back what the fund held: a new gift would pay old debts."""
    shrinking = deployers.STRANGE_TOKEN.deploy(6, 0)
    funds.list_asset(shrinking, sender=world.timelock)
    world.fill(donor, funds, token=shrinking)
    funds.donate_token(1, 1, shrinking, 100, MEMO, sender=donor)
    shrinking.rebase(10**18 * 99 // 100)
    with world.refuses("funds: the asset is short"):
        funds.donate_token(1, 1, shrinking, 100, MEMO, sender=donor)
    shrinking.rebase(10**18)
    funds.donate_token(1, 1, shrinking, 100, MEMO, sender=donor)


def test_a_token_that_answers_no_is_refused(world, funds, donor):
    odd = deployers.STRANGE_TOKEN.deploy(6, 1)
    funds.list_asset(odd, sender=world.timelock)
    with world.refuses("transfers: token refused"):
        funds.donate_token(1, 1, odd, 5, MEMO, sender=donor)


def test_more_than_the_donor_allowed_or_has_is_refused(world, funds, donor, token):
    token.approve(funds, 4, sender=donor)
    with world.refuses("erc20: allowance too low"):
        funds.donate_token(1, 1, token, 5, MEMO, sender=donor)
    token.approve(funds, 2**256 - 1, sender=donor)
    with world.refuses("erc20: balance too low"):
        funds.donate_token(1, 1, token, 10**30 + 1, MEMO, sender=donor)


# --- permits --------------------------------------------------------------------------------------


@pytest.fixture
def unallowed(world):
    """A donor of tokens who has allowed nothing yet."""
    donor = roles.address("permitting donor")
    world.fill(donor)
    return donor


def permit(world, amount, deadline=2**255, **forged):
    return roles.sign_permit(
        world.token, "permitting donor", world.funds, amount, deadline, **forged
    )


@pytest.mark.parametrize("is_front_run", [False, True])
def test_a_permit_replaces_the_allowance(world, funds, token, unallowed, is_front_run):
    signed = permit(world, 100)
    if is_front_run:
        token.permit(*signed.arguments, sender=world.stranger)
    funds.donate_token_with_permit(
        1, 1, token, 100, MEMO, False, *signed.signature, sender=unallowed
    )
    assert given(world, token, 100, donor=unallowed) in logged(funds)
    assert token.balanceOf(funds) == 100
    assert token.allowance(unallowed, funds) == 0


@pytest.mark.parametrize("fault", ["expired", "replayed", "of another", "for less", "nonsense"])
def test_a_bad_permit_gives_nothing(world, funds, token, unallowed, fault):
    if fault == "expired":
        signature = permit(world, 100, boa.env.timestamp - 1).signature
    elif fault == "replayed":
        signature = permit(world, 100).signature
        funds.donate_token_with_permit(1, 1, token, 100, MEMO, False, *signature, sender=unallowed)
    elif fault == "of another":
        signature = permit(world, 100, owner=world.stranger).signature
    elif fault == "for less":
        signature = permit(world, 99).signature
    else:
        signature = NO_SIGNATURE
    with world.refuses("erc20: allowance too low"):
        funds.donate_token_with_permit(1, 1, token, 100, MEMO, False, *signature, sender=unallowed)


# --- announcing -----------------------------------------------------------------------------------


def test_an_epoch_is_announced_with_its_list(world, funds):
    epoch = funds.announce_epoch(2, [1, 3], [5, 10_000], sender=world.timelock)
    starts_at = boa.env.timestamp + EPOCH_NOTICE
    assert logged(funds) == [
        entry(
            funds,
            "EpochAnnounced",
            fund_id=2,
            epoch=1,
            starts_at=starts_at,
            member_count=2,
            total_weight=10_005,
            members=[(1 | 5 << 18) | (3 | 10_000 << 18) << 32],
        )
    ]
    assert epoch == 1
    assert funds.announced_epoch(2) == (1, starts_at)
    assert tuple(funds.epoch_info(2, 1)) == (10_005, 10_005, 2, 0)
    assert [tuple(member) for member in funds.members(2, 1)] == [(1, 5, False), (3, 10_000, False)]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17, 199, 200])
def test_a_list_of_any_length_is_kept_in_order(world, funds, count):
    numbers = [*range(1, 4)]
    while len(numbers) < count:
        numbers.append(world.verify(place(f"charity {len(numbers)}")))
    numbers = numbers[:count]
    weights = [1 + (number * 7_919) % 10_000 for number in numbers]
    epoch = funds.announce_epoch(3, numbers, weights, sender=world.timelock)
    ((_, _, fields),) = logged(funds)
    packed = [number | weight << 18 for number, weight in zip(numbers, weights, strict=True)]
    assert fields["members"] == [
        sum(member << 32 * place for place, member in enumerate(packed[start : start + 8]))
        for start in range(0, count, 8)
    ]
    assert [tuple(member) for member in funds.members(3, epoch)] == [
        (number, weight, False) for number, weight in zip(numbers, weights, strict=True)
    ]
    assert tuple(funds.epoch_info(3, epoch)) == (sum(weights), sum(weights), count, 0)
    with boa.reverts("funds: no such member"):
        funds.claimable(3, epoch, count, ZERO)


def test_the_highest_charity_and_weight_do_not_touch_their_neighbours(world, funds):
    """Attack 6: a number that does not fit would spill into the weight of another."""
    set_storage(world.registry, "charity_count", 2**18 - 3)
    numbers = [world.verify(place(f"late {number}")) for number in range(2)]
    assert numbers == [2**18 - 2, 2**18 - 1]
    epoch = funds.announce_epoch(2, [1, *numbers], [1, 10_000, 10_000], sender=world.timelock)
    assert [tuple(member) for member in funds.members(2, epoch)] == [
        (1, 1, False),
        (2**18 - 2, 10_000, False),
        (2**18 - 1, 10_000, False),
    ]


BAD_LISTS = {
    "empty": ([], [], "funds: no members"),
    "weights without members": ([], [1], "funds: no members"),
    "no weights": ([1], [], "funds: as many weights as members"),
    "too few weights": ([1, 2], [1], "funds: as many weights as members"),
    "too many weights": ([1], [1, 1], "funds: as many weights as members"),
    "duplicated": ([1, 1], [1, 1], "funds: members not ascending"),
    "unsorted": ([2, 1], [1, 1], "funds: members not ascending"),
    "zero weight": ([1, 2], [1, 0], "funds: zero weight"),
    "heavy": ([1, 2], [1, 10_001], "funds: weight over 10,000"),
    "huge": ([1, 2], [1, 2**256 - 1], "funds: weight over 10,000"),
    "charity zero": ([0, 1], [1, 1], "registry: unknown charity"),
    "unknown": ([1, 4], [1, 1], "registry: unknown charity"),
    "huge number": ([1, 2**256 - 1], [1, 1], "registry: unknown charity"),
}


@pytest.mark.parametrize("numbers, weights, reason", BAD_LISTS.values(), ids=BAD_LISTS)
def test_a_bad_list_is_refused(world, funds, numbers, weights, reason):
    with world.refuses(reason):
        funds.announce_epoch(2, numbers, weights, sender=world.timelock)


@pytest.mark.parametrize("count", [201, 1_000])
def test_a_list_of_more_than_200_is_refused(world, funds, count):
    before = world.books()
    done = boa.env.execute_code(
        to_address=funds.address,
        sender=world.timelock,
        data=calldata(
            "announce_epoch",
            ["uint256", "uint256[]", "uint256[]"],
            2,
            list(range(1, count + 1)),
            [1] * count,
        ),
    )
    assert not done.is_success
    assert world.books() == before


def test_a_revoked_charity_is_refused(world, funds):
    world.revoke(2)
    with world.refuses("registry: charity is revoked"):
        funds.announce_epoch(2, [1, 2, 3], [1, 1, 1], sender=world.timelock)


def test_a_suspended_or_expired_charity_does_not_hold_up_a_list(world, funds):
    short = world.verify(place("short-lived"), term=10)
    world.suspend(2)
    boa.env.time_travel(seconds=10)
    funds.announce_epoch(2, [1, 2, short], [1, 1, 1], sender=world.timelock)


@pytest.mark.parametrize("fund_id", [0, 18, 2**32 + 1])
def test_an_unknown_fund_has_no_epochs(world, funds, fund_id):
    with world.refuses("funds: unknown fund"):
        funds.announce_epoch(fund_id, [1], [1], sender=world.timelock)


def test_fund_and_epoch_numbers_beyond_32_bits_reach_nobodys_books(world, funds):
    funds.donate_native(1, 1, MEMO, value=60, sender=world.donor)
    for fund_id, epoch in [(2**32 + 1, 1), (1, 2**32 + 1), (0, 2**32 + 1), (2**256 - 1, 1)]:
        reason = "funds: no such epoch"
        with world.refuses(reason):
            funds.claim(fund_id, epoch, 0, ZERO)
        with world.refuses(reason):
            funds.claim_to(fund_id, epoch, 0, ZERO, world.stranger)
        with world.refuses(reason):
            funds.claim_many([(fund_id, epoch, 0, ZERO)])
        for view in ("claimable", "claimed"):
            with boa.reverts(reason):
                getattr(funds, view)(fund_id, epoch, 0, ZERO)
        with boa.reverts(reason):
            funds.total_given(fund_id, epoch, ZERO)
        for view in ("members", "epoch_info"):
            with boa.reverts(reason):
                getattr(funds, view)(fund_id, epoch)
    largest = 2**32 - 1
    assert funds.total_given(largest, 1, ZERO) == funds.total_given(1, largest, ZERO) == 0
    # were there ever so many
    set_storage(funds, "fund_count", 2**32 + 1)
    with world.refuses("funds: no such epoch"):
        funds.announce_epoch(2**32 + 1, [1], [1], sender=world.timelock)
    set_storage(funds, "_funds", (2**32 - 1) << 64, 2)
    with world.refuses("funds: no such epoch"):
        funds.announce_epoch(2, [1], [1], sender=world.timelock)


@pytest.mark.parametrize("from_start", [-1, 0])
def test_one_epoch_waits_at_a_time(world, funds, from_start):
    world.announce(1, [(1, 1)])
    boa.env.time_travel(seconds=EPOCH_NOTICE + from_start)
    if from_start < 0:
        with world.refuses("funds: an epoch is announced"):
            world.announce(1, [(2, 1)])
    else:
        assert world.announce(1, [(2, 1)]) == 3
        # the one that had started runs on
        assert funds.running_epoch(1) == 2


def test_a_running_epoch_is_not_touched_by_an_announcement(world, funds, donor):
    """IXF-3."""
    funds.donate_native(1, 1, MEMO, value=600, sender=donor)
    before = [funds.claimable(1, 1, member, ZERO) for member in range(3)]
    world.run_epoch(1, [(3, 1)])
    funds.donate_native(1, 2, MEMO, value=600, sender=donor)
    assert [funds.claimable(1, 1, member, ZERO) for member in range(3)] == before
    assert funds.claimable(1, 2, 0, ZERO) == 600


# --- cancelling -----------------------------------------------------------------------------------


def test_an_announced_epoch_is_taken_back_and_its_number_never_used_again(world, funds):
    """Attack 15: a donor who signed for the cancelled list must not give to another."""
    world.announce(1, [(1, 1)])
    funds.cancel_epoch(1, 2, sender=world.timelock)
    assert logged(funds) == [entry(funds, "EpochCancelled", fund_id=1, epoch=2)]
    assert funds.announced_epoch(1) == (0, 0)
    assert funds.running_epoch(1) == 1
    assert world.announce(1, [(2, 1)]) == 3
    boa.env.time_travel(seconds=EPOCH_NOTICE)
    assert funds.running_epoch(1) == 3
    with world.refuses("funds: epoch is not running"):
        funds.donate_native(1, 2, MEMO, value=5, sender=world.donor)


@pytest.mark.parametrize("from_start", [-1, 0, 1])
def test_an_epoch_is_cancelled_before_its_start_only(world, funds, from_start):
    world.announce(1, [(1, 1)])
    boa.env.time_travel(seconds=EPOCH_NOTICE + from_start)
    if from_start < 0:
        funds.cancel_epoch(1, 2, sender=world.timelock)
        boa.env.time_travel(seconds=DAY)
        assert funds.running_epoch(1) == 1
    else:
        with world.refuses("funds: epoch is not announced"):
            funds.cancel_epoch(1, 2, sender=world.timelock)
        assert funds.running_epoch(1) == 2


@pytest.mark.parametrize("epoch", [0, 1, 3, 2**32 + 2])
def test_only_the_announced_epoch_is_cancelled(world, funds, epoch):
    world.announce(1, [(1, 1)])
    with world.refuses("funds: epoch is not announced"):
        funds.cancel_epoch(1, epoch, sender=world.timelock)


def test_a_cancelled_first_epoch_leaves_the_fund_closed(world, funds):
    world.announce(2, [(1, 1)])
    funds.cancel_epoch(2, 1, sender=world.timelock)
    boa.env.time_travel(seconds=EPOCH_NOTICE)
    with world.refuses("funds: fund has no epoch"):
        funds.donate_native(2, 1, MEMO, value=5, sender=world.donor)


# --- the timelock's and the guardian's ------------------------------------------------------------

OF_THE_TIMELOCK = {
    "create_fund": lambda world: ("Another",),
    "announce_epoch": lambda world: (2, [1], [1]),
    "cancel_epoch": lambda world: (3, world.announce(3, [(1, 1)])),
    "list_asset": lambda world: (deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6),),
    "unlist_asset": lambda world: (world.token,),
    "set_guardian": lambda world: (place("new guardian"),),
}


@pytest.mark.parametrize("function", OF_THE_TIMELOCK)
@pytest.mark.parametrize("caller", ["donor", "guardian", "operations", "registrar", "stranger"])
def test_only_the_timelock_may(world, funds, function, caller):
    arguments = OF_THE_TIMELOCK[function](world)
    with world.refuses("funds: not the timelock"):
        getattr(funds, function)(*arguments, sender=getattr(world, caller))
    getattr(funds, function)(*arguments, sender=world.timelock)


@pytest.mark.parametrize("caller", ["donor", "operations", "registrar", "stranger", "timelock"])
def test_only_the_guardian_may_stop_and_resume(world, funds, caller):
    with world.refuses("guardian: not the guardian"):
        funds.stop_entries(sender=getattr(world, caller))
    funds.stop_entries(sender=world.guardian)
    with world.refuses("guardian: not the guardian"):
        funds.resume_entries(sender=getattr(world, caller))


def test_a_new_fund_has_the_next_number_and_is_closed(world, funds):
    assert funds.create_fund("Rivers", sender=world.timelock) == 18
    assert logged(funds) == [entry(funds, "FundCreated", fund_id=18, name="Rivers")]
    assert funds.fund_count() == 18
    with world.refuses("funds: fund has no epoch"):
        funds.donate_native(18, 0, MEMO, value=5, sender=world.donor)
    world.run_epoch(18, [(1, 1)])
    funds.donate_native(18, 1, MEMO, value=5, sender=world.donor)


def test_a_fund_without_a_name_is_refused(world, funds):
    with world.refuses("funds: empty name"):
        funds.create_fund("", sender=world.timelock)


@EVERY_DOOR
def test_entries_are_stopped_for_seven_days_to_the_second(world, funds, door):
    funds.stop_entries(sender=world.guardian)
    until = boa.env.timestamp + 7 * DAY
    assert logged(funds) == [
        entry(funds, "EntriesStopped", guardian=world.guardian, stopped_until=until)
    ]
    assert funds.stopped_until() == until
    for second in (until - 7 * DAY, until - 1):
        boa.env.timestamp = second
        with world.refuses("funds: entries are stopped"):
            DOORS[door](world, 5)
    boa.env.timestamp = until
    DOORS[door](world, 5)


@EVERY_DOOR
def test_entries_are_resumed_early(world, funds, door):
    funds.stop_entries(sender=world.guardian)
    boa.env.time_travel(seconds=DAY)
    funds.resume_entries(sender=world.guardian)
    assert logged(funds) == [entry(funds, "EntriesResumed", resumed_by=world.guardian)]
    DOORS[door](world, 5)


def test_a_token_listed_during_a_stop_is_stopped_too(world, funds, donor):
    funds.stop_entries(sender=world.guardian)
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    world.fill(donor, funds, token=other)
    funds.list_asset(other, sender=world.timelock)
    with world.refuses("funds: entries are stopped"):
        funds.donate_token(1, 1, other, 5, MEMO, sender=donor)
    funds.resume_entries(sender=world.guardian)
    funds.donate_token(1, 1, other, 5, MEMO, sender=donor)


def test_a_token_unlisted_and_listed_again_during_a_stop_stays_stopped(world, funds, token):
    funds.unlist_asset(token, sender=world.timelock)
    funds.stop_entries(sender=world.guardian)
    funds.list_asset(token, sender=world.timelock)
    with world.refuses("funds: entries are stopped"):
        DOORS["donate_token"](world, 5)
    boa.env.time_travel(seconds=7 * DAY)
    DOORS["donate_token"](world, 5)


def test_a_stop_closes_no_exit(world, funds, donor, token):
    for asset in ("donate_native", "donate_token"):
        DOORS[asset](world, 600)
    world.revoke(3)
    funds.stop_entries(sender=world.guardian)
    funds.claim(1, 1, 0, ZERO)
    funds.claim_to(1, 1, 1, token, world.stranger, sender=roles.account("charity 1").address)
    assert funds.claim_many([(1, 1, 2, ZERO), (1, 1, 2, token)]) == 2
    funds.drop(1, 1, 2)
    token.transfer(funds, 3, sender=donor)
    assert funds.sweep(token) == 3
    world.announce(2, [(1, 1)])
    world.check()


def test_a_stop_leaves_what_is_owed_alone(world, funds, token):
    DOORS["donate_native"](world, 600)
    DOORS["donate_token"](world, 60)
    funds.stop_entries(sender=world.guardian)
    assert (funds.liability(ZERO), funds.liability(token)) == (600, 60)
    funds.resume_entries(sender=world.guardian)
    assert (funds.liability(ZERO), funds.liability(token)) == (600, 60)


def test_another_guardian_takes_over_the_stop_and_its_interval(world, funds):
    other = roles.address("new guardian")
    funds.stop_entries(sender=world.guardian)
    next_stop_at = funds.next_stop_at()
    funds.set_guardian(other, sender=world.timelock)
    assert logged(funds) == [entry(funds, "GuardianChanged", guardian=other)]
    with world.refuses("guardian: not the guardian"):
        funds.resume_entries(sender=world.guardian)
    funds.resume_entries(sender=other)
    with world.refuses("guardian: stopped too recently"):
        funds.stop_entries(sender=other)
    boa.env.timestamp = next_stop_at
    funds.stop_entries(sender=other)


def test_assets_are_listed_and_unlisted(world, funds):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 18)
    funds.list_asset(other, sender=world.timelock)
    assert logged(funds) == [
        entry(funds, "AssetListed", asset=other, decimals=18, is_measured=True)
    ]
    assert funds.known_assets() == [world.token.address, other.address]
    funds.unlist_asset(other, sender=world.timelock)
    assert logged(funds) == [entry(funds, "AssetUnlisted", asset=other)]
    assert funds.known_assets() == [world.token.address, other.address]


def test_the_coin_stays_listed_whatever_the_timelock_wants(world, funds):
    with world.refuses("assets: zero asset"):
        funds.list_asset(ZERO, sender=world.timelock)


# --- sweeping -------------------------------------------------------------------------------------


def test_only_what_is_not_owed_is_swept(world, funds, donor, token):
    DOORS["donate_native"](world, 600)
    DOORS["donate_token"](world, 60)
    for asset in (ZERO, token):
        with world.refuses("funds: nothing to sweep"):
            funds.sweep(asset)
    boa.env.set_balance(funds.address, 607)
    token.transfer(funds, 9, sender=donor)
    for asset, surplus in ((COIN, 7), (token, 9)):
        assert funds.surplus(asset) == surplus
        with moves(world.assets, world.accounts) as moved:
            assert funds.sweep(asset, sender=world.stranger) == surplus
            logs = of(funds, logged(funds))
        assert logs == [entry(funds, "Swept", asset=asset, amount=surplus)]
        assert moved == change((asset, funds, -surplus), (asset, world.reserve, surplus))
        assert funds.surplus(asset) == 0
    world.check()


def test_a_token_never_listed_is_all_surplus(world, funds):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 2)
    other.mint(funds, 5)
    assert funds.sweep(other) == 5
    assert other.balanceOf(world.reserve) == 5


def test_no_sweep_through_a_second_door_to_the_same_money(world, funds, donor):
    """Attack 5: some money answers at two addresses, and only one of them is listed."""
    money = deployers.STRANGE_TOKEN.deploy(6, 0)
    funds.list_asset(money, sender=world.timelock)
    world.fill(donor, funds, token=money)
    funds.donate_token(1, 1, money, 60, MEMO, sender=donor)
    door = deployers.TWO_DOORS.deploy(money)
    with world.refuses("funds: sweep would touch what is owed"):
        funds.sweep(door)
    # what is given in the meantime or after is not in the way
    assert money.balanceOf(funds) == 60


def test_a_shortfall_is_not_a_surplus(world, funds, donor):
    """What a token took away by itself cannot make `surplus` fail."""
    money = deployers.STRANGE_TOKEN.deploy(6, 0)
    funds.list_asset(money, sender=world.timelock)
    world.fill(donor, funds, token=money)
    funds.donate_token(1, 1, money, 60, MEMO, sender=donor)
    money.rebase(5 * 10**17)
    assert funds.surplus(money) == 0
    with world.refuses("funds: nothing to sweep"):
        funds.sweep(money)
