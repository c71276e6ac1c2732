"""Staking as a person does it: what goes in, what it weighs and earns, and how it comes back."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from donablock.chain.amounts import Money
from donablock.chain.assets import native
from donablock.chain.paying import Way
from donablock.errors import FundsError, InputError, RevertError
from donablock.treasury import staking as module
from donablock.treasury.staking import (
    EPOCH,
    MULTIPLIERS,
    Position,
    Staking,
    percent_text,
    read_position,
    read_term,
)
from tests.local_chain import DAY, GUARDIAN, STRANGER, YEAR
from tests.treasury.conftest import ALICE, BOB, CAROL, DOBO, Market

pytestmark = pytest.mark.anvil

NOBODY = "0x" + "00" * 20


@pytest.fixture
def alice(market: Market) -> Staking:
    return market.staking(ALICE)


def position(market: Market, owner: int = ALICE, index: int = 0) -> Position:
    """As the owner sees it."""
    return market.staking(owner).position(market.address(owner), index)


def stop(market: Market) -> None:
    market.send(GUARDIAN, market.pool.functions.stop_entries())


def refuses(market: Market, account: int, words: str, attempt: Callable[[], object]) -> None:
    """It is said in words, and nothing was sent."""
    nonce = market.session(account).next_nonce()
    with pytest.raises(InputError, match=words):
        attempt()
    assert market.session(account).next_nonce() == nonce, "nothing was sent"


def test_what_is_written_here_is_what_the_contract_says(market: Market) -> None:
    functions = market.pool.functions
    for name in ("EPOCH", "MAX_TERM", "MIN_STAKE", "UNLOCK_PER_YEAR"):
        assert getattr(module, name) == functions[name]().call(), name
    market.approve(ALICE)
    for term in range(1, 13):
        market.send(ALICE, functions.stake(DOBO, term))
    market.next_epoch()
    weights = [position(market, ALICE, index).weight for index in range(12)]
    assert weights == [DOBO * factor for factor in MULTIPLIERS]


# --- what people write --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["4", "4y", "4 years", " 4 year ", "04"])
def test_a_term_is_whole_years(text: str) -> None:
    assert read_term(text) == 4


@pytest.mark.parametrize("text", ["0", "13", "1200"])
def test_other_terms_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="a term is 1 to 12 years"):
        read_term(text)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "one", "4 months", "٤", "12345"])
def test_what_is_no_term_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no term; write whole years"):
        read_term(text)


@pytest.mark.parametrize("text", ["", "-1", "x", "1.0", "²", "9" * 10])
def test_a_position_is_a_number(text: str) -> None:
    with pytest.raises(InputError, match="is no position; write its number"):
        read_position(text)
    assert read_position("12") == 12


def test_a_percentage_never_says_too_much() -> None:
    assert percent_text(Fraction(1, 3)) == "33.33 %"
    assert percent_text(Fraction(2, 3)) == "66.66 %"
    assert percent_text(Fraction(0)) == "0.00 %"
    assert percent_text(Fraction(12_345_678, 1_000_000)) == "1234.56 %"


# --- staking ------------------------------------------------------------------------------------


def test_a_stake_is_one_transaction_with_a_permit(market: Market, alice: Staking) -> None:
    amount, before = 100_000 * DOBO, market.balance(ALICE)
    nonce = market.session(ALICE).next_nonce()
    plan = alice.plan_stake(Money(market.dobo_asset, amount), 12)
    assert plan.allowance.way is Way.PERMIT and plan.cost.gas is not None
    assert market.session(ALICE).next_nonce() == nonce, "planning sends nothing"
    done = alice.stake(plan)
    assert market.session(ALICE).next_nonce() == nonce + 1
    (event,) = done.logged("Staked")
    assert (event["owner"], event["index"]) == (market.address(ALICE), 0)
    assert (event["amount"], event["term"]) == (amount, 12)
    assert market.balance(ALICE) == before - amount
    allowed = market.dobo.functions.allowance(market.address(ALICE), market.pool.address)
    assert allowed.call() == 0, "no approval is left"
    found, pool = position(market), alice.pool()
    assert (found.principal, found.left, found.released, found.term) == (amount, amount, 0, 12)
    assert (found.ends_at, found.unlocked_at) == (plan.terms.ends_at, plan.terms.unlocked_at)
    assert (found.weight, found.next_weight) == (0, plan.weight)
    assert found.next_change_at == plan.terms.counts_from == pool.ends_at
    assert found.is_locked and found.is_fresh and found.multiplier == 20
    assert plan.weight == 20 * amount
    assert plan.terms.ends_at - plan.terms.counts_from == 12 * YEAR
    assert plan.terms.unlocked_at - plan.terms.ends_at == 12 * 30 * DAY


def test_a_standing_approval_is_used(market: Market, alice: Staking) -> None:
    market.approve(ALICE)
    plan = alice.plan_stake(Money(market.dobo_asset, DOBO), 1)
    assert plan.allowance.way is Way.NOTHING
    assert alice.stake(plan).logged("Staked")[0]["index"] == 0


@pytest.mark.parametrize("term", [0, 13, -1, 2**256])
def test_a_term_out_of_bounds_is_refused(market: Market, alice: Staking, term: int) -> None:
    money = Money(market.dobo_asset, DOBO)
    refuses(market, ALICE, "1 to 12 years", lambda: alice.plan_stake(money, term))


@pytest.mark.parametrize("amount", [0, 1, DOBO - 1])
def test_less_than_one_dobo_is_refused(market: Market, alice: Staking, amount: int) -> None:
    money = Money(market.dobo_asset, amount)
    refuses(market, ALICE, "is too little; .* at least 1 DOBO", lambda: alice.plan_stake(money, 1))


def test_another_asset_is_refused(market: Market, alice: Staking) -> None:
    coin = Money(native(market.session(ALICE)), 10**18)
    refuses(market, ALICE, "DOBO is staked, not ETH", lambda: alice.plan_stake(coin, 1))


@pytest.mark.parametrize("amount", [10**6 * DOBO + 1, 2**256 - 1])
def test_more_than_there_is_is_refused(market: Market, alice: Staking, amount: int) -> None:
    with pytest.raises(FundsError, match="has 1_000_000 DOBO, but"):
        alice.plan_stake(Money(market.dobo_asset, amount), 1)


def test_an_empty_wallet_is_told_so(market: Market) -> None:
    with pytest.raises(FundsError, match="has 0 DOBO, but 1 DOBO are needed"):
        market.staking(CAROL).plan_stake(Money(market.dobo_asset, DOBO), 1)


def test_a_stop_is_told_with_its_end(market: Market, alice: Staking) -> None:
    market.stake(ALICE)
    stop(market)
    money, words = Money(market.dobo_asset, DOBO), "stopped staking, extending and compounding"
    refuses(market, ALICE, words, lambda: alice.plan_stake(money, 1))
    refuses(market, ALICE, words, lambda: alice.plan_extend(position(market), 12))
    refuses(market, ALICE, words, lambda: alice.plan_compound(position(market)))
    assert alice.pool().is_stopped
    market.world.node.advance(7 * DAY)
    assert not alice.pool().is_stopped
    alice.plan_stake(money, 1)


# --- weight and dividends -----------------------------------------------------------------------


@pytest.mark.parametrize("term", [1, 5, 12])
def test_every_change_of_weight_is_foretold(market: Market, term: int) -> None:
    market.stake(ALICE, 100_000 * DOBO, term)
    foretold = position(market).changes
    assert len(foretold) == term + 1
    assert foretold[-1] == (position(market).ends_at, 0)
    for number, (when, weight) in enumerate(foretold):
        market.world.node.advance_to(when - 1)
        before = 0 if number == 0 else foretold[number - 1][1]
        assert position(market).weight == before
        market.world.node.advance_to(when)
        found = position(market)
        assert found.weight == weight
        assert found.multiplier == weight // found.principal
        assert found.years_left == max(term - number, 0)
        assert found.changes == foretold[number + 1 :]


def test_a_year_of_dividends_is_an_exact_rate(market: Market, alice: Staking) -> None:
    market.stake(ALICE, 100_000 * DOBO, 12)
    assert (alice.pool().epochs, alice.pool().earned) == (1, 0), "a month before this one was empty"
    market.stake(BOB, 50_000 * DOBO, 1)
    for _ in range(12):
        market.next_epoch()
        market.fund(1_025 * DOBO)
    market.next_epoch()
    pool = alice.pool()
    assert pool.epochs == 12
    # 2_000_000 and 50_000 of weight, until both have a year less
    full = Fraction(12 * 1_025, 2_050_000)
    assert pool.rate(1) == Fraction(pool.earned, DOBO)
    assert full - Fraction(13, DOBO) < pool.rate(1) <= full
    assert pool.rate(12) == 20 * pool.rate(1)
    assert percent_text(pool.rate(12)) == "11.99 %", "rounded down, and never up"
    for owner, stake, years in ((ALICE, 100_000, 12), (BOB, 50_000, 1)):
        claimable = position(market, owner).claimable
        exact = stake * DOBO * full * MULTIPLIERS[years - 1]
        assert 0 <= exact - claimable < 2


def test_the_pool_tells_its_month_and_its_books(market: Market, alice: Staking) -> None:
    pool = alice.pool()
    assert (pool.epoch, pool.principal, pool.weight) == (2, 0, 0)
    assert pool.starts_at <= pool.now < pool.ends_at == pool.starts_at + EPOCH
    market.stake(ALICE, 100_000 * DOBO, 12)
    market.fund(600 * DOBO)
    pool = alice.pool()
    assert (pool.principal, pool.pot, pool.waiting, pool.owed) == (
        100_000 * DOBO,
        600 * DOBO,
        0,
        0,
    )
    assert not pool.is_divided, "the stake counts from the next month"
    market.next_epoch()
    market.stake(BOB, DOBO, 1)
    pool = alice.pool()
    assert (pool.pot, pool.waiting) == (0, 600 * DOBO), "nobody weighed anything"
    assert pool.is_divided and pool.weight == 2_000_000 * DOBO
    market.fund(400 * DOBO)
    market.next_epoch()
    market.stake(BOB, DOBO, 1)
    pool = alice.pool()
    assert (pool.pot, pool.waiting, pool.owed) == (0, 0, 1_000 * DOBO)
    held = market.balance(market.pool.address)
    assert held == pool.principal + pool.owed + pool.pot + pool.waiting


# --- claiming -----------------------------------------------------------------------------------


@pytest.fixture
def earned(market: Market) -> Market:
    """Alice's position 0 has earned 1,200 DOBO, less a unit of rounding."""
    market.stake(ALICE, 100_000 * DOBO, 12)
    market.next_epoch()
    market.fund(1_200 * DOBO)
    market.next_epoch()
    return market


