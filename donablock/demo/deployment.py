"""The demo's deployment: as `ape run deploy` does it, on the local network, by a test account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eth_typing import ChecksumAddress

from donablock.chain import artifacts
from donablock.chain.amounts import NATIVE, Asset
from donablock.chain.deploy import Deployment
from donablock.chain.keys import LocalSigner
from donablock.chain.manifest import Manifest
from donablock.chain.networks import BENEFICIARIES, HOLDERS, network_of
from donablock.chain.node import LOCAL_CHAIN_ID, Anvil
from donablock.chain.plan import TEST_TOKEN, Plan
from donablock.chain.session import Session
from donablock.demo.blocks import BLOCK_TIME, Actor
from donablock.demo.calls import Target
from donablock.errors import DeployError

# the development tools' accounts among which the local network's roles are
_TEST_ACCOUNTS = 20


@dataclass(frozen=True)
class Deployed:
    """What was deployed, and who acts in the roles of the network file. Beneficiaries by group."""

    manifest: Manifest
    plan: Plan
    contracts: dict[str, Target]
    assets: dict[str, Asset]
    roles: dict[str, Actor]
    beneficiaries: list[Actor]


def deploy(node: Anvil, path: Path, say: Callable[[str], None]) -> Deployed:
    """Deploy everything and write the manifest to `path`; `say` is told one line per contract."""
    # so that the chain is the same in every run, whatever the machine's speed
    node.request("anvil_setBlockTimestampInterval", BLOCK_TIME)
    session = Session(node.w3, LOCAL_CHAIN_ID, LocalSigner.test_account(0))
    network = network_of(LOCAL_CHAIN_ID)
    if network.test_token is None:
        raise DeployError("the local network's file has no test_token; the demo needs one")
    if not network.has_test_exchange:
        raise DeployError("the local network's file has no test exchange; the demo needs one")
    path.unlink(missing_ok=True)
    deployment = Deployment(session, network, path, say=say)
    plan = deployment.plan()
    manifest = deployment.run(plan)
    at = manifest.addresses
    contracts = {name: Target(name, address, artifacts.abi(name)) for name, address in at.items()}
    symbol = network.test_token.symbol
    contracts[symbol] = contracts[TEST_TOKEN]
    contracts["DOBO"], contracts["GIVE"] = contracts["DonaBlock"], contracts["DonaGive"]
    decimals = network.test_token.decimals
    assets = {
        network.native.symbol: Asset(NATIVE, network.native.symbol, network.native.decimals),
        symbol: Asset(at[TEST_TOKEN], symbol, decimals),
        "DOBO": Asset(at["DonaBlock"], "DOBO", 18),
        "GIVE": Asset(at["DonaGive"], "GIVE", decimals),
    }
    known = _test_accounts()
    roles = {
        "proposer": _actor(network.roles.proposers[0], "proposer", known),
        "registrar": _actor(network.roles.registrar, "registrar", known),
        "guardian": _actor(network.roles.guardian, "guardian", known),
        "operations": _actor(network.roles.operations, "operations", known),
        "operator": _actor(network.roles.operator, "operator", known),
        "anyone": Actor("a passer-by"),
    }
    beneficiaries = [
        _actor(network.roles.beneficiaries[group], group, known, at) for group in BENEFICIARIES
    ]
    return Deployed(manifest, plan, contracts, assets, roles, beneficiaries)


def _test_accounts() -> dict[str, LocalSigner]:
    signers = (LocalSigner.test_account(index) for index in range(_TEST_ACCOUNTS))
    return {signer.address: signer for signer in signers}


def _actor(
    holder: str,
    role: str,
    known: dict[str, LocalSigner],
    contracts: dict[str, ChecksumAddress] | None = None,
) -> Actor:
    """The account in a role, or a contract of ours that only receives."""
    if contracts is not None and holder in HOLDERS:
        return Actor(role, address=contracts[holder])
    if holder not in known:
        raise DeployError(
            f"the demo cannot act as {role}: {holder} is none of the test accounts; "
            "restore config/networks/local.json"
        )
    return Actor(role, known[holder])
