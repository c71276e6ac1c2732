"""What bench.monitor measures is what it says, tried with small sizes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench import monitor, monitor_others
from bench.cores import processor_seconds
from bench.matching import LOGS, TRANSACTIONS
from bench.monitor_chain import PART_WATCHED, Filled, filled, watched
from bench.monitor_line import Line
from bench.monitor_matches import MADE, blocks, prepare
from bench.monitor_node import PreparedNode, chain_of_size
from bench.monitor_pipeline import chains, spread, watch
from bench.monitor_tables import figure, markdown
from donablock.chain.blocks import decode_block
from donablock.chain.chains import chain_of
from donablock.chain.faults import NodesFailedError
from donablock.chain.nodes import Nodes
from donablock.chain.rpc import Question, Rpc
from donablock.monitors.matcher import Matcher
from donablock.monitors.worker import WINDOW
from donablock.store.stream import OutboxStream
from tests.pipeline.stages import Facts
from tests.services_support import database, database_url, postgres

__all__ = ["database", "database_url", "postgres"]

PARTS = {
    "matching": {
        "by_addresses": {
            size: {"logs_per_second": 500_000, "microseconds_per_block": 720.0}
            for size in ("1000", "1000000")
        },
        "ratio": 1.2,
    },
    "chain_reader": {
        "ways": {"decoded": {"blocks_per_second": 1_600.0, "logs_per_second": 576_000}}
    },
    "matches": {
        case: {
            "matches_per_second": 20_000,
            "matches_per_second_of_the_matcher": 40_000,
            "matches_per_second_of_the_database": 50_000,
        }
        for case in ("detected", "told", "confirmed")
    },
    "pipeline": {
        name: {
            "backfill": {"blocks_per_second": 100.0, "logs_per_second": 36_000},
            "tip": {"p50_ms": 20.0, "p99_ms": 40.0, "longest_ms": 50.0},
        }
        for name in chains()
    }
    | {
        "webhooks": {
            "deliveries_per_second": 200,
            **{f"{begin}{at}_ms": 50.0 for begin in ("", "from_mined_") for at in ("p50", "p99")},
            **{f"{begin}longest_ms": 60.0 for begin in ("", "from_mined_")},
        }
    },
    "deliveries": {
        "burst": {
            "per second": 3_100.0,
            "per second of the deliverer's processor time": 5_000.0,
        }
    },
    "others": {
        "readers": {
            "ours": {
                "blocks_per_second": 300.0,
                "logs_per_second": 3_000,
                "blocks_per_second_of_the_reader": 600.0,
            },
            "theirs": {
                "blocks_per_second": 100.0,
                "logs_per_second": 1_000,
                "blocks_per_second_of_the_reader": 150.0,
            },
        },
        "ratios": {"theirs": {"times_by_the_clock": 3.0, "times_by_processor_time": 4.0}},
    },
}


@pytest.fixture(scope="module")
def chain() -> Iterator[Filled]:
    with filled(30, 10) as made:
        yield made


# --- goals and tables -----------------------------------------------------------------------------


def test_goals_are_those_that_were_set() -> None:
    assert [(one.goal, one.unit, one.is_ceiling) for one in monitor.GOALS] == [
        (400_000, "logs/s", False),
        (1.3, "times the cost", True),
        (1_500, "blocks/s", False),
        (100_000, "matches/s", False),
        (3_000, "deliveries/s", False),
        (1.0, "s", True),
    ]


def test_a_goal_is_met_on_its_own_side() -> None:
    is_met = [one["is_met"] for one in monitor.judged(PARTS)]
    assert is_met == [True, True, True, False, True, True]
    floor, ceiling = monitor.GOALS[0], monitor.GOALS[1]
    assert floor.is_met_by(400_000) and not floor.is_met_by(399_999)
    assert ceiling.is_met_by(1.3) and not ceiling.is_met_by(1.31)


def test_the_document_has_every_figure_and_no_other_heading() -> None:
    result = {
        "at": "2026-11-22T00:00:00+00:00",
        "python": "3.11.7",
        "machine": "x86_64",
        "cores": {"measured": 1, "others": 1},
        "load_before": 0.1,
        "goals": monitor.judged(PARTS),
        "parts": PARTS,
    }
    text = markdown(result)
    assert "| matches written | at least 100,000 matches/s | 20,000 | **missed** |" in text
    assert "At most 3,100 a second, 5,000 a second of the deliverer's processor time." in text
    assert "| theirs | 100 | 1,000 | 150 | 3.00, 4.00 |" in text
    headings = [line for line in text.splitlines() if line.startswith("#")]
    document = monitor.DOCUMENT.read_text()
    shown = [line for line in document.splitlines() if line.startswith("### ")]
    assert shown == headings or ("Not measured yet" in document and not shown)
    assert text.count("\n| ---") == 7


def test_figures_are_as_precise_as_they_are_read() -> None:
    assert [figure(value) for value in (1.1142, 42.19, 123.4, 696_022)] == [
        "1.11",
        "42.2",
        "123",
        "696,022",
    ]
    assert spread([0.001 * number for number in range(1, 102)]) == {
        "p50_ms": 51.0,
        "p99_ms": 100.0,
        "longest_ms": 101.0,
    }


# --- what is measured -----------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_prepared_node_stands_every_proof_and_tells_of_what_it_is_bidden() -> None:
    made = chain_of_size(2, 1)
    async with PreparedNode(made, 2 + WINDOW) as node:
        for facts in chains().values():
            async with Nodes(facts, [node.url]) as nodes:
                assert (await nodes.head()).number == 2 + WINDOW
                found = [block async for block in nodes.blocks(range(1, 4))]
            assert [block.number for block in found] == [1, 2, 3]
            assert [len(block.transactions) for block in found] == [TRANSACTIONS, TRANSACTIONS, 0]
            expected = made.at(2)
            assert expected is not None and found[1] == expected.expected()
            assert found[1].items == TRANSACTIONS + LOGS
        later = made.head
        async with Nodes(chains()["all proofs"], [node.url]) as nodes:
            with pytest.raises(NodesFailedError, match="has no block 259 yet"):
                await nodes.block(later.ref)
            rpc = Rpc(node.url)
            await rpc.ask(Question("bench_head", None), (later.number,))
            await rpc.aclose()
            assert await nodes.head() == later.ref
            assert await nodes.block(later.ref) == later.expected()


@pytest.mark.asyncio
async def test_every_transfer_of_the_stream_is_written_once(database) -> None:
    raws = blocks(2)
    found = [decode_block(raw) for raw in raws]
    hashes = [one.hash for block in found for one in block.transactions]
    assert len(found) == 2 * MADE and len(set(hashes)) == len(hashes) == 2 * MADE * TRANSACTIONS
    await prepare(database, raws[:3], is_told=True)
    matcher = Matcher(database, OutboxStream(database), Facts())
    while await matcher.step():
        pass
    async with database.connection() as connection:
        count = await connection.fetchval("SELECT count(*) FROM matches")
        told = await connection.fetchval("SELECT count(*) FROM deliveries WHERE type LIKE '%ted'")
    assert 150 * 3 < count < 250 * 3 and told == count


@pytest.mark.anvil
@pytest.mark.asyncio
async def test_we_and_the_loop_find_the_same_on_a_busy_chain(chain, database) -> None:
    assert (chain.blocks, chain.transfers, chain.hits) == (30, 300, 300 // PART_WATCHED)
    for step in (1, 100):
        found = monitor_others.loop(chain, step)
        assert found["blocks_per_second"] > 0
    async with Nodes(chain_of(31337), [chain.node.url]) as nodes:
        await watch(database, [watched(place) for place in range(1_000)])
        async with Line.running(database, nodes, nodes.chain, chain.first) as line:
            await line.until(chain.last)
            numbers = range(chain.first, chain.last + 1)
            assert all(line.committed[n] >= line.answered[n] >= line.seen[n] for n in numbers)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM matches") == chain.hits


@pytest.mark.anvil
def test_ethereum_etl_reads_the_same_blocks(chain) -> None:
    if not monitor_others.ETL.exists():
        pytest.skip("ethereum-etl is not installed: `make bench-monitor` does that")
    found = monitor_others.etl(chain, monitor_others.SETTINGS["ethereum-etl"])
    assert found["blocks_per_second"] > 0


def test_ratios_say_how_many_times_as_quick_we_are() -> None:
    def reader(clock: float, own: float) -> dict[str, float]:
        return {"blocks_per_second": clock, "blocks_per_second_of_the_reader": own}

    found = {"ours": reader(200, 600), "theirs": reader(100, 200)}
    assert monitor_others.ratios(found) == {
        "theirs": {"times_by_the_clock": 2.0, "times_by_processor_time": 3.0}
    }


def test_processor_time_of_children_counts() -> None:
    before = processor_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
    assert processor_seconds(os.getpid()) - before > 0.1
