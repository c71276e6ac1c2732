"""Tokens that call back (ERC-777), and coin that does: all of our functions are tried then."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.money import COIN, balance
from tests.contracts.protocol import MEMO, NO_SIGNATURE, Protocol, new_place, place

ZERO = "0x" + "00" * 20
AMOUNT = 1_000
PURSE = 10**9


@pytest.fixture(scope="module")
def world():
    """The intruder is a donor, a charity's payee (1), and holds money of every kind."""
    token = deployers.STRANGE_TOKEN.deploy(6, 0, override_address=new_place())
    world: Any = Protocol(token)
    intruder = deployers.INTRUDER.deploy(override_address=new_place())
    world.intruder = intruder
    world.verify(intruder)
    world.honest = roles.address("honest charity")
    world.verify(world.honest)
    world.run_epoch(1, [(1, 1), (2, 1)])
    for owner in (world.donor, intruder.address):
        for money in (token, world.plain):
            money.mint(owner, PURSE)
            for spender in (world.giving, world.funds, world.give):
                money.approve(spender, PURSE, sender=owner)
        world.give.issue(AMOUNT, owner, sender=owner)
        world.funds.donate_token(1, 1, token, AMOUNT, MEMO, sender=owner)
        world.funds.donate_native(1, 1, MEMO, value=AMOUNT, sender=owner) if (
            owner == world.donor
        ) else None
    boa.env.set_balance(intruder.address, PURSE)
    for contract in (world.giving, world.funds, world.give):
        token.mint(contract, 1)
    world.giving.sweep(token)
    for account in (intruder.address, world.donor):
        token.set_hook(account, intruder)
    return world


def inner_calls(world):
    """Every function that changes anything, of every contract, as the intruder could make it."""
    token, me = world.token, world.intruder.address
    calls = {
        "Giving.donate_native": (world.giving.donate_native, (2, MEMO), 5),
        "Giving.donate_token": (world.giving.donate_token, (2, token, 5, MEMO), 0),
        "Giving.donate_token_with_permit": (
            world.giving.donate_token_with_permit,
            (2, token, 5, MEMO, 1, True, *NO_SIGNATURE),
            0,
        ),
        "Giving.donate_cart_native": (world.giving.donate_cart_native, ([2], [5], MEMO), 5),
        "Giving.donate_cart_token": (world.giving.donate_cart_token, (token, [2], [5], MEMO), 0),
        "Giving.donate_cart_token_with_permit": (
            world.giving.donate_cart_token_with_permit,
            (token, [2], [5], MEMO, 1, True, *NO_SIGNATURE),
            0,
        ),
        "Giving.sweep": (world.giving.sweep, (token,), 0),
        "Giving.sweep coin": (world.giving.sweep, (ZERO,), 0),
        "IndexFunds.donate_native": (world.funds.donate_native, (1, 1, MEMO), 5),
        "IndexFunds.donate_token": (world.funds.donate_token, (1, 1, token, 5, MEMO), 0),
        "IndexFunds.donate_token_with_permit": (
            world.funds.donate_token_with_permit,
            (1, 1, token, 5, MEMO, True, *NO_SIGNATURE),
            0,
        ),
        "IndexFunds.claim": (world.funds.claim, (1, 1, 0, token), 0),
        "IndexFunds.claim coin": (world.funds.claim, (1, 1, 0, ZERO), 0),
        "IndexFunds.claim_to": (world.funds.claim_to, (1, 1, 0, token, me), 0),
        "IndexFunds.claim_many": (world.funds.claim_many, ([(1, 1, 0, token.address)],), 0),
        "IndexFunds.drop": (world.funds.drop, (1, 1, 0), 0),
        "IndexFunds.sweep": (world.funds.sweep, (token,), 0),
        "IndexFunds.claimable": (world.funds.claimable, (1, 1, 0, token), 0),
        "IndexFunds.surplus": (world.funds.surplus, (token,), 0),
        "DonaGive.issue": (world.give.issue, (5,), 0),
        "DonaGive.issue_with_permit": (world.give.issue_with_permit, (5, me, *NO_SIGNATURE), 0),
        "DonaGive.redeem": (world.give.redeem, (1, 5), 0),
        "DonaGive.sweep": (world.give.sweep, (token,), 0),
        "DonaGive.transfer": (world.give.transfer, (world.honest, 5), 0),
        "CharityRegistry.propose_payee": (world.registry.propose_payee, (1, place("new")), 0),
        "CharityRegistry.retire": (world.registry.retire, (1, MEMO), 0),
        "CharityRegistry.apply": (world.registry.apply, (MEMO, 1, MEMO, "x"), 0),
        "Vesting.release": (world.vesting.release, (1,), 0),
        "ReceiptBook.mint": (world.receipts.mint, (me, 1, 0, token, 5, MEMO), 0),
        "EcosystemReserve.release": (world.reserve.release, (token, me, 5), 0),
    }
    return calls


