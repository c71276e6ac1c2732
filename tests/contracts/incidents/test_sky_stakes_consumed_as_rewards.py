"""Sky endgame-toolkit 15, lockstake 9: the staked token was the reward token, and stakes were paid
out as rewards. Principal, dividends owed and what is still to be divided are three numbers here,
and none is read off a balance.
"""

from __future__ import annotations

import boa

from tests.contracts.staking import DOBO


def test_everything_leaves_and_nothing_is_missing(staking):
    staking.stake(staking.a, 1_000 * DOBO, 1)
    staking.stake(staking.b, 5_000 * DOBO, 1)
    staking.to(2)
    staking.fund(600 * DOBO)
    staking.to(3)
    # a year's worth of claims cannot take more than was funded
    for owner in (staking.a, staking.b):
        staking.pool.claim(0, sender=owner)
    assert staking.dobo.balanceOf(staking.pool) == 6_000 * DOBO + staking.pool.books()[1]
    staking.to(30)
    for owner, amount in ((staking.a, 1_000), (staking.b, 5_000)):
        assert staking.pool.unlock(owner, 0) == amount * DOBO
    assert staking.pool.books()[0] == 0
    with boa.reverts("pool: nothing to sweep"):
        staking.pool.sweep(staking.dobo)
