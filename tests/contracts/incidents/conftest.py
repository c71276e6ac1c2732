"""What the incidents' tests share: a deployment, charities, and a donor with money."""

from __future__ import annotations

import pytest

from tests.contracts import roles
from tests.contracts.campaigns import Campaigns
from tests.contracts.market import Market
from tests.contracts.protocol import Protocol
from tests.contracts.staking import Staking


@pytest.fixture(scope="module")
def world():
    """Charities 1 to 3; a donor who has allowed everything; no epoch runs."""
    world = Protocol()
    world.payees = [roles.address(f"charity {number}") for number in range(3)]
    for payee in world.payees:
        world.verify(payee)
    world.fill(world.donor, world.giving, world.funds, world.give)
    return world


@pytest.fixture(scope="module")
def campaigns():
    """Campaigns of one verified charity; none is open."""
    return Campaigns()


@pytest.fixture
def staking(timelock, guardian, reserve):
    return Staking(timelock, guardian, reserve)


@pytest.fixture
def market(timelock, guardian, reserve):
    return Market(timelock, guardian, reserve)
