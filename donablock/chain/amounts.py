"""Money as people write it ("1.5 ether", "25 USDC") and as contracts count it (integers).

Floats never appear: digits become an integer by moving the decimal point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from donablock.errors import AmountError

NATIVE: ChecksumAddress = to_checksum_address("0x" + "00" * 20)
"""How contracts write the native coin among assets."""

MAX_UINT256 = 2**256 - 1

_NUMBER = re.compile(r"(?P<whole>\d+(?:_\d+)*)?(?:\.(?P<part>\d+))?", re.ASCII)
_TEXT = re.compile(r"\s*(?P<number>[^\sA-Za-z]+)\s*(?P<unit>[A-Za-z][\w.\-$+]*)\s*", re.ASCII)
# units of the native coin, whatever it is called on this chain: name -> decimals
_ETHER = {"ether": 18, "gwei": 9, "wei": 0}


@dataclass(frozen=True, slots=True)
class Asset:
    """The native coin (the zero address) or a token, as an amount needs to know it."""

    address: ChecksumAddress
    symbol: str
    decimals: int

    @property
    def is_native(self) -> bool:
        return self.address == NATIVE

    def money(self, text: str) -> Money:
        """`text` is digits alone: asset.money("1.5")."""
        return Money(self, to_units(text, self.decimals))

    def text(self, units: int) -> str:
        """For people: "1.5 USDC"."""
        return format_amount(units, self.decimals, self.symbol)


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` is in the asset's smallest unit."""

    asset: Asset
    amount: int

    def __str__(self) -> str:
        return self.asset.text(self.amount)


class Assets(Sequence[Asset]):
    """Assets one may name here; no address twice."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self._assets = tuple({asset.address: asset for asset in assets}.values())

    @overload
    def __getitem__(self, index: int) -> Asset: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Asset]: ...
    def __getitem__(self, index: int | slice) -> Asset | Sequence[Asset]:
        return self._assets[index]

    def __len__(self) -> int:
        return len(self._assets)

    def parse(self, text: str) -> Money:
        """ "25 USDC" of these assets; see `parse_amount`."""
        return parse_amount(text, self._assets)

    def find(self, name: str) -> Asset:
        """By symbol, by address, or as "ether". Raises AmountError, naming what is known."""
        for asset in self._assets:
            if asset.address.lower() == name.lower():
                return asset
        return _find(name, self._assets)[0]

    def at(self, address: str) -> Asset:
        """By address alone. Raises AmountError."""
        for asset in self._assets:
            if asset.address.lower() == address.lower():
                return asset
        raise AmountError(f"unknown asset {address}; known here: {_units(self._assets)}")


def to_units(text: str, decimals: int) -> int:
    """ "1.5" with 6 decimals is 1_500_000. "_" may group digits, "," may not (it means two things).

    Raises AmountError for anything that is not such a number, and for digits too small to count.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None or (match["whole"] is None and match["part"] is None):
        hint = "; write a point for decimals and nothing between thousands" if "," in text else ""
        raise AmountError(f"not an amount: {text!r}{hint}")
    part = (match["part"] or "").rstrip("0")
    if len(part) > decimals:
        raise AmountError(
            f"{text} has {len(part)} digits after the point; here at most {decimals} count"
        )
    # both parts as one run of digits: exact, and an int for type checkers
    whole = (match["whole"] or "0").replace("_", "")
    units = int(whole + part.ljust(decimals, "0"))
    if units > MAX_UINT256:
        raise AmountError(f"{text} is more than any contract can count")
    return units


def from_units(units: int, decimals: int) -> str:
    """1_500_000 with 6 decimals is "1.5"; exact, and `to_units` gives the same number back."""
    sign, units = ("-", -units) if units < 0 else ("", units)
    whole, part = divmod(units, 10**decimals)
    digits = str(part).rjust(decimals, "0").rstrip("0") if decimals else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def format_amount(units: int, decimals: int, symbol: str) -> str:
    """For people, exact: 1_500_000 is "1.5 USDC", 1_234_567_000_000 is "1_234_567 USDC"."""
    whole, point, part = from_units(units, decimals).partition(".")
    return f"{int(whole):_}{point}{part} {symbol}" if whole != "-0" else f"-0.{part} {symbol}"


def parse_amount(text: str, assets: Iterable[Asset]) -> Money:
    """Reads "1.5 ether", "25 USDC" (any case, unless two symbols differ in case only).

    `ether`, `gwei` and `wei` are units of the native coin when that is among `assets`. Raises
    AmountError, which names the units that are known.
    """
    known = tuple(assets)
    match = _TEXT.fullmatch(text)
    if match is None:
        bare = _NUMBER.fullmatch(text.strip())
        if bare is not None and text.strip():
            raise AmountError(f"{text.strip()} of what? Add a unit: {_units(known)}")
        raise AmountError(f'not an amount: {text!r}; write it like "25 USDC" ({_units(known)})')
    asset, decimals = _find(match["unit"], known)
    return Money(asset, to_units(match["number"], decimals))


def _find(unit: str, known: tuple[Asset, ...]) -> tuple[Asset, int]:
    native = next((asset for asset in known if asset.is_native), None)
    if native is not None and unit.lower() in _ETHER:
        return native, _ETHER[unit.lower()]
    exact = [asset for asset in known if asset.symbol == unit]
    loose = [asset for asset in known if asset.symbol.lower() == unit.lower()]
    found = exact or loose
    if not found:
        raise AmountError(f"unknown unit {unit!r}; known here: {_units(known)}")
    if len(found) > 1:
        addresses = ", ".join(asset.address for asset in found)
        raise AmountError(f"{unit!r} may mean several tokens: {addresses}")
    return found[0], found[0].decimals


def _units(known: tuple[Asset, ...]) -> str:
    names = [asset.symbol for asset in known]
    if any(asset.is_native for asset in known):
        names += [name for name in _ETHER if name not in names]
    return ", ".join(names) or "none"
