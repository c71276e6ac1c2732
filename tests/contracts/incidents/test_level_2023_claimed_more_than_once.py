"""Level Finance, May 2023, 1.1 million dollars: one epoch, named many times, was paid many times.

Nobody names epochs here: a position has one mark that only moves on.
"""

from __future__ import annotations

import boa

from tests.contracts.staking import DOBO


def test_the_same_month_pays_once(staking):
    staking.stake(staking.a, 1_000 * DOBO, 2)
    staking.stake(staking.b, 1_000 * DOBO, 2)
    staking.to(2)
    staking.fund(120 * DOBO)
    staking.to(3)
    staking.pool.claim(0, sender=staking.a)
    for call in (staking.pool.claim, staking.pool.compound):
        with boa.reverts():
            call(0, sender=staking.a)
    staking.pool.extend(0, 12, sender=staking.a)
    assert staking.pool.claimable(staking.a, 0) == 0
    staking.to(4)
    assert staking.pool.claimable(staking.a, 0) == 0
    assert staking.pool.claim(0, sender=staking.b) >= 60 * DOBO - 1
    assert staking.pool.books()[1] <= 2
