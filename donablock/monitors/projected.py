"""The rows that a block gives to `contract_events`: the same ones for whoever reads the block."""

from __future__ import annotations

import datetime as dt
from typing import Any

from donablock.chain.blocks import Block
from donablock.monitors.abi import MalformedError
from donablock.monitors.builtin import Contracts, Own, own_logs
from donablock.monitors.payloads import arguments_of

__all__ = ["COLUMNS", "CONSUMER", "rows_of"]

CONSUMER = "projections"
"""Of the stream; whose contracts these are."""

COLUMNS = (
    *("chain_id", "block_number", "block_hash", "transaction_hash", "log_index"),
    *("contract", "name", "args", "block_time", "address"),
)


def rows_of(block: Block, known: Contracts) -> list[tuple[Any, ...]]:
    """One for each log of our contracts, in the order of COLUMNS."""
    time = dt.datetime.fromtimestamp(block.timestamp, dt.UTC)
    hash = _raw(block.hash)
    return [
        (
            *(block.chain_id, block.number, hash, _raw(own.transaction.hash), own.log.index),
            *(own.contract, *_told(own), time, _raw(own.log.address)),
        )
        for own in own_logs(block, known)
    ]


def _told(own: Own) -> tuple[str, dict[str, Any]]:
    """Name and arguments; "" and what was logged where it is none of the contract's events."""
    if own.event is not None:
        try:
            return own.event.name, arguments_of(own.event.parameters, own.arguments)
        except MalformedError:
            pass
    return "", {"topics": own.log.topics, "data": own.log.data}


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
