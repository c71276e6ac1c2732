"""A chain of its own for tests of what people do: anvil, deployed as everywhere, and its accounts.

Accounts are anvil's, by what they do; who has which role is in config/networks/local.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from web3.contract import Contract

from donablock.chain.amounts import Asset
from donablock.chain.assets import asset_at
from donablock.chain.deploy import Deployment
from donablock.chain.keys import LocalSigner
from donablock.chain.networks import network_of
from donablock.chain.node import Anvil
from donablock.chain.session import Session

DAY = 86_400
YEAR = 365 * DAY
# anvil's accounts, which are also ape's test accounts, by what they do
DEPLOYER, PROPOSER, REGISTRAR, GUARDIAN, OPERATIONS = range(5)
LIQUIDITY = 6
STRANGER = 16


@dataclass
class World:
    """The deployed chain. `token` is its stablecoin; amounts in smallest units."""

    node: Anvil
    anyone: Session
    token: Contract
    usd: Asset
    deployments: Path
    # one for each account: making keys and contracts takes longer than most calls
    _sessions: dict[int, Session] = field(default_factory=dict)

    def session(self, account: int) -> Session:
        if account not in self._sessions:
            self._sessions[account] = self.anyone.as_(LocalSigner.test_account(account))
        return self._sessions[account]

    def address(self, account: int) -> str:
        return self.session(account).address

    def mint(self, account: int, amount: int) -> None:
        call = self.token.functions.mint(self.address(account), amount)
        self.session(DEPLOYER).send(call)

    def own_token(self, name: str, *arguments: object) -> Contract:
        """A test double, deployed."""
        return self.session(DEPLOYER).deploy(name, *arguments)

    def through_timelock(self, contract: str, function: str, *arguments: object) -> None:
        """Schedules, waits and executes a call."""
        target = self.anyone.contract(contract)
        data = target.encode_abi(function, args=list(arguments))
        timelock = self.anyone.contract("Timelock").functions
        # the second it is scheduled in makes a repetition another operation
        salt = self.anyone.now.to_bytes(32, "big")
        call = (target.address, 0, data, b"\0" * 32, salt)
        delay = timelock.get_minimum_delay().call()
        self.session(PROPOSER).send(timelock.schedule(*call, delay))
        self.node.advance(delay)
        self.session(STRANGER).send(timelock.execute(*call))


@contextmanager
def deployed_world(folder: Path) -> Iterator[World]:
    """Everything deployed; the manifest is in the folder."""
    path = folder / "31337.json"
    # a past second, so that advancing the clock never reaches the machine's own
    with Anvil(timestamp=1_750_000_000, accounts=20) as node:
        plain = Session(node.w3, node.chain_id, LocalSigner.test_account(DEPLOYER))
        deployment = Deployment(plain, network_of(node.chain_id), path)
        manifest = deployment.run(deployment.plan())
        anyone = Session(
            node.w3,
            node.chain_id,
            LocalSigner.test_account(STRANGER),
            addresses=manifest.addresses,
        )
        token = anyone.contract("PlainToken")
        yield World(node, anyone, token, asset_at(anyone, token.address), folder)
