"""Documents whose commands are run: what is shown after `$ ape run ...` is what came.

A comment `<!-- chain: ... -->` says what happens on the chain in between; the test that runs the
document knows how to make it happen. In what is shown, a line of "..." stands for any lines; the
minute of a day, transactions, and figures of gas and fees may differ.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_STEP = re.compile(r"<!-- chain: (?P<chain>.*?) -->|^```[a-z]*\n(?P<block>.*?)^```$", re.M | re.S)
_VARYING = (
    (re.compile(r"\d\d:\d\d UTC"), "hh:mm UTC"),
    (re.compile(r"0x[0-9a-f]{64}"), "0x..."),
    (re.compile(r"(about )?[0-9_]+( by the node's estimate)?, [0-9.]+ ETH at"), "gas and fee at"),
    (re.compile(r"; [0-9.]+ ETH of gas"), "; fee of gas"),
    (re.compile(r"Block \d+"), "Block n"),
    (re.compile(r"\d+ h\b|\d+ min\b"), "n h"),
)


@dataclass(frozen=True)
class Event:
    """Something that happens on the chain, in the document's words."""

    text: str


@dataclass(frozen=True)
class Shown:
    """A command, without "ape run", and what is shown of its output."""

    command: tuple[str, ...]
    lines: tuple[str, ...]


def transcript(text: str) -> Iterator[Event | Shown]:
    """What a document does, in order."""
    for step in _STEP.finditer(text):
        if step["chain"] is not None:
            yield Event(step["chain"])
            continue
        for part in re.split(r"^\$ ", step["block"], flags=re.M)[1:]:
            line, *rest = part.rstrip("\n").split("\n")
            words = shlex.split(line)
            if words[:2] == ["ape", "run"]:
                yield Shown(tuple(words[2:]), tuple(found for found in rest if found.strip()))


def compare(shown: Shown, output: str) -> None:
    """Raises AssertionError where a command's output is not as shown."""
    came = [_plain(line) for line in output.splitlines() if line.strip()]
    came = [line for line in came if not line.startswith("INFO:")]
    wanted = [_plain(line) for line in shown.lines]
    title = " ".join(shown.command)
    at, skips = 0, False
    for line in wanted:
        if line.strip() == "...":
            skips = True
            continue
        if skips:
            assert line in came[at:], f"{title}: {line!r} is shown, and came was:\n{output}"
            at = came.index(line, at)
        assert at < len(came), f"{title}: {line!r} is shown, and no more came"
        assert came[at] == line, f"{title}: {line!r} is shown, and came was:\n{output}"
        at, skips = at + 1, False
    assert skips or at == len(came), f"{title}: more came than is shown: {came[at:]}"


def _plain(line: str) -> str:
    for pattern, word in _VARYING:
        line = pattern.sub(word, line)
    return " ".join(line.split())
