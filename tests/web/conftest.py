"""A server for each module of tests, and for each test two projects of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from donablock.store.postgres import EmbeddedPostgres
from tests.services_support import database_url, postgres
from tests.web.serving import Api, Serving, new_database, serving

__all__ = ["database_url", "postgres"]


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres) -> Iterator[Serving]:
    with new_database(postgres) as url, serving(url) as one:
        yield one


@pytest.fixture
def api(server: Serving) -> Api:
    """All scopes of one project."""
    return server.api(server.project())


@pytest.fixture
def stranger(server: Serving) -> Api:
    """All scopes of another project."""
    return server.api(server.project("another"))
