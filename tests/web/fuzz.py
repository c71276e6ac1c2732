"""Schemathesis over the whole document, with all its checks, against a real server and database.

python -m tests.web.fuzz                     ten minutes
python -m tests.web.fuzz --seconds 60 --seed 7

What it looks for: no answer of 5xx, every answer one that the document names with its headers and
its schema, what fits the schema never answered 400 and what does not fit never accepted, no answer
without a key, no use of what was deleted, 405 with the right `Allow`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from donablock.store.postgres import EmbeddedPostgres
from tests import services_support
from tests.chain_reader.fake_chain import FakeChain, payment
from tests.web.seeds import WATCHED, seed, shield
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

# ids of what is there, beside those that are made up
[parameters]
"path.monitor_id" = {{ dictionary = "monitors", probability = 0.7 }}
"path.endpoint_id" = {{ dictionary = "endpoints", probability = 0.7 }}
"path.delivery_id" = {{ dictionary = "deliveries", probability = 0.8 }}
"path.event_id" = {{ dictionary = "events", probability = 0.8 }}
"path.key_id" = {{ dictionary = "keys", probability = 0.7 }}
"body.chain_id" = {{ dictionary = "chains", probability = 0.6 }}
"body.monitor.chain_id" = {{ dictionary = "chains", probability = 0.8 }}
"body.condition" = {{ dictionary = "conditions", probability = 0.5 }}
"body.window" = {{ dictionary = "windows", probability = 0.3 }}
"body.url" = {{ dictionary = "urls", probability = 0.6 }}
"path.address" = {{ dictionary = "addresses", probability = 0.7 }}
"body.addresses[*]" = {{ dictionary = "addresses", probability = 0.9 }}
"body.contracts[*]" = {{ dictionary = "addresses", probability = 0.9 }}
"body.ids[*]" = {{ dictionary = "deliveries", probability = 0.9 }}
"body.endpoint_id" = {{ dictionary = "endpoints", probability = 0.5 }}

[dictionaries]
monitors = {{ values = {monitors} }}
endpoints = {{ values = {endpoints} }}
deliveries = {{ values = {deliveries} }}
events = {{ values = {events} }}
keys = {{ values = {keys} }}
chains = {{ values = [1, 56, 31337] }}
conditions = {{ values = ["value > 1 ether", "", "from != to", "value in [1, 2"] }}
windows = {{ values = ["", "count over 1 hour > 2", "sum(value) over 1 day >= 1 ether"] }}
addresses = {{ values = [
  "0x1111111111111111111111111111111111111111", "0x5FbDB2315678afecb367f032d93F642f64180aa3"
] }}
urls = {{ values = ["http://127.0.0.1:9/", "https://example.com/x", "http://10.0.0.1/"] }}
"""


def explore(
    server: Serving,
    *,
    seconds: int | None = None,
    examples: int | None = None,
    seed_number: int | None = None,
    phases: str = "examples,coverage,fuzzing,stateful",
    more: Sequence[str] = (),
) -> tuple[int, str]:
    """(exit code, what it said). seconds: for everything; examples: for each call."""
    api = seed(server).api
    shield(server, api)
    # several, since some are deleted on the way
    seeded = [seed(server, api) for _ in range(12)]
    keys = server.execute("SELECT id FROM api_keys WHERE project_id = $1", api.project)
    known = {
        "monitors": [one.monitor for one in seeded],
        "endpoints": [one.endpoint for one in seeded],
        "deliveries": [id for one in seeded for id in one.deliveries.values()],
        "events": [id for one in seeded for id in one.events.values()],
        "keys": [row["id"] for row in keys],
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(_CONFIG.format(**known))
        command = [
            str(Path(sys.executable).parent / "schemathesis"),
            "--config-file",
            str(config),
            "run",
        ]
        command += [f"{server.url}/openapi.json", "--checks", "all", "--phases", phases]
        command += ["-H", f"Authorization: Bearer {api.key}", "--workers", "1"]
        # two at once meet a fault of Python 3.11's own parser (python/cpython issue 106905)
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


@contextlib.contextmanager
def playground(postgres: EmbeddedPostgres) -> Iterator[Serving]:
    """A server with a database of its own, and a chain to read."""
    chain = FakeChain()
    for _ in range(20):
        chain.mine(payment("0x" + "22" * 20, WATCHED, 10**18))
    with new_database(postgres) as url, serving(url, chain=chain) as server:
        yield server


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=600, help="for all of it")
    parser.add_argument("--seed", type=int, default=None, help="to repeat a run")
    parser.add_argument("more", nargs="*", help="for schemathesis itself, after --")
    chosen = parser.parse_args(arguments)
    with playground(services_support._server()) as server:
        code, said = explore(
            server,
            seconds=chosen.seconds,
            seed_number=chosen.seed,
            more=chosen.more,
        )
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
