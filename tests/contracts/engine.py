"""The engines under titanoboa. The tests of the contracts run on pyrevm, fifty times as fast.

    ENGINE=py-evm pytest ...    # all of them on titanoboa's own engine instead

    with pyrevm():              # or py_evm()
        ...                     # boa.env is a new chain on that engine here

titanoboa's own engine, py-evm, is the one that explains a failure: it traces sources, knows the
memory of each frame, and measures gas by line. pyrevm only executes. What the two must agree on is
tested in test_engine.py, and each state machine has a short run on py-evm in `make test`.

Not on pyrevm: another chain id, forks, fast mode, gas profiles, source traces, and boa's `eval`.
"""

from __future__ import annotations

import os
import re
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import boa
from boa.contracts import event_decoder
from boa.util.abi import Address
from boa.vm.gas_meters import GasMeter
from boa.vm.py_evm import PyEVM
from eth.codecs.abi import decoder
from eth.exceptions import InsufficientFunds, OutOfGas, Revert
from eth_utils import keccak
from pyrevm import EVM, AccountInfo, BlockEnv

# Where the time goes once the engine is fast: titanoboa makes a new class for each log it decodes,
# and hashes each address it meets. Both are kept instead.
_named = cache(namedtuple)
event_decoder.namedtuple = lambda name, fields, rename: _named(name, tuple(fields), rename=rename)
decoder.checksum_encode = lru_cache(4_096)(decoder.checksum_encode)

HARDFORK = "PRAGUE"
# as boa's: far above what any call here needs
GAS_LIMIT = 10**8
CHAIN_ID = 1
# where balances that a test sets come from, and by way of what
FAUCET = Address("0x" + "fa" * 20)
FORCE = Address("0x" + "f0" * 20)
# who makes a contract call, and where the contract's own code is meanwhile
GATE = Address("0x" + "fb" * 20)
SHADOW = Address("0x" + "fc" * 20)
PADDING = bytes(33)
_OUTPUT = re.compile(r"Revert \{ gas_used: (\d+), output: 0x([0-9a-f]*) \}")


class Patch:
    """What a test may change of the block; boa sets these as attributes."""

    def __init__(self, evm: EVM) -> None:
        object.__setattr__(self, "_evm", evm)
        object.__setattr__(self, "_block", {"timestamp": 1, "block_number": 1})
        self._apply()

    def __getattr__(self, name: str) -> int:
        if name == "chain_id":
            return CHAIN_ID
        if name == "gas_limit":
            return GAS_LIMIT
        try:
            return int(self._block[name])
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: int) -> None:
        if name not in self._block:
            raise AttributeError(f"pyrevm engine: {name} cannot be changed")
        if self._block[name] != value:
            self._block[name] = value
            self._apply()

    @contextmanager
    def anchor(self) -> Iterator[None]:
        before = dict(self._block)
        try:
            yield
        finally:
            self._block.update(before)
            self._apply()

    def _apply(self) -> None:
        self._evm.set_block_env(
            BlockEnv(
                number=self._block["block_number"],
                timestamp=self._block["timestamp"],
                gas_limit=GAS_LIMIT,
            )
        )


class Computation:
    """What one call did, with as much of py-evm's computation as boa looks at."""

    _gas_meter_class = GasMeter
    _contract_repr_before_revert = "a contract"
    # found by boa where it looks for the source of a failure: there is none
    vyper_error_msg = None
    vyper_source_pos = None
    beneficiaries: tuple[bytes, ...] = ()
    children: tuple[Any, ...] = ()
    call_trace = "pyrevm engine: no trace"

    def __init__(
        self, output: bytes, logs: list[Any], gas_used: int, error: Exception | None, data: bytes
    ) -> None:
        self.output = output
        self.error = error
        self.msg = SimpleNamespace(data=data, is_create=False)
        self._logs = logs
        self._gas_used = gas_used

    @property
    def is_error(self) -> bool:
        return self.error is not None

    @property
    def is_success(self) -> bool:
        return self.error is None

    def get_gas_used(self) -> int:
        """As titanoboa counts it: without what a transaction costs before its first opcode. But
        every account and slot is cold at first, which titanoboa's are not.
        """
        zeros = self.msg.data.count(0)
        return self._gas_used - 21_000 - 4 * zeros - 16 * (len(self.msg.data) - zeros)

    @property
    def net_gas_used(self) -> int:
        return self.get_gas_used()

    def get_raw_log_entries(self) -> list[tuple[int, bytes, tuple[int, ...], bytes]]:
        entries = []
        for number, log in enumerate(self._logs):
            topics, data = log.data
            entries.append(
                (
                    number,
                    bytes.fromhex(log.address[2:]),
                    tuple(int.from_bytes(topic, "big") for topic in topics),
                    data,
                )
            )
        return entries

    @property
    def _log_entries(self) -> list[Any]:
        address = self.msg.to if hasattr(self.msg, "to") else None
        return [entry for entry in self.get_raw_log_entries() if entry[1] == address]


