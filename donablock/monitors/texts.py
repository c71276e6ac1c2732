"""What people write into names, notes and ids, made safe for the database, and new ids.

PostgreSQL takes no NUL in `text` and `jsonb`, and no half of a surrogate pair is UTF-8; Python and
JSON know both. So every text is looked at before it goes there, and whatever is no id at all is
answered as if nothing had it.
"""

from __future__ import annotations

import re
import secrets
import string
from typing import Any

from donablock.errors import InputError, NotFoundError
from donablock.monitors.conditions.lexer import show
from donablock.monitors.monitor import address_of

__all__ = [
    "MOST_IN_PAGE",
    "is_plain",
    "known",
    "new_id",
    "page_size",
    "plain_json",
    "raw_address",
    "text_of",
]

MOST_IN_PAGE = 100

_ID = re.compile(r"[A-Za-z]{2,8}_[A-Za-z0-9_]{1,80}", re.ASCII)
_LETTERS = string.ascii_lowercase + string.digits
_DEEPEST = 64


def new_id(prefix: str) -> str:
    """Of "mo" `mo_` and 16 letters and digits: 82 bits, so that none comes twice."""
    return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(16))


def known(what: str, id: Any) -> str:
    """The id, if it could be one. Raises NotFoundError as for one that nobody has. what: "monitor",
    for the message."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise NotFoundError(f"there is no {what} {show(str(id))}")
    return id


def text_of(what: str, value: Any, *, least: int = 0, most: int) -> str:
    """A text of `least` to `most` characters. Raises InputError. what: "a name", for the
    message."""
    if not isinstance(value, str):
        raise InputError(f"{what} is text, not {type(value).__name__}")
    if not least <= len(value) <= most:
        raise InputError(f"{what} has {least} to {most} characters, not {len(value)}")
    if not is_plain(value):
        raise InputError(f"{what} has a character that cannot be kept: NUL, or half of a pair")
    return value


def raw_address(address: Any) -> bytes:
    """The 20 bytes of an address. Raises InputError (DefinitionError)."""
    if not isinstance(address, str):
        raise InputError("an address is text")
    return bytes.fromhex(address_of(address)[2:])


def page_size(limit: Any) -> int:
    """Raises InputError unless it is 1 to MOST_IN_PAGE."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_IN_PAGE:
        raise InputError(f"a page has 1 to {MOST_IN_PAGE} entries")
    return limit


def plain_json(what: str, value: Any, *, depth: int = 0) -> None:
    """Raises InputError for JSON that cannot be kept: a text, a number, or that it nests without
    end."""
    if depth > _DEEPEST:
        raise InputError(f"{what} nests deeper than {_DEEPEST}")
    if isinstance(value, str):
        if not is_plain(value):
            raise InputError(f"{what} has a character that cannot be kept: NUL, or half of a pair")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise InputError(f"{what} has a number beyond 64 bits; write it as text")
    elif isinstance(value, dict):
        for key, own in value.items():
            plain_json(what, key, depth=depth + 1)
            plain_json(what, own, depth=depth + 1)
    elif isinstance(value, list | tuple):
        for own in value:
            plain_json(what, own, depth=depth + 1)


def is_plain(text: str) -> bool:
    """Whether the database takes it."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
