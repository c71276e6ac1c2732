"""Campaigns through the page: pledged to, decided, paid back and paid out."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest

from tests.browser.donor import DonorPage
from tests.browser.test_giving import DONOR, ETHER, USDX, text_memo, the_log
from tests.browser.wallet import REJECTED
from tests.browser.world import ARTWORK, DAY, DRAWN, HOSTILE, PICTURE, account

pytestmark = [pytest.mark.browser, pytest.mark.anvil]

WELLS, DESKS, TREES, EVIL = 1, 2, 3, 4
FAILED, SUCCEEDED, REJECTED_STATE = 2, 3, 5
BACKER = account("backer").address
MAX_PLEDGES = 64


@pytest.fixture
def campaigns(world):
    """The contracts, by short names."""
    wells, desks, trees, evil = world.campaigns.values()
    return SimpleNamespace(wells=wells, desks=desks, trees=trees, evil=evil)


@pytest.fixture
def page(open_page, server) -> DonorPage:
    """The page with the wallet connected, and a gateway to pictures."""
    opened = open_page(ipfs_gateway=f"{server.url}ipfs/")
    opened.connect()
    return opened


def back(world, role: str, campaign, amount: int, tier: int = 0) -> None:
    """A pledge that does not go through the page."""
    by = world.as_(role)
    asset = campaign.functions.terms().call()[0]
    if int(asset, 16) == 0:
        by.send(campaign.functions.pledge_native(tier, bytes(32)), value=amount)
        return
    token = by.at("PlainToken", asset)
    by.send(token.functions.approve(campaign.address, amount))
    by.send(campaign.functions.pledge_token(tier, amount, bytes(32)))


def state(campaign) -> int:
    return campaign.functions.status().call()[0]


def own(event):
    """What the donor's account logged, as dicts."""
    logs = event.get_logs(from_block=0)
    return [dict(log["args"]) for log in logs if DONOR in log["args"].values()]


# --- pledging ---------------------------------------------------------------------------------


def test_pledge_in_the_coin(page, world, wallet, campaigns):
    wells = campaigns.wells
    page.choose_campaign(WELLS)
    facts = page.tab.text("#campaign")
    for words in (
        "Wells for Turkana",
        "1 of 10 ETH",
        "10 %",
        "30 days left",
        "All or nothing: below 10 ETH",
        "All of it to the charity",
        "5 % of an NFT's price",
    ):
        assert words in facts.replace("\u00a0", " ")
    page.tab.sees("#campaign", "For water")
    assert page.tab.run("document.querySelector('#campaign progress').value") == 10
    tiers = page.tab.run(
        "[...document.querySelectorAll('.tier')].map((t) => [t.querySelector('strong').innerText,"
        " t.querySelector('.meta').innerText, t.querySelector('input').disabled])"
    )
    assert tiers == [
        ["0.1 ETH or more", "1,000 of 1,000 left", False],
        ["1 ETH or more", "Sold out", True],
        ["5 ETH or more", "3 of 3 left", False],
    ]
    assert page.tab.run("document.querySelector('#amount').value") == "0.1"
    page.choose_tier(2)
    assert page.tab.run("document.querySelector('#amount').value") == "5"

    page.fill("6.25", "ETH", memo="for Ada")
    plan = page.review()
    assert wells.address in plan
    assert "6.25 ETH" in plan
    assert "WELL of tier 2" in plan
    assert "if the goal is not reached" in plan
    assert wallet.sent == []
    said = page.give()

    amount = 625 * ETHER // 100
    assert wells.functions.contribution(DONOR).call() == amount
    assert world.node.w3.eth.get_balance(wells.address) == amount + ETHER
    assert own(wells.events.Pledged) == [
        {
            "backer": DONOR,
            "token_id": 2,
            "memo": text_memo("for Ada"),
            "tier": 2,
            "amount": amount,
        }
    ]
    assert len(wallet.sent) == 1
    assert "until it is decided" in said
    # the NFT, as its own contract describes it
    assert wells.functions.ownerOf(2).call() == DONOR
    assert wells.functions.locked(2).call() is True
    uri = wells.functions.tokenURI(2).call()
    told = json.loads(base64.b64decode(uri.partition(",")[2]))
    page.tab.sees("#nft-name", told["name"])
    art = page.tab.sees("#art", "cannot be moved as long as you can be paid back")
    assert "pledge comes back to you" in art
    assert told["image"] == "ar://somewhere/else"
    assert told["image"] in art, "an address that is not loaded is shown as text"
    assert page.tab.run("document.querySelectorAll('#art img').length") == 0

    page.tab.click("#done > .main")
    page.tab.sees("#campaign", "You pledged 6.25 ETH. You hold 1 NFT")
    page.tab.sees(f"[data-campaign='{WELLS}'] .meta", "you pledged 6.25 ETH")
    page.tab.sees("[data-tier='2'] .meta", "2 of 3 left")


