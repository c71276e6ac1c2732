"""Who and what takes part: accounts, contracts, assets, charities, funds, campaigns, projects, and
what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from web3 import Web3

from donablock.chain.amounts import NATIVE, Asset
from donablock.chain.permit import Domain, domain_of
from donablock.demo.blocks import Actor, Blocks
from donablock.demo.calls import Target
from donablock.demo.charities import Profile
from donablock.demo.proof import Groups
from donablock.errors import ChainError, PermitError

DAY = 86_400
MONTH = 2_628_000
"""The vesting's month: 365 days / 12, in seconds."""

START = 1_630_454_400
"""The chain's first second: 1 September 2021, so that four years of vesting end before today."""

SDG_NAMES = (
    "No Poverty",
    "Zero Hunger",
    "Good Health and Well-being",
    "Quality Education",
    "Gender Equality",
    "Clean Water and Sanitation",
    "Affordable and Clean Energy",
    "Decent Work and Economic Growth",
    "Industry, Innovation and Infrastructure",
    "Reduced Inequalities",
    "Sustainable Cities and Communities",
    "Responsible Consumption and Production",
    "Climate Action",
    "Life Below Water",
    "Life on Land",
    "Peace, Justice and Strong Institutions",
    "Partnerships for the Goals",
)
GOALS = len(SDG_NAMES)

PASSING = ("Giving", "CharityRegistry", "ReceiptBook", "CampaignFactory", "Campaign")
"""Contracts through which money passes, or that none reaches, and in which none may rest. The
campaign of that name is the code that all campaigns run.
"""


@dataclass(frozen=True)
class Scale:
    """How large the demo is. `fund_sizes`: charities in each fund beside the 17; `months` of
    vesting; at least 7 `stakers`, each with its own part.
    """

    seed: int = 2030
    charities: int = 200
    wallets: int = 50
    fund_sizes: tuple[int, ...] = (3, 50, 200)
    months: int = 48
    stakers: int = 20

    @classmethod
    def small(cls) -> Scale:
        """For tests: the same acts with few people."""
        return cls(charities=20, wallets=5, fund_sizes=(3, 8, 20), months=13, stakers=7)


@dataclass
class Charity:
    """A verified charity; `payee` is who is paid now."""

    id: int
    profile: Profile
    payee: Actor


@dataclass
class Fund:
    """An index fund: `members` by epoch, each (charity id, weight) in the order of the contract."""

    id: int
    name: str
    members: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    epoch: int = 0

    @property
    def now(self) -> list[tuple[int, int]]:
        return self.members[self.epoch]

    def place(self, charity_id: int) -> int | None:
        """Where a charity stands in the running epoch's list; None if it does not."""
        for place, (member, _) in enumerate(self.now):
            if member == charity_id:
                return place
        return None


@dataclass
class Campaign:
    """A fundraiser: `symbol` of what it raises, `prices` of its tiers (smallest unit), `deadline`
    in unix seconds.
    """

    name: str
    charity: Charity
    symbol: str
    creator: Actor
    target: Target
    prices: tuple[int, ...]
    deadline: int


@dataclass(frozen=True)
class Project:
    """An entrepreneur's project in the impact fund; `goal` in the smallest unit."""

    id: int
    name: str
    payee: Actor
    goal: int


@dataclass
class Staker:
    """A staker and its first position, number 0. `amount`: smallest unit of DOBO; `term`: years;
    `joins`: in which month of the year of commission, from 0.
    """

    actor: Actor
    amount: int
    term: int
    joins: int
    by_permit: bool


@dataclass(frozen=True)
class Happening:
    """A line of the timeline. `kind`: "setup", "gift", "change", "safety", "money", "time",
    "refused".
    """

    second: int
    kind: str
    title: str
    text: str


@dataclass(frozen=True)
class Snapshot:
    """Every wallet's balance by asset, and wei paid for gas so far."""

    balances: Mapping[str, Mapping[str, int]]
    fees: Mapping[str, int]


