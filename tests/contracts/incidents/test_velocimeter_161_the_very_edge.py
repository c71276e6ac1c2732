"""velocimeter #161: a checkpoint at the exact second of an epoch's edge divided by zero."""

from __future__ import annotations

import pytest

from tests.contracts.staking import DOBO


@pytest.mark.parametrize("staked", [-1, 0, 1])
@pytest.mark.parametrize("funded", [-1, 0, 1])
@pytest.mark.parametrize("claimed", [-1, 0, 1])
def test_every_second_around_an_edge(staking, staked, funded, claimed):
    staking.to(5, staked)
    counts_from = staking.pool.epoch() + 1
    staking.stake(staking.a, 1_000 * DOBO, 1)
    staking.to(counts_from + 1, funded)
    paid_in = staking.pool.epoch()
    staking.fund(120 * DOBO)
    staking.to(paid_in + 1, claimed)
    due = staking.pool.claimable(staking.a, 0)
    assert (due > 0) == (claimed >= 0)
    if due:
        assert staking.pool.claim(0, sender=staking.a) == due == 120 * DOBO - 1
