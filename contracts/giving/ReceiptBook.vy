# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title ReceiptBook
@license AGPL-3.0-only
@author DonaBlock
@notice Receipts for gifts: ERC-721 tokens that never move (ERC-5192), written
        only inside the gift itself, when its donor asks. A receipt says who
        gave, to whom, what and when; its picture and its metadata are made on
        chain, so it can be read as long as the chain can.

        `epoch` tells the kinds apart: 0 is a gift to the charity
        `recipient_id`, anything else a gift to the index fund `recipient_id`
        in that epoch. `asset` zero is the chain's native coin.
@custom:exit Nothing can be put in, so nobody has to get out: no function takes
             the native coin, and a receipt stays with its donor for good. A
             donor who wants no receipt does not ask for one.
@custom:trust The minters, named at deployment and never changed, are trusted
              to write receipts only for gifts that were made. Nobody else
              writes one; nobody moves, changes or destroys one. There is no
              owner. Symbol and decimals are the token's own word at the time
              of reading: the token contract's address is what counts.
"""

# ================================ INTERFACES ================================

from ethereum.ercs import IERC165
from ethereum.ercs import IERC721

from interfaces import ICharityRegistry
from interfaces import IReceiptBook

implements: IERC165
implements: IERC721
implements: IReceiptBook

# ================================= MODULES ==================================

from contracts.modules import base64
from contracts.modules import receipt_art
from contracts.modules import text
from contracts.modules import token_facts

# ================================= STRUCTS ==================================

# @dev A receipt as it is stored.
#      `head` is donor 160 | recipient id 32 | epoch 27 | timestamp 37,
#      `gift` is asset 160 | amount 96, both from the uppermost bit. A memo of
#      zero is not written.
struct Entry:
    head: uint256
    gift: uint256
    memo: bytes32


# ================================ CONSTANTS =================================

# @dev ERC-721 metadata: what the collection is called.
name: public(constant(String[17])) = "DonaBlock Receipt"
# @dev ERC-721 metadata: its short name.
symbol: public(constant(String[3])) = "DBR"

# @dev ERC-165, ERC-721, ERC-721 metadata, ERC-5192.
SUPPORTED_INTERFACES: constant(bytes4[4]) = [
    0x01ffc9a7,
    0x80ac58cd,
    0x5b5e139f,
    0xb45a3c0e,
]

# @dev Widths in an Entry.
RECIPIENT_BITS: constant(uint256) = 32
EPOCH_BITS: constant(uint256) = 27
TIMESTAMP_BITS: constant(uint256) = 37
AMOUNT_BITS: constant(uint256) = 96

# @dev How the native coin is written where a token's address is expected, and
#      its decimals on every EVM chain.
NATIVE: constant(address) = empty(address)
NATIVE_DECIMALS: constant(uint256) = 18

MAX_MINTERS: constant(uint256) = 8

# @dev Longest of what the metadata is made of. "base units of" stands before a
#      symbol; an amount is at most 39 digits and a fraction.
MAX_UNIT: constant(uint256) = 31
MAX_AMOUNT: constant(uint256) = 79
MAX_TRAIT: constant(uint256) = 124
MAX_RECIPIENT: constant(uint256) = 248
# @dev 4 letters for every 3 bytes of the picture.
MAX_IMAGE: constant(uint256) = 8_192
MAX_JSON: constant(uint256) = 15_360
# @dev 4 letters for every 3 bytes of JSON, and 29 in front.
MAX_URI: constant(uint256) = 20_509

# ================================ IMMUTABLES ================================

# @dev Keeps the charities' legal-id hashes, which never change.
REGISTRY: public(immutable(address))
# @dev What the chain's native coin is called.
NATIVE_SYMBOL: public(immutable(String[8]))
# @dev The contracts that may write receipts.
MINTERS: immutable(DynArray[address, MAX_MINTERS])

# ================================= STORAGE ==================================

# @dev How many receipts were written; they are numbered from 1.
token_count: public(uint256)
_entries: HashMap[uint256, Entry]
_balances: HashMap[address, uint256]


# =============================== CONSTRUCTOR ================================

@deploy
def __init__(
    registry: address,
    minters: DynArray[address, MAX_MINTERS],
    native_symbol: String[8],
):
    """
    @param registry CharityRegistry.
    @param minters The contracts that may write receipts; they may be deployed
                   later, at addresses known now.
    @param native_symbol What the chain's native coin is called, such as "ETH".
    """
    assert registry != empty(address), "receipts: zero registry"
    assert len(minters) != 0, "receipts: no minter"
    named: DynArray[address, MAX_MINTERS] = []
    for minter: address in minters:
        assert minter != empty(address), "receipts: zero minter"
        assert minter not in named, "receipts: minter named twice"
        named.append(minter)
    # It is written into pictures as it is.
    assert len(native_symbol) != 0, "receipts: no native symbol"
    assert (
        text._safe_name(convert(native_symbol, Bytes[8])) == native_symbol
    ), "receipts: unsafe native symbol"
    REGISTRY = registry
    MINTERS = minters
    NATIVE_SYMBOL = native_symbol


# ================================= MINTERS ==================================

@external
@reentrant
def mint(
    donor: address,
    recipient_id: uint256,
    epoch: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
) -> uint256:
    """
    @notice Writes a receipt, in the transaction of the gift.
    @dev Reentrant, since it calls nobody: a contract that gave is not asked
         whether it can hold a receipt (`onERC721Received`), because it need
         not do anything with it ever.
    @param donor Who gave.
    @param recipient_id The charity, or the index fund.
    @param epoch 0, or the epoch of the fund.
    @param asset The token, or zero for the native coin.
    @param amount What the recipient received, in the asset's smallest unit.
    @param memo The donor's reference.
    @return uint256 The receipt's number.
    """
    assert msg.sender in MINTERS, "receipts: not a minter"
    assert donor != empty(address), "receipts: zero donor"
    assert (
        recipient_id >> RECIPIENT_BITS == 0
    ), "receipts: recipient id too large"
    assert epoch >> EPOCH_BITS == 0, "receipts: epoch too large"
    assert amount >> AMOUNT_BITS == 0, "receipts: amount too large"

    token_id: uint256 = self.token_count + 1
    self.token_count = token_id
    self._balances[donor] += 1
    # A timestamp fills 37 bits in the year 6325.
    self._entries[token_id].head = (
        (
            convert(donor, uint256)
            << (RECIPIENT_BITS + EPOCH_BITS + TIMESTAMP_BITS)
        )
        | (recipient_id << (EPOCH_BITS + TIMESTAMP_BITS))
        | (epoch << TIMESTAMP_BITS)
        | block.timestamp
    )
    self._entries[token_id].gift = (
        convert(asset, uint256) << AMOUNT_BITS
    ) | amount
    if memo != empty(bytes32):
        self._entries[token_id].memo = memo

    log IERC721.Transfer(
        sender=empty(address), receiver=donor, token_id=token_id
    )
    log IReceiptBook.Locked(tokenId=token_id)
    log IReceiptBook.ReceiptMinted(
        token_id=token_id,
        donor=donor,
        recipient_id=recipient_id,
        epoch=epoch,
        asset=asset,
        amount=amount,
        memo=memo,
        minter=msg.sender,
    )
    return token_id


# ============================ NOBODY: TRANSFERS =============================

# ERC-721 declares three of these payable. They always revert, so what is sent
# along comes back.


@external
@payable
def transferFrom(owner: address, receiver: address, token_id: uint256):
    """
    @notice Always reverts: a receipt stays with its donor.
    @param owner Ignored.
    @param receiver Ignored.
    @param token_id Ignored.
    """
    raise "receipts: soulbound"


@external
@payable
def safeTransferFrom(
    owner: address,
    receiver: address,
    token_id: uint256,
    data: Bytes[1024] = b"",
):
    """
    @notice Always reverts: a receipt stays with its donor.
    @param owner Ignored.
    @param receiver Ignored.
    @param token_id Ignored.
    @param data Ignored.
    """
    raise "receipts: soulbound"


@external
@payable
def approve(approved: address, token_id: uint256):
    """
    @notice Always reverts: there is nothing to approve.
    @param approved Ignored.
    @param token_id Ignored.
    """
    raise "receipts: soulbound"


@external
def setApprovalForAll(operator: address, is_approved: bool):
    """
    @notice Always reverts: there is nothing to approve.
    @param operator Ignored.
    @param is_approved Ignored.
    """
    raise "receipts: soulbound"


# =================================== VIEWS ==================================

@external
@view
def receipt(token_id: uint256) -> IReceiptBook.Receipt:
    """
    @notice Reads a receipt; reverts if there is none.
    @param token_id Its number.
    @return Receipt What it says.
    """
    return self._receipt(token_id)


@external
@view
def tokenURI(token_id: uint256) -> String[MAX_URI]:
    """
    @notice Metadata and picture of a receipt, whole, without any server.
    @param token_id Its number.
    @return String A data address of JSON, which holds a data address of SVG.
    """
    return concat(
        "data:application/json;base64,",
        base64._encode(convert(self._metadata(token_id), Bytes[MAX_JSON])),
    )


@external
@view
def ownerOf(token_id: uint256) -> address:
    """
    @notice Whose receipt it is; reverts if there is none.
    @param token_id Its number.
    @return address The donor.
    """
    return self._owner(token_id)


@external
@view
def balanceOf(owner: address) -> uint256:
    """
    @notice How many receipts an account has.
    @param owner The account, not zero.
    @return uint256 The number.
    """
    assert owner != empty(address), "receipts: zero owner"
    return self._balances[owner]


@external
@view
def locked(token_id: uint256) -> bool:
    """
    @notice ERC-5192: whether a receipt cannot move; reverts if there is none.
    @param token_id Its number.
    @return bool True.
    """
    self._owner(token_id)
    return True


@external
@view
def getApproved(token_id: uint256) -> address:
    """
    @notice Who may move a receipt; reverts if there is none.
    @param token_id Its number.
    @return address Nobody: zero.
    """
    self._owner(token_id)
    return empty(address)


@external
@view
def isApprovedForAll(owner: address, operator: address) -> bool:
    """
    @notice Whether somebody may move an account's receipts.
    @param owner Ignored.
    @param operator Ignored.
    @return bool False.
    """
    return False


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @notice ERC-165.
    @param interface_id The interface.
    @return bool Whether it is one of ERC-165, ERC-721, its metadata, ERC-5192.
    """
    return interface_id in SUPPORTED_INTERFACES


