# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title DonaGive (GIVE)
@license AGPL-3.0-only
@author DonaBlock
@notice The unit of giving: a gift credit that is backed one to one by a stablecoin, in that
        stablecoin's decimals. Anyone issues GIVE by paying the backing in, and passes it on like
        any ERC-20. Who holds it can give it but not cash it: only an address that is, or ever was,
        a verified charity's payee gets the backing out. There is no other way to burn GIVE.
        Invariants: GVE-1 the backing held is never less than `totalSupply`; GVE-2 only `issue`
        raises the supply, only `redeem` lowers it, by exactly what was paid in or out.
        All amounts are in the smallest unit, which GIVE and its backing share.
@custom:exit A charity's payee redeems at any time. No role, pause, listing or term can stop it:
             suspension, expiry and revocation of the charity do not, and neither does a registrar
             that is gone. Everybody else gives GIVE to a charity or passes it on. What is here
             beyond the backing of GIVE leaves by `sweep`, to the Reserve.
@custom:trust Nobody owns this contract. The registry alone says who may redeem, so whoever
              verifies charities decides which new addresses may; it cannot take that back, nor move
              anybody's GIVE. The issuer of the backing can freeze or devalue it: then GIVE is worth
              what the backing is. If backing is lost, redemptions go on while there is any, and new
              issues are refused.
"""

# ============================== INTERFACES ==================================

from ethereum.ercs import IERC20Detailed
from interfaces import ICharityRegistry
from interfaces import IDonaGive

implements: IDonaGive


# ================================ MODULES ===================================

from contracts.modules import erc20
from contracts.modules import transfers

initializes: erc20


# ================================ EXPORTS ===================================

# Explicit, so that a change of the module cannot add an entry point unseen. `burn` and `burn_from`
# stay inside: burning without redeeming would strand the backing.
exports: (
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.transfer,
    erc20.approve,
    erc20.transferFrom,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)


# ================================ EVENTS ====================================

event Issued:
    payer: indexed(address)
    receiver: indexed(address)
    amount: uint256


event Redeemed:
    payee: indexed(address)
    charity_id: indexed(uint256)
    receiver: indexed(address)
    amount: uint256


event Swept:
    asset: indexed(address)
    amount: uint256


# =============================== CONSTANTS ==================================

# Bounds of the backing's decimals, as for every asset of DonaBlock.
MIN_DECIMALS: public(constant(uint8)) = 6
MAX_DECIMALS: public(constant(uint8)) = 18


# =============================== IMMUTABLES =================================

# The stablecoin behind every GIVE.
BACKING: public(immutable(address))
# Says who may redeem.
REGISTRY: public(immutable(address))
# Where surplus goes.
RESERVE: public(immutable(address))


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(backing: address, registry: address, reserve: address):
    """
    @notice Fixes the backing, the registry and the reserve for good; nothing is issued.
    @dev Reverts with "give: no code at the backing", "give: fewer than 6 decimals",
         "give: more than 18 decimals", "give: zero registry" or "give: zero reserve". Registry and
         reserve need not exist yet: the deployment predicts their addresses.
    @param backing The stablecoin, a plain ERC-20 of 6 to 18 decimals: one that takes a fee is
           refused at issue, one that changes balances by itself (rebases) must not be used.
    @param registry The charity registry.
    @param reserve The ecosystem reserve.
    """
    assert backing.is_contract, "give: no code at the backing"
    decimals: uint8 = staticcall IERC20Detailed(backing).decimals()
    assert decimals >= MIN_DECIMALS, "give: fewer than 6 decimals"
    assert decimals <= MAX_DECIMALS, "give: more than 18 decimals"
    assert registry != empty(address), "give: zero registry"
    assert reserve != empty(address), "give: zero reserve"

    erc20.__init__("DonaGive", "GIVE", decimals)
    BACKING = backing
    REGISTRY = registry
    RESERVE = reserve


# ================================ ANYONE ====================================

@external
def issue(amount: uint256, receiver: address = msg.sender):
    """
    @notice Pays backing in and issues as much GIVE. The caller must have allowed this contract to
            take the backing.
    @dev Reverts with "give: zero amount", "give: zero receiver", "give: receiver is this contract",
         "give: backing is short", "transfers: token refused" or what the backing says, or
         "give: backing took a fee". Logs Transfer from zero and Issued.
    @param amount How much, in the smallest unit.
    @param receiver Who gets the GIVE.
    """
    self._issue(amount, receiver)


@external
def issue_with_permit(
    amount: uint256,
    receiver: address,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice `issue` with the caller's EIP-2612 permit for just this amount of the backing. A permit
            that fails is ignored and the allowance decides: whoever handed it in before has only
            set the allowance that is used here.
    @dev Reverts as `issue` does. Logs what the backing logs, Transfer from zero and Issued.
    @param amount How much, in the smallest unit.
    @param receiver Who gets the GIVE.
    @param deadline The last second (unix time) at which the permit holds.
    @param v Part of the caller's signature.
    @param r Part of the caller's signature.
    @param s Part of the caller's signature.
    """
    transfers._permit(BACKING, amount, deadline, v, r, s)
    self._issue(amount, receiver)


