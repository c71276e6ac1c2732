"""What a keeper sees is what the contracts say, and what it computes is what they would."""

from __future__ import annotations

import pytest
from eth_utils.address import to_checksum_address

from donablock.chain.amounts import NATIVE
from donablock.treasury import keeper
from donablock.treasury.snapshot import BASIS, MAX_WINDOW, MIN_WINDOW, Route, Snapshot, Watcher
from tests.local_chain import DAY, LIQUIDITY, STRANGER, YEAR
from tests.treasury.conftest import (
    BOUNDS,
    CAROL,
    DOBO,
    DOBO_RESERVE,
    FEE,
    HOUR,
    MIN_RESERVE,
    USD,
    USD_RESERVE,
    Market,
)

pytestmark = pytest.mark.anvil


def look(market: Market, **options: bool) -> Snapshot:
    return Watcher(market.world.anyone, **options).look()


def route(market: Market) -> Route:
    (found,) = look(market).routes
    return found


def test_what_is_written_here_is_what_the_contracts_say(market: Market) -> None:
    buyback, commission = market.buyback.functions, market.commission.functions
    assert (buyback.MIN_WINDOW().call(), buyback.MAX_WINDOW().call()) == (MIN_WINDOW, MAX_WINDOW)
    assert buyback.BASIS().call() == commission.BASIS().call() == BASIS
    assert buyback.IDLE().call() == keeper.IDLE
    assert commission.MIN_SETTLEMENT().call() == keeper.MIN_SETTLEMENT
    assert commission.APPLY_TIME().call() == keeper.APPLY_TIME


def test_an_empty_house_is_seen_as_it_is(market: Market) -> None:
    seen = look(market)
    assert (seen.block, seen.now) == (market.world.node.w3.eth.block_number, market.now)
    assert seen.keeper == NATIVE and not seen.is_operator
    assert (seen.unsettled, seen.coin, seen.stray, seen.routes) == (0, 0, 0, ())
    assert (seen.shares.burn, seen.shares.dividends, seen.shares.receivers) == (5_000, 5_000, ())
    assert (seen.proposed, seen.proposal_ready_at, seen.stopped_until) == (None, 0, 0)
    assert seen.operator == market.buyback.functions.operator().call()
    assert seen.wrapped == market.contract("WETH9").address
    assert seen.pool.epoch == market.pool.functions.epoch().call()
    assert seen.in_dobo(10**18) is None, "no route says what the coin is worth"


def test_a_route_is_read_whole(market: Market) -> None:
    market.list_route()
    listed_at = market.now
    market.money(10_000 * USD)
    found = route(market)
    assert found.money.symbol == "USDX" and found.money.address == market.world.token.address
    assert (found.fee, found.min_reserve) == (FEE, MIN_RESERVE)
    assert (found.interval, found.yearly, found.largest_lot, found.slippage) == BOUNDS
    assert (found.observed_at, found.observed_before_at) == (listed_at, 0)
    assert (found.last_purchase_at, found.held) == (listed_at, 10_000 * USD)
    assert (found.money_reserve, found.dobo_reserve) == (USD_RESERVE, DOBO_RESERVE)
    assert (found.most, found.least, found.price) == (0, 0, 0)
    assert found.refusal == "buyback: no price, observe first"
    assert not found.has_price(market.now) and found.has_price(listed_at + MIN_WINDOW)


def test_floor_and_expectation_are_the_contracts_own_numbers(market: Market) -> None:
    market.list_route()
    market.money()
    for dobo in (0, 400_000 * DOBO, 777_777 * DOBO):
        if dobo:
            market.trade(dobo=dobo)
        market.world.node.advance(9 * HOUR)
        found = route(market)
        assert 0 < found.most < BOUNDS[2], "what a year's part has grown to"
        assert found.floor(found.most) == found.least
        pairs = market.contract("UniswapV2Router02").functions
        path = [found.money.address, market.dobo.address]
        for amount in (1, found.most, 10**12):
            assert found.expected(amount) == pairs.getAmountsOut(amount, path).call()[1]


