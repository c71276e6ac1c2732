"""How values travel between Python and PostgreSQL, in binary, so that COPY takes them as well.

    numeric      int, exactly, of any length; a Decimal where there is a fraction
    json, jsonb  whatever msgspec writes; integers stay exact

The driver's own Decimal would invite arithmetic with 28 digits on amounts that have 78.
"""

from __future__ import annotations

import struct
from decimal import Context, Decimal
from typing import Any

import msgspec
from asyncpg import Connection

_HEAD = struct.Struct("!HhHH")  # number of digits, weight of the first, sign, decimals
_NEGATIVE = 0x4000
_NOT_A_NUMBER = (0xC000, 0xD000, 0xF000)  # NaN and the two infinities
_BASE = 10_000
_WIDE = Context(prec=200_000)  # numeric has at most 147,455 digits


def encode_numeric(value: int | Decimal) -> bytes:
    """PostgreSQL's numeric on the wire. Raises TypeError for a float and ValueError for NaN."""
    if isinstance(value, int):
        return _encode(abs(value), value < 0, 0)
    if not isinstance(value, Decimal):
        raise TypeError(f"an amount is an int, not {type(value).__name__}")
    if not value.is_finite():
        raise ValueError("an amount is finite")
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    decimals = max(0, -exponent)
    # digits of base 10000 stand on either side of the point, never across it
    shift = exponent + -(-decimals // 4) * 4
    whole = int("".join(map(str, digits))) * 10**shift
    return _encode(whole, bool(sign), decimals)


def _encode(whole: int, is_negative: bool, decimals: int) -> bytes:
    digits: list[int] = []
    while whole:
        whole, digit = divmod(whole, _BASE)
        digits.append(digit)
    weight = len(digits) - 1 - -(-decimals // 4)
    digits.reverse()
    sign = _NEGATIVE if is_negative and digits else 0
    head = _HEAD.pack(len(digits), weight if digits else 0, sign, decimals)
    return head + struct.pack(f"!{len(digits)}H", *digits)


def decode_numeric(data: bytes) -> int | Decimal:
    count, weight, sign, decimals = _HEAD.unpack_from(data)
    if sign in _NOT_A_NUMBER:
        return Decimal({0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}[sign])
    whole = 0
    for digit in struct.unpack_from(f"!{count}H", data, _HEAD.size):
        whole = whole * _BASE + digit
    if sign == _NEGATIVE:
        whole = -whole
    exponent = 4 * (weight + 1 - count)
    if decimals == 0 and exponent >= 0:
        return whole * int(10**exponent)
    value = Decimal((int(whole < 0), tuple(map(int, str(abs(whole)))), exponent))
    # as many decimals as PostgreSQL shows, whatever the precision of the caller's context
    return value.quantize(Decimal((0, (1,), -decimals)), context=_WIDE)


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + msgspec.json.encode(value)


def _decode_jsonb(data: bytes) -> Any:
    return msgspec.json.decode(data[1:])


async def register(connection: Connection) -> None:
    """For every new connection."""
    for name, encoder, decoder in (
        ("numeric", encode_numeric, decode_numeric),
        ("jsonb", _encode_jsonb, _decode_jsonb),
        ("json", msgspec.json.encode, msgspec.json.decode),
    ):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="binary"
        )
