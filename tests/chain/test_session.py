"""What goes wrong on the chain comes back as our errors, with the contract's own reason."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator

import pytest
from eth_utils.address import to_checksum_address
from web3.contract import Contract

import donablock.errors
from donablock.chain.keys import LocalSigner
from donablock.chain.logs import LogReader
from donablock.chain.manifest import Manifest
from donablock.chain.node import Anvil
from donablock.chain.permit import domain_of, is_accepted, sign_permit
from donablock.chain.session import Session
from donablock.errors import (
    ChainError,
    DonaBlockError,
    FundsError,
    InputError,
    NotMinedError,
    RevertError,
    SignerError,
)

OTHER = to_checksum_address("0x00000000000000000000000000000000000000A1")


@pytest.fixture
def token(session: Session) -> Contract:
    return session.deploy("PlainToken", "Token", "TOK", 6)


@pytest.mark.anvil
def test_a_refusal_gives_the_reason_before_and_after_it_is_sent(
    session: Session, token: Contract
) -> None:
    call = token.functions.transfer(OTHER, 1)
    with pytest.raises(RevertError) as refused:
        session.send(call)
    assert refused.value.reason == "erc20: balance too low"
    assert str(refused.value) == "transfer was refused: erc20: balance too low"
    nonce = session.next_nonce()
    with pytest.raises(RevertError) as refused:
        session.send(call, gas=100_000)
    assert refused.value.reason == "erc20: balance too low"
    assert session.next_nonce() == nonce + 1, "this one was sent"


@pytest.mark.anvil
def test_a_value_that_cannot_be_paid_is_a_matter_of_funds(session: Session) -> None:
    with pytest.raises(FundsError, match="send it native coin first"):
        session.send_coin(OTHER, 10**30)
    with pytest.raises(FundsError):
        session.as_(LocalSigner.random()).send_coin(OTHER, 1)


@pytest.mark.anvil
def test_a_transaction_that_no_block_takes_is_named(node: Anvil, deployer: LocalSigner) -> None:
    session = Session(node.w3, 31337, deployer, timeout=0.2)
    node.request("evm_setAutomine", False)
    try:
        with pytest.raises(NotMinedError, match="0x[0-9a-f]{64} is in no block yet") as waiting:
            session.send_coin(OTHER, 1)
        node.mine()
        assert session.receipt(waiting.value.transaction) is not None
    finally:
        node.request("evm_setAutomine", True)


@pytest.mark.anvil
def test_confirmations_are_waited_for(node: Anvil, deployer: LocalSigner) -> None:
    session = Session(node.w3, 31337, deployer, confirmations=2, timeout=0.3)
    with pytest.raises(NotMinedError):
        session.send_coin(OTHER, 1)
    node.mine(2)
    sent = node.w3.eth.get_block(node.w3.eth.block_number - 2)["transactions"][0]
    assert session.wait(node.w3.to_hex(sent))["status"] == 1  # type: ignore[arg-type]


@pytest.mark.anvil
def test_nobody_signs_and_nothing_is_deployed(node: Anvil) -> None:
    session = Session(node.w3, 31337)
    with pytest.raises(SignerError, match="name one with --account"):
        session.send_coin(OTHER, 1)
    with pytest.raises(InputError, match="there is no Giving on chain 31337 .*ape run deploy"):
        session.contract("Giving")


@pytest.mark.anvil
def test_handing_the_same_transaction_in_twice_is_no_error(node: Anvil, session: Session) -> None:
    node.request("evm_setAutomine", False)
    try:
        transaction = {"from": session.address, "to": OTHER, "value": 1}
        raw = session.sign(session.fill(transaction, "a transfer", 21_000))  # type: ignore[arg-type]
        assert session.broadcast(raw) == session.broadcast(raw)
        node.mine()
        assert session.wait(node.w3.to_hex(node.w3.keccak(raw)))["status"] == 1
    finally:
        node.request("evm_setAutomine", True)


@pytest.mark.anvil
def test_events_are_read_with_the_abi_alone(
    session: Session, deploy: Callable[[Session], Manifest]
) -> None:
    manifest = deploy(session)
    session = Session(session.w3, 31337, session.signer, addresses=manifest.addresses)
    token = session.contract("PlainToken")
    receipt = session.send(token.functions.mint(OTHER, 7))
    (event,) = session.events(receipt, "Transfer")
    assert (event.contract, event["receiver"], event["value"]) == ("PlainToken", OTHER, 7)
    assert event.block_number == receipt["blockNumber"]
    # everything since the deployment, in pages; foreign logs are passed over
    found = list(session.reader.fetch(session.w3, manifest.first_block, page=3))
    assert found[-1] == event
    assert [e.name for e in found].count("FundCreated") == 17
    only = session.reader.fetch(session.w3, 0, names=["FundCreated"])
    assert [e["fund_id"] for e in only] == list(range(1, 18))
    assert LogReader({}).decode(receipt["logs"]) == []


@pytest.mark.anvil
def test_a_permit_is_good_for_one_spender_and_amount(session: Session, token: Contract) -> None:
    domain = domain_of(session.w3, token.address, 31337)
    assert domain is not None and dict(domain.fields)["version"] == "1"
    permit = sign_permit(
        session.w3, session.signer, token.address, domain, OTHER, 5, session.now + 60
    )
    assert is_accepted(session.w3, token.address, permit)
    stale = sign_permit(
        session.w3, session.signer, token.address, domain, OTHER, 5, session.now - 1
    )
    assert not is_accepted(session.w3, token.address, stale)
    session.send(token.functions.permit(session.address, OTHER, 5, *permit.signature))
    assert token.functions.allowance(session.address, OTHER).call() == 5
    assert not is_accepted(session.w3, token.address, permit), "a replay"


@pytest.mark.anvil
def test_what_is_no_permit_token_has_no_domain(session: Session, node: Anvil) -> None:
    assert domain_of(session.w3, OTHER, 31337) is None
    # a wrapped coin of the WETH9 kind takes any call, and returns nothing
    node.set_code(OTHER, bytes.fromhex("00"))
    assert domain_of(session.w3, OTHER, 31337) is None


def test_no_key_is_in_a_repr() -> None:
    signer = LocalSigner("0x" + "17" * 32)
    assert repr(signer) == f"LocalSigner({signer.address})"
    assert "17" * 8 not in repr(vars(signer)).lower()


def test_the_tree_of_errors_is_as_it_is_drawn() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", donablock.errors.__doc__ or ""))
    assert drawn | {"DonaBlockError"} == {kind.__name__ for kind in _errors()}
    for kind in _errors():
        assert kind.__doc__, kind
        assert kind is DonaBlockError or issubclass(kind, DonaBlockError)
    assert issubclass(RevertError, ChainError)


def _errors() -> Iterator[type[BaseException]]:
    for _, kind in inspect.getmembers(donablock.errors, inspect.isclass):
        if kind.__module__ == donablock.errors.__name__:
            yield kind
