"""A local chain: anvil as our own child process, with its clock and its state in our hands.

    with Anvil(timestamp=1_750_000_000, dump=settings().build_path / "chain.json") as node:
        node.w3.eth.block_number
        node.advance(2 * DAY)

anvil's own binary is run, never the npm wrapper, which leaves it behind when it is ended.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from eth_utils.address import to_checksum_address
from web3 import HTTPProvider, Web3
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import RPCEndpoint

from donablock.errors import NodeError
from donablock.settings import settings

LOCAL_CHAIN_ID = 31337
_LISTENING = re.compile(r"Listening on (\S+):(\d+)")
_PR_SET_PDEATHSIG = 1


def anvil_binary() -> Path:
    """anvil as npm installed it, else the one on PATH, else NodeError."""
    chosen = settings().anvil
    if chosen is not None:
        if chosen.is_file():
            return chosen
        raise NodeError(f"there is no anvil at {chosen}; correct DONABLOCK_ANVIL or unset it")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"anvil-{sys.platform}-{machine}"
    own = settings().root / "node_modules" / "@foundry-rs" / package / "bin" / "anvil"
    if own.is_file():
        return own
    found = shutil.which("anvil")
    if found is not None:
        return Path(found)
    raise NodeError("there is no anvil: run `make setup`, or put Foundry's on PATH")


def connect(url: str, *, timeout: float = 30.0) -> Web3:
    """A web3 on a node's URL. Nothing is asked yet."""
    w3 = Web3(HTTPProvider(url, request_kwargs={"timeout": timeout}))
    # BSC's blocks have longer extra data than web3 takes without this; others are left as they are
    w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return w3


class Anvil:
    """One anvil process. All times are seconds, on the chain's clock; amounts are wei."""

    def __init__(
        self,
        *,
        chain_id: int = LOCAL_CHAIN_ID,
        port: int = 0,
        timestamp: int | None = None,
        accounts: int = 20,
        balance: int = 10_000,
        block_time: int | None = None,
        mining: bool = True,
        steps_tracing: bool = False,
        load: Path | None = None,
        dump: Path | None = None,
        log: Path | None = None,
        start_timeout: float = 30.0,
        is_apart: bool = False,
    ) -> None:
        """
        port 0: any free one. timestamp: the first block's. accounts: how many of the test mnemonic
        hold `balance` coins (not wei). block_time: mine every so many seconds, else at once;
        mining=False: only on demand. steps_tracing: debug_traceTransaction tells every step.
        load, dump: the chain's state, read at start, written at stop.
        log: where anvil's own output goes (default: nowhere that lasts). is_apart: Ctrl-C in the
        terminal does not reach it, so that only `stop` ends it.
        """
        self.chain_id = chain_id
        self._options = ["--chain-id", str(chain_id), "--port", str(port), "--hardfork", "prague"]
        self._options += ["--accounts", str(accounts), "--balance", str(balance)]
        if timestamp is not None:
            self._options += ["--timestamp", str(timestamp)]
        if block_time is not None:
            self._options += ["--block-time", str(block_time)]
        if not mining:
            self._options.append("--no-mining")
        if steps_tracing:
            self._options.append("--steps-tracing")
        if load is not None:
            if not load.is_file():
                raise NodeError(f"there is no chain state at {load}; make it first (`make demo`)")
            self._options += ["--load-state", str(load)]
        if dump is not None:
            dump.parent.mkdir(parents=True, exist_ok=True)
            self._options += ["--dump-state", str(dump)]
        self._log_path = log
        self._start_timeout = start_timeout
        self._is_apart = is_apart
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._w3: Web3 | None = None
        self.url = ""

    # --- running it ---------------------------------------------------------------------------

    def start(self) -> Anvil:
        """Returns when it answers. Raises NodeError if it does not."""
        if self._process is not None:
            raise NodeError("this node runs already")
        if self._log_path is None:
            self._log = tempfile.TemporaryFile()
        else:
            self._log_path.parent.mkdir(parents=True, exist_ok=True)
            self._log = self._log_path.open("w+b")
        self._process = subprocess.Popen(
            [str(anvil_binary()), *self._options],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=self._is_apart,
            preexec_fn=_die_with_parent(),
        )
        try:
            self.url = self._wait()
        except BaseException:
            self.kill()
            raise
        self._w3 = connect(self.url)
        if self._w3.eth.chain_id != self.chain_id:
            self.kill()
            raise NodeError(f"anvil came up on another chain than {self.chain_id}")
        return self

    def _wait(self) -> str:
        assert self._process is not None
        deadline = time.monotonic() + self._start_timeout
        while time.monotonic() < deadline:
            match = _LISTENING.search(self._output())
            if match is not None:
                return f"http://{match[1]}:{match[2]}"
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise NodeError(f"anvil did not start: {self._output().strip()[-500:] or 'no output'}")

    def _output(self) -> str:
        assert self._log is not None
        # pread: the position of the file belongs to the child that writes it
        return os.pread(self._log.fileno(), 1 << 20, 0).decode("utf-8", "replace")

    def stop(self) -> None:
        """Ends it in order, which writes the state to `dump`. Nothing happens if it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._forget()

    def kill(self) -> None:
        """Ends it like a power cut."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._forget()

    def _forget(self) -> None:
        if self._process is not None:
            self._process.wait()
        if self._log is not None:
            self._log.close()
        self._process = self._log = self._w3 = None

    def __enter__(self) -> Anvil:
        return self if self._process is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def w3(self) -> Web3:
        if self._w3 is None:
            raise NodeError("this node does not run; use it in a `with` block")
        return self._w3

    def request(self, method: str, *parameters: Any) -> Any:
        """Any JSON-RPC method, such as "anvil_setCode". Raises NodeError if the node refuses."""
        answer = self.w3.provider.make_request(RPCEndpoint(method), list(parameters))
        if "error" in answer:
            raise NodeError(f"{method}: {answer['error']}")
        return answer.get("result")

    # --- its clock ----------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The latest block's second."""
        return int(self.w3.eth.get_block("latest")["timestamp"])

    def advance(self, seconds: int) -> int:
        """Mines a block `seconds` after the latest; its second is returned."""
        return self.advance_to(self.now + seconds)

    def advance_to(self, timestamp: int) -> int:
        """Mines a block at this second, which must be later than the latest block's."""
        self.set_next_timestamp(timestamp)
        self.mine()
        return self.now

    def set_next_timestamp(self, timestamp: int) -> None:
        """The second of the next block; the clock goes on from there."""
        self.request("evm_setNextBlockTimestamp", timestamp)

    def mine(self, blocks: int = 1) -> None:
        self.request("anvil_mine", hex(blocks))

    # --- its state ----------------------------------------------------------------------------

    def snapshot(self) -> str:
        return str(self.request("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Back to the snapshot, which is used up."""
        if not self.request("evm_revert", snapshot):
            raise NodeError(f"there is no snapshot {snapshot}; one can be used once")

    def set_balance(self, account: str, wei: int) -> None:
        self.request("anvil_setBalance", to_checksum_address(account), hex(wei))

    def set_code(self, account: str, code: bytes) -> None:
        self.request("anvil_setCode", to_checksum_address(account), "0x" + code.hex())

    def __repr__(self) -> str:
        return f"Anvil(chain {self.chain_id}, {self.url or 'not running'})"


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux the child ends when we are killed; elsewhere `stop` has to do."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return in_child
