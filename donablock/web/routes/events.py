"""/v1/events, and those of one monitor: what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field

from donablock.monitors.events import EventPage as Found
from donablock.web.access import Reader, bearer
from donablock.web.live import TailResponse
from donablock.web.paging import Cursor, Limit, Page, number_after, token
from donablock.web.parts import Parts, parts_of
from donablock.web.problems import Problem
from donablock.web.responses import UNPROCESSABLE
from donablock.web.shapes import ADDRESS, HASH, MOST_INTEGER, EventId, MonitorId, Shown, Time
from donablock.web.strict import Route
from donablock.web.wire import STREAMING

router = APIRouter(route_class=Route, tags=["events"])

State = Literal["detected", "confirmed", "retracted"]


class EventShown(Shown):
    """One thing that a monitor found."""

    id: str = Field(examples=["evt_0123456789abcdef0123456789abcdef"])
    monitor_id: str
    chain_id: int
    block_number: int
    block_hash: str
    transaction_hash: str | None = Field(
        description="Null where a window came true without a transaction"
    )
    log_index: int | None = Field(
        description="Null for the chain's coin, for a call, and for a window"
    )
    address: str | None = Field(description="The watched one; null where none has a part in it")
    direction: Literal["in", "out", "all"]
    state: State = Field(
        description="`detected`, and then `confirmed` when its block is deep enough, or "
        "`retracted` when its block was replaced"
    )
    generation: int = Field(
        description="From 1; one more each time that its block was replaced and came back"
    )
    data: dict[str, Any] = Field(description="What webhooks say under `data`")
    block_time: Time
    created_at: Time


class EventPage(Page[EventShown]):
    pass


class EventDetail(EventShown):
    deliveries: list[str] = Field(
        description="Its messages, by `webhook-id`; see `GET /v1/deliveries/{delivery_id}`"
    )


AddressQuery = Annotated[
    str | None, Query(pattern=ADDRESS, description="Only of this watched address")
]
TransactionQuery = Annotated[
    str | None, Query(pattern=HASH, description="Only of this transaction")
]
BlockQuery = Annotated[
    int | None, Query(ge=0, le=MOST_INTEGER, description="A block, which is included")
]
StateQuery = Annotated[State | None, Query(description="Only in this state")]


def _page(found: Found) -> EventPage:
    following = None if found.before is None else token("event", found.before)
    data = [EventShown.model_validate(event) for event in found.events]
    return EventPage(data=data, next=following)


_searches: Counter[str] = Counter()


@contextmanager
def _turn(parts: Parts, project: str, is_search: bool) -> Iterator[None]:
    """A search looks at much, and holds a connection meanwhile. Raises Problem if the project has
    as many under way as it may."""
    if not is_search:
        yield
        return
    most = parts.limits.searches_per_project
    if _searches[project] >= most:
        raise Problem(
            "too-many-requests",
            f"{most} searches of the project are under way; wait until one is answered",
            headers={"Retry-After": "1"},
        )
    _searches[project] += 1
    try:
        yield
    finally:
        _searches[project] -= 1
        if not _searches[project]:
            del _searches[project]


async def _found(
    request: Request,
    project: str,
    monitor: str | None,
    limit: int,
    cursor: str | None,
    **wanted: Any,
) -> EventPage:
    """wanted: what is searched for; None where it is not."""
    parts = parts_of(request)
    with _turn(parts, project, any(one is not None for one in wanted.values())):
        before = number_after("event", cursor)
        return _page(
            await parts.events.page(project, monitor, limit=limit, before=before, **wanted)
        )


@router.get("/v1/events", summary="List all events")
async def list_events(
    request: Request,
    caller: Reader,
    address: AddressQuery = None,
    transaction: TransactionQuery = None,
    from_block: BlockQuery = None,
    to_block: BlockQuery = None,
    state: StateQuery = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> EventPage:
    """Of all monitors of the project, the newest found first. Where something is searched for, a
    page may have fewer than asked for, even none, and still be followed by others: only `next` says
    where the end is."""
    return await _found(
        request,
        caller.project_id,
        None,
        limit,
        cursor,
        address=address,
        transaction=transaction,
        from_block=from_block,
        to_block=to_block,
        state=state,
    )


@router.get("/v1/monitors/{monitor_id}/events", summary="List a monitor's events")
async def list_monitor_events(
    request: Request,
    caller: Reader,
    monitor_id: MonitorId,
    address: AddressQuery = None,
    transaction: TransactionQuery = None,
    from_block: BlockQuery = None,
    to_block: BlockQuery = None,
    state: StateQuery = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> EventPage:
    """What one monitor found, the newest first; see `GET /v1/events`. Also of a monitor that is
    deleted."""
    return await _found(
        request,
        caller.project_id,
        monitor_id,
        limit,
        cursor,
        address=address,
        transaction=transaction,
        from_block=from_block,
        to_block=to_block,
        state=state,
    )


@router.get(
    "/v1/monitors/{monitor_id}/events/live",
    summary="Follow a monitor's events",
    status_code=200,
    response_class=TailResponse,
    responses=UNPROCESSABLE
    | {
        200: {
            "description": "A stream that does not end by itself",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 17\nevent: detected\ndata: {"id":"evt_..."}\n\n',
                }
            },
        }
    },
)
async def follow_events(
    request: Request,
    caller: Reader,
    monitor_id: MonitorId,
    last_event_id: Annotated[
        str | None,
        Header(
            pattern="^[0-9]{1,18}$",
            description="The `id` of the last event that you have: go on from there",
        ),
    ] = None,
) -> TailResponse:
    """Server-sent events: an event comes as it is found (`event: detected`, with an `id`), and
    again when its state changes (`confirmed`, `retracted`, without one). `data` is the event as
    `GET /v1/events/{event_id}` has it, without its deliveries. A line that begins with a colon
    every 15 seconds says that there is nothing new.

    With `Last-Event-ID` it goes on after that event, and tells the states of the last hundred
    before it once more. Nothing is left out; something may come twice. The last thousand events are
    followed for changes. `event: end` says why it ends, when the key or the monitor is gone.
    """
    parts = parts_of(request)
    tails = request.app.state.tails
    await parts.registry.get(caller.project_id, monitor_id)
    give_back = tails.take(caller.project_id)
    request.scope[STREAMING]()
    text = bearer(request) or ""
    stream = tails.follow(
        parts.events,
        caller.project_id,
        monitor_id,
        None if last_event_id is None else int(last_event_id),
        lambda: parts.keys.authenticate(text),
        lambda event: EventShown.model_validate(event).model_dump_json(),
    )
    return TailResponse(stream, give_back)


@router.get("/v1/events/{event_id}", summary="Get an event")
async def get_event(request: Request, caller: Reader, event_id: EventId) -> EventDetail:
    """One event, with the messages that told of it."""
    found = await parts_of(request).events.get(caller.project_id, event_id)
    return EventDetail.model_validate(found)
