"""A monitor's addresses: added, removed, added again, and their number."""

from __future__ import annotations

import asyncio

import pytest

from donablock.errors import DefinitionError, InputError, NotFoundError, QuotaError
from donablock.monitors.removal import sweep
from tests.pipeline.model import ANNA, BEN

pytestmark = pytest.mark.asyncio

MIXED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def some(count, first=1):
    return [f"0x{number:040x}" for number in range(first, first + count)]


async def add(service, monitor, addresses):
    return await service.registry.add_addresses(service.project, monitor.id, addresses)


async def remove(service, monitor, addresses):
    return await service.registry.remove_addresses(service.project, monitor.id, addresses)


async def watched(service, monitor):
    rows = await service.registry.addresses(service.project, monitor.id, limit=100)
    return [row.address for row in rows]


async def test_what_was_watched_already_is_said_and_no_error(service):
    made = await service.monitor(addresses=[ANNA])
    done = await add(service, made, [BEN, ANNA, BEN.upper().replace("0X", "0x"), MIXED])
    assert (done.added, done.existing) == (2, (ANNA,))
    assert await watched(service, made) == sorted([ANNA, BEN, MIXED.lower()])
    now = await service.registry.get(service.project, made.id)
    assert now.address_count == 3 and now.revision > made.revision
    again = await add(service, made, [ANNA, BEN])
    assert (again.added, again.existing) == (0, (ANNA, BEN))
    assert await service.registry.get(service.project, made.id) == now


async def test_removing_says_how_many_were_watched(service):
    made = await service.monitor(addresses=[ANNA, BEN])
    assert await remove(service, made, [ANNA, MIXED, ANNA]) == 1
    now = await service.registry.get(service.project, made.id)
    assert now.address_count == 1 and now.revision > made.revision
    assert await remove(service, made, [ANNA]) == 0
    assert await service.registry.get(service.project, made.id) == now
    assert not await service.registry.has_address(service.project, made.id, ANNA)
    assert await service.registry.has_address(service.project, made.id, BEN)


async def test_one_that_comes_back_is_new(service):
    made = await service.monitor(addresses=[ANNA])
    await service.rows("UPDATE monitor_addresses SET active_from_block = 3")
    await remove(service, made, [ANNA])
    done = await add(service, made, [ANNA])
    assert (done.added, done.existing) == (1, ())
    (row,) = await service.rows("SELECT * FROM monitor_addresses")
    now = await service.registry.get(service.project, made.id)
    assert (row["is_watched"], row["active_from_block"]) == (True, None)
    assert row["revision"] == now.revision


async def test_the_rows_of_a_change_have_its_revision(service):
    made = await service.monitor(addresses=[ANNA, BEN])
    await remove(service, made, [BEN])
    rows = await service.rows("SELECT address, revision FROM monitor_addresses ORDER BY address")
    now = await service.registry.get(service.project, made.id)
    assert [row["revision"] for row in rows] == [made.revision, now.revision]


@pytest.mark.parametrize(
    ("addresses", "error", "said"),
    [
        ([], InputError, "1 to 50 addresses at once, not 0"),
        (some(51), InputError, "1 to 50 addresses at once, not 51"),
        ([ANNA] * 51, InputError, "1 to 50 addresses at once, not 51"),
        (ANNA, InputError, "addresses are a list"),
        (None, InputError, "addresses are a list"),
        ([None], InputError, "an address is text"),
        ([b"\xaa" * 20], InputError, "an address is text"),
        (["0x" + "a" * 39], DefinitionError, "is no address"),
        (["a" * 40], DefinitionError, "is no address"),
        (["0x" + "a" * 39 + "\x00"], DefinitionError, "is no address"),
        (["0x" + "a" * 39 + "\ud800"], DefinitionError, "is no address"),
        (["0x" + "١" * 40], DefinitionError, "is no address"),
        (["5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"], DefinitionError, "is no address"),
        ([MIXED[:-1] + "D"], DefinitionError, "its capitals are no checksum"),
        ([ANNA, MIXED[:-1] + "D"], DefinitionError, "its capitals are no checksum"),
    ],
)
async def test_what_is_no_list_of_addresses_changes_nothing(service, addresses, error, said):
    made = await service.monitor(addresses=[ANNA])
    for call in (add, remove):
        with pytest.raises(error, match=said) as caught:
            await call(service, made, addresses)
        str(caught.value).encode()
    assert await service.registry.get(service.project, made.id) == made


async def test_fifty_are_not_too_many(service):
    made = await service.monitor(addresses=some(50))
    assert (await add(service, made, some(50, 100))).added == 50
    assert await remove(service, made, some(50)) == 50


