"""Calls as data and answers as values, by the ABI in interfaces/ and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_typing import ChecksumAddress
from eth_utils.abi import collapse_if_tuple, function_signature_to_4byte_selector

from donablock.errors import InputError


@dataclass(frozen=True)
class _Form:
    selector: bytes
    inputs: list[str]
    outputs: list[str]


class Target:
    """A contract at an address. Functions with default arguments have a form for each count of
    them.
    """

    def __init__(
        self, name: str, address: ChecksumAddress, abi: Sequence[Mapping[str, Any]]
    ) -> None:
        self.name = name
        self.address = address
        self.abi = [dict(entry) for entry in abi]
        self._forms: dict[tuple[str, int], _Form] = {}
        for entry in self.abi:
            if entry["type"] != "function":
                continue
            inputs = [collapse_if_tuple(part) for part in entry["inputs"]]
            outputs = [collapse_if_tuple(part) for part in entry["outputs"]]
            signature = f"{entry['name']}({','.join(inputs)})"
            form = _Form(function_signature_to_4byte_selector(signature), inputs, outputs)
            self._forms[entry["name"], len(inputs)] = form

    def data(self, function: str, *arguments: Any) -> bytes:
        """Selector and arguments. Raises InputError for a function the contract has not."""
        form = self._form(function, len(arguments))
        return form.selector + encode(form.inputs, arguments)

    def values(self, function: str, count: int, answer: str) -> Any:
        """What the form of `function` with `count` arguments returned: one value alone, several a
        tuple.
        """
        found = decode(self._form(function, count).outputs, bytes.fromhex(answer[2:]))
        return found[0] if len(found) == 1 else found

    def _form(self, function: str, count: int) -> _Form:
        try:
            return self._forms[function, count]
        except KeyError:
            raise InputError(
                f"{self.name} has no {function} with {count} arguments; run `make abi`"
            ) from None

    def __repr__(self) -> str:
        return f"Target({self.name} at {self.address})"
