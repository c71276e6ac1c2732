"""Coin forced into every contract (a miner's reward, a destroyed contract): nothing breaks."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.money import COIN, balance, change, moves
from tests.contracts.protocol import MEMO, Protocol, new_place

ZERO = "0x" + "00" * 20
FORCED = 12_345


@pytest.fixture(scope="module")
def world():
    world = Protocol()
    world.payee = roles.address("charity")
    world.verify(world.payee)
    world.run_epoch(1, [(1, 1)])
    world.fill(world.donor, world.giving, world.funds, world.give)
    world.owner = deployers.TIMELOCK.deploy(
        2 * DAY,
        [roles.address("proposer")],
        [roles.address("executor")],
        override_address=new_place(),
    )
    world.funds.donate_native(1, 1, MEMO, value=600, sender=world.donor)
    for contract in [*world.contracts, world.owner]:
        boa.env.set_balance(contract.address, boa.env.get_balance(contract.address) + FORCED)
    return world


def test_gifts_and_claims_are_as_before(world):
    accounts = [world.donor, world.payee, world.operations, world.giving, world.funds]
    with moves([COIN], accounts) as moved:
        world.giving.donate_native(1, MEMO, 7, value=107, sender=world.donor)
        world.giving.donate_cart_native([1], [100], MEMO, 7, value=107, sender=world.donor)
        world.funds.donate_native(1, 1, MEMO, value=60, sender=world.donor)
        world.funds.claim(1, 1, 0, ZERO)
    assert moved == change(
        (COIN, world.donor, -107 - 107 - 60),
        (COIN, world.payee, 200 + 660),
        (COIN, world.operations, 14),
        (COIN, world.funds, -600),
    )
    assert balance(COIN, world.giving) == FORCED


@pytest.mark.parametrize("name", ["giving", "funds", "give"])
def test_a_sweep_gives_the_surplus_and_not_a_wei_more(world, name):
    contract = getattr(world, name)
    with moves([COIN], [contract, world.reserve]) as moved:
        contract.sweep(ZERO, sender=world.stranger)
    assert moved == change((COIN, contract, -FORCED), (COIN, world.reserve, FORCED))
    reason = {
        "giving": "giving: nothing to sweep",
        "funds": "funds: nothing to sweep",
        "give": "give: nothing to sweep",
    }[name]
    with world.refuses(reason):
        contract.sweep(ZERO)
    assert world.funds.claim(1, 1, 0, ZERO) == 600


def test_credits_are_issued_and_redeemed_as_before(world):
    world.give.issue(50, world.payee, sender=world.donor)
    world.give.redeem(1, 50, sender=world.payee)
    assert world.token.balanceOf(world.payee) == 50


def test_vesting_and_reserve_release_as_before(world):
    boa.env.timestamp += 24 * 2_628_000
    assert world.vesting.release(1) > 0
    buyback = deployers.INTRUDER.deploy(override_address=new_place())
    world.reserve.set_buyback(buyback, sender=world.timelock)
    world.reserve.release(ZERO, buyback, FORCED, sender=world.timelock)
    assert balance(COIN, buyback) == FORCED


def test_registry_receipts_and_token_work_as_before(world):
    world.registry.suspend(1, MEMO, sender=world.registrar)
    world.registry.reinstate(1, sender=world.registrar)
    world.giving.donate_native(1, MEMO, 0, True, value=5, sender=world.donor)
    assert world.receipts.ownerOf(1) == world.donor
    world.dobo.approve(world.stranger, 5, sender=world.donor)
    for contract in (world.registry, world.receipts, world.dobo, world.vesting):
        assert balance(COIN, contract) == FORCED
