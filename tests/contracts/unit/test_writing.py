"""The modules that receipts are written with: Base64, figures, dates, names, goals, token facts."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

import boa
import pytest
from eth_utils import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts import deployers, oddities

DAY = 86_400
FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIMESTAMP = 2**37 - 1
LARGEST_AMOUNT = 2**96 - 1
MAX_DECIMALS = 36
SAFE = b"$+-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
# more than two calls at a token's gas limit, with what is done around them
ENOUGH_GAS = 300_000

GOALS = [
    ("No Poverty", "E5243B"),
    ("Zero Hunger", "DDA63A"),
    ("Good Health and Well-being", "4C9F38"),
    ("Quality Education", "C5192D"),
    ("Gender Equality", "FF3A21"),
    ("Clean Water and Sanitation", "26BDE2"),
    ("Affordable and Clean Energy", "FCC30B"),
    ("Decent Work and Economic Growth", "A21942"),
    ("Industry, Innovation and Infrastructure", "FD6925"),
    ("Reduced Inequalities", "DD1367"),
    ("Sustainable Cities and Communities", "FD9D24"),
    ("Responsible Consumption and Production", "BF8B2E"),
    ("Climate Action", "3F7E44"),
    ("Life Below Water", "0A97D9"),
    ("Life on Land", "56C02B"),
    ("Peace, Justice and Strong Institutions", "00689D"),
    ("Partnerships for the Goals", "19486A"),
]


@pytest.fixture(scope="module")
def writer():
    return deployers.WRITER.deploy()


# --- Base64 ---


@pytest.mark.parametrize("size", [*range(201), 1_023, 1_024, 1_025, 15_358, 15_359, 15_360])
def test_base64_is_pythons_at_every_length(writer, size):
    data = random.Random(size).randbytes(size)
    assert writer.encode(data) == base64.b64encode(data).decode()


@pytest.mark.parametrize("byte", [0x00, 0x14, 0xFB, 0xFF])
@pytest.mark.parametrize("size", [1, 2, 3, 22, 23, 24, 25])
def test_base64_padding_is_right_whatever_the_last_letter(writer, byte, size):
    data = bytes([byte]) * size
    assert writer.encode(data) == base64.b64encode(data).decode()


def test_base64_writes_every_letter(writer):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for start in range(64):
        turned = letters[start:] + letters[:start]
        assert writer.encode(base64.b64decode(turned)) == turned


# --- hexadecimal ---


@settings(deadline=None, max_examples=100)
@given(word=st.binary(min_size=32, max_size=32))
def test_words_are_written_in_hexadecimal(writer, word):
    assert writer.hex32(word) == "0x" + word.hex()


@settings(deadline=None, max_examples=300)
@given(account=st.binary(min_size=20, max_size=20))
def test_addresses_carry_the_checksum_of_erc_55(writer, account):
    assert writer.checksummed("0x" + account.hex()) == to_checksum_address(account)


@pytest.mark.parametrize("account", [b"\0" * 20, b"\xff" * 20, b"\xaa" * 20, bytes(range(20))])
def test_addresses_at_the_edges_carry_it_too(writer, account):
    assert writer.checksummed("0x" + account.hex()) == to_checksum_address(account)


@pytest.mark.parametrize("digits", [40, 64])
def test_a_shortened_word_keeps_its_beginning_and_its_end(writer, digits):
    word = "0x" + "0123456789abcdef" * 4
    word = word[: digits + 2]
    assert writer.short(word) == f"{word[:10]}...{word[-8:]}"


# --- amounts ---


def exact(amount: int, decimals: int) -> tuple[int, str]:
    """What `split` has to say, by way of Decimal."""
    with localcontext() as context:
        context.prec = 80
        written = f"{Decimal(amount).scaleb(-decimals):f}"
    whole, _, fraction = written.partition(".")
    fraction = fraction.rstrip("0")
    return int(whole), f".{fraction}" if fraction else ""


@pytest.mark.parametrize("decimals", range(MAX_DECIMALS + 1))
def test_amounts_are_exact_at_every_number_of_decimals(writer, decimals):
    one = 10**decimals
    edges = [0, 1, 9, 10, one - 1, one, one + 1, 15 * one // 10, 1_000_000 * one, LARGEST_AMOUNT]
    for amount in edges:
        if amount <= LARGEST_AMOUNT:
            assert writer.split(amount, decimals) == exact(amount, decimals), amount


@settings(deadline=None, max_examples=300)
@given(amount=st.integers(0, LARGEST_AMOUNT), decimals=st.integers(0, MAX_DECIMALS))
def test_amounts_are_exact_anywhere(writer, amount, decimals):
    assert writer.split(amount, decimals) == exact(amount, decimals)


@pytest.mark.parametrize("digits", range(1, 30))
def test_whole_numbers_have_a_comma_every_three_digits(writer, digits):
    for number in (10 ** (digits - 1), 10**digits - 1, int(("1203" * 8)[:digits])):
        assert writer.grouped(number) == f"{number:,}"


def test_zero_is_one_digit(writer):
    assert (writer.grouped(0), writer.digits(0)) == ("0", "0")


def test_numbers_of_128_bits_are_written(writer):
    assert writer.digits(2**128 - 1) == str(2**128 - 1)
    with boa.reverts():
        writer.digits(2**128)


# --- dates ---


def day_of(timestamp: int) -> str:
    return (FIRST_DAY + timedelta(seconds=timestamp)).strftime("%Y-%m-%d")


@pytest.mark.parametrize("year", [1970, 1999, 2000, 2023, 2024, 2026, 2028, 2099, 2100, 2400, 6324])
def test_every_month_begins_and_ends_on_its_day(writer, year):
    for month in range(1, 13):
        first = int((datetime(year, month, 1, tzinfo=UTC) - FIRST_DAY).total_seconds())
        for timestamp in (first - 1, first, first + DAY - 1):
            if timestamp >= 0:
                assert writer.date(timestamp) == day_of(timestamp)


@pytest.mark.parametrize("year", [2000, 2024, 2400])
def test_leap_years_have_the_29th_of_february(writer, year):
    last = int((datetime(year, 2, 29, tzinfo=UTC) - FIRST_DAY).total_seconds())
    assert writer.date(last) == f"{year}-02-29"
    assert writer.date(last + DAY) == f"{year}-03-01"


@pytest.mark.parametrize("year", [2023, 2100, 2200])
def test_other_years_do_not(writer, year):
    first_of_march = int((datetime(year, 3, 1, tzinfo=UTC) - FIRST_DAY).total_seconds())
    assert writer.date(first_of_march - 1) == f"{year}-02-28"


@settings(deadline=None, max_examples=500)
@given(timestamp=st.integers(0, LAST_TIMESTAMP))
def test_dates_are_pythons(writer, timestamp):
    assert writer.date(timestamp) == day_of(timestamp)


# --- names ---


def safe(raw: bytes) -> str:
    """What `safe_name` has to make of a name."""
    letters: list[str] = []
    was_safe = True
    for byte in raw:
        is_safe = byte in SAFE
        if is_safe or was_safe:
            letters.append(chr(byte) if is_safe else "?")
        was_safe = is_safe
    name = "".join(letters)
    return name if len(name) <= 16 else name[:14] + ".."


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"", ""),
        (b"USDC", "USDC"),
        (b"UNI-V2", "UNI-V2"),
        (b"USDC.e", "USDC.e"),
        (b"USD\xe2\x82\xae0", "USD?0"),
        (b"\xe2\x80\xaeCDSU", "?CDSU"),
        (b"</text><script>", "?/text?script?"),
        (b'","image":"', "?image?"),
        (b"&lt;b&gt;", "?lt?b?gt?"),
        (b"A\r\n\tB\\u0022", "A?B?u0022"),
        (b"\0\0\0", "?"),
        (b"SIXTEEN-LETTERS_", "SIXTEEN-LETTERS_"),
        (b"SEVENTEEN-LETTERS", "SEVENTEEN-LETT.."),
        (b"A" * 32, "A" * 14 + ".."),
        (b"A" * 15 + b"<>", "A" * 15 + "?"),
        (b"A" * 16 + b"<>", "A" * 14 + ".."),
    ],
)
def test_names_come_out_harmless(writer, raw, name):
    assert safe(raw) == name
    assert writer.safe_name(raw) == name


@pytest.mark.parametrize("byte", range(256))
def test_a_character_is_itself_or_a_question_mark(writer, byte):
    assert writer.safe_name(bytes([byte])) == (chr(byte) if byte in SAFE else "?")


@settings(deadline=None, max_examples=300)
@given(raw=st.binary(max_size=32))
def test_no_name_holds_an_unsafe_character(writer, raw):
    assert writer.safe_name(raw) == safe(raw)


# --- goals ---


@pytest.mark.parametrize("goal", range(1, 18))
def test_every_goal_has_its_name_and_its_colour(writer, goal):
    assert (writer.goal_name(goal), writer.goal_colour(goal)) == GOALS[goal - 1]


@pytest.mark.parametrize("goal", [0, 18])
def test_there_is_no_other_goal(writer, goal):
    for ask in (writer.goal_name, writer.goal_colour):
        with boa.reverts():
            ask(goal)


# --- what a token says of itself ---

STRANGE_SYMBOLS = {
    "an account": None,
    "nothing": oddities.SILENT,
    "a revert": oddities.REVERTING,
    "all its gas": oddities.BURNING,
    "a megabyte": oddities.MEGABYTE,
    "64 kB of zeros": oddities.LONG_ZEROS,
    "one byte": oddities.answer(b"A"),
    "31 bytes": oddities.answer(b"A" * 31),
    "33 bytes": oddities.answer(b"A" * 33),
    "an offset and a length alone": oddities.answer(
        (32).to_bytes(32, "big") + (4).to_bytes(32, "big")
    ),
    "another offset": oddities.answer(
        (64).to_bytes(32, "big") + (4).to_bytes(32, "big") + b"USDC".ljust(32, b"\0")
    ),
    "a wrapping offset": oddities.answer(
        (2**256 - 32).to_bytes(32, "big") + (4).to_bytes(32, "big") + b"USDC".ljust(32, b"\0")
    ),
    "an empty string": oddities.text(b""),
    "an empty bytes32": oddities.answer(b"\0" * 32),
}


@pytest.mark.parametrize("kind", STRANGE_SYMBOLS)
def test_a_token_without_a_readable_symbol_is_a_token(writer, stranger, kind):
    code = STRANGE_SYMBOLS[kind]
    asset = stranger if code is None else oddities.token(symbol=code)
    assert writer.symbol_of(asset, gas=ENOUGH_GAS) == "token"


@pytest.mark.parametrize(
    ("code", "symbol"),
    [
        (oddities.text(b"USDC"), "USDC"),
        (oddities.text(b"A" * 32), "A" * 14 + ".."),
        (oddities.text(b"A" * 500), "A" * 14 + ".."),
        (oddities.text(b"USD\0\0\0C"), "USD?C"),
        (oddities.text(b"<svg onload='x'>"), "?svg?onload?x?"),
        # Maker's, and others' of 2017
        (oddities.answer(b"MKR".ljust(32, b"\0")), "MKR"),
        (oddities.answer(b"MKR\0hidden".ljust(32, b"\0")), "MKR"),
        (oddities.answer(b"B" * 32), "B" * 14 + ".."),
        # a length that is not true: what lies there is read, and nothing beyond
        (
            oddities.answer((32).to_bytes(32, "big") + b"\xff" * 32 + b"USDC<".ljust(32, b"\0")),
            "USDC?",
        ),
    ],
)
def test_symbols_are_read_from_strings_and_words(writer, code, symbol):
    assert writer.symbol_of(oddities.token(symbol=code), gas=ENOUGH_GAS) == symbol


def test_a_real_token_is_read(writer, stablecoin):
    assert writer.symbol_of(stablecoin) == "USDX"
    assert writer.decimals_of(stablecoin) == (6, True)


@pytest.mark.parametrize("decimals", [0, 6, 8, 18, 24, MAX_DECIMALS])
def test_decimals_are_read(writer, decimals):
    asset = oddities.token(decimals=oddities.number(decimals))
    assert writer.decimals_of(asset, gas=ENOUGH_GAS) == (decimals, True)


@pytest.mark.parametrize("decimals", [MAX_DECIMALS + 1, 77, 78, 255, 256, 2**256 - 1])
def test_senseless_decimals_are_not_taken(writer, decimals):
    asset = oddities.token(decimals=oddities.number(decimals))
    assert writer.decimals_of(asset, gas=ENOUGH_GAS) == (0, False)


@pytest.mark.parametrize(
    "kind", ["an account", "nothing", "a revert", "all its gas", "a megabyte", "one byte"]
)
def test_a_token_without_readable_decimals_has_none(writer, stranger, kind):
    code = STRANGE_SYMBOLS[kind]
    asset = stranger if code is None else oddities.token(decimals=code)
    assert writer.decimals_of(asset, gas=ENOUGH_GAS) == (0, False)
