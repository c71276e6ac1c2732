"""What each category matches in a block, and what it passes over."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from donablock.chain.blocks import Log, decode_block, encode_block
from donablock.errors import ConditionError, DefinitionError
from donablock.monitors.abi import event_of, function_of
from donablock.monitors.categories import TRANSFER, TRANSFER_BATCH, TRANSFER_SINGLE
from donablock.monitors.ids import FUNCTION, NATIVE
from donablock.monitors.index import Index
from donablock.monitors.matching import Tally, match_block
from donablock.monitors.monitor import Definition, Monitor
from donablock.monitors.payloads import payload
from tests.monitors.chain import (
    DONOR,
    ETHER,
    OPERATOR,
    OTHER_TOKEN,
    PAYEE,
    STRANGER,
    TOKEN,
    ZERO,
    batch,
    block,
    data,
    erc20,
    erc721,
    erc1155,
    matched,
    monitor,
    seen,
    transaction,
    word,
)
from tests.monitors.trees import random_cases

SENT = "event Sent(address indexed from, uint256 amount, address to, string memo)"
SENT_EVENT = event_of(None, SENT)
PAY = "pay(address to, uint256[] amounts)"
PAY_FUNCTION = function_of(None, PAY)


def sent(sender: str, amount: int, receiver: str, memo: str = "", contract: str = TOKEN) -> Log:
    body = data(["uint256", "address", "string"], [amount, receiver, memo])
    return Log(contract, (SENT_EVENT.topic, word(sender)), body, 0)


def pay(receiver: str, *amounts: int) -> str:
    return PAY_FUNCTION.selector + data(["address", "uint256[]"], [receiver, amounts])[2:]


# --- native ---------------------------------------------------------------------------------------


def test_coin_that_is_sent_is_seen_from_both_ends() -> None:
    sending = transaction(sender=DONOR, to=PAYEE, value=5)
    hits = matched(monitor("native"), [DONOR, PAYEE], sending)
    values = (DONOR, PAYEE, 5)
    assert seen(hits) == [(DONOR, "out", values), (PAYEE, "in", values)]
    assert {hit.log_index for hit in hits} == {NATIVE}
    assert len({hit.id for hit in hits}) == 2


@pytest.mark.parametrize("direction, expected", [("in", [PAYEE]), ("out", [DONOR])])
def test_a_direction(direction: str, expected: list[str]) -> None:
    watching = monitor("native", direction=direction)
    hits = matched(watching, [DONOR, PAYEE], transaction(sender=DONOR, to=PAYEE, value=5))
    assert [hit.address for hit in hits] == expected


def test_coin_sent_to_oneself_goes_out_and_comes_in() -> None:
    hits = matched(monitor("native"), [DONOR], transaction(sender=DONOR, to=DONOR, value=5))
    assert [hit.direction for hit in hits] == ["out", "in"]


def test_no_coin_is_no_transfer() -> None:
    moved = transaction(sender=DONOR, to=PAYEE)
    for nothing in ("0x0", "0x00"):
        assert matched(monitor("native"), [DONOR], replace(moved, value=nothing)) == []


def test_a_failed_transaction_moved_no_coin() -> None:
    failed = transaction(sender=DONOR, to=PAYEE, value=5, is_success=False)
    assert matched(monitor("native"), [DONOR, PAYEE], failed) == []


def test_a_creation_pays_the_contract_that_it_makes() -> None:
    made = transaction(sender=DONOR, to=None, value=5, created=PAYEE)
    paid = (DONOR, PAYEE, 5)
    assert seen(matched(monitor("native"), [DONOR, PAYEE], made)) == [
        (DONOR, "out", paid),
        (PAYEE, "in", paid),
    ]
    assert seen(matched(monitor("native", direction="in"), [PAYEE], made)) == [(PAYEE, "in", paid)]
    failed = transaction(sender=DONOR, to=None, value=5, created=None)
    assert seen(matched(monitor("native"), [DONOR], failed)) == [(DONOR, "out", (DONOR, ZERO, 5))]


def test_all_coin_above_an_amount() -> None:
    whale = monitor("native", watches="everything", condition="value >= 100 ether")
    hits = matched(
        whale,
        [],
        transaction(sender=DONOR, to=PAYEE, value=99 * ETHER),
        transaction(sender=DONOR, to=PAYEE, value=100 * ETHER),
    )
    assert seen(hits) == [(DONOR, "all", (DONOR, PAYEE, 100 * ETHER))]


# --- tokens ---------------------------------------------------------------------------------------


def test_three_topics_are_erc20_and_four_are_erc721() -> None:
    both = transaction(erc20(DONOR, PAYEE, 7), erc721(DONOR, PAYEE, 8))
    twenty = matched(monitor("erc20"), [DONOR, PAYEE], both)
    assert seen(twenty) == [
        (DONOR, "out", (DONOR, PAYEE, 7, TOKEN, 0)),
        (PAYEE, "in", (DONOR, PAYEE, 7, TOKEN, 0)),
    ]
    seven = matched(monitor("erc721"), [DONOR, PAYEE], both)
    assert seen(seven) == [
        (DONOR, "out", (DONOR, PAYEE, 8, TOKEN, 1)),
        (PAYEE, "in", (DONOR, PAYEE, 8, TOKEN, 1)),
    ]


def test_erc1155_single_and_batch() -> None:
    moved = transaction(
        erc1155(DONOR, PAYEE, 1, 10), batch(DONOR, PAYEE, [(1, 10), (2, 20), (1, 10)])
    )
    hits = matched(monitor("erc1155", direction="in"), [PAYEE, OPERATOR], moved)
    assert [(hit.log_index, hit.element, hit.values[3:5]) for hit in hits] == [
        (0, None, (1, 10)),
        (1, 0, (1, 10)),
        (1, 1, (2, 20)),
        (1, 2, (1, 10)),
    ]
    assert len({hit.id for hit in hits}) == 4, "equal parts of a batch have ids of their own"


@pytest.mark.parametrize("direction, expected", [("in", [PAYEE]), ("out", [DONOR])])
def test_a_direction_of_tokens(direction: str, expected: list[str]) -> None:
    for category, log in (
        ("erc20", erc20(DONOR, PAYEE, 1)),
        ("erc721", erc721(DONOR, PAYEE, 1)),
        ("erc1155", erc1155(DONOR, PAYEE, 1, 1)),
        ("erc1155", batch(DONOR, PAYEE, [(1, 1)])),
    ):
        watching = monitor(category, direction=direction)
        hits = matched(watching, [DONOR, PAYEE], transaction(log))
        assert [(hit.address, hit.direction) for hit in hits] == [(expected[0], direction)]


def test_the_operator_of_erc1155_has_no_part_in_it() -> None:
    moved = transaction(erc1155(DONOR, PAYEE, 1, 10))
    assert matched(monitor("erc1155"), [OPERATOR], moved) == []


def test_an_empty_batch_moves_nothing() -> None:
    assert matched(monitor("erc1155"), [DONOR], transaction(batch(DONOR, PAYEE, []))) == []


def test_only_the_contracts_that_were_named() -> None:
    logs = transaction(erc20(DONOR, PAYEE, 1), erc20(DONOR, PAYEE, 2, OTHER_TOKEN))
    watching = monitor("erc20", contracts=(TOKEN,), direction="out")
    assert [hit.values[2] for hit in matched(watching, [DONOR], logs)] == [1]


def test_everything_of_a_contract() -> None:
    logs = transaction(
        erc20(DONOR, PAYEE, 1), erc20(DONOR, PAYEE, 2, OTHER_TOKEN), erc721(DONOR, PAYEE, 3)
    )
    watching = monitor("erc20", watches="everything", contracts=(TOKEN,))
    hits = matched(watching, [PAYEE], logs)
    assert seen(hits) == [(TOKEN, "all", (DONOR, PAYEE, 1, TOKEN, 0))], (
        "once, whoever had a part in it"
    )


def test_everything_of_a_category() -> None:
    logs = transaction(
        erc20(DONOR, PAYEE, 1), erc20(DONOR, PAYEE, 2, OTHER_TOKEN), batch(DONOR, PAYEE, [(1, 1)])
    )
    assert len(matched(monitor("erc20", watches="everything"), [], logs)) == 2
    assert len(matched(monitor("erc721", watches="everything"), [], logs)) == 0
    assert len(matched(monitor("erc1155", watches="everything"), [], logs)) == 1


DIRTY = "0x" + "0" * 23 + "1" + DONOR[2:]


@pytest.mark.parametrize(
    "log",
    [
        # number of topics
        Log(TOKEN, (), word(1), 0),
        Log(TOKEN, (TRANSFER,), word(1), 0),
        Log(TOKEN, (TRANSFER, word(DONOR)), word(1), 0),
        Log(TOKEN, (TRANSFER, word(DONOR), word(PAYEE), word(1), word(1)), word(1), 0),
        # unused bits of the watched address
        Log(TOKEN, (TRANSFER, DIRTY, word(PAYEE)), word(1), 0),
        # too short
        Log(TOKEN, (TRANSFER, word(DONOR), word(PAYEE)), "0x", 0),
        Log(TOKEN, (TRANSFER, word(DONOR), word(PAYEE)), "0x" + "0" * 62, 0),
        # unused bits of the other one
        Log(TOKEN, (TRANSFER, word(DONOR), DIRTY), word(1), 0),
        # no hexadecimal text, which no honest node gives
        Log(TOKEN, (TRANSFER, word(DONOR), word(PAYEE)), "0x" + "g" * 64, 0),
        Log(TOKEN, (TRANSFER, word(DONOR), word(PAYEE)), "0x" + "1_" * 32, 0),
        Log(TOKEN, (TRANSFER, word(DONOR), "0x"), word(1), 0),
        # batches
        Log(TOKEN, (TRANSFER_BATCH, word(1), word(DONOR), word(PAYEE)), "0x", 0),
        Log(TOKEN, (TRANSFER_BATCH, DIRTY, word(DONOR), word(PAYEE)), word(0) * 2, 0),
        Log(
            TOKEN,
            (TRANSFER_BATCH, word(1), word(DONOR), word(PAYEE)),
            data(["uint256[]", "uint256[]"], [[1, 2], [1]]),
            0,
        ),
        Log(TOKEN, (TRANSFER_SINGLE, word(1), word(DONOR), word(PAYEE)), word(1), 0),
        Log(TOKEN, (TRANSFER_SINGLE, word(DONOR), word(PAYEE)), word(1), 0),
    ],
)
def test_a_malformed_log_matches_nothing(log: Log) -> None:
    good = erc20(DONOR, PAYEE, 1)
    for category in ("erc20", "erc721", "erc1155"):
        for watches in ("addresses", "everything"):
            hits = matched(monitor(category, watches=watches), [DONOR], transaction(log, good))
            assert {hit.log_index for hit in hits} == ({1} if category == "erc20" else set())


def test_what_is_malformed_is_counted() -> None:
    tally = Tally()
    short = Log(TOKEN, (TRANSFER, word(DONOR), word(PAYEE)), "0x", 0)
    assert matched(monitor("erc20"), [DONOR], transaction(short, short), tally=tally) == []
    assert tally.malformed == {"erc20": 2}
    # nobody looks at it, so nobody knows
    assert matched(monitor("erc20"), [STRANGER], transaction(short), tally=tally) == []
    assert tally.malformed == {"erc20": 2}


def test_more_data_than_asked_for_does_not_matter() -> None:
    long = Log(TOKEN, (TRANSFER, word(DONOR), word(PAYEE)), word(7) + "ff" * 40, 0)
    assert [hit.values[2] for hit in matched(monitor("erc20"), [DONOR], transaction(long))] == [7]
    odd = Log(TOKEN, (TRANSFER, word(DONOR), word(PAYEE), word(8)), "0x1234", 0)
    assert [hit.values[2] for hit in matched(monitor("erc721"), [DONOR], transaction(odd))] == [8]


# --- events ---------------------------------------------------------------------------------------


def test_an_event_that_names_a_watched_address() -> None:
    logs = transaction(sent(DONOR, 1, PAYEE, "hi"), sent(STRANGER, 2, PAYEE), sent(ZERO, 3, ZERO))
    watching = monitor("event", signature=SENT)
    assert seen(matched(watching, [DONOR], logs)) == [
        (DONOR, "all", (DONOR, 1, PAYEE, "hi", TOKEN, 0))
    ]
    assert [hit.values[1] for hit in matched(watching, [PAYEE], logs)] == [1, 2]
    both = matched(watching, [PAYEE, DONOR], logs)
    assert [hit.address for hit in both] == [DONOR, PAYEE, PAYEE]


def test_an_address_that_is_named_twice_matches_once() -> None:
    hits = matched(monitor("event", signature=SENT), [DONOR], transaction(sent(DONOR, 1, DONOR)))
    assert len(hits) == 1


def test_an_address_in_the_data_concerns_only_who_looks_for_that_event() -> None:
    others = [
        monitor("erc20", id="mo_20"),
        monitor("erc1155", id="mo_1155"),
        monitor("event", id="mo_e", signature="event Sent(address indexed, uint256, address)"),
        monitor("event", id="mo_f", signature=SENT.replace("from", "giver")),
    ]
    index = Index.of([(one, [PAYEE]) for one in others])
    hits = match_block(block(transaction(sent(DONOR, 1, PAYEE))), index)
    assert [hit.monitor.id for hit in hits] == ["mo_f"], "named otherwise, and read alike"


def test_all_events_of_a_contract() -> None:
    logs = transaction(sent(DONOR, 1, PAYEE), sent(DONOR, 2, PAYEE, contract=OTHER_TOKEN))
    watching = monitor("event", signature=SENT, watches="everything", contracts=(OTHER_TOKEN,))
    assert seen(matched(watching, [], logs)) == [
        (OTHER_TOKEN, "all", (DONOR, 2, PAYEE, "", OTHER_TOKEN, 1))
    ]
    assert len(matched(monitor("event", signature=SENT, watches="everything"), [], logs)) == 2


def test_the_same_signature_indexed_otherwise_is_another_event() -> None:
    other = SENT.replace("address to", "address indexed to")
    logs = transaction(sent(DONOR, 1, PAYEE))
    assert matched(monitor("event", signature=other, watches="everything"), [], logs) == []
    tally = Tally()
    # as many topics, but others: the data does not fit
    swapped = SENT.replace("indexed ", "").replace("uint256", "uint256 indexed")
    watching = monitor("event", signature=swapped, watches="everything")
    large = transaction(sent(DONOR, 2**200, PAYEE))
    assert matched(watching, [], large, tally=tally) == []
    assert tally.malformed == {"event": 1}


def test_another_number_of_topics_is_another_event() -> None:
    tally = Tally()
    more = replace(sent(DONOR, 1, PAYEE), topics=(SENT_EVENT.topic, word(DONOR), word(PAYEE)))
    for watches in ("addresses", "everything"):
        watching = monitor("event", signature=SENT, watches=watches)
        assert matched(watching, [DONOR, PAYEE], transaction(more), tally=tally) == []
    assert not tally.malformed


def test_an_event_without_arguments() -> None:
    paused = event_of(None, "event Paused()")
    log = Log(TOKEN, (paused.topic,), "0x", 0)
    watching = monitor("event", signature="event Paused()", watches="everything")
    assert seen(matched(watching, [], transaction(log))) == [(TOKEN, "all", (TOKEN, 0))]


def test_a_condition_over_arguments() -> None:
    logs = transaction(sent(DONOR, 1, PAYEE, "school"), sent(DONOR, 5, PAYEE, "bread"))
    watching = monitor(
        "event",
        signature=SENT,
        watches="everything",
        condition=f'args.amount > 1 and memo contains "read" and from == {DONOR}',
    )
    assert [hit.values[1] for hit in matched(watching, [], logs)] == [5]


# --- functions ------------------------------------------------------------------------------------


def test_a_call_is_seen_from_its_sender_and_from_the_contract() -> None:
    call = transaction(sender=DONOR, to=TOKEN, input=pay(PAYEE, 1, 2))
    hits = matched(monitor("function", signature=PAY), [DONOR, TOKEN, PAYEE], call)
    values = (PAYEE, (1, 2), TOKEN, True)
    assert seen(hits) == [(DONOR, "out", values), (TOKEN, "in", values)]
    assert {hit.log_index for hit in hits} == {FUNCTION}


def test_all_calls_of_a_function() -> None:
    calls = (
        transaction(sender=DONOR, to=TOKEN, input=pay(PAYEE, 1)),
        transaction(sender=DONOR, to=OTHER_TOKEN, input=pay(PAYEE, 2)),
        transaction(sender=DONOR, to=None, input=pay(PAYEE, 3), created=TOKEN),
        transaction(sender=DONOR, to=TOKEN, input="0x12345678"),
        transaction(sender=DONOR, to=TOKEN, input="0x"),
    )
    everything = monitor("function", signature=PAY, watches="everything")
    assert [hit.values[1] for hit in matched(everything, [], *calls)] == [(1,), (2,)]
    of_one = monitor("function", signature=PAY, watches="everything", contracts=(TOKEN,))
    assert seen(matched(of_one, [], *calls)) == [(TOKEN, "all", (PAYEE, (1,), TOKEN, True))]
    of_sender = monitor("function", signature=PAY, contracts=(OTHER_TOKEN,))
    assert [hit.values[1] for hit in matched(of_sender, [DONOR], *calls)] == [(2,)]


def test_another_function_with_the_same_arguments_does_not_match() -> None:
    tally = Tally()
    other = transaction(sender=DONOR, to=TOKEN, input="0x12345678" + pay(PAYEE, 1)[10:])
    for watches in ("addresses", "everything"):
        for contracts in ((), (TOKEN,)):
            watching = monitor("function", signature=PAY, watches=watches, contracts=contracts)
            assert matched(watching, [DONOR, TOKEN], other, tally=tally) == []
    assert not tally.malformed


def test_a_failed_call_matches_only_if_asked_for() -> None:
    failed = transaction(sender=DONOR, to=TOKEN, input=pay(PAYEE, 1), is_success=False)
    assert matched(monitor("function", signature=PAY), [DONOR], failed) == []
    asked = monitor("function", signature=PAY, includes_failed=True)
    assert len(matched(asked, [DONOR], failed)) == 1
    only = monitor(
        "function",
        signature=PAY,
        includes_failed=True,
        condition="not transaction.is_success",
    )
    good = transaction(sender=DONOR, to=TOKEN, input=pay(PAYEE, 1))
    assert [hit.transaction.index for hit in matched(only, [DONOR], good, failed)] == [1]


def test_malformed_calldata_matches_nothing_and_is_counted() -> None:
    tally = Tally()
    call = transaction(sender=DONOR, to=TOKEN, input=pay(PAYEE, 1, 2)[:-64])
    assert matched(monitor("function", signature=PAY), [DONOR], call, tally=tally) == []
    assert tally.malformed == {"function": 1}


# --- all ------------------------------------------------------------------------------------------


def test_the_order_is_that_of_the_block() -> None:
    monitors = [
        (monitor("erc20", id="mo_b"), [DONOR, PAYEE]),
        (monitor("erc20", id="mo_a"), [DONOR]),
        (monitor("native", id="mo_n"), [DONOR]),
        (monitor("function", id="mo_f", signature=PAY), [DONOR]),
    ]
    one = block(
        transaction(erc20(DONOR, PAYEE, 1), sender=DONOR, to=TOKEN, value=1, input=pay(PAYEE, 1)),
        transaction(erc20(PAYEE, DONOR, 1), sender=DONOR, to=TOKEN, value=1),
    )
    hits = match_block(one, Index.of(monitors))
    assert [(hit.monitor.id, hit.direction, hit.transaction.index) for hit in hits] == [
        ("mo_f", "out", 0),
        ("mo_n", "out", 0),
        ("mo_a", "out", 0),
        ("mo_b", "out", 0),
        ("mo_b", "in", 0),
        ("mo_n", "out", 1),
        ("mo_b", "out", 1),
        ("mo_a", "in", 1),
        ("mo_b", "in", 1),
    ]
    again = match_block(decode_block(encode_block(one)), Index.of(reversed(monitors)))
    assert [hit.id for hit in again] == [hit.id for hit in hits]


def test_a_monitor_looks_at_no_block_before_its_first() -> None:
    log = transaction(erc20(DONOR, PAYEE, 1))
    for first, expected in ((100, 1), (101, 0)):
        watching = monitor("erc20", active_from=first)
        assert len(matched(watching, [DONOR], log)) == expected


def test_a_condition_without_a_value_does_not_match_and_is_counted() -> None:
    tally = Tally()
    watching = monitor("erc20", condition="not (10 // value == 3)", direction="out")
    logs = transaction(erc20(DONOR, PAYEE, 0), erc20(DONOR, PAYEE, 5))
    assert [hit.values[2] for hit in matched(watching, [DONOR], logs, tally=tally)] == [5]
    assert tally.undefined == {"mo_1": 1}


@pytest.mark.parametrize(
    "condition, expected",
    [
        ("block.number == 100 and block.timestamp == 1_700_001_200", True),
        ("transaction.index == 0 and log.index == 0", True),
        (f"transaction.from == {DONOR} and transaction.to == {TOKEN}", True),
        ("transaction.value == 3 wei", True),
        ("transaction.is_creation", False),
        ("transaction.input starts_with 0xabcd", True),
        ("transaction.input.length == 2 or value == 9", True),
        ("transaction.input.length == 3", False),
        (f"contract == {TOKEN}", True),
        (f"from == {DONOR} and to == {PAYEE} and value == 1", True),
    ],
)
def test_what_every_condition_may_read(condition: str, expected: bool) -> None:
    moved = transaction(erc20(DONOR, PAYEE, 1), sender=DONOR, to=TOKEN, value=3, input="0xabcd")
    hits = matched(monitor("erc20", condition=condition, direction="out"), [DONOR], moved)
    assert bool(hits) is expected


def test_each_transaction_has_an_input_of_its_own() -> None:
    watching = monitor("erc20", condition="transaction.input == 0xabcd", direction="out")
    hits = matched(
        watching,
        [DONOR],
        transaction(erc20(DONOR, PAYEE, 1), erc20(DONOR, PAYEE, 1), input="0xabcd"),
        transaction(erc20(DONOR, PAYEE, 1), input="0xabce"),
        transaction(erc20(DONOR, PAYEE, 1), input="0x"),
        transaction(erc20(DONOR, PAYEE, 1), input="0xabcd"),
    )
    assert [hit.transaction.index for hit in hits] == [0, 0, 3]


EVERY_KIND = {
    "native": {},
    "erc20": {},
    "erc721": {},
    "erc1155": {},
    "event": {"signature": SENT},
    "function": {"signature": PAY, "includes_failed": True},
}
_texts = st.one_of(
    st.binary(max_size=200).map(lambda raw: "0x" + raw.hex()),
    st.sampled_from(["", "0x", "0x0", "0xzz", "zz", " ", "0x" + "0" * 63, "0x" + "_" * 64]),
    st.integers(0, 200).map(word),
    st.just(word(DONOR)),
    st.text(max_size=70),
)
_topics = st.one_of(
    st.sampled_from([TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH, SENT_EVENT.topic]), _texts
)
_logs = st.builds(
    lambda first, rest, body: Log(TOKEN, tuple([first, *rest][:4]), body, 0),
    *(_topics, st.lists(_texts, max_size=4), _texts),
)


@random_cases(300)
@given(st.lists(_logs, max_size=4), _texts, st.booleans())
def test_whatever_is_logged_or_sent_nothing_is_raised(
    logs: list[Log], calldata: str, is_success: bool
) -> None:
    """Even text that no honest node gives."""
    pairs = [
        (
            monitor(
                category,
                id=f"mo_{category}_{watches}_{condition}",
                watches=watches,
                condition=condition,
                **more,
            ),
            [DONOR],
        )
        for category, more in EVERY_KIND.items()
        for watches in ("addresses", "everything")
        for condition in ("", "transaction.input.length > 3 or transaction.value > 1")
    ]
    sent_data = transaction(sender=DONOR, to=TOKEN, input=calldata, is_success=is_success, value=1)
    called = transaction(*logs, sender=DONOR, to=TOKEN, input=PAY_FUNCTION.selector + calldata)
    for hit in match_block(block(sent_data, called), Index.of(pairs), Tally()):
        assert json.loads(payload(hit, "ethereum"))


def test_units_of_ones_own() -> None:
    watching = monitor("erc20", condition="value >= 2.5 USDC", units={"USDC": 6}, direction="out")
    logs = transaction(erc20(DONOR, PAYEE, 2_499_999), erc20(DONOR, PAYEE, 2_500_000))
    assert [hit.log_index for hit in matched(watching, [DONOR], logs)] == [1]


def test_a_condition_that_counted_as_checked_is_compiled_when_it_is_needed() -> None:
    wrong = Monitor("mo_1", "erc20", Definition(condition="vlaue > 1"), is_checked=True)
    tally = Tally()
    assert matched(wrong, [DONOR], transaction(erc20(DONOR, PAYEE, 1)), tally=tally) == []
    assert tally.broken == {"mo_1": 1}
    with pytest.raises(ConditionError):
        Monitor("mo_1", "erc20", Definition(condition="vlaue > 1"))


@pytest.mark.parametrize(
    "category, direction, definition, message",
    [
        ("erc21", "all", {}, "no category `erc21`; did you mean `erc721`?"),
        ("erc20", "both", {}, "no direction `both`; known are in, out and all"),
        ("erc20", "in", {"watches": "everything"}, "watches everything has no direction"),
        ("event", "in", {"signature": SENT}, "an event has no direction"),
        ("erc20", "all", {"signature": "x"}, "leave `abi` and `signature` out"),
        ("native", "all", {"contracts": (TOKEN,)}, "the chain's coin has no contract"),
        ("erc20", "all", {"includes_failed": True}, "only calls of functions"),
        ("erc20", "all", {"contracts": ("0x12",)}, "`0x12` is no address"),
        ("erc20", "all", {"contracts": (TOKEN,) * 1_001}, "at most 1000 contracts"),
        (
            "erc20",
            "all",
            {"contracts": ("0x5FbDB2315678afecb367f032d93F642f64180aa4",)},
            "is mistyped",
        ),
        ("event", "all", {}, "an event needs its ABI"),
        ("function", "all", {"signature": ""}, "is none of Solidity"),
        ("erc20", "all", {"units": {"ether": 6}, "condition": "value > 1"}, "`ether` cannot be"),
        ("erc20", "all", {"units": {"a b": 6}, "condition": "value > 1"}, "`a b` cannot be"),
        ("erc20", "all", {"units": {"X": 78}, "condition": "value > 1"}, "0 to 77 decimals"),
        (
            "erc20",
            "all",
            {"units": {f"X{n}": 1 for n in range(33)}, "condition": "value > 1"},
            "at most 32 units",
        ),
        (
            "erc20",
            "all",
            {"watches": "everything", "window": "count over 1 hour by address > 3"},
            "watches no addresses of its own",
        ),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(
    category: str, direction: str, definition: dict[str, object], message: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        Monitor("mo_1", category, Definition(**definition), direction=direction)  # type: ignore[arg-type]
    assert message in str(caught.value)
