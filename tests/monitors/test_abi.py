"""Events and functions: what is found in an ABI, and what their data decodes to. The oracle is
eth-abi; where Solidity takes more than eth-abi does, so do we, and a test says so."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_abi.codec import ABICodec
from eth_abi.decoding import UnsignedIntegerDecoder
from eth_abi.encoding import UnsignedIntegerEncoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import BaseEquals, registry
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from donablock.errors import DefinitionError
from donablock.monitors.abi import MalformedError, decoder_of, event_of, function_of
from donablock.monitors.conditions import (
    ADDRESS,
    ArrayType,
    BytesType,
    IntegerType,
    TupleType,
    uint_of,
)
from donablock.settings import ROOT
from tests.monitors.trees import random_cases

INTERFACES = sorted((ROOT / "interfaces").glob("*.json"))
SENT = "event Sent(address indexed from, uint256 amount, string memo, address to)"
DONOR = "0x" + "d0" * 20
PAYEE = "0x" + "ca" * 20


def _strict_codec() -> ABICodec:
    """eth-abi as it is published: ape, wherever it was imported, makes its own decoder of unsigned
    integers the global one, and that takes data which is too short."""
    strict = registry.copy()
    strict.unregister("uint")
    coders = (UnsignedIntegerEncoder, UnsignedIntegerDecoder)
    strict.register(BaseEquals("uint"), *coders, label="uint")
    return ABICodec(strict)


oracle = _strict_codec().decode


def word(value: int) -> bytes:
    return value.to_bytes(32, signed=value < 0)


# --- finding --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_every_entry_of_our_contracts_is_understood(path: Any) -> None:
    abi = json.loads(path.read_text())
    for entry in abi:
        kinds = ",".join(one["type"] for one in entry.get("inputs", []))
        if entry["type"] == "event":
            event = event_of(abi, entry["name"])
            assert event.topic == "0x" + event_abi_to_log_topic(entry).hex()
            assert [one.name for one in event.parameters] == [
                one["name"] for one in entry["inputs"]
            ]
        elif entry["type"] == "function" and "tuple" not in kinds:
            function = function_of(abi, f"{entry['name']}({kinds})")
            assert function.selector == "0x" + function_abi_to_4byte_selector(entry).hex()


def test_the_contracts_interfaces_are_there() -> None:
    assert len(INTERFACES) > 5


def test_a_declaration_says_all() -> None:
    event = event_of(None, SENT)
    assert event.signature == "Sent(address,uint256,string,address)"
    assert event.topic == "0x" + keccak(text=event.signature).hex()
    assert [one.name for one in event.parameters] == ["from", "amount", "memo", "to"]
    assert event.indexed == (0,)
    # the second stands behind the words of amount and memo
    assert event.address_places == ((True, 1), (False, 2 + 2 * 64))


@pytest.mark.parametrize(
    "text, signature",
    [
        ("transfer(address,uint256)", "transfer(address,uint256)"),
        ("transfer(address to, uint amount)", "transfer(address,uint256)"),
        ("function transfer(address to, uint256) external returns (bool);", None),
        ("function  f ( ) public view", "f()"),
        ("f((uint8 a, bytes4 b)[] parts, string calldata s)", "f((uint8,bytes4)[],string)"),
        ("f(tuple(uint8,(bool,bool[2])[3])[][2])", "f((uint8,(bool,bool[2])[3])[][2])"),
        ("f(int x, address payable to) payable", "f(int256,address)"),
        ("f(bytes memory data) -> uint256", "f(bytes)"),
    ],
)
def test_declarations_of_functions(text: str, signature: str | None) -> None:
    assert function_of(None, text).signature == (signature or "transfer(address,uint256)")


def test_what_an_indexed_argument_keeps() -> None:
    event = event_of(None, "event E(string indexed a, bytes4 indexed b, (uint8,bool) indexed c)")
    assert [one.type for one in event.parameters] == [
        BytesType(32, "string"),
        BytesType(4),
        BytesType(32, "(uint8,bool)"),
    ]
    hashed, four = keccak(text="hello"), b"\xa9\x05\x9c\xbb" + bytes(28)
    topics = [event.topic, *("0x" + one.hex() for one in (hashed, four, hashed))]
    assert event.decode(topics, "0x") == (hashed, b"\xa9\x05\x9c\xbb", hashed)


OVERLOADED = [
    {"type": "event", "name": "A", "inputs": [{"name": "x", "type": "uint256"}]},
    {"type": "event", "name": "A", "inputs": [{"name": "x", "type": "address"}]},
    {"type": "event", "name": "B", "inputs": []},
    {"type": "event", "name": "Hidden", "anonymous": True, "inputs": []},
    # what nobody asks for may be strange
    {"type": "event", "name": "C", "inputs": [{"name": "x", "type": "fixed128x18"}]},
    {"type": "function", "name": "A", "inputs": []},
    {"type": "constructor"},
    "nonsense",
]


def test_one_of_several_is_named_by_its_signature() -> None:
    assert event_of(OVERLOADED, "A(address)").signature == "A(address)"
    assert event_of(OVERLOADED, "event A( address )").signature == "A(address)"
    assert event_of(OVERLOADED, "B").signature == "B()"
    assert function_of(OVERLOADED).signature == "A()"
    assert event_of(OVERLOADED[2]).signature == "B()"


def one(type_: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "event", "name": "E", "inputs": [{"name": "x", "type": type_, **more}]}]


@pytest.mark.parametrize(
    "abi, signature, message",
    [
        (OVERLOADED, "A", "by its signature; the ABI has A(address), A(uint256)"),
        (OVERLOADED, "A(bool)", "by its signature; the ABI has A(address), A(uint256)"),
        (OVERLOADED, "Aa", "no event `Aa`; did you mean `A`?"),
        (OVERLOADED, "Hidden", "is anonymous"),
        (OVERLOADED, "C", "`fixed128x18` is no type"),
        ([], "A", "no event `A`; there is no event in it"),
        ([], "", "the ABI has no event"),
        ("text", "A", "an ABI is a JSON list"),
        ([{}] * 2_001, "A", "an ABI is a JSON list"),
        (None, "A(address)", "an event needs its ABI, or a declaration"),
        (None, "event A(address", "the end"),
        (None, "event A address", "instead of `(`"),
        (None, "event A(address indexed a b)", "`b` instead of `,`"),
        (None, "event A(address) returns (bool", None),
        (None, "event A() nonsense", "leave out `nonsense` behind the declaration"),
        (None, "event A(uint7 x)", "`uint7` is no type"),
        (None, "event A(uint08 x)", "`uint08` is no type"),
        (None, "event A(bytes33 x)", "`bytes33` is no type"),
        (None, "event A(uint256 x, bool x)", "two arguments or parts are called x"),
        (None, "event A(uint256[0] x)", "a fixed array has 1 to 65536 items"),
        (None, "event A(uint256[65537] x)", "a fixed array has 1 to 65536 items"),
        (None, "event A(() x)", "a tuple of the ABI has at least one part"),
        (None, "event A(uint256" + "[]" * 9 + " x)", "nest deeper than 8"),
        (None, "event A(" + "(" * 40, "nest deeper than 8"),
        (None, "event A(" + ",".join(["uint8"] * 65) + ")", "more than 64 arguments"),
        (None, "event A(" + ",".join(["uint8 indexed"] * 4) + ")", "at most 3 arguments"),
        (None, "event " + "A" * 65 + "()", "is none of Solidity or Vyper"),
        (None, "event A(" + " " * 5_000, "at most 4096 characters"),
        (one("uint256", name="a b"), "E", "the name `a b` is none of Solidity or Vyper"),
        (one(7), "E", "no `type`"),
        (one("tuple"), "E", "`components` of an ABI entry is a list of objects"),
        (one("tuple", components=[]), "E", "at least one part"),
        (one("uint256[x]"), "E", "is no type of the ABI"),
        (one("uint256]["), "E", "is no type of the ABI"),
        ([{"type": "event", "name": "E"}], "E", "`inputs` of an ABI entry is a list"),
        ([{"type": "event", "inputs": []}], "", "is none of Solidity or Vyper"),
    ],
)
def test_what_is_no_event_is_refused(abi: Any, signature: str, message: str | None) -> None:
    if message is None:
        assert event_of(abi, signature).signature == "A(address)"
        return
    with pytest.raises(DefinitionError) as caught:
        event_of(abi, signature)
    assert message in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "inputs", "components", "indexed", "anonymous"]),
            inner | st.sampled_from(["event", "function", "tuple", "tuple[2]", "uint8", "E"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@random_cases(300)
@given(JSON, st.sampled_from(["", "E", "E()"]) | st.text(max_size=10))
def test_any_json_is_an_event_or_refused(abi: Any, signature: str) -> None:
    for find in (event_of, function_of):
        try:
            find(abi, signature)
        except DefinitionError as error:
            assert str(error).encode()


@random_cases(300)
@given(
    st.lists(
        st.sampled_from(
            ["event ", "E", "(", ")", ",", "address", " ", "indexed", "tuple", "uint256", "[2]"]
            + ["[]", "[", "memory", "returns (", ";", "é", "\n", "bytes4", "x"]
        ),
        max_size=20,
    )
)
def test_any_words_are_a_declaration_or_refused(words: list[str]) -> None:
    for find in (event_of, function_of):
        for text in ("".join(words), "event E(" + "".join(words), "E(" + " ".join(words)):
            try:
                find(None, text)
            except DefinitionError as error:
                assert str(error).encode()


# --- decoding -------------------------------------------------------------------------------------


def names_of_types(depth: int = 3) -> st.SearchStrategy[str]:
    plain = st.sampled_from(
        ["uint256", "uint8", "int256", "int24", "address", "bool", "bytes", "bytes1", "bytes32"]
        + ["string", "uint64"]
    )
    if not depth:
        return plain
    inner = names_of_types(depth - 1)
    return st.one_of(
        plain,
        st.builds(lambda name, size: f"{name}[{size}]", inner, st.sampled_from(["", "1", "2"])),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({','.join(parts)})"),
    )


def value_of(draw: Any, type_: Any) -> Any:
    from tests.monitors.trees import values_of

    return draw(values_of(type_))


@st.composite
def encodings(draw: Any) -> tuple[list[str], list[Any], list[Any]]:
    """Names of types, types, and values of them."""
    names = draw(st.lists(names_of_types(), max_size=4))
    types = [one.type for one in function_of(None, f"f({','.join(names)})").parameters]
    return names, types, [value_of(draw, type_) for type_ in types]


@random_cases(150)
@given(encodings(), st.binary(max_size=40))
def test_what_is_encoded_is_decoded(
    case: tuple[list[str], list[Any], list[Any]], more: bytes
) -> None:
    names, types, values = case
    data = encode(names, values)
    assert decoder_of(types)(data) == tuple(values)
    assert decoder_of(types)(data + more) == tuple(values), "more data does not matter"


@random_cases(150)
@given(encodings(), st.data())
def test_changed_data_decodes_as_the_oracle_does(
    case: tuple[list[str], list[Any], list[Any]], data: st.DataObject
) -> None:
    names, types, values = case
    changed = bytearray(encode(names, values))
    for _ in range(data.draw(st.integers(1, 3))):
        if changed:
            at = data.draw(st.integers(0, len(changed) - 1))
            new = data.draw(st.sampled_from([0, 1, 31, 32, 64, 96, 128, 255]))
            changed[at] = new
    if data.draw(st.booleans()):
        del changed[data.draw(st.integers(0, len(changed))) :]
    check_against_oracle(names, types, bytes(changed))


@random_cases(150)
@given(
    encodings(),
    st.lists(st.sampled_from([0, 1, 2, 32, 64, 96, 2**256 - 1, 2**255]) | st.integers(0, 40)),
)
def test_any_words_decode_as_the_oracle_does(
    case: tuple[list[str], list[Any], list[Any]], words: list[int]
) -> None:
    names, types, _ = case
    check_against_oracle(names, types, b"".join(one.to_bytes(32) for one in words))


def check_against_oracle(names: list[str], types: list[Any], data: bytes) -> None:
    """Whatever the oracle takes, we take, with the same values; what we take beyond that decodes
    to values of the types."""
    try:
        ours: Any = decoder_of(types)(data)
    except MalformedError as error:
        ours = None
        if "upon each other" in str(error):
            return
    try:
        expected = oracle(names, data)
    except (DecodingError, UnicodeDecodeError, OverflowError):
        if ours is not None:
            encode(names, ours)
        return
    assert ours == expected


GIFT = "f((address,uint256)[],string,bytes)"


@pytest.mark.parametrize(
    "signature, data, expected",
    [
        # unused bits
        ("f(address)", b"\1" + bytes(31), None),
        ("f(uint8)", word(256), None),
        ("f(uint8)", word(255), (255,)),
        ("f(int8)", word(-128), (-128,)),
        ("f(int8)", word(-129), None),
        ("f(int8)", word(128), None),
        ("f(bool)", word(2), None),
        ("f(bytes4)", b"abcd" + bytes(27) + b"\1", None),
        # length
        ("f(uint256)", b"", None),
        ("f(uint256)", bytes(31), None),
        ("f(uint256)", bytes(33), (0,)),
        ("f()", b"", ()),
        ("f()", b"anything", ()),
        ("f(uint256[2])", bytes(63), None),
        # offsets and lengths
        ("f(bytes)", word(32) + word(1), None),
        ("f(bytes)", word(32) + word(1) + b"\7", (b"\7",)),
        ("f(bytes)", word(32) + word(2) + b"\7", None),
        ("f(bytes)", word(33) + bytes(1) + word(1) + b"\7", (b"\7",)),
        ("f(bytes)", word(2**256 - 1) + word(1) + b"\7", None),
        ("f(bytes)", word(32) + word(2**256 - 32) + b"\7", None),
        ("f(bytes)", word(0), (b"",)),
        ("f(uint256[])", word(32) + word(2) + word(5), None),
        ("f(uint256[])", word(32) + word(2**255) + word(5), None),
        # padding that is not zero
        ("f(bytes)", word(32) + word(1) + b"\7" + b"\xff" * 31, (b"\7",)),
        # two parts in one place
        ("f(bytes,bytes)", word(64) * 2 + word(1) + b"\7", (b"\7", b"\7")),
        # no UTF-8
        ("f(string)", word(32) + word(3) + b"a\xffb", ("a\ufffdb",)),
    ],
)
def test_what_soliditys_decoder_takes(signature: str, data: bytes, expected: Any) -> None:
    decode = decoder_of([one.type for one in function_of(None, signature).parameters])
    if expected is None:
        with pytest.raises(MalformedError):
            decode(data)
    else:
        assert decode(data) == expected


def nested_bomb(levels: int, words: int) -> bytes:
    """Each array's items all point to the next array: words ** levels numbers."""
    data = word(32)
    for _ in range(levels - 1):
        data += word(words) + word(32 * words) * words
    return data + word(words) + bytes(32 * words)


