"""The condition language: what it means, and what it refuses with which words."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from donablock.errors import ConditionError
from donablock.monitors.conditions import (
    ADDRESS,
    BOOL,
    BYTES,
    LIMITS,
    STRING,
    UNDEFINED,
    ArrayType,
    BytesType,
    Condition,
    Expression,
    Schema,
    SchemaField,
    TupleType,
    bytes_of,
    int_of,
    uint_of,
)
from donablock.monitors.conditions.compiler import compiled, to_ast, verify
from donablock.monitors.conditions.tree import Literal

TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
DONOR = "0x" + "d0" * 20
GIFT = TupleType(("to", "amount", "any"), (ADDRESS, uint_of(256), BOOL))
SCHEMA = Schema(
    [
        SchemaField("value", uint_of(256)),
        SchemaField("from", ADDRESS),
        SchemaField("memo", STRING),
        SchemaField("is_open", BOOL),
        SchemaField("data", BYTES),
        SchemaField("selector", bytes_of(4)),
        SchemaField("amounts", ArrayType(uint_of(256))),
        SchemaField("gifts", ArrayType(GIFT)),
        SchemaField("gift", GIFT),
        SchemaField("tick", int_of(24)),
        SchemaField("small", uint_of(8)),
        SchemaField("pair", ArrayType(uint_of(8), 2)),
        SchemaField("tags", ArrayType(STRING)),
        SchemaField("grid", ArrayType(ArrayType(uint_of(8)))),
        SchemaField("title", BytesType(32, "string")),
        SchemaField("block.number", uint_of(64)),
        SchemaField("args.any", BOOL),
        SchemaField("any_", BOOL, aliases=("args.not",)),
    ],
    {"USDC": 6},
)
VALUES: dict[str, Any] = {
    "value": 1_500_000_000_000_000_000,
    "from": TOKEN.lower(),
    "memo": "for the school",
    "is_open": True,
    "data": bytes.fromhex("a9059cbb00"),
    "selector": bytes.fromhex("a9059cbb"),
    "amounts": (5, 10, 15),
    "gifts": ((DONOR, 7, True), (TOKEN.lower(), 9, False)),
    "gift": (DONOR, 7, True),
    "tick": -7,
    "small": 200,
    "pair": (1, 2),
    "tags": ("red", "green"),
    "grid": ((1, 2), (), (3,)),
    "title": bytes(32),
    "block.number": 17,
    "args.any": False,
    "any_": True,
}
ROW = tuple(VALUES[field.name] for field in SCHEMA.fields)


def matches(text: str) -> bool:
    answer = Condition.read(text, SCHEMA).value(ROW)
    assert answer is True or answer is False
    return answer


@pytest.mark.parametrize(
    "text, expected",
    [
        # numbers and units
        ("value == 1.5 ether", True),
        ("value == 1.5ether", True),
        ("value == 1_500_000_000 gwei", True),
        ("value == 1_500_000_000_000_000_000 wei", True),
        ("value > 1_499_999_999_999_999_999", True),
        ("value > 1_500_000_000_000_000_000", False),
        ("value == 1_500_000_000_000 USDC", True),
        ("value == 1_500_000_000_000 units(6)", True),
        ("value == 1.5 units(18)", True),
        ("block.number == 17 seconds", True),
        ("block.number < 0.5 minutes", True),
        ("value % 1 ether == 500_000_000 gwei", True),
        ("value // 1 ether == 1", True),
        ("value - 1 ether == 0.5 ether", True),
        ("small * small * 2 == 80_000", True),
        ("small + small == 400", True),
        ("2 + 3 * 4 - 1 == small - 187", True),
        ("(2 + 3) * 4 == small // 10", True),
        ("tick == -7", True),
        ("-tick == 7", True),
        ("- - tick == -7", True),
        # rounding down, and the rest on the divisor's side
        ("tick // 2 == -4", True),
        ("tick % 2 == 1", True),
        ("tick // (0 - 2) == 3", True),
        ("tick % -2 == -1", True),
        # truth
        ("is_open", True),
        ("not is_open", False),
        ("not not is_open", True),
        ("is_open == true", True),
        ("is_open != args.any", True),
        ("(value > 5) == is_open", True),
        ("args.any", False),
        ("args.not", True),
        ("args.any or is_open and value == 0", False),
        ("(args.any or is_open) and value != 0", True),
        ("not args.any and is_open", True),
        # without the order from the left this would divide by zero
        ("value == 0 or 10 // value == 0", True),
        # addresses and bytes
        (f"from == {TOKEN}", True),
        (f"from == {TOKEN.lower()}", True),
        (f"from == 0x{TOKEN[2:].upper()}", True),
        (f"{DONOR} == from", False),
        (f"from in [{DONOR}, {TOKEN}]", True),
        (f"from not in [{DONOR}, {TOKEN}]", False),
        ("selector == 0xA9059CBB", True),
        ("data starts_with 0xa9059cbb", True),
        ("data starts_with selector", True),
        ("data ends_with 0xbb00", True),
        ("data contains 0x059c", True),
        # half bytes do not count
        ("data contains 0x9059", False),
        ("data == 0x", False),
        ("data.length == 5", True),
        # strings
        ('memo == "for the school"', True),
        ("memo == 'for the school'", True),
        ('memo starts_with "for"', True),
        ('memo ends_with "School"', False),
        ('memo contains "the"', True),
        ('memo contains "\\u{74}he"', True),
        ('memo in ["a", "for the school"]', True),
        # arrays and tuples
        ("amounts.length == 3", True),
        ("amounts[2] == 15", True),
        ("10 in amounts", True),
        ("value in amounts", False),
        ("value not in amounts", True),
        ("any(x in amounts: x > 10)", True),
        ("all(x in amounts: x > 10)", False),
        ("all(x in amounts: x % 5 == 0)", True),
        ("any(x in amounts: x == small - 190)", True),
        ("gift.to == 0xd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0", True),
        ("gift.any", True),
        ("gifts[1].amount == 9", True),
        (f"any(g in gifts: g.to == {TOKEN} and g.amount >= 9 and not g.any)", True),
        (f"any(g in gifts: g.to == {TOKEN} and g.any)", False),
        ("any(x in gifts: x.amount in [8, 9])", True),
        ('any(t in tags: t starts_with "gr")', True),
        ("any(row in grid: any(x in row: x == 3))", True),
        ("all(row in grid: all(x in row: x < 3))", False),
        ("any(row in grid: row.length == 0)", True),
        # of no items all hold and none does
        ("all(x in grid[1]: x == 9)", True),
        ("any(x in grid[1]: x < 9)", False),
        ("title == 0x0000000000000000000000000000000000000000000000000000000000000000", True),
    ],
)
def test_meaning(text: str, expected: bool) -> None:
    assert matches(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "10 // (value - 1.5 ether) == 1",
        "10 % (value - 1.5 ether) == 1",
        "not (10 // (value - 1.5 ether) == 1)",
        "amounts[3] == 1",
        "not (amounts[3] == 1)",
        "any(row in grid: row[0] == 3)",
    ],
)
def test_without_a_value_a_condition_is_undefined(text: str) -> None:
    with pytest.raises(UNDEFINED):
        Condition.read(text, SCHEMA).value(ROW)


def test_numbers_are_exact_beyond_any_float() -> None:
    condition = Condition.read(f"value == {2**200 + 1}", SCHEMA)
    for value, expected in ((2**200, False), (2**200 + 1, True)):
        assert condition.value((value, *ROW[1:])) is expected
    product = Condition.read("value * value * value * value == 1", SCHEMA)
    assert product.value((2**256 - 1, *ROW[1:])) is False
    assert product.value((1, *ROW[1:])) is True


@pytest.mark.parametrize(
    "text, found, expected, mend",
    [
        # names
        ("|vlaue > 1", "`vlaue`", "a field", "did you mean `value`?"),
        ("|Value > 1", "`Value`", "a field", "did you mean `value`?"),
        ("|zzzzzz > 1", "`zzzzzz`", "a field", "known here: value, from, memo"),
        ("|block.nubmer > 1", "`block.nubmer`", "a field", "did you mean `block.number`?"),
        ("block |> 1", "`>`", "`.` and a name", "write one of block.number"),
        ("|ether > 1", "`ether`", "a field", "a unit stands behind a number: `1 ether`"),
        ("is_open |AND is_open", "`AND`", "an operator, or the end", "did you mean `and`?"),
        ("|Not is_open", "`Not`", "a field", "write `not` in small letters"),
        ("|max(1) > 1", "`max`", "a field", "there are no calls here"),
        ("value|(1) > 1", "`(`", "an operator, or the end", "there are no calls here"),
        ("gift.|amuont > 1", "`amuont`", "a part of `gift`", "did you mean `amount`?"),
        ("value.|x > 1", "`.x`", "no part: it is a number (uint256)", "leave `.x` out"),
        ("amounts.|x > 1", "`.x`", "no part: it is an array", "`any(x in amounts: ...)`"),
        ("memo.|length > 1", "`.length`", "no part: it is a string", "leave `.length` out"),
        ("|gift", "a tuple (to, amount, any)", "a comparison", "to, amount, any"),
        # numbers and units
        ("value > 1 |eth", "`eth`", "a unit or an operator", "did you mean `ether`?"),
        ("value > 1 |usdc", "`usdc`", "a unit or an operator", "did you mean `USDC`?"),
        ("value > 1|e18", "`e18`", "a unit or an operator", "write the zeros"),
        ("value > |1.5", "`1.5`", "a whole number", "add a unit, such as `1.5 ether`"),
        ("value > |0.5 wei", "`0.5 wei`", "a whole number", "counts 1 of the smallest unit"),
        ("value > |1__0", "`1__0`", "digits, with single underscores", "1_000_000"),
        ("value > |1._5 ether", "`1._5`", "digits, with single underscores", "1_000_000"),
        ("value > 1 units|", "the end", "`(`", "`100 units(6)`"),
        ("value > 1 units(|x)", "`x`", "a number from 0 to 77", "`100 units(6)`"),
        ("value > 1 units(|78)", "`78`", "a number from 0 to 77", "no token has more"),
        ("value > |.5 ether", "`.`", "a value", "a digit before the point"),
        ("value > |" + "9" * 310, "a number of 310 digits", "at most 309", "a uint256 has no"),
        ("value > |" + "9" * 309, "a number of 1027 bits", "at most 1024", "a uint256 has no"),
        ("value > 1 |000", "`000`", "an operator, or the end", "join conditions"),
        ("value > |0xff", "bytes1", "a number (uint256)", "in decimal: 255"),
        # operators
        ("value |= 1", "the character `=`", "an operator", "write `==` to compare"),
        ("|! is_open", "the character `!`", "an operator", "write `not`, or `!=`"),
        ("is_open |&& is_open", "the character `&`", "an operator", "write `and`"),
        ("is_open || is_open", "the character `|`", "an operator", "write `or`"),
        ("value |/ 2 > 1", "the character `/`", "an operator", "`//`"),
        ("value *|* 2 > 1", "`*`", "a value", "there are no powers"),
        ("value |^ 2 > 1", "the character `^`", "an operator", "there are no powers"),
        ("1 < value |< 5", "`<`", "`and`, `or`, or the end", "`1 < x and x < 5`"),
        ("value in [1] |in [2]", "`in`", "`and`, `or`, or the end", "two things at a time"),
        ("value not |5", "`5`", "`in`", "`x not in [1, 2]`"),
        ("value > 1 and|", "the end", "a value", "write a field, a number"),
        ("(value > 1|", "the end", "`)`", "close the parenthesis"),
        ("value > 1|)", "`)`", "an operator, or the end", "leave it out"),
        ("value > |not is_open", "`not`", "a value", "between parentheses"),
        ("value > 1 |value < 5", "`value`", "a unit or an operator", "known here: wei"),
        ("|", "the end", "a value", "write a field"),
        ("value > 1|; value < 5", "the character `;`", "an operator", "`and` or `or`"),
        # types
        ("|value", "a number (uint256)", "a comparison", "`value > 0`"),
        ("|amounts", "an array", "a comparison", "`any(x in amounts: ...)`"),
        ("|from", "an address", "a comparison", "`from == ...`"),
        ("not |value", "a number (uint256)", "a comparison", "`value > 0`"),
        ("from == |1", "`1`, a number", "an address, as `from` is", "40 hexadecimal digits"),
        ("from == |'x'", "a string", "an address, as `from` is", "without quotes"),
        ("from == |value", "a number (uint256)", "an address, as `from` is", "of one type"),
        ("from > |0x00", "bytes1", "an address, as `from` is", "40 hexadecimal digits"),
        (f"|from > {TOKEN}", "`from`, an address", "numbers on both sides of `>`", "== or !="),
        ("|is_open > true", "true or false", "numbers on both sides of `>`", "use == or !="),
        ("|from + 1 == 2", "an address", "a number", "only numbers are calculated with"),
        ("-|memo == 2", "a string", "a number", "only numbers are calculated with"),
        ("memo == |0x12", "bytes1", "a string, as `memo` is", "between double quotes"),
        ("selector == |'abcd'", "a string", "bytes4, as `selector` is", "0x61626364"),
        ("selector == |'abcde'", "a string", "bytes4", "does not fit into 4 bytes"),
        ("selector == |0x12", "bytes1", "bytes4", "0x12000000, or use starts_with"),
        ("selector == |0x1234567890", "bytes5", "bytes4", "0x and 8 hexadecimal digits"),
        ("is_open == |1", "a number", "true or false", "write true or false"),
        ("title == |'foo'", "a string", "the keccak-256 of a string", "0x41b1a0649752af1b"),
        ("|title starts_with 0x00", "keccak-256", "text or bytes", "keeps only the hash"),
        ("|amounts == amounts", "an array", "one value", "`any(x in amounts: x == ...)`"),
        ("|gift == gift", "a tuple", "one value", "compare its parts"),
        ("amounts == |5", "a number", "an array", "any(...) or all(...)"),
        ("|true", "true or false", "a comparison with a field", "leave it out"),
        ("is_open and |true", "true or false", "a comparison with a field", "leave it out"),
        ("|1 == 1", "two written values", "a field on one side", "leave the comparison out"),
        # never or always true
        ("|small == 300", "never true", "may be true or false", "(uint8) lies between 0 and 255"),
        ("|value >= 0", "always true", "may be true or false", "between 0 and 2^256 - 1"),
        ("|value < 0", "never true", "may be true or false", "`0` is 0"),
        ("|tick != 8388608", "always true", "may be true", "-8388608 and 8388607"),
        ("|small + 1 > 256", "never true", "may be true or false", "is a unit missing"),
        ("|small == 1 ether", "never true", "may be true or false", "1000000000000000000"),
        ("small in [1, |300]", "`300`", "a value that `small` can have", "0 and 255"),
        ("data starts_with |0x", "bytes0", "at least one character", "always or never true"),
        ("selector contains |0x1234567890", "bytes5", "between 1 and 4 bytes", "never true"),
        # division
        ("value // |0 == 1", "zero", "a divisor that is not zero", "something else"),
        ("value % (|1 - 1) == 1", "zero", "a divisor that is not zero", "something else"),
        # literals
        (f"from == |{TOKEN[:-1]}4", "f64180aa4`", "whose capitals are its checksum", "mistyped"),
        ("data == |0x123", "`0x123`", "an even number", "every byte has two digits"),
        ("data == |0x12g4", "`0x12g4`", "an even number", "only 0 to 9 and a to f"),
        ("data == |0XAB", "`0XAB`", "an even number", "write 0xAB"),
        ('memo == |"abc', "a string without its end", 'a closing "', "\\n for a line end"),
        ('memo == |"a\nb"', "a string without its end", 'a closing "', "\\n for a line end"),
        ('memo == "a|\\xb"', "the escape `\\x`", "\\u{...}", "a backslash itself"),
        ('memo == "|\\u{d800}"', "the escape", "the number of a character", "a backslash"),
        ('memo == "a|\ud800"', "half a character: `\\ud800`", "whole characters", "UTF-8"),
        ("value > |\u0663", "the character `\u0663`", "a value", "between quotes"),
        ("value > 1 |\x00", "the character `\\x00`", "an operator", "leave it out"),
        ('memo == |"' + "é" * 129 + '"', "a string of 258 bytes", "at most 256", "starts_with"),
        ("data == |0x" + "ab" * 257, "257 bytes", "at most 256", "starts_with"),
        # lists and arrays
        ("value in [|]", "`]`", "a value", "at least one"),
        ("value in [1, 2|", "the end", "`]`", "separate the values"),
        ("value in [1 |2]", "`2`", "`]`", "with commas"),
        ("value in [|small]", "`small`", "a written value", "joined with `or`"),
        ("value in |small", "a number (uint8)", "a list or an array", "`x in [1, 2]`"),
        ("'a' in |memo", "a string", "a list or an array", "`memo contains 'a'`"),
        ("|amounts contains 5", "an array", "text or bytes", "write `5 in amounts`"),
        ("|value contains 5", "a number", "text or bytes", "strings and bytes only"),
        ("|1 in [1, 2]", "`1`, a number", "a field before `in`", "compare a field"),
        ("|amounts in [1]", "an array", "one value before `in`", "any(...)"),
        ("5 in |gifts", "an array", "an array of single values", "`any(x in gifts: ...)`"),
        ("|from in amounts", "an address", "a number (uint256), as the items", "one type"),
        ("|'x' starts_with memo", "a string", "a field before `starts_with`", "field first"),
        ("pair[|2] == 1", "item `2`", "0 to 1", "counted from 0"),
        ("amounts[|-1] == 1", "`-`", "a number", "`amounts[0]`"),
        ("amounts[|value] == 1", "`value`", "a number", "counted from 0"),
        ("amounts[0 |== 1", "`==`", "`]`", "close the bracket"),
        ("|value[0] == 1", "a number", "an array before `[`", "only arrays have items"),
        ("|[1] == value", "`[`", "a value", "a list stands after `in`"),
        # any and all
        ("any |x in amounts: x > 0", "`x`", "`(`", "`any(x in amounts: x > 0)`"),
        ("any(|amounts > 0)", "`amounts`", "a new name", "another thing has that name"),
        ("any(x |> 0)", "`>`", "`in`", "`any(x in amounts: x > 0)`"),
        ("any(x in amounts|, x > 0)", "`,`", "`:`", "`any(x in amounts: x > 0)`"),
        ("any(x in |value: x > 0)", "a number", "an array", "go over the items"),
        ("any(x in amounts: x > 0|", "the end", "`)`", "close the parenthesis"),
        ("any(x in grid: any(|x in x: x > 0))", "`x`", "a new name", "take a short one"),
        ("any(|in in amounts: x > 0)", "`in`", "a name for the item", "`any(x in amounts"),
        ("any(x in amounts: x > 0) and |x > 0", "`x`", "a field", "known here"),
        ("any(x in amounts: |x)", "a number", "a comparison", "`x > 0`"),
        # what would take the product of two lengths
        ("any(x in amounts: |memo contains 'a')", "`memo`", "something of `x`", "move this"),
        ("any(x in amounts: x in |amounts)", "`amounts`", "something of `x`", "move this"),
        ("any(x in amounts: any(y in |amounts: y > x))", "`amounts`", "of `x`", "move this"),
        ("any(x in tags: |memo == x)", "`memo`", "something of `x`", "move this"),
        ("any(r in grid: any(x in r: 1 in |r))", "`r`", "something of `x`", "move this"),
    ],
)
def test_a_fault_says_where_what_and_how_to_mend_it(
    text: str, found: str, expected: str, mend: str
) -> None:
    # `|` marks the place, except where the text itself has it
    place = text.rindex("||") if "||" in text else text.find("|")
    source = text.replace("||", "|") if "||" in text else text.replace("|", "", 1)
    with pytest.raises(ConditionError) as caught:
        Condition.read(source, SCHEMA)
    fault = caught.value
    assert fault.position == place, str(fault)
    assert found in fault.found
    assert expected in fault.expected
    assert mend in fault.mend
    assert str(fault) == (
        f"character {place + 1}: found {fault.found}, expected {fault.expected}; {fault.mend}"
    )


def deep(levels: int) -> str:
    return "(" * levels + "is_open" + ")" * levels


@pytest.mark.parametrize(
    "fits, does_not, fault",
    [
        (deep(62), deep(64), "at most 64"),
        ("not " * 62 + "is_open", "not " * 64 + "is_open", "at most 64"),
        ("value" + " + 1" * 62 + " > 100", "value" + " + 1" * 64 + " > 100", "at most 64"),
        ("value * value * value * value > 1", "value" + " * value" * 4 + " > 1", "1024 bits"),
        (" or ".join(["value == 1"] * 127), " or ".join(["value == 1"] * 171), "at most 512"),
        (
            "value in [" + ", ".join(map(str, range(256))) + "]",
            "value in [" + ", ".join(map(str, range(257))) + "]",
            "at most 256 values",
        ),
        (
            "any(x in amounts: " + " or ".join(["x == 1"] * 20) + ")",
            "any(x in amounts: " + " or ".join(["x == 1"] * 22) + ")",
            "at most 64 parts within any(...)",
        ),
        ("value > 1".ljust(4_096), "value > 1".ljust(4_097), "at most 4096"),
    ],
    ids=["parentheses", "not", "chain", "bits", "parts", "options", "body", "characters"],
)
def test_limits(fits: str, does_not: str, fault: str) -> None:
    Condition.read(fits, SCHEMA).value(ROW)
    with pytest.raises(ConditionError) as caught:
        Condition.read(does_not, SCHEMA)
    assert fault in caught.value.expected


def test_any_and_all_nest_three_times() -> None:
    cube = ArrayType(ArrayType(ArrayType(ArrayType(uint_of(8)))))
    schema = Schema([SchemaField("cube", cube)])
    three = "any(a in cube: all(b in a: any(c in b: c.length > 2)))"
    assert Condition.read(three, schema).value((((((1, 2, 3),),),),)) is True
    with pytest.raises(ConditionError, match="at most 3"):
        Condition.read("any(a in cube: all(b in a: any(c in b: any(d in c: d > 2))))", schema)


def test_the_canonical_text() -> None:
    for text, canonical in {
        "value>1.5ether": "value > 1500000000000000000",
        f"from == {TOKEN.lower()}": f"from == {TOKEN}",
        "((is_open)) and (is_open and args.not)": "is_open and is_open and any_",
        "not (is_open or is_open)": "not (is_open or is_open)",
        "value - (1 + 1) - (value - 1) > -3": "value - 2 - (value - 1) > -3",
        "memo == 'it''s'": None,
        "memo == 'say \"\\u{0}\"'": 'memo == "say \\"\\u{0}\\""',
        "value in [1, 2, 1]": "value in [1, 2]",
    }.items():
        if canonical is None:
            with pytest.raises(ConditionError):
                Condition.read(text, SCHEMA)
        else:
            assert Condition.read(text, SCHEMA).text == canonical


def test_the_fields_that_are_read() -> None:
    condition = Condition.read("any(x in amounts: x > small) and args.not", SCHEMA)
    assert condition.fields == {"amounts", "small", "any_"}


def test_an_expression_has_a_type() -> None:
    expression = Expression.read("value // 2 + small", SCHEMA)
    assert expression.value((10, *ROW[1:])) == 205
    assert expression.type.high == (2**256 - 1) // 2 + 255  # type: ignore[union-attr]
    assert Expression.read("gift.to", SCHEMA).type == ADDRESS


@pytest.mark.parametrize(
    "code",
    [
        "lambda values: values.clear()",
        "lambda values: open('x')",
        "lambda values: values[values]",
        "lambda values: values[0:1]",
        "lambda values: [].append(1)",
        "lambda values: any(x for x in values[0] if x)",
        "lambda values: any(*values)",
        "lambda values: len(values, key=1)",
        "lambda values: len",
        "lambda values: values[0] ** 2",
        "lambda values: 1.5",
        "lambda values: (1, 2)",
        "lambda values: None",
        "lambda other: 1",
        "lambda values, *more: 1",
        "lambda values: f'{values}'",
        "lambda values: (item0 := 1)",
        "lambda values: values if values else 1",
        "lambda values: __builtins__",
        "lambda values: (lambda: 1)()",
        "lambda values: values[-1]",
        "lambda values: lambda values: 1",
        "lambda values=1: 1",
        "lambda values: any(1)",
        "lambda values: values",
        "lambda values: len(x for x in values[0])",
        "lambda values: any(item0 for item1 in values[0] for item1 in values[1])",
        "lambda values: len(values[0], values[1], values[2])",
        "lambda values: 1 < values[0] < 2",
        "1",
    ],
)
def test_no_other_code_is_let_through(code: str) -> None:
    with pytest.raises(AssertionError, match="a condition became"):
        verify(ast.parse(code, mode="eval"))


@pytest.mark.parametrize("value", [1.5, None, [1], (1,), compile("1", "", "eval")])
def test_a_tree_with_anything_else_in_it_is_not_compiled(value: Any) -> None:
    with pytest.raises(AssertionError, match="a condition became"):
        compiled(Literal(value, BOOL))


def test_generated_code_knows_no_builtins() -> None:
    function = compiled(Condition.read("value > 1", SCHEMA).tree)
    names = function.__globals__  # type: ignore[attr-defined]
    assert names["__builtins__"] == {}
    assert set(names) - {"__builtins__"} == {
        *("any", "all", "len"),
        *(f"{kind}_{end}" for kind in ("string", "bytes") for end in ("starts_with", "ends_with")),
    }


def test_strings_reach_python_as_constants() -> None:
    hostile = "__import__('os').system('x')"
    code = to_ast(Condition.read(f'memo == "{hostile}"', SCHEMA).tree)
    found = [node for node in ast.walk(code) if isinstance(node, ast.Constant)]
    assert hostile in [node.value for node in found]
    assert hostile not in [node.id for node in ast.walk(code) if isinstance(node, ast.Name)]


def test_a_schema_has_each_name_once() -> None:
    with pytest.raises(ValueError, match="two fields"):
        Schema([SchemaField("a", BOOL), SchemaField("b", BOOL, aliases=("a",))])
    with pytest.raises(ValueError, match="both a field and the start"):
        Schema([SchemaField("a", BOOL), SchemaField("a.b", BOOL)])


def test_the_limits_are_those_of_the_documents() -> None:
    assert LIMITS.integer_bits == 4 * 256
