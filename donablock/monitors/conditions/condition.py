"""A condition as the rest of the house uses it: text in, a question that values answer out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from donablock.monitors.conditions.compiler import compiled
from donablock.monitors.conditions.limits import LIMITS, Limits
from donablock.monitors.conditions.parser import parse, parse_value
from donablock.monitors.conditions.schema import Schema
from donablock.monitors.conditions.tree import Field, Node, children
from donablock.monitors.conditions.types import Type
from donablock.monitors.conditions.writer import write

__all__ = ["Condition", "Expression"]


@dataclass(frozen=True)
class Expression:
    """A checked tree, and the function that it is compiled to at its first use."""

    tree: Node

    @classmethod
    def read(cls, text: str, schema: Schema, limits: Limits = LIMITS) -> Expression:
        """Raises ConditionError."""
        return cls(parse_value(text, schema, limits))

    @property
    def type(self) -> Type:
        return self.tree.type

    @property
    def text(self) -> str:
        """Its one canonical form."""
        return write(self.tree)

    @cached_property
    def value(self) -> Callable[[Sequence[Any]], Any]:
        """Of the values of the schema's fields. Raises UNDEFINED where there is none."""
        return compiled(self.tree)

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that are read."""
        return frozenset(node.name for node in _walk(self.tree) if isinstance(node, Field))


class Condition(Expression):
    """An expression that is true or false."""

    @classmethod
    def read(cls, text: str, schema: Schema, limits: Limits = LIMITS) -> Condition:
        """Raises ConditionError."""
        return cls(parse(text, schema, limits))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _walk(child)
