# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An account that comes back while it is being paid, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice Armed with a call, it makes it once: when coin reaches it, or when a token
        with hooks, or an NFT handed to it, tells it of a transfer. It takes note of
        what came of it and lets the transfer go on.
@custom:exit For tests only.
@custom:trust For tests only.
"""

is_armed: public(bool)
was_called: public(bool)
has_succeeded: public(bool)
target: public(address)
payload: public(Bytes[4_096])
coin: public(uint256)
# keccak256 of what `onERC721Received` was told last
told: public(bytes32)


@external
@payable
def __default__():
    self._strike()


@external
def on_token():
    self._strike()


@external
def onERC721Received(
    operator: address, owner: address, token_id: uint256, data: Bytes[1_024]
) -> bytes4:
    self.told = keccak256(abi_encode(operator, owner, token_id, data))
    self._strike()
    return 0x150b7a02


@external
def arm(target: address, payload: Bytes[4_096], coin: uint256):
    """
    @notice The call to make next time, and the coin to send along.
    """
    self.target = target
    self.payload = payload
    self.coin = coin
    self.is_armed = True
    self.was_called = False
    self.has_succeeded = False


@external
@payable
def forward(target: address, payload: Bytes[4_096], coin: uint256):
    """
    @notice Make a call in this contract's name.
    """
    raw_call(target, payload, value=coin)


@internal
def _strike():
    if not self.is_armed:
        return
    self.is_armed = False
    self.was_called = True
    self.has_succeeded = raw_call(
        self.target, self.payload, value=self.coin, revert_on_failure=False
    )
