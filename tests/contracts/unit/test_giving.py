"""Giving: gifts to one charity and to carts of them, in the coin and in listed tokens."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.money import COIN, change, moves, send
from tests.contracts.protocol import (
    BURNING,
    MEMO,
    NO_MEMO,
    NO_SIGNATURE,
    REVERTING,
    Protocol,
    calldata,
    place,
    set_code,
)

ZERO = "0x" + "00" * 20
PERMITTED = 2**255


@pytest.fixture(scope="module")
def world():
    return Protocol()


@pytest.fixture(scope="module")
def giving(world):
    return world.giving


@pytest.fixture(scope="module")
def token(world):
    return world.token


@pytest.fixture(scope="module")
def payees():
    return [roles.address(f"charity {number}") for number in range(3)]


@pytest.fixture(scope="module")
def charities(world, payees):
    return [world.verify(payee) for payee in payees]


@pytest.fixture(scope="module")
def donor(world, charities):
    """Has plenty of the token, and has allowed Giving all of it."""
    assert len(charities) == 3
    world.fill(world.donor, world.giving)
    return world.donor


@pytest.fixture(scope="module")
def people(world, payees):
    """Whose balances every gift is checked against."""
    return [world.donor, *payees, world.operations, world.stranger, *world.contracts]


@pytest.fixture(scope="module")
def strange(world):
    """strange(traits, is_measured) -> a listed odd token, the donor's allowance given."""

    def strange(traits=0, is_measured=False, amount=10**12):
        token = deployers.STRANGE_TOKEN.deploy(6, traits)
        world.giving.list_asset(token, is_measured, sender=world.timelock)
        world.fill(world.donor, world.giving, token=token, amount=amount)
        return token

    return strange


def donated(world, charity_id, asset, amount, donor=None, memo=MEMO):
    return entry(
        world.giving,
        "Donated",
        donor=world.donor if donor is None else donor,
        charity_id=charity_id,
        asset=getattr(asset, "address", asset),
        payee=world.registry.payee(charity_id),
        amount=amount,
        memo=memo,
    )


def part_failed(world, charity_id, asset, amount):
    (emitter, _, fields) = donated(world, charity_id, asset, amount)
    return (emitter, "PartFailed", fields)


def tipped(world, asset, amount, event="Tipped"):
    return entry(
        world.giving,
        event,
        donor=world.donor,
        operations=world.giving.operations(),
        asset=getattr(asset, "address", asset),
        amount=amount,
        memo=MEMO,
    )


def of(contract, logs):
    return [log for log in logs if log[0] == contract.address]


# --- constructor ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (0, "giving: zero timelock"),
        (1, "giving: zero registry"),
        (2, "giving: zero receipts"),
        (3, "giving: zero reserve"),
        (4, "giving: zero operations"),
    ],
)
def test_a_zero_address_is_refused(missing, reason):
    addresses = [place(f"part {number}") for number in range(5)]
    addresses[missing] = ZERO
    with boa.reverts(reason):
        deployers.GIVING.deploy(*addresses, [])


def test_the_constructor_fixes_everything(stablecoin):
    addresses = [place(f"part {number}") for number in range(5)]
    giving = deployers.GIVING.deploy(*addresses, [(stablecoin.address, True)])
    assert logged(giving) == [
        entry(giving, "OperationsChanged", operations=addresses[4]),
        entry(giving, "AssetListed", asset=stablecoin, decimals=6, is_measured=True),
    ]
    assert [
        giving.TIMELOCK(),
        giving.REGISTRY(),
        giving.RECEIPTS(),
        giving.RESERVE(),
        giving.operations(),
    ] == addresses
    assert giving.MAX_CART() == 32
    assert giving.NATIVE() == ZERO
    assert tuple(giving.asset_info(stablecoin)) == (True, True, 6, 0)
    assert giving.known_assets() == [stablecoin.address]


def test_no_other_function_exists_no_pause_no_way_for_the_owner_to_money(giving):
    assert function_names(giving) == {
        "TIMELOCK",
        "REGISTRY",
        "RECEIPTS",
        "RESERVE",
        "MAX_CART",
        "NATIVE",
        "operations",
        "asset_info",
        "known_assets",
        "donate_native",
        "donate_token",
        "donate_token_with_permit",
        "donate_cart_native",
        "donate_cart_token",
        "donate_cart_token_with_permit",
        "sweep",
        "list_asset",
        "unlist_asset",
        "set_operations",
    }


def test_events_are_what_readers_expect(giving):
    gift = (
        "*address donor, *uint256 charity_id, address asset, address payee, uint256 amount, "
        "bytes32 memo"
    )
    tip = "*address donor, *address operations, address asset, uint256 amount, bytes32 memo"
    assert event_signatures(giving) == {
        "Donated": gift,
        "PartFailed": gift,
        "Tipped": tip,
        "TipFailed": tip,
        "OperationsChanged": "*address operations",
        "Swept": "*address asset, uint256 amount",
        "AssetListed": "*address asset, uint256 decimals, bool is_measured",
        "AssetUnlisted": "*address asset",
    }


