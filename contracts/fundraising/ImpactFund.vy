# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Impact fund: seed projects, released by stages, repaid to the next
@license AGPL-3.0-only
@author DonaBlock
@notice A project of a local entrepreneur (its payee) is proposed by a verified
        charity and accepted by the payee itself. Until its deadline or its goal,
        whichever is first, it takes gifts in one asset, all of which are the
        project's, and loans out of the pool of its goal and asset.

        What was raised leaves by stages. The payee reports on a stage (the
        first one too: a payee that has vanished must not be credited); for 14
        days its backers approve or object, each with the weight of its gifts;
        then anybody releases the stage. Silence approves; where objectors gave
        more than approvers the project is rejected. So it is when a stage is
        not reported for 180 days, or when the charity is revoked.

        What is unreleased on rejection goes back to where it came from: the
        part of the pool's loans into the pool, rounded down, the rest to the
        backers, pro rata. Each refund is floor(gift * money left / gifts left),
        so that the last one takes the rest and nothing stays. No backer gets
        less than its exact share by a whole unit, in whatever order.

        A project that is a loan is repaid into the pool of its goal and asset,
        up to what was released to it, and from there lent to the project that
        has waited longest. Lent money has no vote.

        Per asset: given + repaid = claimed + refunded + owed, where owed is the
        sum of what projects hold, of what is released and not yet claimed, of
        what is not yet refunded, and of the pools.
@custom:exit `claim` pays a payee what was released, `refund_for` and
             `refund_many` a backer what was rejected, both by anybody;
             `claim_to` and `refund_to` let the entitled party name another
             receiver. They, `report`, `vote`, `release`, `reject` and `repay`
             ask for no listed asset, no open entries and no verified charity;
             `lend` asks for the receiver's charity alone. Nobody can stop any
             of them.
@custom:trust A charity's payee proposes projects and may cancel a change of
              their payee, as the guardian may. The timelock lists assets and
              names the guardian and who receives tips. The guardian stops
              gifts for 7 days, once in 30. Nobody can move what was given but
              by the votes and the clock above.
