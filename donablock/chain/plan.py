"""A deployment before anything is sent: what is created, in which order, and at which addresses.

The contracts name each other in their constructors, in circles. That works because the address of a
created contract follows from the deployer and its nonce: all of them are known in advance, and no
set-up call and no owner is needed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_abi.abi import encode
from eth_typing import ChecksumAddress
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak

from donablock.chain.amounts import NATIVE
from donablock.chain.artifacts import Artifact, artifact
from donablock.chain.networks import BENEFICIARIES, HOLDERS, Network, Roles
from donablock.errors import DeployError, NetworkFileError

TEST_TOKEN = "PlainToken"
"""The contract of a local chain's stablecoin."""

WRAPPED, FACTORY, ROUTER = "WETH9", "UniswapV2Factory", "UniswapV2Router02"
"""The contracts of a local chain's exchange."""

TEST_EXCHANGE_FEE = 30
"""What the pairs of a local chain's exchange take, in basis points."""

OURS = (
    "Timelock",
    "EcosystemReserve",
    "Vesting",
    "DonaBlock",
    "DividendPool",
    "Commission",
    "Buyback",
    "CharityRegistry",
    "DonaGive",
    "ReceiptBook",
    "Giving",
    "IndexFunds",
    "Campaign",
    "CampaignFactory",
    "ImpactFund",
)
"""What is deployed, in this order: a contract whose constructor calls another comes after it."""


@dataclass(frozen=True)
class Ref:
    """The address of another contract of the same deployment."""

    name: str


Value = Any
"""An argument: int, str, bool, Ref, or a tuple of these."""


@dataclass(frozen=True)
class Step:
    """One contract to create. `arguments` by the constructor's names, in its order."""

    name: str
    arguments: tuple[tuple[str, Value], ...]

    @property
    def artifact(self) -> Artifact:
        return artifact(self.name)

    def resolved(self, addresses: Mapping[str, str]) -> dict[str, Value]:
        """The arguments with each Ref replaced by its address."""
        return {name: _resolve(value, addresses) for name, value in self.arguments}

    def constructor(self, addresses: Mapping[str, str]) -> bytes:
        """The arguments as they follow the creation code. Raises DeployError if they do not fit."""
        values = self.resolved(addresses)
        names = self.artifact.constructor_names
        if [name.strip("_") for name in names] != [name.strip("_") for name in values]:
            raise DeployError(
                f"{self.name}'s constructor takes {', '.join(names)}, and the plan has "
                f"{', '.join(values)}: donablock/chain/plan.py must follow the contract"
            )
        return encode(self.artifact.constructor_types, list(values.values()))


def _resolve(value: Value, addresses: Mapping[str, str]) -> Value:
    if isinstance(value, Ref):
        return addresses[value.name]
    if isinstance(value, tuple):
        return tuple(_resolve(one, addresses) for one in value)
    return value


@dataclass(frozen=True)
class Placement:
    """Where a contract is, or will be: the deployer's transaction number `nonce` creates it."""

    nonce: int
    address: ChecksumAddress


def created_address(deployer: str, nonce: int) -> ChecksumAddress:
    """The address of what the deployer's transaction number `nonce` creates."""
    packed: bytes = rlp.encode([to_canonical_address(deployer), nonce])
    return to_checksum_address(keccak(packed)[12:])


