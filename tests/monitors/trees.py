"""Random conditions for the property tests: well-typed trees, and values for their fields."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from donablock.errors import ConditionError
from donablock.monitors.conditions import (
    ADDRESS,
    BOOL,
    BYTES,
    LIMITS,
    STRING,
    AddressType,
    ArrayType,
    BoolType,
    BytesType,
    IntegerType,
    Schema,
    SchemaField,
    StringType,
    TupleType,
    Type,
    bytes_of,
    int_of,
    uint_of,
    write,
)
from donablock.monitors.conditions.checks import Checks, Operand
from donablock.monitors.conditions.tree import Field, Literal, Node, Variable

# how often each property is tried, in multiples of what an ordinary run does
DEPTH = int(os.environ.get("DONABLOCK_TEST_DEPTH", "1"))


def random_cases(number: int) -> settings:
    """Settings for a property of random conditions, some of which are of no use and drawn anew."""
    return settings(
        max_examples=number * DEPTH,
        deadline=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )


SPLIT = TupleType(
    ("to", "share", "tags", "note"), (ADDRESS, uint_of(16), ArrayType(STRING), STRING)
)
SCHEMA = Schema(
    [
        SchemaField("from", ADDRESS),
        SchemaField("to", ADDRESS),
        SchemaField("value", uint_of(256)),
        SchemaField("tick", int_of(24)),
        SchemaField("delta", int_of(256)),
        SchemaField("count", uint_of(8)),
        SchemaField("is_open", BOOL),
        SchemaField("memo", STRING),
        SchemaField("data", BYTES),
        SchemaField("selector", bytes_of(4)),
        SchemaField("root", bytes_of(32)),
        SchemaField("name", BytesType(32, "string")),
        SchemaField("amounts", ArrayType(uint_of(256))),
        SchemaField("pair", ArrayType(int_of(64), 2)),
        SchemaField("people", ArrayType(ADDRESS)),
        SchemaField("grid", ArrayType(ArrayType(uint_of(8)))),
        SchemaField("split", SPLIT),
        SchemaField("splits", ArrayType(SPLIT)),
        SchemaField("block.number", uint_of(64)),
        SchemaField("args.any", BOOL),
    ],
    {"USDC": 6},
)

# few values, so that equal ones meet
_ADDRESSES = ["0x" + digit * 40 for digit in "0a5"] + ["0x5fbdb2315678afecb367f032d93f642f64180aa3"]
_STRINGS = ["", "a", "ab", "b\na", 'say "hi"', "\\", "é", "\U0001f600", "'", "\0", "\u202e"]
_EDGES = [0, 1, 2, 3, 7, 10**18, 255, 2**63, 2**255 - 1, 2**256 - 1, -1, -2, -(2**23), -(2**255)]


def integers(type_: IntegerType) -> st.SearchStrategy[int]:
    """Within the type's bounds, often at them or at a small number."""
    edges = [edge for edge in (*_EDGES, type_.low, type_.high) if type_.low <= edge <= type_.high]
    return st.sampled_from(edges) | st.integers(type_.low, type_.high)


def values_of(type_: Type) -> st.SearchStrategy[Any]:
    """What a field of this type may hold."""
    match type_:
        case IntegerType():
            return integers(type_)
        case BoolType():
            return st.booleans()
        case AddressType():
            return st.sampled_from(_ADDRESSES)
        case BytesType(size=None):
            return st.sampled_from([b"", b"\0", b"ab", b"\xa9\x05\x9c\xbb"]) | st.binary(max_size=6)
        case BytesType(size=int(size)):
            return st.sampled_from([bytes(size), b"\xa9" * size]) | st.binary(
                min_size=size, max_size=size
            )
        case StringType():
            return st.sampled_from(_STRINGS) | st.text("ab\n", max_size=4)
        case ArrayType(item=item, size=size):
            most = 3 if size is None else size
            return st.lists(values_of(item), min_size=size or 0, max_size=most).map(tuple)
        case TupleType(parts=parts):
            return st.tuples(*map(values_of, parts))


def rows(schema: Schema = SCHEMA) -> st.SearchStrategy[tuple[Any, ...]]:
    """Values of all fields."""
    return st.tuples(*(values_of(field.type) for field in schema.fields))


def operand(node: Node) -> Operand:
    return Operand(node, 0, write(node))


