"""Backtests: what a monitor would have found, before there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Request
from pydantic import Field

from donablock.errors import ConditionError, InputError
from donablock.monitors import backtest as service
from donablock.monitors.backtest import Backtest
from donablock.monitors.deployed import contracts_of
from donablock.monitors.matcher import CONSUMER
from donablock.monitors.monitor import Monitor, address_of
from donablock.monitors.registry import MOST_AT_ONCE
from donablock.web.access import Reader
from donablock.web.parts import Parts, parts_of
from donablock.web.problems import Problem
from donablock.web.routes.monitors import MONITORS, NewMonitor, misread
from donablock.web.shapes import MOST_INTEGER, Address, Asked, MonitorId, Shown
from donablock.web.strict import Route

router = APIRouter(route_class=Route, tags=["backtests"])

FromBlock = Annotated[int, Field(ge=0, le=MOST_INTEGER, description="The first block, included")]
ToBlock = Annotated[
    int,
    Field(
        ge=0,
        le=MOST_INTEGER,
        description=f"The last block, included; at most {service.Limits().blocks:,} in all",
    ),
]


class Range(Asked):
    from_block: FromBlock
    to_block: ToBlock


class BacktestAsked(Range):
    monitor: NewMonitor = Field(description="As in `POST /v1/monitors`; it is not made")


class SavedBacktestAsked(Range):
    addresses: list[Address] | None = Field(
        default=None,
        max_length=MOST_AT_ONCE,
        description="Instead of those that the monitor watches",
    )


class AddressCount(Shown):
    address: str
    count: int


class BacktestShown(Shown):
    from_block: int
    to_block: int
    scanned_to: int = Field(
        description="The last block that was looked at; below `from_block` if none was. Ask on "
        "from the one after it"
    )
    is_truncated: bool = Field(description="The range was not looked at to its end")
    stopped_because: str = Field(description="Why not; else empty")
    count: int = Field(description="So many events would have been found, up to `scanned_to`")
    by_address: list[AddressCount] = Field(
        description="The watched addresses with the most, at most a hundred of them"
    )
    first_block: int | None = Field(description="The first block with an event")
    last_block: int | None
    samples: list[dict[str, Any]] = Field(
        description="The first events, as webhooks would have told them under `data`"
    )
    malformed: int = Field(description="Logs that could not be decoded")
    undefined: int = Field(description="Times that the condition had no value")


def _shown(found: Backtest) -> BacktestShown:
    values = {
        name: getattr(found, name) for name in BacktestShown.model_fields if hasattr(found, name)
    }
    values["by_address"] = [
        AddressCount(address=address, count=count) for address, count in found.by_address.items()
    ]
    values["samples"] = [msgspec.json.decode(one) for one in found.samples]
    return BacktestShown(**values)


@router.post("/v1/backtests", summary="Backtest a monitor that is not made yet")
async def create_backtest(
    request: Request,
    caller: Reader,
    body: Annotated[
        BacktestAsked,
        Body(
            openapi_examples={
                name: {
                    "summary": one["summary"],
                    "value": {
                        "monitor": one["value"],
                        "from_block": 1_000,
                        "to_block": 1_999,
                    },
                }
                for name, one in MONITORS.items()
            }
        ),
    ],
) -> BacktestShown:
    """What the monitor would have found in a range of blocks, had it been there since the first of
    them: how many, where, and the first ten as they would have been told. Nothing is kept, and
    nothing is sent. The blocks are read from the chain, so a range is limited, and so is the time:
    a result that was cut short says up to where it is right."""
    parts = parts_of(request)
    spec = body.monitor.spec()
    if spec.chain_id not in parts.chains:
        known = ", ".join(f"{one.name} ({id})" for id, one in sorted(parts.chains.items()))
        raise InputError(f"chain {spec.chain_id} is not known; known are {known or 'none'}")
    try:
        monitor = service.prepared(spec)
    except ConditionError as error:
        raise misread(error, body.monitor, "/monitor") from None
    addresses = [address_of(one) for one in spec.addresses]
    return await _run(parts, caller.project_id, spec.chain_id, monitor, addresses, body)


@router.post("/v1/monitors/{monitor_id}/backtest", summary="Backtest a monitor")
async def backtest_monitor(
    request: Request,
    caller: Reader,
    monitor_id: MonitorId,
    body: Annotated[
        SavedBacktestAsked,
        Body(openapi_examples={"thousand": {"value": {"from_block": 1_000, "to_block": 1_999}}}),
    ],
) -> BacktestShown:
    """As `POST /v1/backtests`, for a monitor as it is now, with the addresses that it watches
    now."""
    parts = parts_of(request)
    row = await parts.registry.get(caller.project_id, monitor_id)
    monitor = service.prepared(row)
    given = None if body.addresses is None else [address_of(one) for one in body.addresses]
    return await _run(parts, caller.project_id, row.chain_id, monitor, given, body)


_under_way: set[str] = set()


@contextmanager
def _slot(parts: Parts, project: str) -> Iterator[None]:
    """Raises Problem if the project has a backtest under way, or the process as many as it may."""
    if project in _under_way:
        raise Problem("busy", "a backtest of the project is under way; try again when it is done")
    if len(_under_way) >= parts.limits.backtests:
        raise Problem("busy", f"{len(_under_way)} backtests are under way; try again in a moment")
    _under_way.add(project)
    try:
        yield
    finally:
        _under_way.remove(project)


async def _run(
    parts: Parts,
    project: str,
    chain_id: int,
    monitor: Monitor,
    addresses: list[str] | None,
    asked: Range,
) -> BacktestShown:
    """addresses: None for those that the monitor watches. They may be many, so they are read only
    once there is room and the project may."""
    source = parts.sources(chain_id)
    if source is None:
        raise InputError(f"this server has no node of chain {chain_id}, so it cannot look there")
    with _slot(parts, project):
        await _count(parts, project)
        if addresses is None:
            addresses = await parts.registry.all_addresses(project, monitor.id)
        async with parts.database.connection() as connection:
            own = await contracts_of(connection, chain_id, CONSUMER)
        found = await service.backtest(
            source,
            monitor,
            addresses,
            asked.from_block,
            asked.to_block,
            limits=service.Limits(seconds=parts.limits.backtest_seconds),
            chain=parts.chains[chain_id].name if chain_id in parts.chains else None,
            own=own,
        )
    return await asyncio.to_thread(_shown, found)


async def _count(parts: Parts, project: str) -> None:
    most = (await parts.projects.get(project)).quotas.backtests_per_hour
    if most < 1:
        raise Problem("quota-exceeded", "the project may make no backtests")
    wait = await parts.cache.take(f"api|backtests|{project}", most / 3_600, most)
    if wait > 0:
        raise Problem(
            "too-many-requests",
            f"a project may make {most} backtests an hour; wait {wait:.0f} s",
            headers={"Retry-After": str(max(1, round(wait + 0.5)))},
        )
