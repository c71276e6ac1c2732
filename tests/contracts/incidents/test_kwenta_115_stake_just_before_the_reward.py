"""Kwenta #115, tokemak #527 and #842, Redacted #8: stake just before the reward, leave just after.

A stake counts from the epoch after the one it was made in, and stays for a year at least: who comes
for a funding that is on its way gets nothing of it, with borrowed money even less.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts.staking import DOBO, EPOCH


def test_whoever_comes_for_a_funding_gets_nothing_of_it(staking):
    staking.stake(staking.a, 1_000 * DOBO, 1)
    staking.to(3, -1)
    staking.stake(staking.b, 900_000 * DOBO, 12)
    staking.fund(1_000 * DOBO)
    staking.to(3)
    with boa.reverts("pool: nothing to claim"):
        staking.pool.claim(0, sender=staking.b)
    assert staking.pool.claim(0, sender=staking.a) >= 1_000 * DOBO - 1


def test_borrowed_money_cannot_leave_in_the_same_transaction(staking):
    staking.fund(1_000 * DOBO)
    staking.stake(staking.b, 900_000 * DOBO, 1)
    for call in (
        lambda: staking.pool.unlock(staking.b, 0),
        lambda: staking.pool.unlock_to(0, staking.a, sender=staking.b),
    ):
        with boa.reverts("pool: still locked"):
            call()
    with boa.reverts("pool: nothing to claim"):
        staking.pool.claim(0, sender=staking.b)
    # a year later it is still there
    boa.env.timestamp += 12 * EPOCH
    with boa.reverts("pool: still locked"):
        staking.pool.unlock(staking.b, 0)


@pytest.mark.parametrize("late", [1, 5, 13, 40])
def test_a_stake_into_epochs_that_nobody_closed(staking, late):
    """The month is over, and nobody has called since: it is closed before the stake is counted."""
    staking.stake(staking.a, 1_000 * DOBO, 12)
    staking.to(2)
    staking.fund(1_000 * DOBO)
    staking.to(2 + late)
    staking.stake(staking.b, 900_000 * DOBO, 12)
    assert staking.pool.claimable(staking.b, 0) == 0
    boa.env.timestamp += EPOCH
    assert staking.pool.claimable(staking.b, 0) == 0
    assert staking.pool.claim(0, sender=staking.a) >= 1_000 * DOBO - 1