@external
@view
def minters() -> DynArray[address, MAX_MINTERS]:
    """
    @notice The contracts that may write receipts, for good.
    @return DynArray Their addresses.
    """
    return MINTERS


@external
@view
def is_minter(account: address) -> bool:
    """
    @notice Whether an account may write receipts.
    @param account The account.
    @return bool Whether it may.
    """
    return account in MINTERS


# ================================ INTERNALS =================================

@internal
@view
def _owner(token_id: uint256) -> address:
    """
    @notice Reads the donor of a receipt; reverts if there is none.
    @param token_id Its number.
    @return address The donor.
    """
    head: uint256 = self._entries[token_id].head
    assert head != 0, "receipts: no such receipt"
    return convert(
        head >> (RECIPIENT_BITS + EPOCH_BITS + TIMESTAMP_BITS), address
    )


@internal
@view
def _receipt(token_id: uint256) -> IReceiptBook.Receipt:
    """
    @notice Unpacks a receipt; reverts if there is none.
    @param token_id Its number.
    @return Receipt What it says.
    """
    donor: address = self._owner(token_id)
    head: uint256 = self._entries[token_id].head
    gift: uint256 = self._entries[token_id].gift
    recipient_id: uint256 = (head >> (EPOCH_BITS + TIMESTAMP_BITS)) & (
        2**RECIPIENT_BITS - 1
    )
    epoch: uint256 = (head >> TIMESTAMP_BITS) & (2**EPOCH_BITS - 1)
    legal_id: bytes32 = empty(bytes32)
    if epoch == 0:
        legal_id = staticcall ICharityRegistry(REGISTRY).legal_id(recipient_id)
    return IReceiptBook.Receipt(
        donor=donor,
        recipient_id=recipient_id,
        epoch=epoch,
        asset=convert(gift >> AMOUNT_BITS, address),
        amount=gift & (2**AMOUNT_BITS - 1),
        memo=self._entries[token_id].memo,
        timestamp=head & (2**TIMESTAMP_BITS - 1),
        legal_id=legal_id,
    )