def test_the_depth_bound_is_the_contracts_own(market: Market) -> None:
    wide = (DAY, 100 * USD_RESERVE, USD_RESERVE, 100)
    market.list_route(wide)
    market.money(USD_RESERVE)
    market.world.node.advance(20 * HOUR)
    market.trade(dobo=100_000 * DOBO)
    found = route(market)
    assert found.most == found.depth_bound != 0
    market.world.node.advance(1)
    assert route(market).most < found.most, "it falls by the second while the average does"


def test_a_pair_that_is_too_thin_says_so(market: Market) -> None:
    market.list_route(min_reserve=2 * USD_RESERVE)
    market.world.node.advance(MIN_WINDOW)
    assert route(market).refusal == "buyback: pair is too thin"


def test_routes_come_and_go(market: Market) -> None:
    watcher = Watcher(market.world.anyone)
    assert watcher.look().routes == ()
    market.list_route()
    assert len(watcher.look().routes) == 1
    wrapped = market.coin_pair(10**18, 200_000 * DOBO)
    market.list_route((DAY, 10**18, 10**16, 100), wrapped, min_reserve=1)
    assert [found.money.symbol for found in watcher.look().routes] == ["USDX", "WETH"]
    market.world.through_timelock("Buyback", "unlist_route", market.world.token.address)
    assert [found.money.symbol for found in watcher.look().routes] == ["WETH"]
    market.list_route()
    assert [found.money.symbol for found in watcher.look().routes] == ["USDX", "WETH"]


def test_the_coins_worth_comes_from_its_route(market: Market) -> None:
    wrapped = market.coin_pair(10 * 10**18, 2_000_000 * DOBO)
    market.list_route((DAY, 10**18, 10**16, 100), wrapped, min_reserve=1)
    assert look(market).in_dobo(10**18) is None, "there is no average yet"
    market.world.node.advance(MIN_WINDOW)
    found = look(market).in_dobo(10**18)
    assert found is not None and abs(found - 200_000 * DOBO) < DOBO


def test_what_came_by_itself_is_seen(market: Market) -> None:
    market.arrive(7 * DOBO)
    market.send(LIQUIDITY, market.dobo.functions.transfer(market.buyback.address, 3 * DOBO))
    market.session(STRANGER).send_coin(market.buyback.address, 5)
    seen = look(market)
    assert (seen.unsettled, seen.stray, seen.coin) == (7 * DOBO, 3 * DOBO, 5)


def test_what_receivers_are_owed_is_looked_up_where_it_is_asked_for(market: Market) -> None:
    first, second = market.address(CAROL), market.address(STRANGER)
    for receiver in (first, second):
        market.propose_shares(5_000, 4_000, (receiver, 1_000))
        proposed = look(market)
        assert proposed.proposed is not None
        assert proposed.proposed.receivers == ((to_checksum_address(receiver), 1_000),)
        assert proposed.proposal_ready_at > proposed.now
        market.world.node.advance(7 * DAY)
        market.send(STRANGER, market.commission.functions.apply_shares())
        market.arrive(1_000 * DOBO)
        parts = look(market).shares.parts(1_000 * DOBO)
        market.send(STRANGER, market.commission.functions.settle())
        settled = market.logs("Commission", "Settled")[-1]
        assert parts == tuple(settled[name] for name in ("burnt", "dividends", "shared_out"))
    assert look(market).owed == ()
    assert look(market, with_owed=True).owed == ((first, 100 * DOBO), (second, 100 * DOBO))
    market.send(STRANGER, market.commission.functions.claim(first))
    assert look(market, with_owed=True).owed == ((second, 100 * DOBO),), "also a replaced one"


def test_whether_a_pot_would_be_divided_is_seen(market: Market) -> None:
    market.fund(100 * DOBO)
    assert not look(market).divides, "its month runs"
    market.next_epoch()
    seen = look(market)
    assert seen.pool.pot == 100 * DOBO and not seen.divides, "nobody weighed anything"
    market.stake(LIQUIDITY, 100_000 * DOBO, 12)
    market.next_epoch()
    market.fund(100 * DOBO)
    market.next_epoch()
    assert look(market).divides
    market.send(LIQUIDITY, market.pool.functions.claim(0))
    seen = look(market)
    assert (seen.pool.pot, seen.divides) == (0, False), "a claim has divided it"
    market.world.node.advance(YEAR)
    assert not look(market).divides
