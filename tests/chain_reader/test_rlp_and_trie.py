"""RLP and the ordered trie, beside the implementations that py-evm is made of."""

from __future__ import annotations

import rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from rlp.sedes import big_endian_int
from trie import HexaryTrie

from donablock.chain.rlp import encode_bytes, encode_list, encode_quantity
from donablock.chain.trie import EMPTY_ROOT, ordered_root

Nested = list["Nested"] | bytes

# around every length at which the encoding changes: 1, 55, 56, 255, 256, 65,535, 65,536
lengths = st.sampled_from([0, 1, 2, 54, 55, 56, 57, 254, 255, 256, 257, 65_535, 65_536])
texts = st.binary(max_size=80) | lengths.map(lambda size: b"\x7f" * size)
nested = st.recursive(texts, lambda inner: st.lists(inner, max_size=6), max_leaves=20)


def encode(item: Nested) -> bytes:
    return encode_bytes(item) if isinstance(item, bytes) else encode_list(map(encode, item))


@given(nested)
def test_rlp_is_what_another_implementation_makes(item: Nested) -> None:
    assert encode(item) == rlp.encode(item)


@given(nested)
def test_rlp_can_be_read_back(item: Nested) -> None:
    assert rlp.decode(encode(item)) == item


@given(st.integers(min_value=0, max_value=2**256 - 1) | st.integers(min_value=0, max_value=300))
def test_numbers_have_no_leading_zeros(number: int) -> None:
    assert encode_quantity(number) == rlp.encode(number, big_endian_int)


def oracle(values: list[bytes]) -> bytes:
    trie = HexaryTrie({})
    for place, value in enumerate(values):
        trie[rlp.encode(place)] = value
    return bytes(trie.root_hash)


def test_the_root_of_nothing() -> None:
    assert ordered_root([]) == EMPTY_ROOT == oracle([])
    assert EMPTY_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


# a value below 32 bytes makes nodes that stand whole in their parent
values = st.binary(min_size=1, max_size=70)


@settings(deadline=None)
@given(st.lists(values, min_size=1, max_size=40))
def test_the_root_is_what_another_implementation_makes(some: list[bytes]) -> None:
    assert ordered_root(some) == oracle(some)


@settings(deadline=None, max_examples=15)
@given(
    st.sampled_from([1, 2, 15, 16, 17, 127, 128, 129, 143, 144, 255, 256, 257, 271, 272, 1_000]),
    values,
)
def test_the_root_is_right_at_every_size_where_keys_grow(count: int, value: bytes) -> None:
    some = [value + bytes((place % 251,)) for place in range(count)]
    assert ordered_root(some) == oracle(some)


@settings(deadline=None)
@given(st.lists(values, min_size=1, max_size=30), st.data())
def test_every_value_and_its_place_count(some: list[bytes], data: st.DataObject) -> None:
    root = ordered_root(some)
    at = data.draw(st.integers(0, len(some) - 1))
    assert ordered_root([*some[:at], some[at] + b"!", *some[at + 1 :]]) != root
    assert ordered_root(some[:-1]) != root
    assert ordered_root([*some, b"?"]) != root
    if some[0] != some[-1]:
        assert ordered_root(some[::-1]) != root
