"""Deploys by a plan, one transaction after the other, and goes on where it stopped.

deployment = Deployment(session, network_of(session.chain_id), manifest_path(session.chain_id))
plan = deployment.plan()        # looks, sends nothing
manifest = deployment.run(plan)
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.types import StateOverride, StateOverrideParams, TxParams

from donablock.chain.artifacts import Artifact, artifact
from donablock.chain.manifest import Abandoned, Entry, Manifest, read_manifest
from donablock.chain.network_checks import check_exchange, check_tokens
from donablock.chain.networks import Network, check_signer
from donablock.chain.plan import (
    TEST_TOKEN,
    Placement,
    Plan,
    Step,
    addresses_of,
    check_receivers,
    created_address,
    place,
    steps_of,
)
from donablock.chain.session import GAS_MARGIN, Session, ask
from donablock.errors import (
    ChainError,
    DeployError,
    FundsError,
    ManifestError,
    NotMinedError,
    ReplacedError,
    WrongChainError,
)
from donablock.settings import settings

# EIP-3860 and the yellow paper: what a creation costs besides running its constructor
_FAR_NONCE = 1 << 40
# how often a transaction's receipt is looked for once its number is taken
_LOOKS = 6
_CREATION_GAS, _CODE_BYTE_GAS, _DATA_BYTE_GAS, _WORD_GAS = 53_000, 200, 16, 2


def _silent(message: str) -> None:
    """Says nothing."""


class Deployment:
    """One deployer's deployment on one chain, kept in one manifest."""

    def __init__(
        self,
        session: Session,
        network: Network,
        path: Path,
        *,
        say: Callable[[str], None] = _silent,
    ) -> None:
        """say: is told one line per step."""
        if session.chain_id not in network.chain_ids:
            raise WrongChainError(network.chain_id, session.chain_id)
        self._session = session
        self._w3 = session.w3
        self._network = network
        self._path = path
        self._say = say
        self._deployer = to_checksum_address(session.address)
        self._manifest: Manifest | None = None

    # --- looking ------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """What is there, what is missing, and what it will cost. Sends nothing.

        Raises NetworkFileError, TestAccountError, ManifestError, FundsError, NodeError.
        """
        check_signer(self._network, self._deployer)
        self._manifest = self._read()
        if self._manifest is None:
            network = self._started(self._network)
        else:
            network = self._manifest.inputs
        network.check_roles(self._deployer)
        ask(lambda: check_tokens(self._w3, network))
        ask(lambda: check_exchange(self._w3, network))
        steps = steps_of(network)
        there = self._there(steps)
        latest = self._nonce("latest")
        if self._nonce("pending") != latest:
            raise DeployError(
                f"{self._deployer} has transactions that are in no block yet; wait for them, then "
                "run this again"
            )
        placements = place(steps, self._deployer, latest, there)
        check_receivers(network, addresses_of(placements))
        done = frozenset(name for name in there if placements[name] == there[name][0])
        old = self._manifest.addresses if self._manifest is not None else {}
        moved = tuple(
            step.name
            for step in steps
            if step.name in old and old[step.name] != placements[step.name].address
        )
        gas = self._estimates(steps, placements, done)
        fees = self._session.fees()
        return Plan(
            network=network,
            chain_id=self._session.chain_id,
            deployer=self._deployer,
            steps=tuple(steps),
            placements=placements,
            done=done,
            gas=gas,
            fee_per_gas=int(fees.get("maxFeePerGas", fees.get("gasPrice", 0))),
            balance=self._session.balance(),
            moved=moved,
        )

    def _started(self, network: Network) -> Network:
        """With the start of the vesting fixed for good: it is an argument, and must not move."""
        if network.vesting_start is not None:
            return network
        return network.model_copy(update={"vesting_start": self._session.now})

    def _read(self) -> Manifest | None:
        """The manifest, if this deployment has begun. ManifestError where it cannot go on."""
        if not self._path.exists():
            return None
        manifest = read_manifest(self._path)
        name = self._path.name
        if manifest.chain_id != self._session.chain_id:
            raise ManifestError(
                f"{name} is of chain {manifest.chain_id}, and the node is on "
                f"{self._session.chain_id}; restore the right file, or move it away"
            )
        if manifest.genesis != self._genesis():
            if self._network.is_public:
                raise ManifestError(
                    f"{name} is of another chain with the same id {manifest.chain_id} (another "
                    "first block); check the node, or move the file away"
                )
            # a local chain that is gone: its manifest is kept beside, in case somebody misses it
            self._path.replace(self._path.with_suffix(".old.json"))
            self._say(f"{name} was of a local chain that is gone; it is now beside, as .old.json")
            return None
        if manifest.deployer != self._deployer:
            raise ManifestError(
                f"{name} was begun by {manifest.deployer}, and this is {self._deployer}; use that "
                "account, or move the file away to deploy anew"
            )
        self._compare(manifest)
        return manifest

    def _compare(self, manifest: Manifest) -> None:
        """The manifest must be of the same inputs, and agree with itself."""
        kept = manifest.inputs.model_dump(mode="json")
        asked = self._network.model_dump(mode="json")
        if self._network.vesting_start is None:
            asked["vesting_start"] = kept["vesting_start"]
        differences = sorted(key for key in kept if kept[key] != asked[key])
        if differences:
            raise ManifestError(
                f"{self._path.name} was begun with other values of {', '.join(differences)} than "
                "the network file (and --roles) have now; use those again, or move it away"
            )
        steps = steps_of(manifest.inputs)
        check_entries(manifest, steps, self._path.name)

    def _genesis(self) -> str:
        return "0x" + bytes(ask(lambda: self._w3.eth.get_block(0))["hash"]).hex()

    def _nonce(self, at: str) -> int:
        tag: Any = at
        return int(ask(lambda: self._w3.eth.get_transaction_count(self._deployer, tag)))

    def _there(self, steps: list[Step]) -> dict[str, tuple[Placement, bytes]]:
        """What is on the chain already, after waiting for what is on its way."""
        manifest = self._manifest
        if manifest is None:
            return {}
        found: dict[str, tuple[Placement, bytes]] = {}
        for step in steps:
            entry = manifest.contracts[step.name]
            if entry.status != "planned":
                self._settle(step.name, entry)
            if self._is_there(step.name, entry):
                address = to_checksum_address(entry.address)
                found[step.name] = (Placement(entry.nonce, address), entry.constructor_bytes)
        return found

    def _settle(self, name: str, entry: Entry) -> None:
        """Waits for a transaction that the node knows and no block has."""
        sent = entry.transaction
        if sent is None or self._session.receipt(sent) is not None:
            return
        try:
            ask(lambda: self._w3.eth.get_transaction(sent))  # type: ignore[arg-type]
        except ChainError:
            return  # it never arrived, or another one took its nonce
        self._say(f"{name}: waiting for {sent}")
        try:
            self._session.wait(sent, name)
        except NotMinedError:
            raise
        except ChainError:
            return  # it failed there: to be created again

    def _is_there(self, name: str, entry: Entry) -> bool:
        code = bytes(ask(lambda: self._w3.eth.get_code(to_checksum_address(entry.address))))
        if not code:
            if entry.status == "done":
                self._say(f"{name} is no longer at {entry.address}: its block was taken back")
            return False
        found = artifact(name)
        if found.integrity != entry.integrity:
            commit = self._manifest.source_commit if self._manifest is not None else ""
            raise DeployError(
                f"{name} is deployed, and its source has changed since; go back to the source of "
                f"{commit[:12]} to go on, or move {self._path.name} away to deploy all anew"
            )
        if found.blanked(code) != found.blank:
            raise ManifestError(
                f"{name}: at {entry.address} there is other code than its source makes; "
                f"{self._path.name} has been edited, or is of another chain"
            )
        return True

    def _estimates(
        self, steps: list[Step], placements: dict[str, Placement], done: frozenset[str]
    ) -> dict[str, int]:
        """Gas per contract that is missing, the margin included."""
        addresses = addresses_of(placements)
        pretended = self._pretended(steps, placements, done)
        gas: dict[str, int] = {}
        for step in steps:
            if step.name in done:
                continue
            found = step.artifact
            data = found.creation + step.constructor(addresses)
            transaction: TxParams = {"from": self._deployer, "data": Web3.to_hex(data)}
            estimate = self._estimate(transaction, pretended, found)
            gas[step.name] = estimate + estimate * GAS_MARGIN // 100
        return gas

    def _estimate(self, transaction: TxParams, pretended: StateOverride, found: Artifact) -> int:
        """By the node; where it cannot (it takes no overrides), by what the code's size costs."""
        w3 = self._w3
        try:
            if not pretended:
                return int(ask(lambda: w3.eth.estimate_gas(transaction)))
            return int(ask(lambda: w3.eth.estimate_gas(transaction, "pending", pretended)))
        except FundsError:
            raise
        except (ChainError, TypeError):  # the latter: ape's test provider knows no overrides
            data = len(str(transaction["data"])) // 2 - 1
            words = (data + 31) // 32
            return (
                _CREATION_GAS
                + data * _DATA_BYTE_GAS
                + words * _WORD_GAS
                + found.size * _CODE_BYTE_GAS
            )

    def _pretended(
        self, steps: list[Step], placements: dict[str, Placement], done: frozenset[str]
    ) -> StateOverride:
        """What later constructors ask before it exists: tokens for decimals, supply or an approval,
        the campaigns' code."""
        network, names = self._network, {step.name for step in steps} - done
        backing = next((t.decimals for t in network.tokens if t.symbol == network.backing), None)
        if backing is None:
            backing = network.test_token.decimals if network.test_token is not None else 18
        answers = {TEST_TOKEN: backing, "DonaBlock": 18, "DonaGive": backing}
        # the factory only asks whether there is any code
        answers["Campaign"] = 1
        if not names & set(answers):
            return {}
        # a far nonce, so that no trial creation comes to an address that is pretended below
        pretended: StateOverride = {self._deployer: StateOverrideParams(nonce=_FAR_NONCE)}
        for name in names & set(answers):
            code: Any = _answers(answers[name])
            pretended[placements[name].address] = StateOverrideParams(code=code)
        return pretended

    # --- doing --------------------------------------------------------------------------------

    def run(self, plan: Plan) -> Manifest:
        """Creates what the plan says is missing; each step is in the manifest before it is sent.

        Raises FundsError before anything is sent. Whatever else is raised, running again with a
        new plan goes on: DeployError, ReplacedError (a foreign transaction came between),
        NotMinedError, NodeError, SignerError.
        """
        if plan.missing and plan.balance < plan.cost:
            coin = plan.network.native.symbol
            raise FundsError(
                f"{plan.deployer} has {_coins(plan.balance)} {coin}, and up to {_coins(plan.cost)} "
                f"{coin} may be needed; send it the difference, then run this again"
            )
        manifest = self._record(plan)
        for number, step in enumerate(plan.missing, 1):
            entry = manifest.contracts[step.name]
            self._say(f"[{number}/{len(plan.missing)}] {step.name} at {entry.address}")
            self._create(manifest, step, plan)
        self._confirm(manifest)
        manifest.status = "complete"
        manifest.save(self._path)
        self._manifest = manifest
        return manifest

    def _record(self, plan: Plan) -> Manifest:
        """The manifest with everything planned, written before the first transaction."""
        commit, is_clean = source_commit(settings().root)
        old = self._manifest
        abandoned = list(old.abandoned) if old is not None else []
        contracts: dict[str, Entry] = {}
        compiler = ""
        for step in plan.steps:
            placement, found = plan.placements[step.name], step.artifact
            compiler = compiler if found.is_packaged else found.compiler
            before = old.contracts[step.name] if old is not None else None
            if before is not None and before.address == placement.address:
                if step.name in plan.done:
                    before.status = "done"
                    self._complete(before)
                contracts[step.name] = before
                continue
            if before is not None and before.status != "planned":
                abandoned.append(
                    Abandoned(
                        name=step.name,
                        address=before.address,
                        nonce=before.nonce,
                        transaction=before.transaction,
                    )
                )
            contracts[step.name] = _entry(step, placement, plan.addresses)
        manifest = Manifest(
            chain_id=plan.chain_id,
            network=plan.network.name,
            genesis=self._genesis(),
            deployer=plan.deployer,
            source_commit=old.source_commit if old is not None and plan.done else commit,
            source_is_clean=old.source_is_clean if old is not None and plan.done else is_clean,
            compiler=compiler,
            inputs=plan.network,
            contracts=contracts,
            abandoned=abandoned,
        )
        for step in plan.steps:
            manifest.describe(step.name, step.artifact)
        manifest.save(self._path)
        return manifest

    def _complete(self, entry: Entry) -> None:
        """Fills in the block of a transaction that was mined while nobody looked."""
        if entry.transaction is not None:
            receipt = self._session.receipt(entry.transaction)
            entry.block = int(receipt["blockNumber"]) if receipt is not None else entry.block

    def _create(self, manifest: Manifest, step: Step, plan: Plan) -> None:
        entry, session = manifest.contracts[step.name], self._session
        self._expect(entry)
        data = step.artifact.creation + entry.constructor_bytes
        transaction: TxParams = {"from": self._deployer, "data": Web3.to_hex(data)}
        filled = session.fill(transaction, f"creating {step.name}", nonce=entry.nonce)
        raw = session.sign(filled)
        # intent before act: whatever happens from here on, the next run knows what to look for
        entry.status, entry.transaction = "sent", Web3.to_hex(Web3.keccak(raw))
        manifest.save(self._path)
        session.broadcast(raw, f"creating {step.name}")
        receipt = self._await(entry, step.name)
        if receipt.get("contractAddress") != entry.address:
            raise DeployError(
                f"{step.name} came to {receipt.get('contractAddress')} instead of {entry.address}; "
                "is this node on another kind of chain?"
            )
        entry.status, entry.block = "done", int(receipt["blockNumber"])
        manifest.save(self._path)

    def _expect(self, entry: Entry) -> None:
        nonce = self._nonce("pending")
        if nonce != entry.nonce:
            raise ReplacedError(
                f"{self._deployer} has sent another transaction meanwhile (next number {nonce}, "
                f"planned {entry.nonce}); run this again: what it moved is planned anew, what is "
                "deployed stays where it can. Use an account that nothing else uses"
            )

    def _await(self, entry: Entry, name: str) -> Any:
        """Waits for the transaction, and notices when another one took its nonce."""
        session, sent = self._session, entry.transaction
        assert sent is not None
        deadline = time.monotonic() + settings().transaction_timeout
        pause, missed = 0.02, 0
        while True:
            receipt = session.receipt(sent)
            if receipt is not None:
                if receipt["status"] == 1:
                    return receipt
                session.wait(sent, f"creating {name}")  # raises, with the reason
            if self._nonce("latest") > entry.nonce and session.receipt(sent) is None:
                # a node may count a transaction a moment before it shows the receipt
                missed += 1
                if missed == _LOOKS:
                    raise ReplacedError(
                        f"another transaction took number {entry.nonce} of {self._deployer} before "
                        f"{name} was created; run this again"
                    )
            if time.monotonic() > deadline:
                raise NotMinedError(sent)
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    def _confirm(self, manifest: Manifest) -> None:
        """Until the last block of the deployment is deep enough that it will stay."""
        last = max((entry.block or 0 for entry in manifest.contracts.values()), default=0)
        target, pause = last + self._session.confirmations, 0.1
        deadline = time.monotonic() + settings().transaction_timeout
        while int(ask(lambda: self._w3.eth.block_number)) < target:
            if time.monotonic() > deadline:
                raise DeployError(
                    f"everything is created, and block {target} does not come (the last has to be "
                    f"{self._session.confirmations} deep); run this again later"
                )
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
        for name, entry in manifest.contracts.items():
            if not self._is_there(name, entry):
                raise DeployError(f"{name} is gone again: its block was taken back; run this again")


