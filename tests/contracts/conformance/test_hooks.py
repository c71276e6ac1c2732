"""Tokens that call back (ERC-777), and coin that does: all of our functions are tried then."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.campaigns import REJECTED, STAGED, SUCCEEDED
from tests.contracts.conftest import DAY
from tests.contracts.fundraising import SDG, VOTE, Fundraising
from tests.contracts.money import COIN, balance
from tests.contracts.protocol import MEMO, NO_SIGNATURE, PAYEE_DELAY, new_place, place

ZERO = "0x" + "00" * 20
AMOUNT = 1_000
PURSE = 10**9


@pytest.fixture(scope="module")
def world():
    """The intruder is a donor, a charity's payee (1), and holds money of every kind; it backs
    campaigns and projects of the honest charity (2), and is paid by campaigns and projects of its
    own.
    """
    token = deployers.STRANGE_TOKEN.deploy(6, 0, override_address=new_place())
    world: Any = Fundraising(token)
    intruder = deployers.INTRUDER.deploy(override_address=new_place())
    world.intruder = intruder
    world.registry.propose_payee(1, intruder, sender=world.payee)
    boa.env.time_travel(seconds=PAYEE_DELAY)
    world.registry.accept_payee(1, sender=intruder.address)
    world.honest = roles.address("honest charity")
    world.verify(world.honest)
    world.run_epoch(1, [(1, 1), (2, 1)])
    boa.env.set_balance(intruder.address, PURSE)
    for owner in (world.donor, intruder.address):
        for money in (token, world.plain):
            money.mint(owner, PURSE)
            for spender in (world.giving, world.funds, world.give, world.impact):
                money.approve(spender, PURSE, sender=owner)
        world.give.issue(AMOUNT, owner, sender=owner)
        world.funds.donate_token(1, 1, token, AMOUNT, MEMO, sender=owner)
        world.funds.donate_native(1, 1, MEMO, value=AMOUNT, sender=owner) if (
            owner == world.donor
        ) else None
    back_campaigns(world)
    back_projects(world)
    world.staged.report(MEMO, "", sender=world.creator)
    kept = (world.funds, world.give, world.impact, world.factory, *world.campaigns)
    for contract in (world.giving, *kept):
        token.mint(contract, 1)
    for contract in (world.impact, world.failed_coin):
        boa.env.set_balance(contract.address, balance(COIN, contract) + 1)
    world.giving.sweep(token)
    for account in (intruder.address, world.donor):
        token.set_hook(account, intruder)
    return world


def back_campaigns(world):
    """In each state, by the donor and, where it is not its own payee, the intruder."""
    me = world.intruder.address
    world.factory.accept_creator(2, world.creator, True, sender=world.honest)
    world.campaigns = []

    def campaign(charity_id, asset, **terms):
        world.charity_id = charity_id
        found = world.open(asset=asset, strict=False, tiers=[(1, 50)], **terms)
        world.campaigns.append(found)
        for backer in (world.donor, *([me] if charity_id == 2 else [])):
            if asset == COIN:
                found.pledge_native(0, MEMO, value=AMOUNT, sender=backer)
            else:
                asset.approve(found, PURSE, sender=backer)
                found.pledge_token(0, AMOUNT, MEMO, sender=backer)
        return found

    token = world.token
    world.asked, world.asked_coin = campaign(2, token, days=300), campaign(2, COIN, days=300)
    world.failed, world.failed_coin = campaign(2, token), campaign(2, COIN)
    world.rejected = campaign(2, token, milestones=[5_000])
    world.staged = campaign(2, token, milestones=[5_000])
    world.ripe = campaign(2, token, milestones=[5_000])
    world.won, world.won_coin = campaign(1, token), campaign(1, COIN)
    world.own = campaign(1, token, milestones=[5_000])
    # one of these for the intruder to hold
    world.won.pledge_token(0, AMOUNT, MEMO, sender=world.donor)
    for lost in (world.failed, world.failed_coin):
        lost.cancel(sender=world.creator)
    for one, state in [
        (world.rejected, STAGED),
        (world.staged, STAGED),
        (world.ripe, STAGED),
        (world.own, STAGED),
        (world.won, SUCCEEDED),
        (world.won_coin, SUCCEEDED),
    ]:
        assert world.begin(one) == state
    world.rejected.cancel(sender=world.honest)
    assert world.rejected.status().state == REJECTED
    world.ripe.report(MEMO, "", sender=world.creator)
    world.won.transferFrom(world.donor, me, 1, sender=world.donor)


def back_projects(world):
    """All of the honest charity: those backed by both, and those that pay the intruder."""
    me, token, impact = world.intruder.address, world.token, world.impact
    entrepreneur = world.entrepreneur
    world.charity_id, world.payee = 2, world.honest

    def project(asset, payee=entrepreneur, backers=(world.donor,), **terms):
        world.entrepreneur = payee
        found = world.project(asset, goal=3 * AMOUNT, **terms)
        for backer in backers:
            world.gift(found, backer, AMOUNT)
        return found

    both = (world.donor, me)
    world.funding = project(token, backers=both, days=200)
    world.funding_coin = project(COIN, backers=both, days=200)
    world.stopped, world.stopped_coin = project(token, backers=both), project(COIN, backers=both)
    world.voted_on = project(token, backers=both)
    world.released = project(token, me, stages=[5_000, 5_000])
    world.released_coin = project(COIN, me)
    world.loan = project(token, me, is_loan=True)
    world.handed = project(token)
    world.proposed = impact.propose(
        2,
        me,
        SDG,
        token,
        AMOUNT,
        boa.env.timestamp + 200 * DAY,
        [10_000],
        MEMO,
        "",
        False,
        sender=world.honest,
    )
    boa.env.time_travel(seconds=30 * DAY)
    owners = dict.fromkeys((world.stopped, world.stopped_coin), entrepreneur)
    owners |= dict.fromkeys((world.released, world.released_coin, world.loan), me)
    for one, owner in owners.items():
        impact.report(one, 0, MEMO, "", sender=owner)
    for one in (world.stopped, world.stopped_coin):
        impact.vote(one, 0, False, sender=world.donor)
    boa.env.time_travel(seconds=VOTE)
    for one in owners:
        impact.release(one)
    assert [impact.state(one) for one in owners] == [7, 7, 3, 8, 8]
    impact.claim(world.loan)
    impact.repay(world.loan, AMOUNT // 2, MEMO, sender=me)
    impact.report(world.voted_on, 0, MEMO, "", sender=entrepreneur)
    impact.propose_payee(world.handed, me, sender=entrepreneur)
    impact.propose_payee(world.loan, place("new"), sender=me)
    boa.env.time_travel(seconds=PAYEE_DELAY)
    world.entrepreneur = entrepreneur


def inner_calls(world):
    """Every function that changes anything, of every contract, as the intruder could make it."""
    token, me = world.token, world.intruder.address
    calls = {
        "Giving.donate_native": (world.giving.donate_native, (2, MEMO), 5),
        "Giving.donate_token": (world.giving.donate_token, (2, token, 5, MEMO), 0),
        "Giving.donate_token_with_permit": (
            world.giving.donate_token_with_permit,
            (2, token, 5, MEMO, 1, True, *NO_SIGNATURE),
            0,
        ),
        "Giving.donate_cart_native": (world.giving.donate_cart_native, ([2], [5], MEMO), 5),
        "Giving.donate_cart_token": (world.giving.donate_cart_token, (token, [2], [5], MEMO), 0),
        "Giving.donate_cart_token_with_permit": (
            world.giving.donate_cart_token_with_permit,
            (token, [2], [5], MEMO, 1, True, *NO_SIGNATURE),
            0,
        ),
        "Giving.sweep": (world.giving.sweep, (token,), 0),
        "Giving.sweep coin": (world.giving.sweep, (ZERO,), 0),
        "IndexFunds.donate_native": (world.funds.donate_native, (1, 1, MEMO), 5),
        "IndexFunds.donate_token": (world.funds.donate_token, (1, 1, token, 5, MEMO), 0),
        "IndexFunds.donate_token_with_permit": (
            world.funds.donate_token_with_permit,
            (1, 1, token, 5, MEMO, True, *NO_SIGNATURE),
            0,
        ),
        "IndexFunds.claim": (world.funds.claim, (1, 1, 0, token), 0),
        "IndexFunds.claim coin": (world.funds.claim, (1, 1, 0, ZERO), 0),
        "IndexFunds.claim_to": (world.funds.claim_to, (1, 1, 0, token, me), 0),
        "IndexFunds.claim_many": (world.funds.claim_many, ([(1, 1, 0, token.address)],), 0),
        "IndexFunds.drop": (world.funds.drop, (1, 1, 0), 0),
        "IndexFunds.sweep": (world.funds.sweep, (token,), 0),
        "IndexFunds.claimable": (world.funds.claimable, (1, 1, 0, token), 0),
        "IndexFunds.surplus": (world.funds.surplus, (token,), 0),
        "DonaGive.issue": (world.give.issue, (5,), 0),
        "DonaGive.issue_with_permit": (world.give.issue_with_permit, (5, me, *NO_SIGNATURE), 0),
        "DonaGive.redeem": (world.give.redeem, (1, 5), 0),
        "DonaGive.sweep": (world.give.sweep, (token,), 0),
        "DonaGive.transfer": (world.give.transfer, (world.honest, 5), 0),
        "CharityRegistry.propose_payee": (world.registry.propose_payee, (1, place("new")), 0),
        "CharityRegistry.retire": (world.registry.retire, (1, MEMO), 0),
        "CharityRegistry.apply": (world.registry.apply, (MEMO, 1, MEMO, "x"), 0),
        "Vesting.release": (world.vesting.release, (1,), 0),
        "ReceiptBook.mint": (world.receipts.mint, (me, 1, 0, token, 5, MEMO), 0),
        "EcosystemReserve.release": (world.reserve.release, (token, me, 5), 0),
        **of_campaigns(world),
        **of_projects(world),
    }
    return calls


def of_campaigns(world):
    token, me, other = world.token, world.intruder.address, place("new")
    new = world.terms(asset=token)
    return {
        "Campaign.pledge_native": (world.asked_coin.pledge_native, (0, MEMO), 5),
        "Campaign.pledge_token": (world.asked.pledge_token, (0, 5, MEMO), 0),
        "Campaign.pledge_token_with_permit": (
            world.asked.pledge_token_with_permit,
            (0, 5, MEMO, *NO_SIGNATURE),
            0,
        ),
        "Campaign.vote": (world.staged.vote, (False,), 0),
        "Campaign.refund_for": (world.failed.refund_for, (me,), 0),
        "Campaign.refund_for coin": (world.failed_coin.refund_for, (me,), 0),
        "Campaign.refund_for share": (world.rejected.refund_for, (me,), 0),
        "Campaign.refund_for another": (world.failed.refund_for, (world.donor,), 0),
        "Campaign.refund_to": (world.failed.refund_to, (me,), 0),
        "Campaign.refund_to coin": (world.failed_coin.refund_to, (other,), 0),
        "Campaign.refund_to share": (world.rejected.refund_to, (other,), 0),
        "Campaign.refund_many": (world.failed.refund_many, ([me, world.donor],), 0),
        "Campaign.refund_many coin": (world.failed_coin.refund_many, ([me, world.donor],), 0),
        "Campaign.refund_many share": (world.rejected.refund_many, ([world.donor, me],), 0),
        "Campaign.finalise": (world.asked.finalise, (), 0),
        "Campaign.settle": (world.ripe.settle, (), 0),
        "Campaign.claim": (world.won.claim, (), 0),
        "Campaign.claim coin": (world.won_coin.claim, (), 0),
        "Campaign.claim stage": (world.own.claim, (), 0),
        "Campaign.claim_to": (world.won.claim_to, (other,), 0),
        "Campaign.sweep": (world.failed.sweep, (token,), 0),
        "Campaign.sweep share": (world.rejected.sweep, (token,), 0),
        "Campaign.sweep won": (world.won.sweep, (token,), 0),
        "Campaign.sweep coin": (world.failed_coin.sweep, (ZERO,), 0),
        "Campaign.cancel": (world.own.cancel, (), 0),
        "Campaign.report": (world.own.report, (MEMO, "x"), 0),
        "Campaign.transferFrom": (world.won.transferFrom, (me, other, 1), 0),
        "Campaign.safeTransferFrom": (world.won.safeTransferFrom, (me, other, 1), 0),
        "Campaign.approve": (world.won.approve, (other, 1), 0),
        "Campaign.setApprovalForAll": (world.won.setApprovalForAll, (other, True), 0),
        "Campaign.initialise": (world.won.initialise, (1, me, new), 0),
        "Campaign.status": (world.failed.status, (), 0),
        "Campaign.liability": (world.won.liability, (), 0),
        "CampaignFactory.create": (world.factory.create, (1, new), 0),
        "CampaignFactory.accept_creator": (world.factory.accept_creator, (1, me, True), 0),
        "CampaignFactory.sweep": (world.factory.sweep, (token,), 0),
    }


def of_projects(world):
    token, me, other = world.token, world.intruder.address, place("new")
    impact, until = world.impact, boa.env.timestamp + 30 * DAY
    return {
        "ImpactFund.donate_native": (impact.donate_native, (world.funding_coin, MEMO), 5),
        "ImpactFund.donate_token": (impact.donate_token, (world.funding, token, 5, MEMO), 0),
        "ImpactFund.donate_token_with_permit": (
            impact.donate_token_with_permit,
            (world.funding, token, 5, MEMO, 1, *NO_SIGNATURE),
            0,
        ),
        "ImpactFund.vote": (impact.vote, (world.voted_on, 0, False), 0),
        "ImpactFund.refund_for": (impact.refund_for, (world.stopped, me), 0),
        "ImpactFund.refund_for coin": (impact.refund_for, (world.stopped_coin, me), 0),
        "ImpactFund.refund_for another": (impact.refund_for, (world.stopped, world.donor), 0),
        "ImpactFund.refund_to": (impact.refund_to, (world.stopped, other), 0),
        "ImpactFund.refund_many": (impact.refund_many, (world.stopped, [me, world.donor]), 0),
        "ImpactFund.propose": (
            impact.propose,
            (1, other, SDG, token, 5, until, [10_000], MEMO, "", True),
            0,
        ),
        "ImpactFund.accept": (impact.accept, (world.proposed,), 0),
        "ImpactFund.report": (impact.report, (world.released, 1, MEMO, ""), 0),
        "ImpactFund.claim": (impact.claim, (world.released,), 0),
        "ImpactFund.claim coin": (impact.claim, (world.released_coin,), 0),
        "ImpactFund.claim_to": (impact.claim_to, (world.released, other), 0),
        "ImpactFund.propose_payee": (impact.propose_payee, (world.released, other), 0),
        "ImpactFund.accept_payee": (impact.accept_payee, (world.handed,), 0),
        "ImpactFund.cancel_payee": (impact.cancel_payee, (world.loan,), 0),
        "ImpactFund.release": (impact.release, (world.voted_on,), 0),
        "ImpactFund.reject": (impact.reject, (world.handed,), 0),
        "ImpactFund.repay": (impact.repay, (world.loan, 5, MEMO), 0),
        "ImpactFund.lend": (impact.lend, (SDG, token), 0),
        "ImpactFund.sweep": (impact.sweep, (token,), 0),
        "ImpactFund.sweep coin": (impact.sweep, (ZERO,), 0),
        "ImpactFund.claimable": (impact.claimable, (world.released,), 0),
        "ImpactFund.liability": (impact.liability, (token,), 0),
    }


def outer_calls(world):
    """What moves the odd token or the coin from or to the intruder, by whom, for what coin."""
    token, me = world.token, world.intruder.address
    return {
        "gift to it": (world.giving.donate_token, (1, token, AMOUNT, MEMO), world.donor, 0),
        "gift by it": (world.giving.donate_token, (2, token, AMOUNT, MEMO), me, 0),
        "gift in coin to it": (world.giving.donate_native, (1, MEMO), world.donor, AMOUNT),
        "cart to it": (
            world.giving.donate_cart_token,
            (token, [2, 1, 2], [5, AMOUNT, 5], MEMO),
            world.donor,
            0,
        ),
        "cart by it": (
            world.giving.donate_cart_token,
            (token, [2, 2], [5, AMOUNT], MEMO),
            me,
            0,
        ),
        "cart in coin to it": (
            world.giving.donate_cart_native,
            ([2, 1, 2], [5, AMOUNT, 5], MEMO),
            world.donor,
            AMOUNT + 10,
        ),
        "fund gift by it": (world.funds.donate_token, (1, 1, token, AMOUNT, MEMO), me, 0),
        "claim to it": (world.funds.claim, (1, 1, 0, token), world.stranger, 0),
        "claim in coin to it": (world.funds.claim, (1, 1, 0, ZERO), world.stranger, 0),
        "claims to it": (
            world.funds.claim_many,
            ([(1, 1, 0, token.address), (1, 1, 0, ZERO), (1, 1, 1, token.address)],),
            world.stranger,
            0,
        ),
        "issue by it": (world.give.issue, (AMOUNT,), me, 0),
        "redeem by it": (world.give.redeem, (1, AMOUNT), me, 0),
        "pledge by it": (world.asked.pledge_token, (0, AMOUNT, MEMO), me, 0),
        "refund to it": (world.failed.refund_for, (me,), world.stranger, 0),
        "refund in coin to it": (world.failed_coin.refund_for, (me,), world.stranger, 0),
        "refunds to it": (world.failed.refund_many, ([me, world.donor],), world.stranger, 0),
        "refunds in coin to it": (
            world.failed_coin.refund_many,
            ([me, world.donor],),
            world.stranger,
            0,
        ),
        "share to it": (world.rejected.refund_for, (me,), world.stranger, 0),
        "shares to it": (world.rejected.refund_many, ([me, world.donor],), world.stranger, 0),
        "campaign's money to it": (world.won.claim, (), world.stranger, 0),
        "campaign's coin to it": (world.won_coin.claim, (), world.stranger, 0),
        "campaign's token to it": (
            world.won.safeTransferFrom,
            (world.donor, me, 2),
            world.donor,
            0,
        ),
        "project gift by it": (
            world.impact.donate_token,
            (world.funding, token, AMOUNT // 2, MEMO),
            me,
            0,
        ),
        "project refund to it": (
            world.impact.refund_for,
            (world.stopped, me),
            world.stranger,
            0,
        ),
        "project refunds in coin to it": (
            world.impact.refund_many,
            (world.stopped_coin, [me, world.donor]),
            world.stranger,
            0,
        ),
        "project's money to it": (world.impact.claim, (world.released,), world.stranger, 0),
        "project's coin to it": (world.impact.claim, (world.released_coin,), world.stranger, 0),
        "repayment by it": (world.impact.repay, (world.loan, 5, MEMO), me, 0),
    }


OUTER = [
    "gift to it",
    "gift by it",
    "gift in coin to it",
    "cart to it",
    "cart by it",
    "cart in coin to it",
    "fund gift by it",
    "claim to it",
    "claim in coin to it",
    "claims to it",
    "issue by it",
    "redeem by it",
    "pledge by it",
    "refund to it",
    "refund in coin to it",
    "refunds to it",
    "refunds in coin to it",
    "share to it",
    "shares to it",
    "campaign's money to it",
    "campaign's coin to it",
    "campaign's token to it",
    "project gift by it",
    "project refund to it",
    "project refunds in coin to it",
    "project's money to it",
    "project's coin to it",
    "repayment by it",
]
# who holds the odd token, GIVE or the coin at all
HOLDERS = [
    "donor",
    "operations",
    "honest",
    "giving",
    "funds",
    "give",
    "reserve",
    "receipts",
    "impact",
    "factory",
]


def wealth(world, asset):
    """All there is of an asset, wherever it may be."""
    accounts = [getattr(world, name) for name in HOLDERS] + [world.intruder, place("new")]
    return sum(balance(asset, account) for account in [*accounts, *world.campaigns])


def worth(world):
    """What the intruder has of the odd token and of the coin: held, as GIVE, or owed to it by a
    fund, a campaign or a project.
    """
    me, impact = world.intruder.address, world.impact
    of_token = (
        balance(world.token, me)
        + balance(world.give, me)
        + world.funds.claimable(1, 1, 0, world.token)
        + sum(one.refundable(me) for one in (world.failed, world.rejected))
        + sum(unclaimed(one) for one in (world.won, world.own))
        + impact.refundable(world.stopped, me)
        + sum(impact.claimable(one) for one in (world.released, world.loan, world.handed))
    )
    of_coin = (
        balance(COIN, me)
        + world.funds.claimable(1, 1, 0, ZERO)
        + world.failed_coin.refundable(me)
        + unclaimed(world.won_coin)
        + impact.refundable(world.stopped_coin, me)
        + impact.claimable(world.released_coin)
    )
    return of_token, of_coin


def unclaimed(campaign):
    found = campaign.status()
    return found.released - found.claimed


def check_fundraising(world, where):
    """CMP-1 and IMP-1, of all of them."""
    for campaign in world.campaigns:
        asset = COIN if str(campaign.terms().asset) == ZERO else world.token
        found = campaign.status()
        owed = found.raised - found.claimed - found.refunded
        assert campaign.liability() == owed <= balance(asset, campaign), f"CMP-1: {where}"
    for asset in (COIN, world.token):
        assert balance(asset, world.impact) >= world.impact.liability(asset), f"IMP-1: {where}"


def test_the_outer_calls_are_those_listed(world):
    assert list(outer_calls(world)) == OUTER


def test_all_functions_that_change_anything_are_tried(world):
    tried = {name.split(" ")[0] for name in inner_calls(world)}
    for contract, name in (
        (world.giving, "Giving"),
        (world.funds, "IndexFunds"),
        (world.won, "Campaign"),
        (world.factory, "CampaignFactory"),
        (world.impact, "ImpactFund"),
    ):
        for item in contract.abi:
            if item["type"] != "function" or item["stateMutability"] == "view":
                continue
            function = f"{name}.{item['name']}"
            # of the timelock or the guardian, whom the intruder is not
            if function not in tried:
                assert item["name"] in {
                    "list_asset",
                    "unlist_asset",
                    "set_operations",
                    "create_fund",
                    "announce_epoch",
                    "cancel_epoch",
                    "set_guardian",
                    "stop_entries",
                    "resume_entries",
                }, function


def gains(world, before):
    return tuple(after - then for after, then in zip(worth(world), before, strict=True))


# what the intruder may not do at all, or not yet
NEVER = {
    "Giving.sweep",
    "Giving.sweep coin",
    "IndexFunds.drop",
    "ReceiptBook.mint",
    "EcosystemReserve.release",
    "Campaign.finalise",
    "Campaign.initialise",
    "ImpactFund.release",
    "ImpactFund.reject",
}


def test_all_else_would_succeed_at_another_time(world):
    for name, (inner, arguments, coin) in inner_calls(world).items():
        with boa.env.anchor():
            done = boa.env.execute_code(
                to_address=inner.contract.address,
                sender=world.intruder.address,
                value=coin,
                data=inner.prepare_calldata(*arguments),
            )
        assert done.is_success == (name not in NEVER), name


@pytest.mark.parametrize("outer", OUTER)
def test_coming_back_gains_nothing_and_the_books_balance(world, outer):
    function, arguments, sender, coin = outer_calls(world)[outer]
    me = world.intruder.address
    call = function.prepare_calldata(*arguments)
    target = function.contract.address

    def run():
        data, to, by, value = call, target, sender, coin
        if sender == me:
            data = world.intruder.forward.prepare_calldata(target, call, coin)
            to, by, value = me, world.stranger, 0
        return boa.env.execute_code(to_address=to, sender=by, value=value, data=data)

    with boa.env.anchor():
        before = worth(world)
        assert run().is_success
        honest = gains(world, before)

    was_called = 0
    for name, (inner, inner_arguments, inner_coin) in inner_calls(world).items():
        with boa.env.anchor():
            world.intruder.arm(inner.contract, inner.prepare_calldata(*inner_arguments), inner_coin)
            all_before = [wealth(world, asset) for asset in (COIN, world.token)]
            done = run()
            where = f"{outer}, then {name}"
            all_after = [wealth(world, asset) for asset in (COIN, world.token)]
            assert all_after == all_before, f"{where}: money came or went"
            # GIV-1, IXF-1, GVE-1
            world.check()
            owed = sum(world.funds.claimable(1, 1, member, world.token) for member in (0, 1))
            assert owed <= world.funds.liability(world.token), where
            check_fundraising(world, where)
            gained = gains(world, before)
            # half of what it gives to the fund is its own; all else it gives is gone
            assert gained[0] <= max(honest[0], 0) + 1, f"{where}: gained {gained[0]}"
            assert gained[1] <= max(honest[1], 0) + 1, f"{where}: gained {gained[1]} of coin"
            if done.is_success:
                was_called += world.intruder.was_called()
                is_of_funds = name.startswith("IndexFunds.")
                if target == world.funds.address and is_of_funds:
                    assert not world.intruder.has_succeeded(), f"{where}: not locked"
                is_of_give = name in ("DonaGive.issue", "DonaGive.redeem", "DonaGive.sweep")
                if target == world.give.address and is_of_give:
                    assert not world.intruder.has_succeeded(), f"{where}: not locked"
                is_itself = inner.contract.address == target
                if is_itself and name.split(".")[0] in ("Campaign", "ImpactFund"):
                    assert not world.intruder.has_succeeded(), f"{where}: not locked"
    assert was_called > 20, "the hook was hardly ever reached"


@pytest.mark.parametrize("is_measured", [False, True])
def test_a_gift_within_a_gift_to_the_same_payee(world, is_measured):
    """The measured difference would count both; then the outer gift is refused, not overstated."""
    token, giving = world.token, world.giving
    giving.unlist_asset(token, sender=world.timelock)
    giving.list_asset(token, is_measured, sender=world.timelock)
    inner = giving.donate_token.prepare_calldata(2, token, 5, MEMO)
    world.intruder.arm(giving, inner, 0)
    outer = giving.donate_token.prepare_calldata(2, token, 7, MEMO)
    before = balance(token, world.honest)
    done = boa.env.execute_code(
        to_address=world.intruder.address,
        data=world.intruder.forward.prepare_calldata(giving, outer, 0),
    )
    assert done.is_success == (not is_measured)
    assert balance(token, world.honest) - before == (0 if is_measured else 12)
