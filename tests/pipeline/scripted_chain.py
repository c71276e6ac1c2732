"""A chain as a tree of blocks that a test writes, read as the services read any chain.

    chain = ScriptedChain()
    chain.grow(5)                    # blocks 1 to 5 on block 0
    chain.reorganise(2, 3)           # takes two away and grows three others

A block's hash follows from its parent and its salt, so the same script gives the same chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable

from donablock.chain.blocks import Block, BlockRef, Transaction
from donablock.errors import BlockGoneError, NodeError

NO_HASH = "0x" + "00" * 32
START = 1_800_000_000
"""Second of block 0; each block is 12 seconds after its parent."""


def digest(*parts: object) -> str:
    return "0x" + hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


class ScriptedChain:
    """A BlockSource. `lies` answers instead of the truth while a test wants it to."""

    def __init__(self, chain_id: int = 31337) -> None:
        self.chain_id = chain_id
        self.known: dict[str, Block] = {}
        self.canonical: list[Block] = []
        self.asked = 0
        self.is_down = False
        self._salt = 0
        self.append()

    @property
    def tip(self) -> Block:
        return self.canonical[-1]

    def append(self, transactions: Iterable[Transaction] = ()) -> Block:
        """One block on the tip."""
        number = len(self.canonical)
        parent = self.canonical[-1].hash if self.canonical else NO_HASH
        hash = digest("block", self.chain_id, number, parent, self._salt)
        block = Block(self.chain_id, number, hash, parent, START + 12 * number, tuple(transactions))
        self.known[block.hash] = block
        self.canonical.append(block)
        return block

    def grow(self, blocks: int) -> None:
        for _ in range(blocks):
            self.append()

    def cut(self, blocks: int) -> list[Block]:
        """Takes blocks off the tip; the nodes still know them by hash."""
        taken = self.canonical[-blocks:]
        del self.canonical[-blocks:]
        self._salt += 1
        return taken

    def put_back(self, blocks: Iterable[Block]) -> None:
        """Blocks that were taken off become the chain's again."""
        for block in blocks:
            assert block.parent == self.tip.hash
            self.canonical.append(block)

    def reorganise(self, depth: int, grow: int) -> list[Block]:
        taken = self.cut(depth)
        self.grow(grow)
        return taken

    # --- as a BlockSource ---------------------------------------------------------------------

    def _ask(self) -> None:
        self.asked += 1
        if self.is_down:
            raise NodeError("no node answers")

    async def head(self) -> BlockRef:
        self._ask()
        return self.tip.ref

    async def ref(self, number: int) -> BlockRef | None:
        self._ask()
        return self.canonical[number].ref if 0 <= number < len(self.canonical) else None

    async def ref_by_hash(self, hash: str) -> BlockRef | None:
        self._ask()
        return self.known[hash].ref if hash in self.known else None

    async def block(self, block: BlockRef | str) -> Block:
        self._ask()
        hash = block if isinstance(block, str) else block.hash
        if hash not in self.known:
            raise BlockGoneError(hash)
        return self.known[hash]

    async def blocks(self, numbers: range) -> AsyncIterator[Block]:
        for number in numbers:
            ref = await self.ref(number)
            assert ref is not None
            yield await self.block(ref)