async def test_pages_follow_one_another(service):
    made = await service.monitor(addresses=some(7))
    await remove(service, made, some(1, 4))
    found, after = [], ""
    while True:
        page = await service.registry.addresses(service.project, made.id, limit=2, after=after)
        if not page:
            break
        found += [one.address for one in page]
        after = page[-1].address
    assert found == [one for one in some(7) if one != some(1, 4)[0]]
    with pytest.raises(InputError, match="is no address"):
        await service.registry.addresses(service.project, made.id, after="0x12")
    with pytest.raises(InputError, match="a page has 1 to 100 entries"):
        await service.registry.addresses(service.project, made.id, limit=0)
    with pytest.raises(InputError, match="is no address"):
        await service.registry.has_address(service.project, made.id, "\x00")


# --- their number ---------------------------------------------------------------------------------


async def test_addresses_are_counted_over_all_monitors_of_a_project(service):
    await service.limit(addresses=60)
    one = await service.monitor(addresses=some(50))
    two = await service.monitor(addresses=some(5))
    with pytest.raises(QuotaError, match="the project may have 60 addresses: remove some; 5 fit"):
        await add(service, two, some(6, 100))
    assert (await add(service, two, some(5, 100))).added == 5
    # what is there already asks for no room
    assert (await add(service, two, some(5))).added == 0
    with pytest.raises(QuotaError, match="0 fit"):
        await service.monitor(addresses=some(1))
    assert len(await service.registry.page(service.project)) == 2
    await remove(service, one, some(1))
    assert (await add(service, two, some(1, 200))).added == 1
    await service.registry.delete(service.project, one.id)
    assert (await add(service, two, some(49, 300))).added == 49
    with pytest.raises(QuotaError, match="0 fit"):
        await add(service, two, some(1, 900))


async def test_two_at_once_do_not_pass_together(service):
    await service.limit(addresses=100)
    monitors = [await service.monitor(f"m{n}") for n in range(4)]
    done = await asyncio.gather(
        *(add(service, made, some(40, 1_000 * n)) for n, made in enumerate(monitors, 1)),
        *(service.monitor(addresses=some(30, 9_000)) for _ in range(2)),
        return_exceptions=True,
    )
    assert all(not isinstance(one, Exception) or isinstance(one, QuotaError) for one in done)
    usage = await service.projects.usage(service.project)
    assert 70 < usage.addresses <= 100
    assert any(isinstance(one, QuotaError) for one in done)


async def test_the_same_addresses_at_once_are_added_once(service):
    made = await service.monitor()
    done = await asyncio.gather(*(add(service, made, some(30)) for _ in range(6)))
    assert sum(one.added for one in done) == 30
    assert sum(len(one.existing) for one in done) == 150


async def test_an_address_is_not_added_to_what_is_being_deleted(service):
    made = await service.monitor(addresses=some(20))
    done = await asyncio.gather(
        service.registry.delete(service.project, made.id),
        *(add(service, made, some(20, 100 * n)) for n in range(1, 5)),
        return_exceptions=True,
    )
    assert done[0] is None
    assert all(not isinstance(one, Exception) or isinstance(one, NotFoundError) for one in done)
    assert (await service.projects.usage(service.project)).addresses == 0
    assert await service.value("SELECT count(*) FROM monitor_addresses") == 0


async def test_rows_of_removed_addresses_go_after_a_week(service):
    made = await service.monitor(addresses=[ANNA, BEN])
    await remove(service, made, [ANNA, BEN])
    await add(service, made, [BEN])

    async def swept():
        await sweep(service.database)
        async with service.database.connection() as connection:
            rows = await connection.fetch("SELECT address FROM monitor_addresses")
        return {"0x" + row["address"].hex() for row in rows}

    assert await swept() == {ANNA, BEN}  # a matcher may not have read of it
    async with service.database.connection() as connection:
        await connection.execute(
            "UPDATE monitor_addresses SET removed_at = removed_at - interval '8 days'"
        )
    assert await swept() == {BEN}  # it was added again
    await add(service, made, [ANNA])
    assert await watched(service, made) == sorted([ANNA, BEN])


async def test_all_of_them_at_once(service):
    made, another = await service.monitor(addresses=[ANNA]), await service.monitor(addresses=[BEN])
    for n in range(3):
        await add(service, made, some(50, 1 + 50 * n))
    await remove(service, made, [ANNA, *some(10)])
    found = await service.registry.all_addresses(service.project, made.id)
    assert sorted(found) == some(140, 11)
    for project, monitor in ((service.other, another.id), (service.project, "mo_" + "0" * 16)):
        with pytest.raises(NotFoundError, match="there is no monitor"):
            await service.registry.all_addresses(project, monitor)
