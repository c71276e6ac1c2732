"""Text into a checked tree, by recursive descent with operator precedence.

condition  = both { "or" both }
both       = truth { "and" truth }
truth      = "not" truth | comparison
comparison = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum
                 | ("starts_with" | "ends_with" | "contains") sum
                 | ["not"] "in" ( "[" sum { "," sum } "]" | sum ) ]
sum        = product { ("+" | "-") product }
product    = sign { ("*" | "//" | "%") sign }
sign       = "-" sign | value
value      = number [unit] | string | hex | "true" | "false" | path | "(" condition ")"
           | ("any" | "all") "(" name "in" path ":" condition ")"
path       = name { "." name | "[" number "]" }
unit       = "wei" | "gwei" | "ether" | "seconds" | ... | "units" "(" number ")" | a token's symbol
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from donablock.errors import ConditionError
from donablock.monitors.conditions.checks import Checks, Operand, truth
from donablock.monitors.conditions.lexer import KEYWORDS, Token, show, tokens_of
from donablock.monitors.conditions.limits import LIMITS, Limits
from donablock.monitors.conditions.names import listed, meant
from donablock.monitors.conditions.schema import Schema
from donablock.monitors.conditions.tree import Literal, Node, Variable
from donablock.monitors.conditions.types import BOOL, STRING, BytesType, IntegerType

__all__ = ["MAX_DECIMALS", "UNITS", "Parser", "parse", "parse_value"]

MAX_DECIMALS = 77
"""10**77 is the largest power of ten in a uint256."""

UNITS: dict[str, int] = {
    "wei": 1,
    "gwei": 10**9,
    "ether": 10**18,
    "second": 1,
    "seconds": 1,
    "minute": 60,
    "minutes": 60,
    "hour": 3_600,
    "hours": 3_600,
    "day": 86_400,
    "days": 86_400,
    "week": 604_800,
    "weeks": 604_800,
}

_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_SEARCHES = frozenset(("starts_with", "ends_with", "contains"))
_NO_CALLS = "there are no calls here but any(...), all(...) and units(...)"

# how strongly an operator holds what stands beside it
_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN = range(1, 8)
_STRENGTH = (
    {"or": _OR, "and": _AND, "in": _COMPARISON, "not": _COMPARISON}
    | dict.fromkeys(_COMPARISONS | _SEARCHES, _COMPARISON)
    | {"+": _SUM, "-": _SUM, "*": _PRODUCT, "//": _PRODUCT, "%": _PRODUCT}
)

_DIGITS = re.compile(r"[0-9]+(?:_[0-9]+)*", re.ASCII)
_HEX = re.compile(r"0x(?:[0-9A-Fa-f]{2})*", re.ASCII)


def parse(text: str, schema: Schema, limits: Limits = LIMITS) -> Node:
    """The checked tree of a condition. Raises ConditionError, and nothing else, for any text."""
    parser = Parser(text, schema, limits)
    operand = parser.expression()
    parser.end()
    return truth(operand)


def parse_value(text: str, schema: Schema, limits: Limits = LIMITS) -> Node:
    """The checked tree of an expression of any type. Raises ConditionError."""
    parser = Parser(text, schema, limits)
    operand = parser.expression()
    parser.end()
    return operand.node


class Parser:
    """Reads one text, from left to right."""

    def __init__(self, text: str, schema: Schema, limits: Limits = LIMITS) -> None:
        self._text = text
        self._schema = schema
        self._limits = limits
        self._tokens = tokens_of(text, limits)
        self._at = 0
        self._nodes = 0
        self._open = 0
        self._checks = Checks(limits)

    # --- tokens -----------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The one that is read next."""
        return self._tokens[self._at]

    def take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._at += 1
        return token

    def is_next(self, *words: str) -> bool:
        """Whether the next token is one of these signs or words."""
        return self.token.text in words and self.token.kind in ("sign", "keyword", "name")

    def expect(self, word: str, mend: str) -> Token:
        if not self.is_next(word):
            raise self.fault(f"`{word}`", mend)
        return self.take()

    def fault(self, expected: str, mend: str) -> ConditionError:
        """Of the next token."""
        found = "the end" if self.token.kind == "end" else show(self.token.text)
        return ConditionError(self.token.start, found, expected, mend)

    def end(self) -> None:
        """Raises ConditionError unless everything was read."""
        if self.token.kind != "end":
            raise self._surplus("an operator, or the end")

    def _surplus(self, expected: str) -> ConditionError:
        """Of a token that cannot stand after a whole value."""
        mend = "join conditions with `and` or `or`"
        if self.token.text == "(":
            mend = _NO_CALLS
        elif self.token.text == ")":
            mend = "leave it out, or open a parenthesis before it"
        elif self.token.kind == "name":
            near = meant(self.token.text, sorted(KEYWORDS))
            mend = near if near.startswith("did") else mend
        return self.fault(expected, mend)

    def _made(self, node: Node, start: int, *of: Operand) -> Operand:
        """An operand that reaches from `start` to the last token that was taken."""
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            raise ConditionError(
                start,
                f"more than {self._limits.nodes} parts",
                f"at most {self._limits.nodes}",
                "shorten the condition, or use several monitors",
            )
        depth = 1 + max((operand.depth for operand in of), default=0)
        if depth > self._limits.depth:
            raise self._too_deep(start)
        return Operand(node, start, self._text[start : self._tokens[self._at - 1].end], depth)

    def _too_deep(self, start: int) -> ConditionError:
        return ConditionError(
            start,
            f"more than {self._limits.depth} levels of operators or parentheses",
            f"at most {self._limits.depth}",
            "nest less, or use several monitors",
        )

    # --- operators --------------------------------------------------------------------------------

    def expression(self, least: int = _OR) -> Operand:
        """As far as operators go that hold at least so strongly."""
        self._open += 1
        if self._open > self._limits.depth:
            raise self._too_deep(self.token.start)
        left = self._prefix(least)
        is_compared = False
        while True:
            token = self.token
            strength = _STRENGTH.get(token.text, 0) if token.kind in ("sign", "keyword") else 0
            if strength < least:
                break
            if strength == _COMPARISON:
                if is_compared:
                    raise self.fault(
                        "`and`, `or`, or the end",
                        "compare two things at a time: `1 < x and x < 5`",
                    )
                left = self._comparison(left)
                is_compared = True
            elif strength in (_AND, _OR):
                left = self._joined(left, token.text, strength)
            else:
                self.take()
                right = self.expression(strength + 1)
                node = self._checks.arithmetic(token.text, left, right)
                left = self._made(node, left.start, left, right)
        self._open -= 1
        return left

    def _joined(self, left: Operand, word: str, strength: int) -> Operand:
        parts = [left]
        while self.is_next(word):
            self.take()
            parts.append(self.expression(strength + 1))
        join = self._checks.both if strength == _AND else self._checks.either
        return self._made(join(parts), left.start, *parts)

    def _comparison(self, left: Operand) -> Operand:
        token = self.take()
        if token.text in _COMPARISONS:
            right = self.expression(_COMPARISON + 1)
            node = self._checks.compare(token.text, left, right)
        elif token.text in _SEARCHES:
            right = self.expression(_COMPARISON + 1)
            node = self._checks.search(token.text, left, right)
        else:
            is_negated = token.text == "not"
            if is_negated:
                self.expect("in", "write `x not in [1, 2]`, or join conditions with `and not`")
            return self._member(left, is_negated)
        return self._made(node, left.start, left, right)

    def _member(self, left: Operand, is_negated: bool) -> Operand:
        if not self.is_next("["):
            right = self.expression(_COMPARISON + 1)
            node = self._checks.member_of(left, right, is_negated)
            return self._made(node, left.start, left, right)
        self.take()
        if self.is_next("]"):
            raise self.fault("a value", "a list has at least one")
        options = [self.expression(_SUM)]
        while self.is_next(","):
            self.take()
            options.append(self.expression(_SUM))
        self.expect("]", "separate the values of a list with commas, and close it with `]`")
        node = self._checks.member(left, options, is_negated)
        return self._made(node, left.start, left, *options)

    def _prefix(self, least: int) -> Operand:
        token = self.token
        if token.kind == "keyword" and token.text == "not":
            if least > _NOT:
                raise self.fault("a value", "put `not ...` between parentheses here")
            self.take()
            operand = self.expression(_NOT)
            return self._made(self._checks.negated(operand), token.start, operand)
        if token.kind == "sign" and token.text == "-":
            self.take()
            operand = self.expression(_SIGN)
            return self._made(self._checks.negative(operand), token.start, operand)
        return self._value()

    # --- values -----------------------------------------------------------------------------------

    def _value(self) -> Operand:
        token = self.token
        match token.kind:
            case "number":
                return self._number()
            case "hex":
                return self._hex()
            case "string":
                self.take()
                return self._made(Literal(token.value, STRING), token.start)
            case "name":
                return self._path()
        match token.text:
            case "true" | "false":
                self.take()
                return self._made(Literal(token.text == "true", BOOL), token.start)
            case "any" | "all":
                return self._quantifier()
            case "(":
                self.take()
                operand = self.expression()
                self._close()
                if operand.is_written:
                    return operand
                # its text has the parentheses, for messages
                text = self._text[token.start : self._tokens[self._at - 1].end]
                return replace(operand, start=token.start, text=text)
            case "[":
                mend = "a list stands after `in`: `x in [1, 2]`"
            case "*":
                mend = "there are no powers; write the number out, or use a unit: `1 ether`"
            case ".":
                mend = "write a digit before the point, such as 0.5"
            case "=":
                mend = "write `==` to compare"
            case _:
                mend = 'write a field, a number, a "string" or 0x... here'
        raise self.fault("a value", mend)

    def _number(self) -> Operand:
        token = self.take()
        whole, point, part = token.text.partition(".")
        if not _DIGITS.fullmatch(whole) or (point and not _DIGITS.fullmatch(part)):
            raise ConditionError(
                token.start,
                show(token.text),
                "digits, with single underscores between them",
                "write it like 1_000_000 or 1.5",
            )
        whole, part = whole.replace("_", ""), part.replace("_", "")
        if len(whole + part) > self._limits.digits:
            raise ConditionError(
                token.start,
                f"a number of {len(whole + part)} digits",
                f"at most {self._limits.digits}",
                "use a unit, such as ether; a uint256 has no more than 78 digits",
            )
        factor, unit = self._unit()
        value, rest = divmod(int(whole + part) * factor, 10 ** len(part))
        if value.bit_length() > self._limits.integer_bits:
            raise ConditionError(
                token.start,
                f"a number of {value.bit_length()} bits",
                f"at most {self._limits.integer_bits}",
                "a uint256 has no more than 78 digits",
            )
        if rest:
            if unit:
                mend = f"a {unit} counts {factor} of the smallest unit; write fewer digits"
            else:
                mend = f"add a unit, such as `{token.text[:20]} ether`"
            raise ConditionError(
                token.start, show(f"{token.text} {unit}".strip()), "a whole number", mend
            )
        return self._made(Literal(value, IntegerType(value, value)), token.start)

    def _unit(self) -> tuple[int, str]:
        """The factor and the name of the unit that stands behind a number, or (1, "")."""
        if self.token.kind != "name":
            return 1, ""
        name = self.take()
        if name.text in self._schema.units:
            return 10 ** self._schema.units[name.text], name.text
        if name.text in UNITS:
            return UNITS[name.text], name.text
        if name.text == "units":
            return self._decimals(), name.text
        known = [*UNITS, "units(decimals)", *self._schema.units]
        if re.fullmatch("[eE][0-9]*", name.text):
            mend = "write the zeros, as in 1_000_000, or use a unit: `1 ether`, `100 units(6)`"
        elif name.text.upper() in ("AND", "OR", "IN", "NOT"):
            mend = f"write `{name.text.lower()}` in small letters"
        else:
            mend = meant(name.text, known)
        raise ConditionError(name.start, show(name.text), "a unit or an operator", mend)

    def _decimals(self) -> int:
        mend = "write a token's decimals in parentheses: `100 units(6)`"
        self.expect("(", mend)
        token = self.token
        if token.kind != "number" or not token.text.isdecimal() or len(token.text) > 3:
            raise self.fault(f"a number from 0 to {MAX_DECIMALS}", mend)
        decimals = int(self.take().text)
        if decimals > MAX_DECIMALS:
            raise ConditionError(
                token.start,
                show(token.text),
                f"a number from 0 to {MAX_DECIMALS}",
                "no token has more; most have 6 or 18",
            )
        self.expect(")", mend)
        return int(10**decimals)

    def _hex(self) -> Operand:
        token = self.take()
        digits = token.text[2:]
        if not _HEX.fullmatch(token.text):
            if token.text.startswith("0X"):
                mend = f"write 0x{digits[:20]}"
            elif re.search("[^0-9A-Fa-f]", digits):
                mend = "only 0 to 9 and a to f may follow 0x"
            else:
                mend = "every byte has two digits; one is missing"
            raise ConditionError(
                token.start, show(token.text), "0x and an even number of hexadecimal digits", mend
            )
        value = bytes.fromhex(digits)
        if len(value) > self._limits.literal_bytes:
            raise ConditionError(
                token.start,
                f"{len(value)} bytes",
                f"at most {self._limits.literal_bytes}",
                "compare a part of them with starts_with, ends_with or contains",
            )
        return self._made(Literal(value, BytesType(len(value))), token.start)

    def _close(self) -> None:
        if self.token.kind == "end":
            raise self.fault("an operator, or `)`", "close the parenthesis with `)`")
        if not self.is_next(")"):
            raise self._surplus("an operator, or `)`")
        self.take()

    # --- fields -----------------------------------------------------------------------------------

    def _path(self) -> Operand:
        operand = self._root()
        while self.is_next(".", "["):
            operand = self._step(operand)
        if self.is_next("("):
            raise self.fault("an operator, or the end", _NO_CALLS)
        return operand

    def _root(self) -> Operand:
        token = self.take()
        for variable in self._checks.variables:
            if variable.name == token.text:
                return self._made(variable, token.start)
        field = self._schema.get(token.text)
        if field is None and token.text in self._schema.spaces:
            inside = self._schema.within(token.text)
            if not self.is_next("."):
                raise self.fault("`.` and a name", f"write one of {listed(inside)}")
            self.take()
            # a name after a point may be a word of the language: args.any
            name = self.token
            if name.kind in ("name", "keyword"):
                self.take()
            field = self._schema.get(f"{token.text}.{name.text}")
            if field is None:
                found = show(f"{token.text}.{name.text}")
                mend = meant(f"{token.text}.{name.text}", inside)
                raise ConditionError(token.start, found, "a field", mend)
        if field is None:
            mend = _NO_CALLS if self.is_next("(") else self._unknown(token.text)
            raise ConditionError(token.start, show(token.text), "a field", mend)
        return self._made(field, token.start)

    def _unknown(self, word: str) -> str:
        if word.lower() in KEYWORDS:
            return f"write `{word.lower()}` in small letters"
        if word.startswith("$") or not word.isidentifier():
            return f"known here: {listed(self._schema.names)}"
        names = [*(variable.name for variable in self._checks.variables), *self._schema.names]
        if word in UNITS:
            return f"a unit stands behind a number: `1 {word}`"
        return meant(word, names)

    def _step(self, base: Operand) -> Operand:
        sign = self.take()
        token = self.token
        if sign.text == "[":
            if token.kind != "number" or not token.text.isdecimal() or len(token.text) > 10:
                raise self.fault("a number", f"items are counted from 0: `{base.name}[0]`")
            self.take()
            self.expect("]", f"close the bracket: `{base.name}[{token.text}]`")
            node = self._checks.item(base, int(token.text), token.start)
        else:
            if token.kind not in ("name", "keyword"):
                raise self.fault("a name after the point", "name a part of it, or `length`")
            self.take()
            node = self._checks.part(base, token.text, token.start)
        return self._made(node, base.start, base)

    # --- any(...) and all(...) --------------------------------------------------------------------

    def _quantifier(self) -> Operand:
        kind = self.take()
        form = f"write `{kind.text}(x in amounts: x > 0)`"
        self.expect("(", form)
        name = self._new_name(form)
        self.expect("in", form)
        base = self.expression(_SUM)
        self.expect(":", form)
        array = self._checks.array(base)
        if len(self._checks.variables) >= self._limits.quantifiers:
            raise ConditionError(
                kind.start,
                f"more than {self._limits.quantifiers} of any(...) and all(...) in each other",
                f"at most {self._limits.quantifiers}",
                "nest less, or use several monitors",
            )
        outer, before = self._checks, self._nodes
        self._checks = replace(outer, variables=(*outer.variables, Variable(name, array.item)))
        body = self.expression()
        self._checks = outer
        if self._nodes - before > self._limits.body_nodes:
            raise body.fault(
                f"at most {self._limits.body_nodes} parts within {kind.text}(...)",
                "move what does not depend on the item out of it",
                f"{self._nodes - before} parts",
            )
        self._close()
        node: Any = self._checks.quantifier(kind.text, name, base, body)
        return self._made(node, kind.start, base, body)

    def _new_name(self, form: str) -> str:
        token = self.token
        if token.kind != "name":
            raise self.fault("a name for the item", form)
        taken = self._schema.get(token.text) is not None or token.text in self._schema.spaces
        if taken or token.text in (variable.name for variable in self._checks.variables):
            raise self.fault(
                "a new name for the item", "another thing has that name; take a short one: x"
            )
        return self.take().text