"""

# ============================== INTERFACES ==================================

from ethereum.ercs import IERC20
from interfaces import ICharityRegistry

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


# What is asked of the registry beside ICharityRegistry.
interface RegistryStatus:
    def status(charity_id: uint256) -> uint256: view
    def is_refused(account: address) -> bool: view


# ================================ EVENTS ====================================

# `stages` are hundredths of a percent of what is raised.
event ProjectProposed:
    project_id: indexed(uint256)
    charity_id: indexed(uint256)
    payee: indexed(address)
    sdg: uint256
    asset: address
    goal: uint256
    deadline: uint256
    stages: DynArray[uint256, MAX_STAGES]
    plan_hash: bytes32
    uri: String[MAX_URI]
    is_loan: bool


# `place` is the project's in the queue of its goal and asset.
event ProjectAccepted:
    project_id: indexed(uint256)
    payee: indexed(address)
    place: uint256


event ProjectDonated:
    donor: indexed(address)
    project_id: indexed(uint256)
    memo: indexed(bytes32)
    asset: address
    amount: uint256


event Reported:
    project_id: indexed(uint256)
    stage: indexed(uint256)
    report_hash: bytes32
    uri: String[MAX_URI]
    voting_ends_at: uint256


event Voted:
    project_id: indexed(uint256)
    stage: indexed(uint256)
    backer: indexed(address)
    is_for: bool
    weight: uint256


event StageReleased:
    project_id: indexed(uint256)
    stage: indexed(uint256)
    amount: uint256
    approvals: uint256
    objections: uint256


# `cause`: 1 objected, 2 overdue, 3 revoked.
event ProjectRejected:
    project_id: indexed(uint256)
    stage: indexed(uint256)
    cause: uint256
    to_backers: uint256
    to_pool: uint256


event Claimed:
    project_id: indexed(uint256)
    payee: indexed(address)
    asset: indexed(address)
    receiver: address
    amount: uint256


event Refunded:
    project_id: indexed(uint256)
    backer: indexed(address)
    asset: indexed(address)
    receiver: address
    amount: uint256


event RefundFailed:
    project_id: indexed(uint256)
    backer: indexed(address)
    asset: indexed(address)
    receiver: address
    amount: uint256


event Repaid:
    project_id: indexed(uint256)
    payer: indexed(address)
    memo: indexed(bytes32)
    sdg: uint256
    asset: address
    amount: uint256


event Lent:
    project_id: indexed(uint256)
    sdg: indexed(uint256)
    asset: indexed(address)
    amount: uint256


# `new_place` is 0 for a project that has left the queue for good.
event PassedOver:
    project_id: indexed(uint256)
    sdg: indexed(uint256)
    asset: indexed(address)
    new_place: uint256


event PayeeProposed:
    project_id: indexed(uint256)
    payee: indexed(address)
    new_payee: indexed(address)
    ready_at: uint256


event PayeeCancelled:
    project_id: indexed(uint256)
    new_payee: indexed(address)
    cancelled_by: indexed(address)


event PayeeChanged:
    project_id: indexed(uint256)
    old_payee: indexed(address)
    new_payee: indexed(address)


event Tipped:
    donor: indexed(address)
    operations: indexed(address)
    memo: indexed(bytes32)
    asset: address
    amount: uint256


event TipFailed:
    donor: indexed(address)
    operations: indexed(address)
    memo: indexed(bytes32)
    asset: address
    amount: uint256


event OperationsChanged:
    operations: indexed(address)


event Swept:
    asset: indexed(address)
    amount: uint256


# ================================ STRUCTS ===================================

struct Project:
    charity_id: uint256
    payee: address
    sdg: uint256
    asset: address
    goal: uint256
    is_loan: bool
    given: uint256
    lent: uint256
    opens_at: uint256
    stage: uint256
    stage_count: uint256
    released: uint256
    claimed: uint256
    repaid: uint256


struct Tally:
    stage: uint256
    ends_at: uint256
    approvals: uint256
    objections: uint256


# =============================== CONSTANTS ==================================

# What `state` answers.
UNKNOWN: constant(uint256) = 0
PROPOSED: constant(uint256) = 1
FUNDING: constant(uint256) = 2
# A stage waits for its report.
RUNNING: constant(uint256) = 3
VOTING: constant(uint256) = 4
# Voting is over, and `release` decides.
VOTED: constant(uint256) = 5
# No report in time, and anybody may `reject`.
OVERDUE: constant(uint256) = 6
REJECTED: constant(uint256) = 7
COMPLETED: constant(uint256) = 8
# Nothing was raised.
CLOSED: constant(uint256) = 9

# Why a project was rejected.
CAUSE_OBJECTED: constant(uint256) = 1
CAUSE_OVERDUE: constant(uint256) = 2
CAUSE_REVOKED: constant(uint256) = 3

MAX_STAGES: constant(uint256) = 8
# What the stages add up to.
ALL_STAGES: constant(uint256) = 10_000
# Most that one project can raise (smallest unit).
MAX_GOAL: constant(uint256) = 2**96 - 1
# Bounds of the time from proposal to deadline, in seconds.
MIN_FUNDING: constant(uint256) = 86_400
MAX_FUNDING: constant(uint256) = 365 * 86_400
# Seconds in which backers vote on a report.
VOTING_TIME: public(constant(uint256)) = 14 * 86_400
# Seconds in which a payee must report on its next stage.
REPORT_TIME: public(constant(uint256)) = 180 * 86_400
# Seconds before a proposed payee may accept, and that it then has.
PAYEE_DELAY: public(constant(uint256)) = 2 * 86_400
PAYEE_WINDOW: constant(uint256) = 30 * 86_400
# Projects that one `lend` may pass over.
MAX_PASSED: constant(uint256) = 16
MAX_REFUNDS: constant(uint256) = 32
# The native coin's place among assets.
NATIVE: constant(address) = empty(address)

# What the registry's `status` answers.
CHARITY_REVOKED: constant(uint256) = 1
CHARITY_VERIFIED: constant(uint256) = 3
MAX_URI: constant(uint256) = 256
SDGS: constant(uint256) = 17
PROBE_GAS: constant(uint256) = 50_000
MAX_ASSETS_AND_NATIVE: constant(uint256) = asset_list.MAX_ASSETS + 1
MASK_4: constant(uint256) = 2**4 - 1
MASK_14: constant(uint256) = 2**14 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_128: constant(uint256) = 2**128 - 1
MASK_160: constant(uint256) = 2**160 - 1

# Funding's word: given 96 bits | room 96, what the goal still lacks | opens_at
# 40, from when the next stage may be reported: the deadline while gifts are
# taken | accepted | rejected | next stage 4 | number of stages 4.
ROOM_AT: constant(uint256) = 96
OPENS_AT: constant(uint256) = 192
IS_ACCEPTED: constant(uint256) = 1 << 232
IS_REJECTED: constant(uint256) = 1 << 233
STAGE_AT: constant(uint256) = 236
COUNT_AT: constant(uint256) = 240
# Parties' word: payee 160 bits | charity 18 | goal of the United Nations 5 | is a loan.
CHARITY_AT: constant(uint256) = 160
CHARITY_MASK: constant(uint256) = 2**18 - 1
SDG_AT: constant(uint256) = 178
SDG_MASK: constant(uint256) = 2**5 - 1
IS_LOAN: constant(uint256) = 1 << 183
# Terms' word: asset 160 bits | goal 96.
GOAL_AT: constant(uint256) = 160
# Payouts' word: released 96 bits | claimed 96.
CLAIMED_AT: constant(uint256) = 96
# Plan's word: eight sums of stages 14 bits each | repaid 96.
SUM_BITS: constant(uint256) = 14
REPAID_AT: constant(uint256) = 112
# Tally's word: objections 96 bits | approvals 96 | reported at 40.
APPROVALS_AT: constant(uint256) = 96
REPORTED_AT: constant(uint256) = 192
# A backer's word: given 96 bits | a bit per stage voted on.
VOTED_AT: constant(uint256) = 96
# Refunds' word: money left 96 bits | gifts left 96.
GIFTS_AT: constant(uint256) = 96
# Queue's word: pool 128 bits | first place 64 | place after the last 64. 2**96
# in a project and 2**32 of them fit into a pool.
FIRST_AT: constant(uint256) = 128
END_AT: constant(uint256) = 192
# Pending payee's word: address 160 bits | ready at.
READY_AT: constant(uint256) = 160

# ============================== IMMUTABLES ==================================

# @dev The owner: a timelock, for good.
TIMELOCK: public(immutable(address))
# @dev Says which charities are verified, and who acts for them.
REGISTRY: public(immutable(address))
# @dev Gets what strays into this contract.
RESERVE: public(immutable(address))

# ================================ STORAGE ===================================

# @dev Receives the tips.
operations: public(address)
# @dev Number of projects ever proposed; ids run from 1.
project_count: public(uint256)
# The maps below are by project id; their words are described above.
_fundings: HashMap[uint256, uint256]
_parties: HashMap[uint256, uint256]
_terms: HashMap[uint256, uint256]
_plans: HashMap[uint256, uint256]
_payouts: HashMap[uint256, uint256]
# @dev Of the stage that is reported; 0 while none is.
_tallies: HashMap[uint256, uint256]
# @dev Of a rejected project; 0 once every backer has its money.
_refunds: HashMap[uint256, uint256]
_pending: HashMap[uint256, uint256]
# @dev project id -> backer -> its word.
_backers: HashMap[uint256, HashMap[address, uint256]]
# @dev goal of the United Nations -> asset -> the queue's word.
_queues: HashMap[uint256, HashMap[address, uint256]]
# @dev goal of the United Nations -> asset -> place, from 1 -> project id.
_queued: HashMap[uint256, HashMap[address, HashMap[uint256, uint256]]]


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    timelock: address,
    guardian_: address,
    registry: address,
    reserve: address,
    operations_: address,
    listings: DynArray[asset_list.Listing, 16],
):
    """
    @param timelock Owner for good.
    @param guardian_ First guardian.
    @param registry CharityRegistry.
    @param reserve EcosystemReserve.
    @param operations_ First receiver of tips.
    @param listings First assets. Every transfer in is measured here, whatever they say.
    """
    assert timelock != empty(address), "impact: zero timelock"
    assert registry != empty(address), "impact: zero registry"
    assert reserve != empty(address), "impact: zero reserve"
    TIMELOCK = timelock
    REGISTRY = registry
    RESERVE = reserve
    entry_stop.__init__(guardian_)
    self._set_operations(operations_)
    asset_list._list_native()
    for listing: asset_list.Listing in listings:
        asset_list._list(listing)


# ================================ DONORS ====================================

@payable
@external
def donate_native(project_id: uint256, memo: bytes32, tip: uint256 = 0):
    """
    @notice Give the native coin sent along, less the tip, to a project.
    @param project_id The project, one in the native coin.
    @param memo The donor's reference.
    @param tip Part of the value that goes to the operations payee (wei). If it
           refuses, the tip comes back to the donor.
    """
    # An amount of 0 is refused there.
    amount: uint256 = msg.value - tip if msg.value > tip else 0
    self._enter(project_id, NATIVE, amount, memo)
    if tip != 0 and not self._tip_native(tip, memo):
        transfers._push(NATIVE, msg.sender, tip)


@payable
@external
def donate_token(
    project_id: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    tip: uint256 = 0,
):
    """
    @notice Give a token to a project, out of the donor's allowance to this
            contract. Refused while less of the token is here than is owed, so
            that no gift goes to what its issuer took away before.
    @param project_id The project.
    @param asset The token, which must be the project's.
    @param amount The amount (smallest unit), which must arrive in full.
    @param memo The donor's reference.
    @param tip What the operations payee gets on top (smallest unit). If that
           fails, it stays with the donor.
    """
    self._donate_token(project_id, asset, amount, memo, tip)


@payable
@external
def donate_token_with_permit(
    project_id: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    tip: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `donate_token` with an EIP-2612 permit by the sender for amount + tip.
            A permit that fails is ignored: the allowance decides.
    @param project_id The project.
    @param asset The token, which must be the project's.
    @param amount The amount (smallest unit), which must arrive in full.
    @param memo The donor's reference.
    @param tip What the operations payee gets on top (smallest unit).
    @param deadline The permit's deadline (s).
    @param v The permit's signature.
    @param r The permit's signature.
    @param s The permit's signature.
    """
    self._check_token(asset)
    transfers._permit(asset, amount + tip, deadline, v, r, s)
    self._donate_token(project_id, asset, amount, memo, tip)


