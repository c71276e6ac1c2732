"""What a campaign promises: read from a file or from options, and checked before anything is sent.

The contract checks the same, but a person should learn it for free, and all of it in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from donablock.chain.amounts import Asset, Assets, Money
from donablock.errors import InputError
from donablock.giving.charities import charity_id_of
from donablock.giving.terms import (
    BASIS,
    check_keys,
    check_text,
    read_later,
    read_money,
    read_share,
    read_shares,
    read_uri,
    share_text,
)

__all__ = [
    "KEEP",
    "MAX_RAISED",
    "STRICT",
    "Terms",
    "TierTerms",
    "read_terms",
    "read_tier",
]

MAX_DURATION = 3_650 * 86_400
_LONGEST = f"{MAX_DURATION // 86_400} days (ten years)"
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
    check_keys(found, _KEYS, "the terms", _NOT_NEEDED)
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
        page=read_uri(found["page"], "page", MAX_URI),
        asset=goal.asset,
        goal=goal.amount,
        deadline=read_later(found["deadline"], now, MAX_DURATION, _LONGEST),
        is_all_or_nothing=_policy(found["policy"]),
        royalty=_royalty(found.get("royalty", "0 %")),
        tiers=tuple(_tier(row, number, goal.asset, assets) for number, row in enumerate(rows)),
        milestones=_milestones(found.get("milestones", [])),
    )


def _tier(row: Any, number: int, asset: Asset, assets: Assets) -> TierTerms:
    what = f"tier {number}"
    if not isinstance(row, Mapping):
        raise InputError(f"{what}: write {_KEYS['tiers'][1:-1]}")
    check_keys(row, _TIER_KEYS, what)
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
    return TierTerms(
        price.amount, int(supply), read_uri(row["artwork"], f"{what}: artwork", MAX_URI)
    )


def _money(value: Any, assets: Assets, what: str) -> Money:
    return read_money(value, assets, what, MAX_RAISED, "a campaign")


def _named(value: Any, most: int, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{what}: {value!r} is none; write {_KEYS[what]}")
    return check_text(value.strip(), most, what)


def _policy(value: Any) -> bool:
    if value not in (STRICT, KEEP):
        raise InputError(f"policy: {value!r} is none; write {STRICT} or {KEEP}")
    return bool(value == STRICT)


def _royalty(value: Any) -> int:
    royalty = read_share(value, "royalty")
    if royalty > MAX_ROYALTY:
        raise InputError(f"royalty: {value} is too high; at most {share_text(MAX_ROYALTY)}")
    return royalty


def _milestones(value: Any) -> tuple[int, ...]:
    shares = read_shares(value, "milestone", MAX_STAGES, _KEYS["milestones"])
    if sum(shares) > BASIS:
        raise InputError(
            f"milestones: together they release {share_text(sum(shares))}; at most 100 % "
            "(what they leave out is free at once)"
        )
    return shares
