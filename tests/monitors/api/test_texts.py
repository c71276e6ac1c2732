"""What the database does not take is found before it gets there."""

from __future__ import annotations

import pytest

from donablock.errors import InputError, NotFoundError
from donablock.monitors.texts import known, new_id, page_size, plain_json, text_of

NOT_KEPT = ["a\x00b", "\ud800", "\udfff tail", "\x00"]


def test_ids_are_new_and_of_one_form():
    made = {new_id("mo") for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(known("monitor", one) == one and len(one) == 19 for one in made)


@pytest.mark.parametrize(
    "id",
    ["", "mo_", "mo", "mo_\x00", "mo_\ud800", "mo_ä", "mo_a b", "mo_" + "a" * 81, "_a", 5, None],
)
def test_what_is_no_id_is_not_found(id):
    with pytest.raises(NotFoundError, match="there is no monitor") as caught:
        known("monitor", id)
    str(caught.value).encode()


@pytest.mark.parametrize("text", NOT_KEPT)
def test_texts_that_cannot_be_kept_are_refused(text):
    with pytest.raises(InputError, match="a note has a character that cannot be kept"):
        text_of("a note", text, most=100)
    for value in (text, [text], {"key": text}, {text: "value"}, {"a": [{"b": (text,)}]}):
        with pytest.raises(InputError, match="a character that cannot be kept"):
            plain_json("the definition", value)


def test_texts_have_a_length():
    assert text_of("a name", "\U0001f600" * 3, most=3) == "\U0001f600" * 3
    with pytest.raises(InputError, match="a name has 1 to 3 characters, not 4"):
        text_of("a name", "abcd", least=1, most=3)
    with pytest.raises(InputError, match="a name has 1 to 3 characters, not 0"):
        text_of("a name", "", least=1, most=3)
    with pytest.raises(InputError, match="a name is text, not int"):
        text_of("a name", 3, most=3)


def test_json_has_an_end_and_small_numbers():
    nested = []
    for _ in range(70):
        nested = [nested]
    with pytest.raises(InputError, match="nests deeper than 64"):
        plain_json("the ABI", nested)
    plain_json("the ABI", [2**63 - 1, -(2**63), True, None, 1.5])
    for number in (2**63, -(2**63) - 1, 10**400):
        with pytest.raises(InputError, match="a number beyond 64 bits"):
            plain_json("the ABI", {"a": number})


@pytest.mark.parametrize("limit", [0, -1, 101, 10**30, True, "5", None, 1.0])
def test_pages_have_1_to_100(limit):
    with pytest.raises(InputError, match="a page has 1 to 100 entries"):
        page_size(limit)
    assert (page_size(1), page_size(100)) == (1, 100)
