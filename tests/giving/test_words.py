"""What people write, and how the chain's numbers are shown: no chain needed."""

from __future__ import annotations

import io

import pytest
import segno
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.crypto import keccak

from donablock.chain.amounts import NATIVE, Asset, Assets
from donablock.chain.artifacts import abi
from donablock.chain.assets import address_of, parse
from donablock.chain.eip681 import link_to, parse_link, qr_in_terminal
from donablock.chain.times import date_text, span_text
from donablock.errors import AmountError, InputError
from donablock.giving.charities import (
    charity_id_of,
    goals_of,
    hash_of,
    read_goals,
    read_time,
)
from donablock.giving.claims import unpack_members
from donablock.giving.memos import memo_text, new_memo, read_memo

TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ASSETS = Assets([Asset(NATIVE, "ETH", 18), Asset(TOKEN, "USDX", 6)])  # type: ignore[arg-type]
NOW = 1_750_000_000


def test_an_amount_may_name_its_token_by_address() -> None:
    assert parse(f"1.5 {TOKEN}", ASSETS).amount == 1_500_000
    assert parse(f"1.5 {TOKEN.lower()}", ASSETS).asset.symbol == "USDX"


@pytest.mark.parametrize("text", ["0 ether", "0.0 USDX", f"0 {TOKEN}"])
def test_nothing_is_no_amount(text: str) -> None:
    with pytest.raises(AmountError, match="above zero"):
        parse(text, ASSETS)


@pytest.mark.parametrize("text", ["5", "x USDX", "5 DAI", "1,5 ether", "-1 ether", "1e3 USDX", ""])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(AmountError):
        parse(text, ASSETS)


def test_an_address_with_a_wrong_checksum_is_refused() -> None:
    assert address_of(TOKEN.lower()) == TOKEN
    with pytest.raises(InputError, match="mistyped"):
        address_of(TOKEN[:-1] + "4")
    with pytest.raises(InputError, match="40 hexadecimal digits"):
        address_of("0x1234")
    with pytest.raises(InputError, match="40 hexadecimal digits"):
        address_of(TOKEN[2:])


def test_a_memo_is_text_or_digits_filled_up_on_the_right() -> None:
    assert read_memo("birthday") == b"birthday".ljust(32, b"\0")
    assert read_memo("0x0102") == b"\1\2".ljust(32, b"\0")
    assert read_memo("") == b"\0" * 32
    assert read_memo("é" * 16) == ("é" * 16).encode()
    assert read_memo("0x" + "ab" * 32) == b"\xab" * 32


@pytest.mark.parametrize("text", ["x" * 33, "é" * 17, "0x" + "00" * 33, "0x123"])
def test_a_memo_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="memo"):
        read_memo(text)


@pytest.mark.parametrize("text", ["birthday", "0x0102", "Grüße", "0x" + "fe" * 32])
def test_a_shown_memo_reads_as_the_same_memo(text: str) -> None:
    memo = read_memo(text)
    assert read_memo(memo_text(memo)) == memo


def test_text_that_looks_like_digits_is_shown_as_bytes() -> None:
    memo = b"0x01".ljust(32, b"\0")
    assert read_memo(memo_text(memo)) == memo


def test_new_memos_differ() -> None:
    assert len({new_memo() for _ in range(100)}) == 100
    assert len(new_memo()) == 32


def test_goals_are_bits() -> None:
    assert read_goals("1,4,13") == 0b1_0000_0000_1001
    assert goals_of(read_goals("17 1")) == [1, 17]


@pytest.mark.parametrize("text", ["", "0", "18", "1,x", ","])
def test_other_goals_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="goal"):
        read_goals(text)


