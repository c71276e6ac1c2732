"""Gas of dividends, commission and buyback, beside few stakers and beside many.

The pool divides dividends every month for nearly twelve years. Then so many stakers join within
twelve months, each an account of its own, for terms of 1 to 12 years in turn. Then, in one month,
everything is measured, each from the same state of the chain. Uniswap V2 is the real one, from its
npm packages.
"""

from __future__ import annotations

import json
from typing import Any

from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.types import TxReceipt

from bench.deployment import DAY, GAS_LIMIT, deploy, send
from bench.measurements import Ceiling, Measurements
from donablock.chain.node import Anvil
from donablock.settings import settings

DOBO, USD = 10**18, 10**6
UNLIMITED = 2**256 - 1
NOBODY = "0x" + "00" * 20
REFERENCE = bytes.fromhex("11" * 32)
FAR = 2**40

EPOCH = 2_628_000
HOUR = 3_600
WINDOW = 6 * HOUR

FEW, MANY = 10, 10_000
SIZES = (FEW, 100, 1_000, MANY)
# A twelfth of MANY joins in one transaction.
CROWD_GAS = 200_000_000

# The month in which everything is measured, one of the dearest: at its edge seven words of rungs
# are read (at every other year's edges six), and the word of the rung at which its stakes for 12
# years end has nobody in it yet.
MONTH = 13 * 12 + 11
# The crowd joins in the twelve months before.
CROWD = range(MONTH - 12, MONTH)
# Whose lock is over in MONTH for three months, who has earned in 144 months, and who in 36.
EARLY, OLD, PATIENT = MONTH - 148, MONTH - 145, MONTH - 37
STAKE, DIVIDENDS = 1_000 * DOBO, 120 * DOBO
TERM, EXTENSION, LONGEST = 3, 5, 12

STAKING, FUND, ROLL = "dividends: stake", "dividends: fund", "dividends: roll"
COMPOUND, EXTEND = "dividends: compound", "dividends: extend"
UNLOCK = "dividends: unlock"
CLAIM = "dividends: claim after 1 month"
CLAIM_3, CLAIM_12 = "dividends: claim after 3 years", "dividends: claim after 12 years"
SETTLE = "commission: settle, one receiver"
DEPOSIT, COLLECT = "commission: deposit", "commission: claim"
OBSERVE, BUY, BUY_IDLE = "buyback: observe", "buyback: buy", "buyback: buy by anybody (buy_idle)"
PREFIXES = ("dividends: ", "commission: ", "buyback: ")

CLOSING = "{}, also closing the month"
FIRST = "{}, first of the month"
EMPTY = "{}, empty rung"
IDLE = "{}, after 36 idle months"

# What it takes to bring a month's dividends to everybody: one settlement, which closes the month
# before.
A_MONTH = CLOSING.format(SETTLE)

# docs/gas.md says where the field's figures come from, and which ceilings are our own.
CEILINGS = {
    STAKING: Ceiling(105_000, "90,846, no lock (stYFI); 198,343 (GMX); original 183,137"),
    f"{STAKING}, a staker's first": Ceiling(107_500, "107,521, no lock (stYFI); 235,311 (GMX)"),
    EMPTY.format(STAKING): Ceiling(107_500, "-"),
    CLOSING.format(STAKING): Ceiling(145_000, "342,860 (stYFI); original up to 318,556"),
    CLOSING.format(EMPTY.format(STAKING)): Ceiling(145_000, "342,860 (stYFI)"),
    CLAIM: Ceiling(72_000, "100,780 (stYFI); 105,258 (GMX); original 174,239"),
    CLAIM_3: Ceiling(80_000, "-"),
    CLAIM_12: Ceiling(105_000, "-"),
    CLOSING.format(CLAIM): Ceiling(95_000, "-"),
    COMPOUND: Ceiling(75_000, "90,846 (stYFI)"),
    EXTEND: Ceiling(74_000, "-"),
    UNLOCK: Ceiling(75_000, "88,928 + 52,436 (stYFI); 157,322 (GMX)"),
    f"{UNLOCK}, a position's first": Ceiling(75_000, "88,928 + 52,436 (stYFI); 157,322 (GMX)"),
    FUND: Ceiling(49_500, "48,729 (stYFI), 49,761 (GMX), no token moved"),
    FIRST.format(FUND): Ceiling(75_000, "82,929 (stYFI), no token moved"),
    CLOSING.format(FUND): Ceiling(108_000, "-"),
    IDLE.format(FUND): Ceiling(309_000, "-"),
    ROLL: Ceiling(72_000, "original 110,000 and 27,000 to 31,000 a staker"),
    IDLE.format(ROLL): Ceiling(72_000, "-"),
    SETTLE: Ceiling(110_000, "100,158, three-way split, no burn (Curve)"),
    FIRST.format(SETTLE): Ceiling(112_000, "-"),
    A_MONTH: Ceiling(148_000, "-"),
    DEPOSIT: Ceiling(92_000, "-"),
    COLLECT: Ceiling(45_000, "-"),
    OBSERVE: Ceiling(64_000, "-"),
    BUY: Ceiling(168_000, "-"),
    BUY_IDLE: Ceiling(177_000, "-"),
}


