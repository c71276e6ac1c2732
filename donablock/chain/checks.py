"""Whether a node's answer can be true, and what the services pass on made of it.

Cheap checks come first. Where the chain's format is known, the last ones are proofs: the block's
hash from its header, the receipts' root from the receipts. What no root covers is a node's word:
a transaction's sender, the address of a contract that was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain as chained

import msgspec

from donablock.chain.answers import (
    BlockAnswer,
    HeaderAnswer,
    ProvableReceiptAnswer,
    ReceiptAnswer,
)
from donablock.chain.blocks import Block, BlockRef, Log, Transaction
from donablock.chain.bloom import bloom_of
from donablock.chain.chains import Chain
from donablock.chain.faults import GarbageFault, LieFault
from donablock.chain.header_hash import header_hash
from donablock.chain.hexadecimal import are_data, are_hexadecimal, lower
from donablock.chain.receipts_root import KNOWN_TYPES, receipts_root

__all__ = ["check_block", "check_header"]

_LIMIT = 2**63
_ADDRESS, _HASH = 42, 66
_SUCCESS = {"0x1": True, "0x0": False}
# how nodes number logs, as text: made once, and longer when a block has more of them
_numbers: list[str] = []


def check_header(
    header: HeaderAnswer,
    chain: Chain,
    *,
    number: int | None = None,
    hash: str | None = None,
) -> BlockRef:
    """The block that was asked for by `number` or `hash`, or LieFault, GarbageFault."""
    texts = [text for text in msgspec.structs.astuple(header) if isinstance(text, str)]
    if not are_hexadecimal(texts):
        header = _in_lower_case(header)
    ref = BlockRef(
        _integer(header.number, "block number"),
        header.hash,
        header.parent_hash,
        _integer(header.timestamp, "timestamp"),
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
    """The whole block, or LieFault, GarbageFault.

    ref: what `check_header` said of this very answer. Where the chain's receipts' root is checked,
    `receipts` are ProvableReceiptAnswer.
    """
    where = f"block {ref.number}"
    given = block.transactions
    hashes = _texts([one.hash for one in given], "transaction hash", _HASH)
    if len(receipts) != len(given):
        raise LieFault(
            "count", f"{where} has {len(given)} transactions and {len(receipts)} receipts"
        )
    if [one.block_hash for one in receipts].count(block.hash) != len(receipts):
        raise LieFault("foreign_receipt", f"gave {where} a receipt of another block")
    if [one.transaction_hash for one in receipts] != [one.hash for one in given]:
        raise LieFault("foreign_receipt", f"gave {where} a receipt of another transaction")

    listed = [one.logs for one in receipts]
    logs = list(chained.from_iterable(listed))
    count = len(logs)
    if [log.block_hash for log in logs].count(block.hash) != count:
        raise LieFault("foreign_log", f"gave {where} a log of another block")
    if [log.log_index for log in logs] != _first_numbers(count):
        raise LieFault("log_order", f"the logs of {where} are not numbered 0 to {count - 1}")
    addresses = _texts([log.address for log in logs], "address of a log", _ADDRESS)
    topics = [log.topics for log in logs]
    flat = list(chained.from_iterable(topics))
    if not are_data(flat, _HASH):
        topics = [tuple(_texts(list(some), "topic", _HASH)) for some in topics]
        flat = list(chained.from_iterable(topics))
    data = _texts([log.data for log in logs], "data of a log")

    _check_logs(block, receipts, addresses, flat, where, chain)

    made = list(map(Log, addresses, topics, data, range(count)))
    split: list[tuple[Log, ...]] = []
    start = 0
    for some in listed:
        end = start + len(some)
        split.append(tuple(made[start:end]))
        start = end
    outcomes = [_SUCCESS.get(one.status or "") for one in receipts]
    if None in outcomes:
        raise LieFault(
            "no_status",
            f"a receipt of {where} does not say whether it succeeded (before Byzantium?)",
        )
    if any(some and not is_success for some, is_success in zip(split, outcomes, strict=True)):
        raise LieFault("logs_of_failed", f"a failed transaction of {where} has logs")
    values = [one.value for one in given]
    if not are_hexadecimal(values):
        values = _lowered(values, "value")
    return Block(
        chain.chain_id,
        ref.number,
        ref.hash,
        ref.parent,
        ref.timestamp,
        tuple(
            map(
                Transaction,
                hashes,
                range(len(given)),
                _texts([one.sender for one in given], "sender", _ADDRESS),
                _recipients([one.to for one in given]),
                values,
                _texts([one.input for one in given], "input"),
                outcomes,
                _created(block, receipts, outcomes),
                split,
            )
        ),
    )


def _check_logs(
    block: BlockAnswer,
    receipts: Sequence[ReceiptAnswer],
    addresses: Sequence[str],
    topics: Sequence[str],
    where: str,
    chain: Chain,
) -> None:
    """The logs beside bloom and root of the header, as far as the chain's format is known."""
    told = int(block.logs_bloom, 16)
    if chain.bloom != "off" and told and not addresses:
        raise LieFault("bloom", f"gave {where} no logs, though its bloom tells of some")
    if chain.is_receipts_root_checked:
        # the root covers every log, and so more than the bloom does
        provable = [one for one in receipts if isinstance(one, ProvableReceiptAnswer)]
        try:
            found = receipts_root(provable, chain.transaction_types or KNOWN_TYPES)
        except (ValueError, OverflowError) as error:
            raise LieFault("receipts_root", f"{where} has {error}") from None
        if found != block.receipts_root.lower():
            raise LieFault(
                "receipts_root",
                f"the receipts of {where} give the root {found}, not {block.receipts_root}",
            )
        return
    if chain.bloom == "off":
        return
    found_bloom = bloom_of([*addresses, *topics])
    if told & ~found_bloom:
        raise LieFault("bloom", f"logs of {where} are missing: its bloom tells of more")
    if chain.bloom == "exact" and told != found_bloom:
        raise LieFault("bloom", f"{where} has logs that its bloom does not tell of")