# --- one gift in the coin -------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [1, 10**18, 2**96])
def test_a_gift_in_the_coin_reaches_the_charity_whole(
    world, giving, donor, people, payees, charities, amount
):
    boa.env.set_balance(donor, 2**97)
    with moves(world.assets, people) as moved:
        giving.donate_native(charities[0], MEMO, value=amount, sender=donor)
        assert logged(giving) == [donated(world, charities[0], COIN, amount)]
    assert moved == change((COIN, donor, -amount), (COIN, payees[0], amount))
    assert world.receipts.token_count() == 0
    world.check()


def test_a_tip_in_the_coin_comes_on_top(world, giving, donor, people, payees, charities):
    with moves(world.assets, people) as moved:
        giving.donate_native(charities[0], MEMO, 7, value=107, sender=donor)
        assert logged(giving) == [
            donated(world, charities[0], COIN, 100),
            tipped(world, COIN, 7),
        ]
    assert moved == change((COIN, donor, -107), (COIN, payees[0], 100), (COIN, world.operations, 7))
    world.check()


def test_a_receipt_for_a_gift_in_the_coin(world, giving, donor, charities, now):
    giving.donate_native(charities[1], MEMO, 7, True, value=107, sender=donor)
    logs = logged(giving)
    assert of(giving, logs) == [
        donated(world, charities[1], COIN, 100),
        tipped(world, COIN, 7),
    ]
    assert ("ReceiptMinted", 100) in [
        (name, fields.get("amount")) for _, name, fields in of(world.receipts, logs)
    ]
    receipt = world.receipts.receipt(1)
    assert tuple(receipt) == (
        donor,
        charities[1],
        0,
        ZERO,
        100,
        MEMO,
        now,
        world.registry.legal_id(charities[1]),
    )


def test_a_tip_that_is_refused_comes_back(world, giving, donor, people, payees, charities):
    boa.env.set_code(world.operations, REVERTING)
    with moves(world.assets, people) as moved:
        giving.donate_native(charities[0], MEMO, 7, value=107, sender=donor)
        assert logged(giving) == [
            donated(world, charities[0], COIN, 100),
            tipped(world, COIN, 7, "TipFailed"),
        ]
    assert moved == change((COIN, donor, -100), (COIN, payees[0], 100))
    world.check()


def test_a_donor_that_takes_no_change_gives_nothing(world, giving, charities):
    donor = set_code("donor without a door", REVERTING)
    boa.env.set_balance(donor, 10**18)
    boa.env.set_code(world.operations, REVERTING)
    with world.refuses("transfers: receiver refused"):
        giving.donate_native(charities[0], MEMO, 7, value=107, sender=donor)
    giving.donate_native(charities[0], MEMO, value=107, sender=donor)


@pytest.mark.parametrize(("value", "tip"), [(0, 0), (5, 5), (5, 6), (0, 1), (5, 2**256 - 1)])
def test_no_gift_without_an_amount_in_the_coin(world, giving, donor, charities, value, tip):
    with world.refuses("giving: zero amount"):
        giving.donate_native(charities[0], MEMO, tip, value=value, sender=donor)


@pytest.mark.parametrize("code", [REVERTING, BURNING])
def test_a_charity_that_refuses_the_coin_leaves_it_with_the_donor(
    world, giving, donor, charities, payees, code
):
    boa.env.set_code(payees[0], code)
    with world.refuses("giving: charity refused the coin"):
        giving.donate_native(charities[0], MEMO, 7, value=107, sender=donor)


def test_the_payee_cannot_give_to_itself(world, giving, charities, payees, token):
    """Attack 19: gifts that move nothing would fill logs and receipts."""
    world.fill(payees[0], giving)
    reason = "giving: donor is the payee"
    with world.refuses(reason):
        giving.donate_native(charities[0], MEMO, value=5, sender=payees[0])
    with world.refuses(reason):
        giving.donate_token(charities[0], token, 5, MEMO, sender=payees[0])
    with world.refuses(reason):
        giving.donate_cart_native([charities[0]], [5], MEMO, value=5, sender=payees[0])
    with world.refuses(reason):
        giving.donate_cart_token(token, [charities[0]], [5], MEMO, sender=payees[0])
    # to another it may
    giving.donate_native(charities[1], MEMO, value=5, sender=payees[0])


# --- who may receive: the same for all six doors --------------------------------------------------

