"""What must be told of a chain, by lists in plain Python, and a script that makes such a chain."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from donablock.chain.blocks import Block, Log, Transaction
from donablock.monitors.categories import TRANSFER
from donablock.monitors.ids import match_id
from tests.pipeline.scripted_chain import ScriptedChain, digest

TOKEN = "0x" + "70" * 20
ANNA, BEN, CARA = ("0x" + digit * 40 for digit in "abc")
WATCHED = {"mo_anna": {ANNA}, "mo_two": {ANNA, BEN}, "mo_nobody": {"0x" + "9" * 40}}
"""Monitors of ERC-20 transfers, and the addresses they watch."""


def topic(address: str) -> str:
    return "0x" + "0" * 24 + address[2:]


def transfer(sender: str, receiver: str, value: int, place: int = 0, salt: int = 0) -> Transaction:
    """A transaction with one ERC-20 transfer."""
    data = "0x" + value.to_bytes(32).hex()
    log = Log(TOKEN, (TRANSFER, topic(sender), topic(receiver)), data, place)
    hash = digest("transaction", sender, receiver, value, place, salt)
    return Transaction(hash, place, sender, TOKEN, "0x0", "0x", True, None, (log,))


class Script:
    """Blocks with transfers, reorganisations, cuts, and blocks that come back: by seed."""

    def __init__(self, chain: ScriptedChain, seed: int) -> None:
        self._chain = chain
        self._chance = random.Random(seed)
        self._removed: list[Block] = []
        self._turns = 0

    def turn(self) -> None:
        chain, chance = self._chain, self._chance
        self._turns += 1
        what = chance.random()
        most = min(5, len(chain.canonical) - 1)
        if what < 0.25 and most:
            self._removed = chain.cut(chance.randint(1, most))
        elif what < 0.35 and self._removed and self._removed[0].parent == chain.tip.hash:
            chain.put_back(self._removed)
            self._removed = []
        for _ in range(chance.randint(0, 3)):
            chain.append(
                transfer(
                    *chance.sample([ANNA, BEN, CARA], 2), chance.randint(0, 9), place, self._turns
                )
                for place in range(chance.randint(0, 3))
            )


class Model:
    """Of each event the messages about it, in order: d detected, c confirmed, r retracted."""

    def __init__(self, chain: ScriptedChain, confirmations: int) -> None:
        self._chain = chain
        self._confirmations = confirmations
        self._standing = list(chain.canonical)
        self.expected: dict[str, list[str]] = {}

    def settle(self) -> None:
        """The chain as it is now was followed to its end."""
        canonical, standing = self._chain.canonical, self._standing
        if canonical == standing[: len(canonical)]:
            return  # cut, and not grown again: no other block is seen
        while standing[-1] not in canonical:
            for one in self._events(standing.pop()):
                self.expected[one].append("r")
        for block in canonical[len(standing) :]:
            standing.append(block)
            for one in self._events(block):
                self.expected.setdefault(one, []).append("d")
            for deep in standing[: max(0, len(standing) - self._confirmations)]:
                for one in self._events(deep):
                    if self.expected[one][-1] == "d":
                        self.expected[one].append("c")

    def _events(self, block: Block) -> Iterator[str]:
        for transaction in block.transactions:
            log = transaction.logs[0]
            for place, direction in ((1, "out"), (2, "in")):
                address = "0x" + log.topics[place][26:]
                for monitor, addresses in WATCHED.items():
                    if address in addresses:
                        yield match_id(
                            *(block.chain_id, block.hash, transaction.hash, log.index),
                            *(monitor, address, direction),
                        ).hex()


def check(said: Iterable[str], expected: dict[str, list[str]]) -> None:
    """said: ids of messages, in the order in which they were written."""
    found: dict[str, list[str]] = {}
    for id in said:
        event, _, what = id.removeprefix("evt_").partition("_")
        found.setdefault(event, []).append(what)
    assert {event: [one[0] for one in them] for event, them in found.items()} == expected
    for them in found.values():
        assert len(set(them)) == len(them), "no message is there twice"
        # each time it came back is a generation
        detected = [int(one[1:]) for one in them if one[0] == "d"]
        assert detected == list(range(1, len(detected) + 1))