@external
def sweep(token: address):
    """
    @notice Sends what is held of a token beyond the backing of GIVE to the Reserve.
    @dev Reverts with "give: nothing to sweep", "give: sweep would touch the backing",
         "transfers: token refused", "transfers: receiver refused" or what the token says. Logs
         Swept.
    @param token Any token, the backing included; the zero address is the chain's coin.
    """
    amount: uint256 = self._surplus(token)
    assert amount > 0, "give: nothing to sweep"

    # One money may answer at two addresses: no sweep may take the backing of GIVE along.
    before: uint256 = min(transfers._balance(BACKING, self), erc20.totalSupply)

    log Swept(asset=token, amount=amount)
    transfers._push(token, RESERVE, amount)
    assert (
        transfers._balance(BACKING, self) >= before
    ), "give: sweep would touch the backing"


# ================================ CHARITY ===================================

@external
def redeem(
    charity_id: uint256, amount: uint256, receiver: address = msg.sender
):
    """
    @notice Burns GIVE of the caller, who is or was a verified charity's payee, and pays out as
            much backing.
    @dev Reverts with "give: zero amount", "give: zero receiver", "give: receiver is this contract",
         "give: not a charity's payee", "erc20: balance too low", "transfers: token refused" or what
         the backing says. Logs Transfer to zero and Redeemed.
    @param charity_id A charity whose payee the caller is; of no matter for a former payee, whose
           redemption is logged with number 0.
    @param amount How much, in the smallest unit.
    @param receiver Who gets the backing.
    """
    self._check_amount_and_receiver(amount, receiver)
    assert (
        staticcall ICharityRegistry(REGISTRY).may_redeem(msg.sender, charity_id)
    ), "give: not a charity's payee"

    # A former payee redeems for no charity in particular, whatever number it gave.
    is_payee: bool = (
        staticcall ICharityRegistry(REGISTRY).payee(charity_id) == msg.sender
    )

    erc20._burn(msg.sender, amount)
    log Redeemed(
        payee=msg.sender,
        charity_id=charity_id if is_payee else 0,
        receiver=receiver,
        amount=amount,
    )
    transfers._push(BACKING, receiver, amount)


# ================================= VIEWS ====================================

@external
@view
def surplus(token: address) -> uint256:
    """
    @notice What `sweep` would send to the Reserve.
    @param token Any token, the backing included; the zero address is the chain's coin.
    @return How much, in the token's smallest unit.
    """
    return self._surplus(token)


# =============================== INTERNALS ==================================

@internal
def _issue(amount: uint256, receiver: address):
    """
    @dev The backing comes in before GIVE goes out, against the usual order, because what came in
         must be measured. Meanwhile this contract's own functions are locked, and what is open,
         moving GIVE that exists already, changes neither supply nor backing.
    """
    self._check_amount_and_receiver(amount, receiver)
    held: uint256 = transfers._balance(BACKING, self)
    # Whoever pays in now must not pay for backing that was lost before.
    assert held >= erc20.totalSupply, "give: backing is short"

    transfers._pull(BACKING, msg.sender, self, amount)
    assert (
        transfers._balance(BACKING, self) == held + amount
    ), "give: backing took a fee"

    erc20._mint(receiver, amount)
    log Issued(payer=msg.sender, receiver=receiver, amount=amount)


@internal
@view
def _check_amount_and_receiver(amount: uint256, receiver: address):
    """
    @dev GIVE issued here, or backing paid out to here, would be nobody's.
    """
    assert amount > 0, "give: zero amount"
    assert receiver != empty(address), "give: zero receiver"
    assert receiver != self, "give: receiver is this contract"


@internal
@view
def _surplus(token: address) -> uint256:
    """
    @dev `totalSupply` is the stored liability; all else here belongs to nobody.
    """
    held: uint256 = transfers._balance(token, self)
    if token != BACKING:
        return held
    # Less than the supply only if the backing's issuer took some away.
    if held <= erc20.totalSupply:
        return 0
    return held - erc20.totalSupply
