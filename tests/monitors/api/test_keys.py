"""API keys: what opens, what does not, and that nobody is told why."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import re

import pytest

from donablock.errors import InputError, NotFoundError, QuotaError, UnauthorizedError
from donablock.monitors.keys import SCOPES
from donablock.monitors.retention import prune

pytestmark = pytest.mark.asyncio

SAID = "the key opens nothing: send one that is in use as `Authorization: Bearer dbk_...`"


async def refused(service, text):
    with pytest.raises(UnauthorizedError) as caught:
        await service.keys.authenticate(text)
    return str(caught.value) == SAID


async def test_a_key_opens_its_project_with_its_scopes(service):
    key, text = await service.keys.create(service.project, ["write", "read", "read"])
    assert re.fullmatch(r"dbk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}", text)
    assert key.scopes == ("read", "write")
    caller = await service.keys.authenticate(text)
    assert (caller.project_id, caller.key_id) == (service.project, key.id)
    assert caller.scopes == {"read", "write"}


async def test_only_a_digest_of_the_secret_is_kept(service):
    key, text = await service.keys.create(service.project, SCOPES)
    (row,) = await service.rows("SELECT * FROM api_keys")
    secret = text[17:]
    assert row["digest"] == hashlib.sha256(secret.encode()).digest()
    assert secret not in str(dict(row)) and secret not in repr(key)


async def test_admin_is_not_write(service):
    _, text = await service.keys.create(service.project, ["admin"])
    assert (await service.keys.authenticate(text)).scopes == {"admin"}


async def test_whatever_does_not_open_is_answered_alike(service):
    key, text = await service.keys.create(service.project, ["read"])
    head = text[:17]
    _, ended = await service.keys.create(service.project, ["read"])
    await service.rows("UPDATE api_keys SET expires_at = now() WHERE prefix = $1", ended[4:16])
    revoked, closed = await service.keys.create(service.project, ["read"])
    await service.keys.revoke(service.project, revoked.id)
    strange = [
        "", "dbk_", "dbk", head, text[:-1], text + "A", " " + text, text + "\n", text.upper(),
        head + "A" * 43, f"dbk_{'a' * 12}_{text[17:]}", "x" * 100_000, "\x00", text[:-1] + "\x00",
        "\ud800", head + "ä" * 43, None, b"bytes", 5, ended, closed,
    ]  # fmt: skip
    for one in strange:
        assert await refused(service, one), one
    assert (await service.keys.authenticate(text)).key_id == key.id


async def test_the_secret_of_another_key_does_not_open(service):
    _, one = await service.keys.create(service.project, ["read"])
    _, two = await service.keys.create(service.other, ["read"])
    assert await refused(service, one[:17] + two[17:])


async def test_a_key_ends_with_its_project(service):
    _, text = await service.keys.create(service.project, ["read"])
    await service.projects.delete(service.project)
    assert await refused(service, text)
    # not even a key that deletion had not reached
    await service.rows("UPDATE api_keys SET revoked_at = NULL")
    assert await refused(service, text)


async def test_a_key_is_given_an_end(service):
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.4)
    key, text = await service.keys.create(service.project, ["read"], at)
    assert key.expires_at == at
    await service.keys.authenticate(text)
    await asyncio.sleep(0.5)
    assert await refused(service, text)
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    with pytest.raises(InputError, match="the end of a key lies ahead"):
        await service.keys.create(service.project, ["read"], past)
    with pytest.raises(InputError, match="the end of a key has a time zone"):
        await service.keys.create(service.project, ["read"], dt.datetime(2099, 1, 1))


@pytest.mark.parametrize("scopes", [[], "read", ["root"], ["read", "READ"], [None], [["read"]]])
async def test_scopes_are_some_of_three(service, scopes):
    with pytest.raises(InputError, match="one or more of the scopes read, write, admin"):
        await service.keys.create(service.project, scopes)


async def test_its_use_is_written_at_most_once_a_minute(service):
    key, text = await service.keys.create(service.project, ["read"])
    assert key.last_used_at is None

    async def used():
        return (await service.keys.get(service.project, key.id)).last_used_at

    await asyncio.gather(*(service.keys.authenticate(text) for _ in range(8)))
    first = await used()
    version = await service.value("SELECT xmin::text FROM api_keys")
    for _ in range(3):
        await service.keys.authenticate(text)
    assert await service.value("SELECT xmin::text FROM api_keys") == version
    await service.rows("UPDATE api_keys SET last_used_at = now() - interval '61 seconds'")
    await service.keys.authenticate(text)
    assert await used() > first


async def test_what_does_not_open_writes_nothing(service):
    key, text = await service.keys.create(service.project, ["read"])
    await refused(service, text[:-1] + ("A" if text[-1] != "A" else "B"))
    await service.keys.revoke(service.project, key.id)
    await refused(service, text)
    assert (await service.keys.get(service.project, key.id)).last_used_at is None


# --- rotation and revocation ----------------------------------------------------------------------


async def test_both_open_after_a_rotation_until_the_older_ends(service):
    old, before = await service.keys.create(service.project, ["read", "admin"])
    new, after = await service.keys.rotate(service.project, old.id, keep=0.3)
    assert new.scopes == old.scopes and new.expires_at is None
    assert (await service.keys.authenticate(before)).key_id == old.id
    assert (await service.keys.authenticate(after)).key_id == new.id
    await asyncio.sleep(0.4)
    assert await refused(service, before)
    assert (await service.keys.authenticate(after)).key_id == new.id


async def test_a_lost_key_ends_at_once(service):
    old, before = await service.keys.create(service.project, ["read"])
    _, after = await service.keys.rotate(service.project, old.id, keep=0)
    assert await refused(service, before)
    await service.keys.authenticate(after)


async def test_a_rotation_lengthens_nothing(service):
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    old, _ = await service.keys.create(service.project, ["read"], soon)
    new, _ = await service.keys.rotate(service.project, old.id)
    assert (await service.keys.get(service.project, old.id)).expires_at == soon
    assert new.expires_at is not None
    assert new.expires_at - new.created_at == soon - old.created_at


async def test_what_opens_nothing_is_not_rotated(service):
    key, _ = await service.keys.create(service.project, ["read"])
    await service.keys.revoke(service.project, key.id)
    with pytest.raises(InputError, match="the key opens nothing any more; create a new one"):
        await service.keys.rotate(service.project, key.id)
    for keep in (-1, 30 * 86_400 + 1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="an older key is kept for 0 seconds to 30 days"):
            await service.keys.rotate(service.project, key.id, keep)


async def test_revoking_twice_keeps_the_first_time(service):
    key, _ = await service.keys.create(service.project, ["read"])
    first = await service.keys.revoke(service.project, key.id)
    assert await service.keys.revoke(service.project, key.id) == first


async def test_keys_of_others_are_not_there(service):
    key, text = await service.keys.create(service.other, ["read"])
    for call in (service.keys.get, service.keys.revoke, service.keys.rotate):
        for id in (key.id, "key_nobody", "key_\x00", "\ud800"):
            with pytest.raises(NotFoundError, match="there is no key"):
                await call(service.project, id)
    assert await service.keys.page(service.project) == []
    await service.keys.authenticate(text)


async def test_pages_follow_one_another(service):
    made = [(await service.keys.create(service.project, ["read"]))[0].id for _ in range(5)]
    first = await service.keys.page(service.project, limit=3)
    rest = await service.keys.page(service.project, limit=3, after=first[-1].id)
    assert [one.id for one in first + rest] == sorted(made)


# --- their number ---------------------------------------------------------------------------------


async def test_keys_that_open_are_limited_even_at_once(service):
    await service.limit(keys=3)
    made = await asyncio.gather(
        *(service.keys.create(service.project, ["read"]) for _ in range(8)), return_exceptions=True
    )
    failed = [one for one in made if isinstance(one, QuotaError)]
    assert len(failed) == 5 and len(made) - len(failed) == 3
    assert str(failed[0]) == "the project may have 3 keys: revoke one, or rotate"
    (some, *_) = await service.keys.page(service.project)
    await service.keys.revoke(service.project, some.id)
    await service.keys.create(service.project, ["read"])


async def test_rotation_passes_the_limit_for_a_while_and_not_without_end(service):
    await service.limit(keys=2)
    key, _ = await service.keys.create(service.project, ["read"])
    await service.keys.create(service.project, ["read"])
    for _ in range(2):
        key, _ = await service.keys.rotate(service.project, key.id)
    with pytest.raises(QuotaError, match=r"too many older keys are kept still; .* \(keep 0\)"):
        await service.keys.rotate(service.project, key.id)
    await service.keys.rotate(service.project, key.id, keep=0)


async def test_a_deleted_project_gets_no_keys(service):
    key, _ = await service.keys.create(service.project, ["read"])
    await service.projects.delete(service.project)
    with pytest.raises(NotFoundError, match="there is no project"):
        await service.keys.create(service.project, ["read"])
    with pytest.raises(NotFoundError, match="there is no project"):
        await service.keys.rotate(service.project, key.id)


# --- what is forgotten ----------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
async def test_a_key_is_forgotten_90_days_after_its_end(service, ended):
    kept, old, young, ahead = [
        (await service.keys.create(service.project, ["read"]))[0].id for _ in range(4)
    ]
    for id, days in ((old, 91), (young, 89)):
        await service.rows(
            f"UPDATE api_keys SET {ended} = now() - make_interval(days => $2) WHERE id = $1",
            *(id, days),
        )
    await service.rows(
        "UPDATE api_keys SET expires_at = now() + interval '1 day' WHERE id = $1", ahead
    )
    await prune(service.database)
    left = {one.id for one in await service.keys.page(service.project)}
    assert left == {kept, young, ahead}


async def test_rotations_leave_nothing_for_good(service):
    key, _ = await service.keys.create(service.project, ["read"])
    for _ in range(30):
        key, text = await service.keys.rotate(service.project, key.id, 0)
    await service.rows(
        "UPDATE api_keys SET expires_at = expires_at - interval '91 days' WHERE id <> $1", key.id
    )
    await prune(service.database)
    assert [one.id for one in await service.keys.page(service.project)] == [key.id]
    assert (await service.keys.authenticate(text)).key_id == key.id
