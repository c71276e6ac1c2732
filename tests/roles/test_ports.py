"""Ports: which one is free, and for whom it stays so."""

from __future__ import annotations

import contextlib
import socket

import pytest

from donablock.roles import ports
from donablock.roles.ports import free_port, is_taken

HOST = "127.0.0.1"


def test_a_free_port_is_none_that_the_system_gives_to_connections():
    found = {free_port(HOST) for _ in range(20)}
    assert len(found) > 1
    for port in found:
        assert 15_000 <= port < 30_000
        with socket.create_server((HOST, port)):
            assert is_taken(HOST, port)
        assert not is_taken(HOST, port)


def test_where_all_of_those_are_taken_any_will_do(monkeypatch):
    monkeypatch.setattr(ports, "is_taken", lambda *_: True)
    with socket.create_server((HOST, free_port(HOST))) as server:
        assert server.getsockname()[1] > 0


def test_some_in_a_row():
    first = free_port(HOST, 4)
    with contextlib.ExitStack() as stack:
        for place in range(4):
            stack.enter_context(socket.create_server((HOST, first + place)))


def test_a_free_port_of_the_other_network():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no ::1 to listen at: {error}")
    with socket.create_server(("::1", free_port("::1")), family=socket.AF_INET6):
        pass
