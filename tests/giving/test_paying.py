"""Approvals: permit where it works, else exactly the amount; and every token's own way."""

from __future__ import annotations

import pytest
from eth_account.messages import encode_typed_data
from web3.contract import Contract

from donablock.chain.amounts import Asset, Money
from donablock.chain.assets import asset_at, known_assets, parse
from donablock.chain.paying import Way, plan_allowance, try_call
from donablock.chain.permit import PERMIT_TYPEHASH, domain_of, typed_data
from donablock.chain.session import Session
from donablock.errors import RevertError
from donablock.giving.donations import Donations, Gift, Part
from tests.giving.conftest import DONOR, PAYEES
from tests.local_chain import DEPLOYER, World

MEMO = b"\1" * 32


def list_asset(world: World, token: Contract) -> Asset:
    """Has Giving take a token, and gives the donor 1,000 of it."""
    world.through_timelock("Giving", "list_asset", token.address, True)
    world.session(DEPLOYER).send(token.functions.mint(world.address(DONOR), 10**9))
    return asset_at(world.anyone, token.address)


def give(session: Session, asset: Asset, amount: int) -> Way:
    plan = Donations(session).plan(Gift(asset, (Part(1, amount),), MEMO))
    assert plan.cost.gas, "the gift could be tried before anything was sent"
    result = Donations(session).give(plan)
    assert [event["amount"] for event in result.donated] == [amount]
    return plan.allowance.way


def set_domain(world: World, token: Contract, fields: dict[str, object]) -> None:
    """Gives the permit token the domain that these fields make, hashed by another library."""
    kinds = {"chainId": "uint256", "verifyingContract": "address", "salt": "bytes32"}
    data = {
        "types": {
            "EIP712Domain": [{"name": n, "type": kinds.get(n, "string")} for n in fields],
            "Permit": [{"name": "owner", "type": "address"}],
        },
        "primaryType": "Permit",
        "domain": fields,
        "message": {"owner": token.address},
    }
    separator = encode_typed_data(full_message=data).header
    call = token.functions.set_domain(separator, PERMIT_TYPEHASH)
    world.session(DEPLOYER).send(call)


def test_usdt_is_approved_without_a_return_value(world: World, donor: Session) -> None:
    token = world.own_token("UsdtToken")
    asset = list_asset(world, token)
    assert give(donor, asset, 5_000_000) is Way.APPROVE
    giving = donor.contract("Giving").address
    assert token.functions.allowance(donor.address, giving).call() == 0


def test_usdt_with_an_old_approval_is_set_to_zero_first(world: World, donor: Session) -> None:
    token = world.own_token("UsdtToken")
    asset = list_asset(world, token)
    giving = donor.contract("Giving").address
    donor.send(token.functions.approve(giving, 1))
    nonce = donor.next_nonce()
    assert give(donor, asset, 5_000_000) is Way.RESET
    assert donor.next_nonce() - nonce == 3, "two approvals and the gift"


def test_an_ordinary_old_approval_is_simply_replaced(world: World, donor: Session) -> None:
    token = world.own_token("BareToken", 18)
    asset = list_asset(world, token)
    donor.send(token.functions.approve(donor.contract("Giving").address, 1))
    nonce = donor.next_nonce()
    assert give(donor, asset, 10**8) is Way.APPROVE
    assert donor.next_nonce() - nonce == 2


def test_a_token_without_a_symbol_is_named_by_its_address(world: World, donor: Session) -> None:
    token = world.own_token("UsdtToken")
    asset = list_asset(world, token)
    assert asset.symbol == token.address
    assert parse(f"5 {token.address}", known_assets(donor)).amount == 5_000_000


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Permit Token", "version": "1", "chainId": 31337, "verifyingContract": "own"},
        {"name": "Permit Token", "version": "2", "chainId": 31337, "verifyingContract": "own"},
        {"name": "Permit Token", "chainId": 31337, "verifyingContract": "own"},
        {
            "name": "Permit Token",
            "version": "1",
            "verifyingContract": "own",
            "salt": (31337).to_bytes(32, "big"),
        },
    ],
    ids=["version 1", "version 2", "no version", "chain in the salt"],
)
def test_a_permit_is_signed_under_the_tokens_own_domain(
    world: World, donor: Session, fields: dict[str, object]
) -> None:
    token = world.own_token("PermitToken")
    asset = list_asset(world, token)
    set_domain(world, token, {**fields, "verifyingContract": token.address})
    nonce = donor.next_nonce()
    assert give(donor, asset, 5_000_000) is Way.PERMIT
    assert donor.next_nonce() - nonce == 1
    assert token.functions.nonces(donor.address).call() == 1


