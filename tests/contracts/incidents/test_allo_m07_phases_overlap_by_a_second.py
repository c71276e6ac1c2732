"""Allo v2, Sherlock 2023 M-7: two phases overlapped by one second. All of ours are half open."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.protocol import EPOCH_NOTICE, MEMO


@pytest.mark.parametrize("from_start", [-1, 0, 1])
def test_exactly_one_epoch_takes_gifts_at_any_second(world, from_start):
    first = world.run_epoch(1, [(1, 1)])
    second = world.announce(1, [(2, 1)])
    boa.env.time_travel(seconds=EPOCH_NOTICE + from_start)
    taken = []
    for epoch in (first, second):
        try:
            world.funds.donate_native(1, epoch, MEMO, value=5, sender=world.donor)
            taken.append(epoch)
        except boa.BoaError:
            pass
    assert taken == [first if from_start < 0 else second]
    # and a change is possible up to then, never beyond
    if from_start < 0:
        world.funds.cancel_epoch(1, second, sender=world.timelock)
    else:
        with world.refuses("funds: epoch is not announced"):
            world.funds.cancel_epoch(1, second, sender=world.timelock)
