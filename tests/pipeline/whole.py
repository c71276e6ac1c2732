"""The whole pipeline, from nodes that lie to a receiver that verifies, in processes that die.

    nodes (HTTP) -> worker -> outbox | relay and Kafka -> matcher -> deliverer -> receiver (HTTP)

    async with Whole(setting, chain, recorder, folder) as whole:
        whole.killing = EveryPlace()
        ...                                 # the chain grows, forks, goes back
        await whole.settled(tip)
    whole.judge(ledger)

Nodes and receiver run in the test's own loop, every role in a child of its own. A role that died
is started again. Nothing is judged by how long it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from donablock.chain.blocks import decode_block, decode_ref
from donablock.monitors.endpoints import Endpoints
from donablock.store.database import Database
from donablock.store.schema import ADDED
from donablock.store.stream import read_outbox
from tests.chain_reader.fake_chain import (
    FakeBlock,
    FakeChain,
    FakeTransaction,
    address,
    payment,
    transfer,
)
from tests.crashing import Child, StageFailed, start
from tests.pipeline import orders, roles
from tests.pipeline.ledger import Ledger, Order, Page, page_of
from tests.pipeline.recorder import Recorder
from tests.pipeline.roles import Setting

PATIENCE = 300.0
"""Seconds after which a pipeline that has not come to rest never will."""

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
)

TOKEN = address("token")
ANNA, BEN, CARA, DORA = (address(name) for name in ("anna", "ben", "cara", "dora"))
PEOPLE = [ANNA, BEN, CARA, DORA]
ORDERS = {
    "mo_anna": Order("erc20", frozenset({ANNA})),
    "mo_two": Order("erc20", frozenset({ANNA, BEN}), "in"),
    "mo_large": Order("erc20", frozenset(PEOPLE), "out", least=50),
    "mo_coin": Order("native", frozenset({BEN, CARA})),
    "mo_nobody": Order("erc20", frozenset({address("nobody")})),
}
ENDPOINTS = {"mo_anna": "/plain", "mo_two": "/ordered", "mo_large": "/large", "mo_coin": "/coin"}
"""Where each monitor tells; /ordered keeps the order of each address."""


# --- the chain ------------------------------------------------------------------------------------


def fill(chance: random.Random) -> list[FakeTransaction]:
    """Transactions of a block that every known lie fits: it begins and ends with a log."""

    def paid() -> FakeTransaction:
        return transfer(TOKEN, *chance.sample(PEOPLE, 2), chance.randint(0, 99))

    sender, receiver = chance.sample(PEOPLE, 2)
    coin = payment(sender, receiver, chance.randint(1, 99), is_success=chance.random() < 0.8)
    return [paid(), FakeTransaction(to=None), coin, paid()]


class Story:
    """What a chain goes through: it grows, is reorganised, is cut, goes back to what it left."""

    def __init__(self, chain: FakeChain, chance: random.Random, *, deepest: int = 6) -> None:
        """deepest: blocks that are taken back at once, counted from the highest there ever was, so
        that whoever was away meanwhile has no more to take back either."""
        self.chain = chain
        self.happened: Counter[str] = Counter()
        self._chance = chance
        self._deepest = deepest
        self._left: FakeBlock | None = None
        self._forked_at = 0
        self._highest = 0

    def turn(self, *, most: int = 2, grows: bool = True) -> FakeBlock:
        """Something happens; the head. most: new blocks; grows: and a full one after them."""
        chain, chance = self.chain, self._chance
        lowest = max(0, self._highest - self._deepest)
        what, deepest = chance.random(), chain.head.number - lowest
        if what < 0.3 and deepest > 0:
            self._cut(chance.randint(1, deepest))
        elif what < 0.4 and self._left is not None and self._forked_at >= lowest:
            self._left, chain.head = chain.head, self._left
            self.happened["back"] += 1
        for _ in range(chance.randint(0, most)):
            self._grow(*(fill(chance) if chance.random() < 0.7 else ()))
        if grows:
            self._grow(*fill(chance))
        return chain.head

    def leap(self, blocks: int) -> FakeBlock:
        """So many full blocks at once; the head."""
        for _ in range(blocks):
            self._grow(*fill(self._chance))
        self.happened["leapt"] += 1
        return self.chain.head

    def branch(self, below: FakeBlock, blocks: int, chance: random.Random) -> FakeBlock:
        """A fork beside the chain; its head."""
        head = self.chain.fork(below, *(fill(chance) for _ in range(blocks)))
        self._highest = max(self._highest, head.number)
        self.happened["branched"] += 1
        return head

    def outgrow(self) -> FakeBlock:
        """Blocks until no fork is as high as the chain; the head."""
        while self.chain.head.number <= self._highest + 1:
            self.chain.mine(*fill(self._chance))
        return self.chain.head

    def _cut(self, depth: int) -> None:
        self._left = self.chain.head
        below = self.chain.at(self.chain.head.number - depth)
        assert below is not None
        self.chain.head, self._forked_at = below, below.number
        self.happened["cut" if depth == 1 else "cut deep"] += 1

    def _grow(self, *transactions: FakeTransaction) -> None:
        self.chain.mine(*transactions)
        self._highest = max(self._highest, self.chain.head.number)
        self.happened["grown"] += 1


# --- who is killed when ---------------------------------------------------------------------------


class Killing(Protocol):
    """Says where the next child of a role kills itself, and hears where it did."""

    def next(self, role: str) -> Mapping[str, Any]:
        """`at` or `spare`, as `tests.crashing.start` takes them."""

    def died(self, role: str, place: str) -> None: ...


class Nowhere:
    """Nobody is killed."""

    def next(self, _role: str) -> Mapping[str, Any]:
        return {}

    def died(self, role: str, place: str) -> None: ...


class EveryPlace:
    """Every role is killed once at every await that it comes to."""

    def __init__(self) -> None:
        self.met: defaultdict[str, set[str]] = defaultdict(set)

    def next(self, role: str) -> Mapping[str, Any]:
        return {"spare": frozenset(self.met[role])}

    def died(self, role: str, place: str) -> None:
        self.met[role].add(place)


class AtRandom:
    """Every role is killed at some suspension, early or late, again and again."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def next(self, _role: str) -> Mapping[str, Any]:
        # as often in the tens, while it begins, as in the hundreds, while it works
        return {"at": int(10 * 100 ** self._chance.random())}

    def died(self, role: str, place: str) -> None: ...


