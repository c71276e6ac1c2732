"""Ids: these bytes must never change, or what was delivered would be delivered again."""

from __future__ import annotations

from hashlib import sha256

import pytest

from donablock.monitors.ids import FUNCTION, NATIVE, WINDOW, digest, match_id
from donablock.monitors.messages import event_id

BLOCK = "0x" + "b1" * 32
TRANSACTION = "0x" + "7a" * 32
DONOR = "0x" + "d0" * 20


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (
            (1, BLOCK, TRANSACTION, 7, "mo_0123456789abcdef", DONOR, "in"),
            "cbd84ac7599ccc7bc8dbb3f6367fe2b7",
        ),
        (
            (1, BLOCK, TRANSACTION, 7, "mo_0123456789abcdef", DONOR, "out"),
            "73cba0012db956f0b87282d32b492aa2",
        ),
        (
            (1, BLOCK, TRANSACTION, NATIVE, "mo_0123456789abcdef", DONOR, "in"),
            "63b429af1bd6201208b91ed8fbfd14db",
        ),
        (
            (1, BLOCK, TRANSACTION, FUNCTION, "mo_0123456789abcdef", DONOR, "in"),
            "e60ee6e5f917662af56ceee575d44168",
        ),
        (
            (1, BLOCK, "", WINDOW, "mo_0123456789abcdef", DONOR, "all"),
            "f4cf401c5150adbbf30badbbd8d5f90f",
        ),
        (
            (1, BLOCK, TRANSACTION, 7, "mo_0123456789abcdef", DONOR, "in", 0),
            "188c8461052fc10f4ec2e823c588c345",
        ),
        (
            (56, BLOCK, TRANSACTION, 7, "mo_0123456789abcdef", DONOR, "in"),
            "a19776f737163f09e5ce7c86bd15fe75",
        ),
    ],
)
def test_vectors(arguments: tuple[object, ...], expected: str) -> None:
    assert match_id(*arguments).hex() == expected  # type: ignore[arg-type]


def test_the_rule_in_words() -> None:
    """The first 16 bytes of SHA-256 over seven parts, each after its length in 4 bytes."""
    parts = ["1", BLOCK, TRANSACTION, "7", "mo_x", DONOR, "in"]
    raw = b"".join(len(part).to_bytes(4) + part.encode() for part in parts)
    assert match_id(1, BLOCK, TRANSACTION, 7, "mo_x", DONOR, "in") == sha256(raw).digest()[:16]
    parts[3] = "7/2"
    raw = b"".join(len(part).to_bytes(4) + part.encode() for part in parts)
    assert match_id(1, BLOCK, TRANSACTION, 7, "mo_x", DONOR, "in", 2) == sha256(raw).digest()[:16]


def test_parts_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a") != digest("a", "")
    assert len(digest("é")) == 16


def test_how_an_id_is_shown() -> None:
    assert event_id(match_id(1, BLOCK, TRANSACTION, 7, "mo_x", DONOR, "in")).startswith("evt_")
