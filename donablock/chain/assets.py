"""The assets a contract takes, as its own list on the chain says, and amounts of them."""

from __future__ import annotations

import re
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import is_address, to_checksum_address
from web3.contract import Contract
from web3.exceptions import Web3Exception

from donablock.chain.amounts import NATIVE, Asset, Assets, Money
from donablock.chain.session import Session, ask
from donablock.errors import AmountError, InputError

__all__ = ["address_of", "asset_at", "known_assets", "native", "parse", "token"]

_BY_ADDRESS = re.compile(r"\s*(?P<number>\S+)\s+(?P<address>0x[0-9a-fA-F]{40})\s*")


def _function(name: str, inputs: str, outputs: str, *, is_view: bool = True) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view" if is_view else "nonpayable",
        "inputs": [{"name": "", "type": kind} for kind in inputs.split()],
        "outputs": [{"name": "", "type": kind} for kind in outputs.split()],
    }


# What any ERC-20 answers. `approve` is read without its return value, since USDT gives none.
_ERC20 = [
    _function("symbol", "", "string"),
    _function("decimals", "", "uint8"),
    _function("balanceOf", "address", "uint256"),
    _function("allowance", "address address", "uint256"),
    _function("approve", "address uint256", "", is_view=False),
]


def native(session: Session) -> Asset:
    """The chain's coin, under the name that the receipt book was given at deployment."""
    symbol = ask(session.contract("ReceiptBook").functions.NATIVE_SYMBOL().call)
    return Asset(NATIVE, str(symbol), 18)


def token(session: Session, address: str) -> Contract:
    """A token, spoken to as any ERC-20."""
    return session.at_abi(address, _ERC20)


def asset_at(session: Session, address: str) -> Asset:
    """The coin (address zero) or a token, with its own word for symbol and decimals.

    Raises AmountError where there is no token at the address.
    """
    place = to_checksum_address(address)
    if place == NATIVE:
        return native(session)
    contract = token(session, place)
    try:
        decimals = int(contract.functions.decimals().call())
    except (Web3Exception, ValueError) as error:
        raise AmountError(
            f"there is no token at {place}; check the address and the network"
        ) from error
    return Asset(place, _symbol(contract), decimals)


def known_assets(session: Session, host: str = "Giving", *, listed_only: bool = True) -> Assets:
    """The coin and the tokens on the list of `host` ("Giving" or "IndexFunds").

    With `listed_only` false also those that are taken no more, but may still be owed.
    """
    contract = session.contract(host)
    found = [native(session)]
    for address in ask(contract.functions.known_assets().call):
        is_listed = ask(contract.functions.asset_info(address).call)[0]
        if is_listed or not listed_only:
            found.append(asset_at(session, address))
    return Assets(found)


def parse(text: str, assets: Assets) -> Money:
    """What "1.5 ether", "25 USDC" or "25 0x<token>" means; never nothing. Raises AmountError."""
    match = _BY_ADDRESS.fullmatch(text)
    money = (
        assets.at(match["address"]).money(match["number"])
        if match is not None
        else assets.parse(text)
    )
    if money.amount == 0:
        raise AmountError(f"{text.strip()} is nothing; write an amount above zero")
    return money


def address_of(text: str, what: str = "address") -> ChecksumAddress:
    """A checksummed address; raises InputError, naming what it was for."""
    if not is_address(text) or not text.startswith("0x"):
        raise InputError(f"{text!r} is no {what}; write 0x and 40 hexadecimal digits")
    if text != text.lower() and text != to_checksum_address(text):
        raise InputError(f"{what} {text} is mistyped: its checksum is wrong; copy it again")
    return to_checksum_address(text)


def _symbol(contract: Contract) -> str:
    try:
        return str(contract.functions.symbol().call())
    except (Web3Exception, ValueError, OverflowError):
        # a few old tokens answer with bytes32, others not at all
        try:
            raw = bytes(contract.w3.eth.call({"to": contract.address, "data": "0x95d89b41"}))  # type: ignore[typeddict-item]
        except Web3Exception:
            raw = b""
        text = raw.rstrip(b"\0").decode("ascii", "ignore") if len(raw) == 32 else ""
        return text if text.isalnum() else contract.address