class World:
    """Everything of one run."""

    def __init__(
        self,
        scale: Scale,
        w3: Web3,
        blocks: Blocks,
        contracts: Mapping[str, Target],
        assets: Mapping[str, Asset],
        roles: Mapping[str, Actor],
        beneficiaries: list[Actor],
    ) -> None:
        """contracts: by name; a token of `assets` also by its symbol. assets: by symbol, "ETH" the
        coin. roles: "proposer", "registrar", "guardian", "operations", "operator", "anyone".
        beneficiaries: by group.
        """
        self.scale = scale
        self.w3 = w3
        self.blocks = blocks
        self.contracts = dict(contracts)
        self.assets = dict(assets)
        self.roles = dict(roles)
        self.beneficiaries = beneficiaries
        self.rng = Random(scale.seed)
        self.donors = [Actor(f"donor {number}") for number in range(1, scale.wallets + 1)]
        self.charities: dict[int, Charity] = {}
        self.funds: dict[int, Fund] = {}
        self.campaigns: list[Campaign] = []
        self.entrepreneurs: list[Actor] = []
        self.projects: list[Project] = []
        self.stakers: list[Staker] = []
        # people who trade on the exchange for their own account
        self.traders: list[Actor] = []
        self.happenings: list[Happening] = []
        # every account that a charity has ever been or asked to be paid at
        self.charity_wallets: list[Actor] = []
        # changes of balances while giving, gas added back: symbol -> wallet -> change
        self.changes: dict[str, dict[str, int]] = {symbol: {} for symbol in assets}
        self.receipts_wanted = 0
        # months of the vesting whose end has brought what it brings
        self.months_over = 0
        self._memo = 0
        self._nonces: dict[tuple[str, str], int] = {}
        self._domains: dict[str, Domain] = {}

    def __getitem__(self, name: str) -> Target:
        return self.contracts[name]

    @property
    def anyone(self) -> Actor:
        """Somebody without any right, who does what anybody may."""
        return self.roles["anyone"]

    def tell(self, kind: str, title: str, text: str) -> None:
        """Add a line to the timeline, at the second of the latest block."""
        self.happenings.append(Happening(self.blocks.now, kind, title, text))

    def memo(self) -> bytes:
        """The next gift's reference: 32 bytes, another one each time."""
        self._memo += 1
        return f"demo gift {self._memo:05d}".encode("ascii").ljust(32, b"\0")

    def next_permit_nonce(self, token: str, owner: str) -> int:
        nonce = self._nonces.get((token, owner), 0)
        self._nonces[token, owner] = nonce + 1
        return nonce

    def domain(self, symbol: str) -> Domain:
        """What a token's permits are signed under."""
        if symbol not in self._domains:
            found = domain_of(self.w3, self[symbol].address, self.blocks.chain_id)
            if found is None:
                raise PermitError(f"{symbol} takes no permit; use approve")
            self._domains[symbol] = found
        return self._domains[symbol]

    # --- groups and balances ------------------------------------------------------------------

    @property
    def groups(self) -> Groups:
        return Groups(
            donors=frozenset(donor.address for donor in self.donors),
            charities=frozenset(wallet.address for wallet in self.charity_wallets),
            entrepreneurs=frozenset(wallet.address for wallet in self.entrepreneurs),
            operations=frozenset({self.roles["operations"].address}),
            keepers=frozenset(
                {self["IndexFunds"].address, self["ImpactFund"].address}
                | {campaign.target.address for campaign in self.campaigns}
            ),
        )

    def watched(self) -> list[str]:
        """The wallets of all groups, and the contracts through which money passes and must not
        stay.
        """
        passing = {self[name].address for name in PASSING}
        return sorted(self.groups.all | passing)

    def snapshot(self) -> Snapshot:
        """Balances as of the latest block."""
        wallets = self.watched()
        coins = self.blocks.wire.batch(("eth_getBalance", [w, "latest"]) for w in wallets)
        balances: dict[str, dict[str, int]] = {}
        for symbol, asset in self.assets.items():
            if asset.address == NATIVE:
                found = [int(coin, 16) for coin in coins]
            else:
                found = self.blocks.read_many([(self[symbol], "balanceOf", (w,)) for w in wallets])
            balances[symbol] = dict(zip(wallets, found, strict=True))
        return Snapshot(balances, self.blocks.fees())

    @contextmanager
    def giving(self) -> Iterator[None]:
        """While this lasts money moves by giving, claiming, refunds and repayments only, and
        balances are measured around it.

        The coin's changes have the gas that each wallet paid, by its receipts, added back.
        """
        self.blocks.mine()
        before = self.snapshot()
        yield
        self.blocks.mine()
        after = self.snapshot()
        for symbol, wallets in after.balances.items():
            is_coin = self.assets[symbol].address == NATIVE
            changes = self.changes[symbol]
            for wallet, balance in wallets.items():
                # a wallet that came in between had nothing before the demo gave it something
                change = balance - before.balances[symbol].get(wallet, 0)
                if is_coin:
                    change += _fee(after, wallet) - _fee(before, wallet)
                if change:
                    changes[wallet] = changes.get(wallet, 0) + change


def _fee(snapshot: Snapshot, wallet: str) -> int:
    return snapshot.fees.get(wallet, 0)


def expect(holds: bool, what: str, also: Callable[[], str] | None = None) -> None:
    """Raise ChainError unless `holds`: the chain did not do what the demo tells of it."""
    if not holds:
        detail = f" ({also()})" if also is not None else ""
        raise ChainError(
            f"the demo expected that {what}{detail}; it did not happen, please report it"
        )
