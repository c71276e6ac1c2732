"""Buyback on a real Uniswap V2: within its bounds, at the average price, and to Commission only."""

from __future__ import annotations

from math import isqrt

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.logs import entry, function_names, logged
from tests.contracts.market import (
    BOUNDS,
    DAY,
    DOBO,
    DOBO_RESERVE,
    FAR,
    FEE,
    HOUR,
    MIN_RESERVE,
    USD,
    USD_RESERVE,
    WINDOW,
    Market,
)
from tests.contracts.money import COIN, balance, change, moves, send

ZERO = "0x" + "00" * 20
MAX_WINDOW, IDLE = 48 * HOUR, 14 * DAY
YEAR = 365 * DAY


@pytest.fixture(scope="module")
def world(timelock, guardian, reserve):
    return Market(timelock, guardian, reserve)


@pytest.fixture
def ready(world):
    return world.ready()


def out(amount, money, dobo, fee=FEE):
    after = amount * (10_000 - fee)
    return after * dobo // (money * 10_000 + after)


# --- construction ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dobo", "buyback: zero dobo"),
        ("commission", "buyback: zero commission"),
        ("reserve", "buyback: zero reserve"),
        ("timelock", "buyback: zero timelock"),
        ("operator", "buyback: zero operator"),
        ("wrapped coin", "buyback: zero wrapped coin"),
    ],
)
def test_a_zero_address_is_refused(world, name, reason):
    with boa.reverts(reason):
        world.deploy(**{name: ZERO})


def test_a_zero_guardian_is_refused(world):
    with boa.reverts("guardian: zero guardian"):
        world.deploy(guardian=ZERO)


def test_the_constructor_fixes_everything(world):
    made = world.buyback
    assert (made.DOBO(), made.COMMISSION()) == (world.dobo.address, world.commission)
    assert (made.RESERVE(), made.TIMELOCK()) == (world.reserve.address, world.timelock)
    assert (made.operator(), made.guardian()) == (world.operator, world.guardian)
    assert made.WRAPPED() == world.uniswap.wrapped.address
    assert (made.MIN_WINDOW(), made.MAX_WINDOW(), made.IDLE()) == (WINDOW, MAX_WINDOW, IDLE)
    assert (made.MIN_INTERVAL(), made.MAX_SLIPPAGE(), made.MAX_FEE()) == (600, 500, 100)
    assert made.BASIS() == 10_000


def test_the_interface_is_this_and_no_more(world):
    assert function_names(world.buyback) == {
        *{"buy", "buy_idle", "observe", "wrap", "forward_dobo", "narrow_bounds"},
        *{"stop_entries", "resume_entries", "guardian", "stopped_until", "next_stop_at"},
        *{"list_route", "unlist_route", "set_bounds", "set_operator", "set_guardian", "withdraw"},
        *{"purchase", "next_purchase_at", "operator", "routes", "bounds", "last_purchase_at"},
        *{"last_observation", "earlier_observation", "MIN_WINDOW", "MAX_WINDOW", "IDLE"},
        *{"MIN_INTERVAL", "BASIS", "MAX_SLIPPAGE", "MAX_FEE", "DOBO", "COMMISSION", "RESERVE"},
        *{"TIMELOCK", "WRAPPED"},
    }


# --- buying ---------------------------------------------------------------------------------------


def test_a_purchase_goes_to_commission(ready):
    world = ready
    most, _, _ = world.buyback.purchase(world.usd)
    accounts = [world.buyback, world.commission, world.operator, world.pair]
    with moves([world.usd, world.dobo], accounts) as moved:
        bought = world.buy(most)
    assert bought == out(most, USD_RESERVE, DOBO_RESERVE)
    assert moved == change(
        (world.usd, world.buyback, -most),
        (world.usd, world.pair, most),
        (world.dobo, world.pair, -bought),
        (world.dobo, world.commission, bought),
    )
    assert world.usd.allowance(world.buyback, world.uniswap.router) == 0
    assert world.buyback.last_purchase_at(world.usd) == boa.env.timestamp


