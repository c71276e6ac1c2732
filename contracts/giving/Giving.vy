# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Direct gifts
@license AGPL-3.0-only
@author DonaBlock
@notice Moves a gift from the donor to a verified charity's payee in one
        transaction, in the native coin or a listed ERC-20 token, to one charity
        or to a cart of up to 32. 100 % of a gift reaches the charity; a tip for
        the operations payee comes on top, if the donor adds one.

        `memo` is the donor's own reference: logged with the gift, never stored,
        not unique. Whoever wants to find a gift looks for donor and memo.
@custom:exit Nothing rests here: every call leaves the contract's balance of
             every asset as it found it. What somebody sends here by mistake
             anybody can send on to the reserve with `sweep`.
@custom:trust The timelock lists assets and names the operations payee. Nobody
              can take a part of a gift or send it elsewhere; where it goes is
              what the charity registry says at that moment. There is nothing to
              pause here; a gift is refused only where the charity is not
              verified at the time, or the asset is no longer listed.
"""

# ============================== INTERFACES ==================================

from interfaces import ICharityRegistry
from interfaces import IReceiptBook

# ================================ MODULES ===================================

from contracts.modules import asset_list
from contracts.modules import transfers

initializes: asset_list

exports: (
    asset_list.asset_info,
    asset_list.known_assets,
)

# ================================ EVENTS ====================================

event Donated:
    donor: indexed(address)
    charity_id: indexed(uint256)
    asset: address
    payee: address
    amount: uint256
    memo: bytes32


event PartFailed:
    donor: indexed(address)
    charity_id: indexed(uint256)
    asset: address
    payee: address
    amount: uint256
    memo: bytes32


event Tipped:
    donor: indexed(address)
    operations: indexed(address)
    asset: address
    amount: uint256
    memo: bytes32


event TipFailed:
    donor: indexed(address)
    operations: indexed(address)
    asset: address
    amount: uint256
    memo: bytes32


event OperationsChanged:
    operations: indexed(address)


event Swept:
    asset: indexed(address)
    amount: uint256


# =============================== CONSTANTS ==================================

MAX_CART: public(constant(uint256)) = 32
# The native coin's place among assets.
NATIVE: public(constant(address)) = empty(address)

# ============================== IMMUTABLES ==================================

# @dev The owner: a timelock, for good.
TIMELOCK: public(immutable(address))
# @dev Says who is verified and where each charity is paid.
REGISTRY: public(immutable(address))
# @dev Keeps the soulbound receipts.
RECEIPTS: public(immutable(address))
# @dev Gets what strays into this contract.
RESERVE: public(immutable(address))

# ================================ STORAGE ===================================

# @dev Receives the tips.
operations: public(address)


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    timelock: address,
    registry: address,
    receipts: address,
    reserve: address,
    operations: address,
    listings: DynArray[asset_list.Listing, 16],
):
    """
    @param timelock Owner for good.
    @param registry CharityRegistry.
    @param receipts ReceiptBook, which must have this contract among its minters.
    @param reserve EcosystemReserve.
    @param operations First operations payee.
    @param listings First assets, each with whether transfers of it are measured.
    """
    assert timelock != empty(address), "giving: zero timelock"
    assert registry != empty(address), "giving: zero registry"
    assert receipts != empty(address), "giving: zero receipts"
    assert reserve != empty(address), "giving: zero reserve"
    TIMELOCK = timelock
    REGISTRY = registry
    RECEIPTS = receipts
    RESERVE = reserve
    self._set_operations(operations)
    for listing: asset_list.Listing in listings:
        asset_list._list(listing)


# ================================ DONORS ====================================

@payable
@external
def donate_native(
    charity_id: uint256,
    memo: bytes32,
    tip: uint256 = 0,
    receipt: bool = False,
):
    """
    @notice Give the native coin sent along, less the tip, to one charity.
    @param charity_id The charity.
    @param memo The donor's reference.
    @param tip Part of the value that goes to the operations payee (wei). If it
           refuses, the tip comes back to the donor.
    @param receipt Whether to mint a soulbound receipt.
    """
    payee: address = staticcall ICharityRegistry(REGISTRY).payee_for_gift(
        charity_id
    )
    assert msg.sender != payee, "giving: donor is the payee"
    assert msg.value > tip, "giving: zero amount"
    amount: uint256 = unsafe_sub(msg.value, tip)  # msg.value > tip, above
    log Donated(
        donor=msg.sender,
        charity_id=charity_id,
        asset=NATIVE,
        payee=payee,
        amount=amount,
        memo=memo,
    )
    if receipt:
        self._mint_receipt(charity_id, NATIVE, amount, memo)
    assert raw_call(
        payee, b"", value=amount, revert_on_failure=False
    ), "giving: charity refused the coin"
    if tip != 0 and not self._tip_native(tip, memo):
        transfers._push(NATIVE, msg.sender, tip)


# No lock: a token gift holds nothing here and reads nothing of ours that a
# token which calls back could have changed.
@payable
@reentrant
@external
def donate_token(
    charity_id: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    tip: uint256 = 0,
    receipt: bool = False,
):
    """
    @notice Give a listed token to one charity, out of the donor's allowance to this contract.
    @param charity_id The charity.
    @param asset The token.
    @param amount What the charity gets (smallest unit).
    @param memo The donor's reference.
    @param tip What the operations payee gets on top (smallest unit). If that
           fails, it stays with the donor.
    @param receipt Whether to mint a soulbound receipt.
    """
    self._donate_token(charity_id, asset, amount, memo, tip, receipt)


# No lock: a token gift holds nothing here and reads nothing of ours that a
# token which calls back could have changed.
@payable
@reentrant
@external
def donate_token_with_permit(
    charity_id: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    tip: uint256,
    receipt: bool,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `donate_token` with an EIP-2612 permit by the sender for amount + tip.
            A permit that fails is ignored: the allowance decides.
    @param charity_id The charity.
    @param asset The token.
    @param amount What the charity gets (smallest unit).
    @param memo The donor's reference.
    @param tip What the operations payee gets on top (smallest unit).
    @param receipt Whether to mint a soulbound receipt.
    @param deadline The permit's deadline (s).
    @param v The permit's signature.
    @param r The permit's signature.
    @param s The permit's signature.
    """
    self._check_listed(asset)
    transfers._permit(asset, amount + tip, deadline, v, r, s)
    self._donate_token(charity_id, asset, amount, memo, tip, receipt)


