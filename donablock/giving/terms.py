"""Terms as people write them, in a file or as options, read into what a contract takes.

Whoever promises something should learn for free what is wrong with it, in words and with the line
it is in; so all is checked here before anything is sent.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from donablock.chain.amounts import Assets, Money, from_units, to_units
from donablock.chain.assets import parse
from donablock.chain.times import date_text
from donablock.errors import AmountError, InputError
from donablock.giving.charities import read_time

__all__ = [
    "BASIS",
    "check_keys",
    "check_text",
    "read_file",
    "read_later",
    "read_money",
    "read_share",
    "read_shares",
    "read_uri",
    "share_text",
    "shown",
]

BASIS = 10_000
# what cannot stand inside a JSON string or a page as it is
_FORBIDDEN = '"<>\\'
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_SHARE = re.compile(r"\s*([0-9_.]+)\s*%\s*", re.ASCII)


def read_file(path: Path) -> dict[str, Any]:
    """A file of terms, TOML or JSON by its ending, not checked yet. Raises InputError."""
    readers = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name} is neither .toml nor .json; see the examples in config")
    try:
        found = reader(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
    except ValueError as error:
        raise InputError(f"{path.name} is not {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path.name} has no keys; see the examples in config")
    return found


def check_keys(
    found: Mapping[str, Any],
    known: Mapping[str, str],
    what: str,
    not_needed: Collection[str] = (),
) -> None:
    """All keys that are needed, and no others. `known`: key -> what its value looks like. Raises
    InputError."""
    for key in found:
        if key not in known:
            raise InputError(f"{what}: {key!r} is not known; there are {', '.join(known)}")
    for key, example in known.items():
        if key not in not_needed and key not in found:
            raise InputError(f"{what}: {key} is missing; write it like {key} = {example}")


def check_text(text: str, most: int, what: str) -> str:
    """A text that the contract takes: of at most `most` bytes. Raises InputError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InputError(f"{what}: {text!r} is no text; write letters") from error
    if size > most:
        raise InputError(f"{what}: it has {size} bytes; at most {most} fit: shorten it")
    wrong = next((c for c in text if c in _FORBIDDEN or not c.isprintable()), None)
    if wrong is not None:
        raise InputError(f"{what}: {wrong!r} cannot stand in it; leave it out")
    return text


def read_money(value: Any, assets: Assets, what: str, most: int, who: str) -> Money:
    """An amount above zero, of at most `most` (smallest unit), which is what `who` can count.

    Raises AmountError.
    """
    if not isinstance(value, str):
        raise InputError(f'{what}: {value!r} of what? Write it with its asset, "5000 USDC"')
    try:
        money = parse(value, assets)
    except AmountError as error:
        raise AmountError(f"{what}: {error}") from error
    if money.amount > most:
        raise AmountError(f"{what}: {value} is more than {who} can count")
    return money


def read_uri(value: Any, what: str, most: int) -> str:
    """An address on some network, of at most `most` bytes. Raises InputError."""
    text = value.strip() if isinstance(value, str) else ""
    if not _URI.fullmatch(text):
        raise InputError(
            f"{what}: {value!r} is no address; write it like ipfs://... or https://..."
        )
    return check_text(text, most, what)


def read_later(value: Any, now: int, most: int, limit: str) -> int:
    """A time to come, at most `most` seconds from `now` (`limit` in words); unix seconds.

    Raises InputError.
    """
    if isinstance(value, dt.datetime):  # TOML knows dates; without a zone they are UTC
        found = int(value.replace(tzinfo=value.tzinfo or dt.UTC).timestamp())
    else:
        try:
            found = read_time(str(value), now)
        except InputError as error:
            raise InputError(f"deadline: {error}") from error
    if found <= now:
        raise InputError(
            f"deadline: {value} is over; it is {date_text(now)} on the chain: write a later one"
        )
    if found - now > most:
        raise InputError(
            f"deadline: {value} is too far; at most {limit} from now, {date_text(now + most)}"
        )
    return found


def read_share(value: Any, what: str) -> int:
    """ "2.5 %" as 250 basis points. Raises InputError or AmountError."""
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InputError(f'{what}: {value!r} is no share; write it like "5 %"')
    try:
        return to_units(match[1], 2)
    except AmountError as error:
        raise AmountError(f"{what}: {error}") from error


def read_shares(value: Any, one: str, most: int, example: str) -> tuple[int, ...]:
    """A list of shares above nothing, each called `one` and its number from 0 (basis points).

    Raises InputError or AmountError.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InputError(f"{one}s: write a list, {example}")
    if len(value) > most:
        raise InputError(f"{one}s: at most {most}, not {len(value)}")
    shares = tuple(read_share(entry, f"{one} {number}") for number, entry in enumerate(value))
    for number, share in enumerate(shares):
        if share == 0:
            raise InputError(f"{one} {number}: nothing is released by it; leave it out")
    return shares


def share_text(basis_points: int) -> str:
    """250 as "2.5 %"."""
    return f"{from_units(basis_points, 2)} %"


def shown(text: str) -> str:
    """Somebody's text for a terminal: what is not printable is written out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
