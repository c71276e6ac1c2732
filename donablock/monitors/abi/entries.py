"""One event or function: its signature, and how to read its logs or its calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_utils.crypto import keccak

from donablock.errors import DefinitionError
from donablock.monitors.abi.decoding import (
    MalformedError,
    decoder_of,
    head_size,
    is_dynamic,
    word_reader,
)
from donablock.monitors.abi.types import distinct, few
from donablock.monitors.conditions import ADDRESS, ArrayType, BytesType, TupleType, Type

__all__ = ["EventAbi", "FunctionAbi", "Parameter", "parameters_of"]

_MAX_INDEXED = 3


@dataclass(frozen=True, slots=True)
class Parameter:
    """`abi_type`: as in the signature. `type`: of the value here, a hash if only that is logged."""

    name: str
    abi_type: str
    type: Type
    is_indexed: bool = False


def parameters_of(read: Sequence[tuple[Any, str, Type, bool]]) -> tuple[Parameter, ...]:
    """Of (name, name of the type, type, whether it is indexed). Raises DefinitionError.

    An indexed argument that is no single word (string, bytes, array, tuple) is in the log as its
    keccak-256 alone: its value here is that hash.
    """
    names = distinct([one[0] for one in few(read)])
    if sum(is_indexed for *_, is_indexed in read) > _MAX_INDEXED:
        raise DefinitionError(f"at most {_MAX_INDEXED} arguments of an event can be indexed")
    found = []
    for name, (_, abi_type, type_, is_indexed) in zip(names, read, strict=True):
        is_hashed = is_dynamic(type_) or isinstance(type_, ArrayType | TupleType)
        value = BytesType(32, abi_type) if is_indexed and is_hashed else type_
        found.append(Parameter(name, abi_type, value, is_indexed))
    return tuple(found)


@dataclass(frozen=True)
class _Entry:
    name: str
    parameters: tuple[Parameter, ...]

    @cached_property
    def signature(self) -> str:
        """ "Transfer(address,address,uint256)"."""
        return f"{self.name}({','.join(one.abi_type for one in self.parameters)})"


@dataclass(frozen=True)
class EventAbi(_Entry):
    """An event that is not anonymous."""

    @cached_property
    def topic(self) -> str:
        """The first topic of its logs: 0x and 64 digits."""
        return "0x" + keccak(text=self.signature).hex()

    @cached_property
    def indexed(self) -> tuple[int, ...]:
        """The positions of the indexed arguments."""
        return tuple(at for at, one in enumerate(self.parameters) if one.is_indexed)

    @property
    def layout(self) -> tuple[str, tuple[int, ...]]:
        """Events with the same one are read alike, whatever their arguments are called."""
        return self.signature, self.indexed

    @cached_property
    def address_places(self) -> tuple[tuple[bool, int], ...]:
        """Where its address arguments stand, those within arrays and tuples left out: (True, which
        topic), or (False, at which character of the data their 64 digits start)."""
        found, topic, at = [], 1, 2
        for one in self.parameters:
            if one.type == ADDRESS:
                found.append((one.is_indexed, topic if one.is_indexed else at))
            if one.is_indexed:
                topic += 1
            else:
                at += 2 * head_size(one.type)
        return tuple(found)

    @cached_property
    def _topics(self) -> tuple[Callable[[bytes], Any], ...]:
        return tuple(word_reader(self.parameters[at].type) for at in self.indexed)

    @cached_property
    def _data(self) -> Callable[[bytes], tuple[Any, ...]]:
        return decoder_of([one.type for one in self.parameters if not one.is_indexed])

    def decode(self, topics: Sequence[str], data: str) -> tuple[Any, ...]:
        """The arguments in their order. Raises MalformedError."""
        if len(topics) != len(self._topics) + 1:
            raise MalformedError(f"{len(topics)} topics")
        values = list(self._data(_bytes_of(data)))
        for at, read, topic in zip(self.indexed, self._topics, topics[1:], strict=True):
            values.insert(at, read(_bytes_of(topic)))
        return tuple(values)


@dataclass(frozen=True)
class FunctionAbi(_Entry):
    """A function, by the calls of it."""

    @cached_property
    def selector(self) -> str:
        """The start of its calldata: 0x and 8 digits."""
        return "0x" + keccak(text=self.signature)[:4].hex()

    @cached_property
    def _data(self) -> Callable[[bytes], tuple[Any, ...]]:
        return decoder_of([one.type for one in self.parameters])

    def decode(self, calldata: str) -> tuple[Any, ...]:
        """The arguments of a call; the selector is not looked at. Raises MalformedError."""
        return self._data(_bytes_of(calldata)[4:])


def _bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text[2:])
    except ValueError as error:
        raise MalformedError("no hexadecimal text") from error
