"""The report's pictures as SVG. Lengths are in the picture's own units; money is only ever drawn
here as a share of its asset's total, so floats are lengths and never amounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape

from donablock.demo.facts import (
    CAMPAIGN,
    CART,
    GOAL_FUND,
    ONE,
    OPERATIONS,
    PROJECT,
    TIP,
    Flow,
)
from donablock.demo.world import SDG_NAMES

SDG_COLOURS = (
    *("#E5243B", "#DDA63A", "#4C9F38", "#C5192D", "#FF3A21", "#26BDE2", "#FCC30B", "#A21942"),
    *("#FD6925", "#DD1367", "#FD9D24", "#BF8B2E", "#3F7E44", "#0A97D9", "#56C02B", "#00689D"),
    "#19486A",
)
"""The goals' colours, as the United Nations' guidelines print them."""

ASSET_COLOURS = {"ETH": "#5A6FB0", "USDX": "#2F8F83", "DOBO": "#C08A2D", "GIVE": "#B4516A"}
GROUP_COLOURS = (
    *("#0F5E56", "#2F8F83", "#7DB8A6", "#C08A2D", "#E0BC74", "#5A6FB0", "#9AA8D4", "#B4516A"),
    "#DDA0AE",
)
INK, FAINT, LINE = "#16242E", "#66727B", "#D9D6CB"
_GREY = "#8A949B"

_Place = Callable[[float], float]
_Level = Callable[[int], float]


def goal_colour(goal: int) -> str:
    """Of a goal, 1 to 17; grey for tips."""
    return SDG_COLOURS[goal - 1] if goal != OPERATIONS else _GREY


def goal_name(goal: int) -> str:
    return SDG_NAMES[goal - 1] if goal != OPERATIONS else "Tips to operations"


def shares_by_goal(flows: Sequence[Flow]) -> dict[int, dict[str, Fraction]]:
    """goal -> asset -> the part of that asset's flows that went there."""
    totals: dict[str, int] = defaultdict(int)
    for flow in flows:
        totals[flow.asset] += flow.amount
    found: dict[int, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for flow in flows:
        found[flow.goal][flow.asset] += Fraction(flow.amount, totals[flow.asset])
    return {goal: dict(assets) for goal, assets in found.items()}


# --- where the money went -------------------------------------------------------------------------


@dataclass
class _Node:
    name: str
    colour: str
    size: Fraction = Fraction(0)
    top: float = 0.0
    used_left: float = 0.0
    used_right: float = 0.0


def sankey(flows: Sequence[Flow]) -> str:
    """Assets -> ways -> goals. Each asset's band is as high as the others: no rate is assumed."""
    width, height, bar, gap = 1120, 760, 15, 9
    columns = (72, 400, 724)
    assets = list(dict.fromkeys(flow.asset for flow in flows))
    assets.sort(key=lambda name: list(ASSET_COLOURS).index(name) if name in ASSET_COLOURS else 99)
    ways = sorted({flow.way for flow in flows}, key=_way_order)
    goals = sorted({flow.goal for flow in flows}, key=lambda goal: goal or 99)
    totals: dict[str, int] = defaultdict(int)
    for flow in flows:
        totals[flow.asset] += flow.amount
    left: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    right: dict[tuple[str, int], Fraction] = defaultdict(Fraction)
    for flow in flows:
        share = Fraction(flow.amount, totals[flow.asset])
        left[flow.asset, flow.way] += share
        right[flow.way, flow.goal] += share
    nodes: list[dict[object, _Node]] = [
        {name: _Node(name, ASSET_COLOURS.get(name, _GREY)) for name in assets},
        {name: _Node(name, "#0F5E56" if name != TIP else _GREY) for name in ways},
        {goal: _Node(goal_name(goal), goal_colour(goal)) for goal in goals},
    ]
    for (asset, way), share in left.items():
        nodes[0][asset].size += share
        nodes[1][way].size += share
    for (_, goal), share in right.items():
        nodes[2][goal].size += share
    most = max(len(column) for column in nodes)
    scale = (height - 20 - gap * (most - 1)) / max(1, len(assets))
    for column in nodes:
        used = sum(float(node.size) * scale for node in column.values())
        space = min(28.0, (height - 20 - used) / max(1, len(column) - 1))
        top = (height - used - space * (len(column) - 1)) / 2
        for node in column.values():
            node.top = top
            top += float(node.size) * scale + space
    parts: list[str] = []
    for asset in assets:
        for way in ways:
            if part := left.get((asset, way)):
                source, target = nodes[0][asset], nodes[1][way]
                title = f"{asset} by {way}: {_percent(part)} of all {asset}"
                parts.append(
                    _band(
                        columns[0] + bar,
                        source,
                        columns[1],
                        target,
                        part,
                        scale,
                        source.colour,
                        title,
                    )
                )
    for goal in goals:
        for way in ways:
            if part := right.get((way, goal)):
                source, target = nodes[1][way], nodes[2][goal]
                title = f"{way} to {target.name}"
                parts.append(
                    _band(
                        columns[1] + bar,
                        source,
                        columns[2],
                        target,
                        part,
                        scale,
                        target.colour,
                        title,
                    )
                )
    for x, column in zip(columns, nodes, strict=True):
        for key, node in column.items():
            size = max(1.0, float(node.size) * scale)
            parts.append(
                f'<rect x="{x}" y="{node.top:.1f}" width="{bar}" height="{size:.1f}" rx="2" '
                f'fill="{node.colour}"/>'
            )
            parts.append(_label(x, bar, node, size, key, len(assets)))
    return _svg(width, height, "Where each asset went: by way of giving, and by goal", parts)


def _label(x: float, bar: float, node: _Node, size: float, key: object, assets: int) -> str:
    middle = node.top + size / 2
    share = _percent(node.size / assets)
    name = escape(node.name)
    if x < 100:
        return (
            f'<text x="{x - 12}" y="{middle:.1f}" text-anchor="end" class="n">{name}</text>'
            f'<text x="{x - 12}" y="{middle + 18:.1f}" text-anchor="end" class="s">100 %</text>'
        )
    number = (
        f'<tspan class="g" fill="{node.colour}">{key} </tspan>'
        if isinstance(key, int) and key
        else ""
    )
    return (
        f'<text x="{x + bar + 9}" y="{middle + 4.5:.1f}" class="n" paint-order="stroke" '
        f'stroke="#FCFBF7" stroke-width="4" stroke-linejoin="round">{number}{name} '
        f'<tspan class="s">{share}</tspan></text>'
    )


def _band(
    x0: float,
    source: _Node,
    x1: float,
    target: _Node,
    share: Fraction,
    scale: float,
    colour: str,
    title: str,
) -> str:
    size = float(share) * scale
    y0, y1 = source.top + source.used_right, target.top + target.used_left
    source.used_right += size
    target.used_left += size
    middle = (x0 + x1) / 2
    path = (
        f"M{x0:.1f},{y0:.2f}C{middle:.1f},{y0:.2f} {middle:.1f},{y1:.2f} {x1:.1f},{y1:.2f}"
        f"L{x1:.1f},{y1 + size:.2f}C{middle:.1f},{y1 + size:.2f} {middle:.1f},{y0 + size:.2f} "
        f"{x0:.1f},{y0 + size:.2f}Z"
    )
    return (
        f'<path d="{path}" fill="{colour}" fill-opacity=".34"><title>{escape(title)}</title></path>'
    )


def _way_order(way: str) -> tuple[int, int, str]:
    if way in (ONE, CART, GOAL_FUND):
        return (ONE, CART, GOAL_FUND).index(way), 0, way
    if way in (CAMPAIGN, PROJECT):
        return 6 + (CAMPAIGN, PROJECT).index(way), 0, way
    digits = "".join(letter for letter in way if letter.isdigit())
    return (9 if way == TIP else 5), int(digits or 0), way


def _percent(share: Fraction) -> str:
    """With one digit after the point: "12.3 %"."""
    tenths = round(share * 1_000)
    return f"{tenths // 10}.{tenths % 10} %" if tenths or not share else "<0.1 %"


# --- how DOBO came out ----------------------------------------------------------------------------


def vesting(months: Sequence[Sequence[int]], names: Sequence[str], supply: int) -> str:
    """Groups on top of each other, month by month, in steps; `supply` is the picture's height."""
    width, height, left, right, top, bottom = 1120, 400, 64, 20, 16, 40
    inner, tall = width - left - right, height - top - bottom
    # the last month's level is drawn for a month too
    count = len(months)

    def x(month: float) -> float:
        return left + inner * month / count

    def y(amount: int) -> float:
        return top + tall - tall * float(Fraction(amount, supply))

    parts = []
    for line in range(5):
        amount = supply * line // 4
        parts.append(
            f'<line x1="{left}" x2="{width - right}" y1="{y(amount):.1f}" y2="{y(amount):.1f}" '
            f'stroke="{LINE}"/><text x="{left - 8}" y="{y(amount) + 4:.1f}" text-anchor="end" '
            f'class="s">{line * 500:,} M</text>'
        )
    below = [0] * len(months)
    for group, name in enumerate(names):
        above = [low + month[group] for low, month in zip(below, months, strict=True)]
        upper = "".join(_step(x, y, month, above) for month in range(1, count))
        lower = "".join(_step_back(x, y, month, below) for month in reversed(range(1, count)))
        colour = GROUP_COLOURS[group % len(GROUP_COLOURS)]
        parts.append(
            f'<path d="M{x(0):.1f},{y(above[0]):.1f}{upper}L{x(count):.1f},{y(above[-1]):.1f}'
            f'L{x(count):.1f},{y(below[-1]):.1f}{lower}L{x(0):.1f},{y(below[0]):.1f}Z" '
            f'fill="{colour}" stroke="#FCFBF7" stroke-width=".6"><title>{escape(name)}</title>'
            "</path>"
        )
        below = above
    for month in range(0, count, 6 if count > 18 else 3):
        parts.append(
            f'<text x="{x(month):.1f}" y="{height - 14}" text-anchor="middle" class="s">'
            f"{'month ' if not month else ''}{month}</text>"
        )
    return _svg(width, height, "DOBO released by group over the months", parts)


def _step(x: _Place, y: _Level, month: int, levels: Sequence[int]) -> str:
    return f"L{x(month):.1f},{y(levels[month - 1]):.1f}L{x(month):.1f},{y(levels[month]):.1f}"


def _step_back(x: _Place, y: _Level, month: int, levels: Sequence[int]) -> str:
    return f"L{x(month):.1f},{y(levels[month]):.1f}L{x(month):.1f},{y(levels[month - 1]):.1f}"


# --- what it cost ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """A row of the gas picture: least and median of this run, warm by the benchmark (None where it
    has not been run), the ceiling that holds for that, and the best of the field.
    """

    name: str
    least: int
    here: int
    bench: int | None
    ceiling: int | None
    field: int | None


def gas(rows: Sequence[Cost], most: int = 250_000) -> str:
    """A dark bar for us, a pale one for the best of the field, a dashed line at the ceiling, a dot
    for this run's median. What is over `most` gas leaves the picture on the right.
    """
    width, label, right, row = 1120, 300, 130, 56
    inner = width - label - right

    def length(amount: int) -> float:
        return inner * float(Fraction(min(amount, most), most))

    parts = []
    for number, cost in enumerate(rows):
        top = 10 + number * row
        shown = cost.bench if cost.bench is not None else cost.least
        end = label + length(max(shown, cost.ceiling or 0, cost.here)) + 10
        parts.append(
            f'<text x="{label - 14}" y="{top + 18}" text-anchor="end" class="n">'
            f"{escape(cost.name)}</text>"
            f'<rect x="{label}" y="{top + 4}" width="{length(shown):.1f}" height="18" rx="2" '
            f'fill="#0F5E56"><title>{escape(cost.name)}: {shown:,} gas</title></rect>'
            f'<text x="{end:.1f}" y="{top + 18}" class="v">{shown:,}</text>'
            f'<circle cx="{label + length(cost.here):.1f}" cy="{top + 13}" r="4" fill="#C08A2D" '
            f'stroke="#FCFBF7" stroke-width="1.5"><title>median of this run: {cost.here:,}</title>'
            "</circle>"
        )
        if cost.field is not None:
            long = length(cost.field)
            words = f"field {cost.field:,}"
            inside = cost.field > most
            at = label + long - 12 if inside else label + long + 10
            anchor = ' text-anchor="end"' if inside else ""
            parts.append(
                f'<rect x="{label}" y="{top + 26}" width="{long:.1f}" height="13" rx="2" '
                f'fill="#DAD6C8"/><text x="{at:.1f}" y="{top + 37}" class="s"{anchor}>'
                f"{words}{' &#8594;' * inside}</text>"
            )
        if cost.ceiling is not None:
            at = label + length(cost.ceiling)
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + 25}" stroke="#B4516A" '
                f'stroke-width="2" stroke-dasharray="3 2"><title>ceiling {cost.ceiling:,}</title>'
                "</line>"
            )
    return _svg(width, 14 + len(rows) * row, "Gas by operation", parts)


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def rosette() -> str:
    """The guilloche of the receipts, for the head of the page."""
    turns = "".join(
        f'<g transform="rotate({angle / 2:g})"><ellipse rx="236" ry="92"/>'
        '<ellipse rx="214" ry="60"/></g>'
        for angle in range(0, 360, 15)
    )
    return (
        '<svg class="rosette" viewBox="-240 -240 480 480" aria-hidden="true" fill="none" '
        f'stroke="currentColor" stroke-width=".7">{turns}</svg>'
    )


def bars(shares: Mapping[int, Mapping[str, Fraction]]) -> str:
    """For narrow screens: a row per goal, its assets' shares side by side, as HTML."""
    most = max((sum(assets.values()) for assets in shares.values()), default=Fraction(1))
    rows = []
    for goal in sorted(shares, key=lambda goal: goal or 99):
        assets = shares[goal]
        cells = "".join(
            f'<i style="width:{float(share / most) * 100:.2f}%;'
            f'background:{ASSET_COLOURS.get(name, _GREY)}" '
            f'title="{escape(name)} {_percent(share)}"></i>'
            for name, share in assets.items()
        )
        badge = f'<b style="background:{goal_colour(goal)}">{goal or "+"}</b>'
        rows.append(f"<li>{badge}<span>{escape(goal_name(goal))}</span><em>{cells}</em></li>")
    return f'<ul class="goals">{"".join(rows)}</ul>'
