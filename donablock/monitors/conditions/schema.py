"""What a condition may read: named and typed fields, and units of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from donablock.monitors.conditions.tree import Field
from donablock.monitors.conditions.types import Type

__all__ = ["Schema", "SchemaField"]


@dataclass(frozen=True, slots=True)
class SchemaField:
    """`name` may have dots ("block.number"). `aliases`: other names of the same field."""

    name: str
    type: Type
    note: str = ""
    aliases: tuple[str, ...] = ()


class Schema:
    """The fields in the order in which their values are given to a compiled condition.

    `units`: what may stand behind a number besides the units that are always there, as powers of
    ten: {"USDC": 6}.
    """

    def __init__(self, fields: Iterable[SchemaField], units: Mapping[str, int] | None = None):
        self.fields = tuple(fields)
        self.units = dict(units or {})
        self._known: dict[str, Field] = {}
        for position, field in enumerate(self.fields):
            for name in (field.name, *field.aliases):
                if name in self._known:
                    raise ValueError(f"two fields of a schema are called {name}")
                self._known[name] = Field(field.name, position, field.type)
        self.spaces = frozenset(name.partition(".")[0] for name in self._known if "." in name)
        if self.spaces & self._known.keys():
            raise ValueError("a name of a schema is both a field and the start of others")

    def __len__(self) -> int:
        return len(self.fields)

    def get(self, name: str) -> Field | None:
        return self._known.get(name)

    @property
    def names(self) -> list[str]:
        """Every name that is understood."""
        return list(self._known)

    def within(self, space: str) -> list[str]:
        """The names that start with `space` and a dot."""
        return [name for name in self._known if name.startswith(space + ".")]
