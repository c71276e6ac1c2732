"""TrueUSD, 2022: a sweep of "other" tokens through its second address could take the first's.

A token that can be moved through two addresses is one money: sweeping the address that is not
listed must not take what is owed in the one that is.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.protocol import MEMO, Protocol, new_place


@pytest.fixture(scope="module")
def world():
    world = Protocol(deployers.STRANGE_TOKEN.deploy(6, 0, override_address=new_place()))
    world.verify(roles.address("charity"))
    world.run_epoch(1, [(1, 1)])
    world.fill(world.donor, world.giving, world.funds, world.give)
    world.door = deployers.TWO_DOORS.deploy(world.token, override_address=new_place())
    return world


def test_the_funds_keep_what_they_owe(world):
    world.funds.donate_token(1, 1, world.token, 100, MEMO, sender=world.donor)
    with world.refuses("funds: sweep would touch what is owed"):
        world.funds.sweep(world.door)
    world.token.mint(world.funds, 5)
    with world.refuses("funds: sweep would touch what is owed"):
        world.funds.sweep(world.door)
    world.funds.sweep(world.token)
    assert world.funds.claim(1, 1, 0, world.token) == 100


def test_the_backing_of_give_stays(world):
    world.give.issue(100, roles.account("charity").address, sender=world.donor)
    with world.refuses("give: sweep would touch the backing"):
        world.give.sweep(world.door)
    world.token.mint(world.give, 5)
    with world.refuses("give: sweep would touch the backing"):
        world.give.sweep(world.door)
    world.give.sweep(world.token)
    world.give.redeem(1, 100, sender=roles.account("charity").address)


def test_other_money_is_swept_also_while_backing_is_short(world):
    """What the backing's issuer took away is no reason to keep strays here."""
    world.give.issue(100, sender=world.donor)
    boa.env.set_balance(world.give.address, 7)
    world.token.rebase(5 * 10**17)
    world.plain.mint(world.give, 3)
    world.give.sweep(world.plain)
    world.give.sweep("0x" + "00" * 20)
    assert world.plain.balanceOf(world.reserve) == 3
