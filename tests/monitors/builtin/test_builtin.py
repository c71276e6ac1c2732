"""The category "donablock": which logs are ours, which events a monitor asks for, and what it is
told."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from donablock.chain.blocks import Block, Log
from donablock.errors import ConditionError, DefinitionError
from donablock.monitors.abi import event_of
from donablock.monitors.builtin import (
    MAX_EVENTS,
    Contracts,
    Known,
    builtin_kind,
    created,
    own_logs,
)
from donablock.monitors.index import Index
from donablock.monitors.interfaces import FACTORIES, interfaces
from donablock.monitors.matching import Hit, Tally, match_block
from donablock.monitors.monitor import Definition, Monitor
from donablock.monitors.payloads import payload
from donablock.settings import ROOT
from donablock.store.schema import contract_events
from tests.monitors.builtin.ours import (
    CAMPAIGN,
    COMMISSION,
    CREATOR,
    DEPLOYED,
    DONOR,
    FACTORY,
    GIVING,
    PAYEE,
    POOL,
    STRANGER,
    abi,
    address,
    donated,
    logged,
    opened,
    pledged,
    staked,
    transactions,
)

OURS: Contracts = {at: Known(name) for name, at in DEPLOYED.items()}
FAKE = address(0xFA)
EVENTS = [
    (path.stem, entry["name"])
    for path in sorted((ROOT / "interfaces").glob("*.json"))
    for entry in json.loads(path.read_text())
    if entry["type"] == "event"
]


def block(*groups: list[Log], number: int = 50) -> Block:
    made = transactions(*groups)
    return Block(31337, number, f"0x{number:064x}", f"0x{number - 1:064x}", 1_800_000_000, (*made,))


def watching(*events: str, addresses: tuple[str, ...] = (), **more: Any) -> Index:
    watches = "addresses" if addresses else "everything"
    definition = Definition(watches=watches, events=events, **more)
    return Index.of([(Monitor("mo_1", "donablock", definition), addresses)])


def hits(found: Block, index: Index, own: Contracts = OURS) -> list[Hit]:
    return match_block(found, index, own=own)


def told(found: list[Hit]) -> list[tuple[Any, ...]]:
    """Place, contract and event of each."""
    return [(hit.log_index, *hit.values[:2]) for hit in found]


# --- which logs are ours --------------------------------------------------------------------------


def names(found: Block, own: Contracts = OURS) -> list[tuple[int, str, str | None]]:
    return [
        (one.log.index, one.contract, one.event.name if one.event else None)
        for one in own_logs(found, own)
    ]


def test_a_contract_of_the_manifest_is_ours() -> None:
    found = block([donated(), staked()])
    assert names(found) == [(0, "Giving", "Donated"), (1, "DividendPool", "Staked")]


def test_a_stranger_with_our_events_is_not() -> None:
    assert names(block([donated(at=FAKE), pledged(at=FAKE), staked(at=FAKE)])) == []
    assert names(block([donated(at=FAKE), donated()])) == [(1, "Giving", "Donated")]


def test_a_campaign_is_ours_from_the_very_log_of_the_factory_on() -> None:
    found = block([pledged(1), opened(), pledged(2)], [pledged(3)])
    assert names(found) == [
        (1, "CampaignFactory", "CampaignCreated"),
        (2, "Campaign", "Pledged"),
        (3, "Campaign", "Pledged"),
    ]
    assert created(found, OURS) == {CAMPAIGN: Known("Campaign", 50)}


def test_a_strangers_factory_makes_nothing_of_ours() -> None:
    found = block([opened(at=FAKE), pledged()])
    assert names(found) == []
    assert created(found, OURS) == {}
    # nor does the factory's own event in the mouth of another contract of ours
    found = block([opened(at=GIVING), pledged()])
    assert names(found) == [(0, "Giving", None)]
    assert created(found, OURS) == {}


def test_only_one_event_of_the_factory_makes_something_ours() -> None:
    listed = logged(FACTORY, "CampaignFactory", "AssetListed", asset=CAMPAIGN, decimals=18)
    found = block([listed, pledged()])
    assert names(found) == [(0, "CampaignFactory", "AssetListed")]
    assert created(found, OURS) == {}


def test_a_campaign_made_in_an_earlier_block_is_ours_and_one_of_a_later_block_is_not() -> None:
    found = block([pledged()], number=50)
    for since, expected in ((49, 1), (50, 0), (51, 0)):
        own = {**OURS, CAMPAIGN: Known("Campaign", since)}
        assert len(names(found, own)) == expected, since


def test_a_factory_cannot_rename_a_contract_of_the_manifest() -> None:
    found = block([opened(GIVING), donated()])
    assert created(found, OURS) == {}
    assert names(found)[1] == (1, "Giving", "Donated")


def test_a_log_of_ours_that_is_no_event_of_it_is_seen_and_never_matched() -> None:
    strange = [
        Log(GIVING, (), "0x", 0),
        Log(GIVING, ("0x" + "9" * 64,), "0x", 0),
        # an event of another contract of ours
        logged(GIVING, "DividendPool", "Staked", owner=DONOR),
    ]
    found = block(strange)
    assert names(found) == [(0, "Giving", None), (1, "Giving", None), (2, "Giving", None)]
    assert hits(found, watching()) == []


def test_data_that_is_malformed_is_counted_and_passed_over() -> None:
    right = donated()
    cut = Log(right.address, right.topics, right.data[:-2], 0)
    factory = opened()
    far = Log(FACTORY, (factory.topics[0], "0x" + "f" * 64, *factory.topics[2:]), factory.data, 0)
    found = block([cut, far, right])
    tally = Tally()
    assert [hit.log_index for hit in match_block(found, watching(), tally, OURS)] == [2]
    assert tally.malformed["donablock"] == 2
    assert created(found, OURS) == {}
    # also where only addresses are watched
    tally = Tally()
    index = watching(addresses=(DONOR,))
    assert [hit.log_index for hit in match_block(found, index, tally, OURS)] == [2]


def test_factories_are_as_the_interfaces_say() -> None:
    for factory, made in FACTORIES.items():
        event = interfaces()[factory].events[made.event]
        assert event.parameters[0].abi_type == "address"
        assert made.contract in interfaces()


# --- which events are asked for -------------------------------------------------------------------


def test_every_event_of_every_interface_can_be_asked_for_alone() -> None:
    assert len(EVENTS) > 140
    for contract, name in EVENTS:
        kind = builtin_kind((f"{contract}.{name}",))
        fields = [one.name for one in kind.fields]
        entry = next(one for one in abi(contract) if one["type"] == "event" and one["name"] == name)
        assert fields[:2] == ["event.contract", "event.name"]
        assert len(fields) == len(entry["inputs"]) + 4
        # a schema can be made of them, whatever the arguments are called
        assert kind.schema().get("contract") is not None
        # and no other event of the contract has its topic or its name
        own = interfaces()[contract].events[name]
        assert own.signature == event_of(abi(contract), name).signature
        assert interfaces()[contract].topics[own.topic] is own
    assert len(EVENTS) == len(set(EVENTS)) == sum(len(one.topics) for one in interfaces().values())


def test_patterns_choose_events() -> None:
    found = block([donated(), staked(), opened(), pledged(), logged(GIVING, "Giving", "Tipped")])
    expected = {
        ("Giving.Donated",): [0],
        ("Giving.*",): [0, 4],
        ("*.Tipped",): [4],
        ("Giving.Donated", "DividendPool.Staked"): [0, 1],
        ("Giving.*", "Giving.Donated", "*.Donated"): [0, 4],
        ("Campaign.*",): [3],
        ("CampaignFactory.CampaignCreated",): [2],
        (): [0, 1, 2, 3, 4],
        ("*.*",): [0, 1, 2, 3, 4],
        ("Giving.*", "*.*"): [0, 1, 2, 3, 4],
    }
    for events, places in expected.items():
        assert [hit.log_index for hit in hits(found, watching(*events))] == places, events


@pytest.mark.parametrize(
    "events, said",
    [
        (("Donated",), r"`Donated` names no event; write `Giving.Donated`"),
        (("Giving.",), r"names no event"),
        (("Giving.Donated ",), r"names no event"),
        (("Given.Donated",), r"we have no contract `Given`; did you mean `Giving`\?"),
        (("Giving.Donate",), r"Giving has no event `Donate`; did you mean `Donated`\?"),
        (("Giving.Staked",), r"Giving has no event `Staked`"),
        (("*.Donate",), r"our contracts have no event `Donate`; did you mean `Donated`\?"),
        (("*.*", "Giving.Donate"), r"Giving has no event `Donate`"),
        (("Giving.*",) * (MAX_EVENTS + 1), rf"at most {MAX_EVENTS} events"),
    ],
)
def test_what_names_no_event_is_refused_with_what_was_meant(
    events: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DefinitionError, match=said):
        watching(*events)


def test_what_does_not_go_with_it_is_refused() -> None:
    everything = Definition(watches="everything")
    for more, said in (
        ({"abi": []}, "has its own signature"),
        ({"signature": "event E()"}, "has its own signature"),
        ({"includes_failed": True}, "only calls of functions"),
    ):
        definition = msgspec.structs.replace(everything, **more)
        with pytest.raises(DefinitionError, match=said):
            Monitor("mo_1", "donablock", definition)
    with pytest.raises(DefinitionError, match="an event has no direction"):
        Monitor("mo_1", "donablock", Definition(), direction="in")
    with pytest.raises(DefinitionError, match="`events` are those of our own contracts"):
        Monitor("mo_1", "erc20", Definition(events=("Giving.*",)))
    with pytest.raises(DefinitionError, match="did you mean `donablock`"):
        Monitor("mo_1", "donabloc", Definition())


# --- what matches ---------------------------------------------------------------------------------


def test_a_watched_address_has_a_part_where_it_is_an_argument_indexed_or_not() -> None:
    found = block([donated(), staked(STRANGER)])
    for who in (DONOR, PAYEE):
        (hit,) = hits(found, watching(addresses=(who,)))
        assert (hit.log_index, hit.address, hit.direction) == (0, who, "all")
    assert hits(found, watching(addresses=(CREATOR,))) == []
    # the contract that logs has no part in it
    assert hits(found, watching(addresses=(GIVING,))) == []


def test_each_watched_address_counts_once_in_an_event() -> None:
    found = block([donated(donor=DONOR, payee=DONOR), donated(donor=DONOR, payee=PAYEE)])
    index = watching("Giving.*", "*.Donated", addresses=(DONOR, PAYEE))
    assert [(hit.log_index, hit.address) for hit in hits(found, index)] == [
        (0, DONOR),
        (1, DONOR),
        (1, PAYEE),
    ]
    assert len({hit.id for hit in hits(found, index)}) == 3


def test_addresses_and_events_together() -> None:
    found = block([donated(), staked(), staked(STRANGER), opened(), pledged()])
    index = watching("DividendPool.Staked", "Campaign.*", addresses=(DONOR,))
    assert told(hits(found, index)) == [(1, "DividendPool", "Staked"), (4, "Campaign", "Pledged")]


def test_everything_counts_once_and_is_the_contracts() -> None:
    found = block([donated()])
    (hit,) = hits(found, watching("Giving.*", "*.Donated"))
    assert hit.address == GIVING


def test_contracts_narrow_it_down_to_one_campaign() -> None:
    other = address(0xCB)
    found = block([opened(), opened(other), pledged(1), pledged(2, at=other)])
    index = watching("Campaign.*", contracts=(other,))
    assert [hit.log_index for hit in hits(found, index)] == [3]
    index = watching("Campaign.*", contracts=(other,), addresses=(DONOR,))
    assert [hit.log_index for hit in hits(found, index)] == [3]


def test_the_arguments_of_one_event_can_be_asked_for() -> None:
    found = block([donated(5), donated(6)])
    index = watching("Giving.Donated", condition=f"amount > 5 and args.donor == {DONOR}")
    assert [hit.log_index for hit in hits(found, index)] == [1]
    with pytest.raises(ConditionError, match="amount"):
        watching("Giving.*", condition="amount > 5")


def test_the_names_can_be_asked_for_where_there_are_several_events() -> None:
    found = block([donated(), staked(), logged(GIVING, "Giving", "Tipped")])
    index = watching(condition='event.contract == "Giving" and event.name != "Tipped"')
    assert told(hits(found, index)) == [(0, "Giving", "Donated")]
    index = watching(condition=f"contract == {POOL} and log.index == 1")
    assert told(hits(found, index)) == [(1, "DividendPool", "Staked")]


def test_windows_count_our_events() -> None:
    definition = Definition(
        watches="everything", events=("Giving.Donated",), window="sum(amount) over 1 hour >= 10"
    )
    index = Index.of([(Monitor("mo_1", "donablock", definition), [])])
    assert [hit.measure for hit in hits(block([donated(4), donated(6)]), index)] == [4, 6]


def test_without_our_contracts_nothing_matches() -> None:
    found = block([donated(), pledged()])
    assert match_block(found, watching()) == []
    assert hits(found, watching(), {}) == []


def test_other_monitors_see_the_same_logs_and_come_in_the_blocks_order() -> None:
    event = Definition(
        watches="everything", abi=abi("DividendPool"), signature="Staked", contracts=(POOL,)
    )
    own = Definition(watches="everything")
    index = Index.of(
        [(Monitor("mo_event", "event", event), []), (Monitor("mo_own", "donablock", own), [])]
    )
    found = block([donated(), staked()], [donated(), staked()])
    assert [(hit.log_index, hit.monitor.id) for hit in hits(found, index)] == [
        *((0, "mo_own"), (1, "mo_event"), (1, "mo_own")),
        *((2, "mo_own"), (3, "mo_event"), (3, "mo_own")),
    ]


def test_an_index_forgets_what_is_dropped_and_follows_what_is_changed() -> None:
    index = watching("Giving.*", "*.Staked")
    found = block([donated(), staked()])
    edit = index.edit()
    edit.put(
        Monitor("mo_1", "donablock", Definition(watches="everything", events=("*.Staked",))), []
    )
    changed = edit.done()
    assert told(hits(found, changed)) == [(1, "DividendPool", "Staked")]
    edit = changed.edit()
    edit.put(Monitor("mo_1", "donablock", Definition()), [PAYEE])
    edit.add("mo_1", [DONOR])
    edit.remove("mo_1", [PAYEE])
    changed = edit.done()
    assert changed.addresses_of("mo_1") == [DONOR]
    assert changed.address_count == 1
    assert [hit.address for hit in hits(found, changed)] == [DONOR, DONOR]
    edit = changed.edit()
    edit.drop("mo_1")
    assert not edit.done().is_of_ours
    assert len(hits(found, index)) == 2, "the first snapshot stays as it was"


# --- what is told ---------------------------------------------------------------------------------


def test_what_is_told_is_typed() -> None:
    found = block([donated(2**70)])
    (hit,) = hits(found, watching(addresses=(PAYEE,)))
    data = msgspec.json.decode(payload(hit, "local"))
    assert data["category"] == "DonaBlock"
    assert data["event"] == {
        "contract": "Giving",
        "name": "Donated",
        "signature": "Donated(address,uint256,address,address,uint256,bytes32)",
        "arguments": {
            "donor": DONOR,
            "charity_id": "7",
            "asset": "0x" + "0" * 40,
            "payee": PAYEE,
            "amount": str(2**70),
            "memo": "0x" + "0" * 64,
        },
    }
    assert data["contract"]["address"] == GIVING
    assert (data["associatedAddress"], data["type"], data["logIndex"]) == (PAYEE, "all", 0)


def test_tuples_and_hashes_are_told_by_their_names() -> None:
    log = logged(
        *(COMMISSION, "Commission", "SharesProposed"),
        burn_share=5_000,
        receivers=[(DONOR, 10), (PAYEE, 20)],
    )
    (hit,) = hits(block([log]), watching("Commission.SharesProposed"))
    told = msgspec.json.decode(payload(hit, "local"))["event"]["arguments"]
    assert told["burn_share"] == "5000"
    names = [part["name"] for part in abi_receivers()]
    assert [list(one) for one in told["receivers"]] == [names, names]
    assert [list(one.values()) for one in told["receivers"]] == [[DONOR, "10"], [PAYEE, "20"]]


def abi_receivers() -> list[dict[str, Any]]:
    entry = next(one for one in abi("Commission") if one.get("name") == "SharesProposed")
    found: list[dict[str, Any]] = entry["inputs"][2]["components"]
    return found


def test_the_columns_of_the_rows_are_documented() -> None:
    text = (ROOT / "docs" / "conditions.md").read_text()
    found = re.search(r"<!-- columns: contract_events -->\n((?:\|.*\n)+)", text)
    assert found is not None
    cells = [line.split("|")[1] for line in found[1].splitlines()[2:]]
    columns = re.findall(r"`(\w+)`", " ".join(cells))
    assert sorted(columns) == sorted(column.name for column in contract_events.columns)
