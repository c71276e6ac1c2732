"""The OpenAPI document: what FastAPI makes of the routes, and what it cannot know.

`document.attach(app)` makes `app.openapi()` give it; `python -m tools.openapi` writes it to
docs/openapi.json.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from donablock.web.problems import KINDS, PREFIX, ProblemBody
from donablock.web.responses import COMPONENTS, HEADERS, REQUEST_ID
from donablock.web.routes.messages import SCHEMAS, WEBHOOKS

__all__ = ["TITLE", "VERSION", "attach"]

TITLE = "DonaBlock monitors"


VERSION = "0.1.0"

_KINDS = "\n".join(f"| `{name}` | {kind.status} | {kind.title} |" for name, kind in KINDS.items())

DESCRIPTION = f"""\
Watch chains, and be told by signed webhooks of what happens to your addresses and contracts, once,
and told again if it un-happens.

1. `POST /v1/endpoints` says where messages go. The answer has the secret that signs them.
2. `POST /v1/backtests` says what a monitor would have found in some blocks, before there is one.
3. `POST /v1/monitors` makes it, with up to 50 addresses; more are added afterwards.
4. Messages arrive: `event.detected` at once, `event.confirmed` when its block is deep enough, and
   `event.retracted` if its block is replaced. All of one event have the same event id.

### Keys

Every call but `/health` and `/ready` needs `Authorization: Bearer dbk_...`. A key belongs to one
project, and has some of the scopes `read` (everything but secrets), `write` (monitors, addresses,
endpoints, replays, secrets) and `admin` (keys and the project). What belongs to another project is
answered as if it were not there.

### Forms

JSON in UTF-8, names in snake_case. What is not in this document is refused, so that a misspelt
name is no silent default. Times are RFC 3339 in UTC. Amounts and whatever else may pass 2^53 are
text. Addresses and hashes are given in lower case; the capitals of an address that you send are a
checksum and are checked. Lists come in pages: `{{"data": [...], "next": "..."}}`; send `next` back
as `cursor`.

Every GET can be asked as HEAD, and OPTIONS tells the methods of an address. Every answer has an
`X-Request-Id`, which is the id of its trace; a `traceparent` that you send is gone on with.

### Limits

A project has 10 requests a second and 50 at once, unless the operator says otherwise; beyond that
the answer is 429 with `Retry-After`. A body has at most 1 MiB. How much a project may have of each
thing stands in `GET /v1/project`.

### Problems

Every error is `application/problem+json` (RFC 9457). Its `type` is `{PREFIX}` and one of these; its
`detail` says what is wrong and how to mend it, and `errors` where.

| type | status | meaning |
|---|---|---|
{_KINDS}

400 is for a request that does not have the form that this document asks for, 422 for one that has
it and still cannot be done.
"""

TAGS = [
    {"name": "project", "description": "The project that the key belongs to, and how much it has."},
    {"name": "keys", "description": "API keys: made, rotated and revoked by a key with `admin`."},
    {
        "name": "monitors",
        "description": "What to look for, on which chain, at which addresses. docs/conditions.md"
        " tells of categories, conditions and windows.",
    },
    {"name": "addresses", "description": "The addresses that a monitor watches."},
    {"name": "events", "description": "What monitors found, with its state, and live."},
    {
        "name": "backtests",
        "description": "What a monitor would have found in a range of blocks. Nothing is kept.",
    },
    {"name": "endpoints", "description": "Where webhooks go, and the secrets that sign them."},
    {"name": "deliveries", "description": "Messages, their attempts, and sending them again."},
    {"name": "chains", "description": "The chains that are watched, and how far they are read."},
    {"name": "operation", "description": "Whether the service lives and works. No key is needed."},
]


def attach(app: FastAPI, root_path: str = "") -> None:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, root_path)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, root_path: str) -> dict[str, Any]:
    made = get_openapi(
        title=TITLE,
        version=VERSION,
        summary="Everything that happens on the chain reaches whoever asked.",
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "AGPL-3.0-only", "identifier": "AGPL-3.0-only"},
        servers=[{"url": root_path or "/"}],
    )
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= _schemas(ProblemBody) | SCHEMAS
    components["responses"] = COMPONENTS
    components["headers"] = HEADERS
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "dbk_",
            "description": "An API key of the project. The scope that a call needs stands with it.",
        }
    }
    made["webhooks"] = WEBHOOKS
    for path in made["paths"].values():
        for operation in path.values():
            _finish(operation)
    components["schemas"] = {name: _plain(schemas[name]) for name in sorted(schemas)}
    return made


def _finish(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _of_parameter(_plain(parameter["schema"]))
    answers = operation["responses"]
    if "application/json" in answers.get("422", {}).get("content", {}):
        del answers["422"]  # FastAPI's own idea of one
    for status, one in answers.items():
        if "$ref" in one:
            answers[status] = {"$ref": one["$ref"]}
        else:
            one["headers"] = REQUEST_ID | one.get("headers", {})
            if one.get("description") == "Successful Response":
                one["description"] = operation["summary"] + ": done"
    security = operation.get("security")
    if security:
        scope = security[0]["key"][0]
        operation["description"] = f"{operation['description'].rstrip()}\n\nScope: `{scope}`."


def _of_parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """What is left out is not there; nothing in an address is null."""
    kinds = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
    schema.pop("description", None)
    if len(kinds) > 1:
        return schema | {"anyOf": kinds}
    return schema | kinds[0] if kinds else schema


def _schemas(model: Any) -> dict[str, Any]:
    """Of a model that no route answers with by itself."""
    made: dict[str, Any] = model.model_json_schema(
        ref_template="#/components/schemas/{model}", mode="serialization"
    )
    return {**made.pop("$defs", {}), model.__name__: made}


def _plain(schema: Any) -> Any:
    """Without the titles that pydantic makes of names: they say nothing new."""
    if isinstance(schema, dict):
        return {
            name: {key: _plain(one) for key, one in value.items()}
            if name == "properties"
            else _plain(value)
            for name, value in schema.items()
            if not (name == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    return schema
