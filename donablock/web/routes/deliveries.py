"""/v1/deliveries: messages, each to one endpoint, and what came of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Request, Response
from pydantic import Field

from donablock.errors import NotFoundError
from donablock.monitors.replays import MOST_IDS, Attempt, Delivery
from donablock.web.access import Reader, Writer
from donablock.web.paging import Page
from donablock.web.parts import parts_of
from donablock.web.problems import named_in_body
from donablock.web.shapes import Asked, DeliveryId, Shown, Time
from donablock.web.strict import Route

router = APIRouter(route_class=Route, tags=["deliveries"])

DeliveryState = Literal["pending", "leased", "delivered", "dead"]
MessageKind = Literal["event.detected", "event.confirmed", "event.retracted", "test"]


class DeliveryShown(Shown):
    """One message to one endpoint."""

    id: str = Field(
        description="The `webhook-id`, the same in every attempt and every replay",
        examples=["evt_0123456789abcdef0123456789abcdef_d1"],
    )
    event_id: str | None = Field(description="What it tells of; null for a test")
    endpoint_id: str
    monitor_id: str | None
    type: MessageKind
    state: DeliveryState = Field(
        description="`pending`: it will be sent; `leased`: it is being sent; `delivered`: the "
        "endpoint answered 2xx; `dead`: it was given up, and is sent again only when asked to"
    )
    attempts: int
    replays: int = Field(description="How often it was sent again")
    next_at: Time | None = Field(
        description="When it is sent next; null if that is not planned, or if it waits for the one "
        "before it"
    )
    created_at: Time
    delivered_at: Time | None


class DeliveryPage(Page[DeliveryShown]):
    pass


class AttemptShown(Shown):
    """One try. It has either a `status` or an `error`."""

    number: int
    started_at: Time
    duration_ms: int
    status: int | None = Field(description="What the endpoint answered")
    error: str | None = Field(description="Why there was no answer")
    request: dict[str, Any] = Field(
        description="What was sent; the values of the endpoint's own headers are left out"
    )
    response_headers: dict[str, str] | None
    response_body: str | None = Field(
        description="Its first bytes as text; what is no UTF-8 is replaced by U+FFFD"
    )


class AttemptList(Shown):
    data: list[AttemptShown]


class Chosen(Asked):
    ids: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,100}$")]] = Field(
        min_length=1, max_length=MOST_IDS, description="Of deliveries: their `webhook-id`"
    )


class ReplayedIds(Shown):
    ids: list[str] = Field(
        description="Those that are sent again. One that is being sent just now is left alone"
    )


def shown_delivery(delivery: Delivery) -> DeliveryShown:
    return DeliveryShown.model_validate(delivery)


def _shown_attempt(attempt: Attempt) -> AttemptShown:
    values = {name: getattr(attempt, name) for name in AttemptShown.model_fields}
    body = attempt.response_body
    values["response_body"] = None if body is None else body.decode("utf-8", "replace")
    return AttemptShown(**values)


@router.post("/v1/replays", summary="Send deliveries again, by their ids")
async def replay_by_ids(
    request: Request,
    caller: Writer,
    body: Annotated[
        Chosen,
        Body(
            openapi_examples={
                "one": {"value": {"ids": ["evt_0123456789abcdef0123456789abcdef_d1"]}}
            }
        ),
    ],
) -> ReplayedIds:
    """Starts the whole series of attempts anew: the same `webhook-id`, the same body, and a header
    `donablock-replay`. What is pending is only brought forward. If one of the ids is not the
    project's, none is sent."""
    try:
        ids = await parts_of(request).replays.by_id(caller.project_id, body.ids)
    except NotFoundError as error:
        raise named_in_body("/ids", error) from None
    return ReplayedIds(ids=ids)


@router.get("/v1/deliveries/{delivery_id}", summary="Get a delivery")
async def get_delivery(request: Request, caller: Reader, delivery_id: DeliveryId) -> DeliveryShown:
    """One message: whether it has arrived, and when it is tried next."""
    return shown_delivery(await parts_of(request).replays.get(caller.project_id, delivery_id))


@router.get("/v1/deliveries/{delivery_id}/attempts", summary="List a delivery's attempts")
async def list_attempts(request: Request, caller: Reader, delivery_id: DeliveryId) -> AttemptList:
    """Every try that is kept, the first first: what was sent, what came back, and how long it
    took."""
    found = await parts_of(request).replays.attempts(caller.project_id, delivery_id)
    return AttemptList(data=[_shown_attempt(one) for one in found])


@router.get(
    "/v1/deliveries/{delivery_id}/body",
    summary="Get a delivery's body",
    response_class=Response,
    responses={
        200: {
            "description": "The body, byte for byte as it is sent and signed",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}},
        }
    },
)
async def get_delivery_body(request: Request, caller: Reader, delivery_id: DeliveryId) -> Response:
    """What the signature is over. 404 also where the event is no longer kept."""
    body = await parts_of(request).replays.body(caller.project_id, delivery_id)
    return Response(body, media_type="application/json")


@router.post("/v1/deliveries/{delivery_id}/replay", summary="Send a delivery again")
async def replay_one(request: Request, caller: Writer, delivery_id: DeliveryId) -> ReplayedIds:
    """As `POST /v1/replays`, for one."""
    return ReplayedIds(ids=await parts_of(request).replays.by_id(caller.project_id, [delivery_id]))
