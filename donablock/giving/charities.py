"""Charities in the registry: reading them, and what their payees and the registrar do."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from eth_utils.crypto import keccak
from web3.contract import Contract
from web3.types import TxReceipt

from donablock.chain.amounts import NATIVE
from donablock.chain.assets import address_of
from donablock.chain.logs import Event
from donablock.chain.scan import logged, scan
from donablock.chain.session import Session
from donablock.chain.times import date_text
from donablock.errors import InputError

__all__ = [
    "Application",
    "Charities",
    "Charity",
    "Pending",
    "Profile",
    "Status",
    "charity_id_of",
    "check_takes_gifts",
    "goals_of",
    "hash_of",
    "read_goals",
    "read_time",
]

DAY = 86_400
GOALS = 17
MAX_URI = 256
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_SPAN = re.compile(r"(\d+)\s*(d|day|days|m|month|months|y|year|years)")


class Status(IntEnum):
    """What the registry's `status` answers."""

    UNKNOWN = 0
    REVOKED = 1
    SUSPENDED = 2
    VERIFIED = 3
    EXPIRED = 4

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Profile:
    """What an applicant says of itself. The payee is the applicant."""

    payee: str
    legal_id: bytes
    sdgs: int
    metadata_hash: bytes
    uri: str


@dataclass(frozen=True)
class Application:
    """An application as logged. `block` is where; `is_open` while it was not used up."""

    id: bytes
    profile: Profile
    block: int
    is_open: bool


@dataclass(frozen=True)
class Pending:
    """A payee change on its way; times are unix seconds."""

    new_payee: str
    ready_at: int


@dataclass(frozen=True)
class Charity:
    """Everything stored about a charity; times are unix seconds, 0 if never."""

    id: int
    payee: str
    status: Status
    sdgs: int
    expiry: int
    suspended_until: int
    legal_id: bytes
    metadata_hash: bytes

    @property
    def goals(self) -> list[int]:
        return goals_of(self.sdgs)


