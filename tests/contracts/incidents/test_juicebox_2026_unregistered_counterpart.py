"""Juicebox REVLoans, April 2026: a fake terminal with 36 decimals passed for a source of loans.

Here no token is taken that the timelock has not listed, whatever it says of itself, and its
decimals are checked at the listing and never used to value anything.
"""

from __future__ import annotations

import pytest

from tests.contracts import deployers
from tests.contracts.protocol import MEMO, NO_SIGNATURE, new_place


@pytest.mark.parametrize("decimals", [6, 18, 36])
def test_a_token_of_somebodys_own_buys_nothing(world, decimals):
    fake = deployers.STRANGE_TOKEN.deploy(decimals, 0, override_address=new_place())
    world.fill(world.stranger, world.giving, world.funds, token=fake)
    epoch = world.run_epoch(1, [(1, 1)])
    for call in (
        lambda: world.giving.donate_token(1, fake, 5, MEMO, 0, True, sender=world.stranger),
        lambda: world.giving.donate_token_with_permit(
            1, fake, 5, MEMO, 0, True, *NO_SIGNATURE, sender=world.stranger
        ),
        lambda: world.giving.donate_cart_token(fake, [1], [5], MEMO, sender=world.stranger),
    ):
        with world.refuses("giving: asset is not listed"):
            call()
    with world.refuses("funds: asset is not listed"):
        world.funds.donate_token(1, epoch, fake, 5, MEMO, True, sender=world.stranger)
    if decimals == 36:
        with world.refuses("assets: more than 18 decimals"):
            world.funds.list_asset(fake, sender=world.timelock)
