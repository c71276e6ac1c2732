"""The exchange of local chains: a real one, deployed with the rest, on which DOBO can be bought."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eth_utils.crypto import keccak

from donablock.chain import artifacts
from donablock.chain.amounts import NATIVE
from donablock.chain.manifest import Manifest
from donablock.chain.networks import Network, network_of
from donablock.chain.node import Anvil
from donablock.chain.plan import (
    FACTORY,
    ROUTER,
    TEST_EXCHANGE_FEE,
    TEST_TOKEN,
    WRAPPED,
    market_of,
)
from donablock.chain.session import Session

FAR = 2**40


def test_the_router_finds_the_pairs_of_this_factory() -> None:
    """It computes where a pair is from the hash of the pair's code, which it has in its own."""
    made = keccak(artifacts.artifact("UniswapV2Pair").creation)
    assert artifacts.artifact(ROUTER).runtime.count(made) >= 1


@pytest.mark.anvil
def test_a_pair_is_made_and_traded_through_the_router(
    session: Session, node: Anvil, network: Network, deploy: Callable[[Session], Manifest]
) -> None:
    at = deploy(session).addresses
    market = market_of(network, at)
    assert (
        market.wrapped
        == at[WRAPPED]
        == session.at("Buyback", at["Buyback"]).functions.WRAPPED().call()
    )
    router, factory = session.at(ROUTER, market.router), session.at(FACTORY, market.factory)
    token, coin = session.at(TEST_TOKEN, at[TEST_TOKEN]), session.at(WRAPPED, market.wrapped)
    assert router.functions.factory().call() == factory.address
    assert factory.functions.feeToSetter().call() == factory.functions.feeTo().call() == NATIVE

    dollars, coins = 1_000_000_000, 10**18
    session.send(token.functions.mint(session.address, 2 * dollars))
    session.send(token.functions.approve(router.address, 2 * dollars))
    session.send(
        router.functions.addLiquidityETH(
            token.address, dollars, dollars, coins, session.address, FAR
        ),
        value=coins,
    )
    pair = factory.functions.getPair(token.address, coin.address).call()
    assert pair != NATIVE and coin.functions.balanceOf(pair).call() == coins
    assert bytes(node.w3.eth.get_code(pair)) == artifacts.artifact("UniswapV2Pair").runtime

    paid, basis = 1_000_000, 10_000
    after_fee = paid * (basis - TEST_EXCHANGE_FEE)
    path = [token.address, coin.address]
    session.send(router.functions.swapExactTokensForTokens(paid, 0, path, session.address, FAR))
    assert coin.functions.balanceOf(session.address).call() == (
        after_fee * coins // (dollars * basis + after_fee)
    )


def test_the_exchange_of_a_public_network_is_the_file_s() -> None:
    network = network_of(56)
    assert network.exchange is not None
    market = market_of(network, {})
    assert market.wrapped == "0xbb4CdB9CBd36B01bD1cBaEBF2De08d9173bc095c"
    assert market.factory == network.exchange.factory.address
    assert market.router == network.exchange.router.address
    assert market.fee == 25
