"""DividendPool, one behaviour at a time; its machine tries them together.

Tests marked `pitfall` are named after what the first sketch of the pool got wrong.
"""

from __future__ import annotations

from fractions import Fraction

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.models.dividend_pool import (
    EPOCH,
    MULTIPLIERS,
    UNLOCK_PER_YEAR,
    multiplier,
)
from tests.contracts.money import COIN, change, moves, send
from tests.contracts.protocol import set_storage
from tests.contracts.staking import DOBO, MIN_WEIGHT, Staking

ZERO = "0x" + "00" * 20
DAY = 86_400
SUPPLY = 2 * 10**27


@pytest.fixture(scope="module")
def world(timelock, guardian, reserve):
    return Staking(timelock, guardian, reserve)


@pytest.fixture(autouse=True)
def nothing_is_missing(world):
    yield
    world.check()


# --- construction ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("token", "pool: zero token"),
        ("timelock", "pool: zero timelock"),
        ("reserve", "pool: zero reserve"),
    ],
)
def test_a_zero_address_is_refused(world, name, reason):
    with boa.reverts(reason):
        world.deploy(**{name: ZERO})


def test_a_zero_guardian_is_refused(world):
    with boa.reverts("guardian: zero guardian"):
        world.deploy(guardian=ZERO)


def test_a_minimum_weight_below_a_stake_is_refused(world):
    with boa.reverts("pool: minimum weight below a stake"):
        world.deploy(min_weight=DOBO - 1)
    world.deploy(min_weight=DOBO)


def test_a_token_with_too_much_supply_is_refused(world):
    token = deployers.PLAIN_TOKEN.deploy("Much", "MUCH", 18)
    token.mint(world.a, 2**91)
    world.deploy(token=token)
    token.mint(world.a, 1)
    with boa.reverts("pool: supply over 2**91"):
        world.deploy(token=token)


def test_the_constructor_fixes_everything(world):
    pool = world.pool
    assert (pool.TOKEN(), pool.TIMELOCK()) == (world.dobo.address, world.timelock)
    assert (pool.RESERVE(), pool.guardian()) == (world.reserve.address, world.guardian)
    assert (pool.START(), pool.MIN_WEIGHT()) == (world.start, MIN_WEIGHT)
    assert (pool.EPOCH(), pool.MAX_TERM(), pool.MIN_STAKE()) == (EPOCH, 12, DOBO)
    assert (pool.UNLOCK_PER_YEAR(), pool.SCALE_BITS()) == (UNLOCK_PER_YEAR, 128)
    assert (pool.epoch(), pool.rolled_until(), pool.total_weight()) == (1, 1, 0)
    assert pool.books() == (0, 0, 0, 0)


def test_the_interface_is_this_and_no_more(world):
    assert function_names(world.pool) == {
        *{"stake", "stake_with_permit", "extend", "claim", "compound", "unlock", "unlock_to"},
        *{"fund", "roll", "sweep", "set_guardian", "stop_entries", "resume_entries"},
        *{"guardian", "stopped_until", "next_stop_at", "epoch", "epoch_starts_at"},
        *{"rolled_until", "position", "position_count", "claimable", "unlockable"},
        *{"total_weight", "dividends_per_weight", "liability", "books"},
        *{"TOKEN", "TIMELOCK", "RESERVE", "START", "MIN_WEIGHT", "EPOCH", "MAX_TERM"},
        *{"MIN_STAKE", "UNLOCK_PER_YEAR", "SCALE_BITS"},
    }
    signatures = event_signatures(world.pool)
    assert signatures["EpochClosed"] == (
        "*uint256 epoch, uint256 amount, uint256 weight, uint256 cumulative"
    )
    assert signatures["Claimed"] == (
        "*address owner, *uint256 index, *address receiver, uint256 amount, uint256 epoch"
    )


