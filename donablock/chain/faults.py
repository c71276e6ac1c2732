"""What one node can do wrong, each way by its own name.

NodeError
├── NodesFailedError    no node gave a right answer; `faults` has what each did
└── Fault               one node, one answer; `kind` is a word for metrics
    ├── TransportFault  refused, reset, no such host, no TLS
    ├── SilentFault     it took longer than the time limit
    ├── HttpFault       an HTTP status that is no success
    │   └── RedirectFault   it sends elsewhere, and is not followed
    ├── RateFault       too many requests; `retry_after`
    ├── GarbageFault    no JSON, or JSON that is no answer
    │   ├── HtmlFault   a web page
    │   └── TruncatedFault  JSON that ends too early
    ├── OversizeFault   more bytes than are read
    ├── RefusalFault    an error of JSON-RPC; `code`
    ├── MixedUpFault    answers without their question, questions without their answer
    ├── OtherChainFault another chain's node
    ├── LagFault        it does not have yet what the chain has
    └── LieFault        an answer that contradicts itself, its question, or the chain

A message never holds more of a node's URL than its host, nor a node's own words unredacted.
"""

from __future__ import annotations

from collections.abc import Sequence

from donablock.errors import NodeError

__all__ = [
    "Fault",
    "GarbageFault",
    "HtmlFault",
    "HttpFault",
    "LagFault",
    "LieFault",
    "MixedUpFault",
    "NodesFailedError",
    "OtherChainFault",
    "OversizeFault",
    "RateFault",
    "RedirectFault",
    "RefusalFault",
    "SilentFault",
    "TransportFault",
    "TruncatedFault",
]


class Fault(NodeError):
    """What one node did wrong. `node` is its name, given by who asked it."""

    kind = "fault"

    def __init__(self, message: str) -> None:
        self.message = message
        self.node = ""
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.node}: {self.message}" if self.node else self.message


class TransportFault(Fault):
    """There is no connection, or it broke."""

    kind = "transport"


class SilentFault(Fault):
    """No whole answer within the time limit."""

    kind = "timeout"


class HttpFault(Fault):
    """An HTTP status that is no success."""

    kind = "http_status"

    def __init__(self, status: int, message: str = "") -> None:
        self.status = status
        super().__init__(message or f"HTTP status {status}")


class RedirectFault(HttpFault):
    """It sends elsewhere. Whoever answers there is not the node that was named."""

    kind = "redirect"


class RateFault(Fault):
    """Too many requests. `retry_after`: seconds that the node asks for, None if it did not say."""

    kind = "rate_limit"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class GarbageFault(Fault):
    """What came is no JSON, or JSON that is no such answer."""

    kind = "garbage"


class HtmlFault(GarbageFault):
    """A web page: of a proxy, a parked domain, a log-in."""

    kind = "html"


class TruncatedFault(GarbageFault):
    """The answer ends too early."""

    kind = "truncated"


class OversizeFault(Fault):
    """The answer is larger than is read."""

    kind = "oversize"


class RefusalFault(Fault):
    """An error of JSON-RPC."""

    kind = "rpc_error"

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class MixedUpFault(Fault):
    """Answers to what was not asked, or none to what was."""

    kind = "mixed_up"


class OtherChainFault(Fault):
    """The node is on another chain."""

    kind = "other_chain"


class LagFault(Fault):
    """The node is behind: it does not have what the chain has."""

    kind = "lag"


class LieFault(Fault):
    """The answer cannot be true. `kind` says what is wrong with it."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class NodesFailedError(NodeError):
    """No node gave a right answer; the message names each one's fault."""

    def __init__(self, what: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        listed = "; ".join(str(fault) for fault in self.faults) or "there is no node to ask"
        super().__init__(f"no node gave {what}: {listed}")
