# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title What the receipts' modules write, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice Every internal function of the modules that write text, as it is.
@custom:exit For tests only.
@custom:trust For tests only.
"""

from contracts.modules import base64
from contracts.modules import goals
from contracts.modules import plain_text
from contracts.modules import text
from contracts.modules import token_facts


@external
@pure
def encode(data: Bytes[base64.MAX_INPUT]) -> String[base64.MAX_OUTPUT]:
    return base64._encode(data)


@external
@pure
def digits(number: uint256) -> String[text.MAX_DIGITS]:
    return text._digits(number)


@external
@pure
def hex32(word: bytes32) -> String[66]:
    return text._hex32(word)


@external
@pure
def checksummed(account: address) -> String[42]:
    return text._address(account)


@external
@pure
def short(word: String[66]) -> String[text.MAX_SHORT]:
    return text._short(word)


@external
@pure
def split(
    amount: uint256, decimals: uint256
) -> (uint256, String[text.MAX_FRACTION]):
    return text._split(amount, decimals)


@external
@pure
def grouped(whole: uint256) -> String[text.MAX_GROUPED]:
    return text._grouped(whole)


@external
@pure
def date(timestamp: uint256) -> String[10]:
    return text._date(timestamp)


@external
@pure
def safe_name(raw: Bytes[text.MAX_NAME_INPUT]) -> String[text.MAX_NAME]:
    return text._safe_name(raw)


@external
@view
def symbol_of(asset: address) -> String[text.MAX_NAME]:
    return token_facts._symbol(asset)


@external
@view
def decimals_of(asset: address) -> (uint256, bool):
    return token_facts._decimals(asset)


@external
@pure
def goal_name(goal: uint256) -> String[goals.MAX_NAME]:
    return goals._name(goal)


@external
@pure
def goal_colour(goal: uint256) -> String[6]:
    return goals._colour(goal)


@external
@pure
def are_plain(
    raws: DynArray[Bytes[plain_text.MAX_TEXT], 64],
) -> DynArray[bool, 64]:
    answers: DynArray[bool, 64] = []
    for raw: Bytes[plain_text.MAX_TEXT] in raws:
        answers.append(plain_text._is_plain(raw))
    return answers
