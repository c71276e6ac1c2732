"""The second witness: what moved by the chain's logs, read with the ABI and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from web3 import Web3

from donablock.chain.amounts import NATIVE, Asset
from donablock.chain.logs import Event, LogReader
from donablock.demo.calls import Target
from donablock.demo.proof import Claim, Gift

_ZERO = NATIVE


@dataclass(frozen=True)
class Books:
    """All events of the run, and what of them is a gift or a claim."""

    events: tuple[Event, ...]
    gifts: tuple[Gift, ...]
    claims: tuple[Claim, ...]

    def count(self, name: str) -> int:
        return sum(event.name == name for event in self.events)


def read(w3: Web3, contracts: Iterable[Target], assets: Mapping[str, Asset]) -> Books:
    """Every log of our contracts from the first block to the last."""
    known = {target.address: (target.name, target.abi) for target in contracts}
    events = tuple(LogReader(known).fetch(w3, 0))
    return Books(events, *kept(events, assets))


def kept(
    events: Iterable[Event], assets: Mapping[str, Asset]
) -> tuple[tuple[Gift, ...], tuple[Claim, ...]]:
    """The gifts and claims among events. `assets` by symbol; KeyError for any other asset."""
    symbols = {str(asset.address): symbol for symbol, asset in assets.items()}
    gifts: list[Gift] = []
    claims: list[Claim] = []
    for event in events:
        if event.name == "Donated":
            gifts.append(_gift("direct", event, symbols, event["payee"]))
        elif event.name == "Tipped":
            gifts.append(_gift("tip", event, symbols, event["operations"]))
        elif event.name == "FundDonated":
            gifts.append(_gift("fund", event, symbols, event.address))
        elif event.name == "Claimed":
            symbol = symbols[event["asset"]]
            claims.append(Claim(symbol, event.address, event["receiver"], event["amount"]))
    return tuple(gifts), tuple(claims)


def _gift(kind: str, event: Event, symbols: Mapping[str, str], receiver: str) -> Gift:
    return Gift(kind, symbols[event["asset"]], event["donor"], receiver, event["amount"])


def balances_by_transfers(events: Iterable[Event], token: str) -> dict[str, int]:
    """What each account holds of a token if its Transfer logs are all there is; zero entries left
    out.

    The supply is the sum: what was minted came from the zero address, what was burnt went there.
    """
    held: dict[str, int] = {}
    for event in events:
        if event.name != "Transfer" or event.address != token:
            continue
        source, receiver, amount = _words(event)
        for account, change in ((source, -amount), (receiver, amount)):
            if account != _ZERO:
                held[account] = held.get(account, 0) + change
    return {account: amount for account, amount in held.items() if amount}


def _words(event: Event) -> tuple[str, str, int]:
    sender, receiver, amount = event.args.values()
    return str(sender), str(receiver), int(amount)
