"""Our own contracts, as monitors and projections see them: which logs of a block are theirs, and
the category "donablock" that looks for these.

A contract is ours because the manifest of its chain names it, or because a factory of ours said so
in a log before (CampaignCreated): never for what it logs itself. So a stranger's contract with the
same events is not taken for ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from donablock.chain.blocks import Block, Log, Transaction
from donablock.errors import DefinitionError
from donablock.monitors.abi import EventAbi, MalformedError
from donablock.monitors.categories import LOG_FIELDS, Kind, argument_fields
from donablock.monitors.conditions import ADDRESS, STRING, SchemaField
from donablock.monitors.conditions.lexer import show
from donablock.monitors.conditions.names import meant
from donablock.monitors.interfaces import FACTORIES, interfaces

__all__ = [
    "EVERYTHING",
    "FIXED",
    "MAX_EVENTS",
    "BuiltinKind",
    "Contracts",
    "Known",
    "Own",
    "builtin_kind",
    "created",
    "keys_of",
    "own_logs",
]

FIXED = -1
"""In place of a block: the manifest names the contract."""

MAX_EVENTS = 100
"""Events and patterns that one monitor names."""

EVERYTHING = "*.*"
"""Every event of every contract, as a pattern."""

_PATTERN = re.compile(r"([A-Za-z0-9_]+|\*)\.([A-Za-z0-9_]+|\*)", re.ASCII)


# --- which logs are ours --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """One of our contracts. `since`: the block in which it was made, or FIXED."""

    contract: str
    since: int = FIXED


Contracts = Mapping[str, Known]
"""Ours of one chain, by address. Those made in a block, or after it, are passed over when that
block is read: the block itself tells of what is made in it."""


@dataclass(frozen=True)
class Own:
    """A log of one of our contracts. `event` is None for a log that is none of its events."""

    transaction: Transaction
    log: Log
    contract: str
    event: EventAbi | None

    @cached_property
    def arguments(self) -> tuple[Any, ...]:
        """Raises MalformedError."""
        assert self.event is not None
        return self.event.decode(self.log.topics, self.log.data)

    @property
    def parties(self) -> Iterator[str]:
        """Addresses among the arguments, those within arrays and tuples left out."""
        assert self.event is not None
        for one, value in zip(self.event.parameters, self.arguments, strict=True):
            if one.type == ADDRESS:
                yield value


def own_logs(block: Block, known: Contracts) -> Iterator[Own]:
    """The logs of our contracts in the block's order. known: contracts that are ours."""
    if not known:
        return
    emitters = {log.address for one in block.transactions for log in one.logs}
    # what is made within the block is made by one of these
    if emitters.isdisjoint(known):
        return
    made: dict[str, str] = {}
    for transaction in block.transactions:
        for log in transaction.logs:
            one = known.get(log.address)
            if one is not None and one.since < block.number:
                contract = one.contract
            elif log.address in made:
                contract = made[log.address]
            else:
                continue
            event = interfaces()[contract].topics.get(log.topics[0]) if log.topics else None
            own = Own(transaction, log, contract, event)
            child = _made_by(own)
            if child is not None:
                made[child[0]] = child[1]
            yield own


def created(block: Block, known: Contracts) -> dict[str, Known]:
    """The contracts that factories made in the block, without those that are known."""
    factories = {at: one for at, one in known.items() if one.contract in FACTORIES}
    children = map(_made_by, own_logs(block, factories))
    return {
        child[0]: Known(child[1], block.number)
        for child in children
        if child is not None and child[0] not in known
    }


def _made_by(own: Own) -> tuple[str, str] | None:
    """Address and name of the contract that the log tells of."""
    made = FACTORIES.get(own.contract)
    if made is None or own.event is None or own.event.name != made.event:
        return None
    try:
        return str(own.arguments[0]), made.contract
    except MalformedError:
        return None


# --- the category ---------------------------------------------------------------------------------


class BuiltinKind(Kind):
    """Events of our own contracts. Where it is exactly one, its arguments are fields as those of a
    given ABI are."""

    category = "donablock"

    def __init__(self, patterns: tuple[str, ...]) -> None:
        """patterns: as `builtin_kind` has made sure of. Raises DefinitionError."""
        self.patterns = patterns
        chosen = [one for pattern in patterns for one in _chosen(pattern)]
        self._events = frozenset(chosen)
        arguments: list[SchemaField] = []
        if len(self._events) == 1:
            ((contract, name),) = self._events
            arguments = argument_fields(interfaces()[contract].events[name])
        self._has_arguments = bool(arguments)
        self.fields = (*_NAMES, *arguments, *LOG_FIELDS)

    @property
    def keys(self) -> tuple[str, ...]:
        """By which an index finds it: `keys_of` a log has one of them where it takes the log."""
        return (EVERYTHING,) if EVERYTHING in self.patterns else self.patterns

    def takes(self, own: Own) -> bool:
        return own.event is not None and (own.contract, own.event.name) in self._events

    def read(self, own: Own) -> tuple[Any, ...]:
        """The values of `fields`. Raises MalformedError."""
        assert own.event is not None
        # read in any case: what is told of a match has them
        read = own.arguments
        arguments = read if self._has_arguments else ()
        return (own.contract, own.event.name, *arguments, own.log.address, own.log.index)

    @staticmethod
    def event_of(values: Sequence[Any]) -> tuple[str, EventAbi]:
        """The contract and the event that `read` gave the values of."""
        contract, name = values[:2]
        return contract, interfaces()[contract].events[name]


_NAMES = (
    SchemaField("event.contract", STRING, "the name of our contract that the log is of"),
    SchemaField("event.name", STRING, "the name of the event"),
)


def keys_of(contract: str, event: str) -> tuple[str, ...]:
    """The patterns that this event is of."""
    return f"{contract}.{event}", f"{contract}.*", f"*.{event}", EVERYTHING


def builtin_kind(events: tuple[str, ...]) -> BuiltinKind:
    """events: `Giving.Donated`, `Giving.*`, `*.Claimed`; none means all. Raises DefinitionError."""
    if len(events) > MAX_EVENTS:
        raise DefinitionError(f"at most {MAX_EVENTS} events; `Giving.*` are all of a contract")
    return _kind(tuple(sorted(set(events))) or (EVERYTHING,))


@lru_cache(maxsize=1_024)
def _kind(patterns: tuple[str, ...]) -> BuiltinKind:
    return BuiltinKind(patterns)


def _chosen(pattern: str) -> Iterator[tuple[str, str]]:
    """The events of a pattern: (contract, name)."""
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        raise DefinitionError(
            f"{show(pattern)} names no event; write `Giving.Donated`, or `Giving.*` for all of a "
            "contract"
        )
    contract, name = match.groups()
    ours = interfaces()
    if contract != "*" and contract not in ours:
        raise DefinitionError(f"we have no contract {show(contract)}; {meant(contract, ours)}")
    of = [ours[contract]] if contract != "*" else list(ours.values())
    names = {event for one in of for event in one.events}
    if name != "*" and name not in names:
        whose = f"{contract} has" if contract != "*" else "our contracts have"
        raise DefinitionError(f"{whose} no event {show(name)}; {meant(name, sorted(names))}")
    for one in of:
        for event in one.events:
            if name in ("*", event):
                yield one.contract, event
