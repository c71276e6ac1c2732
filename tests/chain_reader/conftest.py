"""A chain with something in it, and readers of one node that are closed again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from donablock.chain.chains import Chain, chain_of
from donablock.chain.nodes import Nodes
from donablock.chain.rpc import Limits, Rpc
from tests.chain_reader.fake_chain import FakeChain, address, payment, transfer
from tests.chain_reader.fake_node import FakeNode

TOKEN, DONOR, CHARITY = address("token"), address("donor"), address("charity")
PROVED = chain_of(31337).model_copy(update={"is_transactions_root_checked": True})


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


@pytest_asyncio.fixture
async def read() -> AsyncIterator[Callable[..., Nodes]]:
    """read(node, other, timeout=1, patience=0.2): a source of blocks, closed at the end.

    chain: how far answers are checked (default: all the way, as on Ethereum).
    """
    opened: list[Nodes] = []

    def read(
        *nodes: FakeNode, chain: Chain | None = None, patience: float = 2.0, **limits: object
    ) -> Nodes:
        made = Limits(**limits)  # type: ignore[arg-type]
        urls = [node.url for node in nodes]
        opened.append(Nodes(chain or PROVED, urls, made, patience=patience))
        return opened[-1]

    yield read
    for one in opened:
        await one.aclose()


@pytest.fixture
def unproved() -> Chain:
    """A chain whose formats are not known: neither hash nor root can be recomputed."""
    return chain_of(31337).model_copy(
        update={
            "is_header_checked": False,
            "is_receipts_root_checked": False,
            "is_transactions_root_checked": False,
            "bloom": "covered",
            "transaction_types": None,
        }
    )
