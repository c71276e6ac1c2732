# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title An ERC-20 with the habits of odd tokens that exist, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice Traits are chosen at deployment; rebasing, blocking and hooks are there for
        all and do nothing until used. Everybody may do everything.
@custom:exit For tests only.
@custom:trust For tests only.
"""

from ethereum.ercs import IERC20

# RETURNS_FALSE: a transfer that cannot be made answers False instead of reverting.
# MAX_IS_BALANCE: an amount of 2**256 - 1 moves all the owner has.
# UINT96: amounts and allowances of 2**96 and more are refused (UNI, COMP).
# TAKES_FEE: 1 % of what is sent is destroyed.
flag Trait:
    RETURNS_FALSE
    REFUSES_ZERO
    MAX_IS_BALANCE
    UINT96
    TAKES_FEE

ONE: constant(uint256) = 10**18

decimals: public(uint8)
traits: Trait
allowance: public(HashMap[address, HashMap[address, uint256]])
is_blocked: public(HashMap[address, bool])
# @dev account -> whom a transfer from or to it calls (ERC-777, ERC-1820).
hook_of: public(HashMap[address, address])
# @dev Storage writes that each transfer makes besides.
toil: public(uint256)
# @dev Balances grow and shrink with it: 10**18 is one to one.
index: public(uint256)
_shares: HashMap[address, uint256]
_all_shares: uint256
_sink: uint256


@deploy
def __init__(decimals: uint8, traits: Trait):
    self.decimals = decimals
    self.traits = traits
    self.index = ONE


@external
def mint(receiver: address, amount: uint256):
    self._shares[receiver] += amount * ONE // self.index
    self._all_shares += amount * ONE // self.index
    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=amount)


@view
@external
def totalSupply() -> uint256:
    return self._all_shares * self.index // ONE


@external
def rebase(index: uint256):
    self.index = index


@external
def set_blocked(account: address, is_blocked: bool):
    self.is_blocked[account] = is_blocked


@external
def set_hook(account: address, callee: address):
    self.hook_of[account] = callee


@external
def set_traits(traits: Trait):
    self.traits = traits


@external
def set_toil(toil: uint256):
    self.toil = toil


@external
def approve(spender: address, amount: uint256) -> bool:
    if Trait.UINT96 in self.traits and amount != max_value(uint256):
        assert amount < 2**96, "strange: amount exceeds 96 bits"
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount, False)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount, True)


@external
def carry(owner: address, receiver: address, amount: uint256):
    """
    @notice What the second door of this money may do.
    """
    assert self._move(owner, receiver, amount, False), "strange: refused"


@view
@external
def balanceOf(owner: address) -> uint256:
    return self._shares[owner] * self.index // ONE


@internal
def _move(
    owner: address, receiver: address, asked: uint256, is_pulled: bool
) -> bool:
    traits: Trait = self.traits
    amount: uint256 = asked
    if Trait.MAX_IS_BALANCE in traits and asked == max_value(uint256):
        amount = self._shares[owner] * self.index // ONE
    reason: String[32] = ""
    if self.is_blocked[owner] or self.is_blocked[receiver]:
        reason = "strange: blocked"
    elif Trait.REFUSES_ZERO in traits and amount == 0:
        reason = "strange: zero amount"
    elif Trait.UINT96 in traits and amount >= 2**96:
        reason = "strange: amount exceeds 96 bits"
    elif self._shares[owner] * self.index // ONE < amount:
        reason = "strange: balance too low"
    elif is_pulled and self.allowance[owner][msg.sender] < amount:
        reason = "strange: allowance too low"
    if len(reason) != 0:
        assert Trait.RETURNS_FALSE in traits, reason
        return False
    for i: uint256 in range(self.toil, bound=65_536):
        self._sink = i + 1
        self._sink = 0
    if self.hook_of[owner] != empty(address):
        raw_call(self.hook_of[owner], method_id("on_token()"))
    if is_pulled:
        self.allowance[owner][msg.sender] -= amount
    kept: uint256 = 0
    if Trait.TAKES_FEE in traits:
        kept = amount // 100
    self._shares[owner] -= amount * ONE // self.index
    self._shares[receiver] += (amount - kept) * ONE // self.index
    log IERC20.Transfer(sender=owner, receiver=receiver, value=amount - kept)
    if self.hook_of[receiver] != empty(address):
        raw_call(self.hook_of[receiver], method_id("on_token()"))
    return True
