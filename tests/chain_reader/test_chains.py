"""config/chains.json: what the sources ask for, and what an operator may add."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from donablock.chain import chains
from donablock.chain.chains import Chain, chain_of, load_chains
from donablock.chain.networks import load_network, network_files
from donablock.errors import ChainFileError
from donablock.settings import Settings

# SOURCES.md 3.2
CONFIRMATIONS = {
    1: 12,
    56: 18,
    137: 50,
    43114: 50,
    5000: 50,
    42161: 50,
    8453: 50,
    250: 50,
    10: 50,
    100: 50,
}
PROVED = {1, 56, 97, 1337, 31337, 11155111}


def test_every_chain_of_the_sources_is_there_with_its_confirmations() -> None:
    known = load_chains()
    assert {number: known[number].confirmations for number in CONFIRMATIONS} == CONFIRMATIONS
    assert {97, 11155111, 31337, 1337} <= set(known)


def test_names_are_those_of_the_network_files() -> None:
    for network in map(load_network, network_files()):
        for number in network.chain_ids:
            assert chain_of(number).name == network.name


def test_ethereum_s_format_is_proved_and_what_was_not_tried_is_not() -> None:
    known = load_chains()

    def those_with(check: str) -> set[int]:
        return {number for number, chain in known.items() if getattr(chain, check)}

    assert those_with("is_header_checked") == those_with("is_receipts_root_checked") == PROVED
    # anvil's is another where there are blobs
    assert those_with("is_transactions_root_checked") == PROVED - {1337, 31337}
    assert all(chain.bloom != "off" for chain in known.values())


def test_local_chains_confirm_at_once_since_nothing_mines_on_top() -> None:
    assert chain_of(31337).confirmations == chain_of(1337).confirmations == 0
    assert chain_of(1337).chain_id == 1337


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "chain_id": 4_242,
        "name": "mine",
        "confirmations": 3,
        "poll_seconds": 1,
        "max_lag": 5,
        "is_header_checked": True,
        "is_receipts_root_checked": True,
        "is_transactions_root_checked": False,
        "bloom": "exact",
        "transaction_types": [0, 2],
        **changes,
    }


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    path = tmp_path / "mine.json"
    monkeypatch.setattr(chains, "settings", lambda: Settings(own_chains=path))

    def write(content: Any) -> None:
        path.write_text(content if isinstance(content, str) else json.dumps({"chains": content}))

    return write


def test_an_operator_adds_a_chain_and_replaces_one(own: Any) -> None:
    own([entry(also_chain_ids=[4_243]), entry(chain_id=1, name="my-ethereum", confirmations=64)])
    assert chain_of(4_242).transaction_types == (0, 2)
    assert chain_of(4_243).name == "mine"
    assert chain_of(1).confirmations == 64
    assert chain_of(56).name == "bsc"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([entry(confirmations=-1)], "mine.json: chains.0.confirmations"),
        ([entry(poll_seconds=0)], "chains.0.poll_seconds"),
        ([entry(chain_id=0)], "chains.0.chain_id"),
        ([entry(chain_id="1")], "chains.0.chain_id"),
        ([entry(name="My Chain")], "chains.0.name"),
        ([entry(bloom="maybe")], "chains.0.bloom"),
        ([entry(colour="blue")], "chains.0.colour"),
        ([entry(transaction_types=None)], "list them, since no root can be recomputed"),
        ([entry(also_chain_ids=[4_242])], "the chain's own id is among them"),
        ([entry(), entry()], "chain id 4242 stands there twice"),
        ([{"chain_id": 5}], "chains.0.name"),
        ("{", "is not JSON"),
        ("[]", "mine.json: file"),
    ],
)
def test_a_wrong_file_is_refused_by_the_field(own: Any, content: Any, says: str) -> None:
    own(content)
    with pytest.raises(ChainFileError) as refused:
        load_chains()
    assert says in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "settings", lambda: Settings(own_chains=tmp_path / "none.json"))
    with pytest.raises(ChainFileError, match="none.json cannot be read"):
        load_chains()


def test_an_unknown_chain_is_refused_with_how_to_add_it() -> None:
    with pytest.raises(ChainFileError, match=r"chain 5 is not known; .*ethereum \(1\).*OWN_CHAINS"):
        chain_of(5)


def test_a_chain_is_frozen() -> None:
    chain: Chain = chain_of(1)
    with pytest.raises(ValueError, match="frozen"):
        chain.confirmations = 1
