"""Is what is on chain what the manifest says? Recompiles, and believes neither.

For each contract: the manifest agrees with itself and with the source; the transaction that created
it carried this code and these arguments; the code there now is the source's, with the immutables
these arguments give; and what the contracts say of each other and of the roles is as planned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak
from web3 import Web3

from donablock.chain.amounts import NATIVE
from donablock.chain.artifacts import Artifact, Immutable
from donablock.chain.deploy import check_entries
from donablock.chain.manifest import Entry, Manifest
from donablock.chain.network_checks import check_exchange, check_tokens
from donablock.chain.networks import BENEFICIARIES, network_of
from donablock.chain.plan import (
    FACTORY,
    OURS,
    ROUTER,
    TEST_TOKEN,
    WRAPPED,
    Step,
    market_of,
    steps_of,
)
from donablock.chain.session import Session, ask
from donablock.errors import ChainError, DonaBlockError, NodeError, VerifyError

_EIP712 = "erc20.eip712_domain_separator."
_DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_TAKING = ("Giving", "IndexFunds", "CampaignFactory", "ImpactFund")
"""What has a list of the assets it takes."""
_DEFLATION = ("DividendPool", "Commission", "Buyback")
_GUARDED = ("CharityRegistry", "IndexFunds", "CampaignFactory", "ImpactFund", *_DEFLATION)
"""What has a guardian."""


@dataclass
class Report:
    """findings: what is wrong; notes: what changed since, as it may; checks: how many passed."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.findings

    def expect(self, what: str, found: Any, expected: Any) -> bool:
        """Counts it, or notes the difference."""
        if found == expected:
            self.checks += 1
            return True
        self.findings.append(f"{what}: {_short(found)}, expected {_short(expected)}")
        return False


def verify(
    session: Session, manifest: Manifest, *, say: Callable[[str], None] | None = None
) -> Report:
    """Compares everything; sends nothing. Raises NodeError only, the rest is in the report."""
    return _Verifier(session, manifest, say or (lambda _: None)).run()


def ensure(session: Session, manifest: Manifest) -> Report:
    """The report, or VerifyError with what is wrong."""
    report = verify(session, manifest)
    if not report.is_clean:
        raise VerifyError(report.findings)
    return report


