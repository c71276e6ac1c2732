"""What is sent to the services that publish sources, seen by a service of our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from donablock.chain.manifest import Manifest
from donablock.chain.plan import OURS, TEST_TOKEN
from donablock.chain.publish import publish
from donablock.chain.session import Session
from donablock.errors import DeployError

pytestmark = pytest.mark.anvil


class Service:
    """Takes everything, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.status, self.answer = 202, {"verificationId": "1"}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                service.asked.append((self.path, body))
                self.send_response(service.status)
                self.end_headers()
                self.wfile.write(json.dumps(service.answer).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_sourcify_and_etherscan_get_what_they_ask_for(
    session: Session,
    deploy: Callable[[Session], Manifest],
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = deploy(session)
    # all but the exchange of local chains, which comes compiled
    count = len((TEST_TOKEN, *OURS))
    assert count == len(manifest.contracts) - 3
    lines = list(publish(manifest, "sourcify", url=service.url))
    assert len(lines) == count and all(": handed in" in line for line in lines)
    path, body = service.asked[-1]
    last = OURS[-1]
    entry = manifest.contracts[last]
    assert path == f"/v2/verify/31337/{entry.address}"
    sent = json.loads(body)
    assert sent["contractIdentifier"] == f"{entry.path}:{last}"
    assert sent["compilerVersion"] == manifest.compiler
    assert sent["creationTransactionHash"] == entry.transaction
    assert set(sent["stdJsonInput"]["sources"]) == set(entry.sources)

    service.status, service.answer = 409, {}
    assert all(
        "published before" in line for line in publish(manifest, "sourcify", url=service.url)
    )
    service.status, service.answer = 500, {"message": "out of order"}
    lines = list(publish(manifest, "sourcify", url=service.url))
    assert all("not taken (500): out of order" in line for line in lines)

    monkeypatch.delenv("ETHERSCAN_API_KEY", raising=False)
    with pytest.raises(DeployError, match="set ETHERSCAN_API_KEY"):
        list(publish(manifest, "etherscan", url=service.url))
    monkeypatch.setenv("ETHERSCAN_API_KEY", "of-a-test")
    service.status, service.answer = 200, {"status": "1", "result": "guid"}
    lines = list(publish(manifest, "etherscan", url=service.url))
    assert all("handed in, number guid" in line for line in lines)
    path, body = service.asked[-1]
    form = parse_qs(body)
    assert path == "/?chainid=31337"
    assert form["contractname"] == [f"{entry.path}:{last}"]
    assert form["constructorArguements"] == [entry.constructor[2:]]
    assert form["codeformat"] == ["vyper-json"]
    assert form["apikey"] == ["of-a-test"]


def test_a_service_that_is_down_does_not_show_the_key(
    session: Session, deploy: Callable[[Session], Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHERSCAN_API_KEY", "of-a-test")
    with pytest.raises(DeployError, match="ape run verify --publish") as refused:
        list(publish(deploy(session), "etherscan", url="http://127.0.0.1:9"))
    assert "of-a-test" not in str(refused.value)
