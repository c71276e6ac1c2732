"""SafeMoon, March 2023, 8.9 million dollars: a public `burn(from)` burnt the pair's tokens and so
raised the price. Here one burns one's own, or what one was allowed.
"""

from __future__ import annotations

import boa

from tests.contracts.market import DOBO


def test_nobody_burns_what_the_pair_holds(market):
    attacker = market.operator
    with boa.reverts("erc20: allowance too low"):
        market.dobo.burn_from(market.pair, DOBO, sender=attacker)
    with boa.reverts("erc20: balance too low"):
        market.dobo.burn(DOBO, sender=attacker)
