"""The types of the ABI, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from donablock.errors import DefinitionError
from donablock.monitors.conditions import (
    ADDRESS,
    BOOL,
    BYTES,
    STRING,
    ArrayType,
    TupleType,
    Type,
    bytes_of,
    int_of,
    uint_of,
)
from donablock.monitors.conditions.lexer import show

__all__ = [
    "MAX_DEPTH",
    "MAX_PARTS",
    "array_of",
    "check_depth",
    "distinct",
    "elementary",
    "few",
    "named",
    "tuple_of",
]

MAX_PARTS = 64
"""Arguments of one event or function, or parts of one tuple."""

MAX_DEPTH = 8
"""How deep tuples and arrays nest."""

_MAX_ARRAY = 2**16
_MAX_NAME = 64

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*", re.ASCII)
_BASE = re.compile(r"([a-z]+)([0-9]{1,3})?", re.ASCII)
_ARRAY = re.compile(r"\[([0-9]{0,6})\]", re.ASCII)

_PLAIN: dict[str, tuple[str, Type]] = {
    "address": ("address", ADDRESS),
    "bool": ("bool", BOOL),
    "bytes": ("bytes", BYTES),
    "int": ("int256", int_of(256)),
    "string": ("string", STRING),
    "uint": ("uint256", uint_of(256)),
}


def elementary(name: str) -> tuple[str, Type]:
    """The name in a signature, and the type of the value. Raises DefinitionError."""
    match = _BASE.fullmatch(name)
    if match is not None:
        kind, size = match.groups()
        if size is None and kind in _PLAIN:
            return _PLAIN[kind]
        # no leading zeros
        if size is not None and str(int(size)) == size:
            number = int(size)
            if kind in ("uint", "int") and number % 8 == 0 and 8 <= number <= 256:
                return name, uint_of(number) if kind == "uint" else int_of(number)
            if kind == "bytes" and 1 <= number <= 32:
                return name, bytes_of(number)
    raise DefinitionError(
        f"{show(name)} is no type of the ABI that is known here; known are uint8 to uint256, int8 "
        "to int256, address, bool, string, bytes, bytes1 to bytes32, tuples and arrays"
    )


def array_of(abi_type: str, type_: Type, suffix: str, depth: int) -> tuple[str, Type]:
    """With "[2][]" or the like behind it."""
    at = 0
    while at < len(suffix):
        match = _ARRAY.match(suffix, at)
        if match is None:
            raise DefinitionError(f"{show(abi_type + suffix)} is no type of the ABI")
        size = int(match[1]) if match[1] else None
        # an array of nothing takes no place: any number of them would fit into no data
        if size is not None and not 1 <= size <= _MAX_ARRAY:
            raise DefinitionError(
                f"{show(abi_type + suffix)}: a fixed array has 1 to {_MAX_ARRAY} items"
            )
        depth += 1
        check_depth(depth)
        abi_type += f"[{'' if size is None else size}]"
        type_ = ArrayType(type_, size)
        at = match.end()
    return abi_type, type_


def tuple_of(parts: Sequence[tuple[Any, str, Type]]) -> tuple[str, Type]:
    """Of (name, name of the type, type)."""
    if not parts:
        raise DefinitionError("a tuple of the ABI has at least one part")
    names = distinct([part[0] for part in few(parts)])
    abi_type = f"({','.join(part[1] for part in parts)})"
    return abi_type, TupleType(names, tuple(part[2] for part in parts))


def check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise DefinitionError(f"tuples and arrays of the ABI nest deeper than {MAX_DEPTH}")


def few(parts: Sequence[Any]) -> Sequence[Any]:
    if len(parts) > MAX_PARTS:
        raise DefinitionError(f"more than {MAX_PARTS} arguments, or parts of one tuple")
    return parts


def named(value: Any) -> str:
    """A name that a condition can name."""
    name = value if isinstance(value, str) else ""
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise DefinitionError(
            f"the name {show(name)} is none of Solidity or Vyper; a name has letters, digits and "
            f"_, at most {_MAX_NAME} of them"
        )
    return name


def distinct(names: Sequence[Any]) -> tuple[str, ...]:
    """What has no name is called after its place."""
    found = [
        f"arg{at}" if name is None or name == "" else named(name) for at, name in enumerate(names)
    ]
    for at, name in enumerate(found):
        if name in found[:at]:
            raise DefinitionError(
                f"two arguments or parts are called {name}; rename one: names are free in an ABI"
            )
    return tuple(found)
