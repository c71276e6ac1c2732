"""A monitor as it is asked for (`Definition`) and as blocks are matched against it (`Monitor`)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import msgspec
from eth_utils.address import to_checksum_address
from msgspec import Struct

from donablock.errors import DefinitionError
from donablock.monitors.abi import event_of, function_of
from donablock.monitors.builtin import BuiltinKind, builtin_kind
from donablock.monitors.categories import (
    CATEGORIES,
    INPUT,
    Category,
    Direction,
    EventKind,
    FunctionKind,
    Kind,
    LogKind,
    erc20,
    erc721,
    erc1155,
    native,
)
from donablock.monitors.conditions import Condition, Schema
from donablock.monitors.conditions.lexer import KEYWORDS, show
from donablock.monitors.conditions.names import meant
from donablock.monitors.conditions.parser import MAX_DECIMALS, UNITS
from donablock.monitors.window_text import read_window
from donablock.monitors.windows import Window

__all__ = [
    "MAX_CONTRACTS",
    "Definition",
    "Monitor",
    "address_of",
    "definition_of",
    "kind_of",
    "schema_of",
]

MAX_CONTRACTS = 1_000
_MAX_UNITS = 32

_ADDRESS = re.compile(r"0x[0-9A-Fa-f]{40}", re.ASCII)
_UNIT = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,31}", re.ASCII)

_TRANSFERS: dict[str, Kind] = {
    "native": native,
    "erc20": erc20,
    "erc721": erc721,
    "erc1155": erc1155,
}


class Definition(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a monitor looks for, as JSON keeps it.

    watches: "addresses" (what its own addresses have a part in) or "everything" (whatever happens,
    with its contracts if it names some). contracts: only what these emit, or are called; none means
    any. abi, signature: of the event or the function. events: of our own contracts, `Giving.*`;
    none means all. condition, window: docs/conditions.md. units: names of amounts in its condition,
    {"USDC": 6}. includes_failed: calls that failed too.
    """

    watches: Literal["addresses", "everything"] = "addresses"
    contracts: tuple[str, ...] = ()
    abi: Any = None
    signature: str = ""
    events: tuple[str, ...] = ()
    condition: str = ""
    window: str = ""
    units: dict[str, int] = {}
    includes_failed: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A monitor's condition and window, compiled."""

    test: Callable[[Sequence[Any]], Any] | None
    window: Window | None
    reads_input: bool


NOTHING = Program(None, None, False)


class Monitor:
    """One revision of a monitor, ready to be matched.

    active_from: the first block that it looks at. endpoint_id and tags are only passed on.
    """

    __slots__ = (
        *("id", "revision", "category", "direction", "contracts", "kind", "active_from"),
        *("endpoint_id", "tags", "definition", "is_watching_everything", "_program"),
    )

    def __init__(
        self,
        id: str,
        category: str,
        definition: Definition,
        *,
        direction: str = "all",
        revision: int = 0,
        active_from: int = 0,
        endpoint_id: str | None = None,
        tags: tuple[str, ...] = (),
        is_checked: bool = False,
    ) -> None:
        """is_checked: somebody made sure of the condition and the window before, so that they are
        compiled when they are first needed. Raises DefinitionError, ConditionError."""
        self.id = id
        self.revision = revision
        self.active_from = active_from
        self.endpoint_id = endpoint_id
        self.tags = tags
        self.definition = definition
        self.kind = kind_of(category, definition)
        self.category: Category = self.kind.category
        self.direction = _direction(direction, definition, self.kind)
        self.is_watching_everything = definition.watches == "everything"
        self.contracts = _contracts(definition, self.kind)
        self._program: Program | None = None
        if not definition.condition and not definition.window:
            self._program = NOTHING
        elif not is_checked:
            self._program = _compiled(self)

    @property
    def program(self) -> Program:
        """Raises ConditionError where a condition that counted as checked is none."""
        if self._program is None:
            self._program = _compiled(self)
        return self._program

    def __repr__(self) -> str:
        return f"Monitor({self.id}, revision {self.revision}, {self.category})"


