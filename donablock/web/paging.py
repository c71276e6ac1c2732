"""Pages: `{"data": [...], "next": "..."}`. What `next` holds is nobody's business but ours: send it
back as `cursor`, with the same parameters, for the page that follows; null is the end."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from donablock.web.problems import Problem

__all__ = ["Cursor", "Limit", "Page", "number_after", "text_after", "token"]

T = TypeVar("T")

_VERSION = "1"
# by what the pages of each kind are turned
_LAST = {
    "ep": re.compile(r"ep_[0-9a-f]{24}"),
    "mo": re.compile(r"mo_[a-z0-9]{16}"),
    "key": re.compile(r"key_[a-z0-9]{16}"),
    "address": re.compile(r"0x[0-9a-f]{40}"),
    "delivery": re.compile(r"[0-9]{1,18}", re.ASCII),
    "event": re.compile(r"[0-9]{1,18}", re.ASCII),
}

Limit = Annotated[int, Query(ge=1, le=100, description="At most so many on the page")]
Cursor = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        pattern="^[A-Za-z0-9_-]+$",
        description="`next` of the page before; leave it out for the first",
    ),
]


class Page(BaseModel, Generic[T]):
    data: list[T]
    next: str | None = Field(
        description="`cursor` of the page that follows; null if this is the last",
        examples=["MXxlcHxlcF8wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc"],
    )


def token(kind: str, last: str | int) -> str:
    """A cursor. kind: of what it is, so that it is not taken for that of something else."""
    return base64.urlsafe_b64encode(f"{_VERSION}|{kind}|{last}".encode()).rstrip(b"=").decode()


def text_after(kind: str, cursor: str | None) -> str:
    """What a cursor stands for; "" without one. Raises Problem."""
    if cursor is None:
        return ""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        version, found, last = base64.urlsafe_b64decode(padded).decode().split("|", 2)
    except (binascii.Error, ValueError):
        raise _foreign() from None
    if (version, found) != (_VERSION, kind) or not _LAST[kind].fullmatch(last):
        raise _foreign()
    return last


def number_after(kind: str, cursor: str | None) -> int | None:
    """The same, of a number."""
    last = text_after(kind, cursor)
    return int(last) if last else None


def _foreign() -> Problem:
    detail = "this is no cursor of this list; take `next` of its last page as it is"
    return Problem(
        "unprocessable",
        f"cursor: {detail}",
        [{"where": "query", "pointer": "/cursor", "detail": detail}],
    )
