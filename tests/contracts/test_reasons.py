"""Every reason a contract of ours gives for a refusal is asserted by some test."""

from __future__ import annotations

import warnings
from pathlib import Path

from vyper import ast as vy_ast

ROOT = Path(__file__).resolve().parents[2]


def reasons(source: str) -> set[str]:
    """The texts of `assert ..., "text"` and `raise "text"`; UNREACHABLE and `dev:` have none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = vy_ast.parse_to_ast(source)
    nodes = [node.msg for node in tree.get_descendants(vy_ast.Assert)]
    nodes += [node.exc for node in tree.get_descendants(vy_ast.Raise)]
    return {node.value for node in nodes if isinstance(node, vy_ast.Str)}


def test_the_reasons_are_found():
    assert reasons(
        '"""Reverts with "doc: no reason"."""\n'
        "@external\n"
        "def f(x: uint256):\n"
        '    assert x != 0, "a: zero"\n'
        "    assert x != 1, UNREACHABLE\n"
        "    if x == 2:\n"
        '        raise "a: two"\n'
    ) == {"a: zero", "a: two"}


def test_every_reason_is_asserted_somewhere():
    here = Path(__file__)
    tests = "\n".join(
        path.read_text() for path in sorted(here.parent.rglob("*.py")) if path != here
    )
    given = {
        reason: source.relative_to(ROOT)
        for source in sorted((ROOT / "contracts").rglob("*.vy"))
        for reason in reasons(source.read_text())
    }
    assert len(given) > 100
    missing = [f"{path}: {reason}" for reason, path in given.items() if reason not in tests]
    assert not missing, "\n".join(missing)
