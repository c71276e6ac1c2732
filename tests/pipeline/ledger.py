"""What must be told of all that a chain did, worked out in plain Python from its blocks.

Nothing of the product is used: not how it decodes, not its ids, not its bodies. A chain is blocks
that come and go at the tip, with the payments in them:

    ledger = Ledger(ORDERS, confirmations=2)
    ledger.follow(blocks)                  # as the chain is now, the oldest first
    ledger.expected                        # {webhook id: what it must say}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.chain_reader.fake_chain import TRANSFER, FakeBlock

NATIVE = -1
"""The place of a payment in the chain's own coin, which no log tells of."""


@dataclass(frozen=True)
class Payment:
    """place: of its log in the block, or NATIVE. token: None for the chain's own coin."""

    transaction: str
    place: int
    token: str | None
    sender: str
    receiver: str
    value: int


@dataclass(frozen=True)
class Page:
    """A block as far as it matters here."""

    chain_id: int
    number: int
    hash: str
    payments: tuple[Payment, ...]


@dataclass(frozen=True)
class Order:
    """What a monitor looks for. least: of the value, by its condition."""

    category: str
    addresses: frozenset[str]
    direction: str = "all"
    least: int = 0


@dataclass(frozen=True)
class Message:
    """One webhook. first: the id of the event.detected that it belongs to."""

    id: str
    type: str
    first: str
    monitor: str
    page: Page
    payment: Payment
    address: str
    direction: str

    def check(self, body: Mapping[str, Any]) -> None:
        """That a body which came says this, and nothing else."""
        data, payment = body["data"], self.payment
        assert body["type"] == self.type, self.id
        assert data["confirm"] is (self.type == "event.confirmed"), self.id
        is_first = self.type == "event.detected"
        assert data.get("firstMessageId") == (None if is_first else self.first), self.id
        said = (data["chainId"], data["blockNumber"], data["blockHash"], data["hash"])
        page = self.page
        assert said == (page.chain_id, page.number, page.hash, payment.transaction), self.id
        paid = (data["fromAddress"], data["toAddress"])
        assert paid == (payment.sender, payment.receiver), self.id
        amount = data["nativeAmount"] if payment.token is None else data["tokenValue"]
        assert amount == str(payment.value), self.id
        if payment.token is not None:
            assert data["contract"]["address"] == payment.token, self.id
            assert data["logIndex"] == payment.place, self.id
        seen = (data["monitorId"], data["associatedAddress"], data["type"])
        assert seen == (self.monitor, self.address, self.direction), self.id
        assert data["eventId"] == self.first.rpartition("_")[0], self.id


@dataclass
class _Event:
    """One payment as one monitor sees it, from one address. state: d, c or r."""

    state: str = "r"
    generation: int = 0


@dataclass
class Ledger:
    """`expected` has every message that was due at any time, in that order."""

    orders: Mapping[str, Order]
    confirmations: int
    expected: dict[str, Message] = field(default_factory=dict)
    standing: list[Page] = field(default_factory=list)
    _events: dict[str, _Event] = field(default_factory=dict)

    def follow(self, pages: Sequence[Page]) -> None:
        """The chain is now this one, and was followed to its end. One that was cut and has not
        grown again is not told from one whose node lags: nothing happens."""
        hashes = [page.hash for page in pages]
        if hashes == [page.hash for page in self.standing[: len(pages)]]:
            return
        known = set(hashes)
        while self.standing and self.standing[-1].hash not in known:
            self.went()
        for page in pages[len(self.standing) :]:
            self.came(page)

    def came(self, page: Page) -> None:
        """A block on the tip."""
        self.standing.append(page)
        for name, message in self._seen(page):
            event = self._events.setdefault(name, _Event())
            assert event.state == "r", "a block is on the chain once"
            event.state, event.generation = "d", event.generation + 1
            self._tell(name, event, message)
        deep = max(0, len(self.standing) - self.confirmations)
        # what lies deeper was confirmed when the block before this one came
        for below in self.standing[max(0, deep - 1) : deep]:
            for name, message in self._seen(below):
                event = self._events[name]
                if event.state == "d":
                    event.state = "c"
                    self._tell(name, event, message)

    def went(self) -> Page:
        """The tip was taken back."""
        page = self.standing.pop()
        for name, message in self._seen(page):
            event = self._events[name]
            event.state = "r"
            self._tell(name, event, message)
        return page

    def _tell(self, name: str, event: _Event, message: dict[str, Any]) -> None:
        kind = {"d": "detected", "c": "confirmed", "r": "retracted"}[event.state]
        id, first = f"{name}_{event.state}{event.generation}", f"{name}_d{event.generation}"
        assert id not in self.expected, "no message is due twice"
        self.expected[id] = Message(id, f"event.{kind}", first, **message)

    def _seen(self, page: Page) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the monitors find in a block: the events' ids, and what is told of them."""
        for payment in page.payments:
            category = "native" if payment.token is None else "erc20"
            for monitor, order in self.orders.items():
                if order.category != category or payment.value < order.least:
                    continue
                for direction, address in (("out", payment.sender), ("in", payment.receiver)):
                    if address in order.addresses and order.direction in ("all", direction):
                        parts = (page.chain_id, page.hash, payment.transaction, payment.place)
                        yield (
                            _event_id(*parts, monitor, address, direction),
                            {
                                "monitor": monitor,
                                "page": page,
                                "payment": payment,
                                "address": address,
                                "direction": direction,
                            },
                        )


def _event_id(*parts: object) -> str:
    """As docs and DESIGN say: SHA-256 over the parts, each after its length in four bytes."""
    found = sha256()
    for part in parts:
        text = str(part).encode()
        found.update(len(text).to_bytes(4, "big") + text)
    return "evt_" + found.hexdigest()[:32]


def page_of(block: FakeBlock) -> Page:
    """A fake chain's block."""
    payments: list[Payment] = []
    place = 0
    for one in block.transactions:
        if one.value and one.is_success and one.to is not None:
            payments.append(Payment(one.hash, NATIVE, None, one.sender, one.to, one.value))
        for log in one.logs:
            if log.topics[:1] == (TRANSFER,):
                sender, receiver = ("0x" + topic[26:] for topic in log.topics[1:])
                value = int(log.data, 16)
                payments.append(Payment(one.hash, place, log.address, sender, receiver, value))
            place += 1
    return Page(block.chain_id, block.number, block.hash, tuple(payments))


def pages_of(blocks: Iterable[FakeBlock]) -> list[Page]:
    """Those of a whole chain."""
    return [page_of(block) for block in blocks]