def test_a_purchase_is_logged(ready):
    world = ready
    _, _, price = world.buyback.purchase(world.usd)
    least = out(100 * USD, *average_reserves(world, price)) * 99 // 100
    bought = world.buy(100 * USD)
    (log,) = [log for log in logged(world.buyback) if log[1] == "Bought"]
    assert log == entry(
        world.buyback,
        "Bought",
        money=world.usd,
        buyer=world.operator,
        spent=100 * USD,
        bought=bought,
        least=least,
        average_price=price,
    )


def average_reserves(world, price):
    first, second, _ = world.pair.getReserves()
    depth, root = isqrt(first * second), isqrt(price)
    return depth * root >> 56, (depth << 56) // root


def test_the_price_is_the_average_and_the_lot_the_fee_times_the_reserve(ready):
    world = ready
    most, least, price = world.buyback.purchase(world.usd)
    assert price == (USD_RESERVE << 112) // DOBO_RESERVE
    money, dobo = average_reserves(world, price)
    # rounded down, by less than a millionth
    assert 0 <= USD_RESERVE - money < USD_RESERVE // 10**6
    # 0.3 % of it is 3,000 USD, above the largest lot
    assert most == BOUNDS[2]
    assert least == out(most, money, dobo) * 99 // 100
    wide = (*BOUNDS[:2], 10**6 * USD, BOUNDS[3])
    world.buyback.set_bounds(world.usd, wide, sender=world.timelock)
    most, _, _ = world.buyback.purchase(world.usd)
    assert most == money * FEE // 10_000
    assert world.buy(most) > 0


@pytest.mark.parametrize("which", ["the largest lot", "the fee", "the year", "what is there"])
def test_more_than_a_bound_allows_is_refused(ready, which):
    world = ready
    interval, yearly, lot, slippage = BOUNDS
    if which == "the fee":
        lot = 10**9 * USD
    elif which == "the year":
        yearly = 12 * 1_500 * USD
    elif which == "what is there":
        held = world.usd.balanceOf(world.buyback)
        world.buyback.withdraw(world.usd, held - 700 * USD, sender=world.timelock)
    world.buyback.set_bounds(world.usd, (interval, yearly, lot, slippage), sender=world.timelock)
    most, _, price = world.buyback.purchase(world.usd)
    expected = {
        "the largest lot": 2_000 * USD,
        "the fee": average_reserves(world, price)[0] * FEE // 10_000,
        "the year": 1_500 * USD,
        "what is there": 700 * USD,
    }
    assert most == expected[which]
    with boa.reverts("buyback: more than the bounds allow"):
        world.buy(most + 1)
    world.buy(most)


def test_only_the_operator_buys(ready):
    for sender in (ready.timelock, ready.guardian, roles.address("stranger")):
        with boa.reverts("buyback: not the operator"):
            ready.buy(sender=sender)


def test_nothing_is_bought_for_nothing(ready):
    with boa.reverts("buyback: nothing to spend"):
        ready.buy(0)


def test_a_deadline_is_the_last_second(ready):
    with boa.reverts("buyback: deadline is over"):
        ready.buy(deadline=boa.env.timestamp - 1)
    ready.buy(deadline=boa.env.timestamp)


def test_an_unlisted_money_is_not_spent(ready):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    for money in (other, ready.dobo, ZERO):
        with boa.reverts("buyback: no route"):
            ready.buyback.buy(money, 1, FAR, sender=ready.operator)
        with boa.reverts("buyback: no route"):
            ready.buyback.buy_idle(money, FAR)
        with boa.reverts("buyback: no route"):
            ready.buyback.observe(money)
        with boa.reverts("buyback: no route"):
            ready.buyback.purchase(money)
        with boa.reverts("buyback: no route"):
            ready.buyback.set_bounds(money, BOUNDS, sender=ready.timelock)
        with boa.reverts("buyback: no route"):
            ready.buyback.narrow_bounds(money, BOUNDS, sender=ready.operator)
        with boa.reverts("buyback: no route"):
            ready.buyback.unlist_route(money, sender=ready.timelock)