# ================================ BACKERS ===================================

@external
def vote(project_id: uint256, stage: uint256, is_for: bool):
    """
    @notice A backer approves of a reported stage or objects to it, once, with
            the weight of all it has given to the project.
    @param project_id The project.
    @param stage The stage that the backer saw reported, from 0.
    @param is_for True to approve, False to object.
    """
    word: uint256 = self._funding_of(project_id)
    tally: uint256 = self._tally_of(project_id)
    self._check_stage(stage, word)
    assert (
        block.timestamp < (tally >> REPORTED_AT) + VOTING_TIME
    ), "impact: voting is over"
    # Gifts ended before the report, so that nobody buys votes after it. The
    # payee is no backer: it may not give, nor may a backer become the payee.
    account: uint256 = self._backers[project_id][msg.sender]
    weight: uint256 = account & MASK_96
    assert weight != 0, "impact: not a backer"
    vote_bit: uint256 = 1 << (VOTED_AT + stage)
    assert account & vote_bit == 0, "impact: already voted"
    self._backers[project_id][msg.sender] = account | vote_bit
    # The sum of all weights is what was given, 96 bits.
    self._tallies[project_id] = tally + (
        weight << APPROVALS_AT if is_for else weight
    )
    log Voted(
        project_id=project_id,
        stage=stage,
        backer=msg.sender,
        is_for=is_for,
        weight=weight,
    )


@external
def refund_to(project_id: uint256, receiver: address) -> uint256:
    """
    @notice A backer of a rejected project has its part paid to another address:
            for one that is blocklisted or cannot take the coin.
    @param project_id The rejected project.
    @param receiver Who gets the money.
    @return The amount paid (smallest unit).
    """
    self._check_receiver(receiver)
    return self._refund(project_id, msg.sender, receiver)


# ================================ CHARITY ===================================

@external
def propose(
    charity_id: uint256,
    payee: address,
    sdg: uint256,
    asset: address,
    goal: uint256,
    deadline: uint256,
    stages: DynArray[uint256, MAX_STAGES],
    plan_hash: bytes32,
    uri: String[MAX_URI],
    is_loan: bool,
) -> uint256:
    """
    @notice A verified charity proposes a project. It takes gifts once its payee
            has accepted.
    @param charity_id The charity; the caller must be its payee.
    @param payee The entrepreneur.
    @param sdg Sustainable Development Goal, 1 to 17.
    @param asset What it raises: a listed token, or the zero address for the
           native coin. An unlisted one will do while there is some of it in
           the pool, which could not leave otherwise.
    @param goal Most that it raises (smallest unit), less than 2**96.
    @param deadline Second from which no more is raised, 1 to 365 days off.
    @param stages Hundredths of a percent of what is raised, 1 to 8 of them,
           none 0, 10,000 together.
    @param plan_hash keccak256 of the plan behind `uri`.
    @param uri Where the plan lies; logged, not stored.
    @param is_loan Whether the payee is to repay.
    @return The project's number.
    """
    assert (
        msg.sender == self._payee_for_gift(charity_id)
    ), "impact: not the charity's payee"
    self._check_payee(payee)
    assert sdg != 0 and sdg <= SDGS, "impact: sdg must be 1 to 17"
    self._check_listed(
        asset_list._words[asset] & asset_list.LISTED != 0
        or self._queues[sdg][asset] & MASK_128 != 0
    )
    assert goal != 0 and goal <= MAX_GOAL, "impact: goal out of bounds"
    assert (
        deadline >= block.timestamp + MIN_FUNDING
        and deadline <= block.timestamp + MAX_FUNDING
    ), "impact: deadline out of bounds"
    plan: uint256 = 0
    total: uint256 = 0
    offset: uint256 = 0
    for share: uint256 in stages:
        assert share != 0, "impact: zero stage"
        # A share too large for its bits, whose sum is then wrong below.
        total += min(share, ALL_STAGES + 1)
        plan |= (total & MASK_14) << offset
        offset = unsafe_add(offset, SUM_BITS)  # at most 8 * 14
    # No stages at all have the sum 0.
    assert total == ALL_STAGES, "impact: stages are not 10,000"

    project_id: uint256 = self.project_count + 1
    self.project_count = project_id
    self._fundings[project_id] = (
        (goal << ROOM_AT) | (deadline << OPENS_AT) | (len(stages) << COUNT_AT)
    )
    # The registry gives no number above 2**18 - 1.
    parties: uint256 = (
        convert(payee, uint256) | (charity_id << CHARITY_AT) | (sdg << SDG_AT)
    )
    if is_loan:
        parties |= IS_LOAN
    self._parties[project_id] = parties
    self._terms[project_id] = convert(asset, uint256) | (goal << GOAL_AT)
    self._plans[project_id] = plan
    log ProjectProposed(
        project_id=project_id,
        charity_id=charity_id,
        payee=payee,
        sdg=sdg,
        asset=asset,
        goal=goal,
        deadline=deadline,
        stages=stages,
        plan_hash=plan_hash,
        uri=uri,
        is_loan=is_loan,
    )
    return project_id


