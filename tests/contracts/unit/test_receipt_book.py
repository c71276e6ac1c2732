"""ReceiptBook: soulbound receipts, their metadata and their picture."""

from __future__ import annotations

import base64
import json
import random
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts import deployers, oddities, roles
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.money import send
from tests.contracts.unit.test_writing import GOALS, exact, safe

ZERO = "0x" + "00" * 20
NO_MEMO = b"\0" * 32
MEMO = roles.keccak(text="memo")
ONE = 10**18
LARGEST_ID = 2**32 - 1
LARGEST_EPOCH = 2**27 - 1
LARGEST_AMOUNT = 2**96 - 1
CODE_LIMIT = 24_576
SVG = "{http://www.w3.org/2000/svg}"
GREEN = "0F5E56"
RECEIPT = ("donor", "recipient_id", "epoch", "asset", "amount", "memo", "timestamp", "legal_id")


@pytest.fixture(scope="module")
def giving():
    """A minter: the direct gifts."""
    return roles.address("giving")


@pytest.fixture(scope="module")
def funds():
    """A minter: the index funds."""
    return roles.address("funds")


@pytest.fixture(scope="module")
def book(registry, giving, funds):
    return deployers.RECEIPT_BOOK.deploy(registry, [giving, funds], "BNB")


@pytest.fixture(scope="module")
def charity_id(verify, charity):
    return verify(charity)


@pytest.fixture(scope="module")
def mint(book, giving, donor, charity_id):
    """mint(...) -> the number of a receipt; what is not given is as in most gifts."""

    def mint(
        *, to=donor, recipient=charity_id, epoch=0, asset=ZERO, amount=15 * ONE // 10, memo=MEMO
    ):
        return book.mint(to, recipient, epoch, asset, amount, memo, sender=giving)

    return mint


def plain(receipt):
    """A receipt as a dict."""
    return dict(zip(RECEIPT, receipt, strict=True))


class Reading:
    """What a wallet reads of a receipt: metadata, attributes, picture, and its texts."""

    def __init__(self, book, token_id):
        self.address = book.tokenURI(token_id)
        self.metadata = json.loads(unpacked(self.address, "application/json"))
        items = self.metadata["attributes"]
        assert all(set(item) == {"trait_type", "value"} for item in items)
        self.attributes = {item["trait_type"]: item["value"] for item in items}
        assert len(self.attributes) == len(items)
        self.document = unpacked(self.metadata["image"], "image/svg+xml")
        self.picture = ET.fromstring(self.document)
        self.texts = list(self.picture.iter(f"{SVG}text"))
        self.lines = ["".join(item.itertext()) for item in self.texts]


def unpacked(address, kind):
    """The ASCII text of a data address."""
    head, _, body = address.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(body, validate=True).decode("ascii")


@pytest.fixture(scope="module")
def read(book):
    return lambda token_id: Reading(book, token_id)


# --- deployment ---


def test_the_constructor_fixes_everything(book, registry, giving, funds):
    assert book.REGISTRY() == registry.address
    assert book.NATIVE_SYMBOL() == "BNB"
    assert book.minters() == [giving, funds]
    assert (book.name(), book.symbol(), book.token_count()) == ("DonaBlock Receipt", "DBR", 0)


def test_a_zero_registry_is_refused(giving):
    with boa.reverts("receipts: zero registry"):
        deployers.RECEIPT_BOOK.deploy(ZERO, [giving], "ETH")


def test_a_book_without_minters_is_refused(registry):
    with boa.reverts("receipts: no minter"):
        deployers.RECEIPT_BOOK.deploy(registry, [], "ETH")


def test_a_zero_minter_is_refused(registry, giving):
    with boa.reverts("receipts: zero minter"):
        deployers.RECEIPT_BOOK.deploy(registry, [giving, ZERO], "ETH")


def test_a_minter_named_twice_is_refused(registry, giving, funds):
    with boa.reverts("receipts: minter named twice"):
        deployers.RECEIPT_BOOK.deploy(registry, [giving, funds, giving], "ETH")


def test_an_empty_native_symbol_is_refused(registry, giving):
    with boa.reverts("receipts: no native symbol"):
        deployers.RECEIPT_BOOK.deploy(registry, [giving], "")


