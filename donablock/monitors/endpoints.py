"""Endpoints: where a project's webhooks go, with their secrets.

    endpoints = Endpoints(database, policy)
    endpoint, secret = await endpoints.create("pr_1", "https://example.org/hook")
    newer = await endpoints.rotate("pr_1", endpoint.id)      # both sign for a day

What a project asks for by an id that is not its own is answered as if there were no such thing.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from asyncpg import Connection

from donablock.errors import EndpointError, NotFoundError, SecretError
from donablock.monitors import quotas
from donablock.monitors.deliveries import announce
from donablock.monitors.guard import Policy, check_headers, check_url
from donablock.monitors.schedule import DAY
from donablock.monitors.signing import Kind, Secret
from donablock.monitors.texts import is_plain, known
from donablock.store.database import Database
from donablock.store.schema import PENDING

MOST_CONCURRENCY = 1_000
LEAST_RATE, MOST_RATE = 0.01, 10_000.0
LONGEST_DESCRIPTION = 500
MOST_SECRETS = 10
ROTATION = DAY
"""Seconds for which the older secrets still sign after a rotation."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """rate_per_second, concurrency: None for the default. is_ordered: the deliveries that are made
    from now on wait for one another, address by address. failing_since: of only failures since.
    open_until: it rests until then (breaker.py)."""

    id: str
    project_id: str
    url: str
    description: str
    headers: dict[str, str] = field(repr=False)
    rate_per_second: float | None
    concurrency: int | None
    is_ordered: bool
    state: str
    disabled_because: str | None
    failing_since: datetime | None
    open_until: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """A secret with its times. expires_at: it signs until then; None: until it is rotated."""

    secret: Secret
    created_at: datetime
    expires_at: datetime | None


_COLUMNS = ", ".join(one.name for one in fields(Endpoint))
_CHANGEABLE = {"url", "description", "headers", "rate_per_second", "concurrency", "is_ordered"}


class Endpoints:
    """All of them, for the API: every call names the project that asks."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self._database = database
        self._policy = policy

    async def create(
        self,
        project: str,
        url: str,
        *,
        description: str = "",
        headers: Mapping[str, str] | None = None,
        rate_per_second: float | None = None,
        concurrency: int | None = None,
        is_ordered: bool = False,
        secret: Secret | None = None,
    ) -> tuple[Endpoint, Secret]:
        """A new one, enabled, with a secret, which is made unless one is given. Raises
        EndpointError, SecretError, QuotaError, NotFoundError."""
        known("project", project)
        values = self._checked(
            {
                "url": url,
                "description": description,
                "headers": dict(headers or {}),
                "rate_per_second": rate_per_second,
                "concurrency": concurrency,
                "is_ordered": is_ordered,
            }
        )
        secret = secret or Secret.generate()
        endpoint = "ep_" + randomness.token_hex(12)

        async def work(connection: Connection) -> Any:
            allowed = await quotas.lock(connection, project)
            await quotas.check_endpoints(connection, project, allowed)
            row = await connection.fetchrow(
                "INSERT INTO endpoints (id, project_id, url, description, headers,"
                " rate_per_second, concurrency, is_ordered)"
                f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_COLUMNS}",
                endpoint,
                project,
                *(values[name] for name in ("url", "description", "headers")),
                *(values[name] for name in ("rate_per_second", "concurrency", "is_ordered")),
            )
            await _insert_secret(connection, endpoint, secret)
            return row

        row = await self._database.run(work)
        return Endpoint(**row), secret

    async def get(self, project: str, endpoint: str) -> Endpoint:
        """Raises NotFoundError."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT {_COLUMNS} FROM endpoints"
                " WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL",
                known("endpoint", endpoint),
                project,
            )
        return Endpoint(**_found(row, endpoint))

    async def page(self, project: str, *, limit: int = 50, after: str = "") -> list[Endpoint]:
        """By id. after: the last id of the page before."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM endpoints"
                " WHERE project_id = $1 AND id > $2 AND deleted_at IS NULL ORDER BY id LIMIT $3",
                project,
                known("endpoint", after) if after else "",
                limit,
            )
        return [Endpoint(**row) for row in rows]

    async def update(self, project: str, endpoint: str, **changes: Any) -> Endpoint:
        """changes: url, description, headers, rate_per_second, concurrency, is_ordered. Raises
        EndpointError, NotFoundError.

        Deliveries that were made while `is_ordered` was set lose their order when it is taken back,
        and are due at once.
        """
        known("endpoint", endpoint)
        values = self._checked(changes)

        async def work(connection: Connection) -> Any:
            names = list(values)
            sets = "".join(f", {name} = ${place}" for place, name in enumerate(names, 3))
            row = await connection.fetchrow(
                f"UPDATE endpoints SET updated_at = now(){sets}"
                f" WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL RETURNING {_COLUMNS}",
                endpoint,
                project,
                *(values[name] for name in names),
            )
            _found(row, endpoint)
            if values.get("is_ordered") is False:
                await connection.execute(
                    "UPDATE deliveries SET order_key = NULL, next_at = CASE WHEN next_at ="
                    " 'infinity' THEN now() ELSE next_at END"
                    f" WHERE endpoint_id = $1 AND state = {PENDING} AND order_key IS NOT NULL",
                    endpoint,
                )
                await announce(connection)
            return row

        return Endpoint(**await self._database.run(work, idempotent_by="the same values again"))

    async def disable(
        self, project: str, endpoint: str, because: str = "its owner disabled it"
    ) -> Endpoint:
        """Nothing is sent any more. What is pending stays, and what comes is added to it."""
        return await self._set(
            project,
            endpoint,
            "state = 'disabled', disabled_because = coalesce(disabled_because, $3)",
            because,
        )

    async def enable(self, project: str, endpoint: str) -> Endpoint:
        """Also ends a rest, and forgets the failures. What is pending is sent, oldest first."""
        return await self._set(
            project,
            endpoint,
            "state = 'enabled', disabled_because = NULL, failing_since = NULL,"
            " open_until = NULL, breaker = '{}'",
        )

    async def delete(self, project: str, endpoint: str) -> None:
        """Nothing is sent any more, and monitors may not name it; what is pending becomes dead
        letters (retention.py does that, however many they are)."""
        await self._set(
            project,
            endpoint,
            "state = 'disabled', disabled_because = 'it was deleted', deleted_at = now()",
        )

    async def _set(self, project: str, endpoint: str, sets: str, *values: Any) -> Endpoint:
        known("endpoint", endpoint)

        async def work(connection: Connection) -> Any:
            row = await connection.fetchrow(
                f"UPDATE endpoints SET updated_at = now(), {sets}"
                f" WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL RETURNING {_COLUMNS}",
                endpoint,
                project,
                *values,
            )
            _found(row, endpoint)
            await announce(connection)
            return row

        return Endpoint(**await self._database.run(work))

    # --- secrets ------------------------------------------------------------------------------

    async def secrets(self, project: str, endpoint: str) -> list[KeptSecret]:
        """Those that sign now, the newest first."""
        await self.get(project, endpoint)
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT kind, key, created_at, expires_at FROM secrets WHERE endpoint_id = $1"
                " AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC",
                endpoint,
            )
        return [
            KeptSecret(Secret(row["kind"], row["key"]), row["created_at"], row["expires_at"])
            for row in rows
        ]

    async def rotate(
        self,
        project: str,
        endpoint: str,
        secret: Secret | None = None,
        *,
        kind: Kind = "v1",
        keep: float = ROTATION,
    ) -> Secret:
        """A new secret, which is made unless one is given. The older ones sign beside it for `keep`
        seconds, so that a receiver never finds only a signature it does not know; 0 ends them now,
        as when one was lost."""
        if not 0 <= keep <= 30 * DAY:
            raise SecretError("older secrets are kept for 0 seconds to 30 days")
        known("endpoint", endpoint)
        new = secret or Secret.generate(kind)

        async def work(connection: Connection) -> None:
            row = await connection.fetchrow(
                "SELECT id FROM endpoints WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL"
                " FOR NO KEY UPDATE",
                endpoint,
                project,
            )
            _found(row, endpoint)
            await connection.execute(
                "UPDATE secrets SET expires_at = least(expires_at, now() + make_interval(secs =>"
                " $2)) WHERE endpoint_id = $1",
                endpoint,
                float(keep),
            )
            await connection.execute(
                "DELETE FROM secrets WHERE endpoint_id = $1 AND expires_at <= now()", endpoint
            )
            active = await connection.fetchval(
                "SELECT count(*) FROM secrets WHERE endpoint_id = $1", endpoint
            )
            if active >= MOST_SECRETS:
                raise SecretError(
                    f"{MOST_SECRETS} secrets sign already; wait until one expires, or end them"
                    " (keep 0)"
                )
            await _insert_secret(connection, endpoint, new)

        await self._database.run(work)
        return new

    # --- checks -------------------------------------------------------------------------------

    def _checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        unknown = set(values) - _CHANGEABLE
        if unknown:
            raise EndpointError(f"an endpoint has no {', '.join(sorted(unknown))} to be set")
        checked = dict(values)
        if "url" in checked:
            check_url(checked["url"], self._policy)
        if "headers" in checked:
            checked["headers"] = check_headers(checked["headers"])
        description = checked.get("description", "")
        if len(description) > LONGEST_DESCRIPTION or not is_plain(description):
            raise EndpointError(f"a description has at most {LONGEST_DESCRIPTION} characters")
        rate = checked.get("rate_per_second")
        if rate is not None and not LEAST_RATE <= rate <= MOST_RATE:
            raise EndpointError(f"a rate is {LEAST_RATE} to {MOST_RATE:.0f} a second")
        concurrency = checked.get("concurrency")
        if concurrency is not None and not 1 <= concurrency <= MOST_CONCURRENCY:
            raise EndpointError(f"concurrency is 1 to {MOST_CONCURRENCY} requests at once")
        return checked


def _found(row: Any, endpoint: str) -> Any:
    if row is None:
        raise NotFoundError(f"there is no endpoint {endpoint[:64]!r}")
    return row


async def _insert_secret(connection: Connection, endpoint: str, secret: Secret) -> None:
    await connection.execute(
        "INSERT INTO secrets (endpoint_id, kind, key) VALUES ($1, $2, $3)",
        endpoint,
        secret.kind,
        secret.key,
    )
