"""Buyback on a real Uniswap V2 with two moneys, beside a log of prices and exact bounds.

BUY-1  spent in any 365 days <= the yearly amount and a month's part of it; and from any moment on,
       no more than had been saved up then and was given since
BUY-2  between purchases of a money at least the interval; by others than the operator after 14 idle
       days; none during a stop, without a route, or without a window of 6 to 48 hours
BUY-3  no purchase above fee * sqrt(k * p), with p the mean of the log
BUY-4  0 <= mean of the log - average price < 2 units of 2**-112; what came is no less than what a
       pair of depth k at p gives less the slippage, times 1 - 1 / sqrt(k), less 3 units
BUY-5  what was bought went to Commission and nowhere else; of DOBO here is only what was sent here
BUY-6  after every call the router may take nothing
BUY-7  of each money, what came in = spent + withdrawn + held; it is withdrawn to the reserve only
"""

from __future__ import annotations

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.models.buyback import (
    BASIS,
    IDLE,
    MAX_WINDOW,
    MIN_WINDOW,
    YEAR,
    Bounds,
    Money,
    Purchase,
)
from tests.contracts.money import COIN, balance, send
from tests.contracts.stateful.counting import NOW, CountedMachine, check_at_length, check_on_py_evm
from tests.contracts.uniswap import Uniswap

HOUR, DAY = 3_600, 86_400
STOP, STOP_INTERVAL = 7 * DAY, 30 * DAY
DOBO, USD = 10**18, 10**6
# what the pairs hold at first: of the money, of DOBO
RESERVES = {"usd": (10**6 * USD, 10**8 * DOBO), "wrapped": (2_000 * DOBO, 10**8 * DOBO)}
FEE = 30
FAR = 2**64

names = st.sampled_from(sorted(RESERVES))
# which of those that can; taken modulo their number
picks = st.integers(0, 2**16 - 1)
# parts of something, in basis points
parts = st.integers(1, BASIS)
intervals = st.sampled_from([600, 600, HOUR, HOUR, MIN_WINDOW, DAY, 3 * DAY, 20 * DAY])
# of the first reserve, in basis points
yearlies = st.sampled_from([0, 10, 100, 1_000, 10_000, 100_000])
lots = st.sampled_from([1, 10, 20, 10_000])
slippages = st.sampled_from([0, 10, 100, 100, 500, 500])
bounds = st.tuples(intervals, yearlies, lots, slippages)


class World:
    """One deployment for all examples."""

    def __init__(self):
        boa.env.timestamp = NOW
        self.timelock, self.reserve = roles.address("timelock"), roles.address("reserve")
        self.guardian, self.operator = roles.address("guardian"), roles.address("operator")
        # whoever trades and provides liquidity
        self.trader = roles.address("trader")
        self.uniswap = Uniswap()
        self.dobo = deployers.DONA_BLOCK.deploy(self.trader)
        wrapped = self.uniswap.wrapped
        # DOBO is the first token of one pair and the second of the other
        is_wrapped_first = int(wrapped.address, 16) < int(self.dobo.address, 16)
        place = ("0xff" if is_wrapped_first else "0x00") + "17" * 19
        usd = deployers.PLAIN_TOKEN.deploy("Stable Dollar", "USDX", 6, override_address=place)
        self.moneys = {"usd": usd, "wrapped": wrapped}
        usd.mint(self.trader, 10**10 * USD, sender=self.trader)
        wrapped.deposit(value=500_000 * DOBO, sender=self.trader)
        self.pool = deployers.DIVIDEND_POOL.deploy(
            self.dobo, self.timelock, self.guardian, self.reserve, 1_000 * DOBO
        )
        self.commission = deployers.COMMISSION.deploy(
            *(self.dobo, self.pool, self.timelock, self.guardian, self.reserve, 7 * DAY),
            (5_000, 5_000, []),
        )
        self.buyback = deployers.BUYBACK.deploy(
            *(self.dobo, self.commission, self.reserve, self.timelock, self.guardian),
            *(self.operator, wrapped),
        )
        self.pairs = {}
        for name, money in self.moneys.items():
            of_money, of_dobo = RESERVES[name]
            self.pairs[name] = self.uniswap.add(money, of_money, self.dobo, of_dobo, self.trader)
        for token in (self.dobo, usd, wrapped):
            token.approve(self.uniswap.router, 2**256 - 1, sender=self.trader)
        for name in self.moneys:
            self.list_route(name, FEE, *first_listing(name))

    def list_route(self, name, fee, min_reserve, bounds):
        given = (bounds.interval, bounds.yearly, bounds.largest_lot, bounds.slippage)
        router = self.uniswap.router
        self.buyback.list_route(
            self.moneys[name], router, fee, min_reserve, given, sender=self.timelock
        )


