"""The chains that can be read: config/chains.json, and the operator's own file of the same form.

Which answers of a node can be proved depends on the chain. Where the format of its headers or
receipts is not Ethereum's, or was not tried, the proof is off and the weaker checks remain.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from donablock.errors import ChainFileError
from donablock.settings import settings

__all__ = ["Chain", "chain_of", "load_chains"]


class Chain(BaseModel):
    """One chain, and how far its nodes' answers can be checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    chain_id: int = Field(gt=0, lt=2**63)
    also_chain_ids: tuple[int, ...] = Field(default=(), description="other ids of the same kind")
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)
    confirmations: int = Field(
        ge=0, le=100_000, description="blocks on top of an event's block before it is confirmed"
    )
    poll_seconds: float = Field(gt=0, le=600, description="between two looks at the head")
    max_lag: int = Field(
        ge=0, le=100_000, description="a node that is more blocks behind than this is passed over"
    )
    is_header_checked: bool = Field(
        description="the block's hash is recomputed from its header, in Ethereum's format"
    )
    is_receipts_root_checked: bool = Field(
        description="the receipts' root is recomputed, in Ethereum's format"
    )
    is_transactions_root_checked: bool = Field(
        description="the transactions' root and hashes are recomputed, in Ethereum's format"
    )
    bloom: Literal["exact", "covered", "off"] = Field(
        description="exact: the header's bloom is that of the logs; covered: no log that it tells "
        "of is missing, and there may be logs that it does not tell of"
    )
    transaction_types: tuple[int, ...] | None = Field(
        default=None, description="those there are; others are refused where a root is checked"
    )
    note: str = Field(default="", description="why it is as it is")

    @field_validator("also_chain_ids", "transaction_types", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _consistent(self) -> Chain:
        has_proof = self.is_receipts_root_checked or self.is_transactions_root_checked
        if has_proof and self.transaction_types is None:
            raise ValueError(
                "transaction_types: list them, since no root can be recomputed of an unknown type"
            )
        if self.chain_id in self.also_chain_ids:
            raise ValueError("also_chain_ids: the chain's own id is among them")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    chains: tuple[Chain, ...]

    @field_validator("chains", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


def load_chains() -> dict[int, Chain]:
    """Every chain by id, each `also_chain_ids` too; the operator's own file wins.

    Raises ChainFileError, which names file and field.
    """
    found = _read(settings().chains_path)
    own = settings().own_chains_path
    if own is not None:
        found |= _read(own)
    return found


def chain_of(chain_id: int) -> Chain:
    """The chain with this id. Raises ChainFileError if there is none."""
    chains = load_chains()
    if chain_id not in chains:
        known = ", ".join(f"{chain.name} ({number})" for number, chain in sorted(chains.items()))
        raise ChainFileError(
            f"chain {chain_id} is not known; known are {known or 'none'}. Write it into a file "
            "like config/chains.json and name that file in DONABLOCK_OWN_CHAINS"
        )
    return chains[chain_id]


def _read(path: Path) -> dict[int, Chain]:
    try:
        listed = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ChainFileError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: "
            f"{fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise ChainFileError(f"{path.name}: {faults}") from error
    except ValueError as error:
        raise ChainFileError(f"{path} is not JSON: {error}") from error
    found: dict[int, Chain] = {}
    for chain in listed.chains:
        for number in (chain.chain_id, *chain.also_chain_ids):
            if number in found:
                raise ChainFileError(f"{path}: chain id {number} stands there twice")
            found[number] = chain.model_copy(update={"chain_id": number, "also_chain_ids": ()})
    return found
