"""Ids that follow from what they stand for, so that whoever comes to the same thing again, after a
crash, in a scan or in another process, gives it the same id."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["FUNCTION", "NATIVE", "WINDOW", "digest", "match_id"]

NATIVE = -1
"""In place of a log index: a transfer of the chain's coin."""

FUNCTION = -2
"""In place of a log index: a call of a function."""

WINDOW = -3
"""In place of a log index: a windowed condition that came true."""


def match_id(
    chain_id: int,
    block_hash: str,
    transaction_hash: str,
    log_index: int,
    monitor_id: str,
    address: str,
    direction: str,
    element: int | None = None,
) -> bytes:
    """16 bytes. Hashes and addresses are text in lower case, as everywhere.

    log_index: in the block, or NATIVE, FUNCTION, WINDOW. element: which part of a batch, from 0,
    where a log tells of several transfers.
    """
    place = str(log_index) if element is None else f"{log_index}/{element}"
    return digest(
        str(chain_id), block_hash, transaction_hash, place, monitor_id, address, direction
    )


def digest(*parts: str) -> bytes:
    """The first 16 bytes of SHA-256 over the parts, each after its length in 4 bytes."""
    # in one piece: three times as fast as part by part, and there is one for every match
    raw = b"".join([len(own := part.encode()).to_bytes(4) + own for part in parts])
    return sha256(raw).digest()[:16]
