"""What is due and what is not, from a snapshot alone: no chain is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from donablock.chain.amounts import NATIVE, Asset
from donablock.treasury.keeper import GAS, Act, Decision, Duty, Later, Options, decide
from donablock.treasury.snapshot import MAX_WINDOW, MIN_WINDOW, Route, Shares, Snapshot
from donablock.treasury.staking import EPOCH, Pool

NOW = 1_800_000_000
HOUR, DAY = 3_600, 86_400
DOBO, USD = 10**18, 10**6
OPERATOR, STRANGER, GUILD = ("0x" + digit * 40 for digit in "123")
COIN = Asset(NATIVE, "ETH", 18)
TOKEN = Asset("0x" + "a" * 40, "DOBO", 18)  # type: ignore[arg-type]
USDX = Asset("0x" + "b" * 40, "USDX", 6)  # type: ignore[arg-type]
WRAPPED = Asset("0x" + "c" * 40, "WETH", 18)  # type: ignore[arg-type]
GAS_PRICE = 10**9
# 1 DOBO = 0.01 USDX, 1 ETH = 200_000 DOBO
CENT = (USD << 112) // (100 * DOBO)
COIN_PRICE = (1 << 112) // 200_000


def route(**changed: Any) -> Route:
    """A pair of a million dollars, observed a day ago; nothing is there to spend."""
    given = Route(
        money=USDX,
        fee=30,
        min_reserve=500_000 * USD,
        interval=DAY,
        yearly=1_200_000 * USD,
        largest_lot=2_000 * USD,
        slippage=100,
        observed_at=NOW - DAY,
        observed_before_at=NOW - 2 * DAY,
        last_purchase_at=NOW - 2 * DAY,
        held=0,
        money_reserve=1_000_000 * USD,
        dobo_reserve=100_000_000 * DOBO,
        most=0,
        least=0,
        price=CENT,
    )
    return replace(given, **changed)


def rich(**changed: Any) -> Route:
    """The same with 100,000 dollars, of which 2,000 may be spent."""
    return route(**{"held": 100_000 * USD, "most": 2_000 * USD, **changed})


def calm(**changed: Any) -> Snapshot:
    """A moment at which nothing is due."""
    pool = Pool(
        block=100,
        now=NOW,
        start=NOW - 10 * EPOCH - DAY,
        epoch=11,
        rolled_until=11,
        principal=10**6 * DOBO,
        owed=0,
        pot=0,
        waiting=0,
        weight=2 * 10**6 * DOBO,
        min_weight=10**6 * DOBO,
        earned=0,
        epochs=10,
        stopped_until=0,
    )
    given = Snapshot(
        block=100,
        now=NOW,
        gas_price=GAS_PRICE,
        keeper=OPERATOR,  # type: ignore[arg-type]
        coin_asset=COIN,
        dobo=TOKEN,
        pool=pool,
        divides=False,
        unsettled=0,
        shares=Shares(5_000, 5_000, ()),
        proposed=None,
        proposal_ready_at=0,
        owed=(),
        operator=OPERATOR,  # type: ignore[arg-type]
        stopped_until=0,
        wrapped=WRAPPED.address,
        coin=0,
        stray=0,
        routes=(route(),),
    )
    return replace(given, **changed)


def of(decision: Decision, duty: Duty) -> Act | Later:
    """The one thing said about a duty."""
    found = [one for one in (*decision.acts, *decision.later) if one.duty is duty]
    assert len(found) == 1, f"{duty} is decided once"
    return found[0]


def due(seen: Snapshot, duty: Duty, **options: int) -> Act:
    found = of(decide(seen, Options(**options)), duty)
    assert isinstance(found, Act), found
    return found


def later(seen: Snapshot, duty: Duty, words: str, at: int = 0, **options: int) -> Later:
    found = of(decide(seen, Options(**options)), duty)
    assert isinstance(found, Later), found
    assert words in found.why
    assert found.at == at
    return found


def test_nothing_is_due_and_every_duty_says_why() -> None:
    decision = decide(calm(), Options())
    assert decision.acts == ()
    duties = [found.duty for found in decision.later]
    assert duties == [
        Duty.WRAP,
        Duty.FORWARD,
        Duty.BUY,
        Duty.OBSERVE,
        Duty.APPLY,
        Duty.SETTLE,
        Duty.ROLL,
    ]
    assert all(found.why for found in decision.later)
    assert decision.next_at == calm().pool.ends_at


def test_what_is_due_comes_in_the_order_in_which_it_helps() -> None:
    pool = replace(calm().pool, pot=1, rolled_until=10)
    seen = calm(
        coin=10**18, stray=10**6 * DOBO, unsettled=10**6 * DOBO, pool=pool, routes=(rich(),)
    )
    acts = decide(replace(seen, owed=((GUILD, DOBO),)), Options(pay_from=1)).acts  # type: ignore[arg-type]
    assert [act.duty for act in acts] == [
        Duty.WRAP,
        Duty.FORWARD,
        Duty.BUY,
        Duty.SETTLE,
        Duty.PAY,
    ]


# --- coin and DOBO that came to the buyback -----------------------------------------------------


def test_coin_is_wrapped_once_it_is_worth_its_gas() -> None:
    least = 50 * GAS[Duty.WRAP] * GAS_PRICE
    later(calm(), Duty.WRAP, "no ETH is in the buyback")
    later(calm(coin=1), Duty.WRAP, "on it is worth its gas")
    later(calm(coin=least - 1), Duty.WRAP, f"from {COIN.text(least)} on")
    assert due(calm(coin=least), Duty.WRAP).function == "wrap"


def test_dust_of_dobo_is_not_forwarded() -> None:
    later(calm(), Duty.FORWARD, "no DOBO is in the buyback")
    later(calm(stray=1_000 * DOBO - 1), Duty.FORWARD, "from 1_000 DOBO on it is worth its gas")
    assert due(calm(stray=1_000 * DOBO), Duty.FORWARD).function == "forward_dobo"


# --- purchases ----------------------------------------------------------------------------------


def test_the_operator_buys_the_most_that_is_allowed() -> None:
    act = due(calm(routes=(rich(),)), Duty.BUY)
    assert (act.contract, act.function) == ("Buyback", "buy")
    # a few minutes, and no floor of its own: the contract has one
    assert act.arguments == (USDX.address, 2_000 * USD, NOW + 300)
    assert "the bounds allow 2_000 USDX" in act.why
    assert [name for name, _ in act.brings] == ["spends", "brings", "at least"]


def test_a_lot_at_the_pairs_depth_leaves_the_average_room_to_fall() -> None:
    deep = rich(largest_lot=10_000 * USD)
    deep = replace(deep, most=deep.depth_bound)
    amount = due(calm(routes=(deep,)), Duty.BUY).arguments[1]
    assert amount == deep.depth_bound - deep.depth_bound // 1_000
    assert 2_990 * USD < deep.depth_bound <= 3_000 * USD, "0.3 % of the reserve"


def test_others_buy_after_14_idle_days() -> None:
    idle_at = NOW - 14 * DAY
    early = rich(last_purchase_at=idle_at + 1)
    stranger = calm(keeper=STRANGER, routes=(early,))
    later(stranger, Duty.BUY_IDLE, f"the operator, {OPERATOR}, buys", NOW + 1)
    act = due(replace(stranger, routes=(rich(last_purchase_at=idle_at),)), Duty.BUY_IDLE)
    assert (act.function, act.arguments) == ("buy_idle", (USDX.address, NOW + 300))
    assert "has not bought since" in act.why


def test_an_interval_longer_than_14_days_binds_others_too() -> None:
    slow = rich(interval=30 * DAY, last_purchase_at=NOW - 20 * DAY)
    later(calm(keeper=STRANGER, routes=(slow,)), Duty.BUY_IDLE, "anybody may", NOW + 10 * DAY)


@pytest.mark.parametrize(
    ("changed", "words", "at"),
    [
        ({"last_purchase_at": NOW - DAY + 1}, "every 1 day; the last was on", NOW + 1),
        ({"held": 0, "most": 0}, "no USDX is in the buyback", 0),
        ({"yearly": 0, "most": 0}, "its bounds allow nothing", 0),
        ({"largest_lot": 0, "most": 0}, "its bounds allow nothing", 0),
        ({"most": 0}, "has not grown to anything yet", 0),
        ({"most": 9 * USD}, "9 USDX bring about 897.", 0),
        ({"dobo_reserve": 98_000_000 * DOBO}, "the price is too far above the average", 0),
        ({"refusal": "buyback: pair is too thin"}, "less than 500_000 USDX at the average", 0),
        ({"refusal": "something else"}, "something else", 0),
    ],
)
def test_a_purchase_that_is_not_due_says_why(changed: dict[str, Any], words: str, at: int) -> None:
    later(calm(routes=(rich(**changed),)), Duty.BUY, words, at)


def test_a_purchase_waits_for_an_average() -> None:
    none = {"refusal": "buyback: no price, observe first", "price": 0, "most": 0}
    young = rich(observed_at=NOW - HOUR, observed_before_at=0, **none)
    later(calm(routes=(young,)), Duty.BUY, "less than 6 hours old", NOW + 5 * HOUR)
    old = rich(observed_at=NOW - MAX_WINDOW - 1, observed_before_at=0, **none)
    later(calm(routes=(old,)), Duty.BUY, "more than 48 hours old; observe, and buy 6 hours later")
    assert due(calm(routes=(old,)), Duty.OBSERVE).arguments == (USDX.address,)


def test_a_stop_is_waited_for() -> None:
    seen = calm(stopped_until=NOW + 3 * DAY, routes=(rich(),))
    later(seen, Duty.BUY, "the guardian has stopped purchases until", NOW + 3 * DAY)
    later(replace(seen, now=NOW + 3 * DAY - 1), Duty.BUY, "stopped", NOW + 3 * DAY)
    due(replace(seen, now=NOW + 3 * DAY, routes=(rich(observed_at=NOW + 2 * DAY),)), Duty.BUY)


def test_without_a_route_nothing_is_bought() -> None:
    words = "no route is listed; the timelock lists them"
    later(calm(routes=()), Duty.BUY, words)
    later(calm(routes=(), keeper=STRANGER), Duty.BUY_IDLE, words)


def test_each_money_is_decided_by_itself() -> None:
    coin = rich(
        money=WRAPPED,
        min_reserve=1,
        largest_lot=10**18,
        yearly=100 * 10**18,
        held=10**18,
        most=10**17,
        money_reserve=500 * 10**18,
        price=COIN_PRICE,
    )
    acts = decide(calm(routes=(rich(), coin)), Options()).acts
    assert [act.title for act in acts] == ["buy with USDX", "buy with WETH"]


# --- observing ----------------------------------------------------------------------------------


def test_no_purchase_no_observation() -> None:
    old = route(observed_at=NOW - 30 * DAY, refusal="buyback: no price, observe first", price=0)
    later(calm(routes=(old,)), Duty.OBSERVE, "there is nothing worth buying with")
    later(calm(routes=(replace(old, held=USD),)), Duty.OBSERVE, "nothing worth buying with")
    due(calm(routes=(replace(old, held=1_000 * USD),)), Duty.OBSERVE)


def test_coin_that_is_about_to_be_wrapped_counts_as_money() -> None:
    old = route(
        money=WRAPPED,
        money_reserve=500 * 10**18,
        largest_lot=10**18,
        yearly=100 * 10**18,
        observed_at=NOW - 30 * DAY,
        price=0,
        refusal="buyback: no price, observe first",
    )
    later(calm(routes=(old,)), Duty.OBSERVE, "nothing worth buying with")
    due(calm(routes=(old,), coin=10**18), Duty.OBSERVE)


def test_it_observes_a_day_before_a_purchase_and_not_sooner() -> None:
    slow = rich(interval=7 * DAY, last_purchase_at=NOW, observed_at=NOW - DAY)
    at = NOW + 6 * DAY
    words = "a day before is soon enough"
    later(calm(routes=(slow,)), Duty.OBSERVE, words, at)
    later(calm(now=at - 1, routes=(slow,)), Duty.OBSERVE, words, at)
    due(calm(now=at, routes=(slow,)), Duty.OBSERVE)
    fresh = replace(slow, observed_at=at, observed_before_at=NOW - DAY)
    words = "the observations that are there serve until"
    later(calm(now=at + 1, routes=(fresh,)), Duty.OBSERVE, words, at + DAY)


def test_a_purchase_goes_before_an_observation() -> None:
    later(calm(routes=(rich(),)), Duty.OBSERVE, "the purchase above comes first")


def test_others_observe_for_the_purchase_of_an_idle_operator_only() -> None:
    stranger = calm(keeper=STRANGER, routes=(rich(last_purchase_at=NOW),))
    later(stranger, Duty.OBSERVE, "a day before", NOW + 13 * DAY)
    due(replace(stranger, now=NOW + 13 * DAY), Duty.OBSERVE)


def test_it_observes_for_the_end_of_a_stop() -> None:
    seen = calm(stopped_until=NOW + 7 * DAY, routes=(rich(),))
    later(seen, Duty.OBSERVE, "a day before", NOW + 6 * DAY)
    due(replace(seen, now=NOW + 6 * DAY), Duty.OBSERVE)


def test_it_follows_a_price_that_has_left_its_average() -> None:
    off = rich(dobo_reserve=98_000_000 * DOBO, observed_at=NOW - MIN_WINDOW)
    assert "a younger average follows" in due(calm(routes=(off,)), Duty.OBSERVE).why
    young = replace(off, observed_at=NOW - MIN_WINDOW + 1)
    later(calm(routes=(young,)), Duty.OBSERVE, "less than 6 hours old", NOW + 1)


@settings(deadline=None, max_examples=40)
@given(
    interval=st.integers(600, 10 * DAY),
    cadence=st.integers(900, DAY),
    jitter=st.lists(st.integers(0, 600), min_size=8, max_size=8),
)
def test_an_average_is_always_there_and_no_more_than_two_a_day_are_paid_for(
    interval: int, cadence: int, jitter: list[int]
) -> None:
    """Twenty days of a keeper that comes by every `cadence` seconds, or somewhat later."""
    here = rich(interval=interval, last_purchase_at=NOW, observed_at=NOW, observed_before_at=0)
    now, purchases, observations, run = NOW, 0, 0, 0
    while now < NOW + 20 * DAY:
        for _ in range(4):
            has_price = here.has_price(now)
            shown = here if has_price else replace(here, refusal="no price", price=0, most=0)
            acts = decide(calm(now=now, routes=(shown,)), Options()).acts
            if not acts:
                break
            if acts[0].duty is Duty.BUY:
                here = replace(here, last_purchase_at=now)
                purchases += 1
            else:
                assert now >= here.observed_at + MIN_WINDOW, "the contract would refuse it"
                here = replace(here, observed_at=now, observed_before_at=here.observed_at)
                observations += 1
        else:
            raise AssertionError("a keeper comes to rest")
        if now >= here.last_purchase_at + interval and now >= NOW + MIN_WINDOW:
            raise AssertionError(f"a purchase was missed after {now - NOW} s")
        now += cadence + (jitter[run % 8] if cadence + 600 <= DAY else 0)
        run += 1
    assert purchases > 0
    assert observations <= min(purchases, 2 * 20) + 1


# --- what has arrived ---------------------------------------------------------------------------


def test_a_settlement_waits_until_it_is_worth_its_gas() -> None:
    words = "have arrived; worth its gas from 1_000 DOBO on"
    later(calm(), Duty.SETTLE, f"0 DOBO {words}")
    later(calm(unsettled=1_000 * DOBO - 1), Duty.SETTLE, words)
    act = due(calm(unsettled=1_000 * DOBO), Duty.SETTLE)
    assert act.function == "settle"
    assert ("burns", "500 DOBO") in act.brings


def test_where_the_coin_has_a_price_the_threshold_follows_it() -> None:
    coin = route(money=WRAPPED, price=COIN_PRICE)
    least = 50 * GAS[Duty.SETTLE] * GAS_PRICE * 200_000
    seen = calm(routes=(coin,))
    below = later(replace(seen, unsettled=least - DOBO), Duty.SETTLE, "worth its gas from")
    assert f"{least // DOBO:_}" in below.why
    due(replace(seen, unsettled=least + DOBO), Duty.SETTLE)
    later(replace(seen, gas_price=2 * GAS_PRICE, unsettled=least + DOBO), Duty.SETTLE, "worth")
    due(replace(seen, gas_price=0, unsettled=DOBO), Duty.SETTLE)


def test_the_threshold_can_be_chosen_but_not_below_what_the_contract_takes() -> None:
    words = "at --settle-at from 50 DOBO on"
    later(calm(unsettled=49 * DOBO), Duty.SETTLE, words, settle_at=50 * DOBO)
    due(calm(unsettled=50 * DOBO), Duty.SETTLE, settle_at=50 * DOBO)
    later(calm(unsettled=DOBO - 1), Duty.SETTLE, "from 1 DOBO on", settle_at=0)
    due(calm(unsettled=DOBO), Duty.SETTLE, settle_at=0)


def test_a_purchase_that_is_due_is_told_of() -> None:
    later(calm(routes=(rich(),)), Duty.SETTLE, "and a purchase brings more")


def test_a_settlement_says_what_it_brings() -> None:
    shares = Shares(4_000, 5_000, ((GUILD, 1_000),))  # type: ignore[arg-type]
    act = due(calm(unsettled=10_000 * DOBO + 9, shares=shares), Duty.SETTLE)
    parts = dict(act.brings)
    assert parts["divides"] == "10_000.000000000000000009 DOBO"
    assert parts["burns"] == "4_000.000000000000000003 DOBO"
    assert parts["dividends"].startswith("5_000.000000000000000004 DOBO, for the month up to ")
    assert parts["receivers"] == "1_000 DOBO"


def test_shares_are_applied_while_they_can_be() -> None:
    shares = Shares(2_500, 7_500, ())
    ready = calm(proposed=shares, proposal_ready_at=NOW)
    later(calm(), Duty.APPLY, "none are proposed")
    early = replace(ready, proposal_ready_at=NOW + 1)
    later(early, Duty.APPLY, "proposed: 25.00 % burnt, 75.00 % dividends", NOW + 1)
    assert due(ready, Duty.APPLY).function == "apply_shares"
    due(replace(ready, proposal_ready_at=NOW - 30 * DAY + 1), Duty.APPLY)
    lapsed = replace(ready, proposal_ready_at=NOW - 30 * DAY)
    later(lapsed, Duty.APPLY, "lapsed on")


def test_applying_shares_settles_by_itself() -> None:
    ready = calm(proposed=Shares(2_500, 7_500, ()), proposal_ready_at=NOW, unsettled=5_000 * DOBO)
    later(ready, Duty.SETTLE, "applying the shares above settles 5_000 DOBO")
    assert dict(due(ready, Duty.APPLY).brings)["burns"] == "2_500 DOBO", "under the old shares"


# --- dividends ----------------------------------------------------------------------------------


def in_epoch(**changed: Any) -> Pool:
    """The pool with something of an earlier month."""
    return replace(calm().pool, rolled_until=9, **changed)


def test_a_month_that_is_over_is_divided() -> None:
    seen = calm(pool=in_epoch(pot=7 * DOBO), divides=True)
    act = due(seen, Duty.ROLL)
    assert (act.contract, act.function) == ("DividendPool", "roll")
    assert act.brings == (("divides", "7 DOBO of epoch 9"),)


def test_what_waited_rejoins_where_there_is_weight() -> None:
    act = due(calm(pool=in_epoch(waiting=3 * DOBO)), Duty.ROLL)
    assert act.brings == (("rejoins", "3 DOBO, divided when this month is over"),)
    light = in_epoch(waiting=3 * DOBO, pot=DOBO, weight=10**6 * DOBO - 1)
    words = "4 DOBO wait; this month weighs 999_999.999999999999999999 DOBO, and below 1_000_000"
    later(calm(pool=light), Duty.ROLL, words, calm().pool.ends_at)


def test_nothing_is_rolled_where_there_is_nothing() -> None:
    end = calm().pool.ends_at
    later(calm(), Duty.ROLL, "nothing waits", end)
    running = replace(calm().pool, pot=5 * DOBO)
    later(calm(pool=running), Duty.ROLL, "5 DOBO of this month are divided when it is over", end)
    later(calm(pool=in_epoch()), Duty.ROLL, "nothing was funded since the last time")


def test_a_settlement_rolls_by_itself() -> None:
    seen = calm(pool=in_epoch(pot=7 * DOBO), divides=True, unsettled=10**6 * DOBO)
    later(seen, Duty.ROLL, "the dividends of the settlement above do it")
    ready = replace(seen, proposed=Shares(2_500, 7_500, ()), proposal_ready_at=NOW)
    later(ready, Duty.ROLL, "the dividends of the settlement above do it")
    due(replace(ready, unsettled=0), Duty.ROLL)


# --- receivers ----------------------------------------------------------------------------------


def test_receivers_are_paid_where_that_is_asked_for() -> None:
    seen = calm(owed=((GUILD, 100 * DOBO), (STRANGER, 99 * DOBO)))  # type: ignore[arg-type]
    assert not [act for act in decide(seen, Options()).acts if act.duty is Duty.PAY]
    decision = decide(seen, Options(pay_from=100 * DOBO))
    paid = [act for act in decision.acts if act.duty is Duty.PAY]
    assert [(act.function, act.arguments) for act in paid] == [("claim", (GUILD,))]
    waits = [found for found in decision.later if found.duty is Duty.PAY]
    assert [(found.subject, found.why) for found in waits] == [
        (STRANGER, "it is owed 99 DOBO, less than --pay")
    ]
    assert len(decide(seen, Options(pay_from=0)).acts) == 2
