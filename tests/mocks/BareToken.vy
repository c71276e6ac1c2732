# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-20 that does what the standard asks and nothing else, for the gas benchmark
@license AGPL-3.0-only
@author DonaBlock
@notice Anyone mints as much as they like, to anyone.
@custom:exit For tests only.
@custom:trust For tests only.
"""

from ethereum.ercs import IERC20

implements: IERC20

decimals: public(immutable(uint8))
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(decimals_: uint8):
    decimals = decimals_


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=msg.sender, receiver=receiver, value=amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    allowance: uint256 = self.allowance[owner][msg.sender]
    if allowance != max_value(uint256):
        self.allowance[owner][msg.sender] = allowance - amount
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=owner, receiver=receiver, value=amount)
    return True


@external
def mint(receiver: address, amount: uint256):
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=amount)
