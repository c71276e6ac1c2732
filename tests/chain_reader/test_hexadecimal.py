"""Text from outside is hexadecimal, or is found out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.chain.hexadecimal import are_data, are_hexadecimal, lower

GOOD = re.compile(r"0x[0-9a-f]*", re.ASCII)
texts = (
    st.from_regex(r"0x[0-9a-f]{0,70}", fullmatch=True)
    | st.text(alphabet="0123456789abcdefxX ABF_\u0660\n", max_size=12)
    | st.text(max_size=6)
)


@given(st.lists(texts, max_size=8))
def test_it_is_as_strict_as_looking_at_each(some: list[str]) -> None:
    assert are_hexadecimal(some) == all(GOOD.fullmatch(text) for text in some)


@given(st.lists(texts, max_size=8))
def test_data_has_two_digits_a_byte(some: list[str]) -> None:
    assert are_data(some) == all(GOOD.fullmatch(text) and len(text) % 2 == 0 for text in some)


@given(st.lists(st.from_regex(r"[01x]{2}[0-9a-fA-Fx]{8}", fullmatch=True), max_size=8))
def test_a_known_length_changes_nothing(some: list[str]) -> None:
    assert are_data(some, 10) == are_data(some)


@pytest.mark.parametrize(
    "some",
    [
        ["0x", "0x0"],
        ["0x" + "ab" * 3_000],
        [],
    ],
    ids=["short", "long", "none"],
)
def test_texts_of_any_length_are_taken(some: list[str]) -> None:
    assert are_hexadecimal(some)


@pytest.mark.parametrize(
    "bad", ["", "0", "x0", "00", "1x", "fx12", "0X12", "0xAB", "0xg0", "0x0x", "0x 1", "é0"]
)
def test_no_neighbour_hides_a_bad_one(bad: str) -> None:
    for are in are_hexadecimal, are_data:
        assert not are(["0x12", bad, "0x34"])
        assert not are([bad])
    if bad:
        assert not are_data([bad], len(bad))


def test_upper_case_is_made_lower() -> None:
    assert lower("0xABcd12") == "0xabcd12"
    for bad in ("", "12", "0xgg", "0x1\n", "0x\u0661"):
        with pytest.raises(ValueError):
            lower(bad)
