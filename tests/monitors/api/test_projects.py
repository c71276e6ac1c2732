"""Projects: their names, quotas, usage, and what is left of one that is deleted."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from donablock.errors import InputError, NotFoundError, QuotaError
from donablock.monitors.quotas import Quotas
from tests.monitors.api.test_texts import NOT_KEPT
from tests.pipeline.model import ANNA, BEN

pytestmark = pytest.mark.asyncio


async def test_a_project_has_the_quotas_of_everybody_and_its_own(service):
    made = await service.projects.create("shop", {"monitors": 5, "messages_per_month": 10})
    assert made.quotas == Quotas(monitors=5, messages_per_month=10)
    assert made.held_until is None
    assert await service.projects.get(made.id) == made
    # only what differs is kept, so that what is usual can change
    kept = await service.value("SELECT quotas FROM projects WHERE id = $1", made.id)
    assert kept == {"monitors": 5, "messages_per_month": 10}
    usual = await service.projects.create("shop", {"monitors": 1_000})
    assert usual.quotas == Quotas() and usual.id != made.id


async def test_single_quotas_are_changed(service):
    await service.projects.update(service.project, quotas={"monitors": 5, "keys": 1})
    now = await service.projects.update(service.project, name="new", quotas={"monitors": 7})
    assert (now.name, now.quotas) == ("new", Quotas(monitors=7, keys=1))
    open_ = await service.projects.update(service.project, quotas={"messages_per_month": None})
    assert open_.quotas.messages_per_month is None


@pytest.mark.parametrize(
    ("quotas", "said"),
    [
        ({"monitor": 5}, "a project has no quota `monitor`; known are monitors, addresses"),
        ({5: 5}, "a project has no quota `5`"),
        ({"monitors": -1}, "the quota of monitors is a whole number, 0 to"),
        ({"monitors": 10**12 + 1}, "the quota of monitors is a whole number, 0 to"),
        ({"monitors": True}, "the quota of monitors is a whole number, 0 to"),
        ({"monitors": "5"}, "the quota of monitors is a whole number, 0 to"),
        ({"monitors": None}, "the quota of monitors is a whole number, 0 to"),
        ({"messages_per_month": 1.5}, "the quota of messages_per_month is a whole number"),
    ],
)
async def test_quotas_that_are_none_are_refused(service, quotas, said):
    before = await service.projects.get(service.project)
    with pytest.raises(InputError, match=said):
        await service.projects.create("shop", quotas)
    with pytest.raises(InputError, match=said):
        await service.projects.update(service.project, name="new", quotas=quotas)
    assert await service.projects.get(service.project) == before
    assert len(await service.projects.page()) == 2


@pytest.mark.parametrize("name", ["", "n" * 101, None, 5, *NOT_KEPT])
async def test_names_that_are_none_are_refused(service, name):
    with pytest.raises(InputError, match="a project's name"):
        await service.projects.create(name)
    if name is not None:
        with pytest.raises(InputError, match="a project's name"):
            await service.projects.update(service.project, name=name)


async def test_what_is_not_there_is_not_found(service):
    for id in ("pr_nobody", "", "pr_\x00", "\ud800", None):
        for call in (
            service.projects.get(id),
            service.projects.update(id, name="new"),
            service.projects.delete(id),
            service.projects.usage(id),
        ):
            with pytest.raises(NotFoundError, match="there is no project"):
                await call


async def test_pages_follow_one_another(service):
    made = {(await service.projects.create(f"p{n}")).id for n in range(5)}
    found, after = [], ""
    while page := await service.projects.page(limit=2, after=after):
        found += [one.id for one in page]
        after = page[-1].id
    assert found == sorted(made | {service.project, service.other})


async def test_usage_says_what_there_is(service):
    gone = await service.monitor(addresses=[ANNA])
    await service.registry.delete(service.project, gone.id)
    kept = await service.monitor(addresses=[ANNA, BEN])
    await service.registry.remove_addresses(service.project, kept.id, [BEN])
    await service.endpoint()
    await service.endpoints.delete(service.project, await service.endpoint())
    await service.monitor(project=service.other, addresses=[ANNA])
    usage = await service.projects.usage(service.project)
    assert (usage.monitors, usage.addresses, usage.endpoints) == (1, 1, 1)
    assert (usage.messages, usage.limit, usage.held_until) == (0, None, None)
    now = await service.value("SELECT now()")
    assert usage.month == now.astimezone(dt.UTC).date().replace(day=1)


async def test_endpoints_are_limited_even_at_once(service):
    await service.limit(endpoints=2)
    made = await asyncio.gather(*(service.endpoint() for _ in range(6)), return_exceptions=True)
    failed = [one for one in made if isinstance(one, QuotaError)]
    assert len(failed) == 4 and (failed[0].quota, failed[0].limit) == ("endpoints", 2)
    (some, *_) = await service.endpoints.page(service.project)
    await service.endpoints.delete(service.project, some.id)
    await service.endpoint()


async def test_a_lower_quota_takes_nothing_away(service):
    for n in range(3):
        await service.monitor(f"m{n}", addresses=[ANNA])
    await service.limit(monitors=1, addresses=0)
    assert len(await service.registry.page(service.project)) == 3
    with pytest.raises(QuotaError, match="may have 1 monitors"):
        await service.monitor()
    (some, *_) = await service.registry.page(service.project)
    await service.registry.update(service.project, some.id, name="new")
    with pytest.raises(QuotaError, match="0 fit"):
        await service.registry.add_addresses(service.project, some.id, [BEN])


# --- deletion -------------------------------------------------------------------------------------


async def test_a_deleted_project_leaves_nothing_that_works(service):
    endpoint = await service.endpoint()
    made = await service.monitor(addresses=[ANNA], endpoint_id=endpoint)
    theirs = await service.monitor(project=service.other, addresses=[ANNA])
    _, text = await service.keys.create(service.other, ["read"])
    await service.projects.delete(service.project)
    for call in (
        service.projects.get(service.project),
        service.projects.usage(service.project),
        service.projects.update(service.project, name="again"),
        service.registry.get(service.project, made.id),
        service.endpoints.get(service.project, endpoint),
        service.endpoint(),
        service.monitor(),
    ):
        with pytest.raises(NotFoundError):
            await call
    assert [one.id for one in await service.projects.page()] == [service.other]
    assert await service.registry.get(service.other, theirs.id) == theirs
    await service.keys.authenticate(text)
    (row,) = await service.rows("SELECT * FROM endpoints")
    assert (row["state"], row["disabled_because"]) == ("disabled", "its project was deleted")
    revision = await service.value("SELECT revision FROM monitors WHERE id = $1", made.id)
    assert revision > theirs.revision


async def test_deleting_twice_changes_nothing(service):
    made = await service.monitor()
    await service.projects.delete(service.project)
    before = await service.rows("SELECT * FROM monitors")
    await service.projects.delete(service.project)
    assert await service.rows("SELECT * FROM monitors") == before
    assert before[0]["id"] == made.id


async def test_nothing_is_made_in_what_is_being_deleted(service):
    calls = [service.projects.delete(service.project)]
    calls += [service.monitor(f"m{n}", addresses=[ANNA]) for n in range(5)]
    calls += [service.endpoint() for _ in range(5)]
    calls += [service.keys.create(service.project, ["read"]) for _ in range(5)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert done[0] is None
    assert all(not isinstance(one, Exception) or isinstance(one, NotFoundError) for one in done)
    for what, alive in (
        ("monitors", "deleted_at IS NULL"),
        ("endpoints", "deleted_at IS NULL"),
        ("api_keys", "revoked_at IS NULL"),
    ):
        assert await service.value(f"SELECT count(*) FROM {what} WHERE {alive}") == 0, what
