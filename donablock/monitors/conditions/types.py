"""The types of values. Integers know the bounds of their values, whatever they were computed from:
no result can grow beyond what is allowed, and a comparison that can never be true is seen."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ADDRESS",
    "BOOL",
    "BYTES",
    "STRING",
    "AddressType",
    "ArrayType",
    "BoolType",
    "BytesType",
    "IntegerType",
    "StringType",
    "TupleType",
    "Type",
    "bytes_of",
    "describe",
    "int_of",
    "is_long",
    "uint_of",
]


@dataclass(frozen=True, slots=True)
class IntegerType:
    """A whole number from `low` to `high`, both included. `name`: as the ABI calls it, or ""."""

    low: int
    high: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class BoolType:
    """true or false."""


@dataclass(frozen=True, slots=True)
class AddressType:
    """20 bytes; as a value: text, 0x and 40 hexadecimal digits in lower case."""


@dataclass(frozen=True, slots=True)
class BytesType:
    """Bytes: `size` of them, or any number. `hash_of`: the keccak-256 of a value of that name, all
    that a log keeps of an indexed argument that is longer than a word."""

    size: int | None = None
    hash_of: str = ""


@dataclass(frozen=True, slots=True)
class StringType:
    """Text; bytes that are no UTF-8 were replaced by U+FFFD."""


@dataclass(frozen=True, slots=True)
class ArrayType:
    """`size` items, or any number; as a value: a tuple."""

    item: Type
    size: int | None = None


@dataclass(frozen=True, slots=True)
class TupleType:
    """Named parts (a struct); as a value: a tuple."""

    names: tuple[str, ...]
    parts: tuple[Type, ...]


Type = IntegerType | BoolType | AddressType | BytesType | StringType | ArrayType | TupleType

BOOL = BoolType()
ADDRESS = AddressType()
BYTES = BytesType()
STRING = StringType()


def uint_of(bits: int) -> IntegerType:
    return IntegerType(0, 2**bits - 1, f"uint{bits}")


def int_of(bits: int) -> IntegerType:
    return IntegerType(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, f"int{bits}")


def bytes_of(size: int) -> BytesType:
    return BytesType(size)


def is_long(type_: Type) -> bool:
    """Whether a value may be of any length, and reading it through takes as long as it is."""
    return type_ in (BYTES, STRING) or isinstance(type_, ArrayType)


def describe(type_: Type) -> str:
    """For people: "a uint256", "an array of addresses"."""
    match type_:
        case IntegerType(name=name):
            return f"a number ({name})" if name else "a number"
        case BoolType():
            return "true or false"
        case AddressType():
            return "an address"
        case BytesType(size=None):
            return "bytes"
        case BytesType(size=size, hash_of=""):
            return f"bytes{size}"
        case BytesType(hash_of=what):
            return f"bytes32, the keccak-256 of a {what}"
        case StringType():
            return "a string"
        case ArrayType(item=item):
            return f"an array (each item {describe(item)})"
        case TupleType(names=names):
            return f"a tuple ({', '.join(names)})"