@pytest.mark.parametrize("chain_id", [1, 56])
def test_a_domain_of_another_chain_is_not_signed(
    world: World, donor: Session, chain_id: int
) -> None:
    token = world.own_token("PermitToken")
    asset = list_asset(world, token)
    set_domain(
        world,
        token,
        {
            "name": "Permit Token",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": token.address,
        },
    )
    assert domain_of(donor.w3, token.address, donor.chain_id) is None
    assert give(donor, asset, 5_000_000) is Way.APPROVE


def test_dais_older_permit_is_left_alone(world: World, donor: Session) -> None:
    token = world.own_token("PermitToken")
    list_asset(world, token)
    set_domain(
        world,
        token,
        {
            "name": "Permit Token",
            "version": "1",
            "chainId": 31337,
            "verifyingContract": token.address,
        },
    )
    separator = token.functions.DOMAIN_SEPARATOR().call()
    assert domain_of(donor.w3, token.address, donor.chain_id) is not None
    world.session(DEPLOYER).send(token.functions.set_domain(separator, b"\7" * 32))
    assert domain_of(donor.w3, token.address, donor.chain_id) is None


def test_a_permit_the_token_refuses_becomes_an_approval(world: World, donor: Session) -> None:
    token = world.own_token("PermitToken")
    asset = list_asset(world, token)
    set_domain(
        world,
        token,
        {
            "name": "Permit Token",
            "version": "1",
            "chainId": 31337,
            "verifyingContract": token.address,
        },
    )
    world.session(DEPLOYER).send(token.functions.set_is_refusing(True))
    nonce = donor.next_nonce()
    assert give(donor, asset, 5_000_000) is Way.PERMIT, "it was planned so"
    assert donor.next_nonce() - nonce == 2, "an approval and the gift"


def test_a_wallet_that_is_a_contract_approves(world: World, donor: Session) -> None:
    world.node.set_code(donor.address, bytes.fromhex("00"))
    giving = donor.contract("Giving").address
    plan = plan_allowance(donor, Money(world.usd, 1), giving)
    assert plan.way is Way.APPROVE


def test_an_account_that_delegates_to_code_still_signs(world: World, donor: Session) -> None:
    world.node.set_code(donor.address, bytes.fromhex("ef0100") + bytes(19) + b"\1")
    plan = plan_allowance(donor, Money(world.usd, 1), donor.contract("Giving").address)
    assert plan.way is Way.PERMIT


def test_a_gift_that_would_fail_costs_no_approval(world: World, donor: Session) -> None:
    """The trial pretends that the approval is there, and meets the reason behind it."""
    giving = donor.contract("Giving")
    world.through_timelock("Giving", "unlist_asset", world.token.address)
    money = Money(world.usd, 5_000_000)
    allowance = plan_allowance(donor, money, giving.address)
    nonce = donor.next_nonce()
    call = giving.functions.donate_token(1, world.token.address, money.amount, MEMO, 0, False)
    with pytest.raises(RevertError, match="giving: asset is not listed"):
        try_call(donor, call, 0, allowance)
    assert donor.next_nonce() == nonce
    assert world.token.functions.allowance(donor.address, giving.address).call() == 0


def test_the_estimate_covers_the_approvals_and_the_gift(world: World, donor: Session) -> None:
    token = world.own_token("BareToken", 18)
    asset = list_asset(world, token)
    plan = Donations(donor).plan(Gift(asset, (Part(1, 10**8),), MEMO))
    first = donor.w3.eth.block_number
    Donations(donor).give(plan)
    used = sum(
        donor.w3.eth.get_block(number)["gasUsed"]
        for number in range(first + 1, donor.w3.eth.block_number + 1)
    )
    assert plan.cost.gas is not None
    assert used <= plan.cost.gas <= used * 3 // 2


def test_a_node_that_cannot_pretend_leaves_the_gas_open(world: World, donor: Session) -> None:
    """A token whose allowance is not one storage slot: nothing can be overridden."""
    giving = donor.contract("Giving")
    plan = plan_allowance(donor, Money(world.usd, 5), giving.address)
    assert plan.pretence is not None
    blind = type(plan)(plan.money, plan.spender, Way.APPROVE)
    call = giving.functions.donate_token(1, world.token.address, 5, MEMO, 0, False)
    assert try_call(donor, call, 0, blind).gas is None


def test_the_typed_data_names_what_a_wallet_shows(world: World, donor: Session) -> None:
    domain = domain_of(donor.w3, world.token.address, donor.chain_id)
    assert domain is not None
    data = typed_data(domain, donor.address, world.address(PAYEES[0]), 5, 0, 99)
    assert data["domain"] == {
        "name": "Test Dollar",
        "version": "1",
        "chainId": 31337,
        "verifyingContract": world.token.address,
    }
    assert data["message"]["value"] == 5
