"""Curve's CowSwapBurner, November 2026, 38,200 dollars: standing approvals, and an order executed
that was not the one checked.

A purchase approves its own amount, to a listed router, in the same call; nothing is left of it.
"""

from __future__ import annotations

import boa

from tests.contracts.market import HOUR, USD


def test_nobody_is_allowed_anything_between_purchases(market):
    market.ready()
    spenders = [market.uniswap.router, market.pair, market.uniswap.factory, market.operator]
    for _ in range(3):
        for spender in spenders:
            assert market.usd.allowance(market.buyback, spender) == 0
        market.buy(100 * USD)
        boa.env.timestamp += HOUR
