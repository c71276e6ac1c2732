"""Sky 6.6: a pause stopped one branch of a split and not the other; others stopped the exits too.

A stop here closes what comes in, all of it, and nothing that goes out.
"""

from __future__ import annotations

import boa

from tests.contracts import deployers
from tests.contracts.staking import DOBO


def test_a_stop_of_the_pool_stops_no_settlement_and_no_exit(staking):
    commission = deployers.COMMISSION.deploy(
        staking.dobo,
        staking.pool,
        staking.timelock,
        staking.guardian,
        staking.reserve,
        86_400,
        (5_000, 5_000, []),
    )
    staking.stake(staking.a, 1_000 * DOBO, 1)
    staking.to(14)
    staking.pool.stop_entries(sender=staking.guardian)
    staking.dobo.transfer(commission, 10 * DOBO, sender=staking.rich)
    # burn and dividends go together, or not at all
    commission.settle()
    assert (commission.burned_total(), staking.pool.books()[2]) == (5 * DOBO, 5 * DOBO)
    boa.env.timestamp += 86_400
    staking.pool.unlock(staking.a, 0)
    with boa.reverts("pool: staking is stopped"):
        staking.stake(staking.a)
