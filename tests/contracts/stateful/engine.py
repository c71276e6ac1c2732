"""pyrevm under titanoboa: the same contract objects and machines on an engine fifty times as fast.

    with pyrevm():
        ...                     # boa.env runs on pyrevm here

titanoboa's own engine, py-evm, is the one that explains a failure: it traces sources, knows the
memory of each frame, and measures gas by line. pyrevm only executes. `make test` runs the state
machines on titanoboa's own engine; the million calls of `make test-deep` run here. What the two
must agree on is tested in test_engine.py.

Not here: forks, fast mode, gas profiles, source traces, and boa's `eval` and storage dumps.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import boa
from boa.contracts import event_decoder
from boa.util.abi import Address
from boa.vm.gas_meters import GasMeter
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
        return self._gas_used

    @property
    def net_gas_used(self) -> int:
        return self._gas_used

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
        self._evm.set_balance(FAUCET, 2**255)

    # --- accounts ---

    def get_balance(self, address: Address) -> int:
        return int(self._evm.get_balance(address))

    def set_balance(self, address: Address, value: int) -> None:
        """By a payment, since pyrevm's own `set_balance` is not undone by `revert`."""
        change = value - self.get_balance(address)
        if change > 0:
            # by selfdestruct, which no code at the address can refuse
            self.set_code(FORCE, b"\x73" + address.canonical_address + b"\xff")
            self._run(FAUCET, FORCE, b"", change, GAS_LIMIT)
        elif change < 0 and (code := self.get_code(address)):
            # a contract cannot be the sender: for a moment its code is to pay the faucet
            pay = b"\x5f\x5f\x5f\x5f\x7f" + (-change).to_bytes(32, "big")
            pay += b"\x73" + FAUCET.canonical_address + b"\x5a\xf1"
            self.set_code(address, pay)
            self._run(FAUCET, address, b"", 0, GAS_LIMIT)
            self.set_code(address, code)
        elif change < 0:
            self._run(address, FAUCET, b"", -change, GAS_LIMIT)
        assert self.get_balance(address) == value, "pyrevm engine: balance not set"

    def get_code(self, address: Address) -> bytes:
        return bytes(self._evm.get_code(address) or b"")

    def set_code(self, address: Address, code: bytes) -> None:
        """Not undone by `revert`."""
        balance = self._evm.get_balance(address)
        self._evm.insert_account_info(address, AccountInfo(nonce=1, code=code))
        if balance:
            self._evm.set_balance(address, balance)

    def get_storage(self, address: Address, slot: int) -> int:
        return int(self._evm.storage(address, slot))

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        self._evm.insert_account_storage(address, slot, value)

    # --- snapshots ---

    def snapshot(self) -> Any:
        return self._evm.snapshot()

    def revert(self, snapshot_id: Any) -> None:
        self._evm.revert(snapshot_id)

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
        # not the address a chain would give, but as unpredictable and never the same twice
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
        evm = self._evm
        # pyrevm keeps it from one call to the next; on a chain each transaction begins without
        evm.reset_transient_storage()
        try:
            output = evm.message_call(caller=sender, to=to, calldata=data, value=value, gas=gas)
        except RuntimeError as failure:
            return Computation(*_failed(failure), data)
        result = evm.result
        return Computation(output, result.logs, result.gas_used, None, data)


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


@contextmanager
def pyrevm() -> Iterator[None]:
    """boa.env on a new pyrevm chain; what was deployed before is not there."""
    env = boa.env
    before = env.evm
    env.evm = Engine()
    try:
        yield
    finally:
        env.evm = before
