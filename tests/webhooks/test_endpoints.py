"""What a project can do with its endpoints, and nobody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from donablock.errors import EndpointError, NotFoundError, SecretError
from donablock.monitors.deliveries import Outcome
from donablock.monitors.schedule import DAY
from donablock.monitors.sending import Answer
from donablock.monitors.signing import Secret
from tests.webhooks.conftest import PROJECT, World

pytestmark = pytest.mark.asyncio

URL = "http://127.0.0.1:9/hook"
STRANGER = "pr_stranger"


async def test_a_new_endpoint_has_a_secret_of_its_own_and_defaults(world: World) -> None:
    endpoint, secret = await world.endpoints.create(PROJECT, URL)
    other, others = await world.endpoints.create(PROJECT, URL)
    assert endpoint.id.startswith("ep_") and len(endpoint.id) == 27 and endpoint.id != other.id
    assert secret.kind == "v1" and secret != others
    assert (endpoint.url, endpoint.state, endpoint.headers, endpoint.description) == (
        URL,
        "enabled",
        {},
        "",
    )
    assert (endpoint.rate_per_second, endpoint.concurrency, endpoint.is_ordered) == (
        None,
        None,
        False,
    )
    assert await world.endpoints.get(PROJECT, endpoint.id) == endpoint


async def test_all_that_can_be_set_is_kept(world: World) -> None:
    secret = Secret.generate("v1a")
    options: dict[str, Any] = {
        "description": "books",
        "headers": {"Authorization": "Bearer abc"},
        "rate_per_second": 2.5,
        "concurrency": 3,
        "is_ordered": True,
    }
    endpoint, kept = await world.endpoints.create(PROJECT, URL, secret=secret, **options)
    assert kept == secret
    assert {name: getattr(endpoint, name) for name in options} == options
    changes = {**options, "rate_per_second": None, "concurrency": None, "headers": {}}
    changed = await world.endpoints.update(PROJECT, endpoint.id, **changes)
    assert {name: getattr(changed, name) for name in changes} == changes
    assert changed.updated_at >= endpoint.updated_at and changed.id == endpoint.id


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"url": "ftp://127.0.0.1/"}, "begins with https"),
        ({"url": "http://10.0.0.1/"}, "private"),
        ({"headers": {"Host": "inside"}}, "set by the sender"),
        ({"rate_per_second": 0.0}, "a rate is"),
        ({"rate_per_second": float("nan")}, "a rate is"),
        ({"rate_per_second": float("inf")}, "a rate is"),
        ({"concurrency": 0}, "concurrency is"),
        ({"concurrency": 1_001}, "concurrency is"),
        ({"description": "x" * 501}, "a description"),
        ({"description": "\x00"}, "a description"),
    ],
)
async def test_what_cannot_be_taken_changes_nothing(
    world: World, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(EndpointError, match=expected):
        await world.endpoints.create(PROJECT, **({"url": URL} | options))
    assert await world.endpoints.page(PROJECT) == []
    endpoint = await world.endpoint(URL)
    with pytest.raises(EndpointError, match=expected):
        await world.endpoints.update(PROJECT, endpoint.id, **options)
    with pytest.raises(EndpointError, match="no state to be set"):
        await world.endpoints.update(PROJECT, endpoint.id, state="disabled")
    assert await world.endpoints.get(PROJECT, endpoint.id) == endpoint


async def test_pages_go_on_where_the_last_one_ended(world: World) -> None:
    made = {(await world.endpoint()).id for _ in range(7)}
    seen: list[str] = []
    while page := await world.endpoints.page(PROJECT, limit=3, after=seen[-1] if seen else ""):
        seen += [endpoint.id for endpoint in page]
    assert len(seen) == 7 and set(seen) == made
    assert await world.endpoints.page(STRANGER) == []


async def test_another_project_sees_and_changes_nothing(world: World) -> None:
    endpoint = await world.endpoint()
    mine, other = world.endpoints, (STRANGER, endpoint.id)
    for call in (
        mine.get(*other),
        mine.update(*other, description="x"),
        mine.disable(*other),
        mine.enable(*other),
        mine.delete(*other),
        mine.secrets(*other),
        mine.rotate(*other),
        world.replays.test(*other),
        world.replays.by_filter(*other),
    ):
        with pytest.raises(NotFoundError, match="no endpoint"):
            await call
    assert await mine.get(PROJECT, endpoint.id) == endpoint
    assert len(await mine.secrets(PROJECT, endpoint.id)) == 1


async def test_what_is_disabled_gets_nothing_until_it_is_enabled(world: World) -> None:
    endpoint = await world.endpoint()
    queue = world.queue()
    disabled = await world.endpoints.disable(PROJECT, endpoint.id)
    assert (disabled.state, disabled.disabled_because) == ("disabled", "its owner disabled it")
    (message,) = await world.add(endpoint.id)
    assert (await queue.claim(9)).deliveries == []
    enabled = await world.endpoints.enable(PROJECT, endpoint.id)
    assert (enabled.state, enabled.disabled_because) == ("enabled", None)
    assert [one.id for one in (await queue.claim(9)).deliveries] == [message]


async def test_enabling_forgets_failures_and_ends_a_rest(world: World) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id, 14)
    queue = world.queue()
    for one in (await queue.claim(12)).deliveries:
        await queue.write([Outcome(one, Answer(500, None, 0.1), {}, 0.0)])
    resting = await world.endpoints.get(PROJECT, endpoint.id)
    assert resting.open_until is not None and resting.failing_since is not None
    enabled = await world.endpoints.enable(PROJECT, endpoint.id)
    assert (enabled.open_until, enabled.failing_since) == (None, None)
    assert len((await queue.claim(9)).deliveries) == 2


async def test_the_first_reason_is_kept(world: World) -> None:
    endpoint = await world.endpoint()
    await world.endpoints.disable(PROJECT, endpoint.id, "moving house")
    again = await world.endpoints.disable(PROJECT, endpoint.id, "another reason")
    assert again.disabled_because == "moving house"


async def test_what_is_deleted_is_gone_and_sends_nothing(world: World) -> None:
    endpoint = await world.endpoint()
    await world.add(endpoint.id, 2)
    await world.endpoints.delete(PROJECT, endpoint.id)
    assert (await world.queue().claim(9)).deliveries == []
    assert await world.endpoints.page(PROJECT) == []
    for call in (
        world.endpoints.get(PROJECT, endpoint.id),
        world.endpoints.enable(PROJECT, endpoint.id),
        world.endpoints.delete(PROJECT, endpoint.id),
        world.replays.test(PROJECT, endpoint.id),
    ):
        with pytest.raises(NotFoundError):
            await call


# --- secrets --------------------------------------------------------------------------------------


async def test_rotation_keeps_the_older_ones_for_a_day(world: World) -> None:
    endpoint = await world.endpoint()
    first = world.secrets[endpoint.id]
    second = await world.endpoints.rotate(PROJECT, endpoint.id, keep=DAY / 24)
    given = Secret.generate("v1a")
    assert await world.endpoints.rotate(PROJECT, endpoint.id, given) == given
    kept = await world.endpoints.secrets(PROJECT, endpoint.id)
    assert [one.secret for one in kept] == [given, second, first]
    newest, older, oldest = kept
    assert newest.expires_at is None
    assert older.expires_at is not None and oldest.expires_at is not None
    assert abs((older.expires_at - newest.created_at).total_seconds() - DAY) < 5
    left = (oldest.expires_at - newest.created_at).total_seconds()
    assert abs(left - DAY / 24) < 5, "a second rotation lengthens nothing"


async def test_a_secret_that_was_lost_ends_at_once(world: World) -> None:
    endpoint = await world.endpoint()
    new = await world.endpoints.rotate(PROJECT, endpoint.id, keep=0)
    kept = await world.endpoints.secrets(PROJECT, endpoint.id)
    assert [one.secret for one in kept] == [new]
    rows = await world.fetch("SELECT key FROM secrets WHERE endpoint_id = $1", endpoint.id)
    assert [row["key"] for row in rows] == [new.key], "what signs no more is not kept"


async def test_only_so_many_secrets_sign_at_once(world: World) -> None:
    endpoint = await world.endpoint()
    for _ in range(9):
        await world.endpoints.rotate(PROJECT, endpoint.id)
    with pytest.raises(SecretError, match="10 secrets sign already"):
        await world.endpoints.rotate(PROJECT, endpoint.id)
    kept = await world.endpoints.secrets(PROJECT, endpoint.id)
    assert len(kept) == 10 and kept[0].expires_at is None, "nothing changed"
    await world.endpoints.rotate(PROJECT, endpoint.id, keep=0)
    assert len(await world.endpoints.secrets(PROJECT, endpoint.id)) == 1


@pytest.mark.parametrize("keep", [-1.0, 31 * DAY, float("nan")])
async def test_older_secrets_are_kept_for_a_sensible_time(world: World, keep: float) -> None:
    endpoint = await world.endpoint()
    with pytest.raises(SecretError, match="0 seconds to 30 days"):
        await world.endpoints.rotate(PROJECT, endpoint.id, keep=keep)


async def test_two_rotations_at_once_both_count(world: World) -> None:
    endpoint = await world.endpoint()
    made = await asyncio.gather(*(world.endpoints.rotate(PROJECT, endpoint.id) for _ in range(4)))
    kept = await world.endpoints.secrets(PROJECT, endpoint.id)
    assert {one.secret for one in kept} == {*made, world.secrets[endpoint.id]}
    assert [one.expires_at is None for one in kept] == [True, False, False, False, False]