DOORS = {
    "donate_native": lambda world, donor, number: world.giving.donate_native(
        number, MEMO, value=5, sender=donor
    ),
    "donate_token": lambda world, donor, number: world.giving.donate_token(
        number, world.token, 5, MEMO, sender=donor
    ),
    "donate_token_with_permit": lambda world, donor, number: world.giving.donate_token_with_permit(
        number, world.token, 5, MEMO, 0, False, *NO_SIGNATURE, sender=donor
    ),
    "donate_cart_native": lambda world, donor, number: world.giving.donate_cart_native(
        [1, number], [5, 5], MEMO, value=10, sender=donor
    ),
    "donate_cart_token": lambda world, donor, number: world.giving.donate_cart_token(
        world.token, [1, number], [5, 5], MEMO, sender=donor
    ),
    "donate_cart_token_with_permit": lambda world, donor, number: (
        world.giving.donate_cart_token_with_permit(
            world.token, [1, number], [5, 5], MEMO, 0, False, *NO_SIGNATURE, sender=donor
        )
    ),
}
EVERY_DOOR = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@EVERY_DOOR
@pytest.mark.parametrize("number", [0, 4, 2**18, 2**256 - 1])
def test_an_unknown_charity_receives_nothing(world, donor, door, number):
    with world.refuses("registry: unknown charity"):
        door(world, donor, number)


@EVERY_DOOR
def test_a_suspended_charity_receives_nothing_until_it_is_over(world, donor, charities, door):
    world.suspend(charities[1])
    until = world.registry.charity(charities[1]).suspended_until
    with world.refuses("registry: charity is suspended"):
        door(world, donor, charities[1])
    boa.env.timestamp = until - 1
    with world.refuses("registry: charity is suspended"):
        door(world, donor, charities[1])
    boa.env.timestamp = until
    door(world, donor, charities[1])


@EVERY_DOOR
@pytest.mark.parametrize("term", [100, 101])
def test_an_expired_charity_receives_nothing(world, donor, door, term):
    expiry = boa.env.timestamp + term
    number = world.verify(place("short-lived"), term=term)
    boa.env.timestamp = expiry - 1
    door(world, donor, number)
    boa.env.timestamp = expiry
    with world.refuses("registry: charity is expired"):
        door(world, donor, number)
    boa.env.timestamp = expiry + 1
    with world.refuses("registry: charity is expired"):
        door(world, donor, number)


@EVERY_DOOR
def test_a_revoked_charity_receives_nothing(world, donor, charities, door):
    world.revoke(charities[1])
    with world.refuses("registry: charity is revoked"):
        door(world, donor, charities[1])


@EVERY_DOOR
def test_a_new_payee_receives_from_the_moment_it_has_accepted(
    world, donor, charities, payees, door
):
    successor = roles.address("successor")
    world.registry.propose_payee(charities[1], successor, sender=payees[1])
    boa.env.time_travel(seconds=world.registry.PAYEE_DELAY())
    assets, people = [COIN, world.token], [payees[1], successor]
    with moves(assets, people) as moved:
        door(world, donor, charities[1])
    assert [account for _, account in moved] == [payees[1]]
    world.registry.accept_payee(charities[1], sender=successor)
    with moves(assets, people) as moved:
        door(world, donor, charities[1])
    assert [account for _, account in moved] == [successor]


@EVERY_DOOR
def test_the_same_memo_twice_is_logged_twice(world, donor, charities, door):
    for _ in range(2):
        door(world, donor, charities[1])
        memos = [fields["memo"] for _, name, fields in logged(world.giving) if name == "Donated"]
        assert memos and set(memos) == {MEMO}


# --- one gift in a token --------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [1, 10**6, 2**96, 10**30])
def test_a_gift_in_a_token_reaches_the_charity_whole(
    world, giving, donor, people, payees, charities, token, amount
):
    with moves(world.assets, people) as moved:
        giving.donate_token(charities[0], token, amount, MEMO, sender=donor)
        logs = of(giving, logged(giving))
    assert logs == [donated(world, charities[0], token, amount)]
    assert moved == change((token, donor, -amount), (token, payees[0], amount))
    world.check()


def test_a_gift_without_a_memo(world, giving, donor, charities, token):
    giving.donate_token(charities[0], token, 5, NO_MEMO, sender=donor)
    assert of(giving, logged(giving)) == [donated(world, charities[0], token, 5, memo=NO_MEMO)]


def test_a_tip_in_a_token_comes_on_top(world, giving, donor, people, payees, charities, token):
    with moves(world.assets, people) as moved:
        giving.donate_token(charities[0], token, 100, MEMO, 7, sender=donor)
        logs = of(giving, logged(giving))
    assert logs == [donated(world, charities[0], token, 100), tipped(world, token, 7)]
    assert moved == change(
        (token, donor, -107), (token, payees[0], 100), (token, world.operations, 7)
    )


def test_a_receipt_for_a_gift_in_a_token(world, giving, donor, charities, token, now):
    giving.donate_token(charities[2], token, 100, MEMO, 7, True, sender=donor)
    assert tuple(world.receipts.receipt(1)) == (
        donor,
        charities[2],
        0,
        token.address,
        100,
        MEMO,
        now,
        world.registry.legal_id(charities[2]),
    )


def test_a_receipt_too_large_to_be_written_refuses_the_gift(world, giving, donor, charities, token):
    with world.refuses("receipts: amount too large"):
        giving.donate_token(charities[0], token, 2**96, MEMO, 0, True, sender=donor)
    giving.donate_token(charities[0], token, 2**96 - 1, MEMO, 0, True, sender=donor)


