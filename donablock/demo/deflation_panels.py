"""The report's panels on commission: DOBO's supply and price, the pool, what stakers took, and the
receipts. Each picture is drawn twice, for wide and for narrow screens. Floats are lengths and never
amounts.
"""

from __future__ import annotations

import calendar
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape

from donablock.chain.amounts import Asset
from donablock.demo.deflation import Deflation, Purchase, Receipt
from donablock.demo.dividends import Position
from donablock.demo.drawing import GROUP_COLOURS, INK, LINE
from donablock.demo.summary import cut, exact

GREEN, ROSE, GOLD, BLUE, PALE = "#0F5E56", "#B4516A", "#C08A2D", "#5A6FB0", "#7DB8A6"
TERMS = ((1, 3), (4, 6), (7, 9), (10, 12))
"""Years, from and to, that are one colour."""

_TERM_COLOURS = tuple(GROUP_COLOURS[number] for number in (2, 0, 3, 5))
_HALO = 'paint-order="stroke" stroke="#FFFFFF" stroke-width="4" stroke-linejoin="round"'
_DAY = 86_400
_DECIMALS = 18
_MILLION, _THOUSAND = 10**24, 10**21


@dataclass(frozen=True)
class Size:
    """A picture's, in its own units; `lines` at most across it, and `dates` under it."""

    name: str
    width: int
    height: int
    lines: int
    dates: int


ROOMY, SLIM = Size("roomy", 540, 330, 6, 6), Size("slim", 340, 270, 5, 4)
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 34, 30


@dataclass(frozen=True)
class Frame:
    """Seconds from left to right, amounts from bottom to top."""

    size: Size
    since: int
    until: int
    low: Fraction
    high: Fraction

    def x(self, second: int) -> float:
        inner = self.size.width - _LEFT - _RIGHT
        return _LEFT + inner * float(Fraction(second - self.since, self.until - self.since))

    def y(self, amount: Fraction) -> float:
        tall = self.size.height - _TOP - _BOTTOM
        return _TOP + tall - tall * float((amount - self.low) / (self.high - self.low))

    def grid(self, unit: str) -> Iterable[str]:
        """Lines at round amounts, with the unit above, and the months below."""
        size, right = self.size, self.size.width - _RIGHT
        yield f'<text x="0" y="14" class="s">{escape(unit)}</text>'
        for amount, words in ticks(self.low, self.high, size.lines):
            at = self.y(amount)
            yield (
                f'<line x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="{LINE}"/>'
                f'<text x="{_LEFT - 7}" y="{at + 4:.1f}" text-anchor="end" class="s">{words}</text>'
            )
        for second in dates(self.since, self.until, size.dates):
            yield (
                f'<text x="{self.x(second):.1f}" y="{size.height - 9}" text-anchor="middle" '
                f'class="s">{time.strftime("%b %y", time.gmtime(second))}</text>'
            )


def ticks(low: Fraction, high: Fraction, most: int) -> list[tuple[Fraction, str]]:
    """Round amounts between two, at most so many, and how they are written."""
    wanted = (high - low) / most
    power = math.floor(math.log10(wanted))
    unit = Fraction(10) ** power
    step = next(times * unit for times in (1, 2, 5, 10) if times * unit >= wanted)
    digits = max(0, -power)
    found = []
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        whole, _, part = exact(int(number * step * 10**digits), digits).partition(".")
        found.append((number * step, f"{whole}.{part.ljust(digits, '0')}" if digits else whole))
    return found


def dates(since: int, until: int, most: int) -> list[int]:
    """First seconds of calendar months between two seconds, evenly, at most so many."""
    year, month = time.gmtime(since)[:2]
    found = []
    while True:
        month += 1
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        second = calendar.timegm((year, month, 1, 0, 0, 0))
        if second > until:
            break
        found.append(second)
    step = next(step for step in (1, 2, 3, 4, 6, 12, 24, 48) if len(found) <= step * most)
    # a label is as wide as a month or two: none at the very edge
    room = (until - since) // 24
    return [second for second in found[::step] if second + room <= until and second - room >= since]


# --- the section ----------------------------------------------------------------------------------


