"""JSON-RPC to the demo's own node, many requests in one message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import requests
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from donablock.errors import NodeError, RevertError

Request = tuple[str, list[Any]]
# requests in one message: more makes the node's answers larger, not quicker
_BATCH = 250
_ERROR = "0x08c379a0"


class Wire:
    """A connection that is kept open. `url` is a node's HTTP address."""

    def __init__(self, url: str, *, timeout: float = 60.0) -> None:
        self._url = url
        self._timeout = timeout
        self._http = requests.Session()
        # the node is our own child: no proxy of the environment lies between
        self._http.trust_env = False

    def __call__(self, method: str, *parameters: Any) -> Any:
        """One request. Raises NodeError, or RevertError where a call reverts."""
        return self.batch([(method, list(parameters))])[0]

    def batch(self, wanted: Iterable[Request]) -> list[Any]:
        """The answers in the order of the requests. Raises as a single request does, at the first
        error.
        """
        asked = list(wanted)
        answers: list[Any] = []
        for start in range(0, len(asked), _BATCH):
            answers += self._send(asked[start : start + _BATCH])
        return answers

    def _send(self, asked: Sequence[Request]) -> list[Any]:
        message = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(asked)
        ]
        try:
            answer = self._http.post(self._url, json=message, timeout=self._timeout)
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise NodeError(f"the demo's node does not answer: {error}; run it again") from error
        if not isinstance(found, list) or len(found) != len(asked):
            raise NodeError(f"the demo's node answered {len(asked)} requests with {found!r:.300}")
        found.sort(key=lambda entry: entry["id"])
        for (method, _), entry in zip(asked, found, strict=True):
            if "error" in entry:
                raise _error(method, entry["error"])
        return [entry.get("result") for entry in found]


def _error(method: str, error: Any) -> NodeError | RevertError:
    data = error.get("data") if isinstance(error, dict) else None
    if isinstance(data, str) and data.startswith(_ERROR):
        return RevertError(reason_in(data), method)
    if isinstance(error, dict) and error.get("code") == 3:
        return RevertError("", method)
    return NodeError(f"{method}: {error}")


def reason_in(data: str) -> str:
    """The words of `Error(string)`; "" for anything else."""
    if not data.startswith(_ERROR):
        return ""
    try:
        return str(decode(["string"], bytes.fromhex(data[len(_ERROR) :]))[0])
    except (DecodingError, ValueError, OverflowError):
        return ""
