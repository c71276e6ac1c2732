# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A second address of a token's money, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice Some tokens can be moved through two addresses (TrueUSD and Synthetix could, a
        chain's coin that is also a token can). This is the second door to the token
        `Behind`, which trusts it.
@custom:exit For tests only.
@custom:trust For tests only.
"""


interface Behind:
    def balanceOf(owner: address) -> uint256: view
    def decimals() -> uint8: view
    def carry(owner: address, receiver: address, amount: uint256): nonpayable


BEHIND: immutable(Behind)


@deploy
def __init__(behind: Behind):
    BEHIND = behind


@view
@external
def decimals() -> uint8:
    return staticcall BEHIND.decimals()


@view
@external
def balanceOf(owner: address) -> uint256:
    return staticcall BEHIND.balanceOf(owner)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    extcall BEHIND.carry(msg.sender, receiver, amount)
    return True
