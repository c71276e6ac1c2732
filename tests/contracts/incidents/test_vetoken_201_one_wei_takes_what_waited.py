"""veToken #201, tokemak #463: the first staker, with one wei, takes all that had gathered.

A stake is one DOBO at least, and an epoch with less weight than the minimum is not divided: the
money waits. With the minimum locked for a year, what waited goes to everybody who is there then.
"""

from __future__ import annotations

import boa

from tests.contracts.staking import DOBO, MIN_WEIGHT


def test_the_smallest_first_stake_gets_nothing(staking):
    staking.fund(1_000 * DOBO)
    with boa.reverts("pool: less than one DOBO"):
        staking.stake(staking.b, 1, 12)
    staking.stake(staking.b, DOBO, 12)
    for epoch in range(2, 6):
        staking.to(epoch)
        staking.pool.roll()
        assert staking.pool.claimable(staking.b, 0) == 0
    assert staking.pool.books()[2] == 1_000 * DOBO


def test_what_waited_is_shared_by_all_who_are_there(staking):
    staking.fund(1_000 * DOBO)
    staking.stake(staking.b, DOBO, 1)
    staking.to(2)
    staking.pool.roll()
    staking.stake(staking.a, MIN_WEIGHT, 1)
    staking.to(3)
    staking.pool.roll()
    staking.to(4)
    paid = staking.pool.claim(0, sender=staking.a)
    assert paid >= 1_000 * DOBO * 1_000 // 1_001 - 1
