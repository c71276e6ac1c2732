"""A mapping that never changes, and whose next version costs little to make.

It is a few dicts, the newest first: a large one, and what changed since. An edit writes into a new
one; layers that have become alike in size are put together. So one change among a million keys
copies about a thousand of them, once in a thousand changes some ten thousand, and once in thirty
thousand changes all.

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


class Layers(Generic[V]):
    """From text to anything but None."""

    __slots__ = ("_keys", "_layers", "_size")

    def __init__(self, layers: tuple[dict[str, V | None], ...] = ({},), size: int = 0) -> None:
        self._layers = layers
        self._size = size
        self._keys: tuple[AbstractSet[str], ...] = ()

    def get(self, key: str) -> V | None:
        for layer in self._layers:
            found = layer.get(key, _ABSENT)
            if found is not _ABSENT:
                return cast("V | None", found)
        return None

    def among(self, keys: set[str]) -> set[str]:
        """Those of the keys that are here. A few more may be named, which were removed lately."""
        if not self._keys:
            self._keys = tuple(
                layer.keys() if len(layer) <= _LARGE else frozenset(layer) for layer in self._layers
            )
        found: set[str] = set()
        for layer in self._keys:
            found |= keys & layer
        return found

    def __len__(self) -> int:
        return self._size

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        for at, layer in enumerate(self._layers):
            for key, value in layer.items():
                if value is not None and not any(key in newer for newer in self._layers[:at]):
                    yield key

    def edit(self) -> Edit[V]:
        """Starts the next version. This one stays as it is."""
        return Edit(self, self._layers)

    def bytes_used(self) -> int:
        """By the mapping itself, without its keys and values."""
        sets = (keys for keys in self._keys if isinstance(keys, frozenset))
        return sum(map(sys.getsizeof, self._layers)) + sum(map(sys.getsizeof, sets))


class Edit(Generic[V]):
    """The next version of a mapping, in the making."""

    def __init__(self, base: Layers[V], layers: tuple[dict[str, V | None], ...]) -> None:
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

    def update(self, items: Iterable[tuple[str, V]]) -> None:
        for key, value in items:
            self[key] = value

    def done(self) -> Layers[V]:
        """The new version; the same one if nothing changed."""
        if not self._top:
            return self._base
        layers = [self._top, *self._layers]
        while len(layers) > 1 and _are_joined(layers[0], layers[1]):
            top, below = layers[0], layers[1]
            layers[:2] = [{**below, **top} if below else top]
        if len(layers) == 1 and None in layers[0].values():
            layers = [{key: value for key, value in layers[0].items() if value is not None}]
        return Layers(tuple(layers), self._size)


def _are_joined(top: dict[str, V | None], below: dict[str, V | None]) -> bool:
    return len(below) <= _SMALL or len(top) * _RATIO > len(below)