class Engine:
    """Stands where boa.env keeps its PyEVM."""

    is_forked = False
    _fast_mode_enabled = False

    def __init__(self) -> None:
        self._evm = EVM(gas_limit=2**63 - 1, spec_id=HARDFORK)
        self.patch = Patch(self._evm)
        self._nonces: dict[str, int] = {}
        # how to undo what pyrevm does not when it reverts, the oldest first
        self._undo: list[Callable[[], None]] = []

    # --- accounts ---

    def get_balance(self, address: Address) -> int:
        return int(self._evm.get_balance(address))

    def set_balance(self, address: Address, value: int) -> None:
        """By a payment, since pyrevm's own `set_balance` is not undone by `revert`."""
        change = value - self.get_balance(address)
        if change > 0:
            self._evm.set_balance(FAUCET, change)
            # by selfdestruct, which no code at the address can refuse
            self._put_code(FORCE, b"\x73" + address.canonical_address + b"\xff")
            self._run(FAUCET, FORCE, b"", change, GAS_LIMIT)
        elif change < 0 and (code := self.get_code(address)):
            # a contract cannot be the sender: for a moment its code is to pay the faucet
            pay = b"\x5f\x5f\x5f\x5f\x7f" + (-change).to_bytes(32, "big")
            pay += b"\x73" + FAUCET.canonical_address + b"\x5a\xf1"
            self._put_code(address, pay)
            self._run(FAUCET, address, b"", 0, GAS_LIMIT)
            self._put_code(address, code)
        elif change < 0:
            self._run(address, FAUCET, b"", -change, GAS_LIMIT)
        assert self.get_balance(address) == value, "pyrevm engine: balance not set"

    def get_code(self, address: Address) -> bytes:
        code = bytes(self._evm.get_code(address) or b"")
        # pyrevm pads what a contract created
        if code.endswith(PADDING) and keccak(code) != self._evm.basic(address).code_hash:
            code = code.removesuffix(PADDING)
        return code

    def set_code(self, address: Address, code: bytes) -> None:
        before = self.get_code(address)
        self._undo.append(lambda: self._put_code(address, before))
        self._put_code(address, code)

    def _put_code(self, address: Address, code: bytes) -> None:
        """Not undone by pyrevm's `revert`."""
        balance = self._evm.get_balance(address)
        self._evm.insert_account_info(address, AccountInfo(nonce=1, code=code))
        if balance:
            self._evm.set_balance(address, balance)

    def get_storage(self, address: Address, slot: int) -> int:
        return int(self._evm.storage(address, slot))

    def get_storage_slot(self, address: Address, slot: int) -> bytes:
        return self.get_storage(address, slot).to_bytes(32, "big")

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        before = self.get_storage(address, slot)
        self._undo.append(lambda: self._put_storage(address, slot, before))
        self._put_storage(address, slot, value)

    def _put_storage(self, address: Address, slot: int, value: int) -> None:
        self._evm.insert_account_storage(address, slot, value)

    # --- snapshots ---

    def snapshot(self) -> Any:
        return self._evm.snapshot(), len(self._undo), dict(self._nonces)

    def revert(self, snapshot_id: Any) -> None:
        checkpoint, kept, self._nonces = snapshot_id
        self._evm.revert(checkpoint)
        while len(self._undo) > kept:
            self._undo.pop()()

    # --- what boa asks for and does not need here ---

    def get_gas_limit(self) -> int:
        return GAS_LIMIT

    def get_gas_meter_class(self) -> type:
        return GasMeter

    def set_gas_meter_class(self, cls: type) -> None:
        if cls is not GasMeter:
            raise NotImplementedError("pyrevm engine: no gas profiles")

    def reset_access_counters(self) -> None:
        """Gas is not what is measured here."""

    # --- running ---

    def generate_create_address(self, sender: Address) -> Address:
        # not the address a chain would give, but as unpredictable
        nonce = self._nonces.get(sender, 0)
        self._nonces[sender] = nonce + 1
        return Address(keccak(sender.canonical_address + nonce.to_bytes(32, "big"))[12:])

    def deploy_code(
        self, *, sender: Address, target_address: Address, value: int, bytecode: bytes, **_: Any
    ) -> Computation:
        """Run a constructor at the address its contract is to have: pyrevm's own `deploy` lets
        nobody choose it.
        """
        self.set_code(target_address, bytecode)
        done = self._run(sender, target_address, b"", value, GAS_LIMIT)
        self.set_code(target_address, done.output if done.is_success else b"")
        return done

    def execute_code(
        self, *, sender: Address, to: Address, gas: int, value: int, data: bytes, **_: Any
    ) -> Computation:
        return self._run(sender, to, data, value, gas)

    def _run(self, sender: Address, to: Address, data: bytes, value: int, gas: int) -> Computation:
        if self._evm.get_code(sender):
            return self._run_as_contract(sender, to, data, value, gas)
        evm = self._evm
        # pyrevm keeps it from one call to the next; on a chain each transaction begins without
        evm.reset_transient_storage()
        try:
            output = evm.message_call(caller=sender, to=to, calldata=data, value=value, gas=gas)
        except RuntimeError as failure:
            return Computation(*_failed(failure), data)
        result = evm.result
        return Computation(output, result.logs, result.gas_used, None, data)

    def _run_as_contract(
        self, sender: Address, to: Address, data: bytes, value: int, gas: int
    ) -> Computation:
        """A contract is the sender, which EIP-3607 forbids: for a moment its code passes on what
        the gate sends it, and does what it always did for all others.
        """
        if value > self.get_balance(sender):
            raise InsufficientFunds("pyrevm engine: the contract has less than it is to send")
        code = self.get_code(sender)
        self._put_code(SHADOW, code)
        self._put_code(sender, GATEWAY)
        try:
            call = to.canonical_address.rjust(32, b"\0") + value.to_bytes(32, "big") + data
            done = self._run(GATE, sender, call, 0, gas)
        finally:
            self._put_code(sender, code)
        done.msg.data = data
        return done


