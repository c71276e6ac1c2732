"""Commands: what they say of what cannot be done, and how they read the API's answers. What the API
itself answers is tried in test_up.py; here a server of the standard library says what is seldom."""

from __future__ import annotations

import json
import re
import shlex
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from donablock.cli import chains
from donablock.cli.client import Api, ApiError, RefusedError, segment
from donablock.cli.main import main
from donablock.errors import InputError
from donablock.settings import ROOT, settings


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path):
    """Those of the test alone, as a command finds them."""
    for name in settings().environment():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DONABLOCK_DATA", str(tmp_path / "data"))
    settings.cache_clear()
    yield
    settings.cache_clear()


class Server:
    """Answers requests one after the other from a list of (status, body); keeps what was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self):
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                server.asked.append((self.command, self.path, dict(self.headers), body))
                status, body = server.answers.pop(0) if server.answers else (500, b"")
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = _any

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


SOMEBODY = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def said(capsys, *arguments):
    """Exit code, stdout, and the one line of stderr."""
    code = main(list(arguments))
    out, err = capsys.readouterr()
    assert len(err.splitlines()) <= 1, err
    return code, out, err.strip()


# --- the command line -----------------------------------------------------------------------------


def test_help_teaches_and_what_is_no_command_is_told(capsys):
    code, out, _ = said(capsys)
    assert code == 0 and "Begin with `donablock up`" in out
    for command in ("up", "run", "status", "monitor", "endpoint", "project", "rebuild", "migrate"):
        assert f"  {command} " in out
    for command in ("monitor create", "monitor tail", "project key", "run", "up"):
        code, out, _ = said(capsys, *command.split(), "--help")
        assert code == 0 and "Usage: donablock" in out
    code, _, err = said(capsys, "monitr")
    assert code == 2 and "Did you mean 'monitor'" in err
    code, _, err = said(capsys, "run")
    assert code == 2 and "`donablock run --help`" in err


def test_without_data_a_command_says_how_to_get_some(capsys):
    for command in (["status"], ["project", "list"], ["rebuild", "--chain", "1"]):
        code, _, err = said(capsys, *command)
        assert code in (1, 2) and err.startswith("error: ")
    code, _, err = said(capsys, "monitor", "list")
    assert (
        code == 2 and "start `donablock up`, or set DONABLOCK_API_KEY and DONABLOCK_API_URL" in err
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["monitor", "create", "x", "--category", "erc20", "--unit", "USDC"], "USDC=6"),
        (["monitor", "create", "x", "--category", "event", "--abi", "none.json"], "cannot be read"),
        (["monitor", "tail", "mo_1", "--since", "evt_7"], "it is a number"),
        (["endpoint", "create", "https://a.example", "--header", "Authorization"], "'Name: value'"),
        (["project", "create", "x", "monitors"], "write monitors=5000"),
        (["project", "quota", "pr_1"], "say which quota"),
        (["project", "create", "x", "monitors=-1"], "write monitors=5000"),
        (["monitor", "create", "x", "--adress", "0x00"], "No such option: --adress (perhaps "),
        (["monitor", "create", "x", "--adress", "0x00"], "--address"),
        (["up", "--port", "70000"], "less than or equal to 65535"),
        (["up", "--chain-port", "-1"], "greater than or equal to 0"),
        (["pay", "0x00"], "it has 0x and 40 hexadecimal digits"),
        (["pay", SOMEBODY.replace("C51812", "c51812")], "its capitals are no checksum"),
        (["pay", SOMEBODY, "much"], "is no amount of coins"),
        (["pay", SOMEBODY, "1e-19"], "is no amount of coins"),
        (["pay", SOMEBODY, "0"], "is no amount of coins"),
        (["pay", SOMEBODY, "-1"], "No such option"),
        (["pay", SOMEBODY, "1"], "no local chain runs here"),
    ],
)
def test_what_cannot_be_understood_is_told_before_anything_is_asked(
    capsys, monkeypatch, arguments, told
):
    monkeypatch.setenv("DONABLOCK_API_KEY", "dbk_x")
    monkeypatch.setenv("DONABLOCK_API_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    if arguments[:2] == ["monitor", "create"]:
        arguments = [*arguments, "--chain", "1"]
    code, _, err = said(capsys, *arguments)
    assert code == 2 and told in err, err


def test_pay_pays_on_no_chain_but_a_local_one(capsys):
    with Server((200, {"result": "0x1"})) as server:
        code, _, err = said(capsys, "pay", SOMEBODY, "--node", server.url)
        assert code == 2 and "is not a local chain (31337); nothing was paid" in err
        assert len(server.asked) == 1


def test_settings_are_shown_without_their_secrets(capsys, monkeypatch):
    hidden = {
        "DONABLOCK_NODES": '{"56": ["https://node.example/hunter2"]}',
        "DONABLOCK_DATABASE_URL": "postgresql://me:hunter2@db/x",
        "DONABLOCK_REDIS_URL": "redis://:hunter2@cache",
        "DONABLOCK_API_KEY": "dbk_hunter2",
        "DONABLOCK_KAFKA_OPTIONS": '{"sasl.password": "hunter2"}',
    }
    for name, value in hidden.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    code, out, _ = said(capsys, "settings")
    assert code == 0 and "hunter2" not in out
    for name in type(settings()).model_fields:
        assert f"DONABLOCK_{name.upper()} " in out


GROUPS = ("monitor", "endpoint", "project")


def _in_documents():
    """(document, command line) of every `donablock ...` that the documents show."""
    for path in sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "deploy").rglob("*.md")):
        text = path.read_text().replace("\\\n", " ")
        for block in re.findall(r"```sh\n(.*?)```", text, re.S):
            for line in block.splitlines():
                found = re.match(r"(?:\.venv/bin/)?donablock (.*)", line.partition(" #")[0].strip())
                if found:
                    yield path.name, found[1]
        for line in re.findall(r"`donablock ([a-z][^`]*)`", text):
            yield path.name, line


def test_every_command_and_option_that_the_documents_show_is_there(capsys):
    shown = list(dict.fromkeys(_in_documents()))
    assert len(shown) > 20
    helps: dict[tuple[str, ...], str] = {}
    for document, line in shown:
        words = shlex.split(line)
        command = tuple(words[: 2 if words[0] in GROUPS and len(words) > 1 else 1])
        if command[-1] == "...":
            command = command[:-1]
        if command not in helps:
            assert main([*command, "--help"]) == 0, f"{document}: donablock {line}"
            helps[command] = capsys.readouterr().out
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert f"{option} " in helps[command], f"{document}: donablock {line}: {option}"


# --- the client -----------------------------------------------------------------------------------


def test_a_refusal_is_told_with_its_places():
    problem = {
        "title": "The request is not what this call takes",
        "detail": "2 faults",
        "errors": [
            {"where": "body", "pointer": "/name", "detail": "too long"},
            {"where": "body", "pointer": "/addresses/3", "detail": "is none"},
            {"where": "body", "pointer": "/from_block", "detail": "too high"},
            {"where": "body", "pointer": "", "detail": "not so"},
        ],
    }
    with Server((400, problem), (404, {"title": "There is none", "detail": "no mo_1"})) as server:
        api = Api(server.url, "dbk_key")
        with pytest.raises(
            RefusedError, match=r"^name: too long; address: is none; from-block: too high; not so$"
        ):
            api.ask("POST", "/v1/monitors", {"name": "x"})
        with pytest.raises(RefusedError, match=r"^no mo_1$"):
            api.ask("GET", "/v1/monitors/mo_1")
        method, path, headers, body = server.asked[0]
        assert (method, path, json.loads(body)) == ("POST", "/v1/monitors", {"name": "x"})
        assert headers["Authorization"] == "Bearer dbk_key"


@pytest.mark.parametrize(
    ("wei", "shown"),
    [
        ("1500000000000000000", "1.5 coins"),
        ("10000000000000000000", "10 coins"),
        ("1234000000000000000000", "1,234 coins"),
        ("1", "0.000000000000000001 coins"),
        ("0", "0 coins"),
    ],
)
def test_amounts_of_coins_are_shown_whole(capsys, monkeypatch, wei, shown):
    event = {
        "state": "detected",
        "block_number": 7,
        "data": {"category": "native", "nativeAmount": wei},
        "address": None,
        "direction": None,
        "transaction_hash": None,
    }
    with Server((200, {"data": [event], "next": None})) as server:
        monkeypatch.setenv("DONABLOCK_API_URL", server.url)
        monkeypatch.setenv("DONABLOCK_API_KEY", "dbk_x")
        settings.cache_clear()
        code, out, _ = said(capsys, "monitor", "events", "mo_1")
    assert code == 0 and out.split("  ")[-1].strip() == shown


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((200, b"<html>"), "no API of DonaBlock"),
        ((500, b"<html>"), "the API answered 500"),
        ((404, b"nothing"), "the API answered 404"),
        ((503, {"title": "Not now", "detail": "the database is away"}), "the database is away"),
    ],
)
def test_what_is_no_answer_of_ours_is_told(answer, told):
    with Server(answer) as server, pytest.raises(ApiError, match=told):
        Api(server.url, "k").ask("GET", "/v1/chains")


def test_nobody_there_is_told_without_the_key():
    with pytest.raises(
        ApiError, match="no API answers at http://127.0.0.1:1: start `donablock up`"
    ):
        Api("http://me:dbk_secret@127.0.0.1:1/x", "dbk_secret").ask("GET", "/v1/chains")
    for url in ("127.0.0.1:8100", "ftp://a.example", "http://", "http://[::1"):
        with pytest.raises(InputError, match="is no address of an API"):
            Api(url, "k")


def test_lists_are_read_page_by_page_as_far_as_they_are_wanted():
    pages = [
        (200, {"data": list(range(100)), "next": "abc"}),
        (200, {"data": list(range(100, 150)), "next": None}),
    ]
    with Server(*pages) as server:
        assert list(Api(server.url, "k").pages("/v1/x", tag=None)) == list(range(150))
        assert [path for _, path, *_ in server.asked] == [
            "/v1/x?limit=100",
            "/v1/x?limit=100&cursor=abc",
        ]
    with Server((200, {"data": [1, 2, 3], "next": "abc"})) as server:
        assert list(Api(server.url, "k").pages("/v1/x", 3, state="dead")) == [1, 2, 3]
        assert server.asked[0][1] == "/v1/x?limit=3&state=dead"


def test_a_live_tail_that_breaks_off_is_opened_again_from_where_it_was(monkeypatch):
    monkeypatch.setattr("donablock.cli.client.time.sleep", lambda _: None)
    first = b'retry: 3000\n\nid: 7\nevent: detected\ndata: {"a":\ndata: 1}\n\n: nothing new\n\n'
    second = b'event: confirmed\ndata: {"a": 2}\n\nid: 9\nevent: detected\ndata: {"a": 3}\n\n'
    end = b"event: end\ndata: the monitor is gone\n\n"
    reports: list[str] = []
    with Server((200, first), (503, {"title": "Not now"}), (200, second), (200, end)) as server:
        tail = Api(server.url, "k").live("/live", "5", reports.append)
        found = [next(tail) for _ in range(3)]
        with pytest.raises(RefusedError, match="the monitor is gone"):
            next(tail)
        asked = [headers.get("Last-Event-ID") for *_, headers, _ in server.asked]
    assert found == [
        ("detected", "7", {"a": 1}),
        ("confirmed", None, {"a": 2}),
        ("detected", "9", {"a": 3}),
    ]
    assert asked == ["5", "7", "7", "9"]
    assert reports == ["Not now"]


def test_ids_cannot_lead_elsewhere():
    assert segment("../keys?x=1#y") == "..%2Fkeys%3Fx%3D1%23y"


def test_pay_tells_of_a_payment_once_it_is_in_a_block(monkeypatch, capsys):
    paid = "0x" + "7" * 64
    before = [(200, {"result": one}) for one in ("0x7a69", [SOMEBODY], paid)]
    mined = [(200, {"result": one}) for one in (None, {"status": "0x1"})]
    with Server(*before, *mined) as server:
        assert main(["pay", SOMEBODY, "2", "--node", server.url]) == 0
        assert capsys.readouterr().out == paid + "\n"
        asked = [json.loads(body) for *_, body in server.asked]
        assert asked[2]["params"] == [
            {"from": SOMEBODY, "to": SOMEBODY.lower(), "value": hex(2 * 10**18)}
        ]
        assert [one["params"] for one in asked[3:]] == [[paid], [paid]]
    monkeypatch.setattr(chains, "_MINED_SECONDS", 0.0)
    with Server(*before, mined[0]) as server:
        assert main(["pay", SOMEBODY, "2", "--node", server.url]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and f"took {paid} and has not mined it within 0 s" in shown.err
