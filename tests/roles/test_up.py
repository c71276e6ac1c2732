"""`donablock up` as a newcomer has it: an embedded database, a local chain, an API, and a receiver
on the same machine that verifies with somebody else's library."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from rich.console import Console

from donablock.chain.node import anvil_binary
from donablock.errors import DonaBlockError
from donablock.roles.local_chain import FOLDER, LocalChain
from donablock.roles.ports import free_port
from donablock.settings import Settings
from donablock.store.postgres import binaries
from tests.roles.processes import (
    Command,
    asked,
    belonging,
    environment,
    eventually,
    good,
    member,
    once,
    postmaster,
    refused,
    running,
)
from tests.roles.receiver import Receiver
from tests.services_support import in_memory

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="it finds processes in /proc"),
]

ME = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
READY = "Ctrl-C ends it all"
IDLE = "Nothing runs here now"


@pytest.fixture(scope="module")
def chain_folder(tmp_path_factory):
    """The local chain as a first start makes it: of the demo that was run, else of a small one."""
    try:
        anvil_binary(), binaries()
    except DonaBlockError as error:
        pytest.skip(str(error))
    chosen = Settings(data=tmp_path_factory.mktemp("chain"))
    LocalChain(chosen).prepare(Console(quiet=True))
    return chosen.data_path / FOLDER


class Up:
    """One data folder, and the `donablock up` on it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.log = folder / "up.log"
        self.ops = free_port("127.0.0.1", 3)
        self.api = free_port("127.0.0.1")
        self.env = environment(
            data=self.data, ops=f"127.0.0.1:{self.ops}", api_port=self.api, stop_seconds=3
        )

    @contextmanager
    def start(self) -> Iterator[Command]:
        with running(self.log, self.env, "up", "--chain-port", "0") as self._command:
            yield self._command

    @property
    def is_running(self) -> bool:
        return self._command.process.poll() is None

    @property
    def key(self) -> str:
        return (self.data / "api.key").read_text().strip()

    def status(self) -> dict:
        return json.loads(good(self.env, "status", "--json"))

    def rows(self, path: str) -> list:
        status, body = asked(f"http://127.0.0.1:{self.api}{path}", self.key)
        assert status == 200, body
        return body["data"]


@pytest.fixture
def up(chain_folder):
    folder = Path(tempfile.mkdtemp(prefix="up-", dir=in_memory()))
    shutil.copytree(chain_folder, folder / "data" / FOLDER)
    made = Up(folder)
    try:
        yield made
    finally:
        if made.log.exists():
            print(made.log.read_text())  # shown where the test failed
        shutil.rmtree(folder, ignore_errors=True)


def subscribed(up: Up, receiver: Receiver) -> str:
    """A monitor of what somebody gets, which tells the receiver; its id."""
    out = good(up.env, "endpoint", "create", receiver.url)
    endpoint, receiver.secret = out.split()
    options = ("--category", "native", "--direction", "in", "--address", ME)
    return good(up.env, "monitor", "create", "to me", *options, "--endpoint", endpoint).strip()


def pay(up: Up, receiver: Receiver, amount: str = "1") -> str:
    """A payment of which the receiver has heard all there is to hear; its hash."""
    paid = good(up.env, "pay", ME, amount).strip()

    def is_told() -> bool:
        assert up.is_running
        return {"event.detected", "event.confirmed"} <= set(receiver.of(paid))

    try:
        eventually(f"the webhooks about {paid}", is_told)
    except AssertionError as error:
        heard, alive = receiver.of(paid), [line for _, line in belonging(str(up.data))]
        _, said, fault = once(up.env, "status", "--json")
        raise AssertionError(f"{error}: {heard=}, {said=}, {fault=}, {alive=}") from None
    return paid


