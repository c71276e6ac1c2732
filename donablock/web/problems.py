"""What went wrong, as RFC 9457 tells it: `application/problem+json`, for every error there is.

    raise Problem("not-found", "there is no chain 7; known are 1 and 56")

The status says whose move it is. 400: the request is not what the OpenAPI document asks for. 422:
it is, and still cannot be done. 403, 404, 429, 503: as everywhere. Nothing was changed by a request
that is answered with a problem, unless the problem says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import msgspec
import structlog
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import Response

from donablock.errors import (
    ChainError,
    ConditionError,
    DatabaseError,
    DatabaseFullError,
    InputError,
    NotFoundError,
    QuotaError,
    UnauthorizedError,
)
from donablock.web.shapes import FORMS

__all__ = ["KINDS", "MEDIA_TYPE", "Fault", "Kind", "Problem", "ProblemBody", "answer", "problem_of"]

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:donablock:problem:"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be wrong. meaning: what it means and how to mend it, for the document."""

    status: int
    title: str
    meaning: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(
        400,
        "The request is not what this call takes",
        "A field or a parameter is missing, unknown, of another type or out of its range, or the "
        "body is not JSON. `errors` names each with its place. Correct those and send it again.",
    ),
    "unauthorized": Kind(
        401,
        "A valid key is needed",
        "Send `Authorization: Bearer dbk_...`. A key that is unknown, wrong, revoked or expired is "
        "answered in the same way; ask whoever has an `admin` key for a new one.",
    ),
    "forbidden": Kind(
        403,
        "The key may not do this",
        "The key is valid, and lacks the scope that the call asks for. Use a key that has it.",
    ),
    "quota-exceeded": Kind(
        403,
        "The project's quota is used up",
        "The project may not have more of these. Delete some, or have the quota raised; `GET "
        "/v1/project/usage` says how much of each is used.",
    ),
    "not-found": Kind(
        404,
        "There is no such thing",
        "Nothing has this address or this id, or it belongs to another project: the answer does "
        "not tell which.",
    ),
    "method-not-allowed": Kind(
        405,
        "This cannot be done with it",
        "The address is right and the method is not; `Allow` lists those that are.",
    ),
    "too-slow": Kind(
        408,
        "The body did not come in time",
        "A body has half a minute to arrive. Nothing was done; send it again.",
    ),
    "body-too-large": Kind(
        413,
        "The body is too large",
        "A body has at most 1 MiB. Send less at once.",
    ),
    "unsupported-media-type": Kind(
        415,
        "The body is not declared as JSON",
        "Send the body with `Content-Type: application/json`, in UTF-8 and not compressed.",
    ),
    "unprocessable": Kind(
        422,
        "It cannot be done with these values",
        "The request has the right form, and what it says cannot be: a condition with a fault, an "
        "address whose checksum is wrong, an unknown chain, a URL that webhooks must not reach. "
        "`detail` says what, and how to mend it.",
    ),
    "too-many-requests": Kind(
        429,
        "Too many requests",
        "Wait as many seconds as `Retry-After` says; nothing was done.",
    ),
    "internal": Kind(
        500,
        "Something is wrong here",
        "A fault of ours, and it is in our log under `request_id`. Tell the operator that id. "
        "Whether something was changed is not known: look before you repeat.",
    ),
    "database-away": Kind(
        503,
        "The database cannot be reached",
        "Nothing that was confirmed is lost. Try again after `Retry-After` seconds. Where the "
        "connection broke in the middle of a change, look whether it was made before you repeat.",
    ),
    "database-full": Kind(
        503,
        "The database is full",
        "Nothing that was confirmed is lost, and nothing can be added until its operator has made "
        "room.",
    ),
    "chain-away": Kind(
        503,
        "No node gives a right answer",
        "What is asked has to be read from the chain, and no node of it does its work. Try again "
        "after `Retry-After` seconds.",
    ),
    "busy": Kind(
        503,
        "Too much is being done at once",
        "So many requests are under way that this one was not begun. Try again after `Retry-After` "
        "seconds.",
    ),
}

_RETRY_AFTER = {"database-away": 2, "database-full": 60, "chain-away": 5, "busy": 1}
_OF_STATUS = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    413: "body-too-large",
    415: "unsupported-media-type",
    422: "unprocessable",
    429: "too-many-requests",
}