def section(story: Deflation | None, stable: Asset) -> str:
    """All of it; nothing where no commission was settled."""
    if story is None:
        return ""
    figures = [_supply(story)]
    figures += [_price(story, stable)] if story.quotes else []
    figures += [_pool(story)] if story.months else []
    figures += [_payouts(story)] if story.payments else []
    plots = "".join(figure.html() for figure in figures)
    return (
        '<section id="deflation"><h2>A year of commission</h2>'
        "<p>Services pay commission in DOBO, and in dollars with which DOBO is bought on a real "
        "Uniswap V2. Of all that arrives a part is burnt and a part goes to those who have staked "
        "DOBO for years; every settlement leaves a receipt on the chain. What is missing from the "
        "supply is what the receipts say, to the last of 18 digits.</p>"
        f"<div class='card'>{_equation(story)}{_receipts(story)}</div>"
        f"<div class='plots'>{plots}</div>"
        f"<div class='card'>{_stakers(story)}</div></section>"
    )


def _equation(story: Deflation) -> str:
    parts = (
        ("DOBO at first", story.supply_at_start, "-"),
        ("DOBO now", story.supply, "=" if _is_told(story) else "&ne;"),
        (f"burnt by {len(story.receipts)} receipts", story.burnt, ""),
    )
    return (
        "<div class='sum'>"
        + "".join(
            f"<p><b>{_digits(amount)}</b><span>{words}</span></p>"
            + (f"<i>{'&minus;' if sign == '-' else sign}</i>" if sign else "")
            for words, amount, sign in parts
        )
        + "</div>"
    )


def _is_told(story: Deflation) -> bool:
    return story.supply_at_start - story.supply == story.burnt


def _digits(units: int) -> str:
    """Every digit, those after the point smaller."""
    whole, _, part = exact(units, _DECIMALS).partition(".")
    return f"{whole}<small>.{part}</small>" if part else whole


