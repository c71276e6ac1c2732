"""What a campaign promises: read from a file or from options, and checked before anything is sent.

The contract checks the same, but a person should learn it for free, and all of it in words.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from donablock.chain.amounts import Asset, Assets, Money, from_units, to_units
from donablock.errors import AmountError, InputError
from donablock.giving.assets import parse
from donablock.giving.charities import charity_id_of, read_time
from donablock.giving.times import date_text

__all__ = [
    "KEEP",
    "MAX_RAISED",
    "STRICT",
    "Terms",
    "TierTerms",
    "check_text",
    "read_file",
    "read_terms",
    "read_tier",
    "share_text",
]

BASIS = 10_000
MAX_DURATION = 3_650 * 86_400
MAX_NAME, MAX_SYMBOL, MAX_URI = 64, 16, 128
MAX_RAISED = 2**128 - 1
MAX_ROYALTY = 1_000
MAX_STAGES = 8
MAX_SUPPLY = 2**32 - 1
MAX_TIERS = 8
STRICT, KEEP = "all-or-nothing", "keep-what-you-raise"

_KEYS = {
    "charity": "12",
    "name": '"Wells for Turkana"',
    "symbol": '"WELL"',
    "page": '"https://..."',
    "goal": '"5000 USDC"',
    "deadline": '"60 days"',
    "policy": f'"{STRICT}"',
    "royalty": '"5 %"',
    "milestones": '["40 %", "60 %"]',
    "tiers": '[{price = "25 USDC", supply = 100, artwork = "ipfs://..."}]',
}
"""Every key of a file, and what its value looks like."""

_TIER_KEYS = {"price": '"25 USDC"', "supply": "100", "artwork": '"ipfs://..."'}
_NOT_NEEDED = {"royalty", "milestones"}
# what cannot stand inside a JSON string or a page as it is; the contract refuses it too
_FORBIDDEN = '"<>\\'
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_SHARE = re.compile(r"\s*([0-9_.]+)\s*%\s*", re.ASCII)
_FIXED = ("ipfs://", "ar://", "data:")


@dataclass(frozen=True)
class TierTerms:
    """What a backer can choose: the least pledge (smallest unit), how many, and the artwork."""

    price: int
    supply: int
    artwork: str

    @property
    def is_fixed(self) -> bool:
        """Whether the artwork's address names its content, which then cannot be exchanged."""
        return self.artwork.lower().startswith(_FIXED)


@dataclass(frozen=True)
class Terms:
    """What a campaign promises, for good. `goal` in the asset's smallest unit, `deadline` in unix
    seconds (the first one that takes no pledge), `royalty` and `milestones` in basis points."""

    charity_id: int
    name: str
    symbol: str
    page: str
    asset: Asset
    goal: int
    deadline: int
    is_all_or_nothing: bool
    royalty: int
    tiers: tuple[TierTerms, ...]
    milestones: tuple[int, ...] = ()

    @property
    def free(self) -> int:
        """What the milestones leave out, which is free at once (basis points)."""
        return BASIS - sum(self.milestones)

    @property
    def encoded(self) -> tuple[Any, ...]:
        """As the contract's `Terms`."""
        return (
            self.asset.address,
            self.goal,
            self.deadline,
            self.is_all_or_nothing,
            self.royalty,
            self.name,
            self.symbol,
            self.page,
            [(tier.price, tier.supply, tier.artwork) for tier in self.tiers],
            list(self.milestones),
        )