def outer_calls(world):
    """What moves the odd token or the coin from or to the intruder, by whom, for what coin."""
    token, me = world.token, world.intruder.address
    return {
        "gift to it": (world.giving.donate_token, (1, token, AMOUNT, MEMO), world.donor, 0),
        "gift by it": (world.giving.donate_token, (2, token, AMOUNT, MEMO), me, 0),
        "gift in coin to it": (world.giving.donate_native, (1, MEMO), world.donor, AMOUNT),
        "cart to it": (
            world.giving.donate_cart_token,
            (token, [2, 1, 2], [5, AMOUNT, 5], MEMO),
            world.donor,
            0,
        ),
        "cart by it": (
            world.giving.donate_cart_token,
            (token, [2, 2], [5, AMOUNT], MEMO),
            me,
            0,
        ),
        "cart in coin to it": (
            world.giving.donate_cart_native,
            ([2, 1, 2], [5, AMOUNT, 5], MEMO),
            world.donor,
            AMOUNT + 10,
        ),
        "fund gift by it": (world.funds.donate_token, (1, 1, token, AMOUNT, MEMO), me, 0),
        "claim to it": (world.funds.claim, (1, 1, 0, token), world.stranger, 0),
        "claim in coin to it": (world.funds.claim, (1, 1, 0, ZERO), world.stranger, 0),
        "claims to it": (
            world.funds.claim_many,
            ([(1, 1, 0, token.address), (1, 1, 0, ZERO), (1, 1, 1, token.address)],),
            world.stranger,
            0,
        ),
        "issue by it": (world.give.issue, (AMOUNT,), me, 0),
        "redeem by it": (world.give.redeem, (1, AMOUNT), me, 0),
    }


OUTER = [
    "gift to it",
    "gift by it",
    "gift in coin to it",
    "cart to it",
    "cart by it",
    "cart in coin to it",
    "fund gift by it",
    "claim to it",
    "claim in coin to it",
    "claims to it",
    "issue by it",
    "redeem by it",
]
# who holds the odd token, GIVE or the coin at all
HOLDERS = ["donor", "operations", "honest", "giving", "funds", "give", "reserve", "receipts"]


def wealth(world, asset):
    """All there is of an asset, wherever it may be."""
    accounts = [getattr(world, name) for name in HOLDERS] + [world.intruder, place("new")]
    return sum(balance(asset, account) for account in accounts)


def worth(world):
    """What the intruder has of the odd token: held, as GIVE, or owed by a fund."""
    return (
        balance(world.token, world.intruder)
        + balance(world.give, world.intruder)
        + world.funds.claimable(1, 1, 0, world.token)
    )


def test_the_outer_calls_are_those_listed(world):
    assert list(outer_calls(world)) == OUTER


