"""What bench.matching measures is what it says."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from bench.closures import closure
from bench.matching import LOGS, TRANSACTIONS, Chain, build, changes, rates, run
from donablock.chain.blocks import encode_block
from donablock.monitors.conditions import UNDEFINED, UndefinedError, evaluate, write
from donablock.monitors.conditions.tree import Node
from donablock.monitors.index import Index
from tests.monitors.trees import random_cases, rows, trees


@random_cases(100)
@given(trees(), rows())
def test_the_other_way_to_run_a_condition_means_the_same(tree: Node, row: tuple[Any, ...]) -> None:
    try:
        expected = evaluate(tree, row)
    except UndefinedError:
        expected = "undefined"
    try:
        actual: Any = closure(tree)(row)
    except UNDEFINED:
        actual = "undefined"
    assert actual == expected, write(tree)


def test_blocks_are_of_the_size_that_is_said() -> None:
    block = Chain().block(7, 0.5)
    assert len(block.transactions) == TRANSACTIONS
    logs = [log for one in block.transactions for log in one.logs]
    assert [log.index for log in logs] == list(range(LOGS))
    assert encode_block(block) == encode_block(Chain().block(7, 0.5)), "always the same"


def test_as_much_is_found_however_many_addresses_are_watched() -> None:
    chain = Chain()
    raws = [encode_block(chain.block(number, 0.5)) for number in range(20)]
    rest = [chain.address() for _ in range(5_000)]
    small, large = build(chain.active, rest[:800])[0], build(chain.active, rest)[0]
    assert (small.address_count, large.address_count) == (1_000, 5_200)
    found = rates(raws, {"small": small, "large": large})
    assert found["small"]["matches_per_block"] == found["large"]["matches_per_block"] > 0
    assert sum(run(raw, Index()) for raw in raws) == 0


def test_changes_change_what_they_are_measured_by() -> None:
    chain = Chain()
    index = build(chain.active, [chain.address() for _ in range(100)])[0]
    changed, measured = changes(index, chain, 10)
    assert changed.address_count == index.address_count + 10
    assert measured["address_added"] > 0
