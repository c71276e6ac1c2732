"""Allo v2, Sherlock 2023 M-8: tokens that read 2**256 - 1 as "my balance" poisoned `claims`.

What is kept for others here is measured and capped; GIVE is issued for what came in.
"""

from __future__ import annotations

import boa

from tests.contracts import deployers
from tests.contracts.protocol import MEMO, Protocol, new_place

MAX = 2**256 - 1


def test_such_an_amount_is_booked_nowhere():
    token = deployers.STRANGE_TOKEN.deploy(6, 4, override_address=new_place())
    world = Protocol(token, is_measured=True)
    world.verify(world.stranger)
    epoch = world.run_epoch(1, [(1, 1)])
    token.mint(world.donor, 1_000)
    for spender in (world.giving, world.funds, world.give):
        token.approve(spender, MAX, sender=world.donor)
    with world.refuses("funds: total too large"):
        world.funds.donate_token(1, epoch, token, MAX, MEMO, sender=world.donor)
    with world.refuses("giving: the asset took a fee"):
        world.giving.donate_token(1, token, MAX, MEMO, sender=world.donor)
    before = world.books()
    with boa.reverts():
        world.give.issue(MAX, sender=world.donor)
    assert world.books() == before
