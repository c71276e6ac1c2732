"""/v1/endpoints: where a project's webhooks go."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import Field

from donablock.monitors.endpoints import (
    LEAST_RATE,
    LONGEST_DESCRIPTION,
    MOST_CONCURRENCY,
    MOST_RATE,
    ROTATION,
    Endpoint,
)
from donablock.monitors.guard import LONGEST_URL, MOST_HEADERS
from donablock.monitors.schedule import DAY
from donablock.monitors.signing import Kind, Secret
from donablock.web.access import Reader, Writer
from donablock.web.paging import Cursor, Limit, Page, number_after, text_after, token
from donablock.web.parts import parts_of
from donablock.web.responses import made, place_of
from donablock.web.routes.deliveries import (
    DeliveryPage,
    DeliveryShown,
    DeliveryState,
    MessageKind,
    shown_delivery,
)
from donablock.web.shapes import LEFT_OUT, MONITOR, Asked, Changed, EndpointId, Instant, Shown, Time
from donablock.web.strict import Route

router = APIRouter(route_class=Route, tags=["endpoints"])

Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="Where messages are sent, by POST. A public https address, unless the operator "
        "allows others; redirects are not followed",
        examples=["https://hooks.example.org/donations"],
    ),
]
Description = Annotated[
    str, Field(max_length=LONGEST_DESCRIPTION, description="For yourselves", examples=["Books"])
]
Headers = Annotated[
    dict[str, str],
    Field(
        max_length=MOST_HEADERS,
        description="Sent with every message, such as an `Authorization` that the receiver asks "
        "for. They are never shown again",
        examples=[{"Authorization": "Basic Ym9va3M6c2VjcmV0"}],
    ),
]
Rate = Annotated[
    float | None,
    Field(
        ge=LEAST_RATE,
        le=MOST_RATE,
        description="At most so many messages a second; null for the usual",
    ),
]
Concurrency = Annotated[
    int | None,
    Field(
        ge=1,
        le=MOST_CONCURRENCY,
        description="At most so many requests at once; null for the usual",
    ),
]
Ordered = Annotated[
    bool,
    Field(
        description="Messages about one address are sent in their order: each waits until the one "
        "before it has arrived or is given up. It applies to what is made from now on"
    ),
]
SecretText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="One of your own, `whsec_...` (24 to 64 bytes in base64) or `whsk_...`; leave "
        "it out and one is made, which is better",
    ),
]


class NewEndpoint(Asked):
    url: Url
    description: Description = ""
    headers: Headers = {}
    rate_per_second: Rate = None
    concurrency: Concurrency = None
    is_ordered: Ordered = False
    secret: SecretText | None = None


class EndpointChange(Changed):
    url: Url = LEFT_OUT
    description: Description = LEFT_OUT
    headers: Headers = LEFT_OUT
    rate_per_second: Rate = None
    concurrency: Concurrency = None
    is_ordered: Ordered = LEFT_OUT


class EndpointShown(Shown):
    id: str = Field(examples=["ep_0123456789abcdef01234567"])
    url: str
    description: str
    header_names: list[str] = Field(description="Of the headers that are sent with every message")
    rate_per_second: float | None
    concurrency: int | None
    is_ordered: bool
    state: Literal["enabled", "disabled"]
    disabled_because: str | None = Field(
        description="Such as that it answered 410, or failed for days"
    )
    failing_since: Time | None = Field(description="Nothing has arrived since")
    rests_until: Time | None = Field(
        description="It failed too often, and nothing is sent before; what waits is kept"
    )
    created_at: Time
    updated_at: Time


class EndpointPage(Page[EndpointShown]):
    pass


class SecretShown(Shown):
    kind: Kind = Field(description="`v1` is HMAC-SHA256, `v1a` is ed25519")
    secret: str = Field(
        description="What signs, shown this once. Keep it where the receiver finds it: "
        "`whsec_...`, or the pair `whsk_...`"
    )
    public: str | None = Field(
        description="What a receiver verifies `v1a` by, `whpk_...`; null for a shared secret"
    )


class EndpointWithSecret(EndpointShown):
    signing: SecretShown


class SecretKept(Shown):
    kind: Kind
    public: str | None = Field(description="What a receiver verifies `v1a` by; null for `v1`")
    created_at: Time
    expires_at: Time | None = Field(
        description="It signs until then, beside the newer ones; null: until the next rotation"
    )


class SecretList(Shown):
    data: list[SecretKept]


class Rotation(Asked):
    kind: Kind = Field(default="v1", description="`v1` is HMAC-SHA256, `v1a` is ed25519")
    keep_seconds: float = Field(
        default=ROTATION,
        ge=0,
        le=30 * DAY,
        description="The older secrets still sign for so long, beside the new one, so that the "
        "receiver can change over at its leisure. 0 ends them now, as when one was lost",
    )
    secret: SecretText | None = None


class TestSent(Shown):
    id: str = Field(
        description="The `webhook-id` of the message; `GET /v1/deliveries/{id}` tells what came "
        "of it",
        examples=["test_0123456789abcdef0123456789abcdef"],
    )


class ReplayFilter(Asked):
    states: list[Literal["pending", "delivered", "dead"]] = Field(
        default=["dead"], min_length=1, max_length=3, description="Of deliveries that are chosen"
    )
    monitor_id: str | None = Field(
        default=None, pattern=MONITOR, description="Only of this monitor"
    )
    types: list[MessageKind] | None = Field(
        default=None, min_length=1, max_length=4, description="Only messages of these types"
    )
    since: Instant | None = Field(default=None, description="Made then or later")
    until: Instant | None = Field(default=None, description="Made before")


class Replayed(Shown):
    count: int = Field(description="So many are sent again")


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    values = {name: getattr(endpoint, name) for name in EndpointShown.model_fields.keys() & _KEPT}
    return values | {
        "header_names": sorted(endpoint.headers),
        "rests_until": endpoint.open_until,
    }


_KEPT = {one.name for one in fields(Endpoint)}


def _shown_secret(secret: Secret) -> SecretShown:
    return SecretShown(kind=secret.kind, secret=secret.text, public=secret.public)


@router.get("/v1/endpoints", summary="List endpoints")
async def list_endpoints(
    request: Request, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> EndpointPage:
    """The project's endpoints, in the order of their ids."""
    rows = await parts_of(request).endpoints.page(
        caller.project_id, limit=limit, after=text_after("ep", cursor)
    )
    following = token("ep", rows[-1].id) if len(rows) == limit else None
    return EndpointPage(data=[EndpointShown(**_shown(row)) for row in rows], next=following)