def check_entries(manifest: Manifest, steps: list[Step], name: str) -> None:
    """Raises ManifestError, naming the contract, where the manifest disagrees with itself."""
    if list(manifest.contracts) != [step.name for step in steps]:
        raise ManifestError(
            f"{name} has {', '.join(manifest.contracts)}, and this source deploys "
            f"{', '.join(step.name for step in steps)}; use the source of "
            f"{manifest.source_commit[:12]}, or move the file away"
        )
    addresses = manifest.addresses
    for step in steps:
        entry = manifest.contracts[step.name]
        told = f"{name} has been edited: {step.name}"
        mend = "restore the file (`git log -- deployments`)"
        if created_address(manifest.deployer, entry.nonce) != entry.address:
            raise ManifestError(
                f"{told} cannot be at {entry.address}: the deployer's transaction {entry.nonce} "
                f"makes {created_address(manifest.deployer, entry.nonce)}; {mend}"
            )
        if _readable(step.resolved(addresses)) != entry.arguments:
            raise ManifestError(f"{told} has other arguments than its inputs give; {mend}")
        if step.constructor(addresses) != entry.constructor_bytes:
            raise ManifestError(f"{told} has another `constructor` than its arguments give; {mend}")


def _entry(step: Step, placement: Placement, addresses: dict[str, Any]) -> Entry:
    return Entry(
        address=placement.address,
        nonce=placement.nonce,
        arguments=_readable(step.resolved(addresses)),
        constructor=Web3.to_hex(step.constructor(addresses)),
        path=step.artifact.path,
        integrity=step.artifact.integrity,
        sources=[],
        compiler_settings={},
    )


def _readable(arguments: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives them back."""
    found: dict[str, Any] = json.loads(json.dumps(arguments))
    return found


def _answers(number: int) -> str:
    """Code that answers a question without arguments with this number, and any other call with 1,
    as a token answers an approval: n - (n - 1) * (CALLDATASIZE > 4), MSTORE, RETURN 32 bytes."""
    return f"0x3660041060{number - 1:02x}0260{number:02x}0360005260206000f3"


def _coins(wei: int) -> str:
    whole, part = divmod(wei, 10**18)
    return f"{whole}.{part:018d}"[: len(str(whole)) + 7]


def source_commit(root: Path) -> tuple[str, bool]:
    """(commit, whether contracts/ and interfaces/ are as committed); ("", False) without git."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", "contracts", "interfaces")
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return commit, not changed


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