# --- the pipeline ---------------------------------------------------------------------------------


async def prepare(database: Database, recorder: Recorder) -> None:
    """Endpoints that lead to the recorder, and monitors that tell them."""
    async with database.connection() as connection:
        await connection.execute("INSERT INTO projects (id, name) VALUES ('pr_one', 'one')")
    endpoints = Endpoints(database, roles.LOOPBACK)
    ids = {}
    for path in sorted(set(ENDPOINTS.values())):
        is_ordered = path == "/ordered"
        endpoint, secret = await endpoints.create(
            "pr_one", recorder.url(path), is_ordered=is_ordered, concurrency=4
        )
        recorder.secrets[path] = secret.text
        ids[path] = endpoint.id
    for monitor, order in ORDERS.items():
        await orders.monitor(
            database,
            monitor,
            order.category,
            order.addresses,
            direction=order.direction,
            definition={"condition": f"value >= {order.least}"} if order.least else None,
            endpoint=ids[ENDPOINTS.get(monitor, "/plain")],
        )


class Whole:
    """One pipeline and its keeper."""

    def __init__(self, setting: Setting, database_url: str, folder: Path) -> None:
        """database_url: how the test itself reads the database, past whatever lies between."""
        self.setting = setting
        self.killing: Killing = Nowhere()
        self.kills: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self._url = database_url
        self._folder = folder
        self._children: dict[str, Child] = {}
        self._notes = itertools.count()
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Whole:
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._keeping is not None
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        for child in self._children.values():
            child.kill()
            child.join()

    # --- the roles ----------------------------------------------------------------------------

    @property
    def roles(self) -> dict[str, Callable[[Setting], Any]]:
        found: dict[str, Any] = {"worker": roles.work, "matcher": roles.match}
        found["deliverer"] = roles.deliver
        if self.setting.brokers is not None:
            found["relay"] = roles.relay
        return found

    def kill(self, role: str) -> None:
        """By the test, wherever it is."""
        if role in self._children:
            self._children[role].kill()

    def kill_all(self) -> None:
        for child in self._children.values():
            child.kill()

    def change(self, setting: Setting) -> None:
        """Another stream, or other nodes: every role is killed and comes back with it."""
        self.setting = setting
        self.kill_all()

    async def _keep(self) -> None:
        while True:
            for role in {*self.roles, *self._children}:
                child = self._children.get(role)
                if child is None or not child.is_alive:
                    self._started(role, child)
            await asyncio.sleep(0.02)

    def _started(self, role: str, before: Child | None) -> None:
        if before is not None:
            self._buried(role, before)
        if role not in self.roles:
            del self._children[role]
            return
        note = self._folder / f"{role}-{next(self._notes)}"
        armed = self.killing.next(role)
        self._children[role] = start(self.roles[role], [self.setting], note=note, **armed)

    def _buried(self, role: str, child: Child) -> None:
        if child.exit_code == roles.TRY_AGAIN:
            self.restarts[role] += 1
            return
        if not child.was_killed:
            raise StageFailed(f"the {role} came to an end")
        self.kills[role] += 1
        if (place := child.place) is not None:
            self.killing.died(role, place)

    # --- how far it is ------------------------------------------------------------------------

    async def settled(self, tip: FakeBlock) -> None:
        """Returns when the chain is followed to this block, and everybody was told."""
        deadline = time.monotonic() + PATIENCE
        state: Any = None
        while True:
            assert self._keeping is not None
            if self._keeping.done():
                self._keeping.result()
            with contextlib.suppress(OSError, *_AWAY):
                connection = await asyncpg.connect(self._url, timeout=5)
                try:
                    while state != (tip.hash, 0, 0) and not self._keeping.done():
                        state = await _state(connection)
                        if time.monotonic() > deadline:
                            why = await connection.fetch(_LEFT)
                            raise AssertionError(
                                f"{state} at the end, and not block {tip.number} {tip.hash}; left:"
                                f" {[tuple(row) for row in why]}"
                            )
                        await asyncio.sleep(0.05)
                finally:
                    connection.terminate()
            if state == (tip.hash, 0, 0):
                return
            await asyncio.sleep(0.1)


