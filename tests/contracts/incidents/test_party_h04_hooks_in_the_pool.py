"""PartyDAO H-04 again: were DOBO a token that calls back, nobody would gain by coming back."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.staking import DOBO, EPOCH, MIN_WEIGHT


@pytest.fixture
def hooked(timelock, guardian, reserve):
    token = deployers.STRANGE_TOKEN.deploy(18, 0)
    pool = deployers.DIVIDEND_POOL.deploy(token, timelock, guardian, reserve, MIN_WEIGHT)
    intruder = deployers.INTRUDER.deploy()
    for account in (intruder.address, roles.address("rich")):
        token.mint(account, 10_000 * DOBO)
        token.approve(pool, 2**256 - 1, sender=account)
    pool.stake(1_000 * DOBO, 1, sender=intruder.address)
    pool.stake(1_000 * DOBO, 1, sender=intruder.address)
    boa.env.timestamp += EPOCH
    pool.fund(200 * DOBO, sender=roles.address("rich"))
    boa.env.timestamp += EPOCH
    token.set_hook(intruder, intruder)
    return token, pool, intruder


@pytest.mark.parametrize("inner", ["claim", "compound", "stake", "unlock", "fund", "roll", "sweep"])
def test_coming_back_in_the_middle_of_a_claim(hooked, inner):
    token, pool, intruder = hooked
    arguments = {
        "claim": (1,),
        "compound": (1,),
        "stake": (DOBO, 1),
        "unlock": (intruder.address, 0),
        "fund": (1,),
        "sweep": (token.address,),
    }.get(inner, ())
    intruder.arm(pool, getattr(pool, inner).prepare_calldata(*arguments), 0)
    intruder.forward(pool, pool.claim.prepare_calldata(0), 0)
    assert intruder.was_called() and not intruder.has_succeeded()
    assert token.balanceOf(pool) == pool.liability() == sum(pool.books())
    assert pool.claimable(intruder, 0) == 0 and pool.claimable(intruder, 1) > 0
