"""A receiver of webhooks as somebody else would write it: an HTTP server of the standard library,
which verifies what it gets with the `standardwebhooks` library, which is not ours."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Receiver:
    """On this machine, at `url`. got: (webhook-id, body) of what was verified, in order; refused:
    how many were not what the secret signs."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.refused = 0
        self.is_silent = threading.Event()
        self.secret = ""
        self._end = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if receiver.is_silent.is_set():
                    receiver._end.wait(60)  # it never answers
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    Webhook(receiver.secret).verify(body, headers)
                except WebhookVerificationError:
                    receiver.refused += 1
                    status = 400
                else:
                    receiver.got.append((headers["webhook-id"], json.loads(body)))
                    status = 204
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()

    def of(self, transaction: str) -> list[str]:
        """The types of the messages about a transaction, in the order in which they first came."""
        found = [body["type"] for _, body in self.got if body["data"].get("hash") == transaction]
        return list(dict.fromkeys(found))
