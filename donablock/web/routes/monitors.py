"""/v1/monitors: what to look for, and at which addresses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import AfterValidator, Field, WithJsonSchema

from donablock.errors import ConditionError, NotFoundError
from donablock.monitors.categories import CATEGORIES
from donablock.monitors.conditions.parser import MAX_DECIMALS
from donablock.monitors.monitor import MAX_CONTRACTS, Definition, definition_of
from donablock.monitors.registry import MOST_AT_ONCE, MonitorRow, MonitorSpec
from donablock.web.access import Reader, Writer
from donablock.web.paging import Cursor, Limit, Page, text_after, token
from donablock.web.parts import parts_of
from donablock.web.problems import Problem, in_text, named_in_body
from donablock.web.responses import UNPROCESSABLE, made, place_of
from donablock.web.shapes import (
    ADDRESS,
    ENDPOINT,
    LEFT_OUT,
    MOST_INTEGER,
    Address,
    Asked,
    Changed,
    MonitorId,
    Shown,
    Tag,
    Time,
)
from donablock.web.strict import Route

router = APIRouter(route_class=Route, tags=["monitors"])

_MOST_TAGS = 20


def _category(value: str) -> str:
    if value not in CATEGORIES:
        raise ValueError(f"no such category; known are {', '.join(CATEGORIES)}")
    return value


ChainId = Annotated[
    int,
    Field(ge=1, le=MOST_INTEGER, description="Of `GET /v1/chains`", examples=[11155111]),
]
Category = Annotated[
    str,
    AfterValidator(_category),
    WithJsonSchema({"type": "string", "enum": list(CATEGORIES)}),
    Field(description="What is looked for"),
]
Name = Annotated[str, Field(min_length=1, max_length=100, description="For people")]
Direction = Annotated[
    Literal["in", "out", "all"],
    Field(
        description="`in`: a watched address receives or is called; `out`: it sends or calls; an "
        "`event`, and what watches everything, has `all` alone"
    ),
]
Watches = Annotated[
    Literal["addresses", "everything"],
    Field(
        description="`addresses`: what the monitor's own addresses have a part in; `everything`: "
        "whatever happens, with `contracts` if there are some"
    ),
]
Contracts = Annotated[
    list[Address],
    Field(
        max_length=MAX_CONTRACTS,
        description="Only what these logged, or were called for; none means any",
    ),
]
Abi = Annotated[
    list[Any] | dict[str, Any] | None,
    Field(
        description="For `event` and `function`: the ABI as compilers write it, whole or the one "
        "entry. Not needed where `signature` is a whole declaration"
    ),
]
Signature = Annotated[
    str,
    Field(
        max_length=4_096,
        description="For `event` and `function`: which of the ABI, `Sent` or "
        "`Sent(address,uint256)`; or a declaration, `event Sent(address indexed from, uint256 "
        "amount)`",
    ),
]
ConditionText = Annotated[
    str,
    Field(
        max_length=4_096,
        description="What must be true of it; none means all. `value >= 1.5 ether and from != to`",
        examples=["value >= 1.5 ether"],
    ),
]
WindowText = Annotated[
    str,
    Field(
        max_length=4_096,
        description="Tell of what adds up, and not of each: `count over 10 minutes by from > 5`",
    ),
]
Units = Annotated[
    dict[str, Annotated[int, Field(ge=0, le=MAX_DECIMALS)]],
    Field(
        max_length=32,
        description="Names of amounts in the condition, with their decimals",
        examples=[{"USDC": 6}],
    ),
]
Failed = Annotated[bool, Field(description="For `function`: also calls that failed")]
EventNames = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    Field(
        max_length=100,
        description="For `donablock`: which of our contracts' events, as `DividendPool.Staked` or "
        "`Giving.*`; none means all",
    ),
]
EndpointRef = Annotated[
    str | None,
    Field(
        pattern=ENDPOINT,
        description="Where it tells; null: it only records, to be read here",
    ),
]
Tags = Annotated[
    list[Tag], Field(max_length=_MOST_TAGS, description="Yours; they are in every message")
]
Note = Annotated[str, Field(max_length=1_000, description="Yours")]
Enabled = Annotated[bool, Field(description="Whether it looks")]
FromBlock = Annotated[
    int | None,
    Field(
        ge=0,
        le=MOST_INTEGER,
        description="Look from this block on, also at what is past: that is scanned by itself. "
        "Null: from the next block on",
    ),
]
AddressList = Annotated[
    list[Address],
    Field(
        max_length=MOST_AT_ONCE,
        description="To watch; more are added with `POST /v1/monitors/{monitor_id}/addresses`",
    ),
]


class NewMonitor(Asked):
    chain_id: ChainId
    name: Name
    category: Category
    direction: Direction = "all"
    watches: Watches = "addresses"
    contracts: Contracts = []
    abi: Abi = None
    signature: Signature = ""
    condition: ConditionText = ""
    window: WindowText = ""
    units: Units = {}
    includes_failed: Failed = False
    events: EventNames = []
    endpoint_id: EndpointRef = None
    tags: Tags = []
    note: Note = ""
    is_enabled: Enabled = True
    from_block: FromBlock = None
    addresses: AddressList = []

    def spec(self) -> MonitorSpec:
        return MonitorSpec(**{name: getattr(self, name) for name in type(self).model_fields})


class MonitorChange(Changed):
    name: Name = LEFT_OUT
    direction: Direction = LEFT_OUT
    watches: Watches = LEFT_OUT
    contracts: Contracts = LEFT_OUT
    abi: Abi = None
    signature: Signature = LEFT_OUT
    condition: ConditionText = LEFT_OUT
    window: WindowText = LEFT_OUT
    units: Units = LEFT_OUT
    includes_failed: Failed = LEFT_OUT
    events: EventNames = LEFT_OUT
    endpoint_id: EndpointRef = None
    tags: Tags = LEFT_OUT
    note: Note = LEFT_OUT
    is_enabled: Enabled = LEFT_OUT


class MonitorShown(Shown):
    id: str = Field(examples=["mo_0123456789abcdef"])
    chain_id: int
    name: str
    category: str
    direction: Literal["in", "out", "all"]
    watches: Literal["addresses", "everything"]
    contracts: list[str]
    abi: Any
    signature: str
    condition: str
    window: str
    units: dict[str, int]
    includes_failed: bool
    events: list[str]
    endpoint_id: str | None
    tags: list[str]
    note: str
    is_enabled: bool
    from_block: int | None
    active_from_block: int | None = Field(
        description="The first block that it looked at by itself; null until it is taken up, with "
        "the next block"
    )
    address_count: int
    revision: int = Field(description="Grows with every change of a monitor or its addresses")
    created_at: Time
    updated_at: Time


class MonitorPage(Page[MonitorShown]):
    pass


class AddressesAsked(Asked):
    addresses: list[Address] = Field(min_length=1, max_length=MOST_AT_ONCE)


class AddressesAdded(Shown):
    added: int = Field(description="So many are new")
    existing: list[str] = Field(description="Those that were watched before")


class AddressesRemoved(Shown):
    removed: int = Field(description="So many were watched until now")


class AddressShown(Shown):
    address: str
    active_from_block: int | None = Field(
        description="The first block in which it was looked for; null until it is taken up"
    )


class AddressPage(Page[AddressShown]):
    pass


class AddressWatched(Shown):
    address: str
    is_watched: Literal[True]


class ScanShown(Shown):
    id: str
    from_block: int
    to_block: int
    position: int = Field(description="The next block of it")
    state: Literal["pending", "running", "done", "failed"]
    error: str | None
    created_at: Time
    updated_at: Time


class ScanAnswer(Shown):
    scan: ScanShown | None = Field(
        description="The newest; null where there was nothing to look at"
    )


_DEFINED = Definition.__struct_fields__


def shown(row: MonitorRow) -> MonitorShown:
    definition = definition_of(row.definition)
    defined = {name: getattr(definition, name) for name in _DEFINED}
    rest = {name: getattr(row, name) for name in MonitorShown.model_fields if name not in _DEFINED}
    return MonitorShown(**(defined | rest))


def misread(error: ConditionError, body: NewMonitor | MonitorChange, pointer: str = "") -> Problem:
    """Says in which of the two texts the fault is, where that can be known."""
    written = [name for name in ("condition", "window") if getattr(body, name)]
    return in_text(error, f"{pointer}/{written[0]}" if len(written) == 1 else pointer)


MONITORS = {
    "received": {
        "summary": "What an address receives of the chain's coin",
        "value": {
            "chain_id": 11155111,
            "name": "gifts in ether",
            "category": "native",
            "direction": "in",
            "addresses": ["0x5fbdb2315678afecb367f032d93f642f64180aa3"],
        },
    },
    "token": {
        "summary": "Large transfers of one token, whoever makes them",
        "value": {
            "chain_id": 1,
            "name": "large USDC transfers",
            "category": "erc20",
            "watches": "everything",
            "contracts": ["0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"],
            "units": {"USDC": 6},
            "condition": "value >= 1_000_000 USDC",
        },
    },
    "event": {
        "summary": "Any event, by its declaration",
        "value": {
            "chain_id": 11155111,
            "name": "gifts with a memo",
            "category": "event",
            "watches": "everything",
            "signature": "event Given(address indexed donor, address indexed payee, uint256 amount,"
            " string memo)",
            "condition": 'memo contains "school" and amount >= 1 ether',
            "tags": ["school"],
        },
    },
    "window": {
        "summary": "More than three transfers within ten minutes",
        "value": {
            "chain_id": 1,
            "name": "busy payer",
            "category": "erc20",
            "direction": "out",
            "window": "count over 10 minutes by address > 3",
            "addresses": ["0x5fbdb2315678afecb367f032d93f642f64180aa3"],
        },
    },
}


@router.get("/v1/monitors", summary="List monitors")
async def list_monitors(
    request: Request,
    caller: Reader,
    chain_id: Annotated[
        int | None, Query(ge=1, le=MOST_INTEGER, description="Only of this chain")
    ] = None,
    search: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="An id, or a part of the name, in capitals or not",
        ),
    ] = None,
    tag: Annotated[
        str | None, Query(min_length=1, max_length=50, description="Only with this tag")
    ] = None,
    is_enabled: Annotated[bool | None, Query(description="Only enabled, or only disabled")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> MonitorPage:
    """The project's monitors, in the order of their ids."""
    rows = await parts_of(request).registry.page(
        caller.project_id,
        chain_id=chain_id,
        search=search,
        tag=tag,
        is_enabled=is_enabled,
        limit=limit,
        after=text_after("mo", cursor),
    )
    following = token("mo", rows[-1].id) if len(rows) == limit else None
    return MonitorPage(data=[shown(row) for row in rows], next=following)


