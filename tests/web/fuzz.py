"""Schemathesis over the whole document, with all its checks, against a real server and database.

python -m tests.web.fuzz                     ten minutes
python -m tests.web.fuzz --seconds 60 --seed 7

What it looks for: no answer of 5xx, every answer one that the document names with its headers and
its schema, what fits the schema never answered 400 and what does not fit never accepted, no answer
without a key, no use of what was deleted, 405 with the right `Allow`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests import services_support
from tests.web.seeds import seed, shield
from tests.web.serving import Serving, new_database, serving

# What fits the schema may still be impossible (422), nobody's (404), or more than there may be
# (403); it is never malformed (400).
_CONFIG = """
continue-on-failure = true
max-stream-events = 2
request-timeout = 20.0

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "403", "404", "422"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "413", "415", "422"]

[cache]
enabled = false
"""


def explore(
    server: Serving,
    *,
    seconds: int | None = None,
    examples: int | None = None,
    seed_number: int | None = None,
    workers: int = 1,
    phases: str = "examples,coverage,fuzzing,stateful",
    more: Sequence[str] = (),
) -> tuple[int, str]:
    """(exit code, what it said). seconds: for everything; examples: for each call."""
    api = seed(server).api
    shield(server, api)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(_CONFIG)
        command = [
            str(Path(sys.executable).parent / "schemathesis"),
            "--config-file",
            str(config),
            "run",
        ]
        command += [f"{server.url}/openapi.json", "--checks", "all", "--phases", phases]
        command += ["-H", f"Authorization: Bearer {api.key}", "--workers", str(workers)]
        command += ["--no-color", "--generation-database", "none", *more]
        if seconds is not None:
            command += ["--max-time", str(seconds)]
        if examples is not None:
            command += ["--max-examples", str(examples)]
        if seed_number is not None:
            command += ["--seed", str(seed_number)]
        environment = {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=folder
        )
    # whoever took away the key that all of this was asked with would have been asked nothing more
    assert api.get("/v1/project").status_code == 200, "the key opens no more"
    return done.returncode, done.stdout + done.stderr


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=600, help="for all of it")
    parser.add_argument("--seed", type=int, default=None, help="to repeat a run")
    parser.add_argument("--workers", type=int, default=2, help="at once")
    parser.add_argument("more", nargs="*", help="for schemathesis itself, after --")
    chosen = parser.parse_args(arguments)
    with new_database(services_support._server()) as url, serving(url) as server:
        code, said = explore(
            server,
            seconds=chosen.seconds,
            seed_number=chosen.seed,
            workers=chosen.workers,
            more=chosen.more,
        )
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
