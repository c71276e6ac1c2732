"""The report's panels on campaigns and on the impact fund: pictures and the words around them, as
HTML. Money is drawn as a share of what it is a part of, so floats are lengths and never amounts.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape

from donablock.chain.amounts import Asset
from donablock.demo.drawing import INK, LINE
from donablock.demo.stories import (
    FAILED,
    REJECTED,
    SUCCEEDED,
    CampaignStory,
    ImpactStory,
    Milestone,
    ProjectStory,
    Station,
    Tier,
    Token,
    data,
)
from donablock.demo.summary import exact

GREEN, PALE, ROSE, GOLD, BLUE = "#0F5E56", "#7DB8A6", "#B4516A", "#C08A2D", "#5A6FB0"
_ALL = 10_000


def brief(units: int, decimals: int) -> str:
    """For pictures: cut, never rounded up, to three digits or more: "22.4", "1,234", "0.0512"."""
    whole, _, part = exact(units, decimals).partition(".")
    digits = len(whole.replace(",", ""))
    if whole == "0":
        leading = len(part) - len(part.lstrip("0"))
        kept = part[: leading + 3]
    else:
        kept = part[: max(0, 3 - digits)]
    kept = kept.rstrip("0")
    return f"{whole}.{kept}" if kept else whole


def image(uri: str, words: str) -> str:
    """A picture that an address holds, as an image: what it draws can do nothing but be seen."""
    drawn = base64.b64encode(data(uri)).decode("ascii")
    return f'<img alt="{escape(words)}" src="data:image/svg+xml;base64,{drawn}">'


# --- campaigns ------------------------------------------------------------------------------------


def campaigns(stories: Sequence[CampaignStory], assets: Mapping[str, Asset]) -> str:
    """A panel for each."""
    return "".join(_campaign(story, assets[story.asset]) for story in stories)


def _campaign(story: CampaignStory, asset: Asset) -> str:
    badge, words = _outcome(story)
    tiers = "".join(_tier(tier, asset) for tier in story.tiers)
    return (
        f"<article class='card campaign'><h3>{escape(story.name)}</h3>"
        f"<p class='for'>for {escape(story.charity)}</p>"
        f"<p class='how'><em class='{badge}'>{escape(words)}</em></p>"
        f"{curve(story, asset)}{_fate(story)}"
        f"<ul class='tiers'>{tiers}</ul><dl>{_figures(story, asset)}</dl></article>"
    )


def _outcome(story: CampaignStory) -> tuple[str, str]:
    if story.state == SUCCEEDED:
        return "won", "succeeded"
    if story.state == FAILED:
        return "lost", "failed, paid back"
    if story.state == REJECTED:
        return "split", "a milestone was rejected"
    return "split", story.outcome


def _tier(tier: Tier, asset: Asset) -> str:
    price = f"{brief(tier.price, asset.decimals)} {asset.symbol}"
    share = float(Fraction(tier.sold, tier.supply)) * 100
    art = image(tier.artwork, f"artwork of the tier at {price}")
    return (
        f"<li>{art}<b>{escape(price)}</b><span>{tier.sold:,} of {tier.supply:,}</span>"
        f"<i><u style='width:{max(share, 1.0 if tier.sold else 0.0):.1f}%'></u></i></li>"
    )


def _figures(story: CampaignStory, asset: Asset) -> str:
    policy = "all or nothing" if story.is_all_or_nothing else "keep what you raise"
    rows = [
        ("Promise", policy),
        ("Backers", f"{story.backers:,} with {len(story.pledges):,} pledges"),
        ("Raised", _amount(story.raised, asset)),
        ("Claimed", _amount(story.claimed, asset)),
        ("Paid back", _amount(story.refunded, asset)),
        ("Still owed", _amount(story.owed, asset)),
        ("Tokens", _tokens(story)),
    ]
    return "".join(f"<dt>{name}</dt><dd>{escape(words)}</dd>" for name, words in rows)


def _tokens(story: CampaignStory) -> str:
    if not story.alive:
        return f"{len(story.pledges):,}, all burnt"
    return f"{story.alive:,}"


def _amount(units: int, asset: Asset) -> str:
    return f"{exact(units, asset.decimals)} {asset.symbol}"


def curve(story: CampaignStory, asset: Asset) -> str:
    """What was raised, pledge by pledge, until the deadline, under or over the goal's line."""
    width, height, top, bottom = 400, 232, 34, 28
    tall = height - top - bottom
    most = max(story.goal, story.raised)
    span = max(1, story.deadline - story.opened)

    def x(second: int) -> float:
        return width * float(Fraction(min(second, story.deadline) - story.opened, span))

    def y(amount: int) -> float:
        return top + tall - tall * float(Fraction(amount, most))

    total, steps = 0, f"M0,{y(0):.1f}"
    for second, amount in story.pledges:
        steps += f"L{x(second):.1f},{y(total):.1f}"
        total += amount
        steps += f"L{x(second):.1f},{y(total):.1f}"
    steps += f"L{width},{y(total):.1f}"
    colour = ROSE if story.state == FAILED else GREEN
    goal = y(story.goal)
    raised = f"{brief(story.raised, asset.decimals)} {asset.symbol}"
    wanted = f"goal {brief(story.goal, asset.decimals)} {asset.symbol}"
    # the two labels keep apart where the amounts are near each other
    ends = y(total)
    label = ends - 8 if ends <= goal else ends + 18 if ends - goal < 26 else ends - 8
    parts = [
        f'<path d="{steps}L{width},{y(0):.1f}Z" fill="{colour}" fill-opacity=".16"/>',
        f'<path d="{steps}" fill="none" stroke="{colour}" stroke-width="2.5" '
        'stroke-linejoin="round"/>',
        f'<line x1="0" x2="{width}" y1="{goal:.1f}" y2="{goal:.1f}" stroke="{INK}" '
        'stroke-width="1.4" stroke-dasharray="5 4"/>',
        f'<text x="2" y="{goal - 7:.1f}" class="n" {_HALO}>{escape(wanted)}</text>',
        f'<text x="{width - 2}" y="{label:.1f}" text-anchor="end" class="v" {_HALO}>'
        f"{escape(raised)}</text>",
        f'<line x1="0" x2="{width}" y1="{y(0):.1f}" y2="{y(0):.1f}" stroke="{LINE}" '
        'stroke-width="1.4"/>',
        f'<text x="0" y="{height - 8}" class="s">{_day(story.opened)}</text>',
        f'<text x="{width}" y="{height - 8}" text-anchor="end" class="s">{_day(story.deadline)}'
        "</text>",
    ]
    title = f"{story.name}: {raised} raised, {wanted}"
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


