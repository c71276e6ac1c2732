"""Schemathesis over the whole document, as long as there is time for; deeper by
`python -m tests.web.fuzz`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.fuzz import explore, playground

SECONDS = 35


@pytest.mark.slow
def test_no_request_is_answered_otherwise_than_the_document_says(postgres: Any) -> None:
    with playground(postgres) as server:
        code, said = explore(server, seconds=SECONDS, phases="coverage,fuzzing", seed_number=1)
    assert code == 0, said
    assert "49 selected / 49 total" in said and "Coverage" in said
