"""The queue of deliveries in PostgreSQL: claims, outcomes, and what becomes of leases that ran out.

A delivery is `pending` until it is claimed, `leased` while one process sends it, and `delivered`
or `dead` in the end. The lease is the intent: it is committed before anything is sent, and it is
longer than any attempt can take, so nobody else sends the same delivery meanwhile. A process that
dies leaves its leases behind; when they run out others send those deliveries again, under the same
id and with the same body. An outcome counts only while its claim does, and is written in one
transaction with the row of its attempt.

Claims are fair between endpoints. For each endpoint with something pending the index is asked for
one row, whatever lies behind it; so a million rows for one endpoint cost the others nothing. The
endpoints of a project that is held (quotas.py) are passed over.

Order: a delivery with an `order_key` waits for all before it (by `sequence`) with the same endpoint
and key that are neither delivered nor dead. Head of line: while the first of a key is tried again
(75 hours, and longer by what its endpoint rests), the others of that key wait and other keys do
not; a dead letter lets the next one go. One that waits has `next_at = 'infinity'` and is woken by
the outcome of the one before it. Both happen under the lock of the endpoint's row, so neither can
miss the other.

Times are the database's, so the clocks of machines need not agree.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import structlog
from asyncpg import Connection

from donablock.errors import DonaBlockError
from donablock.monitors import messages
from donablock.monitors.breaker import Breaker, Health
from donablock.monitors.pace import Rate, shares
from donablock.monitors.schedule import Schedule, Verdict, judge, retry_after
from donablock.monitors.sending import Answer
from donablock.monitors.signing import Secret, Signer
from donablock.store.database import Database, notify
from donablock.store.schema import DEAD, DELIVERED, LEASED, PENDING

CHANNEL = "donablock_deliveries"
CONCURRENCY = 16
"""How many at once for an endpoint that names no number of its own."""
_ENDPOINTS_AT_ONCE = 256

_log = structlog.get_logger(__name__)

_NOW = "coalesce($1::timestamptz, now())"

# One probe of the index for each endpoint that has something pending. The lock keeps two claims,
# and a claim and an outcome, of one endpoint apart; who finds it taken goes on to the next one.
_READY = f"""
WITH RECURSIVE heads AS (
    (SELECT endpoint_id, next_at FROM deliveries
     WHERE state = {PENDING} AND endpoint_id > $2 ORDER BY endpoint_id, next_at LIMIT 1)
    UNION ALL
    SELECT following.endpoint_id, following.next_at FROM heads CROSS JOIN LATERAL (
        SELECT endpoint_id, next_at FROM deliveries
        WHERE state = {PENDING} AND endpoint_id > heads.endpoint_id
        ORDER BY endpoint_id, next_at LIMIT 1
    ) AS following
)
SELECT e.*, {_NOW} AS now,
    ARRAY(SELECT kind FROM secrets WHERE endpoint_id = e.id
          AND (expires_at IS NULL OR expires_at > {_NOW}) ORDER BY id DESC) AS kinds,
    ARRAY(SELECT key FROM secrets WHERE endpoint_id = e.id
          AND (expires_at IS NULL OR expires_at > {_NOW}) ORDER BY id DESC) AS keys