def beside(name: str, stakers: int) -> str:
    """The name of an operation's figure beside so many stakers."""
    return name if stakers == FEW else f"{name}, {stakers:,} stakers"


class Deflation:
    """Pool, commission, and a buyback beside a pair of DOBO and a dollar, with who uses them."""

    def __init__(self, node: Anvil, *, traced: bool = False) -> None:
        self.node, self.w3, self.traced = node, node.w3, traced
        accounts: list[ChecksumAddress] = list(self.w3.eth.accounts)
        self.owner, self.guardian, self.reserve, self.operator = accounts[:4]
        self.rich, self.receiver, self.stranger = accounts[4:7]
        self.stakers = accounts[7:15]
        self.early, self.old, self.patient, self.regular = accounts[7:11]
        self.extender, self.staker, self.neighbour, self.newcomer = accounts[11:15]
        self.dobo = self._deploy("DonaBlock", self.rich)
        self.usd = self._deploy("BareToken", 6)
        roles = [self.owner, self.guardian, self.reserve]
        self.pool = self._deploy("DividendPool", self.dobo.address, *roles, STAKE)
        self.start = int(self.pool.functions.START().call())
        shares = (4_000, 4_000, [(self.receiver, 2_000)])
        self.commission = self._deploy(
            "Commission", self.dobo.address, self.pool.address, *roles, 7 * DAY, shares
        )
        self.crowd = self._deploy("StakerCrowd", self.dobo.address, self.pool.address)
        self._exchange()
        self._money()

    def _deploy(self, name: str, *arguments: Any) -> Contract:
        return deploy(self.w3, self.owner, name, *arguments)

    def _uniswap(self, package: str, name: str, *arguments: Any) -> Contract:
        """As its npm package has it compiled."""
        folder = settings().root / "node_modules" / "@uniswap" / package / "build"
        made = json.loads((folder / f"{name}.json").read_text())
        factory = self.w3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        hash_ = factory.constructor(*arguments).transact({"from": self.owner, "gas": GAS_LIMIT})
        address = self.w3.eth.wait_for_transaction_receipt(hash_)["contractAddress"]
        if address is None:
            raise RuntimeError(f"{name} was not deployed")
        return self.w3.eth.contract(address, abi=made["abi"])

    def _exchange(self) -> None:
        """A pair of a million dollars and 100 million DOBO."""
        factory = self._uniswap("v2-core", "UniswapV2Factory", NOBODY)
        wrapped = self._uniswap("v2-periphery", "WETH9")
        self.router = self._uniswap(
            "v2-periphery", "UniswapV2Router02", factory.address, wrapped.address
        )
        self.send(self.usd.functions.mint(self.rich, 10**6 * USD), self.rich)
        for token in (self.usd, self.dobo):
            self.send(token.functions.approve(self.router.address, UNLIMITED), self.rich)
        pair = [self.usd.address, self.dobo.address, 10**6 * USD, 10**8 * DOBO]
        liquidity = self.router.functions.addLiquidity(*pair, 0, 0, self.rich, FAR)
        self.send(liquidity, self.rich)
        roles = [self.reserve, self.owner, self.guardian, self.operator]
        self.buyback = self._deploy(
            "Buyback", self.dobo.address, self.commission.address, *roles, wrapped.address
        )

    def _money(self) -> None:
        give = self.dobo.functions.transfer
        for account in (self.rich, *self.stakers):
            for contract in (self.pool, self.commission):
                self.send(self.dobo.functions.approve(contract.address, UNLIMITED), account)
        for account in self.stakers:
            self.send(give(account, 100 * STAKE), self.rich)
        self.send(give(self.receiver, 1), self.rich)
        self.send(give(self.crowd.address, 2 * MANY * STAKE), self.rich)
        self.send(self.usd.functions.mint(self.buyback.address, 10**6 * USD), self.rich)

    def send(self, call: Any, sender: ChecksumAddress, value: int = 0) -> TxReceipt:
        """Send a bound contract function. Raises when it reverts."""
        return send(self.w3, call, sender, value)

    def to(self, epoch: int) -> None:
        """The beginning of an epoch."""
        self.node.advance_to(self.start + (epoch - 1) * EPOCH)

    def stake(self, term: int = TERM) -> Any:
        return self.pool.functions.stake(STAKE, term)

    def fund(self) -> Any:
        return self.pool.functions.fund(DIVIDENDS)

    # --- before the month ---------------------------------------------------------------------

    def twelve_years(self) -> None:
        """Dividends in every month until the crowd comes."""
        joining = {EARLY: self.early, OLD: self.old, PATIENT: self.patient}
        for epoch in range(EARLY, CROWD.start):
            self.to(epoch)
            if epoch in joining:
                self.send(self.stake(LONGEST), joining[epoch])
            self.send(self.fund(), self.rich)

    def join(self, stakers: int) -> None:
        """So many stakers, a twelfth of them in each month; then MONTH begins."""
        joined = 0
        # in few large blocks: each block costs the node as much time as there is on the chain
        self.node.request("evm_setBlockGasLimit", hex(CROWD_GAS))
        for month, epoch in enumerate(CROWD, 1):
            self.to(epoch)
            if epoch == CROWD.start:
                # they end with what is staked in MONTH for TERM, or extended to EXTENSION
                for term in (TERM + 1, EXTENSION + 1):
                    self.send(self.stake(term), self.neighbour)
                for account in (self.regular, self.extender, self.staker):
                    self.send(self.stake(), account)
            due = stakers * month // len(CROWD)
            call = self.crowd.functions.join(due - joined, STAKE)
            send(self.w3, call, self.stranger, gas=CROWD_GAS)
            joined = due
            # everything that is measured has been done before
            self.send(self.fund(), self.rich)
            self.send(self.dobo.functions.transfer(self.commission.address, STAKE), self.rich)
            self.send(self.commission.functions.settle(), self.stranger)
        for account in (self.regular, self.extender):
            self.send(self.pool.functions.claim(0), account)
        self.send(self.commission.functions.deposit(STAKE, REFERENCE), self.rich)
        assert self.crowd.functions.count().call() == stakers
        self.to(MONTH)


