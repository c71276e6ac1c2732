"""The token matrix: measured anew, as expected, and as docs/audit/token-matrix.md says."""

from __future__ import annotations

import pytest

from tests.contracts.conformance import token_matrix
from tests.contracts.conformance.token_matrix import ALL, REFUSED, REVERTS, SHORT, STAYS, WORKS

GIFTS = [
    operation.name
    for operation in token_matrix.OPERATIONS
    if "donate" in operation.name or "pledge" in operation.name
]
CARTS = [name for name in GIFTS if "cart" in name]
TIPS = ["Giving.donate_token, the tip", "ImpactFund.donate_token, the tip"]
# what a contract keeps for others from then on
KEPT = [
    *[name for name in GIFTS if not name.startswith("Giving")],
    "DonaGive.issue",
    "DonaGive.issue_with_permit",
    "ImpactFund.repay",
]
# one receiver that refuses does not stop the rest
BATCHES = [
    *CARTS,
    "IndexFunds.claim_many",
    "Campaign.refund_many, failed",
    "Campaign.refund_many, a milestone rejected",
    "ImpactFund.refund_many",
]
LISTED = [
    operation.name
    for operation in token_matrix.OPERATIONS
    if operation.name not in token_matrix.OF_DOBO
]


@pytest.fixture(scope="module")
def matrix():
    return token_matrix.matrix()


def words(column):
    return {name: result.partition(":")[0] for name, result in column.items()}


def test_the_page_says_what_was_measured(matrix):
    assert token_matrix.TABLE.read_text() == token_matrix.render(matrix), (
        "run: python -m tests.contracts.conformance.token_matrix"
    )


@pytest.mark.parametrize("token", ["plain, 6 decimals", "18 decimals", "reverts on zero", "uint96"])
def test_an_ordinary_token_works_everywhere(matrix, token):
    assert set(words(matrix[token]).values()) == {WORKS}


def test_usdt_works_wherever_it_can_be_listed(matrix):
    found = words(matrix["USDT: no return value, approve to nonzero refused"])
    assert {found[name] for name in LISTED} == {WORKS}


@pytest.mark.parametrize("token", ["0 decimals", "2 decimals", "24 decimals"])
def test_odd_decimals_are_not_listed(matrix, token):
    found = words(matrix[token])
    assert {found[name] for name in LISTED} == {REFUSED}


@pytest.mark.parametrize(
    "token",
    ["USDT, its fee switched on later (0.19 %)", "fee on transfer, switched on later (1 %)"],
)
def test_a_fee_is_never_booked_as_if_it_had_arrived(matrix, token):
    """What is kept for others, or measured, refuses it; elsewhere the receiver gets less."""
    found = words(matrix[token])
    for name in LISTED:
        if "measured" in name or (name in KEPT and name not in TIPS):
            assert found[name] == REVERTS, name
        else:
            assert found[name] == SHORT, name


def test_a_blocked_receiver_stops_nobody_else(matrix):
    for token in ("blocklist, receiver on it", "returns false, receiver refused"):
        found = words(matrix[token])
        for name in found:
            stays = name in BATCHES or name in TIPS
            assert found[name] == (STAYS if stays else REVERTS), name


def test_a_token_that_shrank_shorts_its_own_holders_only(matrix):
    """Other tokens' money is looked at after every cell."""
    found = words(matrix["rebases down (x 1/4)"])
    for name in GIFTS:
        assert found[name] == (REVERTS if name in KEPT else WORKS), name
    for name in (*KEPT, "DonaGive.sweep", "Campaign.sweep", "ImpactFund.sweep"):
        assert found[name] == REVERTS, name
    # a campaign is alone with its money, the impact fund pays who comes first
    for name, result in found.items():
        if "refund" in name or "claim" in name:
            many = STAYS if name in BATCHES else REVERTS
            assert result == (WORKS if name.startswith("ImpactFund") else many), name


def test_an_exit_takes_a_fee_or_growth_as_the_token_makes_it(matrix):
    """Nobody is refused what is owed because of what the token has become."""
    exits = [name for name in LISTED if "refund" in name or "claim" in name]
    assert len(exits) == 16
    for token in ("rebases up (x 2)", "hooks of sender and receiver (ERC-777)"):
        found = words(matrix[token])
        assert {found[name] for name in exits} == {WORKS}
    found = words(matrix["fee on transfer, switched on later (1 %)"])
    assert {found[name] for name in exits} == {SHORT}


def test_max_is_never_booked(matrix):
    found = words(matrix["max means balance, asked for max"])
    overstated = {name for name, word in found.items() if word == ALL}
    assert overstated == {
        "Giving.donate_token",
        "Giving.donate_token_with_permit",
        *TIPS,
        "EcosystemReserve.release",
    }
    for name in GIFTS:
        if name not in overstated:
            assert found[name] == REVERTS, name
    assert found["ImpactFund.repay"] == REVERTS


def test_every_operation_that_moves_tokens_is_there():
    names = {operation.name.partition(",")[0] for operation in token_matrix.OPERATIONS}
    assert names == {
        "Giving.donate_token",
        "Giving.donate_token_with_permit",
        "Giving.donate_cart_token",
        "Giving.donate_cart_token_with_permit",
        "Giving.sweep",
        "IndexFunds.donate_token",
        "IndexFunds.donate_token_with_permit",
        "IndexFunds.claim",
        "IndexFunds.claim_to",
        "IndexFunds.claim_many",
        "IndexFunds.sweep",
        "DonaGive.issue",
        "DonaGive.issue_with_permit",
        "DonaGive.redeem",
        "DonaGive.sweep",
        "Campaign.pledge_token",
        "Campaign.pledge_token_with_permit",
        "Campaign.refund_for",
        "Campaign.refund_to",
        "Campaign.refund_many",
        "Campaign.claim",
        "Campaign.claim_to",
        "Campaign.sweep",
        "CampaignFactory.sweep",
        "ImpactFund.donate_token",
        "ImpactFund.donate_token_with_permit",
        "ImpactFund.claim",
        "ImpactFund.claim_to",
        "ImpactFund.refund_for",
        "ImpactFund.refund_to",
        "ImpactFund.refund_many",
        "ImpactFund.repay",
        "ImpactFund.sweep",
        "Vesting.release",
        "EcosystemReserve.release",
    }
