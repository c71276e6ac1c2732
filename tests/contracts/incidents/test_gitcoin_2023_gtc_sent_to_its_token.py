"""Gitcoin, October 2023: 521,440 GTC (about $461,000) were paid to the GTC token contract for good.

Here neither a token, nor one of our contracts, nor zero can become a payee, at any of the doors.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts.protocol import MEMO, NO_MEMO, TERM

ZERO = "0x" + "00" * 20


@pytest.mark.parametrize(
    ("payee", "reason"),
    [
        ("token", "registry: payee is a token"),
        ("dobo", "registry: payee is one of our contracts"),
        ("give", "registry: payee is one of our contracts"),
        ("giving", "registry: payee is one of our contracts"),
        ("funds", "registry: payee is one of our contracts"),
        ("vesting", "registry: payee is one of our contracts"),
        ("reserve", "registry: payee is one of our contracts"),
        ("receipts", "registry: payee is one of our contracts"),
        ("registry", "registry: payee is one of our contracts"),
        ("zero", "registry: zero payee"),
    ],
)
def test_such_a_payee_is_refused(world, payee, reason):
    payee = ZERO if payee == "zero" else getattr(world, payee).address
    with world.refuses(reason):
        world.registry.verify(
            payee,
            MEMO,
            1,
            NO_MEMO,
            "",
            boa.env.timestamp + TERM,
            NO_MEMO,
            sender=world.registrar,
        )
    with world.refuses(reason):
        world.registry.propose_payee(1, payee, sender=world.payees[0])
    with world.refuses(reason):
        world.registry.apply(MEMO, 1, NO_MEMO, "", sender=payee)
