"""What a running `donablock up` tells the commands beside it: where its API, its nodes and its
manifests are, in a file that only its owner can read, for as long as it runs.

A setting that is made counts more than the file. The file counts only while the process that wrote
it lives, and is this user's: one that was left behind says nothing about who listens there now.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from donablock.settings import Settings, settings

_NAME = "up.json"
_PROC = Path("/proc")
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
        pid = os.getpid()
        json.dump({"pid": pid, "started": _started(pid), "settings": found}, file)
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def heed() -> Settings:
    """The settings of a command: those of the environment, and where it says nothing those of a
    running `donablock up`."""
    found = _found(settings())
    if found is None:
        return settings()
    os.environ.update({name: value for name, value in found.items() if name not in os.environ})
    settings.cache_clear()
    return settings()


def is_up(chosen: Settings) -> bool:
    """Whether a `donablock up` of this user runs on the data folder."""
    return _found(chosen) is not None


def _found(chosen: Settings) -> dict[str, str] | None:
    """What a running `donablock up` of this user tells, None where there is none."""
    try:
        descriptor = os.open(chosen.data_path / _NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            if os.fstat(descriptor).st_uid != os.geteuid():
                return None
            told = json.load(file)
        pid, started, found = told["pid"], told["started"], told["settings"]
        if type(pid) is not int or pid < 1 or started is None or _started(pid) != started:
            return None
        return {name: str(found[name]) for name in (*_TOLD, "DONABLOCK_API_URL") if name in found}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _started(pid: int) -> str | None:
    """When this process began, as the system counts: a pid alone may be another process by now.
    None where it does not live, or is not this user's."""
    try:
        if (_PROC / "self/stat").exists():
            return _started_by_proc(pid)
        said = subprocess.run(
            ["/bin/ps", "-o", "uid=,stat=,lstart=", "-p", str(pid)],
            capture_output=True,
            check=True,
            encoding="utf-8",
            env={"LC_ALL": "C", "TZ": "UTC"},
            timeout=5,
        ).stdout
        owner, state, start = said.split(maxsplit=2)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return None if int(owner) != os.geteuid() or state.startswith("Z") else start.strip()


def _started_by_proc(pid: int) -> str | None:
    folder = _PROC / str(pid)
    owners = (folder / "status").read_text(errors="replace").partition("\nUid:")[2].split()
    # the name, in brackets, may hold anything; proc(5) counts the start as the 22nd field
    fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    if len(owners) < 2 or len(fields) < 20 or int(owners[1]) != os.geteuid() or fields[0] in "ZX":
        return None
    return fields[19]