def read_file(path: Path) -> dict[str, Any]:
    """A file of terms, TOML or JSON by its ending, not checked yet. Raises InputError."""
    readers = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name} is neither .toml nor .json; see config/campaigns")
    try:
        found = reader(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
    except ValueError as error:
        raise InputError(f"{path.name} is not {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path.name} has no keys; see config/campaigns for an example")
    return found


def read_tier(text: str) -> dict[str, Any]:
    """A tier as an option, "25 USDC,100,ipfs://...", as in a file. Raises InputError."""
    parts = [part.strip() for part in text.split(",", 2)]
    if len(parts) != 3:
        raise InputError(
            f'{text!r} is no tier; write price, number and artwork: "25 USDC,100,ipfs://..."'
        )
    return {"price": parts[0], "supply": parts[1], "artwork": parts[2]}


def read_terms(found: Mapping[str, Any], assets: Assets, now: int) -> Terms:
    """Terms as written. `assets`: what pledges may come in; `now`: the chain's second.

    Raises InputError or AmountError, which say what to write.
    """
    _check_keys(found, _KEYS, "the terms")
    goal = _money(found["goal"], assets, "goal")
    rows = found["tiers"]
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        raise InputError(f"tiers: a campaign has 1 to {MAX_TIERS}; write {_KEYS['tiers']}")
    if len(rows) > MAX_TIERS:
        raise InputError(f"tiers: a campaign has at most {MAX_TIERS}, not {len(rows)}")
    return Terms(
        charity_id=charity_id_of(str(found["charity"])),
        name=_named(found["name"], MAX_NAME, "name"),
        symbol=_named(found["symbol"], MAX_SYMBOL, "symbol"),
        page=_uri(found["page"], "page"),
        asset=goal.asset,
        goal=goal.amount,
        deadline=_deadline(found["deadline"], now),
        is_all_or_nothing=_policy(found["policy"]),
        royalty=_royalty(found.get("royalty", "0 %")),
        tiers=tuple(_tier(row, number, goal.asset, assets) for number, row in enumerate(rows)),
        milestones=_milestones(found.get("milestones", [])),
    )


def share_text(basis_points: int) -> str:
    """250 as "2.5 %"."""
    return f"{from_units(basis_points, 2)} %"


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


def _check_keys(found: Mapping[str, Any], known: Mapping[str, str], what: str) -> None:
    for key in found:
        if key not in known:
            raise InputError(f"{what}: {key!r} is not known; there are {', '.join(known)}")
    for key, example in known.items():
        if key not in _NOT_NEEDED and key not in found:
            raise InputError(f"{what}: {key} is missing; write it like {key} = {example}")


def _tier(row: Any, number: int, asset: Asset, assets: Assets) -> TierTerms:
    what = f"tier {number}"
    if not isinstance(row, Mapping):
        raise InputError(f"{what}: write {_KEYS['tiers'][1:-1]}")
    _check_keys(row, _TIER_KEYS, what)
    price = _money(row["price"], assets, f"{what}: price")
    if price.asset != asset:
        raise InputError(
            f"{what}: its price is in {price.asset.symbol}, the goal in {asset.symbol}; "
            "a campaign takes one asset"
        )
    supply = str(row["supply"]).replace("_", "")
    if not supply.isascii() or not supply.isdigit() or not 0 < int(supply) <= MAX_SUPPLY:
        raise InputError(
            f"{what}: {row['supply']!r} is no supply; write how many there are, "
            f"from 1 to {MAX_SUPPLY:_}"
        )
    return TierTerms(price.amount, int(supply), _uri(row["artwork"], f"{what}: artwork"))


def _money(value: Any, assets: Assets, what: str) -> Money:
    if not isinstance(value, str):
        raise InputError(f'{what}: {value!r} of what? Write it with its asset, "5000 USDC"')
    try:
        money = parse(value, assets)
    except AmountError as error:
        raise AmountError(f"{what}: {error}") from error
    if money.amount > MAX_RAISED:
        raise AmountError(f"{what}: {value} is more than a campaign can count")
    return money


def _named(value: Any, most: int, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{what}: {value!r} is none; write {_KEYS[what]}")
    return check_text(value.strip(), most, what)


def _uri(value: Any, what: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not _URI.fullmatch(text):
        raise InputError(
            f"{what}: {value!r} is no address; write it like ipfs://... or https://..."
        )
    return check_text(text, MAX_URI, what)


def _deadline(value: Any, now: int) -> int:
    if isinstance(value, dt.datetime):  # TOML knows dates; without a zone they are UTC
        deadline = int(value.replace(tzinfo=value.tzinfo or dt.UTC).timestamp())
    else:
        try:
            deadline = read_time(str(value), now)
        except InputError as error:
            raise InputError(f"deadline: {error}") from error
    if deadline <= now:
        raise InputError(
            f"deadline: {value} is over; it is {date_text(now)} on the chain: write a later one"
        )
    if deadline - now > MAX_DURATION:
        raise InputError(
            f"deadline: {value} is too far; at most {MAX_DURATION // 86_400} days (ten years) "
            f"from now, {date_text(now + MAX_DURATION)}"
        )
    return deadline


def _policy(value: Any) -> bool:
    if value not in (STRICT, KEEP):
        raise InputError(f"policy: {value!r} is none; write {STRICT} or {KEEP}")
    return bool(value == STRICT)


def _share(value: Any, what: str) -> int:
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InputError(f'{what}: {value!r} is no share; write it like "5 %"')
    try:
        return to_units(match[1], 2)
    except AmountError as error:
        raise AmountError(f"{what}: {error}") from error


def _royalty(value: Any) -> int:
    royalty = _share(value, "royalty")
    if royalty > MAX_ROYALTY:
        raise InputError(f"royalty: {value} is too high; at most {share_text(MAX_ROYALTY)}")
    return royalty


def _milestones(value: Any) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InputError(f"milestones: write a list, {_KEYS['milestones']}")
    if len(value) > MAX_STAGES:
        raise InputError(f"milestones: at most {MAX_STAGES}, not {len(value)}")
    shares = tuple(_share(entry, f"milestone {number}") for number, entry in enumerate(value))
    for number, share in enumerate(shares):
        if share == 0:
            raise InputError(f"milestone {number}: nothing is released by it; leave it out")
    if sum(shares) > BASIS:
        raise InputError(
            f"milestones: together they release {share_text(sum(shares))}; at most 100 % "
            "(what they leave out is free at once)"
        )
    return shares
