"""A local chain for the tests of the chain package, and a deployment that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from donablock.chain import artifacts
from donablock.chain.deploy import Deployment
from donablock.chain.keys import LocalSigner
from donablock.chain.manifest import Manifest
from donablock.chain.networks import Network, network_of
from donablock.chain.node import Anvil
from donablock.chain.session import Session

# a second that is nobody's: tests never read the machine's clock
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def shared_node() -> Iterator[Anvil]:
    with Anvil(timestamp=NOW) as node:
        yield node


@pytest.fixture
def node(shared_node: Anvil) -> Iterator[Anvil]:
    """An anvil whose chain is as it was after each test."""
    snapshot = shared_node.snapshot()
    yield shared_node
    shared_node.revert(snapshot)


@pytest.fixture
def deployer() -> LocalSigner:
    return LocalSigner.test_account(0)


@pytest.fixture
def session(node: Anvil, deployer: LocalSigner) -> Session:
    return Session(node.w3, node.chain_id, deployer)


@pytest.fixture
def network() -> Network:
    return network_of(31337)


@pytest.fixture
def manifest_file(tmp_path: Path) -> Path:
    return tmp_path / "31337.json"


@pytest.fixture
def deploy(network: Network, manifest_file: Path) -> Callable[[Session], Manifest]:
    """deploy(session): plans anew and runs, as a person who starts the command again."""

    def deploy(session: Session) -> Manifest:
        deployment = Deployment(session, network, manifest_file)
        return deployment.run(deployment.plan())

    return deploy


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """Compiled before the first test, so that no test's time limit is spent on it."""
    for name in artifacts.contract_names():
        artifacts.artifact(name)
