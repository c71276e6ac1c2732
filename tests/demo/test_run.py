"""The demo with few people, from an empty chain to the report, and what it leaves behind."""

from __future__ import annotations

import json
import re
from collections import Counter
from io import StringIO
from xml.etree import ElementTree

import pytest
from rich.console import Console

from donablock.chain import artifacts
from donablock.demo import acts, opening, play, report, stories, summary
from donablock.demo.__main__ import main, run
from donablock.demo.blocks import Actor
from donablock.demo.commission import MONTHS
from donablock.demo.run import perform
from donablock.demo.world import START, Scale
from donablock.errors import FileError

pytestmark = pytest.mark.anvil

SMALL = Scale.small()


class Run:
    """What one run of the command printed and wrote."""

    def __init__(self, folder):
        self.folder = folder
        text = StringIO()
        self.status = run(SMALL, folder, Console(file=text, width=160))
        self.printed = text.getvalue()
        self.summary = json.loads((folder / "summary.json").read_text())
        self.report = (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("demo"))


def test_it_ends_well_and_says_so(demo):
    assert demo.status == 0
    assert "Proved to the wei" in demo.printed
    assert "What moved" in demo.printed
    for symbol in ("ETH", "USDX", "DOBO", "GIVE"):
        assert re.search(rf"{symbol} +donors' outflow \S+ = recipients' inflow", demo.printed)
    supply = r"supply at first 2,000,000,000 - now \S+ = burnt \S+ by 12 receipts"
    assert re.search(supply, demo.printed)


def test_the_summary_balances_by_itself(demo):
    assert demo.summary["proof"]["holds"] is True
    assert demo.summary["proof"]["faults"] == []
    for symbol, found in demo.summary["assets"].items():
        sums = {name: int(found[name]) for name in summary.AMOUNTS}
        entered = sums["to_funds"] + sums["to_campaigns"] + sums["to_projects"]
        assert sums["given"] == sums["direct"] + entered + sums["tips"]
        assert sums["owed"] == entered + sums["repaid"] - sums["claimed"] - sums["refunded"]
        for name in ("direct", "to_funds", "tips", "claimed", "owed"):
            assert sums[name] > 0, (symbol, name)
    for found in demo.summary["proof"]["by_asset"].values():
        assert int(found["difference"]) == 0


def test_everything_promised_has_happened(demo):
    counts = demo.summary["counts"]
    assert counts["charities"] == SMALL.charities
    assert counts["wallets"] == SMALL.wallets
    assert counts["funds"] == 17 + len(SMALL.fund_sizes)
    for what in summary.COUNTED:
        assert counts[what] > 0, what
    ways = {flow["way"] for flow in demo.summary["flows"]}
    assert {f"Fund of {size} charities" for size in SMALL.fund_sizes} < ways
    refused = " ".join(h["text"] for h in demo.summary["timeline"] if '"' in h["text"])
    for reason in (
        "timelock_controller: operation is not ready",
        "funds: epoch is not running",
        "registry: payee delay is not over",
        "registry: charity is suspended",
        "registry: charity is revoked",
        "give: not a charity's payee",
        "campaigns: the charity has not accepted the creator",
        "campaign: tier is sold out",
        "campaign: below the price",
        "campaign: token is locked",
        "campaign: still open",
        "campaign: deadline has passed",
        "campaign: no refund now",
        "campaign: nothing to refund",
        "campaign: vote is open",
        "impact: funding is over",
        "impact: voting is not over",
        "impact: more than was released",
        "impact: queue is empty",
        "buyback: no route",
        "buyback: too soon",
        "buyback: not the operator",
        "buyback: price is too far from the average",
        "buyback: operator is not idle",
        "commission: less than one DOBO has arrived",
        "commission: too early",
        "pool: nothing to claim",
        "pool: still locked",
        "pool: staking is stopped",
        "pool: not longer than it is",
        "pool: nothing to unlock",
        "guardian: stopped too recently",
    ):
        assert reason in refused


