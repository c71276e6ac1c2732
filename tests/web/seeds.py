"""A project with a little of everything: monitors, events in every state, messages that arrived or
did not, with their attempts. Rows that only the stages write are written as they write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from donablock.monitors import messages
from donablock.monitors.ids import match_id
from donablock.monitors.registry import MonitorSpec
from donablock.store.schema import CONFIRMED, DEAD, DELIVERED, DETECTED, PENDING, RETRACTED
from donablock.web.parts import Parts
from tests.web.serving import Api, Serving

WATCHED = "0x" + "11" * 20
CHAIN = 56
AT = datetime.fromisoformat("2026-11-03T20:00:00+00:00")


@dataclass
class Seeded:
    """What is in the project."""

    api: Api
    endpoint: str
    monitor: str
    events: dict[int, str]
    deliveries: dict[int, str]


async def add_event(
    parts: Parts, monitor: str, number: int, state: int = DETECTED, address: str = WATCHED
) -> str:
    """A match as the matcher writes it; the id of the event."""
    block, transaction = f"0x{number:064x}", f"0x{number + 1_000_000:064x}"
    id = match_id(CHAIN, block, transaction, 0, monitor, address, "in")
    data = {
        "chain": "bsc",
        "monitorId": monitor,
        "blockNumber": number,
        "hash": transaction,
        "nativeAmount": str(10**18 * number),
        "eventId": messages.event_id(id),
    }
    async with parts.database.connection() as connection:
        await connection.execute(
            "INSERT INTO matches (id, monitor_id, chain_id, block_number, block_hash,"
            " transaction_hash, transaction_index, log_index, address, direction, state, payload,"
            " block_time) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, 'in', $8, $9, $10)",
            *(id, monitor, CHAIN, number, bytes.fromhex(block[2:])),
            *(bytes.fromhex(transaction[2:]), bytes.fromhex(address[2:]), state),
            *(msgspec.json.encode(data), AT),
        )
    return messages.event_id(id)


async def set_state(parts: Parts, event: str, state: int) -> None:
    async with parts.database.connection() as connection:
        await connection.execute(
            "UPDATE matches SET state = $2 WHERE id = $1",
            bytes.fromhex(event.removeprefix("evt_")),
            state,
        )


async def add_delivery(
    parts: Parts, event: str, endpoint: str, monitor: str, state: int = PENDING, attempts: int = 0
) -> str:
    id = bytes.fromhex(event.removeprefix("evt_"))
    webhook = messages.webhook_id(id, messages.DETECTED)
    async with parts.database.connection() as connection:
        await connection.execute(
            "INSERT INTO deliveries (id, match_id, endpoint_id, monitor_id, type, state, attempts)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            *(webhook, id, endpoint, monitor, messages.DETECTED, state, attempts),
        )
        for number in range(1, attempts + 1):
            is_good = state == DELIVERED and number == attempts
            await connection.execute(
                "INSERT INTO attempts (delivery_id, number, started_at, duration_ms, status, error,"
                " request, response_headers, response_body)"
                " VALUES ($1, $2, now(), 12, $3, $4, $5, $6, $7)",
                *(webhook, number, 200 if is_good else None, None if is_good else "no answer"),
                {
                    "method": "POST",
                    "url": "http://127.0.0.1:9/",
                    "headers": {"webhook-id": webhook},
                },
                {"content-type": "text/plain"} if is_good else None,
                b"\xffthanks\x00" if is_good else None,
            )
    return webhook


def seed(server: Serving, api: Api | None = None) -> Seeded:
    """In a project of its own, or in that of somebody."""
    if api is None:
        plenty = {"keys": 10**6, "monitors": 10**6, "endpoints": 10**6, "backtests_per_hour": 10**6}
        api = server.api(server.project("seeded", **plenty))
    project = api.project

    async def work(parts: Parts) -> Seeded:
        endpoint, _ = await parts.endpoints.create(project, "http://127.0.0.1:9/hook")
        monitor = await parts.registry.create(
            project,
            MonitorSpec(
                CHAIN, "gifts", "native", endpoint_id=endpoint.id, tags=["a"], addresses=[WATCHED]
            ),
        )
        events: dict[int, str] = {}
        deliveries: dict[int, str] = {}
        for number, state in enumerate((DETECTED, CONFIRMED, RETRACTED), 100):
            events[state] = await add_event(parts, monitor.id, number, state)
        for event, state, attempts in zip(
            events.values(), (PENDING, DELIVERED, DEAD), (0, 1, 3), strict=True
        ):
            deliveries[state] = await add_delivery(
                parts, event, endpoint.id, monitor.id, state, attempts
            )
        return Seeded(api, endpoint.id, monitor.id, events, deliveries)

    return server.run(work)


def shield(server: Serving, api: Api) -> None:
    """Keeps the key and its project from being taken away by whoever plays with the API, so that
    the play goes on. The statements run, and change nothing of these rows."""
    prefix = str(api.key).split("_")[1]
    statements: list[Any] = [
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER keep_key BEFORE UPDATE ON api_keys FOR EACH ROW"
        f" WHEN (OLD.prefix = '{prefix}' AND (NEW.revoked_at IS NOT NULL OR NEW.expires_at IS NOT"
        " NULL)) EXECUTE FUNCTION keep()",
        "CREATE TRIGGER keep_project BEFORE UPDATE ON projects FOR EACH ROW"
        f" WHEN (OLD.id = '{api.project}' AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION keep()",
    ]
    for statement in statements:
        server.execute(statement)
