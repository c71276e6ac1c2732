"""The hash of headers: real ones, and any that py-evm can make, of every fork up to Prague."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eth.rlp.headers import BlockHeader
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth.vm.forks.london.blocks import LondonBlockHeader
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.shanghai.blocks import ShanghaiBlockHeader
from hypothesis import given, settings
from hypothesis import strategies as st

from donablock.chain.answers import HeaderAnswer
from donablock.chain.header_hash import header_hash

VECTORS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "vectors" / "headers.json").read_text()
)
FORKS = {
    "frontier to berlin": (BlockHeader, ()),
    "london, paris": (LondonBlockHeader, ("base_fee_per_gas",)),
    "shanghai": (ShanghaiBlockHeader, ("base_fee_per_gas", "withdrawals_root")),
    "cancun": (
        CancunBlockHeader,
        (
            "base_fee_per_gas",
            "withdrawals_root",
            "blob_gas_used",
            "excess_blob_gas",
            "parent_beacon_block_root",
        ),
    ),
    "prague": (
        PragueBlockHeader,
        (
            "base_fee_per_gas",
            "withdrawals_root",
            "blob_gas_used",
            "excess_blob_gas",
            "parent_beacon_block_root",
            "requests_hash",
        ),
    ),
}
words = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**64 - 1)
fields: dict[str, st.SearchStrategy[Any]] = {
    "parent_hash": words,
    "uncles_hash": words,
    "coinbase": st.binary(min_size=20, max_size=20),
    "state_root": words,
    "transaction_root": words,
    "receipt_root": words,
    "bloom": st.integers(0, 2**2048 - 1),
    "difficulty": numbers,
    "block_number": numbers,
    "gas_limit": numbers,
    "gas_used": numbers,
    "timestamp": numbers,
    "extra_data": st.binary(max_size=97),
    "mix_hash": words,
    "nonce": st.binary(min_size=8, max_size=8),
    "base_fee_per_gas": numbers,
    "withdrawals_root": words,
    "blob_gas_used": numbers,
    "excess_blob_gas": numbers,
    "parent_beacon_block_root": words,
    "requests_hash": words,
}
# where a node's name is not py-evm's
NAMES = {
    "uncles_hash": "sha3_uncles",
    "coinbase": "miner",
    "transaction_root": "transactions_root",
    "receipt_root": "receipts_root",
    "bloom": "logs_bloom",
    "block_number": "number",
}
COMMON = tuple(fields)[:15]


def answer(values: dict[str, Any], hash: bytes) -> HeaderAnswer:
    """As a node gives it."""
    given = {
        NAMES.get(name, name): f"0x{value:0512x}"
        if name == "bloom"
        else hex(value)
        if isinstance(value, int)
        else "0x" + value.hex()
        for name, value in values.items()
    }
    return HeaderAnswer(hash="0x" + hash.hex(), **given)


@pytest.mark.parametrize("name", VECTORS)
def test_real_headers(name: str) -> None:
    header = msgspec.convert(VECTORS[name], HeaderAnswer)
    assert header_hash(header) == header.hash


@pytest.mark.parametrize("fork", FORKS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_headers_of_every_fork_are_what_py_evm_makes(fork: str, data: st.DataObject) -> None:
    kind, added = FORKS[fork]
    values = {name: data.draw(fields[name]) for name in (*COMMON, *added)}
    assert header_hash(answer(values, b"\0" * 32)) == "0x" + kind(**values).hash.hex()


LATEST = msgspec.convert(VECTORS["Sepolia 11319411, Prague"], HeaderAnswer)
OTHER = {66: "0x" + "12" * 32, 42: "0x" + "12" * 20, 514: "0x" + "12" * 256}


@pytest.mark.parametrize(
    "name", [name for name in HeaderAnswer.__struct_fields__ if name != "hash"]
)
def test_every_field_counts(name: str) -> None:
    changed = OTHER.get(len(getattr(LATEST, name)), "0x1234567812345678")
    assert header_hash(msgspec.structs.replace(LATEST, **{name: changed})) != LATEST.hash


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ("withdrawals_root", "base_fee_per_gas"),
        ("requests_hash", "excess_blob_gas"),
        ("parent_beacon_block_root", "blob_gas_used"),
    ],
)
def test_a_fork_s_field_needs_those_before_it(present: str, missing: str) -> None:
    assert getattr(LATEST, present) is not None
    with pytest.raises(ValueError, match="a header with .* and without"):
        header_hash(msgspec.structs.replace(LATEST, **{missing: None}))


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError):
        header_hash(msgspec.structs.replace(LATEST, gas_used="0xzz"))
    with pytest.raises(ValueError):
        header_hash(msgspec.structs.replace(LATEST, extra_data="0xabc"))
