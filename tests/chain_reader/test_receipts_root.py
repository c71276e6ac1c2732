"""Receipts, their root and their bloom, beside py-evm's."""

from __future__ import annotations

import eth_bloom
import msgspec
import pytest
import rlp
from eth.rlp.logs import Log as EvmLog
from eth.rlp.receipts import Receipt as EvmReceipt
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from donablock.chain.answers import ProvableReceiptAnswer
from donablock.chain.bloom import bloom_of
from donablock.chain.receipts_root import KNOWN_TYPES, encode_receipt, receipts_root

HASH = "0x" + "11" * 32

addresses = st.binary(min_size=20, max_size=20)
topics = st.binary(min_size=32, max_size=32)
# one byte below and above 0x80 and lengths around 55 and 255 are encoded differently
data = st.sampled_from([b"", b"\x00", b"\x7f", b"\x80", b"\xff", b"\1" * 55, b"\1" * 56]) | (
    st.binary(max_size=300)
)
logs = st.tuples(addresses, st.lists(topics, max_size=4), data)
outcomes = st.booleans() | st.binary(min_size=32, max_size=32)


class Case(msgspec.Struct):
    """A receipt before it is an answer. `outcome`: success, or the state's root."""

    type: int
    outcome: bool | bytes
    gas: int
    logs: list[tuple[bytes, list[bytes], bytes]]

    @property
    def bloom(self) -> int:
        bloom = eth_bloom.BloomFilter()
        for address, marks, _ in self.logs:
            bloom.add(address)
            for mark in marks:
                bloom.add(mark)
        return int(bloom)

    def encoded(self) -> bytes:
        """py-evm's word for it."""
        state = self.outcome if isinstance(self.outcome, bytes) else b"\1" * self.outcome
        receipt = EvmReceipt(
            state_root=state,
            gas_used=self.gas,
            bloom=self.bloom,
            logs=[
                EvmLog(address, [int.from_bytes(mark, "big") for mark in marks], text)
                for address, marks, text in self.logs
            ],
        )
        return (bytes((self.type,)) if self.type else b"") + rlp.encode(receipt)

    def answer(self, *, has_bloom: bool = True) -> ProvableReceiptAnswer:
        """As a node gives it."""
        given: dict[str, object] = {
            "transactionHash": HASH,
            "blockHash": HASH,
            "type": hex(self.type),
            "cumulativeGasUsed": hex(self.gas),
            "logs": [
                {
                    "address": "0x" + address.hex(),
                    "topics": ["0x" + mark.hex() for mark in marks],
                    "data": "0x" + text.hex(),
                    "blockHash": HASH,
                    "logIndex": "0x0",
                }
                for address, marks, text in self.logs
            ],
        }
        if isinstance(self.outcome, bytes):
            given["root"] = "0x" + self.outcome.hex()
        else:
            given["status"] = hex(self.outcome)
        if has_bloom:
            given["logsBloom"] = f"0x{self.bloom:0512x}"
        return msgspec.convert(given, ProvableReceiptAnswer)


cases = st.builds(
    Case,
    type=st.sampled_from(KNOWN_TYPES),
    outcome=outcomes,
    gas=st.integers(0, 2**64),
    logs=st.lists(logs, max_size=5),
)


@settings(deadline=None)
@given(cases, st.booleans())
def test_a_receipt_of_every_type_is_what_py_evm_makes(case: Case, has_bloom: bool) -> None:
    assert encode_receipt(case.answer(has_bloom=has_bloom)) == case.encoded()


@settings(deadline=None, max_examples=50)
@given(st.lists(cases, max_size=20))
def test_the_root_is_that_of_another_trie(some: list[Case]) -> None:
    trie = HexaryTrie({})
    for place, case in enumerate(some):
        trie[rlp.encode(place)] = case.encoded()
    assert receipts_root([case.answer() for case in some]) == "0x" + bytes(trie.root_hash).hex()


@settings(deadline=None)
@given(st.lists(cases, max_size=8))
def test_the_bloom_is_that_of_another_filter(some: list[Case]) -> None:
    bloom = eth_bloom.BloomFilter()
    texts = []
    for case in some:
        for address, marks, _ in case.logs:
            for item in (address, *marks):
                bloom.add(item)
                texts.append("0x" + item.hex())
    assert bloom_of(texts) == int(bloom)


def plain(**changes: object) -> ProvableReceiptAnswer:
    case = Case(type=2, outcome=True, gas=21_000, logs=[(b"\1" * 20, [b"\2" * 32], b"\3")])
    return msgspec.structs.replace(case.answer(), **changes)


@pytest.mark.parametrize("kind", ["0x5", "0x7e", "0x7f", "0xff"])
def test_an_unknown_type_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"unknown type {int(kind, 16)}"):
        receipts_root([plain(type=kind)])


def test_a_chain_can_have_fewer_types() -> None:
    with pytest.raises(ValueError, match="unknown type 2"):
        receipts_root([plain()], types=(0, 1))


def test_a_receipt_that_says_nothing_of_its_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="neither status nor state root"):
        encode_receipt(plain(status=None))
    with pytest.raises(ValueError, match="unknown status '0x2'"):
        encode_receipt(plain(status="0x2"))


def test_no_blank_shifts_what_follows() -> None:
    """What is read as digits two by two must not be shorter than the room that was made for it."""
    for blanks in ("  ", "\t\n", " " * 510):
        short = "0x" + "00" * 256
        short = short[: -len(blanks)] + blanks
        with pytest.raises(ValueError, match="blanks among"):
            encode_receipt(plain(logs_bloom=short))
    with pytest.raises(ValueError, match="a bloom of 255 bytes"):
        encode_receipt(plain(logs_bloom="0x" + "00" * 255))
    with pytest.raises(ValueError, match="blanks among"):
        encode_receipt(plain(status=None, root="0x" + "00" * 31 + "  "))


def test_a_log_of_five_topics_is_refused() -> None:
    (log,) = plain().logs
    five = msgspec.structs.replace(log, topics=(HASH,) * 5)
    with pytest.raises(ValueError, match="a log of 5 topics"):
        encode_receipt(plain(logs=(five,)))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "0x0"},
        {"cumulative_gas_used": "0x1"},
        {"type": "0x0"},
        {"logs": ()},
        {"logs_bloom": "0x" + "00" * 256},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_field_counts(changes: dict[str, object]) -> None:
    assert receipts_root([plain(**changes)]) != receipts_root([plain()])


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "0x" + "09" * 20},
        {"topics": ()},
        {"topics": ("0x" + "09" * 32,)},
        {"data": "0x"},
        {"data": "0x04"},
    ],
    ids=str,
)
def test_every_field_of_a_log_counts(changes: dict[str, object]) -> None:
    (log,) = plain().logs
    changed = plain(logs=(msgspec.structs.replace(log, **changes),))
    assert receipts_root([changed]) != receipts_root([plain()])
