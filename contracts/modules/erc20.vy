# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title ERC-20 with EIP-2612 permit
@license AGPL-3.0-only
@author DonaBlock
@notice The token both DonaBlock (DOBO) and DonaGive (GIVE) are made of: ERC-20, EIP-2612 and
        EIP-5267, without owner, minter, pause, fee or hook. `_mint` and `_burn` are internal: who
        may call them is the importing contract's business and stands in its own source.
        Amounts are in the token's smallest unit.
        Nothing here calls another contract, so no function can be entered in the middle of
        another one; a lock would add about 300 gas to every transfer and keep nobody out.
        docs/decisions/0001-own-erc20.md says why snekmate's module is not used.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from snekmate.tokens.interfaces import IERC20Permit
from snekmate.utils.interfaces import IERC5267
from snekmate.utils import ecdsa
from snekmate.utils import eip712_domain_separator

implements: IERC20
implements: IERC20Detailed
implements: IERC20Permit
implements: IERC5267

initializes: eip712_domain_separator

exports: eip712_domain_separator.eip712Domain


# ================================ CONSTANTS =================================

# the type of an EIP-2612 approval, as wallets sign it
_PERMIT_TYPE_HASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)


# ================================ IMMUTABLES ================================

# the token's name, also the name in its EIP-712 domain
name: public(immutable(String[32]))

# the token's ticker
symbol: public(immutable(String[8]))

# digits after the point of one whole token
decimals: public(immutable(uint8))


# ================================= STORAGE ==================================

# account -> what it holds
balanceOf: public(HashMap[address, uint256])

# owner -> spender -> what the spender may still take; the maximum is never used up
allowance: public(HashMap[address, HashMap[address, uint256]])

# the sum of all balances
totalSupply: public(uint256)

# owner -> the number its next permit must carry
nonces: public(HashMap[address, uint256])


# =============================== CONSTRUCTOR ================================

@deploy
def __init__(name_: String[32], symbol_: String[8], decimals_: uint8):
    """
    @notice Names the token. Nothing is minted here.
    @param name_ The name, also used in the EIP-712 domain, whose version is "1".
    @param symbol_ The ticker.
    @param decimals_ Digits after the point.
    """
    eip712_domain_separator.__init__(name_, "1")

    name = name_
    symbol = symbol_
    decimals = decimals_


# ================================= HOLDERS ==================================

@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Sends tokens of the caller.
    @dev Reverts with "erc20: transfer to zero", "erc20: transfer to the token" or
         "erc20: balance too low". Logs Transfer.
    @param receiver Who gets them; neither zero nor the token itself, from where nobody could
           take them out again.
    @param amount How many, in the smallest unit; zero is allowed, as the standard demands.
    @return Always True: what fails reverts.
    """
    self._transfer(msg.sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Lets a spender take up to `amount` of the caller's tokens, replacing what it was
            allowed before. The maximum uint256 is never used up.
    @dev Reverts with "erc20: zero spender". Logs Approval.
    @param spender Who may take them.
    @param amount How many, in the smallest unit.
    @return Always True: what fails reverts.
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
def burn(amount: uint256):
    """
    @notice Destroys tokens of the caller and lowers the total supply by as many.
    @dev Reverts with "erc20: balance too low". Logs Transfer to zero.
    @param amount How many, in the smallest unit.
    """
    self._burn(msg.sender, amount)


# ================================= SPENDERS =================================

@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Sends tokens of `owner`, within what it allowed the caller.
    @dev Reverts with "erc20: zero owner", "erc20: allowance too low", "erc20: transfer to zero",
         "erc20: transfer to the token" or "erc20: balance too low". Logs Transfer.
    @param owner Whose tokens.
    @param receiver Who gets them; neither zero nor the token itself.
    @param amount How many, in the smallest unit.
    @return Always True: what fails reverts.
    """
    self._spend_allowance(owner, msg.sender, amount)
    self._transfer(owner, receiver, amount)
    return True


@external
def burn_from(owner: address, amount: uint256):
    """
    @notice Destroys tokens of `owner`, within what it allowed the caller, and lowers the total
            supply by as many.
    @dev Reverts with "erc20: zero owner", "erc20: allowance too low" or "erc20: balance too low".
         Logs Transfer to zero.
    @param owner Whose tokens.
    @param amount How many, in the smallest unit.
    """
    self._spend_allowance(owner, msg.sender, amount)
    self._burn(owner, amount)


