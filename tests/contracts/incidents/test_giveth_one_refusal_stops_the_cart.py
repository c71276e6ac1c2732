"""Giveth: `require(success)` in a loop, so that one payee that takes no coin stops every cart."""

from __future__ import annotations

import boa

from tests.contracts.money import COIN, balance
from tests.contracts.protocol import MEMO, REVERTING


def test_the_others_are_paid_and_the_part_stays_with_the_donor(world):
    boa.env.set_code(world.payees[1], REVERTING)
    before = balance(COIN, world.donor)
    world.giving.donate_cart_native([1, 2, 3], [100, 200, 300], MEMO, value=600, sender=world.donor)
    assert before - balance(COIN, world.donor) == 400
    world.check()
