"""Which balances a call touched: all of those watched, not only those one thought of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boa
from eth_abi import decode

# the chain's coin, as an asset
COIN = "0x0000000000000000000000000000000000000000"


def balance(asset: Any, account: Any) -> int:
    """What an account holds of a token or of the coin."""
    if asset == COIN:
        return int(boa.env.get_balance(_address(account)))
    # not through the contract object, whose last call is what its logs are read from
    done = boa.env.execute_code(
        to_address=asset.address,
        data=asset.balanceOf.prepare_calldata(account),
        is_modifying=False,
    )
    assert done.is_success, f"balanceOf failed: {done.error}"
    return int.from_bytes(done.output, "big")


def send(receiver: Any, amount: int, *, sender: Any, data: bytes = b"") -> str | None:
    """Send the coin, with data or without; None if it was taken, else the reason it was not."""
    done = boa.env.execute_code(
        to_address=_address(receiver), sender=_address(sender), value=amount, data=data
    )
    return None if done.is_success else _reason(done.output)


@contextmanager
def moves(assets: list[Any], accounts: list[Any]) -> Iterator[dict[tuple[str, str], int]]:
    """A dict that after the block holds {(asset, account): change} of every balance that changed.

    with moves([stablecoin, COIN], [donor, charity, give]) as moved:
        give.redeem(...)
    assert moved == change((stablecoin, give, -40), (stablecoin, charity, 40))
    """
    pairs = [(asset, account) for asset in assets for account in accounts]
    before = [balance(asset, account) for asset, account in pairs]
    moved: dict[tuple[str, str], int] = {}
    yield moved
    for (asset, account), then in zip(pairs, before, strict=True):
        if (changed := balance(asset, account) - then) != 0:
            moved[_address(asset), _address(account)] = changed


def change(*expected: tuple[Any, Any, int]) -> dict[tuple[str, str], int]:
    """What `moves` should have found, from (asset, account, change)."""
    return {(_address(asset), _address(account)): by for asset, account, by in expected}


def _reason(output: bytes) -> str:
    """What stands in a revert: the text of Error(string), or the bytes as they are."""
    if output[:4] != bytes.fromhex("08c379a0"):
        return output.hex()
    (text,) = decode(["string"], output[4:])
    return str(text)


def _address(party: Any) -> str:
    return str(getattr(party, "address", party))
