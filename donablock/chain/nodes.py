"""Several nodes of one chain as one source of blocks.

    async with Nodes(chain_of(56), urls) as nodes:
        head = await nodes.head()
        block = await nodes.block(head)
        async for block in nodes.blocks(range(start, head.number + 1)): ...

A node that fails, lags, lies or limits is passed over within the same call, and tried again later.
What comes from here was checked (donablock/chain/checks.py). Where no node gives a right answer,
the error names what each did.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from donablock.chain.backfill import PartSize, read_ahead
from donablock.chain.blocks import Block, BlockRef
from donablock.chain.chains import Chain
from donablock.chain.failover import ask_in_turn
from donablock.chain.faults import Fault, LagFault, LieFault, NodesFailedError, RateFault
from donablock.chain.heads import Heads
from donablock.chain.health import NodeHealth
from donablock.chain.peer import Peer
from donablock.chain.rpc import Limits, Rpc
from donablock.errors import BlockGoneError, InputError

__all__ = ["ChainHealth", "Nodes"]

T = TypeVar("T")

# seconds for which what the last look at the head told is taken for true; at least this, or twice
# the chain's interval
_FRESH = 2.0
# seconds after which the next node is asked beside one that has not answered
_PATIENCE = 2.0
# seconds to wait for a node that rests or is paused, where there is no other
_WAIT, _BACKFILL_WAIT = 2.0, 60.0
# rounds over all nodes before a part of a backfill is given up
_ROUNDS = 3
_MOST_PARTS = 8
_READY_AFTER = 60.0


@dataclass(frozen=True)
class ChainHealth:
    """One chain in plain numbers. `why` says what is wrong where `is_ready` is False.

    head, timestamp: of the newest block, unix seconds; seen: seconds since a node last told of a
    head, None if none ever did.
    """

    chain_id: int
    name: str
    is_ready: bool
    why: str
    head: int | None
    timestamp: int | None
    seen: float | None
    nodes: tuple[NodeHealth, ...]


class Nodes:
    """A BlockSource. Belongs to the event loop in which it is first used."""

    def __init__(
        self,
        chain: Chain,
        urls: Sequence[str],
        limits: Limits | None = None,
        *,
        patience: float = _PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """patience: seconds for one node before the next is asked too.

        Raises InputError for no URL at all, and for one that is none.
        """
        if not urls:
            raise InputError(f"chain {chain.chain_id} ({chain.name}) has no node; name a URL")
        self.chain = chain
        self._clock = clock
        self._patience = patience
        self._peers = [Peer(Rpc(url, limits, clock=clock), chain, clock=clock) for url in urls]
        self._heads = Heads(chain)
        self._choosing = asyncio.Lock()
        self._seen_at = float("-inf")

    @property
    def chain_id(self) -> int:
        return self.chain.chain_id

    # --- the source of blocks -----------------------------------------------------------------

    async def head(self) -> BlockRef:
        """The newest block, asked for anew. It can be lower than the last one."""
        async with self._choosing:
            ready = await self._ready(_WAIT)
            if not ready:
                raise NodesFailedError(f"the head of {self.chain.name}", self._excuses())
            head = await self._heads.choose(ready)
            self._seen_at = self._clock()
            return head

    async def ref(self, number: int) -> BlockRef | None:
        """The canonical block of this height, None if there is none yet."""
        tip = self._heads.window.tip
        if tip is not None and self._clock() - self._seen_at < self._fresh:
            known = self._heads.window.at(number)
            if known is not None or number > tip.number:
                return known

        async def ask(peer: Peer) -> BlockRef | None:
            (found,) = await peer.refs([number])
            if isinstance(found, Fault):
                raise found
            if found is None and peer.head is not None and peer.head.number >= number:
                raise self._noted(peer, LagFault(f"does not give block {number}, below its head"))
            return found

        return await self._asked(f"block {number}", ask)

    async def ref_by_hash(self, hash: str) -> BlockRef | None:
        """Canonical or not; None where no node knows it (any more)."""
        return await self._asked(f"block {hash}", lambda peer: peer.ref_by_hash(hash))

    async def block(self, block: BlockRef | str) -> Block:
        """The whole block, asked for by hash. Raises BlockGoneError where no node knows it."""
        hash = block if isinstance(block, str) else block.hash

        async def ask(peer: Peer) -> Block | None:
            found = await peer.block(hash)
            if isinstance(block, str):
                return found
            if found is None:
                await self._check_gone(peer, block)
            elif found.ref != block:
                raise self._noted(peer, LieFault("wrong_parent", f"gave another block for {hash}"))
            return found

        found = await self._asked(f"block {hash}", ask)
        if found is None:
            raise BlockGoneError(hash)
        return found

    async def blocks(self, numbers: range) -> AsyncGenerator[Block, None]:
        """Whole blocks in order, read ahead, each the child of the one before."""
        if numbers.step != 1:
            raise InputError("blocks are read one after another; give a range of step 1")
        size = PartSize()
        before: Block | None = None

        async def fetch(part: range) -> list[Block]:
            found = await self._fetch(part)
            size.weighed(found)
            return found

        parts = min(_MOST_PARTS, max(2, sum(peer.rpc.pace.concurrency for peer in self._peers)))
        reading = read_ahead(fetch, numbers, size, parts)
        try:
            async for block in reading:
                if before is not None and block.parent != before.hash:
                    block = await self._child(before)
                yield block
                before = block
        finally:
            await reading.aclose()

    # --- its state ----------------------------------------------------------------------------

    def health(self) -> ChainHealth:
        """What is known now; asks nobody."""
        nodes = tuple(self._health_of(peer) for peer in self._peers)
        tip = self._heads.window.tip
        seen = None if tip is None else self._clock() - self._seen_at
        limit = max(_READY_AFTER, 10 * self.chain.poll_seconds)
        if seen is None:
            why = "no node has told of a head yet"
        elif seen > limit:
            why = f"no node has told of a head for {seen:.0f} s"
        elif not any(node.state == "asked" for node in nodes):
            why = "; ".join(f"{node.name} is {node.state} ({node.why})" for node in nodes)
        else:
            why = ""
        return ChainHealth(
            self.chain_id,
            self.chain.name,
            not why,
            why,
            None if tip is None else tip.number,
            None if tip is None else tip.timestamp,
            seen,
            nodes,
        )

    async def aclose(self) -> None:
        await self._heads.aclose()
        for peer in self._peers:
            await peer.aclose()

    async def __aenter__(self) -> Nodes:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"Nodes({self.chain.name}, {', '.join(peer.name for peer in self._peers)})"

    # --- which node is asked ------------------------------------------------------------------

    @property
    def _fresh(self) -> float:
        return max(_FRESH, 2 * self.chain.poll_seconds)

    async def _ready(self, wait: float) -> list[Peer]:
        """Nodes that neither rest nor are paused. Waits so many seconds for one where there is
        none."""
        if not any(self._is_ready(peer) for peer in self._peers):
            soonest = min(max(peer.health.resting, peer.rpc.pace.pause) for peer in self._peers)
            if soonest <= wait:
                await asyncio.sleep(soonest)
        return [peer for peer in self._peers if self._is_ready(peer)]

    @staticmethod
    def _is_ready(peer: Peer) -> bool:
        return not peer.health.resting and not peer.rpc.pace.pause

    async def _order(self, wait: float, *, is_spread: bool = False) -> list[Peer]:
        """Who is asked, best first: agreeing nodes, of these those without recent faults, then the
        one whose head is followed, then the quick. Spread: the least busy first.

        Nodes that lag or are on a fork come only where there is no other.
        """
        ready = [peer for peer in await self._ready(wait) if not peer.health.is_on_other_chain]
        agreeing = [peer for peer in ready if self._heads.standing(peer) is None]

        def rank(peer: Peer) -> tuple[int, bool, float]:
            demerits = round(peer.health.demerits)
            if is_spread:
                return (demerits, False, peer.rpc.pace.load)
            return (demerits, peer is not self._heads.giver, peer.rpc.latency or 0.0)

        return sorted(agreeing or ready, key=rank)

    async def _asked(self, what: str, ask: Callable[[Peer], Awaitable[T | None]]) -> T | None:
        """The first right answer. None where those that answer do not know it."""
        peers = await self._order(_WAIT)
        answer, unknown, faults = await ask_in_turn(peers, ask, patience=self._patience)
        if answer is None and not unknown:
            asked = {fault.node for fault in faults}
            others = [fault for fault in self._excuses() if fault.node not in asked]
            raise NodesFailedError(what, [*faults, *others])
        return answer

    async def _check_gone(self, peer: Peer, block: BlockRef) -> None:
        """A node that does not know the block has another one at its height, or is wrong."""
        (found,) = await peer.refs([block.number])
        if isinstance(found, Fault):
            raise found
        if found is None:
            raise self._noted(peer, LagFault(f"has no block {block.number} yet"))
        if found.hash == block.hash:
            raise self._noted(
                peer, LagFault(f"does not give block {block.number}, which it says is canonical")
            )

    # --- many blocks --------------------------------------------------------------------------

    async def _fetch(self, part: range) -> list[Block]:
        """Each from whichever node gives it."""
        found: dict[int, Block] = {}
        faults: list[Fault] = []
        for _ in range(_ROUNDS):
            faults = []
            for peer in await self._order(_BACKFILL_WAIT, is_spread=True):
                missing = [number for number in part if number not in found]
                if not missing:
                    break
                answers = await peer.blocks(missing)
                for number, answer in zip(missing, answers, strict=True):
                    if isinstance(answer, Block):
                        found[number] = answer
                    elif answer is None:
                        faults.append(self._noted(peer, LagFault(f"has no block {number} yet")))
                    else:
                        faults.append(answer)
            if len(found) == len(part):
                return [found[number] for number in part]
        first = next(number for number in part if number not in found)
        raise NodesFailedError(f"block {first}", _each_once(faults) or self._excuses())

    async def _child(self, before: Block) -> Block:
        """The block after `before`, from any node that has one. Raises BlockGoneError."""
        faults: list[Fault] = []
        for peer in await self._order(_WAIT):
            (found,) = await peer.blocks([before.number + 1])
            if isinstance(found, Block):
                if found.parent == before.hash:
                    return found
            elif isinstance(found, Fault):
                faults.append(found)
        if await self.ref(before.number) == before.ref:
            raise NodesFailedError(f"a child of block {before.number}", _each_once(faults))
        raise BlockGoneError(
            before.hash, f"block {before.number} was replaced while the blocks after it were read"
        )

    # --- what is wrong ------------------------------------------------------------------------

    def _excuses(self) -> list[Fault]:
        """Why each node was not asked."""
        found = []
        for peer in self._peers:
            fault = self._excuse(peer)
            if fault is not None:
                found.append(fault)
        return found

    def _excuse(self, peer: Peer) -> Fault | None:
        health = peer.health
        fault = self._heads.standing(peer)
        if health.is_on_other_chain and health.last is not None:
            return health.last
        if peer.rpc.pace.pause:
            fault = RateFault(f"wants no request for {peer.rpc.pace.pause:.0f} s")
        elif health.resting:
            last = "" if health.last is None else health.last.message
            fault = Fault(f"is left alone for {health.resting:.1f} s after: {last}")
        if fault is not None:
            fault.node = peer.name
        return fault

    @staticmethod
    def _noted(peer: Peer, fault: Fault) -> Fault:
        peer.health.bad(fault)
        return fault

    def _health_of(self, peer: Peer) -> NodeHealth:
        health, pace, head = peer.health, peer.rpc.pace, peer.head
        excuse = self._excuse(peer)
        if health.is_on_other_chain:
            state = "other_chain"
        elif pace.pause:
            state = "paused"
        elif health.resting:
            state = "resting"
        elif excuse is not None:
            state = "lagging" if isinstance(excuse, LagFault) else "forked"
        else:
            state = "asked" if health.is_known else "unknown"
        return NodeHealth(
            name=peer.name,
            state=state,
            why="" if excuse is None else excuse.message,
            head=None if head is None else head.number,
            lag=None if head is None else self._heads.lag(peer),
            latency=peer.rpc.latency,
            resting=health.resting,
            rate=pace.rate,
            concurrency=pace.concurrency,
            under_way=pace.under_way,
            batch=peer.rpc.batch,
            has_block_receipts=peer.receipts.has_lists,
            requests=peer.rpc.requests,
            questions=peer.rpc.questions,
            received=peer.rpc.received,
            faults=dict(health.faults),
        )


def _each_once(faults: Sequence[Fault]) -> list[Fault]:
    """A fault that spoilt many blocks, or was met in every round, is told once."""
    return list({(fault.node, fault.message): fault for fault in faults}.values())
