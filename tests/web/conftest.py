"""A server for each test, with a database of its own, and somebody who may everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services_support import database_url, postgres
from tests.web.serving import Api, Serving, serving

__all__ = ["database_url", "postgres"]


@pytest.fixture
def server(database_url: str) -> Iterator[Serving]:
    with serving(database_url) as one:
        yield one


@pytest.fixture
def api(server: Serving) -> Api:
    """All scopes of one project."""
    return server.api(server.project())


@pytest.fixture
def stranger(server: Serving) -> Api:
    """All scopes of another project."""
    return server.api(server.project("another"))
