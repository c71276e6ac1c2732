"""ABI encoding into values, by readers that are put together once for each type.

What is decoded is what Solidity's decoder (version 2) would take, and nothing else:

- a word whose unused bits are not zero (for intN: not its sign) is malformed, as is a bool above 1;
- data that is too short, or an offset or a length that leads out of it, is malformed;
- more data than was asked for, parts that overlap or lie in another order, and anything in the
  padding behind bytes and strings are taken;
- bytes of a string that are no UTF-8 become U+FFFD, since Solidity does not look at them.

One thing more is refused: data that decodes to more than four times its own words. Arrays whose
parts all point to one place would otherwise grow without bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from donablock.monitors.conditions import (
    AddressType,
    ArrayType,
    BoolType,
    BytesType,
    IntegerType,
    StringType,
    TupleType,
    Type,
)

__all__ = ["MalformedError", "decoder_of", "head_size", "is_dynamic", "word_reader"]

# parts of the data may be read several times, and there are a few words to begin with
_SHARED = 4
_SLACK = 64

Reader = Callable[[bytes, int, list[int]], Any]
"""Reads what lies at a place of the data. The list holds how many words may still be read."""


class MalformedError(ValueError):
    """Data that Solidity's decoder would not take either."""


def decoder_of(types: Sequence[Type]) -> Callable[[bytes], tuple[Any, ...]]:
    """A function that reads the encoding of these types, as the data of a log or the arguments of a
    call. It raises MalformedError."""
    read = _tuple_reader(types)

    def decode(data: bytes) -> tuple[Any, ...]:
        found: tuple[Any, ...] = read(data, 0, [_SHARED * (len(data) // 32) + _SLACK])
        return found

    return decode


def word_reader(type_: Type) -> Callable[[bytes], Any]:
    """A function that reads a value which is one word, as a topic is. It raises MalformedError."""
    read = _reader(type_)

    def decode(word: bytes) -> Any:
        if len(word) != 32:
            raise MalformedError("no word")
        return read(word, 0, [])

    return decode


def is_dynamic(type_: Type) -> bool:
    """Whether the value lies elsewhere, and an offset stands in its place."""
    match type_:
        case StringType() | BytesType(size=None) | ArrayType(size=None):
            return True
        case ArrayType(item=item):
            return is_dynamic(item)
        case TupleType(parts=parts):
            return any(map(is_dynamic, parts))
    return False


def head_size(type_: Type) -> int:
    """Bytes that a value takes in its place: all of it, or the offset."""
    match type_:
        case _ if is_dynamic(type_):
            return 32
        case ArrayType(item=item, size=int(size)):
            return size * head_size(item)
        case TupleType(parts=parts):
            return sum(map(head_size, parts))
    return 32


def _reader(type_: Type) -> Reader:
    match type_:
        case IntegerType(low=low, high=high):
            return _integer_reader(low, high)
        case BoolType():
            return _read_bool
        case AddressType():
            return _read_address
        case BytesType(size=None):
            return _read_bytes
        case BytesType(size=int(size)):
            return _fixed_reader(size)
        case StringType():
            return _read_string
        case ArrayType(item=item, size=None):
            return _array_reader(item)
        case ArrayType(item=item, size=int(size)):
            return _fixed_array_reader(item, size)
        case TupleType(parts=parts):
            return _tuple_reader(parts)
    raise TypeError(f"no ABI type: {type_}")


# --- one word; whoever reads the heads has made sure that it is there -----------------------------


def _integer_reader(low: int, high: int) -> Reader:
    is_signed = low < 0

    def read(data: bytes, at: int, _left: list[int]) -> int:
        value = int.from_bytes(data[at : at + 32], signed=is_signed)
        if not low <= value <= high:
            raise MalformedError("a number beyond its type")
        return value

    return read


def _read_bool(data: bytes, at: int, _left: list[int]) -> bool:
    value = int.from_bytes(data[at : at + 32])
    if value > 1:
        raise MalformedError("neither true nor false")
    return value == 1


_TWELVE = bytes(12)


def _read_address(data: bytes, at: int, _left: list[int]) -> str:
    if data[at : at + 12] != _TWELVE:
        raise MalformedError("an address beyond 20 bytes")
    return "0x" + data[at + 12 : at + 32].hex()


def _fixed_reader(size: int) -> Reader:
    rest = bytes(32 - size)

    def read(data: bytes, at: int, _left: list[int]) -> bytes:
        if data[at + size : at + 32] != rest:
            raise MalformedError(f"more than {size} bytes")
        return data[at : at + size]

    return read


# --- what has parts, or no fixed size -------------------------------------------------------------


def _word(data: bytes, at: int) -> int:
    if at + 32 > len(data):
        raise MalformedError("too short")
    return int.from_bytes(data[at : at + 32])


def _target(data: bytes, start: int, at: int) -> int:
    """Where the offset leads that stands at `at` and counts from `start`. If that is beyond the
    end, whoever reads there sees it."""
    return start + int.from_bytes(data[at : at + 32])


def _spend(left: list[int], words: int) -> None:
    left[0] -= words
    if left[0] < 0:
        raise MalformedError("parts that lie upon each other too often")


def _read_bytes(data: bytes, at: int, left: list[int]) -> bytes:
    length = _word(data, at)
    start = at + 32
    if length > len(data) - start:
        raise MalformedError("bytes beyond the end")
    _spend(left, length // 32 + 1)
    return data[start : start + length]


def _read_string(data: bytes, at: int, left: list[int]) -> str:
    return _read_bytes(data, at, left).decode("utf-8", "replace")


def _tuple_reader(types: Sequence[Type]) -> Reader:
    parts: list[tuple[int, Reader, bool]] = []
    head = 0
    for type_ in types:
        parts.append((head, _reader(type_), is_dynamic(type_)))
        head += head_size(type_)

    def read(data: bytes, at: int, left: list[int]) -> tuple[Any, ...]:
        if at + head > len(data):
            raise MalformedError("too short")
        _spend(left, len(parts))
        return tuple(
            [
                part(data, _target(data, at, at + offset) if is_far else at + offset, left)
                for offset, part, is_far in parts
            ]
        )

    return read


def _items_reader(item: Type) -> Callable[[bytes, int, int, list[int]], tuple[Any, ...]]:
    size = head_size(item)
    read_item, is_far = _reader(item), is_dynamic(item)

    def read(data: bytes, start: int, count: int, left: list[int]) -> tuple[Any, ...]:
        if count * size > len(data) - start:
            raise MalformedError("an array beyond the end")
        _spend(left, count)
        places = range(start, start + count * size, size)
        if is_far:
            return tuple([read_item(data, _target(data, start, at), left) for at in places])
        return tuple([read_item(data, at, left) for at in places])

    return read


def _array_reader(item: Type) -> Reader:
    read_items = _items_reader(item)

    def read(data: bytes, at: int, left: list[int]) -> tuple[Any, ...]:
        length = _word(data, at)
        _spend(left, 1)
        return read_items(data, at + 32, length, left)

    return read


def _fixed_array_reader(item: Type, size: int) -> Reader:
    read_items = _items_reader(item)

    def read(data: bytes, at: int, left: list[int]) -> tuple[Any, ...]:
        return read_items(data, at, size, left)

    return read
