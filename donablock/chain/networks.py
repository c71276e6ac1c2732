"""What is particular to a network: config/networks/*.json, found by chain id and checked whole.

A role is an address, or the name of one of our contracts that can hold it ("EcosystemReserve",
"Timelock"); an empty one has to be filled in before anything is deployed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from eth_typing import ChecksumAddress
from eth_utils.address import is_address, is_checksum_address, to_checksum_address
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from donablock.chain.amounts import NATIVE
from donablock.chain.keys import published_addresses
from donablock.errors import NetworkFileError, TestAccountError
from donablock.settings import settings

HOUR, DAY = 3_600, 86_400
# the contracts' own bounds, so that a file is refused before anything is sent
_TIMELOCK_DELAY = (HOUR, 30 * DAY)
_PAYEE_DELAY = (HOUR, 30 * DAY)
_EPOCH_NOTICE = (HOUR, 90 * DAY)
# Commission takes any delay but none
_SHARE_DELAY = (HOUR, 90 * DAY)
# Giving and IndexFunds take 16 at first; DOBO and GIVE are two of them
_MAX_TOKENS = 14
# Commission's shares, in basis points
BASIS, _MIN_SHARE, _MAX_RECEIVERS = 10_000, 2_500, 6
# Buyback refuses pairs with a higher fee, in basis points
_MAX_FEE = 100
# The pool takes any minimum weight from 1 DOBO on; above what all DOBO there is weighs in a year it
# would hardly ever divide
_MAX_MIN_WEIGHT = 2_000_000_000

BENEFICIARIES = (
    "ecosystem",
    "liquidity",
    "team",
    "donations",
    "operation",
    "foundation",
    "development",
    "advisors",
    "promotions",
)
"""The vesting's groups, in the order of the contract."""

HOLDERS = ("Timelock", "EcosystemReserve")
"""Our contracts that may be named instead of an address."""


def _checksummed(value: str) -> ChecksumAddress:
    if not is_address(value):
        raise ValueError(f"{value!r} is no address: it has 0x and 40 hexadecimal digits")
    if not is_checksum_address(value):
        raise ValueError(
            f"{value} has no valid checksum; compare it with its source, then write "
            f"{to_checksum_address(value)}"
        )
    return to_checksum_address(value)


def _holder(value: str) -> str:
    return value if value in HOLDERS or not value else _checksummed(value)


