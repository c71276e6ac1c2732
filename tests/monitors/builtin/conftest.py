"""The services, and a folder of manifests of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from donablock.chain import manifest
from donablock.settings import Settings
from tests.services_support import database, database_url, postgres

__all__ = ["database", "database_url", "manifests", "postgres"]


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where manifests are looked for; empty."""
    folder = tmp_path / "deployments"
    chosen = Settings(deployments=folder)
    monkeypatch.setattr(manifest, "settings", lambda: chosen)
    return folder
