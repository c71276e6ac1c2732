"""Text into tokens. Nothing is passed over but spaces and line ends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from donablock.errors import ConditionError
from donablock.monitors.conditions.limits import Limits

__all__ = ["KEYWORDS", "Token", "plain", "quote", "show", "tokens_of"]

KEYWORDS = frozenset(
    ("and", "or", "not", "in", "any", "all", "true", "false")
    + ("starts_with", "ends_with", "contains")
)

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<hex>0[xX][0-9A-Za-z_]*)
      | (?P<number>[0-9][0-9_]*(?:\.[0-9_]+)?)
      | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
      | (?P<string>"(?:[^"\\\x00-\x1f\x7f]|\\.)*"|'(?:[^'\\\x00-\x1f\x7f]|\\.)*')
      | (?P<sign>==|!=|<=|>=|//|[-<>+*%()\[\],.:])""",
    re.ASCII | re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))", re.ASCII)
# an address has 42 characters
_SHOWN = 48
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
_NAMES = {value: name for name, value in _ESCAPES.items()}

# signs that people know from other languages
_FOREIGN = {
    "=": "write `==` to compare",
    "!": "write `not`, or `!=`",
    "&": "write `and`",
    "|": "write `or`",
    "/": "write `//`, which divides whole numbers and rounds down",
    "^": "there are no powers; write the number out, or use a unit such as `1 ether`",
    "{": "a list is written in square brackets: `x in [1, 2]`",
    "}": "a list is written in square brackets: `x in [1, 2]`",
    ";": "join conditions with `and` or `or`",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: name, keyword, number, hex, string, sign or end. `text` is as written; `value` is
    what a string says."""

    kind: str
    text: str
    start: int
    value: str = ""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def show(text: str) -> str:
    """A piece of a stranger's text for a message: short, on one line, and encodable."""
    return f"`{plain(text)}`"


def plain(text: str) -> str:
    """As `show`, without the quotes."""
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)


def quote(text: str) -> str:
    """A string as it is written in a condition."""
    return '"' + "".join(_quoted(character) for character in text) + '"'


def _quoted(character: str) -> str:
    if character == "'":
        return character
    if character in _NAMES:
        return "\\" + _NAMES[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def tokens_of(text: str, limits: Limits) -> list[Token]:
    """The last token is of the kind "end". Raises ConditionError."""
    if len(text) > limits.characters:
        raise ConditionError(
            limits.characters,
            f"a text of {len(text)} characters",
            f"at most {limits.characters}",
            "make it shorter, or use several monitors",
        )
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _stranger(text, position)
        kind = str(match.lastgroup)
        if kind == "string":
            value = _unquoted(match.group(), position)
            if len(value.encode()) > limits.literal_bytes:
                raise ConditionError(
                    position,
                    f"a string of {len(value.encode())} bytes",
                    f"at most {limits.literal_bytes}",
                    "compare a part of it with starts_with, ends_with or contains",
                )
            found.append(Token(kind, match.group(), position, value))
        elif kind != "space":
            word = match.group()
            found.append(Token("keyword" if word in KEYWORDS else kind, word, position))
        position = match.end()
    found.append(Token("end", "", len(text)))
    return found


def _stranger(text: str, position: int) -> ConditionError:
    character = text[position]
    if character in "\"'":
        return ConditionError(
            position,
            f"a string without its end: {show(text[position:])}",
            f"a closing {character} on the same line",
            "write \\n for a line end and \\u{0} for any other character that is not printed",
        )
    return ConditionError(
        position,
        f"the character {show(character)}",
        "a field, a value or an operator",
        _FOREIGN.get(character, "leave it out, or put it between quotes if it is text"),
    )


def _unquoted(literal: str, start: int) -> str:
    def one(match: re.Match[str]) -> str:
        digits, letter = match.groups()
        if digits is not None:
            code = int(digits, 16)
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
                return chr(code)
        elif letter in _ESCAPES:
            return _ESCAPES[letter]
        raise ConditionError(
            start + 1 + match.start(),
            f"the escape {show(match.group())}",
            "\\\\, \\\", \\', \\n, \\r, \\t or \\u{...} with the number of a character",
            "write \\\\ for a backslash itself",
        )

    inner = literal[1:-1]
    surrogate = re.search("[\ud800-\udfff]", inner)
    if surrogate is not None:
        raise ConditionError(
            start + 1 + surrogate.start(),
            f"half a character: {show(surrogate.group())}",
            "whole characters",
            "send the text as UTF-8",
        )
    return _ESCAPE.sub(one, inner)