@pytest.mark.parametrize("symbol", ["<b>", 'E"TH', "E&H", "E TH", "E\nTH", "E'", "E\\"])
def test_an_unsafe_native_symbol_is_refused(registry, giving, symbol):
    with boa.reverts("receipts: unsafe native symbol"):
        deployers.RECEIPT_BOOK.deploy(registry, [giving], symbol)


def test_eight_minters_may_all_mint(registry, donor, stranger):
    minters = [roles.address(f"minter {number}") for number in range(8)]
    book = deployers.RECEIPT_BOOK.deploy(registry, minters, "ETH")
    for number, minter in enumerate(minters, 1):
        assert book.is_minter(minter)
        assert book.mint(donor, 1, 0, ZERO, ONE, MEMO, sender=minter) == number
    assert not book.is_minter(stranger)
    assert not book.is_minter(ZERO)


def test_a_ninth_minter_is_refused(registry):
    minters = [roles.address(f"minter {number}") for number in range(9)]
    with pytest.raises(boa.BoaError):
        deployers.RECEIPT_BOOK.deploy(registry, minters, "ETH")


def test_the_code_fits_a_chain(registry):
    minters = [roles.address(f"minter {number}") for number in range(8)]
    book = deployers.RECEIPT_BOOK.deploy(registry, minters, "EIGHTEEN"[:8])
    assert len(boa.env.get_code(book.address)) <= CODE_LIMIT


def test_nothing_is_there_to_administer(book):
    assert function_names(book) == {
        *{"REGISTRY", "NATIVE_SYMBOL", "minters", "is_minter", "token_count", "mint", "receipt"},
        *{"name", "symbol", "tokenURI", "supportsInterface", "locked", "ownerOf", "balanceOf"},
        *{"transferFrom", "safeTransferFrom", "approve", "setApprovalForAll"},
        *{"getApproved", "isApprovedForAll"},
    }


def test_readers_of_logs_find_these_events(book):
    assert event_signatures(book) == {
        "Transfer": "*address sender, *address receiver, *uint256 token_id",
        "Locked": "uint256 tokenId",
        "ReceiptMinted": "*uint256 token_id, *address donor, *uint256 recipient_id, "
        "uint256 epoch, address asset, uint256 amount, bytes32 memo, address minter",
    }


# --- mint: refused ---


def test_nobody_but_a_minter_mints(book, donor, stranger, registry, timelock, registrar):
    for account in (stranger, donor, registry.address, timelock, registrar, book.address):
        with boa.reverts("receipts: not a minter"):
            book.mint(donor, 1, 0, ZERO, ONE, MEMO, sender=account)


def test_a_zero_donor_is_refused(mint):
    with boa.reverts("receipts: zero donor"):
        mint(to=ZERO)


@pytest.mark.parametrize("recipient", [LARGEST_ID + 1, 2**64, 2**256 - 1])
def test_a_recipient_id_over_32_bits_is_refused(mint, recipient):
    with boa.reverts("receipts: recipient id too large"):
        mint(recipient=recipient)


@pytest.mark.parametrize("epoch", [LARGEST_EPOCH + 1, 2**59, 2**256 - 1])
def test_an_epoch_over_27_bits_is_refused(mint, epoch):
    with boa.reverts("receipts: epoch too large"):
        mint(epoch=epoch)


@pytest.mark.parametrize("amount", [LARGEST_AMOUNT + 1, 2**255, 2**256 - 1])
def test_an_amount_over_96_bits_is_refused(mint, amount):
    with boa.reverts("receipts: amount too large"):
        mint(amount=amount)


def test_coin_sent_along_is_refused(book, giving, donor):
    with boa.reverts():
        book.mint(donor, 1, 0, ZERO, ONE, MEMO, sender=giving, value=1)
    assert send(book, 1, sender=giving) == ""


# --- mint ---


def test_a_receipt_says_what_was_given(book, mint, donor, charity_id, now, stablecoin):
    token_id = mint(asset=stablecoin.address, amount=25_000_000)
    assert plain(book.receipt(token_id)) == {
        "donor": donor,
        "recipient_id": charity_id,
        "epoch": 0,
        "asset": stablecoin.address,
        "amount": 25_000_000,
        "memo": MEMO,
        "timestamp": now,
        "legal_id": roles.keccak(text="GB:CHC:1"),
    }


