"""API keys: `dbk_`, 12 letters and digits that name the key, `_`, and 32 random bytes in base64url.

    keys = Keys(database)
    key, secret = await keys.create("pr_1", ["read", "write"])    # the text is shown this once
    caller = await keys.authenticate(secret)

Only the SHA-256 of the secret part is kept. That is enough: nobody guesses 32 random bytes, so a
slow hash would only make every request slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets as randomness
import string
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from asyncpg import Connection

from donablock.errors import InputError, NotFoundError, QuotaError, UnauthorizedError
from donablock.monitors import quotas
from donablock.monitors.conditions.lexer import show
from donablock.monitors.schedule import DAY
from donablock.monitors.texts import known, new_id, page_size
from donablock.store.database import Database

__all__ = ["ROTATION", "SCOPES", "Caller", "Key", "Keys", "Scope"]

Scope = Literal["read", "write", "admin"]

SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
"""read: everything but secrets. write: monitors, addresses, endpoints, replays, tests, and the
rotation of secrets. admin: keys and the project; it does not include the others."""

ROTATION = float(DAY)
"""Seconds for which the older key still opens after a rotation."""

_LONGEST_ROTATION = 30 * DAY
_LETTERS = string.ascii_lowercase + string.digits
_TEXT = re.compile(r"dbk_([a-z0-9]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
# of no key: what is no key at all takes the same way, and the same time
_NOBODY = ("-" * 12, "-" * 43)
_NO_DIGEST = bytes(32)

_ACTIVE = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"


@dataclass(frozen=True, slots=True)
class Key:
    """Without its secret, which nobody has but who got it. It opens until expires_at, if there is
    one, or until it is revoked. last_used_at: to the minute."""

    id: str
    project_id: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    project_id: str
    key_id: str
    scopes: frozenset[Scope]


_COLUMNS = ", ".join(one.name for one in fields(Key))

_AUTHENTICATE = f"""
SELECT k.id, k.project_id, k.digest, k.scopes, {_ACTIVE} AND p.deleted_at IS NULL AS is_open,
    coalesce(k.last_used_at < now() - interval '1 minute', true) AS is_use_old