def test_flows_are_no_more_than_was_given_and_short_by_dust_alone(demo):
    for symbol, found in demo.summary["assets"].items():
        flown = sum(int(f["amount"]) for f in demo.summary["flows"] if f["asset"] == symbol)
        # the large funds' division: less than one unit for each member and each drop
        dust = 2 * sum(SMALL.fund_sizes)
        assert 0 <= int(found["given"]) - int(found["refunded"]) - flown < dust
    ways = {flow["way"] for flow in demo.summary["flows"]}
    assert {"a campaign", "an impact project"} < ways
    # what failed went back, and so nowhere
    assert not any(f["asset"] == "DOBO" and f["way"] == "a campaign" for f in demo.summary["flows"])


def test_a_campaign_succeeds_one_is_refunded_and_one_goes_by_milestones(demo):
    won, lost, staged = demo.summary["campaigns"]
    amounts = ("goal", "raised", "released", "claimed", "refunded", "owed")
    for story in (won, lost, staged):
        goal, raised, released, claimed, refunded, owed = (int(story[name]) for name in amounts)
        assert raised == claimed + refunded + owed
        assert (claimed, len(story["tiers"]) > 1) == (released, True)
        if story is won:
            assert raised >= goal and (claimed, story["outcome"]) == (raised, "succeeded")
            assert story["asset"] == "ETH"
            assert [tier["sold"] for tier in story["tiers"]][-1] == story["tiers"][-1]["supply"]
        elif story is lost:
            assert 0 < raised < goal and (refunded, story["outcome"]) == (raised, "failed")
            assert (story["refunds"], story["tokens"]) == (story["backers"], 0)
        else:
            first, second = story["milestones"]
            assert first["is_released"] and int(first["approvals"]) > int(first["objections"])
            assert not second["is_released"]
            assert int(second["objections"]) > int(second["approvals"])
            assert story["outcome"] == "rejected" and story["asset"] == "USDX"
            # a quarter at once and 40 % by the first milestone
            assert claimed == raised * 2_500 // 10_000 + raised * 4_000 // 10_000
            assert story["refunds"] == story["backers"] - 1 and owed > 0
            assert story["tokens"] == story["pledges"]


def test_a_stranger_refunds_and_the_backers_alone_are_paid(demo):
    """By the chain that was left: to whom the campaign's money went, and who sent it there."""
    lost = demo.summary["campaigns"][1]
    manifest = opening.manifest_in(demo.folder)
    with opening.open_chain(demo.folder) as node:
        campaign = node.w3.eth.contract(lost["address"], abi=artifacts.abi("Campaign"))
        dobo = node.w3.eth.contract(manifest.addresses["DonaBlock"], abi=artifacts.abi("DonaBlock"))
        pledged, paid = Counter(), Counter()
        for log in campaign.events.Pledged.get_logs(from_block=0):
            pledged[log["args"]["backer"]] += log["args"]["amount"]
        senders = set()
        for log in dobo.events.Transfer.get_logs(from_block=0):
            if log["args"]["sender"] == lost["address"]:
                paid[log["args"]["receiver"]] += log["args"]["value"]
                senders.add(node.w3.eth.get_transaction(log["transactionHash"])["from"])
        assert paid == pledged and len(paid) == lost["backers"]
        assert senders == {Actor("a passer-by").address}
        assert dobo.functions.balanceOf(lost["address"]).call() == 0


def test_what_the_mill_repays_is_lent_to_the_bakery(demo):
    impact = demo.summary["impact"]
    mill, bakery = impact["projects"]
    assert int(mill["given"]) == int(mill["goal"]) == int(mill["claimed"]) == int(mill["repaid"])
    assert int(bakery["lent"]) > 0 and int(bakery["given"]) > 0
    assert int(bakery["given"]) + int(bakery["lent"]) == int(bakery["goal"])
    assert int(impact["pool"]) == int(mill["repaid"]) - int(bakery["lent"]) > 0
    assert int(bakery["waits"]) == int(bakery["goal"]) - int(bakery["released"]) > 0
    told = [entry["kind"] for entry in impact["life"] if entry["kind"] != "given"]
    stages = ["released", "claimed"]
    assert told == [*stages, *stages, "repaid", "lent", "repaid", "lent", "repaid", *stages]


