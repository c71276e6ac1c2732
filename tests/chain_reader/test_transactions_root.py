"""Transactions and their root: real ones, and any that eth_account signs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rlp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from donablock.chain.answers import ProvableTransactionAnswer
from donablock.chain.keccak import keccak
from donablock.chain.transactions_root import (
    created_address,
    encode_transaction,
    transactions_root,
)

VECTORS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "vectors" / "transactions.json").read_text()
)
SIGNER: LocalAccount = Account.from_key("0x" + "11" * 32)
AUTHORITY: LocalAccount = Account.from_key("0x" + "22" * 32)

addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)
words = st.binary(min_size=32, max_size=32).map(lambda data: "0x" + data.hex())
small, large = st.integers(0, 2**64 - 1), st.integers(0, 2**256 - 1)
access_lists = st.lists(
    st.fixed_dictionaries({"address": addresses, "storageKeys": st.lists(words, max_size=2)}),
    max_size=2,
)


@st.composite
def unsigned(draw: st.DrawFn, kind: int) -> dict[str, Any]:
    """Fields as eth_account takes them."""
    fields: dict[str, Any] = {
        "nonce": draw(small),
        "gas": draw(small),
        "value": draw(large),
        "data": draw(st.binary(max_size=80)),
        "chainId": draw(st.integers(1, 2**32)),
    }
    if kind >= 3 or draw(st.booleans()):
        fields["to"] = draw(addresses)
    if kind in {0, 1}:
        fields["gasPrice"] = draw(small)
    else:
        fields |= {"maxFeePerGas": draw(small), "maxPriorityFeePerGas": draw(small)}
    if kind:
        fields |= {"type": kind, "accessList": draw(access_lists)}
    if kind == 3:
        hashes = st.binary(min_size=31, max_size=31).map(lambda rest: b"\1" + rest)
        fields["maxFeePerBlobGas"] = draw(small)
        fields["blobVersionedHashes"] = draw(st.lists(hashes, min_size=1, max_size=3))
    if kind == 4:
        fields["authorizationList"] = [
            AUTHORITY.sign_authorization(
                {"chainId": draw(small), "address": draw(addresses), "nonce": draw(small)}
            )
            for _ in range(draw(st.integers(1, 2)))
        ]
    return fields


def signed(fields: dict[str, Any]) -> tuple[bytes, ProvableTransactionAnswer]:
    """What travels, and what a node says of it."""
    made = SIGNER.sign_transaction(fields)
    given: dict[str, Any] = {
        "hash": "0x" + bytes(made.hash).hex(),
        "from": SIGNER.address.lower(),
        "to": fields["to"].lower() if "to" in fields else None,
        "input": "0x" + fields["data"].hex(),
        "type": hex(fields.get("type", 0)),
        **{name: hex(value) for name, value in fields.items() if isinstance(value, int)},
        "v": hex(made.v),
        "r": hex(made.r),
        "s": hex(made.s),
    }
    given["type"] = hex(fields.get("type", 0))
    if "accessList" in fields:
        given["accessList"] = [
            {
                "address": one["address"].lower(),
                "storageKeys": one["storageKeys"],
            }
            for one in fields["accessList"]
        ]
    if "blobVersionedHashes" in fields:
        given["blobVersionedHashes"] = ["0x" + one.hex() for one in fields["blobVersionedHashes"]]
    if "authorizationList" in fields:
        given["authorizationList"] = [
            {
                "chainId": hex(one.chain_id),
                "address": "0x" + bytes(one.address).hex(),
                "nonce": hex(one.nonce),
                "yParity": hex(one.y_parity),
                "r": hex(one.r),
                "s": hex(one.s),
            }
            for one in fields["authorizationList"]
        ]
    return bytes(made.raw_transaction), msgspec.convert(given, ProvableTransactionAnswer)


@pytest.mark.parametrize("kind", range(5))
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_every_type_is_encoded_as_eth_account_does(kind: int, data: st.DataObject) -> None:
    raw, answer = signed(data.draw(unsigned(kind)))
    assert encode_transaction(answer) == raw
    assert answer.hash == "0x" + keccak(raw).hex()


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 4).flatmap(unsigned), max_size=6))
def test_the_root_is_that_of_another_trie(some: list[dict[str, Any]]) -> None:
    trie, answers = HexaryTrie({}), []
    for place, fields in enumerate(some):
        raw, answer = signed(fields)
        trie[rlp.encode(place)] = raw
        answers.append(answer)
    assert transactions_root(answers) == "0x" + bytes(trie.root_hash).hex()


@pytest.mark.parametrize("name", VECTORS)
def test_real_transactions(name: str) -> None:
    listed = msgspec.convert(VECTORS[name]["transactions"], list[ProvableTransactionAnswer])
    for one in listed:
        assert "0x" + keccak(encode_transaction(one)).hex() == one.hash
    if "transactionsRoot" in VECTORS[name]:
        assert transactions_root(listed) == VECTORS[name]["transactionsRoot"]


REAL = msgspec.convert(
    VECTORS["Goerli 8443561"]["transactions"], tuple[ProvableTransactionAnswer, ...]
)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "0x" + "12" * 20},
        {"to": None},
        {"value": "0x1"},
        {"input": "0x12"},
        {"nonce": "0x1"},
        {"gas": "0x1"},
        {"r": "0x1"},
        {"s": "0x1"},
        {"y_parity": "0x0"},
        {"type": "0x1"},
        {"chain_id": "0x1"},
        {"max_fee_per_gas": "0x1"},
        {"max_priority_fee_per_gas": "0x1"},
        {"hash": "0x" + "12" * 32},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_field_counts(changes: dict[str, Any]) -> None:
    changed = msgspec.structs.replace(REAL[0], **changes)
    with pytest.raises(ValueError, match="a transaction that does not hash to"):
        transactions_root([changed, *REAL[1:]])


def test_their_order_counts() -> None:
    assert transactions_root(REAL) != transactions_root(REAL[::-1])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"type": "0x7e"}, "unknown type 126"),
        ({"type": "0x5"}, "unknown type 5"),
        ({"chain_id": None}, "without chainId"),
        ({"max_fee_per_gas": None}, "without maxFeePerGas"),
        ({"max_priority_fee_per_gas": None}, "without maxPriorityFeePerGas"),
        ({"type": "0x0", "gas_price": None}, "without gasPrice"),
        ({"type": "0x3"}, "without maxFeePerBlobGas"),
        ({"value": "0xzz"}, "non-hexadecimal"),
        ({"nonce": "0x 1", "gas": "0x2 "}, "blanks among"),
        ({"input": "0x  "}, "blanks among"),
    ],
)
def test_what_cannot_be_encoded_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        transactions_root([msgspec.structs.replace(REAL[0], **changes)])


def test_a_chain_can_have_fewer_types() -> None:
    with pytest.raises(ValueError, match="unknown type 2"):
        transactions_root(REAL, types=(0, 1))


def test_the_address_of_a_contract_that_is_made() -> None:
    # the first two of every local chain's first account
    sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert created_address(sender, "0x0") == "0x5fbdb2315678afecb367f032d93f642f64180aa3"
    assert created_address(sender, "0x1") == "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"
    for bad in ("0x 1", "0xzz"):
        with pytest.raises(ValueError):
            created_address(sender, bad)
