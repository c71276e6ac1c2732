"""Logs of one contract and one event, chosen by indexed arguments, in pages, oldest first.

`logs` reads everything that our contracts log; this asks the node for a few logs among many,
such as one donor's gifts. A refused page is halved until it passes, as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from web3._utils.filters import construct_event_filter_params
from web3.contract import Contract
from web3.exceptions import Web3Exception
from web3.types import TxReceipt

from donablock.chain.logs import Event, LogReader
from donablock.chain.session import Session, ask
from donablock.errors import NodeError

__all__ = ["LOOKUP_BLOCKS", "PAGE", "logged", "scan", "scan_topics"]

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
    entry = next(e for e in contract.abi if e["type"] == "event" and e["name"] == event)
    _, wanted = construct_event_filter_params(
        cast(Any, entry), contract.w3.codec, argument_filters=dict(filters or {})
    )
    yield from scan_topics(
        contract, wanted["topics"], from_block=from_block, to_block=to_block, page=page
    )


def scan_topics(
    contract: Contract,
    topics: Sequence[Any],
    *,
    from_block: int = 0,
    to_block: int | None = None,
    page: int = PAGE,
) -> Iterator[Event]:
    """The same for topics as nodes take them: one, None for any, or a list of which one is to be
    there, for each place."""
    reader = LogReader({contract.address: ("", cast(Any, contract.abi))})
    last = int(ask(lambda: contract.w3.eth.block_number)) if to_block is None else to_block
    start, width = from_block, page
    while start <= last:
        end = min(start + width - 1, last)
        try:
            found = contract.w3.eth.get_logs(
                {
                    "address": contract.address,
                    "topics": list(topics),
                    "fromBlock": start,
                    "toBlock": end,
                }
            )
        except (Web3Exception, ValueError, OSError) as error:
            if end == start or isinstance(error, OSError):
                raise NodeError(
                    f"the node gives no logs of block {start}: {error}; ask another node"
                ) from error
            width = max(1, (end - start + 1) // 2)
            continue
        yield from reader.decode(found)
        start, width = end + 1, min(page, width * 2)


def logged(session: Session, receipt: TxReceipt, contract: str, *names: str) -> list[Event]:
    """What one of our contracts logged in a transaction of these events, in order."""
    return [
        event
        for event in session.events(receipt)
        if event.contract == contract and event.name in names
    ]