def test_a_claim_goes_where_the_owner_says(earned: Market, alice: Staking) -> None:
    due = position(earned).claimable
    assert 1_200 * DOBO - 2 <= due <= 1_200 * DOBO
    to = earned.address(CAROL)
    (event,) = alice.send(alice.plan_claim(position(earned), to)).logged("Claimed")
    assert (event["receiver"], event["amount"]) == (to, due)
    assert earned.balance(CAROL) == due
    words = "nothing to claim: dividends come when a month that was funded is over"
    refuses(earned, ALICE, words, lambda: alice.plan_claim(position(earned)))


def test_a_claim_pays_the_owner_even_when_staking_is_stopped(
    earned: Market, alice: Staking
) -> None:
    stop(earned)
    before, due = earned.balance(ALICE), position(earned).claimable
    alice.send(alice.plan_claim(position(earned)))
    assert earned.balance(ALICE) == before + due


def test_nobody_else_claims(earned: Market) -> None:
    stranger = earned.staking(STRANGER)
    found = position(earned)
    to = earned.address(STRANGER)
    refuses(earned, STRANGER, "only the owner", lambda: stranger.plan_claim(found))
    refuses(earned, STRANGER, "only the owner", lambda: stranger.plan_claim(found, to))
    refuses(earned, STRANGER, "only the owner", lambda: stranger.plan_compound(found))
    refuses(earned, STRANGER, "only the owner", lambda: stranger.plan_extend(found, 12))


