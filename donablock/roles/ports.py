"""Ports to listen at: one that is free, and whether a given one is taken."""

from __future__ import annotations

import errno
import random
import socket
import time

__all__ = ["LEAVING", "free_port", "is_taken"]

LEAVING = 10.0
"""Seconds that a port may still be in use by the process before us."""

_QUIET = (15_000, 30_000)
"""Below what Linux (32768 on), macOS and Windows (49152 on) give to connections."""
_TRIES = 50


def free_port(host: str, count: int = 1) -> int:
    """The first of so many in a row that are free.

    If it can be, they are none that a system gives to whoever asks for any: while a process that
    has one is started again, somebody else's connection could get it, and keep it for a minute.
    """
    for _ in range(_TRIES):
        port = random.randrange(*_QUIET)
        if not any(is_taken(host, port + place) for place in range(count)):
            return port
    with _socket(host) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_taken(host: str, port: int, within: float = 0.0) -> bool:
    """Whether somebody listens there, and does not leave within so many seconds. A place where
    nobody could listen is not taken."""
    deadline = time.monotonic() + within
    while True:
        with _socket(host) as probe:
            try:
                probe.bind((host, port))
                return False
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    return False
        if time.monotonic() >= deadline:
            return True
        time.sleep(0.2)


def _socket(host: str) -> socket.socket:
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    # connections that ended a moment ago do not keep a server from listening either
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return one
