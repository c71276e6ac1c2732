"""Small faults to plant in a Vyper source, one at a time.

Three kinds: a comparison flipped (`<` for `<=`, `==` for `!=`, ...), a constant moved by one, and a
statement removed (check, write, log, call). Comments, docstrings and reason strings are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FLIPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_COMPARISON = re.compile(r"(?<![<>=!\-])(<=|>=|==|!=|<|>)(?![<>=])")
_CONSTANT = re.compile(r"^(\w+: (?:public\()?constant\(u?int\d+\)\)? = )(.+)$")
_CALL = r"(?:self\.\w+|extcall\b|transfers\.\w+|\w+\.\w+)\(.*"
_REMOVABLE = re.compile(
    rf"^(?:assert\b|log\b|raise\b|self\.[\w\[\]., ()>&|-]+ (?:[-+|^]?=)|\w+\._\w+\[.*\] [-+|]?=|"
    rf"\w+ [-+|]= |\w+ = (?!empty)|{_CALL})"
)


@dataclass(frozen=True)
class Mutant:
    """A source with one fault. `line` counts from 1; `before` and `after` are what changed."""

    line: int
    kind: str
    before: str
    after: str
    source: str


@dataclass(frozen=True)
class _Statement:
    """Lines [first, last] of a source (from 0), and its code on one line without strings."""

    first: int
    last: int
    code: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every fault of the three kinds, in the order of the source."""
    lines = source.split("\n")
    for statement in _statements(lines):
        yield from _flips(lines, statement)
        yield from _moved(lines, statement)
        yield from _removed(lines, statement)


def _flips(lines: list[str], statement: _Statement) -> Iterator[Mutant]:
    if not lines[statement.first].startswith(" "):
        return
    for number in range(statement.first, statement.last + 1):
        masked = _mask(lines[number])
        for match in _COMPARISON.finditer(masked):
            old = match.group(1)
            if masked[max(0, match.start() - 1) : match.end() + 1] in {"->", "->:"}:
                continue
            line = lines[number]
            changed = line[: match.start()] + FLIPS[old] + line[match.end() :]
            yield _mutant(lines, number, number, [changed], "comparison")


def _moved(lines: list[str], statement: _Statement) -> Iterator[Mutant]:
    line = lines[statement.first]
    match = _CONSTANT.match(line)
    if match and statement.first == statement.last:
        value = match.group(2).split("  #")[0]
        moved = f"{match.group(1)}({value}) + 1"
        yield _mutant(lines, statement.first, statement.first, [moved], "constant")


def _removed(lines: list[str], statement: _Statement) -> Iterator[Mutant]:
    line = lines[statement.first]
    code = line.strip()
    if not line.startswith("    ") or not _REMOVABLE.match(code) or code.endswith(":"):
        return
    indent = line[: len(line) - len(line.lstrip())]
    yield _mutant(lines, statement.first, statement.last, [f"{indent}pass"], "removed")


def _mutant(lines: list[str], first: int, last: int, replacement: list[str], kind: str) -> Mutant:
    before = " ".join(line.strip() for line in lines[first : last + 1])
    after = " ".join(line.strip() for line in replacement)
    source = "\n".join([*lines[:first], *replacement, *lines[last + 1 :]])
    return Mutant(line=first + 1, kind=kind, before=before, after=after, source=source)


def _statements(lines: list[str]) -> Iterator[_Statement]:
    """Logical lines, docstrings left out; a statement runs on while a bracket is open."""
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.strip().startswith('"""'):
            number = _after_docstring(lines, number)
            continue
        first = number
        depth = _depth(line)
        code = _mask(line).strip()
        while depth > 0 and number + 1 < len(lines):
            number += 1
            depth += _depth(lines[number])
            code += " " + _mask(lines[number]).strip()
        number += 1
        if code:
            yield _Statement(first, number - 1, code)


def _after_docstring(lines: list[str], number: int) -> int:
    if lines[number].strip().count('"""') >= 2:
        return number + 1
    number += 1
    while '"""' not in lines[number]:
        number += 1
    return number + 1


def _depth(line: str) -> int:
    masked = _mask(line)
    return sum(masked.count(b) for b in "([{") - sum(masked.count(b) for b in ")]}")


def _mask(line: str) -> str:
    """The line with comment and strings blanked, every character in its place."""
    out = []
    quote = ""
    for index, char in enumerate(line):
        if quote:
            out.append(" ")
            if char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
            out.append(" ")
        elif char == "#":
            out.append(" " * (len(line) - index))
            break
        else:
            out.append(char)
    return "".join(out)
