"""Logs as events, read with the contracts' ABI and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.registry import BaseEquals
from eth_typing import ChecksumAddress
from eth_utils.abi import event_abi_to_log_topic
from web3 import Web3
from web3._utils.abi import build_strict_registry
from web3._utils.events import get_event_data
from web3.exceptions import LogTopicError, Web3Exception, Web3ValueError
from web3.types import EventData, LogReceipt

from donablock.chain.artifacts import ABI
from donablock.errors import NodeError


@dataclass(frozen=True)
class Event:
    """One log. `contract` is our name of its address; amounts in `args` are in smallest units."""

    contract: str
    name: str
    args: Mapping[str, Any]
    address: ChecksumAddress
    block_number: int
    block_hash: str
    transaction: str
    log_index: int

    def __getitem__(self, argument: str) -> Any:
        return self.args[argument]


class LogReader:
    """Decodes the logs of known contracts; logs of others, and unknown events, are passed over."""

    def __init__(self, contracts: Mapping[ChecksumAddress, tuple[str, ABI]]) -> None:
        """`contracts`: address -> (name, ABI)."""
        self._contracts = {
            address: (
                name,
                {event_abi_to_log_topic(cast(Any, entry)): entry for entry in _events(abi)},
            )
            for address, (name, abi) in contracts.items()
        }
        self._codec = _codec()

    @property
    def addresses(self) -> list[ChecksumAddress]:
        return list(self._contracts)

    def decode(self, logs: Iterable[LogReceipt]) -> list[Event]:
        """In the order given."""
        return [event for log in logs if (event := self._one(log)) is not None]

    def _one(self, log: LogReceipt) -> Event | None:
        known = self._contracts.get(log["address"])
        if known is None or not log["topics"]:
            return None
        name, events = known
        entry = events.get(bytes(log["topics"][0]))
        if entry is None:
            return None
        try:
            data: EventData = get_event_data(self._codec, cast(Any, entry), log)
        except (LogTopicError, Web3ValueError):
            return None  # the same signature, indexed otherwise: a foreign contract's event
        return Event(
            contract=name,
            name=str(data["event"]),
            args=dict(data["args"]),
            address=log["address"],
            block_number=int(log["blockNumber"]),
            block_hash="0x" + bytes(log["blockHash"]).hex(),
            transaction="0x" + bytes(log["transactionHash"]).hex(),
            log_index=int(log["logIndex"]),
        )

    def fetch(
        self,
        w3: Web3,
        from_block: int,
        to_block: int | None = None,
        *,
        names: Sequence[str] = (),
        page: int = 5_000,
    ) -> Iterator[Event]:
        """All events of the contracts in a range of blocks, both ends included, oldest first.

        `names`: only these events. Nodes refuse wide ranges, each its own way: a refused page is
        halved until it passes. Raises NodeError when a single block is refused.
        """
        last = w3.eth.block_number if to_block is None else to_block
        start, width = from_block, page
        while start <= last:
            end = min(start + width - 1, last)
            try:
                logs = w3.eth.get_logs(
                    {"address": self.addresses, "fromBlock": start, "toBlock": end}
                )
            except (Web3Exception, ValueError) as error:
                if end == start:
                    raise NodeError(f"the node gives no logs of block {start}: {error}") from error
                width = max(1, (end - start + 1) // 2)
                continue
            for event in self.decode(logs):
                if not names or event.name in names:
                    yield event
            start, width = end + 1, min(page, width * 2)


class _AnyText(StringDecoder):
    """Bytes that are no text are replaced: a contract logs whatever it is given, and one such log
    must not keep people from reading the rest."""

    def __init__(self) -> None:
        super().__init__("replace")  # type: ignore[no-untyped-call]


@cache
def _codec() -> ABICodec:
    registry = build_strict_registry()
    registry.unregister_decoder("string")
    any_text: Any = BaseEquals("string")  # type: ignore[no-untyped-call]
    registry.register_decoder(any_text, _AnyText, label="string")
    return ABICodec(registry)


def _events(abi: ABI) -> Iterator[dict[str, Any]]:
    return (entry for entry in abi if entry["type"] == "event")
