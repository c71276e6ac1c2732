"""Giveth DonationHandler, February 2026: amounts need not add up to what was sent.

Coin could be locked in the contract, or what lay there be given away by the next donor.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts.money import COIN, balance
from tests.contracts.protocol import MEMO


@pytest.mark.parametrize("value", [0, 299, 301, 10**18])
def test_a_cart_that_does_not_add_up_is_refused(world, value):
    with world.refuses("giving: value is not the sum"):
        world.giving.donate_cart_native([1, 2], [100, 200], MEMO, value=value, sender=world.donor)


def test_what_lies_in_the_contract_pays_for_nobodys_gift(world):
    boa.env.set_balance(world.giving.address, 1_000)
    with world.refuses("giving: value is not the sum"):
        world.giving.donate_cart_native([1, 2], [100, 200], MEMO, value=1, sender=world.donor)
    world.giving.donate_cart_native([1, 2], [100, 200], MEMO, value=300, sender=world.donor)
    assert balance(COIN, world.giving) == 1_000
