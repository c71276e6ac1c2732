"""The services that these tests run on."""

from __future__ import annotations

from tests.services_support import database, database_url, postgres

__all__ = ["database", "database_url", "postgres"]
