"""A gift by a wallet that knows nothing of us, read with nothing but the ABI in interfaces/."""

from __future__ import annotations

import json
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import event_abi_to_log_topic
from eth_utils.address import to_checksum_address

from donablock.chain.amounts import NATIVE
from donablock.giving.receipts import Receipts
from donablock.settings import settings
from tests.cast import cast
from tests.giving.conftest import DONOR, PAYEES
from tests.local_chain import World

MEMO = b"from a plain wallet".ljust(32, b"\0")


def read_logs(contract: str, event: str, logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decodes logs by the JSON file alone: no code of this project takes part."""
    found = json.loads((settings().root / "interfaces" / f"{contract}.json").read_text())
    entries = found["abi"] if isinstance(found, dict) else found
    (entry,) = [e for e in entries if e["type"] == "event" and e["name"] == event]
    topic = "0x" + event_abi_to_log_topic(entry).hex()
    indexed = [i for i in entry["inputs"] if i["indexed"]]
    plain = [i for i in entry["inputs"] if not i["indexed"]]
    read = []
    for log in logs:
        if log["topics"][0] != topic:
            continue
        values = {
            i["name"]: decode([i["type"]], bytes.fromhex(word[2:]))[0]
            for i, word in zip(indexed, log["topics"][1:], strict=True)
        }
        rest = decode([i["type"] for i in plain], bytes.fromhex(log["data"][2:]))
        values |= {i["name"]: value for i, value in zip(plain, rest, strict=True)}
        read.append(values)
    return read


def test_a_gift_of_coin_by_cast_is_read_from_its_log(world: World) -> None:
    giving = world.anyone.contract("Giving").address
    receipt = cast(
        world,
        DONOR,
        *(giving, "donate_native(uint256,bytes32)", "1", "0x" + MEMO.hex()),
        *("--value", "0.1ether"),
    )
    (gift,) = read_logs("Giving", "Donated", receipt["logs"])
    assert to_checksum_address(gift["donor"]) == world.address(DONOR)
    assert gift["charity_id"] == 1
    assert to_checksum_address(gift["asset"]) == NATIVE
    assert to_checksum_address(gift["payee"]) == world.address(PAYEES[0])
    assert (gift["amount"], gift["memo"]) == (10**17, MEMO)
    (found,) = Receipts(world.anyone).gifts_by(world.address(DONOR), MEMO)
    assert found.log.transaction == receipt["transactionHash"]


def test_a_gift_of_tokens_to_a_fund_by_cast_is_read_from_its_log(world: World) -> None:
    funds = world.anyone.contract("IndexFunds").address
    token = world.token.address
    cast(world, DONOR, token, "approve(address,uint256)", funds, "5000000")
    receipt = cast(
        world,
        DONOR,
        *(funds, "donate_token(uint256,uint256,address,uint256,bytes32,bool)"),
        *("13", "1", token, "5000000", "0x" + MEMO.hex(), "true"),
    )
    (gift,) = read_logs("IndexFunds", "FundDonated", receipt["logs"])
    assert to_checksum_address(gift["donor"]) == world.address(DONOR)
    assert (gift["fund_id"], gift["epoch"]) == (13, 1)
    assert to_checksum_address(gift["asset"]) == token
    assert (gift["amount"], gift["memo"]) == (5_000_000, MEMO)
    (minted,) = read_logs("ReceiptBook", "ReceiptMinted", receipt["logs"])
    assert (minted["token_id"], minted["amount"]) == (1, 5_000_000)
