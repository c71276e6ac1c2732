"""Gifts through the page, by a wallet that signs for real, proved on chain."""

from __future__ import annotations

import pytest
from eth_utils import keccak
from web3 import Web3

from tests.browser.wallet import EIP_1193, UNSUPPORTED
from tests.browser.world import NATIVE, account

pytestmark = [pytest.mark.browser, pytest.mark.anvil]

ETHER = 10**18
USDX = 10**6
DONOR = account("donor").address
OPERATIONS = account("operations").address


def text_memo(text: str) -> bytes:
    return text.encode().ljust(32, b"\0")


def the_log(event):
    """The one log of an event since the chain was set up, as a dict."""
    (found,) = event.get_logs(from_block=0)
    return dict(found["args"])


def test_native_gift_reaches_the_charity(page, world, wallet):
    payee = world.payee("water")
    before = world.node.w3.eth.get_balance(payee)

    page.choose_charity(world.charities["water"])
    page.fill("1.25", "ETH", memo="for the well")
    plan = page.review()
    assert payee in plan
    assert "1.25 ETH" in plan
    assert world.giving.address in plan
    assert "for the well" in plan
    assert wallet.sent == []
    said = page.give()

    assert world.node.w3.eth.get_balance(payee) == before + 125 * ETHER // 100
    assert world.node.w3.eth.get_balance(world.giving.address) == 0
    assert the_log(world.giving.events.Donated) == {
        "donor": DONOR,
        "charity_id": world.charities["water"],
        "memo": text_memo("for the well"),
        "asset": NATIVE,
        "payee": payee,
        "amount": 125 * ETHER // 100,
    }
    (sent,) = wallet.sent
    assert "for the well" in said
    assert payee in page.tab.text("#log")
    receipt = world.node.w3.eth.get_block("latest", True)["transactions"][0]
    assert Web3.to_hex(receipt["hash"]) in said