class _Verifier:
    def __init__(self, session: Session, manifest: Manifest, say: Callable[[str], None]) -> None:
        self._session = session
        self._w3 = session.w3
        self._manifest = manifest
        self._say = say
        self._report = Report()
        self._addresses = manifest.addresses

    def run(self) -> Report:
        report, manifest = self._report, self._manifest
        if not report.expect("manifest: chain id", self._session.chain_id, manifest.chain_id):
            return report
        genesis = Web3.to_hex(ask(lambda: self._w3.eth.get_block(0))["hash"])
        report.expect("manifest: first block of the chain", genesis, manifest.genesis)
        report.expect("manifest: status", manifest.status, "complete")
        self._inputs()
        try:
            steps = steps_of(manifest.inputs)
            check_entries(manifest, steps, f"{manifest.chain_id}.json")
            report.checks += len(steps)
        except DonaBlockError as error:
            report.findings.append(str(error))
            steps = []
        for step in steps:
            self._say(step.name)
            self._contract(step, manifest.contracts[step.name])
        if not report.findings:
            # they are asked by the ABI, so their code has to be right first
            self._relations()
            self._roles()
            self._deployer_holds_nothing()
        return report

    # --- the manifest, the source, the code ----------------------------------------------------

    def _inputs(self) -> None:
        """The network file may only differ in what is chosen per deployment."""
        report, inputs = self._report, self._manifest.inputs
        try:
            file = network_of(self._manifest.chain_id)
        except DonaBlockError as error:
            report.findings.append(str(error))
            return
        chosen = {"roles", "vesting_start"}
        kept, now = inputs.model_dump(exclude=chosen), file.model_dump(exclude=chosen)
        for key in kept:
            report.expect(f"network file {file.name}: {key}", now[key], kept[key])
        try:
            ask(lambda: check_tokens(self._w3, inputs))
            report.checks += len(inputs.tokens)
            ask(lambda: check_exchange(self._w3, inputs))
            report.checks += inputs.exchange is not None
        except NodeError:
            raise
        except DonaBlockError as error:
            report.findings.append(str(error))

    def _contract(self, step: Step, entry: Entry) -> None:
        report, name, found = self._report, step.name, step.artifact
        report.expect(f"{name}: status", entry.status, "done")
        if not report.expect(f"{name}: source (integrity)", found.integrity, entry.integrity):
            return
        report.expect(f"{name}: path", entry.path, found.path)
        if not found.is_packaged:
            report.expect(f"{name}: compiler", self._manifest.compiler, found.compiler)
            kept = self._manifest.compiler_input(name)
            report.expect(f"{name}: compiler input", kept, found.compiler_input)
        created_at = self._creation(name, entry, found)
        self._code(name, entry, found, created_at)

    def _creation(self, name: str, entry: Entry, found: Artifact) -> int | None:
        """The transaction that created it. Unix time of its block, if it is in one."""
        report, session, sent = self._report, self._session, entry.transaction
        if sent is None:
            report.findings.append(f"{name}: its transaction is not in the manifest")
            return None
        receipt = session.receipt(sent)
        if receipt is None:
            report.findings.append(f"{name}: transaction {sent} is in no block of this chain")
            return None
        report.expect(f"{name}: block", int(receipt["blockNumber"]), entry.block)
        report.expect(f"{name}: outcome of {sent}", receipt["status"], 1)
        report.expect(f"{name}: address made by {sent}", receipt["contractAddress"], entry.address)
        transaction = ask(lambda: self._w3.eth.get_transaction(sent))  # type: ignore[arg-type]
        deployer = to_checksum_address(transaction["from"])
        report.expect(f"{name}: sender of {sent}", deployer, self._manifest.deployer)
        report.expect(f"{name}: number of {sent}", int(transaction["nonce"]), entry.nonce)
        data = bytes(transaction["input"])
        size = len(found.creation)
        report.expect(f"{name}: creation code of {sent}", data[:size], found.creation)
        report.expect(f"{name}: arguments of {sent}", data[size:], entry.constructor_bytes)
        block = ask(lambda: self._w3.eth.get_block(receipt["blockNumber"]))
        return int(block["timestamp"])

    def _code(self, name: str, entry: Entry, found: Artifact, created_at: int | None) -> None:
        """The code there now: the runtime code, and the immutables in or behind it."""
        report, address = self._report, to_checksum_address(entry.address)
        code = bytes(ask(lambda: self._w3.eth.get_code(address)))
        if not report.expect(f"{name}: has code at {entry.address}", bool(code), True):
            return
        if not report.expect(f"{name}: code at {entry.address}", found.blanked(code), found.blank):
            return
        expected = _expected_immutables(name, entry, self._manifest)
        if name == "DividendPool" and created_at is not None:
            expected["START"] = created_at
        for immutable in found.immutables:
            kept = code[immutable.start : immutable.start + immutable.length]
            what = f"{name}: immutable {immutable.name}"
            if immutable.name not in expected:
                report.findings.append(f"{what}: verify.py does not know what it should be")
                continue
            report.expect(what, kept, _stored(immutable, expected[immutable.name]))

    # --- what they say of each other -----------------------------------------------------------

    def _relations(self) -> None:
        inputs = self._manifest.inputs
        at, delays = self._addresses, inputs.delays
        backing = self._token(inputs.backing)
        expect = self._expect
        for name in ("EcosystemReserve", "CharityRegistry", *_DEFLATION, *_TAKING):
            expect(name, "TIMELOCK", at["Timelock"])
        for name in ("DonaGive", "ReceiptBook", "Campaign", *_TAKING):
            expect(name, "REGISTRY", at["CharityRegistry"])
        for name in ("DonaGive", "Campaign", *_DEFLATION, *_TAKING):
            expect(name, "RESERVE", at["EcosystemReserve"])
        for name in ("Giving", "IndexFunds"):
            expect(name, "RECEIPTS", at["ReceiptBook"])
        expect("Campaign", "FACTORY", at["CampaignFactory"])
        expect("CampaignFactory", "IMPLEMENTATION", at["Campaign"])
        expect("EcosystemReserve", "DOBO", at["DonaBlock"])
        for name in ("EcosystemReserve", "Buyback"):
            expect(name, "COMMISSION", at["Commission"])
        expect("EcosystemReserve", "BUYBACK", at["Buyback"])
        expect("Commission", "POOL", at["DividendPool"])
        for name in ("Vesting", "DividendPool", "Commission"):
            expect(name, "TOKEN", at["DonaBlock"])
        expect("Buyback", "DOBO", at["DonaBlock"])
        expect("Buyback", "WRAPPED", market_of(inputs, at).wrapped)
        expect("DividendPool", "MIN_WEIGHT", inputs.dividends.min_weight * 10**18)
        expect("Commission", "SHARE_DELAY", delays.shares)
        if inputs.has_test_exchange:
            expect(ROUTER, "factory", at[FACTORY])
            expect(ROUTER, "WETH", at[WRAPPED])
        expect("Vesting", "START", inputs.vesting_start)
        expect("DonaGive", "BACKING", backing)
        expect("CharityRegistry", "PAYEE_DELAY", delays.payee)
        expect("IndexFunds", "EPOCH_NOTICE", delays.epoch_notice)
        expect("ReceiptBook", "NATIVE_SYMBOL", inputs.native.symbol)
        expect("ReceiptBook", "minters", [at["Giving"], at["IndexFunds"]])
        for name in OURS:
            expect("CharityRegistry", "is_refused", True, at[name], shown=name)
        for host in _TAKING:
            for symbol, address, decimals in self._listed():
                # whether it is listed still may have changed; its decimals may not
                info = self._ask(host, "asset_info", address)
                self._report.expect(f"{host}: decimals of {symbol}", int(info[2]), decimals)
                if not info[0]:
                    self._note(f"{host}: {symbol} is no longer listed")
        total = self._ask("DonaBlock", "totalSupply")
        if total > 2_000_000_000 * 10**18:
            self._report.findings.append(f"DonaBlock: totalSupply {total} is more than was minted")
        expect("DonaBlock", "decimals", 18)
        # the pool draws dividends by itself; how much is left of that varies
        left = int(self._ask("DonaBlock", "allowance", at["Commission"], at["DividendPool"]))
        self._report.expect("DonaBlock: commission lets the pool draw", left > total, True)

    def _listed(self) -> Iterator[tuple[str, str, int]]:
        inputs = self._manifest.inputs
        decimals = {token.symbol: token.decimals for token in inputs.tokens}
        yield from ((token.symbol, token.address, token.decimals) for token in inputs.tokens)
        if inputs.test_token is not None:
            token = inputs.test_token
            decimals[token.symbol] = token.decimals
            yield token.symbol, self._addresses[TEST_TOKEN], token.decimals
        yield "DOBO", self._addresses["DonaBlock"], 18
        yield "GIVE", self._addresses["DonaGive"], decimals[inputs.backing]

    def _token(self, symbol: str) -> str:
        for token in self._manifest.inputs.tokens:
            if token.symbol == symbol:
                return token.address
        return self._addresses[TEST_TOKEN]

    # --- roles ---------------------------------------------------------------------------------

    def _roles(self) -> None:
        """As deployed, or changed since by whom alone could change them: then it is a note."""
        roles, at = self._manifest.inputs.roles, self._addresses
        self._role("CharityRegistry", "registrar", roles.registrar)
        for name in _GUARDED:
            self._role(name, "guardian", roles.guardian)
        self._role("Buyback", "operator", roles.operator)
        self._shares()
        self._role("ImpactFund", "operations", roles.operations)
        self._role("Giving", "operations", roles.operations)
        for index, group in enumerate(BENEFICIARIES):
            self._role("Vesting", "beneficiary", roles.beneficiaries[group], index, group)
        delay = int(self._ask("Timelock", "get_minimum_delay"))
        planned = self._manifest.inputs.delays.timelock
        if delay != planned:
            self._note(f"Timelock: the delay is {delay} s now, deployed with {planned} s")
        else:
            self._report.checks += 1
        role = {name: self._ask("Timelock", f"{name}_ROLE") for name in _TIMELOCK_ROLES}
        self._expect("Timelock", "hasRole", True, role["DEFAULT_ADMIN"], at["Timelock"])
        for holders, names in (
            (roles.proposers, ("PROPOSER", "CANCELLER")),
            (roles.executors, ("EXECUTOR",)),
        ):
            for holder in map(self._resolve, holders):
                for name in names:
                    if self._ask("Timelock", "hasRole", role[name], holder):
                        self._report.checks += 1
                    else:
                        self._note(f"Timelock: {holder} is no longer {name.lower()}")
        # nobody but the timelock itself may be its administrator
        for holder in {self._manifest.deployer, *map(self._resolve, roles.proposers)}:
            if holder != at["Timelock"]:
                expected = False
                self._expect("Timelock", "hasRole", expected, role["DEFAULT_ADMIN"], holder)

    def _shares(self) -> None:
        """Of commission, which the timelock may have changed too."""
        planned = self._manifest.inputs.commission
        receivers = [(self._resolve(one.account), one.share) for one in planned.receivers]
        expected = [planned.burn_share, planned.dividend_share, receivers]
        burn, dividends, found = self._ask("Commission", "shares")
        shares = [burn, dividends, [tuple(one) for one in found]]
        if shares == expected:
            self._report.checks += 1
        else:
            self._note(f"Commission: shares are {shares} now, deployed with {expected}")

    def _role(self, name: str, getter: str, planned: str, *arguments: Any) -> None:
        # the last one is only for people: the name of a vesting group
        *asked, shown = arguments or ("",)
        found = self._ask(name, getter, *asked)
        expected = self._resolve(planned)
        if found == expected:
            self._report.checks += 1
        else:
            label = f"{getter} {shown}".strip()
            self._note(f"{name}: {label} is {found} now, deployed with {expected}")
        if found == self._manifest.deployer:
            self._report.findings.append(f"{name}: {getter} {shown} is the deployer")

    def _deployer_holds_nothing(self) -> None:
        deployer, report = self._manifest.deployer, self._report
        for name in _TIMELOCK_ROLES:
            role = self._ask("Timelock", f"{name}_ROLE")
            self._expect("Timelock", "hasRole", False, role, deployer, shown=f"{name}, deployer")
        for group in range(len(BENEFICIARIES)):
            pending = self._ask("Vesting", "pending_beneficiary", group)
            report.expect("Vesting: deployer is pending beneficiary", pending == deployer, False)
        if self._manifest.inputs.is_public:
            for token in ("DonaBlock", "DonaGive"):
                held = int(self._ask(token, "balanceOf", deployer))
                report.expect(f"{token}: balance of the deployer", held, 0)

    # --- asking --------------------------------------------------------------------------------

    def _resolve(self, holder: str) -> str:
        return self._addresses.get(holder, holder)

    def _ask(self, name: str, getter: str, *arguments: Any) -> Any:
        contract = self._session.at(name, self._addresses[name])
        return ask(lambda: contract.functions[getter](*arguments).call(), f"{name}.{getter}")

    def _expect(
        self, name: str, getter: str, expected: Any, *arguments: Any, shown: str = ""
    ) -> None:
        text = shown or ", ".join(map(_short, arguments))
        what = f"{name}: {getter}({text})"
        try:
            found = self._ask(name, getter, *arguments)
        except NodeError:
            raise
        except ChainError as error:
            self._report.findings.append(f"{what}: {error}")
            return
        self._report.expect(what, found, expected)

    def _note(self, text: str) -> None:
        self._report.notes.append(text)


