"""How much waits to be sent, and what stands still until a person looks: as gauges, for alerts.

    backlog = Backlog(database)
    await backlog.run()             # leads, or waits until it may
    now = await backlog.look()

Only reads. What waits is counted up to MOST, so that a look stays cheap when something is wrong.
"""

from __future__ import annotations

import asyncio

import structlog
from asyncpg import Connection
from msgspec import Struct

from donablock.errors import DatabaseError
from donablock.store.database import Database, Leadership
from donablock.store.schema import LEASED, PENDING
from donablock.telemetry import gauge

EVERY = 15.0
"""Seconds between two looks."""

MOST = 100_000
"""No more messages than this are counted."""

_due = gauge("deliveries_due", f"messages whose time to be sent has come, at most {MOST}")
_oldest = gauge("deliveries_oldest_due_seconds", "for how long the oldest of them has been due")
_later = gauge("deliveries_retrying", f"messages that wait for their next attempt, at most {MOST}")
_leased = gauge("deliveries_leased", "messages that a deliverer has in hand")
_disabled = gauge("endpoints_disabled_now", "endpoints that are disabled, with messages that wait")
_held = gauge("projects_held", "projects that are over their quota of messages")
_halted = gauge("chain_halted", "1 where a person has to decide how to go on", "chain")
_log = structlog.get_logger(__name__)

# Of endpoints that are disabled, and of projects that are held, nothing is due.
_LOOK = f"""
WITH open AS (
    SELECT e.id FROM endpoints AS e JOIN projects AS p ON p.id = e.project_id
    WHERE e.state = 'enabled' AND e.deleted_at IS NULL
      AND (e.open_until IS NULL OR e.open_until <= now())
      AND (p.held_until IS NULL OR p.held_until <= now())
), due AS (
    SELECT d.next_at FROM open CROSS JOIN LATERAL (
        SELECT next_at FROM deliveries
        WHERE endpoint_id = open.id AND state = {PENDING} AND next_at <= now()
        ORDER BY next_at LIMIT {MOST}
    ) AS d LIMIT {MOST}
)
SELECT
    (SELECT count(*) FROM due) AS due,
    (SELECT coalesce(extract(epoch FROM now() - min(next_at)), 0)::float8 FROM due) AS oldest,
    (SELECT count(*) FROM (
        SELECT FROM deliveries WHERE state = {PENDING} AND next_at > now() LIMIT {MOST}
    ) AS waiting) AS later,
    (SELECT count(*) FROM deliveries WHERE state = {LEASED}) AS leased,
    (SELECT count(*) FROM endpoints AS e WHERE e.state = 'disabled' AND e.deleted_at IS NULL
        AND EXISTS (
            SELECT FROM deliveries WHERE endpoint_id = e.id AND state = {PENDING}
        )) AS disabled,
    (SELECT count(*) FROM projects WHERE held_until > now()) AS held
"""


class Standing(Struct, frozen=True):
    """due, later, leased: messages. oldest: seconds. disabled: endpoints. held: projects. halted:
    by chain."""

    due: int
    oldest: float
    later: int
    leased: int
    disabled: int
    held: int
    halted: dict[int, bool]


class Backlog:
    """Looks at every project's messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Looks whenever this process leads that; returns never."""
        await self._database.lead("backlog", self._follow)

    async def _follow(self, lead: Leadership) -> None:
        while True:
            lead.check()
            try:
                await self.look()
            except DatabaseError as error:
                _log.warning("the backlog could not be read", because=str(error))
            await asyncio.sleep(EVERY)

    async def look(self) -> Standing:
        """One look, which sets the gauges."""

        async def work(connection: Connection) -> Standing:
            row = await connection.fetchrow(_LOOK)
            chains = await connection.fetch("SELECT chain_id, state FROM chains")
            halted = {chain["chain_id"]: chain["state"] == "halted" for chain in chains}
            return Standing(**row, halted=halted)

        found = await self._database.run(work)
        _due.set(found.due)
        _oldest.set(found.oldest)
        _later.set(found.later)
        _leased.set(found.leased)
        _disabled.set(found.disabled)
        _held.set(found.held)
        for chain_id, is_halted in found.halted.items():
            _halted.labels(chain_id).set(is_halted)
        return found
