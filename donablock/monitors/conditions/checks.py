"""Makes the nodes of a tree and refuses what makes no sense, with its place and how to mend it.

No comparison gets through that can only be true, or only be false: it would be a mistake, such as
an amount without its unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from donablock.errors import ConditionError
from donablock.monitors.conditions.lexer import plain, show
from donablock.monitors.conditions.limits import Limits
from donablock.monitors.conditions.names import meant
from donablock.monitors.conditions.tree import (
    Among,
    And,
    Arithmetic,
    Compare,
    Item,
    Length,
    Literal,
    Member,
    Negative,
    Node,
    Not,
    Or,
    Part,
    Quantifier,
    Search,
    Variable,
    root,
)
from donablock.monitors.conditions.types import (
    ADDRESS,
    BYTES,
    AddressType,
    ArrayType,
    BoolType,
    BytesType,
    IntegerType,
    StringType,
    TupleType,
    Type,
    describe,
    is_long,
)

__all__ = [
    "Checks",
    "Operand",
]

# no array and no bytes of a block are longer
_LONGEST = 2**32 - 1

_HOLDS: dict[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True, slots=True)
class Operand:
    """A node and the piece of text it came from. `depth`: of the node's tree; one node has 1."""

    node: Node
    start: int
    text: str
    depth: int = 1

    @property
    def type(self) -> Type:
        return self.node.type

    @property
    def name(self) -> str:
        """Its text for messages."""
        return plain(self.text)

    @property
    def is_written(self) -> bool:
        """Whether it is a value written out, the same in every block."""
        return isinstance(self.node, Literal)

    def fault(self, expected: str, mend: str, found: str = "") -> ConditionError:
        what = found or f"{show(self.text)}, {describe(self.type)}"
        return ConditionError(self.start, what, expected, mend)