_TIMELOCK_ROLES = ("DEFAULT_ADMIN", "PROPOSER", "CANCELLER", "EXECUTOR")


def _expected_immutables(name: str, entry: Entry, manifest: Manifest) -> dict[str, Any]:
    """What each immutable has to be, given the arguments. Not more than this contract has."""
    given = entry.arguments
    if name in ("DonaBlock", "DonaGive", TEST_TOKEN):
        if name == "DonaBlock":
            title, symbol, decimals = "DonaBlock", "DOBO", 18
        elif name == "DonaGive":
            title, symbol, decimals = "DonaGive", "GIVE", _backing_decimals(manifest)
        else:
            title, symbol, decimals = given["name"], given["symbol"], given["decimals"]
        return {
            "erc20.name": title,
            "erc20.symbol": symbol,
            "erc20.decimals": decimals,
            f"{_EIP712}_CACHED_DOMAIN_SEPARATOR": _domain(title, manifest.chain_id, entry.address),
            f"{_EIP712}_CACHED_CHAIN_ID": manifest.chain_id,
            f"{_EIP712}_CACHED_SELF": entry.address,
            f"{_EIP712}_NAME": title,
            f"{_EIP712}_HASHED_NAME": keccak(text=title),
            f"{_EIP712}_VERSION": "1",
            f"{_EIP712}_HASHED_VERSION": keccak(text="1"),
            **{key.upper(): value for key, value in given.items()},
        }
    return {key.strip("_").upper(): value for key, value in given.items()}


