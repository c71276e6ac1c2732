"""Forms that several routes share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

__all__ = [
    "ADDRESS",
    "MOST_INTEGER",
    "Address",
    "Asked",
    "Changed",
    "DeliveryId",
    "EndpointId",
    "EventId",
    "LEFT_OUT",
    "Instant",
    "KeyId",
    "MonitorId",
    "Shown",
    "Tag",
    "Time",
]

MOST_INTEGER = 2**53 - 1
"""What every reader of JSON can hold."""


class Asked(BaseModel):
    """A body: nothing in it that is not known, and nothing taken for something else."""

    model_config = ConfigDict(extra="forbid", strict=True, regex_engine="python-re")


def _without_defaults(schema: dict[str, Any]) -> None:
    for one in schema.get("properties", {}).values():
        one.pop("default", None)


LEFT_OUT: Any = None
"""The default of a field that may be left out, and may not be null."""


class Changed(Asked):
    """A body of a change: what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


class Shown(BaseModel):
    """An answer, made of an object that has these fields."""

    model_config = ConfigDict(
        from_attributes=True, json_schema_serialization_defaults_required=True
    )


def _rfc3339(at: datetime) -> str:
    moment = at.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds") + "Z"


Time = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
"""UTC, to the microsecond: 2026-11-03T20:00:00.000000Z."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LEAST, _MOST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def _instant(value: Any) -> datetime:
    """RFC 3339, and nothing else. What is further away than the database can count is brought
    nearer: nothing of ours is there."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("write a time with its zone, as 2026-11-03T20:00:00Z")
    year = int(value[:4])
    if not 1 < year < 9999:
        return _LEAST if year <= 1 else _MOST
    try:
        # a leap second is there, and nobody counts it
        second = value[17:].replace("60", "59", 1) if value[17:19] == "60" else value[17:]
        at = datetime.fromisoformat(value[:10] + "T" + value[11:17] + second.upper())
    except ValueError:
        raise ValueError("there is no such time; write it as 2026-11-03T20:00:00Z") from None
    return min(max(at, _LEAST), _MOST)


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2036-01-01T00:00:00Z"]}),
]


def _id(pattern: str, what: str, example: str) -> Any:
    return Path(pattern=pattern, max_length=100, description=what, examples=[example])


ADDRESS = "^0x[0-9A-Fa-f]{40}$"
ENDPOINT = "^ep_[0-9a-f]{24}$"
HASH = "^0x[0-9A-Fa-f]{64}$"
MONITOR = "^mo_[a-z0-9]{16}$"

FORMS = {
    ADDRESS: "It should be 0x and 40 hexadecimal digits",
    ENDPOINT: "It should be an endpoint's id: ep_ and 24 digits, as GET /v1/endpoints shows it",
    HASH: "It should be 0x and 64 hexadecimal digits",
    MONITOR: "It should be a monitor's id: mo_ and 16 characters, as GET /v1/monitors shows it",
}
"""What to say of a text that does not have the form."""

EndpointId = Annotated[str, _id(ENDPOINT, "Of an endpoint", "ep_0123456789abcdef01234567")]
MonitorId = Annotated[str, _id(MONITOR, "Of a monitor", "mo_0123456789abcdef")]
KeyId = Annotated[str, _id("^[a-z0-9_]{1,64}$", "Of a key", "key_0123456789abcdef")]
EventId = Annotated[
    str, _id("^evt_[0-9a-f]{32}$", "Of an event", "evt_0123456789abcdef0123456789abcdef")
]
DeliveryId = Annotated[
    str,
    _id(
        "^(evt_[0-9a-f]{32}_[dcr][0-9]{1,5}|test_[0-9a-f]{32})$",
        "Of a delivery: the `webhook-id` of its message",
        "evt_0123456789abcdef0123456789abcdef_d1",
    ),
]

Address = Annotated[
    str,
    Field(
        pattern=ADDRESS,
        description="0x and 40 hexadecimal digits; capitals are a checksum, and are checked",
        examples=["0x5fbdb2315678afecb367f032d93f642f64180aa3"],
    ),
]
Tag = Annotated[str, Field(min_length=1, max_length=50)]
