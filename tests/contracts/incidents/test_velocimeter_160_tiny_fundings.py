"""velocimeter #160 and #274, tokemak #430: rewards stretched or watered by tiny notifications.

Funding restarts no clock here: money only adds to the pot of the running epoch.
"""

from __future__ import annotations

from tests.contracts.staking import DOBO


def test_dust_changes_no_payment(staking):
    staking.stake(staking.a, 1_000 * DOBO, 1)
    staking.to(2)
    staking.fund(120 * DOBO)
    for _ in range(50):
        staking.pool.fund(1, sender=staking.b)
    staking.to(3)
    # late dust belongs to the next month, and delays nothing of the last
    staking.pool.fund(1, sender=staking.b)
    assert 0 <= 120 * DOBO + 50 - staking.pool.claim(0, sender=staking.a) <= 1


def test_direct_transfers_are_no_funding(staking):
    staking.stake(staking.a, 1_000 * DOBO, 1)
    staking.to(2)
    for _ in range(3):
        staking.dobo.transfer(staking.pool, 10 * DOBO, sender=staking.b)
    assert staking.pool.books() == (1_000 * DOBO, 0, 0, 0)
    staking.to(3)
    assert staking.pool.claimable(staking.a, 0) == 0
    assert staking.pool.sweep(staking.dobo) == 30 * DOBO
