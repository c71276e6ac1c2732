"""What worker, back-scan, backtest and rebuild read a chain by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from donablock.chain.blocks import Block, BlockRef

__all__ = ["BlockSource"]


class BlockSource(Protocol):
    """One chain, read only. Every answer has been checked; none is trusted for being there.

    Every method raises NodeError when no node gives a right answer; then nothing is known, and the
    same may be asked again.
    """

    @property
    def chain_id(self) -> int: ...

    async def head(self) -> BlockRef:
        """The newest block, asked for anew. It can be lower than the last one."""

    async def ref(self, number: int) -> BlockRef | None:
        """The canonical block of this height, None if there is none yet."""

    async def ref_by_hash(self, hash: str) -> BlockRef | None:
        """Canonical or not; None where no node knows it (any more)."""

    async def block(self, block: BlockRef | str) -> Block:
        """The whole block, asked for by hash. Raises BlockGoneError where no node knows it."""

    def blocks(self, numbers: range) -> AsyncIterator[Block]:
        """Whole blocks in order, read ahead, each the child of the one before.

        `numbers` has step 1 and ends at or below the head. Raises BlockGoneError, with the hash of
        the block given last, when that block was replaced meanwhile.
        """