FROM heads CROSS JOIN LATERAL (
    SELECT id, url, headers, rate_per_second, concurrency, breaker, open_until, failing_since,
        rate_full_at
    FROM endpoints
    WHERE id = heads.endpoint_id AND state = 'enabled' AND deleted_at IS NULL
      AND (open_until IS NULL OR open_until <= {_NOW})
      AND NOT EXISTS (
          SELECT 1 FROM projects AS p WHERE p.id = endpoints.project_id AND p.held_until > {_NOW}
      )
    FOR NO KEY UPDATE SKIP LOCKED
) AS e
WHERE heads.next_at <= {_NOW}
LIMIT $3
"""

# After the locks were had: before, leases that are being committed would not be seen.
_IN_FLIGHT = f"""
SELECT endpoint_id, count(*) FROM deliveries
WHERE state = {LEASED} AND endpoint_id = ANY($1::text[]) GROUP BY endpoint_id
"""

# `= ANY(ARRAY(...))` and not IN: the planner cannot know how few rows a claim takes, and would read
# the whole table to join them.
_LEASE = f"""
WITH due AS (
    SELECT d.id, d.order_key, d.sequence, t.endpoint_id
    FROM unnest($2::text[], $3::int[]) AS t (endpoint_id, room)
    CROSS JOIN LATERAL (
        SELECT id, order_key, sequence FROM deliveries
        WHERE state = {PENDING} AND endpoint_id = t.endpoint_id AND next_at <= {_NOW}
        ORDER BY next_at, sequence LIMIT t.room
        FOR UPDATE SKIP LOCKED
    ) AS d
), judged AS (
    SELECT id, order_key IS NOT NULL AND EXISTS (
        SELECT 1 FROM deliveries AS earlier
        WHERE earlier.endpoint_id = due.endpoint_id AND earlier.order_key = due.order_key
          AND earlier.state IN ({PENDING}, {LEASED}) AND earlier.sequence < due.sequence
    ) AS has_to_wait
    FROM due
), waiting AS (
    UPDATE deliveries SET next_at = 'infinity'
    WHERE id = ANY(ARRAY(SELECT id FROM judged WHERE has_to_wait))
    RETURNING id
), leased AS (
    UPDATE deliveries SET state = {LEASED}, claim = $4,
        lease_until = {_NOW} + make_interval(secs => $5)
    WHERE id = ANY(ARRAY(SELECT id FROM judged WHERE NOT has_to_wait))
    RETURNING id, match_id, endpoint_id, type, attempts, replays, series_start, order_key,
        sequence, created_at, trace
)
SELECT leased.*, m.payload, m.block_time, (SELECT count(*) FROM waiting) AS waiting
FROM leased LEFT JOIN matches AS m ON m.id = leased.match_id
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, count(*)
FROM waiting HAVING count(*) > 0
ORDER BY sequence
"""

_SPEND = """
UPDATE endpoints SET rate_full_at = t.full_at
FROM unnest($1::text[], $2::timestamptz[]) AS t (id, full_at) WHERE endpoints.id = t.id
"""

_HEALTH = f"""
SELECT id, state, disabled_because, breaker, open_until, failing_since, {_NOW} AS now
FROM endpoints WHERE id = ANY($2::text[]) ORDER BY id FOR NO KEY UPDATE
"""

_HEALED = f"""
UPDATE endpoints SET breaker = t.breaker, open_until = t.open_until,
    failing_since = t.failing_since, disabled_because = t.because,
    state = CASE WHEN t.because IS NULL THEN 'enabled' ELSE 'disabled' END,
    updated_at = CASE WHEN endpoints.disabled_because IS DISTINCT FROM t.because
                 THEN {_NOW} ELSE endpoints.updated_at END
FROM unnest($2::text[], $3::jsonb[], $4::timestamptz[], $5::timestamptz[], $6::text[])
    AS t (id, breaker, open_until, failing_since, because)
WHERE endpoints.id = t.id
"""

_OUTCOME = f"""
UPDATE deliveries AS d SET state = t.state, attempts = d.attempts + 1, claim = NULL,
    lease_until = NULL,
    next_at = CASE WHEN t.state = {PENDING} THEN {_NOW} + make_interval(secs => t.wait)
              ELSE d.next_at END,
    delivered_at = CASE WHEN t.state = {DELIVERED} THEN {_NOW} END
FROM unnest($2::text[], $3::uuid[], $4::smallint[], $5::float8[], $6::float8[])
    AS t (id, claim, state, wait, ago)