@pytest.mark.parametrize("which", ["zero", "pool", "token"])
def test_a_receiver_from_which_it_would_never_come_back(
    earned: Market, alice: Staking, which: str
) -> None:
    places = {"zero": NOBODY, "pool": earned.pool.address, "token": earned.dobo.address}
    words = "cannot receive this; name another address"
    refuses(earned, ALICE, words, lambda: alice.plan_claim(position(earned), places[which]))


def test_a_receiver_that_is_no_address(earned: Market, alice: Staking) -> None:
    found = position(earned)
    refuses(earned, ALICE, "is no receiver", lambda: alice.plan_claim(found, "bob"))


def test_a_fresh_stake_is_told_when_its_first_dividends_come(
    market: Market, alice: Staking
) -> None:
    market.stake(ALICE)
    words = "it counts from 2025-08-15 .* first dividends come when a month after that is over"
    refuses(market, ALICE, words, lambda: alice.plan_claim(position(market)))


def test_a_position_whose_lock_is_over_earns_no_more(market: Market, alice: Staking) -> None:
    market.stake(ALICE, 10 * DOBO, 1)
    market.world.node.advance_to(position(market).ends_at)
    words = "its lock is over: it earns no more"
    refuses(market, ALICE, words, lambda: alice.plan_claim(position(market)))


