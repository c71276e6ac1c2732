"""Every script through `ape run`, as a person calls it: words, exit codes, and what happened.

One process of ape runs many commands, since starting ape takes seconds; what only a process of its
own can show (the exit code, one line on stderr) is shown once.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from donablock.giving.claims import Claims
from donablock.settings import settings
from tests.ape_process import Ape, environment, network_of
from tests.giving.conftest import DONOR, NEW_PAYEE, OTHER_DONOR, PAYEES
from tests.local_chain import DAY, LIQUIDITY, PROPOSER, REGISTRAR, STRANGER, World

pytestmark = [pytest.mark.anvil, pytest.mark.ape, pytest.mark.slow]


def test_every_script_does_its_work(world: World, tmp_path: Path) -> None:
    ape = Ape(world)
    try:
        _donors(ape, tmp_path)
        _charities(ape, world)
        _timelock(ape, world)
        _vesting(ape, world)
        _campaigns(ape, world)
        _impact(ape, world)
        _refusals(ape, world)
    finally:
        ape.stop()


def _donors(ape: Ape, folder: Path) -> None:
    save = ("--save", str(folder))
    out = ape.run("donate", "1", "0.5 ether", "--tip", "5%", "--receipt", *save, account=DONOR)
    assert "given  0.5 ETH to charity 1" in out and "tipped  0.025 ETH" in out
    assert "Charity number 1" in out and "legal id hash" in out and "gas" in out
    assert (folder / "receipt-1.svg").read_text().startswith("<svg")
    cart = ("--to", "1=5USDX", "--to", "2=3 USDX", "--memo", "birthday")
    out = ape.run("donate", *cart, account=DONOR)
    assert "a signed permit, no transaction" in out
    assert "given  3 USDX to charity 2" in out
    out = ape.run("donate", "1", "0.1 ether", "--qr", "--memo", "hi")
    assert "/donate_native?uint256=1&bytes32=0x6869" in out and "█" in out
    assert "Climate Action" in ape.run("fund-donate")
    assert "75.00 %" in ape.run("fund-donate", "13")
    out = ape.run("fund-donate", "13", "40 USDX", "--receipt", *save, account=DONOR)
    assert "given  40 USDX to fund 13, epoch 1" in out
    assert (folder / "receipt-2.svg").is_file()
    assert "/approve?" in ape.run("fund-donate", "13", "1 USDX", "--qr")
    out = ape.run("receipt", "2", "--check")
    assert "yes  IndexFunds logged the gift" in out and "NO" not in out
    donor = "0xdF3e18d64BC6A983f673Ab319CCaE4f1a57C7097"
    out = ape.run("receipt", "--donor", donor, "--memo", "birthday")
    assert "5 USDX to charity 1" in out and "3 USDX to charity 2" in out
    assert "issued  20 GIVE" in ape.run("give", "issue", "20 USDX", account=DONOR)
    assert "given  20 GIVE" in ape.run("donate", "2", "20 GIVE", account=DONOR)
    assert "redeemed  20 USDX" in ape.run("give", "redeem", "20 GIVE", account=PAYEES[1])
    assert "0 GIVE" in ape.run("give", "show")


def _charities(ape: Ape, world: World) -> None:
    assert "30 USDX" in ape.run("claim", "2", "--list")
    assert "paid  30 USDX" in ape.run("claim", "2", account=STRANGER)
    assert "nothing to claim" in ape.run("claim", "2", account=STRANGER)
    assert Claims(world.anyone).find(2) == []
    profile = ("--legal-id", "GB:CHC:9", "--goals", "1,4", "--metadata", "x", "--uri", "ipfs://x")
    ape.run("charity", "apply", *profile, account=NEW_PAYEE)
    payee = world.address(NEW_PAYEE)
    assert payee in ape.run("charity", "applications")
    term = ("--expiry", "1y", "--evidence", "seen")
    assert "charity 4" in ape.run("charity", "verify", payee, *term, account=REGISTRAR)
    longer = ("--expiry", "2y", "--evidence", "seen")
    ape.run("charity", "renew", "4", *longer, account=REGISTRAR)
    reason = ("--reason", "report 7")
    ape.run("charity", "suspend", "4", *reason, account=REGISTRAR)
    assert "suspended until" in ape.run("charity", "show", "4", "--history")
    assert "is suspended" in ape.refused("donate", "4", "1 ether", account=DONOR)
    ape.run("charity", "reinstate", "4", account=REGISTRAR)
    renewed = ("--metadata", "y", "--uri", "ipfs://y")
    ape.run("charity", "metadata", "4", *renewed, account=NEW_PAYEE)
    successor = world.address(STRANGER)
    ape.run("charity", "payee", "propose", "4", successor, account=NEW_PAYEE)
    ape.run("charity", "payee", "cancel", "4", account=NEW_PAYEE)
    ape.run("charity", "payee", "propose", "4", successor, account=NEW_PAYEE)
    assert "delay is not over" in ape.refused("charity", "payee", "accept", "4", account=STRANGER)
    world.node.advance(2 * DAY)
    ape.run("charity", "payee", "accept", "4", account=STRANGER)
    ape.run("charity", "retire", "4", *reason, account=STRANGER)
    assert ape.run("charity", "list", "--status", "revoked").count("revoked") == 1


def _timelock(ape: Ape, world: World) -> None:
    call = ("IndexFunds.announce_epoch", "13", "1,3", "10,20")
    out = ape.run("govern", "schedule", *call, account=PROPOSER)
    assert "- charity 2: had weight 3 (75.00 %)" in out
    id_ = out.split("scheduled  ")[1][:18]
    assert f"{id_}  waiting" in ape.run("govern", "list")
    assert "is ready on" in ape.refused("govern", "execute", id_, account=STRANGER)
    world.node.advance(2 * DAY)
    assert "ready" in ape.run("govern", "show", id_)
    ape.run("govern", "execute", id_, account=STRANGER)
    assert "done" in ape.run("govern", "list", "--all")
    assert "announced, runs from" in ape.run("fund-donate", "13")
    out = ape.run("govern", "schedule", "Giving.set_operations", "Timelock", account=PROPOSER)
    id_ = out.split("scheduled  ")[1][:18]
    assert "cancelled" in ape.run("govern", "cancel", id_, account=PROPOSER)
    assert "Nothing is scheduled" in ape.run("govern", "list")


def _vesting(ape: Ape, world: World) -> None:
    assert "nothing" in ape.run("vest", "release", account=STRANGER).lower()
    world.node.advance(31 * DAY)
    assert "due now" in ape.run("vest", "show", "liquidity")
    out = ape.run("vest", "release", "liquidity", account=STRANGER)
    assert "released  10_800_000 DOBO" in out
    ape.run("vest", "propose", "liquidity", world.address(STRANGER), account=LIQUIDITY)
    ape.run("vest", "accept", "liquidity", account=STRANGER)
    assert world.address(STRANGER) in ape.run("vest", "show", "liquidity")


def _campaigns(ape: Ape, world: World) -> None:
    creator = world.address(NEW_PAYEE)
    example = "config/campaigns/example.toml"
    refused = ape.refused("campaign", "create", example, account=NEW_PAYEE)
    assert f"ape run campaign accept 1 {creator}" in refused
    assert "accepted" in ape.run("campaign", "accept", "1", creator, account=PAYEES[0])
    tier = ("--tier", "10 USDX,5,https://example.org/art.png")
    terms = ("--goal", "30 USDX", "--deadline", "30 days", *tier)
    out = ape.run("campaign", "create", example, *terms, account=NEW_PAYEE)
    assert "opened  campaign 1 at 0x" in out and "can be exchanged" in out
    assert "Wells for Turkana" in ape.run("campaign", "list", "--charity", "1")
    assert "No campaign" in ape.run("campaign", "list", "--charity", "2")
    out = ape.run("campaign", "pledge", "1", "--memo", "for Ada", account=DONOR)
    assert "pledged  10 USDX to campaign 1: WELL #1" in out and "a signed permit" in out
    short = ape.refused("campaign", "pledge", "1", "20 USDX", account=STRANGER)
    assert "20 USDX are needed" in short
    world.mint(STRANGER, 30_000_000)
    assert "WELL #2" in ape.run("campaign", "pledge", "1", "20 USDX", account=STRANGER)
    out = ape.run("campaign", "show", "1", "--backers")
    assert "raised    30 USDX" in out and world.address(STRANGER) in out
    assert "takes pledges until" in ape.refused("campaign", "finalise", "1", account=DONOR)
    world.node.advance(30 * DAY)
    assert "campaign 1: in milestones" in ape.run("campaign", "finalise", "1", account=DONOR)
    assert "paid  6 USDX" in ape.run("campaign", "claim", "1", account=STRANGER)
    document = ("--document", "Ten wells are dug.", "--uri", "ipfs://report")
    assert "reported" in ape.run("campaign", "report", "1", *document, account=NEW_PAYEE)
    assert "--approve or --object" in ape.refused("campaign", "vote", "1", account=STRANGER)
    out = ape.run("campaign", "vote", "1", "--object", account=STRANGER)
    assert "objected  milestone 0, with 20 USDX" in out and "ipfs://report" in out
    ape.run("campaign", "vote", "1", "--approve", account=DONOR)
    out = ape.run("campaign", "show", "1")
    assert "10 USDX approve, 20 USDX object" in out and "as it stands: rejected" in out
    assert "the vote runs until" in ape.refused("campaign", "settle", "1", account=DONOR)
    world.node.advance(14 * DAY)
    assert "rejected  milestone 0" in ape.run("campaign", "settle", "1", account=DONOR)
    out = ape.run("campaign", "refund", "1", "--all", account=OTHER_DONOR)
    assert f"paid back  8 USDX to {world.address(DONOR)}" in out
    assert f"paid back  16 USDX to {world.address(STRANGER)}" in out
    assert "Nothing is left to do" in ape.run("campaign", "show", "1")

    ape.run("campaign", "create", example, account=NEW_PAYEE)
    ape.run("campaign", "pledge", "2", "2 ether", "--tier", "1", account=DONOR)
    ape.run("campaign", "pledge", "2", account=STRANGER)
    assert "2.1 ETH is paid back" in ape.run("campaign", "cancel", "2", account=NEW_PAYEE)
    both = ("--all", "--receiver", creator)
    assert "choose one" in ape.refused("campaign", "refund", "2", *both, account=DONOR)
    out = ape.run("campaign", "refund", "2", "--receiver", creator, account=STRANGER)
    assert f"paid back  0.1 ETH to {creator}" in out
    assert "paid back  2 ETH" in ape.run("campaign", "refund", "2", account=DONOR)
    assert "nobody is left" in ape.refused("campaign", "refund", "2", "--all", account=DONOR)


def _impact(ape: Ape, world: World) -> None:
    entrepreneur, example = NEW_PAYEE, "config/impact/example.toml"
    payee = world.address(entrepreneur)
    assert "No project" in ape.run("impact", "list")
    assert "No pool has money" in ape.run("impact", "pool")
    refused = ape.refused("impact", "propose", example, account=DONOR)
    assert "only the payee of charity 1" in refused
    terms = ("--goal", "30 USDX", "--stage", "50 %", "--stage", "50 %")
    out = ape.run("impact", "propose", example, *terms, account=PAYEES[0])
    assert "proposed  project 1" in out and "50 %, 50 %" in out and "yes, into the pool" in out
    assert "place 1 in its queue" in ape.run("impact", "accept", "1", account=entrepreneur)
    gift = ("20 USDX", "--tip", "5%", "--memo", "for Ada")
    out = ape.run("impact", "donate", "1", *gift, account=DONOR)
    assert "given  20 USDX to project 1" in out and "tipped  1 USDX" in out
    assert "a signed permit" in out and "you pay   21 USDX" in out
    ape.run("impact", "donate", "1", "10 USDX", account=OTHER_DONOR)
    assert "is running and takes no more" in ape.refused(
        "impact", "donate", "1", "1 USDX", account=DONOR
    )
    document = ("--document", "Ten dryers run.", "--uri", "ipfs://report")
    out = ape.run("impact", "report", "1", *document, account=entrepreneur)
    assert "reported  stage 0; backers vote until" in out
    assert "--approve or --object" in ape.refused("impact", "vote", "1", account=DONOR)
    out = ape.run("impact", "vote", "1", "--object", account=OTHER_DONOR)
    assert "objected  stage 0, with 10 USDX" in out and "ipfs://report" in out
    assert "approved" in ape.run("impact", "vote", "1", "--approve", account=DONOR)
    assert "the vote runs until" in ape.refused("impact", "release", "1", account=STRANGER)
    out = ape.run("impact", "show", "1", "--backer", world.address(DONOR))
    assert "20 USDX approve, 10 USDX object" in out and "has voted on   0" in out
    world.node.advance(14 * DAY)
    out = ape.run("impact", "release", "1", account=STRANGER)
    assert "stage 0 is released; 20 USDX" in out and "released  15 USDX for stage 0" in out
    assert "paid  15 USDX" in ape.run("impact", "claim", "1", account=STRANGER)

    ape.run("impact", "propose", example, "--goal", "100 USDX", account=PAYEES[0])
    ape.run("impact", "accept", "2", account=entrepreneur)
    ape.run("impact", "donate", "2", "5 USDX", account=DONOR)
    assert "has no USDX" in ape.refused("impact", "lend", "2", "USDX", account=STRANGER)
    out = ape.run("impact", "repay", "1", "10 USDX", account=entrepreneur)
    assert "repaid  10 USDX into the pool of goal 2; 5 USDX left" in out
    assert "10 USDX  1, 2" in ape.run("impact", "pool", "2", "USDX")
    out = ape.run("impact", "lend", "2", "USDX", account=STRANGER)
    assert "passed over  project 1 waits no more" in out
    assert "lent  10 USDX to project 2" in out and "lends        10 USDX to project 2" in out
    out = ape.run("impact", "history", "2")
    assert "10 USDX repaid by project 1" in out and "balanced  to the unit" in out
    assert "10 USDX to project 2" in ape.run("impact", "history", "1")

    world.node.advance(240 * DAY)
    out = ape.run("impact", "list", "--state", "overdue", "--sdg", "2", "--charity", "1")
    assert "loan, 10 USDX of 15 USDX repaid" in out
    out = ape.run("impact", "reject", "2", account=STRANGER)
    assert "rejected  stage 0: no report came" in out
    assert "5 USDX goes back to the backers, 10 USDX to the pool" in out
    both = ("--all", "--receiver", payee)
    assert "choose one" in ape.refused("impact", "refund", "2", *both, account=DONOR)
    out = ape.run("impact", "refund", "2", "--all", account=STRANGER)
    assert f"paid back  5 USDX to {world.address(DONOR)}" in out
    assert "nobody is left" in ape.refused("impact", "refund", "2", "--all", account=DONOR)
    assert "Nothing is left to do" in ape.run("impact", "show", "2")
    out = ape.run("impact", "history", "2")
    assert "- returned to the pool" in out and "still in the pool" in out and "balanced" in out
    assert "No project" in ape.run("impact", "list", "--payee", world.address(DONOR))
    assert "'done' is no state" in ape.refused("impact", "list", "--state", "done")

    successor = world.address(LIQUIDITY)
    out = ape.run("impact", "payee", "propose", "1", successor, account=entrepreneur)
    assert f"proposed  {successor} may accept from" in out
    assert "not" in ape.run("impact", "payee", "cancel", "1", account=PAYEES[0])
    ape.run("impact", "payee", "propose", "1", successor, account=entrepreneur)
    world.node.advance(2 * DAY)
    assert successor in ape.run("impact", "payee", "accept", "1", account=LIQUIDITY)
    assert "who took over" in ape.run("impact", "show", "1")
    fund = world.anyone.addresses["ImpactFund"]
    world.session(DONOR).send(world.token.functions.transfer(fund, 1))
    assert "swept  0.000001 USDX" in ape.run("impact", "sweep", "USDX", account=STRANGER)
    assert "nothing to sweep" in ape.refused("impact", "sweep", world.token.address, account=DONOR)


def _refusals(ape: Ape, world: World) -> None:
    nonce = world.session(DONOR).next_nonce()
    assert "no charity 99" in ape.refused("donate", "99", "1 ether", account=DONOR)
    assert "not an amount" in ape.refused("donate", "1", "1,5 ether", account=DONOR)
    assert "No such option" in ape.refused("donate", "--bogus")
    assert "--help" in ape.refused("vest", "nonsense")
    assert "name an account" not in ape.run("donate", "--help")
    assert "name the account" in ape.refused("donate", "1", "1 ether")
    assert "takes no gifts now" in ape.refused("fund-donate", "2", "1 ether", account=DONOR)
    assert "there is no receipt" in ape.refused("receipt", "77")
    assert world.session(DONOR).next_nonce() == nonce, "nothing was sent"


def test_a_process_of_its_own_exits_with_1_and_one_line(world: World, tmp_path: Path) -> None:
    """Here on a chain where nothing is deployed."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ape")), "run", "charity", "list", *network_of(world)],
        cwd=settings().root,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: nothing is deployed")
    assert "Traceback" not in done.stderr + done.stdout
