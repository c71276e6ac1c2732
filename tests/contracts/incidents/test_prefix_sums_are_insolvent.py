"""Drips' prefix sums divide one fixed amount without dust, but with pull claims they overpay.

A share floor(T * c_i / W) - floor(T * c_(i-1) / W) is not monotone in a growing T: who claimed at
the right moment has more than its share of the end. Plain floors of the total never overpay.
"""

from __future__ import annotations

import random

from tests.contracts.protocol import MEMO

WEIGHTS = [3, 5, 7]


def prefix_share(total, member):
    whole = sum(WEIGHTS)
    below, above = sum(WEIGHTS[:member]), sum(WEIGHTS[: member + 1])
    return total * above // whole - total * below // whole


def test_prefix_sums_would_overpay():
    """Every member claims at the moment when its share is largest."""
    short = [
        total
        for total in range(1, 60)
        if sum(max(prefix_share(then, member) for then in range(total + 1)) for member in range(3))
        > total
    ]
    assert short


def test_claims_at_every_moment_never_exceed_what_was_given(world):
    epoch = world.run_epoch(1, list(zip((1, 2, 3), WEIGHTS, strict=True)))
    chance = random.Random(7)
    given = 0
    paid = [0, 0, 0]
    for _ in range(120):
        amount = chance.choice([1, 1, 1, 2, 3])
        world.funds.donate_token(1, epoch, world.token, amount, MEMO, sender=world.donor)
        given += amount
        for member in chance.sample(range(3), chance.randrange(4)):
            if world.funds.claimable(1, epoch, member, world.token):
                paid[member] += world.funds.claim(1, epoch, member, world.token)
        assert world.funds.liability(world.token) == given - sum(paid) >= 0
        world.check()
    for member in range(3):
        left = world.funds.claimable(1, epoch, member, world.token)
        assert paid[member] + left == given * WEIGHTS[member] // sum(WEIGHTS)