@internal
@view
def _metadata(token_id: uint256) -> String[MAX_JSON]:
    """
    @notice Writes the metadata of a receipt; reverts if there is none.
    @param token_id Its number.
    @return String The JSON document.
    """
    receipt: IReceiptBook.Receipt = self._receipt(token_id)
    token: String[text.MAX_NAME] = ""
    unit: String[MAX_UNIT] = ""
    decimals: uint256 = 0
    token, unit, decimals = self._unit(receipt.asset)
    whole: uint256 = 0
    fraction: String[text.MAX_FRACTION] = ""
    whole, fraction = text._split(receipt.amount, decimals)

    donor: String[42] = text._address(receipt.donor)
    asset: String[42] = "native coin"
    short_asset: String[text.MAX_SHORT] = "native coin"
    if receipt.asset != NATIVE:
        asset = text._address(receipt.asset)
        short_asset = text._short(asset)
    memo: String[66] = text._hex32(receipt.memo)
    short_memo: String[text.MAX_SHORT] = "none"
    if receipt.memo != empty(bytes32):
        short_memo = text._short(memo)
    legal_id: String[66] = text._hex32(receipt.legal_id)
    date: String[10] = text._date(receipt.timestamp)
    title: String[receipt_art.MAX_TITLE] = receipt_art._title(
        receipt.recipient_id, receipt.epoch
    )
    amount: String[MAX_AMOUNT] = concat(text._digits(whole), fraction)

    recipient: String[MAX_RECIPIENT] = ""
    if receipt.epoch == 0:
        recipient = concat(
            self._trait("Recipient kind", "charity"),
            self._trait("Legal id", legal_id),
        )
    else:
        recipient = concat(
            self._trait("Recipient kind", "index fund"),
            self._trait("Epoch", text._digits(receipt.epoch)),
        )

    picture: String[receipt_art.MAX_PICTURE] = receipt_art._picture(
        receipt_art.Face(
            token_id=token_id,
            recipient_id=receipt.recipient_id,
            epoch=receipt.epoch,
            whole=text._grouped(whole),
            fraction=fraction,
            unit=unit,
            date=date,
            donor=text._short(donor),
            asset=short_asset,
            memo=short_memo,
            legal_id=text._short(legal_id),
        )
    )
    return concat(
        '{"name":"DonaBlock Receipt #',
        text._digits(token_id),
        '","description":"Receipt for a gift of ',
        amount,
        " ",
        unit,
        " to ",
        title,
        " on ",
        date,
        ". It stays with its donor and cannot be transferred.",
        '","attributes":[',
        recipient,
        self._trait("Recipient", title),
        self._trait("Recipient id", text._digits(receipt.recipient_id)),
        self._trait("Asset", asset),
        self._trait("Symbol", token),
        self._trait("Amount", amount),
        self._trait("Base units", text._digits(receipt.amount)),
        self._trait("Date", date),
        self._trait("Memo", memo),
        '{"trait_type":"Donor","value":"',
        donor,
        '"}],"image":"data:image/svg+xml;base64,',
        convert(
            base64._encode(convert(picture, Bytes[receipt_art.MAX_PICTURE])),
            String[MAX_IMAGE],
        ),
        '"}',
    )


@internal
@view
def _unit(
    asset: address,
) -> (String[text.MAX_NAME], String[MAX_UNIT], uint256):
    """
    @notice Finds what an amount of an asset is counted in.
    @param asset The token, or zero for the native coin.
    @return String The asset's symbol.
    @return String The unit: the symbol, or "base units of" it where the
            token's decimals cannot be read.
    @return uint256 The unit's decimals.
    """
    if asset == NATIVE:
        return NATIVE_SYMBOL, NATIVE_SYMBOL, NATIVE_DECIMALS
    token: String[text.MAX_NAME] = token_facts._symbol(asset)
    decimals: uint256 = 0
    is_known: bool = False
    decimals, is_known = token_facts._decimals(asset)
    if is_known:
        return token, token, decimals
    return token, concat("base units of ", token), 0


@internal
@pure
def _trait(title: String[14], trait: String[MAX_AMOUNT]) -> String[MAX_TRAIT]:
    """
    @notice Writes one attribute and the comma after it.
    @param title What it is, in characters that JSON takes as they are.
    @param trait How it is, in such characters.
    @return String JSON.
    """
    return concat('{"trait_type":"', title, '","value":"', trait, '"},')
