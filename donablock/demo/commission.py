"""A year of commission: a service pays it in DOBO and in dollars, the operator buys DOBO with the
dollars, every month is settled, and stakers take their dividends. Then a lock ends.

A month here is an epoch of the dividend pool.
"""

from __future__ import annotations

from collections.abc import Callable

from donablock.demo import gifts
from donablock.demo.acts import HOUR, YEAR, amount_text, days, live_until, through_timelock
from donablock.demo.blocks import Actor
from donablock.demo.gifts import DOBO, STABLE, any_amount
from donablock.demo.market import Exchange
from donablock.demo.world import DAY, MONTH, Staker, World, expect

MONTHS = 12
"""In which commission is paid and settled."""

_GAS_MONEY = 10**18
_PROMOTIONS = 8
# the parts that the first stakers play, whatever the scale
_FIRST, _LONGEST, _QUIET, _LATE, _EXTENDER, _STOPPED = 0, 1, 2, 4, 5, 6
# years, and the month of the stake, of each staker; those after the table begin it anew
_PLANS = (
    *((1, 0), (12, 0), (4, 0), (8, 1), (10, 2), (3, 0), (6, 5), (2, 0), (12, 2), (5, 1)),
    *((1, 0), (7, 3), (9, 4), (11, 6), (12, 3), (2, 6), (4, 7), (8, 8), (3, 9), (6, 10)),
)
# what each does with its dividends
_CLAIM, _COMPOUND, _SELDOM, _LEAVE = "claim", "compound", "claim every third month", "leave"
_HABITS = (
    *(_CLAIM, _COMPOUND, _SELDOM, _CLAIM, _COMPOUND, _COMPOUND, _LEAVE, _SELDOM, _CLAIM, _CLAIM),
)
_BY_PERMIT = 3
# thousandths of DOBO
_STAKE = (400_000_000, 2_400_000_000)
_COMMISSION = (90_000_000, 210_000_000)
# thousandths of the stablecoin, once a month
_DOLLARS = (1_800_000, 2_500_000)
# thousandths of one side of the pair, for each trade of a month
_TRADE = (5, 22)
# in thousandths: how likely a trader sells at the first price, and how much likelier at twice that
_SELLS, _SELLS_HIGHER = 500, 2_000
_ALL = 1_000
_EXTENDED_TO = 9
# days of a month on which a lot is bought
_LOTS = (6, 10, 14, 18)
# smallest units of the stablecoin: less is left for the next month
_LEAST_LOT = 10**7
# of what would be allowed now: the average moves until the block comes
_TREMBLE = 1_000

# what happens in which month, beside the usual
_TOO_SOON, _LATE_STAKE, _HELD_AWAY, _LEFT_EARLY, _STOP, _SHARES, _EXTEND, _IDLE, _PAID = (
    *(1, 2, 3, 4, 5, 6, 7, 9, 10),
)
# basis points, with one receiver
_NEW_SHARES = (4_500, 4_500, 1_000)


class _Year:
    """The year's clock and people. Its first month is the first of the pool that begins after it
    was made.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.pool, self.commission = world["DividendPool"], world["Commission"]
        self.buyback, self.money = world["Buyback"], world[STABLE].address
        self.operator, self.guardian = world.roles["operator"], world.roles["guardian"]
        self.service = Actor("the games")
        self.makers = Actor("makers of the games")
        self.exchange = Exchange(world)
        self.start = world.blocks.read(self.pool, "START")
        self.first = world.blocks.read(self.pool, "epoch") + 1

    def edge(self, month: int) -> int:
        """The first second of a month of the year."""
        return int(self.start + (self.first + month - 1) * MONTH)

    def to(self, month: int, day: int, hour: int = 0) -> None:
        """Wait until so many days and hours after a month's beginning, if that lies ahead."""
        live_until(self.world, self.edge(month) + day * DAY + hour * HOUR)


