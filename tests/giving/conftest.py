"""A chain of its own for the giving tests: anvil, deployed as everywhere, with charities and funds.

Each test gets the chain as it was after the set-up: a snapshot is taken and gone back to.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_utils.crypto import keccak

from donablock.chain.session import Session
from tests.local_chain import DAY, REGISTRAR, YEAR, World, deployed_world

DONOR, OTHER_DONOR, NEW_PAYEE = 14, 15, 17
PAYEES = (18, 19, 5)
# charities 1 to 3, and fund 13 with charities 1 (weight 1) and 2 (weight 3)
CLIMATE = 13


@pytest.fixture(scope="session")
def _chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with deployed_world(tmp_path_factory.mktemp("deployments")) as world:
        registry = world.anyone.contract("CharityRegistry")
        for number, payee in enumerate(PAYEES, 1):
            document = f'{{"name": "Charity number {number}"}}'
            world.session(REGISTRAR).send(
                registry.functions.verify(
                    world.address(payee),
                    keccak(text=f"GB:CHC:{number}"),
                    1 << (CLIMATE - 1),
                    keccak(text=document),
                    f"data:application/json,{document}",
                    world.anyone.now + YEAR,
                    keccak(text="seen"),
                )
            )
        world.through_timelock("IndexFunds", "announce_epoch", CLIMATE, [1, 2], [1, 3])
        world.node.advance(3 * DAY)
        for donor in (DONOR, OTHER_DONOR):
            world.mint(donor, 1_000_000_000)
        yield world


@pytest.fixture
def world(_chain: World) -> Iterator[World]:
    """The chain as set up; what a test does to it is undone."""
    snapshot = _chain.node.snapshot()
    yield _chain
    _chain.node.revert(snapshot)


@pytest.fixture
def donor(world: World) -> Session:
    return world.session(DONOR)
