"""What can be done with something, what is about to be sent, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from donablock.chain.logs import Event
from donablock.chain.paying import Cost

__all__ = ["Action", "Done", "Step"]


@dataclass(frozen=True)
class Step:
    """Something that may be done, by whom, from and until when (unix seconds).

    `begins` 0: already. `ends` 0: no end; else the first second when it is too late.
    """

    name: str
    who: str
    begins: int = 0
    ends: int = 0
    note: str = ""

    def is_open(self, now: int) -> bool:
        return self.begins <= now and (self.ends == 0 or now < self.ends)


@dataclass(frozen=True)
class Action:
    """A call that was tried on the node and would work. Nothing has been sent."""

    host: str
    address: ChecksumAddress
    call: ContractFunction
    cost: Cost


@dataclass(frozen=True)
class Done:
    """A transaction, and what the contract that was called logged in it."""

    receipt: TxReceipt
    events: tuple[Event, ...]

    @property
    def transaction(self) -> str:
        return "0x" + bytes(self.receipt["transactionHash"]).hex()

    def logged(self, name: str) -> tuple[Event, ...]:
        """The events of this name, in order."""
        return tuple(event for event in self.events if event.name == name)