def _receipts(story: Deflation) -> str:
    rows = "".join(_receipt(receipt) for receipt in story.receipts)
    heads = (
        ("No.", ""),
        ("Day", ""),
        ("By reference", "o"),
        ("Bought back", "o"),
        ("Other", "o"),
        ("Burnt", ""),
        ("Dividends", "o"),
        ("Receivers", "o"),
        ("Supply after", ""),
    )
    head = "".join(f"<th class='{kind}'>{words}</th>" for words, kind in heads)
    return (
        "<table class='receipts'><caption>Receipts of commission, in DOBO, cut after four digits"
        "<span class='o'>; <i>other</i> came by plain transfers or was left over</span></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _receipt(receipt: Receipt) -> str:
    other = receipt.amount - receipt.deposited - receipt.bought
    cells = (
        (str(receipt.batch), ""),
        (_day(receipt.second), ""),
        (cut(receipt.deposited, _DECIMALS), "o"),
        (cut(receipt.bought, _DECIMALS), "o"),
        (cut(other, _DECIMALS), "o"),
        (cut(receipt.burnt, _DECIMALS), ""),
        (cut(receipt.dividends, _DECIMALS), "o"),
        (cut(receipt.shared_out, _DECIMALS), "o"),
        (cut(receipt.supply_after, _DECIMALS), ""),
    )
    return f"<tr>{''.join(f'<td class={kind!r}>{words}</td>' for words, kind in cells)}</tr>"


def _stakers(story: Deflation) -> str:
    rows = "".join(_staker(story, position) for position in story.positions)
    heads = ("Who", "Years", "Staked", "Claimed", "Compounded", "Not yet taken", "Short by")
    head = "".join(f"<th>{words}</th>" for words in heads)
    return (
        "<p>Dividends were counted anew, month by month and stake by stake, in fractions. Nobody "
        "got more than the exact share, and nobody less by a unit (10<sup>-18</sup> DOBO) for each "
        "time it was rounded down.</p>"
        f"<details><summary>Every stake</summary><div class='wide'><table class='gas stakes'>"
        "<caption>Amounts in DOBO, cut after four digits; short by: units under the exact share, "
        "and how often it was rounded down</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        "</div></details>"
    )


def _staker(story: Deflation, position: Position) -> str:
    short = math.floor(position.short * 100)
    cells = (
        escape(story.names.get(position.owner, position.owner)),
        str(position.term),
        *(
            cut(amount, _DECIMALS)
            for amount in (
                position.staked,
                position.claimed,
                position.compounded,
                position.pending,
            )
        ),
        f"{short // 100}.{short % 100:02} of {position.settled}",
    )
    return f"<tr>{''.join(f'<td>{words}</td>' for words in cells)}</tr>"


# --- pictures -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """A picture in both sizes with its words. `words`: what is drawn, in which unit; `told`: what
    it shows, for who does not see it; `legend`: mark and meaning.
    """

    key: str
    title: str
    words: str
    told: str
    draw: Callable[[Size], Sequence[str]]
    legend: Sequence[tuple[str, str]]

    def html(self) -> str:
        legend = "".join(f"<li>{mark}{escape(words)}</li>" for mark, words in self.legend)
        drawn = self.svg(ROOMY) + self.svg(SLIM)
        return (
            f"<figure class='card plot'><figcaption><h3>{escape(self.title)}</h3>"
            f"<p>{escape(self.words)}</p></figcaption>{drawn}<ul class='legend'>{legend}</ul>"
            "</figure>"
        )

    def svg(self, size: Size) -> str:
        name = f"{self.key}-{size.name}"
        return (
            f'<svg class="{size.name}" viewBox="0 0 {size.width} {size.height}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc" xmlns="http://www.w3.org/2000/svg">'
            f'<title id="{name}-title">{escape(self.title)}</title>'
            f'<desc id="{name}-desc">{escape(self.told)}</desc>{"".join(self.draw(size))}</svg>'
        )


def _box(colour: str) -> str:
    return f"<i style='background:{colour}'></i>"


def _dot(colour: str) -> str:
    return f"<i class='dot' style='background:{colour}'></i>"


def _stroke(colour: str) -> str:
    return f"<i class='stroke' style='background:{colour}'></i>"


def _span(story: Deflation) -> tuple[int, int]:
    """From the market's opening to half a month after the last settlement or purchase."""
    seconds = [receipt.second for receipt in story.receipts]
    seconds += [purchase.second for purchase in story.purchases]
    first = min([*seconds, *(quote.second for quote in story.quotes[:1])])
    return first, max(seconds) + 15 * _DAY


def _supply(story: Deflation) -> Figure:
    since, until = _span(story)
    gone = Fraction(story.supply_at_start - story.supply, _MILLION)
    low, high = (
        Fraction(story.supply, _MILLION) - gone / 8,
        Fraction(story.supply_at_start, _MILLION),
    )
    now = f"{cut(story.supply, _DECIMALS).partition('.')[0]} DOBO"

    def draw(size: Size) -> list[str]:
        frame = Frame(size, since, until, low, high)
        top, right = frame.y(high), frame.x(until)
        path = f"M{frame.x(since):.1f},{top:.1f}"
        dots = []
        for receipt in story.receipts:
            x, y = frame.x(receipt.second), frame.y(Fraction(receipt.supply_after, _MILLION))
            path += f"H{x:.1f}V{y:.1f}"
            dots.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{ROSE}"><title>Receipt '
                f"{receipt.batch}, {_day(receipt.second)}: {cut(receipt.burnt, _DECIMALS)} DOBO "
                "burnt</title></circle>"
            )
        path += f"H{right:.1f}"
        end, last = frame.y(Fraction(story.supply, _MILLION)), frame.x(story.receipts[-1].second)
        return [
            *frame.grid("million DOBO"),
            f'<path d="{path}V{top:.1f}Z" fill="{ROSE}" fill-opacity=".15"/>',
            f'<path d="{path}" fill="none" stroke="{ROSE}" stroke-width="2.2"/>',
            *dots,
            f'<text x="{last - 10:.1f}" y="{end + 4:.1f}" text-anchor="end" class="v" {_HALO}>'
            f"{now}</text>",
        ]

    return Figure(
        key="supply",
        title="DOBO that exists",
        words="In million DOBO; the scale does not begin at zero. Each step down is a receipt: "
        "what it burnt exists no more.",
        told=f"From {exact(story.supply_at_start, _DECIMALS)} DOBO the supply falls in "
        f"{len(story.receipts)} steps, one for each receipt, to {exact(story.supply, _DECIMALS)}.",
        draw=draw,
        legend=((_stroke(ROSE), "supply"), (_dot(ROSE), "receipt"), (_box("#F3E2E6"), "burnt")),
    )


