"""What a window costs, and that the database's totals are those of the entries: the same firings,
to the byte, as the pure machine says that holds every entry."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from eth_utils import keccak

from donablock.chain.blocks import Block, Log, Transaction
from donablock.monitors import window_store, windows
from donablock.monitors.index import Index
from donablock.monitors.matching import match_block
from donablock.monitors.monitor import Definition, Monitor
from donablock.monitors.payloads import firing_payload
from donablock.monitors.windows import State
from tests.monitors.chain import DONOR, PAYEE, STRANGER, TOKEN, data, hash_of

pytestmark = pytest.mark.asyncio

SIGNATURE = "event Moved(address who, int256 delta)"
TOPIC = "0x" + keccak(text="Moved(address,int256)").hex()
CHAIN = 31337
START = 1_000_000
LARGEST = 2**255 - 1
# few small ones, so that equal ones meet, and sums that no row holds
DELTAS = (-3, -1, 0, 1, 2, 4, LARGEST, -LARGEST - 1)
WINDOWS = [
    f"{what} over {period} seconds{group} {comparison}"
    for what, comparisons in (
        ("sum(delta)", ("< 0", "<= -3", ">= 3", "> 100")),
        ("count", ("> 2", ">= 5", "< 2", "<= 1")),
        ("distinct(delta)", (">= 3", "> 1", "< 2", "<= 1")),
    )
    for comparison in comparisons
    for period, group in ((12, " by who"), (40, ""))
] + ["none for 12 seconds", "none for 12 seconds by address"]


def watching(window: str) -> tuple[Monitor, list[str]]:
    is_by_address = window.endswith("by address")
    watches = "addresses" if is_by_address else "everything"
    definition = Definition(signature=SIGNATURE, window=window, watches=watches)
    monitor = Monitor("mo_w", "event", definition)
    return monitor, [DONOR, PAYEE, STRANGER] if is_by_address else []


def made(number: int, fork: int, parent: str, at: int, moves: list[tuple[str, int]]) -> Block:
    logs = tuple(
        Log(TOKEN, (TOPIC,), data(["address", "int256"], move), place)
        for place, move in enumerate(moves)
    )
    one = Transaction(hash_of(number, fork), 0, STRANGER, TOKEN, "0x0", "0x", True, None, logs)
    return Block(CHAIN, number, hash_of("block", number, fork), parent, at, (one,))


def raw(hash: str) -> bytes:
    return bytes.fromhex(hash[2:])


async def kept(connection):
    """Every entry with its place and total, in order."""
    return await connection.fetch(
        "SELECT * FROM window_entries WHERE place > 0 ORDER BY key, place, id"
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("window", WINDOWS)
async def test_the_totals_are_those_of_the_entries(database, window, seed):
    """Along random blocks, some of which are taken back, or forgotten."""
    chance = random.Random(f"{window} {seed}")
    monitor, addresses = watching(window)
    index = Index.of([(monitor, addresses)])
    compiled = monitor.program.window
    chain = [made(0, 0, hash_of("root"), START, [])]
    state = State.of(
        START, windows.beginnings(compiled, monitor.id, CHAIN, 0, START, index.addresses_of("mo_w"))
    )
    count = 0
    async with database.transaction() as connection:
        await window_store.begin(
            connection, CHAIN, [(monitor, addresses)], index, number=0, at=START
        )
        for fork in range(1, 60):
            if chance.random() < 0.2:
                for _ in range(min(chance.randint(1, 4), len(chain) - 1)):
                    gone = chain.pop()
                    await window_store.retract(connection, CHAIN, raw(gone.hash))
                    state = windows.retract(state, gone.hash, chain[-1].timestamp)
                continue
            parent = chain[-1]
            at = parent.timestamp + chance.choice([0, 1, 2, 5, 13, 60])
            moves = [
                (chance.choice([DONOR, PAYEE, STRANGER]), chance.choice(DELTAS))
                for _ in range(chance.choice([0, 0, 1, 3, 12]))
            ]
            block = made(len(chain), fork, parent.hash, at, moves)
            hits = match_block(block, index)
            added = windows.entries_of(
                compiled,
                monitor.id,
                CHAIN,
                (block.number, block.hash, at),
                [(hit.key, hit.measure, hit.log_index) for hit in hits],
            )
            state, firings = windows.advance(compiled, state, at, added)
            expected = []
            for firing in firings:
                last = next((hit for hit in reversed(hits) if hit.key == firing.key), None)
                expected.append(firing_payload(block, monitor, firing, "local", last))
            found = await window_store.advance(
                connection, block, [monitor], {"mo_w": hits}, "local", parent.timestamp
            )
            assert [one.payload for one in found] == expected
            count += len(found)
            chain.append(block)
            if chance.random() < 0.2:
                final = chain[max(0, len(chain) - 5)].timestamp
                await window_store.forget(connection, [monitor], final)
                # no block before it is taken back, and none of its entries is needed
                state = windows.forget(compiled, state, final)
                del chain[: max(0, len(chain) - 5)]
            assert {row["id"] for row in await kept(connection)} == {
                entry.id for group in state.groups.values() for entry in group
            }
    assert count, "nothing fired, so nothing was compared"


# --- what it costs --------------------------------------------------------------------------------


class Counting:
    """A connection that counts the rows that reach us, and those that its queries go through."""

    def __init__(self, connection):
        self.connection = connection
        self.fetched = self.scanned = 0

    def __getattr__(self, name):
        return getattr(self.connection, name)

    async def fetch(self, query, *arguments):
        plan = await self.connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *arguments)
        self.scanned += scanned(plan[0]["Plan"])
        rows = await self.connection.fetch(query, *arguments)
        self.fetched += len(rows)
        return rows


def scanned(plan):
    own = 0
    if "Relation Name" in plan:
        passed = plan.get("Rows Removed by Filter", 0)
        own = (plan["Actual Rows"] + passed) * plan["Actual Loops"]
    return own + sum(scanned(one) for one in plan.get("Plans", ()))


async def fill(connection, count):
    """A group of so many entries, one a second until START."""
    await connection.execute(
        "INSERT INTO window_entries (id, monitor_id, chain_id, block_number, block_hash,"
        "   log_index, at, value, key, place, running)"
        " SELECT sha256(i::text::bytea), 'mo_w', $1, 0, sha256(i::text::bytea), 0,"
        "   to_timestamp($2::bigint - $3::bigint + i), i, '', i, i * (i + 1) / 2"
        " FROM generate_series(1, $3::bigint) AS i",
        CHAIN,
        START,
        count,
    )
    await connection.execute("ANALYZE window_entries")


async def at_next(connection, window, moves):
    """What fires at the block after START, and what it took."""
    monitor, addresses = watching(window)
    block = made(9, 0, hash_of("parent"), START + 1, moves)
    hits = match_block(block, Index.of([(monitor, addresses)]))
    counting = Counting(connection)
    fired = await window_store.advance(
        counting, block, [monitor], {monitor.id: hits}, "local", START
    )
    return fired, counting


@pytest.mark.parametrize("held", [2_000, 20_000])
@pytest.mark.parametrize(
    "window",
    ["sum(delta) over 1 day > 1", "sum(delta) over 5 seconds < 1", "count over 1 day < 1"]
    + ["count over 1 hour > 3", "none for 1 hour"],
)
async def test_no_entries_are_read_however_many_a_window_holds(database, window, held):
    async with database.transaction() as connection:
        await fill(connection, held)
        _, counting = await at_next(connection, window, [(DONOR, 1)])
    assert counting.fetched == 1
    assert 1 <= counting.scanned <= 10


async def test_different_values_are_counted_where_they_lie(database):
    async with database.transaction() as connection:
        await fill(connection, 2_000)
        window = "distinct(delta) over 1 day >= 2001"
        fired, counting = await at_next(connection, window, [(DONOR, 1), (DONOR, 5_000)])
    (one,) = fired
    told = msgspec.json.decode(one.payload)["window"]
    assert (told["total"], told["totalBefore"]) == ("2001", "2000")
    assert counting.fetched == 1


async def test_too_many_values_to_count_are_kept_but_not_looked_at(database, monkeypatch):
    """It is said once, and the window is looked at again when it holds less."""
    monkeypatch.setattr(window_store, "MOST", 100)
    moves = [(DONOR, -1)]
    counted = window_store._passed_over._value.get()
    async with database.transaction() as connection:
        await fill(connection, 101)
        fired, _ = await at_next(connection, "distinct(delta) over 1 day >= 102", moves)
        assert fired == []
        assert window_store._passed_over._value.get() == counted + 1
        assert await connection.fetchval("SELECT count(*) FROM window_entries") == 102
        place, running = await connection.fetchrow(
            "SELECT place, running FROM window_entries WHERE value = -1"
        )
        assert (place, running) == (102, 101 * 102 // 2 - 1)
        await connection.execute("DELETE FROM window_entries WHERE value < 3")
        fired, _ = await at_next(connection, "distinct(delta) over 1 day >= 100", moves)
        assert len(fired) == 1
    assert window_store._passed_over._value.get() == counted + 1


async def test_the_documents_say_how_many_are_too_many():
    text = (Path(__file__).parents[3] / "docs" / "conditions.md").read_text()
    assert f"| entries of a `distinct` window | {window_store.MOST:,} |" in text
    assert f"hold more than {window_store.MOST:,} entries" in text
