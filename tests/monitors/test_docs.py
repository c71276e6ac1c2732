"""docs/conditions.md says what is so: its tables are the code's, and its examples do what they
say."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import msgspec
import pytest

from donablock.chain.blocks import Log, Transaction
from donablock.errors import ConditionError
from donablock.monitors.abi import event_of, function_of
from donablock.monitors.builtin import MAX_EVENTS, Known, builtin_kind
from donablock.monitors.categories import (
    CATEGORIES,
    EventKind,
    FunctionKind,
    erc20,
    erc721,
    erc1155,
    native,
)
from donablock.monitors.conditions import LIMITS, UNITS, Condition, describe
from donablock.monitors.conditions.lexer import KEYWORDS
from donablock.monitors.index import Index
from donablock.monitors.interfaces import interfaces
from donablock.monitors.matching import Hit, match_block
from donablock.monitors.monitor import MAX_CONTRACTS, Definition, Monitor
from donablock.monitors.window_text import MAX_PERIOD
from donablock.monitors.windows import State, advance, entries_of
from donablock.settings import ROOT
from tests.monitors import chain
from tests.monitors.chain import DONOR, ETHER, OPERATOR, PAYEE, TOKEN, ZERO, block, transaction

TEXT = (ROOT / "docs" / "conditions.md").read_text()
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
CAMPAIGN = "0x00000000000000000000000000000000000000ca"
EXCHANGE = "0x00000000000000000000000000000000000000e1"

EXAMPLES = re.findall(r"<!-- example: (\w+)(?: (\w+))? -->\n```json\n(.*?)\n```", TEXT, re.DOTALL)


def rows(name: str) -> list[str]:
    found = re.search(rf"<!-- fields: {name} -->\n((?:\|.*\n)+)", TEXT)
    assert found is not None, name
    return found[1].splitlines()[2:]


def test_the_tables_of_fields_are_the_codes() -> None:
    kinds = {
        "native": native,
        "erc20": erc20,
        "erc721": erc721,
        "erc1155": erc1155,
        "event": EventKind(event_of(None, "event E()")),
        "function": FunctionKind(function_of(None, "f()")),
        "donablock": builtin_kind(()),
    }
    every = rows("every")
    for name, kind in kinds.items():
        fields = [
            f"| `{one.name}` | {describe(one.type)} | {one.note} |" for one in kind.schema().fields
        ]
        assert rows(name) + every == fields, name


def test_every_word_of_the_language_is_there() -> None:
    words = set(re.findall(r"[a-z_0-9]+", TEXT))
    plural = {word.removesuffix("s") for word in words} | {f"{word}s" for word in words}
    assert set(CATEGORIES) <= words
    assert KEYWORDS <= words
    assert set(UNITS) <= words | plural
    assert set(Definition.__struct_fields__) - {"window"} <= words | {"window"}


@pytest.mark.parametrize(
    "of, limit",
    [
        ("characters", LIMITS.characters),
        ("parts (fields, values, operators)", LIMITS.nodes),
        ("levels of operators and parentheses", LIMITS.depth),
        ("values in one list", LIMITS.options),
        ("bytes of one text, or of bytes written out", LIMITS.literal_bytes),
        ("size of any number, also on the way to a result", LIMITS.integer_bits),
        ("`any` and `all` within each other", LIMITS.quantifiers),
        ("parts within one `any(...)` or `all(...)`", LIMITS.body_nodes),
        ("a window's period", MAX_PERIOD // 86_400),
        ("contracts of one monitor", MAX_CONTRACTS),
        ("entries of `events`", MAX_EVENTS),
    ],
)
def test_the_limits_are_the_codes(of: str, limit: int) -> None:
    assert f"| {of} | {limit:,}" in TEXT


def test_the_errors_are_the_codes() -> None:
    found = re.findall(r"<!-- error: (.*) -->\n```\n(.*)\n```", TEXT)
    assert len(found) == 2
    for text, message in found:
        with pytest.raises(ConditionError) as caught:
            Condition.read(text, native.schema())
        assert str(caught.value) == message


def token(sender: str, receiver: str, value: int) -> Log:
    return chain.erc20(sender, receiver, value, USDC)


GIVEN = event_of(
    None, "event Given(address indexed donor, address indexed payee, uint256 amount, string memo)"
)
SPLIT = event_of(None, "event Split(uint256 total, (address to, uint256 amount)[] parts)")
WITHDRAW = function_of(None, "withdraw(address asset, uint256 amount)")


def given(amount: int, memo: str) -> Log:
    topics = (GIVEN.topic, chain.word(DONOR), chain.word(PAYEE))
    return Log(TOKEN, topics, chain.data(["uint256", "string"], [amount, memo]), 0)


def split(total: int, *parts: tuple[str, int]) -> Log:
    body = chain.data(["uint256", "(address,uint256)[]"], [total, parts])
    return Log(TOKEN, (SPLIT.topic,), body, 0)


def withdraw(amount: int, is_success: bool) -> Transaction:
    calldata = WITHDRAW.selector + chain.data(["address", "uint256"], [USDC, amount])[2:]
    return transaction(sender=DONOR, to=TOKEN, input=calldata, is_success=is_success)


PLEDGED = interfaces()["Campaign"].events["Pledged"]


def pledged(amount: int, campaign: str = CAMPAIGN) -> Log:
    topics = (PLEDGED.topic, chain.word(DONOR), "0x" + "0" * 63 + "7", "0x" + "0" * 64)
    return Log(campaign, topics, chain.data(["uint256", "uint256"], [0, amount]), 0)


# of each example, in the order of the document: what matches, and what nearly does
CASES: list[tuple[Sequence[Transaction], Sequence[Transaction]]] = [
    (
        [transaction(sender=DONOR, to=PAYEE, value=1_000 * ETHER)],
        [transaction(sender=DONOR, to=PAYEE, value=1_000 * ETHER - 1)],
    ),
    (
        [transaction(sender=PAYEE, to=DONOR, value=1)],
        [
            transaction(sender=EXCHANGE, to=DONOR, value=1),
            transaction(sender=DONOR, to=PAYEE, value=1),
        ],
    ),
    (
        [transaction(token(DONOR, PAYEE, 2_500_500_001))],
        [
            transaction(token(DONOR, PAYEE, 2_500_500_000)),
            transaction(chain.erc20(DONOR, PAYEE, 10**18)),
        ],
    ),
    (
        [transaction(token(ZERO, PAYEE, 1)), transaction(token(PAYEE, ZERO, 1))],
        [transaction(token(DONOR, PAYEE, 1))],
    ),
    (
        [
            transaction(chain.erc721(DONOR, PAYEE, 99)),
            transaction(chain.erc721(DONOR, ZERO, 7_777)),
        ],
        [transaction(chain.erc721(DONOR, PAYEE, 100))],
    ),
    (
        [transaction(chain.erc1155(DONOR, PAYEE, 5, 10))],
        [
            transaction(chain.erc1155(DONOR, PAYEE, 5, 9)),
            transaction(chain.erc1155(OPERATOR, DONOR, 5, 10)),
        ],
    ),
    (
        [transaction(given(3 * ETHER, "for the school"))],
        [
            transaction(given(3 * ETHER + 1, "for the school")),
            transaction(given(3 * ETHER, "for the church")),
        ],
    ),
    (
        [transaction(split(8 * ETHER, (PAYEE, 6 * ETHER), (DONOR, 2 * ETHER)))],
        [
            transaction(split(14 * ETHER, (PAYEE, 7 * ETHER), (DONOR, 7 * ETHER))),
            transaction(split(6 * ETHER, (PAYEE, 6 * ETHER))),
            transaction(split(0)),
        ],
    ),
    (
        [withdraw(100_000_000, False)],
        [withdraw(99_999_999, False), withdraw(100_000_000, True)],
    ),
    (
        [transaction(token(DONOR, PAYEE, 1_000_000_001))] * 4,
        [transaction(token(PAYEE, DONOR, 1_000_000_001))] * 4
        + [transaction(token(DONOR, PAYEE, 1_000_000_000))] * 4,
    ),
    (
        [transaction(pledged(ETHER // 2))],
        [
            transaction(pledged(ETHER // 2 - 1)),
            transaction(pledged(ETHER, EXCHANGE)),
        ],
    ),
]


def found(at: int, transactions: Sequence[Transaction]) -> list[Hit]:
    category, direction, text = EXAMPLES[at]
    definition = msgspec.convert(json.loads(text), Definition)
    watching = Monitor("mo_1", category, definition, direction=direction or "all")
    addresses = [] if watching.is_watching_everything else [DONOR]
    own = {CAMPAIGN: Known("Campaign")}
    return match_block(block(*transactions), Index.of([(watching, addresses)]), own=own)


def test_there_are_examples_of_every_category() -> None:
    assert len(EXAMPLES) == len(CASES) == 11
    assert {category for category, _, _ in EXAMPLES} == set(CATEGORIES)


@pytest.mark.parametrize("at", range(11))
def test_an_example_matches_what_it_says(at: int) -> None:
    right, wrong = CASES[at]
    hits = found(at, [*right, *wrong])
    assert [hit.transaction.index for hit in hits] == list(range(len(right)))


def test_the_example_of_a_window_fires_at_the_fourth() -> None:
    hits = found(9, CASES[9][0])
    window = hits[0].monitor.program.window
    assert window is not None
    state, fired = State(0), []
    for number, hit in enumerate(hits):
        at = 1_000 + 100 * number
        matches = [(hit.key, hit.measure, hit.log_index)]
        added = entries_of(window, "mo_1", 1, (number, f"0x{number}", at), matches)
        state, firings = advance(window, state, at, added)
        fired += [(number, firing.total, "0x" + firing.key.hex()) for firing in firings]
    assert fired == [(3, 4, DONOR)]