class _Month:
    """The figures of MONTH."""

    def __init__(self, world: Deflation) -> None:
        self.world = world
        self.found = Measurements(world)
        self.pool, self.commission = world.pool.functions, world.commission.functions

    def alone(self, name: str, call: Any, sender: ChecksumAddress, trace: bool = False) -> None:
        """Measure, and take it back."""
        node = self.world.node
        before = node.snapshot()
        self.found.take(name, call, sender, trace=trace and self.world.traced)
        node.revert(before)

    def distribution(self) -> None:
        self.alone(A_MONTH, self.commission.settle(), self.world.stranger)

    def everything(self) -> None:
        world = self.world
        self._over()
        world.send(self.pool.roll(), world.stranger)
        self.alone(FIRST.format(FUND), world.fund(), world.rich)
        self.alone(FIRST.format(SETTLE), self.commission.settle(), world.stranger)
        world.send(world.fund(), world.rich)
        self.alone(FUND, world.fund(), world.rich)
        self._positions()
        self._commission()
        self._purchases()

    def _over(self) -> None:
        """Where last month's dividends are not divided yet."""
        world = self.world
        self.distribution()
        self.alone(CLOSING.format(STAKING), world.stake(), world.staker)
        self.alone(CLOSING.format(EMPTY.format(STAKING)), world.stake(LONGEST), world.staker)
        self.alone(CLOSING.format(CLAIM), self.pool.claim(0), world.regular)
        self.alone(CLOSING.format(FUND), world.fund(), world.rich, trace=True)
        self.alone(ROLL, self.pool.roll(), world.stranger, trace=True)
        before = world.node.snapshot()
        world.to(MONTH + 36)
        self.alone(IDLE.format(ROLL), self.pool.roll(), world.stranger)
        self.alone(IDLE.format(FUND), world.fund(), world.rich)
        world.node.revert(before)

    def _positions(self) -> None:
        world, pool = self.world, self.pool
        self.alone(STAKING, world.stake(), world.staker, trace=True)
        self.alone(f"{STAKING}, a staker's first", world.stake(), world.newcomer)
        self.alone(EMPTY.format(STAKING), world.stake(LONGEST), world.staker)
        self.alone(CLAIM, pool.claim(0), world.regular, trace=True)
        self.alone(CLAIM_3, pool.claim(0), world.patient)
        self.alone(CLAIM_12, pool.claim(0), world.old, trace=True)
        self.alone(COMPOUND, pool.compound(0), world.regular, trace=True)
        self.alone(EXTEND, pool.extend(0, EXTENSION), world.extender)
        unlock = pool.unlock(world.early, 0)
        self.found.take(f"{UNLOCK}, a position's first", unlock, world.stranger)
        world.node.advance(DAY)
        self.alone(UNLOCK, unlock, world.stranger, trace=True)

    def _commission(self) -> None:
        world = self.world
        self.alone(SETTLE, self.commission.settle(), world.stranger, trace=True)
        self.alone(DEPOSIT, self.commission.deposit(STAKE, REFERENCE), world.rich)
        self.alone(COLLECT, self.commission.claim(world.receiver), world.stranger)

    def _purchases(self) -> None:
        """The second of each; the first, to an untouched pair, is dearer."""
        world, call, advance = self.world, self.world.buyback.functions, self.world.node.advance
        money = world.usd.address
        bounds = (HOUR, 1_200_000 * USD, 2_000 * USD, 100)
        route = [money, world.router.address, 30, 500_000 * USD, bounds]
        world.send(call.list_route(*route), world.owner)
        for _ in range(2):
            advance(WINDOW)
            self.found.take(OBSERVE, call.observe(money), world.stranger)
        for _ in range(2):
            advance(WINDOW)
            self.found.take(BUY, call.buy(money, 100 * USD, FAR), world.operator)
        advance(14 * DAY - WINDOW)
        world.send(call.observe(money), world.stranger)
        advance(WINDOW)
        self.found.take(BUY_IDLE, call.buy_idle(money, FAR), world.stranger)