_HALO = 'paint-order="stroke" stroke="#FFFFFF" stroke-width="4" stroke-linejoin="round"'


def _fate(story: CampaignStory) -> str:
    """What became of all that was raised, as a bar and a line for each part."""
    parts = _parts(story)
    bar = "".join(
        f"<i style='flex:{max(amount, 1)};background:{colour}' title='{escape(words)}'></i>"
        for words, colour, amount in _scaled(parts, story.raised)
    )
    lines = "".join(
        f"<li><i style='background:{colour}'></i><b>{_percent(amount, story.raised)}</b> "
        f"{escape(words)}</li>"
        for words, colour, amount in parts
    )
    return f"<div class='fate'><div>{bar}</div><ul>{lines}</ul></div>"


def _parts(story: CampaignStory) -> list[tuple[str, str, int]]:
    """In words, its colour, and the amount; together all that was raised."""
    if story.state == FAILED:
        return [("paid back by a passer-by", ROSE, story.refunded)] + (
            [("not yet paid back", GOLD, story.owed)] if story.owed else []
        )
    if not story.milestones:
        return [("to the charity", GREEN, story.released)]
    staged = sum(milestone.amount for milestone in story.milestones if milestone.is_released)
    found = [("to the charity at once", GREEN, story.released - staged)]
    for milestone in story.milestones:
        if milestone.is_released:
            words = f"milestone {milestone.number} approved{_votes(milestone)}"
            found.append((words, PALE, milestone.amount))
        else:
            words = f"milestone {milestone.number} rejected{_votes(milestone)}: back to backers"
            found.append((words, ROSE, story.raised - story.released))
    return found


