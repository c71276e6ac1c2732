"""docs/chain-reading.md says what config/chains.json and the code say."""

from __future__ import annotations

import re

import pytest

from donablock.chain import faults
from donablock.chain.chains import Chain, load_chains
from donablock.settings import ROOT

PAGE = (ROOT / "docs" / "chain-reading.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| [A-Za-z][^|]*\b\d+[^|]*\| \d+ \|", line)
]


@pytest.mark.parametrize("chain", load_chains().values(), ids=lambda chain: str(chain.chain_id))
def test_the_table_of_chains_is_right(chain: Chain) -> None:
    (row,) = [row for row in ROWS if re.search(rf"\b{chain.chain_id}\b", row[0])]
    assert int(row[1]) == chain.confirmations
    proofs = (
        chain.is_header_checked,
        chain.is_receipts_root_checked,
        chain.is_transactions_root_checked,
    )
    assert tuple(cell.split()[0].strip(":") == "yes" for cell in row[2:5]) == proofs
    assert row[5] == chain.bloom


def test_no_chain_is_made_up() -> None:
    named = {int(number) for row in ROWS for number in re.findall(r"\b\d+\b", row[0])}
    assert named == set(load_chains())


def test_every_way_to_fail_is_in_the_tree_of_faults() -> None:
    tree = faults.__doc__ or ""
    for name in faults.__all__:
        assert re.search(rf"[─\s]{name}\b", tree), name