def test_a_tip_that_the_token_refuses_stays_with_the_donor(
    world, giving, donor, people, payees, charities, token
):
    token.approve(giving, 106, sender=donor)
    with moves(world.assets, people) as moved:
        giving.donate_token(charities[0], token, 100, MEMO, 7, sender=donor)
        logs = of(giving, logged(giving))
    assert logs == [
        donated(world, charities[0], token, 100),
        tipped(world, token, 7, "TipFailed"),
    ]
    assert moved == change((token, donor, -100), (token, payees[0], 100))
    assert token.allowance(donor, giving) == 6


def test_no_gift_without_an_amount_in_a_token(world, giving, donor, charities, token):
    with world.refuses("giving: zero amount"):
        giving.donate_token(charities[0], token, 0, MEMO, 7, sender=donor)
    with world.refuses("giving: zero amount"):
        giving.donate_token_with_permit(
            charities[0], token, 0, MEMO, 7, False, *NO_SIGNATURE, sender=donor
        )


@pytest.mark.parametrize("asset", ["the coin", "an account", "a token not listed", "unlisted"])
def test_an_asset_that_is_not_listed_is_refused(world, giving, donor, charities, token, asset):
    """Attack 1: the zero address among them, behind which a transfer always succeeds."""
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    world.fill(donor, giving, token=other)
    if asset == "unlisted":
        giving.unlist_asset(token, sender=world.timelock)
    asset = {
        "the coin": ZERO,
        "an account": place("account"),
        "a token not listed": other.address,
        "unlisted": token.address,
    }[asset]
    with world.refuses("giving: asset is not listed"):
        giving.donate_token(charities[0], asset, 5, MEMO, sender=donor)
    with world.refuses("giving: asset is not listed"):
        giving.donate_token_with_permit(
            charities[0], asset, 5, MEMO, 0, False, *NO_SIGNATURE, sender=donor
        )
    with world.refuses("giving: asset is not listed"):
        giving.donate_cart_token(asset, charities, [5, 5, 5], MEMO, sender=donor)
    with world.refuses("giving: asset is not listed"):
        giving.donate_cart_token_with_permit(
            asset, charities, [5, 5, 5], MEMO, 0, False, *NO_SIGNATURE, sender=donor
        )


def test_value_sent_with_a_token_gift_is_refused(world, giving, donor, charities, token):
    reason = "giving: value sent with a token gift"
    with world.refuses(reason):
        giving.donate_token(charities[0], token, 5, MEMO, value=1, sender=donor)
    with world.refuses(reason):
        giving.donate_token_with_permit(
            charities[0], token, 5, MEMO, 0, False, *NO_SIGNATURE, value=1, sender=donor
        )
    with world.refuses(reason):
        giving.donate_cart_token(token, charities, [5, 5, 5], MEMO, value=1, sender=donor)
    with world.refuses(reason):
        giving.donate_cart_token_with_permit(
            token, charities, [5, 5, 5], MEMO, 0, False, *NO_SIGNATURE, value=1, sender=donor
        )


@pytest.mark.parametrize("amount", [10**30 + 1, 2**128, 2**256 - 1])
def test_more_than_the_donor_has_is_refused(world, giving, donor, charities, token, amount):
    token.approve(giving, 2**256 - 1, sender=donor)
    with world.refuses("erc20: balance too low"):
        giving.donate_token(charities[0], token, amount, MEMO, sender=donor)


def test_more_than_the_donor_allowed_is_refused(world, giving, donor, charities, token):
    token.approve(giving, 4, sender=donor)
    with world.refuses("erc20: allowance too low"):
        giving.donate_token(charities[0], token, 5, MEMO, sender=donor)


def test_a_token_that_answers_no_is_refused(world, giving, donor, charities, strange, payees):
    token = strange(1)
    token.set_blocked(payees[0], True)
    with world.refuses("transfers: token refused"):
        giving.donate_token(charities[0], token, 5, MEMO, sender=donor)


def test_a_measured_token_must_arrive_whole(world, giving, donor, charities, payees, strange):
    token = strange(16, is_measured=True)
    with world.refuses("giving: the asset took a fee"):
        giving.donate_token(charities[0], token, 100, MEMO, sender=donor)
    with world.refuses("giving: the asset took a fee"):
        giving.donate_cart_token(token, charities, [100, 100, 100], MEMO, sender=donor)
    # too little for a fee
    giving.donate_token(charities[0], token, 99, MEMO, sender=donor)
    giving.donate_cart_token(token, charities[:2], [99, 98], MEMO, sender=donor)
    assert [token.balanceOf(payee) for payee in payees] == [99 + 99, 98, 0]


# --- permits --------------------------------------------------------------------------------------


@pytest.fixture
def unallowed(world, charities):
    """A donor of tokens who has allowed nothing yet; charities exist."""
    assert charities
    donor = roles.address("permitting donor")
    world.fill(donor)
    return donor