def _backing_decimals(manifest: Manifest) -> int:
    inputs = manifest.inputs
    for token in inputs.tokens:
        if token.symbol == inputs.backing:
            return token.decimals
    assert inputs.test_token is not None
    return inputs.test_token.decimals


def _domain(title: str, chain_id: int, address: str) -> bytes:
    kinds = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
    values = [_DOMAIN_TYPE, keccak(text=title), keccak(text="1"), chain_id, address]
    return keccak(encode(kinds, values))


def _stored(immutable: Immutable, value: Any) -> bytes:
    """A value as vyper keeps it behind the code: words, the rest zeros."""
    words: Sequence[bytes]
    if immutable.type.startswith("String["):
        text = str(value).encode()
        words = [len(text).to_bytes(32, "big"), text]
    elif immutable.type.startswith("DynArray["):
        words = [len(value).to_bytes(32, "big"), *map(_word, value)]
    else:
        words = [_word(value)]
    return b"".join(words).ljust(immutable.length, b"\0")


def _word(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value.rjust(32, b"\0")
    if isinstance(value, str):
        return to_canonical_address(value).rjust(32, b"\0")
    return int(value).to_bytes(32, "big")


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        if len(value) <= 32:
            return "0x" + value.hex()
        return f"{len(value)} bytes of hash 0x{keccak(value).hex()[:16]}"
    text = "anyone" if value == NATIVE else str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
