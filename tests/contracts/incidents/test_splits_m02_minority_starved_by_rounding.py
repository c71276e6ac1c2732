"""0xSplits V2, audit M-02 (not fixed): 90 % and a hundred times 0.1 %, distributed by small sums.

A floor of each distribution gives every member of the minority 0 after 111 rounds of 9.99 in a
token of 2 decimals; a floor of the running total gives each of them 110.
"""

from __future__ import annotations

from tests.contracts import roles
from tests.contracts.protocol import MEMO

ROUNDS = 111
GIFT = 999


def test_a_minority_of_a_thousandth_gets_its_share_of_dust(world):
    members = [(1, 9_000)]
    for number in range(100):
        members.append((world.verify(roles.address(f"minority {number}")), 10))
    epoch = world.run_epoch(1, members)
    for _ in range(ROUNDS):
        world.funds.donate_token(1, epoch, world.token, GIFT, MEMO, sender=world.donor)
    earned = [world.funds.claimable(1, epoch, place, world.token) for place in range(101)]
    assert GIFT * 10 // 10_000 == 0, "a floor of each gift would be nothing"
    assert earned == [ROUNDS * GIFT * 9 // 10] + [110] * 100
    assert earned[0] == 99_800
    assert 0 <= ROUNDS * GIFT - sum(earned) < 101
