"""The project and the key that a first `donablock up` makes, for the commands that ask the API.

Which they are is kept by id beside the key: a name is whatever somebody calls his project.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from donablock.errors import NotFoundError, UnauthorizedError
from donablock.monitors.keys import SCOPES, Keys
from donablock.monitors.projects import Projects
from donablock.store.database import Database

NAME = "local"
"""The project's, when it is made."""

Made = dict[str, str | None]
"""By the id of a project the id of the key that was made for it last; one entry for each database
that the data folder was used with."""


async def first_key(database: Database, path: Path) -> str | None:
    """Makes the file, which only its owner can read, unless it holds a key that opens something.
    The one that was made before is revoked then. The text of a key that was made now, None if it
    was there. Raises QuotaError where the project has as many other keys as it may have."""
    keys, projects = Keys(database), Projects(database)
    beside = path.with_name(f"{path.name}.json")
    made = _made(beside)
    try:
        caller = await keys.authenticate(path.read_text(encoding="utf-8").strip())
    except (FileNotFoundError, UnicodeDecodeError, UnauthorizedError):
        pass
    else:
        if not made:  # the key is older than the file beside it
            _write(beside, json.dumps({caller.project_id: None}))
        return None
    project = await _project(projects, made)
    if project is None:
        project = (await projects.create(NAME)).id
        made[project] = None
        _write(beside, json.dumps(made))
    lost = made[project]
    if lost is not None:
        with contextlib.suppress(NotFoundError):
            await keys.revoke(project, lost)
    key, text = await keys.create(project, SCOPES)
    made[project] = key.id
    # before the key itself, so that one whose file was never written is revoked, too
    _write(beside, json.dumps(made))
    _write(path, text)
    return text


async def _project(projects: Projects, made: Made) -> str | None:
    """The one of these that this database has."""
    for id in made:
        with contextlib.suppress(NotFoundError):
            return (await projects.get(id)).id
    return None


def _made(path: Path) -> Made:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {project: key if isinstance(key, str) else None for project, key in found.items()}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    # a process that was killed may have left one
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text + "\n")
    draft.replace(path)
