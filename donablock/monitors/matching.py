"""Blocks against monitors: no database, no clock, the same block and index always give the same.

A block is first looked at as a whole. Its topics, senders and receivers become sets, and what is
watched of them is found in a few steps in C. Only the logs and transactions in which something is
watched are read at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from donablock.chain.blocks import Block, Log, Transaction
from donablock.errors import ConditionError, DefinitionError
from donablock.monitors.abi import MalformedError
from donablock.monitors.builtin import BuiltinKind, Contracts, Own, keys_of, own_logs
from donablock.monitors.categories import (
    TRANSFER_BATCH,
    ZERO_ADDRESS,
    FunctionKind,
    LogKind,
    NativeKind,
    context,
)
from donablock.monitors.conditions import UNDEFINED
from donablock.monitors.ids import FUNCTION, NATIVE, match_id
from donablock.monitors.index import NATIVE_KEY, Ids, Index, each
from donablock.monitors.monitor import NOTHING, Monitor, Program

__all__ = ["Hit", "Tally", "match_block"]


class Hit(Struct, frozen=True, gc=False):
    """One thing that one monitor looked for, seen from one address.

    log: None for native transfers and calls; log_index is then NATIVE or FUNCTION. element: which
    part of a batch, from 0; None if there is no batch. address: the watched one; for a monitor that
    watches everything the contract, or the sender of a native transfer, and direction is "all".
    values: of the kind's own fields. key, measure: what it is to the monitor's window.
    """

    id: bytes
    monitor: Monitor
    block: Block
    transaction: Transaction
    log: Log | None
    log_index: int
    element: int | None
    address: str
    direction: str
    values: tuple[Any, ...]
    key: bytes = b""
    measure: int = 0


@dataclass(slots=True)
class Tally:
    """What did not match for a reason that somebody should know.

    malformed: logs and calls whose data is not of the form that their category asks for, by
    category; counted only where a monitor would have looked at them. undefined: how often a
    monitor's condition had no value (a division by zero, a missing item). broken: monitors whose
    condition cannot be read any more.
    """

    malformed: Counter[str] = field(default_factory=Counter)
    undefined: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)


def match_block(
    block: Block, index: Index, tally: Tally | None = None, own: Contracts | None = None
) -> list[Hit]:
    """Everything that the monitors look for in a block, in the block's order. Raises nothing,
    whatever a contract logged or somebody sent; `tally` counts what was passed over. own: our
    contracts; those that have no part in the block may be left out."""
    run = _Run(block, index, tally or Tally())
    if index.accounts or index.called or index.anywhere:
        run.transactions()
    found = len(run.hits)
    if index.topics or index.anywhere or index.data_topics or index.contracts:
        run.logs()
    is_mixed = 0 < found < len(run.hits)
    if own and index.is_of_ours:
        found = len(run.hits)
        run.own(own)
        is_mixed |= 0 < found < len(run.hits)
    if is_mixed:
        run.hits.sort(key=_place)
    return run.hits


def _place(hit: Hit) -> tuple[int, int]:
    # stable: what has the same place stays in the order in which it was found
    return hit.transaction.index, hit.log_index


# a monitor, the address that it is for, and the direction
_Candidate = tuple[Monitor, str, str]


class _Run:
    """One block's matching."""

    def __init__(self, block: Block, index: Index, tally: Tally) -> None:
        self.hits: list[Hit] = []
        self._block = block
        self._index = index
        self._tally = tally
        # of the transaction that was looked at last
        self._transaction: Transaction | None = None
        self._context: tuple[Any, ...] = ()
        self._input: bytes | None = None
        # topics and contracts of the block that are in the index
        self._hot: set[str] = set()
        self._contracts: set[str] = set()

    # --- transactions -----------------------------------------------------------------------------

    def transactions(self) -> None:
        index, transactions = self._index, self._block.transactions
        senders = {one.sender for one in transactions}
        # a transaction that makes a contract pays it
        receivers = {to for one in transactions if (to := one.to or one.created) is not None}
        accounts = index.accounts.among(senders | receivers)
        called = index.called.among(receivers) if index.called else set()
        selectors = index.anywhere.among({one.input[:10] for one in transactions})
        is_native = NATIVE_KEY in index.anywhere
        if not (accounts or called or selectors or is_native):
            return
        for one in transactions:
            is_hot = one.sender in accounts or (one.to or one.created) in accounts
            is_hot = is_hot or one.to in called
            if is_hot or is_native or one.input[:10] in selectors:
                self._one_transaction(one)

    def _one_transaction(self, transaction: Transaction) -> None:
        calls: dict[FunctionKind, list[_Candidate]] = {}
        transfers: list[_Candidate] = []
        for candidate in self._parties(transaction):
            kind = candidate[0].kind
            if isinstance(kind, FunctionKind):
                calls.setdefault(kind, []).append(candidate)
            elif isinstance(kind, NativeKind):
                transfers.append(candidate)
        for function, candidates in calls.items():
            self._call(transaction, function, candidates)
        # a failed transaction moved nothing
        if transfers and transaction.is_success and (amount := transaction.amount):
            receiver = transaction.to or transaction.created or ZERO_ADDRESS
            values = (transaction.sender, receiver, amount)
            self._found(transaction, None, NATIVE, [values], transfers)

    def _parties(self, transaction: Transaction) -> Iterator[_Candidate]:
        """Whom a transaction may concern."""
        index, called = self._index, transaction.to
        receiver = called or transaction.created
        yield from self._of(index.accounts.get(transaction.sender), transaction.sender, "out")
        if receiver is not None:
            yield from self._of(index.accounts.get(receiver), receiver, "in")
        if called is not None:
            yield from self._of(index.called.get(called), called, "all")
            yield from self._of(index.anywhere.get(transaction.input[:10]), called, "all")
        yield from self._of(index.anywhere.get(NATIVE_KEY), transaction.sender, "all")

    def _call(
        self, transaction: Transaction, kind: FunctionKind, candidates: list[_Candidate]
    ) -> None:
        if transaction.to is None or transaction.input[:10] != kind.function.selector:
            return
        if not transaction.is_success:
            candidates = [one for one in candidates if one[0].definition.includes_failed]
        candidates = [one for one in candidates if _is_of(one[0], transaction.to)]
        if not candidates:
            return
        try:
            values = kind.read(transaction)
        except MalformedError:
            self._tally.malformed[kind.category] += 1
            return
        self._found(transaction, None, FUNCTION, [values], candidates)

    # --- logs -------------------------------------------------------------------------------------

    def logs(self) -> None:
        index, transactions = self._index, self._block.transactions
        topics = {topic for one in transactions for log in one.logs for topic in log.topics}
        hot = self._hot = index.topics.among(topics)
        hot |= index.anywhere.among(topics)
        hot |= index.data_topics.among(topics)
        if index.contracts:
            emitters = {log.address for one in transactions for log in one.logs}
            self._contracts = index.contracts.among(emitters)
        contracts, is_cold = self._contracts, hot.isdisjoint
        if hot or contracts:
            for one in transactions:
                for log in one.logs:
                    if not is_cold(log.topics) or log.address in contracts:
                        self._log(one, log)

    def _log(self, transaction: Transaction, log: Log) -> None:
        kinds: dict[LogKind, list[_Candidate]] = {}
        seen: set[tuple[str, str, str]] = set()
        for candidate in self._concerned(log):
            monitor, address, direction = candidate
            # an address may stand in several arguments of one event
            if (monitor.id, address, direction) in seen or not _is_of(monitor, log.address):
                continue
            seen.add((monitor.id, address, direction))
            assert isinstance(monitor.kind, LogKind)
            kinds.setdefault(monitor.kind, []).append(candidate)
        for kind, candidates in kinds.items():
            try:
                read = kind.read(log)
            except MalformedError:
                self._tally.malformed[kind.category] += 1
                continue
            self._found(transaction, log, log.index, read, candidates)

    def _concerned(self, log: Log) -> Iterator[_Candidate]:
        """Whom a log may concern."""
        index, topics = self._index, log.topics
        if not topics:
            return
        for place, topic in enumerate(topics):
            if place and topic in self._hot:
                ids = index.topics.get(topic)
                for monitor, address, _ in self._of(ids, "0x" + topic[26:], "all"):
                    kind = monitor.kind
                    if isinstance(kind, LogKind) and kind.takes(topics) and place in kind.places:
                        direction = kind.places[place]
                        if monitor.direction in ("all", direction):
                            yield monitor, address, direction
        if topics[0] in self._hot:
            yield from self._in_data(log)
            yield from self._of_kind(index.anywhere.get(topics[0]), log)
        if log.address in self._contracts:
            yield from self._of_kind(index.contracts.get(log.address), log)

    def _in_data(self, log: Log) -> Iterator[_Candidate]:
        """Those whose addresses stand in the data of an event."""
        for kind in self._index.data_topics.get(log.topics[0]) or ():
            if kind.takes(log.topics):
                for place in kind.data_places:
                    word = "0x" + log.data[place : place + 64]
                    ids = self._index.topics.get(word)
                    for candidate in self._of(ids, "0x" + word[26:], "all"):
                        if candidate[0].kind is kind:
                            yield candidate

    def _of_kind(self, ids: Ids | None, log: Log) -> Iterator[_Candidate]:
        """Those who watch everything, and logs of this kind."""
        for candidate in self._of(ids, log.address, "all"):
            kind = candidate[0].kind
            if isinstance(kind, LogKind) and kind.takes(log.topics):
                yield candidate

    # --- our own contracts ------------------------------------------------------------------------

    def own(self, known: Contracts) -> None:
        for own in own_logs(self._block, known):
            if own.event is None:
                continue
            # an address may stand in several arguments, and an event be of several patterns
            kinds: dict[BuiltinKind, dict[tuple[str, str], _Candidate]] = {}
            try:
                for candidate in self._of_own(own):
                    monitor, address, _ = candidate
                    kind = monitor.kind
                    assert isinstance(kind, BuiltinKind)
                    if kind.takes(own) and _is_of(monitor, own.log.address):
                        kinds.setdefault(kind, {})[monitor.id, address] = candidate
                for kind, candidates in kinds.items():
                    read = [kind.read(own)]
                    found = list(candidates.values())
                    self._found(own.transaction, own.log, own.log.index, read, found)
            except MalformedError:
                self._tally.malformed["donablock"] += 1

    def _of_own(self, own: Own) -> Iterator[_Candidate]:
        """Whom a log of one of our contracts may concern."""
        assert own.event is not None
        index = self._index
        if index.parties:
            for address in own.parties:
                yield from self._of(index.parties.get(address), address, "all")
        if index.own:
            for pattern in keys_of(own.contract, own.event.name):
                yield from self._of(index.own.get(pattern), own.log.address, "all")

    # --- both -------------------------------------------------------------------------------------

    def _of(self, ids: Ids | None, address: str, direction: str) -> Iterator[_Candidate]:
        """The monitors that look at this block."""
        if ids is None:
            return
        for monitor_id in each(ids):
            monitor = self._index.monitors.get(monitor_id)
            if monitor is not None and monitor.active_from <= self._block.number:
                if "all" in (direction, monitor.direction) or direction == monitor.direction:
                    yield monitor, address, direction

    def _found(
        self,
        transaction: Transaction,
        log: Log | None,
        place: int,
        read: Sequence[tuple[Any, ...]],
        candidates: Sequence[_Candidate],
    ) -> None:
        """Asks the conditions, once for each thing that was read."""
        block = self._block
        is_batch = log is not None and log.topics[0] == TRANSFER_BATCH
        for at, own in enumerate(read):
            element = at if is_batch else None
            values: tuple[Any, ...] | None = None
            for monitor, address, direction in candidates:
                key, measure = b"", 0
                program = self._program(monitor)
                if program is not NOTHING:
                    if program is None:
                        continue
                    if values is None:
                        values = own + self._context_of(transaction)
                    given = values
                    if program.reads_input:
                        given = (*values, self._input_of(transaction))
                    try:
                        if program.test is not None and not program.test(given):
                            continue
                        if program.window is not None:
                            key = program.window.group(given, address)
                            measure = program.window.measure(given)
                    except UNDEFINED:
                        self._tally.undefined[monitor.id] += 1
                        continue
                id_ = match_id(
                    block.chain_id,
                    block.hash,
                    transaction.hash,
                    place,
                    monitor.id,
                    address,
                    direction,
                    element,
                )
                self.hits.append(
                    Hit(
                        id_,
                        monitor,
                        block,
                        transaction,
                        log,
                        place,
                        element,
                        address,
                        direction,
                        own,
                        key,
                        measure,
                    )
                )

    def _program(self, monitor: Monitor) -> Program | None:
        try:
            return monitor.program
        except (ConditionError, DefinitionError):
            self._tally.broken[monitor.id] += 1
            return None

    def _context_of(self, transaction: Transaction) -> tuple[Any, ...]:
        if self._transaction is not transaction:
            self._transaction = transaction
            self._context = context(self._block, transaction)
            self._input = None
        return self._context

    def _input_of(self, transaction: Transaction) -> bytes:
        """After `_context_of`."""
        if self._input is None:
            try:
                self._input = bytes.fromhex(transaction.input[2:])
            except ValueError:
                self._input = b""
        return self._input


def _is_of(monitor: Monitor, contract: str) -> bool:
    return monitor.contracts is None or contract in monitor.contracts