FROM api_keys AS k JOIN projects AS p ON p.id = k.project_id WHERE k.prefix = $1
"""

# where several requests come at once, one of them writes
_USED = """
UPDATE api_keys SET last_used_at = now() WHERE id = ANY(ARRAY(
    SELECT id FROM api_keys WHERE id = $1
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    FOR NO KEY UPDATE SKIP LOCKED
))
"""


class Keys:
    """All of them: every call but `authenticate` names the project that asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project: str, scopes: Sequence[str], expires_at: datetime | None = None
    ) -> tuple[Key, str]:
        """A new one, and its text, which is never to be had again. Raises InputError, QuotaError,
        NotFoundError."""
        known("project", project)
        wanted = _scopes(scopes)
        if expires_at is not None:
            if expires_at.tzinfo is None:
                raise InputError("the end of a key has a time zone")
            if expires_at <= datetime.now(UTC):
                raise InputError("the end of a key lies ahead")

        async def work(connection: Connection) -> tuple[Key, str]:
            allowed = (await quotas.lock(connection, project)).keys
            if await _active(connection, project) >= allowed:
                raise QuotaError(
                    "keys", allowed, f"the project may have {allowed} keys: revoke one, or rotate"
                )
            return await _insert(connection, project, wanted, expires_at)

        return await self._database.run(work)

    async def page(self, project: str, *, limit: int = 50, after: str = "") -> list[Key]:
        """Also those that open nothing any more. By id. after: the last id of the page before."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM api_keys WHERE project_id = $1 AND id > $2"
                " ORDER BY id LIMIT $3",
                known("project", project),
                known("key", after) if after else "",
                page_size(limit),
            )
        return [_key(row) for row in rows]

    async def get(self, project: str, key: str) -> Key:
        """Raises NotFoundError."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1 AND project_id = $2",
                known("key", key),
                known("project", project),
            )
        return _key(_found(row, key))

    async def revoke(self, project: str, key: str) -> Key:
        """It opens nothing from now on. A second time changes nothing. Raises NotFoundError."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())"
                f" WHERE id = $1 AND project_id = $2 RETURNING {_COLUMNS}",
                known("key", key),
                known("project", project),
            )
        return _key(_found(row, key))

    async def rotate(self, project: str, key: str, keep: float = ROTATION) -> tuple[Key, str]:
        """A new key with the same scopes, and its text. The old one opens for `keep` more seconds,
        so that whoever uses it can change over; 0 ends it now, as when it was lost. A key that
        expires is followed by one that lives as long again. Raises InputError, QuotaError,
        NotFoundError."""
        known("project", project)
        known("key", key)
        if not 0 <= keep <= _LONGEST_ROTATION:
            raise InputError("an older key is kept for 0 seconds to 30 days")

        async def work(connection: Connection) -> tuple[Key, str]:
            allowed = (await quotas.lock(connection, project)).keys
            row = await connection.fetchrow(
                "SELECT scopes, now() + (expires_at - created_at) AS next_end,"
                f" {_ACTIVE} AS is_open FROM api_keys WHERE id = $1 AND project_id = $2"
                " FOR NO KEY UPDATE",
                *(key, project),
            )
            _found(row, key)
            if not row["is_open"]:
                raise InputError("the key opens nothing any more; create a new one")
            # for a while there are two of each
            if keep and await _active(connection, project) >= 2 * allowed:
                raise QuotaError(
                    "keys",
                    allowed,
                    "too many older keys are kept still; wait until one ends, or end it (keep 0)",
                )
            await connection.execute(
                "UPDATE api_keys SET expires_at = least(expires_at, now() + make_interval(secs =>"
                " $2)) WHERE id = $1",
                *(key, float(keep)),
            )
            return await _insert(connection, project, row["scopes"], row["next_end"])

        return await self._database.run(work)

    async def authenticate(self, text: str) -> Caller:
        """Raises UnauthorizedError, with the same words and after the same work, for what is no
        key, an unknown one, a wrong secret, and one that is revoked or expired, or whose project is
        deleted."""
        found = _TEXT.fullmatch(text) if isinstance(text, str) else None
        prefix, secret = found.groups() if found else _NOBODY
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_AUTHENTICATE, prefix)
            digest = row["digest"] if row else _NO_DIGEST
            is_right = hmac.compare_digest(_digest(secret), digest)
            if row is None or not is_right or not row["is_open"]:
                raise UnauthorizedError(
                    "the key opens nothing: send one that is in use as `Authorization: Bearer"
                    " dbk_...`"
                )
            if row["is_use_old"]:
                await connection.execute(_USED, row["id"])
        return Caller(row["project_id"], row["id"], frozenset(row["scopes"]))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _scopes(scopes: Sequence[str]) -> list[Scope]:
    wanted = [] if isinstance(scopes, str) else list(scopes)
    unknown = [one for one in wanted if one not in SCOPES]
    if unknown or not wanted:
        raise InputError(f"a key has one or more of the scopes {', '.join(SCOPES)}")
    return [one for one in SCOPES if one in wanted]


async def _active(connection: Connection, project: str) -> int:
    found: int = await connection.fetchval(
        f"SELECT count(*) FROM api_keys WHERE project_id = $1 AND {_ACTIVE}", project
    )
    return found


async def _insert(
    connection: Connection, project: str, scopes: Sequence[Scope], expires_at: datetime | None
) -> tuple[Key, str]:
    prefix = "".join(randomness.choice(_LETTERS) for _ in range(12))
    secret = randomness.token_urlsafe(32)
    row = await connection.fetchrow(
        "INSERT INTO api_keys (id, project_id, prefix, digest, scopes, expires_at)"
        f" VALUES ($1, $2, $3, $4, $5, $6) RETURNING {_COLUMNS}",
        *(new_id("key"), project, prefix, _digest(secret), list(scopes), expires_at),
    )
    return _key(row), f"dbk_{prefix}_{secret}"


def _found(row: Any, key: str) -> Any:
    if row is None:
        raise NotFoundError(f"there is no key {show(key)}")
    return row


def _key(row: Any) -> Key:
    return Key(**{**row, "scopes": tuple(row["scopes"])})