def test_all_functions_that_change_anything_are_tried(world):
    tried = {name.split(" ")[0] for name in inner_calls(world)}
    for contract, name in ((world.giving, "Giving"), (world.funds, "IndexFunds")):
        for item in contract.abi:
            if item["type"] != "function" or item["stateMutability"] == "view":
                continue
            function = f"{name}.{item['name']}"
            # of the timelock or the guardian, whom the intruder is not
            if function not in tried:
                assert item["name"] in {
                    "list_asset",
                    "unlist_asset",
                    "set_operations",
                    "create_fund",
                    "announce_epoch",
                    "cancel_epoch",
                    "set_guardian",
                    "stop_entries",
                    "resume_entries",
                }, function


@pytest.mark.parametrize("outer", OUTER)
def test_coming_back_gains_nothing_and_the_books_balance(world, outer):
    function, arguments, sender, coin = outer_calls(world)[outer]
    me = world.intruder.address
    call = function.prepare_calldata(*arguments)
    target = function.contract.address

    def run():
        data, to, by, value = call, target, sender, coin
        if sender == me:
            data = world.intruder.forward.prepare_calldata(target, call, coin)
            to, by, value = me, world.stranger, 0
        return boa.env.execute_code(to_address=to, sender=by, value=value, data=data)

    with boa.env.anchor():
        before = worth(world), balance(COIN, world.intruder) + world.funds.claimable(1, 1, 0, ZERO)
        assert run().is_success
        honest = (
            worth(world) - before[0],
            balance(COIN, world.intruder) + world.funds.claimable(1, 1, 0, ZERO) - before[1],
        )

    was_called = 0
    for name, (inner, inner_arguments, inner_coin) in inner_calls(world).items():
        with boa.env.anchor():
            world.intruder.arm(inner.contract, inner.prepare_calldata(*inner_arguments), inner_coin)
            all_before = [wealth(world, asset) for asset in (COIN, world.token)]
            done = run()
            where = f"{outer}, then {name}"
            all_after = [wealth(world, asset) for asset in (COIN, world.token)]
            assert all_after == all_before, f"{where}: money came or went"
            # GIV-1, IXF-1, GVE-1
            world.check()
            owed = sum(world.funds.claimable(1, 1, member, world.token) for member in (0, 1))
            assert owed <= world.funds.liability(world.token), where
            gained = (
                worth(world) - before[0],
                balance(COIN, world.intruder) + world.funds.claimable(1, 1, 0, ZERO) - before[1],
            )
            # half of what it gives to the fund is its own; all else it gives is gone
            assert gained[0] <= max(honest[0], 0) + 1, f"{where}: gained {gained[0]}"
            assert gained[1] <= max(honest[1], 0) + 1, f"{where}: gained {gained[1]} of coin"
            if done.is_success:
                was_called += world.intruder.was_called()
                is_of_funds = name.startswith("IndexFunds.")
                if target == world.funds.address and is_of_funds:
                    assert not world.intruder.has_succeeded(), f"{where}: not locked"
                is_of_give = name in ("DonaGive.issue", "DonaGive.redeem", "DonaGive.sweep")
                if target == world.give.address and is_of_give:
                    assert not world.intruder.has_succeeded(), f"{where}: not locked"
    assert was_called > 20, "the hook was hardly ever reached"


@pytest.mark.parametrize("is_measured", [False, True])
def test_a_gift_within_a_gift_to_the_same_payee(world, is_measured):
    """The measured difference would count both; then the outer gift is refused, not overstated."""
    token, giving = world.token, world.giving
    giving.unlist_asset(token, sender=world.timelock)
    giving.list_asset(token, is_measured, sender=world.timelock)
    inner = giving.donate_token.prepare_calldata(2, token, 5, MEMO)
    world.intruder.arm(giving, inner, 0)
    outer = giving.donate_token.prepare_calldata(2, token, 7, MEMO)
    before = balance(token, world.honest)
    done = boa.env.execute_code(
        to_address=world.intruder.address,
        data=world.intruder.forward.prepare_calldata(giving, outer, 0),
    )
    assert done.is_success == (not is_measured)
    assert balance(token, world.honest) - before == (0 if is_measured else 12)
