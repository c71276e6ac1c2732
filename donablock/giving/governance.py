"""The timelock: what it is to do, in words; scheduling, executing and cancelling it.

Nothing is kept but the chain: operations are rebuilt from the timelock's logs.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak
from web3.contract import Contract
from web3.exceptions import Web3Exception
from web3.types import TxReceipt

from donablock.chain.amounts import NATIVE, Money
from donablock.chain.assets import address_of, asset_at
from donablock.chain.logs import Event
from donablock.chain.scan import scan
from donablock.chain.session import Session, ask
from donablock.chain.times import date_text, span_text
from donablock.errors import AmountError, InputError
from donablock.giving.charities import Charities
from donablock.giving.deflation_words import tellers
from donablock.giving.funds import Epoch, Funds

__all__ = ["Call", "Description", "Draft", "Governance", "Operation", "State"]

_NO_WORD = b"\0" * 32
# snekmate's mark of an operation that was carried out
_DONE = 1


@dataclass(frozen=True)
class Call:
    """One call in the timelock's name; `value` in wei of the timelock's own coin."""

    target: ChecksumAddress
    payload: bytes
    value: int = 0


@dataclass(frozen=True)
class Draft:
    """What is to be scheduled. `delay` in seconds, None for the least; `salt` None for one that
    is free."""

    calls: tuple[Call, ...]
    predecessor: bytes = _NO_WORD
    salt: bytes | None = None
    delay: int | None = None


class State(Enum):
    """Where an operation stands."""

    WAITING = "waiting"
    READY = "ready"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Operation:
    """A scheduled operation. `ready_at` in unix seconds, 0 once it is done or cancelled."""

    id: bytes
    calls: tuple[Call, ...]
    predecessor: bytes
    salt: bytes
    is_batch: bool
    state: State
    ready_at: int
    scheduled_in: str

    @property
    def hex(self) -> str:
        return "0x" + self.id.hex()


@dataclass(frozen=True)
class Description:
    """A call in words. `title` is "IndexFunds.announce_epoch"; `changes` says what would be
    different from now, line by line."""

    title: str
    arguments: tuple[tuple[str, str], ...]
    changes: tuple[str, ...]


class Governance:
    """The timelock through a session. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block

    @property
    def _timelock(self) -> Contract:
        return self._session.contract("Timelock")

    def minimum_delay(self) -> int:
        """Seconds between scheduling and executing, at least."""
        return int(ask(self._timelock.functions.get_minimum_delay().call))

    # --- writing ------------------------------------------------------------------------------

    def read_call(self, title: str, arguments: Sequence[Any], value: int = 0) -> Call:
        """A call as written: "IndexFunds.announce_epoch" and an argument for each parameter.

        Arguments are texts, or JSON's values: numbers (12, 1_000), true and false, 0x... for bytes
        and addresses (one of our contracts by name), keccak:text for a hash, lists as [1, 2] or
        1,2. Raises InputError, naming the parameter that is wrong.
        """
        name, dot, function = title.partition(".")
        if not dot or not function:
            raise InputError(f'{title!r} is no call; write it like "CharityRegistry.set_guardian"')
        contract = self._session.contract(self._contract_name(name))
        forms = [
            entry
            for entry in contract.abi
            if entry["type"] == "function" and entry["name"] == function
        ]
        if not forms:
            writable = sorted(
                {
                    str(entry["name"])
                    for entry in contract.abi
                    if entry["type"] == "function"
                    and entry["stateMutability"] not in ("view", "pure")
                }
            )
            raise InputError(f"{name} has no {function}; it has {', '.join(writable)}")
        fitting = [form for form in forms if len(form.get("inputs", ())) == len(arguments)]
        if not fitting:
            words = [f"{i['name']} ({i['type']})" for i in forms[-1].get("inputs", ())]
            raise InputError(
                f"{title} takes {len(words)} arguments, not {len(arguments)}: "
                f"{', '.join(words) or 'none'}"
            )
        form: Any = fitting[0]
        if form["stateMutability"] in ("view", "pure"):
            raise InputError(f"{title} only reads; there is nothing to schedule")
        values = [
            self._read(parameter, argument)
            for parameter, argument in zip(form["inputs"], arguments, strict=True)
        ]
        data = contract.encode_abi(function, args=values)
        return Call(contract.address, bytes.fromhex(data[2:]), value)

    def read_file(self, path: Path) -> Draft:
        """A draft from JSON: {"calls": [{"call": "IndexFunds.cancel_epoch", "args": [13, 2]}],
        "predecessor": "0x...", "salt": "0x...", "delay": 172800}; only the calls must be there.

        Raises InputError.
        """
        try:
            found = json.loads(path.read_text())
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
        except ValueError as error:
            raise InputError(f"{path} is not JSON: {error}") from error
        if not isinstance(found, dict) or not isinstance(found.get("calls"), list):
            raise InputError(f'{path} has no list "calls"')
        unknown = set(found) - {"calls", "predecessor", "salt", "delay"}
        if unknown:
            raise InputError(f"{path} has an unknown entry {sorted(unknown)[0]!r}")
        calls = []
        for entry in found["calls"]:
            if not isinstance(entry, dict) or set(entry) - {"call", "args", "value"}:
                raise InputError(f'a call in {path} has other entries than "call", "args", "value"')
            arguments, value = entry.get("args", []), entry.get("value", 0)
            if not isinstance(arguments, list) or not isinstance(value, int):
                raise InputError(f'in {path}, "args" must be a list and "value" a number of wei')
            calls.append(self.read_call(str(entry.get("call", "")), arguments, value))
        delay = found.get("delay")
        if delay is not None and not isinstance(delay, int):
            raise InputError(f'in {path}, "delay" must be a number of seconds')
        salt = found.get("salt")
        return Draft(
            tuple(calls),
            _word(found.get("predecessor", "0x" + _NO_WORD.hex()), "predecessor"),
            None if salt is None else _word(salt, "salt"),
            delay,
        )

    def complete(self, draft: Draft) -> Draft:
        """The draft with its delay and salt, after every check that can be made before signing.

        Raises InputError where it cannot be scheduled.
        """
        if not draft.calls:
            raise InputError("nothing to schedule; name at least one call")
        most = int(ask(self._timelock.functions.MAX_CALLS().call))
        if len(draft.calls) > most:
            raise InputError(f"an operation has at most {most} calls, not {len(draft.calls)}")
        least = self.minimum_delay()
        delay = least if draft.delay is None else draft.delay
        if delay < least:
            raise InputError(
                f"the delay of {span_text(delay)} is too short; at least {span_text(least)}"
            )
        self._check_role("PROPOSER_ROLE", "propose")
        if draft.salt is None:
            made = replace(draft, salt=_NO_WORD, delay=delay)
            # the same calls may have been made before
            return (
                made
                if self._stamp(self.id_of(made)) == 0
                else replace(made, salt=secrets.token_bytes(32))
            )
        made = replace(draft, delay=delay)
        if self._stamp(self.id_of(made)) != 0:
            raise InputError(f"operation 0x{self.id_of(made).hex()} exists; choose another salt")
        return made

    def id_of(self, draft: Draft) -> bytes:
        """The id that the operation will have. The draft must have a salt."""
        assert draft.salt is not None, "complete the draft first"
        return self._id(draft.calls, draft.predecessor, draft.salt, len(draft.calls) > 1)

    def schedule(self, draft: Draft) -> tuple[bytes, TxReceipt]:
        """Announce it; returns the operation's id."""
        made = self.complete(draft)
        assert made.salt is not None and made.delay is not None
        functions = self._timelock.functions
        tail = (made.predecessor, made.salt, made.delay)
        if len(made.calls) == 1:
            call = functions.schedule(*_single(made.calls), *tail)
        else:
            call = functions.schedule_batch(*_many(made.calls), *tail)
        return self.id_of(made), self._session.send(call)

    def check_ready(self, operation: Operation) -> None:
        """Raises InputError, saying why, for an operation that cannot be executed by this account
        now."""
        if operation.state is State.WAITING:
            left = span_text(operation.ready_at - self._session.now)
            raise InputError(
                f"operation {operation.hex} is ready on {date_text(operation.ready_at)}, in {left}"
            )
        if operation.state is not State.READY:
            raise InputError(f"operation {operation.hex} is {operation.state.value}")
        if operation.predecessor != _NO_WORD and self._stamp(operation.predecessor) != _DONE:
            raise InputError(f"operation 0x{operation.predecessor.hex()} has to be executed first")
        if not self._has_role("EXECUTOR_ROLE", NATIVE):
            self._check_role("EXECUTOR_ROLE", "execute")

    def execute(self, operation: Operation) -> TxReceipt:
        """Carry out what is ready. Raises InputError for what is not, RevertError for what the
        called contract refuses."""
        self.check_ready(operation)
        functions, tail = self._timelock.functions, (operation.predecessor, operation.salt)
        if operation.is_batch:
            return self._session.send(functions.execute_batch(*_many(operation.calls), *tail))
        return self._session.send(functions.execute(*_single(operation.calls), *tail))

    def cancel(self, operation: Operation) -> TxReceipt:
        """Take back what was not executed."""
        if operation.state not in (State.WAITING, State.READY):
            raise InputError(f"operation {operation.hex} is {operation.state.value}")
        self._check_role("CANCELLER_ROLE", "cancel")
        return self._session.send(self._timelock.functions.cancel(operation.id))

    # --- reading ------------------------------------------------------------------------------

    def operations(self) -> list[Operation]:
        """Every operation ever scheduled, oldest first, from the timelock's logs."""
        calls: dict[bytes, dict[int, Event]] = {}
        for event in scan(self._timelock, "CallScheduled", from_block=self._from_block):
            # one that was cancelled may be scheduled again: the later log counts
            calls.setdefault(bytes(event["id"]), {})[int(event["index"])] = event
        salts = {
            bytes(event["id"]): bytes(event["salt"])
            for event in scan(self._timelock, "CallSalt", from_block=self._from_block)
        }
        now = self._session.now
        found = [
            self._operation(id_, parts, salts.get(id_, _NO_WORD), now)
            for id_, parts in calls.items()
        ]
        return found

    def find(self, id_: str) -> Operation:
        """An operation by its id, or by the first digits of it. Raises InputError."""
        wanted = id_.lower().removeprefix("0x")
        if len(wanted) < 4 or set(wanted) - set("0123456789abcdef"):
            raise InputError(f"{id_!r} is no operation; write 0x and at least 4 digits of its id")
        found = [entry for entry in self.operations() if entry.id.hex().startswith(wanted)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise InputError(f"there is no operation 0x{wanted}; see `ape run govern list`")
        raise InputError(f"0x{wanted} begins {len(found)} ids; write more digits")

    def describe(self, call: Call) -> Description:
        """A call in words, and what it would change."""
        names = {address: name for name, address in self._session.addresses.items()}
        name = names.get(call.target)
        if name is None:
            return Description(
                f"{call.target}.0x{call.payload.hex()[:8]}",
                (("data", f"0x{call.payload.hex()}"),),
                ("this contract is not one of ours: nothing is known of it",),
            )
        contract = self._session.at(name, call.target)
        try:
            function, values = contract.decode_function_input("0x" + call.payload.hex())
        except (Web3Exception, ValueError):
            return Description(
                f"{name}.0x{call.payload.hex()[:8]}",
                (("data", f"0x{call.payload.hex()}"),),
                (f"{name} has no such function: this call would fail",),
            )
        arguments = tuple((key, self._text(value, names)) for key, value in values.items())
        title = f"{name}.{function.fn_name}"
        return Description(title, arguments, self._changes(title, contract, values))

    # --- internals ----------------------------------------------------------------------------

    def _operation(
        self, id_: bytes, parts: Mapping[int, Event], salt: bytes, now: int
    ) -> Operation:
        ordered = [parts[index] for index in sorted(parts)]
        calls = tuple(
            Call(event["target"], bytes(event["payload"]), event["amount"]) for event in ordered
        )
        first = ordered[0]
        predecessor = bytes(first["predecessor"])
        # a batch of one call has another id than the call alone
        is_batch = len(calls) > 1 or self._id(calls, predecessor, salt, False) != id_
        stamp = self._stamp(id_)
        if stamp == 0:
            state = State.CANCELLED
        elif stamp == _DONE:
            state = State.DONE
        else:
            state = State.READY if stamp <= now else State.WAITING
        ready_at = stamp if state in (State.READY, State.WAITING) else 0
        return Operation(
            id_, calls, predecessor, salt, is_batch, state, ready_at, first.transaction
        )

    def _id(self, calls: Sequence[Call], predecessor: bytes, salt: bytes, is_batch: bool) -> bytes:
        functions = self._timelock.functions
        if is_batch:
            return bytes(ask(functions.hash_operation_batch(*_many(calls), predecessor, salt).call))
        return bytes(ask(functions.hash_operation(*_single(calls), predecessor, salt).call))

    def _stamp(self, id_: bytes) -> int:
        return int(ask(self._timelock.functions.get_timestamp(id_).call))

    def _has_role(self, role: str, account: str) -> bool:
        word = ask(self._timelock.functions[role]().call)
        return bool(ask(self._timelock.functions.hasRole(word, account).call))

    def _check_role(self, role: str, verb: str) -> None:
        if not self._has_role(role, self._session.address):
            raise InputError(
                f"{self._session.address} may not {verb}: the timelock gave it no {role}; "
                "use that --account"
            )

    def _contract_name(self, written: str) -> str:
        for name in self._session.addresses:
            if name.lower() == written.lower():
                return name
        return written

    def _read(self, parameter: Any, argument: Any) -> Any:
        what = f"{parameter['name']} ({parameter['type']})"
        kind = str(parameter["type"])
        if kind.endswith("]"):
            inner = {**parameter, "type": kind[: kind.rindex("[")]}
            return [self._read(inner, item) for item in _list_of(argument, what)]
        if kind == "tuple":
            fields = parameter["components"]
            given = _json_of(argument, what)
            if isinstance(given, dict):
                given = [given.get(field["name"]) for field in fields]
            if not isinstance(given, list) or len(given) != len(fields):
                names = ", ".join(field["name"] for field in fields)
                raise InputError(f"{what} is a list of {names}, as in [1, 2]")
            return tuple(self._read(field, item) for field, item in zip(fields, given, strict=True))
        return self._read_word(kind, argument, what)

    def _read_word(self, kind: str, argument: Any, what: str) -> Any:
        text = str(argument).strip()
        if kind.startswith(("uint", "int")):
            digits = text.replace("_", "")
            if isinstance(argument, bool) or not digits.lstrip("-").isdigit():
                raise InputError(f"{what}: {text!r} is no whole number")
            number, bits = int(digits), int(kind.lstrip("uint") or 256)
            low, high = (0, 2**bits) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1))
            if not low <= number < high:
                raise InputError(f"{what}: {text} is out of its range")
            return number
        if kind == "bool":
            if text.lower() not in ("true", "false"):
                raise InputError(f"{what}: write true or false, not {text!r}")
            return text.lower() == "true"
        if kind == "address":
            name = self._contract_name(text)
            known = self._session.addresses.get(name)
            return known if known is not None else address_of(text, what)
        if kind.startswith("bytes"):
            return _bytes_of(text, int(kind[5:] or 0), what)
        return text

    def _text(self, value: Any, names: Mapping[ChecksumAddress, str]) -> str:
        if isinstance(value, bytes):
            return "0x" + value.hex()
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(self._text(item, names) for item in value) + "]"
        if isinstance(value, Mapping):
            inner = (f"{key}: {self._text(item, names)}" for key, item in value.items())
            return "{" + ", ".join(inner) + "}"
        if isinstance(value, str) and is_address(value):
            address = to_checksum_address(value)
            return f"{address} ({names[address]})" if address in names else address
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _changes(
        self, title: str, contract: Contract, values: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """What a call would change, by what the chain says now."""
        by_title: dict[str, Callable[[Mapping[str, Any]], Iterable[str]]] = {
            "IndexFunds.announce_epoch": self._epoch_changes,
            "IndexFunds.cancel_epoch": self._cancelled_epoch,
            "CharityRegistry.revoke": self._revoked,
            "Timelock.update_delay": self._new_delay,
            "Timelock.grantRole": self._role_changes,
            "Timelock.revokeRole": self._role_changes,
            "EcosystemReserve.release": self._released,
            **tellers(self._session),
        }
        teller = by_title.get(title)
        if teller is not None:
            return tuple(teller(values))
        function = title.partition(".")[2]
        if function in ("list_asset", "unlist_asset"):
            return tuple(self._listing(contract, values["asset"]))
        return tuple(self._setting(contract, function, values))

    def _epoch_changes(self, values: Mapping[str, Any]) -> Iterable[str]:
        funds = Funds(self._session, self._from_block)
        fund = funds.get(values["fund_id"])
        ids, weights = values["charity_ids"], values["weights"]
        if len(ids) != len(weights):
            return [f"{len(ids)} charities but {len(weights)} weights: this call would fail"]
        return [
            f"fund {fund.id} {fund.name!r}: "
            + (f"epoch {fund.running.number} runs now" if fund.running else "closed now"),
            *(
                [f"epoch {fund.announced.number} is announced: this call would fail until it runs"]
                if fund.announced
                else []
            ),
            *_member_changes(fund.running, dict(zip(ids, weights, strict=True))),
        ]

    def _cancelled_epoch(self, values: Mapping[str, Any]) -> Iterable[str]:
        fund = Funds(self._session, self._from_block).get(values["fund_id"])
        announced = fund.announced
        if announced is None or announced.number != values["epoch"]:
            return [f"epoch {values['epoch']} of fund {fund.id} is not announced: would fail"]
        return [
            f"fund {fund.id} {fund.name!r}: epoch {announced.number} of "
            f"{len(announced.members)} charities, due on {date_text(announced.starts_at)}, is "
            "taken back"
        ]

    def _revoked(self, values: Mapping[str, Any]) -> Iterable[str]:
        charity = Charities(self._session).get(values["charity_id"])
        return [
            f"charity {charity.id}: {charity.status.word} -> revoked, for good",
            f"payee {charity.payee}, legal id hash 0x{charity.legal_id.hex()}",
        ]

    def _new_delay(self, values: Mapping[str, Any]) -> Iterable[str]:
        (seconds,) = values.values()
        return [f"delay: {span_text(self.minimum_delay())} -> {span_text(seconds)}"]

    def _role_changes(self, values: Mapping[str, Any]) -> Iterable[str]:
        role, account = values["role"], values["account"]
        for name in ("PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE", "DEFAULT_ADMIN_ROLE"):
            if bytes(ask(self._timelock.functions[name]().call)) == bytes(role):
                holds = "has" if self._has_role(name, account) else "has not"
                return [f"{name} of {account}, which {holds} it now"]
        return [f"role 0x{bytes(role).hex()} is none that the timelock knows"]

    def _released(self, values: Mapping[str, Any]) -> Iterable[str]:
        money = Money(asset_at(self._session, values["asset"]), values["amount"])
        return [f"{money} from the reserve to {values['receiver']}"]

    def _listing(self, contract: Contract, asset: str) -> Iterable[str]:
        try:
            found = asset_at(self._session, asset)
        except AmountError as error:
            return [f"{error}: this call would fail"]
        functions = contract.functions
        is_listed = (
            ask(functions.asset_info(asset).call)[0]
            if "asset_info" in _names(contract)
            else ask(functions.is_listed(asset).call)
        )
        now = "listed" if is_listed else "not listed"
        return [f"{found.symbol} ({found.decimals} decimals) at {asset}: {now} now"]

    def _setting(
        self, contract: Contract, function: str, values: Mapping[str, Any]
    ) -> Iterable[str]:
        name = function.removeprefix("set_")
        if name == function or len(values) != 1 or name not in _names(contract):
            return []
        names = {address: known for known, address in self._session.addresses.items()}
        old = self._text(ask(contract.functions[name]().call), names)
        return [f"{name}: {old} -> {self._text(next(iter(values.values())), names)}"]


def _member_changes(old: Epoch | None, new: Mapping[int, int]) -> list[str]:
    before = {member.charity_id: member.weight for member in old.live} if old is not None else {}
    old_sum, new_sum = sum(before.values()), sum(new.values())
    lines = []
    for charity_id in sorted({*before, *new}):
        was, becomes = before.get(charity_id), new.get(charity_id)
        if was is None and becomes is not None:
            lines.append(f"+ charity {charity_id}: weight {becomes} ({_share(becomes, new_sum)})")
        elif becomes is None and was is not None:
            lines.append(f"- charity {charity_id}: had weight {was} ({_share(was, old_sum)})")
        elif was is not None and becomes is not None:
            sign = "=" if was * new_sum == becomes * old_sum else "~"
            lines.append(
                f"{sign} charity {charity_id}: weight {was} ({_share(was, old_sum)}) -> "
                f"{becomes} ({_share(becomes, new_sum)})"
            )
    return lines


def _share(part: int, whole: int) -> str:
    """A share in percent, with two digits, rounded down."""
    hundredths = part * 10_000 // whole if whole else 0
    return f"{hundredths // 100}.{hundredths % 100:02} %"


def _single(calls: Sequence[Call]) -> tuple[ChecksumAddress, int, bytes]:
    (call,) = calls
    return call.target, call.value, call.payload


def _many(
    calls: Sequence[Call],
) -> tuple[list[ChecksumAddress], list[int], list[bytes]]:
    return (
        [call.target for call in calls],
        [call.value for call in calls],
        [call.payload for call in calls],
    )


def _names(contract: Contract) -> set[str]:
    """The functions that take nothing, or tell of one thing: getters and views."""
    return {str(e["name"]) for e in contract.abi if e["type"] == "function"}


def _list_of(argument: Any, what: str) -> list[Any]:
    if isinstance(argument, list):
        return argument
    text = str(argument).strip()
    if not text.startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    found = _json_of(text, what)
    if not isinstance(found, list):
        raise InputError(f"{what} is a list, as in [1, 2] or 1,2")
    return found


def _json_of(argument: Any, what: str) -> Any:
    if not isinstance(argument, str):
        return argument
    try:
        return json.loads(argument)
    except ValueError as error:
        raise InputError(f"{what}: {argument!r} is not JSON; write it like [1, 2]") from error


def _bytes_of(text: str, size: int, what: str) -> bytes:
    """0x..., or keccak:text where a hash fits; `size` 0 for any number of bytes."""
    if text.startswith("keccak:") and size == 32:
        return keccak(text=text.removeprefix("keccak:"))
    try:
        if not text.startswith("0x"):
            raise ValueError
        raw = bytes.fromhex(text[2:])
    except ValueError as error:
        hint = " or keccak:text" if size == 32 else ""
        raise InputError(f"{what}: {text!r} is neither 0x and digits{hint}") from error
    if size and len(raw) != size:
        raise InputError(f"{what}: {len(raw)} bytes were written, it has {size}")
    return raw


def _word(text: Any, what: str) -> bytes:
    return _bytes_of(str(text), 32, what)
