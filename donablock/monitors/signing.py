"""Standard Webhooks: secrets, and the signatures that go with every message.

    signer = Signer([Secret.parse("whsec_...")])
    signer.headers("evt_ab12_d1", 1_800_000_000, b'{"type":...}')

What is signed is `{id}.{timestamp}.{body}`, byte for byte as it is sent. A symmetric secret (v1,
HMAC-SHA256) is shown as `whsec_` and base64; a key pair (v1a, ed25519) as `whsk_` (private and
public part) and `whpk_` (public part). While a secret is rotated several sign at once, and their
signatures stand in one header with spaces between.
"""

from __future__ import annotations

import binascii
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from donablock.errors import SecretError

Kind = Literal["v1", "v1a"]

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"

LEAST_BYTES = 24
MOST_BYTES = 64
_NEW_BYTES = 32
_SEED_BYTES = 32
_PAIR_BYTES = 64
# a full stop in the id would let the text that is signed be cut at another place
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True)
class Secret:
    """One signing key. `key`: the shared bytes of v1, the 32-byte seed of v1a."""

    kind: Kind
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.kind == "v1" and not LEAST_BYTES <= len(self.key) <= MOST_BYTES:
            raise SecretError(
                f"a webhook secret has {LEAST_BYTES} to {MOST_BYTES} random bytes, not "
                f"{len(self.key)}; leave it out and one is made"
            )
        if self.kind == "v1a" and len(self.key) != _SEED_BYTES:
            raise SecretError(f"an ed25519 seed has {_SEED_BYTES} bytes, not {len(self.key)}")

    @classmethod
    def generate(cls, kind: Kind = "v1") -> Secret:
        """A new random one."""
        return cls(kind, secrets.token_bytes(_NEW_BYTES if kind == "v1" else _SEED_BYTES))

    @classmethod
    def parse(cls, text: str) -> Secret:
        """A secret as it is shown to people: `whsec_...` or `whsk_...`. Raises SecretError."""
        prefix, _, encoded = text.strip().partition("_")
        if prefix == "whsec":
            return cls("v1", _decoded(encoded))
        if prefix == "whsk":
            pair = _decoded(encoded)
            if len(pair) == _SEED_BYTES:
                return cls("v1a", pair)
            if len(pair) != _PAIR_BYTES:
                raise SecretError(
                    f"whsk_ holds the private and the public part, {_PAIR_BYTES} bytes, not "
                    f"{len(pair)}"
                )
            secret = cls("v1a", pair[:_SEED_BYTES])
            if _public(secret.key) != pair[_SEED_BYTES:]:
                raise SecretError("the public part in this whsk_ is not that of its private part")
            return secret
        if prefix == "whpk":
            raise SecretError("this is a public key (whpk_), which signs nothing; give the whsk_")
        raise SecretError("a webhook secret begins with whsec_ (shared) or whsk_ (ed25519)")

    @property
    def text(self) -> str:
        """As it is shown to the endpoint's owner: `whsec_...` or `whsk_...`."""
        if self.kind == "v1":
            return "whsec_" + b64encode(self.key).decode()
        return "whsk_" + b64encode(self.key + _public(self.key)).decode()

    @property
    def public(self) -> str | None:
        """What a receiver verifies v1a by, `whpk_...`; None for a shared secret."""
        return None if self.kind == "v1" else "whpk_" + b64encode(_public(self.key)).decode()


class Signer:
    """The secrets of one endpoint that are active now, first the one that stays."""

    __slots__ = ("_pairs", "_shared")

    def __init__(self, active: Iterable[Secret]) -> None:
        known = tuple(active)
        if not known:
            raise SecretError("an endpoint needs a secret; rotate to make one")
        self._shared = tuple(secret.key for secret in known if secret.kind == "v1")
        self._pairs = tuple(
            Ed25519PrivateKey.from_private_bytes(secret.key)
            for secret in known
            if secret.kind == "v1a"
        )

    def signature(self, message: str, timestamp: int, body: bytes) -> str:
        """The signature header: one signature for each active secret, with spaces between.

        timestamp: the attempt's Unix second. Raises SecretError for an id with other characters.
        """
        if not _ID.fullmatch(message):
            raise SecretError(f"a webhook id has letters, digits, - and _ only, not {message!r}")
        signed = b"%b.%d.%b" % (message.encode(), timestamp, body)
        parts = ["v1," + _base64(hmac.digest(key, signed, "sha256")) for key in self._shared]
        parts += ["v1a," + _base64(pair.sign(signed)) for pair in self._pairs]
        return " ".join(parts)

    def headers(self, message: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The three headers of Standard Webhooks."""
        return {
            ID_HEADER: message,
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: self.signature(message, timestamp, body),
        }


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise SecretError("the part after the _ is not base64; copy it whole") from error


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