def permit(world, amount, deadline=PERMITTED, **forged):
    return roles.sign_permit(
        world.token, "permitting donor", world.giving, amount, deadline, **forged
    )


def test_a_permit_replaces_the_allowance(world, giving, unallowed, charities, token, people):
    signed = permit(world, 107)
    with moves(world.assets, [*people, unallowed]) as moved:
        giving.donate_token_with_permit(
            charities[0], token, 100, MEMO, 7, True, *signed.signature, sender=unallowed
        )
        logs = of(giving, logged(giving))
    assert logs[0] == donated(world, charities[0], token, 100, donor=unallowed)
    assert [name for _, name, _ in logs] == ["Donated", "Tipped"]
    assert moved == change(
        (token, unallowed, -107),
        (token, world.registry.payee(charities[0]), 100),
        (token, world.operations, 7),
    )
    assert token.allowance(unallowed, giving) == 0
    assert world.receipts.ownerOf(1) == unallowed


def test_a_permit_for_a_cart_is_for_its_sum(world, giving, unallowed, charities, token, payees):
    signed = permit(world, 1 + 2 + 3 + 7)
    giving.donate_cart_token_with_permit(
        token, charities, [1, 2, 3], MEMO, 7, True, *signed.signature, sender=unallowed
    )
    assert [token.balanceOf(payee) for payee in payees] == [1, 2, 3]
    assert token.balanceOf(world.operations) == 7
    assert world.receipts.balanceOf(unallowed) == 3
    assert token.allowance(unallowed, giving) == 0


def test_a_front_run_permit_still_gives(world, giving, unallowed, charities, token, payees):
    signed = permit(world, 100)
    token.permit(*signed.arguments, sender=world.stranger)
    giving.donate_token_with_permit(
        charities[0], token, 100, MEMO, 0, False, *signed.signature, sender=unallowed
    )
    assert token.balanceOf(payees[0]) == 100


def test_a_front_run_permit_for_a_cart_still_gives(
    world, giving, unallowed, charities, token, payees
):
    signed = permit(world, 6)
    token.permit(*signed.arguments, sender=world.stranger)
    giving.donate_cart_token_with_permit(
        token, charities, [1, 2, 3], MEMO, 0, False, *signed.signature, sender=unallowed
    )
    assert [token.balanceOf(payee) for payee in payees] == [1, 2, 3]


@pytest.mark.parametrize("fault", ["expired", "replayed", "of another", "for less", "nonsense"])
def test_a_bad_permit_gives_nothing(world, giving, unallowed, charities, token, fault):
    if fault == "expired":
        signature = permit(world, 100, boa.env.timestamp - 1).signature
    elif fault == "replayed":
        signed = permit(world, 100)
        giving.donate_token_with_permit(
            charities[0], token, 100, MEMO, 0, False, *signed.signature, sender=unallowed
        )
        signature = signed.signature
    elif fault == "of another":
        signature = permit(world, 100, owner=world.stranger).signature
    elif fault == "for less":
        signature = permit(world, 99).signature
    else:
        signature = NO_SIGNATURE
    with world.refuses("erc20: allowance too low"):
        giving.donate_token_with_permit(
            charities[0], token, 100, MEMO, 0, False, *signature, sender=unallowed
        )
    with world.refuses("giving: allowance too low"):
        giving.donate_cart_token_with_permit(
            token, charities[:1], [100], MEMO, 0, False, *signature, sender=unallowed
        )


def test_a_permit_moves_nobody_elses_money(world, giving, unallowed, charities, token):
    """The owner is always the sender."""
    signed = permit(world, 100)
    with world.refuses("erc20: balance too low"):
        token.approve(giving, 100, sender=world.stranger)
        giving.donate_token_with_permit(
            charities[0], token, 100, MEMO, 0, False, *signed.signature, sender=world.stranger
        )
    assert token.balanceOf(unallowed) == 10**30


def test_an_expiry_of_a_permit_is_the_last_second(world, giving, unallowed, charities, token):
    signed = permit(world, 100, boa.env.timestamp)
    giving.donate_token_with_permit(
        charities[0], token, 100, MEMO, 0, False, *signed.signature, sender=unallowed
    )


def test_a_token_without_permit_falls_back_on_the_allowance(
    giving, donor, charities, strange, payees
):
    token = strange()
    giving.donate_token_with_permit(
        charities[0], token, 5, MEMO, 0, False, *NO_SIGNATURE, sender=donor
    )
    assert token.balanceOf(payees[0]) == 5


# --- carts in the coin ----------------------------------------------------------------------------


