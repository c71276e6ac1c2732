"""Windowed conditions as they are written: "sum(value) over 1 hour by address >= 100 ether"."""

from __future__ import annotations

import re
from typing import cast

from donablock.errors import ConditionError
from donablock.monitors.conditions import (
    AddressType,
    BoolType,
    BytesType,
    Expression,
    IntegerType,
    Schema,
    Type,
    describe,
)
from donablock.monitors.conditions.checks import Operand
from donablock.monitors.conditions.lexer import show
from donablock.monitors.conditions.names import meant
from donablock.monitors.conditions.parser import Parser
from donablock.monitors.conditions.tree import Literal as Written
from donablock.monitors.windows import MAX_VALUE, OPERATORS, Aggregate, Operator, Window

__all__ = ["MAX_PERIOD", "read_window"]

MAX_PERIOD = 31 * 86_400
"""Seconds."""

_TIME = re.compile(r".*(second|minute|hour|day|week)s?", re.ASCII | re.DOTALL)

_FORM = "write it like `sum(value) over 1 hour >= 100 ether` or `none for 2 hours`"


def read_window(text: str, schema: Schema) -> Window:
    """Raises ConditionError."""
    parser = Parser(text, schema)
    token = parser.token
    if token.kind != "name" or token.text not in ("sum", "count", "distinct", "none"):
        near = meant(token.text, ("sum", "count", "distinct", "none"))
        raise parser.fault("sum(...), count, distinct(...) or none", f"{near}; {_FORM}")
    aggregate = cast(Aggregate, parser.take().text)
    of = None
    if aggregate in ("sum", "distinct"):
        of = _measured(parser, aggregate)
    parser.expect("for" if aggregate == "none" else "over", _FORM)
    period = _period(parser)
    by, is_by_address = _grouping(parser, schema)
    if aggregate == "none":
        if by is not None:
            raise parser.fault(
                "the end, or `by address`",
                "that nothing came can be told of watched addresses only, since no other group is "
                "known before something comes",
            )
        parser.end()
        return Window(aggregate, None, period, "<", 1, None, is_by_address)
    operator, threshold = _comparison(parser, aggregate, of)
    parser.end()
    return Window(aggregate, of, period, operator, threshold, by, is_by_address)


def _measured(parser: Parser, aggregate: str) -> Expression:
    parser.expect("(", _FORM)
    operand = parser.expression()
    parser.expect(")", _FORM)
    type_ = operand.type
    if operand.is_written:
        raise operand.fault("a field", "count what comes with `count`")
    if isinstance(type_, IntegerType) and max(abs(type_.low), abs(type_.high)) > MAX_VALUE:
        raise operand.fault("a number of at most 78 digits", "take the field itself")
    if not isinstance(type_, IntegerType) and aggregate == "sum":
        raise operand.fault("a number", "only numbers are added up")
    _check_single(operand)
    return Expression(operand.node)


def _check_single(operand: Operand) -> None:
    if not _is_single(operand.type):
        raise operand.fault(
            "a number, an address, true or false, or bytes of a fixed size",
            f"{describe(operand.type)} may be of any length; take a part of it",
        )


def _is_single(type_: Type) -> bool:
    if isinstance(type_, BytesType):
        return type_.size is not None
    return isinstance(type_, IntegerType | AddressType | BoolType)


def _period(parser: Parser) -> int:
    operand = parser.expression(_TIGHT)
    value = operand.node.value if isinstance(operand.node, Written) else 0
    if type(value) is not int or not _TIME.fullmatch(operand.text):
        raise operand.fault("a time", "write it like `10 minutes`, `1 hour` or `7 days`")
    if not 1 <= value <= MAX_PERIOD:
        raise operand.fault(
            f"1 second to {MAX_PERIOD // 86_400} days", "take a shorter or a longer period"
        )
    return value


# binds as a sign does: a value alone
_TIGHT = 7
# and a sum, up to a comparison
_SUM = 5


def _grouping(parser: Parser, schema: Schema) -> tuple[Expression | None, bool]:
    if not parser.is_next("by"):
        return None, False
    parser.take()
    if parser.is_next("address") and schema.get("address") is None:
        parser.take()
        return None, True
    operand = parser.expression(_SUM)
    if operand.is_written:
        raise operand.fault("a field, or `address`", "leave `by` out for one group")
    _check_single(operand)
    return Expression(operand.node), False


def _comparison(parser: Parser, aggregate: str, of: Expression | None) -> tuple[Operator, int]:
    token = parser.token
    if token.text not in OPERATORS:
        raise parser.fault("<, <=, > or >=", _FORM)
    parser.take()
    operand = parser.expression(_SUM)
    if not isinstance(operand.node, Written) or not isinstance(operand.type, IntegerType):
        raise operand.fault("a written number", _FORM)
    threshold = cast(int, operand.node.value)
    operator = cast(Operator, token.text)
    type_ = of.type if aggregate == "sum" and of else IntegerType(0, 1)
    assert isinstance(type_, IntegerType)
    # of nothing the sum is zero, and of any number of matches it may be as large as it likes
    holds = {
        OPERATORS[operator](total, threshold)
        for total in (
            -(10**400) if type_.low < 0 else 0,
            10**400 if type_.high > 0 else 0,
        )
    }
    if len(holds) == 1:
        raise ConditionError(
            token.start,
            f"one that is {'always' if True in holds else 'never'} true: "
            f"{show(token.text + ' ' + operand.text)}",
            "a comparison that may be true or false",
            "the total is never below zero" if type_.low >= 0 else "the total is never above zero",
        )
    return operator, threshold
