"""What a benchmark has measured, and the most it may have been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from eth_typing import ChecksumAddress
from web3 import Web3
from web3.types import TxReceipt

from bench.where import breakdown


@dataclass(frozen=True)
class Ceiling:
    """The most an operation may cost, warm, and what the best of the field was measured at."""

    gas: int
    field: str


class World(Protocol):
    """Contracts on a node."""

    w3: Web3

    def send(self, call: Any, sender: ChecksumAddress, value: int = 0) -> TxReceipt: ...


W = TypeVar("W", bound=World)


class Measurements(Generic[W]):
    """Figures by operation; cold ones under the same name with `, cold`."""

    def __init__(self, bench: W) -> None:
        self.bench = bench
        self.gas: dict[str, int] = {}
        self.where: dict[str, dict[str, int]] = {}

    def take(self, name: str, call: Any, sender: str, value: int = 0, trace: bool = False) -> None:
        receipt = self.bench.send(call, Web3.to_checksum_address(sender), value)
        self.gas[name] = int(receipt["gasUsed"])
        if trace:
            self.where[name] = breakdown(self.bench.w3, receipt["transactionHash"])

    def cold_and_warm(
        self, name: str, call: Callable[[], Any], sender: str, value: int = 0, trace: bool = False
    ) -> None:
        """Send the same twice: the first time is the cold figure, the second the warm one."""
        self.take(f"{name}, cold", call(), sender, value)
        self.take(name, call(), sender, value, trace)