@payable
@external
def donate_cart_native(
    charity_ids: DynArray[uint256, MAX_CART],
    amounts: DynArray[uint256, MAX_CART],
    memo: bytes32,
    tip: uint256 = 0,
    receipt: bool = False,
):
    """
    @notice Give the native coin to many charities. The value must be the sum of
            the amounts and the tip. A payee that refuses, or needs more than
            100,000 gas, leaves its part with the donor (`PartFailed`) and does
            not disturb the rest; a charity that may not receive gifts reverts
            the cart.
    @param charity_ids The charities, at most 32.
    @param amounts What each of them gets (wei).
    @param memo The donor's reference, the same for all parts.
    @param tip What the operations payee gets on top (wei).
    @param receipt Whether to mint a soulbound receipt for each part paid.
    """
    assert len(charity_ids) == len(
        amounts
    ), "giving: as many amounts as charities"
    left: uint256 = msg.value
    kept: uint256 = 0
    for i: uint256 in range(len(amounts), bound=MAX_CART):
        charity_id: uint256 = charity_ids[i]
        amount: uint256 = amounts[i]
        payee: address = staticcall ICharityRegistry(REGISTRY).payee_for_gift(
            charity_id
        )
        assert amount != 0, "giving: zero amount"
        assert amount <= left, "giving: value is not the sum"
        assert msg.sender != payee, "giving: donor is the payee"
        left = unsafe_sub(left, amount)  # just compared
        if transfers._try_push(NATIVE, payee, amount):
            log Donated(
                donor=msg.sender,
                charity_id=charity_id,
                asset=NATIVE,
                payee=payee,
                amount=amount,
                memo=memo,
            )
            if receipt:
                self._mint_receipt(charity_id, NATIVE, amount, memo)
        else:
            log PartFailed(
                donor=msg.sender,
                charity_id=charity_id,
                asset=NATIVE,
                payee=payee,
                amount=amount,
                memo=memo,
            )
            kept = unsafe_add(kept, amount)  # at most msg.value
    assert left == tip, "giving: value is not the sum"
    # Also where there is no part at all.
    assert kept + tip != msg.value, "giving: nothing was given"
    if tip != 0 and not self._tip_native(tip, memo):
        kept += tip
    if kept != 0:
        transfers._push(NATIVE, msg.sender, kept)