def measure(timestamp: int) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Figures by operation, and where the gas of some goes. Two chains that begin at `timestamp`:
    the one with few stakers tells every step, the other one's steps would fill the memory.
    """
    gas: dict[str, int] = {}
    with Anvil(timestamp=timestamp, steps_tracing=True) as node:
        world = Deflation(node, traced=True)
        world.twelve_years()
        world.join(FEW)
        few = _Month(world)
        few.everything()
        gas |= few.found.gas
    with Anvil(timestamp=timestamp) as node:
        world = Deflation(node)
        world.twelve_years()
        for stakers in SIZES[1:]:
            before = node.snapshot()
            world.join(stakers)
            month = _Month(world)
            if stakers == MANY:
                month.everything()
            else:
                month.distribution()
            gas |= {beside(name, stakers): used for name, used in month.found.gas.items()}
            node.revert(before)
    return gas, few.found.where


def markdown(gas: dict[str, int]) -> str:
    lines = [
        f"| operation | {FEW:,} stakers | {MANY:,} stakers | more | ceiling | best of the field |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name, ceiling in CEILINGS.items():
        few, many = gas[name], gas[beside(name, MANY)]
        lines.append(
            f"| {name} | {few:,} | {many:,} | {many - few:,} | {ceiling.gas:,} | {ceiling.field} |"
        )
    return "\n".join(lines) + "\n"
