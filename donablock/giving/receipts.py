"""Receipts: finding them, their picture, and whether the chain bears them out."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_typing import HexStr
from web3.contract import Contract
from web3.types import TxReceipt

from donablock.chain.amounts import Money
from donablock.chain.assets import address_of, asset_at
from donablock.chain.logs import Event
from donablock.chain.scan import logged, scan
from donablock.chain.session import NotFound, Session, ask
from donablock.errors import InputError, RevertError

__all__ = ["Check", "GivenGift", "Receipt", "Receipts"]

_JSON = "data:application/json;base64,"
_SVG = "data:image/svg+xml;base64,"


@dataclass(frozen=True)
class Receipt:
    """A receipt as the chain keeps it. `epoch` 0: to a charity; else to a fund in that epoch.

    `timestamp` in unix seconds; `legal_id` all zeros for a fund.
    """

    id: int
    donor: str
    recipient_id: int
    epoch: int
    money: Money
    memo: bytes
    timestamp: int
    legal_id: bytes

    @property
    def is_fund(self) -> bool:
        return self.epoch != 0

    @property
    def recipient(self) -> str:
        """For people: "charity 12" or "fund 13, epoch 2"."""
        if self.is_fund:
            return f"fund {self.recipient_id}, epoch {self.epoch}"
        return f"charity {self.recipient_id}"


@dataclass(frozen=True)
class GivenGift:
    """A gift by its log, Donated or FundDonated. Not every gift has a receipt."""

    log: Event
    money: Money

    @property
    def recipient(self) -> str:
        if self.log.name == "FundDonated":
            return f"fund {self.log['fund_id']}, epoch {self.log['epoch']}"
        return f"charity {self.log['charity_id']}"


@dataclass(frozen=True)
class Check:
    """One thing that was compared. `detail` says what was found."""

    what: str
    passed: bool
    detail: str


class Receipts:
    """The receipt book through a session. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block

    @property
    def _book(self) -> Contract:
        return self._session.contract("ReceiptBook")

    def count(self) -> int:
        return int(ask(self._book.functions.token_count().call))

    def get(self, receipt_id: int) -> Receipt:
        """Raises InputError where there is no such receipt."""
        count = self.count()
        if not 0 < receipt_id <= count:
            said = f"they run from 1 to {count}" if count else "none was written yet"
            raise InputError(f"there is no receipt {receipt_id}; {said}")
        donor, recipient_id, epoch, asset, amount, memo, timestamp, legal_id = ask(
            self._book.functions.receipt(receipt_id).call
        )
        money = Money(asset_at(self._session, asset), amount)
        return Receipt(
            receipt_id,
            donor,
            recipient_id,
            epoch,
            money,
            bytes(memo),
            timestamp,
            bytes(legal_id),
        )

    def in_transaction(self, transaction: str) -> list[Receipt]:
        """The receipts written in a transaction. Raises InputError for an unknown one."""
        found = logged(
            self._session, self._transaction(transaction), "ReceiptBook", "ReceiptMinted"
        )
        return [self.get(int(event["token_id"])) for event in found]

    def gifts_in(self, transaction: str) -> list[GivenGift]:
        """The gifts made in a transaction, with or without receipts."""
        receipt = self._transaction(transaction)
        events = [
            *logged(self._session, receipt, "Giving", "Donated"),
            *logged(self._session, receipt, "IndexFunds", "FundDonated"),
        ]
        return [self._gift(event) for event in events]

    def gifts_by(self, donor: str, memo: bytes) -> list[GivenGift]:
        """A donor's gifts under a memo, oldest first: a memo may be used again."""
        wanted = {"donor": address_of(donor, "donor")}
        giving, funds = self._session.contract("Giving"), self._session.contract("IndexFunds")
        # the node looks for the donor; the memo is no indexed argument
        events = [
            event
            for contract, name in ((giving, "Donated"), (funds, "FundDonated"))
            for event in scan(contract, name, wanted, from_block=self._from_block)
            if bytes(event["memo"]) == memo
        ]
        events.sort(key=lambda event: (event.block_number, event.log_index))
        return [self._gift(event) for event in events]

    def metadata(self, receipt_id: int) -> Mapping[str, Any]:
        """The receipt's metadata, as `tokenURI` gives it. Raises InputError as `get` does."""
        self.get(receipt_id)
        uri = str(ask(self._book.functions.tokenURI(receipt_id).call))
        if not uri.startswith(_JSON):
            raise InputError(f"receipt {receipt_id} has no metadata on chain; read {uri[:80]}")
        try:
            found: Mapping[str, Any] = json.loads(base64.b64decode(uri.removeprefix(_JSON)))
        except (ValueError, binascii.Error) as error:
            raise InputError(f"receipt {receipt_id} has unreadable metadata: {error}") from error
        return found

    def artwork(self, receipt_id: int) -> bytes:
        """The receipt's picture, an SVG document."""
        image = str(self.metadata(receipt_id).get("image", ""))
        if not image.startswith(_SVG):
            raise InputError(f"receipt {receipt_id} has no picture on chain")
        return base64.b64decode(image.removeprefix(_SVG))

    def check(self, receipt_id: int) -> list[Check]:
        """Compares a receipt with the logs of the transaction that wrote it: the receipt's own log,
        and the gift's. All passed means that this gift was made."""
        receipt = self.get(receipt_id)
        contracts = self._session.addresses
        owner = str(ask(self._book.functions.ownerOf(receipt_id).call))
        checks = [
            Check("held by its donor", owner == receipt.donor, owner),
            Check(
                "cannot move",
                bool(ask(self._book.functions.locked(receipt_id).call)),
                "locked (ERC-5192)",
            ),
        ]
        minted = self._minted(receipt)
        if minted is None:
            return [*checks, Check("written by a log", False, "no ReceiptMinted log was found")]
        same = (
            minted["donor"] == receipt.donor
            and minted["recipient_id"] == receipt.recipient_id
            and minted["epoch"] == receipt.epoch
            and minted["asset"] == receipt.money.asset.address
            and minted["amount"] == receipt.money.amount
            and bytes(minted["memo"]) == receipt.memo
        )
        checks.append(
            Check("ReceiptMinted says the same", same, f"transaction {minted.transaction}")
        )
        host = "IndexFunds" if receipt.is_fund else "Giving"
        checks.append(Check(f"written by {host}", minted["minter"] == contracts[host], host))
        gifts = [
            event
            for event in logged(
                self._session,
                self._transaction(minted.transaction),
                host,
                "FundDonated" if receipt.is_fund else "Donated",
            )
            if _bears_out(event, receipt)
        ]
        said = "no gift with these figures in that transaction"
        if gifts:
            said = f"log {gifts[0].log_index}: {receipt.money} to {receipt.recipient}"
        checks.append(Check(f"{host} logged the gift", bool(gifts), said))
        block = ask(lambda: self._session.w3.eth.get_block(minted.block_number))
        checks.append(
            Check(
                "dated by its block",
                int(block["timestamp"]) == receipt.timestamp,
                f"block {minted.block_number}",
            )
        )
        return checks

    def _minted(self, receipt: Receipt) -> Event | None:
        """The log that wrote a receipt, found by the receipt's own second."""
        start = self._first_block_at(receipt.timestamp)
        for event in scan(self._book, "ReceiptMinted", {"token_id": receipt.id}, from_block=start):
            return event
        return None

    def _first_block_at(self, timestamp: int) -> int:
        """The first block of a second, by halving."""
        low, high = self._from_block, int(ask(lambda: self._session.w3.eth.block_number))
        while low < high:
            middle = (low + high) // 2
            if self._second_of(middle) < timestamp:
                low = middle + 1
            else:
                high = middle
        return low

    def _second_of(self, block: int) -> int:
        return int(ask(lambda: self._session.w3.eth.get_block(block))["timestamp"])

    def _gift(self, event: Event) -> GivenGift:
        return GivenGift(event, Money(asset_at(self._session, event["asset"]), event["amount"]))

    def _transaction(self, transaction: str) -> TxReceipt:
        text = transaction.lower().removeprefix("0x")
        if len(text) != 64 or set(text) - set("0123456789abcdef"):
            raise InputError(f"{transaction!r} is no transaction; write 0x and 64 digits")
        try:
            found = ask(lambda: self._session.w3.eth.get_transaction_receipt(HexStr("0x" + text)))
        except NotFound as error:
            raise InputError(
                f"transaction 0x{text} is in no block of chain {self._session.chain_id}; check it, "
                "wait for it, or name its network with --network"
            ) from error
        if found["status"] != 1:
            raise RevertError("", f"transaction 0x{text}")
        return found


def _bears_out(event: Event, receipt: Receipt) -> bool:
    recipient = event["fund_id"] if receipt.is_fund else event["charity_id"]
    return bool(
        event["donor"] == receipt.donor
        and recipient == receipt.recipient_id
        and event["asset"] == receipt.money.asset.address
        and event["amount"] == receipt.money.amount
        and bytes(event["memo"]) == receipt.memo
        and (not receipt.is_fund or event["epoch"] == receipt.epoch)
    )
