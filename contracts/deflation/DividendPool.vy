# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Dividends for staked DOBO
@license AGPL-3.0-only
@author DonaBlock
@notice Who locks DOBO for 1 to 12 years shares in the dividends of every month
        until the lock ends. A position weighs its principal times a multiplier
        by the years left, rounded up:

          years left   1  2  3  4  5  6  7   8   9  10  11  12
          multiplier   1  2  3  4  5  6  7  10  12  14  16  20

        so that a weight falls once a year by itself, and is nothing at the end.

        An epoch is a month of 365 days / 12. A stake counts from the epoch after
        the one it was made in, for 12 epochs a year, and ends on an epoch's edge.
        What is funded in an epoch is divided, once the epoch is over, by the
        weights of that epoch; nobody can join an epoch that is over, or running.
        Where too little weight is there (less than MIN_WEIGHT), the money waits
        and joins the epoch in which somebody next funds or rolls.

        Dividends are claimed, or compounded into the position that earned them.
        After the lock the principal comes free evenly over 30 days for each year
        of its term.

        How it stays flat: `_ladder` keeps the principal that ends at each edge.
        Exactly one edge of each class (number modulo 12) is an anniversary of a
        position, so the sum of all weights crosses an edge by reading the dozen
        rungs of one class, and writes none. Only funding brings that sum forward
        to the running epoch; months in which nothing is funded write nothing.

        Per unit of weight the pool keeps a sum, scaled by 2**128 and rounded
        down. A claim is rounded down too: it pays less than the exact share by
        less than 1 + 2**-24 units, and never more.
@custom:exit `claim` and `unlock` can be stopped by nobody, ever. A lock cannot be
             left early: it ends on its epoch's edge and not before.
@custom:trust The timelock names the guardian and does nothing else. The guardian
              stops staking, extending and compounding for 7 days, once in 30.
              Nobody can move a staker's principal or dividends, nor change what a
              position has earned.
