"""The demo's charities: invented, told apart, and spread over the goals."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from eth_utils.crypto import keccak

from donablock.demo import charities
from donablock.errors import FileError


def test_there_are_200_and_they_say_that_they_are_invented():
    words = json.loads(charities.PATH.read_text())
    assert "invented" in words["note"]
    profiles = charities.load()
    assert len(profiles) == 200
    for profile in profiles:
        country, register, number = profile.legal_id.split(":")
        assert (country, register) == (profile.country, "DEMO")
        assert number.isdecimal()


def test_every_goal_has_charities_enough_for_a_fund():
    profiles = charities.load()
    main = Counter(profile.goal for profile in profiles)
    assert sorted(main) == list(range(1, 18))
    assert min(main.values()) >= 10


def test_descriptions_fit_the_registry_and_match_their_hash():
    for profile in charities.load():
        assert len(profile.uri) <= 256
        assert keccak(profile.document) == profile.metadata_hash
        assert json.loads(profile.document)["name"] == profile.name
        assert 0 < profile.sdg_bits < 1 << 17


def test_bits_are_goals():
    profile = charities.Profile("Name", "XX", "XX:DEMO:1", (17, 1, 3))
    assert profile.sdg_bits == 1 << 16 | 1 | 1 << 2
    assert profile.goal == 17


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ("not json", "cannot be read"),
        ([{"name": "A"}], "cannot be read"),
        ([("A", "XX:1", [1]), ("A", "XX:2", [1])], "a name twice"),
        ([("A", "XX:1", [1]), ("B", "XX:1", [1])], "a legal_id twice"),
        ([("A", "XX:1", [])], "sdgs are 1 to 17"),
        ([("A", "XX:1", [18])], "sdgs are 1 to 17"),
        ([("A", "XX:1", [4, 4])], "sdgs are 1 to 17"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path, entries, reason):
    path = tmp_path / "charities.json"
    if isinstance(entries, str):
        path.write_text(entries)
    else:
        keys = ("name", "legal_id", "sdgs")
        made = [
            e if isinstance(e, dict) else dict(zip(keys, e, strict=True)) | {"country": "XX"}
            for e in entries
        ]
        path.write_text(json.dumps({"charities": made}))
    with pytest.raises(FileError, match=reason):
        charities.load(path=path)


def test_more_than_there_are_is_refused():
    with pytest.raises(FileError, match="200 charities, and 201 were asked for"):
        charities.load(201)