def test_the_interval_is_kept_to_the_second(ready):
    world = ready
    world.buy()
    at = boa.env.timestamp
    assert world.buyback.next_purchase_at(world.usd) == at + HOUR
    boa.env.timestamp = at + HOUR - 1
    with boa.reverts("buyback: too soon"):
        world.buy()
    boa.env.timestamp = at + HOUR
    world.buy()


def test_the_year_is_kept_by_the_second(ready):
    """What was not spent is saved up for a month, and no longer."""
    world = ready
    yearly = 12_000 * USD
    bounds = (600, yearly, 10**6 * USD, 100)
    world.buyback.set_bounds(world.usd, bounds, sender=world.timelock)
    assert world.buyback.purchase(world.usd)[0] == yearly // 12
    world.buy(yearly // 12)
    assert world.buyback.purchase(world.usd)[0] == 0
    boa.env.timestamp += 600
    assert world.buyback.purchase(world.usd)[0] == yearly * 600 // YEAR
    with boa.reverts("buyback: more than the bounds allow"):
        world.buy(yearly * 600 // YEAR + 1)
    world.buy(yearly * 600 // YEAR)
    assert world.buyback.purchase(world.usd)[0] == 0


# --- the average price ----------------------------------------------------------------------------


def test_no_purchase_before_a_window_is_over(world):
    boa.env.timestamp += WINDOW - 1
    for call in (world.buy, lambda: world.buyback.purchase(world.usd)):
        with boa.reverts("buyback: no price, observe first"):
            call()
    boa.env.timestamp += 1
    world.buyback.purchase(world.usd)


def test_a_window_is_48_hours_at_most(world):
    boa.env.timestamp += MAX_WINDOW
    world.buyback.purchase(world.usd)
    boa.env.timestamp += 1
    with boa.reverts("buyback: no price, observe first"):
        world.buyback.purchase(world.usd)
    world.buyback.observe(world.usd)
    with boa.reverts("buyback: no price, observe first"):
        world.buyback.purchase(world.usd)
    boa.env.timestamp += WINDOW
    world.buyback.purchase(world.usd)


def test_the_average_is_over_time(world):
    """Half the window at 0.01, half at four times that: 0.025."""
    world.usd.mint(world.rich, 10**7 * USD)
    boa.env.timestamp += WINDOW
    # doubling one reserve quadruples the price
    first, second, _ = world.pair.getReserves()
    world.uniswap.swap(world.usd, USD_RESERVE * 10_000 // 9_970, world.dobo, world.rich)
    boa.env.timestamp += WINDOW
    _, _, price = world.buyback.purchase(world.usd)
    low = (USD_RESERVE << 112) // DOBO_RESERVE
    assert abs(2 * price - 5 * low) < low // 50
    assert (first, second) != world.pair.getReserves()[:2]


def test_an_observation_is_taken_only_when_the_last_is_a_window_old(world):
    with boa.reverts("buyback: observed too recently"):
        world.buyback.observe(world.usd)
    listed_at = boa.env.timestamp
    boa.env.timestamp += WINDOW - 1
    with boa.reverts("buyback: observed too recently"):
        world.buyback.observe(world.usd)
    boa.env.timestamp += 1
    world.buyback.observe(world.usd, sender=roles.address("stranger"))
    seen = logged(world.buyback)
    assert world.buyback.earlier_observation(world.usd).at == listed_at
    last = world.buyback.last_observation(world.usd)
    assert last.at == boa.env.timestamp
    assert seen == [
        entry(
            world.buyback,
            "Observed",
            money=world.usd,
            observer=roles.address("stranger"),
            cumulative=last.cumulative,
        )
    ]
    # the new one is too young, the one before old enough
    assert world.buyback.purchase(world.usd)[2] > 0


def test_spam_of_observations_starves_nobody(world):
    """Attack: observe at every first second, so that the window never gets old."""
    boa.env.timestamp += WINDOW
    for _ in range(20):
        world.buyback.observe(world.usd)
        world.buyback.purchase(world.usd)
        for _ in range(3):
            boa.env.timestamp += WINDOW // 4
            with boa.reverts("buyback: observed too recently"):
                world.buyback.observe(world.usd)
            world.buyback.purchase(world.usd)
        boa.env.timestamp += WINDOW // 4


def test_a_price_pushed_for_one_block_moves_nothing(ready):
    world = ready
    _, _, before = world.buyback.purchase(world.usd)
    most, _, _ = world.buyback.purchase(world.usd)
    world.uniswap.swap(world.usd, 200_000 * USD, world.dobo, world.rich)
    after_most, _, after = world.buyback.purchase(world.usd)
    assert (after, after_most) == (before, most)
    with boa.reverts("buyback: price is too far from the average"):
        world.buy(100 * USD)


def test_a_price_pushed_down_for_one_block_is_a_gain(ready):
    """Who sells DOBO into the pair before a purchase gives it away."""
    world = ready
    fair = out(100 * USD, USD_RESERVE, DOBO_RESERVE)
    world.uniswap.swap(world.dobo, 10**7 * DOBO, world.usd, world.rich)
    assert world.buy(100 * USD) > fair


def test_a_thin_pair_is_refused(ready):
    world = ready
    liquidity = world.pair.balanceOf(world.rich)
    world.pair.transfer(world.pair, liquidity * 6 // 10, sender=world.rich)
    world.pair.burn(world.rich, sender=world.rich)
    with boa.reverts("buyback: pair is too thin"):
        world.buyback.purchase(world.usd)
    with boa.reverts("buyback: pair is too thin"):
        world.buy()


def test_a_pushed_price_makes_a_thin_pair_no_deeper(ready):
    """The depth is taken at the average price: tokens pushed in do not count."""
    world = ready
    liquidity = world.pair.balanceOf(world.rich)
    world.pair.transfer(world.pair, liquidity * 6 // 10, sender=world.rich)
    world.pair.burn(world.rich, sender=world.rich)
    world.uniswap.swap(world.usd, 400_000 * USD, world.dobo, world.rich)
    with boa.reverts("buyback: pair is too thin"):
        world.buyback.purchase(world.usd)


def test_at_the_average_price_the_floor_is_met_to_the_unit(world):
    """Reserves of which all roots are whole: with no slippage the pair gives just the least."""
    money = deployers.PLAIN_TOKEN.deploy("Money", "MON", 6)
    of_money, of_dobo = 2**40, 2**80
    money.mint(world.rich, of_money)
    money.mint(world.buyback, of_money)
    world.add(money, of_money, of_dobo)
    bounds = (600, 2**60, 2**60, 0)
    # the pair holds no more than the least it must
    world.list_route(money=money, min_reserve=of_money, bounds=bounds)
    boa.env.timestamp += WINDOW
    most, least, price = world.buyback.purchase(money)
    assert (price, most) == (2**112 // 2**40, of_money * FEE // 10_000)
    assert least == out(most, of_money, of_dobo)
    assert world.buyback.buy(money, most, FAR, sender=world.operator) == least


@pytest.mark.parametrize("is_dobo_first", [True, False])
def test_dobo_may_be_either_token_of_the_pair(world, is_dobo_first):
    """The order is that of the addresses."""
    place = ("0xff" if is_dobo_first else "0x00") + "17" * 19
    money = deployers.PLAIN_TOKEN.deploy("Money", "MON", 6, override_address=place)
    money.mint(world.rich, 2 * USD_RESERVE)
    money.mint(world.buyback, 10**6 * USD)
    pair = world.add(money, USD_RESERVE, 10**6 * DOBO)
    world.list_route(money=money)
    assert world.buyback.routes(money).is_dobo_first == is_dobo_first
    boa.env.timestamp += WINDOW
    prices = [(USD_RESERVE << 112) // (10**6 * DOBO)]
    assert world.buyback.purchase(money)[2] == prices[0]
    # the pair counts as often as it is traded on
    for _ in range(2):
        world.uniswap.swap(money, USD_RESERVE // 1_000, world.dobo, world.rich)
        of_dobo, of_money = pair.getReserves()[:2][:: 1 if is_dobo_first else -1]
        prices.append((of_money << 112) // of_dobo)
        boa.env.timestamp += WINDOW
    assert world.buyback.purchase(money)[2] == sum(prices) // 3
    bought = world.buyback.buy(money, 10 * USD, FAR, sender=world.operator)
    assert bought == out(10 * USD, of_money, of_dobo)


# --- routers that lie -----------------------------------------------------------------------------


@pytest.fixture
def lying(ready):
    """The same pair, by a router that does what it is told."""
    world = ready
    router = deployers.ODD_ROUTER.deploy(world.uniswap.factory.address)
    world.dobo.transfer(router, 10**7 * DOBO, sender=world.rich)
    world.buyback.unlist_route(world.usd, sender=world.timelock)
    world.list_route(router=router)
    boa.env.timestamp += DAY
    return world, router


def test_a_router_that_gives_less_than_it_says(lying):
    world, router = lying
    bought = world.buy()
    router.set(2**256 - 1, bought - 1)
    boa.env.timestamp += HOUR
    with boa.reverts("buyback: bought too little"):
        world.buy()
    router.set(2**256 - 1, 0)
    with boa.reverts("buyback: bought too little"):
        world.buy()


def test_a_router_that_takes_less_than_it_was_allowed(lying):
    world, router = lying
    router.set(100 * USD - 1, 2**256 - 1)
    with boa.reverts("buyback: router kept an approval"):
        world.buy(100 * USD)
    assert world.usd.allowance(world.buyback, router) == 0


def test_a_router_that_hands_some_back(lying):
    """All was taken, as approved, and yet another sum is gone."""
    world, router = lying
    router.set_refund(1)
    with boa.reverts("buyback: router took another amount"):
        world.buy()


# --- idle -----------------------------------------------------------------------------------------


def test_after_14_days_anybody_buys_to_the_second(ready):
    world = ready
    world.buy()
    at = boa.env.timestamp
    stranger = roles.address("stranger")
    boa.env.timestamp = at + IDLE - WINDOW
    world.buyback.observe(world.usd)
    boa.env.timestamp = at + IDLE - 1
    with boa.reverts("buyback: operator is not idle"):
        world.buyback.buy_idle(world.usd, FAR, sender=stranger)
    boa.env.timestamp = at + IDLE
    most, _, _ = world.buyback.purchase(world.usd)
    with moves([world.usd], [world.buyback]) as moved:
        world.buyback.buy_idle(world.usd, FAR, sender=stranger)
    # as much as the bounds allow: nobody can fill the interval with dust
    assert moved == change((world.usd, world.buyback, -most))
    with boa.reverts("buyback: operator is not idle"):
        world.buyback.buy_idle(world.usd, FAR, sender=stranger)


def test_a_new_route_is_not_idle(world):
    boa.env.timestamp += IDLE - 1
    with boa.reverts("buyback: operator is not idle"):
        world.buyback.buy_idle(world.usd, FAR)


# --- bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["operator", "guardian", "timelock"])
def test_three_may_narrow_at_once(world, who):
    narrow = (2 * HOUR, 1_000 * USD, 10 * USD, 50)
    account = getattr(world, who)
    world.buyback.narrow_bounds(world.usd, narrow, sender=account)
    seen = logged(world.buyback)
    assert tuple(world.buyback.bounds(world.usd)) == narrow
    assert seen == [
        entry(
            world.buyback,
            "BoundsChanged",
            money=world.usd,
            changed_by=account,
            interval=narrow[0],
            yearly=narrow[1],
            largest_lot=narrow[2],
            slippage=narrow[3],
        )
    ]
    # the same again is narrow enough
    world.buyback.narrow_bounds(world.usd, narrow, sender=account)


def test_nobody_else_may_narrow(world):
    with boa.reverts("buyback: may not narrow"):
        world.buyback.narrow_bounds(world.usd, BOUNDS, sender=roles.address("stranger"))


@pytest.mark.parametrize(("field", "by"), [(0, -1), (1, 1), (2, 1), (3, 1)])
def test_wider_is_not_narrower(world, field, by):
    wider = list(BOUNDS)
    wider[field] += by
    for sender in (world.operator, world.guardian, world.timelock):
        with boa.reverts("buyback: wider than it is"):
            world.buyback.narrow_bounds(world.usd, tuple(wider), sender=sender)
    with boa.reverts("buyback: not the timelock"):
        world.buyback.set_bounds(world.usd, tuple(wider), sender=world.operator)
    world.buyback.set_bounds(world.usd, tuple(wider), sender=world.timelock)
    assert tuple(world.buyback.bounds(world.usd)) == tuple(wider)


def test_what_was_saved_up_is_not_raised_with_the_rate(ready):
    world = ready
    world.buyback.set_bounds(world.usd, (600, 0, 10**6 * USD, 100), sender=world.timelock)
    assert world.buyback.purchase(world.usd)[0] == 0
    boa.env.timestamp += DAY
    # while nothing was allowed, nothing was saved up
    yearly = 12_000 * USD
    bounds = (600, yearly, 10**6 * USD, 100)
    world.buyback.set_bounds(world.usd, bounds, sender=world.timelock)
    assert world.buyback.purchase(world.usd)[0] == 0
    boa.env.timestamp += HOUR
    saved = yearly * HOUR // YEAR
    assert world.buyback.purchase(world.usd)[0] == saved
    # what was saved up at the old rate stays, and grows at the new one
    bounds = (600, 100 * yearly, 10**6 * USD, 100)
    world.buyback.set_bounds(world.usd, bounds, sender=world.timelock)
    assert world.buyback.purchase(world.usd)[0] == saved
    boa.env.timestamp += 60
    assert world.buyback.purchase(world.usd)[0] == saved + 100 * yearly * 60 // YEAR


BAD_BOUNDS = {
    "buyback: interval is 10 minutes to a year": [(599, 1, 1, 1), (YEAR + 1, 1, 1, 1)],
    "buyback: slippage above 5 %": [(600, 1, 1, 501), (600, 1, 1, 2**256 - 1)],
    "buyback: yearly amount too large": [(600, 2**128, 1, 1)],
}


@pytest.mark.parametrize(
    ("reason", "bounds"), [(reason, b) for reason, all_ in BAD_BOUNDS.items() for b in all_]
)
def test_bad_bounds_are_refused(world, reason, bounds):
    with boa.reverts(reason):
        world.buyback.set_bounds(world.usd, bounds, sender=world.timelock)
    world.buyback.unlist_route(world.usd, sender=world.timelock)
    with boa.reverts(reason):
        world.list_route(bounds=bounds)


def test_the_widest_bounds_are_taken(world):
    for bounds in [(600, 2**128 - 1, 2**256 - 1, 500), (YEAR, 0, 0, 0)]:
        world.buyback.set_bounds(world.usd, bounds, sender=world.timelock)
        assert tuple(world.buyback.bounds(world.usd)) == bounds


# --- routes ---------------------------------------------------------------------------------------


def test_a_route_is_what_the_factory_says(world):
    route = world.buyback.routes(world.usd)
    assert (route.pair, route.router) == (world.pair.address, world.uniswap.router.address)
    assert (route.fee, route.min_reserve) == (FEE, MIN_RESERVE)
    assert route.is_dobo_first == (world.pair.token0() == world.dobo.address)


def test_listing_is_logged(world):
    world.buyback.unlist_route(world.usd, sender=world.timelock)
    assert logged(world.buyback) == [entry(world.buyback, "RouteUnlisted", money=world.usd)]
    world.list_route()
    listed, bounds, observed = logged(world.buyback)
    assert listed == entry(
        world.buyback,
        "RouteListed",
        money=world.usd,
        pair=world.pair,
        router=world.uniswap.router,
        fee=FEE,
        min_reserve=MIN_RESERVE,
    )
    assert (bounds[1], observed[1]) == ("BoundsChanged", "Observed")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sender": "operator"}, "buyback: not the timelock"),
        ({"money": "dobo"}, "buyback: DOBO is not spent"),
        ({}, "buyback: already listed"),
        ({"money": "other", "fee": 0}, "buyback: fee is 1 to 100 basis points"),
        ({"money": "other", "fee": 101}, "buyback: fee is 1 to 100 basis points"),
        ({"money": "other", "min_reserve": 0}, "buyback: minimum reserve is zero"),
        ({"money": "other"}, "buyback: no pair"),
        ({"money": "empty"}, "buyback: pair is empty"),
    ],
)
def test_a_bad_route_is_refused(world, changed, reason):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    empty = deployers.PLAIN_TOKEN.deploy("Empty", "EMP", 6)
    world.uniswap.pair(empty, world.dobo)
    named = {"operator": world.operator, "dobo": world.dobo, "other": other, "empty": empty}
    changed = {
        name: named[value] if isinstance(value, str) else value for name, value in changed.items()
    }
    with boa.reverts(reason):
        world.list_route(**changed)


def test_only_the_timelock_unlists(world):
    for sender in (world.operator, world.guardian, roles.address("stranger")):
        with boa.reverts("buyback: not the timelock"):
            world.buyback.unlist_route(world.usd, sender=sender)
    assert world.buyback.routes(world.usd).pair == world.pair.address


def test_without_a_route_it_says_so_first(ready):
    """Whatever else would be refused: the purchase was a moment ago, and nobody is idle."""
    world = ready
    world.buy()
    world.buyback.unlist_route(world.usd, sender=world.timelock)
    with boa.reverts("buyback: no route"):
        world.buy()
    with boa.reverts("buyback: no route"):
        world.buyback.buy_idle(world.usd, FAR)


def test_the_highest_fee_is_taken(world):
    world.buyback.unlist_route(world.usd, sender=world.timelock)
    world.list_route(fee=100)
    world.buyback.unlist_route(world.usd, sender=world.timelock)
    world.list_route(fee=1, min_reserve=1)


def test_a_route_listed_again_starts_anew(ready):
    world = ready
    world.buyback.unlist_route(world.usd, sender=world.timelock)
    with boa.reverts("buyback: no route"):
        world.buy()
    world.list_route()
    boa.env.timestamp += HOUR
    with boa.reverts("buyback: no price, observe first"):
        world.buy()
    assert world.buyback.earlier_observation(world.usd).at == 0
    boa.env.timestamp += WINDOW - HOUR
    # saved up since the listing, not since before
    most, _, _ = world.buyback.purchase(world.usd)
    assert most == BOUNDS[1] * WINDOW // YEAR


# --- the rest -------------------------------------------------------------------------------------


def test_the_guardian_stops_purchases_for_seven_days(ready):
    world = ready
    with boa.reverts("guardian: not the guardian"):
        world.buyback.stop_entries(sender=world.operator)
    world.buyback.stop_entries(sender=world.guardian)
    until = world.buyback.stopped_until()
    with boa.reverts("buyback: purchases are stopped"):
        world.buy()
    # observing goes on, and so does what leaves
    boa.env.timestamp = until - WINDOW
    world.buyback.observe(world.usd)
    world.buyback.withdraw(world.usd, 1, sender=world.timelock)
    boa.env.timestamp = until - 1
    with boa.reverts("buyback: purchases are stopped"):
        world.buy()
    boa.env.timestamp = until
    world.buy()


def test_the_guardian_ends_a_stop(ready):
    ready.buyback.stop_entries(sender=ready.guardian)
    ready.buyback.resume_entries(sender=ready.guardian)
    ready.buy()


def test_coin_is_wrapped_and_spent(world):
    wrapped = world.uniswap.wrapped
    wrapped.deposit(value=1_000 * DOBO, sender=world.rich)
    world.add(wrapped, 1_000 * DOBO, 10**6 * DOBO)
    with boa.reverts("buyback: nothing to wrap"):
        world.buyback.wrap()
    assert send(world.buyback, 5 * DOBO, sender=roles.address("donor")) is None
    refused = send(world.buyback, 5, sender=roles.address("donor"), data=b"1234")
    assert refused == "buyback: unknown function"
    assert world.buyback.wrap(sender=roles.address("stranger")) == 5 * DOBO
    assert balance(COIN, world.buyback) == 0
    assert wrapped.balanceOf(world.buyback) == 5 * DOBO
    bounds = (600, 12 * YEAR * DOBO, 10 * DOBO, 100)
    world.list_route(money=wrapped, min_reserve=DOBO, bounds=bounds)
    boa.env.timestamp += WINDOW
    most, _, _ = world.buyback.purchase(wrapped)
    # 0.3 % of the reserve
    assert 0 <= 3 * DOBO - most < 10**13
    assert world.buyback.buy(wrapped, most, FAR, sender=world.operator) > 0


def test_dobo_that_strayed_here_goes_to_commission(world):
    with boa.reverts("buyback: nothing to forward"):
        world.buyback.forward_dobo()
    world.dobo.transfer(world.buyback, 7, sender=world.rich)
    with boa.reverts("buyback: DOBO goes to Commission"):
        world.buyback.withdraw(world.dobo, 7, sender=world.timelock)
    with moves([world.dobo], [world.buyback, world.commission]) as moved:
        assert world.buyback.forward_dobo(sender=roles.address("stranger")) == 7
    assert moved == change((world.dobo, world.buyback, -7), (world.dobo, world.commission, 7))
    assert entry(world.buyback, "Forwarded", amount=7) in logged(world.buyback)


def test_unspent_money_leaves_by_the_timelock_to_the_reserve(world):
    for sender in (world.operator, world.guardian):
        with boa.reverts("buyback: not the timelock"):
            world.buyback.withdraw(world.usd, 1, sender=sender)
    with moves([world.usd], [world.buyback, world.reserve]) as moved:
        world.buyback.withdraw(world.usd, 9, sender=world.timelock)
    assert moved == change((world.usd, world.buyback, -9), (world.usd, world.reserve, 9))
    withdrawn = entry(world.buyback, "Withdrawn", asset=world.usd, amount=9)
    assert withdrawn in logged(world.buyback)
    assert send(world.buyback, 5, sender=roles.address("donor")) is None
    with moves([COIN], [world.buyback, world.reserve]) as moved:
        world.buyback.withdraw(ZERO, 5, sender=world.timelock)
    assert moved == change((COIN, world.buyback, -5), (COIN, world.reserve, 5))


def test_another_operator_takes_over(ready):
    world = ready
    stranger = roles.address("stranger")
    for sender in (world.operator, world.guardian):
        with boa.reverts("buyback: not the timelock"):
            world.buyback.set_operator(stranger, sender=sender)
    with boa.reverts("buyback: zero operator"):
        world.buyback.set_operator(ZERO, sender=world.timelock)
    world.buyback.set_operator(stranger, sender=world.timelock)
    assert logged(world.buyback) == [entry(world.buyback, "OperatorChanged", operator=stranger)]
    with boa.reverts("buyback: not the operator"):
        world.buy()
    world.buy(sender=stranger)


def test_another_guardian_takes_over(world):
    stranger = roles.address("stranger")
    with boa.reverts("buyback: not the timelock"):
        world.buyback.set_guardian(stranger, sender=world.guardian)
    with boa.reverts("guardian: zero guardian"):
        world.buyback.set_guardian(ZERO, sender=world.timelock)
    world.buyback.set_guardian(stranger, sender=world.timelock)
    world.buyback.stop_entries(sender=stranger)