def first_listing(name):
    """Least reserve and bounds."""
    reserve = RESERVES[name][0]
    return reserve // 2, Bounds(HOUR, 10 * reserve, reserve, 300)


class BuybackMachine(CountedMachine):
    world: World

    @classmethod
    def prepare(cls):
        cls.world = World()

    def __init__(self):
        super().__init__()
        world = self.world
        self.buyback, self.dobo = world.buyback, world.dobo
        self.operator, self.guardian = world.operator, world.guardian
        self.moneys = {}
        for name, reserves in RESERVES.items():
            money = Money([(NOW, *reserves)])
            money.list_route(NOW, FEE, *first_listing(name))
            self.moneys[name] = money
        self.stopped_until = self.next_stop_at = 0
        self.coin = 0
        self.strayed = self.forwarded = 0

    # --- what there is ----------------------------------------------------------------------------

    @property
    def now(self):
        return boa.env.timestamp

    def token(self, name):
        return self.world.moneys[name]

    def pick(self, able, number):
        return able[number % len(able)]

    def listed(self):
        return [name for name, money in self.moneys.items() if money.is_listed]

    def is_open(self):
        return self.now >= self.stopped_until

    def has_price(self, name):
        money = self.moneys[name]
        return money.is_listed and money.since(self.now) is not None

    def is_deep(self, name):
        """None where rounding decides."""
        least, most = self.moneys[name].money_reserve(self.now)
        wanted = self.moneys[name].min_reserve
        return True if least >= wanted else (False if most < wanted else None)

    def could_buy(self, name):
        """All but the interval, the year and the price of this moment."""
        return self.is_open() and self.has_price(name) and self.is_deep(name)

    def spot(self, name, amount):
        """What an amount would bring by the route's fee as the pair stands."""
        money = self.moneys[name]
        _, of_money, of_dobo = money.reserves[-1]
        after_fee = amount * (BASIS - money.fee)
        return after_fee * of_dobo // (of_money * BASIS + after_fee)

    def is_fair(self, name, amount):
        """Whether the pair stands near enough to the average; None where rounding decides."""
        least, most = self.moneys[name].floor(amount, self.now)
        out = self.spot(name, amount)
        return True if out >= most else (False if out < least else None)

    def buyers(self):
        """Moneys that can be spent now."""
        return [
            name
            for name in self.moneys
            if self.could_buy(name)
            and self.now >= self.moneys[name].next_at
            and self.moneys[name].most(self.now)[0] >= 1
        ]

    # --- checks -----------------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost(self):
        world, at = self.world, self.buyback
        for name, money in self.moneys.items():
            token = self.token(name)
            assert balance(token, at) == money.held, f"BUY-7: {name}"
            assert balance(token, world.reserve) == money.withdrawn, f"BUY-7: {name} withdrawn"
            assert token.allowance(at, world.uniswap.router) == 0, f"BUY-6: {name}"
        assert balance(COIN, at) == self.coin, "BUY-7: coin"
        assert balance(self.dobo, at) == self.strayed - self.forwarded, "BUY-5: DOBO stayed"
        bought = sum(money.bought for money in self.moneys.values())
        assert balance(self.dobo, world.commission) == bought + self.forwarded, "BUY-5"

    @invariant()
    def a_purchase_is_offered_within_bounds(self):
        for name in self.moneys:
            self.check_offer(name)

    def check_offer(self, name):
        money, token = self.moneys[name], self.token(name)
        if not self.has_price(name):
            no_price = "buyback: no price, observe first"
            with boa.reverts(no_price if money.is_listed else "buyback: no route"):
                self.buyback.purchase(token)
        elif not self.is_deep(name):
            if self.is_deep(name) is False:
                with boa.reverts("buyback: pair is too thin"):
                    self.buyback.purchase(token)
        else:
            most, least, price = self.buyback.purchase(token)
            lowest, highest = money.most(self.now)
            assert lowest <= most <= highest, "BUY-1, BUY-3: the most that is offered"
            assert money.is_within_the_lot(most, self.now), "BUY-3"
            self.check_price(money, price)
            lowest, highest = money.floor(most, self.now)
            assert lowest <= least <= highest, "BUY-4: floor"

    def check_price(self, money, price):
        lowest, highest = money.price(self.now)
        assert lowest < price <= highest, "BUY-4: average price"

    @initialize(
        money=st.tuples(*(parts for _ in RESERVES)), of_usd=bounds, of_wrapped=bounds, go=picks
    )
    def begin(self, money, of_usd, of_wrapped, go):
        for name, part in zip(RESERVES, money, strict=True):
            self._money_comes(name, part)
        if go % 2:
            self._set_bounds("usd", self.bounds_of("usd", of_usd))
        if go % 3:
            self._set_bounds("wrapped", self.bounds_of("wrapped", of_wrapped))
        self.wait(MIN_WINDOW)

    # --- time -------------------------------------------------------------------------------------

    def wait(self, seconds):
        boa.env.timestamp += max(0, seconds)

    @rule(
        seconds=st.sampled_from([1, 12, 600, HOUR, 5 * HOUR, 12 * HOUR, DAY])
        | st.integers(1, 60 * DAY)
    )
    def wait_a_while(self, seconds):
        self.wait(seconds)

    @precondition(lambda self: self.listed())
    @rule(
        pick=picks,
        edge=st.sampled_from(["interval", "interval", "observation", "oldest", "idle"]),
        offset=st.sampled_from([-1, 0, 1]),
    )
    def wait_for_an_edge(self, pick, edge, offset):
        """To the second: before, at, and after."""
        money = self.moneys[self.pick(self.listed(), pick)]
        edges = {
            "interval": money.next_at,
            "observation": money.seen[-1] + MIN_WINDOW,
            "oldest": (money.since(self.now) or money.seen[-1]) + MAX_WINDOW,
            "idle": money.waits_since + IDLE,
        }
        self.wait(edges[edge] + offset - self.now)

    def wait_for_a_price(self, name, at):
        """Until a second, or until there is a price, with an observation on the way."""
        money = self.moneys[name]
        self.wait(at - MIN_WINDOW - self.now)
        if self.can_observe(name):
            self._observe(name)
        self.wait(at - self.now)
        if not self.has_price(name):
            self.wait(money.seen[-1] + MIN_WINDOW - self.now)

    # --- the exchange -----------------------------------------------------------------------------

    def note(self, name):
        """What the pair holds now, as it says itself."""
        first, second, _ = self.world.pairs[name].getReserves()
        if int(self.dobo.address, 16) < int(self.token(name).address, 16):
            first, second = second, first
        self.moneys[name].reserves.append((self.now, first, second))

    def affordable(self, token, amount):
        return min(amount, balance(token, self.world.trader) // 2)

    @rule(name=names, is_bought=st.booleans(), part=st.sampled_from([1, 10, 40, 300, 5_000]))
    def trade(self, name, is_bought, part):
        self._trade(name, is_bought, part)

    def _trade(self, name, is_bought, part):
        """So much of a reserve goes in, in basis points: from what nobody notices to a half."""
        world = self.world
        _, of_money, of_dobo = self.moneys[name].reserves[-1]
        paid, got = self.token(name), self.dobo
        if not is_bought:
            paid, got = got, paid
        amount = self.affordable(paid, (of_money if is_bought else of_dobo) * part // BASIS)
        path = [paid.address, got.address]
        world.uniswap.router.swapExactTokensForTokens(
            amount, 0, path, world.trader, FAR, sender=world.trader
        )
        self.note(name)

    @rule(name=names, is_more=st.booleans(), part=st.integers(100, 2 * BASIS))
    def liquidity_changes(self, name, is_more, part):
        pair, trader = self.world.pairs[name], self.world.trader
        _, of_money, of_dobo = self.moneys[name].reserves[-1]
        if is_more and of_dobo < 3 * RESERVES[name][1]:
            for token, reserve in ((self.token(name), of_money), (self.dobo, of_dobo)):
                amount = self.affordable(token, reserve * part // BASIS)
                token.transfer(pair, amount, sender=trader)
            pair.mint(trader, sender=trader)
        elif of_money > RESERVES[name][0] // 20:
            # some is left, so that there is a price
            pair.transfer(pair, pair.balanceOf(trader) * part // (4 * BASIS), sender=trader)
            pair.burn(trader, sender=trader)
        self.note(name)

    @rule(name=names, part=st.integers(1, 300), is_counted=st.booleans())
    def a_gift_to_the_pair(self, name, part, is_counted):
        """It counts once somebody lets the pair look."""
        pair, trader = self.world.pairs[name], self.world.trader
        amount = self.moneys[name].reserves[-1][1] * part // BASIS
        self.token(name).transfer(pair, self.affordable(self.token(name), amount), sender=trader)
        if is_counted:
            pair.sync(sender=trader)
            self.note(name)
        else:
            self.nothing_is_lost()
            self.check_offer(name)
            pair.skim(trader, sender=trader)

    # --- observing --------------------------------------------------------------------------------

    def can_observe(self, name):
        money = self.moneys[name]
        return money.is_listed and self.now >= money.seen[-1] + MIN_WINDOW

    def _observe(self, name):
        with self.call("observe"):
            self.buyback.observe(self.token(name), sender=self.world.trader)
        self.moneys[name].seen.append(self.now)

    @precondition(lambda self: any(map(self.can_observe, self.moneys)))
    @rule()
    def observe(self):
        """Spam: whenever it can be done."""
        for name in filter(self.can_observe, self.moneys):
            self._observe(name)

    # --- buying -----------------------------------------------------------------------------------

    @precondition(lambda self: self.buyers())
    @rule(pick=picks, part=parts, is_most=st.booleans())
    def buy(self, pick, part, is_most):
        name = self.pick(self.buyers(), pick)
        most, _, _ = self.buyback.purchase(self.token(name))
        self._buy(name, most if is_most else max(1, most * part // BASIS), self.operator)

    @precondition(lambda self: self.listed())
    @rule(pick=picks, part=parts, days=st.integers(0, 3))
    def buy_as_usual(self, pick, part, days):
        """When the interval is over, to the second, or some days later."""
        name = self.pick(self.listed(), pick)
        next_at = self.moneys[name].next_at
        self.wait_for_a_price(name, next_at + days * DAY - 1)
        if self.now < next_at and self.is_open() and self.may_revert():
            with self.call("buy", reverts="buyback: too soon"):
                self.buyback.buy(self.token(name), 1, FAR, sender=self.operator)
        self.wait(next_at - self.now)
        if name in self.buyers():
            most, _, _ = self.buyback.purchase(self.token(name))
            self._buy(name, max(1, most * part // BASIS), self.operator)

    @precondition(lambda self: self.buyers())
    @rule(pick=picks, is_bought=st.booleans(), part=st.sampled_from([3, 10, 40, 300]))
    def buy_between_two_trades(self, pick, is_bought, part):
        """A sandwich, or what looks like one."""
        name = self.pick(self.buyers(), pick)
        self._trade(name, is_bought, part)
        self.check_offer(name)
        if name in self.buyers():
            most, _, _ = self.buyback.purchase(self.token(name))
            self._buy(name, most, self.operator)
        self._trade(name, not is_bought, part)

    @precondition(lambda self: self.listed())
    @rule(pick=picks, offset=st.sampled_from([-1, 0, 0, 1]))
    def buy_idle(self, pick, offset):
        """Nobody has bought for two weeks; somebody else sees to it."""
        name = self.pick(self.listed(), pick)
        money, token = self.moneys[name], self.token(name)
        self.wait_for_a_price(name, money.waits_since + max(IDLE, money.bounds.interval) + offset)
        if self.now < money.waits_since + IDLE:
            if self.may_revert():
                with self.call("buy_idle", reverts="buyback: operator is not idle"):
                    self.buyback.buy_idle(token, FAR, sender=self.world.trader)
        elif name in self.buyers():
            most, _, _ = self.buyback.purchase(token)
            self._buy(name, most, self.world.trader)

    def _buy(self, name, amount, buyer):
        money, token = self.moneys[name], self.token(name)
        is_fair, is_idle = self.is_fair(name, amount), buyer != self.operator
        call = "buy_idle" if is_idle else "buy"

        def buy():
            if is_idle:
                return self.buyback.buy_idle(token, FAR, sender=buyer)
            return self.buyback.buy(token, amount, self.now, sender=buyer)

        if is_fair is None:
            return
        if is_fair is False:
            if self.may_revert():
                with self.call(call, reverts="buyback: price is too far from the average"):
                    buy()
            return
        lowest, _ = money.floor(amount, self.now)
        assert money.is_within_the_lot(amount, self.now), "BUY-3"
        assert self.is_open() and self.now >= money.next_at, "BUY-2"
        assert not is_idle or self.now >= money.waits_since + IDLE, "BUY-2: not idle"
        before = balance(self.dobo, self.world.commission)
        with self.call(call):
            bought = buy()
        assert bought == balance(self.dobo, self.world.commission) - before, "BUY-5"
        assert bought >= lowest, "BUY-4"
        assert bought >= self.spot(name, amount)
        money.events.append((self.now, Purchase(buyer, amount, bought)))
        assert money.may_spend(self.now)[1] >= 0, "BUY-1: more than was saved up and given"
        assert money.is_within_the_year(self.now), "BUY-1: the year"
        assert self.buyback.last_purchase_at(token) == self.now
        assert self.buyback.next_purchase_at(token) == money.next_at
        self.note(name)

    # --- money ------------------------------------------------------------------------------------

    def _money_comes(self, name, part):
        amount = self.affordable(self.token(name), RESERVES[name][0] * part // BASIS)
        with self.call("transfer"):
            self.token(name).transfer(self.buyback, amount, sender=self.world.trader)
        self.moneys[name].came += amount

    @rule(kind=st.sampled_from(["usd", "wrapped", "coin", "dobo"]), part=parts)
    def money_comes(self, kind, part):
        if kind in self.moneys:
            self._money_comes(kind, part)
        elif kind == "coin":
            with self.call("coin"):
                assert send(self.buyback, part * DOBO // 100, sender=self.world.trader) is None
            self.coin += part * DOBO // 100
        else:
            with self.call("transfer"):
                self.dobo.transfer(self.buyback, part * DOBO, sender=self.world.trader)
            self.strayed += part * DOBO

    @precondition(lambda self: self.coin)
    @rule()
    def wrap(self):
        with self.call("wrap"):
            assert self.buyback.wrap() == self.coin
        self.moneys["wrapped"].came += self.coin
        self.coin = 0

    @precondition(lambda self: self.strayed > self.forwarded)
    @rule()
    def forward_dobo(self):
        with self.call("forward_dobo"):
            assert self.buyback.forward_dobo() == self.strayed - self.forwarded
        self.forwarded = self.strayed

    @rule(kind=st.sampled_from(["usd", "wrapped", "coin"]), part=parts, go=st.integers(0, 3))
    def money_leaves(self, kind, part, go):
        if go != 2:
            return
        if kind == "coin":
            self._withdraw_coin(self.coin * part // BASIS)
        else:
            self._withdraw(kind, self.moneys[kind].held * part // BASIS)

    def _withdraw(self, name, amount):
        with self.call("withdraw"):
            self.buyback.withdraw(self.token(name), amount, sender=self.world.timelock)
        self.moneys[name].withdrawn += amount

    def _withdraw_coin(self, amount):
        before = balance(COIN, self.world.reserve)
        with self.call("withdraw"):
            self.buyback.withdraw(COIN, amount, sender=self.world.timelock)
        assert balance(COIN, self.world.reserve) == before + amount, "BUY-7: coin withdrawn"
        self.coin -= amount

    # --- bounds and routes ------------------------------------------------------------------------

    def bounds_of(self, name, drawn):
        """Amounts are drawn in basis points of the first reserve."""
        interval, yearly, lot, slippage = drawn
        reserve = RESERVES[name][0]
        return Bounds(interval, reserve * yearly // BASIS, reserve * lot // BASIS, slippage)

    def _set_bounds(self, name, bounds):
        with self.call("set_bounds"):
            self.buyback.set_bounds(self.token(name), plain(bounds), sender=self.world.timelock)
        self.moneys[name].events.append((self.now, bounds))
        assert tuple(self.buyback.bounds(self.token(name))) == plain(bounds)

    @precondition(lambda self: self.listed())
    @rule(pick=picks, drawn=bounds, go=st.integers(0, 2))
    def set_bounds(self, pick, drawn, go):
        if not go:
            name = self.pick(self.listed(), pick)
            self._set_bounds(name, self.bounds_of(name, drawn))

    @precondition(lambda self: self.listed())
    @rule(pick=picks, part=parts, fields=st.integers(0, 15), go=st.integers(0, 3))
    def narrow_bounds(self, pick, part, fields, go):
        """Some of the four, by one of the three who may."""
        if go:
            return
        name = self.pick(self.listed(), pick)
        old = self.moneys[name].bounds
        part = BASIS - part // 4
        bounds = Bounds(
            min(YEAR, old.interval * BASIS // part) if fields & 1 else old.interval,
            old.yearly * part // BASIS if fields & 2 else old.yearly,
            old.largest_lot * part // BASIS if fields & 4 else old.largest_lot,
            old.slippage * part // BASIS if fields & 8 else old.slippage,
        )
        sender = (self.operator, self.guardian, self.world.timelock)[pick % 3]
        with self.call("narrow_bounds"):
            self.buyback.narrow_bounds(self.token(name), plain(bounds), sender=sender)
        self.moneys[name].events.append((self.now, bounds))

    @precondition(lambda self: len(self.listed()) == len(self.moneys))
    @rule(name=names, go=st.integers(0, 3))
    def unlist(self, name, go):
        if not go:
            self._unlist(name)

    def _unlist(self, name):
        with self.call("unlist_route"):
            self.buyback.unlist_route(self.token(name), sender=self.world.timelock)
        self.moneys[name].unlist_route(self.now)

    @precondition(lambda self: len(self.listed()) < len(self.moneys))
    @rule(fee=st.sampled_from([FEE, FEE, 35, 100]), drawn=bounds, part=st.integers(1, 5_000))
    def list_again(self, fee, drawn, part):
        """With a fee no lower than the pair's."""
        (name,) = set(self.moneys) - set(self.listed())
        bounds, least = self.bounds_of(name, drawn), RESERVES[name][0] * part // BASIS
        with self.call("list_route"):
            self.world.list_route(name, fee, least, bounds)
        self.moneys[name].list_route(self.now, fee, least, bounds)
        assert self.buyback.next_purchase_at(self.token(name)) == self.now + bounds.interval

    # --- operator and guardian --------------------------------------------------------------------

    @rule(number=st.integers(0, 2), is_guardian=st.booleans(), go=st.integers(0, 2))
    def another_one(self, number, is_guardian, go):
        """Another operator or guardian."""
        account = roles.address(f"operator or guardian {number}")
        if go or account == self.guardian:
            return
        timelock = self.world.timelock
        if is_guardian:
            with self.call("set_guardian"):
                self.buyback.set_guardian(account, sender=timelock)
            self.guardian = account
        else:
            with self.call("set_operator"):
                self.buyback.set_operator(account, sender=timelock)
            self.operator = account

    @precondition(lambda self: self.now >= self.next_stop_at)
    @rule(go=st.integers(0, 3), is_short=st.booleans())
    def stop(self, go, is_short):
        if go != 2:
            return
        with self.call("stop_entries"):
            self.buyback.stop_entries(sender=self.guardian)
        self.stopped_until, self.next_stop_at = self.now + STOP, self.now + STOP_INTERVAL
        self.buy_nothing_now()
        if is_short:
            self.wait(HOUR)
            self._resume()

    def buy_nothing_now(self):
        """During a stop; there are few."""
        with self.call("buy", reverts="buyback: purchases are stopped"):
            self.buyback.buy(self.token("usd"), 1, FAR, sender=self.operator)

    def _resume(self):
        with self.call("resume_entries"):
            self.buyback.resume_entries(sender=self.guardian)
        self.stopped_until = self.now

    @precondition(lambda self: not self.is_open())
    @rule(is_waited_for=st.booleans(), offset=st.sampled_from([-1, 0]))
    def a_stop_ends(self, is_waited_for, offset):
        if is_waited_for:
            self.wait(self.stopped_until + offset - self.now)
            if not self.is_open():
                self.buy_nothing_now()
        else:
            self._resume()

    # --- what is refused --------------------------------------------------------------------------

    @precondition(lambda self: self.may_revert())
    @rule(pick=picks, name=names)
    def refused(self, pick, name):
        """One call that must revert, for its own reason, and change nothing."""
        cases = list(self.bad_calls(name, self.token(name)))
        reason, call, *arguments, how = cases[pick % len(cases)]
        with self.call(call, reverts=reason), boa.env.anchor():
            getattr(self.buyback, call)(*arguments, **how)

    def bad_calls(self, name, token):
        money, far = self.moneys[name], FAR
        me, operator = {"sender": self.world.trader}, {"sender": self.operator}
        timelock = {"sender": self.world.timelock}
        widest = plain(money.bounds)
        yield "buyback: not the operator", "buy", token, 1, far, me
        yield "buyback: deadline is over", "buy", token, 1, self.now - 1, operator
        yield "buyback: not the timelock", "withdraw", token, 1, operator
        yield "buyback: not the timelock", "set_bounds", token, widest, operator
        yield "buyback: not the timelock", "unlist_route", token, operator
        yield "buyback: DOBO goes to Commission", "withdraw", self.dobo, 1, timelock
        yield "buyback: may not narrow", "narrow_bounds", token, widest, me
        yield "guardian: not the guardian", "stop_entries", operator
        if not self.coin:
            yield "buyback: nothing to wrap", "wrap", me
        if self.strayed == self.forwarded:
            yield "buyback: nothing to forward", "forward_dobo", me
        if not self.is_open():
            yield "buyback: purchases are stopped", "buy", token, 1, far, operator
        elif not money.is_listed:
            yield "buyback: no route", "buy", token, 1, far, operator
            yield "buyback: no route", "observe", token, me
        elif self.now < money.next_at:
            yield "buyback: too soon", "buy", token, 1, far, operator
        elif not self.has_price(name):
            yield "buyback: no price, observe first", "buy", token, 1, far, operator
        elif self.is_deep(name) is False:
            yield "buyback: pair is too thin", "buy", token, 1, far, operator
        elif self.is_deep(name):
            yield "buyback: nothing to spend", "buy", token, 0, far, operator
            above = int(money.most(self.now)[1]) + 1
            yield "buyback: more than the bounds allow", "buy", token, above, far, operator
        if money.is_listed:
            wider = (*widest[:2], widest[2] + 1, widest[3])
            yield "buyback: wider than it is", "narrow_bounds", token, wider, operator
            if not self.can_observe(name):
                yield "buyback: observed too recently", "observe", token, me
            if self.now < money.waits_since + IDLE:
                yield "buyback: operator is not idle", "buy_idle", token, far, me

    # --- the end ----------------------------------------------------------------------------------

    def at_the_end(self):
        """What is left leaves: to the reserve, and DOBO to Commission."""
        for name, money in self.moneys.items():
            if money.held:
                self._withdraw(name, money.held)
        if self.coin:
            self._withdraw_coin(self.coin)
        if self.strayed > self.forwarded:
            self.forward_dobo()
        self.nothing_is_lost()
        assert not any(balance(asset, self.buyback) for asset in (self.dobo, COIN))


def plain(bounds):
    return (bounds.interval, bounds.yearly, bounds.largest_lot, bounds.slippage)


# what a run must have done at least once
CALLS = {
    "buy",
    "buy_idle",
    "observe",
    "transfer",
    "coin",
    "wrap",
    "withdraw",
    "forward_dobo",
    "set_bounds",
    "narrow_bounds",
    "unlist_route",
    "list_route",
    "set_operator",
    "set_guardian",
    "stop_entries",
    "resume_entries",
}


@pytest.mark.stateful
def test_buyback_machine():
    check_at_length(BuybackMachine, CALLS)


@pytest.mark.stateful
def test_buyback_machine_on_py_evm():
    check_on_py_evm(BuybackMachine, examples=4)
