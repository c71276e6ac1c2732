"""The other way to run a condition: Python closures, one within another. Kept to measure the way
that was chosen (bench.matching); it is tested to mean the same."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
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

__all__ = ["closure"]

Values = Sequence[Any]
Run = Callable[[Values, tuple[Any, ...]], Any]

_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "contains": operator.contains,
    "starts_with": lambda text, needle: text.startswith(needle),
    "ends_with": lambda text, needle: text.endswith(needle),
}


def closure(node: Node) -> Callable[[Values], Any]:
    """A function of the values of the schema's fields."""
    run = _run(node, ())
    return lambda values: run(values, ())


def _run(node: Node, names: tuple[str, ...]) -> Run:
    match node:
        case Literal(value=value):
            return lambda values, items: value
        case Field(position=at):
            return lambda values, items: values[at]
        case Variable(name=name):
            place = names.index(name)
            return lambda values, items: items[place]
        case Item(base=base, index=at) | Part(base=base, position=at):
            of = _run(base, names)
            return lambda values, items: of(values, items)[at]
        case Length(base=base):
            of = _run(base, names)
            return lambda values, items: len(of(values, items))
        case Negative(operand=operand):
            of = _run(operand, names)
            return lambda values, items: -of(values, items)
        case Not(operand=operand):
            of = _run(operand, names)
            return lambda values, items: not of(values, items)
        case Arithmetic() | Compare() | Search():
            pair = _PAIRS[node.operator]
            left, right = _run(node.left, names), _run(node.right, names)
            return lambda values, items: pair(left(values, items), right(values, items))
        case Member(item=item, options=options, is_negated=is_negated):
            of, wanted = _run(item, names), frozenset(option.value for option in options)
            return lambda values, items: (of(values, items) in wanted) != is_negated
        case Among(item=item, array=array, is_negated=is_negated):
            of, within = _run(item, names), _run(array, names)
            return lambda values, items: (of(values, items) in within(values, items)) != is_negated
        case And(parts=parts):
            runs = [_run(part, names) for part in parts]
            return lambda values, items: all(run(values, items) for run in runs)
        case Or(parts=parts):
            runs = [_run(part, names) for part in parts]
            return lambda values, items: any(run(values, items) for run in runs)
        case Quantifier(kind=kind, variable=variable, base=base, body=body):
            of, inner = _run(base, names), _run(body, (*names, variable))
            join = any if kind == "any" else all
            return lambda values, items: join(
                inner(values, (*items, item)) for item in of(values, items)
            )