def _votes(milestone: Milestone) -> str:
    cast = milestone.approvals + milestone.objections
    if not cast:
        return ", nobody voted"
    return f", {_percent(milestone.approvals, cast)} for it"


def _scaled(parts: Sequence[tuple[str, str, int]], whole: int) -> list[tuple[str, str, int]]:
    """Amounts as thousandths of the whole."""
    return [(words, colour, amount * 1_000 // max(1, whole)) for words, colour, amount in parts]


def _percent(part: int, whole: int) -> str:
    """Rounded to the nearest: "25 %"."""
    return f"{(200 * part + whole) // (2 * whole)} %" if whole else "0 %"


def token_facts(token: Token) -> str:
    """What the contract says of a backer's token."""
    rows = [("Name", str(token.metadata.get("name", ""))), ("Held by", token.owner)]
    attributes = token.metadata.get("attributes")
    if isinstance(attributes, list):
        rows += [
            (str(entry.get("trait_type", "")), _said(entry.get("value", "")))
            for entry in attributes
            if isinstance(entry, dict)
        ]
    rows += [
        ("Page", str(token.metadata.get("external_url", ""))),
        ("Image", str(token.metadata.get("image", ""))),
    ]
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


# --- the impact fund ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Band:
    """From one place to another; both ends as high as its amount."""

    x0: float
    y0: float
    x1: float
    y1: float
    colour: str
    amount: int
    words: str


def life(story: ImpactStory, asset: Asset) -> str:
    """Donated, released, repaid, lent: the money of the first project and of those it was lent to,
    from left to right. Empty where there is none.
    """
    if len(story.projects) < 2:
        return ""
    first, second = story.projects[:2]
    width, top, bar, tall = 1120, 62, 14, 210
    most = max(1, first.raised, first.repaid)
    scale = Fraction(tall, most)

    def high(amount: int) -> float:
        return float(scale * amount)

    xs = (8.0, 232.0, 432.0, 640.0, 838.0, 1106 - bar)
    low = top + tall + 46
    # the second project hangs lower: what is lent falls to it, and donors' part comes from below
    next_top = top + high(story.pool) + 54
    out_top = next_top + 26
    wait_top = out_top + high(second.claimed) + 44
    nodes = (
        (xs[0], top, first.given, GOLD, "Donors"),
        (xs[0], low, second.given, GOLD, "Donors"),
        (xs[1], top, first.raised, GREEN, first.name),
        (xs[2], top, first.claimed, BLUE, "Builds and earns"),
        (xs[3], top, first.repaid, PALE, "Repaid to the pool"),
        (xs[4], next_top, second.raised, GREEN, second.name),
        (xs[5], top, story.pool, PALE, "Waits to be lent"),
        (xs[5], out_top, second.claimed, BLUE, "Released"),
        (xs[5], wait_top, second.waits, LINE, "Waits for a report"),
    )
    bands = [
        _Band(xs[0], top, xs[1], top, GOLD, first.given, "gifts"),
        _Band(xs[1], top, xs[2], top, GREEN, first.claimed, "released, stage by stage"),
        _Band(xs[2], top, xs[3], top, BLUE, first.repaid, "repaid"),
        _Band(xs[3], top, xs[5], top, PALE, story.pool, "waits in the pool"),
        _Band(xs[3], top + high(story.pool), xs[4], next_top, PALE, second.lent, "lent"),
        _Band(xs[0], low, xs[4], next_top + high(second.lent), GOLD, second.given, "gifts"),
        _Band(xs[4], next_top, xs[5], out_top, GREEN, second.claimed, "released"),
        _Band(
            xs[4],
            next_top + high(second.claimed),
            xs[5],
            wait_top,
            LINE,
            second.waits,
            "waits",
        ),
    ]
    parts = [_band(band, bar, high(band.amount)) for band in bands if band.amount]
    for x, y, amount, colour, words in nodes:
        if not amount:
            continue
        at, anchor = (x, "start") if x < xs[5] else (x + bar, "end")
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar}" height="{max(2.0, high(amount)):.1f}" '
            f'rx="2" fill="{colour}"/>'
            f'<text x="{at:.1f}" y="{y - 24:.1f}" text-anchor="{anchor}" class="n" {_HALO}>'
            f"{escape(words)}</text>"
            f'<text x="{at:.1f}" y="{y - 7:.1f}" text-anchor="{anchor}" class="v" {_HALO}>'
            f"{brief(amount, asset.decimals)} {escape(asset.symbol)}</text>"
        )
    bottom = max(y + high(amount) for _, y, amount, _, _ in nodes)
    title = "The life of the impact fund's money: given, released, repaid, lent"
    return (
        f'<svg viewBox="0 0 {width} {bottom + 14:.0f}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _band(band: _Band, bar: float, size: float) -> str:
    x0, x1 = band.x0 + bar, band.x1
    middle = (x0 + x1) / 2
    path = (
        f"M{x0:.1f},{band.y0:.1f}C{middle:.1f},{band.y0:.1f} {middle:.1f},{band.y1:.1f} "
        f"{x1:.1f},{band.y1:.1f}L{x1:.1f},{band.y1 + size:.1f}C{middle:.1f},{band.y1 + size:.1f} "
        f"{middle:.1f},{band.y0 + size:.1f} {x0:.1f},{band.y0 + size:.1f}Z"
    )
    return (
        f'<path d="{path}" fill="{band.colour}" fill-opacity=".3"><title>{escape(band.words)}'
        "</title></path>"
    )


_VERBS = {
    "given": ("Donors give to {}", GOLD),
    "released": ("A stage of {} is released", GREEN),
    "claimed": ("{} is paid", BLUE),
    "repaid": ("{} repays", PALE),
    "lent": ("Lent to {}", ROSE),
    "refunded": ("Paid back by {}", ROSE),
}


def stations(story: ImpactStory, asset: Asset) -> str:
    """The same, log by log, one line each; gifts to a project in a row are one line."""
    names = {project.id: project for project in story.projects}
    most = max((project.goal for project in story.projects), default=1)
    lines = []
    for station, count in _merged(story.stations):
        verb, colour = _VERBS[station.kind]
        said = verb.format(_called(names[station.project_id]))
        if count > 1:
            said += f", over {count} days"
        share = float(Fraction(station.amount, most)) * 100
        lines.append(
            f"<li><time>{_day(station.second)}</time><span>{escape(said[0].upper() + said[1:])}"
            f"</span><b>{escape(_amount(station.amount, asset))}</b>"
            f"<i><u style='width:{min(share, 100.0):.1f}%;background:{colour}'></u></i></li>"
        )
    return "".join(lines)


def _called(project: ProjectStory) -> str:
    """The mill, once "A mill" is known."""
    return "the " + project.name.removeprefix("A ").removeprefix("An ")


def _merged(found: Sequence[Station]) -> list[tuple[Station, int]]:
    """Gifts to one project are one station, at the first one's second; how many there were."""
    merged: list[tuple[Station, int]] = []
    places: dict[int, int] = {}
    for station in found:
        if station.kind == "given" and station.project_id in places:
            at = places[station.project_id]
            before, count = merged[at]
            total = before.amount + station.amount
            merged[at] = (Station(before.second, "given", before.project_id, total), count + 1)
            continue
        if station.kind == "given":
            places[station.project_id] = len(merged)
        merged.append((station, 1))
    return merged


def _day(second: int) -> str:
    """In UTC: "1 Sep 2021"."""
    return time.strftime("%d %b %Y", time.gmtime(second)).lstrip("0")
