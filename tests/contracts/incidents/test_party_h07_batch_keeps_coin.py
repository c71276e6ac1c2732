"""PartyDAO, C4 2023 H-07: `batchContributeFor` kept the coin of the parts that failed."""

from __future__ import annotations

import boa

from tests.contracts.money import COIN, balance
from tests.contracts.protocol import MEMO, REVERTING


def test_what_fails_comes_back_in_the_same_call(world):
    for payee in world.payees[:2]:
        boa.env.set_code(payee, REVERTING)
    before = balance(COIN, world.donor)
    world.giving.donate_cart_native([1, 2, 3], [100, 200, 300], MEMO, value=600, sender=world.donor)
    assert before - balance(COIN, world.donor) == 300
    assert balance(COIN, world.giving) == 0
