"""The demo's chain on a real node, followed by worker, matcher and projections: every log of ours
arrives once, with its names, as web3 decodes it; and a rebuild gives the same rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from rich.console import Console
from web3 import Web3
from web3.logs import DISCARD

from donablock.chain import manifest as manifest_module
from donablock.chain.chains import chain_of
from donablock.chain.manifest import Manifest
from donablock.chain.node import Anvil
from donablock.chain.nodes import Nodes
from donablock.demo.__main__ import run
from donablock.demo.opening import manifest_in, open_chain
from donablock.demo.world import Scale
from donablock.monitors.matcher import Matcher
from donablock.monitors.projections import Projections
from donablock.monitors.rebuild import rebuild
from donablock.monitors.worker import Worker
from donablock.settings import ROOT, Settings
from donablock.store.database import Database
from donablock.store.stream import OutboxStream
from tests.pipeline import orders

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

CHAIN = 31337
NOT_OURS = {"PlainToken", "WETH9", "UniswapV2Factory", "UniswapV2Router02"}
"""What a local deployment brings along: a stablecoin and an exchange of others."""
ZERO = "0x" + "0" * 40

Log = tuple[str, int]
"""Hash of the block, and place in it."""


@dataclass(frozen=True)
class Expected:
    """A log of ours as web3 decodes it."""

    contract: str
    address: str
    name: str
    args: dict[str, Any]
    transaction: str
    block: int


@dataclass(frozen=True)
class Demo:
    node: Anvil
    folder: Path
    manifest: Manifest
    expected: dict[Log, Expected]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    assert run(Scale.small(), folder, Console(file=StringIO())) == 0
    manifest = manifest_in(folder)
    with open_chain(folder) as node:
        yield Demo(node, folder, manifest, by_web3(node.w3, manifest))


def by_web3(w3: Web3, manifest: Manifest) -> dict[Log, Expected]:
    """Every log of ours, by eth_getLogs and web3's decoder."""
    ours = {at: name for name, at in manifest.addresses.items() if name not in NOT_OURS}
    factory = manifest.addresses["CampaignFactory"]
    made = w3.eth.contract(factory, abi=abi("CampaignFactory")).events.CampaignCreated()
    for one in made.get_logs(from_block=0):
        ours[one["args"]["campaign"]] = "Campaign"
    found = {}
    contracts = {at: w3.eth.contract(at, abi=abi(name)) for at, name in ours.items()}
    for log in w3.eth.get_logs({"fromBlock": 0, "toBlock": "latest", "address": list(ours)}):
        decoded = decode(contracts[log["address"]], log)
        found["0x" + bytes(log["blockHash"]).hex(), log["logIndex"]] = Expected(
            ours[log["address"]],
            log["address"].lower(),
            decoded["event"],
            plain(decoded["args"]),
            "0x" + bytes(log["transactionHash"]).hex(),
            log["blockNumber"],
        )
    return found


def abi(name: str) -> Any:
    return json.loads((ROOT / "interfaces" / f"{name}.json").read_text())


def decode(contract: Any, log: Any) -> Any:
    (event,) = (
        one for one in contract.events if bytes.fromhex(one().topic[2:]) == bytes(log["topics"][0])
    )
    return event().process_log(log)


def plain(value: Any) -> Any:
    """Numbers as text, addresses in small letters, bytes as 0x and digits."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return value.lower() if value.startswith("0x") and len(value) == 42 else value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return {name: plain(one) for name, one in value.items()}


@dataclass(frozen=True)
class Followed:
    database: Database
    source: Nodes
    worker: Worker
    matcher: Matcher
    projections: Projections

    async def rest(self) -> None:
        """Until all have come to the chain's end."""
        while await self.worker.step():
            pass
        while await self.matcher.step():
            pass
        while await self.projections.step():
            pass

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        async with self.database.connection() as connection:
            found: list[Any] = await connection.fetch(query, *values)
        return found

    async def told(self, monitor: str) -> list[dict[str, Any]]:
        """The `data` of its webhooks, in the chain's order."""
        rows = await self.fetch(
            "SELECT m.payload FROM matches AS m"
            " JOIN deliveries AS d ON d.match_id = m.id AND d.type = 'event.detected'"
            " WHERE m.monitor_id = $1 ORDER BY m.block_number, m.log_index",
            monitor,
        )
        return [msgspec.json.decode(row["payload"]) for row in rows]

    async def rows(self) -> dict[Log, Expected]:
        rows = await self.fetch("SELECT * FROM contract_events")
        return {
            ("0x" + row["block_hash"].hex(), row["log_index"]): Expected(
                row["contract"],
                "0x" + row["address"].hex(),
                row["name"],
                plain(row["args"]),
                "0x" + row["transaction_hash"].hex(),
                row["block_number"],
            )
            for row in rows
        }

    async def dump(self) -> list[str]:
        rows = await self.fetch("SELECT e::text AS row FROM contract_events AS e ORDER BY 1")
        return [row["row"] for row in rows]


