"""Whether text from outside is what it must be: "0x" and lower-case hexadecimal digits.

A block has some two thousand such texts. They are checked all at once: joined, every digit turned
into "0", and compared with what texts of these lengths give. Then each begins with a digit and "x",
and that the digit is "0" is looked at by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import itemgetter

__all__ = ["are_data", "are_hexadecimal", "lower", "unhexed"]

# longer shapes are made anew: texts may be as long as a node likes
_KEPT = 4_096
_LOOSE = re.compile(r"0[xX][0-9a-fA-F]*", re.ASCII)
# every lower-case digit becomes "0", "x" stays, anything else becomes "!"
_TO_SHAPE = bytes(
    ord("0") if chr(code) in "0123456789abcdef" else code if chr(code) == "x" else ord("!")
    for code in range(256)
)


class _Shapes(dict[int, bytes]):
    """What text of a length is once every digit is "0"; for bytes, only of an even length."""

    def __init__(self, *, are_bytes: bool) -> None:
        self._are_bytes = are_bytes

    def __missing__(self, length: int) -> bytes:
        is_possible = length >= 2 and not (self._are_bytes and length % 2)
        shape = b"0x" + b"0" * (length - 2) if is_possible else b"?"
        if length <= _KEPT:
            self[length] = shape
        return shape


_first = itemgetter(0)
_any, _bytes = _Shapes(are_bytes=False), _Shapes(are_bytes=True)


def are_hexadecimal(texts: Sequence[str]) -> bool:
    """Each is "0x" and lower-case digits, any count of them."""
    shape = b"".join(map(_any.__getitem__, map(len, texts)))
    return _joined(texts).translate(_TO_SHAPE) == shape and _begin_with_0(texts)


def are_data(texts: Sequence[str], length: int | None = None) -> bool:
    """Each is "0x" and lower-case digits, two for each byte.

    length: of every text with its "0x", where it is known to be that: not looked at, so quicker.
    """
    joined = _joined(texts)
    if length is not None:
        is_shaped = joined.translate(_TO_SHAPE) == _bytes[length] * len(texts)
        return is_shaped and joined[::length] == b"0" * len(texts)
    shape = b"".join(map(_bytes.__getitem__, map(len, texts)))
    return joined.translate(_TO_SHAPE) == shape and _begin_with_0(texts)


def _joined(texts: Sequence[str]) -> bytes:
    return "".join(texts).encode("ascii", "replace")


def _begin_with_0(texts: Sequence[str]) -> bool:
    """None of them is empty."""
    return set(map(_first, texts)) <= {"0"}


def unhexed(digits: str) -> bytes:
    """Two digits for each byte. Raises ValueError for anything else; `bytes.fromhex` alone passes
    over blanks, and gives fewer bytes than there was room for."""
    data = bytes.fromhex(digits)
    if 2 * len(data) != len(digits):
        raise ValueError("blanks among hexadecimal digits")
    return data


def lower(text: str) -> str:
    """The same in lower case. Raises ValueError where it is no hexadecimal text."""
    if _LOOSE.fullmatch(text) is None:
        raise ValueError("not hexadecimal")
    return text.lower()
