# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-20 that can be told to misbehave, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice It has no permit. Until told otherwise it behaves well, moves and pays
        as it should. Everybody may tell it everything.
@custom:exit For tests only.
@custom:trust For tests only.
"""

from ethereum.ercs import IERC20

# @dev Digits after the point.
decimals: public(uint8)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
totalSupply: public(uint256)
# @dev Kept back from what a receiver gets, in hundredths of a percent.
fee: public(uint256)
# @dev Whether transfers answer False and do nothing.
is_refusing: public(bool)
# @dev Whom a transfer calls in the middle, and with what; zero: nobody.
callee: public(address)
call_data: public(Bytes[1_024])


@deploy
def __init__(decimals: uint8):
    self.decimals = decimals


@external
def set_decimals(decimals: uint8):
    self.decimals = decimals


@external
def set_fee(fee: uint256):
    self.fee = fee


@external
def set_is_refusing(is_refusing: bool):
    self.is_refusing = is_refusing


@external
def set_call(callee: address, call_data: Bytes[1_024]):
    """
    @notice From now on every transfer makes this call, and fails if it does.
    """
    self.callee = callee
    self.call_data = call_data


@external
def mint(receiver: address, amount: uint256):
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
def seize(owner: address, amount: uint256):
    """
    @notice Destroy somebody's tokens, as an issuer may who freezes accounts.
    """
    self.totalSupply -= amount
    self.balanceOf[owner] -= amount
    log IERC20.Transfer(sender=owner, receiver=empty(address), value=amount)


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    if self.is_refusing:
        return False
    self.allowance[owner][msg.sender] -= amount
    return self._move(owner, receiver, amount)


@internal
def _move(owner: address, receiver: address, amount: uint256) -> bool:
    if self.is_refusing:
        return False
    kept: uint256 = amount * self.fee // 10_000
    self.balanceOf[owner] -= amount
    if self.callee != empty(address):
        raw_call(self.callee, self.call_data)
    self.balanceOf[receiver] += amount - kept
    self.totalSupply -= kept
    log IERC20.Transfer(sender=owner, receiver=receiver, value=amount - kept)
    return True
