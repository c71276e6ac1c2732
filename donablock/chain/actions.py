"""What can be done with something, what is about to be sent, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from donablock.chain.artifacts import abi
from donablock.chain.logs import Event, LogReader
from donablock.chain.paying import Allowance, Cost, try_call
from donablock.chain.session import Session
from donablock.errors import RevertError

__all__ = ["Action", "Caller", "Done", "Step"]


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


class Caller:
    """Tries and sends calls of one of our contracts.

    `mends`: for a reason that only the chain can see, what whoever reads it can do about it.
    """

    def __init__(self, session: Session, name: str, mends: Mapping[str, str]) -> None:
        self._session = session
        self._name = name
        self._mends = mends

    @property
    def contract(self) -> Contract:
        return self._session.contract(self._name)

    def plan(self, function: str, *arguments: Any) -> Action:
        """A call, tried on the node; nothing is sent. Raises RevertError with the reason."""
        call = self.contract.functions[function](*arguments)
        return Action(self._name, self.contract.address, call, self.attempt(call))

    def attempt(
        self, call: ContractFunction, value: int = 0, allowance: Allowance | None = None
    ) -> Cost:
        """What a call would cost, as if the allowance were there; `value` in wei. Raises as `plan`
        does."""
        try:
            return try_call(self._session, call, value, allowance)
        except RevertError as error:
            mend = self._mends.get(error.reason)
            if mend is None:
                raise
            raise RevertError(f"{error.reason}; {mend}", error.call) from error

    def send(self, call: ContractFunction, value: int = 0) -> Done:
        """Send it (`value` in wei), wait, and read what the contract logged."""
        receipt = self._session.send(call, value)
        reader = LogReader({self.contract.address: (self._name, abi(self._name))})
        return Done(receipt, tuple(reader.decode(receipt["logs"])))
