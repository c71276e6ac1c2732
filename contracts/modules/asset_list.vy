# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title List of assets that a contract takes
@license AGPL-3.0-only
@author DonaBlock
@notice One word per asset, so that a gift reads one slot:
        bit 0 listed | bit 1 measured | bit 2 known | bits 8-15 decimals |
        bits 16-55 second until which the host takes none of it | bits 128-255
        owed, the amount of it that the host contract owes others. The last two
        stay 0 in a contract that holds nothing and cannot be stopped.
        An asset once known stays known, whether listed or not: what is owed in
        it stays owed.
"""

from ethereum.ercs import IERC20Detailed


event AssetListed:
    asset: indexed(address)
    decimals: uint256
    is_measured: bool


event AssetUnlisted:
    asset: indexed(address)


struct Listing:
    asset: address
    is_measured: bool


struct AssetInfo:
    is_listed: bool
    is_measured: bool
    decimals: uint256
    owed: uint256


# @dev At most this many assets are ever known, native coin apart.
MAX_ASSETS: constant(uint256) = 24
MIN_DECIMALS: constant(uint256) = 6
MAX_DECIMALS: constant(uint256) = 18

LISTED: constant(uint256) = 1
MEASURED: constant(uint256) = 2
KNOWN: constant(uint256) = 4
DECIMALS_AT: constant(uint256) = 8
STOPPED_AT: constant(uint256) = 16
STOPPED_MASK: constant(uint256) = 2**40 - 1
OWED_AT: constant(uint256) = 128

# @dev asset -> its word.
_words: HashMap[address, uint256]
# @dev Every asset ever listed.
_known: DynArray[address, MAX_ASSETS]


@internal
def _list(listing: Listing):
    """
    @dev List an asset, or list it anew. `is_measured` asks the host to compare
         balances around each transfer: for a token that could start to take a
         fee (USDT). Tokens that do take one, rebase, or call back are not to be
         listed at all: docs/audit/known-limits.md.
    """
    asset: address = listing.asset
    word: uint256 = self._words[asset]
    assert asset != empty(address), "assets: zero asset"
    assert asset.is_contract, "assets: no code at the asset"
    assert word & LISTED == 0, "assets: already listed"
    decimals: uint256 = convert(
        staticcall IERC20Detailed(asset).decimals(), uint256
    )
    assert decimals >= MIN_DECIMALS, "assets: fewer than 6 decimals"
    assert decimals <= MAX_DECIMALS, "assets: more than 18 decimals"
    if word & KNOWN == 0:
        assert len(self._known) < MAX_ASSETS, "assets: list is full"
        self._known.append(asset)
    else:
        assert (
            (word >> DECIMALS_AT) & 255 == decimals
        ), "assets: decimals have changed"
    word = (word & ~MEASURED) | LISTED | KNOWN | (decimals << DECIMALS_AT)
    if listing.is_measured:
        word |= MEASURED
    self._words[asset] = word
    log AssetListed(
        asset=asset, decimals=decimals, is_measured=listing.is_measured
    )


@internal
def _unlist(asset: address):
    """
    @dev Take no more of an asset. What is owed in it can still be claimed.
    """
    # The native coin, where a host lists it, could not be listed again.
    assert asset != empty(address), "assets: zero asset"
    word: uint256 = self._words[asset]
    assert word & LISTED != 0, "assets: not listed"
    self._words[asset] = word - LISTED
    log AssetUnlisted(asset=asset)


@internal
def _list_native():
    """
    @dev Put the native coin on the list, for a host that reads words only.
    """
    self._words[empty(address)] = LISTED | KNOWN


@internal
def _stop_until(stopped_until: uint256):
    """
    @dev Notes in the words of the native coin and of all known tokens until
         when the host takes none of them.
    """
    self._stop_one(empty(address), stopped_until)
    for asset: address in self._known:
        self._stop_one(asset, stopped_until)


@internal
def _stop_one(asset: address, stopped_until: uint256):
    self._words[asset] = (
        self._words[asset] & ~(STOPPED_MASK << STOPPED_AT)
    ) | (stopped_until << STOPPED_AT)


@view
@external
def asset_info(asset: address) -> AssetInfo:
    """
    @notice What is known of an asset.
    @param asset The token; the zero address is the native coin.
    @return is_listed, is_measured, decimals (0 for the native coin), owed (smallest unit).
    """
    word: uint256 = self._words[asset]
    return AssetInfo(
        is_listed=word & LISTED != 0,
        is_measured=word & MEASURED != 0,
        decimals=(word >> DECIMALS_AT) & 255,
        owed=word >> OWED_AT,
    )


@view
@external
def known_assets() -> DynArray[address, MAX_ASSETS]:
    """
    @notice Every token that is or was listed.
    @return Their addresses, in the order of first listing.
    """
    return self._known
