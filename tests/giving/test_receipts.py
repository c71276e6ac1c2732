"""Receipts: found again, drawn, and compared with the chain."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from donablock.chain.scan import scan
from donablock.chain.session import Session
from donablock.errors import InputError, RevertError
from donablock.giving.donations import Donations, Gift, GiftResult, Part
from donablock.giving.funds import FundGift, Funds
from donablock.giving.receipts import Receipts
from tests.giving.conftest import CLIMATE, OTHER_DONOR
from tests.local_chain import DEPLOYER, World

MEMO = b"birthday".ljust(32, b"\0")


@pytest.fixture
def given(world: World, donor: Session) -> GiftResult:
    """A cart with two receipts."""
    gift = Gift(world.usd, (Part(1, 5_000_000), Part(2, 3_000_000)), MEMO, receipt=True)
    return Donations(donor).give(Donations(donor).plan(gift))


def test_a_receipt_says_what_was_given(donor: Session, given: GiftResult) -> None:
    first, second = (Receipts(donor).get(number) for number in given.receipt_ids)
    assert (first.recipient, str(first.money)) == ("charity 1", "5 USDX")
    assert (second.recipient, str(second.money)) == ("charity 2", "3 USDX")
    assert first.donor == donor.address
    assert first.memo == MEMO
    assert first.timestamp == donor.now
    assert first.legal_id == donor.contract("CharityRegistry").functions.legal_id(1).call()


def test_a_receipt_is_found_by_its_transaction(donor: Session, given: GiftResult) -> None:
    receipts = Receipts(donor)
    assert [entry.id for entry in receipts.in_transaction(given.transaction)] == [1, 2]
    assert [str(gift.money) for gift in receipts.gifts_in(given.transaction)] == [
        "5 USDX",
        "3 USDX",
    ]


def test_gifts_are_found_by_donor_and_memo(world: World, donor: Session, given: GiftResult) -> None:
    funds = Funds(donor)
    funds.give(funds.plan(FundGift(CLIMATE, 1, world.usd.money("1"), MEMO)))
    other = world.session(OTHER_DONOR)
    Donations(other).give(Donations(other).plan(Gift(world.usd, (Part(1, 9),), MEMO)))
    Donations(donor).give(Donations(donor).plan(Gift(world.usd, (Part(1, 9),), b"\1" * 32)))
    found = Receipts(donor).gifts_by(donor.address, MEMO)
    assert [gift.recipient for gift in found] == ["charity 1", "charity 2", "fund 13, epoch 1"]
    assert Receipts(donor).gifts_by(donor.address, b"\3" * 32) == []
    del given


@pytest.mark.parametrize("number", [1, 2])
def test_the_chain_bears_a_receipt_out(donor: Session, given: GiftResult, number: int) -> None:
    checks = Receipts(donor).check(number)
    assert [check.what for check in checks if not check.passed] == []
    assert [check.what for check in checks] == [
        "held by its donor",
        "cannot move",
        "ReceiptMinted says the same",
        "written by Giving",
        "Giving logged the gift",
        "dated by its block",
    ]
    del given


def test_the_chain_bears_a_funds_receipt_out(world: World, donor: Session) -> None:
    funds = Funds(donor)
    plan = funds.plan(FundGift(CLIMATE, 1, world.usd.money("1"), MEMO, receipt=True))
    (number,) = funds.give(plan).receipt_ids
    receipt = Receipts(donor).get(number)
    assert (receipt.is_fund, receipt.recipient) == (True, "fund 13, epoch 1")
    assert receipt.legal_id == b"\0" * 32
    assert all(check.passed for check in Receipts(donor).check(number))


def test_a_receipt_that_was_tampered_with_fails(
    world: World, donor: Session, given: GiftResult
) -> None:
    """As if the receipt book had written another amount than the gift's: its storage is changed."""
    book = donor.contract("ReceiptBook")
    wanted = (int(world.token.address, 16) << 96) | 5_000_000
    changed = 0
    listed = donor.w3.eth.create_access_list(
        {"to": book.address, "data": book.encode_abi("receipt", args=[1])}
    )["accessList"]
    for entry in listed:
        for slot in entry["storageKeys"]:
            key = int(slot, 16)
            if int.from_bytes(donor.w3.eth.get_storage_at(book.address, key), "big") == wanted:
                forged = "0x" + (wanted + 1).to_bytes(32, "big").hex()
                world.node.request("anvil_setStorageAt", book.address, hex(key), forged)
                changed += 1
    assert changed == 1
    failed = [check.what for check in Receipts(donor).check(1) if not check.passed]
    assert failed == ["ReceiptMinted says the same", "Giving logged the gift"]
    del given


def test_the_picture_is_an_svg_that_names_the_gift(donor: Session, given: GiftResult) -> None:
    picture = Receipts(donor).artwork(1)
    root = ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(root.itertext())
    assert "USDX" in words and "Charity 1" in words
    assert Receipts(donor).metadata(1)["name"] == "DonaBlock Receipt #1"
    del given


def test_what_is_not_there_is_said_so(world: World, donor: Session) -> None:
    receipts = Receipts(donor)
    with pytest.raises(InputError, match="there is no receipt 1; none was written yet"):
        receipts.get(1)
    with pytest.raises(InputError, match="is no transaction"):
        receipts.in_transaction("0x12")
    with pytest.raises(InputError, match="is in no block of chain 31337"):
        receipts.in_transaction("0x" + "12" * 32)
    with pytest.raises(InputError, match="is no donor"):
        receipts.gifts_by("me", MEMO)
    failed = donor.w3.eth.send_transaction(
        {
            "from": world.address(DEPLOYER),
            "to": donor.contract("Giving").address,
            "data": "0x12345678",
            "gas": 100_000,
        }
    )
    donor.w3.eth.wait_for_transaction_receipt(failed)
    with pytest.raises(RevertError):
        receipts.in_transaction("0x" + bytes(failed).hex())


def test_another_contracts_log_is_no_gift(world: World, donor: Session) -> None:
    """A look-alike with the same event, at another address."""
    fake = world.own_token("Relay")
    assert fake.address not in donor.addresses.values()
    transfer = donor.send(world.token.functions.approve(fake.address, 1))
    assert Receipts(donor).gifts_in("0x" + bytes(transfer["transactionHash"]).hex()) == []


# --- reading logs in pages --------------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 2, 7, 5_000])
def test_pages_of_any_width_give_every_log_once(
    world: World, donor: Session, given: GiftResult, page: int
) -> None:
    for amount in (1, 2, 3):
        plan = Donations(donor).plan(Gift(world.usd, (Part(1, amount),), b"\1" * 32))
        Donations(donor).give(plan)
        world.node.mine(3)
    giving = donor.contract("Giving")
    found = [event["amount"] for event in scan(giving, "Donated", page=page)]
    assert found == [5_000_000, 3_000_000, 1, 2, 3]
    narrow = scan(giving, "Donated", {"charity_id": 2}, page=page)
    assert [event["amount"] for event in narrow] == [3_000_000]
    del given


def test_a_range_has_both_its_ends(donor: Session, given: GiftResult) -> None:
    giving, block = donor.contract("Giving"), given.receipt["blockNumber"]
    assert len(list(scan(giving, "Donated", from_block=block, to_block=block))) == 2
    assert list(scan(giving, "Donated", from_block=block + 1)) == []
    assert list(scan(giving, "Donated", to_block=block - 1)) == []