def test_a_newcomer_is_told_by_a_webhook_that_somebody_elses_library_verifies(up):
    with up.start() as command, Receiver() as receiver:
        command.wait_for(READY)
        assert stat.S_IMODE((up.data / "api.key").stat().st_mode) == 0o600
        assert command.said.count(up.key) == 1, "the key is shown when it is made"
        # everything listens on this machine alone
        for port in (up.api, up.ops, up.ops + 1, up.ops + 2):
            assert asked(f"http://127.0.0.1:{port}/ready")[0] == 200
            assert _listens_at(port) == {"127.0.0.1"}
        monitor = subscribed(up, receiver)
        paid = pay(up, receiver, "1.5")
        detected, confirmed = (
            next(body for _, body in receiver.got if body["type"] == f"event.{kind}")
            for kind in ("detected", "confirmed")
        )
        assert detected["data"]["nativeAmount"] == "1500000000000000000"
        assert detected["data"]["associatedAddress"] == ME.lower()
        assert detected["data"]["monitorId"] == monitor
        assert (detected["data"]["confirm"], confirmed["data"]["confirm"]) == (False, True)
        first = confirmed["data"]["firstMessageId"]
        assert first in {id for id, body in receiver.got if body["type"] == "event.detected"}
        assert receiver.refused == 0
        shown = good(up.env, "endpoint", "attempts", first).splitlines()
        assert len(shown) == 2 and shown[1].split()[0] == "1" and " 204" in shown[1]
        # the same by the commands
        (event,) = [json.loads(line) for line in _events(up, monitor)]
        assert (event["transaction_hash"], event["state"]) == (paid, "confirmed")
        assert good(
            up.env,
            "monitor",
            "backtest",
            monitor,
            str(event["block_number"]),
            str(event["block_number"]),
        ).startswith("1 events in 1 blocks")
        assert "Every row is as the chain says." in good(
            up.env, "rebuild", "--check", "--chain", "31337"
        )
        status = up.status()
        assert {one["consumer"] for one in status["consumers"]} == {"matcher", "projections"}
        eventually(
            "that all is read", lambda: all(one["behind"] == 0 for one in up.status()["consumers"])
        )
        assert "local (31337)" in (said := good(up.env, "status")) and IDLE not in said
        began = time.monotonic()
        assert command.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < 20
    assert "local (31337)" in (said := good(up.env, "status")) and IDLE in said
    assert belonging(str(up.data)) == []
    # it is all there the next time, and the key is not shown again
    before = command.said
    with up.start() as command, Receiver() as receiver:
        command.wait_for(READY, before.count(READY) + 1)
        assert command.said.count(up.key) == 1
        assert [json.loads(line)["transaction_hash"] for line in _events(up, monitor)] == [paid]
        assert command.stop(signal.SIGINT) == 0
    assert belonging(str(up.data)) == []


def test_whatever_is_killed_the_others_go_on_and_it_comes_back(up):
    with up.start() as command, Receiver() as receiver:
        command.wait_for(READY)
        monitor = subscribed(up, receiver)
        paid = [pay(up, receiver)]
        with _tail(up, monitor) as tail:
            tail.wait_for("Waiting for what")
            time.sleep(2)  # the tail is open
            for role in ("worker", "deliverer", "api"):
                killed = member(up.data, role)
                os.kill(killed, signal.SIGKILL)
                if role == "deliverer":
                    # its port is somebody else's for longer than it waits for it
                    with _holding(up.ops + 1):
                        command.wait_for("exit code 2")
                if role == "api":
                    eventually(
                        "the API", lambda: asked(f"http://127.0.0.1:{up.api}/ready")[0] == 200
                    )
                paid.append(pay(up, receiver))
                eventually(f"another {role}", lambda one=(role, killed): _other(up, *one))
                tail.wait_for(paid[-1])
            killed = postmaster(up.data)
            os.kill(killed, signal.SIGKILL)
            eventually("another database", lambda: _database_is_other(up, killed))
            paid.append(pay(up, receiver))
            tail.wait_for(paid[-1])
        # the chain loses what came after it was last kept: whoever was told is told of that, too
        os.kill(member(up.data, "anvil"), signal.SIGKILL)
        eventually("the chain", lambda: once(up.env, "pay", ME, "7")[0] == 0)
        for lost in paid:
            eventually(
                f"the end of {lost}", lambda lost=lost: "event.retracted" in receiver.of(lost)
            )
        pay(up, receiver)
        assert receiver.refused == 0
        eventually("the comparison", lambda: _adds_up(up))
        # and in the end all at once
        command.process.kill()
        command.process.wait()
        eventually("the end of all", lambda: belonging(str(up.data)) == [], seconds=30)
    log = up.log.read_text().count(READY)
    with up.start() as command, Receiver() as receiver:
        command.wait_for(READY, log + 1)
        subscribed(up, receiver)
        # another amount, since the same payment would make the very block that was there before
        pay(up, receiver, "3.5")
        assert command.stop() == 0
    assert belonging(str(up.data)) == []


