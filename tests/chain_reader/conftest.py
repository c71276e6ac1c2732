"""A chain with something in it, and readers of one node that are closed again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from donablock.chain.rpc import Limits, Rpc
from tests.chain_reader.fake_chain import FakeChain, address, payment, transfer
from tests.chain_reader.fake_node import FakeNode

TOKEN, DONOR, CHARITY = address("token"), address("donor"), address("charity")


@pytest.fixture
def chain() -> FakeChain:
    """Three blocks on the first one: two transfers, two payments of which one fails, nothing."""
    chain = FakeChain()
    chain.mine(transfer(TOKEN, DONOR, CHARITY, 25), transfer(TOKEN, CHARITY, DONOR, 5))
    chain.mine(payment(DONOR, CHARITY, 10**18), payment(DONOR, CHARITY, 1, is_success=False))
    chain.mine()
    return chain


@pytest_asyncio.fixture
async def node(chain: FakeChain) -> AsyncIterator[FakeNode]:
    async with FakeNode(chain) as node:
        yield node


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Callable[..., Rpc]]:
    """connect(node.url, timeout=1): JSON-RPC to one node."""
    opened: list[Rpc] = []

    def connect(url: str, **limits: object) -> Rpc:
        opened.append(Rpc(url, Limits(**limits)))  # type: ignore[arg-type]
        return opened[-1]

    yield connect
    for one in opened:
        await one.aclose()
