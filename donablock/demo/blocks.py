"""Transactions of many accounts, signed here, mined several to a block, at seconds that are told.

The node mines on demand (`evm_setAutomine` off) and every block gets its second from here, so two
runs with the same seed make the same chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak

from donablock.chain.amounts import NATIVE
from donablock.chain.keys import LocalSigner
from donablock.demo.calls import Target
from donablock.demo.wire import Wire
from donablock.errors import NodeError, RevertError, SignerError

BLOCK_TIME = 12
"""Seconds between blocks, as on Ethereum."""

# wei per gas; the node's base fee starts at 1 gwei and only what is needed is paid
_MAX_FEE = 100 * 10**9
_PRIORITY_FEE = 10**9
# transactions in a block, at most, and the gas that anvil's blocks have
_AT_ONCE = 60
_BLOCK_GAS = 30_000_000


class Actor:
    """An account of the demo. Its key is made of its name, so it is the same in every run, unless
    it is somebody else's `signer`, or a contract's `address`, which signs nothing.
    """

    def __init__(
        self,
        name: str,
        signer: LocalSigner | None = None,
        *,
        address: ChecksumAddress | None = None,
    ) -> None:
        self.name = name
        if signer is None and address is None:
            signer = LocalSigner(keccak(text=f"donablock demo: {name}"))
        self._signer = signer
        self.address = signer.address if signer is not None else NATIVE
        if address is not None:
            self.address = address
        self.nonce = 0

    @property
    def signer(self) -> LocalSigner:
        if self._signer is None:
            raise SignerError(f"{self.name} is a contract and signs nothing; name an account")
        return self._signer

    def __repr__(self) -> str:
        return f"Actor({self.name}, {self.address})"


@dataclass
class Sent:
    """A transaction, and once mined its receipt's figures: gas, wei per gas, block, raw logs."""

    operation: str
    sender: ChecksumAddress
    hash: str
    target: Target
    gas_used: int = 0
    gas_price: int = 0
    block: int = 0
    logs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def fee(self) -> int:
        """What the sender paid for gas (wei)."""
        return self.gas_used * self.gas_price


@dataclass
class _Waiting:
    actor: Actor
    transaction: dict[str, Any]
    sent: Sent


