"""A deployment ends the same whatever happens in the middle, and refuses what cannot end well."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from web3.types import TxReceipt

from donablock.chain.deploy import Deployment
from donablock.chain.keys import LocalSigner
from donablock.chain.manifest import Manifest, load_manifest, read_manifest
from donablock.chain.networks import Commission, Network, Receiver, network_of
from donablock.chain.node import Anvil
from donablock.chain.plan import (
    FACTORY,
    OURS,
    ROUTER,
    TEST_TOKEN,
    WRAPPED,
    check_receivers,
    created_address,
)
from donablock.chain.session import Session
from donablock.chain.verify import verify
from donablock.errors import (
    DeployError,
    FundsError,
    ManifestError,
    NetworkFileError,
    NodeError,
    ReplacedError,
    TestAccountError,
    WrongChainError,
)

pytestmark = pytest.mark.anvil

STEPS = (TEST_TOKEN, WRAPPED, FACTORY, ROUTER, *OURS)
Deploy = Callable[[Session], Manifest]


class PowerCut(Exception):
    """The process is gone."""


class Doomed(Session):
    """Dies at its transaction number `fatal`: before it leaves, after, or when the node is lost."""

    def __init__(self, session: Session, fatal: int, when: str) -> None:
        super().__init__(session.w3, session.chain_id, session.signer)
        self._left, self._when = fatal, when

    def broadcast(self, raw: bytes, name: str = "the transaction") -> str:
        self._left -= 1
        if self._left:
            return super().broadcast(raw, name)
        if self._when == "before it is sent":
            raise PowerCut
        if self._when == "node drops":
            raise NodeError("the node does not answer")
        super().broadcast(raw, name)
        raise PowerCut


def test_everything_is_deployed_where_it_was_predicted_and_verifies(
    session: Session, network: Network, manifest_file: Path
) -> None:
    deployment = Deployment(session, network, manifest_file)
    plan = deployment.plan()
    predicted = plan.addresses
    assert not manifest_file.exists(), "a plan writes nothing"
    assert session.next_nonce() == 0, "a plan sends nothing"
    manifest = deployment.run(plan)
    assert manifest.addresses == predicted
    assert session.next_nonce() == len(STEPS), "nothing else was sent"
    report = verify(session, manifest)
    assert report.findings == [] and report.notes == []
    assert load_manifest(31337, manifest_file) == manifest


def test_what_was_estimated_pays_for_what_is_used(
    session: Session, network: Network, manifest_file: Path
) -> None:
    deployment = Deployment(session, network, manifest_file)
    plan = deployment.plan()
    manifest = deployment.run(plan)
    for name, entry in manifest.contracts.items():
        receipt = session.receipt(str(entry.transaction))
        assert receipt is not None
        assert receipt["gasUsed"] <= plan.gas[name] <= receipt["gasUsed"] * 13 // 10, name


def test_a_finished_deployment_has_nothing_left_to_do(
    session: Session, network: Network, manifest_file: Path, deploy: Deploy
) -> None:
    manifest = deploy(session)
    plan = Deployment(session, network, manifest_file).plan()
    assert plan.is_complete and plan.missing == [] and plan.cost == 0
    assert deploy(session) == manifest
    assert session.next_nonce() == len(STEPS)


@pytest.mark.parametrize(
    "fatal, when",
    [(fatal, "after it is sent") for fatal in range(1, len(STEPS) + 1)]
    + [(fatal, when) for fatal in (1, 6, 10) for when in ("before it is sent", "node drops")],
)
def test_it_goes_on_after_a_crash_at_any_transaction(
    session: Session, deploy: Deploy, network: Network, manifest_file: Path, fatal: int, when: str
) -> None:
    predicted = Deployment(session, network, manifest_file).plan().addresses
    with pytest.raises((PowerCut, NodeError)):
        deploy(Doomed(session, fatal, when))
    begun = read_manifest(manifest_file)
    assert begun.contracts[STEPS[fatal - 1]].status == "sent", "intent is written before the act"
    manifest = deploy(session)
    assert manifest.addresses == predicted
    assert session.next_nonce() == len(STEPS), "nothing was sent twice"
    assert verify(session, manifest).findings == []


# The registry refuses all our addresses as payees; these name the registry.
FROM_REGISTRY = {"CharityRegistry", "DonaGive", "ReceiptBook", "Giving", "IndexFunds"}
# The reserve names commission and buyback, and these name the reserve, or what names it.
FROM_RESERVE = {"EcosystemReserve", "Vesting", "DonaBlock"}

# What was told an address that cannot come true any more is deployed again, and nothing else. By
# hand, from who names whom in the constructors: a row is the number of contracts there before the
# foreign transaction, and those among them that have to be replaced.
MISLED = {
    0: set(),
    1: set(),
    2: set(),
    3: set(),
    4: set(),
    5: set(),
    6: {"EcosystemReserve"},
    7: {"EcosystemReserve", "Vesting"},
    8: FROM_RESERVE,
    9: FROM_RESERVE | {"DividendPool"},
    10: FROM_RESERVE | {"DividendPool", "Commission"},
    11: set(),
    12: {"CharityRegistry"},
    13: {"CharityRegistry", "DonaGive"},
    14: {"CharityRegistry", "DonaGive", "ReceiptBook"},
    15: {"CharityRegistry", "DonaGive", "ReceiptBook", "Giving"},
    16: FROM_REGISTRY,
    17: FROM_REGISTRY | {"Campaign"},
    18: FROM_REGISTRY | {"Campaign", "CampaignFactory"},
}


@pytest.mark.parametrize("there", MISLED)
def test_a_foreign_transaction_moves_only_what_named_an_address_it_took(
    session: Session, deploy: Deploy, manifest_file: Path, there: int
) -> None:
    with pytest.raises(PowerCut):
        deploy(Doomed(session, there + 1, "before it is sent"))
    begun = read_manifest(manifest_file)
    session.send_coin(LocalSigner.test_account(9).address, 1)
    manifest = deploy(session)
    assert {gone.name for gone in manifest.abandoned if gone.nonce < there} == MISLED[there]
    kept = set(STEPS[:there]) - MISLED[there]
    for name in kept:
        assert manifest.contracts[name].address == begun.contracts[name].address
    assert session.next_nonce() == there + 1 + len(STEPS) - len(kept)
    assert verify(session, manifest).findings == []


def test_a_foreign_transaction_while_it_runs_stops_it_before_harm(
    session: Session, deploy: Deploy
) -> None:
    class Hurried(Session):
        """Its owner sends something else after the third contract."""

        def broadcast(self, raw: bytes, name: str = "the transaction") -> str:
            sent = super().broadcast(raw, name)
            if self.next_nonce() == 3:
                session.send_coin(LocalSigner.test_account(9).address, 1)
            return sent

    with pytest.raises(ReplacedError, match="run this again"):
        deploy(Hurried(session.w3, session.chain_id, session.signer))
    assert verify(session, deploy(session)).findings == []


def test_a_receipt_that_comes_after_its_block_is_waited_for(
    session: Session, deploy: Deploy
) -> None:
    class Late(Session):
        """Its node counts a transaction before it shows the receipt."""

        asked: Counter[str] = Counter()

        def receipt(self, sent: str) -> TxReceipt | None:
            self.asked[sent] += 1
            return super().receipt(sent) if self.asked[sent] > 4 else None

    manifest = deploy(Late(session.w3, session.chain_id, session.signer))
    assert session.next_nonce() == len(STEPS), "nothing was sent twice"
    assert verify(session, manifest).findings == []


def test_a_transaction_that_another_one_replaced_is_given_up(
    session: Session, deploy: Deploy
) -> None:
    class Replaced(Session):
        """Somebody with the same key is faster, once."""

        def broadcast(self, raw: bytes, name: str = "the transaction") -> str:
            if self.next_nonce() == 2:
                session.send_coin(LocalSigner.test_account(9).address, 1)
                return "0x" + "00" * 32
            return super().broadcast(raw, name)

    with pytest.raises(ReplacedError, match="another transaction took number 2 of .*UniswapV2F"):
        deploy(Replaced(session.w3, session.chain_id, session.signer))
    assert verify(session, deploy(session)).findings == []


def test_a_creation_that_failed_is_repeated(session: Session, deploy: Deploy) -> None:
    class Stingy(Session):
        """Gives the creation of Vesting too little gas."""

        def fill(self, transaction: Any, name: str, gas: Any = None, nonce: Any = None) -> Any:
            filled = super().fill(transaction, name, gas, nonce)
            return {**filled, "gas": 600_000} if nonce == STEPS.index("Vesting") else filled

    with pytest.raises(Exception, match="creating Vesting was refused"):
        deploy(Stingy(session.w3, session.chain_id, session.signer))
    manifest = deploy(session)
    assert manifest.contracts["Vesting"].nonce > STEPS.index("Vesting")
    assert verify(session, manifest).findings == []


def test_transactions_on_their_way_are_waited_for(
    session: Session, node: Anvil, deploy: Deploy
) -> None:
    node.request("evm_setAutomine", False)
    try:
        transaction: Any = {"from": session.address, "to": session.address, "value": 1}
        session.broadcast(session.sign(session.fill(transaction, "a transfer", 21_000)))
        with pytest.raises(DeployError, match="transactions that are in no block yet"):
            deploy(session)
    finally:
        node.request("evm_setAutomine", True)
        node.mine()


def test_an_account_without_money_is_told_how_much_it_needs(
    session: Session, node: Anvil, deploy: Deploy, manifest_file: Path
) -> None:
    node.set_balance(session.address, 10**12)
    with pytest.raises(FundsError, match=r"has 0\.000001 ETH, and up to 0\.\d+ ETH may be needed"):
        deploy(session)
    assert not manifest_file.exists()


def test_a_local_chain_that_is_gone_leaves_its_manifest_beside(
    session: Session, deploy: Deploy, manifest_file: Path
) -> None:
    deploy(session)
    with Anvil(timestamp=1_810_000_000) as other:
        manifest = deploy(Session(other.w3, 31337, session.signer))
        assert manifest.status == "complete"
    assert manifest_file.with_suffix(".old.json").exists()


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_manifest_that_is_cut_off_is_refused(
    session: Session, deploy: Deploy, manifest_file: Path
) -> None:
    deploy(session)
    manifest_file.write_text(manifest_file.read_text()[:5_000])
    with pytest.raises(ManifestError, match=r"31337\.json is cut off or not JSON.*restore it"):
        deploy(session)


def test_a_manifest_of_another_chain_is_refused(
    session: Session, deploy: Deploy, manifest_file: Path
) -> None:
    deploy(session)
    edited(manifest_file, lambda data: data.update(chain_id=97))
    with pytest.raises(ManifestError, match="is of chain 97, and the node is on 31337"):
        deploy(session)
    with pytest.raises(ManifestError, match="is of chain 97, not of 31337"):
        load_manifest(31337, manifest_file)


def test_an_unfinished_deployment_is_not_used(
    session: Session, deploy: Deploy, manifest_file: Path
) -> None:
    with pytest.raises(PowerCut):
        deploy(Doomed(session, 4, "after it is sent"))
    with pytest.raises(ManifestError, match="is not finished; run `ape run deploy` again"):
        load_manifest(31337, manifest_file)


def test_another_account_cannot_go_on(session: Session, deploy: Deploy) -> None:
    with pytest.raises(PowerCut):
        deploy(Doomed(session, 4, "after it is sent"))
    with pytest.raises(ManifestError, match=f"was begun by {session.address}"):
        deploy(session.as_(LocalSigner.test_account(15)))


def test_other_inputs_than_it_began_with_are_refused(
    session: Session, network: Network, manifest_file: Path, deploy: Deploy
) -> None:
    with pytest.raises(PowerCut):
        deploy(Doomed(session, 4, "after it is sent"))
    delays = network.delays.model_copy(update={"payee": 3_600})
    other = network.model_copy(update={"delays": delays})
    with pytest.raises(ManifestError, match="begun with other values of delays"):
        Deployment(session, other, manifest_file).plan()


@pytest.mark.parametrize(
    "field, value", [("address", created_address("0x" + "11" * 20, 1)), ("nonce", 99)]
)
def test_an_edited_manifest_is_refused_by_name(
    session: Session, deploy: Deploy, manifest_file: Path, field: str, value: Any
) -> None:
    deploy(session)
    edited(manifest_file, lambda data: data["contracts"]["Giving"].update({field: value}))
    with pytest.raises(ManifestError, match="has been edited: Giving|edited: CharityRegistry"):
        deploy(session)


def test_the_wrong_node_is_refused(session: Session, manifest_file: Path) -> None:
    with pytest.raises(WrongChainError, match="the node is on chain 31337, but chain 97 was asked"):
        Deployment(session, network_of(97), manifest_file)
    with pytest.raises(WrongChainError):
        Session(session.w3, 97)


def test_a_test_account_is_refused_on_a_public_network(tmp_path: Path) -> None:
    with Anvil(chain_id=97) as node:
        session = Session(node.w3, 97, LocalSigner.test_account(0))
        with pytest.raises(
            TestAccountError, match="everybody has its key, and bsc-testnet is public"
        ):
            Deployment(session, network_of(97), tmp_path / "97.json").plan()


def test_roles_have_to_be_filled_in(tmp_path: Path) -> None:
    with Anvil(chain_id=97) as node:
        session = Session(node.w3, 97, LocalSigner.random())
        with pytest.raises(
            NetworkFileError, match=r"roles not filled in: .*registrar.*--roles FILE"
        ):
            Deployment(session, network_of(97), tmp_path / "97.json").plan()


def test_a_receipt_has_the_block(session: Session, deploy: Deploy) -> None:
    manifest = deploy(session)
    for entry in manifest.contracts.values():
        receipt: TxReceipt | None = session.receipt(str(entry.transaction))
        assert receipt is not None and receipt["blockNumber"] == entry.block
    # a busy anvil may mine an empty block before it
    assert manifest.first_block == manifest.contracts[STEPS[0]].block


def test_a_node_that_is_gone_is_named(tmp_path: Path, network: Network) -> None:
    with Anvil() as node:
        session = Session(node.w3, 31337, LocalSigner.test_account(0))
        node.kill()
        with pytest.raises(NodeError, match="the node does not answer .* and run this again"):
            Deployment(session, network, tmp_path / "31337.json").plan()


@pytest.mark.parametrize("name", ["Commission", "DonaBlock", "DividendPool"])
def test_commission_is_not_shared_with_what_cannot_pay_it_out(
    session: Session, network: Network, manifest_file: Path, name: str
) -> None:
    """Whoever has seen a plan knows these addresses before they are."""
    address = Deployment(session, network, manifest_file).plan().addresses[name]
    with pytest.raises(NetworkFileError, match=f"{address} is {name} itself"):
        Deployment(session, shared(network, address), manifest_file).plan()
    assert session.next_nonce() == 0 and not manifest_file.exists()


def test_receivers_of_commission_are_deployed_and_verified(
    session: Session, network: Network, manifest_file: Path
) -> None:
    other = LocalSigner.test_account(19).address
    chosen = shared(network, "EcosystemReserve", other)
    deployment = Deployment(session, chosen, manifest_file)
    plan = deployment.plan()
    manifest = deployment.run(plan)
    at = manifest.addresses
    check_receivers(chosen, at)
    burn, dividends, receivers = (
        session.at("Commission", at["Commission"]).functions.shares().call()
    )
    assert (burn, dividends) == (5_000, 2_500)
    assert [tuple(one) for one in receivers] == [(at["EcosystemReserve"], 1_250), (other, 1_250)]
    shown = {power.holders: power.can for power in plan.powers}
    assert shown[at["EcosystemReserve"],] == shown[other,] == "gets 12.50 % of commission"
    # only the network file is another one than this deployment's
    (finding,) = verify(session, manifest).findings
    assert finding.startswith("network file local: commission: ")


def shared(network: Network, *accounts: str) -> Network:
    """The network with a quarter of the commission for these accounts."""
    receivers = tuple(Receiver(account=one, share=2_500 // len(accounts)) for one in accounts)
    commission = Commission(burn_share=5_000, dividend_share=2_500, receivers=receivers)
    return network.model_copy(update={"commission": commission})