class Charities:
    """The registry, through a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def _registry(self) -> Contract:
        return self._session.contract("CharityRegistry")

    # --- reading ------------------------------------------------------------------------------

    def count(self) -> int:
        return int(self._registry.functions.charity_count().call())

    def get(self, charity_id: int) -> Charity:
        """One charity. Raises InputError for a number that was never given."""
        _check_id(charity_id)
        found = self._registry.functions.charity(charity_id).call()
        payee, status, sdgs, expiry, suspended_until, legal_id, metadata_hash = found
        if status == Status.UNKNOWN:
            raise InputError(
                f"there is no charity {charity_id}; {self.count()} are registered "
                "(`ape run charity list`)"
            )
        return Charity(
            charity_id,
            payee,
            Status(status),
            sdgs,
            expiry,
            suspended_until,
            bytes(legal_id),
            bytes(metadata_hash),
        )

    def all(self, from_block: int = 0) -> Iterator[Charity]:
        """Every charity that was ever verified, by the registry's logs."""
        for event in scan(self._registry, "Verified", from_block=from_block):
            yield self.get(event["charity_id"])

    def pending(self, charity_id: int) -> Pending | None:
        """A payee change on its way, if there is one."""
        new_payee, ready_at = self._registry.functions.pending_payee(charity_id).call()
        return None if new_payee == NATIVE else Pending(new_payee, ready_at)

    def uri(self, charity_id: int, from_block: int = 0) -> str:
        """Where the charity's description lies, as last logged; "" where the node has no log."""
        found = ""
        filters = {"charity_id": charity_id}
        for name in ("Verified", "MetadataChanged"):
            for event in scan(self._registry, name, filters, from_block=from_block):
                found = str(event["uri"])
        return found

    def name(self, charity: Charity, uri: str) -> str | None:
        """The charity's name, where its description lies in the URI itself (`data:`) and is the one
        whose hash was verified. Nothing is fetched from anywhere."""
        document = _inline(uri)
        if document is None or keccak(document) != charity.metadata_hash:
            return None
        try:
            name = json.loads(document)["name"]
        except (ValueError, KeyError, TypeError):
            return None
        return name if isinstance(name, str) and name.isprintable() else None

    def history(self, charity_id: int, from_block: int = 0) -> list[Event]:
        """Everything the registry logged of a charity, oldest first."""
        names = (
            "Verified Renewed Suspended Reinstated Revoked MetadataChanged SdgsChanged "
            "PayeeProposed PayeeCancelled PayeeChanged"
        )
        found = [
            event
            for name in names.split()
            for event in scan(
                self._registry, name, {"charity_id": charity_id}, from_block=from_block
            )
        ]
        return sorted(found, key=lambda event: (event.block_number, event.log_index))

    def applications(self, from_block: int = 0, *, open_only: bool = True) -> list[Application]:
        """Applications by the registry's logs; one that was made again counts once."""
        latest: dict[bytes, Event] = {}
        for event in scan(self._registry, "Applied", from_block=from_block):
            latest[bytes(event["application_id"])] = event
        found = []
        for application_id, event in latest.items():
            applied_at = self._registry.functions.applied_at(application_id).call()
            profile = Profile(
                event["payee"],
                bytes(event["legal_id"]),
                event["sdgs"],
                bytes(event["metadata_hash"]),
                event["uri"],
            )
            entry = Application(application_id, profile, event.block_number, applied_at != 0)
            if entry.is_open or not open_only:
                found.append(entry)
        return found

    def application(self, id_or_payee: str, from_block: int = 0) -> Application:
        """An open application by its id (or the first digits of it) or by its payee.

        Raises InputError where there is none, or more than one.
        """
        wanted = id_or_payee.lower()
        found = [
            entry
            for entry in self.applications(from_block)
            if entry.profile.payee.lower() == wanted
            or (len(wanted) >= 6 and ("0x" + entry.id.hex()).startswith(wanted))
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise InputError(
                f"no open application {id_or_payee}; see `ape run charity applications`"
            )
        ids = ", ".join("0x" + entry.id.hex() for entry in found)
        raise InputError(f"{id_or_payee} means {len(found)} applications; write one's id: {ids}")

    # --- applicant and payee ------------------------------------------------------------------

    def apply(self, profile: Profile) -> tuple[bytes, TxReceipt]:
        """Apply, from the address to be paid. Returns the application's id."""
        _check_profile(profile)
        receipt = self._session.send(
            self._registry.functions.apply(
                profile.legal_id, profile.sdgs, profile.metadata_hash, profile.uri
            )
        )
        event = logged(self._session, receipt, "CharityRegistry", "Applied")[0]
        return bytes(event["application_id"]), receipt

    def set_metadata(self, charity_id: int, metadata_hash: bytes, uri: str) -> TxReceipt:
        """The payee renews the description. `metadata_hash` is keccak256 of the document."""
        _check_uri(uri)
        return self._send("set_metadata", charity_id, metadata_hash, uri)

    def propose_payee(self, charity_id: int, new_payee: str) -> TxReceipt:
        """The payee proposes its successor, who may accept after the delay."""
        return self._send("propose_payee", charity_id, address_of(new_payee, "payee"))

    def accept_payee(self, charity_id: int) -> TxReceipt:
        """The proposed payee accepts, once the delay is over."""
        return self._send("accept_payee", charity_id)

    def cancel_payee(self, charity_id: int) -> TxReceipt:
        """The payee, the registrar or the guardian stops a payee change."""
        return self._send("cancel_payee", charity_id)

    def retire(self, charity_id: int, reason: bytes) -> TxReceipt:
        """The payee takes the charity out, for good. What it has earned stays claimable."""
        return self._send("retire", charity_id, reason)

    # --- registrar ----------------------------------------------------------------------------

    def verify(self, profile: Profile, expiry: int, evidence: bytes) -> tuple[int, TxReceipt]:
        """Verify a charity until `expiry` (unix seconds). Returns its number."""
        _check_profile(profile)
        receipt = self._session.send(
            self._registry.functions.verify(
                profile.payee,
                profile.legal_id,
                profile.sdgs,
                profile.metadata_hash,
                profile.uri,
                expiry,
                evidence,
            )
        )
        event = logged(self._session, receipt, "CharityRegistry", "Verified")[0]
        return int(event["charity_id"]), receipt

    def renew(self, charity_id: int, expiry: int, evidence: bytes) -> TxReceipt:
        """A new term until `expiry` (unix seconds), which must be later than the old one."""
        return self._send("renew", charity_id, expiry, evidence)

    def suspend(self, charity_id: int, reason: bytes) -> TxReceipt:
        """No gifts and no payee change for 30 days."""
        return self._send("suspend", charity_id, reason)

    def reinstate(self, charity_id: int) -> TxReceipt:
        """End a suspension early."""
        return self._send("reinstate", charity_id)

    def _send(self, function: str, charity_id: int, *arguments: Any) -> TxReceipt:
        self.get(charity_id)
        return self._session.send(self._registry.functions[function](charity_id, *arguments))


def check_takes_gifts(charity: Charity) -> None:
    """Raises InputError for a charity that takes nothing now."""
    if charity.status is Status.SUSPENDED:
        raise InputError(
            f"charity {charity.id} is suspended until {date_text(charity.suspended_until)} and "
            "takes nothing before"
        )
    if charity.status is not Status.VERIFIED:
        raise InputError(
            f"charity {charity.id} is {charity.status.word} and takes nothing; "
            "see `ape run charity list`"
        )


# --- words ------------------------------------------------------------------------------------


def charity_id_of(text: str) -> int:
    """A charity's number as written. Raises InputError."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise InputError(f"{text!r} is no charity; write its number, such as 12")
    return int(text)


def read_goals(text: str) -> int:
    """ "1,4,13" -> the goals' bits (bit k - 1 is goal k). Raises InputError."""
    bits = 0
    for part in text.replace(" ", ",").split(","):
        if not part:
            continue
        if not part.isdigit() or not 1 <= int(part) <= GOALS:
            raise InputError(
                f"{part!r} is no goal; write numbers from 1 to {GOALS}, such as 1,4,13"
            )
        bits |= 1 << (int(part) - 1)
    if bits == 0:
        raise InputError("no goal named; write at least one of 1 to 17, such as 1,4,13")
    return bits


def goals_of(sdgs: int) -> list[int]:
    """The goals whose bits are set, ascending."""
    return [goal for goal in range(1, GOALS + 1) if sdgs >> (goal - 1) & 1]


def hash_of(text: str) -> bytes:
    """keccak256 of a text, or of a file's content for "@path", or the hash itself for 0x and 64
    digits. Raises InputError where the file cannot be read, or nothing is written."""
    if _HASH.fullmatch(text):
        return bytes.fromhex(text[2:])
    if text.startswith("@"):
        try:
            return keccak(Path(text[1:]).read_bytes())
        except OSError as error:
            raise InputError(f"cannot read {text[1:]}: {error.strerror}; check the path") from error
    if not text.strip():
        raise InputError("nothing to hash; write a text, @file, or 0x and 64 digits")
    return keccak(text=text)


def read_time(text: str, now: int) -> int:
    """A date (2028-01-31, UTC), a span from `now` ("90 days", "2y") or unix seconds: the latter.

    A year is 365 days, a month 30. Raises InputError.
    """
    plain = text.strip().lower()
    span = _SPAN.fullmatch(plain)
    if span is not None:
        return now + int(span[1]) * {"d": 1, "m": 30, "y": 365}[span[2][0]] * DAY
    if plain.isdigit() and len(plain) >= 9:
        return int(plain)
    try:
        day = dt.date.fromisoformat(plain)
    except ValueError as error:
        raise InputError(
            f"{text!r} is no time; write a date (2028-01-31) or a span (2y, 90 days)"
        ) from error
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())


def _check_id(charity_id: int) -> None:
    if not 0 < charity_id < 2**256:
        raise InputError(f"{charity_id} is no charity; numbers run from 1")


def _check_profile(profile: Profile) -> None:
    address_of(profile.payee, "payee")
    if not 0 < profile.sdgs < 1 << GOALS:
        raise InputError("goals must be among 1 to 17, at least one")
    _check_uri(profile.uri)


def _check_uri(uri: str) -> None:
    if len(uri.encode()) > MAX_URI:
        raise InputError(
            f"the URI has {len(uri.encode())} bytes; at most {MAX_URI} fit: shorten it"
        )


def _inline(uri: str) -> bytes | None:
    """The document in a data: URI."""
    head, comma, body = uri.partition(",")
    if not head.startswith("data:") or not comma:
        return None
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None
