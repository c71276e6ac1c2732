# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Index funds of charities
@license AGPL-3.0-only
@author DonaBlock
@notice A fund is a list of charities with weights. A gift to it costs the same
        for 1 charity and for 200: it raises one total, and each charity claims
        its share of that total when it likes.

        Lists come in epochs. A new epoch is announced, waits for the notice,
        and then runs by itself; what was given in earlier epochs stays with
        the charities of those epochs. A gift names the epoch that the donor
        saw and reverts if another one runs.

        With T given in an epoch, W the sum of weights and w a charity's own,
        it has earned floor(T * w / W): a floor of the running total, never of
        each gift, so that dust starves nobody. Once a member is revoked anybody
        may drop it, and later gifts go to the rest: with W' the weight left,

          V = base_V + floor((T - base_T) * W / W'),  earned = floor(V * w / W)

        where base_T and base_V are T and V at the last drop, and a dropped
        member's V stays what it was. Each floor is down, so the sum earned
        never exceeds T; it falls short by less than one unit for each member
        and each drop.
@custom:exit `claim`, by anybody, pays a charity's current payee all it has
             earned in an epoch and asset; `claim_to` lets the payee name another
             receiver. Neither asks whether the charity is still verified, the
             asset still listed, or the entries open; nobody can stop them.
@custom:trust The timelock makes funds, announces and cancels epochs, lists
              assets and names the guardian. The guardian stops gifts for 7
              days, once in 30. Nobody can move what was given, nor change
              what a charity has earned.
"""

# ============================== INTERFACES ==================================

from ethereum.ercs import IERC20
from interfaces import ICharityRegistry
from interfaces import IReceiptBook

# ================================ MODULES ===================================

from contracts.modules import asset_list
from contracts.modules import entry_stop
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

event FundCreated:
    fund_id: indexed(uint256)
    name: String[64]


# `members` are packed as they are stored: eight per word, the first in the
# lowest 32 bits, each with the charity's number in its lower 18 bits and the
# weight in its upper 14.
event EpochAnnounced:
    fund_id: indexed(uint256)
    epoch: indexed(uint256)
    starts_at: uint256
    member_count: uint256
    total_weight: uint256
    members: DynArray[uint256, MAX_WORDS]


event EpochCancelled:
    fund_id: indexed(uint256)
    epoch: indexed(uint256)


event FundDonated:
    donor: indexed(address)
    fund_id: indexed(uint256)
    epoch: uint256
    asset: address
    amount: uint256
    memo: bytes32


event Claimed:
    fund_id: indexed(uint256)
    charity_id: indexed(uint256)
    asset: indexed(address)
    epoch: uint256
    receiver: address
    amount: uint256


event ClaimFailed:
    fund_id: indexed(uint256)
    charity_id: indexed(uint256)
    asset: indexed(address)
    epoch: uint256
    receiver: address
    amount: uint256


event Dropped:
    fund_id: indexed(uint256)
    epoch: indexed(uint256)
    charity_id: indexed(uint256)
    weight: uint256
    weight_left: uint256


event Swept:
    asset: indexed(address)
    amount: uint256


# ================================ STRUCTS ===================================

struct EpochInfo:
    total_weight: uint256
    live_weight: uint256
    member_count: uint256
    drop_count: uint256


struct Member:
    charity_id: uint256
    weight: uint256
    is_dropped: bool


struct ClaimRef:
    fund_id: uint256
    epoch: uint256
    member: uint256
    asset: address


# =============================== CONSTANTS ==================================

MAX_MEMBERS: public(constant(uint256)) = 200
MAX_WEIGHT: public(constant(uint256)) = 10_000
MAX_CLAIMS: public(constant(uint256)) = 32
# Most that one epoch of one fund can take in of one asset (smallest unit): it
# keeps V, which is at most T * total weight, within 128 bits.
MAX_TOTAL: public(constant(uint256)) = 2**104 - 1
# Bounds of the notice of a new epoch, in seconds.
MIN_NOTICE: public(constant(uint256)) = 3_600
MAX_NOTICE: public(constant(uint256)) = 90 * 86_400
# The native coin's place among assets.
NATIVE: public(constant(address)) = empty(address)

MAX_WORDS: constant(uint256) = 25
MAX_ASSETS_AND_NATIVE: constant(uint256) = asset_list.MAX_ASSETS + 1
MEMBER_MASK: constant(uint256) = 2**32 - 1
CHARITY_MASK: constant(uint256) = 2**18 - 1
WEIGHT_AT: constant(uint256) = 18
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_128: constant(uint256) = 2**128 - 1

# A fund's word: running epoch 32 bits | announced epoch 32 | last epoch 32 |
# the announced one's start 64. The last epoch is also what tells that no
# number is used twice, cancelled or not.
ANNOUNCED_AT: constant(uint256) = 32
LAST_AT: constant(uint256) = 64
START_AT: constant(uint256) = 96
# An epoch's word: total weight 32 bits | live weight 32 | members 16 | drops 16.
LIVE_AT: constant(uint256) = 32
COUNT_AT: constant(uint256) = 64
DROPS_AT: constant(uint256) = 80
# In a total's word.
WEIGHT_IN_TOTAL_AT: constant(uint256) = 104
HAS_DROPS: constant(uint256) = 1 << 136

# ============================== IMMUTABLES ==================================

# @dev The owner: a timelock, for good.
TIMELOCK: public(immutable(address))
# @dev Says where each charity is paid, and which are verified or revoked.
REGISTRY: public(immutable(address))
# @dev Keeps the soulbound receipts.
RECEIPTS: public(immutable(address))
# @dev Gets what strays into this contract.
RESERVE: public(immutable(address))
# @dev Seconds between the announcement of an epoch and its start.
EPOCH_NOTICE: public(immutable(uint256))

# ================================ STORAGE ===================================

# @dev Number of funds; ids run from 1. The first 17 are the SDGs.
fund_count: public(uint256)
# @dev fund id -> packed state, see above.
_funds: HashMap[uint256, uint256]
# The maps below are by key = fund id * 2**32 + epoch.
# @dev key -> packed epoch.
_epochs: HashMap[uint256, uint256]
# @dev key -> word number -> eight packed members.
_members: HashMap[uint256, HashMap[uint256, uint256]]
# @dev key -> asset -> T, everything given, 104 bits | total weight 32 | bit 136:
#      members have been dropped. The weight is copied here at the first gift
#      so that a claim need not read the epoch's word.
_totals: HashMap[uint256, HashMap[address, uint256]]
# @dev key -> asset -> T 128 bits | V 128 bits at the last drop.
_bases: HashMap[uint256, HashMap[address, uint256]]
# @dev key -> asset -> member -> claimed 128 bits | frozen V of a dropped member 128.
_accounts: HashMap[uint256, HashMap[address, HashMap[uint256, uint256]]]
# @dev key -> bit per member: has been dropped.
_dropped: HashMap[uint256, uint256]


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    timelock: address,
    guardian_: address,
    registry: address,
    receipts: address,
    reserve: address,
    epoch_notice: uint256,
    listings: DynArray[asset_list.Listing, 16],
):
    """
    @param timelock Owner for good.
    @param guardian_ First guardian.
    @param registry CharityRegistry.
    @param receipts ReceiptBook, which must have this contract among its minters.
    @param reserve EcosystemReserve.
    @param epoch_notice Seconds from announcement to start of an epoch (1 hour to 90 days).
    @param listings First assets. Every transfer in is measured here, whatever they say.
    """
    assert timelock != empty(address), "funds: zero timelock"
    assert registry != empty(address), "funds: zero registry"
    assert receipts != empty(address), "funds: zero receipts"
    assert reserve != empty(address), "funds: zero reserve"
    assert epoch_notice >= MIN_NOTICE, "funds: notice too short"
    assert epoch_notice <= MAX_NOTICE, "funds: notice too long"
    TIMELOCK = timelock
    REGISTRY = registry
    RECEIPTS = receipts
    RESERVE = reserve
    EPOCH_NOTICE = epoch_notice
    entry_stop.__init__(guardian_)
    asset_list._list_native()
    for listing: asset_list.Listing in listings:
        asset_list._list(listing)
    # The funds that exist from the start: the United Nations' Sustainable
    # Development Goals, fund number = goal number.
    self._create_fund("No Poverty")
    self._create_fund("Zero Hunger")
    self._create_fund("Good Health and Well-being")
    self._create_fund("Quality Education")
    self._create_fund("Gender Equality")
    self._create_fund("Clean Water and Sanitation")
    self._create_fund("Affordable and Clean Energy")
    self._create_fund("Decent Work and Economic Growth")
    self._create_fund("Industry, Innovation and Infrastructure")
    self._create_fund("Reduced Inequalities")
    self._create_fund("Sustainable Cities and Communities")
    self._create_fund("Responsible Consumption and Production")
    self._create_fund("Climate Action")
    self._create_fund("Life Below Water")
    self._create_fund("Life on Land")
    self._create_fund("Peace, Justice and Strong Institutions")
    self._create_fund("Partnerships for the Goals")


# ================================ DONORS ====================================

@payable
@external
def donate_native(
    fund_id: uint256, epoch: uint256, memo: bytes32, receipt: bool = False
):
    """
    @notice Give the native coin sent along to a fund.
    @param fund_id The fund.
    @param epoch The epoch that the donor saw; it must be the running one.
    @param memo The donor's reference.
    @param receipt Whether to mint a soulbound receipt.
    """
    self._enter(fund_id, epoch, NATIVE, msg.value, memo, receipt)


@payable
@external
def donate_token(
    fund_id: uint256,
    epoch: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    receipt: bool = False,
):
    """
    @notice Give a listed token to a fund, out of the donor's allowance to this
            contract. Refused while less of the token is here than is owed, so
            that no gift goes to what its issuer took away before.
    @param fund_id The fund.
    @param epoch The epoch that the donor saw; it must be the running one.
    @param asset The token.
    @param amount The amount (smallest unit), which must arrive in full.
    @param memo The donor's reference.
    @param receipt Whether to mint a soulbound receipt.
    """
    self._donate_token(fund_id, epoch, asset, amount, memo, receipt)


@payable
@external
def donate_token_with_permit(
    fund_id: uint256,
    epoch: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    receipt: bool,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `donate_token` with an EIP-2612 permit by the sender for the amount.
            A permit that fails is ignored: the allowance decides.
    @param fund_id The fund.
    @param epoch The epoch that the donor saw; it must be the running one.
    @param asset The token.
    @param amount The amount (smallest unit), which must arrive in full.
    @param memo The donor's reference.
    @param receipt Whether to mint a soulbound receipt.
    @param deadline The permit's deadline (s).
    @param v The permit's signature.
    @param r The permit's signature.
    @param s The permit's signature.
    """
    assert asset != NATIVE and (
        asset_list._words[asset] & asset_list.LISTED != 0
    ), "funds: asset is not listed"
    transfers._permit(asset, amount, deadline, v, r, s)
    self._donate_token(fund_id, epoch, asset, amount, memo, receipt)


# =============================== CHARITIES ==================================

@external
def claim(
    fund_id: uint256, epoch: uint256, member: uint256, asset: address
) -> uint256:
    """
    @notice Pay a charity what it has earned and not yet claimed, to its current
            payee. Anybody may call.
    @param fund_id The fund.
    @param epoch The epoch.
    @param member The charity's place in the epoch's list, from 0.
    @param asset The token; the zero address for the native coin.
    @return The amount paid (smallest unit).
    """
    charity_id: uint256 = 0
    due: uint256 = 0
    charity_id, due = self._settle(fund_id, epoch, member, asset)
    assert due != 0, "funds: nothing to claim"
    receiver: address = staticcall ICharityRegistry(REGISTRY).payee(charity_id)
    self._log_claimed(fund_id, charity_id, asset, epoch, receiver, due)
    transfers._push(asset, receiver, due)
    return due


@external
def claim_to(
    fund_id: uint256,
    epoch: uint256,
    member: uint256,
    asset: address,
    receiver: address,
) -> uint256:
    """
    @notice The payee claims to another address: for a payee that is blocklisted
            or cannot take the coin.
    @param fund_id The fund.
    @param epoch The epoch.
    @param member The charity's place in the epoch's list, from 0.
    @param asset The token; the zero address for the native coin.
    @param receiver Who gets the money.
    @return The amount paid (smallest unit).
    """
    charity_id: uint256 = 0
    due: uint256 = 0
    charity_id, due = self._settle(fund_id, epoch, member, asset)
    assert (
        msg.sender == staticcall ICharityRegistry(REGISTRY).payee(charity_id)
    ), "funds: not the payee"
    assert due != 0, "funds: nothing to claim"
    assert receiver != empty(address), "funds: zero receiver"
    assert receiver != self, "funds: receiver is this contract"
    self._log_claimed(fund_id, charity_id, asset, epoch, receiver, due)
    transfers._push(asset, receiver, due)
    return due


@external
def claim_many(claims: DynArray[ClaimRef, MAX_CLAIMS]) -> uint256:
    """
    @notice `claim` for many. Where nothing is due it is passed over (a member
            that does not exist reverts, as in `claim`); a payment that
            fails (`ClaimFailed`) stays owed and does not disturb the rest. A
            payee of the native coin gets 100,000 gas here; one that needs more
            uses `claim`.
    @param claims At most 32 of fund, epoch, member and asset.
    @return How many were paid.
    """
    paid: uint256 = 0
    for item: ClaimRef in claims:
        charity_id: uint256 = 0
        due: uint256 = 0
        charity_id, due = self._settle(
            item.fund_id, item.epoch, item.member, item.asset
        )
        if due == 0:
            continue
        receiver: address = staticcall ICharityRegistry(REGISTRY).payee(
            charity_id
        )
        if transfers._try_push(item.asset, receiver, due):
            paid = unsafe_add(paid, 1)  # at most MAX_CLAIMS
            self._log_claimed(
                item.fund_id,
                charity_id,
                item.asset,
                item.epoch,
                receiver,
                due,
            )
        else:
            self._unsettle(
                item.fund_id, item.epoch, item.member, item.asset, due
            )
            log ClaimFailed(
                fund_id=item.fund_id,
                charity_id=charity_id,
                asset=item.asset,
                epoch=item.epoch,
                receiver=receiver,
                amount=due,
            )
    return paid


# ================================ ANYONE ====================================

@external
def drop(fund_id: uint256, epoch: uint256, member: uint256):
    """
    @notice Take a revoked charity out of the running or the announced epoch:
            it keeps what it has earned, later gifts go to the rest. When the
            last one goes, the epoch takes no more gifts.
    @param fund_id The fund.
    @param epoch The running or the announced epoch.
    @param member The charity's place in the epoch's list, from 0.
    """
    fund: uint256 = self._funds[fund_id]
    running: uint256 = self._running(fund)
    is_running: bool = epoch == running
    assert epoch != 0 and (
        is_running or epoch == self._waiting(fund)
    ), "funds: epoch is over"
    key: uint256 = self._key(fund_id, epoch)
    word: uint256 = self._epochs[key]
    packed: uint256 = self._packed_member(key, member)
    charity_id: uint256 = packed & CHARITY_MASK
    weight: uint256 = packed >> WEIGHT_AT
    dropped: uint256 = self._dropped[key]
    assert dropped & (1 << member) == 0, "funds: already dropped"
    assert staticcall ICharityRegistry(REGISTRY).is_revoked(
        charity_id
    ), "funds: charity is not revoked"

    # Every asset ever listed, listed now or not: a total without its base would
    # be shared out by the wrong weight.
    self._freeze(key, member, NATIVE)
    for asset: address in asset_list._known:
        self._freeze(key, member, asset)
    weight_left: uint256 = ((word >> LIVE_AT) & MASK_32) - weight
    self._dropped[key] = dropped | (1 << member)
    self._epochs[key] = word - (weight << LIVE_AT) + (1 << DROPS_AT)
    if weight_left == 0:
        # Without a member left the epoch closes, and no gift finds its number.
        if not is_running:
            self._funds[fund_id] = self._without_announced(fund)
        elif self._waiting(fund) != 0:
            self._funds[fund_id] = fund - running
        else:
            self._funds[fund_id] = fund & (MASK_32 << LAST_AT)
    log Dropped(
        fund_id=fund_id,
        epoch=epoch,
        charity_id=charity_id,
        weight=weight,
        weight_left=weight_left,
    )


@external
def sweep(asset: address) -> uint256:
    """
    @notice Send what is here beyond what is owed to the reserve.
    @param asset The token; the zero address for the native coin.
    @return The amount sent (smallest unit).
    """
    amount: uint256 = self._surplus(asset)
    assert amount != 0, "funds: nothing to sweep"
    # One money may answer at two addresses (a chain's coin that is also a
    # token): no sweep may take along what is owed under another name.
    others: DynArray[address, MAX_ASSETS_AND_NATIVE] = [NATIVE]
    before: DynArray[uint256, MAX_ASSETS_AND_NATIVE] = []
    for known: address in asset_list._known:
        others.append(known)
    for other: address in others:
        before.append(self._balance_behind_debt(other, asset))
    log Swept(asset=asset, amount=amount)
    transfers._push(asset, RESERVE, amount)
    for i: uint256 in range(len(others), bound=MAX_ASSETS_AND_NATIVE):
        assert (
            self._balance_behind_debt(others[i], asset) >= before[i]
        ), "funds: sweep would touch what is owed"
    return amount


# =============================== TIMELOCK ===================================

@external
def create_fund(name: String[64]) -> uint256:
    """
    @notice Open a new fund; it takes gifts from its first epoch on.
    @param name What donors call it.
    @return The fund's number.
    """
    self._check_timelock()
    assert len(name) != 0, "funds: empty name"
    return self._create_fund(name)


@external
def announce_epoch(
    fund_id: uint256,
    charity_ids: DynArray[uint256, MAX_MEMBERS],
    weights: DynArray[uint256, MAX_MEMBERS],
) -> uint256:
    """
    @notice Announce a fund's next list. It runs by itself once the notice is
            over; earlier gifts stay with the lists they were made to.
    @param fund_id The fund.
    @param charity_ids Charities in the registry and not revoked, ascending, at most 200.
    @param weights Their weights, 1 to 10,000 each; only their ratio counts.
    @return The epoch's number, which no other epoch of the fund has ever had.
    """
    self._check_timelock()
    assert fund_id != 0 and fund_id <= self.fund_count, "funds: unknown fund"
    count: uint256 = len(charity_ids)
    assert count != 0, "funds: no members"
    assert count == len(weights), "funds: as many weights as members"
    fund: uint256 = self._funds[fund_id]
    assert self._waiting(fund) == 0, "funds: an epoch is announced"
    # Reverts, with the reason, for one that is unknown or revoked.
    assert staticcall ICharityRegistry(REGISTRY).have_standing(charity_ids)

    epoch: uint256 = ((fund >> LAST_AT) & MASK_32) + 1
    key: uint256 = self._key(fund_id, epoch)
    words: DynArray[uint256, MAX_WORDS] = []
    word: uint256 = 0
    offset: uint256 = 0
    total_weight: uint256 = 0
    last_id: uint256 = 0
    for i: uint256 in range(count, bound=MAX_MEMBERS):
        charity_id: uint256 = charity_ids[i]
        weight: uint256 = weights[i]
        assert charity_id > last_id, "funds: members not ascending"
        assert weight != 0, "funds: zero weight"
        assert weight <= MAX_WEIGHT, "funds: weight over 10,000"
        last_id = charity_id
        # At most 200 * 10,000.
        total_weight = unsafe_add(total_weight, weight)
        # The registry gives no number above 2**18 - 1.
        word |= (charity_id | (weight << WEIGHT_AT)) << offset
        offset = unsafe_add(offset, 32)  # at most 256
        if offset == 256:
            self._members[key][len(words)] = word
            words.append(word)
            word = 0
            offset = 0
    if offset != 0:
        self._members[key][len(words)] = word
        words.append(word)
    starts_at: uint256 = block.timestamp + EPOCH_NOTICE
    self._epochs[key] = (
        total_weight | (total_weight << LIVE_AT) | (count << COUNT_AT)
    )
    self._funds[fund_id] = (
        self._running(fund)
        | (epoch << ANNOUNCED_AT)
        | (epoch << LAST_AT)
        | (starts_at << START_AT)
    )
    log EpochAnnounced(
        fund_id=fund_id,
        epoch=epoch,
        starts_at=starts_at,
        member_count=count,
        total_weight=total_weight,
        members=words,
    )
    return epoch


@external
def cancel_epoch(fund_id: uint256, epoch: uint256):
    """
    @notice Take back an announced epoch before it starts.
    @param fund_id The fund.
    @param epoch The announced epoch.
    """
    self._check_timelock()
    fund: uint256 = self._funds[fund_id]
    assert (
        epoch != 0 and epoch == self._waiting(fund)
    ), "funds: epoch is not announced"
    self._funds[fund_id] = self._without_announced(fund)
    log EpochCancelled(fund_id=fund_id, epoch=epoch)


@external
def list_asset(asset: address):
    """
    @notice Take a token. Not for tokens that take a fee, rebase or call back;
            every transfer in is measured.
    @param asset The token, 6 to 18 decimals.
    """
    self._check_timelock()
    asset_list._list(asset_list.Listing(asset=asset, is_measured=True))
    if block.timestamp < entry_stop.stopped_until:
        asset_list._stop_one(asset, entry_stop.stopped_until)


@external
def unlist_asset(asset: address):
    """
    @notice Take a token no more. What was given in it can still be claimed.
    @param asset The token.
    """
    self._check_timelock()
    asset_list._unlist(asset)


@external
def set_guardian(guardian_: address):
    """
    @notice Name another guardian; the time of its next stop stays.
    @param guardian_ The new guardian.
    """
    self._check_timelock()
    entry_stop._set_guardian(guardian_)


# =============================== GUARDIAN ===================================

@external
def stop_entries():
    """
    @notice The guardian stops gifts to all funds for 7 days; not again for 30 days.
    """
    asset_list._stop_until(entry_stop._stop())


@external
def resume_entries():
    """
    @notice The guardian lets gifts in again before the 7 days are over.
    """
    entry_stop._resume()
    asset_list._stop_until(0)


# ================================= VIEWS ====================================

@view
@external
def running_epoch(fund_id: uint256) -> uint256:
    """
    @notice The epoch that a gift must name now.
    @param fund_id The fund.
    @return Its number; 0 while the fund takes no gifts.
    """
    return self._running(self._funds[fund_id])


@view
@external
def announced_epoch(fund_id: uint256) -> (uint256, uint256):
    """
    @notice The epoch that will run next.
    @param fund_id The fund.
    @return Its number and the second it starts; zeros if none is announced.
    """
    fund: uint256 = self._funds[fund_id]
    epoch: uint256 = self._waiting(fund)
    if epoch == 0:
        return 0, 0
    return epoch, fund >> START_AT


@view
@external
def epoch_info(fund_id: uint256, epoch: uint256) -> EpochInfo:
    """
    @notice An epoch's weights and members.
    @param fund_id The fund.
    @param epoch The epoch.
    @return total_weight, live_weight (without the dropped), member_count, drop_count.
    """
    word: uint256 = self._epochs[self._key(fund_id, epoch)]
    return EpochInfo(
        total_weight=word & MASK_32,
        live_weight=(word >> LIVE_AT) & MASK_32,
        member_count=(word >> COUNT_AT) & MASK_16,
        drop_count=(word >> DROPS_AT) & MASK_16,
    )


@view
@external
def members(fund_id: uint256, epoch: uint256) -> DynArray[Member, MAX_MEMBERS]:
    """
    @notice An epoch's list.
    @param fund_id The fund.
    @param epoch The epoch.
    @return charity_id, weight and is_dropped of each member, in order.
    """
    key: uint256 = self._key(fund_id, epoch)
    word: uint256 = self._epochs[key]
    dropped: uint256 = self._dropped[key]
    found: DynArray[Member, MAX_MEMBERS] = []
    for i: uint256 in range((word >> COUNT_AT) & MASK_16, bound=MAX_MEMBERS):
        packed: uint256 = self._packed_member(key, i)
        found.append(
            Member(
                charity_id=packed & CHARITY_MASK,
                weight=packed >> WEIGHT_AT,
                is_dropped=dropped & (1 << i) != 0,
            )
        )
    return found


@view
@external
def claimable(
    fund_id: uint256, epoch: uint256, member: uint256, asset: address
) -> uint256:
    """
    @notice What a charity could claim now.
    @param fund_id The fund.
    @param epoch The epoch.
    @param member The charity's place in the epoch's list, from 0.
    @param asset The token; the zero address for the native coin.
    @return The amount (smallest unit).
    """
    key: uint256 = self._key(fund_id, epoch)
    account: uint256 = self._accounts[key][asset][member]
    return self._earned_down(
        key,
        member,
        self._packed_member(key, member) >> WEIGHT_AT,
        asset,
        account,
    ) - (account & MASK_128)


@view
@external
def claimed(
    fund_id: uint256, epoch: uint256, member: uint256, asset: address
) -> uint256:
    """
    @notice What a charity has been paid of an epoch.
    @param fund_id The fund.
    @param epoch The epoch.
    @param member The charity's place in the epoch's list, from 0.
    @param asset The token; the zero address for the native coin.
    @return The amount (smallest unit).
    """
    return (self._accounts[self._key(fund_id, epoch)][asset][member] & MASK_128)


@view
@external
def total_given(fund_id: uint256, epoch: uint256, asset: address) -> uint256:
    """
    @notice Everything given to a fund in an epoch.
    @param fund_id The fund.
    @param epoch The epoch.
    @param asset The token; the zero address for the native coin.
    @return The amount (smallest unit).
    """
    return self._totals[self._key(fund_id, epoch)][asset] & MAX_TOTAL


@view
@external
def liability(asset: address) -> uint256:
    """
    @notice What this contract owes to all charities together: given less claimed.
    @param asset The token; the zero address for the native coin.
    @return The amount (smallest unit).
    """
    return asset_list._words[asset] >> asset_list.OWED_AT


@view
@external
def surplus(asset: address) -> uint256:
    """
    @notice What is here beyond what is owed, and can be swept to the reserve.
    @param asset The token; the zero address for the native coin.
    @return The amount (smallest unit).
    """
    return self._surplus(asset)


# =============================== INTERNALS ==================================

@payable
@internal
def _donate_token(
    fund_id: uint256,
    epoch: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    receipt: bool,
):
    assert msg.value == 0, "funds: value sent with a token gift"
    assert asset != NATIVE, "funds: asset is not listed"
    # Entered before the transfer, so that a token which calls back finds the
    # books ahead of the money, never behind.
    owed: uint256 = self._enter(fund_id, epoch, asset, amount, memo, receipt)
    before: uint256 = staticcall IERC20(asset).balanceOf(self)
    # Whoever gives now must not give for what was lost before.
    assert before >= owed, "funds: the asset is short"
    transfers._pull(asset, msg.sender, self, amount)
    assert (
        staticcall IERC20(asset).balanceOf(self) == before + amount
    ), "funds: the asset took a fee"


@internal
def _enter(
    fund_id: uint256,
    epoch: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    receipt: bool,
) -> uint256:
    """
    @dev Books a gift. Returns what was owed in the asset before it.
    """
    asset_word: uint256 = asset_list._words[asset]
    assert asset_word & asset_list.LISTED != 0, "funds: asset is not listed"
    assert (
        block.timestamp
        >= (asset_word >> asset_list.STOPPED_AT) & asset_list.STOPPED_MASK
    ), "funds: entries are stopped"
    assert amount != 0, "funds: zero amount"
    if epoch != self._running(self._funds[fund_id]) or epoch == 0:
        self._refuse_epoch(fund_id)
    key: uint256 = (fund_id << 32) | epoch  # both exist, so both fit
    total: uint256 = self._totals[key][asset]
    if total == 0:
        word: uint256 = self._epochs[key]
        total = (word & MASK_32) << WEIGHT_IN_TOTAL_AT
        if (word >> DROPS_AT) & MASK_16 != 0:
            total |= HAS_DROPS
    # The cap on T caps the amount too, so that none of its bits is shifted out
    # of the asset's word; nor can the sum of 2**24 full totals pass 128 bits.
    assert (amount <= MAX_TOTAL - (total & MAX_TOTAL)), "funds: total too large"
    self._totals[key][asset] = unsafe_add(total, amount)
    asset_list._words[asset] = unsafe_add(
        asset_word, amount << asset_list.OWED_AT
    )
    log FundDonated(
        donor=msg.sender,
        fund_id=fund_id,
        epoch=epoch,
        asset=asset,
        amount=amount,
        memo=memo,
    )
    if receipt:
        extcall IReceiptBook(RECEIPTS).mint(
            msg.sender, fund_id, epoch, asset, amount, memo
        )
    return asset_word >> asset_list.OWED_AT


@view
@internal
def _refuse_epoch(fund_id: uint256):
    assert (fund_id != 0 and fund_id <= self.fund_count), "funds: unknown fund"
    assert (
        self._running(self._funds[fund_id]) != 0
    ), "funds: fund has no epoch"
    raise "funds: epoch is not running"


@internal
def _settle(
    fund_id: uint256, epoch: uint256, member: uint256, asset: address
) -> (uint256, uint256):
    """
    @dev Books what is due as paid. Returns the charity and the amount.
    """
    key: uint256 = self._key(fund_id, epoch)
    packed: uint256 = self._packed_member(key, member)
    account: uint256 = self._accounts[key][asset][member]
    due: uint256 = self._earned_down(
        key, member, packed >> WEIGHT_AT, asset, account
    ) - (account & MASK_128)
    if due != 0:
        # claimed + due <= V * w / W < 2**125: the frozen V above is not touched.
        self._accounts[key][asset][member] = unsafe_add(account, due)
        # What is owed includes what is due.
        asset_list._words[asset] -= due << asset_list.OWED_AT
    return packed & CHARITY_MASK, due


@internal
def _unsettle(
    fund_id: uint256,
    epoch: uint256,
    member: uint256,
    asset: address,
    amount: uint256,
):
    """
    @dev Takes back a `_settle` whose payment failed.
    """
    self._accounts[self._key(fund_id, epoch)][asset][member] -= amount
    asset_list._words[asset] += amount << asset_list.OWED_AT


@internal
def _freeze(key: uint256, member: uint256, asset: address):
    """
    @dev Before a drop: notes T and V of an asset as the base for later gifts,
         and V as the dropped member's last.
    """
    total: uint256 = self._totals[key][asset]
    if total == 0:
        return
    value: uint256 = self._value_down(key, asset, total)
    self._totals[key][asset] = total | HAS_DROPS
    self._bases[key][asset] = (total & MAX_TOTAL) | (value << 128)
    self._accounts[key][asset][member] |= value << 128


@view
@internal
def _value_down(key: uint256, asset: address, total: uint256) -> uint256:
    """
    @dev V: T as it would be, had every gift since a drop been larger in the
         ratio of the total weight to the weight left. Below 2**104 * total
         weight < 2**125.
    """
    if total & HAS_DROPS == 0:
        return total & MAX_TOTAL
    base: uint256 = self._bases[key][asset]
    gifts: uint256 = (total & MAX_TOTAL) - (base & MASK_128)
    if gifts == 0:
        # Also when no member is left, and with it no weight to divide by.
        return base >> 128
    word: uint256 = self._epochs[key]
    return (base >> 128) + gifts * (word & MASK_32) // (
        (word >> LIVE_AT) & MASK_32
    )


