"""Which of the heads that nodes tell of is followed.

The highest one whose parents lead to what is known: to the chain followed so far, or to another
node's head. Then nodes that are too far behind it, or on a fork, are passed over until they agree.

Neither a reorganisation nor a head far above the others needs a majority, but nothing is believed
of one node against more than one. With a single node there is nobody to compare with, and its word
is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from donablock.chain.blocks import BlockRef
from donablock.chain.chains import Chain
from donablock.chain.faults import Fault, LagFault, LieFault, NodesFailedError
from donablock.chain.peer import Peer
from donablock.chain.window import WINDOW, Window, are_linked

__all__ = ["Heads"]

# headers in one look down a candidate's line
_FIRST_STEP, _STEP = 8, 32
# a head further above everything known than this is not walked down to it
_FAR = 64


class Heads:
    """Kept for one chain."""

    def __init__(self, chain: Chain, *, grace: float = 0.5) -> None:
        """grace: seconds that slower nodes are waited for, once one has answered."""
        self._chain = chain
        # how far one node's head may be above those of several
        self._reach = min(_FAR, max(1, chain.confirmations - 1)) if chain.confirmations else _FAR
        self._grace = grace
        self._asking: dict[Peer, asyncio.Task[BlockRef]] = {}
        self._chosen: Peer | None = None
        self._unfit: set[Peer] = set()
        self._ahead: set[Peer] = set()
        self.window = Window()

    @property
    def giver(self) -> Peer | None:
        """The node whose head was chosen last."""
        return self._chosen

    def lag(self, peer: Peer) -> int:
        """Blocks that its last head is behind the chosen one."""
        tip = self.window.tip
        if tip is None or peer.head is None:
            return 0
        return max(0, tip.number - peer.head.number)

    def standing(self, peer: Peer) -> Fault | None:
        """Why it is passed over because of its head; None if it is not."""
        head, tip = peer.head, self.window.tip
        if head is None or tip is None:
            return None
        if self.lag(peer) > self._chain.max_lag:
            fault: Fault = LagFault(f"is {self.lag(peer)} blocks behind")
        elif peer in self._ahead:
            fault = LieFault("fork", f"is {head.number - tip.number} blocks above most others")
        elif peer in self._unfit or (
            self.window.at(head.number) is not None and not self.window.holds(head)
        ):
            fault = LieFault("fork", f"says that block {head.number} is {head.hash}, alone")
        else:
            return None
        fault.node = peer.name
        return fault

    async def choose(self, peers: Sequence[Peer]) -> BlockRef:
        """Asks all of them. Raises NodesFailedError if none answers."""
        answered, faults = await self._ask(peers)
        self._unfit.clear()
        self._ahead = {peer for peer in answered if self._is_alone_ahead(_head(peer), answered)}
        unfit: list[tuple[int, Peer]] = []
        unsure = 0
        for peer in sorted(answered, key=lambda one: (-_head(one).number, one.name)):
            try:
                line = None if peer in self._ahead else await self._line(peer, answered)
                if line is not None:
                    return self._take(peer, await self._lengthened(peer, line))
            except Fault as fault:
                faults.append(fault)
                unsure += 1
                self._unfit.add(peer)
                continue
            supporters = sum(_head(other).hash == _head(peer).hash for other in answered)
            unfit.append((supporters, peer))
            self._unfit.add(peer)
        # none leads to anything known: a chain that began anew, or a reorganisation that is deeper
        # than the window. Whoever keeps blocks sees it and has to decide. But who could not say
        # where its head leads is no reason to take one that was refused.
        most, best = max(unfit, key=lambda one: (one[0], _head(one[1]).number), default=(0, None))
        if best is None or unsure > most:
            raise NodesFailedError(f"the head of {self._chain.name}", faults)
        self._unfit.discard(best)
        return self._take(best, [_head(best)])

    def _take(self, peer: Peer, line: Sequence[BlockRef]) -> BlockRef:
        self.window.take(line)
        self._chosen = peer
        return line[-1]

    async def aclose(self) -> None:
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        self._asking.clear()

    # --- asking -------------------------------------------------------------------------------

    async def _ask(self, peers: Sequence[Peer]) -> tuple[list[Peer], list[Fault]]:
        """Who told of a head, and what went wrong with others. The slow are not waited for: what
        they say counts next time."""
        late = {self._asking[peer] for peer in peers if peer in self._asking}
        for peer in peers:
            if peer not in self._asking:
                self._asking[peer] = asyncio.create_task(peer.latest())
        pending = {self._asking[peer] for peer in peers}
        while pending and not any(_is_good(self._asking[peer]) for peer in peers):
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        # who was late already the last time is not waited for again
        if pending - late:
            await asyncio.wait(pending - late, timeout=self._grace)
        answered, faults = [], []
        for peer in peers:
            task = self._asking[peer]
            if not task.done():
                continue
            del self._asking[peer]
            error = task.exception()
            if error is None:
                answered.append(peer)
            elif isinstance(error, Fault):
                faults.append(error)
            else:
                raise error
        return answered, faults

    # --- a candidate's line ---------------------------------------------------------------------

    async def _line(self, peer: Peer, answered: Sequence[Peer]) -> list[BlockRef] | None:
        """Its head and the blocks below, down to one that is known; None if it leads nowhere.

        Raises Fault where the node contradicts itself on the way.
        """
        head, tip = _head(peer), self.window.tip
        others = [_head(other) for other in answered if other is not peer]
        known = [other.number for other in others if other.number <= head.number]
        if tip is not None and tip.number <= head.number:
            known.append(tip.number)
        if not known and self.window.at(head.number) is None:
            return [head]
        near = [number for number in known if head.number - number <= _FAR]
        if known and not near:
            return await self._far_line(peer, max(known), others)
        is_window_near = tip is not None and -WINDOW <= head.number - tip.number <= _FAR
        # mostly the tip is right below, and only what came meanwhile is missing
        step = head.number - tip.number - 1 if tip is not None and is_window_near else _STEP
        line = [head]
        while True:
            if self.window.holds(line[0]) or self.window.is_parent_of(line[0]):
                return line if self._is_believed(line, answered) else None
            if not is_window_near:
                if _leads_to(line, others) or (near and line[0].number <= min(near)):
                    return line if self._is_believed(line, answered) else None
            if len(line) > WINDOW or line[0].number == 0:
                return None
            line = await self._below(peer, line, step if step > 0 else _FIRST_STEP) + line
            step = _STEP

    async def _far_line(
        self, peer: Peer, number: int, others: Sequence[BlockRef]
    ) -> list[BlockRef] | None:
        """For a head far above everything known: its newest blocks, if it agrees on what is."""
        expected = self.window.at(number) or next(one for one in others if one.number == number)
        (found,) = await peer.refs([number])
        if isinstance(found, Fault):
            raise found
        if found is None or found.hash != expected.hash:
            return None
        return await self._below(peer, [_head(peer)], _STEP) + [_head(peer)]

    async def _lengthened(self, peer: Peer, line: list[BlockRef]) -> list[BlockRef]:
        """With some blocks below it where the window has none, so that a fork can be told."""
        is_linked = self.window.holds(line[0]) or self.window.is_parent_of(line[0])
        if is_linked or len(line) > _STEP or line[0].number == 0:
            return line
        return await self._below(peer, line, _STEP) + line

    async def _below(self, peer: Peer, line: list[BlockRef], count: int) -> list[BlockRef]:
        """So many blocks below the line, linked to it. Raises Fault."""
        top = line[0].number
        below: list[BlockRef] = []
        for found in await peer.refs(range(max(0, top - count), top)):
            if isinstance(found, Fault):
                raise found
            if found is None:
                raise self._noted(peer, LagFault(f"has block {top}, but not those below it"))
            below.append(found)
        if not are_linked([*below, line[0]]):
            raise self._noted(
                peer, LieFault("wrong_parent", f"the blocks below {top} are not its parents")
            )
        return below

    def _is_alone_ahead(self, head: BlockRef, answered: Sequence[Peer]) -> bool:
        """More nodes are so far below that one could confirm to us what the others never had."""
        behind = sum(head.number - _head(other).number > self._reach for other in answered)
        return behind > len(answered) - behind

    def _is_believed(self, line: Sequence[BlockRef], answered: Sequence[Peer]) -> bool:
        """No more nodes contradict the line, and what it rests on in the window, than agree.

        Who is not as far as those that contradict says nothing of what is in dispute.
        """
        by_number = {ref.number: ref for ref in line}
        is_linked = self.window.holds(line[0]) or self.window.is_parent_of(line[0])
        agreeing: list[int] = []
        contradicting: list[int] = []
        for head in map(_head, answered):
            ref = by_number.get(head.number)
            if ref is None and is_linked and head.number < line[0].number:
                ref = self.window.at(head.number)
            if ref is not None:
                (agreeing if ref.hash == head.hash else contradicting).append(head.number)
        lowest = min(contradicting, default=0)
        return len(contradicting) <= sum(number >= lowest for number in agreeing)

    @staticmethod
    def _noted(peer: Peer, fault: Fault) -> Fault:
        peer.health.bad(fault)
        return fault


def _head(peer: Peer) -> BlockRef:
    assert peer.head is not None  # it has just told of one
    return peer.head


def _is_good(task: asyncio.Task[BlockRef]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _leads_to(line: Sequence[BlockRef], heads: Iterable[BlockRef]) -> bool:
    """One of the heads is in the line, or is the parent of its first block."""
    hashes = {line[0].parent, *(ref.hash for ref in line)}
    return any(head.hash in hashes for head in heads)
