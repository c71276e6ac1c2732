"""The receipts of blocks, by whichever method a node has.

eth_getBlockReceipts with the block's hash, where the node has it: that is tried once at the
beginning, and again every ten minutes. Else eth_getTransactionReceipt for each, in batches. Nothing
is checked here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from donablock.chain.answers import BlockAnswer, ProvableReceiptAnswer, ReceiptAnswer
from donablock.chain.chains import Chain
from donablock.chain.faults import Fault, LieFault, RefusalFault
from donablock.chain.rpc import Question, Rpc

__all__ = ["UNKNOWN", "ReceiptReader", "Receipts"]

Receipts = Sequence[ReceiptAnswer]

UNKNOWN = re.compile(r"\b(?:block|header)\b.*\bnot found|unknown block|could not find block", re.I)
"""How some nodes say what others say by null."""

# plain, and with what their root is recomputed from
_LISTS: tuple[Question[Receipts | None], Question[Receipts | None]] = (
    Question("eth_getBlockReceipts", tuple[ReceiptAnswer, ...] | None, none_if=UNKNOWN),
    Question("eth_getBlockReceipts", tuple[ProvableReceiptAnswer, ...] | None, none_if=UNKNOWN),
)
_ONES: tuple[Question[ReceiptAnswer | None], Question[ReceiptAnswer | None]] = (
    Question("eth_getTransactionReceipt", ReceiptAnswer | None, none_if=UNKNOWN),
    Question("eth_getTransactionReceipt", ProvableReceiptAnswer | None, none_if=UNKNOWN),
)

_PROBED_AGAIN = 600.0

# a node that takes a number and no hash answers with -32602
_NO_METHOD_CODES = {-32601, -32602, -32004}
_NO_METHOD = re.compile(
    r"\bmethod\b.*\b(?:not|un\w+)|\b(?:unsupported|unknown) method|"
    r"\bnot (?:supported|enabled|whitelisted)",
    re.IGNORECASE,
)


class ReceiptReader:
    """Of one node."""

    def __init__(
        self, rpc: Rpc, chain: Chain, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rpc = rpc
        self._is_provable = chain.is_receipts_root_checked
        self._list = _LISTS[self._is_provable]
        self._one = _ONES[self._is_provable]
        self._clock = clock
        self._probed_at = float("-inf")
        self.has_lists: bool | None = None
        """Whether the node has eth_getBlockReceipts by hash; None before it was tried."""

    @property
    def is_one_by_one(self) -> bool:
        return self.has_lists is False

    async def probe(self, hash: str) -> None:
        """Tries the method on a block that the node has. Any other fault is left for later."""
        if self.has_lists or self._clock() - self._probed_at < _PROBED_AGAIN:
            return
        answer = await self._rpc.try_ask(_LISTS[0], (hash,))
        if not isinstance(answer, Fault):
            self.has_lists, self._probed_at = True, self._clock()
        elif _lacks_method(answer):
            self.has_lists, self._probed_at = False, self._clock()

    async def listed(self, hash: str) -> Receipts | None | Fault:
        """As a list, before the block itself is known; `complete` takes it on."""
        return await self._rpc.try_ask(self._list, (hash,))

    async def complete(
        self, block: BlockAnswer, receipts: Receipts | None | Fault
    ) -> Receipts | Fault:
        """The receipts of a block, given what `listed` said of it."""
        (found,) = await self._complete([block], [receipts])
        return found

    async def of(self, blocks: Sequence[BlockAnswer]) -> list[Receipts | Fault]:
        """Of each block in its place. A block without transactions is not asked for."""
        asked = [block for block in blocks if block.transactions]
        listed: list[Receipts | None | Fault] = [None] * len(asked)
        if not self.is_one_by_one:
            listed = list(await self._rpc.ask_all(self._list, [(block.hash,) for block in asked]))
        found = iter(await self._complete(asked, listed))
        return [next(found) if block.transactions else () for block in blocks]

    async def _complete(
        self, blocks: Sequence[BlockAnswer], listed: Sequence[Receipts | None | Fault]
    ) -> list[Receipts | Fault]:
        again = [
            place
            for place, (block, receipts) in enumerate(zip(blocks, listed, strict=True))
            if self._is_needed_one_by_one(block, receipts)
        ]
        found: list[Receipts | Fault] = [
            _missing(block) if receipts is None else receipts
            for block, receipts in zip(blocks, listed, strict=True)
        ]
        singles = await self._one_by_one([blocks[place] for place in again])
        for place, receipts in zip(again, singles, strict=True):
            found[place] = receipts
        return found

    def _is_needed_one_by_one(self, block: BlockAnswer, receipts: Receipts | None | Fault) -> bool:
        if isinstance(receipts, Fault):
            if _lacks_method(receipts):
                self.has_lists, self._probed_at = False, self._clock()
                return True
            return False
        if self.is_one_by_one:
            return True
        # a chain's own transaction, such as Polygon's state sync, may be left out of the list
        return (
            not self._is_provable
            and receipts is not None
            and len(receipts) == len(block.transactions) - 1
        )

    async def _one_by_one(self, blocks: Sequence[BlockAnswer]) -> list[Receipts | Fault]:
        hashes = [(one.hash,) for block in blocks for one in block.transactions]
        answers = iter(await self._rpc.ask_all(self._one, hashes))
        return [_together(block, [next(answers) for _ in block.transactions]) for block in blocks]


def _together(
    block: BlockAnswer, answers: Sequence[ReceiptAnswer | None | Fault]
) -> Receipts | Fault:
    receipts: list[ReceiptAnswer] = []
    for answer in answers:
        if isinstance(answer, Fault):
            return answer
        if answer is None:
            return _missing(block)
        receipts.append(answer)
    return receipts


def _missing(block: BlockAnswer) -> Fault:
    # its number was checked to be one, or it would not be asked for receipts
    return LieFault("no_receipts", f"has block {int(block.number, 16)}, but not its receipts")


def _lacks_method(fault: Fault) -> bool:
    return isinstance(fault, RefusalFault) and (
        fault.code in _NO_METHOD_CODES or _NO_METHOD.search(fault.message) is not None
    )
