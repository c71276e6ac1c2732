"""/v1/project: the project that the key belongs to."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import Field

from donablock.monitors.projects import LONGEST_NAME
from donablock.web.access import Admin, Reader
from donablock.web.parts import parts_of
from donablock.web.problems import Problem
from donablock.web.shapes import LEFT_OUT, Changed, Shown, Time
from donablock.web.strict import Route

router = APIRouter(route_class=Route, tags=["project"])


class QuotasShown(Shown):
    """How much the project may have. The operator sets it."""

    monitors: int
    addresses: int = Field(description="Of all monitors together")
    endpoints: int
    keys: int = Field(description="That open something")
    messages_per_month: int | None = Field(
        description="Messages are held beyond it until the next month (UTC); null: no limit"
    )
    backtests_per_hour: int


class ProjectShown(Shown):
    id: str
    name: str
    quotas: QuotasShown
    created_at: Time
    held_until: Time | None = Field(
        description="The messages of this month are used up: nothing is sent before, and nothing "
        "is lost"
    )


class ProjectChange(Changed):
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)] = LEFT_OUT


class UsageShown(Shown):
    month: date = Field(description="Its first day (UTC)")
    messages: int = Field(description="That were made in it so far")
    limit: int | None = Field(description="So many are sent in it; null: no limit")
    monitors: int
    addresses: int
    endpoints: int
    held_until: Time | None


@router.get("/v1/project", summary="Get the project")
async def get_project(request: Request, caller: Reader) -> ProjectShown:
    """The project that the key belongs to, with its quotas."""
    return ProjectShown.model_validate(await parts_of(request).projects.get(caller.project_id))


@router.patch("/v1/project", summary="Rename the project")
async def update_project(
    request: Request,
    caller: Admin,
    body: Annotated[
        ProjectChange, Body(openapi_examples={"name": {"value": {"name": "Our school"}}})
    ],
) -> ProjectShown:
    """Changes the name. Quotas are changed by the operator."""
    changed = await parts_of(request).projects.update(caller.project_id, **body.changes())
    return ProjectShown.model_validate(changed)


@router.delete("/v1/project", summary="Delete the project", status_code=204)
async def delete_project(
    request: Request,
    caller: Admin,
    confirm: Annotated[
        str, Query(min_length=1, max_length=100, description="The project's id, to be sure")
    ],
) -> None:
    """All of it, at once and for good: its monitors find nothing more, its endpoints get nothing
    more, and its keys, this one too, open nothing any more."""
    if confirm != caller.project_id:
        detail = "`confirm` is not the id of the key's project; nothing was deleted"
        raise Problem(
            "unprocessable", detail, [{"where": "query", "pointer": "/confirm", "detail": detail}]
        )
    await parts_of(request).projects.delete(caller.project_id)


@router.get("/v1/project/usage", summary="Get the project's usage")
async def get_usage(request: Request, caller: Reader) -> UsageShown:
    """How much of its quotas the project uses now, and how many messages this month."""
    return UsageShown.model_validate(await parts_of(request).projects.usage(caller.project_id))