WATCHING: dict[str, dict[str, Any]] = {
    "mo_all": {},
    "mo_gifts": {"events": ["Giving.Donated"]},
    "mo_claims": {"events": ["*.Claimed"]},
    "mo_pledges": {"events": ["Campaign.Pledged"], "condition": "amount > 0"},
    "mo_stakes": {"events": ["DividendPool.Staked"]},
    "mo_burns": {"events": ["DonaBlock.Transfer"], "condition": f"receiver == {ZERO}"},
}


@pytest_asyncio.fixture
async def followed(
    demo: Demo, database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Followed]:
    """The chain's end was reached, with these monitors from its beginning on."""
    chosen = Settings(deployments=demo.folder / "deployments")
    monkeypatch.setattr(manifest_module, "settings", lambda: chosen)
    await orders.project(database)
    for id, definition in WATCHING.items():
        definition = {"watches": "everything", **definition}
        await orders.monitor(database, id, "donablock", definition=definition)
    chain, stream = chain_of(CHAIN), OutboxStream(database)
    async with Nodes(chain, [demo.node.url]) as source:
        worker = Worker(database, source, chain, start=demo.manifest.first_block)
        await worker.take_over()
        matcher = Matcher(database, stream, chain)
        projections = Projections(database, stream, chain, source=source)
        made = Followed(database, source, worker, matcher, projections)
        await made.rest()
        yield made


@pytest.mark.asyncio
async def test_every_log_of_ours_is_one_row_with_its_names(demo: Demo, followed: Followed) -> None:
    found = await followed.rows()
    assert len(found) == len(demo.expected) > 1_000
    assert found == demo.expected
    # what the manifest names is ours, or one of the four that are not
    ours = {one.contract for one in demo.expected.values()}
    assert ours <= demo.manifest.contracts.keys() - NOT_OURS
    assert NOT_OURS < demo.manifest.contracts.keys()
    silent = demo.manifest.contracts.keys() - NOT_OURS - ours
    assert silent <= {"EcosystemReserve"}, "only what was never used logs nothing"
    assert len({one.address for one in demo.expected.values() if one.contract == "Campaign"}) == 3


@pytest.mark.asyncio
async def test_every_log_of_ours_is_told_once_and_typed(demo: Demo, followed: Followed) -> None:
    told = await followed.told("mo_all")
    found = {
        (one["blockHash"], one["logIndex"]): Expected(
            one["event"]["contract"],
            one["contract"]["address"],
            one["event"]["name"],
            plain(one["event"]["arguments"]),
            one["hash"],
            one["blockNumber"],
        )
        for one in told
    }
    assert len(told) == len(found)
    assert found == demo.expected


@pytest.mark.asyncio
async def test_gifts_claims_pledges_stakes_and_burns_arrive(demo: Demo, followed: Followed) -> None:
    wanted = {
        "mo_gifts": lambda one: (one.contract, one.name) == ("Giving", "Donated"),
        "mo_claims": lambda one: one.name == "Claimed",
        "mo_pledges": lambda one: (one.contract, one.name) == ("Campaign", "Pledged"),
        "mo_stakes": lambda one: (one.contract, one.name) == ("DividendPool", "Staked"),
        "mo_burns": lambda one: one.contract == "DonaBlock" and one.args.get("receiver") == ZERO,
    }
    for monitor, is_wanted in wanted.items():
        told = await followed.told(monitor)
        expected = [at for at, one in demo.expected.items() if is_wanted(one)]
        assert expected, monitor
        assert Counter((one["blockHash"], one["logIndex"]) for one in told) == Counter(expected)
    claims = {one["event"]["contract"] for one in await followed.told("mo_claims")}
    assert {"IndexFunds", "DividendPool", "Campaign", "ImpactFund"} <= claims
    burnt = sum(int(one["event"]["arguments"]["value"]) for one in await followed.told("mo_burns"))
    token = demo.manifest.addresses["DonaBlock"]
    supply = demo.node.w3.eth.contract(token, abi=abi("DonaBlock")).functions.totalSupply().call()
    assert burnt == 2_000_000_000 * 10**18 - supply > 0, "what was told is what the token says"


