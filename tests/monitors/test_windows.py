"""Windowed conditions: how they are read, and that they fire as a recomputation from the whole list
says, whatever blocks were taken back in between."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.errors import ConditionError
from donablock.monitors.categories import erc20, erc721
from donablock.monitors.conditions import Expression, Schema, SchemaField, bytes_of
from donablock.monitors.index import Index
from donablock.monitors.matching import Tally, match_block
from donablock.monitors.window_text import read_window
from donablock.monitors.windows import (
    Entry,
    Firing,
    State,
    Window,
    advance,
    beginnings,
    entries_of,
    forget,
    leaving,
    level,
    retract,
)
from tests.monitors.chain import (
    DONOR,
    PAYEE,
    STRANGER,
    block,
    monitor,
    transaction,
)
from tests.monitors.chain import erc20 as moved
from tests.monitors.trees import SCHEMA, random_cases

TOKENS = erc20.schema({"USDC": 6})


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, canonical",
    [
        (
            "sum(value) over 1 hour >= 100 USDC",
            "sum(value) over 3600 seconds >= 100000000",
        ),
        (
            "sum(value // 2) over 0.5 hours by address > 5",
            "sum(value // 2) over 1800 seconds by address > 5",
        ),
        ("count over 10 minutes by from < 3", "count over 600 seconds by from < 3"),
        ("count over 1 day <= 2", "count over 86400 seconds <= 2"),
        (
            "distinct(from) over 1 week by contract >= 3",
            "distinct(from) over 604800 seconds by contract >= 3",
        ),
        (
            "count over 90 seconds by value // 10 > 1",
            "count over 90 seconds by value // 10 > 1",
        ),
        ("none for 2 hours", "none for 7200 seconds"),
        ("none for 31 days by address", "none for 2678400 seconds by address"),
    ],
)
def test_reading(text: str, canonical: str) -> None:
    window = read_window(text, TOKENS)
    assert window.text == canonical
    assert read_window(canonical, TOKENS).text == canonical


@pytest.mark.parametrize(
    "text, position, found, expected, mend",
    [
        ("", 0, "the end", "sum(...), count, distinct(...) or none", "write it like"),
        ("sun(value) over 1 hour > 1", 0, "`sun`", "sum(...), count", "did you mean `sum`?"),
        ("value > 1", 0, "`value`", "sum(...), count", "write it like"),
        ("sum value over 1 hour > 1", 4, "`value`", "`(`", "write it like"),
        ("sum(from) over 1 hour > 1", 4, "an address", "a number", "only numbers are added"),
        ("sum(5) over 1 hour > 1", 4, "`5`", "a field", "with `count`"),
        (
            "sum(value * value) over 1 hour > 1",
            4,
            "`value * value`",
            "a number of at most 78 digits",
            "the field itself",
        ),
        ("sum(vlaue) over 1 hour > 1", 4, "`vlaue`", "a field", "did you mean `value`?"),
        ("count for 1 hour > 1", 6, "`for`", "`over`", "write it like"),
        ("none over 1 hour", 5, "`over`", "`for`", "write it like"),
        ("count over 100 > 1", 11, "`100`", "a time", "10 minutes"),
        ("count over 1 ether > 1", 11, "`1 ether`", "a time", "10 minutes"),
        ("count over value > 1", 11, "`value`", "a time", "10 minutes"),
        ("count over 32 days > 1", 11, "`32 days`", "1 second to 31 days", "shorter"),
        ("count over 0 seconds > 1", 11, "`0 seconds`", "1 second to 31 days", "longer"),
        ("count over 1 hour by 5 > 1", 21, "`5`", "a field, or `address`", "leave `by` out"),
        ("count over 1 hour", 17, "the end", "<, <=, > or >=", "write it like"),
        ("count over 1 hour == 1", 18, "`==`", "<, <=, > or >=", "write it like"),
        ("count over 1 hour > value", 20, "`value`", "a written number", "write it like"),
        ("count over 1 hour > 'a'", 20, "a string", "a written number", "write it like"),
        ("count over 1 hour > 1 or true", 22, "`or`", "an operator, or the end", "join"),
        ("count over 1 hour >= 0", 18, "always true", "may be true or false", "below zero"),
        ("count over 1 hour < 0", 18, "never true", "may be true or false", "below zero"),
        ("sum(value) over 1 hour > -1", 23, "always true", "may be true", "below zero"),
        (
            "none for 1 hour by from",
            23,
            "the end",
            "the end, or `by address`",
            "watched addresses only",
        ),
        ("none for 1 hour > 1", 16, "`>`", "an operator, or the end", "join"),
    ],
)
def test_faults(text: str, position: int, found: str, expected: str, mend: str) -> None:
    with pytest.raises(ConditionError) as caught:
        read_window(text, TOKENS)
    fault = caught.value
    assert fault.position == position, str(fault)
    assert found in fault.found
    assert expected in fault.expected
    assert mend in fault.mend


def test_what_is_long_neither_groups_nor_is_told_apart() -> None:
    for text in ("distinct(memo) over 1 hour > 1", "count over 1 hour by memo > 1"):
        with pytest.raises(ConditionError, match="may be of any length"):
            read_window(text, SCHEMA)
    read_window("distinct(root) over 1 hour by selector > 1", SCHEMA)


def test_a_sum_that_can_fall_may_be_compared_with_anything() -> None:
    assert read_window("sum(tick) over 1 hour < 0", SCHEMA).threshold == 0
    with pytest.raises(ConditionError, match="never above zero"):
        read_window("sum(tick % -5) over 1 hour > 0", SCHEMA)


@random_cases(300)
@given(
    st.lists(
        st.sampled_from(
            ["sum(", "count", "distinct(", "none", "value", ")", "over", "for", "1 hour", "by"]
            + ["address", "from", ">", ">=", "5", "and", "(", "'", "\0", "."]
        ),
        max_size=12,
    )
)
def test_any_words_are_a_window_or_a_condition_error(words: list[str]) -> None:
    text = " ".join(words)
    try:
        window = read_window(text, TOKENS)
    except ConditionError as error:
        assert all((error.found, error.expected, error.mend))
    else:
        assert read_window(window.text, TOKENS).text == window.text


def test_what_a_match_is_to_a_window() -> None:
    schema = Schema([*erc721.fields, SchemaField("id4", bytes_of(4))])
    values = (DONOR, PAYEE, 7, STRANGER, 3, b"\xa9\x05\x9c\xbb")
    for text, key, measure in (
        ("count over 1 hour > 1", b"", 1),
        ("count over 1 hour by address > 1", bytes.fromhex(PAYEE[2:]), 1),
        ("sum(token_id * 2) over 1 hour by from > 1", bytes.fromhex(DONOR[2:]), 14),
        ("distinct(to) over 1 hour by token_id > 1", b"7", int(PAYEE, 16)),
        ("distinct(id4) over 1 hour by id4 > 1", b"\xa9\x05\x9c\xbb", 0xA9059CBB),
        ("distinct(from == to) over 1 hour by from == to > 1", None, 0),
    ):
        if key is None:
            with pytest.raises(ConditionError):
                read_window(text, schema)
            continue
        window = read_window(text, schema)
        assert window.group(values, PAYEE) == key
        assert window.measure(values) == measure
    truth = read_window("distinct((from == to)) over 1 hour by (from == to) > 1", schema)
    assert (truth.group(values, PAYEE), truth.measure(values)) == (b"0", 0)


# --- entries --------------------------------------------------------------------------------------

BLOCK = (7, "0xb7", 1_000)


def test_a_block_leaves_one_entry_for_each_group() -> None:
    window = read_window("sum(value) over 1 hour by from > 1", TOKENS)
    matches = [(b"a", 5, 0), (b"b", 1, 1), (b"a", 6, 4)]
    found = entries_of(window, "mo_1", 1, BLOCK, matches)
    assert [(one.key, one.value, one.log_index, one.at) for one in found] == [
        (b"a", 11, 4, 1_000),
        (b"b", 1, 1, 1_000),
    ]
    assert len({one.id for one in found}) == 2
    assert found == entries_of(window, "mo_1", 1, BLOCK, matches), "the same ids again"
    others = [
        *entries_of(window, "mo_2", 1, BLOCK, matches),
        *entries_of(window, "mo_1", 2, BLOCK, matches),
        *entries_of(window, "mo_1", 1, (7, "0xb8", 1_000), matches),
    ]
    assert len({one.id for one in (*found, *others)}) == 8


def test_a_count_and_what_is_told_apart() -> None:
    count = read_window("count over 1 hour > 1", TOKENS)
    assert [one.value for one in entries_of(count, "m", 1, BLOCK, [(b"", 1, 0)] * 3)] == [3]
    distinct = read_window("distinct(from) over 1 hour > 1", TOKENS)
    matches = [(b"", 5, 0), (b"", 6, 1), (b"", 5, 2)]
    assert [one.value for one in entries_of(distinct, "m", 1, BLOCK, matches)] == [5, 6]


def test_a_sum_that_no_row_holds_is_split() -> None:
    window = read_window("sum(value) over 1 hour > 1", TOKENS)
    largest = 2**256 - 1
    found = entries_of(window, "m", 1, BLOCK, [(b"", largest, place) for place in range(20)])
    assert sum(one.value for one in found) == 20 * largest
    assert all(abs(one.value) < 10**78 for one in found)
    assert len({one.id for one in found}) == len(found) == 3
    assert level(window, found, 1_000) == 20 * largest


# --- the machine ----------------------------------------------------------------------------------


class Made(NamedTuple):
    """A block of the random chains. `matches`: (key, measure)."""

    hash: str
    at: int
    matches: tuple[tuple[bytes, int], ...]


START = 1_000
KEYS = (b"a", b"b")
TICK = Expression.read("tick", SCHEMA)
WINDOWS = [
    Window(aggregate, TICK if aggregate == "sum" else None, period, operator, threshold)  # type: ignore[arg-type]
    for aggregate, operator, threshold in (
        *itertools.product(["sum", "count"], ["<", "<=", ">", ">="], [1, 3]),
        ("sum", "<", -2),
        ("distinct", ">=", 2),
        ("distinct", "<", 2),
        ("none", "<", 1),
    )
    for period in (1, 10, 25)
]

_adding = st.tuples(
    st.just("add"),
    st.integers(0, 15),
    st.lists(st.tuples(st.sampled_from(KEYS), st.integers(-3, 4)), max_size=3).map(tuple),
)
_retracting = st.tuples(st.just("retract"), st.integers(1, 4), st.just(()))
# three blocks are added for each time that some are taken back
steps = st.lists(st.one_of(_adding, _adding, _adding, _retracting), max_size=25)


def naive(window: Window, begun: set[bytes], chain: list[Made]) -> dict[str, set[bytes]]:
    """What fires at each block, from the whole list."""

    def total(key: bytes, blocks: list[Made], now: int) -> int:
        inside = [
            measure
            for one in blocks
            if now - window.period < one.at <= now
            for whose, measure in one.matches
            if whose == key
        ]
        if window.aggregate == "sum":
            return sum(inside)
        if window.aggregate == "distinct":
            return len(set(inside))
        if window.aggregate == "none" and key in begun and now - window.period < START <= now:
            return len(inside) + 1
        return len(inside)

    found = {}
    for at, one in enumerate(chain):
        before, now = chain[:at], chain[: at + 1]
        then = before[-1].at if before else START
        found[one.hash] = {
            key
            for key in KEYS
            if window.is_true(total(key, now, one.at))
            and not window.is_true(total(key, before, then))
        }
    return found


@random_cases(500)
@given(st.sampled_from(WINDOWS), steps, st.booleans())
def test_it_fires_as_the_whole_list_says(
    window: Window, moves: list[tuple[str, int, Any]], is_begun: bool
) -> None:
    chain: list[Made] = []
    begun = set(KEYS) if window.aggregate == "none" and is_begun else set()
    start = [Entry(key, key, START, 0, 0, "", -1) for key in sorted(begun)]
    state = State.of(START, start)
    rows = list(start)
    live: dict[str, set[bytes]] = {}
    for count, (what, number, matches) in enumerate(moves):
        if what == "add":
            one = Made(f"0x{count}", (chain[-1].at if chain else START) + number, matches)
            triples = [(*match, place) for place, match in enumerate(matches)]
            added = entries_of(window, "m", 1, (len(chain), one.hash, one.at), triples)
            before = state.at
            state, firings = advance(window, state, one.at, added)
            assert partly(window, rows, before, one.at, added) == firings
            rows += added
            chain.append(one)
            live[one.hash] = {firing.key for firing in firings}
            if not window.fires_by_time:
                assert live[one.hash] <= {entry.key for entry in added}
            assert all(window.is_true(firing.total) for firing in firings)
            assert not any(window.is_true(firing.before) for firing in firings)
        else:
            for _ in range(min(number, len(chain))):
                gone = chain.pop()
                del live[gone.hash]
                state = retract(state, gone.hash, chain[-1].at if chain else START)
                rows = [row for row in rows if row.block_hash != gone.hash]
        assert live == naive(window, begun, chain), window.text
        assert sorted(row.id for group in state.groups.values() for row in group) == sorted(
            row.id for row in rows
        )


def partly(
    window: Window, rows: list[Entry], before: int, at: int, added: list[Entry]
) -> list[Firing]:
    """As a database does it: only groups that can have changed, and of these only what counts."""
    low, high = leaving(window, before, at)
    keys = {row.key for row in rows if low < row.at <= high} | {row.key for row in added}
    wanted = [row for row in rows if row.key in keys and row.at > low]
    return advance(window, State.of(before, wanted), at, added)[1]


@random_cases(300)
@given(st.sampled_from(WINDOWS), steps, st.integers(0, 3))
def test_what_is_forgotten_is_not_missed(
    window: Window, moves: list[tuple[str, int, Any]], depth: int
) -> None:
    """`depth`: so many blocks can still be taken back."""
    whole = lean = State(START)
    times, hashes = [START], [""]
    for count, (what, number, matches) in enumerate(moves):
        if what == "add":
            at = times[-1] + number
            triples = [(*match, place) for place, match in enumerate(matches)]
            added = entries_of(window, "m", 1, (count, f"0x{count}", at), triples)
            whole, expected = advance(window, whole, at, added)
            lean, found = advance(window, lean, at, added)
            assert found == expected
            times.append(at)
            hashes.append(f"0x{count}")
            final = times[max(0, len(times) - 1 - depth)]
            lean = forget(window, lean, final)
        else:
            for _ in range(min(number, depth, len(times) - 1)):
                times.pop()
                gone = hashes.pop()
                whole = retract(whole, gone, times[-1])
                lean = retract(lean, gone, times[-1])
            # what can be taken back does not grow by taking back
            depth = max(0, depth - number)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("sum(count) over 1 hour > 5", False),
        ("sum(count) over 1 hour >= 5", False),
        ("sum(count) over 1 hour < 5", True),
        ("sum(tick) over 1 hour > 5", True),
        ("sum(tick % -5) over 1 hour < -3", False),
        ("sum(tick % -5) over 1 hour > -3", True),
        ("count over 1 hour > 5", False),
        ("count over 1 hour <= 5", True),
        ("distinct(from) over 1 hour >= 5", False),
        ("none for 1 hour", True),
    ],
)
def test_what_can_come_true_without_a_match(text: str, expected: bool) -> None:
    assert read_window(text, SCHEMA).fires_by_time is expected


def test_a_sum_fires_once_and_again_after_it_fell() -> None:
    window = read_window("sum(value) over 100 seconds >= 10", TOKENS)
    state, fired = State(0), []
    for at, amount in ((10, 6), (50, 4), (60, 5), (111, 0), (170, 3), (175, 9)):
        matches = [(b"", amount, 0)] if amount else []
        added = entries_of(window, "m", 1, (at, f"0x{at}", at), matches)
        state, firings = advance(window, state, at, added)
        fired += [(at, firing.total, firing.before) for firing in firings]
    # 6 + 4 at 50; at 111 the 6 has left; at 175 only 3 + 9 are left
    assert fired == [(50, 10, 6), (175, 12, 3)]


def test_a_block_that_was_taken_back_leaves_no_time_behind() -> None:
    window = read_window("count over 10 seconds >= 2", TOKENS)
    state = State(100)

    def add(state: State, name: str, at: int, count: int) -> tuple[State, list[Firing]]:
        matches = [(b"", 1, place) for place in range(count)]
        return advance(window, state, at, entries_of(window, "m", 1, (at, name, at), matches))

    state, fired = add(state, "0xa", 100, 2)
    assert len(fired) == 1
    late, fired = add(state, "0xb", 120, 0)
    assert fired == []
    state = retract(late, "0xb", 100)
    _, fired = add(state, "0xc", 105, 1)
    assert fired == [], "it was true after the parent, whatever came after 0xb"
    _, fired = add(late, "0xd", 121, 2)
    assert len(fired) == 1


def test_nothing_came_for_a_while() -> None:
    window = read_window("none for 100 seconds by address", TOKENS)
    begun = beginnings(window, "m", 1, 5, 1_000, [DONOR, PAYEE])
    assert [one.key.hex() for one in begun] == [DONOR[2:], PAYEE[2:]]
    assert {one.block_hash for one in begun} == {""}
    state, fired = State.of(1_000, begun), []
    donor = bytes.fromhex(DONOR[2:])
    for at in (1_050, 1_099, 1_100, 1_130, 1_149, 1_150, 1_160):
        matches = [(donor, 1, 0)] if at == 1_050 else []
        state, firings = advance(
            window, state, at, entries_of(window, "m", 1, (at, f"0x{at}", at), matches)
        )
        fired += [(at, firing.key.hex()) for firing in firings]
    assert fired == [(1_100, PAYEE[2:]), (1_150, DONOR[2:])]
    assert beginnings(read_window("count over 1 hour > 1", TOKENS), "m", 1, 5, 0, [DONOR]) == []
    assert [one.key for one in beginnings(read_window("none for 1 hour", TOKENS), "m", 1, 5, 0, [])]


# --- with the matcher -----------------------------------------------------------------------------


def test_a_hit_carries_what_it_is_to_its_window() -> None:
    watching = monitor(
        "erc20",
        condition="value > 1",
        window="sum(value * 2) over 1 hour by address >= 3",
        direction="out",
    )
    one = block(transaction(moved(DONOR, PAYEE, 1), moved(DONOR, PAYEE, 2), moved(PAYEE, DONOR, 3)))
    hits = match_block(one, Index.of([(watching, [DONOR, PAYEE])]))
    assert [(hit.key.hex(), hit.measure) for hit in hits] == [(DONOR[2:], 4), (PAYEE[2:], 6)]


def test_a_measure_without_a_value_does_not_count() -> None:
    watching = monitor("erc20", window="sum(10 // value) over 1 hour > 3", watches="everything")
    tally = Tally()
    one = block(transaction(moved(DONOR, PAYEE, 0), moved(DONOR, PAYEE, 2)))
    assert [hit.measure for hit in match_block(one, Index.of([(watching, [])]), tally)] == [5]
    assert tally.undefined == {"mo_1": 1}
