"""RLP, the encoding that Ethereum hashes: byte strings, and lists of them. Only encoding."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["encode_bytes", "encode_list", "encode_quantity", "head"]

_SHORT = 55
BYTES, LIST = 0x80, 0xC0


def head(length: int, kind: int) -> bytes:
    """What stands before `length` bytes; kind: BYTES or LIST. A single byte below 0x80 has none."""
    if length <= _SHORT:
        return bytes((kind + length,))
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((kind + _SHORT + len(digits),)) + digits


def encode_bytes(data: bytes) -> bytes:
    if len(data) == 1 and data[0] < BYTES:
        return data
    return head(len(data), BYTES) + data


def encode_list(encoded: Iterable[bytes]) -> bytes:
    """A list of what is encoded already."""
    inner = b"".join(encoded)
    return head(len(inner), LIST) + inner


def encode_quantity(number: int) -> bytes:
    """A whole number of zero or more, without leading zeros."""
    return encode_bytes(number.to_bytes((number.bit_length() + 7) // 8, "big"))
