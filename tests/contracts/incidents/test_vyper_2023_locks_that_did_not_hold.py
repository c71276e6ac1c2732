"""Vyper 0.2.15 to 0.3.0, July 2023: `@nonreentrant` locked each function by itself only.

One lock must cover all functions of a contract: what is called while coin is on its way out is
refused, whichever function it is. Looked at in the bytecode, by calling, not in the source.
"""

from __future__ import annotations

import pytest

from tests.contracts import deployers
from tests.contracts.protocol import MEMO, new_place

ZERO = "0x" + "00" * 20


@pytest.mark.parametrize(
    "inner", ["claim", "claim_many", "claim_to", "donate_native", "drop", "sweep", "claimable"]
)
def test_no_function_of_the_funds_while_a_claim_pays_out(world, inner):
    intruder = deployers.INTRUDER.deploy(override_address=new_place())
    number = world.verify(intruder)
    epoch = world.run_epoch(1, [(1, 1), (number, 1)])
    world.funds.donate_native(1, epoch, MEMO, value=1_000, sender=world.donor)
    arguments = {
        "claim": (1, epoch, 0, ZERO),
        "claim_many": ([(1, epoch, 0, ZERO)],),
        "claim_to": (1, epoch, 1, ZERO, intruder),
        "donate_native": (1, epoch, MEMO),
        "drop": (1, epoch, 0),
        "sweep": (ZERO,),
        "claimable": (1, epoch, 0, ZERO),
    }[inner]
    intruder.arm(world.funds, getattr(world.funds, inner).prepare_calldata(*arguments), 0)
    assert world.funds.claim(1, epoch, 1, ZERO) == 500
    assert intruder.was_called()
    assert not intruder.has_succeeded()
    assert world.funds.claim(1, epoch, 0, ZERO) == 500


@pytest.mark.parametrize("inner", ["donate_native", "donate_cart_native", "sweep"])
def test_no_function_of_giving_that_moves_coin_while_a_cart_pays_out(world, inner):
    """Only token gifts are open: they hold nothing here."""
    intruder = deployers.INTRUDER.deploy(override_address=new_place())
    number = world.verify(intruder)
    arguments = {
        "donate_native": (1, MEMO),
        "donate_cart_native": ([1], [5], MEMO),
        "sweep": (ZERO,),
    }[inner]
    coin = 0 if inner == "sweep" else 5
    data = getattr(world.giving, inner).prepare_calldata(*arguments)
    intruder.arm(world.giving, data, coin)
    world.giving.donate_cart_native(
        [number, 1], [1_000, 1_000], MEMO, value=2_000, sender=world.donor
    )
    assert intruder.was_called()
    assert not intruder.has_succeeded()
    world.check()
