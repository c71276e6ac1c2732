"""The donor's reference, 32 bytes that are logged with a gift."""

from __future__ import annotations

import re
import secrets

from donablock.errors import InputError

__all__ = ["memo_text", "new_memo", "read_memo"]

SIZE = 32
_HEX = re.compile(r"0x[0-9a-fA-F]*")


def new_memo() -> bytes:
    """A reference nobody else has: whoever repeats a step that may have failed can look for it."""
    return secrets.token_bytes(SIZE)


def read_memo(text: str) -> bytes:
    """A memo as written: text of at most 32 bytes in UTF-8, or 0x and at most 64 digits.

    Both are filled up with zeros on the right, as wallets do it. Raises InputError.
    """
    if _HEX.fullmatch(text):
        if len(text) % 2:
            raise InputError(f"the memo {text} has an odd number of digits; add or drop one")
        raw = bytes.fromhex(text[2:])
    else:
        raw = text.encode()
    if len(raw) > SIZE:
        raise InputError(f"the memo has {len(raw)} bytes; at most {SIZE} fit: shorten it")
    return raw.ljust(SIZE, b"\0")


def memo_text(memo: bytes) -> str:
    """A memo for people: its text where it is one, else 0x and its digits."""
    stripped = memo.rstrip(b"\0")
    try:
        text = stripped.decode()
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable() and not text.startswith("0x"):
        return text
    return "0x" + memo.hex()
