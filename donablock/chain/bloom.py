"""The logs' bloom: 2,048 bits, three of them set by each address and each topic."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from donablock.chain.keccak import keccak

__all__ = ["BLOOM_BYTES", "bloom_of"]

BLOOM_BYTES = 256
_BITS = 8 * BLOOM_BYTES - 1


# popular addresses and topics come in nearly every block
@lru_cache(maxsize=1 << 16)
def _places(text: str) -> tuple[int, int, int]:
    """The bits that an address or topic sets, counted from the last."""
    digest = keccak(bytes.fromhex(text[2:]))
    return (
        (digest[0] << 8 | digest[1]) & _BITS,
        (digest[2] << 8 | digest[3]) & _BITS,
        (digest[4] << 8 | digest[5]) & _BITS,
    )


def bloom_of(texts: Iterable[str]) -> int:
    """The bloom of logs as a number, given the addresses and topics of all of them ("0x...")."""
    places: set[int] = set()
    for text in set(texts):
        places.update(_places(text))
    found = bytearray(BLOOM_BYTES)
    for place in places:
        found[-1 - (place >> 3)] |= 1 << (place & 7)
    return int.from_bytes(found, "big")
