"""All contracts together, wired as the deployment wires them, for tests of more than one of them.

world = Protocol()
first = world.verify(roles.address("charity"))
epoch = world.run_epoch(1, [(first, 1)])
world.funds.donate_token(1, epoch, world.token, 100, MEMO, sender=world.donor)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import boa
from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.money import COIN, balance

PAYEE_DELAY = 2 * DAY
EPOCH_NOTICE = 3 * DAY
TERM = 365 * DAY
MEMO = keccak(text="memo")
NO_MEMO = b"\0" * 32
# a permit that no token accepts: deadline, v, r, s
NO_SIGNATURE = (2**256 - 1, 27, b"\0" * 32, b"\0" * 32)
RICHES = 10**30
GROUPS = 9
# of the charities, so many are looked at after each refused call
WATCHED = 4
_numbers = count(1)
REVERTING = bytes.fromhex("5f5ffd")
# INVALID takes all the gas there is
BURNING = bytes.fromhex("fe")
# RETURN and REVERT of 2**20 bytes
MEGABYTE = bytes.fromhex("621000005ff3")
REVERTING_MEGABYTE = bytes.fromhex("621000005ffd")


def place(contract: str) -> str:
    """The address a contract of the tests is put at, so that others can name it before it is."""
    return to_checksum_address(keccak(text=f"donablock test contract: {contract}")[12:])


def new_place() -> str:
    """An address nobody has been at; titanoboa mixes up contracts that shared one."""
    return place(f"number {next(_numbers)}")


class Protocol:
    """One deployment. `token` is a plain listed ERC-20 of 6 decimals, `backing` is behind GIVE."""

    def __init__(self, token: Any = None, *, dobo: Any = None, is_measured: bool = False) -> None:
        """`token` and `dobo` replace the plain ones; a token that no listing takes fails here."""
        self.timelock = roles.address("timelock")
        self.registrar = roles.address("registrar")
        self.guardian = roles.address("guardian")
        self.operations = roles.address("operations")
        self.commission: Any = roles.address("commission")
        self.buyback: Any = roles.address("buyback")
        self.stranger = roles.address("stranger")
        self.donor = roles.address("donor")
        self.plain = deployers.PLAIN_TOKEN.deploy(
            "Stable Dollar", "USDX", 6, override_address=new_place()
        )
        self.token = self.plain if token is None else token
        self.beneficiaries = [roles.address(f"beneficiary {group}") for group in range(GROUPS)]
        names = ["registry", "reserve", "receipts", "giving", "funds", "give", "dobo", "vesting"]
        # storage stays where a contract is put: every deployment has places of its own
        at = {name: new_place() for name in names}
        if dobo is not None:
            at["dobo"] = dobo.address

        self.reserve = deployers.ECOSYSTEM_RESERVE.deploy(
            self.timelock,
            at["dobo"],
            self.commission,
            self.buyback,
            override_address=at["reserve"],
        )
        if dobo is None:
            dobo = deployers.DONA_BLOCK.deploy(at["vesting"], override_address=at["dobo"])
        else:
            dobo.mint(at["vesting"], 2 * 10**27)
        self.dobo = dobo
        self.vesting = deployers.VESTING.deploy(
            at["dobo"],
            boa.env.timestamp,
            self.beneficiaries,
            override_address=at["vesting"],
        )
        self.registry = deployers.CHARITY_REGISTRY.deploy(
            self.timelock,
            self.registrar,
            self.guardian,
            PAYEE_DELAY,
            [at[name] for name in names],
            override_address=at["registry"],
        )
        self.give = deployers.DONA_GIVE.deploy(
            self.token, at["registry"], at["reserve"], override_address=at["give"]
        )
        self.receipts = deployers.RECEIPT_BOOK.deploy(
            at["registry"], [at["giving"], at["funds"]], "ETH", override_address=at["receipts"]
        )
        listings = [(self.token.address, is_measured)]
        if self.token is not self.plain:
            listings.append((self.plain.address, False))
        self.giving = deployers.GIVING.deploy(
            self.timelock,
            at["registry"],
            at["receipts"],
            at["reserve"],
            self.operations,
            listings,
            override_address=at["giving"],
        )
        self.funds = deployers.INDEX_FUNDS.deploy(
            self.timelock,
            self.guardian,
            at["registry"],
            at["receipts"],
            at["reserve"],
            EPOCH_NOTICE,
            listings,
            override_address=at["funds"],
        )
        self.contracts = [
            self.registry,
            self.reserve,
            self.receipts,
            self.giving,
            self.funds,
            self.give,
            self.dobo,
            self.vesting,
        ]
        self.accounts: list[Any] = [
            self.donor,
            self.operations,
            self.stranger,
            self.reserve,
            self.giving,
            self.funds,
            self.give,
        ]
        self.assets: list[Any] = [COIN, self.plain]
        if self.token is not self.plain:
            self.assets.append(self.token)

    # --- charities ---

    def verify(self, payee: Any, legal_id: str | None = None, *, term: int = TERM) -> int:
        """A charity of its own legal id, verified for `term` seconds from now."""
        number = self.registry.charity_count() + 1
        legal_id = f"GB:CHC:{number}" if legal_id is None else legal_id
        charity_id: int = self.registry.verify(
            payee,
            keccak(text=legal_id),
            1,
            keccak(text="metadata"),
            "ipfs://metadata",
            boa.env.timestamp + term,
            keccak(text="evidence"),
            sender=self.registrar,
        )
        if charity_id <= WATCHED:
            self.accounts.append(payee)
        return charity_id

    def suspend(self, charity_id: int) -> None:
        self.registry.suspend(charity_id, NO_MEMO, sender=self.registrar)

    def revoke(self, charity_id: int) -> None:
        self.registry.revoke(charity_id, NO_MEMO, sender=self.timelock)

    # --- funds ---

    def announce(self, fund_id: int, members: list[tuple[int, int]]) -> int:
        """Announce an epoch of (charity, weight)."""
        epoch: int = self.funds.announce_epoch(
            fund_id,
            [charity_id for charity_id, _ in members],
            [weight for _, weight in members],
            sender=self.timelock,
        )
        return epoch

    def run_epoch(self, fund_id: int, members: list[tuple[int, int]]) -> int:
        """Announce an epoch and let the notice pass."""
        epoch = self.announce(fund_id, members)
        boa.env.time_travel(seconds=EPOCH_NOTICE)
        assert self.funds.running_epoch(fund_id) == epoch
        return epoch

    # --- money ---

    def fill(self, holder: Any, *spenders: Any, amount: int = RICHES, token: Any = None) -> None:
        """Give an account of a token, and let spenders take all of it."""
        token = self.token if token is None else token
        token.mint(holder, amount)
        for spender in spenders:
            token.approve(spender, amount, sender=str(getattr(holder, "address", holder)))

    def money(self) -> dict[str, int]:
        """Who holds what, what is owed, and what exists of receipts and GIVE."""
        found = {
            f"{getattr(asset, 'address', asset)} of {getattr(account, 'address', account)}": (
                balance(asset, account)
            )
            for asset in self.assets
            for account in self.accounts
        }
        for asset in self.assets:
            address = getattr(asset, "address", asset)
            found[f"owed {address}"] = self.funds.liability(asset)
        found["receipts"] = self.receipts.token_count()
        found["give supply"] = self.give.totalSupply()
        return found

    def books(self) -> dict[str, Any]:
        """Everything that a failed call must leave as it was, money first."""
        found: dict[str, Any] = dict(self.money())
        for asset in self.assets:
            address = getattr(asset, "address", asset)
            for host in (self.giving, self.funds):
                found[f"info {address} {host.address}"] = tuple(host.asset_info(asset))
        for asset in self.assets[1:]:
            for spender in (self.giving, self.funds, self.give):
                found[f"allowance {asset.address} {spender.address}"] = asset.allowance(
                    self.donor, spender
                )
        found["stopped until"] = self.funds.stopped_until()
        found["next stop"] = self.funds.next_stop_at()
        found["operations"] = self.giving.operations()
        found["guardians"] = (self.funds.guardian(), self.registry.guardian())
        found["registrar"] = self.registry.registrar()
        found["fund count"] = self.funds.fund_count()
        for fund_id in (1, 2):
            found[f"running {fund_id}"] = self.funds.running_epoch(fund_id)
            found[f"announced {fund_id}"] = self.funds.announced_epoch(fund_id)
        for charity_id in range(1, min(self.registry.charity_count(), WATCHED) + 1):
            found[f"charity {charity_id}"] = tuple(self.registry.charity(charity_id))
        return found

    @contextmanager
    def refuses(self, reason: str) -> Iterator[None]:
        """The call reverts with this reason, and nothing has changed."""
        before = self.books()
        with boa.reverts(reason):
            yield
        assert self.books() == before

    # --- what must always hold ---

    def check(self) -> None:
        """The identities of docs/audit/invariants.md that hold whatever happened."""
        for asset in self.assets:
            # what somebody sent by mistake would show here: tests of that do not call this
            assert balance(asset, self.giving) == 0, "GIV-1: Giving keeps nothing"
            assert balance(asset, self.funds) >= self.funds.liability(asset), "IXF-1: solvent"
        assert balance(self.token, self.give) >= self.give.totalSupply(), "GVE-1: backed"


def set_code(name: str, code: bytes) -> str:
    """An account with this code, e.g. one that refuses everything."""
    address = place(name)
    boa.env.set_code(address, code)
    boa.env.alias(address, name)
    return address


def calldata(function: str, types: list[str], *arguments: Any) -> bytes:
    """A call as any wallet would encode it: the ABI's own encoder refuses what is out of bounds."""
    return keccak(text=f"{function}({','.join(types)})")[:4] + encode(types, arguments)


def set_storage(contract: Any, variable: str, value: int, *keys: int) -> None:
    """Write a storage variable, or what lies under the keys of a HashMap, as no call could."""
    boa.env.set_storage(contract.address, _slot(contract, variable, keys), value)


def stored(contract: Any, variable: str, *keys: int) -> int:
    """Read a storage variable, of a module too, or what lies under the keys of a HashMap."""
    found: int = boa.env.get_storage(contract.address, _slot(contract, variable, keys))
    return found


def _slot(contract: Any, variable: str, keys: tuple[int, ...]) -> int:
    layout = contract.compiler_data.storage_layout["storage_layout"]
    for name in variable.split("."):
        layout = layout[name]
    slot: int = layout["slot"]
    for key in keys:
        slot = int.from_bytes(keccak(slot.to_bytes(32, "big") + key.to_bytes(32, "big")), "big")
    return slot