def test_a_cart_in_the_coin(world, giving, donor, people, payees, charities):
    with moves(world.assets, people) as moved:
        giving.donate_cart_native(charities, [1, 20, 300], MEMO, 7, value=328, sender=donor)
        assert logged(giving) == [
            donated(world, charities[0], COIN, 1),
            donated(world, charities[1], COIN, 20),
            donated(world, charities[2], COIN, 300),
            tipped(world, COIN, 7),
        ]
    assert moved == change(
        (COIN, donor, -328),
        (COIN, payees[0], 1),
        (COIN, payees[1], 20),
        (COIN, payees[2], 300),
        (COIN, world.operations, 7),
    )
    world.check()


def test_receipts_for_a_cart_in_the_coin_are_for_the_parts_paid(
    world, giving, donor, payees, charities
):
    boa.env.set_code(payees[1], REVERTING)
    giving.donate_cart_native(charities, [1, 20, 300], MEMO, 0, True, value=321, sender=donor)
    assert world.receipts.token_count() == 2
    assert [
        (receipt.recipient_id, receipt.amount)
        for receipt in (world.receipts.receipt(1), world.receipts.receipt(2))
    ] == [(charities[0], 1), (charities[2], 300)]


@pytest.mark.parametrize("code", [REVERTING, BURNING])
def test_a_part_refused_comes_back_and_disturbs_nobody(
    world, giving, donor, people, payees, charities, code
):
    boa.env.set_code(payees[1], code)
    with moves(world.assets, people) as moved:
        giving.donate_cart_native(charities, [1, 20, 300], MEMO, 7, value=328, sender=donor)
        assert logged(giving) == [
            donated(world, charities[0], COIN, 1),
            part_failed(world, charities[1], COIN, 20),
            donated(world, charities[2], COIN, 300),
            tipped(world, COIN, 7),
        ]
    assert moved == change(
        (COIN, donor, -308),
        (COIN, payees[0], 1),
        (COIN, payees[2], 300),
        (COIN, world.operations, 7),
    )
    world.check()


def test_a_part_and_the_tip_refused_come_back_together(
    world, giving, donor, people, payees, charities
):
    boa.env.set_code(payees[1], REVERTING)
    boa.env.set_code(world.operations, REVERTING)
    with moves(world.assets, people) as moved:
        giving.donate_cart_native(charities, [1, 20, 300], MEMO, 7, value=328, sender=donor)
        assert logged(giving) == [
            donated(world, charities[0], COIN, 1),
            part_failed(world, charities[1], COIN, 20),
            donated(world, charities[2], COIN, 300),
            tipped(world, COIN, 7, "TipFailed"),
        ]
    assert moved == change((COIN, donor, -301), (COIN, payees[0], 1), (COIN, payees[2], 300))
    world.check()


def test_a_cart_of_which_nothing_arrives_is_refused(world, giving, donor, payees, charities):
    """Attack 8: a transaction that gave nothing must not look as if it had."""
    for payee in payees:
        boa.env.set_code(payee, REVERTING)
    for tip in (0, 7):
        with world.refuses("giving: nothing was given"):
            giving.donate_cart_native(
                charities, [1, 20, 300], MEMO, tip, value=321 + tip, sender=donor
            )


@pytest.mark.parametrize(("value", "tip"), [(0, 0), (7, 7)])
def test_an_empty_cart_in_the_coin_is_refused(world, giving, donor, value, tip):
    with world.refuses("giving: nothing was given"):
        giving.donate_cart_native([], [], MEMO, tip, value=value, sender=donor)


@pytest.mark.parametrize("value", [0, 1, 320, 321, 327, 329, 10**18])
def test_the_value_must_be_the_sum(world, giving, donor, charities, value):
    with world.refuses("giving: value is not the sum"):
        giving.donate_cart_native(charities, [1, 20, 300], MEMO, 7, value=value, sender=donor)


@pytest.mark.parametrize("amounts", [[2**256 - 1, 2, 1], [1, 2**255, 2**255]])
def test_amounts_that_wrap_around_are_not_the_sum(world, giving, donor, charities, amounts):
    value = sum(amounts) % 2**256
    with world.refuses("giving: value is not the sum"):
        giving.donate_cart_native(charities, amounts, MEMO, value=value, sender=donor)


def test_a_part_of_zero_is_refused(world, giving, donor, charities, token):
    with world.refuses("giving: zero amount"):
        giving.donate_cart_native(charities, [1, 0, 300], MEMO, value=301, sender=donor)
    with world.refuses("giving: zero amount"):
        giving.donate_cart_token(token, charities, [1, 0, 300], MEMO, sender=donor)


@pytest.mark.parametrize("amounts", [[], [1, 20], [1, 20, 300, 4_000]])
def test_there_are_as_many_amounts_as_charities(world, giving, donor, charities, token, amounts):
    reason = "giving: as many amounts as charities"
    with world.refuses(reason):
        giving.donate_cart_native(charities, amounts, MEMO, value=sum(amounts), sender=donor)
    with world.refuses(reason):
        giving.donate_cart_token(token, charities, amounts, MEMO, sender=donor)


