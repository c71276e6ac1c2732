"""What nodes answer, as far as it is needed: structs that msgspec decodes straight from the bytes.

Lengths are checked while decoding. Everything else is checked in donablock/chain/checks.py.
Transactions and receipts come in two widths: what a block is made of, and what its roots are
recomputed from, which costs more to decode.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = [
    "AccessAnswer",
    "AddressText",
    "AuthorizationAnswer",
    "BlockAnswer",
    "BloomText",
    "HashText",
    "HeaderAnswer",
    "LogAnswer",
    "ProvableBlockAnswer",
    "ProvableReceiptAnswer",
    "ProvableTransactionAnswer",
    "Quantity",
    "ReceiptAnswer",
    "TransactionAnswer",
]

AddressText = Annotated[str, Meta(min_length=42, max_length=42)]
HashText = Annotated[str, Meta(min_length=66, max_length=66)]
BloomText = Annotated[str, Meta(min_length=514, max_length=514)]
Quantity = Annotated[str, Meta(min_length=3, max_length=66)]
"""An integer of at most 256 bits."""


def _name(field: str) -> str:
    """As a node writes it. "from" can be no field's name here."""
    head, *rest = field.split("_")
    return "from" if field == "sender" else head + "".join(part.title() for part in rest)


class HeaderAnswer(Struct, rename="camel", gc=False, frozen=True):
    """A block without its transactions. Fields that a fork added are None before it."""

    hash: HashText
    parent_hash: HashText
    sha3_uncles: HashText
    miner: AddressText
    state_root: HashText
    transactions_root: HashText
    receipts_root: HashText
    logs_bloom: BloomText
    number: Quantity
    gas_limit: Quantity
    gas_used: Quantity
    timestamp: Quantity
    extra_data: str
    # some chains leave out what the merge made constant
    difficulty: Quantity = "0x0"
    mix_hash: HashText | None = None
    nonce: str | None = None
    base_fee_per_gas: Quantity | None = None
    withdrawals_root: HashText | None = None
    blob_gas_used: Quantity | None = None
    excess_blob_gas: Quantity | None = None
    parent_beacon_block_root: HashText | None = None
    requests_hash: HashText | None = None


class TransactionAnswer(Struct, rename=_name, gc=False, frozen=True):
    """A transaction of a block."""

    to: AddressText | None
    value: Quantity
    input: str
    hash: HashText
    sender: AddressText


class AccessAnswer(Struct, rename="camel", gc=False, frozen=True):
    """An entry of an access list (EIP-2930)."""

    address: AddressText
    storage_keys: tuple[HashText, ...]


class AuthorizationAnswer(Struct, rename="camel", gc=False, frozen=True):
    """An entry of an authorization list (EIP-7702)."""

    chain_id: Quantity
    address: AddressText
    nonce: Quantity
    y_parity: Quantity
    r: Quantity
    s: Quantity


class ProvableTransactionAnswer(
    TransactionAnswer, rename=_name, gc=False, frozen=True, kw_only=True
):
    """With what its place in the transactions' root is made of; which fields there are depends on
    `type`."""

    nonce: Quantity
    gas: Quantity
    r: Quantity
    s: Quantity
    v: Quantity
    type: Quantity = "0x0"
    y_parity: Quantity | None = None
    chain_id: Quantity | None = None
    gas_price: Quantity | None = None
    max_fee_per_gas: Quantity | None = None
    max_priority_fee_per_gas: Quantity | None = None
    max_fee_per_blob_gas: Quantity | None = None
    access_list: tuple[AccessAnswer, ...] | None = None
    blob_versioned_hashes: tuple[HashText, ...] | None = None
    authorization_list: tuple[AuthorizationAnswer, ...] | None = None


class BlockAnswer(HeaderAnswer, rename="camel", gc=False, frozen=True, kw_only=True):
    """A block with its transactions."""

    transactions: tuple[TransactionAnswer, ...]


class ProvableBlockAnswer(BlockAnswer, rename="camel", gc=False, frozen=True, kw_only=True):
    """With transactions whose root can be recomputed."""

    transactions: tuple[ProvableTransactionAnswer, ...]


class LogAnswer(Struct, rename="camel", gc=False, frozen=True):
    """A log of a receipt."""

    address: AddressText
    topics: Annotated[tuple[HashText, ...], Meta(max_length=4)]
    data: str
    block_hash: HashText
    log_index: Quantity


class ReceiptAnswer(Struct, rename="camel", gc=False, frozen=True):
    """What a transaction did. `status` is None before Byzantium."""

    logs: tuple[LogAnswer, ...]
    transaction_hash: HashText
    block_hash: HashText
    status: str | None = None
    contract_address: AddressText | None = None


class ProvableReceiptAnswer(ReceiptAnswer, rename="camel", gc=False, frozen=True, kw_only=True):
    """With what its place in the receipts' root is made of. `root` is there before Byzantium."""

    cumulative_gas_used: Quantity
    type: Quantity = "0x0"
    logs_bloom: BloomText | None = None
    root: HashText | None = None
