"""The panels on commission, on a story small enough to be checked by eye."""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from donablock.chain.amounts import Asset
from donablock.demo import deflation_panels as panels
from donablock.demo.deflation import Deflation, Payment, Purchase, Quote, Receipt
from donablock.demo.deflation_panels import ROOMY, SLIM
from donablock.demo.dividends import Month, Position
from donablock.demo.world import MONTH

DOBO, USD = 10**18, 10**6
MILLION = 10**6 * DOBO
DAY = 86_400
# 1 January 2023
START = 1_672_531_200
DOLLARS = Asset("0x0000000000000000000000000000000000000001", "USDX", 6)
CENT = Fraction(USD, 100 * DOBO)


def receipt(batch, day, burnt, before):
    return Receipt(
        batch=batch,
        second=START + day * DAY,
        deposits=1,
        deposited=burnt,
        bought=burnt // 2,
        amount=2 * burnt,
        burnt=burnt,
        dividends=burnt,
        shared_out=0,
        supply_before=before,
        supply_after=before - burnt,
    )


STAKE = Position("0xann", 0, 12, 5 * MILLION, [(2, 5 * MILLION, 146)], claimed=7 * DOBO)
STORY = Deflation(
    start=START,
    supply_at_start=2_000 * MILLION,
    supply=1_996 * MILLION,
    receipts=(
        receipt(1, 20, MILLION, 2_000 * MILLION),
        receipt(2, 50, 3 * MILLION, 1_999 * MILLION),
    ),
    purchases=(
        Purchase(START + 10 * DAY, 200 * USD, 19_900 * DOBO, 19_800 * DOBO, CENT, True),
        Purchase(START + 40 * DAY, 100 * USD, 9_000 * DOBO, 8_900 * DOBO, CENT, False),
    ),
    quotes=(
        Quote(START, 1_000 * USD, 100_000 * DOBO),
        Quote(START + 10 * DAY, 1_200 * USD, 100_000 * DOBO),
        Quote(START + 30 * DAY, 800 * USD, 100_000 * DOBO),
    ),
    months=(
        Month(1, 0, 0, MILLION, 0, MILLION),
        Month(2, 100 * MILLION, 5 * MILLION, MILLION, 2 * MILLION, 0),
    ),
    positions=(STAKE,),
    payments=(
        Payment(START + 33 * DAY, 2, 12, 30_000 * DOBO, False),
        Payment(START + 34 * DAY, 2, 1, 10_000 * DOBO, True),
        Payment(START + 64 * DAY, 3, 5, 20_000 * DOBO, False),
    ),
    names={"0xann": "<b>Ann"},
    owed=9_000 * DOBO,
)
FIGURES = {
    "supply": panels._supply(STORY),
    "price": panels._price(STORY, DOLLARS),
    "pool": panels._pool(STORY),
    "payouts": panels._payouts(STORY),
}


def drawn(key, size=ROOMY):
    return FIGURES[key].svg(size)


def levels(path):
    """What a path of steps is at: its vertical places, in order."""
    return [float(y) for y in re.findall(r"(?:V|M[\d.]+,)([\d.]+)", path)]


@pytest.mark.parametrize("size", [ROOMY, SLIM])
@pytest.mark.parametrize("key", FIGURES)
def test_a_picture_says_what_it_shows_to_those_who_cannot_see_it(key, size):
    root = ElementTree.fromstring(drawn(key, size))
    space = {"s": "http://www.w3.org/2000/svg"}
    title, told = root.find("s:title", space), root.find("s:desc", space)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {told.attrib['id']}"
    assert title.text and told.text
    assert re.search(r"million|thousand|USDX for", FIGURES[key].words)


@pytest.mark.parametrize("size", [ROOMY, SLIM])
@pytest.mark.parametrize("key", FIGURES)
def test_nothing_is_drawn_outside_of_the_picture(key, size):
    svg = drawn(key, size)
    for names, most in (
        (("x", "x1", "x2", "cx"), size.width),
        (("y", "y1", "y2", "cy"), size.height),
    ):
        for name in names:
            places = [float(place) for place in re.findall(rf' {name}="(-?[\d.]+)"', svg)]
            assert all(0 <= place <= most for place in places)


def test_no_two_pictures_share_an_id():
    page = panels.section(STORY, DOLLARS)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids) == 1 + 4 * 2 * 2
    assert page.count('class="roomy"') == page.count('class="slim"') == 4


def test_the_supply_falls_at_each_receipt_by_what_it_says():
    line = re.search(r'<path d="([^"]+)" fill="none"', drawn("supply")).group(1)
    first, second, third = levels(line)
    # down is more: 1 of 4 million, then 4 of 4
    assert (second - first) / (third - first) == pytest.approx(1 / 4, abs=0.01)
    places = [float(x) for x in re.findall(r"(?:H|M)([\d.]+)", line)]
    frame = panels.Frame(ROOMY, START, START + 65 * DAY, Fraction(0), Fraction(1))
    assert places == [pytest.approx(frame.x(START + day * DAY), abs=0.1) for day in (0, 20, 50, 65)]
    assert "1,996,000,000 DOBO" in drawn("supply")


