"""0xSplits Push: one recipient on USDC's blocklist blocks the distribution to all."""

from __future__ import annotations

import pytest

from tests.contracts import deployers
from tests.contracts.protocol import MEMO, new_place


@pytest.mark.parametrize("traits", [0, 1], ids=["reverts", "answers false"])
def test_one_on_a_blocklist_blocks_nobody_else(world, traits):
    token = deployers.STRANGE_TOKEN.deploy(6, traits, override_address=new_place())
    world.giving.list_asset(token, False, sender=world.timelock)
    world.funds.list_asset(token, sender=world.timelock)
    world.fill(world.donor, world.giving, world.funds, token=token)
    epoch = world.run_epoch(1, [(1, 1), (2, 1), (3, 1)])
    world.funds.donate_token(1, epoch, token, 300, MEMO, sender=world.donor)
    token.set_blocked(world.payees[1], True)

    world.giving.donate_cart_token(token, [1, 2, 3], [5, 5, 5], MEMO, sender=world.donor)
    refs = [(1, epoch, member, token.address) for member in range(3)]
    assert world.funds.claim_many(refs) == 2
    assert [token.balanceOf(payee) for payee in world.payees] == [105, 0, 105]
    # and the one itself is not locked out for good
    world.funds.claim_to(1, epoch, 1, token, world.stranger, sender=world.payees[1])
    assert token.balanceOf(world.stranger) == 100
