"""The `data` of webhooks: every field, in its order, and the same bytes again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from donablock.chain.blocks import Block, Log, Transaction
from donablock.monitors.abi import event_of, function_of
from donablock.monitors.index import Index
from donablock.monitors.matching import Hit, match_block
from donablock.monitors.messages import DETECTED, body, event_id
from donablock.monitors.monitor import Definition, Monitor
from donablock.monitors.payloads import (
    MAX_ARGUMENTS,
    MAX_RAW,
    arguments_of,
    firing_id,
    firing_payload,
    payload,
)
from donablock.monitors.windows import Firing
from tests.monitors.chain import (
    DONOR,
    OPERATOR,
    PAYEE,
    STRANGER,
    TOKEN,
    batch,
    block,
    data,
    erc20,
    erc721,
    monitor,
    transaction,
    word,
)


def only(hits: list[Hit]) -> Hit:
    assert len(hits) == 1
    return hits[0]


def hit_of(watching: Monitor, *transactions: Transaction, address: str = DONOR) -> Hit:
    return only(match_block(block(*transactions), Index.of([(watching, [address])])))


def read(hit: Hit, **more: Any) -> dict[str, Any]:
    raw = payload(hit, "ethereum", **more)
    assert raw == payload(hit, "ethereum", **more)
    found: dict[str, Any] = json.loads(raw)
    return found


def common(hit: Hit) -> dict[str, Any]:
    """What every payload has, in the tests' block 100."""
    return {
        "chain": "ethereum",
        "chainId": 1,
        "monitorId": "mo_1",
        "blockNumber": 100,
        "blockHash": hit.block.hash,
        "dateCreated": "2023-11-14T22:33:20Z",
        "associatedAddress": hit.address,
        "type": hit.direction,
        "eventId": event_id(hit.id),
        "tags": [],
    }


def test_a_native_transfer() -> None:
    sent = transaction(sender=DONOR, to=PAYEE, value=2**200)
    hit = hit_of(monitor("native"), sent)
    assert read(hit) == common(hit) | {
        "category": "Native",
        "hash": hit.transaction.hash,
        "fromAddress": DONOR,
        "toAddress": PAYEE,
        "nativeAmount": str(2**200),
        "isCreation": False,
        "txnIndex": 0,
    }


def test_an_erc20_transfer() -> None:
    moved = transaction(sender=STRANGER), transaction(erc20(DONOR, PAYEE, 2**256 - 1))
    hit = hit_of(monitor("erc20"), *moved)
    assert hit.log is not None
    expected = common(hit) | {
        "category": "ERC20",
        "hash": hit.transaction.hash,
        "fromAddress": DONOR,
        "toAddress": PAYEE,
        "tokenValue": str(2**256 - 1),
        "txnIndex": 1,
        "logIndex": 0,
        "contract": {"address": TOKEN, "name": None, "symbol": None},
        "rawLog": {"topics": list(hit.log.topics), "data": hit.log.data},
    }
    assert read(hit) == expected
    expected["contract"] = {"address": TOKEN, "name": "USD Coin", "symbol": "USDC"}
    assert read(hit, names={TOKEN: ("USD Coin", "USDC")}.get) == expected
    assert list(read(hit)) == [
        *("chain", "chainId", "monitorId", "category", "blockNumber", "blockHash", "dateCreated"),
        *("hash", "fromAddress", "toAddress", "tokenValue", "txnIndex", "logIndex", "contract"),
        *("rawLog", "type", "associatedAddress", "eventId", "tags"),
    ]


def test_an_erc721_transfer() -> None:
    found = read(hit_of(monitor("erc721"), transaction(erc721(DONOR, PAYEE, 5))))
    assert (found["category"], found["tokenId"]) == ("ERC721", "5")
    assert "tokenValue" not in found


def test_a_part_of_an_erc1155_batch() -> None:
    hits = match_block(
        block(transaction(batch(DONOR, PAYEE, [(1, 10), (2, 20)]))),
        Index.of([(monitor("erc1155"), [PAYEE])]),
    )
    found = [json.loads(payload(hit, "bsc")) for hit in hits]
    assert [(one["tokenId"], one["tokenValue"], one["batchIndex"]) for one in found] == [
        ("1", "10", 0),
        ("2", "20", 1),
    ]
    assert {one["operator"] for one in found} == {OPERATOR}
    assert len({one["eventId"] for one in found}) == 2


EVERY = event_of(
    None,
    "event Every(string indexed title, address who, uint256 amount, uint32 small, int8 tiny, "
    "int64 wide, bool ok, bytes4 four, bytes more, string memo, (address to, uint256[] parts)[] "
    "gifts, uint8[2] pair)",
)
VALUES = (
    bytes(range(32)),
    DONOR,
    2**255,
    7,
    -3,
    2**50,
    True,
    b"\xa9\x05\x9c\xbb",
    b"\0\xff",
    'a"\n\u2028\ufffd\0',
    ((PAYEE, (1, 2**60)),),
    (1, 2),
)


def test_arguments_as_json() -> None:
    found = arguments_of(EVERY.parameters, (*VALUES, "more"))
    assert found == {
        "title": {"hash": "0x" + bytes(range(32)).hex()},
        "who": DONOR,
        "amount": str(2**255),
        "small": 7,
        "tiny": -3,
        "wide": str(2**50),
        "ok": True,
        "four": "0xa9059cbb",
        "more": "0x00ff",
        "memo": 'a"\n\u2028\ufffd\0',
        "gifts": [{"to": PAYEE, "parts": ["1", str(2**60)]}],
        "pair": [1, 2],
    }


SENT = "event Sent(address indexed from, uint256 amount, string memo)"