@router.post(
    "/v1/monitors", summary="Create a monitor", status_code=201, responses=made("The monitor")
)
async def create_monitor(
    request: Request,
    response: Response,
    caller: Writer,
    body: Annotated[NewMonitor, Body(openapi_examples=MONITORS)],
) -> MonitorShown:
    """A new monitor. It is taken up with the next block of its chain, and `active_from_block` then
    says which that was. With `from_block` it also finds what happened before.

    Its chain, category and `from_block` stay as they are; everything else can be changed. Try it
    with `POST /v1/backtests` before.
    """
    try:
        row = await parts_of(request).registry.create(caller.project_id, body.spec())
    except NotFoundError as error:
        raise named_in_body("/endpoint_id", error) from None
    except ConditionError as error:
        raise misread(error, body) from None
    response.headers["Location"] = place_of(request, f"/v1/monitors/{row.id}")
    return shown(row)


@router.get("/v1/monitors/{monitor_id}", summary="Get a monitor")
async def get_monitor(request: Request, caller: Reader, monitor_id: MonitorId) -> MonitorShown:
    """One monitor."""
    return shown(await parts_of(request).registry.get(caller.project_id, monitor_id))


@router.patch("/v1/monitors/{monitor_id}", summary="Change a monitor")
async def update_monitor(
    request: Request,
    caller: Writer,
    monitor_id: MonitorId,
    body: Annotated[
        MonitorChange,
        Body(
            openapi_examples={
                "condition": {"value": {"condition": "value >= 2 ether"}},
                "silent": {
                    "summary": "It only records from now on",
                    "value": {"endpoint_id": None},
                },
            }
        ),
    ],
) -> MonitorShown:
    """Changes what is sent, and leaves the rest as it is. Lists and objects are replaced as a
    whole. It takes effect with the next block; what was found before stays as it was told."""
    registry = parts_of(request).registry
    await registry.get(caller.project_id, monitor_id)
    try:
        row = await registry.update(caller.project_id, monitor_id, **body.changes())
    except NotFoundError as error:
        raise named_in_body("/endpoint_id", error) from None
    except ConditionError as error:
        raise misread(error, body) from None
    return shown(row)


