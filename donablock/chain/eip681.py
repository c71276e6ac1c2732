"""Payment links for phone wallets (EIP-681), and their QR code.

    ethereum:0x...@56/donate_native?uint256=12&bytes32=0x...&uint256=0&bool=false&value=1500000000000000000

A link names the function and the type and value of each argument, in order; a wallet finds the
function by those types. So a function with default arguments is always written out in full: wallets
do not know about defaults, and the short forms are separate entry points to them. Lists cannot be
written in a link, so a cart has none.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import segno
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import is_address, to_checksum_address

from donablock.errors import InputError

__all__ = ["Call", "link_to", "parse_link", "qr_in_terminal"]

SCHEME = "ethereum:"


@dataclass(frozen=True)
class Call:
    """What a link asks a wallet to send: to `target` on `chain_id`, with `value` wei."""

    target: str
    chain_id: int
    function: str
    types: tuple[str, ...]
    arguments: tuple[Any, ...]
    value: int = 0

    @property
    def data(self) -> bytes:
        """The call's data, as a wallet encodes it."""
        signature = f"{self.function}({','.join(self.types)})"
        return function_signature_to_4byte_selector(signature) + encode(self.types, self.arguments)


def link_to(
    target: str,
    chain_id: int,
    abi: Sequence[Mapping[str, Any]],
    function: str,
    arguments: Sequence[Any],
    value: int = 0,
) -> str:
    """The link that calls `function` of `target` with all its arguments and sends `value` wei.

    `abi` is the contract's ABI; of a function's forms the longest is taken, and `arguments` must
    fit it. Raises InputError where the function is unknown, takes lists, or the arguments do not
    fit.
    """
    forms = [e for e in abi if e.get("type") == "function" and e.get("name") == function]
    if not forms:
        raise InputError(
            f"no function {function!r} to link to; name one of the contract's functions"
        )
    full = max(forms, key=lambda entry: len(entry["inputs"]))
    types = tuple(str(i["type"]) for i in full["inputs"])
    if len(types) != len(arguments):
        raise InputError(f"{function} takes {len(types)} arguments in a link, not {len(arguments)}")
    written = [
        (kind, _write(kind, argument)) for kind, argument in zip(types, arguments, strict=True)
    ]
    if value:
        if full.get("stateMutability") != "payable":
            raise InputError(f"{function} takes no coin; leave the value out")
        written.append(("value", str(value)))
    query = "&".join(f"{key}={text}" for key, text in written)
    link = f"{SCHEME}{to_checksum_address(target)}@{chain_id}/{quote(function)}"
    return f"{link}?{query}" if query else link


def parse_link(link: str) -> Call:
    """The call a link asks for: what a wallet that follows EIP-681 sends. Raises InputError."""
    if not link.startswith(SCHEME):
        raise InputError(f"a payment link begins with {SCHEME!r}")
    head, _, query = link.removeprefix(SCHEME).partition("?")
    address, _, function = head.partition("/")
    address, _, chain_id = address.partition("@")
    if not is_address(address) or not chain_id.isdecimal():
        raise InputError("a payment link names ethereum:<address>@<chain id>")
    types: list[str] = []
    arguments: list[Any] = []
    value = 0
    for pair in filter(None, query.split("&")):
        key, _, text = pair.partition("=")
        if key == "value":
            value = int(text)
        else:
            types.append(key)
            arguments.append(_read(key, unquote(text)))
    return Call(
        to_checksum_address(address),
        int(chain_id),
        unquote(function),
        tuple(types),
        tuple(arguments),
        value,
    )


def qr_in_terminal(link: str) -> str:
    """The link as a QR code of half-block characters, for a terminal's screen."""
    screen = io.StringIO()
    segno.make(link, error="m", micro=False).terminal(screen, compact=True)
    return screen.getvalue()


def _write(kind: str, argument: Any) -> str:
    if kind.endswith("]") or kind.startswith("("):
        raise InputError("a list does not fit into a payment link; give to one recipient at a time")
    if kind == "bool":
        return "true" if argument else "false"
    if kind == "address":
        return to_checksum_address(argument)
    if kind.startswith("bytes"):
        return "0x" + bytes(argument).hex()
    if kind.startswith(("uint", "int")):
        return str(int(argument))
    return quote(str(argument), safe="")


def _read(kind: str, text: str) -> Any:
    try:
        if kind == "bool":
            return {"true": True, "false": False}[text]
        if kind == "address":
            return to_checksum_address(text)
        if kind.startswith("bytes"):
            return bytes.fromhex(text.removeprefix("0x"))
        if kind.startswith(("uint", "int")):
            return int(text)
    except (KeyError, ValueError) as error:
        raise InputError(f"{text!r} is no {kind}") from error
    return text