"""

# ============================== INTERFACES ==================================

from ethereum.ercs import IERC20
from interfaces import IDividendPool

# ================================ MODULES ===================================

from contracts.modules import entry_stop
from contracts.modules import transfers

initializes: entry_stop

exports: (
    entry_stop.guardian,
    entry_stop.next_stop_at,
    entry_stop.stopped_until,
)

implements: IDividendPool

# ================================ EVENTS ====================================

# `maturity` is the epoch at whose beginning the lock ends.
event Staked:
    owner: indexed(address)
    index: indexed(uint256)
    amount: uint256
    term: uint256
    maturity: uint256
    epoch: uint256


event Extended:
    owner: indexed(address)
    index: indexed(uint256)
    term: uint256
    maturity: uint256
    epoch: uint256


event Claimed:
    owner: indexed(address)
    index: indexed(uint256)
    receiver: indexed(address)
    amount: uint256
    epoch: uint256


event Compounded:
    owner: indexed(address)
    index: indexed(uint256)
    amount: uint256
    epoch: uint256


event Unlocked:
    owner: indexed(address)
    index: indexed(uint256)
    receiver: indexed(address)
    amount: uint256


event Funded:
    funder: indexed(address)
    epoch: indexed(uint256)
    amount: uint256


# An epoch was divided. `cumulative` is the sum per unit of weight up to its end.
event EpochClosed:
    epoch: indexed(uint256)
    amount: uint256
    weight: uint256
    cumulative: uint256


# Too little weight was there: the money waits.
event CarriedOver:
    epoch: indexed(uint256)
    amount: uint256
    weight: uint256


# What had waited joined an epoch.
event Rejoined:
    epoch: indexed(uint256)
    amount: uint256


event Swept:
    asset: indexed(address)
    amount: uint256


# ================================ STRUCTS ===================================

# A position. `principal` ends at the beginning of epoch `maturity`; `term` is the longest of the
# terms it was locked for, in years. It has been paid for the epochs before `mark`, weighs `first`
# in epoch `mark`, and what principal and maturity say from then on.
struct Position:
    principal: uint256
    first: uint256
    mark: uint256
    maturity: uint256
    term: uint256


# The sum of all weights in `epoch`. `fresh` of it, were `epoch` the running one, would not count
# before the next: it was added in `fresh_epoch`.
struct Weights:
    total: uint256
    fresh: uint256
    epoch: uint256
    fresh_epoch: uint256


# What a wallet shows. `released` of `principal` has left after the lock; `multiplier` is what the
# running epoch counts and `next_multiplier` what the one from `next_change_at` on will.
struct PositionInfo:
    principal: uint256
    released: uint256
    term: uint256
    ends_at: uint256
    unlocked_at: uint256
    weight: uint256
    next_weight: uint256
    next_change_at: uint256


# =============================== CONSTANTS ==================================

# Seconds in an epoch: a month of 365 days / 12.
EPOCH: public(constant(uint256)) = 2_628_000
MAX_TERM: public(constant(uint256)) = 12
# The smallest stake, in DOBO's smallest unit.
MIN_STAKE: public(constant(uint256)) = 10**18
# Seconds in which the principal comes free, for each year of its term.
UNLOCK_PER_YEAR: public(constant(uint256)) = 30 * 86_400
# Sums per unit of weight are scaled by this power of two.
SCALE_BITS: public(constant(uint256)) = 128

_EPOCHS_A_YEAR: constant(uint256) = 12
# Multiplier by years left, one byte each from the lowest. The thirteenth is that of a stake of 12
# years in the epoch in which it is made and does not count yet.
_MULTIPLIERS: constant(uint256) = (
    1 * 2**8
    + 2 * 2**16
    + 3 * 2**24
    + 4 * 2**32
    + 5 * 2**40
    + 6 * 2**48
    + 7 * 2**56
    + 10 * 2**64
    + 12 * 2**72
    + 14 * 2**80
    + 16 * 2**88
    + 20 * 2**96
    + 20 * 2**104
)
# What a multiplier loses at an edge, by the years left after it, one byte each from the lowest.
_DROPS: constant(uint256) = (
    1
    + 1 * 2**8
    + 1 * 2**16
    + 1 * 2**24
    + 1 * 2**32
    + 1 * 2**40
    + 1 * 2**48
    + 3 * 2**56
    + 2 * 2**64
    + 2 * 2**72
    + 2 * 2**80
    + 4 * 2**88
)
# All that is ever inside fits: no more than the supply.
_MAX_SUPPLY: constant(uint256) = 2**91
_BITS_96: constant(uint256) = 2**96 - 1
_BITS_104: constant(uint256) = 2**104 - 1
_BITS_128: constant(uint256) = 2**128 - 1
_BITS_16: constant(uint256) = 2**16 - 1
_BITS_8: constant(uint256) = 2**8 - 1
# Words of `_divided` that epochs of 16 bits can be in.
_MAX_WORDS: constant(uint256) = 256
# A class has 13 rungs ahead, in at most so many words.
_CLASS_WORDS: constant(uint256) = 7


# =============================== IMMUTABLES =================================

# DOBO, staked and paid out.
TOKEN: public(immutable(address))
TIMELOCK: public(immutable(address))
RESERVE: public(immutable(address))
# Unix time at which epoch 1 begins.
START: public(immutable(uint256))
# Below this sum of weights an epoch is not divided.
MIN_WEIGHT: public(immutable(uint256))


# ================================ STORAGE ===================================

# total (104 bits) | fresh (104) | epoch (16) | fresh epoch (16), see Weights
_weights: uint256
# principal held (96 bits) | the running pot: funded in epoch `_weights.epoch` (96)
_principal_and_pot: uint256
# divided and not yet paid (96 bits) | waiting for weight (96)
_owed_and_waiting: uint256
# word, see `_ladder_word` -> principal that ends at an edge (lower 128 bits) | at the one 12 later
_ladder: HashMap[uint256, uint256]
# epoch // 256 -> which epochs were divided: a bit each, the first epoch's the highest
_divided: HashMap[uint256, uint256]
# epoch // 256 -> the bit of an epoch that was divided -> sum per unit of weight up to its end
_cumulative: HashMap[uint256, HashMap[uint256, uint256]]
# owner -> number of positions, counted from 0
position_count: public(HashMap[address, uint256])
# owner -> index -> principal (96 bits) | first (104) | mark (16) | maturity (16) | term (8)
_positions: HashMap[address, HashMap[uint256, uint256]]
# owner -> index -> principal that has left
_released: HashMap[address, HashMap[uint256, uint256]]


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    token: address,
    timelock: address,
    guardian: address,
    reserve: address,
    min_weight: uint256,
):
    """
    @notice Epoch 1 begins now.
    @dev Reverts with "pool: zero token", "pool: zero timelock", "pool: zero reserve", "pool: minimum
         weight below a stake", "pool: supply over 2**91" or "guardian: zero guardian".
    @param token DOBO.
    @param timelock The owner.
    @param guardian Who may stop staking for a while.
    @param reserve Where surplus is swept to.
    @param min_weight Below this sum of weights an epoch is not divided (smallest unit of DOBO).
    """
    assert token != empty(address), "pool: zero token"
    assert timelock != empty(address), "pool: zero timelock"
    assert reserve != empty(address), "pool: zero reserve"
    assert min_weight >= MIN_STAKE, "pool: minimum weight below a stake"
    assert (
        staticcall IERC20(token).totalSupply() <= _MAX_SUPPLY
    ), "pool: supply over 2**91"
    entry_stop.__init__(guardian)
    TOKEN = token
    TIMELOCK = timelock
    RESERVE = reserve
    START = block.timestamp
    MIN_WEIGHT = min_weight
    self._write_weights(Weights(total=0, fresh=0, epoch=1, fresh_epoch=1))


# ================================ STAKERS ===================================

@external
def stake(amount: uint256, term: uint256) -> uint256:
    """
    @notice Lock DOBO for some years, as a new position. It counts from the next
            epoch, for 12 epochs a year: the lock lasts the years, and the rest of
            this epoch.
    @dev Reverts with "pool: staking is stopped", "pool: term is 1 to 12 years",
         "pool: less than one DOBO", "transfers: token refused" or what the token
         says. Logs Staked, and what `roll` does where a month is over.
    @param amount How much (smallest unit of DOBO), at least 1 DOBO.
    @param term Years, 1 to 12.
    @return The position's index among the sender's own.
    """
    return self._stake(amount, term)


@external
def stake_with_permit(
    amount: uint256,
    term: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
) -> uint256:
    """
    @notice As `stake`, with an EIP-2612 permit by the sender for the amount. A
            permit that fails is ignored, and the allowance decides.
    @dev Reverts and logs as `stake`.
    @param amount How much (smallest unit of DOBO), at least 1 DOBO.
    @param term Years, 1 to 12.
    @param deadline The permit's last second.
    @param v The permit's signature.
    @param r The permit's signature.
    @param s The permit's signature.
    @return The position's index among the sender's own.
    """
    transfers._permit(TOKEN, amount, deadline, v, r, s)
    return self._stake(amount, term)


@external
def extend(index: uint256, term: uint256):
    """
    @notice Lock a position for longer: some years from now. What it has earned
            is compounded. The new weight counts from the next epoch; the time in
            which the principal comes free afterwards is that of the longest term
            the position ever had.
    @dev Reverts with "pool: staking is stopped", "pool: term is 1 to 12 years",
         "pool: no such position", "pool: lock is over" or "pool: not longer than
         it is". Logs Extended, Compounded where something was earned, and what
         `roll` does where a month is over.
    @param index The position, among the sender's own.
    @param term Years from now, 1 to 12.
    """
    self._check_open()
    assert term >= 1 and term <= MAX_TERM, "pool: term is 1 to 12 years"
    epoch: uint256 = 0
    weights: Weights = empty(Weights)
    epoch, weights = self._close_if_over()
    position: Position = self._position(msg.sender, index)
    assert position.maturity > epoch, "pool: lock is over"
    maturity: uint256 = epoch + 1 + term * _EPOCHS_A_YEAR
    assert maturity > position.maturity, "pool: not longer than it is"

    earned: uint256 = 0
    earned, position = self._settled(position, epoch, 0, 0)
    old: Position = position
    position.principal += earned
    position.maturity = maturity
    position.term = max(position.term, term)
    self._ladder[self._ladder_word(old.maturity)] -= self._on_rung(
        old.maturity, old.principal
    )
    self._ladder[self._ladder_word(maturity)] += self._on_rung(
        maturity, position.principal
    )
    self._add_weight(
        weights,
        epoch,
        self._weight(position, weights.epoch)
        - self._weight(old, weights.epoch),
        self._weight(position, epoch) - self._weight(old, epoch),
    )
    self._write_position(msg.sender, index, position)
    if earned != 0:
        self._owed_and_waiting -= earned
        self._principal_and_pot += earned
        log Compounded(
            owner=msg.sender, index=index, amount=earned, epoch=epoch
        )
    log Extended(
        owner=msg.sender,
        index=index,
        term=term,
        maturity=maturity,
        epoch=epoch,
    )


@external
def claim(index: uint256, receiver: address = msg.sender) -> uint256:
    """
    @notice Take what a position of the sender's has earned in the epochs that
            are over. Nobody can stop this.
    @dev Reverts with "pool: no such position", "pool: zero receiver", "pool:
         receiver is the pool", "pool: nothing to claim", "transfers: token
         refused" or what the token says. Logs Claimed, and what `roll` does where
         a month is over.
    @param index The position, among the sender's own.
    @param receiver Who gets it; the sender where it is left out.
    @return How much (smallest unit of DOBO).
    """
    self._check_receiver(receiver)
    epoch: uint256 = 0
    weights: Weights = empty(Weights)
    epoch, weights = self._close_if_over()
    earned: uint256 = 0
    position: Position = self._position(msg.sender, index)
    earned, position = self._settled(position, epoch, 0, 0)
    assert earned != 0, "pool: nothing to claim"

    self._write_position(msg.sender, index, position)
    self._owed_and_waiting -= earned
    log Claimed(
        owner=msg.sender,
        index=index,
        receiver=receiver,
        amount=earned,
        epoch=epoch,
    )
    transfers._push(TOKEN, receiver, earned)
    return earned


@external
def compound(index: uint256) -> uint256:
    """
    @notice Add what a position of the sender's has earned to its principal. It
            ends with it, and counts from the next epoch.
    @dev Reverts with "pool: staking is stopped", "pool: no such position", "pool:
         too late to compound" (it would never count: claim it), or "pool: nothing
         to compound". Logs Compounded, and what `roll` does where a month is over.
    @param index The position, among the sender's own.
    @return How much (smallest unit of DOBO).
    """
    self._check_open()
    epoch: uint256 = 0
    weights: Weights = empty(Weights)
    epoch, weights = self._close_if_over()
    earned: uint256 = 0
    position: Position = self._position(msg.sender, index)
    assert position.maturity > epoch + 1, "pool: too late to compound"
    earned, position = self._settled(position, epoch, 0, 0)
    assert earned != 0, "pool: nothing to compound"

    position.principal += earned
    self._ladder[self._ladder_word(position.maturity)] += self._on_rung(
        position.maturity, earned
    )
    self._add_weight(
        weights,
        epoch,
        earned * self._multiplier(position.maturity, weights.epoch),
        earned * self._multiplier(position.maturity, epoch),
    )
    self._write_position(msg.sender, index, position)
    self._owed_and_waiting -= earned
    self._principal_and_pot += earned
    log Compounded(owner=msg.sender, index=index, amount=earned, epoch=epoch)
    return earned


@external
def unlock_to(index: uint256, receiver: address) -> uint256:
    """
    @notice As `unlock`, for the sender's own position and to another receiver.
    @dev Reverts as `unlock`, and with "pool: zero receiver" or "pool: receiver is
         the pool". Logs Unlocked.
    @param index The position, among the sender's own.
    @param receiver Who gets it.
    @return How much (smallest unit of DOBO).
    """
    self._check_receiver(receiver)
    return self._unlock(msg.sender, index, receiver)


# ================================= ANYONE ===================================

@external
def unlock(owner: address, index: uint256) -> uint256:
    """
    @notice Pay an owner the principal that has come free since the lock ended.
            Nobody can stop this.
    @dev Reverts with "pool: no such position", "pool: still locked", "pool:
         nothing to unlock", "transfers: token refused" or what the token says.
         Logs Unlocked.
    @param owner Whose position it is, and who gets it.
    @param index The position, among the owner's own.
    @return How much (smallest unit of DOBO).
    """
    return self._unlock(owner, index, owner)


@external
def fund(amount: uint256):
    """
    @notice Pay dividends in. They are divided by the weights of the running
            epoch, once it is over.
    @dev Reverts with "pool: nothing to fund", "transfers: token refused" or what
         the token says. Logs Funded, Rejoined where money had waited, and what
         `roll` does where a month is over.
    @param amount How much (smallest unit of DOBO).
    """
    assert amount != 0, "pool: nothing to fund"
    epoch: uint256 = 0
    weights: Weights = empty(Weights)
    epoch, weights = self._close_if_over()
    if weights.epoch < epoch:
        self._bring_forward(weights, epoch)
    self._principal_and_pot += amount << 96
    log Funded(funder=msg.sender, epoch=epoch, amount=amount)
    transfers._pull(TOKEN, msg.sender, self, amount)


@external
def roll():
    """
    @notice Divide an epoch that is over and was funded; let what has waited for
            weight join the running epoch. Others' calls do the first by
            themselves; nobody has to.
    @dev Reverts with "pool: nothing to roll". Logs EpochClosed or CarriedOver,
         and Rejoined.
    """
    pot: uint256 = self._principal_and_pot >> 96
    epoch: uint256 = 0
    weights: Weights = empty(Weights)
    epoch, weights = self._close_if_over()
    assert weights.epoch < epoch, "pool: nothing to roll"
    if self._owed_and_waiting >> 96 != 0:
        self._bring_forward(weights, epoch)
    else:
        assert pot != 0, "pool: nothing to roll"


@external
def sweep(asset: address) -> uint256:
    """
    @notice Send what is here beyond what is staked, owed and to be divided to the
            reserve.
    @dev Reverts with "pool: nothing to sweep", "transfers: token refused",
         "transfers: receiver refused" or what the token says. Logs Swept.
    @param asset The token; the zero address for the native coin.
    @return How much (smallest unit).
    """
    amount: uint256 = transfers._balance(asset, self)
    if asset == TOKEN:
        amount -= self._liability()
    assert amount != 0, "pool: nothing to sweep"
    log Swept(asset=asset, amount=amount)
    transfers._push(asset, RESERVE, amount)
    return amount


# ======================== TIMELOCK AND GUARDIAN =============================

@external
def set_guardian(guardian: address):
    """
    @notice The timelock names another guardian.
    @dev Reverts with "pool: not the timelock", "guardian: zero guardian" or
         "guardian: guardian is the same". Logs GuardianChanged.
    @param guardian Who may stop staking for a while.
    """
    assert msg.sender == TIMELOCK, "pool: not the timelock"
    entry_stop._set_guardian(guardian)


@external
def stop_entries():
    """
    @notice The guardian stops staking, extending and compounding for 7 days; not
            again for 30 days.
    @dev Reverts with "guardian: not the guardian" or "guardian: stopped too
         recently". Logs EntriesStopped.
    """
    entry_stop._stop()


@external
def resume_entries():
    """
    @notice The guardian ends a stop early.
    @dev Reverts with "guardian: not the guardian" or "guardian: not stopped". Logs
         EntriesResumed.
    """
    entry_stop._resume()


# ================================= VIEWS ====================================

@external
@view
def epoch() -> uint256:
    """
    @notice The running epoch, counted from 1.
    """
    return self._epoch()


@external
@view
def rolled_until() -> uint256:
    """
    @notice The epoch of the running pot; an earlier one than `epoch` where it is
            over and was not divided yet, or nothing was funded since.
    """
    return self._read_weights().epoch


@external
@view
def epoch_starts_at(epoch: uint256) -> uint256:
    """
    @notice When an epoch begins (unix time, s).
    @param epoch The epoch, from 1.
    """
    return self._edge_time(epoch)


@external
@view
def position(owner: address, index: uint256) -> PositionInfo:
    """
    @notice What a wallet shows of a position. Amounts are in the smallest unit of
            DOBO, times in unix time (s).
    @dev Reverts with "pool: no such position".
    @param owner Whose it is.
    @param index Which, among the owner's own, from 0.
    @return Principal, of it released, term (years), end of the lock, end of the
            unlocking, weight in the running epoch, weight from the next change on,
            and when that is (0: it changes no more).
    """
    position: Position = self._position(owner, index)
    epoch: uint256 = self._epoch()
    now_weight: uint256 = position.first
    if position.mark < epoch:
        now_weight = self._weight(position, epoch)
    # It changes at the next edge where it was changed in this epoch, else at its next anniversary.
    next_weight: uint256 = 0
    next_change_at: uint256 = 0
    if position.maturity > epoch:
        edge: uint256 = epoch + 1
        next_weight = self._weight(position, edge)
        if next_weight == now_weight:
            years: uint256 = (position.maturity - edge - 1) // _EPOCHS_A_YEAR
            edge = position.maturity - years * _EPOCHS_A_YEAR
            next_weight = self._weight(position, edge)
        next_change_at = self._edge_time(edge)
    ends_at: uint256 = self._edge_time(position.maturity)
    return PositionInfo(
        principal=position.principal,
        released=self._released[owner][index],
        term=position.term,
        ends_at=ends_at,
        unlocked_at=ends_at + position.term * UNLOCK_PER_YEAR,
        weight=now_weight,
        next_weight=next_weight,
        next_change_at=next_change_at,
    )


@external
@view
def claimable(owner: address, index: uint256) -> uint256:
    """
    @notice What `claim` would pay now (smallest unit of DOBO).
    @dev Reverts with "pool: no such position".
    @param owner Whose position it is.
    @param index Which, among the owner's own, from 0.
    """
    over: uint256 = 0
    added: uint256 = 0
    over, added = self._about_to_close()
    earned: uint256 = 0
    position: Position = self._position(owner, index)
    earned, position = self._settled(position, self._epoch(), over, added)
    return earned


@external
@view
def unlockable(owner: address, index: uint256) -> uint256:
    """
    @notice What `unlock` would pay now (smallest unit of DOBO).
    @dev Reverts with "pool: no such position".
    @param owner Whose position it is.
    @param index Which, among the owner's own, from 0.
    """
    return (
        self._unlocked(self._position(owner, index))
        - self._released[owner][index]
    )


@external
@view
def total_weight() -> uint256:
    """
    @notice The sum of weights by which the running epoch will be divided.
    """
    epoch: uint256 = self._epoch()
    weights: Weights = self._read_weights()
    return self._total(weights, epoch) - self._fresh(weights, epoch)


@external
@view
def dividends_per_weight(epochs: uint256) -> uint256:
    """
    @notice What one DOBO of weight earned in the last epochs that are over; with
            12, a year's rate for a DOBO staked at a multiplier of 1.
    @param epochs How many epochs.
    @return Smallest unit of DOBO for each DOBO (10**18) of weight, rounded down.
    """
    over: uint256 = 0
    added: uint256 = 0
    over, added = self._about_to_close()
    epoch: uint256 = self._epoch()
    since: uint256 = 1
    if epochs < epoch:
        since = epoch - epochs
    return (
        (
            self._sum_before(epoch, over, added)
            - self._sum_before(since, over, added)
        )
        * 10**18
    ) >> SCALE_BITS


@external
@view
def liability() -> uint256:
    """
    @notice What the pool must hold: principal, dividends owed, and what is still to
            be divided (smallest unit of DOBO).
    """
    return self._liability()


@external
@view
def books() -> (uint256, uint256, uint256, uint256):
    """
    @notice The parts of `liability`, as they stand until the next call (smallest
            unit of DOBO).
    @return Principal, dividends owed, the running pot, and what waits for weight.
    """
    held: uint256 = self._principal_and_pot
    due: uint256 = self._owed_and_waiting
    return held & _BITS_96, due & _BITS_96, held >> 96, due >> 96


# =============================== INTERNALS ==================================

@internal
def _stake(amount: uint256, term: uint256) -> uint256:
    self._check_open()
    assert term >= 1 and term <= MAX_TERM, "pool: term is 1 to 12 years"
    assert amount >= MIN_STAKE, "pool: less than one DOBO"
    # no token of this supply can move so much, and what is packed must fit
    assert amount <= _MAX_SUPPLY, "pool: more than there is"
    epoch: uint256 = 0
    weights: Weights = empty(Weights)
    epoch, weights = self._close_if_over()
    index: uint256 = self.position_count[msg.sender]
    position: Position = Position(
        principal=amount,
        first=0,
        mark=epoch,
        maturity=epoch + 1 + term * _EPOCHS_A_YEAR,
        term=term,
    )
    self.position_count[msg.sender] = index + 1
    self._write_position(msg.sender, index, position)
    self._ladder[self._ladder_word(position.maturity)] += self._on_rung(
        position.maturity, amount
    )
    self._add_weight(
        weights,
        epoch,
        self._weight(position, weights.epoch),
        self._weight(position, epoch),
    )
    self._principal_and_pot += amount
    log Staked(
        owner=msg.sender,
        index=index,
        amount=amount,
        term=term,
        maturity=position.maturity,
        epoch=epoch,
    )
    transfers._pull(TOKEN, msg.sender, self, amount)
    return index


@internal
def _unlock(owner: address, index: uint256, receiver: address) -> uint256:
    """
    @dev The principal that dividends are computed from stays as it is; what has left is kept apart.
    """
    position: Position = self._position(owner, index)
    assert block.timestamp >= self._edge_time(
        position.maturity
    ), "pool: still locked"
    unlocked: uint256 = self._unlocked(position)
    amount: uint256 = unlocked - self._released[owner][index]
    assert amount != 0, "pool: nothing to unlock"

    self._released[owner][index] = unlocked
    self._principal_and_pot -= amount
    log Unlocked(owner=owner, index=index, receiver=receiver, amount=amount)
    transfers._push(TOKEN, receiver, amount)
    return amount


@internal
@view
def _check_open():
    assert (
        block.timestamp >= entry_stop.stopped_until
    ), "pool: staking is stopped"


@internal
@view
def _check_receiver(receiver: address):
    assert receiver != empty(address), "pool: zero receiver"
    assert receiver != self, "pool: receiver is the pool"


# --- epochs and weights

@internal
@view
def _epoch() -> uint256:
    return (block.timestamp - START) // EPOCH + 1


@internal
@view
def _edge_time(epoch: uint256) -> uint256:
    """
    @dev The first second of an epoch.
    """
    return START + (epoch - 1) * EPOCH


@internal
@pure
def _multiplier(maturity: uint256, epoch: uint256) -> uint256:
    """
    @dev By the years from an epoch to a maturity, rounded up; no year beyond the twelfth adds any.
    """
    if maturity <= epoch:
        return 0
    years: uint256 = min(
        (maturity - epoch + _EPOCHS_A_YEAR - 1) // _EPOCHS_A_YEAR, MAX_TERM
    )
    return (_MULTIPLIERS >> (8 * years)) & _BITS_8


@internal
@pure
def _weight(position: Position, epoch: uint256) -> uint256:
    """
    @dev What principal and maturity say, wherever `first` does not.
    """
    return position.principal * self._multiplier(position.maturity, epoch)


@internal
@pure
def _fresh(weights: Weights, epoch: uint256) -> uint256:
    """
    @dev The part of the total that does not count in an epoch.
    """
    if weights.fresh_epoch == epoch:
        return weights.fresh
    return 0


@internal
def _add_weight(weights: Weights, epoch: uint256, then: uint256, now: uint256):
    """
    @dev A position was added or made to weigh more: by `then` in the epoch that the total is of, by
         `now` in the running one, where it does not count yet.
    """
    self._write_weights(
        Weights(
            total=weights.total + then,
            fresh=self._fresh(weights, epoch) + now,
            epoch=weights.epoch,
            fresh_epoch=epoch,
        )
    )


@internal
@view
def _total(weights: Weights, epoch: uint256) -> uint256:
    """
    @dev The sum of weights in an epoch, from that of an earlier one: what each edge between takes
         away, or, where that is a year's edges or more, the sum over all rungs ahead.
    """
    total: uint256 = 0
    if epoch - weights.epoch < _EPOCHS_A_YEAR:
        total = weights.total
        for edge: uint256 in range(
            weights.epoch + 1, epoch + 1, bound=_EPOCHS_A_YEAR
        ):
            total -= self._class_weight(edge, _DROPS)
    else:
        for ahead: uint256 in range(_EPOCHS_A_YEAR):
            total += self._class_weight(epoch + 1 + ahead, _MULTIPLIERS >> 8)
    return total


@internal
@view
def _class_weight(edge: uint256, by_years: uint256) -> uint256:
    """
    @dev The sum over the rungs at an edge and at 12, 24, ... 144 after it, each times the byte of
         `by_years` for its number of years after the edge.
    """
    found: uint256 = 0
    word: uint256 = self._ladder_word(edge)
    # a word has two rungs: where the edge's is the upper one, the lower one lies behind
    factors: uint256 = by_years << (8 * (edge // _EPOCHS_A_YEAR % 2))
    for _: uint256 in range(_CLASS_WORDS):
        if factors == 0:
            break
        rungs: uint256 = self._ladder[word]
        if rungs != 0:
            # all rungs together hold less than 2**92, a factor is below 2**8
            found = unsafe_add(
                found,
                unsafe_add(
                    unsafe_mul(rungs & _BITS_128, factors & _BITS_8),
                    unsafe_mul(rungs >> 128, (factors >> 8) & _BITS_8),
                ),
            )
        factors >>= 16
        word = unsafe_add(word, _EPOCHS_A_YEAR)
    return found


@internal
@pure
def _ladder_word(edge: uint256) -> uint256:
    """
    @dev The words of one class, of 24 edges each, are 12 apart.
    """
    return edge // (2 * _EPOCHS_A_YEAR) * _EPOCHS_A_YEAR + edge % _EPOCHS_A_YEAR


@internal
@pure
def _on_rung(edge: uint256, amount: uint256) -> uint256:
    """
    @dev An amount where the edge's rung is in its word.
    """
    return amount << (128 * (edge // _EPOCHS_A_YEAR % 2))


@internal
def _bring_forward(weights: Weights, epoch: uint256):
    """
    @dev The total becomes that of the running epoch, and what has waited joins it.
    """
    self._write_weights(
        Weights(
            total=self._total(weights, epoch),
            fresh=self._fresh(weights, epoch),
            epoch=epoch,
            fresh_epoch=epoch,
        )
    )
    due: uint256 = self._owed_and_waiting
    waiting: uint256 = due >> 96
    if waiting != 0:
        self._owed_and_waiting = due & _BITS_96
        self._principal_and_pot += waiting << 96
        log Rejoined(epoch=epoch, amount=waiting)


# --- dividends

@internal
def _close_if_over() -> (uint256, Weights):
    """
    @dev The running epoch and the weights; where a funded epoch is over, it is divided first.
    """
    epoch: uint256 = self._epoch()
    weights: Weights = self._read_weights()
    if weights.epoch < epoch:
        held: uint256 = self._principal_and_pot
        pot: uint256 = held >> 96
        if pot != 0:
            self._principal_and_pot = held & _BITS_96
            self._divide(weights, pot)
    return epoch, weights


@internal
def _divide(weights: Weights, pot: uint256):
    """
    @dev The total is that of the pot's epoch: funding brought it there, and nothing after that
         epoch has come before this call.
    """
    over: uint256 = weights.epoch
    weight: uint256 = weights.total - self._fresh(weights, over)
    if weight < MIN_WEIGHT:
        self._owed_and_waiting += pot << 96
        log CarriedOver(epoch=over, amount=pot, weight=weight)
        return
    cumulative: uint256 = (
        self._sum_before(over, 0, 0) + (pot << SCALE_BITS) // weight
    )
    word: uint256 = over // 256
    bit: uint256 = 1 << (255 - over % 256)
    self._divided[word] |= bit
    self._cumulative[word][bit] = cumulative
    self._owed_and_waiting += pot
    log EpochClosed(
        epoch=over, amount=pot, weight=weight, cumulative=cumulative
    )


@internal
@view
def _about_to_close() -> (uint256, uint256):
    """
    @dev What the next call would add to the sum per unit of weight: the epoch, and how much. The
         epoch is beyond all there are where it would add nothing.
    """
    weights: Weights = self._read_weights()
    pot: uint256 = self._principal_and_pot >> 96
    weight: uint256 = weights.total - self._fresh(weights, weights.epoch)
    if pot == 0 or weights.epoch == self._epoch() or weight < MIN_WEIGHT:
        return max_value(uint256), 0
    return weights.epoch, (pot << SCALE_BITS) // weight


@internal
@view
def _sum_before(epoch: uint256, over: uint256, added: uint256) -> uint256:
    """
    @dev The sum per unit of weight over all epochs before one. `added` belongs to epoch `over` and
         is not written yet.
    """
    found: uint256 = 0
    if over < epoch:
        found = added
    last: uint256 = epoch - 1
    word: uint256 = last // 256
    after: uint256 = 255 - last % 256
    # bits of epochs that came earlier are higher: the lowest one left is the last epoch
    divided: uint256 = (self._divided[word] >> after) << after
    for _: uint256 in range(_MAX_WORDS):
        if divided != 0:
            return (
                found + self._cumulative[word][divided & unsafe_sub(0, divided)]
            )
        if word == 0:
            break
        word -= 1
        divided = self._divided[word]
    return found


@internal
@view
def _settled(
    position: Position, epoch: uint256, over: uint256, added: uint256
) -> (uint256, Position):
    """
    @dev What a position has earned before the running epoch, and the position as it is once that is
         paid. One that was settled in this epoch stays as it is: `first` is what counts in it.
    """
    if position.mark >= epoch:
        return 0, position
    at: uint256 = position.mark
    sum: uint256 = self._sum_before(at, over, added)
    scaled: uint256 = 0
    if position.first != self._weight(position, at):
        # it was staked or changed in that epoch
        at += 1
        next: uint256 = self._sum_before(at, over, added)
        scaled = position.first * (next - sum)
        sum = next
    end: uint256 = min(epoch, position.maturity)
    for _: uint256 in range(MAX_TERM + 1):
        if at >= end:
            break
        # the weight is the same until the next anniversary; `at` is before `end`, and so before the
        # maturity: nothing here can fall below zero
        years: uint256 = (
            unsafe_sub(unsafe_sub(position.maturity, at), 1) // _EPOCHS_A_YEAR
        )
        until: uint256 = min(
            end,
            unsafe_sub(position.maturity, unsafe_mul(years, _EPOCHS_A_YEAR)),
        )
        next: uint256 = self._sum_before(until, over, added)
        scaled += (
            position.principal
            * ((_MULTIPLIERS >> unsafe_mul(8, unsafe_add(years, 1))) & _BITS_8)
            * (next - sum)
        )
        sum = next
        at = until
    settled: Position = position
    settled.mark = epoch
    settled.first = self._weight(position, epoch)
    return scaled >> SCALE_BITS, settled


@internal
@view
def _unlocked(position: Position) -> uint256:
    """
    @dev Evenly over the days of its term, from the end of the lock.
    """
    ends_at: uint256 = self._edge_time(position.maturity)
    if block.timestamp <= ends_at:
        return 0
    return min(
        position.principal,
        position.principal
        * (block.timestamp - ends_at) // (position.term * UNLOCK_PER_YEAR),
    )


@internal
@view
def _liability() -> uint256:
    held: uint256 = self._principal_and_pot
    due: uint256 = self._owed_and_waiting
    return ((held & _BITS_96) + (held >> 96) + (due & _BITS_96) + (due >> 96))


# --- packed words

@internal
@view
def _read_weights() -> Weights:
    word: uint256 = self._weights
    return Weights(
        total=word & _BITS_104,
        fresh=(word >> 104) & _BITS_104,
        epoch=(word >> 208) & _BITS_16,
        fresh_epoch=word >> 224,
    )


@internal
def _write_weights(weights: Weights):
    assert weights.total <= _BITS_104, "pool: too much weight"
    self._weights = (
        weights.total
        | (weights.fresh << 104)
        | (weights.epoch << 208)
        | (weights.fresh_epoch << 224)
    )


@internal
@view
def _position(owner: address, index: uint256) -> Position:
    word: uint256 = self._positions[owner][index]
    assert word != 0, "pool: no such position"
    return Position(
        principal=word & _BITS_96,
        first=(word >> 96) & _BITS_104,
        mark=(word >> 200) & _BITS_16,
        maturity=(word >> 216) & _BITS_16,
        term=word >> 232,
    )


@internal
def _write_position(owner: address, index: uint256, position: Position):
    self._positions[owner][index] = (
        position.principal
        | (position.first << 96)
        | (position.mark << 200)
        | (position.maturity << 216)
        | (position.term << 232)
    )