class Fault(BaseModel):
    """One thing that is wrong with the request."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    where: Literal["body", "query", "path", "header"] = Field(description="The part of the request")
    pointer: str = Field(
        description="The place in it as a JSON pointer; empty for the whole of it",
        examples=["/addresses/3"],
    )
    detail: str = Field(description="What is wrong there", examples=["Field required"])
    position: int | None = Field(
        default=None, description="In a condition: the character, counted from 0"
    )


class ProblemBody(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="What kind of problem it is", examples=[PREFIX + "not-found"])
    title: str = Field(
        description="The same for people, in short", examples=["There is no such thing"]
    )
    status: int = Field(description="The HTTP status", examples=[404])
    detail: str = Field(
        description="What is wrong with this very request, and how to mend it",
        examples=["there is no endpoint 'ep_0123456789abcdef01234567'"],
    )
    request_id: str = Field(
        description="As in `X-Request-Id`; our log has it",
        examples=["4bf92f3577b34da6a3ce929d0e0e4736"],
    )
    errors: list[Fault] = Field(default=[], description="What is wrong, each with its place")


class Problem(HTTPException):
    """To be raised anywhere below the application; it becomes the answer."""

    def __init__(
        self,
        kind: str,
        detail: str,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.errors = tuple(errors)
        known = dict(headers or {})
        if kind in _RETRY_AFTER:
            known.setdefault("Retry-After", str(_RETRY_AFTER[kind]))
        super().__init__(KINDS[kind].status, detail, known)


def answer(problem: Problem, request_id: str) -> Response:
    kind = KINDS[problem.kind]
    body: dict[str, Any] = {
        "type": PREFIX + problem.kind,
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "request_id": request_id,
    }
    if problem.errors:
        body["errors"] = problem.errors
    # a text with half a character in it may come from anywhere, and must not spoil the answer
    content = msgspec.json.encode(_whole(body))
    return Response(content, kind.status, problem.headers, MEDIA_TYPE)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {name: _whole(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(one) for one in value]
    return value


def problem_of(error: Exception) -> Problem:
    """Every error has one. What nobody has thought of is told as `internal`, without a word of it:
    it may hold what is nobody's business."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _of_validation(error)
        case UnauthorizedError():
            return unauthorized(str(error))
        case QuotaError():
            return Problem("quota-exceeded", str(error))
        case NotFoundError():
            return Problem("not-found", str(error))
        case InputError():
            return Problem("unprocessable", str(error))
        case DatabaseFullError():
            _log.error("the database is full", because=str(error))
            return Problem("database-full", "the database has no room left")
        case DatabaseError():
            _log.warning("the database is away", because=str(error))
            return Problem("database-away", "the database cannot be reached")
        case ChainError():
            _log.warning("no node answers", because=str(error))
            return Problem("chain-away", "no node of the chain gives a right answer")
        case AnyHTTPException() if error.status_code in _OF_STATUS:
            said = error.detail
            if said == HTTPStatus(error.status_code).phrase:
                said = KINDS[_OF_STATUS[error.status_code]].title.lower()
            return Problem(_OF_STATUS[error.status_code], said, headers=error.headers)
    _log.error("request failed", error=type(error).__name__, exc_info=error)
    return Problem("internal", "the request failed here; it is in our log under this request_id")


def unauthorized(detail: str, *, is_sent: bool = True) -> Problem:
    """is_sent: there was a key, and it is none (RFC 6750)."""
    challenge = 'Bearer realm="donablock"'
    if is_sent:
        challenge += ', error="invalid_token"'
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": challenge})


def in_text(error: ConditionError, pointer: str) -> Problem:
    """A fault in a condition or a window, with its place in it."""
    fault = {"where": "body", "pointer": pointer, "detail": str(error)}
    return Problem("unprocessable", str(error), [fault | {"position": error.position}])


def named_in_body(pointer: str, error: NotFoundError) -> Problem:
    """The address is right, and what the body names is not there."""
    fault = {"where": "body", "pointer": pointer, "detail": str(error)}
    return Problem("unprocessable", str(error), [fault])


def _of_validation(error: RequestValidationError) -> Problem:
    faults = [_fault(one) for one in error.errors()]
    if isinstance(error, ResponseValidationError):
        raise error
    if any(fault["where"] == "path" for fault in faults):
        return Problem(
            "not-found",
            "what stands where an id belongs is none: take it from a list, such as /v1/monitors",
        )
    first = faults[0]
    place = f"{first['where']} {first['pointer']}".strip()
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    return Problem("malformed", f"{place}: {first['detail']}{more}", faults)


# where the library's words are about Python
_SAID = {
    "extra_forbidden": "There is no such field",
    "model_attributes_type": "Input should be an object",
    "dict_type": "Input should be an object",
    "list_type": "Input should be a list",
}


def _detail(error: Mapping[str, Any]) -> str:
    form = error.get("ctx", {}).get("pattern")
    said = _SAID.get(error["type"]) or FORMS.get(form) or str(error["msg"])
    return said.removeprefix("Value error, ")


def _fault(error: Mapping[str, Any]) -> dict[str, Any]:
    where, *place = error["loc"] or ("body",)
    pointer = "".join("/" + str(one).replace("~", "~0").replace("/", "~1") for one in place)
    return {
        "where": where if where in ("body", "query", "path", "header") else "body",
        "pointer": pointer[:500],
        "detail": _detail(error)[:500],
    }
