# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Many stakers in one transaction, for the gas benchmark
@license AGPL-3.0-only
@author DonaBlock
@notice Each staker is an account of its own: a proxy of this contract, made
        here and given DOBO, that approves the pool and stakes by itself.
@custom:exit For tests only.
@custom:trust For tests only.
"""

from ethereum.ercs import IERC20


interface IPool:
    def stake(amount: uint256, term: uint256) -> uint256: nonpayable


interface IStaker:
    def stake(amount: uint256, term: uint256): nonpayable


MAX_TERM: constant(uint256) = 12

# @dev A proxy runs this contract's code, so that it finds them too.
TOKEN: immutable(address)
POOL: immutable(address)

# @dev How many stakers there are.
count: public(uint256)


@deploy
def __init__(token: address, pool: address):
    TOKEN = token
    POOL = pool


@external
def join(newcomers: uint256, amount: uint256):
    """
    @notice So many new stakers lock an amount each, for terms of 1 to 12 years in
            turn.
    """
    first: uint256 = self.count
    for number: uint256 in range(first, first + newcomers, bound=1_024):
        staker: address = create_minimal_proxy_to(self)
        extcall IERC20(TOKEN).transfer(staker, amount)
        extcall IStaker(staker).stake(amount, 1 + number % MAX_TERM)
    self.count = first + newcomers


@external
def stake(amount: uint256, term: uint256):
    """
    @notice What a staker does.
    """
    extcall IERC20(TOKEN).approve(POOL, amount)
    extcall IPool(POOL).stake(amount, term)