def test_what_is_missing_from_the_supply_is_what_the_receipts_say(demo):
    """By the chain that was left, and by the summary."""
    told = demo.summary["deflation"]
    manifest = opening.manifest_in(demo.folder)
    with opening.open_chain(demo.folder) as node:
        dobo, commission = (
            node.w3.eth.contract(manifest.addresses[name], abi=artifacts.abi(name))
            for name in ("DonaBlock", "Commission")
        )
        receipts = [log["args"] for log in commission.events.Settled.get_logs(from_block=0)]
        supply = dobo.functions.totalSupply().call()
    assert len(receipts) == MONTHS == demo.summary["counts"]["receipts of commission"]
    burnt = sum(receipt["burnt"] for receipt in receipts)
    assert 2 * 10**9 * 10**18 - supply == burnt == int(told["burnt"]) > 10**6 * 10**18
    for found, said in zip(receipts, told["receipts"], strict=True):
        for name in ("deposited", "amount", "burnt", "dividends", "shared_out", "supply_after"):
            assert found[name] == int(said[name])
    assert int(told["supply"]) == supply == receipts[-1]["supply_after"]


def test_a_year_has_shares_of_each_kind(demo):
    told = demo.summary["deflation"]
    receipts, purchases = told["receipts"], told["purchases"]
    # by reference, bought, by plain transfer; first no receiver, then one
    assert all(int(one["deposited"]) > 0 and int(one["bought"]) > 0 for one in receipts)
    others = [int(one["amount"]) - int(one["deposited"]) - int(one["bought"]) for one in receipts]
    assert sum(other > 10**18 for other in others) == MONTHS // 4
    shared = [int(one["shared_out"]) > 0 for one in receipts]
    assert shared == sorted(shared) and not shared[0] and shared[-1]
    assert {one["by_operator"] for one in purchases} == {True, False}
    assert all(int(one["bought"]) >= int(one["least"]) > 0 for one in purchases)
    assert sum(int(one["bought"]) for one in purchases) == sum(int(r["bought"]) for r in receipts)


def test_stakers_take_their_dividends_each_in_its_way(demo):
    told = demo.summary["deflation"]
    stakes, months = told["stakes"], told["months"]
    assert len(stakes) == SMALL.stakers
    assert {stake["term"] for stake in stakes} >= {1, 12}
    for way in ("claimed", "compounded", "pending", "unlocked"):
        assert any(int(stake[way]) for stake in stakes), way
    unlocked = [stake for stake in stakes if int(stake["unlocked"])]
    assert [(s["term"], s["unlocked"]) for s in unlocked] == [(1, stakes[0]["staked"])]
    for stake in stakes:
        assert 0 <= float(stake["short"]) < stake["rounded_down"]
    # nobody's stake counts in the first month: what came then is divided in the second
    assert int(months[0]["waits"]) > 0 == int(months[0]["divided"])
    divided = sum(int(month["divided"]) for month in months)
    taken = sum(int(s[way]) for s in stakes for way in ("claimed", "compounded", "pending"))
    assert 0 <= divided - taken < sum(stake["rounded_down"] for stake in stakes)
    assert divided == sum(int(receipt["dividends"]) for receipt in told["receipts"])


def test_the_report_shows_supply_price_pool_and_payouts(demo):
    section = re.search(r'<section id="deflation">.*?</section>', demo.report, re.S).group()
    for words in (
        "DOBO that exists",
        "Its price, and what the buyback paid",
        "What is staked, and what it weighs",
        "Dividends that were taken",
        "Every stake",
    ):
        assert words in section
    assert section.count("<svg") == 8
    assert re.search(r"<b>[\d.]+ M</b><span>DOBO burnt</span>", demo.report)
    ids = re.findall(r' id="([^"]+)"', demo.report)
    assert len(ids) == len(set(ids))


def test_a_backers_token_is_told_by_the_chain(demo):
    token = demo.summary["backer_token"]
    name = f"Wells for Cinderhope #{token['token_id']}"
    assert token["metadata"]["name"] == name
    assert {"trait_type": "Locked", "value": False} in token["metadata"]["attributes"]
    assert {"trait_type": "Tier", "value": 2} in token["metadata"]["attributes"]
    assert len(token["metadata"]["image"]) <= 128
    ElementTree.fromstring(stories.data(token["metadata"]["image"]))