def test_a_charity_may_be_in_a_cart_twice(world, giving, donor, payees, charities, token):
    cart = [charities[0], charities[1], charities[0]]
    before = boa.env.get_balance(payees[0])
    giving.donate_cart_native(cart, [1, 20, 300], MEMO, value=321, sender=donor)
    assert boa.env.get_balance(payees[0]) == before + 301
    giving.donate_cart_token(token, cart, [1, 20, 300], MEMO, sender=donor)
    assert token.balanceOf(payees[0]) == 301
    world.check()


def test_a_cart_holds_32_and_no_more(world, giving, donor, payees, charities, token):
    cart = [charities[0]] * 32
    giving.donate_cart_native(cart, [1] * 32, MEMO, value=32, sender=donor)
    giving.donate_cart_token(token, cart, [1] * 32, MEMO, sender=donor)
    assert token.balanceOf(payees[0]) == 32

    before = world.books()
    for size, is_taken in ((33, False), (32, True)):
        done = boa.env.execute_code(
            to_address=giving.address,
            sender=donor,
            value=size,
            data=calldata(
                "donate_cart_native",
                ["uint256[]", "uint256[]", "bytes32"],
                [charities[0]] * size,
                [1] * size,
                MEMO,
            ),
        )
        assert done.is_success == is_taken
        if not is_taken:
            assert world.books() == before


# --- carts in a token -----------------------------------------------------------------------------


def test_a_cart_in_a_token(world, giving, donor, people, payees, charities, token):
    with moves(world.assets, people) as moved:
        giving.donate_cart_token(token, charities, [1, 20, 300], MEMO, 7, sender=donor)
        logs = of(giving, logged(giving))
    assert logs == [
        donated(world, charities[0], token, 1),
        donated(world, charities[1], token, 20),
        donated(world, charities[2], token, 300),
        tipped(world, token, 7),
    ]
    assert moved == change(
        (token, donor, -328),
        (token, payees[0], 1),
        (token, payees[1], 20),
        (token, payees[2], 300),
        (token, world.operations, 7),
    )
    world.check()


@pytest.mark.parametrize("traits", [0, 1], ids=["reverts", "answers false"])
@pytest.mark.parametrize("is_measured", [False, True])
def test_a_part_that_the_token_refuses_stays_with_the_donor(
    world, giving, donor, people, payees, charities, strange, traits, is_measured
):
    token = strange(traits, is_measured)
    token.set_blocked(payees[1], True)
    with moves([token], people) as moved:
        giving.donate_cart_token(token, charities, [1, 20, 300], MEMO, 7, True, sender=donor)
        logs = of(giving, logged(giving))
    assert logs == [
        donated(world, charities[0], token, 1),
        part_failed(world, charities[1], token, 20),
        donated(world, charities[2], token, 300),
        tipped(world, token, 7),
    ]
    assert moved == change(
        (token, donor, -308),
        (token, payees[0], 1),
        (token, payees[2], 300),
        (token, world.operations, 7),
    )
    assert world.receipts.token_count() == 2


@pytest.mark.parametrize("all_of_it", ["balance", "allowance"])
def test_a_refused_part_may_be_all_that_the_donor_has_left(
    world, giving, donor, payees, charities, strange, all_of_it
):
    token = strange()
    token.set_blocked(payees[1], True)
    if all_of_it == "balance":
        token.transfer(world.stranger, token.balanceOf(donor) - 21, sender=donor)
    else:
        token.approve(giving, 21, sender=donor)
    giving.donate_cart_token(token, charities[:2], [1, 20], MEMO, sender=donor)
    assert of(giving, logged(giving)) == [
        donated(world, charities[0], token, 1),
        part_failed(world, charities[1], token, 20),
    ]


def test_a_cart_in_a_token_of_which_nothing_arrives_is_refused(
    world, giving, donor, payees, charities, strange
):
    token = strange()
    for payee in payees:
        token.set_blocked(payee, True)
    with world.refuses("giving: nothing was given"):
        giving.donate_cart_token(token, charities, [1, 20, 300], MEMO, 7, sender=donor)


def test_an_empty_cart_in_a_token_is_refused(world, giving, donor, token):
    with world.refuses("giving: nothing was given"):
        giving.donate_cart_token(token, [], [], MEMO, 7, sender=donor)


@pytest.mark.parametrize("short_by", [1, 300])
def test_a_cart_that_the_allowance_does_not_cover_is_refused_whole(
    world, giving, donor, charities, token, short_by
):
    token.approve(giving, 321 - short_by, sender=donor)
    with world.refuses("giving: allowance too low"):
        giving.donate_cart_token(token, charities, [1, 20, 300], MEMO, sender=donor)


@pytest.mark.parametrize("short_by", [1, 300])
def test_a_cart_that_the_balance_does_not_cover_is_refused_whole(
    world, giving, donor, charities, token, short_by
):
    token.transfer(world.stranger, 10**30 - 321 + short_by, sender=donor)
    with world.refuses("giving: balance too low"):
        giving.donate_cart_token(token, charities, [1, 20, 300], MEMO, sender=donor)


