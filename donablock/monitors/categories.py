"""What a monitor can look for, which fields its condition may then read, and how a log or a call is
read into them.

    native     the chain's coin, moved by a transaction itself (not by a contract within it)
    erc20      Transfer with 3 topics
    erc721     Transfer with 4 topics
    erc1155    TransferSingle and TransferBatch; each part of a batch by itself
    event      any event of a given ABI
    function   any function of a given ABI, called by a transaction itself
    donablock  the events of our own contracts (builtin.py)

A log that has not the form its category asks for (number of topics, unused bits, length) does not
match; who decodes it sees MalformedError. What the data has beyond that is ignored, as Solidity
does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from donablock.chain.blocks import Block, Log, Transaction
from donablock.monitors.abi import EventAbi, FunctionAbi, MalformedError, decoder_of
from donablock.monitors.conditions import (
    ADDRESS,
    BOOL,
    BYTES,
    ArrayType,
    Schema,
    SchemaField,
    uint_of,
)
from donablock.monitors.conditions.lexer import KEYWORDS

__all__ = [
    "CATEGORIES",
    "INPUT",
    "LOG_FIELDS",
    "TRANSFER",
    "TRANSFER_BATCH",
    "TRANSFER_SINGLE",
    "ZERO_ADDRESS",
    "Category",
    "Direction",
    "EventKind",
    "FunctionKind",
    "Kind",
    "LogKind",
    "NativeKind",
    "argument_fields",
    "context",
    "erc20",
    "erc721",
    "erc1155",
    "native",
]

Category = Literal["native", "erc20", "erc721", "erc1155", "event", "function", "donablock"]
Direction = Literal["in", "out", "all"]

CATEGORIES: tuple[Category, ...] = (
    *("native", "erc20", "erc721", "erc1155", "event", "function", "donablock"),
)

# keccak-256 of Transfer(address,address,uint256), TransferSingle(address,address,address,uint256,
# uint256) and TransferBatch(address,address,address,uint256[],uint256[])
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
TRANSFER_SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"

_WORD = uint_of(256)
ZERO_ADDRESS = "0x" + "0" * 40
_PADDING = "0x" + "0" * 24

INPUT = "transaction.input"
"""The field whose value is made only where a condition reads it, since it may be long. The last."""

_CONTRACT = SchemaField("contract", ADDRESS, "the contract that the log is of")
LOG_FIELDS = (
    _CONTRACT,
    SchemaField("log.index", uint_of(32), "the log's place in the block, from 0"),
)
_CONTEXT = (
    SchemaField("block.number", uint_of(64), "the block's number"),
    SchemaField("block.timestamp", uint_of(64), "the block's time, in seconds since 1970"),
    SchemaField("transaction.index", uint_of(32), "its place in the block, from 0"),
    SchemaField("transaction.from", ADDRESS, "who sent it"),
    SchemaField(
        "transaction.to", ADDRESS, "where it was sent; for a creation the contract that was made"
    ),
    SchemaField("transaction.value", _WORD, "wei sent with it"),
    SchemaField("transaction.is_creation", BOOL, "whether it was to make a contract"),
    SchemaField(INPUT, BYTES, "its calldata"),
)


def context(block: Block, transaction: Transaction) -> tuple[Any, ...]:
    """The values of what every category knows of its transaction, without the input."""
    return (
        block.number,
        block.timestamp,
        transaction.index,
        transaction.sender,
        transaction.to or transaction.created or ZERO_ADDRESS,
        transaction.amount,
        transaction.to is None,
    )


class Kind:
    """What several monitors look for alike. `fields`: what is read of the log or the call itself,
    before what every category knows."""

    category: Category
    fields: tuple[SchemaField, ...]

    def schema(self, units: Mapping[str, int] | None = None) -> Schema:
        """What a condition may read. `units`: by what monitors call their tokens' units."""
        return _schema(self, tuple(sorted((units or {}).items())))


@lru_cache(maxsize=4_096)
def _schema(kind: Kind, units: tuple[tuple[str, int], ...]) -> Schema:
    # one for all monitors alike, so that they share compiled conditions
    return Schema((*kind.fields, *_CONTEXT), dict(units))


class NativeKind(Kind):
    category = "native"
    fields = (
        SchemaField("from", ADDRESS, "who sent the coin"),
        SchemaField("to", ADDRESS, "who got it; for a creation the contract that was made"),
        SchemaField("value", _WORD, "wei; never zero"),
    )


class LogKind(Kind):
    """What a log tells. `topics`: its first topic is one of these. `count`: how many there are.
    `places`: which topics hold an address that may be watched, and the direction seen from it."""

    topics: tuple[str, ...]
    count: int
    places: Mapping[int, Direction]
    data_places: tuple[int, ...] = ()

    def read(self, log: Log) -> list[tuple[Any, ...]]:
        """The values of `fields`, once for each thing that the log tells. Raises MalformedError."""
        raise NotImplementedError

    def takes(self, topics: tuple[str, ...]) -> bool:
        """Whether a log with these topics is of this kind."""
        return len(topics) == self.count and topics[0] in self.topics


