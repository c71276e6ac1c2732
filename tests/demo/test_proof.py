"""The proof's arithmetic, on books small enough to be checked by eye."""

from __future__ import annotations

import dataclasses
import re

import pytest

from donablock.demo.proof import Claim, Gift, Groups, changes_in_logs, prove

GROUPS = Groups(
    donors=frozenset({"donor", "other donor"}),
    charities=frozenset({"charity", "moved charity"}),
    operations=frozenset({"operations"}),
    funds=frozenset({"funds"}),
)
GIFTS = (
    Gift("direct", "ETH", "donor", "charity", 100),
    Gift("tip", "ETH", "donor", "operations", 3),
    Gift("fund", "ETH", "other donor", "funds", 1_000),
    Gift("direct", "USDX", "donor", "moved charity", 7),
)
CLAIMS = (Claim("ETH", "funds", "moved charity", 333),)
BALANCES = {
    "ETH": {
        "donor": -103,
        "other donor": -1_000,
        "charity": 100,
        "moved charity": 333,
        "operations": 3,
        "funds": 667,
    },
    "USDX": {"donor": -7, "moved charity": 7},
}
LIABILITIES = {"ETH": 667, "USDX": 0}


def proved(balances=BALANCES, gifts=GIFTS, claims=CLAIMS, liabilities=LIABILITIES, groups=GROUPS):
    return prove(("ETH", "USDX"), groups, balances, gifts, claims, liabilities)


def tampered(asset, wallet, change):
    """The balances with one of them off by `change`."""
    wallets = {name: dict(entries) for name, entries in BALANCES.items()}
    wallets[asset][wallet] = wallets[asset].get(wallet, 0) + change
    return wallets


def test_books_that_balance_are_proved():
    proof = proved()
    assert proof.holds
    assert proof.faults == ()
    ether = proof.statements[0]
    assert (ether.given, ether.direct, ether.to_funds, ether.tips) == (1_103, 100, 1_000, 3)
    assert (ether.outflow, ether.inflow, ether.funds_inflow) == (1_103, 436, 667)
    assert (ether.claimed, ether.owed) == (333, 667)


def test_every_wallet_is_compared_in_every_asset():
    assert proved().compared == 2 * len(GROUPS.all)


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize("wallet", sorted(GROUPS.all))
@pytest.mark.parametrize("asset", ["ETH", "USDX"])
def test_one_unit_in_any_balance_breaks_the_proof(asset, wallet, change):
    proof = proved(balances=tampered(asset, wallet, change))
    assert not proof.holds
    assert any(fault.startswith(f"{asset}: {wallet} changed by") for fault in proof.faults)


def test_a_theft_that_keeps_every_sum_is_still_found():
    balances = tampered("ETH", "charity", -1)
    balances["ETH"]["moved charity"] += 1
    proof = proved(balances=balances)
    assert [fault for fault in proof.faults if "charity changed by" in fault] == list(proof.faults)
    assert len(proof.faults) == 2


@pytest.mark.parametrize("index", range(len(GIFTS)))
def test_a_gift_that_the_logs_leave_out_breaks_the_proof(index):
    assert not proved(gifts=GIFTS[:index] + GIFTS[index + 1 :]).holds


@pytest.mark.parametrize("index", range(len(GIFTS)))
def test_a_gift_logged_one_unit_too_large_breaks_the_proof(index):
    gifts = list(GIFTS)
    gifts[index] = dataclasses.replace(gifts[index], amount=gifts[index].amount + 1)
    assert not proved(gifts=gifts).holds


def test_a_claim_that_was_not_paid_breaks_the_proof():
    proof = proved(claims=(*CLAIMS, Claim("ETH", "funds", "charity", 1)))
    assert any("owed by balances = owed by logs" in fault for fault in proof.faults)


def test_funds_that_say_they_owe_less_break_the_proof():
    (fault,) = proved(liabilities={"ETH": 666, "USDX": 0}).faults
    assert "owed by logs = the funds' own liability: 667 is not 666 (off by 1)" in fault


def test_a_wallet_outside_the_groups_that_gained_breaks_the_proof():
    proof = proved(balances=tampered("ETH", "giving contract", 1))
    assert any("giving contract is no part of this" in fault for fault in proof.faults)


def test_a_gift_paid_past_the_groups_breaks_the_proof():
    gifts = (*GIFTS[:-1], dataclasses.replace(GIFTS[-1], receiver="stranger"))
    assert any("stranger is no part of this" in fault for fault in proved(gifts=gifts).faults)


def test_no_wallet_plays_two_parts():
    with pytest.raises(ValueError, match=re.escape("in two groups")):
        dataclasses.replace(GROUPS, charities=frozenset({"donor"}))


def test_logs_move_money_and_make_none():
    for wallets in changes_in_logs(GIFTS, CLAIMS).values():
        assert sum(wallets.values()) == 0


def test_a_gift_to_oneself_changes_nothing():
    gift = Gift("direct", "ETH", "donor", "donor", 5)
    assert changes_in_logs([gift], []) == {"ETH": {"donor": 0}}