# ================================= PAYEE ====================================

@external
def accept(project_id: uint256):
    """
    @notice The payee accepts its project, which proves that it can call; from
            now on the project takes gifts, and waits in the queue for loans.
    @param project_id The project.
    """
    word: uint256 = self._funding_of(project_id)
    parties: uint256 = self._parties[project_id]
    self._check_is_payee(project_id)
    assert word & IS_ACCEPTED == 0, "impact: already accepted"
    self._check_raising(word)
    # Checked again: code may have come to the address.
    self._check_payee(msg.sender)
    self._fundings[project_id] = word | IS_ACCEPTED
    place: uint256 = self._queue_up(
        project_id,
        (parties >> SDG_AT) & SDG_MASK,
        self._address_of(self._terms[project_id]),
    )
    log ProjectAccepted(project_id=project_id, payee=msg.sender, place=place)


@external
def report(
    project_id: uint256,
    stage: uint256,
    report_hash: bytes32,
    uri: String[MAX_URI],
):
    """
    @notice The payee reports and asks for its next stage. Backers vote on it
            for 14 days.
    @param project_id The project, whose funding is over.
    @param stage The next stage, from 0.
    @param report_hash keccak256 of the report behind `uri`.
    @param uri Where the report lies; logged, not stored.
    """
    word: uint256 = self._funding_of(project_id)
    self._check_is_payee(project_id)
    self._check_unfinished(project_id, word)
    opens_at: uint256 = (word >> OPENS_AT) & MASK_40
    assert block.timestamp >= opens_at, "impact: funding is not over"
    self._check_is_unreported(project_id)
    self._check_stage(stage, word)
    assert block.timestamp < opens_at + REPORT_TIME, "impact: report is overdue"
    self._tallies[project_id] = block.timestamp << REPORTED_AT
    log Reported(
        project_id=project_id,
        stage=stage,
        report_hash=report_hash,
        uri=uri,
        voting_ends_at=block.timestamp + VOTING_TIME,
    )


@external
def claim_to(project_id: uint256, receiver: address) -> uint256:
    """
    @notice The payee claims to another address: for a payee that is blocklisted
            or cannot take the coin.
    @param project_id The project.
    @param receiver Who gets the money.
    @return The amount paid (smallest unit).
    """
    self._check_is_payee(project_id)
    self._check_receiver(receiver)
    return self._claim(project_id, msg.sender, receiver)


@external
def propose_payee(project_id: uint256, new_payee: address):
    """
    @notice The payee proposes its successor, who may accept after 2 days and
            then receives also what is still owed. A new proposal replaces the
            one before and starts the delay again.
    @param project_id The project, accepted.
    @param new_payee The address to be paid.
    """
    word: uint256 = self._funding_of(project_id)
    self._check_is_payee(project_id)
    self._check_accepted(word)
    assert new_payee != msg.sender, "impact: payee is the same"
    self._check_payee(new_payee)
    ready_at: uint256 = block.timestamp + PAYEE_DELAY
    self._pending[project_id] = convert(new_payee, uint256) | (
        ready_at << READY_AT
    )
    log PayeeProposed(
        project_id=project_id,
        payee=msg.sender,
        new_payee=new_payee,
        ready_at=ready_at,
    )


@external
def accept_payee(project_id: uint256):
    """
    @notice The proposed payee accepts once the delay has passed. It must not be
            a backer of the project, who would judge itself.
    @param project_id The project.
    """
    pending: uint256 = self._pending_of(project_id)
    assert msg.sender == self._address_of(
        pending
    ), "impact: not the proposed payee"
    ready_at: uint256 = pending >> READY_AT
    assert block.timestamp >= ready_at, "impact: payee delay is not over"
    assert (
        block.timestamp < ready_at + PAYEE_WINDOW
    ), "impact: proposal has lapsed"
    assert (
        self._backers[project_id][msg.sender] == 0
    ), "impact: payee is a backer"
    self._check_payee(msg.sender)
    parties: uint256 = self._parties[project_id]
    self._pending[project_id] = 0
    self._parties[project_id] = (parties - (parties & MASK_160)) | convert(
        msg.sender, uint256
    )
    log PayeeChanged(
        project_id=project_id,
        old_payee=self._address_of(parties),
        new_payee=msg.sender,
    )


@external
def cancel_payee(project_id: uint256):
    """
    @notice The payee, the charity's payee or the guardian stops a pending change.
    @param project_id The project.
    """
    pending: uint256 = self._pending_of(project_id)
    parties: uint256 = self._parties[project_id]
    assert (
        msg.sender == self._address_of(parties)
        or msg.sender == entry_stop.guardian
        or msg.sender
        == staticcall ICharityRegistry(REGISTRY).payee(
            (parties >> CHARITY_AT) & CHARITY_MASK
        )
    ), "impact: may not cancel"
    self._pending[project_id] = 0
    log PayeeCancelled(
        project_id=project_id,
        new_payee=self._address_of(pending),
        cancelled_by=msg.sender,
    )


# ================================ ANYONE ====================================

@external
def release(project_id: uint256) -> uint256:
    """
    @notice Decide on a reported stage once voting is over: its part is the
            payee's to claim, or the project is rejected, because objectors gave
            more than approvers or because its charity is revoked by now.
    @param project_id The project.
    @return The amount released (smallest unit); 0 if rejected.
    """
    word: uint256 = self._funding_of(project_id)
    tally: uint256 = self._tally_of(project_id)
    assert (
        block.timestamp >= (tally >> REPORTED_AT) + VOTING_TIME
    ), "impact: voting is not over"
    objections: uint256 = tally & MASK_96
    approvals: uint256 = (tally >> APPROVALS_AT) & MASK_96
    if objections > approvals:
        self._reject(project_id, word, CAUSE_OBJECTED)
        return 0
    if self._charity_status(project_id) == CHARITY_REVOKED:
        self._reject(project_id, word, CAUSE_REVOKED)
        return 0

    stage: uint256 = (word >> STAGE_AT) & MASK_4
    payout: uint256 = self._payouts[project_id]
    # A floor of the sum, never of each part: the last stage takes the rest.
    amount: uint256 = (
        self._raised(project_id, word)
        * (
            (self._plans[project_id] >> (SUM_BITS * stage)) & MASK_14
        ) // ALL_STAGES
    ) - (payout & MASK_96)
    self._tallies[project_id] = 0
    self._payouts[project_id] = payout + amount
    self._fundings[project_id] = self._opened_now(word) + (1 << STAGE_AT)
    log StageReleased(
        project_id=project_id,
        stage=stage,
        amount=amount,
        approvals=approvals,
        objections=objections,
    )
    return amount


