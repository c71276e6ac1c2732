"""A network file is refused for whatever is wrong with it, by the field's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from donablock.chain.amounts import NATIVE
from donablock.chain.keys import LocalSigner, published_addresses
from donablock.chain.network_checks import check_exchange, check_tokens
from donablock.chain.networks import (
    BENEFICIARIES,
    Network,
    Receiver,
    check_signer,
    load_network,
    network_files,
    network_of,
)
from donablock.chain.node import Anvil
from donablock.chain.plan import FACTORY, ROUTER, WRAPPED
from donablock.chain.session import Session
from donablock.errors import NetworkFileError, TestAccountError, WrongChainError
from donablock.settings import settings

LOCAL = settings().networks_path / "local.json"
DEPLOYER = "0x00000000000000000000000000000000000000D1"


def test_each_file_loads_and_is_found_by_its_chain_id() -> None:
    names = {path.stem for path in network_files()}
    assert names == {"local", "sepolia", "bsc", "bsc-testnet"}
    for path in network_files():
        network = load_network(path)
        assert network.name == path.stem
        assert all(network_of(chain_id) == network for chain_id in network.chain_ids)


def test_public_networks_name_sources_and_leave_every_role_open() -> None:
    for network in map(load_network, network_files()):
        assert network.is_public == (network.name != "local")
        if network.is_public:
            assert network.tokens and network.test_token is None
            with pytest.raises(NetworkFileError) as refused:
                network.check_roles(DEPLOYER)
            roles = ("proposers", "registrar", "guardian", "operations", "operator")
            for role in (*roles, *BENEFICIARIES):
                assert role in str(refused.value)


def test_public_networks_have_an_exchange_and_local_ones_a_test_exchange() -> None:
    fees = {}
    for network in map(load_network, network_files()):
        assert (network.exchange is None) == network.has_test_exchange == (not network.is_public)
        if network.exchange is not None:
            fees[network.name] = network.exchange.fee
    assert fees == {"bsc": 25, "bsc-testnet": 20, "sepolia": 30}


def test_stablecoins_of_bsc_have_18_decimals() -> None:
    decimals = {token.symbol: token.decimals for token in network_of(56).tokens}
    assert decimals == {"USDC": 18, "USDT": 18, "WBNB": 18}


@pytest.mark.parametrize(
    "edit, expected",
    [
        (lambda d: d.update(chain_id=0), "chain_id"),
        (lambda d: d.update(chainid=1), "chainid: Extra inputs are not permitted"),
        (lambda d: d.pop("roles"), "roles: Field required"),
        (lambda d: d["delays"].update(timelock=60), "delays.timelock"),
        (lambda d: d["delays"].update(payee="2 days"), "delays.payee"),
        (lambda d: d["native"].update(symbol="<b>"), "native.symbol"),
        (lambda d: d.update(backing="EUR"), "backing: 'EUR' is not among the tokens"),
        (lambda d: d["roles"].update(registrar="0x12"), "roles.registrar: '0x12' is no address"),
        (
            lambda d: d["roles"].update(guardian="0xF39fd6e51aad88f6f4ce6ab8827279cfffb92266"),
            "no valid checksum; compare it with its source",
        ),
        (lambda d: d["roles"]["beneficiaries"].pop("team"), "name each of ecosystem"),
        (lambda d: d["roles"].update(proposers=["Giving"]), "'Giving' is no address"),
        (lambda d: d.update(is_public=True), "a public network has stablecoins of its own"),
        (
            lambda d: d.update(tokens=[token(symbol="USDX")]),
            "tokens: the same symbol twice: USDX",
        ),
        (lambda d: d.update(tokens=[token(source="somewhere")]), "tokens.0.source"),
        (lambda d: d.update(tokens=[token(decimals=5)]), "tokens.0.decimals"),
        (lambda d: d["delays"].update(shares=3_599), "delays.shares"),
        (lambda d: d["roles"].pop("operator"), "roles.operator: Field required"),
        (lambda d: d["dividends"].update(min_weight=0), "dividends.min_weight"),
        (lambda d: d["dividends"].update(min_weight=2_000_000_001), "dividends.min_weight"),
        (lambda d: d["commission"].update(burn_share=2_499), "commission.burn_share"),
        (lambda d: d["commission"].update(dividend_share=10_001), "commission.dividend_share"),
        (
            lambda d: d["commission"].update(burn_share=5_001),
            "commission: the shares add up to 10001, not to 10000 (100 %)",
        ),
        (
            lambda d: share(d, receiver(1_000)),
            "commission: the shares add up to 8500, not to 10000",
        ),
        (
            lambda d: share(d, receiver(1_250), receiver(1_250)),
            "commission: the same receiver twice: 0x1c7D4B",
        ),
        (lambda d: share(d, receiver(2_500, NATIVE)), "commission: a receiver is the zero address"),
        (lambda d: share(d, receiver(2_500, "")), "commission.receivers.0.account"),
        (lambda d: share(d, receiver(0)), "commission.receivers.0.share"),
        (
            lambda d: share(d, *(receiver(1, f"0x{n:040x}") for n in range(1, 8))),
            "commission.receivers: Tuple should have at most 6 items",
        ),
        (lambda d: d.pop("has_test_exchange"), "exchange: name one, or say has_test_exchange"),
        (lambda d: trade(d, has_test_exchange=True), "on a local chain, and not both"),
        (
            lambda d: (d.update(is_public=True), d.pop("test_token"), token_of(d)),
            "has_test_exchange: a public network has an exchange of its own",
        ),
        (lambda d: trade(d, wrapped="WBNB"), "exchange.wrapped: 'WBNB' is not among the tokens"),
        (
            lambda d: trade(d, decimals=6),
            "exchange.wrapped: OUT has 6 decimals, and the coin has 18",
        ),
        (
            lambda d: trade(d, router=place("0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238")),
            "exchange: the same address twice: 0x1c7D4B",
        ),
        (lambda d: trade(d, fee=0), "exchange.fee"),
        (lambda d: trade(d, fee=101), "exchange.fee"),
        (lambda d: trade(d, fee_source="hearsay"), "exchange.fee_source"),
        (lambda d: trade(d, factory=place("0x12")), "exchange.factory.address: '0x12'"),
        (
            lambda d: trade(d, factory=place("0xF39fd6e51aad88f6f4ce6ab8827279cfffb92266")),
            "no valid checksum; compare it with its source",
        ),
        (
            lambda d: trade(d, factory={"address": place()["address"]}),
            "exchange.factory.source: Field required",
        ),
    ],
)
def test_a_wrong_field_is_named(
    tmp_path: Path, edit: Callable[[dict[str, Any]], Any], expected: str
) -> None:
    data = json.loads(LOCAL.read_text())
    edit(data)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data))
    with pytest.raises(NetworkFileError) as refused:
        load_network(path)
    assert str(refused.value).startswith("mine.json: ")
    assert expected in str(refused.value)


def token(**changes: Any) -> dict[str, Any]:
    found = {
        "symbol": "OUT",
        "address": "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238",
        "decimals": 6,
        "is_measured": True,
        "source": "https://example.org",
    }
    return found | changes


def token_of(data: dict[str, Any]) -> None:
    """A token of others instead of the test token."""
    data.update(tokens=[token()], backing="OUT")


def receiver(
    share: int, account: str = "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238"
) -> dict[str, Any]:
    return {"account": account, "share": share}


def share(data: dict[str, Any], *receivers: dict[str, Any]) -> None:
    data["commission"].update(burn_share=5_000, dividend_share=2_500, receivers=list(receivers))


def place(address: str = "0xF62c03E08ada871A0bEb309762E260a7a6a880E6") -> dict[str, Any]:
    return {"address": address, "source": "https://example.org"}


def trade(data: dict[str, Any], **changes: Any) -> None:
    """An exchange of others, with OUT as the wrapped coin."""
    data["tokens"] = [token(decimals=changes.pop("decimals", 18))]
    data["has_test_exchange"] = changes.pop("has_test_exchange", False)
    data["exchange"] = {
        "name": "Uniswap V2",
        "wrapped": "OUT",
        "factory": place(),
        "router": place("0xeE567Fe1712Faf6149d80dA1E6934E354124CfE3"),
        "fee": 30,
        "fee_source": "https://example.org",
    } | changes


def test_files_that_are_missing_or_no_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkFileError, match="there is no file"):
        load_network(tmp_path / "none.json")
    path = tmp_path / "cut.json"
    path.write_text(LOCAL.read_text()[:100])
    with pytest.raises(NetworkFileError, match=r"cut\.json cannot be read as JSON"):
        load_network(path)
    with pytest.raises(NetworkFileError, match=r"no network file for chain 5 .*sepolia"):
        network_of(5)


@pytest.mark.parametrize(
    "role, holder, expected",
    [
        ("registrar", DEPLOYER, "registrar is the deployer, who is to hold nothing"),
        ("guardian", NATIVE, "guardian is the zero address"),
        ("operations", LocalSigner.test_account(3).address, "whose private key is published"),
        ("operator", DEPLOYER, "operator is the deployer"),
    ],
)
def test_a_role_that_cannot_be_meant_is_refused(role: str, holder: str, expected: str) -> None:
    network = network_of(97)
    own = "0x00000000000000000000000000000000000000A1"
    roles = network.roles.model_copy(
        update={
            "proposers": (own,),
            "registrar": own,
            "guardian": own,
            "operations": own,
            "operator": own,
            "beneficiaries": dict.fromkeys(BENEFICIARIES, own),
            role: holder,
        }
    )
    deployer = DEPLOYER
    with pytest.raises((NetworkFileError, TestAccountError), match=expected):
        network.model_copy(update={"roles": roles}).check_roles(deployer)


@pytest.mark.parametrize(
    "account, expected",
    [
        (DEPLOYER, "commission.receivers is the deployer, who is to hold nothing"),
        (LocalSigner.test_account(3).address, "whose private key is published"),
    ],
)
def test_a_receiver_of_commission_that_cannot_be_meant_is_refused(
    account: str, expected: str
) -> None:
    network = network_of(97)
    own = "0x00000000000000000000000000000000000000A1"
    names = ("registrar", "guardian", "operations", "operator")
    filled = dict.fromkeys(names, own) | {"beneficiaries": dict.fromkeys(BENEFICIARIES, own)}
    roles = network.roles.model_copy(update=filled | {"proposers": (own,)})
    commission = network.commission.model_copy(
        update={"receivers": (Receiver(account=account, share=1),)}
    )
    chosen = network.model_copy(update={"roles": roles, "commission": commission})
    with pytest.raises((NetworkFileError, TestAccountError), match=expected):
        chosen.check_roles(DEPLOYER)


def test_published_accounts_sign_on_local_chains_only() -> None:
    first = LocalSigner.test_account(0).address
    assert first == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert len(published_addresses()) > 100
    check_signer(network_of(31337), first)
    with pytest.raises(TestAccountError, match="everybody has its key, and bsc is public"):
        check_signer(network_of(56), first)


def with_token(**changes: Any) -> Network:
    data = json.loads(LOCAL.read_text()) | {"tokens": [token(**changes)]}
    return Network.model_validate(data)


@pytest.mark.anvil
def test_outside_tokens_are_checked_on_the_chain(session: Session, node: Anvil) -> None:
    double = session.deploy("PlainToken", "Outside", "OUT", 6)
    check_tokens(node.w3, with_token(address=double.address))
    for changes, expected in (
        ({"address": NATIVE[:-1] + "9"}, "there is no contract"),
        ({"address": double.address, "decimals": 18}, "its decimals on chain is 6, in the file 18"),
        ({"address": double.address, "symbol": "IN"}, "its symbol on chain is 'OUT'"),
    ):
        with pytest.raises(NetworkFileError, match=expected):
            check_tokens(node.w3, with_token(**changes))


@pytest.mark.anvil
def test_a_symbol_in_bytes32_is_read(session: Session, node: Anvil) -> None:
    """MKR's way: symbol() returns a bytes32. Here both views give the same word, so only the
    symbol is right."""
    place = "0x00000000000000000000000000000000000000b1"
    word = b"OUT".ljust(32, b"\0")
    node.set_code(place, b"\x7f" + word + bytes.fromhex("60005260206000f3"))
    address = session.w3.to_checksum_address(place)
    with pytest.raises(NetworkFileError, match="its decimals on chain"):
        check_tokens(node.w3, with_token(address=address))


def with_exchange(wrapped: str, factory: str, router: str, fee: int) -> Network:
    data = json.loads(LOCAL.read_text())
    trade(data, factory=place(factory), router=place(router), fee=fee)
    data["tokens"][0]["address"] = wrapped
    return Network.model_validate(data)


@pytest.mark.anvil
def test_the_exchange_is_checked_on_the_chain(session: Session, node: Anvil) -> None:
    wrapped = session.deploy(WRAPPED).address
    factory = session.deploy(FACTORY, NATIVE).address
    router = session.deploy(ROUTER, factory, wrapped).address
    other = session.deploy(WRAPPED).address
    nothing, silent = (to_checksum_address(NATIVE[:-2] + end) for end in ("b8", "b9"))
    node.set_code(silent, b"\0")
    # a fee that is said too low makes purchases smaller, and no sandwich pays
    for fee in (1, 25, 30):
        check_exchange(node.w3, with_exchange(wrapped, factory, router, fee))
    check_exchange(node.w3, network_of(31337))
    for (*places, fee), expected in (
        ((wrapped, factory, nothing, 30), "router of Uniswap V2 at .*there is no contract"),
        ((wrapped, nothing, router, 30), "factory of Uniswap V2 at .*there is no contract"),
        ((wrapped, other, router, 30), f"factory on chain is {factory}, in the file {other}"),
        ((other, factory, router, 30), f"wrapped coin on chain is {wrapped}, in the file {other}"),
        ((wrapped, factory, router, 31), "it takes 30 basis points, and the file says 31"),
        ((wrapped, router, factory, 30), r"factory\(\) fails"),
        ((wrapped, factory, silent, 30), r"factory\(\) gives nothing; this is another contract"),
    ):
        with pytest.raises(NetworkFileError, match=expected):
            check_exchange(node.w3, with_exchange(*places, fee))
    with pytest.raises(WrongChainError):
        check_exchange(node.w3, network_of(97))