def test_token_gift_by_permit_is_one_transaction(page, world, wallet):
    payee = world.payee("school")
    page.choose_charity(world.charities["school"])
    page.fill("250.5", "USDX", tip="2", receipt=True)
    plan = page.review()
    assert payee in plan
    assert OPERATIONS in plan
    assert "252.5 USDX" in plan
    assert "Sign a permission" in page.tab.text("#steps")
    said = page.give()

    assert len(wallet.signed) == 1
    assert len(wallet.sent) == 1
    assert wallet.signed[0]["message"]["value"] == str(2525 * USDX // 10)
    assert wallet.signed[0]["message"]["spender"] == world.giving.address
    stable = world.stable.functions
    assert stable.balanceOf(payee).call() == 2505 * USDX // 10
    assert stable.balanceOf(OPERATIONS).call() == 2 * USDX
    assert stable.balanceOf(DONOR).call() == 10_000 * USDX - 2525 * USDX // 10
    assert stable.allowance(DONOR, world.giving.address).call() == 0
    donated = the_log(world.giving.events.Donated)
    assert donated["amount"] == 2505 * USDX // 10
    assert donated["memo"] != bytes(32), "the page makes a reference where the donor gives none"
    assert "0x" + donated["memo"].hex() in said
    assert the_log(world.giving.events.Tipped)["amount"] == 2 * USDX

    # the receipt, and its picture as the contract draws it
    assert world.receipts.functions.ownerOf(1).call() == DONOR
    page.tab.sees("#receipt-picture")
    assert page.tab.run("document.querySelector('#receipt-picture').naturalWidth") > 0
    shown = page.tab.run("document.querySelector('#receipt-picture').src")
    assert shown.startswith("data:image/svg+xml")


def test_fund_gift_by_permit_waits_for_its_charities(page, world, wallet):
    page.choose_fund(6)
    assert "3 charities share this fund" in page.tab.sees("#chosen", "share")
    page.fill("40", "USDX", memo="0x" + "ab" * 32, receipt=True)
    plan = page.review()
    assert world.funds.address in plan
    assert "list no. 1" in plan
    page.give()

    assert len(wallet.sent) == 1
    assert world.stable.functions.balanceOf(world.funds.address).call() == 40 * USDX
    assert world.funds.functions.liability(world.stable.address).call() == 40 * USDX
    assert the_log(world.funds.events.FundDonated) == {
        "donor": DONOR,
        "fund_id": 6,
        "memo": bytes.fromhex("ab" * 32),
        "epoch": 1,
        "asset": world.stable.address,
        "amount": 40 * USDX,
    }
    assert world.funds.functions.claimable(6, 1, 0, world.stable.address).call() == 20 * USDX
    page.tab.sees("#receipt-picture")
    assert page.tab.run("document.querySelector('#receipt-picture').naturalWidth") > 0


def test_native_fund_gift(page, world):
    page.choose_fund(13)
    page.fill("0.5", "ETH")
    page.review()
    page.give()
    assert the_log(world.funds.events.FundDonated)["amount"] == ETHER // 2
    assert world.node.w3.eth.get_balance(world.funds.address) == ETHER // 2


def test_token_without_permit_is_approved_for_the_exact_sum(page, world, wallet):
    page.choose_charity(world.charities["water"])
    page.fill("12.5", "USDT", tip="0.5")
    page.review()
    assert "Approve the amount" in page.tab.text("#steps")
    page.give()
    approval, gift = wallet.sent
    assert approval["to"] == world.usdt.address
    assert int(approval["data"][-64:], 16) == 13 * USDX
    assert gift["to"] == world.giving.address
    assert wallet.signed == []
    assert world.usdt.functions.balanceOf(world.payee("water")).call() == 125 * USDX // 10
    assert world.usdt.functions.allowance(DONOR, world.giving.address).call() == 0


def test_token_that_changes_an_approval_only_from_zero(page, world, wallet):
    """A smaller approval is there already: without the step to zero USDT would refuse."""
    world.as_("donor").send(world.usdt.functions.approve(world.giving.address, USDX))
    page.choose_charity(world.charities["water"])
    page.fill("2", "USDT")
    page.review()
    page.tab.sees("#steps", "Clear the old approval")
    page.give()
    asked = [int(sent["data"][-64:], 16) for sent in wallet.sent[:2]]
    assert asked == [0, 2 * USDX]
    assert len(wallet.sent) == 3
    assert world.usdt.functions.balanceOf(world.payee("water")).call() == 2 * USDX


def test_enough_of_an_approval_needs_no_other(page, world, wallet):
    world.as_("donor").send(world.usdt.functions.approve(world.giving.address, 50 * USDX))
    page.choose_charity(world.charities["water"])
    page.fill("2", "USDT")
    page.review()
    assert "about" not in page.tab.text("#plan"), "the node ran this very transaction"
    page.give()
    assert len(wallet.sent) == 1


def test_wallet_that_cannot_sign_permits_is_offered_an_approval(page, world, wallet):
    wallet.refusals["eth_signTypedData_v4"] = UNSUPPORTED
    page.choose_charity(world.charities["water"])
    page.fill("3", "USDX")
    page.review()
    page.tab.click("#give")
    assert "approval" in page.refused("#check .notice")
    assert wallet.sent == []
    page.tab.click("#check .notice button")
    page.tab.sees("#steps", "Approve the amount")
    page.give()
    assert len(wallet.sent) == 2
    assert the_log(world.giving.events.Donated)["amount"] == 3 * USDX


def test_wallet_of_the_old_kind_gives_too(open_page, world):
    """window.ethereum alone, and no node in the config: everything goes through the wallet."""
    page = open_page(script=EIP_1193, rpc_urls=[])
    page.tab.sees("#list-state", "Connect your wallet")
    page.connect()
    page.listed()
    page.choose_charity(world.charities["forest"])
    page.fill("0.1", "ETH")
    page.review()
    page.give()
    assert the_log(world.giving.events.Donated)["amount"] == ETHER // 10


def test_link_fills_the_form_and_sends_nothing(open_page, world, wallet):
    page = open_page(f"#charity={world.charities['school']}&amount=7&asset=USDX&memo=hello")
    page.connect()
    page.tab.sees("#chosen", "school")
    plan = page.review()
    assert "7 USDX" in plan
    assert "hello" in plan
    assert wallet.sent == []


def test_balance_is_never_shown_in_another_asset(page, world):
    page.choose_charity(world.charities["water"])
    page.tab.sees("#balance", "You have 1,000 ETH.")
    page.tab.choose("#asset", "USDX")
    shown = page.tab.sees("#balance", "USDX")
    assert shown == "You have 10,000 USDX."
    # the same instant, before any answer of the node
    page.tab.run(
        "(() => { const s = document.querySelector('#asset'); s.selectedIndex = 0;"
        " s.dispatchEvent(new Event('change'));"
        " window.atOnce = document.querySelector('#balance').innerText })()"
    )
    assert page.tab.run("window.atOnce") == ""
    page.tab.sees("#balance", "You have 1,000 ETH.")


def test_second_gift_starts_from_the_proof_of_the_first(page, world):
    page.choose_charity(world.charities["water"])
    page.fill("1", "ETH", memo="first")
    page.review()
    page.give()
    page.tab.click("#done > .main")
    assert page.tab.run("document.querySelector('#memo').value") == ""
    page.fill("2", "ETH")
    page.review()
    page.give()
    amounts = [log["args"]["amount"] for log in world.giving.events.Donated.get_logs(from_block=0)]
    assert amounts == [1 * ETHER, 2 * ETHER]


@pytest.mark.parametrize(
    ("is_fund", "has_extras"), [(False, True), (True, False)], ids=["charity", "fund"]
)
def test_fee_shown_before_a_permit_is_near_what_is_paid(page, world, is_fund, has_extras):
    if is_fund:
        page.choose_fund(6)
    else:
        page.choose_charity(world.charities["water"])
    page.fill("5", "USDX", receipt=has_extras, tip="1" if has_extras else None)
    shown = page.review().split("about ")[1].split(" ETH")[0]
    price = world.node.w3.eth.gas_price
    page.give()
    used = world.node.w3.eth.get_block("latest")["gasUsed"]
    assert used * price <= float(shown) * ETHER <= 1.05 * used * price, (shown, used)


def test_legal_id_is_found_by_its_own_words(open_page, world):
    page = open_page()
    page.listed()
    page.tab.type("#search", "GB:CHC:1000002")
    page.tab.wait("document.querySelectorAll('#list .card').length === 1")
    assert "school" in page.tab.sees("#list", "school")
    assert world.registry.functions.legal_id(2).call() == keccak(text="GB:CHC:1000002")