@external
def reject(project_id: uint256):
    """
    @notice Reject a project whose next stage was not reported for 180 days, or
            whose charity is revoked, even while it still raises money. What is
            released stays the payee's.
    @param project_id The project.
    """
    word: uint256 = self._funding_of(project_id)
    self._check_unfinished(project_id, word)
    if self._charity_status(project_id) == CHARITY_REVOKED:
        self._reject(project_id, word, CAUSE_REVOKED)
        return
    self._check_is_unreported(project_id)
    assert (
        block.timestamp >= ((word >> OPENS_AT) & MASK_40) + REPORT_TIME
    ), "impact: report is not overdue"
    self._reject(project_id, word, CAUSE_OVERDUE)


@external
def claim(project_id: uint256) -> uint256:
    """
    @notice Pay a project's payee what is released and not yet claimed. Anybody
            may call.
    @param project_id The project.
    @return The amount paid (smallest unit).
    """
    payee: address = self._address_of(self._parties[project_id])
    return self._claim(project_id, payee, payee)


@external
def refund_for(project_id: uint256, backer: address) -> uint256:
    """
    @notice Pay a backer of a rejected project its part. Anybody may call.
    @param project_id The rejected project.
    @param backer Who gave, and gets the money.
    @return The amount paid (smallest unit).
    """
    return self._refund(project_id, backer, backer)


@external
def refund_many(
    project_id: uint256, backers: DynArray[address, MAX_REFUNDS]
) -> uint256:
    """
    @notice `refund_for` for many. Who has nothing to get is passed over; a
            payment that fails (`RefundFailed`) stays owed and does not disturb
            the rest. A backer gets the native coin with 100,000 gas here; one
            that needs more uses `refund_for`.
    @param project_id The rejected project.
    @param backers At most 32.
    @return How many were refunded.
    """
    asset: address = self._address_of(self._terms[project_id])
    refunded: uint256 = 0
    for backer: address in backers:
        account: uint256 = self._backers[project_id][backer]
        if account == 0:
            continue
        refunds: uint256 = self._refunds[project_id]
        amount: uint256 = self._settle_refund(project_id, backer, asset)
        if amount == 0 or transfers._try_push(asset, backer, amount):
            refunded = unsafe_add(refunded, 1)  # at most MAX_REFUNDS
            self._log_refunded(project_id, backer, asset, backer, amount)
        else:
            # Nothing else has changed: every function here holds one lock.
            self._backers[project_id][backer] = account
            self._refunds[project_id] = refunds
            asset_list._words[asset] += amount << asset_list.OWED_AT
            log RefundFailed(
                project_id=project_id,
                backer=backer,
                asset=asset,
                receiver=backer,
                amount=amount,
            )
    return refunded


@payable
@external
def repay(project_id: uint256, amount: uint256, memo: bytes32):
    """
    @notice Repay a loan, into the pool of the project's goal and asset.
            Anybody may, for any project.
    @param project_id The project, a loan.
    @param amount The amount (smallest unit), at most what is released and not
           repaid; for the native coin, the value sent along.
    @param memo The payer's reference.
    """
    # One that does not exist is none either.
    parties: uint256 = self._parties[project_id]
    assert parties & IS_LOAN != 0, "impact: project is not a loan"
    self._check_amount(amount)
    plan: uint256 = self._plans[project_id]
    assert (
        amount <= (self._payouts[project_id] & MASK_96) - (plan >> REPAID_AT)
    ), "impact: more than was released"
    asset: address = self._address_of(self._terms[project_id])
    sdg: uint256 = (parties >> SDG_AT) & SDG_MASK
    self._plans[project_id] = plan + (amount << REPAID_AT)
    self._queues[sdg][asset] += amount
    owed: uint256 = self._owe(asset, asset_list._words[asset], amount)
    log Repaid(
        project_id=project_id,
        payer=msg.sender,
        memo=memo,
        sdg=sdg,
        asset=asset,
        amount=amount,
    )
    assert msg.value == (
        amount if asset == NATIVE else 0
    ), "impact: value is not the amount"
    if asset != NATIVE:
        self._receive(asset, amount, owed)


@external
def lend(sdg: uint256, asset: address) -> uint256:
    """
    @notice Lend from a pool to the project that has waited longest, as much as
            it lacks. Projects that take no more leave the queue, at most 16 in
            one call; one whose charity is suspended or expired goes to its end,
            which ends the call.
    @param sdg The pool's goal.
    @param asset The pool's token; the zero address for the native coin.
    @return The amount lent (smallest unit); 0 if projects were only passed over.
    """
    queue: uint256 = self._queues[sdg][asset]
    pool: uint256 = queue & MASK_128
    first: uint256 = (queue >> FIRST_AT) & MASK_64
    end: uint256 = queue >> END_AT
    assert pool != 0, "impact: pool is empty"
    assert first != end, "impact: queue is empty"
    amount: uint256 = 0
    for i: uint256 in range(MAX_PASSED):
        if first == end:
            break
        # Places start at 1, so that 0 is none.
        place: uint256 = first + 1
        project_id: uint256 = self._queued[sdg][asset][place]
        word: uint256 = self._fundings[project_id]
        status: uint256 = self._charity_status(project_id)
        is_over: bool = (
            block.timestamp >= (word >> OPENS_AT) & MASK_40
            or status == CHARITY_REVOKED
        )
        if not is_over and status == CHARITY_VERIFIED:
            amount = min(pool, (word >> ROOM_AT) & MASK_96)
            pool -= amount
            word -= amount << ROOM_AT
            log Lent(project_id=project_id, sdg=sdg, asset=asset, amount=amount)
            if (word >> ROOM_AT) & MASK_96 == 0:
                first += 1
                word = self._opened_now(word)
            self._fundings[project_id] = word
            break
        first += 1
        new_place: uint256 = 0
        if not is_over:
            end += 1
            new_place = end
            self._queued[sdg][asset][end] = project_id
        log PassedOver(
            project_id=project_id, sdg=sdg, asset=asset, new_place=new_place
        )
        if not is_over:
            break
    self._queues[sdg][asset] = pool | (first << FIRST_AT) | (end << END_AT)
    return amount


