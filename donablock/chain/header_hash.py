"""The hash of a block, recomputed from its header, for every fork of Ethereum up to Prague."""

from __future__ import annotations

from donablock.chain.answers import HeaderAnswer
from donablock.chain.keccak import keccak
from donablock.chain.rlp import encode_bytes, encode_list, encode_quantity

__all__ = ["header_hash"]


def header_hash(header: HeaderAnswer) -> str:
    """What `header.hash` must be.

    Raises ValueError where a field is no hexadecimal text, or a fork's field is there without
    those of the forks before it.
    """
    fields = [
        _data(header.parent_hash),
        _data(header.sha3_uncles),
        _data(header.miner),
        _data(header.state_root),
        _data(header.transactions_root),
        _data(header.receipts_root),
        _data(header.logs_bloom),
        _number(header.difficulty),
        _number(header.number),
        _number(header.gas_limit),
        _number(header.gas_used),
        _number(header.timestamp),
        _data(header.extra_data),
        _data(header.mix_hash or ""),
        _data(header.nonce or ""),
    ]
    is_over = ""
    # in the order in which forks added them: London, Shanghai, Cancun (three), Prague
    for name, value, encode in (
        ("baseFeePerGas", header.base_fee_per_gas, _number),
        ("withdrawalsRoot", header.withdrawals_root, _data),
        ("blobGasUsed", header.blob_gas_used, _number),
        ("excessBlobGas", header.excess_blob_gas, _number),
        ("parentBeaconBlockRoot", header.parent_beacon_block_root, _data),
        ("requestsHash", header.requests_hash, _data),
    ):
        if value is None:
            is_over = is_over or name
        elif is_over:
            raise ValueError(f"a header with {name} and without {is_over}")
        else:
            fields.append(encode(value))
    return "0x" + keccak(encode_list(fields)).hex()


def _data(text: str) -> bytes:
    return encode_bytes(bytes.fromhex(text.removeprefix("0x")))


def _number(text: str) -> bytes:
    return encode_quantity(int(text, 16))
