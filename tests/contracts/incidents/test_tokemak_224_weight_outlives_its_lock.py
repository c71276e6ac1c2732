"""tokemak #224, Merit Circle 16, OMM #278; Frax 77: a boost that stayed, or could be bought late.

A position's weight falls by itself each year and is nothing at the end, whoever calls or does not.
Nothing can be added to an old position but its own dividends; and when one claims changes nothing.
"""

from __future__ import annotations

import boa

from tests.contracts.logs import function_names
from tests.contracts.staking import DOBO


def test_a_matured_position_earns_nothing(staking):
    staking.stake(staking.a, 1_000 * DOBO, 1)
    staking.stake(staking.b, 1_000 * DOBO, 12)
    staking.to(14)
    staking.fund(1_000 * DOBO)
    staking.to(15)
    assert staking.pool.claimable(staking.a, 0) == 0
    assert staking.pool.claimable(staking.b, 0) >= 1_000 * DOBO - 1


def test_a_position_with_a_month_left_is_not_made_bigger(staking):
    """What was locked for twelve years cannot lend its multiplier to new money."""
    assert not function_names(staking.pool) & {"add", "top_up", "increase", "deposit", "merge"}
    staking.stake(staking.a, 1_000 * DOBO, 12)
    staking.stake(staking.b, 1_000 * DOBO, 12)
    staking.to(144)
    staking.fund(1_000 * DOBO)
    staking.to(145)
    # its last month: the dividends can be had, and no more be staked
    with boa.reverts("pool: too late to compound"):
        staking.pool.compound(0, sender=staking.a)
    # a longer lock counts from the next epoch, at the multiplier of its own years
    staking.fund(1_000 * DOBO)
    staking.pool.extend(0, 1, sender=staking.a)
    assert staking.pool.position(staking.a, 0).weight == 1_000 * DOBO
    principal = staking.pool.position(staking.a, 0).principal
    staking.to(146)
    assert staking.pool.position(staking.a, 0).weight == principal


def test_when_one_claims_changes_nothing(staking):
    for owner in (staking.a, staking.b):
        staking.stake(owner, 1_000 * DOBO, 3)
    claims = 0
    for epoch in range(2, 40):
        staking.to(epoch)
        staking.fund(7 * DOBO)
        if epoch % 5 == 0:
            staking.pool.claim(0, sender=staking.a)
            claims += 1
    staking.to(45)
    for owner in (staking.a, staking.b):
        staking.pool.claim(0, sender=owner)
    often, once = (staking.dobo.balanceOf(owner) for owner in (staking.a, staking.b))
    # each claim rounds down
    assert 0 <= once - often <= claims
