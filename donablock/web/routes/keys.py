"""/v1/keys: API keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import Field

from donablock.monitors.keys import ROTATION, Key, Scope
from donablock.monitors.schedule import DAY
from donablock.web.access import Admin
from donablock.web.paging import Cursor, Limit, Page, text_after, token
from donablock.web.parts import parts_of
from donablock.web.responses import made, place_of
from donablock.web.shapes import Asked, Instant, KeyId, Shown, Time
from donablock.web.strict import Route

router = APIRouter(route_class=Route, tags=["keys"])


class NewKey(Asked):
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=3,
        description="What it may: `read` everything but secrets; `write` monitors, addresses, "
        "endpoints, replays and secrets; `admin` keys and the project. None includes another",
    )
    expires_at: Instant | None = Field(
        default=None, description="It opens until then; null: until it is revoked"
    )


class KeyRotation(Asked):
    keep_seconds: float = Field(
        default=ROTATION,
        ge=0,
        le=30 * DAY,
        description="The old key still opens for so long; 0 ends it now, as when it was lost",
    )


class KeyShown(Shown):
    id: str
    prefix: str = Field(description="The part of its text that names it: `dbk_<prefix>_...`")
    scopes: list[Scope]
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None
    last_used_at: Time | None = Field(description="To the minute")


class KeyPage(Page[KeyShown]):
    pass


class KeyWithText(KeyShown):
    key: str = Field(
        description="Its text, shown this once: keep it like a password",
        examples=["dbk_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
    )


def _with_text(key: Key, text: str) -> KeyWithText:
    values = {name: getattr(key, name) for name in KeyShown.model_fields}
    return KeyWithText(**values, key=text)


@router.get("/v1/keys", summary="List keys")
async def list_keys(
    request: Request, caller: Admin, limit: Limit = 50, cursor: Cursor = None
) -> KeyPage:
    """The project's keys in the order of their ids, also those that open nothing any more, until 90
    days after their end."""
    rows = await parts_of(request).keys.page(
        caller.project_id, limit=limit, after=text_after("key", cursor)
    )
    following = token("key", rows[-1].id) if len(rows) == limit else None
    return KeyPage(data=[KeyShown.model_validate(row) for row in rows], next=following)


@router.post("/v1/keys", summary="Create a key", status_code=201, responses=made("The key"))
async def create_key(
    request: Request,
    response: Response,
    caller: Admin,
    body: Annotated[
        NewKey,
        Body(
            openapi_examples={
                "reader": {"summary": "For a dashboard", "value": {"scopes": ["read"]}},
                "service": {
                    "summary": "For a service that makes monitors, for a while",
                    "value": {"scopes": ["read", "write"], "expires_at": "2036-01-01T00:00:00Z"},
                },
            }
        ),
    ],
) -> KeyWithText:
    """A new key. Its text is in the answer, this once; only a digest of it is kept."""
    key, text = await parts_of(request).keys.create(caller.project_id, body.scopes, body.expires_at)
    response.headers["Location"] = place_of(request, f"/v1/keys/{key.id}")
    return _with_text(key, text)


@router.get("/v1/keys/{key_id}", summary="Get a key")
async def get_key(request: Request, caller: Admin, key_id: KeyId) -> KeyShown:
    """One key, without its text."""
    return KeyShown.model_validate(await parts_of(request).keys.get(caller.project_id, key_id))


@router.post("/v1/keys/{key_id}/revoke", summary="Revoke a key")
async def revoke_key(request: Request, caller: Admin, key_id: KeyId) -> KeyShown:
    """It opens nothing from now on. A second time changes nothing. Who revokes the last `admin` key
    needs the operator for a new one."""
    return KeyShown.model_validate(await parts_of(request).keys.revoke(caller.project_id, key_id))


@router.post("/v1/keys/{key_id}/rotate", summary="Rotate a key")
async def rotate_key(
    request: Request,
    caller: Admin,
    key_id: KeyId,
    body: Annotated[
        KeyRotation,
        Body(
            openapi_examples={
                "usual": {"summary": "The old one opens for another day", "value": {}},
                "lost": {"summary": "The old one was lost", "value": {"keep_seconds": 0}},
            }
        ),
    ],
) -> KeyWithText:
    """A new key with the same scopes; its text is in the answer, this once."""
    key, text = await parts_of(request).keys.rotate(caller.project_id, key_id, body.keep_seconds)
    return _with_text(key, text)
