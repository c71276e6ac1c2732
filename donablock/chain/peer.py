"""One node as a source of checked headers and blocks.

Whatever comes from here has passed donablock/chain/checks.py. What is wrong is a Fault that names
the node, and is noted in its health. None means that the node does not know such a block.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from donablock.chain.answers import BlockAnswer, HeaderAnswer, ProvableBlockAnswer, Quantity
from donablock.chain.blocks import Block, BlockRef
from donablock.chain.chains import Chain
from donablock.chain.checks import check_block, check_header
from donablock.chain.faults import Fault, GarbageFault, LagFault, OtherChainFault
from donablock.chain.health import Health
from donablock.chain.receipts import UNKNOWN, ReceiptReader, Receipts
from donablock.chain.rpc import Question, Rpc

__all__ = ["Peer"]

CHAIN_ID: Question[str] = Question("eth_chainId", Quantity)
HEADER_AT: Question[HeaderAnswer | None] = Question(
    "eth_getBlockByNumber", HeaderAnswer | None, none_if=UNKNOWN
)
HEADER: Question[HeaderAnswer | None] = Question(
    "eth_getBlockByHash", HeaderAnswer | None, none_if=UNKNOWN
)
# plain, and with what the transactions' root is recomputed from
BLOCK_AT: tuple[Question[BlockAnswer | None], Question[BlockAnswer | None]] = (
    Question("eth_getBlockByNumber", BlockAnswer | None, none_if=UNKNOWN),
    Question("eth_getBlockByNumber", ProvableBlockAnswer | None, none_if=UNKNOWN),
)
BLOCK: tuple[Question[BlockAnswer | None], Question[BlockAnswer | None]] = (
    Question("eth_getBlockByHash", BlockAnswer | None, none_if=UNKNOWN),
    Question("eth_getBlockByHash", ProvableBlockAnswer | None, none_if=UNKNOWN),
)

# seconds between two looks at a node's chain id: another may have come up behind the same name
_CHAIN_ID_AGE = 15.0


class Peer:
    """One node of one chain."""

    def __init__(
        self, rpc: Rpc, chain: Chain, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rpc = rpc
        self.health = Health(rpc.name, clock)
        self.receipts = ReceiptReader(rpc, chain, clock=clock)
        self.head: BlockRef | None = None
        """The newest block it told of."""
        self._chain = chain
        self._block_at = BLOCK_AT[chain.is_transactions_root_checked]
        self._by_hash = BLOCK[chain.is_transactions_root_checked]
        self._clock = clock
        self._chain_id_at = float("-inf")

    @property
    def name(self) -> str:
        return self.rpc.name

    async def latest(self) -> BlockRef:
        """Its newest block. Raises Fault."""
        try:
            async with asyncio.TaskGroup() as group:
                checking = group.create_task(self._chain_id_fault())
                asking = group.create_task(self.rpc.try_ask(HEADER_AT, ("latest", False)))
            wrong, header = checking.result(), asking.result()
            if wrong is not None:
                raise wrong
            if isinstance(header, Fault):
                raise header
            if header is None:
                raise LagFault("has no block at all")
            head = check_header(header, self._chain)
            await self.receipts.probe(head.hash)
        except Fault as fault:
            self._note(fault)
            raise
        self.head = head
        self.health.good()
        return head

    async def refs(self, numbers: Sequence[int]) -> list[BlockRef | None | Fault]:
        """The canonical blocks of these heights, as it sees them."""
        wrong = await self._chain_id_fault()
        if wrong is not None:
            self._note(wrong)
            return [wrong] * len(numbers)
        answers = await self.rpc.ask_all(HEADER_AT, [(hex(one), False) for one in numbers])
        found: list[BlockRef | None | Fault] = []
        for number, header in zip(numbers, answers, strict=True):
            if not isinstance(header, HeaderAnswer):
                found.append(header)
                continue
            try:
                found.append(check_header(header, self._chain, number=number))
            except Fault as fault:
                found.append(fault)
        self._note_all(found)
        return found

    async def ref_by_hash(self, hash: str) -> BlockRef | None:
        """Raises Fault."""
        try:
            header = await self.rpc.ask(HEADER, (hash, False))
            ref = None if header is None else check_header(header, self._chain, hash=hash)
        except Fault as fault:
            self._note(fault)
            raise
        self.health.good()
        return ref

    async def block(self, hash: str) -> Block | None:
        """The whole block. Raises Fault."""
        try:
            block = await self._block(hash)
        except Fault as fault:
            self._note(fault)
            raise
        self.health.good()
        return block

    async def blocks(self, numbers: Sequence[int]) -> list[Block | None | Fault]:
        """The whole canonical blocks of these heights, as it sees them."""
        wrong = await self._chain_id_fault()
        if wrong is not None:
            self._note(wrong)
            return [wrong] * len(numbers)
        answers = await self.rpc.ask_all(self._block_at, [(hex(one), True) for one in numbers])
        found: list[Block | None | Fault] = []
        there: list[tuple[int, BlockAnswer, BlockRef]] = []
        for place, (number, answer) in enumerate(zip(numbers, answers, strict=True)):
            found.append(None if isinstance(answer, BlockAnswer) else answer)
            if isinstance(answer, BlockAnswer):
                try:
                    ref = check_header(answer, self._chain, number=number)
                    there.append((place, answer, ref))
                except Fault as fault:
                    found[place] = fault
        receipts = await self.receipts.of([answer for _, answer, _ in there])
        for (place, answer, ref), given in zip(there, receipts, strict=True):
            try:
                found[place] = self._checked(answer, given, ref)
            except Fault as fault:
                found[place] = fault
            # a block takes milliseconds: others want their turn between two
            await asyncio.sleep(0)
        self._note_all(found)
        return found

    async def aclose(self) -> None:
        await self.rpc.aclose()

    def __repr__(self) -> str:
        return f"Peer({self.name})"

    async def _block(self, hash: str) -> Block | None:
        if self.receipts.is_one_by_one:
            answer = await self.rpc.ask(self._by_hash, (hash, True))
            listed: Receipts | None | Fault = None
        else:
            # both know the hash already, so neither waits for the other
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(self.rpc.try_ask(self._by_hash, (hash, True)))
                listing = group.create_task(self.receipts.listed(hash))
            either, listed = asking.result(), listing.result()
            if isinstance(either, Fault):
                raise either
            answer = either
        if answer is None:
            return None
        ref = check_header(answer, self._chain, hash=hash)
        return self._checked(answer, await self.receipts.complete(answer, listed), ref)

    def _checked(self, answer: BlockAnswer, receipts: Receipts | Fault, ref: BlockRef) -> Block:
        if isinstance(receipts, Fault):
            raise receipts
        return check_block(answer, receipts, ref, self._chain)

    async def _chain_id_fault(self) -> Fault | None:
        """What is wrong with its chain id; asked for anew when it is not known for sure."""
        if self._clock() - self._chain_id_at < _CHAIN_ID_AGE:
            return None
        said = await self.rpc.try_ask(CHAIN_ID, ())
        if isinstance(said, Fault):
            return said
        try:
            found = int(said, 16)
        except ValueError:
            return GarbageFault("gave a chain id that is no number")
        if found != self._chain.chain_id:
            return OtherChainFault(f"is on chain {found}, not {self._chain.chain_id}")
        self._chain_id_at = self._clock()
        self.health.is_on_other_chain = False
        return None

    def _note(self, fault: Fault) -> None:
        # whoever answers next may be another
        self._chain_id_at = float("-inf")
        self.health.bad(fault)

    def _note_all(self, found: Sequence[object]) -> None:
        """One fault for one request, however many answers it spoilt."""
        faults = [one for one in found if isinstance(one, Fault)]
        for fault in faults:
            fault.node = self.name
        if faults:
            self._note(faults[0])
        else:
            self.health.good()
