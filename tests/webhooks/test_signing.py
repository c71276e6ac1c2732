"""Signatures are those of Standard Webhooks: the published vectors, the `standardwebhooks` library
(not ours) and cryptography's own verification agree with them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from donablock.errors import SecretError
from donablock.monitors.signing import Secret, Signer

# the vectors of the reference server, of one message for both kinds
SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHARED_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
PAIR = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
MESSAGE = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
PAIR_SIGNATURE = (
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

IDS = st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True)


def verified_by_key(public: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether one of the v1a signatures is of this public key, by cryptography alone."""
    key = Ed25519PublicKey.from_public_bytes(b64decode(public.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for signature in headers["webhook-signature"].split(" "):
        version, _, encoded = signature.partition(",")
        if version == "v1a":
            try:
                key.verify(b64decode(encoded), signed)
            except InvalidSignature:
                continue
            return True
    return False


def test_the_published_vectors_are_met() -> None:
    shared, pair = Signer([Secret.parse(SHARED)]), Signer([Secret.parse(PAIR)])
    assert shared.signature(*MESSAGE) == SHARED_SIGNATURE
    assert pair.signature(*MESSAGE) == PAIR_SIGNATURE
    assert Secret.parse(PAIR).public == PUBLIC


@given(st.binary(min_size=24, max_size=64), IDS, st.text())
def test_the_standard_library_of_webhooks_verifies_what_is_signed(
    key: bytes, message: str, text: str
) -> None:
    secret, body = Secret("v1", key), text.encode("utf-8", "replace")
    now = int(datetime.now(UTC).timestamp())
    headers = Signer([secret]).headers(message, now, body)
    Webhook(secret.text).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret.text).verify(body + b" ", headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(Secret.generate().text).verify(body, headers, json_parse=False)


def test_every_active_secret_signs_while_they_are_rotated() -> None:
    old, new, pair = Secret.generate(), Secret.generate(), Secret.generate("v1a")
    now = int(datetime.now(UTC).timestamp())
    headers = Signer([new, old, pair]).headers("evt_1_d1", now, b"{}")
    assert headers["webhook-signature"].count(" ") == 2
    for secret in (old, new):
        Webhook(secret.text).verify(b"{}", headers)
    assert pair.public is not None
    assert verified_by_key(pair.public, headers, b"{}")
    assert not verified_by_key(PUBLIC, headers, b"{}")
    assert not verified_by_key(pair.public, headers, b"{ }")


def test_a_late_repeat_is_refused_by_the_receiver_since_the_timestamp_is_the_attempts() -> None:
    secret = Secret.generate()
    old = int((datetime.now(UTC) - timedelta(minutes=6)).timestamp())
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret.text).verify(b"{}", Signer([secret]).headers("evt_1_d1", old, b"{}"))


@pytest.mark.parametrize("kind", ["v1", "v1a"])
def test_a_secret_is_shown_and_read_back(kind: str) -> None:
    secret = Secret.generate(kind)  # type: ignore[arg-type]
    assert Secret.parse(secret.text) == secret
    assert Secret.parse(f" {secret.text}\n") == secret
    assert secret.text != Secret.generate(kind).text  # type: ignore[arg-type]
    assert (secret.public is None) == (kind == "v1")


def test_a_seed_alone_is_a_whole_key_pair() -> None:
    seed = b64decode(PAIR.removeprefix("whsk_"))[:32]
    assert Secret.parse("whsk_" + b64encode(seed).decode()).text == PAIR


def test_no_secret_shows_in_a_repr() -> None:
    for kind in ("v1", "v1a"):
        secret = Secret.generate(kind)  # type: ignore[arg-type]
        shown = repr(secret) + str(secret) + repr(Signer([secret]))
        assert secret.text not in shown and repr(secret.key) not in shown


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", "begins with whsec_"),
        ("plJ3nmyCDGBKInavdOK15jsl", "begins with whsec_"),
        ("hwsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "begins with whsec_"),
        ("whsec_", "24 to 64 random bytes, not 0"),
        ("whsec_" + b64encode(b"x" * 23).decode(), "not 23"),
        ("whsec_" + b64encode(b"x" * 65).decode(), "not 65"),
        ("whsec_%", "not base64"),
        ("whsec_" + "A" * 32 + "é", "not base64"),
        ("whsec_wronglength", "not base64"),
        (PUBLIC, "public key"),
        (PAIR[:-3], "not base64"),
        ("whsk_" + b64encode(b"x" * 33).decode(), "64 bytes, not 33"),
        ("whsk_" + b64encode(b"x" * 64).decode(), "not that of its private part"),
    ],
)
def test_what_is_no_secret_is_refused(text: str, expected: str) -> None:
    with pytest.raises(SecretError, match=expected):
        Secret.parse(text)


def test_nothing_is_signed_without_a_secret_or_with_an_id_that_could_be_cut_elsewhere() -> None:
    with pytest.raises(SecretError, match="needs a secret"):
        Signer([])
    signer = Signer([Secret.generate()])
    for message in ("", "evt_1.d1", "evt 1", "evt_1\n", "é", "x" * 129):
        with pytest.raises(SecretError, match="letters, digits"):
            signer.signature(message, 0, b"")
