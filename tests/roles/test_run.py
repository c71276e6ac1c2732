"""Each role as a process of its own, as on machines that share the work: real processes, a real
chain, and the embedded database as the server that all of them reach by its URL."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
from pathlib import Path

import asyncpg
import pytest

from donablock.chain.node import Anvil
from donablock.errors import DonaBlockError
from donablock.roles.ports import free_port
from donablock.store.postgres import EmbeddedPostgres
from tests.roles.processes import (
    Command,
    asked,
    environment,
    eventually,
    good,
    once,
    running,
)
from tests.roles.receiver import Receiver
from tests.services_support import in_memory

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(900)]

ME = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture
def anvil():
    try:
        with Anvil() as node:
            node.mine(3)
            yield node
    except DonaBlockError as error:
        pytest.skip(str(error))


class Machines:
    """Processes of roles on one database and one chain. Each has its own data folder, which none
    needs, and its own port to be asked at."""

    def __init__(self, folder: Path, url: str, node: Anvil) -> None:
        self.folder = folder
        self.api = free_port("127.0.0.1")
        self.settings = {
            "database_url": url,
            "nodes": json.dumps({"31337": [node.url]}),
            "start": '{"31337": 0}',
            "data": folder / "none",
            "deployments": folder,
            "api_url": f"http://127.0.0.1:{self.api}",
            "stop_seconds": 2,
            # the receiver is on this machine, which the operator has to allow
            "webhook_networks": "127.0.0.0/8",
            "webhook_http": True,
            "log_format": "json",
        }

    def env(self, **more):
        return environment(**(self.settings | more))

    def start(self, *roles: str, **more):
        """A process with these roles; `ops` is its port."""
        ops = free_port("127.0.0.1")
        log = self.folder / f"{'-'.join(roles)}-{ops}.log"
        arguments = ["run", *roles, "--ops", f"127.0.0.1:{ops}"]
        if "api" in roles:
            arguments += ["--port", str(self.api)]
        context = running(log, self.env(**more), *arguments)
        return _Started(context, ops)


class _Started:
    def __init__(self, context, ops: int) -> None:
        self._context = context
        self.ops = ops

    def __enter__(self) -> Command:
        command = self._context.__enter__()
        command.ops = self.ops
        return command

    def __exit__(self, *error):
        return self._context.__exit__(*error)


@pytest.fixture
def machines(database_url, anvil, tmp_path):
    return Machines(tmp_path, database_url, anvil)


def ready(command) -> bool:
    assert command.process.poll() is None, command.said
    return asked(f"http://127.0.0.1:{command.ops}/ready")[0] == 200


def pay(anvil, receiver, wei=5):
    sent = anvil.request(
        "eth_sendTransaction",
        {"from": anvil.w3.eth.accounts[0], "to": ME, "value": hex(wei)},
    )
    eventually("the webhook", lambda: "event.confirmed" in receiver.of(sent))
    return sent


def subscribed(machines, receiver):
    env = machines.env()
    project = good(env, "project", "create", "somebody").strip()
    key = good(env, "project", "key", project).strip()
    env = machines.env(api_key=key)
    endpoint, receiver.secret = good(env, "endpoint", "create", receiver.url).split()
    options = ("--category", "native", "--direction", "in", "--address", ME)
    good(env, "monitor", "create", "to me", *options, "--endpoint", endpoint)
    return key


def test_each_role_runs_alone_and_another_takes_over_when_it_is_killed(machines, anvil):
    start = machines.start
    with (
        start("worker") as worker,
        start("matcher") as matcher,
        start("projections", "reconciler") as rest,
        start("deliverer") as deliverer,
        start("api") as api,
        Receiver() as receiver,
    ):
        for command in (worker, matcher, rest, deliverer, api):
            eventually("readiness", lambda command=command: ready(command))
        key = subscribed(machines, receiver)
        pay(anvil, receiver)
        with start("worker", "matcher") as second:
            eventually("readiness", lambda: ready(second))
            for command in (worker, matcher):
                command.process.send_signal(signal.SIGKILL)
                command.process.wait()
            pay(anvil, receiver)
            assert '"after": ' in second.said, "it leads now"
            # one trace from the block to the webhook: in the log of whoever did a part of it
            assert _trace_ids(machines) >= 1
            for command in (second, rest, deliverer, api):
                began = time.monotonic()
                assert command.stop(signal.SIGTERM) == 0, command.said
                assert time.monotonic() - began < 15
        assert receiver.refused == 0
        assert key not in "".join(path.read_text() for path in machines.folder.glob("*.log"))


def _trace_ids(machines) -> int:
    async def work():
        connection = await asyncpg.connect(machines.settings["database_url"])
        try:
            return await connection.fetchval(
                "SELECT count(*) FROM deliveries AS d JOIN matches AS m ON m.id = d.match_id"
                " JOIN outbox AS o ON split_part(o.trace, '-', 2) = split_part(d.trace, '-', 2)"
                " WHERE d.type = 'event.detected' AND o.kind = 1"
            )
        finally:
            await connection.close()

    return asyncio.run(work())


def test_a_receiver_that_hangs_holds_up_no_stop_and_gets_its_message_afterwards(machines, anvil):
    with machines.start("worker", "matcher", "api"), Receiver() as receiver:
        with machines.start("deliverer") as deliverer:
            eventually("readiness", lambda: ready(deliverer))
            eventually("the API", lambda: asked(f"http://127.0.0.1:{machines.api}/ready")[0] == 200)
            subscribed(machines, receiver)
            receiver.is_silent.set()
            sent = anvil.request(
                "eth_sendTransaction",
                {"from": anvil.w3.eth.accounts[0], "to": ME, "value": "0x1"},
            )
            metrics = f"http://127.0.0.1:{deliverer.ops}/metrics"
            eventually(
                "requests under way",
                lambda: "donablock_deliveries_in_flight 2.0" in str(asked(metrics)[1]),
            )
            began = time.monotonic()
            assert deliverer.stop(signal.SIGTERM) == 0, deliverer.said
            assert time.monotonic() - began < 15
        receiver.is_silent.clear()
        assert receiver.of(sent) == []
        # given back, and not left to its lease of a minute
        with machines.start("deliverer"):
            eventually("the webhook", lambda: "event.confirmed" in receiver.of(sent), 45)


def test_a_process_is_not_ready_while_the_database_is_away_and_goes_on_when_it_is_back(
    anvil, tmp_path
):
    with tempfile.TemporaryDirectory(prefix="pg-", dir=in_memory()) as name:
        server = EmbeddedPostgres(Path(name) / "postgres", is_durable=False).start()
        try:
            machines = Machines(tmp_path, server.url, anvil)
            with (
                machines.start("worker", "matcher", "projections", "reconciler") as chains,
                machines.start("deliverer") as deliverer,
                machines.start("api") as api,
                Receiver() as receiver,
            ):
                commands = (chains, deliverer, api)
                for command in commands:
                    eventually("readiness", lambda command=command: ready(command))
                subscribed(machines, receiver)
                pay(anvil, receiver)
                server.kill()
                for command in commands:
                    url = f"http://127.0.0.1:{command.ops}/ready"
                    eventually("503", lambda url=url: asked(url)[0] == 503)
                    status, said = asked(url)
                    assert said["status"] == "not ready"
                    assert said["checks"]["database"] != "ok"
                    assert asked(f"http://127.0.0.1:{command.ops}/health")[0] == 200
                assert asked(f"http://127.0.0.1:{machines.api}/ready")[0] == 503
                server.restart()
                for command in commands:
                    eventually("readiness", lambda command=command: ready(command))
                pay(anvil, receiver)
                # it ends as well while the database is away
                server.kill()
                for command in commands:
                    assert command.stop(signal.SIGTERM) == 0, command.said
        finally:
            server.stop()


def test_a_node_that_is_away_makes_the_worker_not_ready_and_is_waited_for(machines, anvil):
    port = int(anvil.url.rpartition(":")[2])
    anvil.kill()
    with machines.start("worker") as worker:
        url = f"http://127.0.0.1:{worker.ops}/ready"
        status, said = eventually("503", lambda: _answer(url, 503))
        assert said["checks"]["database"] == "ok"
        assert said["checks"]["nodes of chain 31337"] != "ok"
        with Anvil(port=port):
            eventually("readiness", lambda: ready(worker))


def test_a_chain_that_halted_is_told_of_and_goes_on_when_a_person_says_so(machines, anvil):
    with machines.start("worker") as worker:
        eventually("readiness", lambda: ready(worker))
        eventually("blocks", lambda: _chain(machines).get("number") == 3)
        assert worker.stop() == 0
    _do(machines, "UPDATE chains SET state = 'halted', halted_because = 'too deep'")
    with machines.start("worker") as worker:
        url = f"http://127.0.0.1:{worker.ops}/ready"
        _, said = eventually(
            "503", lambda: (found := _answer(url, 503)) and "worker" in str(found) and found
        )
        assert said["checks"]["worker of chain 31337"] == "too deep"
        anvil.mine(2)
        assert _chain(machines)["state"] == "halted" and _chain(machines)["number"] == 3
        code, _, _ = once(machines.env(), "resume", "--chain", "31337")
        assert code == 130, "without an answer nothing goes on"
        assert _chain(machines)["state"] == "halted"
        assert "goes on" in good(machines.env(), "resume", "--chain", "31337", "--yes")
        eventually("blocks", lambda: _chain(machines)["number"] == 5)
        eventually("readiness", lambda: ready(worker))
    assert "has not halted" in good(machines.env(), "resume", "--chain", "31337")
    assert once(machines.env(), "resume", "--chain", "1")[0] == 2


def _chain(machines) -> dict:
    (found,) = json.loads(good(machines.env(), "status", "--json"))["chains"] or [{}]
    return found


def _do(machines, statement: str) -> None:
    async def work():
        connection = await asyncpg.connect(machines.settings["database_url"])
        await connection.execute(statement)
        await connection.close()

    asyncio.run(work())


def _answer(url: str, status: int):
    found = asked(url)
    return found if found[0] == status else None


def failed(env, *arguments):
    """Exit code of a role that cannot run, and the one line that is no news but the reason."""
    code, _, err = once(env, *arguments)
    lines = [line for line in err.splitlines() if '"level": "info"' not in line]
    assert len(lines) == 1, err
    if lines[0].startswith("error: "):
        return code, lines[0]
    said = json.loads(lines[0])
    assert said["event"] == "fails for good"
    return code, said["because"]


def test_what_cannot_run_says_so_in_one_line(machines, tmp_path):
    env = machines.env(ops="127.0.0.1:0")
    code, line = failed(env, "run", "pilot")
    assert code == 2 and "'pilot'" in line and "worker, matcher" in line
    code, line = failed(env, "run", "relay")
    assert code == 2 and "DONABLOCK_KAFKA" in line
    code, line = failed(env, "run", "worker", "--chain", "7")
    assert code == 2 and "chain 7 is not known" in line
    code, line = failed(env, "run", "worker", "--chain", "56")
    assert code == 2 and "chain 56 (bsc) has no node" in line
    code, line = failed(env, "run", "deliverer", "--ops", "nowhere")
    assert code == 2 and "127.0.0.1:9100" in line
    networks = machines.env(ops="127.0.0.1:0", webhook_networks="10.0.0.0/99")
    code, line = failed(networks, "run", "deliverer")
    assert code == 2 and "'10.0.0.0/99' is no network" in line
    nodes = machines.env(ops="127.0.0.1:0", nodes='{"56": "x"}')
    code, line = failed(nodes, "run", "worker")
    assert code == 2 and "DONABLOCK_NODES, chain 56" in line
    with machines.start("reconciler") as other:
        eventually("readiness", lambda: ready(other))
        code, line = failed(env, "run", "deliverer", "--ops", f"127.0.0.1:{other.ops}")
        assert code == 2 and "name another port with --ops" in line
        code, line = failed(env, "run", "api", "--port", str(other.ops))
        assert code == 2 and "the API cannot listen" in line
    away = machines.env(data=tmp_path / "empty")
    del away["DONABLOCK_DATABASE_URL"]
    code, line = failed(away, "run", "deliverer")
    assert code == 1 and "start `donablock up`, or name one with DONABLOCK_DATABASE_URL" in line
