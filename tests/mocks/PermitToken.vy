# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A token whose permits are signed under a domain of one's choice, for tests
@license AGPL-3.0-only
@author DonaBlock
@notice It does not say what its domain is made of, as most tokens do not.
@custom:exit For tests only.
@custom:trust For tests only.
"""

PERMIT: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)

name: public(constant(String[12])) = "Permit Token"
symbol: public(constant(String[3])) = "PMT"
decimals: public(constant(uint8)) = 6

DOMAIN_SEPARATOR: public(bytes32)
PERMIT_TYPEHASH: public(bytes32)
# @dev Whether permits are refused although the domain is right.
is_refusing: public(bool)
nonces: public(HashMap[address, uint256])
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__():
    self.PERMIT_TYPEHASH = PERMIT


@external
def set_domain(separator: bytes32, type_hash: bytes32):
    self.DOMAIN_SEPARATOR = separator
    self.PERMIT_TYPEHASH = type_hash


@external
def set_is_refusing(is_refusing: bool):
    self.is_refusing = is_refusing


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    self.allowance[owner][msg.sender] -= amount
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount
    return True


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
    assert not self.is_refusing, "permit token: refused"
    assert block.timestamp <= deadline, "permit token: expired"
    digest: bytes32 = keccak256(
        concat(
            x"1901",
            self.DOMAIN_SEPARATOR,
            keccak256(
                abi_encode(
                    PERMIT,
                    owner,
                    spender,
                    amount,
                    self.nonces[owner],
                    deadline,
                )
            ),
        )
    )
    self.nonces[owner] += 1
    assert ecrecover(digest, v, r, s) == owner, "permit token: not the owner"
    self.allowance[owner][spender] = amount
