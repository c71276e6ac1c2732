"""Monitors as they are made, changed, found and deleted."""

from __future__ import annotations

import asyncio
import re

import pytest

from donablock.errors import ConditionError, DefinitionError, InputError, NotFoundError, QuotaError
from donablock.monitors.monitor import definition_of
from donablock.monitors.registry import MonitorSpec
from donablock.store.revisions import last_revision
from tests.monitors.api.test_texts import NOT_KEPT
from tests.pipeline.model import ANNA, TOKEN
from tests.pipeline.orders import CHAIN

pytestmark = pytest.mark.asyncio

SENT = {
    "type": "event",
    "name": "Sent",
    "anonymous": False,
    "inputs": [
        {"name": "from", "type": "address", "indexed": True, "internalType": "address"},
        {"name": "amount", "type": "uint256", "indexed": False},
    ],
}
OTHER = {"type": "event", "name": "Other", "inputs": []}


async def revision(service):
    async with service.database.connection() as connection:
        return await last_revision(connection)


async def test_a_monitor_is_kept_as_it_was_asked_for(service):
    endpoint = await service.endpoint()
    made = await service.monitor(
        "large gifts",
        contracts=[TOKEN.upper().replace("0X", "0x"), TOKEN],
        condition="value > 5 USDC",
        units={"USDC": 6},
        direction="in",
        endpoint_id=endpoint,
        tags=["a", "b"],
        note="why",
        from_block=7,
        addresses=[ANNA, ANNA.upper().replace("0X", "0x")],
    )
    assert re.fullmatch("mo_[a-z0-9]{16}", made.id)
    assert (made.project_id, made.chain_id, made.name) == (service.project, CHAIN, "large gifts")
    assert (made.category, made.direction, made.endpoint_id) == ("erc20", "in", endpoint)
    assert (made.tags, made.note, made.is_enabled) == (("a", "b"), "why", True)
    assert (made.from_block, made.active_from_block, made.address_count) == (7, None, 1)
    assert made.definition == {
        "contracts": [TOKEN],
        "condition": "value > 5 USDC",
        "units": {"USDC": 6},
    }
    assert definition_of(made.definition).contracts == (TOKEN,)
    assert await service.registry.get(service.project, made.id) == made


async def test_it_may_tell_nobody(service):
    assert (await service.monitor()).endpoint_id is None


async def test_of_an_abi_only_what_is_looked_for_is_kept(service):
    large = [OTHER, {**SENT, "junk": "x" * 1_000}, *({**OTHER, "name": f"E{n}"} for n in range(50))]
    made = await service.monitor(category="event", abi=large, signature="Sent")
    assert made.definition["abi"] == [SENT]
    changed = await service.registry.update(service.project, made.id, condition="amount > 3")
    assert changed.definition["abi"] == [SENT]
    alone = await service.monitor(category="event", abi=SENT)
    assert alone.definition["abi"] == [SENT]
    declared = await service.monitor(category="function", signature="pay(address to)")
    assert declared.definition == {"signature": "pay(address to)"}