def test_a_receipt_of_a_fund_has_no_legal_id(book, mint, charity_id):
    receipt = plain(book.receipt(mint(recipient=charity_id, epoch=3)))
    assert (receipt["epoch"], receipt["legal_id"]) == (3, NO_MEMO)


def test_a_mint_logs_the_transfer_the_lock_and_the_gift(book, mint, giving, donor, charity_id):
    token_id = mint(epoch=5, amount=7)
    assert logged(book) == [
        entry(book, "Transfer", sender=ZERO, receiver=donor, token_id=token_id),
        entry(book, "Locked", tokenId=token_id),
        entry(
            book,
            "ReceiptMinted",
            token_id=token_id,
            donor=donor,
            recipient_id=charity_id,
            epoch=5,
            asset=ZERO,
            amount=7,
            memo=MEMO,
            minter=giving,
        ),
    ]


def test_receipts_are_numbered_from_one_across_minters(book, giving, funds, donor, stranger):
    for number, (minter, owner) in enumerate(
        [(giving, donor), (funds, donor), (giving, stranger)], 1
    ):
        assert book.mint(owner, 1, 0, ZERO, ONE, MEMO, sender=minter) == number
        assert book.token_count() == number
        assert book.ownerOf(number) == owner
    assert (book.balanceOf(donor), book.balanceOf(stranger)) == (2, 1)


def test_a_contract_gets_its_receipt_unasked(book, mint):
    """A donor that is a contract need not know about receipts."""
    wallet = deployers.RELAY.deploy()
    assert book.ownerOf(mint(to=wallet.address)) == wallet.address


def test_a_receipt_without_memo_leaves_none_of_another(book, mint):
    first, second, third = mint(), mint(memo=NO_MEMO), mint()
    memos = [plain(book.receipt(token_id))["memo"] for token_id in (first, second, third)]
    assert memos == [MEMO, NO_MEMO, MEMO]


@pytest.mark.parametrize("recipient", [0, LARGEST_ID])
@pytest.mark.parametrize("epoch", [1, LARGEST_EPOCH])
@pytest.mark.parametrize("amount", [0, LARGEST_AMOUNT])
@pytest.mark.parametrize("account", ["0x" + "00" * 19 + "01", "0x" + "fF" * 20])
def test_the_largest_and_the_smallest_figures_fit(book, mint, recipient, epoch, amount, account):
    receipt = plain(
        book.receipt(
            mint(to=account, recipient=recipient, epoch=epoch, asset=account, amount=amount)
        )
    )
    assert str(receipt.pop("donor")).lower() == str(receipt.pop("asset")).lower() == account.lower()
    assert receipt == {
        "recipient_id": recipient,
        "epoch": epoch,
        "amount": amount,
        "memo": MEMO,
        "timestamp": boa.env.timestamp,
        "legal_id": NO_MEMO,
    }


@settings(deadline=None, max_examples=200)
@given(
    to=st.integers(1, 2**160 - 1),
    recipient=st.integers(0, LARGEST_ID),
    epoch=st.integers(1, LARGEST_EPOCH),
    asset=st.integers(0, 2**160 - 1),
    amount=st.integers(0, LARGEST_AMOUNT),
    memo=st.binary(min_size=32, max_size=32),
)
def test_every_figure_is_read_as_it_was_written(
    book, mint, to, recipient, epoch, asset, amount, memo
):
    accounts = {"to": f"0x{to:040x}", "asset": f"0x{asset:040x}"}
    figures = {"epoch": epoch, "amount": amount, "memo": memo}
    with boa.env.anchor():
        receipt = plain(book.receipt(mint(recipient=recipient, **accounts, **figures)))
    assert {name: receipt[name] for name in figures} == figures
    assert (int(receipt["donor"], 16), int(receipt["asset"], 16)) == (to, asset)
    assert (receipt["recipient_id"], receipt["timestamp"]) == (recipient, boa.env.timestamp)


@pytest.mark.parametrize("timestamp", [2**32 - 1, 2**32, 2**37 - 1])
def test_a_timestamp_far_ahead_touches_no_other_figure(book, mint, timestamp):
    with boa.env.anchor():
        boa.env.timestamp = timestamp
        receipt = plain(book.receipt(mint(epoch=1)))
    assert (receipt["timestamp"], receipt["epoch"]) == (timestamp, 1)


