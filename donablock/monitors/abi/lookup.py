"""Which event or function is meant, in an ABI as compilers write it or by a declaration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from donablock.errors import DefinitionError
from donablock.monitors.abi.declarations import declared
from donablock.monitors.abi.entries import EventAbi, FunctionAbi, Parameter, parameters_of
from donablock.monitors.abi.types import array_of, check_depth, elementary, few, named, tuple_of
from donablock.monitors.conditions import Type
from donablock.monitors.conditions.lexer import show
from donablock.monitors.conditions.names import listed, meant

__all__ = ["event_of", "function_of"]

_MAX_ENTRIES = 2_000


def event_of(abi: Any = None, signature: str = "") -> EventAbi:
    """`abi`: JSON, one entry or a list of them. `signature`: which event of it, "Sent" or
    "Sent(address,uint256)"; without an ABI the whole declaration,
    "event Sent(address indexed from, uint256 amount)".

    Raises DefinitionError.
    """
    if abi is None:
        if not re.match(r"\s*event\s", signature):
            raise DefinitionError(
                "an event needs its ABI, or a declaration that says what is indexed, such as "
                "`event Sent(address indexed from, uint256 amount)`"
            )
        return EventAbi(*declared(signature, "event"))
    entry = _chosen(abi, signature, "event")
    if entry.get("anonymous"):
        raise DefinitionError(
            f"event {named(entry.get('name'))} is anonymous: its logs do not say which event they "
            "are, so they cannot be looked for"
        )
    return EventAbi(named(entry.get("name")), _parameters(entry, is_event=True))


def function_of(abi: Any = None, signature: str = "") -> FunctionAbi:
    """As `event_of`; a declaration is "transfer(address to, uint256 amount)", and names may be left
    out. Raises DefinitionError."""
    if abi is None:
        return FunctionAbi(*declared(signature, "function"))
    entry = _chosen(abi, signature, "function")
    return FunctionAbi(named(entry.get("name")), _parameters(entry, is_event=False))


def _chosen(abi: Any, signature: str, kind: str) -> Mapping[str, Any]:
    entries = [abi] if isinstance(abi, Mapping) else abi
    if not isinstance(entries, list | tuple) or len(entries) > _MAX_ENTRIES:
        raise DefinitionError(
            f"an ABI is a JSON list of at most {_MAX_ENTRIES} entries, as a compiler writes it"
        )
    found = [one for one in entries if isinstance(one, Mapping) and one.get("type") == kind]
    wanted = re.sub(rf"^\s*{kind}\s+|\s+", "", signature)
    name = wanted.partition("(")[0]
    if name:
        names = sorted({one["name"] for one in found if isinstance(one.get("name"), str)})
        found = [one for one in found if one.get("name") == name]
        if not found:
            hint = meant(name, names) if names else f"there is no {kind} in it"
            raise DefinitionError(f"the ABI has no {kind} {show(name)}; {hint}")
    signatures = {_signature(one, kind): one for one in found}
    if wanted in signatures:
        return signatures[wanted]
    if len(signatures) == 1 and "(" not in wanted:
        return found[0]
    if not signatures:
        raise DefinitionError(f"the ABI has no {kind}")
    raise DefinitionError(
        f"name the {kind} that is meant by its signature; the ABI has {listed(sorted(signatures))}"
    )


def _signature(entry: Mapping[str, Any], kind: str) -> str:
    parameters = _parameters(entry, is_event=kind == "event")
    return EventAbi(named(entry.get("name")), parameters).signature


def _parameters(entry: Mapping[str, Any], *, is_event: bool) -> tuple[Parameter, ...]:
    read = []
    for one in few(_objects(entry.get("inputs"), "inputs")):
        is_indexed = is_event and one.get("indexed") is True
        read.append((one.get("name"), *_typed(one, 1), is_indexed))
    return parameters_of(read)


def _objects(value: Any, where: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        raise DefinitionError(f"`{where}` of an ABI entry is a list of objects")
    return list(value)


def _typed(entry: Mapping[str, Any], depth: int) -> tuple[str, Type]:
    check_depth(depth)
    name = entry.get("type")
    if not isinstance(name, str) or len(name) > 200:
        raise DefinitionError("an argument of the ABI has no `type`, or none that is text")
    base = name.partition("[")[0]
    suffix = name[len(base) :]
    if base != "tuple":
        return array_of(*elementary(base), suffix, depth)
    parts = few(_objects(entry.get("components"), "components"))
    read = [(one.get("name"), *_typed(one, depth + 1)) for one in parts]
    return array_of(*tuple_of(read), suffix, depth)
