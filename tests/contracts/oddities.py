"""Contracts of a few bytes that answer `symbol()` and `decimals()` as no honest token does."""

from __future__ import annotations

import boa
from eth_abi import encode

DECIMALS = bytes.fromhex("313ce567")

REVERTING = bytes.fromhex("5f5ffd")
# INVALID takes all the gas there is
BURNING = bytes.fromhex("fe")
# RETURN of 2**20 zeros, which costs more than a token gets, and of 2**16, which does not
MEGABYTE = bytes.fromhex("621000005ff3")
LONG_ZEROS = bytes.fromhex("620100005ff3")
SILENT = bytes.fromhex("00")


def answer(data: bytes) -> bytes:
    """Code that returns `data`: one MSTORE for each word, then RETURN."""
    code = b""
    for at in range(0, len(data), 32):
        word = data[at : at + 32].ljust(32, b"\0")
        code += b"\x7f" + word + b"\x61" + at.to_bytes(2, "big") + b"\x52"
    return code + b"\x61" + len(data).to_bytes(2, "big") + b"\x5f\xf3"


def text(symbol: bytes) -> bytes:
    """Code that returns a string of any bytes, as ABI-encoded."""
    return answer(encode(["bytes"], [symbol]))


def number(decimals: int) -> bytes:
    return answer(decimals.to_bytes(32, "big"))


def token(symbol: bytes = SILENT, decimals: bytes = SILENT) -> str:
    """The address of a contract that runs `decimals` for `decimals()`, else `symbol`."""
    # CALLDATALOAD(0) >> 224 == decimals() ? decimals : symbol
    head = bytes.fromhex("5f3560e01c63") + DECIMALS + bytes.fromhex("1461")
    target = len(head) + 3 + len(symbol)
    runtime = head + target.to_bytes(2, "big") + b"\x57" + symbol + b"\x5b" + decimals
    # copies what follows these eleven bytes into memory and returns it
    creation = b"\x61" + len(runtime).to_bytes(2, "big") + bytes.fromhex("80600a5f395ff3") + runtime
    address, _ = boa.env.deploy_code(bytecode=creation)
    return str(address)