async def test_events_of_our_own_contracts_are_a_category(service):
    made = await service.monitor(category="donablock", events=["Giving.*"], watches="everything")
    assert made.definition == {"events": ["Giving.*"], "watches": "everything"}
    changed = await service.registry.update(
        service.project, made.id, events=["DividendPool.Staked"], condition="amount > 1 ether"
    )
    assert changed.definition["events"] == ["DividendPool.Staked"]
    for events in (["Givign.*"], ["\x00"], "Giving.*", [5]):
        with pytest.raises(InputError):
            await service.registry.update(service.project, made.id, events=events)
    with pytest.raises(DefinitionError, match="in the category donablock"):
        await service.monitor(events=["Giving.*"])


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"chain_id": 2}, InputError, "chain `2` is not read; known are"),
        ({"chain_id": 10**30}, InputError, "is not read"),
        ({"chain_id": True}, InputError, "is not read"),
        ({"chain_id": "31337"}, InputError, "is not read"),
        ({"chain_id": None}, InputError, "is not read"),
        ({"name": ""}, InputError, "a monitor's name has 1 to 100 characters, not 0"),
        ({"name": "n" * 101}, InputError, "a monitor's name has 1 to 100 characters, not 101"),
        ({"name": None}, InputError, "a monitor's name is text"),
        ({"category": "erc404"}, DefinitionError, "no category `erc404`"),
        ({"category": []}, InputError, "a category is text"),
        ({"direction": "up"}, DefinitionError, "no direction `up`; known are in, out and all"),
        ({"direction": None}, InputError, "a direction is text"),
        ({"direction": "in", "watches": "everything"}, DefinitionError, "has no direction"),
        ({"watches": "nothing"}, DefinitionError, "the definition of a monitor"),
        ({"contracts": ["0x12"]}, DefinitionError, "`0x12` is no address"),
        ({"contracts": [5]}, DefinitionError, "the definition of a monitor"),
        ({"contracts": "0x" + "a" * 40}, DefinitionError, "the definition of a monitor"),
        ({"contracts": [f"0x{n:040x}" for n in range(1_001)]}, DefinitionError, "at most 1000"),
        ({"category": "native", "contracts": [TOKEN]}, DefinitionError, "has no contract"),
        ({"abi": [SENT]}, DefinitionError, "erc20 has its own signature"),
        ({"category": "event"}, DefinitionError, "an event needs its ABI"),
        ({"category": "event", "abi": [SENT], "signature": "Snet"}, DefinitionError, "no event"),
        ({"category": "event", "abi": [SENT], "signature": 5}, DefinitionError, "is text"),
        ({"category": "event", "abi": 5}, DefinitionError, "an ABI is a JSON list"),
        ({"condition": "value >"}, ConditionError, "character 8"),
        ({"condition": "valeu > 3"}, ConditionError, "character 1"),
        ({"condition": 5}, DefinitionError, "the definition of a monitor"),
        ({"condition": None}, DefinitionError, "the definition of a monitor"),
        ({"window": "sum of"}, ConditionError, "character"),
        ({"units": {"ether": 6}}, DefinitionError, "cannot be the name of a unit"),
        ({"units": {"A": 10**30}}, InputError, "a number beyond 64 bits"),
        ({"units": {"A": 99}}, DefinitionError, "a unit has 0 to"),
        ({"includes_failed": True}, DefinitionError, "only calls of functions"),
        ({"is_enabled": "yes"}, InputError, "is_enabled is true or false"),
        ({"tags": ["t"] * 21}, InputError, "a monitor has at most 20 tags"),
        ({"tags": "tag"}, InputError, "a monitor has at most 20 tags"),
        ({"tags": ["t" * 51]}, InputError, "a tag has 1 to 50 characters, not 51"),
        ({"tags": [""]}, InputError, "a tag has 1 to 50 characters, not 0"),
        ({"tags": [5]}, InputError, "a tag is text"),
        ({"note": "n" * 1_001}, InputError, "a note has 0 to 1000 characters"),
        ({"from_block": -1}, InputError, "a whole number from 0"),
        ({"from_block": 2**63}, InputError, "a whole number from 0"),
        ({"from_block": 1.5}, InputError, "a whole number from 0"),
        ({"endpoint_id": "ep_nobody"}, NotFoundError, "there is no endpoint ep_nobody"),
        ({"endpoint_id": "ep_\x00"}, NotFoundError, "there is no endpoint"),
        ({"endpoint_id": 5}, NotFoundError, "there is no endpoint"),
        ({"addresses": [ANNA[:-1]]}, DefinitionError, "is no address"),
        ({"addresses": ANNA}, InputError, "addresses are a list"),
        ({"addresses": [None]}, InputError, "an address is text"),
        ({"addresses": [ANNA] * 51}, InputError, "0 to 50 addresses at once, not 51"),
        ({"addresses": [ANNA], "watches": "everything"}, InputError, "has no addresses"),
        *(({"name": text}, InputError, "cannot be kept") for text in NOT_KEPT),
        *(({"note": text}, InputError, "cannot be kept") for text in NOT_KEPT),
        *(({"tags": [text]}, InputError, "cannot be kept") for text in NOT_KEPT),
        *(({"condition": f'contract == "{text}"'}, InputError, "kept") for text in NOT_KEPT),
        *(({"category": "function", "signature": text}, InputError, "kept") for text in NOT_KEPT),
        *(
            ({"category": "event", "abi": [{**SENT, "internalType": text}]}, InputError, "kept")
            for text in NOT_KEPT
        ),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_kept(service, more, error, said):
    before = await revision(service)
    with pytest.raises(error, match=re.escape(said)) as caught:
        await service.monitor(**more)
    str(caught.value).encode()
    assert await service.registry.page(service.project) == []
    assert await revision(service) == before