@pytest.mark.parametrize(
    "type_, data",
    [
        ("uint256" + "[]" * 7, nested_bomb(7, 100)),
        ("uint256[][]", nested_bomb(2, 2_000)),
        ("string[]", word(32) + word(2_000) + word(64_000) * 2_000 + word(64_000) + bytes(64_000)),
        ("bytes[4][]", word(32) + word(1_000) + word(32_000) * 1_000 + word(128) * 4 + word(9)),
        ("uint256[65536][65536][65536][65536]", bytes(100_000)),
        ("(bytes,(bytes,bytes)[])[]", word(32) + word(0) * 3_000),
        # a tuple that holds itself
        ("(uint256,bytes[])[]", word(32) + word(32) * 3_000),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_data_cannot_grow(type_: str, data: bytes) -> None:
    decode = decoder_of([one.type for one in function_of(None, f"f({type_})").parameters])
    started = time.process_time()
    try:
        assert len(repr(decode(data))) < 10 * len(data)
    except MalformedError:
        pass
    assert time.process_time() - started < 1.0


def test_decoding_an_event() -> None:
    event = event_of(None, SENT)
    data = "0x" + encode(["uint256", "string", "address"], [7, "hi", PAYEE]).hex()
    topics = (event.topic, "0x" + bytes(12).hex() + DONOR[2:])
    assert event.decode(topics, data) == (DONOR, 7, "hi", PAYEE)
    for bad_topics in (topics[:1], (*topics, topics[1]), (event.topic, "0x" + "f" * 64)):
        with pytest.raises(MalformedError):
            event.decode(bad_topics, data)
    for bad_data in ("0x", data[:-64], "0xzz" + data[4:], data[:3]):
        with pytest.raises(MalformedError):
            event.decode(topics, bad_data)


def test_decoding_a_call() -> None:
    function = function_of(None, "pay((address to, uint256 amount)[] gifts, bool)")
    gifts = ((DONOR, 5), (PAYEE, 6))
    calldata = function.selector + encode(["(address,uint256)[]", "bool"], [gifts, True]).hex()
    assert function.decode(calldata) == (gifts, True)
    assert [one.name for one in function.parameters] == ["gifts", "arg1"]
    assert function.parameters[0].type == ArrayType(
        TupleType(("to", "amount"), (ADDRESS, uint_of(256)))
    )
    with pytest.raises(MalformedError):
        function.decode(function.selector)


def test_integers_know_their_bounds() -> None:
    types = [one.type for one in function_of(None, "f(uint16,int16)").parameters]
    assert types == [IntegerType(0, 65_535, "uint16"), IntegerType(-32_768, 32_767, "int16")]
