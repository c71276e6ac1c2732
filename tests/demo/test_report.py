"""The report's and the summary's parts on small data."""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from eth_utils.address import to_checksum_address

from donablock.chain.amounts import NATIVE, Asset
from donablock.chain.logs import Event
from donablock.demo import books, drawing
from donablock.demo.drawing import Cost
from donablock.demo.facts import CART, ONE, OPERATIONS, TIP, Flow
from donablock.demo.report import _words
from donablock.demo.summary import cut, exact
from donablock.demo.wire import reason_in


def account(number):
    return to_checksum_address(f"0x{number:040x}")


TOKEN, GIVING, FUNDS, CAMPAIGN, OTHER = (account(number) for number in range(1, 6))
DONOR, PAYEE, OPERATOR = account(11), account(12), account(13)
ASSETS = {"ETH": Asset(NATIVE, "ETH", 18), "USDX": Asset(TOKEN, "USDX", 6)}


def event(name, address, contract="", **args):
    return Event(contract, name, args, address, 1, "0x", "0x", 0)


FLOWS = [
    Flow("ETH", ONE, 1, 3 * 10**18),
    Flow("ETH", "Fund of 3 charities", 17, 10**18),
    Flow("USDX", CART, 1, 9_000_000),
    Flow("USDX", TIP, OPERATIONS, 1_000_000),
]


def test_logs_become_moves():
    events = [
        event("Donated", GIVING, donor=DONOR, payee=PAYEE, asset=NATIVE, amount=5),
        event("PartFailed", GIVING, donor=DONOR, payee=PAYEE, asset=NATIVE, amount=99),
        event("Tipped", GIVING, donor=DONOR, operations=OPERATOR, asset=TOKEN, amount=1),
        event("TipFailed", GIVING, donor=DONOR, operations=OPERATOR, asset=TOKEN, amount=99),
        event("FundDonated", FUNDS, donor=DONOR, asset=TOKEN, amount=7),
        event("Claimed", FUNDS, receiver=PAYEE, asset=TOKEN, amount=6),
        event("ClaimFailed", FUNDS, receiver=PAYEE, asset=TOKEN, amount=99),
    ]
    assert [
        (move.kind, move.asset, move.source, move.receiver, move.amount)
        for move in books.moved(events, ASSETS)
    ] == [
        ("direct", "ETH", DONOR, PAYEE, 5),
        ("tip", "USDX", DONOR, OPERATOR, 1),
        ("fund", "USDX", DONOR, FUNDS, 7),
        ("claim", "USDX", FUNDS, PAYEE, 6),
    ]


def test_dividends_and_commission_are_no_gifts():
    events = [
        event("Claimed", FUNDS, "DividendPool", owner=DONOR, receiver=DONOR, amount=5),
        event("Claimed", OTHER, "Commission", receiver=PAYEE, paid_to=PAYEE, amount=5),
        event("Claimed", FUNDS, "IndexFunds", receiver=PAYEE, asset=TOKEN, amount=6),
    ]
    assert [move.amount for move in books.moved(events, ASSETS)] == [6]
    found = books.Books(tuple(events), (), (), ())
    assert found.count("Claimed") == 3
    assert found.count("Claimed", "IndexFunds", "Commission") == 2


def test_a_campaigns_logs_are_in_the_asset_it_opened_with():
    events = [
        event("Opened", CAMPAIGN, asset=NATIVE),
        event("Opened", OTHER, asset=TOKEN),
        event("Pledged", CAMPAIGN, backer=DONOR, amount=5),
        event("Pledged", OTHER, backer=DONOR, amount=6),
        event("Refunded", CAMPAIGN, backer=DONOR, receiver=PAYEE, amount=4),
        event("RefundFailed", CAMPAIGN, backer=DONOR, amount=99),
        event("Claimed", OTHER, receiver=PAYEE, amount=3),
    ]
    assert [
        (move.kind, move.asset, move.source, move.receiver, move.amount)
        for move in books.moved(events, ASSETS)
    ] == [
        ("campaign", "ETH", DONOR, CAMPAIGN, 5),
        ("campaign", "USDX", DONOR, OTHER, 6),
        ("refund", "ETH", CAMPAIGN, PAYEE, 4),
        ("claim", "USDX", OTHER, PAYEE, 3),
    ]


def test_what_is_lent_stays_where_it_is_and_what_is_repaid_comes_back():
    events = [
        event("ProjectDonated", FUNDS, donor=DONOR, asset=TOKEN, amount=9),
        event("Claimed", FUNDS, receiver=PAYEE, asset=TOKEN, amount=8),
        event("Repaid", FUNDS, payer=PAYEE, asset=TOKEN, amount=7),
        event("Lent", FUNDS, asset=TOKEN, amount=99),
    ]
    assert [(m.kind, m.source, m.receiver, m.amount) for m in books.moved(events, ASSETS)] == [
        ("project", DONOR, FUNDS, 9),
        ("claim", FUNDS, PAYEE, 8),
        ("repayment", PAYEE, FUNDS, 7),
    ]


