# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Campaign factory
@license AGPL-3.0-only
@author DonaBlock
@notice Opens campaigns: one minimal proxy (ERC-1167) each, for a verified
        charity, by its payee or by somebody its payee has accepted. Keeps the
        list of assets that pledges may come in.
@custom:exit Holds no money. What somebody sends here by mistake anybody can
             send on to the reserve with `sweep`.
@custom:trust The timelock lists assets and names the guardian; neither reaches
              a campaign's money. The guardian may stop new pledges everywhere
              for 7 days, once in 30; refunds and claims never ask this
              contract. What a campaign says of itself is its creator's word.
"""

# ============================== INTERFACES ==================================

from interfaces import ICampaign
from interfaces import ICampaignFactory
from interfaces import ICharityRegistry

implements: ICampaignFactory

# ================================ MODULES ===================================

from contracts.modules import asset_list
from contracts.modules import base64
from contracts.modules import entry_stop
from contracts.modules import text
from contracts.modules import transfers

initializes: asset_list
initializes: entry_stop

exports: (
    asset_list.asset_info,
    asset_list.known_assets,
    entry_stop.guardian,
    entry_stop.next_stop_at,
    entry_stop.stopped_until,
)

# ================================ EVENTS ====================================

event CreatorAccepted:
    charity_id: indexed(uint256)
    creator: indexed(address)
    is_accepted: bool


event CampaignCreated:
    campaign: indexed(address)
    charity_id: indexed(uint256)
    creator: indexed(address)
    number: uint256


event Swept:
    asset: indexed(address)
    amount: uint256


# ============================== CONSTANTS ===================================

MAX_TEXT: constant(uint256) = 128
MAX_JSON: constant(uint256) = 1_024

# ============================== IMMUTABLES ==================================

TIMELOCK: public(immutable(address))
REGISTRY: public(immutable(address))
RESERVE: public(immutable(address))
# The campaign that all proxies run.
IMPLEMENTATION: public(immutable(address))

# ================================ STORAGE ===================================

# How many campaigns there are; they are numbered from 1.
campaign_count: public(uint256)
# The number of a campaign opened here; 0 for any other address.
number_of: public(HashMap[address, uint256])
# charity id -> whom its payee lets open campaigns.
is_accepted: public(HashMap[uint256, HashMap[address, bool]])


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    timelock: address,
    guardian_: address,
    registry: address,
    reserve: address,
    implementation: address,
    listings: DynArray[asset_list.Listing, 16],
):
    """
    @param timelock Owner for good.
    @param guardian_ First guardian.
    @param registry CharityRegistry.
    @param reserve EcosystemReserve.
    @param implementation Campaign, which must name this contract as its factory.
    @param listings First assets. Every pledge is measured, whatever they say.
    """
    assert timelock != empty(address), "campaigns: zero timelock"
    assert registry != empty(address), "campaigns: zero registry"
    assert reserve != empty(address), "campaigns: zero reserve"
    assert (
        implementation.is_contract
    ), "campaigns: no code at the implementation"
    TIMELOCK = timelock
    REGISTRY = registry
    RESERVE = reserve
    IMPLEMENTATION = implementation
    entry_stop.__init__(guardian_)
    asset_list._list_native()
    for listing: asset_list.Listing in listings:
        asset_list._list(listing)


# ================================ ANYBODY ===================================

@external
def sweep(asset: address) -> uint256:
    """
    @notice Send what strayed here to the reserve.
    @param asset A token, or zero for the native coin.
    @return What was sent (smallest unit).
    """
    amount: uint256 = transfers._balance(asset, self)
    assert amount != 0, "campaigns: nothing to sweep"
    log Swept(asset=asset, amount=amount)
    transfers._push(asset, RESERVE, amount)
    return amount


# =============================== CHARITIES ==================================

@external
def accept_creator(charity_id: uint256, creator: address, is_accepted: bool):
    """
    @notice A charity's payee lets somebody open campaigns for it, or no longer;
            campaigns already open go on.
    @param charity_id The charity.
    @param creator Who.
    @param is_accepted Whether.
    """
    assert (
        msg.sender == staticcall ICharityRegistry(REGISTRY).payee(charity_id)
    ), "campaigns: not the charity's payee"
    assert (
        self.is_accepted[charity_id][creator] != is_accepted
    ), "campaigns: nothing to change"
    self.is_accepted[charity_id][creator] = is_accepted
    log CreatorAccepted(
        charity_id=charity_id, creator=creator, is_accepted=is_accepted
    )


# =============================== CREATORS ===================================

@external
def create(charity_id: uint256, terms: ICampaign.Terms) -> address:
    """
    @notice Open a campaign.
    @param charity_id For whom: a charity that may receive gifts now.
    @param terms What it promises; nothing of it can change afterwards.
    @return The campaign's address.
    """
    payee: address = staticcall ICharityRegistry(REGISTRY).payee_for_gift(
        charity_id
    )
    assert (
        msg.sender == payee or self.is_accepted[charity_id][msg.sender]
    ), "campaigns: the charity has not accepted the creator"
    self._check_pledge(terms.asset)
    number: uint256 = self.campaign_count + 1
    self.campaign_count = number
    # Its address names its creator and its terms: after a reorganisation no
    # other campaign can lie where a backer has seen this one.
    campaign: address = create_minimal_proxy_to(
        IMPLEMENTATION,
        salt=keccak256(abi_encode(msg.sender, charity_id, number, terms)),
    )
    self.number_of[campaign] = number
    log CampaignCreated(
        campaign=campaign,
        charity_id=charity_id,
        creator=msg.sender,
        number=number,
    )
    extcall ICampaign(campaign).initialise(charity_id, msg.sender, terms)
    return campaign


# ================================ TIMELOCK ==================================

@external
def list_asset(asset: address):
    """
    @notice Let pledges come in a token. Not for tokens that take a fee, rebase or call back.
    @param asset The token, 6 to 18 decimals.
    """
    self._check_timelock()
    asset_list._list(asset_list.Listing(asset=asset, is_measured=True))
    if block.timestamp < entry_stop.stopped_until:
        asset_list._stop_one(asset, entry_stop.stopped_until)


@external
def unlist_asset(asset: address):
    """
    @notice Let no more pledges come in a token, to open campaigns neither. What
            was pledged is refunded or claimed as ever.
    @param asset The token.
    """
    self._check_timelock()
    asset_list._unlist(asset)


@external
def set_guardian(guardian: address):
    """
    @notice Name another guardian.
    @param guardian The new guardian.
    """
    self._check_timelock()
    entry_stop._set_guardian(guardian)


# ================================ GUARDIAN ==================================

@external
def stop_entries():
    """
    @notice The guardian stops pledges to all campaigns for 7 days; not again for 30 days.
    """
    asset_list._stop_until(entry_stop._stop())


@external
def resume_entries():
    """
    @notice The guardian lets pledges in again before the 7 days are over.
    """
    entry_stop._resume()
    asset_list._stop_until(0)


# ================================= VIEWS ====================================

@view
@external
@reentrant
def check_pledge(asset: address) -> bool:
    """
    @notice Whether pledges in an asset are taken now; reverts, saying why not.
    @param asset The token, or zero for the native coin.
    @return True.
    """
    self._check_pledge(asset)
    return True


@view
@external
@reentrant
def metadata(
    name: String[64],
    token_id: uint256,
    artwork: String[MAX_TEXT],
    uri: String[MAX_TEXT],
    tier: uint256,
    is_locked: bool,
) -> String[20_509]:
    """
    @notice The metadata of a campaign's token.
    @param name The collection's name, plain text.
    @param token_id The token.
    @param artwork Address of the tier's picture, plain text.
    @param uri Address of the campaign's page, plain text.
    @param tier The tier, from 0.
    @param is_locked Whether it cannot move now.
    @return A data address of JSON: name, image, external_url, tier, locked.
    """
    lock: String[5] = "false"
    if is_locked:
        lock = "true"
    json: String[MAX_JSON] = concat(
        '{"name":"',
        name,
        " #",
        text._digits(token_id),
        '","image":"',
        artwork,
        '","external_url":"',
        uri,
        '","attributes":[{"trait_type":"Tier","value":',
        text._digits(tier),
        '},{"trait_type":"Locked","value":',
        lock,
        "}]}",
    )
    return concat(
        "data:application/json;base64,",
        base64._encode(convert(json, Bytes[MAX_JSON])),
    )


# =============================== INTERNALS ==================================

@view
@internal
def _check_pledge(asset: address):
    word: uint256 = asset_list._words[asset]
    assert word & asset_list.LISTED != 0, "campaigns: asset is not listed"
    assert (
        block.timestamp
        >= (word >> asset_list.STOPPED_AT) & asset_list.STOPPED_MASK
    ), "campaigns: pledges are stopped"


@view
@internal
def _check_timelock():
    assert msg.sender == TIMELOCK, "campaigns: not the timelock"