@dataclass(frozen=True, slots=True)
class Checks:
    """`variables`: those of the any(...) and all(...) around, the innermost last."""

    limits: Limits
    variables: tuple[Variable, ...] = ()

    # --- numbers ----------------------------------------------------------------------------------

    def negative(self, operand: Operand) -> Node:
        type_ = _integer(operand)
        if isinstance(operand.node, Literal):
            return _number(-cast(int, operand.node.value))
        return Negative(operand.node, IntegerType(-type_.high, -type_.low))

    def arithmetic(self, operator: Any, left: Operand, right: Operand) -> Node:
        first, second = _integer(left), _integer(right)
        if operator in ("//", "%") and second.low == 0 == second.high:
            raise right.fault("a divisor that is not zero", "divide by something else", "zero")
        low, high = _bounds(operator, first, second)
        if max(abs(low), abs(high)).bit_length() > self.limits.integer_bits:
            raise left.fault(
                f"at most {self.limits.integer_bits} bits",
                "multiply fewer numbers",
                "a result that may be larger than any number allowed here",
            )
        if isinstance(left.node, Literal) and isinstance(right.node, Literal):
            return _number(low)
        return Arithmetic(operator, left.node, right.node, IntegerType(low, high))

    # --- comparisons ------------------------------------------------------------------------------

    def compare(self, operator: Any, left: Operand, right: Operand) -> Node:
        first, second = self._alike(left, right)
        a, b = first.type, second.type
        if isinstance(a, ArrayType | TupleType):
            what = (
                f"`any(x in {left.name}: x == ...)`"
                if isinstance(a, ArrayType)
                else "compare its parts"
            )
            raise left.fault("one value", f"an array or a tuple is not compared as a whole; {what}")
        if isinstance(a, IntegerType) and isinstance(b, IntegerType):
            self._may_vary(operator, left, right, a, b)
        elif operator not in ("==", "!="):
            raise left.fault(
                f"numbers on both sides of `{operator}`", "only numbers have an order; use == or !="
            )
        if not left.is_written and not right.is_written and is_long(a) and is_long(b):
            self._within(left)
            self._within(right)
        return Compare(operator, first, second)

    def _alike(self, left: Operand, right: Operand) -> tuple[Node, Node]:
        """Both as values of one type."""
        if left.is_written and right.is_written:
            raise left.fault(
                "a field on one side",
                "leave the comparison out: it is the same in every block",
                f"two written values, {show(left.text)} and {show(right.text)}",
            )
        first, second = left.node, right.node
        if left.is_written:
            first = fitted(left, right.type, right.text)
        elif right.is_written:
            second = fitted(right, left.type, left.text)
        elif not _comparable(left.type, right.type):
            raise right.fault(
                f"{describe(left.type)}, as {show(left.text)} is",
                "compare values of one type",
            )
        return first, second

    @staticmethod
    def _may_vary(
        operator: str, left: Operand, right: Operand, a: IntegerType, b: IntegerType
    ) -> None:
        holds = _HOLDS[operator]
        if operator in ("==", "!="):
            apart = a.high < b.low or b.high < a.low
            same = a.low == a.high == b.low == b.high
            answers = {operator == "!="} if apart else {operator == "=="} if same else {True, False}
        else:
            answers = {holds(x, y) for x in (a.low, a.high) for y in (b.low, b.high)}
        if len(answers) == 1:
            raise left.fault(
                "a comparison that may be true or false",
                f"{_range(left, a)} and {_range(right, b)}; is a unit missing, or the wrong field "
                "taken?",
                f"one that is {'always' if True in answers else 'never'} true",
            )

    def member(self, item: Operand, options: Sequence[Operand], is_negated: bool) -> Node:
        if item.is_written:
            raise item.fault("a field before `in`", "compare a field with the list")
        if isinstance(item.type, ArrayType | TupleType):
            raise item.fault("one value before `in`", "use any(...) for the items of an array")
        if len(options) > self.limits.options:
            raise options[self.limits.options].fault(
                f"at most {self.limits.options} values in a list", "use several monitors"
            )
        found: list[Literal] = []
        for option in options:
            if not option.is_written:
                raise option.fault(
                    "a written value", "fields are compared with ==, and joined with `or`"
                )
            literal = fitted(option, item.type, item.text)
            if isinstance(item.type, IntegerType):
                kept = cast(int, literal.value)
                if not item.type.low <= kept <= item.type.high:
                    raise option.fault(
                        f"a value that {show(item.text)} can have", _range(item, item.type)
                    )
            if literal not in found:
                found.append(literal)
        return Member(item.node, tuple(found), is_negated)

    def member_of(self, item: Operand, array: Operand, is_negated: bool) -> Node:
        if not isinstance(array.type, ArrayType):
            if isinstance(array.type, StringType | BytesType):
                mend = f"write `{array.name} contains {item.name}`"
            else:
                mend = "write a list in square brackets: `x in [1, 2]`"
            raise array.fault("a list or an array after `in`", mend)
        kind = array.type.item
        if isinstance(kind, ArrayType | TupleType):
            raise array.fault(
                "an array of single values",
                f"write `any(x in {array.name}: ...)` and compare the parts of x",
            )
        node: Node = item.node
        if item.is_written:
            node = fitted(item, kind, f"an item of {array.name}")
        elif not _comparable(item.type, kind):
            raise item.fault(f"{describe(kind)}, as the items are", "compare values of one type")
        self._within(array)
        return Among(node, array.node, is_negated)

    def search(self, operator: Any, left: Operand, right: Operand) -> Node:
        if left.is_written or root(left.node) is None:
            raise left.fault(f"a field before `{operator}`", "put the field first")
        if isinstance(left.type, BytesType) and left.type.hash_of:
            raise left.fault(
                "text or bytes", "the log keeps only the hash of this argument; compare it with =="
            )
        if isinstance(left.type, ArrayType):
            raise left.fault("text or bytes", f"write `{right.name} in {left.name}`")
        if not isinstance(left.type, StringType | BytesType):
            raise left.fault("text or bytes", f"`{operator}` looks into strings and bytes only")
        if right.is_written:
            needle = fitted(right, BYTES if isinstance(left.type, BytesType) else left.type, "")
            size = left.type.size if isinstance(left.type, BytesType) else None
            length = len(cast(bytes | str, needle.value))
            if length == 0 or (size is not None and length > size):
                raise right.fault(
                    f"between 1 and {size} bytes" if size else "at least one character",
                    "otherwise it is always or never true",
                )
        else:
            if type(right.type) is not type(left.type):
                raise right.fault(describe(left.type), "compare values of one type")
            needle = right.node  # type: ignore[assignment]
            self._within(right)
        if operator == "contains" or not right.is_written:
            self._within(left)
        return Search(operator, left.node, needle)

    def _within(self, operand: Operand) -> None:
        """Inside any(...) or all(...) only the item itself may be read through: anything else would
        take its length times the number of items."""
        if not self.variables or not is_long(operand.type):
            return
        inner = self.variables[-1].name
        base = root(operand.node)
        if not isinstance(base, Variable) or base.name != inner:
            raise operand.fault(
                f"something of `{inner}`",
                "inside any(...) and all(...) only the item is looked through; move this part out",
            )

    # --- parts ------------------------------------------------------------------------------------

    def item(self, base: Operand, index: int, at: int) -> Node:
        if not isinstance(base.type, ArrayType):
            raise base.fault("an array before `[`", "only arrays have items")
        size = base.type.size
        if index > _LONGEST or (size is not None and index >= size):
            raise ConditionError(
                at,
                f"item {show(str(index))}",
                f"0 to {_LONGEST if size is None else size - 1}",
                "items are counted from 0",
            )
        return Item(base.node, index, base.type.item)

    def part(self, base: Operand, name: str, at: int) -> Node:
        type_ = base.type
        if isinstance(type_, TupleType):
            if name in type_.names:
                position = type_.names.index(name)
                return Part(base.node, name, position, type_.parts[position])
            raise ConditionError(
                at, show(name), f"a part of {show(base.text)}", meant(name, type_.names)
            )
        if name == "length" and isinstance(type_, ArrayType | BytesType):
            if type_.size is not None:
                return _number(type_.size)
            return Length(base.node, IntegerType(0, _LONGEST))
        if isinstance(type_, ArrayType):
            mend = f"take an item, `{base.name}[0]`, all of them, `any(x in {base.name}: ...)`, or "
            mend += "`.length`"
        elif isinstance(type_, BytesType):
            mend = "bytes have only `.length`"
        else:
            mend = f"leave `.{plain(name)}` out"
        raise ConditionError(at, show("." + name), f"no part: it is {describe(type_)}", mend)

    # --- truth ------------------------------------------------------------------------------------

    def both(self, parts: Sequence[Operand]) -> Node:
        return And(tuple(_flat(And, [truth(part) for part in parts])))

    def either(self, parts: Sequence[Operand]) -> Node:
        return Or(tuple(_flat(Or, [truth(part) for part in parts])))

    def negated(self, operand: Operand) -> Node:
        return Not(truth(operand))

    def array(self, base: Operand) -> ArrayType:
        """The type of what any(...) goes over."""
        if not isinstance(base.type, ArrayType) or root(base.node) is None:
            raise base.fault("an array", "any(...) and all(...) go over the items of an array")
        self._within(base)
        return base.type

    @staticmethod
    def quantifier(kind: Any, variable: str, base: Operand, body: Operand) -> Node:
        return Quantifier(kind, variable, base.node, truth(body))


