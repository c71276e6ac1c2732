"""docs/contracts.md is written from the source, and the source says enough to be written from."""

from __future__ import annotations

import pytest

from tools import contract_docs
from tools.paths import deployables

# written by others: ERC standards' own functions need no words of ours
STANDARD = {"__default__"}


def test_document_is_current():
    assert contract_docs.DOCUMENT.read_text() == contract_docs.document(), "run `make docs`"


@pytest.mark.parametrize("path", list(deployables()), ids=lambda path: path.stem)
def test_every_function_that_changes_something_says_what_it_does(path):
    abi, userdoc, _ = contract_docs.compiled(path)
    changing = {
        entry["name"]
        for entry in abi
        if entry["type"] == "function" and entry["stateMutability"] in {"nonpayable", "payable"}
    }
    told = {signature.split("(")[0] for signature in userdoc.get("methods", {})}
    assert changing - told - STANDARD == set()