@external
def sweep(asset: address) -> uint256:
    """
    @notice Send what is here beyond what is owed to the reserve.
    @param asset The token; the zero address for the native coin.
    @return The amount sent (smallest unit).
    """
    amount: uint256 = self._surplus(asset)
    assert amount != 0, "impact: nothing to sweep"
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
        ), "impact: sweep would touch debts"
    return amount


# =============================== TIMELOCK ===================================

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
    @notice Take no more gifts in a token. All else goes on with what is here of it.
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


@external
def set_operations(operations_: address):
    """
    @notice Name another operations payee; it receives later tips.
    @param operations_ The new payee.
    """
    self._check_timelock()
    self._set_operations(operations_)


# =============================== GUARDIAN ===================================

@external
def stop_entries():
    """
    @notice The guardian stops gifts to all projects for 7 days; not again for 30 days.
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
def project(project_id: uint256) -> Project:
    """
    @notice Everything stored about a project.
    @param project_id The project.
    @return charity_id, payee, sdg, asset, goal, is_loan, given and lent so far,
            opens_at (s; the deadline while it raises money, else the second from
            which its next stage may be reported), stage (the next one), stage_count,
            released, claimed, repaid (smallest unit).
    """
    word: uint256 = self._funding_of(project_id)
    parties: uint256 = self._parties[project_id]
    terms: uint256 = self._terms[project_id]
    payout: uint256 = self._payouts[project_id]
    given: uint256 = word & MASK_96
    return Project(
        charity_id=(parties >> CHARITY_AT) & CHARITY_MASK,
        payee=self._address_of(parties),
        sdg=(parties >> SDG_AT) & SDG_MASK,
        asset=self._address_of(terms),
        goal=terms >> GOAL_AT,
        is_loan=parties & IS_LOAN != 0,
        given=given,
        lent=self._raised(project_id, word) - given,
        opens_at=(word >> OPENS_AT) & MASK_40,
        stage=(word >> STAGE_AT) & MASK_4,
        stage_count=word >> COUNT_AT,
        released=payout & MASK_96,
        claimed=payout >> CLAIMED_AT,
        repaid=self._plans[project_id] >> REPAID_AT,
    )


@view
@external
def state(project_id: uint256) -> uint256:
    """
    @notice What a project waits for now.
    @param project_id The project.
    @return 0 unknown, 1 proposed, 2 funding, 3 running (its next stage may be
            reported), 4 voting, 5 voted, 6 overdue, 7 rejected, 8 completed,
            9 closed (nothing was raised).
    """
    word: uint256 = self._fundings[project_id]
    if word == 0:
        return UNKNOWN
    if word & IS_REJECTED != 0:
        return REJECTED
    if (word >> STAGE_AT) & MASK_4 == word >> COUNT_AT:
        return COMPLETED
    opens_at: uint256 = (word >> OPENS_AT) & MASK_40
    if block.timestamp < opens_at:
        return FUNDING if word & IS_ACCEPTED != 0 else PROPOSED
    if self._raised(project_id, word) == 0:
        return CLOSED
    tally: uint256 = self._tallies[project_id]
    if tally == 0:
        if block.timestamp < opens_at + REPORT_TIME:
            return RUNNING
        return OVERDUE
    if block.timestamp < (tally >> REPORTED_AT) + VOTING_TIME:
        return VOTING
    return VOTED


@view
@external
def tally(project_id: uint256) -> Tally:
    """
    @notice The vote on a reported stage.
    @param project_id The project.
    @return stage, ends_at (s; 0 while none is reported), approvals and
            objections (smallest unit given by those who voted so).
    """
    word: uint256 = self._tallies[project_id]
    if word == 0:
        return empty(Tally)
    return Tally(
        stage=(self._fundings[project_id] >> STAGE_AT) & MASK_4,
        ends_at=(word >> REPORTED_AT) + VOTING_TIME,
        approvals=(word >> APPROVALS_AT) & MASK_96,
        objections=word & MASK_96,
    )


@view
@external
def contribution(project_id: uint256, backer: address) -> (uint256, uint256):
    """
    @notice What a backer has given to a project and not had refunded.
    @param project_id The project.
    @param backer The backer.
    @return The amount (smallest unit), and a bit for each stage it has voted on.
    """
    account: uint256 = self._backers[project_id][backer]
    return account & MASK_96, account >> VOTED_AT


@view
@external
def refundable(project_id: uint256, backer: address) -> uint256:
    """
    @notice What a backer would be refunded now.
    @param project_id The project.
    @param backer The backer.
    @return The amount (smallest unit); 0 unless the project is rejected.
    """
    refunds: uint256 = self._refunds[project_id]
    if refunds == 0:
        return 0
    return self._due_down(self._backers[project_id][backer] & MASK_96, refunds)


@view
@external
def refunds_left(project_id: uint256) -> (uint256, uint256):
    """
    @notice What a rejected project still has for its backers.
    @param project_id The project.
    @return The money, and the gifts it is shared by (smallest unit).
    """
    refunds: uint256 = self._refunds[project_id]
    return refunds & MASK_96, refunds >> GIFTS_AT


@view
@external
def claimable(project_id: uint256) -> uint256:
    """
    @notice What a project's payee could claim now.
    @param project_id The project.
    @return The amount (smallest unit).
    """
    payout: uint256 = self._payouts[project_id]
    return (payout & MASK_96) - (payout >> CLAIMED_AT)


@view
@external
def pool(sdg: uint256, asset: address) -> uint256:
    """
    @notice What a pool has to lend.
    @param sdg The pool's goal.
    @param asset The token; the zero address for the native coin.
    @return The amount (smallest unit).
    """
    return self._queues[sdg][asset] & MASK_128


@view
@external
def queue(sdg: uint256, asset: address) -> (uint256, uint256):
    """
    @notice Who waits for a pool's money.
    @param sdg The pool's goal.
    @param asset The token; the zero address for the native coin.
    @return The first and the last place of those who wait; the first is one
            above the last when nobody does.
    """
    word: uint256 = self._queues[sdg][asset]
    return ((word >> FIRST_AT) & MASK_64) + 1, word >> END_AT


@view
@external
def queued(sdg: uint256, asset: address, place: uint256) -> uint256:
    """
    @notice Who has or had a place in a queue.
    @param sdg The pool's goal.
    @param asset The token; the zero address for the native coin.
    @param place The place, from 1.
    @return The project; 0 if the place was never given.
    """
    return self._queued[sdg][asset][place]


@view
@external
def pending_payee(project_id: uint256) -> (address, uint256):
    """
    @notice A payee change on its way.
    @param project_id The project.
    @return The proposed payee and the second from which it may accept; zeros if none.
    """
    pending: uint256 = self._pending[project_id]
    return self._address_of(pending), pending >> READY_AT


@view
@external
def liability(asset: address) -> uint256:
    """
    @notice What this contract owes to all projects, payees, backers and pools.
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
    project_id: uint256,
    asset: address,
    amount: uint256,
    memo: bytes32,
    tip: uint256,
):
    self._check_token(asset)
    # Entered before the transfer, so that a token which calls back finds the
    # books ahead of the money, never behind.
    owed: uint256 = self._enter(project_id, asset, amount, memo)
    self._receive(asset, amount, owed)
    if tip != 0:
        self._tip_token(asset, tip, memo)


