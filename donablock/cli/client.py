"""The API as a command asks it: by the standard library alone, so that commands start at once.

Where it is, and by which key, the settings say (DONABLOCK_API_URL, DONABLOCK_API_KEY); else it is
that of a `donablock up` of this user on this machine, which has left its key in a file. While it
does not run that key is not read: anybody on the machine may then listen where its API was.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from donablock.errors import DonaBlockError, FileError, InputError
from donablock.roles.beside import heed, is_up

_TIMEOUT = 60.0
_SILENCE = 45.0
"""Seconds without a word, not even a heartbeat, after which a live tail is opened again."""

# fields of the API that have another name in commands
_OPTIONS = {
    "addresses": "address",
    "chain_id": "chain",
    "contracts": "contract",
    "endpoint_id": "endpoint",
    "events": "event",
    "headers": "header",
    "includes_failed": "failed",
    "is_ordered": "ordered",
    "rate_per_second": "rate",
    "states": "state",
    "tags": "tag",
    "units": "unit",
    "watches": "everything",
}


class ApiError(DonaBlockError):
    """The API cannot be reached, or could not do what it was asked for."""


class RefusedError(InputError):
    """The API refused what it was asked for, and says why."""


class Api:
    """One API, with one key."""

    def __init__(self, url: str, key: str) -> None:
        """Raises InputError for what is no URL."""
        try:
            parts = urlsplit(url)
            host, self._port = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        if parts.scheme not in ("http", "https") or not host:
            raise InputError(f"{url!r} is no address of an API: write http://127.0.0.1:8100")
        self._host = host
        self._is_plain = parts.scheme == "http"
        self._path = parts.path.rstrip("/")
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._key = key

    @classmethod
    def configured(cls) -> Api:
        """As the settings say. Raises FileError where there is no key, or nobody to show it to."""
        chosen = heed()
        url = chosen.api_url or f"http://127.0.0.1:{chosen.api_port}"
        if chosen.api_key is not None:
            return cls(url, chosen.api_key.get_secret_value().strip())
        if not is_up(chosen):
            raise FileError(
                f"no `donablock up` of yours runs on {chosen.data_path}: start `donablock up`, or"
                " set DONABLOCK_API_KEY and DONABLOCK_API_URL"
            )
        try:
            return cls(url, chosen.api_key_path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(
                f"there is no key in {chosen.api_key_path}: start `donablock up` again, which makes"
                " one, or set DONABLOCK_API_KEY and DONABLOCK_API_URL"
            ) from error

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer, None where there is none. Raises RefusedError and ApiError."""
        connection = self._connection(_TIMEOUT)
        try:
            answer = self._send(connection, method, path, body, query)
            data = answer.read()
        except (OSError, HTTPException) as error:
            raise self._away(error) from error
        finally:
            connection.close()
        return _judged(answer.status, data)

    def pages(self, path: str, most: int | None = None, **query: Any) -> Iterator[Any]:
        """Each of a list, page by page, at most `most`."""
        count, cursor = 0, None
        while True:
            size = 100 if most is None else min(100, most - count)
            page = self.ask("GET", path, limit=size, cursor=cursor, **query)
            for one in page["data"][:size]:
                count += 1
                yield one
            cursor = page["next"]
            if cursor is None or count == most:
                return

    def live(
        self, path: str, after: str | None, report: Callable[[str], None]
    ) -> Iterator[tuple[str, str | None, Any]]:
        """What a live tail tells, as (event, id, data), for ever: opened again where it breaks off,
        from the last id on. report: told when that happens. Raises RefusedError."""
        pause = 1.0
        while True:
            connection = self._connection(_SILENCE)
            try:
                answer = self._send(connection, "GET", path, None, {}, after)
                if answer.status != 200:
                    _judged(answer.status, answer.read())
                pause = 1.0
                for event, id, data in _events(answer):
                    if event == "end":
                        raise RefusedError(data)
                    after = id or after
                    yield event, id, json.loads(data)
            except (OSError, HTTPException) as error:
                report(str(self._away(error)))
            except ApiError as error:
                report(str(error))
            finally:
                connection.close()
            time.sleep(pause)
            pause = min(2 * pause, 10.0)

    def _connection(self, timeout: float) -> HTTPConnection:
        kind = HTTPConnection if self._is_plain else HTTPSConnection
        return kind(self._host, self._port, timeout=timeout)

    def _send(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: Any,
        query: dict[str, Any],
        last_event: str | None = None,
    ) -> HTTPResponse:
        wanted = {name: _text(value) for name, value in query.items() if value is not None}
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        if last_event is not None:
            headers["Last-Event-ID"] = last_event
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        where = self._path + path + (f"?{urlencode(wanted)}" if wanted else "")
        connection.request(method, where, body=data, headers=headers)
        return connection.getresponse()

    def _away(self, error: Exception) -> ApiError:
        said = "it does not answer" if isinstance(error, TimeoutError) else str(error)
        if isinstance(error, ConnectionRefusedError):
            return ApiError(
                f"no API answers at {self._shown}: start `donablock up`, or name another with"
                " DONABLOCK_API_URL"
            )
        if isinstance(error, socket.gaierror):
            said = "the host is not known"
        return ApiError(f"the API at {self._shown} cannot be asked: {said}")


def segment(text: str) -> str:
    """An id as a part of a path, whatever is in it."""
    return quote(text, safe="")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _judged(status: int, data: bytes) -> Any:
    try:
        said = json.loads(data) if data else None
    except ValueError:
        said = None
    if 200 <= status <= 299:
        if data and said is None:
            raise ApiError("what answers there is no API of DonaBlock; look at DONABLOCK_API_URL")
        return said
    if not isinstance(said, dict) or "title" not in said:
        raise ApiError(f"the API answered {status}; look at DONABLOCK_API_URL")
    faults = [f"{_place(one)}{one.get('detail', '')}" for one in said.get("errors", ())]
    message = "; ".join(faults) or said.get("detail") or said["title"]
    raise (RefusedError if 400 <= status <= 499 else ApiError)(message)


def _place(fault: dict[str, Any]) -> str:
    """The option that the fault is in, by its name."""
    field = str(fault.get("pointer", "")).lstrip("/").partition("/")[0]
    return f"{_OPTIONS.get(field, field.replace('_', '-'))}: " if field else ""


def _events(answer: HTTPResponse) -> Iterator[tuple[str, str | None, str]]:
    """Server-sent events: the event's name, its id, its data."""
    event, id = "message", None
    data: list[str] = []
    while line := answer.readline():
        text = line.decode("utf-8").rstrip("\r\n")
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if not text:
            if data:
                yield event, id, "\n".join(data)
            event, id, data = "message", None, []
        elif name == "event":
            event = value
        elif name == "id":
            id = value
        elif name == "data":
            data.append(value)