@pytest.mark.asyncio
async def test_a_rebuild_from_the_node_gives_the_same_bytes(followed: Followed) -> None:
    before = await followed.dump()
    chain = chain_of(CHAIN)
    checked = await rebuild(followed.database, followed.source, chain, is_check=True)
    assert checked.is_same and checked.rows == len(before)
    async with followed.database.transaction() as connection:
        await connection.execute("DELETE FROM contract_events")
    rebuilt = await rebuild(followed.database, followed.source, chain)
    assert rebuilt.count == len(before)
    assert await followed.dump() == before, "D1: rebuild gives the same rows, to the byte"


@pytest.mark.asyncio
async def test_a_check_names_the_row_that_was_tampered_with(followed: Followed) -> None:
    (row,) = await followed.fetch(
        "UPDATE contract_events SET args = jsonb_set(args::jsonb, '{amount}', '\"1\"')::json"
        " WHERE (block_hash, log_index) = (SELECT block_hash, log_index FROM contract_events"
        "   WHERE name = 'Donated' ORDER BY block_number DESC LIMIT 1)"
        " RETURNING block_number, log_index"
    )
    chain = chain_of(CHAIN)
    checked = await rebuild(followed.database, followed.source, chain, is_check=True)
    said = f"block {row['block_number']}, log {row['log_index']}: Giving.Donated differs in args"
    assert [str(one) for one in checked.differences] == [said]
    await rebuild(followed.database, followed.source, chain)
    assert (await rebuild(followed.database, followed.source, chain, is_check=True)).is_same


def open_campaign(demo: Demo) -> str:
    """One more campaign, on the terms of the demo's first; its address."""
    w3 = demo.node.w3
    at = demo.manifest.addresses["CampaignFactory"]
    factory = w3.eth.contract(at, abi=abi("CampaignFactory"))
    first = factory.events.CampaignCreated().get_logs(from_block=0)[0]
    before = w3.eth.get_transaction(first["transactionHash"])
    _, arguments = factory.decode_function_input(before["input"])
    passed = demo.node.now - w3.eth.get_block(first["blockNumber"])["timestamp"]
    terms = {**arguments["terms"], "deadline": arguments["terms"]["deadline"] + passed}
    demo.node.request("anvil_impersonateAccount", before["from"])
    demo.node.set_balance(before["from"], 10**18)
    call = factory.functions.create(arguments["charity_id"], terms)
    receipt = w3.eth.wait_for_transaction_receipt(call.transact({"from": before["from"]}))
    (created,) = factory.events.CampaignCreated().process_receipt(receipt, DISCARD)
    return str(created["args"]["campaign"]).lower()


@pytest.mark.asyncio
async def test_what_the_node_takes_back_is_taken_back(demo: Demo, followed: Followed) -> None:
    made = "SELECT consumer FROM contract_instances WHERE address = $1 ORDER BY consumer"
    snapshot = demo.node.snapshot()
    try:
        campaign = open_campaign(demo)
        await followed.rest()
        longer = by_web3(demo.node.w3, demo.manifest)
        assert await followed.rows() == longer
        new = longer.keys() - demo.expected.keys()
        assert {longer[at].contract for at in new} == {"CampaignFactory", "Campaign"}
        found = await followed.fetch(made, bytes.fromhex(campaign[2:]))
        assert [row["consumer"] for row in found] == ["matcher", "projections"]
        demo.node.request("anvil_reorg", 1, [])
        demo.node.mine()
        await followed.rest()
        assert await followed.rows() == demo.expected
        assert await followed.fetch(made, bytes.fromhex(campaign[2:])) == []
        retracted = await followed.fetch(
            "SELECT block_hash, log_index FROM matches WHERE monitor_id = 'mo_all' AND state = 3"
        )
        assert {("0x" + row["block_hash"].hex(), row["log_index"]) for row in retracted} == new
        chain = chain_of(CHAIN)
        assert (await rebuild(followed.database, followed.source, chain, is_check=True)).is_same
    finally:
        demo.node.revert(snapshot)
