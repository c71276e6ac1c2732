"""docs/donating.md and the scripts' own examples name commands and options that exist."""

from __future__ import annotations

import pytest

from tests.commands import ROOT, check, check_explained, check_own_examples, examples

SCRIPTS = (
    "campaign",
    "charity",
    "claim",
    "donate",
    "fund-donate",
    "give",
    "govern",
    "impact",
    "receipt",
    "vest",
)


def test_the_document_names_what_there_is() -> None:
    text = (ROOT / "docs" / "donating.md").read_text()
    found = [words for words in examples(text) if words[0] in SCRIPTS]
    assert {words[0] for words in found} == set(SCRIPTS), "every script is shown"
    for words in found:
        check(words)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_scripts_own_examples_are_right(name: str) -> None:
    check_own_examples(name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_command_and_option_is_explained(name: str) -> None:
    check_explained(name)
