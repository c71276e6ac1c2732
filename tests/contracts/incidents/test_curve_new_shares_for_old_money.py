"""Curve's FeeSplitter: 1,000 had gathered under equal weights, and new weights paid 0 and 999.

New shares are applied after what has arrived is settled under the old ones; a plain transfer in the
same block included.
"""

from __future__ import annotations

import boa

from tests.contracts import deployers, roles
from tests.contracts.staking import DOBO


def test_what_has_arrived_is_divided_as_it_was_promised(staking):
    receiver = roles.address("receiver")
    commission = deployers.COMMISSION.deploy(
        staking.dobo,
        staking.pool,
        staking.timelock,
        staking.guardian,
        staking.reserve,
        86_400,
        (5_000, 5_000, []),
    )
    staking.dobo.transfer(commission, 1_000 * DOBO, sender=staking.rich)
    new = (2_500, 2_500, [(receiver, 5_000)])
    commission.propose_shares(new, sender=staking.timelock)
    boa.env.timestamp += 86_400
    commission.apply_shares(sender=staking.b)
    assert commission.burned_total() == 500 * DOBO
    assert commission.owed(receiver) == commission.owed_total() == 0
    assert staking.pool.books()[2] == 500 * DOBO