def _created(
    block: BlockAnswer, receipts: Sequence[ReceiptAnswer], outcomes: Sequence[bool | None]
) -> list[str | None]:
    """The address of the contract that each transaction made, None where it made none."""
    found = [
        receipt.contract_address if is_success and one.to is None else None
        for one, receipt, is_success in zip(block.transactions, receipts, outcomes, strict=True)
    ]
    return _recipients(found)


def _recipients(addresses: list[str | None]) -> list[str | None]:
    """The same, checked."""
    there = [address for address in addresses if address is not None]
    if are_data(there, _ADDRESS):
        return addresses
    lowered = iter(_lowered(there, "address"))
    return [None if address is None else next(lowered) for address in addresses]


def _texts(texts: list[str], what: str, length: int | None = None) -> list[str]:
    """The same in lower case, or GarbageFault."""
    return texts if are_data(texts, length) else _lowered(texts, what)


def _lowered(texts: list[str], what: str) -> list[str]:
    """Some nodes write addresses with capitals."""
    try:
        lowered = [lower(text) for text in texts]
    except ValueError:
        raise GarbageFault(f"gave a {what} that is not hexadecimal") from None
    if what != "value" and not are_data(lowered):
        raise GarbageFault(f"gave a {what} that is not whole bytes")
    return lowered


def _in_lower_case(header: HeaderAnswer) -> HeaderAnswer:
    try:
        changed = {
            name: lower(value)
            for name in header.__struct_fields__
            if isinstance(value := getattr(header, name), str)
        }
    except ValueError:
        raise GarbageFault("gave a header that is not hexadecimal") from None
    return msgspec.structs.replace(header, **changed)


def _integer(text: str, what: str) -> int:
    number = int(text, 16)
    if number >= _LIMIT:
        raise GarbageFault(f"gave a {what} of {len(text) - 2} digits")
    return number


def _first_numbers(count: int) -> list[str]:
    """ "0x0", "0x1", ... of this many."""
    while len(_numbers) < count:
        _numbers.append(hex(len(_numbers)))
    return _numbers[:count]
