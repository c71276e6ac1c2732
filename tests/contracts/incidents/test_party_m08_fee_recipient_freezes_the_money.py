"""PartyDAO, C4 April 2023 M-08: a fee recipient that takes no coin froze a whole campaign.

Here the tip's payee can stop no gift, whatever it does: the tip stays with the donor.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts.money import COIN, balance
from tests.contracts.protocol import BURNING, MEGABYTE, MEMO, REVERTING


@pytest.mark.parametrize("code", [REVERTING, BURNING, MEGABYTE])
def test_a_tip_that_cannot_be_paid_stops_no_gift(world, code):
    boa.env.set_code(world.operations, code)
    before = balance(COIN, world.donor), balance(COIN, world.payees[0])
    world.giving.donate_native(1, MEMO, 7, value=107, sender=world.donor)
    world.giving.donate_cart_native([1], [100], MEMO, 7, value=107, sender=world.donor)
    assert balance(COIN, world.donor) == before[0] - 200
    assert balance(COIN, world.payees[0]) == before[1] + 200
    world.check()
