"""Whether a node's answers can be true, and the block of ours that is made of them.

Cheap checks come first. Where the chain's format is known, the last ones are proofs: the block's
hash from its header, the roots of transactions and receipts from these. What no root covers is a
node's word: who sent a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain as chained
from typing import TypeVar

import msgspec
from msgspec import Struct

from donablock.chain.answers import (
    BlockAnswer,
    HeaderAnswer,
    LogAnswer,
    ProvableReceiptAnswer,
    ProvableTransactionAnswer,
    ReceiptAnswer,
)
from donablock.chain.assemble import SUCCESS, assemble
from donablock.chain.blocks import Block, BlockRef
from donablock.chain.bloom import bloom_of
from donablock.chain.chains import Chain
from donablock.chain.faults import GarbageFault, LieFault
from donablock.chain.header_hash import header_hash
from donablock.chain.hexadecimal import are_data, are_hexadecimal, lower
from donablock.chain.receipts_root import KNOWN_TYPES, receipts_root
from donablock.chain.transactions_root import created_address, transactions_root

__all__ = ["check_block", "check_header"]

S = TypeVar("S", bound=Struct)

_LIMIT = 2**63
_LAST = 253_402_300_800  # the first second of the year 10000, which no clock of ours can show
_ADDRESS, _HASH = 42, 66
# how nodes number logs, as text: made once, and longer when a block has more of them
_numbers: list[str] = []


def check_header(
    header: HeaderAnswer,
    chain: Chain,
    *,
    number: int | None = None,
    hash: str | None = None,
) -> BlockRef:
    """The block that was asked for by `number` or `hash`. Raises LieFault, GarbageFault."""
    texts = [text for text in msgspec.structs.astuple(header) if isinstance(text, str)]
    if not are_hexadecimal(texts):
        header = _lowered(header, "header")
    ref = BlockRef(
        _integer(header.number, "block number"),
        header.hash,
        header.parent_hash,
        _integer(header.timestamp, "timestamp", _LAST),
    )
    if hash is not None and ref.hash != hash:
        raise LieFault("wrong_hash", f"gave block {ref.hash} when asked for {hash}")
    if number is not None and ref.number != number:
        raise LieFault("wrong_number", f"gave block {ref.number} when asked for {number}")
    if chain.is_header_checked:
        try:
            found = header_hash(header)
        except ValueError as error:
            raise LieFault("header_hash", f"block {ref.number} has {error}") from None
        if found != ref.hash:
            raise LieFault(
                "header_hash",
                f"the header of block {ref.number} hashes to {found}, not to {ref.hash} (or has "
                "fields of a fork that this version does not know)",
            )
    return ref


def check_block(
    block: BlockAnswer, receipts: Sequence[ReceiptAnswer], ref: BlockRef, chain: Chain
) -> Block:
    """The whole block. Raises LieFault, GarbageFault.

    ref: what `check_header` said of this very answer. Where the chain's roots are checked, it and
    `receipts` are the provable kind of answer.
    """
    where = f"block {ref.number}"
    logs = _logs_of(receipts)
    _check_places(block, receipts, logs, where)
    if not _are_texts(block, receipts, logs):
        # some nodes write addresses with capitals
        block, receipts = _block_lowered(block), [_receipt_lowered(one) for one in receipts]
        logs = _logs_of(receipts)
        if not _are_texts(block, receipts, logs):
            raise GarbageFault(f"gave {where} with data that is not whole bytes")
    _check_logs(block, receipts, logs, where, chain)
    _check_outcomes(receipts, where)
    if chain.is_transactions_root_checked:
        _check_transactions(block, receipts, where, chain)
    return assemble(block, receipts, ref, chain.chain_id)


def _logs_of(receipts: Sequence[ReceiptAnswer]) -> list[LogAnswer]:
    return list(chained.from_iterable([one.logs for one in receipts]))


def _check_places(
    block: BlockAnswer,
    receipts: Sequence[ReceiptAnswer],
    logs: Sequence[LogAnswer],
    where: str,
) -> None:
    """Everything is of this block, and in its place."""
    given = block.transactions
    if len(receipts) != len(given):
        raise LieFault(
            "count", f"{where} has {len(given)} transactions and {len(receipts)} receipts"
        )
    if [one.block_hash for one in receipts].count(block.hash) != len(receipts):
        raise LieFault("foreign_receipt", f"gave {where} a receipt of another block")
    if [one.transaction_hash for one in receipts] != [one.hash for one in given]:
        raise LieFault("foreign_receipt", f"gave {where} a receipt of another transaction")
    if [log.block_hash for log in logs].count(block.hash) != len(logs):
        raise LieFault("foreign_log", f"gave {where} a log of another block")
    if [log.log_index for log in logs] != _first_numbers(len(logs)):
        raise LieFault("log_order", f"the logs of {where} are not numbered 0 to {len(logs) - 1}")


def _check_outcomes(receipts: Sequence[ReceiptAnswer], where: str) -> None:
    outcomes = {one.status for one in receipts}
    if not outcomes <= SUCCESS.keys():
        raise LieFault(
            "no_status",
            f"a receipt of {where} does not say whether it succeeded (before Byzantium?)",
        )
    if "0x0" in outcomes and any(one.logs and one.status == "0x0" for one in receipts):
        raise LieFault("logs_of_failed", f"a failed transaction of {where} has logs")


def _check_logs(
    block: BlockAnswer,
    receipts: Sequence[ReceiptAnswer],
    logs: Sequence[LogAnswer],
    where: str,
    chain: Chain,
) -> None:
    """The logs beside bloom and root of the header, as far as the chain's format is known."""
    told = int(block.logs_bloom, 16)
    if chain.bloom != "off" and told and not logs:
        raise LieFault("bloom", f"gave {where} no logs, though its bloom tells of some")
    if chain.is_receipts_root_checked:
        # the root covers every log, and so more than the bloom does
        provable = [one for one in receipts if isinstance(one, ProvableReceiptAnswer)]
        try:
            found = receipts_root(provable, chain.transaction_types or KNOWN_TYPES)
        except (ValueError, OverflowError) as error:
            raise LieFault("receipts_root", f"{where} has {error}") from None
        if found != block.receipts_root:
            raise LieFault(
                "receipts_root",
                f"the receipts of {where} give the root {found}, not {block.receipts_root}",
            )
        return
    if chain.bloom == "off":
        return
    bloom = bloom_of([text for log in logs for text in (log.address, *log.topics)])
    if told & ~bloom:
        raise LieFault("bloom", f"logs of {where} are missing: its bloom tells of more")
    if chain.bloom == "exact" and told != bloom:
        raise LieFault("bloom", f"{where} has logs that its bloom does not tell of")