@router.post(
    "/v1/endpoints", summary="Create an endpoint", status_code=201, responses=made("The endpoint")
)
async def create_endpoint(
    request: Request,
    response: Response,
    caller: Writer,
    body: Annotated[
        NewEndpoint,
        Body(
            openapi_examples={
                "plain": {
                    "summary": "As it is for most",
                    "value": {"url": "https://example.com/donations", "description": "Books"},
                },
                "ordered": {
                    "summary": "In order, not too fast, with a header of one's own",
                    "value": {
                        "url": "https://example.com/donations",
                        "headers": {"Authorization": "Basic Ym9va3M6c2VjcmV0"},
                        "rate_per_second": 20,
                        "concurrency": 4,
                        "is_ordered": True,
                    },
                },
            }
        ),
    ],
) -> EndpointWithSecret:
    """A new endpoint, enabled. The answer has the secret that signs its messages, this once.

    A receiver verifies each message with any library for [Standard Webhooks]
    (https://www.standardwebhooks.com): the headers `webhook-id`, `webhook-timestamp` and
    `webhook-signature`, over the body as it came. It answers 2xx; whatever else it answers, and no
    answer within the time, is a failure, and the message comes again, under the same id.
    """
    values = body.model_dump(exclude={"secret"})
    secret = None if body.secret is None else Secret.parse(body.secret)
    endpoint, secret = await parts_of(request).endpoints.create(
        caller.project_id, values.pop("url"), secret=secret, **values
    )
    response.headers["Location"] = place_of(request, f"/v1/endpoints/{endpoint.id}")
    return EndpointWithSecret(**_shown(endpoint), signing=_shown_secret(secret))


@router.get("/v1/endpoints/{endpoint_id}", summary="Get an endpoint")
async def get_endpoint(request: Request, caller: Reader, endpoint_id: EndpointId) -> EndpointShown:
    """One endpoint, with how it does: enabled or not, and why; failing since; resting until."""
    row = await parts_of(request).endpoints.get(caller.project_id, endpoint_id)
    return EndpointShown(**_shown(row))


@router.patch("/v1/endpoints/{endpoint_id}", summary="Change an endpoint")
async def update_endpoint(
    request: Request,
    caller: Writer,
    endpoint_id: EndpointId,
    body: Annotated[
        EndpointChange,
        Body(openapi_examples={"slower": {"value": {"rate_per_second": 5, "concurrency": 1}}}),
    ],
) -> EndpointShown:
    """Changes what is sent, and leaves the rest as it is. `headers` are replaced as a whole. A new
    URL also gets what waits now. Without `is_ordered`, what waits for its turn is due at once."""
    endpoints = parts_of(request).endpoints
    changes = body.changes()
    row = await endpoints.update(caller.project_id, endpoint_id, **changes)
    return EndpointShown(**_shown(row))


@router.delete("/v1/endpoints/{endpoint_id}", summary="Delete an endpoint", status_code=204)
async def delete_endpoint(request: Request, caller: Writer, endpoint_id: EndpointId) -> None:
    """Nothing is sent to it any more, and what waits becomes dead letters. Monitors that tell it go
    on, and only record; give them another."""
    await parts_of(request).endpoints.delete(caller.project_id, endpoint_id)


