"""How quickly nodes' answers become blocks, for a synthetic block of Ethereum's size.

python -m bench.chain_reader [--quick]      measure, write build/bench/chain_reader.json, exit 1
                                            below the goal

The block has 180 transactions and 360 logs; its two answers (block with transactions, receipts) are
as long as real ones. Times are processor time of this one process, so that a busy machine does not
count; of many runs the median is given, and the wall clock beside it. No network is in it.

decoded     both answers decoded and made into a Block; nothing is checked
checked     and hash, number, places, numbering, and every text checked; no bloom, no root
bloom       checked, and the logs compared with the header's bloom, as on chains without a proof
receipts    checked, and the block's hash and the receipts' root recomputed: no log can be hidden
proved      that, and the transactions' root too, as on Ethereum and BSC
"""

from __future__ import annotations

import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from donablock.chain.answers import (
    BlockAnswer,
    ProvableBlockAnswer,
    ProvableReceiptAnswer,
    ProvableTransactionAnswer,
    ReceiptAnswer,
)
from donablock.chain.assemble import assemble
from donablock.chain.blocks import Block, decode_block, encode_block
from donablock.chain.bloom import bloom_of
from donablock.chain.chains import Chain, chain_of
from donablock.chain.checks import check_block, check_header
from donablock.chain.header_hash import header_hash
from donablock.chain.keccak import keccak
from donablock.chain.receipts_root import receipts_root
from donablock.chain.transactions_root import encode_transaction, transactions_root

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "build" / "bench" / "chain_reader.json"

TRANSACTIONS, LOGS = 180, 360
GOAL = 1_500
"""Blocks a second, decoded, on one core."""
RUNS, QUICK_RUNS, SECONDS = 60, 10, 20.0

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
# bytes of calldata: payments, transfers, swaps, and a few long ones
INPUTS = (0, 0, 4, 68, 68, 68, 132, 260, 516, 1_028)


class _Blocks(msgspec.Struct):
    result: BlockAnswer


class _ProvableBlocks(msgspec.Struct):
    result: ProvableBlockAnswer


class _Receipts(msgspec.Struct):
    result: tuple[ReceiptAnswer, ...]


class _Provable(msgspec.Struct):
    result: tuple[ProvableReceiptAnswer, ...]


_blocks = msgspec.json.Decoder(_Blocks)
_provable_blocks = msgspec.json.Decoder(_ProvableBlocks)
_receipts = msgspec.json.Decoder(_Receipts)
_provable = msgspec.json.Decoder(_Provable)