async def test_a_condition_says_where_it_is_wrong(service):
    with pytest.raises(ConditionError) as caught:
        await service.monitor(condition="value > and")
    assert caught.value.position == 8


async def test_an_endpoint_is_ones_own_and_there(service):
    theirs = await service.endpoint(service.other)
    gone = await service.endpoint()
    await service.endpoints.delete(service.project, gone)
    made = await service.monitor()
    for endpoint in (theirs, gone):
        with pytest.raises(NotFoundError, match=f"there is no endpoint {endpoint}"):
            await service.monitor(endpoint_id=endpoint)
        with pytest.raises(NotFoundError, match=f"there is no endpoint {endpoint}"):
            await service.registry.update(service.project, made.id, endpoint_id=endpoint)
    assert await service.registry.get(service.project, made.id) == made


async def test_a_monitor_whose_endpoint_was_deleted_can_still_be_changed(service):
    endpoint = await service.endpoint()
    made = await service.monitor(endpoint_id=endpoint)
    await service.endpoints.delete(service.project, endpoint)
    renamed = await service.registry.update(service.project, made.id, name="new")
    assert (renamed.name, renamed.endpoint_id) == ("new", endpoint)
    again = await service.registry.update(service.project, made.id, endpoint_id=None)
    assert again.endpoint_id is None


# --- others' monitors -----------------------------------------------------------------------------


async def test_monitors_of_others_are_not_there(service):
    theirs = await service.monitor(project=service.other, addresses=[ANNA])
    registry, project = service.registry, service.project
    for id in (theirs.id, "mo_nobody", "mo_\x00", "\ud800", "", "'; --", 5):
        for call in (
            registry.get(project, id),
            registry.update(project, id, name="mine"),
            registry.delete(project, id),
            registry.add_addresses(project, id, [TOKEN]),
            registry.remove_addresses(project, id, [ANNA]),
            registry.addresses(project, id),
            registry.has_address(project, id, ANNA),
            registry.scan(project, id),
            service.events.page(project, id),
            service.events.after(project, id, 0),
            service.events.last(project, id),
        ):
            with pytest.raises(NotFoundError, match="there is no monitor"):
                await call
    assert await registry.page(project) == []
    assert await registry.get(service.other, theirs.id) == theirs


# --- changes --------------------------------------------------------------------------------------


async def test_a_change_has_a_revision_and_leaves_the_rest(service):
    made = await service.monitor(condition="value > 3", tags=["a"], addresses=[ANNA])
    one = await service.registry.update(service.project, made.id, name="b", direction="out")
    assert (one.name, one.direction, one.definition, one.tags) == (
        *("b", "out"),
        *(made.definition, made.tags),
    )
    assert one.revision > made.revision and one.updated_at > made.updated_at
    two = await service.registry.update(service.project, made.id, condition="", is_enabled=False)
    assert (two.definition, two.is_enabled, two.name) == ({}, False, "b")
    assert two.revision > one.revision
    assert await revision(service) == two.revision


