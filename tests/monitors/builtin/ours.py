"""Our contracts as tests put them on a scripted chain: manifests, and logs encoded by eth_abi from
the ABIs as they lie there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from donablock.chain.blocks import Log, Transaction
from donablock.chain.manifest import Entry, Manifest
from donablock.chain.networks import network_of
from donablock.settings import ROOT
from tests.pipeline.scripted_chain import digest

CHAIN = 31337
ZERO = "0x" + "0" * 40


def address(number: int) -> str:
    return f"0x{number:040x}"


GIVING, POOL, FACTORY, CAMPAIGN, COMMISSION = map(address, range(0xC1, 0xC6))
DONOR, PAYEE, CREATOR, STRANGER = map(address, range(0xA1, 0xA5))
DEPLOYED = {
    "Giving": GIVING,
    "DividendPool": POOL,
    "CampaignFactory": FACTORY,
    "Campaign": address(0xC9),
    "Commission": COMMISSION,
}


@cache
def abi(contract: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / "interfaces" / f"{contract}.json").read_text())
    return found


def type_of(entry: Mapping[str, Any]) -> str:
    """As in a signature."""
    name = str(entry["type"])
    if not name.startswith("tuple"):
        return name
    return f"({','.join(map(type_of, entry['components']))}){name.removeprefix('tuple')}"


def logged(at: str, contract: str, event: str, **arguments: Any) -> Log:
    """What `contract` would log; arguments that are not given are zero."""
    (entry,) = (one for one in abi(contract) if one.get("name") == event and one["type"] == "event")
    values, indexed = [], []
    types = []
    for one in entry["inputs"]:
        kind = type_of(one)
        value = arguments.pop(one["name"], _zero(kind))
        if one["indexed"]:
            indexed.append("0x" + encode([kind], [value]).hex())
        else:
            types.append(kind)
            values.append(value)
    assert not arguments, f"{contract}.{event} has no {', '.join(arguments)}"
    signature = f"{event}({','.join(type_of(one) for one in entry['inputs'])})"
    topic = "0x" + keccak(text=signature).hex()
    return Log(at, (topic, *indexed), "0x" + encode(types, values).hex(), 0)


def _zero(kind: str) -> Any:
    if kind.endswith("]"):
        return []
    if kind == "address":
        return ZERO
    if kind.startswith("bytes"):
        return bytes(int(kind.removeprefix("bytes") or 0))
    return "" if kind == "string" else False if kind == "bool" else 0


def transactions(*groups: Sequence[Log], salt: Any = 0) -> list[Transaction]:
    """One for each group of logs; places are counted through the block."""
    found, place = [], 0
    for at, logs in enumerate(groups):
        placed = []
        for log in logs:
            placed.append(Log(log.address, log.topics, log.data, place))
            place += 1
        hash = digest("transaction", at, salt, *(str(log) for log in placed))
        found.append(Transaction(hash, at, DONOR, GIVING, "0x0", "0x", True, None, tuple(placed)))
    return found


def donated(amount: int = 1, donor: str = DONOR, payee: str = PAYEE, at: str = GIVING) -> Log:
    return logged(at, "Giving", "Donated", donor=donor, charity_id=7, payee=payee, amount=amount)


def staked(owner: str = DONOR, amount: int = 1, at: str = POOL) -> Log:
    return logged(at, "DividendPool", "Staked", owner=owner, amount=amount)


def opened(campaign: str = CAMPAIGN, at: str = FACTORY) -> Log:
    """The factory tells of a campaign."""
    return logged(
        at, "CampaignFactory", "CampaignCreated", campaign=campaign, creator=CREATOR, number=1
    )


def pledged(amount: int = 1, backer: str = DONOR, at: str = CAMPAIGN) -> Log:
    return logged(at, "Campaign", "Pledged", backer=backer, token_id=1, amount=amount)


def write_manifest(
    folder: Path,
    genesis: str,
    contracts: Mapping[str, str] = DEPLOYED,
    *,
    block: int = 1,
    status: str = "complete",
) -> Path:
    """block: in which all of them were deployed."""
    path = folder / f"{CHAIN}.json"
    Manifest(
        chain_id=CHAIN,
        network="local",
        genesis=genesis,
        status=status,
        deployer=to_checksum_address(STRANGER),
        source_commit="0" * 40,
        source_is_clean=True,
        compiler="0.4.3",
        inputs=network_of(CHAIN),
        contracts={
            name: Entry(
                status="done",
                address=to_checksum_address(at),
                nonce=place,
                arguments={},
                constructor="0x",
                path=f"contracts/{name}.vy",
                integrity="",
                sources=[],
                compiler_settings={},
                block=block,
            )
            for place, (name, at) in enumerate(contracts.items())
        },
    ).save(path)
    return path
