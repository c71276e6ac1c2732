"""The figures of bench.monitor as docs/monitor-bench.md has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.monitor_matches import CASES
from bench.monitor_pipeline import chains

__all__ = ["figure", "markdown"]

_SPREAD = ("p50_ms", "p99_ms", "longest_ms")
_LATER = ("p99, ms", "longest, ms")

Row = Sequence[str]


def figure(value: float) -> str:
    """Three digits that count, or whole numbers."""
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def markdown(result: dict[str, Any]) -> str:
    """result: build/bench/monitor.json."""
    parts, others = result["parts"], result["cores"]["others"]
    head = (
        f"Measured at {result['at']} with Python {result['python']} on {result['machine']}: one "
        f"core for what is measured, {others or 'the same one'} for the rest.\nThe load was "
        f"{result['load_before']} before the start."
    )
    sections = (
        ("Goals", _goals(result["goals"])),
        ("Decoding and matching", _matching(parts["matching"])),
        ("Blocks of Ethereum's size, from a node's answers", _ways(parts["chain_reader"])),
        ("From a node's answer to a committed match", _pipeline(parts["pipeline"])),
        ("Matches written", _matches(parts["matches"])),
        ("Webhooks", _webhooks(parts["pipeline"]["webhooks"], parts["deliveries"])),
        ("Others, on the same blocks of the same node", _others(parts["others"])),
    )
    return "\n".join([head, *(f"\n### {title}\n\n{text}" for title, text in sections), ""])


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rates(of: dict[str, float], *names: str) -> Iterator[str]:
    return (figure(of[name]) for name in names)


def _goals(goals: Sequence[dict[str, Any]]) -> str:
    rows = (
        (
            one["name"],
            f"at {one['at']} {one['goal']:,} {one['unit']}",
            figure(one["measured"]),
            "met" if one["is_met"] else "**missed**",
        )
        for one in goals
    )
    return _table(("what", "goal", "measured", ""), rows)


def _matching(part: dict[str, Any]) -> str:
    rows = [
        (f"{int(size):,}", *_rates(one, "logs_per_second", "microseconds_per_block"))
        for size, one in part["by_addresses"].items()
    ]
    return _table(("watched addresses", "logs/s", "µs a block"), rows)


def _ways(part: dict[str, Any]) -> str:
    rows = (
        (name, *_rates(one, "blocks_per_second", "logs_per_second"))
        for name, one in part["ways"].items()
    )
    return _table(("what is done", "blocks/s", "logs/s"), rows)


def _pipeline(part: dict[str, Any]) -> str:
    rows = (
        (
            name,
            *_rates(part[name]["backfill"], "blocks_per_second", "logs_per_second"),
            *_rates(part[name]["tip"], *_SPREAD),
        )
        for name in chains()
    )
    return _table(("checks", "backfill, blocks/s", "logs/s", "tip: p50, ms", *_LATER), rows)


def _matches(part: dict[str, Any]) -> str:
    names = [f"matches_per_second{whose}" for whose in ("", "_of_the_matcher", "_of_the_database")]
    rows = ((case, *_rates(part[case], *names)) for case in CASES)
    head = ("case", "matches/s", "of the matcher's processor time", "of the database's")
    return _table(head, rows)


def _webhooks(part: dict[str, float], deliveries: dict[str, Any]) -> str:
    rows = (
        ("block seen to 2xx", *_rates(part, *_SPREAD)),
        ("block mined to 2xx", *_rates(part, *(f"from_mined_{name}" for name in _SPREAD))),
    )
    burst = deliveries["burst"]
    most = figure(burst["per second"])
    own = figure(burst["per second of the deliverer's processor time"])
    return (
        _table((f"at {part['deliveries_per_second']} a second", "p50, ms", *_LATER), rows)
        + f"\n\nAt most {most} a second, {own} a second of the deliverer's processor time."
    )


def _others(part: dict[str, Any]) -> str:
    names = ("blocks_per_second", "logs_per_second", "blocks_per_second_of_the_reader")
    rows = (
        (name, *_rates(one, *names), _times(part["ratios"].get(name)))
        for name, one in part["readers"].items()
    )
    head = ("reader", "blocks/s", "logs/s", "blocks/s of its processor time")
    return (
        "We against each, as so many times its blocks/s: by the clock, and by processor time.\n\n"
        + _table((*head, "ours"), rows)
    )


def _times(ratio: dict[str, float] | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio['times_by_the_clock']:.2f}, {ratio['times_by_processor_time']:.2f}"