def pay_and_divide(world: World) -> None:
    """Twelve months: stakes, commission, purchases, settlements, dividends."""
    year = _Year(world)
    _prepare(year)
    for month in range(MONTHS):
        _stake(year, month)
        _pay_commission(year, month)
        _take_dividends(year, month)
        _buy(year, month)
        _settle(year, month)
        _trade(year, month, 25)
        if month == _LATE_STAKE:
            _stake_late(year, month)
        if month in _ASIDE:
            _ASIDE[month](year)
    _take_dividends(year, MONTHS)
    burnt = world.blocks.read(year.commission, "burned_total")
    supply = world.blocks.read(world[DOBO], "totalSupply")
    world.tell(
        "money",
        f"{MONTHS} months of commission are settled",
        f"{amount_text(world, DOBO, burnt)} are burnt for good; {amount_text(world, DOBO, supply)} "
        "exist now.",
    )


def end_a_lock(world: World) -> None:
    """A stake of one year is over, and its principal comes free evenly over a month; a stranger has
    it paid to its owner.
    """
    blocks, pool, staker = world.blocks, world["DividendPool"], world.stakers[_FIRST]
    owner, dobo = staker.actor, world[DOBO]
    place = (owner.address, 0)
    ends_at = blocks.read(pool, "position", *place)[3]
    early = blocks.refusal(world.anyone, pool, "unlock", *place)
    before = blocks.read(dobo, "balanceOf", owner.address)
    live_until(world, ends_at)
    principal, released, *_ = blocks.read(pool, "position", *place)
    for share in (15, 30):
        live_until(world, ends_at + share * DAY)
        blocks.send("principal unlocked", world.anyone, pool, "unlock", *place)
        blocks.mine()
    paid = blocks.read(dobo, "balanceOf", owner.address) - before
    expect(released == 0 and paid == principal, "all of the principal is back after 30 days")
    again = blocks.refusal(world.anyone, pool, "unlock", *place)
    world.tell(
        "money",
        "The first lock ends",
        f"{days(YEAR)} after it began to count, {amount_text(world, DOBO, principal)} come free "
        f"over 30 days, and a passer-by has them paid to their owner. Before the end it was "
        f'refused: "{early}"; once all is paid too: "{again}".',
    )


# --- people ---------------------------------------------------------------------------------------


def _prepare(year: _Year) -> None:
    """Promotions hands DOBO to stakers and to the service."""
    world, blocks = year.world, year.world.blocks
    rich = world.beneficiaries[_PROMOTIONS]
    for number in range(world.scale.stakers):
        term, joins = _PLANS[number % len(_PLANS)]
        amount = any_amount(world, DOBO, *_STAKE)
        by_permit = number % _BY_PERMIT == 1 or number == _LATE
        name = f"staker {number + 1}"
        world.stakers.append(Staker(Actor(name), amount, term, joins, by_permit))
    people = [staker.actor for staker in world.stakers] + [year.service, year.makers]
    blocks.wire.batch(("anvil_setBalance", [one.address, hex(_GAS_MONEY)]) for one in people)
    amounts = {staker.actor: staker.amount for staker in world.stakers}
    amounts[year.service] = MONTHS * _COMMISSION[1] * 10**15
    for actor, amount in amounts.items():
        blocks.send("DOBO transferred", rich, world[DOBO], "transfer", actor.address, amount)
    blocks.mine()
    total = sum(staker.amount for staker in world.stakers)
    world.tell(
        "setup",
        f"{len(world.stakers)} people hold DOBO to stake",
        f"{amount_text(world, DOBO, total)}, out of promotions. Educational games, as yet a plain "
        "account, will pay commission.",
    )


def _stake(year: _Year, month: int) -> None:
    """Those whose month it is."""
    year.to(month, 1)
    for number, staker in enumerate(year.world.stakers):
        if staker.joins == month and number not in (_LATE, _STOPPED):
            _send_stake(year, staker)
    year.world.blocks.mine()