class Grower:
    """Grows one tree, by asking Hypothesis at every fork."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.variables: tuple[Variable, ...] = ()

    @property
    def checks(self) -> Checks:
        return Checks(LIMITS, self.variables)

    def paths(self, is_wanted: Callable[[Type], bool]) -> list[Node]:
        """Every path that leads to a value of a wanted type."""
        bases: list[Node] = [
            *(Field(one.name, position, one.type) for position, one in enumerate(SCHEMA.fields)),
            *self.variables,
        ]
        found: list[Node] = []
        while bases:
            base = bases.pop(0)
            if is_wanted(base.type):
                found.append(base)
            if isinstance(base.type, ArrayType):
                bases.append(self.checks.item(operand(base), 0, 0))
                if base.type.size is None:
                    length = self.checks.part(operand(base), "length", 0)
                    found += [length] if is_wanted(length.type) else []
            elif isinstance(base.type, TupleType):
                bases += [self.checks.part(operand(base), name, 0) for name in base.type.names]
        return found

    def path(self, is_wanted: Callable[[Type], bool]) -> Node:
        paths = self.paths(is_wanted)
        assume(paths)
        return self.draw(st.sampled_from(paths))

    def literal(self, type_: Type) -> Literal:
        value = self.draw(values_of(type_))
        if isinstance(type_, IntegerType):
            return Literal(value, IntegerType(value, value))
        if isinstance(type_, AddressType):
            return Literal(bytes.fromhex(value[2:]), bytes_of(20))
        if isinstance(type_, BytesType):
            return Literal(value, bytes_of(len(value)))
        return Literal(value, type_)

    def number(self, depth: int) -> Node:
        def is_number(type_: Type) -> bool:
            return isinstance(type_, IntegerType)

        choice = self.draw(st.integers(0, 5 if depth else 1))
        if choice == 0:
            return self.path(is_number)
        if choice == 1:
            return self.literal(uint_of(8) if self.draw(st.booleans()) else int_of(256))
        if choice == 2:
            return self.checks.negative(operand(self.number(depth - 1)))
        operator = self.draw(st.sampled_from(["+", "-", "*", "//", "%"]))
        left, right = self.number(depth - 1), self.number(depth - 1)
        return self.checks.arithmetic(operator, operand(left), operand(right))

    def single(self, depth: int) -> tuple[Node, Type]:
        """A field or a result, and its type."""
        if self.draw(st.booleans()):
            node = self.number(depth)
            return node, node.type
        node = self.path(lambda type_: not isinstance(type_, ArrayType | TupleType))
        return node, node.type

    def truth(self, depth: int) -> Node:
        choice = self.draw(st.integers(0, 8 if depth else 5))
        checks = self.checks
        if choice == 0:
            return self.path(lambda type_: isinstance(type_, BoolType))
        if choice <= 2:
            left, type_ = self.single(min(depth, 2))
            number = isinstance(type_, IntegerType)
            operators = ["==", "!=", *(["<", "<=", ">", ">="] if number else [])]
            right: Node = self.literal(type_)
            if number and self.draw(st.booleans()):
                right = self.number(min(depth, 2))
            elif self.draw(st.booleans()):
                right = self.path(lambda other: other == type_)
            sides = [operand(left), operand(right)]
            if self.draw(st.booleans()):
                sides.reverse()
            return checks.compare(self.draw(st.sampled_from(operators)), *sides)
        if choice == 3:
            item, type_ = self.single(1)
            options = [operand(self.literal(type_)) for _ in range(self.draw(st.integers(1, 3)))]
            return checks.member(operand(item), options, self.draw(st.booleans()))
        if choice == 4:
            array = self.path(
                lambda type_: (
                    isinstance(type_, ArrayType)
                    and not isinstance(type_.item, ArrayType | TupleType)
                )
            )
            assert isinstance(array.type, ArrayType)
            kind = array.type.item
            wanted: Node = self.literal(kind)
            if self.draw(st.booleans()):
                wanted = self.path(lambda type_: type(type_) is type(kind))
            return checks.member_of(operand(wanted), operand(array), self.draw(st.booleans()))
        if choice == 5:
            left = self.path(
                lambda type_: isinstance(type_, StringType | BytesType) and type_ != BYTES_HASH
            )
            kind = STRING if isinstance(left.type, StringType) else BYTES
            needle: Node = self.literal(kind)
            if self.draw(st.booleans()):
                needle = self.path(lambda type_: type_ == kind)
            operator = self.draw(st.sampled_from(["starts_with", "ends_with", "contains"]))
            return checks.search(operator, operand(left), operand(needle))
        if choice == 6:
            return checks.negated(operand(self.truth(depth - 1)))
        if choice == 7:
            parts = [operand(self.truth(depth - 1)) for _ in range(self.draw(st.integers(2, 3)))]
            return checks.both(parts) if self.draw(st.booleans()) else checks.either(parts)
        base = self.path(lambda type_: isinstance(type_, ArrayType))
        array_type = checks.array(operand(base))
        if len(self.variables) >= LIMITS.quantifiers:
            return self.truth(depth - 1)
        name = f"x{len(self.variables)}"
        outer = self.variables
        self.variables = (*outer, Variable(name, array_type.item))
        body = self.truth(depth - 1)
        self.variables = outer
        kind_word = self.draw(st.sampled_from(["any", "all"]))
        return checks.quantifier(kind_word, name, operand(base), operand(body))


BYTES_HASH = BytesType(32, "string")


@st.composite
def trees(draw: Any, depth: int = 3) -> Node:
    """Conditions over SCHEMA that `checks` lets through."""
    try:
        node = Grower(draw).truth(depth)
    except ConditionError:
        assume(False)
    assert node.type == BOOL
    return node
