"""The second witness: what moved by the chain's logs, read with the ABI and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from web3 import Web3

from donablock.chain import artifacts
from donablock.chain.amounts import NATIVE, Asset
from donablock.chain.logs import Event, LogReader
from donablock.chain.plan import FACTORY
from donablock.demo.calls import Target
from donablock.demo.proof import (
    CAMPAIGN,
    CLAIM,
    DIRECT,
    FUND,
    PROJECT,
    REFUND,
    REPAYMENT,
    TIP,
    Move,
)

PAIR = "UniswapV2Pair"
"""The contract of each pair that the exchange opens."""

_ZERO = NATIVE

# their logs of the same names are about commission and dividends, which nobody gave
_NO_GIVING = frozenset({"Commission", "DividendPool", "Buyback"})

# event -> kind of move, and the arguments that name who paid and who got it; "" is the contract
# that logged it
_MOVES = {
    "Donated": (DIRECT, "donor", "payee"),
    "Tipped": (TIP, "donor", "operations"),
    "FundDonated": (FUND, "donor", ""),
    "Pledged": (CAMPAIGN, "backer", ""),
    "ProjectDonated": (PROJECT, "donor", ""),
    "Claimed": (CLAIM, "", "receiver"),
    "Refunded": (REFUND, "", "receiver"),
    "Repaid": (REPAYMENT, "payer", ""),
}


@dataclass(frozen=True)
class Books:
    """All events of the run, and what of them was given or paid out of gifts. `campaigns`: those
    that the factory opened, in its order; `pairs` of the exchange too.
    """

    events: tuple[Event, ...]
    moves: tuple[Move, ...]
    campaigns: tuple[str, ...]
    pairs: tuple[str, ...]

    def count(self, name: str, *contracts: str) -> int:
        """Events of this name, of these contracts or of all."""
        return sum(
            event.name == name and (not contracts or event.contract in contracts)
            for event in self.events
        )

    def of(self, name: str, contract: str = "", address: str = "") -> list[Event]:
        """Events of this name, of one contract's name, of one address, or all; the oldest first."""
        return [
            event
            for event in self.events
            if event.name == name
            and contract in ("", event.contract)
            and address in ("", event.address)
        ]


def read(w3: Web3, contracts: Iterable[Target], assets: Mapping[str, Asset]) -> Books:
    """Every log of our contracts, of the campaigns they opened and of the exchange's pairs, from
    the first block to the last.
    """
    known = {target.address: (target.name, target.abi) for target in contracts}
    factories = {at: found for at, found in known.items() if found[0] == "CampaignFactory"}
    campaign = next(abi for name, abi in known.values() if name == "Campaign")
    created = LogReader(factories).fetch(w3, 0, names=("CampaignCreated",))
    campaigns = tuple(str(event["campaign"]) for event in created)
    known |= {Web3.to_checksum_address(at): ("Campaign", campaign) for at in campaigns}
    exchanges = {at: found for at, found in known.items() if found[0] == FACTORY}
    opened = LogReader(exchanges).fetch(w3, 0, names=("PairCreated",))
    pairs = tuple(str(event["pair"]) for event in opened)
    pair = artifacts.abi(PAIR)
    known |= {Web3.to_checksum_address(at): (PAIR, pair) for at in pairs}
    events = tuple(LogReader(known).fetch(w3, 0))
    return Books(events, moved(events, assets), campaigns, pairs)


def moved(events: Iterable[Event], assets: Mapping[str, Asset]) -> tuple[Move, ...]:
    """What moved money among events. `assets` by symbol; KeyError for any other asset."""
    symbols = {str(asset.address): symbol for symbol, asset in assets.items()}
    # a campaign names its asset once, when it opens
    own: dict[str, str] = {}
    moves: list[Move] = []
    for event in events:
        if event.name == "Opened":
            own[event.address] = event["asset"]
        elif event.name in _MOVES and event.contract not in _NO_GIVING:
            kind, source, receiver = _MOVES[event.name]
            asset = event.args["asset"] if "asset" in event.args else own[event.address]
            moves.append(
                Move(
                    kind,
                    symbols[asset],
                    event[source] if source else event.address,
                    event[receiver] if receiver else event.address,
                    event["amount"],
                )
            )
    return tuple(moves)


def balances_by_transfers(events: Iterable[Event], token: str) -> dict[str, int]:
    """What each account holds of a token if its Transfer logs are all there is; zero entries left
    out.

    The supply is the sum: what was minted came from the zero address, what was burnt went there.
    """
    held: dict[str, int] = {}
    for source, receiver, amount in transfers(events, token):
        for account, change in ((source, -amount), (receiver, amount)):
            if account != _ZERO:
                held[account] = held.get(account, 0) + change
    return {account: amount for account, amount in held.items() if amount}


def transfers(events: Iterable[Event], token: str) -> Iterator[tuple[str, str, int]]:
    """From whom, to whom and how much, by a token's Transfer logs; the zero address is where it is
    minted and burnt.
    """
    for event in events:
        if event.name == "Transfer" and event.address == token:
            sender, receiver, amount = event.args.values()
            yield str(sender), str(receiver), int(amount)