_LEFT = """
SELECT DISTINCT ON (d.id) d.id, d.state, d.attempts, d.next_at - now(), e.open_until - now(),
    a.status, a.error
FROM deliveries AS d JOIN endpoints AS e ON e.id = d.endpoint_id
LEFT JOIN attempts AS a ON a.delivery_id = d.id
WHERE d.state IN (1, 2) ORDER BY d.id, a.number DESC LIMIT 5
"""


async def _state(connection: Any) -> tuple[str, int, int]:
    """(hash of the cursor, messages that are not matched, deliveries under way)"""
    row = await connection.fetchrow(
        "SELECT cursors.hash, coalesce(next_seq - 1 - seq, next_seq), (SELECT count(*) FROM"
        " deliveries WHERE state IN (1, 2)) FROM cursors LEFT JOIN positions"
        " ON positions.chain_id = cursors.chain_id AND consumer = 'matcher'"
    )
    return ("", 0, 0) if row is None else ("0x" + row[0].hex(), row[1], row[2])


# --- the verdict ----------------------------------------------------------------------------------


async def history(database: Database, chain: FakeChain) -> Ledger:
    """The ledger of what the worker told, which the chain's tree of blocks has to explain: every
    block is one that was mined, whole and unchanged, and comes and goes at the tip."""
    ledger = Ledger(ORDERS, roles.CONFIRMATIONS)
    seq = 0
    while True:
        async with database.connection() as connection:
            messages = await read_outbox(connection, chain.chain_id, seq, 500)
        if not messages:
            return ledger
        for message in messages:
            seq += 1
            assert message.seq == seq, "the stream has no hole"
            if message.kind != ADDED:
                ref = decode_ref(message.payload)
                gone = ledger.went()
                assert (gone.number, gone.hash) == (ref.number, ref.hash), "the tip goes first"
                continue
            block = decode_block(message.payload)
            mined = chain.by_hash[block.hash]
            assert block == mined.expected(), "the block is as it was mined"
            if ledger.standing:
                assert mined.parent is not None
                assert mined.parent.hash == ledger.standing[-1].hash, "a block stands on its parent"
            else:
                assert block.number == 0
            ledger.came(page_of(mined))


async def judge(database: Database, recorder: Recorder, ledger: Ledger) -> None:
    """Delivered set == expected set; repeats are the same; everything says what happened."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, state, attempts, order_key, sequence FROM deliveries ORDER BY sequence"
        )
        kept = await connection.fetch(
            "SELECT delivery_id, count(*), max(number) FROM attempts GROUP BY delivery_id"
        )
    expected = ledger.expected
    written = {row["id"] for row in rows}
    assert written == set(expected), _difference(written, set(expected))
    assert {row["state"] for row in rows} <= {3}, "all are delivered"
    assert not recorder.strange, recorder.strange[:3]
    answered = {got.id for got in recorder.got if got.is_answered}
    assert answered == set(expected), _difference(answered, set(expected))
    bodies: dict[str, bytes] = {}
    for got in recorder.got:
        assert bodies.setdefault(got.id, got.body) == got.body, "a repeat is the same message"
    for got in recorder.got:
        assert got.path == ENDPOINTS[expected[got.id].monitor]
    for id in expected:
        expected[id].check(json.loads(bodies[id]))
        assert expected[id].first in answered, "what is taken back was told of"
    counts = Counter(got.id for got in recorder.got)
    for row in kept:
        # what was sent and not noted, because its sender died, is more
        assert row["count"] <= counts[row["delivery_id"]], "no attempt is noted that was not made"
        assert row["count"] == row["max"], "attempts are numbered without a hole"
    _check_order(rows, recorder)


def _check_order(rows: Sequence[Any], recorder: Recorder) -> None:
    """Of an address at the ordered endpoint no message comes before the one before it was taken."""
    lines: defaultdict[bytes, list[str]] = defaultdict(list)
    for row in rows:
        if row["order_key"] is not None:
            lines[row["order_key"]].append(row["id"])
    for line in lines.values():
        wanted = set(line)
        firsts = dict.fromkeys(got.id for got in recorder.got if got.id in wanted)
        assert list(firsts) == line, "the order of an address is kept"


def _difference(found: set[str], expected: set[str]) -> str:
    lost, made_up = sorted(expected - found), sorted(found - expected)
    return f"lost {len(lost)}: {lost[:3]}; made up {len(made_up)}: {made_up[:3]}"


def standing(chain: FakeChain) -> list[Page]:
    """The chain as it is now."""
    return [page_of(block) for block in chain.line()]