def _price(story: Deflation, stable: Asset) -> Figure:
    since, until = _span(story)
    scale = 1_000 * Fraction(10) ** (_DECIMALS - stable.decimals)
    seen = [quote for quote in story.quotes if quote.second <= until]
    levels = [quote.price * scale for quote in seen]
    levels += [one.average * scale for one in story.purchases]
    levels += [one.price * scale for one in story.purchases]
    room = (max(levels) - min(levels)) / 12 or max(levels) / 12
    low, high = min(levels) - room, max(levels) + room

    def draw(size: Size) -> list[str]:
        frame = Frame(size, since, until, low, high)
        path = ""
        for quote in seen:
            x, y = frame.x(quote.second), frame.y(quote.price * scale)
            path += f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f},{y:.1f}"
        path += f"H{frame.x(until):.1f}"
        marks = "".join(_purchase(frame, one, scale, stable) for one in story.purchases)
        return [
            *frame.grid(f"{stable.symbol} for 1,000 DOBO"),
            f'<path d="{path}" fill="none" stroke="{GREEN}" stroke-width="1.5" '
            'stroke-linejoin="round"/>',
            marks,
        ]

    spent = sum(one.spent for one in story.purchases)
    bought = sum(one.bought for one in story.purchases)
    by_others = any(not one.by_operator for one in story.purchases)
    return Figure(
        key="price",
        title="Its price, and what the buyback paid",
        words=f"In {stable.symbol} for 1,000 DOBO; the scale does not begin at zero. No purchase "
        "is made where the pair gives over 1 % less DOBO than the average price: the spike is a "
        "trader who tried.",
        told=f"The price moves between {_plain(min(levels))} and {_plain(max(levels))} "
        f"{stable.symbol} for 1,000 DOBO. {len(story.purchases)} purchases spent "
        f"{exact(spent, stable.decimals)} {stable.symbol} on {exact(bought, _DECIMALS)} DOBO.",
        draw=draw,
        legend=(
            (_stroke(GREEN), "price on the pair"),
            (_stroke(BLUE), "average price"),
            (_dot(GOLD), "paid by the buyback, fee included"),
            *([(_dot(ROSE), "the same, bought by a passer-by")] if by_others else []),
        ),
    )


def _purchase(frame: Frame, one: Purchase, scale: Fraction, stable: Asset) -> str:
    x, average = frame.x(one.second), frame.y(one.average * scale)
    colour = GOLD if one.by_operator else ROSE
    return (
        f'<line x1="{x - 5:.1f}" x2="{x + 5:.1f}" y1="{average:.1f}" y2="{average:.1f}" '
        f'stroke="{BLUE}" stroke-width="2"/>'
        f'<circle cx="{x:.1f}" cy="{frame.y(one.price * scale):.1f}" r="3" fill="{colour}">'
        f"<title>{_day(one.second)}: {cut(one.bought, _DECIMALS)} DOBO for "
        f"{exact(one.spent, stable.decimals)} {escape(stable.symbol)}</title></circle>"
    )