def _compiled(monitor: Monitor) -> Program:
    definition = monitor.definition
    schema = schema_of(monitor.kind, definition)
    condition = _condition(definition.condition, schema) if definition.condition else None
    window = read_window(definition.window, schema) if definition.window else None
    if window is not None and window.is_by_address and monitor.is_watching_everything:
        raise DefinitionError(
            "the window counts `by address`, but the monitor watches no addresses of its own; "
            "group by a field, such as `by from`"
        )
    fields = condition.fields if condition else frozenset()
    fields |= window.fields if window else frozenset()
    return Program(condition.value if condition else None, window, INPUT in fields)


@lru_cache(maxsize=16_384)
def _condition(text: str, schema: Schema) -> Condition:
    # many monitors differ in their addresses alone
    return Condition.read(text, schema)


def schema_of(kind: Kind, definition: Definition) -> Schema:
    """What the monitor's condition may read. Raises DefinitionError for its units."""
    units = definition.units
    if len(units) > _MAX_UNITS:
        raise DefinitionError(f"at most {_MAX_UNITS} units of one's own")
    for name, decimals in units.items():
        if not _UNIT.fullmatch(name) or name in UNITS or name in KEYWORDS or name == "units":
            raise DefinitionError(
                f"{show(name)} cannot be the name of a unit; take letters and digits, at most 32, "
                "and no word of the language"
            )
        if not 0 <= decimals <= MAX_DECIMALS:
            raise DefinitionError(f"{name}: a unit has 0 to {MAX_DECIMALS} decimals")
    return kind.schema(units)


def kind_of(category: str, definition: Definition) -> Kind:
    """Raises DefinitionError."""
    if definition.events and category != "donablock":
        raise DefinitionError(
            "`events` are those of our own contracts, in the category donablock; of another "
            "contract's event give `abi` or `signature`"
        )
    if category in ("event", "function"):
        abi = definition.abi
        try:
            text = "" if abi is None else json.dumps(abi, sort_keys=True)
        except (TypeError, ValueError, RecursionError) as error:
            raise DefinitionError("the ABI is no JSON, or nests without end") from error
        return _abi_kind(category, text, definition.signature)
    if category not in CATEGORIES:
        raise DefinitionError(f"no category {show(category)}; {meant(category, CATEGORIES)}")
    if definition.abi is not None or definition.signature:
        raise DefinitionError(f"{category} has its own signature; leave `abi` and `signature` out")
    if category == "donablock":
        return builtin_kind(definition.events)
    return _TRANSFERS[category]


@lru_cache(maxsize=4_096)
def _abi_kind(category: str, abi: str, signature: str) -> Kind:
    entries = json.loads(abi) if abi else None
    if category == "event":
        return EventKind(event_of(entries, signature))
    return FunctionKind(function_of(entries, signature))


def _direction(direction: str, definition: Definition, kind: Kind) -> Direction:
    if direction not in ("in", "out", "all"):
        raise DefinitionError(f"no direction {show(direction)}; known are in, out and all")
    is_event = kind.category in ("event", "donablock")
    if direction != "all" and (definition.watches == "everything" or is_event):
        what = "an event" if is_event else "a monitor that watches everything"
        raise DefinitionError(f"{what} has no direction; set it to all")
    return direction  # type: ignore[return-value]


def _contracts(definition: Definition, kind: Kind) -> frozenset[str] | None:
    """None: any."""
    if definition.includes_failed and kind.category != "function":
        raise DefinitionError(
            "only calls of functions can include failed transactions; the others moved nothing"
        )
    if not definition.contracts:
        return None
    if not isinstance(kind, LogKind | FunctionKind | BuiltinKind):
        raise DefinitionError("the chain's coin has no contract; leave `contracts` out")
    if len(definition.contracts) > MAX_CONTRACTS:
        raise DefinitionError(f"at most {MAX_CONTRACTS} contracts; use several monitors")
    return frozenset(map(address_of, definition.contracts))


def address_of(text: str) -> str:
    """In lower case. Raises DefinitionError where it is none, or its capitals are no checksum."""
    if not _ADDRESS.fullmatch(text):
        raise DefinitionError(f"{show(text)} is no address; it has 0x and 40 hexadecimal digits")
    small = text.lower()
    if text[2:] not in (small[2:], text[2:].upper()) and to_checksum_address(small) != text:
        raise DefinitionError(
            f"{text} is mistyped: its capitals are no checksum; write it in small letters if it is "
            "right"
        )
    return small


def definition_of(value: Any) -> Definition:
    """Of JSON. Raises DefinitionError."""
    try:
        return msgspec.convert(value, Definition)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"the definition of a monitor: {error}") from error
