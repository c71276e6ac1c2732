# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title A well-behaved ERC-20 with permit, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice Anyone mints as much as they like, to anyone.
@custom:exit For tests only.
@custom:trust For tests only.
"""

from contracts.modules import erc20

initializes: erc20

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


@deploy
def __init__(name: String[32], symbol: String[8], decimals: uint8):
    """
    @param name The name, also of the EIP-712 domain, whose version is "1".
    @param symbol The ticker.
    @param decimals Digits after the point; anything goes.
    """
    erc20.__init__(name, symbol, decimals)


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens.
    @param receiver Who gets them.
    @param amount How many, in the smallest unit.
    """
    erc20._mint(receiver, amount)
