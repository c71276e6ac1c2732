"""SushiMaker, November 2020 and January 2021, 81.68 ETH: anybody converted fees through a pair that
the attacker had just made, and nobody asked for a least amount.

Routes are listed by the timelock, a pair must be deep at its average price, and a purchase brings
what that price gives or does not happen.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.market import DOBO, FAR, USD


def test_a_pair_that_an_attacker_made_is_no_route(market):
    market.ready()
    bait = deployers.PLAIN_TOKEN.deploy("Bait", "BAIT", 6)
    bait.mint(market.rich, 10**12)
    bait.mint(market.buyback, 10**12)
    market.uniswap.add(bait, 10**6, market.dobo, DOBO, market.rich)
    for sender in (market.operator, roles.address("stranger")):
        with boa.reverts("buyback: not the timelock"):
            market.list_route(money=bait, sender=sender)
    with boa.reverts("buyback: no route"):
        market.buyback.buy(bait, 1, FAR, sender=market.operator)
    with boa.reverts("buyback: no route"):
        market.buyback.buy_idle(bait, FAR)


@pytest.mark.parametrize("tenths", [4, 6, 9])
def test_a_pair_that_was_drained_is_too_thin(market, tenths):
    market.ready()
    liquidity = market.pair.balanceOf(market.rich)
    market.pair.transfer(market.pair, liquidity * tenths // 10, sender=market.rich)
    market.pair.burn(market.rich, sender=market.rich)
    if tenths == 4:
        market.buy(100 * USD)
    else:
        with boa.reverts("buyback: pair is too thin"):
            market.buy(100 * USD)
