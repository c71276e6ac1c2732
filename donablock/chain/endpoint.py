"""Where a node is reached: a URL whose secrets never leave this file but in the request itself.

User name, password, path and query may hold a key, and so do most providers' URLs. What people and
logs see is the name: host and port.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from donablock.errors import InputError

__all__ = ["Endpoint"]

_STRUCK_OUT = "***"
_SHORTEST_SECRET = 4
_LONGEST_TEXT = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1", re.IGNORECASE)


class Endpoint:
    """One node's URL. `name` is its host, with the port where that is not the scheme's own."""

    def __init__(self, url: str) -> None:
        """Raises InputError, without the URL in it, for what is no http or https URL."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            raise InputError("a node's URL cannot be understood") from None
        if parts.scheme not in {"http", "https"} or not host:
            raise InputError("a node's URL begins with http:// or https:// and names a host")
        shown = f"[{host}]" if ":" in host else host
        place = shown if port is None else f"{shown}:{port}"
        self.name = place
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self.has_user = parts.username is not None
        self.is_loopback = _LOOPBACK.fullmatch(host) is not None
        self._url = urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))
        self._secrets = _secrets(self._url, self.user, self.password, url.strip())

    @property
    def url(self) -> str:
        """Without user name and password. For the request, and for nothing else."""
        return self._url

    def redact(self, text: str) -> str:
        """A node's or library's own words, short, in one line, with every part of the URL that may
        be a secret struck out."""
        for secret in self._secrets:
            text = text.replace(secret, _STRUCK_OUT)
        text = _CONTROL.sub(" ", text).strip()
        return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."

    def __repr__(self) -> str:
        return f"Endpoint({self.name})"


def _secrets(url: str, user: str, password: str, given: str) -> tuple[str, ...]:
    """Longest first, so that no part of a struck-out text is left."""
    parts, split = urlsplit(url), urlsplit(given)
    found = {parts.query, parts.path.strip("/")}
    for segment in parts.path.split("/"):
        found |= {segment, unquote(segment)}
    for pair in parts.query.split("&"):
        found.add(pair.partition("=")[2])
    found |= {value for _, value in parse_qsl(parts.query)}
    # a short segment ("v2", "rpc", "bsc") is a word that any message may hold
    kept = {text for text in found if len(text) >= _SHORTEST_SECRET}
    kept |= {user, password, split.username or "", split.password or ""}
    return tuple(sorted(kept - {""}, key=len, reverse=True))
