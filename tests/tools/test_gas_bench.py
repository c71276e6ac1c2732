"""The gas benchmark says what is too dear, and its document keeps up."""

from __future__ import annotations

import pytest

from bench import deflation, gas, months, where


def test_what_is_above_its_ceiling_or_not_measured_is_named():
    measured = {name: ceiling.gas for name, ceiling in gas.CEILINGS.items()}
    assert gas.too_dear(measured) == []
    dear, missing = list(measured)[:2]
    measured[dear] += 1
    del measured[missing]
    problems = gas.too_dear(measured)
    assert [problem.split(":")[0] for problem in problems] == [dear, missing]


def test_a_ceiling_of_dividends_holds_beside_many_stakers_too():
    measured = {name: ceiling.gas for name, ceiling in gas.CEILINGS.items()}
    for name, ceiling in deflation.CEILINGS.items():
        crowded = deflation.beside(name, deflation.MANY)
        (problem,) = gas.too_dear(measured | {crowded: ceiling.gas + 1})
        assert problem.startswith(f"{crowded}: ")


def test_a_section_of_the_document_is_replaced_and_the_rest_is_kept():
    document = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    once = gas.replace_section(document, "x", "new\n")
    assert "old" not in once and "new" in once
    assert once.startswith("a\n") and once.endswith("b\n")
    assert gas.replace_section(once, "x", "new\n") == once


def test_the_document_names_every_operation_that_has_a_ceiling():
    document = gas.DOCUMENT.read_text()
    for name, ceiling in gas.CEILINGS.items():
        # both numbers of stakers are in one row
        row = name.removesuffix(f", {deflation.MANY:,} stakers")
        assert f"| {row} |" in document, "run `make bench-gas`"
        assert f"{ceiling.gas:,}" in document


def test_an_operation_of_dividends_is_in_their_table_alone():
    measured = dict.fromkeys(gas.CEILINGS, 1_000)
    assert not [line for line in gas.markdown(measured).splitlines() if "stake" in line]
    measured[deflation.beside(deflation.STAKING, deflation.MANY)] = 1_234
    row = f"| {deflation.STAKING} | 1,000 | 1,234 | 234 | "
    assert row in deflation.markdown(measured)


def test_the_picture_of_a_month_is_current():
    found = months.read(gas.DOCUMENT.read_text())
    assert list(found) == list(deflation.SIZES)
    assert months.PICTURE.read_text() == months.draw(found), "python -m bench.months"
    assert months.markdown(found) in gas.DOCUMENT.read_text()


def test_the_recount_ends_where_the_document_says():
    words = " ".join(gas.DOCUMENT.read_text().split())
    for limit in (months.TRANSACTION, months.BLOCK):
        least, most = months.stakers_within(limit)
        assert months.recount(least)[1] <= limit < months.recount(least + 1)[1]
        assert months.recount(most)[0] <= limit < months.recount(most + 1)[0]
        assert f"{limit:,}" in words
        assert f"eyond {least:,} to {most:,} " in words


@pytest.mark.parametrize(("data", "expected"), [(b"", 0), (b"\0\0\1", 24), (b"\1" * 4, 64)])
def test_calldata_costs_4_a_zero_byte_and_16_another(data, expected):
    assert where.calldata_gas(data) == expected
