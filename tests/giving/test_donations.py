"""Direct gifts through the package: what moves, what is logged, and what is refused before."""

from __future__ import annotations

import pytest

from donablock.chain.amounts import NATIVE, Money
from donablock.chain.eip681 import parse_link
from donablock.chain.paying import Way
from donablock.chain.session import Session
from donablock.errors import AmountError, FundsError, InputError, RevertError
from donablock.giving.donations import Donations, Gift, Part
from tests.giving.conftest import DONOR, NEW_PAYEE, PAYEES
from tests.local_chain import DAY, DEPLOYER, OPERATIONS, REGISTRAR, STRANGER, YEAR, World

MEMO = b"birthday".ljust(32, b"\0")


def gift_of(session: Session, *parts: str, **more: object) -> Gift:
    donations = Donations(session)
    asset, read = donations.read_parts(parts, donations.assets())
    return Gift(asset, read, MEMO, **more)  # type: ignore[arg-type]


def holdings(world: World, *accounts: int) -> list[int]:
    return [world.token.functions.balanceOf(world.address(a)).call() for a in accounts]


def test_a_gift_of_coin_reaches_the_payee_whole(world: World, donor: Session) -> None:
    donations = Donations(donor)
    before = donor.balance(world.address(PAYEES[0]))
    operations = donor.balance(world.address(OPERATIONS))
    plan = donations.plan(gift_of(donor, "1=1.5 ether", tip=10**16))
    assert plan.allowance.way is Way.NOTHING
    assert plan.cost.gas and plan.cost.fee
    result = donations.give(plan)
    assert donor.balance(world.address(PAYEES[0])) - before == 15 * 10**17
    assert donor.balance(world.address(OPERATIONS)) - operations == 10**16
    (event,) = result.donated
    assert (event["charity_id"], event["asset"], event["amount"]) == (1, NATIVE, 15 * 10**17)
    assert bytes(event["memo"]) == MEMO
    assert result.tip is not None and result.tip.name == "Tipped"
    assert result.receipt["gasUsed"] <= plan.cost.gas
    assert result.receipt_ids == ()


def test_a_gift_of_tokens_needs_a_permit_and_one_transaction(world: World, donor: Session) -> None:
    donations = Donations(donor)
    nonce = donor.next_nonce()
    before = holdings(world, DONOR, PAYEES[0])
    plan = donations.plan(gift_of(donor, "1=25 USDX", tip=5, receipt=True))
    assert plan.allowance.way is Way.PERMIT
    result = donations.give(plan)
    assert donor.next_nonce() == nonce + 1
    after = holdings(world, DONOR, PAYEES[0])
    assert [b - a for a, b in zip(before, after, strict=True)] == [-25_000_005, 25_000_000]
    assert result.receipt_ids == (1,)
    allowance = world.token.functions.allowance(donor.address, donor.contract("Giving").address)
    assert allowance.call() == 0, "nothing is left approved"


def test_an_allowance_that_suffices_is_used(world: World, donor: Session) -> None:
    giving = donor.contract("Giving").address
    donor.send(world.token.functions.approve(giving, 10_000_000))
    plan = Donations(donor).plan(gift_of(donor, "1=10 USDX"))
    assert plan.allowance.way is Way.NOTHING
    assert Donations(donor).give(plan).donated


def test_a_cart_pays_every_charity(world: World, donor: Session) -> None:
    before = holdings(world, *PAYEES)
    plan = Donations(donor).plan(gift_of(donor, "1=5 USDX", "3=3 USDX", receipt=True))
    assert [recipient.charity.id for recipient in plan.recipients] == [1, 3]
    result = Donations(donor).give(plan)
    after = holdings(world, *PAYEES)
    assert [b - a for a, b in zip(before, after, strict=True)] == [5_000_000, 0, 3_000_000]
    assert len(result.donated) == 2
    assert result.receipt_ids == (1, 2)