@router.delete("/v1/monitors/{monitor_id}", summary="Delete a monitor", status_code=204)
async def delete_monitor(request: Request, caller: Writer, monitor_id: MonitorId) -> None:
    """It finds nothing more, and tells of nothing more: what waits to be sent becomes dead letters,
    and what it found is not confirmed or retracted any further. Its events can still be read. A
    second time changes nothing."""
    await parts_of(request).registry.delete(caller.project_id, monitor_id)


@router.post("/v1/monitors/{monitor_id}/enable", summary="Enable a monitor")
async def enable_monitor(request: Request, caller: Writer, monitor_id: MonitorId) -> MonitorShown:
    """It looks again from the next block on. What happened meanwhile is not looked for."""
    registry = parts_of(request).registry
    return shown(await registry.update(caller.project_id, monitor_id, is_enabled=True))


@router.post("/v1/monitors/{monitor_id}/disable", summary="Disable a monitor")
async def disable_monitor(request: Request, caller: Writer, monitor_id: MonitorId) -> MonitorShown:
    """It finds nothing new from the next block on. What it has found is still confirmed or
    retracted."""
    registry = parts_of(request).registry
    return shown(await registry.update(caller.project_id, monitor_id, is_enabled=False))


@router.get("/v1/monitors/{monitor_id}/scan", summary="Get a monitor's scan")
async def get_scan(request: Request, caller: Reader, monitor_id: MonitorId) -> ScanAnswer:
    """How far the look at what was before its activation has come (`from_block`)."""
    scan = await parts_of(request).registry.scan(caller.project_id, monitor_id)
    return ScanAnswer(scan=None if scan is None else ScanShown.model_validate(scan))


