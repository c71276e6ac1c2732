"""EcosystemReserve: takes from everybody, gives to commission, reward pools and buyback alone."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.money import COIN, balance, change, moves, send

ZERO = "0x" + "00" * 20
HELD = 10**18


@pytest.fixture(scope="module")
def dobo():
    return deployers.DONA_BLOCK.deploy(roles.address("vesting"))


@pytest.fixture(scope="module")
def make(timelock, dobo, commission, buyback):
    def make(**changed):
        given = {
            "timelock": timelock,
            "dobo": dobo,
            "commission": commission,
            "buyback": buyback,
        } | changed
        return deployers.ECOSYSTEM_RESERVE.deploy(*given.values())

    return make


@pytest.fixture(scope="module")
def reserve(make, dobo, stablecoin):
    """Holds HELD of DOBO, of the stablecoin and of the coin; nothing is listed."""
    reserve = make()
    dobo.transfer(reserve, HELD, sender=roles.address("vesting"))
    stablecoin.mint(reserve, HELD)
    boa.env.set_balance(reserve.address, HELD)
    return reserve


@pytest.fixture(scope="module")
def commission():
    return deployers.RELAY.deploy()


@pytest.fixture(scope="module")
def buyback():
    return deployers.RELAY.deploy()


@pytest.fixture(scope="module")
def pool():
    return deployers.RELAY.deploy()


@pytest.fixture
def settled(reserve, timelock, pool, stablecoin):
    """The reserve with a reward pool and an asset listed."""
    reserve.add_reward_pool(pool, sender=timelock)
    reserve.list_asset(stablecoin, sender=timelock)
    return reserve


@pytest.fixture(scope="module")
def accounts(reserve, commission, buyback, pool, timelock, stranger):
    return [reserve, commission, buyback, pool, timelock, stranger, ZERO]


# --- constructor ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("timelock", "reserve: zero timelock"),
        ("dobo", "reserve: zero dobo"),
        ("commission", "reserve: zero commission"),
        ("buyback", "reserve: zero buyback"),
    ],
)
def test_a_zero_address_is_refused(make, name, reason):
    with boa.reverts(reason):
        make(**{name: ZERO})


def test_the_constructor_fixes_everything(
    reserve, timelock, dobo, commission, buyback, stablecoin, stranger
):
    assert reserve.TIMELOCK() == timelock
    assert reserve.DOBO() == dobo.address
    assert reserve.COMMISSION() == commission.address
    assert reserve.BUYBACK() == buyback.address
    assert not reserve.is_listed(stablecoin)
    assert not reserve.is_reward_pool(stranger)


def test_nothing_else_can_be_called(reserve):
    assert function_names(reserve) == {
        "add_reward_pool",
        "remove_reward_pool",
        "list_asset",
        "unlist_asset",
        "release",
        "is_reward_pool",
        "is_listed",
        "TIMELOCK",
        "DOBO",
        "COMMISSION",
        "BUYBACK",
    }


def test_the_logs_are_as_agreed(reserve):
    assert event_signatures(reserve) == {
        "Received": "*address sender, uint256 amount",
        "RewardPoolAdded": "*address pool",
        "RewardPoolRemoved": "*address pool",
        "AssetListed": "*address asset",
        "AssetUnlisted": "*address asset",
        "Released": "*address asset, *address receiver, uint256 amount",
    }


# --- only the timelock ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        ("add_reward_pool", ZERO),
        ("remove_reward_pool", ZERO),
        ("list_asset", ZERO),
        ("unlist_asset", ZERO),
        ("release", ZERO, ZERO, 1),
    ],
    ids=lambda call: call[0],
)
def test_only_the_timelock_may(settled, commission, buyback, pool, stranger, call):
    name, *arguments = call
    for sender in (stranger, boa.env.eoa, commission.address, buyback.address, pool.address):
        with boa.reverts("reserve: not the timelock"):
            getattr(settled, name)(*arguments, sender=sender)


# --- reward pools ---------------------------------------------------------------------------------


def test_a_reward_pool_without_code_reverts(reserve, timelock, stranger):
    for account in (ZERO, stranger):
        with boa.reverts("reserve: no code there"):
            reserve.add_reward_pool(account, sender=timelock)


def test_a_reward_pool_twice_reverts(settled, timelock, pool):
    with boa.reverts("reserve: already a reward pool"):
        settled.add_reward_pool(pool, sender=timelock)


def test_removing_what_is_no_reward_pool_reverts(settled, timelock, commission):
    with boa.reverts("reserve: not a reward pool"):
        settled.remove_reward_pool(commission, sender=timelock)


def test_reward_pools_come_and_go(reserve, timelock, pool):
    reserve.add_reward_pool(pool, sender=timelock)
    assert logged(reserve) == [entry(reserve, "RewardPoolAdded", pool=pool)]
    assert reserve.is_reward_pool(pool)
    reserve.remove_reward_pool(pool, sender=timelock)
    assert logged(reserve) == [entry(reserve, "RewardPoolRemoved", pool=pool)]
    assert not reserve.is_reward_pool(pool)


# --- listing --------------------------------------------------------------------------------------


def test_listing_dobo_reverts(reserve, timelock, dobo):
    with boa.reverts("reserve: DOBO is not for the buyback"):
        reserve.list_asset(dobo, sender=timelock)


def test_listing_twice_reverts(settled, timelock, stablecoin):
    with boa.reverts("reserve: already listed"):
        settled.list_asset(stablecoin, sender=timelock)


def test_listing_what_has_no_code_reverts(reserve, timelock, stranger):
    for asset in (COIN, stranger):
        with boa.reverts("reserve: no code there"):
            reserve.list_asset(asset, sender=timelock)


def test_unlisting_what_is_not_listed_reverts(settled, timelock, dobo):
    with boa.reverts("reserve: not listed"):
        settled.unlist_asset(dobo, sender=timelock)


def test_assets_come_and_go(reserve, timelock, stablecoin):
    reserve.list_asset(stablecoin, sender=timelock)
    assert logged(reserve) == [entry(reserve, "AssetListed", asset=stablecoin)]
    assert reserve.is_listed(stablecoin)
    reserve.unlist_asset(stablecoin, sender=timelock)
    assert logged(reserve) == [entry(reserve, "AssetUnlisted", asset=stablecoin)]
    assert not reserve.is_listed(stablecoin)


# --- release --------------------------------------------------------------------------------------


def test_release_of_nothing_reverts(settled, timelock, dobo, commission):
    with boa.reverts("reserve: zero amount"):
        settled.release(dobo, commission, 0, sender=timelock)


def test_release_of_dobo_elsewhere_reverts(settled, timelock, dobo, buyback, stranger):
    for receiver in (buyback.address, stranger, timelock, dobo.address, settled.address, ZERO):
        with boa.reverts("reserve: DOBO goes to the commission or a reward pool"):
            settled.release(dobo, receiver, 1, sender=timelock)


def test_release_of_dobo_to_a_removed_pool_reverts(settled, timelock, dobo, pool):
    settled.remove_reward_pool(pool, sender=timelock)
    with boa.reverts("reserve: DOBO goes to the commission or a reward pool"):
        settled.release(dobo, pool, 1, sender=timelock)


def test_release_of_an_unlisted_token_reverts(settled, timelock, stablecoin, buyback):
    settled.unlist_asset(stablecoin, sender=timelock)
    with boa.reverts("reserve: not listed"):
        settled.release(stablecoin, buyback, 1, sender=timelock)


def test_release_of_other_assets_elsewhere_reverts(
    settled, timelock, stablecoin, commission, pool, stranger
):
    for asset in (stablecoin.address, COIN):
        for receiver in (commission.address, pool.address, stranger, timelock, ZERO):
            with boa.reverts("reserve: receiver is not the buyback"):
                settled.release(asset, receiver, 1, sender=timelock)


def test_release_of_more_than_held_reverts(settled, timelock, dobo, commission, buyback):
    with boa.reverts("erc20: balance too low"):
        settled.release(dobo, commission, HELD + 1, sender=timelock)
    with boa.reverts("transfers: receiver refused"):
        settled.release(COIN, buyback, HELD + 1, sender=timelock)


def test_release_of_coin_that_the_buyback_refuses_reverts(make, timelock, stablecoin):
    reserve = make(buyback=stablecoin)
    boa.env.set_balance(reserve.address, 1)
    with boa.reverts("transfers: receiver refused"):
        reserve.release(COIN, stablecoin, 1, sender=timelock)


def test_release_of_a_token_that_answers_false_reverts(settled, timelock, buyback):
    odd = deployers.ODD_TOKEN.deploy(18)
    odd.mint(settled, 1)
    odd.set_is_refusing(True)
    settled.list_asset(odd, sender=timelock)
    with boa.reverts("transfers: token refused"):
        settled.release(odd, buyback, 1, sender=timelock)


@pytest.mark.parametrize("amount", [1, HELD])
@pytest.mark.parametrize("to", ["commission", "pool"])
def test_dobo_goes_to_the_commission_or_a_pool(
    settled, timelock, dobo, stablecoin, commission, pool, accounts, to, amount
):
    receiver = {"commission": commission, "pool": pool}[to]
    with moves([dobo, stablecoin, COIN], accounts) as moved:
        settled.release(dobo, receiver, amount, sender=timelock)
    assert logged(settled) == [
        entry(settled, "Released", asset=dobo, receiver=receiver, amount=amount),
        entry(dobo, "Transfer", sender=settled, receiver=receiver, value=amount),
    ]
    assert moved == change((dobo, settled, -amount), (dobo, receiver, amount))


@pytest.mark.parametrize("amount", [1, HELD])
def test_a_listed_token_goes_to_the_buyback(
    settled, timelock, dobo, stablecoin, buyback, accounts, amount
):
    with moves([dobo, stablecoin, COIN], accounts) as moved:
        settled.release(stablecoin, buyback, amount, sender=timelock)
    assert logged(settled) == [
        entry(settled, "Released", asset=stablecoin, receiver=buyback, amount=amount),
        entry(stablecoin, "Transfer", sender=settled, receiver=buyback, value=amount),
    ]
    assert moved == change((stablecoin, settled, -amount), (stablecoin, buyback, amount))


@pytest.mark.parametrize("amount", [1, HELD])
def test_coin_goes_to_the_buyback(settled, timelock, dobo, stablecoin, buyback, accounts, amount):
    with moves([dobo, stablecoin, COIN], accounts) as moved:
        settled.release(COIN, buyback, amount, sender=timelock)
    assert logged(settled) == [
        entry(settled, "Released", asset=COIN, receiver=buyback, amount=amount)
    ]
    assert moved == change((COIN, settled, -amount), (COIN, buyback, amount))


def test_the_buyback_cannot_come_back_in(make, buyback):
    # the buyback is this reserve's timelock too, so that it could release from outside
    reserve = make(timelock=buyback)
    boa.env.set_balance(reserve.address, 10)
    again = reserve.release.prepare_calldata(COIN, buyback, 1)
    with boa.env.anchor():
        buyback.forward(reserve, again)
        assert balance(COIN, reserve) == 9
    buyback.set_answer(reserve, again, 0)
    with boa.reverts("transfers: receiver refused"):
        reserve.release(COIN, buyback, 1, sender=buyback.address)


def test_change_may_come_back_while_coin_is_released(settled, timelock, buyback, accounts):
    buyback.set_answer(settled, b"", 3)
    with moves([COIN], accounts) as moved:
        settled.release(COIN, buyback, 10, sender=timelock)
    assert logged(settled)[-1] == entry(settled, "Received", sender=buyback, amount=3)
    assert moved == change((COIN, settled, -7), (COIN, buyback, 7))


# --- paying in ------------------------------------------------------------------------------------


def test_anyone_pays_coin_in(reserve, stranger, accounts):
    payer = deployers.RELAY.deploy()
    with moves([COIN], accounts) as moved:
        payer.forward(reserve, b"", sender=stranger, value=5)
    assert logged(payer) == [entry(reserve, "Received", sender=payer, amount=5)]
    assert moved == change((COIN, stranger, -5), (COIN, reserve, 5))


def test_the_gas_that_comes_with_a_payment_is_enough(reserve, stranger):
    payer = deployers.RELAY.deploy()
    payer.send(reserve, sender=stranger, value=5)
    assert logged(payer) == [entry(reserve, "Received", sender=payer, amount=5)]


def test_a_mistyped_call_is_refused_with_coin_and_without(reserve, stranger):
    for amount in (0, 1):
        for data in (b"\0", bytes.fromhex("deadbeef"), b"\0" * 36):
            reason = send(reserve, amount, sender=stranger, data=data)
            assert reason == "reserve: unknown function"


def test_coin_forced_in_is_released_like_any_other(settled, timelock, buyback):
    boa.env.set_balance(settled.address, 5 * HELD)
    settled.release(COIN, buyback, 5 * HELD, sender=timelock)
    assert balance(COIN, settled) == 0
