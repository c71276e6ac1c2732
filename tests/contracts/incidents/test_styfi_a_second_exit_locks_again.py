"""stYFI: unstaking one more token made 4.0 that could be withdrawn 0.0 again.

What has come free stays free, however often and by whomever it is taken.
"""

from __future__ import annotations

from tests.contracts.staking import DOBO


def test_taking_some_frees_no_less(staking):
    staking.stake(staking.a, 1_000 * DOBO, 1)
    end = 14
    taken = 0
    for day in range(1, 31):
        staking.to(end, day * 86_400)
        if day % 3 == 0:
            taken += staking.pool.unlock(staking.a, 0, sender=staking.b)
        free = taken + staking.pool.unlockable(staking.a, 0)
        assert free == 1_000 * DOBO * day // 30