def _send_stake(year: _Year, staker: Staker) -> None:
    world, pool, owner = year.world, year.pool, staker.actor
    if staker.by_permit:
        signature = gifts.permit(world, owner, DOBO, pool, staker.amount)
        words = (staker.amount, staker.term, *signature)
        world.blocks.send("DOBO staked by permit", owner, pool, "stake_with_permit", *words)
        return
    approved = (pool.address, staker.amount)
    world.blocks.send("DOBO approved", owner, world[DOBO], "approve", *approved)
    world.blocks.send("DOBO staked", owner, pool, "stake", staker.amount, staker.term)


def _is_in(year: _Year, staker: Staker) -> bool:
    return bool(year.world.blocks.read(year.pool, "position_count", staker.actor.address))


# --- commission and purchases ---------------------------------------------------------------------


def _pay_commission(year: _Year, month: int) -> None:
    """In DOBO with a reference, and in dollars to the buyback; every fourth month also by a plain
    transfer, as an exchange's withdrawal is one.
    """
    world, blocks, service = year.world, year.world.blocks, year.service
    year.to(month, 2)
    amount = any_amount(world, DOBO, *_COMMISSION)
    plain = amount // 3 if month % 4 == 3 else 0
    target, dobo = year.commission, world[DOBO]
    blocks.send("DOBO approved", service, dobo, "approve", target.address, amount - plain)
    reference = f"games, month {month + 1:02d}".encode("ascii").ljust(32, b"\0")
    words = (amount - plain, reference)
    blocks.send("commission paid with a reference", service, target, "deposit", *words)
    if plain:
        blocks.send("DOBO transferred", service, dobo, "transfer", target.address, plain)
    dollars = any_amount(world, STABLE, *_DOLLARS)
    sent = (year.buyback.address, dollars)
    blocks.send("test dollars minted", world.anyone, world[STABLE], "mint", *sent)
    blocks.mine()
    if month == 0:
        world.tell(
            "money",
            "The games pay their first commission",
            f"{amount_text(world, DOBO, amount)} with a reference of their own, and "
            f"{amount_text(world, STABLE, dollars)} to be spent on DOBO.",
        )


def _trade(year: _Year, month: int, day: int) -> None:
    """Somebody buys, or sells, the likelier the higher the price."""
    world = year.world
    year.to(month, day)
    trader = world.rng.choice(world.traders)
    dollars, dobo = year.exchange.reserves()
    higher = _SELLS_HIGHER * (100 * dollars * 10**12 - dobo) // dobo
    symbol = DOBO if world.rng.randrange(_ALL) < _SELLS + higher else STABLE
    _trade_share(year, trader, symbol, world.rng.randint(*_TRADE))
    world.blocks.mine()


def _trade_share(year: _Year, trader: Actor, symbol: str, share: int) -> int:
    """Pays so many thousandths of the pair's side; how much that is."""
    dollars, dobo = year.exchange.reserves()
    amount = (dollars if symbol == STABLE else dobo) * share // _ALL
    year.exchange.trade(trader, symbol, amount)
    return amount


def _buy(year: _Year, month: int) -> None:
    """Lot after lot, days apart, each after a window over which the price was averaged; people
    trade in between.
    """
    for lot, day in enumerate(_LOTS):
        if month == _IDLE:
            if lot == 0:
                _buy_for_the_operator(year, month, day)
        else:
            _buy_on(year, month, lot, day)
        if lot % 2 == 0:
            _trade(year, month, day + 2)


def _buy_on(year: _Year, month: int, lot: int, day: int) -> None:
    _observe(year, month, day)
    if lot == 2:
        year.to(month, day, 3)
        # a small trade within the window: average and price differ
        person = year.world.traders[month % 2]
        _trade_share(year, person, (STABLE, DOBO)[month % 2], 3)
    year.to(month, day, 6)
    year.world.blocks.mine()
    if month == _HELD_AWAY and lot == 1:
        _hold_price_away(year)
    _buy_lot(year)
    if month == _TOO_SOON and lot == 0:
        _try_too_soon(year)


