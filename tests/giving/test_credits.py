"""GIVE through the package: issued by anybody, redeemed by payees alone."""

from __future__ import annotations

import pytest

from donablock.chain.paying import Way
from donablock.chain.session import Session
from donablock.errors import AmountError, FundsError, InputError, RevertError
from donablock.giving.credits import Credits
from donablock.giving.donations import Donations, Gift, Part
from tests.giving.conftest import NEW_PAYEE, PAYEES
from tests.local_chain import DAY, STRANGER, World


def issued(donor: Session, text: str = "100 USDX", receiver: str | None = None) -> Credits:
    credits = Credits(donor)
    credits.issue(credits.plan_issue(text, receiver))
    return credits


def test_give_is_issued_for_its_backing(world: World, donor: Session) -> None:
    credits = Credits(donor)
    plan = credits.plan_issue("100 USDX")
    assert plan.allowance.way is Way.PERMIT
    event = credits.issue(plan)
    assert (event["payer"], event["receiver"], event["amount"]) == (
        donor.address,
        donor.address,
        100_000_000,
    )
    state = credits.state()
    assert (state.supply, state.held) == (100_000_000, 100_000_000)
    assert (state.give.symbol, state.backing.symbol) == ("GIVE", "USDX")
    assert state.backing.address == world.token.address


def test_give_may_be_issued_for_somebody_else(world: World, donor: Session) -> None:
    issued(donor, "7 GIVE", world.address(STRANGER))
    give = donor.contract("DonaGive").functions
    assert give.balanceOf(world.address(STRANGER)).call() == 7_000_000


def test_a_charity_redeems_what_it_was_given(world: World, donor: Session) -> None:
    credits = issued(donor)
    give = Donations(donor).assets().find("GIVE")
    Donations(donor).give(Donations(donor).plan(Gift(give, (Part(2, 40_000_000),), b"\1" * 32)))
    payee = Credits(world.session(PAYEES[1]))
    plan = payee.plan_redeem("40 GIVE")
    assert (plan.charity_id, str(plan.paid)) == (2, "40 USDX")
    payee.redeem(plan)
    assert world.token.functions.balanceOf(world.address(PAYEES[1])).call() == 40_000_000
    assert credits.state().supply == credits.state().held == 60_000_000


def test_a_former_payee_redeems_to_another_address(world: World, donor: Session) -> None:
    old, new = world.session(PAYEES[0]), world.session(NEW_PAYEE)
    issued(donor, "9 USDX", old.address)
    registry = old.contract("CharityRegistry").functions
    old.send(registry.propose_payee(1, new.address))
    world.node.advance(2 * DAY)
    new.send(registry.accept_payee(1))
    plan = Credits(old).plan_redeem("9 GIVE", receiver=new.address)
    Credits(old).redeem(plan)
    assert world.token.functions.balanceOf(new.address).call() == 9_000_000
    assert Credits(new).charity_of(new.address) == 1


def test_nobody_else_redeems(donor: Session) -> None:
    credits = issued(donor)
    with pytest.raises(InputError, match="is no charity's payee"):
        credits.plan_redeem("1 GIVE")
    with pytest.raises(RevertError, match="not a charity's payee"):
        credits.plan_redeem("1 GIVE", charity_id=1)
    assert credits.state().supply == 100_000_000


def test_bad_input_is_refused_and_nothing_is_sent(world: World, donor: Session) -> None:
    credits, nonce = Credits(donor), donor.next_nonce()
    with pytest.raises(AmountError, match="unknown unit 'ETH'"):
        credits.plan_issue("1 ETH")
    with pytest.raises(FundsError, match="are needed"):
        credits.plan_issue("100000 USDX")
    with pytest.raises(InputError, match="is no receiver"):
        credits.plan_issue("1 USDX", "somebody")
    with pytest.raises(RevertError, match="receiver is this contract"):
        credits.plan_issue("1 USDX", donor.contract("DonaGive").address)
    with pytest.raises(AmountError, match="unknown unit 'USDX'"):
        credits.plan_redeem("1 USDX")
    with pytest.raises(FundsError, match="redeem less"):
        Credits(world.session(PAYEES[0])).plan_redeem("1 GIVE")
    assert donor.next_nonce() == nonce
