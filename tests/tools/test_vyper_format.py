"""The formatter keeps a comment with the statement it belongs to, and settles in one run."""

from __future__ import annotations

import pytest

from tools.vyper_format import (
    MAMUSHI,
    FormatError,
    comment_lines,
    formatted,
    with_comments_where_they_were,
)

GOOD = """\
# pragma version 0.4.3

x: uint256


@external
def f(a: uint256):
    for i: uint256 in range(3):
        if i == 2:
            self.x = 3
    # why seven
    self.x = 7
    if a > 2:
        if a > 3:
            self.x = 3
            # why nothing more
    # why eight
    self.x = 8
"""

PULLED_IN = GOOD.replace("    # why seven", "        # why seven")


def test_a_comment_pulled_into_a_block_goes_back():
    assert with_comments_where_they_were(GOOD, PULLED_IN) == GOOD


def test_a_comment_inside_brackets_is_left_to_the_formatter():
    source = "x: uint256 = (\n  # why\n  1\n)\n# next\n"
    wanted = "x: uint256 = (\n    # why\n    1\n)\n# next\n"
    assert comment_lines(source) == [4]
    assert with_comments_where_they_were(source, wanted) == wanted


def test_a_lost_comment_is_an_error():
    with pytest.raises(FormatError, match="3 comments went in, 2 came out"):
        with_comments_where_they_were("# a\n# b\n# c\n", "# a\n# b\n")


@pytest.mark.skipif(not MAMUSHI.exists(), reason="no Vyper formatter: run `make lint` once")
def test_formatting_settles_in_one_run(tmp_path):
    path = tmp_path / "Sample.vy"
    path.write_text(GOOD.replace("self.x = 7", "self.x   =  7"))
    assert formatted([path]) == {path: GOOD}
    path.write_text(GOOD)
    assert formatted([path]) == {path: GOOD}