def test_every_row_of_the_gas_picture_has_its_case(demo):
    largest = f"fund of {SMALL.fund_sizes[-1]}"
    for _, operation, _, _ in report._COSTS:
        assert operation.replace("fund of 200", largest) in demo.summary["gas"]


def test_the_report_shows_campaigns_the_token_and_the_impact_fund(demo):
    for story in demo.summary["campaigns"]:
        assert f"<h3>{story['name']}</h3>" in demo.report
    token = demo.summary["backer_token"]
    assert f"<dd>{token['metadata']['name']}</dd>" in demo.report
    for words in ("Repaid to the pool", "The mill repays", "Lent to the bakery", "all burnt"):
        assert words in demo.report


def test_the_report_needs_nothing_from_elsewhere(demo):
    places = re.findall(r"""(?:src|href|url\()\s*=?\s*["']?([^"'\s>)]+)""", demo.report)
    assert [place for place in places if not place.startswith(("data:", "#"))] == []
    assert "<script" not in demo.report
    assert "Every wei is accounted for" in demo.report
    for name in ("Climate Action", "No Poverty"):
        assert name in demo.report
    for svg in re.findall(r"<svg.*?</svg>", demo.report, re.S):
        ElementTree.fromstring(svg)


def test_the_chain_opens_again_as_it_was_left(demo):
    manifest = opening.manifest_in(demo.folder)
    assert dict(manifest.addresses) == demo.summary["addresses"]
    with opening.open_chain(demo.folder) as node:
        opening.check_same(node, manifest)
        assert node.w3.eth.block_number == demo.summary["chain"]["blocks"]
        node.mine()
        later = node.now - demo.summary["chain"]["last_second"]
        assert 0 < later < 300
        # the logs are still there, not the state alone
        logs = node.w3.eth.get_logs(
            {"address": manifest.addresses["Giving"], "fromBlock": 0, "toBlock": "latest"}
        )
        counts = demo.summary["counts"]
        assert len(logs) >= counts["gifts to charities"] + counts["tips"]


def test_another_run_makes_the_same_chain(demo, robbed):
    before = len(robbed.world.happenings)
    told = [
        {"second": h.second, "kind": h.kind, "title": h.title, "text": h.text}
        for h in robbed.world.happenings
    ]
    assert told == demo.summary["timeline"][:before]
    with opening.open_chain(demo.folder) as node:
        # the wei was taken without a block, so up to here the chains are one
        shared = node.w3.eth.get_block(robbed.world.blocks.number)
        assert "0x" + bytes(shared["hash"]).hex() == robbed.last_block


def test_the_demo_ends_before_today(demo):
    assert demo.summary["chain"]["last_second"] > START
    # four years of the full demo end before the day this was written
    assert START + (Scale().months + 1) * acts.MONTH < 1_760_000_000


def test_nothing_to_open_is_said(tmp_path, capsys):
    assert main(["--folder", str(tmp_path), "open"]) == 1
    assert "run it first: make demo" in capsys.readouterr().err
    with pytest.raises(FileError):
        opening.open_chain(tmp_path)


@pytest.fixture(scope="module")
def robbed(tmp_path_factory):
    """A run in which a charity's balance loses one wei that nobody moved."""

    def rob(world):
        with world.giving():
            payee = world.charities[2].payee.address
            balance = int(world.blocks.wire("eth_getBalance", payee, "latest"), 16)
            world.blocks.wire("anvil_setBalance", payee, hex(balance - 1))

    folder = tmp_path_factory.mktemp("robbed")
    acts_and_theft = (*play.ACTS[:4], ("A wei goes missing", rob))
    return perform(SMALL, folder, Console(file=StringIO()), acts_and_theft)


def test_a_wei_that_goes_missing_is_found(robbed):
    assert not robbed.holds
    payee = robbed.world.charities[2].payee.address
    assert any(payee in fault for fault in robbed.faults)
    assert any(
        fault.startswith("ETH: balances: donors' outflow") and "off by 1)" in fault
        for fault in robbed.faults
    )
    text = StringIO()
    summary.show(robbed, Console(file=text, width=160))
    assert "It does not add up" in text.getvalue()
