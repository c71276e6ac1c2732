"""What a condition means, said as plainly as possible. It is slow: tests hold the compiled form
against it, and a backtest can explain itself with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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

__all__ = ["UndefinedError", "evaluate"]


class UndefinedError(Exception):
    """A division by zero, or an item that an array has not."""


def evaluate(node: Node, values: Sequence[Any], items: Mapping[str, Any] | None = None) -> Any:
    """The value of a node. `values`: of the schema's fields; `items`: of the variables around.

    Raises UndefinedError.
    """
    items = items or {}

    def of(part: Node) -> Any:
        return evaluate(part, values, items)

    match node:
        case Literal(value=value):
            return value
        case Field(position=position):
            return values[position]
        case Variable(name=name):
            return items[name]
        case Item(base=base, index=index):
            found = of(base)
            if index >= len(found):
                raise UndefinedError(f"there is no item {index}")
            return found[index]
        case Part(base=base, position=position):
            return of(base)[position]
        case Length(base=base):
            return len(of(base))
        case Negative(operand=operand):
            return -of(operand)
        case Arithmetic(operator=operator, left=left, right=right):
            return _calculated(operator, of(left), of(right))
        case Compare(operator=operator, left=left, right=right):
            a, b = of(left), of(right)
            if operator == "==":
                return a == b
            if operator == "!=":
                return a != b
            if operator == "<":
                return a < b
            if operator == "<=":
                return a <= b
            return a > b if operator == ">" else a >= b
        case Member(item=item, options=options, is_negated=is_negated):
            wanted = of(item)
            return any(wanted == option.value for option in options) != is_negated
        case Among(item=item, array=array, is_negated=is_negated):
            wanted = of(item)
            return any(wanted == one for one in of(array)) != is_negated
        case Search(operator=operator, left=left, right=right):
            text, needle = of(left), of(right)
            if operator == "starts_with":
                return text[: len(needle)] == needle
            if operator == "ends_with":
                return text[len(text) - len(needle) :] == needle and len(needle) <= len(text)
            return any(
                text[start : start + len(needle)] == needle
                for start in range(len(text) - len(needle) + 1)
            )
        case Not(operand=operand):
            return not of(operand)
        case And(parts=parts):
            return all(of(part) for part in parts)
        case Or(parts=parts):
            return any(of(part) for part in parts)
        case Quantifier(kind=kind, variable=variable, base=base, body=body):
            answers = (evaluate(body, values, {**items, variable: item}) for item in of(base))
            return any(answers) if kind == "any" else all(answers)


def _calculated(operator: str, a: int, b: int) -> int:
    if operator == "+":
        return a + b
    if operator == "-":
        return a - b
    if operator == "*":
        return a * b
    if b == 0:
        raise UndefinedError("a division by zero")
    # rounded down, as on paper: a == (a // b) * b + a % b with the rest on the divisor's side
    return a // b if operator == "//" else a % b
