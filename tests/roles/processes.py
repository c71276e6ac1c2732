"""`donablock` as people and machines start it: real processes, of which a test can find, ask and
kill each."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from donablock.settings import ROOT

SCRIPT = Path(sys.executable).parent / "donablock"
DONABLOCK = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "donablock"]
"""As `make setup` puts it on the PATH; a module, where the environment was made otherwise."""

PATIENCE = 180.0
"""Seconds for anything that must come; a busy machine is no failure."""


def environment(**settings: object) -> dict[str, str]:
    """Ours, without what the one who runs the tests has set for himself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DONABLOCK_")}
    given = {f"DONABLOCK_{name.upper()}": str(value) for name, value in settings.items()}
    found = {} if SCRIPT.exists() else {"PYTHONPATH": str(ROOT)}
    return kept | found | {"PYTHONUNBUFFERED": "1"} | given


def eventually(what: str, asked: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What `asked` gives, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = asked()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:g} s"
        time.sleep(0.1)


class Command:
    """One `donablock` process that goes on until it is stopped. What it says goes to a file."""

    def __init__(self, log: Path, env: Mapping[str, str], *arguments: str) -> None:
        self.log = log
        self.env = dict(env)
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [*DONABLOCK, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=log.parent,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, count: int = 1) -> None:
        """Until it has said this, so many times in all."""

        def asked() -> bool:
            code = self.process.poll()
            assert code is None, f"it ended with {code}:\n{self.said}"
            return self.said.count(text) >= count

        try:
            eventually(f"{text!r}", asked)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said}") from None

    def stop(self, sign: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> int:
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.process.wait(seconds)


@contextmanager
def running(log: Path, env: Mapping[str, str], *arguments: str) -> Iterator[Command]:
    """Killed at the end of the block if it is there still; `up` with all that belongs to it."""
    command = Command(log, env, *arguments)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.wait()
        left = belonging(env["DONABLOCK_DATA"]) if arguments[0] == "up" else []
        for pid, _ in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def once(
    env: Mapping[str, str], *arguments: str, timeout: float = PATIENCE
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that ends by itself."""
    done = subprocess.run(
        [*DONABLOCK, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=dict(env),
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def good(env: Mapping[str, str], *arguments: str) -> str:
    """Stdout of a command that must succeed."""
    code, out, err = once(env, *arguments)
    assert code == 0, f"{arguments}: {code}: {err}"
    return out


def refused(env: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """Exit code and the one line of a command that must fail."""
    code, _, err = once(env, *arguments)
    lines = err.strip().splitlines()
    assert code in (1, 2) and len(lines) == 1 and lines[0].startswith("error: "), (code, err)
    return code, lines[0].removeprefix("error: ")


def belonging(data: str) -> list[tuple[int, str]]:
    """(id, command line) of every process that was started with this data folder, or runs on it."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            given = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        is_ours = f"DONABLOCK_DATA={data}\0".encode() in given or data in line
        if is_ours and line and state != "Z":
            found.append((int(folder.name), line))
    return found


def postmaster(data: Path) -> int:
    """The id of the embedded database's first process."""
    return int((data / "postgres/cluster/postmaster.pid").read_text().split()[0])


def member(data: Path, role: str) -> int:
    """The id of the process of the group that does this role, or of the local chain (`anvil`)."""
    pattern = r"anvil .*--chain-id" if role == "anvil" else rf"donablock run .*\b{role}\b"
    (found,) = {pid for pid, line in belonging(str(data)) if re.search(pattern, line)}
    return found


def asked(url: str, key: str | None = None) -> tuple[int, Any]:
    """Status and JSON (or text) of an answer; 0 where nobody answers."""
    request = urllib.request.Request(url)
    if key is not None:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError:
        return 0, None
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode()
