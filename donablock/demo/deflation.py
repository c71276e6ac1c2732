"""What became of commission: receipts, purchases, prices, months and stakes, by the chain's logs
and views; and the checks that all of it adds up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from donablock.chain.amounts import NATIVE
from donablock.demo import books
from donablock.demo.books import Books
from donablock.demo.dividends import Month, Position, divide, positions
from donablock.demo.facts import Check
from donablock.demo.gifts import DOBO, STABLE
from donablock.demo.market import Exchange
from donablock.demo.world import MONTH, World

_SCALE = 2**112
# what a receipt takes over from its log
_SETTLED = (
    "batch",
    "deposited",
    "amount",
    "burnt",
    "dividends",
    "shared_out",
    "supply_before",
    "supply_after",
)


@dataclass(frozen=True)
class Receipt:
    """A settlement. Amounts in DOBO's smallest unit: `amount` was divided, of which `deposited`
    came with references and `bought` from the buyback, the rest by plain transfers.
    """

    batch: int
    second: int
    deposits: int
    deposited: int
    bought: int
    amount: int
    burnt: int
    dividends: int
    shared_out: int
    supply_before: int
    supply_after: int


@dataclass(frozen=True)
class Purchase:
    """`spent` in the stablecoin's smallest unit, `bought` and `least` in DOBO's; `average` is the
    average price, the one's smallest units for each of the other's.
    """

    second: int
    spent: int
    bought: int
    least: int
    average: Fraction
    by_operator: bool

    @property
    def price(self) -> Fraction:
        """What was paid, fee and all."""
        return Fraction(self.spent, self.bought)


@dataclass(frozen=True)
class Quote:
    """The pair's reserves from a second on, in smallest units."""

    second: int
    dollars: int
    dobo: int

    @property
    def price(self) -> Fraction:
        """The stablecoin's smallest units for each of DOBO's."""
        return Fraction(self.dollars, self.dobo)


@dataclass(frozen=True)
class Payment:
    """Dividends that a staker took. `term`: the years of its stake; `month`: of the pool."""

    second: int
    month: int
    term: int
    amount: int
    is_compounded: bool


@dataclass(frozen=True)
class Deflation:
    """All of it. `start`: the pool's first second; `supply_at_start` is of DOBO before anything was
    burnt. `names`: who the positions' owners are. `owed`: what is divided and not yet taken.
    """

    start: int
    supply_at_start: int
    supply: int
    receipts: tuple[Receipt, ...]
    purchases: tuple[Purchase, ...]
    quotes: tuple[Quote, ...]
    months: tuple[Month, ...]
    positions: tuple[Position, ...]
    payments: tuple[Payment, ...]
    names: dict[str, str]
    owed: int

    @property
    def burnt(self) -> int:
        """By the receipts."""
        return sum(receipt.burnt for receipt in self.receipts)

    def edge(self, month: int) -> int:
        """The first second of a month of the pool."""
        return self.start + (month - 1) * MONTH