def truth(operand: Operand) -> Node:
    """What is true or false in one block and not in another."""
    if operand.is_written:
        raise operand.fault("a comparison with a field", "leave it out: it is always the same")
    if not isinstance(operand.type, BoolType):
        if isinstance(operand.type, IntegerType):
            mend = f"compare it: `{operand.name} > 0`"
        elif isinstance(operand.type, ArrayType):
            mend = f"look into it: `any(x in {operand.name}: ...)`, or `{operand.name}.length > 0`"
        elif isinstance(operand.type, TupleType):
            mend = f"compare a part of it: {', '.join(operand.type.names)}"
        else:
            mend = f"compare it: `{operand.name} == ...`"
        raise operand.fault("a comparison, or a field that is true or false", mend)
    return operand.node


def fitted(literal: Operand, wanted: Type, where: str) -> Literal:
    """A written value as one of the wanted type. `where`: what it is compared with, for people."""
    node = literal.node
    assert isinstance(node, Literal)
    beside = f"{describe(wanted)}, as {show(where)} is" if where else describe(wanted)
    match wanted, node.type:
        case (IntegerType(), IntegerType()) | (BoolType(), BoolType()):
            return node
        case (StringType(), StringType()):
            return node
        case (AddressType(), BytesType(size=20)):
            return Literal(_address(literal), ADDRESS)
        case (BytesType(size=None), BytesType()):
            return Literal(node.value, BYTES)
        case (BytesType(size=size), BytesType(size=given)) if given == size:
            return Literal(node.value, wanted)
    raise literal.fault(beside, _mend(node, wanted))


