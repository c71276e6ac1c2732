"""What a webhook says: types, ids and bodies. The same delivery always has the same bytes.

`matches.payload` is the JSON object of `data` without what differs between the messages of one
match; that is put in here:

    event.detected    confirm: false
    event.confirmed   confirm: true,  firstMessageId: the id of event.detected
    event.retracted   confirm: false, firstMessageId: the id of event.detected
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from donablock.errors import InputError

MessageType = Literal["event.detected", "event.confirmed", "event.retracted", "test"]

DETECTED: MessageType = "event.detected"
CONFIRMED: MessageType = "event.confirmed"
RETRACTED: MessageType = "event.retracted"
TEST: MessageType = "test"

_LETTERS = {DETECTED: "d", CONFIRMED: "c", RETRACTED: "r"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}


def event_id(match: bytes) -> str:
    """How a match's 16 bytes are shown: the id of the event, one for all its messages."""
    return "evt_" + match.hex()


def webhook_id(match: bytes, kind: MessageType, generation: int = 1) -> str:
    """The id of one message of a match. A block that was orphaned and came back starts the next
    generation."""
    if kind not in _LETTERS or generation < 1:
        raise InputError(f"a match has no message {kind!r} of generation {generation}")
    return f"{event_id(match)}_{_LETTERS[kind]}{generation}"


def first_id(message: str) -> str:
    """The id of the event.detected that a confirmation or a retraction belongs to."""
    event, _, phase = message.rpartition("_")
    if phase[:1] not in _KINDS or not phase[1:].isdigit():
        raise InputError(f"{message!r} is no id of a match's message")
    return f"{event}_d{phase[1:]}"


def body(message: str, kind: MessageType, at: datetime, payload: bytes) -> bytes:
    """The whole body, `{"type":...,"timestamp":...,"data":{...}}`.

    at: when the message came to be (`deliveries.created_at`), so that it is the same in every
    attempt. payload: the JSON object of `data`.
    """
    if not payload.startswith(b"{") or not payload.endswith(b"}"):
        raise InputError(f"the payload of {message} is not a JSON object")
    if kind == TEST:
        data = payload
    else:
        rest = payload[1:-1].strip()
        data = b'{"confirm":%b' % (b"true" if kind == CONFIRMED else b"false")
        if kind != DETECTED:
            data += b',"firstMessageId":"%b"' % first_id(message).encode()
        data += b",%b}" % rest if rest else b"}"
    return b'{"type":"%b","timestamp":"%b","data":%b}' % (kind.encode(), _text(at), data)


def test_payload(endpoint: str) -> bytes:
    """The `data` of a test message; it needs no row of its own."""
    return b'{"endpointId":"%b","text":"A test message: nothing happened on any chain."}' % (
        endpoint.encode()
    )


# the name says what it makes; pytest must not take it for a test
test_payload.__test__ = False  # type: ignore[attr-defined]


def _text(at: datetime) -> bytes:
    moment = at.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds").encode() + b"Z"