class Blocks:
    """`now` is the second of the latest block."""

    def __init__(self, wire: Wire, chain_id: int, progress: Callable[[int], None]) -> None:
        """`progress` is told how many transactions have been mined, each time some have."""
        self.wire = wire
        self.chain_id = chain_id
        self.sent: list[Sent] = []
        # the second of each block mined from here
        self.seconds: dict[int, int] = {}
        self._progress = progress
        self._waiting: list[_Waiting] = []
        latest = wire("eth_getBlockByNumber", "latest", False)
        self.now = int(latest["timestamp"], 16)
        self.number = int(latest["number"], 16)
        wire("evm_setAutomine", False)

    # --- reading ------------------------------------------------------------------------------

    def read(self, target: Target, function: str, *arguments: Any) -> Any:
        """A view's answer, as of the latest block."""
        return self.read_many([(target, function, arguments)])[0]

    def read_many(self, wanted: Sequence[tuple[Target, str, tuple[Any, ...]]]) -> list[Any]:
        answers = self.wire.batch(
            (
                "eth_call",
                [{"to": t.address, "data": "0x" + t.data(function, *arguments).hex()}, "latest"],
            )
            for t, function, arguments in wanted
        )
        return [
            target.values(function, len(arguments), answer)
            for (target, function, arguments), answer in zip(wanted, answers, strict=True)
        ]

    def refusal(
        self, actor: Actor, target: Target, function: str, *arguments: Any, value: int = 0
    ) -> str:
        """With which words the call would be refused now. Raises NodeError if it would not be."""
        call = {
            "from": actor.address,
            "to": target.address,
            "data": "0x" + target.data(function, *arguments).hex(),
            "value": hex(value),
        }
        try:
            self.wire("eth_call", call, "latest")
        except RevertError as error:
            return error.reason
        raise NodeError(f"{target.name}.{function} was to be refused here, and would pass")

    # --- writing ------------------------------------------------------------------------------

    def send(
        self,
        operation: str,
        actor: Actor,
        target: Target,
        function: str,
        *arguments: Any,
        value: int = 0,
        gas: int = 300_000,
    ) -> Sent:
        """Put a transaction in the queue, signed when it is mined. `gas` is its limit, `value` wei.

        `operation` is the name under which its gas is counted.
        """
        transaction = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": actor.nonce,
            "to": target.address,
            "data": target.data(function, *arguments),
            "value": value,
            "gas": gas,
            "maxFeePerGas": _MAX_FEE,
            "maxPriorityFeePerGas": _PRIORITY_FEE,
        }
        actor.nonce += 1
        sent = Sent(operation, actor.address, "", target)
        self._waiting.append(_Waiting(actor, transaction, sent))
        return sent

    def mine(self) -> None:
        """Everything in the queue, in its order. Raises RevertError for one that is refused."""
        while self._waiting:
            count = self._fitting()
            part, self._waiting = self._waiting[:count], self._waiting[count:]
            self._mine_part(part)

    def wait(self, seconds: int) -> None:
        """Let time pass: mine the queue, then a block so many seconds after it."""
        self.mine()
        self._block(self.now + seconds)

    def wait_until(self, second: int) -> None:
        """Let time pass until this second, which lies ahead."""
        self.mine()
        self._block(second)

    def _fitting(self) -> int:
        """How many of the queue go into one block, by their gas limits: what does not fit, anvil
        may lose.
        """
        left = _BLOCK_GAS
        for count, waiting in enumerate(self._waiting[:_AT_ONCE]):
            left -= int(waiting.transaction["gas"])
            if left < 0:
                return max(1, count)
        return min(len(self._waiting), _AT_ONCE)

    def _mine_part(self, part: list[_Waiting]) -> None:
        raw = [waiting.actor.signer.sign_transaction(waiting.transaction) for waiting in part]
        hashes = self.wire.batch(("eth_sendRawTransaction", ["0x" + one.hex()]) for one in raw)
        missing: dict[str, _Waiting] = {}
        for waiting, hash_ in zip(part, hashes, strict=True):
            waiting.sent.hash = hash_
            missing[hash_] = waiting
        self._block(self.now + BLOCK_TIME)
        for receipt in self.wire("eth_getBlockReceipts", hex(self.number)):
            self._book(missing.pop(receipt["transactionHash"]), receipt)
        if missing:
            names = ", ".join(sorted({w.sent.operation for w in missing.values()}))
            raise NodeError(f"the node did not mine {len(missing)} transactions: {names}")
        self.sent += (waiting.sent for waiting in part)
        self._progress(len(part))

    def _book(self, waiting: _Waiting, receipt: dict[str, Any]) -> None:
        sent = waiting.sent
        sent.gas_used = int(receipt["gasUsed"], 16)
        sent.gas_price = int(receipt["effectiveGasPrice"], 16)
        sent.block = int(receipt["blockNumber"], 16)
        sent.logs = receipt["logs"]
        if int(receipt["status"], 16) != 1:
            raise RevertError(self._reason(waiting), f"{sent.operation} by {waiting.actor.name}")

    def _reason(self, waiting: _Waiting) -> str:
        call = {
            "from": waiting.actor.address,
            "to": waiting.transaction["to"],
            "data": "0x" + waiting.transaction["data"].hex(),
            "value": hex(waiting.transaction["value"]),
        }
        try:
            self.wire("eth_call", call, hex(max(0, waiting.sent.block - 1)))
        except (NodeError, RevertError) as error:
            return error.reason if isinstance(error, RevertError) else str(error)
        return f"out of its {waiting.transaction['gas']} gas, or it depends on the block"

    def _block(self, second: int) -> None:
        self.wire("evm_setNextBlockTimestamp", second)
        self.wire("evm_mine")
        self.now = second
        self.number += 1
        self.seconds[self.number] = second

    # --- what it took -------------------------------------------------------------------------

    def fees(self) -> dict[str, int]:
        """Wei paid for gas so far, by sender."""
        total: dict[str, int] = defaultdict(int)
        for sent in self.sent:
            total[sent.sender] += sent.fee
        return dict(total)
