# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Campaign
@license AGPL-3.0-only
@author DonaBlock
@notice One fundraiser for one verified charity, and its collection of NFTs. A
        backer pledges at least a tier's price and gets that tier's token at
        once (ERC-721). The campaign succeeds at its deadline when the goal is
        reached (all or nothing), or when anything was raised (keep what you
        raise). Success pays the charity, at once or milestone by milestone;
        failure gives every backer back what it pledged and burns its tokens.

        Tokens cannot move (ERC-5192) as long as a refund is possible, so that
        who holds one is who paid for it.

        Every campaign is a minimal proxy (ERC-1167) of one implementation,
        made and opened in one transaction by the factory.
@custom:exit Backers: `refund_for`, by anybody, or `refund_to` by the backer,
             once the campaign failed or a milestone was rejected. The charity:
             `claim`, by anybody, or `claim_to` by its payee. Nobody can stop
             these. A campaign that nobody tends still ends: after the deadline
             anybody can `finalise`, after 14 days of voting or 180 days without
             a report anybody can `settle`.
@custom:trust The creator and the charity's payee can cancel before the end and
              report milestones; neither can redirect money. The charity's
              payee is what the registry says. Backers decide on milestones by
              what they pledged; a creator's own pledges vote like others'. The
              factory's guardian can stop pledges for 7 days, once in 30.