# ================================== ANYONE ==================================

@external
def permit(
    owner: address,
    spender: address,
    amount: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Sets an allowance by its owner's signature (EIP-2612). Anyone may hand the signature
            in, once: the nonce in it must be `nonces(owner)`.
    @dev Reverts with "erc20: permit expired", "erc20: not the owner's signature",
         "ecdsa: invalid signature", "ecdsa: invalid signature `s` value" or "erc20: zero spender".
         Logs Approval.
    @param owner Whose tokens; must have signed.
    @param spender Who may take them.
    @param amount How many, in the smallest unit.
    @param deadline The last second (unix time) at which the signature is taken.
    @param v Part of the signature.
    @param r Part of the signature.
    @param s Part of the signature; only the lower half of its range is taken.
    """
    assert block.timestamp <= deadline, "erc20: permit expired"

    nonce: uint256 = self.nonces[owner]
    # a nonce cannot overflow: each step up costs a transaction
    self.nonces[owner] = unsafe_add(nonce, 1)

    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(
            abi_encode(
                _PERMIT_TYPE_HASH, owner, spender, amount, nonce, deadline
            )
        )
    )
    # reverts rather than give zero for a bad signature, so a permit of the zero address cannot pass
    signer: address = ecdsa._recover_vrs(
        digest, convert(v, uint256), convert(r, uint256), convert(s, uint256)
    )
    assert signer == owner, "erc20: not the owner's signature"

    self._approve(owner, spender, amount)


# ================================== VIEWS ===================================

@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice The EIP-712 domain of this token on this chain, as permits sign it.
    @return The hash of the domain.
    """
    return eip712_domain_separator._domain_separator_v4()


# ================================ INTERNALS =================================

@internal
def _transfer(owner: address, receiver: address, amount: uint256):
    """
    @dev Moves tokens. The caller has checked that `owner` is not zero and agrees.
    """
    assert receiver != empty(address), "erc20: transfer to zero"
    assert receiver != self, "erc20: transfer to the token"
    balance: uint256 = self.balanceOf[owner]
    assert balance >= amount, "erc20: balance too low"

    # Checked just above.
    self.balanceOf[owner] = unsafe_sub(balance, amount)
    # Written so that the slot's place is hashed once.
    self.balanceOf[receiver] += amount

    log IERC20.Transfer(sender=owner, receiver=receiver, value=amount)


@internal
def _mint(receiver: address, amount: uint256):
    """
    @dev Creates tokens. Who may is for the importing contract to say, and that `receiver` is
         neither zero nor the token.
    """
    self.totalSupply += amount
    self.balanceOf[receiver] += amount

    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=amount)


@internal
def _burn(owner: address, amount: uint256):
    """
    @dev Destroys tokens. The caller has checked that `owner` is not zero and agrees.
    """
    balance: uint256 = self.balanceOf[owner]
    assert balance >= amount, "erc20: balance too low"

    # The first is checked above; totalSupply is the sum of all balances, so at least this one.
    self.balanceOf[owner] = unsafe_sub(balance, amount)
    self.totalSupply = unsafe_sub(self.totalSupply, amount)

    log IERC20.Transfer(sender=owner, receiver=empty(address), value=amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    """
    @dev Sets an allowance. The caller has checked that `owner` is not zero and agrees.
    """
    assert spender != empty(address), "erc20: zero spender"

    self.allowance[owner][spender] = amount

    log IERC20.Approval(owner=owner, spender=spender, value=amount)


@internal
def _spend_allowance(owner: address, spender: address, amount: uint256):
    """
    @dev Uses up an allowance, unless it is the maximum. Tokens of the zero address cannot be
         moved, not even none of them: that would log a mint.
    """
    assert owner != empty(address), "erc20: zero owner"
    allowance: uint256 = self.allowance[owner][spender]

    if allowance != max_value(uint256):
        assert allowance >= amount, "erc20: allowance too low"
        # No Approval is logged: the standard asks for it in `approve` only, and it would cost every
        # spender 1,850 gas. Who needs the allowance asks for it.
        self.allowance[owner][spender] = unsafe_sub(allowance, amount)
