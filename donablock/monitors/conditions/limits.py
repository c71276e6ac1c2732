"""How large a condition may be, so that reading one and running one takes bounded time and memory.

What a condition costs when it runs: each node once, but the body of any(...) and all(...) once for
each item. Such a body may only look through the item it is at (`Checks`), so all bodies together
take no more steps than `body_nodes` times the words of the log.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """`integer_bits`: no number that is written or computed can be larger; four uint256 multiplied
    reach it. Every such number is written with `digits`."""

    characters: int = 4_096
    nodes: int = 512
    depth: int = 64
    digits: int = 309
    literal_bytes: int = 256
    options: int = 256
    integer_bits: int = 1_024
    quantifiers: int = 3
    body_nodes: int = 64


LIMITS = Limits()