def test_a_revoked_charitys_receipts_can_still_be_read(book, mint, registry, timelock, charity_id):
    token_id = mint()
    before = (book.receipt(token_id), book.tokenURI(token_id))
    registry.revoke(charity_id, NO_MEMO, sender=timelock)
    assert (book.receipt(token_id), book.tokenURI(token_id)) == before


# --- it never moves ---


def movers(book, token_id, owner, other):
    return [
        (book.transferFrom, (owner, other, token_id)),
        (book.safeTransferFrom, (owner, other, token_id)),
        (book.safeTransferFrom, (owner, other, token_id, b"data")),
        (book.approve, (other, token_id)),
        (book.setApprovalForAll, (other, True)),
        (book.setApprovalForAll, (other, False)),
    ]


@pytest.mark.parametrize("index", range(6))
def test_nobody_moves_a_receipt(book, mint, giving, donor, stranger, timelock, index):
    token_id = mint()
    for sender in (donor, stranger, giving, timelock):
        for number in (token_id, token_id + 1):
            move, arguments = movers(book, number, donor, stranger)[index]
            with boa.reverts("receipts: soulbound"):
                move(*arguments, sender=sender)
    assert book.ownerOf(token_id) == donor


def test_coin_sent_with_a_transfer_comes_back(book, mint, donor, stranger):
    token_id, before = mint(), boa.env.get_balance(donor)
    with boa.reverts("receipts: soulbound"):
        book.transferFrom(donor, stranger, token_id, sender=donor, value=1)
    assert (boa.env.get_balance(donor), boa.env.get_balance(book.address)) == (before, 0)


# --- ERC-721, ERC-5192, ERC-165 ---


@pytest.mark.parametrize("view", ["ownerOf", "getApproved", "locked", "tokenURI", "receipt"])
@pytest.mark.parametrize("beyond", [0, 1, 2**255])
def test_a_receipt_that_is_not_there_is_not_read(book, mint, view, beyond):
    token_id = mint()
    missing = 0 if beyond == 0 else token_id + beyond
    with boa.reverts("receipts: no such receipt"):
        getattr(book, view)(missing)


def test_a_receipt_is_locked_and_approved_for_nobody(book, mint, donor, stranger):
    token_id = mint()
    assert book.locked(token_id) is True
    assert book.getApproved(token_id) == ZERO
    assert book.isApprovedForAll(donor, stranger) is False


def test_the_balance_of_zero_is_not_asked(book):
    with boa.reverts("receipts: zero owner"):
        book.balanceOf(ZERO)


def test_whoever_has_no_receipt_has_a_balance_of_zero(book, stranger):
    assert book.balanceOf(stranger) == 0


@pytest.mark.parametrize(
    ("interface", "is_supported"),
    [
        ("01ffc9a7", True),  # ERC-165
        ("80ac58cd", True),  # ERC-721
        ("5b5e139f", True),  # ERC-721 metadata
        ("b45a3c0e", True),  # ERC-5192
        ("780e9d63", False),  # ERC-721 enumerable
        ("2a55205a", False),  # ERC-2981
        ("00000000", False),
        ("ffffffff", False),
    ],
)
def test_it_names_the_interfaces_it_has(book, interface, is_supported):
    assert book.supportsInterface(bytes.fromhex(interface)) is is_supported


# --- metadata ---


def test_the_metadata_of_a_gift_to_a_charity(read, mint, donor, charity_id, stablecoin):
    token_id = mint(asset=stablecoin.address, amount=25_500_000)
    seen = read(token_id)
    assert set(seen.metadata) == {"name", "description", "attributes", "image"}
    assert seen.metadata["name"] == f"DonaBlock Receipt #{token_id}"
    assert seen.metadata["description"] == (
        f"Receipt for a gift of 25.5 USDX to Charity {charity_id} on 2027-01-15. "
        "It stays with its donor and cannot be transferred."
    )
    assert seen.attributes == {
        "Recipient kind": "charity",
        "Legal id": "0x" + roles.keccak(text="GB:CHC:1").hex(),
        "Recipient": f"Charity {charity_id}",
        "Recipient id": str(charity_id),
        "Asset": stablecoin.address,
        "Symbol": "USDX",
        "Amount": "25.5",
        "Base units": "25500000",
        "Date": "2027-01-15",
        "Memo": "0x" + MEMO.hex(),
        "Donor": donor,
    }


