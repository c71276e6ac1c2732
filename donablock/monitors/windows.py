"""Conditions over a period of block time: sums, counts, and that nothing came.

    sum(value) over 1 hour >= 100 ether
    count over 10 minutes by from > 5
    distinct(from) over 1 day by address >= 3
    none for 2 hours

What counts are the monitor's matches (its condition picks them). After each block a window holds
the matches of the period that ends with the block's time, those in (time - period, time]. They are
looked at group by group: `by address` (the watched one), by the value of an expression, or all in
one. A group fires at a block where the comparison is true and was not after the block before.

Whether it was true after a block follows from the blocks up to there alone. So there is no state
besides the entries that blocks left, each under its block's hash: to take a block back is to remove
its entries, and every later answer is as if the block had never been. `advance` and `retract` are
pure functions of that state; any subset of groups may be given to them, so a database hands over
only those that can have changed (`leaving`). It need not hand over entries either: what fires
follows from two totals of each group (`fire`).

`none for` fires once when the period has passed since the last match. So that it also fires where
none ever came, a beginning is an entry too (`beginnings`).

Block times never fall along a chain: every EVM chain's consensus says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct

from donablock.monitors.conditions import (
    Expression,
    IntegerType,
)
from donablock.monitors.ids import digest

__all__ = [
    "Entry",
    "Firing",
    "Level",
    "State",
    "Window",
    "advance",
    "beginnings",
    "entries_of",
    "fire",
    "forget",
    "leaving",
    "level",
    "retract",
]

Aggregate = Literal["sum", "count", "distinct", "none"]
Operator = Literal["<", "<=", ">", ">="]

MAX_VALUE = 10**78 - 1
"""What an entry may hold: numeric(78, 0)."""

OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True)
class Window:
    """A windowed condition, checked. `period` is in seconds. `of`: what is summed or told apart;
    `by`: what groups, None for one group unless `is_by_address`."""

    aggregate: Aggregate
    of: Expression | None
    period: int
    operator: Operator
    threshold: int
    by: Expression | None = None
    is_by_address: bool = False

    @property
    def text(self) -> str:
        """Its one canonical form."""
        if self.is_by_address:
            group = " by address"
        else:
            group = f" by {self.by.text}" if self.by else ""
        if self.aggregate == "none":
            return f"none for {self.period} seconds{group}"
        what = f"{self.aggregate}({self.of.text})" if self.of else self.aggregate
        return f"{what} over {self.period} seconds{group} {self.operator} {self.threshold}"

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that are read."""
        parts = [one.fields for one in (self.of, self.by) if one is not None]
        return frozenset().union(*parts)

    @cached_property
    def _measure(self) -> Callable[[Sequence[Any]], Any] | None:
        return self.of.value if self.of else None

    @cached_property
    def _group(self) -> Callable[[Sequence[Any]], Any] | None:
        return self.by.value if self.by else None

    def measure(self, values: Sequence[Any]) -> int:
        """What one match adds: a number, or what it is told apart by. Raises UNDEFINED."""
        return 1 if self._measure is None else _as_number(self._measure(values))

    def group(self, values: Sequence[Any], address: str) -> bytes:
        """The key of the group that a match belongs to. Raises UNDEFINED."""
        if self.is_by_address:
            return bytes.fromhex(address[2:])
        return b"" if self._group is None else _as_key(self._group(values))

    @property
    def fires_by_time(self) -> bool:
        """Whether it can come true without a match, as what came before leaves it. If it cannot, a
        block without matches need not be looked at."""
        is_rising = self.operator in (">", ">=")
        if self.aggregate != "sum":
            return not is_rising
        type_ = self.of.type if self.of else None
        assert isinstance(type_, IntegerType)
        return type_.low < 0 if is_rising else type_.high > 0

    def weight(self, entries: Sequence[Entry]) -> int:
        """What these add to a total, whatever else is in it. Not for `distinct`."""
        if self.aggregate == "none":
            return len(entries)
        return sum(entry.value for entry in entries)

    def is_true(self, total: int) -> bool:
        return OPERATORS[self.operator](total, self.threshold)


def _as_number(value: Any) -> int:
    if isinstance(value, str):
        return int(value, 16)
    return int.from_bytes(value) if isinstance(value, bytes) else int(value)


def _as_key(value: Any) -> bytes:
    """Addresses and bytes as they are; numbers in decimal, true and false as 1 and 0."""
    if isinstance(value, str):
        return bytes.fromhex(value[2:])
    return value if isinstance(value, bytes) else b"%d" % int(value)


# --- what blocks leave ----------------------------------------------------------------------------


class Entry(Struct, frozen=True, gc=False):
    """What one block added to one group: a row of window_entries. `at`: the block's time, in unix
    seconds. `block_hash` is "" for a beginning, which no block can take back. `log_index`: of the
    last match in it."""

    id: bytes
    key: bytes
    at: int
    value: int
    block_number: int
    block_hash: str
    log_index: int