def deflation(world: World, found: Books) -> Deflation | None:
    """None where no commission was ever settled."""
    if not found.count("Settled", "Commission"):
        return None
    blocks, pool = world.blocks, world["DividendPool"]
    asked = [(pool, view, ()) for view in ("START", "MIN_WEIGHT", "epoch", "books")]
    start, min_weight, epoch, (_, owed, _, _) = blocks.read_many(asked)
    supply_at_start, supply = blocks.read_many(
        [(world[DOBO], view, ()) for view in ("INITIAL_SUPPLY", "totalSupply")]
    )
    receipts = _receipts(world, found)
    funded: dict[int, int] = defaultdict(int)
    for receipt in receipts:
        funded[(receipt.second - start) // MONTH + 1] += receipt.dividends
    stakes = positions(event for event in found.events if event.contract == "DividendPool")
    pending = blocks.read_many([(pool, "claimable", (p.owner, p.index)) for p in stakes])
    for stake, amount in zip(stakes, pending, strict=True):
        stake.pending = amount
    return Deflation(
        start=start,
        supply_at_start=supply_at_start,
        supply=supply,
        receipts=tuple(receipts),
        purchases=tuple(_purchases(world, found)),
        quotes=tuple(_quotes(world, found)),
        months=tuple(divide(stakes, funded, min_weight, epoch)),
        positions=tuple(stakes),
        payments=tuple(_payments(world, found, stakes)),
        names={staker.actor.address: staker.actor.name for staker in world.stakers},
        owed=owed,
    )


def _receipts(world: World, found: Books) -> list[Receipt]:
    made: list[Receipt] = []
    bought = 0
    for event in found.events:
        if (event.contract, event.name) == ("Buyback", "Bought"):
            bought += event["bought"]
        elif (event.contract, event.name) == ("Commission", "Settled"):
            made.append(
                Receipt(
                    second=world.blocks.seconds[event.block_number],
                    deposits=event["last_deposit"] - event["first_deposit"] + 1,
                    bought=bought,
                    **{name: event[name] for name in _SETTLED},
                )
            )
            bought = 0
    return made


def _purchases(world: World, found: Books) -> Iterable[Purchase]:
    operator = world.roles["operator"].address
    for event in found.of("Bought", "Buyback"):
        yield Purchase(
            world.blocks.seconds[event.block_number],
            event["spent"],
            event["bought"],
            event["least"],
            Fraction(event["average_price"], _SCALE),
            event["buyer"] == operator,
        )


def _quotes(world: World, found: Books) -> Iterable[Quote]:
    if not found.pairs:
        return
    exchange = Exchange(world)
    for event in found.of("Sync", address=exchange.pair.address):
        first, second = event["reserve0"], event["reserve1"]
        dollars, dobo = (second, first) if exchange.is_dobo_first else (first, second)
        yield Quote(world.blocks.seconds[event.block_number], dollars, dobo)


def _payments(world: World, found: Books, stakes: Iterable[Position]) -> Iterable[Payment]:
    terms = {(stake.owner, stake.index): stake.term for stake in stakes}
    for event in found.events:
        if event.contract == "DividendPool" and event.name in ("Claimed", "Compounded"):
            yield Payment(
                world.blocks.seconds[event.block_number],
                event["epoch"],
                terms[event["owner"], event["index"]],
                event["amount"],
                event.name == "Compounded",
            )


# --- checks ---------------------------------------------------------------------------------------


def checks(world: World, found: Books, story: Deflation | None) -> Iterable[Check]:
    """Supply, commission, buyback and dividends add up; nothing where there was no commission."""
    if story is None:
        return
    yield from _supply_checks(world, found, story)
    yield from _money_checks(world, found, story)
    yield from _dividend_checks(world, found, story)


def _supply_checks(world: World, found: Books, story: Deflation) -> Iterable[Check]:
    commission = world["Commission"]
    gone = story.supply_at_start - story.supply
    yield Check("DOBO: supply at first - supply now = burnt by the receipts", gone, story.burnt)
    counted = world.blocks.read(commission, "burned_total")
    yield Check("Commission: burnt by its own count = by the receipts", counted, story.burnt)
    others = sum(
        amount
        for sender, receiver, amount in books.transfers(found.events, world[DOBO].address)
        if receiver == NATIVE and sender != commission.address
    )
    yield Check("DOBO: burnt by anybody else: none", others, 0)
    broken, supply = 0, story.supply_at_start
    for receipt in story.receipts:
        goes_on = receipt.supply_before == supply
        broken += not (goes_on and receipt.supply_after == supply - receipt.burnt)
        supply = receipt.supply_after
    yield Check("receipts whose supply does not follow from the one before: none", broken, 0)


def _money_checks(world: World, found: Books, story: Deflation) -> Iterable[Check]:
    """Every DOBO that came to Commission, every dollar that came to the buyback."""
    blocks = world.blocks
    commission, buyback = world["Commission"], world["Buyback"]
    moved = list(books.transfers(found.events, world[DOBO].address))
    came = sum(amount for _, receiver, amount in moved if receiver == commission.address)
    divided = sum(r.burnt + r.dividends + r.shared_out for r in story.receipts)
    left = blocks.read(commission, "unsettled")
    yield Check(
        "Commission: arrived = burnt + dividends + to receivers + left over", came, divided + left
    )
    shared = sum(receipt.shared_out for receipt in story.receipts)
    paid = sum(event["amount"] for event in found.of("Claimed", "Commission"))
    owed = blocks.read(commission, "owed_total")
    yield Check("Commission: to receivers = paid + owed", shared, paid + owed)
    into = sum(
        amount
        for _, receiver, amount in books.transfers(found.events, world[STABLE].address)
        if receiver == buyback.address
    )
    spent = sum(purchase.spent for purchase in story.purchases)
    held = blocks.read(world[STABLE], "balanceOf", buyback.address)
    yield Check(f"Buyback: {STABLE} that came = spent + held", into, spent + held)
    bought = sum(purchase.bought for purchase in story.purchases)
    sent = sum(
        amount
        for sender, receiver, amount in moved
        if sender in found.pairs and receiver == commission.address
    )
    yield Check("Buyback: DOBO bought = DOBO from the pair to Commission", bought, sent)


def _dividend_checks(world: World, found: Books, story: Deflation) -> Iterable[Check]:
    blocks, pool = world.blocks, world["DividendPool"]
    principal, owed, pot, waiting = blocks.read(pool, "books")
    held = blocks.read(world[DOBO], "balanceOf", pool.address)
    in_books = principal + owed + pot + waiting
    yield Check("dividend pool: DOBO held = principal + owed + to be divided", held, in_books)
    staked = sum(p.staked + p.compounded - p.unlocked for p in story.positions)
    yield Check("dividend pool: staked + compounded - unlocked = principal", staked, principal)
    funded = sum(receipt.dividends for receipt in story.receipts)
    taken = sum(p.claimed + p.compounded for p in story.positions)
    yield Check(
        "dividends: by the receipts = taken + owed + to be divided",
        funded,
        taken + owed + pot + waiting,
    )
    yield Check("months divided otherwise than counted anew: none", _misdivided(found, story), 0)
    wrong = sum(not position.is_exact for position in story.positions)
    yield Check("stakes without their exact share, less a unit a claim: none", wrong, 0)


def _misdivided(found: Books, story: Deflation) -> int:
    """Months of which the pool's logs and the count from stakes and receipts do not say the same:
    amount and weight, and whether it was divided.
    """
    said = {
        (event["epoch"], event["amount"], event["weight"], event.name == "EpochClosed")
        for event in found.events
        if event.contract == "DividendPool" and event.name in ("EpochClosed", "CarriedOver")
    }
    counted = {
        (month.number, month.pot or month.waits, month.weight, bool(month.pot))
        for month in story.months
        if month.funded
    }
    return len({number for number, *_ in said ^ counted})
