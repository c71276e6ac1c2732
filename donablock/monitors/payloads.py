"""The `data` of a webhook. The same match always has the same bytes: keys in a fixed order, and
nothing that is not of the block (no clock, no counter).

Numbers that may pass 2**53 are decimal text, always, so that a field has one type in all messages:
amounts, token ids and arguments wider than 48 bits. Addresses and hashes are lower case. What in
`data` tells the messages of one match apart (`confirm`) is put in by `messages`.

A log may be of any size; a message is not. The data of a log beyond MAX_RAW characters is left out,
and so are arguments that are longer than MAX_ARGUMENTS in all. `omitted` then names what is
missing; it is on the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from donablock.chain.blocks import Block
from donablock.monitors.abi import Parameter
from donablock.monitors.builtin import BuiltinKind
from donablock.monitors.categories import EventKind, FunctionKind
from donablock.monitors.conditions import (
    ADDRESS,
    ArrayType,
    BoolType,
    BytesType,
    IntegerType,
    TupleType,
    Type,
)
from donablock.monitors.ids import WINDOW, match_id
from donablock.monitors.matching import Hit
from donablock.monitors.messages import event_id
from donablock.monitors.monitor import Monitor
from donablock.monitors.windows import Firing

__all__ = [
    "MAX_ARGUMENTS",
    "MAX_RAW",
    "Names",
    "arguments_of",
    "firing_id",
    "firing_payload",
    "payload",
    "plain",
]

MAX_RAW = 16_384
"""Characters of a log's data."""

MAX_ARGUMENTS = 65_536
"""Bytes of all arguments as JSON."""

Names = Callable[[str], tuple[str, str] | None]
"""Name and symbol of a contract, where somebody knows them."""

_TITLES = {
    "native": "Native",
    "erc20": "ERC20",
    "erc721": "ERC721",
    "erc1155": "ERC1155",
    "event": "Event",
    "function": "Function",
    "donablock": "DonaBlock",
}
# what fits into a JSON number of any reader
_NUMBER = 2**48

_encoder = msgspec.json.Encoder()


def payload(hit: Hit, chain: str, names: Names | None = None) -> bytes:
    """`matches.payload`. chain: the chain's name, "ethereum"."""
    block, transaction, monitor = hit.block, hit.transaction, hit.monitor
    category = monitor.category
    data = _head(block, chain, monitor)
    data["hash"] = transaction.hash
    values = hit.values
    omitted: list[str] = []
    if category == "native":
        data["fromAddress"], data["toAddress"] = values[:2]
        data["nativeAmount"] = str(values[2])
        data["isCreation"] = transaction.to is None
    elif category in ("erc20", "erc721", "erc1155"):
        _transfer(data, category, values)
    elif isinstance(monitor.kind, EventKind):
        data["fromAddress"], data["toAddress"] = transaction.sender, transaction.to
        event = monitor.kind.event
        arguments = _arguments(event.parameters, values, "event.arguments", omitted)
        data["event"] = {
            "name": event.name,
            "signature": event.signature,
            "arguments": arguments,
        }
    elif isinstance(monitor.kind, BuiltinKind) and hit.log is not None:
        data["fromAddress"], data["toAddress"] = transaction.sender, transaction.to
        contract, event = monitor.kind.event_of(values)
        decoded = event.decode(hit.log.topics, hit.log.data)
        data["event"] = {
            "contract": contract,
            "name": event.name,
            "signature": event.signature,
            "arguments": _arguments(event.parameters, decoded, "event.arguments", omitted),
        }
    elif isinstance(monitor.kind, FunctionKind):
        data["fromAddress"], data["toAddress"] = transaction.sender, transaction.to
        function = monitor.kind.function
        arguments = _arguments(function.parameters, values, "function.arguments", omitted)
        data["function"] = {
            "name": function.name,
            "signature": function.signature,
            "arguments": arguments,
        }
        data["nativeAmount"] = str(transaction.amount)
        data["isSuccess"] = transaction.is_success
    data["txnIndex"] = transaction.index
    if hit.log is not None:
        log = hit.log
        data["logIndex"] = log.index
        if hit.element is not None:
            data["batchIndex"] = hit.element
        name, symbol = (names(log.address) if names else None) or (None, None)
        data["contract"] = {"address": log.address, "name": name, "symbol": symbol}
        is_long = len(log.data) > MAX_RAW
        data["rawLog"] = {"topics": log.topics, "data": None if is_long else log.data}
        omitted += ["rawLog.data"] if is_long else []
    return _end(data, hit.address, hit.direction, hit.id, monitor, omitted)