def test_a_claim_that_came_too_late_is_refused_by_the_chain(earned: Market, alice: Staking) -> None:
    """Planned on what was seen before: the node's trial says so."""
    seen = position(earned)
    alice.send(alice.plan_claim(seen))
    with pytest.raises(RevertError, match="pool: nothing to claim; somebody was quicker"):
        alice.plan_claim(seen)


# --- compounding and extending ------------------------------------------------------------------


def test_compounding_adds_to_the_position_from_the_next_month(
    earned: Market, alice: Staking
) -> None:
    due = position(earned).claimable
    (event,) = alice.send(alice.plan_compound(position(earned))).logged("Compounded")
    assert event["amount"] == due
    found = position(earned)
    assert (found.principal, found.claimable) == (100_000 * DOBO + due, 0)
    assert found.is_fresh and found.next_weight == 20 * found.principal
    refuses(earned, ALICE, "nothing to claim", lambda: alice.plan_compound(found))


def test_in_its_last_month_a_position_is_claimed_instead(market: Market, alice: Staking) -> None:
    market.stake(ALICE, 10**6 * DOBO, 1)
    market.next_epoch()
    market.fund(1_000 * DOBO)
    market.world.node.advance_to(position(market).ends_at - 1)
    words = "would earn nothing; claim it: ape run stake claim 0"
    refuses(market, ALICE, words, lambda: alice.plan_compound(position(market)))
    market.world.node.advance(1)
    refuses(market, ALICE, words, lambda: alice.plan_compound(position(market)))
    alice.send(alice.plan_claim(position(market)))


def test_extending_locks_for_longer_and_compounds(earned: Market, alice: Staking) -> None:
    before, due = position(earned), position(earned).claimable
    result = alice.send(alice.plan_extend(before, 12))
    (event,) = result.logged("Extended")
    assert result.logged("Compounded")[0]["amount"] == due
    found = position(earned)
    assert found.ends_at == before.ends_at + 2 * EPOCH == found.pool.edge(event["maturity"])
    assert found.principal == before.principal + due


def test_a_longer_term_of_before_is_kept_for_the_unlocking(market: Market, alice: Staking) -> None:
    market.stake(ALICE, DOBO, 3)
    market.world.node.advance(2 * YEAR + 31 * DAY)
    before = position(market)
    terms = before.pool.terms(1, before.term)
    alice.send(alice.plan_extend(before, 1))
    found = position(market)
    assert (found.ends_at, found.unlocked_at) == (terms.ends_at, terms.unlocked_at)
    assert found.term == 3 and found.unlocked_at - found.ends_at == 90 * DAY


def test_extending_must_be_longer(market: Market, alice: Staking) -> None:
    market.stake(ALICE, DOBO, 4)
    for term in (1, 4):
        words = f"is locked until 2029-08-14 .*; {term} years? from now end on .*write more years"
        refuses(market, ALICE, words, lambda t=term: alice.plan_extend(position(market), t))
    for term in (0, 13):
        words = "1 to 12 years"
        refuses(market, ALICE, words, lambda t=term: alice.plan_extend(position(market), t))


