"""A chain of its own for the treasury tests: anvil, deployed as everywhere, with a market for DOBO.

The pair is a real Uniswap V2 pair. Each test gets the chain as it was after the set-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from web3.contract import Contract

from donablock.chain.amounts import Asset
from donablock.chain.artifacts import abi
from donablock.chain.assets import asset_at
from donablock.chain.scan import scan
from donablock.chain.session import Session
from donablock.treasury.keeper import Options
from donablock.treasury.rounds import Keeper
from donablock.treasury.staking import EPOCH, Staking
from tests.local_chain import DAY, DEPLOYER, LIQUIDITY, World, deployed_world

HOUR = 3_600
# the operator is config/networks/local.json's
OPERATOR = 5
ALICE, BOB, CAROL = 14, 15, 17
DOBO, USD = 10**18, 10**6
FEE = 30
# 1 DOBO = 0.01 USDX
USD_RESERVE, DOBO_RESERVE = 50_000 * USD, 5_000_000 * DOBO
MIN_RESERVE = 25_000 * USD
# interval, yearly, largest lot, slippage
BOUNDS = (DAY, 120_000 * USD, 1_000 * USD, 100)
FAR = 2**64
LIQUIDITY_GROUP = 1


@dataclass
class Market:
    """The deployed chain with a pair of DOBO and the stablecoin, and DOBO in some hands."""

    world: World
    pair: Contract
    dobo: Contract = field(init=False)
    dobo_asset: Asset = field(init=False)

    def __post_init__(self) -> None:
        self.dobo = self.world.anyone.contract("DonaBlock")
        self.dobo_asset = asset_at(self.world.anyone, self.dobo.address)

    def session(self, account: int) -> Session:
        return self.world.session(account)

    def address(self, account: int) -> str:
        return self.world.address(account)

    def contract(self, name: str) -> Contract:
        return self.world.anyone.contract(name)

    @property
    def buyback(self) -> Contract:
        return self.contract("Buyback")

    @property
    def commission(self) -> Contract:
        return self.contract("Commission")

    @property
    def pool(self) -> Contract:
        return self.contract("DividendPool")

    @property
    def now(self) -> int:
        return self.world.anyone.now

    def send(self, account: int, call: Any, value: int = 0) -> Any:
        return self.session(account).send(call, value)

    def balance(self, account: int | str) -> int:
        """DOBO's smallest unit."""
        place = self.address(account) if isinstance(account, int) else account
        return int(self.dobo.functions.balanceOf(place).call())

    def staking(self, account: int) -> Staking:
        return Staking(self.session(account))

    def stake(self, account: int, amount: int = 100_000 * DOBO, term: int = 12) -> int:
        """A new position's index, the short way."""
        self.approve(account)
        self.send(account, self.pool.functions.stake(amount, term))
        return int(self.pool.functions.position_count(self.address(account)).call()) - 1

    def fund(self, amount: int = 1_200 * DOBO) -> None:
        self.approve(LIQUIDITY)
        self.send(LIQUIDITY, self.pool.functions.fund(amount))

    def approve(self, account: int) -> None:
        self.send(account, self.dobo.functions.approve(self.pool.address, 2**256 - 1))

    def to_epoch(self, epoch: int, offset: int = 0) -> None:
        start = int(self.pool.functions.START().call())
        self.world.node.advance_to(start + (epoch - 1) * EPOCH + offset)

    def next_epoch(self, offset: int = 0) -> int:
        epoch = int(self.pool.functions.epoch().call()) + 1
        self.to_epoch(epoch, offset)
        return epoch

    # --- the buyback --------------------------------------------------------------------------

    def arrive(self, amount: int) -> None:
        """DOBO comes to Commission by plain transfer."""
        self.send(LIQUIDITY, self.dobo.functions.transfer(self.commission.address, amount))

    def money(self, amount: int = 10_000 * USD) -> None:
        """Stablecoin comes to the buyback."""
        call = self.world.token.functions.mint(self.buyback.address, amount)
        self.send(DEPLOYER, call)

    def list_route(
        self,
        bounds: tuple[int, ...] = BOUNDS,
        money: str = "",
        router: str = "",
        min_reserve: int = MIN_RESERVE,
    ) -> None:
        """Through the timelock. The first observation is made with it."""
        self.world.through_timelock(
            "Buyback",
            "list_route",
            money or self.world.token.address,
            router or self.contract("UniswapV2Router02").address,
            FEE,
            min_reserve,
            bounds,
        )

    def propose_shares(self, burn: int, dividends: int, *receivers: tuple[str, int]) -> None:
        """Through the timelock; ready after the delay of config/networks/local.json."""
        self.world.through_timelock("Commission", "propose_shares", (burn, dividends, receivers))

    def coin_pair(self, coin: int, dobo: int) -> str:
        """A pair of DOBO and the wrapped coin; the wrapped coin's address."""
        rich, wrapped = self.session(LIQUIDITY), self.contract("WETH9")
        factory = self.contract("UniswapV2Factory").functions
        rich.send(factory.createPair(self.dobo.address, wrapped.address))
        place = factory.getPair(self.dobo.address, wrapped.address).call()
        rich.send(wrapped.functions.deposit(), coin)
        rich.send(wrapped.functions.transfer(place, coin))
        rich.send(self.dobo.functions.transfer(place, dobo))
        rich.send(rich.at_abi(place, abi("UniswapV2Pair")).functions.mint(rich.address))
        return str(wrapped.address)

    def logs(self, contract: str, event: str) -> list[Any]:
        """Every log of one kind, oldest first."""
        return list(scan(self.contract(contract), event))

    def trade(self, usd: int = 0, dobo: int = 0) -> None:
        """Somebody else buys DOBO with so much stablecoin, or sells so much DOBO."""
        router = self.contract("UniswapV2Router02")
        token = self.world.token
        path = [token.address, self.dobo.address] if usd else [self.dobo.address, token.address]
        if usd:
            self.world.mint(LIQUIDITY, usd)
        paid = self.world.anyone.at_abi(path[0], abi("DonaBlock"))
        amount = usd or dobo
        self.send(LIQUIDITY, paid.functions.approve(router.address, amount))
        to = self.address(LIQUIDITY)
        self.send(
            LIQUIDITY,
            router.functions.swapExactTokensForTokens(amount, 0, path, to, FAR),
        )

    def keeper(self, account: int = OPERATOR, **options: int) -> Keeper:
        return Keeper(self.session(account), 0, Options(**options))


