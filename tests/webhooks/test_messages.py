"""What a webhook says, byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.errors import InputError
from donablock.monitors import messages
from donablock.monitors.messages import CONFIRMED, DETECTED, RETRACTED, TEST, body, webhook_id

MATCH = bytes.fromhex("00112233445566778899aabbccddeeff")
AT = datetime(2026, 11, 3, 20, 26, 10, 344522, tzinfo=UTC)
EVENT = "evt_00112233445566778899aabbccddeeff"


def test_ids_name_the_match_the_phase_and_the_generation() -> None:
    assert webhook_id(MATCH, DETECTED) == EVENT + "_d1"
    assert webhook_id(MATCH, CONFIRMED) == EVENT + "_c1"
    assert webhook_id(MATCH, RETRACTED, 12) == EVENT + "_r12"
    for kind, generation in ((TEST, 1), (DETECTED, 0)):
        with pytest.raises(InputError, match="no message"):
            webhook_id(MATCH, kind, generation)


def test_a_detection_is_not_confirmed_and_names_nothing() -> None:
    made = body(EVENT + "_d1", DETECTED, AT, b'{"chain":"BSC"}')
    assert made == (
        b'{"type":"event.detected","timestamp":"2026-11-03T20:26:10.344522Z",'
        b'"data":{"confirm":false,"chain":"BSC"}}'
    )


@pytest.mark.parametrize("kind, letter, confirm", [(CONFIRMED, "c", True), (RETRACTED, "r", False)])
def test_what_follows_names_the_first_message(
    kind: messages.MessageType, letter: str, confirm: bool
) -> None:
    said = json.loads(body(f"{EVENT}_{letter}3", kind, AT, b'{"chain":"BSC"}'))
    assert said["type"] == kind
    assert said["data"] == {"confirm": confirm, "firstMessageId": f"{EVENT}_d3", "chain": "BSC"}


def test_a_test_message_says_that_it_is_one() -> None:
    said = json.loads(body("test_1", TEST, AT, messages.test_payload("ep_1")))
    assert said["type"] == "test"
    assert said["data"]["endpointId"] == "ep_1"
    assert "confirm" not in said["data"]


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())))
def test_any_object_stays_what_it_is(data: dict[str, object]) -> None:
    for key in ("confirm", "firstMessageId"):
        data.pop(key, None)
    said = json.loads(body(EVENT + "_r1", RETRACTED, AT, json.dumps(data).encode()))
    assert said["data"] == {"confirm": False, "firstMessageId": f"{EVENT}_d1", **data}


def test_the_moment_is_written_in_utc_and_always_as_long() -> None:
    elsewhere = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    said = json.loads(body(EVENT + "_d1", DETECTED, elsewhere, b"{}"))
    assert said["timestamp"] == "2025-12-31T23:00:00.000000Z"


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b'"{"', b"{"])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(InputError, match="not a JSON object"):
        body(EVENT + "_d1", DETECTED, AT, payload)


@pytest.mark.parametrize("message", ["", "evt_1", "evt_1_x1", "evt_1_d", "evt_1_c-1"])
def test_an_id_without_a_phase_has_no_first_message(message: str) -> None:
    with pytest.raises(InputError, match="no id of a match"):
        messages.first_id(message)
