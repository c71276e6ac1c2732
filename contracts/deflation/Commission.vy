# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Commission of the ecosystem's services
@license AGPL-3.0-only
@author DonaBlock
@notice DOBO that arrives here is commission: by `deposit`, with a reference, or
        by a plain transfer, as an exchange's withdrawal is one. `settle`, by
        anybody, divides all that has arrived since: a share is burnt, a share is
        paid into the dividend pool, and the rest is owed to up to six receivers,
        who are paid when somebody claims for them. Every settlement is a receipt:
        its number, the deposits it covers, the amounts, and the supply of DOBO
        before and after.

        Each part is rounded down; what is left over (less than 8 units) is
        divided with the next settlement.

        Shares are in basis points and add up to 10,000; burn and dividends are
        never below 2,500 each. A change is proposed, waits, and is then applied by
        anybody; what arrived before that is settled under the old shares first.
@custom:exit `claim`, by anybody, pays a receiver all it is owed, also after it
             was replaced. Nobody can stop it, nor `settle`.
@custom:trust The timelock proposes shares and receivers and may take a proposal
              back; the guardian, whom the timelock names, may take one back too.
              Nobody can take DOBO out of here otherwise, or touch what a receiver
              is owed. A depositor's reference is its own word: nobody has checked
              it.