@pytest.fixture(scope="session")
def _chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with deployed_world(tmp_path_factory.mktemp("deployments")) as world:
        world.node.advance(31 * DAY)
        anyone = world.anyone
        vesting, dobo = anyone.contract("Vesting"), anyone.contract("DonaBlock")
        anyone.send(vesting.functions.release(LIQUIDITY_GROUP))
        rich = world.session(LIQUIDITY)
        for account in (ALICE, BOB):
            rich.send(dobo.functions.transfer(world.address(account), 10**6 * DOBO))
        factory = anyone.contract("UniswapV2Factory")
        anyone.send(factory.functions.createPair(dobo.address, world.token.address))
        place = factory.functions.getPair(dobo.address, world.token.address).call()
        pair = anyone.at_abi(place, abi("UniswapV2Pair"))
        world.mint(LIQUIDITY, USD_RESERVE)
        rich.send(dobo.functions.transfer(place, DOBO_RESERVE))
        rich.send(world.token.functions.transfer(place, USD_RESERVE))
        rich.send(pair.functions.mint(rich.address))
        yield Market(world, pair)


@pytest.fixture
def market(_chain: Market) -> Iterator[Market]:
    """The chain as set up; what a test does to it is undone."""
    snapshot = _chain.world.node.snapshot()
    yield _chain
    _chain.world.node.revert(snapshot)