def test_a_lock_that_is_over_is_not_extended(market: Market, alice: Staking) -> None:
    market.stake(ALICE, DOBO, 1)
    market.world.node.advance_to(position(market).ends_at)
    words = "is over since .*; unlock it, and stake anew"
    refuses(market, ALICE, words, lambda: alice.plan_extend(position(market), 12))


# --- unlocking ----------------------------------------------------------------------------------


def test_nothing_opens_a_lock_early(market: Market, alice: Staking) -> None:
    market.stake(ALICE, 10 * DOBO, 1)
    words = "is locked until 2026-08-15 .*; nobody can open it before"
    refuses(market, ALICE, words, lambda: alice.plan_unlock(position(market)))
    market.world.node.advance_to(position(market).ends_at - 1)
    refuses(market, ALICE, words, lambda: alice.plan_unlock(position(market)))
    market.world.node.advance(1)
    words = "nothing more of position 0 is free yet; it comes free evenly until 2026-09-14"
    refuses(market, ALICE, words, lambda: alice.plan_unlock(position(market)))


@pytest.mark.parametrize("term", [1, 7])
def test_the_principal_comes_free_as_foretold(market: Market, alice: Staking, term: int) -> None:
    market.stake(ALICE, 100 * DOBO + 1, term)
    start = position(market)
    span = start.unlocked_at - start.ends_at
    assert span == term * 30 * DAY
    for second in (1, span // 3, span // 2, span - DAY):
        market.world.node.advance_to(start.ends_at + second)
        found = position(market)
        assert found.unlockable == start.unlocked(start.ends_at + second) - found.released
        (event,) = alice.send(alice.plan_unlock(found)).logged("Unlocked")
        # a block later is a second later
        assert found.unlockable <= event["amount"] <= start.unlocked(market.now)
    market.world.node.advance_to(start.unlocked_at)
    alice.send(alice.plan_unlock(position(market)))
    found = position(market)
    assert (found.left, found.released) == (0, 100 * DOBO + 1)
    words = "is paid out: nothing is left in it"
    refuses(market, ALICE, words, lambda: alice.plan_unlock(found))


def test_anybody_unlocks_for_the_owner_and_to_the_owner(market: Market) -> None:
    market.stake(ALICE, 100 * DOBO, 1)
    market.world.node.advance_to(position(market).unlocked_at)
    before, stranger = market.balance(ALICE), market.staking(STRANGER)
    words = "only the owner, .*, may name a receiver; without one anybody may unlock it"
    to = market.address(STRANGER)
    refuses(market, STRANGER, words, lambda: stranger.plan_unlock(position(market), to))
    stranger.send(stranger.plan_unlock(position(market)))
    assert market.balance(ALICE) == before + 100 * DOBO


def test_the_owner_unlocks_to_another_address(market: Market, alice: Staking) -> None:
    market.stake(ALICE, 100 * DOBO, 1)
    market.world.node.advance_to(position(market).unlocked_at)
    found, to = position(market), market.address(CAROL)
    refuses(market, ALICE, "cannot receive", lambda: alice.plan_unlock(found, NOBODY))
    alice.send(alice.plan_unlock(found, to))
    assert market.balance(CAROL) == 100 * DOBO


# --- what is not there --------------------------------------------------------------------------


def test_positions_are_found_by_owner_and_number(market: Market, alice: Staking) -> None:
    owner = market.address(ALICE)
    assert alice.positions(owner) == []
    with pytest.raises(InputError, match="has no position 0; it has none"):
        alice.position(owner, 0)
    market.stake(ALICE, DOBO, 1)
    market.stake(ALICE, 2 * DOBO, 12)
    assert [found.principal for found in alice.positions(owner)] == [DOBO, 2 * DOBO]
    for index in (2, -1, 2**256):
        with pytest.raises(InputError, match=f"has no position {index}; it has 0 to 1"):
            alice.position(owner, index)
    with pytest.raises(InputError, match="is no owner"):
        alice.positions("me")
    with pytest.raises(InputError, match="checksum is wrong"):
        alice.positions(owner.swapcase().replace("0X", "0x"))


def test_positions_of_one_block_agree(market: Market, alice: Staking) -> None:
    market.stake(ALICE, DOBO, 1)
    seen = alice.pool()
    market.stake(ALICE, DOBO, 1)
    assert len(alice.positions(market.address(ALICE), seen)) == 1, "as it was at that block"
