"""The real Uniswap V2, from the compiled artifacts of its npm packages."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import boa
from boa.contracts.abi.abi_contract import ABIContractFactory
from eth_abi import encode

PACKAGES = Path(__file__).resolve().parents[2] / "node_modules" / "@uniswap"
CORE, PERIPHERY = "v2-core", "v2-periphery"
NOBODY = "0x" + "00" * 20


@cache
def artifact(package: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PACKAGES / package / "build" / f"{name}.json").read_text())
    return found


def deploy(package: str, name: str, types: list[str], *arguments: Any) -> Any:
    made = artifact(package, name)
    plain = [getattr(argument, "address", argument) for argument in arguments]
    code = bytes.fromhex(made["bytecode"].removeprefix("0x")) + encode(types, plain)
    address, done = boa.env.deploy(bytecode=code)
    assert done.is_success, f"{name} was not deployed"
    return at(package, name, address)


def at(package: str, name: str, address: str) -> Any:
    return ABIContractFactory(name, artifact(package, name)["abi"]).at(address)


class Uniswap:
    """Factory, router and wrapped coin."""

    def __init__(self) -> None:
        self.factory = deploy(CORE, "UniswapV2Factory", ["address"], NOBODY)
        self.wrapped = deploy(PERIPHERY, "WETH9", [])
        self.router = deploy(
            PERIPHERY, "UniswapV2Router02", ["address", "address"], self.factory, self.wrapped
        )

    def pair(self, one: Any, other: Any) -> Any:
        address = self.factory.getPair(one, other)
        if address == NOBODY:
            address = self.factory.createPair(one, other)
        return at(CORE, "UniswapV2Pair", address)

    def add(self, one: Any, amount: int, other: Any, of_other: int, provider: str) -> Any:
        """Liquidity straight into the pair."""
        pair = self.pair(one, other)
        one.transfer(pair, amount, sender=provider)
        other.transfer(pair, of_other, sender=provider)
        pair.mint(provider, sender=provider)
        return pair

    def swap(self, paid: Any, amount: int, bought: Any, trader: str) -> int:
        """What a trader gets for an amount, by the router."""
        paid.approve(self.router, amount, sender=trader)
        path = [paid.address, bought.address]
        amounts = self.router.swapExactTokensForTokens(
            amount, 0, path, trader, boa.env.timestamp, sender=trader
        )
        return int(amounts[-1])
