"""Blocks as the services pass them on."""

from __future__ import annotations

import msgspec
import pytest

from donablock.chain.blocks import Block, Log, Transaction, decode_block, encode_block

HASH = "0x" + "ab" * 32
ADDRESS = "0x" + "cd" * 20


def block() -> Block:
    log = Log(ADDRESS, (HASH, HASH), "0x01", 7)
    made = Transaction(HASH, 0, ADDRESS, None, hex(2**256 - 1), "0x6000", True, ADDRESS, (log,))
    failed = Transaction(HASH, 1, ADDRESS, ADDRESS, "0x0", "0x", False, None, ())
    return Block(31337, 2**40, HASH, HASH, 1_800_000_000, (made, failed))


def test_a_block_is_the_same_after_msgpack() -> None:
    assert decode_block(encode_block(block())) == block()
    assert decode_block(memoryview(encode_block(block()))) == block()


def test_amounts_above_64_bits_are_exact() -> None:
    assert block().transactions[0].amount == 2**256 - 1
    assert block().transactions[1].amount == 0


def test_a_block_has_a_reference() -> None:
    ref = block().ref
    assert (ref.number, ref.hash, ref.parent, ref.timestamp) == (2**40, HASH, HASH, 1_800_000_000)


@pytest.mark.parametrize("data", [b"", b"\xc0", encode_block(block())[:-1], b"{}"])
def test_what_is_no_block_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_block(data)