@router.post("/v1/endpoints/{endpoint_id}/disable", summary="Disable an endpoint")
async def disable_endpoint(
    request: Request, caller: Writer, endpoint_id: EndpointId
) -> EndpointShown:
    """Nothing is sent until it is enabled again. What waits is kept, and what comes is added."""
    row = await parts_of(request).endpoints.disable(caller.project_id, endpoint_id)
    return EndpointShown(**_shown(row))


@router.post("/v1/endpoints/{endpoint_id}/enable", summary="Enable an endpoint")
async def enable_endpoint(
    request: Request, caller: Writer, endpoint_id: EndpointId
) -> EndpointShown:
    """What waits is sent, oldest first. It also ends a rest, and forgets the failures."""
    row = await parts_of(request).endpoints.enable(caller.project_id, endpoint_id)
    return EndpointShown(**_shown(row))


@router.post("/v1/endpoints/{endpoint_id}/test", summary="Send a test message", status_code=202)
async def test_endpoint(request: Request, caller: Writer, endpoint_id: EndpointId) -> TestSent:
    """A message of the type `test`, on the same way as every other: signed, repeated, and kept with
    its attempts."""
    sent = await parts_of(request).replays.test(caller.project_id, endpoint_id)
    return TestSent(id=sent)


@router.get("/v1/endpoints/{endpoint_id}/secrets", summary="List an endpoint's secrets")
async def list_secrets(request: Request, caller: Reader, endpoint_id: EndpointId) -> SecretList:
    """Those that sign now, the newest first, without what is secret: that was shown when they were
    made, and is never shown again. One that was lost is rotated."""
    kept = await parts_of(request).endpoints.secrets(caller.project_id, endpoint_id)
    return SecretList(
        data=[
            SecretKept(
                kind=one.secret.kind,
                public=one.secret.public,
                created_at=one.created_at,
                expires_at=one.expires_at,
            )
            for one in kept
        ]
    )


@router.post("/v1/endpoints/{endpoint_id}/rotate", summary="Rotate an endpoint's secret")
async def rotate_secret(
    request: Request,
    caller: Writer,
    endpoint_id: EndpointId,
    body: Annotated[
        Rotation,
        Body(
            openapi_examples={
                "usual": {"summary": "The old one signs for another day", "value": {}},
                "lost": {"summary": "The old one was lost", "value": {"keep_seconds": 0}},
                "pair": {"summary": "To ed25519", "value": {"kind": "v1a"}},
            }
        ),
    ],
) -> SecretShown:
    """A new secret, shown this once. Until the older ones expire every message carries a signature
    of each, so that no receiver finds only one that it does not know."""
    new = await parts_of(request).endpoints.rotate(
        caller.project_id,
        endpoint_id,
        None if body.secret is None else Secret.parse(body.secret),
        kind=body.kind,
        keep=body.keep_seconds,
    )
    return _shown_secret(new)


@router.get("/v1/endpoints/{endpoint_id}/deliveries", summary="List an endpoint's deliveries")
async def list_deliveries(
    request: Request,
    caller: Reader,
    endpoint_id: EndpointId,
    state: Annotated[DeliveryState | None, Query(description="Only of this state")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryPage:
    """Its messages, the newest first. `dead` are those that were given up; send them again with
    `POST /v1/endpoints/{endpoint_id}/replay`."""
    parts = parts_of(request)
    await parts.endpoints.get(caller.project_id, endpoint_id)
    rows = await parts.replays.page(
        caller.project_id,
        endpoint_id,
        state=state,
        limit=limit,
        before=number_after("delivery", cursor),
    )
    following = token("delivery", rows[-1].sequence) if len(rows) == limit else None
    shown: list[DeliveryShown] = [shown_delivery(row) for row in rows]
    return DeliveryPage(data=shown, next=following)


@router.post("/v1/endpoints/{endpoint_id}/replay", summary="Send deliveries again, by a filter")
async def replay_by_filter(
    request: Request,
    caller: Writer,
    endpoint_id: EndpointId,
    body: Annotated[
        ReplayFilter,
        Body(
            openapi_examples={
                "dead": {"summary": "All that was given up", "value": {}},
                "night": {
                    "summary": "What was sent in one night, arrived or not",
                    "value": {
                        "states": ["dead", "delivered"],
                        "since": "2026-11-02T22:00:00Z",
                        "until": "2026-11-03T06:00:00Z",
                    },
                },
            }
        ),
    ],
) -> Replayed:
    """Starts the whole series of attempts anew: the same `webhook-id`, the same body, and a header
    `donablock-replay`. What is pending is only brought forward. It goes in batches; when it breaks
    off with an error, those that were chosen before stay so, and it may be asked for again."""
    count = await parts_of(request).replays.by_filter(
        caller.project_id,
        endpoint_id,
        states=body.states,
        monitor=body.monitor_id,
        types=body.types,
        since=body.since,
        until=body.until,
    )
    return Replayed(count=count)