def test_the_metadata_of_a_gift_to_a_goals_fund(read, mint, donor):
    assert read(mint(recipient=4, epoch=12, memo=NO_MEMO)).attributes == {
        "Recipient kind": "index fund",
        "Epoch": "12",
        "Recipient": "Quality Education",
        "Recipient id": "4",
        "Asset": "native coin",
        "Symbol": "BNB",
        "Amount": "1.5",
        "Base units": "1500000000000000000",
        "Date": "2027-01-15",
        "Memo": "0x" + "00" * 32,
        "Donor": donor,
    }


@pytest.mark.parametrize("decimals", range(19))
def test_amounts_are_written_exactly(read, mint, decimals):
    token = deployers.PLAIN_TOKEN.deploy("Exact", "XCT", decimals)
    for amount in (0, 123_456_789_012_345_678, random.Random(decimals).getrandbits(96)):
        seen = read(mint(asset=token.address, amount=amount))
        whole, fraction = exact(amount, decimals)
        assert seen.attributes["Amount"] == f"{whole}{fraction}"
        assert seen.attributes["Base units"] == str(amount)
        assert f"{whole:,}{fraction}" in seen.lines


@pytest.mark.parametrize("timestamp", [951_782_400, 1_835_308_800, 4_107_542_399, 2**37 - 1])
def test_dates_are_utc(read, mint, timestamp):
    with boa.env.anchor():
        boa.env.timestamp = timestamp
        seen = read(mint(epoch=1))
    date = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    assert seen.attributes["Date"] == date
    assert date in seen.lines


def test_an_asset_without_decimals_counts_in_base_units(read, mint):
    asset = oddities.token(oddities.text(b"ODD"), oddities.number(255))
    seen = read(mint(asset=asset, amount=1_234_567))
    assert seen.attributes["Amount"] == "1234567"
    assert "gift of 1234567 base units of ODD to" in seen.metadata["description"]
    assert {"1,234,567", "base units of ODD"} <= set(seen.lines)


# --- the picture ---


def test_the_picture_says_what_a_charitys_receipt_says(book, read, mint, charity_id, donor):
    token_id = mint()
    legal_id, memo = "0x" + roles.keccak(text="GB:CHC:1").hex(), "0x" + MEMO.hex()
    assert read(token_id).lines == [
        *("DonaBlock", "RECEIPT", f"No. {token_id}"),
        *("GIFT", "1.5", "BNB"),
        *("TO", f"Charity {charity_id}", f"Legal id {legal_id[:10]}...{legal_id[-8:]}"),
        *("DATE (UTC)", "2027-01-15", "DONOR", f"{donor[:10]}...{donor[-8:]}"),
        *("ASSET", "native coin", "MEMO", f"{memo[:10]}...{memo[-8:]}"),
        "THIS RECEIPT STAYS WITH ITS DONOR FOR GOOD",
        f"Chain {boa.env.evm.patch.chain_id} {book.address}",
    ]


def test_the_picture_names_a_token_by_the_ends_of_its_address(read, mint, stablecoin):
    lines = read(mint(asset=stablecoin.address)).lines
    at = lines.index("ASSET")
    assert lines[at + 1] == f"{stablecoin.address[:10]}...{stablecoin.address[-8:]}"


@pytest.mark.parametrize("epoch", [1, 7, LARGEST_EPOCH])
def test_the_picture_names_the_epoch_of_a_fund_without_a_goal(read, mint, epoch):
    lines = read(mint(recipient=18, epoch=epoch)).lines
    at = lines.index("TO")
    assert lines[at + 1 : at + 3] == ["Index fund 18", f"Epoch {epoch}"]


