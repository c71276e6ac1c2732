"""Every lie that one node is told to tell about a block, and what the reader calls it.

The block has four transactions: the first and the last log, the second makes a contract.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.chain_reader import lies
from tests.chain_reader.fake_chain import address, word
from tests.chain_reader.lies import Lie

BLOCK, BLOCK_AT = "eth_getBlockByHash", "eth_getBlockByNumber"
RECEIPTS = "eth_getBlockReceipts"
TOKEN, DONOR, CHARITY = address("token"), address("donor"), address("charity")


class Told(NamedTuple):
    """kind: what it is called where all is proved. is_seen_unproved: found out even where neither
    hash nor root can be recomputed."""

    lie: Lie
    method: str
    kind: str
    is_seen_unproved: bool


def told(lie: Lie, method: str, kind: str, *, is_seen_unproved: bool = True) -> Told:
    return Told(lie, method, kind, is_seen_unproved)


OTHER_HEADER = "0x" + "77" * 32

LIES = [
    # a lagging node behind a balancer
    told(lies.null(), BLOCK, "lag"),
    told(lies.null(), RECEIPTS, "no_receipts"),
    told(lies.empty(), RECEIPTS, "count"),
    told(lies.error(-32000, "header not found"), BLOCK, "lag"),
    told(lies.error(-32000, "block not found"), RECEIPTS, "no_receipts"),
    # logs that are missing, changed, or of elsewhere
    told(lies.empty_logs(), RECEIPTS, "bloom"),
    told(lies.lost_log(), RECEIPTS, "receipts_root", is_seen_unproved=False),
    told(lies.foreign_logs(), RECEIPTS, "foreign_log"),
    told(lies.foreign_receipts(), RECEIPTS, "foreign_receipt"),
    told(lies.swapped_receipts(), RECEIPTS, "foreign_receipt"),
    told(lies.truncated(), RECEIPTS, "count", is_seen_unproved=False),
    told(lies.truncated("transactions"), BLOCK, "count"),
    told(lies.log_field("data", word(26)), RECEIPTS, "receipts_root", is_seen_unproved=False),
    told(
        lies.log_field("address", address("other")),
        RECEIPTS,
        "receipts_root",
        is_seen_unproved=False,
    ),
    told(lies.log_field("topics", []), RECEIPTS, "receipts_root", is_seen_unproved=False),
    told(lies.log_field("logIndex", "0x1"), RECEIPTS, "log_order"),
    told(lies.log_field("logIndex", "0x01"), RECEIPTS, "log_order"),
    told(lies.log_field("topics", [word(1)] * 5), RECEIPTS, "garbage"),
    told(lies.receipt_field("status", "0x0"), RECEIPTS, "receipts_root"),
    told(lies.receipt_field("status", "0x0", 1), RECEIPTS, "receipts_root", is_seen_unproved=False),
    told(lies.receipt_field("status", "0x2"), RECEIPTS, "receipts_root"),
    told(lies.receipt_field("status", None), RECEIPTS, "receipts_root"),
    told(lies.receipt_field("type", "0x7e"), RECEIPTS, "receipts_root", is_seen_unproved=False),
    # blanks are passed over where digits are read
    told(
        lies.receipt_field("logsBloom", "0x" + "00" * 255 + "  "),
        RECEIPTS,
        "receipts_root",
        is_seen_unproved=False,
    ),
    told(
        lies.receipt_field("cumulativeGasUsed", "0x1"),
        RECEIPTS,
        "receipts_root",
        is_seen_unproved=False,
    ),
    # blocks that are not the one asked for, or not what they say
    told(lies.header_field("hash", OTHER_HEADER), BLOCK, "wrong_hash"),
    told(
        lies.header_field("stateRoot", OTHER_HEADER), BLOCK, "header_hash", is_seen_unproved=False
    ),
    told(
        lies.header_field("receiptsRoot", OTHER_HEADER),
        BLOCK,
        "header_hash",
        is_seen_unproved=False,
    ),
    told(lies.header_field("parentHash", OTHER_HEADER), BLOCK, "header_hash"),
    told(lies.header_field("timestamp", "0x1"), BLOCK, "header_hash"),
    told(lies.header_field("number", "0x1"), BLOCK, "header_hash"),
    told(lies.header_field("requestsHash", None), BLOCK, "header_hash", is_seen_unproved=False),
    told(lies.header_field("blobGasUsed", None), BLOCK, "header_hash", is_seen_unproved=False),
    # transactions that are not what was signed, or of elsewhere
    told(
        lies.transaction_field("value", "0x1"), BLOCK, "transactions_root", is_seen_unproved=False
    ),
    told(lies.transaction_field("to", DONOR), BLOCK, "transactions_root", is_seen_unproved=False),
    told(
        lies.transaction_field("input", "0x12"), BLOCK, "transactions_root", is_seen_unproved=False
    ),
    told(
        lies.transaction_field("nonce", "0x1"), BLOCK, "transactions_root", is_seen_unproved=False
    ),
    told(
        lies.transaction_field("nonce", "0x  "), BLOCK, "transactions_root", is_seen_unproved=False
    ),
    told(
        lies.transaction_field("type", "0x7e"), BLOCK, "transactions_root", is_seen_unproved=False
    ),
    told(
        lies.transaction_field("maxFeePerGas", None),
        BLOCK,
        "transactions_root",
        is_seen_unproved=False,
    ),
    told(lies.transaction_field("hash", OTHER_HEADER), BLOCK, "foreign_receipt"),
    told(lies.transaction_field("from", CHARITY, 1), BLOCK, "created", is_seen_unproved=False),
    told(
        lies.receipt_field("contractAddress", TOKEN, 1), RECEIPTS, "created", is_seen_unproved=False
    ),
    told(
        lies.receipt_field("contractAddress", None, 1), RECEIPTS, "created", is_seen_unproved=False
    ),
    # text that is none
    told(lies.header_field("logsBloom", "0x" + "zz" * 256), BLOCK, "garbage"),
    told(lies.header_field("number", "0x" + "9" * 30), BLOCK, "garbage"),
    # the first second of the year 10000, which no calendar of ours has
    told(lies.header_field("timestamp", hex(253_402_300_800)), BLOCK, "garbage"),
    told(lies.header_field("hash", "0x12"), BLOCK, "garbage"),
    told(lies.transaction_field("input", "0xabc"), BLOCK, "garbage"),
    told(lies.transaction_field("input", "nothing"), BLOCK, "garbage"),
    told(lies.transaction_field("from", "0x" + "g" * 40), BLOCK, "garbage"),
    told(lies.transaction_field("to", " " * 42), BLOCK, "garbage"),
    told(lies.transaction_field("value", "0x-1"), BLOCK, "garbage"),
    told(lies.transaction_field("value", 5), BLOCK, "garbage"),
    told(lies.transaction_field("value", "0x" + "f" * 65), BLOCK, "garbage"),
    told(lies.log_field("data", "0x1"), RECEIPTS, "garbage"),
    told(lies.log_field("topics", ["0x" + "Z" * 64]), RECEIPTS, "garbage"),
    told(lies.log_field("topics", None), RECEIPTS, "garbage"),
    told(lies.receipt_field("contractAddress", "0x" + "!" * 40, 1), RECEIPTS, "garbage"),
    told(
        lies.receipt_field("logsBloom", "0x" + "zz" * 256),
        RECEIPTS,
        "receipts_root",
        is_seen_unproved=False,
    ),
    told(lies.instead("0x"), BLOCK, "garbage"),
    told(lies.instead({}), RECEIPTS, "garbage"),
    # no answers
    told(lies.html(), BLOCK, "html"),
    told(lies.garbage(), BLOCK, "garbage"),
    told(lies.cut(), RECEIPTS, "truncated"),
    told(lies.broken_off(), BLOCK, "truncated"),
    told(lies.closed(), BLOCK, "transport"),
    told(lies.hang(), BLOCK, "timeout"),
    told(lies.trickle(), RECEIPTS, "timeout"),
    told(lies.endless(), BLOCK, "oversize"),
    told(lies.redirect("http://127.0.0.1:1/"), BLOCK, "redirect"),
    told(lies.status(500), BLOCK, "http_status"),
    told(lies.status(403), BLOCK, "http_status"),
    told(lies.too_many("5"), BLOCK, "rate_limit"),
    told(lies.error(-32005, "rate limited"), RECEIPTS, "rate_limit"),
    told(lies.error(-32000, "missing trie node"), BLOCK, "rpc_error"),
    told(lies.wrong_ids(), BLOCK, "mixed_up"),
    told(lies.neither(), BLOCK, "garbage"),
]

# the same by number, many at once: what differs is how the block itself is asked for
IN_BULK = [
    (one.lie, BLOCK_AT if one.method == BLOCK else one.method, one.kind)
    for one in LIES
    if one.kind not in {"wrong_hash", "rate_limit", "timeout", "lag", "oversize"}
]
