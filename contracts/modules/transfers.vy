# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Moving money
@license AGPL-3.0-only
@author DonaBlock
@notice Moves the native coin and ERC-20 tokens, tokens without a return value
        (USDT) included. The native coin is written as the zero address.
        `_pull` and `_push` revert on failure; `_try_pull` and `_try_push`
        answer False and copy at most one word of what the other side returns,
        so that a megabyte of return data costs us nothing.
"""

from ethereum.ercs import IERC20

# @dev The native coin's place among assets.
NATIVE: constant(address) = empty(address)
# @dev Gas that a recipient of the native coin gets where its failure must not
#      stop others: enough for a wallet contract, too little to burn a block.
PUSH_GAS: constant(uint256) = 100_000
# @dev What must be left so that the 63/64 rule does not hand on less than
#      PUSH_GAS; otherwise too low a gas limit would look like a refusal.
PUSH_GAS_NEEDED: constant(uint256) = 120_000


@internal
def _pull(asset: address, owner: address, receiver: address, amount: uint256):
    """
    @dev Token from `owner` to `receiver` out of the allowance to this contract.
    """
    assert extcall IERC20(asset).transferFrom(
        owner, receiver, amount, default_return_value=True
    ), "transfers: token refused"


@internal
def _try_pull(
    asset: address, owner: address, receiver: address, amount: uint256
) -> bool:
    """
    @dev Like `_pull`, but False where the token reverts or returns false. The
         asset must be a listed one, so that there is code behind it.
    """
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        asset,
        abi_encode(
            owner,
            receiver,
            amount,
            method_id=method_id("transferFrom(address,address,uint256)"),
        ),
        max_outsize=32,
        revert_on_failure=False,
    )
    return success and self._is_yes(response)


@internal
def _push(asset: address, receiver: address, amount: uint256):
    """
    @dev Native coin or token from this contract to `receiver`; all gas is handed on.
    """
    if asset == NATIVE:
        assert raw_call(
            receiver, b"", value=amount, revert_on_failure=False
        ), "transfers: receiver refused"
    else:
        assert extcall IERC20(asset).transfer(
            receiver, amount, default_return_value=True
        ), "transfers: token refused"


@internal
def _try_push(asset: address, receiver: address, amount: uint256) -> bool:
    """
    @dev Like `_push`, but False on failure, and PUSH_GAS for a native receiver.
    """
    if asset == NATIVE:
        assert msg.gas >= PUSH_GAS_NEEDED, "transfers: not enough gas"
        return raw_call(
            receiver, b"", value=amount, gas=PUSH_GAS, revert_on_failure=False
        )
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        asset,
        abi_encode(
            receiver, amount, method_id=method_id("transfer(address,uint256)")
        ),
        max_outsize=32,
        revert_on_failure=False,
    )
    return success and self._is_yes(response)


@internal
def _permit(
    asset: address,
    amount: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @dev Try an EIP-2612 permit from the sender to this contract. Its failure is
         ignored: whoever front-runs the permit has only set the allowance
         that the transfer then uses; where it really failed, the transfer does.
    """
    success: bool = raw_call(
        asset,
        abi_encode(
            msg.sender,
            self,
            amount,
            deadline,
            v,
            r,
            s,
            method_id=method_id(
                "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"
            ),
        ),
        revert_on_failure=False,
    )


@view
@internal
def _balance(asset: address, owner: address) -> uint256:
    if asset == NATIVE:
        return owner.balance
    return staticcall IERC20(asset).balanceOf(owner)


@view
@internal
def _allowance(asset: address, owner: address) -> uint256:
    return staticcall IERC20(asset).allowance(owner, self)


@pure
@internal
def _is_yes(response: Bytes[32]) -> bool:
    """
    @dev What a token call returned: nothing, or one word that is not zero.
    """
    return len(response) == 0 or (
        len(response) == 32 and convert(response, uint256) != 0
    )
