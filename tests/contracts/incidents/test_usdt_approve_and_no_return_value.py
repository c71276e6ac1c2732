"""0xSplits V2, 2024: USDT stuck in immutable splits, because its approve is not the standard's.

Nothing of ours approves anything. USDT goes through gifts, carts, funds, claims and GIVE although
it returns nothing, and although a donor's second approve needs a zero between.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.protocol import MEMO, Protocol, new_place

# 0xSplits' first fix passed its fork test and burned 60,000,000 gas
CEILING = 150_000


@pytest.fixture(scope="module")
def world():
    world = Protocol(deployers.USDT_TOKEN.deploy(override_address=new_place()), is_measured=True)
    world.payee = roles.address("charity")
    world.verify(world.payee)
    world.run_epoch(1, [(1, 1)])
    world.fill(world.donor, world.giving, world.funds, world.give)
    return world


def test_usdt_goes_everywhere_at_an_ordinary_price(world):
    token, donor = world.token, world.donor
    world.giving.donate_token(1, token, 100, MEMO, 7, sender=donor)
    assert world.giving._computation.get_gas_used() < CEILING
    world.giving.donate_cart_token(token, [1, 1], [100, 100], MEMO, 7, sender=donor)
    assert world.giving._computation.get_gas_used() < CEILING
    world.funds.donate_token(1, 1, token, 100, MEMO, sender=donor)
    assert world.funds._computation.get_gas_used() < CEILING
    world.funds.claim(1, 1, 0, token)
    assert world.funds._computation.get_gas_used() < CEILING
    world.give.issue(100, world.payee, sender=donor)
    world.give.redeem(1, 100, sender=world.payee)
    assert world.give._computation.get_gas_used() < CEILING
    assert token.balanceOf(world.payee) == 500
    assert token.balanceOf(world.operations) == 14
    for contract in (world.giving, world.funds, world.give):
        assert token.balanceOf(contract) == 0


def test_no_contract_of_ours_allows_anybody_anything(world):
    test_usdt_goes_everywhere_at_an_ordinary_price(world)
    for owner in world.contracts:
        for spender in [*world.contracts, world.operations, world.payee, world.stranger]:
            assert world.token.allowance(owner, spender) == 0


def test_a_second_approve_needs_a_zero_between(world):
    with boa.reverts():
        world.token.approve(world.giving, 5, sender=world.donor)
    world.token.approve(world.giving, 0, sender=world.donor)
    world.token.approve(world.giving, 5, sender=world.donor)
    world.giving.donate_token(1, world.token, 5, MEMO, sender=world.donor)


def test_the_fee_that_usdt_could_switch_on_is_noticed(world):
    world.token.setParams(10)
    with world.refuses("giving: the asset took a fee"):
        world.giving.donate_token(1, world.token, 10_000, MEMO, sender=world.donor)
    with world.refuses("funds: the asset took a fee"):
        world.funds.donate_token(1, 1, world.token, 10_000, MEMO, sender=world.donor)
    with world.refuses("give: backing took a fee"):
        world.give.issue(10_000, sender=world.donor)