class _Transfer20(LogKind):
    category = "erc20"
    topics, count = (TRANSFER,), 3
    places = {1: "out", 2: "in"}
    fields = (
        SchemaField("from", ADDRESS, "who sent the tokens; zero where they were made"),
        SchemaField("to", ADDRESS, "who got them; zero where they were burnt"),
        SchemaField("value", _WORD, "how much, in the token's smallest unit; may be zero"),
        *LOG_FIELDS,
    )

    def read(self, log: Log) -> list[tuple[Any, ...]]:
        _, sender, receiver = log.topics
        value = _number(log.data[2:66])
        return [(_address(sender), _address(receiver), value, log.address, log.index)]


class _Transfer721(LogKind):
    category = "erc721"
    topics, count = (TRANSFER,), 4
    places = {1: "out", 2: "in"}
    fields = (
        SchemaField("from", ADDRESS, "who sent the token; zero where it was made"),
        SchemaField("to", ADDRESS, "who got it; zero where it was burnt"),
        SchemaField("token_id", _WORD, "which token"),
        *LOG_FIELDS,
    )

    def read(self, log: Log) -> list[tuple[Any, ...]]:
        _, sender, receiver, token = log.topics
        return [(_address(sender), _address(receiver), _number(token[2:]), log.address, log.index)]


class _Transfer1155(LogKind):
    category = "erc1155"
    topics, count = (TRANSFER_SINGLE, TRANSFER_BATCH), 4
    places = {2: "out", 3: "in"}
    fields = (
        SchemaField("operator", ADDRESS, "who moved the tokens"),
        SchemaField("from", ADDRESS, "who sent them; zero where they were made"),
        SchemaField("to", ADDRESS, "who got them; zero where they were burnt"),
        SchemaField("token_id", _WORD, "which token"),
        SchemaField("value", _WORD, "how many of it; may be zero"),
        *LOG_FIELDS,
    )
    _batch = staticmethod(decoder_of([ArrayType(_WORD), ArrayType(_WORD)]))

    def read(self, log: Log) -> list[tuple[Any, ...]]:
        topic, *addresses = log.topics
        parties = [_address(one) for one in addresses]
        if topic == TRANSFER_SINGLE:
            pairs = [(_number(log.data[2:66]), _number(log.data[66:130]))]
        else:
            tokens, values = self._batch(_raw(log.data[2:]))
            if len(tokens) != len(values):
                raise MalformedError("a batch of unequal lists")
            pairs = list(zip(tokens, values, strict=True))
        return [(*parties, token, value, log.address, log.index) for token, value in pairs]


class EventKind(LogKind):
    """An event of a given ABI. Its arguments are fields under their own names where these are free,
    and always under `args`."""

    category = "event"

    def __init__(self, event: EventAbi) -> None:
        self.event = event
        self.topics = (event.topic,)
        self.count = len(event.indexed) + 1
        self.places = {at: "all" for is_topic, at in event.address_places if is_topic}
        self.data_places = tuple(at for is_topic, at in event.address_places if not is_topic)
        self.fields = (*argument_fields(event), *LOG_FIELDS)

    def read(self, log: Log) -> list[tuple[Any, ...]]:
        return [(*self.event.decode(log.topics, log.data), log.address, log.index)]


class FunctionKind(Kind):
    """A function of a given ABI. Its arguments are fields as those of an event are."""

    category = "function"

    def __init__(self, function: FunctionAbi) -> None:
        self.function = function
        self.fields = (
            *argument_fields(function),
            SchemaField("contract", ADDRESS, "the contract that was called"),
            SchemaField("transaction.is_success", BOOL, "whether it did not fail"),
        )

    def read(self, transaction: Transaction) -> tuple[Any, ...]:
        """The values of `fields`. Raises MalformedError."""
        values = self.function.decode(transaction.input)
        return (*values, transaction.to or ZERO_ADDRESS, transaction.is_success)


native = NativeKind()
erc20 = _Transfer20()
erc721 = _Transfer721()
erc1155 = _Transfer1155()

_TAKEN = KEYWORDS | {"args", "block", "contract", "log", "transaction"}


def argument_fields(entry: EventAbi | FunctionAbi) -> list[SchemaField]:
    """The arguments under their own names where these are free, and always under `args`."""
    found = []
    for one in entry.parameters:
        full = f"args.{one.name}"
        note = f"argument, {one.abi_type}"
        if one.is_indexed:
            note += ", indexed"
        if one.name in _TAKEN:
            found.append(SchemaField(full, one.type, note))
        else:
            found.append(SchemaField(one.name, one.type, note, (full,)))
    return found


def _raw(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise MalformedError("no hexadecimal text") from error


def _number(digits: str) -> int:
    word = _raw(digits)
    if len(word) != 32:
        raise MalformedError("too short")
    return int.from_bytes(word)


def _address(topic: str) -> str:
    if not topic.startswith(_PADDING) or len(topic) != 66:
        raise MalformedError("an address beyond 20 bytes")
    return "0x" + topic[26:]