async def test_what_changes_nothing_has_no_revision(service):
    made = await service.monitor(condition="value > 3", tags=["a"], contracts=[TOKEN])
    same = await service.registry.update(
        *(service.project, made.id),
        name=made.name,
        tags=["a"],
        condition="value > 3",
        contracts=[TOKEN],
    )
    assert same == made
    assert await service.registry.update(service.project, made.id) == made


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"category": "native"}, "the category of a monitor stays; make another monitor"),
        ({"chain_id": 1}, "the chain_id of a monitor stays; make another monitor"),
        ({"from_block": 1}, "the from_block of a monitor stays; make another monitor"),
        ({"addresses": []}, "a monitor has no `addresses` to be set"),
        ({"revision": 9}, "a monitor has no `revision` to be set"),
        ({"project_id": "pr_x"}, "a monitor has no `project_id` to be set"),
        ({"condition": "valeu > 1"}, "character 1"),
        ({"name": "\x00"}, "cannot be kept"),
        ({"watches": "everything"}, "a monitor that watches everything has no addresses"),
        ({"is_enabled": None}, "is_enabled is true or false"),
        ({"endpoint_id": "ep_nobody"}, "there is no endpoint"),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(service, changes, said):
    made = await service.monitor(addresses=[ANNA])
    with pytest.raises(InputError, match=re.escape(said)):
        await service.registry.update(service.project, made.id, **{"note": "new", **changes})
    assert await service.registry.get(service.project, made.id) == made


async def test_what_a_newer_version_made_is_not_cut_down(service):
    made = await service.monitor()
    await service.rows("UPDATE monitors SET definition = $1", {"condition": "", "later": 1})
    with pytest.raises(DefinitionError, match="the definition of a monitor"):
        await service.registry.update(service.project, made.id, name="new")
    now = await service.registry.get(service.project, made.id)
    assert (now.name, now.definition) == (made.name, {"condition": "", "later": 1})


async def test_changes_at_once_lose_nothing(service):
    made = await service.monitor(addresses=[ANNA])
    update = service.registry.update
    await asyncio.gather(
        update(service.project, made.id, name="new"),
        update(service.project, made.id, note="why"),
        update(service.project, made.id, condition="value > 3"),
        update(service.project, made.id, units={"USDC": 6}),
        update(service.project, made.id, is_enabled=False),
        service.registry.add_addresses(service.project, made.id, [TOKEN]),
    )
    now = await service.registry.get(service.project, made.id)
    assert (now.name, now.note, now.is_enabled, now.address_count) == ("new", "why", False, 2)
    assert now.definition == {"condition": "value > 3", "units": {"USDC": 6}}
    assert now.revision == await revision(service)


async def test_who_watches_everything_can_watch_addresses_later(service):
    made = await service.monitor(watches="everything")
    with pytest.raises(InputError, match="a monitor that watches everything has no addresses"):
        await service.registry.add_addresses(service.project, made.id, [ANNA])
    await service.registry.update(service.project, made.id, watches="addresses")
    await service.registry.add_addresses(service.project, made.id, [ANNA])
    await service.registry.remove_addresses(service.project, made.id, [ANNA])
    changed = await service.registry.update(service.project, made.id, watches="everything")
    assert changed.definition == {"watches": "everything"}


# --- pages ----------------------------------------------------------------------------------------


async def test_pages_follow_one_another(service):
    made = sorted([(await service.monitor(f"m{n}")).id for n in range(7)])
    await service.monitor(project=service.other)
    found, after = [], ""
    while page := await service.registry.page(service.project, limit=3, after=after):
        assert len(page) <= 3
        found += [one.id for one in page]
        after = page[-1].id
    assert found == made