"""

# ============================== INTERFACES ==================================

from ethereum.ercs import IERC20
from interfaces import IDividendPool


interface IBurnable:
    def burn(amount: uint256): nonpayable


# ================================ MODULES ===================================

from contracts.modules import transfers

# ================================ EVENTS ====================================

event Deposited:
    deposit_id: indexed(uint256)
    depositor: indexed(address)
    reference: indexed(bytes32)
    amount: uint256


# The receipt of a settlement. It covers deposits `first_deposit` to `last_deposit` (none, if the
# first is above the last), which were `deposited` together; the rest of `amount` came by plain
# transfers or was left over before. `shared_out` is what the receivers are owed of it.
event Settled:
    batch: indexed(uint256)
    first_deposit: uint256
    last_deposit: uint256
    deposited: uint256
    amount: uint256
    burnt: uint256
    dividends: uint256
    shared_out: uint256
    supply_before: uint256
    supply_after: uint256


event Owed:
    batch: indexed(uint256)
    receiver: indexed(address)
    amount: uint256


event Claimed:
    receiver: indexed(address)
    paid_to: indexed(address)
    amount: uint256


event SharesProposed:
    burn_share: uint256
    dividend_share: uint256
    receivers: DynArray[Receiver, MAX_RECEIVERS]
    ready_at: uint256


event ProposalCancelled:
    cancelled_by: indexed(address)


event SharesChanged:
    burn_share: uint256
    dividend_share: uint256
    receivers: DynArray[Receiver, MAX_RECEIVERS]


event GuardianChanged:
    guardian: indexed(address)


event Swept:
    asset: indexed(address)
    amount: uint256


# ================================ STRUCTS ===================================

# `share` in basis points.
struct Receiver:
    account: address
    share: uint256


struct Deposit:
    depositor: address
    amount: uint256
    reference: bytes32


# How a settlement divides; shares in basis points.
struct Shares:
    burn_share: uint256
    dividend_share: uint256
    receivers: DynArray[Receiver, MAX_RECEIVERS]


# =============================== CONSTANTS ==================================

MAX_RECEIVERS: public(constant(uint256)) = 6
# All shares together, in basis points.
BASIS: public(constant(uint256)) = 10_000
# Neither burn nor dividends go below this share, in basis points.
MIN_SHARE: public(constant(uint256)) = 2_500
# The least that `settle` divides, in DOBO's smallest unit.
MIN_SETTLEMENT: public(constant(uint256)) = 10**18
# Seconds for which a proposal can be applied once it is ready.
APPLY_TIME: public(constant(uint256)) = 30 * 86_400

_BITS_160: constant(uint256) = 2**160 - 1
_BITS_96: constant(uint256) = 2**96 - 1
_BITS_48: constant(uint256) = 2**48 - 1
_BITS_16: constant(uint256) = 2**16 - 1


# =============================== IMMUTABLES =================================

TOKEN: public(immutable(address))
POOL: public(immutable(address))
TIMELOCK: public(immutable(address))
RESERVE: public(immutable(address))
# Seconds from a proposal of shares to the first moment it may be applied.
SHARE_DELAY: public(immutable(uint256))


# ================================ STORAGE ===================================

# burn share (16 bits) | dividend share (16) | batches (48) | deposits settled (48) | burnt by this
# contract (96)
_settled: uint256
# owed to receivers (96 bits) | deposits (48) | deposited since the last settlement (96)
_arrived: uint256
# account (160 bits) | share (16), of each receiver
_receivers: DynArray[uint256, MAX_RECEIVERS]
# receiver -> what it is owed
owed: public(HashMap[address, uint256])
# deposit -> depositor (160 bits) | amount (96)
_deposits: HashMap[uint256, uint256]
_references: HashMap[uint256, bytes32]
_proposal: Shares
# When the proposed shares may be applied (unix time, s); 0 where none are proposed.
proposal_ready_at: public(uint256)
# Who may take a proposal back, beside the timelock.
guardian: public(address)


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    token: address,
    pool: address,
    timelock: address,
    guardian: address,
    reserve: address,
    share_delay: uint256,
    shares: Shares,
):
    """
    @notice Fixes everything but the shares, and lets the pool draw dividends.
    @dev Reverts with "commission: zero token", "commission: zero pool", "commission: zero timelock",
         "commission: zero guardian", "commission: zero reserve", "commission: no delay", or as
         `propose_shares` does. Logs GuardianChanged and SharesChanged.
    @param token DOBO.
    @param pool The dividend pool.
    @param timelock The owner.
    @param guardian First guardian, who may take a proposal back too.
    @param reserve Where other assets are swept to.
    @param share_delay Seconds from a proposal to when it may be applied.
    @param shares The first shares.
    """
    assert token != empty(address), "commission: zero token"
    assert pool != empty(address), "commission: zero pool"
    assert timelock != empty(address), "commission: zero timelock"
    assert reserve != empty(address), "commission: zero reserve"
    assert share_delay != 0, "commission: no delay"
    TOKEN = token
    POOL = pool
    TIMELOCK = timelock
    RESERVE = reserve
    SHARE_DELAY = share_delay
    self._set_guardian(guardian)
    self._check_shares(shares, token, pool)
    self._set_shares(shares)
    # The pool draws no more than it is told to, out of what it is called with.
    extcall IERC20(token).approve(pool, max_value(uint256))


# ================================= ANYONE ===================================

@external
def deposit(amount: uint256, reference: bytes32) -> uint256:
    """
    @notice Pay commission in, with a reference. The reference is the depositor's
            word; it is kept with the depositor's address.
    @dev Reverts with "commission: zero amount", "transfers: token refused" or what
         the token says. Logs Deposited.
    @param amount How much (smallest unit of DOBO).
    @param reference What the depositor calls it.
    @return The deposit's number, from 1.
    """
    assert amount != 0, "commission: zero amount"
    # no more than there is ever moves, so that the packed sum below always fits
    arrived: uint256 = self._arrived
    deposit_id: uint256 = ((arrived >> 96) & _BITS_48) + 1
    log Deposited(
        deposit_id=deposit_id,
        depositor=msg.sender,
        reference=reference,
        amount=amount,
    )
    transfers._pull(TOKEN, msg.sender, self, amount)
    self._arrived = arrived + (1 << 96) + (amount << 144)
    self._deposits[deposit_id] = convert(msg.sender, uint256) | (amount << 160)
    self._references[deposit_id] = reference
    return deposit_id


@external
def settle() -> uint256:
    """
    @notice Divide all that has arrived.
    @dev Reverts with "commission: less than one DOBO has arrived". Logs Settled,
         and Owed for each receiver; the token logs the burn, the pool what came
         in.
    @return The settlement's number, from 1.
    """
    amount: uint256 = self._unsettled()
    assert (
        amount >= MIN_SETTLEMENT
    ), "commission: less than one DOBO has arrived"
    return self._settle(amount)


@external
def claim(receiver: address) -> uint256:
    """
    @notice Pay a receiver all it is owed.
    @dev Reverts with "commission: nothing to claim", "transfers: token refused" or
         what the token says. Logs Claimed.
    @param receiver Who is owed, and paid.
    @return How much (smallest unit of DOBO).
    """
    return self._claim(receiver, receiver)


@external
def claim_to(paid_to: address) -> uint256:
    """
    @notice Pay what the sender is owed to another account.
    @dev Reverts as `claim`, and with "commission: zero receiver" or "commission:
         receiver is this contract". Logs Claimed.
    @param paid_to Who is paid.
    @return How much (smallest unit of DOBO).
    """
    assert paid_to != empty(address), "commission: zero receiver"
    assert paid_to != self, "commission: receiver is this contract"
    return self._claim(msg.sender, paid_to)


@external
def apply_shares():
    """
    @notice Let the proposed shares count from now on, once their delay is over.
            What has arrived is settled under the old ones first, however little.
    @dev Reverts with "commission: nothing is proposed", "commission: too early" or
         "commission: proposal has lapsed". Logs SharesChanged, and what `settle`
         does.
    """
    ready_at: uint256 = self.proposal_ready_at
    assert ready_at != 0, "commission: nothing is proposed"
    assert block.timestamp >= ready_at, "commission: too early"
    assert (
        block.timestamp < ready_at + APPLY_TIME
    ), "commission: proposal has lapsed"
    amount: uint256 = self._unsettled()
    if amount != 0:
        self._settle(amount)
    self.proposal_ready_at = 0
    self._set_shares(self._proposal)


@external
def sweep(asset: address) -> uint256:
    """
    @notice Send what is here of another asset than DOBO to the reserve.
    @dev Reverts with "commission: DOBO is commission", "commission: nothing to
         sweep", "transfers: token refused", "transfers: receiver refused" or what
         the token says. Logs Swept.
    @param asset The token; the zero address for the native coin.
    @return How much (smallest unit).
    """
    assert asset != TOKEN, "commission: DOBO is commission"
    amount: uint256 = transfers._balance(asset, self)
    assert amount != 0, "commission: nothing to sweep"
    # nothing may move DOBO by another name
    before: uint256 = transfers._balance(TOKEN, self)
    log Swept(asset=asset, amount=amount)
    transfers._push(asset, RESERVE, amount)
    assert (
        transfers._balance(TOKEN, self) >= before
    ), "commission: DOBO is commission"
    return amount


# ======================== TIMELOCK AND GUARDIAN =============================

@external
def propose_shares(shares: Shares):
    """
    @notice Propose shares and receivers; a proposal before is replaced.
    @dev Reverts with "commission: not the timelock", "commission: burn below 25 %",
         "commission: dividends below 25 %", "commission: shares are not 100 %",
         "commission: zero share", "commission: receiver cannot be paid" or
         "commission: receiver named twice". Logs SharesProposed.
    @param shares Shares in basis points, and the receivers with theirs.
    """
    assert msg.sender == TIMELOCK, "commission: not the timelock"
    self._check_shares(shares, TOKEN, POOL)
    ready_at: uint256 = block.timestamp + SHARE_DELAY
    self._proposal = shares
    self.proposal_ready_at = ready_at
    log SharesProposed(
        burn_share=shares.burn_share,
        dividend_share=shares.dividend_share,
        receivers=shares.receivers,
        ready_at=ready_at,
    )


@external
def cancel_proposal():
    """
    @notice The timelock or the guardian takes the proposed shares back.
    @dev Reverts with "commission: not timelock nor guardian" or "commission:
         nothing is proposed". Logs ProposalCancelled.
    """
    assert (
        msg.sender == TIMELOCK or msg.sender == self.guardian
    ), "commission: not timelock nor guardian"
    assert self.proposal_ready_at != 0, "commission: nothing is proposed"
    self.proposal_ready_at = 0
    log ProposalCancelled(cancelled_by=msg.sender)


@external
def set_guardian(guardian: address):
    """
    @notice Name another guardian.
    @dev Reverts with "commission: not the timelock", "commission: zero guardian" or
         "commission: guardian is the same". Logs GuardianChanged.
    @param guardian Who may take a proposal back from now on.
    """
    assert msg.sender == TIMELOCK, "commission: not the timelock"
    self._set_guardian(guardian)


# ================================= VIEWS ====================================

@external
@view
def unsettled() -> uint256:
    """
    @notice What the next settlement would divide (smallest unit of DOBO).
    """
    return self._unsettled()


@external
@view
def owed_total() -> uint256:
    """
    @notice What all receivers are owed together (smallest unit of DOBO).
    """
    return self._arrived & _BITS_96


@external
@view
def burned_total() -> uint256:
    """
    @notice What this contract has burnt (smallest unit of DOBO).
    """
    return self._settled >> 128


@external
@view
def batch_count() -> uint256:
    """
    @notice How many settlements there were.
    """
    return (self._settled >> 32) & _BITS_48


@external
@view
def deposit_count() -> uint256:
    """
    @notice How many deposits there were; plain transfers are none.
    """
    return (self._arrived >> 96) & _BITS_48


@external
@view
def deposit_info(deposit_id: uint256) -> Deposit:
    """
    @notice A deposit.
    @dev Reverts with "commission: no such deposit".
    @param deposit_id Its number, from 1.
    @return Depositor, amount (smallest unit of DOBO) and the depositor's reference.
    """
    word: uint256 = self._deposits[deposit_id]
    assert word != 0, "commission: no such deposit"
    return Deposit(
        depositor=convert(word & _BITS_160, address),
        amount=word >> 160,
        reference=self._references[deposit_id],
    )


@external
@view
def shares() -> Shares:
    """
    @notice How settlements divide now (basis points).
    """
    settled: uint256 = self._settled
    receivers: DynArray[Receiver, MAX_RECEIVERS] = []
    for word: uint256 in self._receivers:
        receivers.append(
            Receiver(
                account=convert(word & _BITS_160, address), share=word >> 160
            )
        )
    return Shares(
        burn_share=settled & _BITS_16,
        dividend_share=(settled >> 16) & _BITS_16,
        receivers=receivers,
    )


@external
@view
def proposed_shares() -> Shares:
    """
    @notice The proposal that is waiting (basis points).
    @dev Reverts with "commission: nothing is proposed".
    """
    assert self.proposal_ready_at != 0, "commission: nothing is proposed"
    return self._proposal


# =============================== INTERNALS ==================================

@internal
@view
def _unsettled() -> uint256:
    return staticcall IERC20(TOKEN).balanceOf(self) - (self._arrived & _BITS_96)


@internal
def _settle(amount: uint256) -> uint256:
    settled: uint256 = self._settled
    arrived: uint256 = self._arrived
    burnt: uint256 = amount * (settled & _BITS_16) // BASIS
    dividends: uint256 = amount * ((settled >> 16) & _BITS_16) // BASIS
    batch: uint256 = ((settled >> 32) & _BITS_48) + 1
    deposits: uint256 = (arrived >> 96) & _BITS_48
    shared_out: uint256 = 0
    for word: uint256 in self._receivers:
        receiver: address = convert(word & _BITS_160, address)
        part: uint256 = amount * (word >> 160) // BASIS
        self.owed[receiver] += part
        shared_out += part
        log Owed(batch=batch, receiver=receiver, amount=part)
    self._settled = (
        (settled & (2**32 - 1))
        | (batch << 32)
        | (deposits << 80)
        | (((settled >> 128) + burnt) << 128)
    )
    self._arrived = ((arrived & _BITS_96) + shared_out) | (deposits << 96)

    supply: uint256 = staticcall IERC20(TOKEN).totalSupply()
    extcall IBurnable(TOKEN).burn(burnt)
    log Settled(
        batch=batch,
        first_deposit=((settled >> 80) & _BITS_48) + 1,
        last_deposit=deposits,
        deposited=arrived >> 144,
        amount=amount,
        burnt=burnt,
        dividends=dividends,
        shared_out=shared_out,
        supply_before=supply,
        supply_after=staticcall IERC20(TOKEN).totalSupply(),
    )
    if dividends != 0:
        extcall IDividendPool(POOL).fund(dividends)
    return batch


@internal
def _claim(receiver: address, paid_to: address) -> uint256:
    amount: uint256 = self.owed[receiver]
    assert amount != 0, "commission: nothing to claim"
    self.owed[receiver] = 0
    self._arrived -= amount
    log Claimed(receiver=receiver, paid_to=paid_to, amount=amount)
    transfers._push(TOKEN, paid_to, amount)
    return amount


@internal
@view
def _check_shares(shares: Shares, token: address, pool: address):
    """
    @dev Token and pool are handed in because the constructor may not read what it has just made
         immutable.
    """
    assert shares.burn_share >= MIN_SHARE, "commission: burn below 25 %"
    assert (
        shares.dividend_share >= MIN_SHARE
    ), "commission: dividends below 25 %"
    # each is bounded first, so that the sum cannot overflow into 100 %
    assert (
        shares.burn_share <= BASIS and shares.dividend_share <= BASIS
    ), "commission: shares are not 100 %"
    total: uint256 = shares.burn_share + shares.dividend_share
    named: DynArray[address, MAX_RECEIVERS] = []
    for receiver: Receiver in shares.receivers:
        assert receiver.share != 0, "commission: zero share"
        assert receiver.share <= BASIS, "commission: shares are not 100 %"
        assert receiver.account not in [
            empty(address), self, token, pool
        ], "commission: receiver cannot be paid"
        assert (
            receiver.account not in named
        ), "commission: receiver named twice"
        named.append(receiver.account)
        total += receiver.share
    assert total == BASIS, "commission: shares are not 100 %"


@internal
def _set_shares(shares: Shares):
    """
    @dev Shares that were checked.
    """
    self._settled = (
        (self._settled >> 32 << 32)
        | shares.burn_share
        | (shares.dividend_share << 16)
    )
    words: DynArray[uint256, MAX_RECEIVERS] = []
    for receiver: Receiver in shares.receivers:
        words.append(
            convert(receiver.account, uint256) | (receiver.share << 160)
        )
    self._receivers = words
    log SharesChanged(
        burn_share=shares.burn_share,
        dividend_share=shares.dividend_share,
        receivers=shares.receivers,
    )


@internal
def _set_guardian(guardian: address):
    assert guardian != empty(address), "commission: zero guardian"
    assert guardian != self.guardian, "commission: guardian is the same"
    self.guardian = guardian
    log GuardianChanged(guardian=guardian)