@internal
def _enter(
    project_id: uint256, asset: address, amount: uint256, memo: bytes32
) -> uint256:
    """
    @dev Books a gift. Returns what was owed in the asset before it.
    """
    asset_word: uint256 = asset_list._words[asset]
    self._check_listed(asset_word & asset_list.LISTED != 0)
    assert (
        block.timestamp
        >= (asset_word >> asset_list.STOPPED_AT) & asset_list.STOPPED_MASK
    ), "impact: entries are stopped"
    self._check_amount(amount)
    word: uint256 = self._funding_of(project_id)
    self._check_accepted(word)
    self._check_raising(word)
    assert asset == self._address_of(
        self._terms[project_id]
    ), "impact: not the project's asset"
    parties: uint256 = self._parties[project_id]
    assert msg.sender != self._address_of(parties), "impact: donor is the payee"
    room: uint256 = (word >> ROOM_AT) & MASK_96
    assert amount <= room, "impact: more than the goal lacks"
    sponsor: address = self._payee_for_gift(
        (parties >> CHARITY_AT) & CHARITY_MASK
    )
    # Given + room stay what they were together, so no bit is carried over.
    word = unsafe_sub(unsafe_add(word, amount), amount << ROOM_AT)
    owed: uint256 = self._owe(asset, asset_word, amount)
    # What one backer gives is at most what all give.
    self._backers[project_id][msg.sender] = unsafe_add(
        self._backers[project_id][msg.sender], amount
    )
    log ProjectDonated(
        donor=msg.sender,
        project_id=project_id,
        memo=memo,
        asset=asset,
        amount=amount,
    )
    if amount == room:
        word = self._opened_now(word)
    self._fundings[project_id] = word
    return owed


@internal
def _owe(asset: address, asset_word: uint256, amount: uint256) -> uint256:
    """
    @dev Raises what is owed by less than 2**96; checked, so that it can never
         run over. Returns what was owed before.
    """
    asset_list._words[asset] = asset_word + (amount << asset_list.OWED_AT)
    return asset_word >> asset_list.OWED_AT


@internal
def _receive(asset: address, amount: uint256, owed: uint256):
    """
    @dev Token from the sender to here, all of it, with `owed` owed before.
    """
    before: uint256 = staticcall IERC20(asset).balanceOf(self)
    # Whoever gives now must not give for what was lost before.
    assert before >= owed, "impact: the asset is short"
    transfers._pull(asset, msg.sender, self, amount)
    assert (
        staticcall IERC20(asset).balanceOf(self) == before + amount
    ), "impact: the asset took a fee"


@internal
def _tip_native(tip: uint256, memo: bytes32) -> bool:
    """
    @dev False where the operations payee refused: the tip is then the donor's.
    """
    is_paid: bool = transfers._try_push(NATIVE, self.operations, tip)
    self._log_tip(is_paid, NATIVE, tip, memo)
    return is_paid


@internal
def _tip_token(asset: address, tip: uint256, memo: bytes32):
    self._log_tip(
        transfers._try_pull(asset, msg.sender, self.operations, tip),
        asset,
        tip,
        memo,
    )


@internal
def _log_tip(is_paid: bool, asset: address, tip: uint256, memo: bytes32):
    if is_paid:
        log Tipped(
            donor=msg.sender,
            operations=self.operations,
            memo=memo,
            asset=asset,
            amount=tip,
        )
    else:
        log TipFailed(
            donor=msg.sender,
            operations=self.operations,
            memo=memo,
            asset=asset,
            amount=tip,
        )


@internal
def _queue_up(project_id: uint256, sdg: uint256, asset: address) -> uint256:
    word: uint256 = self._queues[sdg][asset]
    place: uint256 = (word >> END_AT) + 1
    self._queues[sdg][asset] = word + (1 << END_AT)
    self._queued[sdg][asset][place] = project_id
    return place


@internal
def _reject(project_id: uint256, word: uint256, cause: uint256):
    """
    @dev Shares out what is unreleased: to the pool in the ratio of what was
         lent to what was raised, rounded down, the rest to the backers.
    """
    given: uint256 = word & MASK_96
    raised: uint256 = self._raised(project_id, word)
    left: uint256 = raised - (self._payouts[project_id] & MASK_96)
    to_pool: uint256 = left * (raised - given) // raised
    to_backers: uint256 = left - to_pool
    self._tallies[project_id] = 0
    # Also ends the funding of a project whose charity was revoked during it.
    self._fundings[project_id] = self._opened_now(word) | IS_REJECTED
    self._refunds[project_id] = to_backers | (given << GIFTS_AT)
    if to_pool != 0:
        sdg: uint256 = (self._parties[project_id] >> SDG_AT) & SDG_MASK
        asset: address = self._address_of(self._terms[project_id])
        self._queues[sdg][asset] += to_pool
    log ProjectRejected(
        project_id=project_id,
        stage=(word >> STAGE_AT) & MASK_4,
        cause=cause,
        to_backers=to_backers,
        to_pool=to_pool,
    )


@internal
def _claim(project_id: uint256, payee: address, receiver: address) -> uint256:
    payout: uint256 = self._payouts[project_id]
    amount: uint256 = (payout & MASK_96) - (payout >> CLAIMED_AT)
    assert amount != 0, "impact: nothing to claim"
    asset: address = self._address_of(self._terms[project_id])
    self._payouts[project_id] = payout + (amount << CLAIMED_AT)
    self._owe_less(asset, amount)
    log Claimed(
        project_id=project_id,
        payee=payee,
        asset=asset,
        receiver=receiver,
        amount=amount,
    )
    transfers._push(asset, receiver, amount)
    return amount