@view
@internal
def _earned_down(
    key: uint256,
    member: uint256,
    weight: uint256,
    asset: address,
    account: uint256,
) -> uint256:
    """
    @dev floor(V * w / W) with the member's own V, frozen or live.
    """
    total: uint256 = self._totals[key][asset]
    if total == 0:
        return 0
    value: uint256 = 0
    if total & HAS_DROPS != 0 and self._dropped[key] & (1 << member) != 0:
        value = account >> 128
    else:
        value = self._value_down(key, asset, total)
    # Below 2**125 * 2**14; the weight in a total's word is never 0.
    return unsafe_div(
        unsafe_mul(value, weight), (total >> WEIGHT_IN_TOTAL_AT) & MASK_32
    )


@view
@internal
def _packed_member(key: uint256, member: uint256) -> uint256:
    """
    @dev Charity (18 bits) and weight (14 bits) at a place of an epoch's list.
         Behind the last member, and in an epoch that is none, all bits are 0.
    """
    packed: uint256 = (
        self._members[key][member >> 3] >> (32 * (member & 7))
    ) & MEMBER_MASK
    assert packed != 0, "funds: no such member"
    return packed


@pure
@internal
def _key(fund_id: uint256, epoch: uint256) -> uint256:
    # A number that does not fit would reach into another fund's books.
    assert fund_id <= MASK_32 and epoch <= MASK_32, "funds: no such epoch"
    return (fund_id << 32) | epoch


