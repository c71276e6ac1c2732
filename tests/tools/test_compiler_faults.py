"""Each of the compiler's published faults is caught, and what resembles one is let through."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.compiler_faults import faults_in, main

HEADER = "# pragma version 0.4.3\n\n"

MESSAGE_VALUE = "@external\n@payable\ndef f(k: uint256) -> uint256:\n    return {}\n"
PLAIN = "@external\ndef f(a: uint256, b: uint256, which: bool) -> uint256:\n    return {}\n"


def write(folder: Path, source: str | bytes, name: str = "Sample.vy") -> Path:
    path = folder / name
    path.write_bytes(source if isinstance(source, bytes) else (HEADER + source).encode())
    return path


def rules(path: Path, root: Path) -> list[tuple[int, str]]:
    return [(fault.line, fault.rule) for fault in faults_in(path, root)]


@pytest.mark.parametrize(
    "byte",
    ["\u00e9", "\u2028", "\x0c", "\x0b", "\x1c", "\x7f", "\x00", "\r", "\ufeff", "\u212a"],
    ids=lambda text: f"U+{ord(text):04X}",
)
@pytest.mark.parametrize("name", ["Sample.vy", "ISample.vyi"])
def test_a_byte_the_compiler_may_count_wrongly_is_refused(tmp_path, byte, name):
    path = write(tmp_path, f"{HEADER}# one{byte}\n".encode(), name)
    assert rules(path, tmp_path) == [(3, "text")]


def test_a_byte_order_mark_is_refused(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbf" + HEADER.encode())
    assert rules(path, tmp_path) == [(1, "text")]


def test_tab_newline_and_printable_ascii_pass(tmp_path):
    every = bytes(range(0x20, 0x7F)).replace(b'"', b"").replace(b"\\", b"")
    path = write(tmp_path, HEADER.encode() + b"# \t" + every + b"\n")
    assert rules(path, tmp_path) == []


@pytest.mark.parametrize(
    "expression",
    [
        "(msg.value | k) if k > 1 else 0",
        "(k | msg.value) if k > 1 else 0",
        "((msg.value) | (k)) if k > 1 else 0",
        "(len(msg.data) | k) if k > 1 else 0",
        "k | len(\n        msg.data\n    )",
    ],
)
def test_bit_or_on_value_or_length_of_data_is_refused(tmp_path, expression):
    path = write(tmp_path, MESSAGE_VALUE.format(expression))
    assert rules(path, tmp_path) == [(6, "bit-or")]


def test_bit_or_assignment_from_value_is_refused(tmp_path):
    path = write(
        tmp_path, "@external\n@payable\ndef f():\n    x: uint256 = 1\n    x |= msg.value\n"
    )
    assert rules(path, tmp_path) == [(7, "bit-or")]


@pytest.mark.parametrize("expression", ["msg.value + k", "(1 | k) + msg.value", "msg.value & k"])
def test_other_uses_of_value_pass(tmp_path, expression):
    path = write(tmp_path, MESSAGE_VALUE.format(expression))
    assert rules(path, tmp_path) == []


BLUEPRINT = (
    "{}\n@external\ndef make(blueprint: address, offset: uint256) -> address:\n"
    "    return create_from_blueprint(blueprint, code_offset={})\n"
)


@pytest.mark.parametrize(
    ("constants", "offset"),
    [("", "offset"), ("", "max_value(uint256)"), ("OFFSET: constant(uint256) = 3\n", "OFFSET")],
)
def test_a_code_offset_that_is_no_literal_is_refused(tmp_path, constants, offset):
    path = write(tmp_path, BLUEPRINT.format(constants, offset))
    assert [rule for _, rule in rules(path, tmp_path)] == ["code-offset"]


def test_a_literal_code_offset_passes(tmp_path):
    assert rules(write(tmp_path, BLUEPRINT.format("", 3)), tmp_path) == []


ARRAYS = (
    "@external\ndef f(a: {0}, b: {1}, which: bool) -> {2}:\n"
    "    c: {2} = a if which else b\n    return c\n"
)


@pytest.mark.parametrize(
    "types",
    [
        ["DynArray[DynArray[uint256, 2], 2]"] * 3,
        ["DynArray[uint256, 2]"] * 3,
        ["uint256[3]"] * 3,
    ],
    ids=lambda types: types[0],
)
def test_a_ternary_on_arrays_is_refused(tmp_path, types):
    path = write(tmp_path, ARRAYS.format(*types))
    assert rules(path, tmp_path) == [(5, "ternary")]


def test_a_ternary_on_arrays_in_a_module_nobody_initialises_is_refused(tmp_path):
    (tmp_path / "modules").mkdir()
    write(tmp_path / "modules", "total: uint256\n", "store.vy")
    path = write(
        tmp_path / "modules",
        "from modules import store\nuses: store\n\n@internal\ndef _f(which: bool) -> uint256[2]:\n"
        "    store.total += 1\n    return [1, 2] if which else [3, 4]\n",
        "user.vy",
    )
    assert rules(path, tmp_path) == [(9, "ternary")]


@pytest.mark.parametrize("expression", ["a if which else b", "max(a, b) if which else a | b"])
def test_a_ternary_on_numbers_passes(tmp_path, expression):
    assert rules(write(tmp_path, PLAIN.format(expression)), tmp_path) == []


def test_a_file_the_compiler_refuses_is_named_not_skipped(tmp_path):
    path = write(tmp_path, "@external\ndef f() -> uint256:\n    return nothing\n")
    assert rules(path, tmp_path) == [(1, "unreadable")]


def test_the_command_fails_on_a_fault_and_names_its_place(tmp_path, capsys):
    bad = write(tmp_path, MESSAGE_VALUE.format("msg.value | k"))
    assert main([str(bad)]) == 1
    assert "Sample.vy:6: bit-or:" in capsys.readouterr().out
    good = write(tmp_path, MESSAGE_VALUE.format("msg.value"), "Good.vy")
    assert main([str(good)]) == 0


def test_our_own_files_have_none():
    assert main([]) == 0
