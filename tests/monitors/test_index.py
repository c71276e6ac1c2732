"""The index against the plain way: every monitor asked about everything in the block."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.chain.blocks import Block, Log
from donablock.monitors.abi import MalformedError, event_of, function_of
from donablock.monitors.categories import EventKind, FunctionKind, LogKind, NativeKind, context
from donablock.monitors.conditions import UNDEFINED
from donablock.monitors.ids import FUNCTION, NATIVE
from donablock.monitors.index import Index
from donablock.monitors.matching import match_block
from donablock.monitors.monitor import Definition, Monitor
from tests.monitors.chain import (
    DONOR,
    OTHER_TOKEN,
    PAYEE,
    STRANGER,
    TOKEN,
    ZERO,
    address,
    batch,
    block,
    data,
    erc20,
    erc721,
    erc1155,
    monitor,
    transaction,
    word,
)
from tests.monitors.trees import random_cases

SENT = event_of(None, "event Sent(address indexed from, uint256 amount, address to)")
MOVED = event_of(None, "event Moved(address indexed by, address indexed to, address from, bool)")
PAY = function_of(None, "pay(address to, uint256 amount)")
SIGNATURES = {
    "sent": "event Sent(address indexed from, uint256 amount, address to)",
    # read alike, and called otherwise
    "sent2": "event Sent(address indexed source, uint256 value, address target)",
    "moved": "event Moved(address indexed by, address indexed to, address from, bool)",
    # no log has these topics
    "sent3": "event Sent(address indexed from, uint256 amount, address indexed to)",
}
PEOPLE = [DONOR, PAYEE, STRANGER, TOKEN]
TOKENS = [TOKEN, OTHER_TOKEN]

people = st.sampled_from(PEOPLE)
tokens = st.sampled_from(TOKENS)
small = st.integers(0, 3)


def body(*words: int | str) -> str:
    return "0x" + "".join(word(one)[2:] for one in words)


logs = st.one_of(
    st.builds(erc20, people, people, small, tokens),
    st.builds(erc721, people, people, small, tokens),
    st.builds(erc1155, people, people, small, small, tokens),
    st.builds(batch, people, people, st.lists(st.tuples(small, small), max_size=2), tokens),
    st.builds(
        lambda a, n, b, t: Log(t, (SENT.topic, word(a)), body(n, b), 0),
        *(people, small, people, tokens),
    ),
    st.builds(
        lambda a, b, c, t: Log(t, (MOVED.topic, word(a), word(b)), body(c, 1), 0),
        *(people, people, people, tokens),
    ),
    # broken in one place or another
    st.builds(
        lambda log, cut, topics: Log(log.address, log.topics[:topics], log.data[:cut], 0),
        st.builds(erc1155, people, people, small, small, tokens)
        | st.builds(erc20, people, people, small, tokens),
        st.sampled_from([2, 34, 66, 130]),
        st.integers(0, 4),
    ),
)
inputs = st.sampled_from(["0x", "0x12345678"]) | st.builds(
    lambda to, amount, cut: (PAY.selector + data(["address", "uint256"], [to, amount])[2:])[:cut],
    *(people, small, st.sampled_from([138, 138, 138, 20])),
)
transactions = st.builds(
    lambda found, **more: transaction(*(found if more["is_success"] else ()), **more),
    st.lists(logs, max_size=3),
    sender=people,
    to=people | st.none(),
    value=small,
    input=inputs,
    is_success=st.booleans(),
    created=st.sampled_from([None, OTHER_TOKEN]),
)
blocks = st.lists(transactions, max_size=4).map(lambda found: block(*found))
CONDITIONS = {
    "native": ["", "value > 1", "6 // (value - 1) > 2"],
    "erc20": ["", "value > 1", "2 // value == 1", "transaction.input.length > 0"],
    "erc721": ["", "token_id in [1, 2]"],
    "erc1155": ["", "value > token_id"],
    "event": ["", "block.number > 99", "log.index > 1"],
    "function": ["", "amount > 1", "not transaction.is_success"],
}


@st.composite
def monitors(draw: Any) -> tuple[dict[str, Any], list[str]]:
    """The arguments of a Monitor without its id, and its addresses."""
    category = draw(st.sampled_from(sorted(CONDITIONS)))
    watches = draw(st.sampled_from(["addresses", "addresses", "everything"]))
    directed = watches == "addresses" and category != "event"
    definition: dict[str, Any] = {
        "watches": watches,
        "condition": draw(st.sampled_from(CONDITIONS[category])),
    }
    if category == "event":
        definition["signature"] = SIGNATURES[draw(st.sampled_from(sorted(SIGNATURES)))]
    elif category == "function":
        definition["signature"] = "pay(address to, uint256 amount)"
        definition["includes_failed"] = draw(st.booleans())
    if category != "native":
        definition["contracts"] = tuple(draw(st.sets(st.sampled_from(TOKENS), max_size=1)))
    return (
        {
            "category": category,
            "direction": draw(st.sampled_from(["in", "out", "all"])) if directed else "all",
            "active_from": draw(st.sampled_from([0, 100, 101])),
            "definition": Definition(**definition),
        },
        draw(st.lists(people, max_size=3, unique=True)),
    )


Found = tuple[str, int, int, int | None, str, str]


def plainly(one: Block, watching: Monitor, addresses: Sequence[str]) -> Iterator[Found]:
    """What a monitor finds, by its definition and without an index."""
    if one.number < watching.active_from:
        return
    for sent in one.transactions:
        for place, element, read, contract, parties in happenings(sent, watching):
            if watching.contracts is not None and contract not in watching.contracts:
                continue
            if watching.definition.watches == "everything":
                found = {(contract or sent.sender, "all")}
            else:
                found = {
                    party
                    for party in parties
                    if party[0] in addresses
                    and ("all" in (watching.direction, party[1]) or watching.direction == party[1])
                }
            if found and holds(one, sent, watching, read):
                for whose, direction in found:
                    yield watching.id, sent.index, place, element, whose, direction


def happenings(sent: Any, watching: Monitor) -> Iterator[tuple[Any, ...]]:
    """Place, element, values, contract, and who had which part in it."""
    kind = watching.kind
    if isinstance(kind, NativeKind):
        if sent.is_success and sent.amount:
            receiver = sent.to or sent.created or ZERO
            parties = [(sent.sender, "out"), *([(sent.to, "in")] if sent.to else [])]
            yield NATIVE, None, (sent.sender, receiver, sent.amount), None, parties
    elif isinstance(kind, FunctionKind):
        if sent.to and (sent.is_success or watching.definition.includes_failed):
            if sent.input.startswith(PAY.selector) and len(sent.input) >= 138:
                parties = [(sent.sender, "out"), (sent.to, "in")]
                yield FUNCTION, None, kind.read(sent), sent.to, parties
    elif isinstance(kind, LogKind):
        for log in sent.logs:
            if not log.topics or log.topics[0] not in kind.topics or len(log.topics) != kind.count:
                continue
            try:
                read = kind.read(log)
            except MalformedError:
                continue
            for at, values in enumerate(read):
                if isinstance(kind, EventKind):
                    named = [
                        value
                        for argument, value in zip(kind.event.parameters, values, strict=False)
                        if argument.abi_type == "address"
                    ]
                    parties = [(name, "all") for name in named]
                else:
                    first = 1 if kind.category == "erc1155" else 0
                    parties = [(values[first], "out"), (values[first + 1], "in")]
                is_batch = kind.category == "erc1155" and log.topics[0] == kind.topics[1]
                yield log.index, at if is_batch else None, values, log.address, parties


def holds(one: Block, sent: Any, watching: Monitor, read: tuple[Any, ...]) -> bool:
    test = watching.program.test
    if test is None:
        return True
    try:
        return bool(test((*read, *context(one, sent), bytes.fromhex(sent.input[2:]))))
    except UNDEFINED:
        return False


def found_in(one: Block, index: Index) -> list[Found]:
    hits = match_block(one, index)
    assert len({hit.id for hit in hits}) == len(hits)
    return [
        (
            *(hit.monitor.id, hit.transaction.index, hit.log_index, hit.element),
            *(hit.address, hit.direction),
        )
        for hit in hits
    ]


def compare(one: Block, index: Index, model: dict[str, tuple[Monitor, set[str]]]) -> None:
    expected = [
        found
        for watching, addresses in model.values()
        for found in plainly(one, watching, sorted(addresses))
    ]
    actual = found_in(one, index)
    assert sorted(actual, key=repr) == sorted(expected, key=repr)
    places = [(found[1], found[2]) for found in actual]
    assert places == sorted(places), "in the order of the block"
    assert len(index) == len(model)
    for monitor_id, (_, addresses) in model.items():
        assert sorted(index.addresses_of(monitor_id)) == sorted(addresses)


changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "keep", "drop", "add", "remove"]),
        st.sampled_from(["mo_a", "mo_b", "mo_c", "mo_d"]),
        monitors(),
        st.booleans(),
    ),
    min_size=1,
    max_size=10,
)


@random_cases(300)
@given(changes, blocks)
def test_whatever_changed_the_index_finds_what_there_is(
    steps: list[tuple[str, str, tuple[dict[str, Any], list[str]], bool]], one: Block
) -> None:
    model: dict[str, tuple[Monitor, set[str]]] = {}
    index = Index()
    edit = index.edit()
    versions = []
    for what, monitor_id, (arguments, addresses), is_last in steps:
        present = model.get(monitor_id)
        if what == "put":
            watching = Monitor(monitor_id, **arguments)
            edit.put(watching, addresses)
            model[monitor_id] = (watching, set(addresses))
        elif what == "drop":
            edit.drop(monitor_id)
            model.pop(monitor_id, None)
        elif present is None:
            with pytest.raises(KeyError, match=monitor_id):
                edit.add(monitor_id, addresses)
        elif what == "keep":
            watching = Monitor(monitor_id, **arguments)
            edit.put(watching)
            model[monitor_id] = (watching, present[1])
        elif what == "add":
            edit.add(monitor_id, addresses)
            model[monitor_id] = (present[0], present[1] | set(addresses))
        else:
            edit.remove(monitor_id, addresses)
            model[monitor_id] = (present[0], present[1] - set(addresses))
        if is_last:
            index = edit.done()
            compare(one, index, model)
            versions.append((index, dict(model)))
            edit = index.edit()
    compare(one, edit.done(), model)
    for version, as_it_was in versions:
        compare(one, version, as_it_was)


def test_nothing_is_left_behind() -> None:
    """An index that was emptied is as small as one that never had anything."""
    index = Index()
    edit = index.edit()
    for at, signature in enumerate(SIGNATURES.values()):
        for watches in ("addresses", "everything"):
            for contracts in ((), (TOKEN,)):
                watching = monitor(
                    "event",
                    id=f"mo_{at}{watches}{contracts}",
                    signature=signature,
                    watches=watches,
                    contracts=contracts,
                )
                edit.put(watching, [DONOR, PAYEE])
    edit.put(monitor("function", id="mo_f", signature="pay(address,uint256)"), [DONOR])
    edit.put(
        monitor("function", id="mo_g", signature="pay(address,uint256)", watches="everything"), []
    )
    edit.put(monitor("native", id="mo_n", watches="everything"), [])
    full = edit.done()
    assert full.address_count == 3
    edit = full.edit()
    for monitor_id in full.monitors:
        edit.drop(monitor_id)
    empty = edit.done()
    for name in Index.__dataclass_fields__:
        assert len(getattr(empty, name)) == 0, name
    assert empty.bytes_used() <= Index().bytes_used()


def test_many_addresses_of_one_monitor_change_one_by_one() -> None:
    edit = Index().edit()
    watched = [address(number) for number in range(1, 5_001)]
    edit.put(monitor("erc20"), watched)
    index = edit.done()
    for at in range(200):
        edit = index.edit()
        edit.remove("mo_1", [watched[at]])
        edit.add("mo_1", [address(10_000 + at)])
        index = edit.done()
    expected = {*watched[200:], *(address(10_000 + at) for at in range(200))}
    assert set(index.addresses_of("mo_1")) == expected
    assert index.address_count == 5_000
    gone = transaction(erc20(watched[0], watched[200], 1), erc20(address(10_000), ZERO, 1))
    hits = match_block(block(gone), index)
    assert [(hit.address, hit.direction) for hit in hits] == [
        (watched[200], "in"),
        (address(10_000), "out"),
    ]


def test_many_monitors_of_one_address() -> None:
    pairs = [(monitor("erc20", id=f"mo_{number:03}"), [DONOR]) for number in range(300)]
    index = Index.of(pairs)
    hits = match_block(block(transaction(erc20(DONOR, PAYEE, 1))), index)
    assert [hit.monitor.id for hit in hits] == [pair[0].id for pair in pairs]
    assert index.address_count == 1
    assert 100 < index.bytes_used() < 200_000


@pytest.mark.parametrize("wrong", ["", "0x12", DONOR[2:], DONOR + "0", "0X" + DONOR[2:]])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Index.of([(monitor("erc20"), [wrong])])


def test_all_combinations_of_category_and_watching_build() -> None:
    for category, watches in itertools.product(CONDITIONS, ("addresses", "everything")):
        signature = {"event": SIGNATURES["sent"], "function": "f()"}.get(category, "")
        watching = monitor(category, signature=signature, watches=watches)
        assert len(Index.of([(watching, [DONOR])])) == 1
