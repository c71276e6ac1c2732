"""Harvest, October 2020, and most flash-loan thefts since: a price pushed for one transaction.

The average price is over 6 hours at least, and moves with time alone; to move it, a price must be
held against everybody else for hours. Where it was, a purchase is made at that price and no worse,
and loses at most a lot.
"""

from __future__ import annotations

import boa

from tests.contracts.market import DOBO_RESERVE, USD, USD_RESERVE, WINDOW


def test_a_price_pushed_for_one_block(market):
    market.ready()
    before = market.buyback.purchase(market.usd)
    market.uniswap.swap(market.usd, USD_RESERVE // 2, market.dobo, market.rich)
    assert market.buyback.purchase(market.usd)[2] == before[2]
    with boa.reverts("buyback: price is too far from the average"):
        market.buy(USD)


def test_a_price_pushed_in_the_block_before_the_observation(market):
    """An observation is no price: only the time after it counts."""
    market.uniswap.swap(market.usd, USD_RESERVE // 2, market.dobo, market.rich)
    boa.env.timestamp += WINDOW
    market.buyback.observe(market.usd)
    pushed = market.buyback.last_observation(market.usd).at
    market.uniswap.swap(market.dobo, DOBO_RESERVE // 3, market.usd, market.rich)
    boa.env.timestamp += WINDOW
    first, second, _ = market.pair.getReserves()
    money, dobo = sorted((first, second))
    price = market.buyback.purchase(market.usd)[2]
    assert boa.env.timestamp - pushed == WINDOW
    # what it has been since, to a millionth
    assert abs(price - (money << 112) // dobo) <= price // 10**6


def test_a_price_pushed_for_a_whole_window_costs_one_lot_at_most(market):
    market.ready()
    market.usd.mint(market.rich, 10**9 * USD)
    market.uniswap.swap(market.usd, USD_RESERVE, market.dobo, market.rich)
    boa.env.timestamp += WINDOW
    market.buyback.observe(market.usd)
    boa.env.timestamp += WINDOW
    most, least, _ = market.buyback.purchase(market.usd)
    held = market.usd.balanceOf(market.buyback)
    assert market.buy(most) >= least
    assert held - market.usd.balanceOf(market.buyback) == most <= held // 100
