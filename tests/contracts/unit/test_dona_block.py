"""DonaBlock (DOBO): a fixed supply that can only be burnt. What ERC-20 asks is in test_erc20.py."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.money import change, moves

ZERO = "0x" + "00" * 20
MAXIMUM = 2**256 - 1
SUPPLY = 2_000_000_000 * 10**18


@pytest.fixture(scope="module")
def vesting():
    return roles.address("vesting")


@pytest.fixture(scope="module")
def dobo(vesting):
    return deployers.DONA_BLOCK.deploy(vesting)


def test_a_zero_vesting_is_refused():
    with boa.reverts("dobo: zero vesting"):
        deployers.DONA_BLOCK.deploy(ZERO)


def test_the_token_as_its_own_vesting_is_refused():
    with boa.env.anchor():
        predicted = deployers.DONA_BLOCK.deploy(roles.address("vesting")).address
    with boa.reverts("dobo: vesting is the token"):
        deployers.DONA_BLOCK.deploy(predicted)


def test_the_constructor_mints_everything_to_the_vesting_once(vesting):
    dobo = deployers.DONA_BLOCK.deploy(vesting)
    assert logged(dobo) == [entry(dobo, "Transfer", sender=ZERO, receiver=vesting, value=SUPPLY)]
    assert dobo.totalSupply() == dobo.INITIAL_SUPPLY() == SUPPLY
    assert dobo.balanceOf(vesting) == SUPPLY
    assert dobo.balanceOf(boa.env.eoa) == 0


def test_the_token_says_who_it_is(dobo):
    assert (dobo.name(), dobo.symbol(), dobo.decimals()) == ("DonaBlock", "DOBO", 18)


def test_nothing_else_can_be_called_no_owner_no_minter_no_pause(dobo):
    assert function_names(dobo) == {
        "name",
        "symbol",
        "decimals",
        "totalSupply",
        "balanceOf",
        "allowance",
        "transfer",
        "approve",
        "transferFrom",
        "burn",
        "burn_from",
        "permit",
        "nonces",
        "DOMAIN_SEPARATOR",
        "eip712Domain",
        "INITIAL_SUPPLY",
    }


def test_the_logs_are_those_of_erc20(dobo):
    assert event_signatures(dobo) == {
        "Transfer": "*address sender, *address receiver, uint256 value",
        "Approval": "*address owner, *address spender, uint256 value",
    }


# --- burn -----------------------------------------------------------------------------------------


def test_burn_of_more_than_held_reverts(dobo, vesting):
    with boa.reverts("erc20: balance too low"):
        dobo.burn(SUPPLY + 1, sender=vesting)


def test_burn_by_who_holds_nothing_reverts(dobo, stranger):
    with boa.reverts("erc20: balance too low"):
        dobo.burn(1, sender=stranger)


@pytest.mark.parametrize("amount", [1, 10**18, SUPPLY])
def test_burn_lowers_balance_and_supply(dobo, vesting, stranger, amount):
    with moves([dobo], [dobo, vesting, stranger, ZERO]) as moved:
        dobo.burn(amount, sender=vesting)
    assert logged(dobo) == [entry(dobo, "Transfer", sender=vesting, receiver=ZERO, value=amount)]
    assert moved == change((dobo, vesting, -amount))
    assert dobo.totalSupply() + amount == SUPPLY, "DOB-1"


def test_burn_of_nothing_changes_nothing(dobo, stranger):
    dobo.burn(0, sender=stranger)
    assert logged(dobo) == [entry(dobo, "Transfer", sender=stranger, receiver=ZERO, value=0)]
    assert dobo.totalSupply() == SUPPLY, "DOB-1"


# --- burn_from ------------------------------------------------------------------------------------


def test_burn_from_zero_reverts_even_for_nothing(dobo, spender):
    with boa.reverts("erc20: zero owner"):
        dobo.burn_from(ZERO, 0, sender=spender)


def test_burn_from_above_the_allowance_reverts(dobo, vesting, spender):
    dobo.approve(spender, 10, sender=vesting)
    with boa.reverts("erc20: allowance too low"):
        dobo.burn_from(vesting, 11, sender=spender)


def test_burn_from_of_more_than_held_reverts(dobo, vesting, spender):
    dobo.approve(spender, MAXIMUM, sender=vesting)
    with boa.reverts("erc20: balance too low"):
        dobo.burn_from(vesting, SUPPLY + 1, sender=spender)


def test_burn_from_lowers_balance_supply_and_allowance(dobo, vesting, spender):
    dobo.approve(spender, 10, sender=vesting)
    with moves([dobo], [dobo, vesting, spender, ZERO]) as moved:
        dobo.burn_from(vesting, 4, sender=spender)
    assert logged(dobo) == [
        entry(dobo, "Transfer", sender=vesting, receiver=ZERO, value=4),
    ]
    assert moved == change((dobo, vesting, -4))
    assert dobo.totalSupply() + 4 == SUPPLY, "DOB-1"
    assert dobo.allowance(vesting, spender) == 6


def test_burn_from_never_uses_up_the_maximum(dobo, vesting, spender):
    dobo.approve(spender, MAXIMUM, sender=vesting)
    dobo.burn_from(vesting, 4, sender=spender)
    assert dobo.allowance(vesting, spender) == MAXIMUM
