# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A router that lies, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice Takes and gives what it is told to, and says that all went as asked.
@custom:exit For tests only.
@custom:trust For tests only.
"""

from ethereum.ercs import IERC20

factory: public(address)
takes: public(uint256)
gives: public(uint256)
refund: public(uint256)


@deploy
def __init__(factory: address):
    self.factory = factory
    self.takes = max_value(uint256)
    self.gives = max_value(uint256)


@external
def set(takes: uint256, gives: uint256):
    """
    @notice How much it takes and gives at most, whatever it is asked.
    """
    self.takes = takes
    self.gives = gives


@external
def set_refund(amount: uint256):
    """
    @notice How much of what it takes it hands back.
    """
    self.refund = amount


@external
def swapExactTokensForTokens(
    amount_in: uint256,
    amount_out_min: uint256,
    path: DynArray[address, 2],
    receiver: address,
    deadline: uint256,
) -> DynArray[uint256, 2]:
    extcall IERC20(path[0]).transferFrom(
        msg.sender, self, min(amount_in, self.takes)
    )
    extcall IERC20(path[1]).transfer(receiver, min(amount_out_min, self.gives))
    extcall IERC20(path[0]).transfer(msg.sender, self.refund)
    return [amount_in, amount_out_min]