def test_a_payee_that_refuses_leaves_its_part_with_the_donor(world: World, donor: Session) -> None:
    # a payee without a way to take coin: it reverts on every call
    world.node.set_code(world.address(PAYEES[1]), bytes.fromhex("60006000fd"))
    before = donor.balance(world.address(PAYEES[0]))
    plan = Donations(donor).plan(gift_of(donor, "1=1 ether", "2=2 ether"))
    spent = donor.balance()
    result = Donations(donor).give(plan)
    assert [event["charity_id"] for event in result.donated] == [1]
    assert [event["charity_id"] for event in result.failed] == [2]
    assert donor.balance(world.address(PAYEES[0])) - before == 10**18
    fee = result.receipt["gasUsed"] * result.receipt["effectiveGasPrice"]
    assert spent - donor.balance() == 10**18 + fee


def test_the_summary_says_who_gets_the_money(world: World, donor: Session) -> None:
    (recipient,) = Donations(donor).plan(gift_of(donor, "2=1 ether")).recipients
    assert recipient.name == "Charity number 2"
    assert recipient.charity.payee == world.address(PAYEES[1])
    assert recipient.charity.status.word == "verified"
    assert len(recipient.charity.legal_id) == 32


def test_a_name_that_was_not_verified_is_not_shown(world: World, donor: Session) -> None:
    payee = world.session(PAYEES[1])
    registry = payee.contract("CharityRegistry").functions
    payee.send(registry.set_metadata(2, b"\1" * 32, 'data:application/json,{"name": "Forged"}'))
    (recipient,) = Donations(donor).plan(gift_of(donor, "2=1 ether")).recipients
    assert recipient.name is None
    assert "Forged" in recipient.uri