def test_a_tip_of_a_cart_that_is_refused_stays_with_the_donor(
    world, giving, donor, people, charities, token
):
    token.approve(giving, 327, sender=donor)
    with moves(world.assets, people) as moved:
        giving.donate_cart_token(token, charities, [1, 20, 300], MEMO, 7, sender=donor)
        logs = of(giving, logged(giving))
    assert logs[-1] == tipped(world, token, 7, "TipFailed")
    assert (token.address, world.operations) not in moved
    assert moved[token.address, donor] == -321


# --- what strays in -------------------------------------------------------------------------------


def test_coin_is_refused_outside_of_a_gift(world, giving, donor):
    assert send(giving, 1, sender=donor) is not None
    world.check()


def test_what_strayed_in_goes_to_the_reserve(world, giving, donor, people, token):
    boa.env.set_balance(giving.address, 5)
    token.transfer(giving, 9, sender=donor)
    with moves(world.assets, people) as moved:
        assert giving.sweep(token, sender=world.stranger) == 9
        logs = of(giving, logged(giving))
    assert logs == [entry(giving, "Swept", asset=token, amount=9)]
    assert moved == change((token, giving, -9), (token, world.reserve, 9))
    with moves(world.assets, people) as moved:
        assert giving.sweep(ZERO, sender=world.stranger) == 5
        logs = of(giving, logged(giving))
    assert logs == [entry(giving, "Swept", asset=ZERO, amount=5)]
    assert moved == change((COIN, giving, -5), (COIN, world.reserve, 5))
    world.check()


def test_nothing_is_swept_where_nothing_is(world, giving, token):
    for asset in (token, ZERO):
        with world.refuses("giving: nothing to sweep"):
            giving.sweep(asset, sender=world.stranger)


def test_what_lies_here_is_part_of_no_gift(world, giving, donor, people, payees, charities, token):
    """GIV-1: a gift leaves this contract's balances as it found them."""
    boa.env.set_balance(giving.address, 5)
    token.transfer(giving, 9, sender=donor)
    with moves(world.assets, people) as moved:
        giving.donate_native(charities[0], MEMO, 2, value=3, sender=donor)
        giving.donate_cart_native(charities[:1], [3], MEMO, 2, value=5, sender=donor)
        giving.donate_token(charities[0], token, 3, MEMO, sender=donor)
    assert moved == change(
        (COIN, donor, -8),
        (COIN, payees[0], 4),
        (COIN, world.operations, 4),
        (token, donor, -3),
        (token, payees[0], 3),
    )


# --- the timelock's -------------------------------------------------------------------------------

OF_THE_TIMELOCK = {
    "list_asset": lambda world: (deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6), False),
    "unlist_asset": lambda world: (world.token,),
    "set_operations": lambda world: (place("new operations"),),
}


@pytest.mark.parametrize("function", OF_THE_TIMELOCK)
@pytest.mark.parametrize("caller", ["donor", "guardian", "operations", "registrar", "stranger"])
def test_only_the_timelock_may(world, giving, function, caller):
    arguments = OF_THE_TIMELOCK[function](world)
    with world.refuses("giving: not the timelock"):
        getattr(giving, function)(*arguments, sender=getattr(world, caller))
    getattr(giving, function)(*arguments, sender=world.timelock)


def test_assets_are_listed_and_unlisted(world, giving, donor, charities):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 18)
    world.fill(donor, giving, token=other)
    giving.list_asset(other, True, sender=world.timelock)
    assert logged(giving) == [
        entry(giving, "AssetListed", asset=other, decimals=18, is_measured=True)
    ]
    giving.donate_token(charities[0], other, 5, MEMO, sender=donor)
    giving.unlist_asset(other, sender=world.timelock)
    assert logged(giving) == [entry(giving, "AssetUnlisted", asset=other)]
    assert tuple(giving.asset_info(other)) == (False, True, 18, 0)


def test_another_operations_payee_gets_later_tips(world, giving, donor, charities, people):
    other = roles.address("new operations")
    giving.set_operations(other, sender=world.timelock)
    assert logged(giving) == [entry(giving, "OperationsChanged", operations=other)]
    with moves([COIN], [*people, other]) as moved:
        giving.donate_native(charities[0], MEMO, 7, value=107, sender=donor)
    assert moved[COIN, other] == 7
    assert (COIN, world.operations) not in moved


def test_a_zero_or_unchanged_operations_payee_is_refused(world, giving):
    with world.refuses("giving: zero operations"):
        giving.set_operations(ZERO, sender=world.timelock)
    with world.refuses("giving: operations is the same"):
        giving.set_operations(world.operations, sender=world.timelock)


def test_gifts_go_on_while_the_funds_are_stopped(world, giving, donor, charities, token):
    """There is nothing to pause here."""
    world.funds.stop_entries(sender=world.guardian)
    boa.env.time_travel(seconds=DAY)
    giving.donate_native(charities[0], MEMO, value=5, sender=donor)
    giving.donate_token(charities[0], token, 5, MEMO, sender=donor)