def test_pledge_in_a_token_by_permit_is_one_transaction(page, world, wallet, campaigns):
    desks = campaigns.desks
    page.choose_campaign(DESKS)
    words = page.tab.text("#campaign").replace("\u00a0", " ")
    assert "20 % once the campaign has succeeded, then in 2 milestones (30 %, 50 %)" in words
    page.fill("12.5", "USDX")
    plan = page.review()
    assert "Sign a permission" in page.tab.text("#steps")
    assert "your part of what was not released" in plan
    shown = plan.split("about ")[1].split(" ETH")[0]
    price = world.node.w3.eth.gas_price
    page.give()

    assert len(wallet.sent) == 1
    (signed,) = wallet.signed
    assert signed["message"]["value"] == str(125 * USDX // 10)
    assert signed["message"]["spender"] == desks.address
    assert world.stable.functions.balanceOf(desks.address).call() == 125 * USDX // 10
    assert world.stable.functions.allowance(DONOR, desks.address).call() == 0
    assert the_log(desks.events.Pledged)["amount"] == 125 * USDX // 10
    used = world.node.w3.eth.get_block("latest")["gasUsed"]
    assert used * price <= float(shown) * ETHER <= 1.05 * used * price, (shown, used)
    # the picture through the gateway, by <img>
    page.tab.wait("document.querySelector('#art img')?.naturalWidth > 0", "the NFT's picture")
    assert page.tab.run("document.querySelector('#art img').src").endswith(f"/ipfs/{PICTURE}")


def test_pledge_in_a_token_without_permit_is_approved_for_the_exact_sum(
    page, world, wallet, campaigns
):
    page.choose_campaign(TREES)
    assert "Keep what you raise" in page.tab.text("#campaign")
    assert page.tab.run("document.querySelector('#amount').value") == "5"
    page.review()
    assert "Approve the amount" in page.tab.text("#steps")
    page.give()
    approval, pledge = wallet.sent
    assert approval["to"] == world.usdt.address
    assert int(approval["data"][-64:], 16) == 5 * USDX
    assert pledge["to"] == campaigns.trees.address
    assert wallet.signed == []
    assert campaigns.trees.functions.contribution(DONOR).call() == 5 * USDX
    assert world.usdt.functions.balanceOf(campaigns.trees.address).call() == 5 * USDX
    assert world.usdt.functions.allowance(DONOR, campaigns.trees.address).call() == 0


def test_link_chooses_a_campaign_and_sends_nothing(open_page, wallet):
    page = open_page(f"#campaign={WELLS}&tier=2&amount=7&memo=hello")
    page.connect()
    page.tab.sees("#campaign", "Deadline")
    page.tab.wait("document.querySelector('[data-tier=\"2\"] input').checked")
    plan = page.review()
    assert "7 ETH" in plan
    assert "hello" in plan
    assert wallet.sent == []


# --- and everything after ---------------------------------------------------------------------


def test_failed_campaign_is_decided_and_paid_back(page, world, campaigns):
    wells = campaigns.wells
    back(world, "donor", wells, ETHER)
    back(world, "donor", wells, ETHER // 2)
    world.node.advance(31 * DAY)
    page.choose_campaign(WELLS)
    assert "Time is up" in page.tab.text("#campaign-state")
    assert page.tab.run("document.querySelector('#fields').checkVisibility()") is False
    assert "has failed" in page.do("finalise")
    assert state(wells) == FAILED

    page.tab.sees("#campaign-state", "every backer is paid back")
    page.tab.sees(f"[data-campaign='{WELLS}'] .meta", "1.5 ETH waits for you")
    page.tab.sees("[data-deed='refund']", "Take 1.5 ETH back")
    before = world.node.w3.eth.get_balance(DONOR)
    assert "1.5 ETH went back to " + DONOR in page.do("refund")
    receipt = world.node.w3.eth.get_transaction_receipt(
        world.node.w3.eth.get_block("latest")["transactions"][0]
    )
    fee = receipt["gasUsed"] * receipt["effectiveGasPrice"]
    assert world.node.w3.eth.get_balance(DONOR) == before + 3 * ETHER // 2 - fee
    assert wells.functions.balanceOf(DONOR).call() == 0, "the NFTs are burnt"

    # and, as a stranger now, somebody else
    before = world.node.w3.eth.get_balance(BACKER)
    page.tab.wait("!document.querySelector('[data-deed=refund]')", "nothing left for the donor")
    for wrong, word in (("", "no address"), ("0x12", "no address"), (DONOR, "nothing to pay back")):
        page.tab.type("#backer", wrong)
        assert word in page.do("refund-other"), wrong
        page.tab.sees("#deed-said.fault")
    page.tab.type("#backer", BACKER)
    assert "1 ETH went back to " + BACKER in page.do("refund-other")
    assert world.node.w3.eth.get_balance(BACKER) == before + ETHER
    assert wells.functions.liability().call() == 0
    page.tab.wait("!document.querySelector('[data-deed]')", "nothing left to do")


def test_success_is_decided_and_paid_out(page, world, campaigns):
    trees = campaigns.trees
    back(world, "donor", trees, 6 * USDX)
    world.node.advance(11 * DAY)
    page.choose_campaign(TREES)
    assert "has raised what it needs" in page.tab.text("#deeds")
    assert "has succeeded" in page.do("finalise")
    assert state(trees) == SUCCEEDED
    page.tab.sees("#campaign-state", "can be handed on")
    page.tab.sees("[data-deed='claim']", "Pay 6 USDT to the charity")
    assert "6 USDT went to the charity" in page.do("claim")
    assert world.usdt.functions.balanceOf(world.payee("forest")).call() == 6 * USDX
    assert trees.functions.locked(1).call() is False
    assert "cannot be moved" not in page.tab.sees("#campaign", "You hold 1 NFT")


def test_milestone_is_voted_down_and_the_rest_paid_back(page, world, campaigns):
    desks = campaigns.desks
    back(world, "donor", desks, 100 * USDX)
    world.node.advance(31 * DAY)
    school = world.as_("school")
    school.send(desks.functions.finalise())
    world.node.mine(40)
    document = world.node.w3.keccak(text="the report")
    school.send(desks.functions.report(document, "ipfs://bafybeiart/report.pdf"))
    world.node.mine(40)

    page.choose_campaign(DESKS)
    facts = page.tab.sees("#campaign", "Milestone 1 of 2")
    assert "ipfs://bafybeiart/report.pdf" in facts
    assert "0x" + document.hex() in facts
    assert "0 USDX approve, 0 USDX object" in facts
    assert page.tab.run("document.querySelectorAll('#campaign a').length") == 0
    assert "Your vote counts, with 100 USDX" in page.do("object")
    page.tab.wait("!document.querySelector('[data-deed=object]')", "one vote only")
    page.tab.sees("#campaign", "0 USDX approve, 100 USDX object")

    world.node.advance(14 * DAY)
    page.choose_campaign(TREES)
    page.choose_campaign(DESKS)
    page.tab.sees("#deeds", "It is rejected")
    assert "milestone is rejected" in page.do("settle")
    assert state(desks) == REJECTED_STATE
    before = world.stable.functions.balanceOf(DONOR).call()
    page.tab.sees("[data-deed='refund']", "Take 80 USDX back")
    page.do("refund")
    assert world.stable.functions.balanceOf(DONOR).call() == before + 80 * USDX
    assert "20 USDX went to the charity" in page.do("claim")
    assert world.stable.functions.balanceOf(desks.address).call() == 0


# --- bad input --------------------------------------------------------------------------------


def test_pledges_that_are_refused(page, world, wallet, campaigns):
    """Each gets a plain word, and nothing is sent."""
    node, wells = world.node, campaigns.wells
    registrar, guardian, owner = (world.as_(role) for role in ("registrar", "guardian", "owner"))
    registry = world.registry.functions
    page.choose_campaign(WELLS)

    def suspend() -> None:
        registrar.send(registry.suspend(world.charities["water"], bytes(32)))

    def revoke() -> None:
        owner.send(registry.revoke(world.charities["water"], bytes(32)))

    def sell_out() -> None:
        for _ in range(3):
            back(world, "backer", wells, 5 * ETHER, tier=2)

    def pledge_often() -> None:
        node.request("anvil_impersonateAccount", DONOR)
        call = {"from": DONOR, "to": wells.address, "value": hex(ETHER // 10), "gas": hex(200_000)}
        data = wells.encode_abi("pledge_native", [0, bytes(32)])
        for _ in range(MAX_PLEDGES):
            node.request("eth_sendTransaction", call | {"data": data})
        node.request("anvil_stopImpersonatingAccount", DONOR)
        # whatever waits
        node.mine()
        assert wells.functions.balanceOf(DONOR).call() == MAX_PLEDGES

    cases = (
        ("0.0999", 0, None, "takes 0.1 ETH or more"),
        ("5", 2, sell_out, "sold out"),
        ("1", 0, lambda: node.advance(31 * DAY), "deadline has passed"),
        ("1", 0, suspend, "suspended at the moment"),
        ("1", 0, revoke, "struck off"),
        (
            "1",
            0,
            lambda: world.as_("water").send(wells.functions.cancel()),
            "decided or cancelled",
        ),
        ("1", 0, lambda: guardian.send(world.factory.functions.stop_entries()), "are stopped"),
        ("1", 0, pledge_often, "64 times"),
        ("", 0, None, "Enter how much"),
        ("0", 0, None, "zero"),
        ("2000", 0, None, "holds"),
        ("1" + "0" * 21, 0, None, "more than a campaign can count"),
    )
    for amount, tier, prepare, word in cases:
        page.choose_tier(tier)
        page.fill(amount, "ETH")
        snapshot = node.snapshot()
        if prepare is not None:
            prepare()
        page.tab.click("#review")
        assert word in page.refused(), word
        node.revert(snapshot)
        page.tab.type("#memo", "again")
        page.tab.wait("document.querySelector('#form-fault').hidden", "the last fault to go")
    assert wallet.sent == []

    # an asset that is taken no more, before anything is signed
    page.choose_campaign(DESKS)
    owner.send(world.factory.functions.unlist_asset(world.stable.address))
    page.fill("10", "USDX")
    page.tab.click("#review")
    assert "gets no more pledges" in page.refused()
    assert wallet.signed == []


def test_tier_sold_out_between_review_and_signature(page, world, wallet, campaigns):
    page.choose_campaign(WELLS)
    page.choose_tier(2)
    page.review()
    for _ in range(3):
        back(world, "backer", campaigns.wells, 5 * ETHER, tier=2)
    page.tab.click("#give")
    assert "sold out" in page.refused("#check .notice")
    assert wallet.sent == []


def test_payee_cannot_back_itself(open_page, wallet):
    wallet.account = account("water")
    page = open_page()
    page.connect()
    page.choose_campaign(WELLS)
    page.tab.click("#review")
    assert "cannot back itself" in page.refused()


def test_deeds_that_are_refused(page, world, wallet, campaigns):
    """Somebody was faster, the charity is suspended, or the donor declines: it is said."""
    trees, wells = campaigns.trees, campaigns.wells
    back(world, "donor", trees, 5 * USDX)
    world.node.advance(31 * DAY)
    world.as_("registrar").send(
        world.registry.functions.suspend(world.charities["forest"], bytes(32))
    )
    page.choose_campaign(TREES)
    assert "decision has to wait" in page.do("finalise")
    assert state(trees) == 1
    page.choose_campaign(WELLS)
    wallet.refusals["eth_sendTransaction"] = REJECTED
    assert "declined" in page.do("finalise")
    assert state(wells) == 1
    world.as_("backer").send(wells.functions.finalise())
    assert "decided or cancelled" in page.do("finalise")
    page.tab.sees("#campaign-state", "every backer is paid back")


def test_hostile_campaign_is_only_text(page):
    page.choose_campaign(EVIL)
    name = page.tab.text(f"[data-campaign='{EVIL}'] .name")
    assert name == "liveE ' onerror=window.pwned=1", "without what turns letters round"
    assert [page.tab.text(f"[data-tier='{at}'] .mono") for at in range(4)] == list(ARTWORK)
    assert page.tab.run("document.querySelectorAll('#tiers img').length") == 0
    page.tab.click("#campaign summary")
    assert "javascript:window.pwned=1" in page.tab.sees("#campaign details", "Its page")
    assert page.tab.run("document.querySelectorAll('#campaign a').length") == 0
    assert HOSTILE.split("\u202e")[0].strip() in page.tab.text("#campaign")
    page.choose_tier(1)
    page.pledge()
    page.tab.sees("#art", ARTWORK[1])
    assert page.tab.run("window.pwned") is None
    asked = page.tab.run("performance.getEntriesByType('resource').map((e) => e.name).join()")
    assert "tracker.example" not in asked
    assert "secret" not in asked


def test_pictures_come_through_the_gateway_alone(open_page):
    """Without one in the config, only what the address holds itself is drawn."""
    page = open_page(f"#campaign={WELLS}")
    page.tab.sees("#campaign", "Deadline")
    page.tab.wait("document.querySelector('[data-tier=\"1\"] img')?.naturalWidth > 0")
    shown = page.tab.run("[...document.querySelectorAll('#tiers img')].map((e) => e.src)")
    assert shown == [DRAWN]
    assert f"ipfs://{PICTURE}" in page.tab.text("[data-tier='0']")


@pytest.mark.parametrize("width", [360, 1280], ids=["phone", "desk"])
def test_list_of_campaigns(open_page, width):
    """Newest first, each as it stands; a wallet is not needed to look."""
    page = open_page()
    page.tab.resize(width, 800)
    page.tab.sees("#list .name", "water")
    # a slow node
    page.tab.run(
        "(() => { const { fetch } = window; window.fetch = (...asked) =>"
        " new Promise((done) => setTimeout(done, 400)).then(() => fetch(...asked)) })()"
    )
    places = "[...document.querySelectorAll('.card')].map((c) => [c.offsetTop, c.offsetHeight])"
    page.tab.click("input[name=kind][value=campaign]")
    page.tab.sees(f"[data-campaign='{WELLS}'] .raised", "\u2026")
    before = page.tab.run(places)
    page.tab.sees(f"[data-campaign='{WELLS}'] .raised", "1 of 10 ETH")
    assert page.tab.text("#list-state") == "4 campaigns, the newest first."
    shown = page.tab.run("[...document.querySelectorAll('.card')].map((c) => c.dataset.campaign)")
    assert shown == ["4", "3", "2", "1"]
    assert "10 days left" in page.tab.sees(f"[data-campaign='{TREES}'] .meta", "left")
    page.tab.sees(f"[data-campaign='{TREES}'] .about", "For forest")
    assert page.tab.run(places) == before, "a card that moves under the finger is another one"
    page.tab.click(f"[data-campaign='{WELLS}'] input")
    page.tab.sees("#review", "Connect wallet")


@pytest.mark.parametrize(("width", "is_dark"), [(360, True), (1280, False)], ids=["phone", "desk"])
def test_no_part_of_a_campaign_sticks_out(page, world, width, is_dark):
    tab = page.tab
    tab.resize(width, 900, is_dark=is_dark)

    def check() -> None:
        assert tab.run("document.documentElement.scrollWidth") <= width
        wide = tab.run(
            "['#picker', '#gift', '#done'].map((s) => document.querySelector(s))"
            ".filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.id)"
        )
        assert wide == []
        nameless = tab.run(
            "[...document.querySelectorAll('#gift button, #gift input, #gift progress')]"
            ".filter((e) => e.checkVisibility() && !e.innerText?.trim()"
            " && !e.getAttribute('aria-label')"
            " && ![...(e.labels ?? [])].some((l) => l.textContent.trim()))"
            ".map((e) => e.outerHTML)"
        )
        assert nameless == []

    page.choose_campaign(WELLS)
    check()
    page.review()
    check()
    page.give()
    page.tab.wait("document.querySelector('#art img')?.naturalWidth > 0", "the NFT's picture")
    check()
    world.node.advance(31 * DAY)
    tab.click("#done > .main")
    page.do("finalise")
    page.do("refund")
    check()
