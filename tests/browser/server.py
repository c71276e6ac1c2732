"""A loopback server for the built page, its config.json and the wallet behind it."""

from __future__ import annotations

import json
import mimetypes
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.browser.wallet import Wallet


class PageServer:
    """Serves until `stop`. `wallet` and `config` may be exchanged between tests."""

    def __init__(self, folder: Path) -> None:
        self.wallet: Wallet | None = None
        self.config: Any = None
        # path -> what else is served, such as a charity's description
        self.documents: dict[str, bytes] = {}
        # seconds before each of them
        self.delay = 0.0
        owner = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(folder))

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/config.json":
                    self._answer(json.dumps(owner.config).encode())
                elif path in owner.documents:
                    time.sleep(owner.delay)
                    kind = mimetypes.guess_type(path)[0] or "application/json"
                    self._answer(owner.documents[path], kind)
                else:
                    super().do_GET()

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert owner.wallet is not None
                answer = owner.wallet.answer(asked["method"], asked["params"])
                self._answer(json.dumps(answer, default=str).encode())

            def _answer(self, body: bytes, kind: str = "application/json") -> None:
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass  # a test that fails tells more

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
