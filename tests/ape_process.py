"""ape as a person calls it, in a process of its own that takes one command after the other.

Starting ape takes seconds; that is spent once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from donablock.settings import settings
from tests.local_chain import World

# reads commands from stdin, one JSON list a line; answers each with exit code, stdout and stderr
_MANY = """
import json, sys
from ape._cli import cli
from click.testing import CliRunner
for line in sys.stdin:
    done = CliRunner(mix_stderr=False).invoke(cli, ["run", *json.loads(line)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    print(json.dumps([done.exit_code, done.stdout, done.stderr]), flush=True)
"""


class Ape:
    """One process of ape that takes one command after the other."""

    def __init__(self, world: World) -> None:
        self._network = network_of(world)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _MANY],
            cwd=settings().root,
            env=environment(world.deployments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, account: int | None = None) -> str:
        """The command's output; it must succeed."""
        code, out, err = self._ask(command, account)
        assert code == 0, f"{command}: {err or out}"
        return out

    def refused(self, *command: str, account: int | None = None) -> str:
        """The one line of a command that must fail."""
        code, _, err = self._ask(command, account)
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert code == 1, f"{command}: exit code {code}"
        assert len(lines) == 1 and err.strip().endswith(lines[0]), err
        return lines[0]

    def output(self, *command: str) -> str:
        """What a person would see, of a command that may fail: its lines, and the error's."""
        _, out, err = self._ask(command, None)
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        return "\n".join([out, *errors])

    def _ask(self, command: tuple[str, ...], account: int | None) -> tuple[int, str, str]:
        signs = [] if account is None else ["--account", f"TEST::{account}", "--yes"]
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([*command, *signs, *self._network]) + "\n")
        self._process.stdin.flush()
        # ape's own log lines go the same way
        for line in self._process.stdout:
            if line.startswith("["):
                code, out, err = json.loads(line)
                return code, out, err
        raise AssertionError(f"ape ended at {command}")

    def stop(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def network_of(world: World) -> list[str]:
    return ["--network", f"ethereum:local:{world.node.url}"]


def environment(deployments: Path) -> dict[str, str]:
    return {**os.environ, "DONABLOCK_DEPLOYMENTS": str(deployments), "COLUMNS": "200"}
