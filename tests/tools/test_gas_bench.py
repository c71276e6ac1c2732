"""The gas benchmark says what is too dear, and its document keeps up."""

from __future__ import annotations

import pytest

from bench import gas, where


def test_what_is_above_its_ceiling_or_not_measured_is_named():
    measured = {name: ceiling.gas for name, ceiling in gas.CEILINGS.items()}
    assert gas.too_dear(measured) == []
    dear, missing = list(measured)[:2]
    measured[dear] += 1
    del measured[missing]
    problems = gas.too_dear(measured)
    assert [problem.split(":")[0] for problem in problems] == [dear, missing]


def test_a_section_of_the_document_is_replaced_and_the_rest_is_kept():
    document = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    once = gas.replace_section(document, "x", "new\n")
    assert "old" not in once and "new" in once
    assert once.startswith("a\n") and once.endswith("b\n")
    assert gas.replace_section(once, "x", "new\n") == once


def test_the_document_names_every_operation_that_has_a_ceiling():
    document = gas.DOCUMENT.read_text()
    for name, ceiling in gas.CEILINGS.items():
        assert f"| {name} |" in document, "run `make bench-gas`"
        assert f"{ceiling.gas:,}" in document


@pytest.mark.parametrize(("data", "expected"), [(b"", 0), (b"\0\0\1", 24), (b"\1" * 4, 64)])
def test_calldata_costs_4_a_zero_byte_and_16_another(data, expected):
    assert where.calldata_gas(data) == expected
