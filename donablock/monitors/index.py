"""Which monitors a block may concern, found without asking each of them.

An index is a snapshot of all monitors of a chain and their addresses. It never changes; a change
makes the next one, which shares nearly all with it. Addresses are kept in the form in which a block
has them, so that nothing has to be cut out of a log to look it up: for logs the topic, 0x and the
address filled up to 64 digits, for transactions 0x and 40 digits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from donablock.monitors.builtin import BuiltinKind
from donablock.monitors.categories import EventKind, FunctionKind, LogKind
from donablock.monitors.layers import Edit, Layers
from donablock.monitors.monitor import Monitor

__all__ = ["NATIVE_KEY", "Ids", "Index", "IndexEdit", "each", "topic_of"]

Ids = str | tuple[str, ...]
"""The monitors of one key: mostly one."""

NATIVE_KEY = "native"
"""Among `anywhere`: monitors of all native transfers."""

_PADDING = "0x" + "0" * 24

Members = tuple[str, ...] | Layers[bool]
"""The addresses of one monitor: a few, or many."""

_FEW = 64


def each(ids: Ids | None) -> tuple[str, ...]:
    if ids is None:
        return ()
    return (ids,) if isinstance(ids, str) else ids


def topic_of(address: str) -> str:
    """An address as a topic has it."""
    return _PADDING + address[2:]


@dataclass(frozen=True, slots=True)
class Index:
    """All monitors of a chain.

    members: monitor -> its addresses, in the form in which they are looked up. topics: watched
    address as a topic -> monitors of logs. accounts: watched address -> monitors of transactions.
    contracts, called: contract -> monitors of everything that it logs, or that it is called for.
    anywhere: first topic, selector or NATIVE_KEY -> monitors of everything of that kind.
    data_topics: first topic -> kinds of events with addresses in their data, and by how many
    monitors these are watched. own: pattern -> monitors of everything of our own contracts that is
    of it. parties: watched address -> monitors of our own contracts.
    """

    monitors: Layers[Monitor] = Layers()
    members: Layers[Members] = Layers()
    topics: Layers[Ids] = Layers()
    accounts: Layers[Ids] = Layers()
    contracts: Layers[Ids] = Layers()
    called: Layers[Ids] = Layers()
    anywhere: Layers[Ids] = Layers()
    data_topics: Layers[dict[EventKind, int]] = Layers()
    own: Layers[Ids] = Layers()
    parties: Layers[Ids] = Layers()

    @classmethod
    def of(cls, monitors: Iterable[tuple[Monitor, Iterable[str]]]) -> Index:
        """Of monitors, each with its addresses (0x and 40 digits in lower case)."""
        edit = cls().edit()
        for monitor, addresses in monitors:
            edit.put(monitor, addresses)
        return edit.done()

    def edit(self) -> IndexEdit:
        """Starts the next snapshot. This one stays as it is."""
        return IndexEdit(self)

    def addresses_of(self, monitor_id: str) -> list[str]:
        """The addresses of a monitor, in no order."""
        return ["0x" + key[-40:] for key in self.members.get(monitor_id) or ()]

    def __len__(self) -> int:
        """How many monitors there are."""
        return len(self.monitors)

    @property
    def address_count(self) -> int:
        """How many addresses are watched. One that is watched both in logs and in transactions
        counts twice."""
        return len(self.topics) + len(self.accounts) + len(self.parties)

    @property
    def is_of_ours(self) -> bool:
        """Whether some monitor looks at our own contracts."""
        return bool(self.own or self.parties)

    def bytes_used(self) -> int:
        """By all but the monitors themselves. Takes seconds where there are a million addresses."""
        maps: tuple[Layers[Any], ...] = (
            *(self.monitors, self.members, self.topics, self.accounts, self.contracts),
            *(self.called, self.anywhere, self.data_topics, self.own, self.parties),
        )
        # the monitors of an address share its text
        watched = (self.topics, self.accounts, self.parties)
        texts = sum(sys.getsizeof(key) for one in watched for key in one)
        own = (self.members.get(monitor_id) for monitor_id in self.members)
        members = sum(
            one.bytes_used() if isinstance(one, Layers) else sys.getsizeof(one) for one in own
        )
        return sum(one.bytes_used() for one in maps) + texts + members


class IndexEdit:
    """The next snapshot in the making. Each method may be called any number of times."""

    def __init__(self, base: Index) -> None:
        self._monitors = base.monitors.edit()
        self._members = base.members.edit()
        self._topics = base.topics.edit()
        self._accounts = base.accounts.edit()
        self._contracts = base.contracts.edit()
        self._called = base.called.edit()
        self._anywhere = base.anywhere.edit()
        self._data_topics = base.data_topics.edit()
        self._own = base.own.edit()
        self._parties = base.parties.edit()
        # the members of one monitor that are being changed
        self._open: dict[str, Edit[bool]] = {}

    def put(self, monitor: Monitor, addresses: Iterable[str] | None = None) -> None:
        """A new monitor, or a new revision of one. addresses: all of them; None: as they were."""
        old = self._monitors.get(monitor.id)
        if old is None:
            self._new(monitor, addresses or ())
            return
        if _place(old) == _place(monitor):
            self._monitors[monitor.id] = monitor
            if addresses is not None:
                wanted = {_key(monitor, address) for address in addresses}
                present = set(self._present(monitor.id))
                self._remove(monitor, present - wanted)
                self._add(monitor, wanted - present)
            return
        if addresses is None:
            addresses = ["0x" + key[-40:] for key in self._present(monitor.id)]
        self.drop(monitor.id)
        self.put(monitor, addresses)

    def drop(self, monitor_id: str) -> None:
        """Takes a monitor out, with its addresses. One that is not there is passed over."""
        monitor = self._monitors.get(monitor_id)
        if monitor is None:
            return
        self._remove(monitor, list(self._present(monitor_id)))
        self._leave(monitor)
        self._monitors.pop(monitor_id)
        self._members.pop(monitor_id)
        self._open.pop(monitor_id, None)

    def add(self, monitor_id: str, addresses: Iterable[str]) -> None:
        """Addresses that a monitor watches from now on. Raises KeyError for an unknown monitor."""
        monitor = self._known(monitor_id)
        self._add(monitor, (_key(monitor, address) for address in addresses))

    def remove(self, monitor_id: str, addresses: Iterable[str]) -> None:
        """Addresses that it watches no more; others are passed over. Raises KeyError."""
        monitor = self._known(monitor_id)
        self._remove(monitor, (_key(monitor, address) for address in addresses))

    def done(self) -> Index:
        """The new snapshot. The edit must not be used after it."""
        for monitor_id, members in self._open.items():
            closed = members.done()
            self._members[monitor_id] = closed if len(closed) > _FEW else tuple(closed)
        return Index(
            self._monitors.done(),
            self._members.done(),
            self._topics.done(),
            self._accounts.done(),
            self._contracts.done(),
            self._called.done(),
            self._anywhere.done(),
            self._data_topics.done(),
            self._own.done(),
            self._parties.done(),
        )

    # --- within -----------------------------------------------------------------------------------

    def _new(self, monitor: Monitor, addresses: Iterable[str]) -> None:
        self._monitors[monitor.id] = monitor
        self._enter(monitor)
        keys = dict.fromkeys(_key(monitor, address) for address in addresses)
        self._members[monitor.id] = tuple(keys) if len(keys) <= _FEW else Layers.of(keys, True)
        watched = self._watched(monitor)
        if watched is not None:
            for key in keys:
                _join(watched, key, monitor.id)

    def _known(self, monitor_id: str) -> Monitor:
        monitor = self._monitors.get(monitor_id)
        if monitor is None:
            raise KeyError(f"monitor {monitor_id} is not in the index")
        return monitor

    def _present(self, monitor_id: str) -> Iterator[str]:
        if monitor_id in self._open:
            closed = self._open.pop(monitor_id).done()
            self._members[monitor_id] = closed
        return iter(self._members.get(monitor_id) or ())

    def _opened(self, monitor_id: str) -> Edit[bool]:
        if monitor_id not in self._open:
            members = self._members.get(monitor_id)
            if not isinstance(members, Layers):
                members = Layers.of(members or (), True)
            self._open[monitor_id] = members.edit()
        return self._open[monitor_id]

    def _add(self, monitor: Monitor, keys: Iterable[str]) -> None:
        members, watched = self._opened(monitor.id), self._watched(monitor)
        for key in keys:
            if members.get(key) is None:
                members[key] = True
                if watched is not None:
                    _join(watched, key, monitor.id)

    def _remove(self, monitor: Monitor, keys: Iterable[str]) -> None:
        members, watched = self._opened(monitor.id), self._watched(monitor)
        for key in keys:
            if members.pop(key) is not None and watched is not None:
                _part(watched, key, monitor.id)

    def _watched(self, monitor: Monitor) -> Edit[Ids] | None:
        """Where its addresses are looked up. A monitor that watches everything keeps those that it
        has, and is not found by them."""
        if monitor.is_watching_everything:
            return None
        if isinstance(monitor.kind, BuiltinKind):
            return self._parties
        return self._topics if isinstance(monitor.kind, LogKind) else self._accounts

    def _enter(self, monitor: Monitor) -> None:
        self._count(monitor, 1)
        for edit, key in self._everything(monitor):
            _join(edit, key, monitor.id)

    def _leave(self, monitor: Monitor) -> None:
        self._count(monitor, -1)
        for edit, key in self._everything(monitor):
            _part(edit, key, monitor.id)

    def _count(self, monitor: Monitor, change: int) -> None:
        """Of kinds that are looked for by addresses in the data of their logs."""
        kind = monitor.kind
        if isinstance(kind, EventKind) and kind.data_places and not monitor.is_watching_everything:
            topic = kind.event.topic
            kinds = dict(self._data_topics.get(topic) or {})
            kinds[kind] = kinds.get(kind, 0) + change
            kinds = {one: count for one, count in kinds.items() if count}
            if kinds:
                self._data_topics[topic] = kinds
            else:
                self._data_topics.pop(topic)

    def _everything(self, monitor: Monitor) -> Iterator[tuple[Edit[Ids], str]]:
        """Where it is found if it watches everything."""
        if not monitor.is_watching_everything:
            return
        kind = monitor.kind
        if isinstance(kind, BuiltinKind):
            for pattern in kind.keys:
                yield self._own, pattern
        elif monitor.contracts is not None:
            edit = self._contracts if isinstance(kind, LogKind) else self._called
            for contract in monitor.contracts:
                yield edit, contract
        elif isinstance(kind, LogKind):
            for topic in kind.topics:
                yield self._anywhere, topic
        elif isinstance(kind, FunctionKind):
            yield self._anywhere, kind.function.selector
        else:
            yield self._anywhere, NATIVE_KEY


def _key(monitor: Monitor, address: str) -> str:
    """An address as its blocks have it."""
    if len(address) != 42 or not address.startswith("0x"):
        raise ValueError(f"no address: {address!r}")
    return topic_of(address) if isinstance(monitor.kind, LogKind) else address


def _place(monitor: Monitor) -> tuple[Any, ...]:
    """Monitors with the same one are found in the same places."""
    everything = monitor.contracts if monitor.is_watching_everything else None
    return monitor.kind, monitor.is_watching_everything, everything


def _join(edit: Edit[Ids], key: str, monitor_id: str) -> None:
    ids = edit.get(key)
    # in their order, so that a block's matches always come in the same
    edit[key] = monitor_id if ids is None else tuple(sorted((*each(ids), monitor_id)))


def _part(edit: Edit[Ids], key: str, monitor_id: str) -> None:
    rest = tuple(one for one in each(edit.get(key)) if one != monitor_id)
    if not rest:
        edit.pop(key)
    else:
        edit[key] = rest[0] if len(rest) == 1 else rest
