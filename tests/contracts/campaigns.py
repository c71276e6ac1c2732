"""Campaigns beside the rest of a deployment, for tests.

world = Campaigns()
campaign = world.open(tiers=[(100, 5)], goal=1_000)
world.pledge(campaign, backer, tier=0, amount=100)
"""

from __future__ import annotations

import warnings
from typing import Any

import boa
from eth_utils import to_checksum_address

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.money import COIN
from tests.contracts.protocol import MEMO, Protocol, new_place

OPEN, FAILED, SUCCEEDED, STAGED, REJECTED = range(1, 6)
ARTWORK = "ipfs://artwork/{}.png"
PAGE = "https://example.org/campaign"


class Campaigns(Protocol):
    """A deployment with a factory, one verified charity, and a creator it has accepted."""

    def __init__(self, token: Any = None, **options: Any) -> None:
        super().__init__(token, **options)
        at = {name: new_place() for name in ("implementation", "factory")}
        self.implementation = deployers.CAMPAIGN.deploy(
            at["factory"], self.registry, self.reserve, override_address=at["implementation"]
        )
        listings = [(asset.address, False) for asset in self.assets[1:]]
        self.factory = deployers.CAMPAIGN_FACTORY.deploy(
            self.timelock,
            self.guardian,
            self.registry,
            self.reserve,
            self.implementation,
            listings,
            override_address=at["factory"],
        )
        self.payee = roles.address("payee")
        self.creator = roles.address("creator")
        self.charity_id = self.verify(self.payee)
        self.factory.accept_creator(self.charity_id, self.creator, True, sender=self.payee)

    def terms(
        self,
        *,
        asset: Any = None,
        goal: int = 1_000,
        days: int = 30,
        strict: bool = True,
        royalty: int = 500,
        name: str = "Wells for Turkana",
        symbol: str = "WELL",
        uri: str = PAGE,
        tiers: list[tuple[int, int]] | None = None,
        milestones: list[int] | None = None,
        deadline: int | None = None,
    ) -> tuple[Any, ...]:
        """Terms as `create` takes them. `tiers` are (price, supply)."""
        asset = self.token if asset is None else asset
        rows = [(100, 10), (500, 3)] if tiers is None else tiers
        return (
            getattr(asset, "address", asset),
            goal,
            boa.env.timestamp + days * DAY if deadline is None else deadline,
            strict,
            royalty,
            name,
            symbol,
            uri,
            [(price, supply, ARTWORK.format(at)) for at, (price, supply) in enumerate(rows)],
            [] if milestones is None else milestones,
        )

    def open(self, **terms: Any) -> Any:
        """A campaign by the accepted creator."""
        with warnings.catch_warnings():
            # titanoboa puts an object at each new proxy too, and warns of that as well
            warnings.simplefilter("ignore")
            address = self.factory.create(self.charity_id, self.terms(**terms), sender=self.creator)
        return self.at(address)

    def at(self, address: Any) -> Any:
        """The campaign at an address."""
        with warnings.catch_warnings():
            # a proxy's code is not the contract's, which titanoboa says at length
            warnings.simplefilter("ignore")
            return deployers.CAMPAIGN.at(to_checksum_address(str(address)))

    def pledge(self, campaign: Any, backer: Any, tier: int = 0, amount: int = 100) -> int:
        """A pledge in whatever the campaign takes; the money is made for it."""
        asset = campaign.terms().asset
        if str(asset) == COIN:
            boa.env.set_balance(backer, boa.env.get_balance(backer) + amount)
            number: int = campaign.pledge_native(tier, MEMO, value=amount, sender=backer)
            return number
        token = next(token for token in self.assets[1:] if token.address == asset)
        token.mint(backer, amount)
        token.approve(campaign, amount, sender=backer)
        number = campaign.pledge_token(tier, amount, MEMO, sender=backer)
        return number
