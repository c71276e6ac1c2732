"""Where a transaction's gas goes, from its trace, opcode by opcode."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hexbytes import HexBytes
from web3 import Web3

BASE = 21_000
# EIP-2929, EIP-2200, EIP-1153
COLD_SLOAD = 2_100
COLD_ACCOUNT = 2_600
CHANGE = 2_900
CREATE = 20_000
WARM = 100

_CALLS = {"CALL", "STATICCALL", "DELEGATECALL"}
# Vyper asks whether there is code before it calls what returns nothing: that is the first touch.
_ASKS = {"EXTCODESIZE"}
_LOCK = {"TLOAD", "TSTORE"}


def calldata_gas(data: bytes) -> int:
    """4 gas for a zero byte, 16 for another (EIP-2028)."""
    zeros = data.count(0)
    return 4 * zeros + 16 * (len(data) - zeros)


def breakdown(w3: Web3, transaction: HexBytes) -> dict[str, int]:
    """Gas by kind; the parts add up to the transaction's gas. The node must trace steps."""
    data = bytes(w3.eth.get_transaction(transaction)["input"])
    used = int(w3.eth.get_transaction_receipt(transaction)["gasUsed"])
    answer: Any = w3.provider.make_request(
        "debug_traceTransaction",  # type: ignore[arg-type]
        [transaction.to_0x_hex(), {"disableStorage": True, "disableStack": True}],
    )
    parts: Counter[str] = Counter({"base of a transaction": BASE, "calldata": calldata_gas(data)})
    steps = answer["result"]["structLogs"]
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        cost = int(step["gasCost"])
        if step["op"] in _CALLS and after is not None:
            # The cost of a call has in it what the callee is given. That is not spent yet: the
            # callee's steps spend it, or it comes back at once where there is no code.
            entered = after["depth"] > step["depth"]
            cost = cost - int(after["gas"]) if entered else int(step["gas"]) - int(after["gas"])
        parts[_kind(step["op"], cost)] += cost
    rest = used - sum(parts.values())
    if rest:
        parts["value sent on, less what its receiver gave back"] += rest
    order = sorted(parts, key=lambda kind: (kind not in _FIRST, -parts[kind]))
    return {kind: parts[kind] for kind in order}


_FIRST = ("base of a transaction", "calldata")


def _kind(op: str, cost: int) -> str:
    if op == "SLOAD":
        return "first reads of a storage slot" if cost >= COLD_SLOAD else "further reads of a slot"
    if op == "SSTORE":
        if cost >= CREATE:
            return "slots set from zero"
        return "slots changed" if cost >= CHANGE else "slots changed again"
    if op in _CALLS or op in _ASKS:
        return "first calls of a contract" if cost >= COLD_ACCOUNT else "further calls"
    if op.startswith("LOG"):
        return "events"
    if op in _LOCK:
        return "locks"
    return "everything else (arithmetic, hashing, memory, jumps)"
