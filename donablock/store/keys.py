"""Numbers that stand for names where PostgreSQL takes only numbers."""

from __future__ import annotations

import hashlib


def lock_key(name: str) -> int:
    """The advisory lock of a name: 64 bits, signed, the same in every process and version."""
    digest = hashlib.sha256(b"donablock|" + name.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
