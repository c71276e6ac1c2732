"""Whatever is changed in the manifest, in the code or in the roles is found by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from donablock.chain import artifacts
from donablock.chain.keys import LocalSigner
from donablock.chain.manifest import Manifest
from donablock.chain.node import Anvil
from donablock.chain.plan import OURS, ROUTER, TEST_TOKEN, created_address
from donablock.chain.session import Session
from donablock.chain.verify import ensure, verify
from donablock.errors import VerifyError

pytestmark = pytest.mark.anvil

OTHER = LocalSigner.test_account(19).address


@pytest.fixture
def manifest(session: Session, deploy: Callable[[Session], Manifest]) -> Manifest:
    return deploy(session)


def as_timelock(node: Anvil, session: Session, manifest: Manifest, call: Any) -> None:
    """What the timelock would do after its delay."""
    timelock = manifest.addresses["Timelock"]
    node.set_balance(timelock, 10**18)
    node.request("anvil_impersonateAccount", timelock)
    transaction = {"from": timelock, "to": call.address, "data": call._encode_transaction_data()}
    session.wait(node.request("eth_sendTransaction", transaction))


EDITS: dict[str, tuple[Callable[[Manifest], Any], str]] = {
    "address": (
        lambda m: setattr(m.contracts["Giving"], "address", created_address(m.deployer, 77)),
        "edited: ",
    ),
    "nonce": (lambda m: setattr(m.contracts["Giving"], "nonce", 77), "edited: Giving"),
    "arguments": (
        lambda m: m.contracts["Giving"].arguments.update(operations=OTHER),
        "edited: Giving has other arguments",
    ),
    "constructor": (
        lambda m: setattr(m.contracts["Vesting"], "constructor", "0x" + "00" * 32),
        "edited: Vesting has another `constructor`",
    ),
    "role": (
        lambda m: setattr(
            m,
            "inputs",
            m.inputs.model_copy(
                update={"roles": m.inputs.roles.model_copy(update={"registrar": OTHER})}
            ),
        ),
        "edited: CharityRegistry has other arguments",
    ),
    "transaction": (
        lambda m: setattr(
            m.contracts["DonaGive"], "transaction", m.contracts["Giving"].transaction
        ),
        "DonaGive: address made by",
    ),
    "no transaction": (
        lambda m: setattr(m.contracts["DonaGive"], "transaction", None),
        "DonaGive: its transaction is not in the manifest",
    ),
    "block": (lambda m: setattr(m.contracts["IndexFunds"], "block", 99), "IndexFunds: block"),
    "integrity": (
        lambda m: setattr(m.contracts["Timelock"], "integrity", "00"),
        "Timelock: source (integrity)",
    ),
    "path": (lambda m: setattr(m.contracts["Timelock"], "path", "x.vy"), "Timelock: path"),
    "settings": (
        lambda m: m.contracts["ReceiptBook"].compiler_settings.update(evmVersion="paris"),
        "ReceiptBook: compiler input",
    ),
    "source": (
        lambda m: m.sources["contracts/treasury/Vesting.vy"].update(content="# nothing"),
        "Vesting: compiler input",
    ),
    "compiler": (lambda m: setattr(m, "compiler", "0.4.2"), "Timelock: compiler"),
    "status": (lambda m: setattr(m, "status", "deploying"), "manifest: status"),
    "genesis": (lambda m: setattr(m, "genesis", "0x00"), "manifest: first block"),
    "chain id": (lambda m: setattr(m, "chain_id", 97), "manifest: chain id"),
    "deployer": (lambda m: setattr(m, "deployer", OTHER), "has been edited"),
    "delay": (
        lambda m: setattr(
            m,
            "inputs",
            m.inputs.model_copy(
                update={"delays": m.inputs.delays.model_copy(update={"payee": 3_600})}
            ),
        ),
        "network file local: delays",
    ),
}


def test_every_edit_of_the_manifest_is_found(session: Session, manifest: Manifest) -> None:
    assert verify(session, manifest).is_clean
    for what, (edit, expected) in EDITS.items():
        copy = manifest.model_copy(deep=True)
        edit(copy)
        report = verify(session, copy)
        assert any(expected in finding for finding in report.findings), (what, report.findings)
    with pytest.raises(VerifyError, match="Giving has other arguments"):
        copy = manifest.model_copy(deep=True)
        EDITS["arguments"][0](copy)
        ensure(session, copy)


def test_a_changed_byte_of_any_code_or_immutable_is_found(
    session: Session, node: Anvil, manifest: Manifest
) -> None:
    def flip(name: str, at: int) -> None:
        address = manifest.addresses[name]
        code = bytearray(node.w3.eth.get_code(address))
        code[at] ^= 1
        node.set_code(address, bytes(code))

    expected = []
    for name in (TEST_TOKEN, ROUTER, *OURS):
        found = artifacts.artifact(name)
        for immutable in found.immutables:
            # the last byte of its first word, and for long ones also the last byte of all
            flip(name, immutable.start + 31)
            expected.append(f"{name}: immutable {immutable.name}:")
    findings = verify(session, manifest).findings
    assert len(expected) > 40
    for start in expected:
        assert any(finding.startswith(start) for finding in findings), start
    assert len(findings) == len(expected)

    for name in (ROUTER, *OURS):
        flip(name, len(artifacts.artifact(name).runtime) // 2)
    findings = verify(session, manifest).findings
    for name in (ROUTER, *OURS):
        assert any(finding.startswith(f"{name}: code at") for finding in findings), name


def test_a_contract_without_code_is_found(
    session: Session, node: Anvil, manifest: Manifest
) -> None:
    node.set_code(manifest.addresses["Giving"], b"")
    assert any("Giving: has code" in finding for finding in verify(session, manifest).findings)


def test_what_the_timelock_may_change_is_a_note(
    session: Session, node: Anvil, manifest: Manifest
) -> None:
    addresses = manifest.addresses
    registry = session.at("CharityRegistry", addresses["CharityRegistry"])
    as_timelock(node, session, manifest, registry.functions.set_registrar(OTHER))
    timelock = session.at("Timelock", addresses["Timelock"])
    as_timelock(node, session, manifest, timelock.functions.update_delay(5 * 86_400))
    buyback = session.at("Buyback", addresses["Buyback"]).functions
    as_timelock(node, session, manifest, buyback.set_operator(OTHER))
    commission = session.at("Commission", addresses["Commission"]).functions
    as_timelock(node, session, manifest, commission.set_guardian(OTHER))
    as_timelock(node, session, manifest, commission.propose_shares((2_500, 7_000, [(OTHER, 500)])))
    node.advance(7 * 86_400)
    session.send(commission.apply_shares())
    report = verify(session, manifest)
    assert report.is_clean
    for start in (
        f"Buyback: operator is {OTHER} now",
        f"Commission: guardian is {OTHER} now",
        f"Commission: shares are [2500, 7000, [('{OTHER}', 500)]] now, deployed with [5000, 5000, ",
    ):
        assert any(note.startswith(start) for note in report.notes), start
    assert any(
        note.startswith(f"CharityRegistry: registrar is {OTHER} now") for note in report.notes
    )
    assert any(note.startswith("Timelock: the delay is 432000 s now") for note in report.notes)


def test_a_role_of_the_deployer_is_found(session: Session, node: Anvil, manifest: Manifest) -> None:
    addresses = manifest.addresses
    giving = session.at("Giving", addresses["Giving"])
    as_timelock(node, session, manifest, giving.functions.set_operations(manifest.deployer))
    timelock = session.at("Timelock", addresses["Timelock"])
    role = timelock.functions.PROPOSER_ROLE().call()
    as_timelock(node, session, manifest, timelock.functions.grantRole(role, manifest.deployer))
    findings = verify(session, manifest).findings
    assert any("operations" in finding and "is the deployer" in finding for finding in findings)
    assert any("PROPOSER, deployer" in finding for finding in findings)
