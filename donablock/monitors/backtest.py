"""What a monitor would have found in a range of blocks, without writing anything.

    monitor = prepared(spec)
    result = await backtest(source, monitor, addresses, 18_000_000, 18_004_999)

It counts what the matcher would have written of a monitor that had been there since the first of
these blocks: matches, or where the monitor has a window the times that it came true. The range is
read from the nodes, so a call has limits; one that is met leaves a result that is right as far as
it goes, and says how far that is.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from donablock.chain.blocks import Block
from donablock.chain.chains import load_chains
from donablock.chain.source import BlockSource
from donablock.errors import BlockGoneError, InputError, NodeError
from donablock.monitors import windows
from donablock.monitors.builtin import Contracts, Known, created
from donablock.monitors.index import Index
from donablock.monitors.matching import Hit, Tally, match_block
from donablock.monitors.monitor import Definition, Monitor, definition_of
from donablock.monitors.payloads import Names, firing_payload, payload
from donablock.monitors.windows import Entry, Firing, State, Window

__all__ = ["UNSAVED", "Backtest", "Limits", "backtest", "prepared"]

UNSAVED = "mo_" + "0" * 16
"""The id of a monitor that was never saved, in the samples."""

_RETRIES = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one backtest. blocks: that may be asked for; matches, seconds: after which it stops;
    samples: of the first matches; addresses: with the most matches."""

    blocks: int = 10_000
    matches: int = 100_000
    seconds: float = 20.0
    samples: int = 10
    addresses: int = 100


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was found in the blocks from_block to scanned_to, both included; none where scanned_to
    is below from_block.

    count: matches, or times that a window came true. by_address: of the addresses with the most,
    the most first; empty where a window does not count by address. first_block, last_block: with a
    match. samples: payloads, as `matches.payload` has them. malformed, undefined: what could not be
    judged (matching.Tally). stopped_because: "" if the whole range was looked at.
    """

    from_block: int
    to_block: int
    scanned_to: int
    count: int
    by_address: dict[str, int]
    first_block: int | None
    last_block: int | None
    samples: tuple[bytes, ...]
    malformed: int
    undefined: int
    stopped_because: str

    @property
    def is_truncated(self) -> bool:
        return bool(self.stopped_because)

    @property
    def scanned(self) -> int:
        """Blocks."""
        return self.scanned_to - self.from_block + 1


def prepared(asked: Any) -> Monitor:
    """The monitor that the matcher would have, of a registry.MonitorRow or a registry.MonitorSpec.
    It looks at every block. Raises DefinitionError, ConditionError."""
    kept = getattr(asked, "definition", None)
    if kept is None:
        values = {name: getattr(asked, name) for name in Definition.__struct_fields__}
        kept = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }
    return Monitor(
        getattr(asked, "id", UNSAVED),
        asked.category,
        definition_of(kept),
        direction=asked.direction,
        endpoint_id=asked.endpoint_id,
        tags=tuple(asked.tags),
    )


async def backtest(
    source: BlockSource,
    monitor: Monitor,
    addresses: Iterable[str],
    from_block: int,
    to_block: int,
    *,
    limits: Limits | None = None,
    chain: str | None = None,
    names: Names | None = None,
    own: Contracts | None = None,
) -> Backtest:
    """from_block, to_block: both included. addresses: 0x and 40 digits in lower case. chain: its
    name in the samples, that of config/chains.json if it is not given. own: our contracts on it
    (deployed.contracts_of), for a monitor of these. Raises InputError for a
    range that cannot be looked at, and what `monitor.program` raises; NodeError, BlockGoneError if
    not even its first block can be read."""
    limits = limits or Limits()
    await _check_range(source, from_block, to_block, limits)
    if chain is None:
        known = load_chains().get(source.chain_id)
        chain = known.name if known else str(source.chain_id)
    index = Index.of([(monitor, addresses)])
    deadline = asyncio.get_running_loop().time() + limits.seconds
    for left in reversed(range(_RETRIES)):
        run = _Run(monitor, index, limits, chain, names, dict(own or {}))
        try:
            await run.look(source, from_block, to_block, deadline)
        except BlockGoneError:
            # the chain was reorganised while it was read: what was found may be of a lost block
            if not left:
                raise
            continue
        break
    return run.result(from_block, to_block)


async def _check_range(source: BlockSource, from_block: int, to_block: int, limits: Limits) -> None:
    if not 0 <= from_block <= to_block:
        raise InputError(
            f"blocks {from_block} to {to_block} are no range; the first is 0 or more, and the last"
            " is not below it"
        )
    if to_block - from_block >= limits.blocks:
        raise InputError(
            f"a backtest looks at {limits.blocks:,} blocks at most; ask for {from_block} to"
            f" {from_block + limits.blocks - 1}, and then for those after it"
        )
    head = (await source.head()).number
    if to_block > head:
        raise InputError(f"there is no block {to_block} yet; the newest is {head}")


@dataclass
class _Run:
    """One look at the range."""

    monitor: Monitor
    index: Index
    limits: Limits
    chain: str
    names: Names | None
    own: dict[str, Known]
    tally: Tally = field(default_factory=Tally)
    count: int = 0
    found: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None
    samples: list[bytes] = field(default_factory=list)
    scanned_to: int | None = None
    stopped: str = ""

    async def look(
        self, source: BlockSource, from_block: int, to_block: int, deadline: float
    ) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                rolling = await self._rolling(source, from_block)
                async for block in source.blocks(range(from_block, to_block + 1)):
                    self._one(block, rolling)
                    self.scanned_to = block.number
                    if self.count >= self.limits.matches and block.number < to_block:
                        self.stopped = f"{self.count:,} matches were found up to there"
                        return
                    # blocks that were read ahead come without a pause for others
                    await asyncio.sleep(0)
        except TimeoutError:
            self.stopped = f"it took longer than {self.limits.seconds:g} seconds"
        except NodeError as error:
            if self.scanned_to is None:
                raise
            self.stopped = str(error)

    async def _rolling(self, source: BlockSource, from_block: int) -> _Rolling | None:
        window = self.monitor.program.window
        if window is None:
            return None
        before = await source.ref(from_block - 1) if from_block else None
        if before is None:
            first = await source.ref(from_block)
            if first is None:
                raise NodeError(f"no node gives block {from_block}; try again later")
            at = first.timestamp
        else:
            at = before.timestamp
        begun = windows.beginnings(
            window,
            self.monitor.id,
            source.chain_id,
            from_block - 1,
            at,
            self.index.addresses_of(self.monitor.id),
        )
        return _Rolling(window, at, begun)

    def _one(self, block: Block, rolling: _Rolling | None) -> None:
        self.own.update(created(block, self.own))
        hits = match_block(block, self.index, self.tally, self.own)
        if rolling is None:
            for hit in hits:
                self._found(block, hit.address)
                if len(self.samples) < self.limits.samples:
                    self.samples.append(payload(hit, self.chain, self.names))
            return
        for firing in rolling.advance(self.monitor.id, block, hits):
            is_by_address = rolling.window.is_by_address
            self._found(block, "0x" + firing.key.hex() if is_by_address else None)
            if len(self.samples) < self.limits.samples:
                last = next((hit for hit in reversed(hits) if hit.key == firing.key), None)
                self.samples.append(firing_payload(block, self.monitor, firing, self.chain, last))

    def _found(self, block: Block, address: str | None) -> None:
        self.count += 1
        self.first = block.number if self.first is None else self.first
        self.last = block.number
        if address is not None:
            self.found[address] += 1

    def result(self, from_block: int, to_block: int) -> Backtest:
        most = sorted(self.found.items(), key=lambda one: (-one[1], one[0]))
        return Backtest(
            from_block,
            to_block,
            from_block - 1 if self.scanned_to is None else self.scanned_to,
            self.count,
            dict(most[: self.limits.addresses]),
            self.first,
            self.last,
            tuple(self.samples),
            self.tally.malformed.total(),
            self.tally.undefined.total(),
            self.stopped,
        )


class _Rolling:
    """A window along blocks of which none is taken back. Only groups that a block can change are
    looked at, and only what still counts is kept."""

    def __init__(self, window: Window, at: int, entries: Sequence[Entry]) -> None:
        self.window = window
        self._at = at
        self._groups: dict[bytes, tuple[Entry, ...]] = {}
        self._leaving: deque[tuple[int, bytes]] = deque()
        for entry in entries:
            self._groups[entry.key] = (*self._groups.get(entry.key, ()), entry)
            self._leaving.append((entry.at, entry.key))

    def advance(self, monitor_id: str, block: Block, hits: Sequence[Hit]) -> list[Firing]:
        at = block.timestamp
        entries = windows.entries_of(
            self.window,
            monitor_id,
            block.chain_id,
            (block.number, block.hash, at),
            [(hit.key, hit.measure, hit.log_index) for hit in hits],
        )
        _, high = windows.leaving(self.window, self._at, at)
        keys = {entry.key for entry in entries}
        while self._leaving and self._leaving[0][0] <= high:
            keys.add(self._leaving.popleft()[1])
        state = State(self._at, {key: self._groups.get(key, ()) for key in keys})
        after, firings = windows.advance(self.window, state, at, entries)
        for key, group in windows.forget(self.window, after, at).groups.items():
            self._groups[key] = group
            keys.discard(key)
        for key in keys:
            self._groups.pop(key, None)
        self._leaving.extend((entry.at, entry.key) for entry in entries)
        self._at = at
        return firings
