"""Logs of one contract and one event, chosen by indexed arguments, in pages, oldest first.

`chain.logs` reads everything that our contracts log; this asks the node for a few logs among many,
such as one donor's gifts. A refused page is halved until it passes, as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from web3.contract import Contract
from web3.exceptions import Web3Exception
from web3.types import TxReceipt

from donablock.chain.logs import Event
from donablock.chain.session import Session, ask
from donablock.errors import NodeError

__all__ = ["LOOKUP_BLOCKS", "PAGE", "logged", "scan"]

# blocks asked for at once, at most; what public nodes commonly allow
PAGE = 5_000
# how far back something that is only nice to have is looked for
LOOKUP_BLOCKS = 50 * PAGE


def scan(
    contract: Contract,
    event: str,
    filters: Mapping[str, Any] | None = None,
    *,
    from_block: int = 0,
    to_block: int | None = None,
    page: int = PAGE,
) -> Iterator[Event]:
    """Every log `event` of the contract in a range of blocks, both ends included, oldest first.

    `filters`: values of indexed arguments. `to_block`: the newest block if left out. Raises
    NodeError where the node refuses even a single block.
    """
    last = int(ask(lambda: contract.w3.eth.block_number)) if to_block is None else to_block
    start, width = from_block, page
    while start <= last:
        end = min(start + width - 1, last)
        try:
            found = list(
                contract.events[event]().get_logs(
                    argument_filters=dict(filters or {}), from_block=start, to_block=end
                )
            )
        except (Web3Exception, ValueError, OSError) as error:
            if end == start or isinstance(error, OSError):
                raise NodeError(
                    f"the node gives no logs of block {start}: {error}; ask another node"
                ) from error
            width = max(1, (end - start + 1) // 2)
            continue
        yield from (_event(entry) for entry in found)
        start, width = end + 1, min(page, width * 2)


def logged(session: Session, receipt: TxReceipt, contract: str, *names: str) -> list[Event]:
    """What one of our contracts logged in a transaction of these events, in order."""
    return [
        event
        for event in session.events(receipt)
        if event.contract == contract and event.name in names
    ]


def _event(entry: Any) -> Event:
    return Event(
        contract="",
        name=str(entry["event"]),
        args=dict(entry["args"]),
        address=entry["address"],
        block_number=int(entry["blockNumber"]),
        block_hash="0x" + bytes(entry["blockHash"]).hex(),
        transaction="0x" + bytes(entry["transactionHash"]).hex(),
        log_index=int(entry["logIndex"]),
    )
