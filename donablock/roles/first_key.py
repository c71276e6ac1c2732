"""The project and the key that a first `donablock up` makes, for the commands that ask the API."""

from __future__ import annotations

import os
from pathlib import Path

from donablock.errors import UnauthorizedError
from donablock.monitors.keys import SCOPES, Keys
from donablock.monitors.projects import Projects
from donablock.store.database import Database

NAME = "local"
"""The project's."""


async def first_key(database: Database, path: Path) -> str | None:
    """Makes the file, which only its owner can read, unless it holds a key that opens something.
    The text of a key that was made now, None if it was there."""
    keys, projects = Keys(database), Projects(database)
    try:
        await keys.authenticate(path.read_text(encoding="utf-8").strip())
        return None
    except (FileNotFoundError, UnicodeDecodeError, UnauthorizedError):
        pass
    project = await _project(projects)
    _, text = await keys.create(project, SCOPES)
    _write(path, text)
    return text


async def _project(projects: Projects) -> str:
    after = ""
    while page := await projects.page(limit=100, after=after):
        for one in page:
            if one.name == NAME:
                return one.id
        after = page[-1].id
    return (await projects.create(NAME)).id


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    draft.replace(path)
