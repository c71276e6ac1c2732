"""PartyDAO, C4 September 2022 H-04: a token's hook and `balanceOf - stored` accounting.

Whoever came back in the middle of a transfer had the same money counted twice, and drew out what
others had put in. Here a gift is booked before it is pulled, the difference is measured around it,
and one lock covers every function: test_hooks.py tries them all, this one the original attack.
"""

from __future__ import annotations

import boa

from tests.contracts import deployers
from tests.contracts.protocol import MEMO, new_place


def test_a_gift_within_a_gift_is_not_counted_twice(world):
    token = deployers.STRANGE_TOKEN.deploy(6, 0, override_address=new_place())
    world.funds.list_asset(token, sender=world.timelock)
    intruder = deployers.INTRUDER.deploy(override_address=new_place())
    number = world.verify(intruder)
    epoch = world.run_epoch(1, [(1, 1), (number, 1)])
    world.fill(world.donor, world.funds, token=token, amount=1_000)
    world.funds.donate_token(1, epoch, token, 1_000, MEMO, sender=world.donor)
    world.fill(intruder, world.funds, token=token, amount=1_000)
    token.set_hook(intruder, intruder)

    gift = world.funds.donate_token.prepare_calldata(1, epoch, token, 500, MEMO)
    claim = world.funds.claim.prepare_calldata(1, epoch, 1, token)
    for inner in (gift, claim):
        with boa.env.anchor():
            intruder.arm(world.funds, inner, 0)
            intruder.forward(world.funds, gift, 0)
            assert intruder.was_called() and not intruder.has_succeeded()
            assert world.funds.liability(token) == token.balanceOf(world.funds) == 1_500
            assert world.funds.claimable(1, epoch, 1, token) == 750
            assert world.funds.claimable(1, epoch, 0, token) == 750
