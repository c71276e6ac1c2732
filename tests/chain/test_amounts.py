"""Money as people write it becomes exact integers, or a precise refusal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.chain.amounts import (
    MAX_UINT256,
    NATIVE,
    Asset,
    Assets,
    format_amount,
    from_units,
    parse_amount,
    to_units,
)
from donablock.errors import AmountError

ETH = Asset(NATIVE, "ETH", 18)
USDC = Asset("0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238", "USDC", 6)  # type: ignore[arg-type]
KNOWN = Assets([ETH, USDC])


@pytest.mark.parametrize(
    "text, asset, amount",
    [
        ("1.5 ether", ETH, 1_500_000_000_000_000_000),
        ("1.5ETH", ETH, 1_500_000_000_000_000_000),
        ("3 gwei", ETH, 3_000_000_000),
        ("7 wei", ETH, 7),
        ("25 USDC", USDC, 25_000_000),
        ("25 usdc", USDC, 25_000_000),
        ("  .000001   USDC ", USDC, 1),
        ("1_000.10 USDC", USDC, 1_000_100_000),
        ("0 USDC", USDC, 0),
        ("1.5000000000 USDC", USDC, 1_500_000),
    ],
)
def test_amounts_are_read_exactly(text: str, asset: Asset, amount: int) -> None:
    money = KNOWN.parse(text)
    assert (money.asset, money.amount) == (asset, amount)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("25", "25 of what"),
        ("", "not an amount"),
        ("USDC", "not an amount"),
        ("-1 USDC", "not an amount"),
        ("1e3 USDC", "not an amount|unknown unit"),
        ("1,000 USDC", "nothing between thousands"),
        ("1.2.3 USDC", "not an amount"),
        ("1__0 USDC", "not an amount"),
        ("0.0000001 USDC", "at most 6 count"),
        ("5 DAI", "unknown unit 'DAI'; known here: ETH, USDC, ether, gwei, wei"),
        (f"{2**256} wei", "more than any contract can count"),
        ("٣ USDC", "not an amount"),  # digits of another script
        ("nan USDC", "not an amount"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, expected: str) -> None:
    with pytest.raises(AmountError, match=expected):
        KNOWN.parse(text)


def test_ether_needs_the_native_coin_and_symbols_must_be_clear() -> None:
    with pytest.raises(AmountError, match="unknown unit 'ether'"):
        parse_amount("1 ether", [USDC])
    twin = Asset("0x00000000000000000000000000000000000000A1", "USDC", 6)  # type: ignore[arg-type]
    with pytest.raises(AmountError, match="may mean several tokens"):
        parse_amount("1 USDC", [USDC, twin])


@given(st.integers(0, MAX_UINT256), st.integers(0, 24))
def test_what_is_written_is_read_back(units: int, decimals: int) -> None:
    text = from_units(units, decimals)
    assert to_units(text, decimals) == units
    shown, symbol = format_amount(units, decimals, "X").split()
    assert (to_units(shown, decimals), symbol) == (units, "X")


@given(st.decimals(0, 10**12, places=6))
def test_the_same_as_exact_decimals(number: Decimal) -> None:
    assert to_units(f"{number:f}", 6) == int(number * 10**6)
