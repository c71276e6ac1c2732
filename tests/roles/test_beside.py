"""What a running `donablock up` tells the commands beside it, and to whom its key is shown: nobody,
once it does not run, since anybody on the machine may listen at its port then."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from donablock.cli.client import Api
from donablock.errors import FileError
from donablock.roles import beside
from donablock.roles.beside import heed, is_up, told
from donablock.settings import settings
from tests.roles.test_commands import Server, own_settings

__all__ = ["own_settings"]

KEY = "dbk_of_the_operator"


@pytest.fixture
def data(monkeypatch, own_settings):  # noqa: ARG001
    """A data folder with a key. What commands take over from `up` is forgotten after the test."""
    for name in ("DONABLOCK_NODES", "DONABLOCK_DEPLOYMENTS", "DONABLOCK_API_URL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    folder = settings().data_path
    folder.mkdir()
    (folder / "api.key").write_text(KEY + "\n")
    return folder


@pytest.fixture
def other():
    """Another process of this user."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def left(data, **changes):
    """The file that an `up` of this process left, with these changes."""
    with told(settings()):
        kept = json.loads((data / "up.json").read_text())
    (data / "up.json").write_text(json.dumps(kept | changes))
    return kept


def test_a_running_one_tells_where_its_api_is_and_its_key_is_used(data):
    with Server((200, {"data": [], "next": None})) as server:
        chosen = settings().model_copy(update={"api_port": int(server.url.rpartition(":")[2])})
        with told(chosen):
            assert stat.S_IMODE((data / "up.json").stat().st_mode) == 0o600
            assert is_up(settings())
            Api.configured().ask("GET", "/v1/monitors")
        assert server.asked[0][2]["Authorization"] == f"Bearer {KEY}"
    assert not (data / "up.json").exists()


@pytest.mark.usefixtures("data")
def test_whoever_listens_there_once_it_is_stopped_is_not_shown_the_key(monkeypatch):
    with Server() as thief:
        monkeypatch.setenv("DONABLOCK_API_PORT", thief.url.rpartition(":")[2])
        settings.cache_clear()
        with pytest.raises(FileError, match="no `donablock up` of yours runs on .*: start `dona"):
            Api.configured().ask("GET", "/v1/monitors")
        # nor by an address that somebody set, without a key
        monkeypatch.setenv("DONABLOCK_API_URL", thief.url)
        settings.cache_clear()
        with pytest.raises(FileError, match="set DONABLOCK_API_KEY and DONABLOCK_API_URL"):
            Api.configured().ask("GET", "/v1/monitors")
        assert thief.asked == []


@pytest.mark.usefixtures("data")
def test_a_key_that_is_set_is_used_whether_it_runs_or_not(monkeypatch):
    with Server((200, {})) as server:
        monkeypatch.setenv("DONABLOCK_API_URL", server.url)
        monkeypatch.setenv("DONABLOCK_API_KEY", "dbk_set")
        settings.cache_clear()
        Api.configured().ask("GET", "/v1/monitors")
        assert server.asked[0][2]["Authorization"] == "Bearer dbk_set"


def test_without_its_key_a_running_one_is_to_be_started_again(data):
    (data / "api.key").unlink()
    with told(settings()), pytest.raises(FileError, match="there is no key in .*up` again"):
        Api.configured()


@pytest.mark.parametrize(
    "changes",
    [
        {"started": "1"},
        {"started": None},
        {"pid": 1 << 30},
        {"pid": 0},
        {"pid": -1},
        {"pid": True},
        {"pid": "self"},
        {"pid": None},
        {"settings": None},
    ],
)
def test_a_file_that_names_no_living_one_is_not_heeded(data, changes):
    left(data, **changes)
    before = settings()
    assert not is_up(before)
    assert heed() == before and "DONABLOCK_API_URL" not in os.environ
    with pytest.raises(FileError, match="no `donablock up` of yours runs"):
        Api.configured()
    # the same file is heeded as it was written
    left(data)
    assert is_up(before)
    assert heed().api_url == "http://127.0.0.1:8100"


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", '{"pid":', "\udcff"])
def test_a_file_that_is_none_of_ours_is_not_heeded(data, text):
    (data / "up.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert not is_up(settings())
    assert heed().api_url is None


def test_a_pid_that_is_another_process_by_now_does_not_count(data, other):
    began = left(data)["started"]
    left(data, pid=other.pid)
    assert beside._started(other.pid) not in (None, began)
    assert not is_up(settings())


def test_one_that_has_ended_and_one_that_nobody_waited_for_do_not_count(data, other):
    left(data, pid=other.pid, started=beside._started(other.pid))
    assert is_up(settings())
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie
    assert not is_up(settings())
    other.wait()
    assert not is_up(settings())


def test_neither_another_users_process_nor_his_file_counts(data, monkeypatch):
    left(data)
    me = os.geteuid()
    monkeypatch.setattr(beside.os, "geteuid", lambda: me + 1)
    assert beside._started(os.getpid()) is None, "the process is another user's"
    monkeypatch.setattr(beside, "_started", lambda pid: json.loads(kept)["started"])
    kept = (data / "up.json").read_text()
    assert not is_up(settings()), "the file is another user's"
    monkeypatch.setattr(beside.os, "geteuid", lambda: me)
    assert is_up(settings())


def test_a_file_that_leads_elsewhere_is_not_heeded(data):
    left(data)
    (data / "up.json").rename(data / "other.json")
    (data / "up.json").symlink_to(data / "other.json")
    assert not is_up(settings())


@pytest.mark.skipif(not os.access("/bin/ps", os.X_OK), reason="there is no ps here")
def test_where_there_is_no_proc_ps_tells_the_same(data, other, monkeypatch):
    monkeypatch.setattr(beside, "_PROC", data / "proc")
    mine = beside._started(os.getpid())
    assert mine and mine == beside._started(os.getpid())
    assert beside._started(1 << 22) is None
    left(data)
    assert is_up(settings())
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert beside._started(other.pid) is None