async def test_pages_are_narrowed_down(service):
    one = await service.monitor("50% Gifts_a", tags=["x", "y"])
    two = await service.monitor("gifts b", chain_id=56, tags=["y"], is_enabled=False)
    three = await service.monitor(r"back\slash")

    async def ids(**filters):
        return {row.id for row in await service.registry.page(service.project, **filters)}

    assert await ids(search="GIFTS") == {one.id, two.id}
    assert await ids(search="%") == {one.id}
    assert await ids(search="_") == {one.id}
    assert await ids(search="\\") == {three.id}
    assert await ids(search="50% g") == {one.id}
    assert await ids(search=two.id) == {two.id}
    assert await ids(search="mo_nobody") == set()
    assert await ids(search="") == {one.id, two.id, three.id}
    assert await ids(tag="y") == {one.id, two.id}
    assert await ids(tag="Y") == set()
    assert await ids(chain_id=56) == {two.id}
    assert await ids(is_enabled=False) == {two.id}
    assert await ids(tag="y", is_enabled=True, search="gifts", chain_id=CHAIN) == {one.id}


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"search": "s" * 101}, "what is searched for has 0 to 100 characters"),
        ({"search": "\x00"}, "cannot be kept"),
        ({"search": "mo_\ud800"}, "cannot be kept"),
        ({"tag": "\x00"}, "cannot be kept"),
        ({"chain_id": 10**30}, "a whole number from 0"),
        ({"limit": 101}, "a page has 1 to 100 entries"),
        ({"after": "\x00"}, "there is no monitor"),
    ],
)
async def test_pages_that_cannot_be_are_refused(service, filters, said):
    with pytest.raises(InputError, match=said):
        await service.registry.page(service.project, **filters)


# --- deletion -------------------------------------------------------------------------------------


async def test_a_deleted_monitor_is_not_there_and_can_be_deleted_again(service):
    made = await service.monitor(addresses=[ANNA])
    await service.registry.delete(service.project, made.id)
    await service.registry.delete(service.project, made.id)
    for call in (
        service.registry.get(service.project, made.id),
        service.registry.update(service.project, made.id, is_enabled=True),
        service.registry.add_addresses(service.project, made.id, [ANNA]),
    ):
        with pytest.raises(NotFoundError, match="there is no monitor"):
            await call
    assert await service.registry.page(service.project) == []
    assert await service.rows("SELECT * FROM monitor_addresses") == []
    usage = await service.projects.usage(service.project)
    assert (usage.monitors, usage.addresses) == (0, 0)


# --- quotas ---------------------------------------------------------------------------------------


async def test_monitors_are_limited_even_at_once(service):
    await service.limit(monitors=3)
    made = await asyncio.gather(
        *(service.monitor(f"m{n}") for n in range(9)), return_exceptions=True
    )
    failed = [one for one in made if isinstance(one, QuotaError)]
    assert len(failed) == 6
    assert len(await service.registry.page(service.project)) == 3
    assert str(failed[0]) == (
        "the project may have 3 monitors: delete one that is not needed, or have the quota raised"
    )
    assert (failed[0].quota, failed[0].limit) == ("monitors", 3)
    await service.monitor(project=service.other)
    (some, *_) = await service.registry.page(service.project)
    await service.registry.delete(service.project, some.id)
    await service.monitor()


async def test_a_spec_may_come_as_any_sequence(service):
    spec = MonitorSpec(CHAIN, "m", "erc20", tags=("a",), contracts=(TOKEN,), addresses=(ANNA,))
    made = await service.registry.create(service.project, spec)
    assert (made.tags, made.definition, made.address_count) == (("a",), {"contracts": [TOKEN]}, 1)


async def test_a_project_that_is_not_there_has_no_monitors(service):
    for project in ("pr_nobody", "pr_\x00", "\ud800"):
        with pytest.raises(NotFoundError, match="there is no project"):
            await service.monitor(project=project)
