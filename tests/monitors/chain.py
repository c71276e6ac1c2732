"""Blocks for the tests, put together by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode

from donablock.chain.blocks import Block, Log, Transaction
from donablock.monitors.categories import TRANSFER, TRANSFER_BATCH, TRANSFER_SINGLE
from donablock.monitors.index import Index
from donablock.monitors.matching import Hit, Tally, match_block
from donablock.monitors.monitor import Definition, Monitor

ZERO = "0x" + "0" * 40
ETHER = 10**18


def address(number: int) -> str:
    return f"0x{number:040x}"


DONOR, PAYEE, STRANGER, TOKEN, OTHER_TOKEN, OPERATOR = map(address, range(0xA1, 0xA7))


def hash_of(*parts: Any) -> str:
    from hashlib import sha256

    return "0x" + sha256(repr(parts).encode()).hexdigest()


def word(value: int | str) -> str:
    """A topic, or 32 bytes of data with 0x."""
    return f"0x{int(value, 16) if isinstance(value, str) else value:064x}"


def data(types: Sequence[str], values: Sequence[Any]) -> str:
    return "0x" + encode(types, values).hex()


def erc20(sender: str, receiver: str, value: int, token: str = TOKEN) -> Log:
    return Log(token, (TRANSFER, word(sender), word(receiver)), word(value), 0)


def erc721(sender: str, receiver: str, token_id: int, token: str = TOKEN) -> Log:
    return Log(token, (TRANSFER, word(sender), word(receiver), word(token_id)), "0x", 0)


def erc1155(sender: str, receiver: str, token_id: int, value: int, token: str = TOKEN) -> Log:
    topics = (TRANSFER_SINGLE, word(OPERATOR), word(sender), word(receiver))
    return Log(token, topics, data(["uint256", "uint256"], [token_id, value]), 0)


def batch(sender: str, receiver: str, pairs: Sequence[tuple[int, int]], token: str = TOKEN) -> Log:
    topics = (TRANSFER_BATCH, word(OPERATOR), word(sender), word(receiver))
    lists = [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]
    return Log(token, topics, data(["uint256[]", "uint256[]"], lists), 0)


def transaction(
    *logs: Log,
    sender: str = STRANGER,
    to: str | None = STRANGER,
    value: int = 0,
    input: str = "0x",
    is_success: bool = True,
    created: str | None = None,
) -> Transaction:
    """Hash, index and the logs' indexes are given by `block`."""
    return Transaction("", 0, sender, to, hex(value), input, is_success, created, logs)


def block(*transactions: Transaction, number: int = 100, fork: int = 0) -> Block:
    numbered, index = [], 0
    for at, one in enumerate(transactions):
        logs = []
        for log in one.logs:
            logs.append(Log(log.address, log.topics, log.data, index))
            index += 1
        own = (one.sender, one.to, one.value, one.input, one.is_success, one.created)
        numbered.append(Transaction(hash_of(number, at), at, *own, tuple(logs)))
    return Block(
        1,
        number,
        hash_of("block", number, fork),
        hash_of("block", number - 1, 0),
        1_700_000_000 + 12 * number,
        tuple(numbered),
    )


def monitor(
    category: str, *, id: str = "mo_1", direction: str = "all", active_from: int = 0, **more: Any
) -> Monitor:
    """`more`: of its definition."""
    return Monitor(id, category, Definition(**more), direction=direction, active_from=active_from)


def matched(
    watching: Monitor,
    addresses: Sequence[str],
    *transactions: Transaction,
    tally: Tally | None = None,
) -> list[Hit]:
    """What one monitor finds in one block."""
    index = Index.of([(watching, addresses)])
    return match_block(block(*transactions), index, tally)


def seen(hits: Sequence[Hit]) -> list[tuple[Any, ...]]:
    """What matters most of each: whose, in which direction, and what."""
    return [(hit.address, hit.direction, hit.values) for hit in hits]
