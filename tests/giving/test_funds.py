"""Index funds: the list a donor sees, the gift, and what the charities claim."""

from __future__ import annotations

import pytest

from donablock.chain.amounts import NATIVE, Asset, Money
from donablock.chain.eip681 import parse_link
from donablock.chain.session import Session
from donablock.errors import FundsError, InputError
from donablock.giving.claims import Claims
from donablock.giving.donations import Donations
from donablock.giving.funds import FundGift, Funds
from tests.giving.conftest import CLIMATE, DONOR, NEW_PAYEE, PAYEES
from tests.local_chain import DAY, DEPLOYER, REGISTRAR, STRANGER, World

MEMO = b"\2" * 32
COIN = Asset(NATIVE, "ETH", 18)


def give(session: Session, money: Money, epoch: int = 1, receipt: bool = False) -> list[int]:
    funds = Funds(session)
    plan = funds.plan(FundGift(CLIMATE, epoch, money, MEMO, receipt))
    result = funds.give(plan)
    assert result.donated["amount"] == money.amount
    assert result.donated["epoch"] == epoch
    return list(result.receipt_ids)


def announce(world: World, ids: list[int], weights: list[int]) -> None:
    world.through_timelock("IndexFunds", "announce_epoch", CLIMATE, ids, weights)


def test_a_fund_shows_its_running_list(donor: Session) -> None:
    fund = Funds(donor).get(CLIMATE)
    assert fund.name == "Climate Action"
    assert fund.running is not None and fund.announced is None
    assert [(m.charity_id, m.weight) for m in fund.running.members] == [(1, 1), (2, 3)]
    assert fund.running.total_weight == fund.running.live_weight == 4


def test_an_announced_list_is_shown_with_its_start(world: World, donor: Session) -> None:
    announce(world, [1, 3], [5, 7])
    fund = Funds(donor).get(CLIMATE)
    assert fund.running is not None and fund.running.number == 1
    assert fund.announced is not None and fund.announced.number == 2
    assert fund.announced.starts_at == donor.now + 3 * DAY
    assert [(m.charity_id, m.weight) for m in fund.announced.members] == [(1, 5), (3, 7)]


def test_every_fund_is_listed_open_or_closed(donor: Session) -> None:
    funds = Funds(donor).all()
    assert [fund.id for fund in funds] == list(range(1, 18))
    assert [fund.id for fund in funds if fund.running is not None] == [CLIMATE]
    assert all(fund.name for fund in funds)


def test_a_gift_is_claimed_by_weight(world: World, donor: Session) -> None:
    give(donor, world.usd.money("100"))
    give(donor, COIN.money("4"))
    claims = Claims(world.session(STRANGER))
    found = claims.find(2)
    assert [str(claim.money) for claim in found] == ["3 ETH", "75 USDX"]
    before = world.token.functions.balanceOf(world.address(PAYEES[1])).call()
    coins = donor.balance(world.address(PAYEES[1]))
    (result,) = claims.claim_all(found)
    assert len(result.paid) == 2 and not result.failed
    after = world.token.functions.balanceOf(world.address(PAYEES[1])).call()
    assert after - before == 75_000_000
    assert donor.balance(world.address(PAYEES[1])) - coins == 3 * 10**18
    assert claims.find(2) == []
    assert [claim.money.amount for claim in claims.find(1)] == [10**18, 25_000_000]


def test_a_single_claim_pays_the_payee_whoever_sends_it(world: World, donor: Session) -> None:
    give(donor, world.usd.money("4"))
    (claim,) = Claims(donor).find(1)
    result = Claims(world.session(STRANGER)).claim(claim)
    (paid,) = result.paid
    assert (paid["receiver"], paid["amount"]) == (world.address(PAYEES[0]), 1_000_000)


def test_claims_reach_back_over_lists_and_revocation(world: World, donor: Session) -> None:
    give(donor, world.usd.money("4"))
    announce(world, [1, 3], [1, 1])
    world.node.advance(3 * DAY)
    give(donor, world.usd.money("10"), epoch=2)
    payee = world.session(PAYEES[0])
    payee.send(payee.contract("CharityRegistry").functions.retire(1, b"\1" * 32))
    found = Claims(donor).find(1)
    assert [(c.fund_id, c.epoch, c.member, c.money.amount) for c in found] == [
        (CLIMATE, 1, 0, 1_000_000),
        (CLIMATE, 2, 0, 5_000_000),
    ]
    (result,) = Claims(donor).claim_all(found)
    assert sum(event["amount"] for event in result.paid) == 6_000_000


def test_an_asset_that_is_taken_no_more_can_still_be_claimed(world: World, donor: Session) -> None:
    give(donor, world.usd.money("4"))
    world.through_timelock("IndexFunds", "unlist_asset", world.token.address)
    assert [claim.money.amount for claim in Claims(donor).find(1)] == [1_000_000]


