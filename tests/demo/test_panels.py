"""The panels on campaigns and the impact fund, on stories small enough to be checked by eye."""

from __future__ import annotations

import dataclasses
import re
from xml.etree import ElementTree

import pytest

from donablock.chain.amounts import NATIVE, Asset
from donablock.demo import fundraising, panels, report
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
from donablock.errors import ChainError
from donablock.settings import ROOT

COIN = Asset(NATIVE, "ETH", 18)
ETH = 10**18
DAY = 86_400
ART = fundraising.artwork("radial-gradient(gold,teal)")
WON = CampaignStory(
    number=1,
    address="0x1",
    name="Wells",
    charity_id=4,
    charity="Well Builders",
    asset="ETH",
    goal=10 * ETH,
    opened=0,
    deadline=30 * DAY,
    is_all_or_nothing=True,
    shares=(),
    tiers=(Tier(ETH, 10, 4, ART), Tier(5 * ETH, 2, 2, ART)),
    pledges=((DAY, 2 * ETH), (15 * DAY, 6 * ETH), (29 * DAY, 4 * ETH)),
    backers=2,
    state=SUCCEEDED,
    raised=12 * ETH,
    released=12 * ETH,
    claimed=12 * ETH,
    refunded=0,
    refunds=0,
    owed=0,
    alive=3,
    milestones=(),
)
LOST = dataclasses.replace(
    WON,
    name="Boat",
    goal=48 * ETH,
    state=FAILED,
    released=0,
    claimed=0,
    refunded=12 * ETH,
    refunds=2,
    alive=0,
)
STAGED = dataclasses.replace(
    WON,
    name="Rooms",
    is_all_or_nothing=False,
    shares=(5_000, 2_500),
    state=REJECTED,
    released=9 * ETH,
    claimed=9 * ETH,
    refunded=2 * ETH,
    owed=ETH,
    milestones=(
        Milestone(1, 45 * DAY, True, 6 * ETH, 3 * ETH, ETH),
        Milestone(2, 80 * DAY, False, 0, ETH, 4 * ETH),
    ),
)
MILL = ProjectStory(
    id=1,
    name="A mill",
    charity_id=2,
    payee="0x2",
    sdg=8,
    goal=10 * ETH,
    given=10 * ETH,
    lent=0,
    released=10 * ETH,
    claimed=10 * ETH,
    repaid=8 * ETH,
    refunded=0,
)
BAKERY = dataclasses.replace(
    MILL,
    id=2,
    name="A bakery",
    given=ETH,
    lent=5 * ETH,
    released=4 * ETH,
    claimed=4 * ETH,
    repaid=0,
)
STORY = ImpactStory(
    asset="ETH",
    projects=(MILL, BAKERY),
    stations=(
        Station(1 * DAY, "given", 1, 4 * ETH),
        Station(1 * DAY, "given", 2, ETH),
        Station(2 * DAY, "given", 1, 6 * ETH),
        Station(20 * DAY, "released", 1, 10 * ETH),
        Station(20 * DAY, "claimed", 1, 10 * ETH),
        Station(50 * DAY, "repaid", 1, 8 * ETH),
        Station(50 * DAY, "lent", 2, 5 * ETH),
    ),
    pool=3 * ETH,
)


@pytest.mark.parametrize(
    ("units", "decimals", "words"),
    [
        (0, 18, "0"),
        (22_456 * 10**15, 18, "22.4"),
        (1_234_999_999, 6, "1,234"),
        (51_299 * 10**12, 18, "0.0512"),
        (5_500_000, 6, "5.5"),
        (99_999_999, 6, "99.9"),
        (1, 18, "0.000000000000000001"),
    ],
)
def test_amounts_in_pictures_are_cut_and_never_rounded_up(units, decimals, words):
    assert panels.brief(units, decimals) == words


def heights(svg):
    """The levels of the line that shows what was raised, and of the goal."""
    line = re.search(r'<path d="([^"]+)" fill="none"', svg).group(1)
    levels = [float(y) for y in re.findall(r"[ML][\d.]+,([\d.]+)", line)]
    goal = float(re.search(r'y1="([\d.]+)"[^>]*stroke-dasharray', svg).group(1))
    return levels, goal


def test_what_is_raised_climbs_over_the_goal_or_stays_below_it():
    levels, goal = heights(panels.curve(WON, COIN))
    assert levels == sorted(levels, reverse=True)  # up is less
    assert levels[0] > goal > levels[-1]
    # 12 of 12, the most that is drawn; the goal is at 10 of 12 of the same height
    bottom = levels[0]
    assert (bottom - goal) / (bottom - levels[-1]) == pytest.approx(10 / 12, abs=0.01)
    levels, goal = heights(panels.curve(LOST, COIN))
    assert goal < levels[-1]
    assert (bottom - levels[-1]) / (bottom - goal) == pytest.approx(12 / 48, abs=0.01)


def test_each_pledge_is_a_step_at_its_time():
    line = re.search(r'<path d="([^"]+)" fill="none"', panels.curve(WON, COIN)).group(1)
    places = [float(x) for x in re.findall(r"[ML]([\d.]+),", line)]
    assert places[1:7:2] == [pytest.approx(400 * day / 30, abs=0.1) for day in (1, 15, 29)]