@pytest.mark.parametrize(
    ("amount", "size"),
    [(1, 72), (9_999, 72), (1_234_567, 72), (123_456_789, 67), (LARGEST_AMOUNT // ONE, 52)],
)
def test_the_amount_is_as_large_as_it_fits(read, mint, amount, size):
    """72 pixels, or 7,400 by 10 for each character and 6 for each of the fraction."""
    seen = read(mint(amount=amount * ONE))
    (text,) = [item for item in seen.texts if item.get("y") == str(245 + size // 3)]
    assert text.get("font-size") == str(size)
    assert "".join(text.itertext()) == f"{amount:,}"
    assert size == min(72, 7_400 // (10 * len(f"{amount:,}")))


def test_short_names_are_written_at_24_pixels(read, mint):
    seen = read(mint(recipient=18, epoch=1))
    sizes = {"".join(item.itertext()): item.get("font-size") for item in seen.texts}
    assert (sizes["BNB"], sizes["Index fund 18"]) == ("24", "24")


@pytest.mark.parametrize("goal", range(1, 18))
def test_a_goals_fund_has_its_number_its_name_and_its_colour(read, mint, goal):
    seen = read(mint(recipient=goal, epoch=2))
    name, colour = GOALS[goal - 1]
    assert {str(goal), name, f"Index fund {goal}, epoch 2"} <= set(seen.lines)
    # the accent, and the goal's own place in the band of all goals, twice: it stands out
    assert f"fill='none' stroke='#{colour}'" in seen.document
    places = re.findall(r"<path stroke='#(\w{6})' d='M(\d+) 704h28'/>", seen.document)
    band = [(shade, str(62 + 28 * index)) for index, (_, shade) in enumerate(GOALS)]
    assert places == [*band, band[goal - 1]]


@pytest.mark.parametrize(
    ("recipient", "epoch"), [(1, 0), (17, 0), (0, 1), (18, 1), (LARGEST_ID, 9)]
)
def test_other_recipients_have_the_houses_green_and_a_heart(read, mint, recipient, epoch):
    seen = read(mint(recipient=recipient, epoch=epoch))
    title = f"Index fund {recipient}" if epoch else f"Charity {recipient}"
    assert title in seen.lines
    assert seen.attributes["Recipient"] == title
    assert f"fill='none' stroke='#{GREEN}'" in seen.document
    assert "<path fill='#fff'" in seen.document
    assert "stroke-width='20'" not in seen.document


def test_a_receipt_without_memo_says_so(read, mint):
    shown = read(mint(memo=NO_MEMO)).lines
    assert shown[shown.index("MEMO") + 1] == "none"


def test_the_picture_asks_nobody_for_anything(read, mint):
    """No script, no link, no address but the name of SVG itself."""
    seen = read(mint())
    tags = {item.tag.removeprefix(SVG) for item in seen.picture.iter()}
    assert tags == {"svg", "style", "defs", "g", "use", "ellipse", "rect", "path", "text", "tspan"}
    for item in seen.picture.iter():
        for name, value in item.attrib.items():
            assert not name.startswith("on")
            assert name != "href" or value.startswith("#")
    assert "url(" not in seen.document
    assert seen.document.count("//") == 1


# in a wide font a digit, bold, takes 0.7 of its size, and so do letters on the average
WIDE = 0.7
FRAME = (25, 575)
AMOUNTS = {"none": 0, "the largest": LARGEST_AMOUNT, "one over a million": 10**24 + 1}


@pytest.mark.parametrize("amount", AMOUNTS)
@pytest.mark.parametrize("decimals", [0, 6, 18, 36, 255])
def test_no_line_leaves_the_frame_or_is_too_small(read, mint, decimals, amount):
    asset = oddities.token(oddities.text(b"S" * 16), oddities.number(decimals))
    figures = {"asset": asset, "amount": AMOUNTS[amount]}
    for recipient, epoch in ((9, LARGEST_EPOCH), (LARGEST_ID, 1)):
        for item in read(mint(recipient=recipient, epoch=epoch, **figures)).texts:
            size = item.get("font-size")
            if size is None:
                continue
            parts = [(size, item.text), *((part.get("font-size"), part.text) for part in item)]
            spaced = len(item.text) * float(item.get("letter-spacing", 0))
            width = spaced + sum(WIDE * float(at or size) * len(text or "") for at, text in parts)
            x, classes = float(item.get("x")), item.get("class", "").split()
            left = x - width / 2 if "m" in classes else x - width if "e" in classes else x
            assert FRAME[0] <= left, "".join(item.itertext())
            assert left + width <= FRAME[1], "".join(item.itertext())
            assert float(size) >= 15, "".join(item.itertext())


HOSTILE = {
    "an element": b"</text><script>alert(1)</script>",
    "an attribute": b"'/><image href='x' onerror='y'/>",
    "JSON": b'"}],"image":"javascript:0","x":"',
    "entities": b"&quot;&#60;svg&#62;&xxe;",
    "a declaration": b"<!ENTITY x SYSTEM 'file:'>]]>",
    "lines and escapes": b'A\r\nB\tC\\u003c\\"',
    "control characters": b"\xe2\x80\xae\xef\xbb\xbf\xff\xfe\x00\x1b[31m",
    "nothing else": b"<" * 32,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("form", ["string", "bytes32"])
def test_a_hostile_symbol_stays_text(read, mint, kind, form):
    raw = HOSTILE[kind][:32]
    code = oddities.text(HOSTILE[kind])
    if form == "bytes32":
        code = oddities.answer(raw.ljust(32, b"\0"))
        raw = raw.split(b"\0")[0]
    honest = read(mint(asset=oddities.token(oddities.text(b"USDC"), oddities.number(6))))
    seen = read(mint(asset=oddities.token(code, oddities.number(6))))
    name = safe(raw)
    assert seen.attributes["Symbol"] == name
    assert name in seen.lines
    assert set(seen.metadata) == set(honest.metadata)
    assert list(seen.attributes) == list(honest.attributes)
    shape, plain_shape = ([item.tag for item in one.picture.iter()] for one in (seen, honest))
    assert shape == plain_shape


BAD_ANSWERS = {
    "nothing": oddities.SILENT,
    "a revert": oddities.REVERTING,
    "all its gas": oddities.BURNING,
    "a megabyte": oddities.MEGABYTE,
    "a byte": oddities.answer(b"x"),
    "three words of ones": oddities.answer(b"\xff" * 96),
}


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_a_token_that_answers_badly_still_has_its_receipts(read, mint, kind):
    asset = oddities.token(BAD_ANSWERS[kind], BAD_ANSWERS[kind])
    seen = read(mint(asset=asset, amount=12))
    assert (seen.attributes["Symbol"], seen.attributes["Amount"]) == ("token", "12")
    assert "base units of token" in seen.lines


def test_an_asset_that_is_no_contract_still_has_its_receipts(read, mint, stranger):
    assert read(mint(asset=stranger)).attributes["Symbol"] == "token"


# --- what it costs ---

URI_GAS = 1_000_000
MINT_GAS = 95_000
# what titanoboa leaves out between the calls of one test: counter and balance are read and
# written as if a second time in one transaction, 100 instead of 5,000 gas each
COLD = 2 * 4_900
LARGEST = [(LARGEST_ID, 0), (12, LARGEST_EPOCH), (LARGEST_ID, LARGEST_EPOCH)]


def test_a_receipt_is_written_within_its_budget(book, mint):
    mint()
    mint()
    assert book._computation.get_gas_used() + COLD <= MINT_GAS


@pytest.mark.parametrize("kind", ["a name", "all its gas", "64 kB of zeros"])
def test_a_receipt_is_read_within_its_budget(book, mint, kind):
    answers = {"a name": oddities.text(b"A" * 32), "all its gas": oddities.BURNING}
    code = answers.get(kind, oddities.LONG_ZEROS)
    asset = oddities.token(code, oddities.BURNING if kind == "all its gas" else oddities.number(18))
    token_id = mint(recipient=12, epoch=LARGEST_EPOCH, asset=asset, amount=LARGEST_AMOUNT)
    book.tokenURI(token_id)
    assert book._computation.get_gas_used() <= URI_GAS


@pytest.mark.parametrize(("recipient", "epoch"), LARGEST)
def test_the_address_of_a_receipt_is_short_enough_for_gateways(read, mint, recipient, epoch):
    asset = oddities.token(oddities.text(b"A" * 32), oddities.number(18))
    seen = read(mint(recipient=recipient, epoch=epoch, asset=asset, amount=LARGEST_AMOUNT))
    assert len(seen.address) < 8_192
