"""The answers that are the same everywhere, as the OpenAPI document names them once."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from donablock.web.problems import KINDS, MEDIA_TYPE, PREFIX

__all__ = [
    "COMPONENTS",
    "HEADERS",
    "REQUEST_ID",
    "UNPROCESSABLE",
    "made",
    "place_of",
    "responses",
]

_NAMES = {
    400: "Malformed",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "TooSlow",
    413: "BodyTooLarge",
    415: "UnsupportedMediaType",
    422: "Unprocessable",
    429: "TooManyRequests",
    500: "Internal",
    503: "Unavailable",
}

HEADERS: dict[str, Any] = {
    "RequestId": {
        "description": "The id of this request, which is that of its trace; our log has it",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
    "RetryAfter": {
        "description": "Seconds until it is worth while to try again",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "Challenge": {
        "description": "How to show who one is (RFC 6750)",
        "required": True,
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The address of what was made, from the root of this server",
        "required": True,
        "schema": {"type": "string"},
    },
}

REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_RETRY_AFTER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
_MORE_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"$ref": "#/components/headers/Challenge"}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}


def _component(status: int) -> dict[str, Any]:
    kinds = {name: kind for name, kind in KINDS.items() if kind.status == status}
    text = "\n\n".join(f"`{name}`: {kind.title}. {kind.meaning}" for name, kind in kinds.items())
    examples = {
        name: {
            "value": {
                "type": PREFIX + name,
                "title": kind.title,
                "status": status,
                "detail": kind.title.lower(),
                "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        }
        for name, kind in kinds.items()
    }
    return {
        "description": text,
        "headers": REQUEST_ID | _MORE_HEADERS.get(status, {}),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemBody"},
                "examples": examples,
            }
        },
    }


COMPONENTS = {name: _component(status) for status, name in _NAMES.items()}


def responses(
    *, is_protected: bool, has_id: bool, has_body: bool, has_query: bool
) -> dict[int | str, dict[str, Any]]:
    """Every problem that a route can answer with."""
    statuses = {400, 500, 503}
    statuses |= {401, 403, 429} if is_protected else set()
    statuses |= {404} if has_id else set()
    statuses |= {408, 413, 415, 422} if has_body else set()
    statuses |= {422} if has_query else set()
    return {
        status: {"$ref": f"#/components/responses/{_NAMES[status]}"} for status in sorted(statuses)
    }


def made(what: str) -> dict[int | str, dict[str, Any]]:
    """Of a call that makes something: its answer has a `Location`."""
    location = {"Location": {"$ref": "#/components/headers/Location"}}
    return {201: {"description": f"{what} was made", "headers": REQUEST_ID | location}}


def place_of(request: Request, path: str) -> str:
    """Where something is, also behind a proxy that puts the application under a path."""
    return str(request.scope.get("root_path", "")).rstrip("/") + path


UNPROCESSABLE: dict[int | str, dict[str, Any]] = {
    422: {"$ref": "#/components/responses/Unprocessable"}
}
"""Of a call without body and parameters that can be refused all the same."""