def test_a_second_one_on_the_same_data_is_refused_in_one_line(up):
    with up.start() as command:
        command.wait_for(READY)
        code, line = refused(up.env, "up", "--chain-port", "0")
        assert code == 1 and "is in use by process" in line
        other = up.env | {"DONABLOCK_DATA": str(up.data.parent / "other")}
        shutil.copytree(up.data / FOLDER, up.data.parent / "other" / FOLDER)
        status, out, err = once(other, "up", "--chain-port", "0")
        assert status == 2, (out, err)
        assert f"port {up.api} of 127.0.0.1 is taken" in err and "--port 0" in err
        assert not (up.data.parent / "other" / "postgres").exists()
        status, out, err = once(other, "up", "--chain-port", "0", "--port", "0")
        assert status == 2, (out, err)
        assert f"nothing can listen at 127.0.0.1:{up.ops}" in err
        assert belonging(other["DONABLOCK_DATA"]) == []
        # a command that is stopped while it starts leaves nothing behind, either
        third = up.env | {"DONABLOCK_OPS": "127.0.0.1:0", "DONABLOCK_API_PORT": "0"}
        third["DONABLOCK_DATA"] = str(up.data.parent / "third")
        shutil.copytree(up.data / FOLDER, up.data.parent / "third" / FOLDER)
        starting = Command(up.data.parent / "third.log", third, "up", "--chain-port", "0")
        eventually("its database", lambda: (up.data.parent / "third/postgres").exists())
        assert starting.stop() in (0, 130, -signal.SIGTERM)
        eventually("its end", lambda: belonging(third["DONABLOCK_DATA"]) == [], seconds=30)
        assert asked(f"http://127.0.0.1:{up.api}/ready")[0] == 200


def _holding(port: int) -> socket.socket:
    """Listens there as soon as nobody else does."""
    while True:
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))


def _events(up: Up, monitor: str) -> list[str]:
    return good(up.env, "monitor", "events", monitor, "--json").splitlines()


def _tail(up: Up, monitor: str):
    return running(up.data.parent / "tail.log", up.env, "monitor", "tail", monitor)


def _other(up: Up, role: str, killed: int) -> bool:
    try:
        return member(up.data, role) != killed
    except ValueError:
        return False


def _database_is_other(up: Up, killed: int) -> bool:
    try:
        return postmaster(up.data) != killed
    except (OSError, IndexError):
        return False


def _adds_up(up: Up) -> bool:
    _, text = asked(f"http://127.0.0.1:{up.ops}/metrics")
    found = [line for line in str(text).splitlines() if "reconciler_findings{" in line]
    return bool(found) and all(line.endswith(" 0.0") for line in found)


def _listens_at(port: int) -> set[str]:
    """The addresses of this machine's network at which somebody listens at the port."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, number = local.partition(":")
            if state == "0A" and int(number, 16) == port:
                found.add("127.0.0.1" if address == "0100007F" else address)
    return found