def test_a_hash_is_of_a_text_a_file_or_given(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "charity.json"
    file.write_bytes(b"{}")
    assert hash_of("GB:CHC:1") == keccak(text="GB:CHC:1")
    assert hash_of(f"@{file}") == keccak(b"{}")
    assert hash_of("0x" + "ab" * 32) == b"\xab" * 32
    with pytest.raises(InputError, match="cannot read"):
        hash_of(f"@{tmp_path}/none")
    with pytest.raises(InputError, match="nothing to hash"):
        hash_of(" ")


def test_a_time_is_a_date_a_span_or_seconds() -> None:
    assert read_time("1970-01-02", NOW) == 86_400
    assert read_time("90 days", NOW) == NOW + 90 * 86_400
    assert read_time("2y", NOW) == NOW + 730 * 86_400
    assert read_time("3 months", NOW) == NOW + 90 * 86_400
    assert read_time("1800000000", NOW) == 1_800_000_000
    for text in ("soon", "2028-13-01", "12"):
        with pytest.raises(InputError, match="no time"):
            read_time(text, NOW)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", ""])
def test_a_charity_is_a_number(text: str) -> None:
    with pytest.raises(InputError, match="number"):
        charity_id_of(text)
    assert charity_id_of("12") == 12


def test_times_are_shown_in_utc() -> None:
    assert date_text(0) == "1970-01-01 00:00 UTC"
    assert span_text(2 * 86_400 + 3 * 3_600 + 59) == "2 days 3 h"
    assert [span_text(s) for s in (0, -5, 45, 86_400)] == ["0 s", "0 s", "45 s", "1 day"]


def test_packed_members_are_read_from_the_lowest_bits() -> None:
    words = [sum((i + 1 | (10 * (i + 1)) << 18) << (32 * i) for i in range(8)), 9 | 90 << 18]
    assert unpack_members(words, 9) == [(i, 10 * i) for i in range(1, 10)]


# --- payment links ----------------------------------------------------------------------------


def test_a_link_names_the_full_form_and_every_argument() -> None:
    link = link_to(TOKEN, 56, abi("Giving"), "donate_native", [12, b"\1" * 32, 5, True], 10**18)
    assert link == (
        f"ethereum:{TOKEN}@56/donate_native?uint256=12&bytes32=0x{'01' * 32}&uint256=5&bool=true"
        "&value=1000000000000000000"
    )


def test_a_wallet_that_reads_a_link_sends_the_call() -> None:
    link = link_to(TOKEN, 1, abi("Giving"), "donate_native", [12, b"\1" * 32, 0, False], 7)
    call = parse_link(link)
    assert call.data[:4] == function_signature_to_4byte_selector(
        "donate_native(uint256,bytes32,uint256,bool)"
    )
    assert call.data[4:36] == (12).to_bytes(32, "big")
    assert (call.target, call.chain_id, call.value) == (TOKEN, 1, 7)


def test_links_refuse_what_they_cannot_say() -> None:
    giving = abi("Giving")
    with pytest.raises(InputError, match="list"):
        link_to(TOKEN, 1, giving, "donate_cart_native", [[1], [2], b"\0" * 32, 0, False], 2)
    with pytest.raises(InputError, match="takes 4 arguments"):
        link_to(TOKEN, 1, giving, "donate_native", [1, b"\0" * 32])
    with pytest.raises(InputError, match="no function"):
        link_to(TOKEN, 1, giving, "give", [])
    with pytest.raises(InputError, match="takes no coin"):
        link_to(TOKEN, 1, giving, "sweep", [TOKEN], 1)
    for link in (
        "https://example.org",
        "ethereum:vitalik@1",
        f"ethereum:{TOKEN}",
        "ethereum:0x1@1",
    ):
        with pytest.raises(InputError, match="payment link"):
            parse_link(link)


def test_a_qr_code_holds_the_link() -> None:
    link = link_to(TOKEN, 56, abi("Giving"), "donate_native", [12, b"\1" * 32, 0, False], 1)
    screen = io.StringIO()
    segno.make(link, error="m", micro=False).terminal(screen, compact=True)
    assert qr_in_terminal(link) == screen.getvalue()
    assert qr_in_terminal(link.replace("=12&", "=13&")) != screen.getvalue()
    assert max(map(len, screen.getvalue().splitlines())) <= 80, "must fit a terminal"
