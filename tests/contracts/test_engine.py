"""pyrevm under titanoboa does what titanoboa's own engine does, as far as the machines look."""

from __future__ import annotations

import boa
import pytest
from eth.exceptions import InsufficientFunds

from tests.contracts import deployers, roles
from tests.contracts.engine import py_evm, pyrevm
from tests.contracts.logs import logged
from tests.contracts.money import COIN, balance, send
from tests.contracts.protocol import BURNING, MEMO, REVERTING, Protocol, set_code
from tests.contracts.stateful.counting import NOW

ENGINES = {"py-evm": py_evm, "pyrevm": pyrevm}


@pytest.fixture(params=ENGINES)
def engine(request):
    with ENGINES[request.param]():
        boa.env.timestamp = NOW
        yield request.param


def story():
    """Gifts, a refusal, receipts and claims; everything that can be seen of them."""
    seen = []
    boa.env.timestamp = NOW
    world = Protocol()
    charity = roles.address("charity")
    refuser = set_code("refuser", REVERTING)
    burner = set_code("burner", BURNING)
    ids = [world.verify(payee) for payee in (charity, refuser, burner)]
    epoch = world.run_epoch(1, [(ids[0], 1), (ids[1], 2)])
    world.fill(world.donor, world.funds, world.giving)
    names = {str(contract.address): at for at, contract in enumerate(world.contracts)}
    names[str(world.token.address)] = "token"

    def note(contract):
        seen.append(
            [
                (names.get(at, at), event, {key: names.get(it, it) for key, it in fields.items()})
                for at, event, fields in logged(contract)
            ]
        )

    world.giving.donate_token(ids[0], world.token, 5, MEMO, 1, True, sender=world.donor)
    note(world.giving)
    world.giving.donate_cart_native(ids, [3, 2, 1], MEMO, 4, True, value=10, sender=world.donor)
    note(world.giving)
    world.funds.donate_native(1, epoch, MEMO, True, value=100, sender=world.donor)
    note(world.funds)
    seen.append(world.receipts.token_count())
    receipt = world.receipts.receipt(3)
    seen.append((receipt.recipient_id, receipt.amount, receipt.timestamp))
    seen.append(world.funds.claim(1, epoch, 0, COIN))
    note(world.funds)
    with boa.reverts("transfers: receiver refused"):
        world.funds.claim(1, epoch, 1, COIN)
    with boa.reverts("registry: unknown charity"):
        world.giving.donate_native(9, MEMO, value=1, sender=world.donor)
    seen.append([balance(COIN, account) for account in (charity, refuser, burner, world.funds)])
    seen.append(balance(COIN, world.donor))
    return seen


def test_both_engines_tell_the_same_story():
    with py_evm():
        told = story()
    with pyrevm():
        assert story() == told
    assert any("PartFailed" in str(entry) for entry in told)


@pytest.mark.usefixtures("engine")
def test_an_anchor_undoes_calls_time_and_coin():
    token = deployers.PLAIN_TOKEN.deploy("Plain", "PLN", 6)
    donor, other = roles.address("donor"), roles.address("other")
    before = balance(COIN, donor), balance(COIN, other), balance(COIN, token)
    for _ in range(3):
        with boa.env.anchor():
            boa.env.timestamp += 100
            token.mint(donor, 7)
            assert send(other, 5, sender=donor) is None
            boa.env.set_balance(token.address, 9)
            boa.env.set_balance(token.address, 4)
            boa.env.set_balance(other, 3)
            with boa.env.anchor():
                token.transfer(other, 7, sender=donor)
                with boa.reverts("erc20: balance too low"):
                    token.transfer(other, 1, sender=donor)
            assert token.balanceOf(donor) == 7
            assert (balance(COIN, token), balance(COIN, other)) == (4, 3)
        assert boa.env.timestamp == NOW
        assert token.balanceOf(donor) == token.balanceOf(other) == token.totalSupply() == 0
        assert (balance(COIN, donor), balance(COIN, other), balance(COIN, token)) == before


@pytest.mark.usefixtures("engine")
def test_who_cannot_pay_is_refused():
    poor = boa.env.generate_address("poor")
    receiver = roles.address("donor")
    before = balance(COIN, receiver)
    with pytest.raises(InsufficientFunds):
        send(receiver, 1, sender=poor)
    assert balance(COIN, receiver) == before


@pytest.mark.usefixtures("engine")
def test_a_contract_is_put_where_it_is_wanted():
    place = roles.account("a place for a token").address
    token = deployers.PLAIN_TOKEN.deploy("Plain", "PLN", 6, override_address=place)
    assert token.address == place
    # the domain separator is made from the address in the constructor
    other = deployers.PLAIN_TOKEN.deploy("Plain", "PLN", 6)
    assert token.DOMAIN_SEPARATOR() != other.DOMAIN_SEPARATOR()


def test_the_engine_before_is_there_again():
    before = boa.env.evm
    with pyrevm():
        assert boa.env.evm is not before
        with pytest.raises(AttributeError, match="cannot be changed"):
            boa.env.evm.patch.chain_id = 5
    assert boa.env.evm is before


@pytest.mark.usefixtures("engine")
def test_a_contract_may_be_the_sender():
    """Its own code answers whoever calls it meanwhile, with its own money and storage."""
    token = deployers.STRANGE_TOKEN.deploy(6, 0)
    relay = deployers.RELAY.deploy()
    boa.env.set_balance(relay.address, 9)
    token.mint(relay, 5)
    receiver = roles.address("donor")
    before = balance(COIN, receiver)
    token.transfer(receiver, 2, sender=relay.address)
    with boa.reverts():
        token.transfer(receiver, 4, sender=relay.address)
    assert (token.balanceOf(relay), token.balanceOf(receiver)) == (3, 2)
    code = boa.env.get_code(relay.address)
    assert send(receiver, 4, sender=relay.address) is None
    assert (balance(COIN, relay), balance(COIN, receiver)) == (5, before + 4)
    with pytest.raises(InsufficientFunds):
        send(receiver, 6, sender=relay.address)
    assert boa.env.get_code(relay.address) == code
    relay.set_answer(token, token.transfer.prepare_calldata(receiver, 1), 0)
    assert send(relay, 1, sender=relay.address) is None
    assert (token.balanceOf(relay), token.balanceOf(receiver)) == (2, 3)


@pytest.mark.usefixtures("engine")
def test_an_anchor_undoes_code_and_storage_put_by_hand():
    place = roles.address("a place for code")
    with boa.env.anchor():
        boa.env.set_code(place, b"\x60")
        with boa.env.anchor():
            boa.env.set_code(place, b"\x60\x60")
            boa.env.set_storage(place, 1, 7)
        assert boa.env.get_code(place) == b"\x60"
        assert boa.env.get_storage(place, 1) == 0
    assert boa.env.get_code(place) == b""
