"""The lengths that the receipts' texts are given room for, recomputed from what they are made of.

Too little room would cut a document short, or stop a mint; too much would only hide a mistake in
the arithmetic behind it.
"""

from __future__ import annotations

from typing import Any

import pytest
from vyper import ast

from tests.contracts import deployers
from tests.contracts.unit.test_writing import GOALS

# unsigned 96 bits, the largest amount on a receipt, has 29 digits; text._digits writes up to 39
LONGEST_NUMBER = len(str(2**128 - 1))


def constants(module: Any) -> dict[str, int]:
    """Every whole-number constant of a compiled module."""
    found = {}
    for declared in module.get_children(ast.VariableDecl, {"is_constant": True}):
        if declared.value.has_folded_value:
            value = declared.value.get_folded_value()
            if isinstance(value, ast.Int):
                found[declared.target.id] = value.value
    return found


@pytest.fixture(scope="module")
def bounds():
    """{module: {constant: value}} of the receipt book and the modules it imports."""
    book = deployers.RECEIPT_BOOK.compiler_data.annotated_vyper_module
    modules = dict(book._metadata["type"].imported_modules)
    modules |= modules["receipt_art"].module_t.imported_modules
    return {"receipts": constants(book)} | {
        name: constants(info.module_node) for name, info in modules.items()
    }


def base64_length(size):
    return 4 * -(-size // 3)


def test_a_number_and_its_fraction(bounds):
    text = bounds["text"]
    assert text["MAX_DIGITS"] == LONGEST_NUMBER
    assert bounds["receipts"]["MAX_AMOUNT"] == LONGEST_NUMBER + text["MAX_FRACTION"]


def test_the_longest_lines_of_the_picture(bounds):
    art, number = bounds["receipt_art"], LONGEST_NUMBER
    assert art["MAX_TITLE"] == len("Index fund ") + number
    assert art["MAX_LINE"] == len("Index fund ") + number + len(", epoch ") + number
    badge = "<text class='m' x='98' y='452' fill='#fff' font-weight='700' font-size='42'></text>"
    assert art["MAX_BADGE"] == len(badge) + number
    assert bounds["goals"]["MAX_NAME"] == max(len(name) for name, _ in GOALS)


def test_two_traits(bounds):
    assert bounds["receipts"]["MAX_RECIPIENT"] == 2 * bounds["receipts"]["MAX_TRAIT"]


def test_picture_and_document_in_base64(bounds):
    receipts, base64 = bounds["receipts"], bounds["base64"]
    assert receipts["MAX_IMAGE"] == base64_length(bounds["receipt_art"]["MAX_PICTURE"])
    assert receipts["MAX_JSON"] == base64["MAX_INPUT"]
    assert base64["MAX_OUTPUT"] == base64_length(base64["MAX_INPUT"])
    assert base64["MAX_STEPS"] * base64["STEP"] == base64["MAX_INPUT"]
    in_front = len("data:application/json;base64,")
    assert receipts["MAX_URI"] == in_front + base64["MAX_OUTPUT"]
