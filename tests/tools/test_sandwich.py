"""The page about sandwiches says what is measured."""

from __future__ import annotations

from bench import sandwich


def test_page_and_picture_are_current():
    rows = sandwich.measure()
    assert sandwich.DOCUMENT.read_text() == sandwich.render(rows), "python -m bench.sandwich"
    assert sandwich.PICTURE.read_text() == sandwich.draw(rows), "python -m bench.sandwich"


def test_nothing_is_earned_up_to_the_bound():
    for row in sandwich.measure():
        assert (row["profit"] > 0) == (row["quarters"] > 4)
        assert row["profit_with_floor"] <= row["profit"]
        assert row["profit_with_floor"] * 50 <= row["lot"]