def entries_of(
    window: Window,
    monitor_id: str,
    chain_id: int,
    block: tuple[int, str, int],
    matches: Iterable[tuple[bytes, int, int]],
) -> list[Entry]:
    """What a block adds. block: number, hash and time. matches: (key, measure, log index) of each
    match of the monitor in it, in order.

    Of one group there is one entry, or for `distinct` one for each value; a sum that has more
    digits than a row holds is split.
    """
    number, block_hash, at = block
    totals: dict[tuple[bytes, int], tuple[int, int]] = {}
    parts: dict[bytes, int] = {}
    for key, measure, log_index in matches:
        if window.aggregate == "distinct":
            totals[key, measure] = (measure, log_index)
            continue
        part = parts.get(key, 0)
        value, _ = totals.get((key, part), (0, 0))
        added = measure if window.aggregate == "sum" else 1
        if abs(value + added) > MAX_VALUE:
            part = parts[key] = part + 1
            value = 0
        totals[key, part] = (value + added, log_index)
    return [
        Entry(
            digest(monitor_id, str(chain_id), block_hash, key.hex(), str(part)),
            key,
            at,
            value,
            number,
            block_hash,
            log_index,
        )
        for (key, part), (value, log_index) in totals.items()
    ]


def beginnings(
    window: Window, monitor_id: str, chain_id: int, number: int, at: int, addresses: Iterable[str]
) -> list[Entry]:
    """For `none for`: that the monitor began to look after block `number`, whose time is `at`, one
    entry for each group. addresses: the watched ones, or those that were added."""
    if window.aggregate != "none":
        return []
    keys = [bytes.fromhex(one[2:]) for one in addresses] if window.is_by_address else [b""]
    return [
        Entry(
            digest(monitor_id, str(chain_id), "beginning", key.hex(), str(at)),
            key,
            at,
            0,
            number,
            "",
            -1,
        )
        for key in keys
    ]


# --- the machine ----------------------------------------------------------------------------------


class State(Struct, frozen=True):
    """After a block: its time, and the entries of the groups that are looked at, in the order in
    which blocks added them."""

    at: int = 0
    groups: dict[bytes, tuple[Entry, ...]] = {}

    @classmethod
    def of(cls, at: int, entries: Iterable[Entry]) -> State:
        """Of rows, in the order of their blocks."""
        groups: dict[bytes, list[Entry]] = {}
        for entry in entries:
            groups.setdefault(entry.key, []).append(entry)
        return cls(at, {key: tuple(found) for key, found in groups.items()})


class Level(Struct, frozen=True):
    """The totals of a group: `before` a block, and after it."""

    before: int
    total: int


class Firing(Struct, frozen=True):
    """A window came true for a group. `total` after the block, `before` it."""

    key: bytes
    total: int
    before: int


def leaving(window: Window, before: int, at: int) -> tuple[int, int]:
    """Entries with a time in (first, second] leave the window between two blocks: their groups, and
    those that the new block adds to, are the only ones that can fire."""
    return before - window.period, at - window.period


def level(window: Window, entries: Sequence[Entry], at: int) -> int:
    """The total of a group at a time."""
    start = at - window.period
    inside = [entry for entry in entries if start < entry.at <= at]
    if window.aggregate == "distinct":
        return len({entry.value for entry in inside})
    return window.weight(inside)


def advance(
    window: Window, state: State, at: int, entries: Sequence[Entry]
) -> tuple[State, list[Firing]]:
    """The next block: the state after it, and what fires at it, by key.

    state: of each group in it, all entries since state.at - period. at: the block's time. entries:
    what it adds (`entries_of`).
    """
    added = State.of(at, entries).groups
    low, high = leaving(window, state.at, at)
    changed = added.keys() | {
        key for key, found in state.groups.items() if any(low < entry.at <= high for entry in found)
    }
    groups = dict(state.groups)
    levels = {}
    for key in changed:
        old = state.groups.get(key, ())
        new = groups[key] = old + added.get(key, ())
        levels[key] = Level(level(window, old, state.at), level(window, new, at))
    return State(at, groups), fire(window, levels)


def fire(window: Window, levels: Mapping[bytes, Level]) -> list[Firing]:
    """What fires at a block, by key. levels: of the groups that the block can change."""
    return [
        Firing(key, found.total, found.before)
        for key, found in sorted(levels.items())
        if window.is_true(found.total) and not window.is_true(found.before)
    ]


def retract(state: State, block_hash: str, parent_at: int) -> State:
    """The state before the last block. parent_at: the time of its parent."""
    return _kept(State(parent_at, state.groups), lambda entry: entry.block_hash != block_hash)


def forget(window: Window, state: State, final_at: int) -> State:
    """Without entries that no block can need any more. final_at: the time of the oldest block that
    may still be taken back, or of one before it."""
    return _kept(state, lambda entry: entry.at > final_at - window.period)


def _kept(state: State, is_kept: Callable[[Entry], bool]) -> State:
    groups: Mapping[bytes, tuple[Entry, ...]] = {
        key: tuple(filter(is_kept, entries)) for key, entries in state.groups.items()
    }
    return State(state.at, {key: entries for key, entries in groups.items() if entries})
