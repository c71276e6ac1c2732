"""EIP-2612: an approval by signature, so that a gift of tokens is one transaction.

Tokens differ in the domain they sign under: version "1", "2" (USDC) or none at all, told by
`eip712Domain` (EIP-5267), by `version()` or not at all. A domain is taken only when its hash is the
one the token itself gives, and a signed permit only when the token accepts it in a trial call; else
there is the ordinary approve.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3 import Web3
from web3.contract import Contract

from donablock.chain.session import ask
from donablock.errors import ChainError, NodeError

__all__ = ["Domain", "Permit", "domain_of", "is_accepted", "sign_permit", "typed_data"]

_PERMIT_FIELDS = [
    {"name": "owner", "type": "address"},
    {"name": "spender", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint256"},
]
_DOMAIN_FIELDS = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
PERMIT_TYPEHASH = keccak(
    text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)


def _view(name: str, output: str, *inputs: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [{"name": "", "type": kind} for kind in inputs],
        "outputs": [{"name": "", "type": output}],
    }


_ABI: list[dict[str, Any]] = [
    _view("name", "string"),
    _view("version", "string"),
    _view("nonces", "uint256", "address"),
    _view("DOMAIN_SEPARATOR", "bytes32"),
    _view("PERMIT_TYPEHASH", "bytes32"),
    {
        "type": "function",
        "name": "eip712Domain",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [
            {"name": name, "type": kind}
            for name, kind in (
                ("fields", "bytes1"),
                ("name", "string"),
                ("version", "string"),
                ("chainId", "uint256"),
                ("verifyingContract", "address"),
                ("salt", "bytes32"),
                ("extensions", "uint256[]"),
            )
        ],
    },
    {
        "type": "function",
        "name": "permit",
        "stateMutability": "nonpayable",
        "inputs": [
            {"name": name, "type": kind}
            for name, kind in (
                ("owner", "address"),
                ("spender", "address"),
                ("value", "uint256"),
                ("deadline", "uint256"),
                ("v", "uint8"),
                ("r", "bytes32"),
                ("s", "bytes32"),
            )
        ],
        "outputs": [],
    },
]

# what a node or a decoder raises where a token has no such function
_ABSENT = (ChainError, ValueError, OverflowError)


class TypedDataSigner(Protocol):
    """The part of a signer that is needed here."""

    @property
    def address(self) -> str: ...

    def sign_typed_data(self, data: dict[str, Any]) -> tuple[int, bytes, bytes]: ...


@dataclass(frozen=True)
class Domain:
    """The EIP-712 domain a token signs under: only the fields it has, in the standard's order."""

    fields: tuple[tuple[str, Any], ...]

    @property
    def separator(self) -> bytes:
        kinds = [_DOMAIN_FIELDS[name] for name, _ in self.fields]
        words = ",".join(f"{_DOMAIN_FIELDS[name]} {name}" for name, _ in self.fields)
        values = [
            keccak(text=value) if kind == "string" else value
            for kind, (_, value) in zip(kinds, self.fields, strict=True)
        ]
        encoded = ["bytes32" if kind == "string" else kind for kind in kinds]
        return keccak(
            encode(["bytes32", *encoded], [keccak(text=f"EIP712Domain({words})"), *values])
        )


@dataclass(frozen=True)
class Permit:
    """A signed approval of `amount` (smallest unit) for `spender` until `deadline` (unix time)."""

    owner: str
    spender: str
    amount: int
    deadline: int
    v: int
    r: bytes
    s: bytes

    @property
    def signature(self) -> tuple[int, int, bytes, bytes]:
        """What functions ending in `_with_permit` take last: deadline, v, r, s."""
        return (self.deadline, self.v, self.r, self.s)


def domain_of(w3: Web3, token: str, chain_id: int) -> Domain | None:
    """The domain of a token's permits; None where it has no EIP-2612 permit to rely on."""
    contract = w3.eth.contract(address=to_checksum_address(token), abi=_ABI)
    separator = _read(contract, "DOMAIN_SEPARATOR")
    if separator is None or _read(contract, "nonces", contract.address) is None:
        return None
    type_hash = _read(contract, "PERMIT_TYPEHASH")
    if type_hash is not None and bytes(type_hash) != PERMIT_TYPEHASH:
        # DAI's older permit, which approves everything or nothing
        return None
    for domain in _candidates(contract, chain_id):
        if domain.separator == bytes(separator):
            return domain
    return None


def typed_data(
    domain: Domain, owner: str, spender: str, amount: int, nonce: int, deadline: int
) -> dict[str, Any]:
    """The permit as wallets sign it (`eth_signTypedData_v4`)."""
    return {
        "types": {
            "EIP712Domain": [{"name": n, "type": _DOMAIN_FIELDS[n]} for n, _ in domain.fields],
            "Permit": _PERMIT_FIELDS,
        },
        "primaryType": "Permit",
        "domain": dict(domain.fields),
        "message": {
            "owner": owner,
            "spender": spender,
            "value": amount,
            "nonce": nonce,
            "deadline": deadline,
        },
    }


def sign_permit(
    w3: Web3,
    signer: TypedDataSigner,
    token: str,
    domain: Domain,
    spender: str,
    amount: int,
    deadline: int,
) -> Permit:
    """The signer's permit for just this amount (smallest unit), until `deadline` (unix time)."""
    contract = w3.eth.contract(address=to_checksum_address(token), abi=_ABI)
    nonce = int(contract.functions.nonces(signer.address).call())
    data = typed_data(domain, signer.address, spender, amount, nonce, deadline)
    v, r, s = signer.sign_typed_data(data)
    return Permit(signer.address, spender, amount, deadline, v, r, s)


def is_accepted(w3: Web3, token: str, permit: Permit) -> bool:
    """Whether the token would take the permit now (a trial call; nothing is sent)."""
    contract = w3.eth.contract(address=to_checksum_address(token), abi=_ABI)
    terms = (permit.owner, permit.spender, permit.amount)
    call = contract.functions.permit(*terms, *permit.signature)
    try:
        ask(lambda: call.call({"from": to_checksum_address(permit.spender)}))
    except NodeError:
        raise
    except _ABSENT:
        return False
    return True


def _candidates(contract: Contract, chain_id: int) -> Iterator[Domain]:
    described = _read(contract, "eip712Domain")
    if described is not None:
        bits, values = described[0][0], described[1:6]
        named = zip(_DOMAIN_FIELDS, values, strict=True)
        yield Domain(tuple(pair for at, pair in enumerate(named) if bits >> at & 1))
    name = _read(contract, "name")
    if name is None:
        return
    version = _read(contract, "version")
    place = (("chainId", chain_id), ("verifyingContract", contract.address))
    for text in dict.fromkeys((version, "1", "2", None)):
        head = (("name", name),) if text is None else (("name", name), ("version", text))
        yield Domain((*head, *place))
        # tokens bridged to some side chains have the chain's number in the salt
        salt = ("salt", chain_id.to_bytes(32, "big"))
        yield Domain((*head, ("verifyingContract", contract.address), salt))


def _read(contract: Contract, name: str, *arguments: Any) -> Any:
    """What the token answers; None where it has no such function."""
    try:
        return ask(lambda: contract.functions[name](*arguments).call())
    except NodeError:
        raise
    except _ABSENT:
        return None