"""

# ============================== INTERFACES ==================================

from ethereum.ercs import IERC20
from ethereum.ercs import IERC165
from ethereum.ercs import IERC721

from interfaces import ICampaign
from interfaces import ICampaignFactory
from interfaces import ICharityRegistry

implements: IERC165
implements: IERC721
implements: ICampaign


interface ITokenReceiver:
    def onERC721Received(
        operator: address,
        owner: address,
        token_id: uint256,
        data: Bytes[MAX_DATA],
    ) -> bytes4: nonpayable


# ================================ MODULES ===================================

from contracts.modules import plain_text
from contracts.modules import transfers

# ================================ EVENTS ====================================

event Opened:
    charity_id: indexed(uint256)
    creator: indexed(address)
    asset: indexed(address)
    goal: uint256
    deadline: uint256
    is_all_or_nothing: bool


event Pledged:
    backer: indexed(address)
    token_id: indexed(uint256)
    memo: indexed(bytes32)
    tier: uint256
    amount: uint256


event Finalised:
    outcome: uint256
    raised: uint256


event Cancelled:
    cancelled_by: indexed(address)


event Refunded:
    backer: indexed(address)
    receiver: indexed(address)
    amount: uint256


event RefundFailed:
    backer: indexed(address)
    amount: uint256


event Claimed:
    charity_id: indexed(uint256)
    receiver: indexed(address)
    amount: uint256


event Reported:
    stage: indexed(uint256)
    reported_by: indexed(address)
    report: bytes32
    uri: String[plain_text.MAX_TEXT]


event Voted:
    stage: indexed(uint256)
    backer: indexed(address)
    is_approved: bool
    weight: uint256


event Settled:
    stage: indexed(uint256)
    is_released: bool
    amount: uint256


event Swept:
    asset: indexed(address)
    amount: uint256


# ERC-5192
event Locked:
    tokenId: uint256


event Unlocked:
    tokenId: uint256


# ERC-4906
event BatchMetadataUpdate:
    _fromTokenId: uint256
    _toTokenId: uint256


# =============================== STRUCTS ====================================

struct Promise:
    asset: address
    charity_id: uint256
    deadline: uint256
    is_all_or_nothing: bool
    royalty: uint256
    tiers: uint256
    milestones: uint256
    shares: uint256


struct Status:
    state: uint256
    raised: uint256
    released: uint256
    claimed: uint256
    refunded: uint256
    stage: uint256
    stage_began_at: uint256
    reported_at: uint256
    approvals: uint256
    objections: uint256


# ============================== CONSTANTS ===================================

NATIVE: constant(address) = empty(address)

# @dev What `state` answers. 0 is a proxy that was never opened.
OPEN: constant(uint256) = 1
FAILED: constant(uint256) = 2
SUCCEEDED: constant(uint256) = 3
STAGED: constant(uint256) = 4
REJECTED: constant(uint256) = 5

# @dev CharityRegistry's word for a suspended charity.
SUSPENDED: constant(uint256) = 2

MAX_TIERS: public(constant(uint256)) = 8
MAX_STAGES: public(constant(uint256)) = 8
MAX_DURATION: public(constant(uint256)) = 3_650 * 86_400
# Pledges of one backer: a refund burns all of its tokens.
MAX_PLEDGES: public(constant(uint256)) = 64
MAX_REFUNDS: public(constant(uint256)) = 32
MAX_ROYALTY: public(constant(uint256)) = 1_000
BASIS: constant(uint256) = 10_000
# Seconds in which backers vote on a report, and in which one must come.
VOTE: public(constant(uint256)) = 14 * 86_400
PATIENCE: public(constant(uint256)) = 180 * 86_400
# Most that can be raised (smallest unit): four such figures fit two words.
MAX_RAISED: public(constant(uint256)) = 2**128 - 1

MAX_DATA: constant(uint256) = 1_024
MAX_URI: constant(uint256) = 20_509

# ERC-165, ERC-721, ERC-721 metadata, ERC-2981, ERC-4906, ERC-5192.
SUPPORTED_INTERFACES: constant(bytes4[6]) = [
    0x01ffc9a7,
    0x80ac58cd,
    0x5b5e139f,
    0x2a55205a,
    0x49064906,
    0xb45a3c0e,
]

MASK_8: constant(uint256) = 2**8 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_128: constant(uint256) = 2**128 - 1
MASK_160: constant(uint256) = 2**160 - 1

# asset 160 bits | charity id 32 | deadline 40 | royalty 14 | all or nothing 1 | stages 4
CHARITY_AT: constant(uint256) = 160
DEADLINE_AT: constant(uint256) = 192
ROYALTY_AT: constant(uint256) = 232
ROYALTY_MASK: constant(uint256) = 2**14 - 1
POLICY_AT: constant(uint256) = 246
STAGES_AT: constant(uint256) = 247
# raised 128 bits | tokens ever minted 32 | state 8
COUNT_AT: constant(uint256) = 128
STATE_AT: constant(uint256) = 160
# price 128 bits | supply 32 | sold 32
SUPPLY_AT: constant(uint256) = 128
SOLD_AT: constant(uint256) = 160
# contribution 128 bits | tokens held 32 | last token pledged for 32 | stages voted on 8
HELD_AT: constant(uint256) = 128
LAST_AT: constant(uint256) = 160
VOTED_AT: constant(uint256) = 192
# owner 160 bits | tier 8 | the same backer's token before it 32
TIER_AT: constant(uint256) = 160
BEFORE_AT: constant(uint256) = 168
# goal 128 bits | claimed 128
CLAIMED_AT: constant(uint256) = 128
# stage 8 bits | began at 40 | reported at 40 (0: not yet) | released 128
BEGAN_AT: constant(uint256) = 8
REPORTED_AT: constant(uint256) = 48
RELEASED_AT: constant(uint256) = 88

# ============================== IMMUTABLES ==================================

FACTORY: public(immutable(address))
REGISTRY: public(immutable(address))
RESERVE: public(immutable(address))

# ================================ STORAGE ===================================

name: public(reentrant(String[64]))
symbol: public(reentrant(String[16]))
# Who opened the campaign.
creator: public(address)

_terms: uint256
_totals: uint256
# @dev The goal and what the charity has claimed: one word, so that a claim need
#      not write a new one.
_goal: uint256
# @dev money refunded 128 bits | contributions it was for 128
_refunds: uint256
_stage: uint256
# @dev tier from 0
_tiers: uint256[MAX_TIERS]
_artwork: HashMap[uint256, String[plain_text.MAX_TEXT]]
_tier_count: uint256
_uri: String[plain_text.MAX_TEXT]
# @dev basis points, 16 bits each
_milestones: uint256
_backers: HashMap[address, uint256]
_tokens: HashMap[uint256, uint256]
# @dev stage -> approvals 128 bits | objections 128
_votes: HashMap[uint256, uint256]
_approved: HashMap[uint256, address]
_operators: HashMap[address, HashMap[address, bool]]


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(factory: address, registry: address, reserve: address):
    """
    @param factory CampaignFactory, the only one to open campaigns.
    @param registry CharityRegistry.
    @param reserve EcosystemReserve, where surplus goes.
    """
    assert factory != empty(address), "campaign: zero factory"
    assert registry != empty(address), "campaign: zero registry"
    assert reserve != empty(address), "campaign: zero reserve"
    FACTORY = factory
    REGISTRY = registry
    RESERVE = reserve


# ================================ FACTORY ===================================

@external
def initialise(charity_id: uint256, creator: address, terms: ICampaign.Terms):
    """
    @notice Open the campaign. The factory has looked at charity, creator and asset.
    @param charity_id The charity.
    @param creator Who opens it.
    @param terms What it promises; nothing of it can change afterwards.
    """
    assert msg.sender == FACTORY, "campaign: not the factory"
    assert self._totals == 0, "campaign: opened already"
    assert terms.goal != 0, "campaign: zero goal"
    assert terms.goal <= MAX_RAISED, "campaign: goal too large"
    assert terms.deadline > block.timestamp, "campaign: deadline has passed"
    assert (
        terms.deadline <= block.timestamp + MAX_DURATION
    ), "campaign: deadline too far"
    assert terms.royalty <= MAX_ROYALTY, "campaign: royalty too high"
    assert len(terms.name) != 0, "campaign: no name"
    assert len(terms.symbol) != 0, "campaign: no symbol"
    self._check_plain(convert(terms.name, Bytes[plain_text.MAX_TEXT]))
    self._check_plain(convert(terms.symbol, Bytes[plain_text.MAX_TEXT]))
    self._check_plain(convert(terms.uri, Bytes[plain_text.MAX_TEXT]))
    assert len(terms.tiers) != 0, "campaign: no tier"
    for i: uint256 in range(len(terms.tiers), bound=MAX_TIERS):
        tier: ICampaign.Tier = terms.tiers[i]
        assert tier.price != 0, "campaign: zero price"
        assert tier.price <= MAX_RAISED, "campaign: price too high"
        assert tier.supply != 0, "campaign: tier without supply"
        assert tier.supply <= MASK_32, "campaign: supply too large"
        self._check_plain(convert(tier.uri, Bytes[plain_text.MAX_TEXT]))
        self._tiers[i] = tier.price | (tier.supply << SUPPLY_AT)
        self._artwork[i] = tier.uri
    milestones: uint256 = 0
    staged: uint256 = 0
    for i: uint256 in range(len(terms.milestones), bound=MAX_STAGES):
        share: uint256 = terms.milestones[i]
        assert share != 0, "campaign: milestone without share"
        assert share <= BASIS, "campaign: milestones over 100 %"
        staged += share
        milestones |= share << (16 * i)
    assert staged <= BASIS, "campaign: milestones over 100 %"

    self.name = terms.name
    self.symbol = terms.symbol
    self.creator = creator
    self._goal = terms.goal
    self._uri = terms.uri
    self._tier_count = len(terms.tiers)
    self._milestones = milestones
    self._terms = (
        convert(terms.asset, uint256)
        | (charity_id << CHARITY_AT)
        | (terms.deadline << DEADLINE_AT)
        | (terms.royalty << ROYALTY_AT)
        | (convert(terms.is_all_or_nothing, uint256) << POLICY_AT)
        | (len(terms.milestones) << STAGES_AT)
    )
    self._totals = OPEN << STATE_AT
    log Opened(
        charity_id=charity_id,
        creator=creator,
        asset=terms.asset,
        goal=terms.goal,
        deadline=terms.deadline,
        is_all_or_nothing=terms.is_all_or_nothing,
    )


# ================================ BACKERS ===================================

@payable
@external
def pledge_native(tier: uint256, memo: bytes32) -> uint256:
    """
    @notice Pledge the coin sent along, at least the tier's price; all of it counts.
    @param tier The tier, from 0.
    @param memo The backer's reference: logged, not stored, not unique.
    @return The token's number.
    """
    terms: uint256 = self._terms
    assert terms & MASK_160 == 0, "campaign: not in the native coin"
    return self._enter(terms, tier, msg.value, memo)


@external
def pledge_token(tier: uint256, amount: uint256, memo: bytes32) -> uint256:
    """
    @notice Pledge out of the backer's allowance to this contract.
    @param tier The tier, from 0.
    @param amount At least the tier's price (smallest unit); all of it counts.
    @param memo The backer's reference: logged, not stored, not unique.
    @return The token's number.
    """
    return self._pledge_token(tier, amount, memo)


@external
def pledge_token_with_permit(
    tier: uint256,
    amount: uint256,
    memo: bytes32,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
) -> uint256:
    """
    @notice `pledge_token` with an EIP-2612 permit by the sender for the amount.
            A permit that fails is ignored: the allowance decides.
    @param tier The tier, from 0.
    @param amount At least the tier's price (smallest unit); all of it counts.
    @param memo The backer's reference: logged, not stored, not unique.
    @param deadline The permit's deadline (s).
    @param v The permit's signature.
    @param r The permit's signature.
    @param s The permit's signature.
    @return The token's number.
    """
    asset: address = self._asset(self._terms)
    assert asset != NATIVE, "campaign: in the native coin"
    transfers._permit(asset, amount, deadline, v, r, s)
    return self._pledge_token(tier, amount, memo)


@external
def vote(is_approved: bool):
    """
    @notice A backer approves the reported milestone, or objects, with the weight
            of all it pledged; once for each milestone, while the vote is open.
    @param is_approved False to object.
    """
    assert self._state() == STAGED, "campaign: no milestone to vote on"
    stage_word: uint256 = self._stage
    stage: uint256 = stage_word & MASK_8
    reported_at: uint256 = (stage_word >> REPORTED_AT) & MASK_40
    assert reported_at != 0, "campaign: nothing reported"
    assert block.timestamp < reported_at + VOTE, "campaign: vote is over"
    backer: uint256 = self._backers[msg.sender]
    weight: uint256 = backer & MASK_128
    assert weight != 0, "campaign: not a backer"
    mark: uint256 = 1 << (VOTED_AT + stage)
    assert backer & mark == 0, "campaign: voted already"
    self._backers[msg.sender] = backer | mark
    # The sum of all weights is at most MAX_RAISED, so neither half runs over.
    if is_approved:
        self._votes[stage] += weight
    else:
        self._votes[stage] += weight << 128
    log Voted(
        stage=stage, backer=msg.sender, is_approved=is_approved, weight=weight
    )


@external
def refund_to(receiver: address) -> uint256:
    """
    @notice A backer takes its refund to another address, where its own cannot
            receive it.
    @param receiver Who gets the money.
    @return What was paid (smallest unit).
    """
    assert receiver != empty(address), "campaign: zero receiver"
    assert receiver != self, "campaign: receiver is the campaign"
    return self._refund(msg.sender, receiver)


# ================================ ANYBODY ===================================

@external
def refund_for(backer: address) -> uint256:
    """
    @notice Pay a backer back, to the backer alone; burns its tokens where the
            campaign failed. After a rejected milestone the part not released is
            shared by what was pledged.
    @param backer Whom.
    @return What was paid (smallest unit).
    """
    return self._refund(backer, backer)


@external
def refund_many(backers: DynArray[address, MAX_REFUNDS]) -> uint256:
    """
    @notice `refund_for` for many. Where nothing is due it is passed over; a
            payment that fails (`RefundFailed`) stays due and does not disturb
            the rest. A backer of the native coin gets 100,000 gas here.
    @param backers Whom, at most 32.
    @return What was paid in all (smallest unit).
    """
    asset: address = self._asset(self._terms)
    paid: uint256 = 0
    for backer: address in backers:
        word: uint256 = self._backers[backer]
        refunds: uint256 = self._refunds
        amount: uint256 = self._due_back(word)
        if word & MASK_128 == 0:
            continue
        # Booked before the money moves, and booked back where it did not.
        self._book_refund(backer, word, amount)
        if amount == 0 or transfers._try_push(asset, backer, amount):
            self._release_tokens(backer, word)
            paid += amount
            log Refunded(backer=backer, receiver=backer, amount=amount)
        else:
            self._backers[backer] = word
            self._refunds = refunds
            log RefundFailed(backer=backer, amount=amount)
    return paid


@external
def finalise() -> uint256:
    """
    @notice Decide the campaign once its deadline has come, or as soon as its
            charity is revoked. While a charity that succeeded is suspended (at
            most 30 days) this waits.
    @return The state: 2 failed, 3 succeeded, 4 succeeded in milestones.
    """
    terms: uint256 = self._terms
    totals: uint256 = self._totals
    assert (totals >> STATE_AT) & MASK_8 == OPEN, "campaign: not open"
    raised: uint256 = totals & MASK_128
    standing: uint256 = staticcall ICharityRegistry(REGISTRY).status(
        (terms >> CHARITY_AT) & MASK_32
    )
    outcome: uint256 = FAILED
    if standing > 1:
        assert (
            block.timestamp >= (terms >> DEADLINE_AT) & MASK_40
        ), "campaign: still open"
        is_strict: bool = (terms >> POLICY_AT) & 1 == 1
        if raised != 0 and (not is_strict or raised >= self._goal & MASK_128):
            assert standing != SUSPENDED, "campaign: charity is suspended"
            outcome = STAGED if terms >> STAGES_AT != 0 else SUCCEEDED
    self._set_state(outcome)
    log Finalised(outcome=outcome, raised=raised)
    if outcome == SUCCEEDED:
        self._log_all_changed()
    elif outcome == STAGED:
        staged: uint256 = 0
        shares: uint256 = self._milestones
        for i: uint256 in range(MAX_STAGES):
            staged += (shares >> (16 * i)) & (2**16 - 1)
        self._stage = (block.timestamp << BEGAN_AT) | (
            (raised * (BASIS - staged) // BASIS) << RELEASED_AT
        )
    return outcome


@external
def settle() -> bool:
    """
    @notice Close the running milestone: 14 days after its report, released unless
            objectors pledged more than approvers; rejected when 180 days brought
            no report.
    @return Whether its share was released.
    """
    assert self._state() == STAGED, "campaign: no milestone to settle"
    word: uint256 = self._stage
    stage: uint256 = word & MASK_8
    reported_at: uint256 = (word >> REPORTED_AT) & MASK_40
    is_released: bool = False
    if reported_at == 0:
        assert (
            block.timestamp >= ((word >> BEGAN_AT) & MASK_40) + PATIENCE
        ), "campaign: a report may still come"
    else:
        assert block.timestamp >= reported_at + VOTE, "campaign: vote is open"
        votes: uint256 = self._votes[stage]
        is_released = votes >> 128 <= votes & MASK_128
    if not is_released:
        self._reject(stage)
        return False
    raised: uint256 = self._totals & MASK_128
    released: uint256 = word >> RELEASED_AT
    amount: uint256 = (
        raised * ((self._milestones >> (16 * stage)) & (2**16 - 1)) // BASIS
    )
    is_last: bool = stage + 1 == self._terms >> STAGES_AT
    if is_last:
        # The last takes what rounding left.
        amount = raised - released
        self._set_state(SUCCEEDED)
    else:
        self._stage = (
            (stage + 1)
            | (block.timestamp << BEGAN_AT)
            | ((released + amount) << RELEASED_AT)
        )
    log Settled(stage=stage, is_released=True, amount=amount)
    if is_last:
        self._log_all_changed()
    return True


@external
def claim() -> uint256:
    """
    @notice Pay what has been released to the charity's payee.
    @return What was paid (smallest unit).
    """
    return self._claim(
        staticcall ICharityRegistry(REGISTRY).payee(self._charity_id())
    )


@external
def sweep(asset: address) -> uint256:
    """
    @notice Send what is here beyond what is owed to the reserve.
    @param asset A token, or zero for the native coin.
    @return What was sent (smallest unit).
    """
    own: address = self._asset(self._terms)
    owed: uint256 = self._liability()
    held: uint256 = transfers._balance(asset, self)
    amount: uint256 = held
    if asset == own:
        amount = held - owed if held > owed else 0
    assert amount != 0, "campaign: nothing to sweep"
    before: uint256 = min(transfers._balance(own, self), owed)
    log Swept(asset=asset, amount=amount)
    transfers._push(asset, RESERVE, amount)
    # One money may answer at two addresses.
    assert (
        transfers._balance(own, self) >= before
    ), "campaign: sweep would touch what is owed"
    return amount


# ========================= CREATOR AND CHARITY ==============================

@external
def cancel():
    """
    @notice End the campaign early: before its deadline the creator or the
            charity's payee, and everybody is paid back; during the milestones
            the payee alone, and what is not released is paid back.
    """
    state: uint256 = self._state()
    payee: address = staticcall ICharityRegistry(REGISTRY).payee(
        self._charity_id()
    )
    if state == STAGED:
        assert msg.sender == payee, "campaign: not the charity's payee"
        log Cancelled(cancelled_by=msg.sender)
        self._reject(self._stage & MASK_8)
        return
    assert state == OPEN, "campaign: not open"
    assert (
        msg.sender == self.creator or msg.sender == payee
    ), "campaign: not the creator or the payee"
    totals: uint256 = self._totals
    assert (
        block.timestamp < (self._terms >> DEADLINE_AT) & MASK_40
    ), "campaign: deadline has passed"
    self._set_state(FAILED)
    log Cancelled(cancelled_by=msg.sender)
    log Finalised(outcome=FAILED, raised=totals & MASK_128)


@external
def report(document: bytes32, uri: String[plain_text.MAX_TEXT]):
    """
    @notice The creator or the charity's payee reports the running milestone;
            the vote on it begins.
    @param document keccak256 of the report.
    @param uri Where it lies; logged, not stored.
    """
    assert self._state() == STAGED, "campaign: no milestone to report"
    assert (
        msg.sender == self.creator
        or msg.sender
        == staticcall ICharityRegistry(REGISTRY).payee(self._charity_id())
    ), "campaign: not the creator or the payee"
    word: uint256 = self._stage
    assert ((word >> REPORTED_AT) & MASK_40 == 0), "campaign: reported already"
    assert (
        block.timestamp < ((word >> BEGAN_AT) & MASK_40) + PATIENCE
    ), "campaign: too late to report"
    self._check_plain(convert(uri, Bytes[plain_text.MAX_TEXT]))
    self._stage = word | (block.timestamp << REPORTED_AT)
    log Reported(
        stage=word & MASK_8, reported_by=msg.sender, report=document, uri=uri
    )


@external
def claim_to(receiver: address) -> uint256:
    """
    @notice The charity's payee has what was released paid to another address.
    @param receiver Who gets the money.
    @return What was paid (smallest unit).
    """
    assert (
        msg.sender
        == staticcall ICharityRegistry(REGISTRY).payee(self._charity_id())
    ), "campaign: not the charity's payee"
    assert receiver != empty(address), "campaign: zero receiver"
    assert receiver != self, "campaign: receiver is the campaign"
    return self._claim(receiver)


# ============================ HOLDERS: ERC-721 ==============================

@payable
@external
def transferFrom(owner: address, receiver: address, token_id: uint256):
    """
    @notice Hand a token on, once it is unlocked.
    @param owner Who holds it.
    @param receiver Who is to hold it.
    @param token_id The token.
    """
    self._transfer(owner, receiver, token_id)


@payable
@external
def safeTransferFrom(
    owner: address,
    receiver: address,
    token_id: uint256,
    data: Bytes[MAX_DATA] = b"",
):
    """
    @notice `transferFrom`; a receiver with code must say that it takes tokens.
    @param owner Who holds it.
    @param receiver Who is to hold it.
    @param token_id The token.
    @param data For the receiver.
    """
    self._transfer(owner, receiver, token_id)
    if receiver.is_contract:
        answer: bytes4 = extcall ITokenReceiver(receiver).onERC721Received(
            msg.sender, owner, token_id, data
        )
        assert answer == 0x150b7a02, "campaign: receiver refused the token"


@payable
@external
def approve(approved: address, token_id: uint256):
    """
    @notice Let somebody hand a token on; zero takes it back.
    @param approved Who may.
    @param token_id The token.
    """
    assert msg.value == 0, "campaign: value sent"
    owner: address = self._owner(token_id)
    assert (
        msg.sender == owner or self._operators[owner][msg.sender]
    ), "campaign: not the owner or an operator"
    self._approved[token_id] = approved
    log IERC721.Approval(owner=owner, approved=approved, token_id=token_id)


@external
def setApprovalForAll(operator: address, is_approved: bool):
    """
    @notice Let somebody hand on all the sender's tokens, or no longer.
    @param operator Who may.
    @param is_approved Whether.
    """
    self._operators[msg.sender][operator] = is_approved
    log IERC721.ApprovalForAll(
        owner=msg.sender, operator=operator, approved=is_approved
    )


# ================================= VIEWS ====================================

@view
@external
def terms() -> Promise:
    """
    @notice What the campaign promised, name, symbol, goal, tiers and page apart.
    @return asset (zero is the native coin), charity_id, deadline (s),
            is_all_or_nothing, royalty (basis points), tiers (how many), milestones
            (how many) and their shares (basis points, 16 bits each, the first lowest).
    """
    word: uint256 = self._terms
    return Promise(
        asset=self._asset(word),
        charity_id=(word >> CHARITY_AT) & MASK_32,
        deadline=(word >> DEADLINE_AT) & MASK_40,
        is_all_or_nothing=(word >> POLICY_AT) & 1 == 1,
        royalty=(word >> ROYALTY_AT) & ROYALTY_MASK,
        tiers=self._tier_count,
        milestones=word >> STAGES_AT,
        shares=self._milestones,
    )


@view
@external
def goal() -> uint256:
    """
    @notice What was asked for.
    @return The amount (smallest unit).
    """
    return self._goal & MASK_128


@view
@external
def status() -> Status:
    """
    @notice Where the campaign stands.
    @return state (0 not opened, 1 open, 2 failed, 3 succeeded, 4 in milestones, 5
            rejected), and in the asset's smallest unit: raised, released to the
            charity, claimed by it, refunded; stage from 0, when it began and was
            reported (s, 0 if not), approvals and objections (what their backers pledged).
    """
    totals: uint256 = self._totals
    word: uint256 = self._stage
    votes: uint256 = self._votes[word & MASK_8]
    return Status(
        state=(totals >> STATE_AT) & MASK_8,
        raised=totals & MASK_128,
        released=self._released(),
        claimed=self._goal >> CLAIMED_AT,
        refunded=self._refunds & MASK_128,
        stage=word & MASK_8,
        stage_began_at=(word >> BEGAN_AT) & MASK_40,
        reported_at=(word >> REPORTED_AT) & MASK_40,
        approvals=votes & MASK_128,
        objections=votes >> 128,
    )


@view
@external
def tier(number: uint256) -> ICampaign.Tier:
    """
    @notice A tier.
    @param number From 0.
    @return price (smallest unit), supply, uri (of the artwork).
    """
    word: uint256 = self._tiers[number]
    return ICampaign.Tier(
        price=word & MASK_128,
        supply=(word >> SUPPLY_AT) & MASK_32,
        uri=self._artwork[number],
    )


@view
@external
def sold(tier: uint256) -> uint256:
    """
    @notice How many of a tier are sold.
    @param tier From 0.
    @return The number.
    """
    return self._tiers[tier] >> SOLD_AT


@view
@external
def contribution(backer: address) -> uint256:
    """
    @notice What a backer pledged and has not been paid back for.
    @param backer The backer.
    @return The amount (smallest unit).
    """
    return self._backers[backer] & MASK_128


@view
@external
def refundable(backer: address) -> uint256:
    """
    @notice What `refund_for` would pay now.
    @param backer The backer.
    @return The amount (smallest unit); 0 while there is no refund.
    """
    state: uint256 = self._state()
    if state != FAILED and state != REJECTED:
        return 0
    return self._due_back(self._backers[backer])


@view
@external
def has_voted(backer: address, stage: uint256) -> bool:
    """
    @notice Whether a backer has voted on a milestone.
    @param backer The backer.
    @param stage The milestone, from 0.
    @return Whether.
    """
    return (self._backers[backer] >> (VOTED_AT + stage)) & 1 == 1


@view
@external
def liability() -> uint256:
    """
    @notice What is owed, to the charity or to backers: raised - claimed - refunded.
    @return The amount (smallest unit).
    """
    return self._liability()


@view
@external
@reentrant
def ownerOf(token_id: uint256) -> address:
    """
    @notice Who holds a token; reverts if there is none.
    @param token_id The token.
    @return The holder.
    """
    return self._owner(token_id)


@view
@external
@reentrant
def balanceOf(owner: address) -> uint256:
    """
    @notice How many tokens an account holds.
    @param owner The account, not zero.
    @return The number.
    """
    assert owner != empty(address), "campaign: zero owner"
    return (self._backers[owner] >> HELD_AT) & MASK_32


@view
@external
@reentrant
def getApproved(token_id: uint256) -> address:
    """
    @notice Who may hand a token on beside its holder; reverts if there is none.
    @param token_id The token.
    @return The approved account, or zero.
    """
    self._owner(token_id)
    return self._approved[token_id]


@view
@external
@reentrant
def isApprovedForAll(owner: address, operator: address) -> bool:
    """
    @notice Whether somebody may hand on all of an account's tokens.
    @param owner The account.
    @param operator Who.
    @return Whether.
    """
    return self._operators[owner][operator]


@view
@external
@reentrant
def locked(token_id: uint256) -> bool:
    """
    @notice ERC-5192: whether a token cannot move now; reverts if there is none.
    @param token_id The token.
    @return Whether.
    """
    return self._is_locked(self._owner(token_id))


@view
@external
@reentrant
def tier_of(token_id: uint256) -> uint256:
    """
    @notice The tier of a token; reverts if there is none.
    @param token_id The token.
    @return The tier, from 0.
    """
    self._owner(token_id)
    return (self._tokens[token_id] >> TIER_AT) & MASK_8


@view
@external
@reentrant
def tokenURI(token_id: uint256) -> String[MAX_URI]:
    """
    @notice A token's metadata.
    @param token_id The token; reverts if there is none.
    @return A data address of JSON: name, image (the tier's artwork), tier, whether locked.
    """
    is_locked: bool = self._is_locked(self._owner(token_id))
    tier: uint256 = (self._tokens[token_id] >> TIER_AT) & MASK_8
    # The factory is fixed and has the room for it.
    return staticcall ICampaignFactory(FACTORY).metadata(
        self.name, token_id, self._artwork[tier], self._uri, tier, is_locked
    )


@view
@external
@reentrant
def contractURI() -> String[plain_text.MAX_TEXT]:
    """
    @notice ERC-7572: where the collection is described.
    @return The address the creator gave.
    """
    return self._uri


@view
@external
@reentrant
def royaltyInfo(token_id: uint256, price: uint256) -> (address, uint256):
    """
    @notice ERC-2981: what a resale owes the charity.
    @param token_id Any token.
    @param price What it was sold for.
    @return The charity's payee and its part of the price, rounded down.
    """
    word: uint256 = self._terms
    return (
        staticcall ICharityRegistry(REGISTRY).payee(
            (word >> CHARITY_AT) & MASK_32
        ),
        price * ((word >> ROYALTY_AT) & ROYALTY_MASK) // BASIS,
    )


@view
@external
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @notice ERC-165.
    @param interface_id An interface.
    @return Whether it is one of ERC-165, 721, 721 metadata, 2981, 4906, 5192.
    """
    return interface_id in SUPPORTED_INTERFACES


# =============================== INTERNALS ==================================

@internal
def _pledge_token(tier: uint256, amount: uint256, memo: bytes32) -> uint256:
    terms: uint256 = self._terms
    asset: address = self._asset(terms)
    assert asset != NATIVE, "campaign: in the native coin"
    # Entered before the transfer, so that a token which calls back finds the
    # books ahead of the money, never behind.
    token_id: uint256 = self._enter(terms, tier, amount, memo)
    before: uint256 = staticcall IERC20(asset).balanceOf(self)
    # Whoever pledges now must not pledge for what was lost before. All that was
    # raised is still here, since nothing is paid out while pledges come in.
    assert (
        before >= unsafe_sub(self._totals & MASK_128, amount)
    ), "campaign: the asset is short"
    transfers._pull(asset, msg.sender, self, amount)
    assert (
        staticcall IERC20(asset).balanceOf(self) == before + amount
    ), "campaign: the asset took a fee"
    return token_id


@payable
@internal
def _enter(
    terms: uint256, tier: uint256, amount: uint256, memo: bytes32
) -> uint256:
    """
    @dev Books a pledge and mints its token. No receiver is asked whether it can
         hold tokens: it need not do anything with it to be paid back.
    """
    totals: uint256 = self._totals
    assert (totals >> STATE_AT) & MASK_8 == OPEN, "campaign: not open"
    assert (
        block.timestamp < (terms >> DEADLINE_AT) & MASK_40
    ), "campaign: deadline has passed"
    is_taken: bool = staticcall ICampaignFactory(FACTORY).check_pledge(
        self._asset(terms)
    )
    payee: address = staticcall ICharityRegistry(REGISTRY).payee_for_gift(
        (terms >> CHARITY_AT) & MASK_32
    )
    assert msg.sender != payee, "campaign: backer is the payee"
    assert tier < MAX_TIERS, "campaign: unknown tier"
    tier_word: uint256 = self._tiers[tier]
    assert tier_word != 0, "campaign: unknown tier"
    assert amount >= tier_word & MASK_128, "campaign: below the price"
    assert (
        (tier_word >> SOLD_AT) < (tier_word >> SUPPLY_AT) & MASK_32
    ), "campaign: tier is sold out"
    assert amount <= MAX_RAISED - (totals & MASK_128), "campaign: too much"
    backer: uint256 = self._backers[msg.sender]
    assert (
        (backer >> HELD_AT) & MASK_32 < MAX_PLEDGES
    ), "campaign: too many pledges by one backer"
    token_id: uint256 = ((totals >> COUNT_AT) & MASK_32) + 1
    assert token_id <= MASK_32, "campaign: too many tokens"

    # Each part of a word stays within its bits, as just asserted.
    self._totals = unsafe_add(totals, amount | (1 << COUNT_AT))
    self._tiers[tier] = unsafe_add(tier_word, 1 << SOLD_AT)
    self._backers[msg.sender] = unsafe_add(
        backer & ~(MASK_32 << LAST_AT),
        amount | (1 << HELD_AT) | (token_id << LAST_AT),
    )
    self._tokens[token_id] = (
        convert(msg.sender, uint256)
        | (tier << TIER_AT)
        | (((backer >> LAST_AT) & MASK_32) << BEFORE_AT)
    )
    log IERC721.Transfer(
        sender=empty(address), receiver=msg.sender, token_id=token_id
    )
    log Locked(tokenId=token_id)
    log Pledged(
        backer=msg.sender,
        token_id=token_id,
        memo=memo,
        tier=tier,
        amount=amount,
    )
    return token_id


@internal
def _refund(backer: address, receiver: address) -> uint256:
    word: uint256 = self._backers[backer]
    amount: uint256 = self._due_back(word)
    assert word & MASK_128 != 0, "campaign: nothing to refund"
    self._book_refund(backer, word, amount)
    self._release_tokens(backer, word)
    log Refunded(backer=backer, receiver=receiver, amount=amount)
    # Nothing is left for a contribution of a few units; some tokens refuse zero.
    if amount != 0:
        transfers._push(self._asset(self._terms), receiver, amount)
    return amount


@view
@internal
def _due_back(word: uint256) -> uint256:
    """
    @dev After a failure all of a contribution. After a rejection its part of
         what was not released, where both what is left and what it is shared by
         shrink with every refund: floor(c * left / shares). So the ratio never
         falls, nobody gets less than floor(c * (raised - released) / raised),
         and the last one takes all that is left.
    """
    state: uint256 = self._state()
    if state == FAILED:
        return word & MASK_128
    assert state == REJECTED, "campaign: no refund now"
    if word & MASK_128 == 0:
        return 0
    raised: uint256 = self._totals & MASK_128
    refunds: uint256 = self._refunds
    left: uint256 = raised - self._released() - (refunds & MASK_128)
    return (word & MASK_128) * left // (raised - (refunds >> 128))


@internal
def _book_refund(backer: address, word: uint256, amount: uint256):
    # Both sums stay within what was raised.
    self._refunds = unsafe_add(
        self._refunds, amount | ((word & MASK_128) << 128)
    )
    self._backers[backer] = word & ~MASK_128


@internal
def _release_tokens(backer: address, word: uint256):
    """
    @dev Burns what a backer pledged for where the campaign failed; unlocks it
         where a part was released.
    """
    is_burnt: bool = self._state() == FAILED
    if is_burnt:
        self._backers[backer] = 0
    token_id: uint256 = (word >> LAST_AT) & MASK_32
    for i: uint256 in range(MAX_PLEDGES):
        if token_id == 0:
            break
        before: uint256 = self._tokens[token_id] >> BEFORE_AT
        if is_burnt:
            self._tokens[token_id] = 0
            log IERC721.Transfer(
                sender=backer, receiver=empty(address), token_id=token_id
            )
        else:
            log Unlocked(tokenId=token_id)
        token_id = before


@internal
def _reject(stage: uint256):
    self._set_state(REJECTED)
    log Settled(stage=stage, is_released=False, amount=0)


@internal
def _claim(receiver: address) -> uint256:
    word: uint256 = self._goal
    amount: uint256 = self._released() - (word >> CLAIMED_AT)
    assert amount != 0, "campaign: nothing to claim"
    self._goal = word + (amount << CLAIMED_AT)
    terms: uint256 = self._terms
    log Claimed(
        charity_id=(terms >> CHARITY_AT) & MASK_32,
        receiver=receiver,
        amount=amount,
    )
    transfers._push(self._asset(terms), receiver, amount)
    return amount


@payable
@internal
def _transfer(owner: address, receiver: address, token_id: uint256):
    assert msg.value == 0, "campaign: value sent"
    assert self._owner(token_id) == owner, "campaign: not the owner's token"
    assert receiver != empty(address), "campaign: zero receiver"
    assert (
        msg.sender == owner
        or self._operators[owner][msg.sender]
        or self._approved[token_id] == msg.sender
    ), "campaign: not allowed to transfer"
    assert not self._is_locked(owner), "campaign: token is locked"
    self._approved[token_id] = empty(address)
    self._backers[owner] -= 1 << HELD_AT
    self._backers[receiver] += 1 << HELD_AT
    self._tokens[token_id] = (self._tokens[token_id] & ~MASK_160) | convert(
        receiver, uint256
    )
    log IERC721.Transfer(sender=owner, receiver=receiver, token_id=token_id)


@view
@internal
def _is_locked(owner: address) -> bool:
    state: uint256 = self._state()
    if state == REJECTED:
        return self._backers[owner] & MASK_128 != 0
    return state != SUCCEEDED


@view
@internal
def _owner(token_id: uint256) -> address:
    owner: address = convert(self._tokens[token_id] & MASK_160, address)
    assert owner != empty(address), "campaign: no such token"
    return owner


@view
@internal
def _liability() -> uint256:
    return (
        (self._totals & MASK_128)
        - (self._goal >> CLAIMED_AT)
        - (self._refunds & MASK_128)
    )


@view
@internal
def _released() -> uint256:
    """
    @dev What the charity may have: all after a success, what the milestones
         brought while and where there are some.
    """
    if self._state() == SUCCEEDED:
        return self._totals & MASK_128
    return self._stage >> RELEASED_AT


@view
@internal
def _state() -> uint256:
    return (self._totals >> STATE_AT) & MASK_8


@internal
def _set_state(state: uint256):
    self._totals = (self._totals & ~(MASK_8 << STATE_AT)) | (state << STATE_AT)


@internal
def _log_all_changed():
    """
    @dev Every token is unlocked: ERC-5192 knows no event for many, ERC-4906 does.
    """
    count: uint256 = (self._totals >> COUNT_AT) & MASK_32
    log BatchMetadataUpdate(_fromTokenId=1, _toTokenId=count)


@pure
@internal
def _asset(terms: uint256) -> address:
    return convert(terms & MASK_160, address)


@view
@internal
def _charity_id() -> uint256:
    return (self._terms >> CHARITY_AT) & MASK_32


@pure
@internal
def _check_plain(raw: Bytes[plain_text.MAX_TEXT]):
    assert plain_text._is_plain(raw), "campaign: text must be plain"