@internal
def _refund(project_id: uint256, backer: address, receiver: address) -> uint256:
    asset: address = self._address_of(self._terms[project_id])
    amount: uint256 = self._settle_refund(project_id, backer, asset)
    self._log_refunded(project_id, backer, asset, receiver, amount)
    # A share below one unit is settled too, else nobody would be the last.
    if amount != 0:
        transfers._push(asset, receiver, amount)
    return amount


@internal
def _settle_refund(
    project_id: uint256, backer: address, asset: address
) -> uint256:
    """
    @dev Books what a backer is due as paid.
    """
    given: uint256 = self._backers[project_id][backer] & MASK_96
    assert given != 0, "impact: nothing to refund"
    # Whoever has given and was not refunded is among the gifts left.
    refunds: uint256 = self._refunds[project_id]
    assert refunds != 0, "impact: project is not rejected"
    amount: uint256 = self._due_down(given, refunds)
    self._backers[project_id][backer] = 0
    self._refunds[project_id] = refunds - amount - (given << GIFTS_AT)
    self._owe_less(asset, amount)
    return amount


@pure
@internal
def _due_down(given: uint256, refunds: uint256) -> uint256:
    """
    @dev floor(gift * money left / gifts left). The ratio of the two never
         falls, since each is rounded down, so nobody gets a unit too little.
    """
    return given * (refunds & MASK_96) // (refunds >> GIFTS_AT)


@internal
def _log_refunded(
    project_id: uint256,
    backer: address,
    asset: address,
    receiver: address,
    amount: uint256,
):
    log Refunded(
        project_id=project_id,
        backer=backer,
        asset=asset,
        receiver=receiver,
        amount=amount,
    )


@view
@internal
def _funding_of(project_id: uint256) -> uint256:
    word: uint256 = self._fundings[project_id]
    assert word != 0, "impact: unknown project"
    return word


@view
@internal
def _raised(project_id: uint256, word: uint256) -> uint256:
    """
    @dev Given and lent together.
    """
    return (self._terms[project_id] >> GOAL_AT) - ((word >> ROOM_AT) & MASK_96)


@view
@internal
def _opened_now(word: uint256) -> uint256:
    """
    @dev Funding's word with opens_at at this second: gifts have ended, and the
         time for the next report runs.
    """
    return (word & ~(MASK_40 << OPENS_AT)) | (block.timestamp << OPENS_AT)


@pure
@internal
def _address_of(word: uint256) -> address:
    return convert(word & MASK_160, address)


@view
@internal
def _payee_for_gift(charity_id: uint256) -> address:
    """
    @dev Reverts, with the reason, for a charity that may receive no gifts.
    """
    return staticcall ICharityRegistry(REGISTRY).payee_for_gift(charity_id)


@view
@internal
def _charity_status(project_id: uint256) -> uint256:
    return staticcall RegistryStatus(REGISTRY).status(
        (self._parties[project_id] >> CHARITY_AT) & CHARITY_MASK
    )


@internal
def _owe_less(asset: address, amount: uint256):
    """
    @dev What is owed includes what is due.
    """
    asset_list._words[asset] -= amount << asset_list.OWED_AT


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


@pure
@internal
def _check_listed(is_listed: bool):
    assert is_listed, "impact: asset is not listed"


@payable
@internal
def _check_token(asset: address):
    """
    @dev Before a call is made to it, or coin sent along is forgotten.
    """
    assert msg.value == 0, "impact: value sent with a token"
    self._check_listed(
        asset != NATIVE and asset_list._words[asset] & asset_list.LISTED != 0
    )


@pure
@internal
def _check_amount(amount: uint256):
    assert amount != 0, "impact: zero amount"


@view
@internal
def _check_raising(word: uint256):
    # At the goal, and on rejection, opens_at is set to that second.
    assert (
        block.timestamp < (word >> OPENS_AT) & MASK_40
    ), "impact: funding is over"


@pure
@internal
def _check_accepted(word: uint256):
    assert word & IS_ACCEPTED != 0, "impact: project is not accepted"


@view
@internal
def _check_is_unreported(project_id: uint256):
    assert self._tallies[project_id] == 0, "impact: stage is reported"


@pure
@internal
def _check_stage(stage: uint256, word: uint256):
    assert stage == (word >> STAGE_AT) & MASK_4, "impact: not the next stage"


@view
@internal
def _tally_of(project_id: uint256) -> uint256:
    tally: uint256 = self._tallies[project_id]
    assert tally != 0, "impact: stage is not reported"
    return tally


@view
@internal
def _pending_of(project_id: uint256) -> uint256:
    pending: uint256 = self._pending[project_id]
    assert pending != 0, "impact: no pending payee"
    return pending


@view
@internal
def _check_unfinished(project_id: uint256, word: uint256):
    assert word & IS_REJECTED == 0, "impact: project is rejected"
    assert (
        (word >> STAGE_AT) & MASK_4 != word >> COUNT_AT
    ), "impact: project is completed"
    assert self._raised(project_id, word) != 0, "impact: nothing was raised"


@view
@internal
def _check_payee(payee: address):
    assert payee != empty(address), "impact: zero payee"
    assert (
        payee != self
        and not staticcall RegistryStatus(REGISTRY).is_refused(payee)
    ), "impact: payee is ours"
    if payee.is_contract:
        # Whatever answers totalSupply() with one word is taken for a token,
        # where money would be lost for good. A wallet contract does not.
        success: bool = False
        response: Bytes[32] = b""
        success, response = raw_call(
            payee,
            method_id("totalSupply()"),
            max_outsize=32,
            gas=PROBE_GAS,
            is_static_call=True,
            revert_on_failure=False,
        )
        assert not success or len(response) != 32, "impact: payee is a token"


@view
@internal
def _check_is_payee(project_id: uint256):
    assert msg.sender == self._address_of(
        self._parties[project_id]
    ), "impact: not the payee"


@view
@internal
def _check_receiver(receiver: address):
    assert (
        receiver != empty(address) and receiver != self
    ), "impact: receiver is zero or ours"


@view
@internal
def _check_timelock():
    assert msg.sender == TIMELOCK, "impact: not the timelock"


@internal
def _set_operations(operations_: address):
    assert operations_ != empty(address), "impact: zero operations"
    assert operations_ != self.operations, "impact: operations is the same"
    self.operations = operations_
    log OperationsChanged(operations=operations_)