def answers(seed: int = 1) -> tuple[bytes, bytes]:
    """What a node sends: the block, and its receipts. Hash, root and bloom are right."""
    chance = random.Random(seed)

    def text(size: int) -> str:
        return "0x" + chance.randbytes(size).hex()

    def holder() -> str:
        return "0x" + "00" * 12 + chance.randbytes(20).hex()

    # a few tokens make most of the logs
    tokens = [text(20) for _ in range(30)]
    counts = [0] * TRANSACTIONS
    for _ in range(LOGS):
        counts[chance.randrange(TRANSACTIONS)] += 1
    block: dict[str, Any] = {
        "hash": text(32),
        "parentHash": text(32),
        "sha3Uncles": text(32),
        "miner": text(20),
        "stateRoot": text(32),
        "transactionsRoot": text(32),
        "receiptsRoot": text(32),
        "logsBloom": text(256),
        "difficulty": "0x0",
        "number": hex(24_000_000),
        "gasLimit": hex(45_000_000),
        "gasUsed": hex(22_000_000),
        "timestamp": hex(1_800_000_000),
        "extraData": "0x6265617665726275696c642e6f7267",
        "mixHash": text(32),
        "nonce": "0x0000000000000000",
        "baseFeePerGas": hex(10**9),
        "withdrawalsRoot": text(32),
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": text(32),
        "requestsHash": text(32),
        "size": "0x20000",
        "uncles": [],
    }
    receipts, used, number = [], 0, 0
    transactions: list[dict[str, Any]] = []
    for index in range(TRANSACTIONS):
        place = {
            "blockHash": block["hash"],
            "blockNumber": block["number"],
            "transactionIndex": hex(index),
        }
        sender, to = text(20), text(20)
        transaction: dict[str, Any] = {
            "type": "0x2",
            "chainId": "0x1",
            "nonce": hex(chance.randrange(1_000)),
            "gas": hex(chance.randrange(21_000, 500_000)),
            "maxFeePerGas": hex(chance.randrange(10**11)),
            "maxPriorityFeePerGas": hex(chance.randrange(10**9)),
            "to": to,
            "value": hex(chance.randrange(10**18)),
            "accessList": [],
            "input": text(chance.choice(INPUTS)),
            "r": text(32),
            "s": text(32),
            "yParity": "0x1",
            "v": "0x1",
            "hash": block["hash"],
            **place,
            "from": sender,
            "gasPrice": hex(chance.randrange(10**11)),
        }
        plain = msgspec.convert(transaction, ProvableTransactionAnswer)
        hash = transaction["hash"] = "0x" + keccak(encode_transaction(plain)).hex()
        transactions.append(transaction)
        logs: list[dict[str, Any]] = []
        for _ in range(counts[index]):
            is_transfer = chance.random() < 0.7
            logs.append(
                {
                    "address": chance.choice(tokens) if is_transfer else text(20),
                    "topics": [TRANSFER if is_transfer else text(32), holder(), holder()],
                    "data": text(32 if is_transfer else 32 * chance.choice((1, 2, 4, 5))),
                    **place,
                    "blockTimestamp": block["timestamp"],
                    "transactionHash": hash,
                    "logIndex": hex(number),
                    "removed": False,
                }
            )
            number += 1
        used += chance.randrange(21_000, 200_000)
        receipts.append(
            {
                "type": "0x2",
                "status": "0x1",
                "cumulativeGasUsed": hex(used),
                "logs": logs,
                "logsBloom": _bloom(logs),
                "transactionHash": hash,
                **place,
                "gasUsed": hex(21_000),
                "effectiveGasPrice": hex(10**9),
                "from": sender,
                "to": to,
                "contractAddress": None,
            }
        )
    block["logsBloom"] = _bloom([log for one in receipts for log in one["logs"]])
    provable = msgspec.convert(receipts, list[ProvableReceiptAnswer])
    block["receiptsRoot"] = receipts_root(provable)
    signed = msgspec.convert(transactions, list[ProvableTransactionAnswer])
    block["transactionsRoot"] = transactions_root(signed)
    hash = header_hash(msgspec.convert({**block, "transactions": ()}, BlockAnswer))
    plain = json.dumps([{**block, "transactions": transactions}, receipts], separators=(",", ":"))
    found = json.loads(plain.replace(block["hash"], hash))
    return _reply(found[0]), _reply(found[1])


def _bloom(logs: list[dict[str, Any]]) -> str:
    return (
        f"0x{bloom_of([text for log in logs for text in (log['address'], *log['topics'])]):0512x}"
    )


def _reply(result: Any) -> bytes:
    reply = {"jsonrpc": "2.0", "id": 1, "result": result}
    return json.dumps(reply, separators=(",", ":")).encode()


def ways(block: bytes, receipts: bytes) -> dict[str, Callable[[], Block]]:
    """Each way to make a Block of the two answers."""
    proved = chain_of(1)
    receipts_only = proved.model_copy(update={"is_transactions_root_checked": False})
    bloom = receipts_only.model_copy(
        update={"is_header_checked": False, "is_receipts_root_checked": False, "bloom": "covered"}
    )
    checked = bloom.model_copy(update={"bloom": "off"})
    ref = check_header(_blocks.decode(block).result, proved)

    def decoded() -> Block:
        found = _receipts.decode(receipts).result
        return assemble(_blocks.decode(block).result, found, ref, 1)

    def with_checks(chain: Chain) -> Callable[[], Block]:
        decoder: Any = _provable if chain.is_receipts_root_checked else _receipts
        blocks: Any = _provable_blocks if chain.is_transactions_root_checked else _blocks

        def make() -> Block:
            answer, found = blocks.decode(block).result, decoder.decode(receipts).result
            return check_block(answer, found, check_header(answer, chain), chain)

        return make

    return {
        "decoded": decoded,
        "checked": with_checks(checked),
        "bloom": with_checks(bloom),
        "receipts": with_checks(receipts_only),
        "proved": with_checks(proved),
    }


