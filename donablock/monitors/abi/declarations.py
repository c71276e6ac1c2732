"""Events and functions as people write them: "event Sent(address indexed from, uint256 amount)"."""

from __future__ import annotations

import re

from donablock.errors import DefinitionError
from donablock.monitors.abi.entries import Parameter, parameters_of
from donablock.monitors.abi.types import (
    array_of,
    check_depth,
    elementary,
    few,
    named,
    tuple_of,
)
from donablock.monitors.conditions import Type
from donablock.monitors.conditions.lexer import show

__all__ = ["declared"]

_MAX_TEXT = 4_096
_WORD = re.compile(r"\s*([A-Za-z_$][A-Za-z0-9_$]*|\[[0-9]{0,6}\]|\S)", re.ASCII)
_LOCATIONS = ("calldata", "memory", "payable", "storage")
# what may follow a function's arguments, and says nothing about its calldata
_BEHIND = re.compile(
    r"(\s*(external|public|view|pure|payable|nonpayable|virtual|override)\b)*"
    r"(\s*(returns\s*\(|->).*)?\s*;?\s*",
    re.ASCII | re.DOTALL,
)

_Read = tuple[str, str, Type, bool]
"""Name, name of the type, type, whether it is indexed."""


def declared(text: str, kind: str) -> tuple[str, tuple[Parameter, ...]]:
    """The name and the arguments. `kind`: event or function. Raises DefinitionError."""
    if len(text) > _MAX_TEXT:
        raise DefinitionError(f"a declaration has at most {_MAX_TEXT} characters; send the ABI")
    reader = _Reader(re.sub(rf"^\s*{kind}\s+", "", text))
    name = named(reader.take())
    reader.expect("(")
    parameters = parameters_of(reader.arguments(1, is_event=kind == "event"))
    if not _BEHIND.fullmatch(reader.rest()):
        raise DefinitionError(f"leave out {show(reader.rest().strip())} behind the declaration")
    return name, parameters


class _Reader:
    """Reads a declaration word by word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = [(match[1], match.end()) for match in _WORD.finditer(text)]
        self._at = 0

    @property
    def word(self) -> str:
        """The next one, or "" at the end."""
        return self._words[self._at][0] if self._at < len(self._words) else ""

    def take(self) -> str:
        word = self.word
        self._at += 1
        return word

    def expect(self, word: str) -> None:
        if self.word != word:
            raise DefinitionError(
                f"found {show(self.word) if self.word else 'the end'} instead of `{word}` in the "
                "declaration; write it like `transfer(address to, uint256 amount)`"
            )
        self.take()

    def rest(self) -> str:
        return self._text[self._words[self._at - 1][1] :]

    def arguments(self, depth: int, *, is_event: bool = False) -> list[_Read]:
        """Up to the closing parenthesis."""
        check_depth(depth)
        found: list[_Read] = []
        while self.word != ")":
            if found:
                self.expect("," if self.word else ")")
            found.append(self._argument(depth, is_event))
            few(found)
        self.take()
        return found

    def _argument(self, depth: int, is_event: bool) -> _Read:
        word = self.take()
        if word == "tuple" and self.word == "(":
            word = self.take()
        if word == "(":
            base = tuple_of([(one[0], one[1], one[2]) for one in self.arguments(depth + 1)])
        else:
            base = elementary(word)
        suffix = ""
        while self.word.startswith("["):
            suffix += self.take()
        abi_type, type_ = array_of(*base, suffix, depth)
        while self.word in _LOCATIONS:
            self.take()
        is_indexed = is_event and self.word == "indexed"
        if is_indexed:
            self.take()
        name = "" if self.word in (",", ")", "") else named(self.take())
        return name, abi_type, type_, is_indexed