def test_only_the_payee_names_a_receiver(world: World, donor: Session) -> None:
    give(donor, world.usd.money("4"))
    (claim,) = Claims(donor).find(2)
    receiver = world.address(NEW_PAYEE)
    with pytest.raises(InputError, match="only the payee of charity 2"):
        Claims(donor).claim_to(claim, receiver)
    (paid,) = Claims(world.session(PAYEES[1])).claim_to(claim, receiver).paid
    assert (paid["receiver"], paid["amount"]) == (receiver, 3_000_000)


def test_a_payment_that_fails_stays_owed(world: World, donor: Session) -> None:
    give(donor, COIN.money("4"))
    give(donor, world.usd.money("4"))
    world.node.set_code(world.address(PAYEES[1]), bytes.fromhex("60006000fd"))
    claims = Claims(donor)
    (result,) = claims.claim_all(claims.find(2))
    assert [event["asset"] for event in result.paid] == [world.token.address]
    assert [event["amount"] for event in result.failed] == [3 * 10**18]
    assert [claim.money.amount for claim in claims.find(2)] == [3 * 10**18]


def test_many_claims_are_split_over_transactions(world: World, donor: Session) -> None:
    give(donor, world.usd.money("4"))
    most = donor.contract("IndexFunds").functions.MAX_CLAIMS().call()
    (claim,) = Claims(donor).find(1)
    results = Claims(donor).claim_all([claim] * (most + 1))
    assert len(results) == 2
    assert sum(len(result.paid) for result in results) == 1, "one that is paid is passed over"


def test_nothing_to_claim_is_said_so(donor: Session) -> None:
    assert Claims(donor).find(3) == []
    with pytest.raises(InputError, match="nothing to claim"):
        Claims(donor).claim_all([])
    with pytest.raises(InputError, match="there is no charity 9"):
        Claims(donor).find(9)


def test_a_gift_to_another_list_than_the_donor_saw_is_refused(world: World, donor: Session) -> None:
    funds = Funds(donor)
    plan = funds.plan(FundGift(CLIMATE, 1, world.usd.money("4"), MEMO))
    announce(world, [3], [1])
    world.node.advance(3 * DAY)
    before = world.token.functions.balanceOf(world.address(DONOR)).call()
    with pytest.raises(Exception, match="epoch is not running"):
        funds.give(plan)
    assert world.token.functions.balanceOf(world.address(DONOR)).call() == before
    with pytest.raises(InputError, match="epoch 1 of fund 13 is not running, epoch 2 is"):
        funds.plan(FundGift(CLIMATE, 1, world.usd.money("4"), MEMO))


@pytest.mark.parametrize(
    ("fund_id", "amount", "reason"),
    [
        (0, "1", "there is no fund 0"),
        (18, "1", "there is no fund 18"),
        (1, "1", "fund 1 takes no gifts now: it has no list"),
        (CLIMATE, "100000", "are needed"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_sent(
    world: World, donor: Session, fund_id: int, amount: str, reason: str
) -> None:
    nonce = donor.next_nonce()
    with pytest.raises((InputError, FundsError), match=reason):
        Funds(donor).plan(FundGift(fund_id, 1, world.usd.money(amount), MEMO))
    assert donor.next_nonce() == nonce


def test_a_fund_that_is_about_to_open_says_when(world: World, donor: Session) -> None:
    world.through_timelock("IndexFunds", "announce_epoch", 1, [1], [1])
    with pytest.raises(InputError, match="it opens on 2025-"):
        Funds(donor).plan(FundGift(1, 0, world.usd.money("1"), MEMO))


def test_a_dropped_member_gets_nothing_of_later_gifts(world: World, donor: Session) -> None:
    payee = world.session(PAYEES[1])
    payee.send(payee.contract("CharityRegistry").functions.retire(2, b"\1" * 32))
    donor.send(donor.contract("IndexFunds").functions.drop(CLIMATE, 1, 1))
    running = Funds(donor).get(CLIMATE).running
    assert running is not None
    assert [m.charity_id for m in running.live] == [1]
    assert (running.total_weight, running.live_weight) == (4, 1)


def test_fund_links_send_the_same_gift(world: World, donor: Session) -> None:
    funds = Funds(donor)
    (link,) = funds.links(FundGift(CLIMATE, 1, COIN.money("1"), MEMO))
    call = parse_link(link)
    donor.w3.eth.send_transaction(
        {"from": world.address(DEPLOYER), "to": call.target, "data": call.data, "value": call.value}
    )
    given = donor.contract("IndexFunds").functions.total_given(CLIMATE, 1, NATIVE).call()
    assert given == 10**18
    links = funds.links(FundGift(CLIMATE, 1, world.usd.money("1"), MEMO))
    assert [parse_link(entry).function for entry in links] == ["approve", "donate_token"]


def test_a_suspended_member_stays_in_the_fund(world: World, donor: Session) -> None:
    registrar = world.session(REGISTRAR)
    registrar.send(registrar.contract("CharityRegistry").functions.suspend(1, b"\1" * 32))
    give(donor, world.usd.money("4"))
    assert [claim.money.amount for claim in Claims(donor).find(1)] == [1_000_000]


def test_the_funds_take_what_giving_takes(donor: Session) -> None:
    assert [a.symbol for a in Funds(donor).assets()] == [
        a.symbol for a in Donations(donor).assets()
    ]
