"""Random conditions: what is written is read back, and the compiled form means what the plain
reference says."""

from __future__ import annotations

import ast
import string
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.errors import ConditionError
from donablock.monitors.conditions import (
    LIMITS,
    UNDEFINED,
    Condition,
    IntegerType,
    UndefinedError,
    compiled,
    evaluate,
    parse,
    write,
)
from donablock.monitors.conditions.compiler import to_ast, verify
from donablock.monitors.conditions.tree import Node, children
from tests.monitors.trees import SCHEMA, random_cases, rows, trees

RANDOM = random_cases(200)


def outcome(run: Any, *arguments: Any) -> Any:
    try:
        return run(*arguments)
    except (UndefinedError, *UNDEFINED):
        return "undefined"


def all_nodes(node: Node) -> list[Node]:
    return [node, *(inner for child in children(node) for inner in all_nodes(child))]


@RANDOM
@given(trees())
def test_what_is_written_is_read_back(tree: Node) -> None:
    text = write(tree)
    again = parse(text, SCHEMA)
    assert again == tree, text
    assert write(again) == text


@RANDOM
@given(trees(), rows())
def test_the_compiled_form_means_what_the_reference_says(tree: Node, row: tuple[Any, ...]) -> None:
    assert outcome(compiled(tree), row) == outcome(evaluate, tree, row), write(tree)


@RANDOM
@given(trees(), rows())
def test_no_number_leaves_the_bounds_of_its_type(tree: Node, row: tuple[Any, ...]) -> None:
    for node in all_nodes(tree):
        if isinstance(node.type, IntegerType):
            try:
                value = evaluate(node, row)
            except (UndefinedError, KeyError):
                continue  # a variable has no value out here
            assert node.type.low <= value <= node.type.high, write(node)
            assert value.bit_length() <= LIMITS.integer_bits


@RANDOM
@given(trees(depth=4))
def test_only_whitelisted_code_is_made(tree: Node) -> None:
    code = to_ast(tree)
    verify(code)
    kinds = {type(node) for node in ast.walk(code)}
    assert not kinds & {ast.Attribute, ast.Import, ast.Await, ast.Yield, ast.NamedExpr, ast.Pow}
    # nothing of the text but constants: with other names and strings the code is the same
    assert all("__" not in node.id for node in ast.walk(code) if isinstance(node, ast.Name))


WORDS = [
    *("value", "from", "memo", "amounts", "splits", "x", "args.any", "block.number", "nothing"),
    *("and", "or", "not", "in", "any(", "all(", "true", "ether", "units(6)", "1.5", "0", "2"),
    *("0x", "0xab", "0x" + "5" * 40, '"a"', "'", '"', "\\", "==", "!=", "<", ">=", "+", "-"),
    *("*", "**", "//", "%", "(", ")", "[", "]", ",", ":", ".", "x in amounts:", "starts_with"),
    *("contains", "\n", "\0", "é", "\ud800", "٣", "lambda", "__import__", "{", "}", ";"),
]


def check_total(text: str) -> None:
    """A condition, or a ConditionError that says all four things; and quickly."""
    started = time.process_time()
    try:
        condition = Condition.read(text, SCHEMA)
    except ConditionError as error:
        assert 0 <= error.position <= len(text)
        assert all((error.found, error.expected, error.mend))
        message = str(error)
        assert message.startswith(f"character {error.position + 1}: found ")
        assert message.encode().decode() == message
        assert "\n" not in message and len(message) < 1_500
    else:
        assert parse(condition.text, SCHEMA) == condition.tree
    assert time.process_time() - started < 1.0


@random_cases(500)
@given(st.text())
def test_any_text_is_a_condition_or_a_condition_error(text: str) -> None:
    check_total(text)


@random_cases(500)
@given(st.lists(st.sampled_from(WORDS), max_size=30), st.sampled_from(["", " "]))
def test_any_words_are_a_condition_or_a_condition_error(words: list[str], between: str) -> None:
    check_total(between.join(words))


@RANDOM
@given(trees(), st.data())
def test_a_mutated_condition_is_a_condition_or_a_condition_error(
    tree: Node, data: st.DataObject
) -> None:
    text = write(tree)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 4)))
        new = data.draw(st.sampled_from(WORDS) | st.text(string.printable, max_size=2))
        text = text[:start] + new + text[end:]
    check_total(text)


LONG = LIMITS.characters


@pytest.mark.parametrize(
    "text",
    [
        "(" * LONG,
        "-" * LONG,
        "not " * (LONG // 4),
        "[" * LONG,
        "any(x in " * (LONG // 9),
        "0" * LONG,
        "0x" + "a" * (LONG - 2),
        "_" * LONG,
        "a." * (LONG // 2),
        "value" * (LONG // 5),
        '"' + "\\" * (LONG - 1),
        "\\" * LONG,
        "value" + "[0]" * (LONG // 3),
        "amounts" + "[0]" * 1_000,
        "value" + " + value" * 500,
        "value" + " * 2" * 500 + " > 1",
        " or ".join(["is_open"] * 400),
        "is_open" + " == is_open" * 300,
        "1" + " * 9" * 1_000 + " < value",
        "9 units(77)" + " * 9 units(77)" * 100 + " < value",
        "value in [" + ", ".join(["1"] * 1_300) + "]",
        " " * LONG,
        "\n" * LONG,
        "x" * (LONG + 1),
        "(" * 60 + "is_open" + ")" * 60,
        "not " * 60 + "is_open",
        "any(x in grid: any(y in x: y > 1)) " * 60,
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_nothing_takes_long_or_nests_too_deep(text: str) -> None:
    check_total(text)
