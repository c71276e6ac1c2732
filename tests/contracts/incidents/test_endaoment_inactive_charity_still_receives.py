"""Endaoment v2: `donate` never reads `isActiveEntity`; anybody may deploy an active charity."""

from __future__ import annotations

from tests.contracts.protocol import MEMO, NO_MEMO


def test_an_application_is_no_charity(world):
    world.registry.apply(MEMO, 1, NO_MEMO, "ipfs://mine", sender=world.stranger)
    with world.refuses("registry: unknown charity"):
        world.giving.donate_native(4, MEMO, value=5, sender=world.donor)
    with world.refuses("registry: unknown charity"):
        world.announce(1, [(4, 1)])


def test_what_is_no_longer_verified_receives_nothing(world):
    world.suspend(1)
    with world.refuses("registry: charity is suspended"):
        world.giving.donate_token(1, world.token, 5, MEMO, sender=world.donor)
    world.revoke(2)
    with world.refuses("registry: charity is revoked"):
        world.giving.donate_token(2, world.token, 5, MEMO, sender=world.donor)
