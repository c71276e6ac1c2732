"""A dividend pool with four stakers, as the tests of it need it."""

from __future__ import annotations

import boa

from tests.contracts import deployers, roles
from tests.contracts.models.dividend_pool import EPOCH

DOBO = 10**18
MIN_WEIGHT = 1_000 * DOBO


class Staking:
    """The pool, its token, and who stakes. Epoch 1 begins where this is made."""

    def __init__(self, timelock, guardian, reserve):
        self.timelock, self.guardian, self.reserve = timelock, guardian, reserve
        self.rich = roles.address("rich")
        self.dobo = deployers.DONA_BLOCK.deploy(self.rich)
        self.pool = self.deploy()
        self.start = boa.env.timestamp
        self.stakers = [roles.address(f"staker {number}") for number in range(4)]
        self.a, self.b, self.c, self.d = self.stakers
        for account in (self.rich, *self.stakers):
            self.dobo.approve(self.pool, 2**256 - 1, sender=account)
        for account in self.stakers:
            self.dobo.transfer(account, 10**6 * DOBO, sender=self.rich)

    def deploy(self, **changed):
        given = {
            "token": self.dobo,
            "timelock": self.timelock,
            "guardian": self.guardian,
            "reserve": self.reserve,
            "min_weight": MIN_WEIGHT,
        } | changed
        return deployers.DIVIDEND_POOL.deploy(*given.values())

    def stake(self, owner, amount=1_000 * DOBO, term=1):
        return self.pool.stake(amount, term, sender=owner)

    def fund(self, amount=120 * DOBO):
        self.pool.fund(amount, sender=self.rich)

    def edge(self, epoch):
        return self.start + (epoch - 1) * EPOCH

    def to(self, epoch, offset=0):
        boa.env.timestamp = self.edge(epoch) + offset

    def check(self):
        """DIV-1."""
        assert self.dobo.balanceOf(self.pool) >= self.pool.liability() == sum(self.pool.books())
