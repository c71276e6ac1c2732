"""Faults are planted where they should be, and nowhere else."""

from __future__ import annotations

from tools.mutants import mutants

SOURCE = '''# pragma version 0.4.3
"""
@notice a < b in words is not code
"""

LIMIT: constant(uint256) = 30 * 86_400
total: uint256


@external
def f(amount: uint256) -> uint256:
    """
    @dev assert amount > 0 in words is not code
    """
    # amount <= 3 in a comment is not code
    assert amount <= LIMIT, "f: a > b"
    self.total += amount
    log Given(
        amount=amount,
    )
    return amount
'''


def changed() -> set[tuple[str, str, str]]:
    return {(m.kind, m.before, m.after) for m in mutants(SOURCE)}


def test_a_comparison_is_flipped_and_words_are_left_alone():
    flips = {row[1:] for row in changed() if row[0] == "comparison"}
    assert flips == {
        ('assert amount <= LIMIT, "f: a > b"', 'assert amount < LIMIT, "f: a > b"'),
    }


def test_a_constant_is_moved():
    moved = {row[2] for row in changed() if row[0] == "constant"}
    assert moved == {"LIMIT: constant(uint256) = (30 * 86_400) + 1"}


def test_checks_writes_and_logs_are_removed_whole():
    removed = {row[1] for row in changed() if row[0] == "removed"}
    assert removed == {
        'assert amount <= LIMIT, "f: a > b"',
        "self.total += amount",
        "log Given( amount=amount, )",
    }


def test_each_has_one_fault_and_the_same_lines_elsewhere():
    for mutant in mutants(SOURCE):
        kept = [line for line in mutant.source.split("\n") if line in SOURCE.split("\n")]
        assert len(kept) >= len(SOURCE.split("\n")) - 4
        assert mutant.source != SOURCE
