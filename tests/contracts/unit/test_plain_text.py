"""Text that may stand in JSON as it is: the module says what plain Python says, byte by byte."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts import deployers
from tests.contracts.engine import pyrevm
from tests.contracts.money import send
from tests.contracts.protocol import calldata

MAX_TEXT = 128
BATCH = 64
FORBIDDEN = sorted({*range(32), *b'"<>\\', 127})
ALLOWED = [byte for byte in range(256) if byte not in FORBIDDEN]


def are_plain(texts: list[bytes]) -> list[bool]:
    """What the module says of each of them; on the quick engine, for there are many."""
    answers: list[bool] = []
    with pyrevm():
        writer = deployers.WRITER.deploy()
        for start in range(0, len(texts), BATCH):
            answers += writer.are_plain(texts[start : start + BATCH])
    assert len(answers) == len(texts)
    return answers


def is_plain(raw: bytes) -> bool:
    return not any(byte < 32 or byte in b'"<>\\\x7f' for byte in raw)


def test_the_letters_are_those_that_json_and_html_mind():
    assert len(FORBIDDEN) == 37
    assert [bytes([byte]) for byte in FORBIDDEN if byte >= 32] == [
        b'"',
        b"<",
        b">",
        b"\\",
        b"\x7f",
    ]


def test_every_allowed_byte_at_every_position_is_plain():
    """Each of the texts is a row of a Latin square: every byte comes to every position once."""
    count = len(ALLOWED)
    rows = [bytes(ALLOWED[(row + at) % count] for at in range(MAX_TEXT)) for row in range(count)]
    assert {(at, byte) for row in rows for at, byte in enumerate(row)} == {
        (at, byte) for at in range(MAX_TEXT) for byte in ALLOWED
    }
    assert all(are_plain(rows))


@pytest.mark.parametrize("filler", [0x20, 0x7E, 0x80, 0xFF], ids=hex)
@pytest.mark.parametrize("step", range(4))
def test_every_forbidden_byte_at_every_position_is_found(filler, step):
    texts = []
    for at in range(32 * step, 32 * step + 32):
        for byte in FORBIDDEN:
            raw = bytearray([filler] * MAX_TEXT)
            raw[at] = byte
            texts.append(bytes(raw))
    assert not any(are_plain(texts))


def test_every_byte_alone_and_last_of_every_length():
    texts = [bytes([byte]) for byte in range(256)]
    for length in range(1, MAX_TEXT + 1):
        texts += [b"a" * (length - 1) + bytes([byte]) for byte in (31, 32, 34, 126, 127, 128, 255)]
    assert are_plain(texts) == [is_plain(text) for text in texts]


@pytest.mark.parametrize("byte", [0x20, 0x21, 0x23, 0x7E, 0x80, 0xC3, 0xFF], ids=hex)
def test_every_length_of_plain_bytes_is_plain(byte):
    assert all(are_plain([bytes([byte]) * length for length in range(MAX_TEXT + 1)]))


@pytest.mark.parametrize("byte", FORBIDDEN, ids=hex)
def test_every_length_of_forbidden_bytes_is_not_plain(byte):
    lengths = [1, 2, 31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128]
    assert are_plain([b"", *[bytes([byte]) * length for length in lengths]]) == [
        True,
        *[False] * len(lengths),
    ]


def test_a_byte_more_than_fits_is_refused():
    with pyrevm():
        writer = deployers.WRITER.deploy()
        for length in (MAX_TEXT, MAX_TEXT + 1):
            call = calldata("are_plain", ["bytes[]"], [b"a" * length])
            assert (send(writer, 0, sender=writer, data=call) is None) is (length == MAX_TEXT)


def test_a_byte_below_does_not_hide_one_above():
    """A subtraction borrows from the byte above: the lowest fault must still be seen."""
    pairs = [(low, high) for low in (0, 31, 32, 34, 127, 128) for high in range(256)]
    texts = [bytes([high, low]) for low, high in pairs] + [
        bytes([low, high]) for low, high in pairs
    ]
    assert are_plain(texts) == [is_plain(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    ["Brunnen für Turkana", "Колодцы", "井戸", "\U0001f6b0" * 32, "\u2028", "\u00a0", "ÿ" * 64],
)
def test_utf_8_passes_and_json_reads_it(text):
    assert are_plain([text.encode()]) == [True]
    assert json.loads(f'"{text}"') == text


@settings(deadline=None, max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_random_bytes_are_judged_as_in_python(seed):
    chance = random.Random(seed)
    texts = []
    for _ in range(BATCH):
        length = chance.randrange(MAX_TEXT + 1)
        raw = bytearray(chance.choices(ALLOWED, k=length))
        for _ in range(chance.choice([0, 0, 1, 2])):
            if raw:
                raw[chance.randrange(length)] = chance.randrange(256)
        texts.append(bytes(raw))
    assert are_plain(texts) == [is_plain(text) for text in texts]