def test_a_tip_is_an_amount_or_a_share(world: World, donor: Session) -> None:
    donations = Donations(donor)
    assets = donations.assets()
    usd = world.usd
    assert donations.read_tip("0.5 USDX", usd, 10_000_000, assets) == 500_000
    assert donations.read_tip("5%", usd, 10_000_000, assets) == 500_000
    assert donations.read_tip("2.5 %", usd, 999, assets) == 24, "rounded down"
    with pytest.raises(InputError, match="in USDX too"):
        donations.read_tip("1 ether", usd, 10_000_000, assets)
    with pytest.raises(InputError, match="more than the gift"):
        donations.read_tip("101%", usd, 10_000_000, assets)
    with pytest.raises(AmountError):
        donations.read_tip("x%", usd, 10_000_000, assets)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (("99=1 ether",), "there is no charity 99"),
        (("0=1 ether",), "is no charity"),
        (("x=1 ether",), "is no charity"),
        (("1",), "is no part of a gift"),
        ((), "nobody to give to"),
        (("1=1 ether", "2=1 USDX"), "one transaction gives one asset"),
        (("1=1 ether", "1=2 ether"), "named twice"),
        (("1=0 ether",), "above zero"),
        (("1=1 DAI",), "DAI"),
        (("1=0.0000001 USDX",), "digits"),
        (("1=1000000 USDX",), "has 1_000 USDX"),
        (("1=1000000 ether",), "are needed"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_sent(
    donor: Session, parts: tuple[str, ...], reason: str
) -> None:
    nonce = donor.next_nonce()
    with pytest.raises((InputError, FundsError), match=reason):
        Donations(donor).plan(gift_of(donor, *parts))
    assert donor.next_nonce() == nonce


def test_a_cart_has_a_limit(donor: Session, world: World) -> None:
    limit = donor.contract("Giving").functions.MAX_CART().call()
    parts = tuple(Part(number, 1) for number in range(1, limit + 2))
    with pytest.raises(InputError, match=f"a cart holds {limit} charities, not {limit + 1}"):
        Donations(donor).plan(Gift(world.usd, parts, MEMO))


def test_a_charity_that_takes_no_gifts_is_named_with_the_reason(
    world: World, donor: Session
) -> None:
    registrar = world.session(REGISTRAR)
    registry = registrar.contract("CharityRegistry").functions
    registrar.send(registry.suspend(1, b"\1" * 32))
    with pytest.raises(InputError, match="charity 1 is suspended until 2025-"):
        Donations(donor).plan(gift_of(donor, "1=1 ether"))
    payee = world.session(PAYEES[1])
    payee.send(registry.retire(2, b"\1" * 32))
    with pytest.raises(InputError, match="charity 2 is revoked"):
        Donations(donor).plan(gift_of(donor, "2=1 ether"))
    world.node.advance(YEAR)
    with pytest.raises(InputError, match="charity 3 is expired"):
        Donations(donor).plan(gift_of(donor, "3=1 ether"))


def test_a_payee_does_not_give_to_itself(world: World) -> None:
    payee = world.session(PAYEES[0])
    with pytest.raises(InputError, match="you are the payee"):
        Donations(payee).plan(gift_of(payee, "1=1 ether"))


def test_a_charity_suspended_after_the_summary_refuses_the_gift(
    world: World, donor: Session
) -> None:
    plan = Donations(donor).plan(gift_of(donor, "1=1 ether"))
    registrar = world.session(REGISTRAR)
    registrar.send(registrar.contract("CharityRegistry").functions.suspend(1, b"\1" * 32))
    before = donor.balance()
    with pytest.raises(RevertError, match="charity is suspended"):
        Donations(donor).give(plan)
    assert donor.balance() == before


def test_a_payee_that_changed_after_the_summary_is_paid_as_the_registry_says(
    world: World, donor: Session
) -> None:
    old, new = world.session(PAYEES[0]), world.session(NEW_PAYEE)
    registry = old.contract("CharityRegistry").functions
    old.send(registry.propose_payee(1, new.address))
    world.node.advance(2 * DAY)
    plan = Donations(donor).plan(gift_of(donor, "1=1 ether"))
    assert plan.recipients[0].charity.payee == old.address
    new.send(registry.accept_payee(1))
    before = donor.balance(new.address)
    Donations(donor).give(plan)
    assert donor.balance(new.address) - before == 10**18


def test_a_link_sends_the_same_gift(world: World, donor: Session) -> None:
    """What a phone wallet sends when it scans the code, sent here by hand."""
    (link,) = Donations(donor).links(gift_of(donor, "1=1 ether", tip=7, receipt=True))
    call = parse_link(link)
    sent = donor.w3.eth.send_transaction(
        {"from": world.address(DEPLOYER), "to": call.target, "data": call.data, "value": call.value}
    )
    result = Donations(donor).result(donor.w3.eth.wait_for_transaction_receipt(sent))
    assert [event["amount"] for event in result.donated] == [10**18]
    assert result.receipt_ids == (1,)
    assert result.tip is not None and result.tip["amount"] == 7


def test_links_for_a_token_approve_first(world: World, donor: Session) -> None:
    world.mint(DEPLOYER, 10_000_000)
    links = Donations(donor).links(gift_of(donor, "2=10 USDX"))
    assert [parse_link(link).function for link in links] == ["approve", "donate_token"]
    before = holdings(world, PAYEES[1])[0]
    for link in links:
        call = parse_link(link)
        sent = donor.w3.eth.send_transaction(
            {"from": world.address(DEPLOYER), "to": call.target, "data": call.data}
        )
        assert donor.w3.eth.wait_for_transaction_receipt(sent)["status"] == 1
    assert holdings(world, PAYEES[1])[0] - before == 10_000_000


def test_a_cart_has_no_link(donor: Session) -> None:
    with pytest.raises(InputError, match="one charity"):
        Donations(donor).links(gift_of(donor, "1=1 ether", "2=1 ether"))


def test_a_session_without_an_account_can_make_links(donor: Session) -> None:
    reader = Session(donor.w3, donor.chain_id, addresses=donor.addresses)
    assert Donations(reader).links(gift_of(reader, "1=1 ether"))


def test_the_stranger_has_no_tokens(world: World) -> None:
    stranger = world.session(STRANGER)
    with pytest.raises(FundsError, match="has 0 USDX, but 1 USDX are needed"):
        Donations(stranger).plan(gift_of(stranger, "1=1 USDX"))


def test_money_is_shown_in_full() -> None:
    from donablock.chain.amounts import Asset

    assert str(Money(Asset(NATIVE, "ETH", 18), 1)) == "0.000000000000000001 ETH"