def _observe(year: _Year, month: int, day: int) -> None:
    world = year.world
    year.to(month, day)
    world.blocks.send("price observed", world.anyone, year.buyback, "observe", year.money)
    world.blocks.mine()


def _buy_lot(year: _Year) -> None:
    blocks = year.world.blocks
    # the observation came in the first block after the window's beginning
    blocks.wait(60)
    most = blocks.read(year.buyback, "purchase", year.money)[0]
    if most < _LEAST_LOT:
        return
    amount = most - most // _TREMBLE
    words = (year.money, amount, blocks.now + HOUR)
    blocks.send("DOBO bought back", year.operator, year.buyback, "buy", *words)
    blocks.mine()


def _try_too_soon(year: _Year) -> None:
    world, blocks = year.world, year.world.blocks
    words = (year.money, 10**6, blocks.now + HOUR)
    soon = blocks.refusal(year.operator, year.buyback, "buy", *words)
    stranger = blocks.refusal(world.anyone, year.buyback, "buy", *words)
    world.tell(
        "refused",
        "The operator buys within bounds",
        f'A second purchase within 12 hours is refused: "{soon}". To anybody else it says: '
        f'"{stranger}".',
    )


def _hold_price_away(year: _Year) -> None:
    """A trader pushes the price up right before a purchase, which is refused, and has to sell for
    less.
    """
    world, blocks = year.world, year.world.blocks
    trader, stable, dobo = world.traders[0], world[STABLE], world[DOBO]
    held = [(token, "balanceOf", (trader.address,)) for token in (stable, dobo)]
    dollars, coins = blocks.read_many(held)
    _trade_share(year, trader, STABLE, 25)
    blocks.mine()
    most = year.world.blocks.read(year.buyback, "purchase", year.money)[0]
    words = (year.money, most // 2, blocks.now + HOUR)
    reason = blocks.refusal(year.operator, year.buyback, "buy", *words)
    bought = blocks.read(dobo, "balanceOf", trader.address) - coins
    year.exchange.trade(trader, DOBO, bought)
    blocks.mine()
    lost = dollars - blocks.read(stable, "balanceOf", trader.address)
    expect(lost > 0, "who holds the price away pays for it")
    world.tell(
        "refused",
        "Somebody holds the price away",
        f"A trader buys {amount_text(world, DOBO, bought)} right before a purchase. It is refused: "
        f'"{reason}". Selling again, the trader has lost {amount_text(world, STABLE, lost)} to '
        "those who keep the pair; then the purchase is made.",
    )


def _buy_for_the_operator(year: _Year, month: int, day: int) -> None:
    """The operator is away for two weeks and more: anybody buys, by the same bounds."""
    world, blocks = year.world, year.world.blocks
    _observe(year, month, day)
    year.to(month, day, 6)
    blocks.wait(60)
    words = (year.money, blocks.now + HOUR)
    blocks.send("DOBO bought back by anybody", world.anyone, year.buyback, "buy_idle", *words)
    blocks.mine()
    reason = blocks.refusal(world.anyone, year.buyback, "buy_idle", *words)
    world.tell(
        "safety",
        "The operator is away",
        "After 14 days without a purchase a passer-by buys, as much as the bounds allow. Once "
        f'more is refused: "{reason}".',
    )


def _settle(year: _Year, month: int) -> None:
    """Anybody divides what has come in."""
    world, blocks = year.world, year.world.blocks
    if month == _SHARES:
        # which settles by itself
        _change_shares(year)
        return
    year.to(month, 21)
    _, _, receivers = blocks.read(year.commission, "shares")
    name = f"commission settled, {'one' if receivers else 'no'} receiver"
    before = blocks.read(world[DOBO], "totalSupply")
    blocks.send(name, world.anyone, year.commission, "settle")
    blocks.mine()
    burnt = before - blocks.read(world[DOBO], "totalSupply")
    expect(burnt > 0, "a settlement lowers the supply")
    if month == 0:
        reason = blocks.refusal(world.anyone, year.commission, "settle")
        world.tell(
            "money",
            "The first commission is settled",
            f"Half of it, {amount_text(world, DOBO, burnt)}, is burnt, half is for the stakers. "
            "Nobody's stake counts yet, so the dividends wait for the next month. Settling again "
            f'is refused: "{reason}".',
        )


def _change_shares(year: _Year) -> None:
    """The timelock gives the makers of the games a tenth, after a delay of its own."""
    world, blocks, commission = year.world, year.world.blocks, year.commission
    burn, dividends, receiver = _NEW_SHARES
    shares = (burn, dividends, [(year.makers.address, receiver)])
    proposal = commission.data("propose_shares", shares)
    what = "a tenth of the commission for those who make the games"
    through_timelock(world, what, [(commission.address, [proposal])])
    reason = blocks.refusal(world.anyone, commission, "apply_shares")
    ready_at = blocks.read(commission, "proposal_ready_at")
    delay = blocks.read(commission, "SHARE_DELAY")
    live_until(world, ready_at)
    blocks.send("shares of commission applied", world.anyone, commission, "apply_shares")
    blocks.mine()
    expect(blocks.read(commission, "shares")[0] == burn, "the new shares are in force")
    world.tell(
        "change",
        "Commission is divided otherwise",
        f"{burn // 100} % burnt, {dividends // 100} % dividends, {receiver // 100} % to one "
        f"receiver, {days(delay)} after it was proposed; what had come in was settled by the old "
        f'shares first. Earlier it was refused: "{reason}".',
    )


# --- dividends ------------------------------------------------------------------------------------


def _take_dividends(year: _Year, month: int) -> None:
    """Of the months that are over: some claim, some compound, some take it every third month, and
    some leave it.
    """
    world, blocks = year.world, year.world.blocks
    year.to(month, 3)
    people = [staker for staker in world.stakers if _is_in(year, staker)]
    asked = [(year.pool, "claimable", (staker.actor.address, 0)) for staker in people]
    due = blocks.read_many(asked)
    for staker, amount in zip(people, due, strict=True):
        if amount:
            _take(year, staker, month)
    blocks.mine()


def _take(year: _Year, staker: Staker, month: int) -> None:
    number, send = year.world.stakers.index(staker), year.world.blocks.send
    habit = _HABITS[number % len(_HABITS)]
    if habit is _COMPOUND:
        send("dividends compounded", staker.actor, year.pool, "compound", 0)
    elif habit is _CLAIM or (habit is _SELDOM and month % 3 == 0):
        send("dividends claimed", staker.actor, year.pool, "claim", 0)


def _stake_late(year: _Year, month: int) -> None:
    """An hour before a month ends, which is too late for that month."""
    world, blocks, pool = year.world, year.world.blocks, year.pool
    staker = world.stakers[_LATE]
    live_until(world, year.edge(month + 1) - HOUR)
    pot = blocks.read(pool, "books")[2]
    _send_stake(year, staker)
    blocks.mine()
    year.to(month + 1, 0, 1)
    place = (staker.actor.address, 0)
    earned = blocks.read(pool, "claimable", *place)
    expect(pot > 0 and earned == 0, "who stakes late gets nothing of the month")
    reason = blocks.refusal(staker.actor, pool, "claim", 0)
    world.tell(
        "refused",
        "A stake an hour before the month's end",
        f"{amount_text(world, DOBO, pot)} are divided an hour later, and of that "
        f"{amount_text(world, DOBO, staker.amount)} earn nothing, for a stake counts from the next "
        f'month on: "{reason}".',
    )


def _try_to_leave(year: _Year) -> None:
    world, blocks, pool = year.world, year.world.blocks, year.pool
    staker = world.stakers[_LONGEST]
    place = (staker.actor.address, 0)
    reason = blocks.refusal(staker.actor, pool, "unlock", *place)
    to_other = blocks.refusal(staker.actor, pool, "unlock_to", 0, world.anyone.address)
    expect(reason == to_other, "a lock holds whoever is to be paid")
    world.tell(
        "refused",
        "Nobody leaves a lock early",
        f"{staker.term} years were chosen. Unlocking after {_LEFT_EARLY} months is refused: "
        f'"{reason}".',
    )


def _stop_stakes(year: _Year) -> None:
    """The guardian stops stakes for a week; dividends are claimed all the same."""
    world, blocks, pool = year.world, year.world.blocks, year.pool
    staker, claimer = world.stakers[_STOPPED], world.stakers[_QUIET]
    blocks.send("stakes stopped", year.guardian, pool, "stop_entries")
    blocks.mine()
    reason = blocks.refusal(staker.actor, pool, "stake", staker.amount, staker.term)
    grown = blocks.refusal(world.stakers[_LONGEST].actor, pool, "compound", 0)
    expect(grown == reason, "what is stopped for stakes is stopped for compounding")
    place = (claimer.actor.address, 0)
    due = blocks.read(pool, "claimable", *place)
    blocks.send("dividends claimed", claimer.actor, pool, "claim", 0)
    blocks.mine()
    expect(due > 0 and blocks.read(pool, "claimable", *place) == 0, "a stop stops no claim")
    again = blocks.refusal(year.guardian, pool, "stop_entries")
    live_until(world, blocks.read(pool, "stopped_until"))
    _send_stake(year, staker)
    blocks.mine()
    world.tell(
        "safety",
        "The guardian stops stakes",
        f'For 7 days a stake is refused: "{reason}". Dividends are claimed meanwhile, '
        f"{amount_text(world, DOBO, due)} by one staker, and to stop again is refused: "
        f'"{again}". Then the newcomer stakes.',
    )


def _extend(year: _Year) -> None:
    world, blocks, pool = year.world, year.world.blocks, year.pool
    staker = world.stakers[_EXTENDER]
    place = (staker.actor.address, 0)
    before = blocks.read(pool, "position", *place)
    reason = blocks.refusal(staker.actor, pool, "extend", 0, 1)
    blocks.send("lock extended", staker.actor, pool, "extend", 0, _EXTENDED_TO)
    blocks.mine()
    after = blocks.read(pool, "position", *place)
    expect(after[6] > 2 * before[6], "a longer lock weighs more")
    world.tell(
        "change",
        "A staker extends its lock",
        f"From {staker.term} years to {_EXTENDED_TO} from now: it weighs "
        f"{after[6] // after[0]} times its principal from next month on, {before[5] // before[0]} "
        f'times before. To shorten it is refused: "{reason}".',
    )


def _pay_receiver(year: _Year) -> None:
    world, blocks, makers = year.world, year.world.blocks, year.makers.address
    owed = blocks.read(year.commission, "owed", makers)
    name = "receiver of commission paid"
    blocks.send(name, world.anyone, year.commission, "claim", makers)
    blocks.mine()
    held = blocks.read(world[DOBO], "balanceOf", makers)
    expect(owed > 0 and held == owed, "a receiver is paid what it is owed")
    world.tell(
        "money",
        "Those who make the games are paid",
        f"{amount_text(world, DOBO, owed)} of the commission since they were named, by a "
        "passer-by's call.",
    )


_ASIDE: dict[int, Callable[[_Year], None]] = {
    _LEFT_EARLY: _try_to_leave,
    _STOP: _stop_stakes,
    _EXTEND: _extend,
    _PAID: _pay_receiver,
}
"""What else happens in a month, at its end."""