def test_the_price_is_drawn_with_each_purchase_on_it():
    svg = drawn("price")
    line = re.search(r'<path d="([^"]+)" fill="none"', svg).group(1)
    ten, twelve, eight = levels(line)
    assert ten - twelve == pytest.approx(eight - ten, abs=0.2)
    dots = [
        (float(y), colour) for y, colour in re.findall(r'cy="([\d.]+)" r="3" fill="(.\w+)"', svg)
    ]
    assert [colour for _, colour in dots] == [panels.GOLD, panels.ROSE]
    # what was paid is dearer than the average, which stands at ten
    averages = [float(y) for y in re.findall(r'y1="([\d.]+)" y2="[\d.]+" stroke="#5A6FB0"', svg)]
    assert averages == [pytest.approx(ten, abs=0.1)] * 2
    assert all(y < ten for y, _ in dots)
    assert "19,900.0000 DOBO for 200 USDX" in svg
    assert "between 8.00 and 12.00 USDX" in FIGURES["price"].told


def test_weight_stands_over_the_principal_that_makes_it():
    svg = drawn("pool")
    weight, principal = re.findall(r'<path d="([^"]+)Z" fill="(?:#5A6FB0|#0F5E56)"', svg)
    bottom = levels(weight)[0]
    rise, small = bottom - min(levels(weight)), bottom - min(levels(principal))
    assert rise / small == pytest.approx(20, rel=0.05)
    # nothing in the first month
    assert levels(weight)[:2] == [bottom, bottom]


def test_dividends_are_stacked_by_the_years_they_were_staked_for():
    bars = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="(.\w+)"',
        drawn("payouts"),
    )
    (x, low, tall, one), (x2, top, taller, twelve), (x3, *_, five) = bars
    assert float(x) == float(x2) < float(x3)
    assert (one, five, twelve) == tuple(panels._TERM_COLOURS[n] for n in (0, 1, 3))
    assert float(taller) / float(tall) == pytest.approx(3, abs=0.05)
    assert float(top) + float(taller) == pytest.approx(float(low), abs=0.2)
    assert "9,000 DOBO are theirs" in FIGURES["payouts"].words


def test_the_sum_is_shown_to_the_last_digit_and_says_when_it_is_wrong():
    page = panels.section(STORY, DOLLARS)
    assert "<b>1,996,000,000</b>" in page and "<b>4,000,000</b>" in page
    assert "&ne;" not in page
    off = dataclasses.replace(STORY, supply=STORY.supply - 1)
    page = panels.section(off, DOLLARS)
    assert "1,995,999,999<small>.999999999999999999</small>" in page
    assert "&ne;" in page


def test_every_receipt_and_every_stake_is_a_row():
    page = panels.section(STORY, DOLLARS)
    receipts, stakes = re.findall(r"<tbody>(.*?)</tbody>", page)
    assert receipts.count("<tr>") == 2 and stakes.count("<tr>") == 1
    assert "1,999,000,000.0000" in receipts and "21 Jan 2023" in receipts
    # deposited, bought, and what came otherwise
    assert re.findall(r"<td class='o'>([\d,.]+)", receipts)[:3] == [
        "1,000,000.0000",
        "500,000.0000",
        "500,000.0000",
    ]


def test_a_name_cannot_write_into_the_page():
    page = panels.section(STORY, DOLLARS)
    assert "<b>Ann" not in page and "&lt;b&gt;Ann" in page
    evil = dataclasses.replace(DOLLARS, symbol="<script>")
    assert "<script" not in panels.section(STORY, evil)


def test_what_has_not_happened_is_not_drawn():
    assert panels.section(None, DOLLARS) == ""
    first = dataclasses.replace(STORY, purchases=(), quotes=(), months=(), payments=())
    page = panels.section(first, DOLLARS)
    assert page.count("<svg") == 2 and "DOBO that exists" in page
    # a price that nobody has moved is drawn too
    still = dataclasses.replace(STORY, purchases=(), quotes=STORY.quotes[:1])
    ElementTree.fromstring(panels._price(still, DOLLARS).svg(SLIM))


@pytest.mark.parametrize(
    ("low", "high", "most", "words"),
    [
        (Fraction(0), Fraction(105), 5, ["0", "50", "100"]),
        (Fraction(1_998_750, 1_000), Fraction(2_000), 4, ["1,999.0", "1,999.5", "2,000.0"]),
        (Fraction(98, 1_000), Fraction(105, 1_000), 5, ["0.098", "0.100", "0.102", "0.104"]),
        (Fraction(0), Fraction(3, 2), 3, ["0.0", "0.5", "1.0", "1.5"]),
    ],
)
def test_lines_are_drawn_at_round_amounts(low, high, most, words):
    found = panels.ticks(low, high, most)
    assert [said for _, said in found] == words
    assert all(low <= amount <= high for amount, _ in found)


def test_dates_are_first_days_of_months_and_not_too_many():
    assert panels.dates(START, START + 365 * DAY, 6) == [
        # from February on, every second month; none at the edge
        START + days * DAY
        for days in (31, 90, 151, 212, 273, 334)
    ]
    assert len(panels.dates(START, START + 48 * MONTH, 4)) <= 4
    assert panels.dates(START + DAY, START + 20 * DAY, 4) == []