def _check_transactions(
    block: BlockAnswer, receipts: Sequence[ReceiptAnswer], where: str, chain: Chain
) -> None:
    """The transactions beside their root in the header, and what they made."""
    provable = [one for one in block.transactions if isinstance(one, ProvableTransactionAnswer)]
    try:
        found = transactions_root(provable, chain.transaction_types or KNOWN_TYPES)
    except (ValueError, OverflowError) as error:
        raise LieFault("transactions_root", f"{where} has {error}") from None
    if found != block.transactions_root.lower():
        raise LieFault(
            "transactions_root",
            f"the transactions of {where} give the root {found}, not {block.transactions_root}",
        )
    for one, receipt in zip(provable, receipts, strict=True):
        if one.to is None and receipt.status == "0x1":
            try:
                made = created_address(one.sender, one.nonce)
            except ValueError as error:
                raise LieFault("created", f"{where} has a nonce with {error}") from None
            if receipt.contract_address != made:
                raise LieFault(
                    "created",
                    f"{where} made a contract at {made}, not at {receipt.contract_address}",
                )


# --- texts ----------------------------------------------------------------------------------------


def _are_texts(
    block: BlockAnswer, receipts: Sequence[ReceiptAnswer], logs: Sequence[LogAnswer]
) -> bool:
    """Everything that goes on is lower-case hexadecimal, and data is whole bytes."""
    given = block.transactions
    hashes = [block.hash, block.parent_hash, block.receipts_root, *(one.hash for one in given)]
    addresses = [log.address for log in logs]
    addresses += [one.sender for one in given]
    addresses += [one.to for one in given if one.to is not None]
    addresses += [one.contract_address for one in receipts if one.contract_address is not None]
    return (
        are_data(hashes, _HASH)
        and are_data(addresses, _ADDRESS)
        and are_data(list(chained.from_iterable([log.topics for log in logs])), _HASH)
        and are_data([log.data for log in logs] + [one.input for one in given])
        and are_hexadecimal([one.value for one in given])
    )


def _block_lowered(block: BlockAnswer) -> BlockAnswer:
    transactions = tuple(_lowered(one, "transaction") for one in block.transactions)
    return msgspec.structs.replace(_lowered(block, "block"), transactions=transactions)


def _receipt_lowered(receipt: ReceiptAnswer) -> ReceiptAnswer:
    logs = tuple(_lowered(log, "log") for log in receipt.logs)
    return msgspec.structs.replace(_lowered(receipt, "receipt"), logs=logs)


def _lowered(answer: S, what: str) -> S:
    """With its own texts, and tuples of texts, in lower case."""
    changed: dict[str, object] = {}
    try:
        for name in answer.__struct_fields__:
            value = getattr(answer, name)
            if isinstance(value, str):
                changed[name] = lower(value)
            elif isinstance(value, tuple) and value and isinstance(value[0], str):
                changed[name] = tuple(map(lower, value))
    except ValueError:
        raise GarbageFault(f"gave a {what} that is not hexadecimal") from None
    return msgspec.structs.replace(answer, **changed)


def _integer(text: str, what: str, limit: int = _LIMIT) -> int:
    number = int(text, 16)
    if number >= limit:
        raise GarbageFault(f"gave the {what} {text}, which is too high")
    return number


def _first_numbers(count: int) -> list[str]:
    """ "0x0", "0x1", ... of this many."""
    while len(_numbers) < count:
        _numbers.append(hex(len(_numbers)))
    return _numbers[:count]
