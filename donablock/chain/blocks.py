"""A block as the services pass it on: blocks, their transactions and logs, and their msgpack form.

Text is as the node gave it, always "0x" and lower case, so nothing is converted on the way: an
address has 42 characters, a hash or topic 66. Orphaned and canonical blocks look the same here.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

__all__ = [
    "Block",
    "BlockRef",
    "Log",
    "Transaction",
    "decode_block",
    "decode_ref",
    "encode_block",
    "encode_ref",
]


class Log(Struct, frozen=True, array_like=True, gc=False):
    """One log. `index` counts the logs of the whole block from 0."""

    address: str
    topics: tuple[str, ...]
    data: str
    index: int


class Transaction(Struct, frozen=True, array_like=True, gc=False):
    """One transaction and what it did. A failed one has no logs.

    `to` is None where a contract is made; `created` is its address, None if that failed. `value` is
    wei as hexadecimal text, since msgpack has no integer above 64 bits; `amount` is the number.
    """

    hash: str
    index: int
    sender: str
    to: str | None
    value: str
    input: str
    is_success: bool
    created: str | None
    logs: tuple[Log, ...]

    @property
    def amount(self) -> int:
        """Wei."""
        return int(self.value, 16)


class Block(Struct, frozen=True, array_like=True, gc=False):
    """A whole block, transactions in order. `timestamp` is unix seconds."""

    chain_id: int
    number: int
    hash: str
    parent: str
    timestamp: int
    transactions: tuple[Transaction, ...]

    @property
    def ref(self) -> BlockRef:
        return BlockRef(self.number, self.hash, self.parent, self.timestamp)

    @property
    def items(self) -> int:
        """How much there is to look at: transactions and logs."""
        return sum(1 + len(transaction.logs) for transaction in self.transactions)


class BlockRef(Struct, frozen=True, gc=False):
    """Which block: enough to ask for it and to chain it. `timestamp` is unix seconds."""

    number: int
    hash: str
    parent: str
    timestamp: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Block)
_ref_decoder = msgspec.msgpack.Decoder(BlockRef)


def encode_block(block: Block) -> bytes:
    """As msgpack: arrays in the order of the fields."""
    return _encoder.encode(block)


def decode_block(data: bytes | memoryview) -> Block:
    """The block again. Raises msgspec.DecodeError for what is no block."""
    return _decoder.decode(data)


def encode_ref(block: BlockRef) -> bytes:
    """As msgpack: a map by the fields' names."""
    return _encoder.encode(block)


def decode_ref(data: bytes | memoryview) -> BlockRef:
    """The same again. Raises msgspec.DecodeError for what is none."""
    return _ref_decoder.decode(data)
