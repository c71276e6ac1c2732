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
from donablock.errors import DeployError

TEST_TOKEN = "PlainToken"
"""The contract of a local chain's stablecoin."""

OURS = (
    "Timelock",
    "EcosystemReserve",
    "Vesting",
    "DonaBlock",
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
        if [name.rstrip("_") for name in names] != [name.rstrip("_") for name in values]:
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
    steps = []
    if network.test_token is not None:
        token = network.test_token
        arguments = (("name", token.name), ("symbol", token.symbol), ("decimals", token.decimals))
        steps.append(Step(TEST_TOKEN, arguments))
    listings = _listings(network)
    timelock, registry, reserve = Ref("Timelock"), Ref("CharityRegistry"), Ref("EcosystemReserve")
    receipts, dobo = Ref("ReceiptBook"), Ref("DonaBlock")
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
            # until commission and buyback are deployed too: nothing but back to the owner
            ("commission", timelock),
            ("buyback", timelock),
        ),
        "Vesting": (
            ("token", dobo),
            ("start", network.vesting_start),
            ("beneficiaries", beneficiaries),
        ),
        "DonaBlock": (("vesting", Ref("Vesting")),),
        "CharityRegistry": (
            ("timelock", timelock),
            ("registrar", _holder(roles.registrar)),
            ("guardian", _holder(roles.guardian)),
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
            ("guardian", _holder(roles.guardian)),
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
            ("guardian", _holder(roles.guardian)),
            ("registry", registry),
            ("reserve", reserve),
            ("implementation", Ref("Campaign")),
            ("listings", listings),
        ),
        "ImpactFund": (
            ("timelock", timelock),
            ("guardian_", _holder(roles.guardian)),
            ("registry", registry),
            ("reserve", reserve),
            ("operations_", _holder(roles.operations)),
            ("listings", listings),
        ),
    }
    return steps + [Step(name, arguments_of[name]) for name in OURS]


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
                "lists assets, names registrar, guardian and operations, revokes charities, "
                f"announces epochs of funds ({_duration(days.epoch_notice)} ahead), releases the "
                "reserve to commission, reward pools and buyback; moves no gift, no claim, no "
                "GIVE, no vesting",
            ),
            Power(
                "registrar",
                self.holders("registrar"),
                "verifies and suspends charities (new gifts only); moves no money",
            ),
            Power(
                "guardian",
                self.holders("guardian"),
                "stops gifts to funds and projects, and pledges, for 7 days in 30; "
                "cancels a change of payee; moves no money",
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