Address = Annotated[str, AfterValidator(_checksummed)]
Holder = Annotated[str, AfterValidator(_holder)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Native(_Model):
    """The chain's coin. `symbol` is written on receipts."""

    symbol: str = Field(pattern=r"^[A-Za-z]{1,8}$")
    decimals: int = Field(default=18, ge=18, le=18)


class Delays(_Model):
    """Seconds between a step that everybody can see and the one that takes effect."""

    timelock: int = Field(ge=_TIMELOCK_DELAY[0], le=_TIMELOCK_DELAY[1])
    payee: int = Field(ge=_PAYEE_DELAY[0], le=_PAYEE_DELAY[1])
    epoch_notice: int = Field(ge=_EPOCH_NOTICE[0], le=_EPOCH_NOTICE[1])
    shares: int = Field(ge=_SHARE_DELAY[0], le=_SHARE_DELAY[1])


class Token(_Model):
    """A token of others. `is_measured`: its issuer could start to take a fee on transfers."""

    symbol: str = Field(min_length=1, max_length=16)
    address: Address
    decimals: int = Field(ge=6, le=18)
    is_measured: bool
    source: str = Field(pattern=r"^https://", description="where its issuer or another names it")
    note: str = ""


class TestToken(_Model):
    """A stablecoin that is deployed first, where there is none: on local chains only."""

    __test__ = False

    name: str
    symbol: str
    decimals: int = Field(ge=6, le=18)


class Place(_Model):
    """A contract of others."""

    address: Address
    source: str = Field(pattern=r"^https://", description="where its owner names it")


class Exchange(_Model):
    """An exchange of the Uniswap V2 kind, where commission buys DOBO.

    wrapped: symbol of the wrapped coin among the tokens. fee: what its pairs take, in basis points.
    """

    name: str = Field(min_length=1)
    wrapped: str
    factory: Place
    router: Place
    fee: int = Field(ge=1, le=_MAX_FEE)
    fee_source: str = Field(pattern=r"^https://", description="where the fee is said")
    note: str = ""


class Dividends(_Model):
    """The dividend pool. `min_weight`: the least sum of weights that is paid, in whole DOBO."""

    min_weight: int = Field(ge=1, le=_MAX_MIN_WEIGHT)


class Receiver(_Model):
    """Who gets a share of the commission; the share in basis points."""

    account: Holder = Field(min_length=1)
    share: int = Field(ge=1, le=BASIS)


class Commission(_Model):
    """What a settlement does with commission at first; shares in basis points."""

    burn_share: int = Field(ge=_MIN_SHARE, le=BASIS)
    dividend_share: int = Field(ge=_MIN_SHARE, le=BASIS)
    receivers: tuple[Receiver, ...] = Field(default=(), max_length=_MAX_RECEIVERS)

    @field_validator("receivers", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _whole(self) -> Commission:
        accounts = [receiver.account for receiver in self.receivers]
        if NATIVE in accounts:
            raise ValueError("a receiver is the zero address")
        twice = sorted({account for account in accounts if accounts.count(account) > 1})
        if twice:
            raise ValueError(f"the same receiver twice: {', '.join(twice)}")
        shares = (self.burn_share, self.dividend_share, *(one.share for one in self.receivers))
        if sum(shares) != BASIS:
            raise ValueError(f"the shares add up to {sum(shares)}, not to {BASIS} (100 %)")
        return self


class Roles(_Model):
    """Who may do what. The zero address among the executors means anyone."""

    proposers: tuple[Holder, ...] = Field(max_length=3)
    executors: tuple[Holder, ...] = Field(max_length=3)
    registrar: Holder
    guardian: Holder
    operations: Holder
    operator: Holder
    beneficiaries: dict[str, Holder]

    @field_validator("proposers", "executors", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("beneficiaries")
    @classmethod
    def _all_groups(cls, value: dict[str, str]) -> dict[str, str]:
        if set(value) != set(BENEFICIARIES):
            raise ValueError(f"name each of {', '.join(BENEFICIARIES)}, and no other")
        return {group: value[group] for group in BENEFICIARIES}

    def named(self) -> Iterator[tuple[str, str]]:
        """(role, holder), each holder of each role; an unfilled one is ""."""
        for role, holders in (("proposers", self.proposers), ("executors", self.executors)):
            yield from ((role, holder) for holder in holders or ("",))
        for role in ("registrar", "guardian", "operations", "operator"):
            yield role, getattr(self, role)
        for group, holder in self.beneficiaries.items():
            yield f"beneficiaries.{group}", holder


class Network(_Model):
    """One file of config/networks."""

    name: str
    chain_id: int = Field(gt=0)
    also_chain_ids: tuple[int, ...] = ()
    is_public: bool
    ape_network: str = Field(description="as in `ape run deploy --network ...`")
    explorer: str = ""
    confirmations: int = Field(ge=0, le=100)
    native: Native
    delays: Delays
    vesting_start: int | None = Field(
        default=None, description="unix time; null: the block in which the deployment begins"
    )
    tokens: tuple[Token, ...] = Field(default=(), max_length=_MAX_TOKENS)
    test_token: TestToken | None = None
    backing: str = Field(description="symbol of the stablecoin behind GIVE")
    exchange: Exchange | None = None
    has_test_exchange: bool = Field(
        default=False, description="a Uniswap V2 is deployed first: on local chains only"
    )
    dividends: Dividends
    commission: Commission
    roles: Roles

    @field_validator("tokens", "also_chain_ids", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _consistent(self) -> Network:
        symbols = [token.symbol for token in self.tokens]
        if self.test_token is not None:
            symbols.append(self.test_token.symbol)
            if self.is_public:
                raise ValueError("test_token: a public network has stablecoins of its own")
        addresses = [token.address for token in self.tokens]
        for what, values in (("symbol", symbols), ("address", addresses)):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"tokens: the same {what} twice: {', '.join(twice)}")
        if self.backing not in symbols:
            raise ValueError(f"backing: {self.backing!r} is not among the tokens")
        self._check_exchange(addresses)
        return self

    def _check_exchange(self, tokens: list[str]) -> None:
        exchange = self.exchange
        if self.has_test_exchange and self.is_public:
            raise ValueError("has_test_exchange: a public network has an exchange of its own")
        if self.has_test_exchange == (exchange is not None):
            raise ValueError(
                "exchange: name one, or say has_test_exchange on a local chain, and not both"
            )
        if exchange is None:
            return
        wrapped = next((t for t in self.tokens if t.symbol == exchange.wrapped), None)
        if wrapped is None:
            raise ValueError(f"exchange.wrapped: {exchange.wrapped!r} is not among the tokens")
        if wrapped.decimals != self.native.decimals:
            raise ValueError(
                f"exchange.wrapped: {wrapped.symbol} has {wrapped.decimals} decimals, and the coin "
                f"has {self.native.decimals}"
            )
        places = [*tokens, exchange.factory.address, exchange.router.address]
        twice = sorted({place for place in places if places.count(place) > 1})
        if twice:
            raise ValueError(f"exchange: the same address twice: {', '.join(twice)}")

    @property
    def chain_ids(self) -> tuple[int, ...]:
        return (self.chain_id, *self.also_chain_ids)

    def with_roles(self, path: Path) -> Network:
        """The same with the roles of a file, which has what "roles" has here."""
        roles = _parse(Roles, _read(path), path)
        return self.model_copy(update={"roles": roles})

    def check_roles(self, deployer: str) -> None:
        """Raises NetworkFileError for a role that is not filled in or would be the deployer's."""
        empty = sorted({role for role, holder in self.roles.named() if not holder})
        if empty:
            raise NetworkFileError(
                f"{self.name}: roles not filled in: {', '.join(empty)}. Copy the `roles` of "
                f"config/networks/{self.name}.json into a file of your own, write an address for "
                "each, and name it with --roles FILE"
            )
        receivers = (("commission.receivers", one.account) for one in self.commission.receivers)
        for role, holder in (*self.roles.named(), *receivers):
            if role != "executors" and holder == NATIVE:
                raise NetworkFileError(f"{self.name}: {role} is the zero address")
            if holder == deployer:
                raise NetworkFileError(
                    f"{self.name}: {role} is the deployer, who is to hold nothing; "
                    "name another account"
                )
            if self.is_public and holder in published_addresses():
                raise TestAccountError(
                    f"{self.name}: {role} is {holder}, whose private key is published; "
                    "name an account of your own"
                )
        for role in ("proposers", "executors"):
            holders = getattr(self.roles, role)
            if len(set(holders)) != len(holders):
                raise NetworkFileError(f"{self.name}: the same account twice among the {role}")


def network_files() -> list[Path]:
    return sorted(settings().networks_path.glob("*.json"))


def load_network(path: Path) -> Network:
    """Raises NetworkFileError, which names the field."""
    return _parse(Network, _read(path), path)


def network_of(chain_id: int) -> Network:
    """The network with this chain id. Raises NetworkFileError if there is no file for it."""
    networks = [load_network(path) for path in network_files()]
    for network in networks:
        if chain_id in network.chain_ids:
            return network
    known = ", ".join(f"{network.name} ({network.chain_id})" for network in networks)
    raise NetworkFileError(
        f"there is no network file for chain {chain_id} in {settings().networks_path}; there are "
        f"{known or 'none'}. Add one, or name the node of another chain with --network"
    )


def check_signer(network: Network, address: str) -> None:
    """Raises TestAccountError where a published key would sign on a public network."""
    if network.is_public and to_checksum_address(address) in published_addresses():
        raise TestAccountError(
            f"{address} is a test account: everybody has its key, and {network.name} is public. "
            "Use an account of your own: ape accounts generate NAME, then --account NAME"
        )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise NetworkFileError(f"there is no file {path}") from error
    except (OSError, ValueError) as error:
        raise NetworkFileError(f"{path.name} cannot be read as JSON: {error}") from error


_M = TypeVar("_M", bound=BaseModel)


def _parse(model: type[_M], data: Any, path: Path) -> _M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: "
            f"{fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise NetworkFileError(f"{path.name}: {faults}") from error
