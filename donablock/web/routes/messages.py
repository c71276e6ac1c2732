"""What webhooks say, for the document: it is sent, and never asked for."""

from __future__ import annotations

from typing import Any

__all__ = ["SCHEMAS", "WEBHOOKS"]


SCHEMAS: dict[str, Any] = {
    "Message": {
        "type": "object",
        "description": "The body of a webhook (Standard Webhooks).",
        "properties": {
            "type": {
                "type": "string",
                "enum": ["event.detected", "event.confirmed", "event.retracted", "test"],
            },
            "timestamp": {
                "type": "string",
                "format": "date-time",
                "description": "When the message came to be; the same in every attempt",
            },
            "data": {
                "type": "object",
                "description": "What was found. `confirm` is true in `event.confirmed` alone; "
                "`firstMessageId` names the `webhook-id` of the `event.detected` that a "
                "confirmation or a retraction belongs to. Amounts are decimal text.",
                "properties": {
                    "confirm": {"type": "boolean"},
                    "firstMessageId": {"type": "string"},
                    "eventId": {"type": "string"},
                    "monitorId": {"type": "string"},
                    "chain": {"type": "string"},
                },
                "additionalProperties": True,
            },
        },
        "required": ["type", "timestamp", "data"],
        "additionalProperties": False,
    }
}


def _webhook(kind: str, summary: str, text: str) -> dict[str, Any]:
    def header(name: str, what: str) -> dict[str, Any]:
        return {
            "name": name,
            "in": "header",
            "required": True,
            "description": what,
            "schema": {"type": "string"},
        }

    return {
        "post": {
            "operationId": "receive_" + kind.replace(".", "_"),
            "summary": summary,
            "description": text,
            "parameters": [
                header("webhook-id", "The id of the message, the same in every attempt"),
                header("webhook-timestamp", "Of this attempt, in seconds since 1970"),
                header(
                    "webhook-signature",
                    "`v1,...` (HMAC-SHA256) or `v1a,...` (ed25519) over `id.timestamp.body`; "
                    "several with spaces between while a secret is rotated",
                ),
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Message"}}
                },
            },
            "responses": {
                "2XX": {"description": "It has arrived."},
                "410": {"description": "Nothing shall come any more: the endpoint is disabled."},
                "default": {"description": "It has not arrived, and comes again."},
            },
        }
    }


WEBHOOKS: dict[str, Any] = {
    "event.detected": _webhook(
        "event.detected",
        "Something was found",
        "As soon as its block is there. A block may still be replaced: wait for the confirmation "
        "before you act on money.",
    ),
    "event.confirmed": _webhook(
        "event.confirmed",
        "It is deep enough in the chain",
        "As many blocks are on top of its block as the chain asks for (`GET /v1/chains`).",
    ),
    "event.retracted": _webhook(
        "event.retracted",
        "It has un-happened",
        "Its block was replaced by another. Undo what you did at `firstMessageId`. If the block "
        "comes back, a new `event.detected` follows, with the same event id.",
    ),
    "test": _webhook("test", "A test", "Asked for by `POST /v1/endpoints/{endpoint_id}/test`."),
}
