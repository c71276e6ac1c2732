"""A market for DOBO: a real Uniswap V2 pair of DOBO and the stablecoin, people who trade on it, and
the bounds within which the buyback may buy there.
"""

from __future__ import annotations

from eth_utils.address import to_checksum_address

from donablock.chain import artifacts
from donablock.chain.amounts import NATIVE
from donablock.chain.plan import FACTORY, ROUTER, TEST_EXCHANGE_FEE
from donablock.demo.acts import HOUR, amount_text, days, live_until, through_timelock
from donablock.demo.blocks import Actor, Sent
from donablock.demo.books import PAIR
from donablock.demo.calls import Target
from donablock.demo.gifts import DOBO, STABLE
from donablock.demo.world import DAY, World, expect

LIQUIDITY_GROUP = 1
"""Whose vested DOBO opens the pair."""

# smallest units; 1 DOBO = 0.01 of the stablecoin
_DOLLARS_IN, _DOBO_IN = 200_000 * 10**6, 20_000_000 * 10**18
_MIN_RESERVE = 100_000 * 10**6
# interval, yearly, largest lot, slippage
_BOUNDS = (12 * HOUR, 30_000 * 10**6, 1_000 * 10**6, 100)
_TRADERS_DOLLARS, _TRADERS_DOBO = 50_000 * 10**6, 4_000_000 * 10**18
_GAS_MONEY = 10**18


class Exchange:
    """The pair, and trades on it. Amounts are in smallest units."""

    def __init__(self, world: World) -> None:
        """Raises ChainError where no pair of DOBO and the stablecoin was opened."""
        self._world = world
        asked = (world[FACTORY], "getPair", (world[DOBO].address, world[STABLE].address))
        (pair,) = world.blocks.read_many([asked])
        expect(pair != NATIVE, f"there is a pair of {DOBO} and {STABLE}")
        self.pair = Target(PAIR, to_checksum_address(pair), artifacts.abi(PAIR))
        first = world.blocks.read(self.pair, "token0")
        self.is_dobo_first = to_checksum_address(first) == world[DOBO].address

    def reserves(self) -> tuple[int, int]:
        """Of the stablecoin, and of DOBO."""
        first, second, _ = self._world.blocks.read(self.pair, "getReserves")
        return (second, first) if self.is_dobo_first else (first, second)

    def trade(self, trader: Actor, symbol: str, amount: int) -> Sent:
        """The trader pays so much of `symbol` for what it brings of the other; approved exactly."""
        world, router = self._world, self._world[ROUTER]
        other = STABLE if symbol == DOBO else DOBO
        path = [world[symbol].address, world[other].address]
        world.blocks.send(
            f"{symbol} approved", trader, world[symbol], "approve", router.address, amount
        )
        return world.blocks.send(
            f"{symbol} traded on the pair",
            trader,
            router,
            "swapExactTokensForTokens",
            *(amount, 0, path, trader.address, world.blocks.now + DAY),
        )


def open_market(world: World) -> None:
    """A beneficiary's vested DOBO and dollars become a pair, and the timelock lets the buyback
    spend dollars there, within bounds.
    """
    blocks, router = world.blocks, world[ROUTER]
    # the months that other acts have passed
    live_until(world, blocks.now)
    rich = world.beneficiaries[LIQUIDITY_GROUP]
    world.traders = [Actor("trader 1"), Actor("trader 2")]
    people = world.traders
    blocks.wire.batch(
        ("anvil_setBalance", [one.address, hex(_GAS_MONEY)]) for one in (rich, *people)
    )
    dollars = {rich: _DOLLARS_IN} | dict.fromkeys(people, _TRADERS_DOLLARS)
    for actor, amount in dollars.items():
        words = (actor.address, amount)
        blocks.send("test dollars minted", world.anyone, world[STABLE], "mint", *words)
    for person in people:
        words = (person.address, _TRADERS_DOBO)
        blocks.send("DOBO transferred", rich, world[DOBO], "transfer", *words)
    for symbol, amount in ((DOBO, _DOBO_IN), (STABLE, _DOLLARS_IN)):
        name = f"{symbol} approved"
        blocks.send(name, rich, world[symbol], "approve", router.address, amount)
    blocks.send(
        "pair opened, liquidity added",
        rich,
        router,
        "addLiquidity",
        *(world[DOBO].address, world[STABLE].address, _DOBO_IN, _DOLLARS_IN, 0, 0),
        *(rich.address, blocks.now + DAY),
        gas=4_000_000,
    )
    blocks.mine()
    expect(Exchange(world).reserves() == (_DOLLARS_IN, _DOBO_IN), "the pair holds what was added")
    world.tell(
        "setup",
        "DOBO has a market",
        f"{amount_text(world, DOBO, _DOBO_IN)} of what has vested for liquidity and "
        f"{amount_text(world, STABLE, _DOLLARS_IN)} open a pair on a real Uniswap V2.",
    )
    buyback, money = world["Buyback"], world[STABLE].address
    early = blocks.refusal(world.roles["operator"], buyback, "buy", money, 1, blocks.now + DAY)
    route = (money, router.address, TEST_EXCHANGE_FEE, _MIN_RESERVE, _BOUNDS)
    listing = buyback.data("list_route", *route)
    through_timelock(world, f"buying DOBO with {STABLE}", [(buyback.address, [listing])])
    interval, yearly, lot, slippage = _BOUNDS
    world.tell(
        "change",
        f"The buyback may spend {STABLE}",
        f"No more often than every {days(interval)}, {amount_text(world, STABLE, yearly)} a year "
        f"and {amount_text(world, STABLE, lot)} at once at most, and for no less DOBO than the "
        f'average price gives, less {slippage // 100} %. Before it was refused: "{early}".',
    )
