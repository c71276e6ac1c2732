"""The local chain: its clock, its state, and that it never outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from donablock.chain.node import Anvil
from donablock.errors import NodeError
from donablock.settings import settings

pytestmark = pytest.mark.anvil

START = 1_750_000_000
OTHER = "0x00000000000000000000000000000000000000A1"


def test_its_clock_is_in_our_hands() -> None:
    with Anvil(timestamp=START) as node:
        assert node.now == START
        assert node.advance(86_400) == START + 86_400
        node.set_next_timestamp(START + 90_000)
        node.mine()
        assert node.now == START + 90_000
        assert node.advance_to(START + 100_000) == START + 100_000


def test_its_state_is_kept_and_opened_again(tmp_path: Path) -> None:
    state = tmp_path / "chain.json"
    with Anvil(timestamp=START, dump=state) as node:
        node.set_balance(OTHER, 12_345)
        node.advance(1_000)
        height = node.w3.eth.block_number
    with Anvil(load=state) as node:
        assert node.w3.eth.get_balance(OTHER) == 12_345
        assert node.w3.eth.block_number == height
        assert node.now >= START + 1_000
    with pytest.raises(NodeError, match="there is no chain state at .*; make it first"):
        Anvil(load=tmp_path / "none.json")


def test_a_snapshot_goes_back_once() -> None:
    with Anvil() as node:
        snapshot = node.snapshot()
        node.set_balance(OTHER, 1)
        node.revert(snapshot)
        assert node.w3.eth.get_balance(OTHER) == 0
        with pytest.raises(NodeError):
            node.revert(snapshot)
        with pytest.raises(NodeError, match="anvil_nothing"):
            node.request("anvil_nothing")


def test_two_take_ports_of_their_own_and_a_stopped_one_says_so() -> None:
    with Anvil() as first, Anvil(chain_id=97) as second:
        assert first.url != second.url
        assert (first.w3.eth.chain_id, second.w3.eth.chain_id) == (31337, 97)
    with pytest.raises(NodeError, match="does not run"):
        first.w3  # noqa: B018


def test_what_it_says_when_it_does_not_start_is_shown() -> None:
    with Anvil() as node:
        port = int(node.url.rpartition(":")[2])
        with pytest.raises(NodeError, match="anvil did not start: .*[Aa]ddress.* in use"):
            Anvil(port=port).start()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the child on Linux only")
def test_it_ends_with_a_parent_that_is_killed() -> None:
    program = (
        "import time\nfrom donablock.chain.node import Anvil\n"
        "node = Anvil().start()\nprint(node._process.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=settings().root,
        env={**os.environ, "PYTHONPATH": str(settings().root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while _runs(child):
        assert time.monotonic() < deadline, "anvil outlived its parent"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        # a zombie that nobody has fetched has ended, too
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
