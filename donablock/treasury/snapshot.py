"""What a keeper has to know of commission, pool and buyback, read at one block.

Nothing here decides anything. Where the contracts compute something that only they can see later
(what a purchase would bring), the same whole numbers are computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import isqrt
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3.contract import Contract

from donablock.chain.amounts import NATIVE, Asset
from donablock.chain.assets import asset_at, token
from donablock.chain.scan import scan
from donablock.chain.session import Session, ask, reader
from donablock.errors import RevertError
from donablock.treasury.staking import Pool, Staking

__all__ = ["BASIS", "MAX_WINDOW", "MIN_WINDOW", "Route", "Shares", "Snapshot", "Watcher"]

# what the contracts' constants say; tests compare them
MIN_WINDOW, MAX_WINDOW = 6 * 3_600, 48 * 3_600
BASIS = 10_000
# a price has 112 bits behind its point
PRICE_ONE = 2**112
# blocks that are looked through again for new routes, since they may have been exchanged
_OVERLAP = 64

_PAIR = [
    {
        "type": "function",
        "name": "getReserves",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [
            {"name": "", "type": "uint112"},
            {"name": "", "type": "uint112"},
            {"name": "", "type": "uint32"},
        ],
    }
]


@dataclass(frozen=True)
class Route:
    """A money that is spent on DOBO, at a block: amounts in smallest units, times in unix seconds.

    `fee` and `slippage` in basis points. `held` is what there is to spend. `most` may be spent now
    and brings at least `least` DOBO, as the contract's `purchase` says; where it refuses, both are
    0 and `refusal` is its reason. `price`: the average, money for each unit of DOBO times 2**112.
    """

    money: Asset
    fee: int
    min_reserve: int
    interval: int
    yearly: int
    largest_lot: int
    slippage: int
    observed_at: int
    observed_before_at: int
    last_purchase_at: int
    held: int
    money_reserve: int
    dobo_reserve: int
    most: int = 0
    least: int = 0
    price: int = 0
    refusal: str = ""

    def since(self, second: int) -> int:
        """The observation from which an average at a second is made; 0 if there is none."""
        if second >= self.observed_at + MIN_WINDOW:
            return self.observed_at
        return self.observed_before_at

    def has_price(self, second: int) -> bool:
        """Whether the observations there are make an average at a second."""
        since = self.since(second)
        return since != 0 and second <= since + MAX_WINDOW

    @property
    def depth_bound(self) -> int:
        """The lot that the pair's depth allows: its fee times its reserve, at the average price."""
        return self._average_reserves()[0] * self.fee // BASIS

    def floor(self, amount: int) -> int:
        """The least that an amount must bring (DOBO), by the average price."""
        brought = self._out(amount, *self._average_reserves())
        return brought * (BASIS - self.slippage) // BASIS

    def expected(self, amount: int) -> int:
        """What an amount brings in the pair as it stands (DOBO)."""
        return self._out(amount, self.money_reserve, self.dobo_reserve)

    def _average_reserves(self) -> tuple[int, int]:
        depth = isqrt(self.money_reserve * self.dobo_reserve)
        root = isqrt(self.price)
        return (depth * root) >> 56, (depth << 56) // root if root else 0

    def _out(self, amount: int, money_reserve: int, dobo_reserve: int) -> int:
        after_fee = amount * (BASIS - self.fee)
        total = money_reserve * BASIS + after_fee
        return after_fee * dobo_reserve // total if total else 0