@pytest.mark.parametrize("story", [WON, LOST, STAGED])
def test_a_panel_tells_all_of_what_was_raised(story):
    assert sum(amount for *_, amount in panels._parts(story)) == story.raised
    page = panels.campaigns([story], {"ETH": COIN})
    ElementTree.fromstring(re.search(r"<svg.*?</svg>", page, re.S).group())
    for words in (story.name, story.charity, "12 ETH", "4 of 10", "2 of 2", "5 ETH"):
        assert words in page


def test_a_panel_names_its_outcome():
    page = panels.campaigns([WON, LOST, STAGED], {"ETH": COIN})
    won, lost, staged = page.split("</article>")[:3]
    assert "succeeded" in won and "all or nothing" in won and "3</dd>" in won
    assert "paid back by a passer-by" in lost and "all burnt" in lost
    assert "keep what you raise" in staged
    assert "25 %</b> to the charity at once" in staged
    assert "50 %</b> milestone 1 approved, 75 % for it" in staged
    assert "25 %</b> milestone 2 rejected, 20 % for it: back to backers" in staged


def test_what_a_failed_campaign_has_not_paid_back_yet_is_told():
    story = dataclasses.replace(LOST, refunded=7 * ETH, owed=5 * ETH)
    assert [amount for *_, amount in panels._parts(story)] == [7 * ETH, 5 * ETH]
    assert "not yet paid back" in panels.campaigns([story], {"ETH": COIN})


def test_a_milestone_without_votes_is_approved_by_silence():
    quiet = dataclasses.replace(STAGED.milestones[0], approvals=0, objections=0)
    story = dataclasses.replace(STAGED, milestones=(quiet, STAGED.milestones[1]))
    assert "milestone 1 approved, nobody voted" in panels.campaigns([story], {"ETH": COIN})


def test_a_creators_words_cannot_write_into_the_page():
    evil = "<script>alert(1)</script>"
    bad = fundraising.artwork("url(x)</style><script>")
    tiers = (Tier(ETH, 10, 4, bad),)
    story = dataclasses.replace(WON, name=evil, charity=evil, tiers=tiers)
    page = panels.campaigns([story], {"ETH": COIN})
    token = Token(evil, 1, "0x3", {"name": evil, "external_url": evil, "image": evil}, "")
    project = dataclasses.replace(MILL, name=evil)
    impact = dataclasses.replace(STORY, projects=(project, BAKERY))
    page += panels.token_facts(token) + panels.life(impact, COIN) + panels.stations(impact, COIN)
    assert "<script" not in page
    # what artwork draws is in an image, where nothing of it runs
    assert "url(x)" not in page


def test_an_address_that_is_no_data_is_no_picture():
    assert data("data:text/plain,a%20b") == b"a b"
    assert data("data:text/plain;base64,YSBi") == b"a b"
    for address in ("https://example.org/1.png", "data:nothing", ""):
        with pytest.raises(ChainError, match="holds no data"):
            data(address)


def test_every_artwork_of_the_demo_fits_a_tier_and_is_a_picture():
    drawn = [tier for plan in fundraising._PLANS for *_, tier in plan.tiers]
    assert len(set(drawn)) == len(drawn) >= 8
    for picture in drawn:
        address = fundraising.artwork(picture)
        assert len(address.encode("ascii")) <= 128
        # as the contract asks, and without a space as the command line does
        assert not set(address) & set('"<>\\ ')
        root = ElementTree.fromstring(data(address))
        assert picture in root.attrib["style"]


def test_the_life_of_the_money_is_drawn_band_by_band():
    svg = panels.life(STORY, COIN)
    ElementTree.fromstring(svg)
    # given, released, repaid, waits, lent, given, released, waits
    assert len(re.findall("<path ", svg)) == 8
    for words in ("A mill", "A bakery", "Repaid to the pool", "3 ETH", "8 ETH", "6 ETH", "2 ETH"):
        assert words in svg
    heights = [float(size) for size in re.findall(r'height="([\d.]+)" rx', svg)]
    # as high as their amounts: 10, 1, 10, 10, 8, 6, 3, 4, 2
    assert [round(size / heights[0] * 10, 1) for size in heights] == [10, 1, 10, 10, 8, 6, 3, 4, 2]


def test_what_has_not_happened_is_not_drawn():
    waits = dataclasses.replace(BAKERY, released=0, claimed=0)
    svg = panels.life(dataclasses.replace(STORY, projects=(MILL, waits), pool=0), COIN)
    ElementTree.fromstring(svg)
    assert "Waits to be lent" not in svg and "Released" not in svg
    assert "Waits for a report" in svg
    assert panels.life(dataclasses.replace(STORY, projects=(MILL,)), COIN) == ""


def test_gifts_to_a_project_are_one_line_and_every_other_log_is_its_own():
    lines = panels.stations(STORY, COIN).split("</li>")[:-1]
    assert len(lines) == 6
    assert "Donors give to the mill, over 2 days" in lines[0] and "10 ETH" in lines[0]
    assert "Donors give to the bakery" in lines[1] and "days" not in lines[1]
    told = [re.search("<span>(.*?)</span>", line).group(1) for line in lines[2:]]
    assert told == [
        "A stage of the mill is released",
        "The mill is paid",
        "The mill repays",
        "Lent to the bakery",
    ]


def test_gas_is_shown_of_operations_that_the_benchmark_measures():
    measured = (ROOT / "docs" / "gas.md").read_text()
    for _, _, key, _ in report._COSTS:
        assert f"| {key} | " in measured, key
    assert {key for _, _, key, _ in report._COSTS} >= report._NOT_PLAIN_HERE
