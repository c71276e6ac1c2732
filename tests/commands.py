"""Commands as documents and `--help` write them, held against the scripts there are."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from functools import cache

import click

from donablock.settings import settings

ROOT = settings().root
_COMMAND = re.compile(r"(?:^|[`$ ])ape run ([a-z-]+[^`\n]*)", re.MULTILINE)


@cache
def command_of(name: str) -> click.Command:
    found = runpy.run_path(str(ROOT / "scripts" / f"{name}.py"))["cli"]
    assert isinstance(found, click.Command)
    return found


def commands(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(child, f"{path} {name}")
    else:
        yield path, command


def examples(text: str) -> list[list[str]]:
    joined = re.sub(r"\\+\n\s*", " ", text)
    return [
        shlex.split(found.replace("<", "_").replace(">", "_")) for found in _COMMAND.findall(joined)
    ]


def check(words: list[str]) -> None:
    """Raises where a word names a command or an option that is not there."""
    command = command_of(words[0])
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"no command {words}"
        command = command.commands[rest.pop(0)]
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    # ape's own, which every command gets when it is called
    known |= {"--network", "--help", "--verbosity"}
    for word in rest:
        if word.startswith("--"):
            assert word in known, f"{' '.join(words)} has no {word}"


def check_own_examples(name: str) -> None:
    """A script's `--help` teaches by examples, and they are right."""
    found = examples(str(command_of(name).help))
    assert len(found) >= 3, "--help teaches by examples"
    for words in found:
        assert words[0] == name
        check(words)


def check_explained(name: str) -> None:
    """Every command of a script, and every option of its own, has words in `--help`."""
    for path, command in commands(command_of(name)):
        assert command.help, f"{name}{path}"
        for param in command.params:
            own = isinstance(param, click.Option) and param.name not in ("account", "status")
            if own:
                assert param.help, f"{name}{path} {param.name}"  # type: ignore[attr-defined]
