"""0xSplits and Drips: `updateSplit` at once divides what was already given by the new weights."""

from __future__ import annotations

from tests.contracts.protocol import MEMO


def test_new_weights_are_for_new_money_only(world):
    epoch = world.run_epoch(1, [(1, 1), (2, 1)])
    world.funds.donate_token(1, epoch, world.token, 1_000, MEMO, sender=world.donor)
    later = world.run_epoch(1, [(3, 1)])
    with world.refuses("funds: epoch is not running"):
        world.funds.donate_token(1, epoch, world.token, 1_000, MEMO, sender=world.donor)
    world.funds.donate_token(1, later, world.token, 70, MEMO, sender=world.donor)
    assert [world.funds.claimable(1, epoch, member, world.token) for member in (0, 1)] == [500, 500]
    assert world.funds.claimable(1, later, 0, world.token) == 70