def _mend(literal: Literal, wanted: Type) -> str:
    value = literal.value
    match wanted:
        case IntegerType():
            if isinstance(value, bytes) and value:
                return f"write the number in decimal: {int.from_bytes(value)}"
            return "write a number, without quotes"
        case AddressType():
            return "write 0x and 40 hexadecimal digits, without quotes"
        case BytesType(hash_of=what) if what and isinstance(value, str):
            return f"write the hash of that text: 0x{keccak(text=value).hex()}"
        case BytesType(size=size) if isinstance(value, str):
            raw = value.encode()
            if size is None or len(raw) <= size:
                return f"write these bytes as 0x{raw.ljust(size or 0, bytes(1)).hex()}"
            return f"that text does not fit into {size} bytes"
        case BytesType(size=int(size)) if isinstance(value, bytes):
            if len(value) < size:
                filled = value.ljust(size, bytes(1)).hex()
                return f"fill it up to {size} bytes, such as 0x{filled}, or use starts_with"
            return f"write 0x and {2 * size} hexadecimal digits"
        case BytesType():
            return "write 0x and an even number of hexadecimal digits"
        case StringType():
            return "write it between double quotes"
        case BoolType():
            return "write true or false, or leave the comparison out"
        case ArrayType():
            return "look at its items with any(...) or all(...), or use `in`"
        case TupleType(names=names):
            return f"compare a part of it: {', '.join(names)}"


def _address(literal: Operand) -> str:
    digits = literal.text[2:]
    small = "0x" + digits.lower()
    if digits.lower() != digits and digits.upper() != digits:
        right = to_checksum_address(small)
        if right[2:] != digits:
            raise literal.fault(
                "an address whose capitals are its checksum",
                f"a digit is mistyped; if not, write {small} in small letters",
                show(literal.text),
            )
    return small


def _integer(operand: Operand) -> IntegerType:
    if isinstance(operand.type, IntegerType):
        return operand.type
    raise operand.fault("a number", "only numbers are calculated with")


def _number(value: int) -> Literal:
    return Literal(value, IntegerType(value, value))


def _comparable(a: Type, b: Type) -> bool:
    if isinstance(a, BytesType) and isinstance(b, BytesType):
        return a.size is None or b.size is None or a.size == b.size
    return type(a) is type(b)


def _range(operand: Operand, type_: IntegerType) -> str:
    if operand.is_written:
        return f"{show(operand.text)} is {_short(type_.low)}"
    name = f" ({type_.name})" if type_.name else ""
    low, high = _short(type_.low), _short(type_.high)
    return f"{show(operand.text)}{name} lies between {low} and {high}"


def _short(number: int) -> str:
    """A bound of an ABI's type is known better as a power than by its 78 digits."""
    if abs(number) < 10**15:
        return str(number)
    for one in (-1, 0, 1):
        size = abs(number) - one
        if size.bit_count() == 1:
            power = f"2^{size.bit_length() - 1}"
            sign = "-" if number < 0 else ""
            if one == 0:
                return sign + power
            if number > 0:
                return f"{power} {'+' if one > 0 else '-'} 1"
    # bounded by Limits.integer_bits, so far below what Python refuses to write out
    digits = str(number)
    return digits if len(digits) <= 40 else f"{digits[:20]}…({len(digits)} digits)"


def _flat(kind: type[And] | type[Or], parts: list[Node]) -> list[Node]:
    """`a and (b and c)` is `a and b and c`."""
    return [
        inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))
    ]


def _bounds(operator: str, a: IntegerType, b: IntegerType) -> tuple[int, int]:
    """The least and the largest result. Exact at the corners, since each operation rises or falls
    throughout in each of its operands, once the divisor's sign is fixed."""
    if operator == "+":
        return a.low + b.low, a.high + b.high
    if operator == "-":
        return a.low - b.high, a.high - b.low
    if operator == "*":
        corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        return min(corners), max(corners)
    # a divisor of zero gives no result
    positive = (max(b.low, 1), b.high) if b.high >= 1 else ()
    negative = (b.low, min(b.high, -1)) if b.low <= -1 else ()
    if operator == "//":
        corners = [x // y for x in (a.low, a.high) for y in (*positive, *negative)]
        return min(corners), max(corners)
    if a.low == a.high and b.low == b.high:
        return a.low % b.low, a.low % b.low
    high = 0
    if positive:
        high = min(a.high, b.high - 1) if a.low >= 0 else b.high - 1
    low = 0
    if negative:
        low = max(a.low, b.low + 1) if a.high <= 0 else b.low + 1
    return low, high