# --- addresses ------------------------------------------------------------------------------------

WatchedPath = Annotated[
    str,
    Path(
        pattern=ADDRESS,
        max_length=42,
        description="An address; its capitals are a checksum, or there are none",
        examples=["0x5fbdb2315678afecb367f032d93f642f64180aa3"],
    ),
]
_ADDRESSES_EXAMPLE = {
    "two": {
        "value": {
            "addresses": [
                "0x5fbdb2315678afecb367f032d93f642f64180aa3",
                "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
            ]
        }
    }
}


@router.get(
    "/v1/monitors/{monitor_id}/addresses", summary="List a monitor's addresses", tags=["addresses"]
)
async def list_addresses(
    request: Request,
    caller: Reader,
    monitor_id: MonitorId,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AddressPage:
    """What it watches, in the order of the addresses."""
    rows = await parts_of(request).registry.addresses(
        caller.project_id, monitor_id, limit=limit, after=text_after("address", cursor)
    )
    following = token("address", rows[-1].address) if len(rows) == limit else None
    return AddressPage(data=[AddressShown.model_validate(row) for row in rows], next=following)


@router.post("/v1/monitors/{monitor_id}/addresses", summary="Add addresses", tags=["addresses"])
async def add_addresses(
    request: Request,
    caller: Writer,
    monitor_id: MonitorId,
    body: Annotated[AddressesAsked, Body(openapi_examples=_ADDRESSES_EXAMPLE)],
) -> AddressesAdded:
    """1 to 50 at once, all or none. They are watched from the next block on. Those that are watched
    already are told, and are no error."""
    done = await parts_of(request).registry.add_addresses(
        caller.project_id, monitor_id, body.addresses
    )
    return AddressesAdded.model_validate(done)


@router.post("/v1/monitors/{monitor_id}/unwatch", summary="Remove addresses", tags=["addresses"])
async def remove_addresses(
    request: Request,
    caller: Writer,
    monitor_id: MonitorId,
    body: Annotated[AddressesAsked, Body(openapi_examples=_ADDRESSES_EXAMPLE)],
) -> AddressesRemoved:
    """1 to 50 at once, all or none. Those that are not watched are no error."""
    count = await parts_of(request).registry.remove_addresses(
        caller.project_id, monitor_id, body.addresses
    )
    return AddressesRemoved(removed=count)


@router.get(
    "/v1/monitors/{monitor_id}/addresses/{address}",
    summary="Is an address watched?",
    tags=["addresses"],
    responses=UNPROCESSABLE,
)
async def get_address(
    request: Request, caller: Reader, monitor_id: MonitorId, address: WatchedPath
) -> AddressWatched:
    """404 if it is not."""
    is_watched = await parts_of(request).registry.has_address(
        caller.project_id, monitor_id, address
    )
    if not is_watched:
        raise NotFoundError(f"the monitor does not watch {address}")
    return AddressWatched(address=address.lower(), is_watched=True)


@router.delete(
    "/v1/monitors/{monitor_id}/addresses/{address}",
    summary="Remove an address",
    tags=["addresses"],
    status_code=204,
    responses=UNPROCESSABLE,
)
async def remove_address(
    request: Request, caller: Writer, monitor_id: MonitorId, address: WatchedPath
) -> None:
    """It is watched no more, from the next block on. A second time changes nothing."""
    await parts_of(request).registry.remove_addresses(caller.project_id, monitor_id, [address])
