"""Monitors of all kinds, and chains that give each of them something to find."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from donablock.chain.blocks import Block, Log, Transaction
from donablock.monitors.categories import TRANSFER
from donablock.monitors.monitor import Monitor, definition_of
from donablock.store.database import Database
from tests.pipeline import orders
from tests.pipeline.model import ANNA, BEN, CARA, TOKEN, topic
from tests.pipeline.scripted_chain import ScriptedChain, digest

PEOPLE = (ANNA, BEN, CARA)


class Watching(NamedTuple):
    """What a monitor is made of."""

    definition: Mapping[str, Any]
    addresses: tuple[str, ...] = ()
    category: str = "erc20"
    direction: str = "all"

    async def create(self, database: Database, id: str, *, from_block: int | None = None) -> None:
        await orders.monitor(
            database,
            id,
            self.category,
            self.addresses,
            definition=self.definition,
            direction=self.direction,
            from_block=from_block,
        )

    def monitor(self, id: str, *, active_from: int = 0) -> Monitor:
        return Monitor(
            id,
            self.category,
            definition_of(dict(self.definition)),
            direction=self.direction,
            active_from=active_from,
        )


EVERYTHING = {"watches": "everything"}
PLAIN = {
    "mo_anna": Watching({}, (ANNA,)),
    "mo_out": Watching({"condition": "value > 3"}, (ANNA, BEN), direction="out"),
    "mo_all": Watching({**EVERYTHING, "condition": "value % 2 == 1"}),
    "mo_coin": Watching({}, (BEN, CARA), "native"),
    "mo_call": Watching(
        {**EVERYTHING, "signature": "pay(uint256 amount)", "includes_failed": True},
        category="function",
    ),
    "mo_odd": Watching({"condition": "10 // value > 2"}, PEOPLE),
}
WINDOWED = {
    "mo_sum": Watching({**EVERYTHING, "window": "sum(value) over 60 seconds >= 12"}),
    "mo_few": Watching({"window": "count over 36 seconds by address < 2"}, (ANNA, BEN)),
    "mo_kinds": Watching({**EVERYTHING, "window": "distinct(value) over 2 minutes by from >= 3"}),
    "mo_none": Watching({"window": "none for 48 seconds by address"}, PEOPLE),
    "mo_quiet": Watching({**EVERYTHING, "condition": "value > 6", "window": "none for 1 minute"}),
    "mo_low": Watching({**EVERYTHING, "window": "sum(value) over 48 seconds by to <= 4"}),
}
KINDS = {**PLAIN, **WINDOWED}

_SELECTOR = "0xc290d691"  # pay(uint256)


def transactions(chance: random.Random, salt: object, most: int = 3) -> list[Transaction]:
    """What one block holds: tokens, coins and calls."""
    found: list[Transaction] = []
    count = 0
    for place in range(chance.randint(0, most)):
        sender, receiver = chance.sample(PEOPLE, 2)
        logs = []
        for _ in range(chance.choice([0, 1, 1, 2])):
            parties = chance.sample(PEOPLE, 2)
            value = "0x" + chance.randint(0, 9).to_bytes(32).hex()
            logs.append(Log(TOKEN, (TRANSFER, *map(topic, parties)), value, count))
            count += 1
        calldata = _SELECTOR + chance.randint(0, 9).to_bytes(32).hex()
        input = chance.choice(["0x", calldata, calldata[:-2]])
        is_success = bool(logs) or chance.random() < 0.7
        hash = digest("transaction", salt, place, sender, receiver)
        amount = hex(chance.choice([0, 0, 5]))
        found.append(
            Transaction(hash, place, sender, receiver, amount, input, is_success, None, tuple(logs))
        )
    return found


def grow(chain: ScriptedChain, chance: random.Random, blocks: int) -> list[Block]:
    """Blocks on the tip, some of them empty."""
    return [
        chain.append(transactions(chance, (len(chain.canonical), chance.random())))
        for _ in range(blocks)
    ]