def parts(block: bytes, receipts: bytes) -> dict[str, Callable[[], object]]:
    """What the ways are made of, and what comes after."""
    answer, found = _blocks.decode(block).result, _receipts.decode(receipts).result
    provable = _provable.decode(receipts).result
    signed = _provable_blocks.decode(block).result.transactions
    made = assemble(answer, found, check_header(answer, chain_of(1)), 1)
    packed = encode_block(made)
    return {
        "JSON of the block": lambda: _blocks.decode(block),
        "JSON of the block, with what its root needs": lambda: _provable_blocks.decode(block),
        "JSON of the receipts": lambda: _receipts.decode(receipts),
        "JSON of the receipts, with what their root needs": lambda: _provable.decode(receipts),
        "the Block, from decoded answers": lambda: assemble(answer, found, made.ref, 1),
        "header hash": lambda: header_hash(answer),
        "receipts' root": lambda: receipts_root(provable),
        "transactions' root and hashes": lambda: transactions_root(signed),
        "msgpack, to": lambda: encode_block(made),
        "msgpack, from": lambda: decode_block(packed),
    }


def measure(make: Callable[[], object], runs: int) -> tuple[float, float]:
    """Seconds of (processor, wall) for one: the medians of many short runs."""
    make()
    processor, wall = [], []
    ends = time.perf_counter() + SECONDS
    while len(processor) < runs and time.perf_counter() < ends:
        began, clock = time.process_time(), time.perf_counter()
        for _ in range(20):
            make()
        processor.append((time.process_time() - began) / 20)
        wall.append((time.perf_counter() - clock) / 20)
    return statistics.median(processor), statistics.median(wall)


def main(arguments: Sequence[str]) -> int:
    runs = QUICK_RUNS if "--quick" in arguments else RUNS
    block, receipts = answers()
    logs = sum(len(one.logs) for one in _receipts.decode(receipts).result)
    assert logs == LOGS
    made = {name: way() for name, way in ways(block, receipts).items()}
    assert len({encode_block(one) for one in made.values()}) == 1, "every way gives the same block"
    rates: dict[str, dict[str, float]] = {}
    console = Console()
    table = Table("way", "blocks/s", "µs", "blocks/s by the wall clock", "logs/s")
    for name, way in ways(block, receipts).items():
        processor, wall = measure(way, runs)
        rates[name] = {
            "blocks_per_second": round(1 / processor, 1),
            "microseconds": round(processor * 1e6, 1),
            "blocks_per_second_wall": round(1 / wall, 1),
            "logs_per_second": round(LOGS / processor),
        }
        table.add_row(
            name,
            f"{1 / processor:,.0f}",
            f"{processor * 1e6:,.0f}",
            f"{1 / wall:,.0f}",
            f"{LOGS / processor:,.0f}",
        )
    costs = {
        name: round(measure(part, runs)[0] * 1e6, 1)
        for name, part in parts(block, receipts).items()
    }
    console.print(table)
    for name, cost in costs.items():
        console.print(f"{cost:10,.0f} µs  {name}")
    is_met = rates["decoded"]["blocks_per_second"] >= GOAL
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(
        json.dumps(
            {
                "python": platform.python_version(),
                "machine": platform.machine(),
                "block": {
                    "transactions": TRANSACTIONS,
                    "logs": LOGS,
                    "block_bytes": len(block),
                    "receipts_bytes": len(receipts),
                    "msgpack_bytes": len(encode_block(made["decoded"])),
                },
                "goal": {"decoded_blocks_per_second": GOAL, "is_met": is_met},
                "ways": rates,
                "parts_microseconds": costs,
            },
            indent=2,
        )
        + "\n"
    )
    console.print(f"goal: {GOAL:,} decoded a second: {'met' if is_met else 'MISSED'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
