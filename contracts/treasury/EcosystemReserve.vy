# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Ecosystem reserve
@license AGPL-3.0-only
@author DonaBlock
@notice Receives the fees and the swept surplus of the other contracts, in coin and tokens, and
        keeps them until the timelock sends them where they may go:

          DOBO                          the commission, or a listed reward pool
          the coin, and listed tokens   the buyback
          other tokens                  nowhere, until they are listed

        The coin is written as the zero address. Amounts are in the asset's smallest unit.
@custom:exit Nobody's money is held here for them: what arrives has been given up by its sender.
             It leaves by the timelock alone.
@custom:trust The timelock lists and unlists assets and reward pools, and sends what is here to
              commission, buyback and reward pools and nowhere else. Nobody can change commission
              and buyback. As the timelock may list any contract as a reward pool, DOBO in the
              reserve is as safe as its delay is watched. Nobody else can do anything but pay in.
"""

# ================================ MODULES ===================================

from contracts.modules import transfers


# ================================ EVENTS ====================================

event Received:
    sender: indexed(address)
    amount: uint256


event RewardPoolAdded:
    pool: indexed(address)


event RewardPoolRemoved:
    pool: indexed(address)


event AssetListed:
    asset: indexed(address)


event AssetUnlisted:
    asset: indexed(address)


event Released:
    asset: indexed(address)
    receiver: indexed(address)
    amount: uint256


# =============================== IMMUTABLES =================================

# The owner, for good.
TIMELOCK: public(immutable(address))
# DonaBlock, the one token that goes to commission and reward pools.
DOBO: public(immutable(address))
# Where DOBO may go.
COMMISSION: public(immutable(address))
# Where coin and listed tokens may go.
BUYBACK: public(immutable(address))


# ================================ STORAGE ===================================

# account -> whether DOBO may go there, beside the commission
is_reward_pool: public(HashMap[address, bool])
# token -> whether it may go to the buyback
is_listed: public(HashMap[address, bool])


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    timelock: address, dobo: address, commission: address, buyback: address
):
    """
    @notice Fixes the owner, DOBO, commission and buyback for good.
    @dev Reverts with "reserve: zero timelock", "reserve: zero dobo", "reserve: zero commission" or
         "reserve: zero buyback". None need exist yet: the deployment predicts their addresses.
    @param timelock The owner.
    @param dobo The DonaBlock token.
    @param commission The commission contract.
    @param buyback The buyback contract.
    """
    assert timelock != empty(address), "reserve: zero timelock"
    assert dobo != empty(address), "reserve: zero dobo"
    assert commission != empty(address), "reserve: zero commission"
    assert buyback != empty(address), "reserve: zero buyback"

    TIMELOCK = timelock
    DOBO = dobo
    COMMISSION = commission
    BUYBACK = buyback


# ================================ ANYONE ====================================

@external
@payable
@reentrant
def __default__():
    """
    @notice Takes the chain's coin, also while something is released (change from the receiver).
            2,300 gas are enough.
    @dev Reverts with "reserve: unknown function" when called with data, so that a mistyped call
         does not look as if it had worked. Logs Received.
    """
    assert len(msg.data) == 0, "reserve: unknown function"

    log Received(sender=msg.sender, amount=msg.value)


# =============================== TIMELOCK ===================================

@external
def add_reward_pool(pool: address):
    """
    @notice Lets DOBO go to a reward pool.
    @dev Reverts with "reserve: not the timelock", "reserve: already a reward pool" or "reserve: no
         code there". Logs RewardPoolAdded.
    @param pool The reward pool contract.
    """
    self._check_timelock()
    assert not self.is_reward_pool[pool], "reserve: already a reward pool"
    self._check_code(pool)

    self.is_reward_pool[pool] = True

    log RewardPoolAdded(pool=pool)


@external
def remove_reward_pool(pool: address):
    """
    @notice Lets no more DOBO go to a reward pool.
    @dev Reverts with "reserve: not the timelock" or "reserve: not a reward pool". Logs
         RewardPoolRemoved.
    @param pool The reward pool contract.
    """
    self._check_timelock()
    assert self.is_reward_pool[pool], "reserve: not a reward pool"

    self.is_reward_pool[pool] = False

    log RewardPoolRemoved(pool=pool)


@external
def list_asset(asset: address):
    """
    @notice Lets a token go to the buyback.
    @dev Reverts with "reserve: not the timelock", "reserve: DOBO is not for the buyback", "reserve:
         already listed" or "reserve: no code there". The coin needs no listing. Logs AssetListed.
    @param asset The token.
    """
    self._check_timelock()
    assert asset != DOBO, "reserve: DOBO is not for the buyback"
    assert not self.is_listed[asset], "reserve: already listed"
    self._check_code(asset)

    self.is_listed[asset] = True

    log AssetListed(asset=asset)


@external
def unlist_asset(asset: address):
    """
    @notice Lets a token go nowhere any more.
    @dev Reverts with "reserve: not the timelock" or "reserve: not listed". Logs AssetUnlisted.
    @param asset The token.
    """
    self._check_timelock()
    assert self.is_listed[asset], "reserve: not listed"

    self.is_listed[asset] = False

    log AssetUnlisted(asset=asset)


@external
def release(asset: address, receiver: address, amount: uint256):
    """
    @notice Sends DOBO to the commission or a reward pool, coin or a listed token to the buyback.
    @dev Reverts with "reserve: not the timelock", "reserve: zero amount", "reserve: DOBO goes to the
         commission or a reward pool", "reserve: not listed", "reserve: receiver is not the buyback",
         "transfers: token refused", "transfers: receiver refused" or what the token says. Logs
         Released.
    @param asset DOBO, a listed token, or zero for the coin.
    @param receiver Where to.
    @param amount How much, in the asset's smallest unit.
    """
    self._check_timelock()
    assert amount > 0, "reserve: zero amount"
    if asset == DOBO:
        assert (
            receiver == COMMISSION or self.is_reward_pool[receiver]
        ), "reserve: DOBO goes to the commission or a reward pool"
    else:
        assert (
            asset == empty(address) or self.is_listed[asset]
        ), "reserve: not listed"
        assert receiver == BUYBACK, "reserve: receiver is not the buyback"

    log Released(asset=asset, receiver=receiver, amount=amount)
    transfers._push(asset, receiver, amount)


# =============================== INTERNALS ==================================

@internal
@view
def _check_timelock():
    """
    @dev Everything but paying in is the timelock's.
    """
    assert msg.sender == TIMELOCK, "reserve: not the timelock"


@internal
@view
def _check_code(account: address):
    """
    @dev An address without code is a mistyped one.
    """
    assert account.is_contract, "reserve: no code there"
