"""Sky's flapper (Cantina 3.2.3, ChainSecurity 8.1): anybody's purchase could be sandwiched down to
its bound, and only the size of the lot limited the loss.

The lot here is the pair's fee times its reserve at the average price: at that size the attacker's
own two fees are more than there is to take. bench/sandwich.py searches for the best attack; here it
is carried out on the real exchange, and on larger purchases without the contract for comparison.
"""

from __future__ import annotations

import boa
import pytest

from bench import sandwich
from tests.contracts.market import BOUNDS, FEE, USD


def pair_of(market):
    first, second, _ = market.pair.getReserves()
    money, dobo = (
        (second, first) if market.pair.token0() == market.dobo.address else (first, second)
    )
    return sandwich.Pair(money, dobo, FEE)


def attack(market, stake, purchase):
    """What the attacker has more of afterwards."""
    attacker = market.rich
    held = market.usd.balanceOf(attacker)
    bought = market.uniswap.swap(market.usd, stake, market.dobo, attacker)
    purchase()
    market.uniswap.swap(market.dobo, bought, market.usd, attacker)
    return market.usd.balanceOf(attacker) - held


@pytest.fixture
def wide(market):
    """Only the pair's fee bounds the lot."""
    market.ready()
    bounds = (*BOUNDS[:2], 10**9 * USD, BOUNDS[3])
    market.buyback.set_bounds(market.usd, bounds, sender=market.timelock)
    return market


@pytest.mark.parametrize("thousandths", [1, 2, 4])
def test_no_sandwich_pays_at_the_largest_lot(wide, thousandths):
    most, _, _ = wide.buyback.purchase(wide.usd)
    pair = pair_of(wide)
    assert 0 <= pair.money * FEE // 10_000 - most <= pair.money // 10**6
    stake = pair.money * thousandths // 1_000
    assert sandwich.best(pair, most, 0) == (0, 0)
    # so little is pushed that the floor lets it happen: the attacker pays for it
    assert attack(wide, stake, lambda: wide.buy(most)) < 0


def test_a_push_beyond_the_floor_stops_the_purchase(wide):
    most, _, _ = wide.buyback.purchase(wide.usd)
    wide.uniswap.swap(wide.usd, pair_of(wide).money // 100, wide.dobo, wide.rich)
    with boa.reverts("buyback: price is too far from the average"):
        wide.buy(most)


@pytest.mark.parametrize(("lots", "percent"), [(1, 0), (2, 24), (4, 56), (10, 80)])
def test_the_search_is_right_about_larger_lots(market, lots, percent):
    """Somebody else's purchase, without floor and bound, on the real exchange."""
    pair = pair_of(market)
    market.usd.mint(market.rich, 10**9 * USD)
    market.usd.mint(market.operator, 10**9 * USD)
    lot = lots * pair.money * FEE // 10_000
    profit, stake = sandwich.best(pair, lot, 0)
    assert profit * 100 // lot == percent
    if stake:

        def buys():
            market.uniswap.swap(market.usd, lot, market.dobo, market.operator)

        # Uniswap counts the fee in thousandths, to the same result
        assert abs(attack(market, stake, buys) - profit) <= 2


def test_a_cap_on_the_spot_reserve_would_be_lifted_by_the_attacker(wide):
    """What the reserve is at this moment is the attacker's to say; the average is not."""
    most, _, _ = wide.buyback.purchase(wide.usd)
    before = pair_of(wide).money
    wide.uniswap.swap(wide.usd, 4 * before, wide.dobo, wide.rich)
    assert pair_of(wide).money > 4 * before
    pushed, _, _ = wide.buyback.purchase(wide.usd)
    # the fees of the push deepen the pair a little
    assert most <= pushed <= most * 1_005 // 1_000