def steps_of(network: Network) -> list[Step]:
    """Every contract of a deployment on this network, in order. `vesting_start` must be set."""
    if network.vesting_start is None:
        raise DeployError("the start of the vesting is not known yet")
    roles, delays = network.roles, network.delays
    commission = network.commission
    listings = _listings(network)
    timelock, registry, reserve = Ref("Timelock"), Ref("CharityRegistry"), Ref("EcosystemReserve")
    receipts, dobo = Ref("ReceiptBook"), Ref("DonaBlock")
    guardian = _holder(roles.guardian)
    beneficiaries = tuple(_holder(roles.beneficiaries[group]) for group in BENEFICIARIES)
    arguments_of: dict[str, tuple[tuple[str, Value], ...]] = {
        "Timelock": (
            ("minimum_delay", delays.timelock),
            ("proposers", tuple(map(_holder, roles.proposers))),
            ("executors", tuple(map(_holder, roles.executors))),
        ),
        "EcosystemReserve": (
            ("timelock", timelock),
            ("dobo", dobo),
            ("commission", Ref("Commission")),
            ("buyback", Ref("Buyback")),
        ),
        "Vesting": (
            ("token", dobo),
            ("start", network.vesting_start),
            ("beneficiaries", beneficiaries),
        ),
        "DonaBlock": (("vesting", Ref("Vesting")),),
        "DividendPool": (
            ("token", dobo),
            ("timelock", timelock),
            ("guardian", guardian),
            ("reserve", reserve),
            ("min_weight", network.dividends.min_weight * 10**18),
        ),
        "Commission": (
            ("token", dobo),
            ("pool", Ref("DividendPool")),
            ("timelock", timelock),
            ("guardian", guardian),
            ("reserve", reserve),
            ("share_delay", delays.shares),
            (
                "shares",
                (
                    commission.burn_share,
                    commission.dividend_share,
                    tuple((_holder(one.account), one.share) for one in commission.receivers),
                ),
            ),
        ),
        "Buyback": (
            ("dobo", dobo),
            ("commission", Ref("Commission")),
            ("reserve", reserve),
            ("timelock", timelock),
            ("guardian", guardian),
            ("operator", _holder(roles.operator)),
            ("wrapped", _wrapped(network)),
        ),
        "CharityRegistry": (
            ("timelock", timelock),
            ("registrar", _holder(roles.registrar)),
            ("guardian", guardian),
            ("payee_delay", delays.payee),
            # a gift must never be paid to one of our own contracts
            ("refused", tuple(map(Ref, OURS))),
        ),
        "DonaGive": (
            ("backing", _token(network, network.backing)),
            ("registry", registry),
            ("reserve", reserve),
        ),
        "ReceiptBook": (
            ("registry", registry),
            ("minters", (Ref("Giving"), Ref("IndexFunds"))),
            ("native_symbol", network.native.symbol),
        ),
        "Giving": (
            ("timelock", timelock),
            ("registry", registry),
            ("receipts", receipts),
            ("reserve", reserve),
            ("operations", _holder(roles.operations)),
            ("listings", listings),
        ),
        "IndexFunds": (
            ("timelock", timelock),
            ("guardian", guardian),
            ("registry", registry),
            ("receipts", receipts),
            ("reserve", reserve),
            ("epoch_notice", delays.epoch_notice),
            ("listings", listings),
        ),
        "Campaign": (
            ("factory", Ref("CampaignFactory")),
            ("registry", registry),
            ("reserve", reserve),
        ),
        "CampaignFactory": (
            ("timelock", timelock),
            ("guardian", guardian),
            ("registry", registry),
            ("reserve", reserve),
            ("implementation", Ref("Campaign")),
            ("listings", listings),
        ),
        "ImpactFund": (
            ("timelock", timelock),
            ("guardian_", guardian),
            ("registry", registry),
            ("reserve", reserve),
            ("operations_", _holder(roles.operations)),
            ("listings", listings),
        ),
    }
    return [*_of_others(network), *(Step(name, arguments_of[name]) for name in OURS)]


def _of_others(network: Network) -> list[Step]:
    """What other networks have already: a stablecoin and an exchange."""
    steps = []
    token = network.test_token
    if token is not None:
        arguments = (("name", token.name), ("symbol", token.symbol), ("decimals", token.decimals))
        steps.append(Step(TEST_TOKEN, arguments))
    if network.has_test_exchange:
        steps += [
            Step(WRAPPED, ()),
            # nobody may ever set where the exchange's own part of the fee goes
            Step(FACTORY, (("feeToSetter", NATIVE),)),
            Step(ROUTER, (("factory", Ref(FACTORY)), ("WETH", Ref(WRAPPED)))),
        ]
    return steps


def _listings(network: Network) -> tuple[tuple[Value, bool], ...]:
    """(asset, is_measured) of all that may be given besides the native coin."""
    listed: list[tuple[Value, bool]] = [(t.address, t.is_measured) for t in network.tokens]
    if network.test_token is not None:
        listed.insert(0, (Ref(TEST_TOKEN), False))
    return (*listed, (Ref("DonaBlock"), False), (Ref("DonaGive"), False))


def _token(network: Network, symbol: str) -> Value:
    for token in network.tokens:
        if token.symbol == symbol:
            return token.address
    return Ref(TEST_TOKEN)


def _wrapped(network: Network) -> Value:
    return Ref(WRAPPED) if network.exchange is None else _token(network, network.exchange.wrapped)


def _holder(holder: str) -> Value:
    return Ref(holder) if holder in HOLDERS else holder


def place(
    steps: Sequence[Step],
    deployer: str,
    next_nonce: int,
    there: Mapping[str, tuple[Placement, bytes]],
) -> dict[str, Placement]:
    """The address of every contract; what is not `there` gets the nonces from `next_nonce` on.

    `there`: name -> where it is, and the constructor arguments it was created with. What is there
    stays, unless it was told an address that can no longer come true, because another transaction
    has taken the nonce. Then it has to be created again, which moves its own address, and so on
    until everything names what will be there: at worst all is new.
    """
    missing = {step.name for step in steps if step.name not in there}
    while True:
        placements: dict[str, Placement] = {}
        nonce = next_nonce
        for step in steps:
            if step.name in missing:
                placements[step.name] = Placement(nonce, created_address(deployer, nonce))
                nonce += 1
            else:
                placements[step.name] = there[step.name][0]
        addresses = addresses_of(placements)
        misled = {
            step.name
            for step in steps
            if step.name not in missing and step.constructor(addresses) != there[step.name][1]
        }
        if not misled:
            return placements
        missing |= misled


