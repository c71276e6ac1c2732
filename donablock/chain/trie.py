"""The root of an ordered Merkle-Patricia trie: of a block's receipts, by their place in the block.

Keys are the RLP of the places, so no key is the beginning of another, and the shape of the trie
depends on the number of values alone: it is worked out once for each number.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from donablock.chain.keccak import keccak
from donablock.chain.rlp import encode_bytes, encode_list, encode_quantity

__all__ = ["EMPTY_ROOT", "ordered_root"]

EMPTY_ROOT = keccak(encode_bytes(b""))
_NOTHING = encode_bytes(b"")
_HASHED = 32


class _Leaf(NamedTuple):
    path: bytes  # encoded
    place: int


class _Extension(NamedTuple):
    path: bytes  # encoded
    below: _Branch


class _Branch(NamedTuple):
    below: tuple[_Node | None, ...]  # sixteen


_Node = _Leaf | _Extension | _Branch


def ordered_root(values: Sequence[bytes]) -> bytes:
    """The root over {rlp(place): value}. No value is empty."""
    if not values:
        return EMPTY_ROOT
    return keccak(_encode(_shape(len(values)), values))


def _encode(node: _Node, values: Sequence[bytes]) -> bytes:
    if isinstance(node, _Leaf):
        return encode_list((node.path, encode_bytes(values[node.place])))
    if isinstance(node, _Extension):
        return encode_list((node.path, _reference(node.below, values)))
    below = [_NOTHING if one is None else _reference(one, values) for one in node.below]
    # a branch may end a key too; no key is the beginning of another here
    below.append(_NOTHING)
    return encode_list(below)


def _reference(node: _Node, values: Sequence[bytes]) -> bytes:
    """How a parent names a node: by hash, or whole where that is shorter."""
    encoded = _encode(node, values)
    return encoded if len(encoded) < _HASHED else encode_bytes(keccak(encoded))


@lru_cache(maxsize=256)
def _shape(count: int) -> _Node:
    keys = sorted((encode_quantity(place).hex(), place) for place in range(count))
    return _grow(keys, 0)


def _grow(keys: list[tuple[str, int]], depth: int) -> _Node:
    """The node for keys, as hexadecimal digits in order, that are alike up to `depth`."""
    first, place = keys[0]
    if len(keys) == 1:
        return _Leaf(encode_bytes(_compact(first[depth:], is_leaf=True)), place)
    last = keys[-1][0]
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    groups: list[list[tuple[str, int]]] = [[] for _ in range(16)]
    for key in keys:
        groups[int(key[0][shared], 16)].append(key)
    branch = _Branch(tuple(_grow(group, shared + 1) if group else None for group in groups))
    if shared == depth:
        return branch
    return _Extension(encode_bytes(_compact(first[depth:shared], is_leaf=False)), branch)


def _compact(path: str, *, is_leaf: bool) -> bytes:
    """Hexadecimal digits as bytes: the first digit tells kind and oddness."""
    flag = 2 if is_leaf else 0
    return bytes.fromhex(f"{flag + 1}{path}" if len(path) % 2 else f"{flag}0{path}")
