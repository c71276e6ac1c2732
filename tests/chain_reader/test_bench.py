"""The benchmark's block is of Ethereum's size, and every way to read it gives the same."""

from __future__ import annotations

import pytest

from bench.chain_reader import GOAL, LOGS, TRANSACTIONS, answers, parts, ways


def test_the_block_is_as_large_as_real_ones_and_provable() -> None:
    block, receipts = answers()
    assert 180_000 < len(block) < 230_000 and 400_000 < len(receipts) < 450_000
    made = [way() for way in ways(block, receipts).values()]
    assert len(made) == 5 and all(one == made[0] for one in made)
    assert len(made[0].transactions) == TRANSACTIONS
    assert sum(len(one.logs) for one in made[0].transactions) == LOGS
    assert all(part() is not None for part in parts(block, receipts).values())


def test_its_proof_is_one() -> None:
    block, receipts = answers(seed=2)
    proved = ways(block, receipts)["proved"]
    assert proved().number == 24_000_000
    for wrong in (receipts.replace(b'"status":"0x1"', b'"status":"0x0"', 1), receipts[:-40]):
        with pytest.raises(Exception, match="root|truncated"):
            ways(block, wrong)["proved"]()


def test_the_goal_is_the_one_that_was_set() -> None:
    assert GOAL == 1_500
