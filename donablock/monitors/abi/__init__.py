"""Events and functions of any contract: found in an ABI or a declaration, decoded by compiled
readers."""

from donablock.monitors.abi.decoding import MalformedError, decoder_of
from donablock.monitors.abi.entries import EventAbi, FunctionAbi, Parameter
from donablock.monitors.abi.lookup import event_of, function_of

__all__ = [
    "EventAbi",
    "FunctionAbi",
    "MalformedError",
    "Parameter",
    "decoder_of",
    "event_of",
    "function_of",
]