def _head(block: Block, chain: str, monitor: Monitor) -> dict[str, Any]:
    return {
        "chain": chain,
        "chainId": block.chain_id,
        "monitorId": monitor.id,
        "category": _TITLES[monitor.category],
        "blockNumber": block.number,
        "blockHash": block.hash,
        "dateCreated": _time(block.timestamp),
    }


@lru_cache(maxsize=256)
def _time(timestamp: int) -> str | None:
    try:
        time = datetime.fromtimestamp(timestamp, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # beyond the year 9999: a chain of somebody's own
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _end(
    data: dict[str, Any],
    address: str | None,
    direction: str,
    match: bytes,
    monitor: Monitor,
    omitted: Sequence[str] = (),
) -> bytes:
    data["type"] = direction
    data["associatedAddress"] = address
    data["eventId"] = event_id(match)
    data["tags"] = monitor.tags
    if omitted:
        data["omitted"] = omitted
    return _encoder.encode(data)


def _transfer(data: dict[str, Any], category: str, values: Sequence[Any]) -> None:
    if category == "erc1155":
        data["operator"], values = values[0], values[1:]
    data["fromAddress"], data["toAddress"] = values[:2]
    if category != "erc20":
        data["tokenId"] = str(values[2])
    if category != "erc721":
        data["tokenValue"] = str(values[3 if category == "erc1155" else 2])


def _arguments(
    parameters: Sequence[Parameter], values: Sequence[Any], name: str, omitted: list[str]
) -> msgspec.Raw | None:
    encoded = _encoder.encode(arguments_of(parameters, values))
    if len(encoded) > MAX_ARGUMENTS:
        omitted.append(name)
        return None
    return msgspec.Raw(encoded)


def arguments_of(parameters: Sequence[Parameter], values: Sequence[Any]) -> dict[str, Any]:
    """By name, as JSON has them. values: may have more than there are parameters."""
    return {
        one.name: plain(one.type, value) for one, value in zip(parameters, values, strict=False)
    }


def plain(type_: Type, value: Any) -> Any:
    """A decoded value as JSON has it. Where a log keeps a hash alone: {"hash": "0x..."}."""
    match type_:
        case IntegerType(low=low, high=high):
            return value if -_NUMBER <= low and high <= _NUMBER else str(value)
        case BytesType(hash_of=what):
            return {"hash": "0x" + value.hex()} if what else "0x" + value.hex()
        case ArrayType(item=item):
            return [plain(item, one) for one in value]
        case TupleType(names=names, parts=parts):
            found = zip(names, parts, value, strict=True)
            return {name: plain(part, one) for name, part, one in found}
    return value


# --- windows --------------------------------------------------------------------------------------


def firing_id(block: Block, monitor: Monitor, firing: Firing) -> bytes:
    """The id of the match that a window's firing is: its place is WINDOW, its address the group."""
    return match_id(
        block.chain_id, block.hash, "", WINDOW, monitor.id, "0x" + firing.key.hex(), "all"
    )


def firing_payload(
    block: Block, monitor: Monitor, firing: Firing, chain: str, last: Hit | None = None
) -> bytes:
    """`matches.payload` of a window that came true at a block. last: the match that was added to
    the group last, in this block; None where the time alone did it."""
    window = monitor.program.window
    if window is None:
        raise ValueError(f"{monitor} has no window")
    data = _head(block, chain, monitor)
    if last is not None:
        data["hash"] = last.transaction.hash
        data["txnIndex"] = last.transaction.index
        if last.log is not None:
            data["logIndex"] = last.log.index
    type_ = ADDRESS if window.is_by_address else window.by.type if window.by else None
    group: Any = None
    if isinstance(type_, IntegerType):
        group = firing.key.decode()
    elif isinstance(type_, BoolType):
        group = firing.key == b"1"
    elif type_ is not None:
        group = "0x" + firing.key.hex()
    data["window"] = {
        "condition": window.text,
        "aggregate": window.aggregate,
        "periodSeconds": window.period,
        "by": "address" if window.is_by_address else window.by.text if window.by else None,
        "group": group,
        "total": str(firing.total),
        "totalBefore": str(firing.before),
        "threshold": str(window.threshold),
    }
    address = group if type_ == ADDRESS else None
    return _end(data, address, "all", firing_id(block, monitor, firing), monitor)
