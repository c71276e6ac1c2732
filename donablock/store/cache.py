"""What may be forgotten at any time: cached values and the buckets of rate limits. In process, or
in a Redis that processes share.

    async with opened_cache(settings().redis_url) as cache:
        await cache.set("price|bnb", b"...", ttl=30)
        seconds = await cache.take("api|key 7", rate=10, burst=20)      # 0.0: go on

Nothing is kept only here. A Redis that is away, slow or full is no error: values and buckets are
then those of this process, `donablock_cache_degraded` says so, and Redis is asked again every few
seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

import redis.asyncio
import structlog
from pydantic import SecretStr
from redis.exceptions import RedisError

from donablock.errors import StoreError
from donablock.telemetry import counter, gauge

T = TypeVar("T")

ENTRIES = 100_000
"""So many values and buckets are kept in process; the one not used for longest goes first."""

PREFIX = "donablock:"

_TIMEOUT = 0.5  # seconds that Redis gets; a cache that takes longer is none
_CONNECTIONS = 50
_PAUSE = 2.0  # seconds until a Redis that failed is asked again
_TOUCHED = 10_000  # keys changed without Redis that are remembered

_log = structlog.get_logger(__name__)
_degraded = gauge("cache_degraded", "1 while Redis is away and each process keeps its own")
_errors = counter("cache_errors", "times that Redis did not do what it was asked")

# Redis' own clock, so that processes with different ones share a bucket. Numbers go as text, since
# Redis would cut the fractions off.
_TAKE = """
local rate, burst, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local wait = 0
if tokens >= amount then
    tokens = tokens - amount
else
    wait = (amount - tokens) / rate
end
tokens, now = string.format('%.9f', tokens), string.format('%.6f', now)
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return string.format('%.9f', wait)
"""


class Cache(Protocol):
    """What every cache can. Keys are any text, values any bytes."""

    async def get(self, key: str) -> bytes | None:
        """None if it is not there, or no longer."""

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keeps a value for at most `ttl` seconds."""

    async def delete(self, key: str) -> None: ...

    async def take(self, key: str, rate: float, burst: float, amount: float = 1.0) -> float:
        """Takes `amount` tokens from a bucket that holds `burst` and gets `rate` a second. 0.0 if
        they were there; else nothing is taken, and it is the seconds until they will be."""


class LocalCache:
    """In this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, entries: int = ENTRIES) -> None:
        self._clock = clock
        self._entries = entries
        self._values: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        ends, value = self._values.get(key, (-math.inf, b""))
        if ends <= self._clock():
            self._values.pop(key, None)
            return None
        self._values.move_to_end(key)
        return value

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        self._values[key] = (self._clock() + ttl, value)
        self._values.move_to_end(key)
        if len(self._values) > self._entries:
            self._values.popitem(last=False)

    async def delete(self, key: str) -> None:
        self._values.pop(key, None)

    async def take(self, key: str, rate: float, burst: float, amount: float = 1.0) -> float:
        _check_bucket(rate, burst, amount)
        now = self._clock()
        tokens, at = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + max(0.0, now - at) * rate)
        wait = 0.0
        if tokens >= amount:
            tokens -= amount
        else:
            wait = (amount - tokens) / rate
        self._buckets[key] = (tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._entries:
            self._buckets.popitem(last=False)
        return wait


class RedisCache:
    """In a Redis, and in this process while that is away."""

    def __init__(self, url: str, *, pause: float = _PAUSE) -> None:
        """Nothing is asked yet. pause: seconds until a Redis that failed is asked again. Raises
        StoreError for a URL that is none."""
        try:
            pool = redis.asyncio.BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                timeout=_TIMEOUT,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
            )
        except ValueError as error:
            raise StoreError(f"DONABLOCK_REDIS_URL is no address of a Redis: {error}") from None
        self._redis: Any = redis.asyncio.Redis.from_pool(pool)
        self._take = self._redis.register_script(_TAKE)
        self._pause = pause
        self._local = LocalCache()
        self._away_until: float | None = None
        self._touched: set[str] = set()

    @property
    def is_degraded(self) -> bool:
        """Whether this process keeps its own, because Redis failed."""
        return self._away_until is not None

    async def get(self, key: str) -> bytes | None:
        return await self._do(lambda: self._redis.get(PREFIX + key), lambda one: one.get(key))

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        milliseconds = max(1, round(ttl * 1_000))
        await self._do(
            lambda: self._redis.set(PREFIX + key, value, px=milliseconds),
            lambda one: one.set(key, value, ttl),
            changes=key,
        )

    async def delete(self, key: str) -> None:
        await self._do(
            lambda: self._redis.delete(PREFIX + key), lambda one: one.delete(key), changes=key
        )

    async def take(self, key: str, rate: float, burst: float, amount: float = 1.0) -> float:
        _check_bucket(rate, burst, amount)

        async def taken() -> float:
            return float(
                await self._take(keys=[f"{PREFIX}bucket:{key}"], args=[rate, burst, amount])
            )

        return await self._do(taken, lambda one: one.take(key, rate, burst, amount))

    async def _do(
        self,
        shared: Callable[[], Awaitable[T]],
        local: Callable[[LocalCache], Awaitable[T]],
        changes: str | None = None,
    ) -> T:
        if self._away_until is None or time.monotonic() >= self._away_until:
            try:
                if self._away_until is not None:
                    await self._come_back()
                async with asyncio.timeout(2 * _TIMEOUT):
                    return await shared()
            except (RedisError, OSError) as error:
                self._go_away(error)
        if changes is not None and len(self._touched) < _TOUCHED:
            self._touched.add(changes)
        return await local(self._local)

    def _go_away(self, error: Exception) -> None:
        _errors.inc()
        if self._away_until is None:
            _log.warning("redis is away; each process keeps its own", because=str(error))
            self._local = LocalCache()  # what was kept the last time is out of date
        self._away_until = time.monotonic() + self._pause
        _degraded.set(1)

    async def _come_back(self) -> None:
        """What was changed without Redis is out of date there."""
        async with asyncio.timeout(2 * _TIMEOUT):
            if self._touched:
                await self._redis.delete(*(PREFIX + key for key in self._touched))
            else:
                await self._redis.ping()
        self._touched.clear()
        self._away_until = None
        _degraded.set(0)
        _log.info("redis is back")

    async def close(self) -> None:
        if self._away_until is not None:
            _degraded.set(0)  # it is asked for nothing any more
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()


@contextlib.asynccontextmanager
async def opened_cache(url: SecretStr | None) -> AsyncIterator[Cache]:
    """A Redis if there is a URL, else this process."""
    if url is None:
        yield LocalCache()
        return
    cache = RedisCache(url.get_secret_value())
    try:
        yield cache
    finally:
        await cache.close()


def _check_bucket(rate: float, burst: float, amount: float) -> None:
    if not (rate > 0 and 0 < amount <= burst < math.inf):
        raise ValueError(
            f"a bucket of {burst} with {rate} a second never gives {amount}: all are above zero,"
            " and no more is taken than it holds"
        )
