"""A tree back into text: one way to write each condition, and reading it gives the same tree."""

from __future__ import annotations

from eth_utils.address import to_checksum_address

from donablock.monitors.conditions.lexer import quote
from donablock.monitors.conditions.tree import (
    Among,
    And,
    Arithmetic,
    Compare,
    Field,
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
)
from donablock.monitors.conditions.types import ADDRESS

__all__ = ["write"]

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN, _VALUE = range(1, 9)


def write(node: Node) -> str:
    """The canonical text of a tree: numbers in decimal, no units, no needless parentheses."""
    return _write(node)[0]


def _write(node: Node) -> tuple[str, int]:
    """The text, and how strongly it holds together."""
    match node:
        case Literal(value=value, type=type_):
            if isinstance(value, bool):
                return ("true" if value else "false"), _VALUE
            if isinstance(value, int):
                return str(value), (_VALUE if value >= 0 else _SIGN)
            if isinstance(value, bytes):
                return "0x" + value.hex(), _VALUE
            return (to_checksum_address(value) if type_ == ADDRESS else quote(value)), _VALUE
        case Field(name=name) | Variable(name=name):
            return name, _VALUE
        case Item(base=base, index=index):
            return f"{_within(base, _VALUE)}[{index}]", _VALUE
        case Part(base=base, name=name):
            return f"{_within(base, _VALUE)}.{name}", _VALUE
        case Length(base=base):
            return f"{_within(base, _VALUE)}.length", _VALUE
        case Negative(operand=operand):
            return f"-{_within(operand, _SIGN)}", _SIGN
        case Arithmetic(operator=operator, left=left, right=right):
            own = _SUM if operator in "+-" else _PRODUCT
            return f"{_within(left, own)} {operator} {_within(right, own + 1)}", own
        case Compare() | Search():
            sides = f"{_within(node.left, _SUM)} {node.operator} {_within(node.right, _SUM)}"
            return sides, _COMPARISON
        case Member(item=item, options=options, is_negated=is_negated):
            word = "not in" if is_negated else "in"
            listed = ", ".join(_write(option)[0] for option in options)
            return f"{_within(item, _SUM)} {word} [{listed}]", _COMPARISON
        case Among(item=item, array=array, is_negated=is_negated):
            word = "not in" if is_negated else "in"
            return f"{_within(item, _SUM)} {word} {_within(array, _SUM)}", _COMPARISON
        case Not(operand=operand):
            return f"not {_within(operand, _NOT)}", _NOT
        case And(parts=parts):
            return " and ".join(_within(part, _NOT) for part in parts), _AND
        case Or(parts=parts):
            return " or ".join(_within(part, _AND) for part in parts), _OR
        case Quantifier(kind=kind, variable=variable, base=base, body=body):
            inside = f"{variable} in {_within(base, _SUM)}: {_write(body)[0]}"
            return f"{kind}({inside})", _VALUE


def _within(node: Node, least: int) -> str:
    text, strength = _write(node)
    return text if strength >= least else f"({text})"
