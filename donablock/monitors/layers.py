"""A mapping that never changes, and whose next version costs little to make.

It is a few dicts, the newest first: a large one, and what changed since. An edit writes into a new
one; layers that have become alike in size are put together. So one change among a million keys
copies about a thousand of them, once in a thousand changes some ten thousand, and once in thirty
thousand changes all. Versions share the layers that did not change.

What is looked up in bulk (`among`) is looked up in C, layer by layer, and the large layers as sets:
these keep the hashes beside each other, so that a key which is not there costs one miss of the
processor's cache instead of three.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar, cast

__all__ = ["Edit", "Layers"]

V = TypeVar("V")

# a layer no larger than this is put together with the next change
_SMALL = 1_024
# and so is one that has not at least so many times the keys of the layer above
_RATIO = 32
# a layer with more keys than this is looked up as a set
_LARGE = 4_096

_ABSENT = object()


class _Layer(Generic[V]):
    """One dict, which is not written to any more. None: the key was removed."""

    __slots__ = ("_keys", "items")

    def __init__(self, items: dict[str, V | None]) -> None:
        self.items = items
        self._keys: AbstractSet[str] | None = None

    @property
    def keys(self) -> AbstractSet[str]:
        """Made at the first look and kept, for all versions that share the layer."""
        if self._keys is None:
            is_large = len(self.items) > _LARGE
            self._keys = frozenset(self.items) if is_large else self.items.keys()
        return self._keys

    def bytes_used(self) -> int:
        own = sys.getsizeof(self._keys) if isinstance(self._keys, frozenset) else 0
        return sys.getsizeof(self.items) + own


class Layers(Generic[V]):
    """From text to anything but None."""

    __slots__ = ("_layers", "_size")

    def __init__(self, layers: tuple[_Layer[V], ...] = (), size: int = 0) -> None:
        self._layers = layers
        self._size = size

    @classmethod
    def of(cls, keys: Iterable[str], value: V) -> Layers[V]:
        """The same value for every key."""
        items: dict[str, V | None] = dict.fromkeys(keys, value)
        return cls((_Layer(items),), len(items))

    def get(self, key: str) -> V | None:
        for layer in self._layers:
            found = layer.items.get(key, _ABSENT)
            if found is not _ABSENT:
                return cast("V | None", found)
        return None

    def among(self, keys: set[str]) -> set[str]:
        """Those of the keys that are here. A few more may be named, which were removed lately."""
        found: set[str] = set()
        for layer in self._layers:
            found |= keys & layer.keys
        return found

    def __len__(self) -> int:
        return self._size

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        for at, layer in enumerate(self._layers):
            newer = self._layers[:at]
            for key, value in layer.items.items():
                if value is not None and not any(key in one.items for one in newer):
                    yield key

    def edit(self) -> Edit[V]:
        """Starts the next version. This one stays as it is."""
        return Edit(self, self._layers)

    def bytes_used(self) -> int:
        """By the mapping itself, without its keys and values."""
        return sum(layer.bytes_used() for layer in self._layers)


class Edit(Generic[V]):
    """The next version of a mapping, in the making."""

    def __init__(self, base: Layers[V], layers: tuple[_Layer[V], ...]) -> None:
        self._base = base
        self._layers = layers
        self._top: dict[str, V | None] = {}
        self._size = len(base)

    def __len__(self) -> int:
        return self._size

    def get(self, key: str) -> V | None:
        found = self._top.get(key, _ABSENT)
        return self._base.get(key) if found is _ABSENT else cast("V | None", found)

    def __setitem__(self, key: str, value: V) -> None:
        if self.get(key) is None:
            self._size += 1
        self._top[key] = value

    def pop(self, key: str) -> V | None:
        found = self.get(key)
        if found is not None:
            self._size -= 1
            self._top[key] = None
        return found

    def done(self) -> Layers[V]:
        """The new version; the same one if nothing changed."""
        if not self._top:
            return self._base
        top, below = self._top, list(self._layers)
        while below and _are_joined(top, below[0].items):
            top = {**below.pop(0).items, **top}
        if not below and None in top.values():
            top = {key: value for key, value in top.items() if value is not None}
        if not top and not below:
            return Layers()
        return Layers((_Layer(top), *below), self._size)


def _are_joined(top: dict[str, V | None], below: dict[str, V | None]) -> bool:
    return len(below) <= _SMALL or len(top) * _RATIO > len(below)
