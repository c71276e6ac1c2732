"""DOBO's vesting: nine groups, their schedule, what is due, and who is paid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from web3.contract import Contract

from donablock.chain.amounts import NATIVE, Asset
from donablock.chain.assets import address_of, asset_at
from donablock.chain.logs import Event
from donablock.chain.scan import logged
from donablock.chain.session import Session, ask
from donablock.errors import InputError

__all__ = ["Group", "VestingPlan"]


@dataclass(frozen=True)
class Group:
    """A group as it stands; amounts in DOBO's smallest unit, times in unix seconds.

    `next_step_at` is 0 once everything has vested; `last_step_at` is when that is.
    """

    number: int
    name: str
    beneficiary: str
    pending_beneficiary: str | None
    total: int
    cliff_months: int
    steps: int
    step_amount: int
    vested: int
    released: int
    releasable: int
    next_step_at: int
    last_step_at: int


class VestingPlan:
    """The vesting through a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def _vesting(self) -> Contract:
        return self._session.contract("Vesting")

    def asset(self) -> Asset:
        return asset_at(self._session, ask(self._vesting.functions.TOKEN().call))

    def start(self) -> int:
        """Unix second from which months are counted."""
        return int(ask(self._vesting.functions.START().call))

    def groups(self) -> list[Group]:
        count = int(ask(self._vesting.functions.GROUP_COUNT().call))
        return [self.group(number) for number in range(count)]

    def find(self, name: str) -> int:
        """A group's number, from its number or its name. Raises InputError."""
        functions = self._vesting.functions
        count = int(ask(functions.GROUP_COUNT().call))
        if name.isdigit() and int(name) < count:
            return int(name)
        names = [str(ask(functions.name(number).call)) for number in range(count)]
        if name.lower() in names:
            return names.index(name.lower())
        raise InputError(f"{name!r} is no group; write 0 to {count - 1}, or {', '.join(names)}")

    def group(self, number: int) -> Group:
        functions = self._vesting.functions
        total, cliff, steps, step = ask(functions.schedule(number).call)
        month = int(ask(functions.MONTH().call))
        start = self.start()
        passed = max(0, (self._session.now - start) // month)
        last = start + (cliff + steps) * month
        upcoming = start + max(passed + 1, cliff + 1) * month
        pending = str(ask(functions.pending_beneficiary(number).call))
        return Group(
            number,
            str(ask(functions.name(number).call)),
            str(ask(functions.beneficiary(number).call)),
            None if pending == NATIVE else pending,
            total,
            cliff,
            steps,
            step,
            int(ask(functions.vested(number).call)),
            int(ask(functions.released(number).call)),
            int(ask(functions.releasable(number).call)),
            upcoming if upcoming <= last else 0,
            last,
        )

    def release(self, numbers: Iterable[int]) -> list[Event]:
        """Pay groups what is due, each to its beneficiary; anybody may. One log for each.

        Raises RevertError where nothing is due.
        """
        return [
            logged(
                self._session,
                self._session.send(self._vesting.functions.release(number)),
                "Vesting",
                "Released",
            )[0]
            for number in numbers
        ]

    def propose(self, number: int, new_beneficiary: str) -> Event:
        """The beneficiary proposes its successor; the zero address takes a proposal back."""
        self._check_is(self.group(number).beneficiary, f"the beneficiary of group {number}")
        call = self._vesting.functions.propose_beneficiary(
            number, address_of(new_beneficiary, "beneficiary")
        )
        return logged(self._session, self._session.send(call), "Vesting", "BeneficiaryProposed")[0]

    def accept(self, number: int) -> Event:
        """The proposed successor accepts."""
        pending = self.group(number).pending_beneficiary
        if pending is None:
            raise InputError(f"nobody is proposed for group {number}; its beneficiary must propose")
        self._check_is(pending, f"the account proposed for group {number}")
        call = self._vesting.functions.accept_beneficiary(number)
        return logged(self._session, self._session.send(call), "Vesting", "BeneficiaryChanged")[0]

    def _check_is(self, account: str, what: str) -> None:
        if account.lower() != self._session.address.lower():
            raise InputError(
                f"{self._session.address} is not {what}, {account} is; use that --account"
            )
