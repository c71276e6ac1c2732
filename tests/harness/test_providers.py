"""The same deployment, and a gift through it, on ape's own test provider and on anvil."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ape
import pytest
from eth_utils.crypto import keccak

from donablock.chain.ape_session import ApeSigner, connected_network, connected_w3, open_session
from donablock.chain.deploy import Deployment
from donablock.chain.keys import LocalSigner
from donablock.chain.manifest import Manifest
from donablock.chain.node import Anvil
from donablock.chain.permit import Domain, domain_of, sign_permit, typed_data
from donablock.chain.session import Session
from donablock.chain.verify import verify
from donablock.errors import RevertError

pytestmark = [pytest.mark.ape, pytest.mark.anvil]

YEAR = 365 * 86_400
OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
# who is who among the test accounts: config/networks/local.json
REGISTRAR, PAYEE, DONOR = 2, 15, 16


@pytest.fixture(scope="module", params=["test", "anvil"])
def provider(request: pytest.FixtureRequest) -> Iterator[str]:
    """Connects ape; the name of the provider."""
    if request.param == "test":
        with ape.networks.parse_network_choice("ethereum:local:test"):
            yield request.param
        return
    with Anvil() as node, ape.networks.parse_network_choice(f"ethereum:local:{node.url}"):
        yield request.param


@pytest.fixture(scope="module")
def deployed(
    provider: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Session, Manifest]]:
    """(the deployer's session, the manifest)"""
    folder: Path = tmp_path_factory.mktemp(provider)
    session = open_session(ape.accounts.test_accounts[0], is_deployed=False)
    path = folder / f"{session.chain_id}.json"
    deployment = Deployment(session, connected_network(), path)
    manifest = deployment.run(deployment.plan())
    yield session, manifest


def session_of(account: int, manifest: Manifest) -> Session:
    signer = ApeSigner(ape.accounts.test_accounts[account])
    return Session(connected_w3(), manifest.chain_id, signer, addresses=manifest.addresses)


def test_the_deployment_verifies(deployed: tuple[Session, Manifest]) -> None:
    session, manifest = deployed
    report = verify(session, manifest)
    assert report.findings == [] and report.notes == []


def test_a_gift_by_permit_reaches_the_charity(deployed: tuple[Session, Manifest]) -> None:
    _, manifest = deployed
    payee, registrar = session_of(PAYEE, manifest), session_of(REGISTRAR, manifest)
    donor = session_of(DONOR, manifest)
    registry, giving = donor.contract("CharityRegistry"), donor.contract("Giving")
    token = donor.contract("PlainToken")
    legal_id, metadata, memo = (keccak(text=text) for text in ("GB:CHC:1", "metadata", "memo"))

    payee.send(registry.functions.apply(legal_id, 1, metadata, "ipfs://metadata"))
    expiry = donor.now + YEAR
    verified = registrar.send(
        registry.functions.verify(
            payee.address, legal_id, 1, metadata, "ipfs://metadata", expiry, keccak(text="evidence")
        )
    )
    (event,) = donor.events(verified, "Verified")
    charity_id = event["charity_id"]

    amount = 25 * 10**6
    donor.send(token.functions.mint(donor.address, amount))
    domain = domain_of(donor.w3, token.address, manifest.chain_id)
    assert domain is not None
    deadline = donor.now + 3_600
    permit = sign_permit(
        donor.w3, donor.signer, token.address, domain, giving.address, amount, deadline
    )
    arguments = (charity_id, token.address, amount, memo, 0, False)
    call = giving.functions.donate_token_with_permit(*arguments, *permit.signature)
    receipt = donor.send(call)
    (gift,) = donor.events(receipt, "Donated")
    assert (gift["donor"], gift["charity_id"], gift["memo"]) == (donor.address, charity_id, memo)
    assert (gift["asset"], gift["payee"], gift["amount"]) == (token.address, payee.address, amount)
    assert token.functions.balanceOf(payee.address).call() == amount


@pytest.mark.usefixtures("provider")
def test_a_signature_with_leading_zeros_is_whole() -> None:
    signer = ApeSigner(ape.accounts.test_accounts[DONOR])
    # the same key, in our own hands
    local = LocalSigner.test_account(DONOR)
    assert signer.address == local.address
    domain = Domain((("name", "Token"), ("chainId", 1), ("verifyingContract", OTHER)))
    short: set[str] = set()
    for nonce in range(5_000):
        data = typed_data(domain, local.address, OTHER, 1, nonce, 2)
        v, r, s = local.sign_typed_data(data)
        found = {name for name, word in (("r", r), ("s", s)) if not word[0]}
        if found - short:
            assert signer.sign_typed_data(data) == (v, r, s)
            short |= found
        if short == {"r", "s"}:
            return
    raise AssertionError("every 128th signature was expected to be short")


def test_a_refusal_keeps_the_contract_s_reason(deployed: tuple[Session, Manifest]) -> None:
    _, manifest = deployed
    donor = session_of(DONOR, manifest)
    giving = donor.contract("Giving")
    with pytest.raises(RevertError) as refused:
        donor.send(giving.functions.donate_native(999, b"\0" * 32), value=1)
    assert refused.value.reason.startswith(("registry: ", "giving: "))