# No lock: a token gift holds nothing here and reads nothing of ours that a
# token which calls back could have changed.
@payable
@reentrant
@external
def donate_cart_token(
    asset: address,
    charity_ids: DynArray[uint256, MAX_CART],
    amounts: DynArray[uint256, MAX_CART],
    memo: bytes32,
    tip: uint256 = 0,
    receipt: bool = False,
):
    """
    @notice Give a listed token to many charities. Where the token refuses one
            payee, that part stays with the donor (`PartFailed`) and the rest
            goes on; a charity that may not receive gifts, or an allowance or
            balance that does not suffice, reverts the cart.
    @param asset The token.
    @param charity_ids The charities, at most 32.
    @param amounts What each of them gets (smallest unit).
    @param memo The donor's reference, the same for all parts.
    @param tip What the operations payee gets on top (smallest unit).
    @param receipt Whether to mint a soulbound receipt for each part paid.
    """
    self._donate_cart_token(asset, charity_ids, amounts, memo, tip, receipt)


# No lock: a token gift holds nothing here and reads nothing of ours that a
# token which calls back could have changed.
@payable
@reentrant
@external
def donate_cart_token_with_permit(
    asset: address,
    charity_ids: DynArray[uint256, MAX_CART],
    amounts: DynArray[uint256, MAX_CART],
    memo: bytes32,
    tip: uint256,
    receipt: bool,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `donate_cart_token` with an EIP-2612 permit by the sender for the
            sum of the amounts and the tip. A permit that fails is ignored.
    @param asset The token.
    @param charity_ids The charities, at most 32.
    @param amounts What each of them gets (smallest unit).
    @param memo The donor's reference, the same for all parts.
    @param tip What the operations payee gets on top (smallest unit).
    @param receipt Whether to mint a soulbound receipt for each part paid.
    @param deadline The permit's deadline (s).
    @param v The permit's signature.
    @param r The permit's signature.
    @param s The permit's signature.
    """
    self._check_listed(asset)
    total: uint256 = tip
    for amount: uint256 in amounts:
        total += amount
    transfers._permit(asset, total, deadline, v, r, s)
    self._donate_cart_token(asset, charity_ids, amounts, memo, tip, receipt)


# ================================ ANYONE ====================================

@external
def sweep(asset: address) -> uint256:
    """
    @notice Send what strayed into this contract to the reserve.
    @param asset The token; the zero address for the native coin.
    @return The amount sent.
    """
    amount: uint256 = transfers._balance(asset, self)
    assert amount != 0, "giving: nothing to sweep"
    log Swept(asset=asset, amount=amount)
    transfers._push(asset, RESERVE, amount)
    return amount


# =============================== TIMELOCK ===================================

@external
def list_asset(asset: address, is_measured: bool):
    """
    @notice Take a token. Not for tokens that take a fee, rebase or call back.
    @param asset The token, 6 to 18 decimals.
    @param is_measured Whether to compare the payee's balance around each gift:
           for a token whose owner could switch on a fee.
    """
    self._check_timelock()
    asset_list._list(asset_list.Listing(asset=asset, is_measured=is_measured))


@external
def unlist_asset(asset: address):
    """
    @notice Take a token no more.
    @param asset The token.
    """
    self._check_timelock()
    asset_list._unlist(asset)


@external
def set_operations(operations: address):
    """
    @notice Name another operations payee; it receives later tips.
    @param operations The new operations payee.
    """
    self._check_timelock()
    self._set_operations(operations)


# =============================== INTERNALS ==================================

@payable
@internal
def _donate_token(
    charity_id: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    tip: uint256,
    receipt: bool,
):
    word: uint256 = self._check_listed(asset)
    assert amount != 0, "giving: zero amount"
    payee: address = staticcall ICharityRegistry(REGISTRY).payee_for_gift(
        charity_id
    )
    assert msg.sender != payee, "giving: donor is the payee"
    log Donated(
        donor=msg.sender,
        charity_id=charity_id,
        asset=asset,
        payee=payee,
        amount=amount,
        memo=memo,
    )
    if receipt:
        self._mint_receipt(charity_id, asset, amount, memo)
    if word & asset_list.MEASURED == 0:
        transfers._pull(asset, msg.sender, payee, amount)
    else:
        before: uint256 = transfers._balance(asset, payee)
        transfers._pull(asset, msg.sender, payee, amount)
        assert (
            transfers._balance(asset, payee) == before + amount
        ), "giving: the asset took a fee"
    if tip != 0:
        self._tip_token(asset, tip, memo)


@payable
@internal
def _donate_cart_token(
    asset: address,
    charity_ids: DynArray[uint256, MAX_CART],
    amounts: DynArray[uint256, MAX_CART],
    memo: bytes32,
    tip: uint256,
    receipt: bool,
):
    is_measured: bool = self._check_listed(asset) & asset_list.MEASURED != 0
    assert len(charity_ids) == len(
        amounts
    ), "giving: as many amounts as charities"
    failed: uint256 = 0
    before: uint256 = 0
    success: bool = False
    response: Bytes[32] = b""
    for i: uint256 in range(len(amounts), bound=MAX_CART):
        charity_id: uint256 = charity_ids[i]
        amount: uint256 = amounts[i]
        payee: address = staticcall ICharityRegistry(REGISTRY).payee_for_gift(
            charity_id
        )
        assert amount != 0, "giving: zero amount"
        assert msg.sender != payee, "giving: donor is the payee"
        if is_measured:
            before = transfers._balance(asset, payee)
        # transfers._try_pull, written out: 150 gas a part.
        success, response = raw_call(
            asset,
            abi_encode(
                msg.sender,
                payee,
                amount,
                method_id=method_id("transferFrom(address,address,uint256)"),
            ),
            max_outsize=32,
            revert_on_failure=False,
        )
        if success and (
            (len(response) == 32 and convert(response, uint256) != 0)
            or len(response) == 0
        ):
            if is_measured:
                assert (
                    transfers._balance(asset, payee) == before + amount
                ), "giving: the asset took a fee"
            log Donated(
                donor=msg.sender,
                charity_id=charity_id,
                asset=asset,
                payee=payee,
                amount=amount,
                memo=memo,
            )
            if receipt:
                self._mint_receipt(charity_id, asset, amount, memo)
        else:
            # The payee's refusal stays its own affair; the donor's empty
            # pocket must not look like one.
            assert (
                transfers._balance(asset, msg.sender) >= amount
            ), "giving: balance too low"
            assert (
                transfers._allowance(asset, msg.sender) >= amount
            ), "giving: allowance too low"
            failed = unsafe_add(failed, 1)  # at most MAX_CART
            log PartFailed(
                donor=msg.sender,
                charity_id=charity_id,
                asset=asset,
                payee=payee,
                amount=amount,
                memo=memo,
            )
    # Also where there is no part at all.
    assert failed != len(amounts), "giving: nothing was given"
    if tip != 0:
        self._tip_token(asset, tip, memo)


@internal
def _mint_receipt(
    charity_id: uint256, asset: address, amount: uint256, memo: bytes32
):
    extcall IReceiptBook(RECEIPTS).mint(
        msg.sender, charity_id, 0, asset, amount, memo
    )


@internal
def _tip_native(tip: uint256, memo: bytes32) -> bool:
    """
    @dev False where the operations payee refused: the tip is then the donor's.
    """
    operations: address = self.operations
    if transfers._try_push(NATIVE, operations, tip):
        log Tipped(
            donor=msg.sender,
            operations=operations,
            asset=NATIVE,
            amount=tip,
            memo=memo,
        )
        return True
    log TipFailed(
        donor=msg.sender,
        operations=operations,
        asset=NATIVE,
        amount=tip,
        memo=memo,
    )
    return False


@internal
def _tip_token(asset: address, tip: uint256, memo: bytes32):
    operations: address = self.operations
    if transfers._try_pull(asset, msg.sender, operations, tip):
        log Tipped(
            donor=msg.sender,
            operations=operations,
            asset=asset,
            amount=tip,
            memo=memo,
        )
    else:
        log TipFailed(
            donor=msg.sender,
            operations=operations,
            asset=asset,
            amount=tip,
            memo=memo,
        )


@payable
@internal
def _check_listed(asset: address) -> uint256:
    assert msg.value == 0, "giving: value sent with a token gift"
    word: uint256 = asset_list._words[asset]
    assert word & asset_list.LISTED != 0, "giving: asset is not listed"
    return word


@view
@internal
def _check_timelock():
    assert msg.sender == TIMELOCK, "giving: not the timelock"


@internal
def _set_operations(operations: address):
    assert operations != empty(address), "giving: zero operations"
    assert operations != self.operations, "giving: operations is the same"
    self.operations = operations
    log OperationsChanged(operations=operations)