WHERE d.id = t.id AND d.claim = t.claim AND d.state = {LEASED}
RETURNING d.id, t.claim, d.attempts, {_NOW} - make_interval(secs => t.ago) AS started_at
"""

_WAKE = f"""
UPDATE deliveries SET next_at = {_NOW} WHERE id = ANY(ARRAY(
    SELECT first.id
    FROM (SELECT DISTINCT * FROM unnest($2::text[], $3::bytea[]) AS t (endpoint_id, order_key)) AS t
    CROSS JOIN LATERAL (
        SELECT id, next_at FROM deliveries
        WHERE endpoint_id = t.endpoint_id AND order_key = t.order_key
          AND state IN ({PENDING}, {LEASED})
        ORDER BY sequence LIMIT 1
    ) AS first
    WHERE first.next_at = 'infinity'
))
"""

_GIVE_BACK = f"""
UPDATE deliveries AS d SET state = {PENDING}, claim = NULL, lease_until = NULL, next_at = {_NOW}
FROM unnest($2::text[], $3::uuid[]) AS t (id, claim)
WHERE d.id = t.id AND d.claim = t.claim AND d.state = {LEASED}
RETURNING d.id
"""

# A lease that ends later than any can was made before the database's clock went back.
_TAKE_UP = f"""
UPDATE deliveries SET state = {PENDING}, claim = NULL, lease_until = NULL, next_at = {_NOW}
WHERE id = ANY(ARRAY(
    SELECT id FROM deliveries
    WHERE state = {LEASED} AND (lease_until <= {_NOW}
       OR lease_until > {_NOW} + make_interval(secs => 10 * $2))
    ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED
))
RETURNING id
"""

_NEXT = f"""
SELECT extract(epoch FROM min(at) - {_NOW})::float8 FROM (
    (SELECT next_at AS at FROM deliveries
     WHERE state = {PENDING} AND next_at > {_NOW} AND next_at < 'infinity'
     ORDER BY next_at LIMIT 1)
    UNION ALL
    (SELECT lease_until FROM deliveries WHERE state = {LEASED} ORDER BY lease_until LIMIT 1)
    UNION ALL
    (SELECT open_until FROM endpoints WHERE state = 'enabled' AND open_until > {_NOW}
     ORDER BY open_until LIMIT 1)
) AS moments
"""

_ATTEMPT_COLUMNS = (
    "delivery_id",
    "number",
    "started_at",
    "duration_ms",
    "status",
    "error",
    "request",
    "response_headers",
    "response_body",
)


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint as it was when its deliveries were claimed. signer: None if it has no secret."""

    id: str
    url: str
    headers: dict[str, str] = field(repr=False)
    signer: Signer | None
    is_spotless: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to send until `expires`, on this process's monotonic clock.

    attempt: its number, from 1, over all replays; series_attempt: since the last replay. fault: why
    it has no body that could be sent. trace: of the block that caused it (W3C traceparent).
    """

    id: str
    claim: uuid.UUID
    target: Target
    kind: str
    body: bytes = field(repr=False)
    fault: str | None
    attempt: int
    series_attempt: int
    replays: int
    order_key: bytes | None
    created_at: datetime
    block_time: datetime | None
    expires: float
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """deliveries: in the order of their `sequence`. is_more: there may be more that is due, so ask
    again. in_seconds: when an endpoint's rate allows more, if one is short of it."""

    deliveries: list[Claimed]
    is_more: bool = False
    in_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. request: the headers that were sent, without secrets; started: on
    the monotonic clock."""

    claimed: Claimed
    answer: Answer
    request: dict[str, str]
    started: float


@dataclass(frozen=True, slots=True)
class Written:
    """delivered, again, dead: ids by what became of them; lost: outcomes whose lease had run out.
    disabled: endpoints and why."""

    delivered: list[str]
    again: list[str]
    dead: list[str]
    lost: list[str]
    disabled: dict[str, str]


async def announce(connection: Connection) -> None:
    """Wakes the deliverers when this transaction commits. For whoever inserts deliveries."""
    await notify(connection, CHANNEL)


class Deliveries:
    """The queue, for one process that sends. Safe beside others."""

    def __init__(
        self,
        database: Database,
        *,
        lease: float,
        longest: float,
        schedule: Schedule | None = None,
        breaker: Breaker | None = None,
        chance: random.Random | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """lease: seconds; longest: what one attempt can take, which the lease must exceed.
        clock: in place of the database's, for tests."""
        if lease <= longest:
            raise ValueError(f"a lease of {lease} s does not outlast an attempt of {longest} s")
        self.database = database
        self.schedule = schedule or Schedule()
        self.breaker = breaker or Breaker()
        self.lease = lease
        self._longest = longest
        self._chance = chance or random.Random()
        self._clock = clock
        # where the last claim had to stop: the next one goes on from there
        self._after = ""
        # how often the end was passed since anything was claimed
        self._empty_rounds = 0
        # endpoints that failed in this process: a success of theirs has something to heal
        self._failed: set[str] = set()

    def _now(self) -> datetime | None:
        return self._clock() if self._clock is not None else None

    # --- claims -------------------------------------------------------------------------------

    async def claim(self, room: int, spare: Callable[[str], int] = lambda _: 1 << 30) -> Claim:
        """Leases up to `room` deliveries that are due, in even shares between endpoints.

        spare: how many more this process would send to an endpoint now.
        """
        if room <= 0:
            return Claim([])
        started = time.monotonic()
        now = self._now()
        async with self.database.transaction() as connection:
            ready = await self._ready(connection, now)
            in_flight = await connection.fetch(_IN_FLIGHT, [row["id"] for row in ready])
            wishes, in_seconds = self._wishes(ready, dict(in_flight), spare)
            given = shares(room, wishes)
            rooms = {row["id"]: part for row, part in zip(ready, given, strict=True) if part}
            rows: list[Any] = []
            claim = uuid.uuid4()
            if rooms:
                rows = await connection.fetch(
                    _LEASE, now, list(rooms), list(rooms.values()), claim, self.lease
                )
                await self._spend(connection, ready, rows)
        targets = {row["id"]: _target(row) for row in ready if row["id"] in rooms}
        # half of what the lease has over is for the start, the other half for a late end
        expires = started + (self.lease - self._longest) / 2
        claimed = [
            _claimed(row, claim, targets[row["endpoint_id"]], expires)
            for row in rows
            if row["id"] is not None
        ]
        got = Tally(one.target.id for one in claimed)
        is_cut = any(
            part < wish and got[row["id"]] == part
            for row, wish, part in zip(ready, wishes, given, strict=True)
        )
        if is_cut and len(claimed) == room:
            # the next claim begins with those who got less, or nothing
            self._after = list(rooms)[-1]
        if claimed:
            self._empty_rounds = 0
        is_partial = len(ready) == _ENDPOINTS_AT_ONCE and self._empty_rounds < 2
        is_waiting = any(row["waiting"] for row in rows)
        return Claim(claimed, is_cut or is_partial or is_waiting, in_seconds)

    async def _ready(self, connection: Connection, now: datetime | None) -> list[Any]:
        """Endpoints with something due: all of them, or as many as one claim looks at, from where
        the last claim stopped and round to there."""
        after = self._after
        ready: list[Any] = await connection.fetch(_READY, now, after, _ENDPOINTS_AT_ONCE)
        if len(ready) < _ENDPOINTS_AT_ONCE:
            self._empty_rounds += 1
            if after:
                seen = {row["id"] for row in ready}
                rest = await connection.fetch(_READY, now, "", _ENDPOINTS_AT_ONCE)
                ready += [row for row in rest if row["id"] not in seen]
                ready = ready[:_ENDPOINTS_AT_ONCE]
        self._after = ready[-1]["id"] if len(ready) == _ENDPOINTS_AT_ONCE else ""
        return ready

    def _wishes(
        self, ready: Sequence[Any], in_flight: dict[str, int], spare: Callable[[str], int]
    ) -> tuple[list[int], float | None]:
        wishes: list[int] = []
        in_seconds: float | None = None
        for row in ready:
            now = row["now"]
            most = row["concurrency"] or CONCURRENCY
            under_way = in_flight.get(row["id"], 0)
            wish = min(self.breaker.room(_health(row), now, most, under_way), spare(row["id"]))
            if row["rate_per_second"] and wish > 0:
                rate = Rate(row["rate_per_second"])
                tokens = rate.tokens(row["rate_full_at"], now)
                if tokens < wish:
                    wish = tokens
                    at = rate.next_at(rate.spend(row["rate_full_at"], now, tokens), now)
                    wait = (at - now).total_seconds()
                    in_seconds = wait if in_seconds is None else min(in_seconds, wait)
            wishes.append(wish)
        return wishes, in_seconds

    async def _spend(
        self, connection: Connection, ready: Sequence[Any], rows: Sequence[Any]
    ) -> None:
        sent: dict[str, int] = {}
        for row in rows:
            if row["id"] is not None:
                sent[row["endpoint_id"]] = sent.get(row["endpoint_id"], 0) + 1
        full_at = {
            row["id"]: Rate(row["rate_per_second"]).spend(
                row["rate_full_at"], row["now"], sent[row["id"]]
            )
            for row in ready
            if row["rate_per_second"] and sent.get(row["id"])
        }
        if full_at:
            await connection.execute(_SPEND, list(full_at), list(full_at.values()))

    # --- outcomes -----------------------------------------------------------------------------

    async def write(self, outcomes: Sequence[Outcome]) -> Written:
        """Outcomes and the rows of their attempts, in one transaction. May be called again with the
        same: what is written already is not leased any more, and counts as lost."""
        return await self.database.run(
            lambda connection: self._write(connection, outcomes),
            idempotent_by="an outcome counts only while its claim does",
        )

    async def _write(self, connection: Connection, outcomes: Sequence[Outcome]) -> Written:
        now = self._now()
        judged = [(outcome, *self._judged(outcome)) for outcome in outcomes]
        touched = {
            outcome.claimed.target.id
            for outcome, verdict, _, _ in judged
            if verdict is not Verdict.DELIVERED
            or not outcome.claimed.target.is_spotless
            or outcome.claimed.target.id in self._failed
            # the lock under which the next of a key is woken
            or outcome.claimed.order_key is not None
        }
        disabled: dict[str, str] = {}
        if touched:
            disabled = await self._heal(connection, now, touched, judged)
        at = time.monotonic()
        rows = await connection.fetch(
            _OUTCOME,
            now,
            [outcome.claimed.id for outcome, *_ in judged],
            [outcome.claimed.claim for outcome, *_ in judged],
            [_STATES[verdict] if wait is None else PENDING for _, verdict, wait, _ in judged],
            [wait for _, _, wait, _ in judged],
            [at - outcome.started for outcome, *_ in judged],
        )
        # by claim: while the database was away a lease may have run out, and its delivery been
        # claimed and sent again, by us; then both outcomes are here
        counted = {(row["id"], row["claim"]): row for row in rows}
        await connection.copy_records_to_table(
            "attempts",
            columns=_ATTEMPT_COLUMNS,
            records=[
                _attempt(outcome, row)
                for outcome, *_ in judged
                if (row := counted.get(_key(outcome))) is not None
            ],
        )
        keys = {
            (outcome.claimed.target.id, outcome.claimed.order_key)
            for outcome, _, wait, _ in judged
            if wait is None and outcome.claimed.order_key is not None
        }
        if keys:
            await connection.execute(_WAKE, now, [key[0] for key in keys], [key[1] for key in keys])
        return _written(judged, counted, disabled)

    def _judged(self, outcome: Outcome) -> tuple[Verdict, float | None, float | None]:
        """(what the answer means, seconds until the next attempt or None, what was asked for)"""
        answer = outcome.answer
        asked = None
        if answer.status is not None and "retry-after" in answer.headers:
            asked = retry_after(answer.headers["retry-after"], datetime.now().astimezone())
        verdict = judge(answer.status, asked)
        if verdict in (Verdict.DELIVERED, Verdict.GONE):
            return verdict, None, asked
        wait = self.schedule.wait(outcome.claimed.series_attempt, self._chance, asked)
        return verdict, wait, asked

    async def _heal(
        self, connection: Connection, now: datetime | None, touched: set[str], judged: Sequence[Any]
    ) -> dict[str, str]:
        """The endpoints' health after these outcomes. Returns whom they disabled, and why."""
        rows = await connection.fetch(_HEALTH, now, sorted(touched))
        changed: dict[str, Health] = {}
        disabled: dict[str, str] = {}
        for row in rows:
            before = health = _health(row)
            for outcome, verdict, _, asked in judged:
                if outcome.claimed.target.id == row["id"]:
                    health = self.breaker.after(
                        health, verdict, row["now"], said=outcome.answer.said, retry_after=asked
                    )
            if health.is_spotless:
                self._failed.discard(row["id"])
            else:
                self._failed.add(row["id"])
            if health != before:
                changed[row["id"]] = health
            if health.disabled_because is not None and before.disabled_because is None:
                disabled[row["id"]] = health.disabled_because
        if changed:
            await connection.execute(
                _HEALED,
                now,
                list(changed),
                [{"failures": h.failures, "openings": h.openings} for h in changed.values()],
                [h.open_until for h in changed.values()],
                [h.failing_since for h in changed.values()],
                [h.disabled_because for h in changed.values()],
            )
        return disabled

    # --- leases -------------------------------------------------------------------------------

    async def give_back(self, claimed: Iterable[Claimed]) -> int:
        """Ends leases without an outcome: due again at once, and no attempt is counted."""
        ours = list(claimed)
        async with self.database.transaction() as connection:
            rows = await connection.fetch(
                _GIVE_BACK, self._now(), [one.id for one in ours], [one.claim for one in ours]
            )
            if rows:
                await announce(connection)
        return len(rows)

    async def take_up(self) -> list[str]:
        """Leases that ran out are due again, as the same messages. No attempt is counted, since
        nobody knows of one; the ids are returned."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(_TAKE_UP, self._now(), self.lease)
        return [row["id"] for row in rows]

    async def next_in(self) -> float | None:
        """Seconds until something will be due that is not due now; None if nothing is known."""
        async with self.database.connection() as connection:
            seconds: float | None = await connection.fetchval(_NEXT, self._now())
        return None if seconds is None else max(0.0, seconds)


_STATES = {Verdict.DELIVERED: DELIVERED, Verdict.GONE: DEAD}
_STATES |= {Verdict.FAILED: DEAD, Verdict.THROTTLED: DEAD}


def _health(row: Any) -> Health:
    kept = row["breaker"]
    because = row.get("disabled_because")
    if because is None and row.get("state") == "disabled":
        because = "disabled"
    return Health(
        failures=kept.get("failures", 0),
        openings=kept.get("openings", 0),
        open_until=row["open_until"],
        failing_since=row["failing_since"],
        disabled_because=because,
    )


@lru_cache(maxsize=8_192)
def _signer(kinds: tuple[str, ...], keys: tuple[bytes, ...]) -> Signer:
    return Signer(Secret(kind, key) for kind, key in zip(kinds, keys, strict=True))  # type: ignore[arg-type]


def _target(row: Any) -> Target:
    try:
        signer = _signer(tuple(row["kinds"]), tuple(row["keys"]))
    except DonaBlockError:
        signer = None
    return Target(row["id"], row["url"], row["headers"], signer, _health(row).is_spotless)


def _claimed(row: Any, claim: uuid.UUID, target: Target, expires: float) -> Claimed:
    fault = None if target.signer is not None else "the endpoint has no secret: rotate to make one"
    body = b""
    try:
        payload = row["payload"]
        if row["type"] == messages.TEST:
            payload = messages.test_payload(target.id)
        elif payload is None:
            fault = "the match is gone: it was older than what is kept"
        if payload is not None:
            body = messages.body(row["id"], row["type"], row["created_at"], payload)
    except DonaBlockError as error:
        fault = str(error)
    return Claimed(
        id=row["id"],
        claim=claim,
        target=target,
        kind=row["type"],
        body=body,
        fault=fault,
        attempt=row["attempts"] + 1,
        series_attempt=row["attempts"] - row["series_start"] + 1,
        replays=row["replays"],
        order_key=row["order_key"],
        created_at=row["created_at"],
        block_time=row["block_time"],
        expires=expires,
        trace=row["trace"],
    )


def _attempt(outcome: Outcome, row: Any) -> tuple[Any, ...]:
    answer = outcome.answer
    return (
        outcome.claimed.id,
        row["attempts"],
        row["started_at"],
        round(answer.seconds * 1000),
        answer.status,
        answer.error,
        {"method": "POST", "url": outcome.claimed.target.url, "headers": outcome.request},
        answer.headers if answer.status is not None else None,
        answer.body if answer.status is not None else None,
    )


def _key(outcome: Outcome) -> tuple[str, uuid.UUID]:
    return outcome.claimed.id, outcome.claimed.claim


def _written(
    judged: Sequence[Any],
    counted: dict[tuple[str, uuid.UUID], Any],
    disabled: dict[str, str],
) -> Written:
    written = Written([], [], [], [], disabled)
    for outcome, verdict, wait, _ in judged:
        if _key(outcome) not in counted:
            written.lost.append(outcome.claimed.id)
        elif verdict is Verdict.DELIVERED:
            written.delivered.append(outcome.claimed.id)
        elif wait is not None:
            written.again.append(outcome.claimed.id)
        else:
            written.dead.append(outcome.claimed.id)
    for endpoint, because in disabled.items():
        _log.warning("endpoint is disabled", endpoint=endpoint, because=because)
    return written
