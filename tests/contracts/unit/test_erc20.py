"""ERC-20, EIP-2612 and EIP-5267, for both tokens that contracts/modules/erc20.vy is in."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak

from tests.contracts import deployers, roles
from tests.contracts.engine import py_evm
from tests.contracts.logs import entry, logged
from tests.contracts.money import COIN, change, moves, send

ZERO = "0x" + "00" * 20
MAXIMUM = 2**256 - 1
# what the holder begins with, in the smallest unit
HELD = 10**15
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture(scope="module")
def holder():
    return roles.address("holder")


@pytest.fixture(scope="module", params=["DonaBlock", "DonaGive"])
def token(request, holder):
    return deploy(request.param, holder)


def deploy(kind, holder):
    """A token of which the holder has HELD and nobody else anything, or the vesting the rest."""
    if kind == "DonaBlock":
        vesting = roles.address("vesting")
        token = deployers.DONA_BLOCK.deploy(vesting)
        token.transfer(holder, HELD, sender=vesting)
        return token
    backing = deployers.PLAIN_TOKEN.deploy("Stable Dollar", "USDX", 6)
    registry, reserve = roles.address("registry"), roles.address("reserve")
    token = deployers.DONA_GIVE.deploy(backing, registry, reserve)
    backing.mint(holder, HELD)
    backing.approve(token, HELD, sender=holder)
    token.issue(HELD, sender=holder)
    return token


@pytest.fixture(scope="module")
def accounts(token, holder, charity, spender, stranger):
    """Everybody whose balance a test here could touch."""
    return [token, holder, charity, spender, stranger, ZERO]


# --- transfer -------------------------------------------------------------------------------------


def test_transfer_to_zero_reverts(token, holder):
    with boa.reverts("erc20: transfer to zero"):
        token.transfer(ZERO, 1, sender=holder)


def test_transfer_to_the_token_itself_reverts(token, holder):
    with boa.reverts("erc20: transfer to the token"):
        token.transfer(token, 1, sender=holder)


def test_transfer_of_more_than_held_reverts(token, holder, charity):
    with boa.reverts("erc20: balance too low"):
        token.transfer(charity, HELD + 1, sender=holder)


def test_transfer_by_who_holds_nothing_reverts(token, stranger, charity):
    with boa.reverts("erc20: balance too low"):
        token.transfer(charity, 1, sender=stranger)


@pytest.mark.parametrize("amount", [1, HELD - 1, HELD])
def test_transfer_moves_the_amount_and_nothing_else(token, holder, charity, accounts, amount):
    supply = token.totalSupply()
    with moves([token, COIN], accounts) as moved:
        assert token.transfer(charity, amount, sender=holder) is True
    assert logged(token) == [
        entry(token, "Transfer", sender=holder, receiver=charity, value=amount)
    ]
    assert moved == change((token, holder, -amount), (token, charity, amount))
    assert token.totalSupply() == supply


def test_transfer_to_oneself_changes_nothing_and_is_logged(token, holder, accounts):
    with moves([token], accounts) as moved:
        token.transfer(holder, HELD, sender=holder)
    assert logged(token) == [entry(token, "Transfer", sender=holder, receiver=holder, value=HELD)]
    assert moved == {}


def test_transfer_to_oneself_of_more_than_held_reverts(token, holder):
    with boa.reverts("erc20: balance too low"):
        token.transfer(holder, HELD + 1, sender=holder)


def test_transfer_of_nothing_is_allowed_and_logged(token, stranger, charity, accounts):
    with moves([token], accounts) as moved:
        token.transfer(charity, 0, sender=stranger)
    assert logged(token) == [entry(token, "Transfer", sender=stranger, receiver=charity, value=0)]
    assert moved == {}


# --- approve --------------------------------------------------------------------------------------


def test_approve_of_zero_reverts(token, holder):
    with boa.reverts("erc20: zero spender"):
        token.approve(ZERO, 1, sender=holder)


@pytest.mark.parametrize("amount", [0, 1, HELD + 1, MAXIMUM])
def test_approve_sets_the_allowance_whatever_is_held(token, holder, spender, accounts, amount):
    with moves([token], accounts) as moved:
        assert token.approve(spender, amount, sender=holder) is True
    assert logged(token) == [entry(token, "Approval", owner=holder, spender=spender, value=amount)]
    assert token.allowance(holder, spender) == amount
    assert token.allowance(spender, holder) == 0
    assert moved == {}


def test_approve_replaces_what_was_allowed_before(token, holder, spender):
    token.approve(spender, 5, sender=holder)
    token.approve(spender, 3, sender=holder)
    assert token.allowance(holder, spender) == 3


def test_approve_is_for_one_spender_of_one_owner(token, holder, spender, stranger):
    token.approve(spender, 5, sender=holder)
    assert token.allowance(holder, stranger) == 0
    assert token.allowance(stranger, spender) == 0


# --- transferFrom ---------------------------------------------------------------------------------


def test_transfer_from_zero_reverts_even_for_nothing(token, spender, charity):
    with boa.reverts("erc20: zero owner"):
        token.transferFrom(ZERO, charity, 0, sender=spender)


def test_transfer_from_without_allowance_reverts(token, holder, spender, charity):
    with boa.reverts("erc20: allowance too low"):
        token.transferFrom(holder, charity, 1, sender=spender)


def test_transfer_from_above_the_allowance_reverts(token, holder, spender, charity):
    token.approve(spender, 10, sender=holder)
    with boa.reverts("erc20: allowance too low"):
        token.transferFrom(holder, charity, 11, sender=spender)


def test_transfer_from_oneself_needs_an_allowance_too(token, holder, charity):
    with boa.reverts("erc20: allowance too low"):
        token.transferFrom(holder, charity, 1, sender=holder)


def test_transfer_from_to_zero_reverts(token, holder, spender):
    token.approve(spender, 10, sender=holder)
    with boa.reverts("erc20: transfer to zero"):
        token.transferFrom(holder, ZERO, 1, sender=spender)


def test_transfer_from_to_the_token_itself_reverts(token, holder, spender):
    token.approve(spender, 10, sender=holder)
    with boa.reverts("erc20: transfer to the token"):
        token.transferFrom(holder, token, 1, sender=spender)


@pytest.mark.parametrize("allowed", [HELD + 1, MAXIMUM])
def test_transfer_from_of_more_than_held_reverts(token, holder, spender, charity, allowed):
    token.approve(spender, allowed, sender=holder)
    with boa.reverts("erc20: balance too low"):
        token.transferFrom(holder, charity, HELD + 1, sender=spender)
    assert token.allowance(holder, spender) == allowed


@pytest.mark.parametrize("amount", [0, 1, 10])
def test_transfer_from_uses_up_the_allowance(token, holder, spender, charity, accounts, amount):
    token.approve(spender, 10, sender=holder)
    with moves([token], accounts) as moved:
        assert token.transferFrom(holder, charity, amount, sender=spender) is True
    assert logged(token) == [
        entry(token, "Transfer", sender=holder, receiver=charity, value=amount),
    ]
    expected = ((token, holder, -amount), (token, charity, amount))
    assert moved == change(*(row for row in expected if row[2] != 0))
    assert token.allowance(holder, spender) == 10 - amount


def test_transfer_from_never_uses_up_the_maximum(token, holder, spender, charity, accounts):
    token.approve(spender, MAXIMUM, sender=holder)
    with moves([token], accounts) as moved:
        token.transferFrom(holder, charity, HELD, sender=spender)
    assert logged(token) == [entry(token, "Transfer", sender=holder, receiver=charity, value=HELD)]
    assert moved == change((token, holder, -HELD), (token, charity, HELD))
    assert token.allowance(holder, spender) == MAXIMUM


def test_transfer_from_uses_up_one_less_than_the_maximum(token, holder, spender, charity):
    token.approve(spender, MAXIMUM - 1, sender=holder)
    token.transferFrom(holder, charity, 1, sender=spender)
    assert token.allowance(holder, spender) == MAXIMUM - 2


def test_transfer_from_back_to_the_owner_changes_only_the_allowance(
    token, holder, spender, accounts
):
    token.approve(spender, 10, sender=holder)
    with moves([token], accounts) as moved:
        token.transferFrom(holder, holder, 10, sender=spender)
    assert moved == {}
    assert token.allowance(holder, spender) == 0


def test_the_spender_may_take_for_itself(token, holder, spender, accounts):
    token.approve(spender, 10, sender=holder)
    with moves([token], accounts) as moved:
        token.transferFrom(holder, spender, 10, sender=spender)
    assert moved == change((token, holder, -10), (token, spender, 10))


# --- permit ---------------------------------------------------------------------------------------


def test_permit_sets_the_allowance_whoever_hands_it_in(
    token, holder, spender, stranger, accounts, now
):
    permit = roles.sign_permit(token, "holder", spender, 7, now)
    with moves([token], accounts) as moved:
        token.permit(*permit.arguments, sender=stranger)
    assert logged(token) == [entry(token, "Approval", owner=holder, spender=spender, value=7)]
    assert token.allowance(holder, spender) == 7
    assert token.nonces(holder) == 1
    assert token.nonces(stranger) == 0
    assert moved == {}


@pytest.mark.parametrize("amount", [0, MAXIMUM])
def test_permit_replaces_what_was_allowed_before(token, holder, spender, now, amount):
    token.approve(spender, 5, sender=holder)
    token.permit(*roles.sign_permit(token, "holder", spender, amount, now).arguments)
    assert token.allowance(holder, spender) == amount


def test_permit_counts_up(token, holder, spender, now):
    for nonce in range(3):
        assert token.nonces(holder) == nonce
        token.permit(*roles.sign_permit(token, "holder", spender, nonce + 1, now).arguments)
        assert token.allowance(holder, spender) == nonce + 1


def test_permit_is_taken_in_its_last_second(token, holder, spender, now):
    permit = roles.sign_permit(token, "holder", spender, 7, now)
    boa.env.timestamp = now
    token.permit(*permit.arguments)
    assert token.allowance(holder, spender) == 7


def test_permit_a_second_late_reverts(token, spender, now):
    permit = roles.sign_permit(token, "holder", spender, 7, now)
    boa.env.timestamp = now + 1
    with boa.reverts("erc20: permit expired"):
        token.permit(*permit.arguments)


def test_permit_twice_reverts(token, holder, spender, now):
    permit = roles.sign_permit(token, "holder", spender, 7, now)
    token.permit(*permit.arguments)
    with boa.reverts("erc20: not the owner's signature"):
        token.permit(*permit.arguments)
    assert token.nonces(holder) == 1


def test_permit_front_run_leaves_the_allowance_it_grants(token, holder, spender, stranger, now):
    permit = roles.sign_permit(token, "holder", spender, 7, now)
    token.permit(*permit.arguments, sender=stranger)
    with boa.reverts("erc20: not the owner's signature"):
        token.permit(*permit.arguments, sender=holder)
    token.transferFrom(holder, spender, 7, sender=spender)
    assert token.balanceOf(spender) == 7


@pytest.mark.parametrize(
    "forged",
    [
        {"nonce": 1},
        {"chain_id": 2},
        {"name": "Another Token"},
        {"version": "2"},
        {"contract": "0x" + "11" * 20},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_permit_signed_for_something_else_reverts(token, holder, spender, now, forged):
    permit = roles.sign_permit(token, "holder", spender, 7, now, **forged)
    with boa.reverts("erc20: not the owner's signature"):
        token.permit(*permit.arguments)
    assert token.nonces(holder) == 0
    assert token.allowance(holder, spender) == 0


@pytest.mark.parametrize("position", [0, 1, 2, 3], ids=["owner", "spender", "amount", "deadline"])
def test_permit_with_a_changed_argument_reverts(token, spender, stranger, now, position):
    arguments = list(roles.sign_permit(token, "holder", spender, 7, now + 9).arguments)
    arguments[position] = stranger if position < 2 else arguments[position] + 1
    with boa.reverts("erc20: not the owner's signature"):
        token.permit(*arguments)


def test_permit_signed_by_somebody_else_reverts(token, holder, spender, now):
    permit = roles.sign_permit(token, "stranger", spender, 7, now, owner=holder)
    with boa.reverts("erc20: not the owner's signature"):
        token.permit(*permit.arguments)


def test_permit_without_a_signature_reverts_for_any_owner(token, holder, spender, now):
    for owner in (holder, ZERO):
        with boa.reverts("ecdsa: invalid signature"):
            token.permit(owner, spender, 7, now, 27, b"\0" * 32, b"\0" * 32)


def test_permit_with_the_mirrored_signature_reverts(token, spender, now):
    permit = roles.sign_permit(token, "holder", spender, 7, now)
    mirrored = (CURVE_ORDER - int.from_bytes(permit.s, "big")).to_bytes(32, "big")
    with boa.reverts("ecdsa: invalid signature `s` value"):
        token.permit(*permit.arguments[:4], 55 - permit.v, permit.r, mirrored)


def test_permit_for_a_zero_spender_reverts(token, holder, now):
    permit = roles.sign_permit(token, "holder", ZERO, 7, now)
    with boa.reverts("erc20: zero spender"):
        token.permit(*permit.arguments)
    assert token.nonces(holder) == 0


# --- the domain -----------------------------------------------------------------------------------


def domain(token, chain_id):
    """EIP-712, from its text."""
    kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    fields = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
    words = [keccak(text=kind), keccak(text=token.name()), keccak(text="1"), chain_id]
    return keccak(encode(fields, [*words, token.address]))


def test_the_domain_is_what_the_standard_says(token):
    chain_id = boa.env.evm.patch.chain_id
    assert token.DOMAIN_SEPARATOR() == domain(token, chain_id)
    fields, name, version, chain, contract, salt, extensions = token.eip712Domain()
    assert fields == b"\x0f"
    assert (name, version, chain) == (token.name(), "1", chain_id)
    assert contract == token.address
    assert salt == b"\0" * 32
    assert extensions == []


@pytest.mark.parametrize("kind", ["DonaBlock", "DonaGive"])
def test_after_a_fork_of_the_chain_only_the_new_chain_id_counts(kind, holder, spender, now):
    with py_evm():
        boa.env.timestamp = now
        token = deploy(kind, holder)
        old = boa.env.evm.patch.chain_id
        before = roles.sign_permit(token, "holder", spender, 7, now)
        boa.env.evm.patch.chain_id = old + 1
        assert token.DOMAIN_SEPARATOR() == domain(token, old + 1)
        with boa.reverts("erc20: not the owner's signature"):
            token.permit(*before.arguments)
        token.permit(*roles.sign_permit(token, "holder", spender, 8, now).arguments)
        assert token.allowance(holder, spender) == 8


def test_the_key_of_a_role_is_the_key_of_its_address(holder):
    assert Account.from_key(roles.account("holder").key).address == holder


# --- coin -----------------------------------------------------------------------------------------


def test_coin_sent_to_a_token_is_refused(token, donor):
    assert send(token, 1, sender=donor) == ""
    transfer = token.transfer.prepare_calldata(donor, 0)
    assert send(token, 1, sender=donor, data=transfer) == ""
    assert send(token, 0, sender=donor, data=transfer) is None


def test_coin_forced_into_a_token_changes_nothing_of_it(token, holder, charity, accounts):
    supply = token.totalSupply()
    boa.env.set_balance(token.address, 10**18)
    with moves([token, COIN], accounts) as moved:
        token.transfer(charity, 5, sender=holder)
    assert moved == change((token, holder, -5), (token, charity, 5))
    assert token.totalSupply() == supply
