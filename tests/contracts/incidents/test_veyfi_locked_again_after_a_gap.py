"""veYFI's reward pool: who let a lock end and locked again later could never claim any more.

A new lock is a new position here, and weeks without weight are skipped, not stumbled over.
"""

from __future__ import annotations

from tests.contracts.staking import DOBO


def test_a_gap_blocks_neither_position(staking):
    staking.stake(staking.b, 1_000 * DOBO, 12)
    staking.stake(staking.a, 1_000 * DOBO, 1)
    for epoch in (2, 13, 20, 30):
        staking.to(epoch)
        staking.fund(210 * DOBO)
        if epoch == 20:
            staking.pool.unlock(staking.a, 0)
            staking.stake(staking.a, 1_000 * DOBO, 1)
    staking.to(31)
    # 1 of 21, twice, while the first lock ran
    assert 20 * DOBO - 2 <= staking.pool.claim(0, sender=staking.a) <= 20 * DOBO
    second = staking.pool.claim(1, sender=staking.a)
    weights = (staking.pool.position(staking.b, 0).weight // DOBO, 1_000)
    assert abs(second - 210 * DOBO * weights[1] // sum(weights)) <= 2