def sent(memo: str) -> Log:
    topics = (event_of(None, SENT).topic, word(DONOR))
    return Log(TOKEN, topics, data(["uint256", "string"], [5, memo]), 0)


def test_an_event() -> None:
    hit = hit_of(monitor("event", signature=SENT), transaction(sent("hi"), sender=STRANGER))
    found = read(hit)
    assert found["event"] == {
        "name": "Sent",
        "signature": "Sent(address,uint256,string)",
        "arguments": {"from": DONOR, "amount": "5", "memo": "hi"},
    }
    assert (found["category"], found["type"]) == ("Event", "all")
    assert (found["fromAddress"], found["associatedAddress"]) == (STRANGER, DONOR)
    assert found["rawLog"]["data"] == sent("hi").data


def test_a_call() -> None:
    pay = function_of(None, "pay(address to, uint8 amount)")
    calldata = pay.selector + data(["address", "uint8"], [PAYEE, 5])[2:]
    watching = monitor("function", signature="pay(address to, uint8 amount)", includes_failed=True)
    call = transaction(sender=DONOR, to=TOKEN, value=3, input=calldata, is_success=False)
    found = read(hit_of(watching, call))
    assert found["function"] == {
        "name": "pay",
        "signature": "pay(address,uint8)",
        "arguments": {"to": PAYEE, "amount": 5},
    }
    assert (found["nativeAmount"], found["isSuccess"]) == ("3", False)
    assert (found["toAddress"], found["type"]) == (TOKEN, "out")
    assert "rawLog" not in found


@pytest.mark.parametrize(
    "length, omitted",
    [
        (100, []),
        (MAX_RAW // 2, ["rawLog.data"]),
        (MAX_ARGUMENTS, ["event.arguments", "rawLog.data"]),
    ],
)
def test_what_is_too_long_is_left_out_and_named(length: int, omitted: list[str]) -> None:
    found = read(hit_of(monitor("event", signature=SENT), transaction(sent("x" * length))))
    assert found.get("omitted", []) == omitted
    assert (found["rawLog"]["data"] is None) == ("rawLog.data" in omitted)
    assert (found["event"]["arguments"] is None) == ("event.arguments" in omitted)
    assert len(json.dumps(found)) < MAX_RAW + MAX_ARGUMENTS + 5_000


def test_tags_and_times() -> None:
    watching = Monitor("mo_1", "native", Definition(), tags=("a", "é"))
    hit = hit_of(watching, transaction(sender=DONOR, to=PAYEE, value=1))
    assert read(hit)["tags"] == ["a", "é"]
    for timestamp, text in ((0, "1970-01-01T00:00:00Z"), (2**62, None)):
        other = replace(hit, block=replace(hit.block, timestamp=timestamp))
        assert read(other)["dateCreated"] == text


def test_a_message_is_made_of_it() -> None:
    hit = hit_of(monitor("native"), transaction(sender=DONOR, to=PAYEE, value=1))
    raw = payload(hit, "ethereum")
    message = json.loads(body("evt_x_d1", DETECTED, datetime(2026, 1, 1, tzinfo=UTC), raw))
    assert message["data"] == {"confirm": False} | json.loads(raw)


# --- windows --------------------------------------------------------------------------------------


def firing(window: str, key: bytes) -> tuple[Block, Monitor, Firing]:
    watching = monitor("erc20", window=window)
    return block(transaction(erc20(DONOR, PAYEE, 1))), watching, Firing(key, 2**70, 3)


def test_a_window_that_came_true() -> None:
    one, watching, fired = firing(
        "sum(value) over 1 hour by address > 10", bytes.fromhex(DONOR[2:])
    )
    last = match_block(one, Index.of([(watching, [DONOR])]))[0]
    found = json.loads(firing_payload(one, watching, fired, "ethereum", last))
    assert found == {
        "chain": "ethereum",
        "chainId": 1,
        "monitorId": "mo_1",
        "category": "ERC20",
        "blockNumber": 100,
        "blockHash": one.hash,
        "dateCreated": "2023-11-14T22:33:20Z",
        "hash": last.transaction.hash,
        "txnIndex": 0,
        "logIndex": 0,
        "window": {
            "condition": "sum(value) over 3600 seconds by address > 10",
            "aggregate": "sum",
            "periodSeconds": 3600,
            "by": "address",
            "group": DONOR,
            "total": str(2**70),
            "totalBefore": "3",
            "threshold": "10",
        },
        "type": "all",
        "associatedAddress": DONOR,
        "eventId": event_id(firing_id(one, watching, fired)),
        "tags": [],
    }


@pytest.mark.parametrize(
    "group, key, shown, address",
    [
        ("", b"", None, None),
        (" by value", b"12", "12", None),
        (" by (from == to)", b"1", True, None),
        (" by from", bytes.fromhex(DONOR[2:]), DONOR, DONOR),
    ],
)
def test_how_a_group_is_shown(group: str, key: bytes, shown: Any, address: str | None) -> None:
    one, watching, fired = firing(f"count over 1 hour{group} > 10", key)
    found = json.loads(firing_payload(one, watching, fired, "ethereum"))
    assert found["window"]["group"] == shown
    assert found["associatedAddress"] == address
    assert "hash" not in found


def test_windows_of_two_groups_have_ids_of_their_own() -> None:
    one, watching, fired = firing("count over 1 hour by value > 10", b"1")
    other = replace(fired, key=b"2")
    assert firing_id(one, watching, fired) != firing_id(one, watching, other)
    with pytest.raises(ValueError, match="has no window"):
        firing_payload(one, monitor("erc20"), fired, "ethereum")
