"""What a project of the impact fund promises: read from a file or from options, and checked.

The contract checks the same, but a charity should learn it for free, and all of it in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from donablock.chain.amounts import Asset, Assets
from donablock.chain.assets import address_of
from donablock.errors import InputError
from donablock.giving.charities import charity_id_of, hash_of
from donablock.giving.terms import (
    BASIS,
    check_keys,
    read_later,
    read_money,
    read_shares,
    read_uri,
    share_text,
)

__all__ = ["MAX_GOAL", "MAX_URI", "SDGS", "Proposal", "read_proposal", "read_sdg"]

MIN_FUNDING, MAX_FUNDING = 86_400, 365 * 86_400
MAX_GOAL = 2**96 - 1
MAX_STAGES = 8
MAX_URI = 256
SDGS = 17

_KEYS = {
    "charity": "12",
    "payee": '"0x..."',
    "sdg": "2",
    "goal": '"5000 USDC"',
    "deadline": '"60 days"',
    "stages": '["60 %", "40 %"]',
    "loan": "true",
    "plan": '"@plan.pdf"',
    "uri": '"ipfs://..."',
}
"""Every key of a file, and what its value looks like."""


@dataclass(frozen=True)
class Proposal:
    """What a project promises, for good. `goal` in the asset's smallest unit, `deadline` in unix
    seconds (the first one that takes no gift), `stages` in basis points of what is raised, 10,000
    together; `plan_hash` is keccak256 of what lies at `uri`."""

    charity_id: int
    payee: str
    sdg: int
    asset: Asset
    goal: int
    deadline: int
    stages: tuple[int, ...]
    plan_hash: bytes
    uri: str
    is_loan: bool

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As the contract's `propose` takes them."""
        return (
            self.charity_id,
            self.payee,
            self.sdg,
            self.asset.address,
            self.goal,
            self.deadline,
            list(self.stages),
            self.plan_hash,
            self.uri,
            self.is_loan,
        )


def read_proposal(found: Mapping[str, Any], assets: Assets, now: int) -> Proposal:
    """A proposal as written. `assets`: what gifts may come in; `now`: the chain's second.

    Raises InputError or AmountError, which say what to write.
    """
    check_keys(found, _KEYS, "the proposal")
    goal = read_money(found["goal"], assets, "goal", MAX_GOAL, "a project")
    if not isinstance(found["loan"], bool):
        raise InputError(
            f"loan: {found['loan']!r} is neither; write true if the money is to be repaid, "
            "else false"
        )
    return Proposal(
        charity_id=charity_id_of(str(found["charity"])),
        payee=_payee(found["payee"]),
        sdg=read_sdg(str(found["sdg"])),
        asset=goal.asset,
        goal=goal.amount,
        deadline=_deadline(found["deadline"], now),
        stages=_stages(found["stages"]),
        plan_hash=_plan(found["plan"]),
        uri=read_uri(found["uri"], "uri", MAX_URI),
        is_loan=found["loan"],
    )


def read_sdg(text: str) -> int:
    """A Sustainable Development Goal as written. Raises InputError."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= SDGS:
        raise InputError(f"sdg: {text!r} is none; write a number from 1 to {SDGS}")
    return int(text)


def _payee(value: Any) -> str:
    payee = address_of(str(value), "payee")
    if int(payee, 16) == 0:
        raise InputError(f"payee: {payee} is nobody; write the entrepreneur's own address")
    return payee


def _deadline(value: Any, now: int) -> int:
    deadline = read_later(value, now, MAX_FUNDING, f"{MAX_FUNDING // 86_400} days")
    if deadline - now <= MIN_FUNDING:
        raise InputError(
            f"deadline: {value} is too soon; a day must be left when the proposal arrives: "
            "write 2 days, or a later date"
        )
    return deadline


def _stages(value: Any) -> tuple[int, ...]:
    stages = read_shares(value, "stage", MAX_STAGES, _KEYS["stages"])
    if sum(stages) != BASIS:
        raise InputError(
            f"stages: together they release {share_text(sum(stages))}; it must be 100 %"
        )
    return stages


def _plan(value: Any) -> bytes:
    try:
        return hash_of(str(value))
    except InputError as error:
        raise InputError(f"plan: {error}") from error
