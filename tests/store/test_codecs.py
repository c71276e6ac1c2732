"""Values come back from PostgreSQL as they went in, amounts above all."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from donablock.store.codecs import decode_numeric, encode_numeric

UINT256 = 2**256 - 1
AMOUNTS = st.integers(-(10**78) + 1, 10**78 - 1) | st.sampled_from(
    [0, 1, -1, 9_999, 10_000, 10**4 - 1, 10**8, 10**76, UINT256, -(2**255), 2**64, 2**63 - 1]
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda value: -200 < value.as_tuple().exponent < 100 and len(value.as_tuple().digits) < 300
)
TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**256), 2**256) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)

pytestmark = pytest.mark.asyncio


def each(strategy, **options):
    """Runs an async test's inner function for many values, in the loop that it runs in."""
    values = []

    @settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck), **options)
    @given(strategy)
    def collect(value):
        values.append(value)

    collect()
    return values


async def test_an_amount_is_an_exact_integer(database):
    async with database.connection() as connection:
        for amount in each(AMOUNTS):
            value, text = await connection.fetchrow("SELECT $1::numeric, $1::numeric::text", amount)
            assert value == amount and type(value) is int and text == str(amount)
            assert await connection.fetchval("SELECT ($1::text)::numeric", str(amount)) == amount


async def test_a_fraction_is_a_decimal_with_its_own_digits(database):
    async with database.connection() as connection:
        for value in each(DECIMALS):
            back, text = await connection.fetchrow("SELECT $1::numeric, $1::numeric::text", value)
            assert back == value
            assert Decimal(text) == value and str(format(Decimal(back), "f")) == text


async def test_amounts_in_arrays_columns_and_copies(database):
    amounts = [0, 1, UINT256, -(2**255), 10**40]
    async with database.transaction() as connection:
        assert await connection.fetchval("SELECT $1::numeric[]", amounts) == amounts
        await connection.execute("CREATE TEMP TABLE a (n int, amount numeric(78, 0))")
        rows = list(enumerate(amounts)) + [(9, None)]
        await connection.copy_records_to_table("a", records=rows, columns=["n", "amount"])
        assert [tuple(r) for r in await connection.fetch("SELECT * FROM a ORDER BY n")] == rows


async def test_a_float_is_no_amount(database):
    async with database.connection() as connection:
        with pytest.raises(Exception, match="an amount is an int, not float"):
            await connection.fetchval("SELECT $1::numeric", 0.1)
        with pytest.raises(Exception, match="an amount is finite"):
            await connection.fetchval("SELECT $1::numeric", Decimal("NaN"))
        for word in ("NaN", "Infinity", "-Infinity"):
            value = await connection.fetchval(f"SELECT '{word}'::numeric")
            assert str(value) == word


@pytest.mark.parametrize("type_", ["json", "jsonb"])
async def test_json_comes_back_with_exact_integers(database, type_):
    async with database.connection() as connection:
        for value in each(JSON):
            if value is not None:
                assert await connection.fetchval(f"SELECT $1::{type_}", value) == value


async def test_json_keeps_a_nul_that_jsonb_cannot(database):
    """Why `contract_events.args` is json: a stranger's contract may log any character."""
    value = {"name": "a\x00b"}
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT $1::json", value) == value
        with pytest.raises(Exception, match="unsupported Unicode escape sequence"):
            await connection.fetchval("SELECT $1::jsonb", value)


async def test_bytes_of_any_value(database):
    async with database.connection() as connection:
        for value in each(st.binary(max_size=200)):
            assert await connection.fetchval("SELECT $1::bytea", value) == value


@given(AMOUNTS | DECIMALS)
@settings(max_examples=500)
def _there_and_back(value):
    assert decode_numeric(encode_numeric(value)) == value


async def test_the_wire_form_goes_there_and_back():
    await asyncio.to_thread(_there_and_back)
