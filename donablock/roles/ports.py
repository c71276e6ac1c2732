"""Ports to listen at: one that is free, and whether a given one is taken."""

from __future__ import annotations

import errno
import socket
import time

__all__ = ["LEAVING", "free_port", "is_taken"]

LEAVING = 10.0
"""Seconds that a port may still be in use by the process before us."""


def free_port(host: str) -> int:
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
