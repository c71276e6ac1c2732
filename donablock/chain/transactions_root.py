"""The transactions' root of a block, recomputed from what a node answered, and with it each hash.

Under a root that is right nobody can change what was paid to whom and with which data. Who sent it
is in the signature, from which it is not recovered here: that would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from donablock.chain.answers import (
    AccessAnswer,
    AuthorizationAnswer,
    ProvableTransactionAnswer,
)
from donablock.chain.keccak import keccak
from donablock.chain.receipts_root import KNOWN_TYPES
from donablock.chain.rlp import encode_bytes, encode_list, encode_quantity
from donablock.chain.trie import ordered_root

__all__ = ["created_address", "encode_transaction", "transactions_root"]

_NOTHING = encode_bytes(b"")


def transactions_root(
    transactions: Sequence[ProvableTransactionAnswer], types: Collection[int] = KNOWN_TYPES
) -> str:
    """As the header has it. Every text in `transactions` is known to be lower-case hexadecimal.

    Raises ValueError for a type that is not among `types`, a field that is missing, and a hash that
    is not the transaction's.
    """
    encoded = [encode_transaction(one, types) for one in transactions]
    for one, data in zip(transactions, encoded, strict=True):
        if one.hash != "0x" + keccak(data).hex():
            raise ValueError(f"a transaction that does not hash to {one.hash}")
    return "0x" + ordered_root(encoded).hex()


def encode_transaction(
    one: ProvableTransactionAnswer, types: Collection[int] = KNOWN_TYPES
) -> bytes:
    """What stands in the trie, and what the transaction's hash is of. Raises ValueError."""
    kind = int(one.type, 16)
    if kind not in types or kind not in KNOWN_TYPES:
        raise ValueError(f"a transaction of the unknown type {kind}")
    to = _NOTHING if one.to is None else _data(one.to)
    call = (_number(one.gas), to, _number(one.value), _data(one.input))
    if kind == 0:
        price = _there(one.gas_price, "gasPrice")
        fields = [_number(one.nonce), _number(price), *call]
        return encode_list([*fields, _number(one.v), _number(one.r), _number(one.s)])
    fields = [_number(_there(one.chain_id, "chainId")), _number(one.nonce)]
    if kind == 1:
        fields.append(_number(_there(one.gas_price, "gasPrice")))
    else:
        fields.append(_number(_there(one.max_priority_fee_per_gas, "maxPriorityFeePerGas")))
        fields.append(_number(_there(one.max_fee_per_gas, "maxFeePerGas")))
    fields += call
    fields.append(_accesses(one.access_list or ()))
    if kind == 3:
        fields.append(_number(_there(one.max_fee_per_blob_gas, "maxFeePerBlobGas")))
        fields.append(encode_list(map(_data, one.blob_versioned_hashes or ())))
    if kind == 4:
        fields.append(encode_list(map(_authorization, one.authorization_list or ())))
    fields += [_number(one.y_parity or one.v), _number(one.r), _number(one.s)]
    return bytes((kind,)) + encode_list(fields)


def created_address(sender: str, nonce: str) -> str:
    """Of the contract that a transaction of `sender` makes."""
    return "0x" + keccak(encode_list([_data(sender), _number(nonce)]))[12:].hex()


def _accesses(accesses: Sequence[AccessAnswer]) -> bytes:
    return encode_list(
        encode_list([_data(one.address), encode_list(map(_data, one.storage_keys))])
        for one in accesses
    )


def _authorization(one: AuthorizationAnswer) -> bytes:
    return encode_list(
        [
            _number(one.chain_id),
            _data(one.address),
            _number(one.nonce),
            _number(one.y_parity),
            _number(one.r),
            _number(one.s),
        ]
    )


def _there(text: str | None, name: str) -> str:
    if text is None:
        raise ValueError(f"a transaction without {name}")
    return text


def _data(text: str) -> bytes:
    return encode_bytes(bytes.fromhex(text[2:]))


def _number(text: str) -> bytes:
    return encode_quantity(int(text, 16))