@dataclass(frozen=True)
class Shares:
    """How a settlement divides, in basis points; receivers with theirs."""

    burn: int
    dividends: int
    receivers: tuple[tuple[ChecksumAddress, int], ...]

    def parts(self, amount: int) -> tuple[int, int, int]:
        """What of an amount is burnt, is dividends and is owed to receivers; rounded down."""
        shared = sum(amount * share // BASIS for _, share in self.receivers)
        return amount * self.burn // BASIS, amount * self.dividends // BASIS, shared


@dataclass(frozen=True)
class Snapshot:
    """Everything at one block: amounts in smallest units, times in unix seconds.

    `keeper` is who would act, the zero address if nobody. `gas_price`: what the node takes now, in
    wei, tip included (there are chains whose base fee is 0). `divides`: whether closing the pool's
    pot would give its epoch's weights something. `unsettled`: DOBO that arrived at Commission.
    `owed` by Commission, only where it was asked for. `coin` and `stray` are the chain's coin and
    DOBO that lie in the buyback.
    """

    block: int
    now: int
    gas_price: int
    keeper: ChecksumAddress
    coin_asset: Asset
    dobo: Asset
    pool: Pool
    divides: bool
    unsettled: int
    shares: Shares
    proposed: Shares | None
    proposal_ready_at: int
    owed: tuple[tuple[ChecksumAddress, int], ...]
    operator: ChecksumAddress
    stopped_until: int
    wrapped: ChecksumAddress
    coin: int
    stray: int
    routes: tuple[Route, ...]

    @property
    def is_operator(self) -> bool:
        return self.keeper == self.operator

    def in_dobo(self, wei: int) -> int | None:
        """An amount of coin in DOBO at the average price; None where no route says it."""
        for route in self.routes:
            if route.money.address == self.wrapped and route.price:
                return wei * PRICE_ONE // route.price
        return None


@dataclass
class _Seen:
    """Addresses that logs have named, and up to which block they were read."""

    addresses: list[ChecksumAddress] = field(default_factory=list)
    block: int = -1

    def add(self, addresses: Iterable[str]) -> None:
        found = (to_checksum_address(address) for address in addresses)
        self.addresses = list(dict.fromkeys((*self.addresses, *found)))


class Watcher:
    """Takes snapshots through a session. `from_block` is where the contracts' logs begin.

    `keeper`: who would act. `with_owed`: also what receivers are owed. Logs are read once, and
    after that only what is new.
    """

    def __init__(
        self,
        session: Session,
        from_block: int = 0,
        *,
        keeper: str = NATIVE,
        with_owed: bool = False,
    ) -> None:
        self._session = session
        self._keeper = to_checksum_address(keeper)
        self._from_block = from_block
        self._with_owed = with_owed
        self._staking = Staking(session)
        self._assets: dict[str, Asset] = {}
        self._moneys, self._receivers = _Seen(), _Seen()

    def look(self) -> Snapshot:
        """The latest block. Raises InputError where the contracts are not deployed."""
        session, w3 = self._session, self._session.w3
        latest = ask(lambda: w3.eth.get_block("latest"))
        block = int(latest["number"])
        pool = self._staking.pool(latest)
        commission, buyback = session.contract("Commission"), session.contract("Buyback")
        of_commission, of_buyback = reader(commission, block), reader(buyback, block)
        ready_at = int(of_commission("proposal_ready_at"))
        dobo = self._asset(of_buyback("DOBO"))
        held = token(session, dobo.address).functions.balanceOf(buyback.address)
        return Snapshot(
            block=block,
            now=int(latest["timestamp"]),
            gas_price=int(ask(lambda: w3.eth.gas_price)),
            keeper=self._keeper,
            coin_asset=self._asset(NATIVE),
            dobo=dobo,
            pool=pool,
            divides=self._divides(pool),
            unsettled=int(of_commission("unsettled")),
            shares=_shares(of_commission("shares")),
            proposed=_shares(of_commission("proposed_shares")) if ready_at else None,
            proposal_ready_at=ready_at,
            owed=self._owed(commission, block) if self._with_owed else (),
            operator=to_checksum_address(of_buyback("operator")),
            stopped_until=int(of_buyback("stopped_until")),
            wrapped=to_checksum_address(of_buyback("WRAPPED")),
            coin=int(ask(lambda: w3.eth.get_balance(buyback.address, block))),
            stray=int(ask(lambda: held.call(block_identifier=block))),
            routes=self._routes(buyback, dobo, block),
        )

    def _divides(self, pool: Pool) -> bool:
        if not pool.pot or pool.rolled_until == pool.epoch:
            return False
        read = reader(self._staking.contract, pool.block)
        # nothing but the pot's epoch can have been divided since
        return int(read("dividends_per_weight", pool.epoch - pool.rolled_until)) != 0

    def _routes(self, buyback: Contract, dobo: Asset, block: int) -> tuple[Route, ...]:
        self._scan(self._moneys, buyback, "RouteListed", block, lambda event: [str(event["money"])])
        read = reader(buyback, block)
        routes = ((money, read("routes", money)) for money in self._moneys.addresses)
        return tuple(
            self._route(buyback, dobo, self._asset(money), found, block)
            for money, found in routes
            if to_checksum_address(found[0]) != NATIVE
        )

    def _route(self, buyback: Contract, dobo: Asset, money: Asset, found: Any, block: int) -> Route:
        session, read = self._session, reader(buyback, block)
        pair, _, fee, min_reserve, is_dobo_first = found
        reserves = reader(session.at_abi(pair, _PAIR), block)("getReserves")
        if is_dobo_first:
            reserves = (reserves[1], reserves[0])
        most, least, price, refusal = 0, 0, 0, ""
        try:
            most, least, price = map(int, read("purchase", money.address))
        except RevertError as error:
            refusal = error.reason or "buyback: no purchase can be computed"
        interval, yearly, largest_lot, slippage = map(int, read("bounds", money.address))
        held = reader(token(session, money.address), block)("balanceOf", buyback.address)
        return Route(
            money=money,
            fee=int(fee),
            min_reserve=int(min_reserve),
            interval=interval,
            yearly=yearly,
            largest_lot=largest_lot,
            slippage=slippage,
            observed_at=int(read("last_observation", money.address)[1]),
            observed_before_at=int(read("earlier_observation", money.address)[1]),
            last_purchase_at=int(read("last_purchase_at", money.address)),
            held=int(held),
            money_reserve=int(reserves[0]),
            dobo_reserve=int(reserves[1]),
            most=most,
            least=least,
            price=price,
            refusal=refusal,
        )

    def _owed(self, commission: Contract, block: int) -> tuple[tuple[ChecksumAddress, int], ...]:
        """Also to those that were replaced."""
        self._scan(
            self._receivers,
            commission,
            "SharesChanged",
            block,
            lambda event: [str(entry["account"]) for entry in event["receivers"]],
        )
        read = reader(commission, block)
        owed = ((place, int(read("owed", place))) for place in self._receivers.addresses)
        return tuple((place, amount) for place, amount in owed if amount)

    def _scan(
        self,
        seen: _Seen,
        contract: Contract,
        event: str,
        block: int,
        named: Callable[[Any], list[str]],
    ) -> None:
        start = max(self._from_block, seen.block - _OVERLAP)
        for found in scan(contract, event, from_block=start, to_block=block):
            seen.add(named(found))
        seen.block = block

    def _asset(self, address: str) -> Asset:
        """The coin or a token, asked for once."""
        if address not in self._assets:
            self._assets[address] = asset_at(self._session, address)
        return self._assets[address]


def _shares(found: Any) -> Shares:
    burn, dividends, receivers = found
    return Shares(
        int(burn),
        int(dividends),
        tuple((to_checksum_address(account), int(share)) for account, share in receivers),
    )
