"""The services, and a folder of manifests of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from donablock.chain import manifest
from donablock.settings import Settings
from donablock.store.database import Database
from tests.monitors.builtin.line import Line
from tests.pipeline import orders
from tests.services_support import database, database_url, postgres

__all__ = ["database", "database_url", "line", "manifests", "postgres"]


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where manifests are looked for; empty."""
    folder = tmp_path / "deployments"
    chosen = Settings(deployments=folder)
    monkeypatch.setattr(manifest, "settings", lambda: chosen)
    return folder


@pytest_asyncio.fixture
async def line(database: Database, manifests: Path) -> Line:
    """Nothing is deployed yet, and there is a project."""
    made = Line(database, manifests)
    await orders.project(database)
    await made.worker.take_over()
    return made