def check_receivers(network: Network, addresses: Mapping[str, str]) -> None:
    """Raises NetworkFileError for a receiver of commission from which it would never come out."""
    for receiver in network.commission.receivers:
        for name in ("Commission", "DonaBlock", "DividendPool"):
            if receiver.account == addresses[name]:
                raise NetworkFileError(
                    f"{network.name}: commission.receivers: {receiver.account} is {name} itself, "
                    "which cannot be paid; name another"
                )


@dataclass(frozen=True)
class Market:
    """An exchange of the Uniswap V2 kind. `fee`: what its pairs take, in basis points."""

    wrapped: ChecksumAddress
    factory: ChecksumAddress
    router: ChecksumAddress
    fee: int


def market_of(network: Network, addresses: Mapping[str, str]) -> Market:
    """The exchange of a deployment on this network, with these addresses."""
    exchange = network.exchange
    if exchange is None:
        wrapped, factory, router = (addresses[name] for name in (WRAPPED, FACTORY, ROUTER))
    else:
        wrapped = next(t.address for t in network.tokens if t.symbol == exchange.wrapped)
        factory, router = exchange.factory.address, exchange.router.address
    return Market(
        to_checksum_address(wrapped),
        to_checksum_address(factory),
        to_checksum_address(router),
        TEST_EXCHANGE_FEE if exchange is None else exchange.fee,
    )


def addresses_of(placements: Mapping[str, Placement]) -> dict[str, ChecksumAddress]:
    return {name: placement.address for name, placement in placements.items()}


@dataclass(frozen=True)
class Power:
    """Who can do what about money."""

    role: str
    holders: tuple[str, ...]
    can: str


@dataclass(frozen=True)
class Plan:
    """All that a person should see before the first transaction. Gas per contract; fees in wei."""

    network: Network
    chain_id: int
    deployer: ChecksumAddress
    steps: tuple[Step, ...]
    placements: Mapping[str, Placement]
    done: frozenset[str]
    gas: Mapping[str, int]
    fee_per_gas: int
    balance: int
    moved: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def is_complete(self) -> bool:
        return self.done == {step.name for step in self.steps}

    @property
    def missing(self) -> list[Step]:
        """In the order of their nonces."""
        left = [step for step in self.steps if step.name not in self.done]
        return sorted(left, key=lambda step: self.placements[step.name].nonce)

    @property
    def addresses(self) -> dict[str, ChecksumAddress]:
        return addresses_of(self.placements)

    @property
    def total_gas(self) -> int:
        return sum(self.gas.values())

    @property
    def cost(self) -> int:
        """Wei, at the most that will be offered."""
        return self.total_gas * self.fee_per_gas

    def holders(self, *roles: str) -> tuple[str, ...]:
        return tuple(_shown(holder) for role in roles for holder in _held(self.network.roles, role))

    @property
    def powers(self) -> list[Power]:
        """Who can move which money, and who cannot."""
        days = self.network.delays
        wait = f"after {_duration(days.timelock)} in public"
        return [
            Power("deployer", (self.deployer,), "nothing: holds no role and no token at any time"),
            Power(
                "timelock: proposers", self.holders("proposers"), f"propose what follows; {wait}"
            ),
            Power("timelock: executors", self.holders("executors"), "carry out what is due"),
            Power(
                "timelock",
                (self.addresses["Timelock"],),
                "lists assets, names registrar, guardian, operations and operator, revokes "
                f"charities, announces epochs of funds ({_duration(days.epoch_notice)} ahead), "
                "releases the reserve to commission, reward pools and buyback, sets the bounds of "
                "buybacks, proposes commission's shares "
                f"({_duration(days.shares)} ahead); moves no gift, no claim, no GIVE, no vesting, "
                "no stake and no dividend",
            ),
            Power(
                "registrar",
                self.holders("registrar"),
                "verifies and suspends charities (new gifts only); moves no money",
            ),
            Power(
                "guardian",
                self.holders("guardian"),
                "stops gifts to funds and projects, pledges, stakes and buybacks for 7 days in "
                "30; cancels a change of payee or of commission's shares; moves no money",
            ),
            Power(
                "operator",
                self.holders("operator"),
                "buys DOBO for commission within the buyback's bounds; moves no money elsewhere",
            ),
            *(
                Power(
                    "receiver of commission",
                    (_shown(self.addresses.get(one.account, one.account)),),
                    f"gets {one.share // 100}.{one.share % 100:02} % of commission",
                )
                for one in self.network.commission.receivers
            ),
            Power("operations", self.holders("operations"), "receives tips that donors add"),
            Power(
                "charity's payee",
                ("named in its application",),
                "receives gifts, claims from funds, redeems GIVE; hands over two-step, "
                f"{_duration(days.payee)} later",
            ),
            *(
                Power(f"vesting: {group}", self.holders(f"beneficiaries.{group}"), "its DOBO")
                for group in BENEFICIARIES
            ),
        ]


def _held(roles: Roles, role: str) -> Iterable[str]:
    return (holder for name, holder in roles.named() if name == role)


def _shown(holder: str) -> str:
    return "anyone" if holder == NATIVE else holder


def _duration(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds} seconds"
