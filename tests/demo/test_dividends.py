"""The dividends counted anew, on stakes small enough to be checked by eye."""

from __future__ import annotations

from fractions import Fraction

import pytest

from donablock.chain.logs import Event
from donablock.demo.dividends import MULTIPLIERS, SHORT, divide, positions

ANN, BOB = "0xann", "0xbob"


def log(name, owner, **args):
    log.number += 1
    args = {"owner": owner, "index": 0} | args
    return Event("DividendPool", name, args, "0xpool", 1, "0x", f"0x{log.number}", 0)


log.number = 0


def staked(owner, amount, term, epoch):
    return log("Staked", owner, amount=amount, term=term, epoch=epoch)


def divided(events, funded, until, min_weight=1):
    stakes = positions(events)
    return stakes, divide(stakes, funded, min_weight, until)


def test_a_stake_weighs_by_the_years_left_from_the_next_month_on():
    (stake,) = positions([staked(ANN, 100, 12, 5)])
    assert stake.weight(4) == stake.weight(5) == 0
    for year, multiplier in enumerate(reversed(MULTIPLIERS)):
        first = 6 + 12 * year
        assert [stake.weight(month) for month in (first, first + 11)] == [100 * multiplier] * 2
    assert stake.weight(6 + 144) == stake.locked(6 + 144) == 0
    assert stake.locked(6 + 143) == 100


def test_a_month_is_divided_by_its_weights():
    # 300 once, 100 twenty times
    (ann, bob), months = divided(
        [staked(ANN, 300, 1, 1), staked(BOB, 100, 12, 1)], {2: 2_300, 4: 23}, 5
    )
    assert [(month.number, month.weight, month.pot) for month in months] == [
        (2, 2_300, 2_300),
        (3, 2_300, 0),
        (4, 2_300, 23),
    ]
    assert (ann.exact, bob.exact) == (303, 2_020)
    assert months[0].locked == 400


def test_who_stakes_in_a_month_gets_nothing_of_it():
    (ann, bob), _ = divided([staked(ANN, 10, 1, 1), staked(BOB, 10, 1, 2)], {2: 100, 3: 100}, 4)
    assert (ann.exact, bob.exact) == (150, 50)


def test_too_little_weight_lets_dividends_wait_for_the_next_that_come():
    events = [staked(ANN, 10, 1, 3)]
    (ann,), months = divided(events, {2: 100, 3: 50, 6: 7}, 8, min_weight=10)
    assert [(m.number, m.pot, m.waits) for m in months] == [
        (2, 0, 100),
        (3, 0, 150),
        # nothing was funded: what waits joins no month by itself
        (4, 0, 150),
        (5, 0, 150),
        (6, 157, 0),
        (7, 0, 0),
    ]
    assert ann.exact == 157
    (ann,), months = divided(events, {2: 100, 6: 7}, 8, min_weight=11)
    assert (ann.exact, months[-1].waits) == (0, 107)


def test_what_is_compounded_counts_from_the_next_month():
    events = [
        staked(ANN, 100, 1, 1),
        staked(BOB, 100, 1, 1),
        log("Compounded", ANN, amount=50, epoch=3),
    ]
    (ann, bob), _ = divided(events, {2: 100, 3: 100, 4: 250}, 5)
    assert [ann.weight(month) for month in (2, 3, 4)] == [100, 100, 150]
    assert (ann.exact, bob.exact) == (50 + 50 + 150, 50 + 50 + 100)
    assert (ann.compounded, ann.got) == (50, 50)


def test_an_extended_lock_weighs_more_from_the_next_month():
    events = [
        staked(ANN, 100, 1, 1),
        log("Compounded", ANN, amount=10, epoch=5),
        log("Extended", ANN, term=3, epoch=5),
    ]
    (ann,) = positions(events)
    assert [ann.weight(month) for month in (5, 6, 17, 18, 41, 42)] == [100, 330, 330, 220, 110, 0]


def test_an_extension_without_dividends_is_a_rounding_too():
    compounded, extended = (
        log("Compounded", ANN, amount=1, epoch=4),
        log("Extended", ANN, term=3, epoch=4),
    )
    together = Event(**{**vars(extended), "transaction": compounded.transaction})
    first = staked(ANN, 100, 1, 1)
    for later in ([extended], [compounded, together]):
        (ann,) = positions([first, *later])
        # the extension, and what is pending
        assert ann.settled == 2
    (ann,) = positions([first, compounded, extended])
    assert ann.settled == 3


def test_the_exact_share_may_be_missed_by_rounding_alone():
    (ann,), _ = divided([staked(ANN, 3, 1, 1), log("Claimed", ANN, amount=5, epoch=3)], {2: 7}, 3)
    assert (ann.exact, ann.settled) == (7, 2)
    for got in range(10):
        ann.claimed, ann.pending = got, 0
        # twice rounded down, each time by a little more than a unit at most
        assert ann.is_exact is (got in (5, 6, 7)), got
    ann.claimed, ann.exact = 5, 7 + 2 * (SHORT - 1)
    assert not ann.is_exact
    ann.exact -= Fraction(1, 2**40)
    assert ann.is_exact


def test_a_log_of_a_stake_that_never_was_is_not_passed_over():
    with pytest.raises(KeyError):
        positions([log("Claimed", ANN, amount=1, epoch=2)])


def test_shares_of_a_month_add_up_to_it():
    events = [staked(f"0x{number}", 10 + number, 1 + number % 12, 1) for number in range(30)]
    stakes, _ = divided(events, {month: 1_000 + month for month in range(2, 90)}, 100)
    # the shortest lock ends in month 14, the longest in 146: nothing waits
    assert sum(stake.exact for stake in stakes) == sum(1_000 + month for month in range(2, 90))
