"""The demo with few people, from an empty chain to the report, and what it leaves behind."""

from __future__ import annotations

import json
import re
from io import StringIO
from xml.etree import ElementTree

import pytest
from rich.console import Console

from donablock.demo import acts, opening, summary
from donablock.demo.__main__ import main, run
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


def test_the_summary_balances_by_itself(demo):
    assert demo.summary["proof"]["holds"] is True
    assert demo.summary["proof"]["faults"] == []
    for found in demo.summary["assets"].values():
        given, direct, to_funds, tips, claimed, owed = (
            int(found[name]) for name in ("given", "direct", "to_funds", "tips", "claimed", "owed")
        )
        assert given == direct + to_funds + tips
        assert owed == to_funds - claimed
        assert min(direct, to_funds, tips, claimed, owed) > 0
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
    ):
        assert reason in refused


def test_flows_are_no_more_than_was_given_and_short_by_dust_alone(demo):
    for symbol, found in demo.summary["assets"].items():
        flown = sum(int(f["amount"]) for f in demo.summary["flows"] if f["asset"] == symbol)
        # the large funds' division: less than one unit for each member and each drop
        dust = 2 * sum(SMALL.fund_sizes)
        assert 0 <= int(found["given"]) - flown < dust


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
    play = (*acts.ACTS[:4], ("A wei goes missing", rob))
    return perform(SMALL, folder, Console(file=StringIO()), play)


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