def _pool(story: Deflation) -> Figure:
    months = story.months
    since, until = story.edge(months[0].number), story.edge(months[-1].number + 1)
    most = max(max(month.weight, month.locked) for month in months)
    low, high = Fraction(0), Fraction(max(most, 1), _MILLION) * Fraction(21, 20)

    def draw(size: Size) -> list[str]:
        frame = Frame(size, since, until, low, high)
        weight, locked = (
            "".join(
                f"V{frame.y(Fraction(amount, _MILLION)):.1f}H{frame.x(story.edge(number + 1)):.1f}"
                for number, amount in amounts
            )
            for amounts in (
                [(month.number, month.weight) for month in months],
                [(month.number, month.locked) for month in months],
            )
        )
        start = f"M{frame.x(since):.1f},{frame.y(low):.1f}"
        return [
            *frame.grid("million DOBO"),
            f'<path d="{start}{weight}V{frame.y(low):.1f}Z" fill="{BLUE}" fill-opacity=".12"/>',
            f'<path d="{start}{locked}V{frame.y(low):.1f}Z" fill="{GREEN}"/>',
            f'<path d="{start}{weight}" fill="none" stroke="{BLUE}" stroke-width="2.2"/>',
            f'<line x1="{_LEFT}" x2="{size.width - _RIGHT}" y1="{frame.y(low):.1f}" '
            f'y2="{frame.y(low):.1f}" stroke="{INK}"/>',
        ]

    top = max(months, key=lambda month: month.weight)
    return Figure(
        key="pool",
        title="What is staked, and what it weighs",
        words="In million DOBO, month by month. A stake weighs 1 to 20 times its principal, by the "
        "years left: once a year it weighs less, and at the end of its lock nothing.",
        told=f"{len(months)} months. The weight is highest in "
        f"{_month(story.edge(top.number))}, {_round(top.weight)} DOBO on {_round(top.locked)} "
        f"staked, and ends at {_round(months[-1].weight)} on {_round(months[-1].locked)}.",
        draw=draw,
        legend=((_box(BLUE), "weight that counts"), (_box(GREEN), "principal that is locked")),
    )


def _payouts(story: Deflation) -> Figure:
    paid: dict[int, list[int]] = defaultdict(lambda: [0] * len(TERMS))
    for payment in story.payments:
        paid[payment.month][_class(payment.term)] += payment.amount
    since, until = story.edge(min(paid)), story.edge(max(paid) + 1)
    most = max(sum(parts) for parts in paid.values())
    low, high = Fraction(0), Fraction(most, _THOUSAND) * Fraction(21, 20)

    def draw(size: Size) -> list[str]:
        frame = Frame(size, since, until, low, high)
        bars = []
        for month, parts in sorted(paid.items()):
            x0, x1 = frame.x(story.edge(month)), frame.x(story.edge(month + 1))
            below = 0
            for part, years, colour in zip(parts, TERMS, _TERM_COLOURS, strict=True):
                bottom, below = below, below + part
                top = frame.y(Fraction(below, _THOUSAND))
                tall = frame.y(Fraction(bottom, _THOUSAND)) - top
                if part:
                    bars.append(
                        f'<rect x="{x0 + 2:.1f}" y="{top:.1f}" width="{x1 - x0 - 4:.1f}" '
                        f'height="{tall:.1f}" fill="{colour}"><title>{_years(years)}, '
                        f"{_month(story.edge(month))}: {cut(part, _DECIMALS)} DOBO</title></rect>"
                    )
        return [
            *frame.grid("thousand DOBO"),
            *bars,
            f'<line x1="{_LEFT}" x2="{size.width - _RIGHT}" y1="{frame.y(low):.1f}" '
            f'y2="{frame.y(low):.1f}" stroke="{INK}"/>',
        ]

    taken = sum(payment.amount for payment in story.payments)
    return Figure(
        key="payouts",
        title="Dividends that were taken",
        words="In thousand DOBO, by the month in which stakers claimed or compounded them and the "
        f"years they had staked for. {_round(story.owed)} DOBO are theirs and not yet taken.",
        told=f"In {len(paid)} months stakers took {exact(taken, _DECIMALS)} DOBO.",
        draw=draw,
        legend=tuple(
            (_box(colour), _years(years))
            for years, colour in zip(TERMS, _TERM_COLOURS, strict=True)
        ),
    )


def _class(term: int) -> int:
    return next(number for number, (_, last) in enumerate(TERMS) if term <= last)


def _years(years: tuple[int, int]) -> str:
    return f"{years[0]} to {years[1]} years"


def _round(units: int) -> str:
    """Whole DOBO, cut."""
    return exact(units, _DECIMALS).partition(".")[0]


def _plain(amount: Fraction) -> str:
    """With two digits, cut."""
    hundredths = int(amount * 100)
    return f"{hundredths // 100:,}.{hundredths % 100:02}"


def _day(second: int) -> str:
    """In UTC: "1 Sep 2021"."""
    return time.strftime("%d %b %Y", time.gmtime(second)).lstrip("0")


def _month(second: int) -> str:
    """In UTC, of a month that begins then or a day before: "Sep 2021"."""
    return time.strftime("%b %Y", time.gmtime(second + 15 * _DAY))