def _gateway() -> bytes:
    """Code: called by GATE with address, value and data, call that; else be what SHADOW is."""
    # copy everything returned, and return or revert with it, as the word on the stack says
    answer = "3d5f5f3e" + "60{:02x}57" + "3d5ffd" + "5b3d5ff3"
    be = "365f5f37" + "5f5f365f73" + SHADOW[2:] + "5af4"
    head = "3373" + GATE[2:] + "14" + "60{:02x}57"
    first = len(bytes.fromhex(head.format(0) + be))
    be += answer.format(first + len(bytes.fromhex(answer.format(0))) - 4)
    gate = first + len(bytes.fromhex(answer.format(0)))
    # the data begin at byte 64
    call = "5b" + "604036036040" + "5f37" + "5f5f604036035f6020355f355af1"
    end = gate + len(bytes.fromhex(call)) + len(bytes.fromhex(answer.format(0))) - 4
    return bytes.fromhex(head.format(gate) + be + call + answer.format(end))


GATEWAY = _gateway()


def _failed(failure: RuntimeError) -> tuple[bytes, list[Any], int, Exception]:
    """Output, logs, gas and error of a call that failed; what is no call's failure is raised."""
    text = str(failure)
    if (found := _OUTPUT.search(text)) is not None:
        output = bytes.fromhex(found[2])
        return output, [], int(found[1]), Revert(output)
    if text.startswith("Halt"):
        return b"", [], 0, OutOfGas(text)
    if "LackOfFund" in text:
        # as titanoboa does
        raise InsufficientFunds(text) from failure
    raise failure


ENGINES = {"pyrevm": Engine, "py-evm": lambda: PyEVM(boa.env)}


def choose() -> None:
    """Start a new chain on the engine that the environment names."""
    name = os.environ.get("ENGINE", "pyrevm")
    if name not in ENGINES:
        raise SystemExit(f"ENGINE={name}: there are {' and '.join(ENGINES)}")
    boa.env.evm = ENGINES[name]()


@contextmanager
def _on(name: str) -> Iterator[None]:
    env = boa.env
    before = env.evm
    env.evm = ENGINES[name]()
    try:
        yield
    finally:
        env.evm = before


def pyrevm() -> AbstractContextManager[None]:
    """boa.env on a new pyrevm chain; what was deployed before is not there."""
    return _on("pyrevm")


def py_evm() -> AbstractContextManager[None]:
    """boa.env on a new chain of titanoboa's own engine; what was deployed before is not there."""
    return _on("py-evm")
