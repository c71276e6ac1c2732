"""A busy chain of our own: a real anvil with a real token, and transfers of it.

python -m bench.monitor_chain URL TOKEN RATE SECONDS    send RATE transfers a second, all to
                                                        watched addresses, in two blocks a second,
                                                        and print when each block was mined

The node mines on demand only, so that every run has the same blocks.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.types import RPCEndpoint

from bench.deployment import GAS_LIMIT, deploy, send
from donablock.chain.node import Anvil, connect

# 2027-01-15; a fixed clock keeps hashes, and so the chain, the same from run to run
START = 1_800_000_000
WATCHED = 1_000
PART_WATCHED = 10
"""One transfer of so many goes to a watched address."""
BLOCKS_PER_SECOND = 2
_TRANSFER_GAS = 100_000
_SELECTOR = "0xa9059cbb"


def watched(place: int) -> str:
    """One of the addresses that are watched."""
    return f"0x{0xDA << 152 | place % WATCHED:040x}"


def stranger(place: int) -> str:
    """An address that nobody watches."""
    return f"0x{0x57 << 152 | place:040x}"


@dataclass(frozen=True)
class Filled:
    """The chain. first, last: its blocks with transfers, `transfers` of them, `hits` of which went
    to watched addresses."""

    node: Anvil
    token: str
    first: int
    last: int
    transfers: int
    hits: int

    @property
    def blocks(self) -> int:
        return self.last - self.first + 1


@contextlib.contextmanager
def filled(blocks: int, each: int) -> Iterator[Filled]:
    """`each` transfers in every block."""
    with Anvil(timestamp=START, accounts=max(each, 10)) as node:
        owner, w3 = node.w3.eth.accounts[0], node.w3
        token = deploy(w3, owner, "PlainToken", "Stablecoin", "USD", 6)
        for account in w3.eth.accounts:
            send(w3, token.functions.mint(account, 10**15), owner, gas=GAS_LIMIT)
        node.request("evm_setAutomine", False)
        first = int(w3.eth.block_number) + 1
        for number in range(blocks):
            places = range(number * each, (number + 1) * each)
            mine(
                w3, token.address, [stranger(p) if p % PART_WATCHED else watched(p) for p in places]
            )
        last, count = int(w3.eth.block_number), blocks * each
        if last - first + 1 != blocks:
            raise SystemExit(f"anvil has blocks {first} to {last} instead of {blocks}")
        yield Filled(node, token.address, first, last, count, -(-count // PART_WATCHED))


def mine(w3: Web3, token: str, receivers: Sequence[str]) -> None:
    """A block with one transfer to each, from accounts of the node in turn."""
    accounts = w3.eth.accounts
    calls = [
        (
            RPCEndpoint("eth_sendTransaction"),
            [
                {
                    "from": accounts[place % len(accounts)],
                    "to": token,
                    "gas": hex(_TRANSFER_GAS),
                    "data": f"{_SELECTOR}{receiver[2:]:>064}{place + 1:064x}",
                }
            ],
        )
        for place, receiver in enumerate(receivers)
    ]
    provider: Any = w3.provider
    answers = provider.make_batch_request(calls)
    refused = [one["error"] for one in answers if "error" in one]
    if refused:
        raise SystemExit(f"anvil refused a transfer: {refused[0]}")
    provider.make_request(RPCEndpoint("anvil_mine"), ["0x1"])


def feed(url: str, token: str, rate: int, seconds: int) -> dict[int, float]:
    """By block: when it was mined, unix time."""
    w3 = connect(url)
    each, mined = rate // BLOCKS_PER_SECOND, {}
    first, began = int(w3.eth.block_number) + 1, time.monotonic()
    for number in range(seconds * BLOCKS_PER_SECOND):
        time.sleep(max(0.0, began + number / BLOCKS_PER_SECOND - time.monotonic()))
        mine(w3, token, [watched(number * each + place) for place in range(each)])
        mined[first + number] = time.time()
    return mined


if __name__ == "__main__":
    url, token = sys.argv[1:3]
    print(json.dumps(feed(url, to_checksum_address(token), *map(int, sys.argv[3:]))))
