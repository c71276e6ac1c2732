"""The proof's arithmetic, on books small enough to be checked by eye."""

from __future__ import annotations

import dataclasses
import re

import pytest

from donablock.demo.proof import Groups, Move, changes_in_logs, prove

GROUPS = Groups(
    donors=frozenset({"donor", "other donor"}),
    charities=frozenset({"charity", "moved charity"}),
    entrepreneurs=frozenset({"miller"}),
    operations=frozenset({"operations"}),
    keepers=frozenset({"funds", "campaign", "impact fund"}),
)
GIVEN = (
    Move("direct", "ETH", "donor", "charity", 100),
    Move("tip", "ETH", "donor", "operations", 3),
    Move("fund", "ETH", "other donor", "funds", 1_000),
    Move("campaign", "ETH", "donor", "campaign", 50),
    Move("project", "USDX", "other donor", "impact fund", 900),
    Move("direct", "USDX", "donor", "moved charity", 7),
)
PAID = (
    Move("claim", "ETH", "funds", "moved charity", 333),
    Move("claim", "ETH", "campaign", "charity", 20),
    Move("refund", "ETH", "campaign", "donor", 25),
    Move("claim", "USDX", "impact fund", "miller", 600),
    Move("repayment", "USDX", "miller", "impact fund", 400),
)
BALANCES = {
    "ETH": {
        "donor": -128,
        "other donor": -1_000,
        "charity": 120,
        "moved charity": 333,
        "operations": 3,
        "funds": 667,
        "campaign": 5,
    },
    "USDX": {
        "donor": -7,
        "other donor": -900,
        "moved charity": 7,
        "miller": 200,
        "impact fund": 700,
    },
}
LIABILITIES = {"ETH": {"funds": 667, "campaign": 5, "impact fund": 0}, "USDX": {"impact fund": 700}}


def proved(balances=BALANCES, moves=GIVEN + PAID, liabilities=LIABILITIES, groups=GROUPS):
    return prove(("ETH", "USDX"), groups, balances, moves, liabilities)


def tampered(asset, wallet, change):
    """The balances with one of them off by `change`."""
    wallets = {name: dict(entries) for name, entries in BALANCES.items()}
    wallets[asset][wallet] = wallets[asset].get(wallet, 0) + change
    return wallets


def test_books_that_balance_are_proved():
    proof = proved()
    assert proof.holds
    assert proof.faults == ()
    ether, dollars = proof.statements
    assert (ether.given, ether.direct, ether.to_funds, ether.tips) == (1_153, 100, 1_000, 3)
    assert (ether.to_campaigns, ether.claimed, ether.refunded) == (50, 353, 25)
    assert (ether.outflow, ether.inflow, ether.keepers_inflow) == (1_128, 456, 672)
    assert (ether.received, ether.owed, ether.liability) == (456, 672, 672)
    assert (dollars.to_projects, dollars.claimed, dollars.repaid) == (900, 600, 400)
    assert (dollars.outflow, dollars.inflow, dollars.owed) == (907, 207, 700)
    assert dollars.entrepreneurs_inflow == 200


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


@pytest.mark.parametrize("index", range(len(GIVEN + PAID)))
def test_a_move_that_the_logs_leave_out_breaks_the_proof(index):
    moves = GIVEN + PAID
    assert not proved(moves=moves[:index] + moves[index + 1 :]).holds


@pytest.mark.parametrize("index", range(len(GIVEN + PAID)))
def test_a_move_logged_one_unit_too_large_breaks_the_proof(index):
    moves = list(GIVEN + PAID)
    moves[index] = dataclasses.replace(moves[index], amount=moves[index].amount + 1)
    assert not proved(moves=moves).holds


def test_a_claim_that_was_not_paid_breaks_the_proof():
    proof = proved(moves=(*GIVEN, *PAID, Move("claim", "ETH", "funds", "charity", 1)))
    assert any("owed by balances = owed by logs" in fault for fault in proof.faults)


def test_a_refund_to_somebody_else_breaks_the_proof():
    moves = list(GIVEN + PAID)
    at = next(number for number, move in enumerate(moves) if move.kind == "refund")
    moves[at] = dataclasses.replace(moves[at], receiver="other donor")
    faults = proved(moves=moves).faults
    assert [fault.split(" changed by")[0] for fault in faults] == ["ETH: donor", "ETH: other donor"]


def test_a_contract_that_says_it_owes_less_breaks_the_proof():
    own, total = proved(liabilities={**LIABILITIES, "ETH": {"funds": 666, "campaign": 5}}).faults
    assert own == "ETH: funds says it owes 666, and by the logs it owes 667"
    assert "owed by logs = the contracts' own liability: 672 is not 671 (off by 1)" in total


def test_one_contract_cannot_owe_for_another():
    faults = proved(liabilities={**LIABILITIES, "ETH": {"funds": 666, "campaign": 6}}).faults
    assert [fault.split(" and by")[0] for fault in faults] == [
        "ETH: campaign says it owes 6,",
        "ETH: funds says it owes 666,",
    ]


def test_a_contract_that_says_nothing_owes_nothing():
    (fault, total) = proved(liabilities={**LIABILITIES, "USDX": {}}).faults
    assert fault == "USDX: impact fund says it owes 0, and by the logs it owes 700"
    assert "700 is not 0" in total


def test_a_kind_of_gift_that_nobody_knows_breaks_the_proof():
    moves = [
        dataclasses.replace(move, kind="raffle") if move.kind == "direct" else move
        for move in GIVEN + PAID
    ]
    assert any("logs: given = direct" in fault for fault in proved(moves=moves).faults)


def test_a_wallet_outside_the_groups_that_gained_breaks_the_proof():
    proof = proved(balances=tampered("ETH", "giving contract", 1))
    assert any("giving contract is no part of this" in fault for fault in proof.faults)


def test_a_gift_paid_past_the_groups_breaks_the_proof():
    moves = (*GIVEN[:-1], dataclasses.replace(GIVEN[-1], receiver="stranger"), *PAID)
    assert any("stranger is no part of this" in fault for fault in proved(moves=moves).faults)


def test_no_wallet_plays_two_parts():
    with pytest.raises(ValueError, match=re.escape("in two groups")):
        dataclasses.replace(GROUPS, charities=frozenset({"donor"}))
    with pytest.raises(ValueError, match=re.escape("in two groups")):
        dataclasses.replace(GROUPS, entrepreneurs=frozenset({"campaign"}))


def test_logs_move_money_and_make_none():
    for wallets in changes_in_logs(GIVEN + PAID).values():
        assert sum(wallets.values()) == 0


def test_a_gift_to_oneself_changes_nothing():
    gift = Move("direct", "ETH", "donor", "donor", 5)
    assert changes_in_logs([gift]) == {"ETH": {"donor": 0}}
