"""Keep out the five faults published for Vyper 0.4.3, for which there is no fixed release.

Each compiles without a word and gives a contract that does something else than its source says.
The rules are wider than the faults, because what they refuse is not needed:

text        (CVE-2026-114114, CVE-2026-114116) a byte other than tab, newline and 0x20 to 0x7e
            shifts what the compiler reads as a literal
bit-or      (CVE-2026-114117) `msg.value | k` or `len(msg.data) | k` may compile to 1
code-offset (CVE-2026-114118) `create_from_blueprint` wraps a huge `code_offset` and creates an
            account without code, so it must be a literal
ternary     (CVE-2026-114115) a ternary between arrays may read one with the layout of the other

    python -m tools.compiler_faults [file ...]
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vyper.ast import nodes as vy_ast
from vyper.ast import parse_to_ast
from vyper.cli.vyper_compile import get_search_paths
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.exceptions import VyperException
from vyper.semantics.types.subscriptable import DArrayT, SArrayT, TupleT

from tools.paths import ROOT, vyper_files

STRANGE_BYTE = re.compile(rb"[^\x09\x0a\x20-\x7e]")


@dataclass(frozen=True, order=True)
class Fault:
    """One place that a rule refuses."""

    path: Path
    line: int
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.what}"


def faults_in(path: Path, root: Path = ROOT) -> list[Fault]:
    """All faults of one file; `root` is where its absolute imports start."""
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    found = list(_strange_bytes(shown, path.read_bytes()))
    if found:
        # what comes after a strange byte cannot be trusted to be read as it is written
        return found
    try:
        found += _in_syntax(shown, path)
        if path.suffix == ".vy":
            found += _in_types(shown, path, root)
    except VyperException as error:
        found.append(Fault(shown, 1, "unreadable", f"the compiler refuses this file: {error}"))
    return sorted(found)


def _strange_bytes(shown: Path, content: bytes) -> Iterator[Fault]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if match := STRANGE_BYTE.search(line):
            yield Fault(
                shown,
                number,
                "text",
                f"byte 0x{match[0][0]:02x} in column {match.start() + 1}; "
                "only tab, newline and printable ASCII are read safely",
            )


def _in_syntax(shown: Path, path: Path) -> Iterator[Fault]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = parse_to_ast(path.read_text("ascii"), is_interface=path.suffix == ".vyi")
    for node in tree.get_descendants((vy_ast.BinOp, vy_ast.AugAssign)):
        if isinstance(node.op, vy_ast.BitOr) and _reads_message_size(node):
            yield Fault(
                shown,
                node.lineno,
                "bit-or",
                "bit-or on msg.value or len(msg.data) may compile to 1; use a variable for it",
            )
    for call in tree.get_descendants(vy_ast.Call):
        for keyword in call.keywords:
            if keyword.arg == "code_offset" and not isinstance(keyword.value, vy_ast.Int):
                yield Fault(
                    shown,
                    keyword.lineno,
                    "code-offset",
                    "code_offset must be a literal number, and the created code's size checked",
                )


def _reads_message_size(node: Any) -> bool:
    """Whether msg.value or msg.data stands anywhere in this expression."""
    return any(
        attribute.attr in {"value", "data"}
        and isinstance(attribute.value, vy_ast.Name)
        and attribute.value.id == "msg"
        for attribute in node.get_descendants(vy_ast.Attribute)
    )


def _in_types(shown: Path, path: Path, root: Path) -> Iterator[Fault]:
    bundle = FilesystemInputBundle(get_search_paths([str(root)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with bundle.search_path(path.parent):
            module = CompilerData(bundle.load_file(path), bundle).annotated_vyper_module
    for node in module.get_descendants(vy_ast.IfExp):
        if _holds_array(node._metadata["type"]):
            yield Fault(
                shown,
                node.lineno,
                "ternary",
                "a ternary on arrays may read one with the layout of the other; use if and else",
            )


def _holds_array(typ: Any) -> bool:
    if isinstance(typ, TupleT):
        return any(_holds_array(member) for member in typ.member_types)
    return isinstance(typ, SArrayT | DArrayT)


def main(arguments: list[str]) -> int:
    paths = [Path(a).resolve() for a in arguments] or list(vyper_files())
    found = [fault for path in paths for fault in faults_in(path)]
    for fault in found:
        print(fault)
    print(f"{len(paths)} Vyper files, {len(found)} compiler faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
