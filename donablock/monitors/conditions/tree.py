"""The checked tree of a condition. Every node knows the type of its value.

Nodes are made by `checks`, which refuses what makes no sense; whoever has a tree may rely on that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Choice

from donablock.monitors.conditions.types import BOOL, BoolType, IntegerType, Type

__all__ = [
    "Among",
    "And",
    "Arithmetic",
    "Compare",
    "Field",
    "Item",
    "Length",
    "Literal",
    "Member",
    "Negative",
    "Node",
    "Not",
    "Or",
    "Part",
    "Quantifier",
    "Search",
    "Value",
    "Variable",
    "children",
    "root",
]

Value = int | bool | str | bytes


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is written out. An address is text in lower case."""

    value: Value
    type: Type


@dataclass(frozen=True, slots=True)
class Field:
    """A field of what is looked at. `position`: where it stands among the values."""

    name: str
    position: int
    type: Type


@dataclass(frozen=True, slots=True)
class Variable:
    """The item that an any(...) or all(...) is at."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Item:
    """One item of an array, counted from 0. Where there is none, the condition is undefined."""

    base: Node
    index: int
    type: Type


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of a tuple."""

    base: Node
    name: str
    position: int
    type: Type


@dataclass(frozen=True, slots=True)
class Length:
    """The number of items of an array, or of bytes."""

    base: Node
    type: IntegerType


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Node
    type: IntegerType


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`//` rounds down and `%` has the sign of the divisor. By zero: the condition is undefined."""

    operator: Choice["+", "-", "*", "//", "%"]
    left: Node
    right: Node
    type: IntegerType


@dataclass(frozen=True, slots=True)
class Compare:
    operator: Choice["==", "!=", "<", "<=", ">", ">="]
    left: Node
    right: Node
    type: BoolType = BOOL


@dataclass(frozen=True, slots=True)
class Member:
    """`item in [..]`: one of some written values."""

    item: Node
    options: tuple[Literal, ...]
    is_negated: bool = False
    type: BoolType = BOOL


@dataclass(frozen=True, slots=True)
class Among:
    """`item in array`: one of the items of an array."""

    item: Node
    array: Node
    is_negated: bool = False
    type: BoolType = BOOL


@dataclass(frozen=True, slots=True)
class Search:
    operator: Choice["starts_with", "ends_with", "contains"]
    left: Node
    right: Node
    type: BoolType = BOOL


@dataclass(frozen=True, slots=True)
class Not:
    operand: Node
    type: BoolType = BOOL


@dataclass(frozen=True, slots=True)
class And:
    """Read from the left, until one is false."""

    parts: tuple[Node, ...]
    type: BoolType = BOOL


@dataclass(frozen=True, slots=True)
class Or:
    """Read from the left, until one is true."""

    parts: tuple[Node, ...]
    type: BoolType = BOOL


@dataclass(frozen=True, slots=True)
class Quantifier:
    """any(variable in base: body), all(variable in base: body)."""

    kind: Choice["any", "all"]
    variable: str
    base: Node
    body: Node
    type: BoolType = BOOL


Node = (
    Literal
    | Field
    | Variable
    | Item
    | Part
    | Length
    | Negative
    | Arithmetic
    | Compare
    | Member
    | Among
    | Search
    | Not
    | And
    | Or
    | Quantifier
)


def children(node: Node) -> tuple[Node, ...]:
    """In the order of the text."""
    match node:
        case Literal() | Field() | Variable():
            return ()
        case Item(base=base) | Part(base=base) | Length(base=base):
            return (base,)
        case Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case Arithmetic() | Compare() | Search():
            return (node.left, node.right)
        case Member(item=item, options=options):
            return (item, *options)
        case Among(item=item, array=array):
            return (item, array)
        case And(parts=parts) | Or(parts=parts):
            return parts
        case Quantifier(base=base, body=body):
            return (base, body)


def root(node: Node) -> Field | Variable | None:
    """What a path (`a.b[0].c`) starts from; None for what is no path."""
    while isinstance(node, Item | Part):
        node = node.base
    return node if isinstance(node, Field | Variable) else None