def test_an_asset_nobody_knows_is_no_gift_to_pass_over():
    stray = event("Donated", GIVING, donor=DONOR, payee=PAYEE, asset=account(99), amount=5)
    with pytest.raises(KeyError):
        books.moved([stray], ASSETS)
    with pytest.raises(KeyError):
        books.moved([event("Pledged", CAMPAIGN, backer=DONOR, amount=5)], ASSETS)


def test_balances_follow_from_transfers():
    events = [
        event("Transfer", TOKEN, sender=NATIVE, receiver=DONOR, value=10),
        event("Transfer", TOKEN, sender=DONOR, receiver=PAYEE, value=4),
        event("Transfer", TOKEN, sender=PAYEE, receiver=NATIVE, value=1),
        event("Transfer", account(9), sender=DONOR, receiver=PAYEE, value=100),
        event("Approval", TOKEN, owner=DONOR, spender=PAYEE, value=100),
    ]
    assert books.balances_by_transfers(events, TOKEN) == {DONOR: 6, PAYEE: 3}


def test_who_has_given_everything_away_is_left_out():
    events = [
        event("Transfer", TOKEN, sender=NATIVE, receiver=DONOR, value=10),
        event("Transfer", TOKEN, sender=DONOR, receiver=PAYEE, value=10),
    ]
    assert books.balances_by_transfers(events, TOKEN) == {PAYEE: 10}


def test_shares_of_an_asset_sum_to_one():
    shares = drawing.shares_by_goal(FLOWS)
    assert shares[1] == {"ETH": Fraction(3, 4), "USDX": Fraction(9, 10)}
    for asset in ("ETH", "USDX"):
        assert sum(assets.get(asset, 0) for assets in shares.values()) == 1


def test_the_flow_picture_has_a_band_for_each_flow_and_names_its_ends():
    svg = drawing.sankey(FLOWS)
    ElementTree.fromstring(svg)
    # on the left one for each asset and way, on the right one for each way and goal
    assert len(re.findall("<path ", svg)) == 4 + 4
    for words in ("No Poverty", "Partnerships", "Tips to operations", "Fund of 3", "75.0 %"):
        assert words in svg


def test_names_cannot_write_into_the_page():
    svg = drawing.sankey([Flow("<b>&", ONE, 1, 1)])
    ElementTree.fromstring(svg)
    assert "<b>" not in svg
    assert "<script>" not in drawing.gas([Cost("<script>", 1, 1, None, None, None)])


def test_the_vesting_picture_steps_up_to_the_supply():
    svg = drawing.vesting([[0, 0], [1, 0], [2, 2]], ["first", "second"], 4)
    ElementTree.fromstring(svg)
    heights = [float(y) for y in re.findall(r"[ML][\d.]+,([\d.]+)", svg)]
    assert min(heights) == 16.0  # the top line: all of the supply
    assert max(heights) == 360.0


def test_a_benchmark_is_shown_where_there_is_one():
    measured = drawing.gas([Cost("gift", 53_000, 54_000, 50_219, 52_000, 72_385)])
    assert ">50,219<" in measured
    assert "ceiling 52,000" in measured
    unmeasured = drawing.gas([Cost("gift", 53_000, 54_000, None, None, None)])
    assert ">53,000<" in unmeasured
    assert "ceiling" not in unmeasured


def test_bars_too_long_for_the_picture_end_at_its_edge():
    svg = drawing.gas([Cost("gift", 1, 1, None, None, 1_013_659)], most=1_000)
    assert "1,013,659" in svg
    widths = [float(width) for width in re.findall(r'width="([\d.]+)"', svg)]
    assert max(widths) <= 1120


@pytest.mark.parametrize(
    ("units", "decimals", "whole", "short"),
    [
        (0, 18, "0", "0.0000"),
        (1, 18, "0.000000000000000001", "0.0000"),
        (1_234_567_890_000, 6, "1,234,567.89", "1,234,567.8900"),
        (99_999_999, 6, "99.999999", "99.9999"),
    ],
)
def test_amounts_are_written_whole_or_cut_never_rounded_up(units, decimals, whole, short):
    assert exact(units, decimals) == whole
    assert cut(units, decimals) == short


def test_a_memo_that_is_text_is_shown_as_text():
    assert "demo gift 7" in _words("0x" + b"demo gift 7".ljust(32, b"\0").hex())
    assert _words("0x" + "ff" * 32) == ""
    assert _words("0x" + "00" * 32) == ""
    assert _words("plain") == ""


def test_a_refusal_is_told_in_the_contracts_words():
    words = (
        "0x08c379a0"
        + (32).to_bytes(32, "big").hex()
        + (4).to_bytes(32, "big").hex()
        + b"why?".ljust(32, b"\0").hex()
    )
    assert reason_in(words) == "why?"
    assert reason_in("0x") == ""
    assert reason_in("0x08c379a0ff") == ""
