"""What goes wrong gets a plain word, and nothing is sent."""

from __future__ import annotations

import pytest

from tests.browser.wallet import REJECTED, UNKNOWN_CHAIN
from tests.browser.world import account

pytestmark = [pytest.mark.browser, pytest.mark.anvil]

DONOR = account("donor").address


@pytest.fixture(autouse=True)
def nothing_is_sent(world):
    """Whatever the test does, no gift and no transaction comes of it."""
    before = world.node.w3.eth.get_transaction_count(DONOR)
    yield
    assert world.node.w3.eth.get_transaction_count(DONOR) == before
    assert list(world.giving.events.Donated.get_logs(from_block=0)) == []
    assert list(world.funds.events.FundDonated.get_logs(from_block=0)) == []


def test_amounts_that_cannot_be_given(page, world):
    page.choose_charity(world.charities["water"])
    for amount, word in (
        ("", "Enter how much"),
        ("0", "zero"),
        ("1,5", "without commas"),
        ("0.000", "zero"),
        ("-1", "digits"),
        ("1.1234567", "at most 6 digits"),
        ("1e3", "digits"),
        ("9" * 80, "larger than any"),
        ("abc", "digits"),
        ("10000.000001", "holds 10,000 USDX"),
    ):
        page.fill(amount, "USDX")
        page.tab.wait("document.querySelector('#form-fault').hidden", "the last fault to go")
        page.tab.click("#review")
        assert word in page.refused(), amount


@pytest.mark.parametrize(
    ("name", "word"),
    [("suspended", "suspended at the moment"), ("expired", "has run out")],
)
def test_charity_that_may_not_receive(page, world, name, word):
    page.choose_charity(world.charities[name])
    page.fill("1", "ETH")
    page.tab.click("#review")
    assert word in page.refused()


def test_revoked_charity_is_not_listed_and_refused_by_link(open_page, world):
    number = world.charities["revoked"]
    page = open_page(f"#charity={number}&amount=1&asset=ETH")
    page.connect()
    page.tab.sees("#chosen", "revoked")
    assert page.tab.run(f"document.querySelector('[data-charity=\"{number}\"]')") is None
    page.tab.click("#review")
    assert "struck off" in page.refused()


def test_charity_suspended_between_review_and_signature(page, world):
    page.choose_charity(world.charities["water"])
    page.fill("1", "ETH")
    page.review()
    world.as_("registrar").send(
        world.registry.functions.suspend(world.charities["water"], bytes(32))
    )
    page.tab.click("#give")
    assert "suspended at the moment" in page.refused("#check .notice")


def test_fund_whose_list_changed_since_it_was_seen(page, world):
    page.choose_fund(6)
    page.fill("1", "ETH")
    owner = world.as_("owner")
    owner.send(world.funds.functions.announce_epoch(6, [1], [1]))
    world.node.advance(3 * 86_400 + 1)
    page.tab.click("#review")
    assert "list of charities has just changed" in page.refused()


def test_stopped_entries(page, world):
    world.as_("guardian").send(world.funds.functions.stop_entries())
    page.choose_fund(6)
    page.fill("1", "ETH")
    page.tab.click("#review")
    assert "stopped for a few days" in page.refused()


def test_closed_fund_cannot_be_chosen(page):
    page.tab.click("input[name=kind][value=fund]")
    page.tab.sees("[data-fund='1']", "Not open yet")
    assert page.tab.run("document.querySelector('[data-fund=\"1\"] input').disabled") is True
    assert "Opens" in page.tab.sees("[data-fund='15']")


def test_asset_unlisted_since_the_page_was_opened(page, world):
    page.choose_charity(world.charities["water"])
    page.fill("1", "USDX")
    world.as_("owner").send(world.giving.functions.unlist_asset(world.stable.address))
    page.tab.click("#review")
    assert "not accepted" in page.refused()


def test_coin_for_the_fee_is_missing(page, world):
    page.choose_charity(world.charities["water"])
    page.fill("1", "USDX")
    world.node.set_balance(DONOR, 10**9)
    page.tab.click("#review")
    assert "network fee is paid in ETH" in page.refused()


def test_donor_who_is_the_payee(open_page, world, wallet):
    wallet.account = account("water")
    page = open_page()
    page.connect()
    page.choose_charity(world.charities["water"])
    page.fill("1", "ETH")
    page.tab.click("#review")
    assert "very address this charity is paid to" in page.refused()


@pytest.mark.parametrize("method", ["eth_signTypedData_v4", "eth_sendTransaction"])
def test_rejected_in_the_wallet(page, world, wallet, method):
    wallet.refusals[method] = REJECTED
    page.choose_charity(world.charities["water"])
    page.fill("1", "USDX")
    page.review()
    page.tab.click("#give")
    assert "declined" in page.refused("#check .notice")


def test_rejected_connection(open_page, wallet):
    wallet.refusals["eth_requestAccounts"] = REJECTED
    page = open_page()
    page.tab.click("#wallet")
    assert "declined" in page.refused("#notice")


def test_wrong_chain_offers_to_switch(open_page, world, wallet):
    wallet.chain_id = 1
    page = open_page()
    page.connect()
    assert "another network" in page.refused("#notice")
    page.choose_charity(world.charities["water"])
    page.tab.sees("#review", "Switch to Local chain")
    page.tab.click("#notice button")
    page.tab.sees("#review", "Review the gift")
    assert ("wallet_switchEthereumChain", [{"chainId": hex(31337)}]) in wallet.requests
    assert page.tab.text("#notice") == ""


def test_unknown_chain_is_added(open_page, world, wallet):
    wallet.chain_id = 1
    wallet.refusals["wallet_switchEthereumChain"] = UNKNOWN_CHAIN
    page = open_page()
    page.connect()
    page.tab.click("#notice button")
    page.tab.sees("#review", "Review the gift")
    ((asked,),) = [p for m, p in wallet.requests if m == "wallet_addEthereumChain"]
    assert asked["rpcUrls"] == [world.node.url]
    assert asked["nativeCurrency"]["decimals"] == 18


def test_chain_left_between_review_and_signature(page, world, wallet):
    page.choose_charity(world.charities["water"])
    page.fill("1", "ETH")
    page.review()
    wallet.chain_id = 1
    page.tab.click("#give")
    assert "another network" in page.refused("#check .notice")


def test_memo_too_long(page, world):
    page.choose_charity(world.charities["water"])
    page.fill("1", "ETH", memo="\u00e9" * 17)
    page.tab.click("#review")
    assert "this one needs 34" in page.refused()


def test_no_wallet(open_page):
    page = open_page(script="")
    page.tab.click("#wallet")
    assert "No wallet found" in page.tab.sees("#wallets")


def test_nothing_chosen(page):
    page.listed()
    page.fill("1", "ETH")
    page.tab.click("#review")
    assert "Choose whom" in page.refused()


def test_config_of_another_chain(open_page):
    page = open_page(chain_id=5)
    assert "not on Local chain" in page.refused("#notice")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"contracts": {}}, "contracts.registry is not an address"),
        ({"chain_id": "1"}, "chain_id is not a whole number"),
        ({"rpc_urls": ["javascript:alert(1)"]}, "rpc_urls is not an http(s) address"),
    ],
)
def test_config_that_is_wrong(open_page, changes, word):
    page = open_page(**changes)
    assert word in page.refused("#notice")
