# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title DonaBlock (DOBO)
@license AGPL-3.0-only
@author DonaBlock
@notice The token of the ecosystem: 18 decimals, 2,000,000,000 of it, all minted to Vesting in the
        constructor and never again. Anyone may burn what they hold, which lowers `totalSupply`;
        `permit` (EIP-2612) approves by signature.
        Invariant DOB-1: totalSupply + all that was ever burnt = 2,000,000,000 * 10**18.
@custom:exit There is nothing to leave: a holder transfers or burns at any time, and no role exists
             that could stop it. Tokens sent to this contract's own address are refused. Coin or
             other tokens forced into it stay there; it has no function that could move them.
@custom:trust Nobody can mint, freeze, pause, tax or move another holder's tokens, nor change the
              code. There is no owner. The deployer chooses the first holder and keeps no right.
"""

from contracts.modules import erc20

initializes: erc20

# Explicit, so that a change of the module cannot add an entry point unseen.
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
    erc20.burn,
    erc20.burn_from,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)


# ================================ CONSTANTS =================================

# all there will ever be, in the smallest unit
INITIAL_SUPPLY: public(constant(uint256)) = 2_000_000_000 * 10**18


# =============================== CONSTRUCTOR ================================

@deploy
def __init__(vesting: address):
    """
    @notice Mints the whole supply to the vesting contract, once.
    @dev Reverts with "dobo: zero vesting" or "dobo: vesting is the token". Logs Transfer. The
         vesting contract need not exist yet: its address is predicted by the deployment.
    @param vesting Who holds the supply until it is released.
    """
    assert vesting != empty(address), "dobo: zero vesting"
    assert vesting != self, "dobo: vesting is the token"

    erc20.__init__("DonaBlock", "DOBO", 18)
    erc20._mint(vesting, INITIAL_SUPPLY)
