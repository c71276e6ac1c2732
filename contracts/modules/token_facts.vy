# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Token facts
@license AGPL-3.0-only
@author DonaBlock
@notice Symbol and decimals of a token that may be anything: it may revert,
        burn its gas, return a megabyte, nonsense, or markup. Nothing here
        reverts for what a token does, and a name comes out harmless.
"""

from contracts.modules import text


# @dev What a token gets to answer. A caller with less to give than that reads
#      the fallbacks.
GAS_LIMIT: constant(uint256) = 100_000
# @dev Read of an answer: offset, length and 32 bytes of a string.
MAX_ANSWER: constant(uint256) = 96
# @dev Where the string of a single return value lies.
STRING_OFFSET: constant(uint256) = 32
# @dev Written where a token has no name.
UNNAMED: constant(String[5]) = "token"


@internal
@view
def _symbol(asset: address) -> String[text.MAX_NAME]:
    """
    @notice Reads a token's symbol, as a string or, in old tokens, a bytes32.
    @param asset The token.
    @return String The symbol in safe characters; "token" if there is none.
    """
    is_answered: bool = False
    answer: Bytes[MAX_ANSWER] = b""
    is_answered, answer = raw_call(
        asset,
        method_id("symbol()"),
        max_outsize=MAX_ANSWER,
        gas=GAS_LIMIT,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not is_answered:
        return UNNAMED

    start: uint256 = 0
    size: uint256 = 0
    if len(answer) == 32:
        # A bytes32, ended by its first zero.
        for i: uint256 in range(32):
            if slice(answer, i, 1) == b"\x00":
                break
            size += 1
    elif (
        len(answer) == MAX_ANSWER
        and convert(slice(answer, 0, 32), uint256) == STRING_OFFSET
    ):
        start = 64
        # What is over 32 bytes is not read; `_safe_name` cuts at 16 anyway.
        size = min(convert(slice(answer, 32, 32), uint256), text.MAX_NAME_INPUT)
    if size == 0:
        return UNNAMED
    word: bytes32 = convert(slice(answer, start, 32), bytes32)
    return text._safe_name(slice(word, 0, size))


@internal
@view
def _decimals(asset: address) -> (uint256, bool):
    """
    @notice Reads a token's decimals.
    @param asset The token.
    @return uint256 The decimals; 0 if they cannot be read.
    @return bool Whether they could be read and make sense: at most 36.
    """
    is_answered: bool = False
    answer: Bytes[32] = b""
    is_answered, answer = raw_call(
        asset,
        method_id("decimals()"),
        max_outsize=32,
        gas=GAS_LIMIT,
        is_static_call=True,
        revert_on_failure=False,
    )
    # An account without code answers with nothing.
    if not is_answered or len(answer) != 32:
        return 0, False
    decimals: uint256 = convert(answer, uint256)
    if decimals > text.MAX_DECIMALS:
        return 0, False
    return decimals, True
