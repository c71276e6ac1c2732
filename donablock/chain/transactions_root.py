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
from donablock.chain.hexadecimal import unhexed
from donablock.chain.keccak import keccak
from donablock.chain.receipts_root import KNOWN_TYPES
from donablock.chain.rlp import BYTES, LIST, head
from donablock.chain.trie import ordered_root

__all__ = ["created_address", "encode_transaction", "transactions_root"]

# Everything is put together as hexadecimal digits, and made bytes once: nodes give digits.
_NOTHING = head(0, BYTES).hex()
_HEADS = tuple(head(size, BYTES).hex() for size in range(56))


def transactions_root(
    transactions: Sequence[ProvableTransactionAnswer], types: Collection[int] = KNOWN_TYPES
) -> str:
    """As the header has it. Hashes, addresses, inputs and values in `transactions` are known to be
    lower-case hexadecimal.

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
    call = f"{_number(one.gas)}{to}{_number(one.value)}{_data(one.input)}"
    signature = f"{_number(one.r)}{_number(one.s)}"
    if kind == 0:
        price = _number(_there(one.gas_price, "gasPrice"))
        return unhexed(_list(f"{_number(one.nonce)}{price}{call}{_number(one.v)}{signature}"))
    if kind == 1:
        price = _number(_there(one.gas_price, "gasPrice"))
    else:
        tip = _there(one.max_priority_fee_per_gas, "maxPriorityFeePerGas")
        price = f"{_number(tip)}{_number(_there(one.max_fee_per_gas, 'maxFeePerGas'))}"
    more = _accesses(one.access_list) if one.access_list else _list("")
    if kind == 3:
        more += _number(_there(one.max_fee_per_blob_gas, "maxFeePerBlobGas"))
        more += _list("".join(map(_data, one.blob_versioned_hashes or ())))
    if kind == 4:
        more += _list("".join(map(_authorization, one.authorization_list or ())))
    chain_id = _number(_there(one.chain_id, "chainId"))
    parity = _number(one.y_parity or one.v)
    listed = _list(f"{chain_id}{_number(one.nonce)}{price}{call}{more}{parity}{signature}")
    return unhexed(f"{kind:02x}{listed}")


def created_address(sender: str, nonce: str) -> str:
    """Of the contract that a transaction of `sender` makes. Raises ValueError."""
    named = unhexed(_list(_data(sender) + _number(nonce)))
    return "0x" + keccak(named)[12:].hex()


def _accesses(accesses: Sequence[AccessAnswer]) -> str:
    return _list(
        "".join(
            _list(_data(one.address) + _list("".join(map(_data, one.storage_keys))))
            for one in accesses
        )
    )


def _authorization(one: AuthorizationAnswer) -> str:
    return _list(
        f"{_number(one.chain_id)}{_data(one.address)}{_number(one.nonce)}"
        f"{_number(one.y_parity)}{_number(one.r)}{_number(one.s)}"
    )


def _there(text: str | None, name: str) -> str:
    if text is None:
        raise ValueError(f"a transaction without {name}")
    return text


def _list(inner: str) -> str:
    return head(len(inner) // 2, LIST).hex() + inner


def _data(text: str) -> str:
    digits = text[2:]
    size = len(digits) // 2
    if size == 1 and digits < "80":
        return digits
    return (_HEADS[size] if size < len(_HEADS) else head(size, BYTES).hex()) + digits


def _number(text: str) -> str:
    """Without leading zeros; at most 32 bytes, or it would not have been decoded."""
    digits = text[2:].lstrip("0")
    if len(digits) % 2:
        digits = "0" + digits
    size = len(digits) // 2
    return digits if size == 1 and digits < "80" else _HEADS[size] + digits
