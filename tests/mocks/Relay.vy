# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A contract that calls whatever it is told to, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice It stands in for any contract that deals with ours: a payee, a wallet, a
        buyback. Told to answer, it makes a call whenever it receives coin.
@custom:exit For tests only.
@custom:trust For tests only.
"""

# @dev Whom it calls when it receives coin, with what, and how much it sends
#      along; zero: nobody.
callee: public(address)
call_data: public(Bytes[1_024])
call_value: public(uint256)


@external
@payable
def __default__():
    if self.callee != empty(address):
        raw_call(self.callee, self.call_data, value=self.call_value)


@external
def set_answer(callee: address, call_data: Bytes[1_024], call_value: uint256):
    """
    @notice From now on, coin received makes this call, and is refused if it fails.
    """
    self.callee = callee
    self.call_data = call_data
    self.call_value = call_value


@external
@payable
def forward(target: address, payload: Bytes[16_384]):
    """
    @notice Make a call in this contract's name, with the coin sent along.
    """
    raw_call(target, payload, value=msg.value)


@external
@payable
def send(target: address):
    """
    @notice Send coin with the 2,300 gas that come with any payment, no more.
    """
    raw_call(target, b"", value=msg.value, gas=0)
