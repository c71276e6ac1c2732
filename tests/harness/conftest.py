"""ape as people run it: a command of its own, an account in a keystore, a real node.

Everything it writes (accounts, manifests) is kept under build/harness/, a folder per test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from donablock.chain.amounts import NATIVE
from donablock.chain.keys import LocalSigner
from donablock.chain.networks import BENEFICIARIES, network_of
from donablock.chain.node import Anvil
from donablock.chain.plan import FACTORY, ROUTER, market_of
from donablock.chain.session import Session

ROOT = Path(__file__).resolve().parents[2]
ALIAS, PASSPHRASE = "rehearsal", "a passphrase for the rehearsal"
APE_NETWORKS = {11155111: "ethereum:sepolia", 97: "bsc:testnet", 56: "bsc:mainnet"}


@dataclass
class Ape:
    """`ape` with a data folder of its own, its keystore and its manifests."""

    folder: Path
    deployer: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "APE_DATA_FOLDER": str(self.folder / "ape"),
            "DONABLOCK_DEPLOYMENTS": str(self.folder / "deployments"),
            # ape's own way to unlock a keystore where nobody can type
            f"APE_ACCOUNTS_{ALIAS}_PASSPHRASE": PASSPHRASE,
            "COLUMNS": "200",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["ape", "run", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """(exit code, everything it printed)"""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=240)
        return process.returncode, output

    def manifest(self, chain_id: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.manifest_file(chain_id).read_text())
        return found

    def manifest_file(self, chain_id: int) -> Path:
        return self.folder / "deployments" / f"{chain_id}.json"


@pytest.fixture
def ape(request: pytest.FixtureRequest) -> Iterator[Ape]:
    safe = "".join(c if c.isalnum() else "-" for c in request.node.name)
    folder = ROOT / "build" / "harness" / f"{safe}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    accounts = folder / "ape" / "accounts"
    accounts.mkdir(parents=True)
    account = Account.create()
    # few iterations: it is a test's key, and the time goes into the deployment
    keystore = Account.encrypt(account.key, PASSPHRASE, kdf="pbkdf2", iterations=1_000)
    (accounts / f"{ALIAS}.json").write_text(json.dumps(keystore))
    yield Ape(folder, account.address)
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Rehearsal:
    """A node with a public network's id, and its outside tokens and exchange where its file has
    them."""

    node: Anvil
    ape: Ape
    roles: Mapping[str, Any]
    roles_file: Path

    @property
    def choice(self) -> str:
        """As after --network."""
        return f"{APE_NETWORKS[self.node.chain_id]}:{self.node.url}"

    def deploy_arguments(self, *more: str) -> tuple[str, ...]:
        # the node mines when something is sent, so nothing ever becomes deeper
        return (
            *("deploy", "--network", self.choice, "--account", ALIAS, "--confirmations", "0"),
            *("--roles", str(self.roles_file), "--yes", *more),
        )


@pytest.fixture
def rehearse(ape: Ape) -> Iterator[Callable[..., Rehearsal]]:
    """rehearse(chain_id, **options of Anvil)"""
    nodes: list[Anvil] = []

    def rehearse(chain_id: int, **options: Any) -> Rehearsal:
        node = Anvil(chain_id=chain_id, **options).start()
        nodes.append(node)
        node.set_balance(ape.deployer, 10**18)
        put_tokens(node)
        put_exchange(node)
        roles = own_roles()
        path = ape.folder / "roles.json"
        path.write_text(json.dumps(roles))
        return Rehearsal(node, ape, roles, path)

    yield rehearse
    for node in nodes:
        node.stop()


def own_roles() -> dict[str, Any]:
    def new() -> str:
        return LocalSigner.random().address

    return {
        "proposers": [new()],
        "executors": ["0x" + "00" * 20],
        "registrar": new(),
        "guardian": new(),
        "operations": new(),
        "operator": new(),
        "beneficiaries": {group: new() for group in BENEFICIARIES}
        | {"ecosystem": "EcosystemReserve"},
    }


def put_tokens(node: Anvil) -> None:
    """Tokens of the right symbol and decimals at the addresses where the network file has them."""
    session = Session(node.w3, node.chain_id, LocalSigner.test_account(0))
    for token in network_of(node.chain_id).tokens:
        double = session.deploy("PlainToken", token.symbol, token.symbol, token.decimals)
        node.set_code(token.address, bytes(node.w3.eth.get_code(double.address)))


def put_exchange(node: Anvil) -> None:
    """A real Uniswap V2 at the addresses where the network file has its exchange."""
    session = Session(node.w3, node.chain_id, LocalSigner.test_account(0))
    market = market_of(network_of(node.chain_id), {})
    for name, place, arguments in (
        (FACTORY, market.factory, (NATIVE,)),
        # its factory and its coin are in its code, wherever that is
        (ROUTER, market.router, (market.factory, market.wrapped)),
    ):
        double = session.deploy(name, *arguments)
        node.set_code(place, bytes(node.w3.eth.get_code(double.address)))
