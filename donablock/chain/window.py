"""The newest blocks of the chain that is followed, each the child of the one below."""

from __future__ import annotations

from collections.abc import Sequence

from donablock.chain.blocks import BlockRef

__all__ = ["WINDOW", "Window", "are_linked"]

WINDOW = 256
"""Blocks that are kept, and so the deepest reorganisation that is recognised as one."""


def are_linked(refs: Sequence[BlockRef]) -> bool:
    """Each is the child of the one before."""
    return all(
        below.hash == above.parent and below.number + 1 == above.number
        for below, above in zip(refs, refs[1:], strict=False)
    )


class Window:
    """At most `size` of them, without gaps."""

    def __init__(self, size: int = WINDOW) -> None:
        self._size = size
        self._refs: dict[int, BlockRef] = {}
        self.tip: BlockRef | None = None

    def at(self, number: int) -> BlockRef | None:
        return self._refs.get(number)

    def holds(self, ref: BlockRef) -> bool:
        known = self._refs.get(ref.number)
        return known is not None and known.hash == ref.hash

    def is_parent_of(self, ref: BlockRef) -> bool:
        """The window holds the parent of `ref`."""
        known = self._refs.get(ref.number - 1)
        return known is not None and known.hash == ref.parent

    def take(self, line: Sequence[BlockRef]) -> None:
        """The last of `line` is the tip from now on.

        What is above the line's beginning is forgotten, and what is below too, where they do not
        link. Raises ValueError for a line that is not linked in itself.
        """
        if not line or not are_linked(line):
            raise ValueError("a line of blocks that are not linked")
        first, tip = line[0], line[-1]
        if not self.is_parent_of(first) and not self.holds(first):
            self._refs.clear()
        # what is above the new tip goes too: the chain may have become shorter
        for number in [number for number in self._refs if number >= first.number]:
            del self._refs[number]
        self._refs.update({ref.number: ref for ref in line})
        lowest = tip.number - self._size
        for number in [number for number in self._refs if number <= lowest]:
            del self._refs[number]
        self.tip = tip