@view
@internal
def _running(fund: uint256) -> uint256:
    """
    @dev The running epoch of a fund's word; an announced one runs from its start on.
    """
    announced: uint256 = (fund >> ANNOUNCED_AT) & MASK_32
    if announced != 0 and block.timestamp >= fund >> START_AT:
        return announced
    return fund & MASK_32


@view
@internal
def _waiting(fund: uint256) -> uint256:
    """
    @dev The announced epoch that has not started.
    """
    if block.timestamp >= fund >> START_AT:
        return 0
    return (fund >> ANNOUNCED_AT) & MASK_32


@view
@internal
def _without_announced(fund: uint256) -> uint256:
    """
    @dev A fund's word with only its running and its last epoch.
    """
    return self._running(fund) | (fund & (MASK_32 << LAST_AT))


@view
@internal
def _surplus(asset: address) -> uint256:
    held: uint256 = transfers._balance(asset, self)
    owed: uint256 = asset_list._words[asset] >> asset_list.OWED_AT
    return held - owed if held > owed else 0


@view
@internal
def _balance_behind_debt(asset: address, swept: address) -> uint256:
    """
    @dev What is here of an asset in which something is owed, the swept one apart.
    """
    if asset == swept or asset_list._words[asset] >> asset_list.OWED_AT == 0:
        return 0
    return transfers._balance(asset, self)


@internal
def _create_fund(name: String[64]) -> uint256:
    fund_id: uint256 = self.fund_count + 1
    self.fund_count = fund_id
    log FundCreated(fund_id=fund_id, name=name)
    return fund_id


@internal
def _log_claimed(
    fund_id: uint256,
    charity_id: uint256,
    asset: address,
    epoch: uint256,
    receiver: address,
    amount: uint256,
):
    log Claimed(
        fund_id=fund_id,
        charity_id=charity_id,
        asset=asset,
        epoch=epoch,
        receiver=receiver,
        amount=amount,
    )


@view
@internal
def _check_timelock():
    assert msg.sender == TIMELOCK, "funds: not the timelock"
