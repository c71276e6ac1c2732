"""Accounts named by what they do, each with a key of its own, and what they sign.

The same name is the same account in every run, so that a printed address means something.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boa
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

# what an account of the tests has of the chain's coin
WEALTH = 10**24


@cache
def account(role: str) -> LocalAccount:
    """The account of a role, with its key."""
    return Account.from_key(keccak(text=f"donablock test role: {role}"))


def address(role: str) -> str:
    """The address of a role, rich in the chain's coin, and named in boa's traces."""
    found: str = account(role).address
    boa.env.alias(found, role)
    boa.env.set_balance(found, WEALTH)
    return found


@dataclass(frozen=True)
class Permit:
    """A signed EIP-2612 approval, in the order of `permit`'s arguments."""

    owner: str
    spender: str
    amount: int
    deadline: int
    v: int
    r: bytes
    s: bytes

    @property
    def arguments(self) -> tuple[str, str, int, int, int, bytes, bytes]:
        return (self.owner, self.spender, self.amount, self.deadline, self.v, self.r, self.s)

    @property
    def signature(self) -> tuple[int, int, bytes, bytes]:
        """What functions ending in `_with_permit` take last: deadline, v, r, s."""
        return (self.deadline, self.v, self.r, self.s)


def sign_permit(
    token: Any,
    role: str,
    spender: Any,
    amount: int,
    deadline: int,
    *,
    owner: str | None = None,
    nonce: int | None = None,
    name: str | None = None,
    version: str = "1",
    chain_id: int | None = None,
    contract: str | None = None,
) -> Permit:
    """What a wallet of `role` signs; keywords forge one field each.

    The domain is built here from its parts, not read from the token's DOMAIN_SEPARATOR.
    """
    owner = account(role).address if owner is None else owner
    spender = str(getattr(spender, "address", spender))
    signed = Account.sign_typed_data(
        account(role).key,
        domain_data={
            "name": token.name() if name is None else name,
            "version": version,
            "chainId": boa.env.evm.patch.chain_id if chain_id is None else chain_id,
            "verifyingContract": token.address if contract is None else contract,
        },
        message_types={
            "Permit": [
                {"name": "owner", "type": "address"},
                {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        message_data={
            "owner": owner,
            "spender": spender,
            "value": amount,
            "nonce": token.nonces(owner) if nonce is None else nonce,
            "deadline": deadline,
        },
    )
    return Permit(
        owner,
        spender,
        amount,
        deadline,
        signed.v,
        signed.r.to_bytes(32, "big"),
        signed.s.to_bytes(32, "big"),
    )