# --- staking --------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", range(1, 13))
def test_a_stake_counts_from_the_next_epoch_for_its_years(world, term):
    boa.env.timestamp += EPOCH // 3
    with moves([world.dobo], [world.pool, world.a]) as moved:
        assert world.stake(world.a, 1_000 * DOBO, term) == 0
    assert moved == change(
        (world.dobo, world.a, -1_000 * DOBO), (world.dobo, world.pool, 1_000 * DOBO)
    )
    maturity = 2 + 12 * term
    found = world.pool.position(world.a, 0)
    assert (found.principal, found.released, found.term) == (1_000 * DOBO, 0, term)
    assert found.ends_at == world.edge(maturity)
    assert found.unlocked_at == found.ends_at + term * UNLOCK_PER_YEAR
    assert (found.weight, world.pool.total_weight()) == (0, 0)
    weights = [0] + [MULTIPLIERS[left] for left in range(term, 0, -1) for _ in range(12)] + [0, 0]
    for epoch, weight in enumerate(weights, 1):
        for offset in (0, EPOCH - 1):
            world.to(epoch, max(offset, EPOCH // 3 if epoch == 1 else 0))
            assert world.pool.epoch() == epoch
            assert world.pool.position(world.a, 0).weight == weight * 1_000 * DOBO
            assert world.pool.total_weight() == weight * 1_000 * DOBO
            assert weight == (multiplier(maturity, epoch) if epoch > 1 else 0)


def test_a_stake_is_logged(world):
    world.to(3, 5)
    world.stake(world.a, 7 * DOBO, 2)
    ours = [log for log in logged(world.pool) if log[0] == world.pool.address]
    assert ours == [
        entry(
            world.pool,
            "Staked",
            owner=world.a,
            index=0,
            amount=7 * DOBO,
            term=2,
            maturity=28,
            epoch=3,
        )
    ]


def test_many_positions_each_of_its_own(world):
    for index, (amount, term) in enumerate([(DOBO, 1), (2 * DOBO, 12), (3 * DOBO, 1)]):
        assert world.stake(world.a, amount, term) == index
    assert world.stake(world.b, 4 * DOBO, 3) == 0
    assert (world.pool.position_count(world.a), world.pool.position_count(world.b)) == (3, 1)
    assert [world.pool.position(world.a, i).principal // DOBO for i in range(3)] == [1, 2, 3]
    world.to(2)
    assert world.pool.total_weight() == (1 + 2 * 20 + 3 + 4 * 3) * DOBO


@pytest.mark.parametrize("term", [0, 13, 2**256 - 1])
def test_a_term_is_1_to_12_years(world, term):
    with boa.reverts("pool: term is 1 to 12 years"):
        world.stake(world.a, DOBO, term)
    world.stake(world.a, DOBO, 1)
    with boa.reverts("pool: term is 1 to 12 years"):
        world.pool.extend(0, term, sender=world.a)


@pytest.mark.parametrize("amount", [0, 1, DOBO - 1])
def test_less_than_one_dobo_is_not_staked(world, amount):
    with boa.reverts("pool: less than one DOBO"):
        world.stake(world.a, amount)
    assert world.pool.position_count(world.a) == 0


@pytest.mark.parametrize("amount", [2**91 + 1, 2**96, 2**160, 2**256 - 1])
def test_more_than_there_is_is_not_staked(world, amount):
    with boa.reverts("pool: more than there is"):
        world.stake(world.a, amount)
    with boa.reverts("erc20: balance too low"):
        world.stake(world.a, 2**91)


def test_all_there_is_can_be_staked(world):
    for account in world.stakers:
        world.dobo.transfer(world.rich, world.dobo.balanceOf(account), sender=account)
    world.stake(world.rich, SUPPLY, 12)
    world.to(2)
    assert world.pool.total_weight() == 20 * SUPPLY


def test_a_permit_stakes_without_an_approval(world, now):
    world.dobo.approve(world.pool, 0, sender=world.a)
    signed = roles.sign_permit(world.dobo, "staker 0", world.pool, 5 * DOBO, now)
    world.pool.stake_with_permit(5 * DOBO, 1, *signed.signature, sender=world.a)
    assert world.pool.position(world.a, 0).principal == 5 * DOBO
    # used up: now the allowance decides, and there is none
    with boa.reverts("erc20: allowance too low"):
        world.pool.stake_with_permit(5 * DOBO, 1, *signed.signature, sender=world.a)


def test_a_front_run_permit_breaks_nothing(world, now):
    world.dobo.approve(world.pool, 0, sender=world.a)
    signed = roles.sign_permit(world.dobo, "staker 0", world.pool, 5 * DOBO, now)
    world.dobo.permit(*signed.arguments, sender=world.b)
    world.pool.stake_with_permit(5 * DOBO, 1, *signed.signature, sender=world.a)


# --- dividends ------------------------------------------------------------------------------------


def test_dividends_go_by_weight(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.stake(world.b, 1_000 * DOBO, 3)
    world.to(2)
    world.fund(400 * DOBO)
    assert world.pool.claimable(world.a, 0) == 0
    world.to(3)
    assert 100 * DOBO - 1 <= world.pool.claimable(world.a, 0) <= 100 * DOBO
    assert 300 * DOBO - 1 <= world.pool.claimable(world.b, 0) <= 300 * DOBO
    due = world.pool.claimable(world.a, 0)
    with moves([world.dobo], [world.pool, *world.stakers]) as moved:
        assert world.pool.claim(0, sender=world.a) == due
    assert moved == change((world.dobo, world.pool, -due), (world.dobo, world.a, due))
    assert world.pool.claimable(world.a, 0) == 0


def test_what_happens_is_logged(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(2)
    world.fund(7)
    ours = [log for log in logged(world.pool) if log[0] == world.pool.address]
    assert ours == [entry(world.pool, "Funded", funder=world.rich, epoch=2, amount=7)]
    world.fund(120 * DOBO)
    world.to(3)
    world.pool.claim(0, sender=world.a)
    amount = 120 * DOBO + 7
    weight = 1_000 * DOBO
    cumulative = (amount << 128) // weight
    closed, claimed = [log for log in logged(world.pool) if log[0] == world.pool.address]
    assert closed == entry(
        world.pool, "EpochClosed", epoch=2, amount=amount, weight=weight, cumulative=cumulative
    )
    assert claimed == entry(
        world.pool,
        "Claimed",
        owner=world.a,
        index=0,
        receiver=world.a,
        amount=(cumulative * weight) >> 128,
        epoch=3,
    )


def test_only_the_owner_claims_and_names_a_receiver(world):
    world.stake(world.a)
    world.to(2)
    world.fund()
    world.to(3)
    for call in (world.pool.claim, world.pool.compound):
        with boa.reverts("pool: no such position"):
            call(0, sender=world.b)
    with boa.reverts("pool: zero receiver"):
        world.pool.claim(0, ZERO, sender=world.a)
    with boa.reverts("pool: receiver is the pool"):
        world.pool.claim(0, world.pool, sender=world.a)
    due = world.pool.claimable(world.a, 0)
    with moves([world.dobo], [world.a, world.b]) as moved:
        world.pool.claim(0, world.b, sender=world.a)
    assert moved == change((world.dobo, world.b, due))


def test_claims_of_nothing_are_refused(world):
    world.stake(world.a)
    for _ in range(2):
        with boa.reverts("pool: nothing to claim"):
            world.pool.claim(0, sender=world.a)
        with boa.reverts("pool: nothing to compound"):
            world.pool.compound(0, sender=world.a)
        world.to(2)
    world.fund()
    with boa.reverts("pool: nothing to claim"):
        world.pool.claim(0, sender=world.a)
    world.to(3)
    world.pool.claim(0, sender=world.a)
    with boa.reverts("pool: nothing to claim"):
        world.pool.claim(0, sender=world.a)


def test_nothing_is_funded_with_nothing(world):
    with boa.reverts("pool: nothing to fund"):
        world.fund(0)
    for amount in (2**91, 2**160, 2**256 - 1):
        with boa.reverts("erc20: balance too low"):
            world.pool.fund(amount, sender=world.a)


def test_compounding_adds_to_the_position(world):
    world.stake(world.a, 1_000 * DOBO, 3)
    world.to(2)
    world.fund()
    world.to(3, 7)
    due = world.pool.claimable(world.a, 0)
    with moves([world.dobo], [world.pool, world.a]) as moved:
        assert world.pool.compound(0, sender=world.a) == due
    assert moved == {}
    ours = logged(world.pool)
    assert ours[-1] == entry(world.pool, "Compounded", owner=world.a, index=0, amount=due, epoch=3)
    found = world.pool.position(world.a, 0)
    assert found.principal == 1_000 * DOBO + due
    # it counts from the next epoch
    assert found.weight == world.pool.total_weight() == 3_000 * DOBO
    assert (found.next_weight, found.next_change_at) == (3 * found.principal, world.edge(4))
    assert world.pool.books()[:2] == (found.principal, 120 * DOBO - due)
    world.to(4)
    assert world.pool.total_weight() == 3 * found.principal


def test_a_claim_over_years_pays_each_month_by_its_weight(world):
    world.stake(world.a, 1_000 * DOBO, 3)
    world.stake(world.b, 1_000 * DOBO, 12)
    exact = Fraction(0)
    for epoch in range(2, 40):
        world.to(epoch)
        world.fund(epoch * DOBO)
        mine, other = multiplier(38, epoch), multiplier(146, epoch)
        exact += Fraction(epoch * DOBO * mine, mine + other)
    world.to(40)
    paid = world.pool.claim(0, sender=world.a)
    assert 0 <= exact - paid < 1 + Fraction(1, 2**24)
    with boa.reverts("pool: nothing to claim"):
        world.pool.claim(0, sender=world.a)


def test_a_year_s_rate(world):
    world.stake(world.a, 1_000 * DOBO, 2)
    for epoch in range(2, 20):
        world.to(epoch)
        world.fund(2 * DOBO)
    world.to(20)
    # epochs 8 to 19: six at a multiplier of 2, six at 1, of 1,000 DOBO
    rate = 6 * 2 * DOBO // 2_000 + 6 * 2 * DOBO // 1_000
    assert 0 <= rate - world.pool.dividends_per_weight(12) <= 1
    assert 0 <= 2 * DOBO // 1_000 - world.pool.dividends_per_weight(1) <= 1
    assert world.pool.dividends_per_weight(0) == 0
    everything = world.pool.dividends_per_weight(19)
    assert everything == world.pool.dividends_per_weight(2**255)
    assert world.pool.dividends_per_weight(18) == everything
    # as many epochs as the running one's number, which is one more than are over
    assert world.pool.dividends_per_weight(20) == everything


# --- extending ------------------------------------------------------------------------------------


def test_extending_counts_from_the_next_epoch(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(5, 9)
    world.pool.extend(0, 2, sender=world.a)
    ours = [log for log in logged(world.pool) if log[0] == world.pool.address]
    assert ours == [
        entry(world.pool, "Extended", owner=world.a, index=0, term=2, maturity=30, epoch=5)
    ]
    found = world.pool.position(world.a, 0)
    assert (found.weight, world.pool.total_weight()) == (1_000 * DOBO, 1_000 * DOBO)
    assert (found.next_weight, found.next_change_at) == (2_000 * DOBO, world.edge(6))
    assert found.ends_at == world.edge(30)
    world.to(6)
    assert world.pool.total_weight() == world.pool.position(world.a, 0).weight == 2_000 * DOBO
    world.to(18)
    assert world.pool.total_weight() == 1_000 * DOBO
    world.to(30)
    assert world.pool.total_weight() == 0


def test_a_lock_is_never_shortened(world):
    world.stake(world.a, DOBO, 2)
    for term in (1, 2):
        with boa.reverts("pool: not longer than it is"):
            world.pool.extend(0, term, sender=world.a)
    world.to(2)
    with boa.reverts("pool: not longer than it is"):
        world.pool.extend(0, 1, sender=world.a)
    # a month later the same term is longer
    world.pool.extend(0, 2, sender=world.a)
    assert world.pool.position(world.a, 0).ends_at == world.edge(27)


def test_what_is_over_is_not_extended(world):
    world.stake(world.a, DOBO, 1)
    world.to(14, -1)
    with boa.env.anchor():
        world.pool.extend(0, 1, sender=world.a)
    world.to(14)
    with boa.reverts("pool: lock is over"):
        world.pool.extend(0, 12, sender=world.a)


def test_extending_compounds_what_was_earned(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(2)
    world.fund()
    world.to(3)
    due = world.pool.claimable(world.a, 0)
    world.pool.extend(0, 5, sender=world.a)
    names = [log[1] for log in logged(world.pool) if log[0] == world.pool.address]
    assert names == ["EpochClosed", "Compounded", "Extended"]
    assert world.pool.position(world.a, 0).principal == 1_000 * DOBO + due
    assert world.pool.claimable(world.a, 0) == 0
    assert world.pool.total_weight() == 1_000 * DOBO
    world.to(4)
    assert world.pool.total_weight() == 5 * (1_000 * DOBO + due)


def test_only_the_owner_extends(world):
    world.stake(world.a)
    with boa.reverts("pool: no such position"):
        world.pool.extend(0, 12, sender=world.b)


# --- unlocking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", [1, 12])
def test_principal_comes_free_evenly(world, term):
    world.stake(world.a, 1_000 * DOBO, term)
    end = world.edge(2 + 12 * term)
    for at in (end - 1, end):
        boa.env.timestamp = at
        reason = "pool: still locked" if at < end else "pool: nothing to unlock"
        with boa.reverts(reason):
            world.pool.unlock(world.a, 0)
        assert world.pool.unlockable(world.a, 0) == 0
    days = 30 * term
    taken = 0
    for day in (1, 2, days // 2, days - 1):
        boa.env.timestamp = end + day * DAY
        expected = 1_000 * DOBO * day // days - taken
        assert world.pool.unlockable(world.a, 0) == expected
        with moves([world.dobo], [world.pool, world.a, world.b]) as moved:
            assert world.pool.unlock(world.a, 0, sender=world.b) == expected
        assert moved == change((world.dobo, world.pool, -expected), (world.dobo, world.a, expected))
        taken += expected
        with boa.reverts("pool: nothing to unlock"):
            world.pool.unlock(world.a, 0)
        assert world.pool.position(world.a, 0).released == taken
    boa.env.timestamp = end + days * DAY
    world.pool.unlock(world.a, 0)
    assert world.pool.liability() == 0
    boa.env.timestamp += 10 * EPOCH
    with boa.reverts("pool: nothing to unlock"):
        world.pool.unlock(world.a, 0)


def test_an_owner_unlocks_to_another(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(14, 30 * DAY)
    with boa.reverts("pool: zero receiver"):
        world.pool.unlock_to(0, ZERO, sender=world.a)
    with boa.reverts("pool: receiver is the pool"):
        world.pool.unlock_to(0, world.pool, sender=world.a)
    with boa.reverts("pool: no such position"):
        world.pool.unlock_to(0, world.b, sender=world.b)
    with moves([world.dobo], [world.pool, world.a, world.b]) as moved:
        world.pool.unlock_to(0, world.b, sender=world.a)
    amount = 1_000 * DOBO
    assert moved == change((world.dobo, world.pool, -amount), (world.dobo, world.b, amount))
    found = [log for log in logged(world.pool) if log[0] == world.pool.address]
    assert found == [
        entry(world.pool, "Unlocked", owner=world.a, index=0, receiver=world.b, amount=amount)
    ]


# --- waiting and rolling --------------------------------------------------------------------------


def test_dividends_without_stakers_wait(world):
    """stYFI, GMX: what came in while nobody staked was stuck."""
    world.fund(100 * DOBO)
    world.to(5)
    world.pool.roll()
    names = [(log[1], log[2]) for log in logged(world.pool)]
    assert names == [
        ("CarriedOver", {"epoch": 1, "amount": 100 * DOBO, "weight": 0}),
        ("Rejoined", {"epoch": 5, "amount": 100 * DOBO}),
    ]
    assert world.pool.books() == (0, 0, 100 * DOBO, 0)
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(6)
    # its own epoch had no weight, but now there is some
    world.fund(DOBO)
    world.to(7)
    assert world.pool.claim(0, sender=world.a) == 101 * DOBO - 1


def test_weight_below_the_minimum_waits(world):
    world.stake(world.a, MIN_WEIGHT - 1, 1)
    world.to(2)
    world.fund(100 * DOBO)
    world.to(3)
    assert world.pool.claimable(world.a, 0) == 0
    world.stake(world.b, DOBO, 1)
    assert world.pool.books()[1:] == (0, 0, 100 * DOBO)
    world.to(4)
    world.pool.roll()
    world.to(5)
    assert world.pool.claimable(world.a, 0) > 99 * DOBO


def test_the_minimum_weight_is_enough(world):
    world.stake(world.a, MIN_WEIGHT, 1)
    world.to(2)
    world.fund(100 * DOBO)
    world.to(3)
    # the sum per weight is rounded down
    assert world.pool.claimable(world.a, 0) == 100 * DOBO - 1
    assert world.pool.claim(0, sender=world.a) == 100 * DOBO - 1


def test_nothing_is_rolled_where_nothing_is_over(world):
    with boa.reverts("pool: nothing to roll"):
        world.pool.roll()
    world.fund()
    with boa.reverts("pool: nothing to roll"):
        world.pool.roll()
    world.to(2, -1)
    with boa.reverts("pool: nothing to roll"):
        world.pool.roll()
    world.to(2)
    world.pool.roll()
    with boa.reverts("pool: nothing to roll"):
        world.pool.roll()
    world.to(3)
    world.pool.roll()
    world.stake(world.a)
    world.to(4)
    world.pool.roll()
    world.to(5)
    world.pool.roll()
    # all is divided
    world.to(6)
    with boa.reverts("pool: nothing to roll"):
        world.pool.roll()


@pytest.mark.parametrize("late", [0, 1, 11, 12, 13, 36, 300])
def test_it_does_not_matter_how_late_a_month_is_closed(world, late):
    world.stake(world.a, 1_000 * DOBO, 2)
    world.stake(world.b, 3_000 * DOBO, 1)
    world.to(2)
    world.fund(700 * DOBO)
    world.to(3 + late)
    assert world.pool.claimable(world.a, 0) == world.pool.claim(0, sender=world.a)
    paid = world.dobo.balanceOf(world.a) - (10**6 - 1_000) * DOBO
    # 2,000 of 5,000
    assert 280 * DOBO - 1 <= paid <= 280 * DOBO


# --- the guardian ---------------------------------------------------------------------------------


def test_a_stop_closes_entries_and_no_exit(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.stake(world.b, 1_000 * DOBO, 12)
    world.to(13)
    world.fund()
    world.to(14, DAY)
    with boa.reverts("guardian: not the guardian"):
        world.pool.stop_entries(sender=world.timelock)
    world.pool.stop_entries(sender=world.guardian)
    until = world.pool.stopped_until()
    assert until == boa.env.timestamp + 7 * DAY
    for at in (boa.env.timestamp, until - 1):
        boa.env.timestamp = at
        for call in (
            lambda: world.stake(world.a),
            lambda: world.pool.extend(0, 12, sender=world.b),
            lambda: world.pool.compound(0, sender=world.b),
        ):
            with boa.reverts("pool: staking is stopped"):
                call()
    world.pool.claim(0, sender=world.a)
    world.pool.unlock(world.a, 0)
    world.fund(DOBO)
    with boa.reverts("guardian: stopped too recently"):
        world.pool.stop_entries(sender=world.guardian)
    boa.env.timestamp = until
    world.stake(world.a)
    world.pool.compound(0, sender=world.b)


def test_the_guardian_ends_a_stop(world):
    world.pool.stop_entries(sender=world.guardian)
    with boa.reverts("guardian: not the guardian"):
        world.pool.resume_entries(sender=world.a)
    world.pool.resume_entries(sender=world.guardian)
    world.stake(world.a)


def test_the_timelock_names_another_guardian(world):
    with boa.reverts("pool: not the timelock"):
        world.pool.set_guardian(world.a, sender=world.guardian)
    with boa.reverts("guardian: zero guardian"):
        world.pool.set_guardian(ZERO, sender=world.timelock)
    world.pool.set_guardian(world.a, sender=world.timelock)
    world.pool.stop_entries(sender=world.a)


# --- what nobody gave -----------------------------------------------------------------------------


def test_surplus_is_swept_and_nothing_else(world, stablecoin):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(2)
    world.fund(120 * DOBO)
    world.to(3)
    world.pool.roll()
    world.fund(3)
    for asset in (world.dobo, stablecoin, ZERO):
        with boa.reverts("pool: nothing to sweep"):
            world.pool.sweep(asset)
    world.dobo.transfer(world.pool, 7, sender=world.a)
    stablecoin.mint(world.pool, 8)
    assert send(world.pool, 1, sender=world.a) is not None
    boa.env.set_balance(world.pool.address, 9)
    assets = [world.dobo, stablecoin, COIN]
    for asset, amount in zip(assets, (7, 8, 9), strict=True):
        with moves(assets, [world.pool, world.reserve]) as moved:
            name = ZERO if asset is COIN else asset
            assert world.pool.sweep(name, sender=world.b) == amount
        assert entry(world.pool, "Swept", asset=name, amount=amount) in logged(world.pool)
        assert moved == change((asset, world.pool, -amount), (asset, world.reserve, amount))


def test_a_direct_transfer_is_no_dividend(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.dobo.transfer(world.pool, 10 * DOBO, sender=world.b)
    world.to(3)
    assert world.pool.claimable(world.a, 0) == 0
    assert world.pool.books() == (1_000 * DOBO, 0, 0, 0)


# --- positions that are not there -----------------------------------------------------------------


def test_views_of_nothing_say_so(world):
    for view in (world.pool.position, world.pool.claimable, world.pool.unlockable):
        for owner, index in ((world.a, 0), (ZERO, 0), (world.a, 2**256 - 1)):
            with boa.reverts("pool: no such position"):
                view(owner, index)
    with boa.reverts("pool: no such position"):
        world.pool.unlock(world.a, 0)


# --- pitfalls of the sketch -----------------------------------------------------------------------


def test_pitfall_1_the_thirteenth_year_of_a_new_stake_weighs_20(world):
    """With 145 edges left it is a month beyond 12 years, and must not drop into the twelfth."""
    world.stake(world.a, 1_000 * DOBO, 12)
    world.fund()
    for epoch in (2, 13, 14):
        world.to(epoch)
        assert world.pool.total_weight() == (20 if epoch < 14 else 16) * 1_000 * DOBO
        world.fund(1)
        assert world.pool.total_weight() == (20 if epoch < 14 else 16) * 1_000 * DOBO


def test_pitfall_2_a_total_with_matured_stakes_has_room(world):
    for account in world.stakers:
        world.dobo.transfer(world.rich, world.dobo.balanceOf(account), sender=account)
    # the same tokens again and again, and nobody brings the total forward
    for turn in range(6):
        world.stake(world.rich, SUPPLY, 12)
        boa.env.timestamp += 145 * EPOCH + 360 * DAY
        world.pool.unlock(world.rich, turn)
    assert world.pool.total_weight() == 0
    world.stake(world.rich, SUPPLY - 1, 12)
    boa.env.timestamp += EPOCH
    assert world.pool.total_weight() == 20 * (SUPPLY - 1)
    world.fund(1)
    assert world.pool.total_weight() == 20 * (SUPPLY - 1)


def test_pitfall_3_extending_keeps_the_longer_unlocking(world):
    world.stake(world.a, 1_000 * DOBO, 12)
    world.to(140)
    world.pool.extend(0, 1, sender=world.a)
    found = world.pool.position(world.a, 0)
    assert (found.term, found.unlocked_at - found.ends_at) == (12, 360 * DAY)
    world.pool.extend(0, 2, sender=world.a)
    assert world.pool.position(world.a, 0).term == 12


def test_pitfall_4_compounding_in_the_last_epoch_is_refused(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    for epoch in (2, 12):
        world.to(epoch)
        world.fund()
    world.to(13, -1)
    with boa.env.anchor():
        world.pool.compound(0, sender=world.a)
    world.to(13)
    with boa.reverts("pool: too late to compound"):
        world.pool.compound(0, sender=world.a)
    world.pool.claim(0, sender=world.a)


def test_pitfall_5_with_only_fresh_weight_nothing_is_stranded(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.fund(100 * DOBO)
    world.to(2)
    world.fund(1)
    world.to(3)
    assert world.pool.claim(0, sender=world.a) == 100 * DOBO


def test_pitfall_6_unlocking_does_not_lower_what_dividends_are_computed_from(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(13)
    world.fund(120 * DOBO)
    world.to(14, 30 * DAY)
    due = world.pool.claimable(world.a, 0)
    world.pool.unlock(world.a, 0)
    assert world.pool.claimable(world.a, 0) == due == world.pool.claim(0, sender=world.a)


def test_pitfall_7_a_second_change_in_the_same_epoch_keeps_what_counts(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.stake(world.b, 1_000 * DOBO, 1)
    world.to(5)
    world.fund(200 * DOBO)
    for term in (2, 5, 12):
        world.pool.extend(0, term, sender=world.a)
        assert world.pool.position(world.a, 0).weight == 1_000 * DOBO
        assert world.pool.total_weight() == 2_000 * DOBO
    world.to(6)
    due = [world.pool.claimable(owner, 0) for owner in (world.a, world.b)]
    assert due[0] == due[1] and 100 * DOBO - 1 <= due[0] <= 100 * DOBO
    assert world.pool.total_weight() == 21_000 * DOBO


def test_pitfall_8_the_smallest_weight_and_the_largest_sum(world):
    """One DOBO beside the least that is divided, and all there is as dividends."""
    pool = world.deploy(min_weight=DOBO)
    world.dobo.approve(pool, 2**256 - 1, sender=world.rich)
    world.dobo.approve(pool, 2**256 - 1, sender=world.a)
    pool.stake(DOBO, 1, sender=world.a)
    boa.env.timestamp += EPOCH
    everything = world.dobo.balanceOf(world.rich)
    for _ in range(3):
        pool.fund(everything, sender=world.rich)
        boa.env.timestamp += EPOCH
        assert pool.claim(0, world.rich, sender=world.a) == everything
    assert pool.liability() == DOBO


def test_pitfall_9_a_lock_lasts_its_years_and_up_to_a_month(world):
    world.stake(world.a, DOBO, 1)
    world.to(2, -1)
    world.stake(world.a, DOBO, 1)
    first, second = (world.pool.position(world.a, index).ends_at for index in range(2))
    assert first == second == world.edge(14)
    year = 365 * DAY
    assert first - world.start == year + EPOCH
    assert second - boa.env.timestamp == year + 1


def test_pitfall_11_a_view_sees_the_month_that_nobody_closed(world):
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(2)
    world.fund(120 * DOBO)
    world.to(3)
    assert world.pool.rolled_until() == 2
    due = world.pool.claimable(world.a, 0)
    rate = world.pool.dividends_per_weight(1)
    assert due > 0 and rate > 0
    world.pool.roll()
    assert (world.pool.claimable(world.a, 0), world.pool.dividends_per_weight(1)) == (due, rate)


# --- bitmaps' edges -------------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", [254, 255, 256, 257, 511, 512, 513])
def test_epochs_at_a_word_s_edge_are_found(world, epoch):
    """Which epochs were divided is kept 256 to a word."""
    world.to(epoch - 1)
    world.stake(world.a, 1_000 * DOBO, 1)
    world.to(epoch)
    world.fund(120 * DOBO)
    world.to(epoch + 1)
    world.fund(60 * DOBO)
    world.to(epoch + 2)
    assert world.pool.claimable(world.a, 0) == 180 * DOBO - 1
    boa.env.timestamp += 600 * EPOCH
    assert world.pool.claim(0, sender=world.a) in (180 * DOBO - 1, 180 * DOBO)


# --- room -----------------------------------------------------------------------------------------


def test_weight_that_does_not_fit_its_word_is_refused(world):
    """Not to be reached: all there is, staked again every 13 years, takes four centuries."""
    total, epoch = 2**104 - 1_000 * DOBO, 1
    set_storage(world.pool, "_weights", total | epoch << 208 | epoch << 224)
    # two years of 500 DOBO weigh 3 in the running epoch, beyond the end of the second
    with boa.reverts("pool: too much weight"):
        world.stake(world.a, 500 * DOBO, 2)
    with boa.reverts("pool: too much weight"):
        world.stake(world.a, 334 * DOBO, 2)
    world.stake(world.a, 333 * DOBO, 2)
    # to the last unit
    set_storage(world.pool, "_weights", 2**104 - 1 - 3 * DOBO | epoch << 208 | epoch << 224)
    world.stake(world.a, DOBO, 2)
    # exits do not write it
    set_storage(world.pool, "_weights", 1 << 208 | 1 << 224)
