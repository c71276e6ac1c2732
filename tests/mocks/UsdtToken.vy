# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title What Tether USD on Ethereum does, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice transfer, transferFrom and approve return nothing; approve refuses to go from
        one allowance to another without 0 between; the owner may switch on a fee and
        block senders; every failure reverts without a reason. It has no permit.
@custom:exit For tests only.
@custom:trust For tests only.
"""


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256


decimals: public(constant(uint256)) = 6
MAX_FEE: constant(uint256) = 50 * 10**6

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
isBlackListed: public(HashMap[address, bool])
basisPointsRate: public(uint256)
owner: public(address)


@deploy
def __init__():
    self.owner = msg.sender


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount
    log Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
def setParams(rate: uint256):
    assert rate < 20
    self.basisPointsRate = rate


@external
def addBlackList(account: address):
    self.isBlackListed[account] = True


@external
def approve(spender: address, amount: uint256):
    assert amount == 0 or self.allowance[msg.sender][spender] == 0
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)


@external
def transfer(receiver: address, amount: uint256):
    self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256):
    if self.allowance[owner][msg.sender] != max_value(uint256):
        self.allowance[owner][msg.sender] -= amount
    self._move(owner, receiver, amount)


@internal
def _move(owner: address, receiver: address, amount: uint256):
    assert not self.isBlackListed[owner]
    fee: uint256 = min(amount * self.basisPointsRate // 10_000, MAX_FEE)
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount - fee
    if fee != 0:
        self.balanceOf[self.owner] += fee
        log Transfer(sender=owner, receiver=self.owner, value=fee)
    log Transfer(sender=owner, receiver=receiver, value=amount - fee)
