"""What a running `donablock up` tells the commands beside it: where its API, its nodes and its
manifests are, in a file that only its owner can read, for as long as it runs.

A setting that is made counts more than the file.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator

from donablock.settings import Settings, settings

_NAME = "up.json"
_TOLD = ("DONABLOCK_NODES", "DONABLOCK_DEPLOYMENTS")


@contextlib.contextmanager
def told(chosen: Settings) -> Iterator[None]:
    """The file is there in the block."""
    path = chosen.data_path / _NAME
    environment = chosen.environment()
    found = {name: environment[name] for name in _TOLD if name in environment}
    found["DONABLOCK_API_URL"] = f"http://{chosen.api_host}:{chosen.api_port}"
    draft = path.with_name(f".{_NAME}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"pid": os.getpid(), "settings": found}, file)
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def heed() -> Settings:
    """The settings of a command: those of the environment, and where it says nothing those of a
    running `donablock up`."""
    try:
        told = json.loads((settings().data_path / _NAME).read_text(encoding="utf-8"))
        os.kill(told["pid"], 0)
        found = told["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return settings()
    new = {name: found[name] for name in (*_TOLD, "DONABLOCK_API_URL") if name in found}
    os.environ.update({name: value for name, value in new.items() if name not in os.environ})
    settings.cache_clear()
    return settings()
